"""Rows as numbers that say which event they are and which conditions they satisfy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets import binding, engine
from cx_widgets.engine import NumpyEngine, available, funnel_totals


def random_log(rng, n=60):
    frame = pd.DataFrame(
        {
            "customer": rng.integers(0, 6, n),
            "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 9, n), "D"),
            "event": np.append(rng.choice(list("abcd"), n - 4), list("abcd")),
            "device": rng.choice(np.array(["tv", "web", None], object), n),
            "n": rng.integers(0, 5, n),
        }
    )
    return cx.EventLog(frame, customer="customer", time="time", event="event")


def random_stages(rng):
    tests = [cx.Condition("device", "==", "tv"), cx.Condition("n", ">", 2), cx.Condition("device", "is null")]
    return [
        cx.Stage(
            f"Stage {number}",
            rng.choice(list("abcd"), rng.integers(1, 4), replace=False).tolist() + ["*"] * (number == 3),
            where=rng.choice(np.array(tests, object), rng.integers(0, 3), replace=False).tolist(),
            nth=[None, None, 1, 2, "2+"][rng.integers(5)],
        )
        for number in range(4)
    ]


def test_tables_of_numbers_say_what_a_look_at_every_row_says():
    rng = np.random.default_rng(4)
    for _ in range(60):
        log, stages = random_log(rng), tuple(random_stages(rng))
        row_by_row = binding._conditional(stages, binding.bind(stages, log), log)
        assert binding.stage_of_rows(stages, log).tolist() == row_by_row.tolist()
        coded = binding.row_codes(log, binding.predicates(stages, log, overlapping=True))
        every = binding.stages_of_codes(stages, log, coded)[:, coded.codes]
        assert every.tolist() == binding.stages_of_rows(stages, log).tolist()
        exclusion = cx.Exclusion("a", where=[cx.Condition("n", ">", 2)])
        coded = binding.row_codes(log, binding.predicates(stages, log, [exclusion]))
        excluded = binding.excluded_codes(exclusion, log, coded)[coded.codes]
        assert excluded.tolist() == binding.excluded_rows(exclusion, log).tolist()
        assert coded.counts.tolist() == np.bincount(coded.codes).tolist()


def test_more_numbers_than_two_bytes_hold_are_answered_row_by_row(monkeypatch):
    tests = [cx.Condition("device", "==", "tv"), cx.Condition("n", ">", 2)]
    definition = cx.Definition(
        [
            cx.Stage("One", ["a", "b"], where=tests[:1], role=None),
            cx.Stage("Two", ["a", "b", "c"], where=tests[1:], role=None),
            cx.Stage("Three", ["*"], role=None),
        ]
    )

    def counted():
        log = random_log(np.random.default_rng(6))
        excluding = definition.with_rules(exclusions=[cx.Exclusion("d", where=tests[1:])], count="attempts")
        reach = [cx.funnel(log, rules).frame["reach"].tolist() for rules in (definition, excluding)]
        return *reach, engine.events_by_stage(log, definition).tolist()

    expected = counted()
    assert min(expected[0]) > 0
    monkeypatch.setattr(binding, "_MOST_CODES", 3)
    assert counted() == expected


@pytest.mark.parametrize("one", available().values(), ids=available().keys())
def test_an_edit_that_leaves_conditions_alone_looks_at_no_row(one, monkeypatch):
    log = random_log(np.random.default_rng(8))
    tv, many = cx.Condition("device", "==", "tv"), cx.Condition("n", ">", 2)

    def definition(first, second):
        return cx.Definition([cx.Stage("One", first, where=[tv]), cx.Stage("Two", second, where=[many])])

    edits = [definition(["a"], ["b"]), definition(["a", "c"], ["b"]), definition(["c"], ["b", "d"])]
    with engine.counting_with(NumpyEngine()):
        fresh = random_log(np.random.default_rng(8))
        expected = [funnel_totals(fresh, edit).reach.tolist() for edit in edits]
    coded = []
    evaluate = binding._row_codes
    monkeypatch.setattr(binding, "_row_codes", lambda *asked: coded.append(asked) or evaluate(*asked))
    with engine.counting_with(one):
        assert [funnel_totals(log, edit).reach.tolist() for edit in edits] == expected
    assert len(coded) == 1


def test_the_same_conditions_in_other_stages_are_the_same_numbers():
    log = random_log(np.random.default_rng(9))
    tv, many = cx.Condition("device", "==", "tv"), cx.Condition("n", ">", 2)
    stages = [cx.Stage("One", ["a"], where=[tv]), cx.Stage("Two", ["b"], where=[many])]
    one, other = (binding.row_codes(log, binding.predicates(some, log)) for some in (stages, stages[::-1]))
    assert one is other
    rows = pd.DataFrame({"code": one.codes, "tv": log.column("device") == "tv", "n": log.column("n") > 2})
    assert rows.groupby("code").nunique().max().max() == 1
