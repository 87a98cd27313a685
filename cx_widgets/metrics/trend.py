"""The trend: conversion of those who entered in each day, week, month or quarter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, _runs, stats
from cx_widgets.engine import assigned_events, funnel_paths
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._clusters import counts_of
from cx_widgets.metrics._customers import clusters, customer_table, is_open
from cx_widgets.metrics._entries import entries, starts
from cx_widgets.metrics._figure import CLUSTERED, NEWCOMBE, WILSON
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics._significance import differences

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

PERIODS = ("D", "W", "M", "Q")
ONCE = ("overall", "period")
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
    once
        Whether everybody counts once overall, or once in each period.
    open_customers
        Customers who entered, did not convert and may still do so.
    """

    period: str
    once: str
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
        asked = _period(period, self.period)
        if asked is None or asked not in index:
            raise unknown("period", str(period), index.astype(str))
        entered = _entered(self._log, self.definition, self.period, self.once)
        number = _ordinals(index[:1])[0] + index.get_loc(asked)
        return customer_table(self._log, self.definition, entered.line[entered.period == number])

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
                _numbers.points(row["change"]),
                _numbers.points_span(row["change_lower"], row["change_upper"]),
            )
            for name, row in self._frame.iterrows()
        )
        zone = self.definition.rules.time_zone or self._log.time_zone
        where = "" if zone is None else f", in {zone}"
        whose = "A customer belongs to the period of the entry that converted, or else of the last one"
        if self.once == "period":
            whose = "Each customer counts once in every period in which they began an attempt"
        notes = (
            f"{whose}{where}. Periods that are not ripe are compared with none.",
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
            "Change",
            "95 %",
        )
        return Table(f"Conversion by {_WORDS[self.period]} of entry", columns, rows, notes)


def trend(
    log: EventLog,
    definition: Definition,
    *,
    period: str = "W",
    once: str = "overall",
    first: object = None,
    last: object = None,
) -> Trend:
    """Return the conversion of the customers who entered in each calendar period.

    **Period of a customer.** That of the entry that counts: of those who converted the start of the
    attempt that did (the latest that converts at that moment, ``median_from_entry`` of `funnel` runs from
    it), of all others their last entry. Everybody who entered is in one period, so the columns add up to the
    funnel's; a conversion belongs to the period of its entry, not to that in which it happened. Who
    enters again and again without converting is in the latest of these periods only, so where many do
    that, early periods look better than they would by first entries, and the last ones worse.

    **Calendar.** Days, weeks from Monday to Sunday, months and quarters in the time zone of the rules, or
    else of the log (as given where it has none). Where clocks change, a day has 23 or 25 hours and is one
    day. All periods from the first event of the log to the last have a line.

    **Conversion** = ``converted`` (reached the last stage) / ``entrants``, bounds Wilson's. ``change`` is the
    difference to the line before; its bounds are Newcombe's for independent shares, as nobody is in two
    periods. Where either period is not ripe, or nobody entered in it, there is none (NaN): what is not ripe
    is too low so far.

    **Once a period.** With ``once="period"`` everybody counts in each period in which they began an attempt,
    and converted there if an attempt begun there converts: the trend of tools that count entries. The
    columns then add up to more than the funnel, one conversion may answer starts of several periods, and as
    the same customers stand in several periods, the bounds of a change are wider than need be.

    **Censoring.** ``open`` counts the entrants who may still convert (`funnel`). A period is ``ripe`` when
    there are none: an unripe conversion is too low so far. Without a window nobody is open and every period
    is ripe, though later conversions may still be added. ``complete``: the period was over at the end of
    observation; else more may enter.

    **Units.** Sessions, journeys, attempts and values of a column have an entry each. Of those who did not
    convert it is the last start that met no exclusion, if there is one. Where a customer has several lines,
    bounds are on the effective numbers, by customer.

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
    once
        ``"overall"``: everybody counts once, by the entry that counts. ``"period"``: once in each period.
    first, last
        A date in the first, the last period that has a line; that of the first, the last event by default.
        Who entered outside is left out.

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
        For an unknown period or ``once``, what is no date, periods once over for attempts, and when the
        definition does not fit the log.

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
    log, definition = _result.check(log, definition)
    if period not in PERIODS:
        raise unknown("period", period, PERIODS)
    if once not in ONCE:
        raise unknown("once", once, ONCE)
    if once == "period" and definition.rules.count == "attempts":
        raise CXError(
            "once='period' with count='attempts': each attempt counts, and is in one period already. "
            "Leave once='overall', or count units: definition.with_rules(count='unique')."
        )
    edges = _edge("first", first, period), _edge("last", last, period)
    if edges[0] is not None and edges[1] is not None and edges[0] > edges[1]:
        raise CXError(f"first={str(first)!r} lies after last={str(last)!r}. Give the earlier date as first.")
    return log.memo(
        ("trend", definition, period, once, *edges),
        lambda: _trend(log, definition, period, once=once, edges=edges),
    )


def _edge(name: str, given: object, period: str) -> pd.Period | None:
    if given is None:
        return None
    found = _period(given, period)
    if found is None:
        raise CXError(f"{name} must be a date such as '2026-01-31' or a pandas Period, not {given!r}.")
    return found


def _period(given: object, period: str) -> pd.Period | None:
    """Return the period that a date lies in, or a pandas Period itself; None for what is neither."""
    if not isinstance(given, str | dt.date | np.datetime64 | pd.Period):
        return None
    try:
        found: object = pd.Period(given, freq=period)  # type: ignore[arg-type]  # such as a date is
    except ValueError:
        return None
    return found if isinstance(found, pd.Period) else None


def _periods(times: pd.DatetimeIndex, definition: Definition, period: str) -> pd.PeriodIndex:
    zone = definition.rules.time_zone
    # The wall clock decides which day it is.
    return (times if zone is None else times.tz_convert(zone)).tz_localize(None).to_period(period)


def _ordinals(periods: pd.PeriodIndex) -> Ints:
    """Return periods as numbers that count up by one."""
    return np.asarray(periods.asi8, dtype=np.int64)


class _Entered(NamedTuple):
    """Who entered when: lines, the numbers of their periods, who of them converted, who is still open."""

    line: Ints
    period: Ints
    converted: Bools
    still: Bools


def _entered(log: EventLog, definition: Definition, period: str, once: str) -> _Entered:
    paths = funnel_paths(log, definition)
    if once == "overall":
        line, tick, _ = entries(log, definition)
        place = _ordinals(_periods(log.timestamps(tick), definition, period))
        still = is_open(log, definition, paths)
        return _Entered(line, place, paths.reach[line] == len(paths.levels), still[line])
    begun = starts(log, definition)
    place = _ordinals(_periods(log.timestamps(begun.tick), definition, period))
    order = np.lexsort((place, begun.line))
    line, place = begun.line[order], place[order]
    edge = np.flatnonzero(_runs.begins(line) | _runs.begins(place))
    converted, still = begun.converted[order], begun.going[order]
    if len(edge):
        converted, still = (np.logical_or.reduceat(part, edge) for part in (converted, still))
    return _Entered(line[edge], place[edge], converted, still & ~converted)


def _trend(
    log: EventLog,
    definition: Definition,
    period: str,
    *,
    once: str,
    edges: tuple[pd.Period | None, pd.Period | None],
) -> Trend:
    paths = funnel_paths(log, definition)
    entered = _entered(log, definition, period, once)
    index = _lines(log, definition, period, edges)
    place = entered.period - (_ordinals(index)[0] if len(index) else 0)
    inside = (place >= 0) & (place < len(index))
    place, converted, still = place[inside], entered.converted[inside], entered.still[inside]
    of = clusters(paths)
    counts = counts_of(place, len(index), converted, None if of is None else of[entered.line[inside]])
    entrants = np.bincount(place, minlength=len(index))
    done = np.bincount(place[converted], minlength=len(index))
    open_ = np.bincount(place[still], minlength=len(index))
    ripe = open_ == 0
    lower, upper = stats.wilson(counts.hits, counts.trials)
    # What is not ripe is too low so far: compared with it, anything would have risen.
    known = ripe & np.append(False, ripe[:-1])[: len(index)]
    hits, trials = (np.append(0, part[:-1])[: len(index)] for part in (counts.hits, counts.trials))
    change = [np.where(known, part, np.nan) for part in differences(counts.hits, counts.trials, hits, trials)]
    zone = definition.rules.time_zone or log.time_zone
    stop = _instants(zone, index + 1)
    frame = pd.DataFrame(
        {
            "start": _instants(zone, index),
            "stop": stop,
            "entrants": entrants,
            "converted": done,
            "conversion": stats.ratio(done, entrants),
            "lower": lower,
            "upper": upper,
            "open": open_,
            "ripe": ripe,
            "complete": np.asarray(stop <= log.observation_end, dtype=bool),
            "change": change[0],
            "change_lower": change[1],
            "change_upper": change[2],
            "method": WILSON if of is None else CLUSTERED,
            "change_method": NEWCOMBE,
        },
        index=index.rename("period"),
    )
    return Trend(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        period=period,
        once=once,
        open_customers=int(is_open(log, definition, paths).sum()),
        _frame=frame,
        _log=log,
    )


def _lines(
    log: EventLog, definition: Definition, period: str, edges: tuple[pd.Period | None, pd.Period | None]
) -> pd.PeriodIndex:
    """Return the periods with a line: those of the log, or those asked for."""
    span = _periods(pd.DatetimeIndex([log.start, log.end])[: 2 * (log.n_events > 0)], definition, period)
    if not len(span) and None in edges:
        return span
    first, last = edges
    begin = span[0] if first is None else first
    end = span[1] if last is None else last
    return pd.period_range(begin, end, freq=period)


def _instants(zone: str | None, periods: pd.PeriodIndex) -> pd.DatetimeIndex:
    """Return the moments at which periods begin; midnights that clocks skip or repeat are the earliest."""
    begins = pd.DatetimeIndex(periods.start_time).as_unit("ns")
    if zone is None:
        return begins
    return begins.tz_localize(zone, ambiguous=np.ones(len(begins), dtype=bool), nonexistent="shift_forward")
