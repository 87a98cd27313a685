"""Why customers were lost, stage by stage."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics._customers import heading, noun
from cx_widgets.metrics.reasons import reasons
from cx_widgets.widgets import _theme, _wire
from cx_widgets.widgets._base import toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cell
    from cx_widgets.metrics.reasons import Reasons

_NAME_LENGTH = 20
_ROW_PX = 40
_MARGIN_PX = {"top": 6, "bottom": 12, "left": 150, "right": 10}
_HEADROOM = 1.4
_SAID = {
    "never": "never did it",
    "before": "did it only earlier",
    "window": "came too late",
    "excluded": "excluded on the way",
    "broken": "something lay between",
    "open": "may still come",
}
# Grey for those who are not lost yet; neighbours in a bar differ in lightness too.
_COLOURS = {"never": 1, "before": 2, "window": 3, "excluded": 4, "broken": 5, "open": 7}
_BY_WHAT = 5


class ReasonsView(Panel, w.VBox):
    """Why customers who entered did not convert: one bar for each stage, one part for each reason.

    A part of a bar, or a row of the table, selects its customers.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        Kept beside, so that all views link alike.
    """

    rehearses: ClassVar[bool] = True

    TITLE = "Why customers were lost"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._rows, self._counts = bqplot.LinearScale(reverse=True), bqplot.LinearScale(min=0)
        self._bars = bqplot.Bars(
            scales={"x": self._rows, "y": self._counts},
            orientation="horizontal",
            type="stacked",
            colors=[_theme.NOW],
        )
        self._totals = bqplot.Label(
            scales={"x": self._counts, "y": self._rows},
            colors=[_theme.TEXT],
            default_size=12,
            font_weight="normal",
            x_offset=8,
            y_offset=1,
        )
        self._axis = _theme.name_axis(self._rows)
        self._frame = _theme.Frame([self._bars, self._totals], [self._axis], _MARGIN_PX)
        self._charts = (self._frame,)
        super().__init__(children=[self._caption, self._frame])
        self._start(log, definition, baseline)
        self._bars.on_element_click(self._on_part)
        self._caption.observe(self._on_row, names="_selected")

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give the reasons as a call."""
        return (partial(reasons, self.event_log, definition),)

    def _show(self, good: Definition) -> None:
        if len(good.names) == 1:
            self._empty("With one stage nobody is lost on the way. Add another on the board.")
            return
        result = reasons(self.event_log, good)
        lines = _wire.lines(result.columns())
        there = {line["reason"] for line in lines}
        known = [reason for reason in _SAID if reason in there]
        lost = any(line["customers"] for line in lines)
        self._chart(lines, known)
        counted = noun(good, 1).removeprefix("1 ")
        self._caption.tell(
            self.TITLE,
            description=f"Each {counted} that entered and did not convert, by the first stage not reached.",
            legend=[(_SAID[reason], f"stage-{_COLOURS[reason]}") for reason in known] if lost else (),
            columns=(
                "Not reached",
                "Reason",
                heading(good),
                "Of those lost there",
                "95% interval",
                "Too late by (median)",
            ),
            rows=[_row(str(line["stage"]), str(line["reason"]), line) for line in lines],
            note=" ".join(
                [
                    *(["Figures of the last good definition."] if self._stale else []),
                    *([] if lost else ["Nobody was lost."]),
                    *_notes(result),
                ]
            ),
        )
        self._mark_selected()

    def _chart(self, lines: Sequence[Mapping[str, Cell]], known: list[str]) -> None:
        counts = {(line["stage"], line["reason"]): line["customers"] for line in lines}
        stages = list(dict.fromkeys(stage for stage, _ in counts))
        parts = np.array(
            [[counts.get((stage, reason), 0) for stage in stages] for reason in known], dtype=float
        )
        totals, at = parts.sum(axis=0), np.arange(len(stages), dtype=float)
        with self._bars.hold_sync(), self._totals.hold_sync(), self._axis.hold_sync(), self._rows.hold_sync():
            stands = _theme.places(self._rows, len(stages))
            self._counts.max = float(max(totals.max(), 1.0) * _HEADROOM)
            self._axis.tick_values = at
            short = _numbers.told_apart([str(name) for name in stages], _NAME_LENGTH)
            self._axis.tick_labels = {f"{i:g}": name for i, name in enumerate(short)}
            self._bars.colors = [_theme.stage_colour(_COLOURS[reason] - 1) for reason in known]
            self._bars.padding = _theme.padding(_ROW_PX / 2, _ROW_PX, len(stages))
            self._bars.x, self._bars.y = stands, _theme.beside(parts)
            self._totals.x, self._totals.y = totals, at
            self._totals.text = [f"{_numbers.count(total)} did not get here" for total in totals]
            self._frame.show(_ROW_PX * len(stages) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])

    def _mark_selected(self) -> None:
        chosen = self.selected
        key = f"{chosen.to}:{chosen.stage}" if chosen is not None and chosen.kind == "lost" else None
        self._caption.mark(key)

    def _on_part(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        index, part = event["data"]["index"], event["data"].get("subIndex")
        if self._good is None or part is None:
            return
        frame = reasons(self.event_log, self._good).frame
        names = frame.index.get_level_values("stage").unique()
        known = frame.index.get_level_values("reason").unique()
        self.selected = toggled(self.selected, Selection("lost", str(names[index]), str(known[part])))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            reason, stage = key.split(":", 1)
            self.selected = Selection("lost", stage, reason)
        elif self.selected is not None and self.selected.kind == "lost":
            self.selected = None


def _notes(result: Reasons) -> list[str]:
    """Return what excluded them or lay between, and who left the funnel, as sentences."""
    causes = result.causes
    words = {"excluded": "excluded by", "broken": "kept apart by"}
    first = causes.head(_BY_WHAT)
    said = [
        f"{_numbers.count(customers)} {words[str(reason)]} {event} before {stage}"
        for (stage, reason, event), customers in zip(
            first.index.tolist(), first["customers"].tolist(), strict=True
        )
    ]
    rest = len(causes) - len(said)
    more = f" and {rest:,} more such events" if rest > 0 else ""
    notes = [f"{'; '.join(said)}{more}."] if said else []
    if result.removed:
        notes.append(f"{noun(result.definition, result.removed)} left the funnel by an exclusion.")
    return notes


def _row(stage: str, reason: str, row: Mapping[str, Cell]) -> tuple[str | None, list[str]]:
    cells = [
        stage,
        _SAID[reason],
        _numbers.count(row["customers"]),
        _numbers.percent(float(row["share"])),
        _numbers.span(float(row["lower"]), float(row["upper"])),
        _numbers.seconds(float(row["overshoot_median"])),
    ]
    return (f"{reason}:{stage}" if row["customers"] else None, cells)
