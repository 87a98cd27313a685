"""RFM: buyers by recency and frequency as a grid, and the segments it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics.rfm import RFM, rfm
from cx_widgets.widgets import _theme
from cx_widgets.widgets._advice import NO_BUY, with_advice
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices, halves, toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import PURCHASE, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_COUNTS = ("numerator", "denominator")
_BINS = (("3", "3"), ("4", "4"), ("5", "5"))
_MONEY = (("total", "in all"), ("mean", "by purchase"))
_COLUMN_PX, _ROW_PX = 52, 34
_MARGIN_PX = {"top": 8, "bottom": 40, "left": 64, "right": 10}
_GRID = "Recency and frequency"
_COLUMNS = (
    *("Segment", "Buyers", "Share", "95% interval", "Recency (median)", "Purchases (mean)"),
    *("Money (mean)", "Of revenue"),
)
_CELLS = ("Recency", "Frequency", "Buyers", "Share", "95% interval", "Money (mean)")


class RFMView(Panel, w.VBox):
    """Buyers by how recently and how often they bought, and in segments; a click selects them.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose segments lie behind; the one given at the start by default.
    """

    TITLE = "Segments of buyers"
    previews: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._grid_caption = Caption(), Caption()
        self._bins = Chooser("Scores from 1 to", _BINS, "5", kind="segments")
        self._money = Chooser("Money", _MONEY, "total", kind="segments")
        self._choosers = (self._bins, self._money)
        self._names: list[str] = []
        self._cells: list[tuple[int, int]] = []
        self._size = 0
        columns, rows = bqplot.OrdinalScale(), bqplot.OrdinalScale()
        self._shade = bqplot.ColorScale(min=0.0, max=1.0, colors=list(_theme.SHARES))
        self._heat = bqplot.GridHeatMap(
            color=np.zeros((2, 2)),
            row=["2", "1"],
            column=["1", "2"],
            scales={"row": rows, "column": columns, "color": self._shade},
            stroke="var(--jp-border-color2, #e0e0e0)",
            interactions={"click": "select"},
            selected_style={"stroke": _theme.DROP_OFF, "stroke-width": "3px"},
        )
        self._counts = bqplot.Label(
            scales={"x": columns, "y": rows},
            colors=[_theme.TEXT],
            default_size=12,
            font_weight="normal",
            align="middle",
            y_offset=1,
            interactions={"click": "select"},  # of a click on a label bqplot tells only so
        )
        below, left = (
            bqplot.Axis(scale=scale, grid_lines="none", **_theme.titled(title=f"{what} score"))
            for scale, what in ((columns, "Frequency"), (rows, "Recency"))
        )
        self._frame = _theme.Frame(
            [self._heat, self._counts], [below, _theme.upright(left)], _MARGIN_PX, toolbar=False
        )
        self._bars = NamedBars([_theme.NOW])
        controls = choices(*self._choosers)
        parts = halves((self._caption, self._bars), (self._grid_caption, self._frame))
        self._charts, self._beside = (self._bars, self._frame), (controls, parts.children[1])
        super().__init__(children=[controls, parts])
        self._start(log, definition, baseline)
        for chooser in self._choosers:
            chooser.observe(self._on_choice, names="_value")
        self._bars.on_bar(lambda row, _: self._click("rfm", self._names[row]))
        self._heat.on_element_click(self._on_cell)
        self._counts.observe(self._on_count, names="selected")
        for caption in (self._caption, self._grid_caption):
            caption.observe(self._on_row, names="_selected")

    @property
    def _asked(self) -> tuple[tuple[str, object], ...]:
        """The arguments of `rfm`, for a selection."""
        return (("bins", int(self._bins.value)), ("monetary", self._money.value))

    def _found(self, definition: Definition) -> RFM:
        return rfm(self._counted, definition, bins=int(self._bins.value), monetary=self._money.value)

    def _show(self, good: Definition) -> None:
        if not good.stages_with_role("buy"):
            self._empty(NO_BUY)
            return
        now = self._found(good)
        if not now.buyers:
            self._empty("Nobody bought.")
            return
        self._money.layout.display = "none" if now.note else ""
        self._reveal()
        self._segments(now)
        self._matrix(now)
        self._mark_selected()

    def _segments(self, now: RFM) -> None:
        frame, before = (
            self._estimated(now.frame, _COUNTS),
            self._before(lambda baseline: self._estimated(self._found(baseline).frame, _COUNTS)),
        )
        self._names = [str(name) for name in frame.index]
        shares = [
            f"{_numbers.count(row['numerator'])} ({_numbers.percent(float(row['value']))})"
            for _, row in frame.iterrows()
        ]
        behind = None if before is None else before["numerator"].reindex(frame.index).to_numpy(float)[None]
        self._bars.draw(self._names, frame["numerator"].to_numpy(float)[None], [shares], before=behind)
        legend = [("buyers", "now")] + ([] if before is None else [("baseline", "baseline")])
        notes = (with_advice(now.note), "Figures of the last good definition." if self._stale else "")
        n = self._scaled(now.buyers)
        buyers = "1 buyer" if n == 1 else f"{_numbers.count(n)} buyers"
        self._caption.tell(
            self.TITLE,
            description=f"{buyers} by scores of recency and frequency, read off a table in common use. "
            "Names of scores, no forecast.",
            legend=legend,
            columns=_COLUMNS,
            rows=[(f"rfm:{name}", _segment(str(name), row)) for name, row in frame.iterrows()],
            note=" ".join(note for note in notes if note),
            preview=self._part_counted,
        )

    def _matrix(self, now: RFM) -> None:
        grid, size = self._estimated(now.grid, _COUNTS), int(self._bins.value)
        counts = grid["numerator"].to_numpy(float).reshape(size, size)
        top = float(max(counts.max(), 1.0))
        names = [str(score) for score in range(1, size + 1)]
        if self._size != size:
            # bqplot would move the old labels to names that leave the scale, which is nowhere.
            with self._counts.hold_sync():
                self._counts.x, self._counts.y, self._counts.text = [], [], []
            self._size = size
        self._shade.max = top
        with self._heat.hold_sync():
            # bqplot lays the grid out when `row` or `column` arrives, so the colours have to be there first
            self._heat.color = counts
            self._heat.row, self._heat.column = names, names
        there = np.argwhere(counts > 0)
        self._cells = [(int(row) + 1, int(column) + 1) for row, column in there]
        with self._counts.hold_sync():
            self._counts.x = [names[column] for _, column in there]
            self._counts.y = [names[row] for row, _ in there]
            self._counts.text = [_numbers.count(counts[row, column]) for row, column in there]
        self._frame.show(
            _ROW_PX * size + _MARGIN_PX["top"] + _MARGIN_PX["bottom"],
            at_least_wide=_COLUMN_PX * size + _MARGIN_PX["left"] + _MARGIN_PX["right"],
        )
        cuts = now.cuts["recency"]
        self._grid_caption.tell(
            _GRID,
            description=f"Buyers by score, {size} is best: most recent, most often. Cut points of recency: "
            f"{', '.join(_numbers.timedelta(cut) for cut in cuts)}; of purchases: "
            f"{', '.join(f'{cut:g}' for cut in now.cuts['frequency'])}.",
            columns=_CELLS,
            rows=[_cell(line) for _, line in grid.reset_index().iterrows()],
            preview=self._part_counted,
        )

    def _click(self, kind: str, to: str) -> None:
        self.selected = toggled(self.selected, Selection(kind, PURCHASE, to, self._asked))

    def _mark_selected(self) -> None:
        chosen = self.selected
        mine = chosen is not None and chosen.kind in ("rfm", "scored") and chosen.asked == self._asked
        key = f"{chosen.kind}:{chosen.to}" if mine and chosen is not None else None
        self._caption.mark(key if key is not None and key.startswith("rfm:") else None)
        self._grid_caption.mark(key if key is not None and key.startswith("scored:") else None)

    def _on_choice(self, change: object) -> None:
        if self.selected is not None and self.selected.kind in ("rfm", "scored"):
            self.selected = None
        self._refresh(change)

    def _on_cell(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        cell = event["data"]["rowNum"] + 1, event["data"]["columnNum"] + 1
        if cell in self._cells:
            self._click("scored", f"{cell[0]} {cell[1]}")

    def _on_count(self, change: Mapping[str, Sequence[int] | None]) -> None:
        clicked = change["new"]
        if clicked is not None and len(clicked):
            self._counts.selected = None  # so that the next click is a change again
            recency, frequency = self._cells[int(clicked[-1])]
            self._click("scored", f"{recency} {frequency}")

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key, chosen = change["new"], self.selected
        if key is not None:
            kind, _, to = key.partition(":")
            self.selected = Selection(kind, PURCHASE, to, self._asked)
            return
        mine = "rfm" if change["owner"] is self._caption else "scored"
        if chosen is not None and chosen.kind == mine:
            self.selected = None


def _segment(name: str, row: pd.Series) -> list[str]:
    return [
        name,
        _numbers.count(row["numerator"]),
        _numbers.percent(float(row["value"])),
        _numbers.span(float(row["lower"]), float(row["upper"])),
        _numbers.timedelta(row["recency"]),
        _numbers.amount(row["frequency"]),
        _numbers.amount(row["monetary"]),
        _numbers.percent(float(row["revenue_share"])),
    ]


def _cell(line: pd.Series) -> tuple[str | None, list[str]]:
    recency, frequency = f"{line['recency']:g}", f"{line['frequency']:g}"
    cells = [
        recency,
        frequency,
        _numbers.count(line["numerator"]),
        _numbers.percent(float(line["value"])),
        _numbers.span(float(line["lower"]), float(line["upper"])),
        _numbers.amount(line["monetary"]),
    ]
    return (f"scored:{recency} {frequency}" if line["numerator"] else None, cells)
