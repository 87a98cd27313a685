"""What the rules bar offers: words and defaults of rules, what cannot be combined, other tools' rules."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from itertools import combinations, product
from typing import TYPE_CHECKING

import pandas as pd

from cx_widgets import _conditions
from cx_widgets.condition import OPERATORS
from cx_widgets.durations import format_duration
from cx_widgets.exclusions import EFFECTS
from cx_widgets.problems import DefinitionError
from cx_widgets.rule_presets import tools
from cx_widgets.rules import DEFAULT_RULES, Rules, rule_choices
from cx_widgets.windows import CALENDAR_UNITS

if TYPE_CHECKING:
    from cx_widgets.log import EventLog
    from cx_widgets.widgets._wire import JSON

_MOST_VALUES, _MOST_ROWS = 100, 4_000_000
# The words that stand for any length of time where a rule takes words as well.
_SPANS = {"ties": ("grace", "2s"), "unit": ("session", "30min")}


def rule_catalog(log: EventLog) -> dict[str, JSON]:
    """Return the part of the board's catalog that is about rules, as JSON."""
    return {
        "rule_choices": _choices(),
        "rule_defaults": {field.name: _default(field.name) for field in fields(Rules)},
        "rule_clashes": _clashes(),
        "rule_presets": _presets(),
        "columns": [{"name": name, "kind": _kind(dtype)} for name, dtype in log.column_types.items()],
        "operators": list(OPERATORS),
        "effects": list(EFFECTS),
        "window_units": ["event", "session", *CALENDAR_UNITS],
        "observation": {"end": _until(log), "time_zone": log.time_zone},
    }


def _choices() -> dict[str, list[str]]:
    choices = {field: list(words) for field, words in rule_choices().items()}
    for field, (word, _) in _SPANS.items():
        choices[field].append(word)
    return choices


def _default(field: str) -> JSON:
    value = getattr(DEFAULT_RULES, field)
    if isinstance(value, pd.Timedelta):
        return format_duration(value)
    return list(value) if isinstance(value, tuple) else value


@cache
def _clashes() -> list[dict[str, JSON]]:
    """Return the pairs of words that `Rules` refuses, found by asking it: which one it blames, and why."""
    found: list[dict[str, JSON]] = []
    for (one, firsts), (other, seconds) in combinations(_choices().items(), 2):
        for first, second in product(firsts, seconds):
            asked = {one: first, other: second}
            try:
                DEFAULT_RULES.replace({field: _written(field, word) for field, word in asked.items()})
            except DefinitionError as error:
                blamed = error.problem.field or one
                beside = other if blamed == one else one
                found.append(
                    {
                        "field": blamed,
                        "value": asked[blamed],
                        "beside": beside,
                        "has": asked[beside],
                        "why": str(error),
                    }
                )
    return found


def _written(field: str, word: str) -> str:
    span, text = _SPANS.get(field, ("", ""))
    return text if word == span else word


def _presets() -> list[dict[str, JSON]]:
    return [
        {
            "key": tool.key,
            "tool": tool.tool,
            "setting": tool.setting,
            "rules": {
                field: value for field, value in tool.rules.to_dict().items() if field not in tool.keeps
            },
            "keeps": list(tool.keeps),
            "effect": tool.effect,
        }
        for tool in tools()
    ]


def _until(log: EventLog) -> str:
    return log.observation_end.isoformat(sep=" ", timespec="seconds") if log.n_events else ""


def _kind(dtype: object) -> str:
    """Return what a column seems to hold by its type; `values_offered` knows it by its values."""
    if pd.api.types.is_bool_dtype(dtype):  # type: ignore[arg-type] # any object may be asked
        return "bool"
    return "number" if pd.api.types.is_numeric_dtype(dtype) else "text"  # type: ignore[arg-type] # the same


def values_offered(log: EventLog, name: str) -> dict[str, JSON]:
    """Return what a condition on a column can compare with: its kind, frequent texts, lowest and highest."""
    kind = _conditions.column(log, name).kind
    offered: dict[str, JSON] = {"kind": kind}
    if kind == "text":
        # Texts are told apart one by one: in a large log those of some customers have to do.
        coded = isinstance(log.column_types[name], pd.CategoricalDtype)
        one_in = 1 if coded else -(-log.n_events // _MOST_ROWS)
        counts = (log.sample(one_in) if one_in > 1 else log).value_counts(name)
        if one_in > 1:
            offered["one_in"] = one_in
        offered["values"] = [[str(value), int(n)] for value, n in counts.iloc[:_MOST_VALUES].items()]
        offered["more"] = max(len(counts) - _MOST_VALUES, 0)
    elif kind in ("number", "time"):
        column = log.column(name).dropna()
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = pd.Series(column.cat.remove_unused_categories().cat.categories)
        if len(column):
            ends = (column.min(), column.max())
            offered["ends"] = [f"{end:g}" if kind == "number" else str(end)[:19] for end in ends]
    return offered
