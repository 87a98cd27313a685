"""Many shares at once: their differences, whether they are more than chance, and how many may be chance."""

from __future__ import annotations

from math import erfc, sqrt
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

EXPECTED = 5.0
"""The least expected number of successes and of failures on either side for which a test is made."""


def differences(
    successes: ArrayLike, trials: ArrayLike, other_successes: ArrayLike, other_trials: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return successes / trials - other successes / other trials with Newcombe's interval, elementwise.

    The shares of a pair come from different customers. NaN where either side has no trials.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions:
    comparison of eleven methods. Statistics in Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> [round(float(number), 4) for number in differences(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    first, second = stats.ratio(successes, trials), stats.ratio(other_successes, other_trials)
    lower, upper = stats.wilson(successes, trials)
    other_lower, other_upper = stats.wilson(other_successes, other_trials)
    change = first - second
    below = np.hypot(first - lower, other_upper - second)
    above = np.hypot(upper - first, second - other_lower)
    return change, change - below, change + above


def p_values(
    successes: ArrayLike, trials: ArrayLike, other_successes: ArrayLike, other_trials: ArrayLike
) -> Floats:
    """Return the two-sided p-values of the pooled score test that two shares are equal, elementwise.

    The square of the statistic is Pearson's chi-squared without continuity correction. NaN where fewer than
    5 successes or failures are expected on either side under equality: there the normal curve is no guide.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-squared tests. Biometrics 10,
    417-451: the least expected counts.

    Examples
    --------
    >>> round(float(p_values(56, 70, 48, 80)), 4)
    0.008
    """
    hits, tries, other_hits, other_tries = (
        np.asarray(part, dtype=np.float64) for part in (successes, trials, other_successes, other_trials)
    )
    pooled = stats.ratio(hits + other_hits, tries + other_tries)
    spread = pooled * (1 - pooled) * (stats.ratio(1.0, tries) + stats.ratio(1.0, other_tries))
    change = stats.ratio(hits, tries) - stats.ratio(other_hits, other_tries)
    expected = np.minimum(tries, other_tries) * np.minimum(pooled, 1 - pooled)
    z = np.where(expected >= EXPECTED, np.abs(change), np.nan) / np.sqrt(np.where(spread > 0, spread, np.nan))
    # numpy has no error function, SciPy's is slow to load, and there is one number for a group.
    tails = [erfc(value / sqrt(2)) for value in z.ravel().tolist()]
    return np.array(tails, dtype=np.float64).reshape(z.shape)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Return Benjamini and Hochberg's q for each p-value: the least false discovery rate that takes it in.

    q of the i-th smallest of m p-values is the least p_j m / j over j from i on, at most 1. NaN is no test:
    it stays NaN and does not count among the m.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate: a practical and powerful
    approach to multiple testing. Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, float("nan"), 0.03]).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    q = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    raised = values[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q
