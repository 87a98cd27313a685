"""The rows of a log as small read-only arrays, and what is cut out of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from cx_widgets import _times

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]
    Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
    Ticks = npt.NDArray[np.int32] | Int64s
    # Where rows stand: int32 where it fits; or how to find it; None where each stands at its own place.
    Places = Ticks | Callable[[], Ticks] | None

INT32_MAX = np.iinfo(np.int32).max
A = TypeVar("A", bound="npt.NDArray[np.generic]")


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """The events of a log as small read-only arrays, ordered by customer, time and given position.

    Parameters
    ----------
    offsets : ndarray of int64
        Customer ``i`` owns the rows ``offsets[i]`` to ``offsets[i + 1] - 1``; length customers + 1.
    codes : ndarray of uint8, uint16 or uint32
        Of each row, the position of its event's name in `EventLog.event_names`.
    ticks : ndarray of int32 or int64
        Of each row, the time since the first event, counted exactly in ticks of ``tick_ns``.
    places : ndarray of int32 or int64, or callable, optional
        Of each row, its position in the given frame; None where all stand in this order there, a function
        where the positions lie in a file until they are asked for. Read them by `rows` and `rows_at`.
    tick_ns : int
        Nanoseconds of one tick: a second, millisecond, microsecond or nanosecond, the coarsest that is exact.
    origin_ns : int
        UTC nanoseconds since 1970 of tick 0.
    end_tick : int
        The end of observation: the last tick of the log, 0 in an empty log, unless `EventLog.until` set it.
    has_ties : bool
        Whether any customer has two rows at one tick.

    Examples
    --------
    >>> import pandas as pd
    >>> from cx_widgets import EventLog
    >>> df = pd.DataFrame({"who": ["b", "a", "b"], "at": ["2024-01-02", "2024-01-01", "2024-01-01"],
    ...                    "what": ["buy", "view", "view"]})
    >>> packed = EventLog(df, customer="who", time="at", event="what").packed
    >>> packed.offsets.tolist(), packed.ticks.tolist(), packed.rows.tolist()
    ([0, 2, 3], [0, 86400, 0], [2, 0, 1])
    """

    offsets: Int64s
    codes: Codes
    ticks: Ticks
    places: Places
    tick_ns: int
    origin_ns: int
    end_tick: int
    has_ties: bool
    _customers: list[Ticks] = field(default_factory=list, repr=False)

    @property
    def rows(self) -> Ticks:
        """The position of each row in the given frame: int32 where that is enough, else int64."""
        found = placed(self.places)
        if found is None:
            return frozen(counting(len(self.codes)))
        return found

    def rows_at(self, positions: Int64s) -> Int64s:
        """Return the positions of some rows in the given frame."""
        found = placed(self.places)
        return np.asarray(positions if found is None else found[positions], dtype=np.int64)

    @property
    def customers(self) -> Ticks:
        """The customer number of each row: int32 where that is enough, else int64; kept from then on."""
        if not self._customers:
            self._customers.append(frozen(customers_of(self.offsets)))
        return self._customers[0]

    @property
    def nbytes(self) -> int:
        """The bytes in memory: of offsets, codes, ticks and, where they are kept, the rows' places."""
        arrays: list[npt.NDArray[np.generic]] = [self.offsets, self.codes, self.ticks]
        if isinstance(self.places, np.ndarray):
            arrays.append(self.places)
        return sum(array.nbytes for array in arrays)


def placed(places: Places) -> Ticks | None:
    """Return where rows stand, which may have to be read or made first."""
    return places() if callable(places) else places


def counting(n: int) -> Ticks:
    """Return the numbers from 0 to n - 1."""
    return np.arange(n, dtype=np.int32) if n <= INT32_MAX else np.arange(n, dtype=np.int64)


def customers_of(offsets: Int64s) -> Ticks:
    """Return the customer number of each row."""
    return counting(len(offsets) - 1).repeat(np.diff(offsets))


def narrow(numbers: npt.NDArray[np.integer], largest: int) -> Ticks:
    """Return integers as int32 where that holds the largest, else as int64; without a copy if possible."""
    if largest <= INT32_MAX:
        return numbers.astype(np.int32, copy=False)
    return numbers.astype(np.int64, copy=False)


def frozen(array: A) -> A:
    """Return an array that can no longer be written to."""
    array.flags.writeable = False
    return array


def observed(packed: Packed, since_ns: int) -> tuple[Packed, Int64s | None, int]:
    """Return the rows up to a time, the customers they are left of (None for all), and the last tick."""
    ticks, tick_ns = packed.ticks, packed.tick_ns
    kept = ticks <= since_ns // tick_ns
    whole = bool(kept.all())
    last = packed.end_tick if whole else int(ticks[kept].max(initial=0))
    whose: Int64s | None = None
    offsets, codes, places, has_ties = packed.offsets, packed.codes, packed.places, packed.has_ties
    if not whole:
        total = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
        sizes = np.diff(total[offsets])
        whose = np.flatnonzero(sizes)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes[whose])])
        codes, ticks = codes[kept], ticks[kept]
        places = places_until(packed, since_ns, packed.places)
        has_ties = has_ties and bool(any_tied(offsets, ticks))
    # An end between two ticks is exact only in finer ones.
    unit = next(ns for ns in _times.UNIT_NS.values() if ns <= tick_ns and since_ns % ns == 0)
    if unit != tick_ns:
        ticks, last = ticks.astype(np.int64) * (tick_ns // unit), last * (tick_ns // unit)
    return (
        Packed(
            offsets=frozen(offsets),
            codes=frozen(codes),
            ticks=frozen(narrow(ticks, max(last, since_ns // unit))),
            places=places,
            tick_ns=unit,
            origin_ns=packed.origin_ns,
            end_tick=since_ns // unit,
            has_ties=has_ties,
        ),
        whose,
        last,
    )


def places_until(packed: Packed, since_ns: int, places: Places) -> Places:
    """Return places of the rows of a log for those up to a time: nothing is kept but the way to them."""

    def found() -> Ticks:
        kept = packed.ticks <= since_ns // packed.tick_ns
        where = placed(places)
        if where is None:
            return frozen(narrow(np.flatnonzero(kept), len(kept)))
        return frozen(where[kept])

    return found


def any_tied(offsets: Int64s, ticks: Ticks) -> bool:
    """Tell whether a customer has two rows at one tick."""
    same = ticks[1:] == ticks[:-1]
    same[offsets[1:-1] - 1] = False
    return bool(same.any())
