"""Lifecycle and stickiness: who is new, returning, resurrecting, dormant; and in how many periods active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets._runs import begins
from cx_widgets.engine import assigned_events
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._activity import Presence, What, activity, known, label, presence
from cx_widgets.metrics._calendar import Cut, Grid, check_origin, cut, grid
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import CLUSTERED, WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.durations import Duration
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

STATES = ("new", "returning", "resurrecting", "dormant")
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class _Asked:
    active: What
    period: Cut
    within: Cut | None = None


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Lifecycle(Result):
    """Who is new, returning, resurrecting and dormant in each period, from `lifecycle`.

    Attributes
    ----------
    frame
        One line for each period, see `lifecycle`.
    active
        What makes a customer active, in words.
    """

    active: str
    _asked: _Asked

    def customers(self, period: object, state: str) -> pd.DataFrame:
        """Return the customers who are in a state in a period, one line each.

        Parameters
        ----------
        period
            The start of a period, as in the frame, or its date such as ``"2026-01-05"``.
        state
            ``"new"``, ``"returning"``, ``"resurrecting"`` or ``"dormant"``; or ``"active"``, which is the
            first three of them.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown period or state.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "b"], "when": ["2026-01-05", "2026-01-13"], "what": "order"})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.lifecycle(log, cx.Definition({"Buy": ["order"]}))
        >>> list(result.customers("2026-01-12", "dormant").index)
        ['a']
        """
        if state not in (*STATES, "active"):
            raise unknown("state", state, (*STATES, "active"))
        days = [str(start.date()) for start in self._frame["start"]]
        asked = str(period.date()) if isinstance(period, pd.Timestamp) else str(period)
        if asked not in days:
            raise unknown("period", asked, days)
        seen, periods = _seen(self._log, self.definition, self._asked)
        states = {"active": (seen.customer, seen.period), **_states(seen, len(periods))}
        customer, number = states[state]
        return customer_table(self._log, by_customer(self.definition), customer[number == days.index(asked)])

    def _table(self) -> Table:
        shown = self._frame.iloc[-_SHOWN:]
        rows = tuple(
            (
                str(row["start"].date()),
                *(_numbers.count(row[name]) for name in ("active", *STATES)),
                _numbers.percent(float(row["value"])),
                _numbers.span(float(row["lower"]), float(row["upper"])),
                "yes" if row["complete"] else "no",
            )
            for _, row in shown.iterrows()
        )
        meaning = (
            f"Active: {self.active}. Dormant: active in the period before, not in this one. "
            "Kept: of those active in the period before."
        )
        notes = [meaning, _result.unassigned_note(self.unassigned_events)]
        if len(shown) < len(self._frame):
            notes.append(f"The last {_SHOWN} of {len(self._frame):,} periods; .frame has all.")
        word = self._asked.period.word
        heads = (
            _numbers.sentence(word),
            "Active",
            *(state.capitalize() for state in STATES),
            "Kept",
            "95 %",
            "Over",
        )
        return Table(f"Lifecycle by {word}", heads, rows, tuple(notes))


def lifecycle(
    log: EventLog,
    definition: Definition,
    *,
    period: Duration = "W",
    active: What = None,
    first_weekday: str = "Monday",
    origin: object = None,
) -> Lifecycle:
    """Return how many customers are new, returning, resurrecting and dormant in each calendar period.

    A customer is active in a period with a row of ``active`` in it. Of the active ones

    - ``new`` were never active before (in this log),
    - ``returning`` were active in the period before,
    - ``resurrecting`` were active before, but not in the period before.

    ``dormant`` were active in the period before and are not in this one; it is booked once, in the first
    period without activity. So in every period active = new + returning + resurrecting, the active ones
    of the period before = returning + dormant, and active changes by new + resurrecting - dormant.

    **Value** = ``returning`` / those active in the period before (``returning`` + ``dormant``): the share
    that was kept, bounds Wilson's. **Censoring.** In a period that is not over (``complete``) all counts
    are so far, dormant is too high, and the value is NaN.

    **Ties, repeats**: a customer counts once in a period. **Calendar** as in `retention`: periods of the
    log's time zone, from that of the first event to that of the end of observation, all with a line.
    **Empty.** A period of nobody has zeros; an empty log has no periods. No rules have a part in it but the
    end of observation and the time zone.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    period
        ``"D"``, ``"W"``, ``"M"``, ``"Q"`` or whole days such as ``"7D"``.
    active
        The name of a stage, or else of an event, or a `Stage` of its own, whose rows make a customer active;
        by default the stages with the role buy.
    first_weekday, origin
        As in `retention`.

    Returns
    -------
    Lifecycle
        ``frame`` has the columns ``start`` (inside) and ``stop`` (outside), ``active``, ``new``,
        ``returning``, ``resurrecting``, ``dormant``, ``complete``, ``numerator``, ``denominator``, ``value``,
        ``lower``, ``upper`` and ``method``, one line for each period. Counts are never negative.

    Raises
    ------
    CXError
        When the definition does not fit the log, or nothing says what makes a customer active.

    References
    ----------
    The four states and their bookkeeping are those of PostHog's lifecycle, where dormant is shown negative.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "a", "c"],
    ...     "when": ["2026-01-05", "2026-01-13", "2026-01-06", "2026-01-27", "2026-02-02"],
    ...     "what": "order",
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = lifecycle(log, cx.Definition({"Buy": ["order"]}))
    >>> result.frame[["active", "new", "returning", "resurrecting", "dormant", "value"]]
       active  new  returning  resurrecting  dormant  value
    0       2    2          0             0        0    NaN
    1       1    0          1             0        1    0.5
    2       0    0          0             0        1    0.0
    3       1    0          0             1        0    NaN
    4       1    1          0             0        1    NaN
    """
    log, definition = _result.check(log, definition)
    asked = _Asked(
        known(log, definition, active, "active"),
        cut(period, "period", first_weekday=first_weekday, origin=origin),
    )
    check_origin(origin, asked.period)
    return log.memo(("lifecycle", definition, asked), lambda: _lifecycle(log, definition, asked))


def _seen(log: EventLog, definition: Definition, asked: _Asked) -> tuple[Presence, Grid]:
    periods = grid(log, definition, asked.period)
    return presence(activity(log, definition, asked.active), periods), periods


def _states(seen: Presence, n_periods: int) -> dict[str, tuple[Ints, Ints]]:
    """Return for each state the customers and the periods in which they are in it."""
    customer, period = seen.customer, seen.period
    first = begins(customer)
    follows = ~first
    follows[1:] &= period[1:] == period[:-1] + 1
    goes_on = np.append(follows[1:], False)[: len(follows)]
    lapses = ~goes_on & (period + 1 < n_periods)

    def where(chosen: Bools, later: int = 0) -> tuple[Ints, Ints]:
        return customer[chosen], period[chosen] + later

    return {
        "new": where(first),
        "returning": where(follows),
        "resurrecting": where(~first & ~follows),
        "dormant": where(lapses, 1),
    }


def _lifecycle(log: EventLog, definition: Definition, asked: _Asked) -> Lifecycle:
    seen, periods = _seen(log, definition, asked)
    n = len(periods)
    counts = {state: np.bincount(number, minlength=n) for state, (_, number) in _states(seen, n).items()}
    complete = np.arange(n) < periods.complete
    kept = np.where(complete, counts["returning"], 0)
    before = np.where(complete, counts["returning"] + counts["dormant"], 0)
    lower, upper = stats.wilson(kept, before)
    frame = pd.DataFrame(
        {
            "start": periods.starts[:-1],
            "stop": periods.starts[1:],
            "active": counts["new"] + counts["returning"] + counts["resurrecting"],
            **counts,
            "complete": complete,
            "numerator": counts["returning"],
            "denominator": counts["returning"] + counts["dormant"],
            "value": stats.ratio(kept, before),
            "lower": lower,
            "upper": upper,
            "method": WILSON,
        }
    )
    return Lifecycle(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        active=label(definition, asked.active),
        _asked=asked,
        _frame=frame,
        _log=log,
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Stickiness(Result):
    """In how many periods customers were active, from `stickiness`.

    Attributes
    ----------
    frame
        One line for each number of periods, see `stickiness`.
    active
        What makes a customer active, in words.
    n_periods
        Periods there are.
    """

    active: str
    n_periods: int
    _ratio: pd.DataFrame
    _asked: _Asked

    @property
    def ratio(self) -> pd.DataFrame:
        """The share of days on which those active in a longer period were active (DAU / MAU).

        Columns ``start``, ``stop``, ``complete``, ``customers`` (active at least once), ``numerator``
        (customers' active days), ``denominator`` (customers times days), ``value``, ``lower``, ``upper``,
        ``method``. The value is the mean number of customers active on a day, over the number active in the
        longer period; its interval is Wilson's on the effective number, by customer. NaN where the log does
        not hold the whole longer period. Empty where ``period`` is not ``"D"``.
        """
        return self._ratio.copy()

    def customers(self, periods: int, *, at_least: bool = False) -> pd.DataFrame:
        """Return the customers active in so many periods, one line each.

        Parameters
        ----------
        periods
            How many periods.
        at_least
            Also those active in more.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For a number that is not in the frame.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "a", "b"], "when": ["2026-01-05", "2026-01-06"] + ["2026-01-06"],
        ...                    "what": "order"})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> list(cx.stickiness(log, cx.Definition({"Buy": ["order"]}), period="D").customers(2).index)
        ['a']
        """
        if periods not in self._frame.index:
            raise unknown("number of periods", periods, self._frame.index.tolist())
        seen, _ = _seen(self._log, self.definition, self._asked)
        at, many = _runs(seen)
        mine = many >= periods if at_least else many == periods
        return customer_table(self._log, by_customer(self.definition), seen.customer[at[mine]])

    def _table(self) -> Table:
        shown = self._frame[self._frame["customers"] > 0].iloc[:_SHOWN]
        rows = tuple(
            (
                str(number),
                _numbers.count(row["customers"]),
                _numbers.percent(float(row["value"])),
                _numbers.span(float(row["lower"]), float(row["upper"])),
                _numbers.count(row["at_least"]),
                _numbers.percent(float(row["share_at_least"])),
            )
            for number, row in shown.iterrows()
        )
        word = self._asked.period.word
        notes = (
            f"Active: {self.active}, in {self.n_periods:,} periods. Shares are of the customers ever active.",
            _result.unassigned_note(self.unassigned_events),
        )
        heads = ("Periods", "Exactly", "Share", "95 %", "At least", "Share at least")
        return Table(f"Stickiness by {word}", heads, rows, notes)


def stickiness(
    log: EventLog,
    definition: Definition,
    *,
    period: Duration = "D",
    within: Duration = "M",
    active: What = None,
    first_weekday: str = "Monday",
    origin: object = None,
) -> Stickiness:
    """Return in how many calendar periods of the log customers were active.

    **Value** of k = ``customers`` (active in exactly k periods) / customers active in any; ``at_least`` and
    ``share_at_least`` likewise for k or more. Bounds are Wilson's. All periods of the log count, also its
    first and its last, of which it may hold a part.

    ``ratio`` is what tools call DAU / MAU: of those active in a longer period (``within``), the share of its
    days on which they were active. Everybody counted was active on one of them; the bounds are Wilson's, on
    the effective number by customer, for the share of the other days on which they were active too.

    **Ties, repeats**: a customer counts once in a period. **Censoring.** None: who came late had fewer
    periods; `retention` sets that right. **Calendar** as in `retention`. **Empty.** Nobody active gives 0
    of 0, undefined (NaN); an empty log has no periods.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    period
        ``"D"``, ``"W"``, ``"M"``, ``"Q"`` or whole days such as ``"2D"``.
    within
        The longer period of ``ratio``.
    active
        As in `lifecycle`.
    first_weekday, origin
        As in `retention`.

    Returns
    -------
    Stickiness
        ``frame`` is indexed by ``periods`` (1, 2, ...), with the columns ``customers``, ``numerator``,
        ``denominator``, ``value``, ``lower``, ``upper``, ``at_least``, ``share_at_least``,
        ``at_least_lower``, ``at_least_upper`` and ``method``.

    Raises
    ------
    CXError
        When the definition does not fit the log, or nothing says what makes a customer active.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b"], "when": ["2026-01-05", "2026-01-06", "2026-01-06"], "what": "order",
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> stickiness(log, cx.Definition({"Buy": ["order"]})).frame[["customers", "value", "at_least"]]
             customers  value  at_least
    periods
    1                1    0.5         2
    2                1    0.5         1
    """
    log, definition = _result.check(log, definition)
    asked = _Asked(
        known(log, definition, active, "active"),
        cut(period, "period", first_weekday=first_weekday, origin=origin),
        cut(within, "within", first_weekday=first_weekday, origin=origin),
    )
    check_origin(origin, asked.period, cut(within, "within", origin=origin))
    if asked.within is not None and asked.within.days == 1:
        raise CXError(f"within={within!r} is a day, as long as the shortest period. Say 'W', 'M' or 'Q'.")
    return log.memo(("stickiness", definition, asked), lambda: _stickiness(log, definition, asked))


def _runs(seen: Presence) -> tuple[Ints, Ints]:
    """Return where each customer's periods begin, and how many there are."""
    at = np.flatnonzero(begins(seen.customer))
    return at, np.diff(np.append(at, len(seen.customer)))


def _stickiness(log: EventLog, definition: Definition, asked: _Asked) -> Stickiness:
    seen, periods = _seen(log, definition, asked)
    _, many = _runs(seen)
    exactly = np.bincount(many, minlength=len(periods) + 1)[1:]
    at_least = exactly[::-1].cumsum()[::-1]
    everybody = len(many)
    lower, upper = stats.wilson(exactly, everybody)
    more_lower, more_upper = stats.wilson(at_least, everybody)
    frame = pd.DataFrame(
        {
            "customers": exactly,
            "numerator": exactly,
            "denominator": everybody,
            "value": stats.ratio(exactly, everybody),
            "lower": lower,
            "upper": upper,
            "at_least": at_least,
            "share_at_least": stats.ratio(at_least, everybody),
            "at_least_lower": more_lower,
            "at_least_upper": more_upper,
            "method": WILSON,
        },
        index=pd.RangeIndex(1, len(periods) + 1, name="periods"),
    )
    return Stickiness(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        active=label(definition, asked.active),
        n_periods=len(periods),
        _ratio=_days_active(log, definition, asked, seen, periods),
        _asked=asked,
        _frame=frame,
        _log=log,
    )


def _days_active(
    log: EventLog, definition: Definition, asked: _Asked, seen: Presence, days: Grid
) -> pd.DataFrame:
    """Return the share of days active, of those active in each longer period."""
    if asked.within is None or asked.period.text not in ("D", "1D"):
        days = Grid(log.timestamps([]), np.zeros(0, dtype=np.int64), 0)
    longer = grid(log, definition, asked.within or asked.period) if len(days) else days
    n = len(longer)
    place = longer.number(np.maximum(days.edges[:-1], 0)) if n else np.zeros(0, dtype=np.int64)
    length = np.bincount(place, minlength=n)
    whole = (np.arange(n) < longer.complete) & (longer.edges[:-1] >= (days.edges[0] if n else 0))
    mine = place[seen.period] if n else np.zeros(0, dtype=np.int64)
    at = np.flatnonzero(begins(seen.customer[: len(mine)], mine))
    active = np.diff(np.append(at, len(mine))).astype(np.float64)
    group = mine[at]
    customers = np.bincount(group, minlength=n)
    hits = np.bincount(group, weights=active, minlength=n)
    squares = np.bincount(group, weights=active * active, minlength=n)
    tries = customers * length
    # Whoever is counted was active on one day; on the others they may have been or not.
    more, others = hits - customers, length - 1
    lower, upper = (
        (1 + others * bound) / np.maximum(length, 1)
        for bound in stats.clustered_wilson(
            more,
            customers * others,
            success_squares=squares - 2 * hits + customers,
            products=more * others,
            trial_squares=customers * others**2,
            clusters=customers,
        )
    )
    known_ = whole & (tries > 0)
    return pd.DataFrame(
        {
            "start": longer.starts[:-1] if n else longer.starts,
            "stop": longer.starts[1:] if n else longer.starts,
            "complete": whole,
            "customers": customers,
            "numerator": hits.astype(np.int64),
            "denominator": tries,
            "value": np.where(known_, stats.ratio(hits, tries), np.nan),
            "lower": np.where(known_, lower, np.nan),
            "upper": np.where(known_, upper, np.nan),
            "method": CLUSTERED,
        }
    )
