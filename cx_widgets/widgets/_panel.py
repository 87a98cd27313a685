"""Views of figures under a title, which say why where they have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from cx_widgets.errors import CXError
from cx_widgets.widgets._base import Face, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ipywidgets as w

    from cx_widgets.definition import Definition
    from cx_widgets.widgets._caption import Caption
    from cx_widgets.widgets._theme import Frame

R = TypeVar("R")


class Panel(Face):
    """A view whose charts are taken away where there is nothing to show, for the reason.

    ``TITLE`` is its name. Without figures ``_charts`` and ``_beside`` are hidden, and ``_asks``, the
    controls, as long as no definition can be counted.
    """

    TITLE: ClassVar[str]
    _caption: Caption
    _charts: Sequence[Frame] = ()
    _beside: Sequence[w.Widget] = ()
    _asks: w.Widget | None = None

    def _draw(self) -> None:
        if self._asks is not None:
            self._asks.layout.display = "none" if self._good is None else ""
        if self._good is None:
            self._empty(self.problems[0].message)
        else:
            self._show(self._good)

    def _show(self, good: Definition) -> None:
        """Show the figures of a definition that can be counted."""
        raise NotImplementedError

    def _reveal(self) -> None:
        """Show again what stands beside figures."""
        for part in self._beside:
            part.layout.display = ""

    def _empty(self, why: str, what: str = "No figures yet.") -> None:
        """Show nothing but the reason."""
        for chart in self._charts:
            chart.hide()
        for part in self._beside:
            part.layout.display = "none"
        self._caption.tell(self.TITLE, description=what, note=sentence(why))

    def _show_error(self, sentence: str) -> None:
        self._empty(sentence)

    def _before(self, found: Callable[[Definition], R]) -> R | None:
        """Return what is found of the baseline; None where it is the same, or lacks what is asked for."""
        if self._compared is None:
            return None
        try:
            return found(self._compared)
        except CXError:
            return None

    def _notes(self, *notes: str) -> str:
        """Return notes as one text, with a word about figures that are not of the newest definition."""
        last = "Figures of the last good definition." if self._stale else ""
        return " ".join(note for note in (*notes, last) if note)
