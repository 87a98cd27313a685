"""Several views under a row of tabs; only the one in sight is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import ipywidgets as w
import traitlets as t

from cx_widgets.widgets._base import Face
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._together import close_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog


class Tabs(Face, w.VBox):
    """A row of tabs over the view of the chosen one; ``VIEWS`` names each tab's label and view.

    Inside of a tab they are a row of segments (``KIND``).
    """

    TITLE: ClassVar[str]
    KIND: ClassVar[str] = "tabs"
    VIEWS: ClassVar[Mapping[str, tuple[str, type[Face]]]]

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._question = Chooser(self.TITLE, self._options, next(iter(self.VIEWS)), kind=self.KIND)
        self._made: dict[str, Face] = {}
        self._links: list[t.link] = []
        super().__init__(children=[self._question])
        self._start(log, definition, baseline)
        self._question.observe(self._refresh, names="_value")

    @property
    def _options(self) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _) in self.VIEWS.items()]

    def _draw_in_turn(self) -> None:
        """Leave it to the view in sight to wait for its turn."""
        self._draw()

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give what the view in sight counts."""
        view = self._made.get(self._question.value)
        return () if view is None else view._to_count(definition)  # noqa: SLF001 - a face, of our own

    def _in_sight(self) -> Face:
        """Return the view of the chosen tab."""
        view = self._made.get(self._question.value)
        return self if view is None else view._in_sight()  # noqa: SLF001 - a face, of our own

    def _draw(self) -> None:
        key = self._question.value if self._question.value in self.VIEWS else next(iter(self.VIEWS))
        if key not in self._made:
            # A tab opened while the definition cannot be counted shows the figures of the last good one too.
            view = self.VIEWS[key][1](
                self.event_log, self._good or self.definition, self._good_baseline or self.baseline
            )
            view.selected = self.selected
            self._made[key] = view
            self._links.append(t.link((view, "selected"), (self, "selected")))
        view = self._made[key]
        for other in self._made.values():
            if other is not view and other.definition != self.definition:
                other._superseded()  # noqa: SLF001 - a face, of our own
        view.pace = self.pace
        view.definition, view.baseline = self.definition, self.baseline
        self.children = (self._question, view)

    def _on_log(self, change: object) -> None:
        """Make the views anew: what they offer to choose from comes from the log."""
        for link in self._links:
            link.unlink()
        gone, self._made, self._links = self._made, {}, []
        super()._on_log(change)
        for view in gone.values():
            view._superseded()  # noqa: SLF001 - a face, of our own
            close_whole(view)

    def _show_error(self, sentence: str) -> None:
        self._question.offer(self._options, problem=sentence)
