"""Columns of Python objects: kernels read their texts; the log, or the error, is that of pandas and numpy."""

from __future__ import annotations

import enum
import sys

import numpy as np
import pandas as pd
import pytest
from random_tables import ROLES, SMALL, told

import cx_widgets as cx
from cx_widgets import _arrow_texts, _library

pytestmark = pytest.mark.skipif(
    not _library.levels(), reason="no compiled kernels were built for this machine"
)


class Name(str):
    __slots__ = ()


class Kind(enum.StrEnum):
    VIEW = "view"
    BUY = "buy"


OBJECTS = {
    "equal text in other objects": lambda row: "".join(["customer ", str(row % 7)]),
    "one object for each text": lambda row: ("a", "bb", "")[row % 3],
    "gaps of every kind": lambda row: (None, np.nan, pd.NA, f"c{row % 5}")[row % 4],
    "gaps that pyarrow knows": lambda row: (float("nan"), pd.NaT, f"c{row % 5}")[row % 3],
    "nothing but gaps": lambda row: (None, np.nan)[row % 2],
    "subclasses of str": lambda row: Name(f"c{row % 5}"),
    "numpy's own texts": lambda row: np.str_(f"c{row % 5}"),
    "members of an enumeration": lambda row: list(Kind)[row % 2],
    "half of a pair of surrogates": lambda row: f"c{row % 5}\ud800",
    "beyond ASCII": lambda row: (
        f"{row % 5} \N{GREEK SMALL LETTER BETA}\N{GRINNING FACE} \0 {'é' * (row % 30)}"
    ),
    "longer than a run has room for": lambda row: f"{row % 5}" * (1 if row % 60 else 9_000),
    "an integer far behind": lambda row: 7 if row == 260 else f"c{row % 5}",
    "bytes far behind": lambda row: b"c1" if row == 260 else f"c{row % 5}",
    "a list far behind": lambda row: [1] if row == 260 else f"c{row % 5}",
    "integers": lambda row: int(str(1000 + row % 5)),
    "truth": lambda row: bool(row % 2),
}


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)


def made(df):
    """Return what a log says, or the error."""
    try:
        return told(cx.EventLog(df, **ROLES, drop_nulls=True))
    except cx.CXError as error:
        return str(error)


def table(who="a", what="view", n=300):
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) % 90, "s")
    return pd.DataFrame({"who": who, "at": at, "what": what})


def column(kind, n=300):
    values = np.empty(n, object)
    for row in range(n):
        values[row] = OBJECTS[kind](row)
    return pd.Series(values, dtype=object)


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("role", ["who", "what"])
def test_objects_are_read_as_pandas_reads_them(role, kind, monkeypatch):
    df = table(**{role: column(kind)})
    by_kernels = made(df)
    monkeypatch.setenv("CX_WIDGETS_ENGINE", "numpy")
    assert made(df) == by_kernels


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_are_read_alike_where_the_interpreter_cannot_be_asked(kind, monkeypatch):
    df = table(who=column(kind))
    asked = made(df)
    monkeypatch.setattr(_library, "utf8_of_texts", lambda: None)
    assert made(df) == asked


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_are_read_alike_without_pyarrow(kind, monkeypatch):
    df = table(who=column(kind))
    asked = made(df)
    monkeypatch.setattr("cx_widgets._numbering.has_arrow", lambda: False)
    monkeypatch.setattr(_arrow_texts, "has_arrow", lambda: False)
    assert made(df) == asked


def test_only_cpython_with_its_lock_is_asked_for_the_bytes_of_a_text(monkeypatch):
    ask = _library.utf8_of_texts.__wrapped__
    assert (ask() is None) == (sys.implementation.name != "cpython")
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert ask() is None


def test_reading_texts_leaves_their_objects_alone():
    who = column("equal text in other objects")
    before = [sys.getrefcount(one) for one in who]
    cx.EventLog(table(who=who), **ROLES)
    assert [sys.getrefcount(one) for one in who] == before
