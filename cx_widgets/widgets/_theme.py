"""What the bqplot charts have in common: colours of the page's theme, figures, axes, marks of intervals."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np
from bqplot.marks import Array, array_dimension_bounds, array_serialization

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

STAGES = ("#4477AA", "#EE6677", "#228833", "#B8860B", "#66CCEE", "#AA3377", "#7F7F7F", "#EE8866")

TEXT = "var(--jp-ui-font-color1, #333333)"
MUTED = "var(--jp-ui-font-color2, #616161)"
NOW = STAGES[0]
BASELINE = "#9A9A9A"
DROP_OFF = "var(--jp-error-color1, #B3261E)"
SHARES = ("rgba(68, 119, 170, 0)", "rgba(68, 119, 170, 0.65)")
"""The heat map's scale: more or less of one blue over the page, so that text reads in both themes."""
BAND = 0.3
"""How opaque the band of an interval is: it has to be seen on a dark page as well."""
_BESIDE, _BELOW = "46px", "32px"


def stage_colour(index: int) -> str:
    """Return the colour of the stage at this position; eight colours in turn, names always beside."""
    return STAGES[index % len(STAGES)]


def period_name(start: pd.Timestamp, period: str) -> str:
    """Return the name of the period of a kind ("D", "W", "M", "Q") that begins at a moment."""
    if period == "Q":
        return f"{start.year} Q{start.quarter}"
    return f"{start:%Y-%m}" if period == "M" else f"{start:%Y-%m-%d}"


def ticks(size: int = 11) -> dict[str, str]:
    """Return the style of tick labels that follow the page's theme."""
    return {"fill": TEXT, "font-size": f"{size}px"}


def titled(size: int = 11, *, title: str) -> dict[str, object]:
    """Return the style of an axis with a title, for its construction."""
    return {"tick_style": ticks(size), "label": title, "label_color": TEXT, "label_offset": _BELOW}


def upright(axis: bqplot.Axis) -> bqplot.Axis:
    """Return the axis standing; bqplot warns of its own argument when it is given at construction."""
    axis.orientation = "vertical"
    if axis.label:
        axis.label_offset = _BESIDE
    return axis


def name_axis(scale: bqplot.Scale) -> bqplot.Axis:
    """Return the axis of names left of lying bars, whose own line at zero is the only one seen."""
    return upright(
        bqplot.Axis(
            scale=scale, grid_lines="none", color="transparent", tick_format="d", tick_style=ticks(12)
        )
    )


class Grid(bqplot.GridHeatMap):
    """A heat map that can be of one row or one column, which bqplot's own makes a list of numbers."""

    color = (
        Array(None, allow_none=True)
        .tag(sync=True, scaled=True, rtype="Color", atype="bqplot.ColorAxis", **array_serialization)
        .valid(array_dimension_bounds(2, 2))
    )


class Frame(w.Box):
    """A figure over the page's own background, as wide as its place; it scrolls where it grows too large.

    Parameters
    ----------
    marks, axes, margin, padding_x
        As a bqplot figure takes them.
    toolbar
        Whether bqplot shows its buttons under the pointer; they cover what lies at the upper right.
    """

    def __init__(
        self,
        marks: Sequence[bqplot.Mark],
        axes: Sequence[bqplot.Axis],
        margin: Mapping[str, int],
        padding_x: float = 0,
        *,
        toolbar: bool = True,
    ) -> None:
        self._drawing = bqplot.Figure(
            marks=list(marks),
            axes=list(axes),
            fig_margin=dict(margin),
            padding_x=padding_x,
            padding_y=0,
            background_style={"fill": "transparent"},
            layout=w.Layout(width="100%", min_width="0"),
            display_toolbar=toolbar,
        )
        self._drawing.add_class("cx-chart")
        super().__init__(layout=w.Layout(overflow="auto", max_height="520px"))

    def show(self, height: int, *, at_least_wide: int = 0) -> None:
        """Show the figure at a height, and no narrower than a width, in pixels."""
        self._drawing.layout.height = f"{height}px"
        self._drawing.layout.min_width = f"{at_least_wide}px"
        self.children = [self._drawing]

    def hide(self) -> None:
        """Take the figure away: bqplot cannot lay out one without size."""
        self.children = []


def held(*parts: w.Widget) -> ExitStack:
    """Hold the messages of several parts together, one for each at the end."""
    stack = ExitStack()
    for part in parts:
        stack.enter_context(part.hold_sync())
    return stack


def places(scale: bqplot.Scale, n: int) -> np.ndarray:
    """Give so many bars a step each of a linear scale, and return where they stand.

    bqplot draws a bar alone as a hairline, so one without length stands beside it, out of sight.
    """
    scale.min, scale.max, scale.allow_padding = -0.5, n - 0.5, False
    return np.arange(float(max(n, 2)))


def beside(lengths: np.ndarray) -> np.ndarray:
    """Return the lengths of bars (the last axis), with the one out of sight beside a bar alone."""
    if lengths.shape[-1] != 1:
        return lengths
    return np.concatenate([lengths, np.zeros_like(lengths)], axis=-1)


def padding(bar: float, step: int, n: int) -> float:
    """Return the padding with which each of so many bars is so thick, where it has a step of its own.

    bqplot divides by their number the room from the first bar to the last, which is a step less than theirs,
    and rounds down: few bars were thin, and stood elsewhere than what is written beside them.
    """
    bars = max(n, 2)
    return 1 - bar / (step * (bars - 1) // bars)


FIRM = 30
"""Customers an interval has to rest on to count for the height of a chart; others may run off its top."""
_LOWEST_TOP = 0.05
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_MARKS = 5


def round_marks(low: float, high: float, *, whole: bool = False) -> np.ndarray:
    """Return a handful of round numbers that reach from one end of an axis to the other."""
    width = max(high - low, 1.0 if whole else 1e-12)
    unit = 10.0 ** np.floor(np.log10(width / _MARKS))
    step = next(unit * size for size in (1, 2, 5, 10) if unit * size * _MARKS >= width * (1 - 1e-9))
    step = max(step, 1.0) if whole else step
    marks: np.ndarray = np.arange(np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9) + 1) * step
    return marks


def share_marks(*shares: Iterable[float]) -> np.ndarray:
    """Return the shares to mark on an axis, from 0 to at least the largest of these."""
    top = max([_LOWEST_TOP, *(share for some in shares for share in some if share <= 1)])
    step = next(step for step in _STEPS if step * _MARKS >= top - 1e-9)
    return np.arange(0, np.ceil(round(top / step, 9)) + 1) * step


def whiskers(ends: np.ndarray, at: np.ndarray) -> tuple[list[list[float]], list[list[float]]]:
    """Return the lines of the interval marks: the span and its two caps for each bar."""
    xs: list[list[float]] = []
    ys: list[list[float]] = []
    for (low, high), row in zip(ends, at, strict=True):
        if np.isfinite(low) and np.isfinite(high):
            xs += [[low, high], [low, low], [high, high]]
            ys += [[row, row], [row - 0.1, row + 0.1], [row - 0.1, row + 0.1]]
    return (xs, ys) if xs else ([[0.0, 0.0]], [[0.0, 0.0]])
