"""A fixed part of the customers of a log, with all their rows: small, and with intervals for the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets._packed import any_tied, frozen, narrow, placed
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    import numpy.typing as npt

    from cx_widgets._packed import Packed, Places, Ticks

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sample:
    """Which part of a log a sample is.

    Parameters
    ----------
    one_in : int
        One customer in so many was to be chosen.
    customers : int
        Customers chosen.
    of_customers : int
        Customers of the whole log.

    Examples
    --------
    >>> part = Sample(16, 39_000, 624_000)
    >>> part.times, round(part.correction, 3)
    (16.0, 0.968)
    """

    one_in: int
    customers: int
    of_customers: int

    @property
    def times(self) -> float:
        """How many customers of the log one of the sample stands for; NaN in an empty one."""
        return self.of_customers / self.customers if self.customers else float("nan")

    @property
    def correction(self) -> float:
        """The finite population correction, sqrt(1 - customers / of_customers).

        An interval for "customers like these" is by so much too wide for the figure of the whole log, a part
        of which the sample has seen.
        """
        return float(np.sqrt(1 - self.customers / self.of_customers)) if self.of_customers else 0.0

    def __str__(self) -> str:
        return f"one in {self.one_in} customers, {self.customers:,} of {self.of_customers:,}"


def chosen(numbers: Int64s, one_in: object) -> Int64s:
    """Return the places of the customers that are in the sample, by a hash of their numbers in the log.

    Every sixteenth would do worse than chance where something repeats in the order of the customers; bits
    mixed by splitmix64 (Steele, Lea and Flood 2014) repeat nothing.
    """
    if isinstance(one_in, bool) or not isinstance(one_in, int | np.integer) or one_in < 1:
        raise CXError(f"one_in must be a whole number from 1, not {one_in!r}. Say one_in=16.")
    mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    places: Int64s = np.flatnonzero(mixed % np.uint64(one_in) == 0)
    return places


def rows_of(packed: Packed, whose: Int64s) -> tuple[Packed, Int64s]:
    """Return the rows of some customers, and where they stand among all rows."""
    sizes = np.diff(packed.offsets)[whose]
    offsets = np.zeros(len(whose) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    at = np.repeat(packed.offsets[:-1][whose] - offsets[:-1], sizes)
    at += np.arange(offsets[-1])
    part = replace(
        packed,
        offsets=frozen(offsets),
        codes=frozen(packed.codes[at]),
        ticks=frozen(packed.ticks[at]),
        places=places_at(packed.places, at),
        _customers=[],
    )
    return replace(part, has_ties=packed.has_ties and any_tied(offsets, part.ticks), _customers=[]), at


def places_at(places: Places, at: Int64s) -> Places:
    """Return the places of some rows, which are read when they are asked for."""

    def found() -> Ticks:
        where = placed(places)
        return frozen(narrow(at, int(at.max(initial=0))) if where is None else where[at])

    return found
