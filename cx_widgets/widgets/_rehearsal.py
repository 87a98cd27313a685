"""What an edit would show, drawn before it comes and taken back, so that the page has it when it comes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import ipywidgets as w

    from cx_widgets.definition import Definition
    from cx_widgets.widgets._base import Face
    from cx_widgets.widgets._together import Part, Together

    Inside = Mapping[w.Widget, tuple[dict[str, object], dict[str, object]]]
    """The attributes of widgets, and the values of their traits."""

READY = "ready"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """What was rehearsed, for which draft, and when."""

    name: str
    definition: Definition
    baseline: Definition
    revision: int
    said: int
    faces: Sequence[Face]
    parts: Sequence[Part]
    inside: Inside


class Rehearsal:
    """Draws views for a definition that may come, tells the page what they said, and takes the drawing back.

    Everything inside the widgets is as before then, down to the objects. An edit that brings this definition,
    while nothing else has changed, puts the drawing back by a look-up, and the page is told to show it.
    """

    def __init__(self, together: Together) -> None:
        self._together = together
        self._ready: Ready | None = None
        self._last: Sequence[Part] = ()
        self.runs = False

    @property
    def stands(self) -> bool:
        """Whether the page holds something in readiness."""
        return self._ready is not None

    def forget(self) -> None:
        """Let go of what is held in readiness: the page has done so."""
        self._ready = None

    def run(self, name: str, definition: Definition, revision: int, faces: Iterable[Face]) -> None:
        """Rehearse a definition for the page, which has given it a name."""
        together = self._together
        drawn = [face for face in faces if face.rehearses]
        if not together.heard or not drawn:
            return
        before = _inside(together.followed.values())
        self.runs = True
        try:
            with together.apart() as parts:
                for face in drawn:
                    face._rehearse(definition, revision)  # noqa: SLF001 - a face, of our own
            after = _changed(before)
        except Exception:
            # The edit itself will show it, if it comes.
            _logger.exception("cx_widgets: rehearsal")
            return
        finally:
            self.runs = False
            _put(before)
        baseline = drawn[0].baseline
        self._ready = Ready(name, definition, baseline, revision, together.said, drawn, parts, after)
        together.pass_on(parts, kind=READY, id=name)

    def taken(self, revision: int, definition: Definition, baseline: Definition) -> Ready | None:
        """Put back what was rehearsed where it is for this draft; else return None, and let go of it."""
        ready, self._ready = self._ready, None
        if ready is None:
            return None
        self._last = ready.parts
        asked = revision, definition, baseline, self._together.said
        if asked != (ready.revision, ready.definition, ready.baseline, ready.said):
            return None
        _put(ready.inside)
        return ready

    def say_again(self) -> None:
        """Say how everything is now that was rehearsed last: a page shows it, or has not heard of it."""
        for part in self._last:
            widget = self._together.followed.get(part["model"])
            if widget is not None:
                widget.send_state(list(part["state"]))


def _traits(widget: w.Widget) -> dict[str, object]:
    """Return where traitlets keeps the values: to write there tells no observer."""
    values: dict[str, object] = widget._trait_values  # noqa: SLF001 - there is no other way in
    return values


def _inside(widgets: Iterable[w.Widget]) -> Inside:
    return {widget: (dict(vars(widget)), dict(_traits(widget))) for widget in widgets}


def _changed(before: Inside) -> Inside:
    """Return what is another object now."""
    changed = {}
    for widget, (own, traits) in before.items():
        now = (_others(vars(widget), own), _others(_traits(widget), traits))
        if any(now):
            changed[widget] = now
    return changed


def _others(now: Mapping[str, object], before: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in now.items() if name not in before or value is not before[name]}


def _put(inside: Inside) -> None:
    for widget, (own, traits) in inside.items():
        vars(widget).update(own)
        _traits(widget).update(traits)
