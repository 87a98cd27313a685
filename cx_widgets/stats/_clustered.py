"""Shares whose trials come in clusters, such as the visits of one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.stats._estimate import ROUNDING, ratio
from cx_widgets.stats._shares import wilson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


def clustered_wilson(
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    success_squares: ArrayLike,
    products: ArrayLike,
    trial_squares: ArrayLike,
    clusters: ArrayLike,
    level: float = 0.95,
) -> tuple[FloatArray, FloatArray]:
    """Return Wilson bounds for a share whose trials come in clusters, such as the visits of one customer.

    The share p is the ratio of two sums over clusters, y successes of x trials each. Its linearised
    variance is sum((y - p x)^2) / sum(x)^2, with the usual m / (m - 1) for m clusters in the place of
    n / (n - 1) for n trials. The effective number of trials is the one that gives a plain share the same
    variance, p (1 - p) / variance, times (t of n - 1 degrees of freedom / t of m - 1)^2: a variance from few
    clusters is itself a guess. It may exceed the trials there are, where clusters are more alike than
    chance makes them. Where they show no spread (p is 0 or 1, or there is one cluster) it is the number of
    clusters. With one trial in each cluster the result is Wilson's interval itself.

    Parameters
    ----------
    successes, trials
        Sums of y and of x over the clusters.
    success_squares, products, trial_squares
        Sums of y * y, x * y and x * x over the clusters.
    clusters
        Number of clusters with at least one trial.
    level
        Confidence level.

    Returns
    -------
    tuple of arrays
        Lower and upper bounds, NaN where there are no trials.

    References
    ----------
    Korn, E. L. and Graubard, B. I. (1998). Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data. Survey Methodology 24, 193-201, with Wilson's
    interval in the place of the exact one; docs/intervals.md shows how often it holds the truth.

    Examples
    --------
    Three customers with 2 of 2, 0 of 2 and 1 of 1:

    >>> lower, upper = clustered_wilson(3, 5, success_squares=5, products=5, trial_squares=9, clusters=3)
    >>> round(float(lower), 3), round(float(upper), 3)
    (0.073, 0.966)
    """
    hits, effective = effective_counts(
        successes,
        trials,
        success_squares=success_squares,
        products=products,
        trial_squares=trial_squares,
        clusters=clusters,
        level=level,
    )
    return wilson(hits, effective, level)


def effective_counts(
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    success_squares: ArrayLike,
    products: ArrayLike,
    trial_squares: ArrayLike,
    clusters: ArrayLike,
    level: float = 0.95,
) -> tuple[FloatArray, FloatArray]:
    """Return as many successes and trials as would tell as much, were the trials independent.

    Parameters
    ----------
    successes, trials, success_squares, products, trial_squares, clusters, level
        As for `clustered_wilson`, which says how the effective number of trials is found.

    Returns
    -------
    tuple of arrays
        Effective successes and trials, 0 where there are no trials; their ratio is the share itself.

    Examples
    --------
    Three customers with 2 of 2, 0 of 2 and 1 of 1:

    >>> hits, trials = effective_counts(
    ...     3, 5, success_squares=5, products=5, trial_squares=9, clusters=3
    ... )
    >>> round(float(hits), 3), round(float(trials), 3)
    (0.558, 0.929)
    """
    y, x, yy, xy, xx, m = (
        np.asarray(part, dtype=np.float64)
        for part in (successes, trials, success_squares, products, trial_squares, clusters)
    )
    p = ratio(y, x)
    spread = np.maximum(yy - 2 * p * xy + p * p * xx, 0)
    flat = ~(spread > ROUNDING * (yy + p * p * xx))
    told = ratio(p * (1 - p) * x * x, np.where(flat, 1.0, spread)) * _few_clusters(m, x, level)
    effective = np.where(flat, m, told)
    effective = np.where(x > 0, effective, 0.0)
    # Successes that are all or none of the trials stay exactly so, whatever the rounding of p * n.
    hits = np.where(y == x, effective, p * effective)
    return np.where(x > 0, hits, 0.0), effective


def _few_clusters(clusters: FloatArray, trials: FloatArray, level: float) -> FloatArray:
    """Return by how much a variance from clusters tells less than one from as many trials, 1 for one each."""
    from scipy.special import stdtrit  # noqa: PLC0415 - SciPy is slow to load and only needed here

    m, n = np.maximum(clusters, 2), np.maximum(trials, 2)
    # Many shares have few denominators, and a quantile takes longer than to look it up.
    freedom, place = np.unique(np.stack(np.broadcast_arrays(m, n)) - 1, return_inverse=True)
    of_clusters, of_trials = stdtrit(freedom, 0.5 + level / 2)[place].reshape(2, *np.broadcast(m, n).shape)
    less: FloatArray = (1 - 1 / m) / (1 - 1 / n) * (of_trials / of_clusters) ** 2
    return np.where(m == n, 1.0, less)
