"""Newer rows are merged into a log: each goes to its customer's, behind those of the same time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from cx_widgets import _ingest, _rows, _times
from cx_widgets._held import of_reading
from cx_widgets._numbering import unheard
from cx_widgets._packed import Packed, counting, frozen, narrow, placed
from cx_widgets.errors import CXError, listing

if TYPE_CHECKING:
    import numpy.typing as npt

    from cx_widgets._held import Held
    from cx_widgets._packed import Codes, Int64s, Places, Ticks

A = TypeVar("A", bound="npt.NDArray[np.integer]")


@dataclass(frozen=True, slots=True)
class _Merge:
    """Where rows go: the newer ones to ``to``, ascending, the older ones to what is left."""

    n: int
    to: Int64s
    order: Int64s

    def of(self, older: A, newer: A) -> A:
        """Return the values of the older rows with those of the newer between them, of the former's type."""
        made = np.empty(self.n, older.dtype)
        left = np.ones(self.n, np.bool_)
        left[self.to] = False
        made[left], made[self.to] = older, newer[self.order]
        return made  # type: ignore[return-value] # of the older ones' type


def appended(old: Held, data: object) -> Held:
    """Return what a log holds with the rows of a newer table in it."""
    options, n_old_rows = _refuse_what_cannot_grow(old)
    # Repeats are looked for when all rows are together.
    new = _ingest.read(data, old.roles, replace(options, drop_duplicates=False), unheard)
    found, places = _merged(old, n_old_rows, new, options)
    return of_reading(found, options, places)


def _refuse_what_cannot_grow(old: Held) -> tuple[_ingest.Options, int]:
    """Return how the table of the log was read, and how many rows it had."""
    if old.until is not None:
        raise CXError(
            f"this log ends at {str(old.until)!r}, set by until. Append to the whole log, and take"
            " until of what comes back."
        )
    if old.customers is not None or old.sampled is not None:
        raise CXError(
            "this log holds only some of the customers of another. Append to the whole log, and take the"
            " sample of what comes back."
        )
    if old.options is None or old.table_rows is None:
        raise CXError(
            "this log was opened from a file of the first version, which does not say how its table was"
            " read. Make the log from its table again, and save it."
        )
    return old.options, old.table_rows


def _merged(
    old: Held, n_old_rows: int, new: _ingest.Reading, options: _ingest.Options
) -> tuple[_ingest.Reading, Places]:
    """Return a log with newer rows in it as a reading, and where its rows stand in its kept columns."""
    _refuse_other_columns(old, new)
    older, columns = old.rows, old.columns
    had = {check: rows for check, rows, _ in old.checks}
    numbers, ids = _numbers(old.customer_ids, new.ids)
    names = tuple(sorted({*old.names, *new.names}))
    origin_ns, tick_ns = _clock(older, new.packed)
    old_ticks, new_ticks = (_moved(part, origin_ns, tick_ns) for part in (older, new.packed))
    end_tick = max(int(old_ticks.max(initial=0)), int(new_ticks.max(initial=0)))
    old_ticks, new_ticks = narrow(old_ticks, end_tick), narrow(new_ticks, end_tick)
    offsets, merge = _merge((older.offsets, old_ticks), (new.packed.offsets, new_ticks), numbers, len(ids))
    made = _rows.Sorted(
        offsets,
        merge.of(_codes(older, old.names, names), _codes(new.packed, new.names, names)),
        merge.of(old_ticks, new_ticks),
        None,
    )
    rows = _places(merge, older.places, new.packed.places, n_old_rows)
    behind = len(next(iter(columns.values()))) if columns else 0
    places = _places(merge, old.places, new.packed.places, behind) if columns else rows
    kept = {name: pd.concat([column, new.kept[name]], ignore_index=True) for name, column in columns.items()}
    n_tied, flags = _rows.repeats(made, len(names))
    repeated = None
    if n_tied:
        standing = _rows.Sorted(made.offsets, made.codes, made.ticks, places)
        repeated = _ingest.repeated(standing, kept, flags)
    n_repeated = 0 if repeated is None else int(repeated.sum())
    if options.drop_duplicates:
        if n_repeated and repeated is not None:
            left = narrow(np.flatnonzero(~repeated), len(repeated))
            rows, places = (left if where is None else where[left] for where in (rows, places))
            made = _ingest.without(made, repeated)
            n_tied = _rows.tied(made)
        n_repeated += had["duplicate rows"]
    packed = Packed(
        offsets=frozen(made.offsets),
        codes=frozen(made.codes),
        ticks=frozen(made.ticks),
        places=None if rows is None or not options.keep_rows else frozen(rows),
        tick_ns=tick_ns,
        origin_ns=origin_ns,
        end_tick=end_tick,
        has_ties=n_tied > 0,
    )
    seen = _ingest.Seen(
        {role: n + had[f"no {role}"] for role, n in new.seen.dropped.items()},
        n_repeated,
        n_tied,
        new.seen.ambiguous + had["repeated hour"],
        new.seen.skipped + had["skipped hour"],
    )
    zone = old.zone if len(older.codes) else new.zone
    n_rows = n_old_rows + new.n_rows
    reading = _ingest.Reading(new.roles, kept, n_rows, ids, names, zone, packed, seen)
    return reading, None if places is None else frozen(places)


def _refuse_other_columns(old: Held, new: _ingest.Reading) -> None:
    for these, others, step in (
        (old.columns, new.kept, "Add them, with gaps where nothing is known"),
        (new.kept, old.columns, "Leave them out, or make the log of the whole table again"),
    ):
        lacking = [name for name in these if name not in others]
        if lacking:
            whose = (
                "table lacks columns of the log" if these is old.columns else "log lacks columns of the table"
            )
            raise CXError(f"the {whose}: {listing(lacking)}. {step}.")
    kinds = [(name, column.dtype, new.kept[name].dtype) for name, column in old.columns.items()]
    # Ids of no customer, and times of no row, are of no kind.
    if len(old.customer_ids) and len(new.ids):
        kinds.append((new.roles["customer"], old.customer_ids.dtype, new.ids.dtype))
        if old.zone != new.zone:
            raise CXError(
                f"the times of the log are shown in {old.zone or 'no zone'}, those of the table in"
                f" {new.zone or 'none'}. Convert them first: .dt.tz_convert or .dt.tz_localize."
            )
    for name, had, has in kinds:
        if had != has:
            raise CXError(
                f"column {name!r} is {has} in the table and {had} in the log."
                f" Convert it first: df[{name!r}].astype({str(had)!r})."
            )


def _numbers(old: pd.Index, new: pd.Index) -> tuple[Int64s, pd.Index]:
    """Return the number of each newer customer in the log, where unknown ones follow, and all ids."""
    if not len(old):
        return np.arange(len(new)), new
    numbers = old.get_indexer(new).astype(np.int64)
    unknown = numbers < 0
    numbers[unknown] = len(old) + np.arange(int(unknown.sum()))
    return numbers, old.append(new[unknown]) if unknown.any() else old


def _clock(old: Packed, new: Packed) -> tuple[int, int]:
    """Return tick 0 and the coarsest tick that is exact for all rows, in nanoseconds."""
    if not len(old.codes):
        return new.origin_ns, new.tick_ns
    if not len(new.codes):
        return old.origin_ns, old.tick_ns
    origin = min(old.origin_ns, new.origin_ns)
    last = max(part.origin_ns + part.end_tick * part.tick_ns for part in (old, new))
    if last - origin > np.iinfo(np.int64).max:
        raise CXError(
            "the times of the log and the table together span more than 292 years, more than 64 bits of"
            " nanoseconds can count. Look at the first and the last of the table."
        )
    between = abs(old.origin_ns - new.origin_ns)
    finest = min(old.tick_ns, new.tick_ns)
    units = (_times.UNIT_NS[unit] for unit in ("s", "ms", "us", "ns"))
    return origin, next(unit for unit in units if unit <= finest and between % unit == 0)


def _moved(packed: Packed, origin_ns: int, tick_ns: int) -> Ticks:
    shift, factor = (packed.origin_ns - origin_ns) // tick_ns, packed.tick_ns // tick_ns
    if not len(packed.codes) or (shift == 0 and factor == 1):
        return packed.ticks
    return packed.ticks.astype(np.int64) * factor + shift


def _codes(packed: Packed, names: tuple[str, ...], all_names: tuple[str, ...]) -> Codes:
    kind = np.min_scalar_type(max(len(all_names) - 1, 0))
    if names == all_names:
        return packed.codes
    number = {name: code for code, name in enumerate(all_names)}
    return np.array([number[name] for name in names], kind)[packed.codes]


def _merge(
    old: tuple[Int64s, Ticks], new: tuple[Int64s, Ticks], numbers: Int64s, n_customers: int
) -> tuple[Int64s, _Merge]:
    """Return the offsets of all rows, and where each goes; both parts are given by offsets and ticks."""
    (offsets, ticks), (new_offsets, new_ticks) = old, new
    n, n_old = len(ticks), len(offsets) - 1
    by_number = np.argsort(numbers)
    sizes = np.diff(new_offsets)[by_number]
    whose = np.repeat(numbers[by_number], sizes)
    # The newer rows in the order of the log's customers.
    begins = np.cumsum(sizes) - sizes
    order = np.arange(len(new_ticks)) + np.repeat(new_offsets[:-1][by_number] - begins, sizes)
    all_offsets = np.append(offsets, np.full(n_customers - n_old, n))
    low, high = all_offsets[whose], all_offsets[whose + 1]
    when = new_ticks[order]
    # Behind the customer's last row, most of them; the others by halving.
    behind = (low == high) | (ticks[np.minimum(high, n) - 1] <= when) if n else low == high
    low[behind] = high[behind]
    looking = np.flatnonzero(low < high)
    while len(looking):
        middle = (low[looking] + high[looking]) // 2
        later = ticks[middle] <= when[looking]
        low[looking[later]] = middle[later] + 1
        high[looking[~later]] = middle[~later]
        looking = looking[low[looking] < high[looking]]
    counts = np.diff(all_offsets)
    np.add.at(counts, numbers, np.diff(new_offsets))
    return np.append(0, np.cumsum(counts)), _Merge(n + len(order), low + np.arange(len(low)), order)


def _places(merge: _Merge, old: Places, new: Places, behind: int) -> Ticks | None:
    """Return where all rows stand if the newer table follows so many rows; None if each at its own place."""
    older, newer = placed(old), placed(new)
    n_new = len(merge.to)
    n_old = merge.n - n_new
    at_the_end = n_new == 0 or (
        int(merge.to[0]) == n_old and bool((merge.order[1:] > merge.order[:-1]).all())
    )
    if older is None and newer is None and at_the_end and behind == n_old:
        return None
    first = counting(n_old) if older is None else older
    second = (counting(n_new) if newer is None else newer).astype(np.int64) + behind
    largest = max(int(first.max(initial=0)), int(second.max(initial=0)))
    return narrow(merge.of(first.astype(np.int64), second), largest)
