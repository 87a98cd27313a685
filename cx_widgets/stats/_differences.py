"""Differences and ratios of two estimates: of other customers, of the same ones, and over strata."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.stats._estimate import Estimate, dot, normal_quantile, ratio
from cx_widgets.stats._means import skewed_t
from cx_widgets.stats._shares import share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

# From so many trials that count differently on, their spread can be told from what was seen.
_ENOUGH = 10


def mover(first: Estimate, second: Estimate, correlation: float = 0.0) -> Estimate:
    """Return first - second with the interval recovered from the two single intervals.

    MOVER, the method of variance estimates recovery: the distances from each value to its own bounds
    stand for its standard error in that direction, and the correlation of the two estimates takes the
    place of their covariance. With two Wilson intervals and correlation 0 this is Newcombe's interval
    for independent shares; with the phi coefficient as the correlation it is Newcombe's interval for
    paired shares (without continuity correction). A bound that needs an undefined bound is NaN.

    Parameters
    ----------
    first, second
        Estimates with their bounds.
    correlation
        Correlation of the two estimates, from -1 to 1.

    Returns
    -------
    Estimate
        The difference and its bounds.

    References
    ----------
    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures: a
    general approach. Statistics in Medicine 27, 1693-1702.
    Newcombe, R. G. (1998). Improved confidence intervals for the difference between binomial
    proportions based on paired data. Statistics in Medicine 17, 2635-2650.

    Examples
    --------
    >>> change = mover(Estimate(0.8, 0.692, 0.877), Estimate(0.6, 0.491, 0.701))
    >>> [round(number, 2) for number in change]
    [0.2, 0.05, 0.33]
    """
    r = min(1.0, max(-1.0, correlation))
    difference = first.value - second.value

    def reach(a: float, b: float) -> float:
        return float(np.sqrt(max(a * a - 2 * r * a * b + b * b, 0.0))) if a == a and b == b else np.nan  # noqa: PLR0124 - the NaN test

    below = reach(first.value - first.lower, second.upper - second.value)
    above = reach(first.upper - first.value, second.value - second.lower)
    return Estimate(difference, difference - below, difference + above)


def mover_ratio(first: Estimate, second: Estimate, correlation: float = 0.0) -> Estimate:
    """Return first / second with the interval recovered from the two single intervals.

    MOVER for a ratio of two numbers that are not negative: the bounds are those for which the difference
    first - ratio * second has 0 at the end of its own MOVER interval. Where the second value may be 0 there
    is no upper bound (NaN), where it is 0 there is no ratio either, and the lower bound still holds.

    Parameters
    ----------
    first, second
        Estimates with their bounds, none below 0.
    correlation
        Correlation of the two estimates, from -1 to 1.

    Returns
    -------
    Estimate
        The ratio and its bounds.

    References
    ----------
    Donner, A. and Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal mean and
    standard deviation. Statistical Methods in Medical Research 21, 347-359.

    Examples
    --------
    >>> found = mover_ratio(Estimate(0.6, 0.5, 0.7), Estimate(0.2, 0.15, 0.3))
    >>> [round(number, 2) for number in found]
    [3.0, 1.92, 4.15]
    """
    r = min(1.0, max(-1.0, correlation))
    a, b = first.value, second.value
    if np.isnan(a) or np.isnan(b):
        return Estimate(np.nan, np.nan, np.nan)

    def bound(end: float, other: float, *, lower: bool) -> float:
        product = a * b - r * (a - end) * (other - b)
        # Both differences are of the parts squared less their distances squared.
        tops, bottoms = end * (2 * a - end), other * (2 * b - other)
        root = float(np.sqrt(max(product * product - tops * bottoms, 0.0)))
        if lower:
            return tops / (product + root) if product + root > 0 else 0.0
        return (product + root) / bottoms if bottoms > 0 else np.nan

    lower = bound(first.lower, second.upper, lower=True)
    upper = bound(first.upper, second.lower, lower=False) if b > 0 else np.nan
    return Estimate(float(ratio(a, b)), max(lower, 0.0), upper)


def newcombe_difference(
    successes1: float, trials1: float, successes2: float, trials2: float, level: float = 0.95
) -> Estimate:
    """Return the difference of two independent shares with Newcombe's hybrid score interval.

    The difference is successes1 / trials1 - successes2 / trials2; 0 trials give NaN.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions:
    comparison of eleven methods. Statistics in Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> [round(number, 4) for number in newcombe_difference(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    return mover(share(successes1, trials1, level), share(successes2, trials2, level))


class Counted(NamedTuple):
    """A share of trials that belong to customers, and how the customers move it.

    Attributes
    ----------
    hits, trials
        Successes and trials of all customers.
    moved
        For each customer, or each group of customers who are alike, successes - share * trials.
    """

    hits: float
    trials: float
    moved: FloatArray


def customer_difference(
    first: Counted, second: Counted, customers: ArrayLike = 1, level: float = 0.95
) -> Estimate:
    """Return the difference of two shares of trials that belong to the same customers, some or all.

    A customer may have several trials, or trials in one of the two shares only: attempts against customers,
    those who entered under one definition against those who entered under another. Each customer moves the
    difference by moved / trials of the first share less that of the second, and the bounds are Student's
    widened for skewness (`skewed_t`).

    Where fewer than 10 trials count differently, too few were seen to tell how many there might be: sum over
    customers of the distance of the two ``moved``, which for two shares of the same customers is about the
    number of those who succeed in one of the two only. There the bounds are those of
    `adjusted_difference`, which are on the safe side. They are cut at -1 and 1.

    Parameters
    ----------
    first, second
        The two shares.
    customers
        How many customers are in each group; 1 each by default.
    level
        Confidence level.

    Returns
    -------
    Estimate
        NaN where a share has no trials.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition, section 6.5.
    Hall, P. (1992). On the removal of skewness by transformation. Journal of the Royal Statistical Society B
    54, 221-228.
    Bonett, D. G. and Price, R. M. (2012). Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data. Journal of Educational and Behavioral Statistics 37, 479-488.

    Examples
    --------
    Of 100 customers 20 succeed twice, 4 in the first share only and 16 in the second only:

    >>> groups, both = np.array([20, 4, 16, 60]), np.array([1.0, 1.0, 0.0, 0.0])
    >>> one = Counted(24, 100, both - 0.24)
    >>> other = Counted(36, 100, np.array([1.0, 0.0, 1.0, 0.0]) - 0.36)
    >>> [round(number, 3) for number in customer_difference(one, other, groups)]
    [-0.12, -0.21, -0.036]
    """
    if not first.trials or not second.trials:
        return Estimate(np.nan, np.nan, np.nan)
    first_moved, second_moved = np.broadcast_arrays(first.moved, second.moved)
    times = np.broadcast_to(np.asarray(customers, dtype=np.float64), first_moved.shape)
    value = first.hits / first.trials - second.hits / second.trials
    if dot(times, np.abs(first_moved - second_moved)) >= _ENOUGH:
        moved = first_moved / first.trials - second_moved / second.trials
        squared = moved * moved
        units = float(times[(first_moved != 0) | (second_moved != 0)].sum())
        found = skewed_t(value, units, dot(times, squared), dot(times, squared * moved), level)
    else:
        found = adjusted_difference(first, second, times, level)
    return Estimate(value, min(max(found.lower, -1.0), value), max(min(found.upper, 1.0), value))


def adjusted_difference(
    first: Counted, second: Counted, customers: ArrayLike = 1, level: float = 0.95
) -> Estimate:
    """Return the difference of two shares with Wald's interval for two customers more.

    One of the two succeeds in the first share and fails in the second, the other one the other way round,
    each with one trial in both. Of two shares of the same customers, each counted once, it is the adjusted
    interval of Bonett and Price. The value is that with the two; others call it the adjusted estimate.

    Parameters
    ----------
    first, second, customers, level
        As for `customer_difference`.

    References
    ----------
    Bonett, D. G. and Price, R. M. (2012). Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data. Journal of Educational and Behavioral Statistics 37, 479-488.

    Examples
    --------
    Of 48 customers 6 succeed in both, 26 in the first only and 4 in the second only:

    >>> one = Counted(32, 48, np.array([1, 1, 0, 0]) - 32 / 48)
    >>> other = Counted(10, 48, np.array([1, 0, 1, 0]) - 10 / 48)
    >>> [round(number, 4) for number in adjusted_difference(one, other, [6, 26, 4, 12])]
    [0.44, 0.2548, 0.6252]
    """
    times = np.asarray(customers, dtype=np.float64)
    x1, x2 = first.trials + 2, second.trials + 2
    p1, p2 = first.hits / first.trials, second.hits / second.trials
    moved = first.moved / x1 - second.moved / x2
    one, other = (1 - p1) / x1 + p2 / x2, -p1 / x1 - (1 - p2) / x2
    squares = float((times * moved * moved).sum()) + one * one + other * other
    # The two move the middle; with one trial each of the same customers this is the variance around it.
    squares -= (one + other) ** 2 / (max(first.trials, second.trials) + 2)
    value = (first.hits + 1) / x1 - (second.hits + 1) / x2
    half = normal_quantile(level) * float(np.sqrt(max(squares, 0.0)))
    return Estimate(value, value - half, value + half)


class Stratified(NamedTuple):
    """A Mantel-Haenszel risk difference with its bounds, its variance, and how many strata tell of it."""

    estimate: Estimate
    variance: float
    strata: int


def mantel_haenszel_difference(
    successes1: ArrayLike, trials1: ArrayLike, successes2: ArrayLike, trials2: ArrayLike, level: float = 0.95
) -> Stratified:
    """Return the common difference of two shares over strata, by Mantel and Haenszel.

    In stratum h the weight is trials1 * trials2 / (trials1 + trials2); the difference is the weighted mean of
    the differences of the strata. A stratum with nobody in one of the two groups has no weight. The
    variance is Sato's, which holds for few large strata and for many small ones. The bounds are
    Klingenberg's: the differences at which the estimate lies z standard errors away, taken at that
    difference. They are cut at -1 and 1, and NaN where all or none succeed in every stratum.

    Parameters
    ----------
    successes1, trials1
        Successes and trials of the first group, one entry for each stratum.
    successes2, trials2
        Those of the second group.
    level
        Confidence level.

    Returns
    -------
    Stratified
        NaN where no stratum holds both groups.

    References
    ----------
    Greenland, S. and Robins, J. M. (1985). Estimation of a common effect parameter from sparse follow-up
    data. Biometrics 41, 55-68.
    Sato, T. (1989). On the variance estimator for the Mantel-Haenszel risk difference. Biometrics 45,
    1323-1324.
    Klingenberg, B. (2014). A new and improved confidence interval for the Mantel-Haenszel risk difference.
    Statistics in Medicine 33, 2968-2983.

    Examples
    --------
    >>> found = mantel_haenszel_difference([8, 22], [106, 98], [5, 16], [120, 85])
    >>> [round(number, 4) for number in found.estimate], round(found.variance ** 0.5, 4)
    ([0.0349, -0.0278, 0.0972], 0.0319)
    """
    parts = (np.asarray(part, dtype=np.float64) for part in (successes1, trials1, successes2, trials2))
    a, n, c, m = np.broadcast_arrays(*(np.atleast_1d(part) for part in parts))
    both = (n > 0) & (m > 0)
    if not both.any():
        return Stratified(Estimate(np.nan, np.nan, np.nan), np.nan, 0)
    a, n, c, m = a[both], n[both], c[both], m[both]
    total = n + m
    weight = float((n * m / total).sum())
    value = float(((a * m - c * n) / total).sum()) / weight
    p = float(((n * n * c - m * m * a + n * m * (m - n) / 2) / total**2).sum()) / weight**2
    q = float(((a * (m - c) + c * (n - a)) / (2 * total)).sum()) / weight**2
    if not q:
        return Stratified(Estimate(value, np.nan, np.nan), np.nan, int(both.sum()))
    z = normal_quantile(level)
    middle = value + z * z * p / 2
    half = float(np.sqrt(max(middle**2 - value**2 + z * z * q, 0.0)))
    estimate = Estimate(value, max(middle - half, -1.0), min(middle + half, 1.0))
    return Stratified(estimate, max(value * p + q, 0.0), int(both.sum()))
