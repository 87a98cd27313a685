"""Kernels that read tables, called on pieces: some side by side, and none for long."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, pool

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    import numpy.typing as npt

T = TypeVar("T")

# Rows between two moments at which an interrupt is heard: some ten milliseconds.
PIECE = 1 << 20


def pieces(low: int, high: int, size: int | None = None) -> list[tuple[int, int]]:
    """Return the begins and ends of pieces of a range."""
    step = size or PIECE
    return [(begin, min(begin + step, high)) for begin in range(low, high, step)]


class Helper:
    """The kernels, and how many threads may run them."""

    def __init__(self, library: _library.Library, threads: int) -> None:
        self.kernels: ctypes.CDLL = library.kernels
        self.holding: ctypes.PyDLL = library.holding
        self.threads = threads

    def each(self, work: Callable[[int, int], T], n: int, piece: int | None = None) -> list[T]:
        """Return what a function gave for each piece, by its begin and end; several are worked on at once."""
        parts = pieces(0, n, piece)
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


def width_of(kind: np.dtype[Any]) -> int:
    """Return the bytes of an integer as kernels are told them: below 0 where it has a sign."""
    return kind.itemsize if kind.kind == "u" else -kind.itemsize


def span(values: npt.NDArray[np.integer]) -> tuple[int, int]:
    """Return the least and the greatest of some integers, of which there is one."""
    by = helper() if values.flags.c_contiguous and values.dtype.str[1:] != "u8" else None
    if by is None:
        return int(values.min()), int(values.max())
    cx, width, address = by.kernels, width_of(values.dtype), at(values)

    def of_piece(low: int, high: int) -> tuple[int, int]:
        found = np.empty(2, np.int64)
        cx.cx_span(width, address, low, high, at(found))
        return int(found[0]), int(found[1])

    lows, highs = zip(*by.each(of_piece, len(values)), strict=True)
    return min(lows), max(highs)
