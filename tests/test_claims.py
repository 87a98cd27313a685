from __future__ import annotations

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets.metrics.claims import CLAIMS, verdict

# The names of the stages give their roles.
DEFINITION = cx.Definition(
    {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"], "Enjoy": ["use"], "Advocate": ["review"]}
)
# One customer for each role, on ways that lead nowhere, so that every stage has an event.
EVERYWHERE = [(f"none {event}", 0, event, None) for event in ("ad", "compare", "order", "use", "review")]


def claims_of(*patterns, brand="brand", **asked):
    """Return the claims on customers who each do one of the patterns, so many of them."""
    rows = list(EVERYWHERE)
    for number, (pattern, customers) in enumerate(patterns):
        for customer in range(customers):
            steps = (step if isinstance(step, tuple) else (step, None) for step in pattern)
            rows += [(f"{number} {customer}", day, event, name) for day, (event, name) in enumerate(steps)]
    log = log_of([row[:3] for row in rows], brand=[row[3] for row in rows])
    return cx.claims(log, DEFINITION, brand=brand, **asked)


def way(first, later, bought):
    """Return a way to a purchase: brands considered first, those met in evaluation, and the one bought."""
    ads, looks = ([(event, name) for name in names] for event, names in (("ad", first), ("compare", later)))
    return [*ads, *looks, ("order", bought)]


LOYAL, ACTIVE = ["order", "order"], ["order", "order", "review"]
LONG = ["ad", "use", "use", "compare", "use"]
# A visit lasts until the next one begins: one day of considering here, and of evaluating three.
QUICK = ["ad", "compare", "compare", "compare", "use"]
CASES = {
    "first_considered": (
        # Of brands considered first half are bought, of those added a quarter: twice as often.
        [(way("XY", "XZW", "X"), 150), (way("XY", "XZW", "Z"), 50), (way("XY", "YZW", "W"), 50)],
        # The other way round.
        [(way("XY", "XZ", "Z"), 200), (way("XY", "XZ", "X"), 50)],
    ),
    "evaluation_adds": (
        [(way("X", "XZ", "X"), 40), (way("X", "XZ", "Z"), 40)],
        [(way("X", "XZW", "X"), 40), (way("X", "XZW", "Z"), 40)],
    ),
    "closing_touchpoint": (
        [(["ad", "compare", "order"], 60), (["ad", "compare", "ad", "order"], 5)],
        [(["ad", "compare", "ad", "order"], 60), (["ad", "compare", "order"], 5)],
    ),
    "passive_loyalists": ([(LOYAL, 2400), (ACTIVE, 400)], [(LOYAL, 50), (ACTIVE, 50)]),
    "service_weight": (
        [(["order", "use", "ad", "order"], 60), (["order", "ad", "use", "order"], 60)],
        [(["order", "ad", "order"], 90), (["order", "use", "order"], 10)],
    ),
    "considering_long": ([(["ad", "ad", "compare", "use"], 60), (QUICK, 5)], [(QUICK, 60)]),
    "skip_and_return": (
        [(["ad", "order"], 60), (["ad", "compare"], 10)],
        [(["ad", "compare"], 60), (["ad", "order"], 10)],
    ),
}


@pytest.mark.parametrize("key", CASES)
@pytest.mark.parametrize(("which", "said"), [(0, "supports"), (1, "contradicts")])
def test_a_log_may_support_a_claim_and_another_contradict_it(key, which, said):
    line = claims_of(*CASES[key][which]).frame.loc[key]
    assert line["verdict"] == said, line[["value", "lower", "upper", "low", "high"]].to_dict()


def test_every_claim_is_tried_both_ways():
    assert list(CASES) == list(CLAIMS)


def test_each_estimate_is_made_of_what_was_counted():
    frame = claims_of(
        (way("XY", "XZ", "X"), 2), (ACTIVE, 2), (LOYAL, 6), (["order", "use", "ad", "ad", "order"], 1)
    ).frame
    assert frame.loc["first_considered", "note"] == (
        "No brand added was bought, so there is nothing to compare with."
    )
    assert frame.loc["evaluation_adds", ["numerator", "denominator", "n"]].tolist() == [2, 4, 2]
    # The last touch is one of two.
    assert frame.loc["closing_touchpoint", ["numerator", "denominator"]].tolist() == [0, 3]
    assert frame.loc["passive_loyalists", ["value", "n"]].tolist() == [3.5, 9]
    assert frame.loc["service_weight", ["value", "numerator", "denominator", "n"]].tolist() == [
        1,
        0.5,
        0.5,
        1,
    ]
    # XY and the last: forward steps only, and a use that goes back to an ad.
    assert frame.loc["skip_and_return", ["numerator", "denominator"]].tolist() == [3, 5]


def test_a_single_touchpoint_leads_and_closes_and_equal_ones_share_the_lead():
    alone = claims_of((["ad", "order"], 1)).frame.loc["closing_touchpoint"]
    assert alone[["numerator", "denominator"]].tolist() == [1, 1]
    shared = claims_of((["ad", "compare", "ad", "compare", "order"], 1)).frame.loc["closing_touchpoint"]
    assert shared["numerator"] == 0
    led_by_another = claims_of((["ad", "compare", "ad", "use", "order"], 1)).frame.loc["closing_touchpoint"]
    assert led_by_another["numerator"] == 0


def test_touchpoints_may_be_channels():
    by_stage = claims_of(([("ad", "tv"), ("compare", "tv"), ("order", None)], 1))
    by_channel = claims_of(([("ad", "tv"), ("compare", "tv"), ("order", None)], 1), channel="brand")
    assert by_stage.frame.loc["closing_touchpoint", "numerator"] == 0
    assert by_channel.frame.loc["closing_touchpoint", "numerator"] == 1


def test_times_spent_are_of_visits_that_ended_and_unequal_ones_count():
    # Two days against one; one against one; the evaluation that has not ended.
    frame = claims_of(
        (["ad", "ad", "compare", "use"], 3), (["ad", "compare", "use"], 4), (["ad", "ad", "compare"], 5)
    ).frame
    assert frame.loc["considering_long", ["numerator", "denominator"]].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("interval", "allowed", "said"),
    [
        ((0.3, 0.2, 0.4), (-np.inf, 0.5), "supports"),
        ((0.3, 0.2, 0.5), (-np.inf, 0.5), "undecided"),
        ((0.6, 0.5, 0.7), (-np.inf, 0.5), "contradicts"),
        ((2.0, 1.1, 2.9), (1, 3), "supports"),
        ((2.0, 0.9, 2.9), (1, 3), "undecided"),
        ((2.0, 1.1, 3.1), (1, 3), "undecided"),
        ((0.5, 0.2, 1.0), (1, 3), "contradicts"),
        ((4.0, 3.0, 9.0), (1, 3), "contradicts"),
        ((2.0, np.nan, np.nan), (1, 3), "undecided"),
        ((4.0, 3.5, np.nan), (1, 3), "contradicts"),
        ((np.nan, 4.0, np.nan), (1, 3), "contradicts"),
        ((np.nan, 2.0, np.nan), (1, 3), "undecided"),
        ((np.nan, np.nan, np.nan), (1, 3), "not measurable"),
    ],
)
def test_the_verdict_compares_the_whole_interval_with_what_the_claim_allows(interval, allowed, said):
    assert verdict(*interval, low=allowed[0], high=allowed[1]) == said


def test_without_active_loyalists_many_passive_ones_are_not_about_six():
    # Wilson's lower end for 30 of 30 is 0.886486, odds of 7.81; for 3 of 3 it is 0.438494, odds of 0.78.
    many, few = (claims_of((LOYAL, n)).frame.loc["passive_loyalists"] for n in (30, 3))
    assert np.isnan(many["value"])
    assert many["lower"] == pytest.approx(7.809, abs=1e-3)
    assert (many["verdict"], few["verdict"]) == ("contradicts", "undecided")
    assert many["note"] == "There is no active loyalist; the interval has a lower end only."


def test_about_is_as_wide_as_one_says():
    frame = claims_of((LOYAL, 3), tolerance=2).frame
    assert frame.loc["passive_loyalists", ["low", "high"]].tolist() == [3, 12]
    assert frame.loc["passive_loyalists", "rule"] == (
        "Supports: all of the interval between 3.00 and 12.00. Contradicts: none of it."
    )
    assert frame.loc["closing_touchpoint", "rule"].startswith("Supports: all of the interval below 50.0%")
    assert frame.loc["skip_and_return", "rule"].startswith("Supports: all of the interval above 50.0%")
    assert claims_of((LOYAL, 3)).frame.loc["passive_loyalists", ["low", "high"]].tolist() == [4.8, 7.5]


def test_what_is_missing_is_named():
    no_brand = claims_of((LOYAL, 1), brand=None).frame
    assert no_brand.loc["first_considered", "note"] == "Needs a column of brands: say brand=."
    log = log_of([("a", 0, "ad")])
    frame = cx.claims(log, cx.Definition({"Consider": ["ad"]})).frame
    assert set(frame["verdict"]) == {"not measurable"}
    assert frame["note"].to_dict() == {
        "first_considered": "Needs a stage with the role 'evaluate' and a stage with the role 'buy' and "
        "a column of brands: say brand=.",
        "evaluation_adds": "Needs a stage with the role 'evaluate' and a stage with the role 'buy' and "
        "a column of brands: say brand=.",
        "closing_touchpoint": "Needs a stage with the role 'buy'.",
        "passive_loyalists": "Needs a stage with the role 'buy' and a stage with the role 'advocate' or "
        "a score column: cx.EventLog(..., score=).",
        "service_weight": "Needs a stage with the role 'buy' and a stage with the role 'enjoy' or "
        "'advocate' or 'bond'.",
        "considering_long": "Needs a stage with the role 'evaluate'.",
        "skip_and_return": "Needs two stages or more.",
    }
    assert frame["value"].isna().all()


def test_an_empty_log_measures_nothing():
    log = log_of([], brand=[])
    frame = cx.claims(log, DEFINITION, brand="brand").frame
    assert set(frame["verdict"]) == {"not measurable"}
    assert (frame["note"] != "").all()


@pytest.mark.parametrize("tolerance", [0.5, True, "2", float("inf")])
def test_a_tolerance_below_one_is_refused(tolerance):
    with pytest.raises(cx.CXError, match=r"tolerance must be a factor of 1 or more"):
        claims_of((LOYAL, 1), tolerance=tolerance)


def test_an_unknown_column_is_refused():
    with pytest.raises(cx.CXError, match=r"unknown column 'brnd'. Did you mean 'brand'"):
        claims_of((LOYAL, 1), brand="brnd")


def test_the_table_gives_the_rule_or_what_is_missing():
    text = repr(claims_of((LOYAL, 3), brand=None))
    assert "Needs a column of brands: say brand=." in text
    assert "undecided: it covers an end." in text


def test_linear_credit_of_repeat_purchases_is_what_weighs():
    rows = [("a", day, event) for day, event in enumerate(["order", "use", "ad", "compare", "order"])]
    log = log_of([*rows, ("b", 0, "review")])
    line = cx.claims(log, DEFINITION).frame.loc["service_weight"]
    credit = cx.credit(log, DEFINITION, method="linear", purchases="repeat").frame.set_index("touchpoint")[
        "credit"
    ]
    assert line["numerator"] == pytest.approx(credit["Enjoy"] + credit["Advocate"])
    assert line["denominator"] == pytest.approx(credit["Consider"] + credit["Evaluate"])
