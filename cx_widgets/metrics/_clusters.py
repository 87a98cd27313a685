"""Shares of many groups at once whose lines are not all independent: sessions or attempts of one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.engine import Bools, Ints

    Floats = NDArray[np.float64]


class Counts(NamedTuple):
    """For each group, successes and trials as if all were independent: inside the group, and outside it."""

    hits: Floats
    trials: Floats
    other_hits: Floats
    other_trials: Floats


def counts_of(group: Ints, n_groups: int, hits: Bools, cluster: Ints | None) -> Counts:
    """Return the counts of each group; every line is a trial.

    Parameters
    ----------
    group
        The number of the group of each line, from 0.
    n_groups
        How many groups there are.
    hits
        Which lines are successes.
    cluster
        The number of the cluster of each line; None where each stands for itself.
    """
    if cluster is None:
        x = np.bincount(group, minlength=n_groups).astype(np.float64)
        y = np.bincount(group[hits], minlength=n_groups).astype(np.float64)
        return Counts(y, x, y.sum() - y, x.sum() - x)
    # One entry for each group and cluster that meet.
    width = int(cluster.max(initial=0)) + 1
    key, place = np.unique(group.astype(np.int64) * width + cluster, return_inverse=True)
    x = np.bincount(place, minlength=len(key)).astype(np.float64)
    y = np.bincount(place[hits], minlength=len(key)).astype(np.float64)
    of, owner = key // width, key % width
    total_x: Floats = np.zeros(width)
    total_y: Floats = np.zeros(width)
    np.add.at(total_x, owner, x)
    np.add.at(total_y, owner, y)

    def added(values: Floats) -> Floats:
        total: Floats = np.zeros(n_groups)
        np.add.at(total, of, values)
        return total

    inside = stats.effective_counts(
        added(y),
        added(x),
        success_squares=added(y * y),
        products=added(x * y),
        trial_squares=added(x * x),
        clusters=added(np.ones(len(key))),
    )
    # Outside, only the clusters that the group has a part of differ from the whole.
    rest_x, rest_y = total_x[owner] - x, total_y[owner] - y
    outside = stats.effective_counts(
        total_y.sum() - added(y),
        total_x.sum() - added(x),
        success_squares=total_y @ total_y + added(rest_y**2 - total_y[owner] ** 2),
        products=total_x @ total_y + added(rest_x * rest_y - total_x[owner] * total_y[owner]),
        trial_squares=total_x @ total_x + added(rest_x**2 - total_x[owner] ** 2),
        clusters=np.count_nonzero(total_x) - added((rest_x == 0).astype(np.float64)),
    )
    return Counts(*inside, *outside)
