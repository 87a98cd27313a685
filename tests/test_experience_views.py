"""The faces of purchase gaps, churn, channels, the experience gap and bad experiences without a browser."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

JOURNEY = cx.Definition({"Look": ["view"], "Buy": ["order"]}, retention_period="7D")
COLUMNS = ["who", "when", "what", "place", "score"]
ROWS = [
    ("Ann", "2026-01-01", "view", "TV", 2),
    ("Ann", "2026-01-02", "order", "website", None),
    ("Ann", "2026-01-06", "order", "website", 8),
    ("Bob", "2026-01-01", "view", "social", 9),
    ("Bob", "2026-01-03", "order", "store", 10),
    ("Cyd", "2026-01-02", "view", "website", 6),
    ("Dan", "2026-02-10", "view", None, None),
]
VIEWS = ["BadExperienceView", "ChannelsView", "ChurnView", "ExperienceGapView", "PurchaseGapsView"]
BUYERS = [
    ("Ann", 1, "order"),
    ("Ann", 5, "order"),
    ("Bob", 1, "order"),
    ("Cyd", 20, "order"),
    ("Dan", 40, "view"),
]


def made(rows=ROWS, *, columns=("place",), score="score"):
    df = pd.DataFrame(rows, columns=COLUMNS)
    drop = [name for name in ("place", "score") if name not in (*columns, score)]
    return cx.EventLog(df.drop(columns=drop), customer="who", time="when", event="what", score=score)


@pytest.fixture
def log():
    return made()


def said(view):
    return view._caption._view


def bars_of(view):
    return view._bars.bars.y.tolist()


def click(bars, row, bar=0):
    bars._on_click(None, {"data": {"index": row, "subIndex": bar}})


def test_gaps_show_the_curve_and_the_table_of_the_function():
    log = log_of(BUYERS)
    view, result = cx.PurchaseGapsView(log, JOURNEY), cx.purchase_gaps(log, JOURNEY)
    assert [row["cells"][0] for row in view._table._view["rows"]][:2] == [
        "Purchase 1 and 2",
        "Purchase 2 and 3",
    ]
    assert len(view._table._view["rows"]) == len(result.frame)
    # One of four gaps ended, after four days; the others are open for longer.
    assert view._curve._line.y.max() == 0.25
    assert "fewer than half are estimated to end" in said(view)["description"]
    view._gap.value = "1 to 2"
    assert view._curve._line.y.max() == pytest.approx(1 / 3)
    assert view._curve._across.label == "Days since the purchase before"
    view._gap.value = "(customers alike)"
    assert not view._curve._band.visible
    view.definition = {"Look": ["order"], "Buy": ["view"]}
    assert view._curve.children == ()
    assert "Nobody has bought again yet." in said(view)["note"]


def test_a_gap_that_is_gone_gives_way_to_all_of_them():
    view = cx.PurchaseGapsView(log_of(BUYERS), JOURNEY)
    view._gap.value = "2 to 3"
    view.definition = {"Look": ["order"], "Buy": ["view"]}
    assert view._gap.value == "(all gaps)"


def test_churn_by_silence_shows_the_states_and_selects_their_customers():
    log = log_of(BUYERS)
    view = cx.ChurnView(log, JOURNEY)
    view._silence.value = "25D"
    result = cx.churn(log, JOURNEY, silence="25D", horizon="60D")
    # Ann and Bob are silent for longer than 25 days; Cyd bought 20 days before the end, too lately to say.
    assert bars_of(view)[0] == [2, 0, 1]
    assert [row["cells"][0] for row in view._figures._view["rows"]] == result.frame["label"].tolist()
    click(view._bars, 0)
    assert list(view.selection.index) == ["Ann", "Bob"]
    assert view._states_caption._selected == "churned"
    view._states_caption._selected = "waiting"
    assert list(view.selection.index) == ["Cyd"]
    view._silence.value = "a while"
    assert view.selected is None
    assert view._silence._view["problem"].startswith("Say a duration")
    assert "Say a duration" in said(view)["note"]
    view._silence.value = "15D"
    assert bars_of(view)[0] == [3, 0, 0]
    view._silence.value = "60D"
    assert "Say a shorter silence above." in said(view)["note"]


def test_churn_by_an_event_asks_which_and_counts_from_a_stage():
    view = cx.ChurnView(log_of(BUYERS), {"Look": ["view"]})
    assert "no stage has the role 'buy'" in said(view)["note"].lower()
    view._way.value = "event"
    assert "Choose above what ends it" in said(view)["note"]
    view._event.value, view._since.value = "order", "Look"
    # Dan looked, and nobody ordered after that.
    assert bars_of(view)[0] == [0, 1]
    assert "Nobody is lost yet by this rule." in said(view)["note"]


def test_without_a_buying_stage_churn_says_what_to_do_in_words_of_the_page():
    view = cx.ChurnView(log_of(BUYERS), {"Look": ["view"]})
    assert said(view)["note"] == "No stage has the role 'buy'. Give one that role on the board."
    view._way.value, view._event.value = "event", "order"
    assert said(view)["note"].startswith("No stage has the role 'buy'. Choose another stage above")


def test_a_column_of_scores_without_a_number_is_named_with_what_else_to_choose():
    log = made([("a", "2026-01-01", "view", "TV", None), ("b", "2026-01-02", "order", "TV", None)])
    assert "The column score holds no number." in said(cx.AttitudeView(log, JOURNEY))["note"]
    assert "Choose above the event that is bad" in said(cx.BadExperienceView(log, JOURNEY))["note"]


def test_the_marks_of_a_curve_of_times_end_with_it():
    view = cx.ChurnView(log_of(BUYERS), JOURNEY)
    view._silence.value = "15D"
    across = view._curve._across.tick_values
    assert 0 < across[-1] <= view._curve._across_scale.max


def test_channels_show_the_shares_of_the_function_and_select_who_met_them(log):
    view = cx.ChannelsView(log, JOURNEY)
    view._column.value = "place"
    frame = cx.channels(log, JOURNEY, "place").frame.xs("touchpoints", level="of")
    assert np.array(bars_of(view)).T.ravel().tolist() == frame["value"].tolist()
    assert list(view._bars.texts.text) == ["n 3", "n 3", "n 6"]
    assert next(iter(view._counts.texts.text)) == "3 · owned"
    click(view._bars, 0, 2)
    assert list(view.selection.index) == ["Ann"]
    assert view._caption._selected == "paid:Look"
    assert view._channel.value == "social"
    view._kind.value = "earned"
    assert view.selected is None
    click(view._bars, 2, 1)
    assert list(view.selection.index) == ["Bob"]
    view._of.value = "customers"
    # Of the three with a touchpoint when looking, one met each kind.
    assert np.array(view._customers.bars.y)[:4, 0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert view._bars.children == ()


def test_the_gap_is_that_of_the_function_and_channels_can_be_called_digital(log):
    view = cx.ExperienceGapView(log, JOURNEY)
    view._column.value = "place"
    # Look: (2 + 9 + 6) / 3, digital (9 + 6) / 2; Buy: 9 against 8; all: 7 against 23 / 3.
    assert np.round(bars_of(view)[0], 3).tolist() == [-1.833, 1.0, -0.667]
    view._channel.value = "store"
    assert view._side.value == "no"
    view._side.value = "yes"
    assert view._bars.bars.y[0].tolist()[1] == 0
    click(view._bars, 1)
    assert list(view.selection.index) == ["Ann", "Bob"]
    view._caption._selected = "digital:Look"
    assert list(view.selection.index) == ["Bob", "Cyd"]
    view._of.value = "tone"
    assert view._curve._up_scale.min == -1
    view._scale.value = "low to high"
    assert view._scale._view["problem"]
    view._scale.value = "0 to 5"
    assert "outside of the scale" in said(view)["note"]


def test_bad_experiences_are_those_of_the_function_and_select_who_went_on(log):
    view = cx.BadExperienceView(log, JOURNEY)
    view._measure.value = "nps"
    # Ann (2) went on, Cyd (6) did not; Bob (9) did.
    assert view._bars.bars.y[:, 0].tolist() == [0.5, 1.0]
    assert next(iter(view._bars.texts.text)) == "50.0% of 2"
    click(view._bars, 0, 0)
    assert list(view.selection.index) == ["Ann"]
    click(view._bars, 0, 1)
    assert list(view.selection.index) == ["Bob"]
    assert view._differences.bars.y[0, 0] == -50
    view._bad.value = "order"
    assert view._measure.layout.display == "none"
    assert view.selected is None
    view._within.value = "ever"
    assert "Say a duration" in said(view)["note"]


def test_without_scores_the_event_that_is_bad_is_asked_for():
    view = cx.BadExperienceView(made(score=None), JOURNEY)
    assert "choose above the event that is bad" in said(view)["note"]
    view._bad.value = "order"
    assert view._bad._view["options"][0]["label"] == "(choose)"


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_without_its_columns_or_roles_says_what_it_needs(name):
    bare = made(columns=(), score=None)
    view = getattr(cx, name)(bare, {"Look": ["view"], "Get": ["order"]})
    need = {
        "BadExperienceView": "column of scores: cx.EventLog(..., score=)",
        "ChannelsView": "no column of words",
        "ChurnView": "the role 'buy'",
        "ExperienceGapView": "Name a column of scores",
        "PurchaseGapsView": "the role 'buy'",
    }[name]
    assert need in said(view)["note"]
    assert said(view)["description"] == "No figures yet."


@pytest.mark.parametrize("name", VIEWS)
def test_an_empty_log_and_a_single_event_can_be_shown(name):
    for rows in ([], ROWS[:1], ROWS[1:2]):
        view = getattr(cx, name)(
            made(rows), {"Buy": ["order"]} if rows[:1] != ROWS[:1] else {"Look": ["view"]}
        )
        assert said(view)["title"]
        assert "Error" not in said(view)["note"]


@pytest.mark.parametrize("name", VIEWS)
def test_a_definition_that_cannot_be_counted_keeps_the_figures(name, log):
    view = getattr(cx, name)(log, JOURNEY)
    before = said(view)["rows"]
    view.definition = JOURNEY.add("Enjoy")
    assert said(view)["rows"] == before


def test_each_is_found_where_its_question_is_asked(log):
    panel = cx.LoyaltyPanel(log, JOURNEY)
    for tab, choice, name in (
        ("lifecycle", "gaps", "PurchaseGapsView"),
        ("lifecycle", "churn", "ChurnView"),
        ("attitude", "gap", "ExperienceGapView"),
        ("pain", "after", "BadExperienceView"),
        ("credit", "channels", "ChannelsView"),
    ):
        panel._question.value = tab
        inner = panel.children[1]
        inner._question.value = choice
        assert isinstance(inner.children[1], getattr(cx, name))
    channels = panel.children[1].children[1]
    channels._column.value = "place"
    click(channels._bars, 0, 2)
    assert panel.selected.kind == "met"
    assert list(panel.selection.index) == ["Ann"]
    panel.definition = JOURNEY.rename("Look", "See")
    assert panel.selected is None
    assert channels._stages[0] == "See"


def crowd():
    times = ("2026-01-01", "2026-01-02", "2026-01-06", "2026-01-20")
    rows = []
    for k in range(400):
        rows.append((f"c{k:03d}", times[0], "view", ("TV", "website")[k % 3 == 0], k % 11))
        rows.append((f"c{k:03d}", times[1], "order", "website", None))
        if k % 2:
            rows.append((f"c{k:03d}", times[2], "order", "store", 9))
    return made([*rows, ("last", "2026-03-20", "view", "TV", 5)])


@pytest.mark.parametrize("name", VIEWS)
def test_a_preview_counts_a_sample_and_stands_for_the_whole_log(name):
    log = crowd()
    part = log.sample(4)
    view = getattr(cx, name)(log, JOURNEY)
    if name in ("ChannelsView", "ExperienceGapView"):
        view._column.value = "place"
    table, column = {
        "PurchaseGapsView": ("_table", 6),
        "ChurnView": ("_states_caption", 1),
        "ExperienceGapView": ("_caption", 2),
        "BadExperienceView": ("_caption", 3),
        "ChannelsView": ("_caption", 2),
    }[name]

    def counted():
        return [row["cells"][column] for row in getattr(view, table)._view["rows"]]

    exact = counted()
    view._draw_from(part)
    assert said(view)["preview"] == getattr(view, table)._view["preview"] == str(part.sampled)
    # A quarter is counted, and stands for all.
    rough = [float(count.replace(",", "")) for count in counted()]
    assert rough != [float(count.replace(",", "")) for count in exact]
    assert rough == pytest.approx([float(count.replace(",", "")) for count in exact], rel=0.4, abs=40)
    view._draw_from(None)
    assert said(view)["preview"] == ""
    assert counted() == exact
