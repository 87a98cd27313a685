"""Rows of a table as parallel arrays: sorted, looked up, compared; by kernels if they load, else by numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets._library import at
from cx_widgets._packed import INT32_MAX, customers_of, narrow
from cx_widgets._pieces import Helper, helper, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cx_widgets._packed import Codes, Int64s, Ticks

    Bools = npt.NDArray[np.bool_]
    Int32s = npt.NDArray[np.int32]

_CUSTOMERS = 1 << 16
# Parts of a table that are sorted side by side have at least so many rows for each customer.
_ROWS_OF_ONE = 4


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
    cx, n, customers = by.kernels, len(loose.codes), loose.customers
    fixed = (at(customers), loose.ticks.itemsize, at(loose.ticks))
    orders = by.each(lambda low, high: int(cx.cx_orders(*fixed, low, high)), n)
    # Each part of the table counts apart, and has its own places among each customer's.
    part = max(-(-n // by.threads), _ROWS_OF_ONE * n_customers, 1)
    following = np.zeros((-(-n // part), n_customers), np.int32)
    offsets = np.zeros(n_customers + 1, np.int64)

    def of_parts(work: Callable[..., object]) -> None:
        def of_part(low: int, high: int) -> None:
            for piece in pieces(low, high):
                work(at(customers), *piece, at(following[low // part]))

        by.each(of_part, n, part)

    of_parts(cx.cx_count)
    cx.cx_begins(*following.shape, at(following), at(offsets))
    if all(found & _BY_CUSTOMER for found in orders):
        return Sorted(offsets, loose.codes, loose.ticks, loose.rows)
    of_parts(cx.cx_places)
    ticks = np.empty_like(loose.ticks)
    _move(by, customers, loose.ticks, ticks)
    loose.ticks = ticks[:0]
    codes = np.empty_like(loose.codes)
    _move(by, customers, loose.codes, codes)
    loose.codes = codes[:0]
    rows = np.empty(n, np.int32)
    _move(by, customers, loose.rows, rows)
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


def tied(made: Sorted) -> int:
    """Return how many rows share customer and time with another."""
    return _ties(made, None, 0)


def repeats(made: Sorted, n_codes: int) -> tuple[int, npt.NDArray[np.uint8]]:
    """Return the same, and which share the event as well: 1 for the first of them, 2 for the others."""
    flags = np.zeros(len(made.codes), np.uint8)
    return _ties(made, flags, n_codes), flags


def _ties(made: Sorted, flags: npt.NDArray[np.uint8] | None, n_codes: int) -> int:
    by = helper()
    if by is None:
        return _ties_by_numpy(made, flags)
    cx, offsets = by.kernels, made.offsets
    arrays = (made.codes.itemsize, at(made.codes), made.ticks.itemsize, at(made.ticks))
    marks = None if flags is None else at(flags)

    def found(low: int, high: int) -> int:
        seen = np.full(n_codes, -1, np.int64)
        return int(cx.cx_repeats(at(offsets), low, high, *arrays, at(seen), marks))

    return sum(by.each(found, len(offsets) - 1, _CUSTOMERS))


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
