"""Definitions: values, edits, text forms, and which row belongs to which stage."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets.condition import OPERATORS
from cx_widgets.definition import DefinitionError
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.roles import ROLES, guess_role

GOLDEN = Path(__file__).parent / "golden"


def make_log(rows, **columns):
    """Return a log of (customer, event) rows, a minute apart, with more columns by keyword."""
    frame = pd.DataFrame(rows, columns=["id", "what"])
    frame["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(frame)), unit="min")
    for name, values in columns.items():
        frame[name] = values
    return cx.EventLog(frame, customer="id", time="at", event="what")


def in_given_order(log, numbers):
    """Return stage numbers in the order of the rows the log was made of."""
    given = np.empty(len(numbers), dtype=int)
    given[log.packed.rows] = numbers
    return given.tolist()


def staged(log, *stages):
    return in_given_order(log, cx.Definition(stages).stage_of_rows(log))


@pytest.fixture
def journey():
    return cx.Definition(
        {"Consider": ["ad", "search"], "Evaluate": ["compare"], "Buy": ["order"]}, window="30D"
    )


@pytest.fixture
def log():
    return make_log([(1, "ad"), (1, "search"), (2, "compare"), (1, "order"), (2, "view_a"), (2, "view_b")])


# Values


def test_a_definition_is_a_value():
    one = cx.Definition({"Look": ["view"], "Buy": ["order"]}, window="30D")
    other = cx.Definition([cx.Stage("Look", ("view",)), cx.Stage(" Buy ", "order")], cx.Rules(window="720h"))
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1
    assert one != one.with_rules(window="31D")


def test_nothing_of_it_can_be_changed(journey):
    for value, field in ((journey, "stages"), (journey.rules, "window"), (journey["Buy"], "name")):
        with pytest.raises(AttributeError):
            setattr(value, field, None)
        with pytest.raises((AttributeError, TypeError)):
            value.another = 1


def test_it_survives_pickle_and_copy():
    definition = cx.Definition(
        [cx.Stage("Buy", ["order"], where=[cx.Condition("v", ">", 1)], nth="2+")], window="1h"
    )
    assert pickle.loads(pickle.dumps(definition)) == definition  # noqa: S301 - our own bytes
    assert copy.deepcopy(definition) == definition


def test_a_condition_on_true_is_not_one_on_1():
    assert cx.Condition("vip", "==", value=True) != cx.Condition("vip", "==", 1)
    assert cx.Condition("vip", "==", 1.0) == cx.Condition("vip", "==", 1)


def test_a_set_of_events_is_read_in_one_order():
    assert cx.Stage("A", {"c", "a", "b"}).events == ("a", "b", "c")


def test_numpy_and_pandas_values_become_plain_ones():
    condition = cx.Condition("v", "in", np.array([1, 2]))
    assert condition.value == (1, 2)
    assert all(type(value) is int for value in condition.value)
    assert cx.Condition("at", ">", pd.Timestamp("2024-01-31 12:00")).value == "2024-01-31T12:00:00"
    assert cx.Condition("at", ">", np.datetime64("2024-01-31")).value == "2024-01-31T00:00:00"
    assert cx.Condition("at", ">", dt.date(2024, 1, 31)).value == "2024-01-31"
    assert cx.Stage("A", nth=np.int64(2)).nth == 2


def test_stages_are_found_by_name(journey):
    assert journey["Buy"].events == ("order",)
    assert journey.names == ("Consider", "Evaluate", "Buy")
    assert "Buy" in journey
    assert "buy" not in journey
    assert [stage.name for stage in journey] == list(journey.names)
    assert len(journey) == 3


def test_250_stages_are_allowed():
    definition = cx.Definition([cx.Stage(f"S{number}", [f"e{number}"]) for number in range(250)])
    log = make_log([(1, "e249"), (1, "e0")])
    assert definition.stage_of_rows(log).tolist() == [250, 1]


# Durations


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("30D", "30D"),
        ("36h", "36h"),
        ("48h", "2D"),
        ("90min", "90min"),
        ("1D12h", "36h"),
        ("1 day 12 hours", "36h"),
        ("1.5h", "90min"),
        ("2 weeks", "14D"),
        ("1W", "7D"),
        ("90s", "90s"),
        ("250ms", "250ms"),
        ("3us", "3us"),
        ("7ns", "7ns"),
        (pd.Timedelta(days=7), "7D"),
        (dt.timedelta(hours=1), "1h"),
        (np.timedelta64(5, "m"), "5min"),
    ],
)
def test_durations_are_read_and_written_in_the_largest_unit_that_fits(given, text):
    duration = parse_duration(given)
    assert format_duration(duration) == text
    assert parse_duration(text) == duration


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_every_duration_survives_its_text(nanoseconds):
    duration = pd.Timedelta(nanoseconds, unit="ns")
    assert parse_duration(format_duration(duration)) == duration


# Roles


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Awareness", "aware"),
        ("Consider", "consider"),
        ("Consideration", "consider"),
        ("Evaluate", "evaluate"),
        ("Buy", "buy"),
        ("BUY", "buy"),
        ("First purchase", "buy"),
        ("Repurchase", "buy"),
        ("Enjoy", "enjoy"),
        ("Customer service", "enjoy"),
        ("Advocacy", "advocate"),
        ("Loyalty programme", "bond"),
        ("Cart", None),
        ("Checkout", None),
        ("Post-purchase", None),
        ("Before order", None),
        ("Purchase consideration", None),
        ("Stage 4", None),
        ("Buyer", None),
        ("", None),
    ],
)
def test_a_role_is_guessed_only_from_plain_names(name, role):
    assert guess_role(name) == role


def test_a_role_that_is_given_beats_the_guess():
    definition = cx.Definition(
        [cx.Stage("Buy", ["order"], role=None), cx.Stage("Kasse", ["paid"], role="buy"), cx.Stage("Purchase")]
    )
    assert definition.role("Buy") is None
    assert definition.stages_with_role("buy") == ("Kasse", "Purchase")
    assert definition.set_role("Buy", "auto").stages_with_role("buy") == ("Buy", "Kasse", "Purchase")


# Edits


def test_assign_moves_events_to_the_end_of_a_stage(journey):
    moved = journey.assign("search", "compare", to="Buy")
    assert [stage.events for stage in moved] == [("ad",), (), ("order", "search", "compare")]
    assert moved.window == pd.Timedelta("30D")
    assert journey["Buy"].events == ("order",)


def test_assign_of_what_is_there_already_changes_nothing(journey):
    assert journey.assign("order", to="Buy") == journey


def test_assign_leaves_stages_with_conditions_alone():
    definition = cx.Definition(
        [cx.Stage("First", ["order"], nth=1), cx.Stage("Look", ["view"]), cx.Stage("Buy")]
    )
    moved = definition.assign("order", "view", to="Buy")
    assert [stage.events for stage in moved] == [("order",), (), ("order", "view")]


def test_assign_takes_an_event_from_a_pattern_without_touching_it(log):
    definition = cx.Definition({"Look": ["view_*"], "Buy": ["order"]}).assign("view_b", to="Buy")
    assert definition["Look"].events == ("view_*",)
    assert definition.bind(log).stage_events == (("view_a",), ("order", "view_b"))


def test_unassign_takes_events_out_of_every_stage(journey):
    assert journey.unassign("ad", "order").names == journey.names
    assert [stage.events for stage in journey.unassign("ad", "order")] == [("search",), ("compare",), ()]
    twice = cx.Definition([cx.Stage("First", ["order"], nth=1), cx.Stage("Later", ["order"])])
    assert [stage.events for stage in twice.unassign("order")] == [(), ()]


def test_unassign_through_a_pattern_asks_for_names_first(log):
    definition = cx.Definition({"Look": ["view_*", "ad"]})
    with pytest.raises(cx.CXError, match="is in stage 'Look' through the pattern 'view_\\*'"):
        definition.unassign("view_b")
    assert definition.expand(log).unassign("view_b")["Look"].events == ("ad", "view_a")
    assert definition.unassign("view_*")["Look"].events == ("ad",)


def test_add_puts_a_stage_where_it_belongs(journey):
    assert journey.add("Bond").names == (*journey.names, "Bond")
    assert journey.add("Bond", at=1).names == ("Consider", "Bond", "Evaluate", "Buy")
    added = journey.add("First", ["order"], at=0, nth=1, where=cx.Condition("v", ">", 0), role="buy")["First"]
    assert added == cx.Stage("First", ["order"], nth=1, where=[cx.Condition("v", ">", 0)], role="buy")


def test_rename_keeps_what_the_stage_is_for(journey):
    assert journey.rename("Buy", "Kaufen").role("Kaufen") == "buy"
    assert journey.rename("Buy", "Purchase")["Purchase"].role == "auto"
    assert journey.rename("Buy", "Advocate").role("Advocate") == "advocate"
    assert journey.add("Stage 4").rename("Stage 4", "Bond").role("Bond") == "bond"
    assert journey.set_role("Buy", None).rename("Buy", "Order").role("Order") is None
    assert journey.rename("Buy", "Buy") == journey


def test_remove_lets_the_events_go(journey):
    assert journey.remove("Evaluate") == cx.Definition(
        {"Consider": ["ad", "search"], "Buy": ["order"]}, window="30D"
    )


def test_merge_keeps_the_first_ones_place_name_and_role(journey):
    merged = journey.merge("Buy", "Consider")
    assert merged.names == ("Evaluate", "Buy")
    assert merged["Buy"].events == ("order", "ad", "search")
    named = journey.merge("Consider", "Evaluate", "Buy", name="All")
    assert named.names == ("All",)
    assert named.role("All") == "consider"
    assert named["All"].events == ("ad", "search", "compare", "order")


def test_merge_may_take_the_name_of_the_other(journey):
    assert journey.merge("Consider", "Evaluate", name="Evaluate").names == ("Evaluate", "Buy")


def test_merge_writes_a_shared_event_once():
    definition = cx.Definition(
        [
            cx.Stage("A", ["x", "y"], where=[cx.Condition("v", ">", 1)]),
            cx.Stage("B", ["y"], where=[cx.Condition("v", ">", 1)]),
        ]
    )
    assert definition.merge("A", "B")["A"].events == ("x", "y")


def test_split_puts_the_parts_in_the_place_of_the_whole(journey):
    split = journey.split("Consider", {"See": ["ad"], "Consider": ["search"]})
    assert split.names == ("See", "Consider", "Evaluate", "Buy")
    assert split.role("See") == "consider"
    assert split.merge("See", "Consider", name="Consider")["Consider"].events == ("ad", "search")


def test_split_parts_keep_the_conditions():
    whole = cx.Stage("Buy", ["order", "paid"], where=[cx.Condition("v", ">", 1)], nth=1)
    parts = cx.Definition([whole]).split("Buy", {"Order": ["order"], "Pay": ["paid"]})
    assert all(part.where == whole.where and part.nth == 1 and part.resolved_role == "buy" for part in parts)


def test_move_changes_only_the_order(journey):
    assert journey.move("Buy", to=0).names == ("Buy", "Consider", "Evaluate")
    assert journey.move("Consider", to=2).names == ("Evaluate", "Buy", "Consider")
    assert journey.move("Buy", to=2) == journey


def test_with_rules_changes_only_what_is_named(journey):
    changed = journey.with_rules(retention_period="7D")
    assert changed.window == journey.window
    assert changed.rules.retention_period == pd.Timedelta("7D")
    assert journey.with_rules(window=None) == cx.Definition(journey.stages)


def test_expand_replaces_patterns_by_the_names_they_stand_for(log):
    definition = cx.Definition(
        {"Own": ["view_a", "ad"], "Look": ["view_*", "gone_*", "s?arch"], "Rest": ["*"]}
    )
    expanded = definition.expand(log)
    assert [stage.events for stage in expanded] == [
        ("view_a", "ad"),
        ("gone_*", "search", "view_b"),
        ("compare", "order"),
    ]
    assert expanded.stage_of_rows(log).tolist() == definition.stage_of_rows(log).tolist()


def test_expand_refuses_to_change_who_comes_first(log):
    definition = cx.Definition([cx.Stage("All", ["*"]), cx.Stage("First order", ["order"], nth=1)])
    with pytest.raises(cx.CXError, match="Move stage 'First order' before 'All'"):
        definition.expand(log)
    assert definition.move("First order", to=0).expand(log)["First order"].events == ("order",)


# Which row belongs where


def test_each_row_gets_the_number_of_its_stage(log, journey):
    numbers = journey.stage_of_rows(log)
    assert numbers.dtype == np.uint8
    assert in_given_order(log, numbers) == [1, 1, 2, 3, 0, 0]
    assert not numbers.flags.writeable


def test_an_exact_name_beats_a_pattern_whatever_the_order(log):
    assert staged(log, cx.Stage("All", ["view_*", "*"]), cx.Stage("B", ["view_b"])) == [1, 1, 1, 1, 1, 2]


def test_among_patterns_the_first_stage_wins(log):
    assert staged(log, cx.Stage("A", ["view_?"]), cx.Stage("B", ["view_[ab]", "*"])) == [2, 2, 2, 2, 1, 1]


def test_a_name_that_looks_like_a_pattern_is_a_name_if_an_event_has_it():
    log = make_log([(1, "item[1]"), (1, "item1"), (1, "why?"), (1, "whyx")])
    assert staged(log, cx.Stage("A", ["item[1]", "why?"])) == [1, 0, 1, 0]
    assert staged(log, cx.Stage("A", ["item[0-9]"])) == [0, 1, 0, 0]


def test_patterns_tell_capitals_apart(log):
    assert staged(log, cx.Stage("A", ["AD*"]), cx.Stage("B", ["a*"])) == [2, 0, 0, 0, 0, 0]


def test_a_row_that_fails_the_conditions_goes_to_the_next_stage():
    log = make_log([(1, "order")] * 4, amount=[5.0, 50.0, np.nan, 500.0])
    big = cx.Stage("Big", ["order"], where=[cx.Condition("amount", ">=", 100)])
    middle = cx.Stage("Middle", ["order"], where=[cx.Condition("amount", ">=", 10)])
    assert staged(log, big, middle, cx.Stage("Rest", ["order"])) == [3, 2, 3, 1]
    assert staged(log, middle, big, cx.Stage("Rest", ["ord*"])) == [3, 1, 3, 1]


def test_all_conditions_must_hold():
    log = make_log([(1, "order")] * 4, amount=[1, 2, 3, 4], channel=["web", "app", "web", None])
    where = [cx.Condition("amount", ">", 1), cx.Condition("channel", "==", "web")]
    assert staged(log, cx.Stage("A", ["order"], where=where)) == [0, 0, 1, 0]


def test_occurrences_are_counted_for_each_customer_in_time_order():
    log = make_log(
        [(1, "order"), (2, "view"), (2, "order"), (1, "order"), (2, "order"), (1, "order"), (3, "view")]
    )
    first, later = cx.Stage("First", ["order"], nth=1), cx.Stage("Later", ["order"], nth="2+")
    assert staged(log, first, later) == [1, 0, 1, 2, 2, 2, 0]
    assert staged(log, cx.Stage("Third", ["order"], nth=3)) == [0, 0, 0, 0, 0, 1, 0]
    assert staged(log, cx.Stage("Third on", ["order"], nth="3+"), cx.Stage("Rest", ["*"])) == [
        2,
        2,
        2,
        2,
        2,
        1,
        2,
    ]


def test_occurrences_count_rows_that_match_the_conditions():
    log = make_log([(1, "order")] * 4, amount=[1, 20, 30, 2])
    big_first = cx.Stage("First big", ["order"], where=[cx.Condition("amount", ">", 10)], nth=1)
    assert staged(log, big_first) == [0, 1, 0, 0]


def test_occurrences_also_count_rows_another_stage_takes():
    log = make_log([(1, "order")] * 3)
    assert staged(log, cx.Stage("A", ["order"], nth=1), cx.Stage("B", ["order"], nth=1)) == [1, 0, 0]
    assert staged(log, cx.Stage("A", ["order"], nth=1), cx.Stage("B", ["order"], nth=2)) == [1, 2, 0]


def test_occurrences_at_one_time_follow_the_frame():
    frame = pd.DataFrame({"id": [1, 1, 1], "at": ["2024-01-02", "2024-01-01", "2024-01-01"], "what": "order"})
    log = cx.EventLog(frame, customer="id", time="at", event="what")
    assert staged(log, cx.Stage("A", ["order"], nth=1), cx.Stage("B", ["order"], nth=3)) == [2, 1, 0]


def test_an_empty_log_has_no_rows_and_no_unknown_events(journey):
    log = cx.EventLog(pd.DataFrame({"id": [], "at": [], "what": []}), customer="id", time="at", event="what")
    assert journey.problems(log) == ()
    assert journey.stage_of_rows(log).tolist() == []
    assert staged(log, cx.Stage("A", ["order"], nth=1)) == []


def brute_force(stages, rows):
    """Return the stage of each row, one row after another, by the words of the documentation."""
    from fnmatch import fnmatchcase  # noqa: PLC0415 - the only place of this file that needs it

    names = {event for _, event, _ in rows}
    seen = {}
    numbers = []
    for customer, event, amount in rows:
        exact = [index for index, stage in enumerate(stages) if event in stage.events]
        held = [
            index
            for index, stage in enumerate(stages)
            if index not in exact
            and any(entry not in names and fnmatchcase(event, entry) for entry in stage.events)
        ]
        number = 0
        reached = True
        for index in exact + held:
            stage = stages[index]
            if not reached:
                break
            fits = all(amount is not None and amount > condition.value for condition in stage.where)
            if fits:
                seen[index, customer] = seen.get((index, customer), 0) + 1
            if stage.nth is not None:
                count = seen.get((index, customer), 0)
                fits = fits and (count >= 2 if stage.nth == "2+" else count == stage.nth)
            if fits and not number:
                number = index + 1
            if not stage.where and stage.nth is None:
                reached = False
        numbers.append(number)
    return numbers


@st.composite
def stages_and_rows(draw):
    entries = ["a", "b", "ab", "ac", "a*", "*", "?", "[ab]"]
    plain = set()
    stages = []
    for number in range(draw(st.integers(1, 5))):
        where = draw(
            st.lists(st.builds(cx.Condition, st.just("v"), st.just(">"), st.integers(0, 2)), max_size=1)
        )
        nth = draw(st.sampled_from([None, None, 1, 2, "2+"]))
        events = draw(st.lists(st.sampled_from(entries), unique=True, max_size=4))
        if not where and nth is None:
            events = [event for event in events if event not in plain]
            plain |= set(events)
        stages.append(cx.Stage(f"S{number}", events, where=where, nth=nth))
    row = st.tuples(
        st.integers(0, 2), st.sampled_from(["a", "b", "ab", "ac", "c"]), st.sampled_from([None, 1, 2, 3])
    )
    return stages, draw(st.lists(row, min_size=1, max_size=25))


@settings(max_examples=120)
@given(stages_and_rows())
def test_rows_go_where_a_reader_of_the_documentation_would_put_them(case):
    stages, rows = case
    log = make_log([row[:2] for row in rows], v=pd.array([row[2] for row in rows], dtype="Float64"))
    assert staged(log, *stages) == brute_force(stages, rows)


# Conditions on every kind of column

COLUMNS = {
    "int": pd.Series([1, 2, 3, 4]),
    "float": pd.Series([1.0, 2.0, np.nan, 4.0]),
    "nullable": pd.Series([1, 2, None, 4], dtype="Int64"),
    "arrow": pd.Series([1, 2, None, 4], dtype="int64[pyarrow]"),
    "object number": pd.Series([1, 2.0, None, 4], dtype=object),
    "object text": pd.Series(["ab", "b", None, "c.d"], dtype=object),
    "str": pd.Series(["ab", "b", None, "c.d"], dtype="str" if pd.__version__ >= "3" else "string"),
    "arrow text": pd.Series(["ab", "b", None, "c.d"], dtype="string[pyarrow]"),
    "category": pd.Series(["ab", "b", None, "c.d"], dtype="category"),
    "category of numbers": pd.Series([1, 2, None, 4]).astype("category"),
    "bool": pd.Series([True, False, True, False]),
    "boolean": pd.Series([True, False, None, True], dtype="boolean"),
    "object bool": pd.Series([True, False, None, True], dtype=object),
    "time": pd.to_datetime(
        pd.Series(["2024-01-01", "2024-01-02", None, "2024-01-04 12:00"], dtype=object), format="ISO8601"
    ),
    "zoned": pd.to_datetime(pd.Series(["2024-01-01", "2024-01-02", None, "2024-01-04"])).dt.tz_localize(
        "Europe/Berlin"
    ),
    "date": pd.Series([dt.date(2024, 1, 1), dt.date(2024, 1, 2), None, dt.date(2024, 1, 4)], dtype=object),
    "duration": pd.to_timedelta(pd.Series(["1h", "2h", None, "4h"])),
    "empty": pd.Series([None] * 4, dtype=object),
}


@pytest.mark.parametrize(
    ("column", "op", "value", "rows"),
    [
        ("int", "==", 2, [1]),
        ("int", "!=", 2, [0, 2, 3]),
        ("int", "<", 2.5, [0, 1]),
        ("int", "<=", 2, [0, 1]),
        ("int", ">", 10**30, []),
        ("int", "in", [1, 4, 9], [0, 3]),
        ("int", "not in", [1, 4], [1, 2]),
        ("int", "is null", None, []),
        ("int", "not null", None, [0, 1, 2, 3]),
        ("float", "!=", 2, [0, 3]),
        ("float", "not in", [2], [0, 3]),
        ("float", "is null", None, [2]),
        ("float", ">=", 2, [1, 3]),
        ("nullable", "!=", 2, [0, 3]),
        ("nullable", "not in", [2], [0, 3]),
        ("nullable", "is null", None, [2]),
        ("arrow", "!=", 2, [0, 3]),
        ("arrow", "in", [1], [0]),
        ("object number", ">", 1, [1, 3]),
        ("object text", "==", "b", [1]),
        ("object text", "!=", "b", [0, 3]),
        ("object text", "<", "b", [0]),
        ("object text", "contains", ".", [3]),
        ("object text", "not in", ["b"], [0, 3]),
        ("str", "!=", "b", [0, 3]),
        ("str", "contains", "b", [0, 1]),
        ("str", ">", "b", [3]),
        ("str", "is null", None, [2]),
        ("arrow text", "!=", "b", [0, 3]),
        ("arrow text", "contains", ".", [3]),
        ("arrow text", "in", ["ab", "b"], [0, 1]),
        ("category", "!=", "b", [0, 3]),
        ("category", "contains", ".", [3]),
        ("category", "is null", None, [2]),
        ("category", "not null", None, [0, 1, 3]),
        ("category of numbers", ">", 1, [1, 3]),
        ("bool", "==", True, [0, 2]),
        ("boolean", "!=", True, [1]),
        ("boolean", "in", [True, False], [0, 1, 3]),
        ("object bool", "==", False, [1]),
        ("time", ">", "2024-01-01", [1, 3]),
        ("time", "<=", "2024-01-04T12:00", [0, 1, 3]),
        ("time", "in", ["2024-01-02"], [1]),
        ("time", "<", "9999-12-31", [0, 1, 3]),
        ("zoned", ">=", "2024-01-02", [1, 3]),
        ("zoned", ">=", "2024-01-01T23:00+00:00", [1, 3]),
        ("date", "==", dt.date(2024, 1, 2), [1]),
        ("date", ">", "2024-01-01", [1, 3]),
        ("duration", ">", "90min", [1, 3]),
        ("empty", "==", "anything", []),
        ("empty", "is null", None, [0, 1, 2, 3]),
    ],
)
def test_conditions_work_on_every_kind_of_column(column, op, value, rows):
    log = make_log([(1, "order")] * 4, c=COLUMNS[column])
    stage = cx.Stage("A", ["order"], where=[cx.Condition("c", op, value)])
    assert cx.Definition([stage]).problems(log) == ()
    assert [row for row, number in enumerate(staged(log, stage)) if number] == rows


# Problems on a log


def problem(log, *stages):
    (found,) = cx.Definition(stages).problems(log)
    return found


def test_an_unknown_event_is_a_problem_with_the_nearest_name(log):
    found = problem(log, cx.Stage("Buy", ["order", "serch"]))
    assert (found.kind, found.stage, found.event) == ("unknown_event", "Buy", "serch")
    assert found.message == (
        "unknown event 'serch'. Did you mean 'search'? "
        "Available: ['ad', 'compare', 'order', 'search', 'view_a', 'view_b']. "
        "Take it out of stage 'Buy', or correct it there."
    )


def test_a_pattern_without_a_match_is_a_problem(log):
    found = problem(log, cx.Stage("Buy", ["order", "pay*"]))
    assert (found.kind, found.stage, found.event) == ("unmatched_pattern", "Buy", "pay*")
    assert found.message == (
        "pattern 'pay*' in stage 'Buy' matches no event. "
        "Available: ['ad', 'compare', 'order', 'search', 'view_a', 'view_b']."
    )


def test_a_stage_without_events_is_a_problem(log):
    found = problem(log, cx.Stage("Buy", ["order"]), cx.Stage("Bond"))
    assert (found.kind, found.stage) == ("empty_stage", "Bond")
    assert found.message == "stage 'Bond' has no events. Assign one, or remove the stage."


def test_a_stage_whose_events_go_elsewhere_is_a_problem(log):
    found = problem(log, cx.Stage("Buy", ["order"]), cx.Stage("Again", ["ord*"]))
    assert (found.kind, found.stage) == ("empty_stage", "Again")
    assert found.message == (
        "stage 'Again' gets no events: ['order'] already go to other stages. "
        "Assign one that is its own, or remove the stage."
    )


def test_an_unknown_column_is_a_problem():
    log = make_log([(1, "order")], channel=["web"])
    found = problem(log, cx.Stage("Buy", ["order"], where=[cx.Condition("chanel", "==", "web")]))
    assert (found.kind, found.stage, found.field) == ("unknown_column", "Buy", "chanel")
    assert (
        found.message
        == "unknown column 'chanel'. Did you mean 'channel'? Available: ['channel']. Stage 'Buy' asks for it."
    )


NUMBERS = "holds numbers. Use '==' or 'in'."
NOON_UTC = "2024-01-01T12:00+00:00"
STR_NOON = "c > '2024-01-01T12:00+00:00'"
GIVE = {
    "number": "Give a number, e.g. 10.",
    "text": "Give text, e.g. 'email'.",
    "time": "Give a time, e.g. '2024-01-31' or '2024-01-31T12:00'.",
    "duration": "Give a duration, e.g. '90min'.",
}


@pytest.mark.parametrize(
    ("column", "op", "value", "message"),
    [
        (
            "int",
            ">",
            "ten",
            "condition \"c > 'ten'\": column 'c' holds numbers, not 'ten'. " + GIVE["number"],
        ),
        ("int", "==", True, "condition 'c == True': column 'c' holds numbers, not True. " + GIVE["number"]),
        ("bool", "==", 1, "condition 'c == 1': column 'c' holds True and False, not 1. Give True or False."),
        ("str", "in", ["b", 2], "condition \"c in ['b', 2]\": column 'c' holds text, not 2. " + GIVE["text"]),
        ("category", "==", 1, "condition 'c == 1': column 'c' holds text, not 1. " + GIVE["text"]),
        ("time", ">", "now", "condition \"c > 'now'\": column 'c' holds times, not 'now'. " + GIVE["time"]),
        (
            "time",
            ">",
            NOON_UTC,
            f"condition {STR_NOON!r}: column 'c' holds times, not {NOON_UTC!r}. " + GIVE["time"],
        ),
        (
            "duration",
            ">",
            "long",
            "condition \"c > 'long'\": column 'c' holds durations, not 'long'. " + GIVE["duration"],
        ),
        (
            "float",
            "contains",
            "1",
            "condition \"c contains '1'\" looks for text within text, but column 'c' " + NUMBERS,
        ),
    ],
)
def test_a_value_of_another_kind_than_the_column_is_a_problem(column, op, value, message):
    log = make_log([(1, "order")] * 4, c=COLUMNS[column])
    found = problem(log, cx.Stage("Buy", ["order"], where=[cx.Condition("c", op, value)]))
    assert (found.kind, found.stage, found.field) == ("condition_type", "Buy", "c")
    assert found.message == f"stage 'Buy': {message}"


def test_a_column_of_several_kinds_is_a_problem():
    log = make_log([(1, "order")] * 2, c=pd.Series([1, "a"], dtype=object))
    found = problem(log, cx.Stage("Buy", ["order"], where=[cx.Condition("c", "==", 1)]))
    assert found.message == (
        "stage 'Buy': condition 'c == 1': column 'c' holds values of several kinds. "
        "Make it one kind in the data, e.g. df['c'].astype(str)."
    )


def test_problems_come_in_stage_order_and_the_first_is_raised(log):
    definition = cx.Definition([cx.Stage("A"), cx.Stage("B", ["x*", "order"]), cx.Stage("C", ["ad"])])
    assert [found.kind for found in definition.problems(log)] == ["empty_stage", "unmatched_pattern"]
    with pytest.raises(DefinitionError) as raised:
        definition.require(log)
    assert str(raised.value) == (
        "stage 'A' has no events. Assign one, or remove the stage. "
        "(2 problems in all; definition.problems(log) lists them.)"
    )
    assert raised.value.problem.stage == "A"


def test_a_definition_that_fits_raises_nothing(log, journey):
    assert journey.problems(log) == ()
    assert journey.require(log) is None


def test_shared_events_are_noted_but_stop_nothing(log):
    definition = cx.Definition(
        [cx.Stage("First", ["order"], nth=1), cx.Stage("Buy", ["order"]), cx.Stage("Rest", ["*"])]
    )
    assert definition.problems(log) == ()
    (note,) = definition.bind(log).overlaps
    assert (note.kind, note.event) == ("overlap", "order")
    assert note.message == (
        "event 'order' stands in stages ['First', 'Buy', 'Rest']; "
        "'First' takes the rows its conditions let through, then 'Buy'."
    )


def test_a_binding_says_which_name_belongs_where(log):
    definition = cx.Definition([cx.Stage("Look", ["view_*", "ad"]), cx.Stage("First", ["order"], nth=1)])
    binding = definition.bind(log)
    assert binding.stage_events == (("ad", "view_a", "view_b"), ("order",))
    assert dict(zip(log.event_names, binding.lut.tolist(), strict=True)) == {
        "ad": 1,
        "compare": 0,
        "order": 0,
        "search": 0,
        "view_a": 1,
        "view_b": 1,
    }
    assert definition.bind(log) is binding


def test_correcting_1_to_true_is_not_answered_from_memory():
    log = make_log([(1, "order")], vip=[True])
    wrong = cx.Definition([cx.Stage("Buy", ["order"], where=[cx.Condition("vip", "==", 1)])])
    right = cx.Definition([cx.Stage("Buy", ["order"], where=[cx.Condition("vip", "==", value=True)])])
    assert len(wrong.problems(log)) == 1
    assert right.problems(log) == ()


# Text forms


def nasty():
    return cx.Definition(
        [
            cx.Stage("<script>alert(1)</script>", ["</td>", 'say "hi"', "it's", "a\\b", "tab\there"]),
            cx.Stage(
                "\u0634\u0631\u0627\u0621 \U0001f6d2",
                ["\u202eevil", "caf\u00e9", "\U0001f468\u200d\U0001f469\u200d\U0001f467"],
            ),
            cx.Stage("x" * 200, ["y" * 120, "*[?"]),
        ],
        window="1ns",
    )


GOLDENS = {
    "plain": cx.Definition(
        {"Consider": ["ad", "search"], "Evaluate": ["compare"], "Buy": ["order"]}, window="30D"
    ),
    "empty_stages": cx.presets.consumer_decision_journey().definition,
    "conditions": cx.Definition(
        [
            cx.Stage("See", ["ad_*", "email?", "push[12]"], role=None),
            cx.Stage(
                "Consider",
                ["view"],
                where=[
                    cx.Condition("channel", "in", ["web", "app"]),
                    cx.Condition("campaign", "not in", ["test"]),
                    cx.Condition("page", "contains", "/product/"),
                    cx.Condition("at", ">=", "2024-01-31T12:00:00"),
                ],
            ),
            cx.Stage(
                "Buy",
                ["order"],
                nth=1,
                where=[
                    cx.Condition("revenue", ">", 0),
                    cx.Condition("test", "!=", value=True),
                    cx.Condition("score", "<=", 9.5),
                ],
            ),
            cx.Stage("Reorder", ["order"], nth="2+", role="buy"),
            cx.Stage(
                "Bond", ["login"], where=[cx.Condition("coupon", "is null"), cx.Condition("card", "not null")]
            ),
        ],
        window="36h",
        retention_period="7D",
    ),
    "text": nasty(),
    "one_stage": cx.Definition({"Buy": ["order"]}),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_json_is_as_it_always_was(name):
    text = (GOLDEN / f"definition_{name}.json").read_text(encoding="utf-8")
    assert GOLDENS[name].to_json() == text
    assert cx.Definition.from_json(text) == GOLDENS[name]


def test_every_golden_file_is_tested():
    assert {path.stem.removeprefix("definition_") for path in GOLDEN.glob("definition_*.json")} == set(
        GOLDENS
    )


def test_json_has_one_event_in_a_line_so_that_a_move_is_a_small_diff(journey):
    before = set(journey.to_json().splitlines())
    after = set(journey.unassign("ad").to_json().splitlines())
    assert before - after == {'        "ad",'}
    assert journey.to_json().endswith("}\n")


def test_a_short_definition_is_one_line_of_code():
    code = cx.Definition({"Look": ["view"], "Buy": ["order"]}).to_code()
    assert code == 'cx.Definition({"Look": ["view"], "Buy": ["order"]})'


def test_a_longer_one_has_one_stage_in_a_line():
    definition = cx.Definition(
        {
            "Consider": ["ad", "search", "newsletter_open"],
            "Evaluate": ["compare", "review_read"],
            "Buy": ["order"],
        },
        window="30D",
    )
    assert definition.to_code() == (
        "cx.Definition(\n"
        "    {\n"
        '        "Consider": ["ad", "search", "newsletter_open"],\n'
        '        "Evaluate": ["compare", "review_read"],\n'
        '        "Buy": ["order"],\n'
        "    },\n"
        '    window="30D",\n'
        ")"
    )


def test_code_spells_out_stages_where_one_needs_more_than_names():
    assert GOLDENS["conditions"].to_code() == (
        "cx.Definition(\n"
        "    [\n"
        '        cx.Stage("See", ["ad_*", "email?", "push[12]"], role=None),\n'
        "        cx.Stage(\n"
        '            "Consider",\n'
        '            ["view"],\n'
        "            where=[\n"
        '                cx.Condition("channel", "in", ["web", "app"]),\n'
        '                cx.Condition("campaign", "not in", ["test"]),\n'
        '                cx.Condition("page", "contains", "/product/"),\n'
        '                cx.Condition("at", ">=", "2024-01-31T12:00:00"),\n'
        "            ],\n"
        "        ),\n"
        "        cx.Stage(\n"
        '            "Buy",\n'
        '            ["order"],\n'
        "            where=[\n"
        '                cx.Condition("revenue", ">", 0),\n'
        '                cx.Condition("test", "!=", True),\n'
        '                cx.Condition("score", "<=", 9.5),\n'
        "            ],\n"
        "            nth=1,\n"
        "        ),\n"
        '        cx.Stage("Reorder", ["order"], nth="2+", role="buy"),\n'
        "        cx.Stage(\n"
        '            "Bond",\n'
        '            ["login"],\n'
        '            where=[cx.Condition("coupon", "is null"), cx.Condition("card", "not null")],\n'
        "        ),\n"
        "    ],\n"
        '    window="36h",\n'
        '    retention_period="7D",\n'
        ")"
    )


def test_a_definition_reads_well():
    assert repr(GOLDENS["conditions"]) == (
        "Definition: 5 stages\n"
        "  1. See: ad_*, email?, push[12]\n"
        "  2. Consider (consider): view; channel in ['web', 'app']; campaign not in ['test']; "
        "page contains '/product/'; at >= '2024-01-31T12:00:00'\n"
        "  3. Buy (buy): order; revenue > 0; test != True; score <= 9.5; occurrence 1\n"
        "  4. Reorder (buy): order; occurrence 2+\n"
        "  5. Bond (bond): login; coupon is null; card not null\n"
        "  ordered, best entry, closed reach; window 36h from entry; ties in stage order\n"
        "  each customer once; shares of entrants; retention by 7D"
    )


def test_long_lists_of_events_are_cut():
    definition = cx.Definition({"A": [f"e{number}" for number in range(60)]})
    assert "e9, ... 50 more" in repr(definition)
    assert len(repr(definition["A"])) < 120
    assert "Definition: 1 stage\n" in repr(definition)


def test_control_characters_cannot_break_the_lines():
    assert "\n2" not in repr(cx.Definition({"A\nB": ["x\n2. Fake"]})).replace("\n  ", "")


def test_html_is_escaped():
    html = nasty()._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert html.count("</td>") == 3 * 5
    assert 'dir="auto"' in html


NAMES = st.text(min_size=1, max_size=12).filter(
    lambda text: text.strip() and text.strip().casefold() not in ("(start)", "(end)", "(unassigned)")
)
SCALARS = st.text() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def conditions(draw):
    op = draw(st.sampled_from(OPERATORS))
    column = draw(st.text(min_size=1))
    if op in ("is null", "not null"):
        return cx.Condition(column, op)
    if op in ("in", "not in"):
        return cx.Condition(column, op, draw(st.lists(SCALARS, min_size=1, max_size=3)))
    return cx.Condition(column, op, draw(st.text(min_size=1) if op == "contains" else SCALARS))


@st.composite
def definitions(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique_by=str.strip))
    taken = set()
    stages = []
    for name in names:
        where = draw(st.lists(conditions(), max_size=2))
        nth = draw(st.none() | st.integers(1, 10**6) | st.sampled_from(["2+", "17+"]))
        events = draw(st.lists(st.text(min_size=1), max_size=4, unique=True))
        if not where and nth is None:
            events = [event for event in events if event not in taken]
            taken |= set(events)
        role = draw(st.sampled_from(["auto", None, *ROLES]))
        stages.append(cx.Stage(name, events, where=where, nth=nth, role=role))
    durations = st.integers(1, 2**63 - 1).map(lambda ns: pd.Timedelta(ns, unit="ns"))
    return cx.Definition(stages, window=draw(st.none() | durations), retention_period=draw(durations))


@settings(max_examples=100)
@given(definitions())
def test_every_definition_survives_its_dict_json_and_code(definition):
    assert cx.Definition.from_dict(definition.to_dict()) == definition
    assert cx.Definition.from_json(definition.to_json()) == definition
    again = eval(definition.to_code(), {"cx": cx})  # noqa: S307 - what a user pastes is code we wrote
    assert again == definition
    assert again.to_json() == definition.to_json()
    assert json.loads(definition.to_json()) == definition.to_dict()


@settings(max_examples=50)
@given(definitions(), st.data())
def test_edits_that_take_themselves_back_give_the_same_definition(definition, data):
    name = data.draw(st.sampled_from(definition.names))
    place = definition.names.index(name)
    to = data.draw(st.integers(0, len(definition) - 1))
    assert definition.move(name, to=to).move(name, to=place) == definition
    assert definition.with_rules(window="1D").with_rules(window=definition.window) == definition
    new = "new name"
    assert definition.add(new, at=to).remove(new) == definition if new not in definition else True
    assert definition.set_role(name, "buy").set_role(name, definition[name].role) == definition


def events_log(*names):
    frame = pd.DataFrame({"id": 1, "at": "2024-01-01", "what": names})
    return cx.EventLog(frame, customer="id", time="at", event="what")


def test_every_event_can_be_a_stage_read_in_row_order():
    definition = cx.Definition.of_events(events_log("order", "ad", "ad"), window="7D")
    assert definition == cx.Definition({"ad": ["ad"], "order": ["order"]}, ties="row", window="7D")
    assert cx.Definition.of_events(events_log("ad"), ties="stage").rules.ties == "stage"


def test_the_events_beyond_the_most_frequent_share_a_stage():
    log = events_log("d", "b", "b", "c", "a", "a")
    definition = cx.Definition.of_events(log, top=3)
    assert {stage.name: stage.events for stage in definition} == {
        "a": ("a",),
        "b": ("b",),
        "c": ("c",),
        "(all others)": ("d",),
    }
    assert cx.Definition.of_events(log, top=4).names == ("a", "b", "c", "d")


def test_events_whose_names_no_stage_can_have_are_called_otherwise():
    long = "x" * 300
    log = events_log("(start)", " ad", "ad", long, long + "y", "[a]*")
    definition = cx.Definition.of_events(log)
    assert definition.names == (
        "ad",
        "'(start)'",
        "[a]*",
        "ad (2)",
        "x" * 100 + "...",
        "x" * 100 + "... (2)",
    )
    assert definition.problems(log) == ()
    assert sorted(definition.stage_of_rows(log).tolist()) == [1, 2, 3, 4, 5, 6]


def test_too_many_events_for_stages_are_refused_with_a_way_out():
    log = events_log(*(f"event {number}" for number in range(251)))
    with pytest.raises(
        cx.CXError, match=r"251 event names, and a definition at most 250 stages\. Say .*top=50"
    ):
        cx.Definition.of_events(log)
    assert len(cx.Definition.of_events(log, top=249)) == 250


@pytest.mark.parametrize("top", [0, 250, 2.5, True, "3"])
def test_top_events_are_a_whole_number(top):
    with pytest.raises(
        cx.CXError, match=r"^top must be a whole number from 1 to 249, not .*\. Say top=50\.$"
    ):
        cx.Definition.of_events(events_log("ad"), top=top)


def test_a_log_without_events_makes_no_stages():
    with pytest.raises(cx.CXError, match=r"^the log has no events to make stages of"):
        cx.Definition.of_events(events_log())
