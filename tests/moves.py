"""What transitions, flow and variants have in common with the oracle, for tests that draw logs."""

from __future__ import annotations

import numpy as np
import oracle
import pandas as pd

import cx_widgets as cx


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


def how(definition, repeats):
    """Return the way of reading visits in the oracle's words."""
    return {"by_row": definition.rules.ties == "row", "merged": repeats == "merged"}


def check_transitions(case, repeats="merged"):
    way = how(case.definition, repeats)
    result = cx.transitions(case.log, case.definition, repeats=repeats)
    table = oracle.transitions(case.rows, **way)
    total = len(oracle.visits(case.rows, **way))
    numbers = {name: number for number, name in enumerate(case.definition.names, start=1)}
    numbers |= {"(start)": 0, "(end)": 0}
    assert len(result.frame) == len(table)
    for row in records(result.frame):
        line = table[numbers[row["from"]], numbers[row["to"]]]
        counts = row["count"], row["denominator"], row["customers"]
        assert counts == (line["count"], line["exits"], line["customers"])
        assert row["share"] == line["count"] / line["exits"]
        assert row["share_of_all"] == line["count"] / line["all"]
        assert row["per_customer"] == line["count"] / total
        assert same_time(row["dwell_mean"], case.time(line["mean"]))
        assert same_time(row["dwell_median"], case.time(line["median"]))
        assert close((row["lower"], row["upper"]), interval(line["interval"]))
        bounds = row["share_of_all_lower"], row["share_of_all_upper"]
        assert close(bounds, interval(line["interval_of_all"]))
    last = table and (row["from"], row["to"])
    assert not last or len(result.customers(*last)) == line["customers"]
    for figure, chosen in (
        (result.skip_share, lambda a, b: b > a + 1),
        (result.back_share, lambda a, b: b < a),
    ):
        hits, trials, bounds = oracle.between_share(case.rows, chosen, **way)
        assert (figure.numerator, figure.denominator) == (hits, trials)
        assert close((figure.lower, figure.upper), interval(bounds))
    stages = oracle.stage_visits(case.rows, case.n_stages, case.end, **way)
    ours = records(result.stages)
    for (visits, customers, dwell, censored), row in zip(stages, ours, strict=True):
        assert (row["visits"], row["customers"], row["censored"]) == (visits, customers, censored)
        assert same_time(row["dwell_median"], case.time(dwell))


def check_flow(case, positions=4, align="(start)", repeats="merged"):
    names = {name: number for number, name in enumerate(case.definition.names, start=1)}
    result = cx.flow(case.log, case.definition, positions, align=align, repeats=repeats)
    span = range(1 if align == "(start)" else -positions, 0 if align == "(end)" else positions + 1)
    way = how(case.definition, repeats)
    total, cells, links = oracle.flow(case.rows, span, names.get(align, align), **way)
    names |= {"(start)": "(start)", "(end)": "(end)"}
    assert result.visitors_total == total
    frame = records(result.frame)
    assert [row["position"] for row in frame] == [p for p in span for _ in range(len(frame) // len(span))]
    assert sum(row["count"] for row in frame) == total * len(span)
    for row in frame:
        count = cells.get((row["position"], names[row["stage"]]), 0)
        assert (row["count"], row["denominator"]) == (count, total)
        assert row["share"] == count / total if total else np.isnan(row["share"])
        assert close((row["lower"], row["upper"]), interval(oracle.wilson(count, total)))
    ours = {(row["position"], names[row["from"]], names[row["to"]]): row for row in records(result.links)}
    assert list(ours) == sorted(ours, key=lambda link: (link[0], place(link[1]), place(link[2])))
    assert {link: row["count"] for link, row in ours.items()} == {
        link: len(times) for link, times in links.items()
    }
    for link, times in links.items():
        timed = None not in times
        mean, middle = (oracle.mean(times), oracle.middle(times)) if timed else (None, None)
        assert same_time(ours[link]["dwell_mean"], case.time(mean))
        assert same_time(ours[link]["dwell_median"], case.time(middle))
    for (position, node), count in list(cells.items())[:2]:
        name = next(name for name, number in names.items() if number == node)
        assert len(result.customers(position, name)) == count
    matrix = result.matrix
    assert matrix.columns.tolist() == sorted({*span, 0})
    for name in matrix.index if total else ():
        own = {"(start)": "(start)", "(end)": "(end)"}.get(align)
        for position in matrix.columns:
            count = cells.get((position, names[name]), 0) if position in span else total * (name == own)
            assert matrix.loc[name, position] == count / total


def place(node):
    return {"(start)": 0, "(end)": 99}.get(node, node)


def check_variants(case, top=20, repeats="merged"):
    result = cx.variants(case.log, case.definition, top=top, repeats=repeats)
    funnel = cx.funnel(case.log, case.definition)
    names = case.definition.names
    entered, converted = (set(funnel.customers(name).index) for name in (names[0], names[-1]))
    found = oracle.variants(case.rows, **how(case.definition, repeats))
    total = sum(map(len, found.values()))
    assert (result.n_variants, result.visitors_total) == (len(found), total)
    ranked = sorted(found, key=lambda stages: (-len(found[stages]), len(stages), stages))
    groups = [found[stages] for stages in ranked[:top]]
    assert result.sequences == tuple(tuple(names[stage - 1] for stage in stages) for stages in ranked[:top])
    if ranked[top:]:
        groups.append([one for stages in ranked[top:] for one in found[stages]])
    frame = records(result.frame)
    assert len(frame) == len(groups)
    for number, (row, people) in enumerate(zip(frame, groups, strict=True)):
        who = {customer for customer, _ in people}
        assert (row["customers"], row["denominator"]) == (len(who), total)
        assert row["share"] == len(who) / total
        assert close((row["lower"], row["upper"]), oracle.wilson(len(who), total))
        assert same_time(row["duration_median"], case.time(oracle.middle([time for _, time in people])))
        hits, trials = len(who & converted), len(who & entered)
        assert (row["converted"], row["entrants"]) == (hits, trials)
        assert close((row["conversion"],), (hits / trials if trials else np.nan,))
        bounds = row["conversion_lower"], row["conversion_upper"]
        assert close(bounds, interval(oracle.wilson(hits, trials)))
        if number < len(result.sequences):
            sequence = result.sequences[number]
            assert (row["variant"], row["visits"]) == (" → ".join(sequence), len(sequence))
            assert set(result.customers(*sequence).index) == who
        else:
            assert row["variant"] == "(all others)"
            assert row["visits"] is pd.NA
