"""Credit under every rule at once: the same numbers as one rule at a time, and how far apart they lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import log_of, random_case

import cx_widgets as cx

DEFINITION = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]})
ROWS = [
    ("Ann", 0, "ad", "Direct"),
    ("Ann", 1, "compare", "mail"),
    ("Ann", 2, "order", None),
    ("Ann", 3, "compare", "mail"),
    ("Ann", 4, "ad", "Direct"),
    ("Ann", 5, "order", None),
    ("Bob", 0, "ad", "mail"),
    ("Bob", 1, "order", None),
    ("Cyd", 0, "order", None),
]
LOG = log_of([row[:3] for row in ROWS], channel=[row[3] for row in ROWS])


def shares(result, purchases, method):
    frame = result.frame
    mine = frame[(frame["purchases"] == purchases) & (frame["method"] == method)]
    return dict(zip(mine["touchpoint"], mine["credit"], strict=True))


def test_each_rule_has_its_credit_for_first_and_repeated_purchases_apart():
    result = cx.credit_methods(LOG, DEFINITION)
    assert result.methods == ("first", "last", "linear", "position", "time decay", "markov", "shapley")
    assert [result.conversions(name) for name in ("all", "first", "repeat")] == [4, 3, 1]
    # First purchases: Consider, Evaluate (Ann); Consider (Bob); nothing (Cyd). Repeated: Evaluate, Consider.
    assert shares(result, "first", "first") == {"Consider": 2, "Evaluate": 0, "(no touchpoint)": 1}
    assert shares(result, "first", "last") == {"Consider": 1, "Evaluate": 1, "(no touchpoint)": 1}
    assert shares(result, "repeat", "first") == {"Consider": 0, "Evaluate": 1}
    assert shares(result, "all", "linear") == {"Consider": 2, "Evaluate": 1, "(no touchpoint)": 1}


def test_the_spread_names_the_rules_farthest_apart():
    spread = cx.credit_methods(LOG, DEFINITION).spread
    evaluate = spread.loc[("first", "Evaluate")]
    assert evaluate[["least", "most", "spread"]].tolist() == [0, pytest.approx(1 / 3), pytest.approx(1 / 3)]
    assert evaluate[["least_method", "most_method"]].tolist() == ["first", "last"]
    assert spread.loc[("first", "(no touchpoint)"), "spread"] == pytest.approx(0)


def test_the_direct_touchpoint_is_found_by_its_name_and_else_the_rule_is_left_out():
    by_channel = cx.credit_methods(LOG, DEFINITION, by="channel")
    assert by_channel.direct == "Direct"
    assert shares(by_channel, "all", "last non-direct") == {"mail": 3, "Direct": 0, "(no touchpoint)": 1}
    by_stage = cx.credit_methods(LOG, DEFINITION)
    assert by_stage.skipped == {"last non-direct": "no touchpoint is called direct."}
    assert "Without 'last non-direct'" in repr(by_stage)
    with pytest.raises(cx.CXError, match="unknown touchpoint in direct 'Post'"):
        cx.credit_methods(LOG, DEFINITION, by="channel", direct="Post")


def test_a_chain_too_large_is_left_out_with_its_reason(monkeypatch):
    monkeypatch.setattr("cx_widgets.removal_effects.MOST_STATES", 2)
    result = cx.credit_methods(LOG, DEFINITION, order=3)
    assert "markov" not in result.methods
    assert "states" in result.skipped["markov"]


def test_touchpoints_stand_for_the_customers_who_had_them_before_a_purchase():
    result = cx.credit_methods(LOG, DEFINITION)
    assert list(result.customers("Consider").index) == ["Ann", "Bob"]
    assert list(result.customers("Evaluate", "first").index) == ["Ann"]
    assert list(result.customers("Consider", "repeat").index) == ["Ann"]
    assert list(result.customers("(no touchpoint)").index) == ["Cyd"]
    with pytest.raises(cx.CXError, match="unknown touchpoint 'Conside'"):
        result.customers("Conside")
    with pytest.raises(cx.CXError, match="unknown purchases 'second'"):
        result.customers("Consider", "second")


def test_without_purchases_there_are_no_shares_and_without_rows_no_lines():
    rows = [("Ann", 0, "ad"), ("Ann", 1, "order")]
    result = cx.credit_methods(log_of(rows), DEFINITION.remove("Evaluate"))
    assert (result.conversions(), result.conversions("repeat")) == (1, 0)
    assert np.isnan(result.spread.loc[("repeat", "Consider"), "least"])
    assert result.spread.loc[("repeat", "Consider"), "least_method"] == ""
    alone = cx.credit_methods(log_of(rows[1:]), cx.Definition({"Buy": ["order"]}))
    assert alone.spread.loc[("all", "(no touchpoint)"), ["least", "most"]].tolist() == [1, 1]
    nobody = cx.credit_methods(log_of([("Ann", 0, "ad")]), cx.Definition({"Look": ["ad"]}), goal="Look")
    assert nobody.conversions("repeat") == 0
    assert nobody.frame["purchases"].tolist()[:1] == ["all"]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), by=st.sampled_from(["stage", "event"]))
def test_it_says_what_each_rule_says_alone_and_credits_add_up(seed, by):
    case = random_case(np.random.default_rng(seed))
    if not any(stage.role == "buy" for stage in case.definition.stages):
        return
    together = cx.credit_methods(case.log, case.definition, by=by).frame
    for (part, method), mine in together.groupby(["purchases", "method"]):
        alone = cx.credit(case.log, case.definition, by=by, purchases=part, method=method)
        theirs = alone.frame.set_index("touchpoint")["credit"]
        ours = mine.set_index("touchpoint")["credit"]
        assert ours.sum() == pytest.approx(alone.conversions)
        assert ours[theirs.index].tolist() == pytest.approx(theirs.tolist())
        assert not ours.drop(theirs.index).any()
