"""All touchpoints against the digital ones among them: how both are rated along the stages, and the gap."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics._columns import texts
from cx_widgets.metrics.experience_gap import RATING, TONE, ExperienceGap, experience_gap
from cx_widgets.widgets import _theme, _wire
from cx_widgets.widgets._advice import with_advice
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices, halves
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._clickable import Clickable
from cx_widgets.widgets._columns import NONE, guess, offered
from cx_widgets.widgets._selection import Selection
from cx_widgets.widgets._stage_curve import StageCurve
from cx_widgets.widgets.channels import NO_COLUMN, NO_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_AVERAGED = ((RATING, "ratings"), (TONE, "tones"))
_SIDES = (("yes", "digital"), ("no", "not digital"))
_SCALES = tuple((scale, scale) for scale in ("0 to 10", "1 to 5", "1 to 7", "0 to 100"))
_SCALE = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*(?:to|-)\s*(-?\d+(?:\.\d+)?)\s*$")
_GAP = "The gap"
_COLUMNS = ("Stage", "Touchpoints", "Rated", "Mean", "95% interval")
_GAP_COLUMNS = ("Stage", "All less digital", "95% interval", "Note")
_ALL, _DIGITAL, _DIFFERENCE = "all", "digital", "gap"


class ExperienceGapView(Clickable, w.VBox):
    """How all touchpoints of a stage are rated and how the digital ones; a click selects who rated there.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition whose ratings and gaps lie behind; the one given at the start by default.
    """

    _asks: w.Box
    TITLE, KIND = "All touchpoints and the digital ones", "rated"
    previews = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._gap_caption = Caption(), Caption()
        columns = offered(log)
        self._column = Chooser("Channels in", columns, guess(log, "channel"), kind="list")
        self._of = Chooser("Mean of", _AVERAGED, RATING, kind="segments")
        self._scale = Chooser("Scale", _SCALES, _SCALES[0][0], kind="text")
        self._channel = Chooser("Channel", [], "", kind="list")
        self._side = Chooser("is", _SIDES, "", kind="segments")
        self._digital: tuple[str, ...] | None = None
        self._settling = False
        self._names: list[str] = []
        self._curve, self._bars = StageCurve("Mean rating"), NamedBars([_theme.NOW])
        charts = halves((self._caption, self._curve), (self._gap_caption, self._bars))
        self._charts, self._beside = (self._curve, self._bars), charts.children[1:]
        self._asks = choices(self._column, self._of, self._scale, self._channel, self._side)
        super().__init__(children=[self._asks, charts])
        self._start(log, definition, baseline)
        self._column.observe(self._on_column, names="_value")
        for chooser in (self._of, self._scale, self._channel):
            chooser.observe(self._refresh, names="_value")
        self._side.observe(self._on_side, names="_value")
        self._curve.on_stage(lambda stage: self._click(f"{_ALL}:{self._names[stage]}"))
        self._bars.on_bar(lambda row, _: self._click(f"{_ALL}:{self._names[row]}"))
        self._heed(self._caption)

    def _found(self, definition: Definition, scale: tuple[float, float]) -> ExperienceGap:
        return experience_gap(
            self._counted,
            definition,
            self._column.value,
            digital=self._digital,
            of=self._of.value,
            scale=scale,
        )

    def _show(self, good: Definition) -> None:
        toned = self._of.value == TONE
        self._scale.layout.display = "" if toned else "none"
        scored = self.event_log.scores is not None
        self._asks.layout.display = "" if scored and offered(self.event_log)[1:] else "none"
        if not scored:
            self._empty(with_advice("The log has no score column."))
            return
        for chooser in (self._channel, self._side):
            chooser.layout.display = "none" if self._column.value == NONE else ""
        if self._column.value == NONE:
            self._empty(NO_COLUMN if offered(self.event_log)[1:] else NO_WORDS)
            return
        ends = _SCALE.match(self._scale.value)
        if ends is None:
            self._scale.offer(_SCALES, problem="Say the lowest and the highest score, such as 0 to 10.")
            return
        self._scale.offer(_SCALES)
        scale = float(ends[1]), float(ends[2])
        now = self._found(good, scale)
        self._offer(now)
        if not now.frame["denominator"].any():
            self._empty("No event in a stage has a score and a channel. Choose another column above.")
            return
        before = self._before(lambda baseline: self._found(baseline, scale))
        self._reveal()
        self._names = list(dict.fromkeys(str(name) for name in now.frame.index.get_level_values("stage")))
        self._draw_curve(now, before, (-1.0, 1.0) if toned else None)
        self._draw_gap(now, before)
        self._mark_selected()

    def _offer(self, now: ExperienceGap) -> None:
        """Offer the channels, and tell of the one chosen whether it is digital."""
        _, names = texts(self.event_log, now.column)
        self._channel.offer([(name, name) for name in names])
        for chooser in (self._channel, self._side):
            chooser.layout.display = "" if names else "none"
        self._settling = True
        if self._channel.value not in names:
            self._channel.value = names[0] if names else ""
        self._side.value = "yes" if self._channel.value in now.digital else "no"
        self._settling = False

    def _draw_curve(
        self, now: ExperienceGap, before: ExperienceGap | None, scale: tuple[float, float] | None
    ) -> None:
        every, digital = (self._rated(now, figure) for figure in (_ALL, _DIGITAL))
        behind = None if before is None else _of(before, _ALL)["value"].reindex(every.index).to_numpy(float)
        stages = self._names[:-1]
        if scale is None:
            marks = _theme.round_marks(*self._ends())
            scale = float(marks[0]), float(marks[-1])
        means, digital_means = (
            table[["value", "lower", "upper"]].to_numpy(float)[:-1] for table in (every, digital)
        )
        self._curve.draw(stages, scale, means, digital_means, None if behind is None else behind[:-1])
        legend = [("all touchpoints", "now"), ("digital ones", "stage-4"), ("95% interval", "interval")]
        if behind is not None:
            legend.append(("baseline", "dashed"))
        self._caption.tell(
            self.TITLE,
            description=f"Mean {dict(_AVERAGED)[now.of][:-1]} by stage. Digital here: "
            f"{', '.join(now.digital[:8]) or 'none'}{' …' if len(now.digital) > 8 else ''}.",  # noqa: PLR2004 - eight names are read
            legend=legend,
            columns=_COLUMNS,
            rows=[
                (f"{figure}:{stage}" if line["denominator"] else None, _cells(stage, figure, line))
                for place, stage in enumerate(self._names)
                for figure, line in ((_ALL, every.iloc[place]), (_DIGITAL, digital.iloc[place]))
            ],
            note=self._notes(),
            preview=self._part_counted,
        )

    def _rated(self, now: ExperienceGap, figure: str) -> pd.DataFrame:
        return self._estimated(_of(now, figure), ("denominator",))

    def _ends(self) -> tuple[float, float]:
        """Return the lowest and the highest score of the log."""
        scores = self.event_log.scores
        if scores is None or np.isnan(scores).all():
            return 0.0, 1.0
        return min(float(np.nanmin(scores)), 0.0), float(np.nanmax(scores))

    def _draw_gap(self, now: ExperienceGap, before: ExperienceGap | None) -> None:
        gap = self._rated(now, _DIFFERENCE)
        behind = None
        if before is not None:
            behind = _of(before, _DIFFERENCE)["value"].reindex(gap.index).to_numpy(float)[None]
        self._bars.draw(
            self._names,
            gap["value"].to_numpy(float)[None],
            [[_gap_text(line) for _, line in gap.iterrows()]],
            ends=gap[["lower", "upper"]].to_numpy(float),
            before=behind,
        )
        legend = [("all less digital", "now"), ("95% interval", "interval")]
        if behind is not None:
            legend.append(("baseline", "baseline"))
        self._gap_caption.tell(
            _GAP,
            description="Above 0 the whole experience is rated better than its digital part.",
            legend=legend,
            columns=_GAP_COLUMNS,
            rows=[
                (None, [str(stage), _number(line["value"], "+"), _span(line, "+"), str(line["note"])])
                for stage, line in gap.iterrows()
            ],
            note="Who rates is seldom a random sample of those who could have.",
            preview=self._part_counted,
        )

    def _selection_of(self, key: str) -> Selection:
        figure, _, stage = key.partition(":")
        return Selection(
            self.KIND, stage, figure, (("column", self._column.value), ("digital", self._digital))
        )

    def _key_of(self, chosen: Selection) -> str:
        return f"{chosen.to}:{chosen.stage}"

    def _on_column(self, change: object) -> None:
        self._digital = None
        self._let_go()
        self._refresh(change)

    def _on_side(self, change: Mapping[str, object]) -> None:
        if self._settling or self._good is None or not self._channel.value:
            return
        now = experience_gap(self.event_log, self._good, self._column.value, digital=self._digital)
        others = tuple(name for name in now.digital if name != self._channel.value)
        self._digital = (*others, self._channel.value) if self._side.value == "yes" else others
        self._let_go()
        self._refresh(change)


def _of(found: ExperienceGap, figure: str) -> pd.DataFrame:
    return _wire.part(found.frame, "figure", figure)


def _number(value: float, sign: str = "") -> str:
    return _numbers.UNDEFINED if np.isnan(value) else f"{value:{sign},.2f}"


def _span(line: pd.Series, sign: str = "") -> str:
    if np.isnan(line["lower"]):
        return _numbers.UNDEFINED
    return f"{_number(line['lower'], sign)} to {_number(line['upper'], sign)}"


def _gap_text(line: pd.Series) -> str:
    if np.isnan(line["value"]):
        return "nothing rated" if not line["denominator"] else "no digital one rated"
    return f"{_number(line['value'], '+')} · n {_numbers.count(line['denominator'])}"


def _cells(stage: str, figure: str, line: pd.Series) -> list[str]:
    return [stage, figure, _numbers.count(line["denominator"]), _number(line["value"]), _span(line)]
