"""Texts as Arrow lays them out, one behind the other: those of a column, and those of Python's objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _library
from cx_widgets._library import at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pyarrow as pa

    from cx_widgets._pieces import Helper

    Bytes = npt.NDArray[np.uint8]
    Objects = npt.NDArray[np.object_]

# Objects that are read together, while others are numbered.
_OBJECTS = 1 << 16
_BYTES = 16
_MOST_BYTES = 1 << 30


class NoTextsError(Exception):
    """An object that is neither text nor missing."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A run of texts.

    Parameters
    ----------
    offsets : ndarray
        Where each begins, and the last one ends.
    text : int
        The address of their bytes.
    missing : ndarray, optional
        Which are missing.
    held : Array or ndarray
        What has the memory.
    """

    offsets: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    text: int
    missing: Bytes | None
    held: pa.Array | Bytes


class NewTexts:
    """Texts that a column has not had before, in the order of their first rows."""

    def __init__(self) -> None:
        self._parts: list[pa.Array] = []

    def add(self, laid: Texts, first: npt.NDArray[np.int64]) -> None:
        """Keep some texts of a run."""
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency, asked for where it is there

        run = laid.held
        if isinstance(run, np.ndarray):
            buffers = (pa.py_buffer(array) for array in (laid.offsets, run))
            run = pa.StringArray.from_buffers(len(laid.offsets) - 1, *buffers)
        self._parts.append(run.take(pa.array(first)))

    def column(self) -> pd.Series:
        """Return them as pandas 3 keeps text."""
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency, asked for where it is there

        return pd.Series(pd.array(pa.chunked_array(self._parts).cast(pa.large_string()), dtype="str"))


@cache
def has_arrow() -> bool:
    """Return whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def chunks(column: pd.Series) -> list[pa.Array]:
    """Return the arrays of a column that Arrow keeps."""
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    found = pa.array(column.array)
    return found.chunks if isinstance(found, pa.ChunkedArray) else [found]


def laid_out(chunk: pa.Array) -> Texts | None:
    """Return an array's texts; None where it holds something else."""
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    if not (pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type)):
        return None
    _, offsets, text = chunk.buffers()
    missing = None
    if chunk.null_count:
        missing = chunk.is_null().to_numpy(zero_copy_only=False).view(np.uint8)
    count, skipped = len(chunk) + 1, chunk.offset
    places: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    if pa.types.is_string(chunk.type):
        places = np.frombuffer(offsets, np.int32, count, 4 * skipped)
    else:
        places = np.frombuffer(offsets, np.int64, count, 8 * skipped)
    return Texts(places, 0 if text is None else text.address, missing, chunk)


def runs_of_objects(by: Helper, values: Objects) -> Iterator[Texts]:
    """Yield the texts of objects, run by run; raise NoTextsError at one that is no text and not missing."""
    low, room = 0, _BYTES * _OBJECTS
    while low < len(values):
        some = values[low : low + _OBJECTS]
        try:
            laid = _read(by, some, room)
        except (TypeError, UnicodeEncodeError):
            # An object of another kind: pyarrow knows what is missing, too.
            laid = None
        if laid is None:
            yield from _by_arrow(some)
            low += len(some)
        elif len(laid.offsets) > 1:
            yield laid
            low += len(laid.offsets) - 1
        elif room < _MOST_BYTES:
            room *= 2
        else:
            raise NoTextsError


def _read(by: Helper, values: Objects, room: int) -> Texts | None:
    """Return the texts of the first objects, as many as there is room for; None where kernels cannot."""
    utf8 = _library.utf8_of_texts()
    if utf8 is None:
        return None
    n = len(values)
    offsets, missing, text = np.empty(n + 1, np.int32), np.empty(n, np.uint8), np.empty(room, np.uint8)
    nothing = np.array([id(None), id(np.nan), id(pd.NA)], np.uintp)
    to = (room, at(offsets), at(missing), at(text))
    came = int(by.holding.cx_read_texts(utf8, at(values), 0, n, at(nothing), *to))
    used = int(offsets[came])
    # The memory is kept where longer texts stand there first.
    text = text if 2 * used > room else text[:used].copy()
    gaps = missing[:came] if missing[:came].any() else None
    return Texts(offsets[: came + 1], at(text), gaps, text)


def _by_arrow(values: Objects) -> Iterator[Texts]:
    if not has_arrow():
        raise NoTextsError
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    try:
        run = pa.array(values, from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError, TypeError, OverflowError) as error:
        raise NoTextsError from error
    # Nulls alone have no type; bytes are not the texts they spell.
    if pa.types.is_null(run.type):
        run = run.cast(pa.string())
    for part in run.chunks if isinstance(run, pa.ChunkedArray) else [run]:
        laid = laid_out(part) if pa.types.is_string(part.type) else None
        if laid is None:
            raise NoTextsError
        yield laid
