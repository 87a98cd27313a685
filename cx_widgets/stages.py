"""Stages, the conditions they set, and the roles they play."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.errors import listing, unknown
from cx_widgets.problems import DefinitionError

if TYPE_CHECKING:
    from cx_widgets.durations import Duration

Scalar = str | int | float | bool

ROLES = ("aware", "consider", "evaluate", "buy", "enjoy", "advocate", "bond")

ROLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "aware": ("aware", "awareness", "attention", "discover", "discovery", "reach"),
    "consider": ("consider", "consideration", "interest", "interested", "browse", "browsing", "research"),
    "evaluate": ("evaluate", "evaluation", "compare", "comparison", "desire", "insight", "trial"),
    "buy": (
        *("buy", "purchase", "purchased", "order", "ordered", "payment", "decision", "decide"),
        *("action", "adoption", "adopt", "convert", "conversion", "repurchase"),
    ),
    "enjoy": ("enjoy", "use", "usage", "experience", "onboarding", "service", "support"),
    "advocate": ("advocate", "advocacy", "recommend", "recommendation", "refer", "referral"),
    "bond": ("bond", "bonding", "loyal", "loyalty", "membership"),
}
NO_ROLE_WORDS = frozenset(
    ("pre", "post", "before", "after", "no", "non", "not", "without", "abandoned", "cancelled")
)

LONGEST_NAME = 200
RESERVED_NAMES = ("(start)", "(end)", "(unassigned)")

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_MEMBERSHIPS = ("in", "not in")
_NULL_CHECKS = ("is null", "not null")
OPERATORS = (*_COMPARISONS, *_MEMBERSHIPS, "contains", *_NULL_CHECKS)
_ALMOST = {
    **dict.fromkeys(("=", "===", "is", "equals", "eq"), "=="),
    **dict.fromkeys(("<>", "!==", "is not", "ne"), "!="),
    **dict.fromkeys(("=>", "\N{GREATER-THAN OR EQUAL TO}", "ge"), ">="),
    **dict.fromkeys(("=<", "\N{LESS-THAN OR EQUAL TO}", "le"), "<="),
    **dict.fromkeys(("isin", "one of"), "in"),
    **dict.fromkeys(("notin", "not_in"), "not in"),
    **dict.fromkeys(("like", "includes", "has"), "contains"),
    **dict.fromkeys(("isnull", "is_null", "isna", "null", "is none"), "is null"),
    **dict.fromkeys(("notnull", "not_null", "is not null", "notna"), "not null"),
}

_GLOB = re.compile(r"[*?\[]")
_LATER = re.compile(r"([0-9]+)\+")


def guess_role(name: str) -> str | None:
    """Return the role a stage's name suggests, or None.

    A role is guessed when the words of the name point to exactly one role, and none of them says
    before, after, without or the like.

    Parameters
    ----------
    name : str
        The name of a stage.

    Returns
    -------
    str or None
        One of ``ROLES``.

    Examples
    --------
    >>> guess_role("Buy"), guess_role("Loyalty programme"), guess_role("Post-purchase"), guess_role("Cart")
    ('buy', 'bond', None, None)
    """
    words = set(re.findall(r"[^\W\d_]+", name.casefold()))
    if words & NO_ROLE_WORDS:
        return None
    roles = [role for role, known in ROLE_WORDS.items() if words & set(known)]
    return roles[0] if len(roles) == 1 else None


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Condition:
    """A test of one column: a column, an operator and a value, as data; nothing is ever evaluated.

    A null satisfies no comparison, not even ``"!="`` or ``"not in"``; ask for nulls with ``"is null"``.

    Parameters
    ----------
    column : str
        Any column of the log besides customer, time and event.
    op : str
        ``"=="``, ``"!="``, ``"<"``, ``"<="``, ``">"``, ``">="``, ``"in"``, ``"not in"``, ``"contains"`` (text
        within text, as it is written), ``"is null"``, ``"not null"``.
    value : str, int, float, bool, a time, or several for ``"in"`` and ``"not in"``
        Times are kept as ISO text.

    Examples
    --------
    >>> Condition("channel", "in", ["email", "sms"])
    Condition('channel', 'in', ('email', 'sms'))
    >>> print(Condition("value", ">", 10))
    value > 10
    """

    column: str
    op: str
    value: Scalar | tuple[Scalar, ...] | None

    def __init__(self, column: str, op: str, value: object = None) -> None:
        _put(self, "column", _column(column))
        _put(self, "op", _operator(op))
        _put(self, "value", _operand(self.column, self.op, value))

    def to_dict(self) -> dict[str, object]:
        """Return the condition as a dict ready for JSON.

        Returns
        -------
        dict

        Examples
        --------
        >>> Condition("channel", "is null").to_dict()
        {'column': 'channel', 'op': 'is null'}
        """
        parts: dict[str, object] = {"column": self.column, "op": self.op}
        if self.value is not None:
            parts["value"] = list(self.value) if isinstance(self.value, tuple) else self.value
        return parts

    @classmethod
    def from_dict(cls, data: object) -> Condition:
        """Return the condition written in a dict.

        Parameters
        ----------
        data : Mapping
            ``column``, ``op`` and, unless the operator asks for nulls, ``value``.

        Returns
        -------
        Condition

        Examples
        --------
        >>> Condition.from_dict({"column": "value", "op": ">", "value": 10})
        Condition('value', '>', 10)
        """
        fields = read_fields("condition", data, ("column", "op"), ("value",))
        return cls(fields["column"], fields["op"], fields.get("value"))  # type: ignore[arg-type] # checked there

    def _key(self) -> tuple[object, ...]:
        # To Python True equals 1, but a column of numbers answers to 1 and one of truth values to True.
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return (self.column, self.op, *((isinstance(value, bool), value) for value in values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.column} {self.op}"
        shown = listing(self.value) if isinstance(self.value, tuple) else repr(self.value)
        return f"{self.column} {self.op} {shown}"

    def __repr__(self) -> str:
        value = "" if self.value is None else f", {self.value!r}"
        return f"Condition({self.column!r}, {self.op!r}{value})"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Stage:
    """A named set of events, with conditions where the name of an event is not enough.

    Parameters
    ----------
    name : str
        Spaces around it are dropped.
    events : iterable of str
        Event names, or patterns with ``*``, ``?`` and ``[..]``. An event's exact name beats any pattern.
        One string is one name.
    where : iterable of Condition
        All must hold for a row.
    nth : int or str, optional
        Of each customer's rows that match events and conditions, in time order, only that one (``1`` is the
        first), or from that one on (``"2+"``). Rows at one time keep the order of the frame.
    role : str or None
        What the stage is for the loyalty figures: one of ``ROLES``, None for no role, ``"auto"`` to read it
        off the name.
    optional : bool
        Whether a customer may go on without it.
    window : pd.Timedelta or str, optional
        Longest time from the stage matched before to this one, end inclusive; None for no limit of its own.
    directly : bool
        Whether nothing may lie between the row matched before and the row of this stage.
    anchored : bool
        Under ``order="any"`` only: whether the stage keeps its place. Those before it come before it, in
        any order, those behind it after it.

    Examples
    --------
    >>> Stage("Buy", ["order"], where=[Condition("value", ">", 0)], nth=1)
    Stage('Buy', ['order'], where=[Condition('value', '>', 0)], nth=1)
    """

    name: str
    events: tuple[str, ...]
    where: tuple[Condition, ...]
    nth: int | str | None
    role: str | None
    optional: bool
    window: pd.Timedelta | None
    directly: bool
    anchored: bool

    def __init__(
        self,
        name: str,
        events: Iterable[str] = (),
        *,
        where: Iterable[Condition] | Condition = (),
        nth: int | str | None = None,
        role: str | None = "auto",
        optional: bool = False,
        window: Duration | None = None,
        directly: bool = False,
        anchored: bool = False,
    ) -> None:
        _put(self, "name", stage_name(name))
        _put(self, "events", event_entries(events, self.name))
        _put(self, "where", conditions(where, self.name))
        _put(self, "nth", _occurrence(nth, self.name))
        _put(self, "role", _role(role, self.name))
        _put(self, "optional", _truth("optional", optional, self.name))
        _put(self, "window", _own_window(window, self.name))
        _put(self, "directly", _truth("directly", directly, self.name))
        _put(self, "anchored", _truth("anchored", anchored, self.name))

    @property
    def resolved_role(self) -> str | None:
        """The role, guessed from the name where it is ``"auto"``."""
        return guess_role(self.name) if self.role == "auto" else self.role

    @property
    def conditional(self) -> bool:
        """Whether an event's name alone does not decide (``where`` or ``nth`` is set)."""
        return bool(self.where) or self.nth is not None

    @property
    def special(self) -> bool:
        """Whether it has a rule of its own: ``optional``, ``window``, ``directly`` or ``anchored`` is set."""
        return self.optional or self.window is not None or self.directly or self.anchored

    def replace(self, **changes: object) -> Stage:
        """Return the stage with some fields changed.

        Parameters
        ----------
        **changes
            Fields of the stage and their new values.

        Returns
        -------
        Stage

        Examples
        --------
        >>> Stage("Buy", ["order"]).replace(nth=1)
        Stage('Buy', ['order'], nth=1)
        """
        fields = {name: getattr(self, name) for name in self.__slots__}
        for name in changes:
            if name not in fields:
                raise unknown("field of a stage", name, sorted(fields))
        return Stage(**{**fields, **changes})

    def to_dict(self) -> dict[str, object]:
        """Return the stage as a dict ready for JSON; what has its default is left out.

        Returns
        -------
        dict

        Examples
        --------
        >>> Stage("Buy", ["order"], nth=1).to_dict()
        {'name': 'Buy', 'events': ['order'], 'nth': 1}
        """
        parts: dict[str, object] = {"name": self.name, "events": list(self.events)}
        if self.role != "auto":
            parts["role"] = self.role
        if self.where:
            parts["where"] = [condition.to_dict() for condition in self.where]
        if self.nth is not None:
            parts["nth"] = self.nth
        if self.optional:
            parts["optional"] = True
        if self.window is not None:
            parts["window"] = format_duration(self.window)
        if self.directly:
            parts["directly"] = True
        if self.anchored:
            parts["anchored"] = True
        return parts

    @classmethod
    def from_dict(cls, data: object) -> Stage:
        """Return the stage written in a dict.

        Parameters
        ----------
        data : Mapping
            ``name``, and any of ``events``, ``role``, ``where``, ``nth``, ``optional``, ``window``,
            ``directly``, ``anchored``.

        Returns
        -------
        Stage

        Examples
        --------
        >>> Stage.from_dict({"name": "Buy", "events": ["order"]})
        Stage('Buy', ['order'])
        """
        own = ("optional", "window", "directly", "anchored")
        fields = read_fields("stage", data, ("name",), ("events", "where", "nth", "role", *own))
        where = fields.get("where", ())
        if isinstance(where, list):
            fields["where"] = [Condition.from_dict(condition) for condition in where]
        return cls(**fields)  # type: ignore[arg-type] # each field is checked there

    def __repr__(self) -> str:
        parts = [repr(self.name)]
        if self.events:
            parts.append(listing(self.events))
        if self.where:
            parts.append(f"where={list(self.where)!r}")
        if self.nth is not None:
            parts.append(f"nth={self.nth!r}")
        if self.role != "auto":
            parts.append(f"role={self.role!r}")
        if self.optional:
            parts.append("optional=True")
        if self.window is not None:
            parts.append(f"window={format_duration(self.window)!r}")
        if self.directly:
            parts.append("directly=True")
        if self.anchored:
            parts.append("anchored=True")
        return f"Stage({', '.join(parts)})"


def is_pattern(entry: str) -> bool:
    """Return whether an entry of a stage may stand for several event names."""
    return _GLOB.search(entry) is not None


def stage_name(name: object) -> str:
    """Return a stage's name without the spaces around it, or refuse it."""
    if not isinstance(name, str):
        raise DefinitionError(
            f"a stage's name is text, not {name!r}. Write {str(name)!r}.", kind="name", field="name"
        )
    stripped = name.strip()
    if not stripped:
        raise DefinitionError(
            f"a stage's name is blank: {name!r}. Give it a name.", kind="name", field="name"
        )
    if len(stripped) > LONGEST_NAME:
        raise DefinitionError(
            f"a stage's name has {len(stripped)} characters: {stripped[:20] + '...'!r}. "
            f"Use at most {LONGEST_NAME}.",
            kind="name",
            field="name",
        )
    if stripped.casefold() in RESERVED_NAMES:
        raise DefinitionError(
            f"{stripped!r} is no name for a stage: results use it. Reserved: {listing(RESERVED_NAMES)}.",
            kind="name",
            stage=stripped,
            field="name",
        )
    return stripped


def event_entries(events: object, stage: str) -> tuple[str, ...]:
    """Return the event names and patterns of a stage as a tuple, or refuse them."""
    if isinstance(events, str):
        events = (events,)
    if isinstance(events, Mapping) or not isinstance(events, Iterable):
        raise DefinitionError(
            f"stage {stage!r}: its events are {_shown(events)}. "
            "Give a list of event names, e.g. ['view', 'order'].",
            kind="field",
            stage=stage,
            field="events",
        )
    # A set has no order of its own; the definition and its JSON must not depend on a hash seed.
    entries = sorted(events, key=str) if isinstance(events, (set, frozenset)) else list(events)
    seen: set[str] = set()
    for entry in entries:
        if not isinstance(entry, str):
            entry = entry.item() if isinstance(entry, np.generic) else entry  # noqa: PLW2901 - only to be shown
            raise DefinitionError(
                f"stage {stage!r}: event names are text, not {entry!r}. Write {str(entry)!r}.",
                kind="field",
                stage=stage,
                field="events",
            )
        if not entry:
            raise DefinitionError(
                f"stage {stage!r}: an event name is empty: ''. Remove it.",
                kind="field",
                stage=stage,
                event=entry,
                field="events",
            )
        if entry in seen:
            raise DefinitionError(
                f"event {entry!r} stands twice in stage {stage!r}. Write it once.",
                kind="duplicate_event",
                stage=stage,
                event=entry,
                field="events",
            )
        seen.add(entry)
    return tuple(str(entry) for entry in entries)


def read_fields(
    kind: str, data: object, required: Iterable[str], optional: Iterable[str]
) -> dict[str, object]:
    """Return a dict's fields, or refuse what is missing or unknown."""
    if not isinstance(data, Mapping):
        raise DefinitionError(f"a {kind} is an object with fields {listing(required)}, not {_shown(data)}.")
    known = [*required, *optional]
    for name in data:
        if name not in known:
            article = "an" if kind.startswith("e") else "a"
            raise DefinitionError(str(unknown(f"field of {article} {kind}", name, known)))
    for name in required:
        if name not in data:
            raise DefinitionError(
                f"a {kind} has no field {name!r}: {_shown(dict(data))}. Needed: {listing(required)}."
            )
    return dict(data)


def _shown(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _put(frozen: object, field: str, content: object) -> None:
    object.__setattr__(frozen, field, content)


def _column(column: object) -> str:
    if not isinstance(column, str) or not column:
        raise DefinitionError(
            f"a condition's column is the name of a column, not {column!r}. "
            "Write e.g. Condition('channel', '==', 'email').",
            kind="field",
            field="where",
        )
    return str(column)


def _operator(op: object) -> str:
    if not isinstance(op, str) or op not in OPERATORS:
        near = _ALMOST.get(op) if isinstance(op, str) else None
        hint = f" Did you mean {near!r}?" if near else ""
        raise DefinitionError(
            f"unknown operator {op!r}.{hint} Available: {listing(OPERATORS, len(OPERATORS))}.",
            kind="field",
            field="where",
        )
    return op


def _operand(column: str, op: str, value: object) -> Scalar | tuple[Scalar, ...] | None:
    if op in _NULL_CHECKS:
        if value is not None:
            raise _bad_value(
                f"condition {column!r} {op!r} takes no value, not {_shown(value)}. Leave it out."
            )
        return None
    if op in _MEMBERSHIPS:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise _bad_value(
                f"condition {column!r} {op!r} needs a list of values, not {_shown(value)}. "
                "Write e.g. ['email', 'sms']."
            )
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        if not items:
            raise _bad_value(f"condition {column!r} {op!r} has an empty list of values. Give at least one.")
        return tuple(_scalar(column, op, item) for item in items)
    if op == "contains" and (not isinstance(value, str) or not value):
        raise _bad_value(
            f"condition {column!r} 'contains' needs a text to look for, not {_shown(value)}. "
            "Write e.g. '/checkout'."
        )
    return _scalar(column, op, value)


def _scalar(column: str, op: str, value: object) -> Scalar:
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        raise _bad_value(
            f"condition {column!r} {op!r} compares with {value!r}, and nothing equals a null. "
            "Use 'is null' or 'not null'."
        )
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise _bad_value(
        f"condition {column!r} {op!r} cannot compare with {_shown(value)}. Give text, a finite number, "
        "True, False or a time."
    )


def _bad_value(message: str) -> DefinitionError:
    return DefinitionError(message, kind="field", field="where")


def conditions(where: object, stage: str) -> tuple[Condition, ...]:
    """Return the conditions of a stage as a tuple, or refuse them."""
    if isinstance(where, Condition):
        return (where,)
    given = list(where) if isinstance(where, Iterable) and not isinstance(where, (str, Mapping)) else [where]
    found = []
    for condition in given:
        if not isinstance(condition, Condition):
            raise DefinitionError(
                f"stage {stage!r}: where holds conditions, not {_shown(condition)}. "
                "Write where=[Condition('channel', '==', 'email')].",
                kind="field",
                stage=stage,
                field="where",
            )
        found.append(condition)
    return tuple(found)


def _occurrence(nth: object, stage: str) -> int | str | None:
    if nth is None:
        return None
    if isinstance(nth, np.integer):
        nth = int(nth)
    if isinstance(nth, int) and not isinstance(nth, bool) and nth >= 1:
        return nth
    if isinstance(nth, str) and (found := _LATER.fullmatch(nth.strip())) and int(found[1]) > 1:
        return f"{int(found[1])}+"
    raise DefinitionError(
        f"stage {stage!r}: nth={nth!r} is no occurrence. Say 1 for the first, 2 for the second, "
        "'2+' for the second and later ones, None for all.",
        kind="field",
        stage=stage,
        field="nth",
    )


def _role(role: object, stage: str) -> str | None:
    if role is None or (isinstance(role, str) and role in ("auto", *ROLES)):
        return None if role is None else str(role)
    raise DefinitionError(
        str(unknown("role", role, ROLES, then=f"It is the role of stage {stage!r}; None means no role.")),
        kind="field",
        stage=stage,
        field="role",
    )


def _truth(field: str, value: object, stage: str) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise DefinitionError(
            f"stage {stage!r}: {field}={value!r} is neither True nor False.",
            kind="field",
            stage=stage,
            field=field,
        )
    return bool(value)


def _own_window(window: object, stage: str) -> pd.Timedelta | None:
    if window is None:
        return None
    try:
        return parse_duration(window, "window")
    except DefinitionError as error:
        raise DefinitionError(
            f"stage {stage!r}: {error}", kind="field", stage=stage, field="window"
        ) from None
