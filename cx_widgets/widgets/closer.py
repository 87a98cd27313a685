"""A closer look: one further question at a time, under the main charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w
import traitlets as t

from cx_widgets.widgets._base import Face
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets.breakdown import BreakdownView
from cx_widgets.widgets.explain import ExplainView
from cx_widgets.widgets.lifecycle import LifecycleView
from cx_widgets.widgets.reasons import ReasonsView
from cx_widgets.widgets.retention import RetentionView
from cx_widgets.widgets.timeline import TimelineView
from cx_widgets.widgets.trend import TrendView
from cx_widgets.widgets.value import ValueView

if TYPE_CHECKING:
    from cx_widgets.log import EventLog

QUESTIONS = {
    "reasons": ("Why lost", ReasonsView),
    "trend": ("Over time", TrendView),
    "breakdown": ("By group", BreakdownView),
    "retention": ("Who comes back", RetentionView),
    "lifecycle": ("New and dormant", LifecycleView),
    "value": ("What they are worth", ValueView),
    "timeline": ("One customer", TimelineView),
    "explain": ("Why it differs", ExplainView),
}


class CloserLook(Face, w.VBox):
    """Why customers were lost, conversion over time, by group, who comes back, and why the number differs.

    Only the view in sight is computed; the others follow when they are asked for.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition to compare with; the one given at the start by default.
    """

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        options = [(key, label) for key, (label, _) in QUESTIONS.items()]
        self._question = Chooser("A closer look", options, "reasons", kind="segments")
        self._made: dict[str, Face] = {}
        super().__init__(children=[self._question])
        self._start(log, definition, baseline)
        self._question.observe(self._refresh, names="_value")

    def _draw(self) -> None:
        key = self._question.value if self._question.value in QUESTIONS else "reasons"
        if key not in self._made:
            view = QUESTIONS[key][1](self.event_log, self.definition, self.baseline)
            view.selected = self.selected
            self._made[key] = view
            t.link((view, "selected"), (self, "selected"))
        view = self._made[key]
        view.definition, view.baseline = self.definition, self.baseline
        self.children = (self._question, view)

    def _show_error(self, sentence: str) -> None:
        self._question.offer([(key, label) for key, (label, _) in QUESTIONS.items()], problem=sentence)
