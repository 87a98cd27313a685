"""The kernels of native/ways.cpp: the ways to purchases, told by customer."""

from __future__ import annotations

from ctypes import byref
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, whole
from cx_widgets.engine._ways import ENTRIES, WAYS, Brands, BrandTallies, Ways, WayTallies

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import Bools, Bytes, Ints


MOST_BRANDS = 1 << 16
"""More of them are counted by numpy: every thread has tables of all."""


class Room(Protocol):
    """Room for the rows of one customer."""

    def asked(self) -> object:
        """Return it as kernels take it."""
        ...


class Rows(Protocol):
    """The rows of a log as kernels want them."""

    offsets: NDArray[np.int64]

    def asked(self) -> object:
        """Return them as kernels take them."""
        ...

    def room(self) -> Room:
        """Return room for the longest customer."""
        ...


T = TypeVar("T")


class OnParts(Protocol):
    """Works on all customers, part by part, several at once."""

    def __call__(self, work: Callable[[int, int], T], /) -> list[tuple[int, int, T]]:
        """Return what a function of a range of customers gave for ranges that cover them all."""
        ...


class Called(NamedTuple):
    """The kernels, the rows they read, and how they are called on parts of them."""

    cx: ctypes.CDLL
    rows: Rows
    parts: OnParts


def brand_tallies(on: Called, asked: Brands) -> BrandTallies:
    """Return what the brands on the ways to purchases add up to."""
    n, width = len(on.rows.offsets) - 1, max(asked.n_brands, 1)
    kind = _numbered(asked.considering, asked.evaluating, asked.buying)
    of_row = narrow(asked.of_row)
    entries, ways = np.empty((ENTRIES, n), np.int32), np.empty((len(WAYS), n), np.int32)

    def part(low: int, high: int) -> NDArray[np.int64]:
        flags, held = np.zeros(width, np.int64), np.zeros(width, np.int64)
        # One more, for a brand that is written before it is known to be there already.
        met = np.empty(width + 1, np.int32)
        brands, room = np.zeros((width, ENTRIES), np.int64), on.rows.room()
        to = _library.Brands(
            *(at(kind), at(of_row), of_row.itemsize, asked.own, asked.number_of_purchases),
            *[at(each) for each in (flags, held, met)],
            *(n, at(entries), at(ways), at(brands)),
        )
        on.cx.cx_brands(on.rows.asked(), low, high, room.asked(), byref(to))
        return brands

    brands = np.sum([made for _, _, made in on.parts(part)], axis=0)[: asked.n_brands]
    return BrandTallies(entries, ways, brands)


def way_tallies(on: Called, asked: Ways) -> WayTallies:
    """Return what leads and weighs on the ways to purchases, and how customers move between visits."""
    n = len(on.rows.offsets) - 1
    of_row = None if asked.touch is None else narrow(asked.touch)
    width = 256 if of_row is None else int(of_row.max(initial=0)) + 1
    buying, side, stay = (
        _numbered(*kinds) for kinds in ((asked.buying,), (asked.after, asked.before), asked.stays)
    )
    touched, led = np.empty(n, np.int32), np.empty(n, np.int32)
    after, both = np.empty(n), np.empty(n)

    def part(low: int, high: int) -> tuple[int, ...]:
        times, room = np.zeros(width, np.uint64), on.rows.room()
        to = _library.Ways(
            *(at(buying), at(side), at(stay), None if of_row is None else at(of_row)),
            *(0 if of_row is None else of_row.itemsize, at(times)),
            *[at(each) for each in (touched, led, after, both)],
        )
        on.cx.cx_ways(on.rows.asked(), low, high, room.asked(), byref(to))
        return to.weighed, to.moved, to.bent, to.longer, to.shorter

    sums = [sum(same) for same in zip(*(made for _, _, made in on.parts(part)), strict=True)]
    return WayTallies(touched, led, after, both, sums[0], *sums[1:])


def _numbered(*kinds: tuple[int, ...]) -> Bytes:
    """Return for each stage the number of the kind it is of, from 1; 0 for none."""
    number = np.zeros(256, np.uint8)
    for of, stages in enumerate(kinds, start=1):
        number[list(stages)] = of
    return number


def last_in(on: Called, chosen: Bools) -> NDArray[np.int64]:
    """Return the tick of each customer's last row in some stages; -1 for none."""
    last = np.empty(len(on.rows.offsets) - 1, np.int64)
    on.parts(lambda low, high: on.cx.cx_last_in(on.rows.asked(), at(chosen), low, high, at(last)))
    return last


def narrow(numbers: Ints) -> Ints:
    """Return numbers of rows in one piece, in one, two or four bytes."""
    return whole(numbers, numbers.dtype if numbers.itemsize < np.dtype(np.int64).itemsize else np.int32)
