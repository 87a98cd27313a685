"""Who is lost, by a silence that is stated or by an event: the curve, the states, the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.errors import CXError
from cx_widgets.metrics._figure import interval_text, number_text
from cx_widgets.metrics.churn import STATES, Churn, churn
from cx_widgets.metrics.purchase_gaps import ALL_GAPS, purchase_gaps
from cx_widgets.widgets import _theme
from cx_widgets.widgets._advice import NO_BUY
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import chart_and_table, choices
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._clickable import Clickable
from cx_widgets.widgets._selection import NO_PURCHASE, PURCHASE, Selection
from cx_widgets.widgets._time_curve import TimeCurve

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_WAYS = (("silence", "a silence"), ("event", "an event"))
_LENGTHS = tuple((length, length) for length in ("30D", "60D", "90D", "180D", "365D"))
_STATES_TITLE = "Lost, staying, too early to say"
_SAID = {"churned": "lost", "staying": "staying", "waiting": "too early to say"}
_COLUMNS = ("Figure", "Value", "95% interval", "Of", "How")
_SHORT = 32
_DURATION = "Say a duration such as 90D, 12W or 36h."
_CHOOSE = "Choose above what ends it, such as the event of cancelling."


class ChurnView(Clickable, w.VBox):
    """How many customers were lost by a time; a click on a state selects who is in it at the end.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose curve is dashed; the one given at the start by default.
    """

    TITLE, KIND = "Lost by a time", "churned"
    previews = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._states_caption, self._figures = Caption(), Caption(), Caption(_open=True)
        self._way = Chooser("Lost by", _WAYS, "silence", kind="segments")
        self._silence = Chooser("Silent for longer than", _LENGTHS, "", kind="text")
        self._event = Chooser("Ended by", [("", "(choose)")], "", kind="list")
        self._since = Chooser("Begun with", [(PURCHASE, "the first purchase")], PURCHASE, kind="list")
        self._horizon = Chooser("Share lost within", _LENGTHS, "", kind="text")
        self._choosers = (self._way, self._silence, self._event, self._since, self._horizon)
        self._names: list[str] = []
        self._curve, self._bars = TimeCurve("Lost"), NamedBars([_theme.NOW])
        beside = [self._states_caption, self._bars, self._figures]
        self._parts = chart_and_table([self._caption, self._curve], beside)
        self._charts, self._beside = (self._curve, self._bars), self._parts.children[1:]
        self._asks = choices(*self._choosers)
        super().__init__(children=[self._asks, self._parts])
        self._start(log, definition, baseline)
        for chooser in self._choosers:
            chooser.observe(self._on_choice, names="_value")
        self._bars.on_bar(lambda row, _: self._click(self._names[row]))
        self._heed(self._states_caption)

    def _start(self, log: object, definition: object, baseline: object) -> None:
        super()._start(log, definition, baseline)
        if self._good is not None:
            self._silence.value = self._likely(self._good)
            # Within the silence itself nobody can be lost by it.
            twice = 2 * pd.Timedelta(self._silence.value)
            self._horizon.value = format_duration(max(twice, self._good.rules.retention_period))
        self._refresh(None)

    def _likely(self, definition: Definition) -> str:
        """Return the first usual silence that three quarters of the gaps between purchases do not reach.

        Where that is not known, the longest of which the log holds three.
        """
        log = self.event_log
        seen = log.observation_end - log.start
        fitting = [length for length, _ in _LENGTHS if 3 * pd.Timedelta(length) <= seen] or [_LENGTHS[0][0]]
        try:
            most = purchase_gaps(log, definition).frame["three_quarters"].loc[ALL_GAPS]
        except CXError:
            return fitting[-1]
        longer = [
            length for length in fitting if isinstance(most, pd.Timedelta) and pd.Timedelta(length) > most
        ]
        return longer[0] if longer else fitting[-1]

    @property
    def _asked(self) -> tuple[tuple[str, object], ...] | None:
        """The arguments of `churn`; None while the choosers do not say them."""
        silent = self._way.value == "silence"
        self._silence.layout.display = "" if silent else "none"
        self._event.layout.display = self._since.layout.display = "none" if silent else ""
        boxes = [(self._horizon, "horizon"), *([(self._silence, "silence")] if silent else [])]
        told = []
        for box, name in boxes:
            try:
                parse_duration(box.value, name)
            except CXError:
                box.offer(_LENGTHS, problem=_DURATION)
                return None
            box.offer(_LENGTHS)
            told.append((name, box.value))
        if silent:
            return tuple(told)
        if not self._event.value:
            return None
        since = None if self._since.value == PURCHASE else self._since.value
        return (*told, ("event", self._event.value), ("since", since))

    def _found(self, definition: Definition, asked: tuple[tuple[str, object], ...]) -> Churn:
        return churn(self._counted, definition, **dict(asked))  # type: ignore[arg-type] # each is checked there

    def _show(self, good: Definition) -> None:
        self._offer()
        asked = self._asked
        if asked is None:
            self._empty(_CHOOSE if self._way.value == "event" and not self._event.value else _DURATION)
            return
        bought = self._way.value == "silence" or self._since.value == PURCHASE
        if bought and not good.stages_with_role("buy"):
            self._empty(NO_BUY if self._way.value == "silence" else NO_PURCHASE)
            return
        now = self._found(good, asked)
        if not sum(_counts(now).values()):
            self._empty(f"Nobody began: no customer has {now.since}.")
            return
        before = self._before(lambda baseline: self._found(baseline, asked))
        self._reveal()
        self._draw_curve(now, before)
        self._draw_states(now, before)
        self._mark_selected()

    def _offer(self) -> None:
        names = () if self._good is None else self._good.names
        stages = [(name, name) for name in names]
        events = [(name, name) for name in self.event_log.event_names if name not in names]
        self._event.offer([("", "(choose)"), *stages, *events])
        self._since.offer([(PURCHASE, "the first purchase"), *((name, f"first {name}") for name in names)])

    def _draw_curve(self, now: Churn, before: Churn | None) -> None:
        curve = now.curve
        happened = bool((curve["share"] > 0).any())
        behind = None if before is None else before.curve
        self._curve.draw(curve if happened else curve.iloc[:0], behind, _since(now))
        legend = [("now", "now"), ("95% interval", "interval")]
        if before is not None:
            legend.append(("baseline", "dashed"))
        silent = self._way.value == "silence"
        notes = [
            "" if happened else "Nobody is lost yet by this rule.",
            "Say a shorter silence above." if silent and not happened else "",
            "A silence is a rule, no notice: who was lost by it may come back." if silent else "",
        ]
        self._caption.tell(
            self.TITLE,
            description=f"Lost: {now.rule}. Counted since {now.since}; who is still there counts as far "
            "as seen.",
            legend=legend if happened else (),
            note=self._notes(*notes),
            preview=self._part_counted,
        )

    def _draw_states(self, now: Churn, before: Churn | None) -> None:
        counts = [
            {state: self._scaled(count) for state, count in _counts(each).items()}
            for each in (now, before)
            if each is not None
        ]
        self._names = [state for state in STATES if state in counts[0]]
        lengths = [np.array([[of.get(state, 0.0) for state in self._names]]) for of in counts]
        began = lengths[0].sum()
        self._bars.draw(
            [_SAID[state].capitalize() for state in self._names],
            lengths[0],
            [[f"{_numbers.count(count)} ({_share(count, began)})" for count in lengths[0][0]]],
            before=lengths[1] if before is not None else None,
        )
        legend = [("customers", "now")] + ([] if before is None else [("baseline", "baseline")])
        self._states_caption.tell(
            _STATES_TITLE,
            description=f"Of {_customers(began)} who began, at the end of observation.",
            legend=legend,
            columns=("State", "Customers", "Share"),
            rows=[
                (
                    state if count else None,
                    [_SAID[state].capitalize(), _numbers.count(count), _share(count, began)],
                )
                for state, count in zip(self._names, lengths[0][0], strict=True)
            ],
            preview=self._part_counted,
        )
        figures = self._estimated(now.frame, ("numerator", "denominator"))
        waiting = figures["unit"] == "count"
        figures = figures.assign(value=figures["value"].mask(waiting, figures["numerator"].astype(float)))
        self._figures.tell(
            "Churn",
            columns=_COLUMNS,
            rows=[(None, _cells(line)) for _, line in figures.iterrows()],
            preview=self._part_counted,
        )

    def _selection_of(self, key: str) -> Selection | None:
        asked = self._asked
        return None if asked is None else Selection(self.KIND, PURCHASE, key, asked)

    def _key_of(self, chosen: Selection) -> str:
        return str(chosen.to)


def _since(found: Churn) -> str:
    """Return from what on the time is counted, short enough for an axis."""
    return f"since {_numbers.shortened(found.since.partition(' (')[0], _SHORT)}"


def _counts(found: Churn) -> dict[str, float]:
    """Return how many are in each state at the end; those it is too early to say of only by silence."""
    lost = found["churned"]
    counts = {"churned": lost.numerator, "staying": lost.denominator - lost.numerator}
    if "waiting" in found:
        counts["waiting"] = found["waiting"].value
    return counts


def _customers(count: float) -> str:
    return "1 customer" if count == 1 else f"{_numbers.count(count)} customers"


def _share(count: float, began: float) -> str:
    return _numbers.percent(count / began if began else np.nan)


def _cells(line: pd.Series) -> list[str]:
    unit = str(line["unit"])
    of = [_numbers.count(float(line[name])) for name in ("numerator", "denominator")]
    return [
        str(line["label"]),
        number_text(float(line["value"]), unit),
        interval_text(float(line["lower"]), float(line["upper"]), unit),
        " / ".join(of) if _numbers.UNDEFINED not in of else _numbers.UNDEFINED,
        ". ".join(part for part in (str(line["method"]), str(line["note"])) if part),
    ]
