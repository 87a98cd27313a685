"""A log and a definition with special rules, as the rows of units that the general engine reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets.binding import (
    excluded_codes,
    excluded_rows,
    predicates,
    row_codes,
    stage_of_codes,
    stages_of_codes,
    stages_of_rows,
)
from cx_widgets.engine._calendar import calendar_numbers
from cx_widgets.engine._general import UnitRows, Way, general_funnel, paths_of
from cx_widgets.engine._numpy import chains_of, order_inside_ticks
from cx_widgets.engine._outcomes import Lengths, judged, outcomes_of
from cx_widgets.engine._protocol import CodedRows, Subjects, UnitCodes
from cx_widgets.windows import CountedWindow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine._outcomes import Outcomes
    from cx_widgets.engine._protocol import Bools, Bytes, Engine, FunnelPaths, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.rules import Rules

BITS = 64
"""Stages, or exclusions, that one number holds as bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """The rows of a log by unit: coded for the plain funnel, or with all that the general one asks for.

    Attributes
    ----------
    rows
        The rows of stages with units in the place of customers, where rules change nothing else; else every
        row of a unit.
    way
        The rules in numbers.
    n_units, subjects
        How many units there are, and what they are; None for customers.
    units
        Every row of a unit, with or without a stage.
    coded
        Places of the rows among them.
    """

    rows: CodedRows | UnitRows
    way: Way
    n_units: int
    subjects: Subjects | None
    units: Units
    coded: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Every row of a log that belongs to a unit, by unit.

    Attributes
    ----------
    unit, tick, position
        Whose, when, and where in the packed log.
    clock
        What the window is measured on: the time, the place in the unit, the number of the session or of the
        calendar unit.
    first_row
        Unit u owns the rows ``first_row[u]`` to ``first_row[u + 1] - 1``.
    """

    unit: Ints
    tick: Ints
    position: Ints
    clock: Ints
    first_row: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Grouped:
    """The rows of a log by unit, ``in_place`` where they stand as in the packed log; the rules in numbers."""

    rules: Rules
    way: Way
    n_units: int
    subjects: Subjects | None
    units: Units
    in_place: bool


def special_funnel(
    log: EventLog, definition: Definition, engine: Engine, *, by_walking: bool = False
) -> FunnelPaths:
    """Return how far each unit gets through the stages under special rules.

    Where only units, entry or the order of ties differ, the rows are laid out for the plain funnel of the
    engine, unless the general one is asked for (``by_walking``).
    """
    grouped = _grouped(log, definition)
    way, units = grouped.way, grouped.units
    if _only_laid_out(definition, grouped.rules) and not by_walking:
        rows, coded = _laid_out(log, definition, grouped)
        if definition.rules.counted_window is None or way.window is None:
            paths = engine.funnel(rows, way.window)
        else:
            paths = _by_clock(rows, units.clock[coded], way.window, engine)
        paths = replace(paths, subjects=grouped.subjects, chains=chains_of(rows, paths))
        return _closed(log, definition, paths, units)
    codes = _unit_codes(log, definition, grouped)
    if codes is None:
        rows_of_units = _unit_rows(log, definition, grouped)
        paths = general_funnel(rows_of_units, way, grouped.n_units, grouped.subjects)
    else:
        paths = paths_of(engine.attempts(codes, way), way, grouped.n_units, grouped.subjects)
    return _closed(log, definition, paths, units)


def special_outcomes(log: EventLog, definition: Definition, rows: UnitRows, engine: Engine) -> Outcomes:
    """Return what became of each line of a funnel that was walked, by the rows of its units."""
    grouped = _grouped(log, definition)

    def ns(duration: pd.Timedelta | None) -> int | None:
        return None if duration is None else int(duration.as_unit("ns").value)

    steps = tuple(ns(stage.window) for stage in definition.stages)
    lengths = Lengths(log.packed.tick_ns, ns(definition.rules.duration), steps)
    codes = _unit_codes(log, definition, grouped)
    if codes is None:
        found = judged(rows, grouped.way, lengths)
    else:
        found = engine.reasons(codes, grouped.way, lengths)
    return outcomes_of(found, rows, grouped.way, grouped.n_units)


def laid(log: EventLog, definition: Definition, *, by_walking: bool = False) -> Laid:
    """Return the rows of the log by unit, as the funnel under the rules of the definition reads them."""
    grouped = _grouped(log, definition)
    way, n_units, subjects, units = grouped.way, grouped.n_units, grouped.subjects, grouped.units
    if _only_laid_out(definition, grouped.rules) and not by_walking:
        rows, coded = _laid_out(log, definition, grouped)
        return Laid(rows, way, n_units, subjects, units, coded)
    every_place = np.arange(len(units.unit))
    return Laid(_unit_rows(log, definition, grouped), way, n_units, subjects, units, every_place)


def _grouped(log: EventLog, definition: Definition) -> _Grouped:
    rules, packed = definition.rules, log.packed
    if rules.reuse != "never" and not _overlap(log, definition):
        # No row can serve two stages: there is nothing to reuse.
        rules = rules.replace({"reuse": "never"})
    unit, names = _units(log, definition)
    position: Ints = np.arange(log.n_events)
    if names is not None:
        kept = np.flatnonzero(unit >= 0)
        position = kept[np.lexsort((packed.rows_at(kept), packed.ticks[kept], unit[kept]))]
        unit = unit[position]
    tick = packed.ticks[position] if names is not None else packed.ticks
    tick = tick.astype(np.int64)
    subjects = None
    first_row: Ints = packed.offsets
    if rules.unit != "customer":
        begins = np.flatnonzero(unit[1:] != unit[:-1]) + 1
        first_row = np.concatenate([[0], begins, [len(unit)]]) if len(unit) else np.zeros(1, np.int64)
        first = first_row[:-1]
        customer = packed.customers[position[first]].astype(np.int64)
        number = _place_among_equals(customer) + 1 if names is None else customer
        subjects = Subjects(customer, np.arange(len(first)), names, number, None)
    clock, window = _clock(log, rules, unit, tick)
    return _Grouped(
        rules=rules,
        way=_way(log, definition, rules, window),
        n_units=len(first_row) - 1,
        subjects=subjects,
        units=Units(unit, tick, position, clock, first_row),
        in_place=names is None,
    )


def _place_among_equals(values: Ints) -> Ints:
    """Return of each value how many equal ones stand before it; equal values stand together."""
    begins = np.ones(len(values), dtype=bool)
    begins[1:] = values[1:] != values[:-1]
    at = np.flatnonzero(begins)
    sizes = np.diff(np.append(at, len(values)))
    return np.arange(len(values)) - np.repeat(at, sizes)


def _overlap(log: EventLog, definition: Definition) -> bool:
    """Whether a row of the log may serve two stages."""
    coded = row_codes(log, predicates(definition.stages, log, overlapping=True))
    if coded is None:
        stages = stages_of_rows(definition.stages, log)
    else:
        stages = stages_of_codes(definition.stages, log, coded)[:, coded.counts > 0]
    return bool((stages.sum(axis=0, dtype=np.int16) > 1).any())


def _laid_out(log: EventLog, definition: Definition, grouped: _Grouped) -> tuple[CodedRows, Ints]:
    """Return the rows in a stage with units in the place of customers, and their places among all rows."""
    units, numbers = grouped.units, definition.stage_of_rows(log)
    coded = _coded(numbers[units.position], units.tick, units.unit, grouped.rules)
    rows = CodedRows(
        customer=units.unit[coded],
        tick=units.tick[coded],
        stage=numbers[units.position[coded]],
        row=units.position[coded],
        n_customers=grouped.n_units,
        n_stages=len(definition),
        end_tick=log.packed.end_tick,
    )
    return rows, coded


def _unit_rows(log: EventLog, definition: Definition, grouped: _Grouped) -> UnitRows:
    """Return every row of a unit with all that the general funnel asks for."""
    rules, units = grouped.rules, grouped.units
    if rules.reuse == "never":
        numbers = definition.stage_of_rows(log)
        stages = np.array([numbers == number for number in range(1, len(definition) + 1)], dtype=bool)
    else:
        stages = stages_of_rows(definition.stages, log)
    excluded = np.array([excluded_rows(one, log) for one in rules.exclusions], dtype=bool)
    excluded = excluded.reshape(len(rules.exclusions), log.n_events)
    return UnitRows(
        unit=units.unit,
        tick=units.tick,
        position=units.position,
        stages=stages[:, units.position],
        excluded=excluded[:, units.position],
        held=_held(log, rules.hold_constant)[units.position],
        clock=units.clock,
    )


def _unit_codes(log: EventLog, definition: Definition, grouped: _Grouped) -> UnitCodes | None:
    """Return the same in numbers that edits of the stages leave alone; None where they are too many."""
    rules, stages, units = grouped.rules, definition.stages, grouped.units
    overlapping = rules.reuse != "never"
    coded = row_codes(log, predicates(stages, log, rules.exclusions, overlapping=overlapping))
    if coded is None or max(len(stages), len(rules.exclusions)) > BITS:
        return None
    if overlapping:
        lines = stages_of_codes(stages, log, coded)
    else:
        numbers = stage_of_codes(stages, log, coded)
        lines = np.array([numbers == number for number in range(1, len(stages) + 1)], dtype=bool)
    excluded = [excluded_codes(one, log, coded) for one in rules.exclusions]
    held = rules.hold_constant
    return UnitCodes(
        first_row=units.first_row,
        position=None if grouped.in_place else units.position,
        codes=coded.codes,
        ticks=log.packed.ticks,
        held=log.memo(("held", held), lambda: _held(log, held)) if held else None,
        stages_of_code=_bits(lines, len(coded)),
        excluded_of_code=_bits(np.array(excluded, dtype=bool), len(coded)),
        clock=None if rules.counted_window is None else units.clock,
    )


def _bits(lines: Bools, n_codes: int) -> NDArray[np.uint64]:
    """Return for each code the lines it is in."""
    bits = np.zeros(n_codes, dtype=np.uint64)
    for number, line in enumerate(lines):
        bits |= line.astype(np.uint64) << np.uint64(number)
    return bits


def _clock(log: EventLog, rules: Rules, unit: Ints, tick: Ints) -> tuple[Ints, int | None]:
    """Return what the window is measured on, row by row of the units, and how far it reaches there."""
    window = rules.window
    if not isinstance(window, CountedWindow):
        return tick, None if window is None else log.to_ticks(window)
    if window.kind == "events":
        return np.arange(len(unit)), window.number
    if window.gap is not None:
        begins = np.ones(len(unit), dtype=bool)
        begins[1:] = (unit[1:] != unit[:-1]) | (np.diff(tick) > log.to_ticks(window.gap))
        return np.cumsum(begins), window.number - 1
    return calendar_numbers(log, tick, window.unit, rules.time_zone), window.number - 1


def _by_clock(rows: CodedRows, clock: Ints, window: int, engine: Engine) -> FunnelPaths:
    """Return the plain funnel inside a window that is measured on another clock than the time.

    The engine is given times of our own: the clock ahead of the number of the moment, far enough that no
    difference of moments makes up for one of the clock. Its answers are translated back.
    """
    new = np.ones(len(rows.tick), dtype=bool)
    new[1:] = (rows.customer[1:] != rows.customer[:-1]) | (np.diff(rows.tick) > 0)
    new[1:] |= np.diff(clock) > 0
    moment = np.cumsum(new) - 1
    apart = len(new) + 1
    tick_of, clock_of = rows.tick[new], clock[new]
    made_up = replace(rows, tick=(clock - clock.min(initial=0)) * apart + moment)
    paths = engine.funnel(made_up, window * apart + apart - 1)

    def times(made: Ints) -> Ints:
        return tick_of[made % apart]

    levels = tuple(
        replace(
            level,
            reached=times(level.reached),
            entered=times(level.entered),
            previous=times(level.previous),
        )
        for level in paths.levels
    )
    last = paths.last_entry
    return replace(paths, levels=levels, last_entry=times(last), last_clock=clock_of[last % apart])


def _closed(log: EventLog, definition: Definition, paths: FunnelPaths, units: Units) -> FunnelPaths:
    """Return the paths with word of whose window has not closed and whose unit is not over."""
    if definition.rules.window is None:
        return paths
    waiting = paths.levels[0].customer if paths.waiting is None else paths.waiting
    whose = waiting if paths.subjects is None else paths.subjects.unit[waiting]
    begun = paths.last_entry.astype(np.int64)
    clock = begun if paths.last_clock is None else paths.last_clock
    return replace(paths, unclosed=unclosed(log, definition, units, (whose, begun, clock)))


def unclosed(log: EventLog, definition: Definition, units: Units, starts: tuple[Ints, Ints, Ints]) -> Bools:
    """Return for starts, each with its unit, its tick and its clock, whether a later row may still count.

    A window in events closes with its last row, one in sessions when its last session cannot go on, one in
    calendar units with the last of them. A unit is over when no row can join it any more.
    """
    rules, packed = definition.rules, log.packed
    whose, begun, clock = starts
    if rules.window is None:
        return np.zeros(len(whose), dtype=bool)
    last = units.first_row[whose + 1] - 1
    window, gap = rules.window, rules.session_gap

    def quiet_for_less_than(duration: pd.Timedelta) -> Bools:
        """Return whose last row is less than so old."""
        recent: Bools = packed.end_tick - units.tick[last] < _rounded_up(log, duration)
        return recent

    if not isinstance(window, CountedWindow):
        still = packed.end_tick - begun < _rounded_up(log, window)
    elif window.kind == "calendar":
        number = calendar_numbers(log, np.append(begun, packed.end_tick), window.unit, rules.time_zone)
        still = number[-1] - number[:-1] < window.number
    elif window.gap is None:
        still = units.clock[last] - clock < window.number
    else:
        left = window.number - 1 - (units.clock[last] - clock)
        still = (left > 0) | ((left == 0) & quiet_for_less_than(window.gap))
    if gap is not None:
        still &= quiet_for_less_than(gap)
    elif rules.unit == "journey":
        still &= ~_with_the_last_stage(log, definition)[units.position[last]]
    return still


def _rounded_up(log: EventLog, duration: pd.Timedelta) -> int:
    return -(-int(duration.as_unit("ns").value) // log.packed.tick_ns)


def _only_laid_out(definition: Definition, rules: Rules) -> bool:
    """Whether the rules change nothing but units, entry and the order of ties."""
    usual: dict[str, object] = {"unit": "customer", "entry": "best"}
    if rules.ties == "row":
        usual["ties"] = "stage"
    if rules.counted_window is not None:
        usual["window"] = None
    return rules.replace(usual).plain and not any(stage.special for stage in definition.stages)


def _coded(number: Bytes, tick: Ints, unit: Ints, rules: Rules) -> Ints:
    """Return the places of the rows in a stage, as they are read, without the starts that do not count."""
    coded = np.flatnonzero(number)
    if rules.ties == "stage":
        order = order_inside_ticks(unit[coded], tick[coded], number[coded])
        coded = coded if order is None else coded[order]
    if rules.entry == "best":
        return coded
    starts = np.flatnonzero(number[coded] == 1)
    owner, when = unit[coded[starts]], tick[coded[starts]]
    moment = when if rules.ties == "stage" else starts
    edge = np.flatnonzero(np.append(True, owner[1:] != owner[:-1])[: len(owner)])
    if rules.entry == "latest":
        edge = np.append(edge[1:], len(owner))[: len(edge)] - 1
    chosen = moment[edge][np.searchsorted(owner[edge], owner)] == moment
    return np.delete(coded, starts[~chosen])


def _way(log: EventLog, definition: Definition, rules: Rules, window: int | None) -> Way:
    stages, names = definition.stages, definition.names

    def ticks(duration: pd.Timedelta | None) -> int | None:
        return None if duration is None else log.to_ticks(duration)

    return Way(
        order=rules.order,
        entry=rules.entry,
        reach=rules.reach,
        ties="stage" if rules.grace is not None else rules.ties,
        grace=ticks(rules.grace) or 0,
        reuse=rules.reuse,
        count=rules.count,
        window=window,
        optional=tuple(stage.optional for stage in stages),
        step_window=tuple(ticks(stage.window) for stage in stages),
        directly=tuple(stage.directly for stage in stages),
        anchored=tuple(stage.anchored for stage in stages),
        exclusions=tuple(
            (
                0 if one.after is None else names.index(one.after),
                len(names) - 1 if one.before is None else names.index(one.before),
                one.effect,
            )
            for one in rules.exclusions
        ),
    )


def _units(log: EventLog, definition: Definition) -> tuple[Ints, tuple[object, ...] | None]:
    """Return the unit of each row, -1 for none, and the units' names where they are not a customer's."""
    rules, packed = definition.rules, log.packed
    if rules.unit == "customer":
        return packed.customers.astype(np.int64), None
    if rules.unit_column is not None:
        codes, values = pd.factorize(log.column(rules.unit_column), sort=False)
        return codes.astype(np.int64), tuple(pd.Index(values).tolist())
    ticks = packed.ticks.astype(np.int64)
    begins = np.ones(len(ticks), dtype=bool)
    begins[1:] = packed.customers[1:] != packed.customers[:-1]
    later = np.diff(ticks) > 0
    gap = rules.session_gap
    if gap is not None:
        begins[1:] |= np.diff(ticks) > log.to_ticks(gap)
    elif len(ticks):
        # A journey ends with the time of a row of the last stage: all rows of that time still belong to it.
        begins[1:] |= _with_the_last_stage(log, definition)[:-1] & later
    return np.cumsum(begins) - 1, None


def _with_the_last_stage(log: EventLog, definition: Definition) -> Bools:
    """Return which rows lie at a time at which their customer has a row of the last stage."""
    packed = log.packed
    begins = np.ones(log.n_events, dtype=bool)
    begins[1:] = (packed.customers[1:] != packed.customers[:-1]) | (packed.ticks[1:] != packed.ticks[:-1])
    moment = np.cumsum(begins) - 1
    if definition.rules.reuse == "never":
        last = definition.stage_of_rows(log) == len(definition)
    else:
        last = stages_of_rows(definition.stages, log)[-1]
    found = np.zeros(log.n_events, dtype=bool)
    found[moment[last]] = True
    ends: Bools = found[moment]
    return ends


def _held(log: EventLog, columns: tuple[str, ...]) -> Ints:
    """Return the number of each row's values in some columns; -1 where one is missing."""
    held = np.zeros(log.n_events, dtype=np.int64)
    for name in columns:
        codes, values = pd.factorize(log.column(name))
        both = held * max(len(values), 1) + codes
        held = np.where((held < 0) | (codes < 0), -1, both)
        found, numbers = np.unique(held, return_inverse=True)
        held = numbers - int(bool(len(found)) and found[0] == -1)
    return held


def unit_of_rows(log: EventLog, definition: Definition) -> Ints:
    """Return the number of the unit of each row of the log; -1 for rows of none."""
    return _units(log, definition)[0]
