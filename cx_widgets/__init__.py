"""The notebook workbench for customer journeys.

Hand a DataFrame of customer events to an `EventLog`, order its events into the stages of a
`Definition`, and read `funnel`, `transitions`, `flow`, `loyalty` and `figures` as plain results, or
edit the stages by hand in a `Workbench` and watch every figure answer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cx_widgets import presets
from cx_widgets.definition import Condition, Definition, Rules, Stage
from cx_widgets.errors import CXError
from cx_widgets.exclusions import Exclusion
from cx_widgets.log import EventLog
from cx_widgets.metrics import (
    breakdown,
    compare,
    figures,
    flow,
    funnel,
    loyalty,
    reasons,
    time_to_convert,
    timeline,
    transitions,
    trend,
)

if TYPE_CHECKING:
    from cx_widgets import datasets
    from cx_widgets.widgets import (
        BreakdownView,
        CloserLook,
        FlowView,
        FunnelView,
        LoyaltyPanel,
        ReasonsView,
        StageBoard,
        TimelineView,
        TransitionMatrix,
        TrendView,
        Workbench,
    )

__version__ = "0.1.0"

__all__ = [
    "BreakdownView",
    "CXError",
    "CloserLook",
    "Condition",
    "Definition",
    "EventLog",
    "Exclusion",
    "FlowView",
    "FunnelView",
    "LoyaltyPanel",
    "ReasonsView",
    "Rules",
    "Stage",
    "StageBoard",
    "TimelineView",
    "TransitionMatrix",
    "TrendView",
    "Workbench",
    "__version__",
    "breakdown",
    "compare",
    "datasets",
    "figures",
    "flow",
    "funnel",
    "loyalty",
    "presets",
    "reasons",
    "time_to_convert",
    "timeline",
    "transitions",
    "trend",
]

_WIDGETS = (
    "BreakdownView",
    "CloserLook",
    "FlowView",
    "FunnelView",
    "LoyaltyPanel",
    "ReasonsView",
    "StageBoard",
    "TimelineView",
    "TransitionMatrix",
    "TrendView",
    "Workbench",
)


def __getattr__(name: str) -> object:
    # Widgets pull in ipywidgets, bqplot and anywidget; whoever only wants numbers does not wait for them.
    if name in _WIDGETS:
        return getattr(import_module("cx_widgets.widgets"), name)
    if name == "datasets":
        return import_module("cx_widgets.datasets")
    raise AttributeError(f"module 'cx_widgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
