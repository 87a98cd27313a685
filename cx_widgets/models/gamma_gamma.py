"""Gamma-Gamma: what a purchase is worth, for customers who bought few times.

Fader, P., Hardie, B. and Lee, K. (2005). RFM and CLV: using iso-value curves for customer base analysis.
Journal of Marketing Research 42(4), 415-430; Fader, P. and Hardie, B. (2013). The Gamma-Gamma model of
monetary value.

**The story.** The value of a customer's purchases varies around their own mean as a gamma distribution
(shape ``p``); the rate of that distribution is spread over customers as another gamma distribution (shape
``q``, rate ``v``). Someone with few purchases is taken to be more like everybody else.

**The assumption.** How much customers spend at a time has nothing to do with how often they buy. Look at the
correlation of the two first.

**What is known of a customer.** ``x`` purchases, and their mean value ``mean``, above 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.errors import CXError
from cx_widgets.models._fit import Fit, OnStep, Progress, Rows, by_count, distinct, maximise, together
from cx_widgets.stats import dot

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class Parameters(NamedTuple):
    """The three parameters; ``v`` is in the unit of money."""

    p: float
    q: float
    v: float


def log_likelihood(parameters: Parameters, x: ArrayLike, mean: ArrayLike) -> Floats:
    """Return the log-likelihood of the mean value of each customer's purchases.

    Density = 1 / (mean B(p x, q)) * (v / (v + x mean))^q * (x mean / (v + x mean))^(p x). B is the beta
    function.

    Parameters
    ----------
    parameters
        p, q, v.
    x, mean
        Purchases, 1 or more, and the mean of their values, above 0.

    Returns
    -------
    ndarray
        One number for each customer.

    Examples
    --------
    >>> log_likelihood(Parameters(6.25, 3.74, 15.44), [2], [22.35]).round(4).tolist()
    [-3.5513]
    """
    from scipy.special import betaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    p, q, v = parameters
    x, mean = _checked(x, mean)
    spent = x * mean
    whole: Floats = (
        -betaln(p * x, q) - np.log(mean) + q * np.log(v / (v + spent)) + p * x * np.log(spent / (v + spent))
    )
    return whole


def population_mean(parameters: Parameters) -> float:
    """Return the mean value of a purchase over all customers: p v / (q - 1); NaN for q up to 1.

    Parameters
    ----------
    parameters
        p, q, v.

    Returns
    -------
    float
        Money.

    Examples
    --------
    >>> round(population_mean(Parameters(6.25, 3.74, 15.44)), 2)
    35.22
    """
    p, q, v = parameters
    return p * v / (q - 1) if q > 1 else float("nan")


def conditional_mean(parameters: Parameters, x: ArrayLike, mean: ArrayLike) -> Floats:
    """Return the expected value of a customer's purchase, given those so far.

    p (v + x mean) / (p x + q - 1): the mean of the customer's own mean and that of all, weighted by p x and
    q - 1.

    Parameters
    ----------
    parameters
        p, q, v.
    x, mean
        Purchases, and the mean of their values; where x is 0 the mean does not matter and may be missing.

    Returns
    -------
    ndarray
        Money; NaN where x is 0 and q is not above 1.

    Examples
    --------
    >>> conditional_mean(Parameters(6.25, 3.74, 15.44), [2, 0], [22.35, np.nan]).round(2).tolist()
    [24.66, 35.22]
    """
    p, q, v = parameters
    x, mean = together(x, mean)
    weight = p * x + q - 1
    known = weight > 0
    spent = np.where(x > 0, x * np.where(x > 0, mean, 0.0), 0.0)
    return np.where(known, p * (v + spent) / np.where(known, weight, 1.0), np.nan)


def fit(
    x: ArrayLike, mean: ArrayLike, *, on_step: OnStep | None = None, progress: Progress | None = None
) -> Fit:
    """Return the parameters that make these mean values most likely.

    Parameters
    ----------
    x, mean
        As in `log_likelihood`. Equal customers are computed once.
    on_step
        Called with the number of each step and the log-likelihood there; a true answer cancels.
    progress
        Called with the share that is done, an estimate that rises from 0 to 1; what it raises ends the fit.

    Returns
    -------
    Fit
        p, q, v; look at ``converged`` first.

    Raises
    ------
    CXError
        For a customer without purchases or with a mean value that is not above 0.
    Cancelled
        When ``on_step`` says so.

    Examples
    --------
    >>> found = fit([1, 2, 1, 4, 3, 1, 2], [12.0, 30.0, 55.0, 28.0, 19.0, 8.0, 40.0])
    >>> found.n_customers, found.names
    (7, ('p', 'q', 'v'))
    """
    x, mean = _checked(x, mean)
    rows = distinct(x, mean)
    middle = float(mean.mean())
    return maximise(
        _evaluate,
        rows,
        [(2.0, 3.0, middle), (6.0, 3.0, middle / 3)],
        Parameters._fields,
        on_step=on_step,
        progress=progress,
    )


def _checked(x: ArrayLike, mean: ArrayLike) -> tuple[Floats, Floats]:
    x, mean = together(x, mean)
    if x.ndim != 1 or not len(x):
        raise CXError(f"a customer base is a list of customers; got the shape {x.shape}.")
    wrong = ~((x >= 1) & (mean > 0) & np.isfinite(x) & np.isfinite(mean))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise CXError(
            f"customer {at} has {x[at]:g} purchases of a mean value of {mean[at]:g}. Give customers with "
            "one or more purchases and a mean value above 0 only."
        )
    return x, mean


def _evaluate(parameters: Floats, rows: Rows) -> tuple[float, Floats]:
    from scipy.special import gammaln, psi  # noqa: PLC0415 - SciPy is slow to load and only needed here

    p, q, v = parameters
    x, mean = rows.columns
    counts, weight, n = by_count(rows)
    spent = x * mean
    all_of_it = np.log(v + spent)
    share, rest = np.log(spent) - all_of_it, np.log(v) - all_of_it
    value = (
        weight @ (gammaln(p * counts + q) - gammaln(p * counts))
        - n * gammaln(q)
        + dot(rows.weight, q * rest + p * x * share - np.log(mean))
    )
    gradient = np.array(
        [
            weight @ (counts * (psi(p * counts + q) - psi(p * counts))) + dot(rows.weight, x * share),
            weight @ psi(p * counts + q) - n * psi(q) + dot(rows.weight, rest),
            n * q / v - dot(rows.weight, (q + p * x) / (v + spent)),
        ]
    )
    return float(value), gradient
