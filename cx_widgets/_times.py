"""Times of every kind a column can hold, as exact UTC nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from cx_widgets.errors import CXError, unknown

if TYPE_CHECKING:
    import numpy.typing as npt

UNIT_NS = {"D": 86_400_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_EPOCH_UNITS = ("s", "ms", "us", "ns", "D")
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
_LOW = int(np.datetime64(f"{_FIRST_YEAR}-01-01", "s").astype(np.int64)) * UNIT_NS["s"]
_HIGH = int(np.datetime64(f"{_LAST_YEAR + 1}-01-01", "s").astype(np.int64)) * UNIT_NS["s"]
_NAT = np.iinfo(np.int64).min

# A zone or offset at the end of an ISO text; the date's own hyphens come before the hour.
_OFFSET = r"[T ]\d{2}.*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)\s*$"
_CLOCK_WORDS = ("now", "today")


@dataclass(frozen=True, slots=True)
class Instants:
    """Times of all rows: UTC nanoseconds (naive times as if UTC), where they are missing, and their zone."""

    ns: npt.NDArray[np.int64]
    missing: npt.NDArray[np.bool_]
    zone: str | None
    ambiguous: int = 0
    skipped: int = 0


def check_zone(zone: object) -> None:
    """Refuse a time zone that does not exist."""
    if zone is None:
        return
    if not isinstance(zone, str):
        raise CXError(f"time_zone must be a name such as 'Europe/Berlin' or 'UTC', not {zone!r}.")
    try:
        pd.Timestamp(0, tz="UTC").tz_convert(zone)
    except (KeyError, ValueError, OSError):
        from zoneinfo import available_timezones  # noqa: PLC0415 - reads hundreds of files

        raise unknown(
            "time zone", zone, ["UTC", *sorted(name for name in available_timezones() if "/" in name)]
        ) from None


def instants(series: pd.Series, name: str, unit: str | None, zone: str | None) -> Instants:
    """Return the times of a column; refuse what is not a time, with the first such value and its row."""
    check_zone(zone)
    if unit is not None and unit not in _EPOCH_UNITS:
        raise unknown("time_unit", unit, _EPOCH_UNITS)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    kind = infer_dtype(series, skipna=True)
    if kind == "empty" or not series.notna().any():
        n = len(series)
        return Instants(np.zeros(n, np.int64), np.ones(n, np.bool_), zone)
    if kind in _NUMERIC:
        return _epochs(series, name, unit, zone)
    if unit is not None and kind in _PARSED:
        held = "text" if kind == "string" else "timestamps"
        raise CXError(
            f"time_unit={unit!r} is for epoch numbers, but column {name!r} holds {held}. Leave time_unit out."
        )
    if kind == "string":
        return _texts(series, name, zone)
    if kind in _PARSED:
        return _stamps(series, name, zone)
    value, row = _first(series, series.notna().to_numpy(dtype=bool))
    raise CXError(
        f"column {name!r} holds no times: {_NOT_TIMES.get(kind, 'mixed kinds of values')}, first {value!r} at row {row}."
        f" {_STEPS.get(kind, 'Convert it first: pd.to_datetime(df[' + repr(name) + '])')}."
    )


_NUMERIC = {"integer", "floating", "mixed-integer-float", "decimal"}
_PARSED = {"string", "datetime", "datetime64", "date"}
_NOT_TIMES = {
    "boolean": "truth values",
    "timedelta": "durations",
    "timedelta64": "durations",
    "time": "times of day without a date",
    "period": "periods",
    "bytes": "bytes",
}
_STEPS = {
    "boolean": "Name the column that holds the times",
    "timedelta": "Add the durations to a start date first",
    "timedelta64": "Add the durations to a start date first",
    "time": "Combine them with a date first",
    "period": "Convert them first with .dt.to_timestamp()",
}


def _first(series: pd.Series, where: npt.NDArray[np.bool_]) -> tuple[object, int]:
    row = int(np.argmax(where))
    return series.iloc[row], row


def _epochs(series: pd.Series, name: str, unit: str | None, zone: str | None) -> Instants:
    missing = series.isna().to_numpy(dtype=bool)
    if unit is None:
        value, row = _first(series, ~missing)
        raise CXError(
            f"column {name!r} holds numbers ({value} at row {row}), and numbers need a unit."
            f" Pass time_unit='s' (or one of 'ms', 'us', 'ns', 'D') for times counted from 1970-01-01 UTC."
        )
    factor = UNIT_NS[unit]
    if pd.api.types.is_integer_dtype(series.dtype):
        counts = series.fillna(0).to_numpy() if missing.any() else series.to_numpy()
        # Compare as Python ints do, so that uint64 beyond int64 is refused and not wrapped.
        outside = (counts < _cut(_LOW, factor, counts)) | (counts > _cut(_HIGH - 1, factor, counts))
        _refuse_outside(series, outside, name, unit)
        return Instants(counts.astype(np.int64) * factor, missing, zone or "UTC")
    floats = series.astype("float64").to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(floats)
    floats = np.where(missing, 0.0, floats)
    outside = infinite | (floats < _LOW / factor) | (floats >= _HIGH / factor)
    _refuse_outside(series, outside, name, unit)
    whole = np.floor(floats)
    # A double of today's seconds is good to 0.2 microseconds: finer digits would be noise.
    rest = np.rint((floats - whole) * (factor / 1_000)).astype(np.int64) * 1_000
    if factor == 1:
        return Instants(floats.astype(np.int64), missing, zone or "UTC")
    return Instants(whole.astype(np.int64) * factor + rest, missing, zone or "UTC")


def _cut(bound: int, factor: int, counts: npt.NDArray[np.generic]) -> int:
    limit = bound // factor
    kind = np.iinfo(counts.dtype)  # type: ignore[type-var]
    return max(kind.min, min(kind.max, limit))


def _refuse_outside(series: pd.Series, outside: npt.NDArray[np.bool_], name: str, unit: str) -> None:
    if not outside.any():
        return
    value, row = _first(series, outside)
    hint = ""
    for other in ("s", "ms", "us", "ns"):
        stamp = float(value) * UNIT_NS[other]  # type: ignore[arg-type]
        if other != unit and _PLAUSIBLE[0] <= stamp < _PLAUSIBLE[1]:
            year = pd.Timestamp(int(stamp)).year
            hint = f" With time_unit={other!r} it would be in {year}."
            break
    raise CXError(
        f"{int(outside.sum()):,} of {len(series):,} times lie outside the years {_FIRST_YEAR} to {_LAST_YEAR}:"
        f" first {value} at row {row} (column {name!r}, time_unit={unit!r}).{hint or ' Check the unit.'}"
    )


_PLAUSIBLE = (pd.Timestamp("1990-01-01").value, pd.Timestamp("2100-01-01").value)


def _outside(series: pd.Series, outside: npt.NDArray[np.bool_], name: str) -> CXError:
    value, row = _first(series, outside)
    text = value if isinstance(value, str) else str(value)
    return CXError(
        f"{int(outside.sum()):,} of {len(series):,} times lie outside the years {_FIRST_YEAR} to {_LAST_YEAR}:"
        f" first {text!r} at row {row} (column {name!r}). Correct them, or leave these rows out."
    )


def _texts(series: pd.Series, name: str, zone: str | None) -> Instants:
    series = series.astype(object)
    parsed = _parse(series)
    if parsed is None or (parsed.dtype != object and getattr(parsed.dtype, "tz", None) is not None):
        # pandas 2 reads a naive text among texts with one offset as if it had that offset, silently.
        present = series.notna()
        aware = series[present].str.contains(_OFFSET, regex=True).to_numpy(dtype=bool)
        parsed = _decide(series, parsed, present.to_numpy(dtype=bool), aware, name)
    clock = series.isin(_CLOCK_WORDS).to_numpy(dtype=bool)
    if clock.any():
        raise _unparsable(series, clock, name)
    return _placed(parsed, series, name, zone)


def _parse(series: pd.Series) -> pd.Series | None:
    """Return the parsed column, or None where a value or a mix of zones needs a closer look."""
    import warnings  # noqa: PLC0415 - one call

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            parsed = pd.to_datetime(series, format="ISO8601")
    except (ValueError, FutureWarning, OverflowError):
        return None
    return None if parsed.dtype == object else parsed


def _decide(
    series: pd.Series,
    parsed: pd.Series | None,
    present: npt.NDArray[np.bool_],
    aware: npt.NDArray[np.bool_],
    name: str,
) -> pd.Series:
    utc = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    failed = utc.isna().to_numpy(dtype=bool) & present
    if failed.any():
        bad = failed & series.isin(_really_bad(series[failed])).to_numpy(dtype=bool)
        if bad.any():
            years = (
                series[bad].astype(str).str.extract(r"^\s*([+-]?\d{4,6})-\d", expand=False).astype("float64")
            )
            if not years.between(_FIRST_YEAR, _LAST_YEAR).any() and years.notna().all():
                raise _outside(series, bad, name)
            raise _unparsable(series, bad, name)
    known = np.zeros(len(series), np.bool_)
    known[present] = aware
    without = present & ~failed & ~known
    if known.any() and without.any():
        one, row_one = _first(series, known)
        other, row_other = _first(series, without)
        raise CXError(
            f"column {name!r} mixes times with and without a time zone: {str(one)!r} at row {row_one},"
            f" {str(other)!r} at row {row_other}. Give all of them an offset, or none and pass time_zone=."
        )
    if parsed is not None:
        return parsed
    return utc if known.any() else utc.dt.tz_localize(None)


def _really_bad(values: pd.Series) -> list[object]:
    # pandas reads '' and 'NaT' as missing, which is not a failure; one distinct text after the other.
    bad: list[object] = []
    for value in values.drop_duplicates().iloc[:1000]:
        try:
            pd.to_datetime(pd.Series([value], dtype=object), format="ISO8601", utc=True)
        except (ValueError, OverflowError):
            bad.append(value)
    return bad


def _unparsable(series: pd.Series, bad: npt.NDArray[np.bool_], name: str) -> CXError:
    value, row = _first(series, bad)
    return CXError(
        f"{int(bad.sum()):,} of {len(series):,} times cannot be read: first {value!r} at row {row} (column {name!r})."
        " Times are ISO 8601, such as '2024-05-31 14:30'."
        f" Convert other forms first: pd.to_datetime(df[{name!r}], format=...)."
    )


def _stamps(series: pd.Series, name: str, zone: str | None) -> Instants:
    if series.dtype != object:
        return _placed(series, series, name, zone)
    parsed = _parse(series)
    present = series.notna()
    aware = series[present].map(lambda value: getattr(value, "tzinfo", None) is not None).to_numpy(dtype=bool)
    if parsed is None or aware.any():
        parsed = _decide(series, parsed, present.to_numpy(dtype=bool), aware, name)
    return _placed(parsed, series, name, zone)


def _placed(parsed: pd.Series, given: pd.Series, name: str, zone: str | None) -> Instants:
    index = pd.DatetimeIndex(parsed)
    own = zone_name(index.tz)
    missing = np.asarray(index.isna())
    values = (index if index.tz is None else index.tz_convert(None)).to_numpy()
    ns = _to_ns(values, missing, given, name)
    if own is not None or zone is None:
        return Instants(ns, missing, zone or own)
    return _localised(ns, missing, zone)


def _to_ns(
    values: npt.NDArray[np.datetime64], missing: npt.NDArray[np.bool_], given: pd.Series, name: str
) -> npt.NDArray[np.int64]:
    unit = np.datetime_data(values.dtype)[0]
    factor = UNIT_NS[unit]
    counts = values.view(np.int64)
    outside = ((counts < _LOW // factor) | (counts > (_HIGH - 1) // factor)) & ~missing
    if outside.any():
        raise _outside(given, outside, name)
    ns = counts * factor if factor > 1 else counts.copy()
    if missing.any():
        ns[missing] = 0
    return ns


def zone_name(tz: object) -> str | None:
    """Return the name under which pandas finds a time zone again."""
    if tz is None:
        return None
    for attribute in ("key", "zone"):
        name = getattr(tz, attribute, None)
        if isinstance(name, str):
            return name
    return str(tz)


def _localised(ns: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_], zone: str) -> Instants:
    naive = pd.DatetimeIndex(ns.view("M8[ns]"))
    placed = naive.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    doubtful = np.asarray(placed.isna())
    utc = placed.tz_convert(None).to_numpy().astype("M8[ns]").view(np.int64).copy()
    ambiguous = skipped = 0
    if doubtful.any():
        where = np.flatnonzero(doubtful)
        standard = naive[where].tz_localize(zone, ambiguous=np.zeros(len(where), np.bool_), nonexistent="NaT")
        gone = np.asarray(standard.isna())
        fixed = standard.tz_convert(None).to_numpy().astype("M8[ns]").view(np.int64).copy()
        if gone.any():
            # A clock nobody set forward: the offset of the day before still holds for it.
            before = naive[where[gone]] - pd.Timedelta(days=1)
            earlier = before.tz_localize(
                zone, ambiguous=np.zeros(len(before), np.bool_), nonexistent="shift_forward"
            )
            fixed[gone] = earlier.tz_convert(None).to_numpy().astype("M8[ns]").view(np.int64) + UNIT_NS["D"]
        utc[where] = fixed
        real = ~missing[where]
        skipped = int((gone & real).sum())
        ambiguous = int((~gone & real).sum())
    return Instants(utc, missing, zone, ambiguous, skipped)
