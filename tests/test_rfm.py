"""RFM: scores, segments, and the numbers of another library."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx

BUY = cx.Definition({"Buy": ["order"]})

# The transactions and segments of test_rfm_segmentation_config in the tests of pymc-marketing (Apache-2.0),
# which took the transactions from lifetimes (MIT); the scores of its segments are those of its documentation.
TRANSACTIONS = [
    (1, "2015-01-01", 1),
    (1, "2015-02-06", 2),
    (2, "2015-01-01", 2),
    (3, "2015-01-01", 3),
    (3, "2015-01-02", 1),
    (3, "2015-01-05", 5),
    (4, "2015-01-16", 6),
    (4, "2015-02-02", 3),
    (4, "2015-02-05", 9),
    (5, "2015-01-16", 3),
    (5, "2015-01-17", 1),
    (5, "2015-01-18", 8),
    (6, "2015-02-02", 5),
]
PUBLISHED = {
    "Premium": "334 443 444 344 434 433 343 333",
    "Repeat": "244 234 232 332 143 233 243 242",
    "Top spender": "424 414 144 314 324 124 224 423 413 133 323 313 134",
    "At risk": "422 223 212 122 222 132 322 312 412 123 214",
    "Inactive": "411 111 113 114 112 211 311",
}


def rules(codes):
    return [tuple(int(score) for score in code) for code in codes.split()]


@pytest.fixture(scope="module")
def published():
    df = pd.DataFrame(TRANSACTIONS, columns=["id", "date", "paid"]).assign(what="order")
    log = cx.EventLog(df, customer="id", time="date", event="what", value="paid")
    until = BUY.with_rules(observation_end="2015-02-07")
    segments = {name: rules(codes) for name, codes in PUBLISHED.items()}
    return cx.rfm(log, until, bins=4, monetary="mean", segments=segments)


def test_the_measures_are_those_that_another_library_publishes(published):
    scores = published.scores
    assert scores["frequency"].tolist() == [2, 1, 3, 3, 3, 1]
    assert scores["recency"].dt.days.tolist() == [1, 37, 33, 2, 20, 5]
    assert scores["monetary"].tolist() == [1.5, 2, 3, 6, 4, 5]


def test_the_segments_are_those_that_another_library_publishes(published):
    named = ["(other)", "Inactive", "At risk", "Premium", "Repeat", "Top spender"]
    assert published.scores["segment"].tolist() == named


def test_the_scores_follow_from_the_quartiles_by_hand(published):
    scores = published.scores
    assert scores["recency_score"].tolist() == [4, 1, 1, 4, 2, 3]
    assert scores["frequency_score"].tolist() == [2, 1, 3, 3, 3, 1]
    assert scores["monetary_score"].tolist() == [1, 1, 2, 4, 3, 4]
    assert published.cuts["frequency"] == (1.25, 2.5, 3.0)
    assert published.cuts["recency"][0] == pd.Timedelta("2D18h")


def shop(rows, **roles):
    df = pd.DataFrame(rows, columns=["who", "when", "what", "paid"])
    return cx.EventLog(df, customer="who", time="when", event="what", **roles)


DAYS = [
    ("a", "2026-01-01", "order", 5.0),
    ("b", "2026-01-11", "order", 7.0),
    ("b", "2026-01-21", "order", 9.0),
]


def test_equal_values_have_equal_scores_and_the_lower_one():
    rows = [(name, "2026-01-01", "order", 1.0) for name in "abcdefg"] + [("h", "2026-01-01", "order", 2.0)]
    scores = cx.rfm(shop(rows, value="paid"), BUY).scores
    assert scores["frequency_score"].tolist() == [1] * 8
    assert scores["recency_score"].tolist() == [1] * 8
    assert scores["monetary_score"].tolist() == [1] * 7 + [5]


def test_fixed_cut_points_are_beaten_by_less_recency_and_by_more_of_the_rest():
    log = shop([*DAYS, ("c", "2026-01-31", "view", np.nan)], value="paid")
    cuts = {"recency": ["10D", "30D"], "frequency": [1], "monetary": [5, 16]}
    result = cx.rfm(log, BUY, cuts=cuts)
    # a: 30 days (beats none: it stands on 30), b: 10 days (beats 30, stands on 10)
    assert result.scores["recency_score"].tolist() == [1, 2]
    assert result.scores["frequency_score"].tolist() == [1, 2]
    assert result.scores["monetary_score"].tolist() == [1, 2]
    assert result.grid["numerator"].to_dict() == {
        (1, 1): 1, (1, 2): 0, (2, 1): 0, (2, 2): 1, (3, 1): 0, (3, 2): 0,
    }  # fmt: skip


def test_segments_add_up_to_the_buyers_and_revenue_to_all_of_it():
    result = cx.rfm(cx.datasets.complete_journey_log(), cx.datasets.complete_journey_definition())
    frame = result.frame
    assert frame["numerator"].sum() == result.buyers == frame["denominator"].iloc[0]
    assert frame["revenue_share"].sum() == pytest.approx(1)
    assert result.grid["numerator"].sum() == result.buyers
    assert not result.frame.index.str.contains("other").any()
    for name, line in frame.iterrows():
        assert len(result.customers(name)) == line["numerator"]


@pytest.mark.parametrize("bins", [2, 3, 4, 5, 7, 10])
def test_the_usual_table_has_a_place_for_every_pair_of_scores(bins):
    rows = [(n, f"2026-01-{1 + n % 28:02d} {n % 24:02d}:00", "order", 1.0) for n in range(120) for _ in "a"]
    rows += [
        (n, f"2026-02-{1 + k:02d} {n % 24:02d}:00", "order", 1.0) for n in range(120) for k in range(n % 9)
    ]
    scores = cx.rfm(shop(rows), BUY, bins=bins).scores
    assert "(other)" not in set(scores["segment"])
    assert scores["recency_score"].between(1, bins).all()


def test_a_score_counts_as_the_fifth_its_middle_lies_in():
    rows = [(n, f"2026-01-{10 + n}", "order", 1.0) for n in range(4)]
    segments = cx.rfm(shop(rows), BUY, bins=2).scores["segment"].tolist()
    # Score 1 of 2 is fifth 2, score 2 is fifth 4; everybody bought once, which is frequency 1.
    assert segments == ["Hibernating", "Hibernating", "Potential loyalists", "Potential loyalists"]


def test_without_a_value_column_monetary_value_is_left_out_and_said_so():
    result = cx.rfm(shop(DAYS), BUY)
    assert "monetary" not in result.scores.columns
    assert result.frame["monetary"].isna().all()
    assert result.note == "Monetary value is left out: the log has no value column."
    assert result.note in repr(result)
    with pytest.raises(cx.CXError, match="no value column"):
        result.customers(monetary=5)


def test_missing_values_count_as_nothing_spent():
    rows = [("a", "2026-01-01", "order", np.nan), ("b", "2026-01-02", "order", 4.0)]
    assert cx.rfm(shop(rows, value="paid"), BUY).scores["monetary"].tolist() == [0, 4]


def test_nobody_bought_and_one_buyer_are_no_errors():
    rows = [("a", "2026-01-01", "view", 1.0), ("a", "2026-01-02", "order", 1.0)]
    one = cx.rfm(shop(rows, value="paid"), BUY)
    assert one.buyers == 1
    assert one.frame.loc["Hibernating", "numerator"] == 1
    nobody = cx.rfm(shop(rows, value="paid"), BUY.with_rules(observation_end="2026-01-01"))
    assert nobody.buyers == 0
    assert nobody.frame["value"].isna().all()
    assert nobody.scores.empty
    assert nobody.customers("Champions").empty


def test_later_rows_of_the_log_do_not_count_behind_the_end_of_observation():
    early = BUY.with_rules(observation_end="2026-01-15")
    assert cx.rfm(shop(DAYS), early).scores["frequency"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"bins": 1}, "bins must be a whole number from 2 to 10, not 1"),
        ({"bins": True}, "bins must be a whole number"),
        ({"cuts": {"recncy": ["1D"]}}, "Did you mean 'recency'"),
        ({"cuts": {"frequency": [3, 2]}}, "ascending numbers, not \\[3, 2\\]"),
        ({"cuts": {"recency": [30]}}, "30"),
        ({"cuts": ["30D"]}, "is no mapping"),
        ({"cuts": {"frequency": [float("nan")]}}, "ascending numbers, not \\[nan\\]"),
        ({"monetary": "median"}, "unknown monetary 'median'"),
        ({"segments": {}}, "no mapping of names to rules"),
        ({"segments": {"(other)": (1, 1, 1)}}, "other than '\\(other\\)'"),
        ({"segments": {"A": (5, 4)}}, "Give three scores"),
        ({"segments": {"A": (5, (4, 2), None)}}, "a pair \\(lowest, highest\\)"),
        ({"segments": {"A": (5, 4, 3)}}, "asks for a monetary score, and the log has no value column"),
        ({"segments": {"A": (1, 6, None)}}, "asks for a frequency score of 6, and scores go from 1 to 5"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(asked, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        cx.rfm(shop(DAYS), BUY, **asked)


def test_a_definition_without_a_buying_stage_is_refused():
    with pytest.raises(cx.CXError, match="no stage has the role 'buy'"):
        cx.rfm(shop(DAYS), cx.Definition({"Look": ["order"]}).set_role("Look", None))


def test_the_first_rule_that_fits_decides_and_the_rest_are_others():
    result = cx.rfm(shop(DAYS), BUY, bins=2, segments={"Late": (2, None, None), "All late": (2, 2, None)})
    assert result.frame["numerator"].to_dict() == {"Late": 1, "All late": 0, "(other)": 1}
    assert list(result.customers("(other)").index) == ["a"]
    with pytest.raises(cx.CXError, match="unknown segment 'Lat'"):
        result.customers("Lat")
    with pytest.raises(cx.CXError, match=r"unknown score of recency 3. Available: \[1, 2\]"):
        result.customers(recency=3)


def recent_buyers(n):
    """Return a log of customers who bought once, each an hour after the one before."""
    times = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), unit="h")
    return cx.EventLog(
        pd.DataFrame({"who": np.arange(n), "when": times, "what": "order"}),
        customer="who",
        time="when",
        event="what",
    )


def test_the_share_of_a_fifth_is_a_fifth_whoever_came():
    line = cx.rfm(recent_buyers(100), BUY, segments={"Recent": (5, None, None)}).frame.loc["Recent"]
    # Half a customer is the standard error, t of 99 degrees of freedom 1.984217.
    half = 1.984217 * (100 / 99) ** 0.5 * 0.5 / 100
    assert line[["numerator", "denominator", "value"]].tolist() == [20, 100, 0.2]
    assert line[["lower", "upper"]].tolist() == pytest.approx([0.2 - half, 0.2 + half], abs=1e-6)
    assert line["method"] == "linearised with its cut points, t 95%, widened for skewness"


def test_a_share_between_given_cut_points_has_wilsons_interval():
    given = {"recency": ["20h"], "frequency": [1]}
    line = cx.rfm(recent_buyers(70), BUY, cuts=given, segments={"Recent": (2, None, None)}).frame.loc[
        "Recent"
    ]
    assert line[["numerator", "denominator", "method"]].tolist() == [20, 70, "Wilson 95%"]
    # Wilson for 20 of 70.
    assert line[["lower", "upper"]].tolist() == pytest.approx([0.1932, 0.4005], abs=1e-4)


def test_segments_of_nobody_and_of_everybody_keep_open_ends():
    frame = cx.rfm(recent_buyers(40), BUY, segments={"All": (None, None, None)}).frame
    assert frame.loc["All", ["value", "upper"]].tolist() == [1, 1]
    assert frame.loc["All", "lower"] == pytest.approx(1 / (1 + 1.959964**2 / 40), abs=1e-6)
