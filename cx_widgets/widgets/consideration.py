"""Which brands customers start from, which they add and drop, and which they buy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics._columns import texts
from cx_widgets.metrics._figure import interval_text, number_text
from cx_widgets.metrics.consideration import Consideration, consideration
from cx_widgets.widgets import _theme
from cx_widgets.widgets._advice import with_advice
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import chart_and_table, choices
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._columns import NONE, guess, offered
from cx_widgets.widgets._panel import Panel

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_PURCHASES = (("all", "all purchases"), ("first", "first ones"), ("repeat", "repeated ones"))
_BRANDS = (
    *("Brand", "Bought", "First", "Of these bought", "Rate"),
    *("Added", "Of these bought", "Rate", "Dropped"),
)
_FIGURES = ("Figure", "Value", "95% interval", "Of", "Baseline", "How")
_COLOURS = (1, 4)
"""The numbers of the colours of brands considered first and of those added."""
_LEGEND = (("considered first", "stage-1"), ("added in evaluation", "stage-4"))
_MOST_BARS = 8
_MOST_BRANDS = 50
_NO_COLUMN = (
    "Choose the column of brands above. Brands stand on events of considering, of evaluating and of buying; "
    "a log without such a column cannot tell."
)
_NO_BRAND = "No such purchase is of a known brand. Choose other purchases or another column above."
_NO_WORDS = "The log has no column of words. Keep one with the brand of each event in the DataFrame."


class ConsiderationView(Panel, w.VBox):
    """How often brands are bought that were considered first, against those that evaluation added.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose figures stand beside; the one given at the start by default.
    """

    TITLE = "Brands considered first, brands added later"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._numbers = Caption(), Caption(_open=True)
        self._bars = NamedBars([_theme.stage_colour(number - 1) for number in _COLOURS])
        columns = offered(log)
        self._brand = Chooser("Brands in", columns, guess(log, "brand"), kind="list")
        self._own = Chooser("Own brand", [(NONE, "(none)")], NONE, kind="list")
        self._purchases = Chooser("Ways to", _PURCHASES, "all", kind="segments")
        self._choosers = (self._brand, self._own, self._purchases)
        self._parts = chart_and_table([self._caption, self._bars], [self._numbers])
        self._charts, self._beside = (self._bars,), self._parts.children[1:]
        self._asks = choices(*self._choosers)
        shown = [self._asks, self._parts] if columns[1:] else [self._parts]
        super().__init__(children=shown)
        self._start(log, definition, baseline)
        self._brand.observe(self._on_brand, names="_value")
        self._own.observe(self._refresh, names="_value")
        self._purchases.observe(self._refresh, names="_value")

    def _on_brand(self, change: object) -> None:
        self._own.value = NONE
        self._refresh(change)

    def _show(self, good: Definition) -> None:
        if self._brand.value == NONE:
            self._empty(_NO_COLUMN if offered(self.event_log)[1:] else _NO_WORDS)
            return
        now = self._found(good)
        if all(np.isnan(now[key].value) for key in now):
            why = with_advice(str(now["first_ratio"].note))
            self._empty(why if "role" in why else _NO_BRAND)
            return
        self._reveal()
        before = now if self._compared is None else self._found(self._compared)
        brands = now.brands.sort_values("bought", ascending=False, kind="stable")
        self._own.offer([(NONE, "(none)"), *((name, name) for name in self._choice(brands))])
        shown = brands[brands["first"] + brands["added"] > 0].iloc[:_MOST_BARS]
        rates = shown[["first_rate", "added_rate"]].to_numpy(float).T
        counts = shown[["first", "added"]].to_numpy().T
        self._bars.draw(
            [str(name) for name in shown.index],
            rates,
            [
                [_bar_text(rate, n) for rate, n in zip(line, of, strict=True)]
                for line, of in zip(rates, counts, strict=True)
            ],
        )
        notes = [with_advice(str(now["first_ratio"].note))]
        if 0 < len(shown) < len(brands):
            notes.append(f"{len(shown)} of {len(brands):,} brands are drawn; the table has them all.")
        self._caption.tell(
            self.TITLE,
            description=_said(now),
            legend=_LEGEND if len(shown) else (),
            columns=_BRANDS,
            rows=[(None, _brand_cells(str(name), line)) for name, line in brands.iterrows()],
            note=self._notes(*notes),
        )
        self._numbers.tell(
            "Consideration",
            description=f"{_purchases(now.n_purchases)} of a known brand.",
            columns=_FIGURES,
            rows=[
                (None, _figure_cells(now, before, key, compared=self._compared is not None)) for key in now
            ],
        )

    def _choice(self, brands: pd.DataFrame) -> list[str]:
        """Return the brands to choose the own one from: the most bought, and the one chosen."""
        most = [str(name) for name in brands.index[:_MOST_BRANDS]]
        own = self._own.value
        return most if own in (NONE, *most) else [own, *most]

    def _found(self, definition: Definition) -> Consideration:
        own = self._own.value if self._own.value in texts(self.event_log, self._brand.value)[1] else None
        return consideration(
            self.event_log, definition, self._brand.value, own=own, purchases=self._purchases.value
        )


def _purchases(n: int) -> str:
    return "1 purchase" if n == 1 else f"{_numbers.count(n)} purchases"


def _said(found: Consideration) -> str:
    figure = found["first_ratio"]
    if np.isnan(figure.value):
        return "Of brands considered first, and of brands added in evaluation, the share that was bought."
    span = interval_text(figure.lower, figure.upper, "ratio")
    return (
        "Of brands considered first, and of brands added in evaluation, the share that was bought: of the "
        f"first {number_text(figure.value, 'ratio')} times as many ({span})."
    )


def _bar_text(rate: float, n: int) -> str:
    return "" if np.isnan(rate) else f"{_numbers.percent(rate)} of {_numbers.count(n)}"


def _brand_cells(name: str, line: pd.Series) -> list[str]:
    return [
        name,
        *(_numbers.count(line[column]) for column in ("bought", "first", "first_bought")),
        _numbers.percent(float(line["first_rate"])),
        *(_numbers.count(line[column]) for column in ("added", "added_bought")),
        _numbers.percent(float(line["added_rate"])),
        _numbers.count(line["dropped"]),
    ]


def _figure_cells(now: Consideration, before: Consideration, key: str, *, compared: bool) -> list[str]:
    figure = now[key]
    whole = key != "first_ratio" and not np.isnan(figure.denominator)
    of = f"{_numbers.count(figure.numerator)} / {_numbers.count(figure.denominator)}" if whole else ""
    return [
        figure.label,
        figure.shown(),
        interval_text(figure.lower, figure.upper, figure.unit),
        of or _numbers.UNDEFINED,
        before[key].shown() if compared else _numbers.UNDEFINED,
        ". ".join(part for part in (figure.method, figure.note) if part),
    ]
