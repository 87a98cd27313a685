"""What makes a definition: stages and rules as they are given, and whether they go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cx_widgets.durations import format_duration
from cx_widgets.errors import listing, unknown
from cx_widgets.problems import DefinitionError
from cx_widgets.rules import DEFAULT_RULES, Rules
from cx_widgets.stages import Stage

MOST_STAGES = 250


def given_stages(stages: object) -> tuple[Stage, ...]:
    """Return stages given one by one, or as names with their events."""
    if isinstance(stages, Mapping):
        for name, events in stages.items():
            if isinstance(events, Stage):
                raise DefinitionError(
                    f"stage {name!r} is a Stage under a name. "
                    "Give a list of stages, or names with lists of events.",
                    field="stages",
                )
        return tuple(Stage(name, events) for name, events in stages.items())
    if isinstance(stages, (str, Stage)) or not isinstance(stages, Iterable):
        raise DefinitionError(
            f"stages are {stages!r}. Give {{'Consider': ['ad'], 'Buy': ['order']}} or a list of stages.",
            field="stages",
        )
    given = tuple(stages)
    for stage in given:
        if not isinstance(stage, Stage):
            raise DefinitionError(
                f"the stages hold {stage!r}. Write [Stage('Buy', ['order'])] or {{'Buy': ['order']}}.",
                field="stages",
            )
    return given


def given_rules(rules: object, rule_fields: Mapping[str, object]) -> Rules:
    """Return rules given as such, or field by field."""
    if rules is not None and not isinstance(rules, Rules):
        raise DefinitionError(
            f"rules are {rules!r}. Give Rules(window='30D'), or window='30D'.", kind="rules"
        )
    if rules is not None and rule_fields:
        raise DefinitionError(
            f"rules are given twice, as rules= and as {listing(rule_fields)}. Put them all into rules=.",
            kind="rules",
        )
    chosen = rules or DEFAULT_RULES
    return chosen.replace(rule_fields) if rule_fields else chosen


def well_formed(stages: tuple[Stage, ...], rules: Rules) -> tuple[Stage, ...]:
    """Return stages that make a definition under some rules; refuse others."""
    if not stages:
        raise DefinitionError(
            "a definition has no stages. Give at least one, e.g. {'Buy': ['order']}.",
            kind="no_stages",
            field="stages",
        )
    if len(stages) > MOST_STAGES:
        raise DefinitionError(
            f"a definition has {len(stages)} stages. Use at most {MOST_STAGES}.", kind="field", field="stages"
        )
    names: set[str] = set()
    plain: dict[str, str] = {}
    for stage in stages:
        if stage.name in names:
            raise DefinitionError(
                f"two stages are called {stage.name!r}. Rename one, or merge them.",
                kind="duplicate_stage",
                stage=stage.name,
                field="name",
            )
        names.add(stage.name)
        if stage.conditional or rules.reuse != "never":
            continue
        for event in stage.events:
            if event in plain:
                raise DefinitionError(
                    f"event {event!r} stands in stages {plain[event]!r} and {stage.name!r}. Keep it in one, "
                    "tell them apart with where= or nth=, or say reuse='distinct'.",
                    kind="duplicate_event",
                    stage=stage.name,
                    event=event,
                    field="events",
                )
            plain[event] = stage.name
    _fit(stages, rules)
    return stages


def _fit(stages: tuple[Stage, ...], rules: Rules) -> None:
    """Refuse stages and rules that contradict each other."""
    names = [stage.name for stage in stages]
    for place, stage in enumerate(stages):
        for field in ("optional", "window", "directly", "anchored"):
            why = _why_not(field, rules, place, len(stages)) if getattr(stage, field) else ""
            if why:
                raise DefinitionError(
                    f"stage {stage.name!r}: {field}={_own(stage, field)} cannot be: {why}. Leave it out.",
                    kind="field",
                    stage=stage.name,
                    field=field,
                )
    for exclusion in rules.exclusions:
        for end in (exclusion.after, exclusion.before):
            if end is not None and end not in names:
                then = f"The exclusion {exclusion!r} names it."
                raise DefinitionError(
                    str(unknown("stage", end, names, then=then)), kind="rules", field="exclusions"
                )
        after = 0 if exclusion.after is None else names.index(exclusion.after)
        before = len(names) - 1 if exclusion.before is None else names.index(exclusion.before)
        if after >= before:
            raise DefinitionError(
                f"the exclusion {exclusion!r} lies between {names[after]!r} and {names[before]!r}, and "
                "nothing does. Let after be an earlier stage than before.",
                kind="rules",
                field="exclusions",
            )


def _why_not(field: str, rules: Rules, place: int, n_stages: int) -> str:
    """Return why a stage cannot have a rule of its own; empty where it can."""
    if (field == "anchored") is not (rules.order == "any"):
        kept = f"order={rules.order!r} keeps every stage in its place"
        return kept if field == "anchored" else "under order='any' no stage lies before another"
    if field != "optional":
        if place == 0 and field != "anchored":
            return "it is the first stage, and none lies before it"
        graceful = field == "directly" and rules.grace is not None
        return f"under ties={rules.ties!r} rows may trade places" if graceful else ""
    if place in (0, n_stages - 1):
        return (
            "it is the last stage, and to reach it is to convert"
            if place
            else "it is the first stage, and customers enter there"
        )
    if rules.reach == "open":
        return "under reach='open' customers enter behind it as well"
    return "" if rules.order == "ordered" else f"order={rules.order!r} lets nothing lie between"


def _own(stage: Stage, field: str) -> str:
    return repr(format_duration(stage.window)) if field == "window" and stage.window else "True"
