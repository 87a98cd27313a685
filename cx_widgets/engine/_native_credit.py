"""The kernels of native/credit.cpp: what touchpoints get of the purchases at the end of paths."""

from __future__ import annotations

from ctypes import byref, c_int64
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, whole
from cx_widgets.engine._credit import EVERY_TOUCH, ONE_TOUCH, PARTS, Credited, Division

if TYPE_CHECKING:
    import ctypes

    from numpy.typing import NDArray


def divided(cx: ctypes.CDLL, asked: Division) -> Credited:
    """Return what touchpoints get."""
    found, n = asked.found, asked.n_lines
    touch, line = whole(found.touch, np.int32), whole(asked.line, np.int32)
    begins, purchase = whole(found.begins, np.int64), whole(found.purchase, np.int64)
    later, value = whole(found.later, np.bool_), whole(found.value, np.float64)
    met, counts = np.zeros(n, np.int64), np.zeros((len(ONE_TOUCH) + 1, 2, n), np.int64)
    earned = np.zeros((len(PARTS), n, len(ONE_TOUCH)))
    shares = np.zeros((len(PARTS), n, 2, len(EVERY_TOUCH)))
    steps = np.zeros((2, n + 1, n + 2), np.int64) if asked.steps else None
    to = _library.Division(
        *[at(array) for array in (touch, begins, purchase, later, value)],
        *(len(touch), len(begins), at(line), n, asked.direct, asked.ends, None, None),
        *[at(array) for array in (met, counts, earned, shares)],
        None if steps is None else at(steps),
    )
    # Held until the kernel has read them.
    aged = _weights_by_age(cx, to, asked) if "time decay" in asked.rules else None
    if aged is not None:
        to.weight, to.together = (at(array) for array in aged)
    cx.cx_divide(byref(to))
    every = np.concatenate([counts.sum(axis=1, keepdims=True), counts], axis=1)
    credit, worth = np.empty((len(asked.rules), len(PARTS), n)), np.empty((len(asked.rules), len(PARTS), n))
    for place, rule in enumerate(asked.rules):
        if rule in ONE_TOUCH:
            number = ONE_TOUCH.index(rule)
            credit[place], worth[place] = every[number], earned[:, :, number]
        else:
            number = EVERY_TOUCH.index(rule)
            credit[place], worth[place] = shares[:, :, 0, number], shares[:, :, 1, number]
    return Credited(credit, worth, every[-1], steps)


def _weights_by_age(
    cx: ctypes.CDLL, to: _library.Division, asked: Division
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return of each touch before a purchase the weight by its age, and of each of these paths their sum."""
    tick = whole(asked.found.tick, asked.found.tick.dtype)
    age, begins, touches = np.empty(len(tick)), np.empty(to.paths, np.int64), c_int64()
    paths = cx.cx_ages(byref(to), tick.itemsize, at(tick), at(age), at(begins), byref(touches))
    weight = np.exp2(age[: touches.value] / asked.half_life)
    together = np.add.reduceat(weight, begins[:paths]) if paths else weight
    return whole(weight, np.float64), whole(together, np.float64)
