"""The rules on the board: what it offers comes from the rules themselves, and edits are those of Python."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets.metrics.stages import stage_sizes
from cx_widgets.problems import DefinitionError
from cx_widgets.rule_presets import tools
from cx_widgets.rules import Rules, rule_choices
from cx_widgets.widgets import _rule_catalog
from cx_widgets.widgets._rule_catalog import rule_catalog, values_offered

EDITS = json.loads((Path(__file__).parent / "golden" / "edits_of_rules.json").read_text(encoding="utf-8"))
SPANS = {"grace": "2s", "session": "30min"}


@pytest.fixture
def log():
    frame = pd.DataFrame(
        [
            ("a", "2026-01-01", "ad", "phone", 1.0),
            ("a", "2026-01-03", "view", "desk", None),
            ("a", "2026-01-05", "order", "desk", 20.0),
            ("b", "2026-01-01", "ad", "phone", 2.0),
            ("b", "2026-01-02", "refund", "phone", None),
            ("b", "2026-01-03", "order", "phone", 5.0),
            ("c", "2026-01-04", "order", "desk", 7.0),
        ],
        columns=["who", "when", "what", "device", "value"],
    )
    return cx.EventLog(frame, customer="who", time="when", event="what", value="value")


@pytest.fixture
def journey():
    return cx.Definition({"See": ["ad"], "Look": ["view"], "Buy": ["order"]})


def excluding(definition, action):
    held = list(definition.rules.exclusions)
    at = len(held) if action["at"] is None else action["at"]
    held[at : at + 1] = [cx.Exclusion.from_dict(action["exclusion"])] if action["exclusion"] else []
    return definition.with_rules(exclusions=tuple(held))


def with_stage_rule(definition, action):
    value = action["value"]
    if action["field"] == "where":
        value = [cx.Condition.from_dict(each) for each in value or ()]
    return definition.with_stage(action["stage"], **{action["field"]: value})


PYTHON = {
    "rule": lambda definition, action: definition.with_rules(**{action["field"]: action["value"]}),
    "reset_rules": lambda definition, action: cx.Definition(definition.stages),  # noqa: ARG005
    "exclusion": excluding,
    "rename": lambda definition, action: definition.rename(action["stage"], action["name"]),
    "merge": lambda definition, action: definition.merge(action["into"], action["from"]),
    "share": lambda definition, action: definition.share(action["event"], to=action["to"]),
    "stage_rule": with_stage_rule,
}


@pytest.mark.parametrize("case", EDITS, ids=[case["what"] for case in EDITS])
def test_an_edit_of_the_rules_gives_the_same_in_python_and_on_the_board(case):
    definition = cx.Definition.from_dict(case["definition"])
    for action in case["actions"]:
        definition = PYTHON[action["type"]](definition, action)
    assert definition.to_dict() == case["result"]
    assert eval(definition.to_code(), {"cx": cx}) == definition  # noqa: S307 - code we wrote


def test_the_board_offers_every_word_of_every_rule_and_its_default(log):
    catalog = rule_catalog(log)
    assert catalog["rule_choices"]["order"] == ["ordered", "unbroken", "strict", "any"]
    assert catalog["rule_choices"]["ties"] == ["stage", "row", "strict", "grace"]
    assert catalog["rule_choices"]["unit"] == ["customer", "journey", "session"]
    assert catalog["rule_defaults"]["retention_period"] == "30D"
    assert Rules.from_dict(catalog["rule_defaults"]) == Rules()
    for field, words in rule_choices().items():
        assert words[0] == catalog["rule_defaults"][field]
    assert catalog["columns"] == [{"name": "device", "kind": "text"}, {"name": "value", "kind": "number"}]
    assert catalog["window_units"] == ["event", "session", "day", "week", "month", "quarter", "year"]
    assert catalog["observation"] == {"end": "2026-01-05 00:00:00", "time_zone": None}
    assert json.loads(json.dumps(catalog, allow_nan=False)) == catalog


def test_a_column_offers_what_the_log_has_in_it_when_the_board_asks(log, journey):
    board = cx.StageBoard(log, journey)
    assert board._offered == {}
    board._wanted = "device"
    board._wanted = "value"
    board._wanted = "no such column"
    assert board._offered == {
        "device": {"kind": "text", "values": [["phone", 4], ["desk", 3]], "more": 0},
        "value": {"kind": "number", "ends": ["1", "20"]},
    }
    more = {"who": ["c"], "when": ["2026-01-06"], "what": ["ad"], "device": ["desk"], "value": [30.0]}
    board.event_log = log.append(pd.DataFrame(more))
    assert board._offered == {}
    board._wanted = "value"
    assert board._offered == {"value": {"kind": "number", "ends": ["1", "30"]}}


def test_values_of_every_kind_are_offered_as_a_condition_takes_them():
    frame = pd.DataFrame(
        {
            "who": range(120),
            "when": pd.Timestamp("2026-01-01"),
            "what": "a",
            "many": [f"v{i:03}" for i in range(120)],
            "size": pd.Categorical([3, 20] * 60),
            "seen": pd.date_range("2026-01-01", periods=120, freq="h"),
            "flag": [True, False] * 60,
            "took": pd.to_timedelta(range(120), unit="min"),
            "mixed": [1, "x"] * 60,
            "empty": None,
        }
    )
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    many = values_offered(log, "many")
    assert (many["kind"], len(many["values"]), many["more"]) == ("text", 100, 20)
    assert values_offered(log, "size") == {"kind": "number", "ends": ["3", "20"]}
    assert values_offered(log, "seen") == {
        "kind": "time",
        "ends": ["2026-01-01 00:00:00", "2026-01-05 23:00:00"],
    }
    for name, kind in (("flag", "bool"), ("took", "duration"), ("mixed", "mixed"), ("empty", "empty")):
        assert values_offered(log, name) == {"kind": kind}


def test_a_large_log_offers_the_texts_of_some_customers_and_all_categories(monkeypatch):
    frame = pd.DataFrame({"who": range(1000), "when": "2026-01-01", "what": "a", "size": 1.0})
    frame["text"] = [f"v{i % 2}" for i in range(1000)]
    frame["coded"] = frame["text"].astype("category")
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    monkeypatch.setattr(_rule_catalog, "_MOST_ROWS", 100)
    texts = values_offered(log, "text")
    assert texts["one_in"] == 10
    assert sorted(value for value, _ in texts["values"]) == ["v0", "v1"]
    assert sum(n for _, n in texts["values"]) == log.sample(10).n_events == 122
    assert values_offered(log, "coded") == {"kind": "text", "values": [["v0", 500], ["v1", 500]], "more": 0}


def test_a_stage_is_changed_in_all_but_its_name(journey):
    only = cx.Condition("device", "==", "desk")
    changed = journey.with_stage("Buy", where=only, nth=1)
    assert changed["Buy"] == cx.Stage("Buy", ["order"], where=only, nth=1)
    assert changed.with_stage("Buy", where=(), nth=None) == journey
    with pytest.raises(cx.CXError, match=r"with_stage keeps the name .* Write rename\('Buy', 'Pay'\)"):
        journey.with_stage("Buy", name="Pay")
    with pytest.raises(cx.CXError, match=r"unknown stage 'Bye'\. Did you mean 'Buy'"):
        journey.with_stage("Bye", nth=1)


def test_what_the_board_says_cannot_be_combined_is_what_the_rules_refuse(log):
    catalog = rule_catalog(log)
    told = {
        frozenset([(clash["field"], clash["value"]), (clash["beside"], clash["has"])]): clash["why"]
        for clash in catalog["rule_clashes"]
    }
    refused = {}
    choices = catalog["rule_choices"]
    for one, other in product(choices, choices):
        for first, second in product(choices[one], choices[other]):
            if one == other:
                continue
            try:
                Rules(**{one: SPANS.get(first, first), other: SPANS.get(second, second)})
            except DefinitionError as error:
                refused[frozenset([(one, first), (other, second)])] = str(error)
    assert told == refused
    assert len(told) == len(catalog["rule_clashes"]) > 10


def test_the_rules_of_a_tool_keep_what_it_leaves_to_its_user():
    own = Rules(
        order="any",
        window="3D",
        exclusions=cx.Exclusion("refund", effect="remove"),
        hold_constant=["device"],
        retention_period="7D",
    )
    by_key = {tool.key: tool for tool in tools()}
    assert by_key["PostHog: strict"].onto(own) == Rules(
        order="strict",
        window="14D",
        reuse="distinct",
        exclusions=cx.Exclusion("refund", effect="reset"),
        retention_period="7D",
    )
    assert by_key["Mixpanel: totals"].onto(own) == Rules(
        window="30D",
        entry="first",
        count="attempts",
        exclusions=cx.Exclusion("refund"),
        hold_constant=["device"],
        retention_period="7D",
    )
    assert by_key["ClickHouse windowFunnel: strict_order"].onto(own).window == own.window
    assert by_key["GA4: open funnel"].onto(own).window is None


def test_every_setting_of_a_tool_has_a_name_of_its_own_and_counts(log, journey):
    keys = [tool.key for tool in tools()]
    assert len(set(keys)) == len(keys)
    assert {tool.tool for tool in tools()} == {
        "PostHog",
        "Mixpanel",
        "ClickHouse windowFunnel",
        "GA4",
        "Amplitude",
        "retentioneering",
    }
    for tool in tools():
        assert len(cx.funnel(log, cx.Definition(journey.stages, tool.onto(journey.rules))).frame) == 3


def test_what_the_board_sends_of_a_tool_makes_the_rules_that_python_makes(log):
    own = Rules(window="3D", exclusions=cx.Exclusion("refund", effect="remove"), retention_period="7D")
    for preset, tool in zip(rule_catalog(log)["rule_presets"], tools(), strict=True):
        sent = {
            **preset["rules"],
            **{field: value for field, value in own.to_dict().items() if field in preset["keeps"]},
        }
        if preset["effect"] is not None:
            sent["exclusions"] = [{"events": ["refund"], "effect": preset["effect"]}]
        assert Rules.from_dict(sent) == tool.onto(own)


def test_share_puts_an_event_into_one_more_stage(journey):
    shared = journey.with_rules(reuse="distinct").share("view", "order", to="Buy")
    assert shared["Look"].events == ("view",)
    assert shared["Buy"].events == ("order", "view")
    assert shared.share("view", to="Buy") == shared
    with pytest.raises(DefinitionError, match="event 'view' stands in stages 'Look' and 'Buy'"):
        journey.share("view", to="Buy")
    with pytest.raises(cx.CXError, match="unknown stage 'Bye'"):
        journey.share("view", to="Bye")


def test_where_events_may_stand_in_several_stages_each_counts_what_it_asks_for(log, journey):
    both = journey.with_rules(reuse="distinct").share("order", to="Look")
    sizes = stage_sizes(log, both)
    assert sizes["events"].to_dict() == {"See": 2, "Look": 4, "Buy": 3, "(unassigned)": 1}
    assert sizes["customers"].to_dict() == {"See": 2, "Look": 3, "Buy": 3, "(unassigned)": 1}
    plain = stage_sizes(log, journey.with_rules(reuse="distinct"))
    pd.testing.assert_frame_equal(plain, stage_sizes(log, journey), check_dtype=False)


def test_a_contradiction_names_its_field_and_the_last_good_figures_stay(log, journey):
    board = cx.StageBoard(log, journey)
    before = board._view["figures"]
    draft = {**journey.to_dict(), "rules": {"order": "any", "ties": "strict"}}
    board.set_state({"_draft": {**board._draft, "definition": draft, "revision": 1}})
    (problem,) = board._view["problems"]
    assert (problem["kind"], problem["field"]) == ("rules", "ties")
    assert problem["message"] == ("order='any' with ties='strict': no order is asked. Leave ties='stage'.")
    assert board._view["stale"] is True
    assert board._view["figures"] == before
    assert board.definition == journey
    fine = {**journey.to_dict(), "rules": {"order": "any"}}
    board.set_state({"_draft": {**board._draft, "definition": fine, "revision": 2}})
    assert board._view["problems"] == []
    assert board.definition == journey.with_rules(order="any")
    assert board._view["code"].endswith('order="any")')


def test_an_event_in_two_stages_without_reuse_is_a_problem_at_the_second(log, journey):
    board = cx.StageBoard(log, journey)
    draft = journey.with_rules(reuse="distinct").share("view", to="Buy").to_dict()
    board.set_state({"_draft": {**board._draft, "definition": {**draft, "rules": {}}, "revision": 1}})
    (problem,) = board._view["problems"]
    assert (problem["stage"], problem["event"]) == ("Buy", "view")
    assert board.definition == journey
