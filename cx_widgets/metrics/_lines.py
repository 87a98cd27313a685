"""A table by its columns; a frame is made of it when somebody asks for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

Cell: TypeAlias = "str | float"
Cells: TypeAlias = "dict[str, list[Cell]]"


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Durations in ticks of a log, NaN where undefined: in a frame as Timedelta, in lists in seconds."""

    log: EventLog
    ticks: NDArray[np.float64]

    def in_frame(self) -> object:
        """Return them as pandas holds them."""
        return self.log.durations(self.ticks)

    def in_list(self) -> list[Cell]:
        """Return them in seconds."""
        seconds: list[Cell] = (self.ticks * self.log.packed.tick_ns / 1e9).tolist()
        return seconds


@dataclass(frozen=True, slots=True, eq=False)
class Nanoseconds:
    """Durations in nanoseconds, the smallest number where undefined."""

    ns: NDArray[np.int64]

    def in_frame(self) -> object:
        """Return them as pandas holds them."""
        return pd.TimedeltaIndex(self.ns.view("m8[ns]"))

    def in_list(self) -> list[Cell]:
        """Return them in seconds."""
        undefined = self.ns == np.iinfo(np.int64).min
        seconds: list[Cell] = np.where(undefined, np.nan, self.ns / 1e9).tolist()
        return seconds


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Whole numbers of which some are undefined."""

    numbers: Ints
    undefined: Bools

    def in_frame(self) -> object:
        """Return them as pandas holds them."""
        return pd.arrays.IntegerArray(self.numbers.astype(np.int64), self.undefined.copy())

    def in_list(self) -> list[Cell]:
        """Return them with NaN where they are undefined."""
        known: list[Cell] = np.where(self.undefined, np.nan, self.numbers).tolist()
        return known


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Texts."""

    texts: list[str]

    def in_frame(self) -> object:
        """Return them as pandas holds them."""
        return pd.Series(self.texts, dtype=str)

    def in_list(self) -> list[Cell]:
        """Return them as they are."""
        return list(self.texts)


Column: TypeAlias = Times | Nanoseconds | Known | Words


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Columns of equal length, one entry for each line of a table; a single text stands in every line.

    Attributes
    ----------
    columns
        By name, the index not among them.
    index
        The name of the index and its entries; None for lines that are numbered.
    """

    columns: Mapping[str, NDArray[np.generic] | str | Column]
    index: tuple[str, list[str]] | None = None

    def frame(self) -> pd.DataFrame:
        """Return the table as a frame."""
        columns = {
            name: column.in_frame() if isinstance(column, Column) else column
            for name, column in self.columns.items()
        }
        if self.index is None:
            return pd.DataFrame(columns)
        name, entries = self.index
        return pd.DataFrame(columns, index=pd.Index(entries, name=name))

    def cells(self) -> Cells:
        """Return the table as lists of plain values, the index first."""
        lists: Cells = {} if self.index is None else {self.index[0]: list(self.index[1])}
        alone: dict[str, str] = {}
        for name, column in self.columns.items():
            if isinstance(column, str):
                alone[name] = column
                lists[name] = []
            else:
                lists[name] = column.tolist() if isinstance(column, np.ndarray) else column.in_list()
        n = max((len(column) for column in lists.values()), default=0)
        return {name: [alone[name]] * n if name in alone else column for name, column in lists.items()}


def when_asked(frame: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return what stands for a frame in a result until it is read: what makes it."""
    return cast("pd.DataFrame", frame)


class WhenAsked:
    """The frame of a result: given as it is, or by `when_asked`, and then made when it is first read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"{name} or how"

    def __get__(self, result: object | None, owner: type | None = None) -> pd.DataFrame:
        if result is None:
            # A dataclass asks its class for the default: there is none.
            raise AttributeError(self._slot)
        held: pd.DataFrame | Callable[[], pd.DataFrame] = vars(result)[self._slot]
        if not isinstance(held, pd.DataFrame):
            held = vars(result)[self._slot] = held()
        return held

    def __set__(self, result: object, frame: pd.DataFrame | Callable[[], pd.DataFrame]) -> None:
        vars(result)[self._slot] = frame


def cells_of(frame: pd.DataFrame) -> Cells:
    """Return a frame as lists of plain values, a named index first; durations in seconds, NaN for missing."""
    named = [name for name in frame.index.names if name is not None]
    table = frame.reset_index(named) if named else frame
    return {str(name): [_cell(value) for value in table[name].tolist()] for name in table.columns}


def _cell(value: object) -> Cell:
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    if value is None or value is pd.NA or value is pd.NaT:
        return float("nan")
    return value if isinstance(value, str | int | float) else str(value)
