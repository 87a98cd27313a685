"""Revenue by customer, and the bootstrap behind its intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets import resampling

SHOP = cx.Definition({"Look": ["view"], "Buy": ["order"]})
ROWS = [
    ("a", "2026-01-01", "view", np.nan),
    ("a", "2026-01-03", "order", 30.0),
    ("a", "2026-01-03", "order", 5.0),
    ("b", "2026-01-02", "order", 10.0),
    ("b", "2026-01-04", "order", np.nan),
    ("c", "2026-01-05", "view", 99.0),
]


def shop(rows=ROWS, **roles):
    df = pd.DataFrame(rows, columns=["who", "when", "what", "paid"])
    return cx.EventLog(df, customer="who", time="when", event="what", **roles)


def test_revenue_by_hand():
    frame = cx.revenue(shop(value="paid"), SHOP).frame
    parts = {
        key: (line["numerator"], line["denominator"]) for key, line in frame.iterrows() if key != "revenue"
    }
    assert frame.loc["revenue", "value"] == 45
    assert parts == {
        "per_entrant": (35, 2),  # a and c entered; a bought two lines at once
        "per_customer": (45, 3),
        "per_buyer": (45, 2),
        "order_value": (45, 2),  # a's order and b's first: b's second has no value
    }


def test_revenue_per_customer_is_that_of_loyalty():
    log, journey = cx.datasets.complete_journey_log(), cx.datasets.complete_journey_definition()
    mine, theirs = cx.revenue(log, journey)["per_customer"], cx.loyalty(log, journey)["revenue_per_customer"]
    assert mine.value == theirs.value
    assert (mine.lower, mine.upper) == pytest.approx((theirs.lower, theirs.upper))
    # And another way to about the same: the bootstrap t over customers.
    drawn = cx.revenue(log, journey, method="t")["per_customer"]
    assert drawn.lower == pytest.approx(theirs.lower, rel=0.02)
    assert drawn.upper == pytest.approx(theirs.upper, rel=0.02)


def test_the_method_is_named_and_the_seed_decides():
    log = shop(value="paid")
    one, same = (cx.revenue(log, SHOP, method="t", seed=4)["per_buyer"] for _ in range(2))
    again = cx.revenue(shop(value="paid"), SHOP, method="t", seed=4)["per_buyer"]
    assert one.method == "bootstrap t 95%, 2,000 samples of customers"
    assert (one.lower, one.upper) == (same.lower, same.upper) == (again.lower, again.upper)
    assert cx.revenue(log, SHOP, method="bca")["per_buyer"].method.startswith("bootstrap BCa 95%")


SAMPLE = np.random.default_rng(3).lognormal(2, 1, 60)


def test_intervals_are_those_of_scipy():
    # scipy.stats.bootstrap((SAMPLE,), np.mean, n_resamples=20_000, method=..., rng=1), SciPy 1.17
    drawn = resampling.draws(60, 20_000, seed=1)
    plain = resampling.ratio_interval(SAMPLE, np.ones(60), drawn)
    moved = resampling.ratio_interval(SAMPLE, np.ones(60), drawn, method="bca")
    assert plain.lower == pytest.approx(8.5727, abs=0.05)
    assert plain.upper == pytest.approx(21.7266, abs=0.2)
    assert moved.lower == pytest.approx(9.5377, abs=0.05)
    assert moved.upper == pytest.approx(26.9562, abs=0.4)


def test_a_sample_holds_as_many_customers_as_there_are():
    drawn = resampling.draws(7, samples=50, seed=2)
    assert drawn.times.shape == (50, 7)
    assert (drawn.times.sum(axis=1) == 7).all()


def test_blocks_are_of_equal_size_and_tell_the_same_spread():
    n = 3 * resampling.MOST_UNITS + 5
    drawn = resampling.draws(n, samples=800, seed=5)
    assert drawn.block is not None
    assert set(np.bincount(drawn.block).tolist()) == {3, 4}
    money = np.random.default_rng(1).gamma(0.5, 20.0, n)
    estimate = resampling.ratio_interval(money, np.ones(n), drawn)
    half = 1.96 * money.std() / n**0.5
    assert estimate.upper - estimate.value == pytest.approx(half, rel=0.15)
    assert estimate.value - estimate.lower == pytest.approx(half, rel=0.15)


def test_the_t_interval_is_that_of_its_formula_by_hand():
    drawn = resampling.draws(4, samples=300, seed=3)
    y, x = np.array([10.0, 0.0, 20.0, 5.0]), np.array([1.0, 2.0, 1.0, 1.0])
    value = 7.0
    away = []
    for times in drawn.times.astype(float):
        ratio = (times @ y) / (times @ x)
        error = np.sqrt(times @ (y - ratio * x) ** 2) / (times @ x)
        away.append((ratio - value) / error if error > 1e-12 else np.sign(ratio - value) * np.inf)
    low, high = np.quantile(away, 0.025, method="lower"), np.quantile(away, 0.975, method="higher")
    error = np.sqrt(((y - value * x) ** 2).sum()) / 5
    found = resampling.student_interval(y, x, drawn)
    assert list(found) == pytest.approx([value, value - high * error, value - low * error])


def test_the_t_interval_reaches_farther_where_few_spend_much():
    drawn = resampling.draws(60, 2000, seed=1)
    plain = resampling.ratio_interval(SAMPLE, np.ones(60), drawn)
    wide = resampling.ratio_interval(SAMPLE, np.ones(60), drawn, method="t")
    assert wide.upper - wide.value > 1.2 * (plain.upper - plain.value)
    log = shop(value="paid")
    assert cx.revenue(log, SHOP, method="t")["per_customer"].method.startswith("bootstrap t 95%")
    flat = resampling.student_interval([5.0, 5.0], [1, 1], resampling.draws(2, 50))
    assert flat.value == 5
    assert np.isnan([flat.lower, flat.upper]).all()
    few = resampling.student_interval([0.1, 0.1, 0.3], [1, 1, 1], resampling.draws(3, 500))
    assert np.isnan(few.upper)  # three in ten samples are without the largest, and flat


@given(st.lists(st.integers(0, 50), min_size=2, max_size=12), st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_intervals_scale_with_the_money(values, factor):
    drawn = resampling.draws(len(values), samples=60, seed=0)
    ones = np.ones(len(values))
    small = resampling.ratio_interval(values, ones, drawn)
    large = resampling.ratio_interval(np.multiply(values, factor), ones, drawn)
    assert np.multiply(small, factor) == pytest.approx(list(large))


def test_without_a_value_column_or_a_buying_stage_it_says_so():
    assert cx.revenue(shop(), SHOP)["per_buyer"].note == "Not measurable: the log has no value column."
    nothing = SHOP.set_role("Buy", None)
    assert (
        cx.revenue(shop(value="paid"), nothing)["revenue"].note
        == "Not measurable: no stage has the role 'buy'."
    )


def test_one_customer_has_a_value_and_no_interval():
    figure = cx.revenue(shop(ROWS[:3], value="paid"), SHOP)["per_buyer"]
    assert figure.value == 35
    assert np.isnan([figure.lower, figure.upper]).all()


def test_nobody_bought_is_undefined_with_a_note():
    result = cx.revenue(shop(value="paid"), SHOP.with_rules(observation_end="2026-01-01"))
    assert result["revenue"].value == 0
    assert np.isnan(result["per_buyer"].value)
    assert result["per_buyer"].note == "Nobody bought."


def test_entrants_follow_the_rules_of_the_funnel():
    # Open reach: b enters at the second stage too.
    assert cx.revenue(shop(value="paid"), SHOP.with_rules(reach="open"))["per_entrant"].denominator == 3


def test_influences_sum_to_zero():
    result = cx.revenue(shop(value="paid"), SHOP)
    for key in ("per_entrant", "per_customer", "per_buyer", "order_value"):
        assert result[key].influence.sum() == pytest.approx(0)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"method": "basic"}, "unknown method 'basic'"),
        ({"samples": 0}, "samples must be a whole number from 1"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(asked, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        cx.revenue(shop(value="paid"), SHOP, **asked)
