"""Calendar periods of a log: days, weeks, months, quarters and blocks of days, as edges in its ticks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets.durations import Duration, format_duration, parse_duration
from cx_widgets.errors import CXError, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Ints
    from cx_widgets.log import EventLog

    Int64s = NDArray[np.int64]

CALENDAR = ("D", "W", "M", "Q")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WORDS = {"D": "day", "W": "week", "M": "month", "Q": "quarter"}
_FIXED = {"D": "1D", "W": "7D"}
_MONTHS = {"M": 1, "Q": 3}
_DAY = pd.Timedelta(days=1)
_DAY_NS = int(_DAY.as_unit("ns").value)


@dataclass(frozen=True, slots=True)
class Cut:
    """How a calendar is cut into periods.

    Attributes
    ----------
    text
        As it was asked for: ``"D"``, ``"W"``, ``"M"``, ``"Q"``, or whole days such as ``"7D"``.
    weekday
        The first day of a week, 0 for Monday.
    origin
        A day on which a block of days begins; None for the first day of the log.
    """

    text: str
    weekday: int = 0
    origin: pd.Timestamp | None = None

    @property
    def months(self) -> int:
        """Months in a period; 0 where it counts days."""
        return _MONTHS.get(self.text, 0)

    @property
    def days(self) -> int:
        """Days in a period; 0 where it counts months."""
        return 0 if self.months else parse_duration(_FIXED.get(self.text, self.text)) // _DAY

    @property
    def word(self) -> str:
        """The period in words, such as ``"week"`` or ``"30D"``."""
        return _WORDS.get(self.text, self.text)


def cut(period: object, field: str, *, first_weekday: object = "Monday", origin: object = None) -> Cut:
    """Return a calendar cut as asked, or refuse it: what is no period, or no whole number of days."""
    if first_weekday not in WEEKDAYS:
        raise unknown("first_weekday", first_weekday, WEEKDAYS)
    weekday = WEEKDAYS.index(str(first_weekday))
    if period in CALENDAR:
        return Cut(str(period), weekday)
    if not isinstance(period, Duration):
        raise unknown(field, period, CALENDAR, then="Or blocks of days, such as '7D'.")
    length = parse_duration(period, field)
    if length % _DAY:
        raise CXError(
            f"{field}={format_duration(length)!r} is no whole number of days, and the calendar has no "
            f"other blocks. Say '1D', '7D' or one of {list(CALENDAR)}, or clock='24h'."
        )
    days = length // _DAY
    return Cut("D" if days == 1 else f"{days}D", weekday, None if origin is None else _day(origin))


def _day(origin: object) -> pd.Timestamp:
    day = _stamp(origin)
    if day is None or day.tzinfo is not None or day.normalize() != day:
        raise CXError(f"origin={origin!r} is no day. Give a date without a zone, such as '2026-01-05'.")
    return day


def _stamp(value: object) -> pd.Timestamp | None:
    """Return a point in time as given in text or as one; None for what is none, numbers too."""
    if not isinstance(value, str | dt.date | np.datetime64):
        return None
    try:
        found: object = pd.Timestamp(value)
    except ValueError:
        return None
    return found if isinstance(found, pd.Timestamp) else None


def check_origin(origin: object, *cuts: Cut) -> None:
    """Refuse an origin that no cut counts from."""
    if origin is not None and all(one.origin is None for one in cuts):
        raise CXError(
            f"origin={origin!r} is a day on which a block of days begins, such as of period='7D'; "
            f"{cuts[0].word}s follow the calendar. Leave origin out."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The periods of a log under one cut, from that of its first event to that of the end of observation.

    Attributes
    ----------
    starts
        The moments at which periods begin, in the zone of the calendar, and that at which the last one ends.
    edges
        The first tick of each, and the first after the last one.
    complete
        How many are over at the end of observation: the first so many.
    """

    starts: pd.DatetimeIndex
    edges: Int64s
    complete: int

    def __len__(self) -> int:
        return max(len(self.edges) - 1, 0)

    def number(self, ticks: Ints) -> Ints:
        """Return the number, from 0, of the period in which each tick lies."""
        if len(self) <= 1:
            return np.zeros(len(ticks), dtype=np.int32)
        inner = self.edges[1:-1]
        # No period is shorter than the step, so a step sees one edge at most: a table instead of a search.
        kind = ticks.dtype
        step = min(int(np.diff(self.edges).min()), int(np.iinfo(kind).max))
        if len(ticks) < len(self) or step < 1 or int(self.edges[-1]) // step > len(ticks):
            return np.searchsorted(inner, ticks, side="right").astype(np.int32)
        table = np.searchsorted(inner, np.arange(0, int(self.edges[-1]) + step, step), side="right")
        following = np.append(inner, np.iinfo(np.int64).max)[table]
        kind = ticks.dtype
        following = np.minimum(following, np.iinfo(kind).max).astype(kind)
        at = ticks // kind.type(step)
        found: Ints = table.astype(np.int32)[at] + (ticks >= following[at])
        return found


def grid(log: EventLog, definition: Definition, cut_: Cut) -> Grid:
    """Return the periods of a log, kept with it: nothing of a definition has a part in them but its zone."""
    zone = definition.rules.time_zone or log.time_zone
    return log.memo(("calendar", cut_, zone), lambda: _grid(log, cut_, zone))


def end_ns(log: EventLog) -> int:
    """Return the end of observation in nanoseconds since tick 0."""
    return log.packed.end_tick * log.packed.tick_ns


def _grid(log: EventLog, cut_: Cut, zone: str | None) -> Grid:
    if not log.n_events:
        return Grid(log.timestamps([]), np.zeros(0, dtype=np.int64), 0)
    # An observation that ends at midnight, with nothing there, has seen nothing of that day.
    seen = max(log.end, log.observation_end - pd.Timedelta(1, unit="ns"))
    first, last = (
        (moment if zone is None else moment.tz_convert(zone)).tz_localize(None).normalize()
        for moment in (log.start, seen)
    )
    if cut_.months:
        begin = first.to_period(cut_.text).start_time
        days = pd.date_range(begin, last + pd.DateOffset(months=cut_.months), freq=f"{cut_.months}MS")
    else:
        anchor = cut_.origin if cut_.origin is not None else first
        if cut_.text == "W":
            anchor = first - ((first.weekday() - cut_.weekday) % 7) * _DAY
        begin = first - ((first - anchor) // _DAY % cut_.days) * _DAY
        blocks = (last - begin) // _DAY // cut_.days + 2
        days = begin + pd.to_timedelta(np.arange(blocks) * cut_.days, unit="D")
    starts = _instants(pd.DatetimeIndex(days), zone)
    ns = starts if zone is None else starts.tz_convert(None)
    since = np.asarray(ns.asi8, dtype=np.int64) - log.packed.origin_ns
    edges = -(-since // log.packed.tick_ns)
    return Grid(starts, edges, int(np.searchsorted(since[1:], end_ns(log), side="right")))


def _instants(days: pd.DatetimeIndex, zone: str | None) -> pd.DatetimeIndex:
    """Return the moments at which days begin; midnights that clocks skip or repeat are the earliest."""
    begins = days.as_unit("ns")
    if zone is None:
        return begins
    return begins.tz_localize(zone, ambiguous=np.ones(len(begins), dtype=bool), nonexistent="shift_forward")
