"""Intervals, medians and survival curves: plain arrays in, plain arrays out.

Every function takes a confidence ``level`` (0.95) and answers an undefined question (0 of 0, an
empty sample) with NaN.
"""

from __future__ import annotations

from cx_widgets.stats._clustered import clustered_wilson, effective_counts
from cx_widgets.stats._differences import (
    Counted,
    Stratified,
    adjusted_difference,
    customer_difference,
    mantel_haenszel_difference,
    mover,
    mover_ratio,
    newcombe_difference,
)
from cx_widgets.stats._estimate import Estimate, correlation, dot, ratio
from cx_widgets.stats._means import linearised, mean_interval, median_interval, skewed_t
from cx_widgets.stats._shares import nps, nps_variance, odds, share, wilson
from cx_widgets.stats._survival import (
    HALF,
    Survival,
    Test,
    kaplan_meier,
    kaplan_meier_influence,
    kaplan_meier_median,
    logrank,
    weighted_kaplan_meier,
    widened,
)

__all__ = [
    "HALF",
    "Counted",
    "Estimate",
    "Stratified",
    "Survival",
    "Test",
    "adjusted_difference",
    "clustered_wilson",
    "correlation",
    "customer_difference",
    "dot",
    "effective_counts",
    "kaplan_meier",
    "kaplan_meier_influence",
    "kaplan_meier_median",
    "linearised",
    "logrank",
    "mantel_haenszel_difference",
    "mean_interval",
    "median_interval",
    "mover",
    "mover_ratio",
    "newcombe_difference",
    "nps",
    "nps_variance",
    "odds",
    "ratio",
    "share",
    "skewed_t",
    "weighted_kaplan_meier",
    "widened",
    "wilson",
]
