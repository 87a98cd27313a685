"""Windows from entry: a duration, or so many events, sessions or calendar units; as text and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from cx_widgets.durations import format_duration, parse_duration, refused
from cx_widgets.problems import DefinitionError

if TYPE_CHECKING:
    from typing import TypeAlias

CALENDAR_UNITS = ("day", "week", "month", "quarter", "year")
MOST = 1_000_000

_COUNTED = re.compile(
    r"([+-]?[0-9.,]*)\s*(calendar\b|events?\b|sessions?\b)\s*(.*)", re.IGNORECASE | re.DOTALL
)
_PERIOD = re.compile(r"\s*([0-9]{1,4})\s*(months?|mo|M|ME|MS|quarters?|Q|years?|yrs?|y|Y)\s*")
_SAY = "Say '7D', '5 events', '2 sessions of 30min' or '1 calendar month'"


@dataclass(frozen=True, slots=True, repr=False)
class CountedWindow:
    """A window from entry that is no fixed length of time.

    In **events**: the last row at most so many rows of the unit behind the entry, in the order of the frame,
    rows in no stage and rows of any value of ``hold_constant`` counted. In **sessions**: the session of the
    entry and the next ones; a session of the unit ends where nothing happens for longer than the gap. In
    **calendar** units: to the end of the day, week (from Monday), month, quarter or year of the entry, or of
    the last of so many; in the time zone of the rules or else of the log, whatever the clocks do.

    Parameters
    ----------
    number : int
        How many, from 1.
    unit : str
        ``"event"``, ``"session"``, or a calendar unit: ``"day"``, ``"week"``, ``"month"``, ``"quarter"``,
        ``"year"``.
    gap : pd.Timedelta, optional
        What ends a session; for sessions only.

    Examples
    --------
    >>> window = parse_window("2 sessions of 30min")
    >>> window.number, window.kind, window.gap
    (2, 'sessions', Timedelta('0 days 00:30:00'))
    >>> str(parse_window("1 calendar months"))
    '1 calendar month'
    """

    number: int
    unit: str
    gap: pd.Timedelta | None = None

    @property
    def kind(self) -> str:
        """``"events"``, ``"sessions"`` or ``"calendar"``."""
        return {"event": "events", "session": "sessions"}.get(self.unit, "calendar")

    def __str__(self) -> str:
        words = f"{self.unit}{'' if self.number == 1 else 's'}"
        if self.gap is not None:
            return f"{self.number} {words} of {format_duration(self.gap)}"
        return f"{self.number} {words}" if self.unit == "event" else f"{self.number} calendar {words}"

    def __repr__(self) -> str:
        return f"CountedWindow({str(self)!r})"


Window: TypeAlias = pd.Timedelta | CountedWindow


def format_window(window: Window) -> str:
    """Return a window as text that `parse_window` reads.

    Parameters
    ----------
    window : pd.Timedelta or CountedWindow
        Any window.

    Returns
    -------
    str

    Examples
    --------
    >>> format_window(pd.Timedelta(days=7)), format_window(CountedWindow(5, "event"))
    ('7D', '5 events')
    """
    return str(window) if isinstance(window, CountedWindow) else format_duration(window)


def parse_window(value: object) -> Window:
    """Return the window from entry that a duration or a text says.

    Parameters
    ----------
    value : pd.Timedelta, str or CountedWindow
        A duration as for `parse_duration`, or ``"5 events"``, ``"2 sessions of 30min"``, ``"1 calendar day"``
        (``week``, ``month``, ``quarter``, ``year``).

    Returns
    -------
    pd.Timedelta or CountedWindow

    Examples
    --------
    >>> parse_window("36h"), parse_window("5 events")
    (Timedelta('1 days 12:00:00'), CountedWindow('5 events'))
    >>> parse_window("1 month")
    Traceback (most recent call last):
        ...
    cx_widgets.problems.DefinitionError: window='1 month': a month is not a fixed duration; say '30D', or
    '1 calendar month' for the end of the calendar month.
    """
    if isinstance(value, CountedWindow):
        return _counted(str(value), value.number, value.unit, value.gap)
    if isinstance(value, str):
        found = _COUNTED.fullmatch(value.strip())
        if found is not None:
            return _read(value, *found.groups())
        if period := _PERIOD.fullmatch(value):
            _no_duration(value, int(period[1]), period[2])
    return parse_duration(value, "window")


def _read(text: str, number: str, noun: str, rest: str) -> CountedWindow:
    if not number:
        raise refused("window", f"window={text!r} says no number. {_SAY}.")
    if not number.isdecimal():
        raise refused("window", f"window={text!r}: {number!r} is no whole number from 1. {_SAY}.")
    noun, gap = noun.lower().removesuffix("s"), None
    if noun == "event":
        if rest:
            raise refused("window", f"window={text!r} says more than a number of events: {rest!r}. {_SAY}.")
        return _counted(text, int(number), "event", None)
    if noun == "session":
        if not rest.startswith("of "):
            raise refused(
                "window",
                f"window={text!r} says no gap that ends a session. Say '{number} {noun}s of 30min'.",
            )
        try:
            gap = parse_duration(rest.removeprefix("of "), "window")
        except DefinitionError as error:
            raise refused("window", f"the gap of window={text!r}: {str(error).partition('=')[2]}") from None
        return _counted(text, int(number), "session", gap)
    unit = rest.strip().lower().removesuffix("s")
    if unit not in CALENDAR_UNITS:
        known = ", ".join(CALENDAR_UNITS)
        raise refused(
            "window", f"window={text!r} has no known calendar unit {rest.strip()!r}. Units: {known}. {_SAY}."
        )
    return _counted(text, int(number), unit, None)


def _counted(text: str, number: int, unit: str, gap: pd.Timedelta | None) -> CountedWindow:
    if number < 1:
        raise refused("window", f"window={text!r} holds nothing. {_SAY}.")
    if number > MOST:
        raise refused("window", f"window={text!r} is more than {MOST:,}, the most that is counted. {_SAY}.")
    if unit not in ("event", "session", *CALENDAR_UNITS) or (gap is None) is (unit == "session"):
        raise refused("window", f"window={text!r} is no window. {_SAY}.")
    return CountedWindow(number, unit, gap)


def _no_duration(text: str, number: int, word: str) -> None:
    unit = {"m": "month", "q": "quarter", "y": "year"}[word[0].lower()]
    days = number * {"month": 30, "quarter": 91, "year": 365}[unit]
    calendar = CountedWindow(number, unit)
    raise refused(
        "window",
        f"window={text!r}: a {unit} is not a fixed duration; say '{days}D', or '{calendar}' "
        f"for the end of the calendar {unit}.",
    )
