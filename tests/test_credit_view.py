"""The face of credit without a browser: bars are the function's, rules side by side, clicks select."""

from __future__ import annotations

import pytest
from small_logs import log_of

import cx_widgets as cx

JOURNEY = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]})
ROWS = [
    ("Ann", 0, "ad", "Direct", None),
    ("Ann", 1, "compare", "mail", None),
    ("Ann", 2, "order", None, 10.0),
    ("Ann", 3, "compare", "mail", None),
    ("Ann", 4, "order", None, 30.0),
    ("Bob", 0, "ad", "mail", None),
    ("Bob", 1, "order", None, 20.0),
]


@pytest.fixture
def log():
    return log_of([row[:3] for row in ROWS], channel=[row[3] for row in ROWS], value=[row[4] for row in ROWS])


def said(view):
    return view._caption._view


def test_one_rule_stands_left_with_first_and_repeated_purchases_apart_and_all_rules_right(log):
    view = cx.CreditView(log, JOURNEY)
    assert view._names == ["Consider", "Evaluate"]
    assert view._bars.bars.y.tolist() == [[1.5, 0.5], [0, 1]]
    frame = cx.credit_methods(log, JOURNEY).frame
    every = frame[frame["purchases"] == "all"].set_index(["method", "touchpoint"])["share"].unstack()
    assert (
        view._rules.bars.y.tolist()
        == every.loc[["first", "last", "linear", "position", "time decay", "markov", "shapley"]]
        .to_numpy()
        .tolist()
    )
    view._method.value = "last"
    assert view._bars.bars.y.tolist() == [[1, 1], [0, 1]]
    assert said(view)["title"] == "Credit: Last touch"


def test_the_table_ends_with_the_sum_that_is_the_number_of_purchases(log):
    view = cx.CreditView(log, JOURNEY)
    assert said(view)["rows"][-1]["cells"] == ["Sum", "2", "100.0%", "1", "100.0%", "3", "100.0%"]
    assert said(view)["description"].startswith("Purchases divided: 2 first and 1 repeated.")
    view._amount.value = "revenue"
    assert said(view)["rows"][-1]["cells"] == ["Sum", "30", "100.0%", "30", "100.0%", "60", "100.0%"]
    assert view._bars.bars.y.tolist() == [[25, 5], [0, 30]]


def test_columns_are_touchpoints_too_and_a_rule_without_direct_says_why_it_is_not_there(log):
    view = cx.CreditView(log, JOURNEY)
    view._method.value = "last non-direct"
    assert said(view)["note"] == "Last but direct: no touchpoint is called direct."
    assert view._bars.children == ()
    view._by.value = "channel"
    assert said(view)["title"] == "Credit: Last but direct"
    assert [option["value"] for option in view._by._view["options"]] == ["stage", "event", "channel"]
    assert len(view._rules.bars.y) == 8


def test_a_bar_selects_the_customers_with_such_a_purchase_after_the_touchpoint(log):
    view = cx.CreditView(log, JOURNEY)
    view._bars._on_click(None, {"data": {"index": 0, "subIndex": 0}})
    assert list(view.selection.index) == ["Ann", "Bob"]
    view._bars._on_click(None, {"data": {"index": 1, "subIndex": 1}})
    assert list(view.selection.index) == ["Ann"]
    view._rules._on_click(None, {"data": {"index": 0, "subIndex": 5}})
    assert view._caption._selected == view._rules_caption._selected == "all:Consider"
    view._rules._on_click(None, {"data": {"index": 0, "subIndex": 2}})
    assert view.selected is None
    view._caption._selected = "all:Evaluate"
    assert list(view.selection.index) == ["Ann"]
    view._by.value = "event"
    assert view.selected is None


def test_without_a_buying_stage_or_a_purchase_it_says_so_and_stays_usable(log):
    view = cx.CreditView(log, JOURNEY.remove("Buy"))
    assert said(view)["note"].startswith("No stage has the role 'buy'.")
    view._goal.value = "Evaluate"
    assert view._bars.bars.y.tolist() == [[1, 0], [0, 1]]
    never = cx.CreditView(log, {"Consider": ["ad"], "Buy": ["order"]})
    never._part.value = "repeat"
    assert never._rules.children != ()
    once = cx.CreditView(log_of([("a", 0, "ad"), ("a", 1, "order")]), {"Consider": ["ad"], "Buy": ["order"]})
    once._part.value = "repeat"
    assert "There are no repeated ones." in once._rules_caption._view["note"]
    assert once._rules.children == ()
    assert once._amount.layout.display == "none"


def test_the_baseline_lies_behind_each_bar(log):
    view = cx.CreditView(log, JOURNEY, baseline=JOURNEY.assign("compare", to="Consider").remove("Evaluate"))
    assert view._bars.ghost.y.tolist() == [[2, 0], [1, 0]]
    view.baseline = {"Consider": ["ad"]}
    assert not view._bars.ghost.visible


def test_of_many_touchpoints_those_before_most_purchases_are_drawn():
    rows = [(f"c{n}", 0, f"ad {n % 20:02}") for n in range(60)] + [(f"c{n}", 1, "order") for n in range(60)]
    view = cx.CreditView(log_of(rows), {"Consider": ["ad *"], "Buy": ["order"]})
    view._by.value = "event"
    assert len(view._names) == 15
    assert said(view)["note"] == "The 15 that stood before most purchases, of 20."
    assert len(said(view)["rows"]) == 21
