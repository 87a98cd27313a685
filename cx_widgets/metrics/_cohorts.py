"""Who began when, in which periods since they came back, and for whom those periods are over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import stats
from cx_widgets._runs import begins
from cx_widgets.metrics._activity import Activity, What, activity, presence
from cx_widgets.metrics._calendar import Cut, Grid, end_ns, grid

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """The question, checked: what makes a cohort, what counts as coming back, and how time is counted."""

    start: What
    back: What
    kind: str
    clock: str
    period: Cut | pd.Timedelta
    by: Cut
    cohort: str
    brackets: tuple[int, ...] | None
    periods: int | None

    @property
    def far(self) -> bool:
        """Whether who came back in a column came back in those before it, too."""
        return self.kind in ("on or after", "streak")


@dataclass(frozen=True, slots=True, eq=False)
class Began:
    """Who began, and when: one entry for each customer, or for each customer and period.

    Attributes
    ----------
    customer, cohort, tick
        Who, the number of the cohort, and when.
    over
        How many periods since were wholly observed.
    """

    customer: Ints
    cohort: Ints
    tick: Ints
    over: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Came:
    """In which periods since they came back: ascending pairs of an entry of `Began` and a period."""

    entry: Ints
    period: Ints


def facts(log: EventLog, definition: Definition, asked: Asked) -> tuple[Began, Came, Int64s]:
    """Return who began, when they came back, and the edges of the columns in periods."""
    cohorts = grid(log, definition, asked.by)
    starts = activity(log, definition, asked.start)
    backs = starts if asked.back == asked.start else activity(log, definition, asked.back)
    if isinstance(asked.period, Cut):
        periods = grid(log, definition, asked.period)
        recurring = asked.cohort == "recurring"
        began, own = _began(starts, cohorts, periods, recurring=recurring)
        came = _recurring(began, own, backs, periods) if recurring else _came(began, own, backs, periods)
        most = max(len(periods) - 1, 0)
    else:
        length = int(asked.period.as_unit("ns").value)
        began = _by_clock(log, starts, cohorts, length)
        came = _came_by_clock(log, began, backs, length)
        most = max(end_ns(log), 0) // length
    last = most if asked.periods is None else min(asked.periods, most)
    return began, came, _columns(asked, last)


def _columns(asked: Asked, last: int) -> Int64s:
    """Return where the columns of the matrix begin, and where the last one ends."""
    if asked.kind != "bracket":
        return np.arange(last + 2, dtype=np.int64)
    if asked.brackets is not None:
        return np.array(asked.brackets, dtype=np.int64)
    doubling = np.append(0, 1 << np.arange(int(last + 1).bit_length() + 1, dtype=np.int64))
    return doubling[: int(np.searchsorted(doubling, last + 1)) + 1]


def _began(starts: Activity, cohorts: Grid, periods: Grid, *, recurring: bool) -> tuple[Began, Ints]:
    """Return who began on the calendar, and the number of the period of each start."""
    if recurring:
        seen = presence(starts, periods)
        customer, tick, own = seen.customer, seen.first, seen.period
    else:
        at = np.flatnonzero(begins(starts.customer))
        customer, tick = starts.customer[at], starts.tick[at]
        own = periods.number(tick)
    cohort = own if cohorts is periods else cohorts.number(tick)
    return Began(customer, cohort, tick, np.maximum(periods.complete - own, 0)), own


def _owners(began: Began, backs: Activity) -> tuple[Ints, Ints]:
    """Return the rows of those who began, at or after their start, and whose they are."""
    if not len(began.customer) or not len(backs.customer):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    size = int(max(began.customer[-1], backs.customer[-1])) + 1
    entry = np.full(size, -1, dtype=np.int32)
    entry[began.customer] = np.arange(len(began.customer), dtype=np.int32)
    owner = entry[backs.customer]
    rows = np.flatnonzero((owner >= 0) & (backs.tick >= began.tick[owner]))
    return rows, owner[rows]


def _came(began: Began, own: Ints, backs: Activity, periods: Grid) -> Came:
    rows, owner = _owners(began, backs)
    since = periods.number(backs.tick[rows]) - own[owner]
    new = begins(owner, since)
    return Came(owner[new], since[new])


def _recurring(began: Began, own: Ints, backs: Activity, periods: Grid) -> Came:
    """Return the pairs of recurring cohorts: each start with each later period of the customer's."""
    seen = presence(backs, periods)
    if not len(own) or not len(seen.period):
        return Came(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    width = len(periods)
    keys = seen.customer.astype(np.int64) * width + seen.period
    at = np.searchsorted(keys, began.customer.astype(np.int64) * width + own)
    # In the period of the start itself only rows at or after it count.
    here = np.minimum(at, len(keys) - 1)
    same = (at < len(keys)) & (seen.customer[here] == began.customer) & (seen.period[here] == own)
    at = at + (same & (seen.last[here] < began.tick))
    ends = np.searchsorted(seen.customer, began.customer, side="right")
    many = ends - at
    entry = np.repeat(np.arange(len(own)), many)
    place = np.arange(len(entry)) - np.repeat(np.cumsum(many) - many, many) + at[entry]
    return Came(entry, seen.period[place] - own[entry])


def _by_clock(log: EventLog, starts: Activity, cohorts: Grid, length: int) -> Began:
    at = np.flatnonzero(begins(starts.customer))
    customer, tick = starts.customer[at], starts.tick[at]
    waited = end_ns(log) - tick.astype(np.int64) * log.packed.tick_ns
    return Began(customer, cohorts.number(tick), tick, waited // length)


def _came_by_clock(log: EventLog, began: Began, backs: Activity, length: int) -> Came:
    rows, owner = _owners(began, backs)
    waited = backs.tick[rows].astype(np.int64) - began.tick[owner]
    since = waited * log.packed.tick_ns // length
    new = begins(owner, since)
    return Came(owner[new], since[new])


def reached(asked: Asked, began: Began, came: Came, edges: Int64s) -> tuple[Came, Ints]:
    """Return the pairs as columns of the matrix, and how many columns of each entry were wholly observed.

    Of a kind that asks for all columns up to one, there is one pair for each entry: the furthest column.
    """
    n_columns = len(edges) - 1
    over = np.searchsorted(edges[1:], began.over, side="right")
    if asked.kind == "on or after":
        at = np.flatnonzero(begins(came.entry))
        ends = np.append(at[1:], len(came.entry)) - 1 if len(at) else at
        return Came(came.entry[at], np.minimum(came.period[ends], n_columns - 1)), over
    if asked.kind == "streak":
        later = came.period > 0
        entry, period = came.entry[later], came.period[later]
        firsts = np.flatnonzero(begins(entry))
        # The n-th period they came back in is period n as long as there is no gap.
        rank = np.arange(1, len(entry) + 1) - np.repeat(firsts, np.diff(np.append(firsts, len(entry))))
        run = np.bincount(entry[rank == period], minlength=len(began.customer))
        everybody = np.arange(len(began.customer))
        return Came(everybody, np.minimum(run, n_columns - 1)), over
    column = np.searchsorted(edges, came.period, side="right") - 1
    inside = (column >= 0) & (column < n_columns)
    entry, column = came.entry[inside], column[inside]
    if asked.kind == "bracket":
        new = begins(entry, column)
        entry, column = entry[new], column[new]
    return Came(entry, column), over


def returned_in(asked: Asked, began: Began, came: Came, edges: Int64s, period: int) -> NDArray[np.bool_]:
    """Return which entries came back in the column that begins with a period."""
    pairs, _ = reached(asked, began, came, edges)
    column = int(np.searchsorted(edges, period))
    hit = pairs.period >= column if asked.far else pairs.period == column
    there = np.zeros(len(began.customer), dtype=bool)
    there[pairs.entry[hit]] = True
    return there


def begun(log: EventLog, definition: Definition, asked: Asked, cohorts: Grid) -> Int64s:
    """Return for each cohort the last period since that had begun for whoever began at once."""
    first = np.maximum(cohorts.edges[:-1], 0)
    if isinstance(asked.period, Cut):
        periods = grid(log, definition, asked.period)
        return len(periods) - 1 - np.searchsorted(periods.edges[1:-1], first, side="right")
    length = int(asked.period.as_unit("ns").value)
    begun: Int64s = (end_ns(log) - first * log.packed.tick_ns) // length
    return begun


def clustered_bounds(began: Began, hits: Came, over: Ints, last: int, *, far: bool) -> tuple[Floats, Floats]:
    """Return the bounds of each column where customers are in several cohorts.

    Of each customer x starts are mature in a column and y of them came back; no table of customers by columns
    is made for the sums of their squares and products.
    """
    owner = np.cumsum(begins(began.customer)) - 1
    tried = owner[over > 0], np.minimum(over[over > 0], last) - 1
    inside = hits.period < last
    came = owner[hits.entry[inside]], hits.period[inside]
    x, xx, clusters = _up_to(tried[0], tried[1], last)
    if far:
        y, yy, _ = _up_to(came[0], came[1], last)
        whose, column = (np.concatenate([mature, back]) for mature, back in zip(tried, came, strict=True))
        # (x + y)^2 = xx + 2 xy + yy, and x + y counts starts and comings back alike.
        xy = (_up_to(whose, column, last)[1] - xx - yy) / 2
    else:
        # By column and inside it, as before, by customer. Sixteen bits are sorted in linear time.
        order = np.argsort(came[1].astype(np.uint16) if last < 1 << 16 else came[1], kind="stable")
        whose, column = came[0][order], came[1][order]
        at = np.flatnonzero(begins(whose, column))
        many = np.diff(np.append(at, len(whose)))
        whose, column = whose[at], column[at]
        # Of one customer earlier starts are mature in more columns, so these keys ascend.
        keys = owner * (last + 1) + (last - np.minimum(over, last))
        firsts = np.flatnonzero(begins(began.customer))
        mature = np.searchsorted(keys, whose * (last + 1) + (last - column)) - firsts[whose]
        y, yy, xy = (
            np.bincount(column, weights=weights, minlength=last).astype(np.float64)
            for weights in (many, many * many, many * mature)
        )
    return stats.clustered_wilson(y, x, success_squares=yy, products=xy, trial_squares=xx, clusters=clusters)


def _up_to(owner: Ints, column: Ints, last: int) -> tuple[Floats, Floats, Floats]:
    """Return for each column the sum, the sum of squares and the number of owners' counts.

    An owner's count in a column is how many of its items lie in that column or a later one. The n-th of them,
    from the last column down, takes the square from (n - 1)^2 to n^2, by 2 n - 1.
    """
    falls = (owner[1:] > owner[:-1]) | ((owner[1:] == owner[:-1]) & (column[1:] <= column[:-1]))
    if not falls.all():
        order = np.lexsort((-column, owner))
        owner, column = owner[order], column[order]
    firsts = np.flatnonzero(begins(owner))
    nth = np.arange(1, len(owner) + 1) - np.repeat(firsts, np.diff(np.append(firsts, len(owner))))

    def summed(weights: Ints | Bools) -> Floats:
        sums = np.bincount(column, weights=weights, minlength=last).astype(np.float64)
        return sums[::-1].cumsum()[::-1]

    return summed(np.ones(len(nth), dtype=np.int64)), summed(2 * nth - 1), summed(nth == 1)
