from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import log_of, random_case

import cx_widgets as cx

DEFINITION = cx.Definition(
    {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"], "Advocate": ["review"]}
)
ROWS = [
    ("Ann", 0, "ad", "search", None),
    ("Ann", 1, "ad", "search", None),
    ("Ann", 2, "compare", "mail", 99.0),  # a value, but of no purchase
    ("Ann", 8, "order", None, 6.0),
    ("Ann", 8, "order", None, 4.0),  # the same moment: one purchase, of 10
    ("Ann", 9, "ad", "direct", None),
    ("Ann", 10, "order", None, 30.0),
    ("Bob", 0, "compare", "mail", None),
    ("Bob", 1, "order", None, 20.0),
    ("Bob", 5, "review", "mail", None),  # a path after a purchase that has not ended in another
    ("Cyd", 0, "order", None, 5.0),  # nothing before
    ("Dan", 0, "ad", "search", None),  # never buys
    ("Dan", 1, "compare", "direct", None),
    ("Eve", 0, "page", "mail", None),  # in no stage
]
LOG = log_of([row[:3] for row in ROWS], channel=[row[3] for row in ROWS], value=[row[4] for row in ROWS])
LINES = ["Consider", "Evaluate", "Advocate", "(no touchpoint)"]
METHODS = ["first", "last", "linear", "position", "time decay", "markov", "shapley"]


def credits_of(**asked):
    return cx.credit(LOG, DEFINITION, **asked).frame["credit"].tolist()


def test_the_frame_divides_the_purchases_and_what_was_spent():
    # Ann: Consider, Evaluate -> 10; Consider -> 30. Bob: Evaluate -> 20. Cyd: nothing -> 5.
    frame = cx.credit(LOG, DEFINITION).frame
    assert list(frame.columns) == [
        *("touchpoint", "credit", "conversions", "share", "revenue", "stood_in"),
        *("removal_effect", "standard_error", "method"),
    ]
    assert frame["touchpoint"].tolist() == LINES
    assert frame["credit"].tolist() == [1.5, 1.5, 0, 1]
    assert frame["conversions"].tolist() == [4] * 4
    assert frame["share"].tolist() == [0.375, 0.375, 0, 0.25]
    assert frame["revenue"].tolist() == [35, 25, 0, 5]
    assert frame["stood_in"].tolist() == [2, 2, 0, 1]
    assert frame["method"].tolist() == ["linear"] * 4


def test_the_result_counts_paths():
    result = cx.credit(LOG, DEFINITION)
    assert (result.conversions, result.revenue) == (4, 65)
    assert (result.converted_paths, result.null_paths, result.rate) == (3, 2, 0.6)
    assert (result.n_customers, result.unassigned_events) == (5, 1)


@pytest.mark.parametrize(
    ("asked", "credit"),
    [
        ({"method": "first"}, [2, 1, 0, 1]),
        ({"method": "last"}, [1, 2, 0, 1]),
        # Ann's first path kept is Consider, Consider, Evaluate.
        ({"method": "linear", "repeats": "kept"}, [2 / 3 + 1, 1 / 3 + 1, 0, 1]),
        ({"method": "position", "repeats": "kept"}, [1.6, 1.4, 0, 1]),
        ({"method": "position", "repeats": "kept", "ends": 0.3}, [1.7, 1.3, 0, 1]),
        # Days 0, 1, 2: 1/4, 1/2 and 1; a visit begins on day 0.
        ({"method": "time decay", "repeats": "kept", "half_life": "1D"}, [3 / 7 + 1, 4 / 7 + 1, 0, 1]),
        ({"method": "time decay", "half_life": "1D"}, [1.2, 1.8, 0, 1]),
        # 3/5 come to Consider, of whom 1/3 convert at once and 2/3 go on to Evaluate, where 2/3 convert.
        # Conversion 3/5; lost without Consider 7/15, without Evaluate 2/5: effects 7/9 and 2/3.
        ({"method": "markov"}, [21 / 13, 18 / 13, 0, 1]),
        ({"method": "shapley"}, [1.5, 1.5, 0, 1]),
        # Rates: C 1, E 1, A 0, CE 3/4, CA 1/2, EA 1/2, all 3/5. Values 49/120, 49/120, -26/120, times 5.
        ({"method": "shapley", "worth": "rate"}, [49 / 24, 49 / 24, -26 / 24, 1]),
    ],
)
def test_each_method_divides_by_its_rule(asked, credit):
    assert credits_of(**asked) == pytest.approx(credit)


def test_removal_effects_stand_beside_the_credit():
    frame = cx.credit(LOG, DEFINITION, method="markov").frame
    assert frame["removal_effect"].tolist() == pytest.approx([7 / 9, 2 / 3, 0, np.nan], nan_ok=True)
    # Paths with a touchpoint took 60; the shares of the effects divide it.
    assert frame["revenue"].tolist() == pytest.approx([60 * 7 / 13, 60 * 6 / 13, 0, 5])
    assert cx.credit(LOG, DEFINITION).frame["removal_effect"].isna().all()


def test_first_purchases_and_repeated_ones_stand_apart():
    first = cx.credit(LOG, DEFINITION, purchases="first")
    assert first.frame["credit"].tolist() == [0.5, 1.5, 0, 1]
    assert (first.conversions, first.null_paths, first.revenue) == (3, 1, 35)
    repeat = cx.credit(LOG, DEFINITION, purchases="repeat")
    assert repeat.frame["touchpoint"].tolist() == LINES[:3]
    assert repeat.frame["credit"].tolist() == [1, 0, 0]
    assert repeat.frame["revenue"].tolist() == [30, 0, 0]
    # Bob came back with a review and has not bought again.
    assert (repeat.conversions, repeat.converted_paths, repeat.null_paths, repeat.rate) == (1, 1, 1, 0.5)


def test_columns_and_events_are_touchpoints_most_credit_first():
    frame = cx.credit(LOG, DEFINITION, by="channel").frame
    # search, mail; direct; mail.
    assert frame["touchpoint"].tolist() == ["mail", "direct", "search", "(no touchpoint)"]
    assert frame["credit"].tolist() == [1.5, 1, 0.5, 1]
    frame = cx.credit(LOG, DEFINITION, by="event").frame
    assert frame["touchpoint"].tolist() == ["ad", "compare", "review", "(no touchpoint)"]
    assert frame["credit"].tolist() == [1.5, 1.5, 0, 1]


def test_the_last_touch_that_is_not_direct_takes_all():
    frame = cx.credit(LOG, DEFINITION, by="channel", method="last non-direct").frame
    assert frame.set_index("touchpoint")["credit"].to_dict() == {
        "mail": 2,
        "direct": 1,
        "search": 0,
        "(no touchpoint)": 1,
    }
    frame = cx.credit(LOG, DEFINITION, by="channel", method="last non-direct", direct="mail").frame
    assert frame.set_index("touchpoint")["credit"].to_dict() == {
        "mail": 1,
        "direct": 1,
        "search": 1,
        "(no touchpoint)": 1,
    }


def test_a_goal_may_be_a_stage_an_event_or_a_stage_of_its_own():
    # Bob's review after comparing and buying; the purchases of the others are touches on null paths.
    for goal in ("Advocate", "review", cx.Stage("Praise", ["review"])):
        result = cx.credit(LOG, DEFINITION, goal=goal)
        frame = result.frame.set_index("touchpoint")
        assert frame["credit"][["Consider", "Evaluate", "Buy"]].tolist() == [0, 0.5, 0.5]
        assert (result.conversions, result.null_paths) == (1, 3)
    assert result.goal == "Praise"


def test_a_goal_in_no_stage_stands_behind_the_stages_of_its_moment():
    log = log_of([("a", 0, "ad"), ("a", 1, "order"), ("a", 1, "page"), ("b", 0, "page")])
    frame = cx.credit(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}), goal="page").frame
    assert frame["touchpoint"].tolist() == ["Consider", "Buy", "(no touchpoint)"]
    assert frame["credit"].tolist() == [0.5, 0.5, 1]


def test_at_the_time_of_a_purchase_the_order_of_the_stages_decides():
    rows = [("a", 0, "review"), ("a", 0, "order"), ("a", 0, "ad"), ("a", 1, "order"), ("b", 0, "compare")]
    assert cx.credit(log_of(rows), DEFINITION).frame["credit"].tolist() == [1, 0, 0, 1]
    by_row = cx.credit(log_of(rows), DEFINITION.with_rules(ties="row"))
    assert by_row.frame["credit"].tolist() == [0, 0, 1, 1]


def test_a_touchpoint_named_like_the_line_of_none_is_put_in_quotes():
    log = log_of([("a", 0, "ad"), ("a", 1, "order"), ("b", 1, "order")], shop=["(no touchpoint)", "x", "x"])
    stages = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
    frame = cx.credit(log, stages, by="shop").frame
    assert frame["touchpoint"].tolist() == ["'(no touchpoint)'", "(no touchpoint)"]


def test_without_a_value_column_revenue_is_undefined():
    result = cx.credit(log_of([row[:3] for row in ROWS]), DEFINITION)
    assert np.isnan(result.revenue)
    assert result.frame["revenue"].isna().all()
    assert "Revenue" not in repr(result)


def test_more_than_fifteen_touchpoints_are_sampled_with_their_error():
    days = range(17)
    rows = [(who, day, f"event {day:02}") for who in "ab" for day in days] + [("a", 20, "order")]
    rows += [("c", 0, "event 00"), ("c", 1, "order")]
    log = log_of(rows)
    stages = cx.Definition({"Consider": ["event *"], "Buy": ["order"]})
    result = cx.credit(log, stages, by="event", method="shapley", worth="rate", draws=200, seed=4)
    # Alone the first event converts 1 of 1, all together 2 of 3.
    assert result.frame["credit"].sum() == pytest.approx(2)
    assert result.frame["standard_error"].iloc[0] > 0
    assert "From 200 orders drawn, seed 4." in repr(result)
    assert result.frame["touchpoint"].iloc[0] == "event 00"


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_log_and_nobody_who_bought_have_no_credit(method):
    empty = cx.credit(log_of([]), DEFINITION, method=method)
    assert empty.frame["credit"].tolist() == [0, 0, 0]
    assert empty.frame["share"].isna().all()
    assert np.isnan(empty.rate)
    # A goal that nobody reached: all paths are null.
    never = cx.credit(LOG, DEFINITION, goal="page", purchases="repeat", method=method)
    assert never.conversions == 0
    assert never.frame["credit"].sum() == 0


def test_the_table_says_what_was_divided_and_that_credit_is_no_effect():
    text = repr(cx.credit(LOG, DEFINITION, method="markov"))
    assert text.startswith("Credit by stage, markov\nTouchpoint")
    assert "Removal effect" in text
    assert "it is no effect of a touchpoint" in text
    assert "Goal: Buy, all: 4, 3 of them after a touchpoint. 2 paths have not ended in one." in text
    html = cx.credit(LOG, cx.Definition({"<b>": ["ad"], "Buy": ["order"]}))._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


# --- laws -----------------------------------------------------------------------------------------

seeds = st.integers(0, 10_000)


def linear_by_hand(case, goal):
    """Return purchases and linear credit by stage, row by row."""
    credit, purchases = dict.fromkeys(range(1, case.n_stages + 1), 0.0), 0
    for customer in {row[0] for row in case.rows}:
        path, bought = [], None
        for _, tick, stage in sorted(row for row in case.rows if row[0] == customer and row[2]):
            if stage == goal:
                if bought != tick:
                    purchases += 1
                    for touched in path:
                        credit[touched] += 1 / len(path)
                path, bought = [], tick
            elif bought is None or tick > bought:
                path += [stage] if path[-1:] != [stage] else []
    return purchases, [made for stage, made in credit.items() if stage != goal]


@settings(max_examples=120)
@given(seeds)
def test_linear_credit_is_that_of_a_walk_through_the_rows(seed):
    case = random_case(np.random.default_rng(seed))
    result = cx.credit(case.log, case.definition, goal=f"Stage {case.n_stages}")
    purchases, credit = linear_by_hand(case, case.n_stages)
    assert result.conversions == purchases
    assert result.frame["credit"].tolist()[: len(credit)] == pytest.approx(credit)


@settings(max_examples=60)
@given(seeds, st.sampled_from(METHODS), st.sampled_from(["conversions", "rate"]), st.integers(1, 3))
def test_credits_add_up_to_the_conversions_first_and_repeated_ones_to_all(seed, method, worth, order):
    case = random_case(np.random.default_rng(seed))
    asked = {"goal": "Stage 1", "method": method, "worth": worth, "order": order, "half_life": "1s"}
    parts = {
        which: cx.credit(case.log, case.definition, purchases=which, **asked)
        for which in ("all", "first", "repeat")
    }
    for result in parts.values():
        # Conversions without a touchpoint are credited to none.
        assert result.frame["credit"].sum() == pytest.approx(result.conversions)
        assert (result.frame["credit"] >= -1e-9).all() or (method, worth) == ("shapley", "rate")
    for name in ("conversions", "converted_paths", "null_paths"):
        assert getattr(parts["all"], name) == sum(getattr(parts[at], name) for at in ("first", "repeat"))
    if method != "markov" and (method, worth) != ("shapley", "rate"):
        first, repeat, together = (
            parts[which].frame.set_index("touchpoint")["credit"] for which in ("first", "repeat", "all")
        )
        assert first.add(repeat, fill_value=0).reindex(together.index).tolist() == pytest.approx(
            together.tolist()
        )


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"method": "lst"}, r"^unknown method 'lst'\. Did you mean 'last'\? Available: \['first',"),
        ({"method": None}, r"^unknown method None"),
        ({"by": "chanel"}, r"^unknown column 'chanel'\. Did you mean 'channel'\?"),
        ({"by": "customer"}, r"^column 'customer' is the customer of this log"),
        ({"goal": "Bye"}, r"^unknown stage or event in goal 'Bye'\. Did you mean 'Buy'\?"),
        ({"goal": 3}, r"^goal=3 is neither a stage nor an event"),
        ({"purchases": "second"}, r"^unknown purchases 'second'"),
        ({"repeats": "keep"}, r"^unknown repeats 'keep'"),
        ({"worth": "revenue"}, r"^unknown worth 'revenue'\. Available: \['conversions', 'rate'\]"),
        ({"method": "last non-direct"}, r"^unknown touchpoint in direct 'direct'.*Say direct= with one"),
        ({"ends": 0.6}, r"^ends must be a number from 0 to 0\.5, not 0\.6\. Say ends=0\.4\.$"),
        ({"ends": float("nan")}, r"^ends must be a number from 0 to 0\.5, not nan"),
        ({"ends": True}, r"^ends must be a number"),
        ({"half_life": 7}, r"half_life"),
        ({"half_life": "-1D"}, r"half_life"),
        ({"order": 0}, r"^order must be a whole number from 1, not 0\. Say order=1\.$"),
        ({"draws": 0}, r"^draws must be a whole number from 1"),
        ({"draws": 1}, r"^one order drawn has no standard error\. Say draws=2000\.$"),
        ({"seed": -1}, r"^seed must be a whole number from 0, not -1\. Say seed=0\.$"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked, message):
    with pytest.raises(cx.CXError, match=message):
        cx.credit(LOG, DEFINITION, **asked)


def test_without_a_buying_stage_a_goal_is_asked_for():
    stages = cx.Definition([cx.Stage("One", ["ad"], role=None), cx.Stage("Two", ["order"], role=None)])
    with pytest.raises(cx.CXError, match=r"^no stage has the role 'buy'\..*or say goal="):
        cx.credit(LOG, stages)
    assert cx.credit(LOG, stages, goal="Two").conversions == 4
