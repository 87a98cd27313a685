"""Times of which some are cut off: Kaplan-Meier curves, their medians, the log-rank test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.stats._estimate import ROUNDING, Estimate, normal_quantile, ratio
from cx_widgets.stats._means import placed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

# A product of fractions that is one half on paper may round to a little more.
HALF = 0.5 + 1e-12


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


def kaplan_meier(
    durations: ArrayLike,
    observed: ArrayLike,
    level: float = 0.95,
    *,
    in_order: Callable[[list[NDArray[Any]]], list[NDArray[Any]]] | None = None,
) -> Survival:
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
    in_order
        What puts groups of numbers in ascending order; numpy by default.

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
    lasted, happened = np.asarray(durations), np.asarray(observed, dtype=bool)
    parts = [lasted[happened], lasted[~happened]]
    ended, censored = (np.sort(part) for part in parts) if in_order is None else in_order(parts)
    time, survival, at_risk, events = _curve(ended, censored, len(lasted))
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
    gone = events >= at_risk * (1 - ROUNDING)
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
        most = placed(lasted, [half])[0]
        # Until somebody is cut off the curve is the share that has not ended.
        if not (cut <= most).any():
            return float(most)
        lasted = lasted[lasted <= most]
    time, survival, _, _ = _curve(np.sort(lasted), np.sort(cut), total)
    return _first_half(time, survival)


def _curve(
    ordered: NDArray[Any], censored: NDArray[Any], total: int
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Return time, survival, number at risk and events of durations in ascending order."""
    new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    first = np.flatnonzero(new)
    time = ordered[first]
    events = np.diff(np.append(first, len(ordered)))
    # At risk just before a time: everybody, less the events and the censorings strictly before it.
    at_risk = total - first - np.searchsorted(censored, time)
    survival = np.cumprod(1 - events / at_risk)
    return time.astype(np.float64), survival, at_risk, events


def _log_log_band(
    survival: FloatArray, at_risk: IntArray, events: IntArray, level: float
) -> tuple[FloatArray, FloatArray]:
    greenwood = np.cumsum(ratio(events, at_risk.astype(np.float64) * (at_risk - events)))
    inside = (survival > 0) & (survival < 1)
    log = np.log(survival, out=np.full(len(survival), np.nan), where=inside)
    width = normal_quantile(level) * np.sqrt(greenwood) / np.abs(log)
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
