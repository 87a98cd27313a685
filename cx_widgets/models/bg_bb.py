"""BG/BB: customers may buy once a period, with a chance of their own, and may leave before any period.

Fader, P., Hardie, B. and Shang, J. (2010). Customer-base analysis in a discrete-time noncontractual setting.
Marketing Science 29(6), 1086-1108.

**The story.** There are chances to buy at regular times: the yearly appeal, the weekly market. A customer
who is alive uses each chance with a probability of their own, spread over customers as a beta distribution
(``alpha``, ``beta``). Before each chance the customer leaves for good with a probability of their own,
spread as another beta distribution (``gamma``, ``delta``).

**What is known of a customer.** Of ``n`` chances after the first purchase ``x`` were used, the last of them
was number ``t_x`` (0 if none).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.errors import CXError
from cx_widgets.models._fit import Fit, OnStep, Progress, Rows, checked, distinct, maximise, numeric, together

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class Parameters(NamedTuple):
    """The four parameters; none has a unit."""

    alpha: float
    beta: float
    gamma: float
    delta: float


def log_likelihood(parameters: Parameters, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Floats:
    """Return the log-likelihood of each customer.

    Likelihood = B(alpha+x, beta+n-x) / B(alpha, beta) * B(gamma, delta+n) / B(gamma, delta) + sum over i
    from 0 to n-t_x-1 of B(alpha+x, beta+t_x-x+i) / B(alpha, beta) * B(gamma+1, delta+t_x+i) / B(gamma,
    delta): alive at the last chance, or left after chance t_x + i. B is the beta function.

    Parameters
    ----------
    parameters
        alpha, beta, gamma, delta.
    x, t_x, n
        Chances used, the last one used, and all chances.

    Returns
    -------
    ndarray
        One number for each customer.

    Examples
    --------
    >>> fitted = Parameters(1.2035, 0.7497, 0.6568, 2.7839)
    >>> log_likelihood(fitted, [6, 0], [6, 0], [6, 6]).round(4).tolist()
    [-2.1817, -1.1675]
    """
    rows = distinct(*_chances(x, t_x, n))
    alive, left = _ways(np.asarray(parameters), rows)
    whole: Floats = np.logaddexp(alive, left)[rows.place]
    return whole


def p_alive(parameters: Parameters, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Floats:
    """Return the probability that each customer has not left by the last chance.

    The first term of `log_likelihood` / both terms. Whether they leave before the next chance, n + 1, is
    not in it.

    Parameters
    ----------
    parameters
        alpha, beta, gamma, delta.
    x, t_x, n
        As in `log_likelihood`.

    Returns
    -------
    ndarray
        Shares from 0 to 1.

    Examples
    --------
    >>> fitted = Parameters(1.2035, 0.7497, 0.6568, 2.7839)
    >>> p_alive(fitted, [6, 0], [6, 0], [6, 6]).round(4).tolist()
    [1.0, 0.1162]
    """
    from scipy.special import expit  # noqa: PLC0415 - SciPy is slow to load and only needed here

    rows = distinct(*_chances(x, t_x, n))
    alive, left = _ways(np.asarray(parameters), rows)
    share: Floats = expit(alive - left)[rows.place]
    return share


def expected_purchases(parameters: Parameters, chances: ArrayLike) -> Floats:
    """Return how many of the next chances a new customer is expected to use.

    alpha / (alpha+beta) * sum over k from 1 to n of the probability B(gamma, delta+k) / B(gamma, delta) to
    be alive at chance k.

    Parameters
    ----------
    parameters
        alpha, beta, gamma, delta.
    chances
        Whole numbers.

    Returns
    -------
    ndarray
        Purchases, the first one not counted.

    Examples
    --------
    >>> expected_purchases(Parameters(1.2035, 0.7497, 0.6568, 2.7839), [6]).round(3).tolist()
    [2.22]
    """
    chances = np.atleast_1d(np.asarray(chances, dtype=np.float64))
    zero = np.zeros(chances.shape)
    return purchases_if_alive(parameters, chances, zero, zero)


def purchases_if_alive(parameters: Parameters, chances: ArrayLike, x: ArrayLike, n: ArrayLike) -> Floats:
    """Return how many of the chances after number n are used by customers who were alive at n.

    (alpha+x) / (alpha+beta+n) * sum over the chances k ahead of B(gamma, delta+n+k) / B(gamma, delta+n).

    Parameters
    ----------
    parameters
        alpha, beta, gamma, delta.
    chances
        How many chances ahead.
    x, n
        Chances used so far, and all so far.

    Returns
    -------
    ndarray
        Purchases.

    Examples
    --------
    >>> purchases_if_alive(Parameters(1.2035, 0.7497, 0.6568, 2.7839), 5, [6], [6]).round(3).tolist()
    [3.752]
    """
    chances, x, n = together(chances, x, n)
    total = np.zeros(x.shape)
    for ahead in range(int(chances.max(initial=0))):
        total += np.where(ahead < chances, rate_if_alive(parameters, ahead + 1, x, n), 0.0)
    return total


def rate_if_alive(parameters: Parameters, ahead: ArrayLike, x: ArrayLike, n: ArrayLike) -> Floats:
    """Return the probability that customers alive at chance n use chance n + ahead.

    (alpha+x) / (alpha+beta+n) * B(gamma, delta+n+ahead) / B(gamma, delta+n).

    Parameters
    ----------
    parameters
        alpha, beta, gamma, delta.
    ahead
        Which chance, counted from n.
    x, n
        Chances used so far, and all so far.

    Returns
    -------
    ndarray
        Shares.

    Examples
    --------
    >>> rate_if_alive(Parameters(1.2035, 0.7497, 0.6568, 2.7839), 1, [6], [6]).round(3).tolist()
    [0.843]
    """
    from scipy.special import betaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alpha, beta, gamma, delta = parameters
    ahead, x, n = together(ahead, x, n)
    stay = np.exp(betaln(gamma, delta + n + ahead) - betaln(gamma, delta + n))
    rate: Floats = (alpha + x) / (alpha + beta + n) * stay
    return rate


def conditional_purchases(
    parameters: Parameters, chances: ArrayLike, x: ArrayLike, t_x: ArrayLike, n: ArrayLike
) -> Floats:
    """Return how many of the next chances each customer is expected to use.

    P(alive) * purchases expected of those alive.

    Parameters
    ----------
    parameters
        alpha, beta, gamma, delta.
    chances
        How many chances ahead.
    x, t_x, n
        As in `log_likelihood`.

    Returns
    -------
    ndarray
        Purchases.

    Examples
    --------
    >>> fitted = Parameters(1.2035, 0.7497, 0.6568, 2.7839)
    >>> conditional_purchases(fitted, 5, [6, 0], [6, 0], [6, 6]).round(2).tolist()
    [3.75, 0.07]
    """
    x, t_x, n = _chances(x, t_x, n)
    forecast: Floats = p_alive(parameters, x, t_x, n) * purchases_if_alive(parameters, chances, x, n)
    return forecast


def fit(
    x: ArrayLike,
    t_x: ArrayLike,
    n: ArrayLike,
    *,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Return the parameters that make these customers most likely.

    Parameters
    ----------
    x, t_x, n
        As in `log_likelihood`. Equal customers are computed once.
    on_step
        Called with the number of each step and the log-likelihood there; a true answer cancels.
    progress
        Called with the share that is done, an estimate that rises from 0 to 1; what it raises ends the fit.

    Returns
    -------
    Fit
        alpha, beta, gamma, delta; look at ``converged`` first.

    Raises
    ------
    CXError
        For impossible histories.
    Cancelled
        When ``on_step`` says so.

    Examples
    --------
    >>> found = fit([0, 1, 1, 2, 2, 3, 4, 0], [0, 1, 3, 2, 4, 3, 4, 0], 4)
    >>> found.n_customers, found.names
    (8, ('alpha', 'beta', 'gamma', 'delta'))
    """
    rows = distinct(*_chances(x, t_x, n))
    starts = [(1.0, 1.0, 0.5, 3.0), (0.5, 2.0, 1.0, 10.0)]
    return maximise(numeric(_total), rows, starts, Parameters._fields, on_step=on_step, progress=progress)


def _chances(x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats, Floats]:
    x, t_x, n = checked(x, t_x, n)
    wrong = (t_x != np.floor(t_x)) | (n != np.floor(n)) | (x > t_x)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise CXError(
            f"customer {at} used {x[at]:g} of {n[at]:g} chances, the last one number {t_x[at]:g}. Chances "
            "are counted in whole numbers, and no more can be used than there were until the last one used."
        )
    return x, t_x, n


def _total(parameters: Floats, rows: Rows) -> float:
    return float(rows.weight @ np.logaddexp(*_ways(parameters, rows)))


def _ways(parameters: Floats, rows: Rows) -> tuple[Floats, Floats]:
    """Return the logarithms of the two ways to such a history: alive at the last chance, or left before."""
    from scipy.special import betaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alpha, beta, gamma, delta = parameters
    x, t_x, n = (column.astype(np.int64) for column in rows.columns)
    none = betaln(alpha, beta) + betaln(gamma, delta)
    alive = betaln(alpha + x, beta + n - x) + betaln(gamma, delta + n) - none
    # Left after chance m, having used x of them: a table of x and m, summed from the end of each n backwards.
    most = int(n.max())
    m = np.arange(max(most, 1))
    used = np.arange(int(x.max()) + 1)[:, None]
    table = np.where(used <= m, betaln(alpha + used, beta + np.maximum(m - used, 0)), -np.inf)
    table = table + betaln(gamma + 1, delta + m) - none
    left = np.full(x.shape, -np.inf)
    for chances in np.unique(n):
        here = np.flatnonzero((n == chances) & (t_x < n))
        if len(here):
            sums = np.logaddexp.accumulate(table[:, :chances][:, ::-1], axis=1)[:, ::-1]
            left[here] = sums[x[here], t_x[here]]
    return alive, left
