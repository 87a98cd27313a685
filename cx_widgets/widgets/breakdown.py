"""Conversion by the groups of a column, each against everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.binding import as_log
from cx_widgets.metrics._customers import noun
from cx_widgets.metrics.breakdown import breakdown
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_NAME_LENGTH = 20
_ROW_PX = 34
_MARGIN_PX = {"top": 6, "bottom": 12, "left": 150, "right": 10}
_HEADROOM = 1.6
_COLUMNS = (
    "Group",
    "Entrants",
    "Converted",
    "Conversion",
    "95% interval",
    "Against the others",
    "95% interval",
    "q",
)
_NO_COLUMN = (
    "The log has no column besides customer, time and event. Keep one, such as the channel, in the DataFrame."
)
_ABOUT_Q = (
    "q: the share of false alarms to expect among differences called real at this one (Benjamini-Hochberg); "
    "a dash where a group is too small to test."
)


class BreakdownView(Panel, w.VBox):
    """The conversion of each group of a column, with its difference to all other entrants.

    A bar, or a row of the table, selects its customers.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        Kept beside, so that all views link alike.
    """

    TITLE = "Conversion by group"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._column = Chooser("Column", [], "", kind="list")
        self._rows, self._shares = bqplot.LinearScale(reverse=True), bqplot.LinearScale(min=0)
        along = {"x": self._shares, "y": self._rows}
        self._bars = bqplot.Bars(
            scales={"x": self._rows, "y": self._shares},
            orientation="horizontal",
            colors=[_theme.NOW],
        )
        self._whiskers = bqplot.Lines(scales=along, colors=[_theme.TEXT], stroke_width=1.5)
        self._labels = bqplot.Label(
            scales=along, colors=[_theme.TEXT], default_size=12, font_weight="normal", x_offset=8, y_offset=1
        )
        self._axis = _theme.name_axis(self._rows)
        self._frame = _theme.Frame([self._bars, self._whiskers, self._labels], [self._axis], _MARGIN_PX)
        self._charts, self._asks = (self._frame,), self._column
        super().__init__(children=[self._column, self._caption, self._frame])
        self._start(log, definition, baseline)
        self._bars.on_element_click(self._on_bar)
        self._column.observe(self._on_column, names="_value")
        self._caption.observe(self._on_row, names="_selected")

    def _start(self, log: object, definition: object, baseline: object) -> None:
        known = as_log(log)
        self._column.offer([(name, name) for name in known.columns])
        self._column.value = known.roles.get("channel", next(iter(known.columns), ""))
        super()._start(log, definition, baseline)

    def _show(self, good: Definition) -> None:
        if not self._column.value:
            self._column.layout.display = "none"
            self._empty(_NO_COLUMN)
            return
        frame = breakdown(self.event_log, good, self._column.value).frame
        self._chart(frame)
        self._caption.tell(
            self.TITLE,
            description=f"Each {noun(good, 1).removeprefix('1 ')} belongs to the group of its first "
            f"event's {self._column.value}.",
            legend=[("conversion", "now"), ("95% interval", "interval")] if len(frame) else (),
            columns=_COLUMNS,
            rows=[_row(group, row) for group, row in frame.iterrows()],
            note=_ABOUT_Q if len(frame) else "Nobody entered.",
        )
        self._mark_selected()

    def _chart(self, frame: pd.DataFrame) -> None:
        share = frame["conversion"].to_numpy(float)
        at = np.arange(len(frame), dtype=float)
        ends = frame[["lower", "upper"]].to_numpy(float)
        with _theme.held(self._bars, self._whiskers, self._labels, self._axis, self._rows, self._shares):
            stands = _theme.places(self._rows, len(frame))
            self._shares.max = float(max(np.nanmax(ends, initial=0.0), 0.01) * _HEADROOM)
            self._axis.tick_values = at
            short = _numbers.told_apart([str(name) for name in frame.index], _NAME_LENGTH)
            self._axis.tick_labels = {f"{i:g}": name for i, name in enumerate(short)}
            self._bars.padding = _theme.padding(_ROW_PX / 2, _ROW_PX, len(frame))
            self._bars.x, self._bars.y = stands, _theme.beside(np.nan_to_num(share))
            self._whiskers.x, self._whiskers.y = _theme.whiskers(ends, at)
            self._labels.x, self._labels.y = np.nan_to_num(np.fmax(share, ends[:, 1])), at
            self._labels.text = [
                f"{_numbers.percent(rate)} of {_numbers.count(n)}"
                for rate, n in zip(share, frame["entrants"], strict=True)
            ]
        if len(frame):
            self._frame.show(_ROW_PX * len(frame) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])
        else:
            self._frame.hide()

    def _mark_selected(self) -> None:
        chosen = self.selected
        mine = chosen is not None and chosen.kind == "group" and chosen.stage == self._column.value
        key = chosen.to if mine and chosen is not None else None
        self._caption.mark(key)

    def _on_column(self, change: object) -> None:
        if self.selected is not None and self.selected.kind == "group":
            self.selected = None
        self._refresh(change)

    def _on_bar(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        if self._good is None:
            return
        groups = breakdown(self.event_log, self._good, self._column.value).frame.index
        group = str(groups[event["data"]["index"]])
        self.selected = toggled(self.selected, Selection("group", self._column.value, group))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            self.selected = Selection("group", self._column.value, key)
        elif self.selected is not None and self.selected.kind == "group":
            self.selected = None


def _points(share: float) -> str:
    return _numbers.UNDEFINED if np.isnan(share) else f"{100 * share:+.1f} pp"


def _row(group: object, row: pd.Series) -> tuple[str | None, list[str]]:
    low, high, q = float(row["difference_lower"]), float(row["difference_upper"]), float(row["q_value"])
    cells = [
        str(group),
        _numbers.count(row["entrants"]),
        _numbers.count(row["converted"]),
        _numbers.percent(float(row["conversion"])),
        _numbers.span(float(row["lower"]), float(row["upper"])),
        _points(float(row["difference"])),
        _numbers.UNDEFINED if np.isnan(low) else f"{_points(low)} to {_points(high)}",
        _numbers.UNDEFINED if np.isnan(q) else f"{q:.3f}",
    ]
    return (str(group) if row["entrants"] else None, cells)
