"""The ticks of a log as durations and points in time, and durations as ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _times

if TYPE_CHECKING:
    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]


def ticks_in(duration: pd.Timedelta, tick_ns: int) -> int:
    """Return how many whole ticks fit into a duration."""
    exact = duration.to_timedelta64()
    # Python integers: a window of 300 years is no nanoseconds that int64 holds, and still a window.
    ns = int(exact.astype(np.int64)) * _times.UNIT_NS[np.datetime_data(exact.dtype)[0]]
    return ns // tick_ns


def durations(ticks: npt.ArrayLike, tick_ns: int) -> pd.TimedeltaIndex:
    """Return ticks as durations."""
    return pd.TimedeltaIndex(_nanoseconds(ticks, tick_ns, 0).view("m8[ns]"))


def timestamps(ticks: npt.ArrayLike, tick_ns: int, origin_ns: int, zone: str | None) -> pd.DatetimeIndex:
    """Return ticks since a moment as points in time, in a zone."""
    index = pd.DatetimeIndex(_nanoseconds(ticks, tick_ns, origin_ns).view("M8[ns]"))
    return index if zone is None else index.tz_localize("UTC").tz_convert(zone)


def timestamp(ns: int, zone: str | None) -> pd.Timestamp:
    """Return UTC nanoseconds since 1970 as a point in time, in a zone."""
    moment = pd.Timestamp(ns)
    return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone)


def _nanoseconds(ticks: npt.ArrayLike, tick_ns: int, origin_ns: int) -> Int64s:
    array = np.asarray(ticks)
    if array.dtype.kind in "iu":
        return array.astype(np.int64) * tick_ns + origin_ns
    array = array.astype(np.float64)
    missing = np.isnan(array)
    array = np.where(missing, 0.0, array)
    whole = np.floor(array)
    # Whole and fraction apart: together they would lose nanoseconds after 104 days.
    part = np.rint((array - whole) * tick_ns).astype(np.int64)
    ns: Int64s = whole.astype(np.int64) * tick_ns + part + origin_ns
    ns[missing] = np.iinfo(np.int64).min
    return ns
