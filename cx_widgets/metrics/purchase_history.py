"""The purchase history: of each customer how often, how recently, for how long, and for how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import stats
from cx_widgets._numbers import UNDEFINED
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.engine import assigned_events, coded_rows, stage_numbers
from cx_widgets.errors import CXError
from cx_widgets.metrics import _result
from cx_widgets.metrics._buyers import require_buy
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

_DAY_NS = 86_400_000_000_000
_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PurchaseHistory(Result):
    """Each buyer's purchases as customer-base models need them, from `purchase_history`.

    Attributes
    ----------
    frame
        One line for each buyer, see `purchase_history`.
    unit
        What recency and age count: the unit given, or the period.
    each
        What counts as one purchase: ``"moment"``, ``"day"``, or a period such as ``"30D"``.
    end
        The time up to which the history goes: the split, or the end of observation.
    holdout
        How much time, in the unit, lies between ``end`` and the end of observation; 0 without a split.
    """

    unit: str
    each: str
    end: pd.Timestamp
    holdout: float

    def _table(self) -> Table:
        columns = [name for name in self._frame.columns if name != "first"]
        rows = tuple(
            (str(who), *(_shown(line[name]) for name in columns))
            for who, line in self._frame.head(_SHOWN).iterrows()
        )
        buyers = len(self._frame)
        again = int((self._frame["frequency"] > 0).sum())
        notes = (
            *([f"{buyers - _SHOWN:,} more."] if buyers > _SHOWN else []),
            f"{buyers:,} of {self.n_customers:,} customers bought by {self.end}, {again:,} of them again.",
            f"Times are in units of {self.unit}.",
            _result.unassigned_note(self.unassigned_events),
        )
        heads = ("Customer", *(name.replace("_", " ").capitalize() for name in columns))
        return Table("Purchase history", heads, rows, notes)


def _shown(value: object) -> str:
    number = float(value)  # type: ignore[arg-type]  # a number, from a frame of numbers
    return UNDEFINED if np.isnan(number) else f"{number:,.4g}" if number % 1 else f"{number:,.0f}"


def purchase_history(
    log: EventLog,
    definition: Definition,
    *,
    unit: object = "7D",
    each: object = "moment",
    split: object = None,
) -> PurchaseHistory:
    """Return for each buyer frequency, recency, age and mean value of the repeat purchases.

    This is all that the models of `lifetime_value` know of a customer. A purchase lies in a stage with the
    role buy, as in `loyalty`. What counts as one purchase is said by ``each``:

    - ``"moment"``: a distinct time, as in `loyalty`.
    - ``"day"``: a calendar day, in the time zone of the rules or the log; times are then whole days (as in
      the CDNOW data of the literature).
    - a period such as ``"30D"``: a whole period since the customer's first purchase with a purchase in it;
      times are then periods, whatever the unit. Period 0 begins with the first purchase, the end of a
      period is outside, and a period that is not over by the end does not count.

    **Columns.**

    - ``first``: the time of the first purchase.
    - ``frequency``: purchases after the first one, up to the end.
    - ``recency``: time from the first to the last purchase; 0 where there is one only.
    - ``age``: time from the first purchase to the end.
    - ``monetary_value``: sum of the value column over the repeat purchases that have a value / their number
      (``valued``). A purchase's value is the sum over its rows in stages with the role buy. NaN where the log
      has no value column, and for customers without such a purchase.
    - with periods, ``streak``: periods after period 0 with a purchase before the first one without; a
      customer whose streak is as long as the age has not missed one yet.
    - with a split, ``holdout_frequency``, ``holdout_age`` and ``holdout_value``: purchases after the split,
      the time from the split to the end of observation (whole periods that come after those before the
      split), and the sum of their values.

    **Ties.** Rows at one moment (day, period) are one purchase. **Censoring.** ``age`` says how long a
    customer was observed. **Empty.** Customers whose first purchase comes after the split, or who never
    bought, have no line; nothing bought gives no lines.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    unit
        A duration, such as ``"7D"`` or ``"1D"``: what recency and age count.
    each
        ``"moment"``, ``"day"`` or a duration.
    split
        A time: the history ends there (inclusive; with days, that day inclusive), and what comes later is
        the holdout. Taken in the log's time zone where it has none. A number between 0 and 1 is that part of
        the log's span.

    Returns
    -------
    PurchaseHistory
        ``frame`` is indexed by the customers' ids, in their order in the log.

    Raises
    ------
    CXError
        When no stage has the role buy, when the split is no time or lies outside the log, when a duration
        is none, and when the definition does not fit the log.

    References
    ----------
    Fader, P., Hardie, B. and Lee, K. (2005). "Counting your customers" the easy way. Marketing Science 24(2).

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-08", "2026-01-15", "2026-01-29"],
    ...     "what": ["order", "order", "order", "order"],
    ...     "price": [10.0, 30.0, 50.0, 20.0],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what", value="price")
    >>> history = purchase_history(log, cx.Definition({"Buy": ["order"]}))
    >>> history.frame[["frequency", "recency", "age", "monetary_value"]]
         frequency  recency  age  monetary_value
    who
    a            2      2.0  4.0            40.0
    b            0      0.0  0.0             NaN
    """
    log, definition = _result.check(log, definition)
    kind = each if each in ("moment", "day") else format_duration(parse_duration(each, "each"))
    length = parse_duration(unit, "unit")
    at = None if split is None else _tick_of(log, split)
    key = ("purchase_history", definition, str(kind), length, at)
    return log.memo(key, lambda: _history(log, definition, str(kind), length, at))


def _tick_of(log: EventLog, split: object) -> int:
    """Return a time as the last tick that is not after it."""
    if isinstance(split, float) and 0 < split < 1:
        return int(log.packed.end_tick * split)
    try:
        when = pd.Timestamp(split)  # type: ignore[arg-type]  # anything may be given, and is refused below
    except (TypeError, ValueError):
        when = pd.NaT  # type: ignore[assignment]
    if not isinstance(when, pd.Timestamp):
        raise CXError(f"split={split!r} is no time. Say when the history ends, such as '1997-09-30'.")
    if log.time_zone is None and when.tzinfo is not None:
        raise CXError(f"split={split!r} has a time zone, the log has none. Leave the zone out.")
    if log.time_zone is not None:
        when = when.tz_localize(log.time_zone) if when.tzinfo is None else when
    first, last = log.start, log.observation_end
    if not log.n_events or not first <= when < last:
        span = f"{first} to {last}" if log.n_events else "no time at all"
        raise CXError(
            f"split={split!r} does not divide the log, which spans {span}. Say a time inside, such that "
            "something is left to compare with."
        )
    return (int(when.as_unit("ns").value) - log.packed.origin_ns) // log.packed.tick_ns


@dataclass(frozen=True, slots=True, eq=False)
class _Bought:
    """The purchases, by customer and time: time as whole numbers of some unit."""

    customer: Ints
    time: Ints
    value: Floats
    valued: Bools


def _bought(log: EventLog, definition: Definition) -> _Bought:
    """Return the moments at which customers bought."""
    rows = coded_rows(log, definition)
    at = np.flatnonzero(np.isin(rows.stage, stage_numbers(definition, "buy")))
    values = log.values  # noqa: PD011 - the role's numbers, an array already
    money = np.full(len(at), np.nan) if values is None else values[rows.row[at]]
    return _merged(rows.customer[at].astype(np.int64), rows.tick[at].astype(np.int64), money)


def _merged(customer: Ints, time: Ints, money: Floats) -> _Bought:
    """Return purchases with those at one time taken together; no value is none, not 0."""
    new = np.ones(len(time), dtype=bool)
    new[1:] = (customer[1:] != customer[:-1]) | (time[1:] != time[:-1])
    place = np.cumsum(new) - 1
    known = ~np.isnan(money)
    total = np.bincount(place, weights=np.where(known, money, 0.0), minlength=int(new.sum()))
    valued = np.bincount(place, weights=known, minlength=int(new.sum())) > 0
    return _Bought(customer[new], time[new], total.astype(np.float64), valued)


def _per_customer(bought: _Bought) -> tuple[Ints, Ints]:
    """Return where each customer's purchases begin, and how many there are."""
    begins = np.flatnonzero(np.diff(bought.customer, prepend=-1))
    return begins, np.diff(np.append(begins, len(bought.customer)))


def _history(
    log: EventLog, definition: Definition, each: str, unit: pd.Timedelta, split: int | None
) -> PurchaseHistory:
    require_buy(definition)
    moments = _bought(log, definition)
    begins, _ = _per_customer(moments)
    first_tick = moments.time[begins]
    end_tick = log.packed.end_tick if split is None else split
    times = [end_tick, log.packed.end_tick]
    if each == "moment":
        bought = moments
        first = first_tick
        end, over = (np.full(len(first), time) for time in times)
        scale = log.packed.tick_ns / int(unit.as_unit("ns").value)
    elif each == "day":
        bought = _merged(
            moments.customer,
            _days(log, definition, moments.time),
            np.where(moments.valued, moments.value, np.nan),
        )
        first = bought.time[_per_customer(bought)[0]]
        end, over = (np.full(len(first), day) for day in _days(log, definition, np.array(times)))
        scale = _DAY_NS / int(unit.as_unit("ns").value)
    else:
        bought, end, over = _periods(log, moments, each, times)
        first = np.zeros(len(begins), dtype=np.int64)
        scale = 1.0
    frame = _frame(
        bought, first, end, over, scale, split=split is not None, streaks=each not in ("moment", "day")
    )
    frame.insert(0, "first", log.timestamps(first_tick))
    frame.index = log.customer_ids.take(moments.customer[begins])
    known = first <= end if each == "day" else first_tick <= end_tick
    whole = each if each not in ("moment", "day") else format_duration(unit)
    ahead = (
        (log.packed.end_tick - end_tick) * log.packed.tick_ns / int(parse_duration(whole).as_unit("ns").value)
    )
    return PurchaseHistory(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        unit=whole,
        each=each,
        end=log.observation_end if split is None else log.timestamps([end_tick])[0],
        holdout=ahead,
        _frame=frame if known.all() else frame[known],
        _log=log,
    )


def _days(log: EventLog, definition: Definition, ticks: Ints) -> Ints:
    """Return the calendar day of each tick where the rules or the log say, as a number."""
    stamps, zone = log.timestamps(ticks), definition.rules.time_zone
    if zone is not None:
        stamps = stamps.tz_convert(zone)
    local = stamps if stamps.tz is None else stamps.tz_localize(None)
    days: Ints = local.to_numpy(dtype="datetime64[ns]").astype("datetime64[D]").astype(np.int64)
    return days


def _periods(log: EventLog, moments: _Bought, each: str, times: list[int]) -> tuple[_Bought, Ints, Ints]:
    """Return purchases by period since each customer's first one, and the last period over by some times."""
    period_ns = int(parse_duration(each).as_unit("ns").value)
    common = int(np.gcd(period_ns, log.packed.tick_ns))
    period, tick = period_ns // common, log.packed.tick_ns // common
    begins, sizes = _per_customer(moments)
    first = moments.time[begins]
    since = (moments.time - np.repeat(first, sizes)) * tick // period
    money = np.where(moments.valued, moments.value, np.nan)
    bought = _merged(moments.customer, since, money)
    # Period 0 is over after one length: the last whole one is number (lengths - 1).
    end, over = (np.maximum((time - first) * tick // period - 1, 0) for time in times)
    sizes = _per_customer(bought)[1]
    whole = bought.time <= np.repeat(over, sizes)
    return (
        _Bought(bought.customer[whole], bought.time[whole], bought.value[whole], bought.valued[whole]),
        end,
        over,
    )


def _frame(
    bought: _Bought, first: Ints, end: Ints, over: Ints, scale: float, *, split: bool, streaks: bool
) -> pd.DataFrame:
    begins, sizes = _per_customer(bought)
    n = len(begins)
    owner = np.repeat(np.arange(n), sizes)
    again = np.ones(len(owner), dtype=bool)
    again[begins] = False
    inside = bought.time <= end[owner]

    def total(chosen: Bools, numbers: Floats | None = None) -> Floats:
        weights = None if numbers is None else numbers[chosen]
        return np.bincount(owner[chosen], weights=weights, minlength=n).astype(np.float64)

    # The last purchase inside: purchases come in time order, those inside before the others.
    last = bought.time[begins + np.maximum(total(inside).astype(np.int64) - 1, 0)] if n else first
    repeats = again & inside
    valued = repeats & bought.valued
    columns: dict[str, NDArray[np.generic]] = {
        "frequency": total(repeats).astype(np.int64),
        "recency": (last - first) * scale,
        "age": (end - first) * scale,
        "valued": total(valued).astype(np.int64),
        "monetary_value": stats.ratio(total(valued, bought.value), total(valued)),
    }
    if streaks:
        # A streak goes on while the number of the purchase is the number of its period.
        unbroken = repeats & (bought.time == np.arange(len(owner)) - begins[owner])
        columns["streak"] = total(unbroken).astype(np.int64)
    if split:
        columns["holdout_frequency"] = total(again & ~inside).astype(np.int64)
        columns["holdout_age"] = (over - end) * scale
        columns["holdout_value"] = total(again & ~inside & bought.valued, bought.value)
    return pd.DataFrame(columns)
