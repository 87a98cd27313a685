"""How long buyers wait until they buy again: the curve of one gap, and every gap in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w

from cx_widgets import _numbers
from cx_widgets.metrics.purchase_gaps import ALL_GAPS, EACH_CUSTOMER, PurchaseGaps, purchase_gaps
from cx_widgets.widgets._advice import NO_BUY
from cx_widgets.widgets._base import chart_and_table, choices
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._time_curve import TimeCurve

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_COLUMNS = ("Purchase", "Median", "95% interval", "A quarter by", "Three quarters by", "Ended", "Of")
_CURVE = ("After", "Bought again", "95% interval")
_WORDS = {ALL_GAPS: "all purchases", EACH_CUSTOMER: "customers alike"}
_MOST_LINES = 60


class PurchaseGapsView(Panel, w.VBox):
    """How long it takes from one purchase to the next, the gaps still open reckoned with.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose curve is dashed; the one given at the start by default.
    """

    TITLE = "Time between purchases"
    previews = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._table = Caption(), Caption(_open=True)
        self._gap = Chooser("Between", [(ALL_GAPS, _WORDS[ALL_GAPS])], ALL_GAPS, kind="list")
        self._curve = TimeCurve("Bought again")
        self._controls = choices(self._gap)
        parts = chart_and_table([self._caption, self._curve], [self._table])
        self._charts, self._beside = (self._curve,), (self._controls, parts.children[1])
        super().__init__(children=[self._controls, parts])
        self._start(log, definition, baseline)
        self._gap.observe(self._refresh, names="_value")

    def _show(self, good: Definition) -> None:
        if not good.stages_with_role("buy"):
            self._empty(NO_BUY)
            return
        now = purchase_gaps(self._counted, good)
        if not now.frame.loc[ALL_GAPS, "denominator"]:
            self._empty("Nobody bought.")
            return
        self._gap.offer([(str(name), _label(str(name))) for name in now.frame.index])
        if self._gap.value not in now.frame.index:
            self._gap.value = ALL_GAPS
            return
        self._reveal()
        self._draw_curve(now)
        self._table.tell(
            "Every gap",
            description="Time until the next purchase. The last gap of every buyer is still open and "
            "reckoned with.",
            columns=_COLUMNS,
            rows=[
                (None, _cells(str(name), line))
                for name, line in self._estimated(now.frame, ("numerator", "denominator")).iterrows()
            ],
            preview=self._part_counted,
            note="Who buys often has many gaps; with customers alike each counts the same.",
        )

    def _draw_curve(self, now: PurchaseGaps) -> None:
        gap = self._gap.value
        curve = now.curve(gap)
        line = now.frame.iloc[now.frame.index.tolist().index(gap)]
        before = self._before(lambda baseline: purchase_gaps(self._counted, baseline).curve(gap))
        ended = bool(line["numerator"])
        self._curve.draw(curve if ended else curve.iloc[:0], before, "since the purchase before")
        legend = [("now", "now")]
        if ended and curve["lower"].notna().any():
            legend.append(("95% interval", "interval"))
        if before is not None:
            legend.append(("baseline", "dashed"))
        self._caption.tell(
            self.TITLE,
            description=f"Share of gaps over by a time, {_label(gap)}: {_median(line)}.",
            legend=legend if ended else (),
            columns=_CURVE,
            rows=[(None, _point(row)) for _, row in _thinned(curve).iterrows()],
            note=self._notes("" if ended else "Nobody has bought again yet."),
            preview=self._part_counted,
        )


def _label(gap: str) -> str:
    first, _, second = gap.partition(" to ")
    return _WORDS.get(gap) or f"purchase {first} and {second}"


def _median(line: pd.Series) -> str:
    if not _known(line["value"]):
        return "fewer than half are estimated to end"
    span = f" ({_span(line)})" if _known(line["lower"]) or _known(line["upper"]) else ""
    return f"half of them after {_numbers.timedelta(line['value'])}{span}"


def _known(value: object) -> bool:
    return _numbers.timedelta(value) != _numbers.UNDEFINED


def _span(line: pd.Series) -> str:
    low, high = (_numbers.timedelta(line[name]) for name in ("lower", "upper"))
    if high != _numbers.UNDEFINED:
        return f"{low} to {high}"
    return _numbers.UNDEFINED if low == _numbers.UNDEFINED else f"{low} or more"


def _cells(name: str, line: pd.Series) -> list[str]:
    return [
        _label(name).capitalize(),
        _numbers.timedelta(line["value"]),
        _span(line),
        *(_numbers.timedelta(line[key]) for key in ("quarter", "three_quarters")),
        *(_numbers.count(line[key]) for key in ("numerator", "denominator")),
    ]


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """Return every so many lines of a long curve, the last among them."""
    step = max(-(-len(curve) // _MOST_LINES), 1)
    return curve.iloc[::-1].iloc[::step].iloc[::-1]


def _point(row: pd.Series) -> list[str]:
    return [
        _numbers.timedelta(row["time"]),
        _numbers.percent(float(row["share"])),
        _numbers.span(float(row["lower"]), float(row["upper"])),
    ]
