"""Lying bars over names: one colour or several, side by side or end to end, with the baseline behind."""

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

_NAME_LENGTH = 20
_MARGIN_PX = {"top": 6, "bottom": 12, "right": 10}
_LEAST_LEFT_PX, _MOST_LEFT_PX, _TICK_PX = 60, 150, 20
_PX_A_LETTER = 6.4
_NARROW_PX = 300
"""What is left for bars and their texts where the page is narrow."""
_LEAST_ROOM, _MOST_ROOM = 0.02, 0.6
_END = 0.03
"""Of the length is free left of what lies below zero, so that no interval begins in a name."""


class NamedBars(_theme.Frame):
    """Bars from zero, a row for each name, a bar for each colour, a text at the end of each row or bar.

    Parameters
    ----------
    colours
        Of the bars of a row.
    stacked
        Whether they stand end to end, instead of one below the other.
    row_px, bar_px
        How high a row is without its bars, and each of its bars (the row has one if they are stacked).
    """

    def __init__(
        self, colours: Sequence[str], *, stacked: bool = False, row_px: int = 10, bar_px: int = 18
    ) -> None:
        self._row_px, self._bar_px, self._stacked = row_px, bar_px, stacked
        self._heads: Callable[[int, int], None] = _nothing
        self._rows, self._lengths = bqplot.LinearScale(reverse=True), bqplot.LinearScale(min=0.0, max=1.0)
        across, along = {"x": self._rows, "y": self._lengths}, {"x": self._lengths, "y": self._rows}
        kind = "stacked" if stacked else "grouped"
        self.ghost, self.bars = (
            bqplot.Bars(
                x=[0.0],
                y=[[0.0]],
                scales=across,
                type=kind,
                orientation="horizontal",
                color_mode="element",
                stroke="transparent",
            )
            for _ in range(2)
        )
        self.ghost.colors, self.ghost.opacities = [_theme.BASELINE] * len(colours), [0.4] * len(colours)
        self.ghost.visible = False
        self.bars.colors = list(colours)
        self.whiskers = bqplot.Lines(
            x=[[0.0, 0.0]], y=[[0.0, 0.0]], scales=along, colors=[_theme.TEXT], stroke_width=1.5
        )
        self.zero = bqplot.Lines(
            x=[0.0, 0.0], y=[0.0, 1.0], scales=along, colors=[_theme.MUTED], stroke_width=1
        )
        self.texts = bqplot.Label(
            scales=along, colors=[_theme.TEXT], default_size=12, font_weight="normal", x_offset=8, y_offset=1
        )
        self._axis = _theme.name_axis(self._rows)
        super().__init__(
            [self.ghost, self.bars, self.zero, self.whiskers, self.texts],
            [self._axis],
            {**_MARGIN_PX, "left": _MOST_LEFT_PX},
        )
        self.bars.on_element_click(self._on_click)

    def paint(self, colours: Sequence[str]) -> None:
        """Give the bars of a row other colours, as many as there will be."""
        if list(self.bars.colors) != list(colours):
            self.bars.colors = list(colours)

    def on_bar(self, heads: Callable[[int, int], None]) -> None:
        """Call with the row and the bar of the row (from 0) that were clicked."""
        self._heads = heads

    def _on_click(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        clicked = event["data"]
        self._heads(int(clicked["index"]), int(clicked.get("subIndex", 0)))

    def draw(
        self,
        names: Sequence[str],
        lengths: Floats,
        texts: Sequence[Sequence[str]],
        *,
        ends: Floats | None = None,
        before: Floats | None = None,
    ) -> None:
        """Show a row for each name.

        Parameters
        ----------
        names
            Of the rows.
        lengths
            A line for each colour, a column for each name.
        texts
            One for each name, in a single line, or one for each bar, in a line for each colour.
        ends
            Lower and upper end of an interval for each name; only where there is one bar in a row.
        before
            The baseline's lengths, like ``lengths``; None for no baseline.
        """
        if not len(names):
            self.hide()
            return
        groups, n = lengths.shape
        at = np.arange(n, dtype=float)
        known = np.nan_to_num(lengths)
        spans = np.full((n, 2), np.nan) if ends is None else ends
        behind = np.zeros_like(known) if before is None else np.nan_to_num(before)
        reach = np.concatenate([known.sum(axis=0, keepdims=True)] if self._stacked else [known])
        low = float(min(0.0, reach.min(initial=0), behind.min(initial=0), np.nanmin(spans, initial=0)))
        high = float(max(reach.max(initial=0), behind.max(initial=0), np.nanmax(spans, initial=0)))
        high = high if high > low else low + 1.0
        longest = max((len(text) for line in texts for text in line), default=0)
        room = min(max(longest * _PX_A_LETTER / _NARROW_PX, _LEAST_ROOM), _MOST_ROOM)
        parts = (self.ghost, self.bars, self.whiskers, self.zero, self.texts, self._axis)
        with _theme.held(*parts, self._rows, self._lengths):
            stands = _theme.places(self._rows, n)
            self._lengths.min = low - (_END * (high - low) if low < 0 else 0.0)
            self._lengths.max = low + (high - low) / (1 - room)
            self._axis.tick_values = at
            short = _numbers.told_apart([str(name) for name in names], _NAME_LENGTH)
            self._leave_room(max(map(len, short)))
            self._axis.tick_labels = {f"{i:g}": name for i, name in enumerate(short)}
            bars = 1 if self._stacked else groups
            row = self._row_px + bars * self._bar_px
            self.bars.x, self.bars.y = stands, _theme.beside(known)
            self.bars.padding = _theme.padding(bars * self._bar_px, row, n)
            self.ghost.x, self.ghost.y = stands, _theme.beside(behind)
            self.ghost.padding = _theme.padding(row - self._row_px / 2, row, n)
            self.ghost.visible = before is not None
            self.whiskers.x, self.whiskers.y = _theme.whiskers(spans, at)
            self.zero.x, self.zero.y = [0.0, 0.0], [-0.5, n - 0.5]
            self.zero.visible = low < 0
            self._write(texts, np.fmax(reach, behind), spans[:, 1], at, self._bar_px / row)
        self.show(row * n + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])

    def _leave_room(self, letters: int) -> None:
        """Keep as much room for the names as they need: what is left is for bars and texts."""
        needed = int(np.ceil(letters * _PX_A_LETTER)) + _TICK_PX
        left = min(max(needed, _LEAST_LEFT_PX), _MOST_LEFT_PX)
        if self._drawing.fig_margin["left"] != left:
            self._drawing.fig_margin = {**_MARGIN_PX, "left": left}

    def _write(
        self, texts: Sequence[Sequence[str]], reach: Floats, upper: Floats, at: Floats, bar: float
    ) -> None:
        """Put the texts right of the bars: of a whole row, or of each bar of it."""
        if len(texts) == 1:
            right = np.fmax(np.maximum(reach.max(axis=0), 0.0), upper)
            self.texts.x, self.texts.y, self.texts.text = right, at, list(texts[0])
            return
        middle = (len(texts) - 1) / 2
        self.texts.x = np.maximum(reach, 0.0).ravel()
        self.texts.y = np.concatenate([at + (group - middle) * bar for group in range(len(texts))])
        self.texts.text = [text for line in texts for text in line]


def _nothing(row: int, bar: int) -> None:
    """Do nothing: nobody listens."""
