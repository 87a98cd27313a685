from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import traitlets
from small_logs import log_of

import cx_widgets as cx

DATA = Path(__file__).parent / "data"
PLAIN = cx.Definition({"Cart": ["cart"], "Shipping": ["shipping_details"], "Purchase": ["purchase"]})
TWO = cx.Definition({"See": ["ad"], "Buy": ["order"]})
# Ann orders on the next day, Bob after nine days, Cyd never; Dan orders without an ad.
ROWS = [
    *(("Ann", 0, "ad"), ("Ann", 1, "order"), ("Bob", 0, "ad"), ("Bob", 9, "order")),
    *(("Cyd", 0, "ad"), ("Dan", 5, "order")),
]


@pytest.fixture(scope="module")
def shop():
    frame = pd.read_csv(DATA / "shop_600.csv.gz")
    return cx.EventLog(frame, customer="customer", time="time", event="event")


@pytest.fixture
def log():
    return log_of(ROWS)


def test_one_log_converts_at_five_to_sixty_seven_percent(shop):
    ways = cx.presets.ways_to_count(PLAIN, exclude="support_chat", optional="Shipping")
    frame = cx.compare_rules(shop, ways).frame
    made_of = dict(zip(frame.index, zip(frame["numerator"], frame["denominator"], strict=True), strict=True))
    assert made_of == {
        "Plain": (213, 489),
        "Window": (165, 489),
        "First entry": (94, 489),
        "Latest entry": (83, 489),
        "Strict": (26, 489),
        "Unbroken": (29, 489),
        "Any order": (328, 489),
        "Open entry": (328, 489),
        "Later, not at once": (213, 489),
        "Sessions": (173, 1022),
        "Journeys": (239, 715),
        "Attempts": (193, 977),
        "Shares of all": (213, 600),
        "Without support_chat": (194, 489),
        "Shipping optional": (277, 489),
        "PostHog": (172, 489),
        "Mixpanel": (132, 489),
        "ClickHouse, 7 days": (165, 489),
        "GA4": (213, 489),
        "Amplitude": (152, 489),
        "retentioneering": (213, 600),
    }
    for name, definition in ways.items():
        table = cx.funnel(shop, definition).frame.iloc[-1]
        assert made_of[name] == (table["reach"], table["entrants"])
        assert frame.loc[name, "value"] == table["conversion"]
        bounds = table[["conversion_lower", "conversion_upper"]].tolist()
        assert frame.loc[name, ["lower", "upper"]].tolist() == bounds
    assert set(frame["counted"]) == {"customers", "sessions (30min gap)", "journeys", "attempts"}


def test_a_rule_set_stands_beside_the_first_and_says_in_what_it_differs(log):
    # Plain: Ann and Bob of three. With a week only Ann. Of all four: two. In any order Dan enters too.
    result = cx.compare_rules(log, cx.presets.ways_to_count(TWO))
    frame = result.frame
    assert frame.loc["Window", ["numerator", "denominator", "changes"]].tolist() == [
        1,
        3,
        "window: none → 7D",
    ]
    assert frame.loc["Shares of all", ["numerator", "denominator"]].tolist() == [2, 4]
    assert frame.loc["Any order", ["numerator", "denominator"]].tolist() == [2, 4]
    assert frame["delta"].tolist() == pytest.approx((frame["value"] - 2 / 3).tolist())
    assert frame.loc["Plain", ["delta", "delta_lower", "delta_upper"]].tolist() == [0, 0, 0]
    assert frame.loc["Plain", "changes"] == ""
    assert frame.loc["Mixpanel", "changes"] == "ties: stage → 2s; window: none → 30D; entry: best → first"
    why = result.explain("Window")
    assert why.total == tuple(frame.loc["Window", ["delta", "delta_lower", "delta_upper"]])
    assert result.explain("Plain", since="Window").total.value == -why.total.value
    assert "One log under 19 rule sets" in repr(result)
    assert "against Plain" in repr(result)


def test_rule_sets_can_be_compared_with_a_definition_that_is_none_of_them(log):
    result = cx.compare_rules(log, {"a week": TWO.with_rules(window="7D")}, TWO)
    assert result.reference.value == pytest.approx(2 / 3)
    assert result.frame["delta"].tolist() == pytest.approx([-1 / 3])
    assert "against the baseline" in repr(result)
    assert "One log under 1 rule set" in repr(result)


def test_an_empty_log_has_undefined_shares():
    frame = cx.compare_rules(log_of([]), {"Plain": TWO, "Strict": TWO.with_rules(order="strict")}).frame
    assert frame[["value", "lower", "upper", "delta"]].isna().all(axis=None)


def test_ways_that_the_stages_contradict_are_left_out():
    own = cx.Definition([TWO["See"], TWO["Buy"].replace(window="1D")])
    ways = cx.presets.ways_to_count(own)
    assert "Any order" not in ways
    assert set(ways) == set(cx.presets.ways_to_count(TWO)) - {"Any order"}
    twice = cx.Definition({"See": ["ad"], "Again": ["ad"]}, reuse="distinct")
    assert list(cx.presets.ways_to_count(twice)) == ["PostHog", "ClickHouse, 7 days", "GA4", "Amplitude"]


def test_the_ways_keep_the_stages_and_none_of_the_rules():
    given = PLAIN.with_rules(window="3D", order="strict")
    ways = cx.presets.ways_to_count(given, hold_constant="device")
    assert ways["Plain"] == PLAIN
    assert ways["One device"].rules == cx.Rules(hold_constant=["device"])
    assert {definition.stages for definition in ways.values()} == {PLAIN.stages}
    assert list(cx.presets.ways_to_count(PLAIN)) == [name for name in ways if name != "One device"]
    assert cx.presets.ways_to_count(PLAIN, window="2D")["Attempts"].window == pd.Timedelta("2D")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "rule_sets are {}. Give definitions by name"),
        ([TWO], "rule_sets are ["),
        ({"": TWO}, "a rule set is called ''. Give it a name"),
        ({3: TWO}, "a rule set is called 3. Give it a name"),
        ({"Plain": {"See": ["ad"]}}, "the definition is a dict."),
        ({"Plain": TWO, "Odd": cx.Definition({"See": ["add"]})}, "rule set 'Odd': unknown event 'add'."),
    ],
)
def test_what_is_no_rule_set_is_refused_by_name(log, asked, sentence):
    with pytest.raises(cx.CXError) as caught:
        cx.compare_rules(log, asked)
    assert str(caught.value).startswith(sentence)


def test_other_wrong_questions_are_refused_too(log):
    with pytest.raises(cx.CXError, match=r"^unknown rule set 'Windw'. Did you mean 'Window'\?"):
        cx.compare_rules(log, cx.presets.ways_to_count(TWO)).explain("Windw")
    with pytest.raises(cx.CXError, match=r"^the definition is a dict."):
        cx.presets.ways_to_count({"See": ["ad"]})
    with pytest.raises(cx.CXError, match=r"^unknown stage 'Bye'. Did you mean 'Buy'\?"):
        cx.presets.ways_to_count(TWO, optional="Bye")
    with pytest.raises(cx.CXError, match=r"^stage 'Buy': optional=True cannot be: it is the last stage"):
        cx.presets.ways_to_count(TWO, optional="Buy")
    with pytest.raises(cx.CXError, match=r"^session=30 has no unit."):
        cx.presets.ways_to_count(TWO, session=30)
    with pytest.raises(cx.CXError, match=r"^unknown rule set 'Plane'"):
        cx.compare_rules(log, cx.presets.ways_to_count(TWO)).explain("Plain", since="Plane")


def test_the_view_shows_every_way_and_makes_the_chosen_one_the_definition(log):
    ways = cx.presets.ways_to_count(TWO)
    view = cx.RulesView(log, TWO, rule_sets=ways)
    assert [row["cells"][0] for row in view._caption._view["rows"]] == list(ways)
    assert view._chooser.value == "Plain"
    assert view._caption._view["description"].startswith("19 ways to count the same events: from 0.0% (")
    view._chooser.value = "Window"
    assert view.definition == ways["Window"]
    assert view.why.definition == ways["Window"]
    assert view._chosen.x.tolist() == pytest.approx([1 / 3])
    assert len(view._ours.x) + len(view._others.x) == len(ways)
    sessions = list(ways).index("Sessions")
    place = view._others.y.tolist().index(sessions)
    view._on_dot(view._others, {"data": {"index": place}})
    assert view.definition == ways["Sessions"]
    assert view._chooser.value == "Sessions"


def test_a_definition_edited_on_a_linked_board_has_a_line_of_its_own(log):
    view = cx.RulesView(log, TWO)
    board = cx.StageBoard(log, TWO, figures=False)
    traitlets.link((view, "definition"), (board, "definition"))
    board.definition = TWO.with_rules(window="8D")
    assert view.definition.window == pd.Timedelta("8D")
    assert view._chooser.value == "(as edited)"
    assert view._caption._view["rows"][-1]["cells"][:2] == ["(as edited)", "33.3%"]
    view._chooser.value = "Plain"
    assert board.definition == TWO
    assert "(as edited)" not in [option["value"] for option in view._chooser._view["options"]]


def test_a_definition_that_cannot_be_counted_keeps_the_last_good_picture(log):
    view = cx.RulesView(log, TWO)
    view.definition = TWO.add("Enjoy")
    assert view._caption._view["note"].endswith("Figures of the last good definition.")
    assert np.isfinite(view._chosen.x).all()
    empty = cx.RulesView(log, TWO.add("Enjoy"))
    assert "'Enjoy' has no events" in empty._caption._view["note"]
