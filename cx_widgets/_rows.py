"""Rows of a table as parallel arrays: sorted, looked up, compared; by kernels if they load, else by numpy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, pool
from cx_widgets._packed import INT32_MAX, customers_of, narrow

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cx_widgets._packed import Codes, Int64s, Ticks

    Bools = npt.NDArray[np.bool_]
    Int32s = npt.NDArray[np.int32]

T = TypeVar("T")

# Rows between two moments at which an interrupt is heard: some ten milliseconds.
PIECE = 1 << 20
_CUSTOMERS = 1 << 16


class Helper:
    """The kernels that read tables, called on pieces, some side by side."""

    def __init__(self, library: _library.Library, threads: int) -> None:
        self.kernels: ctypes.CDLL = library.kernels
        self.threads = threads

    def each(self, work: Callable[[int, int], T], n: int, piece: int = PIECE) -> list[T]:
        """Return what a function gave for each piece, by its begin and end; several are worked on at once."""
        parts = [(low, min(low + piece, n)) for low in range(0, n, piece)]
        if len(parts) < 2 or self.threads < 2:  # noqa: PLR2004 - nothing to share
            return [work(*part) for part in parts]
        waiting = [pool(self.threads).submit(work, *part) for part in parts]
        try:
            return [future.result() for future in waiting]
        finally:
            # After an interrupt nothing more is begun, and what runs is waited for: it holds our arrays.
            for future in waiting:
                future.cancel()
            for future in waiting:
                if not future.cancelled():
                    future.exception()


def helper() -> Helper | None:
    """Return the kernels, or None where numpy has to do, or the environment asks for it."""
    asked, _, level = os.environ.get(_library.ENGINE, "").strip().lower().partition("-")
    if asked == "numpy":
        return None
    try:
        library = _library.load(level or None)
    except _library.NoLibraryError:
        return None
    return Helper(library, _library.threads())


@dataclass(slots=True)
class Loose:
    """Rows as they stand in a table, as parallel arrays; ``rows`` is None where each is at its own place."""

    customers: Ticks
    codes: Codes
    ticks: Ticks
    rows: Ticks | None

    def take(self, where: Ticks) -> Loose:
        """Return some of the rows."""
        rows = where if self.rows is None else self.rows[where]
        return Loose(self.customers[where], self.codes[where], self.ticks[where], rows)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows by customer, time and given position; ``rows`` is None where they stood so already."""

    offsets: Int64s
    codes: Codes
    ticks: Ticks
    rows: Ticks | None


def sort(loose: Loose, n_customers: int) -> Sorted:
    """Return rows by customer, time and position. The loose ones are used up: their memory becomes free."""
    by = helper()
    small = loose.customers.dtype == np.int32 and (loose.rows is None or loose.rows.dtype == np.int32)
    # Kernels count rows by 32 bits.
    if by is None or len(loose.codes) > INT32_MAX or not small:
        return _sort_by_numpy(loose, n_customers)
    return _sort_by_kernels(by, loose, n_customers)


def _sort_by_numpy(loose: Loose, n_customers: int) -> Sorted:
    offsets = np.zeros(n_customers + 1, np.int64)
    np.cumsum(np.bincount(loose.customers, minlength=n_customers), out=offsets[1:])
    order = _order(loose.customers, loose.ticks)
    if isinstance(order, slice):
        return Sorted(offsets, loose.codes, loose.ticks, loose.rows)
    found = loose.take(narrow(order, len(order)))
    return Sorted(offsets, found.codes, found.ticks, found.rows)


def _sort_by_kernels(by: Helper, loose: Loose, n_customers: int) -> Sorted:
    cx, n, places = by.kernels, len(loose.codes), loose.customers
    offsets = np.zeros(n_customers + 1, np.int64)
    for low in range(0, n, PIECE):
        cx.cx_count(at(places), low, min(low + PIECE, n), at(offsets[1:]))
    np.cumsum(offsets, out=offsets)
    fixed = (at(places), loose.ticks.itemsize, at(loose.ticks))
    orders = by.each(lambda low, high: int(cx.cx_orders(*fixed, low, high)), n)
    if all(found & _BY_CUSTOMER for found in orders):
        return Sorted(offsets, loose.codes, loose.ticks, loose.rows)
    free = offsets.copy()
    for low in range(0, n, PIECE):
        cx.cx_places(at(places), low, min(low + PIECE, n), at(free))
    ticks = np.empty_like(loose.ticks)
    _move(by, places, loose.ticks, ticks)
    loose.ticks = ticks[:0]
    codes = np.empty_like(loose.codes)
    _move(by, places, loose.codes, codes)
    loose.codes = codes[:0]
    rows = np.empty(n, np.int32)
    _move(by, places, loose.rows, rows)
    if not all(found & _BY_TIME for found in orders):
        spare_bytes = _SPARE * int(np.diff(offsets).max(initial=0))
        arrays = (codes.itemsize, at(codes), ticks.itemsize, at(ticks), at(rows))

        def in_time(low: int, high: int) -> None:
            spare = np.empty(spare_bytes, np.uint8)
            cx.cx_by_time(at(offsets), low, high, *arrays, at(spare))

        by.each(in_time, n_customers, _CUSTOMERS)
    return Sorted(offsets, codes, ticks, rows)


def _move(
    by: Helper, places: Ticks, values: npt.NDArray[np.integer] | None, to: npt.NDArray[np.integer]
) -> None:
    """Write values to their places; without values the rows themselves."""
    source, move = None if values is None else at(values), by.kernels.cx_move
    by.each(lambda low, high: move(at(places), low, high, to.itemsize, source, at(to)), len(places))


REPEAT = 2
"""What `repeats` says of a row that repeats an earlier one."""

_BY_TIME, _BY_CUSTOMER = 1, 2
_SPARE = 32


def _order(customers: Ticks, ticks: Ticks) -> Int64s | slice:
    """Return the stable order by customer and time; a slice of everything where that is the order already."""
    later = ticks[1:] >= ticks[:-1]
    step = np.diff(customers)
    if bool(((step > 0) | ((step == 0) & later)).all()):
        return slice(None)
    order = stable_order(customers)
    if bool(later.all()):
        return order
    span = int(ticks.max()) + 1
    if (int(customers.max()) + 1) * span <= np.iinfo(np.int64).max:
        # Whole customers stand in place by now, and merging leaves sorted runs alone: cheap.
        key = customers[order].astype(np.int64) * span + ticks[order]
        return order[np.argsort(key, kind="stable")]
    order = stable_order(ticks)
    return order[stable_order(customers[order])]


def stable_order(keys: Codes | Ticks) -> Int64s:
    """Return the stable sorting order of non-negative integers."""
    if not len(keys):
        return np.zeros(0, np.int64)
    high = int(keys.max())
    # numpy sorts 16 bits by radix in linear time, and everything wider by merging: digits win.
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    shift = 16
    while high >> shift:
        digit = (keys >> shift).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
        shift += 16
    return order


def ticks(
    times: Int64s, span: tuple[int, int], unit_ns: int, candidates: Sequence[int]
) -> tuple[int, int, Ticks]:
    """Return tick 0 in nanoseconds, the coarsest exact tick of some, the last of which is, and all ticks."""
    low, high = span
    by = helper() if times.flags.c_contiguous else None
    for tick_ns in candidates:
        per_tick, factor = max(tick_ns // unit_ns, 1), max(unit_ns // tick_ns, 1)
        # A short look first: most logs that are finer show it at once.
        if per_tick > 1 and ((times[:1024] - low) % per_tick).any():
            continue
        made: Ticks = np.empty(len(times), np.int64)
        if (high - low) * unit_ns // tick_ns <= INT32_MAX:
            made = np.empty(len(times), np.int32)
        if _filled(made, times, low, (per_tick, factor), by):
            return low * unit_ns, tick_ns, made
    raise AssertionError("a nanosecond divides every time")


def _filled(made: Ticks, times: Int64s, low: int, steps: tuple[int, int], by: Helper | None) -> bool:
    """Fill in ticks since a time, and return whether they are exact; else they hold anything."""
    per_tick, factor = steps
    if by is not None:
        fixed = (at(times), low, per_tick, factor)
        arrays, cx = (made.itemsize, at(made)), by.kernels
        return all(by.each(lambda begin, end: cx.cx_ticks(*fixed, begin, end, *arrays), len(times)))
    since = times - low
    if per_tick > 1 and (since % per_tick).any():
        return False
    made[:] = since // per_tick * factor
    return True


def look_up(
    numbers: Ticks, table: npt.NDArray[np.integer], kind: np.dtype[np.generic]
) -> npt.NDArray[np.integer]:
    """Return the entry of a table for each number, as small integers; number -1 is the table's last."""
    kernels = helper()
    if kernels is None or numbers.dtype != np.int32 or kind.itemsize > 4:  # noqa: PLR2004 - what the kernel writes
        found: npt.NDArray[np.integer] = table.astype(kind)[numbers]
        return found
    around = np.concatenate([table[-1:], table]).astype(np.int32)
    made = np.empty(len(numbers), kind)
    cx = kernels.kernels
    kernels.each(
        lambda low, high: cx.cx_look_up(at(numbers), low, high, at(around[1:]), made.itemsize, at(made)),
        len(numbers),
    )
    return made


def tied(made: Sorted) -> int:
    """Return how many rows share customer and time with another."""
    return _ties(made, None)


def repeats(made: Sorted, n_codes: int) -> npt.NDArray[np.uint8]:
    """Return which rows share customer, time and event with another: 1 for the first, 2 for the others."""
    flags = np.zeros(len(made.codes), np.uint8)
    _ties(made, flags, n_codes)
    return flags


def _ties(made: Sorted, flags: npt.NDArray[np.uint8] | None, n_codes: int = 0) -> int:
    kernels = helper()
    offsets, codes, ticks = made.offsets, made.codes, made.ticks
    if kernels is None:
        return _ties_by_numpy(made, flags)
    cx = kernels.kernels

    def found(low: int, high: int) -> int:
        seen = np.full(n_codes, -1, np.int64)
        marks = None if flags is None else at(flags)
        arrays = (codes.itemsize, at(codes), ticks.itemsize, at(ticks))
        return int(cx.cx_repeats(at(offsets), low, high, *arrays, at(seen), marks))

    return sum(kernels.each(found, len(offsets) - 1, _CUSTOMERS))


def _ties_by_numpy(made: Sorted, flags: npt.NDArray[np.uint8] | None) -> int:
    n = len(made.codes)
    begins = np.zeros(n + 1, np.bool_)
    begins[made.offsets] = True
    begins[1:n] |= made.ticks[1:] != made.ticks[:-1]
    # Only rows at the time of a neighbour can be equal: few, in most logs.
    where = np.flatnonzero(~(begins[:-1] & begins[1:]))
    if flags is not None and len(where):
        moment = np.cumsum(begins[where])
        order = np.lexsort((where, made.codes[where], moment))
        again = np.zeros(len(where) + 1, np.bool_)
        again[1:-1] = (np.diff(moment[order]) == 0) & (
            np.diff(made.codes[where][order].astype(np.int64)) == 0
        )
        flags[where[order[again[1:]]]] = 1
        flags[where[order[again[:-1]]]] = 2
    return len(where)


def customers_of_codes(offsets: Int64s, codes: Codes, n_codes: int) -> Int64s:
    """Return how many customers have a row of each code."""
    kernels = helper()
    counts = np.zeros(n_codes, np.int64)
    if kernels is not None:
        seen = np.full(n_codes, -1, np.int64)
        for low in range(0, len(offsets) - 1, _CUSTOMERS):
            high = min(low + _CUSTOMERS, len(offsets) - 1)
            kernels.kernels.cx_customers_of_codes(
                at(offsets), low, high, codes.itemsize, at(codes), at(seen), at(counts)
            )
        return counts
    order = stable_order(codes)
    whose = customers_of(offsets)[order]
    ordered = codes[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (ordered[1:] != ordered[:-1]) | (whose[1:] != whose[:-1])
    return np.bincount(ordered[first], minlength=n_codes).astype(np.int64)
