"""The engine that needs nothing but numpy: whole arrays, no loop over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.engine._protocol import Chains, CodedRows, FunnelPaths, Level, Purchases, Visits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cx_widgets.engine._protocol import Bools, Bytes, Ints
    from cx_widgets.log import Packed

_INT32_MAX = np.iinfo(np.int32).max


class NumpyEngine:
    """The reference engine: exact, in memory, a few passes over the rows for each stage."""

    def code(self, packed: Packed, stage_of_rows: Bytes, n_stages: int, *, by_row: bool = False) -> CodedRows:
        """Return the rows that lie in a stage, at ties in stage order or as in the frame."""
        row: Ints = np.flatnonzero(stage_of_rows)
        if len(stage_of_rows) <= _INT32_MAX:
            row = row.astype(np.int32)
        stage, tick, customer = stage_of_rows[row], packed.ticks[row], packed.customers[row]
        if packed.has_ties and not by_row:
            order = order_inside_ticks(customer, tick, stage)
            if order is not None:
                # Customer and tick are equal wherever rows change places.
                stage, row = stage[order], row[order]
        return CodedRows(
            customer=customer,
            tick=tick,
            stage=stage,
            row=row,
            n_customers=len(packed.offsets) - 1,
            n_stages=n_stages,
            end_tick=packed.end_tick,
        )

    def funnel(self, rows: CodedRows, window: int | None) -> FunnelPaths:
        """Return how far each customer gets through the stages in order.

        Level by level. The latest start of the chains that reached a level never moves back along a
        customer's rows, so a row extends the level before exactly if it lies inside the window of the last
        arrival there.
        """
        levels = [_entries(rows)]
        start = rows.tick[levels[0].arrival]
        for stage in range(2, rows.n_stages + 1):
            level, start = _extended(rows, stage, levels[-1], start, window)
            levels.append(level)
        reach = np.zeros(rows.n_customers, dtype=np.uint8)
        for number, level in enumerate(levels, start=1):
            reach[level.customer] = number
        entries = levels[0].arrival
        last = _last_of_run(rows.customer[entries])
        return FunnelPaths(reach=reach, levels=tuple(levels), last_entry=rows.tick[entries[last]])

    def visits(self, rows: CodedRows, *, merged: bool = True) -> Visits:
        """Return the visits: runs of rows in one stage, or each row."""
        first = _first_of_run(rows.customer)
        begins: Ints | slice = slice(None)
        if merged:
            begins = np.flatnonzero(first | _first_of_run(rows.stage))
            first = first[begins]
        return Visits(
            customer=rows.customer[begins],
            stage=rows.stage[begins],
            start=rows.tick[begins],
            first=first,
            last=np.append(first[1:], True)[: len(first)],
        )

    def purchases(self, rows: CodedRows, buying: Iterable[int], researching: Iterable[int]) -> Purchases:
        """Return the purchases."""
        bought = np.flatnonzero(_chosen(buying)[rows.stage])
        customer, tick = rows.customer[bought], rows.tick[bought]
        new_customer = _first_of_run(customer)
        at = bought[new_customer | _first_of_run(tick)]
        customer, tick = rows.customer[at], rows.tick[at]
        repeat = ~_first_of_run(customer)
        # Researching rows up to each position; those at the tick of the purchase before do not count.
        research = np.flatnonzero(_chosen(researching)[rows.stage])
        return Purchases(
            customer=customer,
            tick=tick,
            repeat=repeat,
            researched=_researched(rows, research, at, repeat),
        )


def chains_of(rows: CodedRows, paths: FunnelPaths) -> Chains:
    """Return the matched rows of a funnel whose levels know the parents of their arrivals."""
    subjects, stages, positions = [], [], []
    chains = np.empty(0, dtype=np.int64)
    owners = np.empty(0, dtype=np.int64)
    for number in range(len(paths.levels), 0, -1):
        level = paths.levels[number - 1]
        if number < len(paths.levels):
            chains = paths.levels[number].parent[chains]
        ends = paths.reach[level.customer] == number
        chains = np.concatenate([chains, level.first[ends]])
        owners = np.concatenate([owners, level.customer[ends]])
        subjects.append(owners)
        stages.append(np.full(len(chains), number))
        positions.append(level.arrival[chains])
    subject, stage, position = (np.concatenate(part) for part in (subjects, stages, positions))
    order = np.lexsort((stage, subject))
    return Chains(subject[order], stage[order], rows.row[position[order]])


def order_inside_ticks(customer: Ints, tick: Ints, stage: Bytes) -> Ints | None:
    """Return the order that puts stages in order inside equal ticks; None if they are."""
    tied = (customer[1:] == customer[:-1]) & (tick[1:] == tick[:-1])
    falls = np.flatnonzero(tied & (stage[1:] < stage[:-1]))
    if not len(falls):
        return None
    group = np.concatenate([np.zeros(1, np.int64), np.cumsum(~tied)])
    wrong = np.zeros(int(group[-1]) + 1, dtype=bool)
    wrong[group[falls]] = True
    moved = np.flatnonzero(wrong[group])
    order = np.arange(len(stage))
    order[moved] = moved[np.lexsort((stage[moved], group[moved]))]
    return order


def _entries(rows: CodedRows) -> Level:
    arrival = np.flatnonzero(rows.stage == 1)
    customer = rows.customer[arrival]
    first = np.flatnonzero(_first_of_run(customer))
    reached = rows.tick[arrival[first]]
    return Level(
        customer=customer[first],
        reached=reached,
        entered=reached,
        previous=reached,
        first=first,
        arrival=arrival,
        parent=np.empty(0, dtype=np.int64),
    )


def _extended(
    rows: CodedRows, stage: int, before: Level, start: Ints, window: int | None
) -> tuple[Level, Ints]:
    """Return the next level and the latest start of each of its arrivals."""
    here = np.flatnonzero(rows.stage == stage)
    latest = np.searchsorted(before.arrival, here) - 1
    here, latest = here[latest >= 0], latest[latest >= 0]
    inside = rows.customer[before.arrival[latest]] == rows.customer[here]
    if window is not None:
        inside &= rows.tick[here] - start[latest] <= window
    arrival, latest = here[inside], latest[inside]
    # Arrivals of one customer with one start lie together; a chain goes through the earliest of them.
    together = _first_of_run(rows.customer[before.arrival]) | _first_of_run(start)
    earliest = np.maximum.accumulate(np.where(together, np.arange(len(together)), 0))
    parent = earliest[latest]
    customer = rows.customer[arrival]
    first = np.flatnonzero(_first_of_run(customer))
    level = Level(
        customer=customer[first],
        reached=rows.tick[arrival[first]],
        entered=start[latest[first]],
        previous=rows.tick[before.arrival[parent[first]]],
        first=first,
        arrival=arrival,
        parent=parent,
    )
    return level, start[latest]


def _researched(rows: CodedRows, research: Ints, at: Ints, repeat: Bools) -> Bools:
    """Return whether a researching row lies between each purchase and the one before."""
    latest = np.searchsorted(research, at) - 1
    if not len(research):
        return np.zeros(len(at), dtype=bool)
    found = research[latest]
    same: Bools = (latest >= 0) & (rows.customer[found] == rows.customer[at])
    since: Bools = rows.tick[found] > np.roll(rows.tick[at], 1)
    return same & (since | ~repeat)


def _chosen(stages: Iterable[int]) -> Bools:
    table = np.zeros(256, dtype=bool)
    table[list(stages)] = True
    return table


def _first_of_run(values: Ints | Bytes) -> Bools:
    """Return where a value differs from the one before it; the first one does."""
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def _last_of_run(values: Ints) -> Ints:
    """Return the last position of each run of equal values."""
    return np.flatnonzero(np.append(values[1:] != values[:-1], True)[: len(values)])
