"""BG/NBD: customers buy at a rate of their own and may leave for good after any purchase.

Fader, P., Hardie, B. and Lee, K. (2005). "Counting your customers" the easy way: an alternative to the
Pareto/NBD model. Marketing Science 24(2), 275-284.

**The story.** While alive, a customer buys at random times with a rate of their own; the rates are spread
over customers as a gamma distribution (shape ``r``, rate ``alpha``). After each repeat purchase the
customer leaves for good with a probability of their own; these are spread as a beta distribution (``a``,
``b``). So whoever has not bought again cannot have left: P(alive) is 1 there.

**What is known of a customer.** ``x`` repeat purchases, the last at ``t_x`` since the first purchase, which
lies ``age`` (T) before the end of observation; all in one unit of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.models._beta import beta_nodes
from cx_widgets.models._fit import Fit, OnStep, Progress, Rows, by_count, checked, fit_histories, together
from cx_widgets.stats import dot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

NODES = 32


class Parameters(NamedTuple):
    """The four parameters; ``alpha`` is in the unit of time."""

    r: float
    alpha: float
    a: float
    b: float


def log_likelihood(parameters: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the log-likelihood of each customer.

    Likelihood = G(r+x) alpha^r / G(r) * B(a, b+x) / B(a, b) * [ (alpha+T)^-(r+x) + (for x > 0) a / (b+x-1)
    * (alpha+t_x)^-(r+x) ]: the customer is alive at T, or left with the last purchase. G is the gamma
    function, B the beta function.

    Parameters
    ----------
    parameters
        r, alpha, a, b.
    x, t_x, age
        Repeat purchases, time of the last one and of the end of observation since the first purchase.

    Returns
    -------
    ndarray
        One number for each customer.

    Examples
    --------
    >>> round(float(log_likelihood(Parameters(0.243, 4.414, 0.793, 2.426), [2], [30.43], [38.86])[0]), 4)
    -9.4586
    """
    from scipy.special import betaln, gammaln  # noqa: PLC0415 - SciPy is slow to load and only needed here

    r, alpha, a, b = parameters
    x, t_x, age = checked(x, t_x, age)
    alive, left = _ways(parameters, x, t_x, age)
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    whole: Floats = common + np.logaddexp(alive, left)
    return whole


def _ways(parameters: Parameters, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
    """Return the logarithms of the two ways to such a history: alive now, or left with the last purchase."""
    r, alpha, a, b = parameters
    alive = -(r + x) * np.log(alpha + age)
    again = np.maximum(x, 1)
    left = np.log(a / (b + again - 1)) - (r + x) * np.log(alpha + t_x)
    return alive, np.where(x > 0, left, -np.inf)


def p_alive(parameters: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the probability that each customer has not left yet.

    1 / (1 + a / (b+x-1) * ((alpha+T) / (alpha+t_x))^(r+x)) for x > 0, and 1 for x = 0.

    Parameters
    ----------
    parameters
        r, alpha, a, b.
    x, t_x, age
        As in `log_likelihood`.

    Returns
    -------
    ndarray
        Shares from 0 to 1.

    Examples
    --------
    >>> p_alive(Parameters(0.243, 4.414, 0.793, 2.426), [2, 0], [30.43, 0], [38.86, 38.86]).round(4).tolist()
    [0.7266, 1.0]
    """
    from scipy.special import expit  # noqa: PLC0415 - SciPy is slow to load and only needed here

    alive, left = _ways(parameters, *checked(x, t_x, age))
    share: Floats = expit(alive - left)
    return share


def expected_purchases(parameters: Parameters, time: ArrayLike) -> Floats:
    """Return how many repeat purchases a new customer is expected to make by a time after the first one.

    The mean over rates and probabilities p to leave of (1 - e^(-rate p t)) / p; as the paper writes it,
    (a+b-1) / (a-1) * [1 - (alpha / (alpha+t))^r F(r, b; a+b-1; t / (alpha+t))] with the Gaussian
    hypergeometric function F, which this form avoids: F overflows, and a = 1 divides by 0.

    Parameters
    ----------
    parameters
        r, alpha, a, b.
    time
        Times since the first purchase.

    Returns
    -------
    ndarray
        Purchases, the first one not counted.

    Examples
    --------
    >>> expected_purchases(Parameters(0.242593, 4.413597, 0.792924, 2.425898), [52]).round(3).tolist()
    [1.444]
    """
    time = np.atleast_1d(np.asarray(time, dtype=np.float64))
    zero = np.zeros(time.shape)
    return purchases_if_alive(parameters, time, zero, zero)


def purchases_if_alive(parameters: Parameters, time: ArrayLike, x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the purchases expected in the time after ``age`` from customers who are alive then.

    The mean over p, which is beta(a, b+x) by now, of (1 - (1 + p t / (alpha+T))^-(r+x)) / p, by Gaussian
    quadrature for that beta distribution. The time of the last purchase does not matter for those alive.

    Parameters
    ----------
    parameters
        r, alpha, a, b.
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
    >>> purchases_if_alive(Parameters(0.243, 4.414, 0.793, 2.426), 39, [2], [38.86]).round(3).tolist()
    [1.687]
    """
    r, *_ = parameters
    time, x, age = together(time, x, age)
    expected = np.empty(x.shape)
    for bought, who, p, weight, part in _leaving_chances(parameters, time, x, age):
        expected[who] = (-np.expm1(-(r + bought) * part) / p) @ weight
    return expected


def _leaving_chances(
    parameters: Parameters, time: Floats, x: Floats, age: Floats
) -> Iterator[tuple[float, NDArray[np.bool_], Floats, Floats, Floats]]:
    """Yield, for each count: who has it, chances p to leave with weights, and log(1 + p t / (alpha+T))."""
    _, alpha, a, b = parameters
    for bought in np.unique(x).tolist():
        who = x == bought
        p, weight = beta_nodes(a, b + bought, NODES)
        yield bought, who, p, weight, np.log1p(p * (time[who] / (alpha + age[who]))[:, None])


def rate_if_alive(parameters: Parameters, time: ArrayLike, x: ArrayLike, age: ArrayLike) -> Floats:
    """Return the purchases per unit of time expected a time after ``age`` from customers alive at ``age``.

    The slope of `purchases_if_alive` by its time: the mean over p of (r+x) / (alpha+T) * (1 + p t /
    (alpha+T))^-(r+x+1). The customer may leave on the way.

    Parameters
    ----------
    parameters
        r, alpha, a, b.
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
    >>> rate_if_alive(Parameters(0.243, 4.414, 0.793, 2.426), 0, [2], [38.86]).round(4).tolist()
    [0.0518]
    """
    r, alpha, *_ = parameters
    time, x, age = together(time, x, age)
    rate = np.empty(x.shape)
    for bought, who, _, weight, part in _leaving_chances(parameters, time, x, age):
        rate[who] = np.exp(-(r + bought + 1) * part) @ weight * (r + bought) / (alpha + age[who])
    return rate


def conditional_purchases(
    parameters: Parameters, time: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike
) -> Floats:
    """Return the purchases expected of each customer in the time after the end of observation.

    P(alive) * purchases expected of those alive.

    Parameters
    ----------
    parameters
        r, alpha, a, b.
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
    >>> fitted = Parameters(0.243, 4.414, 0.793, 2.426)
    >>> conditional_purchases(fitted, 39, [2], [30.43], [38.86]).round(3).tolist()
    [1.226]
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
        r, alpha, a, b; look at ``converged`` first.

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
    (8, ('r', 'alpha', 'a', 'b'))
    """
    return fit_histories(
        _evaluate,
        (x, t_x, age),
        lambda scale: [(1.0, scale / 2, 1.0, 2.0), (0.3, scale / 8, 0.5, 5.0)],
        Parameters._fields,
        on_step=on_step,
        progress=progress,
    )


def _evaluate(parameters: Floats, rows: Rows) -> tuple[float, Floats]:
    from scipy.special import betaln, gammaln, psi  # noqa: PLC0415 - SciPy is slow to load and only needed here

    r, alpha, a, b = parameters
    x, t_x, age = rows.columns
    counts, weight, n = by_count(rows)
    with_end, with_last = np.log(alpha + age), np.log(alpha + t_x)
    shape = r + x
    again = np.maximum(x, 1)
    alive = -shape * with_end
    left = np.where(x > 0, np.log(a / (b + again - 1)) - shape * with_last, -np.inf)
    whole = np.logaddexp(alive, left)
    share = np.exp(alive - whole)
    gone = rows.weight * (1 - share)
    here = rows.weight * share
    value = (
        weight @ (gammaln(r + counts) + betaln(a, b + counts))
        + n * (r * np.log(alpha) - gammaln(r) - betaln(a, b))
        + dot(rows.weight, whole)
    )
    gradient = np.array(
        [
            weight @ psi(r + counts)
            + n * (np.log(alpha) - psi(r))
            - dot(here, with_end)
            - dot(gone, with_last),
            n * r / alpha - dot(here * shape, 1 / (alpha + age)) - dot(gone * shape, 1 / (alpha + t_x)),
            n * psi(a + b) - weight @ psi(a + b + counts) + gone.sum() / a,
            weight @ (psi(b + counts) - psi(a + b + counts))
            + n * (psi(a + b) - psi(b))
            - dot(gone, 1 / (b + again - 1)),
        ]
    )
    return float(value), gradient
