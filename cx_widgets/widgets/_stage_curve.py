"""A curve along the stages: a number for each with its interval, another line beside, the baseline behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import numpy as np

from cx_widgets import _numbers
from cx_widgets.widgets import _theme

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OTHER = _theme.STAGES[3]
_MARGIN_PX = {"top": 12, "bottom": 36, "left": 58, "right": 24}
_HEIGHT_PX = 260
_STAGE_PX, _LETTERS = 76, 11
_WIDE, _FEW = 20, 5
_CAP = 0.06
_BESIDE = 0.12
_MARKS = 6


class StageCurve(_theme.Frame):
    """Points for the stages in order, joined; a click on a point tells its stage.

    Parameters
    ----------
    title
        What the numbers are, along their axis.
    """

    def __init__(self, title: str) -> None:
        self._heads: Callable[[int], None] = _nothing
        self._places: list[int] = []
        self._across_scale, self._up_scale = bqplot.LinearScale(), bqplot.LinearScale()
        scales = {"x": self._across_scale, "y": self._up_scale}
        self.line, self.other, self.ghost = (
            bqplot.Lines(
                x=[0.0], y=[0.0], scales=scales, colors=[colour], stroke_width=width, line_style=style
            )
            for colour, width, style in (
                (_theme.NOW, 2.5, "solid"),
                (OTHER, 2, "solid"),
                (_theme.BASELINE, 2, "dashed"),
            )
        )
        self.whiskers, self.other_whiskers = (
            bqplot.Lines(x=[[0.0, 0.0]], y=[[0.0, 0.0]], scales=scales, colors=[colour], stroke_width=1.5)
            for colour in (_theme.NOW, OTHER)
        )
        self.points, self.other_points = (
            bqplot.Scatter(x=[0.0], y=[0.0], scales=scales, colors=[colour], default_size=size, marker=marker)
            for colour, size, marker in ((_theme.NOW, 64, "circle"), (OTHER, 52, "diamond"))
        )
        self._below = bqplot.Axis(
            scale=self._across_scale, grid_lines="none", tick_format="d", tick_style=_theme.ticks()
        )
        self._left = _theme.upright(
            bqplot.Axis(scale=self._up_scale, tick_format="~g", **_theme.titled(title=title))
        )
        marks = [
            *(self.ghost, self.other_whiskers, self.other, self.whiskers, self.line),
            *(self.other_points, self.points),
        ]
        super().__init__(marks, [self._below, self._left], _MARGIN_PX, toolbar=False)
        self.points.on_element_click(self._on_click)

    def on_stage(self, heads: Callable[[int], None]) -> None:
        """Call with the place of the stage (from 0) whose point was clicked."""
        self._heads = heads

    def _on_click(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        self._heads(self._places[int(event["data"]["index"])])

    def draw(
        self,
        names: Sequence[str],
        scale: tuple[float, float],
        now: Floats,
        other: Floats,
        before: Floats | None,
    ) -> None:
        """Show value, lower and upper end (columns) of each stage; of the baseline the value alone.

        Stages without a number have no point, and the line goes on behind them.
        """
        n = len(names)
        at = np.arange(n, dtype=float)
        known, there = np.isfinite(now[:, 0]), np.isfinite(other[:, 0])
        self._places = np.flatnonzero(known).tolist()
        parts = (self.line, self.other, self.ghost, self.points, self.other_points, self.whiskers)
        with _theme.held(
            *parts, self.other_whiskers, self._below, self._left, self._across_scale, self._up_scale
        ):
            self._across_scale.min, self._across_scale.max = -0.5, n - 0.5
            self._up_scale.min, self._up_scale.max = scale
            self._left.tick_values = marks_of(*scale)
            letters = _LETTERS if n > _FEW else _WIDE
            self._below.tick_values = at
            short = _numbers.told_apart([str(name) for name in names], letters)
            self._below.tick_labels = {f"{i:g}": name for i, name in enumerate(short)}
            behind = np.full(n, np.nan) if before is None else before
            seen = np.isfinite(behind)
            for mark, places, values in (
                (self.line, at[known], now[known, 0]),
                (self.points, at[known], now[known, 0]),
                (self.other, at[there] + _BESIDE, other[there, 0]),
                (self.other_points, at[there] + _BESIDE, other[there, 0]),
                (self.ghost, at[seen], behind[seen]),
                (self.whiskers, *_upright_whiskers(now[:, 1:], at)),
                (self.other_whiskers, *_upright_whiskers(other[:, 1:], at + _BESIDE)),
            ):
                # bqplot draws marks without a point as broken paths.
                mark.visible = len(places) > 0
                if len(places):
                    mark.x, mark.y = places, values
        if known.any():
            wide = _STAGE_PX * n + _MARGIN_PX["left"] + _MARGIN_PX["right"]
            self.show(_HEIGHT_PX, at_least_wide=wide if n > _FEW else 0)
        else:
            self.hide()


def marks_of(low: float, high: float) -> Floats:
    """Return round numbers from one end of a scale to the other, both among them where they are round."""
    width = (high - low) / _MARKS
    unit = 10.0 ** np.floor(np.log10(width))
    step = next(unit * size for size in (1, 2, 5, 10) if unit * size >= width * (1 - 1e-9))
    if high - low <= _MARKS and low == round(low):
        step = 1.0 if high - low > 1 else step
    marks: Floats = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return marks


def _upright_whiskers(ends: Floats, at: Floats) -> tuple[list[list[float]], list[list[float]]]:
    xs: list[list[float]] = []
    ys: list[list[float]] = []
    for (low, high), place in zip(ends.tolist(), at.tolist(), strict=True):
        if np.isfinite(low) and np.isfinite(high):
            xs += [[place, place], [place - _CAP, place + _CAP], [place - _CAP, place + _CAP]]
            ys += [[low, high], [low, low], [high, high]]
    return xs, ys


def _nothing(stage: int) -> None:
    """Do nothing: nobody listens."""
