"""What two definitions differ in, change by change, and the definition with some of the changes made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd

from cx_widgets._numbers import shortened
from cx_widgets.definition import Definition, Rules, Stage
from cx_widgets.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cx_widgets.exclusions import Exclusion

# From the rows outward: which rows are in which stage, which rows make a chain, which attempts count, what is
# counted. Rules that are not named stand with the window.
_STAGES = ("removed", "added", "order of stages", "name", "move", "events", "where", "nth", "role")
_CHAINS = ("optional", "directly", "anchored", "order", "reuse", "ties", "hold_constant", "window")
_ATTEMPTS = ("entry", "reach", "exclusion")
_COUNTED = ("unit", "count", "denominator", "observation_end", "time_zone", "retention_period")
_SEQUENCE = (*_STAGES, *_CHAINS, *_ATTEMPTS, *_COUNTED)

_NONE = "none"
_NAME = 40


@dataclass(frozen=True, slots=True)
class Change:
    """One thing in which two definitions differ.

    Attributes
    ----------
    key
        Its name for programs, such as ``"window"`` or ``"Buy.where"``; one of a kind in a comparison.
    label
        What changes into what, in words.
    noun
        What changes, as the subject of a sentence.
    field
        Its kind: a field of the rules or of a stage, ``"events"``, ``"move"``, ``"added"`` ...
    """

    key: str
    label: str
    noun: str
    field: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What `build` asks of a change: the kind, and the slots, the rule or the exclusion it is about."""

    kind: str
    one: object = None
    other: object = None


class Differences:
    """The changes from one definition to another, and every definition between the two.

    A stage of the one is the stage of the other that has its name, else its events, else its place between
    the same neighbours; each such pair, or stage of one alone, is a *slot*.
    """

    def __init__(self, definition_a: Definition, definition_b: Definition) -> None:
        self.definition_a, self.definition_b = definition_a, definition_b
        self.slots = _slots(definition_a.stages, definition_b.stages)
        self._slot_a = {one.name: slot for slot, (one, _) in enumerate(self.slots) if one is not None}
        self._slot_b = {other.name: slot for slot, (_, other) in enumerate(self.slots) if other is not None}
        self._exclusions = self._paired_exclusions()
        self._moves = self._moved()
        found = sorted(self._found(), key=lambda pair: _rank(pair[1].field))
        self.changes = _distinct(change for _, change in found)
        self._number = {part: number for number, (part, _) in enumerate(found)}

    def build(self, chosen: frozenset[int]) -> tuple[Definition, tuple[int, ...]]:
        """Return the first definition with the chosen changes made, and the slot of each of its stages.

        Raises
        ------
        DefinitionError
            Where that is no valid definition.
        """
        if not chosen:
            return self.definition_a, tuple(self._slot_a[name] for name in self.definition_a.names)
        if len(chosen) == len(self.changes):
            return self.definition_b, tuple(self._slot_b[name] for name in self.definition_b.names)
        here = self._order(chosen)
        stages = [self._stage(slot, chosen) for slot in here]
        names = {slot: stage.name for slot, stage in zip(here, stages, strict=True)}
        rules: dict[str, object] = {
            name: getattr(
                (self.definition_b if self._made(_Part("rule", name), chosen) else self.definition_a).rules,
                name,
            )
            for name in _rule_fields()
        }
        rules["exclusions"] = self._built_exclusions(chosen, names)
        return Definition(stages, Rules().replace(rules)), here

    def _made(self, part: _Part, chosen: frozenset[int]) -> bool:
        return self._number.get(part, -1) in chosen

    # What differs

    def _found(self) -> Iterable[tuple[_Part, Change]]:
        for slot, (one, other) in enumerate(self.slots):
            if one is None and other is not None:
                yield _Part("added", slot), _added(other, self.definition_b.names)
            elif other is None and one is not None:
                yield _Part("removed", slot), _removed(one)
            elif one is not None and other is not None:
                yield from self._in_slot(slot, one, other)
        yield from self._reordered()
        yield from self._of_events()
        rules_a, rules_b = self.definition_a.rules, self.definition_b.rules
        for name in _rule_fields():
            before, after = getattr(rules_a, name), getattr(rules_b, name)
            if before != after:
                said = name.replace("_", " ")
                change = Change(name, f"{said}: {_value(before)} → {_value(after)}", f"the {said}", name)
                yield _Part("rule", name), change
        for number, (gone, come) in enumerate(self._exclusions):
            if gone is None or come is None or self._meant(gone, "a") != self._meant(come, "b"):
                yield _Part("exclusion", number), _excluded(gone, come)

    def _in_slot(self, slot: int, one: Stage, other: Stage) -> Iterable[tuple[_Part, Change]]:
        if one.name != other.name:
            label = f"stage {_short(one.name)} is called {_short(other.name)}"
            change = Change(f"{other.name}.name", label, f"the name {_short(other.name)}", "name")
            yield _Part("name", slot), change
        for name in _stage_fields():
            before, after = _of_stage(one, name), _of_stage(other, name)
            if before != after:
                label = f"{_short(other.name)}: {name} {_value(before)} → {_value(after)}"
                noun = f"the {name} of {_short(other.name)}"
                yield _Part("field", slot, name), Change(f"{other.name}.{name}", label, noun, name)

    def _reordered(self) -> Iterable[tuple[_Part, Change]]:
        in_a, in_b = self._both("a"), self._both("b")
        if in_a != in_b:
            before, after = (", ".join(_short(self._name(slot)) for slot in order) for order in (in_a, in_b))
            label = f"order of stages: {before} → {after}"
            yield (
                _Part("order of stages"),
                Change("order of stages", label, "the order of the stages", "order of stages"),
            )

    def _of_events(self) -> Iterable[tuple[_Part, Change]]:
        own: dict[int, list[str]] = {}
        for (source, target), entries in self._moves.items():
            if source is None or target is None:
                slot = target if source is None else source
                if slot is not None and None not in self.slots[slot]:
                    sign = "+" if source is None else "-"
                    own.setdefault(slot, []).append(f"{sign} {_several(entries)}")
                continue
            to = self._name(target)
            change = Change(
                f"{self._name(source)} to {to}",
                f"{_several(entries)}: {_short(self._name(source))} → {_short(to)}",
                f"moving {_several(entries)} to {_short(to)}",
                "move",
            )
            yield _Part("move", source, target), change
        for slot, said in own.items():
            name = self._name(slot)
            change = Change(
                f"{name}.events",
                f"{_short(name)}: {'; '.join(said)}",
                f"the events of {_short(name)}",
                "events",
            )
            yield _Part("events", slot), change

    def _name(self, slot: int) -> str:
        one, other = self.slots[slot]
        stage = other if other is not None else one
        return stage.name if stage is not None else ""

    def _moved(self) -> dict[tuple[int | None, int | None], tuple[str, ...]]:
        """Return the events that leave a slot and enter another one; None is no slot."""
        held: dict[str, tuple[list[int], list[int]]] = {}
        for slot, pair in enumerate(self.slots):
            for side, stage in enumerate(pair):
                for entry in stage.events if stage is not None else ():
                    held.setdefault(entry, ([], []))[side].append(slot)
        moves: dict[tuple[int | None, int | None], list[str]] = {}
        for entry, (before, after) in held.items():
            gone = [slot for slot in before if slot not in after]
            come = [slot for slot in after if slot not in before]
            for place in range(max(len(gone), len(come))):
                source = gone[place] if place < len(gone) else None
                target = come[place] if place < len(come) else None
                moves.setdefault((source, target), []).append(entry)
        return {ends: tuple(entries) for ends, entries in moves.items()}

    # A definition between

    def _both(self, side: str) -> list[int]:
        names, slot_of = (
            (self.definition_a.names, self._slot_a)
            if side == "a"
            else (self.definition_b.names, self._slot_b)
        )
        return [slot_of[name] for name in names if None not in self.slots[slot_of[name]]]

    def _order(self, chosen: frozenset[int]) -> tuple[int, ...]:
        """Return the slots that are there, in order: what one definition alone has, behind its neighbour."""
        base = self._both("b" if self._made(_Part("order of stages"), chosen) else "a")
        behind: dict[int | None, list[int]] = {}
        for names, slot_of, kind in (
            (self.definition_a.names, self._slot_a, "removed"),
            (self.definition_b.names, self._slot_b, "added"),
        ):
            last: int | None = None
            for slot in (slot_of[name] for name in names):
                if None not in self.slots[slot]:
                    last = slot
                elif self._made(_Part(kind, slot), chosen) == (kind == "added"):
                    behind.setdefault(last, []).append(slot)
        order = list(behind.get(None, []))
        for slot in base:
            order += [slot, *behind.get(slot, [])]
        return tuple(order)

    def _stage(self, slot: int, chosen: frozenset[int]) -> Stage:
        one, other = self.slots[slot]
        first = one if one is not None else other
        if first is None:
            raise AssertionError
        held: dict[str, object] = {"name": first.name, "events": self._events(slot, chosen)}
        for name in _stage_fields():
            now = other if other is not None and self._made(_Part("field", slot, name), chosen) else first
            held[name] = _of_stage(now, name)
        if other is not None and self._made(_Part("name", slot), chosen):
            held["name"] = other.name
        return first.replace(**held)

    def _events(self, slot: int, chosen: frozenset[int]) -> tuple[str, ...]:
        one, other = self.slots[slot]
        before = one.events if one is not None else ()
        after = other.events if other is not None else ()
        gone: set[str] = set()
        come: set[str] = set()
        for (source, target), entries in self._moves.items():
            if slot not in (source, target):
                continue
            if source is not None and target is not None:
                made = self._made(_Part("move", source, target), chosen)
            else:  # what a stage of one definition alone brings or takes goes with that stage
                made = (one is None) if None in (one, other) else self._made(_Part("events", slot), chosen)
            if made:
                (gone if slot == source else come).update(entries)
        kept = [entry for entry in before if entry not in gone]
        return (*kept, *(entry for entry in after if entry in come))

    # Exclusions

    def _meant(self, one: Exclusion, side: str) -> tuple[object, ...]:
        slot_of = self._slot_a if side == "a" else self._slot_b
        ends = tuple(None if end is None else slot_of[end] for end in (one.after, one.before))
        return frozenset(one.events), one.where, one.effect, *ends

    def _alike(self, one: Exclusion, other: Exclusion, *, whole: bool) -> bool:
        if whole:
            return self._meant(one, "a") == self._meant(other, "b")
        return set(one.events) == set(other.events)

    def _paired_exclusions(self) -> tuple[tuple[Exclusion | None, Exclusion | None], ...]:
        rest = list(self.definition_b.rules.exclusions)
        pairs: list[tuple[Exclusion | None, Exclusion | None]] = []
        mine = list(self.definition_a.rules.exclusions)
        for whole in (True, False):
            for one in list(mine):
                found = next((other for other in rest if self._alike(one, other, whole=whole)), None)
                if found is not None:
                    pairs.append((one, found))
                    mine.remove(one)
                    rest.remove(found)
        return (*pairs, *((one, None) for one in mine), *((None, other) for other in rest))

    def _built_exclusions(self, chosen: frozenset[int], names: dict[int, str]) -> tuple[Exclusion, ...]:
        built = []
        for number, (gone, come) in enumerate(self._exclusions):
            made = self._made(_Part("exclusion", number), chosen)
            now, slot_of = (come, self._slot_b) if made else (gone, self._slot_a)
            if now is not None:
                ends = {
                    field: None if end is None else names.get(slot_of[end], end)
                    for field, end in (("after", now.after), ("before", now.before))
                }
                built.append(now.replace(**ends))
        return tuple(built)


def _slots(
    stages_a: Sequence[Stage], stages_b: Sequence[Stage]
) -> tuple[tuple[Stage | None, Stage | None], ...]:
    mate: dict[str, Stage] = {}
    free_a, free_b = list(stages_a), list(stages_b)

    def pair(one: Stage, other: Stage) -> None:
        mate[one.name] = other
        free_a.remove(one)
        free_b.remove(other)

    for one in stages_a:
        same = next((other for other in free_b if other.name == one.name), None)
        if same is not None:
            pair(one, same)
    for one in list(free_a):
        like = next((other for other in free_b if one.events and set(other.events) == set(one.events)), None)
        if like is not None:
            pair(one, like)
    gaps = _gaps(stages_b, [other.name for other in free_b], {other.name for other in mate.values()})
    taken = {name: other.name for name, other in mate.items()}
    for gap, left in _gaps(stages_a, [one.name for one in free_a], set(mate)).items():
        there = gaps.get(tuple(None if end is None else taken[end] for end in gap), [])
        for one, other in zip(left, there, strict=False):
            pair(one, other)
    return (*((one, mate.get(one.name)) for one in stages_a), *((None, other) for other in free_b))


def _gaps(
    stages: Sequence[Stage], free: Sequence[str], paired: set[str]
) -> dict[tuple[str | None, ...], list[Stage]]:
    """Return the stages without a mate by the two paired neighbours they stand between."""
    found: dict[tuple[str | None, ...], list[Stage]] = {}
    names = [stage.name for stage in stages]
    for place, stage in enumerate(stages):
        if stage.name in free:
            before = next((name for name in reversed(names[:place]) if name in paired), None)
            after = next((name for name in names[place:] if name in paired), None)
            found.setdefault((before, after), []).append(stage)
    return found


def _rule_fields() -> list[str]:
    return [field.name for field in fields(Rules) if field.name != "exclusions"]


def _stage_fields() -> list[str]:
    return [field.name for field in fields(Stage) if field.name not in ("name", "events")]


def _of_stage(stage: Stage, name: str) -> object:
    # A role that the name suggests and the same role written down are the same role.
    return stage.resolved_role if name == "role" else getattr(stage, name)


def _rank(field: str) -> int:
    return _SEQUENCE.index(field if field in _SEQUENCE else "window")


def _distinct(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes with a number behind keys that stand twice."""
    seen: dict[str, int] = {}
    found = []
    for change in changes:
        times = seen[change.key] = seen.get(change.key, 0) + 1
        key = change.key if times == 1 else f"{change.key} ({times})"
        found.append(Change(key, change.label, change.noun, change.field))
    return tuple(found)


def _added(stage: Stage, names: tuple[str, ...]) -> Change:
    place = names.index(stage.name) + 1
    label = f"stage {_short(stage.name)} added, number {place}: {_several(stage.events)}"
    return Change(f"{stage.name}.added", label, f"the new stage {_short(stage.name)}", "added")


def _removed(stage: Stage) -> Change:
    label = f"stage {_short(stage.name)} removed"
    return Change(f"{stage.name}.removed", label, f"leaving out {_short(stage.name)}", "removed")


def _excluded(gone: Exclusion | None, come: Exclusion | None) -> Change:
    either = come if come is not None else gone
    events = _several(either.events) if either is not None else ""
    what = "added" if gone is None else "removed" if come is None else "changed"
    said = " → ".join(str(one) for one in (gone, come) if one is not None)
    noun = f"the exclusion of {events}" if come is not None else f"no longer excluding {events}"
    return Change(f"exclusion of {events}", f"exclusion {what}: {said}", noun, "exclusion")


def _several(entries: Sequence[str]) -> str:
    shown = ", ".join(_short(entry) for entry in entries[:3])
    return shown + (f" and {len(entries) - 3} more" if len(entries) > 3 else "") or "no events"  # noqa: PLR2004


def _short(name: str) -> str:
    return repr(shortened(name, _NAME))


def _value(value: object) -> str:
    if value is None or value == ():
        return _NONE
    if isinstance(value, pd.Timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)
