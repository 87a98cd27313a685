"""Pain points: touchpoints ranked by the customers lost after them, or by their rating."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import ipywidgets as w
import numpy as np
from pandas.api.types import is_numeric_dtype

from cx_widgets import _numbers
from cx_widgets.metrics.pain_points import EVENT, PainPoints, pain_points
from cx_widgets.widgets import _theme
from cx_widgets.widgets._advice import with_advice
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._clickable import Clickable
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_RANKS = (("lost", "customers lost"), ("share", "share lost"), ("rating", "rating"))
_COUNTS = ("numerator", "denominator", "answers")
_MOST_BARS, _MOST_LINES = 15, 200
_FEW = 30
_COLUMNS = (
    *("Touchpoint", "Stage", "Lost after it", "Of", "Share", "95% interval", "Lift"),
    *("Rating", "95% interval", "Answers"),
)


class PainPointsView(Clickable, w.VBox):
    """Where customers were last seen before they were lost; a click selects those lost there.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose losses lie behind; the one given at the start by default.
    """

    TITLE, KIND = "Pain points", "left"
    previews: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._by = Chooser("Touchpoints", [(EVENT, "events")], EVENT, kind="list")
        self._rank = Chooser("Ranked by", _RANKS[:2], "lost", kind="segments")
        self._keys: list[tuple[str, str]] = []
        self._bars = NamedBars([_theme.NOW])
        controls = choices(self._by, self._rank)
        self._charts, self._beside = (self._bars,), (controls,)
        super().__init__(children=[controls, self._caption, self._bars])
        self._start(log, definition, baseline)
        for chooser in (self._by, self._rank):
            chooser.observe(self._on_choice, names="_value")
        self._bars.on_bar(lambda row, _: self._click(_key(*self._keys[row])))
        self._heed(self._caption)

    def _start(self, log: object, definition: object, baseline: object) -> None:
        super()._start(log, definition, baseline)
        kinds = self.event_log.column_types
        words = [name for name in self.event_log.columns if not is_numeric_dtype(kinds[name])]  # type: ignore[arg-type]  # a type of a column
        self._by.offer([(EVENT, "events"), *((name, name) for name in words)])
        self._by.layout.display = "" if words else "none"

    def _found(self, definition: Definition) -> PainPoints:
        return pain_points(self._counted, definition, by=self._by.value)

    def _show(self, good: Definition) -> None:
        if len(good.names) == 1:
            self._empty("With one stage nobody is lost on the way. Add another on the board.")
            return
        now = self._found(good)
        self._reveal()
        rated = bool((now.frame["answers"] > 0).any())
        self._rank.offer(_RANKS if rated else _RANKS[:2])
        if not rated and self._rank.value == "rating":
            self._rank.value = "lost"
            return
        if now.frame.empty:
            self._empty("Nobody entered.")
            return
        table = self._estimated(self._ranked(now), _COUNTS)
        self._chart(table.iloc[:_MOST_BARS])
        self._tell(now, table)
        self._mark_selected()

    def _ranked(self, now: PainPoints) -> pd.DataFrame:
        if self._rank.value == "rating":
            return now.by_rating
        frame = now.frame
        if self._rank.value == "share":
            # A share of a handful of customers says little: those come behind.
            few = frame["denominator"] < _FEW
            order = np.lexsort((-frame["value"].fillna(0), few))
            return frame.iloc[order]
        return frame

    def _chart(self, shown: pd.DataFrame) -> None:
        kind = self._rank.value
        self._keys = [(str(touchpoint), str(stage)) for touchpoint, stage in shown.index]
        column = {"lost": "numerator", "share": "value", "rating": "rating"}[kind]
        bounds = {"share": ["lower", "upper"], "rating": ["rating_lower", "rating_upper"]}.get(kind)
        before = self._before(self._counts_before) if kind == "lost" else None
        self._bars.draw(
            [touchpoint for touchpoint, _ in self._keys],
            shown[column].to_numpy(float)[None],
            [[_bar_text(row, kind) for _, row in shown.iterrows()]],
            ends=None if bounds is None else shown[bounds].to_numpy(float),
            before=None if before is None else before[column].reindex(shown.index).to_numpy(float)[None],
        )

    def _counts_before(self, baseline: Definition) -> pd.DataFrame:
        return self._estimated(self._found(baseline).frame, _COUNTS)

    def _tell(self, now: PainPoints, table: pd.DataFrame) -> None:
        kind = self._rank.value
        legend = [(dict(_RANKS)[kind], "now")]
        if kind != "lost":
            legend.append(("95% interval", "interval"))
        elif self._compared is not None:
            legend.append(("baseline", "baseline"))
        more = len(table) - _MOST_BARS
        notes = [
            with_advice(now.note),
            f"{more:,} more are in the table." if more > 0 else "",
            f"The table holds the first {_MOST_LINES}." if len(table) > _MOST_LINES else "",
        ]
        self._caption.tell(
            self.TITLE,
            description=f"{_numbers.count(self._scaled(now.lost))} of "
            f"{_numbers.count(self._scaled(now.entrants))} entrants were lost. "
            "Where they were last seen, which need not be why they left.",
            legend=legend,
            columns=_COLUMNS,
            rows=[
                (_key(row["touchpoint"], row["stage"]) if row["numerator"] else None, _cells(row))
                for _, row in table.head(_MOST_LINES).reset_index().iterrows()
            ],
            note=self._notes(*notes),
            preview=self._part_counted,
        )

    def _selection_of(self, key: str) -> Selection:
        stage, _, touchpoint = key.partition("\n")
        return Selection(self.KIND, stage, touchpoint, (("by", self._by.value),))

    def _key_of(self, chosen: Selection) -> str:
        return _key(str(chosen.to), chosen.stage)

    def _on_choice(self, change: Mapping[str, object]) -> None:
        if change["owner"] is self._by:
            self._let_go()
        self._refresh(change)


def _key(touchpoint: str, stage: str) -> str:
    """Return the key of those lost after a touchpoint: no name of a stage holds a line break."""
    return f"{stage}\n{touchpoint}"


def _bar_text(row: pd.Series, kind: str) -> str:
    if kind == "rating":
        return f"{_numbers.amount(row['rating'])} by {_numbers.count(row['answers'])}"
    share = _numbers.percent(float(row["value"]))
    of = _numbers.count(row["denominator"])
    if kind == "share":
        return f"{share} of {of}"
    return f"{_numbers.count(row['numerator'])} of {of} ({share}, lift {_numbers.amount(row['lift'])})"


def _cells(row: pd.Series) -> list[str]:
    low, high = (_numbers.amount(row[name]) for name in ("rating_lower", "rating_upper"))
    span = f"{low} to {high}" if _numbers.UNDEFINED not in (low, high) else _numbers.UNDEFINED
    return [
        str(row["touchpoint"]),
        str(row["stage"]),
        _numbers.count(row["numerator"]),
        _numbers.count(row["denominator"]),
        _numbers.percent(float(row["value"])),
        _numbers.span(float(row["lower"]), float(row["upper"])),
        _numbers.amount(row["lift"]),
        _numbers.amount(row["rating"]),
        span,
        _numbers.count(row["answers"]),
    ]
