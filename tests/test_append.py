"""Newer rows in a log: the same log as one table of both gives, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tables import ROLES, told

import cx_widgets as cx

VERSION_1 = Path(__file__).parent / "data" / "version_1.cxlog"


def frame(rows, **columns):
    """Return a table of rows (customer, second, event)."""
    df = pd.DataFrame(rows, columns=["who", "at", "what"]).astype({"who": "int64", "what": object})
    df["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(df["at"].astype("int64"), unit="s")
    return df.assign(**columns)


def log_of(df, **options):
    return cx.EventLog(df, **ROLES, **options)


MONDAY = [(1, 0, "view"), (2, 10, "view"), (1, 20, "cart")]
TUESDAY = [(3, 100, "ask"), (1, 100, "buy"), (2, 110, "view")]


def test_newer_rows_stand_behind_the_older_ones_of_their_customer():
    log = log_of(frame(MONDAY)).append(frame(TUESDAY))
    assert log.packed.offsets.tolist() == [0, 3, 5, 6]
    assert log.packed.ticks.tolist() == [0, 20, 100, 10, 110, 100]
    assert log.event_names == ("ask", "buy", "cart", "view")
    assert log.packed.codes.tolist() == [3, 2, 1, 3, 3, 0]
    assert log.packed.rows.tolist() == [0, 2, 4, 1, 5, 3]
    assert log.customer_ids.tolist() == [1, 2, 3]


def test_the_log_itself_stays_what_it_is():
    log = log_of(frame(MONDAY))
    before = told(log)
    log.append(frame(TUESDAY))
    assert told(log) == before


def test_an_older_row_may_come_later_and_moves_the_origin():
    log = log_of(frame(MONDAY)).append(frame([(1, -5, "ad"), (1, 10, "ad"), (1, 20, "ad")]))
    assert log.packed.ticks.tolist() == [0, 5, 15, 25, 25, 15]
    assert log.packed.rows.tolist() == [3, 0, 4, 2, 5, 1]


@pytest.mark.parametrize("later", ["2024-01-03 00:00:00.25", "2200-01-01", "2024-01-03 00:00:00.000000001"])
def test_ticks_become_as_fine_and_as_wide_as_all_rows_need(later):
    older, newer = frame(MONDAY), frame(TUESDAY).assign(at=pd.Timestamp(later))
    assert told(log_of(older).append(newer)) == told(log_of(pd.concat([older, newer], ignore_index=True)))


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(-20, 20), st.sampled_from("abcde")), max_size=15)


@settings(deadline=None)
@given(
    parts=st.lists(ROWS, min_size=2, max_size=4),
    columns=st.booleans(),
    drop=st.booleans(),
    fine=st.booleans(),
)
def test_appending_gives_the_log_of_all_tables_in_one(parts, columns, drop, fine):
    tables = []
    for number, part in enumerate(parts):
        table = frame(part)
        if fine:
            table["at"] += pd.to_timedelta(np.arange(len(table)) % 2 * 10 ** (number % 4), unit="us")
        tables.append(
            table.assign(n=np.arange(len(table)) % 2, s=table["what"].str.upper()) if columns else table
        )
    log = log_of(tables[0], drop_duplicates=drop)
    for table in tables[1:]:
        log = log.append(table)
    assert told(log) == told(log_of(pd.concat(tables, ignore_index=True), drop_duplicates=drop))


def test_a_table_in_order_behind_one_in_order_keeps_no_places():
    log = log_of(frame([(1, 0, "view"), (2, 0, "view")])).append(frame([(2, 5, "buy"), (3, 0, "view")]))
    assert log.packed.places is None
    assert log.packed.rows.tolist() == [0, 1, 2, 3]


def test_rows_left_out_still_count():
    older, newer = frame(MONDAY, n=1.5), frame(TUESDAY, n=2.5)
    older.loc[0, "what"] = None
    newer.loc[[0, 2], "at"] = None
    log = log_of(older, drop_nulls=True).append(newer)
    assert told(log) == told(log_of(pd.concat([older, newer], ignore_index=True), drop_nulls=True))
    assert log.packed.rows.tolist() == [2, 4, 1]


def test_an_opened_log_takes_newer_rows(tmp_path):
    older, newer = frame(MONDAY, n=[1, 2, 3]), frame(TUESDAY, n=[4, 5, 6])
    log_of(older).save(tmp_path / "log.cxlog")
    log = cx.EventLog.open(tmp_path / "log.cxlog").append(newer)
    whole = log_of(pd.concat([older, newer], ignore_index=True))
    assert told(log) == told(whole)
    log.save(tmp_path / "log.cxlog", overwrite=True)
    assert told(cx.EventLog.open(tmp_path / "log.cxlog").append(newer)) == told(whole.append(newer))


def test_a_log_without_places_stays_without():
    log = log_of(frame(MONDAY), keep_rows=False).append(frame(TUESDAY))
    assert log.packed.places is None
    assert log.packed.ticks.tolist() == [0, 20, 100, 10, 110, 100]


@pytest.mark.parametrize(
    ("older", "newer", "says"),
    [
        (frame(MONDAY, n=1), frame(TUESDAY), r"the table lacks columns of the log: \['n'\]\. Add them"),
        (frame(MONDAY), frame(TUESDAY, n=1), r"the log lacks columns of the table: \['n'\]\. Leave them out"),
        (
            frame(MONDAY, n=1),
            frame(TUESDAY, n=1.5),
            "column 'n' is float64 in the table and int64 in the log",
        ),
        (
            frame(MONDAY),
            frame(TUESDAY).astype({"who": "int32"}),
            "column 'who' is int32 in the table and int64 in the log",
        ),
        (
            frame(MONDAY),
            frame(TUESDAY).assign(at=pd.Timestamp("2024-01-02", tz="Europe/Berlin")),
            "the times of the log are shown in no zone, those of the table in Europe/Berlin",
        ),
        (frame(MONDAY), frame(TUESDAY).drop(columns="what"), "unknown event column 'what'"),
        (frame(MONDAY), frame([(1, 0, None)]), "1 of 1 rows has no event"),
        (
            frame([(1, 0, "view")]).assign(at=pd.Timestamp("1700-01-01")),
            frame(TUESDAY),
            "together span more than 292 years",
        ),
    ],
)
def test_what_cannot_be_one_table_is_refused(older, newer, says):
    with pytest.raises(cx.CXError, match=says):
        log_of(older).append(newer)


def test_a_log_that_was_cut_is_refused():
    with pytest.raises(cx.CXError, match="this log ends at '2024-01-01 00:00:10', set by until"):
        log_of(frame(MONDAY)).until("2024-01-01 00:00:10").append(frame(TUESDAY))


def test_a_sample_is_refused():
    log = log_of(frame([(customer, 0, "view") for customer in range(40)]))
    with pytest.raises(cx.CXError, match="this log holds only some of the customers of another"):
        log.sample(2).append(frame(TUESDAY))


def test_a_file_of_the_first_version_is_refused():
    with pytest.raises(cx.CXError, match="does not say how its table was read"):
        cx.EventLog.open(VERSION_1).append(frame(TUESDAY))
