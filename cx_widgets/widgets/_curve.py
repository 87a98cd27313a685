"""A curve of shares over numbered periods, with its band, and the baseline's behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import numpy as np

from cx_widgets.widgets import _theme

if TYPE_CHECKING:
    import pandas as pd

_MARGIN_PX = {"top": 10, "bottom": 44, "left": 60, "right": 16}
_HEIGHT_PX = 248
_MOST_MARKS = 12


class ShareCurve(_theme.Frame):
    """The chart of a table of shares: columns ``period``, ``value``, ``lower``, ``upper``, ``n``.

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
            fill_opacities=[0.18],
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

    def draw(self, now: pd.DataFrame, before: pd.DataFrame | None, across: str) -> None:
        """Show a table, and the baseline's where there is one; nothing where no share is known.

        ``across`` says what the periods are, along their axis.
        """
        now = now[now["value"].notna()]
        behind = now.iloc[:0] if before is None else before[before["value"].notna()]
        parts = (self._band, self._ghost, self._line, self._shares, self._across_scale, self._across)
        with _theme.held(*parts, self._upwards):
            for mark, table in ((self._line, now), (self._ghost, behind)):
                mark.x, mark.y = table["period"].to_numpy(float), table["value"].to_numpy(float)
            self._ghost.visible = before is not None
            self._band.x = now["period"].to_numpy(float)
            self._band.y = now[["lower", "upper"]].to_numpy(float).T
            marks = _theme.share_marks(now["value"], behind["value"], now["upper"][now["n"] >= _theme.FIRM])
            self._shares.max, self._upwards.tick_values = float(marks[-1]), marks
            last = int(max([1, *now["period"], *behind["period"]]))
            self._across_scale.max, self._across.label = float(last), across
            self._across.tick_values = np.arange(0, last + 1, -(-last // _MOST_MARKS), dtype=float)
        if len(now):
            self.show(_HEIGHT_PX)
        else:
            self.hide()
