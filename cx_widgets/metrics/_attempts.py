"""The attempts behind a funnel: when each chain of rows began, and which rows it went through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.engine import CodedRows, FunnelPaths, Ints, Level

    Longs = NDArray[np.int64]


def starts(rows: CodedRows, paths: FunnelPaths) -> list[Longs]:
    """Return for each level the tick at which the chain of each of its arrivals began."""
    began = [rows.tick[paths.levels[0].arrival].astype(np.int64)]
    for level in paths.levels[1:]:
        began.append(began[-1][level.parent])
    return began


def roots(paths: FunnelPaths, chain: Ints, *, start: int, end: int) -> Ints:
    """Return, for arrivals at the level ``end``, the arrivals at the level ``start`` they came through."""
    for number in range(end - 1, start - 1, -1):
        chain = paths.levels[number].parent[chain]
    return chain


def matched(paths: FunnelPaths, stage: int) -> tuple[Longs, Longs]:
    """Return the customers who reached a stage, and the coded row that their deepest chain has there."""
    owners, chains = [], []
    for number in range(stage, len(paths.levels) + 1):
        level = paths.levels[number - 1]
        ends = paths.reach[level.customer] == number
        owners.append(level.customer[ends])
        chains.append(roots(paths, level.first[ends], start=stage, end=number))
    owner = np.concatenate(owners).astype(np.int64)
    order = np.argsort(owner, kind="stable")
    position = paths.levels[stage - 1].arrival[np.concatenate(chains).astype(np.int64)]
    return owner[order], position[order].astype(np.int64)


def last_arrivals(rows: CodedRows, level: Level) -> Longs:
    """Return the index of the last arrival of each customer of a level."""
    owner = rows.customer[level.arrival]
    return np.flatnonzero(np.append(owner[1:] != owner[:-1], True)[: len(owner)])


def entry_rows(rows: CodedRows, paths: FunnelPaths) -> Longs:
    """Return the coded row at which each entrant's counted attempt began.

    Of those who converted the start of the chain that did, the latest that converts at that moment; of all
    others their last entry: the attempt that had, or still has, the chance to convert.
    """
    first = paths.levels[0]
    entry = first.arrival[last_arrivals(rows, first)].astype(np.int64)
    done = paths.reach[first.customer] == len(paths.levels)
    root = roots(paths, paths.levels[-1].first, start=1, end=len(paths.levels))
    entry[done] = first.arrival[root]
    return entry
