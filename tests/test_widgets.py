"""Widgets without a browser: a spy stands in for the comm and counts what crosses the wire."""

from __future__ import annotations

import json

import anywidget
import comm
import ipywidgets
import pandas as pd
import pytest
import traitlets

import cx_widgets as cx
from cx_widgets.widgets._selection import Selection

FACES = [
    "StageBoard",
    "FunnelView",
    "FlowView",
    "TransitionMatrix",
    "LoyaltyOverview",
    "LoyaltyPanel",
    "ReasonsView",
    "TrendView",
    "BreakdownView",
    "RetentionView",
    "LifecycleView",
    "ValueView",
    "AttitudeView",
    "CreditView",
    "QuadrantView",
    "ClaimsView",
    "ConsiderationView",
    "TimelineView",
    "ExplainView",
    "RulesView",
    "CloserLook",
    "Workbench",
]


class SpyComm(comm.base_comm.BaseComm):
    """Keeps every message that would have gone to a browser."""

    def __init__(self, **kwargs):
        self.sent = []
        super().__init__(**kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):  # noqa: ARG002
        # as on the wire: bytes travel apart, everything else has to be JSON without NaN
        self.sent.append((msg_type, json.loads(json.dumps(data or {}, allow_nan=False, default=repr))))


@pytest.fixture(autouse=True)
def spied(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", SpyComm)


@pytest.fixture
def log():
    frame = pd.DataFrame(
        [
            ("a", "2026-01-01", "ad", None),
            ("a", "2026-01-03", "compare", None),
            ("a", "2026-01-05", "order", 20.0),
            ("a", "2026-02-05", "order", 30.0),
            ("b", "2026-01-01", "ad", None),
            ("b", "2026-01-04", "wishlist", None),
            ("c", "2026-01-02", "ad", None),
            ("c", "2026-01-09", "compare", None),
            ("d", "2026-01-02", "order", 5.0),
        ],
        columns=["customer", "time", "event", "value"],
    )
    return cx.EventLog(frame, customer="customer", time="time", event="event", value="value")


@pytest.fixture
def journey():
    return cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]}, window="30D")


def from_browser(board, **changes):
    """Hand the board a draft as the browser would send it."""
    draft = {**board._draft, **changes}
    draft.setdefault("revision", board._draft["revision"] + 1)
    board.set_state({"_draft": draft})


def answers(board):
    return [data["state"]["_view"] for kind, data in board.comm.sent if "_view" in data.get("state", {})]


def moved(board, event, to):
    definition = board.definition.assign(event, to=to)
    past = [*board._draft["past"], board._draft["definition"]]
    from_browser(
        board, revision=board._draft["revision"] + 1, definition=definition.to_dict(), past=past, future=[]
    )
    return definition


@pytest.mark.parametrize("face", FACES)
def test_every_face_stands_alone(log, journey, face):
    view = getattr(cx, face)(log, journey)
    assert view.definition == journey
    assert view.baseline == journey
    assert view.problems == ()


@pytest.mark.parametrize("face", FACES)
def test_a_face_takes_a_preset_and_a_mapping_for_a_definition(log, face):
    make = getattr(cx, face)
    assert make(log, cx.presets.get("aida", log)).definition == cx.presets.get("aida", log).definition
    assert make(log, {"Buy": ["order"]}).definition.names == ("Buy",)


def test_one_edit_in_the_browser_gets_one_answer_with_its_revision(log, journey):
    board = cx.StageBoard(log, journey)
    board.comm.sent.clear()
    edited = moved(board, "wishlist", "Evaluate")
    views = answers(board)
    assert len(views) == 1
    assert views[0]["revision"] == board._draft["revision"]
    assert board.definition == edited
    shown = {figure["key"]: figure for figure in views[0]["figures"]}
    truth = cx.figures(log, edited).frame
    for key, figure in shown.items():
        value = truth.loc[key, "value"]
        assert figure["value"] is None if pd.isna(value) else figure["value"] == value


def test_the_answer_carries_the_code_of_the_definition(log, journey):
    board = cx.StageBoard(log, journey)
    moved(board, "wishlist", "Evaluate")
    assert eval(board._view["code"], {"cx": cx}) == board.definition  # noqa: S307


def test_an_assignment_from_python_reaches_the_browser_and_can_be_undone(log, journey):
    bench = cx.Workbench(log, journey)
    bench.definition = journey.assign("wishlist", to="Evaluate")
    assert bench.board._draft["definition"] == bench.definition.to_dict()
    assert bench.board._view["revision"] == bench.board._draft["revision"] == 1
    bench.undo()
    assert bench.definition == journey
    bench.redo()
    assert bench.definition == journey.assign("wishlist", to="Evaluate")
    bench.redo()
    assert bench.definition == journey.assign("wishlist", to="Evaluate")


def test_undo_brings_back_identical_figures(log, journey):
    bench = cx.Workbench(log, journey)
    before = bench.board._view["figures"]
    moved(bench.board, "wishlist", "Buy")
    assert bench.board._view["figures"] != before
    bench.undo()
    assert bench.board._view["figures"] == before


def test_every_chart_follows_an_edit_on_the_board(log, journey):
    bench = cx.Workbench(log, journey)
    edited = moved(bench.board, "wishlist", "Evaluate")
    for view in (bench.funnel, bench.flow, bench.matrix, bench.loyalty):
        assert view.definition == edited
    assert list(bench.funnel._bars.y) == list(cx.funnel(log, edited).frame["reach"])
    shown = {(link["from"], link["to"]): link["count"] for link in bench.flow._view["links"]}
    truth = cx.transitions(log, edited).frame
    assert shown == {(a, b): n for a, b, n in zip(truth["from"], truth["to"], truth["count"], strict=True)}


def test_pinning_changes_the_baseline_and_leaves_the_history_alone(log, journey):
    bench = cx.Workbench(log, journey)
    edited = moved(bench.board, "wishlist", "Evaluate")
    past = bench.board._draft["past"]
    from_browser(bench.board, revision=9, baseline=edited.to_dict())
    assert bench.baseline == edited
    assert bench.funnel.baseline == edited
    assert bench.board._draft["past"] == past
    assert set(bench.changes["delta"].dropna()) <= {0.0}


def test_a_stage_without_events_is_said_and_the_last_good_figures_stay(log, journey):
    bench = cx.Workbench(log, journey)
    before = bench.board._view["figures"]
    bars = list(bench.funnel._bars.y)
    from_browser(bench.board, revision=1, definition=journey.add("Enjoy").to_dict())
    view = bench.board._view
    assert [problem["kind"] for problem in view["problems"]] == ["empty_stage"]
    assert view["problems"][0]["stage"] == "Enjoy"
    assert view["stale"] is True
    assert view["figures"] == before
    assert list(bench.funnel._bars.y) == bars
    assert bench.definition.names == ("Consider", "Evaluate", "Buy", "Enjoy")


def test_a_malformed_draft_is_answered_with_a_sentence_and_changes_nothing(log, journey):
    bench = cx.Workbench(log, journey)
    broken = {
        "schema": 1,
        "stages": [{"name": "A", "events": ["ad"]}, {"name": "B", "events": ["ad"]}],
        "rules": {},
    }
    from_browser(bench.board, revision=1, definition=broken)
    assert bench.definition == journey
    assert bench.board._view["revision"] == 1
    assert bench.board._view["stale"] is True
    assert "'ad'" in bench.board._view["problems"][0]["message"]
    from_browser(bench.board, revision=2, definition=journey.to_dict())
    assert bench.board._view["problems"] == []
    assert bench.board._view["stale"] is False


@pytest.mark.parametrize(
    "junk", [{}, {"revision": "x"}, {"revision": 1, "definition": None}, {"definition": []}]
)
def test_junk_from_the_wire_never_raises_and_never_loses_the_definition(log, journey, junk):
    bench = cx.Workbench(log, journey)
    bench.board.set_state({"_draft": junk})
    assert bench.definition == journey
    assert bench.board._view["problems"][0]["kind"] == "malformed"


def test_a_baseline_of_unknown_events_does_not_stop_the_board(log, journey):
    bench = cx.Workbench(log, journey, baseline={"Consider": ["gone"], "Buy": ["order"]})
    assert bench.board._view["problems"] == []
    figures = {figure["key"]: figure for figure in bench.board._view["figures"]}
    assert figures["conversion"]["value"] == pytest.approx(1 / 3)
    assert figures["conversion"]["baseline"] is None
    assert figures["conversion"]["delta"] is None
    assert bench.funnel._ghost.visible is False


def test_an_empty_log_and_an_empty_preset_open_without_figures():
    nothing = pd.DataFrame(
        {
            "c": pd.Series([], dtype=str),
            "t": pd.Series([], dtype="datetime64[ns]"),
            "e": pd.Series([], dtype=str),
        }
    )
    log = cx.EventLog(nothing, customer="c", time="t", event="e")
    bench = cx.Workbench(log, cx.presets.get("aida"))
    assert {problem.kind for problem in bench.problems} == {"empty_stage"}
    assert bench.selection.empty
    with pytest.raises(cx.CXError, match="there are no figures yet"):
        bench.changes  # noqa: B018


def test_a_click_on_a_bar_selects_the_customers_and_the_same_click_lets_go(log, journey):
    bench = cx.Workbench(log, journey)
    bench.funnel._on_bar(None, {"data": {"index": 1}})
    assert sorted(bench.selection.index) == ["a", "c"]
    bench.funnel._losses.selected = [0]
    assert sorted(bench.selection.index) == ["b"]
    assert bench.funnel._caption._selected == "dropped:Evaluate"
    bench.funnel._losses.selected = [0]
    assert bench.selection.empty


def test_a_link_of_the_flow_selects_its_customers(log, journey):
    bench = cx.Workbench(log, journey)
    bench.flow.set_state({"_selection": {"kind": "link", "from": "Consider", "to": "Evaluate"}})
    assert sorted(bench.selection.index) == ["a", "c"]
    assert bench.matrix._caption._selected == "Consider → Evaluate"
    bench.flow.set_state({"_selection": {"kind": "node", "stage": "Buy"}})
    assert sorted(bench.selection.index) == ["a", "d"]
    bench.flow.set_state({"_selection": None})
    assert bench.selection.empty


def test_a_reason_a_period_and_a_group_select_their_customers(log, journey):
    reasons = cx.ReasonsView(log, journey)
    reasons._caption._selected = "never:Evaluate"
    assert list(reasons.selection.index) == list(
        cx.reasons(log, journey).customers("Evaluate", "never").index
    )
    assert list(reasons.selection.index) == ["b"]
    trend = cx.TrendView(log, journey)
    trend._caption._selected = "2026-01-01"
    assert sorted(trend.selection.index) == ["a", "b", "c"]
    trend._period.value = "D"
    assert trend.selection.empty
    groups = cx.BreakdownView(log, journey)
    assert groups._column.value == "value"


def test_views_of_nobody_say_so_and_of_long_names_tell_them_apart(log):
    nobody = cx.EventLog(
        pd.DataFrame({"who": [], "when": [], "what": [], "place": []}),
        customer="who",
        time="when",
        event="what",
    )
    for name, said in (("TrendView", "Nobody entered."), ("BreakdownView", "Nobody entered.")):
        view = getattr(cx, name)(nobody, {"See": ["ad"], "Buy": ["order"]})
        assert view._caption._view["note"] == said
        assert view._caption._view["legend"] == []
        assert view._frame.children == ()
    long = "A name of a stage that nobody could ever cut to its length, "
    view = cx.ReasonsView(log, {f"{long}{n}": [event] for n, event in enumerate(log.event_names)})
    names = list(view._axis.tick_labels.values())
    assert len(set(names)) == len(names) > 1
    one = cx.FunnelView(log, {"See": [log.event_names[0]]})
    assert one._bars.x.tolist() == [0, 1]
    assert len(one._labels.text) == 1


def test_the_explanation_shows_each_change_and_selects_who_flips_there(log, journey):
    bench = cx.Workbench(log, journey)
    bench.closer._question.value = "explain"
    view = bench.closer._made["explain"]
    assert view._caption._view["description"].startswith("Nothing differs from the pinned baseline.")
    assert view._frame.children == ()
    bench.definition = journey.with_rules(window="5D").remove("Evaluate")
    # Without the comparison c, who got to it, no longer does; the window takes nobody.
    result = cx.explain_difference(log, journey, bench.definition)
    assert [key for key, _ in cells(view)] == ["Evaluate.removed", None]
    assert view._caption._view["description"] == result.sentence("The baseline", "the definition now")
    bench.definition = journey.with_rules(window="3D")
    assert [key for key, _ in cells(view)] == ["window"]
    assert view._frame.children
    assert [list(part) for part in view._bars.y] == [[0, 0, 0], [1 / 3, 0, 0], [0, 0, 0], [0, 1 / 3, 0]]
    assert view._labels.text.tolist() == ["33.3% · 1 of 3", "-33.3 pp", "0.0% · 0 of 3"]
    view._on_bar(None, {"data": {"index": 1}})
    assert sorted(bench.selection.index) == ["a", "c"]
    assert view._caption._selected == "window"
    view._on_bar(None, {"data": {"index": 0}})
    assert bench.selected == Selection("flipped", "window")
    bench.definition = journey.with_rules(entry="first")
    assert bench.selected is None
    view._on_bar(None, {"data": {"index": 1}})
    view._on_bar(None, {"data": {"index": 1}})
    assert bench.selection.empty


def cells(view):
    return [(row["key"], row["cells"]) for row in view._caption._view["rows"]]


def test_a_change_that_is_none_any_more_selects_nobody(log, journey):
    gone = Selection("flipped", "window")
    assert gone.customers(log, journey.with_rules(entry="first"), journey).empty
    assert gone.customers(log, journey).empty
    assert gone.fits(journey)


@pytest.mark.parametrize(
    "chosen",
    [
        Selection("entered", "D", "2026-01-02"),
        Selection("returned", "Consider", "2026-01-01 5", (("period", "W"),)),
    ],
)
def test_a_period_that_an_earlier_end_of_observation_takes_away_selects_nobody(log, journey, chosen):
    bench = cx.Workbench(log, journey)
    bench.selected = chosen
    bench.definition = journey.with_rules(observation_end="2026-01-01 12:00")
    assert bench.selected == chosen
    assert bench.selection.empty


def test_an_explanation_without_a_countable_baseline_says_why(log, journey):
    view = cx.ExplainView(log, journey, {"Consider": ["gone"]})
    assert "'gone'" in view._caption._view["note"]
    assert view._frame.children == ()


def test_a_part_of_a_bar_a_point_and_a_bar_select_their_customers_and_the_same_click_lets_go(log, journey):
    reasons = cx.ReasonsView(log, journey)
    # The first stage that can be missed is Evaluate, and the first reason that it never came.
    reasons._on_part(None, {"data": {"index": 0, "subIndex": 0}})
    assert reasons.selected == Selection("lost", "Evaluate", "never")
    reasons._on_part(None, {"data": {"index": 0, "subIndex": 0}})
    assert reasons.selected is None
    trend = cx.TrendView(log, journey)
    trend._ripe._element_click_handlers(trend._ripe, {"data": {"index": 0}})
    assert trend.selected == Selection("entered", "M", "2026-01-01")
    groups = cx.BreakdownView(log, journey)
    groups._on_bar(None, {"data": {"index": 0}})
    assert groups.selected.kind == "group"


def test_the_timeline_follows_the_selection_and_says_who_is_unknown(log, journey):
    view = cx.TimelineView(log, journey)
    assert view._customer.value == "a"
    view.selected = Selection("dropped", "Evaluate")
    assert view._customer.value == "b"
    assert view._caption._view["description"] == cx.timeline(log, journey, "b").sentence
    view._customer.value = "nobody"
    assert "unknown customer 'nobody'" in view._customer._view["problem"]
    assert view._caption._view["title"] == "One customer: b"


def test_the_closer_look_makes_a_view_when_it_is_asked_for(log, journey):
    bench = cx.Workbench(log, journey)
    assert list(bench.closer._made) == ["reasons"]
    edited = moved(bench.board, "wishlist", "Buy")
    bench.closer._question.value = "trend"
    assert bench.closer._made["trend"].definition == edited
    again = moved(bench.board, "wishlist", "Evaluate")
    assert bench.closer._made["reasons"].definition == edited
    bench.closer._question.value = "reasons"
    assert bench.closer._made["reasons"].definition == again
    bench.closer._made["reasons"]._caption._selected = "never:Buy"
    assert bench.selected == Selection("lost", "Buy", "never")


def test_a_selection_of_a_stage_that_is_gone_is_let_go(log, journey):
    bench = cx.Workbench(log, journey)
    bench.funnel._on_bar(None, {"data": {"index": 1}})
    bench.definition = journey.remove("Evaluate")
    assert bench.selected is None
    assert bench.selection.empty


def test_changes_hold_every_figure_beside_the_baseline(log, journey):
    bench = cx.Workbench(log, journey)
    bench.definition = journey.assign("wishlist", to="Evaluate")
    pd.testing.assert_frame_equal(bench.changes, cx.compare(log, journey, bench.definition).frame)


def test_events_never_cross_the_wire():
    many = pd.DataFrame({"c": range(5000), "t": pd.Timestamp("2026-01-01"), "e": ["ad", "order"] * 2500})
    log = cx.EventLog(many, customer="c", time="t", event="e")
    bench = cx.Workbench(log, {"Consider": ["ad"], "Buy": ["order"]})
    for part in (bench.board, bench.flow):
        state = json.dumps(
            {key: value for key, value in part.get_state().items() if key not in ("_esm", "_css")}
        )
        assert len(state) < 20_000


@pytest.mark.parametrize("face", FACES)
def test_no_attribute_of_a_face_meets_a_name_of_the_widget_classes(face):
    own = {
        name
        for base in getattr(cx, face).__mro__
        if base.__module__.startswith("cx_widgets")
        for name in vars(base)
        if not name.startswith("__")
    }
    machinery = set(vars(type("Plain", (traitlets.HasTraits,), {}))) | {"_anywidget_commands"}
    allowed = {"_esm", "_css", "_repr_mimebundle_"} | machinery
    for host in (anywidget.AnyWidget, ipywidgets.VBox):
        assert not (own & set(dir(host))) - allowed


def test_places_without_widgets_get_a_table_and_a_picture(log):
    bench = cx.Workbench(log, {"<script>alert(1)</script>": ["ad"], "Buy": ["order"]})
    bundle = bench._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<table" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "<script" not in bundle["image/svg+xml"]
