"""Removal effects of touchpoints in an absorbing Markov chain of their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.errors import CXError
from cx_widgets.stats import ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cx_widgets.touchpoints import Paths

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

MOST_STATES = 2000
"""States of a chain at most: it is solved at once, and twice the states take eight times as long."""

_NUMBERS = 1 << 22  # a table of so many numbers is quicker than to sort those that occur


class Chain(NamedTuple):
    """An absorbing chain of touches, from `chain`.

    Attributes
    ----------
    states
        The touchpoints of each state, the latest last: one number, or for a chain of higher order up to that
        many. The start is no state here.
    transitions
        Probability to go from each state, and in the last line from the start, to each state, and in the
        last two columns to conversion and to null.
    conversion
        Probability to get from the start to conversion.
    removal
        For each touchpoint the removal effect: the share of the conversion that is lost when whoever comes to
        the touchpoint is lost. NaN where nothing converts.
    """

    states: tuple[tuple[int, ...], ...]
    transitions: FloatArray
    conversion: float
    removal: FloatArray


def transition_shares(counts: ArrayLike) -> FloatArray:
    """Return counts of transitions as shares of their lines: the maximum likelihood estimate of the chain.

    Examples
    --------
    >>> transition_shares([[3, 1], [0, 0]]).tolist()
    [[0.75, 0.25], [nan, nan]]
    """
    table = np.asarray(counts, dtype=np.float64)
    return ratio(table, table.sum(axis=1, keepdims=True))


def chain(paths: Paths, order: int = 1) -> Chain:
    """Return the absorbing Markov chain of the touches, and the removal effect of each touchpoint.

    A state is the last ``order`` touches (fewer at the beginning of a path). From a state a path goes to the
    next, to conversion or to null; the probabilities are the shares of the paths that did. With Q the
    transitions between states, r those to conversion and s those from the start, conversion is
    s (1 - Q)^-1 r, and with null paths in the data exactly the share of paths that converted. The removal
    effect of a touchpoint is the probability to come to one of its states and then convert, divided by
    that to convert. Transitions of a state into itself change neither.

    Parameters
    ----------
    paths
        The paths, converted and null.
    order
        How many touches a state remembers, from 1.

    Returns
    -------
    Chain
        States, transitions, conversion and removal effects; without paths conversion is NaN.

    Raises
    ------
    CXError
        For an order below 1, or more than 2,000 states.

    References
    ----------
    Anderl, E., Becker, I., von Wangenheim, F. and Schumann, J. H. (2016). Mapping the customer journey.
    International Journal of Research in Marketing 33, 457-474.

    Examples
    --------
    >>> from cx_widgets.touchpoints import paths_of
    >>> paths, names = paths_of([["ad"], ["mail"], ["ad", "mail"], ["ad"]], [2, 1, 1, 0], [0, 0, 0, 1])
    >>> fitted = chain(paths)
    >>> round(fitted.conversion, 12), fitted.removal.round(12).tolist()
    (0.8, [0.75, 0.5])
    """
    if order < 1:
        raise CXError(f"order must be a whole number from 1, not {order!r}. Say order=1.")
    state, found = _states(paths, order)
    n = len(found)
    if n > MOST_STATES:
        raise CXError(
            f"a chain of order {order} over {paths.n_touchpoints} touchpoints has {n:,} states, more than "
            f"{MOST_STATES:,}. "
            + ("Say order=1, or join touchpoints." if order > 1 else "Join touchpoints that are alike.")
        )
    return chain_of(_transition_counts(paths, state, n), found, paths.n_touchpoints)


def chain_of(counts: ArrayLike, states: tuple[tuple[int, ...], ...], n_touchpoints: int) -> Chain:
    """Return the chain of transitions that were counted, as `chain` does.

    Parameters
    ----------
    counts
        How often each state, and in the last line the start, was followed by each state, and in the last two
        columns by conversion and by null.
    states
        The touchpoints of each state, the latest last.
    n_touchpoints
        How many touchpoints there are.

    Examples
    --------
    >>> chain_of([[0, 2, 1], [3, 0, 0]], ((0,),), 1).removal.tolist()
    [1.0]
    """
    table, found, n = transition_shares(counts), states, len(states)
    between, converting, start = table[:n, :n], table[:n, n], table[n, :n]
    if not n:
        return Chain((), table, np.nan, np.full(n_touchpoints, np.nan))
    visited = np.linalg.inv(np.eye(n) - between)
    onward = visited @ converting
    conversion = float(start @ onward)
    arrivals = start @ visited
    latest = np.array([touches[-1] for touches in found])
    removal = np.zeros(n_touchpoints)
    for touchpoint in np.unique(latest).tolist():
        own = np.flatnonzero(latest == touchpoint)
        # Expected visits are first arrivals times the visits that each of them brings along.
        arriving = np.linalg.solve(visited[np.ix_(own, own)].T, arrivals[own])
        removal[touchpoint] = arriving @ onward[own]
    return Chain(found, table, conversion, ratio(removal, conversion))


def _states(paths: Paths, order: int) -> tuple[IntArray, tuple[tuple[int, ...], ...]]:
    """Return the state of each touch, and the touchpoints of each state."""
    state, n, width = paths.touch, paths.n_touchpoints, paths.n_touchpoints + 1
    place = paths.place if order > 1 else paths.touch[:0]
    for back in range(1, order):
        # One touch further back at a time: numbers stay below the touches times the touchpoints.
        earlier = np.zeros(len(state), dtype=np.int64)
        there = np.flatnonzero(place >= back)
        earlier[there] = paths.touch[there - back] + 1
        state, n = _renumbered(state * np.int64(width) + earlier, n * width)
    state, n = _renumbered(state, n)
    example = np.empty(n, dtype=np.int64)
    # Written from the last touch to the first, the first one stays.
    example[state[::-1]] = np.arange(len(state))[::-1]
    so_far = place[example] if order > 1 else np.zeros_like(example)
    found = tuple(
        tuple(paths.touch[at - min(before, order - 1) : at + 1].tolist())
        for at, before in zip(example.tolist(), so_far.tolist(), strict=True)
    )
    return state, found


def _renumbered(numbers: IntArray, below: int) -> tuple[IntArray, int]:
    """Return numbers from 0, below a bound, as their ranks among those that occur, and how many occur."""
    if below > _NUMBERS:
        found, rank = np.unique(numbers, return_inverse=True)
        return rank.astype(np.int64), len(found)
    there = np.zeros(below, dtype=np.bool_)
    there[numbers] = True
    rank = np.cumsum(there) - 1
    return rank[numbers], int(there.sum())


def _transition_counts(paths: Paths, state: IntArray, n: int) -> FloatArray:
    weight = paths.conversions + paths.nulls
    last = state[paths.last]
    counts = np.empty((n + 1, n + 2))
    counts[n, :n] = np.bincount(state[paths.begins], weights=weight, minlength=n)
    counts[n, n:] = 0
    counts[:n, n] = np.bincount(last, weights=paths.conversions, minlength=n)
    counts[:n, n + 1] = np.bincount(last, weights=paths.nulls, minlength=n)
    # The step from the last touch of a path to the first of the next is none.
    amount = weight[paths.path]
    amount[paths.last] = 0
    step = state[:-1] * n + state[1:]
    counts[:n, :n] = np.bincount(step, weights=amount[:-1], minlength=n * n).reshape(n, n)
    return counts
