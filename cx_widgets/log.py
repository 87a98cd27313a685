"""The event log: any table of events, checked once, sorted once, packed into small integers."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from cx_widgets import _append, _held, _ingest, _log_text, _rows, _store, _ticks, _times
from cx_widgets._ingest import Options
from cx_widgets._numbering import unheard
from cx_widgets._packed import Packed, frozen
from cx_widgets._recent import Recent
from cx_widgets.errors import CXError, listing, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from cx_widgets._packed import Int64s
    from cx_widgets._sampling import Sample

__all__ = ["EventLog", "Packed"]

T = TypeVar("T")

_CHECKED = ("check", "rows", "detail")
_MEMO_SIZE = 64
_VIEWS_KEPT = 3


class EventLog:
    """A table of events, checked, sorted and packed once; immutable.

    Parameters
    ----------
    data : DataFrame
        One row for one event: a pandas frame, or any table that speaks Arrow or that narwhals knows
        (polars, pyarrow, a DuckDB relation). It is never changed, and later changes of it do not reach
        the log.
    customer, time, event : str
        Names of the columns that say who, when and what. Customers are integers or text. Times are
        timestamps, dates, ISO 8601 text, or numbers together with ``time_unit``. Events are names: other
        values are taken by their text. An empty text is a missing customer, time or event.
    value, score : str, optional
        Names of numeric columns: the money of an event; what a customer answered (0 to 10). May have gaps.
    channel : str, optional
        Name of the column that says where the event took place.
    time_unit : {'s', 'ms', 'us', 'ns', 'D'}, optional
        What numeric times count, from 1970-01-01 UTC; required for numbers, refused for others. Fractions
        are kept to the microsecond.
    time_zone : str, optional
        The zone in which times are shown, such as ``'Europe/Berlin'``. Times without a zone are taken as
        local times there (an hour that occurs twice as the second one, an hour that is skipped as the clock
        before the change would show it; `checks` counts both); times with a zone are converted.
    drop_nulls : bool, default False
        Leave out rows without customer, time or event, instead of refusing the table.
    drop_duplicates : bool, default False
        Leave out rows that repeat another row in every column, instead of only counting them.
    keep_rows : bool, default True
        Keep where in the table each event stands: 4 bytes for each, none in a table by customer and time.
        Without them lists of events number their ``row`` in the order of the log. Only for a table of nothing
        but customer, time and event.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1, some times on the way, in the calling thread.
        What it raises ends the reading, as an interrupt of the notebook does.

    Raises
    ------
    CXError
        When a column is missing, named twice or of the wrong kind, when rows lack a customer, time or event
        and ``drop_nulls`` is not set, when a time cannot be read or lies outside the years 1678 to 2261.

    Notes
    -----
    Equal times of one customer keep the order of the given table. An empty table gives an empty log whose
    span is NaT. Two logs are equal only if they are the same object.

    Examples
    --------
    >>> df = pd.DataFrame({
    ...     "id": [1, 1, 2],
    ...     "at": ["2024-01-01 10:00", "2024-01-03 09:30", "2024-01-02 12:00"],
    ...     "what": ["view", "order", "view"],
    ...     "price": [None, 20.0, None],
    ... })
    >>> log = EventLog(df, customer="id", time="at", event="what", value="price")
    >>> log.n_events, log.n_customers, log.event_names
    (3, 2, ('order', 'view'))
    >>> log.end
    Timestamp('2024-01-03 09:30:00')
    >>> log.values.tolist()
    [nan, 20.0, nan]
    """

    def __init__(
        self,
        data: object,
        *,
        customer: str,
        time: str,
        event: str,
        value: str | None = None,
        channel: str | None = None,
        score: str | None = None,
        time_unit: str | None = None,
        time_zone: str | None = None,
        drop_nulls: bool = False,
        drop_duplicates: bool = False,
        keep_rows: bool = True,
        progress: Callable[[float], object] | None = None,
    ) -> None:
        options = Options(
            time_unit=time_unit,
            time_zone=time_zone,
            drop_nulls=drop_nulls,
            drop_duplicates=drop_duplicates,
            keep_rows=keep_rows,
        )
        given = {
            "customer": customer,
            "time": time,
            "event": event,
            "value": value,
            "channel": channel,
            "score": score,
        }
        found = _ingest.read(data, given, options, progress or unheard)
        self._hold(_held.of_reading(found, options, found.packed.places))

    def _hold(self, held: _held.Held) -> None:
        self._held = held
        self._memo = Recent(_MEMO_SIZE)
        self._views = Recent(_VIEWS_KEPT)

    @classmethod
    def _of(cls, held: _held.Held) -> EventLog:
        log = object.__new__(cls)
        log._hold(held)
        return log

    @property
    def n_events(self) -> int:
        """The number of events."""
        return len(self._held.packed.codes)

    @property
    def n_customers(self) -> int:
        """The number of customers with at least one event."""
        return len(self._held.packed.offsets) - 1

    @property
    def event_names(self) -> tuple[str, ...]:
        """The distinct event names, sorted."""
        return self._held.names

    @property
    def customer_ids(self) -> pd.Index:
        """The customers' ids, in the order in which they first appear in the data."""
        return self._held.customer_ids

    @property
    def packed(self) -> Packed:
        """The events as small integers, ordered by customer and time."""
        return self._held.rows

    @property
    def roles(self) -> Mapping[str, str]:
        """The given roles, each with its column."""
        return MappingProxyType(self._held.roles)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that conditions can use: all but customer, time and event."""
        return tuple(self._held.columns)

    @property
    def column_types(self) -> Mapping[str, object]:
        """The type of each of the columns, by name; their values are not touched."""
        held = self._held
        if held.stored is not None:
            return {name: held.stored.dtype_of(name) for name in held.columns}
        return {name: column.dtype for name, column in held.columns.items()}

    @property
    def time_zone(self) -> str | None:
        """The zone in which times are shown; None when they have none."""
        return self._held.zone

    @property
    def checks(self) -> pd.DataFrame:
        """What was looked for in the rows, how many rows showed it, and what was done."""
        return pd.DataFrame(self._held.checks, columns=list(_CHECKED))

    @cached_property
    def event_counts(self) -> Int64s:
        """The number of events of each name, parallel to `event_names`."""
        return frozen(np.bincount(self.packed.codes, minlength=len(self.event_names)).astype(np.int64))

    @cached_property
    def event_customers(self) -> Int64s:
        """The number of customers with an event of each name, parallel to `event_names`."""
        packed = self.packed
        return frozen(_rows.customers_of_codes(packed.offsets, packed.codes, len(self.event_names)))

    @property
    def start(self) -> pd.Timestamp:
        """The time of the first event; NaT in an empty log."""
        return self._stamp(0)

    @property
    def end(self) -> pd.Timestamp:
        """The time of the last event; NaT in an empty log."""
        return self._stamp(self._held.last_tick)

    @property
    def observation_end(self) -> pd.Timestamp:
        """The time up to which customers were observed: the last event, unless `until` set another."""
        return self.end if self._held.until is None else self._held.until

    def moment(self, when: object, field: str = "when") -> pd.Timestamp:
        """Return a point in time as one of this log, in its time zone.

        Parameters
        ----------
        when : Timestamp, datetime, date or str
            ISO 8601 text, or a time. Without a zone it is local time in the log's zone (an hour that occurs
            twice is the second one); with one it is converted. A date is its first moment.
        field : str
            What the error calls it.

        Returns
        -------
        Timestamp
            In nanoseconds, in `time_zone`.

        Raises
        ------
        CXError
            When it is no time, or has a zone where the log has none.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [1], "at": ["2024-01-01"], "what": ["view"]})
        >>> EventLog(df, customer="id", time="at", event="what").moment("2024-01-02 12:00")
        Timestamp('2024-01-02 12:00:00')
        """
        return _times.moment(_times.parsed_moment(when, field), self._held.zone, field)

    def until(self, end: object) -> EventLog:
        """Return the log as it stood at a time: without later rows, and observed until then.

        Parameters
        ----------
        end : Timestamp, datetime, date or str
            The end of observation, read by `moment`; rows at it are inside. After the last row all rows
            stay, and more is known of who did not go on.

        Returns
        -------
        EventLog
            It shares the columns of this one. Customers without a row by then are not in it; the event names
            are all those of this log.

        Raises
        ------
        CXError
            When it is no time, lies more than 292 years from the first event, or behind an end set before.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [1, 1, 2], "at": ["2024-01-01", "2024-01-03", "2024-01-02"],
        ...                    "what": ["view", "order", "view"]})
        >>> early = EventLog(df, customer="id", time="at", event="what").until("2024-01-02 12:00")
        >>> early.n_events, early.end, early.observation_end
        (2, Timestamp('2024-01-02 00:00:00'), Timestamp('2024-01-02 12:00:00'))
        """
        moment = self.moment(end, "observation_end")
        before = self._held.until
        if before is not None:
            if moment.value == before.value:
                return self
            if moment.value > before.value:
                raise CXError(
                    f"observation_end={str(moment)!r} lies behind {str(before)!r}, the end of this log "
                    "already. Take the whole log."
                )
        return self._views.get(moment.value, lambda: EventLog._of(_held.cut(self._held, moment)))

    def append(self, data: object) -> EventLog:
        """Return the log with the rows of another table in it, as if one table had held both from the start.

        Parameters
        ----------
        data : DataFrame
            Newer events, in any form that the log itself takes, with the same columns of the same types: read
            with the same roles and options. Customers and event names may be new. Times may be any: later
            ones, as a nightly load brings them, are merged quickest.

        Returns
        -------
        EventLog
            A new log; this one stays what it is. Rows count on behind those of the first table.

        Raises
        ------
        CXError
            When the columns are others or of other types, when rows cannot be read, when the log was cut by
            `until` or is a `sample`, or opened from a file of the first version, which does not say how its
            table was read.

        Notes
        -----
        At equal times of one customer the older table's rows come first. Nothing is sorted but the newer
        rows; the older are copied once. A customer all of whose rows in the older table were left out, by
        ``drop_nulls``, stands behind the older customers.

        Examples
        --------
        >>> monday = pd.DataFrame({"id": [1, 2], "at": "2024-01-01", "what": ["view", "view"]})
        >>> tuesday = pd.DataFrame({"id": [3, 1], "at": "2024-01-02", "what": ["view", "buy"]})
        >>> log = EventLog(monday, customer="id", time="at", event="what").append(tuesday)
        >>> log.n_events, log.event_names, log.packed.rows.tolist()
        (4, ('buy', 'view'), [0, 3, 1, 2])
        """
        return EventLog._of(_append.appended(self._held, data))

    def sample(self, one_in: int = 16) -> EventLog:
        """Return the log of a fixed part of the customers, with all their rows.

        Parameters
        ----------
        one_in : int, default 16
            One customer in about so many is chosen, by a hash of the customer's number in the log: always the
            same ones, whatever the figures.

        Returns
        -------
        EventLog
            With the event names, the first and last time and the end of observation of this log, and its
            columns. `sampled` says what part it is. Figures of it are those of these customers: shares, times
            and their intervals stand for the whole log, counts want `Sample.times`. `preview` counts the
            figures strip so.

        Raises
        ------
        CXError
            When ``one_in`` is no whole number from 1.

        Examples
        --------
        >>> df = pd.DataFrame({"id": range(1000), "at": "2024-01-01", "what": ["view", "order"] * 500})
        >>> part = EventLog(df, customer="id", time="at", event="what").sample(10)
        >>> str(part.sampled), part.n_events
        ('one in 10 customers, 122 of 1,000', 122)
        """
        return EventLog._of(_held.sample(self._held, one_in))

    @property
    def sampled(self) -> Sample | None:
        """What part of a log this is; None where it is no sample."""
        return self._held.sampled

    @property
    def customer_numbers(self) -> Int64s:
        """The numbers of the customers in the whole log, where `until` has left some out."""
        return self._held.customer_numbers

    def _stamp(self, tick: int) -> pd.Timestamp:
        if not self.n_events:
            return pd.NaT  # type: ignore[return-value]
        return self.timestamps(np.array([tick], np.int64))[0]

    @property
    def memory_bytes(self) -> int:
        """The bytes that the packed events and the kept columns take (text counted by its references).

        Of an opened log, those of its file: memory that the system fills and gives back by itself.
        """
        return self._held.nbytes()

    @property
    def values(self) -> npt.NDArray[np.float64] | None:
        """The numbers of the role ``value`` in packed order, NaN where missing; None without that role."""
        return self._number("value")

    @property
    def scores(self) -> npt.NDArray[np.float64] | None:
        """The numbers of the role ``score`` in packed order, NaN where missing; None without that role."""
        return self._number("score")

    def _number(self, role: str) -> npt.NDArray[np.float64] | None:
        column = self._held.roles.get(role)
        return None if column is None else self.column(column).to_numpy(dtype=np.float64)

    def column(self, name: str) -> pd.Series:
        """Return a column in packed order: row ``i`` belongs to row ``i`` of `packed`.

        Parameters
        ----------
        name : str
            One of `columns`.

        Returns
        -------
        Series
            The values with the index 0, 1, ...; not to be written to.

        Raises
        ------
        CXError
            When there is no such column.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [2, 1, 2], "at": ["2024-01-02", "2024-01-01", "2024-01-01"],
        ...                    "what": ["buy", "view", "view"], "shop": ["web", "app", "app"]})
        >>> EventLog(df, customer="id", time="at", event="what").column("shop").tolist()
        ['app', 'web', 'app']
        """
        held = self._held
        if name not in held.columns:
            for role in _ingest.KEYS:
                if held.roles[role] == name:
                    raise CXError(
                        f"column {name!r} is the {role} of this log, not a column for conditions."
                        f" Available: {listing(held.columns)}."
                    )
            raise unknown("column", name, held.columns)
        return self.memo(("column", name), lambda: held.column(name))

    def value_counts(self, name: str) -> pd.Series:
        """Return how many events have each value of a column, the most frequent first.

        Parameters
        ----------
        name : str
            One of `columns`.

        Returns
        -------
        Series
            Of int64, by value; of equally frequent ones the first in the log stands first. Events without a
            value are left out; in an empty log there is none.

        Raises
        ------
        CXError
            When there is no such column, or it holds what cannot be told apart, such as lists.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [2, 1, 2], "at": ["2024-01-02", "2024-01-01", "2024-01-01"],
        ...                    "what": ["buy", "view", "view"], "shop": ["web", "app", "app"]})
        >>> EventLog(df, customer="id", time="at", event="what").value_counts("shop").to_dict()
        {'app': 2, 'web': 1}
        """
        return _counted(self.column(name))

    def to_ticks(self, duration: pd.Timedelta) -> int:
        """Return a duration in whole ticks, rounded down: what lasts at most that many ticks fits into it.

        Parameters
        ----------
        duration : Timedelta
            How long.

        Returns
        -------
        int
            Ticks.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [1], "at": ["2024-01-01"], "what": ["view"]})
        >>> EventLog(df, customer="id", time="at", event="what").to_ticks(pd.Timedelta("1min 0.5s"))
        60
        """
        return _ticks.ticks_in(duration, self._held.packed.tick_ns)

    def durations(self, ticks: npt.ArrayLike) -> pd.TimedeltaIndex:
        """Return ticks as durations, exact for whole and half ticks; NaN becomes NaT.

        Parameters
        ----------
        ticks : array_like of int or float
            Differences of ticks.

        Returns
        -------
        TimedeltaIndex
            In nanoseconds.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [1], "at": ["2024-01-01"], "what": ["view"]})
        >>> EventLog(df, customer="id", time="at", event="what").durations([90, 0.5])[0]
        Timedelta('0 days 00:01:30')
        """
        return _ticks.durations(ticks, self._held.packed.tick_ns)

    def timestamps(self, ticks: npt.ArrayLike) -> pd.DatetimeIndex:
        """Return ticks as points in time in the log's time zone; NaN becomes NaT.

        Parameters
        ----------
        ticks : array_like of int or float
            Ticks since the first event.

        Returns
        -------
        DatetimeIndex
            In nanoseconds, in `time_zone`.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [1], "at": ["2024-01-01"], "what": ["view"]})
        >>> EventLog(df, customer="id", time="at", event="what").timestamps([0, 3600])[1]
        Timestamp('2024-01-01 01:00:00')
        """
        packed = self._held.packed
        return _ticks.timestamps(ticks, packed.tick_ns, packed.origin_ns, self._held.zone)

    def memo(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return what ``compute`` returned for this key before, or call it and remember the last 64 results.

        Parameters
        ----------
        key : hashable
            What the result depends on besides the log.
        compute : callable
            Takes nothing and returns an immutable result.

        Returns
        -------
        object
            The result.

        Examples
        --------
        >>> df = pd.DataFrame({"id": [1], "at": ["2024-01-01"], "what": ["view"]})
        >>> log = EventLog(df, customer="id", time="at", event="what")
        >>> log.memo("answer", lambda: 42), log.memo("answer", lambda: 43)
        (42, 42)
        """
        return self._memo.get(key, compute)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the log into one file, from which `open` has it again at once.

        Parameters
        ----------
        path : str or path
            Where to; such files end in ``.cxlog`` by custom.
        overwrite : bool, default False
            Replace a file that is there already.

        Raises
        ------
        CXError
            When a column holds what a file cannot keep (only numbers, times, durations, true and false, text,
            and categories of these can be kept), when customers are neither integers nor text, when the file
            exists, or cannot be written.

        Notes
        -----
        The file is written beside its place first and then moved there, so there is never half of one. Rows
        that the log leaves out (by ``drop_nulls``, ``drop_duplicates`` or `until`) are not in it; the rest of
        the given table is. What is in it stands in `docs/adr/031-a-log-as-a-file.md`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> df = pd.DataFrame({"id": [1, 1, 2], "at": ["2024-01-01", "2024-01-03", "2024-01-02"],
        ...                    "what": ["view", "order", "view"], "shop": ["web", "app", "web"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "shop.cxlog"
        ...     EventLog(df, customer="id", time="at", event="what").save(path)
        ...     log = EventLog.open(path, verify=True)
        ...     log.event_names, log.column("shop").tolist()
        (('order', 'view'), ['web', 'app', 'web'])
        """
        _store.save(path, self._held, overwrite=overwrite)

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = False) -> EventLog:
        """Return the log that `save` wrote into a file, in milliseconds whatever its size.

        Parameters
        ----------
        path : str or path
            Where it is.
        verify : bool, default False
            Compare everything with its checksum now, instead of each part when it is read first.

        Returns
        -------
        EventLog
            It gives the same answers as the saved one. Its arrays are mapped: read from the file when they
            are needed, never changed. Replace the file by `save`, which leaves opened logs what they are; a
            program that cuts or rewrites it in place pulls the rows from under them.

        Raises
        ------
        CXError
            When there is no such file, when it is none of ours, of a newer version, cut, or damaged. Header
            and length are checked at once, the rows when `packed` or any figure first asks for them, each
            column and the ids when they are read. So a damaged row is an error, never a number.

        Examples
        --------
        >>> EventLog.open("missing.cxlog")
        Traceback (most recent call last):
        cx_widgets.errors.CXError: 'missing.cxlog' could not be opened: No such file or directory. ...
        """
        return cls._of(_store.opened(path, verify=verify))

    def __len__(self) -> int:
        return self.n_events

    def __bool__(self) -> bool:
        return True

    def __getstate__(self) -> _held.Held:
        # What goes elsewhere takes along what lies in a file, which stays, or was to be made when asked for.
        return self._held.loose()

    def __setstate__(self, held: _held.Held) -> None:
        self._hold(held)

    def __repr__(self) -> str:
        return _log_text.lines_of(self)

    def _repr_html_(self) -> str:
        return _log_text.table_of(self)


def _counted(column: pd.Series) -> pd.Series:
    try:
        codes, values = pd.factorize(column)
    except TypeError as error:
        raise CXError(
            f"column {column.name!r} holds values that cannot be told apart ({error}). Make them text in the"
            f" data, e.g. df[{column.name!r}].astype(str)."
        ) from error
    counts = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int64)
    order = np.argsort(-counts, kind="stable")
    return pd.Series(counts[order], index=pd.Index(values)[order], name=column.name)
