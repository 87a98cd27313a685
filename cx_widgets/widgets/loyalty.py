"""Loyalty, one question at a time: who comes back, what they are worth, what they say, what led there."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from cx_widgets.widgets._base import Face
from cx_widgets.widgets._tabs import Tabs
from cx_widgets.widgets.attitude import AttitudeView
from cx_widgets.widgets.bad_experience import BadExperienceView
from cx_widgets.widgets.channels import ChannelsView
from cx_widgets.widgets.churn import ChurnView
from cx_widgets.widgets.claims import ClaimsView
from cx_widgets.widgets.consideration import ConsiderationView
from cx_widgets.widgets.credit import CreditView
from cx_widgets.widgets.experience_gap import ExperienceGapView
from cx_widgets.widgets.lifecycle import LifecycleView
from cx_widgets.widgets.loyalty_overview import LoyaltyOverview
from cx_widgets.widgets.pain_points import PainPointsView
from cx_widgets.widgets.purchase_gaps import PurchaseGapsView
from cx_widgets.widgets.quadrant import QuadrantView
from cx_widgets.widgets.retention import RetentionView
from cx_widgets.widgets.revenue import RevenueView
from cx_widgets.widgets.rfm import RFMView
from cx_widgets.widgets.value import ValueView

Views: TypeAlias = dict[str, tuple[str, type[Face]]]

_SHOW = "Show"


class LifecycleTab(Tabs):
    """Who is active in each period, the time between purchases, and who is lost."""

    TITLE, KIND = _SHOW, "segments"
    VIEWS: ClassVar[Views] = {
        "states": ("each period", LifecycleView),
        "gaps": ("time between purchases", PurchaseGapsView),
        "churn": ("who is lost", ChurnView),
    }


class SatisfactionTab(Tabs):
    """What customers say along the stages, and how digital touchpoints are rated against all."""

    TITLE, KIND = _SHOW, "segments"
    VIEWS: ClassVar[Views] = {
        "scores": ("along the stages", AttitudeView),
        "gap": ("all and digital touchpoints", ExperienceGapView),
    }


class PainTab(Tabs):
    """Where customers were lost, and what follows a bad experience."""

    TITLE, KIND = _SHOW, "segments"
    VIEWS: ClassVar[Views] = {
        "points": ("where they were lost", PainPointsView),
        "after": ("after a bad experience", BadExperienceView),
    }


class CreditTab(Tabs):
    """What stood before purchases, and whose channels they are."""

    TITLE, KIND = _SHOW, "segments"
    VIEWS: ClassVar[Views] = {
        "credit": ("credit", CreditView),
        "channels": ("channels by kind", ChannelsView),
    }


QUESTIONS = {
    "overview": ("Overview", LoyaltyOverview),
    "retention": ("Retention", RetentionView),
    "lifecycle": ("Lifecycle", LifecycleTab),
    "quadrant": ("Loyalists", QuadrantView),
    "segments": ("Segments", RFMView),
    "value": ("Value", ValueView),
    "revenue": ("Revenue", RevenueView),
    "attitude": ("Satisfaction", SatisfactionTab),
    "pain": ("Pain points", PainTab),
    "credit": ("Credit", CreditTab),
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
