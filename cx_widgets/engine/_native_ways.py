"""The kernels of native/ways.cpp: the ways to purchases, told by customer."""

from __future__ import annotations

from ctypes import byref
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, whole
from cx_widgets.engine._ways import ENTRIES, WAYS, Brands, BrandTallies, Paces, WayTallies

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import Bools, Bytes, Ints


MOST_BRANDS = 1 << 16
"""More of them are counted by numpy: every thread has tables of all."""

_CONSIDER, _EVALUATE, _BUY = 1, 2, 3


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
    kind = np.zeros(256, np.uint8)
    for number, stages in (
        (_CONSIDER, asked.considering),
        (_EVALUATE, asked.evaluating),
        (_BUY, asked.buying),
    ):
        kind[list(stages)] = number
    of_row = narrow(asked.of_row)
    entries, ways = np.empty((ENTRIES, n), np.int32), np.empty((len(WAYS), n), np.int32)

    def part(low: int, high: int) -> NDArray[np.int64]:
        flags, held = np.zeros(width, np.uint8), np.zeros(width, np.uint8)
        met, before = np.empty(width, np.int32), np.empty(width, np.int32)
        brands, room = np.zeros((width, ENTRIES), np.int64), on.rows.room()
        to = _library.Brands(
            *(at(kind), at(of_row), of_row.itemsize, asked.own, asked.number_of_purchases),
            *[at(each) for each in (flags, held, met, before)],
            *(n, at(entries), at(ways), at(brands)),
        )
        on.cx.cx_brands(on.rows.asked(), low, high, room.asked(), byref(to))
        return brands

    brands = np.sum([made for _, _, made in on.parts(part)], axis=0)[: asked.n_brands]
    return BrandTallies(entries, ways, brands)


def way_tallies(
    on: Called, buying: Bools, touch: Ints | None, sides: tuple[Bools, Bools] | None
) -> WayTallies:
    """Return what leads on the ways to purchases, and what the touches of two sides weigh."""
    n = len(on.rows.offsets) - 1
    of_row = None if touch is None else narrow(touch)
    width = 256 if of_row is None else int(of_row.max(initial=0)) + 1
    side: Bytes | None = None
    if sides is not None:
        side = np.zeros(width, np.uint8)
        for number, chosen in enumerate(sides, start=1):
            side[np.flatnonzero(chosen)] = number
    ways, led = np.empty(n, np.int32), np.empty(n, np.int32)
    after, both = np.empty(n), np.empty(n)

    def part(low: int, high: int) -> int:
        times, met, room = np.zeros(width, np.int32), np.empty(width, np.int32), on.rows.room()
        to = _library.Leads(
            *(at(buying), None if of_row is None else at(of_row), 0 if of_row is None else of_row.itemsize),
            *(None if side is None else at(side), at(times), at(met)),
            *[at(each) for each in (ways, led, after, both)],
        )
        on.cx.cx_leads(on.rows.asked(), low, high, room.asked(), byref(to))
        return int(to.weighed)

    weighed = sum(int(made) for _, _, made in on.parts(part))
    return WayTallies(ways, led, after, both, weighed)


def paces(on: Called, one: tuple[int, ...], other: tuple[int, ...]) -> Paces:
    """Return how customers move, and on which of two kinds of stages they stay longer."""
    role = np.zeros(256, np.uint8)
    role[list(one)], role[list(other)] = 1, 2

    def part(low: int, high: int) -> tuple[int, ...]:
        to, room = _library.Paces(), on.rows.room()
        on.cx.cx_paces(on.rows.asked(), low, high, room.asked(), at(role), byref(to))
        return to.moved, to.bent, to.longer, to.shorter

    return Paces(*(sum(same) for same in zip(*(made for _, _, made in on.parts(part)), strict=True)))


def last_in(on: Called, chosen: Bools) -> NDArray[np.int64]:
    """Return the tick of each customer's last row in some stages; -1 for none."""
    last = np.empty(len(on.rows.offsets) - 1, np.int64)
    on.parts(lambda low, high: on.cx.cx_last_in(on.rows.asked(), at(chosen), low, high, at(last)))
    return last


def narrow(numbers: Ints) -> Ints:
    """Return numbers of rows in one piece, in one, two or four bytes."""
    return whole(numbers, numbers.dtype if numbers.itemsize < np.dtype(np.int64).itemsize else np.int32)
