"""The faces of loyalists and of claims without a browser."""

from __future__ import annotations

import json

import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets.widgets._selection import Selection

JOURNEY = cx.Definition(
    {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"], "Advocate": ["review"]}
)
OTHER = cx.Definition({"Consider": ["ad"], "Buy": ["order", "compare"], "Advocate": ["review"]})
ROWS = [
    *[("Ann", 0, "order"), ("Ann", 1, "order"), ("Ann", 2, "review")],
    *[("Bob", 0, "order"), ("Bob", 1, "compare"), ("Bob", 2, "order")],
    *[("Cyd", 0, "order"), ("Dan", 0, "ad"), ("Dan", 1, "order"), ("Eve", 0, "review")],
]


@pytest.fixture
def log():
    return log_of(ROWS, brand=["X"] * len(ROWS), size=[1.5] * len(ROWS))


def tiles_of(view):
    return {tile["key"]: tile for tile in view._tiles._view["tiles"]}


def test_the_tiles_show_what_the_function_returns(log):
    view = cx.QuadrantView(log, JOURNEY)
    frame = cx.loyalists(log, JOURNEY).frame
    tiles = tiles_of(view)
    assert {key: tile["size"] for key, tile in tiles.items()} == frame["value"][:4].to_dict()
    assert tiles["passive"]["count"] == "1"
    assert tiles["passive"]["part"]["count"] == "1"
    assert tiles["active"]["part"] is None
    assert {key: (tile["row"], tile["column"]) for key, tile in tiles.items()} == {
        "passive": (0, 0),
        "active": (0, 1),
        "neither": (1, 0),
        "advocates": (1, 1),
    }
    assert view._caption._view["note"] == "1 more recommend and never bought."
    assert [row["key"] for row in view._caption._view["rows"]] == [
        "active",
        "passive",
        None,  # nobody is behind it
        "neither",
        "vulnerable",
    ]
    json.dumps(view._tiles._view, allow_nan=False)


def test_a_click_on_a_tile_selects_its_customers_and_another_view_follows(log):
    view = cx.QuadrantView(log, JOURNEY)
    view._tiles._selected = "neither"
    assert list(view.selection.index) == ["Cyd", "Dan"]
    assert view._caption._selected == "neither"
    view._caption._selected = "vulnerable"
    assert list(view.selection.index) == ["Bob"]
    assert view._tiles._selected == "vulnerable"
    view._tiles._selected = None
    assert view.selected is None
    assert view._caption._selected is None
    # A selection of another chart is no tile, and stays.
    view.selected = Selection("reached", "Buy")
    view._tiles._selected = None
    assert view.selected == Selection("reached", "Buy")


def test_the_baseline_stands_beside_each_tile(log):
    view = cx.QuadrantView(log, JOURNEY, OTHER)
    before = cx.loyalists(log, OTHER).frame
    assert tiles_of(view)["passive"]["before"] == before.loc["passive", "value"]
    assert tiles_of(view)["passive"]["change"] == "baseline 25.0%"
    assert tiles_of(cx.QuadrantView(log, JOURNEY))["passive"]["before"] is None


def test_another_way_to_recommend_counts_anew_and_lets_go_of_the_selection(log):
    view = cx.QuadrantView(log, JOURNEY)
    view._tiles._selected = "active"
    view._recommends.value = "score"
    assert view.selected is None
    assert view._tiles._view["tiles"] == []
    assert view._caption._view["note"] == (
        "Not measurable: the log has no score column. Name a column of scores: cx.EventLog(..., score=)."
    )
    view._recommends.value = "stage"
    assert len(view._tiles._view["tiles"]) == 4


@pytest.mark.parametrize(
    ("stages", "way_out"),
    [
        ({"Consider": ["ad"]}, "Give a stage the role 'buy' on the board."),
        ({"Buy": ["order"]}, "Give a stage the role 'advocate' on the board, or name a column of scores"),
    ],
)
def test_a_missing_role_hides_the_tiles_and_says_what_to_do(log, stages, way_out):
    view = cx.QuadrantView(log, cx.Definition(stages))
    assert view._tiles._view["tiles"] == []
    assert way_out in view._caption._view["note"]
    view.definition = JOURNEY
    assert len(view._tiles._view["tiles"]) == 4


def test_a_definition_that_cannot_be_counted_keeps_the_last_figures(log):
    view = cx.QuadrantView(log, JOURNEY)
    view.definition = JOURNEY.assign("nothing", to="Buy")
    assert len(view._tiles._view["tiles"]) == 4
    assert "Figures of the last good definition." in view._caption._view["note"]


def claims_in(view):
    return {claim["key"]: claim for claim in view._drawn._view["claims"]}


def test_the_table_of_claims_shows_what_the_function_returns(log):
    view = cx.ClaimsView(log, JOURNEY)
    frame = cx.claims(log, JOURNEY, brand="brand").frame
    shown = claims_in(view)
    assert {key: claim["verdict"] for key, claim in shown.items()} == frame["verdict"].to_dict()
    assert shown["passive_loyalists"]["value"] == "1.00"
    assert shown["passive_loyalists"]["numbers"]["low"] == pytest.approx(4.8)
    assert shown["closing_touchpoint"]["numbers"]["low"] is None
    assert len(view._caption._view["rows"]) == 7
    json.dumps(view._drawn._view, allow_nan=False)


def test_columns_are_offered_and_guessed_by_their_names(log):
    view = cx.ClaimsView(log, JOURNEY)
    assert view._brand.value == "brand"
    assert [option["value"] for option in view._brand._view["options"]] == ["", "brand"]
    assert view._channel.value == ""
    view._brand.value = ""
    assert "Needs a column of brands" in claims_in(view)["first_considered"]["why"]
    bare = cx.ClaimsView(log_of(ROWS), JOURNEY)
    assert len(bare.children) == 2
    assert claims_in(bare)["first_considered"]["verdict"] == "not measurable"


def test_verdicts_that_differ_under_the_baseline_are_named(log):
    view = cx.ClaimsView(log, JOURNEY, cx.Definition({"Consider": ["ad"]}))
    assert "Under the baseline: not measurable." in view._caption._view["note"]
    assert "Under the baseline" not in cx.ClaimsView(log, JOURNEY)._caption._view["note"]


def test_claims_say_what_is_wrong_with_a_definition_that_cannot_be_counted(log):
    view = cx.ClaimsView(log, cx.Definition({"Buy": ["nothing"]}))
    assert claims_in(view) == {}
    assert "Unknown event 'nothing'" in view._caption._view["note"]


BRANDED = [
    *[("Ann", 0, "ad", "X"), ("Ann", 1, "compare", "Z"), ("Ann", 2, "order", "X")],
    *[("Bob", 0, "ad", "X"), ("Bob", 1, "compare", "Z"), ("Bob", 2, "order", "Z")],
]
BUYING = JOURNEY.remove("Advocate")


def branded():
    return log_of([row[:3] for row in BRANDED], brand=[row[3] for row in BRANDED])


def test_brands_considered_first_stand_beside_those_added():
    view = cx.ConsiderationView(branded(), BUYING)
    brands = cx.consideration(branded(), BUYING, "brand").brands
    assert list(view._bars.bars.y[0]) == [0.5, 0.0]
    assert [row["cells"][0] for row in view._caption._view["rows"]] == list(brands.index)
    assert view._bars.texts.text.tolist() == ["50.0% of 2", "", "", "50.0% of 2"]
    assert [row["cells"][0] for row in view._numbers._view["rows"]][:2] == [
        "Brands in the first set",
        "Brands added in evaluation",
    ]


def test_the_own_brand_is_chosen_among_those_bought():
    view = cx.ConsiderationView(branded(), BUYING)
    assert [option["value"] for option in view._own._view["options"]] == ["", "X", "Z"]
    view._own.value = "X"
    lost = next(row for row in view._numbers._view["rows"] if row["cells"][0].startswith("Own brand"))
    assert lost["cells"][1:4:2] == ["50.0%", "1 / 2"]
    view._purchases.value = "repeat"
    assert "No such purchase is of a known brand." in view._caption._view["note"]
    assert view._beside[0].layout.display == "none"


def test_without_a_column_of_brands_the_view_says_so_and_stays_usable():
    view = cx.ConsiderationView(log_of(ROWS, words=["X"] * len(ROWS)), JOURNEY)
    assert "Choose the column of brands above." in view._caption._view["note"]
    view._brand.value = "words"
    assert view._numbers._view["rows"]
    bare = cx.ConsiderationView(log_of(ROWS), JOURNEY)
    assert "The log has no column of words." in bare._caption._view["note"]
    broken = cx.ConsiderationView(branded(), cx.Definition({"Buy": ["nothing"]}))
    assert "Unknown event 'nothing'" in broken._caption._view["note"]
