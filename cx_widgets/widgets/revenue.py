"""Revenue per entrant, customer, buyer and order, with intervals over customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics._figure import interval_text
from cx_widgets.metrics.revenue import Revenue, revenue
from cx_widgets.widgets import _theme
from cx_widgets.widgets._advice import with_advice
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_METHODS = (("linearised", "linearised"), ("t", "bootstrap t"), ("percentile", "percentiles"), ("bca", "BCa"))
_BOUNDS = ("value", "lower", "upper")
_COLUMNS = ("Figure", "Value", "95% interval", "Revenue", "By", "How")


class RevenueView(Panel, w.VBox):
    """What an entrant, a customer, a buyer and an order bring, beside the baseline.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose figures lie behind; the one given at the start by default.
    """

    TITLE = "Revenue"
    previews: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._method = Chooser("Interval", _METHODS, "linearised", kind="segments")
        self._bars = NamedBars([_theme.NOW], row_px=14)
        controls = choices(self._method)
        self._charts, self._beside = (self._bars,), (controls,)
        super().__init__(children=[controls, self._caption, self._bars])
        self._start(log, definition, baseline)
        self._method.observe(self._refresh, names="_value")

    def _found(self, definition: Definition) -> Revenue:
        return revenue(self._counted, definition, method=self._method.value)

    def _show(self, good: Definition) -> None:
        now = self._found(good)
        total, each = now["revenue"], now.frame.iloc[1:]
        if np.isnan(total.value):
            self._empty(with_advice(total.note))
            return
        if each["value"].isna().all():
            self._empty("Nobody entered, so there is nothing to divide.")
            return
        lines = self._whole(each).to_dict("records")
        before = None if self._compared is None else self._found(self._compared).frame["value"].iloc[1:]
        self._reveal()
        self._bars.draw(
            each["label"].tolist(),
            each["value"].to_numpy(float)[None],
            [[f"{_numbers.amount(row['value'])} · n {_numbers.count(row['denominator'])}" for row in lines]],
            ends=each[["lower", "upper"]].to_numpy(float),
            before=None if before is None else before.to_numpy(float)[None],
        )
        legend = [("now", "now"), ("95% interval", "interval")]
        self._caption.tell(
            self.TITLE,
            description=f"{_numbers.amount(self._scaled(total.value))} in all, from rows in "
            f"{' and '.join(good.stages_with_role('buy'))}.",
            legend=legend if before is None else [*legend, ("baseline", "baseline")],
            columns=_COLUMNS,
            rows=[(None, _cells(row)) for _, row in self._whole(now.frame).iterrows()],
            note=self._notes(),
            preview=self._part_counted,
        )

    def _whole(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the figures with sums and the total as they stand for all customers."""
        sample = None if self._sampled is None else self._sampled.sampled
        if sample is None:
            return frame
        total = frame.index == "revenue"
        ends = {name: frame[name].mask(total, frame[name] * sample.times) for name in _BOUNDS}
        sums = {name: (frame[name] * sample.times).round() for name in ("numerator", "denominator")}
        return frame.assign(**ends, **sums)


def _cells(row: pd.Series) -> list[str]:
    return [
        str(row["label"]),
        _numbers.amount(row["value"]),
        interval_text(float(row["lower"]), float(row["upper"]), "money"),
        _numbers.amount(row["numerator"]),
        _numbers.count(float(row["denominator"])),
        ". ".join(part for part in (str(row["method"]), str(row["note"])) if part),
    ]
