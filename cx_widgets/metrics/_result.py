"""What every result has in common: a table, the definition behind it, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets._html import escape
from cx_widgets._numbers import sentence
from cx_widgets._text import own_rules
from cx_widgets.binding import as_log
from cx_widgets.definition import Definition
from cx_widgets.durations import format_duration
from cx_widgets.engine import middles
from cx_widgets.errors import CXError, a_kind, unknown
from cx_widgets.metrics._lines import WhenAsked, cells_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cx_widgets.engine import Bytes, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cells

MERGED, KEPT = "merged", "kept"
MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class Table:
    """A result as people read it: a title, columns of text, and what stands under them.

    Attributes
    ----------
    title
        One line.
    columns
        Headings. Those in the places ``words`` stand over words, the rest over numbers, to the right.
    rows
        Cells, one for each heading.
    notes
        Sentences under the table.
    words
        Places of the word columns, from 0.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    words: tuple[int, ...] = (0,)

    def text(self) -> str:
        """Return the table in fixed-width characters."""
        lines = [tuple(_one_line(cell) for cell in line) for line in (self.columns, *self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]

        def aligned(line: tuple[str, ...]) -> str:
            cells = (
                cell.ljust(width) if i in self.words else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            return "  ".join(cells).rstrip()

        around = [_one_line(text) for text in (self.title, *self.notes)]
        return "\n".join([around[0], *(aligned(line) for line in lines), *around[1:]])

    def html(self) -> str:
        """Return the table as an HTML fragment; everything in it is escaped."""

        def cell(opening: str, text: str, place: int) -> str:
            tag, align = opening[:2], "left" if place in self.words else "right"
            style = f"text-align:{align};font-variant-numeric:tabular-nums"
            return f'<{opening} dir="auto" style="{style}">{escape(text)}</{tag}>'

        head = "".join(cell('th scope="col"', text, i) for i, text in enumerate(self.columns))
        body = "".join(
            "<tr>" + "".join(cell("td", text, i) for i, text in enumerate(row)) + "</tr>" for row in self.rows
        )
        notes = "".join(f"<div><small>{escape(note)}</small></div>" for note in self.notes)
        return (
            f'<div class="cx-result"><table><caption style="text-align:left">{escape(self.title)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}</div>"
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result:
    """A table of figures with the definition that made it.

    Attributes
    ----------
    definition
        The definition the figures were counted by.
    n_customers
        Customers in the log, with or without an event in a stage.
    unassigned_events
        Events of the log that lie in no stage.
    """

    definition: Definition
    n_customers: int
    unassigned_events: int
    if TYPE_CHECKING:
        _frame: pd.DataFrame
    else:
        _frame: WhenAsked = WhenAsked()
    _log: EventLog = field(metadata={"why": "customers behind a figure are looked up when asked for"})

    @property
    def frame(self) -> pd.DataFrame:
        """The table, a copy that may be changed."""
        return self._frame.copy()

    def columns(self) -> Cells:
        """Return the table column by column as lists of plain values, the index first.

        Durations are in seconds, and what is undefined is NaN: what a program needs that shows the table or
        sends it on, without a frame in between.
        """
        return cells_of(self._frame)

    def _table(self) -> Table:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()


def _one_line(text: str) -> str:
    """Return a text in one line: names may hold line breaks."""
    return " ".join(text.split())


def check(log: object, definition: object) -> tuple[EventLog, Definition]:
    """Return the log and the definition, or refuse them: wrong types, or events the log does not have.

    The log is cut at the end of observation the rules set, so that no metric sees a later row.
    """
    log = as_log(log)
    if not isinstance(definition, Definition):
        raise CXError(
            f"the definition is {a_kind(definition)}. Make a Definition of it first: "
            'cx.Definition({"Consider": ["ad"], "Buy": ["order"]}).'
        )
    definition.require(log)
    end = definition.rules.observation_end
    return log if end is None else log.until(end), definition


def most_frequent(counts: pd.Series, what: str) -> tuple[pd.Index, tuple[str, ...]]:
    """Return which lines of a long table people are shown, in their order, and the note that says so."""
    if len(counts) <= MOST_LINES:
        return counts.index, ()
    places = np.sort(np.argsort(-counts.to_numpy(), kind="stable")[:MOST_LINES])
    note = f"The {MOST_LINES} most frequent of {len(counts):,} {what}; .frame holds all."
    return counts.index[places], (note,)


def unassigned_note(events: int) -> str:
    """Return the sentence on events outside all stages."""
    return f"{events:,} {'event lies' if events == 1 else 'events lie'} in no stage."


def whole(name: str, number: object, usual: int, least: int = 1) -> int:
    """Return a whole number from 1 (or another least one), or refuse it."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise CXError(f"{name} must be a whole number from {least}, not {number!r}. Say {name}={usual}.")
    return int(number)


def check_repeats(repeats: object) -> str:
    """Return what becomes of consecutive events of one stage, or refuse it."""
    if not isinstance(repeats, str) or repeats not in (MERGED, KEPT):
        then = "'merged' makes one visit of consecutive events of a stage, 'kept' makes each event one."
        raise unknown("repeats", repeats, (MERGED, KEPT), then=then)
    return repeats


def visits_note(definition: Definition, repeats: str) -> str:
    """Return what a visit is, as a sentence."""
    what = (
        "A visit is a run of events in one stage; events in no stage do not interrupt it"
        if repeats == MERGED
        else "Each event in a stage is a visit of its own; events in no stage are left out"
    )
    order = "as they stand in the frame" if definition.rules.ties == "row" else "in stage order"
    return f"{what}; ties {order}."


def visitors_note(events: int, customers: int) -> str:
    """Return the sentence on events outside all stages and customers without any inside."""
    have = "customer has" if customers == 1 else "customers have"
    return f"{unassigned_note(events)} {customers:,} {have} no event in a stage."


def open_note(customers: int) -> str:
    """Return the sentence on customers who may still convert."""
    return f"{customers:,} {'customer is' if customers == 1 else 'customers are'} still open."


def funnel_rules_note(definition: Definition) -> str:
    """Return the rules of the funnel as one sentence."""
    rules = definition.rules
    if not rules.plain or any(stage.special for stage in definition.stages):
        ways, counted = rules.describe()
        own = [f"{stage.name}: {rule}" for stage in definition.stages for rule in own_rules(stage)]
        return f"{sentence('; '.join([ways, *own]))}. {sentence(counted.rpartition('; ')[0])}."
    inside = (
        "no window"
        if rules.duration is None
        else f"within {format_duration(rules.duration)} of entry (end included)"
    )
    shares = "" if rules.denominator == "entrants" else "; shares of all customers"
    if rules.observation_end is not None:
        shares += f"; observed until {rules.observation_end.isoformat(sep=' ')}"
    return (
        f"Stages in order, others may lie between; {inside}; best attempt; ties in stage order; "
        f"each row serves one stage; counted by customer{shares}."
    )


def to_seconds(log: EventLog, ticks: float) -> float:
    """Return a number of ticks of the log in seconds."""
    return ticks * log.packed.tick_ns / 1e9


def median_ticks(values: Ints) -> float:
    """Return the median of ticks, the mean of the middle two for an even number, NaN for none."""
    return medians_of_ticks([values])[0]


def medians_of_ticks(groups: Sequence[Ints]) -> list[float]:
    """Return the median of each of some groups of ticks, NaN for one without any."""
    there = [len(group) > 0 for group in groups]
    medians = np.full(len(groups), np.nan)
    low, high = middles([group for group in groups if len(group)])
    medians[there] = (low.astype(np.float64) + high.astype(np.float64)) / 2
    return medians.tolist()


def names_at(names: Sequence[str], numbers: Ints | Bytes) -> pd.Categorical:
    """Return stage numbers (from 1) as names in the order of the stages; 0 is missing."""
    kind = pd.CategoricalDtype(pd.Index(names), ordered=True)
    return pd.Categorical.from_codes(numbers.astype(np.int64) - 1, dtype=kind)
