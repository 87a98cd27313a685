"""The engine that needs nothing but numpy: whole arrays, no loop over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets import _runs, stats
from cx_widgets.engine import _credit, _ways
from cx_widgets.engine._journeys import journeys_of
from cx_widgets.engine._protocol import (
    BEFORE,
    LONGEST_CURVE,
    NEVER,
    OPEN,
    WINDOW,
    Buyers,
    Chains,
    CodedRows,
    FunnelLosses,
    FunnelPaths,
    FunnelTotals,
    Level,
    Moves,
    Purchases,
    Spells,
    Visits,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cx_widgets.engine._credit import Credited, Division
    from cx_widgets.engine._general import Way
    from cx_widgets.engine._outcomes import Judged, Lengths
    from cx_widgets.engine._protocol import (
        Bools,
        Bytes,
        Codes,
        Floats,
        Ints,
        Journeys,
        Lines,
        StagedRows,
        UnitCodes,
    )
    from cx_widgets.engine._ways import Brands, BrandTallies, Ways, WayTallies
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

    def attempts(self, rows: UnitCodes, way: Way) -> Lines:
        """Return how far units, or their attempts, get under special rules."""
        # Imported here: whoever counts plainly never waits for the special rules.
        from cx_widgets.engine._general import lines_of, rows_of_codes  # noqa: PLC0415

        return lines_of(rows_of_codes(rows, way.n_levels, len(way.exclusions)), way)

    def reasons(self, rows: UnitCodes, way: Way, lengths: Lengths) -> Judged:
        """Return why units, or their attempts, got no further under special rules."""
        from cx_widgets.engine._general import rows_of_codes  # noqa: PLC0415 - as above
        from cx_widgets.engine._outcomes import judged  # noqa: PLC0415 - as above

        return judged(rows_of_codes(rows, way.n_levels, len(way.exclusions)), way, lengths)

    def totals(self, rows: StagedRows, window: int | None, patience: int) -> FunnelTotals:
        """Return what the funnel adds up to."""
        coded = rows.coded()
        return totals_of(self.funnel(coded, window), coded.end_tick, patience)

    def losses(self, rows: StagedRows, window: int | None, patience: int) -> FunnelLosses:
        """Return why customers got no further."""
        coded = rows.coded()
        paths = self.funnel(coded, window)
        still = np.zeros(coded.n_customers, dtype=bool)
        still[paths.levels[0].customer] = coded.end_tick - paths.last_entry.astype(np.int64) < patience
        return losses_of(coded, paths, still, (coded, self.funnel(coded, None)))

    def visits(self, rows: CodedRows, *, merged: bool = True) -> Visits:
        """Return the visits: runs of rows in one stage, or each row."""
        first = _runs.begins(rows.customer)
        begins: Ints | slice = slice(None)
        if merged:
            begins = np.flatnonzero(first | _runs.begins(rows.stage))
            first = first[begins]
        return Visits(
            customer=rows.customer[begins],
            stage=rows.stage[begins],
            start=rows.tick[begins],
            first=first,
            last=np.append(first[1:], True)[: len(first)],
        )

    def moves(self, rows: StagedRows, *, merged: bool = True) -> Moves:
        """Return what the moves between visits add up to."""
        coded = rows.coded()
        return _moves_of(self.visits(coded, merged=merged), coded)

    def journeys(
        self, rows: StagedRows, goal: Bools, touch: Ints | None, money: Floats | None, *, merged: bool
    ) -> Journeys:
        """Return the paths to the rows that are a goal."""
        coded = rows.coded()
        return journeys_of(
            coded.customer,
            coded.tick,
            coded.stage.astype(np.int32) - 1 if touch is None else touch[coded.row],
            goal[rows.codes[coded.row]],
            None if money is None else money[coded.row],
            merged=merged,
        )

    def divided(self, asked: Division) -> Credited:
        """Return what touchpoints get of the purchases at the end of paths."""
        return _credit.divided(asked)

    def brand_tallies(self, rows: StagedRows, asked: Brands) -> BrandTallies:
        """Return what the brands on the ways to purchases add up to."""
        return _ways.brand_tallies(self, rows, asked)

    def way_tallies(self, rows: StagedRows, asked: Ways) -> WayTallies:
        """Return what leads and weighs on the ways to purchases, and how customers move between visits."""
        return _ways.way_tallies(self, rows, asked)

    def last_in(self, rows: StagedRows, stages: tuple[int, ...]) -> Ints:
        """Return the tick of each customer's last row in some stages; -1 for none."""
        return _ways.last_in(self, rows, stages)

    def buyers(
        self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int], period: tuple[int, int]
    ) -> Buyers:
        """Return who bought."""
        return buyers_of(self.purchases(rows, buying, researching), rows.packed.end_tick, period)

    def who(self, rows: StagedRows, stages: Iterable[int]) -> Bools:
        """Return which customers have a row in one of some stages."""
        there = np.zeros(len(rows.packed.offsets) - 1, dtype=bool)
        there[rows.packed.customers[self.rows_in(rows, stages)]] = True
        return there

    def customers(self, rows: StagedRows) -> Ints:
        """Return how many customers have a row in each stage."""
        n_customers, width = len(rows.packed.offsets) - 1, rows.n_stages + 1
        seen = np.zeros((n_customers, width), dtype=bool)
        seen[rows.packed.customers, rows.stage_of_code[rows.codes]] = True
        counted: Ints = seen.sum(axis=0)
        return counted

    def rows_in(self, rows: StagedRows, stages: Iterable[int]) -> Ints:
        """Return the positions of the rows in some stages."""
        return np.flatnonzero(_chosen(stages)[rows.stage_of_code][rows.codes])

    def crossed(self, one: Codes, other: Codes, shape: tuple[int, int]) -> Ints:
        """Return how often each pair of groups stands side by side."""
        # As narrow as pairs are few: these arrays are as long as customers are many.
        narrow = np.min_scalar_type(max(shape[0] * shape[1], shape[1]))
        both = one.astype(narrow) * narrow.type(shape[1]) + other.astype(narrow)
        return np.bincount(both, minlength=shape[0] * shape[1]).reshape(shape)

    def ranked(self, values: Ints, ranks: Iterable[int]) -> Ints:
        """Return the values of some ranks."""
        ranks = list(ranks)
        return np.partition(values, sorted(set(ranks)))[ranks]

    def in_order(self, groups: Sequence[Ints]) -> list[Ints]:
        """Return each group of numbers in ascending order."""
        return [np.sort(group) for group in groups]

    def middles(self, groups: Sequence[Ints]) -> tuple[Ints, Ints]:
        """Return the middle values of groups of numbers."""
        found = np.empty((2, len(groups)), dtype=np.int64)
        for number, group in enumerate(groups):
            found[:, number] = self.ranked(group, ((len(group) - 1) // 2, len(group) // 2))
        return found[0], found[1]

    def purchases(self, staged: StagedRows, buying: Iterable[int], researching: Iterable[int]) -> Purchases:
        """Return the purchases."""
        rows = staged.coded()
        bought = np.flatnonzero(_chosen(buying)[rows.stage])
        customer, tick = rows.customer[bought], rows.tick[bought]
        new_customer = _runs.begins(customer)
        at = bought[new_customer | _runs.begins(tick)]
        customer, tick = rows.customer[at], rows.tick[at]
        repeat = ~_runs.begins(customer)
        # Researching rows up to each position; those at the tick of the purchase before do not count.
        research = np.flatnonzero(_chosen(researching)[rows.stage])
        return Purchases(
            customer=customer,
            tick=tick,
            repeat=repeat,
            researched=_researched(rows, research, at, repeat),
        )


def buyers_of(made: Purchases, end_tick: int, period: tuple[int, int]) -> Buyers:
    """Return who made some purchases."""
    times, over = period
    begins = np.flatnonzero(~made.repeat)
    bought = np.diff(np.append(begins, len(made.repeat)))
    first, repeated = made.tick[begins], bought > 1
    second = np.full(len(begins), end_tick, dtype=first.dtype)
    second[repeated] = made.tick[begins[repeated] + 1]
    owner = np.repeat(np.arange(len(begins)), bought)
    here = (made.tick.astype(np.int64) - first[owner]) * times // over
    periods = (end_tick - first.astype(np.int64)) * times // over
    # Purchases of one customer come in time order, so equal periods lie together.
    seen = (_runs.begins(here) | _runs.begins(owner)) & (here < periods[owner])
    returned = np.zeros(len(begins), dtype=bool)
    returned[owner[seen & (here == 1)]] = True
    return Buyers(
        customer=made.customer[begins],
        first=first,
        until_second=second - first,
        bought=bought.astype(np.int32),
        looped=np.bincount(owner[made.repeat & ~made.researched], minlength=len(begins)).astype(np.int32),
        returned=returned,
        retained=np.bincount(here[seen & (here < LONGEST_CURVE)], minlength=LONGEST_CURVE),
    )


def totals_of(paths: FunnelPaths, end_tick: int, patience: int) -> FunnelTotals:
    """Return what the paths of customers add up to."""
    first, last = paths.levels[0], paths.levels[-1]
    n_levels = len(paths.levels)
    waiting = paths.reach[first.customer][end_tick - paths.last_entry.astype(np.int64) < patience]
    took = np.full(len(paths.reach), -1, dtype=last.reached.dtype)
    took[last.customer] = last.reached - last.entered
    return FunnelTotals(
        reach=np.array([len(level.customer) for level in paths.levels], dtype=np.int64),
        open=np.bincount(waiting[waiting < n_levels], minlength=n_levels + 1)[1:],
        median_since_entry=_medians_of(level.reached - level.entered for level in paths.levels[1:]),
        median_since_previous=_medians_of(level.reached - level.previous for level in paths.levels[1:]),
        deepest=paths.reach,
        took=took,
    )


def _medians_of(times: Iterable[Ints]) -> Floats:
    """Return the median of the times of each level but the first, for which there are none."""
    return np.array([np.nan, *map(median_of, times)])


def median_of(values: Ints) -> float:
    """Return the median of whole numbers, exactly; NaN of none."""
    if not len(values):
        return np.nan
    middle = (len(values) - 1) // 2, len(values) // 2
    low, high = np.partition(values, middle)[list(middle)]
    return float(low) + float(high - low) / 2


def losses_of(
    rows: CodedRows, paths: FunnelPaths, still: Bools, free: tuple[CodedRows, FunnelPaths] | None
) -> FunnelLosses:
    """Return why customers got no further, with their paths inside the window and free of it.

    Of those for whom ``still`` holds whoever did not convert is open. Without paths free of the window no
    time is told.
    """
    last = len(paths.levels)
    lost = (paths.reach > 0) & (paths.reach < last)
    open_ = lost & still
    lost &= ~still
    why = np.where(open_, OPEN, np.where(lost, NEVER, 0)).astype(np.uint8)
    for number, level in enumerate(paths.levels[:-1], start=1):
        missed = np.flatnonzero(rows.stage == number + 1)
        missed = missed[(lost & (paths.reach == number))[rows.customer[missed]]]
        why[rows.customer[missed]] = BEFORE
        # A row behind an arrival would have been the next stage, had the window not closed before.
        latest = np.searchsorted(level.arrival, missed) - 1
        behind = latest >= 0
        behind[behind] = rows.customer[level.arrival[latest[behind]]] == rows.customer[missed[behind]]
        why[rows.customer[missed[behind]]] = WINDOW
    took = np.full(len(why), -1, dtype=rows.tick.dtype)
    if free is not None:
        _quickest(*free, (why == WINDOW) * (paths.reach + 1), took)
    return FunnelLosses(paths.reach, why, took)


def _quickest(rows: CodedRows, paths: FunnelPaths, wanted: Ints, took: Ints) -> None:
    """Write the ticks of the quickest chain to the level wanted for each customer; 0 is none."""
    began = rows.tick[paths.levels[0].arrival]
    for number, level in enumerate(paths.levels[1:], start=2):
        began = began[level.parent]
        here = (wanted == number)[rows.customer[level.arrival]]
        arrival = level.arrival[here]
        first = np.flatnonzero(_runs.begins(rows.customer[arrival]))
        if len(first):
            lasted = rows.tick[arrival] - began[here]
            took[rows.customer[arrival[first]]] = np.minimum.reduceat(lasted, first)


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
    first = np.flatnonzero(_runs.begins(customer))
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
    together = _runs.begins(rows.customer[before.arrival]) | _runs.begins(start)
    earliest = np.maximum.accumulate(np.where(together, np.arange(len(together)), 0))
    parent = earliest[latest]
    customer = rows.customer[arrival]
    first = np.flatnonzero(_runs.begins(customer))
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


def _moves_of(made: Visits, rows: CodedRows) -> Moves:
    width = rows.n_stages + 1
    # The stage after each visit, and how long it lasted until then, or until the end of observation.
    after = np.append(made.stage[1:], made.stage[:1])[: len(made.stage)]
    target = np.where(made.last, np.uint8(0), after)
    until = np.append(made.start[1:], made.start[:1])[: len(made.start)]
    spent = np.where(made.last, rows.end_tick, until) - made.start
    move = made.stage.astype(np.uint16) * np.uint16(width) + target
    by_move = _Runs.of(move, made.customer)
    by_stage = _Runs.of(made.stage.astype(np.uint16), made.customer)
    visited = np.empty(len(move), dtype=np.int64)
    visited[by_stage.order] = np.repeat(by_stage.length, by_stage.length)
    every = np.bincount(made.customer, minlength=rows.n_customers)
    every[made.customer[made.first]] += 1
    starts = made.stage[made.first]

    def table(values: Ints, line: Ints) -> Ints:
        """Return sums by move as a square whose first line, the starts, is given."""
        square = values.astype(np.int64).reshape(width, width)
        square[0] = line
        return square

    def by_customer(counted: Bools) -> Ints:
        return np.bincount(made.customer[counted], minlength=rows.n_customers)

    size = width * width
    count = table(np.bincount(move, minlength=size), np.bincount(starts, minlength=width))
    changes = (target > 0) & (target != made.stage)
    between = by_customer(changes)
    skips = by_customer(changes & (target > made.stage + np.uint16(1)))
    backs = by_customer(changes & (target < made.stage))
    spent = spent[by_move.order].astype(made.start.dtype)
    # Sums of whole numbers, so floats are exact. Every customer starts once.
    return Moves(
        count=count,
        customers=table(by_move.summed(None, size), count[0]),
        squares=table(by_move.summed(by_move.length**2, size), count[0]),
        products=table(np.bincount(move, weights=visited, minlength=size), count[0]),
        of_all=table(
            np.bincount(move, weights=every[made.customer], minlength=size),
            np.bincount(starts, weights=every[made.customer[made.first]], minlength=width),
        ),
        leavers=by_stage.summed(None, width),
        left_squares=by_stage.summed(by_stage.length**2, width),
        skips=(int(skips.sum()), int(skips @ skips), int(skips @ between)),
        backs=(int(backs.sum()), int(backs @ backs), int(backs @ between)),
        between=(int(between.sum()), int(between @ between), int(np.count_nonzero(between))),
        every=(int(every.sum()), int(every @ every), int(np.count_nonzero(every))),
        spells=spells_of(np.split(spent, np.cumsum(np.bincount(move, minlength=size))[:-1]), width),
    )


def spells_of(spent: Sequence[Ints], width: int) -> Spells:
    """Return how long visits lasted, from the ticks before each move, none of moves into the first stage."""
    sums, staying = np.zeros(width * width), np.full(width, np.nan)
    medians = np.full(width * width, np.nan)
    for stage in range(1, width):
        # The first of a stage are its moves to the end.
        censored, *ended = spent[stage * width : (stage + 1) * width]
        staying[stage] = stats.kaplan_meier_median(np.concatenate(ended), censored)
    for move in range(width, width * width):
        sums[move], medians[move] = _sum(spent[move]), median_of(spent[move])
    return Spells(sums.reshape(width, width), medians.reshape(width, width), staying)


def _sum(values: Ints) -> float:
    # In halves, so that a sum of nanoseconds over years fits into integers.
    wide = values.astype(np.int64)
    return float((wide >> 32).sum()) * 2.0**32 + float((wide & 0xFFFFFFFF).sum())


class _Runs(NamedTuple):
    """Visits sorted by a code, and their runs with one code and one customer."""

    order: Ints
    first: Ints
    length: Ints
    code: Codes

    @classmethod
    def of(cls, code: Codes, customer: Ints) -> _Runs:
        # A stable sort of a 16-bit code is a radix sort, and keeps customers ascending inside each code.
        order = np.argsort(code, kind="stable")
        codes, customers = code[order], customer[order]
        first = np.flatnonzero(_runs.begins(codes) | _runs.begins(customers))
        return cls(order, first, np.diff(np.append(first, len(order))), codes[first])

    def summed(self, weights: Ints | None, size: int) -> Ints:
        """Return the sum of the weights of each code, or how many runs it has; whole, so floats are exact."""
        return np.bincount(self.code, weights=weights, minlength=size).astype(np.int64)


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


def _last_of_run(values: Ints) -> Ints:
    """Return the last position of each run of equal values."""
    return np.flatnonzero(np.append(values[1:] != values[:-1], True)[: len(values)])
