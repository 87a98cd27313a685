"""Kaplan-Meier on subjects that stand in the order of their times: one sort serves many curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.engine import Bools, Ints

    Floats = NDArray[np.float64]

_Z = 1.959963984540054
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """The curve of subjects in the order of their times.

    Attributes
    ----------
    time
        Distinct times, those at which nobody had the event too.
    survival
        The share still without the event just after each.
    group
        For each subject the place of its time.
    at_risk, events
        At each time, of weighted subjects their weight.
    """

    time: Ints
    survival: Floats
    group: Ints
    at_risk: Floats
    events: Floats

    def reached(self, share: float) -> float:
        """Return the first time by which a share has had the event; NaN where it never does."""
        return _first(self.time, self.survival <= 1 - share + 1e-12)

    def median(self, effect: float = 1.0) -> stats.Estimate:
        """Return the median with its bounds, where the log-log band of 95 % crosses one half.

        ``effect`` is how many times larger the variance is than that of independent subjects.
        """
        value = self.reached(0.5)
        inside = (self.survival > 0) & (self.survival < 1) & (self.events > 0)
        survival, time = self.survival[inside], self.time[inside]
        if not len(time):
            return stats.Estimate(value, np.nan, np.nan)
        every = np.cumsum(stats.ratio(self.events, self.at_risk * (self.at_risk - self.events)))
        log = np.log(survival)
        width = _Z * np.sqrt(effect * every[inside]) / -log
        half, place = np.log(-np.log(stats.HALF)), np.log(-log)
        ends = (_first(time, place + width >= half), _first(time, place - width >= half))
        return stats.Estimate(value, *ends)

    def effect(self, cluster: Ints, ended: Bools) -> float:
        """Return how many times larger the variance of the curve is, at its median, with clusters: 1 or more.

        The variance is that of the cumulative hazard, from what each subject adds to it, taken together by
        cluster and taken apart. Without a median it is taken at the last event.
        """
        if not (self.events > 0).any():
            return 1.0
        down = np.flatnonzero(self.survival <= stats.HALF)
        at = int(down[0]) if len(down) else int(np.flatnonzero(self.events > 0)[-1])
        lived = np.cumsum(self.events / self.at_risk**2)
        moved = -lived[np.minimum(self.group, at)]
        now = ended & (self.group <= at)
        moved[now] += 1 / self.at_risk[self.group[now]]
        together = np.bincount(cluster, weights=moved).astype(np.float64)
        apart = stats.dot(moved, moved)
        return max(stats.dot(together, together) / apart, 1.0) if apart > 0 else 1.0


def ordered_survival(length: Ints, ended: Bools, weight: Floats | None = None) -> Ordered:
    """Return the curve of subjects whose times ascend."""
    new = np.ones(len(length), dtype=bool)
    new[1:] = length[1:] != length[:-1]
    first = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    if weight is None:
        at_risk = (len(length) - first).astype(np.float64)
        events = np.bincount(group[ended], minlength=len(first)).astype(np.float64)
    else:
        at_risk = np.cumsum(weight[::-1])[::-1][first]
        events = np.bincount(group[ended], weights=weight[ended], minlength=len(first)).astype(np.float64)
    # The last one at risk leaves nothing, whatever the sums of weights round to.
    left = np.where(events >= at_risk * (1 - _ROUNDING), 0.0, 1 - stats.ratio(events, at_risk))
    return Ordered(length[first], np.cumprod(left).astype(np.float64), group, at_risk, events)


def _first(time: Ints, there: Bools) -> float:
    place = int(np.argmax(there)) if len(there) else 0
    return float(time[place]) if len(there) and there[place] else np.nan
