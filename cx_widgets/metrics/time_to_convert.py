"""Time to convert: how long it takes from one stage to another, with those still on their way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, _runs, stats
from cx_widgets.engine import assigned_events, attempt_rows, calendar_ends, funnel_paths, outcomes
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _attempts, _result
from cx_widgets.metrics._customers import noun
from cx_widgets.metrics._figure import KAPLAN_MEIER, Figure, estimated, interval_text
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

MOST_BINS = 20
"""Classes of the histogram at most."""
MOST_ASKED, AUTO = 60, "auto"

_SECOND, _DAY = 10**9, 86_400 * 10**9
# Widths people read: 1, 2, 5 below a second, then parts of minutes, hours and days, weeks, and 1, 2, 5 again.
_WIDTHS = (
    [step * 10**power for power in range(9) for step in (1, 2, 5)]
    + [seconds * _SECOND for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)]
    + [hours * 3600 * _SECOND for hours in (1, 2, 3, 6, 12)]
    + [days * _DAY for days in (1, 2, 7, 14, 28)]
    + [step * 10**power * _DAY for power in (1, 2, 3) for step in (5, 10, 20)]
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TimeToConvert(Result):
    """How long it takes to convert, from `time_to_convert`.

    Attributes
    ----------
    frame
        The curve: one line for each duration after which somebody converted, see `time_to_convert`.
    from_stage, to_stage
        Names of the two stages.
    median
        The median in seconds with its interval; ``numerator`` of ``denominator`` customers converted.
    customers_total
        Customers who reached ``from_stage``: those under observation.
    converted, open, expired
        Of these: reached ``to_stage``; did not, and were watched for less than their window; did not, and
        were watched until their window closed, or under special rules until an exclusion or the attempt that
        came in its place ended theirs. Without a window nobody's expires.
    mean
        The plain mean time of those who converted; NaT for nobody. Like the histogram it leaves out those
        still on their way.
    """

    from_stage: str
    to_stage: str
    median: Figure
    customers_total: int
    converted: int
    open: int
    expired: int
    mean: pd.Timedelta
    _histogram: pd.DataFrame

    @property
    def histogram(self) -> pd.DataFrame:
        """The times of those who converted, in classes of one width.

        Columns ``start`` (inside), ``stop`` (outside), ``customers``, ``share`` (of those who converted),
        ``lower`` and ``upper`` (Wilson 95 %). By default the width is the least of a list of readable ones
        (1 s, 15 min, 6 h, 7 days and so on, no less than the log's own resolution) with at most 20 classes
        from 0 to the longest time. With ``bins`` the classes begin at the shortest time, and the width is the
        span of the times over their number, rounded up to a whole second (for finer times to the log's own
        resolution); where it divides the span evenly the longest time begins one class more. Empty where
        nobody converted. Those still on their way are not in it, so long times are underrepresented; the
        curve is not so biased.
        """
        return self._histogram.copy()

    def _table(self) -> Table:
        # A curve has as many lines as customers: ten of them, evenly along the share, are read.
        shown = np.unique(np.linspace(0, len(self._frame) - 1, min(10, len(self._frame))).round().astype(int))
        rows = tuple(
            (
                _numbers.timedelta(row["time"]),
                _numbers.percent(row["share"]),
                _numbers.span(row["lower"], row["upper"]),
                _numbers.count(row["at_risk"]),
                _numbers.count(row["converted"]),
            )
            for _, row in self._frame.iloc[shown].iterrows()
        )
        middle = self.median
        band = interval_text(middle.lower, middle.upper, middle.unit)
        median = f"Median {middle.shown()} (95 %: {band}; {middle.method})."
        ended = "window" if self.definition.rules.plain else "end of their attempt"
        cut = f"{self.open:,} cut off by the end of observation, {self.expired:,} by the {ended}"
        notes = (
            f"{median} {middle.note}".rstrip(),
            f"{self.converted:,} converted, {cut}.",
            _result.funnel_rules_note(self.definition),
            _result.unassigned_note(self.unassigned_events),
        )
        columns = ("Within", "Converted", "95 %", "At risk", "At this time")
        title = f"From {self.from_stage} to {self.to_stage}: {noun(self.definition, self.customers_total)}"
        return Table(title, columns, rows, notes)


class _Spells(NamedTuple):
    lasted: Floats
    """Ticks from the first stage to the second, or to where observation was cut off."""
    converted: Bools
    expired: Bools


def time_to_convert(
    log: EventLog,
    definition: Definition,
    *,
    from_stage: str | None = None,
    to_stage: str | None = None,
    bins: int | str | None = None,
) -> TimeToConvert:
    """Return the curve of the time from entry to conversion, those still on their way included.

    **Who.** The customers who reached ``from_stage`` (the first by default); those who also reached
    ``to_stage`` (the last by default) converted. Reaching is that of `funnel`: best attempt, inside the
    window from entry.

    **Which attempt.** Of a customer who converted, the one of `funnel`: the first moment at ``to_stage``,
    from the latest start that gets there by then, with the earliest arrival at ``from_stage`` since
    that start. Of one who did not, the last: the latest start that got to ``from_stage`` (for the first
    stage their last entry), again with the earliest arrival since. Their earlier attempts are over, as
    are those of customers who converted on a later one; and it is the last entry that says who is
    still open.

    **Censoring.** Those who did not convert are cut off at the end of observation or when the window from
    their start closes, whichever is earlier; without a window at the end of observation. At the time of a
    conversion those cut off then still count as at risk.

    **Curve** = 1 - Kaplan-Meier: 1 - the product, over times at which somebody converted, of
    1 - converted / at risk. Its denominator is everybody who reached ``from_stage``. Band: Greenwood's
    variance on the log(-log) scale; undefined where the share is 1.

    **Median.** The first time at which the share is one half or more; where it is exactly one half, the
    middle between that time and the next, so that with nobody cut off it is the plain median:
    ``median_from_entry`` of `funnel`, or ``median_from_previous`` from the stage before. NaN where the
    curve does not get so far. Its interval is where the bounds of the band cross one half.

    **Special rules.** Converted is who has an attempt that went through both stages; of several the one
    that gets to ``to_stage`` first. Of others it is the last attempt that got to ``from_stage`` and met no
    exclusion, or else the last; it is cut off by an exclusion, and by the attempt that took its place. Under
    ``order="any"`` stage k is the k-th that was reached. Sessions, journeys, attempts and values of a column
    have a time each; the band takes them as independent, so where one customer has many it is too narrow.

    **Ties.** Rows of one customer at one time stand in the order of their stages; a time of 0 is possible.
    **Repeats.** A customer counts once. **Empty.** Without customers the frame is empty and the median NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and the rules.
    from_stage, to_stage
        Names of stages, the first before the second.
    bins
        Classes of the histogram: None for a readable width, a number, or ``"auto"`` for the cube root of
        those who converted, rounded up.

    Returns
    -------
    TimeToConvert
        ``frame`` has the columns ``time``, ``share`` (converted by then), ``lower``, ``upper``, ``at_risk``
        (just before), ``converted`` (at this time), ``censored`` (cut off at or after this time and before
        the next line), ``method``.

    Raises
    ------
    CXError
        For an unknown stage, stages in the wrong order, a definition of one stage, ``bins`` that are none, a
        window in events or sessions, and when the definition does not fit the log.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958). Journal of the American Statistical Association 53, 457-481.
    Kalbfleisch, J. D. and Prentice, R. L. (1980). The Statistical Analysis of Failure Time Data.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c", "c"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02", "2026-01-01", "2026-01-06"],
    ...     "what": ["ad", "order", "ad", "ad", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> curve = time_to_convert(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
    >>> curve.frame[["time", "at_risk"]]
        time  at_risk
    0 2 days        3
    1 5 days        1
    >>> curve.frame["share"].round(3).tolist()
    [0.333, 1.0]
    >>> curve.median.value / 86400
    5.0
    """
    log, definition = _result.check(log, definition)
    counted = definition.rules.counted_window
    if counted is not None and counted.kind != "calendar":
        raise CXError(
            f"time_to_convert cuts off those who did not convert when their window closes, and a window of "
            f"{counted} closes with rows, at no time of its own. Give one in time: "
            "definition.with_rules(window='30D')."
        )
    start, end = _stages(definition, from_stage, to_stage)
    classes = _classes(bins)
    return log.memo(
        ("time_to_convert", definition, start, end, classes),
        lambda: _time_to_convert(log, definition, start, end, classes),
    )


def _classes(bins: object) -> int | str | None:
    if bins is None:
        return None
    if isinstance(bins, str) and bins == AUTO:
        return AUTO
    if isinstance(bins, int | np.integer) and not isinstance(bins, bool) and 1 <= bins <= MOST_ASKED:
        return int(bins)
    raise CXError(
        f"bins={bins!r} are no classes. Give a whole number from 1 to {MOST_ASKED}, 'auto', or None for "
        "classes of a readable width."
    )


def _stages(definition: Definition, from_stage: str | None, to_stage: str | None) -> tuple[int, int]:
    names = definition.names
    for name in (from_stage, to_stage):
        if name is not None and name not in names:
            raise unknown("stage", name, names)
    if len(names) == 1:
        raise CXError(
            f"a time to convert runs between two stages, and this definition has one: {names[0]!r}. "
            "Add the stage customers convert at."
        )
    first = names[0] if from_stage is None else from_stage
    last = names[-1] if to_stage is None else to_stage
    start, end = names.index(first) + 1, names.index(last) + 1
    if start >= end:
        raise CXError(
            f"from_stage must come before to_stage: {first!r} is stage {start}, {last!r} is stage {end}. "
            f"The order is {list(names)!r}."
        )
    return start, end


def _spells(log: EventLog, definition: Definition, start: int, end: int) -> _Spells:
    rows = attempt_rows(log, definition)
    if rows is None:
        return _walked_spells(log, definition, start, end)
    paths = funnel_paths(log, definition)
    origin, goal = paths.levels[start - 1], paths.levels[end - 1]
    began = _attempts.starts(rows, paths)[start - 1]
    # The last attempt of everybody, from the earliest arrival of its start.
    together = _runs.begins(rows.customer[origin.arrival]) | _runs.begins(began)
    earliest = np.maximum.accumulate(np.where(together, np.arange(len(together)), 0))
    last = _attempts.last_arrivals(rows, origin)
    clock = rows.tick[origin.arrival[earliest[last]]].astype(np.int64)
    lasted, expired = _cut(log, definition, clock, began[last])
    # The attempt that converted, of those who did.
    converted = paths.reach[origin.customer] >= end
    since = origin.arrival[_attempts.roots(paths, goal.first, start=start, end=end)]
    lasted[converted] = goal.reached.astype(np.int64) - rows.tick[since]
    return _Spells(lasted, converted, expired & ~converted)


def _cut(
    log: EventLog, definition: Definition, clock: Ints, began: Ints, over: Floats | None = None
) -> tuple[Floats, Bools]:
    """Return how long attempts were watched from a tick on, and which were over before observation was."""
    lasted = (log.packed.end_tick - clock).astype(np.float64)
    left = np.full(len(lasted), np.inf) if over is None else over - clock
    window, counted = definition.rules.duration, definition.rules.counted_window
    if window is not None:
        left = np.minimum(left, (began - clock) + int(window.as_unit("ns").value) / log.packed.tick_ns)
    if counted is not None:
        ends = calendar_ends(log, began, counted.number, counted.unit, definition.rules.time_zone)
        left = np.minimum(left, ends - clock)
    return np.minimum(lasted, left), lasted >= left


def _walked_spells(log: EventLog, definition: Definition, start: int, end: int) -> _Spells:
    attempts = outcomes(log, definition).attempts
    origin, goal = attempts.arrivals[:, start - 1], attempts.arrivals[:, end - 1]
    here = np.flatnonzero((attempts.subject >= 0) & (origin >= 0))
    origin, goal = origin[here], goal[here]
    # An optional stage may be reached on an attempt that had gone past it before.
    graceful = definition.rules.grace is not None
    done = (goal >= 0) & (graceful | (goal >= origin))
    order = np.lexsort(
        (
            -attempts.start[here],
            np.where(done, attempts.level[here], ~attempts.going[here]),
            np.where(done, goal, 0),
            ~done,
            attempts.subject[here],
        )
    )
    best = order[_runs.begins(attempts.subject[here][order])]
    chosen, origin, goal, converted = here[best], origin[best], goal[best], done[best]
    over = np.where(attempts.going[chosen], np.inf, attempts.over[chosen].astype(np.float64))
    lasted, expired = _cut(log, definition, origin, attempts.start[chosen], over)
    lasted = np.maximum(np.where(converted, goal - origin, lasted), 0.0)
    return _Spells(lasted, converted, expired & ~converted)


def _time_to_convert(
    log: EventLog, definition: Definition, start: int, end: int, bins: int | str | None
) -> TimeToConvert:
    spells = _spells(log, definition, start, end)
    curve = stats.kaplan_meier(spells.lasted, spells.converted)
    total, converted, expired = len(spells.lasted), int(spells.converted.sum()), int(spells.expired.sum())
    first, last = definition.names[start - 1], definition.names[end - 1]
    frame = pd.DataFrame(
        {
            "time": log.durations(curve.time),
            "share": 1 - curve.survival,
            "lower": 1 - curve.upper,
            "upper": 1 - curve.lower,
            "at_risk": curve.at_risk,
            "converted": curve.events,
            "censored": curve.at_risk - curve.events - np.append(curve.at_risk[1:], 0)[: len(curve.time)],
            "method": KAPLAN_MEIER,
        }
    )
    return TimeToConvert(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        from_stage=first,
        to_stage=last,
        median=_median(log, curve, total=total, converted=converted, first=first, last=last),
        customers_total=total,
        converted=converted,
        open=total - converted - expired,
        expired=expired,
        mean=log.durations([spells.lasted[spells.converted].mean() if converted else np.nan])[0],
        _histogram=_histogram(log, spells.lasted[spells.converted], bins),
        _frame=frame,
        _log=log,
    )


def _median(
    log: EventLog, curve: stats.Survival, *, total: int, converted: int, first: str, last: str
) -> Figure:
    value, lower, upper = curve.median
    half = np.flatnonzero(np.abs(curve.survival - 0.5) < 1e-12)  # noqa: PLR2004 - a product of fractions that is one half on paper
    if len(half) and half[0] + 1 < len(curve.time):
        value = float(curve.time[half[0]] + curve.time[half[0] + 1]) / 2
    note = "" if total else f"Nobody reaches {first!r}."
    if total and np.isnan(value):
        note = "Fewer than half are estimated to convert in the time observed."
    return estimated(
        "time_to_convert",
        f"Time from {first} to {last} (median)",
        "seconds",
        stats.Estimate(*(_result.to_seconds(log, ticks) for ticks in (value, lower, upper))),
        numerator=converted,
        denominator=total,
        method=KAPLAN_MEIER,
        note=note,
    )


def _histogram(log: EventLog, times: Floats, bins: int | str | None) -> pd.DataFrame:
    tick_ns = log.packed.tick_ns
    ns = times.astype(np.int64) * tick_ns
    longest = int(ns.max(initial=0))
    begin = 0
    if bins is None:
        fit = (width for width in _WIDTHS if width >= tick_ns and longest // width < MOST_BINS)
        width = next(fit, _WIDTHS[-1])
    else:
        begin = int(ns.min()) if len(ns) else 0
        number = min(_cube_root_up(len(ns)), MOST_ASKED) if isinstance(bins, str) else bins
        grain = tick_ns if (ns % _SECOND).any() else _SECOND
        width = max(-(-(longest - begin) // (max(number, 1) * grain)) * grain, grain)
    count = np.bincount((ns - begin) // width) if len(ns) else np.empty(0, dtype=np.int64)
    if bins is not None and len(ns):
        count = np.pad(count, (0, max(number - len(count), 0)))
    lower, upper = stats.wilson(count, np.full(len(count), len(ns)))
    edges = begin + np.arange(len(count) + 1, dtype=np.int64) * width
    return pd.DataFrame(
        {
            "start": pd.TimedeltaIndex(edges[:-1].view("m8[ns]")),
            "stop": pd.TimedeltaIndex(edges[1:].view("m8[ns]")),
            "customers": count,
            "share": stats.ratio(count, np.full(len(count), len(ns))),
            "lower": lower,
            "upper": upper,
        }
    )


def _cube_root_up(number: int) -> int:
    """Return the least whole number whose cube is no less."""
    root = math.floor(math.cbrt(number) + 0.5)
    return root if root * root * root >= number else root + 1
