"""Credit: what is asked about dividing purchases among touchpoints, what is told, and how numpy tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import touchpoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import Bools, Floats, Journeys

    Int64s = NDArray[np.int64]

ONE_TOUCH = ("first", "last", "last non-direct")
EVERY_TOUCH = ("linear", "position", "time decay", "shapley")
RULES = (*ONE_TOUCH, *EVERY_TOUCH)
"""Rules that look at one path, see `touchpoints`; Shapley's in equal parts to distinct touchpoints."""

PARTS = ("all", "first", "repeat")


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """What is asked about dividing the purchases at the end of paths.

    Attributes
    ----------
    found
        The paths.
    line, n_lines
        For each number of what is touched its line in a table, and how many lines there are.
    rules
        Some of `RULES`.
    direct
        The line that the last non-direct touch passes over; -1 for none.
    ends
        By position the weight of the first and of the last touch.
    half_life
        Ticks in which the weight of a touch decays to half.
    steps
        Whether steps from touch to touch are asked for.
    """

    found: Journeys
    line: Int64s
    n_lines: int
    rules: tuple[str, ...]
    direct: int = -1
    ends: float = 0.4
    half_life: float = 1.0
    steps: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Credited:
    """What touchpoints get: for each part of the purchases (`PARTS`) and each line.

    Attributes
    ----------
    credit, earned
        For each rule asked for what lines get of the purchases, and of their worth.
    stood
        Purchases with the line on their path.
    steps
        For paths to first and to repeated purchases how often each line, and in the last line the start, was
        followed by each line, and in the last two columns by a purchase and by nothing; None where nobody
        asked.
    """

    credit: Floats
    earned: Floats
    stood: Int64s
    steps: Int64s | None


def divided(asked: Division) -> Credited:
    """Return what touchpoints get."""
    found, n = asked.found, asked.n_lines
    line = asked.line[found.touch]
    converts = found.purchase >= 0
    made = converts.astype(np.float64)
    paths = touchpoints.Paths(line, found.begins, made, 1 - made, n)
    inside = converts[paths.path]
    lengths = paths.lengths[converts]
    whole = np.ones(len(lengths))
    won = touchpoints.Paths(line[inside], np.cumsum(lengths) - lengths, whole, np.zeros(len(lengths)), n)
    value = found.value[found.purchase[converts]]
    earned, new = value[won.path], touchpoints.new_touches(won)
    # Of each touch the line, and as many more for paths to repeated purchases.
    later = won.touch + (found.later[converts].astype(np.int64) * n)[won.path]

    def summed(at: Int64s | slice, weights: Floats | None) -> Floats:
        every = np.bincount(won.touch[at], weights=weights, minlength=n)
        parts = np.bincount(later[at], weights=weights, minlength=2 * n)
        return np.append(every, parts).astype(np.float64).reshape(len(PARTS), n)

    def one_touch(rule: str) -> tuple[Floats, Floats]:
        direct = asked.direct if rule == "last non-direct" and asked.direct >= 0 else None
        at = won.begins if rule == "first" else touchpoints.last_touches(won, direct)
        return summed(at, None), summed(at, value)

    def every_touch(rule: str) -> tuple[Floats, Floats]:
        weights = {
            "linear": lambda: touchpoints.linear_weights(won),
            "position": lambda: touchpoints.position_weights(won, asked.ends),
            "time decay": lambda: touchpoints.decay_weights(won, found.tick[inside], asked.half_life),
            "shapley": lambda: touchpoints.shared_weights(won, new),
        }[rule]()
        return summed(slice(None), weights), summed(slice(None), weights * earned)

    told = [one_touch(rule) if rule in ONE_TOUCH else every_touch(rule) for rule in asked.rules]
    shape = len(told), len(PARTS), n
    credit, worth = (np.array([pair[side] for pair in told]).reshape(shape) for side in range(2))
    steps = _steps(paths, converts, found.later, n) if asked.steps else None
    return Credited(credit, worth, summed(np.flatnonzero(new), None).astype(np.int64), steps)


def _steps(paths: touchpoints.Paths, converts: Bools, later: Bools, n: int) -> Int64s:
    # Each touch is followed by the next one, by a purchase or by nothing: one number for both.
    behind = later.astype(np.int64) * n
    follows = np.append(paths.touch[1:], paths.touch[:1])
    follows[paths.last] = np.where(converts, n, n + 1)
    number = (paths.touch + behind[paths.path]) * (n + 2) + follows
    inner = np.bincount(number, minlength=2 * n * (n + 2)).reshape(2, n, n + 2)
    begun = np.bincount(paths.touch[paths.begins] + behind, minlength=2 * n).reshape(2, 1, n)
    begun = np.concatenate([begun, np.zeros((2, 1, 2), dtype=np.int64)], axis=2)
    return np.concatenate([inner, begun], axis=1)
