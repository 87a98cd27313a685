"""Every metric agrees with the slow oracle on 5,000 random small logs, ties included."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import oracle
import pandas as pd
import pytest
from moves import check_flow, check_transitions, close, interval, records, same_time
from small_logs import random_case

import cx_widgets as cx

BLOCKS, LOGS = 50, 100


def check_funnel(case):
    result = cx.funnel(case.log, case.definition)
    table = oracle.funnel_table(case.rows, case.n_stages, case.window, case.end)
    for row, line in zip(records(result.frame), table, strict=True):
        assert (row["reach"], row["open"]) == (line["reach"], line["open"])
        assert same_time(row["median_from_previous"], case.time(line["from_previous"]))
        assert same_time(row["median_from_entry"], case.time(line["from_entry"]))
        bounds = interval(oracle.wilson(line["reach"], table[0]["reach"]))
        assert close((row["conversion_lower"], row["conversion_upper"]), bounds)


def check_customers(case):
    result = cx.funnel(case.log, case.definition)
    names = case.definition.names
    people = oracle.funnel(case.rows, case.n_stages, case.window, case.end)
    reached = result.customers(names[0])
    table = dict(zip(reached.index.tolist(), records(reached), strict=True))
    paths = defaultdict(list)
    for match in records(result.matches):
        paths[match["customer"]].append((match["stage"], match["time"], match["row"]))
    assert set(table) == set(paths) == {customer for customer, one in people.items() if one["levels"]}
    for customer, row in table.items():
        one = people[customer]
        depth = len(one["levels"])
        assert row["reach"] == names[depth - 1]
        assert row["entered"] == case.moment(one["levels"][-1][1])
        assert [row[name] for name in names[:depth]] == [case.moment(first) for first, _, _ in one["levels"]]
        assert all(row[name] is pd.NaT for name in names[depth:])
        assert (row["open"], row["converted"]) == (one["open"], depth == case.n_stages)
        assert [(stage, time) for stage, time, _ in paths[customer]] == [
            (name, case.moment(tick)) for name, tick in zip(names, one["path"], strict=False)
        ]
        for number, (tick, (_, _, position)) in enumerate(zip(one["path"], paths[customer], strict=True), 1):
            assert case.rows[position] == (customer, tick, number)


def check_loyalty(case):
    result = cx.loyalty(case.log, case.definition)
    buy, research = case.stages_with("buy"), case.stages_with("consider", "evaluate")
    advocate = case.stages_with("advocate")
    truth = oracle.loyalty(
        case.rows, buy=buy, research=research, advocate=advocate, end=case.end, period=case.period
    )

    def made_of(key):
        return result[key].numerator, result[key].denominator

    if not buy:
        assert result.frame["value"].isna().all()
        return
    assert result["buyers"].value == truth["buyers"]
    assert made_of("repeat_rate") == (truth["repeaters"], truth["buyers"])
    expected = truth["second_purchase"]
    median = result["second_purchase_median"].value
    assert np.isnan(median) if expected is None else median == pytest.approx(expected * case.unit_ns / 1e9)
    if advocate:
        assert made_of("active_passive") == (truth["active"], truth["passive"])
    if research:
        assert made_of("loyalty_loop") == (truth["looped"], truth["repeats"])
        bounds = result["loyalty_loop"].lower, result["loyalty_loop"].upper
        assert close(bounds, interval(truth["loop_interval"]))
    curve = result.retention
    assert list(zip(curve["retained"], curve["mature"], strict=True)) == truth["retention"]
    assert made_of("retention") == (truth["retention"][1] if len(truth["retention"]) > 1 else (0, 0))


def check_metrics(case):
    check_funnel(case)
    check_customers(case)
    check_transitions(case)
    check_flow(case)
    check_loyalty(case)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_metrics_agree_with_the_oracle(block):
    rng = np.random.default_rng([2026, block])
    for _ in range(LOGS):
        check_metrics(random_case(rng))
