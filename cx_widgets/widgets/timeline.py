"""One customer's events, with those that were matched and what ended the journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets.engine import funnel_paths
from cx_widgets.errors import unknown
from cx_widgets.metrics._customers import by_customer, ids
from cx_widgets.metrics.timeline import timeline
from cx_widgets.widgets import _theme
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics.timeline import Timeline

_NAME_LENGTH = 20
_ROW_PX = 30
_MARGIN_PX = {"top": 10, "bottom": 46, "left": 150, "right": 24}
_OFFERED = 50
_MOST_ROWS = 500
_COLUMNS = ("Time", "Event", "Stage", "Matched", "Part in the outcome")
_ABOUT_POINTS = "Filled: matched, joined by their chain. Hollow: other events."
_ABOUT_END = {
    "exclusion": " Cross: the event that excluded them.",
    "strict break": " Cross: the event that lay between.",
    "window": " Dashed: where the window closed.",
}
_CAUSES = ("excluded", "lay between")


class TimelineView(Panel, w.VBox):
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

    TITLE = "One customer"

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
        self._cause = bqplot.Scatter(
            scales=scales, colors=[_theme.DROP_OFF], default_size=110, marker="cross", stroke_width=1.5
        )
        self._end = bqplot.Lines(
            scales=scales, colors=[_theme.DROP_OFF], stroke_width=1.5, line_style="dashed"
        )
        self._axis = _theme.upright(
            bqplot.Axis(scale=self._rows, tick_format="d", tick_style=_theme.ticks(12))
        )
        self._across = bqplot.Axis(scale=dates, grid_lines="none", num_ticks=6, **_theme.titled(title=" "))
        self._frame = _theme.Frame(
            [self._end, self._path, self._others, self._matched, self._cause],
            [self._across, self._axis],
            _MARGIN_PX,
            padding_x=0.03,
        )
        self._charts, self._asks = (self._frame,), self._customer
        super().__init__(children=[self._customer, self._caption, self._frame])
        self._start(log, definition, baseline)
        self._customer.observe(self._refresh, names="_value")

    def _show(self, good: Definition) -> None:
        if not self.event_log.n_customers:
            self._empty("The log has no customers.")
            return
        chosen = self.selection.index if self.selected else self._everybody()
        offered = {_named(who): who for who in chosen[:_OFFERED].tolist()}
        if not self._customer.value and offered:
            self._customer.value = next(iter(offered))
        asked = self._asked(self._customer.value, offered)
        if asked is None:
            problem = str(unknown("customer", self._customer.value, list(offered)))
            self._customer.offer([(who, "") for who in offered], problem=problem)
            return
        self._customer.offer([(who, "") for who in offered])
        result = timeline(self.event_log, good, asked)
        self._chart(result)
        frame = result.frame.head(_MOST_ROWS)
        left = len(result.frame) - len(frame)
        self._caption.tell(
            f"{self.TITLE}: {result.customer}{', ' if result.which else ''}{result.which}",
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
            note=_ABOUT_POINTS
            + _ABOUT_END.get(result.ended_by, "")
            + (f" {left:,} later events are left out of the table." if left else ""),
        )

    def _everybody(self) -> pd.Index:
        """Return those who can be asked about: the log's customers, or what the rules count."""
        if self._good is None or by_customer(self._good) is self._good:
            return self.event_log.customer_ids
        return ids(self.event_log, self._good, funnel_paths(self.event_log, self._good))

    def _asked(self, text: str, offered: Mapping[str, object]) -> object:
        """Return whom a text names: one of those offered, or a customer, or what is counted; else None."""
        if text in offered:
            return offered[text]
        for known in (self.event_log.customer_ids, self._everybody()):
            if known.nlevels > 1:
                continue
            here = np.flatnonzero(known.astype(str) == text)
            if len(here):
                return known[here[0] : here[0] + 1].tolist()[0]
        return next((who for who in self._everybody().tolist() if _named(who) == text), None)

    def _chart(self, result: Timeline) -> None:
        frame = result.frame
        names = [] if self._good is None else list(self._good.names)
        row = {name: float(place) for place, name in enumerate(names)}
        times = frame["time"]
        at = (times.dt.tz_localize(None) if times.dt.tz is not None else times).to_numpy("datetime64[ns]")
        level = np.array([row.get(str(stage), float(len(names))) for stage in frame["stage"]])
        matched, cause = frame["matched"].to_numpy(bool), frame["role"].isin(_CAUSES).to_numpy(bool)
        parts = (self._path, self._others, self._matched, self._cause, self._end)
        with _theme.held(*parts, self._rows, self._axis, self._across):
            self._rows.min, self._rows.max = -0.5, len(names) + 0.5
            self._axis.tick_values = np.arange(len(names) + 1, dtype=float)
            labels = [*_numbers.told_apart(names, _NAME_LENGTH), "(in no stage)"]
            self._axis.tick_labels = {f"{i:g}": label for i, label in enumerate(labels)}
            # The marks are hours where the events lie close together; the days stand below.
            days = list(dict.fromkeys(str(when)[:10] for when in (at.min(), at.max())))
            self._across.label = " to ".join(days)
            for mark, rows in (
                (self._others, ~matched & ~cause),
                (self._cause, cause),
                (self._matched, matched),
                (self._path, matched),
            ):
                # bqplot reckons an empty mark's dates as today: a hidden one stands on the first event.
                shown = rows if rows.any() else np.arange(len(at)) == 0
                mark.x, mark.y, mark.visible = at[shown], level[shown], bool(rows.any())
            closed = result.ended_by == "window" and not pd.isna(result.ended)
            over = [result.ended.tz_localize(None)] * 2 if closed else [at[0]] * 2
            self._end.x = np.array(over, dtype="datetime64[ns]")
            self._end.y = np.array([-0.5, len(names) + 0.5])
            self._end.visible = closed
            self._path.visible = bool(matched.sum() > 1)
        self._frame.show(_ROW_PX * (len(names) + 1) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])

    def _mark_selected(self) -> None:
        """Go to the first of the customers that were just selected."""
        chosen = self.selection.index.tolist() if self.selected is not None else []
        if chosen and self._customer.value not in {_named(who) for who in chosen}:
            self._customer.value = _named(chosen[0])
        self._refresh(None)


def _named(who: object) -> str:
    """Return a line of a funnel as text: a customer, or the customer and the number of the session."""
    return ", ".join(str(part) for part in who) if isinstance(who, tuple) else str(who)


def _stage(stage: object) -> str:
    return "" if pd.isna(stage) else str(stage)  # type: ignore[call-overload]  # a name or a missing one
