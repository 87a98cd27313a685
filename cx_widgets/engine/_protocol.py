"""What an engine is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from cx_widgets.engine._credit import Credited, Division
    from cx_widgets.engine._general import Way
    from cx_widgets.engine._outcomes import Judged, Lengths
    from cx_widgets.engine._ways import Brands, BrandTallies, Ways, WayTallies
    from cx_widgets.log import Packed

Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]
# Positions and ticks keep the narrow type they were packed in; sums over them are made in int64.
Ints: TypeAlias = NDArray[np.signedinteger[Any]]
Codes: TypeAlias = NDArray[np.unsignedinteger[Any]]
Floats: TypeAlias = NDArray[np.float64]

T = TypeVar("T")


class Keep(Protocol):
    """Keeps with a log what an engine derived from its rows."""

    def __call__(self, key: Hashable, compute: Callable[[], T], /) -> T:
        """Return what was kept under the key, or compute it and keep it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StagedRows:
    """The rows of a log and their stages, not yet put in order.

    Attributes
    ----------
    packed
        The rows.
    codes
        A small number for each row. Rows with one number lie in one stage.
    stage_of_code
        The stage of each code, from 1; 0 is none.
    n_stages
        Stages of the definition, with or without a row here.
    by_row
        Whether rows at one tick stay in the order of the frame; else stages stand in order.
    key
        What tells these codes from other codes of the same log.
    keep
        Keeps what only depends on the log and ``key``.
    coded
        The coded rows, made when first asked for.
    """

    packed: Packed
    codes: Codes
    stage_of_code: Bytes
    n_stages: int
    by_row: bool
    key: Hashable
    keep: Keep
    coded: Callable[[], CodedRows]


@dataclass(frozen=True, slots=True, eq=False)
class CodedRows:
    """The rows of a log that lie in a stage, by customer, then tick, then stage number.

    Inside one tick of one customer the rows stand in stage order, and in the given order inside one stage, so
    that equal timestamps never depend on how the frame happened to be sorted. Where the rules ask for the
    order of the frame, it alone decides inside one tick.

    Attributes
    ----------
    customer, tick, stage
        One entry for each row; stages count from 1.
    row
        Position of the row in the packed log.
    n_customers
        Customers of the log, with or without a row here.
    n_stages
        Stages of the definition, with or without a row here.
    end_tick
        The end of observation.
    """

    customer: Ints
    tick: Ints
    stage: Bytes
    row: Ints
    n_customers: int
    n_stages: int
    end_tick: int


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The customers whose chain of stages got at least so far, and the chains that did.

    Attributes
    ----------
    customer
        Customers that reached the level, ascending.
    reached
        Tick at which each reached it first.
    entered
        Latest start from which a chain reached the level then.
    previous
        Earliest arrival at the level before of the chains with that start; at the first level the start.
    first
        Index, among the arrivals below, of the arrival that reached the level first.
    arrival
        Every row that extends a chain to this level: its position among the coded rows.
    parent
        For each arrival the index, among the arrivals of the level before, of the earliest one with the same
        start; empty at the first level.
    """

    customer: Ints
    reached: Ints
    entered: Ints
    previous: Ints
    first: Ints
    arrival: Ints
    parent: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """What a funnel counts where it is not customers: sessions, journeys, values of a column, attempts.

    Attributes
    ----------
    customer
        For each, the customer of its first row.
    unit
        For each, the number of its unit.
    names
        Values of the unit column by number of unit; None where the units are a customer's.
    number
        For each, which of its customer's sessions, journeys or customers it is, from 1.
    attempt
        For each, which attempt of its unit it is, from 1; None where units are counted once.
    """

    customer: Ints
    unit: Ints
    names: tuple[object, ...] | None
    number: Ints
    attempt: Ints | None


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """The chains of rows that carried each subject to its deepest level, by subject and level.

    Attributes
    ----------
    subject, stage, position
        One entry for each matched row: whose, the number of its stage, its position in the packed log.
    """

    subject: Ints
    stage: Ints
    position: Ints


@dataclass(frozen=True, slots=True, eq=False)
class FunnelPaths:
    """How far each customer got, and when.

    Attributes
    ----------
    reach
        For each customer of the log the deepest level reached; 0 for those who never entered.
    levels
        One for each stage, deepest last.
    last_entry
        Tick of the last row of the first stage, for the customers of the first level; under special rules of
        the last start that may still go on, for those who have one (``waiting``).
    entrant
        Those who entered, ascending; None for the customers of the first level.
    waiting
        Those ``last_entry`` is about, ascending; None for the customers of the first level.
    subjects
        What is counted instead of customers; None for customers.
    chains
        The matched rows; None where ``parent`` and ``arrival`` of the levels tell them.
    last_clock
        Of those waiting, what the window's clock showed at that start; None where it shows the time.
    unclosed
        Whether those waiting may still convert, their window neither closed nor their unit over; None where
        the age of the start tells.
    """

    reach: Bytes
    levels: tuple[Level, ...]
    last_entry: Ints
    entrant: Ints | None = None
    waiting: Ints | None = None
    subjects: Subjects | None = None
    chains: Chains | None = None
    last_clock: Ints | None = None
    unclosed: Bools | None = None

    @property
    def entrants(self) -> Ints:
        """Those who entered, ascending."""
        return self.levels[0].customer if self.entrant is None else self.entrant


@dataclass(frozen=True, slots=True, eq=False)
class FunnelTotals:
    """A plain funnel without the rows behind it.

    Attributes
    ----------
    reach
        Customers that reached each level.
    open
        Customers whose deepest level is each of them and who may still go on.
    median_since_entry, median_since_previous
        For each level the median of the ticks, over the customers who reached it, between the start of the
        chain that reached it first, or the earliest arrival at the level before on a chain with that start,
        and that moment; NaN at the first level, where all would be 0, and where nobody reached it.
    deepest
        For each customer of the log the deepest level reached; 0 for those who never entered.
    took
        For each customer the ticks from entry to the last level; -1 for those who did not reach it.
    """

    reach: Ints
    open: Ints
    median_since_entry: Floats
    median_since_previous: Floats
    deepest: Bytes
    took: Ints


@dataclass(frozen=True, slots=True, eq=False)
class UnitCodes:
    """Every row of the log that belongs to a unit, by unit, then time, then place in the frame, in numbers.

    Attributes
    ----------
    first_row
        Unit u owns the rows ``first_row[u]`` to ``first_row[u + 1] - 1``.
    position
        Their positions in the packed log; None where rows stand as there.
    codes, ticks, held
        By position: a small number, the time, and the number of the values of columns held constant, -1
        where one is missing; None where nothing is held.
    stages_of_code, excluded_of_code
        Which stages a row of each number may serve, and which exclusions it meets, as bits.
    clock
        By row what the window is measured on; None for the time. Along the rows of a unit it never falls.
    """

    first_row: Ints
    position: Ints | None
    codes: Codes
    ticks: Ints
    held: Ints | None
    stages_of_code: NDArray[np.uint64]
    excluded_of_code: NDArray[np.uint64]
    clock: Ints | None


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The lines of a funnel under special rules: units with an attempt that counts, or all such attempts.

    Attributes
    ----------
    unit, depth, began
        Of each line whose it is, the deepest level reached, and the start that got there.
    waiting
        Lines with an attempt that nothing has ended, and of each the last start of such an attempt and what
        the clock showed then.
    levels
        For each level the lines that reached it, when, the entry and the arrival before.
    chains
        The matched rows of each line, by level: the line, the stage from 1 and the position.
    """

    unit: Ints
    depth: Bytes
    began: Ints
    waiting: tuple[Ints, Ints, Ints]
    levels: tuple[tuple[Ints, Ints, Ints, Ints], ...]
    chains: tuple[Ints, Ints, Ints]


NEVER, BEFORE, WINDOW, EXCLUDED, BROKEN, OPEN = range(1, 7)
"""Why somebody got no further than they did; 0 is no reason."""


@dataclass(frozen=True, slots=True, eq=False)
class FunnelLosses:
    """Why customers got no further through a plain funnel, one entry for each customer of the log.

    Attributes
    ----------
    deepest
        The deepest level reached; 0 for those who never entered.
    why
        0 for those who never entered or reached the last level; `OPEN` for those who may still go on; of the
        others, about the stage after the deepest they reached: `WINDOW` where a row of it lies behind an
        arrival at the deepest, else `BEFORE` where it has a row, else `NEVER`.
    took
        Where it is `WINDOW`, the ticks from start to end of the quickest chain to that stage under no window;
        elsewhere -1.
    """

    deepest: Bytes
    why: Bytes
    took: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Runs of consecutive coded rows of one customer in one stage, or single rows, in order.

    Attributes
    ----------
    customer, stage
        Whose visit, and to which stage.
    start
        Tick of its first row.
    first, last
        Whether it is the first, the last visit of its customer.
    """

    customer: Ints
    stage: Bytes
    start: Ints
    first: Bools
    last: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """How many ticks passed from the start of visits to the move that ended them.

    After the last visit of a customer that is the end of observation.

    Attributes
    ----------
    sums, medians
        By move, in a table like that of the counts: the sum of the ticks before it, and their median, NaN
        where there are none. The first line, the moves into the stage of entry, has 0 and NaN.
    staying
        For each stage the Kaplan-Meier median of its visits, those censored that were the last of their
        customer; NaN for none, where more than half have no known end, and at 0.
    """

    sums: Floats
    medians: Floats
    staying: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """The moves between stages, counted by customer and in all; 0 is before the first and after the last.

    Attributes
    ----------
    count
        Moves, a line for each stage left and a column for each stage gone to.
    customers
        Customers who made each move.
    squares, products, of_all
        Sums over customers of their moves squared, of their moves times their visits to the stage left, and
        of their moves times all their moves.
    leavers, left_squares
        For each stage, customers with a visit to it, and the sum of their visits squared.
    skips, backs
        Of moves that leave a stage out, and of those to an earlier stage: how many, the sum over customers of
        their squares, and of their products with all moves between two different stages.
    between, every
        Of all moves between two different stages, and of all moves: how many, the sum over customers of their
        squares, and how many customers made any.
    spells
        How long visits lasted.
    """

    count: Ints
    customers: Ints
    squares: Ints
    products: Ints
    of_all: Ints
    leavers: Ints
    left_squares: Ints
    skips: tuple[int, int, int]
    backs: tuple[int, int, int]
    between: tuple[int, int, int]
    every: tuple[int, int, int]
    spells: Spells


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """The distinct ticks at which customers have a row in a buying stage, by customer and tick.

    Attributes
    ----------
    customer, tick
        Who bought, and when.
    repeat
        Whether it is a later purchase than the customer's first.
    researched
        Whether a row in a researching stage lies after the tick of the purchase before and before this one
        (in the order of coded rows); for a first purchase, whether one lies anywhere before it.
    """

    customer: Ints
    tick: Ints
    repeat: Bools
    researched: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Journeys:
    """The paths of customers to their purchases, by customer and time.

    A path holds what a customer touched behind the time of the purchase before, up to a purchase or to the
    end; none is empty.

    Attributes
    ----------
    touch, tick
        Of each touch what is touched, a number from 0, and when.
    begins
        Of each path the first touch.
    purchase
        Of each path the purchase it ends in; -1 for none.
    later
        Of each path whether it comes after a purchase.
    repeat
        Of each purchase whether it is a later one of its customer.
    value
        Of each purchase the money of its rows; 0 where there is none.
    """

    touch: Ints
    tick: Ints
    begins: Ints
    purchase: Ints
    later: Bools
    repeat: Bools
    value: Floats


LONGEST_CURVE = 1000
"""Periods of a retention curve at most; a period much shorter than the log would make endless curves."""


@dataclass(frozen=True, slots=True, eq=False)
class Buyers:
    """Who bought: one entry for each customer with a purchase, in customer order, and one for each period.

    Purchases are those of `Purchases`. Period k of a buyer lies k to k + 1 periods after the first purchase,
    and is over where it ends at or before the end of observation.

    Attributes
    ----------
    customer
        Who bought.
    first
        The tick of the first purchase.
    until_second
        Ticks from there to the second purchase, or to the end of observation.
    bought, looped
        Purchases, and those after the first that were not researched.
    returned
        Whether they bought in period 1, which is over.
    retained
        For each period how many bought in it, of those for whom it is over; `LONGEST_CURVE` periods.
    """

    customer: Ints
    first: Ints
    until_second: Ints
    bought: Ints
    looped: Ints
    returned: Bools
    retained: Ints

    @property
    def repeated(self) -> Bools:
        """Whether they bought more than once."""
        again: Bools = self.bought > 1
        return again


class Engine(Protocol):
    """The questions metrics ask of the rows of a log.

    Every answer must be the same, number for number, whichever engine gives it.
    """

    def code(self, packed: Packed, stage_of_rows: Bytes, n_stages: int, *, by_row: bool = False) -> CodedRows:
        """Return the rows that lie in a stage (a number from 1; 0 is none).

        At ties stages stand in order; with ``by_row`` the rows stand as in the frame.
        """
        ...

    def funnel(self, rows: CodedRows, window: int | None) -> FunnelPaths:
        """Return how far each customer gets through the stages in order.

        A chain starts at a row of the first stage; each further stage needs a later row, and no row lies
        more than ``window`` ticks after the start (exactly as many is inside; None is no limit). Other
        rows may lie between. Every row may start a chain, and a customer gets as far as the best one.
        """
        ...

    def attempts(self, rows: UnitCodes, way: Way) -> Lines:
        """Return how far units, or their attempts, get under special rules, by unit and beginning."""
        ...

    def reasons(self, rows: UnitCodes, way: Way, lengths: Lengths) -> Judged:
        """Return why units, or their attempts, got no further under special rules, by unit and beginning."""
        ...

    def totals(self, rows: StagedRows, window: int | None, patience: int) -> FunnelTotals:
        """Return what the funnel adds up to.

        Whoever did not get to the last level is open if their last start is less than ``patience`` ticks
        older than the end of observation.
        """
        ...

    def losses(self, rows: StagedRows, window: int | None, patience: int) -> FunnelLosses:
        """Return why customers got no further; who is open is decided as for `totals`."""
        ...

    def visits(self, rows: CodedRows, *, merged: bool = True) -> Visits:
        """Return the visits; rows outside all stages do not interrupt one.

        Consecutive rows in one stage are one visit if they are ``merged``, else each is one.
        """
        ...

    def moves(self, rows: StagedRows, *, merged: bool = True) -> Moves:
        """Return what the moves between visits add up to."""
        ...

    def purchases(self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int]) -> Purchases:
        """Return the purchases: the rows in buying stages, those at one tick taken together."""
        ...

    def journeys(
        self, rows: StagedRows, goal: Bools, touch: Ints | None, money: Floats | None, *, merged: bool
    ) -> Journeys:
        """Return the paths to the rows that are a goal, those of a customer at one tick taken together.

        ``goal`` is by code. ``touch`` and ``money`` are by packed row: -1 touches nothing, without an array
        every row touches its stage, numbered from 0. Where touches are ``merged``, consecutive ones of a path
        that are alike are one.
        """
        ...

    def divided(self, asked: Division) -> Credited:
        """Return what touchpoints get of the purchases at the end of paths."""
        ...

    def brand_tallies(self, rows: StagedRows, asked: Brands) -> BrandTallies:
        """Return what the brands on the ways to purchases add up to."""
        ...

    def way_tallies(self, rows: StagedRows, asked: Ways) -> WayTallies:
        """Return what leads and weighs on the ways to purchases, and how customers move between visits."""
        ...

    def last_in(self, rows: StagedRows, stages: tuple[int, ...]) -> Ints:
        """Return the tick of each customer's last row in some stages; -1 for none."""
        ...

    def buyers(
        self, rows: StagedRows, buying: Iterable[int], researching: Iterable[int], period: tuple[int, int]
    ) -> Buyers:
        """Return who bought; a time of t ticks holds t * a // b periods where ``period`` is (a, b)."""
        ...

    def who(self, rows: StagedRows, stages: Iterable[int]) -> Bools:
        """Return which customers have a row in one of some stages."""
        ...

    def customers(self, rows: StagedRows) -> Ints:
        """Return how many customers have a row in each stage, those outside all stages first."""
        ...

    def rows_in(self, rows: StagedRows, stages: Iterable[int]) -> Ints:
        """Return the positions of the rows in some stages, in the order of the packed log."""
        ...

    def crossed(self, one: Codes, other: Codes, shape: tuple[int, int]) -> Ints:
        """Return how often each pair of two numbers stands side by side: a line for each number of ``one``.

        The numbers have one or two bytes and are below those of the shape.
        """
        ...

    def ranked(self, values: Ints, ranks: Iterable[int]) -> Ints:
        """Return the values of some ranks, counted from 0."""
        ...

    def in_order(self, groups: Sequence[Ints]) -> list[Ints]:
        """Return each group of numbers in ascending order."""
        ...

    def middles(self, groups: Sequence[Ints]) -> tuple[Ints, Ints]:
        """Return the lower and the upper middle value of groups of numbers, none of them empty.

        The two are one where a group has an odd size.
        """
        ...
