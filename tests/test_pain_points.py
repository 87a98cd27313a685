"""Touchpoints after which customers were lost."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx

STAGES = cx.Definition({"See": ["ad", "call"], "Ask": ["chat", "form"], "Buy": ["order"]})


def made(rows, **roles):
    df = pd.DataFrame(rows, columns=["who", "when", "what", "score", "place"])
    return cx.EventLog(df, customer="who", time="when", event="what", **roles)


def day(number):
    return f"2026-01-{number:02d}"


ROWS = [
    ("a", day(1), "ad", None, "web"),
    ("a", day(2), "chat", 9, "web"),
    ("a", day(3), "order", None, "web"),
    ("b", day(1), "ad", None, "web"),
    ("b", day(2), "form", 2, "app"),
    ("c", day(1), "call", None, None),
    ("c", day(2), "form", 4, "app"),
    ("c", day(3), "form", 8, "app"),
    ("d", day(1), "ad", None, "web"),
    ("d", day(4), "other", None, "web"),
    ("e", day(1), "chat", 1, "web"),  # never entered
]


def test_losses_by_hand():
    result = cx.pain_points(made(ROWS, score="score"), STAGES)
    assert (result.lost, result.entrants) == (3, 4)
    found = {key: tuple(line[["numerator", "denominator"]]) for key, line in result.frame.iterrows()}
    assert found == {
        ("form", "Ask"): (2, 2),
        ("ad", "See"): (1, 3),
        ("call", "See"): (0, 1),
        ("chat", "Ask"): (0, 1),
        ("order", "Buy"): (0, 1),
    }
    assert list(result.frame.index) == list(found)
    # The rate of "Ask" is 2 losses of 3 meetings, that of "See" 1 of 4.
    assert result.frame["lift"].tolist()[:4] == pytest.approx([1.5, 4 / 3, 0, 0])
    assert list(result.customers("form").index) == ["b", "c"]
    assert list(result.customers("form", "See").index) == []


def test_ratings_are_of_the_latest_score_of_each_customer():
    result = cx.pain_points(made(ROWS, score="score"), STAGES)
    form = result.frame.loc[("form", "Ask")]
    assert (form["rating"], form["answers"]) == (5, 2)  # 2 of b, 8 of c
    assert result.frame.loc[("chat", "Ask"), "rating"] == 9  # e did not enter
    assert list(result.by_rating.index.get_level_values(0)) == ["form", "chat"]


def test_of_scores_at_one_time_the_lowest_counts():
    rows = [("a", day(1), "ad", 3, None), ("a", day(1), "ad", 7, None), ("b", day(1), "ad", 5, None)]
    rest = [("c", day(2), what, None, None) for what in ("chat", "order", "call", "form")]
    log = made([*rows, *rest], score="score")
    assert cx.pain_points(log, STAGES).frame.loc[("ad", "See"), "rating"] == 4


def test_without_scores_and_without_a_window_it_says_so():
    result = cx.pain_points(made(ROWS), STAGES)
    assert result.frame["rating"].isna().all()
    assert result.by_rating.empty
    assert "no score column" in result.note
    assert "No window is set" in result.note
    assert "Rating" not in repr(result)


def test_with_a_window_who_may_still_convert_is_not_lost():
    log = made([*ROWS, ("f", day(4), "call", None, None)])
    result = cx.pain_points(log, STAGES.with_rules(window="2D"))
    assert result.lost == 3  # f is open
    assert result.frame.loc[("call", "See"), "denominator"] == 2


def test_what_came_after_the_window_closed_has_no_part_in_the_loss():
    rows = [
        ("a", day(1), "ad", None, None),
        ("a", day(9), "form", None, None),
        ("b", day(1), "ad", None, None),
        ("b", day(2), "chat", None, None),
        ("b", day(3), "order", None, None),
        ("b", day(9), "call", None, None),
    ]
    frame = cx.pain_points(made(rows), STAGES.with_rules(window="5D")).frame
    assert tuple(frame.loc[("ad", "See"), ["numerator", "denominator"]]) == (1, 2)
    assert ("form", "Ask") not in frame.index
    assert frame.loc[("call", "See"), "denominator"] == 1


def test_at_one_time_the_order_of_the_stages_says_what_was_last():
    rows = [
        ("a", day(1), "chat", None, None),
        ("a", day(1), "ad", None, None),
        ("b", day(2), "order", None, None),
    ]
    log = made([*rows, ("b", day(2), "call", None, None), ("b", day(2), "form", None, None)])
    assert list(cx.pain_points(log, STAGES).customers("chat").index) == ["a"]


def test_a_column_makes_touchpoints_and_missing_is_one_of_them():
    result = cx.pain_points(made(ROWS), STAGES, by="place")
    found = {key: tuple(line[["numerator", "denominator"]]) for key, line in result.frame.iterrows()}
    assert found[("app", "Ask")] == (2, 2)
    assert found[("(missing)", "See")] == (0, 1)
    assert found[("web", "See")] == (1, 3)


def test_losses_add_up_to_the_lost_and_agree_with_reasons():
    log, journey = cx.datasets.complete_journey_log(), cx.datasets.complete_journey_definition()
    result = cx.pain_points(log, journey)
    lost = cx.reasons(log, journey).frame.drop("open", level="reason", errors="ignore")
    assert result.frame["numerator"].sum() == result.lost == lost["customers"].sum()


def test_many_touchpoints_are_counted_like_few(monkeypatch):
    dense = cx.pain_points(made(ROWS), STAGES).frame
    monkeypatch.setattr(sys.modules["cx_widgets.metrics.pain_points"], "_DENSE", 0)
    pd.testing.assert_frame_equal(cx.pain_points(made(ROWS), STAGES).frame, dense)


def test_special_rules_are_followed():
    strict = STAGES.with_rules(order="strict")
    result = cx.pain_points(made(ROWS), strict)
    assert (result.lost, result.entrants) == (3, 4)
    assert "No window" not in result.note


def test_nobody_entered_gives_no_lines_and_one_stage_is_refused():
    rows = [
        ("a", day(1), "order", None, None),
        ("b", day(2), "ad", None, None),
        ("c", day(1), "chat", None, None),
    ]
    early = STAGES.with_rules(observation_end="2026-01-01")
    log = made([*rows, ("d", day(3), "call", None, None), ("d", day(3), "form", None, None)])
    assert cx.pain_points(log, early).frame.empty
    with pytest.raises(cx.CXError, match="with one stage nobody is lost"):
        cx.pain_points(log, cx.Definition({"Buy": ["order"]}))
    result = cx.pain_points(log, STAGES)
    with pytest.raises(cx.CXError, match="unknown touchpoint 'adv'"):
        result.customers("adv")
    with pytest.raises(cx.CXError, match="unknown stage 'Se'"):
        result.customers("ad", "Se")


def test_it_claims_no_effect():
    text = repr(cx.pain_points(made(ROWS), STAGES))
    assert "need not be why they left" in text
    assert np.isfinite(cx.pain_points(made(ROWS), STAGES).frame["upper"]).all()


def test_a_log_without_events_but_with_scores_has_no_pain_points():
    df = pd.DataFrame({"who": ["a"], "when": ["2026-01-01"], "what": ["view"], "score": [3.0]}).iloc[:0]
    log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
    result = cx.pain_points(log, cx.Definition({"Look": ["view"], "Buy": ["order"]}))
    assert result.frame.empty
    assert (result.lost, result.entrants) == (0, 0)
