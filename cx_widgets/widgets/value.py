"""Customer lifetime value: what buyers will be worth, and how the model did on what it had not seen."""

from __future__ import annotations

import asyncio
import logging
import time
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

import bqplot
import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.errors import CXError
from cx_widgets.metrics.lifetime_value import lifetime_value
from cx_widgets.models import Cancelled
from cx_widgets.widgets import _theme
from cx_widgets.widgets._advice import NO_BUY, with_advice
from cx_widgets.widgets._base import Face, at_the_boundary, choices, halves, sentence
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics.lifetime_value import LifetimeValue

_MODELS = (
    ("bg/nbd", "BG/NBD"),
    ("pareto/nbd", "Pareto/NBD"),
    ("bg/bb", "BG/BB (by period)"),
    ("sbg", "Contract"),
)
_NAMES = dict(_MODELS)
_AHEAD = (("13W", "13 weeks"), ("26W", "26 weeks"), ("52W", "1 year"), ("104W", "2 years"))
_FITTING = (("on", "as stages change"), ("off", "not now"))
_MARGIN_PX = {"top": 10, "bottom": 44, "left": 60, "right": 16}
_HEIGHT_PX = 220
_KEPT = 8
_PAUSE_S = 0.2
_HALF = 0.5
_LEAST_TOP = 0.01
_AGAIN = "Being fitted again: these are the figures of the last fit."
_NOT_AGAIN = "Cancelled: these are the figures of the last fit."
_NOT_NOW = "Not fitted for this: these are the figures of the last fit."
_TITLE, _HOLDOUT, _PARAMETERS = "Customer lifetime value", "Predicted and actual", "Parameters"
_TENTHS = ("Tenth of the buyers", "Customers", "P(alive)", "Purchases", "Value", "Share")
_COMPARED = ("Repeat purchases before", "Customers", "Actual", "Predicted", "Actual each", "Predicted each")
_FITTED = ("Model", "Parameter", "Value", "Standard error", "95% interval")

_logger = logging.getLogger(__name__)


class _Question(NamedTuple):
    """What is asked of the models."""

    definition: Definition
    model: str
    ahead: str


class _Answer(NamedTuple):
    """The forecast from the whole log, and the comparison of its second half; or why there is none."""

    forecast: LifetimeValue | None
    holdout: pd.DataFrame | None
    problem: str


class ValueView(Face, w.VBox):
    """What each tenth of the buyers will be worth, and how a forecast from half the log would have done.

    Models are fitted beside the notebook's own work: progress is told, everything stays usable, and the
    figures of the last fit stay in sight, marked. A button, an edit of the stages or "not now" cancels.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        Not drawn here; kept so that it can be linked as in the other views.
    """

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._against, self._fitted = Caption(), Caption(), Caption()
        self._model = Chooser("Model", _MODELS, "bg/nbd", kind="segments")
        self._ahead = Chooser("Forecast for", _AHEAD, "52W", kind="segments")
        self._fitting = Chooser("Fit", _FITTING, "on", kind="segments")
        self._task = Task()
        self._answers: dict[_Question, _Answer] = {}
        self._asked: _Question | None = None
        self._cancelled: _Question | None = None
        self._last: LifetimeValue | None = None
        self._tenths = _Columns(
            [_theme.NOW], "Tenths of the buyers, most valuable first", "Share expected", ".0%"
        )
        self._pairs = _Columns(
            [_theme.STAGES[6], _theme.NOW], "Repeat purchases before", "Purchases each", "~g"
        )
        charts = halves((self._caption, self._tenths.frame), (self._against, self._pairs.frame))
        self._right = charts.children[1]
        controls = choices(self._model, self._ahead, self._fitting, self._task)
        self._dimmed = w.VBox([charts, self._fitted])
        super().__init__(children=[controls, self._dimmed])
        self._start(log, definition, baseline)
        for chooser in (self._model, self._ahead, self._fitting):
            chooser.observe(self._refresh, names="_value")
        self._task.observe(self._on_task, names="_value")

    @property
    def _wanted(self) -> _Question | None:
        return None if self._good is None else _Question(self._good, self._model.value, self._ahead.value)

    @property
    def _busy(self) -> bool:
        """Whether a fit is under way."""
        return self._asked is not None and self._asked not in self._answers

    def _draw(self) -> None:
        question = self._wanted
        if question is None:
            self._asked = None
            self._task.rest()
            self._say(self.problems[0].message)
        elif not question.definition.stages_with_role("buy"):
            self._asked = None
            self._task.rest()
            self._say(NO_BUY)
        elif question in self._answers:
            self._asked = question
            self._task.rest()
            self._show(self._answers[question])
        elif self._fitting.value == "off" or question == self._cancelled:
            self._asked = None
            self._task.offer_action("Fit now")
            off = self._fitting.value == "off"
            self._keep(
                _NOT_NOW if off else _NOT_AGAIN,
                "Not fitted. Choose to fit as stages change." if off else "Cancelled.",
            )
        elif question != self._asked:
            self._ask(question)

    def _superseded(self) -> None:
        if self._busy:
            self._asked = None

    @at_the_boundary
    def _on_task(self, change: object) -> None:  # noqa: ARG002 - traitlets passes it
        if self._busy:
            self._cancelled = self._asked
            self._draw()
        elif self._wanted is not None:
            self._cancelled = None
            self._ask(self._wanted)

    def _ask(self, question: _Question) -> None:
        """Fit in a thread where the kernel has a loop to come back to, and at once where there is none."""
        self._asked = question
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._answered(question, _answer(self.event_log, question, lambda _: False))
            return
        told = time.monotonic()

        def step(done: float) -> bool:
            nonlocal told
            if self._asked != question:
                return True
            if time.monotonic() - told > _PAUSE_S:
                told = time.monotonic()
                loop.call_soon_threadsafe(self._progress, question, done)
            return False

        def work() -> None:
            answer = _answer(self.event_log, question, step)
            loop.call_soon_threadsafe(self._answered, question, answer)

        self._progress(question, 0.0)
        self._keep(_AGAIN, "Being fitted.")
        Thread(target=work, name="cx_widgets fit", daemon=True).start()

    def _progress(self, question: _Question, done: float) -> None:
        if self._asked == question and self._busy:
            self._task.tell(f"Fitting {_NAMES[question.model]}", done, "Cancel")

    def _answered(self, question: _Question, answer: _Answer) -> None:
        if self._asked != question:
            return
        self._answers[question] = answer
        while len(self._answers) > _KEPT:
            del self._answers[next(iter(self._answers))]
        self._refresh(None)

    def _say(self, sentence: str) -> None:
        """Tell why there are no figures."""
        self._last = None
        self._dimmed.remove_class("cx-of-before")
        self._caption.tell(_TITLE, description="No figures yet.", note=sentence)
        self._tenths.frame.hide()
        self._pairs.frame.hide()
        self._rest("none")

    def _keep(self, sentence: str, without: str) -> None:
        """Leave the figures of the last fit in sight, marked; say something else where there are none."""
        if self._last is None:
            self._say(without)
            return
        self._dimmed.add_class("cx-of-before")
        self._show_tenths(self._last, sentence)

    def _show(self, answer: _Answer) -> None:
        result = answer.forecast
        if result is None:
            self._say(_named(sentence(answer.problem)))
            return
        self._last = result
        self._dimmed.remove_class("cx-of-before")
        self._rest("")
        self._show_tenths(result, "Figures of the last good definition." if self._stale else "")
        self._show_holdout(answer)
        self._fitted.tell(
            _PARAMETERS,
            description=f"Fitted to {len(result.frame):,} buyers by maximum likelihood.",
            columns=_FITTED,
            rows=[(None, _parameter(row)) for _, row in result.parameters.reset_index().iterrows()],
            note=with_advice(result.note),
        )

    def _rest(self, display: str) -> None:
        """Show or hide what stands beside the forecast."""
        self._right.layout.display = self._fitted.layout.display = display

    def _show_tenths(self, result: LifetimeValue, note: str) -> None:
        table = result.by_tenth
        worth = "value" if result.value_fit is not None else "purchases"
        first = _numbers.percent(float(table["share"].iloc[0]))
        self._caption.tell(
            _TITLE,
            description=f"The first tenth of the buyers brings {first} of the {worth} expected.",
            columns=_TENTHS,
            rows=[(None, _tenth(number, row)) for number, row in table.iterrows()],
            note=note,
        )
        self._tenths.show([str(number) for number in table.index], table[["share"]].to_numpy(float).T)

    def _show_holdout(self, answer: _Answer) -> None:
        table = answer.holdout
        if table is None:
            self._against.tell(_HOLDOUT, note=_named(answer.problem))
            self._pairs.frame.hide()
            return
        n = _numbers.count(table["customers"].iloc[-1])
        self._against.tell(
            _HOLDOUT,
            description=f"Purchases each of {n} buyers in the second half of the log, predicted from the "
            "first.",
            legend=[("actual", "stage-7"), ("predicted", "now")],
            columns=_COMPARED,
            rows=[(None, _compared(str(name), row)) for name, row in table.iterrows()],
        )
        each = table.iloc[:-1]
        heights = each[["actual_mean", "predicted_mean"]].to_numpy(float).T
        self._pairs.show([str(name) for name in each.index], heights)

    def _show_error(self, sentence: str) -> None:
        self._say(sentence)


def _answer(log: EventLog, question: _Question, step: Callable[[float], bool]) -> _Answer:
    """Return the forecast and its comparison; ``step`` hears of the share done, a true answer cancels."""

    def fit(split: float | None) -> LifetimeValue:
        def hear(done: float) -> None:
            if step(_HALF * done + (0 if split is None else _HALF)):
                raise Cancelled("The fit was cancelled.")

        return lifetime_value(
            log,
            question.definition,
            model=question.model,
            horizon=question.ahead,
            split=split,
            progress=hear,
        )

    try:
        forecast = fit(None)
    except CXError as error:
        return _Answer(None, None, str(error))
    except Exception as error:
        _logger.exception("cx_widgets: a fit")
        return _Answer(None, None, f"{type(error).__name__}: {error}")
    try:
        return _Answer(forecast, fit(_HALF).holdout, "")
    except CXError as error:
        return _Answer(forecast, None, f"No comparison from the first half of the log: {error}")


class _Columns:
    """Columns of one colour or of several side by side, over names."""

    def __init__(self, colours: list[str], label: str, title: str, numbers: str) -> None:
        names, self._heights = bqplot.OrdinalScale(), bqplot.LinearScale(min=0.0, max=1.0)
        self.bars = bqplot.Bars(
            x=["1"],
            y=np.zeros((len(colours), 1)),
            scales={"x": names, "y": self._heights},
            colors=colours,
            type="grouped",
            padding=0.25,
            stroke="transparent",
        )
        across = bqplot.Axis(scale=names, grid_lines="none", **_theme.titled(title=label))
        self._upwards = _theme.upright(
            bqplot.Axis(scale=self._heights, tick_format=numbers, **_theme.titled(title=title))
        )
        self.frame = _theme.Frame([self.bars], [across, self._upwards], _MARGIN_PX)

    def show(self, names: list[str], heights: np.ndarray) -> None:
        """Show one line of heights for each colour."""
        # Shares of nothing are undefined: no column.
        heights = np.nan_to_num(heights)
        marks = _theme.round_marks(0.0, max(float(heights.max(initial=0)), _LEAST_TOP))
        with _theme.held(self.bars, self._heights, self._upwards):
            self.bars.x, self.bars.y = names, heights
            self._heights.max, self._upwards.tick_values = float(marks[-1]), marks
        self.frame.show(_HEIGHT_PX)


def _named(problem: str) -> str:
    """Return the words with the models as they are called above."""
    for key, name in _NAMES.items():
        problem = problem.replace(f"'{key}'", name)
    return problem


def _tenth(number: object, row: pd.Series) -> list[str]:
    return [
        str(number),
        _numbers.count(row["customers"]),
        _numbers.percent(float(row["p_alive"])),
        _numbers.amount(row["purchases"]),
        _numbers.amount(row["value"]),
        _numbers.percent(float(row["share"])),
    ]


def _compared(name: str, row: pd.Series) -> list[str]:
    counted = [_numbers.count(row["customers"]), _numbers.count(row["actual"])]
    return [
        name,
        *counted,
        *(_numbers.amount(row[key]) for key in ("predicted", "actual_mean", "predicted_mean")),
    ]


def _parameter(row: pd.Series) -> list[str]:
    value, error, lower, upper = (
        f"{float(row[key]):,.4g}" for key in ("value", "standard_error", "lower", "upper")
    )
    return [str(row["model"]), str(row["parameter"]), value, error, f"{lower} to {upper}"]
