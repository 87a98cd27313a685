"""Title, description, legend and table twin of a chart that bqplot draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anywidget
import traitlets as t

from cx_widgets.widgets import _wire
from cx_widgets.widgets._base import STATIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cx_widgets.widgets._wire import JSON


class Caption(anywidget.AnyWidget):
    """What makes a picture readable without seeing it, and selectable without a mouse."""

    _esm = STATIC / "caption.js"
    _css = STATIC / "caption.css"

    _view = t.Dict().tag(sync=True)
    _selected = t.Unicode(None, allow_none=True).tag(sync=True)
    _open = t.Bool(default_value=False).tag(sync=True)

    def tell(
        self,
        title: str,
        *,
        description: str = "",
        legend: Sequence[tuple[str, str]] = (),
        columns: Sequence[str] = (),
        rows: Sequence[tuple[str | None, Sequence[str]]] = (),
        note: str = "",
        preview: str = "",
        grid: Mapping[str, JSON] | None = None,
    ) -> None:
        """Show a new text and table; ``rows`` are (key of the selection or None, cells).

        ``grid`` is a heat map under the words: its ``rows`` and ``columns`` by name, and in a line for each
        row the ``shades`` (0 to 1), ``texts`` and ``keys`` of its cells (the selection of a click, or None).
        ``preview`` names the part of the log that was counted, where it is not the whole. What is shown
        already is not said again.
        """
        cells: list[JSON] = [{"key": key, "cells": list(texts), "raw": []} for key, texts in rows]
        self._show(
            title=title,
            description=description,
            legend=[{"label": label, "swatch": swatch} for label, swatch in legend],
            columns=list(columns),
            rows=cells,
            note=note,
            preview=preview,
            **({} if grid is None else {"grid": dict(grid)}),
        )

    def wait(self) -> None:
        """Say that newer figures are to come."""
        self._show(**{**self._view, "preview": "waits"})

    def _show(self, **view: JSON) -> None:
        revision = _wire.revision_of(self._view)
        if {**view, "revision": revision} != self._view:
            self._view = {**view, "revision": revision + 1}

    def mark(self, key: str | None) -> None:
        """Mark the row of this key as selected, or none; the same again says nothing to the browser."""
        if self._selected != key:
            self._selected = key
