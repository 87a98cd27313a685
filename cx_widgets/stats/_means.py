"""Medians and means, and what is a sum over customers and so behaves like a mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.stats._estimate import Estimate, dot, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def median_interval(
    values: ArrayLike,
    level: float = 0.95,
    *,
    ranked: Callable[[NDArray[Any], list[int]], NDArray[Any]] | None = None,
) -> Estimate:
    """Return the median with the order-statistic (binomial) interval.

    The median of an even number of values is the mean of the middle two. The bounds are the values of
    rank r from below and from above, r the largest rank for which a binomial count of n fair coins
    lies below r with probability at most (1 - level) / 2; where there is none (fewer than 6 values at
    95 %) they are NaN. No distribution is assumed; the level is kept or exceeded.

    Parameters
    ----------
    values
        The sample; its order does not matter.
    level
        Confidence level.
    ranked
        What gives the values of some ranks, counted from 0; numpy by default.

    Returns
    -------
    Estimate
        NaN for an empty sample.

    References
    ----------
    David, H. A. and Nagaraja, H. N. (2003). Order Statistics, 3rd ed., section 7.1.

    Examples
    --------
    >>> median_interval(range(1, 11))
    Estimate(value=5.5, lower=2.0, upper=9.0)
    """
    sample = np.asarray(values)
    n = len(sample)
    if not n:
        return Estimate(np.nan, np.nan, np.nan)
    rank = _median_rank(n, (1 - level) / 2)
    wanted = [(n - 1) // 2, n // 2, *([rank - 1, n - rank] if rank else [])]
    low, high, *bounds = map(float, (placed if ranked is None else ranked)(sample, wanted))
    return Estimate((low + high) / 2, *(bounds or (np.nan, np.nan)))


def placed(sample: NDArray[Any], ranks: list[int]) -> NDArray[Any]:
    """Return the values of some ranks, counted from 0."""
    found: NDArray[Any] = np.partition(sample, sorted(set(ranks)))[ranks]
    return found


def _median_rank(n: int, tail: float) -> int:
    """Return the largest rank r with P(Binomial(n, 1/2) < r) <= tail, 0 if there is none."""
    from scipy.special import bdtr  # noqa: PLC0415 - SciPy is slow to load and only needed here

    guess = max(int(n / 2 - normal_quantile(1 - 2 * tail) * np.sqrt(n) / 2), 0)
    near = np.arange(max(guess - 2, 0), guess + 3)
    # bdtr(k, n, p) is P(Binomial <= k): the count lies below rank r when it is at most r - 1.
    fits = near[(near == 0) | (bdtr(near - 1.0, n, 0.5) <= tail)]
    return int(fits.max())


def mean_interval(values: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean with Student's t interval; NaN bounds for fewer than two values.

    Examples
    --------
    >>> [round(number, 2) for number in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if not n:
        return Estimate(np.nan, np.nan, np.nan)
    mean = float(sample.mean())
    if n == 1:
        return Estimate(mean, np.nan, np.nan)
    from scipy.special import stdtrit  # noqa: PLC0415 - SciPy is slow to load and only needed here

    half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(sample.std(ddof=1)) / float(np.sqrt(n))
    return Estimate(mean, mean - half, mean + half)


def linearised(value: float, moved: ArrayLike, level: float = 0.95) -> Estimate:
    """Return a value with Student's t interval from how much each independent unit moves it.

    For a ratio of two sums over units, y / x, the unit i moves it by (y_i - ratio * x_i) / x; the variance is
    n / (n - 1) times the sum of these squared (each sums to 0 over the units), with n - 1 degrees of freedom.
    Sums and differences of such ratios over the same units are moved by the sums and differences. With one
    row in each unit a mean has the interval of `mean_interval`. Fewer than two units have NaN bounds.

    Parameters
    ----------
    value
        The figure.
    moved
        One number for each unit, such as a customer, that has a part in the figure.
    level
        Confidence level.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition, section 6.5.

    Examples
    --------
    The mean of 1, 2 and 3:

    >>> [round(number, 2) for number in linearised(2.0, [-1 / 3, 0.0, 1 / 3])]
    [2.0, -0.48, 4.48]
    """
    parts = np.asarray(moved, dtype=np.float64)
    n = len(parts)
    if n < 2 or np.isnan(value):  # noqa: PLR2004 - one unit has no spread
        return Estimate(value, np.nan, np.nan)
    from scipy.special import stdtrit  # noqa: PLC0415 - SciPy is slow to load and only needed here

    half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(np.sqrt(n / (n - 1) * dot(parts, parts)))
    return Estimate(value, value - half, value + half)
