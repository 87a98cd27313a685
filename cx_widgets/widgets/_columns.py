"""Which columns of a log a view offers, and which it begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cx_widgets.binding import as_log

if TYPE_CHECKING:
    from cx_widgets.log import EventLog

NONE = ""
_NUMBERS = ("float", "double", "datetime", "timedelta", "bool")
_NAMES = {
    "brand": ("brand", "brands", "brand name", "make", "manufacturer", "marke", "marque"),
    "channel": ("channel", "channels", "touchpoint channel", "marketing channel", "medium", "kanal"),
}


def offered(log: EventLog) -> list[tuple[str, str]]:
    """Return the columns of words as choices, none first."""
    log = as_log(log)
    taken = {log.roles.get(role) for role in ("value", "score")}
    words = [
        name
        for name, kind in log.column_types.items()
        if name not in taken and not str(kind).lower().startswith(_NUMBERS)
    ]
    return [(NONE, "(no column)"), *((name, name) for name in words)]


def guess(log: EventLog, what: str) -> str:
    """Return the column whose name says that it holds brands or channels, or none."""
    known = {" ".join(name.casefold().replace("_", " ").split()): name for name, _ in offered(log)[1:]}
    return next((known[name] for name in _NAMES[what] if name in known), NONE)
