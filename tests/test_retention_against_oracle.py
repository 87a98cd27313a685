"""Retention, lifecycle and stickiness against the slow and obvious ones, also where clocks change."""

from __future__ import annotations

import datetime as dt
import os
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import oracle
import pandas as pd
import pytest
import retention_oracle as slow
from hypothesis import given, settings
from hypothesis import strategies as st

import cx_widgets as cx

# Where clocks change: at 1:00 UTC, at midnight (skipped in spring, repeated in autumn), and never.
ZONES = {
    "Europe/Berlin": ("2026-03-27", "2026-10-23"),
    "America/Havana": ("2026-03-06", "2026-10-30"),
    "Asia/Beirut": ("2026-03-27", "2026-10-23"),
    None: ("2025-12-28", "2026-02-25"),
}
DEFINITION = cx.Definition({"Look": ["view"], "Buy": ["order"]})
BOTH = cx.Stage("Both", ["view", "order"])
EVENTS = {"view": ("view",), "order": ("order",), "both": ("view", "order")}
DAY = pd.Timedelta(days=1)

# CX_EXAMPLES=20000 is the nightly run.
EXAMPLES = settings(max_examples=int(os.environ.get("CX_EXAMPLES", "1200")) // 20)


@st.composite
def logs(draw, spread):
    """Return a log with many ties around a change of clocks, and its rows as the oracle sees them."""
    zone = draw(st.sampled_from(list(ZONES)))
    begin = dt.datetime.fromisoformat(draw(st.sampled_from(ZONES[zone])))
    begin = begin.replace(tzinfo=None if zone is None else dt.UTC)
    half_hours = st.integers(0, draw(st.sampled_from(spread)) * 48)
    row = st.tuples(st.integers(0, 3), half_hours, st.sampled_from(["view", "order", "page"]))
    rows = draw(st.lists(row, max_size=14))
    rows += [(9, draw(half_hours), name) for name in ("view", "order")]
    rows = [(who, begin + dt.timedelta(minutes=30) * step, what) for who, step, what in rows]
    frame = pd.DataFrame(draw(st.permutations(rows)), columns=["who", "when", "what"])
    return cx.EventLog(frame, customer="who", time="when", event="what", time_zone=zone), rows, zone


def units(draw):
    """Return a calendar period as the package and as the oracle say it."""
    unit = draw(st.sampled_from(["D", "W", "M", "Q", "2D", "7D"]))
    return unit, {"D": 1, "2D": 2, "7D": 7}.get(unit, unit)


def chosen(rows, what):
    return [(who, when) for who, when, name in rows if name in EVENTS[what]]


def asked_of(what):
    return BOTH if what == "both" else what


@st.composite
def questions(draw, rows, zone):
    """Return a question as the package is asked it, and as the oracle is, with the rows that count."""
    start, back = draw(st.sampled_from(list(EVENTS))), draw(st.sampled_from(list(EVENTS)))
    own_clock, recurring = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
    kind = draw(st.sampled_from(["on", "on or after", "bracket", "streak"]))
    weekday = draw(st.sampled_from([0, 6]))
    asked = {"kind": kind, "start": asked_of(start), "back": asked_of(back)}
    asked["first_weekday"] = {0: "Monday", 6: "Sunday"}[weekday]
    begin, end = (choose(when for _, when, _ in rows) for choose in (min, max))
    until = draw(st.sampled_from([None, None, end - dt.timedelta(hours=7), end + dt.timedelta(hours=50)]))
    definition = DEFINITION
    if until is not None and until > begin:
        definition = DEFINITION.with_rules(observation_end=pd.Timestamp(until))
        rows, end = [row for row in rows if row[1] <= until], until
    length, (period, unit) = None, units(draw)
    by, group = (period, unit) if recurring else units(draw)
    if own_clock:
        length = draw(st.sampled_from([dt.timedelta(hours=5), dt.timedelta(days=1), dt.timedelta(days=7)]))
        period, unit = pd.Timedelta(length), 1
    asked |= {"period": period, "clock": "24h" if own_clock else "calendar"}
    asked |= {"cohort": "recurring"} if recurring else {"by": by}
    counted = draw(st.sampled_from([zone, "Asia/Beirut"])) if zone else None
    definition = definition.with_rules(time_zone=counted)
    zone_info = ZoneInfo(counted) if counted else None
    first_day = slow.Calendar(1, zone_info, None).day(begin)
    origin = None
    if {"2D", "7D"} & ({by} if own_clock else {period, by}) and draw(st.booleans()):
        origin = first_day + dt.timedelta(days=3)
        asked["origin"] = str(origin)
    if kind == "bracket":
        asked["brackets"] = draw(st.sampled_from([(0, 1, 3), (1, 2, 4, 9), (2, 5)]))
    calendar, groups = (slow.Calendar(one, zone_info, first_day, weekday, origin) for one in (unit, group))
    told = {"kind": kind, "calendar": calendar, "groups": groups, "length": length, "end": end}
    return (
        definition,
        asked,
        {
            **told,
            "recurring": recurring,
            "starts": chosen(rows, start),
            "backs": chosen(rows, back),
        },
    )


def check_cell(line, expected):
    size, _, numerator, denominator, ripe = expected
    assert (line.size, line.returned, line.numerator, line.denominator, line.ripe) == expected
    if ripe and size:
        assert line.value == numerator / denominator
        assert (line.lower, line.upper) == pytest.approx(oracle.wilson(numerator, denominator), abs=1e-9)
    else:
        assert np.isnan([line.value, line.lower, line.upper]).all()


def check_pooled(line, trials, *, recurring):
    assert (line["numerator"], line["denominator"]) == (sum(hit for _, hit, _ in trials), len(trials))
    people = sorted({who for who, _, _ in trials})
    hits = [sum(hit for who, hit, _ in trials if who == person) for person in people]
    tries = [sum(who == person for who, _, _ in trials) for person in people]
    expected = oracle.clustered(hits, tries) if recurring else oracle.wilson(sum(hits), sum(tries))
    assert (line["lower"], line["upper"]) == pytest.approx(expected, abs=1e-9)


@EXAMPLES
@given(st.data())
def test_retention_is_that_of_the_oracle(data):
    log, rows, zone = data.draw(logs([2, 9, 40]))
    definition, asked, told = data.draw(questions(rows, zone))
    result = cx.retention(log, definition, **asked)
    columns = [(k, k) for k in sorted(set(result.frame["period"]))]
    if asked["kind"] == "bracket":
        columns = [(a, b - 1) for a, b in pairwise(asked["brackets"])]
    cells, pooled = slow.retention(**told, columns=columns)
    for line in result.frame.itertuples():
        check_cell(line, cells.get((line.cohort.date(), line.period), (0, 0, 0, 0, True)))
    # Nobody is left out: a cell that has no line had not begun for anybody.
    shown = {(line.cohort.date(), line.period) for line in result.frame.itertuples()}
    for cell, (_, returned, _, mature, _) in cells.items():
        assert cell in shown or returned == mature == 0
    curve = result.curve.set_index("period")
    assert set(curve.index) == {first for first, _ in columns if pooled[first]}
    for first in curve.index:
        check_pooled(curve.loc[first], pooled[first], recurring=told["recurring"])


@EXAMPLES
@given(st.data())
def test_customers_of_a_cell_are_as_many_as_it_says(data):
    log, _, _ = data.draw(logs([9]))
    kind = data.draw(st.sampled_from(["on", "on or after", "bracket", "streak"]))
    cohort = data.draw(st.sampled_from(["first", "recurring"]))
    result = cx.retention(log, DEFINITION, kind=kind, period="D", cohort=cohort, start=BOTH)
    for line in result.frame.sample(min(4, len(result.frame)), random_state=1).itertuples():
        came = result.customers(line.cohort, line.period)
        stayed = result.customers(line.cohort, line.period, returned=False)
        assert (len(came), len(came) + len(stayed)) == (line.returned, line.size)
        assert sorted([*came.index, *stayed.index]) == sorted(result.customers(line.cohort).index)


@EXAMPLES
@given(st.data())
def test_lifecycle_and_stickiness_are_those_of_the_oracle(data):
    log, rows, zone = data.draw(logs([2, 9, 40]))
    what = data.draw(st.sampled_from(list(EVENTS)))
    period, unit = units(data.draw)
    weekday = data.draw(st.sampled_from([0, 3]))
    asked = {
        "period": period,
        "active": asked_of(what),
        "first_weekday": ["Monday", 0, 0, "Thursday"][weekday],
    }
    end = max(when for _, when, _ in rows)
    zone_info = ZoneInfo(zone) if zone else None
    first_day = slow.Calendar(1, zone_info, None).day(min(when for _, when, _ in rows))
    calendar = slow.Calendar(unit, zone_info, first_day, weekday)
    definition, last = DEFINITION, end
    if data.draw(st.booleans()):
        end += dt.timedelta(hours=50)
        definition, last = DEFINITION.with_rules(observation_end=end), end - dt.timedelta(microseconds=1)
    periods, table = slow.lifecycle(chosen(rows, what), calendar, last)
    result = cx.lifecycle(log, definition, **asked)
    assert [start.date() for start in result.frame["start"]] == periods
    for state in ("new", "returning", "resurrecting", "dormant"):
        assert result.frame[state].tolist() == [len(line[state]) for line in table]
        number = data.draw(st.integers(0, len(table) - 1))
        here = result.customers(str(periods[number]), state)
        assert set(here.index) == table[number][state]
    over = [calendar.moment(calendar.following(begin)) <= end for begin in periods]
    assert result.frame["complete"].tolist() == over
    sticky = cx.stickiness(log, definition, **asked)
    assert sticky.frame["customers"].tolist() == slow.stickiness(chosen(rows, what), calendar, last)


@EXAMPLES
@given(st.data())
def test_the_identities_of_the_lifecycle_hold(data):
    log, _, _ = data.draw(logs([9, 40]))
    period = data.draw(st.sampled_from(["D", "W", "M", "3D"]))
    frame = cx.lifecycle(log, DEFINITION, period=period, active=BOTH).frame
    assert (frame["active"] == frame["new"] + frame["returning"] + frame["resurrecting"]).all()
    before = frame["active"].shift(1, fill_value=0)
    assert (before == frame["returning"] + frame["dormant"]).all()
    assert (frame["active"] - before == frame["new"] + frame["resurrecting"] - frame["dormant"]).all()
    active = cx.stickiness(log, DEFINITION, period=period, active=BOTH)
    assert frame["new"].sum() == active.frame["customers"].sum()
    assert frame["active"].sum() == (active.frame["customers"] * active.frame.index).sum()


@EXAMPLES
@given(st.data())
def test_the_laws_between_the_kinds_hold(data):
    log, _, _ = data.draw(logs([9, 40]))
    clock = data.draw(st.sampled_from(["calendar", "24h"]))
    period = data.draw(st.sampled_from(["1D", "7D"]))
    asked = {"period": period, "clock": clock, "start": BOTH}
    on, later, streak = (
        cx.retention(log, DEFINITION, kind=kind, **asked).frame for kind in ("on", "on or after", "streak")
    )
    assert (on["numerator"] <= later["numerator"]).all()
    past = on["period"] > 0
    assert (streak["numerator"] <= on["numerator"])[past].all()
    # On the same customers a later period never has more.
    for frame in (later, streak):
        ripe = frame[frame["ripe"]]
        assert (ripe.groupby("cohort")["returned"].diff().fillna(0) <= 0).all()
    single = tuple(range(int(on["period"].max()) + 2))
    brackets = cx.retention(log, DEFINITION, kind="bracket", brackets=single, **asked).frame
    pd.testing.assert_frame_equal(brackets, on)


def test_one_customer_alone_and_a_log_of_one_moment_are_counted():
    frame = pd.DataFrame({"who": ["a"] * 3, "when": "2026-01-01", "what": ["order", "order", "view"]})
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    for period in ("D", "W", "M", "Q", "7D"):
        result = cx.retention(log, DEFINITION, period=period)
        assert result.frame[["size", "returned", "ripe"]].to_numpy().tolist() == [[1, 1, False]]
        assert cx.lifecycle(log, DEFINITION, period=period).frame["new"].tolist() == [1]
        assert cx.stickiness(log, DEFINITION, period=period).frame["customers"].tolist() == [1]
