"""When figures are counted: after an edit in the browser step by step, and only for the newest edit."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cx_widgets.log import EventLog
    from cx_widgets.widgets._together import Together

SLICE_SECONDS = 0.008
"""So long steps follow each other; then the kernel listens whether a newer edit has come."""
TOGETHER_SECONDS = 0.03
"""So long figures wait for each other: the page lays itself out anew for every message."""
PAUSE_SECONDS = 0.001
"""So long it listens: a message passes through several turns of the kernel's loop until it arrives here."""


class Pace:
    """Runs the steps of an edit between the kernel's other messages; a newer edit replaces those not yet run.

    What Python assigns is drawn before the assignment is over. What the browser edits is drawn on the loop of
    the kernel, so that the next edit is heard between two figures, and all of it at once where no loop runs.
    """

    def __init__(
        self, together: Together, *, at_rest: Callable[[], None], stopped: Callable[[], None]
    ) -> None:
        self.sample: EventLog | None = None
        """The customers that previews are counted from; None where the log is small enough without."""
        self._together = together
        self._at_rest, self._stopped = at_rest, stopped
        self._previews: dict[object, Callable[[], None]] = {}
        self._left: dict[object, Callable[[], None]] = {}
        self._ahead: Iterator[Callable[[], object]] = iter(())
        self.editing = False
        self._going = self._counting = False
        self._waits_since = 0.0

    @contextmanager
    def edit(self) -> Iterator[None]:
        """Put off what is drawn inside until the edit is complete."""
        self.editing = True
        self._ahead = iter(())
        try:
            yield
        finally:
            self.editing = False
        if self._going:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._run(until=None)
            return
        self._going = True
        self._waits_since = perf_counter()
        loop.call_soon(self._go, loop)

    def step(
        self, owner: object, action: Callable[[], None], preview: Callable[[EventLog], None] | None = None
    ) -> None:
        """Do something for an owner: now, or within an edit when its turn comes; only the newest is done.

        Where there is a sample, the previews of all owners come before the first action.
        """
        self._previews.pop(owner, None)
        self._left.pop(owner, None)
        if not self.editing:
            action()
            return
        self._left[owner] = action
        if preview is not None and self.sample is not None:
            self._previews[owner] = partial(preview, self.sample)

    def settle(self, owners: Iterable[object]) -> bool:
        """Leave off the steps of owners who need none any more; tell whether none is left."""
        for owner in owners:
            self._left.pop(owner, None)
        return not self._left

    def ahead(self, counts: Iterable[Callable[[], object]]) -> None:
        """Count what an edit that may come will ask for, one after another, until one is there.

        Only what the log keeps is gained by it: the edit finds it counted. Nothing is drawn. Another
        edit that may come takes its place.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._ahead = iter(() if self._going or self.sample is not None else counts)
        if not self._counting:
            self._counting = True
            loop.call_soon(self._count, loop)

    def _count(self, loop: asyncio.AbstractEventLoop) -> None:
        step = next(self._ahead, None)
        self._counting = step is not None
        if step is not None:
            step()
            loop.call_later(PAUSE_SECONDS, self._count, loop)

    def _go(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            with _interruptible():
                self._run(until=perf_counter() + SLICE_SECONDS)
        except KeyboardInterrupt:
            self._previews.clear()
            self._left.clear()
            self._stopped()
            self._together.flush()
        if self._left:
            loop.call_later(PAUSE_SECONDS, self._go, loop)
        else:
            self._going = False

    def _run(self, *, until: float | None) -> None:
        shown = False
        with self._together.collected():
            while waiting := self._previews or self._left:
                waiting.pop(next(iter(waiting)))()
                # Previews are shown, all of them, before the first of the exact figures is begun.
                shown = waiting is self._previews and not waiting
                if until is not None and (shown or perf_counter() >= until):
                    break
            if not self._left:
                self._at_rest()
        now = perf_counter()
        if shown or not self._left or now - self._waits_since >= TOGETHER_SECONDS:
            self._together.flush()
            self._waits_since = now


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the notebook's interrupt stop what runs inside; the kernel ignores it between messages."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
