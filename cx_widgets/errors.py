"""The errors users see: one class, and the sentences that are built from facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 10


class CXError(ValueError):
    """Something the caller can put right; the message says what, with which value, and how."""


def listing(names: Iterable[object], limit: int = _SHOWN) -> str:
    """Return names as a bracketed list, cut to ``limit`` with the number left out."""
    shown = [repr(name) for name in names]
    rest = len(shown) - limit
    return "[" + ", ".join(shown[:limit]) + (f", ... {rest} more" if rest > 0 else "") + "]"


def nearest(value: object, names: Iterable[object]) -> str | None:
    """Return the name most like the value, or None where none is alike."""
    # Imported here: it costs a tenth of the package's import, and is wanted once something is wrong.
    from difflib import get_close_matches  # noqa: PLC0415

    near = get_close_matches(str(value), [str(name) for name in names], n=1, cutoff=0.6)
    return near[0] if near else None


def a_kind(value: object) -> str:
    """Return of what type a value is, with its article."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def unknown(kind: str, value: object, available: Iterable[object], *, then: str = "") -> CXError:
    """Return the error for a name that does not exist: the value, the nearest name, the alternatives."""
    names = list(available)
    near = nearest(value, names)
    hint = f" Did you mean {near!r}?" if near is not None else ""
    then = f" {then}" if then else ""
    return CXError(f"unknown {kind} {value!r}.{hint} Available: {listing(names)}.{then}")
