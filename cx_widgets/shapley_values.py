"""Shapley values of touchpoints: what each adds to the worth of those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.errors import CXError
from cx_widgets.stats import ratio
from cx_widgets.touchpoints import Paths

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

MOST_EXACT = 15
"""Touchpoints of which all sets are looked at; beyond, orders are drawn."""

_BITS = 62  # touchpoints that fit into the bits of one number


def shapley(worth: ArrayLike) -> FloatArray:
    """Return the Shapley values of a game, exactly.

    A player's value is what they add to the players before them, the mean over all orders of the players.
    The values add up to the worth of all players less that of nobody; players who add the same to
    every set get the same.

    Parameters
    ----------
    worth
        The worth of every set of n players, 2^n numbers: the set whose players are the bits of the place.

    Returns
    -------
    numpy.ndarray
        The value of each player.

    Raises
    ------
    CXError
        For other than 2^n numbers.

    References
    ----------
    Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games II, 307-317.

    Examples
    --------
    Two players worth 1 and 2 alone and 5 together: nobody, first, second, both.

    >>> shapley([0, 1, 2, 5]).tolist()
    [2.0, 3.0]
    """
    of_set = np.asarray(worth, dtype=np.float64)
    n = max(of_set.size.bit_length() - 1, 0)
    if of_set.shape != (2**n,):
        raise CXError(f"the worth of all sets of n players is 2^n numbers in a line, not {of_set.size}.")
    if not n:
        return np.zeros(0)
    size = _sizes(n)
    # Of all orders, the share in which exactly the players of a set of some size stand before one player.
    orders = np.ones(n)
    for number in range(1, n):
        orders[number] = orders[number - 1] * number / (n - number)
    orders /= n
    values = np.empty(n)
    for player in range(n):
        without = np.flatnonzero((np.arange(2**n) >> player & 1) == 0)
        values[player] = (of_set[without | 1 << player] - of_set[without]) @ orders[size[without]]
    return values


def _sizes(n: int) -> IntArray:
    sets = np.arange(2**n)
    size = np.zeros(2**n, dtype=np.int64)
    for player in range(n):
        size += sets >> player & 1
    return size


def rate_of_sets(paths: Paths) -> FloatArray:
    """Return what each set of touchpoints converts: the share among the paths that lie wholly in it.

    Conversions / (conversions + null paths) of the paths without a touchpoint outside the set, 0 where there
    is no such path; 2^n numbers, as `shapley` takes them.

    Examples
    --------
    >>> from cx_widgets.touchpoints import paths_of
    >>> rate_of_sets(paths_of([["a"], ["b"], ["a", "b"]], [1, 0, 2], [1, 4, 0])[0]).tolist()
    [0.0, 0.5, 0.0, 0.375]
    """
    n = paths.n_touchpoints
    inside = np.zeros((2, 2**n))
    if len(paths.begins):
        mask = np.bitwise_or.reduceat(np.int64(1) << paths.touch, paths.begins)
        for row, amounts in enumerate((paths.conversions, paths.nulls)):
            inside[row] = np.bincount(mask, weights=amounts, minlength=2**n)
    for player in range(n):
        # Sets with the player take over what lies in the same set without.
        halves = inside.reshape(2, -1, 2, 2**player)
        halves[:, :, 1] += halves[:, :, 0]
    return np.nan_to_num(ratio(inside[0], inside.sum(axis=0)))


class Sampled(NamedTuple):
    """Shapley values from orders drawn at random, with the standard error of each."""

    values: FloatArray
    errors: FloatArray


def sampled_shapley(paths: Paths, draws: int, seed: int) -> Sampled:
    """Return Shapley values of the game of `rate_of_sets` from orders of the touchpoints drawn at random.

    In every order drawn the values add up to the rate of all paths, and so do their means. The standard
    error is that of the mean over the orders.

    Parameters
    ----------
    paths
        The paths.
    draws
        How many orders, at least 2.
    seed
        Of the random numbers; the same seed gives the same values.

    Returns
    -------
    Sampled
        Values and standard errors.

    References
    ----------
    Castro, J., Gómez, D. and Tejada, J. (2009). Polynomial calculation of the Shapley value based on
    sampling. Computers and Operations Research 36, 1726-1730.

    Examples
    --------
    >>> from cx_widgets.touchpoints import paths_of
    >>> paths, names = paths_of([["a"], ["b"], ["a", "b"]], [1, 0, 2], [1, 4, 0])
    >>> values, errors = sampled_shapley(paths, draws=400, seed=1)
    >>> round(float(values.sum()), 12), bool(abs(values[0] - 0.4375) < 4 * errors[0])
    (0.375, True)
    """
    random = np.random.default_rng(seed)
    together = _joined(paths)
    n = paths.n_touchpoints
    total, squares = np.zeros(n), np.zeros(n)
    for _ in range(draws):
        order = random.permutation(n)
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n)
        complete = np.maximum.reduceat(rank[together.touch], together.begins)
        converted, lost = (
            np.cumsum(np.bincount(complete, weights=amounts, minlength=n))
            for amounts in (together.conversions, together.nulls)
        )
        added = np.diff(np.nan_to_num(ratio(converted, converted + lost)), prepend=0.0)[rank]
        total += added
        squares += added**2
    mean = total / draws
    spread = np.maximum(squares - draws * mean**2, 0) / (draws - 1)
    return Sampled(mean, np.sqrt(spread / draws))


def _joined(paths: Paths) -> Paths:
    """Return the sets of touchpoints with their conversions and null paths, equal sets together."""
    if not len(paths.begins) or paths.n_touchpoints > _BITS:
        return paths
    mask = np.bitwise_or.reduceat(np.int64(1) << paths.touch, paths.begins)
    sets, which = np.unique(mask, return_inverse=True)
    member = (sets[:, None] >> np.arange(paths.n_touchpoints) & 1).astype(bool)
    size = member.sum(axis=1)
    return Paths(
        touch=np.nonzero(member)[1].astype(np.int64),
        begins=np.cumsum(size) - size,
        conversions=np.bincount(which, weights=paths.conversions).astype(np.float64),
        nulls=np.bincount(which, weights=paths.nulls).astype(np.float64),
        n_touchpoints=paths.n_touchpoints,
    )
