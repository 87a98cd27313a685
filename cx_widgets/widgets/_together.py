"""What many widgets have to say at once, in one message: each costs the kernel and the page their time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict
from weakref import WeakValueDictionary

import anywidget
import ipywidgets as w

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

HEARS = "hears together"
TOGETHER = "together"


class Part(TypedDict):
    """What one widget has to say."""

    model: str
    state: dict[str, object]
    buffer_paths: list[list[str | int]]
    buffers: list[memoryview]


class Together:
    """Collects the state that widgets send and lets one of them, the speaker, send it for all.

    The order is kept. The speaker's page says that it can take such messages (``js/together.js``); as long as
    it has not, and outside of `collected`, every widget speaks for itself.
    """

    def __init__(self, speaker: anywidget.AnyWidget) -> None:
        self._speaker = speaker
        self._heard = False
        self._collecting = False
        self._parts: list[Part] = []
        self._apart: list[Part] | None = None
        self.followed: WeakValueDictionary[str, w.Widget] = WeakValueDictionary()
        self.said = 0
        """How often anything was said, which is how to see that nothing has changed since."""
        speaker.on_msg(self._on_message)

    @property
    def heard(self) -> bool:
        """Whether the page takes messages of many widgets."""
        return self._heard

    def follow(self, root: w.Widget) -> None:
        """Collect from a widget and from all that are parts of it, also from those not shown now."""
        if root.model_id in self.followed:
            return
        self.followed[root.model_id] = root
        root.send_state = self._instead_of(root, root.send_state)
        if root.has_trait("children"):
            root.observe(self._on_children, names="children")
        for part in [*_widgets_in([getattr(root, name) for name in root.keys]), *_widgets_in(vars(root))]:
            self.follow(part)

    def _on_children(self, change: Mapping[str, Iterable[w.Widget]]) -> None:
        for part in change["new"]:
            self.follow(part)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep what is said inside until `flush`, and what is said after it until then: the order stays."""
        self._collecting = self._heard
        try:
            yield
        finally:
            self._collecting = False

    @contextmanager
    def apart(self) -> Iterator[list[Part]]:
        """Give what is said inside, which is not sent."""
        parts: list[Part] = []
        self._apart = parts
        try:
            yield parts
        finally:
            self._apart = None

    def flush(self, **more: str) -> None:
        """Send what has been collected, in one message, which may say more."""
        parts, self._parts = self._parts, []
        if parts or more:
            self.pass_on(parts, kind=TOGETHER, **more)

    def pass_on(self, parts: Iterable[Part], **more: str) -> None:
        """Send these parts in one message."""
        bare = [{key: part[key] for key in ("model", "state", "buffer_paths")} for part in parts]
        buffers = [buffer for part in parts for buffer in part["buffers"]]
        self._speaker.send({**more, "parts": bare}, buffers=buffers)

    def _instead_of(self, widget: w.Widget, send: Callable[..., None]) -> Callable[..., None]:
        def say(key: str | Iterable[str] | None = None) -> None:
            if self._apart is None:
                self.said += 1
                if not (self._collecting or self._parts):
                    send(key)
                    return
            if widget.comm is None:
                return
            state = widget.get_state(key=key)
            if not state:
                return
            # Our own views are JSON all through: to look for buffers in them is most of the work of sending.
            bare, paths, buffers = (
                (state, [], [])
                if isinstance(widget, anywidget.AnyWidget)
                else w.widgets.widget._remove_buffers(state)  # noqa: SLF001 - as send_state does
            )
            part: Part = {"model": widget.model_id, "state": bare, "buffer_paths": paths, "buffers": buffers}
            (self._parts if self._apart is None else self._apart).append(part)

        return say

    def _on_message(self, speaker: object, content: object, buffers: object) -> None:  # noqa: ARG002 - ipywidgets passes them
        if isinstance(content, dict) and content.get("kind") == HEARS:
            self._heard = True


def close_whole(root: object) -> None:
    """Close a widget that has gone from the page, with all that are parts of it."""
    for widget in _widgets_in(root):
        if widget.comm is not None:
            parts = [getattr(widget, name) for name in widget.keys]
            widget.close()
            for part in parts:
                close_whole(part)


def _widgets_in(value: object) -> Iterator[w.Widget]:
    if isinstance(value, w.Widget):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _widgets_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _widgets_in(each)
