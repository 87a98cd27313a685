"""Conversion by the period in which customers entered."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w

from cx_widgets import _numbers
from cx_widgets.metrics.trend import trend
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_PERIODS = (("D", "days"), ("W", "weeks"), ("M", "months"), ("Q", "quarters"))
_MARGIN_PX = {"top": 10, "bottom": 36, "left": 60, "right": 24}
_HEIGHT_PX = 240
_COLUMNS = (
    "Entered",
    "Entrants",
    "Converted",
    "Conversion",
    "95% interval",
    "Still open",
    "Ripe",
    "Against the period before",
    "95% interval",
)


class TrendView(Panel, w.VBox):
    """The conversion of those who entered in each period; periods not yet ripe are hollow.

    A point, or a row of the table, selects its customers.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose trend lies behind; the one given at the start by default.
    """

    TITLE = "Conversion over time"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._days: dict[bool, list[str]] = {True: [], False: []}
        self._period = Chooser("Entered by", _PERIODS, "M", kind="segments")
        dates, self._shares = bqplot.DateScale(), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": dates, "y": self._shares}
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
        self._curve = bqplot.Lines(scales=scales, colors=[_theme.NOW], stroke_width=2)
        self._ripe = bqplot.Scatter(scales=scales, colors=[_theme.NOW], default_size=42)
        self._unripe = bqplot.Scatter(
            scales=scales, colors=[_theme.NOW], default_size=42, fill=False, stroke_width=2
        )
        self._upwards = _theme.upright(
            bqplot.Axis(scale=self._shares, tick_format=".0%", **_theme.titled(title="Conversion"))
        )
        across = bqplot.Axis(scale=dates, grid_lines="none", tick_style=_theme.ticks())
        marks = [self._band, self._ghost, self._curve, self._ripe, self._unripe]
        self._frame = _theme.Frame(marks, [across, self._upwards], _MARGIN_PX)
        self._charts, self._asks = (self._frame,), self._period
        super().__init__(children=[self._period, self._caption, self._frame])
        self._start(log, definition, baseline)
        for mark, ripe in ((self._ripe, True), (self._unripe, False)):
            mark.on_element_click(partial(self._on_point, ripe))
        self._period.observe(self._on_period, names="_value")
        self._caption.observe(self._on_row, names="_selected")

    def _show(self, good: Definition) -> None:
        now = trend(self.event_log, good, period=self._period.value).frame
        before = (
            now
            if self._compared is None
            else trend(self.event_log, self._compared, period=self._period.value).frame
        )
        self._chart(now, before)
        legend = [("now", "now"), ("95% interval", "interval")]
        if self._compared is not None:
            legend.append(("baseline", "dashed"))
        self._caption.tell(
            self.TITLE,
            description=" ".join(
                [
                    "Of those who entered in a period, the share who converted, whenever that was.",
                    _last_change(now),
                ]
            ).rstrip(),
            legend=legend if now["conversion"].notna().any() else (),
            columns=_COLUMNS,
            rows=[_row(period, row) for period, row in now.iterrows()],
            note="Nobody entered."
            if not now["conversion"].notna().any()
            else "A hollow point is not ripe: entrants may still convert. It is compared with none."
            if not now["ripe"].all()
            else "",
        )
        self._mark_selected()

    def _chart(self, now: pd.DataFrame, before: pd.DataFrame) -> None:
        known, compared = now[now["conversion"].notna()], before[before["conversion"].notna()]
        ripe, unripe = known[known["ripe"]], known[~known["ripe"]]
        marks = _theme.share_marks(
            known["conversion"], compared["conversion"], known["upper"][known["entrants"] >= _theme.FIRM]
        )
        parts = (self._band, self._ghost, self._curve, self._ripe, self._unripe)
        with _theme.held(*parts, self._shares, self._upwards):
            for part, rows in (
                (self._curve, known),
                (self._ghost, compared),
                (self._ripe, ripe),
                (self._unripe, unripe),
            ):
                part.x, part.y = _starts(rows), rows["conversion"].to_numpy(float)
            for rows in (ripe, unripe):
                self._days[rows is ripe] = [str(start.date()) for start in rows["start"]]
            self._band.x, self._band.y = _starts(known), known[["lower", "upper"]].to_numpy(float).T
            self._ghost.visible = self._compared is not None
            self._shares.max, self._upwards.tick_values = float(marks[-1]), marks
        if len(known):
            self._frame.show(_HEIGHT_PX)
        else:
            self._frame.hide()

    def _mark_selected(self) -> None:
        chosen = self.selected
        mine = chosen is not None and chosen.kind == "entered" and chosen.stage == self._period.value
        key = chosen.to if mine and chosen is not None else None
        self._caption.mark(key)

    def _on_period(self, change: object) -> None:
        if self.selected is not None and self.selected.kind == "entered":
            self.selected = None
        self._refresh(change)

    def _on_point(self, ripe: bool, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002, FBT001 - bqplot passes them
        day = self._days[ripe][event["data"]["index"]]
        self.selected = toggled(self.selected, Selection("entered", self._period.value, day))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            self.selected = Selection("entered", self._period.value, key)
        elif self.selected is not None and self.selected.kind == "entered":
            self.selected = None


def _starts(rows: pd.DataFrame) -> np.ndarray:
    starts = rows["start"]
    return (starts.dt.tz_localize(None) if starts.dt.tz is not None else starts).to_numpy("datetime64[ns]")


def _points(change: float) -> str:
    points = _numbers.points(change)
    return points if points == _numbers.UNDEFINED else f"{points} pp"


def _last_change(now: pd.DataFrame) -> str:
    """Return the last change that can be told, as a sentence."""
    told = now[now["change"].notna()]
    if told.empty:
        return ""
    row, period = told.iloc[-1], told.index[-1]
    span = _numbers.points_span(float(row["change_lower"]), float(row["change_upper"]))
    return f"{period} against the period before: {_points(float(row['change']))} (95%: {span})."


def _row(period: object, row: pd.Series) -> tuple[str | None, list[str]]:
    cells = [
        str(period),
        _numbers.count(row["entrants"]),
        _numbers.count(row["converted"]),
        _numbers.percent(float(row["conversion"])),
        _numbers.span(float(row["lower"]), float(row["upper"])),
        _numbers.count(row["open"]),
        "yes" if row["ripe"] else "not yet",
        _points(float(row["change"])),
        _numbers.points_span(float(row["change_lower"]), float(row["change_upper"])),
    ]
    return (str(row["start"].date()) if row["entrants"] else None, cells)
