"""Retention as a heat map of cohorts by period since, with the curve of all cohorts beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets.errors import CXError
from cx_widgets.metrics.retention import Retention, retention
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import choices, roomy_and_small, toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._curve import Curve, ShareCurve
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import NO_PURCHASE, PURCHASE, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_KINDS = (
    ("on", "in it"),
    ("on or after", "in it or later"),
    ("bracket", "in a bracket"),
    ("streak", "in a row"),
)
_PERIODS = (("D", "days"), ("W", "weeks"), ("M", "months"), ("Q", "quarters"))
_CLOCKS = (("calendar", "calendar"), ("24h", "24 hours"))
_OWN = {"D": "1D", "W": "7D", "M": "30D", "Q": "90D"}
_SHOWN = {"D": 14, "W": 12, "M": 12, "Q": 8}
"""The largest number of a period that is shown, for each kind of period."""

_MOST_COHORTS = 60
_PALEST_TOP = 0.1  # the darkest cell stands for at least this share
_COLUMN_PX, _ROW_PX = 36, 22
_MARGIN_PX = {"top": 28, "bottom": 8, "left": 128, "right": 10}
_UNRIPE = "\N{SQUARE WITH UPPER RIGHT TO LOWER LEFT FILL}"
_COLUMNS = ("Cohort", "Period", "Customers", "Came back", "Of", "Retention", "95% interval", "So far")


class RetentionView(Panel, w.VBox):
    """Who comes back after they began, by cohort and period; a click on a cell selects those who did.

    Cells that were not wholly observed yet are hatched and have no number.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose curve lies behind; the one given at the start by default.
    """

    TITLE = "Who comes back"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._start_with = Chooser("Began with", [(PURCHASE, "a purchase")], PURCHASE, kind="list")
        self._kind = Chooser("Came back", _KINDS, "on", kind="segments")
        self._period = Chooser("Period", _PERIODS, "M", kind="segments")
        self._clock = Chooser("Clock", _CLOCKS, "calendar", kind="segments")
        self._choosers = (self._start_with, self._kind, self._period, self._clock)
        self._curve_caption, self._curve = Caption(), ShareCurve("Came back")
        self._cells: list[tuple[str, int]] = []
        self._marked: list[tuple[str, int]] = []
        self._cohorts: list[str] = []
        self._heads: list[int] = []
        self._columns, self._rows = bqplot.OrdinalScale(), bqplot.OrdinalScale(reverse=True)
        self._shade = bqplot.ColorScale(min=0.0, max=1.0, colors=list(_theme.SHARES))
        self._heat = _theme.Grid(
            color=np.zeros((2, 2)),
            row=["", " "],
            column=["0", "1"],
            scales={"row": self._rows, "column": self._columns, "color": self._shade},
            stroke="var(--jp-border-color2, #e0e0e0)",
            interactions={"click": "select"},
            selected_style={"stroke": _theme.DROP_OFF, "stroke-width": "3px"},
        )
        self._numbers, self._hatches = (
            bqplot.Label(
                scales={"x": self._columns, "y": self._rows},
                colors=[colour],
                default_size=size,
                font_weight="normal",
                align="middle",
                y_offset=1,
                interactions={
                    "click": "select"
                },  # bqplot tells of no click on a label but through `selected`
            )
            for colour, size in ((_theme.TEXT, 11), (_theme.MUTED, 16))
        )
        axes = [
            bqplot.Axis(scale=self._columns, side="top", grid_lines="none", tick_style=_theme.ticks()),
            _theme.upright(bqplot.Axis(scale=self._rows, grid_lines="none", tick_style=_theme.ticks())),
        ]
        self._frame = _theme.Frame(
            [self._heat, self._numbers, self._hatches], axes, _MARGIN_PX, toolbar=False
        )
        self._heat.on_element_click(self._on_cell)
        self._numbers.observe(self._on_number, names="selected")
        self._hatches.observe(self._on_number, names="selected")
        parts = roomy_and_small([self._frame], [self._curve_caption, self._curve])
        self._charts, self._beside = (self._frame, self._curve), (parts,)
        self._asks = choices(*self._choosers)
        super().__init__(children=[self._asks, self._caption, parts])
        self._start(log, definition, baseline)
        for chooser in self._choosers:
            chooser.observe(self._on_choice, names="_value")
        self._caption.observe(self._on_row, names="_selected")

    @property
    def _asked(self) -> dict[str, object]:
        """What the choosers ask of `retention`, but for the stage to begin with."""
        period = self._period.value
        own = self._clock.value == "24h"
        return {
            "kind": self._kind.value,
            "clock": self._clock.value,
            "period": _OWN[period] if own else period,
            "by": period,
            "periods": _SHOWN[period],
        }

    def _found(self, definition: Definition) -> Retention:
        begin = self._start_with.value
        asked = self._asked
        return retention(self.event_log, definition, start=None if begin == PURCHASE else begin, **asked)  # type: ignore[arg-type] # each is checked there

    def _show(self, good: Definition) -> None:
        stages = [(name, f"first {name}") for name in good.names]
        self._start_with.offer([(PURCHASE, "the first purchase"), *stages])
        try:
            now = self._found(good)
        except CXError as error:
            self._empty(NO_PURCHASE if self._start_with.value == PURCHASE else str(error))
            return
        frame = now.frame
        there = frame[frame["size"] > 0]
        if there.empty:
            self._empty(f"Nobody began with {now.start}.")
            return
        self._reveal()
        starts = there["cohort"].drop_duplicates().iloc[-_MOST_COHORTS:]
        shown = there[there["cohort"].isin(starts)]
        self._matrix(shown)
        self._all(now)
        hidden = there["cohort"].nunique() - len(starts)
        notes = (
            [f"The last {len(starts)} cohorts; cx.retention has {hidden:,} earlier ones."] if hidden else []
        )
        if not shown["ripe"].all():
            notes.append(f"{_UNRIPE} not wholly observed yet: no number.")
        self._caption.tell(
            self.TITLE,
            description=f"Of those who began with {now.start} in a period, the share with {now.back} "
            f"{_WORDS[now.kind]}, k being the number above.",
            columns=_COLUMNS,
            rows=_lines(shown),
            note=self._notes(*notes),
        )
        self._mark_selected()

    def _matrix(self, shown: pd.DataFrame) -> None:
        if shown.empty:
            self._frame.hide()
            return
        period = self._period.value
        sizes = shown.drop_duplicates("cohort").set_index("cohort")["size"]
        self._cohorts = [str(start.date()) for start in sizes.index]
        rows = [
            f"{_theme.period_name(start, period)} ({_numbers.count(size)})"
            for start, size in zip(pd.DatetimeIndex(sizes.index), sizes, strict=True)
        ]
        heads = shown[["period", "label"]].drop_duplicates().sort_values("period")
        self._heads, columns = heads["period"].tolist(), heads["label"].tolist()
        # A pivot table would leave out what has no number at all.
        table = shown.assign(unripe=(~shown["ripe"]).astype(float)).set_index(["cohort", "period"])
        shares, unripe = (
            table[name].unstack().to_numpy(float)  # noqa: PD010
            for name in ("value", "unripe")
        )
        if [*self._heat.row, *self._heat.column] != [*rows, *columns]:
            for label in (self._numbers, self._hatches):
                # bqplot would move the old labels to names that leave the scale, which is nowhere.
                with label.hold_sync():
                    label.x, label.y, label.text = [], [], []
        later = shares[:, 1:] if self._heads[0] == 0 else shares
        top = float(max(np.nanmax(later, initial=0.0), _PALEST_TOP))
        self._shade.max = top
        with self._heat.hold_sync():
            # bqplot lays the grid out when `row` or `column` arrives, so the colours have to be there first
            self._heat.color = np.minimum(np.nan_to_num(shares), top)
            self._heat.row, self._heat.column = rows, columns
        self._write(rows, columns, shares, unripe == 1)
        self._frame.show(
            _ROW_PX * len(rows) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"],
            at_least_wide=_COLUMN_PX * len(columns) + _MARGIN_PX["left"] + _MARGIN_PX["right"],
        )

    def _write(
        self, rows: list[str], columns: list[str], shares: NDArray[np.float64], waiting: NDArray[np.bool_]
    ) -> None:
        """Put a number into each cell that has one, and a hatch where there will be one."""
        written, hatched = np.argwhere(np.isfinite(shares)), np.argwhere(waiting)
        self._cells = [(self._cohorts[row], self._heads[column]) for row, column in written]
        self._marked = [(self._cohorts[row], self._heads[column]) for row, column in hatched]
        for label, places, texts in (
            (self._numbers, written, [f"{shares[row, column]:.0%}" for row, column in written]),
            (self._hatches, hatched, [_UNRIPE] * len(hatched)),
        ):
            with label.hold_sync():
                label.x = [columns[column] for _, column in places]
                label.y = [rows[row] for row, _ in places]
                label.text = texts

    def _all(self, now: Retention) -> None:
        before = self._before(lambda baseline: _pooled(self._found(baseline).curve))
        curve = now.curve
        known = not np.isnan(np.array(_pooled(curve).value, dtype=float)).all()
        name = dict(_PERIODS)[self._period.value].capitalize()
        self._curve.draw(_pooled(curve), before, f"{name} after the first one")
        legend = [("now", "now"), ("95% interval", "interval")]
        if before is not None:
            legend.append(("baseline", "dashed"))
        self._curve_caption.tell(
            "All cohorts",
            description="Everybody for whom the period is over.",
            legend=legend if known else (),
            note="" if known else _NONE_OVER,
            columns=("Period", "Came back", "Of", "Retention", "95% interval"),
            rows=[
                (
                    None,
                    [
                        str(row["label"]),
                        _numbers.count(row["numerator"]),
                        _numbers.count(row["denominator"]),
                        _numbers.percent(row["value"]),
                        _numbers.span(row["lower"], row["upper"]),
                    ],
                )
                for row in curve.to_dict("records")
            ],
        )

    def _selection_of(self, cohort: str, period: int) -> Selection:
        asked = tuple(sorted(self._asked.items()))
        return Selection("returned", self._start_with.value, f"{cohort} {period}", asked)

    def _mark_selected(self) -> None:
        chosen = self.selected
        key = chosen.to if chosen is not None and chosen.kind == "returned" else None
        same = key is not None and chosen == self._selection_of(*_cell(key))
        self._caption.mark(key if same else None)

    def _on_choice(self, change: object) -> None:
        if self.selected is not None and self.selected.kind == "returned":
            self.selected = None
        self._refresh(change)

    def _on_cell(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        row, column = event["data"]["rowNum"], event["data"]["columnNum"]
        if row < len(self._cohorts) and column < len(self._heads):
            self._click(self._cohorts[row], self._heads[column])

    def _on_number(self, change: Mapping[str, Sequence[int] | None]) -> None:
        clicked, label = change["new"], change["owner"]
        if clicked is not None and len(clicked):
            self._numbers.selected = self._hatches.selected = None  # so that the next click is a change again
            places = self._cells if label is self._numbers else self._marked
            self._click(*places[int(clicked[-1])])

    def _click(self, cohort: str, period: int) -> None:
        if (cohort, period) in {*self._cells, *self._marked}:
            self.selected = toggled(self.selected, self._selection_of(cohort, period))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            self.selected = self._selection_of(*_cell(key))
        elif self.selected is not None and self.selected.kind == "returned":
            self.selected = None


_NONE_OVER = "No period after the first is over yet for anybody. Choose a shorter period above."
_WORDS = {
    "on": "in the k-th period after",
    "on or after": "in the k-th period after or later",
    "bracket": "in any of the periods k",
    "streak": "in each of the periods up to k",
}


def _cell(key: str) -> tuple[str, int]:
    cohort, _, period = key.partition(" ")
    return cohort, int(period)


def _pooled(curve: pd.DataFrame) -> Curve:
    """Return the curve after the period of the start, where everybody is by definition."""
    return Curve.of(curve[curve["period"] > 0].assign(n=curve["denominator"]))


def _lines(shown: pd.DataFrame) -> list[tuple[str | None, list[str]]]:
    """Return the rows of the table, each with the key of its cell."""
    days = shown["cohort"].dt.strftime("%Y-%m-%d").tolist()
    bounds = zip(shown["lower"], shown["upper"], strict=True)
    spans = [_numbers.span(lower, upper) for lower, upper in bounds]
    counts = (shown[name].tolist() for name in ("size", "returned", "numerator", "denominator", "ripe"))
    lines: list[tuple[str | None, list[str]]] = []
    for day, period, label, value, span, size, returned, top, bottom, ripe in zip(
        days, shown["period"], shown["label"], shown["value"], spans, *counts, strict=True
    ):
        parts = [top, bottom] if ripe else [None, None]
        texts = [_numbers.UNDEFINED if part is None else _numbers.count(part) for part in parts]
        so_far = "" if ripe else f"{_numbers.count(returned)} so far"
        cells = [day, label, _numbers.count(size), *texts, _numbers.percent(value), span, so_far]
        lines.append((f"{day} {period}", cells))
    return lines
