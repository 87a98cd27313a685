"""A table becomes a log: its roles are bound, its rows checked, numbered, sorted and packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _frames, _keys, _rows, _times
from cx_widgets._packed import Packed, frozen, narrow
from cx_widgets._pieces import span
from cx_widgets.errors import CXError, listing, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from cx_widgets._packed import Ticks

    Bools = npt.NDArray[np.bool_]

KEYS = ("customer", "time", "event")
NUMBERS = ("value", "score")
_EARLY_NS = pd.Timestamp("1971-01-01").value
_LATE_NS = pd.Timestamp("2099-01-01").value


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a table is read, besides its roles."""

    time_unit: str | None = None
    time_zone: str | None = None
    drop_nulls: bool = False
    drop_duplicates: bool = False
    keep_rows: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What was met in the rows of a table: how often."""

    dropped: Mapping[str, int]
    repeated: int
    tied: int
    ambiguous: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A table that was read.

    Parameters
    ----------
    roles : Mapping
        The given roles, each with its column.
    kept : Mapping
        The columns besides customer, time and event, as they stand in the table.
    n_rows : int
        Rows of the table, those that were left out among them.
    ids : Index
        The customers' ids by number.
    names : tuple of str
        The event names by code.
    zone : str, optional
        In which zone times are shown.
    packed : Packed
        The rows.
    seen : Seen
        What was met in them.
    """

    roles: dict[str, str]
    kept: Mapping[str, pd.Series]
    n_rows: int
    ids: pd.Index
    names: tuple[str, ...]
    zone: str | None
    packed: Packed
    seen: Seen


def read(
    data: object, given: Mapping[str, object], options: Options, step: Callable[[float], object]
) -> Reading:
    """Return a table as a log is made of it; ``step`` is told which share is done."""
    frame = _frames.read(data)
    roles = _roles(frame, given)
    keys = {roles[role] for role in KEYS}
    kept = {name: _kept(frame.column(name)) for name in frame.names if name not in keys}
    for role in NUMBERS:
        if role in roles:
            kept[roles[role]] = _keys.numbers(kept[roles[role]], role, roles[role])
    _refuse_to_forget(options, kept)
    customer, time, event = (roles[role] for role in KEYS)
    times = _times.instants(frame.column(time), time, options.time_unit, options.time_zone)
    step(0.1)
    customers, ids = _keys.customers(frame.column(customer), customer, _between(step, 0.1, 0.5))
    step(0.5)
    codes, names = _keys.events(frame.column(event), event, _between(step, 0.5, 0.7))
    step(0.7)
    missing = {"customer": _negative(customers), "time": times.missing, "event": _negative(codes)}
    dropped = {role: 0 if where is None else int(where.sum()) for role, where in missing.items()}
    there: Ticks | None = None
    if any(dropped.values()):
        if not options.drop_nulls:
            raise _nulls(missing, roles, frame.n_rows)
        gone = np.zeros(frame.n_rows, np.bool_)
        for where in missing.values():
            if where is not None:
                gone |= where
        there = narrow(np.flatnonzero(~gone), frame.n_rows)
    origin_ns, tick_ns, ticks = _ticks(times, there)
    if there is not None:
        customers, codes = customers[there], codes[there]
        customers, ids = _used(customers, ids)
        codes, found = _used(codes, pd.Index(names, dtype=object))
        names = tuple(found)
    loose = _rows.Loose(
        narrow(customers, len(ids)), codes.astype(_code_type(names), copy=False), ticks, there
    )
    counts = (times.ambiguous, times.skipped)
    zone = times.zone
    # What is sorted is given back as soon as it stands elsewhere.
    del customers, codes, ticks, times, there, missing
    made = _rows.sort(loose, len(ids))
    step(0.9)
    n_tied, flags = _rows.repeats(made, len(names))
    again = repeated(made, kept, flags) if n_tied else None
    n_repeated = 0 if again is None else int(np.count_nonzero(again))
    if n_repeated and again is not None and options.drop_duplicates:
        made = without(made, again)
        n_tied = _rows.tied(made)
    packed = Packed(
        offsets=frozen(made.offsets),
        codes=frozen(made.codes),
        ticks=frozen(made.ticks),
        places=None if made.rows is None or not options.keep_rows else frozen(made.rows),
        tick_ns=tick_ns,
        origin_ns=origin_ns,
        end_tick=span(made.ticks)[1] if len(made.ticks) else 0,
        has_ties=n_tied > 0,
    )
    step(1.0)
    return Reading(
        roles, kept, frame.n_rows, ids, names, zone, packed, Seen(dropped, n_repeated, n_tied, *counts)
    )


def _roles(frame: _frames.Frame, given: Mapping[str, object]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for role, name in given.items():
        if name is None and role not in KEYS:
            continue
        if not isinstance(name, str):
            raise CXError(
                f"{role} must be the name of a column, as text; got {name!r}."
                f" Available: {listing(frame.names)}."
            )
        if name not in frame.names:
            if name in frame.index_names:
                raise CXError(
                    f"{role}={name!r} is the index of the frame, not a column. Pass df.reset_index()."
                )
            raise unknown(f"{role} column", name, frame.names)
        for other, taken in roles.items():
            if taken == name:
                raise CXError(
                    f"column {name!r} is given twice, as {other} and as {role}."
                    " Each role needs its own column."
                )
        roles[role] = name
    return roles


def _between(step: Callable[[float], object], low: float, high: float) -> Callable[[float], object]:
    """Return what tells the shares of a part of the work as shares of the whole."""
    return lambda share: step(low + share * (high - low))


def _kept(column: pd.Series) -> pd.Series:
    return column.copy(deep=not _frames.COPY_ON_WRITE)


def _refuse_to_forget(options: Options, kept: Mapping[str, pd.Series]) -> None:
    if kept and not options.keep_rows:
        raise CXError(
            "keep_rows=False is for a table of customer, time and event alone; this one has also"
            f" {listing(list(kept))}, whose values are found by the rows. Pass only the three columns, or"
            " leave keep_rows out."
        )


def _negative(numbers: npt.NDArray[np.integer]) -> Bools | None:
    """Return which numbers are negative; None where none can be, or is."""
    if numbers.dtype.kind == "u" or not len(numbers) or span(numbers)[0] >= 0:
        return None
    return numbers < 0


def _nulls(missing: Mapping[str, Bools | None], roles: Mapping[str, str], n_rows: int) -> CXError:
    parts = []
    for role, where in missing.items():
        n = 0 if where is None else int(where.sum())
        if n and where is not None:
            parts.append(
                f"{n:,} of {n_rows:,} rows {'has' if n == 1 else 'have'} no {role}"
                f" (column {roles[role]!r}), first at row {int(np.argmax(where))}"
            )
    return CXError("; ".join(parts) + ". Pass drop_nulls=True to leave them out.")


def _ticks(times: _times.Instants, there: Ticks | None) -> tuple[int, int, Ticks]:
    """Return tick 0 in nanoseconds, the coarsest exact tick in nanoseconds, and every time in ticks."""
    counts = times.counts if there is None else times.counts[there]
    if not len(counts):
        return 0, _times.UNIT_NS["s"], counts.astype(np.int32)
    low, high = times.span if there is None and times.span is not None else span(counts)
    if (high - low) * times.unit_ns > np.iinfo(np.int64).max:
        raise CXError(
            "the times span more than 292 years, more than 64 bits of nanoseconds can count."
            " Look at the first and the last of them."
        )
    return _rows.ticks(
        counts, (low, high), times.unit_ns, [_times.UNIT_NS[unit] for unit in ("s", "ms", "us", "ns")]
    )


def _used(numbers: npt.NDArray[np.integer], values: pd.Index) -> tuple[npt.NDArray[np.integer], pd.Index]:
    """Return rows renumbered without the values that no row has left."""
    there = np.zeros(len(values), np.bool_)
    there[numbers] = True
    if there.all():
        return numbers, values
    return (np.cumsum(there, dtype=np.int64) - 1).astype(numbers.dtype)[numbers], values[there]


def _code_type(names: tuple[str, ...]) -> np.dtype[np.unsignedinteger]:
    return np.min_scalar_type(max(len(names) - 1, 0))


def repeated(made: _rows.Sorted, kept: Mapping[str, pd.Series], flags: npt.NDArray[np.uint8]) -> Bools:
    """Return which rows repeat an earlier one in every column; the flags of `_rows.repeats` are used up."""
    if not kept:
        # In their own memory: this is when a log needs the most.
        again: Bools = flags.view(np.bool_)
        return np.equal(flags, _rows.REPEAT, out=again)
    where = np.flatnonzero(flags)
    found = np.zeros(len(flags), np.bool_)
    if not len(where):
        return found
    places = where if made.rows is None else made.rows[where]
    whose = np.searchsorted(made.offsets, where, side="right")
    # Columns count up: the caller's names may be any, ours included.
    columns = [pd.Series(whose), pd.Series(made.ticks[where]), pd.Series(made.codes[where])]
    columns += [_keys.comparable(column.iloc[places]) for column in kept.values()]
    found[where] = pd.DataFrame(dict(enumerate(columns))).duplicated().to_numpy()
    return found


def without(made: _rows.Sorted, gone: Bools) -> _rows.Sorted:
    """Return rows without some, of which every customer keeps one."""
    left = narrow(np.flatnonzero(~gone), len(gone))
    offsets = np.searchsorted(left, made.offsets)
    rows = left if made.rows is None else made.rows[left]
    return _rows.Sorted(offsets, made.codes[left], made.ticks[left], rows)


def checks(packed: Packed, seen: Seen, zone: str | None) -> list[tuple[str, int, str]]:
    """Return what was looked for in the rows, how many rows showed it, and what was done."""
    early, late = (-((packed.origin_ns - bound) // packed.tick_ns) for bound in (_EARLY_NS, _LATE_NS))
    where = f" in {zone}" if zone else ""
    return [
        ("no customer", seen.dropped["customer"], "rows without a customer, left out"),
        ("no time", seen.dropped["time"], "rows without a time, left out"),
        ("no event", seen.dropped["event"], "rows without an event, left out"),
        (
            "duplicate rows",
            seen.repeated,
            "rows that repeat another in every column (drop_duplicates=True leaves them out)",
        ),
        (
            "equal times",
            seen.tied,
            "rows at the same time as another of the customer, in the table's order",
        ),
        (
            "early times",
            int((packed.ticks < early).sum()) if early > 0 else 0,
            "rows before 1971: often a zero, or numbers taken in too fine a unit",
        ),
        (
            "late times",
            int((packed.ticks >= late).sum()) if late <= packed.end_tick else 0,
            "rows in 2099 or later: often a placeholder",
        ),
        (
            "repeated hour",
            seen.ambiguous,
            f"local times that occur twice{where}, when clocks go back: taken as the second",
        ),
        (
            "skipped hour",
            seen.skipped,
            f"local times that do not exist{where}, when clocks go forward: taken by the clock before",
        ),
    ]
