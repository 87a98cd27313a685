"""The counting rules of a definition, and durations as text."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import pandas as pd

from cx_widgets.errors import listing, unknown
from cx_widgets.problems import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

Duration = pd.Timedelta | dt.timedelta | np.timedelta64 | str

_UNITS = {
    "D": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "min": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_SPELLINGS = {
    "D": ("D", "d", "day", "days"),
    "h": ("h", "H", "hour", "hours"),
    "min": ("min", "mins", "minute", "minutes"),
    "s": ("s", "S", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "millisecond", "milliseconds"),
    "us": ("us", "\N{MICRO SIGN}s", "\N{GREEK SMALL LETTER MU}s", "microsecond", "microseconds"),
    "ns": ("ns", "nanosecond", "nanoseconds"),
}
_NANOSECONDS = {
    **{word: _UNITS[unit] for unit, words in _SPELLINGS.items() for word in words},
    **dict.fromkeys(("W", "w", "week", "weeks"), 7 * _UNITS["D"]),
}
_MONTHS = ("M", "mo", "mon", "month", "months", "ME", "MS")
_YEARS = ("Y", "y", "yr", "yrs", "year", "years", "YE", "YS")
_TERM = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([^\W\d_]+)\s*")
_SAY = "Say '30D', '12h', '90min' or '1D12h'"
_LONGEST_NS = int(pd.Timedelta.max.value)


def format_duration(duration: pd.Timedelta) -> str:
    """Return a duration as text in the largest unit that divides it exactly.

    Parameters
    ----------
    duration : pd.Timedelta
        Any duration; parts of a nanosecond do not exist.

    Returns
    -------
    str
        A whole number and one of ``D``, ``h``, ``min``, ``s``, ``ms``, ``us``, ``ns``.

    Examples
    --------
    >>> format_duration(pd.Timedelta(days=30)), format_duration(pd.Timedelta(hours=36))
    ('30D', '36h')
    """
    nanoseconds = int(duration.as_unit("ns").value)
    unit, size = next((unit, size) for unit, size in _UNITS.items() if nanoseconds % size == 0)
    return f"{nanoseconds // size}{unit}"


def parse_duration(value: object, field: str = "duration") -> pd.Timedelta:
    """Return a fixed, positive duration from a Timedelta or from text with units.

    Parameters
    ----------
    value : pd.Timedelta, datetime.timedelta, numpy.timedelta64 or str
        Text is one or more numbers with a unit each: weeks, ``D``, ``h``, ``min``, ``s``, ``ms``, ``us``,
        ``ns`` (``"7D"``, ``"1D12h"``, ``"1.5 hours"``). Bare numbers are refused, for they have no unit;
        months and years, for they have no fixed length.
    field : str
        The field the error names.

    Returns
    -------
    pd.Timedelta
        In nanoseconds, exact.

    Examples
    --------
    >>> parse_duration("1D12h")
    Timedelta('1 days 12:00:00')
    """
    if isinstance(value, str):
        nanoseconds = _nanoseconds(value, field)
        shown = repr(value)
    elif isinstance(value, (pd.Timedelta, dt.timedelta, np.timedelta64)) and not pd.isna(value):
        unitless = isinstance(value, np.timedelta64) and np.datetime_data(value.dtype)[0] in (
            "M",
            "Y",
            "generic",
        )
        if unitless:
            raise _refused(field, f"{field}={str(value)!r} has no fixed length. {_SAY}.")
        try:
            delta = pd.Timedelta(value).as_unit("ns")
        except (OverflowError, ValueError):
            raise _too_long(field, str(value)) from None
        nanoseconds = int(delta.value)
        shown = repr(format_duration(delta))
    elif isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - NaN
        raise _refused(field, f"{field}={value} has no unit. Say '{value}D', '{value}h' or '{value}min'.")
    else:
        raise _refused(field, f"{field}={value!r} is not a duration. {_SAY}.")
    if nanoseconds <= 0:
        raise _refused(field, f"{field}={shown} is not longer than nothing. {_SAY}.")
    if nanoseconds > _LONGEST_NS:
        raise _too_long(field, shown)
    return pd.Timedelta(nanoseconds, unit="ns")


def _nanoseconds(text: str, field: str) -> int:
    terms, at = [], 0
    sign = -1 if text.strip().startswith("-") else 1
    body = text.strip().removeprefix("-")
    while found := _TERM.match(body, at):
        terms.append(found.groups())
        at = found.end()
    if not terms or at != len(body):
        if re.fullmatch(r"\s*[0-9.]+\s*", body):
            number = body.strip()
            raise _refused(
                field, f"{field}={text!r} has no unit. Say '{number}D', '{number}h' or '{number}min'."
            )
        raise _refused(field, f"{field}={text!r} is not a duration. {_SAY}.")
    total = Fraction(0)
    for number, unit in terms:
        if unit in _MONTHS or unit in _YEARS:
            word, days = ("month", 30) if unit in _MONTHS else ("year", 365)
            said = f"{round(Fraction(number) * days)}D"
            raise _refused(field, f"{field}={text!r}: a {word} is not a fixed duration; say {said!r}.")
        if unit == "m":
            said = f"'{number}min' for minutes or '{round(Fraction(number) * 30)}D' for months"
            raise _refused(field, f"{field}={text!r}: 'm' may mean minutes or months; say {said}.")
        if unit not in _NANOSECONDS:
            raise _refused(
                field, f"{field}={text!r} has no known unit {unit!r}. Units: {', '.join(_UNITS)}. {_SAY}."
            )
        total += Fraction(number) * _NANOSECONDS[unit]
    if total.denominator != 1:
        raise _refused(field, f"{field}={text!r} is not a whole number of nanoseconds. {_SAY}.")
    return sign * int(total)


def _refused(field: str, message: str) -> DefinitionError:
    return DefinitionError(message, kind="rules", field=field)


def _too_long(field: str, shown: str) -> DefinitionError:
    return _refused(field, f"{field}={shown} is longer than 292 years, the most a Timedelta holds. {_SAY}.")


# Today's value first; the others have a meaning already and wait for an engine that counts that way.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "order": ("ordered", "strict", "any"),
    "entry": ("best", "first"),
    "reach": ("closed", "open"),
    "ties": ("stage", "row", "increasing", "grace"),
    "reuse": ("never", "allowed"),
    "count": ("unique", "all"),
    "denominator": ("entrants", "all"),
}
_DAYS_30 = pd.Timedelta(30 * _UNITS["D"], unit="ns")


class RuleFields(TypedDict, total=False):
    """The fields of `Rules`, as keywords of `Definition` and ``with_rules``."""

    order: str
    window: Duration | None
    entry: str
    reach: str
    ties: str
    reuse: str
    exclusions: tuple[object, ...]
    count: str
    unit: str
    hold_constant: tuple[str, ...]
    denominator: str
    observation_end: object
    time_zone: str | None
    retention_period: Duration


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Rules:
    """How a definition counts; every choice that changes a number is a field.

    Values that have a meaning but no engine yet are refused, never ignored.

    Parameters
    ----------
    order : str
        ``"ordered"``: stages in order, other events may lie between.
    window : pd.Timedelta or str, optional
        Longest time from entry to any later stage, end inclusive; None for no limit. ``"30D"``, ``"12h"``.
    entry : str
        ``"best"``: of all entries the latest that gives the deepest reach.
    reach : str
        ``"closed"``: a customer enters at the first stage.
    ties : str
        ``"stage"``: events at one time are read in stage order.
    reuse : str
        ``"never"``: one row serves one stage.
    exclusions : tuple
        None yet.
    count : str
        ``"unique"``: each customer counts once.
    unit : str
        ``"customer"``: what is counted.
    hold_constant : tuple
        None yet.
    denominator : str
        ``"entrants"``: shares are of those who entered.
    observation_end : None
        The last time in the log.
    time_zone : None
        The log's; give it to the `EventLog`.
    retention_period : pd.Timedelta or str
        Length of one retention bracket since the first purchase; 30 days.

    Examples
    --------
    >>> Rules(window="7D").window
    Timedelta('7 days 00:00:00')
    >>> Rules(order="strict")
    Traceback (most recent call last):
        ...
    cx_widgets.problems.DefinitionError: order='strict' is not available yet; available: 'ordered'.
    """

    order: str
    window: pd.Timedelta | None
    entry: str
    reach: str
    ties: str
    reuse: str
    exclusions: tuple[object, ...]
    count: str
    unit: str
    hold_constant: tuple[str, ...]
    denominator: str
    observation_end: pd.Timestamp | None
    time_zone: str | None
    retention_period: pd.Timedelta

    def __init__(
        self,
        *,
        order: str = "ordered",
        window: Duration | None = None,
        entry: str = "best",
        reach: str = "closed",
        ties: str = "stage",
        reuse: str = "never",
        exclusions: object = (),
        count: str = "unique",
        unit: str = "customer",
        hold_constant: object = (),
        denominator: str = "entrants",
        observation_end: object = None,
        time_zone: object = None,
        retention_period: Duration = _DAYS_30,
    ) -> None:
        choices = {
            "order": order,
            "entry": entry,
            "reach": reach,
            "ties": ties,
            "reuse": reuse,
            "count": count,
            "denominator": denominator,
        }
        for field, value in choices.items():
            _put(self, field, _chosen(field, value))
        _put(self, "window", None if window is None else parse_duration(window, "window"))
        _put(self, "retention_period", parse_duration(retention_period, "retention_period"))
        _put(self, "unit", _unit(unit))
        for field, given in (("exclusions", exclusions), ("hold_constant", hold_constant)):
            _put(self, field, _nothing_yet(field, given))
        if observation_end is not None:
            raise _refused(
                "observation_end",
                f"observation_end={_text(observation_end)} is not available yet; "
                "available: None, the last time in the log.",
            )
        if time_zone is not None:
            raise _refused(
                "time_zone",
                f"time_zone={time_zone!r} is not available yet in the rules. "
                f"Give it to the log: EventLog(..., time_zone={time_zone!r}).",
            )
        _put(self, "observation_end", None)
        _put(self, "time_zone", None)

    def to_dict(self) -> dict[str, str]:
        """Return the fields that differ from the default, durations as text.

        Returns
        -------
        dict
            Ready for JSON; empty for the default rules.

        Examples
        --------
        >>> Rules(window="36h").to_dict()
        {'window': '36h'}
        """
        changed = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != getattr(DEFAULT_RULES, field.name):
                changed[field.name] = format_duration(value)
        return changed

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Rules:
        """Return the rules written in a dict; what is not in it has its default.

        Parameters
        ----------
        data : Mapping
            Field names and values, as `to_dict` writes them.

        Returns
        -------
        Rules

        Examples
        --------
        >>> Rules.from_dict({"window": "36h"}) == Rules(window="36h")
        True
        """
        return DEFAULT_RULES.replace(data)

    def replace(self, changes: Mapping[str, object]) -> Rules:
        """Return the rules with some fields changed.

        Parameters
        ----------
        changes : Mapping
            Field names and their new values.

        Returns
        -------
        Rules

        Examples
        --------
        >>> Rules(window="7D").replace({"retention_period": "1W"})
        Rules(window='7D', retention_period='7D')
        """
        names = [field.name for field in fields(self)]
        for name in changes:
            if name not in names:
                raise DefinitionError(
                    str(unknown("rule", name, sorted(names))), kind="rules", field=str(name)
                )
        values: dict[str, object] = {name: getattr(self, name) for name in names}
        return Rules(**{**values, **changes})  # type: ignore[arg-type] # checked field by field at construction

    def describe(self) -> tuple[str, ...]:
        r"""Return the rules in words, to be printed with every result.

        Returns
        -------
        tuple of str
            Two short lines: how customers get through the stages, and what is counted.

        Examples
        --------
        >>> print(*Rules(window="7D").describe(), sep="\n")
        ordered, best entry, closed reach; window 7D from entry; ties in stage order
        each customer once; shares of entrants; retention by 30D
        """
        window = "no window" if self.window is None else f"window {format_duration(self.window)} from entry"
        retention = format_duration(self.retention_period)
        return (
            f"{self.order}, {self.entry} entry, {self.reach} reach; {window}; ties in {self.ties} order",
            f"each {self.unit} once; shares of {self.denominator}; retention by {retention}",
        )

    def __repr__(self) -> str:
        return f"Rules({', '.join(f'{field}={text!r}' for field, text in self.to_dict().items())})"


def _put(rules: Rules, field: str, value: object) -> None:
    object.__setattr__(rules, field, value)


def _text(value: object) -> str:
    return repr(str(value)) if isinstance(value, (pd.Timestamp, dt.date)) else repr(value)


def _chosen(field: str, value: object) -> str:
    available, *later = _CHOICES[field]
    if isinstance(value, str) and value == available:
        return value
    if isinstance(value, str) and value in later:
        raise _refused(field, f"{field}={value!r} is not available yet; available: {available!r}.")
    raise DefinitionError(str(unknown(field, value, [available])), kind="rules", field=field)


def _unit(value: object) -> str:
    if value == "customer":
        return "customer"
    # Any id column will be a unit one day, so every text is a known-but-later value.
    if isinstance(value, str):
        raise _refused("unit", f"unit={value!r} is not available yet; available: 'customer'.")
    raise DefinitionError(str(unknown("unit", value, ["customer"])), kind="rules", field="unit")


def _nothing_yet(field: str, given: object) -> tuple[()]:
    if isinstance(given, (tuple, list)) and not given:
        return ()
    shown = listing(given) if isinstance(given, (tuple, list)) else repr(given)
    raise _refused(field, f"{field}={shown} is not available yet; available: (), none.")


DEFAULT_RULES = Rules()
