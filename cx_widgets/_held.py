"""What a log holds, however it came about: read from a table or a file, cut, sampled or appended to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _ingest, _sampling, _ticks
from cx_widgets._packed import frozen, observed, placed, places_until
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cx_widgets._packed import Int64s, Packed, Places
    from cx_widgets._store import Stored


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """The parts of a log.

    Parameters
    ----------
    roles : Mapping
        The given roles, each with its column.
    columns : Mapping
        The columns besides customer, time and event, in the order of the table.
    places : ndarray, callable or None
        Where in the columns each packed row stands.
    ids : Index or callable
        The customers' ids by number, or how to read them.
    names : tuple of str
        The event names by code.
    zone : str, optional
        In which zone times are shown.
    packed : Packed
        The rows; those of a file are trusted only after `rows` has looked at them.
    last_tick : int
        The tick of the last row.
    checks : tuple
        What was looked for, how many rows showed it, and what was done.
    table_rows : int, optional
        Rows of the table, those that were left out among them; None where an old file does not say it.
    options : Options, optional
        How the table was read; None likewise.
    stored : Stored, optional
        The file that rows and columns lie in.
    until : Timestamp, optional
        The end of observation, where one was set.
    customers : ndarray, optional
        The customers' numbers in the whole log, where this one lacks some.
    sampled : Sample, optional
        Which part of the whole log a sample is.
    """

    roles: dict[str, str]
    columns: Mapping[str, pd.Series]
    places: Places
    ids: pd.Index | Callable[[], pd.Index]
    names: tuple[str, ...]
    zone: str | None
    packed: Packed
    last_tick: int
    checks: tuple[tuple[str, int, str], ...]
    table_rows: int | None
    options: _ingest.Options | None
    stored: Stored | None = None
    until: pd.Timestamp | None = None
    customers: Int64s | None = None
    sampled: _sampling.Sample | None = None

    @property
    def rows(self) -> Packed:
        """The packed rows, looked through once if they come from a file."""
        if self.stored is not None:
            self.stored.check()
        return self.packed

    @property
    def customer_ids(self) -> pd.Index:
        """The customers' ids by number."""
        return self.ids() if callable(self.ids) else self.ids

    @property
    def customer_numbers(self) -> Int64s:
        """The customers' numbers in the whole log."""
        return np.arange(len(self.packed.offsets) - 1) if self.customers is None else self.customers

    def column(self, name: str) -> pd.Series:
        """Return a column in the order of the packed rows."""
        column, rows = self.columns[name], placed(self.places)
        if rows is None:
            return column
        taken = column.take(rows).reset_index(drop=True)
        if isinstance(taken.dtype, np.dtype):
            return pd.Series(frozen(taken.to_numpy().copy()), copy=False, name=column.name)
        return taken

    def nbytes(self) -> int:
        """Return the bytes of packed rows and columns (text counted by its references)."""
        if self.stored is not None:
            return self.packed.nbytes + self.stored.column_bytes()
        kept = sum(int(column.memory_usage(index=False)) for column in self.columns.values())
        return self.packed.nbytes + kept

    def loose(self) -> Held:
        """Return the same without a file, and without places that are still to be found."""
        found = replace(
            self, packed=replace(self.rows, places=placed(self.packed.places)), places=placed(self.places)
        )
        if self.stored is None:
            return found
        return replace(found, ids=self.customer_ids, columns=dict(self.columns), stored=None)


def of_reading(found: _ingest.Reading, options: _ingest.Options, places: Places) -> Held:
    """Return what a log holds whose table was read."""
    return Held(
        roles=found.roles,
        columns=found.kept,
        places=places,
        ids=found.ids,
        names=found.names,
        zone=found.zone,
        packed=found.packed,
        last_tick=found.packed.end_tick,
        checks=tuple(_ingest.checks(found.packed, found.seen, found.zone)),
        table_rows=found.n_rows,
        options=options,
    )


def cut(held: Held, moment: pd.Timestamp) -> Held:
    """Return what there was at a moment."""
    packed, since = held.rows, moment.value - held.packed.origin_ns
    if abs(since) > np.iinfo(np.int64).max:
        start = _ticks.timestamp(packed.origin_ns, held.zone)
        raise CXError(
            f"observation_end={str(moment)!r} lies more than 292 years from the first event, "
            f"{str(start)!r}. Give a time closer to it."
        )
    seen, whose, last_tick = observed(packed, since)
    found = replace(held, packed=seen, last_tick=last_tick, until=moment)
    return found if whose is None else _of_some(found, whose, places_until(packed, since, held.places))


def sample(held: Held, one_in: int) -> Held:
    """Return the rows of about one in so many customers."""
    packed, n_customers = held.rows, len(held.packed.offsets) - 1
    whose = _sampling.chosen(held.customer_numbers, one_in)
    part, at = _sampling.rows_of(packed, whose)
    sampled = _sampling.Sample(int(one_in), len(whose), n_customers)
    found = replace(held, packed=part, sampled=sampled)
    return _of_some(found, whose, _sampling.places_at(held.places, at))


def _of_some(held: Held, whose: Int64s, places: Places) -> Held:
    numbers = whose if held.customers is None else held.customers[whose]
    return replace(held, ids=held.customer_ids[whose], customers=numbers, places=places)
