"""The end of observation as a rule: no metric sees a later row, and everybody is judged as of then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of, random_case
from test_against_oracle import check_flow, check_funnel, check_loyalty, check_transitions

import cx_widgets as cx
from cx_widgets.engine import funnel_paths
from cx_widgets.metrics.stages import stage_sizes

STAGES = {"Look": ["look"], "Cart": ["cart"], "Buy": ["buy"]}
ROWS = [
    ("a", 0, "look"),
    ("a", 1, "cart"),
    ("a", 2, "buy"),
    ("b", 1, "look"),
    ("b", 5, "cart"),
    ("c", 4, "look"),
    ("d", 6, "look"),
]


@pytest.mark.parametrize("block", range(10))
def test_metrics_agree_with_the_oracle_at_any_end(block):
    rng = np.random.default_rng([2027, block])
    for _ in range(30):
        case = random_case(rng)
        if not case.rows:
            continue
        # Between rows and behind the last one as well, also between two ticks.
        end = float(rng.integers(0, 2 * case.end + 6)) / 2
        seen = replace(
            case,
            definition=case.definition.with_rules(observation_end=case.moment(0) + case.time(end)),
            rows=[row for row in case.rows if row[1] <= end],
            end=end,
        )
        check_funnel(seen)
        check_transitions(seen)
        check_flow(seen)
        check_loyalty(seen)


def frames(log, definition):
    """Return every table there is about a log under a definition, by name."""
    funnel, loyalty = cx.funnel(log, definition), cx.loyalty(log, definition)
    reasons, trend = cx.reasons(log, definition), cx.trend(log, definition, period="D")
    curve, moves = cx.time_to_convert(log, definition), cx.transitions(log, definition)
    found = {
        "funnel": funnel.frame,
        "matches": funnel.matches,
        "customers": funnel.customers("Look"),
        "sizes": stage_sizes(log, definition),
        "loyalty": loyalty.frame,
        "retention": loyalty.retention,
        "second purchase": loyalty.second_purchase,
        "figures": cx.figures(log, definition).frame,
        "reasons": reasons.frame,
        "lost": reasons.customers("Cart"),
        "trend": trend.frame,
        "curve": curve.frame,
        "histogram": curve.histogram,
        "transitions": moves.frame,
        "visits": moves.stages,
        "flow": cx.flow(log, definition, positions=3).frame,
        "breakdown": cx.breakdown(log, definition, by="device", smallest=1).frame,
        "last touch": cx.breakdown(log, definition, by="device", attribution="last touch").frame,
    }
    for who in funnel.customers("Look").index:
        found[f"timeline of {who}"] = cx.timeline(log, definition, who).frame
    return found | {"open": pd.DataFrame({"open": [funnel.open_customers, curve.open, reasons.entrants]})}


@pytest.mark.parametrize("seed", range(12))
def test_every_metric_is_that_of_a_log_without_the_later_rows(seed):
    rng = np.random.default_rng([2028, seed])
    size = int(rng.integers(3, 25))
    second = np.sort(rng.integers(0, 12, size))
    frame = pd.DataFrame(
        {
            "who": rng.integers(0, 4, size),
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(second * 8, unit="h"),
            "what": np.array(["look", "cart", "buy", "other"])[rng.integers(0, 4, size)],
            "device": np.array(["tv", "web"])[rng.integers(0, 2, size)],
            "score": rng.integers(0, 11, size).astype(float),
            "value": 1.0,
        }
    )
    # Somebody does everything at the first moment, so that every event name is known to both logs.
    known = frame.iloc[[0, 0, 0]].assign(who=9, what=["look", "cart", "buy"], at=frame["at"].min())
    frame = pd.concat([known, frame], ignore_index=True)
    roles = {"customer": "who", "time": "at", "event": "what", "value": "value", "score": "score"}
    end = frame["at"].iloc[int(rng.integers(0, len(frame)))]
    whole, early = cx.EventLog(frame, **roles), cx.EventLog(frame[frame["at"] <= end], **roles)
    window = None if rng.random() < 0.3 else f"{int(rng.integers(8, 60))}h"
    plain = cx.Definition(
        [
            cx.Stage("Look", ["look"], role="consider"),
            cx.Stage("Cart", ["cart"]),
            cx.Stage("Buy", ["buy"], role="buy"),
        ],
        window=window,
        retention_period="8h",
        denominator=["entrants", "all"][int(rng.integers(2))],
    )
    ours, truth = frames(whole, plain.with_rules(observation_end=end)), frames(early, plain)
    assert ours.keys() == truth.keys()
    for name, expected in truth.items():
        pd.testing.assert_frame_equal(ours[name], expected, obj=name)
    longer = {"window": "72h"}
    ended = cx.compare(
        whole, plain.with_rules(observation_end=end), plain.with_rules(observation_end=end, **longer)
    )
    expected = cx.compare(early, plain, plain.with_rules(**longer))
    pd.testing.assert_frame_equal(ended.frame, expected.frame)
    assert (ended.n_customers, ended.unassigned_events) == (expected.n_customers, expected.unassigned_events)


def test_nobody_who_came_later_is_counted_anywhere():
    log = log_of(ROWS)
    result = cx.funnel(
        log, cx.Definition(STAGES, window="3D", observation_end="2026-01-05", denominator="all")
    )
    # Day 4: b's window closed at its end, c entered that day, d is not there yet.
    assert result.frame["reach"].tolist() == [3, 1, 1]
    assert (result.n_customers, result.n_units, result.open_customers) == (3, 3, 1)
    assert list(result.customers("Look").index) == ["a", "b", "c"]
    assert "observed until 2026-01-05 00:00:00" in repr(result)


def test_an_end_after_the_last_row_leaves_fewer_open():
    log = log_of(ROWS)
    still = {
        end: cx.funnel(log, cx.Definition(STAGES, window="3D", observation_end=end)).open_customers
        for end in (None, "2026-01-07", "2026-01-07T12:00", "2026-01-09T23:59:59", "2026-01-10")
    }
    # c's window closes on day 7, d's on day 9.
    assert list(still.values()) == [2, 2, 2, 1, 0]


def test_an_end_between_two_ticks_of_the_log_is_exact():
    log = log_of([("a", 0, "look"), ("b", 0, "look"), ("b", 1, "buy")])
    stages = {"Look": ["look"], "Buy": ["buy"]}
    for end, open_customers in (("2026-01-02T00:00:00.4", 1), ("2026-01-02T00:00:00.5", 0)):
        rules = {"window": "86400500ms", "observation_end": end}
        assert cx.funnel(log, cx.Definition(stages, **rules)).open_customers == open_customers


def test_an_end_before_everything_leaves_an_empty_log():
    result = cx.funnel(log_of(ROWS), cx.Definition(STAGES, window="3D", observation_end="2025-12-31"))
    assert result.frame["reach"].tolist() == [0, 0, 0]
    assert np.isnan(result.frame["conversion"]).all()
    assert result.n_customers == 0
    for name in ("transitions", "flow", "loyalty", "figures", "reasons", "trend", "time_to_convert"):
        assert repr(getattr(cx, name)(log_of(ROWS), result.definition))


def test_a_time_without_a_zone_is_one_in_the_logs():
    times = pd.to_datetime(["2026-03-29 00:30", "2026-03-29 01:30"], utc=True)
    frame = pd.DataFrame({"who": ["a", "b"], "at": times, "what": "look"})
    log = cx.EventLog(frame, customer="who", time="at", event="what", time_zone="Europe/Berlin")

    def entrants(end):
        return int(
            cx.funnel(log, cx.Definition({"Look": ["look"]}, observation_end=end)).frame["reach"].iloc[0]
        )

    # 01:30 and 03:30 in Berlin, where clocks skip the hour from two to three.
    assert entrants("2026-03-29T01:29:59") == 0
    assert entrants("2026-03-29T01:30") == 1
    assert entrants("2026-03-29T03:29:59") == 1
    assert entrants("2026-03-29T03:30") == 2
    assert entrants("2026-03-29T01:30+00:00") == 2
    assert entrants(pd.Timestamp("2026-03-29T00:30", tz="America/New_York")) == 2


def test_two_definitions_may_end_at_different_times():
    log = log_of(ROWS)
    plain = cx.Definition(STAGES, window="9D")
    changes = cx.compare(log, plain.with_rules(observation_end="2026-01-05"), plain)
    row = changes.frame.loc["conversion"]
    assert (row["baseline"], row["now"]) == (1 / 3, 1 / 4)
    assert row["lower"] < row["delta"] < row["upper"]
    assert changes.n_customers == 4


def test_a_log_is_cut_once_for_all_metrics():
    log = log_of(ROWS)
    early = log.until("2026-01-05")
    assert log.until("2026-01-05") is early
    assert early.until("2026-01-05") is early
    assert early.until("2026-01-02").n_events == 3
    definition = cx.Definition(STAGES, observation_end="2026-01-05")
    cx.funnel(log, definition)
    assert funnel_paths(early, definition) is funnel_paths(early, definition)
    assert early.observation_end == pd.Timestamp("2026-01-05")
    assert early.end == pd.Timestamp("2026-01-05")
    assert early.event_names == log.event_names
    assert early.customer_numbers.tolist() == [0, 1, 2]
    assert log.n_events == 7


def test_ends_far_beyond_the_log_stay_exact():
    log = log_of([("a", 0, "look"), ("a", 1, "buy"), ("b", 0, "look")])
    definition = cx.Definition(
        {"Look": ["look"], "Buy": ["buy"]}, window="50000D", observation_end="2162-11-23"
    )
    assert cx.funnel(log, definition).open_customers == 1
    assert cx.funnel(log, definition.with_rules(observation_end="2162-11-24")).open_customers == 0
    assert cx.transitions(log, definition).stages["censored"].tolist() == [1, 1]


def test_a_difference_may_be_explained_by_the_end_of_observation():
    log = log_of(ROWS)
    plain = cx.Definition(STAGES, window="9D")
    early = plain.with_rules(observation_end="2026-01-05")
    for before, after, numbers in ((early, plain, [1 / 3, 1 / 4]), (plain, early, [1 / 4, 1 / 3])):
        result = cx.explain_difference(log, before, after)
        assert list(result.frame.index) == ["observation_end"]
        assert [result.conversion_a.value, result.conversion_b.value] == numbers
        flips = result.flips("observation_end")
        assert flips["reached_before"].astype(object).where(flips["reached_before"].notna(), None).tolist()
        assert set(flips.index) == {"b", "d"}
    same_end = cx.explain_difference(log, early, early.with_rules(window="1D"))
    alone = cx.explain_difference(log.until("2026-01-05"), plain, plain.with_rules(window="1D"))
    pd.testing.assert_frame_equal(same_end.frame, alone.frame)
