"""Colours of the bqplot charts, as CSS variables of the page's theme with fallbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bqplot

STAGES = ("#4477AA", "#EE6677", "#228833", "#B8860B", "#66CCEE", "#AA3377", "#7F7F7F", "#EE8866")

TEXT = "var(--jp-ui-font-color1, #333333)"
MUTED = "var(--jp-ui-font-color2, #616161)"
NOW = STAGES[0]
_HIDDEN_PX = 60

BASELINE = "#9A9A9A"
DROP_OFF = "var(--jp-error-color1, #B3261E)"
SHARES = ("rgba(68, 119, 170, 0)", "rgba(68, 119, 170, 0.65)")
"""The heat map's scale: more or less of one blue over the page, so that text reads in both themes."""


def stage_colour(index: int) -> str:
    """Return the colour of the stage at this position; eight colours in turn, names always beside."""
    return STAGES[index % len(STAGES)]


def ticks(size: int = 11) -> dict[str, str]:
    """Return the style of tick labels that follow the page's theme."""
    return {"fill": TEXT, "font-size": f"{size}px"}


def sized(figure: bqplot.Figure, height: int | None) -> None:
    """Give a figure its height in pixels; None hides it, at a height that bqplot can still lay out."""
    figure.layout.height = f"{_HIDDEN_PX if height is None else height}px"
    figure.layout.visibility = "hidden" if height is None else "visible"


def upright(axis: bqplot.Axis) -> bqplot.Axis:
    """Return the axis standing; bqplot warns of its own argument when it is given at construction."""
    axis.orientation = "vertical"
    return axis
