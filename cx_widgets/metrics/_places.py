"""Where in the packed rows of a customer a time lies, and whether rows of a kind stand between two places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog


_STEPS = 3


def first_after(
    log: EventLog, customer: Ints, tick: Ints, *, at: bool = False, since: Ints | None = None
) -> Ints:
    """Return the position of each customer's first row later than a time, or ``at`` it too.

    Where there is none it is the end of the customer's rows. No row before the position ``since`` is one; the
    search begins there.
    """
    ticks, offsets = log.packed.ticks, log.packed.offsets
    low, high = offsets[customer].astype(np.int64), offsets[customer + 1].astype(np.int64)
    open_ = np.flatnonzero(low < high)
    if since is not None:
        low = since.astype(np.int64)
        open_ = np.flatnonzero(low < high)
        # Most are found in the next rows.
        for _ in range(_STEPS):
            found = ticks[low[open_]]
            open_ = open_[found < tick[open_] if at else found <= tick[open_]]
            low[open_] += 1
            open_ = open_[low[open_] < high[open_]]
    # All searches are halved together; those that are over leave.
    while len(open_):
        middle = (low[open_] + high[open_]) >> 1
        found = ticks[middle]
        early = found < tick[open_] if at else found <= tick[open_]
        low[open_[early]] = middle[early] + 1
        high[open_[~early]] = middle[~early]
        open_ = open_[low[open_] < high[open_]]
    return low


class Between:
    """Tells whether rows of a kind stand between two positions."""

    def __init__(self, rows: Bools) -> None:
        self._before = np.zeros(len(rows) + 1, dtype=np.int32)
        np.cumsum(rows, out=self._before[1:], dtype=np.int32)

    def __call__(self, start: Ints, stop: Ints) -> Bools:
        """Return whether there is one from a position (inside) to another (outside)."""
        found: Bools = self._before[np.maximum(stop, start)] > self._before[start]
        return found
