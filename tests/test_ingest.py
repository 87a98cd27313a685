"""Reading a table: kernels and numpy make the same log of it, in small memory, and say how far they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from random_tables import COLUMNS, ROLES, SMALL, TIMES, told

import cx_widgets as cx
from cx_widgets import _library

KERNELS = pytest.mark.skipif(not _library.levels(), reason="no compiled kernels were built for this machine")
VERSION_1 = Path(__file__).parent / "data" / "version_1.cxlog"


def frame(**columns):
    """Return four events of two customers, by customer and time, with some columns replaced or added."""
    base = {
        "who": ["b", "b", "b", "a"],
        "at": ["2024-01-01", "2024-01-01 12:00", "2024-01-02", "2024-01-01"],
        "what": ["view", "ask", "buy", "view"],
    }
    return pd.DataFrame(base | columns)


# Kernels and numpy


@pytest.fixture
def small_pieces(monkeypatch):
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)


@KERNELS
@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("kind", COLUMNS)
def test_kernels_and_numpy_make_the_same_log(kind, times, monkeypatch):
    draw = np.random.default_rng(len(kind) * len(times))
    n = 400
    df = pd.DataFrame(
        {
            "who": COLUMNS[kind](draw, n),
            "at": TIMES[times](draw, n),
            "what": COLUMNS[kind](draw, n),
            "price": draw.integers(0, 2, n),
        }
    )
    for columns, options in ((list(df), {}), (list(ROLES.values()), {"drop_duplicates": True})):
        for table in (df[columns], df[columns].sort_values(["at", "what"]), df[columns].iloc[:1]):
            monkeypatch.setenv("CX_WIDGETS_ENGINE", "")
            by_kernels = cx.EventLog(table, **ROLES, drop_nulls=True, **options)
            monkeypatch.setenv("CX_WIDGETS_ENGINE", "numpy")
            assert told(cx.EventLog(table, **ROLES, drop_nulls=True, **options)) == told(by_kernels)


@KERNELS
@pytest.mark.usefixtures("small_pieces")
def test_a_customer_of_many_events_is_sorted_like_others(monkeypatch):
    draw = np.random.default_rng(3)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 300, 1_000), unit="s")
    df = pd.DataFrame({"who": draw.integers(0, 2, 1_000), "at": at, "what": draw.choice(["a", "b"], 1_000)})
    by_kernels = told(cx.EventLog(df, **ROLES))
    monkeypatch.setenv("CX_WIDGETS_ENGINE", "numpy")
    assert told(cx.EventLog(df, **ROLES)) == by_kernels


@KERNELS
@pytest.mark.usefixtures("small_pieces")
def test_more_distinct_values_than_the_table_was_made_for_are_numbered():
    who = [f"customer {number} of a shop" for number in range(9_000)]
    log = cx.EventLog(pd.DataFrame({"who": who * 2, "at": "2024-01-01", "what": "view"}), **ROLES)
    assert log.customer_ids.tolist() == who
    assert log.packed.offsets[-1] == 18_000
    assert np.array_equal(log.packed.rows[:4], [0, 9_000, 1, 9_001])


@KERNELS
@pytest.mark.usefixtures("small_pieces")
def test_what_is_wrong_is_said_with_its_row_in_the_table():
    who = np.array(["a"] * 200 + [7] + ["b"] * 200, dtype=object)
    with pytest.raises(cx.CXError, match=r"mixes integers \(7 at row 200\) and text \('a' at row 0\)"):
        cx.EventLog(pd.DataFrame({"who": who, "at": "2024-01-01", "what": "view"}), **ROLES)


@KERNELS
@pytest.mark.usefixtures("small_pieces")
def test_bytes_are_not_the_text_they_spell():
    what = np.array(["view", b"view"] * 100, dtype=object)
    log = cx.EventLog(pd.DataFrame({"who": 1, "at": "2024-01-01", "what": what}), **ROLES)
    assert log.event_names == ("b'view'", "view")


def test_a_table_without_rows_may_have_any_types():
    empty = pd.DataFrame({"who": np.zeros(0, bool), "at": pd.to_datetime([]), "what": pd.to_datetime([])})
    assert cx.EventLog(empty, **ROLES).n_events == 0


# Memory


def test_a_table_in_order_keeps_no_places():
    log = cx.EventLog(frame(), **ROLES)
    assert log.packed.places is None
    assert log.packed.rows.tolist() == [0, 1, 2, 3]
    assert log.packed.rows_at(np.array([3, 1])).tolist() == [3, 1]
    assert log.memory_bytes == 24 + 4 + 16
    assert log.until("2024-01-01 12:00").packed.rows.tolist() == [0, 1, 3]


def test_a_table_out_of_order_keeps_places_of_32_bits():
    log = cx.EventLog(frame().iloc[::-1], **ROLES)
    assert log.packed.places.dtype == np.int32
    assert log.packed.rows.tolist() == [0, 3, 2, 1]
    assert log.memory_bytes == 24 + 4 + 16 + 16


def test_the_places_can_be_left_out():
    log = cx.EventLog(frame().iloc[::-1], **ROLES, keep_rows=False)
    assert log.memory_bytes == 24 + 4 + 16
    assert log.packed.rows.tolist() == [0, 1, 2, 3]
    with pytest.raises(
        cx.CXError, match=r"this one has also \['price'\], whose values are found by the rows"
    ):
        cx.EventLog(frame(price=1), **ROLES, keep_rows=False)


def test_a_file_has_no_places_of_a_table_in_order(tmp_path):
    cx.EventLog(frame(), **ROLES).save(tmp_path / "log.cxlog")
    opened = cx.EventLog.open(tmp_path / "log.cxlog", verify=True)
    assert not opened._held.stored.has("rows")
    assert opened.packed.rows.tolist() == [0, 1, 2, 3]


def test_places_in_a_file_are_read_when_they_are_asked_for(tmp_path):
    path = tmp_path / "log.cxlog"
    cx.EventLog(frame().iloc[::-1], **ROLES).save(path)
    whole = path.read_bytes()
    rows = np.array([0, 3, 2, 1], np.int32).tobytes()
    path.write_bytes(whole.replace(rows, rows[::-1]))
    opened = cx.EventLog.open(path)
    assert opened.packed.codes.tolist() == [2, 2, 0, 1]
    with pytest.raises(cx.CXError, match="the checksum of 'rows' does not match"):
        _ = opened.packed.rows


def test_a_file_of_version_1_opens():
    opened = cx.EventLog.open(VERSION_1, verify=True)
    assert opened.packed.rows.tolist() == [2, 3, 0, 1]
    assert opened.packed.rows.dtype == np.int64
    assert opened.column("n").tolist() == [3, 4, 1, 2]
    assert opened.customer_ids.tolist() == ["b", "a"]


# Progress


def test_progress_is_told_until_all_is_done():
    shares = []
    cx.EventLog(frame(), **ROLES, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 3


@KERNELS
@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    "kind", ["int64", "int64, far apart", "objects, never shared", "long text", "category"]
)
def test_progress_is_told_after_every_piece_of_a_column(kind):
    column = COLUMNS[kind](np.random.default_rng(1), 640)
    shares = []
    df = pd.DataFrame({"who": 1, "at": "2024-01-01", "what": column}).dropna()
    cx.EventLog(df, **ROLES, progress=shares.append, drop_nulls=True)
    assert shares == sorted(shares)
    assert sum(0.5 < share < 0.7 for share in shares) >= 6


def test_what_progress_raises_ends_the_reading():
    def enough(share):
        if share > 0.3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        cx.EventLog(frame(), **ROLES, progress=enough)
