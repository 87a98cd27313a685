"""The event log: what goes in, in which order it lies inside, and what it says about itself."""

from __future__ import annotations

import datetime as dt
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets import _frames

ROLES = {"customer": "who", "time": "at", "event": "what"}


def frame(**columns):
    """Return four events of two customers, out of order, with some columns replaced or added."""
    base = {
        "who": ["b", "a", "b", "b"],
        "at": ["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01 12:00"],
        "what": ["buy", "view", "view", "ask"],
    }
    return pd.DataFrame(base | columns)


def log_of(**columns):
    return cx.EventLog(frame(**columns), **ROLES)


def told(log):
    """Return the log as plain rows: who, when, what, in packed order."""
    packed = log.packed
    times = log.timestamps(packed.ticks)
    names = [log.event_names[code] for code in packed.codes]
    ids = log.customer_ids[packed.customers].tolist()
    return list(zip(ids, [str(time) for time in times], names, strict=True))


def rows_of(log, check):
    table = log.checks
    return int(table.loc[table["check"] == check, "rows"].iloc[0])


TOLD = [
    ("b", "2024-01-01 00:00:00", "view"),
    ("b", "2024-01-01 12:00:00", "ask"),
    ("b", "2024-01-02 00:00:00", "buy"),
    ("a", "2024-01-01 00:00:00", "view"),
]


# Order and packing


def test_events_lie_by_customer_time_and_position():
    log = log_of()
    assert told(log) == TOLD
    assert log.packed.offsets.tolist() == [0, 3, 4]
    assert log.packed.codes.tolist() == [2, 0, 1, 2]
    assert log.packed.ticks.tolist() == [0, 43_200, 86_400, 0]
    assert log.packed.rows.tolist() == [2, 3, 0, 1]
    assert log.packed.customers.tolist() == [0, 0, 0, 1]
    assert log.packed.origin_ns == pd.Timestamp("2024-01-01").value
    assert (log.packed.tick_ns, log.packed.end_tick, log.packed.has_ties) == (1_000_000_000, 86_400, False)


def test_counts_of_events_and_customers_stand_beside_the_names():
    log = log_of(what=["view", "view", "view", "ask"])
    assert log.event_names == ("ask", "view")
    assert log.event_counts.tolist() == [1, 3]
    assert log.event_customers.tolist() == [1, 2]
    assert (len(log), log.n_events, log.n_customers) == (4, 4, 2)


def test_customers_stand_in_the_order_of_their_first_row():
    log = log_of(who=["z", "a", "m", "a"])
    assert log.customer_ids.tolist() == ["z", "a", "m"]
    assert log.customer_ids.name == "who"


def test_rows_at_one_time_keep_the_order_of_the_table():
    log = log_of(who="b", at="2024-01-01", what=["d", "c", "b", "a"])
    assert [what for _, _, what in told(log)] == ["d", "c", "b", "a"]
    assert log.packed.has_ties
    assert rows_of(log, "equal times") == 4


def test_arrays_cannot_be_written_to():
    log = log_of(price=[1.0, 2.0, 3.0, 4.0])
    packed = log.packed
    arrays = (packed.offsets, packed.codes, packed.ticks, packed.rows, packed.customers)
    for array in (*arrays, log.event_counts, log.event_customers, log.column("price").to_numpy()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_log_cannot_be_changed():
    log = log_of()
    with pytest.raises(AttributeError):
        log.n_events = 3
    with pytest.raises(TypeError):
        log.roles["event"] = "other"
    table = log.checks
    table.loc[0, "rows"] = 99
    assert rows_of(log, "no customer") == 0


def test_the_callers_frame_stays_and_its_later_changes_do_not_reach_the_log():
    df = frame(shop=["w", "x", "y", "z"], price=[1.0, 2.0, 3.0, 4.0])
    before = df.copy(deep=True)
    log = cx.EventLog(df, **ROLES, value="price")
    pd.testing.assert_frame_equal(df, before)
    for row in range(4):
        df.loc[row, ["who", "at", "what", "shop", "price"]] = ["q", "1999-01-01", "q", "q", 0.0]
    assert told(log) == TOLD
    assert log.column("shop").tolist() == ["y", "z", "w", "x"]
    assert log.values.tolist() == [3.0, 4.0, 1.0, 2.0]  # noqa: PD011 - a role's numbers


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-(2**40), 2**40), st.sampled_from("abcd")), max_size=40)
)
def test_packing_is_the_stable_sort_of_the_rows(rows):
    df = pd.DataFrame(rows, columns=["who", "at", "what"]).astype({"who": "int64", "at": "int64"})
    log = cx.EventLog(df, **ROLES, time_unit="us")
    first = {who: number for number, who in enumerate(dict.fromkeys(df["who"]))}
    order = sorted(range(len(rows)), key=lambda row: (first[rows[row][0]], rows[row][1], row))
    assert log.packed.rows.tolist() == order
    assert [(who, what) for who, _, what in told(log)] == [(rows[row][0], rows[row][2]) for row in order]
    ns = log.packed.ticks.astype(np.int64) * log.packed.tick_ns + log.packed.origin_ns
    assert ns.tolist() == [rows[row][1] * 1_000 for row in order]
    pairs = {(rows[row][0], rows[row][2]) for row in order}
    counts = [sum(what == name for _, what in pairs) for name in log.event_names]
    assert log.event_customers.tolist() == counts


@pytest.mark.parametrize("n_customers", [3, 70_000])
def test_sorted_shuffled_and_time_ordered_tables_pack_alike(n_customers):
    draw = np.random.default_rng(7)
    n = 100_000
    df = pd.DataFrame(
        {
            "who": draw.integers(0, n_customers, n),
            "at": pd.to_datetime(draw.permutation(n) + 1_700_000_000, unit="s"),
            "what": draw.choice(["a", "b", "c"], n),
        }
    ).sort_values(["who", "at"])
    by_customer = cx.EventLog(df, **ROLES)
    for other in (df.sort_values("at"), df.sample(frac=1, random_state=1)):
        log = cx.EventLog(other, **ROLES)
        order = np.argsort(log.customer_ids.to_numpy())
        assert np.array_equal(log.customer_ids[order], by_customer.customer_ids)
        again = np.argsort(np.argsort(order)[log.packed.customers], kind="stable")
        assert np.array_equal(log.packed.ticks[again], by_customer.packed.ticks)
        assert np.array_equal(log.packed.codes[again], by_customer.packed.codes)


def test_times_too_fine_and_far_apart_for_one_sorting_key_are_sorted_too():
    at = ["1960-01-01 00:00:00.000000001", "1700-01-01", "1960-01-01", "1700-01-01"]
    log = log_of(who=["b", "a", "c", "b"], at=at)
    assert log.packed.tick_ns == 1
    assert [(who, what) for who, _, what in told(log)] == [
        ("b", "ask"),
        ("b", "buy"),
        ("a", "view"),
        ("c", "view"),
    ]


@pytest.mark.parametrize(("n_names", "kind"), [(256, "uint8"), (257, "uint16"), (65_537, "uint32")])
def test_event_codes_are_as_small_as_the_names_allow(n_names, kind):
    df = pd.DataFrame({"who": 1, "at": "2024-01-01", "what": [f"e{i:05}" for i in range(n_names)]})
    log = cx.EventLog(df, **ROLES)
    assert log.packed.codes.dtype == kind
    assert log.event_customers.sum() == n_names


# Times


@pytest.mark.parametrize(
    ("last", "tick_ns", "kind"),
    [
        ("2024-01-02", 1_000_000_000, "int32"),
        ("2024-01-01 00:00:00.250", 1_000_000, "int32"),
        ("2024-01-01 00:00:00.000250", 1_000, "int32"),
        ("2024-01-01 00:00:00.000000251", 1, "int32"),
        ("2024-03-01 00:00:00.250", 1_000_000, "int64"),
        ("2024-01-02 00:00:00.000000001", 1, "int64"),
        ("2100-01-01", 1_000_000_000, "int64"),
    ],
)
def test_a_tick_is_the_coarsest_exact_unit_and_32_bits_where_they_are_enough(last, tick_ns, kind):
    log = log_of(at=["2024-01-01", "2024-01-01", "2024-01-01", last])
    assert (log.packed.tick_ns, log.packed.ticks.dtype) == (tick_ns, kind)
    assert log.end == pd.Timestamp(last)


def test_ticks_count_from_the_first_event_even_between_two_seconds():
    log = log_of(at=["2024-01-01 00:00:00.5", *["2024-01-01 00:00:02.5"] * 3])
    assert log.packed.tick_ns == 1_000_000_000
    assert log.start == pd.Timestamp("2024-01-01 00:00:00.5")


@pytest.mark.parametrize("row", [5, 2000])
def test_one_fine_time_anywhere_makes_all_ticks_fine(row):
    at = pd.Series(pd.date_range("2024-01-01", periods=3000, freq="s")).astype("datetime64[ns]")
    at[row] += pd.Timedelta("1us")
    log = cx.EventLog(pd.DataFrame({"who": 1, "at": at, "what": "x"}), **ROLES)
    assert log.packed.tick_ns == 1_000


TIMES = {
    "text": ["2024-01-02", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01 12:00:00.000"],
    "text with slashes": ["2024/01/02", "2024/01/01", "2024/01/01", "2024/01/01 12:00"],
    "compact text": ["20240102", "20240101", "20240101T00", "20240101T12"],
    "category of text": pd.Categorical(["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01 12:00"]),
    "Python datetimes": pd.Series(
        [dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 1), dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 12)],  # noqa: DTZ001
        dtype=object,
    ),
    **{
        f"datetime64[{unit}]": np.array(
            ["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01T12"], f"M8[{unit}]"
        )
        for unit in ("s", "ms", "us", "ns")
    },
    **{
        f"Arrow {unit}": pd.Series(
            np.array(["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01T12"], f"M8[{unit}]")
        ).astype(pd.ArrowDtype(pa.timestamp(unit)))
        for unit in ("s", "ms", "us", "ns")
    },
    "Arrow text": pd.Series(
        ["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01 12:00"], dtype=pd.ArrowDtype(pa.string())
    ),
    "string": pd.Series(["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01 12:00"], dtype="string"),
}


@pytest.mark.parametrize("kind", TIMES)
def test_every_kind_of_time_gives_the_same_log(kind):
    log = log_of(at=TIMES[kind])
    assert told(log) == TOLD
    assert log.time_zone is None
    assert log.packed.ticks.tolist() == [0, 43_200, 86_400, 0]


def test_dates_are_midnights():
    dates = [dt.date(2024, 1, day) for day in (2, 1, 3, 4)]
    for at in (dates, pd.Series(dates, dtype=pd.ArrowDtype(pa.date32()))):
        assert log_of(at=at).end == pd.Timestamp("2024-01-04")


@pytest.mark.parametrize(
    ("unit", "numbers"),
    [
        ("s", [1_704_153_600, 1_704_067_200, 1_704_067_200, 1_704_110_400]),
        ("ms", [1_704_153_600_000, 1_704_067_200_000, 1_704_067_200_000, 1_704_110_400_000]),
        ("us", [1_704_153_600_000_000, 1_704_067_200_000_000, 1_704_067_200_000_000, 1_704_110_400_000_000]),
        ("ns", [n * 10**9 for n in (1_704_153_600, 1_704_067_200, 1_704_067_200, 1_704_110_400)]),
        ("D", [19_724.0, 19_723.0, 19_723.0, 19_723.5]),
    ],
)
def test_numbers_count_from_1970_in_their_unit(unit, numbers):
    log = cx.EventLog(frame(at=numbers), **ROLES, time_unit=unit)
    assert [row[:19] for _, row, _ in told(log)] == [time for _, time, _ in TOLD]
    assert log.time_zone == "UTC"


@pytest.mark.parametrize("kind", ["uint32", "Int64", "float64", "Float64", "object", "int64[pyarrow]"])
def test_numbers_of_any_type_are_times(kind):
    at = pd.Series([1_704_153_600, 1_704_067_200, 1_704_067_200, 1_704_110_400]).astype(kind)
    log = cx.EventLog(frame(at=at), **ROLES, time_unit="s")
    assert log.end == pd.Timestamp("2024-01-02", tz="UTC")


def test_fractions_of_seconds_are_kept_to_the_microsecond():
    df = frame(at=[1_704_067_200.1, 1_704_067_200.000001, 1_704_067_200.0, -0.75])
    log = cx.EventLog(df, **ROLES, time_unit="s")
    assert log.start == pd.Timestamp("1969-12-31 23:59:59.25", tz="UTC")
    assert log.end == pd.Timestamp("2024-01-01 00:00:00.1", tz="UTC")
    assert told(log)[-1][1] == "2024-01-01 00:00:00.000001+00:00"


def test_epoch_numbers_are_shown_in_the_given_zone():
    log = cx.EventLog(frame(at=[0, 1, 2, 1_704_067_200]), **ROLES, time_unit="s", time_zone="Asia/Tokyo")
    assert str(log.end) == "2024-01-01 09:00:00+09:00"


def test_times_before_1970_are_exact_and_noted():
    log = log_of(at=["1700-01-01", "1969-12-31 23:59:59.999999999", "1970-01-01", "1971-01-01"])
    assert log.start == pd.Timestamp("1700-01-01")
    assert [str(time) for time in log.timestamps(np.sort(log.packed.ticks))][1] == (
        "1969-12-31 23:59:59.999999999"
    )
    assert rows_of(log, "early times") == 3
    assert rows_of(log, "late times") == 0


def test_placeholder_times_are_noted():
    assert rows_of(log_of(at=["2099-12-31", "2024-01-01", "2024-01-01", "2024-01-01"]), "late times") == 1


@pytest.mark.parametrize(
    ("at", "zone", "last"),
    [
        (["2024-07-01T12:00Z"], "UTC", "2024-07-01 12:00:00+00:00"),
        (["2024-07-01 12:00:00 UTC", None, "2024-06-01 12:00:00 UTC"], "UTC", "2024-07-01 12:00:00+00:00"),
        (["2024-07-01T12:00+02:00"], "UTC+02:00", "2024-07-01 12:00:00+02:00"),
        (["2024-07-01T12:00+0200", "2024-01-01T12:00-05"], "UTC", "2024-07-01 10:00:00+00:00"),
        (
            [pd.Timestamp("2024-07-01 12:00", tz="Europe/Berlin")],
            "Europe/Berlin",
            "2024-07-01 12:00:00+02:00",
        ),
        ([dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)], "UTC", "2024-07-01 12:00:00+00:00"),
        (
            [pd.Timestamp("2024-07-01 12:00", tz="Europe/Berlin"), pd.Timestamp("2024-01-01", tz="UTC")],
            "UTC",
            "2024-07-01 10:00:00+00:00",
        ),
    ],
)
@pytest.mark.parametrize("as_object", [True, False])
def test_times_with_a_zone_keep_it_or_meet_in_utc(at, zone, last, as_object):
    at = pd.Series(at, dtype=object)
    if not as_object:
        at = at.astype("string") if isinstance(at[0], str) else at.infer_objects()
    log = cx.EventLog(pd.DataFrame({"who": 1, "at": at, "what": "x"}), **ROLES, drop_nulls=True)
    assert (log.time_zone, str(log.end)) == (zone, last)


def test_times_with_a_zone_are_converted():
    log = cx.EventLog(
        frame(at=["2024-07-01T12:00Z"] * 3 + ["2024-01-01T12:00Z"]), **ROLES, time_zone="Europe/Berlin"
    )
    assert [str(log.start), str(log.end)] == ["2024-01-01 13:00:00+01:00", "2024-07-01 14:00:00+02:00"]


def test_times_without_a_zone_become_local_and_durations_count_real_hours():
    log = cx.EventLog(
        frame(at=["2024-03-30 12:00", "2024-03-31 12:00", "2024-03-31 13:00", "2024-03-31 13:00"]),
        **ROLES,
        time_zone="Europe/Berlin",
    )
    assert str(log.start) == "2024-03-30 12:00:00+01:00"
    assert log.packed.end_tick == 24 * 3600
    assert rows_of(log, "repeated hour") == rows_of(log, "skipped hour") == 0


@pytest.mark.parametrize(
    ("zone", "local", "placed", "check"),
    [
        ("Europe/Berlin", "2024-10-27 02:30", "2024-10-27 02:30:00+01:00", "repeated hour"),
        ("Europe/Berlin", "2024-03-31 02:30", "2024-03-31 03:30:00+02:00", "skipped hour"),
        ("Australia/Lord_Howe", "2024-04-07 01:45", "2024-04-07 01:45:00+10:30", "repeated hour"),
        ("Australia/Lord_Howe", "2024-10-06 02:15", "2024-10-06 02:45:00+11:00", "skipped hour"),
    ],
)
def test_hours_that_clocks_repeat_or_skip_are_placed_and_counted(zone, local, placed, check):
    log = cx.EventLog(frame(at=[local, *["2024-01-01"] * 3]), **ROLES, time_zone=zone)
    assert str(log.end if local < "2024-05" else log.timestamps(log.packed.ticks).max()) == placed
    assert rows_of(log, check) == 1


def test_ticks_become_durations_and_times_without_losing_a_nanosecond():
    log = log_of(at=["1990-01-01", "1990-01-01", "1990-01-01", "2024-01-01 00:00:00.000000001"])
    assert log.packed.tick_ns == 1
    assert log.timestamps([log.packed.end_tick])[0] == pd.Timestamp("2024-01-01 00:00:00.000000001")
    assert log.durations([log.packed.end_tick])[0].value == log.packed.end_tick
    coarse = log_of()
    assert coarse.durations([1.5, 3_000_000_000.5, np.nan]).tolist() == [
        pd.Timedelta("1.5s"),
        pd.Timedelta("3000000000.5s"),
        pd.NaT,
    ]
    assert coarse.timestamps(np.array([np.nan, 0.5]))[1] == pd.Timestamp("2024-01-01 00:00:00.5")
    assert coarse.durations([]).tolist() == []


def test_a_window_in_ticks_is_rounded_down():
    log = log_of()
    assert log.to_ticks(pd.Timedelta("1.999s")) == 1
    assert log.to_ticks(pd.Timedelta("30D")) == 30 * 86_400
    assert log.to_ticks(pd.Timedelta(np.timedelta64(200_000 * 86_400, "s"))) == 200_000 * 86_400
    assert log.to_ticks(pd.Timedelta("-1ns")) == -1


# Who and what

IDS = {
    "object": pd.Series([7, 3, 7, 7], dtype=object),
    "int8": pd.Series([7, 3, 7, 7], dtype="int8"),
    "uint64": pd.Series([7, 3, 7, 7], dtype="uint64"),
    "Int64": pd.Series([7, 3, 7, 7], dtype="Int64"),
    "float64": pd.Series([7.0, 3.0, 7.0, 7.0]),
    "category": pd.Categorical([7, 3, 7, 7], categories=[1, 3, 7]),
    "Arrow": pd.Series([7, 3, 7, 7], dtype=pd.ArrowDtype(pa.int32())),
    "decimal": pd.Series([Decimal(7), Decimal(3), Decimal(7), Decimal(7)], dtype=object),
}


@pytest.mark.parametrize("kind", IDS)
def test_integers_of_any_type_are_customers(kind):
    log = log_of(who=IDS[kind])
    assert log.customer_ids.tolist() == [7, 3]
    assert log.customer_ids.dtype.kind in "iu"
    assert log.packed.offsets.tolist() == [0, 3, 4]


TEXTS = {
    "object": lambda texts: pd.Series(texts, dtype=object),
    "string": lambda texts: pd.Series(texts, dtype="string"),
    "str": pd.Series,
    "category": pd.Categorical,
    "unused categories": lambda texts: pd.Categorical(
        texts, categories=["view", "b", "ask", "a", "buy", "z"]
    ),
    "Arrow": lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
    "Arrow dictionary": lambda texts: pd.Series(texts).astype(
        pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))
    ),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_text_of_any_type_is_a_customer_and_an_event(kind):
    make = TEXTS[kind]
    log = log_of(who=make(["b", "a", "b", "b"]), what=make(["buy", "view", "view", "ask"]))
    assert told(log) == TOLD
    assert log.event_names == ("ask", "buy", "view")


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ([3, 1, 3, 1], ("1", "3")),
        ([3.0, 1.0, 3.0, 1.0], ("1", "3")),
        ([0.5, 1.0, 0.5, 1.0], ("0.5", "1.0")),
        ([True, False, True, True], ("False", "True")),
        (pd.Series([1, "1", 2, "é<b>"], dtype=object), ("1", "2", "é<b>")),
    ],
)
def test_event_names_are_text(what, names):
    assert log_of(what=what).event_names == names


# Other columns


def test_other_columns_follow_the_packed_order():
    stamps = pd.to_datetime(["2024-05-01", None, "2024-05-03", "2024-05-04"])
    log = log_of(
        shop=pd.Categorical(["w", "x", "y", "z"]),
        n=pd.Series([1, None, 3, 4], dtype="Int64"),
        at2=stamps,
        thing=pd.Series([[1], {"a": 1}, None, "x"], dtype=object),
    )
    assert log.columns == ("shop", "n", "at2", "thing")
    assert log.column("shop").tolist() == ["y", "z", "w", "x"]
    assert log.column("shop").dtype == "category"
    assert log.column("n").tolist() == [3, 4, 1, pd.NA]
    assert log.column("at2").isna().tolist() == [False, False, False, True]
    assert log.column("thing").tolist() == [None, "x", [1], {"a": 1}]
    assert log.column("shop").index.equals(pd.RangeIndex(4))


def test_roles_are_columns_for_conditions_too():
    df = frame(
        price=[1, None, 3, 4], place=["w", "x", "y", "z"], nps=pd.Series([9, 10, None, 0], dtype="Int8")
    )
    log = cx.EventLog(df, **ROLES, value="price", channel="place", score="nps")
    assert log.columns == ("price", "place", "nps")
    assert dict(log.roles) == ROLES | {"value": "price", "channel": "place", "score": "nps"}
    np.testing.assert_array_equal(log.values, [3.0, 4.0, 1.0, np.nan])
    np.testing.assert_array_equal(log.scores, [np.nan, 0.0, 9.0, 10.0])
    assert (log_of().values, log_of().scores) == (None, None)  # noqa: PD011 - a role's numbers


@pytest.mark.parametrize(
    "price",
    [
        pd.Series([1, 2, 3, 4], dtype="uint8"),
        pd.Series([1, 2, 3, 4], dtype=object),
        [Decimal("1.0"), Decimal(2), Decimal(3), Decimal(4)],
        pd.Categorical([1, 2, 3, 4]),
        pd.Series([1, 2, 3, 4], dtype=pd.ArrowDtype(pa.float32())),
        pd.Series([Decimal(1), Decimal(2), Decimal(3), Decimal(4)], dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
    ],
    ids=["uint8", "object", "decimal", "category", "Arrow", "Arrow decimal"],
)
def test_numbers_of_any_type_are_values(price):
    log = cx.EventLog(frame(price=price), **ROLES, value="price")
    assert log.values.tolist() == [3.0, 4.0, 1.0, 2.0]  # noqa: PD011 - a role's numbers


def test_a_column_without_any_number_is_a_value_that_is_missing():
    log = cx.EventLog(frame(price=None), **ROLES, value="price")
    assert np.isnan(log.values).all()


def test_a_time_column_on_the_frame_may_carry_any_index_and_any_column_name():
    df = frame().rename(columns={"who": 0, "at": "tick", "what": "event"}).set_index(pd.Index([9, 9, 9, 9]))
    log = cx.EventLog(df, customer="0", time="tick", event="event")
    assert [(str(who), time, what) for who, time, what in told(log)] == TOLD


# Rows with gaps and doubles


def test_rows_without_customer_time_or_event_are_left_out_on_request():
    df = pd.DataFrame(
        {
            "who": ["x", "", "b", None, "a"],
            "at": ["", "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"],
            "what": ["gone", "view", "view", "view", "  "],
        }
    )
    log = cx.EventLog(df, **ROLES, drop_nulls=True)
    assert told(log) == [("b", "2024-01-02 00:00:00", "view")]
    assert log.packed.rows.tolist() == [2]
    assert log.event_names == ("view",)
    assert [rows_of(log, f"no {role}") for role in ("customer", "time", "event")] == [2, 1, 1]


def test_integer_customers_beside_a_gap_stay_integers():
    log = cx.EventLog(frame(who=[7, None, 7, 3]), **ROLES, drop_nulls=True)
    assert log.customer_ids.tolist() == [7, 3]
    assert log.customer_ids.dtype == "int64"


def test_rows_that_repeat_another_in_every_column_are_counted_and_left_out_on_request():
    df = pd.DataFrame(
        {
            "who": ["a"] * 5 + ["b"],
            "at": ["2024-01-01"] * 4 + ["2024-01-02", "2024-01-01"],
            "what": ["view", "view", "view", "buy", "view", "view"],
            "shop": ["x", "x", "y", "x", "x", "x"],
            "tags": pd.Series([["t"], ["t"], ["t"], None, None, ["t"]], dtype=object),
        }
    )
    kept = cx.EventLog(df, **ROLES)
    assert (kept.n_events, rows_of(kept, "duplicate rows")) == (6, 1)
    left = cx.EventLog(df, **ROLES, drop_duplicates=True)
    assert left.packed.rows.tolist() == [0, 2, 3, 4, 5]
    assert rows_of(left, "duplicate rows") == 1


def test_gaps_equal_gaps_when_rows_are_compared():
    df = frame(who="a", at="2024-01-01", what="view", price=[None, None, 1.0, 1.0])
    assert rows_of(cx.EventLog(df, **ROLES, value="price"), "duplicate rows") == 2


# Nothing at all


@pytest.mark.parametrize(
    "empty",
    [
        pd.DataFrame(columns=["who", "at", "what", "price"]),
        frame(price=1.0).iloc[:0],
        pd.DataFrame({"who": [None], "at": [None], "what": [None], "price": [None]}),
        pl.DataFrame(
            schema={"who": pl.Int64, "at": pl.Datetime("us"), "what": pl.String, "price": pl.Float64}
        ),
    ],
    ids=["no types", "no rows", "only gaps", "polars"],
)
def test_an_empty_log_works(empty):
    log = cx.EventLog(empty, **ROLES, value="price", drop_nulls=True)
    assert (log.n_events, log.n_customers, log.event_names, len(log)) == (0, 0, (), 0)
    assert log.start is pd.NaT
    assert log.end is pd.NaT
    assert log.observation_end is pd.NaT
    assert log.packed.offsets.tolist() == [0]
    assert (log.packed.end_tick, log.packed.has_ties) == (0, False)
    assert (
        len(log.packed.customers) == len(log.event_counts) == len(log.event_customers) == len(log.values) == 0
    )
    assert len(log.column("price")) == len(log.customer_ids) == 0
    assert log.timestamps([]).tolist() == []
    assert "events     0" in repr(log)


# Tables of other libraries

WORDS = {"who": ["b", "a", "b", "b"], "what": ["buy", "view", "view", "ask"], "n": [1, None, 3, 4]}
STAMPS = [
    np.datetime64(time, "us").item() for time in ("2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01T12")
]


def polars_frame():
    return pl.DataFrame(WORDS | {"at": STAMPS}).with_columns(
        kind=pl.col("what").cast(pl.Categorical),
        level=pl.col("who").cast(pl.Enum(["a", "b"])),
        yes=pl.Series([True, None, False, True]),
        day=pl.col("at").cast(pl.Date),
        berlin=pl.col("at").dt.replace_time_zone("Europe/Berlin"),
        money=pl.Series([Decimal("1.25"), None, Decimal(3), Decimal(4)]),
        tags=pl.Series([[1], None, [3], [4]]),
    )


def duckdb_relation():
    arrow_table = polars_frame().drop("tags").to_arrow()  # noqa: F841 - DuckDB finds it by its name
    return duckdb.sql("select * from arrow_table")


TABLES = {
    "polars": polars_frame,
    "polars lazy": lambda: polars_frame().lazy(),
    "pyarrow": lambda: polars_frame().to_arrow(),
    "pyarrow batch": lambda: polars_frame().to_arrow().combine_chunks().to_batches()[0],
    "pyarrow reader": lambda: polars_frame().to_arrow().to_reader(),
    "duckdb": duckdb_relation,
    "pandas with Arrow types": lambda: polars_frame().to_pandas(use_pyarrow_extension_array=True),
}


@pytest.fixture(params=[True, False], ids=["with pyarrow", "without"])
def reading(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(_frames, "find_spec", lambda _: None)
    return request.param


def check_other_columns(log):
    assert log.column("n").tolist() == [3, 4, 1, pd.NA]
    assert log.column("kind").tolist() == ["view", "ask", "buy", "view"]
    assert log.column("level").tolist() == ["b", "b", "b", "a"]
    assert log.column("yes").tolist() == [False, True, True, pd.NA]
    assert [day.day for day in log.column("day")] == [1, 1, 2, 1]
    np.testing.assert_array_equal(log.column("money").to_numpy(dtype=float), [3.0, 4.0, 1.25, np.nan])
    assert str(log.column("berlin")[1].tz_convert("UTC")) == "2024-01-01 11:00:00+00:00"


@pytest.mark.parametrize("kind", TABLES)
def test_any_table_gives_the_same_log(kind):
    log = cx.EventLog(TABLES[kind](), **ROLES)
    assert told(log) == TOLD
    check_other_columns(log)


@pytest.mark.parametrize("kind", ["polars", "polars lazy"])
def test_polars_needs_no_pyarrow(kind, monkeypatch):
    monkeypatch.setattr(_frames, "find_spec", lambda _: None)
    log = cx.EventLog(TABLES[kind](), **ROLES)
    assert told(log) == TOLD
    check_other_columns(log)


def test_a_zone_survives_the_way_from_polars(reading):  # noqa: ARG001 - both ways
    log = cx.EventLog(polars_frame(), customer="who", time="berlin", event="kind")
    assert (log.time_zone, str(log.end)) == ("Europe/Berlin", "2024-01-02 00:00:00+01:00")


def test_wide_database_integers_are_customers():
    relation = duckdb.sql("select * from (values (7::hugeint), (3::hugeint)) t(who), (values ('x')) e(what)")
    table = relation.project("who, what, timestamp '2024-01-01' as at")
    assert sorted(cx.EventLog(table, **ROLES).customer_ids) == [3, 7]


def test_pandas_frames_need_no_pyarrow():
    script = """
import sys
sys.modules["pyarrow"] = None
import pandas as pd
from cx_widgets.log import EventLog
df = pd.DataFrame({"who": ["b", "a"], "at": ["2024-01-02", "2024-01-01"], "what": ["x", "y"]})
df["n"] = ["p", "q"]
log = EventLog(df, customer="who", time="at", event="what")
print(log.event_names, log.column("n").tolist(), "narwhals" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "('x', 'y') ['p', 'q'] False"


# What a log remembers and shows


def test_results_are_remembered_and_the_oldest_of_64_is_forgotten():
    log = log_of()
    calls = []

    def compute(key):
        calls.append(key)
        return key

    for key in range(64):
        log.memo(key, lambda key=key: compute(key))
    assert log.memo(0, lambda: "new") == 0
    log.memo(64, lambda: compute(64))
    assert log.memo(0, lambda: "new") == 0
    assert log.memo(1, lambda: "again") == "again"
    assert calls == [*range(65)]


def test_a_result_may_be_none_and_an_error_is_not_remembered():
    log = log_of()
    assert log.memo("none", lambda: None) is None
    assert log.memo("none", lambda: 1) is None
    with pytest.raises(ZeroDivisionError):
        log.memo("error", lambda: 1 / 0)
    assert log.memo("error", lambda: 1) == 1


def test_threads_may_share_a_log():
    log = log_of()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: log.memo(i % 100, lambda: i % 100), range(2_000)))
    assert results == [i % 100 for i in range(2_000)]


def test_values_are_counted_the_most_frequent_first_and_gaps_are_left_out():
    frame = pd.DataFrame(
        {
            "id": [2, 1, 1, 1, 2],
            "at": ["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-01"],
            "what": "view",
            "shop": ["web", None, "app", "web", "desk"],
            "price": [1.5, 2.0, 1.5, None, 2.0],
            "lists": [[1], [2], [3], [4], [5]],
        }
    )
    log = cx.EventLog(frame, customer="id", time="at", event="what")
    # Customer 2 comes first: desk, web; then customer 1: none, app, web.
    assert list(log.value_counts("shop").items()) == [("web", 2), ("desk", 1), ("app", 1)]
    assert log.value_counts("price").to_dict() == {2.0: 2, 1.5: 2}
    assert log.value_counts("shop").dtype == np.int64
    with pytest.raises(cx.CXError, match="column 'lists' holds values that cannot be told apart"):
        log.value_counts("lists")
    with pytest.raises(cx.CXError, match=r"unknown column 'shops'\. Did you mean 'shop'"):
        log.value_counts("shops")


def test_logs_are_equal_only_to_themselves_and_can_be_pickled():
    log = log_of(shop=["w", "x", "y", "z"])
    again = pickle.loads(pickle.dumps(log))  # noqa: S301 - our own bytes
    assert log == log  # noqa: PLR0124 - identity is the point
    assert log != again
    assert len({log, again}) == 2
    assert told(again) == TOLD
    assert again.column("shop").tolist() == ["y", "z", "w", "x"]
    assert again.memo("x", lambda: 1) == 1


def test_a_log_introduces_itself():
    log = log_of(what=["view", "view", "view", "ask"], shop=["w", "x", "y", "z"])
    assert repr(log) == (
        "EventLog\n"
        "  customers  2\n"
        "  events     4\n"
        "  span       2024-01-01 00:00:00 to 2024-01-02 00:00:00\n"
        "  names      view 3, ask 1\n"
        "  columns    shop\n"
        f"  memory     {log.memory_bytes} bytes"
    )


def test_many_and_long_names_are_cut_in_the_repr():
    names = [f"event number {i} with a name\nof far too many characters" for i in range(12)]
    df = pd.DataFrame({"who": 1, "at": "2024-01-01", "what": names})
    text = repr(cx.EventLog(df, **ROLES))
    assert "event number 0 with a name of far too... 1, " in text
    assert text.count("event number") == 10
    assert "... 2 more" in text
    assert "checks     equal times 12" in text


def test_names_are_text_in_html():
    html = log_of(what="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_memory_counts_the_packed_arrays_and_the_kept_columns():
    packed = log_of().packed
    n = packed.offsets.nbytes + packed.codes.nbytes + packed.ticks.nbytes + packed.rows.nbytes
    assert log_of().memory_bytes == n
    assert log_of(n=[1, 2, 3, 4]).memory_bytes == n + 32
