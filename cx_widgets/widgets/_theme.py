"""What the bqplot charts have in common: colours of the page's theme, figures, axes, marks of intervals."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np

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
        self._padding_x, self._bars_fitted = padding_x, 0
        super().__init__(layout=w.Layout(overflow="auto", max_height="520px"))

    def show(self, height: int, *, at_least_wide: int = 0) -> None:
        """Show the figure at a height, and no narrower than a width, in pixels."""
        self._drawing.layout.height = f"{height}px"
        self._drawing.layout.min_width = f"{at_least_wide}px"
        self.children = [self._drawing]

    def fit(self, bars: int) -> None:
        """Make room for so many bars: bqplot heeds their number only where it lays a figure out anew."""
        if self._bars_fitted != bars:
            self._bars_fitted = bars
            # It does so when the padding changes; this much is not seen.
            self._drawing.padding_x = self._padding_x + 1e-6 * bars

    def hide(self) -> None:
        """Take the figure away: bqplot cannot lay out one without size."""
        self.children = []


def held(*parts: w.Widget) -> ExitStack:
    """Hold the messages of several parts together, one for each at the end."""
    stack = ExitStack()
    for part in parts:
        stack.enter_context(part.hold_sync())
    return stack


def places(n: int) -> tuple[np.ndarray, float, float]:
    """Return where so many bars stand on a linear scale, and the ends of the scale.

    bqplot leaves half a bar free at both ends by itself. It draws a bar alone as a hairline, so one without
    length stands beside it, out of sight.
    """
    if n == 1:
        return np.array([0.0, 1.0]), -0.125, 0.125
    return np.arange(float(n)), -0.05, n - 0.95


def beside(lengths: np.ndarray) -> np.ndarray:
    """Return the lengths of bars (the last axis), with the one out of sight beside a bar alone."""
    if lengths.shape[-1] != 1:
        return lengths
    return np.concatenate([lengths, np.zeros_like(lengths)], axis=-1)


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
