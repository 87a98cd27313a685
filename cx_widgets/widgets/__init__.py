"""Thin faces over the metrics: what a widget shows, a public function returns."""

from __future__ import annotations

from cx_widgets.widgets.attitude import AttitudeView
from cx_widgets.widgets.bad_experience import BadExperienceView
from cx_widgets.widgets.board import StageBoard
from cx_widgets.widgets.breakdown import BreakdownView
from cx_widgets.widgets.channels import ChannelsView
from cx_widgets.widgets.churn import ChurnView
from cx_widgets.widgets.claims import ClaimsView
from cx_widgets.widgets.closer import CloserLook
from cx_widgets.widgets.consideration import ConsiderationView
from cx_widgets.widgets.credit import CreditView
from cx_widgets.widgets.experience_gap import ExperienceGapView
from cx_widgets.widgets.explain import ExplainView
from cx_widgets.widgets.flow import FlowView
from cx_widgets.widgets.funnel import FunnelView
from cx_widgets.widgets.lifecycle import LifecycleView
from cx_widgets.widgets.loyalty import LoyaltyPanel
from cx_widgets.widgets.loyalty_overview import LoyaltyOverview
from cx_widgets.widgets.matrix import TransitionMatrix
from cx_widgets.widgets.pain_points import PainPointsView
from cx_widgets.widgets.purchase_gaps import PurchaseGapsView
from cx_widgets.widgets.quadrant import QuadrantView
from cx_widgets.widgets.reasons import ReasonsView
from cx_widgets.widgets.retention import RetentionView
from cx_widgets.widgets.revenue import RevenueView
from cx_widgets.widgets.rfm import RFMView
from cx_widgets.widgets.rules import RulesView
from cx_widgets.widgets.timeline import TimelineView
from cx_widgets.widgets.trend import TrendView
from cx_widgets.widgets.value import ValueView
from cx_widgets.widgets.workbench import Workbench

__all__ = [
    "AttitudeView",
    "BadExperienceView",
    "BreakdownView",
    "ChannelsView",
    "ChurnView",
    "ClaimsView",
    "CloserLook",
    "ConsiderationView",
    "CreditView",
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
    "RulesView",
    "StageBoard",
    "TimelineView",
    "TransitionMatrix",
    "TrendView",
    "ValueView",
    "Workbench",
]
