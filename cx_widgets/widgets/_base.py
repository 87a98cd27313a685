"""What every face shares: typed public traits, the last good definition, and one boundary for errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

import ipywidgets as w
import numpy as np
import pandas as pd
import traitlets as t

from cx_widgets.binding import as_log
from cx_widgets.definition import Definition
from cx_widgets.errors import CXError, a_kind
from cx_widgets.log import EventLog
from cx_widgets.metrics.funnel import funnel
from cx_widgets.presets import Preset
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cx_widgets.metrics._lines import Cells
    from cx_widgets.problems import Problem
    from cx_widgets.widgets._pace import Pace

STATIC = Path(__file__).parent.parent / "static"

_logger = logging.getLogger(__name__)


def as_definition(value: object) -> Definition:
    """Return what the user gave as a definition: a definition, a preset, or a mapping of stages."""
    if isinstance(value, Definition):
        return value
    if isinstance(value, Preset):
        return value.definition
    if isinstance(value, Mapping):
        return Definition(value)
    raise CXError(
        f"{a_kind(value)} is no definition. Give a cx.Definition, a preset such as "
        "cx.presets.aida(log), or a mapping like {'Consider': ['ad'], 'Buy': ['order']}."
    )


class DefinitionTrait(t.TraitType[Definition, object]):
    """A definition; presets and mappings are turned into one, anything else is refused."""

    def validate(self, obj: t.HasTraits | None, value: object) -> Definition:  # noqa: ARG002 - traitlets passes it
        """Return the value as a definition."""
        return as_definition(value)


class LogTrait(t.TraitType[EventLog, object]):
    """An event log; anything else is refused."""

    def validate(self, obj: t.HasTraits | None, value: object) -> EventLog:  # noqa: ARG002 - traitlets passes it
        """Return the value, which is an event log."""
        return as_log(value)


F = TypeVar("F", bound="Face")


def at_the_boundary(method: Callable[[F, object], None]) -> Callable[[F, object], None]:
    """Return the observer with its errors logged and shown: an exception in an observer is invisible."""

    @wraps(method)
    def safe(self: F, change: object) -> None:
        try:
            method(self, change)
        except CXError as error:
            self._show_error(str(error))
        except Exception as error:
            _logger.exception("cx_widgets: %s", type(self).__name__)
            self._show_error(f"{type(error).__name__}: {error}")

    return safe


class Face(t.HasTraits):
    """A view of one log under one definition, beside a baseline.

    ``definition``, ``baseline`` and ``event_log`` are assignable at any time. A definition that cannot be
    counted on the log (an unknown event, an empty stage) keeps the last good figures in sight and says why.
    """

    definition = DefinitionTrait(help="The definition shown; assignable.")
    baseline = DefinitionTrait(help="The pinned definition everything is compared with; assignable.")
    selected = t.Instance(
        Selection, allow_none=True, default_value=None, help="What a click selected, or None."
    )

    event_log = LogTrait(help="The events that are counted; assign the longer one when new events have come.")
    pace: Pace | None = None
    previews: ClassVar[bool] = False
    """Whether it shows figures of a sample, marked as such, before the exact ones of a large log."""
    rehearses: ClassVar[bool] = False
    """Whether a drawing can be taken back: it changes nothing but traits and attributes of its widgets."""
    _sampled: EventLog | None = None
    _good: Definition | None = None
    _good_baseline: Definition | None = None

    def _start(self, log: object, definition: object, baseline: object) -> None:
        """Check the arguments before anything is drawn, then draw once."""
        self.set_trait("event_log", log)
        first = as_definition(definition)
        pinned = first if baseline is None else as_definition(baseline)
        self.set_trait("definition", first)
        self.set_trait("baseline", pinned)
        self._refresh(None)
        self.observe(self._on_definition, names=["definition", "baseline"])
        self.observe(self._on_selected, names="selected")
        self.observe(self._on_log, names="event_log")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the definition cannot be counted on this log; empty when it can."""
        return self.definition.problems(self.event_log)

    @property
    def selection(self) -> pd.DataFrame:
        """The selected customers: ids, the stage they reached, and when; empty when nothing is selected."""
        if self._good is None:
            return pd.DataFrame(index=pd.Index([], name=self.event_log.roles["customer"]))
        if self.selected is not None and self.selected.fits(self._good):
            try:
                return self.selected.customers(self.event_log, self._good, self._good_baseline)
            except CXError:
                # An edit can take a period, a cohort or a group out of the charts after it was selected.
                _logger.debug("cx_widgets: %s is in no chart now", self.selected)
        return funnel(self.event_log, self._good).customers(self._good.names[0]).iloc[:0]

    def _on_definition(self, change: object) -> None:
        self._refresh(change)

    def _on_log(self, change: object) -> None:
        """Show the same definition on other events."""
        if self._good is not None and self._good.problems(self.event_log):
            self._good = None
        if self._good_baseline is not None and self._good_baseline.problems(self.event_log):
            self._good_baseline = None
        self._refresh(change)

    def _on_selected(self, change: object) -> None:  # noqa: ARG002 - traitlets passes it
        self._mark_selected()

    @at_the_boundary
    def _refresh(self, change: object) -> None:  # noqa: ARG002 - traitlets passes it
        if not self.definition.problems(self.event_log):
            self._good = self.definition
        if not self.baseline.problems(self.event_log):
            self._good_baseline = self.baseline
        if self.selected is not None and self._good is not None and not self.selected.fits(self._good):
            self.selected = None
        self._draw_in_turn()

    def _draw_in_turn(self) -> None:
        if self.pace is None:
            self._draw()
        else:
            self.pace.step(self, partial(self._draw_from, None), self._draw_from)

    @at_the_boundary
    def _draw_from(self, sample: object) -> None:
        """Draw from a sample, or from the whole log where that is None."""
        if isinstance(sample, EventLog) and not self.previews:
            self._wait()
            return
        self._sampled = sample if isinstance(sample, EventLog) else None
        try:
            self._draw()
        finally:
            self._sampled = None

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give what is counted for a drawing as calls whose results the log keeps."""
        del definition
        return ()

    def _in_sight(self) -> Face:
        """Return the view that is drawn."""
        return self

    def _rehearse(self, definition: Definition, revision: int) -> None:
        """Draw a definition that an edit may bring, and go on as before."""
        del revision
        before = self._trait_values["definition"], self._good
        self._trait_values["definition"] = self._good = definition
        try:
            self._draw()
        finally:
            self._trait_values["definition"], self._good = before

    @property
    def _counted(self) -> EventLog:
        """The log whose figures are drawn: the whole one, or its sample for a preview."""
        return self.event_log if self._sampled is None else self._sampled

    @property
    def _part_counted(self) -> str:
        """What part of the log the figures drawn are of, in words; empty for the whole."""
        return "" if self._sampled is None else str(self._sampled.sampled)

    def _estimated(self, frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """Return a table whose counts stand for the whole log where they are those of a sample."""
        sample = self._counted.sampled
        if sample is None or self._sampled is None:
            return frame
        return frame.assign(
            **{name: (frame[name].astype("Float64") * sample.times).round() for name in columns}
        )

    def _estimated_cells(self, columns: Cells, counts: Sequence[str]) -> Cells:
        """Do the same for a table by its columns."""
        sample = self._counted.sampled
        if sample is None or self._sampled is None:
            return columns
        times = sample.times
        return {
            **columns,
            **{name: [np.round(float(number) * times) for number in columns[name]] for name in counts},
        }

    def _scaled(self, count: float) -> float:
        """Return a count, of a sample as it stands for the whole log."""
        sample = None if self._sampled is None else self._sampled.sampled
        return float(count) if sample is None else float(np.round(count * sample.times))

    def _wait(self) -> None:
        """Say that the figures of the newest definition are still to come."""
        caption = getattr(self, "_caption", None)
        if caption is not None:
            caption.wait()

    @property
    def _compared(self) -> Definition | None:
        """The baseline to draw beside the figures; None where it is the same, or cannot be counted."""
        return None if self._good_baseline == self._good else self._good_baseline

    @property
    def _stale(self) -> bool:
        return self._good != self.definition

    def _draw(self) -> None:
        """Show the figures of the last good definition."""
        raise NotImplementedError

    def _mark_selected(self) -> None:
        """Show what is selected."""

    def _superseded(self) -> None:
        """Leave off work for a definition that is gone, out of sight."""

    def _show_error(self, sentence: str) -> None:
        """Show an unexpected error in the widget."""


def sentence(words: str) -> str:
    """Return an error's words as a sentence that stands alone."""
    return words[:1].upper() + words[1:]


def side_by_side() -> dict[str, str]:
    """Return the layout of two parts beside each other where there is room, else one below the other."""
    return {
        "grid_template_columns": "repeat(auto-fit, minmax(min(100%, 460px), 1fr))",
        "grid_gap": "8px 24px",
    }


def halves(*columns: Sequence[w.Widget]) -> w.GridBox:
    """Return parts, each a column of widgets, beside each other where there is room."""
    boxes = [w.VBox(list(column), layout=w.Layout(min_width="0")) for column in columns]
    return w.GridBox(boxes, layout=w.Layout(**side_by_side()))


def chart_and_table(chart: Sequence[w.Widget], table: Sequence[w.Widget]) -> w.Box:
    """Return a chart and an open table beside it, which is given more of the room."""
    return _in_a_row((chart, "2 1 400px"), (table, "3 1 520px"))


def roomy_and_small(roomy: Sequence[w.Widget], small: Sequence[w.Widget]) -> w.Box:
    """Return a wide chart and a smaller one beside it, which goes below where both have no room."""
    return _in_a_row((roomy, "3 1 600px"), (small, "2 1 400px"))


def _in_a_row(*columns: tuple[Sequence[w.Widget], str]) -> w.Box:
    boxes = [w.VBox(list(column), layout=w.Layout(flex=flex, min_width="0")) for column, flex in columns]
    return w.Box(boxes, layout=w.Layout(flex_flow="row wrap", grid_gap="8px 24px"))


def choices(*parts: w.Widget) -> w.Box:
    """Return controls in a row, in several where there is no room."""
    return w.Box(list(parts), layout=w.Layout(flex_flow="row wrap", grid_gap="0 20px"))


def toggled(current: Selection | None, clicked: Selection) -> Selection | None:
    """Return the selection after a click: the same part again lets go of it."""
    return None if current == clicked else clicked
