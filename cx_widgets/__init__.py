"""The notebook workbench for customer journeys.

Hand a DataFrame of customer events to an `EventLog`, order its events into the stages of a
`Definition`, and read `funnel`, `transitions`, `flow`, `loyalty` and `figures` as plain results, or
edit the stages by hand in a `Workbench` and watch every figure answer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cx_widgets import datasets, presets
    from cx_widgets.definition import Condition, Definition, Rules, Stage
    from cx_widgets.engine import engine_info
    from cx_widgets.errors import CXError
    from cx_widgets.exclusions import Exclusion
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._scores import score_columns
    from cx_widgets.metrics.advocacy import advocacy
    from cx_widgets.metrics.attitude import attitude
    from cx_widgets.metrics.bad_experience import bad_experience
    from cx_widgets.metrics.breakdown import breakdown
    from cx_widgets.metrics.channels import channels
    from cx_widgets.metrics.churn import churn
    from cx_widgets.metrics.claims import claims
    from cx_widgets.metrics.compare import compare
    from cx_widgets.metrics.consideration import consideration
    from cx_widgets.metrics.credit import credit
    from cx_widgets.metrics.credit_methods import credit_methods
    from cx_widgets.metrics.experience_gap import experience_gap
    from cx_widgets.metrics.explain import explain_difference
    from cx_widgets.metrics.figures import figures
    from cx_widgets.metrics.flow import flow
    from cx_widgets.metrics.funnel import funnel
    from cx_widgets.metrics.lifecycle import lifecycle, stickiness
    from cx_widgets.metrics.lifetime_value import lifetime_value
    from cx_widgets.metrics.loops import loops
    from cx_widgets.metrics.loyalists import loyalists
    from cx_widgets.metrics.loyalty import loyalty
    from cx_widgets.metrics.pain_points import pain_points
    from cx_widgets.metrics.preview import preview
    from cx_widgets.metrics.purchase_gaps import purchase_gaps
    from cx_widgets.metrics.purchase_history import purchase_history
    from cx_widgets.metrics.reasons import reasons
    from cx_widgets.metrics.retention import retention
    from cx_widgets.metrics.retention_flags import retention_flags
    from cx_widgets.metrics.revenue import revenue
    from cx_widgets.metrics.rfm import rfm
    from cx_widgets.metrics.rule_sets import compare_rules
    from cx_widgets.metrics.stage_chain import stage_chain
    from cx_widgets.metrics.time_to_convert import time_to_convert
    from cx_widgets.metrics.timeline import timeline
    from cx_widgets.metrics.transitions import transitions
    from cx_widgets.metrics.trend import trend
    from cx_widgets.metrics.variants import variants
    from cx_widgets.widgets import (
        AttitudeView,
        BadExperienceView,
        BreakdownView,
        ChannelsView,
        ChurnView,
        ClaimsView,
        CloserLook,
        ConsiderationView,
        CreditView,
        ExperienceGapView,
        ExplainView,
        FlowView,
        FunnelView,
        LifecycleView,
        LoyaltyOverview,
        LoyaltyPanel,
        PainPointsView,
        PurchaseGapsView,
        QuadrantView,
        ReasonsView,
        RetentionView,
        RevenueView,
        RFMView,
        RulesView,
        StageBoard,
        TimelineView,
        TransitionMatrix,
        TrendView,
        ValueView,
        Workbench,
    )

__version__ = "0.1.0"

__all__ = [
    "AttitudeView",
    "BadExperienceView",
    "BreakdownView",
    "CXError",
    "ChannelsView",
    "ChurnView",
    "ClaimsView",
    "CloserLook",
    "Condition",
    "ConsiderationView",
    "CreditView",
    "Definition",
    "EventLog",
    "Exclusion",
    "ExperienceGapView",
    "ExplainView",
    "FlowView",
    "FunnelView",
    "LifecycleView",
    "LoyaltyOverview",
    "LoyaltyPanel",
    "PainPointsView",
    "PurchaseGapsView",
    "QuadrantView",
    "RFMView",
    "ReasonsView",
    "RetentionView",
    "RevenueView",
    "Rules",
    "RulesView",
    "Stage",
    "StageBoard",
    "TimelineView",
    "TransitionMatrix",
    "TrendView",
    "ValueView",
    "Workbench",
    "__version__",
    "advocacy",
    "attitude",
    "bad_experience",
    "breakdown",
    "channels",
    "churn",
    "claims",
    "compare",
    "compare_rules",
    "consideration",
    "credit",
    "credit_methods",
    "datasets",
    "engine_info",
    "experience_gap",
    "explain_difference",
    "figures",
    "flow",
    "funnel",
    "lifecycle",
    "lifetime_value",
    "loops",
    "loyalists",
    "loyalty",
    "pain_points",
    "presets",
    "preview",
    "purchase_gaps",
    "purchase_history",
    "reasons",
    "retention",
    "retention_flags",
    "revenue",
    "rfm",
    "score_columns",
    "stage_chain",
    "stickiness",
    "time_to_convert",
    "timeline",
    "transitions",
    "trend",
    "variants",
]

# Where each name lives. It is fetched when it is first asked for, so that importing the package costs next to
# nothing, and whoever only wants numbers never waits for ipywidgets, bqplot and anywidget.
_HOMES = {
    "definition": ("Condition", "Definition", "Rules", "Stage"),
    "engine": ("engine_info",),
    "errors": ("CXError",),
    "exclusions": ("Exclusion",),
    "log": ("EventLog",),
    "widgets": (
        *("BreakdownView", "CloserLook", "ExplainView", "FlowView", "FunnelView", "LoyaltyPanel"),
        *(
            "ReasonsView",
            "RulesView",
            "StageBoard",
            "TimelineView",
            "TransitionMatrix",
            "TrendView",
            "Workbench",
        ),
        *("AttitudeView", "CreditView", "LifecycleView", "LoyaltyOverview", "RetentionView", "ValueView"),
        *("ClaimsView", "ConsiderationView", "PainPointsView", "QuadrantView", "RFMView", "RevenueView"),
        *("BadExperienceView", "ChannelsView", "ChurnView", "ExperienceGapView", "PurchaseGapsView"),
    ),
}
# A metric lives in a module of its own name, so that whoever asks for one waits for no other.
_METRICS = (
    *("breakdown", "compare", "figures", "flow", "funnel", "loyalty", "preview", "reasons"),
    *("time_to_convert", "timeline", "transitions", "trend", "variants"),
    *("lifecycle", "retention", "retention_flags"),
    *("attitude", "credit", "lifetime_value", "purchase_history", "stage_chain"),
    *("advocacy", "credit_methods", "loops", "loyalists"),
    *("bad_experience", "churn", "pain_points", "purchase_gaps", "revenue", "rfm"),
    *("channels", "claims", "consideration", "experience_gap"),
)
_HOME = {name: home for home, names in _HOMES.items() for name in names} | {
    "compare_rules": "metrics.rule_sets",
    "explain_difference": "metrics.explain",
    "score_columns": "metrics._scores",
    "stickiness": "metrics.lifecycle",
    **{name: f"metrics.{name}" for name in _METRICS},
}


def __getattr__(name: str) -> object:
    if name in ("datasets", "presets"):
        return import_module(f"cx_widgets.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'cx_widgets' has no attribute {name!r}")
    found: object = getattr(import_module(f"cx_widgets.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
