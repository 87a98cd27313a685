"""What customers do that counts: the rows of a stage, of an event, or of the stages that buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from cx_widgets._runs import begins
from cx_widgets.binding import stages_of_rows
from cx_widgets.definition import Definition, Stage
from cx_widgets.engine import coded_rows, stage_numbers
from cx_widgets.errors import CXError, unknown

if TYPE_CHECKING:
    from cx_widgets.engine import Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._calendar import Grid

What: TypeAlias = str | Stage | None
"""The name of a stage or else of an event; a stage of its own; None for the stages with the role buy."""


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Rows that count, by customer and time.

    Attributes
    ----------
    customer, tick
        One entry for each row.
    """

    customer: Ints
    tick: Ints


def known(log: EventLog, definition: Definition, what: object, field: str) -> str | Stage | None:
    """Return what was asked for, or refuse what is neither a stage nor an event of the log."""
    if isinstance(what, Stage):
        Definition([what.replace(role=None)]).require(log)
        return what
    if what is None:
        if not stage_numbers(definition, "buy"):
            raise CXError(
                "no stage has the role 'buy'. Give one that role, "
                f"definition.set_role({definition.names[-1]!r}, 'buy'), or say {field}= with a stage, "
                "an event or a cx.Stage."
            )
        return None
    if not isinstance(what, str):
        raise CXError(
            f"{field}={what!r} is neither a stage nor an event. Give a name, or a cx.Stage with its events."
        )
    if what in definition.names or what in log.event_names:
        return str(what)
    raise unknown(f"stage or event in {field}", what, [*definition.names, *log.event_names])


def label(definition: Definition, what: What) -> str:
    """Return in words what counts."""
    if isinstance(what, Stage):
        return what.name
    return " or ".join(definition.stages_with_role("buy")) if what is None else what


def activity(log: EventLog, definition: Definition, what: What) -> Activity:
    """Return the rows that count."""
    numbers: tuple[int, ...]
    if what is None:
        numbers = stage_numbers(definition, "buy")
    elif isinstance(what, str) and what in definition.names:
        numbers = (definition.names.index(what) + 1,)
    else:
        own = what if isinstance(what, Stage) else Stage("(event)", [what], role=None)
        at = np.flatnonzero(stages_of_rows([own], log)[0])
        return Activity(log.packed.customers[at], log.packed.ticks[at])
    rows = coded_rows(log, definition)
    if len(numbers) == 1:
        at = np.flatnonzero(rows.stage == numbers[0])
    else:
        at = np.flatnonzero(np.isin(np.arange(256), numbers)[rows.stage])
    return Activity(rows.customer[at], rows.tick[at])


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """In which periods customers were active: one entry for each customer and period, in order.

    Attributes
    ----------
    customer, period
        Who, and the number of the period.
    first, last
        Ticks of the first and of the last row there.
    """

    customer: Ints
    period: Ints
    first: Ints
    last: Ints


def presence(active: Activity, periods: Grid) -> Presence:
    """Return in which periods customers were active."""
    number = periods.number(active.tick)
    at = np.flatnonzero(begins(active.customer, number))
    ends = np.append(at[1:], len(number)) - 1 if len(at) else at
    return Presence(active.customer[at], number[at], active.tick[at], active.tick[ends])
