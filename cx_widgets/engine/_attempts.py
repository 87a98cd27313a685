"""Funnels and reasons under special rules by native/attempts.cpp and reasons.cpp, some units at a time."""

from __future__ import annotations

from ctypes import byref
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, whole
from cx_widgets.engine._outcomes import Judged
from cx_widgets.engine._protocol import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cx_widgets.engine._general import Way
    from cx_widgets.engine._outcomes import Lengths
    from cx_widgets.engine._protocol import Ints, UnitCodes
    from cx_widgets.engine._workers import Workers

PART = 1 << 16
"""Rows walked at once: their answer is copied out before the next ones."""

_BITS = 64
_LONGEST = 2**62
_INT32_MAX = np.iinfo(np.int32).max
# As native/attempts.cpp numbers them.
_ORDERS = {"ordered": 0, "strict": 1, "unbroken": 2, "any": 3}
_ENTRIES = {"best": 0, "first": 1, "latest": 2}
_TIES = {"stage": 0, "row": 1, "strict": 2}
_REUSES = {"never": 0, "distinct": 1, "shared": 2}
_EFFECTS = {"stop": 1, "reset": 2, "remove": 3}


def fits(rows: UnitCodes, way: Way) -> bool:
    """Whether numbers are as narrow as the kernel has them."""
    narrow = rows.codes.dtype.itemsize <= np.dtype(np.uint16).itemsize and len(rows.codes) <= _INT32_MAX
    return narrow and max(way.n_levels, len(way.exclusions)) <= _BITS


def walk(kernel: Callable[..., None], workers: Workers, rows: UnitCodes, way: Way) -> tuple[Lines, Ints]:
    """Return the lines of the units, and the units left out: only a matching tells how far they get."""
    units = _Units(rows)
    rules = _Rules(way)

    def part(low: int, high: int) -> _Part:
        space = _Space(units, way, low, high)
        made = _Part(space.rows, way.n_levels)
        kernel(units.asked(), rules.asked(), low, high, space.asked(), made.asked())
        return made.used()

    parts = workers.each(part, units.parts())
    begins = np.append(0, np.cumsum([len(one.unit) for one in parts])).tolist()

    def together(name: str) -> Ints:
        return np.concatenate([getattr(one, name) for one in parts])

    def lines(name: str) -> Ints:
        return np.concatenate([getattr(one, name) + begin for one, begin in zip(parts, begins, strict=False)])

    levels = []
    for level in range(way.n_levels):
        found = [one.level(level) for one in parts]
        line = np.concatenate([four[0] + begin for four, begin in zip(found, begins, strict=False)])
        reached, entered, previous = (np.concatenate([four[i] for four in found]) for i in (1, 2, 3))
        levels.append((line, reached, entered, previous))
    walked = Lines(
        unit=together("unit"),
        depth=together("depth").astype(np.uint8, copy=False),
        began=together("began"),
        waiting=(lines("waiting"), together("waiting_tick"), together("waiting_clock")),
        levels=tuple(levels),
        chains=(lines("chain"), together("chain_stage"), together("chain_position")),
    )
    return walked, together("left")


class Asked(NamedTuple):
    """Rows of units, and the rules in ticks and in nanoseconds."""

    rows: UnitCodes
    way: Way
    lengths: Lengths


def judge(
    kernel: Callable[..., None], workers: Workers, question: Asked, others: Callable[[UnitCodes], Judged]
) -> Judged:
    """Return why units, or their attempts, got no further; ``others`` judges what the kernel leaves out."""
    rows, way, lengths = question
    units, rules = _Units(rows), _Rules(way)
    own = np.array([-1 if window is None else window for window in lengths.steps], np.int64)
    counted = way.window is not None and lengths.window is None
    window = -1 if lengths.window is None else lengths.window
    asked = _library.Lengths(lengths.tick, window, counted, at(own))

    def part(low: int, high: int) -> _JudgedPart:
        space = _Space(units, way, low, high)
        made = _JudgedPart(space, way.n_levels, units.most[0])
        kernel(units.asked(), rules.asked(), low, high, space.asked(), byref(asked), made.asked())
        return made.used()

    parts = workers.each(part, units.parts())
    n_lines = 0
    for one in parts:
        line = one.attempts[1]
        line[line >= 0] += n_lines
        n_lines += one.lines.shape[1]
    lines, attempts, gone = (
        np.concatenate(tables, axis=1)
        for tables in zip(*((one.lines, one.attempts, one.gone) for one in parts), strict=True)
    )
    left = np.concatenate([one.left for one in parts])
    if len(left):
        more = others(some_units(rows, left))
        place = _places(rows, left)
        tried = more.attempts.T.copy()
        tried[0], tried[2] = left[tried[0]], place[tried[2]]
        tried[1][tried[1] >= 0] += n_lines
        lines = np.append(lines, _with_beginning(more.lines, left), axis=1)
        attempts = np.append(attempts, tried, axis=1)
        gone = np.append(gone, _with_beginning(more.left, left), axis=1)
    # Lines and departures have their beginnings in the second column, attempts in the fifth.
    tables = []
    for table, began in ((lines, lines[1]), (attempts, attempts[4]), (gone, gone[1])):
        if way.count == "attempts":
            order = np.lexsort((began, table[0]))
        else:
            order = np.argsort(table[0], kind="stable")
        tables.append((table[:, order], order))
    (lines, order), (attempts, _), (gone, _) = tables
    rank = np.append(np.empty(len(order), np.int64), -1)
    rank[order] = np.arange(len(order))
    attempts[1] = rank[attempts[1]]
    return Judged(np.delete(lines, 1, axis=0).T, attempts.T, np.delete(gone, 1, axis=0).T)


def _with_beginning(table: Ints, left: Ints) -> Ints:
    """Return columns of units that were left out, in their order, with a beginning that keeps it."""
    unit, *rest = table.T
    return np.array([left[unit], np.arange(len(table)), *rest], np.int64)


def some_units(rows: UnitCodes, chosen: Ints) -> UnitCodes:
    """Return the rows of some units, numbered anew."""
    place = _places(rows, chosen)
    return replace(
        rows,
        first_row=np.append(0, np.cumsum(np.diff(rows.first_row)[chosen])),
        position=place if rows.position is None else rows.position[place],
        clock=None if rows.clock is None else rows.clock[place],
    )


def _places(rows: UnitCodes, chosen: Ints) -> Ints:
    """Return the places of the rows of some units among all."""
    sizes = np.diff(rows.first_row)[chosen]
    begins = np.cumsum(sizes) - sizes
    places: Ints = np.arange(int(sizes.sum())) + np.repeat(rows.first_row[chosen] - begins, sizes)
    return places


def in_order(lines: Lines, others: Lines | None, *, by_beginning: bool) -> Lines:
    """Return lines, together with those of other units, by unit and, where they are not yet, by beginning."""
    if others is None and not by_beginning:
        return lines
    every = [_columns(part) for part in (lines, others) if part is not None]
    shift = len(lines.unit)
    # All lines, then of each table the number of the line and what is said of it.
    own, *tables = (
        [np.concatenate(same) for same in zip(*parts, strict=True)] for parts in zip(*every, strict=True)
    )
    for table, before in zip(tables, every[0][1:], strict=True):
        table[0][len(before[0]) :] += shift
    unit, depth, began = own
    order = np.lexsort((began, unit)) if by_beginning else np.argsort(unit, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    for table in tables:
        table[0] = rank[table[0]]
        by_line = np.argsort(table[0], kind="stable")
        table[:] = [column[by_line] for column in table]
    waiting, chains, *levels = tables
    return Lines(
        unit=unit[order],
        depth=depth[order],
        began=began[order],
        waiting=_three(waiting),
        levels=tuple((line, reached, entered, previous) for line, reached, entered, previous in levels),
        chains=_three(chains),
    )


def _columns(lines: Lines) -> list[tuple[NDArray[Any], ...]]:
    return [(lines.unit, lines.depth, lines.began), lines.waiting, lines.chains, *lines.levels]


def _three(columns: list[Ints]) -> tuple[Ints, Ints, Ints]:
    one, two, three = columns
    return one, two, three


class _Units:
    """The rows of units as the kernel wants them; the arrays live as long as it does."""

    def __init__(self, rows: UnitCodes) -> None:
        self.first_row = whole(rows.first_row, np.int64)
        self.values = 0 if rows.held is None else int(rows.held.max(initial=0)) + 1
        codes = whole(rows.codes, np.uint8 if rows.codes.dtype == np.uint8 else np.uint16)
        ticks = whole(rows.ticks, rows.ticks.dtype)
        tables = [_table(bits, codes.dtype) for bits in (rows.stages_of_code, rows.excluded_of_code)]
        self.most = [_most_bits(table) for table in tables]
        position = None if rows.position is None else whole(rows.position, np.int64)
        held = None if rows.held is None else whole(rows.held, np.int32)
        clock = None if rows.clock is None else whole(rows.clock, np.int64)
        self._arrays = [self.first_row, position, codes, ticks, *tables, held, clock]
        self._asked = _library.UnitRows(
            codes.itemsize, ticks.itemsize, *(_at(array) for array in self._arrays)
        )

    def asked(self) -> object:
        return byref(self._asked)

    def parts(self) -> list[tuple[int, int]]:
        """Return ranges of units of about as many rows."""
        n = len(self.first_row) - 1
        wanted = np.arange(PART, int(self.first_row[-1]), PART)
        edges = np.unique([0, *np.searchsorted(self.first_row, wanted).tolist(), n]).tolist()
        return list(pairwise(edges)) if n else [(0, 0)]


class _Rules:
    """Rules in numbers as the kernel wants them."""

    def __init__(self, way: Way) -> None:
        ordered = way.order != "any"
        blocks = [] if ordered else [sum(1 << level for level in block) for block in way.blocks]
        effects = [_EFFECTS[effect] for _, _, effect in way.exclusions]
        self._arrays = [
            np.array([_ticks(window) for window in way.step_window], np.int64),
            np.array(way.optional, np.int64),
            np.array(way.directly, np.int64),
            np.array(way.prior, np.int64),
            np.array(blocks, np.uint64),
            np.array([after for after, _, _ in way.exclusions], np.int64),
            np.array([before for _, before, _ in way.exclusions], np.int64),
            np.array(effects, np.int64),
        ]
        self._asked = _library.SpecialRules(
            way.n_levels,
            len(way.exclusions),
            len(blocks),
            _ORDERS[way.order],
            _ENTRIES[way.entry],
            way.reach == "open",
            _TIES[way.ties],
            min(way.grace, _LONGEST),
            _REUSES[way.reuse],
            way.count == "attempts",
            _ticks(way.window),
            *map(at, self._arrays),
        )

    def asked(self) -> object:
        return byref(self._asked)


class _Space:
    """Room for the longest of some units."""

    def __init__(self, units: _Units, way: Way, low: int, high: int) -> None:
        self.rows = int(units.first_row[high] - units.first_row[low])
        longest = int(np.diff(units.first_row[low : high + 1]).max(initial=0))
        stages, exclusions = units.most
        # The slots of every level, one level after another.
        self.wide = longest * stages
        foreign = way.n_levels * (longest + 1) if way.order == "unbroken" else 0
        between = longest if way.adjacent else 0
        sizes: list[tuple[int, type[np.generic]]] = [
            *((longest, np.int32), (longest, np.int64), (longest, np.uint64), (longest, np.uint64)),
            *((longest, np.int32), (longest, np.int32), (longest + 2, np.int32), (units.values, np.int32)),
        ]
        self._space: list[NDArray[Any]] = [np.empty(size, kind) for size, kind in sizes]
        self._space.append(np.full(units.values, -1, np.int64))
        sizes = [
            *((between, np.uint8), (between, np.int32), (between, np.int32), (foreign, np.int32)),
            *((longest, np.int64), (longest, np.int64), (longest, np.uint64), (longest, np.uint64)),
            *((longest + 1, np.int32), (self.wide, np.int32), (self.wide, np.int64), (self.wide, np.int32)),
            *((self.wide, np.int32), (longest * exclusions, np.int32)),
            *((longest, np.int32), (longest, np.int32), (longest, np.int32)),
        ]
        self._space += [np.empty(size, kind) for size, kind in sizes]
        self._asked = _library.AttemptSpace(*map(at, self._space))

    def asked(self) -> object:
        return byref(self._asked)


class _Part:
    """What the kernel writes to for some units, and what it wrote there."""

    def __init__(self, rows: int, n_levels: int) -> None:
        # Every line has a start of its own, and that a row.
        self.unit, self.began = np.empty(rows, np.int64), np.empty(rows, np.int64)
        self.depth = np.empty(rows, np.uint8)
        self.waiting, self.waiting_tick, self.waiting_clock = (np.empty(rows, np.int64) for _ in range(3))
        self.levels = [np.empty((n_levels, rows), np.int64) for _ in range(4)]
        self.chain, self.chain_stage, self.chain_position = (
            np.empty(n_levels * rows, np.int64) for _ in range(3)
        )
        self.left, self.at_level = np.empty(rows, np.int64), np.zeros(n_levels, np.int64)
        arrays: list[NDArray[Any]] = [
            *(self.unit, self.depth, self.began, self.waiting, self.waiting_tick, self.waiting_clock),
            *(*self.levels, self.chain, self.chain_stage, self.chain_position, self.left, self.at_level),
        ]
        self._answer = _library.Attempts(rows, *map(at, arrays))

    def asked(self) -> object:
        return byref(self._answer)

    def level(self, level: int) -> list[Ints]:
        """Return the lines that reached a level, when, the entry and the arrival before."""
        return [table[level] for table in self.found]

    def used(self) -> _Part:
        """Give up what was not written to."""
        told = self._answer
        self.found = [
            [line[:n].copy() for line, n in zip(table, self.at_level.tolist(), strict=True)]
            for table in self.levels
        ]
        self.levels = []
        for n, names in (
            (told.lines, ("unit", "depth", "began")),
            (told.waits, ("waiting", "waiting_tick", "waiting_clock")),
            (told.matches, ("chain", "chain_stage", "chain_position")),
            (told.lefts, ("left",)),
        ):
            for name in names:
                setattr(self, name, getattr(self, name)[:n].copy())
        return self


_LINE, _TRIED, _GONE = 7, 7, 4
"""Columns of lines, of attempts before their arrivals, and of departures, as native/reasons.cpp has them."""


class _JudgedPart:
    """What the kernel writes reasons to for some units, and what it wrote there."""

    def __init__(self, space: _Space, n_levels: int, most_starts: int) -> None:
        room = space.rows * most_starts
        self.lines, self.gone = np.empty((_LINE, room), np.int64), np.empty((_GONE, room), np.int64)
        self.attempts = np.empty((_TRIED + n_levels, room), np.int64)
        self.left, self._cost = np.empty(space.rows, np.int64), np.empty(space.wide, np.int64)
        tried, arrivals = self.attempts[:_TRIED], self.attempts[_TRIED:]
        columns = [*self.lines, *tried, arrivals, *self.gone, self.left, self._cost]
        self._answer = _library.Outcomes(room, *map(at, columns))

    def asked(self) -> object:
        return byref(self._answer)

    def used(self) -> _JudgedPart:
        """Give up what was not written to."""
        told = self._answer
        self.lines = self.lines[:, : told.lines].copy()
        self.attempts = self.attempts[:, : told.tries].copy()
        self.gone = self.gone[:, : told.departures].copy()
        self.left = self.left[: told.lefts].copy()
        return self


def _most_bits(table: NDArray[np.uint64]) -> int:
    """Return how many bits are set in one number at the most, 1 at least."""
    every = np.unpackbits(np.unique(table).view(np.uint8)).reshape(-1, _BITS)
    return max(int(every.sum(axis=1).max()), 1)


def _ticks(window: int | None) -> int:
    return -1 if window is None else min(window, _LONGEST)


def _at(array: NDArray[Any] | None) -> int | None:
    return None if array is None else at(array)


def _table(bits_of_code: NDArray[np.uint64], codes: np.dtype[Any]) -> NDArray[np.uint64]:
    """Return the bits of every code there can be."""
    table = np.zeros(np.iinfo(codes).max + 1, np.uint64)
    table[: len(bits_of_code)] = bits_of_code
    return table
