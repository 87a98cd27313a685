"""A closer look: one further question at a time, under the main charts."""

from __future__ import annotations

from cx_widgets.widgets._tabs import Tabs
from cx_widgets.widgets.breakdown import BreakdownView
from cx_widgets.widgets.explain import ExplainView
from cx_widgets.widgets.reasons import ReasonsView
from cx_widgets.widgets.timeline import TimelineView
from cx_widgets.widgets.trend import TrendView

QUESTIONS = {
    "reasons": ("Why lost", ReasonsView),
    "trend": ("Over time", TrendView),
    "breakdown": ("By group", BreakdownView),
    "timeline": ("One customer", TimelineView),
    "explain": ("Why it differs", ExplainView),
}


class CloserLook(Tabs):
    """Why customers were lost, conversion over time, by group, one customer, and why the number differs.

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

    TITLE = "A closer look"
    VIEWS = QUESTIONS
