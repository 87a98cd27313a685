"""Medians and means, and what is a sum over customers and so behaves like a mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.stats._estimate import Estimate, dot, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

# Below this the correction is rounding.
_NO_SKEWNESS = 1e-6


def median_interval(
    values: ArrayLike,
    level: float = 0.95,
    *,
    ranked: Callable[[NDArray[Any], list[int]], NDArray[Any]] | None = None,
    interpolated: bool = False,
) -> Estimate:
    """Return the median with the order-statistic (binomial) interval.

    The median of an even number of values is the mean of the middle two. The bounds are the values of
    rank r from below and from above, r the largest rank for which a binomial count of n fair coins
    lies below r with probability at most (1 - level) / 2; where there is none (fewer than 6 values at
    95 %) they are NaN. No distribution is assumed; the level is kept or exceeded.

    Ranks are whole, so of ten values the level is 97.9 %. **Interpolated** the bounds lie between those of
    rank r and of rank r + 1, which hold with levels c above and d below the one asked for: by the share
    (n - r) i / (r + (n - 2 r) i) of the way inward, i = (c - level) / (c - d). The level is nearly kept
    whatever the distribution.

    Parameters
    ----------
    values
        The sample; its order does not matter.
    level
        Confidence level.
    ranked
        What gives the values of some ranks, counted from 0; numpy by default.
    interpolated
        Whether the bounds lie between ranks.

    Returns
    -------
    Estimate
        NaN for an empty sample.

    References
    ----------
    David, H. A. and Nagaraja, H. N. (2003). Order Statistics, 3rd ed., section 7.1.
    Hettmansperger, T. P. and Sheather, S. J. (1986). Confidence intervals based on interpolated order
    statistics. Statistics and Probability Letters 4, 75-79.

    Examples
    --------
    >>> median_interval(range(1, 11))
    Estimate(value=5.5, lower=2.0, upper=9.0)
    >>> [round(number, 2) for number in median_interval(range(1, 11), interpolated=True)]
    [5.5, 2.66, 8.34]
    """
    sample = np.asarray(values)
    n = len(sample)
    if not n:
        return Estimate(np.nan, np.nan, np.nan)
    rank = _median_rank(n, (1 - level) / 2)
    wanted = [(n - 1) // 2, n // 2]
    if rank:
        wanted += [rank - 1, n - rank, *([rank, n - rank - 1] if interpolated else [])]
    low, high, *bounds = map(float, (placed if ranked is None else ranked)(sample, wanted))
    lower, upper, *inner = bounds or (np.nan, np.nan)
    if inner:
        inward = _inward(n, rank, level)
        lower, upper = lower + inward * (inner[0] - lower), upper + inward * (inner[1] - upper)
    return Estimate((low + high) / 2, lower, upper)


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


def _inward(n: int, rank: int, level: float) -> float:
    """Return how far from a rank to the next one a bound lies that holds the median at the level."""
    from scipy.special import bdtr  # noqa: PLC0415 - SciPy is slow to load and only needed here

    wide, narrow = (1 - 2 * float(bdtr(rank - 1.0 + more, n, 0.5)) for more in (0, 1))
    part = (wide - level) / (wide - narrow)
    return (n - rank) * part / (rank + (n - 2 * rank) * part)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean with Student's t interval, widened for skewness; NaN bounds below two values.

    Scores that pile up at one end and amounts with a long tail make Student's t err to one side. The bounds
    are those of `skewed_t`; of a sample without skewness they are Student's own.

    References
    ----------
    Hall, P. (1992). On the removal of skewness by transformation. Journal of the Royal Statistical Society B
    54, 221-228.

    Examples
    --------
    >>> [round(number, 2) for number in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    >>> [round(number, 2) for number in mean_interval([0.0, 0.0, 0.0, 4.0])]
    [1.0, -1.65, 11.2]
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if not n:
        return Estimate(np.nan, np.nan, np.nan)
    mean = float(sample.mean())
    return linearised(mean, (sample - mean) / n, level)


def linearised(value: float, moved: ArrayLike, level: float = 0.95) -> Estimate:
    """Return a value with an interval from how much each independent unit moves it.

    For a ratio of two sums over units, y / x, the unit i moves it by (y_i - ratio * x_i) / x; the variance is
    n / (n - 1) times the sum of these squared (each sums to 0 over the units), with n - 1 degrees of freedom.
    Sums and differences of such ratios over the same units are moved by the sums and differences. The bounds
    are Student's t, widened for the skewness of what the units move (`skewed_t`). With one row in each unit
    a mean has the interval of `mean_interval`. Fewer than two units have NaN bounds.

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
    squares = parts * parts
    return skewed_t(value, len(parts), float(squares.sum()), dot(squares, parts), level)


def skewed_t(value: float, units: float, squares: float, cubes: float, level: float = 0.95) -> Estimate:
    """Return a value with Student's t interval, widened for the skewness of what it is the sum of.

    With the distance of the value from the truth in standard errors T, and k the skewness divided by the
    root of the number of units, g(T) = T + k T^2 / 3 + k^2 T^3 / 27 + k / 6 is close to normal where T is
    not: T of a mean leans to the side away from the long tail. Hall's bounds are where g(T) is at the ends
    of Student's t of units - 1 degrees of freedom: value - error * 3 / k * (cbrt(1 + k (t - k / 6)) - 1)
    with both t. They move out on the side of the tail and in on the other. A sample of a few dozen knows its
    skewness badly, and where there is none a bound moved in is a bound too near: so that one moves
    half as far, which simulation found to hold (docs/intervals.md).

    Parameters
    ----------
    value
        The figure.
    units
        How many independent units it is made of; fewer than two have NaN bounds.
    squares, cubes
        Sums over the units of what each moves the value by (`linearised`), squared and cubed.
    level
        Confidence level.

    References
    ----------
    Hall, P. (1992). On the removal of skewness by transformation. Journal of the Royal Statistical Society B
    54, 221-228.
    Zhou, X.-H. and Dinh, P. (2005). Nonparametric confidence intervals for the one- and two-sample problems.
    Biostatistics 6, 187-200.

    Examples
    --------
    Four values 0, 0, 0 and 4: they move their mean by -1/4, -1/4, -1/4 and 3/4.

    >>> [round(number, 2) for number in skewed_t(1.0, 4, 0.75, 0.375)]
    [1.0, -1.65, 11.2]
    """
    if units < 2 or np.isnan(value):  # noqa: PLR2004 - one unit has no spread
        return Estimate(value, np.nan, np.nan)
    from scipy.special import stdtrit  # noqa: PLC0415 - SciPy is slow to load and only needed here

    t = float(stdtrit(units - 1, 0.5 + level / 2))
    error = float(np.sqrt(units / (units - 1) * squares))
    skewness = cubes / squares**1.5 if squares > 0 else 0.0

    def away(end: float) -> float:
        if abs(skewness) < _NO_SKEWNESS:
            return end
        moved = 3 / skewness * float(np.cbrt(1 + skewness * (end - skewness / 6)) - 1)
        return moved if abs(moved) > abs(end) else (moved + end) / 2

    return Estimate(value, value - error * away(t), value - error * away(-t))
