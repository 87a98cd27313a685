"""Why the conversion differs from the baseline's, change by change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets._numbers import points, points_span
from cx_widgets.metrics.explain import explain_difference
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics.explain import Explanation

_NO_DIFFERENCE = "Nothing differs from the pinned baseline."
_NAME_LENGTH = 32
_ROW_PX = 34
_MARGIN_PX = {"top": 6, "bottom": 12, "left": 230, "right": 10}
_HEADROOM = 1.35
_UNSEEN = "rgba(0, 0, 0, 0)"
_UP, _DOWN = _theme.STAGES[2], _theme.STAGES[1]
_COLUMNS = (
    "Change",
    "Before",
    "After",
    "Points",
    "95% interval",
    "Conversions gained",
    "Conversions lost",
    "Customers who flip",
    "Points alone",
)


class ExplainView(Panel, w.VBox):
    """Why the conversion differs from the baseline's: a waterfall with one bar for each change.

    A click on a bar, or a row of the table, selects the customers whose outcome flips at that change.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition to start from; the one given at the start by default.
    """

    TITLE = "Why the number differs"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._keys: list[str] = []
        self._rows, self._shares = bqplot.LinearScale(reverse=True), bqplot.LinearScale(min=0)
        along = {"x": self._shares, "y": self._rows}
        # A waterfall: on what is not seen stand a whole, a step up or a step down.
        self._bars = bqplot.Bars(
            scales={"x": self._rows, "y": self._shares},
            orientation="horizontal",
            type="stacked",
            colors=[_UNSEEN, _theme.NOW, _UP, _DOWN],
        )
        self._levels = bqplot.Lines(scales=along, colors=[_theme.MUTED], stroke_width=1)
        self._whiskers = bqplot.Lines(scales=along, colors=[_theme.TEXT], stroke_width=1.5)
        self._labels = bqplot.Label(
            scales=along, colors=[_theme.TEXT], default_size=12, font_weight="normal", x_offset=8, y_offset=1
        )
        self._axis = _theme.name_axis(self._rows)
        marks = [self._levels, self._bars, self._whiskers, self._labels]
        self._frame = _theme.Frame(marks, [self._axis], _MARGIN_PX)
        self._bars.on_element_click(self._on_bar)
        self._charts = (self._frame,)
        super().__init__(children=[self._caption, self._frame])
        self._start(log, definition, baseline)
        self._caption.observe(self._on_row, names="_selected")

    def _show(self, good: Definition) -> None:
        if self._good_baseline is None:
            self._empty(self.baseline.problems(self.event_log)[0].message)
            return
        result = explain_difference(self.event_log, self._good_baseline, good)
        self._keys = [str(key) for key in result.frame.index]
        if self.selected is not None and self.selected.kind == "flipped":
            self.selected = self.selected if self.selected.stage in self._keys else None
        if not self._keys:
            self._empty("Change a stage or a rule, and see here why.", _NO_DIFFERENCE)
            return
        self._chart(result)
        self._caption.tell(
            self.TITLE,
            description=result.sentence("The baseline", "the definition now"),
            legend=[
                ("conversion", "now"),
                ("more", "stage-3"),
                ("less", "stage-2"),
                ("95% interval", "interval"),
            ],
            columns=_COLUMNS,
            rows=[_row(str(key), line) for key, line in result.frame.iterrows()],
            note=" ".join(_notes(result, stale=self._stale)),
        )
        self._mark_selected()

    def _chart(self, result: Explanation) -> None:
        frame = result.frame
        before, after = (frame[name].to_numpy(float) for name in ("value_before", "value"))
        ends = [result.conversion_a, result.conversion_b]
        size = len(frame) + 2
        at = np.arange(size, dtype=float)
        low, high = np.fmin(before, after), np.fmax(before, after)
        parts = np.zeros((4, size))
        parts[0, 1:-1] = low
        parts[1, [0, -1]] = [end.value for end in ends]
        parts[2, 1:-1] = np.where(after > before, high - low, 0)
        parts[3, 1:-1] = np.where(after < before, high - low, 0)
        parts = np.nan_to_num(parts)
        spans = np.empty((size, 2))
        spans[1:-1] = before[:, None] + frame[["lower", "upper"]].to_numpy(float)
        spans[[0, -1]] = [[end.lower, end.upper] for end in ends]
        # A step that changes nothing has no width to mark.
        spans[spans[:, 0] == spans[:, 1]] = np.nan
        spans = np.fmax(spans, np.where(np.isnan(spans), np.nan, 0))
        level = np.nan_to_num(np.concatenate([[ends[0].value], after]))
        far = np.fmax(parts.sum(axis=0), np.nan_to_num(spans[:, 1]))
        names = ["Baseline", *(str(label) for label in frame["label"]), "Now"]
        moved = (self._bars, self._levels, self._whiskers, self._labels, self._axis, self._rows, self._shares)
        with _theme.held(*moved):
            _theme.places(self._rows, size)
            self._bars.padding = _theme.padding(_ROW_PX / 2, _ROW_PX, size)
            self._shares.max = float(max(far.max(), 0.01) * _HEADROOM)
            self._axis.tick_values = at
            short = _numbers.told_apart(names, _NAME_LENGTH)
            self._axis.tick_labels = {f"{i:g}": name for i, name in enumerate(short)}
            self._bars.x, self._bars.y = at, parts
            self._levels.x = [[share, share] for share in level]
            self._levels.y = [[row + 0.25, row + 0.75] for row in at[:-1]]
            self._whiskers.x, self._whiskers.y = _theme.whiskers(spans, at)
            self._labels.x, self._labels.y = far, at
            self._labels.text = [
                _whole(ends[0].numerator, ends[0].denominator, ends[0].value),
                *(
                    _numbers.UNDEFINED if np.isnan(delta) else f"{points(delta)} pp"
                    for delta in frame["delta"]
                ),
                _whole(ends[1].numerator, ends[1].denominator, ends[1].value),
            ]
        self._frame.show(_ROW_PX * size + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])

    def _empty(self, why: str, what: str = "No figures yet.") -> None:
        self._keys = []
        super()._empty(why, what)

    def _mark_selected(self) -> None:
        chosen = self.selected
        self._caption.mark(chosen.stage if chosen is not None and chosen.kind == "flipped" else None)

    def _on_bar(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        step = int(event["data"]["index"]) - 1
        if 0 <= step < len(self._keys):
            self.selected = toggled(self.selected, Selection("flipped", self._keys[step]))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            self.selected = Selection("flipped", key)
        elif self.selected is not None and self.selected.kind == "flipped":
            self.selected = None


def _whole(numerator: float, denominator: float, share: float) -> str:
    return f"{_numbers.percent(share)} · {_numbers.count(numerator)} of {_numbers.count(denominator)}"


def _notes(result: Explanation, *, stale: bool) -> list[str]:
    said = ["Figures of the last good definition."] if stale else []
    if len(result.frame) > 1:
        said.append("One change after the other, from the rows outward.")
    if points(result.interaction) not in (points(0), points(np.nan)):
        said.append(f"What the changes do only together: {points(result.interaction)} points.")
    return [*said, *(str(note) for note in result.frame["note"] if note)]


def _row(key: str, line: pd.Series) -> tuple[str | None, list[str]]:
    low, high = float(line["lower"]), float(line["upper"])
    cells = [
        str(line["label"]),
        _whole(line["numerator_before"], line["denominator_before"], float(line["value_before"])),
        _whole(line["numerator"], line["denominator"], float(line["value"])),
        points(float(line["delta"])),
        points_span(low, high),
        _numbers.count(line["gained"]),
        _numbers.count(line["lost"]),
        _numbers.count(line["flipped"]),
        points(float(line["alone"])),
    ]
    return (key if line["flipped"] else None, cells)
