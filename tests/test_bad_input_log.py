"""Every wrong table or argument, and the whole sentence the user sees."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cx_widgets as cx
from cx_widgets import _frames

NUMBERS = [1_700_000_000, 1_700_000_001, 1_700_000_002]


def frame(**columns):
    base = {"who": ["a", "a", "b"], "at": ["2024-01-01", "2024-01-02", "2024-01-03"], "what": ["x", "y", "x"]}
    return pd.DataFrame(base | columns)


def mixed(*values):
    return pd.Series(values, dtype=object)


# name: (table, arguments besides customer="who", time="at", event="what", the sentence)
BAD = {
    "none instead of a table": (
        None,
        {},
        (
            "data must be a table (pandas, polars or Arrow; a DuckDB relation); got NoneType."
            " Build a DataFrame first."
        ),
    ),
    "a path instead of a table": (
        "events.csv",
        {},
        (
            "data must be a table (pandas, polars or Arrow; a DuckDB relation); got str."
            " If it is a path, read the file first, for example with pd.read_csv(path)."
        ),
    ),
    "a dict instead of a table": (
        {"who": ["a"]},
        {},
        (
            "data must be a table (pandas, polars or Arrow; a DuckDB relation); got dict."
            " Build one first: pd.DataFrame(data)."
        ),
    ),
    "a column instead of a table": (
        frame()["who"],
        {},
        (
            "data must be a table (pandas, polars or Arrow; a DuckDB relation); got pandas Series."
            " Pass the whole DataFrame and name its columns."
        ),
    ),
    "an array instead of a table": (
        np.zeros((2, 3)),
        {},
        (
            "data must be a table (pandas, polars or Arrow; a DuckDB relation); got numpy ndarray."
            " Build one first: pd.DataFrame(data, columns=[...])."
        ),
    ),
    "a polars column instead of a table": (
        pl.Series("who", [1]),
        {},
        (
            "data must be a table (pandas, polars or Arrow; a DuckDB relation); got polars Series."
            " Build a DataFrame first."
        ),
    ),
    "an Arrow array instead of a table": (
        pa.array([1]),
        {},
        (
            "data must be a table (pandas, polars or Arrow; a DuckDB relation); got pyarrow Int64Array."
            " Build a DataFrame first."
        ),
    ),
    "a misspelt column": (
        frame(),
        {"customer": "whom"},
        "unknown customer column 'whom'. Did you mean 'who'? Available: ['who', 'at', 'what'].",
    ),
    "a misspelt optional column": (
        frame(price=1.0),
        {"value": "prices"},
        "unknown value column 'prices'. Did you mean 'price'? Available: ['who', 'at', 'what', 'price'].",
    ),
    "a table without columns": (
        pd.DataFrame(),
        {},
        "unknown customer column 'who'. Available: [].",
    ),
    "one of very many columns": (
        frame(**{f"c{i}": i for i in range(20)}),
        {"event": "zzz"},
        (
            "unknown event column 'zzz'. Available: ['who', 'at', 'what', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5',"
            " 'c6', ... 13 more]."
        ),
    ),
    "a time that is the index": (
        frame().set_index("at"),
        {},
        "time='at' is the index of the frame, not a column. Pass df.reset_index().",
    ),
    "a role that is no text": (
        frame(),
        {"event": ["what"]},
        "event must be the name of a column, as text; got ['what']. Available: ['who', 'at', 'what'].",
    ),
    "a required role left empty": (
        frame(),
        {"customer": None},
        "customer must be the name of a column, as text; got None. Available: ['who', 'at', 'what'].",
    ),
    "one column for two roles": (
        frame(),
        {"event": "who"},
        "column 'who' is given twice, as customer and as event. Each role needs its own column.",
    ),
    "two columns of one name": (
        pd.DataFrame([[1, 2, 3]], columns=["who", "at", "who"]),
        {},
        "two columns are named 'who'. Rename one of them, or drop it.",
    ),
    "column names of several levels": (
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("who", "id"), ("at", "")])),
        {},
        (
            "the column names have 2 levels, as in ('who', 'id'). Flatten them first:"
            " df.columns = ['_'.join(map(str, name)) for name in df.columns]"
        ),
    ),
    "a row without customer": (
        frame(who=["a", None, "b"]),
        {},
        "1 of 3 rows has no customer (column 'who'), first at row 1. Pass drop_nulls=True to leave them out.",
    ),
    "an empty customer": (
        frame(who=["a", "b", ""]),
        {},
        "1 of 3 rows has no customer (column 'who'), first at row 2. Pass drop_nulls=True to leave them out.",
    ),
    "rows without time and event": (
        frame(at=[None, "2024-01-01", ""], what=["x", float("nan"), "y"]),
        {},
        (
            "2 of 3 rows have no time (column 'at'), first at row 0; 1 of 3 rows has no event (column"
            " 'what'),"
            " first at row 1. Pass drop_nulls=True to leave them out."
        ),
    ),
    "a blank event": (
        frame(what=["x", " ", "y"]),
        {},
        "1 of 3 rows has no event (column 'what'), first at row 1. Pass drop_nulls=True to leave them out.",
    ),
    "customers with fractions": (
        frame(who=[1.5, 2.0, 3.0]),
        {},
        "the customer column 'who' must hold integers or text, but holds 1.5 at row 0.",
    ),
    "truth values for customers": (
        frame(who=[True, False, True]),
        {},
        "the customer column 'who' must hold integers or text, but holds True at row 0.",
    ),
    "times for customers": (
        frame(who=pd.to_datetime(["2024-01-01"] * 3)),
        {},
        (
            "the customer column 'who' must hold integers or text,"
            " but holds Timestamp('2024-01-01 00:00:00') at row 0."
        ),
    ),
    "lists for customers": (
        frame(who=mixed("a", ["b"], "c")),
        {},
        "the customer column 'who' must hold integers or text, but holds ['b'] at row 1.",
    ),
    "customers as integers and text": (
        frame(who=mixed("1", 1, None)),
        {"drop_nulls": True},
        (
            "the customer column 'who' mixes integers (1 at row 1) and text ('1' at row 0), so one"
            " customer may"
            " count as two. Convert it first: df['who'].astype(str)."
        ),
    ),
    "times for events": (
        frame(what=pd.to_datetime(["2024-01-01"] * 3)),
        {},
        "the event column 'what' must hold names, but holds Timestamp('2024-01-01 00:00:00') at row 0.",
    ),
    "bytes for events": (
        frame(what=[b"x", b"y", b"z"]),
        {},
        "the event column 'what' must hold names, but holds b'x' at row 0.",
    ),
    "dicts for events": (
        frame(what=mixed({"a": 1}, "y", "z")),
        {},
        "the event column 'what' must hold names, but holds {'a': 1} at row 0.",
    ),
    "a time that cannot be read": (
        frame(at=["2024-01-01", "31/12/2024", "soon"]),
        {},
        (
            "2 of 3 times cannot be read: first '31/12/2024' at row 1 (column 'at'). Times are ISO"
            " 8601, such as"
            " '2024-05-31 14:30'. Convert other forms first: pd.to_datetime(df['at'], format=...)."
        ),
    ),
    "a time that does not exist": (
        frame(at=["2024-01-01", "2024-02-30", "2024-01-01"]),
        {},
        (
            "1 of 3 times cannot be read: first '2024-02-30' at row 1 (column 'at'). Times are ISO"
            " 8601, such as"
            " '2024-05-31 14:30'. Convert other forms first: pd.to_datetime(df['at'], format=...)."
        ),
    ),
    "a time that the clock would decide": (
        frame(at=["2024-01-01", "2024-02-01", "now"]),
        {},
        (
            "1 of 3 times cannot be read: first 'now' at row 2 (column 'at'). Times are ISO 8601, such as"
            " '2024-05-31 14:30'. Convert other forms first: pd.to_datetime(df['at'], format=...)."
        ),
    ),
    "epoch numbers as text": (
        frame(at=[str(number) for number in NUMBERS]),
        {},
        (
            "3 of 3 times cannot be read: first '1700000000' at row 0 (column 'at'). Times are ISO"
            " 8601, such as"
            " '2024-05-31 14:30'. Convert epoch numbers first, pd.to_numeric(df['at']), and pass time_unit=."
        ),
    ),
    "numbers without a unit": (
        frame(at=NUMBERS),
        {},
        (
            "column 'at' holds numbers (1700000000 at row 0), and numbers need a unit."
            " Pass time_unit='s' (or 'ms', 'us', 'ns', 'D') if they count from 1970-01-01 UTC."
        ),
    ),
    "fractional numbers without a unit": (
        frame(at=[None, 0.5, 1.0]),
        {},
        (
            "column 'at' holds numbers (0.5 at row 1), and numbers need a unit."
            " Pass time_unit='s' (or 'ms', 'us', 'ns', 'D') if they count from 1970-01-01 UTC."
        ),
    ),
    "numbers in the wrong unit": (
        frame(at=[number * 1000 for number in NUMBERS]),
        {"time_unit": "s"},
        (
            "3 of 3 times lie outside the years 1678 to 2261: first 1700000000000 at row 0 (column 'at',"
            " time_unit='s'). With time_unit='ms' it would be in 2023."
        ),
    ),
    "numbers beyond any unit": (
        frame(at=[0.0, float("inf"), 1.0]),
        {"time_unit": "D"},
        (
            "1 of 3 times lie outside the years 1678 to 2261: first inf at row 1 (column 'at',"
            " time_unit='D')."
            " Check the unit."
        ),
    ),
    "numbers beyond 64 bits": (
        frame(at=pd.Series([0, 1, 2**64 - 1], dtype="uint64")),
        {"time_unit": "ns"},
        (
            "1 of 3 times lie outside the years 1678 to 2261: first 18446744073709551615 at row 2"
            " (column 'at',"
            " time_unit='ns'). Check the unit."
        ),
    ),
    "an unknown unit": (
        frame(at=NUMBERS),
        {"time_unit": "sec"},
        "unknown time_unit 'sec'. Available: ['s', 'ms', 'us', 'ns', 'D'].",
    ),
    "a unit for text": (
        frame(),
        {"time_unit": "s"},
        "time_unit='s' is for epoch numbers, but column 'at' holds text. Leave time_unit out.",
    ),
    "a unit for timestamps": (
        frame(at=pd.to_datetime(["2024-01-01"] * 3)),
        {"time_unit": "ms"},
        "time_unit='ms' is for epoch numbers, but column 'at' holds timestamps. Leave time_unit out.",
    ),
    "a time too late": (
        frame(at=["2024-01-01", "9999-12-31", "9999-12-31"]),
        {},
        (
            "2 of 3 times lie outside the years 1678 to 2261: first '9999-12-31' at row 1 (column 'at')."
            " Correct them, or leave these rows out."
        ),
    ),
    "a date too early": (
        frame(at=mixed(dt.date(2024, 1, 1), dt.date(1066, 10, 14), dt.date(2024, 1, 1))),
        {},
        (
            "1 of 3 times lie outside the years 1678 to 2261: first '1066-10-14' at row 1 (column 'at')."
            " Correct them, or leave these rows out."
        ),
    ),
    "a timestamp too late": (
        frame(at=np.array(["2024-01-01", "3000-01-01", "2024-01-01"], "M8[s]")),
        {},
        (
            "1 of 3 times lie outside the years 1678 to 2261: first '3000-01-01 00:00:00' at row 1"
            " (column 'at')."
            " Correct them, or leave these rows out."
        ),
    ),
    "times further apart than 64 bits": (
        frame(at=["1700-01-01", "2200-01-01", "2024-01-01"]),
        {},
        (
            "the times span more than 292 years, more than 64 bits of nanoseconds can count."
            " Look at the first and the last of them."
        ),
    ),
    "text with and without a zone": (
        frame(at=["2024-01-01T00:00", "2024-01-01T00:00+01:00", "2024-01-01T00:00Z"]),
        {},
        (
            "column 'at' mixes times with and without a time zone: '2024-01-01T00:00+01:00' at row 1,"
            " '2024-01-01T00:00' at row 0. Give all of them one, or none and pass time_zone=."
        ),
    ),
    "one text without the zone of the others": (
        frame(at=["2024-01-01T00:00+01:00", "2024-01-01", "2024-01-01T00:00+01:00"]),
        {"time_zone": "UTC"},
        (
            "column 'at' mixes times with and without a time zone: '2024-01-01T00:00+01:00' at row 0,"
            " '2024-01-01' at row 1. Give all of them one, or none and pass time_zone=."
        ),
    ),
    "timestamps with and without a zone": (
        frame(at=mixed(pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-01-02"), None)),
        {},
        (
            "column 'at' mixes times with and without a time zone: '2024-01-01 00:00:00+00:00' at row 0,"
            " '2024-01-02 00:00:00' at row 1. Give all of them one, or none and pass time_zone=."
        ),
    ),
    "times of several kinds": (
        frame(at=mixed(pd.Timestamp("2024-01-01"), "2024-01-02", 3)),
        {},
        (
            "column 'at' holds no times but values of several kinds, first Timestamp('2024-01-01 00:00:00')"
            " at row 0. Convert it first: pd.to_datetime(df['at'])."
        ),
    ),
    "durations for times": (
        frame(at=pd.to_timedelta([1, 2, 3], unit="D")),
        {},
        (
            "column 'at' holds no times but durations, first Timedelta('1 days 00:00:00') at row 0."
            " Add them to a start date first."
        ),
    ),
    "times of day": (
        frame(at=mixed(dt.time(1), dt.time(2), dt.time(3))),
        {},
        (
            "column 'at' holds no times but times of day without a date, first datetime.time(1, 0) at row 0."
            " Combine them with a date first."
        ),
    ),
    "periods for times": (
        frame(at=pd.period_range("2024-01", periods=3, freq="M")),
        {},
        (
            "column 'at' holds no times but periods, first Period('2024-01', 'M') at row 0."
            " Convert them first with .dt.to_timestamp()."
        ),
    ),
    "truth values for times": (
        frame(at=[True, False, True]),
        {"time_unit": "s"},
        (
            "column 'at' holds no times but truth values, first True at row 0."
            " Name the column that holds the times."
        ),
    ),
    "a misspelt zone": (
        frame(),
        {"time_zone": "Europe/Berln"},
        (
            "unknown time_zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?"
            " Zones have names such as 'Europe/Berlin', 'America/New_York' or 'UTC'."
        ),
    ),
    "a zone that is no name": (
        frame(),
        {"time_zone": 1},
        "time_zone must be a name such as 'Europe/Berlin' or 'UTC', not 1.",
    ),
    "text for a value": (
        frame(price=["1.50", "2", "x"]),
        {"value": "price"},
        (
            "the value column 'price' must hold numbers, but holds '1.50' at row 0."
            " Convert it first: pd.to_numeric(df['price'])."
        ),
    ),
    "truth values for a value": (
        frame(price=[True, None, False]),
        {"value": "price"},
        "the value column 'price' must hold numbers, but holds True at row 0. Name another column.",
    ),
    "an infinite value": (
        frame(price=[1.0, float("inf"), float("-inf")]),
        {"value": "price"},
        (
            "2 of 3 rows of the value column 'price' are infinite, first at row 1."
            " Correct them, or leave them empty."
        ),
    ),
    "complex numbers for a value": (
        frame(price=[1j, 2, 3]),
        {"value": "price"},
        "the value column 'price' must hold numbers, but holds 1j at row 0. Name another column.",
    ),
    "text for a score": (
        frame(nps=pd.Categorical([None, "ten", "nine"])),
        {"score": "nps"},
        (
            "the score column 'nps' must hold numbers, but holds 'ten' at row 1."
            " Convert it first: pd.to_numeric(df['nps'])."
        ),
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_wrong_input_is_refused_with_a_whole_sentence(kind):
    data, arguments, sentence = BAD[kind]
    roles = {"customer": "who", "time": "at", "event": "what"} | arguments
    with pytest.raises(cx.CXError) as caught:
        cx.EventLog(data, **roles)
    assert str(caught.value) == sentence


def test_a_table_that_needs_pyarrow_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_frames, "find_spec", lambda _: None)
    with pytest.raises(cx.CXError) as caught:
        cx.EventLog(duckdb.sql("select 1 as who"), customer="who", time="at", event="what")
    assert str(caught.value) == (
        "reading duckdb DuckDBPyRelation needs pyarrow. Install it with: pip install 'cx_widgets[arrow]',"
        " or pass a pandas DataFrame."
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("shops", "unknown column 'shops'. Did you mean 'shop'? Available: ['shop', 'price']."),
        (
            "what",
            (
                "column 'what' is the event of this log, not a column for conditions."
                " Available: ['shop', 'price']."
            ),
        ),
    ],
)
def test_a_column_that_is_not_there_is_refused(name, sentence):
    log = cx.EventLog(frame(shop="x", price=1.0), customer="who", time="at", event="what")
    with pytest.raises(cx.CXError) as caught:
        log.column(name)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "duckdb"])
def test_other_tables_are_refused_in_the_same_words(kind):
    table = pl.DataFrame({"who": ["a", None], "at": ["2024-01-01", "2024-01-02"], "what": ["x", "y"]})
    arrow = table.to_arrow()
    data = {"polars": table, "pyarrow": arrow, "duckdb": duckdb.from_arrow(arrow)}[kind]
    with pytest.raises(cx.CXError) as caught:
        cx.EventLog(data, customer="who", time="at", event="what")
    assert str(caught.value) == (
        "1 of 2 rows has no customer (column 'who'), first at row 1. Pass drop_nulls=True to leave them out."
    )


def test_nothing_is_refused_for_rows_that_are_left_out():
    log = cx.EventLog(frame(who=["a", None, "b"]), customer="who", time="at", event="what", drop_nulls=True)
    assert log.n_events == 2
