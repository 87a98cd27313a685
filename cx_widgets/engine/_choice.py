"""Which engine counts: the compiled one where it loads, else numpy, or the one the environment asks for."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from threading import current_thread
from typing import TYPE_CHECKING, TypeVar

from cx_widgets import _library
from cx_widgets._library import ENGINE, THREADS
from cx_widgets.engine._native import NativeEngine
from cx_widgets.engine._numpy import NumpyEngine
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cx_widgets.engine._protocol import Engine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Which engine counts, and why.

    Attributes
    ----------
    name
        ``"native"``, the compiled engine, or ``"numpy"``.
    instructions
        The instruction set its kernels were compiled for; empty for numpy.
    threads
        How many threads it may use.
    reason
        Why it is this one.
    """

    name: str
    instructions: str
    threads: int
    reason: str

    def __str__(self) -> str:
        kernels = f" ({self.instructions}, {self.threads} threads)" if self.instructions else ""
        return f"{self.name}{kernels}: {self.reason}"


def engine_info() -> EngineInfo:
    """Return which engine counts the figures, and why this one.

    The compiled engine is taken where its kernels load, the numpy engine anywhere else; both give the same
    numbers. The environment variable ``CX_WIDGETS_ENGINE`` asks for one: ``native``, ``numpy``, or
    ``native-v2``, ``native-v3``, ``native-v4`` for an instruction set; ``CX_WIDGETS_THREADS`` says how many
    threads the compiled engine may use (as many as there are processors). Both are read once, before the
    first figure is counted.

    Returns
    -------
    EngineInfo
        Name, instruction set, threads and reason.

    Raises
    ------
    CXError
        When the variables ask for something that there is not.

    Examples
    --------
    >>> engine_info().name in ("native", "numpy")
    True
    """
    return _chosen()[1]


def engine() -> Engine:
    """Return the engine that counts."""
    return _chosen()[0]


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return what functions return that do not need each other; on several threads where the engine has them.

    Meant for functions that spend their time in numpy and the kernels, which run side by side.
    """
    threads = _chosen()[1].threads
    if threads < 2 or current_thread().name.startswith(_library.ASKS):  # noqa: PLR2004 - nobody to share with
        return [call() for call in calls]
    # Not the threads of the kernels: a call may ask for them and wait.
    return [future.result() for future in [_library.callers(threads).submit(call) for call in calls]]


def available() -> dict[str, Engine]:
    """Return every engine that works here by name, each instruction set for itself."""
    found: dict[str, Engine] = {"numpy": NumpyEngine()}
    for level in _library.levels():
        found[f"native-{level}"] = NativeEngine(_library.load(level), _count(""))
    return found


@contextmanager
def counting_with(other: Engine) -> Iterator[None]:
    """Count with another engine for a while. A log keeps answers, so take a fresh one."""
    before = _choice[:]
    threads = other.threads if isinstance(other, NativeEngine) else 1
    _choice[:] = [(other, EngineInfo(type(other).__name__, "", threads, "asked for by counting_with."))]
    try:
        yield
    finally:
        _choice[:] = before


_choice: list[tuple[Engine, EngineInfo]] = []


def _chosen() -> tuple[Engine, EngineInfo]:
    if not _choice:
        _choice.append(_choose(os.environ.get(ENGINE, ""), os.environ.get(THREADS, "")))
    return _choice[0]


def _choose(asked: str, threads: str) -> tuple[Engine, EngineInfo]:
    name, _, level = asked.strip().lower().partition("-")
    if name not in ("", "native", "numpy") or (name == "numpy" and level):
        raise CXError(
            f"{ENGINE}={asked!r} names no engine. "
            "Say 'native', 'numpy', or 'native-v3' for an instruction set."
        )
    if name == "numpy":
        return NumpyEngine(), EngineInfo("numpy", "", 1, f"{ENGINE} asks for it.")
    try:
        library = _library.load(level or None)
    except _library.NoLibraryError as why:
        if name == "native":
            raise CXError(
                f"{ENGINE}={asked!r} asks for the compiled engine, but {why}. Install a wheel for this "
                "machine, or unset the variable: the numpy engine gives the same numbers."
            ) from why
        return NumpyEngine(), EngineInfo("numpy", "", 1, f"{why}.")
    count = _count(threads)
    reason = f"{ENGINE} asks for it." if name else "its kernels load here."
    return NativeEngine(library, count), EngineInfo("native", library.level, count, reason)


def _count(threads: str) -> int:
    if not threads.strip():
        return _library.processors()
    if not threads.strip().isdigit() or int(threads) < 1:
        raise CXError(f"{THREADS}={threads!r} must be a whole number from 1, e.g. 2.")
    return int(threads)
