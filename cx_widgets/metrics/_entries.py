"""When each line of a funnel entered: the entry that counts, and every start there was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets import _runs
from cx_widgets.engine import attempt_rows, funnel_paths, is_special, may_go_on, outcomes, unit_rows
from cx_widgets.metrics import _attempts
from cx_widgets.metrics._customers import in_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, CodedRows, Ints
    from cx_widgets.engine._outcomes import Outcomes
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]


class Entries(NamedTuple):
    """One entry of each line that entered: the line, the tick, and the position of the row in the log."""

    line: Longs
    tick: Longs
    row: Longs


class Starts(NamedTuple):
    """Every start that counts: its line and tick, whether it led to conversion, and whether it still may."""

    line: Longs
    tick: Longs
    converted: Bools
    going: Bools


def entries(log: EventLog, definition: Definition) -> Entries:
    """Return the entry that counts of everybody who entered, by line.

    Of those who converted the start of the attempt that did, the latest that converts at that moment; of
    all others the last start that no exclusion met, or where each met one the last of all.
    """
    rows, paths = attempt_rows(log, definition), funnel_paths(log, definition)
    if rows is not None:
        at = _attempts.entry_rows(rows, paths)
        return Entries(*(part[at].astype(np.int64) for part in (rows.customer, rows.tick, rows.row)))
    attempts = outcomes(log, definition).attempts
    kept = np.flatnonzero(attempts.subject >= 0)
    end = attempts.arrivals[kept, -1]
    done = end >= 0
    start = attempts.start[kept]
    # Best first: the earliest conversion, the earliest stage to begin at, the latest start; or what goes on.
    order = np.lexsort(
        (
            -start,
            np.where(done, attempts.level[kept], ~attempts.going[kept]),
            np.where(done, end, 0),
            ~done,
            attempts.subject[kept],
        )
    )
    best = kept[order[_runs.begins(attempts.subject[kept][order])]]
    line, row = attempts.subject[best], attempts.entry[best].copy()
    if paths.chains is not None and definition.rules.order != "any":
        # Of several rows at one time the one that the chain of the matched rows begins with.
        begins = paths.chains.position[_runs.begins(paths.chains.subject)]
        converted = attempts.arrivals[best, -1] >= 0
        row[converted] = begins[converted]
    return Entries(line, attempts.start[best], row)


def starts(log: EventLog, definition: Definition) -> Starts:
    """Return every start, also of those who entered again before or after they converted."""
    rows, paths = attempt_rows(log, definition), funnel_paths(log, definition)
    if rows is None:
        attempts = outcomes(log, definition).attempts
        kept = attempts.subject >= 0
        return Starts(
            attempts.subject[kept],
            attempts.start[kept],
            attempts.arrivals[kept, -1] >= 0,
            attempts.going[kept] & may_go_on(log, definition, attempts.at[kept]),
        )
    first = paths.levels[0].arrival
    line, tick = rows.customer[first].astype(np.int64), rows.tick[first].astype(np.int64)
    at = first.astype(np.int64)
    if not is_special(definition):
        window = definition.rules.duration
        converted = _earliest_end(rows, at, rows.tick, None if window is None else log.to_ticks(window))
        return Starts(line, tick, converted, in_time(log, definition, tick))
    laid = unit_rows(log, definition)
    converted = _earliest_end(rows, at, laid.units.clock[laid.coded], laid.way.window)
    return Starts(line, tick, converted, may_go_on(log, definition, laid.coded[at]))


def _earliest_end(rows: CodedRows, at: Longs, clock: Ints, window: int | None) -> Bools:
    """Return which starts lead to the last stage in time, each by the next row of one stage after another."""
    here, on_time = at, np.ones(len(at), dtype=bool)
    for stage in range(2, rows.n_stages + 1):
        places = np.append(np.flatnonzero(rows.stage == stage), len(rows.stage))
        following = places[np.searchsorted(places, here, side="right").clip(max=len(places) - 1)]
        on_time &= following < len(rows.stage)
        following = np.where(on_time, following, at)
        on_time &= rows.customer[following] == rows.customer[at]
        here = np.where(on_time, following, at)
    if window is not None:
        on_time &= clock[here].astype(np.int64) - clock[at] <= window
    return on_time


def touches(log: EventLog, definition: Definition) -> tuple[Longs, Longs, Bools]:
    """Return the rows in a stage of every line, and which of them lie not behind its conversion.

    Lines and positions in the packed log stand in the order in which the rows are read. An attempt has the
    rows from its start up to that of the next.
    """
    coded, paths = attempt_rows(log, definition), funnel_paths(log, definition)
    if coded is not None:
        until = np.full(len(paths.reach), len(coded.row), dtype=np.int64)
        goal = paths.levels[-1]
        until[goal.customer] = goal.arrival[goal.first]
        counts = np.arange(len(coded.row)) <= until[coded.customer]
        return coded.customer.astype(np.int64), coded.row.astype(np.int64), counts
    found = outcomes(log, definition)
    rows = found.rows
    at = np.flatnonzero(rows.stages.any(axis=0))
    line = rows.unit[at]
    if definition.rules.count == "attempts":
        line = _owner(found, at)
        at, line = at[line >= 0], line[line >= 0]
    stage = np.argmax(rows.stages[:, at], axis=0) if definition.rules.ties != "row" else np.zeros(len(at))
    order = np.lexsort((at, stage, rows.tick[at], line))
    line, position = line[order].astype(np.int64), rows.position[at[order]]
    until = np.full(len(paths.reach), len(line), dtype=np.int64)
    done = np.flatnonzero(paths.reach == len(paths.levels))
    if paths.chains is not None and len(done):
        # The row that converted is the last of the matched ones, however they stand.
        place = np.full(log.n_events, -1, dtype=np.int64)
        place[position] = np.arange(len(position))
        last = np.full(len(paths.reach), -1, dtype=np.int64)
        np.maximum.at(last, paths.chains.subject, place[paths.chains.position])
        until[done] = last[done]
    return line, position, np.arange(len(line)) <= until[line]


def _owner(found: Outcomes, at: Longs) -> Longs:
    """Return the attempt that each row belongs to, -1 for none: the last to begin up to there."""
    rows, attempts = found.rows, found.attempts
    width, size = int(rows.held.max(initial=0)) + 2, len(rows.unit)
    key = (rows.unit * width + rows.held + 1) * (size + 1)
    begins = key[attempts.at] + attempts.at
    order = np.argsort(begins)
    place = np.searchsorted(begins[order], key[at] + at, side="right") - 1
    chosen = order[np.maximum(place, 0)] if len(order) else np.zeros(len(at), dtype=np.int64)
    if not len(order):
        return np.full(len(at), -1, dtype=np.int64)
    same = (place >= 0) & (key[attempts.at[chosen]] == key[at])
    return np.where(same, attempts.subject[chosen], -1)
