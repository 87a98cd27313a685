"""Churn by an event and by a stated silence."""

from __future__ import annotations

import pandas as pd
import pytest

import cx_widgets as cx

BUY = cx.Definition({"Buy": ["order"], "Leave": ["cancel"]})


def made(rows):
    df = pd.DataFrame(rows, columns=["who", "when", "what"])
    return cx.EventLog(df, customer="who", time="when", event="what")


# Observed until 31 January. Silence of more than 10 days:
# a bought on 1 and 20 January (a silence of 19 days, from which they came back; silent for 11 now): lost
# b bought on 5 and 25 January (came back after 20 days; silent for 6): staying
# c bought on 25 January: too early to say.  d bought on 2 January: lost.  e: exactly 10 days ago, too early.
SILENT = made(
    [
        ("a", "2026-01-01", "order"),
        ("a", "2026-01-20", "order"),
        ("b", "2026-01-05", "order"),
        ("b", "2026-01-25", "order"),
        ("c", "2026-01-25", "order"),
        ("d", "2026-01-02", "order"),
        ("e", "2026-01-21", "order"),
        ("x", "2026-01-31", "cancel"),
    ]
)


def test_by_silence_those_too_early_to_judge_are_kept_apart():
    result = cx.churn(SILENT, BUY, silence="10D")
    assert (result["churned"].numerator, result["churned"].denominator) == (2, 3)
    assert result["waiting"].value == 2
    assert list(result.customers("churned").index) == ["a", "d"]
    assert list(result.customers("staying").index) == ["b"]
    assert list(result.customers("waiting").index) == ["c", "e"]


def test_by_silence_it_is_said_how_often_the_lost_came_back():
    returned = cx.churn(SILENT, BUY, silence="10D")["returned"]
    # Silences of more than 10 days: a's 19 (ended) and 11, b's 20 (ended), d's 29.
    assert (returned.numerator, returned.denominator) == (2, 4)
    assert returned.method == "Wilson 95%, clustered by customer"


def test_by_silence_the_curve_dates_the_loss_when_the_silence_is_long_enough():
    curve = cx.churn(SILENT, BUY, silence="10D").curve
    # a, b and d are each first silent for 10 days at day 10; c and e are cut off after 6 and at 10 days.
    assert curve["time"].tolist() == [pd.Timedelta("10D")]
    assert curve["at_risk"].tolist() == [4]
    assert curve["share"].tolist() == [0.75]


def test_by_event_rows_before_the_start_do_not_end_it():
    log = made(
        [
            ("a", "2026-01-01", "cancel"),
            ("a", "2026-01-02", "order"),
            ("b", "2026-01-02", "order"),
            ("b", "2026-01-02", "cancel"),
            ("c", "2026-01-12", "order"),
        ]
    )
    result = cx.churn(log, BUY, event="Leave", horizon="5D")
    assert list(result.customers().index) == ["b"]
    assert list(result.customers("staying").index) == ["a", "c"]
    assert (result["churned"].numerator, result["churned"].denominator) == (1, 3)
    assert result["churned_by"].value == pytest.approx(1 / 3)


def test_a_horizon_nobody_was_observed_for_is_undefined():
    figure = cx.churn(SILENT, BUY, event="cancel", horizon="60D")["churned_by"]
    assert pd.isna(figure.value)
    assert figure.note == "Nobody was observed for so long."


def test_nobody_lost_by_then_is_none_not_undefined():
    figure = cx.churn(SILENT, BUY, event="cancel", horizon="5D")["churned_by"]
    assert figure.value == 0
    assert figure.note == "Nobody was lost by then."


def test_a_horizon_shorter_than_the_silence_cannot_lose_anybody_and_says_so():
    by = cx.churn(SILENT, BUY, silence="10D", horizon="9D")["churned_by"]
    assert (by.value, by.note) == (0.0, "Nobody can be lost before 10D are over. Say a longer horizon.")
    assert cx.churn(SILENT, BUY, silence="10D", horizon="10D")["churned_by"].note == ""
    # Unless it is said, the horizon is the retention period of 30 days, or twice the silence.
    assert cx.churn(SILENT, BUY, silence="10D")["churned_by"].label == "Lost within 30D"
    assert cx.churn(SILENT, BUY, silence="16D")["churned_by"].label == "Lost within 32D"


def test_nobody_began_is_a_note_not_an_error():
    result = cx.churn(made([("a", "2026-01-01", "cancel"), ("a", "2026-01-02", "order")]), BUY, event="order",
                      since=cx.Stage("Never", ["cancel"], nth=2))  # fmt: skip
    assert result["churned"].note == "Nobody began."
    assert pd.isna(result["churned"].value)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "say what counts as lost"),
        ({"event": "cancel", "silence": "3D"}, "not both"),
        ({"event": "cancl"}, "Did you mean 'cancel'"),
        ({"silence": 30}, "30"),
        ({"silence": "3D", "since": "Buy"}, "Leave since out"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(asked, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        cx.churn(SILENT, BUY, **asked)


def test_the_result_says_the_rule_and_points_to_the_model():
    text = repr(cx.churn(SILENT, BUY, silence="10D"))
    assert "no purchase for longer than 10 days" in text or "10D" in text
    assert "lifetime_value" in text
    with pytest.raises(cx.CXError, match="unknown state 'gone'"):
        cx.churn(SILENT, BUY, silence="10D").customers("gone")
