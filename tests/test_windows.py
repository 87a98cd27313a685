"""Windows in events, sessions and calendar units, zones and anchored stages on small literal logs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets.engine import NumpyEngine
from cx_widgets.engine._calendar import calendar_numbers
from cx_widgets.engine._choice import available, counting_with
from cx_widgets.engine._special import special_funnel
from cx_widgets.windows import CountedWindow, format_window, parse_window

TWO = {"Look": ["look"], "Buy": ["buy"]}


def funnel(log, stages=TWO, **rules):
    return cx.funnel(log, cx.Definition(stages, **rules))


def counts(log, stages=TWO, **rules):
    """Return who reached each stage, and who is open."""
    result = funnel(log, stages, **rules)
    return result.frame["reach"].tolist(), result.open_customers


def zoned(times, zone):
    """Return a log of looks and buys in turn, a customer for each pair of local times."""
    local = pd.to_datetime(pd.Series(times)).dt.tz_localize(zone)
    who = [f"c{place // 2}" for place in range(len(times))]
    frame = pd.DataFrame({"who": who, "at": local, "what": ["look", "buy"] * (len(times) // 2)})
    return cx.EventLog(frame, customer="who", time="at", event="what")


@pytest.mark.parametrize(
    ("text", "window", "said"),
    [
        ("5 events", CountedWindow(5, "event"), "5 events"),
        ("1 Events", CountedWindow(1, "event"), "1 event"),
        (
            " 2 sessions of 30min ",
            CountedWindow(2, "session", pd.Timedelta(minutes=30)),
            "2 sessions of 30min",
        ),
        ("1 session of 1h30min", CountedWindow(1, "session", pd.Timedelta(minutes=90)), "1 session of 90min"),
        ("3 calendar weeks", CountedWindow(3, "week"), "3 calendar weeks"),
        ("1 calendar days", CountedWindow(1, "day"), "1 calendar day"),
        ("2calendar quarter", CountedWindow(2, "quarter"), "2 calendar quarters"),
        ("7 days", pd.Timedelta(days=7), "7D"),
    ],
)
def test_a_window_is_read_and_written(text, window, said):
    assert parse_window(text) == window
    assert format_window(window) == said
    assert parse_window(said) == window
    rules = cx.Rules(window=text, ties="row")
    assert rules.to_dict()["window"] == said
    assert cx.Rules.from_dict(rules.to_dict()) == rules == cx.Rules(window=window, ties="row")
    assert f"window {said} from entry" in rules.describe()[0]
    assert f"window={said!r}" in repr(rules)


def test_a_window_in_events_counts_every_row_of_the_unit():
    log = log_of(
        [
            *[("a", 0, "look"), ("a", 1, "buy")],
            *[("b", 0, "look"), ("b", 1, "noise"), ("b", 2, "buy")],
            *[("c", 0, "look"), ("c", 0, "noise"), ("c", 0, "noise"), ("c", 0, "buy")],
        ]
    )
    assert [counts(log, window=f"{n} events", ties="row") for n in (1, 2, 3)] == [
        ([3, 1], 0),
        ([3, 2], 0),
        ([3, 3], 0),
    ]


def test_a_window_in_events_is_open_until_they_have_come():
    rows = [("a", 0, "look"), ("b", 0, "look"), ("b", 1, "noise"), ("c", 0, "look"), ("c", 1, "noise")]
    log = log_of([*rows, ("c", 2, "noise"), ("d", 99, "buy")])
    # However long ago: a has no row behind the entry, b one, c two.
    assert [counts(log, window=f"{n} events", ties="row")[1] for n in (1, 2, 3)] == [1, 2, 3]


def test_sessions_are_counted_from_that_of_the_entry():
    log = log_of(
        [
            # The gap itself does not end a session.
            *[("a", 0, "look"), ("a", 0.25, "noise"), ("a", 0.5, "buy")],
            *[("b", 0, "look"), ("b", 0.375, "buy")],
            *[("c", 0, "look"), ("c", 1, "noise"), ("c", 2, "buy")],
        ]
    )
    assert [funnel(log, window=f"{n} sessions of 6h").frame["reach"].tolist() for n in (1, 2, 3)] == [
        [3, 1],
        [3, 2],
        [3, 3],
    ]


def test_a_window_in_sessions_is_open_while_the_last_one_may_go_on_or_has_not_come():
    rows = [("a", 0, "look"), ("b", 2, "look"), ("c", 0, "buy"), ("d", 0, "look"), ("d", 2, "noise")]
    log = log_of(rows)
    # Observed until day 2. One session: b's may go on. Two: a's second may come any time, d's may go on.
    assert counts(log, window="1 session of 1D")[1] == 1
    assert counts(log, window="2 sessions of 1D")[1] == 3
    # A day later b's first session and d's second are over.
    assert counts(log, window="1 session of 1D", observation_end="2026-01-04")[1] == 0
    assert counts(log, window="2 sessions of 1D", observation_end="2026-01-04")[1] == 2


def test_nobody_is_open_in_a_session_or_a_journey_that_is_over():
    log = log_of([("a", 0, "look"), ("a", 3, "look"), ("b", 0, "look"), ("b", 0.5, "buy"), ("c", 3, "buy")])
    assert counts(log, window="9D")[1] == 1
    # a: the first session is over, the second is not.
    assert counts(log, window="9D", unit="1D")[1] == 1
    assert counts(log, window="9D", unit="1D", observation_end="2026-01-05")[1] == 0
    late = log_of([("a", 0, "look"), ("a", 2, "buy"), ("b", 2, "noise")])
    assert counts(late, window="1D", unit="journey") == ([1, 0], 0)
    assert counts(late, window="3 events", ties="row", unit="journey", entry="latest") == ([1, 1], 0)


@pytest.mark.parametrize(
    ("window", "reached"),
    [
        ("1 calendar day", 1),
        ("2 calendar days", 2),
        ("1 calendar week", 2),
        ("2 calendar weeks", 3),
        ("1 calendar month", 3),
        ("1 calendar quarter", 4),
        ("1 calendar year", 5),
        ("2 calendar years", 6),
    ],
)
def test_a_calendar_window_ends_with_the_calendar_unit(window, reached):
    # From Saturday, 3 January 2026, noon; Monday is the 5th.
    later = [0.25, 1, 2, 31, 100, 400]
    rows = [(f"c{n}", 2.5, "look") for n in range(6)] + [
        (f"c{n}", 2.5 + d, "buy") for n, d in enumerate(later)
    ]
    assert funnel(log_of(rows), window=window).frame["reach"].tolist() == [6, reached]


def test_a_calendar_window_is_open_until_its_last_moment():
    log = log_of([("a", 30.5, "look"), ("b", 0, "buy")])
    ends = ["2026-01-31T23:59:59.999", "2026-02-01"]
    assert [counts(log, window="1 calendar month", observation_end=end)[1] for end in ends] == [1, 0]
    ends = ["2026-02-28T23:59:59", "2026-03-01"]
    assert [counts(log, window="2 calendar months", observation_end=end)[1] for end in ends] == [1, 0]


def test_a_day_on_which_clocks_change_is_one_day():
    # 23 hours on 29 March, 25 on 25 October.
    spring = zoned(
        ["2026-03-29 00:00", "2026-03-29 23:59", "2026-03-29 23:59", "2026-03-30 00:00"], "Europe/Berlin"
    )
    assert funnel(spring, window="1 calendar day").frame["reach"].tolist() == [2, 1]
    autumn = zoned(
        ["2026-10-25 00:00", "2026-10-25 23:59", "2026-10-25 23:59", "2026-10-26 00:00"], "Europe/Berlin"
    )
    assert funnel(autumn, window="1 calendar day").frame["reach"].tolist() == [2, 1]
    assert funnel(autumn, window="24h").frame["reach"].tolist() == [2, 1]
    assert funnel(autumn, window="2 calendar days").frame["reach"].tolist() == [2, 2]


def test_calendar_units_begin_once_where_clocks_repeat_or_skip_midnight():
    # St John's went from 00:01 back to 23:01: the evening after it belongs to the new day already.
    times = pd.to_datetime(["2010-11-07 02:29", "2010-11-07 02:30", "2010-11-07 03:00", "2010-11-08 03:30"])
    frame = pd.DataFrame({"who": "a", "at": times.tz_localize("UTC"), "what": "look"})
    log = cx.EventLog(frame, customer="who", time="at", event="what", time_zone="America/St_Johns")
    assert [str(time)[11:16] for time in log.timestamps(log.packed.ticks)] == [
        "23:59",
        "00:00",
        "23:30",
        "00:00",
    ]
    assert np.diff(calendar_numbers(log, log.packed.ticks, "day", None)).tolist() == [1, 0, 1]
    # Samoa had no 30 December 2011, Sao Paulo no midnight on 18 October 2015.
    for zone, around in (
        ("Pacific/Apia", ["2011-12-30 09:59:59", "2011-12-30 10:00"]),
        ("America/Sao_Paulo", ["2015-10-18 02:59:59", "2015-10-18 03:00"]),
    ):
        number = calendar_numbers(log, ticks_of(log, around), "day", zone)
        assert number[1] - number[0] == (2 if zone == "Pacific/Apia" else 1)


def ticks_of(log, times):
    ns = np.array([pd.Timestamp(time).value for time in times])
    return (ns - log.packed.origin_ns) // log.packed.tick_ns


def test_a_zone_in_the_rules_moves_calendar_units_and_nothing_else():
    log = zoned(["2026-01-01 23:30", "2026-01-02 00:30"], "UTC")
    for zone, reach in ((None, [1, 0]), ("Europe/Berlin", [1, 1]), ("America/New_York", [1, 1])):
        result = funnel(log, window="1 calendar day", time_zone=zone)
        assert result.frame["reach"].tolist() == reach
        assert str(result.customers("Look")["Look"].iloc[0]) == "2026-01-01 23:30:00+00:00"
    plain = cx.Definition(TWO, window="7D")
    moved = plain.with_rules(time_zone="Pacific/Auckland")
    for name in ("funnel", "transitions", "flow", "loyalty", "figures", "reasons", "time_to_convert"):
        metric = getattr(cx, name)
        pd.testing.assert_frame_equal(metric(log, plain).frame, metric(log, moved).frame, obj=name)


def test_the_trend_is_cut_in_the_zone_of_the_rules():
    log = zoned(["2026-01-31 23:30", "2026-02-01 00:30"], "UTC")
    stages = cx.Definition(TWO)
    assert cx.trend(log, stages, period="M").frame["entrants"].tolist() == [1, 0]
    frame = cx.trend(log, stages.with_rules(time_zone="Europe/Berlin"), period="M").frame
    assert frame["entrants"].tolist() == [1]
    assert str(frame["start"].iloc[0]) == "2026-02-01 00:00:00+01:00"
    assert str(frame.index[0]) == "2026-02"


@pytest.mark.parametrize("window", ["3 events", "2 sessions of 6h", "2 calendar days", "1 calendar week"])
def test_the_plain_engine_counts_on_any_clock_as_the_walk_does(window):
    rng = np.random.default_rng(5)
    rows = [
        (int(who), float(day), event)
        for who, day, event in zip(
            rng.integers(0, 60, 900),
            rng.integers(0, 80, 900) / 4,
            rng.choice(["look", "buy", "x"], 900),
            strict=True,
        )
    ]
    log = log_of(rows)
    for entry in ("best", "first", "latest"):
        rules = {"window": window, "entry": entry, "ties": "row" if "events" in window else "stage"}
        definition = cx.Definition(TWO, **rules)
        fast, slow = (
            special_funnel(log, definition, NumpyEngine(), by_walking=walk) for walk in (False, True)
        )
        assert fast.reach.tolist() == slow.reach.tolist()
        assert fast.unclosed.tolist() == slow.unclosed.tolist()
        assert fast.last_entry.tolist() == slow.last_entry.tolist()
        for one, other in zip(fast.levels, slow.levels, strict=True):
            for part in ("customer", "reached", "entered", "previous"):
                assert getattr(one, part).tolist() == getattr(other, part).tolist()


def three(*anchored):
    return [
        cx.Stage(name, [name.lower()], role=None, anchored=name in anchored)
        for name in ("Look", "Cart", "Buy")
    ]


def test_an_anchored_stage_comes_after_those_before_it_and_before_those_behind_it():
    rows = []
    for who in ("look cart buy", "look buy cart", "cart look buy", "buy cart look", "cart buy look"):
        rows += [(who, place, event) for place, event in enumerate(who.split())]
    log = log_of(rows)

    def whole(*anchored):
        result = funnel(log, three(*anchored), order="any")
        return list(result.customers("Buy").index), result.frame["reach"].tolist()

    assert whole() == (list(log.customer_ids), [5, 5, 5])
    assert whole("Look") == (["look cart buy", "look buy cart"], [5, 3, 2])
    assert whole("Buy") == (["look cart buy", "cart look buy"], [5, 5, 2])
    assert whole("Cart") == (["look cart buy"], [5, 2, 1])
    assert whole("Look", "Cart", "Buy") == (["look cart buy"], [5, 2, 1])
    ordered = funnel(log, three(), order="ordered").frame["reach"].tolist()
    assert whole("Look", "Cart", "Buy")[1] == ordered


def test_the_window_of_an_anchored_order_runs_from_the_first_stage_that_counts():
    log = log_of([("a", 0, "cart"), ("a", 5, "look"), ("a", 6, "buy"), ("a", 7, "cart")])
    assert funnel(log, three("Look"), order="any", window="2D").frame["reach"].tolist() == [1, 1, 1]
    assert funnel(log, three(), order="any", window="1D").frame["reach"].tolist() == [1, 1, 0]
    matches = funnel(log, three("Look"), order="any", window="2D").matches
    assert dict(zip(matches["stage"], matches["row"], strict=True)) == {"Look": 1, "Cart": 3, "Buy": 2}


def test_at_one_time_anchored_stages_are_in_order():
    log = log_of([("a", 0, "cart"), ("a", 0, "look"), ("a", 0, "buy")])
    assert funnel(log, three("Cart"), order="any").frame["reach"].tolist() == [1, 1, 1]
    rows = {"order": "any", "window": "9 events", "ties": "row"}
    assert funnel(log, three("Look"), **rows).frame["reach"].tolist() == [1, 1, 0]


def test_in_any_order_windows_in_events_count_from_the_row_that_starts():
    log = log_of([("a", 0, "buy"), ("a", 0, "noise"), ("a", 0, "look")])
    assert funnel(log, order="any", ties="row", window="1 event").frame["reach"].tolist() == [1, 0]
    assert funnel(log, order="any", ties="row", window="2 events").frame["reach"].tolist() == [1, 1]


def test_attempts_time_out_when_a_counted_window_closes():
    log = log_of(
        [("a", 0, "look"), ("a", 0.5, "look"), ("a", 1, "look"), ("a", 1.2, "buy"), ("b", 2, "noise")]
    )
    result = funnel(log, window="1 calendar day", count="attempts", entry="first")
    assert result.frame["reach"].tolist() == [2, 1]
    assert result.customers("Look")["entered"].dt.day.tolist() == [1, 2]


def test_exclusions_count_inside_a_counted_window_only():
    log = log_of([("a", 0, "look"), ("a", 1, "refund"), ("a", 2, "look"), ("a", 2.2, "buy")])
    for window, reach in (("1 calendar day", [1, 1]), ("3 calendar days", [0, 0])):
        excluded = [cx.Exclusion("refund", effect="remove")]
        assert funnel(log, window=window, exclusions=excluded).frame["reach"].tolist() == reach


def test_a_window_in_events_counts_rows_of_one_moment_whichever_engine_answers():
    frame = pd.DataFrame(
        {"customer": ["a", "a"], "time": ["2026-01-01", "2026-01-01"], "event": ["ad", "order"]}
    )
    journey = cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, window="1 events", ties="row")
    for engine in available().values():
        log = cx.EventLog(frame, customer="customer", time="time", event="event")
        with counting_with(engine):
            assert cx.funnel(log, journey).frame["reach"].tolist() == [1, 1]
