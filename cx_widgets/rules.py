"""The counting rules of a definition: their words, what goes together, their texts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypedDict

import pandas as pd

from cx_widgets._fields import put
from cx_widgets._times import check_zone, parsed_moment
from cx_widgets.durations import Duration, format_duration, parse_duration, refused
from cx_widgets.errors import CXError, listing, unknown
from cx_widgets.exclusions import Exclusion, exclusions_of
from cx_widgets.problems import DefinitionError
from cx_widgets.windows import CountedWindow, Window, format_window, parse_window

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_RULES", "RuleFields", "Rules", "rule_choices"]

# The default first.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "order": ("ordered", "unbroken", "strict", "any"),
    "entry": ("best", "first", "latest"),
    "reach": ("closed", "open"),
    "reuse": ("never", "distinct", "shared"),
    "count": ("unique", "attempts"),
    "denominator": ("entrants", "all"),
}
_TIES = ("stage", "row", "strict")
_UNITS = ("customer", "journey")
_COLUMN = "column:"
_DAYS_30 = pd.Timedelta(days=30).as_unit("ns")


class RuleFields(TypedDict, total=False):
    """The fields of `Rules`, as keywords of `Definition` and ``with_rules``."""

    order: str
    window: Duration | CountedWindow | None
    entry: str
    reach: str
    ties: str
    reuse: str
    exclusions: tuple[Exclusion, ...]
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

    With the defaults a customer gets as far as the best chain of rows, one for each stage in order. Rules
    that contradict each other are refused when they are put together, with the reason.

    Parameters
    ----------
    order : str
        ``"ordered"``: stages in order, other rows may lie between. ``"strict"``: no other row of the unit
        lies between, in a stage or not. ``"unbroken"``: between lie only rows of stages reached already.
        ``"any"``: stages in any order, but for those that are `Stage.anchored`; line *k* of the funnel then
        counts who reached *k* different stages.
    window : pd.Timedelta, CountedWindow or str, optional
        How far from entry any later stage may be; None for no limit. ``"30D"``, ``"12h"``: the longest
        time, end inclusive. ``"5 events"``: at most so many rows of the unit later, all rows counted; needs
        ``ties="row"``. ``"2 sessions of 30min"``: in the session of the entry or the next one, sessions of
        the unit cut where nothing happens for longer than the gap. ``"1 calendar month"`` (day, week,
        quarter, year): before the calendar unit of the entry, or the last of so many, is over.
    entry : str
        ``"best"``: every row of the first stage is a start; of those that reach a stage first, the latest is
        its entry. ``"first"``, ``"latest"``: only the first, only the last row of the first stage is a start.
    reach : str
        ``"closed"``: a customer enters at the first stage. ``"open"``: at any stage.
    ties : str
        How rows at one time are read. ``"stage"``: in stage order. ``"row"``: in the order of the frame.
        ``"strict"``: a stage must be later than the one before. A duration, ``"2s"``: a stage may also be
        earlier than the one before, by so much at most.
    reuse : str
        ``"never"``: a row belongs to one stage, the first that takes it. ``"distinct"``: an event may stand
        in several stages; in a chain each row serves one of them. ``"shared"``: one row may serve several.
    exclusions : tuple of Exclusion
        Events that must not happen on the way.
    count : str
        ``"unique"``: each unit counts once. ``"attempts"``: each attempt counts; a new one begins at the
        first start after the one before has converted, timed out or met an exclusion.
    unit : str
        What is counted. ``"customer"``; a duration, ``"30min"``: the sessions of a customer, cut where
        nothing happens for longer; ``"journey"``: a customer's rows up to and with each row of the last
        stage; the name of a column: its values, rows without one left out (``"column:NAME"`` where the name
        reads otherwise).
    hold_constant : tuple of str
        Columns in which all rows of a chain agree; a row without a value fits no chain.
    denominator : str
        ``"entrants"``: shares are of those who entered. ``"all"``: of all units of the log.
    observation_end : pd.Timestamp, datetime or str, optional
        Rows later than this count nowhere, and who has not converted by then is judged as of then. Without
        a zone it is local time in the log's; a date is its first moment. After the last row of the log it
        says that nothing more happened until then. None: the last time in the log.
    time_zone : str, optional
        In which zone calendar windows and the periods of a trend are cut, ``"Europe/Berlin"``; None for the
        log's. Times stay what they are, and are shown in the log's zone.
    retention_period : pd.Timedelta or str
        Length of one retention bracket since the first purchase; 30 days.

    Examples
    --------
    >>> Rules(window="7D").window
    Timedelta('7 days 00:00:00')
    >>> Rules(order="any", ties="strict")
    Traceback (most recent call last):
        ...
    cx_widgets.problems.DefinitionError: order='any' with ties='strict': no order is asked. Leave
    ties='stage'.
    """

    order: str
    window: Window | None
    entry: str
    reach: str
    ties: str
    reuse: str
    exclusions: tuple[Exclusion, ...]
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
        window: Duration | CountedWindow | None = None,
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
            "reuse": reuse,
            "count": count,
            "denominator": denominator,
        }
        for field, value in choices.items():
            put(self, field, _chosen(field, value))
        put(self, "window", None if window is None else parse_window(window))
        put(self, "retention_period", parse_duration(retention_period, "retention_period"))
        put(self, "ties", _ties(ties))
        put(self, "unit", _unit(unit))
        put(self, "exclusions", exclusions_of(exclusions))
        put(self, "hold_constant", _columns(hold_constant))
        put(self, "observation_end", _observation_end(observation_end))
        put(self, "time_zone", _time_zone(time_zone))
        _together(self)

    @property
    def plain(self) -> bool:
        """Whether chains are those of the default rules, inside a window of a fixed length or none."""
        usual = all(getattr(self, field) == getattr(DEFAULT_RULES, field) for field in SPECIAL)
        return usual and self.counted_window is None

    @property
    def counted_window(self) -> CountedWindow | None:
        """The window where it is one in events, sessions or calendar units; else None."""
        return self.window if isinstance(self.window, CountedWindow) else None

    @property
    def duration(self) -> pd.Timedelta | None:
        """The window where it is a fixed length of time; else None."""
        return None if isinstance(self.window, CountedWindow) else self.window

    @property
    def grace(self) -> pd.Timedelta | None:
        """How much earlier than the stage before a stage may be; None where ``ties`` is no duration."""
        return None if self.ties in _TIES else parse_duration(self.ties, "ties")

    @property
    def session_gap(self) -> pd.Timedelta | None:
        """The gap that ends a session; None where sessions are not the unit."""
        if self.unit in _UNITS or self.unit_column is not None:
            return None
        return parse_duration(self.unit, "unit")

    @property
    def unit_column(self) -> str | None:
        """The column whose values are counted; None where the unit is no column."""
        if self.unit in _UNITS or _is_duration(self.unit):
            return None
        return self.unit.removeprefix(_COLUMN)

    def to_dict(self) -> dict[str, object]:
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
        changed: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != getattr(DEFAULT_RULES, field.name):
                changed[field.name] = _wire(value)
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
        window = "no window" if self.window is None else f"window {format_window(self.window)} from entry"
        retention = format_duration(self.retention_period)
        ways = [
            f"{_ORDER_WORDS[self.order]}, {self.entry} entry, {self.reach} reach",
            window,
            f"ties {_TIES_WORDS.get(self.ties) or f'with {self.ties} of grace'}",
        ]
        if self.reuse != "never":
            ways.append(f"rows {_REUSE_WORDS[self.reuse]}")
        if self.hold_constant:
            ways.append(f"one {', '.join(self.hold_constant)} throughout")
        ways += [f"excluded {exclusion}" for exclusion in self.exclusions]
        if self.observation_end is not None:
            ways.append(f"observed until {self.observation_end.isoformat(sep=' ')}")
        if self.time_zone is not None:
            ways.append(f"calendar of {self.time_zone}")
        gap = self.session_gap
        unit = f"session ({format_duration(gap)} gap)" if gap is not None else self.unit_column or self.unit
        counted = f"each {unit} once" if self.count == "unique" else f"each attempt of a {unit}"
        shares = "entrants" if self.denominator == "entrants" else "all"
        return "; ".join(ways), f"{counted}; shares of {shares}; retention by {retention}"

    def __repr__(self) -> str:
        changed = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != getattr(DEFAULT_RULES, field.name)
        }
        shown = {
            field: value if isinstance(value, tuple) else _wire(value) for field, value in changed.items()
        }
        return f"Rules({', '.join(f'{field}={value!r}' for field, value in shown.items())})"


def rule_choices() -> dict[str, tuple[str, ...]]:
    """Return the words each rule takes, the default first; durations, columns and exclusions come on top.

    Returns
    -------
    dict
        Field names of `Rules` and their words, for those fields that take words.

    Examples
    --------
    >>> rule_choices()["entry"]
    ('best', 'first', 'latest')
    """
    return {**_CHOICES, "ties": _TIES, "unit": _UNITS}


def _wire(value: object) -> object:
    if isinstance(value, (pd.Timedelta, CountedWindow)):
        return format_window(value)
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, tuple):
        return [part.to_dict() if isinstance(part, Exclusion) else part for part in value]
    return value


def _chosen(field: str, value: object) -> str:
    if isinstance(value, str) and value in _CHOICES[field]:
        return str(value)
    raise DefinitionError(str(unknown(field, value, _CHOICES[field])), kind="rules", field=field)


def _observation_end(value: object) -> pd.Timestamp | None:
    if value is None:
        return None
    try:
        return parsed_moment(value, "observation_end")
    except CXError as error:
        raise refused("observation_end", str(error)) from None


def _time_zone(zone: object) -> str | None:
    try:
        check_zone(zone)
    except CXError as error:
        raise refused("time_zone", str(error)) from None
    return None if zone is None else str(zone)


def _is_duration(text: str) -> bool:
    return text.lstrip("+-. ")[:1].isdigit()


def _ties(value: object) -> str:
    if isinstance(value, str) and value in _TIES:
        return str(value)
    if isinstance(value, str) and not _is_duration(value):
        then = "A duration such as '2s' is the grace by which a stage may be earlier than the one before."
        raise DefinitionError(str(unknown("ties", value, _TIES, then=then)), kind="rules", field="ties")
    return format_duration(parse_duration(value, "ties"))


def _unit(value: object) -> str:
    if isinstance(value, str) and value.strip():
        if value in _UNITS:
            return str(value)
        if value == "session":
            raise refused(
                "unit",
                "unit='session' says no gap. Give the gap that ends one, unit='30min', or the column that "
                "numbers them, unit='column:session'.",
            )
        if value.removeprefix(_COLUMN) and not _is_duration(value):
            name = value.removeprefix(_COLUMN)
            return value if name in _UNITS or name == "session" or _is_duration(name) else name
    if isinstance(value, (pd.Timedelta, dt.timedelta)) or (isinstance(value, str) and _is_duration(value)):
        return format_duration(parse_duration(value, "unit"))
    raise refused(
        "unit",
        f"unit={value!r} is nothing to count. Give 'customer', 'journey', a session's gap such as '30min', "
        "or the name of a column.",
    )


def _columns(given: object) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, (tuple, list)):
        raise refused("hold_constant", f"hold_constant={given!r} are no columns. Give names: ['device'].")
    for name in names:
        if not isinstance(name, str) or not name:
            raise refused("hold_constant", f"hold_constant holds {name!r}, which is no name of a column.")
    if len(set(names)) != len(names):
        raise refused("hold_constant", f"hold_constant={listing(names)} names a column twice. Name it once.")
    return tuple(names)


# What cannot be meant together: the fields with their values (None for any but the default), and why.
_GRACE = "grace"
_CONTRADICTIONS: tuple[tuple[dict[str, str], str], ...] = (
    ({"order": "any", "reach": "open"}, "in any order every stage is an entry already. Leave reach='closed'"),
    ({"order": "any", "ties": "strict"}, "no order is asked. Leave ties='stage'"),
    ({"order": "any", "ties": _GRACE}, "no order is asked. Leave ties='stage'"),
    ({"order": "strict", "ties": _GRACE}, "rows that may trade places have no row between them to forbid"),
    ({"order": "unbroken", "ties": _GRACE}, "rows that may trade places have no row between them to forbid"),
    ({"reuse": "shared", "ties": "strict"}, "a row is not later than itself. Say reuse='distinct'"),
    ({"reuse": "shared", "ties": _GRACE}, "which of two rows serves which stage has no one answer"),
    ({"reuse": "distinct", "ties": _GRACE}, "which of two rows serves which stage has no one answer"),
    (
        {"count": "attempts", "entry": "latest"},
        "the latest start makes one attempt. Say entry='first' or 'best'",
    ),
    ({"count": "attempts", "reach": "open"}, "an attempt begins at the first stage. Leave reach='closed'"),
    ({"count": "attempts", "ties": _GRACE}, "a chain that runs back in time has no end to begin again from"),
    (
        {"count": "attempts", "denominator": "all"},
        "units make several attempts or none. Say denominator='entrants'",
    ),
    (
        {"unit": "journey", "count": "attempts"},
        "a journey ends where an attempt converts. Say unit='customer'",
    ),
)


def _together(rules: Rules) -> None:
    for pair, why in _CONTRADICTIONS:
        shown = []
        for field, value in pair.items():
            has = getattr(rules, field)
            if has == value or (value == _GRACE and rules.grace is not None):
                shown.append(f"{field}={has!r}")
        if len(shown) == len(pair):
            raise refused(next(reversed(pair)), f"{' with '.join(shown)}: {why}.")
    _window_fits(rules)
    for exclusion in rules.exclusions:
        if rules.order == "any" and (exclusion.after is not None or exclusion.before is not None):
            raise refused(
                "exclusions",
                f"order='any' with an exclusion between stages, {exclusion!r}: stages have no order to "
                "lie between. Leave out after and before.",
            )


def _window_fits(rules: Rules) -> None:
    window = rules.counted_window
    kind = None if window is None else window.kind
    if kind == "events" and rules.ties != "row":
        raise refused(
            "window",
            f"window='{window}' with ties={rules.ties!r}: rows at one time have no order to count them by. "
            "Say ties='row'.",
        )
    if rules.order == "any" and rules.ties == "row" and kind != "events":
        raise refused("ties", "order='any' with ties='row': no order is asked. Leave ties='stage'.")
    gap = rules.session_gap
    if window is not None and window.gap is not None and gap is not None and window.gap >= gap:
        raise refused(
            "window",
            f"window='{window}' with unit={rules.unit!r}: what is counted is one session already. Say a gap "
            f"shorter than {rules.unit}, or unit='customer'.",
        )


_ORDER_WORDS = {
    "ordered": "ordered",
    "strict": "ordered with nothing between",
    "unbroken": "ordered with only repeats between",
    "any": "any order",
}
_TIES_WORDS = {"stage": "in stage order", "row": "in row order", "strict": "excluded"}
_REUSE_WORDS = {"distinct": "in several stages, each serving one", "shared": "serving several stages"}
SPECIAL = ("order", "entry", "reach", "ties", "reuse", "exclusions", "count", "unit", "hold_constant")
DEFAULT_RULES = Rules()
