"""Markov chains from counts: the long run, and tests of what a chain leaves out.

The counts are of transitions, lines from and columns to; `cx_widgets.removal_effects.transition_shares` makes
a chain of them. The tests look at independence or fit line by line, take each transition as a draw of its own
(in a chain it is), and count degrees of freedom over what the data could show: lines and columns that nobody
took are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.errors import CXError, unknown
from cx_widgets.stats import Test, ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

PEARSON, LIKELIHOOD = "pearson", "likelihood"
_SUMS_TO_ONE = 1e-9


def steady_state(shares: ArrayLike) -> FloatArray:
    """Return the shares of the states in the long run of a chain without an end.

    The shares s with s P = s and sum 1. There is exactly one where from everywhere one set of states
    is reached and never left; states outside it have 0. Where the chain falls into several such sets the
    long run depends on where it began, and there is no answer.

    Parameters
    ----------
    shares
        Square table of the probabilities to go from a state (line) to a state (column).

    Returns
    -------
    numpy.ndarray
        The share of each state; empty for a chain without states.

    Raises
    ------
    CXError
        For other than a square table of shares whose lines sum to 1, and for a chain with several long runs.

    References
    ----------
    Kemeny, J. G. and Snell, J. L. (1960). Finite Markov Chains.

    Examples
    --------
    >>> steady_state([[0.9, 0.1], [0.3, 0.7]]).round(4).tolist()
    [0.75, 0.25]
    """
    table = np.asarray(shares, dtype=np.float64)
    n = len(table)
    if table.shape != (n, n) or not ((table >= 0).all() and np.allclose(table.sum(1), 1, atol=_SUMS_TO_ONE)):
        raise CXError(
            f"a chain is a square table of shares from 0 whose lines sum to 1, not one of "
            f"shape {table.shape} with sums {np.round(table.sum(axis=-1), 6).ravel()[:5].tolist()}. "
            "Make shares of counts with removal_effects.transition_shares."
        )
    if not n:
        return np.zeros(0)
    runs = _long_runs(table)
    if len(runs) > 1:
        raise CXError(
            f"the chain has {len(runs)} sets of states that it never leaves, the first ones with states "
            f"{runs[0].tolist()[:5]} and {runs[1].tolist()[:5]}: the long run depends on the beginning. "
            "Ask each set on its own."
        )
    inside = runs[0]
    # One of the equations follows from the others; the sum of the shares takes its place.
    equations = np.eye(len(inside)) - table[np.ix_(inside, inside)].T
    equations[-1] = 1
    right = np.zeros(len(inside))
    right[-1] = 1
    whole = np.zeros(n)
    whole[inside] = np.maximum(np.linalg.solve(equations, right), 0)
    return whole


def _long_runs(table: FloatArray) -> list[IntArray]:
    """Return the sets of states that are never left once entered, each with its states in order."""
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - SciPy is slow to load

    n_sets, member = connected_components(table > 0, directed=True, connection="strong")
    origin, target = np.nonzero(table > 0)
    left = np.unique(member[origin[member[origin] != member[target]]])
    closed = np.setdiff1d(np.arange(n_sets), left)
    return [np.flatnonzero(member == number).astype(np.int64) for number in closed.tolist()]


def triples(state: ArrayLike, begins: ArrayLike, n_states: int) -> IntArray:
    """Return how often three states came one after the other, by the one before, the one now and the next.

    Parameters
    ----------
    state
        The states of all sequences, numbers from 0, sequence after sequence.
    begins
        Where each sequence begins.
    n_states
        How many states there are.

    Returns
    -------
    numpy.ndarray
        Counts of shape (states, states, states).

    Examples
    --------
    >>> triples([0, 1, 0, 1, 1], [0], 2).tolist()
    [[[0, 0], [1, 1]], [[0, 1], [0, 0]]]
    """
    numbers = np.asarray(state, dtype=np.int64)
    place = np.zeros(len(numbers) + 1, dtype=np.int64)
    np.add.at(place, np.asarray(begins, dtype=np.int64), 1)
    owner = np.cumsum(place)[: len(numbers)]
    at = np.flatnonzero(owner[2:] == owner[:-2]) if len(numbers) > 2 else np.zeros(0, dtype=np.int64)  # noqa: PLR2004 - three in a row
    code = (numbers[at] * n_states + numbers[at + 1]) * n_states + numbers[at + 2]
    return np.bincount(code, minlength=n_states**3).reshape(n_states, n_states, n_states).astype(np.int64)


def order_test(counts: ArrayLike, method: str = PEARSON) -> Test:
    """Return the test that a chain remembers one state: the state before tells nothing more about the next.

    For each state in the middle the states before and after must be independent. Expected is before x after /
    all of the triples with this middle; the degrees of freedom are (states before - 1) (states after - 1),
    summed over the middles, counting states that were there.

    Parameters
    ----------
    counts
        Counts by the state before, the state now and the next, as `triples` gives them.
    method
        ``"pearson"``, the sum of (observed - expected)^2 / expected, or ``"likelihood"``, twice the sum of
        observed * log(observed / expected).

    Returns
    -------
    Test
        Statistic, degrees of freedom and p-value; NaN where no middle could show a difference.

    Raises
    ------
    CXError
        For other than three dimensions, a count below 0, or another method.

    References
    ----------
    Anderson, T. W. and Goodman, L. A. (1957). Statistical inference about Markov chains. Annals of
    Mathematical Statistics 28, 89-110.

    Examples
    --------
    After a b comes what was before it, more often than not:

    >>> found = order_test([[[0, 0], [30, 10]], [[0, 0], [10, 30]]])
    >>> round(found.statistic, 6), found.freedom, found.p < 0.001
    (20.0, 1, True)
    """
    return _independence(np.swapaxes(_slices(counts), 0, 1), method)


def homogeneity_test(counts: ArrayLike, method: str = PEARSON) -> Test:
    """Return the test that several groups go on alike: their transitions are those of one chain.

    For each state the transitions of the groups must have the same shares. Expected is a group's exits of the
    state times the share of all groups; the degrees of freedom are (groups - 1) (states gone to - 1), summed
    over the states, counting groups and states that were there.

    Parameters
    ----------
    counts
        Counts by group, from and to.
    method
        As in `order_test`.

    Returns
    -------
    Test
        Statistic, degrees of freedom and p-value; NaN where no state could show a difference.

    Raises
    ------
    CXError
        For other than three dimensions, a count below 0, or another method.

    References
    ----------
    Kullback, S., Kupperman, M. and Ku, H. H. (1962). Tests for contingency tables and Markov chains.
    Technometrics 4, 573-608.

    Examples
    --------
    >>> found = homogeneity_test([[[10, 30], [5, 5]], [[30, 10], [5, 5]]])
    >>> round(found.statistic, 6), found.freedom
    (20.0, 2)
    """
    return _independence(np.swapaxes(_slices(counts), 0, 1), method)


def fit_test(counts: ArrayLike, shares: ArrayLike, method: str = LIKELIHOOD) -> Test:
    """Return the test that transitions were drawn from a chain that is given.

    Expected is the exits of a state times its shares; the degrees of freedom are the states that can be gone
    to, less one, summed over the states that were left.

    Parameters
    ----------
    counts
        Counts of transitions, from (lines) and to (columns).
    shares
        The chain they are compared with, of the same shape.
    method
        As in `order_test`.

    Returns
    -------
    Test
        Statistic, degrees of freedom and p-value; an infinite statistic where something happened that the
        chain rules out, NaN where nothing was left to test.

    Raises
    ------
    CXError
        For two different shapes, a count below 0, or another method.

    References
    ----------
    Kullback, S., Kupperman, M. and Ku, H. H. (1962). Tests for contingency tables and Markov chains.
    Technometrics 4, 573-608.

    Examples
    --------
    >>> found = fit_test([[60, 40], [50, 50]], [[0.5, 0.5], [0.5, 0.5]], method="pearson")
    >>> round(found.statistic, 6), found.freedom
    (4.0, 2)
    """
    observed, chain = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if observed.shape != chain.shape:
        raise CXError(f"counts of shape {observed.shape} cannot be compared with shares of {chain.shape}.")
    _not_negative(observed)
    left = observed.sum(axis=1) > 0
    expected = observed.sum(axis=1, keepdims=True) * chain
    freedom = int(np.maximum(np.count_nonzero(chain[left] > 0, axis=1) - 1, 0).sum())
    return _chi_squared(observed[left], expected[left], freedom, method)


def _slices(counts: ArrayLike) -> FloatArray:
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 3:  # noqa: PLR2004 - a stack of tables
        raise CXError(
            f"the counts have {table.ndim} dimensions. Give three: a table for each group or state."
        )
    _not_negative(table)
    return table


def _not_negative(counts: FloatArray) -> None:
    if not (counts >= 0).all():
        raise CXError("a count is below 0 or missing. Give how often each transition happened.")


def _independence(tables: FloatArray, method: str) -> Test:
    """Return the test that lines and columns are independent in each of several tables."""
    line, column = tables.sum(axis=2, keepdims=True), tables.sum(axis=1, keepdims=True)
    expected = ratio(line * column, tables.sum(axis=(1, 2), keepdims=True))
    lines, columns = (np.count_nonzero(part, axis=axis).ravel() for part, axis in ((line, 1), (column, 2)))
    freedom = int((np.maximum(lines - 1, 0) * np.maximum(columns - 1, 0)).sum())
    return _chi_squared(tables, np.nan_to_num(expected), freedom, method)


def _chi_squared(observed: FloatArray, expected: FloatArray, freedom: int, method: str) -> Test:
    from scipy.special import chdtrc  # noqa: PLC0415 - SciPy is slow to load and only needed here

    if method not in (PEARSON, LIKELIHOOD):
        raise unknown("method", method, (PEARSON, LIKELIHOOD))
    if not freedom:
        return Test(np.nan, 0, np.nan)
    if ((observed > 0) & (expected == 0)).any():
        return Test(np.inf, freedom, 0.0)
    if method == PEARSON:
        statistic = float(np.nansum(ratio((observed - expected) ** 2, expected)))
    else:
        seen = observed > 0
        statistic = float(2 * (observed[seen] * np.log(observed[seen] / expected[seen])).sum())
    return Test(statistic, freedom, float(chdtrc(freedom, statistic)))
