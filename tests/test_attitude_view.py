"""The face of attitude without a browser: what was asked is said, and the charts are the function's."""

from __future__ import annotations

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx

JOURNEY = cx.Definition({"Buy": ["order"], "Enjoy": ["survey"], "Bond": ["app"]})
ROWS = [
    ("Ann", 0, "order", 9),
    ("Ann", 5, "survey", 10),
    ("Bob", 0, "order", 2),
    ("Bob", 5, "survey", 7),
    ("Cyd", 0, "order", 0),
    ("Dan", 0, "order", None),
    ("Dan", 1, "app", None),
]


@pytest.fixture
def log():
    return log_of([row[:3] for row in ROWS], score=[row[3] for row in ROWS])


def stars(low=1):
    """Return answers that fit every usual scale, or none."""
    given = [5, 4, 2, low, 3, None, None]
    return log_of([row[:3] for row in ROWS], stars=given)


def said(view):
    return view._caption._view


def test_the_charts_show_what_the_functions_return(log):
    view = cx.AttitudeView(log, JOURNEY)
    result = cx.attitude(log, JOURNEY)
    means = cx.attitude(log, JOURNEY, measure="ces", scale=(0, 10))
    assert list(view._curve.line.y) == means.frame["value"].tolist()[:2] == [pytest.approx(11 / 3), 8.5]
    assert list(view._curve.other.y) == means.same_customers["value"].tolist()[:2] == [5.5, 8.5]
    assert view._bars.bars.y.tolist() == [np.nan_to_num(result.frame["value"]).tolist()]
    assert list(view._bars.texts.text) == [
        *("-33 · n 3 (75%)", "+50 · n 2 (100%)", "nobody answered", "0 · n 3 (75%)"),
    ]
    shares = result.tone["value"].to_numpy().reshape(-1, 3).T
    assert view._tones.bars.y.tolist() == np.nan_to_num(shares).tolist()
    assert [row["cells"][1] for row in view._peak._view["rows"]] == [
        f"{value:.2f}" for value in result.peak_end["value"]
    ]


def test_the_one_scale_that_holds_all_answers_is_taken_and_said(log):
    view = cx.AttitudeView(log, JOURNEY)
    assert view._measure.value == "nps"
    assert "of the usual scales only 0 to 10 holds answers from 0 to 10" in said(view)["note"]
    view._measure.value = "csat"
    assert "1 to 5" in said(view)["note"]  # the answers lie outside: the sentence says what to do
    view._scale.value = "0 to 10"
    assert "Taken for" not in said(view)["note"]
    assert view._bars_caption._view["title"] == "CSAT by stage"


def test_where_several_scales_fit_nothing_is_shown_until_it_is_said_what_was_asked():
    view = cx.AttitudeView(stars(), JOURNEY)
    assert view._score.value == "stars"
    assert view._measure.value == ""
    assert said(view)["description"] == "stars holds 5 answers from 1 to 5."
    assert said(view)["note"].startswith("Say above what was asked: NPS")
    assert view._curve.children == ()
    view._measure.value = "csat"
    assert view._scale.value == "1 to 5"
    assert (
        view._bars.bars.y[0].tolist()
        == cx.attitude(view.event_log, JOURNEY, measure="csat", score="stars")
        .frame["value"]
        .fillna(0)
        .tolist()
    )


def test_a_scale_is_typed_and_one_that_is_none_keeps_the_reason_in_sight():
    view = cx.AttitudeView(stars(), JOURNEY)
    view._measure.value = "ces"
    view._scale.value = "one to five"
    assert view._scale._view["problem"] == "Say the lowest and the highest score, such as 1 to 5."
    view._scale.value = "0-100"
    assert view._scale._view["problem"] == ""
    assert said(view)["description"].startswith("Mean score on a scale of 0 to 100.")
    view._scale.value = "2 to 5"
    assert "holds 1, but CES is taken on a scale of 2 to 5" in said(view)["note"]


def test_without_scores_the_view_says_which_column_it_needs():
    view = cx.AttitudeView(log_of([row[:3] for row in ROWS]), JOURNEY)
    assert "cx.EventLog(df, ..., score='rating')" in said(view)["note"]
    assert view._asks.layout.display == "none"
    view.definition = JOURNEY.remove("Bond")
    assert view._curve.children == ()


def test_clicks_select_who_answered_so_and_the_tables_follow(log):
    view = cx.AttitudeView(log, JOURNEY)
    view._curve._on_click(None, {"data": {"index": 1}})
    assert list(view.selection.index) == ["Ann", "Bob"]
    assert view._caption._selected == view._bars_caption._selected == "any:Enjoy"
    view._tones._on_click(None, {"data": {"index": 0, "subIndex": 0}})
    assert list(view.selection.index) == ["Bob", "Cyd"]
    assert (view._caption._selected, view._tones_caption._selected) == (None, "negative:Buy")
    view._bars_caption._selected = "any:(all stages)"
    assert list(view.selection.index) == ["Ann", "Bob", "Cyd"]
    assert view._tones_caption._selected is None
    view._bars_caption._selected = None
    assert view.selected is None
    view._bars._on_click(None, {"data": {"index": 0}})
    view._measure.value = "ces"
    assert view.selected is None


def test_the_baseline_lies_behind_by_the_name_of_its_stages(log):
    view = cx.AttitudeView(log, JOURNEY, baseline={"Enjoy": ["survey", "order"]})
    assert view._curve.ghost.visible
    assert list(view._curve.ghost.x) == [1]
    assert list(view._curve.ghost.y) == [pytest.approx(17 / 3)]
    assert view._bars.ghost.visible
    view.baseline = JOURNEY
    assert not view._curve.ghost.visible


def test_answers_in_one_stage_make_no_curve_and_nobody_the_same(log):
    view = cx.AttitudeView(log, {"Enjoy": ["survey"], "Bond": ["app"]})
    assert "no curve with answers in fewer than two stages" in said(view)["description"]
    assert not view._curve.other.visible
    assert "Nobody answered in two stages." in view._peak._view["note"]


def test_before_there_is_a_definition_to_count_there_is_nothing_to_choose(log):
    view, credit = (face(log, {"Buy": ["ordre"]}) for face in (cx.AttitudeView, cx.CreditView))
    for each in (view, credit):
        assert "Unknown event 'ordre'" in said(each)["note"]
        assert each._asks.layout.display == "none"
        each.definition = JOURNEY
        assert each._asks.layout.display == ""
    assert view._scale.layout.display == "none"
    assert view._bars.children != ()
    assert [option["value"] for option in credit._by._view["options"]] == ["stage", "event"]


def test_where_nobody_answered_everywhere_there_is_no_curve_of_the_same_customers():
    rows = [("Ann", 0, "order"), ("Bob", 1, "survey"), ("Bob", 2, "app")]
    view = cx.AttitudeView(log_of(rows, score=[0, 10, None]), JOURNEY)
    assert "Nobody answered in every stage with answers" in said(view)["description"]
    assert "the same customers" not in [entry["label"] for entry in said(view)["legend"]]
    assert not view._curve.other.visible


def test_a_definition_that_cannot_be_counted_keeps_the_figures(log):
    view = cx.AttitudeView(log, JOURNEY)
    before = said(view)["rows"]
    view.definition = JOURNEY.add("Advocate")
    assert said(view)["rows"] == before
    assert "Figures of the last good definition." in said(view)["note"]
