"""One log under many rule sets: a dot and an interval for each, and why they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np
import traitlets as t

from cx_widgets import _numbers, presets
from cx_widgets._numbers import points, points_span
from cx_widgets.metrics.rule_sets import compare_rules
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import as_definition
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets.explain import ExplainView

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_EDITED = "(as edited)"
_NAME_LENGTH = 24
_ROW_PX = 22
_MARGIN_PX = {"top": 6, "bottom": 28, "left": 170, "right": 10}
_HEADROOM = 1.45
_OTHER = _theme.STAGES[3]
_PALE, _PALE_OTHER = "rgba(68, 119, 170, 0.2)", "rgba(184, 134, 11, 0.2)"
_COLUMNS = (
    "Rule set",
    "Conversion",
    "95% interval",
    "Made of",
    "Counted",
    "Against the baseline",
    "95% interval",
    "Differs in",
)
_ABOUT = (
    "A full dot is the rule set chosen. Shares of customers and of sessions, journeys or attempts have "
    "different wholes."
)


class RulesView(Panel, w.VBox):
    """The conversion of one log under many rule sets, a dot and an interval for each, and why they differ.

    A click on a dot, or the list, makes that rule set the ``definition``; link it to a `StageBoard` or a
    `Workbench` and the board follows. A definition that is none of the rule sets, edited on a board, has a
    line of its own.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition to compare with; the one given at the start by default.
    rule_sets
        Definitions by name; `presets.ways_to_count` of the definition by default.
    """

    TITLE = "One log, many numbers"

    def __init__(
        self,
        log: EventLog,
        definition: object,
        baseline: object = None,
        *,
        rule_sets: Mapping[str, Definition] | None = None,
    ) -> None:
        first = as_definition(definition)
        self._sets = dict(presets.ways_to_count(first) if rule_sets is None else rule_sets)
        self._shown: list[Definition] = []
        self._caption = Caption()
        self._chooser = Chooser("Count as", [], "", kind="list")
        self._rows, self._shares = bqplot.LinearScale(reverse=True), bqplot.LinearScale(min=0)
        along = {"x": self._shares, "y": self._rows}
        dots = {"scales": along, "colors": [_theme.NOW], "stroke_width": 1.5, "default_size": 70}
        # Pale, not hollow: a hollow mark is clicked on its outline only.
        self._ours = bqplot.Scatter(**{**dots, "colors": [_PALE]}, stroke=_theme.NOW)
        self._others = bqplot.Scatter(**{**dots, "colors": [_PALE_OTHER]}, stroke=_OTHER, marker="diamond")
        self._chosen = bqplot.Scatter(**dots)
        self._whiskers = bqplot.Lines(scales=along, colors=[_theme.MUTED], stroke_width=1.5)
        self._level = bqplot.Lines(
            scales=along, colors=[_theme.BASELINE], stroke_width=1.5, line_style="dashed"
        )
        self._labels = bqplot.Label(
            scales=along, colors=[_theme.TEXT], default_size=12, font_weight="normal", x_offset=8, y_offset=1
        )
        self._axis = _theme.upright(
            bqplot.Axis(scale=self._rows, grid_lines="none", tick_format="d", tick_style=_theme.ticks(12))
        )
        self._across = bqplot.Axis(
            scale=self._shares, grid_lines="none", tick_format=".0%", tick_style=_theme.ticks()
        )
        marks = [self._level, self._whiskers, self._ours, self._others, self._chosen, self._labels]
        self._frame = _theme.Frame(marks, [self._across, self._axis], _MARGIN_PX)
        self._charts = (self._frame,)
        self.why = ExplainView(log, first, baseline)
        super().__init__(children=[self._caption, self._chooser, self._frame, self.why])
        self._start(log, first, baseline)
        for name in ("definition", "baseline", "selected"):
            t.link((self, name), (self.why, name))
        self._chooser.observe(self._on_choice, names="_value")
        self._ours.on_element_click(self._on_dot)
        self._others.on_element_click(self._on_dot)

    def _show(self, good: Definition) -> None:
        sets = dict(self._sets)
        known = next((name for name, one in sets.items() if one == good), None)
        name = known or _EDITED
        sets.setdefault(name, good)
        self._shown = list(sets.values())
        result = compare_rules(self.event_log, sets, self._good_baseline)
        frame = result.frame
        self._chooser.offer([(each, each) for each in sets])
        self._chooser.value = name
        self._chart(frame, list(sets).index(name), result.reference.value)
        shares = frame["value"].dropna()
        self._caption.tell(
            self.TITLE,
            description="No rule set has anybody to count."
            if shares.empty
            else f"{len(frame)} ways to count the same events: from {_numbers.percent(shares.min())} "
            f"({shares.idxmin()}) to {_numbers.percent(shares.max())} ({shares.idxmax()}).",
            legend=[
                ("of customers", "stage-1"),
                ("of sessions, journeys, attempts", "stage-4"),
                ("95% interval", "interval"),
                ("baseline", "dashed"),
            ],
            columns=_COLUMNS,
            rows=[(None, _row(str(each), line)) for each, line in frame.iterrows()],
            note=self._notes(_ABOUT),
        )

    def _chart(self, frame: pd.DataFrame, chosen: int, level: float) -> None:
        share = frame["value"].to_numpy(float)
        ends = frame[["lower", "upper"]].to_numpy(float)
        at = np.arange(len(frame), dtype=float)
        ours = (frame["counted"] == "customers").to_numpy()
        defined = np.isfinite(share)
        far = np.nan_to_num(np.fmax(share, ends[:, 1]))
        marks = (self._ours, self._others, self._chosen, self._whiskers, self._level, self._labels)
        with _theme.held(*marks, self._axis, self._across, self._rows, self._shares):
            self._rows.min, self._rows.max = -0.5, len(frame) - 0.5
            self._shares.max = float(max(far.max(), 0.01) * _HEADROOM)
            self._across.tick_values = _theme.share_marks(far)
            self._axis.tick_values = at
            self._axis.tick_labels = {
                f"{i:g}": _numbers.shortened(str(name), _NAME_LENGTH) for i, name in enumerate(frame.index)
            }
            for mark, which in ((self._ours, ours & defined), (self._others, ~ours & defined)):
                mark.x, mark.y = share[which], at[which]
            here = [chosen] if defined[chosen] else []
            self._chosen.x, self._chosen.y = share[here], at[here]
            self._chosen.colors = [_theme.NOW if ours[chosen] else _OTHER]
            self._chosen.marker = "circle" if ours[chosen] else "diamond"
            self._whiskers.x, self._whiskers.y = _theme.whiskers(ends, at)
            edge = np.nan_to_num(level)
            self._level.x, self._level.y = [edge, edge], [-0.5, len(frame) - 0.5]
            self._level.visible = bool(np.isfinite(level))
            # In one column, so that no text stands on the line of the baseline.
            self._labels.x, self._labels.y = np.full(len(at), far.max()), at
            self._labels.text = [
                f"{_numbers.percent(value)} · {_numbers.count(top)} of {_numbers.count(whole)}"
                for value, top, whole in zip(share, frame["numerator"], frame["denominator"], strict=True)
            ]
        self._frame.show(_ROW_PX * len(frame) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])

    def _on_choice(self, change: Mapping[str, str]) -> None:
        chosen = self._sets.get(change["new"])
        if chosen is not None and chosen != self.definition:
            self.definition = chosen

    def _on_dot(self, mark: bqplot.Scatter, event: Mapping[str, Mapping[str, int]]) -> None:
        self._take(int(mark.y[event["data"]["index"]]))

    def _take(self, place: int) -> None:
        if place < len(self._shown):
            self.definition = self._shown[place]


def _row(name: str, line: pd.Series) -> list[str]:
    return [
        name,
        _numbers.percent(float(line["value"])),
        _numbers.span(float(line["lower"]), float(line["upper"])),
        f"{_numbers.count(line['numerator'])} of {_numbers.count(line['denominator'])}",
        str(line["counted"]),
        points(float(line["delta"])),
        points_span(float(line["delta_lower"]), float(line["delta_upper"])),
        str(line["changes"]),
    ]
