from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

DAY = 86400.0
# The names of the stages give their roles. Observation ends on day 100.
DEFINITION = cx.Definition(
    {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order", "reorder"], "Advocate": ["review"]}
)
ROWS = [
    ("Ann", 0, "order", 10.0),
    ("Ann", 10, "order", 20.0),  # loops: nothing looked at since day 0
    ("Ann", 15, "ad", 7.0),
    ("Ann", 40, "order", 30.0),  # does not loop
    ("Ann", 41, "review", None),
    ("Bob", 5, "order", 5.0),
    ("Bob", 5, "reorder", 5.0),  # the same moment: one purchase
    ("Bob", 64, "compare", None),
    ("Bob", 65, "order", None),  # does not loop
    ("Cyd", 20, "order", 40.0),
    ("Dan", 90, "order", 0.0),
    ("Eve", 50, "ad", None),
    ("Fay", 100, "page", None),
]


def loyalty_of(rows, definition=DEFINITION, **columns):
    return cx.loyalty(log_of(rows, **columns), definition)


@pytest.fixture
def result():
    return loyalty_of([row[:3] for row in ROWS], value=[row[3] for row in ROWS])


def made_of(figure):
    return figure.numerator, figure.denominator


def test_figures_come_in_order_with_their_columns(result):
    assert list(result.frame.index) == [
        "buyers",
        "repeat_rate",
        "second_purchase_median",
        "retention",
        "active_passive",
        "loyalty_loop",
        "revenue_per_customer",
    ]
    assert list(result.frame.columns) == [
        "label",
        "value",
        "unit",
        "numerator",
        "denominator",
        "lower",
        "upper",
        "method",
        "note",
    ]
    assert result.frame["unit"].tolist() == ["count", "share", "seconds", "share", "ratio", "share", "money"]


def test_rows_of_one_moment_are_one_purchase(result):
    # Ann 3 purchases, Bob 2, Cyd 1, Dan 1.
    assert result["buyers"].value == 4
    assert made_of(result["repeat_rate"]) == (2, 4)
    assert result["repeat_rate"].value == 0.5
    assert (result["repeat_rate"].lower, result["repeat_rate"].upper) == pytest.approx(
        (0.150039, 0.849961), abs=1e-6
    )


def test_time_to_the_second_purchase_is_kaplan_meiers(result):
    # Ann after 10 days, Bob after 60; Cyd 80 and Dan 10 days without. The curve: 3/4 at 10, 3/8 at 60.
    assert result["second_purchase_median"].value == 60 * DAY
    curve = result.second_purchase
    assert curve["time"].tolist() == [pd.Timedelta(days=10), pd.Timedelta(days=60)]
    assert curve["share_repeated"].tolist() == [0.25, 0.625]
    assert curve["at_risk"].tolist() == [4, 2]
    assert (curve["lower"] < curve["share_repeated"]).all()
    assert (curve["share_repeated"] < curve["upper"]).all()


def test_retention_counts_only_buyers_whose_period_is_wholly_observed(result):
    # Whole periods of 30 days observed: Ann 3, Bob 3, Cyd 2, Dan 0. Ann buys in period 1, Bob in period 2.
    curve = result.retention
    assert curve["period"].tolist() == [0, 1, 2]
    assert curve["retained"].tolist() == [3, 1, 1]
    assert curve["mature"].tolist() == [3, 3, 2]
    assert curve["rate"].tolist() == [1, 1 / 3, 1 / 2]
    assert made_of(result["retention"]) == (1, 3)
    assert result["retention"].label == "Retention, days 30 to 60"


def test_a_period_includes_its_start_and_not_its_end():
    rows = [("a", 0, "order"), ("a", 30, "order"), ("b", 0, "order"), ("b", 60, "order"), ("c", 90, "ad")]
    definition = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
    curve = cx.loyalty(log_of(rows), definition).retention
    # Day 30 lies in period 1, day 60 in period 2; period 2 ends on day 90, with the observation.
    assert curve["retained"].tolist() == [2, 1, 1]
    assert curve["mature"].tolist() == [2, 2, 2]
    week = cx.loyalty(log_of(rows), definition.with_rules(retention_period="7D"))
    assert len(week.retention) == 12
    assert week.retention["retained"].tolist() == [2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]


def test_active_loyalists_recommend_passive_ones_do_not(result):
    figure = result["active_passive"]
    assert (figure.numerator, figure.denominator, figure.value) == (1, 1, 1.0)
    # The odds of the bounds of 1 of 2.
    assert (figure.lower, figure.upper) == pytest.approx((0.094531 / 0.905469, 0.905469 / 0.094531), rel=1e-4)


def test_the_latest_score_makes_a_promoter():
    rows = [(who, day, "order") for who in "abcd" for day in (0, 1)] + [("d", 2, "page"), ("d", 2, "page")]
    score = [9, None, 10, 8, 3, 9, None, None, 10, 2]
    result = loyalty_of(rows, cx.Definition({"Buy": ["order"]}), score=score)
    # a: 9. b: 10, then 8. c: 3, then 9. d: 10 and 2 at one moment, of which the lower counts.
    assert made_of(result["active_passive"]) == (2, 2)


def test_a_ratio_without_passive_loyalists_is_undefined_and_says_so():
    rows = [("a", 0, "order"), ("a", 1, "order"), ("a", 2, "review")]
    figure = loyalty_of(rows, cx.Definition({"Buy": ["order"], "Advocate": ["review"]}))["active_passive"]
    assert (figure.numerator, figure.denominator) == (1, 0)
    assert np.isnan(figure.value)
    assert figure.lower == pytest.approx(0.206549 / 0.793451, rel=1e-4)
    assert np.isnan(figure.upper)
    assert figure.note == "No passive loyalist to compare with."


def test_the_loop_counts_repeat_purchases_without_looking_around(result):
    assert made_of(result["loyalty_loop"]) == (1, 3)
    assert result["loyalty_loop"].method == "Wilson 95%, clustered by customer"


@pytest.mark.parametrize(
    ("rows", "looped"),
    [
        # At the time of the purchase before: not since then.
        ([("a", 0, "order"), ("a", 0, "ad"), ("a", 5, "order")], 1),
        # At the time of this purchase: before it if its stage comes earlier.
        ([("a", 0, "order"), ("a", 5, "order"), ("a", 5, "ad")], 0),
        ([("a", 0, "order"), ("a", 5, "order"), ("a", 5, "look")], 1),
        # After it: does not count, for the next one it does.
        ([("a", 0, "order"), ("a", 5, "order"), ("a", 6, "look")], 1),
        ([("a", 0, "order"), ("a", 5, "order"), ("a", 6, "look"), ("a", 7, "order")], 1),
        # A row in no stage is not looking around.
        ([("a", 0, "order"), ("a", 4, "page"), ("a", 5, "order")], 1),
    ],
)
def test_what_counts_as_looking_around_since_the_last_purchase(rows, looped):
    stages = {"Consider": ["ad"], "Buy": ["order"], "Evaluate": ["look"]}
    rows = [*rows, ("z", 0, "ad"), ("z", 0, "look")]
    figure = loyalty_of(rows, cx.Definition(stages))["loyalty_loop"]
    assert figure.numerator == looped


def test_revenue_is_the_value_of_purchases_over_all_customers(result):
    # 10 + 20 + 30 + 5 + 5 + 40 + 0 over six customers; the value of an ad is not revenue.
    figure = result["revenue_per_customer"]
    assert made_of(figure) == (110, 6)
    assert figure.value == pytest.approx(110 / 6)
    # Per customer 60, 10, 40, 0, 0, 0: standard deviation 25.625508, t = 2.570582 with 5 degrees of freedom.
    # Squared deviations sum to 3283.3333, cubed ones to 63444.4444.
    error, k = 25.625508 / 6**0.5, 63444.4444 / 3283.3333**1.5
    away = 3 / k * (1 - (1 - k * (2.570582 + k / 6)) ** (1 / 3))
    assert figure.upper - figure.value == pytest.approx(away * error, abs=1e-3)


def test_what_cannot_be_measured_is_undefined_with_its_reason():
    rows = [row[:3] for row in ROWS]
    no_roles = loyalty_of(rows, cx.Definition([cx.Stage("Things", ["order"], role=None)]))
    assert no_roles.frame["value"].isna().all()
    assert set(no_roles.frame["note"]) == {"Not measurable: no stage has the role 'buy'."}
    only_buy = loyalty_of(rows, cx.Definition({"Buy": ["order"]}))
    notes = only_buy.frame["note"]
    assert notes["loyalty_loop"] == "Not measurable: no stage has the role 'consider' or 'evaluate'."
    assert notes["active_passive"] == (
        "Not measurable: no stage has the role 'advocate' and the log has no score column."
    )
    assert notes["revenue_per_customer"] == "Not measurable: the log has no value column."
    assert only_buy["repeat_rate"].value == 0.5


def test_nobody_bought_is_a_note_not_an_error():
    result = loyalty_of(
        [("a", 0, "order"), ("b", 0, "ad")], cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
    )
    assert made_of(result["repeat_rate"]) == (0, 1)
    assert result["loyalty_loop"].note == "Nobody bought again."
    assert result["retention"].note == "No buyer was observed for two periods of 30D."
    assert (
        result["second_purchase_median"].note == "Fewer than half of the buyers are estimated to buy again."
    )
    empty = loyalty_of([], value=[])
    assert empty["buyers"].value == 0
    assert empty["repeat_rate"].note == "Nobody bought."
    assert empty.frame["value"].drop("buyers").isna().all()
    assert empty.retention.empty
    assert empty.second_purchase.empty


def test_a_figure_is_found_by_its_key(result):
    assert list(result) == list(result.keys()) == list(result.frame.index)
    assert len(result) == 7
    with pytest.raises(cx.CXError, match=r"^unknown figure 'repeat'. Did you mean 'repeat_rate'\?"):
        result["repeat"]


def test_the_result_reads_well(result):
    text = repr(result)
    assert "The retention period is 30D." in text
    assert "1 event lies in no stage." in text
    assert "60.0 d" in text
    assert "1 : 1" in text
    assert "50.0%" in result._repr_html_()


def test_influences_sum_to_zero_and_belong_to_buyers(result):
    for key in result:
        assert result[key].influence.sum() == pytest.approx(0, abs=1e-9), key
    # Ann, Bob are repeat buyers, Cyd and Dan are not, Eve and Fay no buyers.
    assert result["repeat_rate"].influence.tolist() == [0.5, 0.5, -0.5, -0.5, 0, 0]
