"""One choice among several, made with our own control: those of others let keys through to the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anywidget
import traitlets as t

from cx_widgets.widgets import _wire
from cx_widgets.widgets._base import STATIC

if TYPE_CHECKING:
    from collections.abc import Sequence


class Task(anywidget.AnyWidget):
    """Work under way: what it is, how much of it is done, and a button; ``_value`` counts its clicks."""

    _esm = STATIC / "chooser.js"
    _css = STATIC / "chooser.css"

    _view = t.Dict().tag(sync=True)
    _value = t.Unicode("0").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.rest()

    def tell(self, label: str, share: float, action: str) -> None:
        """Show the work, the share of it that is done, and a button."""
        self._show(label, share, action)

    def offer_action(self, action: str) -> None:
        """Show the button alone."""
        self._show("", None, action)

    def rest(self) -> None:
        """Show nothing."""
        self._show("", None, "")

    def _show(self, label: str, share: float | None, action: str) -> None:
        self._view = {
            "revision": _wire.revision_of(self._view) + 1,
            "label": label,
            "kind": "task",
            "options": [{"value": "", "label": action}] if action else [],
            "share": share,
        }


class Chooser(anywidget.AnyWidget):
    """A row of segments, tabs, a list, or a box to type in; ``value`` is what was chosen."""

    _esm = STATIC / "chooser.js"
    _css = STATIC / "chooser.css"

    _view = t.Dict().tag(sync=True)
    _value = t.Unicode().tag(sync=True)

    def __init__(self, label: str, options: Sequence[tuple[str, str]], value: str, *, kind: str) -> None:
        super().__init__(_value=value)
        self._label, self._kind = label, kind
        self.offer(options)

    @property
    def value(self) -> str:
        """The choice."""
        return str(self._value)

    @value.setter
    def value(self, value: str) -> None:
        self._value = value

    def offer(self, options: Sequence[tuple[str, str]], *, problem: str = "") -> None:
        """Offer these (value, label) pairs, and say what is wrong with the present choice, if anything is."""
        self._view = {
            "revision": _wire.revision_of(self._view) + 1,
            "label": self._label,
            "kind": self._kind,
            "options": [{"value": value, "label": label} for value, label in options],
            "problem": problem,
        }
