"""Satisfaction along the stages: the emotion curve, NPS, CSAT or CES by stage, tones, peak and end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics._figure import number_text
from cx_widgets.metrics._scores import SCALES, score_columns
from cx_widgets.metrics.attitude import TONES, Attitude, attitude
from cx_widgets.widgets import _theme
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices, halves, toggled
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._panel import Panel
from cx_widgets.widgets._selection import ANY, Selection
from cx_widgets.widgets._stage_curve import StageCurve

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

_MEASURES = (("nps", "NPS"), ("csat", "CSAT"), ("ces", "CES"))
_USUAL = (("1 to 5", "1 to 5"), ("1 to 7", "1 to 7"), ("1 to 10", "1 to 10"), ("0 to 100", "0 to 100"))
_TONE_STAGES = (2, 7, 1)
"""The numbers of the colours of the tones: red, grey, blue."""

_SCALE = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*(?:to|-|\N{EN DASH})\s*(-?\d+(?:\.\d+)?)\s*$")
_BARS, _TONES, _PEAK = "By stage", "Tone by stage", "Peak and end"
_NO_COLUMN = (
    "The log has no column of scores. Name it: cx.EventLog(df, ..., score='rating'). Other columns of "
    "numbers can be chosen here when all they hold are whole numbers from 0 to 10, 1 to 5 or 1 to 7."
)
_OTHER = "Choose another above, or name another: cx.EventLog(df, ..., score=)."
_SAY = (
    "Say above what was asked: NPS (would you recommend us, 0 to 10), CSAT (how satisfied are you, 1 to 5) "
    "or CES (how easy was it, 1 to 7)."
)
_CURVE_COLUMNS = ("Stage", "Mean", "95% interval", "Answers", "Same customers", "95% interval", "Answers")
_BAR_COLUMNS = ("Stage", "Value", "95% interval", "Answered", "Of", "Response", "95% interval")
_TONE_COLUMNS = ("Stage", "Tone", "Answers", "Of", "Share", "95% interval")
_PEAK_COLUMNS = ("Figure", "Mean", "95% interval", "Customers")
_PEAK_NAMES = {
    "peak_end": "Peak and end: (most extreme + last) / 2",
    "mean": "All moments alike",
    "difference": "Difference",
}


class _Question(NamedTuple):
    """What was asked of the customers, as `attitude` takes it."""

    measure: str
    scale: tuple[float, float]
    score: str

    @property
    def asked(self) -> tuple[tuple[str, object], ...]:
        """The arguments by name, for a selection."""
        return (("measure", self.measure), ("scale", self.scale), ("score", self.score))


class AttitudeView(Panel, w.VBox):
    """What customers say at each stage: all of them, and those only who answered everywhere.

    The column of scores and what was asked are chosen above. Nothing is guessed: where only one of the usual
    scales holds all answers, it is taken and said. A click on a bar, a tone or a point selects the
    customers who answered so.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose figures lie behind; the one given at the start by default.
    """

    _asks: w.Box
    TITLE = "Satisfaction along the stages"

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._bars_caption = Caption(), Caption()
        self._tones_caption, self._peak = Caption(), Caption(_open=True)
        self._score = Chooser("Scores in", [], "", kind="list")
        self._measure = Chooser("Asked", _MEASURES, "", kind="segments")
        self._scale = Chooser("Scale", _USUAL, "", kind="text")
        self._taken, self._settling = "", False
        self._names: list[str] = []
        self._curve, self._bars = StageCurve("Mean score"), NamedBars([_theme.NOW])
        self._tones = NamedBars([_theme.stage_colour(number - 1) for number in _TONE_STAGES], stacked=True)
        charts = halves(
            (self._caption, self._curve),
            (self._bars_caption, self._bars),
            (self._tones_caption, self._tones),
            (self._peak,),
        )
        self._charts, self._beside = (self._curve,), charts.children[1:]
        self._asks = choices(self._score, self._measure, self._scale)
        super().__init__(children=[self._asks, charts])
        self._start(log, definition, baseline)
        self._score.observe(self._on_score, names="_value")
        self._measure.observe(self._on_measure, names="_value")
        self._scale.observe(self._on_choice, names="_value")
        self._curve.on_stage(lambda stage: self._click(self._names[stage], ANY))
        self._bars.on_bar(lambda row, _: self._click(self._names[row], ANY))
        self._tones.on_bar(lambda row, tone: self._click(self._names[row], TONES[tone]))
        for caption in (self._caption, self._bars_caption, self._tones_caption):
            caption.observe(self._on_row, names="_selected")

    def _start(self, log: object, definition: object, baseline: object) -> None:
        super()._start(log, definition, baseline)
        names = list(score_columns(self.event_log).index)
        self._score.offer([(name, name) for name in names])
        self._score.value = names[0] if names else ""
        self._take_the_only_scale()
        self._refresh(None)

    def _take_the_only_scale(self) -> None:
        """Take the one usual scale that holds all answers, if there is but one; else ask."""
        self._settling = True
        self._taken, self._measure.value, self._scale.value = "", "", ""
        self._settling = False
        if not self._score.value:
            return
        found = score_columns(self.event_log).loc[self._score.value]
        fits = [key for key, _ in _MEASURES if found[key]]
        if len(fits) == 1:
            self._settling = True
            self._measure.value = fits[0]
            self._scale.value = _scale_text(SCALES[fits[0]])
            self._settling = False
            ends = f"{found['lowest']:g} to {found['highest']:g}"
            self._taken = (
                f"Taken for {fits[0].upper()}: of the usual scales only {self._scale.value} holds answers "
                f"from {ends}. Say otherwise above."
            )

    def _question(self) -> _Question | None:
        """Return what was asked; None as long as it is not said, with the reason at the scale."""
        measure = self._measure.value
        fixed = measure in ("", "nps")
        self._scale.layout.display = "none" if fixed else ""
        if not measure or not self._score.value:
            return None
        found = _SCALE.match(_scale_text(SCALES["nps"]) if fixed else self._scale.value)
        if found is None:
            self._scale.offer(_USUAL, problem="Say the lowest and the highest score, such as 1 to 5.")
            return None
        self._scale.offer(_USUAL)
        return _Question(measure, (float(found[1]), float(found[2])), self._score.value)

    def _found(self, definition: Definition, question: _Question, measure: str | None = None) -> Attitude:
        return attitude(
            self.event_log,
            definition,
            measure=measure or question.measure,
            scale=question.scale,
            score=question.score,
        )

    def _show(self, good: Definition) -> None:
        listed, question = bool(self._score.value), self._question()
        self._asks.layout.display = "" if listed else "none"
        if not listed:
            self._empty(_NO_COLUMN)
            return
        if question is None:
            found = score_columns(self.event_log).loc[self._score.value]
            count = _numbers.count(found["answers"])
            ends = f"from {found['lowest']:g} to {found['highest']:g}"
            if found["answers"]:
                self._empty(_SAY, f"{self._score.value} holds {count} answers {ends}.")
            else:
                self._empty(f"The column {self._score.value} holds no number. {_OTHER}")
            return
        now, means = self._found(good, question), self._found(good, question, "ces")
        if not now.frame["denominator"].any():
            self._empty(f"No event in a stage has a number in {question.score}. {self._taken}".rstrip())
            return
        before = self._before(lambda baseline: self._found(baseline, question))
        before_means = self._before(lambda baseline: self._found(baseline, question, "ces"))
        self._reveal()
        self._names = [str(name) for name in now.frame.index]
        self._draw_curve(means, before_means, question)
        self._draw_bars(now, before, question)
        self._draw_tones(now)
        self._draw_peak(now, question)
        self._mark_selected()

    def _draw_curve(self, means: Attitude, before: Attitude | None, question: _Question) -> None:
        stages, same = means.frame.iloc[:-1], means.same_customers.iloc[:-1]
        several = int((stages["denominator"] > 0).sum()) > 1
        if not several:
            same = same.assign(value=np.nan, lower=np.nan, upper=np.nan)
        behind = None if before is None else before.frame["value"].reindex(stages.index).to_numpy(float)
        values, own = (table[["value", "lower", "upper"]].to_numpy(float) for table in (stages, same))
        self._curve.draw(self._names[:-1], question.scale, values, own, behind)
        alike = bool(np.isfinite(own[:, 0]).any())
        legend = [("all who answered", "now"), ("95% interval", "interval")]
        if alike:
            legend.insert(1, ("the same customers", "stage-4"))
        if behind is not None:
            legend.append(("baseline", "dashed"))
        if not several:
            about = "There is no curve with answers in fewer than two stages."
        elif not alike:
            about = "Nobody answered in every stage with answers, so no curve is of the same customers."
        else:
            stayed = _numbers.count(float(same["denominator"].max()))
            about = (
                f"The same customers are the {stayed} who answered in every stage with answers: those who "
                "get far are others than those who begin."
            )
        self._caption.tell(
            self.TITLE,
            description=f"Mean score on a scale of {_scale_text(question.scale)}. {about}",
            legend=legend,
            columns=_CURVE_COLUMNS,
            rows=[
                (_any_key(name, line), _curve_cells(str(name), line, of_same))
                for (name, line), (_, of_same) in zip(stages.iterrows(), same.iterrows(), strict=True)
            ],
            note=self._notes(self._taken),
        )

    def _draw_bars(self, now: Attitude, before: Attitude | None, question: _Question) -> None:
        frame = now.frame
        start = question.scale[0] if question.measure == "ces" else 0.0
        behind = None if before is None else before.frame["value"].reindex(frame.index).to_numpy(float)[None]
        self._bars.draw(
            self._names,
            frame[["value"]].to_numpy(float).T - start,
            [[_bar_text(line, now) for _, line in frame.iterrows()]],
            ends=frame[["lower", "upper"]].to_numpy(float) - start,
            before=None if behind is None else behind - start,
        )
        legend = [(question.measure.upper(), "now"), ("95% interval", "interval")]
        if behind is not None:
            legend.append(("baseline", "baseline"))
        self._bars_caption.tell(
            f"{question.measure.upper()} {_BARS.lower()}",
            description=now.meaning,
            legend=legend,
            columns=_BAR_COLUMNS,
            rows=[
                (_any_key(name, line), _bar_cells(str(name), line, now)) for name, line in frame.iterrows()
            ],
            note="n answered of those in the stage; who answers is seldom a random sample of who was asked.",
        )

    def _draw_tones(self, now: Attitude) -> None:
        tone = now.tone
        shares = tone["value"].to_numpy(float).reshape(-1, len(TONES))
        answers = tone["denominator"].to_numpy(float).reshape(-1, len(TONES))[:, 0]
        texts = [
            f"{positive:.0%} positive of {_numbers.count(n)}" if n else "nobody answered"
            for positive, n in zip(shares[:, -1], answers, strict=True)
        ]
        self._tones.draw(self._names, shares.T, [texts])
        self._tones_caption.tell(
            _TONES,
            description="Shares of the answers: below, at and above the middle of the scale; of NPS "
            "detractors, passives and promoters.",
            legend=[(name, f"stage-{number}") for name, number in zip(TONES, _TONE_STAGES, strict=True)],
            columns=_TONE_COLUMNS,
            rows=_tone_rows(tone),
        )

    def _draw_peak(self, now: Attitude, question: _Question) -> None:
        frame = now.peak_end
        self._peak.tell(
            _PEAK,
            description="What a customer's most extreme and last answers say, against all of them alike.",
            columns=_PEAK_COLUMNS,
            rows=[
                (
                    None,
                    [
                        _PEAK_NAMES[str(name)],
                        number_text(float(line["value"]), "ratio"),
                        _between(line["lower"], line["upper"]),
                        _numbers.count(line["denominator"]),
                    ],
                )
                for name, line in frame.iterrows()
            ],
            note=str(frame["note"].iloc[0])
            or f"Customers with answers in two stages or more; scale of {_scale_text(question.scale)}.",
        )

    def _click(self, stage: str, tone: str) -> None:
        chosen = self._selection_of(stage, tone)
        if chosen is not None:
            self.selected = toggled(self.selected, chosen)

    def _selection_of(self, stage: str, tone: str) -> Selection | None:
        question = self._question()
        return None if question is None else Selection("answered", stage, tone, question.asked)

    def _mark_selected(self) -> None:
        chosen = self.selected
        mine = (
            chosen is not None
            and chosen.kind == "answered"
            and chosen == self._selection_of(chosen.stage, str(chosen.to))
        )
        key = _key(chosen.stage, str(chosen.to)) if mine and chosen is not None else None
        plain = mine and chosen is not None and chosen.to == ANY
        for caption in (self._caption, self._bars_caption):
            caption.mark(key if plain else None)
        self._tones_caption.mark(None if plain else key)

    def _let_go(self) -> None:
        if self.selected is not None and self.selected.kind == "answered":
            self.selected = None

    def _on_score(self, change: object) -> None:
        self._let_go()
        self._take_the_only_scale()
        self._refresh(change)

    def _on_measure(self, change: object) -> None:
        if self._settling:
            return
        self._settling, self._taken = True, ""
        if self._measure.value in SCALES:
            self._scale.value = _scale_text(SCALES[self._measure.value])
        self._settling = False
        self._on_choice(change)

    def _on_choice(self, change: object) -> None:
        if not self._settling:
            self._let_go()
            self._refresh(change)

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            tone, _, stage = key.partition(":")
            self.selected = self._selection_of(stage, tone)
        elif self.selected is not None and self.selected.kind == "answered":
            here = change["owner"]
            own = self.selected.to != ANY
            if own == (here is self._tones_caption):
                self.selected = None


def _key(stage: str, tone: str) -> str:
    return f"{tone}:{stage}"


def _any_key(stage: object, line: pd.Series) -> str | None:
    """Return the key of those who answered in a stage; None for nobody."""
    return _key(str(stage), ANY) if line["denominator"] else None


def _scale_text(scale: tuple[float, float]) -> str:
    return f"{scale[0]:g} to {scale[1]:g}"


def _between(low: float, high: float) -> str:
    if np.isnan(low):
        return _numbers.UNDEFINED
    return f"{number_text(float(low), 'ratio')} to {number_text(float(high), 'ratio')}"


def _curve_cells(name: str, line: pd.Series, own: pd.Series) -> list[str]:
    cells = [name]
    for each in (line, own):
        cells += [
            number_text(float(each["value"]), "ratio"),
            _between(each["lower"], each["upper"]),
            _numbers.count(each["denominator"]),
        ]
    return cells


def _bar_text(line: pd.Series, now: Attitude) -> str:
    if not line["denominator"]:
        return "nobody answered"
    value = now.shown(float(line["value"]))
    return f"{value} \N{MIDDLE DOT} n {_numbers.count(line['denominator'])} ({line['response']:.0%})"


def _bar_cells(name: str, line: pd.Series, now: Attitude) -> list[str]:
    ends = [now.shown(float(line[end])) for end in ("lower", "upper")]
    return [
        name,
        now.shown(float(line["value"])),
        _numbers.UNDEFINED if _numbers.UNDEFINED in ends else " to ".join(ends),
        _numbers.count(line["denominator"]),
        _numbers.count(line["customers"]),
        _numbers.percent(float(line["response"])),
        _numbers.span(float(line["response_lower"]), float(line["response_upper"])),
    ]


def _tone_rows(tones: pd.DataFrame) -> list[tuple[str | None, list[str]]]:
    """Return the rows of the table of tones, each with its key where anybody answered so."""
    rows: list[tuple[str | None, list[str]]] = []
    for line in tones.reset_index().to_dict("records"):
        cells = [
            str(line["stage"]),
            str(line["tone"]),
            _numbers.count(line["numerator"]),
            _numbers.count(line["denominator"]),
            _numbers.percent(float(line["value"])),
            _numbers.span(float(line["lower"]), float(line["upper"])),
        ]
        rows.append((_key(cells[0], cells[1]) if line["numerator"] else None, cells))
    return rows
