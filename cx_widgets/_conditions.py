"""Conditions on the columns of a log: which rows satisfy one, and whether its value fits the column."""

from __future__ import annotations

import datetime as dt
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets._packed import frozen
from cx_widgets.durations import parse_duration
from cx_widgets.problems import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cx_widgets.condition import Condition, Scalar
    from cx_widgets.log import EventLog

    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

_COMPARE: Mapping[str, Callable[..., pd.Series]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_HOLDS = {
    "number": "numbers",
    "bool": "True and False",
    "time": "times",
    "duration": "durations",
    "text": "text",
    "mixed": "values of several kinds",
}
_EXAMPLE = {
    "number": "a number, e.g. 10",
    "bool": "True or False",
    "time": "a time, e.g. '2024-01-31' or '2024-01-31T12:00'",
    "duration": "a duration, e.g. '90min'",
    "text": "text, e.g. 'email'",
}


def mask(condition: Condition, log: EventLog) -> Mask:
    """Return which rows, in packed order, satisfy a condition."""
    of = column(log, condition.column)
    return log.memo(("condition", condition), lambda: frozen(of.matches(condition)))


def column(log: EventLog, name: str) -> Column:
    """Return a column of the log as conditions see it."""
    return log.memo(("column for conditions", name), lambda: Column.of(log.column(name)))


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column with the kind of its values; of a categorical one, categories and codes."""

    kind: str
    values: pd.Series
    codes: np.ndarray[tuple[int], np.dtype[np.integer]] | None = None

    @classmethod
    def of(cls, values: pd.Series) -> Column:
        if isinstance(values.dtype, pd.CategoricalDtype):
            inner = cls.of(pd.Series(values.cat.categories))
            return cls(inner.kind, inner.values, values.cat.codes.to_numpy())
        kind = _kind_of(values)
        if kind == "time" and values.dtype == np.dtype(object):
            try:
                return cls(kind, pd.to_datetime(values))
            except ValueError:
                return cls("mixed", values)
        return cls(kind, values)

    def matches(self, condition: Condition) -> Mask:
        """Return which rows satisfy a condition; a null satisfies no comparison."""
        if self.codes is not None:
            # A few categories are tested instead of many rows; code -1, a null, reads the last place.
            tested = Column(self.kind, self.values).matches(condition)
            rows: Mask = np.append(tested, condition.op == "is null")[self.codes]
            return rows
        present = self.values.notna().to_numpy(dtype=np.bool_)
        if condition.op in ("is null", "not null"):
            return present if condition.op == "not null" else ~present
        if self.kind == "empty":
            return np.zeros(len(present), dtype=np.bool_)
        operand = self.operand(condition)
        if condition.op in ("in", "not in"):
            found = self.values.isin(operand if isinstance(operand, list) else [operand])
            found = found if condition.op == "in" else ~found
        elif condition.op == "contains":
            found = self.values.str.contains(str(operand), regex=False, na=False)
        else:
            found = _COMPARE[condition.op](self.values, operand)
        return found.to_numpy(dtype=np.bool_, na_value=False) & present

    def operand(self, condition: Condition) -> object:
        """Return the condition's value in the column's own type, or refuse it."""
        name = condition.column
        if condition.op in ("is null", "not null") or self.kind == "empty":
            return None
        if self.kind == "mixed":
            raise DefinitionError(
                f"condition {str(condition)!r}: column {name!r} holds {_HOLDS['mixed']}. "
                f"Make it one kind in the data, e.g. df[{name!r}].astype(str)."
            )
        if condition.op == "contains" and self.kind != "text":
            raise DefinitionError(
                f"condition {str(condition)!r} looks for text within text, but column {name!r} "
                f"holds {_HOLDS[self.kind]}. Use '==' or 'in'."
            )
        if isinstance(condition.value, tuple):
            return [self._converted(condition, value) for value in condition.value]
        return self._converted(condition, condition.value)

    def _converted(self, condition: Condition, value: Scalar | None) -> object:
        fits = {
            "bool": isinstance(value, bool),
            "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        }.get(self.kind, isinstance(value, str))
        if fits and self.kind in ("time", "duration"):
            try:
                return self._moment(str(value)) if self.kind == "time" else parse_duration(value)
            except ValueError:
                fits = False
        if not fits:
            raise DefinitionError(
                f"condition {str(condition)!r}: column {condition.column!r} holds {_HOLDS[self.kind]}, "
                f"not {value!r}. Give {_EXAMPLE[self.kind]}."
            )
        return value

    def _moment(self, text: str) -> pd.Timestamp:
        # pandas alone would also read "now", and "1/2/2024" by guessing.
        dt.datetime.fromisoformat(text)
        moment = pd.Timestamp(text)
        zone = self.values.dt.tz
        if zone is None and moment.tzinfo is not None:
            raise ValueError(text)
        return moment.tz_localize(zone) if zone is not None and moment.tzinfo is None else moment


def _kind_of(column: pd.Series) -> str:
    dtype = column.dtype
    if dtype == np.dtype(object):
        return _KIND_OF_OBJECTS.get(pd.api.types.infer_dtype(column, skipna=True), "mixed")
    return next((kind for kind, test in _KIND_OF_TYPES.items() if test(dtype)), "mixed")


_KIND_OF_TYPES: Mapping[str, Callable[..., bool]] = {
    "bool": pd.api.types.is_bool_dtype,
    "number": pd.api.types.is_numeric_dtype,
    "time": pd.api.types.is_datetime64_any_dtype,
    "duration": pd.api.types.is_timedelta64_dtype,
    "text": pd.api.types.is_string_dtype,
}
_KIND_OF_OBJECTS = {
    "string": "text",
    "empty": "empty",
    "boolean": "bool",
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "number"),
    **dict.fromkeys(("datetime", "datetime64", "date"), "time"),
    **dict.fromkeys(("timedelta", "timedelta64"), "duration"),
}
