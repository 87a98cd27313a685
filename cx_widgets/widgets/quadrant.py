"""Who comes back crossed with who recommends, as four tiles that can be clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anywidget
import ipywidgets as w
import numpy as np
import traitlets as t

from cx_widgets import _numbers
from cx_widgets.metrics.loyalists import (
    ACTIVE,
    ADVOCATES,
    LABELS,
    NEITHER,
    PASSIVE,
    SEGMENTS,
    VULNERABLE,
    loyalists,
)
from cx_widgets.widgets import _wire
from cx_widgets.widgets._advice import with_advice
from cx_widgets.widgets._base import STATIC, choices
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import PURCHASE, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics.loyalists import Loyalists
    from cx_widgets.widgets._wire import JSON

_TITLE = "Loyalists: who comes back, who recommends"
_WAYS = (("either", "an event or a score"), ("stage", "an event"), ("score", "a score of 9 or 10"))
_PLACES = (
    (PASSIVE, 0, 0, "stage-1"),
    (ACTIVE, 0, 1, "stage-3"),
    (NEITHER, 1, 0, "stage-7"),
    (ADVOCATES, 1, 1, "stage-4"),
)
_COLUMNS = ("Segment", "Customers", "Of", "Share", "95% interval", "Baseline")


class Tiles(anywidget.AnyWidget):
    """Four parts of a whole, two by two; ``_selected`` is the key of the one chosen."""

    _esm = STATIC / "quadrant.js"
    _css = STATIC / "quadrant.css"

    _view = t.Dict().tag(sync=True)
    _selected = t.Unicode(None, allow_none=True).tag(sync=True)

    def tell(self, tiles: list[JSON]) -> None:
        """Show these tiles; none hides the quadrant."""
        self._view = {
            "revision": _wire.revision_of(self._view) + 1,
            "name": _TITLE,
            "across": {"title": "Recommends", "ends": ["no", "yes"]},
            "down": {"title": "Came back", "ends": ["yes", "no"]},
            "tiles": tiles,
        }

    def mark(self, key: str | None) -> None:
        """Mark the tile of this key as selected, or none; the same again says nothing to the browser."""
        if self._selected != key:
            self._selected = key


class QuadrantView(Panel, w.VBox):
    """Who comes back crossed with who recommends; a click on a tile selects its customers.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose shares are the dashed squares; the one given at the start by default.
    """

    TITLE = _TITLE

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._tiles = Caption(), Tiles()
        self._recommends = Chooser("Recommends with", _WAYS, "either", kind="segments")
        self._asks = choices(self._recommends)
        super().__init__(children=[self._asks, self._caption, self._tiles])
        self._start(log, definition, baseline)
        self._recommends.observe(self._on_choice, names="_value")
        self._tiles.observe(self._on_tile, names="_selected")
        self._caption.observe(self._on_tile, names="_selected")

    def _show(self, good: Definition) -> None:
        now = self._found(good)
        frame = now.frame
        if not frame["denominator"].gt(0).any():
            self._empty(with_advice(str(frame["note"].iloc[0])))
            return
        before = None if self._compared is None else self._found(self._compared).frame
        self._tiles.tell([_tile(frame, before, place) for place in _PLACES])
        why = str(frame.loc[VULNERABLE, "note"])
        notes = [f"{LABELS[VULNERABLE]}: {why[:1].lower()}{with_advice(why)[1:]}" if why else ""]
        if now.others_recommend > 0:
            notes.append(f"{now.others_recommend:,.0f} more recommend and never bought.")
        self._caption.tell(
            self.TITLE,
            description=f"Of {_buyers(frame)}; an area is the share of them.",
            legend=() if before is None else [("baseline", "dashed")],
            columns=_COLUMNS,
            rows=[_line(str(key), row, before) for key, row in frame.iterrows()],
            note=self._notes(*notes),
        )
        self._mark_selected()

    def _found(self, definition: Definition) -> Loyalists:
        return loyalists(self.event_log, definition, recommends=self._recommends.value)

    def _empty(self, why: str, what: str = "No figures yet.") -> None:
        self._tiles.tell([])
        super()._empty(why, what)

    def _selection_of(self, segment: str) -> Selection:
        return Selection("segment", PURCHASE, segment, (("recommends", self._recommends.value),))

    def _mark_selected(self) -> None:
        chosen = self.selected
        key = chosen.to if chosen is not None and chosen.kind == "segment" else None
        key = key if key is not None and chosen == self._selection_of(key) else None
        self._caption.mark(key)
        self._tiles.mark(key)

    def _on_choice(self, change: object) -> None:
        if self.selected is not None and self.selected.kind == "segment":
            self.selected = None
        self._refresh(change)

    def _on_tile(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            self.selected = self._selection_of(key)
        elif self.selected is not None and self.selected.kind == "segment":
            self.selected = None


def _buyers(frame: pd.DataFrame) -> str:
    buyers = frame.loc[ACTIVE, "denominator"]
    return "1 buyer" if buyers == 1 else f"{_numbers.count(buyers)} buyers"


def _tile(frame: pd.DataFrame, before: pd.DataFrame | None, place: tuple[str, int, int, str]) -> JSON:
    segment, row, column, colour = place
    line = _row(frame, segment)
    was = np.nan if before is None else float(_row(before, segment)["value"])
    part: JSON = None
    vulnerable = _row(frame, VULNERABLE)
    if segment == PASSIVE and not np.isnan(vulnerable["numerator"]):
        part = {
            "key": VULNERABLE,
            "label": "Vulnerable, looking at others",
            "count": _numbers.count(vulnerable["numerator"]),
            "share": _numbers.percent(vulnerable["value"]),
        }
    return {
        "key": segment,
        "row": row,
        "column": column,
        "label": LABELS[segment],
        "count": _numbers.count(line["numerator"]),
        "share": _numbers.percent(line["value"]),
        "interval": _numbers.span(line["lower"], line["upper"]),
        "size": _wire.plain(line["value"]),
        "before": _wire.plain(was),
        "change": "" if np.isnan(was) else f"baseline {_numbers.percent(was)}",
        "colour": colour,
        "part": part,
    }


def _row(frame: pd.DataFrame, segment: str) -> pd.Series:
    return frame.iloc[SEGMENTS.index(segment)]


def _line(segment: str, row: pd.Series, before: pd.DataFrame | None) -> tuple[str | None, list[str]]:
    was = np.nan if before is None else float(_row(before, segment)["value"])
    cells = [
        str(row["label"]),
        _numbers.count(row["numerator"]),
        _numbers.count(row["denominator"]),
        _numbers.percent(row["value"]),
        _numbers.span(row["lower"], row["upper"]),
        _numbers.percent(was),
    ]
    return segment if row["numerator"] > 0 else None, cells
