"""The engine's answers for a log and a definition; the last few are kept with the log."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from cx_widgets.engine._numpy import NumpyEngine, chains_of
from cx_widgets.engine._protocol import CodedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.engine._outcomes import Outcomes
    from cx_widgets.engine._protocol import Bools, Chains, Engine, FunnelPaths, Ints, Purchases, Visits
    from cx_widgets.engine._special import Laid
    from cx_widgets.log import EventLog

_ENGINE: Engine = NumpyEngine()

# Answers are as long as the log: the draft, the baseline and one before are kept, no history.
_KEPT = 3

T = TypeVar("T")


class _Recent(Generic[T]):
    """The last few answers to one question."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._answers: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        answer = compute()
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > self._kept:
                self._answers.popitem(last=False)
        return answer


def coded_rows(log: EventLog, definition: Definition, *, by_row: bool = False) -> CodedRows:
    """Return the rows of the log that lie in a stage of the definition.

    At ties they stand in stage order, or ``by_row`` as in the frame.
    """
    recent: _Recent[CodedRows] = log.memo(("engine", "coded_rows"), _Recent)
    by_row = by_row and log.packed.has_ties
    return recent.get(
        (_assignment(definition), by_row),
        lambda: _ENGINE.code(
            log.packed, definition.stage_of_rows(log), len(definition.stages), by_row=by_row
        ),
    )


def funnel_paths(log: EventLog, definition: Definition) -> FunnelPaths:
    """Return how far each customer of the log gets through the stages, under the rules of the definition."""
    recent: _Recent[FunnelPaths] = log.memo(("engine", "funnel_paths"), _Recent)
    if is_special(definition):
        # Imported here: whoever counts plainly never waits for the special rules.
        from cx_widgets.engine._special import special_funnel  # noqa: PLC0415

        return recent.get(_special_key(definition), lambda: special_funnel(log, definition, _ENGINE))
    window = definition.rules.duration
    ticks = None if window is None else log.to_ticks(window)
    return recent.get(
        (_assignment(definition), ticks), lambda: _ENGINE.funnel(coded_rows(log, definition), ticks)
    )


def is_special(definition: Definition) -> bool:
    """Return whether a rule of the definition is counted off the path of the plain funnel."""
    return not definition.rules.plain or any(stage.special for stage in definition.stages)


def unit_rows(log: EventLog, definition: Definition) -> Laid:
    """Return the rows of the log by unit, where the rules are special."""
    from cx_widgets.engine._special import laid  # noqa: PLC0415

    recent: _Recent[Laid] = log.memo(("engine", "unit_rows"), lambda: _Recent(1))
    return recent.get(_special_key(definition), lambda: laid(log, definition))


def rows_of_unit(log: EventLog, definition: Definition, unit: int) -> Ints:
    """Return the positions of the rows of a unit in the packed log, by time and place in the frame."""
    if definition.rules.unit == "customer":
        return np.arange(*log.packed.offsets[unit : unit + 2])
    at = np.flatnonzero(units_of_rows(log, definition) == unit)
    return at[np.lexsort((log.packed.rows[at], log.packed.ticks[at]))]


def units_of_rows(log: EventLog, definition: Definition) -> Ints:
    """Return the number of the unit of each packed row; -1 for rows of none."""
    from cx_widgets.engine._special import unit_of_rows  # noqa: PLC0415

    recent: _Recent[Ints] = log.memo(("engine", "units_of_rows"), lambda: _Recent(1))
    return recent.get(_special_key(definition), lambda: unit_of_rows(log, definition))


def may_go_on(log: EventLog, definition: Definition, at: Ints) -> Bools:
    """Return which starts may still lead further, by their places among the rows of `unit_rows`."""
    from cx_widgets.engine._special import unclosed  # noqa: PLC0415

    units = unit_rows(log, definition).units
    starts = units.unit[at], units.tick[at], units.clock[at]
    return unclosed(log, definition, units, starts)


def attempt_rows(log: EventLog, definition: Definition) -> CodedRows | None:
    """Return the rows that arrivals and parents of the funnel's levels count; None where it was walked.

    With sessions, journeys or values of a column as units these stand in the place of customers.
    """
    if not is_special(definition):
        return coded_rows(log, definition)
    rows = unit_rows(log, definition).rows
    return rows if isinstance(rows, CodedRows) else None


def outcomes(log: EventLog, definition: Definition) -> Outcomes:
    """Return what became of each line of a funnel that was walked, see `attempt_rows`."""
    from cx_widgets.engine._outcomes import Lengths, walked  # noqa: PLC0415

    def ns(duration: pd.Timedelta | None) -> int | None:
        return None if duration is None else int(duration.as_unit("ns").value)

    def walk() -> Outcomes:
        units = unit_rows(log, definition)
        if isinstance(units.rows, CodedRows):
            raise TypeError("this funnel is not walked")
        lengths = Lengths(
            log.packed.tick_ns,
            ns(definition.rules.duration),
            tuple(ns(stage.window) for stage in definition.stages),
        )
        return walked(units.rows, units.way, lengths, units.n_units)

    recent: _Recent[Outcomes] = log.memo(("engine", "outcomes"), _Recent)
    return recent.get(_special_key(definition), walk)


def _special_key(definition: Definition) -> Hashable:
    # The log has been cut at the end of observation already.
    no_matter = {"retention_period": "30D", "denominator": "entrants", "observation_end": None}
    return definition.stages, definition.rules.replace(no_matter)


def matched(log: EventLog, definition: Definition) -> Chains:
    """Return the rows of the log that carried each customer, or whatever is counted, to its deepest stage."""
    paths = funnel_paths(log, definition)
    return chains_of(coded_rows(log, definition), paths) if paths.chains is None else paths.chains


def visits(log: EventLog, definition: Definition, *, merged: bool = True) -> Visits:
    """Return the visits of the customers of the log to the stages.

    Consecutive rows in one stage are one visit if they are ``merged``, else each is one. Ties follow the rule
    of the definition: as in the frame with ``ties="row"``, else in stage order.
    """
    recent: _Recent[Visits] = log.memo(("engine", "visits"), _Recent)
    by_row = definition.rules.ties == "row" and log.packed.has_ties
    return recent.get(
        (_assignment(definition), by_row, merged),
        lambda: _ENGINE.visits(coded_rows(log, definition, by_row=by_row), merged=merged),
    )


def purchases(log: EventLog, definition: Definition) -> Purchases:
    """Return the purchases; consider and evaluate are the roles of researching stages."""
    recent: _Recent[Purchases] = log.memo(("engine", "purchases"), _Recent)
    buying = stage_numbers(definition, "buy")
    researching = stage_numbers(definition, "consider", "evaluate")
    return recent.get(
        (_assignment(definition), buying, researching),
        lambda: _ENGINE.purchases(coded_rows(log, definition), buying, researching),
    )


def stage_numbers(definition: Definition, *roles: str) -> tuple[int, ...]:
    """Return the numbers, from 1, of the stages with one of the roles."""
    named = {name for role in roles for name in definition.stages_with_role(role)}
    return tuple(number for number, name in enumerate(definition.names, start=1) if name in named)


def _assignment(definition: Definition) -> Hashable:
    """Return what decides which row lies in which stage: neither names, roles nor counting rules do."""
    return tuple((stage.events, stage.where, stage.nth) for stage in definition.stages)
