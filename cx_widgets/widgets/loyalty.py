"""Loyalty, one question at a time: who comes back, what they are worth, what they say, what led there."""

from __future__ import annotations

from cx_widgets.widgets._tabs import Tabs
from cx_widgets.widgets.attitude import AttitudeView
from cx_widgets.widgets.claims import ClaimsView
from cx_widgets.widgets.consideration import ConsiderationView
from cx_widgets.widgets.credit import CreditView
from cx_widgets.widgets.lifecycle import LifecycleView
from cx_widgets.widgets.loyalty_overview import LoyaltyOverview
from cx_widgets.widgets.pain_points import PainPointsView
from cx_widgets.widgets.quadrant import QuadrantView
from cx_widgets.widgets.retention import RetentionView
from cx_widgets.widgets.revenue import RevenueView
from cx_widgets.widgets.rfm import RFMView
from cx_widgets.widgets.value import ValueView

QUESTIONS = {
    "overview": ("Overview", LoyaltyOverview),
    "retention": ("Retention", RetentionView),
    "lifecycle": ("Lifecycle", LifecycleView),
    "quadrant": ("Loyalists", QuadrantView),
    "segments": ("Segments", RFMView),
    "value": ("Value", ValueView),
    "revenue": ("Revenue", RevenueView),
    "attitude": ("Satisfaction", AttitudeView),
    "pain": ("Pain points", PainPointsView),
    "credit": ("Credit", CreditView),
    "consideration": ("Consideration", ConsiderationView),
    "claims": ("Claims", ClaimsView),
}


class LoyaltyPanel(Tabs):
    """Loyalty under tabs: figures, who comes back, who they are, what they bring, what they say and meet.

    Only the tab in sight is computed; the others follow when they are asked for.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition to compare with; the one given at the start by default.
    """

    TITLE = "Loyalty"
    VIEWS = QUESTIONS
