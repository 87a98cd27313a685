"""One customer's events, with those that were matched and what ended the journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets.errors import unknown
from cx_widgets.metrics import timeline
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import Face
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser

if TYPE_CHECKING:
    from cx_widgets.log import EventLog

_NAME_LENGTH = 20
_ROW_PX = 30
_MARGIN_PX = {"top": 10, "bottom": 36, "left": 150, "right": 24}
_OFFERED = 50
_MOST_ROWS = 500
_COLUMNS = ("Time", "Event", "Stage", "Matched", "Part in the outcome")
_TITLE = "One customer"
_ABOUT_POINTS = "Filled: matched, joined by their chain. Hollow: other events."


class TimelineView(Face, w.VBox):
    """One customer's events in time, a row for each stage; matched ones are filled.

    The box offers the selected customers, or the first ones of the log.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        Kept beside, so that all views link alike.
    """

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._customer = Chooser("Customer", [], "", kind="text")
        dates, self._rows = bqplot.DateScale(), bqplot.LinearScale(reverse=True)
        scales = {"x": dates, "y": self._rows}
        self._path = bqplot.Lines(scales=scales, colors=[_theme.NOW], stroke_width=2)
        self._others = bqplot.Scatter(
            scales=scales, colors=[_theme.NOW], default_size=36, fill=False, stroke_width=1.5
        )
        self._matched = bqplot.Scatter(scales=scales, colors=[_theme.NOW], default_size=80)
        self._axis = _theme.upright(
            bqplot.Axis(scale=self._rows, tick_format="d", tick_style=_theme.ticks(12))
        )
        across = bqplot.Axis(scale=dates, grid_lines="none", num_ticks=6, tick_style=_theme.ticks())
        self._frame = _theme.Frame(
            [self._path, self._others, self._matched], [across, self._axis], _MARGIN_PX, padding_x=0.03
        )
        super().__init__(children=[self._caption, self._customer, self._frame])
        self._start(log, definition, baseline)
        self._customer.observe(self._refresh, names="_value")

    def _draw(self) -> None:
        if self._good is None or not self.event_log.n_customers:
            self._frame.hide()
            why = self.problems[0].message if self._good is None else "The log has no customers."
            self._caption.tell(_TITLE, description=why)
            return
        offered = [
            str(who)
            for who in (self.selection.index if self.selected else self.event_log.customer_ids)[:_OFFERED]
        ]
        if not self._customer.value and offered:
            self._customer.value = offered[0]
        ids = self.event_log.customer_ids
        here = np.flatnonzero(ids.astype(str) == self._customer.value)
        if not len(here):
            problem = str(unknown("customer", self._customer.value, offered))
            self._customer.offer([(who, "") for who in offered], problem=problem)
            return
        self._customer.offer([(who, "") for who in offered])
        result = timeline(self.event_log, self._good, ids[here[0]])
        self._chart(result.frame)
        frame = result.frame.head(_MOST_ROWS)
        left = len(result.frame) - len(frame)
        self._caption.tell(
            f"{_TITLE}: {self._customer.value}",
            description=result.sentence,
            columns=_COLUMNS,
            rows=[
                (
                    None,
                    [
                        str(row["time"]),
                        str(row["event"]),
                        _stage(row["stage"]),
                        "yes" if row["matched"] else "",
                        str(row["role"]),
                    ],
                )
                for _, row in frame.iterrows()
            ],
            note=_ABOUT_POINTS + (f" {left:,} later events are left out of the table." if left else ""),
        )

    def _chart(self, frame: pd.DataFrame) -> None:
        names = [] if self._good is None else list(self._good.names)
        row = {name: float(place) for place, name in enumerate(names)}
        times = frame["time"]
        at = (times.dt.tz_localize(None) if times.dt.tz is not None else times).to_numpy("datetime64[ns]")
        level = np.array([row.get(str(stage), float(len(names))) for stage in frame["stage"]])
        matched = frame["matched"].to_numpy(bool)
        with _theme.held(self._path, self._others, self._matched, self._rows, self._axis):
            self._rows.min, self._rows.max = -0.5, len(names) + 0.5
            self._axis.tick_values = np.arange(len(names) + 1, dtype=float)
            labels = [*(_numbers.shortened(name, _NAME_LENGTH) for name in names), "(in no stage)"]
            self._axis.tick_labels = {f"{i:g}": label for i, label in enumerate(labels)}
            self._others.x, self._others.y = at[~matched], level[~matched]
            self._matched.x, self._matched.y = at[matched], level[matched]
            self._path.x, self._path.y = at[matched], level[matched]
            self._path.visible = bool(matched.sum() > 1)
        self._frame.show(_ROW_PX * (len(names) + 1) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])

    def _mark_selected(self) -> None:
        """Go to the first of the customers that were just selected."""
        chosen = self.selection.index
        if self.selected is not None and len(chosen) and self._customer.value not in set(chosen.astype(str)):
            self._customer.value = str(chosen[0])
        self._refresh(None)

    def _show_error(self, sentence: str) -> None:
        self._frame.hide()
        self._caption.tell(_TITLE, note=sentence)


def _stage(stage: object) -> str:
    return "" if pd.isna(stage) else str(stage)  # type: ignore[call-overload]  # a name or a missing one
