"""Every metric agrees with the slow oracle on 5,000 random small logs, ties included."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import oracle
import pandas as pd
import pytest
from small_logs import random_case

import cx_widgets as cx

BLOCKS, LOGS = 50, 100


def records(frame):
    """Return the lines of a frame as dicts; `DataFrame.to_dict` takes ten times as long for a few lines."""
    columns = [frame[name].array.tolist() for name in frame.columns]
    return [dict(zip(frame.columns, line, strict=True)) for line in zip(*columns, strict=True)]


def interval(pair):
    return (np.nan, np.nan) if pair is None else pair


def close(ours, theirs):
    return all(abs(a - b) < 1e-9 or (np.isnan(a) and np.isnan(b)) for a, b in zip(ours, theirs, strict=True))


def same_time(ours, theirs):
    return ours is theirs if theirs is pd.NaT else ours == theirs


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


def check_transitions(case):
    result = cx.transitions(case.log, case.definition)
    table = oracle.transitions(case.rows)
    numbers = {name: number for number, name in enumerate(case.definition.names, start=1)}
    numbers |= {"(start)": 0, "(end)": 0}
    assert len(result.frame) == len(table)
    for row in records(result.frame):
        line = table[numbers[row["from"]], numbers[row["to"]]]
        counts = row["count"], row["denominator"], row["customers"]
        assert counts == (line["count"], line["exits"], line["customers"])
        assert row["share"] == line["count"] / line["exits"]
        assert same_time(row["dwell_median"], case.time(line["dwell"]))
        assert close((row["lower"], row["upper"]), interval(line["interval"]))
    for figure, chosen in (
        (result.skip_share, lambda a, b: b > a + 1),
        (result.back_share, lambda a, b: b < a),
    ):
        hits, trials, bounds = oracle.between_share(case.rows, chosen)
        assert (figure.numerator, figure.denominator) == (hits, trials)
        assert close((figure.lower, figure.upper), interval(bounds))
    stages = oracle.stage_visits(case.rows, case.n_stages, case.end)
    ours = records(result.stages)
    for (visits, customers, dwell, censored), row in zip(stages, ours, strict=True):
        assert (row["visits"], row["customers"], row["censored"]) == (visits, customers, censored)
        assert same_time(row["dwell_median"], case.time(dwell))


def check_flow(case):
    result = cx.flow(case.log, case.definition, positions=4)
    cells, links = oracle.flow(case.rows, 4)
    names = {name: number for number, name in enumerate(case.definition.names, start=1)} | {"(end)": 0}
    total = len(oracle.visits(case.rows))
    for row in records(result.frame):
        count = cells.get((row["position"], names[row["stage"]]), 0)
        assert row["count"] == count
        assert row["share"] == count / total if total else np.isnan(row["share"])
    ours = {
        (row["position"], names[row["from"]], names[row["to"]]): row["count"] for row in records(result.links)
    }
    assert ours == links


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


@pytest.mark.parametrize("block", range(BLOCKS))
def test_metrics_agree_with_the_oracle(block):
    rng = np.random.default_rng([2026, block])
    for _ in range(LOGS):
        case = random_case(rng)
        check_funnel(case)
        check_customers(case)
        check_transitions(case)
        check_flow(case)
        check_loyalty(case)
