"""The flow between stages: forward ribbons, skips above, back-steps below."""

from __future__ import annotations

from functools import partial
from math import isnan
from typing import TYPE_CHECKING, ClassVar

import anywidget
import traitlets as t

from cx_widgets import _numbers
from cx_widgets.metrics.transitions import transitions
from cx_widgets.widgets import _wire
from cx_widgets.widgets._base import STATIC, Face
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cells
    from cx_widgets.metrics.transitions import Transitions
    from cx_widgets.widgets._wire import JSON


_SHARES = {"from": "from", "to": "to", "share": "share"}


class FlowView(Face, anywidget.AnyWidget):
    """The transitions between the stages of a definition, drawn as a flow.

    A click on a node selects the customers who visited the stage, a click on a link those who took it.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose shares stand beside; the one given at the start by default.
    """

    _esm = STATIC / "flow.js"
    _css = STATIC / "flow.css"

    _view = t.Dict().tag(sync=True)
    _selection: t.Dict[str, str] | t.Any = t.Dict(None, allow_none=True).tag(sync=True)

    previews: ClassVar[bool] = True
    rehearses: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        super().__init__()
        self._start(log, definition, baseline)
        self.observe(self._on_selection, names="_selection")

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give the transitions as a call."""
        return (partial(transitions, self.event_log, definition),)

    def _draw(self) -> None:
        revision = _wire.revision_of(self._view) + 1
        empty: dict[str, JSON] = {
            "revision": revision,
            "title": "Flow between stages",
            "description": "No figures yet.",
            "n_customers": self.event_log.n_customers,
            "preview": self._part_counted,
            "stages": [],
            "links": [],
            "baseline_links": None,
            "problems": [{"kind": problem.kind, "message": problem.message} for problem in self.problems],
            "stale": self._stale,
        }
        if self._good is None:
            self._view = empty
            return
        now = transitions(self._counted, self._good)
        before = None
        if self._compared is not None:
            before = transitions(self._counted, self._compared).columns()
        self._view = {
            **empty,
            "description": _description(now),
            "stages": _stages(self._estimated_cells(now.stage_columns(), ("visits", "customers"))),
            "links": _links(self._estimated_cells(now.columns(), ("count", "denominator", "customers"))),
            "baseline_links": None if before is None else _wire.rows(before, _SHARES),
        }
        self._mark_selected()

    def _mark_selected(self) -> None:
        wire: dict[str, str] | None = _to_wire(self.selected)
        if wire != self._selection:
            self._selection = wire

    def _on_selection(self, change: Mapping[str, dict[str, str] | None]) -> None:
        wire = change["new"]
        if wire is not None:
            self.selected = _from_wire(wire)
        elif self.selected is not None and self.selected.kind in ("visited", "moved"):
            self.selected = None

    def _show_error(self, sentence: str) -> None:
        self._view = {**self._view, "problems": [{"kind": "error", "message": sentence}]}


def _to_wire(selected: Selection | None) -> dict[str, str] | None:
    if selected is None or selected.kind not in ("visited", "moved"):
        return None
    if selected.to is None:
        return {"kind": "node", "stage": selected.stage}
    return {"kind": "link", "from": selected.stage, "to": selected.to}


def _from_wire(wire: Mapping[str, str]) -> Selection:
    if wire["kind"] == "node":
        return Selection("visited", wire["stage"])
    return Selection("moved", wire["from"], wire["to"])


def _stages(columns: Cells) -> list[JSON]:
    names = {"stage": "name", "visits": "visits", "customers": "customers", "dwell_median": "dwell_seconds"}
    return list(_wire.rows(columns, names))


def _links(columns: Cells) -> list[JSON]:
    as_they_are = ("from", "to", "count", "share", "lower", "upper", "denominator", "customers", "kind")
    names = {**{name: name for name in as_they_are}, "dwell_median": "dwell_seconds"}
    return list(_wire.rows(columns, names))


def _description(now: Transitions) -> str:
    if isnan(now.skip_share.value):
        return "Nobody goes from one stage to another."
    return (
        f"{_numbers.percent(now.skip_share.value)} of the steps between stages skip one, "
        f"{_numbers.percent(now.back_share.value)} go back."
    )
