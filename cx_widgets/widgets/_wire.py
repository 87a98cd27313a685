"""What crosses the wire: plain JSON with null for undefined, and the draft with its history."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cx_widgets.metrics._lines import Cell, Cells

JSON: TypeAlias = object
"""Anything `json.dumps` takes without NaN; the wire tests read it back."""

HISTORY = 50
"""Definitions kept for undo; the oldest is forgotten first."""


def plain(value: object) -> JSON:
    """Return a scalar as JSON: NaN, NaT and infinities become null, durations become seconds."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    raise TypeError(f"{type(value).__name__} does not cross the wire")


def part(frame: pd.DataFrame, level: str, key: str) -> pd.DataFrame:
    """Return the rows of a frame with one key in a level of its index, without that level."""
    return frame[frame.index.get_level_values(level) == key].droplevel(level)


def rows(
    columns: Mapping[str, Sequence[object]], names: Mapping[str, str] | None = None
) -> list[dict[str, JSON]]:
    """Return the lines of a table as JSON objects; ``names`` are its columns and their keys."""
    wanted = names or {name: name for name in columns}
    values = [[plain(value) for value in columns[name]] for name in wanted]
    return [dict(zip(wanted.values(), line, strict=True)) for line in zip(*values, strict=True)]


def lines(columns: Cells) -> list[dict[str, Cell]]:
    """Return the lines of a table as mappings of plain values."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def first_draft(definition: dict[str, JSON], baseline: dict[str, JSON]) -> dict[str, JSON]:
    """Return the draft a board starts with."""
    return {
        "revision": 0,
        "definition": definition,
        "baseline": baseline,
        "past": [],
        "future": [],
        "edit": "",
    }


def edited(draft: Mapping[str, JSON], definition: dict[str, JSON], edit: str) -> dict[str, JSON]:
    """Return the draft after an edit: the old definition joins the past, the future is forgotten."""
    past = [*_definitions(draft, "past"), draft["definition"]][-HISTORY:]
    return _next(draft, definition=definition, past=past, future=[], edit=edit)


def pinned(draft: Mapping[str, JSON], baseline: dict[str, JSON]) -> dict[str, JSON]:
    """Return the draft with another baseline; pinning is no edit and leaves the history alone."""
    return _next(draft, baseline=baseline, edit="pinned a baseline")


def undone(draft: Mapping[str, JSON]) -> dict[str, JSON] | None:
    """Return the draft one edit back, or None where there is nothing to undo."""
    past, future = _definitions(draft, "past"), _definitions(draft, "future")
    if not past:
        return None
    return _next(
        draft, definition=past[-1], past=past[:-1], future=[draft["definition"], *future], edit="undo"
    )


def redone(draft: Mapping[str, JSON]) -> dict[str, JSON] | None:
    """Return the draft one undone edit forward, or None where there is nothing to redo."""
    past, future = _definitions(draft, "past"), _definitions(draft, "future")
    if not future:
        return None
    past = [*past, draft["definition"]][-HISTORY:]
    return _next(draft, definition=future[0], past=past, future=future[1:], edit="redo")


def revision_of(draft: Mapping[str, JSON]) -> int:
    """Return the revision of a draft; 0 for one that carries none."""
    revision = draft.get("revision")
    return revision if isinstance(revision, int) and not isinstance(revision, bool) else 0


def _next(draft: Mapping[str, JSON], **fields: JSON) -> dict[str, JSON]:
    return {**draft, **fields, "revision": revision_of(draft) + 1}


def _definitions(draft: Mapping[str, JSON], key: str) -> list[JSON]:
    value = draft.get(key)
    return list(value) if isinstance(value, list) else []
