"""A log in a few lines, and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets._html import escape

if TYPE_CHECKING:
    from cx_widgets.log import EventLog

_SHOWN = 10
_LONGEST = 40


def lines_of(log: EventLog) -> str:
    """Return what is in a log, a line for each fact."""
    return "EventLog\n" + "\n".join(f"  {label:<10} {text}" for label, text in _facts(log))


def table_of(log: EventLog) -> str:
    """Return the same as an HTML table, every text escaped."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
        f'<td dir="auto" style="text-align:left">{escape(text)}</td></tr>'
        for label, text in _facts(log)
    )
    return f"<table><caption>EventLog</caption><tbody>{rows}</tbody></table>"


def _facts(log: EventLog) -> list[tuple[str, str]]:
    counts, names = log.event_counts, log.event_names
    checks = zip(log.checks["check"], log.checks["rows"], strict=True)
    facts = [
        ("customers", f"{log.n_customers:,}"),
        ("events", f"{log.n_events:,}"),
        ("span", f"{log.start} to {log.end}" if log.n_events else ""),
        ("names", _joined([f"{_short(names[i])} {counts[i]:,}" for i in np.argsort(-counts, kind="stable")])),
        ("columns", _joined([_short(name) for name in log.columns])),
        ("checks", _joined([f"{name} {rows:,}" for name, rows in checks if rows])),
        ("memory", _size(log.memory_bytes)),
    ]
    return [(label, text) for label, text in facts if text]


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _joined(texts: list[str]) -> str:
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f", ... {rest:,} more" if rest > 0 else "")


def _size(n: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n} bytes"
