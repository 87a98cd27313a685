"""The edits of a definition: stages in, stages out, and the rules with them where those name stages."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cx_widgets import _text, binding
from cx_widgets.errors import CXError, listing, unknown
from cx_widgets.problems import DefinitionError
from cx_widgets.roles import guess_role
from cx_widgets.stages import Stage, event_entries, is_pattern, stage_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cx_widgets.log import EventLog
    from cx_widgets.rules import Rules

    Stages = tuple[Stage, ...]


def named(stages: Stages, name: str) -> Stage:
    """Return the stage of a name."""
    for stage in stages:
        if stage.name == name:
            return stage
    raise unknown("stage", name, _names(stages))


def assign(stages: Stages, events: tuple[object, ...], *, to: str) -> Stages:
    """Return the stages with events moved to one, at its end."""
    target = named(stages, to)
    moved = _given(events, "assign", "to='Buy'")
    found = []
    for stage in stages:
        if stage is target:
            held = (*stage.events, *(event for event in moved if event not in stage.events))
            found.append(stage.replace(events=held))
        elif stage.conditional:
            found.append(stage)
        else:
            found.append(_without(stage, moved))
    return tuple(found)


def share(stages: Stages, events: tuple[object, ...], *, to: str) -> Stages:
    """Return the stages with events also in one more."""
    target = named(stages, to)
    added = (event for event in _given(events, "share", "to='Buy'") if event not in target.events)
    return replaced(stages, target, target.replace(events=(*target.events, *added)))


def unassign(stages: Stages, events: tuple[object, ...]) -> Stages:
    """Return the stages with events taken out of each that names them."""
    gone = _given(events, "unassign", "")
    held = {entry for stage in stages for entry in stage.events}
    for event in gone:
        for stage in stages:
            for pattern in stage.events:
                if (
                    pattern != event
                    and pattern not in gone
                    and is_pattern(pattern)
                    and fnmatchcase(event, pattern)
                ):
                    raise DefinitionError(
                        f"event {event!r} is in stage {stage.name!r} through the pattern {pattern!r}. "
                        f"Turn patterns into names first: definition.expand(log).unassign({event!r}).",
                        kind="field",
                        stage=stage.name,
                        event=event,
                    )
        if event not in held:
            raise unknown("event of the stages", event, sorted(held))
    return tuple(_without(stage, gone) for stage in stages)


def add(stages: Stages, stage: Stage, at: object) -> Stages:
    """Return the stages with one more."""
    place = len(stages) if at is None else _place("at", at, len(stages))
    return (*stages[:place], stage, *stages[place:])


def rename(stages: Stages, rules: Rules, old: str, new: str) -> tuple[Stages, Rules]:
    """Return the stages with one under another name, and rules that name it so."""
    stage = named(stages, old)
    renamed = _renamed(stage, new)
    return replaced(stages, stage, renamed), _rules_with(rules, {old: renamed.name})


def remove(stages: Stages, name: str) -> Stages:
    """Return the stages without one."""
    stage = named(stages, name)
    if len(stages) == 1:
        raise DefinitionError(
            f"stage {name!r} is the only one, and a definition needs one. Rename it, or add another.",
            kind="no_stages",
            stage=name,
        )
    return replaced(stages, stage)


def merge(stages: Stages, rules: Rules, names: tuple[str, ...]) -> tuple[Stages, Rules]:
    """Return the stages with several as the first of them, and rules that name it for all."""
    parts = [named(stages, part) for part in names]
    if len(set(names)) != len(names) or len(names) < 2:  # noqa: PLR2004 - a merge needs two
        raise CXError(
            f"merge needs two different stages or more, not {listing(names)}. "
            f"Available: {listing(_names(stages))}."
        )
    first, *others = parts
    for other in others:
        if (other.where, other.nth) != (first.where, first.nth):
            raise DefinitionError(
                f"stages {first.name!r} and {other.name!r} cannot be one, their conditions differ: "
                f"{_asked(first)} and {_asked(other)}. Give both the same first.",
                kind="field",
                stage=other.name,
                field="where",
            )
    events = dict.fromkeys(event for part in parts for event in part.events)
    kept = tuple(stage for stage in stages if stage not in others)
    whole = first.replace(events=tuple(events))
    return replaced(kept, first, whole), _rules_with(rules, {part.name: first.name for part in others})


def split(stages: Stages, name: str, parts: object) -> Stages:
    """Return the stages with one as several, in its place."""
    stage = named(stages, name)
    if not isinstance(parts, Mapping) or len(parts) < 2:  # noqa: PLR2004 - a split needs two
        raise CXError(
            f"split needs two parts or more, each with its events, not {parts!r}. "
            f"Write split({name!r}, {{'First': [...], 'Second': [...]}})."
        )
    given = {part: event_entries(events, str(part)) for part, events in parts.items()}
    for part, events in given.items():
        for event in events:
            if event not in stage.events:
                raise unknown(
                    f"event of stage {name!r}", event, stage.events, then=f"Part {part!r} asks for it."
                )
    placed = [event for events in given.values() for event in events]
    for event in stage.events:
        if placed.count(event) != 1:
            how = "in no part" if event not in placed else "in more than one part"
            raise CXError(
                f"event {event!r} of stage {name!r} is {how}. Put it into exactly one of {listing(given)}."
            )
    new = (_renamed(stage, part).replace(events=events) for part, events in given.items())
    return replaced(stages, stage, *new)


def move(stages: Stages, name: str, *, to: object) -> Stages:
    """Return the stages with one at another place."""
    stage = named(stages, name)
    others = tuple(other for other in stages if other is not stage)
    return add(others, stage, _place("to", to, len(others)))


def with_stage(stages: Stages, name: str, changes: Mapping[str, object]) -> Stages:
    """Return the stages with other conditions and rules of one."""
    stage = named(stages, name)
    if "name" in changes:
        raise CXError(
            f"with_stage keeps the name of stage {name!r}. Write rename({name!r}, {changes['name']!r}), "
            "which changes it wherever it stands."
        )
    return replaced(stages, stage, stage.replace(**changes))


def expand(stages: Stages, rules: Rules, log: EventLog) -> Stages:
    """Return the stages with each pattern replaced by the names it stands for in a log."""
    before = binding.bind(stages, log, rules)
    unmatched = {
        (problem.stage, problem.event) for problem in before.problems if problem.kind == "unmatched_pattern"
    }
    known = set(log.event_names)
    expanded = []
    for stage, taken in zip(stages, before.stage_events, strict=True):
        kept = [
            entry
            for entry in stage.events
            if entry in known or not is_pattern(entry) or (stage.name, entry) in unmatched
        ]
        expanded.append(stage.replace(events=tuple(dict.fromkeys((*kept, *taken)))))
    after = binding.bind(expanded, log, rules)
    names = _names(stages)
    for event, old, new in zip(log.event_names, before.candidates, after.candidates, strict=True):
        if old != new:
            raise DefinitionError(
                f"event {event!r} goes first to stage {names[old[0]]!r}, which names it, then to a "
                "stage before it through a pattern; as a name there, it would go to that stage first. "
                f"Move stage {names[old[0]]!r} before {names[old[1]]!r}.",
                kind="field",
                stage=names[old[0]],
                event=event,
            )
    return tuple(expanded)


def replaced(stages: Stages, old: Stage, *new: Stage) -> Stages:
    """Return the stages with others in the place of one."""
    return tuple(part for stage in stages for part in (new if stage is old else (stage,)))


def _names(stages: Stages) -> tuple[str, ...]:
    return tuple(stage.name for stage in stages)


def _rules_with(rules: Rules, renamed: Mapping[str, str]) -> Rules:
    """Return the rules with the stages that exclusions name under their new names."""
    if not rules.exclusions:
        return rules
    moved = tuple(
        one.replace(
            after=one.after and renamed.get(one.after, one.after),
            before=one.before and renamed.get(one.before, one.before),
        )
        for one in rules.exclusions
    )
    return rules.replace({"exclusions": moved})


def _given(events: tuple[object, ...], verb: str, rest: str) -> tuple[str, ...]:
    for event in events:
        if not isinstance(event, str):
            example = ", ".join(part for part in ("'view'", "'search'", rest) if part)
            raise DefinitionError(
                f"{verb} takes event names one by one, not {event!r}. Write {verb}({example})."
            )
    if not events:
        example = ", ".join(part for part in ("'view'", rest) if part)
        raise DefinitionError(f"{verb} was given no event. Write {verb}({example}).")
    return tuple(dict.fromkeys(str(event) for event in events))


def _without(stage: Stage, events: Iterable[str]) -> Stage:
    gone = set(events)
    return stage.replace(events=tuple(event for event in stage.events if event not in gone))


def _renamed(stage: Stage, new: str) -> Stage:
    name = stage_name(new)
    keeps = stage.role == "auto" and guess_role(name) is None
    return stage.replace(name=name, role=stage.resolved_role or "auto") if keeps else stage.replace(name=name)


def _place(field: str, place: object, last: int) -> int:
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place <= last:
        raise DefinitionError(
            f"{field}={place!r} is no place for a stage. Use 0 for the first up to {last} for the last."
        )
    return place


def _asked(stage: Stage) -> str:
    return " and ".join(_text.details(stage)) or "none"
