from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import log_of

import cx_widgets as cx

# The names of the stages give their roles.
DEFINITION = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]})
ROWS = [
    # X and Y first, Z added, Y dropped, X bought.
    *[("Ann", 0, "ad", "X"), ("Ann", 1, "ad", "Y"), ("Ann", 1, "ad", "X"), ("Ann", 2, "compare", "X")],
    *[("Ann", 3, "compare", "Z"), ("Ann", 4, "order", "X")],
    # X first, W added and bought.
    *[("Ann", 5, "ad", "X"), ("Ann", 6, "compare", None), ("Ann", 7, "ad", "X"), ("Ann", 8, "ad", "W")],
    ("Ann", 9, "order", "W"),
    # X first, not evaluated, Z bought; then Z again, straight.
    *[("Bob", 0, "ad", "X"), ("Bob", 1, "order", "Z"), ("Bob", 2, "order", "Z")],
    # No first set.
    *[("Cyd", 0, "compare", "Y"), ("Cyd", 1, "order", "Y")],
    # Not bought, and bought what is not known: no ways that count.
    *[("Dan", 0, "ad", "X"), ("Eve", 0, "ad", "X"), ("Eve", 1, "order", None)],
]


def log_with_brands(rows):
    return log_of([row[:3] for row in rows], brand=[row[3] for row in rows])


def consideration_of(rows=ROWS, definition=DEFINITION, **asked):
    return cx.consideration(log_with_brands(rows), definition, "brand", **asked)


def made_of(figure):
    return figure.numerator, figure.denominator


def test_sets_are_counted_on_the_ways_to_purchases():
    result = consideration_of()
    assert result.n_purchases == 5
    assert made_of(result["initial_size"]) == (4, 3)  # Ann 2 and 1, Bob 1
    # With a first set and evaluation: Ann's two ways.
    assert made_of(result["added"]) == (2, 2)
    assert made_of(result["dropped"]) == (1, 2)
    assert made_of(result["added_ratio"]) == (2, 3)


def test_brands_considered_first_are_compared_with_those_added():
    result = consideration_of()
    assert made_of(result["first_rate"]) == (1, 3)
    assert made_of(result["added_rate"]) == (1, 2)
    assert result["first_ratio"].value == pytest.approx(2 / 3)
    assert made_of(result["first_ratio"]) == (result["first_rate"].value, result["added_rate"].value)
    assert result["first_ratio"].method == "MOVER of clustered Wilson 95%"


def test_purchases_come_from_the_first_set_from_what_was_added_or_from_neither():
    result = consideration_of()
    # Ann's X; Ann's W and Cyd's Y; Bob's first Z. His second followed nothing looked at.
    assert made_of(result["from_first"]) == (1, 4)
    assert made_of(result["from_added"]) == (2, 4)
    assert made_of(result["from_neither"]) == (1, 4)


def test_the_own_brand_is_lost_in_evaluation_and_switched_from():
    result = consideration_of(own="X")
    assert made_of(result["lost"]) == (2, 3)  # Ann's second way and Bob's first
    assert made_of(result["switched"]) == (1, 1)  # Ann, from X to W
    assert result.switches.to_dict("records") == [{"from": "X", "to": "W", "purchases": 1}]


def test_without_an_own_brand_any_switch_counts():
    result = consideration_of()
    assert result["lost"].note == "Not measurable: no own brand was named. Say own= with one of the brands."
    assert made_of(result["switched"]) == (1, 2)  # Ann did, Bob did not


def test_the_brands_one_by_one_add_up_to_the_figures():
    brands = consideration_of().brands
    assert brands["first"].to_dict() == {"W": 0, "X": 2, "Y": 1, "Z": 0}
    assert brands["added"].to_dict() == {"W": 1, "X": 0, "Y": 0, "Z": 1}
    assert brands["dropped"].to_dict() == {"W": 0, "X": 0, "Y": 1, "Z": 0}
    assert brands["bought"].to_dict() == {"W": 1, "X": 1, "Y": 1, "Z": 2}
    assert brands.loc["X", "first_rate"] == 0.5
    assert brands.loc["W", "added_rate"] == 1


@pytest.mark.parametrize(("purchases", "first", "n"), [("first", (3, 2), 3), ("repeat", (1, 1), 2)])
def test_ways_to_first_and_to_repeated_purchases_are_told_apart(purchases, first, n):
    result = consideration_of(purchases=purchases)
    assert made_of(result["initial_size"]) == first
    assert result.n_purchases == n
    assert made_of(result["switched"]) == (1, 2)


def test_at_one_time_stages_stand_in_order_or_rows_as_in_the_frame():
    rows = [("a", 0, "ad", "X"), ("a", 1, "order", "X"), ("a", 1, "compare", "Y"), ("a", 2, "order", "X")]
    result = consideration_of(rows)
    assert made_of(result["added"]) == (1, 1)
    by_row = consideration_of(rows, DEFINITION.with_rules(ties="row"))
    # Behind the purchase at its time: on no way.
    assert made_of(by_row["added"]) == (0, 0)
    assert np.isnan(by_row["added"].value)


def test_a_missing_role_is_named_for_each_figure():
    no_buy = consideration_of(definition=DEFINITION.remove("Buy"))
    assert set(no_buy.frame["note"]) == {"Not measurable: no stage has the role 'buy'."}
    no_consider = consideration_of(definition=DEFINITION.remove("Consider"))
    assert no_consider["first_ratio"].note == "Not measurable: no stage has the role 'consider'."
    assert made_of(no_consider["switched"]) == (1, 2)
    no_evaluate = consideration_of(definition=DEFINITION.remove("Evaluate"))
    assert no_evaluate["first_ratio"].note == "Not measurable: no stage has the role 'evaluate'."
    assert made_of(no_evaluate["initial_size"]) == (5, 3)


def test_a_ratio_to_nothing_is_undefined_and_says_so():
    rows = [("a", 0, "ad", "X"), ("a", 1, "compare", "X"), ("a", 2, "order", "X")]
    assert (
        consideration_of(rows)["first_ratio"].note
        == "No brand was added, so there is nothing to compare with."
    )
    rows.insert(1, ("a", 1, "compare", "Y"))
    assert consideration_of(rows)["first_ratio"].note == (
        "No brand added was bought, so there is nothing to compare with."
    )


def test_an_empty_log_has_undefined_figures():
    assert consideration_of([])["initial_size"].denominator == 0
    assert consideration_of([]).frame["value"].isna().all()
    assert consideration_of([]).switches.empty


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"own": "V"}, r"unknown brand 'V'.* Column 'brand' holds these\."),
        ({"purchases": "last"}, r"unknown purchases 'last'"),
    ],
)
def test_bad_arguments_are_refused_with_what_would_be_right(asked, message):
    with pytest.raises(cx.CXError, match=message):
        consideration_of(**asked)
    with pytest.raises(cx.CXError, match=r"unknown column 'brnd'. Did you mean 'brand'"):
        cx.consideration(log_with_brands(ROWS), DEFINITION, "brnd")


def slowly(rows):
    """Return of each way to a known brand what was first, later and bought, and whether it was evaluated."""
    order = {"ad": 1, "compare": 2, "order": 3}
    found = []
    for who in sorted({row[0] for row in rows}):
        mine = sorted((row for row in rows if row[0] == who), key=lambda row: (row[1], order[row[2]]))
        since = -1
        for day in sorted({row[1] for row in mine if row[2] == "order"}):
            way = [row for row in mine if since < row[1] <= day and row[2] != "order"]
            bought = {row[3] for row in mine if row[1] == day and row[2] == "order"} - {None}
            opens = next((place for place, row in enumerate(way) if row[2] == "compare"), len(way))
            first = {row[3] for row in way[:opens]} - {None}
            later = {row[3] for row in way[opens:]} - {None}
            if bought:
                found.append((first, later, bought, opens < len(way)))
            since = day
    return found


ROW = st.tuples(
    st.sampled_from("ab"),
    st.integers(0, 8),
    st.sampled_from(["ad", "compare", "order"]),
    st.sampled_from(["X", "Y", "Z", None]),
)


@given(st.lists(ROW, max_size=24))
@settings(max_examples=60, deadline=None)
def test_counting_slowly_gives_the_same(rows):
    # Every stage needs an event somewhere.
    rows = [*rows, ("z", 0, "ad", None), ("z", 1, "compare", None), ("z", 2, "order", None)]
    found = slowly(rows)
    whole = [way for way in found if way[0] and way[3]]
    result = consideration_of(rows)
    assert result.n_purchases == len(found)
    assert made_of(result["initial_size"]) == (
        sum(len(first) for first, *_ in found),
        sum(bool(first) for first, *_ in found),
    )
    assert made_of(result["added"]) == (sum(len(later - first) for first, later, *_ in whole), len(whole))
    assert result["dropped"].numerator == sum(
        len(first - later - bought) for first, later, bought, _ in whole
    )
    assert made_of(result["first_rate"]) == (
        sum(len(first & bought) for first, _, bought, _ in whole),
        sum(len(first) for first, *_ in whole),
    )
    assert made_of(result["added_rate"]) == (
        sum(len((later - first) & bought) for first, later, bought, _ in whole),
        sum(len(later - first) for first, later, *_ in whole),
    )
    looked = [way for way in found if way[0] | way[1]]
    assert made_of(result["from_neither"]) == (
        sum(len(bought - first - later) for first, later, bought, _ in looked),
        sum(len(bought) for _, _, bought, _ in looked),
    )
