"""Purchase gaps: how long buyers wait before they buy again, with the gap still open cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events
from cx_widgets.errors import unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._buyers import bought
from cx_widgets.metrics._figure import KAPLAN_MEIER
from cx_widgets.metrics._ordered_survival import ordered_survival
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

ALL_GAPS = "(all gaps)"
EACH_CUSTOMER = "(customers alike)"

_CLUSTERED = "Kaplan-Meier, log-log 95%, clustered by customer"
_WANG_CHANG = "Wang and Chang, no interval"
_QUARTERS = (0.25, 0.75)
_MOST_CLASSES = 30


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """The times between purchases, by customer and time; the last one of each customer is still open.

    Attributes
    ----------
    customer
        Whose.
    number
        From which purchase to the next, 1 for the gap after the first.
    length
        Ticks to the next purchase, or to the end of observation.
    ended
        Whether the next purchase was seen.
    """

    customer: Ints
    number: Ints
    length: Ints
    ended: Bools

    def of(self, chosen: Bools) -> Gaps:
        """Return some of the gaps."""
        return Gaps(self.customer[chosen], self.number[chosen], self.length[chosen], self.ended[chosen])


def gaps_of(log: EventLog, definition: Definition) -> Gaps:
    """Return the gaps after every purchase."""
    made, _ = bought(log, definition)
    ended = np.append(made.repeat[1:], False)[: len(made.repeat)]
    tick = made.tick.astype(np.int64)
    length = np.append(tick[1:], 0)[: len(tick)] - tick
    length[~ended] = log.packed.end_tick - tick[~ended]
    begins = np.flatnonzero(~made.repeat)
    sizes = np.diff(np.append(begins, len(tick)))
    number = np.arange(len(tick)) - np.repeat(begins, sizes) + 1
    return Gaps(made.customer, number, length, ended)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PurchaseGaps(Result):
    """How long buyers wait before they buy again, from `purchase_gaps`.

    Attributes
    ----------
    frame
        One line for each gap, then one for all of them and one for customers alike; see `purchase_gaps`.
    """

    def curve(self, gap: str = ALL_GAPS) -> pd.DataFrame:
        """Return the share of gaps that have ended by a time (1 - Kaplan-Meier).

        Parameters
        ----------
        gap
            A line of the frame.

        Returns
        -------
        pandas.DataFrame
            Columns ``time``, ``share``, ``lower``, ``upper`` and ``at_risk``, one line for each length that
            occurs. Of customers alike there is no band and nobody is counted at risk.

        Raises
        ------
        CXError
            For an unknown gap.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "a", "b", "c"], "what": "order",
        ...                    "when": ["2026-01-01", "2026-01-03", "2026-01-01", "2026-01-06"]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> cx.purchase_gaps(log, cx.Definition({"Buy": ["order"]})).curve("1 to 2")["share"].tolist()
        [0.5]
        """
        if gap not in self._frame.index:
            raise unknown("gap", gap, self._frame.index)
        every = gaps_of(self._log, self.definition)
        if gap == EACH_CUSTOMER:
            time, survival = stats.weighted_kaplan_meier(*_alike(every))
            missing = np.full(len(time), np.nan)
            lower, upper, at_risk = missing, missing, missing
        else:
            mine = _gap(every, gap)
            found = stats.kaplan_meier(mine.length, mine.ended)
            if gap == ALL_GAPS:
                order = np.argsort(mine.length)
                ended = mine.ended[order]
                effect = ordered_survival(mine.length[order], ended).effect(mine.customer[order], ended)
                found = stats.widened(found, effect**0.5)
            time, survival, at_risk = found.time, found.survival, found.at_risk.astype(np.float64)
            lower, upper = 1 - found.upper, 1 - found.lower
        columns = {"share": 1 - survival, "lower": lower, "upper": upper, "at_risk": at_risk}
        return pd.DataFrame({"time": self._log.durations(time), **columns})

    def distribution(self, classes: int | None = None) -> pd.DataFrame:
        """Return how many of the gaps that ended are how long, in classes of equal width from 0.

        Long gaps are missing here as far as the log is too short to hold them; the curve makes up for that.

        Parameters
        ----------
        classes
            How many; by default the cube root of the number of gaps, rounded up, 30 at most.

        Returns
        -------
        pandas.DataFrame
            Columns ``start`` (inside), ``stop`` (outside, but for the last), ``gaps`` and ``share``.
        """
        every = gaps_of(self._log, self.definition)
        lengths = every.length[every.ended]
        usual = min(int(np.ceil(np.cbrt(len(lengths)))), _MOST_CLASSES) or 1
        number = _result.whole("classes", usual if classes is None else classes, usual)
        if not len(lengths):
            number = 0
        counts, ends = np.histogram(lengths, bins=max(number, 1), range=(0, max(lengths.max(initial=1), 1)))
        times = self._log.durations(ends)
        return pd.DataFrame(
            {
                "start": times[:-1][:number],
                "stop": times[1:][:number],
                "gaps": counts[:number],
                "share": stats.ratio(counts, len(lengths))[:number],
            }
        )

    def _table(self) -> Table:
        rows = tuple(
            (
                str(name),
                _numbers.count(line["numerator"]),
                _numbers.count(line["denominator"]),
                *(
                    _numbers.timedelta(line[key])
                    for key in ("value", "lower", "upper", "quarter", "three_quarters")
                ),
                str(line["method"]),
            )
            for name, line in self._frame.iterrows()
        )
        heads = ("Purchase", "Seen", "Of", "Median", "95 % from", "to", "First quarter", "Third", "Method")
        notes = (
            "The last gap of every buyer is open and cut off at the end of observation.",
            "Customers with short gaps have many of them: customers alike gives each the same weight.",
            _result.unassigned_note(self.unassigned_events),
        )
        return Table("Time between purchases", heads, rows, notes, words=(0, 8))


def purchase_gaps(log: EventLog, definition: Definition, *, most: int = 3) -> PurchaseGaps:
    """Return how long it takes from one purchase to the next: medians, quartiles, and curves on demand.

    A purchase is a distinct time with a row in a stage with the role buy, as in `loyalty`. After every
    purchase of a customer begins a **gap**; it ends with the next purchase. The last gap of each customer is
    open: it is **censored** at the end of observation, and all figures are of 1 - Kaplan-Meier, which
    reckons with that. A plain mean over the gaps seen would be too short.

    - ``"1 to 2"``, ``"2 to 3"``, ...: the gap after the first purchase (the time to the second purchase, as
      in `loyalty`), after the second, ... Everybody has at most one, so the intervals are those of
      independent customers. From the second gap on who buys slowly is cut off sooner (gaps of one
      customer are alike, and less time was left), so these medians are somewhat too short.
    - ``"(all gaps)"``: all of them. Customers with short gaps have many, so this is a figure of purchases,
      not of customers. Its band is widened by the design effect by customer at the median: the variance of
      the curve there with the gaps of a customer taken together, over that with all gaps apart, 1 at
      least.
    - ``"(customers alike)"``: the gap of a customer drawn at random, by Wang and Chang: whoever has bought
      again gives the gaps that ended, each by 1 / their number; who has not, the open one. It has no interval
      here.

    **Value**: the median, undefined where less than half of the gaps are estimated to end.
    ``numerator``: gaps that ended. ``denominator``: gaps, open ones too. **Ties**: rows of one time are one
    purchase. **Empty**: nobody bought, or the gap does not occur: NaT with 0.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    most
        How many gaps after the first purchase have a line of their own.

    Returns
    -------
    PurchaseGaps
        ``frame`` is indexed by ``gap``, with ``numerator``, ``denominator``, ``value``, ``lower``, ``upper``
        (durations), ``method``, and the times by which a ``quarter`` and ``three_quarters`` have ended.

    Raises
    ------
    CXError
        When no stage has the role buy, ``most`` is no whole number from 1, or the definition does not fit
        the log.

    References
    ----------
    Wang, M.-C. and Chang, S.-H. (1999). Nonparametric estimation of a recurrent survival function. Journal
    of the American Statistical Association 94, 146-153.
    Lin, D. Y., Sun, W. and Ying, Z. (1999). Nonparametric estimation of the gap time distributions for
    serial events with censored data. Biometrika 86, 59-70.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "a", "b", "b", "c"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-09", "2026-01-01", "2026-01-05", "2026-01-08"],
    ...     "what": "order",
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = purchase_gaps(log, cx.Definition({"Buy": ["order"]}), most=2)
    >>> result.frame[["numerator", "denominator", "value"]]
                       numerator  denominator  value
    gap
    1 to 2                     2            3 2 days
    2 to 3                     1            2 6 days
    (all gaps)                 3            6 4 days
    (customers alike)          3            4 4 days
    """
    log, definition = _result.check(log, definition)
    lines = _result.whole("most", most, 3)
    return log.memo(("purchase_gaps", definition, lines), lambda: _purchase_gaps(log, definition, lines))


def _gap(every: Gaps, name: str) -> Gaps:
    return every if name == ALL_GAPS else every.of(every.number == int(name.partition(" ")[0]))


def _alike(every: Gaps) -> tuple[Ints, Bools, Floats]:
    """Return lengths, whether they ended, and weights, as Wang and Chang take them."""
    kept = every.ended | (every.number == 1)
    chosen = every.of(kept)
    ended = np.bincount(every.customer[every.ended], minlength=int(every.customer.max(initial=0)) + 1)
    return chosen.length, chosen.ended, 1 / np.maximum(ended, 1)[chosen.customer]


def _purchase_gaps(log: EventLog, definition: Definition, most: int) -> PurchaseGaps:
    every = gaps_of(log, definition)
    # One sort serves all lines: what is left out of a sorted list leaves it sorted.
    order = np.argsort(every.length)
    every = Gaps(every.customer[order], every.number[order], every.length[order], every.ended[order])
    deepest = min(most, int(every.number.max(initial=1)))
    names = [f"{number} to {number + 1}" for number in range(1, deepest + 1)]
    lines: list[tuple[object, ...]] = []
    for name in (*names, ALL_GAPS):
        found = _gap(every, name)
        curve = ordered_survival(found.length, found.ended)
        effect = curve.effect(found.customer, found.ended) if name == ALL_GAPS else 1.0
        quarters = (curve.reached(share) for share in _QUARTERS)
        method = _CLUSTERED if name == ALL_GAPS else KAPLAN_MEIER
        median = curve.median(effect)
        lines.append((int(found.ended.sum()), len(found.length), *median, *quarters, method))
    length, ended, weight = _alike(every)
    alike = ordered_survival(length, ended, weight)
    times = [alike.reached(share) for share in (0.5, *_QUARTERS)]
    lines.append((int(ended.sum()), len(ended), times[0], np.nan, np.nan, *times[1:], _WANG_CHANG))
    table = list(zip(*lines, strict=True))
    durations = [log.durations(np.array(ticks, dtype=np.float64)) for ticks in table[2:7]]
    columns = dict(zip(("value", "lower", "upper", "quarter", "three_quarters"), durations, strict=True))
    frame = pd.DataFrame(
        {
            "numerator": table[0],
            "denominator": table[1],
            **{name: columns[name] for name in ("value", "lower", "upper")},
            "method": table[7],
            **{name: columns[name] for name in ("quarter", "three_quarters")},
        },
        index=pd.Index([*names, ALL_GAPS, EACH_CUSTOMER], name="gap", dtype=str),
    )
    return PurchaseGaps(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        _frame=frame,
        _log=log,
    )
