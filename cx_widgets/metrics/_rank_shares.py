"""Intervals of shares of customers by scores whose cut points are quantiles of the same customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cx_widgets.engine import Ints

    Floats = NDArray[np.float64]

METHOD = "linearised with its cut points, t 95%, widened for skewness"
# The customers around a cut point are those within so much of its rank, as a share of all.
_AROUND = 0.5
# A cut point inside a heap of equal values stays there: the heap is larger than the luck of the ranks.
_HEAP = 2
_ONE = 0.5


class Axis(NamedTuple):
    """A measure, its cut points, ascending, and the scores they make: the better ones above or below."""

    values: Floats
    cuts: Floats
    scores: Ints
    less_is_better: bool
    by_rank: bool


class _Cut(NamedTuple):
    """A cut point that moves with the customers it is a quantile of.

    ``below`` tells which scores lie below it, ``sides`` the two next to it, and ``others`` how the customers
    around it are spread over the scores of the other measures.
    """

    axis: int
    below: NDArray[np.bool_]
    sides: tuple[int, int]
    others: Floats


class Scored:
    """Customers by their scores, and the cut points that are quantiles of them."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.sizes = tuple(len(axis.cuts) + 1 for axis in axes)
        self._cell = np.ravel_multi_index(tuple(axis.scores - 1 for axis in axes), self.sizes)
        self.counts = self._spread(np.ones(len(self._cell), dtype=bool))
        self._cuts = [
            cut for number, axis in enumerate(axes) if axis.by_rank for cut in self._moving(number, axis)
        ]

    def _spread(self, chosen: NDArray[np.bool_]) -> Floats:
        cells = int(np.prod(self.sizes))
        return np.bincount(self._cell[chosen], minlength=cells).reshape(self.sizes).astype(np.float64)

    def _moving(self, number: int, axis: Axis) -> list[_Cut]:
        n, last = len(axis.values), len(axis.cuts)
        ranks = np.arange(1, last + 1) / (last + 1)
        luck = np.sqrt(ranks * (1 - ranks) / max(n, 1))
        heaps = [float((axis.values == cut).mean()) if n else 1.0 for cut in axis.cuts]
        moving = np.flatnonzero(np.array(heaps) <= _HEAP * luck)
        if not len(moving):
            return []
        around = np.clip(ranks[moving, None] + np.array([-1, 1]) * _AROUND / np.cbrt(n), 0, 1)
        found = []
        for place, (low, high) in zip(moving.tolist(), np.quantile(axis.values, around), strict=True):
            others = self._spread((low <= axis.values) & (axis.values <= high)).sum(axis=number)
            if axis.less_is_better:
                sides = (last - place, last - place - 1)
                below = np.arange(last + 1) >= sides[0]
            else:
                sides = (place, place + 1)
                below = np.arange(last + 1) <= sides[0]
            found.append(_Cut(number, below, sides, others / max(others.sum(), 1.0)))
        return found

    def shares(self, kind: Ints, kinds: int) -> tuple[Floats, Floats, Floats]:
        """Return how many customers are of each kind, and the bounds of their share of all.

        Customers move the share of a kind in two ways: they are in it or not, and they move the cut points,
        which puts others in or out. Whoever lies below a cut point moves it down; how many change sides
        then is told by those around it, with the other scores they have, so no density is needed. The bounds
        are Student's for the sum of both over the customers, widened for skewness (`stats.skewed_t`), the
        standard error at least that of half a customer, for shares are whole customers. Where all or none are
        of the kind, and where no cut point moves, they are Wilson's.

        Parameters
        ----------
        kind
            The number of the kind of each combination of scores.
        kinds
            How many kinds there are.

        References
        ----------
        van der Vaart, A. W. (1998). Asymptotic Statistics, sections 20.1 and 21.2: influence functions and
        that of a quantile.
        """
        inside = (kind[None] == np.arange(kinds).reshape(-1, *(1 for _ in self.sizes))).astype(np.float64)
        over = tuple(range(1, inside.ndim))
        n = float(self.counts.sum())
        hits: Floats = (inside * self.counts).sum(axis=over)
        share = stats.ratio(hits, n)
        moved = inside - share.reshape(-1, *(1 for _ in self.sizes))
        for cut in self._cuts:
            near, far = (np.take(inside, side, axis=1 + cut.axis) for side in cut.sides)
            pull = ((near - far) * cut.others).sum(axis=tuple(range(1, near.ndim)))
            shape = [1] * inside.ndim
            shape[1 + cut.axis] = len(cut.below)
            below = cut.below.reshape(shape).astype(np.float64)
            there = float((below * self.counts).sum()) / n if n else 0.0
            moved = moved + pull.reshape(-1, *(1 for _ in self.sizes)) * (there - below)
        squares = np.maximum((self.counts * moved**2).sum(axis=over), _ONE**2) / max(n, 1.0) ** 2
        cubes = (self.counts * moved**3).sum(axis=over) / max(n, 1.0) ** 3
        lower, upper = stats.wilson(hits, np.full(kinds, n))
        for number in np.flatnonzero((hits > 0) & (hits < n)) if self._cuts else ():
            found = stats.skewed_t(float(share[number]), n, float(squares[number]), float(cubes[number]))
            lower[number], upper[number] = max(found.lower, 0.0), min(found.upper, 1.0)
        return hits, lower, upper
