"""Loyalty: who buys again, how soon, without looking around again, and who recommends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import stats
from cx_widgets.durations import format_duration
from cx_widgets.engine import LONGEST_CURVE, assigned_events, at_once, buyers, in_order, stage_numbers
from cx_widgets.metrics import _recommend, _result
from cx_widgets.metrics._buyers import NO_BUY, NO_VALUE, NOBODY, spending
from cx_widgets.metrics._figure import (
    KAPLAN_MEIER,
    MEAN,
    NAN,
    ODDS,
    WILSON,
    Figure,
    FigureResult,
    Influence,
    clustered_share,
    estimated,
    frame_of,
    undefined,
)
from cx_widgets.metrics._lines import Lines, when_asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Buyers, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._figure import Moved
    from cx_widgets.metrics._lines import Cells
    from cx_widgets.metrics._result import Table

    Floats = NDArray[np.float64]

_PURCHASE_NOTE = "A purchase is a moment at which a customer has events in a stage with the role 'buy'."


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Loyalty(FigureResult):
    """Loyalty figures, from `loyalty`; ``result["repeat_rate"]`` is one of them.

    Attributes
    ----------
    frame
        One line for each figure, see `loyalty`.
    """

    _retention: Lines

    def retention_columns(self) -> Cells:
        """Return the table of `retention` column by column as `columns` does."""
        return self._retention.cells()

    @property
    def retention(self) -> pd.DataFrame:
        """The retention curve: for each period since the first purchase the share of buyers who bought in it.

        Columns ``period``, ``retained``, ``mature``, ``rate``, ``lower``, ``upper`` (Wilson 95 %). Period k
        runs from k to k + 1 retention periods after the customer's first purchase, the end excluded; it is
        1 in period 0 by definition. Only buyers for whom the whole period lies before the end of
        observation count (``mature``). The curve ends with the last period that has one.
        """
        return self._retention.frame()

    @property
    def second_purchase(self) -> pd.DataFrame:
        """The share of buyers who bought again by a time since their first purchase (1 - Kaplan-Meier).

        Columns ``time``, ``share_repeated``, ``lower``, ``upper`` (log-log 95 %) and ``at_risk``; buyers
        who have not bought again are censored at the end of observation.
        """
        log = self._log
        who = buyers(log, self.definition)
        curve = stats.kaplan_meier(who.until_second, who.repeated, in_order=in_order)
        return pd.DataFrame(
            {
                "time": log.durations(curve.time),
                "share_repeated": 1 - curve.survival,
                "lower": 1 - curve.upper,
                "upper": 1 - curve.lower,
                "at_risk": curve.at_risk,
            }
        )

    def _table(self) -> Table:
        notes = (
            _PURCHASE_NOTE,
            f"The retention period is {format_duration(self.definition.rules.retention_period)}.",
            _result.unassigned_note(self.unassigned_events),
        )
        return self._figure_table(f"Loyalty of {self.n_customers:,} customers", notes)


def loyalty(log: EventLog, definition: Definition) -> Loyalty:
    """Return who buys again, how soon, whether they looked around again, and whether they recommend.

    What the stages stand for is their role (`Definition.role`). A **purchase** is a distinct time at which
    a customer has a row in a stage with the role buy: order lines of one moment are one purchase. A
    **buyer** has at least one, a **repeat buyer** two or more; every purchase after a customer's first is a
    **repeat purchase**.

    - ``buyers``: customers with a purchase.
    - ``repeat_rate``: repeat buyers / buyers.
    - ``second_purchase_median``: median time from first to second purchase, Kaplan-Meier over all buyers;
      those without a second one are censored at the end of observation. NaN where less than half are
      estimated to come back.
    - ``retention``: buyers with a purchase at least 1 and less than 2 retention periods after their first /
      buyers observed for 2 periods or more.
    - ``active_passive``: active : passive loyalists. Active: repeat buyers with an event in a stage with
      the role advocate or whose latest score is 9 or 10; passive: all other repeat buyers. NaN where there
      is no passive one.
    - ``loyalty_loop``: repeat purchases with no event in a stage with the role consider or evaluate since
      the purchase before / all repeat purchases. "Since" is after the time of the purchase before, and
      before this purchase; its interval is clustered by customer.
    - ``revenue_per_customer``: sum of the value column over the rows in stages with the role buy, missing
      values as 0 / all customers of the log.

    **Ties.** At the time of a purchase an event counts as before it if its stage comes earlier in the
    definition. Of several scores at a customer's latest scored time the lowest counts. **Repeats.**
    Customers count once in shares of buyers, purchases once each in the loyalty loop. **Censoring.** As
    each figure says; repeat rate and loop describe what was observed so far. **Empty.** Nothing bought
    gives NaN and says so in the note. **Not measurable** (no stage has the role, the log has no such
    column): NaN with the reason in the note, no error.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages, their roles, and ``retention_period``.

    Returns
    -------
    Loyalty
        ``frame`` is indexed by ``key``, with the columns ``label``, ``value``, ``unit`` (``"count"``,
        ``"share"``, ``"seconds"``, ``"ratio"``, ``"money"``), ``numerator``, ``denominator``, ``lower``,
        ``upper``, ``method`` and ``note``.

    Raises
    ------
    CXError
        When the definition does not fit the log: an unknown event or column, an empty stage.

    References
    ----------
    Court, D. et al. (2009). The consumer decision journey. McKinsey Quarterly 3: the loyalty loop, active
    and passive loyalists.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
    ...     "what": ["order", "order", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = loyalty(log, cx.Definition({"Buy": ["order"]}))
    >>> result.frame.loc["repeat_rate", ["value", "numerator", "denominator"]].tolist()
    [0.5, 1.0, 2.0]
    >>> result["revenue_per_customer"].note
    'Not measurable: the log has no value column.'
    """
    log, definition = _result.check(log, definition)
    return log.memo(("loyalty", definition), lambda: _loyalty(log, definition))


def _loyalty(log: EventLog, definition: Definition) -> Loyalty:
    who = buyers(log, definition)
    periods = _over(log, definition, who)
    measurable = bool(stage_numbers(definition, "buy"))
    made = (
        lambda: _count_buyers(log, who, measurable=measurable),
        lambda: _repeat_rate(log, definition, who, measurable=measurable),
        lambda: _second_purchase_median(log, definition, who, measurable=measurable),
        lambda: _retention(log, definition, who, periods, measurable=measurable),
        lambda: _active_passive(log, definition, who, measurable=measurable),
        lambda: _loyalty_loop(log, definition, who, measurable=measurable),
        lambda: _revenue(log, definition, measurable=measurable),
    )
    figures = tuple(at_once(made))
    return Loyalty(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        _figures=figures,
        _retention=_curve(who, periods),
        _frame=when_asked(partial(frame_of, figures)),
        _log=log,
    )


def _influence(log: EventLog, who: Buyers, group: NDArray[np.generic], moved: Sequence[float]) -> Influence:
    """Return the influence of buyers by their group; all others are of group 0 and move nothing."""
    whole = np.zeros(log.n_customers, dtype=np.uint8)
    whole[who.customer] = group
    return Influence(whole, np.array(moved))


def _count_buyers(log: EventLog, who: Buyers, *, measurable: bool) -> Figure:
    if not measurable:
        return undefined("buyers", "Buyers", "count", NO_BUY)
    n_buyers = float(len(who.customer))
    return Figure(
        key="buyers",
        label="Buyers",
        value=n_buyers,
        unit="count",
        numerator=n_buyers,
        denominator=float(log.n_customers),
        lower=NAN,
        upper=NAN,
        method="counted",
        _influence=lambda: np.zeros(log.n_customers),
    )


def _repeat_rate(log: EventLog, definition: Definition, who: Buyers, *, measurable: bool) -> Figure:
    key, label = "repeat_rate", "Repeat rate"
    if not measurable:
        return undefined(key, label, "share", NO_BUY)
    repeated, n_buyers = int(who.repeated.sum()), len(who.customer)

    def influence() -> Influence:
        again, rate = buyers(log, definition), repeated / n_buyers
        return _influence(log, again, 1 + again.repeated.view(np.uint8), (0.0, -rate, 1.0 - rate))

    return estimated(
        key,
        label,
        "share",
        stats.share(repeated, n_buyers),
        numerator=repeated,
        denominator=n_buyers,
        method=WILSON,
        note="" if n_buyers else NOBODY,
        influence=influence,
    )


def _second_purchase_median(
    log: EventLog, definition: Definition, who: Buyers, *, measurable: bool
) -> Figure:
    key, label = "second_purchase_median", "Time to second purchase (median)"
    if not measurable:
        return undefined(key, label, "seconds", NO_BUY)
    median = stats.kaplan_meier(who.until_second, who.repeated, in_order=in_order).median

    def influence() -> Floats:
        again = buyers(log, definition)
        moved = np.zeros(log.n_customers)
        # More events by the median bring the median down.
        moved[again.customer] = -stats.kaplan_meier_influence(
            again.until_second, again.repeated, median.value
        )
        return moved

    note = "" if len(who.customer) else NOBODY
    if len(who.customer) and np.isnan(median.value):
        note = "Fewer than half of the buyers are estimated to buy again."
    return estimated(
        key,
        label,
        "seconds",
        stats.Estimate(*(_result.to_seconds(log, ticks) for ticks in median)),
        numerator=int(who.repeated.sum()),
        denominator=len(who.customer),
        method=KAPLAN_MEIER,
        note=note,
        influence=influence,
    )


def _over(log: EventLog, definition: Definition, who: Buyers) -> Ints:
    """Return how many retention periods since their first purchase were over at the end, for each buyer."""
    period_ns = int(definition.rules.retention_period.as_unit("ns").value)
    common = int(np.gcd(period_ns, log.packed.tick_ns))
    since = log.packed.end_tick - who.first.astype(np.int64)
    periods: Ints = since * (log.packed.tick_ns // common) // (period_ns // common)
    return periods


def _curve(who: Buyers, over: Ints) -> Lines:
    last = min(int(over.max(initial=0)), LONGEST_CURVE)
    ended = np.bincount(np.minimum(over, last), minlength=last + 1)
    mature = len(over) - np.cumsum(ended)[:last]
    retained = who.retained[:last]
    lower, upper = stats.wilson(retained, mature)
    return Lines(
        {
            "period": np.arange(last),
            "retained": retained,
            "mature": mature,
            "rate": stats.ratio(retained, mature),
            "lower": lower,
            "upper": upper,
        }
    )


def _bracket(period: pd.Timedelta) -> str:
    """Return the second period since the first purchase in words, in days where it has whole days."""
    days, rest = divmod(period, pd.Timedelta(days=1))
    if rest:
        return f"{format_duration(period)} to {format_duration(2 * period)}"
    return f"days {days} to {2 * days}"


def _retention(log: EventLog, definition: Definition, who: Buyers, over: Ints, *, measurable: bool) -> Figure:
    length = format_duration(definition.rules.retention_period)
    key, label = "retention", f"Retention, {_bracket(definition.rules.retention_period)}"
    if not measurable:
        return undefined(key, label, "share", NO_BUY)
    retained, mature = int(np.count_nonzero(who.returned)), int(np.count_nonzero(over > 1))

    def influence() -> Influence:
        again, rate = buyers(log, definition), retained / mature
        counted = _over(log, definition, again) > 1
        group = counted.view(np.uint8) + again.returned.view(np.uint8)
        return _influence(log, again, group, (0.0, -rate, 1.0 - rate))

    if not len(over):
        note = NOBODY
    elif not mature:
        note = f"No buyer was observed for two periods of {length}."
    else:
        note = "Buyers observed for two whole periods."
    return estimated(
        key,
        label,
        "share",
        stats.share(retained, mature),
        numerator=retained,
        denominator=mature,
        method=WILSON,
        note=note,
        influence=influence,
    )


def _active_passive(log: EventLog, definition: Definition, who: Buyers, *, measurable: bool) -> Figure:
    key, label = "active_passive", "Active : passive loyalists"
    if not measurable:
        return undefined(key, label, "ratio", NO_BUY)
    if reason := _recommend.missing(log, definition):
        return undefined(key, label, "ratio", reason)
    loyal = who.customer[who.repeated]
    active = int(_recommend.advocates(log, definition)[loyal].sum())
    passive = len(loyal) - active
    note = "" if passive else "No passive loyalist to compare with." if active else "Nobody bought again."

    def influence() -> Influence:
        again = buyers(log, definition)
        speak, share = _recommend.advocates(log, definition)[again.customer], active / len(loyal)
        group = again.repeated.view(np.uint8) + (again.repeated & speak).view(np.uint8)
        return _influence(log, again, group, (0.0, -share, 1.0 - share))

    return estimated(
        key,
        label,
        "ratio",
        stats.odds(stats.share(active, len(loyal))),
        numerator=active,
        denominator=passive,
        method=ODDS,
        note=note,
        influence=influence,
    )


def _loyalty_loop(log: EventLog, definition: Definition, who: Buyers, *, measurable: bool) -> Figure:
    key, label = "loyalty_loop", "Loyalty loop"
    if not measurable:
        return undefined(key, label, "share", NO_BUY)
    if not stage_numbers(definition, "consider", "evaluate"):
        return undefined(
            key, label, "share", "Not measurable: no stage has the role 'consider' or 'evaluate'."
        )

    looped, repeats = who.looped.astype(np.float64), (who.bought - 1).astype(np.float64)
    note = "" if repeats.any() else "Nobody bought again." if len(who.customer) else NOBODY
    p = float(stats.ratio(looped.sum(), repeats.sum()))

    def influence() -> Moved:
        again = buyers(log, definition)
        return Influence.of_counts(log.n_customers, again.customer, again.looped, again.bought - 1, p)

    return clustered_share(key, label, looped, repeats, note=note, influence=influence)


def _revenue(log: EventLog, definition: Definition, *, measurable: bool) -> Figure:
    key, label = "revenue_per_customer", "Revenue per customer"
    if not measurable:
        return undefined(key, label, "money", NO_BUY)
    found = spending(log, definition)
    if found is None:
        return undefined(key, label, "money", NO_VALUE)
    money = found.total
    estimate = stats.mean_interval(money)
    return estimated(
        key,
        label,
        "money",
        estimate,
        numerator=float(money.sum()),
        denominator=log.n_customers,
        method=MEAN,
        note="All customers of the log, also those who never bought.",
        influence=lambda: _spent(log, definition) - estimate.value,
    )


def _spent(log: EventLog, definition: Definition) -> Floats:
    found = spending(log, definition)
    return np.zeros(log.n_customers) if found is None else found.total
