"""Pareto/NBD: customers buy at a rate of their own and may leave for good at any moment, unseen.

Schmittlein, D., Morrison, D. and Colombo, R. (1987). Counting your customers: who are they and what will
they do next? Management Science 33(1), 1-24. Formulas as in Fader, P. and Hardie, B. (2005). A note on
deriving the Pareto/NBD model and related expressions.

**The story.** While alive, a customer buys at random times with a rate of their own; the rates are spread
over customers as a gamma distribution (shape ``r``, rate ``alpha``). The life lasts for an exponential time
whose rate is also the customer's own, spread as another gamma distribution (``s``, ``beta``). Other than in
`bg_nbd` a customer who never bought again may have left.

**What is known of a customer.** ``x`` repeat purchases, the last at ``t_x`` since the first purchase, which
lies ``age`` (T) before the end of observation; all in one unit of time.

**Numbers.** The textbook form has the difference of two Gaussian hypergeometric functions, which cancels
and overflows. Here the time at which the customer may have left is integrated out by Gauss-Legendre
quadrature: every term is positive.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.models._fit import Fit, OnStep, Progress, Rows, by_count, checked, fit_histories, together

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

NODES = 20
_BLOCK = 2048
_NEGLIGIBLE = 60.0


class Parameters(NamedTuple):
    """The four parameters; ``alpha`` and ``beta`` are in the unit of time."""

    r: float
    alpha: float
    s: float
    beta: float


def log_likelihood(parameters: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the log-likelihood of each customer.

    Likelihood = G(r+x) / G(r) * alpha^r beta^s * [ (alpha+T)^-(r+x) (beta+T)^-s + s * integral over the
    time u of leaving, from t_x to T, of (alpha+u)^-(r+x) (beta+u)^-(s+1) ]: alive at T, or left between the
    last purchase and T. G is the gamma function.

    Parameters
    ----------
    parameters
        r, alpha, s, beta.
    x, t_x, age
        Repeat purchases, time of the last one and of the end of observation since the first purchase.

    Returns
    -------
    ndarray
        One number for each customer.

    Examples
    --------
    >>> round(float(log_likelihood(Parameters(0.553, 10.578, 0.606, 11.669), [2], [30.43], [38.86])[0]), 4)
    -9.5543
    """
    from scipy.special import gammaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    r, alpha, s, beta = parameters
    x, t_x, age = checked(x, t_x, age)
    alive, left = _ways(np.asarray(parameters), x, t_x, age)
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    whole: Floats = common + np.logaddexp(alive, left)
    return whole


def p_alive(parameters: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the probability that each customer has not left yet.

    The first term in the brackets of `log_likelihood` / both terms.

    Parameters
    ----------
    parameters
        r, alpha, s, beta.
    x, t_x, age
        As in `log_likelihood`.

    Returns
    -------
    ndarray
        Shares from 0 to 1.

    Examples
    --------
    >>> p_alive(Parameters(0.5534, 10.58, 0.6061, 11.656), [26, 0], [30.86, 0], [31, 0]).round(4).tolist()
    [0.9979, 1.0]
    """
    from scipy.special import expit  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alive, left = _ways(np.asarray(parameters), *checked(x, t_x, age))
    share: Floats = expit(alive - left)
    return share


def expected_purchases(parameters: Parameters, time: ArrayLike) -> Floats:
    """Return how many repeat purchases a new customer is expected to make by a time after the first one.

    r beta / (alpha (s-1)) * [1 - (beta / (beta+t))^(s-1)]; with s = 1, r beta / alpha * log((beta+t) / beta).

    Parameters
    ----------
    parameters
        r, alpha, s, beta.
    time
        Times since the first purchase.

    Returns
    -------
    ndarray
        Purchases, the first one not counted.

    Examples
    --------
    >>> expected_purchases(Parameters(0.5534, 10.58, 0.6061, 11.656), [52]).round(2).tolist()
    [1.47]
    """
    time = np.atleast_1d(np.asarray(time, dtype=np.float64))
    zero = np.zeros(time.shape)
    return purchases_if_alive(parameters, time, zero, zero)


def purchases_if_alive(parameters: Parameters, time: ArrayLike, x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the purchases expected in the time after ``age`` from customers who are alive then.

    (r+x) (beta+T) / ((alpha+T) (s-1)) * [1 - ((beta+T) / (beta+T+t))^(s-1)].

    Parameters
    ----------
    parameters
        r, alpha, s, beta.
    time
        How far ahead.
    x, age
        Repeat purchases so far and time since the first one.

    Returns
    -------
    ndarray
        Purchases.

    Examples
    --------
    >>> purchases_if_alive(Parameters(2.0, 10.0, 1.0, 10.0), [10.0], [0], [0.0]).round(4).tolist()
    [1.3863]
    """
    from scipy.special import exprel  # noqa: PLC0415 - SciPy is slow to load and only needed here

    r, alpha, s, beta = parameters
    time, x, age = together(time, x, age)
    # (1 - e^(-(s-1) y)) / (s-1) without a hole at s = 1.
    y = np.log1p(time / (beta + age))
    expected: Floats = (r + x) * (beta + age) / (alpha + age) * y * exprel(-(s - 1) * y)
    return expected


def rate_if_alive(parameters: Parameters, time: ArrayLike, x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the purchases per unit of time expected a time after ``age`` from customers alive at ``age``.

    (r+x) / (alpha+T) * ((beta+T) / (beta+T+t))^s; the customer may leave on the way.

    Parameters
    ----------
    parameters
        r, alpha, s, beta.
    time
        When, since ``age``.
    x, age
        Repeat purchases so far and time since the first one.

    Returns
    -------
    ndarray
        Purchases per unit of time.

    Examples
    --------
    >>> rate_if_alive(Parameters(2.0, 10.0, 1.0, 10.0), [10.0], [0], [0.0]).round(4).tolist()
    [0.1]
    """
    r, alpha, s, beta = parameters
    time, x, age = together(time, x, age)
    rate: Floats = (r + x) / (alpha + age) * np.exp(-s * np.log1p(time / (beta + age)))
    return rate


def conditional_purchases(
    parameters: Parameters, time: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike
) -> Floats:
    """Return the purchases expected of each customer in the time after the end of observation.

    P(alive) * purchases expected of those alive.

    Parameters
    ----------
    parameters
        r, alpha, s, beta.
    time
        How far ahead.
    x, t_x, age
        As in `log_likelihood`.

    Returns
    -------
    ndarray
        Purchases.

    Examples
    --------
    >>> fitted = Parameters(0.5534, 10.58, 0.6061, 11.656)
    >>> conditional_purchases(fitted, 52, [26], [30.86], [31]).round(1).tolist()
    [25.5]
    """
    x, t_x, age = checked(x, t_x, age)
    forecast: Floats = p_alive(parameters, x, t_x, age) * purchases_if_alive(parameters, time, x, age)
    return forecast


def fit(
    x: ArrayLike,
    t_x: ArrayLike,
    age: ArrayLike,
    *,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Return the parameters that make these customers most likely.

    Parameters
    ----------
    x, t_x, age
        As in `log_likelihood`. Equal customers are computed once.
    on_step
        Called with the number of each step and the log-likelihood there; a true answer cancels.
    progress
        Called with the share that is done, an estimate that rises from 0 to 1; what it raises ends the fit.

    Returns
    -------
    Fit
        r, alpha, s, beta; look at ``converged`` first.

    Raises
    ------
    CXError
        For impossible histories.
    Cancelled
        When ``on_step`` says so.

    Examples
    --------
    >>> found = fit([0, 1, 2, 0, 4, 1, 0, 3], [0, 3, 9, 0, 30, 20, 0, 14], [39, 38, 37, 36, 35, 34, 33, 32])
    >>> found.n_customers, found.names
    (8, ('r', 'alpha', 's', 'beta'))
    """
    return fit_histories(
        _evaluate,
        (x, t_x, age),
        lambda scale: [(1.0, scale / 2, 1.0, scale / 2), (0.3, scale / 8, 0.3, scale)],
        Parameters._fields,
        on_step=on_step,
        progress=progress,
    )


@lru_cache(maxsize=4)
def _legendre(n: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def _leaving(
    parameters: Floats, x: Floats, t_x: Floats, age: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return where the time of leaving is looked at, and the integrand there.

    The points are laid in u = log(m + time) with m the smaller of alpha and beta: on that scale no factor
    of the integrand changes faster than a power. Where it falls steeply, what is e^-60 of its height is
    left out.

    Returns log(alpha + time), log(beta + time), log(m + time), the logarithm of the integrand in u with its
    weight, one line for each customer, and the largest of each line.
    """
    r, alpha, s, beta = parameters
    share, weight = _legendre(NODES)
    m = min(alpha, beta)
    shape = r + x
    begin = np.log(m + t_x)
    # The integrand falls at least as fast as at the smaller of its slopes at both ends.
    fall = np.minimum(
        *(shape * (m + at) / (alpha + at) + (s + 1) * (m + at) / (beta + at) - 1 for at in (t_x, age))
    )
    length = np.log((m + age) / (m + t_x))
    length = np.where(fall * length > _NEGLIGIBLE, _NEGLIGIBLE / np.maximum(fall, 1e-300), length)
    u = begin[:, None] + length[:, None] * share
    time = np.exp(u) - m
    with_alpha, with_beta = (u if m == origin else np.log(origin + time) for origin in (alpha, beta))
    with np.errstate(divide="ignore"):
        height = (
            u - shape[:, None] * with_alpha - (s + 1) * with_beta + np.log(length)[:, None] + np.log(weight)
        )
    return with_alpha, with_beta, u, height, height.max(axis=1)


def _ways(parameters: Floats, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
    """Return the logarithms of the two ways to such a history: alive at the end, or left before."""
    r, alpha, s, beta = parameters
    alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    left = np.full(x.shape, -np.inf)
    for begin in range(0, len(x), _BLOCK):
        part = np.flatnonzero(age[begin : begin + _BLOCK] > t_x[begin : begin + _BLOCK]) + begin
        if len(part):
            *_, height, top = _leaving(parameters, x[part], t_x[part], age[part])
            left[part] = np.log(s) + top + np.log(np.exp(height - top[:, None]).sum(axis=1))
    return alive, left


def _evaluate(parameters: Floats, rows: Rows) -> tuple[float, Floats]:
    from scipy.special import gammaln, psi  # noqa: PLC0415 - SciPy is slow to load and only needed here

    r, alpha, s, beta = parameters
    counts, weight, n = by_count(rows)
    value = weight @ gammaln(r + counts) + n * (r * np.log(alpha) + s * np.log(beta) - gammaln(r))
    gradient = np.array(
        [
            weight @ psi(r + counts) + n * (np.log(alpha) - psi(r)),
            n * r / alpha,
            n * np.log(beta),
            n * s / beta,
        ]
    )
    for begin in range(0, len(rows.weight), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        x, t_x, age = (column[block] for column in rows.columns)
        part, slope = _block(parameters, x, t_x, age, rows.weight[block])
        value += part
        gradient += slope
    return float(value), gradient


def _block(parameters: Floats, x: Floats, t_x: Floats, age: Floats, weight: Floats) -> tuple[float, Floats]:
    """Return what the brackets of the likelihood add, with their gradient."""
    r, alpha, s, beta = parameters
    shape = r + x
    with_alpha, with_beta = np.log(alpha + age), np.log(beta + age)
    alive = -shape * with_alpha - s * with_beta
    # Where the last purchase is the end of observation there was no time to leave: log 0.
    at_alpha, at_beta, _, height, top = _leaving(parameters, x, t_x, age)
    top = np.where(np.isfinite(top), top, 0.0)
    density = np.exp(height - top[:, None])
    area = density.sum(axis=1)
    with np.errstate(divide="ignore"):
        left = np.log(s) + top + np.log(area)
    whole = np.logaddexp(alive, left)
    here = weight * np.exp(alive - whole)
    gone = weight - here
    density *= (gone / np.where(area > 0, area, 1.0))[:, None]
    each = density.sum(axis=1)
    gradient = np.array(
        [
            -(here @ with_alpha) - np.einsum("ij,ij->", density, at_alpha),
            -(here @ (shape / (alpha + age))) - shape @ np.einsum("ij,ij->i", density, np.exp(-at_alpha)),
            -(here @ with_beta) + each.sum() / s - np.einsum("ij,ij->", density, at_beta),
            -s * (here @ (1 / (beta + age))) - (s + 1) * np.einsum("ij,ij->", density, np.exp(-at_beta)),
        ]
    )
    return float(weight @ whole), gradient
