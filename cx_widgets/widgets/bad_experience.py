"""What a bad experience at a stage is associated with: going on, or buying again, against those without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.errors import CXError
from cx_widgets.metrics._scores import SCALES, score_columns
from cx_widgets.metrics.bad_experience import NEGATIVE, REACH, BadExperience, bad_experience
from cx_widgets.widgets import _theme, _wire
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices, halves
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._clickable import Clickable
from cx_widgets.widgets._columns import NONE, offered
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

    Asked = tuple[tuple[str, object], ...]

_OUTCOMES = (("continue", "go on"), ("repurchase", "buy again"))
_LENGTHS = tuple((length, length) for length in ("7D", "14D", "30D", "90D"))
_MEASURES = (("nps", "NPS"), ("csat", "CSAT"), ("ces", "CES"))
_GROUPS = ("bad", "others")
_COUNTS = ("numerator", "denominator", "other_numerator", "other_denominator", "too_early", "already")
_COLOURS = (2, 1)
"""The numbers of the colours of those with a bad experience, and of the others."""
_DIFFERENCE = "The difference"
_COLUMNS = ("Stage", "Group", "Did", "Of", "Share", "Too early", "Already")
_DIFFERENCES = (
    "Stage",
    "Crude, in points",
    "95% interval",
    "Inside groups",
    "95% interval",
    "Groups",
    "Note",
)
_ASSOCIATION = "An association, no effect: those with a bad experience may differ in other ways too."
_DURATION = "Say a duration such as 30D or 36h."
_CHOOSE = (
    "The log has no score column, so choose above the event that is bad, such as a complaint; or name a "
    "column of scores: cx.EventLog(..., score=)."
)
_NO_ANSWER = "The score column holds no number. Choose above the event that is bad, such as a complaint."
_SAY = "Say above what was asked: NPS (0 to 10), CSAT (1 to 5) or CES (1 to 7)."


class BadExperienceView(Clickable, w.VBox):
    """How many go on, or buy again, of those with a bad experience at a stage and of those without.

    A click on a bar, or on a row of its table, selects those who did.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        Kept beside, so that all views link alike; the differences are those of the definition alone.
    """

    TITLE, KIND = "After a bad experience", "after"
    previews = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._against = Caption(), Caption()
        self._bad = Chooser("Bad is", [(NEGATIVE, "a negative score")], NEGATIVE, kind="list")
        self._measure = Chooser("Asked", _MEASURES, "", kind="segments")
        self._outcome = Chooser("Then they", _OUTCOMES, "continue", kind="segments")
        self._within = Chooser("Within", _LENGTHS, "", kind="text")
        self._strata = Chooser("Compared inside", [(REACH, "the stage reached")], REACH, kind="list")
        self._choosers = (self._bad, self._measure, self._outcome, self._within, self._strata)
        self._names: list[str] = []
        self._answered = True
        self._bars = NamedBars([_theme.stage_colour(number - 1) for number in _COLOURS], bar_px=15)
        self._differences = NamedBars([_theme.NOW])
        charts = halves((self._caption, self._bars), (self._against, self._differences))
        self._charts, self._beside = (self._bars, self._differences), charts.children[1:]
        self._asks = choices(*self._choosers)
        super().__init__(children=[self._asks, charts])
        self._start(log, definition, baseline)
        for chooser in self._choosers:
            chooser.observe(self._on_choice, names="_value")
        self._bars.on_bar(lambda row, group: self._click(f"{_GROUPS[group]}:{self._names[row]}"))
        self._heed(self._caption)

    def _start(self, log: object, definition: object, baseline: object) -> None:
        super()._start(log, definition, baseline)
        scored = self.event_log.roles.get("score")
        columns = [(name, f"the same {name}") for name, _ in offered(self.event_log)[1:]]
        self._strata.offer([(REACH, "the stage reached"), *columns, (NONE, "nothing")])
        if scored is None:
            self._bad.value = ""
        else:
            found = score_columns(self.event_log).loc[scored]
            self._answered = bool(found["answers"])
            fits = [key for key, _ in _MEASURES if found[key]]
            # Of the usual scales the only one that holds all answers; else it has to be said.
            self._measure.value = fits[0] if len(fits) == 1 else ""
        if self._good is not None:
            self._within.value = format_duration(self._good.rules.retention_period)
        self._refresh(None)

    @property
    def _scored(self) -> bool:
        return self._bad.value == NEGATIVE

    @property
    def _asked(self) -> Asked | None:
        """The arguments of `bad_experience`; None while the choosers do not say them."""
        self._measure.layout.display = "" if self._scored else "none"
        try:
            parse_duration(self._within.value, "within")
        except CXError:
            self._within.offer(_LENGTHS, problem=_DURATION)
            return None
        self._within.offer(_LENGTHS)
        asked: Asked = (("within", self._within.value), ("strata", self._strata.value or None))
        if not self._scored:
            return (*asked, ("bad", self._bad.value)) if self._bad.value else None
        measure = self._measure.value
        return (*asked, ("measure", measure), ("scale", SCALES[measure])) if measure in SCALES else None

    @property
    def _to_say(self) -> str:
        """What to do where the choosers do not say all that is asked."""
        if not self._scored:
            return _DURATION if self._bad.value else _CHOOSE
        if not self._answered:
            return _NO_ANSWER
        return _DURATION if self._measure.value in SCALES else _SAY

    def _found(self, definition: Definition, asked: Asked) -> BadExperience:
        return bad_experience(self._counted, definition, **dict(asked))  # type: ignore[arg-type] # each is checked there

    def _show(self, good: Definition) -> None:
        self._offer()
        asked = self._asked
        if asked is None:
            self._empty(self._to_say)
            return
        now = self._found(good, asked)
        frame = self._estimated(_wire.part(now.frame, "outcome", self._outcome.value), _COUNTS)
        there = frame[(frame["denominator"] > 0) | (frame["other_denominator"] > 0)]
        if there.empty:
            self._empty(self._why(frame))
            return
        self._reveal()
        self._names = [str(name) for name in there.index]
        self._draw_shares(now, there)
        self._draw_differences(now, there)
        self._mark_selected()

    def _offer(self) -> None:
        scored = [(NEGATIVE, "a negative score")] if "score" in self.event_log.roles else [("", "(choose)")]
        names = () if self._good is None else self._good.names
        events = [name for name in self.event_log.event_names if name not in names]
        self._bad.offer([*scored, *((name, name) for name in (*names, *events))])

    def _why(self, frame: pd.DataFrame) -> str:
        early = int(frame["too_early"].sum())
        if early:
            return (
                f"Nobody to compare was observed for {self._within.value} after it; {early:,} were there "
                "more lately. Say a shorter time above."
            )
        notes = [str(note) for note in frame["note"] if note]
        return notes[0] if notes else "Nobody is there to compare."

    def _draw_shares(self, now: BadExperience, there: pd.DataFrame) -> None:
        pairs = [("numerator", "denominator"), ("other_numerator", "other_denominator")]
        shares = np.array([(there[hits] / there[of]).to_numpy(float, na_value=np.nan) for hits, of in pairs])
        texts = [
            [
                f"{_numbers.percent(share)} of {_numbers.count(n)}" if n else "nobody"
                for share, n in zip(line, there[of], strict=True)
            ]
            for line, (_, of) in zip(shares, pairs, strict=True)
        ]
        self._bars.draw(self._names, shares, texts)
        did = dict(_OUTCOMES)[self._outcome.value]
        self._caption.tell(
            self.TITLE,
            description=f"Share of customers who {did} within {self._within.value}. Bad: {now.bad}.",
            legend=[
                ("with a bad experience", f"stage-{_COLOURS[0]}"),
                ("without", f"stage-{_COLOURS[1]}"),
            ],
            columns=_COLUMNS,
            rows=[
                (f"{group}:{stage}" if line[hits] else None, _cells(str(stage), group, line, hits, of))
                for stage, line in there.iterrows()
                for group, (hits, of) in zip(_GROUPS, pairs, strict=True)
            ],
            note=self._notes(),
            preview=self._part_counted,
        )

    def _draw_differences(self, now: BadExperience, there: pd.DataFrame) -> None:
        inside = bool(now.strata)
        names = (
            ("stratified", "stratified_lower", "stratified_upper") if inside else ("value", "lower", "upper")
        )
        table = 100 * there[list(names)].to_numpy(float)
        texts = [
            _difference_text(value, 100 * crude, inside=inside)
            for value, crude in zip(table[:, 0], there["value"], strict=True)
        ]
        self._differences.draw(self._names, table[:, 0][None], [texts], ends=table[:, 1:])
        words = f"inside customers with the same {now.strata}" if inside else "crude"
        self._against.tell(
            _DIFFERENCE,
            description=f"With a bad experience less without, in points of 100, {words}.",
            legend=[("difference", "now"), ("95% interval", "interval")],
            columns=_DIFFERENCES,
            rows=[(None, _difference_cells(str(stage), line)) for stage, line in there.iterrows()],
            note=_ASSOCIATION,
            preview=self._part_counted,
        )

    def _selection_of(self, key: str) -> Selection | None:
        group, _, stage = key.partition(":")
        asked = self._asked
        return None if asked is None else Selection(self.KIND, stage, f"{self._outcome.value} {group}", asked)

    def _key_of(self, chosen: Selection) -> str:
        return f"{str(chosen.to).partition(' ')[2]}:{chosen.stage}"


def _cells(stage: str, group: str, line: pd.Series, hits: str, of: str) -> list[str]:
    share = line[hits] / line[of] if line[of] else np.nan
    counts = (_numbers.count(line[name]) for name in (hits, of))
    left = (_numbers.count(line[name]) for name in ("too_early", "already"))
    return [stage, group, *counts, _numbers.percent(float(share)), *left]


def _difference_text(value: float, crude: float, *, inside: bool) -> str:
    if np.isnan(value):
        return "no two groups to compare"
    return f"{value:+.1f} points" + (f" (crude {crude:+.1f})" if inside else "")


def _difference_cells(stage: str, line: pd.Series) -> list[str]:
    return [
        stage,
        _numbers.points(float(line["value"])),
        _numbers.points_span(float(line["lower"]), float(line["upper"])),
        _numbers.points(float(line["stratified"])),
        _numbers.points_span(float(line["stratified_lower"]), float(line["stratified_upper"])),
        _numbers.count(line["strata"]),
        str(line["note"]),
    ]
