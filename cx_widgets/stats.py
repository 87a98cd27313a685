"""Intervals, medians and survival curves: plain arrays in, plain arrays out.

Every function takes a confidence ``level`` (0.95) and answers an undefined question (0 of 0, an
empty sample) with NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

# Variances are sums of products of counts; below this share of their size they are rounding, not spread.
_ROUNDING = 1e-9
# A product of fractions that is one half on paper may round to a little more.
HALF = 0.5 + 1e-12


class Estimate(NamedTuple):
    """A value with its confidence bounds; each is NaN where it is undefined."""

    value: float
    lower: float
    upper: float


def _z(level: float) -> float:
    from statistics import NormalDist  # noqa: PLC0415 - brings much along that only this line wants

    return NormalDist().inv_cdf(0.5 + level / 2)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> FloatArray:
    """Return numerator / denominator, NaN where the denominator is 0.

    Examples
    --------
    >>> ratio([1, 0], [4, 0]).tolist()
    [0.25, nan]
    """
    top = np.asarray(numerator, dtype=np.float64)
    bottom = np.asarray(denominator, dtype=np.float64)
    out = np.full(np.broadcast(top, bottom).shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def wilson(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper bounds of Wilson's score interval for a share.

    The bounds are the shares p for which the observed share lies z standard errors, taken at p, away.
    Trials may be an effective sample size, so they need not be whole. 0 of n has the lower bound 0,
    n of n the upper bound 1, and 0 of 0 has NaN bounds.

    Parameters
    ----------
    successes, trials
        Counts, or arrays of counts; they broadcast.
    level
        Confidence level.

    Returns
    -------
    tuple of arrays
        Lower and upper bounds.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> lower, upper = wilson(56, 70)
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.6918, 0.877)
    """
    hits, tries = np.broadcast_arrays(
        np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    )
    z = _z(level)
    p = ratio(hits, tries)
    n = np.where(tries > 0, tries, np.nan)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(np.maximum(p * (1 - p) / n, 0) + z * z / (4 * n * n))
    lower = np.where(hits == 0, np.where(tries > 0, 0.0, np.nan), middle - half)
    upper = np.where(hits == tries, np.where(tries > 0, 1.0, np.nan), middle + half)
    return lower, upper


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
    z = _z(level)
    middle = value + z * z * p / 2
    half = float(np.sqrt(max(middle**2 - value**2 + z * z * q, 0.0)))
    estimate = Estimate(value, max(middle - half, -1.0), min(middle + half, 1.0))
    return Stratified(estimate, max(value * p + q, 0.0), int(both.sum()))


def share(successes: float, trials: float, level: float = 0.95) -> Estimate:
    """Return successes / trials with its Wilson interval; 0 of 0 is NaN.

    Examples
    --------
    >>> share(0, 0)
    Estimate(value=nan, lower=nan, upper=nan)
    """
    lower, upper = wilson(successes, trials, level)
    return Estimate(float(ratio(successes, trials)), float(lower), float(upper))


def odds(estimate: Estimate) -> Estimate:
    """Return the odds p : (1 - p) of a share, bounds transformed alike; NaN where p is 1.

    Examples
    --------
    >>> odds(Estimate(0.5, 0.25, 0.75))
    Estimate(value=1.0, lower=0.3333333333333333, upper=3.0)
    """
    value, lower, upper = (float(number) for number in ratio(estimate, 1 - np.asarray(estimate)))
    return Estimate(value, lower, upper)


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
    flat = ~(spread > _ROUNDING * (yy + p * p * xx))
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
    low, high, *bounds = map(float, (_ranked if ranked is None else ranked)(sample, wanted))
    return Estimate((low + high) / 2, *(bounds or (np.nan, np.nan)))


def _ranked(sample: NDArray[Any], ranks: list[int]) -> NDArray[Any]:
    placed: NDArray[Any] = np.partition(sample, sorted(set(ranks)))[ranks]
    return placed


def _median_rank(n: int, tail: float) -> int:
    """Return the largest rank r with P(Binomial(n, 1/2) < r) <= tail, 0 if there is none."""
    from scipy.special import bdtr  # noqa: PLC0415 - SciPy is slow to load and only needed here

    guess = max(int(n / 2 - _z(1 - 2 * tail) * np.sqrt(n) / 2), 0)
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


def nps_variance(promoters: float, detractors: float, answers: float) -> float:
    """Return the variance of one answer counted 1 (promoter), 0 (passive) or -1 (detractor).

    With the shares p of promoters and d of detractors it is p + d - (p - d)^2; the standard error of a
    Net Promoter Score of n answers is the root of it divided by n. NaN for no answers.

    Examples
    --------
    >>> nps_variance(50, 20, 100)
    0.61
    """
    p, d = float(ratio(promoters, answers)), float(ratio(detractors, answers))
    return p + d - (p - d) ** 2


def nps(promoters: float, detractors: float, answers: float, level: float = 0.95) -> Estimate:
    """Return the Net Promoter Score, from -1 to 1, with its adjusted Wald interval.

    The value is (promoters - detractors) / answers, that of the answers as they are. The interval is Wald's
    for three answers more, of which 0.75 are promoters and 0.75 detractors: their score plus and minus z
    times the root of their variance (`nps_variance`) divided by their number. It is cut at -1 and 1, and
    holds the value, which one answer alone would otherwise leave outside. The additions are those published
    for 95 %, whatever the level. No answers give NaN.

    Parameters
    ----------
    promoters, detractors, answers
        Counts; passives are answers too.
    level
        Confidence level.

    Returns
    -------
    Estimate
        The score and its bounds.

    References
    ----------
    Rocks, B. (2016). Interval estimation for the Net Promoter Score. The American Statistician 70, 365-372.
    Sauro, J. and Lewis, J. R. (2021), MeasuringU: confidence intervals for the Net Promoter Score.

    Examples
    --------
    >>> [round(number, 4) for number in nps(50, 20, 100)]
    [0.3, 0.1405, 0.442]
    """
    if not answers:
        return Estimate(np.nan, np.nan, np.nan)
    value = (promoters - detractors) / answers
    p, d, n = promoters + 0.75, detractors + 0.75, answers + 3
    half = _z(level) * float(np.sqrt(nps_variance(p, d, n) / n))
    lower, upper = (p - d) / n - half, (p - d) / n + half
    return Estimate(value, min(max(lower, -1.0), value), max(min(upper, 1.0), value))


@dataclass(frozen=True, slots=True, eq=False)
class Survival:
    """A Kaplan-Meier curve: one entry for each time at which something happened.

    Attributes
    ----------
    time
        Distinct event times, ascending.
    survival, lower, upper
        Share still without the event just after that time, and its log-log band.
    at_risk, events
        Number under observation just before that time, and number of events at it.
    median
        First time at which the curve is at or below one half, with the times at which the lower and the upper
        band are; NaN where the curve or the band does not come down that far.
    """

    time: FloatArray
    survival: FloatArray
    lower: FloatArray
    upper: FloatArray
    at_risk: IntArray
    events: IntArray
    median: Estimate


def kaplan_meier(durations: ArrayLike, observed: ArrayLike, level: float = 0.95) -> Survival:
    """Return the Kaplan-Meier curve of durations of which some are censored.

    The curve is the product over event times of 1 - events / at risk. A duration censored at an event
    time is still at risk there. The band is Greenwood's variance on the log(-log) scale, so it stays between
    0 and 1; where the curve has reached 0 the band is undefined (NaN).

    Parameters
    ----------
    durations
        Time from start to event or to the end of observation; whole numbers up to 2^53 are exact.
    observed
        True where the duration ended in the event, False where it was cut off.
    level
        Confidence level.

    Returns
    -------
    Survival
        Empty, with a NaN median, when nothing was observed.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete observations. Journal
    of the American Statistical Association 53, 457-481.
    Kalbfleisch, J. D. and Prentice, R. L. (1980). The Statistical Analysis of Failure Time Data.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 3], [True, True, False, True])
    >>> curve.time.tolist(), curve.survival.tolist()
    ([1.0, 2.0, 3.0], [0.75, 0.5, 0.0])
    >>> curve.median.value
    2.0
    """
    time, survival, at_risk, events = _product_limit(durations, observed)
    lower, upper = _log_log_band(survival, at_risk, events, level)
    median = Estimate(*(_first_half(time, curve) for curve in (survival, lower, upper)))
    return Survival(time, survival, lower, upper, at_risk, events, median)


def widened(curve: Survival, factor: float) -> Survival:
    """Return a curve whose standard errors, on the log(-log) scale, are a factor larger.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 3], [True, True, False, True])
    >>> wide = widened(curve, 1.2)
    >>> [round(float(bound), 3) for bound in (curve.lower[0], wide.lower[0], wide.upper[0])]
    [0.128, 0.047, 0.973]
    """
    inside = (curve.survival > 0) & (curve.survival < 1)
    log = np.log(curve.survival, out=np.full(len(curve.survival), np.nan), where=inside)

    def wider(bound: FloatArray) -> FloatArray:
        known = np.log(bound, out=np.full(len(bound), np.nan), where=inside & (bound > 0))
        moved: FloatArray = curve.survival ** ((known / log) ** factor)
        return moved

    lower, upper = wider(curve.lower), wider(curve.upper)
    median = Estimate(curve.median.value, *(_first_half(curve.time, bound) for bound in (lower, upper)))
    return Survival(curve.time, curve.survival, lower, upper, curve.at_risk, curve.events, median)


def weighted_kaplan_meier(
    durations: ArrayLike, observed: ArrayLike, weights: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the distinct event times and the Kaplan-Meier curve just after them, of weighted subjects.

    The product over event times of 1 - weight of the events / weight at risk; a duration censored at an event
    time is still at risk there. With equal weights it is the curve of `kaplan_meier`. No band: what a weight
    is worth depends on where it comes from.

    Parameters
    ----------
    durations, observed
        As in `kaplan_meier`.
    weights
        One for each subject, above 0.

    Returns
    -------
    tuple of arrays
        Times, ascending, and the share still without the event.

    Examples
    --------
    >>> time, survival = weighted_kaplan_meier([1, 2, 3], [True, False, True], [3, 1, 1])
    >>> time.tolist(), survival.tolist()
    ([1.0, 3.0], [0.4, 0.0])
    """
    lasted = np.asarray(durations, dtype=np.float64)
    happened, weight = np.asarray(observed, dtype=bool), np.asarray(weights, dtype=np.float64)
    time, place = np.unique(lasted[happened], return_inverse=True)
    events = np.bincount(place, weights=weight[happened], minlength=len(time))
    order = np.argsort(lasted, kind="stable")
    # The weight at risk is what is left behind those whose time is strictly earlier.
    behind = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    at_risk = behind[np.searchsorted(lasted[order], time, side="left")]
    # The last one at risk leaves nothing, whatever the sums round to.
    gone = events >= at_risk * (1 - _ROUNDING)
    left = np.where(gone, 0.0, 1 - ratio(events, at_risk)).astype(np.float64)
    survival: FloatArray = np.cumprod(left, dtype=np.float64)
    return time, survival


class Test(NamedTuple):
    """A test statistic, its degrees of freedom, and the p-value; NaN where it is undefined."""

    statistic: float
    freedom: int
    p: float


def logrank(durations: ArrayLike, observed: ArrayLike, groups: ArrayLike) -> Test:
    """Return the log-rank test that the curves of several groups are one.

    At each event time the events of a group are compared with those it would have if they fell on those at
    risk alike (a hypergeometric draw); the sum of the differences over its covariance is chi-squared with as
    many degrees of freedom as there are groups, less one. All times weigh alike (Mantel and Haenszel).

    Parameters
    ----------
    durations, observed
        As in `kaplan_meier`.
    groups
        The group of each subject.

    Returns
    -------
    Test
        NaN with fewer than two groups, and where no difference could have been seen.

    References
    ----------
    Mantel, N. (1966). Evaluation of survival data and two new rank order statistics arising in its
    consideration. Cancer Chemotherapy Reports 50, 163-170.
    Peto, R. and Peto, J. (1972). Journal of the Royal Statistical Society A 135, 185-207.

    Examples
    --------
    >>> found = logrank([10, 20, 30, 10, 20, 50], [True] * 6, [1, 1, 1, 0, 0, 0])
    >>> round(found.statistic, 6), found.freedom, round(found.p, 6)
    (0.254237, 1, 0.614107)
    """
    from scipy.special import chdtrc  # noqa: PLC0415 - SciPy is slow to load and only needed here

    lasted, happened = np.asarray(durations, dtype=np.float64), np.asarray(observed, dtype=bool)
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    freedom = len(names) - 1
    time = np.unique(lasted[happened])
    if freedom < 1 or not len(time):
        return Test(np.nan, max(freedom, 0), np.nan)
    sizes = (len(names), len(time))
    at_risk, events = np.zeros(sizes), np.zeros(sizes)
    for number in range(len(names)):
        mine = lasted[group == number]
        at_risk[number] = len(mine) - np.searchsorted(np.sort(mine), time, side="left")
        events[number] = np.bincount(
            np.searchsorted(time, lasted[(group == number) & happened]), minlength=len(time)
        )
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    share = at_risk / n
    difference = (events - d * share).sum(axis=1)
    spread = d * np.where(n > 1, (n - d) / np.maximum(n - 1, 1), 0.0)
    covariance = np.diag((spread * share).sum(axis=1)) - (spread * share) @ share.T
    # One group is what the others leave, so its line carries nothing.
    inner, moved = covariance[1:, 1:], difference[1:]
    if np.linalg.matrix_rank(inner) < freedom:
        return Test(np.nan, freedom, np.nan)
    statistic = float(moved @ np.linalg.solve(inner, moved))
    return Test(statistic, freedom, float(chdtrc(freedom, statistic)))


def kaplan_meier_median(ended: ArrayLike, censored: ArrayLike) -> float:
    """Return the median of `kaplan_meier` alone, sooner than with its curve and its band.

    Parameters
    ----------
    ended
        Durations that ended in the event.
    censored
        Durations that were cut off.

    Examples
    --------
    >>> kaplan_meier_median([1, 2, 3], [2])
    2.0
    """
    lasted, cut = np.asarray(ended), np.asarray(censored)
    total = len(lasted) + len(cut)
    # Censoring only brings the curve down sooner: it is at one half once half of all have ended.
    half = (total + 1) // 2 - 1
    if 0 <= half < len(lasted):
        lasted = lasted[lasted <= _ranked(lasted, [half])[0]]
    time, survival, _, _ = _curve(np.sort(lasted), cut, total)
    return _first_half(time, survival)


def _product_limit(
    durations: ArrayLike, observed: ArrayLike
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    lasted, happened = np.asarray(durations), np.asarray(observed, dtype=bool)
    return _curve(np.sort(lasted[happened]), lasted[~happened], len(lasted))


def _curve(
    ordered: NDArray[Any], censored: NDArray[Any], total: int
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Return time, survival, number at risk and events; durations that ended in the event are in order."""
    new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    first = np.flatnonzero(new)
    time = ordered[first]
    events = np.diff(np.append(first, len(ordered)))
    # At risk just before a time: everybody, less the events and the censorings strictly before it.
    at_risk = total - first - np.searchsorted(np.sort(censored), time)
    survival = np.cumprod(1 - events / at_risk)
    return time.astype(np.float64), survival, at_risk, events


def _log_log_band(
    survival: FloatArray, at_risk: IntArray, events: IntArray, level: float
) -> tuple[FloatArray, FloatArray]:
    greenwood = np.cumsum(ratio(events, at_risk.astype(np.float64) * (at_risk - events)))
    inside = (survival > 0) & (survival < 1)
    log = np.log(survival, out=np.full(len(survival), np.nan), where=inside)
    width = _z(level) * np.sqrt(greenwood) / np.abs(log)
    return survival ** np.exp(width), survival ** np.exp(-width)


def _first_half(time: FloatArray, curve: FloatArray) -> float:
    down = np.flatnonzero(curve <= HALF)
    return float(time[down[0]]) if len(down) else np.nan


def kaplan_meier_influence(durations: ArrayLike, observed: ArrayLike, at: float) -> FloatArray:
    """Return how much each subject moves the survival share at one time, up to a common factor.

    The first-order influence on the cumulative hazard: 1 / at risk for a subject whose event is at or
    before ``at``, less the hazard it lived through, each increment over its number at risk. It sums to
    0, is 0 for an undefined ``at``, and serves to correlate two estimates on the same customers.

    Examples
    --------
    >>> kaplan_meier_influence([1, 2], [True, True], at=1).tolist()
    [0.25, -0.25]
    """
    lasted = np.asarray(durations, dtype=np.float64)
    happened = np.asarray(observed, dtype=bool)
    if at != at:  # noqa: PLR0124 - the NaN test
        return np.zeros(len(lasted))
    curve = kaplan_meier(lasted, happened)
    hazard = np.cumsum(curve.events / curve.at_risk.astype(np.float64) ** 2)
    steps = np.concatenate([np.zeros(1), hazard])
    lived = steps[np.searchsorted(curve.time, np.minimum(lasted, at), side="right")]
    counts = happened & (lasted <= at)
    risk = np.append(curve.at_risk, 1)[np.searchsorted(curve.time, lasted)]
    moved: FloatArray = np.where(counts, 1.0 / risk, 0.0) - lived
    return moved


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Return the correlation of two influence arrays (each sums to 0); 0 where one does not vary.

    Examples
    --------
    >>> correlation(np.array([1.0, -1.0, 0.0]), np.array([1.0, 0.0, -1.0]))
    0.5
    """
    size = float(np.sqrt(dot(first, first) * dot(second, second)))
    return dot(first, second) / size if size > 0 else 0.0


def dot(first: FloatArray, second: FloatArray) -> float:
    """Return the sum of products.

    Not ``@``: on a busy machine its threads wait for each other a hundred times longer than it computes.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return float((first * second).sum())
