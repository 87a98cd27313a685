"""Transitions as a heat map: from which stage to which, as a share of all exits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics.transitions import transitions
from cx_widgets.widgets import _theme, _wire
from cx_widgets.widgets._base import Face, toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_NAME_LENGTH = 16
_PALEST_TOP = 0.2  # the darkest cell stands for at least this share
_TOP_STEP = 0.1
_COLUMN_PX = 26  # at least
_CHARACTERS = 70  # over all columns together
_ROW_PX = 38
_MARGIN_PX = {"top": 28, "bottom": 8, "left": 130, "right": 10}
_WRITTEN_UP_TO = 9  # stages; beyond that the cells are too narrow for numbers
_COLUMNS = ("From", "To", "Transitions", "Of all exits", "95% interval", "Customers", "Median time to it")
_JOINT = " → "


class TransitionMatrix(Face, w.VBox):
    """The transition matrix of a definition; a click on a cell selects the customers who went that way.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition to compare with; the one given at the start by default.
    """

    previews: ClassVar[bool] = True
    rehearses: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._cells: list[tuple[str, str]] = []
        self._numbered: list[tuple[str, str]] = []
        self._columns, self._rows = bqplot.OrdinalScale(), bqplot.OrdinalScale(reverse=True)
        self._shade = bqplot.ColorScale(min=0.0, max=1.0, colors=list(_theme.SHARES))
        self._heat = bqplot.GridHeatMap(
            color=np.zeros((2, 2)),
            row=["(start)", ""],
            column=["", "(end)"],
            scales={"row": self._rows, "column": self._columns, "color": self._shade},
            stroke="var(--jp-border-color2, #e0e0e0)",
            interactions={"click": "select"},
            selected_style={"stroke": _theme.DROP_OFF, "stroke-width": "3px"},
        )
        self._numbers = bqplot.Label(
            scales={"x": self._columns, "y": self._rows},
            colors=[_theme.TEXT],
            default_size=11,
            font_weight="normal",
            align="middle",
            y_offset=1,
            interactions={"click": "select"},  # bqplot tells of no click on a label but through `selected`
        )
        axes = [
            bqplot.Axis(scale=self._columns, side="top", grid_lines="none", tick_style=_theme.ticks()),
            _theme.upright(bqplot.Axis(scale=self._rows, grid_lines="none", tick_style=_theme.ticks())),
        ]
        self._frame = _theme.Frame([self._heat, self._numbers], axes, _MARGIN_PX)
        self._heat.on_element_click(self._on_cell)
        self._numbers.observe(self._on_number, names="selected")
        super().__init__(
            children=[
                self._caption,
                self._frame,
            ]
        )
        self._start(log, definition, baseline)
        self._caption.observe(self._on_row, names="_selected")

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give the transitions as a call."""
        return (partial(transitions, self.event_log, definition),)

    def _draw(self) -> None:
        if self._good is None:
            self._frame.hide()
            self._caption.tell("Transitions", description="No figures yet.", note=self.problems[0].message)
            return
        now = transitions(self._counted, self._good)
        moves = _wire.lines(self._estimated_cells(now.columns(), ("count", "customers")))
        names = list(self._good.names)
        origins, targets = ["(start)", *names], [*names, "(end)"]
        counts = now.counts.astype(float)
        exits = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, exits, out=np.full_like(counts, np.nan), where=exits > 0)
        rows, columns = _heads(names)
        if [*self._heat.row, *self._heat.column] != [*rows, *columns]:
            # bqplot would move the old numbers to names that leave the scale, which is nowhere.
            with self._numbers.hold_sync():
                self._numbers.x, self._numbers.y, self._numbers.text = [], [], []
        # In steps: another end of the scale colours every cell twice.
        top = max(np.nanmax(shares, initial=0.0), _PALEST_TOP)
        self._shade.max = float(np.ceil(round(top / _TOP_STEP, 9)) * _TOP_STEP)
        with self._heat.hold_sync():
            # bqplot lays the grid out when `row` or `column` arrives, so the colours have to be there first
            self._heat.color = np.nan_to_num(shares)
            self._heat.row = rows
            self._heat.column = columns
        written = np.argwhere(counts > 0) if len(names) <= _WRITTEN_UP_TO else np.empty((0, 2), dtype=int)
        self._numbered = [(origins[row], targets[column]) for row, column in written]
        with self._numbers.hold_sync():
            self._numbers.x = [columns[column] for _, column in written]
            self._numbers.y = [rows[row] for row, _ in written]
            self._numbers.text = [f"{shares[row, column]:.0%}" for row, column in written]
        self._frame.show(
            _ROW_PX * len(origins) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"],
            at_least_wide=_COLUMN_PX * len(targets) + _MARGIN_PX["left"] + _MARGIN_PX["right"],
        )
        self._caption.tell(
            "Transitions",
            description="Share of all exits of the stage on the left that lead to the stage above.",
            columns=_COLUMNS,
            rows=[
                (
                    f"{row['from']}{_JOINT}{row['to']}",
                    [
                        str(row["from"]),
                        str(row["to"]),
                        _numbers.count(row["count"]),
                        _numbers.percent(float(row["share"])),
                        _numbers.span(float(row["lower"]), float(row["upper"])),
                        _numbers.count(row["customers"]),
                        _numbers.seconds(float(row["dwell_median"])),
                    ],
                )
                for row in moves
            ],
            note="Figures of the last good definition." if self._stale else "",
            preview=self._part_counted,
        )
        self._cells = [(str(row["from"]), str(row["to"])) for row in moves]
        self._mark_selected()

    def _mark_selected(self) -> None:
        chosen = self.selected
        key = f"{chosen.stage}{_JOINT}{chosen.to}" if chosen is not None and chosen.kind == "moved" else None
        self._caption.mark(key)

    def _on_cell(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        if self._good is None:
            return
        names = self._good.names
        cell = event["data"]
        self._click(("(start)", *names)[cell["rowNum"]], (*names, "(end)")[cell["columnNum"]])

    def _on_number(self, change: Mapping[str, Sequence[int] | None]) -> None:
        clicked = change["new"]
        if clicked is not None and len(clicked):
            self._numbers.selected = None  # so that the next click is a change again
            self._click(*self._numbered[int(clicked[-1])])

    def _click(self, origin: str, target: str) -> None:
        self.selected = toggled(self.selected, Selection("moved", origin, target))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            here = next((pair for pair in self._cells if _JOINT.join(pair) == key), None)
            if here is not None:
                self.selected = Selection("moved", *here)
        elif self.selected is not None and self.selected.kind == "moved":
            self.selected = None

    def _show_error(self, sentence: str) -> None:
        self._caption.tell("Transitions", note=sentence)


def _heads(names: list[str]) -> tuple[list[str], list[str]]:
    """Return what stands at the rows and over the columns; many columns carry the numbers of their stages."""
    if len(names) <= _WRITTEN_UP_TO:
        columns = [*names, "(end)"]
        return _distinct(["(start)", *names], _NAME_LENGTH), _distinct(columns, _CHARACTERS // len(columns))
    numbers = [str(number) for number in range(1, len(names) + 1)]
    rows = [f"{number} {name}" for number, name in zip(numbers, names, strict=True)]
    return _distinct(["(start)", *rows], _NAME_LENGTH), [*numbers, "end"]


def _distinct(names: list[str], limit: int) -> list[str]:
    """Return names cut for the axis and still distinct: two names alike at the front keep a number."""
    cut = [_numbers.shortened(name, min(limit, _NAME_LENGTH)) for name in names]
    return [f"{name} {i}" if cut.count(name) > 1 else name for i, name in enumerate(cut, start=1)]
