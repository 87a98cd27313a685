"""Numbers as people read them, in results and in widgets alike; undefined is an en dash."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

UNDEFINED = "\N{EN DASH}"
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_UNITS = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0))


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return UNDEFINED if math.isnan(share) else f"{share:.1%}"


def span(lower: float, upper: float) -> str:
    """Return an interval of shares."""
    return UNDEFINED if math.isnan(lower) else f"{percent(lower)} to {percent(upper)}"


def points(change: float) -> str:
    """Return a difference of shares in percentage points, signed."""
    if math.isnan(change):
        return UNDEFINED
    rounded = round(100 * change, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def points_span(lower: float, upper: float) -> str:
    """Return an interval of differences of shares."""
    return UNDEFINED if math.isnan(lower) else f"{points(lower)} to {points(upper)}"


def count(number: object) -> str:
    """Return a count with thousands separated."""
    if isinstance(number, float) and math.isnan(number):
        return UNDEFINED
    return UNDEFINED if number is pd.NA else f"{number:,.0f}"


def amount(value: float) -> str:
    """Return an amount, of money above all, with two decimals."""
    return UNDEFINED if math.isnan(value) else f"{value:,.2f}"


def seconds(value: float) -> str:
    """Return a duration in the largest unit that leaves at least one."""
    if math.isnan(value):
        return UNDEFINED
    for unit, size in _UNITS:
        if abs(value) >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.3g} s"


def timedelta(value: object) -> str:
    """Return a Timedelta as text."""
    return seconds(value.total_seconds()) if isinstance(value, pd.Timedelta) else UNDEFINED


def sentence(text: str) -> str:
    """Return a text with a capital at its head; names in it stay as they are."""
    return text[:1].upper() + text[1:]


def shortened(name: str, limit: int) -> str:
    """Return a name cut to a number of characters, for a place beside which it stands whole."""
    return name if len(name) <= limit else name[: limit - 1].rstrip() + _ELLIPSIS


def told_apart(names: Sequence[str], limit: int) -> list[str]:
    """Return names cut to a number of characters; those that would look alike lose their middle instead."""
    cut = [shortened(name, limit) for name in names]
    head = (limit - 1) // 2
    tail = limit - 1 - head
    return [
        f"{name[:head].rstrip()}{_ELLIPSIS}{name[-tail:].lstrip()}"
        if short != name and cut.count(short) > 1
        else short
        for name, short in zip(names, cut, strict=True)
    ]
