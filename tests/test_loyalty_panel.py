"""The tabs of the loyalty panel without a browser: one at a time, each with the figures of functions."""

from __future__ import annotations

import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets.widgets import loyalty as module

JOURNEY = cx.Definition({"Look": ["view"], "Buy": ["order"]})
ROWS = [
    ("Ann", 4, "view"),
    ("Ann", 5, "order"),
    ("Ann", 40, "order"),
    ("Bob", 10, "order"),
    ("Cyd", 33, "view"),
]


@pytest.fixture
def log():
    return log_of(ROWS)


def test_only_the_tab_in_sight_is_made_and_counted(log):
    panel = cx.LoyaltyPanel(log, JOURNEY)
    assert list(panel._made) == ["overview"]
    edited = JOURNEY.remove("Look")
    panel._question.value = "retention"
    panel.definition = edited
    assert panel._made["retention"].definition == edited
    assert panel._made["overview"].definition == JOURNEY
    assert panel.children[1] is panel._made["retention"]
    panel._question.value = "overview"
    assert panel._made["overview"].definition == edited


def test_a_tab_opened_while_the_definition_cannot_be_counted_shows_the_last_good_figures(log):
    panel = cx.LoyaltyPanel(log, JOURNEY)
    panel.definition = {"Look": ["viewed"], "Buy": ["order"]}
    panel._question.value = "retention"
    view = panel._made["retention"]
    assert view._caption._view["note"].endswith("Figures of the last good definition.")
    assert view._frame.children
    assert view.definition == panel.definition


def test_the_overview_shows_the_loyalty_figures_and_the_curve(log):
    view = cx.LoyaltyOverview(log, JOURNEY)
    result = cx.loyalty(log, JOURNEY)
    assert [row["cells"][0] for row in view._numbers._view["rows"]] == result.frame["label"].tolist()
    assert list(view._frame._line.y) == result.retention["rate"].dropna().tolist()[1:]


@pytest.mark.parametrize("key", list(module.QUESTIONS))
def test_every_tab_can_be_shown_and_has_a_short_name(log, key):
    panel = cx.LoyaltyPanel(log, JOURNEY)
    panel._question.value = key
    assert isinstance(panel.children[1], module.QUESTIONS[key][1])
    assert panel._question._view["problem"] == ""
    assert len(module.QUESTIONS[key][0]) <= 20


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("retention", "Nobody began with Buy."),
        ("lifecycle", "Nobody had Buy."),
        ("attitude", "No event in a stage has a number in score."),
        ("credit", "Nobody has Buy, so there is nothing to divide."),
    ],
)
def test_a_tab_without_anybody_says_so_and_shows_no_empty_chart(key, sentence):
    rows = [("Ann", 0, "view"), ("Ann", 5, "order"), ("Ann", 6, "view")]
    log = log_of(rows, score=[None, 3, 9])
    panel = cx.LoyaltyPanel(log, JOURNEY.with_rules(observation_end="2026-01-03"))
    panel._question.value = key
    view = panel._made[key]
    if key != "retention":  # the first of several views under a row of choices
        view = view.children[1]
    assert sentence in view._caption._view["note"]
    panel.definition = JOURNEY
    assert view._caption._view["rows"]


def test_a_tab_that_is_gone_falls_back_to_the_first(log):
    panel = cx.LoyaltyPanel(log, JOURNEY)
    panel._question.value = "tarot"
    assert panel.children[1] is panel._made["overview"]
