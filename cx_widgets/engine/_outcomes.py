"""What became of each attempt under special rules: where it got, and what stood before the stage it missed.

The walk is that of the funnel; the attempts say themselves which rows they went through. What stood in the
way is found by taking rules away at the last step alone, from the narrowest to the widest: exclusions, then
what lies between, then windows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.engine._general import NONE, _attempts, _eligible, _Track, _units
from cx_widgets.engine._protocol import BEFORE, BROKEN, EXCLUDED, NEVER, WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cx_widgets.engine._general import Attempt, UnitRows, Way, _State
    from cx_widgets.engine._protocol import Bools, Bytes, Ints

NO_TIME = int(np.iinfo(np.int64).min)
FOREVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True, eq=False)
class Attempts:
    """Every attempt that counts for its unit, in the order of the units.

    Attributes
    ----------
    subject
        The line of the funnel it belongs to; -1 where it counts for nothing.
    at
        Place of the first row of its start among the rows of the units.
    entry
        Position in the packed log of the row at which it began.
    start, level
        When it began, and at which level, from 0.
    arrivals
        For each level when it first got there; -1 where it never did.
    over
        When it ended otherwise than by its window: the exclusion it met, or the start of the attempt in its
        place; the largest number for neither.
    """

    subject: Ints
    at: Ints
    entry: Ints
    start: Ints
    level: Ints
    arrivals: Ints
    over: Ints

    @property
    def going(self) -> Bools:
        """Which of them nothing but their window ends."""
        found: Bools = self.over == FOREVER
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Departures:
    """The units, or attempts, that an exclusion took out of the funnel altogether.

    Attributes
    ----------
    unit
        Whose.
    by, cause
        Number of the exclusion, and position in the packed log of its row.
    """

    unit: Ints
    by: Ints
    cause: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What became of each line of a funnel that was walked.

    Attributes
    ----------
    reason
        Why it did not get to the stage it missed; 0 for those who converted or never entered.
    missed
        Number of that stage, from 1; 0 for none.
    by, cause
        Number of the exclusion, and position in the packed log of the row that stood in the way; -1 for none.
    overshoot_ns
        By how much the windows were missed, where they were the reason; elsewhere the number that is NaT.
    attempts
        What it tried.
    left
        Who is not in the funnel.
    rows
        The rows of the units.
    """

    reason: Bytes
    missed: Bytes
    by: Ints
    cause: Ints
    overshoot_ns: Ints
    attempts: Attempts
    left: Departures
    rows: UnitRows


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Outcomes as an engine finds them, all columns of numbers.

    Attributes
    ----------
    lines
        Units with an attempt that counts, or such attempts: unit, reason, missed stage, exclusion, cause and
        overshoot in nanoseconds, as in `Outcomes`.
    attempts
        Unit and line (-1 for none); place, entry, start, level, end and arrivals as in `Attempts`.
    left
        Unit, exclusion and cause as in `Departures`.
    """

    lines: Ints
    attempts: Ints
    left: Ints


class Lengths(NamedTuple):
    """Windows in nanoseconds, which ticks may not divide."""

    tick: int
    window: int | None
    steps: tuple[int | None, ...]


class _Tried(NamedTuple):
    """An attempt, and the slots between the attempts before and after it."""

    track: _Track
    made: Attempt
    first: int
    last: int


class _Verdict(NamedTuple):
    reason: int
    missed: int
    by: int = NONE
    cause: int = NONE
    overshoot_ns: int = NO_TIME


_NOTHING = _Verdict(0, 0)


def judged(rows: UnitRows, way: Way, lengths: Lengths) -> Judged:
    """Return what became of the units with an attempt, or of each attempt."""
    court = _Court(rows, way, lengths)
    verdicts: list[tuple[int, ...]] = []
    attempts: list[tuple[int, ...]] = []
    left: list[tuple[int, int, int]] = []
    for unit, tracks in _units(rows, way):
        one_by_one = way.count == "attempts"
        every = _one_by_one(tracks) if one_by_one else _together(way, tracks)
        gone = [tried for tried in every if tried.made.effect == "remove"]
        counted = [] if gone else [tried for tried in every if tried.made.effect != "reset"]
        if every and not counted:
            worst = (gone or every)[0]
            left.append((unit, worst.made.by, court.excluded_row(worst)))
        elif one_by_one:
            undone = (tried for tried in every if tried.made.effect == "reset")
            left += [(unit, tried.made.by, court.excluded_row(tried)) for tried in undone]
        for tried in every:
            kept = not gone and tried.made.effect != "reset"
            attempts.append((unit, len(verdicts) if kept else NONE, *court.line(tried)))
            if one_by_one and kept:
                verdicts.append((unit, *court.judge([tried], tried.made.depth)))
        if counted and not one_by_one:
            depth = max(tried.made.depth for tried in counted)
            verdicts.append((unit, *court.judge(every, depth)))
    lines = np.array(verdicts, dtype=np.int64).reshape(-1, 6)
    table = np.array(attempts, dtype=np.int64).reshape(-1, 7 + way.n_levels)
    return Judged(lines, table, np.array(left, dtype=np.int64).reshape(-1, 3))


def outcomes_of(found: Judged, rows: UnitRows, way: Way, n_units: int) -> Outcomes:
    """Return outcomes by the lines of the funnel: attempts, or units, of which some have no attempt."""
    subject = found.lines[:, 0] if way.count == "unique" else np.arange(len(found.lines))
    verdicts = np.tile(
        np.array(_NOTHING, dtype=np.int64), (n_units if way.count == "unique" else len(subject), 1)
    )
    verdicts[subject] = found.lines[:, 1:]
    reason, missed, by, cause, overshoot = verdicts.T
    _, line, at, entry, start, level, over = found.attempts[:, :7].T
    return Outcomes(
        reason=reason.astype(np.uint8),
        missed=missed.astype(np.uint8),
        by=by,
        cause=cause,
        overshoot_ns=overshoot,
        attempts=Attempts(
            # The place behind the last line is read for attempts of none.
            np.append(subject, NONE)[line],
            at,
            entry,
            start,
            level,
            found.attempts[:, 7:],
            over,
        ),
        left=Departures(*found.left.T),
        rows=rows,
    )


def _together(way: Way, tracks: Sequence[_Track]) -> list[_Tried]:
    made = _eligible(way, tracks)
    return [_Tried(one.track, one, 0, len(one.track.slots) - 1) for one in made]


def _one_by_one(tracks: Sequence[_Track]) -> list[_Tried]:
    """Return the attempts that are counted one by one, each with the rows up to its neighbours."""
    found: list[_Tried] = []
    for track in tracks:
        made = _attempts(track)
        begin = 0
        for place, one in enumerate(made):
            end = made[place + 1].start - 1 if place + 1 < len(made) else len(track.slots) - 1
            found.append(_Tried(track, one, begin, end))
            begin = min(_last_slot(one), end) + 1
    return sorted(found, key=lambda tried: tried.made.start_tick)


def _last_slot(made: Attempt) -> int:
    """Return the slot with which an attempt is over."""
    if made.met != NONE:
        return made.met
    if made.arrivals[-1] != NONE:
        return made.arrivals[-1]
    return made.track.until(made.start)


class _Court:
    """Says of attempts what stood between them and the next stage."""

    def __init__(self, rows: UnitRows, way: Way, lengths: Lengths) -> None:
        self.rows, self.way, self.lengths = rows, way, lengths
        # A window that is no time is missed by no time.
        self.counted = way.window is not None and lengths.window is None
        role = (rows.stages.any(axis=0) | rows.excluded.any(axis=0)) & (rows.held >= 0)
        self.at = np.flatnonzero(role)
        no_steps = (None,) * way.n_levels
        plain_steps = (False,) * way.n_levels
        order = "any" if way.order == "any" else "ordered"
        self.first_block = sum(1 << level for level in way.blocks[0]) if order == "any" else 0
        self.beside = replace(way, order=order, directly=plain_steps)
        self.timeless = replace(way, window=None, step_window=no_steps)
        self.loose = replace(self.beside, window=None, step_window=no_steps)

    def line(self, tried: _Tried) -> tuple[int, ...]:
        """Return an attempt as a line of `Judged`, but for whose it is."""
        made, track = tried.made, tried.track
        slot = track.slots[made.start]
        wanted = self.first_block or 1 << made.first
        begins = [position for position, bits in slot.rows if bits & wanted]
        over = FOREVER
        if made.met != NONE:
            over = track.slots[made.met].tick
        elif made.replaced:
            over = track.slots[tried.last + 1].tick
        arrivals = (NONE if at == NONE else track.slots[at].tick for at in made.arrivals)
        return (int(self.at[slot.index]), begins[-1], slot.tick, made.first, over, *arrivals)

    def judge(self, every: Sequence[_Tried], depth: int) -> _Verdict:
        """Return why attempts of which the best got so deep got no deeper."""
        way = self.way
        if depth == way.n_levels:
            return _NOTHING
        if way.order == "any":
            return self._any_order(every, depth)
        return self._in_order(every, depth)

    def _in_order(self, every: Sequence[_Tried], depth: int) -> _Verdict:
        way = self.way
        level = next(level for level in range(depth, way.n_levels) if not way.optional[level])
        lowest = way.prior[level]
        without = [tried for tried in every if tried.made.met != NONE and _gets_to(tried, level)]
        if without:
            first = min(without, key=lambda tried: (_when(tried, level), -tried.made.start))
            return _Verdict(EXCLUDED, level + 1, first.made.by, self.excluded_row(first))
        tried_on = [(tried, _states(tried, lowest, level)) for tried in every if tried.track.at[level]]
        cause = self._breaker(tried_on, level) if way.adjacent else NONE
        if cause != NONE:
            return _Verdict(BROKEN, level + 1, NONE, cause)
        late = (
            self._next(tried, state, level, self.loose) != NONE for tried, some in tried_on for state in some
        )
        if any(late):
            return _Verdict(WINDOW, level + 1, overshoot_ns=self._overshoot(every, lowest, level))
        there = any(
            tried.first <= place <= tried.last
            for tried, some in tried_on
            if some
            for place in tried.track.at[level]
        )
        return _Verdict(BEFORE if there else NEVER, level + 1)

    def excluded_row(self, tried: _Tried) -> int:
        """Return the position of the row by which an attempt met its exclusion."""
        made, rows = tried.made, self.rows
        slot = tried.track.slots[made.met]
        begin = int(self.at[slot.index])
        held = rows.held[begin]
        place = begin
        while not (rows.excluded[made.by, place] and rows.held[place] == held):
            place += 1
        return int(rows.position[place])

    def _next(self, tried: _Tried, state: _State, level: int, way: Way) -> int:
        """Return the slot of the first row that may follow a state under some of the rules, or none."""
        track = _under(tried.track, way)
        after = next(track.steps(state, level, track.until(tried.made.start)), None)
        return NONE if after is None or after[1] > tried.last else after[1]

    def _breaker(self, tried_on: Sequence[tuple[_Tried, list[_State]]], level: int) -> int:
        """Return the position of the row that kept the next stage from following in time, or none."""
        found = []
        for tried, some in tried_on:
            for state in some:
                after = self._next(tried, state, level, self.beside)
                if after != NONE:
                    slots = tried.track.slots
                    rank = (slots[after].tick, slots[after].index, -slots[state[1]].index)
                    found.append((rank, slots[state[1]], slots[after], state[0]))
        if not found:
            return NONE
        _, here, there, before = min(found, key=lambda one: one[0])
        rows, begin, end = self.rows, int(self.at[here.index]), int(self.at[there.index])
        between = np.arange(begin + 1, end)
        if not self.way.by_row:
            between = between[(rows.tick[between] > here.tick) & (rows.tick[between] < there.tick)]
        if self.way.order != "strict" and not self.way.directly[level]:
            between = between[~rows.stages[: before + 1, between].any(axis=0)]
        return int(rows.position[between[0]])

    def _overshoot(self, every: Sequence[_Tried], lowest: int, level: int) -> int:
        """Return by how much longer windows had to be for the window not to be the reason."""
        if self.counted:
            return NO_TIME
        length = self.lengths.window
        if length is None or not all(tried.track.simple for tried in every):
            return min(cost for tried in every for cost in self._excesses(tried, lowest, level))
        free = [
            _under(tried.track, self.timeless).first_arrivals(tried.made.start, tried.made.first, tried.last)
            for tried in every
        ]
        took = [made.tick(level) - made.start_tick for made in free if made.arrivals[level] != NONE]
        return min(took) * self.lengths.tick - length

    def _excesses(self, tried: _Tried, lowest: int, goal: int) -> Iterator[int]:
        """Return by how much the chains of an attempt to a level exceed their windows, the least of each."""
        way, made = self.way, tried.made
        track, last_step = _under(tried.track, self.timeless), _under(tried.track, self.loose)
        thin = not (way.adjacent or track.apart or any(window is not None for window in way.step_window))
        cost: dict[_State, int] = {(made.first, made.start, 1 << made.first if track.apart else 0): 0}
        states: list[list[_State]] = [[] for _ in range(way.n_levels)]
        states[made.first] = list(cost)
        for level in range(made.first + 1, goal + 1):
            here = last_step if level == goal else track
            found: dict[_State, int] = {}
            for before in range(level - 1, made.first - 1, -1):
                for state in states[before] if level < goal or before >= lowest else ():
                    for reached in here.steps(state, level, here.until(made.start)):
                        if reached[1] > tried.last:
                            break
                        excess = max(cost[state], self._excess(tried, state, reached))
                        found[reached] = min(found.get(reached, excess), excess)
                        if thin:
                            break
                if not way.optional[before]:
                    break
            cost.update(found)
            states[level] = sorted(found, key=lambda state: state[1])
            if thin and not way.optional[level]:
                states[level] = states[level][:1]
        yield from (cost[state] for state in states[goal])

    def _excess(self, tried: _Tried, state: _State, reached: _State) -> int:
        ticks, lengths = tried.track.ticks, self.lengths
        excess = 0
        if lengths.window is not None:
            excess = (ticks[reached[1]] - ticks[tried.made.start]) * lengths.tick - lengths.window
        own = lengths.steps[reached[0]]
        if own is not None:
            excess = max(excess, (ticks[reached[1]] - ticks[state[1]]) * lengths.tick - own)
        return max(excess, 0)

    def _any_order(self, every: Sequence[_Tried], depth: int) -> _Verdict:
        lengths = self.lengths
        missed = depth + 1
        free: list[tuple[_Tried, Attempt]] = []
        excluded = []
        for tried in every:
            start = tried.made.start
            until = tried.track.until(start)
            uncut = tried.made if tried.made.met == NONE else tried.track.any_order(start, until)
            if _within(uncut, depth, tried.last):
                excluded.append((uncut.tick(depth), -start, tried))
            elif _within(uncut, depth - 1, tried.last):
                free.append((tried, tried.track.any_order(start, tried.track.last)))
        if excluded:
            first = min(excluded, key=lambda one: one[:2])[2]
            return _Verdict(EXCLUDED, missed, first.made.by, self.excluded_row(first))
        if any(_within(made, depth, tried.last) for tried, made in free):
            late = (tried.track.any_order(tried.made.start, tried.track.last) for tried in every)
            took = [
                (made.tick(depth) - made.start_tick) * lengths.tick
                for tried, made in zip(every, late, strict=True)
                if _within(made, depth, tried.last)
            ]
            over = NO_TIME if self.counted else min(took) - (lengths.window or 0)
            return _Verdict(WINDOW, missed, overshoot_ns=over)
        there = any(
            _within(tried.track.any_order(tried.first, tried.track.last), depth, tried.last)
            for tried, _ in free
        )
        return _Verdict(BEFORE if there else NEVER, missed)


def _under(track: _Track, way: Way) -> _Track:
    """Return a track as it is walked under other windows, or another order."""
    other = object.__new__(_Track)
    other.__dict__.update(track.__dict__)
    other.way = way
    return other


def _within(made: Attempt, level: int, last: int) -> bool:
    return made.arrivals[level] != NONE and made.arrivals[level] <= last


def _states(tried: _Tried, lowest: int, level: int) -> list[_State]:
    """Return the states of an attempt from which a level can come next, whatever cut the attempt later."""
    return [state for state in tried.made.parents if lowest <= state[0] < level and state[1] <= tried.last]


def _gets_to(tried: _Tried, level: int) -> bool:
    return any(state[0] == level and state[1] <= tried.last for state in tried.made.parents)


def _when(tried: _Tried, level: int) -> int:
    return min(
        tried.track.ticks[state[1]]
        for state in tried.made.parents
        if state[0] == level and state[1] <= tried.last
    )
