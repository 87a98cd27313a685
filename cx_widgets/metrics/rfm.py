"""RFM: how recently, how often and for how much buyers bought, as scores and as segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.durations import parse_duration
from cx_widgets.engine import assigned_events
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._buyers import bought, spending
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import WILSON
from cx_widgets.metrics._rank_shares import METHOD, Axis, Scored
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

Span: TypeAlias = "int | tuple[int, int] | None"
"""One score, the lowest and the highest of several, or any (None)."""

Rule: TypeAlias = "tuple[Span, Span, Span]"
"""Scores of recency, frequency and monetary value."""

_Spans: TypeAlias = "tuple[tuple[int, int], tuple[int, int], tuple[int, int]]"

MEASURES = ("recency", "frequency", "monetary")
OTHER = "(other)"
SEGMENTS: dict[str, Rule] = {
    "Champions": (5, (4, 5), None),
    "Loyal": ((3, 4), (4, 5), None),
    "Potential loyalists": ((4, 5), (2, 3), None),
    "New": (5, 1, None),
    "Promising": (4, 1, None),
    "Need attention": (3, 3, None),
    "About to sleep": (3, (1, 2), None),
    "Cannot lose them": ((1, 2), 5, None),
    "At risk": ((1, 2), (3, 4), None),
    "Hibernating": ((1, 2), (1, 2), None),
}
"""The segments by scores from 1 to 5: a table in common use, which every pair of scores is in once."""

_FIFTHS = 5
_MOST_BINS = 10
_ANY = (1, _MOST_BINS)
_LEFT_OUT = "Monetary value is left out: the log has no value column."


@dataclass(frozen=True, slots=True)
class _Asked:
    bins: int
    cuts: tuple[tuple[float, ...] | None, tuple[float, ...] | None, tuple[float, ...] | None]
    """Of recency in nanoseconds."""
    mean: bool
    segments: tuple[tuple[str, tuple[_Spans, ...]], ...]
    fifths: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """One entry for each buyer, in customer order; no monetary value where the log has none."""

    customer: Ints
    measures: tuple[NDArray[np.generic], ...]
    scores: tuple[Ints, ...]
    cuts: tuple[Floats, ...]
    segment: Ints
    spent: Floats | None


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RFM(Result):
    """Buyers by recency, frequency and monetary value, from `rfm`.

    Attributes
    ----------
    frame
        One line for each segment, see `rfm`.
    buyers
        Customers with a purchase.
    cuts
        The cut points of each measure, ascending: of recency durations, of the others numbers.
    note
        What is left out, or nothing.
    """

    buyers: int
    cuts: Mapping[str, tuple[object, ...]]
    note: str
    _asked: _Asked
    _grid: pd.DataFrame

    @property
    def scores(self) -> pd.DataFrame:
        """Every buyer: the measures, their scores from 1 to the number of bins, and the segment.

        Indexed by the customers' ids, with ``recency`` (a duration), ``frequency``, ``monetary``,
        ``recency_score``, ``frequency_score``, ``monetary_score`` and ``segment``. Without a value column
        there is no monetary column.
        """
        found = _scored(self._log, self.definition, self._asked)
        columns: dict[str, object] = dict(zip(MEASURES, found.measures, strict=False))
        columns["recency"] = self._log.durations(found.measures[0])
        columns |= {f"{name}_score": score for name, score in zip(MEASURES, found.scores, strict=False)}
        names = [name for name, _ in self._asked.segments]
        kind = pd.CategoricalDtype([*names, OTHER])
        columns["segment"] = pd.Categorical.from_codes(found.segment, dtype=kind)
        return pd.DataFrame(columns, index=self._log.customer_ids.take(found.customer))

    @property
    def grid(self) -> pd.DataFrame:
        """Buyers by their scores of recency and frequency.

        Indexed by ``recency`` and ``frequency``, the scores from 1 up, with ``numerator`` (buyers there),
        ``denominator`` (all buyers), ``value``, ``lower``, ``upper``, ``method`` (as in ``frame``) and
        ``monetary`` (mean; missing without a value column).
        """
        return self._grid.copy()

    def customers(
        self,
        segment: str | None = None,
        *,
        recency: int | None = None,
        frequency: int | None = None,
        monetary: int | None = None,
    ) -> pd.DataFrame:
        """Return the buyers of a segment, or with given scores, one line each.

        Parameters
        ----------
        segment
            The name of a segment; by default all.
        recency, frequency, monetary
            Scores; by default any.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown segment or score, and for a monetary score without a value column.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "b", "b"], "when": ["2026-01-01", "2026-01-05", "2026-01-09"],
        ...                    "what": "order"})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.rfm(log, cx.Definition({"Buy": ["order"]}), bins=2)
        >>> list(result.customers(recency=2).index)
        ['b']
        """
        found = _scored(self._log, self.definition, self._asked)
        names = [*(name for name, _ in self._asked.segments), OTHER]
        chosen = np.ones(len(found.customer), dtype=bool)
        if segment is not None:
            if segment not in names:
                raise unknown("segment", segment, names)
            chosen &= found.segment == names.index(segment)
        for place, score in enumerate((recency, frequency, monetary)):
            if score is None:
                continue
            if place >= len(found.scores):
                raise CXError("the log has no value column, so nobody has a monetary score. Leave it out.")
            there = range(1, len(found.cuts[place]) + 2)
            if isinstance(score, bool) or score not in there:
                raise unknown(f"score of {MEASURES[place]}", score, there)
            chosen &= found.scores[place] == score
        return customer_table(self._log, by_customer(self.definition), found.customer[chosen])

    def _table(self) -> Table:
        rows = tuple(
            (
                str(name),
                _numbers.count(line["numerator"]),
                _numbers.percent(float(line["value"])),
                _numbers.span(float(line["lower"]), float(line["upper"])),
                _numbers.timedelta(line["recency"]),
                _numbers.amount(float(line["frequency"])),
                _numbers.amount(float(line["monetary"])),
                _numbers.percent(float(line["revenue_share"])),
            )
            for name, line in self._frame.iterrows()
        )
        heads = (
            *("Segment", "Buyers", "Share", "95 %", "Recency (median)", "Frequency (mean)"),
            *("Monetary (mean)", "Of revenue"),
        )
        notes = (
            f"{self.buyers:,} of {self.n_customers:,} customers bought.",
            "A score is 1 and one more for each cut point beaten: less recency, more of the others.",
            *([self.note] if self.note else []),
            _result.unassigned_note(self.unassigned_events),
        )
        return Table("Recency, frequency, monetary value", heads, rows, notes)


def rfm(
    log: EventLog,
    definition: Definition,
    *,
    bins: int = 5,
    cuts: Mapping[str, Sequence[object]] | None = None,
    monetary: str = "total",
    segments: Mapping[str, Rule | Sequence[Rule]] | None = None,
) -> RFM:
    """Return buyers scored by recency, frequency and monetary value, and the segments they make.

    Everybody with a purchase is a buyer; a purchase is a distinct time with a row in a stage with the role
    buy, as in `loyalty`.

    - **Recency**: time from a buyer's last purchase to the end of observation.
    - **Frequency**: purchases.
    - **Monetary**: sum of the value column over the rows of the purchases, missing values as 0; with
      ``monetary="mean"`` that sum / purchases. Without a value column it is left out, and the note says so.

    **Scores** go from 1 (worst) to the number of bins (best): 1 + the cut points the buyer beats. A cut
    point of recency is beaten by less, one of frequency or monetary value by more; **ties**: who stands
    exactly on it does not beat it, so equal values have equal scores and go to the lower one. Cut points are
    the quantiles 1/bins, 2/bins, ... of the buyers (linear interpolation), or those given. Where many are
    alike (most bought once), quantiles fall together and scores between stay empty.

    **Segments** are read off the table from the top, and the first line that fits counts; who fits none is
    ``"(other)"``. The usual table is in fifths and looks at recency and frequency: Champions 5 and 4-5,
    Loyal 3-4 and 4-5, Potential loyalists 4-5 and 2-3, New 5 and 1, Promising 4 and 1, Need attention 3
    and 3, About to sleep 3 and 1-2, Cannot lose them 1-2 and 5, At risk 1-2 and 3-4, Hibernating 1-2 and
    1-2. With another number of bins a score s counts as the fifth its middle lies in, 5 (s - 1/2) / bins
    rounded up. They name scores and foretell nothing; `lifetime_value` does.

    **Value** = ``numerator`` (buyers of the segment) / ``denominator`` (all buyers). Cut points that are
    quantiles move with the buyers they are taken from, which steadies the shares: a buyer counts with what
    they move the cut points, and the bounds are Student's, widened for skewness. With cut points given, and
    where all or no buyers are in the segment, they are Wilson's.
    **Repeats**: each buyer counts once. **Censoring**: who came late had less time to buy often; scores do
    not make up for it. **Empty**: nobody bought gives segments of nobody and NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    bins
        How many scores, 2 to 10.
    cuts
        Cut points by measure, ascending, such as ``{"recency": ["30D", "90D"], "frequency": [1, 4]}``; the
        measures not named have quantiles.
    monetary
        ``"total"`` or ``"mean"``.
    segments
        Names with a rule, or several: the scores of recency, frequency and monetary value, each a score, a
        pair (lowest, highest), or None for any.

    Returns
    -------
    RFM
        ``frame`` is indexed by ``segment``, with ``numerator``, ``denominator``, ``value``, ``lower``,
        ``upper``, ``method``, ``recency`` (median), ``frequency`` and ``monetary`` (means), ``revenue``
        (sum) and ``revenue_share``.

    Raises
    ------
    CXError
        When no stage has the role buy, a cut point, a number of bins or a rule makes no sense, a rule asks
        for monetary value and there is none, or the definition does not fit the log.

    References
    ----------
    Bult, J. R. and Wansbeek, T. (1995). Optimal selection for direct mail. Marketing Science 14, 378-394.
    The table of segments is the one in common use for grids of recency and frequency.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "b", "b", "c", "c", "c"],
    ...     "when": ["2026-01-01", "2026-01-02", "2026-01-20", "2026-01-03", "2026-01-21", "2026-01-31"],
    ...     "what": "order", "paid": [5.0, 10.0, 10.0, 20.0, 30.0, 50.0],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what", value="paid")
    >>> result = rfm(log, cx.Definition({"Buy": ["order"]}), bins=3)
    >>> result.scores[["recency_score", "frequency_score", "monetary_score", "segment"]]
         recency_score  frequency_score  monetary_score         segment
    who
    a                1                1               1     Hibernating
    b                2                2               2  Need attention
    c                3                3               3       Champions
    """
    log, definition = _result.check(log, definition)
    asked = _ask(bins, cuts, monetary, segments)
    return log.memo(("rfm", definition, asked), lambda: _rfm(log, definition, asked))


def _ask(bins: object, cuts: object, monetary: object, segments: object) -> _Asked:
    number = _result.whole("bins", bins, _FIFTHS)
    if not 2 <= number <= _MOST_BINS:  # noqa: PLR2004 - two sides of one cut
        raise CXError(f"bins must be a whole number from 2 to {_MOST_BINS}, not {number}. Say bins=5.")
    if monetary not in ("total", "mean"):
        raise unknown("monetary", monetary, ("total", "mean"))
    given = {} if cuts is None else cuts
    if not isinstance(given, Mapping):
        raise CXError(f"cuts={cuts!r} is no mapping. Say cuts={{'frequency': [1, 4]}}.")
    for name in given:
        if name not in MEASURES:
            raise unknown("measure in cuts", name, MEASURES)
    found = [_points(name, given[name]) if name in given else None for name in MEASURES]
    return _Asked(
        number,
        (found[0], found[1], found[2]),
        monetary == "mean",
        _rules(SEGMENTS if segments is None else segments),
        fifths=segments is None,
    )


def _points(measure: str, points: object) -> tuple[float, ...]:
    example = "['30D', '90D']" if measure == "recency" else "[1, 4]"
    wrong = CXError(
        f"the cut points of {measure} must be 1 to {_MOST_BINS - 1} ascending "
        f"{'durations' if measure == 'recency' else 'numbers'}, not {points!r}. Say "
        f"cuts={{{measure!r}: {example}}}."
    )
    if isinstance(points, str) or not isinstance(points, tuple | list):
        raise wrong
    found: list[float] = []
    for point in points:
        if measure == "recency":
            found.append(float(parse_duration(point, "cuts").as_unit("ns").value))
        elif (
            isinstance(point, int | float | np.number) and not isinstance(point, bool) and np.isfinite(point)
        ):
            found.append(float(point))
        else:
            raise wrong
    if not 1 <= len(found) < _MOST_BINS or any(not low < high for low, high in pairwise(found)):
        raise wrong
    return tuple(found)


def _rules(segments: object) -> tuple[tuple[str, tuple[_Spans, ...]], ...]:
    if not isinstance(segments, Mapping) or not segments:
        raise CXError(
            f"segments={segments!r} is no mapping of names to rules. Say "
            "segments={'Best': (5, (4, 5), None)}: scores of recency, frequency and monetary value."
        )
    found = []
    for name, given in segments.items():
        if not isinstance(name, str) or not name or name == OTHER:
            raise CXError(f"a segment is called {name!r}. Give it a name, other than {OTHER!r}.")
        several = isinstance(given, list) or (
            isinstance(given, tuple)
            and all(isinstance(part, tuple) and len(part) == len(MEASURES) for part in given)
        )
        found.append((name, tuple(_spans(name, rule) for rule in (given if several else [given]))))
    return tuple(found)


def _spans(name: str, rule: object) -> _Spans:
    wrong = CXError(
        f"the rule of segment {name!r} is {rule!r}. Give three scores, of recency, frequency and monetary "
        "value, each a score, a pair (lowest, highest), or None for any: (5, (4, 5), None)."
    )
    if not isinstance(rule, tuple | list) or len(rule) != len(MEASURES):
        raise wrong
    spans = []
    for part in rule:
        ends = _ANY if part is None else part if isinstance(part, tuple | list) else (part, part)
        if len(ends) != 2 or not all(isinstance(end, int) and not isinstance(end, bool) for end in ends):  # noqa: PLR2004 - two ends
            raise wrong
        low, high = ends
        if not 1 <= low <= high:
            raise wrong
        spans.append((low, high))
    return (spans[0], spans[1], spans[2])


def _quantiles(values: NDArray[np.generic], bins: int) -> Floats:
    if not len(values):
        return np.zeros(0)
    return np.quantile(values.astype(np.float64), np.arange(1, bins) / bins)


def _scored(log: EventLog, definition: Definition, asked: _Asked) -> _Scored:
    _, who = bought(log, definition)
    recency = who.end_tick - who.last
    spent = spending(log, definition)
    money = None if spent is None else spent.total[who.customer]
    measures: tuple[NDArray[np.generic], ...] = (recency, who.bought)
    if money is not None:
        measures = (*measures, money / who.bought if asked.mean else money)
    given = asked.cuts
    in_ticks = None if given[0] is None else tuple(ns / log.packed.tick_ns for ns in given[0])
    cuts = tuple(
        _quantiles(measure, asked.bins) if points is None else np.array(points)
        for measure, points in zip(measures, (in_ticks, *given[1:]), strict=False)
    )
    beaten = [np.searchsorted(points, measure) for points, measure in zip(cuts, measures, strict=True)]
    # Less is better: the cut points above it are those it beats.
    beaten[0] = len(cuts[0]) - np.searchsorted(cuts[0], recency, side="right")
    scores = tuple((1 + number).astype(np.int64) for number in beaten)
    segment = _segments(cuts, asked)[tuple(score - 1 for score in scores)]
    return _Scored(who.customer, measures, scores, cuts, segment, money)


def _segments(cuts: tuple[Floats, ...], asked: _Asked) -> Ints:
    """Return the number of the segment of each combination of scores; the last is of those who fit none."""
    sizes = [len(points) + 1 for points in cuts]
    found: Ints = np.full(tuple(sizes), len(asked.segments), dtype=np.int64)
    axes: list[Ints] = []
    for size in sizes:
        score = np.arange(1, size + 1)
        axes.append(np.ceil(_FIFTHS * (score - 0.5) / size).astype(np.int64) if asked.fifths else score)
    # From the last line to the first: the first one that fits is written last and stays.
    for number, (name, rules) in reversed(list(enumerate(asked.segments))):
        for rule in rules:
            if rule[2] != _ANY and len(sizes) < len(MEASURES):
                raise CXError(
                    f"segment {name!r} asks for a monetary score, and the log has no value column. Name it: "
                    "cx.EventLog(..., value='price'), or say None there."
                )
            for measure, size, (low, _) in zip(MEASURES, sizes, rule, strict=False):
                if low > size and not asked.fifths:
                    raise CXError(
                        f"segment {name!r} asks for a {measure} score of {low}, and scores go from 1 to "
                        f"{size}. Say one of them, or more bins."
                    )
            fits: list[Bools] = [
                (low <= axis) & (axis <= high) for axis, (low, high) in zip(axes, rule, strict=False)
            ]
            found[np.ix_(*fits)] = number
    return found


def _rfm(log: EventLog, definition: Definition, asked: _Asked) -> RFM:
    found = _scored(log, definition, asked)
    buyers = len(found.customer)
    durations = tuple(log.durations(found.cuts[0]))
    cuts: dict[str, tuple[object, ...]] = {"recency": durations}
    cuts |= {name: tuple(points.tolist()) for name, points in zip(MEASURES[1:], found.cuts[1:], strict=False)}
    axes = [
        Axis(
            values.astype(np.float64), points, scores, less_is_better=name == "recency", by_rank=given is None
        )
        for name, values, points, scores, given in zip(
            MEASURES, found.measures, found.cuts, found.scores, asked.cuts, strict=False
        )
    ]
    spread = Scored(axes)
    method = WILSON if all(points is not None for points in asked.cuts[: len(axes)]) else METHOD
    return RFM(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        buyers=buyers,
        cuts=cuts,
        note="" if found.spent is not None else _LEFT_OUT,
        _asked=asked,
        _grid=_grid(found, spread, method),
        _frame=_frame(log, found, spread, asked, method),
        _log=log,
    )


def _shares(spread: Scored, kind: Ints, kinds: int, method: str) -> dict[str, object]:
    counts, lower, upper = spread.shares(kind, kinds)
    return {
        "numerator": counts.astype(np.int64),
        "denominator": int(spread.counts.sum()),
        "value": stats.ratio(counts, spread.counts.sum()),
        "lower": lower,
        "upper": upper,
        "method": method,
    }


def _frame(log: EventLog, found: _Scored, spread: Scored, asked: _Asked, method: str) -> pd.DataFrame:
    names = [name for name, _ in asked.segments]
    kept = len(names) + bool((found.segment == len(names)).any())
    counts = np.bincount(found.segment, minlength=kept)[:kept]

    def means(values: NDArray[np.generic]) -> Floats:
        sums = np.bincount(found.segment, weights=values.astype(np.float64), minlength=kept)
        return stats.ratio(sums[:kept], counts)

    missing = np.full(kept, np.nan)
    revenue = missing
    if found.spent is not None:
        revenue = np.bincount(found.segment, weights=found.spent, minlength=kept)[:kept].astype(np.float64)
    recency = found.measures[0]
    middles = [_result.median_ticks(recency[found.segment == number]) for number in range(kept)]
    columns = {
        **_shares(spread, _segments(found.cuts, asked), kept, method),
        "recency": log.durations(np.array(middles, dtype=np.float64)),
        "frequency": means(found.measures[1]),
        "monetary": means(found.measures[2]) if found.spent is not None else missing,
        "revenue": revenue,
        "revenue_share": stats.ratio(revenue, np.full(kept, revenue.sum())),
    }
    index = pd.Index([*names, OTHER][:kept], name="segment", dtype=str)
    return pd.DataFrame(columns, index=index)


def _grid(found: _Scored, spread: Scored, method: str) -> pd.DataFrame:
    rows, columns = (len(points) + 1 for points in found.cuts[:2])
    cell = (found.scores[0] - 1) * columns + found.scores[1] - 1
    counts = np.bincount(cell, minlength=rows * columns)
    monetary = np.full(rows * columns, np.nan)
    if found.spent is not None:
        sums = np.bincount(cell, weights=found.measures[2].astype(np.float64), minlength=rows * columns)
        monetary = stats.ratio(sums, counts)
    index = pd.MultiIndex.from_product([_counted(rows), _counted(columns)], names=["recency", "frequency"])
    kind = np.arange(rows * columns).reshape(rows, columns, *(1 for _ in found.cuts[2:]))
    shares = _shares(spread, np.broadcast_to(kind, spread.sizes), rows * columns, method)
    return pd.DataFrame({**shares, "monetary": monetary}, index=index)


def _counted(number: int) -> Iterable[int]:
    return range(1, number + 1)
