"""Customers made up as the customer-base models say, with a known truth."""

from __future__ import annotations

import numpy as np


def bg_nbd(rng, n, parameters, age):
    """Return x, t_x and T of customers who may leave after each repeat purchase."""
    r, alpha, a, b = parameters
    age = np.broadcast_to(np.asarray(age, float), n)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, t_x = np.zeros(n, int), np.zeros(n)
    alive = np.ones(n, bool)
    while alive.any():
        then = t_x + rng.exponential(1 / np.maximum(rate, 1e-300))
        bought = alive & (then <= age)
        x, t_x = x + bought, np.where(bought, then, t_x)
        alive = bought & (rng.random(n) >= leave)
    return x, t_x, age


def pareto_nbd(rng, n, parameters, age):
    """Return x, t_x and T of customers who may leave at any time."""
    r, alpha, s, beta = parameters
    age = np.broadcast_to(np.asarray(age, float), n)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n)
    end = np.minimum(age, rng.exponential(1 / np.maximum(leave, 1e-300)))
    x = rng.poisson(rate * end)
    # The last of x points spread evenly over a span.
    t_x = np.where(x > 0, end * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    return x, t_x, age


def bg_bb(rng, n, parameters, chances):
    """Return x, t_x and n of customers who may buy once a period."""
    alpha, beta, gamma, delta = parameters
    use, leave = rng.beta(alpha, beta, n), rng.beta(gamma, delta, n)
    alive = np.ones(n, bool)
    x, t_x = np.zeros(n, int), np.zeros(n, int)
    for chance in range(1, chances + 1):
        alive &= rng.random(n) >= leave
        used = alive & (rng.random(n) < use)
        x, t_x = x + used, np.where(used, chance, t_x)
    return x, t_x, np.full(n, chances)


def shifted_bg(rng, n, parameters, renewals):
    """Return how many renewals were due, and whether the customer was lost at the last."""
    alpha, beta = parameters
    lost_at = rng.geometric(np.maximum(rng.beta(alpha, beta, n), 1e-9))
    return np.minimum(lost_at, renewals), lost_at <= renewals


def gamma_gamma(rng, n, parameters, x):
    """Return purchases, x in the mean, and the mean of their values."""
    p, q, v = parameters
    x = 1 + rng.poisson(x - 1, n)
    own = rng.gamma(q, 1 / v, n)
    return x, rng.gamma(p * x, 1 / (own * x))
