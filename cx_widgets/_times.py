"""Times of every kind a column can hold, as exact UTC nanoseconds."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_integer_dtype

from cx_widgets._frames import shown
from cx_widgets._pieces import span
from cx_widgets.errors import CXError, nearest, unknown

if TYPE_CHECKING:
    from datetime import tzinfo

    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

UNIT_NS = {"D": 86_400_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_EPOCH_UNITS = ("s", "ms", "us", "ns", "D")

# 64 bits of nanoseconds reach from September 1677 to April 2262: whole years inside are easier to say.
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
_LOW = int(np.datetime64(f"{_FIRST_YEAR}-01-01", "s").astype(np.int64)) * UNIT_NS["s"]
_HIGH = int(np.datetime64(f"{_LAST_YEAR + 1}-01-01", "s").astype(np.int64)) * UNIT_NS["s"]
_PLAUSIBLE = (pd.Timestamp("1990-01-01").value, pd.Timestamp("2100-01-01").value)

_NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal"}
_STAMPS = {"datetime", "datetime64", "date"}
_NOT_TIMES = {
    "boolean": "truth values",
    "bytes": "bytes",
    "period": "periods",
    "time": "times of day without a date",
    "timedelta": "durations",
    "timedelta64": "durations",
}
_STEPS = {
    "boolean": "Name the column that holds the times",
    "period": "Convert them first with .dt.to_timestamp()",
    "time": "Combine them with a date first",
    "timedelta": "Add them to a start date first",
    "timedelta64": "Add them to a start date first",
}

# A zone or an offset ends an ISO text, after the hour: the date has hyphens, too.
_OFFSET = r"[T ]\d{2}.*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)\s*$"
_UTC = " UTC"
_YEAR = r"^\s*([+-]?\d{4,6})-\d"
# What pandas reads as missing in a column of times.
_NULL_TEXTS = ("", "NaT", "nat", "NAT", "nan", "NaN", "NAN")


@dataclass(frozen=True, slots=True)
class Instants:
    """The times of all rows as counts of a unit since 1970 in UTC, times without a zone as if UTC.

    Parameters
    ----------
    counts : ndarray of int64
        How many units; any number where missing. May be the memory of the caller's column.
    missing : ndarray of bool, optional
        Which are missing; None where none is.
    zone : str, optional
        In which zone they are shown.
    ambiguous, skipped : int
        How many local times the zone has twice, or not at all.
    unit_ns : int
        Nanoseconds of the unit.
    span : (int, int), optional
        The least and the greatest count, where they are known.
    """

    counts: Int64s
    missing: Bools | None
    zone: str | None
    ambiguous: int = 0
    skipped: int = 0
    unit_ns: int = 1
    span: tuple[int, int] | None = None

    @property
    def ns(self) -> Int64s:
        """Nanoseconds since 1970."""
        return self.counts * self.unit_ns


def instants(series: pd.Series, name: str, unit: str | None, zone: str | None) -> Instants:
    """Return the times of a column; refuse what is not a time, with the first such value and its row."""
    check_zone(zone)
    if unit is not None and unit not in _EPOCH_UNITS:
        raise unknown("time_unit", unit, _EPOCH_UNITS)
    quick = None if unit is not None else _stamps(series, zone)
    if quick is not None:
        return quick
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object).infer_objects()
    present = series.notna().to_numpy(dtype=bool)
    if not present.any():
        return Instants(np.zeros(len(series), np.int64), ~present, zone)
    kind = infer_dtype(series, skipna=True)
    if kind in _NUMBERS:
        return _epochs(series, ~present, name, unit, zone)
    if kind != "string" and kind not in _STAMPS:
        value, row = _first(series, present)
        step = _STEPS.get(kind, f"Convert it first: pd.to_datetime(df[{name!r}])")
        raise CXError(
            f"column {name!r} holds no times but {_NOT_TIMES.get(kind, 'values of several kinds')},"
            f" first {shown(value)} at row {row}. {step}."
        )
    if unit is not None:
        raise CXError(
            f"time_unit={unit!r} is for epoch numbers, but column {name!r} holds"
            f" {'text' if kind == 'string' else 'timestamps'}. Leave time_unit out."
        )
    if kind == "string":
        return _placed(_texts(series.astype(object), present, name), series, name, zone)
    if series.dtype == object:
        return _placed(_objects(series, present, name), series, name, zone)
    return _placed(series, series, name, zone)


def _stamps(series: pd.Series, zone: str | None) -> Instants | None:
    """Return timestamps that need no second look, as they stand in the column; None for anything else."""
    dtype = series.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        index = pd.DatetimeIndex(series)
        own = _zone_name(index.tz)
        values = index.tz_convert(None).to_numpy()
    elif isinstance(dtype, np.dtype) and dtype.kind == "M" and zone is None:
        own, values = None, series.to_numpy()
    else:
        return None
    factor = UNIT_NS[np.datetime_data(values.dtype)[0]]
    counts = values.view(np.int64)
    if not len(counts):
        return None
    low, high = span(counts)
    if low < _LOW // factor or high > (_HIGH - 1) // factor:
        return None
    return Instants(counts, None, zone or own, unit_ns=factor, span=(low, high))


def parsed_moment(when: object, field: str) -> pd.Timestamp:
    """Return a time in nanoseconds from ISO 8601 text or a time of any kind, with its zone if it has one."""
    say = "Give a time, such as '2026-01-31T18:00' or '2026-01-31T18:00+01:00'."
    shown = repr(str(when)) if isinstance(when, (dt.date, np.datetime64)) else repr(when)
    if isinstance(when, str):
        try:
            # pandas alone would also read "now", and "1/2/2026" by guessing.
            dt.datetime.fromisoformat(when.strip())
        except ValueError:
            raise CXError(f"{field}={shown} is no ISO 8601 time. {say}") from None
    elif not isinstance(when, (dt.date, np.datetime64)):
        raise CXError(f"{field}={shown} is no time. {say}")
    try:
        moment = pd.Timestamp(when.strip() if isinstance(when, str) else when)
        if pd.isna(moment):
            raise CXError(f"{field}={shown} is no time. {say}")
        if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            return moment.as_unit("ns")
    except (OverflowError, pd.errors.OutOfBoundsDatetime):
        pass
    raise CXError(f"{field}={shown} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}. {say}")


def moment(when: pd.Timestamp, zone: str | None, field: str) -> pd.Timestamp:
    """Return a time in a zone: a naive one is local time there, another one is converted."""
    if when.tzinfo is None:
        if zone is None:
            return when
        ns = _localised(np.array([when.value]), np.zeros(1, np.bool_), zone).ns
        return pd.Timestamp(int(ns[0]), tz="UTC").tz_convert(zone)
    if zone is None:
        raise CXError(
            f"{field}={when.isoformat()!r} has a time zone, and the times of the log have none. Leave the "
            "zone out, or give the log one: EventLog(..., time_zone=...)."
        )
    return when.tz_convert(zone)


def _first(series: pd.Series, where: Bools) -> tuple[object, int]:
    row = int(np.argmax(where))
    return series.iloc[row], row


def check_zone(zone: object) -> None:
    """Refuse what is no name of a time zone; None is fine."""
    if zone is None:
        return
    if not isinstance(zone, str):
        raise CXError(f"time_zone must be a name such as 'Europe/Berlin' or 'UTC', not {zone!r}.")
    if not _exists(zone):
        from zoneinfo import available_timezones  # noqa: PLC0415 - reads hundreds of files

        near = nearest(zone, sorted(available_timezones()))
        hint = f" Did you mean {near!r}?" if near is not None else ""
        raise CXError(
            f"unknown time_zone {zone!r}.{hint}"
            " Zones have names such as 'Europe/Berlin', 'America/New_York' or 'UTC'."
        )


def _exists(zone: str) -> bool:
    try:
        pd.Timestamp(0, tz="UTC").tz_convert(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _zone_name(tz: tzinfo | None) -> str | None:
    """Return the name under which pandas finds a time zone again; UTC where a zone has no such name."""
    if tz is None:
        return None
    names = [getattr(tz, "key", None), getattr(tz, "zone", None), str(tz)]
    fixed = tz.utcoffset(None)
    if fixed is not None:
        minutes = int(fixed.total_seconds() // 60)
        names.append(f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}")
    return next((name for name in names if isinstance(name, str) and _exists(name)), "UTC")


def _epochs(series: pd.Series, missing: Bools, name: str, unit: str | None, zone: str | None) -> Instants:
    if unit is None:
        value, row = _first(series, ~missing)
        raise CXError(
            f"column {name!r} holds numbers ({shown(value)} at row {row}), and numbers need a unit."
            " Pass time_unit='s' (or 'ms', 'us', 'ns', 'D') if they count from 1970-01-01 UTC."
        )
    factor = UNIT_NS[unit]
    if is_integer_dtype(series.dtype):
        gaps = bool(missing.any())
        counts = (series.fillna(0) if gaps else series).to_numpy()
        limits = np.iinfo(counts.dtype)
        low = max(int(limits.min), _LOW // factor)
        high = min(int(limits.max), (_HIGH - 1) // factor)
        if int(counts.min()) < low or int(counts.max()) > high:
            _refuse_counts(series, (counts < low) | (counts > high), name, unit)
        found = counts.astype(np.int64, copy=False)
        return Instants(found, missing if gaps else None, zone or "UTC", unit_ns=factor)
    floats = series.astype("float64").to_numpy(dtype=np.float64, na_value=np.nan)
    floats = np.where(missing, 0.0, floats)
    _refuse_counts(series, ~((floats >= _LOW / factor) & (floats < _HIGH / factor)), name, unit)
    whole = np.floor(floats)
    # A double of today's seconds is good to 0.2 microseconds: finer digits would be noise.
    part = np.rint((floats - whole) * (factor / UNIT_NS["us"])).astype(np.int64) * UNIT_NS["us"]
    return Instants(whole.astype(np.int64) * factor + part, missing, zone or "UTC")


def _refuse_counts(series: pd.Series, outside: Bools, name: str, unit: str) -> None:
    if not outside.any():
        return
    value, row = _first(series, outside)
    hint = "Check the unit."
    for other in ("s", "ms", "us", "ns"):
        ns = float(str(value)) * UNIT_NS[other]
        if other != unit and _PLAUSIBLE[0] <= ns < _PLAUSIBLE[1]:
            hint = f"With time_unit={other!r} it would be in {pd.Timestamp(int(ns)).year}."
            break
    raise CXError(
        f"{_of(outside)} times lie outside the years {_FIRST_YEAR} to {_LAST_YEAR}:"
        f" first {shown(value)} at row {row} (column {name!r}, time_unit={unit!r}). {hint}"
    )


def _of(where: Bools) -> str:
    return f"{int(where.sum()):,} of {len(where):,}"


def _outside(series: pd.Series, outside: Bools, name: str) -> CXError:
    value, row = _first(series, outside)
    return CXError(
        f"{_of(outside)} times lie outside the years {_FIRST_YEAR} to {_LAST_YEAR}:"
        f" first {str(value)!r} at row {row} (column {name!r}). Correct them, or leave these rows out."
    )


def _unreadable(series: pd.Series, bad: Bools, name: str) -> CXError:
    value, row = _first(series, bad)
    step = f"Convert other forms first: pd.to_datetime(df[{name!r}], format=...)."
    if str(value).isdecimal():
        step = f"Convert epoch numbers first, pd.to_numeric(df[{name!r}]), and pass time_unit=."
    return CXError(
        f"{_of(bad)} times cannot be read: first {value!r} at row {row} (column {name!r})."
        f" Times are ISO 8601, such as '2024-05-31 14:30'. {step}"
    )


def _texts(series: pd.Series, present: Bools, name: str) -> pd.Series:
    # pandas reads these two by the clock.
    clock = series.isin(("now", "today")).to_numpy(dtype=bool)
    if clock.any():
        raise _unreadable(series, clock, name)
    if str(series[present].iloc[0]).endswith(_UTC) and series[present].str.endswith(_UTC).all():
        # As web shops and BigQuery write it; ISO 8601 would end in Z.
        bare = _texts(series.str.removesuffix(_UTC), present, name)
        return bare.dt.tz_localize("UTC") if bare.dt.tz is None else bare
    parsed = _parsed(series)
    if parsed is not None and parsed.dtype.kind == "M" and getattr(parsed.dtype, "tz", None) is None:
        return parsed
    # pandas 2 gives a text without offset the offset of its neighbours and says nothing.
    aware = present.copy()
    aware[present] = series[present].str.contains(_OFFSET, regex=True).to_numpy(dtype=bool)
    return _decided(series, parsed, present, aware, name)


def _objects(series: pd.Series, present: Bools, name: str) -> pd.Series:
    aware = (
        series.map(lambda value: getattr(value, "tzinfo", None) is not None).to_numpy(dtype=bool) & present
    )
    return _decided(series, _parsed(series), present, aware, name)


def _parsed(series: pd.Series) -> pd.Series | None:
    """Return the parsed column, or None where a value or a mix of zones needs a closer look."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            parsed = pd.to_datetime(series, format="ISO8601")
    except (ValueError, OverflowError, FutureWarning):
        return None
    return None if parsed.dtype == object else parsed


def _decided(
    series: pd.Series, parsed: pd.Series | None, present: Bools, aware: Bools, name: str
) -> pd.Series:
    """Return the parsed column, in UTC where offsets differ; refuse what is no time, or half with a zone."""
    utc = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    failed = utc.isna().to_numpy(dtype=bool) & present
    bad = failed & ~series.isin(_NULL_TEXTS).to_numpy(dtype=bool)
    if bad.any():
        years = series[bad].astype(str).str.extract(_YEAR, expand=False).astype("float64")
        if years.notna().all() and not years.between(_FIRST_YEAR, _LAST_YEAR).any():
            raise _outside(series, bad, name)
        raise _unreadable(series, bad, name)
    naive = present & ~failed & ~aware
    if aware.any() and naive.any():
        one, row = _first(series, aware)
        other, other_row = _first(series, naive)
        raise CXError(
            f"column {name!r} mixes times with and without a time zone: {str(one)!r} at row {row},"
            f" {str(other)!r} at row {other_row}. Give all of them one, or none and pass time_zone=."
        )
    if parsed is not None:
        return parsed
    return utc if aware.any() else utc.dt.tz_localize(None)


def _placed(parsed: pd.Series, given: pd.Series, name: str, zone: str | None) -> Instants:
    index = pd.DatetimeIndex(parsed)
    own = _zone_name(index.tz)
    missing = np.asarray(index.isna())
    values = (index if index.tz is None else index.tz_convert(None)).to_numpy()
    factor = UNIT_NS[np.datetime_data(values.dtype)[0]]
    counts = values.view(np.int64)
    outside = ((counts < _LOW // factor) | (counts > (_HIGH - 1) // factor)) & ~missing
    if outside.any():
        raise _outside(given, outside, name)
    ns = np.where(missing, 0, counts) * factor
    if own is not None or zone is None:
        return Instants(ns, missing, zone or own)
    return _localised(ns, missing, zone)


def _localised(ns: Int64s, missing: Bools, zone: str) -> Instants:
    naive = pd.DatetimeIndex(ns.view("M8[ns]"))
    placed = naive.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    where = np.flatnonzero(np.asarray(placed.isna()))
    utc = _utc(placed)
    if not len(where):
        return Instants(utc, missing, zone)
    second = naive[where].tz_localize(zone, ambiguous=np.zeros(len(where), np.bool_), nonexistent="NaT")
    gone = np.asarray(second.isna())
    utc[where] = _utc(second)
    if gone.any():
        # A clock nobody set forward: the offset of the day before still holds for it.
        before = naive[where[gone]] - pd.Timedelta(days=1)
        winter = np.zeros(len(before), np.bool_)
        earlier = before.tz_localize(zone, ambiguous=winter, nonexistent="shift_forward")
        utc[where[gone]] = _utc(earlier) + UNIT_NS["D"]
    real = ~missing[where]
    return Instants(utc, missing, zone, int((~gone & real).sum()), int((gone & real).sum()))


def _utc(index: pd.DatetimeIndex) -> Int64s:
    return index.tz_convert(None).to_numpy().astype("M8[ns]").astype(np.int64)
