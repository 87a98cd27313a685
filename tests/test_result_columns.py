"""What a result says column by column is what its frame says."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets.metrics._lines import cells_of
from cx_widgets.metrics.stages import stage_columns, stage_sizes

ROWS = [
    ("a", "2026-01-01", "ad"),
    ("a", "2026-01-03", "compare"),
    ("a", "2026-01-05", "order"),
    ("a", "2026-02-05", "order"),
    ("b", "2026-01-02", "ad"),
    ("b", "2026-03-04", "order"),
    ("c", "2026-01-01", "ad"),
    ("c", "2026-01-02", "share"),
]


@pytest.fixture(scope="module")
def log():
    frame = pd.DataFrame(ROWS, columns=["who", "when", "what"])
    return cx.EventLog(frame, customer="who", time="when", event="what")


@pytest.fixture(scope="module")
def journey():
    stages = {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]}
    return cx.Definition(stages, window="30D")


def alike(one, other):
    return one == other or (one != one and other != other)  # noqa: PLR0124 - NaN


def assert_same(columns, frame):
    said = cells_of(frame)
    assert list(columns) == list(said)
    for name, values in columns.items():
        assert len(values) == len(said[name])
        pairs = list(zip(values, said[name], strict=True))
        assert all(alike(*pair) for pair in pairs), (name, pairs)


@pytest.mark.parametrize("metric", [cx.funnel, cx.transitions, cx.reasons, cx.loyalty, cx.figures])
def test_the_columns_of_a_result_are_those_of_its_frame(metric, log, journey):
    result = metric(log, journey)
    assert_same(result.columns(), result.frame)


def test_the_columns_of_changes_are_those_of_their_frame(log, journey):
    result = cx.compare(log, journey, journey.with_rules(window="3D"))
    assert_same(result.columns(), result.frame)


def test_the_stages_of_transitions_say_the_same_column_by_column(log, journey):
    result = cx.transitions(log, journey)
    assert_same(result.stage_columns(), result.stages)


def test_the_retention_curve_says_the_same_column_by_column(log, journey):
    result = cx.loyalty(log, journey)
    assert_same(result.retention_columns(), result.retention)


@pytest.mark.parametrize("rules", [{}, {"reuse": "distinct"}, {"observation_end": "2026-01-03"}])
def test_the_sizes_of_stages_say_the_same_column_by_column(log, journey, rules):
    definition = journey.with_rules(**rules)
    assert_same(stage_columns(log, definition), stage_sizes(log, definition))


def test_any_result_says_its_columns_from_its_frame(log, journey):
    result = cx.trend(log, journey)
    assert_same(result.columns(), result.frame)


def test_durations_are_seconds_and_what_is_undefined_is_nan(log, journey):
    columns = cx.funnel(log, journey).columns()
    assert columns["stage"] == ["Consider", "Evaluate", "Buy"]
    assert columns["reach"] == [3, 1, 1]
    assert columns["median_from_entry"][1:] == [2 * 86_400.0, 4 * 86_400.0]
    assert math.isnan(columns["previous"][0])
    assert columns["previous"][1:] == [3.0, 1.0]


def test_a_frame_is_made_when_it_is_asked_for_and_stays_the_same(log, journey):
    result = cx.funnel(log, journey)
    frame = result.frame
    frame.loc["Buy", "reach"] = 99
    assert result.frame.loc["Buy", "reach"] == 1
