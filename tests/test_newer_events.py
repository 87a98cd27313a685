"""An open workbench is given a longer log: figures follow, and what was done on the board stays."""

from __future__ import annotations

import ipywidgets
import pandas as pd
import pytest

import cx_widgets as cx

COLUMNS = ["who", "when", "what"]
JUNE = pd.DataFrame(
    [("a", "2026-06-01", "ad"), ("a", "2026-06-03", "order"), ("b", "2026-06-02", "ad")], columns=COLUMNS
)
JULY = pd.DataFrame(
    [("b", "2026-07-01", "order"), ("c", "2026-07-02", "ad"), ("c", "2026-07-02", "review")], columns=COLUMNS
)
JOURNEY = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})


@pytest.fixture
def log():
    return cx.EventLog(JUNE, customer="who", time="when", event="what")


@pytest.fixture
def bench(log):
    return cx.Workbench(log, JOURNEY)


def test_every_part_counts_the_newer_events(bench, log):
    longer = log.append(JULY)
    bench.event_log = longer
    parts = (bench, bench.board, bench.funnel, bench.flow, bench.matrix, bench.loyalty, bench.closer)
    assert [part.event_log for part in parts] == [longer] * 7
    assert bench.changes.loc["conversion", "now"] == pytest.approx(2 / 3)
    assert bench.funnel._bars.y.tolist() == [3.0, 2.0]
    assert bench.flow._view["n_customers"] == 3
    assert [stage["events"] for stage in bench.board._view["stages"]] == [3, 2]
    overview = bench.loyalty._made["overview"]
    assert "2" in overview._numbers._view["rows"][0]["cells"][1]
    assert overview.event_log is longer


def test_definition_baseline_and_history_stay(bench, log):
    bench.definition = JOURNEY.with_rules(window="7D")
    bench.event_log = log.append(JULY)
    assert bench.definition == JOURNEY.with_rules(window="7D")
    assert bench.baseline == JOURNEY
    assert bench.changes["delta"].loc["conversion"] == pytest.approx(1 / 3 - 2 / 3)
    bench.undo()
    assert bench.definition == JOURNEY
    assert bench.funnel._bars.y.tolist() == [3.0, 2.0]


def test_the_board_offers_the_events_that_are_new(bench, log):
    assert "review" not in {event["name"] for event in bench.board._catalog["events"]}
    bench.event_log = log.append(JULY)
    assert {event["name"]: event["events"] for event in bench.board._catalog["events"]} == {
        "ad": 3,
        "order": 2,
        "review": 1,
    }
    bench.definition = bench.definition.assign("review", to="Consider")
    assert bench.problems == ()


def test_a_large_log_has_previews_from_then_on(log):
    bench = cx.Workbench(log, JOURNEY, preview_above=4)
    assert bench.board.pace.sample is None
    bench.event_log = log.append(JULY)
    assert bench.board.pace.sample.n_events <= 6
    bench.event_log = log
    assert bench.board.pace.sample is None


def test_views_of_the_log_before_are_closed(bench, log):
    view = bench.closer._made["reasons"]
    parts = (view, view._caption, view._bars)
    alive = ipywidgets.widgets.widget._instances
    assert {part.model_id for part in parts} <= set(alive)
    bench.event_log = log.append(JULY)
    assert [part.comm for part in parts] == [None] * 3
    assert bench.closer._made["reasons"] is not view
    assert bench.closer.children[1] is bench.closer._made["reasons"]


def test_events_that_lack_what_a_stage_holds_are_said_and_no_figures_stand_there(bench):
    other = cx.EventLog(JUNE[JUNE["what"] == "ad"], customer="who", time="when", event="what")
    bench.event_log = other
    assert [problem.kind for problem in bench.problems] == ["unknown_event"]
    assert bench.board._view["figures"] == []
    assert bench.funnel._caption._view["description"] == "No figures yet."


def test_what_is_no_log_is_refused_and_changes_nothing(bench, log):
    with pytest.raises(cx.CXError, match="a DataFrame is no event log"):
        bench.event_log = JULY
    assert bench.event_log is log
    assert bench.funnel._bars.y.tolist() == [2.0, 1.0]


def test_a_view_alone_takes_newer_events_too(log):
    view = cx.FunnelView(log, JOURNEY)
    view.event_log = log.append(JULY)
    assert view._bars.y.tolist() == [3.0, 2.0]
