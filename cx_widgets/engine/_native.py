"""The compiled engine: the kernels of native/, called on the packed arrays from several threads."""

from __future__ import annotations

from ctypes import byref
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cx_widgets import _library, stats
from cx_widgets._library import at, pool, whole
from cx_widgets.engine import _native_ways
from cx_widgets.engine._numpy import NumpyEngine
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
    Visits,
)

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import Bools, Bytes, Codes, Floats, Ints, StagedRows
    from cx_widgets.engine._ways import Brands, BrandTallies, Paces, WayTallies
    from cx_widgets.log import Packed

    Int64s = NDArray[np.int64]

GROUP = 16
"""Customers side by side, as in native/lanes.h."""
LONGEST_GROUP = 4096
"""Events of the longest customer who stands beside others."""
MOST_LANE_STAGES = 8
MOST_MOVE_STAGES = 12
MOST_SEEN_STAGES = 31
LANE_TICKS = 2**30
"""Ticks that lie beside each other are below this."""
LONGEST = 2**63 - 1
"""A window without end, in ticks."""

_INT32_MAX = np.iinfo(np.int32).max
_WIDE = 8
# Below so many rows a second thread costs more than it saves.
_ROWS_FOR_THREADS = 200_000

T = TypeVar("T")
W = TypeVar("W", bound="_Into")


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

    def code(self, packed: Packed, stage_of_rows: Bytes, n_stages: int, *, by_row: bool = False) -> CodedRows:
        """Return the rows that lie in a stage, at ties in stage order or as in the frame."""
        if len(stage_of_rows) > _INT32_MAX or len(packed.offsets) > _INT32_MAX:
            return self._plain.code(packed, stage_of_rows, n_stages, by_row=by_row)
        rows = _Rows(packed, stage_of_rows, _every_stage(), by_row=by_row)
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

        self._each(
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

    def totals(self, rows: StagedRows, window: int | None, patience: int) -> FunnelTotals:
        """Return what the funnel adds up to."""
        if not _fits(rows):
            return self._plain.totals(rows, window, patience)
        n_customers = len(rows.packed.offsets) - 1
        deepest = np.empty(n_customers, np.uint8)
        took = np.empty(n_customers, rows.packed.ticks.dtype)

        def into(customers: int) -> _Told:
            return _Told(rows.n_stages, customers, deepest, took)

        kernels = self._cx.cx_totals_of_lanes, self._cx.cx_totals_of_customers
        told = self._through(rows, _asked(rows, window, patience), kernels, into)
        return _together(told, rows.n_stages, deepest, took)

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
        into = _Into(_library.Lost(at(lost.deepest), at(lost.why), at(lost.took)))
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
        scalar = _Rows.of(rows)

        def walked(low: int, high: int, customers: NDArray[np.int32] | None = None) -> W:
            written, room = into(high - low), scalar.room()
            chosen = None if customers is None else at(customers)
            one_by_one(scalar.asked(), chosen, low, high, room.asked(), byref(asked), byref(written.asked))
            return written

        lanes = self._staged_lanes(rows) if rows.n_stages <= MOST_LANE_STAGES else None
        if lanes is None:
            return [part for _, _, part in self._on_parts(scalar, walked)]

        def side(low: int, high: int) -> W:
            written = into((high - low) * GROUP)
            side_by_side(lanes.asked(), low, high, byref(asked), byref(written.asked))
            return written

        parts = self._each(side, _parts(lanes.plan.first_row, self.threads, GROUP))
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
        scalar = _Rows.of(rows)
        width, kind = rows.n_stages + 1, rows.packed.ticks.dtype
        offsets = rows.packed.offsets

        def walked(low: int, high: int, customers: NDArray[np.int32] | None = None) -> _Made:
            size = int(offsets[high] - offsets[low]) if customers is None else scalar.longest * (high - low)
            made, room = _Made.empty(width, size, kind), scalar.room()
            sizes = (width * width, width, width * width + 1, width + 1)
            own = [np.zeros(size, np.int32) for size in sizes]
            n = self._cx.cx_moves(
                *(scalar.asked(), None if customers is None else at(customers), low, high, room.asked()),
                *(rows.n_stages, merged, rows.packed.end_tick, byref(_library.Sums(*map(at, made.sums)))),
                *(byref(_library.Own(*map(at, own))), at(made.move), at(made.spent)),
            )
            return made.first(n)

        lanes = self._staged_lanes(rows) if rows.n_stages <= MOST_MOVE_STAGES else None
        if lanes is None:
            parts = [made for _, _, made in self._on_parts(scalar, walked)]
        else:
            first_row = lanes.plan.first_row

            def side(low: int, high: int) -> _Made:
                made = _Made.empty(width, int(first_row[high] - first_row[low]) * GROUP + 1, kind)
                sums = _library.Sums(*map(at, made.sums))
                n = self._cx.cx_moves_in_lanes(
                    *(lanes.asked(), low, high, rows.n_stages, merged, rows.packed.end_tick),
                    *(byref(sums), at(made.move), at(made.spent)),
                )
                return made.first(n)

            parts = self._each(side, _parts(first_row, self.threads, GROUP))
            alone = lanes.plan.alone
            parts += [walked(place, place + 1, alone) for place in range(len(alone))]
        sums = [np.sum(same, axis=0) for same in zip(*(made.sums for made in parts), strict=True)]
        count, customers, squares, products, of_all = (table.reshape(width, width) for table in sums[:5])
        leavers, left_squares, skips, backs, between, every = sums[5:]
        customers[0] = squares[0] = products[0] = count[0]
        spent = np.empty(int(count[1:].sum()), kind)
        # Where the times of each move begin, and inside them those of each part.
        begins = np.append(0, np.cumsum(count[1:]))[:-1]
        begins = np.append(np.zeros(width, np.int64), begins)
        places = []
        for made in parts:
            places.append(begins.copy())
            begins[width:] += made.sums[0][width:]

        def group(made: _Made, place: Int64s) -> tuple[Int64s, Int64s]:
            upper, lower = np.zeros(width * width, np.int64), np.zeros(width * width, np.int64)
            self._cx.cx_group(
                *(kind.itemsize, at(made.move), at(made.spent), len(made.move)),
                *map(at, (place, spent, upper, lower)),
            )
            return upper, lower

        upper, lower = np.sum(self._each(group, list(zip(parts, places, strict=True))), axis=0)
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
            spent=spent,
            spent_sums=(upper * 2.0**32 + lower).reshape(width, width),
        )

    def purchases(self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int]) -> Purchases:
        """Return the purchases."""
        buying, researching = tuple(buying), tuple(researching)
        if not _fits(rows):
            return self._plain.purchases(rows, buying, researching)
        scalar = _Rows.of(rows)
        buys, looks = _stages(buying), _stages(researching)
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
        scalar = _Rows.of(rows)
        goals = _table(goal.astype(np.uint8), scalar.codes.dtype)
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

    def brand_tallies(self, rows: StagedRows, asked: Brands) -> BrandTallies:
        """Return what the brands on the ways to purchases add up to."""
        if not _fits(rows) or asked.n_brands > _native_ways.MOST_BRANDS:
            return self._plain.brand_tallies(rows, asked)
        return _native_ways.brand_tallies(self._called(rows), asked)

    def way_tallies(
        self,
        rows: StagedRows,
        buying: tuple[int, ...],
        touch: Ints | None,
        sides: tuple[Bools, Bools] | None,
    ) -> WayTallies:
        """Return what leads on the ways to purchases, and what the touches of two sides weigh."""
        if not _fits(rows):
            return self._plain.way_tallies(rows, buying, touch, sides)
        return _native_ways.way_tallies(self._called(rows), _stages(buying), touch, sides)

    def paces(self, rows: StagedRows, one: tuple[int, ...], other: tuple[int, ...]) -> Paces:
        """Return how customers move, and on which of two kinds of stages they stay longer."""
        if not _fits(rows):
            return self._plain.paces(rows, one, other)
        return _native_ways.paces(self._called(rows), one, other)

    def last_in(self, rows: StagedRows, stages: tuple[int, ...]) -> Int64s:
        """Return the tick of each customer's last row in some stages; -1 for none."""
        if not _fits(rows):
            return self._plain.last_in(rows, stages)
        return _native_ways.last_in(self._called(rows), _stages(stages))

    def _called(self, rows: StagedRows) -> _native_ways.Called:
        scalar = _Rows.of(rows)
        return _native_ways.Called(self._cx, scalar, partial(self._on_parts, scalar))

    def buyers(
        self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int], period: tuple[int, int]
    ) -> Buyers:
        """Return who bought."""
        if not _fits(rows):
            return self._plain.buyers(rows, buying, researching, period)
        scalar, kind = _Rows.of(rows), rows.packed.ticks.dtype
        buys, looks = _stages(buying), _stages(researching)
        wanted = _library.Wanted(at(buys), at(looks), rows.packed.end_tick, *period, LONGEST_CURVE)

        def part(low: int, high: int) -> list[NDArray[Any]]:
            kinds = (np.int32, kind, kind, np.int32, np.int32, np.bool_)
            arrays: list[NDArray[Any]] = [np.empty(high - low, kind) for kind in kinds]
            retained, room = np.zeros(LONGEST_CURVE, np.int64), scalar.room()
            to = _library.Buyers(*map(at, arrays), at(retained))
            made = self._cx.cx_buyers(scalar.asked(), low, high, room.asked(), byref(wanted), byref(to))
            return [*(array[:made] for array in arrays), retained]

        parts = [made for _, _, made in self._on_parts(scalar, part)]
        *each, retained = zip(*parts, strict=True)
        customer, first, until_second, bought, looped, returned = map(np.concatenate, each)
        return Buyers(
            customer=customer,
            first=first,
            until_second=until_second,
            bought=bought,
            looped=looped,
            returned=returned,
            retained=np.sum(retained, axis=0),
        )

    def who(self, rows: StagedRows, stages: Iterable[int]) -> Bools:
        """Return which customers have a row in one of some stages."""
        if not _fits(rows):
            return self._plain.who(rows, stages)
        scalar, chosen = _Rows.of(rows), _stages(stages)
        lanes = self._staged_lanes(rows) if rows.n_stages <= MOST_SEEN_STAGES else None
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
        lanes = self._staged_lanes(rows) if rows.n_stages <= MOST_SEEN_STAGES else None
        if lanes is not None:
            seen = self._seen(rows, lanes)
            stages = range(rows.n_stages + 1)
            return np.array([np.count_nonzero(seen & np.uint32(1 << stage)) for stage in stages], np.int64)
        scalar = _Rows.of(rows)

        def part(low: int, high: int) -> Int64s:
            counts = np.zeros(256, np.int64)
            self._cx.cx_customers(scalar.asked(), low, high, at(counts))
            return counts

        parts = [counts for _, _, counts in self._on_parts(scalar, part)]
        counted: Int64s = np.sum(parts, axis=0)[: rows.n_stages + 1]
        return counted

    def _seen(self, rows: StagedRows, lanes: _Lanes) -> NDArray[np.uint32]:
        """Return the stages each customer has a row in, a bit for each; bit 0 is for rows in none."""
        if lanes.seen is None:
            offsets = whole(rows.packed.offsets, np.int64)
            seen = np.empty(len(offsets) - 1, np.uint32)

            def part(low: int, high: int) -> None:
                self._cx.cx_seen_in_lanes(lanes.asked(), at(offsets), low, high, at(seen))

            self._each(part, _parts(lanes.plan.first_row, self.threads, GROUP))
            for customer in lanes.plan.alone.tolist():
                own = rows.stage_of_code[np.unique(rows.codes[offsets[customer] : offsets[customer + 1]])]
                seen[customer] = np.bitwise_or.reduce(np.uint32(1) << own.astype(np.uint32))
            lanes.seen = seen
        return lanes.seen

    def rows_in(self, rows: StagedRows, stages: Iterable[int]) -> Ints:
        """Return the positions of the rows in some stages."""
        if not _fits(rows):
            return self._plain.rows_in(rows, stages)
        scalar = _Rows.of(rows)
        chosen = _stages(stages)

        def part(low: int, high: int) -> NDArray[np.int32]:
            begin, end = scalar.span(low, high)
            row = np.empty(end - begin + 1, np.int32)
            return row[: self._cx.cx_rows_in(scalar.asked(), at(chosen), begin, end, at(row))]

        return np.concatenate([row for _, _, row in self._on_parts(scalar, part)])

    def ranked(self, values: Ints, ranks: Iterable[int]) -> Ints:
        """Return the values of some ranks."""
        if not _counts(values):
            return self._plain.ranked(values, ranks)
        return self._ranked(values, np.array(list(ranks), np.int64))

    def _ranked(self, values: Ints, ranks: Int64s) -> NDArray[np.int32]:
        values = whole(values, np.int32)
        found, room = np.empty(len(ranks), np.int32), np.empty(2 * len(values) + 2, np.int32)
        self._cx.cx_ranked(at(values), len(values), at(ranks), len(ranks), at(found), at(room))
        return found

    def middles(self, groups: Sequence[Ints]) -> tuple[Ints, Ints]:
        """Return the middle values of groups of numbers."""
        if not all(_counts(group) for group in groups):
            return self._plain.middles(groups)

        def one(group: Ints) -> NDArray[np.int32]:
            return self._ranked(group, np.array([(len(group) - 1) // 2, len(group) // 2], np.int64))

        found = np.array(self._each(one, [(group,) for group in groups]), np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    def survival_medians(self, groups: Sequence[tuple[Ints, Ints]]) -> list[float]:
        """Return the Kaplan-Meier medians of durations that ended and durations cut off."""
        if not all(_counts(times) for group in groups for times in group):
            return self._plain.survival_medians(groups)

        def one(ended: Ints, censored: Ints) -> float:
            ended, censored = whole(ended, np.int32), whole(censored, np.int32)
            room = np.empty(3 * (len(ended) + len(censored)) + 4, np.int32)
            found = self._cx.cx_survival_median(
                at(ended), len(ended), at(censored), len(censored), stats.HALF, at(room)
            )
            return float(found) if found >= 0 else np.nan

        return self._each(one, groups)

    def _staged_lanes(self, rows: StagedRows) -> _Lanes | None:
        """Return the customers side by side with the stages of their rows; None where ticks are too wide."""
        packed = rows.packed
        if packed.ticks.dtype != np.int32 or packed.end_tick >= LANE_TICKS - 1:
            return None
        # All that is asked about an edit needs the same stages: they are kept until the next one.
        latest = rows.keep(("engine", "lanes", "latest"), _Latest)
        in_order = packed.has_ties and not rows.by_row
        key = rows.stage_of_code.tobytes(), rows.key, in_order
        return latest.get(key, lambda: self._stages_of_lanes(rows, in_order=in_order))

    def _stages_of_lanes(self, rows: StagedRows, *, in_order: bool) -> _Lanes:
        packed = rows.packed
        plan = rows.keep(("engine", "lanes", "plan"), lambda: _Plan.of(packed.offsets))
        ticks = rows.keep(("engine", "lanes", "ticks"), lambda: self._laid_ticks(packed, plan))
        # Codes of conditions are as many as there are edits of them: those are laid out anew each time.
        codes = (
            rows.keep(("engine", "lanes", "codes"), lambda: self._laid_codes(rows, plan))
            if rows.key is None
            else self._laid_codes(rows, plan)
        )
        table = _table(rows.stage_of_code, codes.dtype)
        stage = np.empty(len(codes), np.uint8)

        def fill(low: int, high: int) -> None:
            self._cx.cx_stages_of_lanes(
                *(at(plan.first_row), codes.itemsize, at(codes), at(ticks), at(table)),
                *(in_order, low, high, at(stage)),
            )

        self._each(fill, _parts(plan.first_row, self.threads, GROUP))
        return _Lanes(plan, ticks, stage)

    def _laid_ticks(self, packed: Packed, plan: _Plan) -> NDArray[np.int32]:
        given = whole(packed.ticks, np.int32)
        laid = np.empty(int(plan.first_row[-1]) * GROUP, np.int32)

        def fill(low: int, high: int) -> None:
            self._cx.cx_lay_out_ticks(at(packed.offsets), at(given), *plan.places(), low, high, at(laid))

        self._each(fill, _parts(plan.first_row, self.threads, GROUP))
        return laid

    def _laid_codes(self, rows: StagedRows, plan: _Plan) -> NDArray[Any]:
        given, offsets = rows.codes, rows.packed.offsets
        if given.dtype == np.uint8 and len(rows.stage_of_code) > np.iinfo(np.uint8).max:
            # Padding needs a code of its own.
            given = given.astype(np.uint16)
        given = whole(given, given.dtype)
        laid = np.empty(int(plan.first_row[-1]) * GROUP, given.dtype)

        def fill(low: int, high: int) -> None:
            self._cx.cx_lay_out_codes(
                given.itemsize, at(offsets), at(given), *plan.places(), low, high, at(laid)
            )

        self._each(fill, _parts(plan.first_row, self.threads, GROUP))
        return laid

    def _on_parts(self, rows: _Rows, work: Callable[[int, int], T]) -> list[tuple[int, int, T]]:
        """Return what a function of a range of customers gave for ranges that cover them all, in order."""
        parts = _parts(rows.offsets, self.threads, 1)
        return [
            (low, high, answer) for (low, high), answer in zip(parts, self._each(work, parts), strict=True)
        ]

    def _each(self, work: Callable[..., T], parts: Sequence[tuple[object, ...]]) -> list[T]:
        """Return what a function gave for each of some arguments; several are worked on at once."""
        if len(parts) < 2 or self.threads < 2:  # noqa: PLR2004 - nothing to share
            return [work(*part) for part in parts]
        return [future.result() for future in [pool(self.threads).submit(work, *part) for part in parts]]


class _Rows:
    """The rows of a log as the kernels want them; the arrays live as long as it does."""

    def __init__(
        self, packed: Packed, codes: Codes, stage_of_code: Bytes, *, by_row: bool, longest: int | None = None
    ) -> None:
        self.offsets = whole(packed.offsets, np.int64)
        self.codes = whole(codes, np.uint8 if codes.dtype == np.uint8 else np.uint16)
        self.ticks = whole(packed.ticks, packed.ticks.dtype)
        self._table = _table(stage_of_code, self.codes.dtype)
        self._log = _library.Log(
            self.codes.itemsize,
            self.ticks.itemsize,
            packed.has_ties and not by_row,
            *map(at, (self.offsets, self.codes, self.ticks, self._table)),
        )
        self.longest = _longest(packed) if longest is None else longest

    @classmethod
    def of(cls, rows: StagedRows) -> _Rows:
        longest = rows.keep(("engine", "longest"), lambda: _longest(rows.packed))
        return cls(rows.packed, rows.codes, rows.stage_of_code, by_row=rows.by_row, longest=longest)

    def asked(self) -> object:
        return byref(self._log)

    def span(self, low: int, high: int) -> tuple[int, int]:
        """Return the first row of a customer and the first of another."""
        return int(self.offsets[low]), int(self.offsets[high])

    def room(self) -> _Room:
        """Return room for the longest customer: one for each thread."""
        return _Room(self.longest + 1, self.ticks.dtype)


def _longest(packed: Packed) -> int:
    """Return the rows of the customer with the most."""
    return int(np.diff(packed.offsets).max(initial=0))


class _Room:
    """Room for the rows of one customer."""

    def __init__(self, size: int, kind: np.dtype[Any]) -> None:
        kinds = (np.uint8, kind, np.int32, np.uint8, np.int32)
        self._arrays = [np.empty(size, kind) for kind in kinds]
        self._room = _library.Room(*map(at, self._arrays))

    def asked(self) -> object:
        return byref(self._room)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Which customers stand side by side: those with nearly as many events."""

    customer: NDArray[np.int32]
    first_row: Int64s
    alone: NDArray[np.int32]

    @classmethod
    def of(cls, offsets: Int64s) -> _Plan:
        lengths = np.diff(offsets)
        alone = np.flatnonzero(lengths > LONGEST_GROUP).astype(np.int32)
        # Sixteen bits sort in linear time.
        order = np.argsort((LONGEST_GROUP - lengths).astype(np.uint16), kind="stable")
        order = order[lengths[order] <= LONGEST_GROUP] if len(alone) else order
        groups = -(-len(order) // GROUP)
        customer = np.full(groups * GROUP, -1, np.int32)
        customer[: len(order)] = order
        first_row = np.zeros(groups + 1, np.int64)
        np.cumsum(lengths[order[::GROUP]], out=first_row[1:])
        return cls(customer, first_row, alone)

    def places(self) -> tuple[int, int]:
        """Return where the kernels find who stands where."""
        return at(self.customer), at(self.first_row)


class _Lanes:
    """Customers side by side, and the stages of their rows; the arrays live as long as it does."""

    def __init__(self, plan: _Plan, ticks: NDArray[np.int32], stage: Bytes) -> None:
        self.plan = plan
        self.seen: NDArray[np.uint32] | None = None
        self._arrays: list[NDArray[Any]] = [plan.first_row, plan.customer, ticks, stage]
        self._lanes = _library.Lanes(*map(at, self._arrays))

    def asked(self) -> object:
        return byref(self._lanes)


class _Latest:
    """The stages of the edit asked about last."""

    def __init__(self) -> None:
        self._kept: tuple[object, _Lanes] | None = None

    def get(self, key: object, compute: Callable[[], _Lanes]) -> _Lanes:
        kept = self._kept
        if kept is None or kept[0] != key:
            # Given up first, so that there are never two of them.
            self._kept = None
            kept = self._kept = key, compute()
        return kept[1]


class _Into:
    """What a kernel writes to."""

    def __init__(self, asked: ctypes.Structure) -> None:
        self.asked = asked


class _Told(_Into):
    """What the totals of some customers are written to."""

    def __init__(self, n_stages: int, room: int, deepest: Bytes, took: Ints) -> None:
        self.reached, self.open, self.listed = (np.zeros(n_stages + 1, np.int64) for _ in range(3))
        self.since_entry, self.since_previous = (
            np.empty((max(n_stages - 1, 1), room), took.dtype) for _ in range(2)
        )
        told: list[NDArray[Any]] = [self.reached, self.open, deepest, took]
        told += [self.since_entry, self.since_previous, self.listed]
        super().__init__(_library.Told(*map(at, told), room))


def _asked(rows: StagedRows, window: int | None, patience: int) -> _library.Asked:
    end_tick = rows.packed.end_tick
    return _library.Asked(
        rows.n_stages,
        end_tick if window is None else min(window, end_tick),
        min(patience, end_tick + 1),
        end_tick,
    )


def _together(told: Sequence[_Told], n_stages: int, deepest: Bytes, took: Ints) -> FunnelTotals:
    def times(name: str, first: int) -> list[Ints]:
        return [
            np.concatenate([getattr(part, name)[level - 2][: part.listed[level]] for part in told])
            for level in range(first, n_stages + 1)
        ]

    at_entry, since_entry = took[:0], times("since_entry", 2)
    return FunnelTotals(
        reach=np.sum([part.reached for part in told], axis=0)[1:],
        open=np.sum([part.open for part in told], axis=0)[1:],
        since_entry=(at_entry, *since_entry),
        # The level before the second is entry, and of that level no time is written.
        since_previous=(at_entry, *since_entry[:1], *times("since_previous", 3)),
        deepest=deepest,
        took=took,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """The moves of some customers: sums in the order of `Sums` of native/moves.cpp, and each move."""

    sums: tuple[Int64s, ...]
    move: NDArray[np.uint16]
    spent: Ints

    @classmethod
    def empty(cls, width: int, size: int, kind: np.dtype[Any]) -> _Made:
        sizes = (*(width * width for _ in range(5)), width, width, 3, 3, 3, 3)
        return cls(
            tuple(np.zeros(size, np.int64) for size in sizes), np.empty(size, np.uint16), np.empty(size, kind)
        )

    def first(self, moves: int) -> _Made:
        """Return so many moves of them, of all there is room for."""
        return _Made(self.sums, self.move[:moves], self.spent[:moves])


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


def _stages(chosen: Iterable[int]) -> Bools:
    """Return for each number of a stage whether it is one of some."""
    there = np.zeros(256, np.bool_)
    there[list(chosen)] = True
    return there


@cache
def _every_stage() -> Bytes:
    return np.arange(256, dtype=np.uint8)


def _table(stage_of_code: Bytes, codes: np.dtype[Any]) -> Bytes:
    """Return the stage of every code there can be; those without an event, padding too, lie in none."""
    table = np.zeros(np.iinfo(codes).max + 1, np.uint8)
    table[: len(stage_of_code)] = stage_of_code
    return table


def _parts(offsets: Int64s, threads: int, rows_of_one: int) -> list[tuple[int, int]]:
    """Return ranges of customers, or groups, of about as many rows; one where there is little to do."""
    n, rows = len(offsets) - 1, int(offsets[-1]) * rows_of_one
    parts = 1 if threads < 2 or rows < _ROWS_FOR_THREADS else 4 * threads  # noqa: PLR2004 - one thread
    wanted = np.arange(1, parts) * int(offsets[-1]) // parts
    edges = np.unique([0, *np.searchsorted(offsets, wanted).tolist(), n]).tolist()
    return list(pairwise(edges)) if n else [(0, 0)]
