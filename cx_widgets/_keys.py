"""Columns of a table as the numbers a log is made of: who, what, how much."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_float_dtype

from cx_widgets import _numbering
from cx_widgets._frames import shown
from cx_widgets._packed import narrow
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Numbers = npt.NDArray[np.integer]
    Heard = Callable[[float], object]

T = TypeVar("T")

_NUMERIC = {"integer", "floating", "mixed-integer-float", "decimal"}
_TIMES = {"datetime", "datetime64", "date", "timedelta", "timedelta64", "time", "period"}
_NO_IDS = _TIMES | {"floating", "boolean", "complex"}
_NO_NAMES = _TIMES | {"bytes", "complex"}
# Beyond this, neighbouring integers share a double.
_EXACT = 2**53


def customers(column: pd.Series, name: str, heard: Heard = _numbering.unheard) -> tuple[Numbers, pd.Index]:
    """Return each row's customer number (-1 where missing) and the ids in order of first appearance."""
    found = _numbering.numbered(column, heard)
    few = None if found is None else _read(partial(_customers, once=found.once), found.values, name)
    if found is None or few is None:
        codes, ids = _customers(column, name)
        return narrow(codes, len(column)), ids
    codes, ids = few
    if found.table is None and bool((codes == np.arange(len(codes))).all()):
        return found.cells, ids
    return found.coded(codes, np.dtype(np.int32)), ids


def events(
    column: pd.Series, name: str, heard: Heard = _numbering.unheard
) -> tuple[Numbers, tuple[str, ...]]:
    """Return each row's event number (-1 where missing) and the event names, sorted."""
    found = _numbering.numbered(column, heard)
    few = None if found is None else _read(_events, found.values, name)
    codes, names = _events(column, name) if few is None else few
    whole = bool((codes >= 0).all()) and (found is None or found.whole)
    kind = np.min_scalar_type(max(len(names) - 1, 0)) if whole else np.dtype(np.int32)
    if found is None or few is None:
        return codes.astype(kind), names
    return found.coded(codes, kind), names


def _read(
    way: Callable[[pd.Series, str], tuple[npt.NDArray[np.int64], T]], values: pd.Series, name: str
) -> tuple[npt.NDArray[np.int64], T] | None:
    try:
        return way(values, name)
    except CXError:
        # Said again about the whole column, with the row.
        return None


def _customers(column: pd.Series, name: str, *, once: bool = False) -> tuple[npt.NDArray[np.int64], pd.Index]:
    column = _whole(column)
    kind = infer_dtype(column, skipna=True)
    if len(column) and kind in _NO_IDS:
        raise _wrong(column, "customer", name, "integers or text")
    if kind == "mixed-integer":
        raise _mixed(column, name)
    codes, ids = (np.arange(len(column)), pd.Index(column)) if once else _factorized(column, "customer", name)
    if kind not in {"integer", "empty"}:
        codes, ids = _without(codes, ids, np.asarray(ids == "", dtype=bool))
    if isinstance(ids.dtype, pd.Int64Dtype):
        ids = pd.Index(ids.to_numpy(dtype=np.int64))
    # Half a surrogate pair is no text for Arrow, and a customer like any other.
    with suppress(UnicodeEncodeError):
        ids = ids.infer_objects()
    return codes, ids.rename(name)


def _events(column: pd.Series, name: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    column = _whole(column)
    if len(column) and infer_dtype(column, skipna=True) in _NO_NAMES:
        raise _wrong(column, "event", name, "names")
    codes, found = _factorized(column, "event", name)
    texts = [str(value) for value in found.tolist()]
    names = tuple(sorted({text for text in texts if text.strip()}))
    number = {text: position for position, text in enumerate(names)}
    lut = np.array([number.get(text, -1) for text in texts] + [-1], dtype=np.int64)
    return lut[codes], names


def numbers(column: pd.Series, role: str, name: str) -> pd.Series:
    """Return a column as float64 with NaN where missing; refuse what is not a number."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object).infer_objects()
    present = column.notna().to_numpy(dtype=bool)
    if not present.any():
        return pd.Series(np.full(len(column), np.nan), name=name)
    kind = infer_dtype(column, skipna=True)
    if kind not in _NUMERIC:
        row = int(np.argmax(present))
        step = f"Convert it first: pd.to_numeric(df[{name!r}])" if kind == "string" else "Name another column"
        raise CXError(f"{_wrong_text(column, role, name, row, 'numbers')} {step}.")
    found = column.astype("float64").to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    infinite = np.isinf(found)
    if infinite.any():
        raise CXError(
            f"{int(infinite.sum()):,} of {len(found):,} rows of the {role} column {name!r} are infinite,"
            f" first at row {int(np.argmax(infinite))}. Correct them, or leave them empty."
        )
    return pd.Series(found, name=name)


def comparable(column: pd.Series) -> pd.Series:
    """Return a column in which equal rows can be found: what cannot be hashed is compared by its text."""
    if column.dtype == object:
        try:
            pd.factorize(column)
        except TypeError:
            column = column.map(repr)
    return column.reset_index(drop=True)


def _whole(column: pd.Series) -> pd.Series:
    """Return floats that are integers as integers: pandas makes floats of integers beside a gap."""
    floats = column
    if column.dtype == object:
        if infer_dtype(column, skipna=True) not in _NUMERIC - {"integer"}:
            return column
        floats = column.astype("float64")
    elif not is_float_dtype(column.dtype):
        return column
    found = floats.to_numpy(dtype=np.float64, na_value=np.nan)
    present = found[~np.isnan(found)]
    if (np.abs(present) >= _EXACT).any() or (present != np.floor(present)).any():
        return column
    return floats.astype("Int64")


def _factorized(column: pd.Series, role: str, name: str) -> tuple[npt.NDArray[np.int64], pd.Index]:
    try:
        codes, found = pd.factorize(column)
    except TypeError:
        unhashable = column.map(lambda value: isinstance(value, (list, dict, set, np.ndarray)))
        row = int(np.argmax(unhashable.to_numpy(dtype=bool)))
        wanted = "integers or text" if role == "customer" else "names"
        raise CXError(_wrong_text(column, role, name, row, wanted)) from None
    index = pd.Index(found)
    if isinstance(index, pd.CategoricalIndex):
        index = index.categories.take(index.codes)
    return codes.astype(np.int64), index


def _without(
    codes: npt.NDArray[np.int64], found: pd.Index, blank: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], pd.Index]:
    if not blank.any():
        return codes, found
    renumber = np.where(blank, -1, np.cumsum(~blank) - 1)
    return np.append(renumber, -1)[codes], found[~blank]


def _shown(column: pd.Series, row: int) -> str:
    return f"{shown(column.iloc[row])} at row {row}"


def _wrong_text(column: pd.Series, role: str, name: str, row: int, wanted: str) -> str:
    return f"the {role} column {name!r} must hold {wanted}, but holds {_shown(column, row)}."


def _wrong(column: pd.Series, role: str, name: str, wanted: str) -> CXError:
    row = int(np.argmax(column.notna().to_numpy(dtype=bool)))
    return CXError(_wrong_text(column, role, name, row, wanted))


def _mixed(column: pd.Series, name: str) -> CXError:
    text = column.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    other = ~text & column.notna().to_numpy(dtype=bool)
    return CXError(
        f"the customer column {name!r} mixes integers ({_shown(column, int(np.argmax(other)))}) and text"
        f" ({_shown(column, int(np.argmax(text)))}), so one customer may count as two."
        f" Convert it first: df[{name!r}].astype(str)."
    )
