"""The event log: any table of events, checked once, sorted once, packed into small integers."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from cx_widgets import _append, _ingest, _rows, _sampling, _store, _times
from cx_widgets._html import escape
from cx_widgets._ingest import Options
from cx_widgets._numbering import unheard
from cx_widgets._packed import Packed, frozen, observed, placed, places_until
from cx_widgets.errors import CXError, listing, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from cx_widgets._packed import Int64s, Places

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

    _sampled: _sampling.Sample | None = None

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
        self._hold(found, options, found.packed.places)

    def _hold(self, found: _ingest.Reading, options: Options, places: Places) -> None:
        self._options: Options | None = options
        self._roles = found.roles
        self._columns = tuple(found.kept)
        self._kept: Mapping[str, pd.Series] = found.kept
        self._table_rows: int | None = found.n_rows
        self._ids: pd.Index | None = found.ids
        self._names = found.names
        self._zone = found.zone
        self._packed = found.packed
        # Where in the columns each packed row stands.
        self._places = places
        self._stored: _store.Stored | None = None
        checks = _ingest.checks(found.packed, found.seen, found.zone)
        self._checks = pd.DataFrame(checks, columns=list(_CHECKED))
        self._last_tick = self._packed.end_tick
        self._until: pd.Timestamp | None = None
        self._customers: Int64s | None = None
        self.__setstate__({})

    @property
    def n_events(self) -> int:
        """The number of events."""
        return len(self._packed.codes)

    @property
    def n_customers(self) -> int:
        """The number of customers with at least one event."""
        return len(self._packed.offsets) - 1

    @property
    def event_names(self) -> tuple[str, ...]:
        """The distinct event names, sorted."""
        return self._names

    @property
    def customer_ids(self) -> pd.Index:
        """The customers' ids, in the order in which they first appear in the data."""
        if self._ids is None:
            if self._stored is None:
                raise AssertionError("a log without ids is an opened one")
            self._ids = self._stored.ids()
        return self._ids

    @property
    def packed(self) -> Packed:
        """The events as small integers, ordered by customer and time."""
        if self._stored is not None:
            self._stored.check()
        return self._packed

    @property
    def roles(self) -> Mapping[str, str]:
        """The given roles, each with its column."""
        return MappingProxyType(self._roles)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that conditions can use: all but customer, time and event."""
        return self._columns

    @property
    def column_types(self) -> Mapping[str, object]:
        """The type of each of the columns, by name; their values are not touched."""
        if self._stored is not None:
            return {name: self._stored.dtype_of(name) for name in self._columns}
        return {name: self._kept[name].dtype for name in self._columns}

    @property
    def time_zone(self) -> str | None:
        """The zone in which times are shown; None when they have none."""
        return self._zone

    @property
    def checks(self) -> pd.DataFrame:
        """What was looked for in the rows, how many rows showed it, and what was done."""
        return self._checks.copy()

    @cached_property
    def event_counts(self) -> Int64s:
        """The number of events of each name, parallel to `event_names`."""
        return frozen(np.bincount(self.packed.codes, minlength=len(self._names)).astype(np.int64))

    @cached_property
    def event_customers(self) -> Int64s:
        """The number of customers with an event of each name, parallel to `event_names`."""
        packed = self.packed
        return frozen(_rows.customers_of_codes(packed.offsets, packed.codes, len(self._names)))

    @property
    def start(self) -> pd.Timestamp:
        """The time of the first event; NaT in an empty log."""
        return self._stamp(0)

    @property
    def end(self) -> pd.Timestamp:
        """The time of the last event; NaT in an empty log."""
        return self._stamp(self._last_tick)

    @property
    def observation_end(self) -> pd.Timestamp:
        """The time up to which customers were observed: the last event, unless `until` set another."""
        return self.end if self._until is None else self._until

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
        return _times.moment(_times.parsed_moment(when, field), self._zone, field)

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
        ns = moment.value
        if self._until is not None:
            if ns == self._until.value:
                return self
            if ns > self._until.value:
                raise CXError(
                    f"observation_end={str(moment)!r} lies behind {str(self._until)!r}, the end of this log "
                    "already. Take the whole log."
                )
        with self._lock:
            if ns in self._views:
                self._views.move_to_end(ns)
                return self._views[ns]
        view = self._cut(moment)
        with self._lock:
            self._views[ns] = view
            while len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        return view

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
        if self._until is not None:
            raise CXError(
                f"this log ends at {str(self._until)!r}, set by until. Append to the whole log, and take"
                " until of what comes back."
            )
        if self._customers is not None or self._sampled is not None:
            raise CXError(
                "this log holds only some of the customers of another. Append to the whole log, and take the"
                " sample of what comes back."
            )
        if self._options is None or self._table_rows is None:
            raise CXError(
                "this log was opened from a file of the first version, which does not say how its table was"
                " read. Make the log from its table again, and save it."
            )
        # Repeats are looked for when all rows are together.
        new = _ingest.read(data, self._roles, replace(self._options, drop_duplicates=False), unheard)
        checks = zip(self._checks["check"], self._checks["rows"], strict=True)
        old = _append.Older(
            packed=self.packed,
            ids=self.customer_ids,
            names=self._names,
            zone=self._zone,
            kept=self._kept,
            places=self._places,
            n_rows=self._table_rows,
            found={str(check): int(rows) for check, rows in checks},
        )
        found, places = _append.merged(old, new, self._options)
        log = object.__new__(EventLog)
        log._hold(found, self._options, places)
        return log

    def _cut(self, moment: pd.Timestamp) -> EventLog:
        packed, since = self.packed, moment.value - self._packed.origin_ns
        if abs(since) > np.iinfo(np.int64).max:
            raise CXError(
                f"observation_end={str(moment)!r} lies more than 292 years from the first event, "
                f"{str(self.start)!r}. Give a time closer to it."
            )
        seen, whose, last_tick = observed(packed, since)
        places = places_until(packed, since, self._places)
        return self._part(seen, whose, places, _last_tick=last_tick, _until=moment)

    def _part(self, packed: Packed, whose: Int64s | None, places: Places, **facts: object) -> EventLog:
        """Return a log of some rows of this one: packed, whose they are (None: everybody's), and where."""
        part = object.__new__(EventLog)
        part.__dict__.update(
            (name, value)
            for name, value in self._state().items()
            if name == "_sampled" or not hasattr(type(self), name)
        )
        part.__setstate__(facts)
        part._packed = packed
        if whose is not None:
            part._ids, part._places = self.customer_ids[whose], places
            part._customers = whose if self._customers is None else self._customers[whose]
        return part

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
        packed, whole = self.packed, self.n_customers
        whose = _sampling.chosen(self.customer_numbers, one_in)
        part, at = _sampling.rows_of(packed, whose)
        places = _sampling.places_at(self._places, at)
        return self._part(part, whose, places, _sampled=_sampling.Sample(int(one_in), len(whose), whole))

    @property
    def sampled(self) -> _sampling.Sample | None:
        """What part of a log this is; None where it is no sample."""
        return self._sampled

    @property
    def customer_numbers(self) -> Int64s:
        """The numbers of the customers in the whole log, where `until` has left some out."""
        if self._customers is None:
            return np.arange(self.n_customers)
        return self._customers

    def _stamp(self, tick: int) -> pd.Timestamp:
        if not self.n_events:
            return pd.NaT  # type: ignore[return-value]
        return self.timestamps(np.array([tick], np.int64))[0]

    @property
    def memory_bytes(self) -> int:
        """The bytes that the packed events and the kept columns take (text counted by its references).

        Of an opened log, those of its file: memory that the system fills and gives back by itself.
        """
        if self._stored is not None:
            return self._packed.nbytes + self._stored.column_bytes()
        kept = sum(int(column.memory_usage(index=False)) for column in self._kept.values())
        return self._packed.nbytes + kept

    @property
    def values(self) -> npt.NDArray[np.float64] | None:
        """The numbers of the role ``value`` in packed order, NaN where missing; None without that role."""
        return self._number("value")

    @property
    def scores(self) -> npt.NDArray[np.float64] | None:
        """The numbers of the role ``score`` in packed order, NaN where missing; None without that role."""
        return self._number("score")

    def _number(self, role: str) -> npt.NDArray[np.float64] | None:
        if role not in self._roles:
            return None
        return self.column(self._roles[role]).to_numpy(dtype=np.float64)

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
        if name not in self._kept:
            for role in _ingest.KEYS:
                if self._roles[role] == name:
                    raise CXError(
                        f"column {name!r} is the {role} of this log, not a column for conditions."
                        f" Available: {listing(self._columns)}."
                    )
            raise unknown("column", name, self._columns)
        return self.memo(("column", name), lambda: _packed_column(self._kept[name], self._places))

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
        exact = duration.to_timedelta64()
        # Python integers: a window of 300 years is no nanoseconds that int64 holds, and still a window.
        ns = int(exact.astype(np.int64)) * _times.UNIT_NS[np.datetime_data(exact.dtype)[0]]
        return ns // self._packed.tick_ns

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
        return pd.TimedeltaIndex(_nanoseconds(ticks, self._packed.tick_ns, 0).view("m8[ns]"))

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
        packed = self._packed
        index = pd.DatetimeIndex(_nanoseconds(ticks, packed.tick_ns, packed.origin_ns).view("M8[ns]"))
        return index if self._zone is None else index.tz_localize("UTC").tz_convert(self._zone)

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
        with self._lock:
            if key in self._memo:
                self._memo.move_to_end(key)
                return self._memo[key]  # type: ignore[return-value]
        result = compute()
        with self._lock:
            self._memo[key] = result
            self._memo.move_to_end(key)
            while len(self._memo) > _MEMO_SIZE:
                self._memo.popitem(last=False)
        return result

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
        packed = self.packed
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "offsets": packed.offsets,
            "codes": packed.codes,
            "ticks": packed.ticks,
        }
        rows = placed(packed.places)
        if rows is not None:
            arrays["rows"] = rows
        if self._customers is not None:
            arrays["customers"] = self._customers
        facts = _store.Facts(
            roles=self._roles,
            names=self._names,
            zone=self._zone,
            tick_ns=packed.tick_ns,
            origin_ns=packed.origin_ns,
            end_tick=packed.end_tick,
            last_tick=self._last_tick,
            has_ties=packed.has_ties,
            table_rows=self._table_rows,
            options=self._options,
            until_ns=None if self._until is None else self._until.value,
            checks=[
                (str(check), int(rows), str(detail))
                for check, rows, detail in zip(*(self._checks[name] for name in _CHECKED), strict=True)
            ],
        )
        ids = pd.Series(self.customer_ids, name=self._roles["customer"])
        columns = {name: _packed_column(self._kept[name], self._places) for name in self._columns}
        _store.write(path, facts, arrays, ids, columns, overwrite=overwrite)

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
        stored = _store.read(path)
        if verify:
            stored.verify()
        facts = stored.facts
        log = object.__new__(cls)
        log._roles = facts.roles
        log._columns = tuple(stored)
        log._kept = stored
        log._stored = stored
        log._ids = None
        log._places = None
        log._options = facts.options
        log._table_rows = facts.table_rows
        log._names = facts.names
        log._zone = facts.zone
        log._packed = Packed(
            offsets=stored.unread("offsets").view(np.int64),
            codes=stored.unread("codes"),  # type: ignore[arg-type]
            ticks=stored.unread("ticks"),  # type: ignore[arg-type]
            places=stored.rows if stored.has("rows") else None,
            tick_ns=facts.tick_ns,
            origin_ns=facts.origin_ns,
            end_tick=facts.end_tick,
            has_ties=facts.has_ties,
        )
        log._checks = pd.DataFrame(facts.checks, columns=list(_CHECKED))
        log._last_tick = facts.last_tick
        log._until = None
        if facts.until_ns is not None:
            log._until = log._at(facts.until_ns)
        log._customers = stored.unread("customers").view(np.int64) if stored.has("customers") else None
        log.__setstate__({})
        return log

    def _at(self, ns: int) -> pd.Timestamp:
        moment = pd.Timestamp(ns)
        return moment if self._zone is None else moment.tz_localize("UTC").tz_convert(self._zone)

    def __len__(self) -> int:
        return self.n_events

    def __bool__(self) -> bool:
        return True

    def _state(self) -> dict[str, object]:
        state = self.__dict__.copy()
        del state["_memo"], state["_views"], state["_lock"]
        return state

    def __getstate__(self) -> dict[str, object]:
        # What goes elsewhere takes along what lies in a file, which stays, or was to be made when asked for.
        state = self._state() | {
            "_packed": replace(self.packed, places=placed(self._packed.places)),
            "_places": placed(self._places),
        }
        if self._stored is not None:
            state |= {
                "_stored": None,
                "_ids": self.customer_ids,
                "_kept": dict(self._kept),
            }
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._memo: OrderedDict[Hashable, object] = OrderedDict()
        self._views: OrderedDict[int, EventLog] = OrderedDict()
        self._lock = Lock()

    def _facts(self) -> list[tuple[str, str]]:
        ranked = np.argsort(-self.event_counts, kind="stable")
        names = [f"{_short(self._names[i])} {self.event_counts[i]:,}" for i in ranked]
        noted = self._checks[self._checks["rows"] > 0]
        found = [f"{name} {rows:,}" for name, rows in zip(noted["check"], noted["rows"], strict=True)]
        facts = [
            ("customers", f"{self.n_customers:,}"),
            ("events", f"{self.n_events:,}"),
            ("span", f"{self.start} to {self.end}" if self.n_events else ""),
            ("names", _joined(names)),
            ("columns", _joined([_short(name) for name in self._columns])),
            ("checks", _joined(found)),
            ("memory", _size(self.memory_bytes)),
        ]
        return [(label, text) for label, text in facts if text]

    def __repr__(self) -> str:
        return "EventLog\n" + "\n".join(f"  {label:<10} {text}" for label, text in self._facts())

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
            f'<td dir="auto" style="text-align:left">{escape(text)}</td></tr>'
            for label, text in self._facts()
        )
        return f"<table><caption>EventLog</caption><tbody>{rows}</tbody></table>"


_SHOWN = 10
_LONGEST = 40


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _joined(texts: list[str]) -> str:
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f", ... {rest:,} more" if rest > 0 else "")


def _packed_column(column: pd.Series, places: Places) -> pd.Series:
    rows = placed(places)
    if rows is None:
        return column
    taken = column.take(rows).reset_index(drop=True)
    if isinstance(taken.dtype, np.dtype):
        return pd.Series(frozen(taken.to_numpy().copy()), copy=False, name=column.name)
    return taken


def _nanoseconds(ticks: npt.ArrayLike, tick_ns: int, origin_ns: int) -> Int64s:
    array = np.asarray(ticks)
    if array.dtype.kind in "iu":
        return array.astype(np.int64) * tick_ns + origin_ns
    array = array.astype(np.float64)
    missing = np.isnan(array)
    array = np.where(missing, 0.0, array)
    whole = np.floor(array)
    # Whole and fraction apart: together they would lose nanoseconds after 104 days.
    part = np.rint((array - whole) * tick_ns).astype(np.int64)
    ns: Int64s = whole.astype(np.int64) * tick_ns + part + origin_ns
    ns[missing] = np.iinfo(np.int64).min
    return ns


def _size(n: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n} bytes"
