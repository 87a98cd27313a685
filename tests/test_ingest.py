"""Reading a table: kernels and numpy make the same log of it, in small memory, and say how far they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets import _library, _numbering, _rows

ROLES = {"customer": "who", "time": "at", "event": "what"}
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


def told(log):
    """Return everything a log is made of."""
    packed = log.packed
    arrays = (packed.offsets, packed.codes, packed.ticks, packed.rows, packed.customers)
    return (
        [(array.dtype.str, array.tolist()) for array in arrays],
        (packed.tick_ns, packed.origin_ns, packed.end_tick, packed.has_ties, packed.places is None),
        (log.customer_ids.dtype, [repr(one) for one in log.customer_ids], log.event_names),
        (log.checks.to_numpy().tolist(), log.time_zone, log.event_customers.tolist()),
        [(name, [repr(one) for one in log.column(name)]) for name in log.columns],
    )


# Kernels and numpy

WORDS = np.array(
    ["x", "yy", "zzz", "abcd", "abcdefgh", "abcdefghi", "\N{GRINNING FACE}" * 5, "", " "], object
)
LONG = np.array([f"a customer whose identifier takes {n} characters" for n in range(9)], object)
COLUMNS = {
    "int64": lambda draw, n: draw.integers(0, 9, n),
    "int64, far apart": lambda draw, n: draw.integers(-(2**62), 2**62, 9)[draw.integers(0, 9, n)],
    "int8": lambda draw, n: draw.integers(-9, 9, n).astype("int8"),
    "uint64": lambda draw, n: draw.integers(0, 9, n).astype("uint64") + np.uint64(2**63),
    "float": lambda draw, n: np.where(draw.random(n) < 0.1, np.nan, draw.integers(0, 9, n)),
    "Int64": lambda draw, n: pd.array(np.where(draw.random(n) < 0.1, None, draw.integers(0, 9, n)), "Int64"),
    "objects": lambda draw, n: WORDS[draw.integers(0, 9, n)],
    "objects, never shared": lambda draw, n: np.array(
        [f"c{number}" for number in draw.integers(0, 9, n)], object
    ),
    "numbers as objects": lambda draw, n: np.array(
        [int(number) for number in draw.integers(0, 9, n)], object
    ),
    "long text": lambda draw, n: LONG[draw.integers(0, 9, n)],
    "str": lambda draw, n: pd.array([*WORDS[draw.integers(0, 9, n - 1)], None], "str"),
    "string[pyarrow]": lambda draw, n: pd.array([None, *LONG[draw.integers(0, 9, n - 1)]], "string[pyarrow]"),
    "string[python]": lambda draw, n: pd.array([None, *WORDS[draw.integers(0, 9, n - 1)]], "string[python]"),
    "category": lambda draw, n: pd.Categorical.from_codes(draw.integers(-1, 9, n), LONG),
}
if pd.__version__ < "3":
    del COLUMNS["str"]
TIMES = {
    "by time": lambda draw, n: (
        pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(draw.integers(0, n, n)), "s")
    ),
    "in any order": lambda draw, n: pd.to_datetime(draw.integers(-(2**50), 2**50, n), unit="us"),
    "ties": lambda draw, n: pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 9, n), "D"),
    "gaps": lambda draw, n: pd.to_datetime(np.where(draw.random(n) < 0.1, None, "1960-01-01T00:00:00.5")),
    "in a zone": lambda draw, n: pd.to_datetime(draw.integers(0, 10**6, n), unit="s", utc=True),
}


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(_numbering, "_FEW", 1)
    monkeypatch.setattr(_numbering, "PIECE", 64)
    monkeypatch.setattr(_numbering, "_OBJECTS", 50)
    monkeypatch.setattr(_rows, "PIECE", 64)
    monkeypatch.setattr(_rows, "_CUSTOMERS", 4)


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
    assert not opened._stored.has("rows")
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


def test_what_progress_raises_ends_the_reading():
    def enough(share):
        if share > 0.3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        cx.EventLog(frame(), **ROLES, progress=enough)
