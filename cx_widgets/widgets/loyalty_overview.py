"""Loyalty at a glance: every figure in a table, and the retention curve since the first purchase."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.durations import format_duration
from cx_widgets.metrics.loyalty import loyalty
from cx_widgets.widgets import _wire
from cx_widgets.widgets._advice import with_advice
from cx_widgets.widgets._base import Face, chart_and_table
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._curve import Curve, ShareCurve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cell, Cells
    from cx_widgets.metrics.loyalty import Loyalty

_FIGURES = ("Figure", "Value", "95% interval", "Of", "How")
_PERIODS = ("Period", "Came back", "Wholly observed", "Retention", "95% interval")


class LoyaltyOverview(Face, w.VBox):
    """The loyalty figures of a definition and the retention curve since the first purchase.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose curve lies behind; the one given at the start by default.
    """

    previews: ClassVar[bool] = True
    rehearses: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._numbers = Caption(), Caption(_open=True)
        self._frame = ShareCurve("Retention")
        super().__init__(children=[chart_and_table([self._caption, self._frame], [self._numbers])])
        self._start(log, definition, baseline)

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give the loyalty figures as a call."""
        return (partial(loyalty, self.event_log, definition),)

    def _draw(self) -> None:
        if self._good is None:
            self._frame.hide()
            self._caption.tell("Retention", description="No figures yet.", note=self.problems[0].message)
            self._numbers.layout.display = "none"
            return
        self._numbers.layout.display = ""
        now = loyalty(self._counted, self._good)
        before = now if self._compared is None else loyalty(self._counted, self._compared)
        same = self._compared is None
        period = format_duration(self._good.rules.retention_period)
        curve = now.retention_columns()
        behind = None if same else _drawable(before.retention_columns())
        self._frame.draw(_drawable(curve), behind, f"Periods of {period} since the first purchase")
        legend = [("now", "now"), ("95% interval", "interval")] + ([] if same else [("baseline", "dashed")])
        if all(np.isnan(float(rate)) for rate in curve["rate"]):
            legend = []
        self._caption.tell(
            "Retention",
            description=f"Share of buyers who buy again, by period of {period} since their first purchase.",
            legend=legend,
            columns=_PERIODS,
            rows=[
                (
                    None,
                    [
                        str(int(row["period"])),
                        _numbers.count(row["retained"]),
                        _numbers.count(row["mature"]),
                        _numbers.percent(float(row["rate"])),
                        _numbers.span(float(row["lower"]), float(row["upper"])),
                    ],
                )
                for row in _wire.lines(self._estimated_cells(curve, ("retained", "mature")))
            ],
            note="Figures of the last good definition." if self._stale else _reason(now),
            preview=self._part_counted,
        )
        figures = self._estimated_cells(now.columns(), ("numerator", "denominator"))
        self._numbers.tell(
            "Loyalty",
            columns=_FIGURES,
            rows=[(None, _cells(row)) for row in _wire.lines(figures)],
            preview=self._part_counted,
        )

    def _show_error(self, sentence: str) -> None:
        self._caption.tell("Retention", note=sentence)


def _drawable(curve: Cells) -> Curve:
    """Return the periods after the first purchase's own."""
    return Curve(*(curve[name][1:] for name in ("period", "rate", "lower", "upper", "mature")))


def _reason(now: Loyalty) -> str:
    """Return why retention is undefined, or nothing."""
    return with_advice(now["retention"].note) if np.isnan(now["retention"].value) else ""


def _cells(row: Mapping[str, Cell]) -> list[str]:
    show = _SHOWN.get(str(row["unit"]), _numbers.amount)
    bounds = [float(row["lower"]), float(row["upper"])]
    known = not any(np.isnan(bounds))
    parts = [_numbers.count(row["numerator"]), _numbers.count(row["denominator"])]
    return [
        str(row["label"]),
        show(float(row["value"])),
        f"{show(bounds[0])} to {show(bounds[1])}" if known else _numbers.UNDEFINED,
        " / ".join(parts) if _numbers.UNDEFINED not in parts else _numbers.UNDEFINED,
        ". ".join(part for part in (str(row["method"]), _note(row)) if part),
    ]


def _note(row: Mapping[str, Cell]) -> str:
    note = str(row["note"])
    # The next step of a missing role is said once, beside.
    return with_advice(note) if "column" in note else note


def _ratio(value: float) -> str:
    return _numbers.UNDEFINED if np.isnan(value) or value == 0 else f"1 : {1 / value:,.2f}"


_SHOWN = {"share": _numbers.percent, "count": _numbers.count, "seconds": _numbers.seconds, "ratio": _ratio}
