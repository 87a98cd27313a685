"""Views whose parts select customers: from a click, or a row of a table, to the selection and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cx_widgets.widgets._base import toggled
from cx_widgets.widgets._panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cx_widgets.widgets._caption import Caption
    from cx_widgets.widgets._selection import Selection


class Clickable(Panel):
    """A view that selects customers by a key, which each part of its charts and each row of its tables has.

    ``KIND`` is the kind of its selections. What the view's own choosers say goes into them, so that a
    selection made under another choice is not marked.
    """

    KIND: ClassVar[str]
    _clicked: tuple[Caption, ...] = ()
    """The captions whose rows select."""

    def _heed(self, *captions: Caption) -> None:
        """Let rows of these tables select."""
        self._clicked = captions
        for caption in captions:
            caption.observe(self._on_row, names="_selected")

    def _selection_of(self, key: str) -> Selection | None:
        """Return what a key stands for under the present choices; None where it stands for nobody."""
        raise NotImplementedError

    def _key_of(self, chosen: Selection) -> str:
        """Return the key of a selection of this kind."""
        raise NotImplementedError

    def _click(self, key: str) -> None:
        """Select what a key stands for; the same again lets go of it."""
        clicked = self._selection_of(key)
        if clicked is not None:
            self.selected = toggled(self.selected, clicked)

    def _mark_selected(self) -> None:
        chosen, marked = self.selected, None
        if chosen is not None and chosen.kind == self.KIND:
            key = self._key_of(chosen)
            marked = key if self._selection_of(key) == chosen else None
        for caption in self._clicked:
            caption.mark(marked)

    def _let_go(self) -> None:
        """Select nothing any more, where the selection came from here."""
        if self.selected is not None and self.selected.kind == self.KIND:
            self.selected = None

    def _on_choice(self, change: Mapping[str, object]) -> None:
        """Let go of what was selected under another choice, and draw."""
        self._let_go()
        self._refresh(change)

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is None:
            self._let_go()
        else:
            self.selected = self._selection_of(key)
