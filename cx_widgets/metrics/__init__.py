"""Metrics: pure functions of a log and a definition, one file for a family, one result for each."""

from __future__ import annotations

from cx_widgets.metrics._figure import Figure
from cx_widgets.metrics.compare import Changes, compare
from cx_widgets.metrics.figures import Figures, figures
from cx_widgets.metrics.flow import Flow, flow
from cx_widgets.metrics.funnel import Funnel, funnel
from cx_widgets.metrics.loyalty import Loyalty, loyalty
from cx_widgets.metrics.transitions import Transitions, transitions

__all__ = [
    "Changes",
    "Figure",
    "Figures",
    "Flow",
    "Funnel",
    "Loyalty",
    "Transitions",
    "compare",
    "figures",
    "flow",
    "funnel",
    "loyalty",
    "transitions",
]
