"""Logs of up to 100 million events, straight in the packed form: no table of strings comes before.

The events are like those of `engine.events`: long tails by customer and by name, sessions, repeats, ties.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

import cx_widgets as cx

YEAR = 365 * 86_400
AT_ONCE = 4_000_000
"""Events made in one piece."""
SHORT_GAPS = 0.78
"""Share of gaps inside a session."""
REPEATED = 0.22
"""Share of events with the name of the one before."""
MOST = 5_000
"""Events of the customer who has the most."""


def names_of(n_names: int) -> list[str]:
    """Return event names, in order and as many as asked for."""
    return [f"event {number:04}" for number in range(n_names)]


def log_of(n: int, n_names: int = 60, seed: int = 7) -> cx.EventLog:
    """Return a log of n events over a year."""
    rng = np.random.default_rng(seed)
    ticks, codes = np.empty(n, np.int32), np.empty(n, np.min_scalar_type(n_names - 1))
    sizes = []
    done = 0
    while done < n:
        own, ticks_here, codes_here = _some(rng, min(AT_ONCE, n - done), n_names)
        ticks[done : done + len(ticks_here)] = ticks_here
        codes[done : done + len(ticks_here)] = codes_here
        sizes.append(own)
        done += len(ticks_here)
    # Every name is there, for an event without rows is no event.
    codes[:n_names] = np.arange(n_names)
    offsets = np.append(0, np.cumsum(np.concatenate(sizes)))
    ticks -= ticks.min()
    return _log(offsets, codes, ticks, names_of(n_names))


def _some(rng: np.random.Generator, n: int, n_names: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sizes of some customers, and ticks and codes of their events."""
    counts = np.exp(rng.normal(1.95, 1.25, max(n // 12, 100))).astype(np.int64) + 1
    ends = np.cumsum(np.minimum(counts, MOST))
    while ends[-1] < n:
        counts = np.exp(rng.normal(1.95, 1.25, max(n // 12, 100))).astype(np.int64) + 1
        ends = np.append(ends, ends[-1] + np.cumsum(np.minimum(counts, MOST)))
    ends = np.minimum(ends[: np.searchsorted(ends, n) + 1], n)
    sizes = np.diff(ends, prepend=0)
    whose = np.repeat(np.arange(len(sizes)), sizes)
    new = np.zeros(n, bool)
    new[ends[:-1]] = new[0] = True
    short = rng.random(n, np.float32) < SHORT_GAPS
    gap = np.where(short, rng.exponential(40, n), rng.lognormal(11.2, 1.6, n)).astype(np.int64)
    gap[new] = 0
    passed = np.cumsum(gap)
    start = rng.integers(0, YEAR, len(sizes)) - passed[new]
    at = (passed + start[whose]) % YEAR
    order = np.argsort(whose * YEAR + at, kind="stable")
    weights = np.cumsum(1 / np.arange(1, n_names + 1) ** 0.9)
    name = np.searchsorted(weights, rng.random(n) * weights[-1])
    repeated = np.flatnonzero((rng.random(n, np.float32) < REPEATED) & ~new)
    name[repeated] = name[repeated - 1]
    return sizes, at[order].astype(np.int32), np.minimum(name[order], n_names - 1)


def _log(offsets: np.ndarray, codes: np.ndarray, ticks: np.ndarray, names: list[str]) -> cx.EventLog:
    """Return a log of packed rows: a small one of a table, and these rows in the place of its own."""
    small = pd.DataFrame({"customer": 0, "time": pd.Timestamp("2025-01-01"), "event": names})
    log = cx.EventLog(small, customer="customer", time="time", event="event")
    n = len(codes)
    within = np.ones(n - 1, bool)
    within[offsets[1:-1] - 1] = False
    for array in (offsets, codes, ticks):
        array.flags.writeable = False
    held = log._held  # noqa: SLF001 - rows that no table was read for
    packed = replace(
        held.packed,
        offsets=offsets,
        codes=codes,
        ticks=ticks,
        places=None,
        end_tick=int(ticks.max()),
        has_ties=bool(((ticks[1:] == ticks[:-1]) & within).any()),
    )
    ids = pd.RangeIndex(len(offsets) - 1)
    made = replace(held, packed=packed, ids=ids, places=None, last_tick=packed.end_tick, table_rows=n)
    return cx.EventLog._of(made)  # noqa: SLF001 - as above
