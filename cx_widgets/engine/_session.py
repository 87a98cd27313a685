"""The engine's answers for a log and a definition; the last few are kept with the log."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from cx_widgets.binding import bind, predicates, row_codes, stage_of_codes
from cx_widgets.engine._choice import engine
from cx_widgets.engine._numpy import chains_of
from cx_widgets.engine._protocol import CodedRows, StagedRows
from cx_widgets.engine._ways import brand_entries as entries_of_brands

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from cx_widgets.definition import Definition
    from cx_widgets.engine._credit import Credited, Division
    from cx_widgets.engine._outcomes import Outcomes
    from cx_widgets.engine._protocol import (
        Bools,
        Buyers,
        Chains,
        Codes,
        FunnelLosses,
        FunnelPaths,
        FunnelTotals,
        Ints,
        Journeys,
        Moves,
        Purchases,
        Visits,
    )
    from cx_widgets.engine._special import Laid
    from cx_widgets.engine._ways import BrandEntries, Brands, BrandTallies, Ways, WayTallies
    from cx_widgets.log import EventLog
    from cx_widgets.stages import Stage

# Answers are as long as the log: the draft, the baseline and one before are kept, no history.
_KEPT = 3
# Codes that are stages: one less than a byte holds, which leaves one for padding.
_CODES = 255

T = TypeVar("T")


class _Recent(Generic[T]):
    """The last few answers to one question."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._answers: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        answer = compute()
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > self._kept:
                self._answers.popitem(last=False)
        return answer


def coded_rows(log: EventLog, definition: Definition, *, by_row: bool = False) -> CodedRows:
    """Return the rows of the log that lie in a stage of the definition.

    At ties they stand in stage order, or ``by_row`` as in the frame.
    """
    recent: _Recent[CodedRows] = log.memo(("engine", "coded_rows"), _Recent)
    by_row = by_row and log.packed.has_ties
    return recent.get(
        (_assignment(definition), by_row),
        lambda: engine().code(
            log.packed, definition.stage_of_rows(log), len(definition.stages), by_row=by_row
        ),
    )


def staged_rows(log: EventLog, definition: Definition, *, by_row: bool = False) -> StagedRows:
    """Return the rows of the log with their stages, without putting them in order or even looking at them."""
    stages, packed = definition.stages, log.packed
    codes: Codes = packed.codes
    key: Hashable = None
    table = bind(stages, log).lut.astype(np.uint8)
    if any(stage.conditional for stage in stages):
        asked = predicates(stages, log)
        coded = row_codes(log, asked)
        if coded is None:
            # The stages themselves are the codes: no look-up table can say what so many conditions do.
            codes, key = definition.stage_of_rows(log), _assignment(definition)
            table = np.arange(_CODES, dtype=np.uint8)
        else:
            # Conditions are in the codes already: an edit that leaves them alone changes the table only.
            codes, key, table = coded.codes, asked, stage_of_codes(stages, log, coded)
    return StagedRows(
        packed=packed,
        codes=codes,
        stage_of_code=table,
        n_stages=len(definition.stages),
        by_row=by_row,
        key=key,
        keep=log.memo,
        coded=lambda: coded_rows(log, definition, by_row=by_row),
    )


def events_by_stage(log: EventLog, definition: Definition) -> Ints:
    """Return how many rows of the log lie in each stage, those outside all stages first."""
    stages = definition.stages
    width = len(stages) + 1
    coded = row_codes(log, predicates(stages, log))
    if coded is None:
        return np.bincount(definition.stage_of_rows(log), minlength=width)
    events = np.zeros(width, dtype=np.int64)
    np.add.at(events, stage_of_codes(stages, log, coded), coded.counts)
    return events


def assigned_events(log: EventLog, definition: Definition) -> int:
    """Return how many rows of the log lie in a stage."""
    return int(events_by_stage(log, definition)[1:].sum())


def funnel_totals(log: EventLog, definition: Definition) -> FunnelTotals:
    """Return what the funnel of a plain definition adds up to."""
    recent: _Recent[FunnelTotals] = log.memo(("engine", "funnel_totals"), _Recent)
    window = _window(log, definition)
    return recent.get(
        (_assignment(definition), window), lambda: engine().totals(staged_rows(log, definition), *window)
    )


def funnel_losses(log: EventLog, definition: Definition) -> FunnelLosses:
    """Return why customers got no further through the funnel of a plain definition."""
    recent: _Recent[FunnelLosses] = log.memo(("engine", "funnel_losses"), _Recent)
    window = _window(log, definition)
    return recent.get(
        (_assignment(definition), window), lambda: engine().losses(staged_rows(log, definition), *window)
    )


def _window(log: EventLog, definition: Definition) -> tuple[int | None, int]:
    """Return the window of a plain definition in ticks, and how old a start is that may go on no more."""
    window = definition.rules.duration
    if window is None:
        return None, 0
    # Waiting less than the window, in whole ticks: a window that is not whole is rounded up.
    return log.to_ticks(window), -(-int(window.as_unit("ns").value) // log.packed.tick_ns)


def moves(log: EventLog, definition: Definition, *, merged: bool = True) -> Moves:
    """Return what the moves between visits add up to; visits are those of `visits`."""
    recent: _Recent[Moves] = log.memo(("engine", "moves"), _Recent)
    by_row = definition.rules.ties == "row" and log.packed.has_ties
    return recent.get(
        (_assignment(definition), by_row, merged),
        lambda: engine().moves(staged_rows(log, definition, by_row=by_row), merged=merged),
    )


def customers_by_stage(log: EventLog, definition: Definition) -> Ints:
    """Return how many customers have a row in each stage, those outside all stages first."""
    recent: _Recent[Ints] = log.memo(("engine", "customers"), _Recent)
    return recent.get(_assignment(definition), lambda: engine().customers(staged_rows(log, definition)))


def crossed(one: Codes, other: Codes, shape: tuple[int, int]) -> Ints:
    """Return how often each pair of two numbers stands side by side: a line for each number of ``one``."""
    return engine().crossed(one, other, shape)


def ranked(values: Ints, ranks: Iterable[int]) -> Ints:
    """Return the values of some ranks, counted from 0."""
    return engine().ranked(values, ranks)


def in_order(groups: Sequence[Ints]) -> list[Ints]:
    """Return each group of numbers in ascending order."""
    return engine().in_order(groups)


def middles(groups: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Return the lower and the upper middle value of groups of numbers, none of them empty."""
    return engine().middles(groups)


def rows_in(log: EventLog, definition: Definition, stages: Iterable[int]) -> Ints:
    """Return the positions in the packed log of the rows in some stages, in its order."""
    return engine().rows_in(staged_rows(log, definition), stages)


def funnel_paths(log: EventLog, definition: Definition) -> FunnelPaths:
    """Return how far each customer of the log gets through the stages, under the rules of the definition."""
    recent: _Recent[FunnelPaths] = log.memo(("engine", "funnel_paths"), _Recent)
    if is_special(definition):
        # Imported here: whoever counts plainly never waits for the special rules.
        from cx_widgets.engine._special import special_funnel  # noqa: PLC0415

        return recent.get(_special_key(definition), lambda: special_funnel(log, definition, engine()))
    window = definition.rules.duration
    ticks = None if window is None else log.to_ticks(window)
    return recent.get(
        (_assignment(definition), ticks), lambda: engine().funnel(coded_rows(log, definition), ticks)
    )


def is_special(definition: Definition) -> bool:
    """Return whether a rule of the definition is counted off the path of the plain funnel."""
    return not definition.rules.plain or any(stage.special for stage in definition.stages)


def unit_rows(log: EventLog, definition: Definition) -> Laid:
    """Return the rows of the log by unit, where the rules are special."""
    from cx_widgets.engine._special import laid  # noqa: PLC0415

    recent: _Recent[Laid] = log.memo(("engine", "unit_rows"), lambda: _Recent(1))
    return recent.get(_special_key(definition), lambda: laid(log, definition))


def rows_of_unit(log: EventLog, definition: Definition, unit: int) -> Ints:
    """Return the positions of the rows of a unit in the packed log, by time and place in the frame."""
    if definition.rules.unit == "customer":
        return np.arange(*log.packed.offsets[unit : unit + 2])
    at = np.flatnonzero(units_of_rows(log, definition) == unit)
    return at[np.lexsort((log.packed.rows_at(at), log.packed.ticks[at]))]


def units_of_rows(log: EventLog, definition: Definition) -> Ints:
    """Return the number of the unit of each packed row; -1 for rows of none."""
    from cx_widgets.engine._special import unit_of_rows  # noqa: PLC0415

    recent: _Recent[Ints] = log.memo(("engine", "units_of_rows"), lambda: _Recent(1))
    return recent.get(_special_key(definition), lambda: unit_of_rows(log, definition))


def may_go_on(log: EventLog, definition: Definition, at: Ints) -> Bools:
    """Return which starts may still lead further, by their places among the rows of `unit_rows`."""
    from cx_widgets.engine._special import unclosed  # noqa: PLC0415

    units = unit_rows(log, definition).units
    starts = units.unit[at], units.tick[at], units.clock[at]
    return unclosed(log, definition, units, starts)


def attempt_rows(log: EventLog, definition: Definition) -> CodedRows | None:
    """Return the rows that arrivals and parents of the funnel's levels count; None where it was walked.

    With sessions, journeys or values of a column as units these stand in the place of customers.
    """
    if not is_special(definition):
        return coded_rows(log, definition)
    rows = unit_rows(log, definition).rows
    return rows if isinstance(rows, CodedRows) else None


def outcomes(log: EventLog, definition: Definition) -> Outcomes:
    """Return what became of each line of a funnel that was walked, see `attempt_rows`."""
    from cx_widgets.engine._special import special_outcomes  # noqa: PLC0415

    def walk() -> Outcomes:
        rows = unit_rows(log, definition).rows
        if isinstance(rows, CodedRows):
            raise TypeError("this funnel is not walked")
        return special_outcomes(log, definition, rows, engine())

    recent: _Recent[Outcomes] = log.memo(("engine", "outcomes"), _Recent)
    return recent.get(_special_key(definition), walk)


def _special_key(definition: Definition) -> Hashable:
    # The log has been cut at the end of observation already.
    no_matter = {"retention_period": "30D", "denominator": "entrants", "observation_end": None}
    return definition.stages, definition.rules.replace(no_matter)


def matched(log: EventLog, definition: Definition) -> Chains:
    """Return the rows of the log that carried each customer, or whatever is counted, to its deepest stage."""
    paths = funnel_paths(log, definition)
    return chains_of(coded_rows(log, definition), paths) if paths.chains is None else paths.chains


def visits(log: EventLog, definition: Definition, *, merged: bool = True) -> Visits:
    """Return the visits of the customers of the log to the stages.

    Consecutive rows in one stage are one visit if they are ``merged``, else each is one. Ties follow the rule
    of the definition: as in the frame with ``ties="row"``, else in stage order.
    """
    recent: _Recent[Visits] = log.memo(("engine", "visits"), _Recent)
    by_row = definition.rules.ties == "row" and log.packed.has_ties
    return recent.get(
        (_assignment(definition), by_row, merged),
        lambda: engine().visits(coded_rows(log, definition, by_row=by_row), merged=merged),
    )


def purchases(
    log: EventLog, definition: Definition, researching_roles: tuple[str, ...] = ("consider", "evaluate")
) -> Purchases:
    """Return the purchases; consider and evaluate are the roles of researching stages, or those given."""
    recent: _Recent[Purchases] = log.memo(("engine", "purchases", researching_roles), _Recent)
    buying = stage_numbers(definition, "buy")
    researching = stage_numbers(definition, *researching_roles)
    return recent.get(
        (_assignment(definition), buying, researching),
        lambda: engine().purchases(staged_rows(log, definition), buying, researching),
    )


def journeys(
    log: EventLog,
    definition: Definition,
    goal: tuple[int, ...] | Stage,
    by: tuple[str, Ints] | None,
    *,
    merged: bool,
) -> Journeys | None:
    """Return the paths to a goal; None where only the rows themselves can say which of them are the goal.

    The goal is some stages by their numbers, or a stage of its own. ``by`` is the name of a column and what
    each packed row touches there; without it rows touch their stage.
    """
    recent: _Recent[Journeys] = log.memo(("engine", "journeys"), lambda: _Recent(2))
    by_row = definition.rules.ties == "row" and log.packed.has_ties
    rows = staged_rows(log, definition, by_row=by_row)
    if isinstance(goal, tuple):
        found: Bools = np.isin(rows.stage_of_code, goal)
    elif goal.conditional or rows.key is not None:
        return None
    else:
        found = bind([goal], log).lut > 0
        outside = found & (rows.stage_of_code == 0)
        if outside.any():
            if by_row or rows.n_stages + 1 >= _CODES:
                return None
            rows = _with_stage(log, rows, outside)
    values = log.values
    money = None if values is None else log.memo(("engine", "money"), lambda: np.nan_to_num(values))
    name, touch = (None, None) if by is None else by
    return recent.get(
        (_assignment(definition), by_row, goal, name, merged),
        lambda: engine().journeys(rows, found, touch, money, merged=merged),
    )


def _with_stage(log: EventLog, rows: StagedRows, codes: Bools) -> StagedRows:
    """Return the rows with one more stage, the last one, of some codes."""
    table = rows.stage_of_code.copy()
    table[codes] = n_stages = rows.n_stages + 1
    return replace(
        rows,
        stage_of_code=table,
        n_stages=n_stages,
        coded=lambda: engine().code(log.packed, table[log.packed.codes], n_stages),
    )


def divided(asked: Division) -> Credited:
    """Return what touchpoints get of the purchases at the end of paths."""
    return engine().divided(asked)


def brand_tallies(log: EventLog, definition: Definition, asked: Brands, name: str) -> BrandTallies:
    """Return what the brands on the ways to purchases add up to; the name is that of their column."""
    recent: _Recent[BrandTallies] = log.memo(("engine", "brand_tallies"), _Recent)
    rows = staged_rows(log, definition, by_row=_by_row(log, definition))
    kinds = asked.considering, asked.evaluating, asked.buying
    return recent.get(
        (_assignment(definition), rows.by_row, name, kinds, asked.own, asked.purchases),
        lambda: engine().brand_tallies(rows, asked),
    )


def brand_entries(log: EventLog, definition: Definition, asked: Brands) -> BrandEntries:
    """Return the brands on the ways to all purchases, one by one."""
    return entries_of_brands(engine(), staged_rows(log, definition, by_row=_by_row(log, definition)), asked)


def way_tallies(log: EventLog, definition: Definition, asked: Ways) -> WayTallies:
    """Return what leads and weighs on the ways to purchases, and how customers move between visits."""
    return engine().way_tallies(staged_rows(log, definition, by_row=_by_row(log, definition)), asked)


def last_in(log: EventLog, definition: Definition, stages: tuple[int, ...]) -> Ints:
    """Return the tick of each customer's last row in some stages; -1 for none."""
    return engine().last_in(staged_rows(log, definition), stages)


def _by_row(log: EventLog, definition: Definition) -> bool:
    return definition.rules.ties == "row" and log.packed.has_ties


def buyers(log: EventLog, definition: Definition) -> Buyers:
    """Return who bought, by the retention period of the rules."""
    recent: _Recent[Buyers] = log.memo(("engine", "buyers"), _Recent)
    buying = stage_numbers(definition, "buy")
    researching = stage_numbers(definition, "consider", "evaluate")
    period_ns = int(definition.rules.retention_period.as_unit("ns").value)
    common = int(np.gcd(period_ns, log.packed.tick_ns))
    period = log.packed.tick_ns // common, period_ns // common
    return recent.get(
        (_assignment(definition), buying, researching, period),
        lambda: engine().buyers(staged_rows(log, definition), buying, researching, period),
    )


def who_in(log: EventLog, definition: Definition, stages: tuple[int, ...]) -> Bools:
    """Return which customers have a row in one of some stages."""
    recent: _Recent[Bools] = log.memo(("engine", "who"), _Recent)
    return recent.get(
        (_assignment(definition), stages), lambda: engine().who(staged_rows(log, definition), stages)
    )


def stage_numbers(definition: Definition, *roles: str) -> tuple[int, ...]:
    """Return the numbers, from 1, of the stages with one of the roles."""
    named = {name for role in roles for name in definition.stages_with_role(role)}
    return tuple(number for number, name in enumerate(definition.names, start=1) if name in named)


def _assignment(definition: Definition) -> Hashable:
    """Return what decides which row lies in which stage: neither names, roles nor counting rules do."""
    return tuple((stage.events, stage.where, stage.nth) for stage in definition.stages)
