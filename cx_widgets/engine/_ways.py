"""The ways to purchases: what is asked about them, what is told, and how numpy tells it.

A way holds what a customer touches behind the time of the purchase before, up to a purchase; what stands
behind a purchase at its time, or behind the last one, is on none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from cx_widgets import _runs
from cx_widgets.stats import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import (
        Bools,
        CodedRows,
        Floats,
        Ints,
        Journeys,
        Purchases,
        StagedRows,
        Visits,
    )

    Int64s = NDArray[np.int64]

FIRST, LATER, BOUGHT = 1, 2, 4
"""What a brand was on a way, as bits: in the first set, met from the first evaluating row on, bought."""

WHOLE = 8
"""How far behind the other entries those of ways stand that have a first set and an evaluating row."""

ENTRIES = 16
WAYS = ("counted", "with_first", "whole", "again", "switched", "own_first", "own_lost")
"""What is told of the ways of each customer, see `BrandTallies`."""

_FLAGS = 8
_EVERY = ("all", "first", "repeat")


@dataclass(frozen=True, slots=True, eq=False)
class Brands:
    """What is asked about the brands on ways.

    Attributes
    ----------
    of_row
        The brand of each packed row, a number from 0; -1 where it is not known.
    n_brands
        How many there are.
    considering, evaluating, buying
        The stages of each kind.
    own
        One of the brands, or -1.
    purchases
        ``"all"``, ``"first"`` or ``"repeat"``: the ways to which purchases count.
    """

    of_row: Ints
    n_brands: int
    considering: tuple[int, ...]
    evaluating: tuple[int, ...]
    buying: tuple[int, ...]
    own: int
    purchases: str

    @property
    def number_of_purchases(self) -> int:
        """The place of the purchases among the words for them."""
        return _EVERY.index(self.purchases)


@dataclass(frozen=True, slots=True, eq=False)
class BrandTallies:
    """Brands on the ways to purchases of a known brand that count, each brand once on a way: an entry.

    Attributes
    ----------
    entries
        For each kind of entry and each customer how many there are. A kind is the sum of its bits (`FIRST`,
        `LATER`, `BOUGHT`), and `WHOLE` more on a way with a first set and an evaluating row; kind 0 is brands
        bought on ways on which no known brand was looked at.
    ways
        For each of `WAYS` and each customer how many there are: ways that count; those with a first set;
        those that also have an evaluating row; of all purchases of a known brand those after such a one
        (with an own brand: that had it), and those of none of its brands (without the own one); ways with
        the own brand in the first set, and those that end without it.
    brands
        For each brand and each kind of entry how many there are.
    """

    entries: Ints
    ways: Ints
    brands: Ints

    def of_customers(self, has: int, lacks: int = 0, *, whole: bool = False) -> Floats:
        """Return how many entries with some bits and without others each customer has.

        With ``whole`` only those of ways with a first set and an evaluating row count.
        """
        found: Ints = reduce(np.add, self.entries[_kinds(has, lacks, whole=whole)])
        return found.astype(np.float64)

    def of_brands(self, has: int, lacks: int = 0, *, whole: bool = False) -> Ints:
        """Return how many such entries each brand has."""
        return np.asarray(self.brands[:, _kinds(has, lacks, whole=whole)].sum(axis=1))

    def told(self, name: str) -> Floats:
        """Return one of `WAYS` for each customer."""
        found: Ints = self.ways[WAYS.index(name)]
        return found.astype(np.float64)


def _kinds(has: int, lacks: int, *, whole: bool) -> list[int]:
    kinds = range(WHOLE if whole else 1, ENTRIES)
    return [kind for kind in kinds if kind & has == has and not kind & lacks]


@dataclass(frozen=True, slots=True, eq=False)
class BrandEntries:
    """One entry for each way to a purchase of any brand and each known brand on it.

    Attributes
    ----------
    customer, repeat
        Of each way whose it is, and whether a purchase lies before it.
    evaluated
        Which ways have an evaluating row.
    way, brand, flags
        Of each entry the way and the brand, ascending, and what the brand was, as bits.
    """

    customer: Ints
    repeat: Bools
    evaluated: Bools
    way: Int64s
    brand: Int64s
    flags: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """What is asked about ways.

    Attributes
    ----------
    buying
        The stages that are purchases.
    touch
        What each packed row touches, a number from 0; -1 for nothing. None: rows touch their stage.
    after, before
        Stages of two sides, none of both, whose weight on the ways to repeated purchases is asked for.
    stays
        Two kinds of stages, none of both, on which the time spent is compared.
    """

    buying: tuple[int, ...]
    touch: Ints | None = None
    after: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    stays: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


@dataclass(frozen=True, slots=True, eq=False)
class WayTallies:
    """What leads and weighs on ways, by customer, and how customers move between all their visits.

    Attributes
    ----------
    touched
        Ways with a touch. Consecutive touches that are alike are one.
    led
        Those whose last touch is there more often than any other.
    after, both
        Of ways to repeated purchases the sum of the shares that visits to stages of one side, and of both
        sides, have of the visits of the way.
    weighed
        How many of these ways, of all customers, have a visit to either side.
    moved, bent
        How many customers go from one stage to another; at least once leave one out or go back.
    longer, shorter
        How many spent longer, or shorter, on stages of one kind than on those of another, of those who ended
        a visit to both.
    """

    touched: Ints
    led: Ints
    after: Floats
    both: Floats
    weighed: int
    moved: int
    bent: int
    longer: int
    shorter: int


class Plain(Protocol):
    """The questions that ways are made of."""

    def journeys(
        self, rows: StagedRows, goal: Bools, touch: Ints | None, money: Floats | None, *, merged: bool
    ) -> Journeys:
        """Return the paths to the rows that are a goal."""
        ...

    def purchases(self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int]) -> Purchases:
        """Return the purchases."""
        ...

    def rows_in(self, rows: StagedRows, stages: Iterable[int]) -> Ints:
        """Return the positions of the rows in some stages."""
        ...

    def visits(self, rows: CodedRows, *, merged: bool = True) -> Visits:
        """Return the visits."""
        ...


def brand_entries(engine: Plain, rows: StagedRows, asked: Brands) -> BrandEntries:
    """Return the brands on the ways to all purchases."""
    width = asked.n_brands + 1
    packed = rows.packed
    offset = np.full(256, -width, dtype=np.int64)
    offset[list(asked.considering)], offset[list(asked.evaluating)] = 0, width
    # Unknown brands are one more; rows of other stages come out below 0 whatever their brand.
    number = np.where(asked.of_row < 0, width - 1, asked.of_row)
    touch = np.maximum(offset[rows.stage_of_code][rows.codes] + number, -1)
    found = engine.journeys(rows, _among(asked.buying)[rows.stage_of_code], touch, None, merged=True)
    purchase = np.repeat(found.purchase, np.diff(np.append(found.begins, len(found.touch))))
    leads = purchase >= 0
    way_of, touched = purchase[leads], found.touch[leads].astype(np.int64)
    n = len(found.repeat)
    evaluating = np.flatnonzero(touched >= width)
    opens = np.full(n, len(touched), dtype=np.int64)
    fresh = evaluating[_runs.begins(way_of[evaluating])]
    opens[way_of[fresh]] = fresh
    later = np.arange(len(touched)) >= opens[way_of]
    code = touched % width
    bought_at = engine.rows_in(rows, asked.buying)
    bought = asked.of_row[bought_at].astype(np.int64)
    made = np.cumsum(_runs.begins(packed.customers[bought_at], packed.ticks[bought_at])) - 1
    # The flags lie in the last bits of a key, so that sorting brings those of a way and a brand together.
    met = (way_of * width + code) * _FLAGS + np.where(later, LATER, FIRST)
    got = (made * width + bought) * _FLAGS + BOUGHT
    keys = np.sort(np.concatenate([met[code < width - 1], got[bought >= 0]]))
    of = keys // _FLAGS
    at = np.flatnonzero(_runs.begins(of))
    flags = np.bitwise_or.reduceat(keys % _FLAGS, at) if len(at) else keys
    way, brand = np.divmod(of[at], width)
    return BrandEntries(
        customer=engine.purchases(rows, asked.buying, ()).customer,
        repeat=found.repeat,
        evaluated=opens < len(touched),
        way=way,
        brand=brand,
        flags=flags,
    )


def brand_tallies(engine: Plain, rows: StagedRows, asked: Brands) -> BrandTallies:
    """Return what the brands on the ways to purchases add up to."""
    met = brand_entries(engine, rows, asked)
    n_ways, n_customers = len(met.customer), len(rows.packed.offsets) - 1

    def with_any(entries: Bools) -> Bools:
        return np.bincount(met.way[entries], minlength=n_ways) > 0

    known = with_any((met.flags & BOUGHT) > 0)
    counts = known if asked.purchases == "all" else known & (met.repeat == (asked.purchases == "repeat"))
    first, looked = with_any((met.flags & FIRST) > 0), with_any((met.flags & (FIRST | LATER)) > 0)
    whole = first & met.evaluated
    mine = counts[met.way]
    way, brand = met.way[mine], met.brand[mine]
    kind = np.where(looked[way], met.flags[mine] + np.where(whole[way], WHOLE, 0), 0)
    own = np.flatnonzero(mine & (met.brand == asked.own) & ((met.flags & FIRST) > 0))
    again = next_purchases(met, asked.own)
    told = (
        np.flatnonzero(counts),
        np.flatnonzero(counts & first),
        np.flatnonzero(counts & whole),
        again.after,
        again.after[again.switched],
        met.way[own],
        met.way[own[(met.flags[own] & BOUGHT) == 0]],
    )
    ways = np.array([np.bincount(met.customer[chosen], minlength=n_customers) for chosen in told], np.int32)
    cells = kind * n_customers + met.customer[way]
    entries = np.bincount(cells, minlength=ENTRIES * n_customers).reshape(ENTRIES, n_customers)
    brands = np.bincount(brand * ENTRIES + kind, minlength=asked.n_brands * ENTRIES)
    return BrandTallies(entries.astype(np.int32), ways, brands.reshape(asked.n_brands, ENTRIES))


class Next(NamedTuple):
    """Purchases of a known brand after another of the same customer: both ways, and whether it switched."""

    before: Int64s
    after: Int64s
    switched: Bools


def next_purchases(met: BrandEntries, own: int) -> Next:
    """Return which purchases followed which; with an own brand after those that had it."""
    bought = (met.flags & BOUGHT) > 0
    way, brand = met.way[bought], met.brand[bought]
    width, n = int(brand.max(initial=0)) + 1, len(met.customer)
    known = way[_runs.begins(way)]
    follows = met.customer[known[1:]] == met.customer[known[:-1]]
    before, after = known[:-1][follows], known[1:][follows]
    if own >= 0:
        mine = np.zeros(n, dtype=bool)
        mine[way[brand == own]] = True
        of_own = mine[before]
        return Next(before[of_own], after[of_own], ~mine[after[of_own]])
    # A brand of the purchase before that this one has too: it was kept.
    step = np.full(n, -1, dtype=np.int64)
    step[before] = after
    led = step[way] >= 0
    # Ways and brands stand in order, so these keys do too.
    keys, wanted = way * width + brand, step[way[led]] * width + brand[led]
    place = np.searchsorted(keys, wanted)
    kept = np.append(keys, -1)[place] == wanted
    keeps = np.zeros(n, dtype=bool)
    keeps[step[way[led]][kept]] = True
    return Next(before, after, ~keeps[after])


def way_tallies(engine: Plain, rows: StagedRows, asked: Ways) -> WayTallies:
    """Return what leads and weighs on the ways to purchases, and how customers move between visits."""
    customer, n_customers = engine.purchases(rows, asked.buying, ()).customer, len(rows.packed.offsets) - 1

    def by_customer(whose: Ints) -> Ints:
        return np.bincount(whose, minlength=n_customers).astype(np.int32)

    way, touch, repeat = _touches(engine, rows, asked.buying, asked.touch)
    ends, leads = _leading(way, touch)
    way_of_visit, visit, _ = (
        (way, touch, repeat) if asked.touch is None else _touches(engine, rows, asked.buying, None)
    )
    after, both, weighed = _weights(way_of_visit, visit + 1, repeat, asked)
    return WayTallies(
        by_customer(customer[way[ends]]),
        by_customer(customer[way[ends[leads]]]),
        np.bincount(customer, weights=after, minlength=n_customers).astype(np.float64),
        np.bincount(customer, weights=both, minlength=n_customers).astype(np.float64),
        weighed,
        *_moves(engine.visits(rows.coded()), *asked.stays),
    )


def _touches(
    engine: Plain, rows: StagedRows, buying: tuple[int, ...], touch: Ints | None
) -> tuple[Int64s, Int64s, Bools]:
    """Return of each touch on a way the way and what is touched, and which ways are to repeated purchases."""
    found = engine.journeys(rows, _among(buying)[rows.stage_of_code], touch, None, merged=True)
    way = np.repeat(found.purchase.astype(np.int64), np.diff(np.append(found.begins, len(found.touch))))
    return way[way >= 0], found.touch[way >= 0].astype(np.int64), found.repeat


def _leading(way: Int64s, touch: Int64s) -> tuple[Int64s, Bools]:
    """Return the last touch of each way, and which of these are there more often than any other."""
    width = int(touch.max(initial=0)) + 1
    first = np.flatnonzero(_runs.begins(way))
    ends = np.append(first[1:], len(way))[: len(first)] - 1
    key = np.sort(way * width + touch)
    runs = np.flatnonzero(_runs.begins(key))
    times = np.diff(np.append(runs, len(key)))
    place = np.cumsum(_runs.begins(key[runs] // width)) - 1
    most = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(most, place, times)
    # Alone at the top: touchpoints touched equally often share the lead.
    top = np.bincount(place[times == most[place]], minlength=len(first))
    own = times[np.searchsorted(key[runs], way[ends] * width + touch[ends])]
    return ends, (own == most) & (top == 1)


def _weights(way: Int64s, stage: Int64s, repeat: Bools, asked: Ways) -> tuple[Floats, Floats, int]:
    """Return what the visits of two sides weigh on each way: one side, both; and how many weigh anything."""
    later, n = repeat[way], len(repeat)
    way, stage = way[later], stage[later]
    visits = np.bincount(way, minlength=n)
    one, other = (
        np.nan_to_num(ratio(np.bincount(way[_among(side)[stage]], minlength=n), visits))
        for side in (asked.after, asked.before)
    )
    return one, one + other, int(np.count_nonzero(one + other))


def _moves(made: Visits, one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return how many customers move, leave a stage out or go back, stay longer, and shorter."""
    if not len(made.stage):
        return 0, 0, 0, 0
    step, spent = (np.zeros(len(made.stage), dtype=np.int64) for _ in range(2))
    np.subtract(made.stage[1:], made.stage[:-1], out=step[:-1], dtype=np.int64)
    np.subtract(made.start[1:], made.start[:-1], out=spent[:-1], dtype=np.int64)
    step[made.last] = 0
    # Visits stand by customer, so that each customer is one run of them.
    whose = np.flatnonzero(made.first)
    moved, bent = (np.logical_or.reduceat(rows, whose) for rows in (step != 0, (step > 1) | (step < 0)))
    took, seen = [], []
    for stages in (one, other):
        mine = _among(stages)[made.stage] & ~made.last
        took.append(np.add.reduceat(spent * mine, whose))
        seen.append(np.logical_or.reduceat(mine, whose))
    both = seen[0] & seen[1]
    longer, shorter = both & (took[0] > took[1]), both & (took[0] < took[1])
    moved_, bent_, longer_, shorter_ = (
        int(np.count_nonzero(chosen)) for chosen in (moved, bent, longer, shorter)
    )
    return moved_, bent_, longer_, shorter_


def last_in(engine: Plain, rows: StagedRows, stages: tuple[int, ...]) -> Int64s:
    """Return the tick of each customer's last row in some stages; -1 for none."""
    at = engine.rows_in(rows, stages)
    # Rows stand by time: of a customer the last one written stays.
    last = np.full(len(rows.packed.offsets) - 1, -1, dtype=np.int64)
    last[rows.packed.customers[at]] = rows.packed.ticks[at]
    return last


def _among(stages: Iterable[int]) -> Bools:
    chosen = np.zeros(256, dtype=bool)
    chosen[list(stages)] = True
    return chosen
