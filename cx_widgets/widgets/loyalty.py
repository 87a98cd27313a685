"""Loyalty: who comes back, how soon, without looking around again, and who recommends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics import loyalty
from cx_widgets.rules import format_duration
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import Face, side_by_side
from cx_widgets.widgets._caption import Caption

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.log import EventLog

_MARGIN_PX = {"top": 10, "bottom": 36, "left": 48, "right": 16}
_HEIGHT_PX = 240
_MOST_PERIODS = 12
_FIGURES = ("Figure", "Value", "95% interval", "Of", "How")
_PERIODS = ("Period", "Came back", "Wholly observed", "Retention", "95% interval")


class LoyaltyPanel(Face, w.VBox):
    """The loyalty figures of a definition and the retention curve since the first purchase.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose curve lies behind; the one given at the start by default.
    """

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._numbers = Caption(), Caption(_open=True)
        periods, shares = bqplot.LinearScale(min=0), bqplot.LinearScale(min=0.0, max=1.0)
        self._shares, self._periods = shares, periods
        scales = {"x": periods, "y": shares}
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
        self._curve = bqplot.Lines(
            scales=scales, colors=[_theme.NOW], stroke_width=2.5, marker="circle", marker_size=36
        )
        self._across = bqplot.Axis(
            scale=periods, grid_lines="none", tick_style=_theme.ticks(), tick_format="d"
        )
        self._upwards = _theme.upright(
            bqplot.Axis(scale=shares, tick_format=".0%", tick_style=_theme.ticks())
        )
        self._frame = _theme.Frame(
            [self._band, self._ghost, self._curve], [self._across, self._upwards], _MARGIN_PX, padding_x=0.02
        )
        curve = w.VBox([self._caption, self._frame], layout=w.Layout(min_width="0"))
        parts = w.GridBox([curve, self._numbers], layout=w.Layout(**side_by_side()))
        super().__init__(children=[parts])
        self._start(log, definition, baseline)

    def _draw(self) -> None:
        if self._good is None:
            self._frame.hide()
            self._caption.tell("Retention", description="No figures yet.", note=self.problems[0].message)
            self._numbers.tell("Loyalty")
            return
        now = loyalty(self.event_log, self._good)
        before = now if self._compared is None else loyalty(self.event_log, self._compared)
        same = self._compared is None
        self._retention(now.retention, before.retention, same=same)
        period = format_duration(self._good.rules.retention_period)
        legend = [("now", "now"), ("95% interval", "interval")] + ([] if same else [("baseline", "baseline")])
        self._caption.tell(
            "Retention",
            description=f"Share of buyers who buy again, by period of {period} since their first purchase.",
            legend=legend,
            columns=_PERIODS,
            rows=[
                (
                    None,
                    [
                        str(int(row["period"])),
                        _numbers.count(row["retained"]),
                        _numbers.count(row["mature"]),
                        _numbers.percent(float(row["rate"])),
                        _numbers.span(float(row["lower"]), float(row["upper"])),
                    ],
                )
                for _, row in now.retention.reset_index().iterrows()
            ],
            note="Figures of the last good definition." if self._stale else _reason(now.frame),
        )
        self._numbers.tell(
            "Loyalty", columns=_FIGURES, rows=[(None, _cells(row)) for _, row in now.frame.iterrows()]
        )

    def _retention(self, now: pd.DataFrame, before: pd.DataFrame, *, same: bool) -> None:
        now, before = _drawable(now), _drawable(before)
        with _theme.held(self._curve, self._ghost, self._band, self._shares, self._periods, self._across):
            self._curve.x, self._curve.y = now["period"].to_numpy(float), now["rate"].to_numpy(float)
            self._ghost.x, self._ghost.y = before["period"].to_numpy(float), before["rate"].to_numpy(float)
            self._ghost.visible = not same
            self._band.x = now["period"].to_numpy(float)
            self._band.y = now[["lower", "upper"]].to_numpy(float).T
            marks = _theme.share_marks(
                now["rate"], before["rate"], now["upper"][now["mature"] >= _theme.FIRM]
            )
            self._shares.max = float(marks[-1])
            self._upwards.tick_values = marks
            last = int(max([1, *now["period"], *before["period"]]))
            self._periods.max = float(last)
            self._across.tick_values = np.arange(0, last + 1, -(-last // _MOST_PERIODS), dtype=float)
        if len(now):
            self._frame.show(_HEIGHT_PX)
        else:
            self._frame.hide()

    def _show_error(self, sentence: str) -> None:
        self._caption.tell("Retention", note=sentence)


def _drawable(retention: pd.DataFrame) -> pd.DataFrame:
    """Return the periods after the first purchase's own that some buyer was wholly observed in."""
    table = retention.reset_index()
    return table[(table["period"] > 0) & table["rate"].notna()]


def _reason(frame: pd.DataFrame) -> str:
    """Return why retention is undefined, or nothing."""
    undefined = bool(frame["value"].isna()["retention"])
    return str(frame.loc["retention", "note"]) if undefined else ""


def _cells(row: pd.Series) -> list[str]:
    show = _SHOWN.get(str(row["unit"]), _plain)
    bounds = [float(row["lower"]), float(row["upper"])]
    known = not any(np.isnan(bounds))
    parts = [_numbers.count(row["numerator"]), _numbers.count(row["denominator"])]
    return [
        str(row["label"]),
        show(float(row["value"])),
        f"{show(bounds[0])} to {show(bounds[1])}" if known else _numbers.UNDEFINED,
        " / ".join(parts) if _numbers.UNDEFINED not in parts else _numbers.UNDEFINED,
        ". ".join(part for part in (str(row["method"]), str(row["note"])) if part),
    ]


def _plain(value: float) -> str:
    return _numbers.UNDEFINED if np.isnan(value) else f"{value:,.2f}"


def _ratio(value: float) -> str:
    return _numbers.UNDEFINED if np.isnan(value) or value == 0 else f"1 : {1 / value:,.2f}"


_SHOWN = {"share": _numbers.percent, "count": _numbers.count, "seconds": _numbers.seconds, "ratio": _ratio}
