"""Means and medians of durations by group, all groups at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.engine import middles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.engine import Ints

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]

_BITS = 63
_FEW = 400


class Groups(NamedTuple):
    """The groups that occur, ascending, with how many values each has, their mean and their median."""

    code: Longs
    size: Longs
    mean: Floats
    median: Floats


def by_group(code: Ints | NDArray[np.uint16], ticks: Ints) -> Groups:
    """Return the mean and the median of ticks (from 0) by the number of their group (from 0)."""
    if not len(code):
        none = np.empty(0, dtype=np.int64)
        return Groups(none, none, np.empty(0), np.empty(0))
    first = _first_of_groups(code)
    if len(first) <= _FEW and bool((code[1:] >= code[:-1]).all()):
        return of_sizes(code[first].astype(np.int64), _sizes(first, len(code)), ticks)
    groups, values = _sorted(code.astype(np.int64), ticks.astype(np.int64))
    first = _first_of_groups(groups)
    size = _sizes(first, len(groups))
    low, high = values[first + (size - 1) // 2], values[first + size // 2]
    return Groups(groups[first], size, _means(values, first), low + (high - low) / 2)


def of_sizes(code: Longs, size: Longs, ticks: Ints) -> Groups:
    """Return the mean and the median of ticks that stand by group, of groups in order with these sizes."""
    if len(code) > _FEW:
        return by_group(np.repeat(code, size), ticks)
    first = np.cumsum(size) - size
    # To find the middle of a few large groups is cheaper than to sort them.
    low, high = (
        part.astype(np.float64) for part in middles(np.split(ticks, first[1:]) if len(first) else [])
    )
    return Groups(code, size, _means(ticks, first) if len(code) else np.empty(0), low + (high - low) / 2)


def _sorted(code: Longs, ticks: Longs) -> tuple[Longs, Longs]:
    bits = int(ticks.max()).bit_length()
    if int(code.max()).bit_length() + bits > _BITS:
        order = np.lexsort((ticks, code))
        return code[order], ticks[order]
    # One number for both: numpy sorts numbers several times as fast as it finds the order of two arrays.
    key = np.sort(code << bits | ticks)
    return key >> bits, key & ((1 << bits) - 1)


def _first_of_groups(code: Ints | NDArray[np.uint16]) -> Longs:
    new = np.ones(len(code), dtype=bool)
    np.not_equal(code[1:], code[:-1], out=new[1:])
    return np.flatnonzero(new)


def _sizes(first: Longs, n: int) -> Longs:
    return np.diff(np.append(first, n))


def _means(values: Ints, first: Longs) -> Floats:
    if values.dtype == np.int32:
        sums = np.add.reduceat(values, first, dtype=np.int64).astype(np.float64)
    else:
        # In two halves, so that a sum of nanoseconds over years fits into an integer.
        halves = [np.add.reduceat(half, first) for half in (values >> 32, values & 0xFFFFFFFF)]
        sums = halves[0] * 2.0**32 + halves[1]
    means: Floats = sums / _sizes(first, len(values))
    return means
