"""Credit of touchpoints for conversions: paths in, shares of the conversions out.

Every rule splits the same conversions, so the credits of all touchpoints add up to them. Credit is a way to
divide what happened; none of the rules says what would have happened without a touchpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets.errors import CXError
from cx_widgets.stats import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

MOST_STATES = 2000
"""States of a chain at most: it is solved at once, and twice the states take eight times as long."""

MOST_EXACT = 15
"""Touchpoints of which all sets are looked at; beyond, orders are drawn."""

_BITS = 62  # touchpoints that fit into the bits of one number
_CELLS = 1 << 18  # of a table that is written to in no order: it stays near the processor
_NUMBERS = 1 << 22  # a table of so many numbers is quicker than to sort those that occur


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths of touchpoints; none is empty, and one line may stand for many equal paths.

    Attributes
    ----------
    touch
        The touchpoint of each touch, a number from 0, path after path.
    begins
        Where each path begins among the touches.
    conversions, nulls
        How many of the paths ended in a conversion, how many did not.
    n_touchpoints
        How many touchpoints there are.
    """

    touch: IntArray
    begins: IntArray
    conversions: FloatArray
    nulls: FloatArray
    n_touchpoints: int

    @cached_property
    def lengths(self) -> IntArray:
        """How many touches each path has."""
        return np.diff(np.append(self.begins, len(self.touch)))

    @cached_property
    def last(self) -> IntArray:
        """The last touch of each path."""
        return self.begins + self.lengths - 1

    @cached_property
    def path(self) -> IntArray:
        """The path of each touch, a number from 0."""
        return path_of_touches(self.begins, len(self.touch))

    @property
    def place(self) -> IntArray:
        """The place of each touch in its path, from 0."""
        return np.arange(len(self.touch)) - self.begins[self.path]


def path_of_touches(begins: IntArray, touches: int) -> IntArray:
    """Return the path of each touch, a number from 0, by where paths begin; none is empty.

    Examples
    --------
    >>> path_of_touches(np.array([0, 2]), 3).tolist()
    [0, 0, 1]
    """
    # A running sum is several times as quick as to repeat numbers.
    new = np.zeros(touches, dtype=np.int64)
    new[begins[1:]] = 1
    return np.cumsum(new)


def paths_of(
    sequences: Sequence[Sequence[str]],
    conversions: ArrayLike,
    nulls: ArrayLike | None = None,
) -> tuple[Paths, tuple[str, ...]]:
    """Return paths given as names, and the names of the touchpoints, sorted.

    Parameters
    ----------
    sequences
        The touchpoints of each path, at least one.
    conversions, nulls
        How many of the paths ended in a conversion, how many did not (0 where left out).

    Returns
    -------
    tuple
        The paths, and the name of each touchpoint number.

    Raises
    ------
    CXError
        For a path without a touchpoint, for other than one number for each path, for a number below 0, and
        for a path that neither converted nor was null.

    Examples
    --------
    >>> paths, names = paths_of([["ad", "mail"], ["ad"]], [1, 0], [0, 1])
    >>> names, paths.touch.tolist(), paths.begins.tolist()
    (('ad', 'mail'), [0, 1, 0], [0, 2])
    """
    made = np.asarray(conversions, dtype=np.float64)
    lost = np.zeros(len(sequences)) if nulls is None else np.asarray(nulls, dtype=np.float64)
    if made.shape != (len(sequences),) or lost.shape != (len(sequences),):
        raise CXError(
            f"{len(sequences)} paths have {made.size} numbers of conversions and {lost.size} of null paths. "
            "Give one of each for every path."
        )
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    if not lengths.all():
        raise CXError(
            f"path {int(np.argmin(lengths))} has no touchpoint. Leave it out: there is nothing to credit."
        )
    if (np.minimum(made, lost) < 0).any() or not (made + lost > 0).all():
        raise CXError(
            "the conversions and null paths of each path must be 0 or more and not both 0. Leave out paths "
            "that nobody took."
        )
    names = tuple(sorted({name for sequence in sequences for name in sequence}))
    number = {name: place for place, name in enumerate(names)}
    touch = np.array([number[name] for sequence in sequences for name in sequence], dtype=np.int64)
    return Paths(touch, np.cumsum(lengths) - lengths, made, lost, len(names)), names


# --- rules that look at one path ------------------------------------------------------------------


def first_weights(paths: Paths) -> FloatArray:
    """Return the weight of each touch: all to the first of its path.

    Examples
    --------
    >>> first_weights(paths_of([["a", "b", "c"]], [1])[0]).tolist()
    [1.0, 0.0, 0.0]
    """
    weights = np.zeros(len(paths.touch))
    weights[paths.begins] = 1
    return weights


def last_weights(paths: Paths, direct: int | None = None) -> FloatArray:
    """Return the weight of each touch: all to the last of its path.

    With ``direct`` to the last that is not this touchpoint, and where all are, to the last.

    Examples
    --------
    >>> paths, names = paths_of([["a", "direct", "direct"], ["direct"]], [1, 1])
    >>> last_weights(paths, names.index("direct")).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    weights = np.zeros(len(paths.touch))
    weights[last_touches(paths, direct)] = 1
    return weights


def last_touches(paths: Paths, direct: int | None = None) -> IntArray:
    """Return the last touch of each path; with ``direct`` as in `last_weights`.

    Examples
    --------
    >>> last_touches(paths_of([["a", "b", "c"], ["a"]], [1, 1])[0]).tolist()
    [2, 3]
    """
    last = paths.last
    if direct is None or not len(last):
        return last
    place = np.where(paths.touch == direct, -1, np.arange(len(paths.touch)))
    other = np.maximum.reduceat(place, paths.begins)
    return np.where(other >= 0, other, last)


def linear_weights(paths: Paths) -> FloatArray:
    """Return the weight of each touch: the same to all of its path; a touchpoint touched twice has two.

    Examples
    --------
    >>> linear_weights(paths_of([["a", "b", "a", "c"]], [1])[0]).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    return ratio(1, paths.lengths)[paths.path]


def position_weights(paths: Paths, ends: float = 0.4) -> FloatArray:
    """Return the weight of each touch: ``ends`` to the first and to the last, the rest to those between.

    The touches between share equally; of two touches each has half, a single one has all.

    Examples
    --------
    >>> position_weights(paths_of([["a", "b", "c", "d"], ["a", "b"]], [1, 1])[0]).round(12).tolist()
    [0.4, 0.1, 0.1, 0.4, 0.5, 0.5]
    """
    length = paths.lengths
    between = (1 - 2 * ends) / np.maximum(length - 2, 1)
    long = length > 2  # noqa: PLR2004 - both ends
    weights = np.where(long, between, 1 / length)[paths.path]
    weights[paths.begins[long]] = weights[paths.last[long]] = ends
    return weights


def decay_weights(paths: Paths, time: ArrayLike, half_life: float) -> FloatArray:
    """Return the weight of each touch: half as much for each half-life that it is older.

    Only the times between the touches of a path matter, for the weights of a path add up to 1.

    Examples
    --------
    >>> decay_weights(paths_of([["a", "b"]], [1])[0], [0, 7], half_life=7).round(4).tolist()
    [0.3333, 0.6667]
    """
    when = np.asarray(time, dtype=np.float64)
    if not len(when):
        return np.zeros(0)
    latest = np.maximum.reduceat(when, paths.begins)[paths.path]
    weights = np.exp2((when - latest) / half_life)
    return ratio(weights, np.add.reduceat(weights, paths.begins)[paths.path])


def once_weights(paths: Paths) -> FloatArray:
    """Return the weight of each touch: the same to each touchpoint of its path, however often touched.

    These are the Shapley values of the game in which a set of touchpoints is worth the conversions of the
    paths that lie in it: a sum over paths of games in which all touchpoints of the path are needed, and by
    symmetry they share.

    Examples
    --------
    >>> once_weights(paths_of([["a", "b", "a"]], [1])[0]).tolist()
    [0.5, 0.5, 0.0]
    """
    return shared_weights(paths, new_touches(paths))


def shared_weights(paths: Paths, chosen: BoolArray) -> FloatArray:
    """Return the weight of each touch: the same to all that are chosen, at least one in each path.

    Examples
    --------
    >>> shared_weights(paths_of([["a", "b", "c"]], [1])[0], np.array([True, False, True])).tolist()
    [0.5, 0.0, 0.5]
    """
    if not len(chosen):
        return np.zeros(0)
    many = np.diff(np.cumsum(chosen)[paths.last], prepend=0)
    return ratio(1, many)[paths.path] * chosen


def new_touches(paths: Paths) -> BoolArray:
    """Return which touches are the first of their touchpoint in their path.

    Examples
    --------
    >>> new_touches(paths_of([["a", "b", "a"], ["a"]], [1, 1])[0]).tolist()
    [True, True, False, True]
    """
    new = np.empty(len(paths.touch), dtype=np.bool_)
    width, ends = max(paths.n_touchpoints, 1), np.append(paths.begins, len(paths.touch))
    many = max(_CELLS // width, 1)
    seen = np.empty(min(many, len(paths.begins)) * width, dtype=np.int32)
    # A table of some paths by touchpoints at a time stays small.
    for low in range(0, len(paths.begins), many):
        inside = slice(ends[low], ends[min(low + many, len(paths.begins))])
        cell = (paths.path[inside] - low) * width + paths.touch[inside]
        number = np.arange(len(cell), dtype=np.int32)
        # Written from the last touch to the first, the first one stays.
        seen[cell[::-1]] = number[::-1]
        new[inside] = seen[cell] == number
    return new


def split(paths: Paths, weights: FloatArray, amounts: ArrayLike) -> FloatArray:
    """Return what each touchpoint gets of an amount for each path, divided by the weights of its touches.

    Examples
    --------
    >>> paths, names = paths_of([["a", "b"], ["b"]], [1, 2])
    >>> split(paths, linear_weights(paths), paths.conversions).tolist()
    [0.5, 2.5]
    """
    shares = weights * np.asarray(amounts, dtype=np.float64)[paths.path]
    return np.bincount(paths.touch, weights=shares, minlength=paths.n_touchpoints).astype(np.float64)


# --- Markov chains --------------------------------------------------------------------------------


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


# --- Shapley values -------------------------------------------------------------------------------


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
