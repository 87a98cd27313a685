"""Logs as files: what comes back, what is refused, and that no damage goes unseen."""

from __future__ import annotations

import json
import pickle
import struct
import zlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets._store import files, layout

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


def again(log, folder, **options):
    path = Path(folder) / "log.cxlog"
    log.save(path, overwrite=True)
    return cx.EventLog.open(path, **options)


def assert_same(log, opened):
    for name in ("offsets", "codes", "ticks", "rows", "customers"):
        mine, theirs = getattr(log.packed, name), getattr(opened.packed, name)
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
        assert not theirs.flags.writeable
    for name in ("tick_ns", "origin_ns", "end_tick", "has_ties"):
        assert getattr(log.packed, name) == getattr(opened.packed, name)
    pd.testing.assert_index_equal(log.customer_ids, opened.customer_ids, exact=True)
    pd.testing.assert_frame_equal(log.checks, opened.checks)
    np.testing.assert_array_equal(log.customer_numbers, opened.customer_numbers)
    for name in ("columns", "event_names", "time_zone", "n_events", "n_customers"):
        assert getattr(log, name) == getattr(opened, name)
    assert dict(log.roles) == dict(opened.roles)
    for name in ("start", "end", "observation_end"):
        assert str(getattr(log, name)) == str(getattr(opened, name))
    for name in log.columns:
        column = opened.column(name)
        pd.testing.assert_series_equal(log.column(name), column)
        assert opened.column_types[name] == column.dtype


# What comes back

COLUMNS = {
    "int8": pd.Series([1, 2, 3, 4], dtype="int8"),
    "uint64": pd.Series([1, 2, 3, 2**64 - 1], dtype="uint64"),
    "float32": pd.Series([1, np.nan, 3, 4], dtype="float32"),
    "bool": pd.Series([True, False, True, True]),
    "Int64": pd.Series([1, None, 3, 2**53 + 1], dtype="Int64"),
    "UInt8": pd.Series([1, None, 3, 4], dtype="UInt8"),
    "Float64": pd.Series([1, None, 3, 4], dtype="Float64"),
    "boolean": pd.Series([True, None, False, True], dtype="boolean"),
    "time": pd.Series(pd.to_datetime(["2024-05-01", None, "1890-05-03", "2024-05-04"])),
    "time in seconds": pd.Series(np.array(["2024-05-01", "NaT", "2024-05-03", "2024-05-04"], "M8[s]")),
    "time in a zone": pd.Series(
        pd.to_datetime(["2024-05-01", None, "2024-05-03", "2024-05-04"])
    ).dt.tz_localize("Europe/Berlin"),
    "time at an offset": pd.Series(pd.to_datetime(["2024-05-01T00:00+05:30"] * 4)),
    "duration": pd.Series(pd.to_timedelta([1, None, 3, 4], unit="s")),
    "text": pd.Series(["x", None, "é", "x"]),
    "text, never twice": pd.Series(["x", "", "é", "\N{GRINNING FACE}\0<b>"]),
    "objects of text": pd.Series(["x", None, np.nan, "y"], dtype=object),
    "string": pd.Series(["x", None, "é", "x"], dtype="string"),
    "string of Python": pd.Series(["x", None, "é", "x"], dtype="string[python]"),
    "string of Arrow": pd.Series(["x", None, "é", "x"], dtype="string[pyarrow]"),
    "objects of bool": pd.Series([True, None, False, True], dtype=object),
    "objects of int": pd.Series([1, None, 2**80, pd.NA], dtype=object),
    "objects of float": pd.Series([1.5, None, np.nan, np.inf], dtype=object),
    "objects of Decimal": pd.Series([Decimal("1.0"), Decimal("1.00"), None, pd.NaT], dtype=object),
    "objects of date": pd.Series([date(2024, 5, 1), None, date(1, 1, 1), date(2024, 5, 1)], dtype=object),
    "nothing": pd.Series([None] * 4, dtype=object),
    "category": pd.Categorical(["x", None, "y", "x"], categories=["z", "y", "x"], ordered=True),
    "category of int": pd.Categorical([3, 1, 1, 3]),
    "category of time": pd.Categorical(
        pd.to_datetime(["2024-05-01", "2024-05-01", "2024-05-03", "2024-05-04"])
    ),
    "Arrow int": pd.Series([1, None, 3, 4], dtype=pd.ArrowDtype(pa.int32())),
    "Arrow text": pd.Series(["x", None, "é", "x"], dtype=pd.ArrowDtype(pa.string())),
    "Arrow time": pd.Series(
        pd.to_datetime(["2024-05-01"] * 4), dtype=pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin"))
    ),
    "Arrow bool": pd.Series([True, None, False, True], dtype=pd.ArrowDtype(pa.bool_())),
    "Arrow dictionary": pd.Series(["x", "y", "x", "x"]).astype(
        pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_comes_back_as_it_was(kind, tmp_path):
    log = log_of(column=COLUMNS[kind])
    assert_same(log, again(log, tmp_path))


def test_gaps_of_objects_stay_what_they_were(tmp_path):
    gaps = pd.Series([None, np.nan, pd.NA, pd.NaT], dtype=object)
    log = cx.EventLog(frame(who="a", at="2024-01-01", gaps=gaps, yes=[True, None, None, None]), **ROLES)
    assert again(log, tmp_path).column("gaps").tolist() == [None, gaps[1], pd.NA, pd.NaT]


IDS = {
    "text": ["b", "a", "b", "é"],
    "string": pd.Series(["b", "a", "b", "é"], dtype="string"),
    "int64": [7, 3, 7, -(2**62)],
    "uint8": pd.Series([7, 3, 7, 200], dtype="uint8"),
    "Int64": pd.Series([7, 3, 7, 9], dtype="Int64"),
    "category": pd.Categorical(["b", "a", "b", "b"]),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_come_back_as_they_were(kind, tmp_path):
    log = log_of(who=IDS[kind])
    assert_same(log, again(log, tmp_path))


def many_names():
    names = [f"event {i:04}" for i in range(2_000)]
    return cx.EventLog(pd.DataFrame({"who": 1, "at": pd.Timestamp("2024-01-01"), "what": names}), **ROLES)


LOGS = {
    "empty": lambda: cx.EventLog(frame(n=1.5, s="x").iloc[:0], **ROLES),
    "one event": lambda: cx.EventLog(frame(n=1.5, s="x").iloc[:1], **ROLES),
    "ties": lambda: log_of(at="2024-01-01"),
    "in a zone": lambda: cx.EventLog(frame(), **ROLES, time_zone="Europe/Berlin"),
    "at an offset": lambda: log_of(at=pd.to_datetime(["2024-05-01T00:00+05:30"] * 4)),
    "nanoseconds": lambda: log_of(at=pd.to_datetime([1, 2, 3, 2**62], unit="ns")),
    "before 1970": lambda: log_of(at=["1890-01-01", "1969-12-31", "1700-01-01", "1950-01-01"]),
    "2,000 names": many_names,
    "roles": lambda: cx.EventLog(
        frame(price=[1, None, 3, 4], place=["w", "x", "y", "z"], nps=[9, 10, None, 0]),
        **ROLES,
        value="price",
        channel="place",
        score="nps",
    ),
    "rows left out": lambda: cx.EventLog(
        frame(who=["b", None, "b", "b"], n=[1, 2, 3, 4], s=list("wxyz")), **ROLES, drop_nulls=True
    ),
    "until": lambda: log_of(n=[1, 2, 3, 4], s=list("wxyz")).until("2024-01-01 11:00:00.5"),
    "until before": lambda: log_of(n=[1, 2, 3, 4]).until("2023-01-01"),
    "until after": lambda: cx.EventLog(frame(n=[1, 2, 3, 4]), **ROLES, time_zone="Europe/Berlin").until(
        "2025-01-01"
    ),
}


@pytest.mark.parametrize("verify", [False, True], ids=["", "verified"])
@pytest.mark.parametrize("kind", LOGS)
def test_a_log_comes_back_as_it_was(kind, verify, tmp_path):
    log = LOGS[kind]()
    opened = again(log, tmp_path, verify=verify)
    assert_same(log, opened)
    assert_same(log, again(opened, tmp_path))
    np.testing.assert_array_equal(log.event_counts, opened.event_counts)
    np.testing.assert_array_equal(log.event_customers, opened.event_customers)


def test_what_is_read_is_what_the_literals_say(tmp_path):
    opened = again(log_of(n=[1, 2, 3, 4], shop=pd.Series(list("wxyz"))), tmp_path)
    assert opened.packed.offsets.tolist() == [0, 3, 4]
    assert opened.packed.codes.tolist() == [2, 0, 1, 2]
    assert opened.packed.ticks.tolist() == [0, 43_200, 86_400, 0]
    assert opened.packed.rows.tolist() == [2, 3, 0, 1]
    assert opened.customer_ids.tolist() == ["b", "a"]
    assert opened.column("n").tolist() == [3, 4, 1, 2]
    assert opened.column("shop").tolist() == ["y", "z", "w", "x"]
    assert opened.memory_bytes == 24 + 4 + 16 + 32 + (4 + 40)
    assert repr(opened).startswith(
        "EventLog\n  customers  2\n  events     4\n  span       2024-01-01 00:00:00 to"
    )


def test_the_end_of_observation_can_be_set_on_an_opened_log(tmp_path):
    log = log_of(n=[1, 2, 3, 4], shop=list("wxyz"))
    opened = again(log, tmp_path)
    for end in ("2024-01-01 12:00", "2024-01-01", "2023-01-01", "2025-01-01"):
        assert_same(log.until(end), opened.until(end))
        assert_same(log.until(end).until("2022-01-01"), opened.until(end).until("2022-01-01"))
    assert opened.until("2024-01-01 12:00").column("n").tolist() == [3, 4, 2]


def test_every_figure_of_an_opened_log_is_that_of_the_saved_one(tmp_path):
    rng = np.random.default_rng(7)
    n = 600
    df = pd.DataFrame(
        {
            "who": rng.integers(0, 80, n),
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 100_000, n), unit="min"),
            "what": rng.choice(["view", "cart", "order", "rate"], n),
            "price": rng.random(n).round(2),
            "shop": rng.choice(["web", "app"], n),
            "n": pd.array(rng.integers(0, 5, n), dtype="Int64"),
        }
    )
    log = cx.EventLog(df, **ROLES, value="price")
    opened = again(log, tmp_path)
    plain = cx.Definition({"Look": ["view"], "Cart": ["cart"], "Buy": ["order"]}, window="30D")
    asked = [
        cx.Condition("shop", "==", "web"),
        cx.Condition("n", ">=", 2),
        cx.Condition("price", "<", 0.9),
    ]
    web = cx.Stage("Web", ["view"], where=asked)
    narrow = cx.Definition([web, cx.Stage("Buy", ["order"])], window="30D")
    for definition in (plain, narrow):
        for metric in (cx.funnel, cx.transitions, cx.flow, cx.variants, cx.loyalty, cx.figures, cx.reasons):
            pd.testing.assert_frame_equal(
                metric(log, definition).frame, metric(opened, definition).frame, check_exact=True
            )
        pd.testing.assert_frame_equal(
            cx.breakdown(log, definition, by="shop").frame, cx.breakdown(opened, definition, by="shop").frame
        )
        pd.testing.assert_frame_equal(
            cx.funnel(log, definition).customers("Buy"), cx.funnel(opened, definition).customers("Buy")
        )


def test_an_opened_log_can_be_pickled_without_its_file(tmp_path):
    opened = again(log_of(shop=list("wxyz")), tmp_path)
    copy = pickle.loads(pickle.dumps(opened))  # noqa: S301 - our own bytes
    (tmp_path / "log.cxlog").unlink()
    assert copy.packed.rows.tolist() == [2, 3, 0, 1]
    assert copy.customer_ids.tolist() == ["b", "a"]
    assert copy.column("shop").tolist() == ["y", "z", "w", "x"]
    assert copy.until("2024-01-01").column("shop").tolist() == ["y", "x"]
    assert dict(copy.column_types) == {"shop": opened.column("shop").dtype}


def test_what_was_opened_does_not_change_when_its_file_is_replaced(tmp_path):
    opened = again(log_of(n=[1, 2, 3, 4]), tmp_path)
    log_of(n=[5, 6, 7, 8]).save(tmp_path / "log.cxlog", overwrite=True)
    assert opened.column("n").tolist() == [3, 4, 1, 2]
    assert cx.EventLog.open(tmp_path / "log.cxlog").column("n").tolist() == [7, 8, 5, 6]


def test_columns_of_numbers_are_not_copied(tmp_path):
    opened = again(log_of(n=[1, 2, 3, 4]), tmp_path)
    values = opened.column("n").to_numpy()
    assert np.shares_memory(values, opened._held.stored.unread("column 0"))
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1


# What is refused


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pd.Series([[1], {"a": 1}, None, "x"], dtype=object), "values of several kinds (dict, list, str)"),
        (pd.Series([(1,), (2,), None, None], dtype=object), "values of type tuple"),
        (pd.Series([True, 1, 1.0, None], dtype=object), "values of several kinds (bool, float, int)"),
        (pd.Series([1, 2, 3, 4], dtype=complex), "values of type complex128"),
        (pd.Series(pd.period_range("2024-01", periods=4, freq="M")), "values of type period[M]"),
        (pd.cut(pd.Series([1, 2, 3, 4]), [0, 2, 4]), "values of type interval[int64, right]"),
    ],
    ids=["lists", "tuples", "several", "complex", "periods", "intervals"],
)
def test_a_column_that_no_file_keeps_is_refused_by_its_name(column, what, tmp_path):
    log = log_of(fine=1, thing=column)
    with pytest.raises(cx.CXError) as error:
        log.save(tmp_path / "log.cxlog")
    assert str(error.value) == (
        f"column 'thing' holds {what}, and a saved log keeps numbers, times, true and false, text and"
        " categories of these. Convert it before the log is made, for example with .astype(str), or leave"
        " it out."
    )
    assert list(tmp_path.iterdir()) == []


def test_customers_that_are_neither_integers_nor_text_are_refused(tmp_path):
    log = log_of(who=pd.Series([(1,), (2,), (1,), (1,)], dtype=object))
    with pytest.raises(cx.CXError, match="the customer column 'who' holds values of type tuple"):
        log.save(tmp_path / "log.cxlog")


def test_a_file_that_exists_is_replaced_on_request_only(tmp_path):
    path = tmp_path / "log.cxlog"
    path.write_bytes(b"mine")
    with pytest.raises(cx.CXError, match=r"exists already\. Pass overwrite=True to replace it"):
        log_of().save(str(path))
    assert path.read_bytes() == b"mine"
    log_of().save(path, overwrite=True)
    assert cx.EventLog.open(str(path)).n_events == 4
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(cx.CXError, match="is a folder"):
        log_of().save(tmp_path, overwrite=True)
    with pytest.raises(cx.CXError, match="could not be written: No such file or directory"):
        log_of().save(tmp_path / "nowhere" / "log.cxlog")


def test_a_file_that_was_left_half_written_is_no_file(tmp_path, monkeypatch):
    def fails(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fails)
    path = tmp_path / "log.cxlog"
    path.write_bytes(b"mine")
    with pytest.raises(cx.CXError, match="could not be written: No space left on device"):
        log_of().save(path, overwrite=True)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no saved log: it is empty. Give the path of a file that log.save(path) wrote."),
        (b"who,at,what\n1,2", "is no saved log: it begins with b'who,at,w'. Give the path"),
        (layout.MAGIC, "is damaged: it has 8 bytes only. Copy it again"),
        (
            struct.pack("<8sIIQ", layout.MAGIC, 3, 0, 0),
            "is a saved log of version 3, and this cx_widgets reads versions 1 to 2. Update cx_widgets",
        ),
        (
            struct.pack("<8sIIQ", layout.MAGIC, 1, 0, 2**63),
            "is damaged: its header should have 9,223,372,036,854",
        ),
        (
            struct.pack("<8sIIQ", layout.MAGIC, 1, 1, 0),
            "is damaged: the checksum of its header does not match.",
        ),
        (struct.pack("<8sIIQ", layout.MAGIC, 1, 0, 0), "is damaged: its header makes no sense ("),
    ],
    ids=["empty", "foreign", "short", "newer", "long header", "checksum", "no header"],
)
def test_a_file_of_another_kind_says_what_it_is(data, says, tmp_path):
    path = tmp_path / "log.cxlog"
    path.write_bytes(data)
    with pytest.raises(cx.CXError) as error:
        cx.EventLog.open(path)
    assert str(error.value).startswith(f"{str(path)!r} {says}")


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path):
    with pytest.raises(cx.CXError, match="could not be opened: No such file or directory"):
        cx.EventLog.open(tmp_path / "log.cxlog")
    with pytest.raises(cx.CXError, match="could not be opened"):
        cx.EventLog.open(tmp_path)


@pytest.mark.parametrize("path", [None, 3, b"log.cxlog", "a\0b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(cx.CXError, match="path must be the name of a file, as text or a Path; got"):
        cx.EventLog.open(path)
    with pytest.raises(cx.CXError, match="path must be the name of a file, as text or a Path; got"):
        log_of().save(path)


def test_a_machine_of_the_other_byte_order_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(layout.sys, "byteorder", "big")
    with pytest.raises(cx.CXError, match="this machine is big-endian"):
        log_of().save(tmp_path / "log.cxlog")


# Damage


def saved(folder, log=None):
    path = Path(folder) / "whole.cxlog"
    (log or rich()).save(path, overwrite=True)
    return path.read_bytes()


def rich():
    return log_of(
        n=[1, 2, 3, 4],
        s=list("wxyx"),
        o=pd.Series([True, None, False, True], dtype=object),
        c=pd.Categorical(list("xyxx")),
        z=pd.Series(pd.to_datetime(["2024-05-01"] * 4)).dt.tz_localize("Europe/Berlin"),
        i=pd.Series([1, None, 3, 4], dtype="Int64"),
    )


def use(path, *, verify):
    """Open a file, read all of it, and count something."""
    opened = cx.EventLog.open(path, verify=verify)
    assert_same(rich(), opened)
    return cx.funnel(opened, cx.Definition({"A": ["view"], "B": ["buy"]})).frame


def test_a_row_that_changed_is_an_error_when_it_is_read_and_at_once_when_verified(tmp_path):
    data = bytearray(saved(tmp_path, log_of(n=[1, 2, 3, 4])))
    data[-64] ^= 1
    path = tmp_path / "log.cxlog"
    path.write_bytes(data)
    says = "is damaged: the checksum of 'column 0' does not match. Copy it again from where it was whole"
    with pytest.raises(cx.CXError, match=says):
        cx.EventLog.open(path, verify=True)
    opened = cx.EventLog.open(path)
    assert opened.packed.codes.tolist() == [2, 0, 1, 2]
    with pytest.raises(cx.CXError, match=says):
        opened.column("n")


def test_a_file_that_was_cut_or_has_grown_says_so(tmp_path):
    data = saved(tmp_path)
    path = tmp_path / "log.cxlog"
    for changed in (data[:-1], data + b"\0"):
        path.write_bytes(changed)
        with pytest.raises(cx.CXError, match=f"should have {len(data):,} bytes and has {len(changed):,}"):
            cx.EventLog.open(path)


FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(data=st.data(), verify=st.booleans())
def test_bytes_that_are_flipped_cut_or_moved_give_the_same_log_or_an_error(data, verify, tmp_path):
    whole = saved(tmp_path)
    expected = use(tmp_path / "whole.cxlog", verify=False)
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        changed[place] ^= data.draw(st.integers(1, 255))
    start = data.draw(st.sampled_from([0, 0, 0, 8, 64]))
    end = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))
    path = tmp_path / "log.cxlog"
    path.write_bytes(changed[start:end])
    try:
        found = use(path, verify=verify)
    except cx.CXError:
        return
    pd.testing.assert_frame_equal(expected, found)


def with_header(whole, change):
    """Return the file with its header changed, and every checksum made right again."""
    magic, version, _, length = layout.HEAD.unpack(whole[: layout.HEAD.size])
    header = json.loads(whole[layout.HEAD.size : layout.HEAD.size + length])
    body = bytearray(whole[layout.aligned(layout.HEAD.size + length) :])
    header = change(header, body) or header
    for spec in header.get("arrays", {}).values() if isinstance(header.get("arrays"), dict) else ():
        try:
            size = spec["shape"][0] * np.dtype(spec["dtype"]).itemsize
            spec["crc32"] = zlib.crc32(body[spec["offset"] : spec["offset"] + size])
        except (TypeError, ValueError, LookupError, OverflowError, SyntaxError):
            continue
    text = json.dumps(header).encode()
    head = layout.HEAD.pack(magic, version, zlib.crc32(text), len(text)) + text
    return head + bytes(layout.aligned(len(head)) - len(head)) + bytes(body)


def places(value, path=()):
    """Yield the way to every value inside the header."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 3, 64, 2**31, 2**63 - 1, -(2**63), 2**70]),
    st.sampled_from(
        ["", "x", "<i8", "|u1", "|O", "offsets", "Europe/Berlin", "plain", "string", "category", "bool"]
    ),
    st.sampled_from([[], {}, [1], ["x"], [[]], {"kind": "plain", "values": "codes"}]),
    st.floats(),
)


@FUZZ
@given(data=st.data())
def test_a_header_with_right_checksums_and_wrong_content_gives_a_log_or_an_error(data, tmp_path):
    def change(header, body):
        for _ in range(data.draw(st.integers(0, 2))):
            *way, last = data.draw(st.sampled_from(sorted(places(header), key=repr)))
            inner = header
            for key in way:
                inner = inner[key]
            inner[last] = data.draw(GARBAGE)
        for _ in range(data.draw(st.integers(0, 2))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    path = tmp_path / "log.cxlog"
    path.write_bytes(with_header(saved(tmp_path), change))
    try:
        opened = cx.EventLog.open(path, verify=data.draw(st.booleans()))
        opened.until("2024-01-01 12:00")
        for name in opened.columns:
            opened.column(name)
        str(opened)
        cx.funnel(opened, cx.Definition({"A": ["view"], "B": ["buy"]}))
    except cx.CXError:
        return
    assert 0 <= opened.packed.codes.max() < len(opened.event_names)


def set_rows(name, values):
    def change(header, body):
        spec = header["arrays"][name]
        data = np.array(values, spec["dtype"]).tobytes()
        body[spec["offset"] : spec["offset"] + len(data)] = data

    return change


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("offsets", [0, 9, 4], "the customers' rows do not follow one another"),
        ("offsets", [0, 3, 3], "the customers' rows do not follow one another"),
        ("codes", [2, 0, 3, 2], "a row has an event without a name"),
        ("ticks", [-1, 43_200, 86_400, 0], "a time lies outside the log"),
        ("ticks", [0, 43_200, 86_401, 0], "a time lies outside the log"),
        ("ticks", [43_200, 0, 86_400, 0], "the times of a customer are not in order"),
        ("ticks", [0, 0, 86_400, 0], "what it says about equal times does not hold"),
    ],
)
def test_rows_that_do_not_hold_together_never_reach_a_kernel(name, values, says, tmp_path):
    path = tmp_path / "log.cxlog"
    path.write_bytes(with_header(saved(tmp_path), set_rows(name, values)))
    opened = cx.EventLog.open(path)
    with pytest.raises(cx.CXError, match=f"is damaged: {says}"):
        cx.funnel(opened, cx.Definition({"A": ["view"], "B": ["buy"]}))


def test_half_a_character_in_the_header_is_damage(tmp_path):
    def change(header, body):  # noqa: ARG001 - the rows are fine
        header["checks"][0][2] = "\ud800"

    path = tmp_path / "log.cxlog"
    path.write_bytes(with_header(saved(tmp_path), change))
    with pytest.raises(cx.CXError, match="is damaged: its header makes no sense"):
        cx.EventLog.open(path)


def test_the_header_reads_as_the_format_says(tmp_path):
    whole = saved(tmp_path, log_of(n=[1, 2, 3, 4]))
    magic, version, crc32, length = struct.unpack("<8sIIQ", whole[:24])
    assert (magic, version) == (b"CXLOG\r\n\x1a", 2)
    assert zlib.crc32(whole[24 : 24 + length]) == crc32
    header = json.loads(whole[24 : 24 + length])
    assert header["names"] == ["ask", "buy", "view"]
    assert header["columns"] == [["n", {"kind": "plain", "values": "column 0"}]]
    start = -(-(24 + length) // 64) * 64
    spec = header["arrays"]["codes"]
    assert (spec["dtype"], spec["shape"], spec["offset"] % 64) == ("|u1", [4], 0)
    assert list(whole[start + spec["offset"] :][:4]) == [2, 0, 1, 2]
    assert spec["crc32"] == zlib.crc32(bytes([2, 0, 1, 2]))
    assert len(whole) == start + header["bytes"]
