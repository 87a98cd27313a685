"""Lifecycle as stacked bars, the dormant below zero; and in how many periods customers were active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.errors import CXError
from cx_widgets.metrics.lifecycle import Lifecycle, Stickiness, lifecycle, stickiness
from cx_widgets.widgets import _theme
from cx_widgets.widgets._base import choices, halves, toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import NO_PURCHASE, PURCHASE, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_PERIODS = (("D", "days"), ("W", "weeks"), ("M", "months"), ("Q", "quarters"))
_STATES = (("returning", 0), ("resurrecting", 3), ("new", 2), ("dormant", 1))
"""From zero upwards and downwards, each with the number of its colour."""

_MOST_PERIODS = 60
_NAME_FITS = 0.035
"""Of the width lies between the middle of a bar and the end where a name has room below it."""
_MOST_TICKS = 8
_MOST_BARS = 31
_MARGIN_PX = {"top": 10, "bottom": 40, "left": 60, "right": 16}
_HEIGHT_PX = 264
_COLUMNS = ("Period", "Active", "New", "Returning", "Resurrecting", "Dormant", "Kept", "95% interval", "Over")


class LifecycleView(Panel, w.VBox):
    """Who is new, returning, resurrecting and dormant in each period; a click on a bar selects them.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose active customers are the dashed line; the one given at the start by default.
    """

    TITLE = "New, kept, won back, dormant"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._days_caption = Caption(), Caption()
        self._active = Chooser("Active with", [(PURCHASE, "a purchase")], PURCHASE, kind="list")
        self._period = Chooser("Period", _PERIODS, "M", kind="segments")
        self._choosers = (self._active, self._period)
        self._starts: list[str] = []
        self._across, self._upwards = bqplot.LinearScale(), bqplot.LinearScale()
        scales = {"x": self._across, "y": self._upwards}
        self._bars = bqplot.Bars(
            x=np.arange(2.0),
            y=np.zeros((len(_STATES), 2)),
            scales=scales,
            type="stacked",
            color_mode="element",
            colors=[_theme.stage_colour(colour) for _, colour in _STATES],
            stroke="transparent",
            interactions={"click": "select"},
        )
        self._ghost = bqplot.Lines(
            x=[0.0, 1.0],
            y=[0.0, 0.0],
            scales=scales,
            colors=[_theme.BASELINE],
            line_style="dashed",
            stroke_width=2,
        )
        self._below = bqplot.Axis(scale=self._across, grid_lines="none", tick_style=_theme.ticks())
        self._left = _theme.upright(
            bqplot.Axis(scale=self._upwards, tick_format=",d", **_theme.titled(title="Customers"))
        )
        self._frame = _theme.Frame([self._bars, self._ghost], [self._below, self._left], _MARGIN_PX)
        self._bars.on_element_click(self._on_bar)
        numbers, shares = bqplot.OrdinalScale(), bqplot.LinearScale(min=0.0)
        self._many = bqplot.Bars(
            x=["1"],
            y=[0.0],
            scales={"x": numbers, "y": shares},
            colors=[_theme.NOW],
            padding=0.15,
            stroke="transparent",
        )
        self._many_axis = bqplot.Axis(
            scale=numbers, grid_lines="none", **_theme.titled(title="Periods in which they were active")
        )
        self._shares = shares
        self._share_axis = _theme.upright(
            bqplot.Axis(scale=shares, tick_format=".0%", **_theme.titled(title="Share of customers"))
        )
        self._days = _theme.Frame([self._many], [self._many_axis, self._share_axis], _MARGIN_PX)
        parts = halves((self._frame,), (self._days_caption, self._days))
        self._charts, self._beside = (self._frame, self._days), (parts,)
        self._asks = choices(*self._choosers)
        super().__init__(children=[self._asks, self._caption, parts])
        self._start(log, definition, baseline)
        for chooser in self._choosers:
            chooser.observe(self._on_choice, names="_value")
        self._caption.observe(self._on_row, names="_selected")

    def _found(self, definition: Definition) -> Lifecycle:
        active = None if self._active.value == PURCHASE else self._active.value
        return lifecycle(self.event_log, definition, active=active, period=self._period.value)

    def _show(self, good: Definition) -> None:
        self._active.offer([(PURCHASE, "a purchase"), *((name, name) for name in good.names)])
        active = None if self._active.value == PURCHASE else self._active.value
        try:
            now = self._found(good)
            sticky = stickiness(self.event_log, good, active=active, period=self._period.value)
        except CXError as error:
            self._empty(NO_PURCHASE if active is None else str(error))
            return
        everything = now.frame
        if not everything["active"].any():
            self._empty(f"Nobody had {now.active}.")
            return
        self._reveal()
        shown = everything.iloc[-_MOST_PERIODS:]
        self._chart(shown)
        self._sticky(sticky)
        notes = []
        if len(shown) < len(everything):
            notes.append(f"The last {len(shown)} of {len(everything):,} periods.")
        if len(shown) and not shown["complete"].all():
            notes.append(
                "The last period is not over: its counts are so far, and more are dormant than will be."
            )
        legend = [(name, f"stage-{colour + 1}") for name, colour in _STATES]
        self._caption.tell(
            self.TITLE,
            description=f"Customers with {now.active} in a period; below zero those who had it in the period "
            "before and not in this one.",
            legend=[*legend, ("active, baseline", "dashed")] if self._ghost.visible else legend,
            columns=_COLUMNS,
            rows=[_line(row) for _, row in shown.iterrows()],
            note=self._notes(*notes),
        )
        self._mark_selected()

    def _chart(self, shown: pd.DataFrame) -> None:
        if shown.empty:
            self._frame.hide()
            return
        self._starts = [str(start.date()) for start in shown["start"]]
        names = [_theme.period_name(start, self._period.value) for start in shown["start"]]
        counts = shown[[name for name, _ in _STATES]].to_numpy(float).T * [[1.0], [1.0], [1.0], [-1.0]]
        before, at = self._baseline_active(len(names)), np.arange(float(len(names)))
        high = max(float(counts[:-1].sum(axis=0).max()), 0.0 if before is None else float(before.max()))
        marks = _theme.round_marks(float(counts[-1].min()), high, whole=True)
        scales = (self._across, self._upwards, self._below, self._left)
        with _theme.held(self._bars, self._ghost, *scales):
            stands = _theme.places(self._across, len(names))
            self._bars.padding = _theme.padding(85, 100, len(names))
            self._bars.x, self._bars.y = stands, _theme.beside(counts)
            self._upwards.min, self._upwards.max = float(marks[0]), float(marks[-1])
            self._left.tick_values = marks
            self._ghost.visible = before is not None and len(names) > 1
            if before is not None:
                self._ghost.x, self._ghost.y = at, before
            marked = at[:: -(-len(names) // _MOST_TICKS)]
            # The name of a bar close to the end would run out of the figure.
            marked = marked[(len(names) - 0.5 - marked) / len(names) > _NAME_FITS]
            self._below.tick_values = marked
            self._below.tick_labels = {str(int(place)): names[int(place)] for place in marked}
        self._frame.show(_HEIGHT_PX)

    def _baseline_active(self, periods: int) -> np.ndarray | None:
        before = self._before(self._found)
        return None if before is None else before.frame["active"].to_numpy(float)[-periods:]

    def _sticky(self, sticky: Stickiness) -> None:
        frame = sticky.frame
        seen = frame[frame["at_least"] > 0]
        bars = seen.iloc[:_MOST_BARS]
        if bars.empty:
            self._days.hide()
        else:
            marks = _theme.share_marks(bars["value"])
            with _theme.held(self._many, self._many_axis, self._shares, self._share_axis):
                self._shares.max, self._share_axis.tick_values = float(marks[-1]), marks
                self._many.x = [str(number) for number in bars.index]
                self._many.y = bars["value"].to_numpy(float)
                self._many_axis.tick_values = self._many.x[:: -(-len(bars) // _MOST_TICKS)].tolist()
            self._days.show(_HEIGHT_PX)
        ever = seen["at_least"].max() if len(seen) else 0
        note = f"{len(seen) - len(bars)} more numbers are in the table." if len(seen) > len(bars) else ""
        ratio = sticky.ratio
        known = ratio[ratio["value"].notna()]
        if len(known):
            last = known.iloc[-1]
            share = _numbers.percent(float(last["value"]))
            span = _numbers.span(float(last["lower"]), float(last["upper"]))
            note = f"{note} Daily over monthly in {last['start']:%Y-%m}: {share} ({span}).".strip()
        self._days_caption.tell(
            "Active in how many periods",
            description=f"Of the {_numbers.count(ever)} ever active, the share active in exactly so many of "
            f"{_numbers.count(sticky.n_periods)} period{'s' * (sticky.n_periods != 1)}.",
            columns=("Periods", "Exactly", "Share", "95% interval", "At least", "Share"),
            rows=[
                (
                    None,
                    [
                        str(number),
                        _numbers.count(row["customers"]),
                        _numbers.percent(float(row["value"])),
                        _numbers.span(float(row["lower"]), float(row["upper"])),
                        _numbers.count(row["at_least"]),
                        _numbers.percent(float(row["share_at_least"])),
                    ],
                )
                for number, row in seen.iterrows()
            ],
            note=note,
        )

    def _selection_of(self, day: str, state: str) -> Selection:
        return Selection("state", self._active.value, f"{day} {state}", (("period", self._period.value),))

    def _mark_selected(self) -> None:
        chosen = self.selected
        key = chosen.to if chosen is not None and chosen.kind == "state" else None
        day, _, state = (key or "").partition(" ")
        self._caption.mark(day if key is not None and chosen == self._selection_of(day, state) else None)

    def _on_choice(self, change: object) -> None:
        if self.selected is not None and self.selected.kind == "state":
            self.selected = None
        self._refresh(change)

    def _on_bar(self, mark: object, event: Mapping[str, Mapping[str, int]]) -> None:  # noqa: ARG002 - bqplot passes it
        clicked = event["data"]
        day, state = self._starts[clicked["index"]], _STATES[clicked.get("subIndex", 0)][0]
        self.selected = toggled(self.selected, self._selection_of(day, state))

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        chosen = self.selected
        if key is None:
            if chosen is not None and chosen.kind == "state":
                self.selected = None
        elif chosen is None or chosen.kind != "state" or str(chosen.to).partition(" ")[0] != key:
            self.selected = self._selection_of(key, "active")


def _line(row: pd.Series) -> tuple[str | None, list[str]]:
    day = str(row["start"].date())
    cells = [
        day,
        *(_numbers.count(row[name]) for name in ("active", "new", "returning", "resurrecting", "dormant")),
        _numbers.percent(float(row["value"])),
        _numbers.span(float(row["lower"]), float(row["upper"])),
        "yes" if row["complete"] else "not yet",
    ]
    return (day if row["active"] else None, cells)
