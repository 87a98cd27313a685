"""A definition's stages on one log: which event name, and which row, belongs to which stage."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from cx_widgets import _conditions
from cx_widgets._packed import frozen
from cx_widgets._recent import Recent
from cx_widgets.errors import CXError, a_kind, listing, unknown
from cx_widgets.log import EventLog
from cx_widgets.problems import DefinitionError, Problem
from cx_widgets.rules import DEFAULT_RULES
from cx_widgets.stages import Stage, is_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cx_widgets.condition import Condition
    from cx_widgets.exclusions import Exclusion
    from cx_widgets.rules import Rules

    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
    Masks = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    StageNumbers = np.ndarray[tuple[int], np.dtype[np.uint8]]
    Codes = np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]
    Predicate: TypeAlias = "Condition | Occurrence"

# Numbers of rows are one or two bytes, of which one is left for padding; of the last few sets of predicates.
_BYTE, _MOST_CODES, _KEPT_CODES = 255, 65_535, 4


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A definition's stages with the event names of one log.

    Parameters
    ----------
    stage_events : tuple of tuple of str
        For each stage the event names whose rows can come to it: those it names exactly, in its order, then
        those its patterns match, sorted. An exact name beats any pattern; among patterns the first stage
        wins; a stage with conditions leaves the rows it does not take to the next.
    lut : numpy.ndarray
        Event code to the number (1, 2, ...) of the stage that takes every row of it that no conditional
        stage takes before; 0 for none.
    candidates : tuple of tuple of int
        Event code to stage indices (0, 1, ...) in the order in which they may take a row.
    problems : tuple of Problem
        What makes the definition unfit for this log, in stage order.
    overlaps : tuple of Problem
        Notes on event names that several stages share; they stop nothing.
    """

    stage_events: tuple[tuple[str, ...], ...]
    lut: np.ndarray[tuple[int], np.dtype[np.int16]]
    candidates: tuple[tuple[int, ...], ...]
    problems: tuple[Problem, ...]
    overlaps: tuple[Problem, ...]


def as_log(value: object) -> EventLog:
    """Return the event log, or refuse anything else with the way to make one."""
    if isinstance(value, EventLog):
        return value
    raise CXError(
        f"{a_kind(value)} is no event log. Make one first: "
        "log = cx.EventLog(df, customer='...', time='...', event='...')."
    )


def bind(stages: Sequence[Stage], log: EventLog, rules: Rules = DEFAULT_RULES) -> Binding:
    """Return which event name of the log belongs to which stage, and what does not fit."""
    stages, log = tuple(stages), as_log(log)
    asked = (
        *(rules.reuse, rules.exclusions, rules.unit, rules.hold_constant),
        *(rules.observation_end, rules.time_zone),
    )
    return log.memo(("binding", stages, asked), lambda: _bind(stages, log, rules))


def stage_of_rows(stages: Sequence[Stage], log: EventLog) -> StageNumbers:
    """Return for each row, in packed order, the number of its stage; 0 for none."""
    binding = bind(stages, log)
    if not any(stage.conditional for stage in stages):
        return frozen(binding.lut.astype(np.uint8)[log.packed.codes])
    coded = row_codes(log, predicates(stages, log))
    if coded is not None:
        return frozen(stage_of_codes(stages, log, coded)[coded.codes])
    key = tuple((stage.events, stage.where, stage.nth) for stage in stages)
    return log.memo(("stage_of_rows", key), lambda: _conditional(stages, binding, log))


def stages_of_rows(stages: Sequence[Stage], log: EventLog) -> Masks:
    """Return which rows, in packed order, each stage asks for, a line for each stage; stages may overlap."""
    claims = [_claim(stage, log.event_names) for stage in stages]
    lines = [
        _rows_of(stage, (*claim.named, *claim.matched), log)
        for stage, claim in zip(stages, claims, strict=True)
    ]
    return np.array(lines, dtype=np.bool_).reshape(len(lines), log.n_events)


def excluded_rows(exclusion: Exclusion, log: EventLog) -> Mask:
    """Return which rows, in packed order, an exclusion is about."""
    stage = _as_stage(exclusion)
    claim = _claim(stage, log.event_names)
    return _rows_of(stage, (*claim.named, *claim.matched), log)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The rows that come so many times in their customer's rows of some events under some conditions."""

    events: tuple[str, ...]
    where: tuple[Condition, ...]
    nth: int | str


@dataclass(frozen=True, slots=True, eq=False)
class RowCodes:
    """A small number for each row: rows with one number have one event name and satisfy the same predicates.

    So whatever asks for events and predicates asks a table of these numbers, as long as they are many, and
    no row.

    Attributes
    ----------
    codes
        The number of each row, in packed order.
    events
        The code of the event name, by number.
    holds
        Where each predicate holds, by number.
    counts
        Rows, by number.
    """

    codes: Codes
    events: np.ndarray[tuple[int], np.dtype[np.int64]]
    holds: Mapping[Predicate, Mask]
    counts: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.events)


def predicates(
    stages: Sequence[Stage],
    log: EventLog,
    exclusions: Sequence[Exclusion] = (),
    *,
    overlapping: bool = False,
) -> tuple[Predicate, ...]:
    """Return what stages and exclusions ask of a row besides its event name, each predicate once.

    Stages that are ``overlapping`` share rows; else a row belongs to the first that takes it.
    """
    found: dict[Predicate, None] = {}
    for stage, events in zip(stages, _events_of(stages, log, overlapping=overlapping), strict=True):
        found |= dict.fromkeys(_asked(stage, events))
    for exclusion in exclusions:
        found |= dict.fromkeys(exclusion.where)
    # An order of their own: that of the stages may change.
    return tuple(sorted(found, key=repr))


def row_codes(log: EventLog, asked: tuple[Predicate, ...]) -> RowCodes | None:
    """Return numbers that tell rows apart by event name and predicates; None where they are too many."""
    packed = log.packed
    if not asked:
        return RowCodes(packed.codes, np.arange(len(log.event_names)), {}, log.event_counts)
    kept = log.memo("row codes", lambda: Recent(_KEPT_CODES))
    return kept.get(asked, lambda: _row_codes(log, asked))


def stage_of_codes(stages: Sequence[Stage], log: EventLog, coded: RowCodes) -> StageNumbers:
    """Return for each number of rows that of the stage that takes them, from 1; 0 for none."""
    binding = bind(stages, log)
    numbers = np.zeros(len(coded), dtype=np.uint8)
    for code, event in enumerate(coded.events.tolist()):
        for index in binding.candidates[event]:
            if all(coded.holds[one][code] for one in _asked(stages[index], binding.stage_events[index])):
                numbers[code] = index + 1
                break
    return numbers


def stages_of_codes(stages: Sequence[Stage], log: EventLog, coded: RowCodes) -> Masks:
    """Return which numbers of rows each stage asks for, a line for each stage; stages may overlap."""
    every = _events_of(stages, log, overlapping=True)
    lines = [_in_codes(stage, events, log, coded) for stage, events in zip(stages, every, strict=True)]
    return np.array(lines, dtype=np.bool_).reshape(len(lines), len(coded))


def excluded_codes(exclusion: Exclusion, log: EventLog, coded: RowCodes) -> Mask:
    """Return which numbers of rows an exclusion is about."""
    stage = _as_stage(exclusion)
    return _in_codes(stage, _events_of([stage], log, overlapping=True)[0], log, coded)


def _events_of(stages: Sequence[Stage], log: EventLog, *, overlapping: bool) -> Sequence[tuple[str, ...]]:
    if not overlapping:
        return bind(stages, log).stage_events
    claims = [_claim(stage, log.event_names) for stage in stages]
    return [(*claim.named, *claim.matched) for claim in claims]


def _asked(stage: Stage, events: tuple[str, ...]) -> tuple[Predicate, ...]:
    if stage.nth is None:
        return stage.where
    return (Occurrence(tuple(sorted(events)), stage.where, stage.nth),)


def _in_codes(stage: Stage, events: tuple[str, ...], log: EventLog, coded: RowCodes) -> Mask:
    member = np.isin(np.array(log.event_names, dtype=object), np.array(events, dtype=object))
    found: Mask = member[coded.events]
    for one in _asked(stage, events):
        found = found & coded.holds[one]
    return found


def _row_codes(log: EventLog, asked: tuple[Predicate, ...]) -> RowCodes | None:
    codes: Codes = log.packed.codes
    events = np.arange(len(log.event_names))
    counts = log.event_counts
    holds: dict[Predicate, Mask] = {}
    for one in asked:
        if isinstance(one, Occurrence):
            mask = _rows_of(Stage("nth", one.events, where=one.where, nth=one.nth), one.events, log)
        else:
            mask = _conditions.mask(one, log)
        # Each number becomes two, those without rows are given up.
        both = codes.astype(np.int32) * 2 + mask
        counts = np.bincount(both, minlength=2 * len(events))
        there = np.flatnonzero(counts)
        if len(there) >= _MOST_CODES:
            return None
        number: Codes = np.zeros(len(counts), np.uint8 if len(there) <= _BYTE else np.uint16)
        number[there] = np.arange(len(there))
        codes, counts, events = number[both], counts[there], events[there // 2]
        holds = {other: held[there // 2] for other, held in holds.items()}
        holds[one] = there % 2 == 1
    return RowCodes(frozen(codes), events, holds, counts)


def _as_stage(exclusion: Exclusion) -> Stage:
    return Stage("exclusion", exclusion.events, where=exclusion.where)


def _bind(stages: tuple[Stage, ...], log: EventLog, rules: Rules) -> Binding:
    names = log.event_names
    claims = [_claim(stage, names) for stage in stages]
    asking = _asking(claims, names)
    candidates = tuple(_candidates(stages, order) for order in asking.values())
    takers = dict(zip(names, candidates, strict=True))
    taken = [
        tuple(name for name in (*claim.named, *claim.matched) if index in takers[name])
        for index, claim in enumerate(claims)
    ]
    lut = np.zeros(len(names), dtype=np.int16)
    for code, order in enumerate(candidates):
        if order and not stages[order[-1]].conditional:
            lut[code] = order[-1] + 1
    problems: list[Problem] = []
    for index, stage in enumerate(stages):
        held = taken[index] if rules.reuse == "never" else (*claims[index].named, *claims[index].matched)
        problems += _name_problems(stage, claims[index], held, log)
        problems += _where_problems(stage, log)
    problems += _rule_problems(rules, log)
    overlaps = (_overlap(stages, name, order, takers[name]) for name, order in asking.items())
    return Binding(
        stage_events=tuple(taken),
        lut=frozen(lut),
        candidates=candidates,
        problems=tuple(problems),
        overlaps=tuple(note for note in overlaps if note is not None),
    )


@dataclass(frozen=True, slots=True)
class _Claim:
    """The event names a stage asks for: by their exact name, and by a pattern only."""

    named: tuple[str, ...]
    matched: tuple[str, ...]
    unknown: tuple[str, ...]
    unmatched: tuple[str, ...]


def _claim(stage: Stage, names: tuple[str, ...]) -> _Claim:
    known = set(names)
    named = tuple(entry for entry in stage.events if entry in known)
    patterns = [entry for entry in stage.events if entry not in known and is_pattern(entry)]
    matches = {pattern: {name for name in names if fnmatchcase(name, pattern)} for pattern in patterns}
    return _Claim(
        named=named,
        matched=tuple(sorted(set().union(*matches.values()).difference(named))),
        unknown=tuple(entry for entry in stage.events if entry not in known and not is_pattern(entry)),
        unmatched=tuple(pattern for pattern in patterns if not matches[pattern]),
    )


def _asking(claims: Sequence[_Claim], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the stages that ask for each name: first those that call it by name, then those by a pattern."""
    asking: dict[str, list[int]] = {name: [] for name in names}
    for index, claim in enumerate(claims):
        for name in dict.fromkeys(claim.named):
            asking[name].append(index)
    for index, claim in enumerate(claims):
        for name in claim.matched:
            asking[name].append(index)
    return asking


def _candidates(stages: Sequence[Stage], order: Sequence[int]) -> tuple[int, ...]:
    # An unconditional stage takes every row that is left, so nothing behind it ever gets one.
    for place, index in enumerate(order):
        if not stages[index].conditional:
            return tuple(order[: place + 1])
    return tuple(order)


def _name_problems(stage: Stage, claim: _Claim, taken: tuple[str, ...], log: EventLog) -> list[Problem]:
    if not stage.events:
        message = f"stage {stage.name!r} has no events. Assign one, or remove the stage."
        return [Problem("empty_stage", message, stage=stage.name)]
    if not log.event_names:
        return []
    problems = []
    for entry in claim.unknown:
        then = f"Take it out of stage {stage.name!r}, or correct it there."
        message = str(unknown("event", entry, log.event_names, then=then))
        problems.append(Problem("unknown_event", message, stage=stage.name, event=entry))
    for entry in claim.unmatched:
        message = (
            f"pattern {entry!r} in stage {stage.name!r} matches no event. "
            f"Available: {listing(log.event_names)}."
        )
        problems.append(Problem("unmatched_pattern", message, stage=stage.name, event=entry))
    if not taken and not problems:
        message = (
            f"stage {stage.name!r} gets no events: {listing([*claim.named, *claim.matched])} "
            "already go to other stages. Assign one that is its own, or remove the stage."
        )
        problems.append(Problem("empty_stage", message, stage=stage.name))
    return problems


def _rule_problems(rules: Rules, log: EventLog) -> list[Problem]:
    problems = []
    for exclusion in rules.exclusions:
        stage = _as_stage(exclusion)
        claim = _claim(stage, log.event_names)
        then = f"Take it out of the exclusion {exclusion!r}, or correct it there."
        for entry in (*claim.unknown, *claim.unmatched) if log.event_names else ():
            message = str(unknown("event", entry, log.event_names, then=then))
            problems.append(Problem("unknown_event", message, event=entry, field="exclusions"))
        for problem in _where_problems(stage, log):
            message = problem.message.replace("stage 'exclusion'", "an exclusion").replace(
                "Stage 'exclusion' asks", "An exclusion asks"
            )
            problems.append(Problem(problem.kind, message, field="exclusions"))
    asked = [("unit", rules.unit_column)] if rules.unit_column is not None else []
    asked += [("hold_constant", name) for name in rules.hold_constant]
    for field, name in asked:
        if name not in log.columns:
            also = ", or say 'customer' or 'journey'" if field == "unit" else ""
            then = f"{field}={name!r} asks for it{also}."
            message = str(unknown("column", name, log.columns, then=then))
            problems.append(Problem("unknown_column", message, field=field))
    return [*problems, *_time_problems(rules, log)]


def _time_problems(rules: Rules, log: EventLog) -> list[Problem]:
    problems = []
    if rules.observation_end is not None:
        try:
            log.until(rules.observation_end)
        except CXError as error:
            problems.append(Problem("rules", str(error), field="observation_end"))
    if rules.time_zone is not None and log.time_zone is None:
        message = (
            f"time_zone={rules.time_zone!r}, and the times of the log have no zone to come from. Give it "
            "one: EventLog(..., time_zone=...), or leave time_zone out of the rules."
        )
        problems.append(Problem("rules", message, field="time_zone"))
    return problems


def _overlap(
    stages: Sequence[Stage], name: str, asking: Sequence[int], takers: tuple[int, ...]
) -> Problem | None:
    if len(asking) < 2:  # noqa: PLR2004 - an overlap needs two
        return None
    every = listing(stages[index].name for index in sorted(asking))
    first, *others = (repr(stages[index].name) for index in takers)
    if others:
        rest = ", then ".join(others)
        how = f"{first} takes the rows its conditions let through, then {rest}"
    else:
        how = f"{first} takes all its rows"
    return Problem("overlap", f"event {name!r} stands in stages {every}; {how}.", event=name)


def _where_problems(stage: Stage, log: EventLog) -> list[Problem]:
    problems = []
    for condition in stage.where:
        if condition.column not in log.columns:
            then = f"Stage {stage.name!r} asks for it."
            message = str(unknown("column", condition.column, log.columns, then=then))
            problems.append(Problem("unknown_column", message, stage=stage.name, field=condition.column))
            continue
        try:
            _conditions.column(log, condition.column).operand(condition)
        except DefinitionError as error:
            message = f"stage {stage.name!r}: {error}"
            problems.append(Problem("condition_type", message, stage=stage.name, field=condition.column))
    return problems


def _conditional(stages: Sequence[Stage], binding: Binding, log: EventLog) -> StageNumbers:
    codes = log.packed.codes
    numbers = binding.lut.astype(np.uint8)[codes]
    free = np.ones(len(codes), dtype=np.bool_)
    holds: dict[int, Mask] = {}
    for rank in range(max((len(order) for order in binding.candidates), default=0)):
        at_rank = [order[rank] if rank < len(order) else -1 for order in binding.candidates]
        for index in sorted({index for index in at_rank if index >= 0 and stages[index].conditional}):
            if index not in holds:
                holds[index] = _rows_of(stages[index], binding.stage_events[index], log)
            here = np.array([taker == index for taker in at_rank], dtype=np.bool_)
            rows = here[codes] & holds[index] & free
            numbers[rows] = index + 1
            free &= ~rows
    return frozen(numbers)


def _rows_of(stage: Stage, events: tuple[str, ...], log: EventLog) -> Mask:
    packed = log.packed
    member = np.isin(np.array(log.event_names, dtype=object), np.array(events, dtype=object))
    rows: Mask = member[packed.codes]
    for condition in stage.where:
        rows = rows & _conditions.mask(condition, log)
    if stage.nth is None:
        return rows
    at = np.flatnonzero(rows)
    # How many matching rows of any customer lie before, less those before this customer's first.
    before = np.concatenate(([0], np.cumsum(rows)))[packed.offsets]
    customer = np.searchsorted(packed.offsets, at, side="right") - 1
    occurrence = np.arange(1, len(at) + 1) - before[customer]
    wanted = (
        occurrence == stage.nth if isinstance(stage.nth, int) else occurrence >= int(stage.nth.rstrip("+"))
    )
    chosen = np.zeros(len(rows), dtype=np.bool_)
    chosen[at[wanted]] = True
    return chosen
