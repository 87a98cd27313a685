"""A curve of shares over numbered periods, with its band, and the baseline's behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import bqplot
import numpy as np

from cx_widgets.widgets import _theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

_MARGIN_PX = {"top": 10, "bottom": 44, "left": 60, "right": 16}
_HEIGHT_PX = 248
_MOST_MARKS = 12
_MOST_POINTS = 36
"""Of more periods the points would be one thick line."""


class Curve(NamedTuple):
    """A table of shares, an entry for each period: the share, its bounds, and of how many it is."""

    period: Sequence[float | str]
    value: Sequence[float | str]
    lower: Sequence[float | str]
    upper: Sequence[float | str]
    n: Sequence[float | str]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Curve:
        """Return the curve of a frame with columns of these names."""
        return cls(*(frame[name].tolist() for name in cls._fields))


def _known(curve: Curve) -> NDArray[np.float64]:
    """Return the columns of a curve as numbers, of the periods whose share is known."""
    columns = np.array(curve, dtype=np.float64)
    return columns[:, ~np.isnan(columns[1])]


class ShareCurve(_theme.Frame):
    """The chart of a curve of shares.

    Parameters
    ----------
    title
        What the shares are, along their axis.
    """

    def __init__(self, title: str) -> None:
        self._across_scale, self._shares = bqplot.LinearScale(min=0), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": self._across_scale, "y": self._shares}
        self._band = bqplot.Lines(
            scales=scales,
            colors=[_theme.NOW],
            fill="between",
            fill_opacities=[_theme.BAND],
            opacities=[0.0],
            stroke_width=0,
        )
        self._ghost = bqplot.Lines(
            scales=scales, colors=[_theme.BASELINE], line_style="dashed", stroke_width=2
        )
        self._line = bqplot.Lines(
            scales=scales, colors=[_theme.NOW], stroke_width=2.5, marker="circle", marker_size=36
        )
        self._across = bqplot.Axis(
            scale=self._across_scale, grid_lines="none", tick_format="d", **_theme.titled(title=" ")
        )
        self._upwards = _theme.upright(
            bqplot.Axis(scale=self._shares, tick_format=".0%", **_theme.titled(title=title))
        )
        marks = [self._band, self._ghost, self._line]
        super().__init__(marks, [self._across, self._upwards], _MARGIN_PX, padding_x=0.02)

    def draw(self, now: Curve, before: Curve | None, across: str) -> None:
        """Show a curve, and the baseline's where there is one; nothing where no share is known.

        ``across`` says what the periods are, along their axis.
        """
        period, share, lower, upper, n = _known(now)
        behind = np.empty((len(Curve._fields), 0)) if before is None else _known(before)
        parts = (self._band, self._ghost, self._line, self._shares, self._across_scale, self._across)
        with _theme.held(*parts, self._upwards):
            self._line.x, self._line.y = period, share
            self._line.marker = "circle" if len(period) <= _MOST_POINTS else None
            self._ghost.x, self._ghost.y = behind[0], behind[1]
            self._ghost.visible = before is not None
            self._band.x = period
            self._band.y = np.array([lower, upper])
            marks = _theme.share_marks(share, behind[1], upper[n >= _theme.FIRM])
            self._shares.max, self._upwards.tick_values = float(marks[-1]), marks
            last = int(max([1, *period, *behind[0]]))
            self._across_scale.max, self._across.label = float(last), across
            self._across.tick_values = np.arange(0, last + 1, -(-last // _MOST_MARKS), dtype=float)
        if len(period):
            self.show(_HEIGHT_PX)
        else:
            self.hide()
