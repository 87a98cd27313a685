"""The trend: conversion of those who entered in each day, week, month or quarter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import coded_rows, funnel_paths
from cx_widgets.errors import unknown
from cx_widgets.metrics import _attempts, _result
from cx_widgets.metrics._customers import customer_table, is_open
from cx_widgets.metrics._figure import WILSON
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics._significance import NEWCOMBE, differences

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.engine import Ints
    from cx_widgets.log import EventLog

PERIODS = ("D", "W", "M", "Q")
_WORDS = {"D": "day", "W": "week", "M": "month", "Q": "quarter"}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Trend(Result):
    """Conversion by period of entry, from `trend`.

    Attributes
    ----------
    frame
        One line for each period, see `trend`.
    period
        ``"D"``, ``"W"``, ``"M"`` or ``"Q"``.
    open_customers
        Customers who entered, did not convert and may still do so.
    """

    period: str
    open_customers: int

    def customers(self, period: object) -> pd.DataFrame:
        """Return the customers who entered in a period, one line each.

        Parameters
        ----------
        period
            A ``pandas.Period`` of the frame's index, or a date in it such as ``"2026-01-05"``.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`. Its ``entered`` is the start of the deepest chain, which may
            lie in an earlier period for those who entered again and got less far.

        Raises
        ------
        CXError
            For a period that is not in the frame.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "b"], "when": ["2026-01-01", "2026-02-01"], "what": ["ad", "order"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.trend(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}), period="M")
        >>> list(result.customers("2026-01").index)
        ['a']
        """
        index = pd.PeriodIndex(self._frame.index)
        try:
            asked = pd.Period(period, freq=self.period)  # type: ignore[arg-type]
        except ValueError:
            asked = None
        if asked is None or asked not in index:
            raise unknown("period", str(period), index.astype(str))
        entrants, place = _entries(self._log, self.definition, self.period)
        first = _ordinals(index[:1])[0]
        return customer_table(self._log, self.definition, entrants[place == index.get_loc(asked) + first])

    def _table(self) -> Table:
        rows = tuple(
            (
                str(name),
                _numbers.count(row["entrants"]),
                _numbers.count(row["converted"]),
                _numbers.percent(row["conversion"]),
                _numbers.span(row["lower"], row["upper"]),
                _numbers.count(row["open"]),
                "yes" if row["ripe"] else "no",
            )
            for name, row in self._frame.iterrows()
        )
        zone = self._log.time_zone
        where = "" if zone is None else f", in {zone}"
        notes = (
            f"A customer belongs to the period of the entry that converted, or else of the last one{where}.",
            _result.funnel_rules_note(self.definition),
            f"{_result.unassigned_note(self.unassigned_events)} {_result.open_note(self.open_customers)}",
        )
        columns = (
            _WORDS[self.period].capitalize(),
            "Entrants",
            "Converted",
            "Conversion",
            "95 %",
            "Open",
            "Ripe",
        )
        return Table(f"Conversion by {_WORDS[self.period]} of entry", columns, rows, notes)


def trend(log: EventLog, definition: Definition, *, period: str = "W") -> Trend:
    """Return the conversion of the customers who entered in each calendar period.

    **Period of a customer.** That of the entry that counts: of those who converted the start of the
    attempt that did (the latest that converts at that moment, ``median_from_entry`` of `funnel` runs from
    it), of all others their last entry. Everybody who entered is in one period, so the columns add up to the
    funnel's; a conversion belongs to the period of its entry, not to that in which it happened. Who
    enters again and again without converting is in the latest of these periods only, so where many do
    that, early periods look better than they would by first entries, and the last ones worse.

    **Calendar.** Days, weeks from Monday to Sunday, months and quarters in the time zone of the log (as
    given where it has none). Where clocks change, a day has 23 or 25 hours and is one day. All periods
    from the first event of the log to the last have a line.

    **Conversion** = ``converted`` (reached the last stage) / ``entrants``, bounds Wilson's. ``change`` is the
    difference to the line before; its bounds are Newcombe's for independent shares, as nobody is in two
    periods.

    **Censoring.** ``open`` counts the entrants who may still convert (`funnel`). A period is ``ripe`` when
    there are none: an unripe conversion is too low so far. Without a window nobody is open and every period
    is ripe, though later conversions may still be added. ``complete``: the period was over at the end of
    observation; else more may enter.

    **Ties, repeats** are those of `funnel`; a customer counts once. **Empty.** A period nobody entered in
    has 0 entrants and undefined (NaN) shares; an empty log has no periods.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and the rules.
    period
        ``"D"``, ``"W"``, ``"M"`` or ``"Q"``.

    Returns
    -------
    Trend
        ``frame`` is indexed by ``period`` (a ``PeriodIndex``), with the columns ``start`` (inside) and
        ``stop`` (outside) as points in time in the log's zone, ``entrants``, ``converted``, ``conversion``,
        ``lower``, ``upper``, ``open``, ``ripe``, ``complete``, ``change``, ``change_lower``,
        ``change_upper``, ``method`` and ``change_method``.

    Raises
    ------
    CXError
        For an unknown period, and when the definition does not fit the log.

    References
    ----------
    Wilson, E. B. (1927). Journal of the American Statistical Association 22, 209-212.
    Newcombe, R. G. (1998). Statistics in Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c"],
    ...     "when": ["2026-01-30", "2026-02-03", "2026-01-02", "2026-03-01"],
    ...     "what": ["ad", "order", "ad", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = trend(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, window="7D"), period="M")
    >>> result.frame[["entrants", "converted", "conversion", "ripe"]]
             entrants  converted  conversion   ripe
    period
    2026-01         2          1         0.5   True
    2026-02         0          0         NaN   True
    2026-03         1          0         0.0  False
    """
    log, definition = _result.check_plain(log, definition, "trend")
    if period not in PERIODS:
        raise unknown("period", period, PERIODS)
    return log.memo(("trend", definition, period), lambda: _trend(log, definition, period))


def _periods(log: EventLog, ticks: Ints, period: str) -> pd.PeriodIndex:
    # The wall clock decides which day it is.
    return log.timestamps(ticks).tz_localize(None).to_period(period)


def _ordinals(periods: pd.PeriodIndex) -> Ints:
    """Return periods as numbers that count up by one."""
    return np.asarray(periods.asi8, dtype=np.int64)


def _entries(log: EventLog, definition: Definition, period: str) -> tuple[Ints, Ints]:
    """Return the entrants and the number of the period of each one's entry."""
    rows = coded_rows(log, definition)
    entry = _attempts.entry_rows(log, definition)
    return rows.customer[entry], _ordinals(_periods(log, rows.tick[entry], period))


def _trend(log: EventLog, definition: Definition, period: str) -> Trend:
    paths = funnel_paths(log, definition)
    entrants, place = _entries(log, definition, period)
    ends = np.array([0, log.packed.end_tick], dtype=np.int64)[: 2 if log.n_events else 0]
    span = _periods(log, ends, period)
    index = pd.period_range(span[0], span[1], freq=period) if len(span) else span
    where = place - (_ordinals(index)[0] if len(index) else 0)

    def counted(customers: Ints) -> Ints:
        return np.bincount(where[customers], minlength=len(index))

    still = is_open(log, definition, paths)
    everybody = np.arange(len(entrants))
    entered = counted(everybody)
    converted = counted(everybody[paths.reach[entrants] == len(paths.levels)])
    open_ = counted(everybody[still[entrants]])
    lower, upper = stats.wilson(converted, entered)
    before = np.append(0, converted[:-1])[: len(index)], np.append(0, entered[:-1])[: len(index)]
    change, change_lower, change_upper = differences(converted, entered, *before)
    stop = _instants(log, index + 1)
    frame = pd.DataFrame(
        {
            "start": _instants(log, index),
            "stop": stop,
            "entrants": entered,
            "converted": converted,
            "conversion": stats.ratio(converted, entered),
            "lower": lower,
            "upper": upper,
            "open": open_,
            "ripe": open_ == 0,
            "complete": np.asarray(stop <= log.observation_end, dtype=bool),
            "change": change,
            "change_lower": change_lower,
            "change_upper": change_upper,
            "method": WILSON,
            "change_method": NEWCOMBE,
        },
        index=index.rename("period"),
    )
    return Trend(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - len(coded_rows(log, definition).stage),
        period=period,
        open_customers=int(still.sum()),
        _frame=frame,
        _log=log,
    )


def _instants(log: EventLog, periods: pd.PeriodIndex) -> pd.DatetimeIndex:
    """Return the moments at which periods begin; midnights that clocks skip or repeat are the earliest."""
    begins = pd.DatetimeIndex(periods.start_time).as_unit("ns")
    if log.time_zone is None:
        return begins
    return begins.tz_localize(
        log.time_zone, ambiguous=np.ones(len(begins), dtype=bool), nonexistent="shift_forward"
    )
