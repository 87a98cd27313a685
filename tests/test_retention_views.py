"""The faces of retention and lifecycle without a browser."""

from __future__ import annotations

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx

JOURNEY = cx.Definition({"Look": ["view"], "Buy": ["order"]})
ROWS = [
    ("Ann", 4, "order"),
    ("Ann", 11, "order"),
    ("Ann", 40, "order"),
    ("Bob", 10, "order"),
    ("Cyd", 33, "order"),
    ("Cyd", 34, "view"),
    ("Dan", 70, "view"),
]


@pytest.fixture
def log():
    return log_of(ROWS)


def weekly(log, definition=JOURNEY):
    view = cx.RetentionView(log, definition)
    view._period.value = "W"
    return view


def said(view):
    return view._caption._view


def test_the_matrix_shows_what_the_function_returns(log):
    view = weekly(log)
    frame = cx.retention(log, JOURNEY, period="W", periods=12).frame
    there = frame[frame["size"] > 0]
    # Weeks of nobody are left out; the last cell of each line is hatched.
    assert list(view._heat.row) == ["2026-01-05 (2)", "2026-02-02 (1)"]
    assert len(view._hatches.text) == (~there["ripe"]).sum() == 2
    assert list(view._numbers.text) == [f"{value:.0%}" for value in there["value"].dropna()]
    assert [row["key"] for row in said(view)["rows"]] == [
        f"{start.date()} {period}" for start, period in zip(there["cohort"], there["period"], strict=True)
    ]
    assert "so far" in said(view)["rows"][-1]["cells"][-1]
    curve = cx.retention(log, JOURNEY, period="W", periods=12).curve
    assert list(view._curve._line.y) == curve["value"].tolist()[1:]


def test_a_click_on_a_cell_selects_who_came_back_in_it(log):
    view = weekly(log)
    view._on_cell(None, {"data": {"rowNum": 0, "columnNum": 1}})
    assert list(view.selection.index) == ["Ann"]
    assert view._caption._selected == "2026-01-05 1"
    view._numbers.selected = [0]
    assert sorted(view.selection.index) == ["Ann", "Bob"]
    view._numbers.selected = [0]
    assert view.selection.empty
    view._caption._selected = "2026-01-05 5"
    assert list(view.selection.index) == ["Ann"]
    view._kind.value = "streak"
    assert view.selected is None
    # Beyond what had begun there is no cell.
    view._on_cell(None, {"data": {"rowNum": 1, "columnNum": 12}})
    assert view.selected is None


@pytest.mark.parametrize("kind", ["on", "on or after", "bracket", "streak"])
@pytest.mark.parametrize("clock", ["calendar", "24h"])
@pytest.mark.parametrize("period", ["D", "W", "M", "Q"])
def test_every_choice_can_be_shown(log, kind, clock, period):
    view = cx.RetentionView(log, JOURNEY)
    for chooser, value in ((view._period, period), (view._clock, clock), (view._kind, kind)):
        chooser.value = value
    assert said(view)["rows"]
    assert view._heat.color.shape == (len(view._heat.row), len(view._heat.column))


def test_one_cohort_is_one_line():
    view = cx.RetentionView(log_of([("a", 0, "order"), ("a", 1, "order")]), JOURNEY.remove("Look"))
    assert list(view._heat.row) == ["2026-01 (1)"]
    assert view._heat.color.shape == (1, len(view._heat.column))
    view._on_cell(None, {"data": {"rowNum": 1, "columnNum": 0}})
    assert view.selected is None


def test_of_many_cohorts_the_last_sixty_are_shown():
    rows = [(f"c{day}", day, "order") for day in range(90)]
    view = cx.RetentionView(log_of(rows), JOURNEY.remove("Look"))
    view._period.value = "D"
    assert len(view._heat.row) == 60
    assert view._heat.row[-1] == "2026-03-31 (1)"
    assert "The last 60 cohorts; cx.retention has 30 earlier ones." in said(view)["note"]


def test_cohorts_may_begin_with_any_stage(log):
    view = cx.RetentionView(log, JOURNEY)
    view._start_with.value = "Look"
    assert list(view._heat.row) == ["2026-02 (1)", "2026-03 (1)"]
    view._on_cell(None, {"data": {"rowNum": 0, "columnNum": 0}})
    assert list(view.selection.index) == ["Cyd"]


@pytest.mark.parametrize("face", ["RetentionView", "LifecycleView"])
def test_without_a_buying_stage_a_view_says_what_it_needs_and_stays_usable(log, face):
    view = getattr(cx, face)(log, {"Look": ["view"]})
    assert said(view)["note"].startswith("No stage has the role 'buy'. Choose another stage")
    chooser = view._start_with if face == "RetentionView" else view._active
    chooser.value = "Look"
    assert said(view)["rows"]
    view.definition = JOURNEY.remove("Look")
    assert "Unknown stage or event" in said(view)["note"]


@pytest.mark.parametrize("face", ["RetentionView", "LifecycleView"])
def test_a_definition_that_cannot_be_counted_keeps_the_figures_and_says_so(log, face):
    view = getattr(cx, face)(log, JOURNEY)
    before = said(view)["rows"]
    view.definition = JOURNEY.add("Enjoy")
    assert said(view)["rows"] == before
    assert "Figures of the last good definition." in said(view)["note"]


def test_the_baseline_lies_behind_where_it_can_be_counted(log):
    view = cx.RetentionView(log, JOURNEY, baseline={"Buy": ["order", "view"]})
    assert view._curve._ghost.visible
    life = cx.LifecycleView(log, JOURNEY, baseline={"Buy": ["order", "view"]})
    assert life._ghost.visible
    assert list(life._ghost.y) == [2, 2, 1]
    life.baseline = {"Look": ["view"]}
    assert not life._ghost.visible


def test_lifecycle_bars_are_those_of_the_function_with_the_dormant_below_zero(log):
    view = cx.LifecycleView(log, JOURNEY)
    frame = cx.lifecycle(log, JOURNEY, period="M").frame
    assert view._bars.y.tolist() == [
        frame["returning"].tolist(),
        frame["resurrecting"].tolist(),
        frame["new"].tolist(),
        (-frame["dormant"]).tolist(),
    ]
    assert np.isclose(view._many.y, cx.stickiness(log, JOURNEY, period="M").frame["value"][:2]).all()
    assert "The last period is not over" in said(view)["note"]


def test_a_single_period_has_a_bar_with_a_width_and_whole_numbers_beside():
    view = cx.LifecycleView(log_of(ROWS[:2]), {"Buy": ["order"]})
    assert view._bars.x.tolist() == [0, 1]
    assert view._bars.y.tolist() == [[0, 0], [0, 0], [1, 0], [0, 0]]
    assert (view._across.min, view._across.max) == (-0.5, 0.5)
    assert view._left.tick_values.tolist() == [0, 1]
    assert (
        "No period after the first is over yet"
        in cx.RetentionView(log_of(ROWS[:1]), {"Buy": ["order"]})._curve_caption._view["note"]
    )


def test_a_click_on_a_lifecycle_bar_selects_the_customers(log):
    view = cx.LifecycleView(log, JOURNEY)
    view._on_bar(None, {"data": {"index": 1, "subIndex": 3}})
    assert list(view.selection.index) == ["Bob"]
    assert view._caption._selected == "2026-02-01"
    view._on_bar(None, {"data": {"index": 1, "subIndex": 3}})
    assert view.selected is None
    view._caption._selected = "2026-02-01"
    assert list(view.selection.index) == ["Ann", "Cyd"]
    view._period.value = "W"
    assert view.selected is None


def test_the_loyalty_panel_links_both_to_the_workbench(log):
    bench = cx.Workbench(log, JOURNEY)
    bench.loyalty._question.value = "retention"
    view = bench.loyalty._made["retention"]
    view._on_cell(None, {"data": {"rowNum": 0, "columnNum": 1}})
    assert bench.selected == view.selected
    assert list(bench.selection.index) == ["Ann"]
    bench.loyalty._question.value = "lifecycle"
    bench.definition = JOURNEY.assign("view", to="Buy").remove("Look")
    assert bench.loyalty._made["lifecycle"]._good == bench.definition


def test_no_name_of_a_period_runs_out_of_the_figure():
    days = log_of([(f"c{day}", day, "order") for day in range(57)])
    view = cx.LifecycleView(days, {"Buy": ["order"]})
    view._period.value = "D"
    # Of 57 bars every eighth is named, but not the last of them, which is the last bar.
    assert view._below.tick_values.tolist() == [0, 8, 16, 24, 32, 40, 48]
    assert view._bars.x[-1] == 56
