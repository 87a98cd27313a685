"""Intervals of one share, of its odds, and of the score that is a difference of two shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.stats._estimate import Estimate, normal_quantile, ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


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
    z = normal_quantile(level)
    p = ratio(hits, tries)
    n = np.where(tries > 0, tries, np.nan)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(np.maximum(p * (1 - p) / n, 0) + z * z / (4 * n * n))
    lower = np.where(hits == 0, np.where(tries > 0, 0.0, np.nan), middle - half)
    upper = np.where(hits == tries, np.where(tries > 0, 1.0, np.nan), middle + half)
    return lower, upper


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
    half = normal_quantile(level) * float(np.sqrt(nps_variance(p, d, n) / n))
    lower, upper = (p - d) / n - half, (p - d) / n + half
    return Estimate(value, min(max(lower, -1.0), value), max(min(upper, 1.0), value))
