"""Conditions as values: a column, an operator and what it compares with (`_conditions` finds the rows)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cx_widgets._fields import put, read_fields, shown
from cx_widgets.errors import listing
from cx_widgets.problems import DefinitionError

Scalar = str | int | float | bool

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
        put(self, "column", _column(column))
        put(self, "op", _operator(op))
        put(self, "value", _operand(self.column, self.op, value))

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


def conditions(where: object, stage: str) -> tuple[Condition, ...]:
    """Return the conditions of a stage as a tuple, or refuse them."""
    if isinstance(where, Condition):
        return (where,)
    given = list(where) if isinstance(where, Iterable) and not isinstance(where, (str, Mapping)) else [where]
    found = []
    for condition in given:
        if not isinstance(condition, Condition):
            raise DefinitionError(
                f"stage {stage!r}: where holds conditions, not {shown(condition)}. "
                "Write where=[Condition('channel', '==', 'email')].",
                kind="field",
                stage=stage,
                field="where",
            )
        found.append(condition)
    return tuple(found)


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
            raise _bad_value(f"condition {column!r} {op!r} takes no value, not {shown(value)}. Leave it out.")
        return None
    if op in _MEMBERSHIPS:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise _bad_value(
                f"condition {column!r} {op!r} needs a list of values, not {shown(value)}. "
                "Write e.g. ['email', 'sms']."
            )
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        if not items:
            raise _bad_value(f"condition {column!r} {op!r} has an empty list of values. Give at least one.")
        return tuple(_scalar(column, op, item) for item in items)
    if op == "contains" and (not isinstance(value, str) or not value):
        raise _bad_value(
            f"condition {column!r} 'contains' needs a text to look for, not {shown(value)}. "
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
        f"condition {column!r} {op!r} cannot compare with {shown(value)}. Give text, a finite number, "
        "True, False or a time."
    )


def _bad_value(message: str) -> DefinitionError:
    return DefinitionError(message, kind="field", field="where")
