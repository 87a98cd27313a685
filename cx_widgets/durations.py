"""Durations as text, exact to the nanosecond."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction

import numpy as np
import pandas as pd

from cx_widgets.problems import DefinitionError

Duration = pd.Timedelta | dt.timedelta | np.timedelta64 | str

UNITS = {
    "D": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "min": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_SPELLINGS = {
    "D": ("D", "d", "day", "days"),
    "h": ("h", "H", "hour", "hours"),
    "min": ("min", "mins", "minute", "minutes"),
    "s": ("s", "S", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "millisecond", "milliseconds"),
    "us": ("us", "\N{MICRO SIGN}s", "\N{GREEK SMALL LETTER MU}s", "microsecond", "microseconds"),
    "ns": ("ns", "nanosecond", "nanoseconds"),
}
_NANOSECONDS = {
    **{word: UNITS[unit] for unit, words in _SPELLINGS.items() for word in words},
    **dict.fromkeys(("W", "w", "week", "weeks"), 7 * UNITS["D"]),
}
_MONTHS = ("M", "mo", "mon", "month", "months", "ME", "MS")
_YEARS = ("Y", "y", "yr", "yrs", "year", "years", "YE", "YS")
_TERM = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([^\W\d_]+)\s*")
_SAY = "Say '30D', '12h', '90min' or '1D12h'"
_LONGEST_NS = int(pd.Timedelta.max.value)


def format_duration(duration: pd.Timedelta) -> str:
    """Return a duration as text in the largest unit that divides it exactly.

    Parameters
    ----------
    duration : pd.Timedelta
        Any duration; parts of a nanosecond do not exist.

    Returns
    -------
    str
        A whole number and one of ``D``, ``h``, ``min``, ``s``, ``ms``, ``us``, ``ns``.

    Examples
    --------
    >>> format_duration(pd.Timedelta(days=30)), format_duration(pd.Timedelta(hours=36))
    ('30D', '36h')
    """
    nanoseconds = int(duration.as_unit("ns").value)
    unit, size = next((unit, size) for unit, size in UNITS.items() if nanoseconds % size == 0)
    return f"{nanoseconds // size}{unit}"


def parse_duration(value: object, field: str = "duration") -> pd.Timedelta:
    """Return a fixed, positive duration from a Timedelta or from text with units.

    Parameters
    ----------
    value : pd.Timedelta, datetime.timedelta, numpy.timedelta64 or str
        Text is one or more numbers with a unit each: weeks, ``D``, ``h``, ``min``, ``s``, ``ms``, ``us``,
        ``ns`` (``"7D"``, ``"1D12h"``, ``"1.5 hours"``). Bare numbers are refused, for they have no unit;
        months and years, for they have no fixed length.
    field : str
        The field the error names.

    Returns
    -------
    pd.Timedelta
        In nanoseconds, exact.

    Examples
    --------
    >>> parse_duration("1D12h")
    Timedelta('1 days 12:00:00')
    """
    if isinstance(value, str):
        nanoseconds = _nanoseconds(value, field)
        shown = repr(value)
    elif isinstance(value, (pd.Timedelta, dt.timedelta, np.timedelta64)) and not pd.isna(value):
        unitless = isinstance(value, np.timedelta64) and np.datetime_data(value.dtype)[0] in (
            "M",
            "Y",
            "generic",
        )
        if unitless:
            raise refused(field, f"{field}={str(value)!r} has no fixed length. {_SAY}.")
        try:
            delta = pd.Timedelta(value).as_unit("ns")
        except (OverflowError, ValueError):
            raise _too_long(field, str(value)) from None
        nanoseconds = int(delta.value)
        shown = repr(format_duration(delta))
    elif isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - NaN
        number = value if value > 0 else 30
        raise refused(field, f"{field}={value} has no unit. Say '{number}D', '{number}h' or '{number}min'.")
    else:
        raise refused(field, f"{field}={value!r} is not a duration. {_SAY}.")
    if nanoseconds <= 0:
        raise refused(field, f"{field}={shown} is not longer than nothing. {_SAY}.")
    if nanoseconds > _LONGEST_NS:
        raise _too_long(field, shown)
    return pd.Timedelta(nanoseconds, unit="ns")


def _nanoseconds(text: str, field: str) -> int:
    terms, at = [], 0
    sign = -1 if text.strip().startswith("-") else 1
    body = text.strip().removeprefix("-")
    while found := _TERM.match(body, at):
        terms.append(found.groups())
        at = found.end()
    if not terms or at != len(body):
        if re.fullmatch(r"\s*[0-9.]+\s*", body):
            number = body.strip()
            raise refused(
                field, f"{field}={text!r} has no unit. Say '{number}D', '{number}h' or '{number}min'."
            )
        raise refused(field, f"{field}={text!r} is not a duration. {_SAY}.")
    total = Fraction(0)
    for number, unit in terms:
        if unit in _MONTHS or unit in _YEARS:
            word, days = ("month", 30) if unit in _MONTHS else ("year", 365)
            said = f"{round(Fraction(number) * days)}D"
            raise refused(field, f"{field}={text!r}: a {word} is not a fixed duration; say {said!r}.")
        if unit == "m":
            said = f"'{number}min' for minutes or '{round(Fraction(number) * 30)}D' for months"
            raise refused(field, f"{field}={text!r}: 'm' may mean minutes or months; say {said}.")
        if unit not in _NANOSECONDS:
            raise refused(
                field, f"{field}={text!r} has no known unit {unit!r}. Units: {', '.join(UNITS)}. {_SAY}."
            )
        total += Fraction(number) * _NANOSECONDS[unit]
    if total.denominator != 1:
        raise refused(field, f"{field}={text!r} is not a whole number of nanoseconds. {_SAY}.")
    return sign * int(total)


def refused(field: str, message: str) -> DefinitionError:
    """Return the error for a value that a rule does not take."""
    return DefinitionError(message, kind="rules", field=field)


def _too_long(field: str, shown: str) -> DefinitionError:
    return refused(field, f"{field}={shown} is longer than 292 years, the most a Timedelta holds. {_SAY}.")
