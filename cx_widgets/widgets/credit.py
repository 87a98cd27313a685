"""Credit of touchpoints: one rule for first and repeated purchases, and all rules side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.errors import CXError
from cx_widgets.metrics._credit_paths import EVENT, STAGE
from cx_widgets.metrics._credit_rules import METHODS
from cx_widgets.metrics.credit_methods import CreditMethods, credit_methods
from cx_widgets.widgets import _theme
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices, halves
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._clickable import Clickable
from cx_widgets.widgets._selection import PURCHASE, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

_RULES = {
    "first": "First touch",
    "last": "Last touch",
    "last non-direct": "Last but direct",
    "linear": "Linear",
    "position": "Position",
    "time decay": "Time decay",
    "markov": "Markov removal",
    "shapley": "Shapley",
}
_PARTS = (("all", "all"), ("first", "first ones"), ("repeat", "repeated ones"))
_AMOUNTS = (("credit", "purchases"), ("revenue", "revenue"))
_APART = ("first", "repeat")
_APART_STAGES = (1, 4)
"""The numbers of the colours of first and of repeated purchases."""

_MOST_SHOWN, _MOST_ROWS = 15, 200
_SIDE_BY_SIDE = "How much the rules disagree"
_NO_PURCHASE = (
    "No stage has the role 'buy'. Say above what stands for a purchase, or give a stage that role on the "
    "board."
)
_NO_EFFECT = "Credit divides what happened; it is no effect of a touchpoint."


class CreditView(Clickable, w.VBox):
    """Purchases, or what was spent, divided among what stood before them; first and repeated ones apart.

    On the left one rule, on the right all of them: where they disagree much, none is to be trusted much. A
    click on a bar selects the customers with such a purchase after that touchpoint.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose credit lies behind; the one given at the start by default.
    """

    TITLE, KIND = "Credit", "credited"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._rules_caption = Caption(), Caption()
        self._method = Chooser("Rule", list(_RULES.items()), "linear", kind="list")
        self._by = Chooser("Touchpoints", [], STAGE, kind="list")
        self._goal = Chooser("Before", [(PURCHASE, "a purchase")], PURCHASE, kind="list")
        self._amount = Chooser("Divide", _AMOUNTS, "credit", kind="segments")
        self._part = Chooser("Purchases", _PARTS, "all", kind="segments")
        self._names: list[str] = []
        self._now: CreditMethods | None = None
        self._bars = NamedBars([_theme.stage_colour(number - 1) for number in _APART_STAGES], bar_px=15)
        self._rules = NamedBars(
            [_theme.stage_colour(place) for place in range(len(METHODS))], row_px=12, bar_px=7
        )
        charts = halves((self._caption, self._bars), (self._rules_caption, self._part, self._rules))
        self._charts, self._beside = (self._bars, self._rules), charts.children[1:]
        self._choosers = (self._method, self._by, self._goal, self._amount, self._part)
        self._asks = choices(*self._choosers[:-1])
        super().__init__(children=[self._asks, charts])
        self._start(log, definition, baseline)
        for chooser in self._choosers:
            chooser.observe(self._on_choice, names="_value")
        self._bars.on_bar(lambda row, bar: self._click_row(row, _APART[bar]))
        self._rules.on_bar(lambda row, _: self._click_row(row, self._part.value))
        self._heed(self._caption, self._rules_caption)

    def _found(self, definition: Definition) -> CreditMethods:
        goal = None if self._goal.value == PURCHASE else self._goal.value
        return credit_methods(self.event_log, definition, by=self._by.value, goal=goal)

    def _show(self, good: Definition) -> None:
        self._offer()
        try:
            now = self._found(good)
        except CXError as error:
            self._empty(_NO_PURCHASE if self._goal.value == PURCHASE else str(error))
            return
        if not now.conversions():
            self._empty(f"Nobody has {now.goal}, so there is nothing to divide.")
            return
        before = self._before(self._found)
        self._now = now
        self._reveal()
        every = now.frame["touchpoint"].drop_duplicates().tolist()
        self._names = every if self._by.value == STAGE else every[:_MOST_SHOWN]
        self._draw_one(now, before, every)
        self._draw_all(now, every)
        self._mark_selected()

    def _offer(self) -> None:
        """Offer what there is in this log and under this definition."""
        log = self.event_log
        numbers = {log.roles.get("value"), log.roles.get("score")}
        columns = [(name, name) for name in log.columns if name not in numbers]
        self._by.offer([(STAGE, "stages"), (EVENT, "events"), *columns])
        stages = () if self._good is None else self._good.names
        self._goal.offer([(PURCHASE, "a purchase"), *((name, name) for name in stages)])
        self._amount.layout.display = "" if "value" in log.roles else "none"

    @property
    def _money(self) -> bool:
        return self._amount.value == "revenue" and "value" in self.event_log.roles

    def _empty(self, why: str, what: str = "No figures yet.") -> None:
        self._now = None
        super()._empty(why, what)

    def _amounts(
        self, result: CreditMethods, method: str, part: str, names: list[str]
    ) -> tuple[Floats, float]:
        """Return what each touchpoint gets, and the sum of all."""
        frame = result.frame
        mine = frame[(frame["method"] == method) & (frame["purchases"] == part)]
        amounts = mine.set_index("touchpoint")["revenue" if self._money else "credit"]
        return amounts.reindex(names, fill_value=0.0).to_numpy(float), float(amounts.sum())

    def _draw_one(self, now: CreditMethods, before: CreditMethods | None, every: list[str]) -> None:
        method = self._method.value
        if method not in now.methods:
            self._bars.hide()
            self._caption.tell(
                self.TITLE, description=_NO_EFFECT, note=f"{_RULES[method]}: {now.skipped[method]}"
            )
            return
        parts = [self._amounts(now, method, part, every) for part in _APART]
        shown = len(self._names)
        behind = None
        if before is not None and method in before.methods:
            behind = np.array([self._amounts(before, method, part, self._names)[0] for part in _APART])
        lengths = np.array([amounts[:shown] for amounts, _ in parts])
        texts = [
            [_credited(amount, total, money=self._money) for amount in amounts[:shown]]
            for amounts, total in parts
        ]
        self._bars.draw(self._names, lengths, texts, before=behind)
        legend = [("first purchases", f"stage-{_APART_STAGES[0]}"), ("repeated", f"stage-{_APART_STAGES[1]}")]
        if behind is not None:
            legend.append(("baseline", "baseline"))
        divided = "Revenue" if self._money else "Purchases"
        first, repeat = (_amount(total) for _, total in parts)
        self._caption.tell(
            f"{self.TITLE}: {_RULES[method]}",
            description=f"{divided} divided: {first} first and {repeat} repeated. {_NO_EFFECT}",
            legend=legend,
            columns=("Touchpoint", "First purchases", "Share", "Repeated", "Share", "All", "Share"),
            rows=self._one_rows(now, every, [*parts, self._amounts(now, method, "all", every)]),
            note=self._notes(self._left_out(every)),
        )

    def _one_rows(
        self, now: CreditMethods, every: list[str], parts: list[tuple[Floats, float]]
    ) -> list[tuple[str | None, list[str]]]:
        frame = now.frame
        stood = (
            frame[frame["purchases"] == "all"]
            .drop_duplicates("touchpoint")
            .set_index("touchpoint")["stood_in"]
        )
        rows: list[tuple[str | None, list[str]]] = []
        for place, name in enumerate(every[:_MOST_ROWS]):
            cells = [name]
            for amounts, total in parts:
                share = amounts[place] / total if total else np.nan
                cells += [_amount(amounts[place]), _numbers.percent(share)]
            rows.append((f"all:{name}" if stood[name] else None, cells))
        total_cells = ["Sum"]
        for _, total in parts:
            total_cells += [_amount(total), _numbers.percent(1.0 if total else np.nan)]
        return [*rows, (None, total_cells)]

    def _left_out(self, every: list[str]) -> str:
        shown = len(self._names)
        return (
            f"The {shown} that stood before most purchases, of {len(every):,}." if len(every) > shown else ""
        )

    def _draw_all(self, now: CreditMethods, every: list[str]) -> None:
        part = self._part.value
        found = {method: self._amounts(now, method, part, every) for method in now.methods}
        total = max((total for _, total in found.values()), default=0.0)
        shown = len(self._names)
        shares = np.array(
            [amounts / total if total else np.full(len(every), np.nan) for amounts, _ in found.values()]
        )
        if not total:
            self._rules.hide()
        else:
            colours = [_theme.stage_colour(METHODS.index(method)) for method in now.methods]
            self._rules.paint(colours)
            ends = [(float(line.min()), float(line.max())) for line in shares.T[:shown]]
            self._rules.draw(
                self._names, shares[:, :shown], [[f"{low:.0%} to {high:.0%}" for low, high in ends]]
            )
        which = {"all": "all", "first": "the first", "repeat": "the repeated"}[part]
        self._rules_caption.tell(
            _SIDE_BY_SIDE,
            description=f"Shares of {which} purchases{' by revenue' if self._money else ''} under each rule: "
            "where rules disagree much, none of them is to be trusted much.",
            legend=[(_RULES[method], f"stage-{METHODS.index(method) + 1}") for method in now.methods],
            columns=("Touchpoint", *(_RULES[method] for method in now.methods)),
            rows=[
                (
                    f"{part}:{name}" if shares[:, place].any() else None,
                    [name, *map(_numbers.percent, shares[:, place])],
                )
                for place, name in enumerate(every[:_MOST_ROWS])
            ]
            if total
            else (),
            note=" ".join(
                [f"{_RULES[name]} is left out: {why}" for name, why in now.skipped.items()]
                + ([] if total else [f"There are no {dict(_PARTS)[part]}."])
            ),
        )

    def _selection_of(self, key: str) -> Selection:
        part, _, touchpoint = key.partition(":")
        goal = None if self._goal.value == PURCHASE else self._goal.value
        return Selection(self.KIND, self._by.value, touchpoint, (("goal", goal), ("purchases", part)))

    def _key_of(self, chosen: Selection) -> str:
        return f"{dict(chosen.asked)['purchases']}:{chosen.to}"

    def _click_row(self, row: int, part: str) -> None:
        if row < len(self._names):
            self._click(f"{part}:{self._names[row]}")

    def _on_choice(self, change: Mapping[str, object]) -> None:
        if change["owner"] in (self._by, self._goal):
            self._let_go()
        self._refresh(change)


def _amount(value: float) -> str:
    """Return an amount with one decimal, none where it is whole."""
    if np.isnan(value):
        return _numbers.UNDEFINED
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 else f"{value:,.1f}"  # noqa: PLR2004 - sums of parts


def _credited(amount: float, total: float, *, money: bool) -> str:
    share = f" ({amount / total:.0%})" if total and amount else ""
    return f"{amount:,.0f}{share}" if money else f"{_amount(amount)}{share}"
