"""Stages: a name, events, and what a stage asks for besides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets._fields import put, read_fields, shown
from cx_widgets.condition import Condition, conditions
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.errors import listing, unknown
from cx_widgets.problems import DefinitionError
from cx_widgets.roles import ROLES, guess_role

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.durations import Duration

LONGEST_NAME = 200
RESERVED_NAMES = ("(start)", "(end)", "(unassigned)")

_GLOB = re.compile(r"[*?\[]")
_LATER = re.compile(r"([0-9]+)\+")


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
        put(self, "name", stage_name(name))
        put(self, "events", event_entries(events, self.name))
        put(self, "where", conditions(where, self.name))
        put(self, "nth", _occurrence(nth, self.name))
        put(self, "role", _role(role, self.name))
        put(self, "optional", _truth("optional", optional, self.name))
        put(self, "window", _own_window(window, self.name))
        put(self, "directly", _truth("directly", directly, self.name))
        put(self, "anchored", _truth("anchored", anchored, self.name))

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
            f"stage {stage!r}: its events are {shown(events)}. "
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
