"""A column's distinct values, and which of them each row holds: hashed by kernels, not as objects."""

from __future__ import annotations

from ctypes import byref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cx_widgets import _library
from cx_widgets._frames import COPY_ON_WRITE
from cx_widgets._library import at, pool
from cx_widgets._packed import INT32_MAX
from cx_widgets._rows import PIECE, Helper, helper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    import numpy.typing as npt
    import pyarrow as pa

    Bytes = npt.NDArray[np.uint8]
    Int32s = npt.NDArray[np.int32]
    Int64s = npt.NDArray[np.int64]
    Heard = Callable[[float], object]

_SLOT, _ENTRY = 8, 32
# Texts of so many bytes lie in their entry.
_INSIDE = 16
_SLOTS = 1 << 12
# Columns of this many rows are numbered by pandas as quickly.
_FEW = 1 << 12
_RANGE = 2
_LOOKED_AT = 1 << 16  # rows at the most
_ONE_IN = 32
# Objects that are looked at twice, for their types and their texts, while they are near.
_OBJECTS = 1 << 15


@dataclass(frozen=True, slots=True)
class Numbered:
    """The rows of a column by number.

    Parameters
    ----------
    numbers : ndarray of int32
        Of each row, the number of its value among ``values``; -1 where it is missing.
    values : Series
        The distinct values in the order of their first rows. What is equal has one number if its bytes are
        equal; values that are equal in another way may stand here twice.
    once : bool
        Whether it is sure that no two of them are equal in any way.
    """

    numbers: Int32s
    values: pd.Series
    once: bool


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
        return _of(column, _words(by, column.cat.codes.to_numpy(), heard))
    if isinstance(dtype, pd.StringDtype) and dtype.storage.startswith("pyarrow"):
        return _of(column, _texts(by, n, _arrow(column).chunks, heard), once=True)
    if isinstance(dtype, pd.StringDtype) or dtype.kind == "O":
        return _objects(by, column, heard)
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf" and dtype.itemsize <= np.dtype(np.int64).itemsize:
        return _of(column, _words(by, column.to_numpy(), heard), once=dtype.kind != "f")
    return None


def _of(column: pd.Series, found: tuple[Int32s, Int64s] | None, *, once: bool = False) -> Numbered | None:
    if found is None:
        return None
    numbers, first = found
    return Numbered(numbers, column.iloc[first].reset_index(drop=True), once)


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


def _words(by: Helper, values: npt.NDArray[Any], heard: Heard) -> tuple[Int32s, Int64s]:
    values = np.ascontiguousarray(values)
    n = len(values)
    if values.dtype.kind in "iu" and values.dtype.str[1:] != "u8":
        low, high = int(values.min()), int(values.max())
        if high - low < max(_RANGE * n, PIECE):
            return _in_range(by, values, (low, high - low + 1), heard)
    return _hashed(by, at(values), (values.itemsize, n), heard)


def _in_range(
    by: Helper, values: npt.NDArray[Any], span: tuple[int, int], heard: Heard
) -> tuple[Int32s, Int64s]:
    n, (low, width) = len(values), span
    numbers, known = np.empty(n, np.int32), np.full(width, -1, np.int32)
    first = np.empty(min(n, width), np.int64)
    size = values.itemsize if values.dtype.kind == "u" else -values.itemsize
    count = 0
    for begin in range(0, n, PIECE):
        end = min(begin + PIECE, n)
        count = by.kernels.cx_number_range(
            size, at(values), low, begin, end, at(known), at(first), count, at(numbers)
        )
        heard(end / n)
    return numbers, first[:count].copy()


def _hashed(by: Helper, values: int, sizes: tuple[int, int], heard: Heard) -> tuple[Int32s, Int64s]:
    width, n = sizes
    table = _Table(by, n)

    def number(state: object, begin: int, end: int) -> int:
        return int(by.kernels.cx_number_words(state, width, values, None, begin, end, at(table.numbers)))

    for begin in range(0, n, PIECE):
        end = min(begin + PIECE, n)
        table.fill(number, begin, end)
        heard(end / n)
    return table.numbers, table.first()


@dataclass(frozen=True, slots=True)
class _Texts:
    """A run of texts as Arrow lays them out."""

    offsets: npt.NDArray[np.int32] | Int64s
    text: int
    missing: Bytes | None
    chunk: pa.Array


def _arrow(column: pd.Series) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    found = pa.array(column.array)
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def _laid_out(chunk: pa.Array) -> _Texts | None:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    if not (pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type)):
        return None
    _, offsets, text = chunk.buffers()
    missing = None
    if chunk.null_count:
        missing = chunk.is_null().to_numpy(zero_copy_only=False).view(np.uint8)
    count, skipped = len(chunk) + 1, chunk.offset
    places: npt.NDArray[np.int32] | Int64s
    if pa.types.is_string(chunk.type):
        places = np.frombuffer(offsets, np.int32, count, 4 * skipped)
    else:
        places = np.frombuffer(offsets, np.int64, count, 8 * skipped)
    return _Texts(places, 0 if text is None else text.address, missing, chunk)


def _texts(
    by: Helper, n: int, chunks: Iterable[pa.Array], heard: Heard, new: list[pa.Array] | None = None
) -> tuple[Int32s, Int64s] | None:
    """Return numbers and first rows of texts, and put those not seen before into a list, if there is one.

    While some are numbered, the next may be made.
    """
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    table = _Table(by, n)
    held: list[_Texts] = []
    at_work: Future[None] | None = None
    shift = 0

    def number(laid: _Texts, shift: int, begin: int, end: int) -> None:
        before = table.count
        table.fill(_numbering(by, laid, shift, table.numbers[shift:]), begin, end)
        first = table.first(before) - shift
        if new is not None and len(first):
            new.append(laid.chunk.take(pa.array(first)))
        # Long texts are compared with the place where they stood first.
        if len(first) and int((laid.offsets[first + 1] - laid.offsets[first]).max()) > _INSIDE:
            held.append(laid)

    try:
        for chunk in chunks:
            if not len(chunk):
                continue
            laid = _laid_out(chunk)
            if laid is None:
                return None
            for begin in range(0, len(chunk), PIECE):
                if at_work is not None:
                    at_work.result()
                    heard((shift + begin) / n)
                end = min(begin + PIECE, len(chunk))
                at_work = pool(by.threads).submit(number, laid, shift, begin, end)
            shift += len(chunk)
    finally:
        if at_work is not None:
            at_work.result()
    return table.numbers, table.first()


def _numbering(by: Helper, laid: _Texts, shift: int, numbers: Int32s) -> Callable[[object, int, int], int]:
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
    return _of(column, _hashed(by, values.ctypes.data, (values.itemsize, len(values)), heard))


def _shared(values: npt.NDArray[np.object_]) -> bool:
    """Return whether rows that say the same mostly hold the same object, as a look at some of them tells."""
    some = values[:: max(len(values) // _LOOKED_AT, _ONE_IN)].tolist()
    try:
        said = len(set(some))
    except TypeError:
        return True
    return 2 * (len(some) - len(set(map(id, some)))) > len(some) - said


class _NoTextsError(Exception):
    """An object that is neither text nor missing."""


def _texts_of_objects(
    by: Helper, column: pd.Series, values: npt.NDArray[np.object_], heard: Heard
) -> Numbered | None:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency
    except ImportError:
        return None
    new: list[pa.Array] = []

    def chunks() -> Iterator[pa.Array]:
        for low in range(0, len(values), _OBJECTS):
            run = pa.array(values[low : low + _OBJECTS], from_pandas=True)
            # Nulls alone have no type; bytes are not the texts they spell.
            if pa.types.is_null(run.type):
                run = run.cast(pa.string())
            parts = run.chunks if isinstance(run, pa.ChunkedArray) else [run]
            if not pa.types.is_string(run.type):
                raise _NoTextsError
            yield from parts

    try:
        found = _texts(by, len(values), chunks(), heard, new)
    except (pa.ArrowException, UnicodeEncodeError, TypeError, OverflowError, _NoTextsError):
        return None
    if found is None or not len(found[1]) or not COPY_ON_WRITE or isinstance(column.dtype, pd.StringDtype):
        return _of(column, found)
    # What pandas makes of text: its own kind of column, and not the objects again.
    texts = pa.chunked_array(new).cast(pa.large_string())
    return Numbered(found[0], pd.Series(pd.array(texts, dtype="str")), once=True)
