"""A curve of the share that something has happened to by a time, with its band and the baseline's behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import numpy as np

from cx_widgets.widgets import _theme

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MARGIN_PX = {"top": 10, "bottom": 44, "left": 60, "right": 16}
_HEIGHT_PX = 260
_POINTS = 200
"""A curve of many steps is drawn by this many: more than there are pixels between them to see."""
_UNITS = (("Days", 86_400.0), ("Hours", 3_600.0), ("Minutes", 60.0), ("Seconds", 1.0))
_ENOUGH = 3.0
"""So many of a unit at least, or the next smaller one is taken."""


class TimeCurve(_theme.Frame):
    """The chart of a table with columns ``time``, ``share``, ``lower`` and ``upper``, as a step curve.

    Parameters
    ----------
    title
        What the shares are, along their axis.
    """

    def __init__(self, title: str) -> None:
        self._across_scale, self._shares = bqplot.LinearScale(min=0.0), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": self._across_scale, "y": self._shares}
        ends = {"x": [0.0, 1.0], "scales": scales, "interpolation": "step-after"}
        self._band = bqplot.Lines(
            **ends,
            y=[[0.0, 0.0], [0.0, 0.0]],
            colors=[_theme.NOW],
            fill="between",
            fill_opacities=[_theme.BAND],
            opacities=[0.0],
            stroke_width=0,
        )
        self._ghost = bqplot.Lines(
            **ends, y=[0.0, 0.0], colors=[_theme.BASELINE], line_style="dashed", stroke_width=2
        )
        self._line = bqplot.Lines(**ends, y=[0.0, 0.0], colors=[_theme.NOW], stroke_width=2.5)
        self._across = bqplot.Axis(
            scale=self._across_scale, grid_lines="none", tick_format="~g", **_theme.titled(title=" ")
        )
        self._upwards = _theme.upright(
            bqplot.Axis(scale=self._shares, tick_format=".0%", **_theme.titled(title=title))
        )
        marks = [self._band, self._ghost, self._line]
        super().__init__(marks, [self._across, self._upwards], _MARGIN_PX)

    def draw(self, now: pd.DataFrame, before: pd.DataFrame | None, since: str) -> None:
        """Show a curve, and the baseline's where there is one; nothing where nothing ever happened.

        ``since`` says what the time is counted from, behind its unit.
        """
        behind = None if before is None or before.empty else before
        longest = (
            max(_seconds(table).max() for table in (now, behind) if table is not None) if len(now) else 0
        )
        if not longest:
            self.hide()
            return
        unit, size = next((each for each in _UNITS if longest / each[1] >= _ENOUGH), _UNITS[-1])
        grid = np.linspace(0.0, longest, _POINTS + 1)
        parts = (self._band, self._ghost, self._line, self._across_scale, self._shares)
        with _theme.held(*parts, self._across, self._upwards):
            line, low, high = (_steps(now, name, grid) for name in ("share", "lower", "upper"))
            self._line.x, self._line.y = grid / size, line
            known = np.isfinite(low) & np.isfinite(high)
            self._band.visible = bool(known.any())
            if known.any():
                self._band.x, self._band.y = grid[known] / size, np.array([low[known], high[known]])
            self._ghost.visible = behind is not None
            ghost = line if behind is None else _steps(behind, "share", grid)
            self._ghost.x, self._ghost.y = grid / size, ghost
            marks = _theme.share_marks(line, ghost, high[known])
            self._shares.max, self._upwards.tick_values = float(marks[-1]), marks
            self._across_scale.max = longest / size
            marks = _theme.round_marks(0.0, longest / size)
            # One beyond the end would be written half outside of the figure.
            self._across.tick_values = marks[marks <= longest / size]
            self._across.label = f"{unit} {since}"
        self.show(_HEIGHT_PX)


def _seconds(table: pd.DataFrame) -> Floats:
    """Return the times in seconds."""
    seconds: Floats = table["time"].dt.total_seconds().to_numpy(float)
    return seconds


def _steps(table: pd.DataFrame, name: str, grid: Floats) -> Floats:
    """Return a column at the times of the grid: its value at the last time so far, 0 before the first."""
    at = np.searchsorted(_seconds(table), grid, side="right")
    column = table[name].to_numpy(float)
    # A band that is not known is not known before the first time either.
    first = np.nan if np.isnan(column).all() else 0.0
    values: Floats = np.concatenate([[first], column])[at]
    return values
