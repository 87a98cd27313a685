"""The funnel as bars: how many customers reach each stage, and how many are lost between two."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics.funnel import funnel
from cx_widgets.widgets import _theme, _wire
from cx_widgets.widgets._base import Face, toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cells

_NAME_LENGTH = 20
_ROW_PX, _BAR_PX, _GHOST_PX = 44, 18, 26
_MARGIN_PX = {"top": 6, "bottom": 12, "left": 150, "right": 10}
_HEADROOM = 1.42  # room for the text right of a full bar
_COLUMNS = (
    "Stage",
    "Customers",
    "Of entrants",
    "95% interval",
    "Of previous",
    "Lost before",
    "Still open",
    "Median from previous",
    "Median from entry",
)


class FunnelView(Face, w.VBox):
    """The funnel of a definition, with intervals as whiskers and the baseline as a ghost behind.

    A click on a bar selects the customers who reached that stage, a click on the loss between two bars
    those who were lost there; the table below the title does the same by keyboard.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition shown as a ghost; the one given at the start by default.
    """

    previews: ClassVar[bool] = True
    rehearses: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        rows, counts = bqplot.LinearScale(reverse=True), bqplot.LinearScale(min=0)
        across = {"x": rows, "y": counts}
        along = {"x": counts, "y": rows}
        self._rows, self._counts = rows, counts
        self._ghost = bqplot.Bars(
            scales=across, orientation="horizontal", colors=[_theme.BASELINE], opacities=[0.35]
        )
        self._bars = bqplot.Bars(
            scales=across,
            orientation="horizontal",
            colors=[_theme.NOW],
            color_mode="no_group",
            unselected_style={"opacity": "0.35"},
            interactions={"hover": "tooltip"},
        )
        self._whiskers = bqplot.Lines(scales=along, colors=[_theme.TEXT], stroke_width=1.5)
        self._labels = bqplot.Label(
            scales=along, colors=[_theme.TEXT], default_size=12, font_weight="normal", x_offset=8, y_offset=1
        )
        self._losses = bqplot.Label(
            scales=along,
            colors=[_theme.DROP_OFF],
            default_size=11,
            font_weight="normal",
            x_offset=6,
            y_offset=1,
            interactions={"click": "select"},  # bqplot tells of no click on a label but through `selected`
        )
        self._axis = _theme.upright(
            bqplot.Axis(scale=rows, grid_lines="none", color="transparent", tick_style=_theme.ticks(12))
        )
        self._frame = _theme.Frame(
            [self._ghost, self._bars, self._whiskers, self._labels, self._losses], [self._axis], _MARGIN_PX
        )
        self._bars.on_element_click(self._on_bar)
        self._losses.observe(self._on_loss, names="selected")
        super().__init__(
            children=[
                self._caption,
                self._frame,
            ]
        )
        self._start(log, definition, baseline)
        self._caption.observe(self._on_row, names="_selected")

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give the funnel as a call."""
        return (partial(funnel, self.event_log, definition),)

    def _draw(self) -> None:
        if self._good is None:
            self._empty()
            return
        log, counts = self._counted, ("reach", "entrants", "previous", "drop_off", "open")
        now = self._estimated_cells(funnel(log, self._good).columns(), counts)
        ghost = now
        if self._compared is not None:
            ghost = self._estimated_cells(funnel(log, self._compared).columns(), counts)
        self._bar_chart(now, ghost)
        legend = [("customers who reach the stage", "now"), ("95% interval", "interval")]
        if self._compared is not None:
            legend.append(("baseline", "baseline"))
        self._caption.tell(
            "Funnel",
            description=_description(now),
            legend=legend,
            columns=_COLUMNS,
            rows=_table(now),
            note="Figures of the last good definition." if self._stale else "",
            preview=self._part_counted,
        )
        self._mark_selected()

    def _bar_chart(self, now: Cells, ghost: Cells) -> None:
        reach, entrants, lower, upper, conversion = (
            np.array(now[name], dtype=float)
            for name in ("reach", "entrants", "conversion_lower", "conversion_upper", "conversion")
        )
        names = [str(name) for name in now["stage"]]
        at = np.arange(len(names), dtype=float)
        ends = entrants[:, None] * np.column_stack([lower, upper])
        there = dict(zip(ghost["stage"], ghost["reach"], strict=True))
        before = np.array([there.get(name, np.nan) for name in names], dtype=float)
        parts = (self._ghost, self._bars, self._whiskers, self._labels, self._losses)
        with _theme.held(*parts, self._frame, self._rows, self._counts, self._axis):
            stands = _theme.places(self._rows, len(names))
            self._counts.max = float(max(np.nanmax(reach), np.nanmax(before, initial=0.0), 1.0) * _HEADROOM)
            self._axis.tick_values = at
            self._axis.tick_labels = {
                f"{i:g}": _numbers.shortened(name, _NAME_LENGTH) for i, name in enumerate(names)
            }
            self._axis.tick_format = "d"
            self._bars.padding = _theme.padding(_BAR_PX, _ROW_PX, len(names))
            self._ghost.padding = _theme.padding(_GHOST_PX, _ROW_PX, len(names))
            self._bars.x, self._bars.y = stands, _theme.beside(reach)
            self._bars.colors = [_theme.stage_colour(i) for i in range(len(names))]
            self._ghost.x, self._ghost.y = stands, _theme.beside(np.nan_to_num(before))
            self._ghost.visible = self._compared is not None
            xs, ys = _theme.whiskers(ends, at)
            self._whiskers.x, self._whiskers.y = xs, ys
            self._labels.x = np.fmax(np.fmax(reach, ends[:, 1]), before)
            self._labels.y = at
            self._labels.text = [
                f"{_numbers.count(n)} · {_numbers.percent(share)}"
                for n, share in zip(reach.tolist(), conversion.tolist(), strict=True)
            ]
            self._losses.x, self._losses.y = np.zeros(max(len(names) - 1, 0)), at[1:] - 0.5
            self._losses.text = [
                f"↓ {_numbers.count(lost)} lost ({_numbers.percent(float(share))})"
                for lost, share in zip(now["drop_off"][1:], now["drop_off_share"][1:], strict=True)
            ]
            self._frame.show(_ROW_PX * len(names) + _MARGIN_PX["top"] + _MARGIN_PX["bottom"])

    def _empty(self) -> None:
        self._frame.hide()
        self._caption.tell("Funnel", description="No figures yet.", note=self.problems[0].message)

    def _mark_selected(self) -> None:
        chosen = self.selected
        here = chosen is not None and chosen.kind in ("reached", "dropped") and self._good is not None
        key = f"{chosen.kind}:{chosen.stage}" if here and chosen is not None else None
        self._caption.mark(key)
        if here and chosen is not None and chosen.kind == "reached" and self._good is not None:
            self._bars.selected = [self._good.names.index(chosen.stage)]
        else:
            self._bars.selected = None

    def _on_bar(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        self._click("reached", event["data"]["index"])

    def _on_loss(self, change: Mapping[str, Sequence[int] | None]) -> None:
        clicked = change["new"]
        if clicked is not None and len(clicked):
            self._losses.selected = None  # so that the next click is a change again
            self._click("dropped", int(clicked[-1]) + 1)

    def _click(self, kind: str, index: int) -> None:
        if self._good is not None and index < len(self._good.names):
            self.selected = toggled(self.selected, Selection(kind, self._good.names[index]))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            kind, stage = key.split(":", 1)
            self.selected = Selection(kind, stage)
        elif self.selected is not None and self.selected.kind in ("reached", "dropped"):
            self.selected = None

    def _show_error(self, sentence: str) -> None:
        self._caption.tell("Funnel", note=sentence)


def _description(now: Cells) -> str:
    return (
        f"{_numbers.count(now['reach'][-1])} of {_numbers.count(now['entrants'][-1])} customers "
        f"({_numbers.percent(float(now['conversion'][-1]))}) reach {now['stage'][-1]}."
    )


def _table(now: Cells) -> list[tuple[str | None, list[str]]]:
    table: list[tuple[str | None, list[str]]] = []
    for place, row in enumerate(_wire.lines(now)):
        name = row["stage"]
        if place:
            lost = f"{_numbers.count(row['drop_off'])} ({_numbers.percent(float(row['drop_off_share']))})"
            table.append((f"dropped:{name}", [f"lost before {name}", lost, *[""] * (len(_COLUMNS) - 2)]))
        cells = [
            str(name),
            _numbers.count(row["reach"]),
            _numbers.percent(float(row["conversion"])),
            _numbers.span(float(row["conversion_lower"]), float(row["conversion_upper"])),
            _numbers.percent(float(row["step_conversion"])),
            _numbers.count(row["drop_off"]) if place else _numbers.UNDEFINED,
            _numbers.count(row["open"]),
            _numbers.seconds(float(row["median_from_previous"])),
            _numbers.seconds(float(row["median_from_entry"])),
        ]
        table.append((f"reached:{name}", cells))
    return table
