"""Shifted beta-geometric: a contract is renewed or not, each customer with a chance of their own.

Fader, P. and Hardie, B. (2007). How to project customer retention. Journal of Interactive Marketing 21(1),
76-90.

**The story.** At the end of each period a customer gives up the contract with a probability of their own,
the same each time; these are spread over customers as a beta distribution (``alpha``, ``beta``). The
retention rate of a cohort rises with time although nobody changes: those likely to leave have left.

**What is known of a customer.** How many renewals ``n`` were due, and whether the contract was given up at
the last one (``lost``) or is still running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.errors import CXError
from cx_widgets.models._fit import Fit, OnStep, Progress, Rows, distinct, maximise, numeric, together

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]


class Parameters(NamedTuple):
    """The two parameters; neither has a unit."""

    alpha: float
    beta: float


def log_likelihood(parameters: Parameters, n: ArrayLike, lost: ArrayLike) -> Floats:
    """Return the log-likelihood of each customer.

    Likelihood = B(alpha+1, beta+n-1) / B(alpha, beta) of those lost at renewal n, and B(alpha, beta+n) /
    B(alpha, beta) of those who renewed n times. B is the beta function.

    Parameters
    ----------
    parameters
        alpha, beta.
    n
        Renewals due so far, the last one included.
    lost
        Whether the contract was given up at the last one.

    Returns
    -------
    ndarray
        One number for each customer.

    Examples
    --------
    >>> np.exp(log_likelihood(Parameters(1.0, 1.0), [1, 1, 2], [True, False, False])).round(4).tolist()
    [0.5, 0.5, 0.3333]
    """
    from scipy.special import betaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alpha, beta = parameters
    n, lost = _checked(n, lost)
    whole: Floats = betaln(alpha + lost, beta + n - lost) - betaln(alpha, beta)
    return whole


def survival(parameters: Parameters, n: ArrayLike) -> Floats:
    """Return the share of new customers who renew at least n times.

    B(alpha, beta+n) / B(alpha, beta).

    Parameters
    ----------
    parameters
        alpha, beta.
    n
        Renewals.

    Returns
    -------
    ndarray
        Shares.

    Examples
    --------
    >>> survival(Parameters(0.668, 3.806), [1, 7, 12]).round(3).tolist()
    [0.851, 0.489, 0.378]
    """
    from scipy.special import betaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alpha, beta = parameters
    share: Floats = np.exp(betaln(alpha, beta + np.asarray(n, dtype=np.float64)) - betaln(alpha, beta))
    return share


def rate_if_alive(parameters: Parameters, ahead: ArrayLike, n: ArrayLike) -> Floats:
    """Return the probability that customers who renewed n times renew the next ``ahead`` times as well.

    Survival at n + ahead / survival at n.

    Parameters
    ----------
    parameters
        alpha, beta.
    ahead
        Which renewal, counted from n.
    n
        Renewals so far.

    Returns
    -------
    ndarray
        Shares.

    Examples
    --------
    >>> rate_if_alive(Parameters(1.0, 1.0), 1, [0, 8]).round(4).tolist()
    [0.5, 0.9]
    """
    from scipy.special import betaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alpha, beta = parameters
    n = np.asarray(n, dtype=np.float64)
    share: Floats = np.exp(betaln(alpha, beta + n + np.asarray(ahead)) - betaln(alpha, beta + n))
    return share


def purchases_if_alive(parameters: Parameters, chances: ArrayLike, n: ArrayLike) -> Floats:
    """Return how many of the next renewals customers are expected to make who renewed n times.

    The sum of `rate_if_alive` over the renewals ahead.

    Parameters
    ----------
    parameters
        alpha, beta.
    chances
        How many renewals ahead.
    n
        Renewals so far.

    Returns
    -------
    ndarray
        Renewals.

    Examples
    --------
    >>> purchases_if_alive(Parameters(1.0, 1.0), 2, [0, 8]).round(4).tolist()
    [0.8333, 1.7182]
    """
    chances, n = together(chances, n)
    total = np.zeros(n.shape)
    for ahead in range(int(chances.max(initial=0))):
        total += np.where(ahead < chances, rate_if_alive(parameters, ahead + 1, n), 0.0)
    return total


def fit(
    n: ArrayLike, lost: ArrayLike, *, on_step: OnStep | None = None, progress: Progress | None = None
) -> Fit:
    """Return the parameters that make these customers most likely.

    Parameters
    ----------
    n, lost
        As in `log_likelihood`. Equal customers are computed once; those with no renewal due say nothing.
    on_step
        Called with the number of each step and the log-likelihood there; a true answer cancels.
    progress
        Called with the share that is done, an estimate that rises from 0 to 1; what it raises ends the fit.

    Returns
    -------
    Fit
        alpha, beta; look at ``converged`` first.

    Raises
    ------
    CXError
        For impossible histories.
    Cancelled
        When ``on_step`` says so.

    Examples
    --------
    The "regular" customers of the paper: of 1000, so many were left after each of seven years.

    >>> left = [1000, 631, 468, 382, 326, 289, 262, 241]
    >>> gone = [before - after for before, after in zip(left, left[1:])]
    >>> n = np.repeat([1, 2, 3, 4, 5, 6, 7, 7], [*gone, left[-1]])
    >>> found = fit(n, np.arange(1000) < 1000 - left[-1])
    >>> np.round(found.estimates, 3).tolist()
    [0.704, 1.182]
    """
    rows = distinct(*_checked(n, lost))
    return maximise(
        numeric(_total),
        rows,
        [(1.0, 1.0), (0.5, 5.0)],
        Parameters._fields,
        on_step=on_step,
        progress=progress,
    )


def _checked(n: ArrayLike, lost: ArrayLike) -> tuple[Floats, Floats]:
    n, lost = together(n, lost)
    if n.ndim != 1 or not len(n):
        raise CXError(f"a customer base is a list of customers; got the shape {n.shape}.")
    wrong = ~((n >= 0) & (n == np.floor(n)) & np.isfinite(n)) | ((n == 0) & (lost > 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise CXError(
            f"customer {at} had {n[at]:g} renewals due and was {'lost' if lost[at] else 'kept'}. Renewals "
            "are counted in whole numbers, and nobody can be lost before the first one."
        )
    return n, lost


def _total(parameters: Floats, rows: Rows) -> float:
    from scipy.special import betaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alpha, beta = parameters
    n, lost = rows.columns
    return float(rows.weight @ (betaln(alpha + lost, beta + n - lost) - betaln(alpha, beta)))
