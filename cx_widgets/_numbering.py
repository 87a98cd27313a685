"""A column's distinct values, and which of them each row holds: hashed by kernels, not as objects."""

from __future__ import annotations

from ctypes import byref
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cx_widgets import _library, _pieces
from cx_widgets._arrow_texts import (
    NewTexts,
    NoTextsError,
    Texts,
    chunks,
    has_arrow,
    laid_out,
    runs_of_objects,
)
from cx_widgets._frames import COPY_ON_WRITE
from cx_widgets._library import at, pool
from cx_widgets._packed import INT32_MAX
from cx_widgets._pieces import Helper, helper, pieces, span, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Int32s = npt.NDArray[np.int32]
    Int64s = npt.NDArray[np.int64]
    Objects = npt.NDArray[np.object_]
    Heard = Callable[[float], object]

_SLOT, _ENTRY = 8, 32
# Texts of so many bytes lie in their entry.
_INSIDE = 16
_SLOTS = 1 << 12
# Columns of this many rows are numbered by pandas as quickly.
_FEW = 1 << 12
_RANGE = 2
_LOOKED_AT = 1 << 14  # rows at the most
_ONE_IN = 32
# Integers of so many bytes are small.
_SMALL = 2


@dataclass(frozen=True, slots=True)
class Numbered:
    """The rows of a column by number.

    Parameters
    ----------
    by : Helper
        The kernels.
    cells : ndarray of integers
        Of each row, the number of its value among ``values``; -1 where it is missing. Or, with ``table``,
        what stands in the column.
    values : Series
        The distinct values in the order of their first rows. What is equal has one number if its bytes are
        equal; values that are equal in another way may stand here twice.
    once : bool
        Whether it is sure that no two of them are equal in any way.
    table : ndarray of int32, optional
        The number of what stands in the column, from ``low`` on.
    low : int
        What the first entry of a table is for.
    """

    by: Helper
    cells: npt.NDArray[np.integer]
    values: pd.Series
    once: bool
    table: Int32s | None = None
    low: int = -1

    @property
    def whole(self) -> bool:
        """Whether every row has a number."""
        return self.table is not None or span(self.cells)[0] >= 0

    def coded(self, codes: npt.NDArray[np.integer], kind: np.dtype[np.integer]) -> npt.NDArray[np.integer]:
        """Return the rows by a code of each value, -1 where it is missing, in 1, 2 or 4 bytes."""
        # The number -1 of a table is what stands nowhere.
        table = np.append(-1, codes) if self.table is None else np.append(codes, -1)[self.table]
        table = table.astype(np.int32)
        made: npt.NDArray[np.integer] = np.empty(len(self.cells), kind)
        fixed = (width_of(self.cells.dtype), at(self.cells), self.low)
        to, look_up = (at(table), made.itemsize, at(made)), self.by.kernels.cx_look_up
        self.by.each(lambda low, high: look_up(*fixed, low, high, *to), len(made))
        return made


def unheard(_: float) -> None:
    """Take a share of the work for which nobody waits."""


def numbered(column: pd.Series, heard: Heard) -> Numbered | None:
    """Return the rows by number, or None where kernels do not help; ``heard`` is told which share is done."""
    by = helper()
    n = len(column)
    if by is None or not _FEW <= n <= INT32_MAX:
        return None
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _words(by, column, column.cat.codes.to_numpy(), heard)
    if isinstance(dtype, pd.StringDtype) and dtype.storage.startswith("pyarrow"):
        return _of(by, column, _texts(by, n, map(laid_out, chunks(column)), heard), once=True)
    if isinstance(dtype, pd.StringDtype) or dtype.kind == "O":
        return _objects(by, column, heard)
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf" and dtype.itemsize <= np.dtype(np.int64).itemsize:
        return _words(by, column, column.to_numpy(), heard, once=dtype.kind != "f")
    return None


def _of(
    by: Helper, column: pd.Series, found: tuple[Int32s, Int64s] | None, *, once: bool = False
) -> Numbered | None:
    if found is None:
        return None
    numbers, first = found
    return Numbered(by, numbers, _at_rows(column, first), once)


def _at_rows(column: pd.Series, rows: Int64s) -> pd.Series:
    return pd.Series(column.array.take(rows), dtype=column.dtype, name=column.name, copy=False)


class _Table:
    """The hash table of one column, which grows while rows go by."""

    def __init__(self, by: Helper, n: int) -> None:
        self.numbers: Int32s = np.empty(n, np.int32)
        self._cx = by.kernels
        self._slots = self._empty(_SLOTS)
        self._entries = np.empty(_SLOTS // 2 * _ENTRY, np.uint8)
        self._first = np.empty(_SLOTS // 2, np.int64)
        self._state = _library.Numbering()
        self._hold()

    @staticmethod
    def _empty(n_slots: int) -> Bytes:
        return np.full(n_slots * _SLOT, 0xFF, np.uint8)

    def _hold(self) -> None:
        self._state.slots = at(self._slots)
        self._state.n_slots = len(self._slots) // _SLOT
        self._state.entries = at(self._entries)
        self._state.first = at(self._first)

    @property
    def count(self) -> int:
        return int(self._state.count)

    def first(self, of: int = 0) -> Int64s:
        return self._first[of : self.count].copy()

    def fill(self, number: Callable[[object, int, int], int], begin: int, end: int) -> None:
        """Call a kernel, which tells how far it came, until all rows of a piece have a number."""
        while begin < end:
            came = number(byref(self._state), begin, end)
            if came == begin:
                self._widen()
            begin = came

    def _widen(self) -> None:
        # No larger than it can become: the rows are what bounds it.
        n_slots = len(self._slots) // _SLOT * 4
        self._slots = self._empty(n_slots)
        entries, first = self._entries, self._first
        self._entries = np.empty(n_slots // 2 * _ENTRY, np.uint8)
        self._first = np.empty(n_slots // 2, np.int64)
        self._entries[: len(entries)], self._first[: len(first)] = entries, first
        self._hold()
        self._cx.cx_widen(byref(self._state))


def _words(
    by: Helper, column: pd.Series, values: npt.NDArray[Any], heard: Heard, *, once: bool = False
) -> Numbered | None:
    values = np.ascontiguousarray(values)
    n = len(values)
    if values.dtype.kind in "iu" and values.dtype.str[1:] != "u8":
        low, high = span(values)
        if high - low < max(_RANGE * n, _pieces.PIECE):
            # Small ones stay where they are: what is not written need not be read again.
            numbers = np.empty(n, np.int32) if values.itemsize > _SMALL else None
            of = _in_range(by, values, (low, high - low + 1), numbers, heard)
            found = _of_words(column, (of.seen.astype(np.int64) + low).astype(values.dtype))
            if numbers is None:
                return Numbered(by, values, found, once, of.known, low)
            return Numbered(by, numbers, found, once)
    return _of(by, column, _hashed(by, at(values), (values.itemsize, n), heard), once=once)


def _of_words(column: pd.Series, words: npt.NDArray[np.integer]) -> pd.Series:
    """Return some values of a column by the integers it consists of."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical.from_codes(words, dtype=column.dtype), name=column.name)
    return pd.Series(words, name=column.name)


class _Range:
    """The integers of a narrow range, and which of them some rows have had so far."""

    def __init__(self, values: npt.NDArray[np.integer], low: int, width: int, n_rows: int) -> None:
        self.known: Int32s = np.full(width, -1, np.int32)
        self._fixed = (width_of(values.dtype), at(values), low)
        self._seen = np.empty(min(n_rows, width), np.uint32)
        self._count = 0

    @property
    def seen(self) -> npt.NDArray[np.uint32]:
        """The distinct ones, less the lowest there can be."""
        return self._seen[: self._count]

    def number(self, by: Helper, begin: int, end: int, numbers: Int32s | None) -> None:
        """Give numbers to more rows."""
        to = (at(self.known), at(self._seen), self._count, None if numbers is None else at(numbers))
        self._count = int(by.kernels.cx_number_range(*self._fixed, begin, end, *to))

    def take_in(self, later: _Range) -> Int32s:
        """Take in what later rows have had, and return the numbers that this has here."""
        numbers = self.known[later.seen]
        unknown = numbers < 0
        new = later.seen[unknown]
        numbers[unknown] = np.arange(self._count, self._count + len(new))
        self._seen, self._count = np.append(self.seen, new), self._count + len(new)
        return numbers


def _in_range(
    by: Helper, values: npt.NDArray[np.integer], span: tuple[int, int], numbers: Int32s | None, heard: Heard
) -> _Range:
    """Return which integers all rows have, and fill in the numbers of the rows."""
    n, (low, width) = len(values), span
    # Two halves are numbered side by side, each as if it were alone.
    twice = numbers is not None and by.threads > 1 and n >= 2 * max(width, _pieces.PIECE)
    half = -(-n // 2) if twice else n
    ranges = [_Range(values, low, width, half) for _ in range(0, n, half)]

    def number(begin: int, end: int, which: int, _: int) -> None:
        ranges[which].number(by, which * half + begin, min(which * half + end, n), numbers)

    for begin, end in pieces(0, half, _pieces.PIECE // len(ranges)):
        by.each(partial(number, begin, end), len(ranges), 1)
        heard(end / half)
    if numbers is not None and twice:
        there = ranges[0].take_in(ranges[1])
        fixed, to = (width_of(numbers.dtype), at(numbers[half:]), 0), (at(there), 4, at(numbers[half:]))
        by.each(lambda low, high: by.kernels.cx_look_up(*fixed, low, high, *to), n - half)
    return ranges[0]


def _hashed(by: Helper, values: int, sizes: tuple[int, int], heard: Heard) -> tuple[Int32s, Int64s]:
    width, n = sizes
    table = _Table(by, n)

    def number(state: object, begin: int, end: int) -> int:
        return int(by.kernels.cx_number_words(state, width, values, None, begin, end, at(table.numbers)))

    for begin, end in pieces(0, n):
        table.fill(number, begin, end)
        heard(end / n)
    return table.numbers, table.first()


def _texts(
    by: Helper,
    n: int,
    runs: Iterable[Texts | None],
    heard: Heard,
    seen: Callable[[Texts, Int64s], object] | None = None,
) -> tuple[Int32s, Int64s] | None:
    """Return numbers and first rows of texts; ``seen`` is told where in a run texts stand for the first time.

    While some are numbered, the next may be made.
    """
    table = _Table(by, n)
    held: list[Texts] = []
    at_work: Future[None] | None = None
    shift = 0

    def number(laid: Texts, shift: int, span: tuple[int, int], begun: Event) -> None:
        begun.set()
        before = table.count
        table.fill(_numbering(by, laid, shift, table.numbers[shift:]), *span)
        first = table.first(before) - shift
        if seen is not None and len(first):
            seen(laid, first)
        # Long texts are compared with the place where they stood first.
        if len(first) and int((laid.offsets[first + 1] - laid.offsets[first]).max()) > _INSIDE:
            held.append(laid)

    try:
        for laid in runs:
            if laid is None:
                return None
            rows = len(laid.offsets) - 1
            for begin, end in pieces(0, rows):
                if at_work is not None:
                    at_work.result()
                    heard((shift + begin) / n)
                begun = Event()
                at_work = pool(by.threads).submit(number, laid, shift, (begin, end), begun)
                # Who makes the next run holds the interpreter, without which this one could not begin.
                begun.wait()
            shift += rows
    finally:
        if at_work is not None:
            at_work.result()
    return table.numbers, table.first()


def _numbering(by: Helper, laid: Texts, shift: int, numbers: Int32s) -> Callable[[object, int, int], int]:
    missing = None if laid.missing is None else at(laid.missing)
    fixed = (laid.offsets.itemsize, at(laid.offsets), laid.text, missing)
    cx = by.kernels
    return lambda state, low, high: int(cx.cx_number_texts(state, *fixed, low, high, shift, at(numbers)))


def _objects(by: Helper, column: pd.Series, heard: Heard) -> Numbered | None:
    """Return rows by the Python objects they hold: one object is one value, whatever it is."""
    values = np.ascontiguousarray(np.asarray(column, dtype=object))
    if not _shared(values):
        found = _texts_of_objects(by, column, values, heard)
        if found is not None:
            return found
    return _of(by, column, _hashed(by, values.ctypes.data, (values.itemsize, len(values)), heard))


def _shared(values: Objects) -> bool:
    """Return whether rows that say the same mostly hold the same object, as a look at some of them tells."""
    some = values[:: max(len(values) // _LOOKED_AT, _ONE_IN)].tolist()
    try:
        said = len(set(some))
    except TypeError:
        return True
    return 2 * (len(some) - len(set(map(id, some)))) > len(some) - said


def _texts_of_objects(by: Helper, column: pd.Series, values: Objects, heard: Heard) -> Numbered | None:
    by_pandas = not has_arrow() or not COPY_ON_WRITE or isinstance(column.dtype, pd.StringDtype)
    new = NewTexts()
    try:
        runs = runs_of_objects(by, values)
        found = _texts(by, len(values), runs, heard, None if by_pandas else new.add)
    except NoTextsError:
        return None
    if found is None or by_pandas or not len(found[1]):
        return _of(by, column, found)
    # What pandas makes of text: its own kind of column, and not the objects again.
    return Numbered(by, found[0], new.column(), once=True)
