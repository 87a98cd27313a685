"""The compiled kernels: which file fits this machine, and how its functions are called."""

from __future__ import annotations

import ctypes
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from ctypes import POINTER, Structure, c_double, c_int, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Array = NDArray[Any]

ENGINE = "CX_WIDGETS_ENGINE"
THREADS = "CX_WIDGETS_THREADS"
ASKS = "cx_widgets-asks"
"""How the names of threads begin that ask for several answers at once."""
FOLDER = Path(__file__).parent / "_kernels"
INTERFACE = 8
"""The age of the signatures below, as `cx_interface` in native/cpu.cpp has it."""

_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
_LEVELS = {4: "v4", 3: "v3", 2: "v2"}


class NoLibraryError(Exception):
    """Why the compiled kernels cannot be used here."""


class Log(Structure):
    """`AnyLog` of native/kernels.h."""

    _fields_ = (
        ("code_bytes", c_int64),
        ("tick_bytes", c_int64),
        ("has_ties", c_int64),
        ("offsets", c_void_p),
        ("codes", c_void_p),
        ("ticks", c_void_p),
        ("stage_of_code", c_void_p),
    )


class Room(Structure):
    """`Room` of native/kernels.h."""

    _fields_ = (
        ("stage", c_void_p),
        ("tick", c_void_p),
        ("row", c_void_p),
        ("spare_stage", c_void_p),
        ("spare_row", c_void_p),
    )


class Arrivals(Structure):
    """`Arrivals` of native/funnel.cpp."""

    _fields_ = (
        ("customer", c_void_p),
        ("reached", c_void_p),
        ("entered", c_void_p),
        ("previous", c_void_p),
        ("first", c_void_p),
        ("arrival", c_void_p),
        ("parent", c_void_p),
        ("customers", c_int64),
        ("arrivals", c_int64),
    )


class Lanes(Structure):
    """`Lanes` of native/lanes.h."""

    _fields_ = (
        ("first_row", c_void_p),
        ("customer", c_void_p),
        ("ticks", c_void_p),
        ("stage", c_void_p),
    )


class Asked(Structure):
    """`Asked` of native/kernels.h."""

    _fields_ = (
        ("n_stages", c_int64),
        ("window", c_int64),
        ("patience", c_int64),
        ("end_tick", c_int64),
    )


class Told(Structure):
    """`Told` of native/totals.cpp."""

    _fields_ = (
        ("reached", c_void_p),
        ("open", c_void_p),
        ("deepest", c_void_p),
        ("took", c_void_p),
        ("since_entry", c_void_p),
        ("since_previous", c_void_p),
        ("listed", c_void_p),
        ("room", c_int64),
    )


class Lost(Structure):
    """`Lost` of native/losses.cpp."""

    _fields_ = (("deepest", c_void_p), ("why", c_void_p), ("took", c_void_p))


class Wanted(Structure):
    """`Wanted` of native/buyers.cpp."""

    _fields_ = (
        ("buying", c_void_p),
        ("researching", c_void_p),
        *((name, c_int64) for name in ("end_tick", "times", "over", "longest")),
    )


class Buyers(Structure):
    """`Buyers` of native/buyers.cpp."""

    _fields_ = tuple(
        (name, c_void_p)
        for name in ("customer", "first", "until_second", "bought", "looped", "returned", "retained")
    )


class Sums(Structure):
    """`Sums` of native/moves.cpp."""

    _fields_ = tuple(
        (name, c_void_p)
        for name in (
            *("count", "customers", "squares", "products", "of_all"),
            *("leavers", "left_squares", "skips", "backs", "between", "every"),
        )
    )


class Piles(Structure):
    """`Piles` of native/moves.cpp."""

    _fields_ = (
        ("free", c_void_p),
        ("bytes", c_int64),
        ("taken", c_int64),
        ("owner", c_void_p),
        ("next", c_void_p),
    )


class Groups(Structure):
    """`Groups` of native/select.cpp."""

    _fields_ = (("first_piece", c_void_p), ("piece", c_void_p), ("length", c_void_p))


class Numbering(Structure):
    """`Numbering` of native/numbering.cpp."""

    _fields_ = (
        ("slots", c_void_p),
        ("n_slots", c_int64),
        ("entries", c_void_p),
        ("first", c_void_p),
        ("count", c_int64),
    )


class Own(Structure):
    """`Own` of native/moves.cpp."""

    _fields_ = (("moves", c_void_p), ("left", c_void_p), ("touched", c_void_p), ("stages", c_void_p))


class Paths(Structure):
    """`Journeys` of native/journeys.cpp."""

    _fields_ = (
        *((name, c_void_p) for name in ("touch", "tick", "begins", "purchase", "later", "repeat", "value")),
        *((name, c_int64) for name in ("touches", "paths", "purchases")),
    )


class Brands(Structure):
    """`Brands` of native/ways.cpp."""

    _fields_ = (
        ("kind_of_stage", c_void_p),
        ("brand_of_row", c_void_p),
        *((name, c_int64) for name in ("bytes", "own", "purchases")),
        *((name, c_void_p) for name in ("flags", "held", "met")),
        ("n_customers", c_int64),
        *((name, c_void_p) for name in ("entries", "ways", "brands")),
    )


class Ways(Structure):
    """`Ways` of native/ways.cpp."""

    _fields_ = (
        *((name, c_void_p) for name in ("buying", "side", "stay", "touch_of_row")),
        ("bytes", c_int64),
        *((name, c_void_p) for name in ("times", "touched", "led", "after", "both")),
        *((name, c_int64) for name in ("weighed", "moved", "bent", "longer", "shorter")),
    )


class UnitRows(Structure):
    """`UnitRows` of native/attempts.cpp."""

    _fields_ = (
        *((name, c_int64) for name in ("code_bytes", "tick_bytes")),
        *((name, c_void_p) for name in ("first_row", "position", "codes", "ticks")),
        *((name, c_void_p) for name in ("stages_of_code", "excluded_of_code", "held", "clock")),
    )


class SpecialRules(Structure):
    """`Rules` of native/attempts.cpp."""

    _fields_ = (
        *((name, c_int64) for name in ("n_levels", "n_exclusions", "n_blocks", "order", "entry", "open")),
        *((name, c_int64) for name in ("ties", "grace", "reuse", "one_by_one", "window")),
        *((name, c_void_p) for name in ("own_window", "optional", "directly", "prior", "block")),
        *((name, c_void_p) for name in ("after", "before", "effect")),
    )


class AttemptSpace(Structure):
    """`Space` of native/attempts.cpp."""

    _fields_ = tuple(
        (name, c_void_p)
        for name in (
            *("row", "tick", "bits", "excluded", "track", "ordered", "begins", "of_value", "unit_of_value"),
            *("lowest", "run_begin", "run_end", "foreign"),
            *("slot_tick", "slot_clock", "slot_bits", "slot_excluded", "slot_rows"),
            *("at", "reached", "parent", "states", "met", "start", "done", "soonest"),
        )
    )


class Attempts(Structure):
    """`Answer` of native/attempts.cpp."""

    _fields_ = (
        ("room", c_int64),
        *((name, c_void_p) for name in ("unit", "depth", "began")),
        *((name, c_void_p) for name in ("waiting", "waiting_tick", "waiting_clock")),
        *((name, c_void_p) for name in ("reach", "reached", "entered", "previous")),
        *((name, c_void_p) for name in ("chain", "chain_stage", "chain_position", "left", "at_level")),
        *((name, c_int64) for name in ("lines", "waits", "matches", "lefts")),
    )


class Division(Structure):
    """`Division` of native/credit.cpp."""

    _fields_ = (
        *((name, c_void_p) for name in ("touch", "begins", "purchase", "later", "value")),
        ("touches", c_int64),
        ("paths", c_int64),
        ("line_of_touch", c_void_p),
        ("lines", c_int64),
        ("direct", c_int64),
        ("ends", c_double),
        *((name, c_void_p) for name in ("weight", "together", "met", "counts", "earned", "shares", "steps")),
    )


class Lengths(Structure):
    """`Lengths` of native/reasons.cpp."""

    _fields_ = (*((name, c_int64) for name in ("tick", "window", "counted")), ("own", c_void_p))


class Outcomes(Structure):
    """`Outcomes` of native/reasons.cpp."""

    _fields_ = (
        ("room", c_int64),
        *((name, c_void_p) for name in ("unit", "began", "reason", "missed", "by", "cause", "overshoot")),
        *((name, c_void_p) for name in ("whose", "line", "at", "entry", "start", "level", "over")),
        *((name, c_void_p) for name in ("arrivals", "gone", "gone_began", "gone_by", "gone_cause")),
        *((name, c_void_p) for name in ("left", "cost")),
        *((name, c_int64) for name in ("lines", "tries", "departures", "lefts")),
    )


_ANY = c_void_p
_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "cx_interface": (c_int, []),
    "cx_cpu_level": (c_int, []),
    "cx_count_in_stage": (c_int64, [POINTER(Log), c_int64, c_int64]),
    "cx_customers": (None, [POINTER(Log), c_int64, c_int64, _ANY]),
    "cx_code": (c_int64, [POINTER(Log), c_int64, c_int64, POINTER(Room), _ANY, _ANY, _ANY, _ANY]),
    "cx_purchases": (
        c_int64,
        [POINTER(Log), c_int64, c_int64, POINTER(Room), _ANY, _ANY, _ANY, _ANY, _ANY, _ANY],
    ),
    "cx_visits": (c_int64, [c_int64, c_int64, _ANY, _ANY, _ANY, c_int64, _ANY, _ANY, _ANY, _ANY, _ANY]),
    "cx_paths": (
        None,
        [c_int64, c_int64, _ANY, _ANY, _ANY, c_int64, c_int64, c_int64, POINTER(Arrivals), _ANY, _ANY],
    ),
    "cx_lay_out_codes": (None, [c_int64, _ANY, _ANY, _ANY, _ANY, c_int64, c_int64, _ANY]),
    "cx_lay_out_ticks": (None, [_ANY, _ANY, _ANY, _ANY, c_int64, c_int64, _ANY]),
    "cx_totals_of_lanes": (c_int, [POINTER(Lanes), c_int64, c_int64, POINTER(Asked), POINTER(Told)]),
    "cx_totals_of_customers": (
        None,
        [POINTER(Log), _ANY, c_int64, c_int64, POINTER(Room), POINTER(Asked), POINTER(Told)],
    ),
    "cx_losses_of_lanes": (c_int, [POINTER(Lanes), c_int64, c_int64, POINTER(Asked), POINTER(Lost)]),
    "cx_losses_of_customers": (
        None,
        [POINTER(Log), _ANY, c_int64, c_int64, POINTER(Room), POINTER(Asked), POINTER(Lost)],
    ),
    "cx_buyers": (
        c_int64,
        [POINTER(Log), c_int64, c_int64, POINTER(Room), POINTER(Wanted), POINTER(Buyers)],
    ),
    "cx_buyers_in_lanes": (
        None,
        [POINTER(Lanes), *(c_int64,) * 4, POINTER(Wanted), _ANY, _ANY],
    ),
    "cx_list_buyers": (c_int64, [_ANY, c_int64, c_int64, POINTER(Buyers)]),
    "cx_who": (None, [POINTER(Log), _ANY, c_int64, c_int64, _ANY]),
    "cx_moves": (
        None,
        [
            *(POINTER(Log), _ANY, c_int64, c_int64, POINTER(Room), c_int64, c_int64, c_int64),
            *(POINTER(Sums), POINTER(Own), POINTER(Piles)),
        ],
    ),
    "cx_moves_in_lanes": (
        c_int,
        [POINTER(Lanes), c_int64, c_int64, c_int64, c_int64, c_int64, POINTER(Sums), POINTER(Piles)],
    ),
    "cx_journeys": (
        None,
        [
            *(POINTER(Log), c_int64, c_int64, POINTER(Room), _ANY, _ANY, c_int64, _ANY, c_int64),
            POINTER(Paths),
        ],
    ),
    "cx_divide": (None, [POINTER(Division)]),
    "cx_ages": (c_int64, [POINTER(Division), c_int64, _ANY, _ANY, _ANY, POINTER(c_int64)]),
    "cx_brands": (None, [POINTER(Log), c_int64, c_int64, POINTER(Room), POINTER(Brands)]),
    "cx_ways": (None, [POINTER(Log), c_int64, c_int64, POINTER(Room), POINTER(Ways)]),
    "cx_last_in": (None, [POINTER(Log), _ANY, c_int64, c_int64, _ANY]),
    "cx_attempts": (
        None,
        [
            *(POINTER(UnitRows), POINTER(SpecialRules), c_int64, c_int64),
            *(POINTER(AttemptSpace), POINTER(Attempts)),
        ],
    ),
    "cx_reasons": (
        None,
        [
            *(POINTER(UnitRows), POINTER(SpecialRules), c_int64, c_int64),
            *(POINTER(AttemptSpace), POINTER(Lengths), POINTER(Outcomes)),
        ],
    ),
    "cx_ties_in_lanes": (None, [_ANY, _ANY, c_int64, c_int64, _ANY]),
    "cx_stages_of_lanes": (None, [_ANY, c_int64, _ANY, _ANY, _ANY, c_int64, c_int64, _ANY]),
    "cx_seen_in_lanes": (None, [POINTER(Lanes), _ANY, c_int64, c_int64, _ANY]),
    "cx_ranked": (None, [_ANY, c_int64, _ANY, c_int64, _ANY, _ANY]),
    "cx_put_in_order": (None, [_ANY, c_int64, _ANY]),
    "cx_middles": (None, [POINTER(Groups), c_int64, c_int64, _ANY, _ANY, _ANY, _ANY]),
    "cx_survival_median": (c_int64, [POINTER(Groups), c_int64, c_int64, c_double, _ANY]),
    "cx_cross": (None, [c_int64, _ANY, c_int64, _ANY, *(c_int64,) * 4, _ANY]),
    "cx_rows_in": (c_int64, [POINTER(Log), _ANY, c_int64, c_int64, _ANY]),
    "cx_widen": (None, [POINTER(Numbering)]),
    "cx_number_words": (c_int64, [POINTER(Numbering), c_int64, _ANY, _ANY, c_int64, c_int64, _ANY]),
    "cx_number_texts": (
        c_int64,
        [POINTER(Numbering), c_int64, _ANY, _ANY, _ANY, c_int64, c_int64, c_int64, _ANY],
    ),
    "cx_read_texts": (c_int64, [_ANY, _ANY, c_int64, c_int64, _ANY, c_int64, _ANY, _ANY, _ANY]),
    "cx_number_range": (c_int64, [c_int64, _ANY, c_int64, c_int64, c_int64, _ANY, _ANY, c_int64, _ANY]),
    "cx_span": (None, [c_int64, _ANY, c_int64, c_int64, _ANY]),
    "cx_look_up": (None, [c_int64, _ANY, c_int64, c_int64, c_int64, _ANY, c_int64, _ANY]),
    "cx_ticks": (c_int, [_ANY, c_int64, c_int64, c_int64, c_int64, c_int64, c_int64, _ANY]),
    "cx_orders": (c_int, [_ANY, c_int64, _ANY, c_int64, c_int64]),
    "cx_count": (None, [_ANY, c_int64, c_int64, _ANY]),
    "cx_begins": (None, [c_int64, c_int64, _ANY, _ANY]),
    "cx_places": (None, [_ANY, c_int64, c_int64, _ANY]),
    "cx_move": (None, [_ANY, c_int64, c_int64, c_int64, _ANY, _ANY]),
    "cx_by_time": (None, [_ANY, c_int64, c_int64, c_int64, _ANY, c_int64, _ANY, _ANY, _ANY]),
    "cx_repeats": (c_int64, [_ANY, c_int64, c_int64, c_int64, _ANY, c_int64, _ANY, _ANY, _ANY]),
    "cx_customers_of_codes": (None, [_ANY, c_int64, c_int64, c_int64, _ANY, _ANY, _ANY]),
}

_HOLDING = {"cx_read_texts"}


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded file of kernels.

    Attributes
    ----------
    level
        The instruction set it was compiled for: ``"v2"``, ``"v3"``, ``"v4"``, or ``"base"``, the only one.
    path
        The file.
    kernels
        Its functions.
    holding
        The one of them that calls the interpreter, and so holds it.
    """

    level: str
    path: Path
    kernels: ctypes.CDLL
    holding: ctypes.PyDLL


@cache
def load(level: str | None = None) -> Library:
    """Return the best library for this machine, or that of one instruction set.

    Raises
    ------
    NoLibraryError
        Where there is none, or none that this machine and this version can use.
    """
    base = _found(("base", "v2"))
    if base.level == "base":
        if level not in (None, "base"):
            raise NoLibraryError(f"there are no kernels for {level!r} here, only for 'base'")
        return base
    able = base.kernels.cx_cpu_level()
    there = [name for number, name in _LEVELS.items() if number <= able and _path(name).exists()]
    if not there:
        raise NoLibraryError("the processor is older than x86-64-v2")
    if level is not None and level not in there:
        raise NoLibraryError(f"this machine cannot use kernels for {level!r}; it can use {there}")
    return _opened(there[0] if level is None else level)


def levels() -> tuple[str, ...]:
    """Return the instruction sets this machine has kernels for, the best first; none where nothing loads."""
    try:
        best = load()
    except NoLibraryError:
        return ()
    names = ("base",) if best.level == "base" else tuple(_LEVELS.values())
    return tuple(name for name in names[names.index(best.level) :] if _path(name).exists())


def _path(level: str) -> Path:
    return FOLDER / f"kernels_{level}{_SUFFIX}"


def _found(wanted: Iterable[str]) -> Library:
    for level in wanted:
        if _path(level).exists():
            return _opened(level)
    raise NoLibraryError(f"no compiled kernels were installed in {FOLDER}")


@cache
def _opened(level: str) -> Library:
    path = _path(level)
    try:
        kernels, holding = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
        for name, (answer, arguments) in _SIGNATURES.items():
            function = getattr(holding if name in _HOLDING else kernels, name)
            function.restype, function.argtypes = answer, arguments
    except (OSError, AttributeError) as error:
        raise NoLibraryError(f"{path.name} does not load: {error}") from error
    if kernels.cx_interface() != INTERFACE:
        raise NoLibraryError(f"{path.name} belongs to another version of cx_widgets")
    return Library(level, path, kernels, holding)


@cache
def utf8_of_texts() -> int | None:
    """Return where the interpreter has PyUnicode_AsUTF8AndSize; None where kernels cannot call it."""
    # Without a global lock others could change the column while it is read.
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    if sys.implementation.name != "cpython" or not locked:
        return None
    return ctypes.cast(ctypes.pythonapi.PyUnicode_AsUTF8AndSize, c_void_p).value


def threads() -> int:
    """Return how many threads may run kernels: what the environment says, else one for each processor."""
    said = os.environ.get(THREADS, "").strip()
    if said.isdigit() and int(said) > 0:
        return int(said)
    return processors()


def processors() -> int:
    """Return how many processors this process may use."""
    able = getattr(os, "sched_getaffinity", None)
    return len(able(0)) if able else os.cpu_count() or 1


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Return the threads that kernels run on."""
    return ThreadPoolExecutor(threads, thread_name_prefix="cx_widgets")


@cache
def callers(threads: int) -> ThreadPoolExecutor:
    """Return the threads that ask for several answers at once."""
    return ThreadPoolExecutor(threads, thread_name_prefix=ASKS)


# Threads do not live on in the child of a fork, so it starts its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)
    os.register_at_fork(after_in_child=callers.cache_clear)


def at(array: NDArray[Any]) -> int:
    """Return the address of an array's first element, which must lie with the others in one piece."""
    if not array.flags.c_contiguous:
        raise ValueError("a kernel reads arrays in one piece")
    return array.ctypes.data


def whole(array: Array, kind: type[np.generic] | np.dtype[Any]) -> Array:
    """Return the array in one piece and of one type, itself where it is both."""
    return np.ascontiguousarray(array, dtype=kind)
