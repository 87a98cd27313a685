"""Paths to a goal with numpy: whole arrays, no loop over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import _runs
from cx_widgets.engine._protocol import Journeys

if TYPE_CHECKING:
    from cx_widgets.engine._protocol import Bools, Floats, Ints


def journeys_of(
    customer: Ints, tick: Ints, touch: Ints, goal: Bools, money: Floats | None, *, merged: bool
) -> Journeys:
    """Return the paths among rows that stand by customer and tick.

    Parameters
    ----------
    customer, tick
        Whose row, and when.
    touch
        What each touches, -1 for nothing; what a row of the goal touches does not matter.
    goal
        Which rows are the goal.
    money
        What each is worth; None for nothing.
    merged
        Whether consecutive touches of a path that are alike are one.
    """
    goal_rows = np.flatnonzero(goal)
    fresh = _runs.begins(customer[goal_rows], tick[goal_rows])
    bought = goal_rows[fresh]
    owner = customer[bought]
    spent = np.zeros(len(goal_rows)) if money is None else money[goal_rows]
    value = np.bincount(np.cumsum(fresh) - 1, weights=spent, minlength=len(bought)).astype(np.float64)

    at = np.flatnonzero((touch >= 0) & ~goal)
    whose = customer[at]
    ahead = np.searchsorted(bought, at)
    # One more purchase behind the last, of nobody, so that the last rows have none ahead and none before.
    owners = np.append(owner, -1)
    before = owners[ahead - 1] == whose
    since = np.append(tick[bought], -1)[ahead - 1]
    kept = ~before | (tick[at] > since)
    at, whose, ahead, before = at[kept], whose[kept], ahead[kept], before[kept]
    touched = touch[at]
    if merged:
        new = _runs.begins(whose, ahead, touched)
        at, whose, ahead, before, touched = at[new], whose[new], ahead[new], before[new], touched[new]
    begins = np.flatnonzero(_runs.begins(whose, ahead))
    return Journeys(
        touch=touched.astype(np.int32),
        tick=tick[at],
        begins=begins,
        purchase=np.where(owners[ahead[begins]] == whose[begins], ahead[begins], -1),
        later=before[begins],
        repeat=~_runs.begins(owner),
        value=value,
    )
