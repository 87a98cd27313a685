"""Paths of touchpoints, and the rules of credit that look at one path.

Every rule splits the same conversions, so the credits of all touchpoints add up to them. Credit is a way to
divide what happened; none of the rules says what would have happened without a touchpoint. Rules that look at
all paths together stand in `removal_effects` and `shapley_values`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.errors import CXError
from cx_widgets.stats import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

_CELLS = 1 << 18  # of a table that is written to in no order: it stays near the processor


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
