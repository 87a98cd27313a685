"""The faces of RFM, revenue and pain points without a browser."""

from __future__ import annotations

import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets.widgets import _theme

JOURNEY = cx.Definition({"Look": ["view", "chat"], "Buy": ["order"]})
ROWS = [
    ("Ann", "2026-01-01", "view", None, None),
    ("Ann", "2026-01-03", "order", 10.0, 9),
    ("Ann", "2026-01-20", "order", 30.0, None),
    ("Bob", "2026-01-02", "view", None, 3),
    ("Bob", "2026-01-04", "order", 5.0, None),
    ("Cyd", "2026-01-05", "view", None, None),
    ("Cyd", "2026-01-06", "chat", None, 2),
    ("Dan", "2026-01-31", "view", None, None),
]
VIEWS = ["RFMView", "RevenueView", "PainPointsView"]


@pytest.fixture
def log():
    return made(value="paid", score="score")


def made(rows=ROWS, **roles):
    df = pd.DataFrame(rows, columns=["who", "when", "what", "paid", "score"])
    return cx.EventLog(df, customer="who", time="when", event="what", **roles)


def said(view):
    return view._caption._view


def test_segments_show_what_the_function_returns(log):
    view, result = cx.RFMView(log, JOURNEY), cx.rfm(log, JOURNEY)
    assert view._bars.bars.y.ravel().tolist() == result.frame["numerator"].tolist()
    assert [row["key"] for row in said(view)["rows"]] == [f"rfm:{name}" for name in result.frame.index]
    assert view._heat.color.sum() == result.buyers == 2
    assert list(view._counts.text) == ["1", "1"]


def test_a_click_on_a_segment_or_a_cell_selects_its_buyers(log):
    view = cx.RFMView(log, JOURNEY)
    segments = cx.rfm(log, JOURNEY).scores["segment"]
    row = list(cx.rfm(log, JOURNEY).frame.index).index(segments["Bob"])
    view._bars._on_click(None, {"data": {"index": row, "subIndex": 0}})
    assert list(view.selection.index) == ["Bob"]
    assert view._caption._selected == f"rfm:{segments['Bob']}"
    view._on_cell(None, {"data": {"rowNum": 0, "columnNum": 0}})
    assert list(view.selection.index) == ["Bob"]
    assert view._grid_caption._selected == "scored:1 1"
    assert view._caption._selected is None
    view._counts.selected = [1]
    assert list(view.selection.index) == ["Ann"]
    view._grid_caption._selected = None
    assert view.selected is None
    view._on_cell(None, {"data": {"rowNum": 2, "columnNum": 2}})  # nobody there
    assert view.selected is None
    view._caption._selected = f"rfm:{segments['Ann']}"
    assert list(view.selection.index) == ["Ann"]
    view._bins.value = "3"
    assert view.selected is None
    assert view._heat.color.shape == (3, 3)


def test_without_values_money_cannot_be_chosen():
    view = cx.RFMView(made(), JOURNEY)
    assert view._money.layout.display == "none"
    assert "Monetary value is left out" in said(view)["note"]


def test_the_baseline_lies_behind_the_bars(log):
    view = cx.RFMView(log, JOURNEY)
    assert not view._bars.ghost.visible
    view.definition = JOURNEY.assign("chat", to="Buy")
    assert view._bars.ghost.visible
    assert view._bars.ghost.y.sum() == 2
    assert view._bars.bars.y.sum() == 3


def test_revenue_shows_what_the_function_returns(log):
    view, result = cx.RevenueView(log, JOURNEY), cx.revenue(log, JOURNEY)
    assert view._bars.bars.y.ravel().tolist() == result.frame["value"].tolist()[1:]
    assert said(view)["rows"][0]["cells"][1] == "45.00"
    assert list(view._bars.texts.text) == ["11.25 · n 4", "11.25 · n 4", "22.50 · n 2", "15.00 · n 3"]
    view._method.value = "bca"
    assert "BCa" in said(view)["rows"][1]["cells"][-1]


def test_pain_points_show_what_the_function_returns(log):
    view = cx.PainPointsView(log, JOURNEY)
    frame = cx.pain_points(log, JOURNEY).frame
    assert view._bars.bars.y.ravel().tolist() == frame["numerator"].tolist()
    assert [row["cells"][0] for row in said(view)["rows"]] == list(frame.index.get_level_values(0))
    # chat: Cyd of Cyd; view: Dan of four.
    assert next(iter(view._bars.texts.text)).startswith("1 of 1 (100.0%")
    view._bars._on_click(None, {"data": {"index": 0, "subIndex": 0}})
    assert list(view.selection.index) == ["Cyd"]
    assert view._caption._selected == "Look\nchat"
    view._caption._selected = "Look\nview"
    assert list(view.selection.index) == ["Dan"]
    view._caption._selected = None
    assert view.selected is None


def test_pain_points_are_ranked_by_rating_where_there_is_one(log):
    view = cx.PainPointsView(log, JOURNEY)
    assert [option["value"] for option in view._rank._view["options"]] == ["lost", "share", "rating"]
    view._rank.value = "rating"
    assert [row["cells"][0] for row in said(view)["rows"]] == ["chat", "view", "order"]
    view._rank.value = "share"
    assert [row["cells"][0] for row in said(view)["rows"]] == ["chat", "view", "order"]
    plain = cx.PainPointsView(made(), JOURNEY)
    assert [option["value"] for option in plain._rank._view["options"]] == ["lost", "share"]


def test_a_column_of_words_makes_touchpoints():
    df = pd.DataFrame(ROWS, columns=["who", "when", "what", "paid", "score"]).assign(place="app")
    log = cx.EventLog(df, customer="who", time="when", event="what", channel="place")
    view = cx.PainPointsView(log, JOURNEY)
    assert [option["value"] for option in view._by._view["options"]] == ["event", "place"]
    view._bars._on_click(None, {"data": {"index": 0, "subIndex": 0}})
    view._by.value = "place"
    assert view.selected is None
    assert {row["cells"][0] for row in said(view)["rows"]} == {"app"}


def test_of_many_touchpoints_the_first_have_bars():
    rows = [(f"c{n}", "2026-01-01", f"event {n:02d}", None, None) for n in range(20)]
    log = made([*rows, ("x", "2026-01-02", "order", None, None)])
    view = cx.PainPointsView(log, {"Look": [f"event {n:02d}" for n in range(20)], "Buy": ["order"]})
    assert len(view._bars.bars.x) == 15
    assert "5 more are in the table." in said(view)["note"]


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_says_what_it_lacks_and_comes_back(name, log):
    view = getattr(cx, name)(log, {"Look": ["view"]})
    why = {
        "RFMView": "No stage has the role 'buy'.",
        "RevenueView": "no stage has the role 'buy'",
        "PainPointsView": "With one stage nobody is lost",
    }[name]
    assert why in said(view)["note"]
    assert view._bars.children == ()
    view.definition = JOURNEY
    assert said(view)["rows"]
    assert view._bars.children
    view.definition = {"Look": ["view"], "Buy": []}
    assert "Figures of the last good definition." in said(view)["note"]


@pytest.mark.parametrize("name", VIEWS)
def test_one_customer_can_be_shown(name):
    view = getattr(cx, name)(made(ROWS[:3], value="paid"), {"Look": ["view"], "Buy": ["order"]})
    assert said(view)["rows"]


def test_the_panel_has_a_tab_for_each(log):
    panel = cx.LoyaltyPanel(log, JOURNEY)
    for key in ("segments", "revenue", "pain"):
        panel._question.value = key
        assert (panel.children[1].children[1] if key == "pain" else panel.children[1])._caption._view["rows"]
    panel.children[1].children[1]._bars._on_click(None, {"data": {"index": 0, "subIndex": 0}})
    assert panel.selected.kind == "left"


def shoppers(n):
    rows = [(f"c{k:03d}", "2026-01-01", ("view", "chat")[k % 3 == 0], None, None) for k in range(n)]
    rows += [(f"c{k:03d}", "2026-01-02", "order", 10.0, None) for k in range(0, n, 2)]
    return made(rows, value="paid", score="score")


@pytest.mark.parametrize("name", VIEWS)
def test_a_preview_counts_a_sample_and_stands_for_the_whole_log(name):
    log = shoppers(400)
    part = log.sample(4)
    view = getattr(cx, name)(log, JOURNEY)
    whole = said(view)
    view._draw_from(part)
    rough = said(view)
    assert rough["preview"] == str(part.sampled)
    assert rough["preview"].startswith("one in 4 customers")
    place = {"RFMView": 1, "RevenueView": 1, "PainPointsView": 3}[name]
    counted = {
        "RFMView": cx.rfm(part, JOURNEY).frame["numerator"].iloc[0],
        "RevenueView": cx.revenue(part, JOURNEY)["revenue"].value,
        "PainPointsView": cx.pain_points(part, JOURNEY).frame["denominator"].iloc[0],
    }[name]
    shown = float(rough["rows"][0]["cells"][place].replace(",", ""))
    assert shown == pytest.approx(counted * part.sampled.times, abs=0.51)
    assert view._bars.children
    view._draw_from(None)
    exact = said(view)
    assert exact["preview"] == ""
    assert (exact["rows"], exact["description"]) == (whole["rows"], whole["description"])


def test_a_bar_alone_has_a_neighbour_out_of_sight_for_bqplot_would_draw_a_hairline():
    view = cx.CreditView(made(ROWS[1:2], value="paid"), {"Buy": ["order"]})
    assert view._names == ["(no touchpoint)"]
    assert view._bars.bars.x.tolist() == [0, 1]
    assert view._bars.bars.y.tolist() == [[1, 0], [0, 0]]
    assert (view._bars._rows.max, view._bars._rows.allow_padding) == (0.5, False)
    assert list(view._bars.texts.text) == ["1 (100%)", "0"]


def test_a_bar_fills_the_same_share_of_its_step_whatever_their_number():
    # bqplot divides the room from the first bar to the last by their number, and takes the padding off.
    for bars in (2, 3, 15):
        assert (30 * (bars - 1) // bars) * (1 - _theme.padding(18, 30, bars)) == pytest.approx(18)
    view = cx.RevenueView(made(value="paid"), JOURNEY)
    row = 32
    assert view._bars._drawing.layout.height == f"{4 * row + 18}px"
    assert view._bars.bars.padding == pytest.approx(1 - 18 / 24)


def test_of_nobody_revenue_has_no_empty_axis():
    view = cx.RevenueView(made([], value="paid"), JOURNEY)
    assert said(view)["note"] == "Nobody entered, so there is nothing to divide."
    assert view._bars.children == ()


def test_what_a_missing_column_takes_away_is_said_with_the_step_that_gives_it():
    bare = made()
    assert (
        "no value column. Name the column of amounts: cx.EventLog(..., value=)."
        in said(cx.RFMView(bare, JOURNEY))["note"]
    )
    assert (
        "no score column. Name a column of scores: cx.EventLog(..., score=)."
        in said(cx.PainPointsView(bare, JOURNEY))["note"]
    )
    figures = cx.LoyaltyOverview(bare, JOURNEY)._numbers._view["rows"]
    assert figures[-1]["cells"][-1].endswith("cx.EventLog(..., value=).")
    needs = [row["cells"][-2] for row in said(cx.ClaimsView(bare, JOURNEY))["rows"][:2]]
    assert all("a column of brands: keep one in the DataFrame" in need for need in needs)


def test_without_values_revenue_says_how_to_name_them():
    assert "cx.EventLog(..., value=)" in said(cx.RevenueView(made(), JOURNEY))["note"]
