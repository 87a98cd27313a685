"""Metrics: pure functions of a log and a definition, one file for a family, one result for each."""

from __future__ import annotations

from cx_widgets.metrics._figure import Figure
from cx_widgets.metrics._scores import score_columns
from cx_widgets.metrics.advocacy import Advocacy, advocacy
from cx_widgets.metrics.attitude import Attitude, attitude
from cx_widgets.metrics.bad_experience import BadExperience, bad_experience
from cx_widgets.metrics.breakdown import Breakdown, breakdown
from cx_widgets.metrics.channels import Channels, channels
from cx_widgets.metrics.churn import Churn, churn
from cx_widgets.metrics.claims import Claims, claims
from cx_widgets.metrics.compare import Changes, compare
from cx_widgets.metrics.consideration import Consideration, consideration
from cx_widgets.metrics.credit import Credit, credit
from cx_widgets.metrics.credit_methods import CreditMethods, credit_methods
from cx_widgets.metrics.experience_gap import ExperienceGap, experience_gap
from cx_widgets.metrics.explain import Explanation, explain_difference
from cx_widgets.metrics.figures import Figures, figures
from cx_widgets.metrics.flow import Flow, flow
from cx_widgets.metrics.funnel import Funnel, funnel
from cx_widgets.metrics.lifecycle import Lifecycle, Stickiness, lifecycle, stickiness
from cx_widgets.metrics.lifetime_value import LifetimeValue, lifetime_value
from cx_widgets.metrics.loops import Loops, loops
from cx_widgets.metrics.loyalists import Loyalists, loyalists
from cx_widgets.metrics.loyalty import Loyalty, loyalty
from cx_widgets.metrics.pain_points import PainPoints, pain_points
from cx_widgets.metrics.preview import Preview, preview
from cx_widgets.metrics.purchase_gaps import PurchaseGaps, purchase_gaps
from cx_widgets.metrics.purchase_history import PurchaseHistory, purchase_history
from cx_widgets.metrics.reasons import Reasons, reasons
from cx_widgets.metrics.retention import Retention, retention
from cx_widgets.metrics.retention_flags import RetentionFlags, retention_flags
from cx_widgets.metrics.revenue import Revenue, revenue
from cx_widgets.metrics.rfm import RFM, rfm
from cx_widgets.metrics.rule_sets import RuleSets, compare_rules
from cx_widgets.metrics.stage_chain import StageChain, stage_chain
from cx_widgets.metrics.time_to_convert import TimeToConvert, time_to_convert
from cx_widgets.metrics.timeline import Timeline, timeline
from cx_widgets.metrics.transitions import Transitions, transitions
from cx_widgets.metrics.trend import Trend, trend
from cx_widgets.metrics.variants import Variants, variants

__all__ = [
    "RFM",
    "Advocacy",
    "Attitude",
    "BadExperience",
    "Breakdown",
    "Changes",
    "Channels",
    "Churn",
    "Claims",
    "Consideration",
    "Credit",
    "CreditMethods",
    "ExperienceGap",
    "Explanation",
    "Figure",
    "Figures",
    "Flow",
    "Funnel",
    "Lifecycle",
    "LifetimeValue",
    "Loops",
    "Loyalists",
    "Loyalty",
    "PainPoints",
    "Preview",
    "PurchaseGaps",
    "PurchaseHistory",
    "Reasons",
    "Retention",
    "RetentionFlags",
    "Revenue",
    "RuleSets",
    "StageChain",
    "Stickiness",
    "TimeToConvert",
    "Timeline",
    "Transitions",
    "Trend",
    "Variants",
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
