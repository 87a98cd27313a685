"""Numbers as people read them; undefined is an en dash."""

from __future__ import annotations

import math

import pandas as pd

UNDEFINED = "\N{EN DASH}"
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0))


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return UNDEFINED if math.isnan(share) else f"{100 * share:.1f} %"


def interval(lower: float, upper: float) -> str:
    """Return the two ends of an interval of shares."""
    return UNDEFINED if math.isnan(lower) or math.isnan(upper) else f"{percent(lower)} to {percent(upper)}"


def count(number: object) -> str:
    """Return a count with thousands separated."""
    return UNDEFINED if number is None or str(number) in ("<NA>", "nan") else f"{int(float(str(number))):,}"


def duration(value: object) -> str:
    """Return a duration in the largest unit that leaves at least one."""
    if not isinstance(value, pd.Timedelta) or pd.isna(value):
        return UNDEFINED
    seconds = value.total_seconds()
    for unit, size in _UNITS:
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.3g} s"


def shortened(name: str, limit: int) -> str:
    """Return a name cut to a number of characters; the table beside the chart carries it whole."""
    return name if len(name) <= limit else name[: limit - 1].rstrip() + _ELLIPSIS
