"""Ways to count the same stages: the rules one by one, and those of other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cx_widgets import rule_presets
from cx_widgets.definition import Definition
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.errors import CXError
from cx_widgets.exclusions import Exclusion
from cx_widgets.problems import DefinitionError
from cx_widgets.rules import DEFAULT_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cx_widgets.durations import Duration
    from cx_widgets.rules import Rules
    from cx_widgets.stages import Stage


def ways_to_count(
    definition: Definition,
    *,
    window: Duration = "7D",
    session: Duration = "30min",
    exclude: Iterable[str] = (),
    optional: str | None = None,
    hold_constant: str | None = None,
) -> dict[str, Definition]:
    """Return the stages of a definition under one rule set after the other, by name.

    The rules of the definition do not count, only its stages, with what they ask of a row and what they have
    of their own. A way that the stages contradict (any order of stages with windows of their own) is left
    out.

    Parameters
    ----------
    definition : Definition
        The stages.
    window : pd.Timedelta or str
        The window where a way has one of ours.
    session : pd.Timedelta or str
        The gap that ends a session.
    exclude : iterable of str
        Events that must not happen between the first and the last stage, for one way more.
    optional : str, optional
        The stage to leave out, for one way more.
    hold_constant : str, optional
        The column to hold constant, for one way more.

    Returns
    -------
    dict of str to Definition
        ``"Plain"`` first: the default rules.

    Examples
    --------
    >>> ways = ways_to_count(Definition({"Consider": ["ad"], "Buy": ["order"]}))
    >>> list(ways)[:6]
    ['Plain', 'Window', 'First entry', 'Latest entry', 'Strict', 'Unbroken']
    >>> ways["Mixpanel"].rules
    Rules(window='30D', entry='first', ties='2s')
    """
    if not isinstance(definition, Definition):
        raise CXError(
            f"the definition is a {type(definition).__name__}. Make a Definition of it first: "
            'cx.Definition({"Consider": ["ad"], "Buy": ["order"]}).'
        )
    length = format_duration(parse_duration(window, "window"))
    gap = format_duration(parse_duration(session, "session"))
    found = {
        name: Definition(stages, rules)
        for name, stages, rules in (
            *_ours(definition, length, gap),
            *_asked(
                definition, tuple([exclude] if isinstance(exclude, str) else exclude), optional, hold_constant
            ),
            *_tools(definition),
        )
        if _fits(stages, rules)
    }
    if not found:
        raise CXError("the stages of the definition contradict every way to count. Change them first.")
    return found


_Way = tuple[str, "tuple[Stage, ...]", "Rules"]


def _ours(definition: Definition, window: str, session: str) -> Iterator[_Way]:
    ways: dict[str, dict[str, object]] = {
        "Plain": {},
        "Window": {"window": window},
        "First entry": {"window": window, "entry": "first"},
        "Latest entry": {"entry": "latest"},
        "Strict": {"order": "strict"},
        "Unbroken": {"order": "unbroken"},
        "Any order": {"order": "any"},
        "Open entry": {"reach": "open"},
        "Later, not at once": {"ties": "strict"},
        "Sessions": {"unit": session},
        "Journeys": {"unit": "journey"},
        "Attempts": {"window": window, "count": "attempts"},
        "Shares of all": {"denominator": "all"},
    }
    for name, fields in ways.items():
        yield name, definition.stages, DEFAULT_RULES.replace(fields)


def _asked(
    definition: Definition, exclude: tuple[str, ...], optional: str | None, hold_constant: str | None
) -> Iterator[_Way]:
    if exclude:
        rules = DEFAULT_RULES.replace({"exclusions": (Exclusion(exclude),)})
        yield f"Without {', '.join(exclude)}", definition.stages, rules
    if optional is not None:
        chosen = definition[optional]
        stages = tuple(
            stage.replace(optional=True) if stage is chosen else stage for stage in definition.stages
        )
        Definition(stages)
        yield f"{optional} optional", stages, DEFAULT_RULES
    if hold_constant is not None:
        rules = DEFAULT_RULES.replace({"hold_constant": (hold_constant,)})
        yield f"One {hold_constant}", definition.stages, rules


def _tools(definition: Definition) -> Iterator[_Way]:
    tools = {
        "PostHog": rule_presets.posthog(),
        "Mixpanel": rule_presets.mixpanel(),
        "ClickHouse, 7 days": rule_presets.clickhouse(window="7D"),
        "GA4": rule_presets.ga4(),
        "Amplitude": rule_presets.amplitude(),
        "retentioneering": rule_presets.retentioneering(),
    }
    for name, rules in tools.items():
        yield name, definition.stages, rules


def _fits(stages: tuple[Stage, ...], rules: Rules) -> bool:
    try:
        Definition(stages, rules)
    except DefinitionError:
        return False
    return True
