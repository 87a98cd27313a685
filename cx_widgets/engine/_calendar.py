"""Days, weeks, months, quarters and years of a log's rows, exact across clock changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from cx_widgets.engine._protocol import Ints
    from cx_widgets.log import EventLog

_LATEST = pd.Timestamp("2262-01-01")
_FREQUENCIES = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q-DEC", "year": "Y-DEC"}


def calendar_numbers(log: EventLog, ticks: Ints, unit: str, zone: str | None) -> Ints:
    """Return for each tick the number of its calendar unit, counting up by one from unit to unit.

    A unit begins at its first midnight on the wall clock of the zone (None for the log's): at the skip where
    clocks skip it, the first time where they repeat it. So numbers never fall with time.
    """
    if not len(ticks):
        return np.zeros(0, dtype=np.int64)
    edges = _edges(log, ticks, unit, zone, 0)
    return np.searchsorted(edges, ticks, side="right").astype(np.int64)


def calendar_ends(log: EventLog, ticks: Ints, number: int, unit: str, zone: str | None) -> Ints:
    """Return for each tick the first one behind so many calendar units, that of the tick included."""
    if not len(ticks):
        return np.zeros(0, dtype=np.int64)
    edges = _edges(log, ticks, unit, zone, number)
    place = np.searchsorted(edges, ticks, side="right") + number - 1
    # Beyond the times there are, nothing ends.
    return np.append(edges, np.iinfo(np.int64).max >> 1)[np.minimum(place, len(edges))]


def _edges(log: EventLog, ticks: Ints, unit: str, zone: str | None, more: int) -> Ints:
    """Return the first ticks of the calendar units around some ticks, and of some more behind them."""
    ends = log.timestamps(np.array([ticks.min(), ticks.max()], dtype=np.int64))
    zone = zone or log.time_zone
    wall = ends if zone is None else ends.tz_convert(zone).tz_localize(None)
    # A day more on either side: where clocks repeat a midnight, the wall is behind the calendar.
    first, last = (
        pd.Period(moment, freq=_FREQUENCIES[unit])
        for moment in (wall[0] - pd.Timedelta(days=1), wall[1] + pd.Timedelta(days=1))
    )
    latest = pd.Period(_LATEST, freq=_FREQUENCIES[unit])
    last = pd.Period(ordinal=min(last.ordinal + more, latest.ordinal), freq=_FREQUENCIES[unit])
    # Nothing lies before the first of them, so its own beginning is of no consequence.
    periods = pd.period_range(first, last, freq=_FREQUENCIES[unit])[1:]
    begins = pd.DatetimeIndex(periods.start_time).as_unit("ns")
    if zone is not None:
        earliest = np.ones(len(begins), dtype=bool)
        begins = begins.tz_localize(zone, ambiguous=earliest, nonexistent="shift_forward").tz_convert(None)
    since = np.asarray(begins.asi8, dtype=np.int64) - log.packed.origin_ns
    # A unit that begins between two ticks holds the later one.
    return -(-since // log.packed.tick_ns)
