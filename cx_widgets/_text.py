"""The texts of a definition: Python source, a few readable lines, a table, and JSON read strictly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cx_widgets._html import escape
from cx_widgets.durations import format_duration
from cx_widgets.problems import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cx_widgets.condition import Condition
    from cx_widgets.exclusions import Exclusion
    from cx_widgets.rules import Rules
    from cx_widgets.stages import Stage

_INDENT = 4
_CODE_WIDTH = 100
_SHOWN = 10
_MOST_DIGITS = 1000


def code_of(stages: tuple[Stage, ...], rules: Rules) -> str:
    """Return the source of a definition: names with their events where no stage needs more."""
    if all(not stage.conditional and not stage.special and stage.role == "auto" for stage in stages):
        items = tuple((f"{_literal(stage.name)}: ", _list_code(stage.events)) for stage in stages)
        stages_code = _Group("{", items, "}")
    else:
        stages_code = _Group("[", tuple(("", _stage_code(stage)) for stage in stages), "]")
    rules_code = tuple((f"{field}=", _rule_code(rules, field, to)) for field, to in rules.to_dict().items())
    return _source(_Group("cx.Definition(", (("", stages_code), *rules_code), ")"), _CODE_WIDTH)


def lines_of(stages: tuple[Stage, ...], rules: Rules) -> str:
    """Return a definition in short lines."""
    count = "1 stage" if len(stages) == 1 else f"{len(stages)} stages"
    lines = [f"Definition: {count}"]
    for number, stage in enumerate(stages, start=1):
        role = f" ({stage.resolved_role})" if stage.resolved_role else ""
        lines.append(
            f"  {number}. {_shown(stage.name)}{role}: {'; '.join([_events(stage), *details(stage)])}"
        )
    return "\n".join([*lines, *(f"  {line}" for line in rules.describe())])


def table_of(stages: tuple[Stage, ...], rules: Rules) -> str:
    """Return a definition as an HTML table, every text escaped."""
    rows = []
    for number, stage in enumerate(stages, start=1):
        texts = (stage.name, stage.resolved_role or "", _events(stage), "; ".join(details(stage)))
        cells = "".join(f'<td dir="auto">{escape(text)}</td>' for text in texts)
        rows.append(f"<tr><td>{number}</td>{cells}</tr>")
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("", "stage", "role", "events", "conditions"))
    return (
        f"<table><caption>{escape('; '.join(rules.describe()))}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def details(stage: Stage) -> list[str]:
    """Return what a stage asks of a row besides its event's name, one text for each condition."""
    found = [str(condition) for condition in stage.where]
    if stage.nth is not None:
        found.append(f"occurrence {stage.nth}")
    return [*found, *own_rules(stage)]


def own_rules(stage: Stage) -> list[str]:
    """Return the rules a stage has of its own, in words."""
    within = "" if stage.window is None else f"within {format_duration(stage.window)} of the stage before"
    found = ["optional" * stage.optional, within, "directly after the stage before" * stage.directly]
    found.append("anchored in its place" * stage.anchored)
    return [text for text in found if text]


def parsed(text: object) -> object:
    if not isinstance(text, str):
        raise DefinitionError(
            f"from_json takes the text of a definition, not {text!r}. Read a file with path.read_text()."
        )
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise DefinitionError(
            f"the text is not JSON: line {error.lineno}, column {error.colno}: {error.msg}. "
            "Give the text itself, as to_json() returns it."
        ) from None
    except RecursionError:
        raise DefinitionError("the JSON is nested too deeply to be a definition.") from None


def _events(stage: Stage) -> str:
    rest = len(stage.events) - _SHOWN
    names = ", ".join(_shown(event) for event in stage.events[:_SHOWN])
    return names + (f", ... {rest} more" if rest > 0 else "") or "no events"


def _shown(name: str) -> str:
    return name if name.isprintable() else repr(name)


@dataclass(frozen=True, slots=True)
class _Group:
    """Items between an opening and a closing text, each with what stands before it (a key or a keyword)."""

    opening: str
    items: tuple[tuple[str, str | _Group], ...]
    closing: str


def _literal(value: str | float | None) -> str:
    """Return a value as source, text in double quotes where that needs no escape."""
    text = repr(value)
    if isinstance(value, str) and '"' not in value:
        # repr then uses single quotes, or double ones around single ones.
        return text if text.startswith('"') else f'"{text[1:-1]}"'
    return text


def _source(node: str | _Group, width: int, *, indent: int = 0, lead: int = 0, tail: int = 0) -> str:
    """Return the source of a node that starts in column ``lead`` of a line indented by ``indent``."""
    if isinstance(node, str):
        return node
    line = _flat(node)
    if not node.items or lead + len(line) + tail <= width:
        return line
    inner = indent + _INDENT
    lines = [
        " " * inner + before + _source(item, width, indent=inner, lead=inner + len(before), tail=1) + ","
        for before, item in node.items
    ]
    return "\n".join([node.opening, *lines, " " * indent + node.closing])


def _flat(node: str | _Group) -> str:
    if isinstance(node, str):
        return node
    return node.opening + ", ".join(before + _flat(item) for before, item in node.items) + node.closing


def _list_code(texts: Iterable[str]) -> _Group:
    return _Group("[", tuple(("", _literal(text)) for text in texts), "]")


def _stage_code(stage: Stage) -> _Group:
    items: list[tuple[str, str | _Group]] = [("", _literal(stage.name)), ("", _list_code(stage.events))]
    if stage.where:
        where = _Group("[", tuple(("", _condition_code(condition)) for condition in stage.where), "]")
        items.append(("where=", where))
    if stage.nth is not None:
        items.append(("nth=", _literal(stage.nth)))
    if stage.role != "auto":
        items.append(("role=", _literal(stage.role)))
    if stage.optional:
        items.append(("optional=", "True"))
    if stage.window is not None:
        items.append(("window=", _literal(format_duration(stage.window))))
    if stage.directly:
        items.append(("directly=", "True"))
    if stage.anchored:
        items.append(("anchored=", "True"))
    return _Group("cx.Stage(", tuple(items), ")")


def _rule_code(rules: Rules, field: str, plain: object) -> str | _Group:
    if field == "exclusions":
        return _Group("[", tuple(("", _exclusion_code(one)) for one in rules.exclusions), "]")
    return _list_code(rules.hold_constant) if field == "hold_constant" else _literal(str(plain))


def _exclusion_code(exclusion: Exclusion) -> _Group:
    items: list[tuple[str, str | _Group]] = [("", _list_code(exclusion.events))]
    ends = (("after=", exclusion.after), ("before=", exclusion.before))
    items += [(field, _literal(name)) for field, name in ends if name is not None]
    if exclusion.where:
        where = _Group("[", tuple(("", _condition_code(condition)) for condition in exclusion.where), "]")
        items.append(("where=", where))
    if exclusion.effect != "stop":
        items.append(("effect=", _literal(exclusion.effect)))
    return _Group("cx.Exclusion(", tuple(items), ")")


def _condition_code(condition: Condition) -> _Group:
    items: list[tuple[str, str | _Group]] = [("", _literal(condition.column)), ("", _literal(condition.op))]
    if isinstance(condition.value, tuple):
        items.append(("", _Group("[", tuple(("", _literal(value)) for value in condition.value), "]")))
    elif condition.value is not None:
        items.append(("", _literal(condition.value)))
    return _Group("cx.Condition(", tuple(items), ")")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data: dict[str, object] = {}
    for name, value in pairs:
        if name in data:
            raise DefinitionError(f"field {name!r} stands twice in one object of the JSON. Keep one.")
        data[name] = value
    return data


def _no_constant(name: str) -> object:
    raise DefinitionError(
        f"the JSON holds {name}, which is no JSON number. Use 'is null' or 'not null' for gaps."
    )


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise DefinitionError(f"the JSON holds a number of {len(digits)} digits. Use at most {_MOST_DIGITS}.")
    return int(digits)
