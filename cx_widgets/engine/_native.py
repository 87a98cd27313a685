"""The compiled engine: the kernels of native/, called on the packed arrays from several threads."""

from __future__ import annotations

from ctypes import byref
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cx_widgets import _library, stats
from cx_widgets._library import at, whole
from cx_widgets.engine import _native_credit, _native_ways
from cx_widgets.engine._lanes import GROUP, staged_lanes
from cx_widgets.engine._memory import Groups, Into, Made, Rows, Scratch, Told, every_stage, of_stages, table
from cx_widgets.engine._numpy import NumpyEngine, median_of, spells_of
from cx_widgets.engine._protocol import (
    LONGEST_CURVE,
    Buyers,
    CodedRows,
    FunnelLosses,
    FunnelPaths,
    FunnelTotals,
    Journeys,
    Level,
    Moves,
    Purchases,
    Spells,
    Visits,
)
from cx_widgets.engine._workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from cx_widgets.engine._credit import Credited, Division
    from cx_widgets.engine._general import Way
    from cx_widgets.engine._lanes import Lanes
    from cx_widgets.engine._outcomes import Judged, Lengths
    from cx_widgets.engine._protocol import Bools, Bytes, Codes, Floats, Ints, Lines, StagedRows, UnitCodes
    from cx_widgets.engine._ways import Brands, BrandTallies, Ways, WayTallies
    from cx_widgets.log import Packed

    Int64s = NDArray[np.int64]
    _Bought = tuple[list[NDArray[Any]], Int64s]

MOST_LANE_STAGES = 8
MOST_MOVE_STAGES = 12
MOST_SEEN_STAGES = 31
BOUGHT = 5
"""Numbers the kernels keep of what a customer bought."""
SPARE = 64
"""Numbers more than they keep that kernels write, vectors at a time."""
LONGEST = 2**63 - 1
"""A window without end, in ticks."""

_INT32_MAX = np.iinfo(np.int32).max
_WIDE = 8

T = TypeVar("T")
W = TypeVar("W", bound=Into)


class NativeEngine:
    """The compiled engine; what no kernel is made for it hands to the numpy engine.

    Parameters
    ----------
    library
        The kernels.
    threads
        How many of them may run at once.
    """

    def __init__(self, library: _library.Library, threads: int) -> None:
        self.library = library
        self.threads = threads
        self._cx = library.kernels
        self._plain = NumpyEngine()
        self._workers = Workers(threads)

    def code(self, packed: Packed, stage_of_rows: Bytes, n_stages: int, *, by_row: bool = False) -> CodedRows:
        """Return the rows that lie in a stage, at ties in stage order or as in the frame."""
        if len(stage_of_rows) > _INT32_MAX or len(packed.offsets) > _INT32_MAX:
            return self._plain.code(packed, stage_of_rows, n_stages, by_row=by_row)
        rows = Rows(packed, stage_of_rows, every_stage(), by_row=by_row)
        sizes = self._on_parts(
            rows, lambda low, high: int(self._cx.cx_count_in_stage(rows.asked(), *rows.span(low, high)))
        )
        places = np.append(0, np.cumsum([size for _, _, size in sizes], dtype=np.int64))
        n = int(places[-1])
        customer, row = np.empty(n, np.int32), np.empty(n, np.int32)
        tick, stage = np.empty(n, rows.ticks.dtype), np.empty(n, np.uint8)

        def fill(low: int, high: int, to: int) -> None:
            room = rows.room()
            parts = (customer[to:], tick[to:], stage[to:], row[to:])
            self._cx.cx_code(rows.asked(), low, high, room.asked(), *map(at, parts))

        self._workers.each(
            fill, [(low, high, to) for (low, high, _), to in zip(sizes, places.tolist(), strict=False)]
        )
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
        """Return how far each customer gets through the stages in order."""
        customer, tick = _one_piece(rows.customer), _one_piece(rows.tick)
        stage = whole(rows.stage, np.uint8)
        sizes = np.bincount(stage, minlength=rows.n_stages + 1)
        levels = (_library.Arrivals * (rows.n_stages + 1))()
        held = []
        for number, level in enumerate(levels):
            size = int(sizes[number])
            most = min(size, rows.n_customers)
            arrays = (
                np.empty(most, customer.dtype),
                *(np.empty(most, tick.dtype) for _ in range(3)),
                np.empty(most, np.int64),
                np.empty(size, np.int64),
                np.empty(size if number > 1 else 0, np.int64),
            )
            held.append(arrays)
            for (name, _), array in zip(_library.Arrivals._fields_, arrays, strict=False):
                setattr(level, name, at(array))
        reach = np.zeros(rows.n_customers, np.uint8)
        last_entry = np.empty(min(int(sizes[1]), rows.n_customers), tick.dtype)
        self._cx.cx_paths(
            customer.itemsize,
            tick.itemsize,
            at(customer),
            at(tick),
            at(stage),
            len(stage),
            rows.n_stages,
            # Not the end of observation: rows may be handed over on a clock of their own.
            LONGEST if window is None else min(window, LONGEST),
            levels,
            at(reach),
            at(last_entry),
        )
        answers = []
        for level, arrays in zip(levels, held, strict=True):
            customers, reached, entered, previous, first = (array[: level.customers] for array in arrays[:5])
            arrival, parent = (array[: level.arrivals] for array in arrays[5:])
            answers.append(Level(customers, reached, entered, previous, first, arrival, parent))
        return FunnelPaths(
            reach=reach, levels=tuple(answers[1:]), last_entry=last_entry[: levels[1].customers]
        )

    def attempts(self, rows: UnitCodes, way: Way) -> Lines:
        """Return how far units, or their attempts, get under special rules."""
        # Imported here: whoever counts plainly never waits for the special rules.
        from cx_widgets.engine import _attempts  # noqa: PLC0415

        if not _attempts.fits(rows, way):
            return self._plain.attempts(rows, way)
        lines, left = _attempts.walk(self._cx.cx_attempts, self._workers, rows, way)
        others = None
        if len(left):
            others = self._plain.attempts(_attempts.some_units(rows, left), way)
            others = replace(others, unit=left[others.unit])
        by_beginning = way.count == "attempts" and rows.held is not None
        return _attempts.in_order(lines, others, by_beginning=by_beginning)

    def reasons(self, rows: UnitCodes, way: Way, lengths: Lengths) -> Judged:
        """Return why units, or their attempts, got no further under special rules."""
        from cx_widgets.engine import _attempts  # noqa: PLC0415 - as above

        def others(some: UnitCodes) -> Judged:
            return self._plain.reasons(some, way, lengths)

        if not _attempts.fits(rows, way):
            return others(rows)
        return _attempts.judge(
            self._cx.cx_reasons, self._workers, _attempts.Asked(rows, way, lengths), others
        )

    def totals(self, rows: StagedRows, window: int | None, patience: int) -> FunnelTotals:
        """Return what the funnel adds up to."""
        if not _fits(rows):
            return self._plain.totals(rows, window, patience)
        n_customers = len(rows.packed.offsets) - 1
        deepest = np.empty(n_customers, np.uint8)
        took = np.empty(n_customers, rows.packed.ticks.dtype)
        scratch = rows.keep(("engine", "scratch"), Scratch)

        def into(customers: int) -> Told:
            return Told(rows.n_stages, customers, deepest, took, scratch)

        kernels = self._cx.cx_totals_of_lanes, self._cx.cx_totals_of_customers
        told = self._through(rows, _asked(rows, window, patience), kernels, into)
        totals = self._together(told, rows.n_stages, deepest, took)
        scratch.give_back(part.taken for part in told)
        return totals

    def _together(self, told: Sequence[Told], n_stages: int, deepest: Bytes, took: Ints) -> FunnelTotals:
        since_entry = [[part.since_entry_at(level) for part in told] for level in range(2, n_stages + 1)]
        since_previous = [
            [part.since_previous_at(level) for part in told] for level in range(3, n_stages + 1)
        ]
        groups = [*since_entry, *since_previous]
        if took.dtype == np.int32:
            low, high = self._middles(Groups.of(groups))
            medians = np.where(high >= 0, low + (high - low) / 2, np.nan)
        else:
            medians = np.array([median_of(np.concatenate(group)) for group in groups])
        return FunnelTotals(
            reach=np.sum([part.reached for part in told], axis=0)[1:],
            open=np.sum([part.open for part in told], axis=0)[1:],
            median_since_entry=np.append(np.nan, medians[: n_stages - 1]),
            # The level before the second is entry, and of that level no time is written.
            median_since_previous=np.append(np.nan, np.delete(medians, np.arange(1, n_stages - 1))),
            deepest=deepest,
            took=took,
        )

    def losses(self, rows: StagedRows, window: int | None, patience: int) -> FunnelLosses:
        """Return why customers got no further."""
        if not _fits(rows):
            return self._plain.losses(rows, window, patience)
        n_customers = len(rows.packed.offsets) - 1
        lost = FunnelLosses(
            deepest=np.empty(n_customers, np.uint8),
            why=np.empty(n_customers, np.uint8),
            took=np.empty(n_customers, rows.packed.ticks.dtype),
        )
        into = Into(_library.Lost(at(lost.deepest), at(lost.why), at(lost.took)))
        kernels = self._cx.cx_losses_of_lanes, self._cx.cx_losses_of_customers
        self._through(rows, _asked(rows, window, patience), kernels, lambda _: into)
        return lost

    def _through(
        self,
        rows: StagedRows,
        asked: _library.Asked,
        kernels: tuple[Callable[..., object], Callable[..., object]],
        into: Callable[[int], W],
    ) -> list[W]:
        """Return what one of two kernels wrote to for each part: customers side by side, and those alone."""
        side_by_side, one_by_one = kernels
        scalar = Rows.of(rows)

        def walked(low: int, high: int, customers: NDArray[np.int32] | None = None) -> W:
            written, room = into(high - low), scalar.room()
            chosen = None if customers is None else at(customers)
            one_by_one(scalar.asked(), chosen, low, high, room.asked(), byref(asked), byref(written.asked))
            return written

        lanes = staged_lanes(self._cx, self._workers, rows) if rows.n_stages <= MOST_LANE_STAGES else None
        if lanes is None:
            return [part for _, _, part in self._on_parts(scalar, walked)]

        def side(low: int, high: int) -> W:
            written = into((high - low) * GROUP)
            side_by_side(lanes.asked(), low, high, byref(asked), byref(written.asked))
            return written

        parts = self._workers.each(side, self._workers.parts(lanes.plan.first_row, GROUP))
        if len(lanes.plan.alone):
            parts.append(walked(0, len(lanes.plan.alone), lanes.plan.alone))
        return parts

    def visits(self, rows: CodedRows, *, merged: bool = True) -> Visits:
        """Return the visits: runs of rows in one stage, or each row."""
        if not merged:
            return self._plain.visits(rows, merged=False)
        customer, tick = _one_piece(rows.customer), _one_piece(rows.tick)
        stage = whole(rows.stage, np.uint8)
        n = len(stage)
        whose, where, start = np.empty(n, customer.dtype), np.empty(n, np.uint8), np.empty(n, tick.dtype)
        first, last = np.empty(n, np.bool_), np.empty(n, np.bool_)
        made = self._cx.cx_visits(
            customer.itemsize,
            tick.itemsize,
            at(customer),
            at(tick),
            at(stage),
            n,
            *map(at, (whose, where, start, first, last)),
        )
        return Visits(whose[:made], where[:made], start[:made], first[:made], last[:made])

    def moves(self, rows: StagedRows, *, merged: bool = True) -> Moves:
        """Return what the moves between visits add up to."""
        if not _fits(rows):
            return self._plain.moves(rows, merged=merged)
        scratch = rows.keep(("engine", "scratch"), Scratch)
        parts = self._moves_made(rows, scratch, merged=merged)
        width = rows.n_stages + 1
        spells = self._spells(parts, width, rows.packed.ticks.dtype)
        scratch.give_back(part.taken for part in parts)
        sums = [np.sum(same, axis=0) for same in zip(*(made.sums for made in parts), strict=True)]
        count, customers, squares, products, of_all = (square.reshape(width, width) for square in sums[:5])
        leavers, left_squares, skips, backs, between, every = sums[5:]
        customers[0] = squares[0] = products[0] = count[0]
        return Moves(
            count=count,
            customers=customers,
            squares=squares,
            products=products,
            of_all=of_all,
            leavers=leavers,
            left_squares=left_squares,
            skips=_three(skips),
            backs=_three(backs),
            between=_three(between),
            every=_three(every),
            spells=spells,
        )

    def _moves_made(self, rows: StagedRows, scratch: Scratch, *, merged: bool) -> list[Made]:
        scalar, kind, width = Rows.of(rows), rows.packed.ticks.dtype, rows.n_stages + 1
        lengths = np.diff(rows.packed.offsets)

        def walked(low: int, high: int, customers: NDArray[np.int32] | None = None) -> Made:
            room = int((lengths if customers is None else lengths[customers])[low:high].sum())
            made = Made(rows.n_stages, room, kind, scratch)
            own = [np.zeros(size, np.int32) for size in (width * width, width, width * width + 1, width + 1)]
            (sums, piles), space = made.asked(), scalar.room()
            self._cx.cx_moves(
                *(scalar.asked(), None if customers is None else at(customers), low, high),
                *(space.asked(), rows.n_stages, merged, rows.packed.end_tick),
                *(sums, byref(_library.Own(*map(at, own))), piles),
            )
            return made

        lanes = staged_lanes(self._cx, self._workers, rows) if rows.n_stages <= MOST_MOVE_STAGES else None
        if lanes is None:
            return [made for _, _, made in self._on_parts(scalar, walked)]
        first_row, alone = lanes.plan.first_row, lanes.plan.alone

        def side(low: int, high: int) -> Made:
            # And one more for each customer: the move into the stage of entry.
            made = Made(
                rows.n_stages, int(first_row[high] - first_row[low] + high - low) * GROUP, kind, scratch
            )
            self._cx.cx_moves_in_lanes(
                *(lanes.asked(), low, high, rows.n_stages, merged, rows.packed.end_tick), *made.asked()
            )
            return made

        parts = self._workers.each(side, self._workers.parts(first_row, GROUP))
        return [*parts, walked(0, len(alone), alone)] if len(alone) else parts

    def _spells(self, parts: Sequence[Made], width: int, kind: np.dtype[Any]) -> Spells:
        if kind != np.int32:
            by_move = zip(*(made.by_move() for made in parts), strict=True)
            return spells_of([np.concatenate(same) for same in by_move], width)
        codes = width * width
        group, begins, lengths = map(np.concatenate, zip(*(made.pieces() for made in parts), strict=True))
        groups = Groups(group, begins, lengths, codes)
        low, high = np.empty((2, codes), np.int32)
        sums, staying = np.zeros(codes, np.int64), np.full(width, np.nan)

        def stage(first: int, last: int) -> None:
            for one in range(first, last):
                begin, end = one * width, (one + 1) * width
                room = np.empty(3 * groups.size(begin, end) + SPARE, np.int32)
                self._cx.cx_middles(groups.asked(), begin, end, at(low), at(high), at(sums), at(room))
                found = self._cx.cx_survival_median(groups.asked(), begin, end, stats.HALF, at(room))
                staying[one] = found if found >= 0 else np.nan

        stages = [(one, one + 1) for one in range(1, width)]
        shared = self._workers.shares(groups.size(0, codes))
        self._workers.each(stage, stages if shared else [(1, width)])
        # Into the first stage of a customer no time leads.
        medians = np.where(high >= 0, low + (high - low) / 2, np.nan).reshape(width, width)
        medians[0], sums[:width] = np.nan, 0
        return Spells(sums.reshape(width, width).astype(np.float64), medians, staying)

    def purchases(self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int]) -> Purchases:
        """Return the purchases."""
        buying, researching = tuple(buying), tuple(researching)
        if not _fits(rows):
            return self._plain.purchases(rows, buying, researching)
        scalar = Rows.of(rows)
        buys, looks = of_stages(buying), of_stages(researching)
        kind, offsets = rows.packed.ticks.dtype, rows.packed.offsets

        def part(low: int, high: int) -> Purchases:
            n = int(offsets[high] - offsets[low])
            customer, tick = np.empty(n, np.int32), np.empty(n, kind)
            repeat, researched = np.empty(n, np.bool_), np.empty(n, np.bool_)
            room = scalar.room()
            made = self._cx.cx_purchases(
                scalar.asked(),
                low,
                high,
                room.asked(),
                *map(at, (buys, looks, customer, tick, repeat, researched)),
            )
            return Purchases(customer[:made], tick[:made], repeat[:made], researched[:made])

        parts = [made for _, _, made in self._on_parts(scalar, part)]
        return Purchases(
            customer=np.concatenate([made.customer for made in parts]),
            tick=np.concatenate([made.tick for made in parts]),
            repeat=np.concatenate([made.repeat for made in parts]),
            researched=np.concatenate([made.researched for made in parts]),
        )

    def journeys(
        self, rows: StagedRows, goal: Bools, touch: Ints | None, money: Floats | None, *, merged: bool
    ) -> Journeys:
        """Return the paths to the rows that are a goal."""
        if not _fits(rows):
            return self._plain.journeys(rows, goal, touch, money, merged=merged)
        scalar = Rows.of(rows)
        goals = table(goal.astype(np.uint8), scalar.codes.dtype)
        touched = None if touch is None else whole(touch, touch.dtype if touch.itemsize < _WIDE else np.int32)
        spent = None if money is None else whole(money, np.float64)
        kind, offsets = rows.packed.ticks.dtype, rows.packed.offsets

        def part(low: int, high: int) -> Journeys:
            n = int(offsets[high] - offsets[low])
            kinds = (np.int32, kind, np.int64, np.int64, np.bool_, np.bool_, np.float64)
            arrays = [np.empty(n, kind) for kind in kinds]
            made, room = _library.Paths(*map(at, arrays)), scalar.room()
            self._cx.cx_journeys(
                *(scalar.asked(), low, high, room.asked(), at(goals)),
                *(None if touched is None else at(touched), 0 if touched is None else touched.itemsize),
                *(None if spent is None else at(spent), merged, byref(made)),
            )
            sizes = (*(made.touches,) * 2, *(made.paths,) * 3, *(made.purchases,) * 2)
            return Journeys(*(array[:size] for array, size in zip(arrays, sizes, strict=True)))

        parts = [made for _, _, made in self._on_parts(scalar, part)]
        touches, bought = 0, 0
        for made in parts:
            # Numbers inside a part, made numbers among all.
            np.add(made.begins, touches, out=made.begins)
            np.add(made.purchase, bought, out=made.purchase, where=made.purchase >= 0)
            touches, bought = touches + len(made.touch), bought + len(made.repeat)
        names = ("touch", "tick", "begins", "purchase", "later", "repeat", "value")
        return Journeys(*(np.concatenate([getattr(made, name) for made in parts]) for name in names))

    def divided(self, asked: Division) -> Credited:
        """Return what touchpoints get of the purchases at the end of paths."""
        return _native_credit.divided(self._cx, asked)

    def brand_tallies(self, rows: StagedRows, asked: Brands) -> BrandTallies:
        """Return what the brands on the ways to purchases add up to."""
        if not _fits(rows) or asked.n_brands > _native_ways.MOST_BRANDS:
            return self._plain.brand_tallies(rows, asked)
        # Rows that are on no way are not even put in order.
        chosen = of_stages((*asked.considering, *asked.evaluating, *asked.buying))
        inside = np.where(chosen[rows.stage_of_code], rows.stage_of_code, 0).astype(np.uint8)
        return _native_ways.brand_tallies(self._called(replace(rows, stage_of_code=inside)), asked)

    def way_tallies(self, rows: StagedRows, asked: Ways) -> WayTallies:
        """Return what leads and weighs on the ways to purchases, and how customers move between visits."""
        if not _fits(rows):
            return self._plain.way_tallies(rows, asked)
        return _native_ways.way_tallies(self._called(rows), asked)

    def last_in(self, rows: StagedRows, stages: tuple[int, ...]) -> Int64s:
        """Return the tick of each customer's last row in some stages; -1 for none."""
        if not _fits(rows):
            return self._plain.last_in(rows, stages)
        return _native_ways.last_in(self._called(rows), of_stages(stages))

    def _called(self, rows: StagedRows) -> _native_ways.Called:
        scalar = Rows.of(rows)
        return _native_ways.Called(self._cx, scalar, partial(self._on_parts, scalar))

    def buyers(
        self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int], period: tuple[int, int]
    ) -> Buyers:
        """Return who bought."""
        if not _fits(rows):
            return self._plain.buyers(rows, buying, researching, period)
        scalar, kind = Rows.of(rows), rows.packed.ticks.dtype
        buys, looks = of_stages(buying), of_stages(researching)
        wanted = _library.Wanted(at(buys), at(looks), rows.packed.end_tick, *period, LONGEST_CURVE)

        def part(low: int, high: int) -> _Bought:
            arrays, retained = _room_for_buyers(high - low, kind), np.zeros(LONGEST_CURVE, np.int64)
            room, to = scalar.room(), _library.Buyers(*map(at, arrays), at(retained))
            made = self._cx.cx_buyers(scalar.asked(), low, high, room.asked(), byref(wanted), byref(to))
            return [array[:made] for array in arrays], retained

        lanes = staged_lanes(self._cx, self._workers, rows) if rows.n_stages <= MOST_SEEN_STAGES else None
        if lanes is None:
            return _all_buyers(*zip(*(made for _, _, made in self._on_parts(scalar, part)), strict=True))
        bits = sum(1 << one for one in buying), sum(1 << one for one in researching)
        return self._buyers_in_lanes(rows, lanes, part, (*bits, byref(wanted)))

    def _buyers_in_lanes(
        self,
        rows: StagedRows,
        lanes: Lanes,
        one_by_one: Callable[[int, int], _Bought],
        asked: tuple[object, ...],
    ) -> Buyers:
        n_customers = len(rows.packed.offsets) - 1
        scratch, size = rows.keep(("engine", "scratch"), Scratch), n_customers * BOUGHT * 4
        taken = scratch.take(size)
        # As `Bought` of native/buyers.cpp.
        of_customer = taken[:size].view(np.int32).reshape(n_customers, BOUGHT)

        def side(low: int, high: int) -> Int64s:
            retained = np.zeros(LONGEST_CURVE, np.int64)
            self._cx.cx_buyers_in_lanes(lanes.asked(), low, high, *asked, at(of_customer), at(retained))
            return retained

        def listed(low: int, high: int) -> list[NDArray[Any]]:
            arrays = _room_for_buyers(high - low, np.dtype(np.int32))
            to = _library.Buyers(*map(at, arrays), None)
            made = self._cx.cx_list_buyers(at(of_customer), low, high, byref(to))
            return [array[:made] for array in arrays]

        retained = self._workers.each(side, self._workers.parts(lanes.plan.first_row, GROUP))
        for customer in lanes.plan.alone.tolist():
            (_, *found), here = one_by_one(customer, customer + 1)
            of_customer[customer] = np.concatenate(found) if len(found[0]) else 0
            retained.append(here)
        parts = self._workers.each(listed, self._workers.parts(whole(rows.packed.offsets, np.int64)))
        scratch.give_back([taken])
        return _all_buyers(parts, retained)

    def who(self, rows: StagedRows, stages: Iterable[int]) -> Bools:
        """Return which customers have a row in one of some stages."""
        if not _fits(rows):
            return self._plain.who(rows, stages)
        scalar, chosen = Rows.of(rows), of_stages(stages)
        lanes = staged_lanes(self._cx, self._workers, rows) if rows.n_stages <= MOST_SEEN_STAGES else None
        if lanes is not None:
            bits = sum(1 << number for number in range(1, rows.n_stages + 1) if chosen[number])
            return (self._seen(rows, lanes) & np.uint32(bits)) > 0
        there = np.empty(len(rows.packed.offsets) - 1, np.bool_)
        self._on_parts(
            scalar, lambda low, high: self._cx.cx_who(scalar.asked(), at(chosen), low, high, at(there))
        )
        return there

    def customers(self, rows: StagedRows) -> Ints:
        """Return how many customers have a row in each stage."""
        if not _fits(rows):
            return self._plain.customers(rows)
        lanes = staged_lanes(self._cx, self._workers, rows) if rows.n_stages <= MOST_SEEN_STAGES else None
        if lanes is not None:
            seen = self._seen(rows, lanes)
            stages = range(rows.n_stages + 1)
            return np.array([np.count_nonzero(seen & np.uint32(1 << stage)) for stage in stages], np.int64)
        scalar = Rows.of(rows)

        def part(low: int, high: int) -> Int64s:
            counts = np.zeros(256, np.int64)
            self._cx.cx_customers(scalar.asked(), low, high, at(counts))
            return counts

        parts = [counts for _, _, counts in self._on_parts(scalar, part)]
        counted: Int64s = np.sum(parts, axis=0)[: rows.n_stages + 1]
        return counted

    def _seen(self, rows: StagedRows, lanes: Lanes) -> NDArray[np.uint32]:
        """Return the stages each customer has a row in, a bit for each; bit 0 is for rows in none."""
        if lanes.seen is None:
            offsets = whole(rows.packed.offsets, np.int64)
            seen = np.empty(len(offsets) - 1, np.uint32)

            def part(low: int, high: int) -> None:
                self._cx.cx_seen_in_lanes(lanes.asked(), at(offsets), low, high, at(seen))

            self._workers.each(part, self._workers.parts(lanes.plan.first_row, GROUP))
            for customer in lanes.plan.alone.tolist():
                own = rows.stage_of_code[np.unique(rows.codes[offsets[customer] : offsets[customer + 1]])]
                seen[customer] = np.bitwise_or.reduce(np.uint32(1) << own.astype(np.uint32))
            lanes.seen = seen
        return lanes.seen

    def rows_in(self, rows: StagedRows, stages: Iterable[int]) -> Ints:
        """Return the positions of the rows in some stages."""
        if not _fits(rows):
            return self._plain.rows_in(rows, stages)
        scalar = Rows.of(rows)
        chosen = of_stages(stages)

        def part(low: int, high: int) -> NDArray[np.int32]:
            begin, end = scalar.span(low, high)
            row = np.empty(end - begin + 1, np.int32)
            return row[: self._cx.cx_rows_in(scalar.asked(), at(chosen), begin, end, at(row))]

        return np.concatenate([row for _, _, row in self._on_parts(scalar, part)])

    def crossed(self, one: Codes, other: Codes, shape: tuple[int, int]) -> Int64s:
        """Return how often each pair of groups stands side by side."""
        one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
        cells = shape[0] * shape[1]

        def part(low: int, high: int) -> Int64s:
            counts = np.zeros(cells, np.int64)
            self._cx.cx_cross(
                *(one.itemsize, at(one), other.itemsize, at(other)),
                *(shape[1], cells, low, high, at(counts)),
            )
            return counts

        counted: Int64s = np.sum(self._workers.each(part, self._workers.halves(len(one))), axis=0)
        return counted.reshape(shape)

    def ranked(self, values: Ints, ranks: Iterable[int]) -> Ints:
        """Return the values of some ranks."""
        if not _counts(values):
            return self._plain.ranked(values, ranks)
        return self._ranked(values, np.array(list(ranks), np.int64))

    def _ranked(self, values: Ints, ranks: Int64s) -> NDArray[np.int32]:
        values = whole(values, np.int32)
        found, room = np.empty(len(ranks), np.int32), np.empty(2 * len(values) + SPARE, np.int32)
        self._cx.cx_ranked(at(values), len(values), at(ranks), len(ranks), at(found), at(room))
        return found

    def in_order(self, groups: Sequence[Ints]) -> list[Ints]:
        """Return each group of numbers in ascending order."""
        if not all(map(_counts, groups)):
            return self._plain.in_order(groups)

        def ordered(values: Ints) -> Ints:
            values, spare = np.array(values, np.int32), np.empty(len(values), np.int32)
            self._cx.cx_put_in_order(at(values), len(values), at(spare))
            return values

        return self._workers.each(ordered, [(group,) for group in groups])

    def middles(self, groups: Sequence[Ints]) -> tuple[Ints, Ints]:
        """Return the middle values of groups of numbers."""
        if not all(_counts(group) for group in groups):
            return self._plain.middles(groups)
        return self._middles(Groups.of([[whole(group, np.int32)] for group in groups]))

    def _middles(self, groups: Groups) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the two middle values of each group, -1 of those without any."""
        low, high = np.empty((2, groups.n_groups), np.int32)
        sums = np.empty(groups.n_groups, np.int64)

        def part(first: int, last: int) -> None:
            room = np.empty(2 * groups.largest(first, last) + SPARE, np.int32)
            self._cx.cx_middles(groups.asked(), first, last, at(low), at(high), at(sums), at(room))

        shared = self._workers.shares(groups.size(0, groups.n_groups))
        one_each = [(group, group + 1) for group in range(groups.n_groups)]
        self._workers.each(part, one_each if shared else [(0, groups.n_groups)])
        return low, high

    def _on_parts(self, rows: Rows, work: Callable[[int, int], T]) -> list[tuple[int, int, T]]:
        """Return what a function of a range of customers gave for ranges that cover them all, in order."""
        parts = self._workers.parts(rows.offsets)
        return [
            (low, high, answer)
            for (low, high), answer in zip(parts, self._workers.each(work, parts), strict=True)
        ]


def _asked(rows: StagedRows, window: int | None, patience: int) -> _library.Asked:
    end_tick = rows.packed.end_tick
    return _library.Asked(
        rows.n_stages,
        end_tick if window is None else min(window, end_tick),
        min(patience, end_tick + 1),
        end_tick,
    )


def _room_for_buyers(size: int, kind: np.dtype[Any]) -> list[NDArray[Any]]:
    return [np.empty(size, one) for one in (np.int32, kind, kind, np.int32, np.int32, np.bool_)]


def _all_buyers(parts: Sequence[list[NDArray[Any]]], retained: Sequence[Int64s]) -> Buyers:
    customer, first, until_second, bought, looped, returned = map(np.concatenate, zip(*parts, strict=True))
    return Buyers(
        customer=customer,
        first=first,
        until_second=until_second,
        bought=bought,
        looped=looped,
        returned=returned,
        retained=np.sum(retained, axis=0),
    )


def _three(sums: Int64s) -> tuple[int, int, int]:
    return int(sums[0]), int(sums[1]), int(sums[2])


def _fits(rows: StagedRows) -> bool:
    """Whether positions, customers and codes are as narrow as the kernels have them."""
    return len(rows.codes) <= _INT32_MAX and rows.codes.dtype.itemsize <= np.dtype(np.uint16).itemsize


def _counts(values: Ints) -> bool:
    """Whether the kernels take numbers: 32 bits, none below 0."""
    return values.dtype == np.int32 and int(values.min(initial=0)) >= 0


def _one_piece(array: Ints) -> Ints:
    """Return the array in one piece, as 32 or 64 bits."""
    return whole(array, array.dtype if array.dtype in (np.int32, np.int64) else np.int64)
