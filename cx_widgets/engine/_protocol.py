"""What an engine is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cx_widgets.log import Packed

Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]
# Positions and ticks keep the narrow type they were packed in; sums over them are made in int64.
Ints: TypeAlias = NDArray[np.signedinteger[Any]]


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


class Engine(Protocol):
    """The four questions metrics ask of the rows of a log.

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

    def visits(self, rows: CodedRows, *, merged: bool = True) -> Visits:
        """Return the visits; rows outside all stages do not interrupt one.

        Consecutive rows in one stage are one visit if they are ``merged``, else each is one.
        """
        ...

    def purchases(self, rows: CodedRows, buying: Iterable[int], researching: Iterable[int]) -> Purchases:
        """Return the purchases: the rows in buying stages, those at one tick taken together."""
        ...
