"""Special rules on small literal logs: what a result shows, and what it counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import stats

STAGES = {"Look": ["look"], "Cart": ["cart"], "Buy": ["buy"]}


def reach(log, stages=STAGES, **rules):
    return cx.funnel(log, cx.Definition(stages, **rules)).frame["reach"].tolist()


def test_attempts_are_lines_with_a_number_and_their_interval_is_by_customer():
    log = log_of(
        [
            ("a", 0, "look"),
            ("a", 1, "buy"),
            ("a", 2, "look"),
            ("a", 3, "buy"),
            ("b", 0, "look"),
            ("c", 0, "look"),
        ]
    )
    result = cx.funnel(log, cx.Definition({"Look": ["look"], "Buy": ["buy"]}, count="attempts"))
    assert result.frame["reach"].tolist() == [4, 2]
    assert list(result.customers("Buy").index) == [("a", 1), ("a", 2)]
    assert result.customers("Buy").index.names == ["customer", "attempt"]
    assert result.matches["attempt"].tolist() == [1, 1, 2, 2, 1, 1]
    low, high = stats.clustered_wilson(2, 4, success_squares=4, products=4, trial_squares=6, clusters=3)
    row = result.frame.loc["Buy"]
    assert (row["conversion_lower"], row["conversion_upper"]) == (low, high)
    assert row["method"] == "Wilson 95%, clustered by customer"
    assert "4 attempts" in repr(result)
    figure = cx.figures(log, result.definition)["conversion"]
    assert (figure.value, figure.lower, figure.upper) == (0.5, low, high)


def test_sessions_are_cut_by_a_gap_and_numbered_by_customer():
    rows = [("a", 0, "look"), ("a", 0.5, "cart"), ("a", 2, "look"), ("a", 2.5, "cart"), ("a", 3, "buy")]
    log = log_of([*rows, ("b", 0, "cart")])
    result = cx.funnel(log, cx.Definition(STAGES, unit="1D", denominator="all"))
    assert result.frame["reach"].tolist() == [2, 2, 1]
    assert result.frame["entrants"].tolist() == [3, 3, 3]
    assert list(result.customers("Buy").index) == [("a", 2)]
    assert result.n_units == 3
    assert "3 sessions" in repr(result)


def test_a_journey_ends_with_the_last_stage():
    log = log_of([("a", 0, "look"), ("a", 1, "buy"), ("a", 2, "cart"), ("a", 3, "buy"), ("a", 4, "look")])
    result = cx.funnel(log, cx.Definition({"Look": ["look"], "Buy": ["buy"]}, unit="journey"))
    assert result.frame["reach"].tolist() == [2, 1]
    assert list(result.customers("Look").index) == [("a", 1), ("a", 3)]


def test_a_column_gathers_rows_of_several_customers():
    log = log_of(
        [("a", 0, "look"), ("b", 1, "buy"), ("b", 2, "look")], house=pd.Series(["x", "x", None], dtype=object)
    )
    result = cx.funnel(log, cx.Definition({"Look": ["look"], "Buy": ["buy"]}, unit="house"))
    assert result.frame["reach"].tolist() == [1, 1]
    assert list(result.customers("Buy").index) == ["x"]
    assert result.matches[["customer", "house", "row"]].to_numpy().tolist() == [["a", "x", 0], ["b", "x", 1]]


def test_flow_and_loyalty_stay_by_customer_whatever_is_counted():
    log = log_of([("a", 0, "look"), ("a", 1, "buy"), ("a", 2, "look"), ("b", 3, "buy")])
    stages = {"Look": ["look"], "Buy": ["buy"]}
    plain, special = (cx.Definition(stages, **rules) for rules in ({}, {"count": "attempts"}))
    pd.testing.assert_frame_equal(cx.flow(log, plain).frame, cx.flow(log, special).frame)
    pd.testing.assert_frame_equal(cx.loyalty(log, plain).frame, cx.loyalty(log, special).frame)
    customers = cx.transitions(log, special).customers("Look", "Buy")
    assert list(customers.index) == ["a"]


def test_two_definitions_that_count_different_things_can_be_compared():
    log = log_of([("a", 0, "look"), ("a", 1, "buy"), ("a", 2, "look"), ("b", 3, "look")])
    plain = cx.Definition({"Look": ["look"], "Buy": ["buy"]})
    changes = cx.compare(log, plain, plain.with_rules(count="attempts")).frame
    assert changes.loc["conversion", ["baseline", "now"]].tolist() == [0.5, pytest.approx(1 / 3)]


def test_an_optional_stage_is_counted_and_left_out():
    log = log_of([("a", 0, "look"), ("a", 1, "buy"), ("b", 0, "look"), ("b", 1, "cart"), ("b", 2, "buy")])
    stages = [cx.Stage("Look", ["look"]), cx.Stage("Cart", ["cart"], optional=True), cx.Stage("Buy", ["buy"])]
    result = cx.funnel(log, cx.Definition(stages))
    assert result.frame["reach"].tolist() == [2, 1, 2]
    assert result.frame["previous"].tolist()[1:] == [2, 2]
    assert result.frame["step_conversion"].tolist()[1:] == [0.5, 1.0]
    assert list(result.customers("Cart", state="dropped").index) == ["a"]
    assert result.matches["stage"].tolist() == ["Look", "Buy", "Look", "Cart", "Buy"]


def test_an_open_funnel_shares_are_of_all_who_entered_anywhere():
    log = log_of([("a", 0, "look"), ("b", 0, "cart"), ("b", 1, "buy"), ("c", 0, "buy")])
    frame = cx.funnel(log, cx.Definition(STAGES, reach="open")).frame
    assert frame["reach"].tolist() == [1, 1, 2]
    assert frame["entrants"].tolist() == [3, 3, 3]
    assert frame["step_conversion"].tolist()[1:] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("effect", "expected"), [("stop", [2, 1]), ("reset", [2, 1]), ("remove", [1, 0])], ids=str
)
def test_what_an_exclusion_does(effect, expected):
    # a: refused once, then through; b: looks only.
    log = log_of([("a", 0, "look"), ("a", 1, "refuse"), ("a", 2, "look"), ("a", 3, "buy"), ("b", 0, "look")])
    stages = {"Look": ["look"], "Buy": ["buy"]}
    assert reach(log, stages, exclusions=[cx.Exclusion("refuse", effect=effect)]) == expected


def test_an_attempt_that_met_an_exclusion_is_not_open():
    log = log_of([("a", 0, "look"), ("a", 1, "refuse"), ("b", 0, "look"), ("b", 1, "other"), ("c", 0, "buy")])
    stages = {"Look": ["look"], "Buy": ["buy"]}
    open_before = cx.funnel(log, cx.Definition(stages, window="5D")).open_customers
    excluded = cx.Definition(stages, window="5D", exclusions=[cx.Exclusion("refuse")])
    assert (open_before, cx.funnel(log, excluded).open_customers) == (2, 1)


def test_columns_held_constant_keep_chains_apart():
    log = log_of(
        [("a", 0, "look"), ("a", 1, "buy"), ("b", 0, "look"), ("b", 1, "buy"), ("c", 0, "look")],
        device=pd.Series(["tv", "web", "tv", "tv", None], dtype=object),
    )
    assert reach(log, {"Look": ["look"], "Buy": ["buy"]}, hold_constant=["device"]) == [2, 1]


def test_a_log_without_events_has_undefined_shares_under_every_rule():
    log = log_of([])
    stages = {"Look": ["look"], "Buy": ["buy"]}
    for rules in (
        {"order": "any"},
        {"unit": "1D"},
        {"unit": "journey"},
        {"count": "attempts"},
        {"entry": "first"},
        {"reuse": "shared", "exclusions": [cx.Exclusion("x")]},
    ):
        result = cx.funnel(log, cx.Definition(stages, **rules))
        assert result.frame["reach"].tolist() == [0, 0]
        assert np.isnan(result.frame["conversion"]).all()
        assert len(result.matches) == 0
        assert result.customers("Look").empty
        assert repr(result)


def test_edits_keep_what_exclusions_name():
    journey = cx.Definition(STAGES, exclusions=[cx.Exclusion("refuse", after="Cart")])
    assert journey.rename("Cart", "Basket").rules.exclusions[0].after == "Basket"
    assert journey.merge("Look", "Cart").rules.exclusions[0].after == "Look"


def test_plain_rules_take_the_plain_path(monkeypatch):
    def never(*_args, **_fields):
        pytest.fail("the special path was asked")

    monkeypatch.setattr("cx_widgets.engine._special.special_funnel", never)
    log = log_of([("a", 0, "look"), ("a", 1, "cart"), ("a", 2, "buy")])
    assert reach(log, window="5D", denominator="all", retention_period="7D") == [1, 1, 1]


def test_in_any_order_rows_change_stages_so_that_more_of_them_find_one():
    stages = [cx.Stage("Either", ["look", "cart"]), cx.Stage("Look", ["look"])]
    log = log_of([("a", 0, "look"), ("a", 1, "cart")])
    assert reach(log, stages, order="any", reuse="distinct") == [1, 1]
    assert reach(log, stages, reuse="distinct") == [1, 0]


@pytest.mark.parametrize("first", ["look", "cart"])
def test_at_one_time_distinct_rows_are_matched_whatever_their_place(first):
    stages = [cx.Stage("Either", ["look", "cart"]), cx.Stage("Look", ["look"])]
    second = {"look": "cart", "cart": "look"}[first]
    log = log_of([("a", 0, first), ("a", 0, second)])
    result = cx.funnel(log, cx.Definition(stages, reuse="distinct"))
    assert result.frame["reach"].tolist() == [1, 1]
    assert result.matches["row"].tolist() == [
        ["look", "cart"].index(first) ^ 1,
        ["look", "cart"].index(first),
    ]


def test_one_row_serves_several_stages_only_where_rows_are_shared():
    stages = [cx.Stage(name, ["look"]) for name in ("One", "Two", "Three")]
    log = log_of([("a", 0, "look"), ("b", 0, "look"), ("b", 0, "look")])
    assert reach(log, stages, reuse="shared") == [2, 2, 2]
    assert reach(log, stages, reuse="distinct") == [2, 1, 0]


def test_what_an_exclusion_cuts_off_is_only_what_came_later():
    stages = [
        cx.Stage("Look", ["look"]),
        cx.Stage("Ask", ["ask"], optional=True),
        cx.Stage("Cart", ["cart"]),
        cx.Stage("Buy", ["buy"]),
    ]
    log = log_of([("a", 0, "look"), ("a", 1, "cart"), ("a", 2, "refuse"), ("a", 3, "ask"), ("a", 4, "buy")])
    assert reach(log, stages) == [1, 1, 1, 1]
    assert reach(log, stages, exclusions=[cx.Exclusion("refuse", after="Cart")]) == [1, 0, 1, 0]


def test_unbroken_lets_repeats_pass_and_nothing_else():
    rows = [("a", 0, "look"), ("a", 1, "look"), ("a", 2, "cart")]
    rows += [("b", 0, "look"), ("b", 1, "other"), ("b", 2, "cart"), ("c", 0, "buy")]
    log = log_of(rows)
    assert reach(log, order="unbroken") == [2, 1, 0]
    assert reach(log, order="strict") == [2, 1, 0]
    assert reach(log, order="unbroken", entry="first") == [2, 1, 0]
    assert reach(log, order="strict", entry="first") == [2, 0, 0]


def test_unbroken_takes_the_first_row_of_the_next_stage():
    # The first cart is reached, so the second one is no way around the window of the stage behind it.
    log = log_of([("a", 0, "look"), ("a", 1, "cart"), ("a", 3, "cart"), ("a", 4, "buy")])
    stages = [cx.Stage("Look", ["look"]), cx.Stage("Cart", ["cart"]), cx.Stage("Buy", ["buy"], window="2D")]
    assert reach(log, stages) == [1, 1, 1]
    assert reach(log, stages, order="unbroken") == [1, 1, 0]
