"""The stage board: chips in ordered columns, rules, figures, and what the mouse did as code."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

import anywidget
import traitlets as t

from cx_widgets import presets
from cx_widgets.definition import Definition
from cx_widgets.errors import CXError
from cx_widgets.log import EventLog
from cx_widgets.metrics._lines import cells_of
from cx_widgets.metrics.compare import compare
from cx_widgets.metrics.figures import figures
from cx_widgets.metrics.preview import changes_in, preview_of
from cx_widgets.metrics.stages import stage_columns
from cx_widgets.problems import DefinitionError
from cx_widgets.roles import NO_ROLE_WORDS, ROLE_WORDS, ROLES
from cx_widgets.widgets import _wire
from cx_widgets.widgets._base import STATIC, Face, at_the_boundary
from cx_widgets.widgets._pace import Pace
from cx_widgets.widgets._rehearsal import Rehearsal
from cx_widgets.widgets._rule_catalog import rule_catalog, values_offered
from cx_widgets.widgets._together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd

    from cx_widgets.problems import Problem
    from cx_widgets.widgets._wire import JSON


_BESIDE = {
    "baseline": "baseline",
    "delta": "delta",
    "lower": "delta_lower",
    "upper": "delta_upper",
    "method": "delta_method",
}
_SIZES = {"events": "events", "customers": "customers"}
PREVIEW_ABOVE = 50_000_000
PREVIEW_OF = 16
AHEAD, MISSED = "ahead", "missed"
AHEAD_UP_TO = 10_000_000
"""Events; with more, counting what may come could keep waiting what has come."""


class StageBoard(Face, anywidget.AnyWidget):
    """The board on which the stages are edited, with the figures strip and the definition as code.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages to start with: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition the figures are compared with; the one given at the start by default.
    figures
        Whether the strip of figures stands under the board.
    preview_above
        Beyond so many events, an edit shows the figures of one in 16 customers first, marked as a preview.
    """

    _esm = STATIC / "board.js"
    _css = STATIC / "board.css"

    _catalog = t.Dict().tag(sync=True)
    _draft = t.Dict().tag(sync=True)
    _view = t.Dict().tag(sync=True)
    _drawn = t.Int().tag(sync=True)
    # A column whose values the browser would like to offer, and what it can offer by column.
    _wanted = t.Unicode().tag(sync=True)
    _offered = t.Dict().tag(sync=True)

    rehearses: ClassVar[bool] = True
    pace: Pace

    def __init__(
        self,
        log: EventLog,
        definition: object,
        baseline: object = None,
        *,
        figures: bool = True,
        preview_above: int = PREVIEW_ABOVE,
    ) -> None:
        super().__init__()
        self.together = Together(self)
        self.pace = Pace(self.together, at_rest=self._rest, stopped=self._on_stopped)
        self._rehearsal = Rehearsal(self.together)
        self._show_figures = figures
        self._preview_above = preview_above
        self._broken: Problem | None = None
        self._answered: object = None
        self._writing = False
        self.beside: tuple[Face, ...] = ()
        """The views that answer an edit after the board."""
        self._start(log, definition, baseline)
        self.together.follow(self)
        self.on_msg(self._on_message)
        self._take_sample()

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give the figures, their changes and the sizes of the stages as calls."""
        log, baseline = self.event_log, self._good_baseline or definition
        yield partial(figures, log, definition)
        yield partial(compare, log, baseline, definition)
        yield partial(stage_columns, log, definition)

    def undo(self) -> None:
        """Go one edit back; nothing happens where there is none."""
        self._write(_wire.undone(self._draft) or self._draft)

    def redo(self) -> None:
        """Take one undone edit again; nothing happens where there is none."""
        self._write(_wire.redone(self._draft) or self._draft)

    @property
    def changes(self) -> pd.DataFrame:
        """Every figure: baseline, now, their difference and its interval."""
        if self._good is None or self._good_baseline is None:
            first = self.problems or self.baseline.problems(self.event_log)
            raise CXError(f"there are no figures yet: {first[0].message}")
        return compare(self.event_log, self._good_baseline, self._good).frame

    def _start(self, log: object, definition: object, baseline: object) -> None:
        with self.hold_sync():
            super()._start(log, definition, baseline)
            self._catalog = _catalog(self.event_log, show_figures=self._show_figures)
            self._draft = _wire.first_draft(self.definition.to_dict(), self.baseline.to_dict())
            self._answer()
        self.observe(self._on_draft, names="_draft")
        self.observe(self._on_wanted, names="_wanted")

    def _on_definition(self, change: object) -> None:
        """Answer a new definition; one assigned from Python joins the draft first."""
        super()._on_definition(change)
        draft = dict(self._draft)
        if _parsed(draft, "definition") != self.definition:
            draft = _wire.edited(draft, self.definition.to_dict(), "changed from Python")
        if _parsed(draft, "baseline") != self.baseline:
            draft = _wire.pinned(draft, self.baseline.to_dict())
        if draft == self._draft:
            self._answer_soon()
        else:
            self._write(draft)

    def _on_message(self, board: object, content: object, buffers: object) -> None:  # noqa: ARG002 - ipywidgets passes them
        if isinstance(content, dict) and content.get("kind") == AHEAD:
            self._count_ahead(content)
        elif isinstance(content, dict) and content.get("kind") == MISSED:
            self._rehearsal.say_again()

    @at_the_boundary
    def _count_ahead(self, content: object) -> None:
        """Count and rehearse a definition that the next edit may make, while the pointer is on its way."""
        asked = content if isinstance(content, dict) else {}
        log, definition = self.event_log, _parsed(asked, "definition")
        self._rehearsal.forget()
        if log.n_events > AHEAD_UP_TO or definition is None or definition.problems(log):
            return
        views: tuple[Face, ...] = (self, *self.beside)
        counts = (view._to_count(definition) for view in views)  # noqa: SLF001 - faces, of our own
        last = partial(self._rehearse_all, str(asked.get("id", "")), definition)
        self.pace.ahead(chain(chain.from_iterable(counts), [last]))

    def _rehearse_all(self, name: str, definition: Definition) -> None:
        if not name or self.selected is not None:
            return
        faces = [view._in_sight() for view in (self, *self.beside)]  # noqa: SLF001 - faces, of our own
        self._rehearsal.run(name, definition, _wire.revision_of(self._draft) + 1, faces)

    def _rehearse(self, definition: Definition, revision: int) -> None:
        """Answer a draft that an edit may bring, and go on as before."""
        before = self._trait_values["_draft"], self._broken, self._answered
        self._trait_values["_draft"], self._broken = {**self._draft, "revision": revision}, None
        try:
            super()._rehearse(definition, revision)
        finally:
            self._trait_values["_draft"], self._broken, self._answered = before

    @at_the_boundary
    def _perform(self, change: object) -> None:  # noqa: ARG002 - traitlets passes it
        """Show what was rehearsed for the draft that has come, which the page may show already."""
        ready = self._rehearsal.taken(_wire.revision_of(self._draft), self.definition, self.baseline)
        if ready is None:
            self.pace.step(self._rehearsal, self._rehearsal.say_again)
            return
        with self.together.collected():
            if self.pace.settle(ready.faces):
                self._rest()
        self.together.flush(show=ready.name)

    def _take_sample(self) -> None:
        log = self.event_log
        large = log.n_events > self._preview_above and log.sampled is None
        self.pace.sample = log.sample(PREVIEW_OF) if large else None

    def _on_log(self, change: object) -> None:
        """Offer what the new events offer; the draft stays as it is, with its history."""
        self._take_sample()
        self._catalog = _catalog(self.event_log, show_figures=self._show_figures)
        self._offered, self._wanted = {}, ""
        super()._on_log(change)
        self._answer_soon()

    def _write(self, draft: dict[str, JSON]) -> None:
        """Set the draft from Python, where what follows from it is drawn at once."""
        self._writing = True
        try:
            self._draft = draft
        finally:
            self._writing = False

    def _on_draft(self, change: object) -> None:
        with nullcontext() if self._writing else self.pace.edit():
            self._take_draft(change)
            if self._rehearsal.stands and not self._writing:
                self._perform(change)

    @at_the_boundary
    def _take_draft(self, change: object) -> None:  # noqa: ARG002 - traitlets passes it
        """Make a well-formed draft the public definition; answer every draft once, also a broken one."""
        self._broken = None
        try:
            definition = Definition.from_dict(self._draft.get("definition"))
            baseline = Definition.from_dict(self._draft.get("baseline"))
        except DefinitionError as error:
            self._broken = error.problem
        else:
            with self.hold_trait_notifications():
                self.definition = definition
                self.baseline = baseline
        if self._answered is not self._draft:
            self._answer_soon()

    @at_the_boundary
    def _on_wanted(self, change: object) -> None:  # noqa: ARG002 - traitlets passes it
        name = self._wanted
        if name in self.event_log.columns and name not in self._offered:
            self._offered = {**self._offered, name: values_offered(self.event_log, name)}

    def _answer_soon(self) -> None:
        self._answered = self._draft
        self.pace.step(self, partial(self._answer_from, None), self._answer_from)
        if not self.pace.editing:
            self._rest()

    @at_the_boundary
    def _answer_from(self, sample: object) -> None:
        """Answer with the figures of a sample, or with those of the whole log where that is None."""
        self._sampled = sample if isinstance(sample, EventLog) else None
        try:
            self._answer()
        finally:
            self._sampled = None

    def _rest(self) -> None:
        self._drawn = _wire.revision_of(self._draft)

    def _on_stopped(self) -> None:
        self._show_error(
            "Interrupted. Some figures are those of an edit before; the next edit counts them all."
        )
        self._rest()

    def _draw(self) -> None:
        """Leave the drawing to the answer, one message for one draft, but in a rehearsal."""
        if self._rehearsal.runs:
            self._answer()

    def _show_error(self, sentence: str) -> None:
        self._view = {
            **self._view,
            "revision": _wire.revision_of(self._draft),
            "busy": False,
            "error": sentence,
        }

    def _answer(self) -> None:
        self._answered = self._draft
        log, definition = self.event_log, self.definition
        columns = self._estimated_cells(stage_columns(self._counted, definition), ("events", "customers"))
        sizes = _wire.rows(columns, _SIZES)
        problems = (*([self._broken] if self._broken else []), *definition.problems(log))
        self._view = {
            "revision": _wire.revision_of(self._draft),
            "problems": [asdict(problem) for problem in problems],
            "stale": self._stale or self._broken is not None,
            "stages": [
                {"name": name, "role": definition.role(name), **size}
                for name, size in zip(definition.names, sizes, strict=False)
            ],
            "unassigned": sizes[-1],
            "figures": self._figures(),
            "code": definition.to_code(),
            "preview": self._part_counted,
            "busy": self._sampled is not None,
            "error": None,
        }

    def _figures(self) -> list[JSON]:
        if self._good is None or not self._show_figures:
            return []
        log, now, before = self._counted, self._good, self._good_baseline or self._good
        if log.sampled is None:
            strip, changes = figures(log, now).columns(), compare(log, before, now).columns()
        else:
            strip, changes = preview_of(log, now).columns(), cells_of(changes_in(log, before, now))
            strip = self._estimated_cells(strip, ("numerator", "denominator"))
        beside = _wire.rows(changes, _BESIDE)
        if self._good_baseline is None:
            beside = [dict.fromkeys(each) for each in beside]
        return [{**line, **change} for line, change in zip(_wire.rows(strip), beside, strict=True)]


def _parsed(draft: Mapping[str, JSON], key: str) -> Definition | None:
    try:
        return Definition.from_dict(draft.get(key))
    except DefinitionError:
        return None


def _catalog(log: EventLog, *, show_figures: bool) -> dict[str, JSON]:
    """Return what the board needs once: events with their counts, presets, roles, and what rules offer."""
    order = sorted(range(len(log.event_names)), key=lambda i: (-int(log.event_counts[i]), log.event_names[i]))
    span = (log.end - log.start).total_seconds() if log.n_events else 0.0
    return {
        "events": [
            {
                "name": log.event_names[i],
                "events": int(log.event_counts[i]),
                "customers": int(log.event_customers[i]),
            }
            for i in order
        ],
        "presets": [_preset(name, log) for name in presets.names()],
        "roles": list(ROLES),
        "role_words": {role: list(words) for role, words in ROLE_WORDS.items()},
        "no_role_words": sorted(NO_ROLE_WORDS),
        "n_customers": log.n_customers,
        "n_events": log.n_events,
        "span_seconds": span,
        "show_figures": show_figures,
        **rule_catalog(log),
    }


def _preset(name: str, log: EventLog) -> dict[str, JSON]:
    preset = presets.get(name, log)
    return {
        "key": preset.key,
        "title": preset.title,
        "origin": preset.origin,
        "stages": [stage.to_dict() for stage in preset.definition.stages],
    }
