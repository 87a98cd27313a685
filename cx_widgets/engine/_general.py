"""The funnel under special rules: exact, one unit after another, off the path of the plain funnel.

The rows of a unit are laid into *slots*: the rows of one time, or single rows where the order of the frame
decides ties. An *attempt* is a start and, for each level, its first arrival there over all chains from that
start; exclusions then cut attempts. What may follow what is said by conditions between two slots alone (ties,
the stage's own window, what lies between) and by the window from the start, so the first arrivals come from a
walk over levels and slots. Only ``reuse="distinct"`` at equal times looks further: which rows of a slot serve
which stages is a matching.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.engine._protocol import Chains, FunnelPaths, Level, Lines, Subjects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import Bools, Ints, UnitCodes

NONE = -1


@dataclass(frozen=True, slots=True)
class Way:
    """The rules of a funnel in numbers; windows in ticks, None for no limit.

    Attributes
    ----------
    order, entry, reach, reuse, count
        As in `Rules`.
    ties
        ``"stage"``, ``"row"`` or ``"strict"``.
    grace
        Ticks by which a stage may be earlier than the one before.
    window
        From the start, on the clock of the rows.
    optional, step_window, directly, anchored
        For each level.
    exclusions
        For each: the level after which, the level before which (both from 0), and the effect.
    """

    order: str
    entry: str
    reach: str
    ties: str
    grace: int
    reuse: str
    count: str
    window: int | None
    optional: tuple[bool, ...]
    step_window: tuple[int | None, ...]
    directly: tuple[bool, ...]
    anchored: tuple[bool, ...]
    exclusions: tuple[tuple[int, int, str], ...]

    @property
    def n_levels(self) -> int:
        """How many stages there are."""
        return len(self.optional)

    @property
    def by_row(self) -> bool:
        """Whether every row is a slot of its own."""
        return self.ties == "row"

    @property
    def adjacent(self) -> bool:
        """Whether it matters what lies between two matched rows."""
        return self.order in ("strict", "unbroken") or any(self.directly)

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The levels that may come in any order, run by run: an anchored one stands alone."""
        found: list[list[int]] = []
        for level, anchored in enumerate(self.anchored):
            if found and not anchored and not self.anchored[level - 1]:
                found[-1].append(level)
            else:
                found.append([level])
        return tuple(map(tuple, found))

    @property
    def prior(self) -> tuple[int, ...]:
        """For each level the last one before it that is not optional."""
        found, last = [], 0
        for level, optional in enumerate(self.optional):
            found.append(last)
            last = last if optional else level
        return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class UnitRows:
    """Every row of the log that belongs to a unit, by unit, then time, then place in the frame.

    Attributes
    ----------
    unit, tick, position
        The unit's number, the time, and the position in the packed log.
    stages
        Which stages each row may serve, a line for each stage.
    excluded
        Which rows each exclusion is about, a line for each.
    held
        Number of the values of the columns held constant; -1 where one is missing.
    clock
        What the window is measured on: the time, the place in the unit, the number of the session or of
        the calendar unit. Along the rows of a unit it never falls.
    """

    unit: Ints
    tick: Ints
    position: Ints
    stages: Bools
    excluded: Bools
    held: Ints
    clock: Ints


@dataclass(slots=True)
class _Slot:
    """Rows of one time, or one row: the stages they may serve as bits, and the exclusions they meet."""

    tick: int
    bits: int = 0
    excluded: int = 0
    rows: list[tuple[int, int]] = field(default_factory=list)
    index: int = 0
    clock: int = 0


# For each kind of row: how many lie before, and up to the end of, the slot of each row with a role.
_Between = dict[int, tuple[list[int], list[int]]]

# A level, a slot, and the levels served in that slot as bits (0 where rows need not be told apart).
_State = tuple[int, int, int]


@dataclass(slots=True)
class Attempt:
    """A start and its first arrival at each level; the last state of each level leads back to the start."""

    track: _Track
    start: int
    arrivals: list[int]
    states: list[_State | None]
    parents: dict[_State, _State | None]
    chain: list[tuple[int, int]] | None = None
    first: int = 0
    met: int = NONE
    effect: str = ""
    by: int = NONE
    replaced: bool = False

    @property
    def start_tick(self) -> int:
        return self.track.slots[self.start].tick

    @property
    def start_clock(self) -> int:
        return self.track.slots[self.start].clock

    @property
    def depth(self) -> int:
        """The deepest level reached, from 1; 0 for none."""
        return max((level for level, at in enumerate(self.arrivals, 1) if at != NONE), default=0)

    def tick(self, level: int) -> int:
        return self.track.slots[self.arrivals[level]].tick

    def matched(self) -> list[tuple[int, int]]:
        """Return stage numbers (from 1) and packed positions of the chain to the deepest level."""
        if self.chain is not None:
            return sorted(self.chain[: self.depth])
        found: list[tuple[int, int]] = []
        state = self.states[self.depth - 1]
        served: dict[int, list[int]] = {}
        while state is not None:
            served.setdefault(state[1], []).append(state[0])
            state = self.parents[state]
        for slot, levels in served.items():
            rows = self.track.slots[slot].rows
            pairs = _assigned(rows, levels) if self.track.apart else _shared(rows, levels)
            found += [(level + 1, position) for level, position in pairs]
        return sorted(found)


class _Track:
    """The slots of one unit (and one set of held values), and the walks over them."""

    def __init__(self, way: Way, slots: list[_Slot], between: _Between) -> None:
        self.way = way
        self.blocks = way.blocks if way.order == "any" else ()
        self.between = between
        self.slots = slots
        tied = any(len(slot.rows) > 1 for slot in slots)
        # Rows of one slot must be told apart where several stages could ask for the same one.
        self.apart = way.reuse == "distinct" and tied and not way.by_row
        self.stays = way.reuse == "shared" or (
            way.reuse == "never" and way.ties == "stage" and not way.by_row and tied
        )
        stepwise = any(window is not None for window in way.step_window)
        # With nothing said about two rows but ties, the earliest arrival is the best one to go on from.
        self.earliest = not (self.apart or stepwise or way.adjacent)
        self.simple = self.earliest and not way.grace
        self.ticks = [slot.tick for slot in slots]
        self.clocks = [slot.clock for slot in slots]
        self.last = len(slots) - 1
        self.at = [
            [place for place, slot in enumerate(slots) if slot.bits >> level & 1]
            for level in range(way.n_levels)
        ]
        self.excluded = [
            [place for place, slot in enumerate(slots) if slot.excluded >> number & 1]
            for number in range(len(way.exclusions))
        ]

    def starts(self) -> list[tuple[int, int]]:
        """Return every eligible start: slot and level, in order."""
        if self.way.order == "any":
            first = sum(1 << level for level in self.blocks[0])
            found = [(place, 0) for place, slot in enumerate(self.slots) if slot.bits & first]
        elif self.way.reach == "open":
            found = sorted((place, level) for level, places in enumerate(self.at) for place in places)
        else:
            found = [(place, 0) for place in self.at[0]]
        return found

    def until(self, start: int) -> int:
        """Return the last slot inside the window from a start."""
        if self.way.window is None:
            return self.last
        return bisect_right(self.clocks, self.clocks[start] + self.way.window) - 1

    def attempt(self, start: int, level: int) -> Attempt:
        """Return the attempt from a start, cut where it meets an exclusion."""
        until = self.until(start)
        if self.way.order == "any":
            made = self.any_order(start, until)
        elif self.simple:
            made = self.first_arrivals(start, level, until)
        else:
            made = self._walk(start, level, until)
        if self.way.exclusions:
            self._exclude(made, until)
        return made

    def first_arrivals(self, start: int, first: int, until: int) -> Attempt:
        """Walk where the earliest arrival at a level always serves the next one best."""
        made = Attempt(self, start, [NONE] * self.way.n_levels, [None] * self.way.n_levels, {})
        made.first = first
        made.arrivals[first] = start
        made.states[first] = (first, start, 0)
        made.parents[first, start, 0] = None
        step = 0 if self.stays else 1
        last = start
        for level in range(first + 1, self.way.n_levels):
            places = self.at[level]
            found = bisect_left(places, last + step)
            if found == len(places) or places[found] > until:
                if self.way.optional[level]:
                    continue
                break
            place = places[found]
            made.arrivals[level] = place
            state = (level, place, 0)
            made.states[level] = state
            # The stages left out stay out: the chain goes back to the nearest level it can have come from.
            made.parents[state] = next(
                state_before
                for before in range(level - 1, first - 1, -1)
                if (state_before := made.states[before]) is not None and made.arrivals[before] + step <= place
            )
            if not self.way.optional[level]:
                last = place
        return made

    def _walk(self, start: int, first: int, until: int) -> Attempt:
        """Walk with every state kept: an early arrival may be a dead end where a later one goes on."""
        way = self.way
        made = Attempt(self, start, [NONE] * way.n_levels, [None] * way.n_levels, {})
        made.first = first
        origin = (first, start, 1 << first if self.apart else 0)
        made.parents[origin] = None
        states: list[list[_State]] = [[] for _ in range(way.n_levels)]
        states[first].append(origin)
        for level in range(first + 1, way.n_levels):
            found: dict[_State, _State] = {}
            for before in range(level - 1, first - 1, -1):
                for state in states[before]:
                    for reached in self.steps(state, level, until):
                        found.setdefault(reached, state)
                        if self.earliest:
                            break
                if not way.optional[before]:
                    break
            made.parents.update(found)
            states[level] = sorted(found, key=lambda state: state[1])[: 1 if self.earliest else None]
        for level, reached_here in enumerate(states):
            if reached_here:
                made.arrivals[level] = reached_here[0][1]
                made.states[level] = reached_here[0]
        return made

    def steps(self, state: _State, level: int, until: int) -> Iterator[_State]:
        before, place, served = state
        way, tick = self.way, self.ticks[place]
        own = way.step_window[level]
        if own is not None:
            until = min(until, bisect_right(self.ticks, tick + own) - 1)
        places = self.at[level]
        begin = bisect_left(self.ticks, tick - way.grace) if way.grace else place
        for index in range(bisect_left(places, begin), len(places)):
            other = places[index]
            if other > until:
                return
            if other == place and not self.apart:
                if self.stays:
                    yield (level, other, 0)
                continue
            if other == place:
                both = served | 1 << level
                if way.ties != "strict" and self._matchable(other, both):
                    yield (level, other, both)
                continue
            if self._broken(place, other, before, level):
                # What lies between only grows.
                return
            yield (level, other, 1 << level if self.apart else 0)

    def _matchable(self, place: int, served: int) -> bool:
        levels = [level for level in range(self.way.n_levels) if served >> level & 1]
        return len(_assigned(self.slots[place].rows, levels)) == len(levels)

    def _broken(self, place: int, other: int, before: int, level: int) -> bool:
        way = self.way
        if not way.adjacent:
            return False
        if way.order == "strict" or way.directly[level]:
            kind = way.n_levels
        elif way.order == "unbroken":
            kind = before
        else:
            return False
        until, through = self.between[kind]
        return until[self.slots[other].index] > through[self.slots[place].index]

    def any_order(self, start: int, until: int) -> Attempt:
        made = Attempt(self, start, [], [], {}, chain=[])
        serves: dict[int, int] = {}
        asked: dict[int, list[int]] = {}
        begin = start
        for block in self.blocks:
            asked |= {level: [] for level in block}
            wanted = sum(1 << level for level in block)
            for place in range(begin, until + 1):
                if not self.slots[place].bits & wanted:
                    continue
                for position, bits in self.slots[place].rows:
                    for level in block:
                        if bits >> level & 1:
                            asked[level].append(position)
                new = self._served(block, asked, serves)
                made.arrivals += [place] * new
                if self.way.reuse != "distinct":
                    # Rows of a stage that has one already move nothing.
                    wanted &= ~sum(1 << level for level in block if level in serves)
                if new and all(level in serves for level in block):
                    begin = place
                    break
            else:
                break
        made.chain = [(level + 1, position) for level, position in serves.items()]
        made.arrivals += [NONE] * (self.way.n_levels - len(made.arrivals))
        return made

    def _served(self, block: Sequence[int], asked: dict[int, list[int]], serves: dict[int, int]) -> int:
        """Give rows to the levels of a block that have none, and return how many got one: all that can."""
        free = [level for level in block if level not in serves and asked[level]]
        if not free:
            return 0
        if self.way.reuse != "distinct":
            serves |= {level: asked[level][0] for level in free}
            return len(free)
        owner = {position: level for level, position in serves.items()}
        for level in free:
            _placed(level, asked, owner, set())
        found = {level: position for position, level in owner.items()}
        new = len(found) - len(serves)
        # Who was served first stands first: a chain is cut by its length.
        order = [*serves, *(level for level in free if level in found)]
        serves.clear()
        serves |= {level: found[level] for level in order}
        return new

    def _exclude(self, made: Attempt, until: int) -> None:
        for number, (after, before, effect) in enumerate(self.way.exclusions):
            begin = made.arrivals[after]
            if begin == NONE:
                continue
            # To go on without an optional stage is to be past it.
            end = min((at for at in made.arrivals[before:] if at != NONE), default=NONE)
            places = self.excluded[number]
            found = bisect_right(places, begin)
            if found == len(places):
                continue
            place = places[found]
            if end != NONE and place >= end:
                continue
            if end == NONE and place > until:
                continue
            # A harder effect at the same row wins.
            rank = ("", "stop", "reset", "remove")
            if made.met == NONE or (place, -rank.index(effect)) < (made.met, -rank.index(made.effect)):
                made.met, made.effect, made.by = place, effect, number
        if made.met != NONE:
            self.cut(made, made.met)

    def cut(self, made: Attempt, upto: int) -> None:
        """Take from an attempt what it reached behind a slot."""
        if made.chain is not None:
            kept = self.any_order(made.start, min(upto, self.until(made.start)))
            made.arrivals, made.chain = kept.arrivals, kept.chain
            return
        over = False
        for level, at in enumerate(made.arrivals):
            if over or at > upto:
                made.arrivals[level] = NONE
                # What was left out stops nobody from going on.
                over = over or not self.way.optional[level]


def _shared(rows: Sequence[tuple[int, int]], levels: Sequence[int]) -> list[tuple[int, int]]:
    return [(level, next(position for position, bits in rows if bits >> level & 1)) for level in levels]


def _assigned(rows: Sequence[tuple[int, int]], levels: Sequence[int]) -> list[tuple[int, int]]:
    """Return levels with a row each, as many as can have one of their own."""
    owner: dict[int, int] = {}
    asked = {level: [position for position, bits in rows if bits >> level & 1] for level in levels}
    for level in sorted(levels):
        _placed(level, asked, owner, set())
    return sorted((level, position) for position, level in owner.items())


def _placed(level: int, asked: dict[int, list[int]], owner: dict[int, int], seen: set[int]) -> bool:
    """Give a level one of the rows it asks for, moving others to other rows where that helps."""
    for position in asked[level]:
        if position in seen:
            continue
        seen.add(position)
        if position not in owner or _placed(owner[position], asked, owner, seen):
            owner[position] = level
            return True
    return False


def _one_after_another(track: _Track, starts: Sequence[tuple[int, int]], end: int | None) -> list[Attempt]:
    """Return the attempts from some starts, each beginning after the one before is over, up to a slot."""
    way = track.way
    made_here: list[Attempt] = []
    over = NONE
    for start, level in starts:
        if start <= over:
            continue
        made = track.attempt(start, level)
        if end is not None:
            made.replaced = True
            track.cut(made, end - 1)
            if made.met >= end:
                made.met, made.effect = NONE, ""
        made_here.append(made)
        if made.met != NONE:
            over = made.met
        elif made.arrivals[-1] != NONE:
            over = made.arrivals[-1]
        elif way.window is None:
            break
        else:
            over = track.until(start)
    return made_here


def _attempts(track: _Track) -> list[Attempt]:
    """Return the attempts that are counted one by one, in order."""
    starts = track.starts()
    if track.way.entry == "first":
        return _one_after_another(track, starts, None)
    every = [track.attempt(*start) for start in starts]
    counted: list[Attempt] = []
    place = 0
    while place < len(starts):
        done = [index for index in range(place, len(starts)) if every[index].arrivals[-1] != NONE]
        if not done:
            return counted + _one_after_another(track, starts[place:], None)
        end = min(every[index].arrivals[-1] for index in done)
        best = max(index for index in done if every[index].arrivals[-1] == end)
        begin = starts[best][0]
        counted += _one_after_another(track, [s for s in starts[place:best] if s[0] < begin], begin)
        counted.append(every[best])
        place = next((index for index in range(best, len(starts)) if starts[index][0] > end), len(starts))
    return counted


def _eligible(way: Way, tracks: Sequence[_Track]) -> list[Attempt]:
    """Return the attempts of a unit that its entry rule lets begin."""
    found = [(track, slot, level) for track in tracks for slot, level in track.starts()]
    if way.entry != "best" and found:
        latest = way.entry == "latest"

        def when(start: tuple[_Track, int, int]) -> tuple[int, int]:
            slot = start[0].slots[start[1]]
            return slot.tick, slot.rows[0][0] if way.by_row else 0

        moment = max(map(when, found)) if latest else min(map(when, found))
        found = [start for start in found if when(start) == moment]
        lowest = min(level for _, _, level in found)
        found = [start for start in found if start[2] == lowest]
    return [track.attempt(slot, level) for track, slot, level in found]


@dataclass(slots=True)
class _Answer:
    """What has been found out so far, a list entry for each line of the answer."""

    levels: list[list[tuple[int, int, int, int]]]
    lines: list[tuple[int, int, int]]
    waiting: list[tuple[int, int, int]]
    chains: list[tuple[int, int, int]]

    def add(self, unit: int, attempts: Sequence[Attempt], prior: Sequence[int]) -> None:
        """Add a line that is counted by the best of some attempts."""
        if not attempts:
            return
        line = len(self.lines)
        for level, lines in enumerate(self.levels):
            there = [made for made in attempts if made.arrivals[level] != NONE]
            if not there:
                continue
            reached = min(made.tick(level) for made in there)
            there = [made for made in there if made.tick(level) == reached]
            lowest = min(made.first for made in there)
            there = [made for made in there if made.first == lowest]
            entered = max(made.start_tick for made in there)
            there = [made for made in there if made.start_tick == entered]
            before = prior[level]
            came = [made.tick(before) for made in there if level and made.arrivals[before] != NONE]
            lines.append((line, reached, entered, min(came, default=reached)))
            deepest, carried = level + 1, there[0]
        self.lines.append((unit, deepest, carried.start_tick))
        self.chains += [(line, stage, position) for stage, position in carried.matched()]
        going = [
            (made.start_tick, made.start_clock) for made in attempts if made.met == NONE and not made.replaced
        ]
        if going:
            self.waiting.append((line, *max(going)))

    def as_arrays(self) -> Lines:
        """Return the answer as arrays."""

        def columns(lines: Sequence[tuple[int, ...]], width: int) -> list[Ints]:
            return list(np.array(lines, dtype=np.int64).reshape(-1, width).T.copy())

        unit, depth, began = columns(self.lines, 3)
        line, tick, clock = columns(self.waiting, 3)
        whose, stage, position = columns(self.chains, 3)
        levels = []
        for lines in self.levels:
            there, reached, entered, previous = columns(lines, 4)
            levels.append((there, reached, entered, previous))
        return Lines(
            unit=unit,
            depth=depth.astype(np.uint8),
            began=began,
            waiting=(line, tick, clock),
            levels=tuple(levels),
            chains=(whose, stage, position),
        )


def general_funnel(rows: UnitRows, way: Way, n_units: int, subjects: Subjects | None) -> FunnelPaths:
    """Return how far each unit, or each attempt, gets under special rules.

    ``subjects`` says what the units are, None for customers.
    """
    return paths_of(lines_of(rows, way), way, n_units, subjects)


def lines_of(rows: UnitRows, way: Way) -> Lines:
    """Return how far units, or their attempts, get under special rules."""
    prior = way.prior
    answer = _Answer([[] for _ in range(way.n_levels)], [], [], [])
    for unit, tracks in _units(rows, way):
        if way.count == "attempts":
            made = sorted(
                (one for track in tracks for one in _attempts(track)), key=lambda one: one.start_tick
            )
            if any(one.effect == "remove" for one in made):
                continue
            for one in made:
                if one.effect != "reset":
                    answer.add(unit, [one], prior)
            continue
        attempts = _eligible(way, tracks)
        if not any(one.effect == "remove" for one in attempts):
            answer.add(unit, [one for one in attempts if one.effect != "reset"], prior)
    return answer.as_arrays()


def paths_of(lines: Lines, way: Way, n_units: int, subjects: Subjects | None) -> FunnelPaths:
    """Return the lines of a funnel as its paths."""
    subject = lines.unit
    reach = np.zeros(n_units, dtype=np.uint8)
    if way.count == "attempts":
        subject, reach = np.arange(len(lines.unit)), lines.depth
        subjects = _attempts_of(lines.unit, subjects)
    else:
        reach[subject] = lines.depth
    nothing = np.empty(0, dtype=np.int64)
    waiting, last_entry, last_clock = lines.waiting
    whose, stage, position = lines.chains
    return FunnelPaths(
        reach=reach,
        levels=tuple(
            Level(subject[line], reached, entered, previous, nothing, nothing, nothing)
            for line, reached, entered, previous in lines.levels
        ),
        last_entry=last_entry,
        entrant=subject,
        waiting=subject[waiting],
        last_clock=last_clock,
        subjects=subjects,
        chains=Chains(subject[whose], stage, position),
    )


def _attempts_of(unit: Ints, subjects: Subjects | None) -> Subjects:
    number = np.arange(len(unit)) - np.searchsorted(unit, unit) + 1
    if subjects is None:
        return Subjects(unit, unit, None, unit, number)
    return Subjects(subjects.customer[unit], unit, subjects.names, subjects.number[unit], number)


def rows_of_codes(rows: UnitCodes, n_levels: int, n_exclusions: int) -> UnitRows:
    """Return the rows of units as the walk reads them."""
    n_units = len(rows.first_row) - 1
    unit = np.repeat(np.arange(n_units), np.diff(rows.first_row))
    position = np.arange(len(unit)) if rows.position is None else rows.position
    code, tick = rows.codes[position], rows.ticks[position].astype(np.int64)

    def lines(bits_of_code: NDArray[np.uint64], number: int) -> Bools:
        of_code = bits_of_code >> np.arange(number, dtype=np.uint64)[:, None] & np.uint64(1) > 0
        found: Bools = of_code[:, code]
        return found

    return UnitRows(
        unit=unit,
        tick=tick,
        position=position,
        stages=lines(rows.stages_of_code, n_levels),
        excluded=lines(rows.excluded_of_code, n_exclusions),
        held=np.zeros(len(unit), dtype=np.int64) if rows.held is None else rows.held[position],
        clock=tick if rows.clock is None else rows.clock,
    )


def _units(rows: UnitRows, way: Way) -> Iterator[tuple[int, list[_Track]]]:
    """Return the units that have a row with a role, each with its slots by held values."""
    role = (rows.stages.any(axis=0) | rows.excluded.any(axis=0)) & (rows.held >= 0)
    at = np.flatnonzero(role)
    bits, excluded = (_as_bits(lines[:, at]) for lines in (rows.stages, rows.excluded))
    unit, tick, position, held, clock = (
        part[at].tolist() for part in (rows.unit, rows.tick, rows.position, rows.held, rows.clock)
    )
    between = _between(rows, way, at) if way.adjacent else {}
    # Without one of these bits a unit has no start.
    needed = 1 if way.reach == "closed" and way.order != "any" else (1 << way.n_levels) - 1
    index, end = 0, len(at)
    while index < end:
        here, begin, every = unit[index], index, 0
        while index < end and unit[index] == here:
            every |= bits[index]
            index += 1
        if not every & needed:
            continue
        slots: dict[int, list[_Slot]] = {}
        for row in range(begin, index):
            mine = slots.setdefault(held[row], [])
            if not mine or way.by_row or mine[-1].tick != tick[row]:
                mine.append(_Slot(tick[row], index=row, clock=clock[row]))
            slot = mine[-1]
            slot.bits |= bits[row]
            slot.excluded |= excluded[row]
            slot.rows.append((position[row], bits[row]))
        yield here, [_Track(way, mine, between) for mine in slots.values()]


def _as_bits(lines: Bools) -> list[int]:
    """Return for each row the lines it is in, as the bits of an integer of any length."""
    total = np.zeros(lines.shape[1], dtype=object)
    for number, line in enumerate(lines):
        total[line] += 1 << number
    found: list[int] = total.tolist()
    return found


def _between(rows: UnitRows, way: Way, at: Ints) -> _Between:
    """Return counts of foreign rows before, and up to the end of, the slot of each row.

    Foreign to an unbroken step from level k are the rows in none of the levels up to k; to a strict one, all.
    """
    n_rows = len(rows.unit)
    edge = np.ones(n_rows + 1, dtype=bool)
    if not way.by_row:
        edge[1:-1] = (rows.unit[1:] != rows.unit[:-1]) | (rows.tick[1:] != rows.tick[:-1])
    edges = np.flatnonzero(edge)
    slot = np.searchsorted(edges, at, side="right") - 1
    begin, end = edges[slot], edges[slot + 1]
    answer = {way.n_levels: (begin.tolist(), end.tolist())}
    foreign = np.ones(n_rows, dtype=bool)
    for level in range(way.n_levels if way.order == "unbroken" else 0):
        foreign = foreign & ~rows.stages[level]
        total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(foreign)])
        answer[level] = (total[begin].tolist(), total[end].tolist())
    return answer
