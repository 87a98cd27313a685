"""What the kernels read and write: arrays, and the structures that say where they lie."""

from __future__ import annotations

import ctypes
from collections import deque
from ctypes import byref
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import Bools, Bytes, Codes, Ints, StagedRows
    from cx_widgets.log import Packed

    Int64s = NDArray[np.int64]

# Of the piles of moves: the bytes of a block, the more the fewer of them there are.
_SMALLEST_BLOCK, _LARGEST_BLOCK = 2**10, 2**15
_MOST_SCRATCH = 32


class Rows:
    """The rows of a log as the kernels want them; the arrays live as long as it does."""

    def __init__(
        self, packed: Packed, codes: Codes, stage_of_code: Bytes, *, by_row: bool, longest: int | None = None
    ) -> None:
        self.offsets = whole(packed.offsets, np.int64)
        self.codes = whole(codes, np.uint8 if codes.dtype == np.uint8 else np.uint16)
        self.ticks = whole(packed.ticks, packed.ticks.dtype)
        self._table = table(stage_of_code, self.codes.dtype)
        self._log = _library.Log(
            self.codes.itemsize,
            self.ticks.itemsize,
            packed.has_ties and not by_row,
            *map(at, (self.offsets, self.codes, self.ticks, self._table)),
        )
        self.longest = _longest(packed) if longest is None else longest

    @classmethod
    def of(cls, rows: StagedRows) -> Rows:
        """Return the rows of an edit."""
        longest = rows.keep(("engine", "longest"), lambda: _longest(rows.packed))
        return cls(rows.packed, rows.codes, rows.stage_of_code, by_row=rows.by_row, longest=longest)

    def asked(self) -> object:
        """Return the log for a kernel."""
        return byref(self._log)

    def span(self, low: int, high: int) -> tuple[int, int]:
        """Return the first row of a customer and the first of another."""
        return int(self.offsets[low]), int(self.offsets[high])

    def room(self) -> Room:
        """Return room for the longest customer: one for each thread."""
        return Room(self.longest + 1, self.ticks.dtype)


def _longest(packed: Packed) -> int:
    """Return the rows of the customer with the most."""
    return int(np.diff(packed.offsets).max(initial=0))


class Room:
    """Room for the rows of one customer."""

    def __init__(self, size: int, kind: np.dtype[Any]) -> None:
        kinds = (np.uint8, kind, np.int32, np.uint8, np.int32)
        self._arrays = [np.empty(size, kind) for kind in kinds]
        self._room = _library.Room(*map(at, self._arrays))

    def asked(self) -> object:
        """Return the room for a kernel."""
        return byref(self._room)


class Into:
    """What a kernel writes to."""

    def __init__(self, asked: ctypes.Structure) -> None:
        self.asked = asked


class Scratch:
    """Memory that was written to before: to touch fresh pages costs about as much as to fill them."""

    def __init__(self) -> None:
        self._free: list[Bytes] = []
        # Memory comes back from any thread, even from the one that is just looking for some.
        self._back: deque[Bytes] = deque()
        self._lock = Lock()

    def take(self, size: int) -> Bytes:
        """Return so many bytes, or more, with anything in them."""
        with self._lock:
            while self._back:
                self._free.append(self._back.popleft())
            self._free = sorted(self._free, key=len)[-_MOST_SCRATCH:]
            for number, block in enumerate(self._free):
                if len(block) >= size:
                    del self._free[number]
                    return block
        return np.empty(size, np.uint8)

    def give_back(self, blocks: Iterable[Bytes]) -> None:
        """Let others write to memory that was taken."""
        self._back.extend(blocks)


class Told(Into):
    """What the totals of some customers are written to."""

    def __init__(self, n_stages: int, room: int, deepest: Bytes, took: Ints, scratch: Scratch) -> None:
        self.reached, self.open, self.listed = (np.zeros(n_stages + 1, np.int64) for _ in range(3))
        levels, size = max(n_stages - 1, 1), took.itemsize
        self.taken = scratch.take(2 * levels * room * size)
        both = self.taken[: 2 * levels * room * size].view(took.dtype).reshape(2, levels, room)
        self.since_entry, self.since_previous = both
        told: list[NDArray[Any]] = [self.reached, self.open, deepest, took]
        told += [self.since_entry, self.since_previous, self.listed]
        super().__init__(_library.Told(*map(at, told), room))

    def since_entry_at(self, level: int) -> Ints:
        """Return the ticks since entry of those who reached a level, from the second on."""
        return self.since_entry[level - 2, : self.listed[level]]

    def since_previous_at(self, level: int) -> Ints:
        """Return the ticks since the level before of those who reached a level, from the third on."""
        return self.since_previous[level - 2, : self.listed[level]]


class Made:
    """What the moves of some customers are written to: sums, and the ticks before each move in piles.

    Parameters
    ----------
    n_stages
        How many stages there are.
    room
        Moves at most.
    kind
        The type of ticks.
    scratch
        Where the piles lie.
    """

    def __init__(self, n_stages: int, room: int, kind: np.dtype[Any], scratch: Scratch) -> None:
        width = n_stages + 1
        codes = width * width
        sizes = (*(codes for _ in range(5)), width, width, 3, 3, 3, 3)
        self.sums = [np.zeros(size, np.int64) for size in sizes]
        self._sums = _library.Sums(*map(at, self.sums))
        wanted = room * kind.itemsize // codes
        self._bytes = min(max(1 << wanted.bit_length(), _SMALLEST_BLOCK), _LARGEST_BLOCK)
        # Each pile has one block that is not full.
        blocks = room * kind.itemsize // self._bytes + min(codes, room)
        self.taken = scratch.take((blocks + 1) * self._bytes)
        self._values = self.taken[: (blocks + 1) * self._bytes].view(kind)
        self._owner, self._next = np.empty(blocks, np.int32), np.zeros(codes, np.uintp)
        self._first = -(-at(self._values) // self._bytes) * self._bytes
        self._piles = _library.Piles(self._first, self._bytes, 0, at(self._owner), at(self._next))

    def asked(self) -> tuple[object, object]:
        """Return the sums and the piles for a kernel."""
        return byref(self._sums), byref(self._piles)

    def pieces(self) -> tuple[NDArray[np.int32], Int64s, Int64s]:
        """Return the blocks: of which move each is, where it begins, and how many values it has."""
        taken = int(self._piles.taken)
        owner = self._owner[:taken]
        begins = self._first + np.arange(taken, dtype=np.int64) * self._bytes
        # All are full but for the last one of each move.
        ends = begins + self._bytes
        last = np.zeros(len(self._next), np.int64)
        last[owner] = np.arange(taken)
        there = np.flatnonzero(self._next)
        ends[last[there]] = self._next[there].astype(np.int64)
        return owner, begins, (ends - begins) // self._values.itemsize

    def by_move(self) -> list[Ints]:
        """Return the ticks before each move."""
        owner, begins, lengths = self.pieces()
        first = (begins - at(self._values)) // self._values.itemsize
        return [
            np.concatenate(
                [self._values[:0]]
                + [
                    self._values[begin : begin + length]
                    for begin, length in zip(first[mine], lengths[mine], strict=True)
                ]
            )
            for mine in (owner == code for code in range(len(self._next)))
        ]


class Groups:
    """Numbers of 32 bits, none below 0, in groups, each in pieces that lie anywhere.

    Parameters
    ----------
    group, begins, lengths
        Of each piece: the number of its group, its address, and how many numbers it has.
    n_groups
        How many groups there are.
    """

    def __init__(self, group: Ints, begins: Int64s, lengths: Int64s, n_groups: int) -> None:
        self._pieces: Sequence[Sequence[NDArray[np.int32]]] = ()
        order = np.argsort(group, kind="stable")
        first = np.searchsorted(group[order], np.arange(n_groups + 1))
        self._arrays = [whole(array, np.int64) for array in (first, begins[order], lengths[order])]
        self._groups = _library.Groups(*map(at, self._arrays))
        self.n_groups = n_groups

    @classmethod
    def of(cls, groups: Sequence[Sequence[NDArray[np.int32]]]) -> Groups:
        """Return groups whose pieces are arrays, which live as long as they do."""
        pieces = [(number, at(piece), len(piece)) for number, group in enumerate(groups) for piece in group]
        group, begins, lengths = np.array(pieces, np.int64).reshape(-1, 3).T
        made = cls(group, begins, lengths, len(groups))
        made._pieces = groups
        return made

    def asked(self) -> object:
        """Return the groups for a kernel."""
        return byref(self._groups)

    def size(self, low: int, high: int) -> int:
        """Return how many numbers some groups have."""
        first, _, lengths = self._arrays
        return int(lengths[first[low] : first[high]].sum())

    def largest(self, low: int, high: int) -> int:
        """Return how many numbers the largest of some groups has."""
        return max((self.size(group, group + 1) for group in range(low, high)), default=0)


def table(stage_of_code: Bytes, codes: np.dtype[Any]) -> Bytes:
    """Return the stage of every code there can be; those without an event, padding too, lie in none."""
    every = np.zeros(np.iinfo(codes).max + 1, np.uint8)
    every[: len(stage_of_code)] = stage_of_code
    return every


@cache
def every_stage() -> Bytes:
    """Return the table of rows whose codes are stages."""
    return np.arange(256, dtype=np.uint8)


def of_stages(stages: Iterable[int]) -> Bools:
    """Return for each number of a stage whether it is one of some."""
    there = np.zeros(256, np.bool_)
    there[list(stages)] = True
    return there
