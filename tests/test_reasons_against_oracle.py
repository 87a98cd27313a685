"""Reasons under special rules agree with the slow oracle, and what must hold whatever the rules."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import reasons_oracle
import rules_oracle as oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_rules_against_oracle import (
    calendar_of,
    complete,
    definition_of,
    definitions,
    log_of,
    logs,
    name,
    oracle_rows,
    rule_of,
    span,
)

import cx_widgets as cx
from cx_widgets.metrics import _result
from cx_widgets.metrics._entries import entries, starts
from cx_widgets.metrics.reasons import possible
from cx_widgets.metrics.time_to_convert import _spells

EXAMPLES = int(os.environ.get("CX_EXAMPLES", "300"))
MANY = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def asked(rows, drawn):
    """Return log, definition, the oracle's rule, and its lines: (what was tried, what counts, open)."""
    rows = complete(rows)
    rule, truth = rule_of(drawn), oracle_rows(rows, drawn)
    found = reasons_oracle.subjects(truth, rule)
    end = max(second for _, second, *_ in rows) if drawn["end"] is None else drawn["end"]
    end = end, calendar_of(drawn, end)
    lines = [
        (every, counted, is_open(truth, counted, name, rule, end))
        for name, (lines, _) in found.items()
        for every, counted in lines
        if counted
    ]
    left = sum(number for _, number in found.values())
    return log_of(rows, drawn), definition_of(drawn), rule, lines, left


def is_open(rows, counted, name, rule, end):
    going = [tried.made for tried in counted if tried.made.met is None and not tried.made.replaced]
    if not going:
        return False
    last = max(going, key=lambda made: made.start)
    return oracle.may_go_on(rows, oracle.row_at(last.rows, last.start, rule), name, rule, end)


def expected(lines, rule):
    """Return (stage, reason, overshoot, places of possible causes) of every line that did not convert."""
    found = []
    for every, counted, still in lines:
        if any(tried.made.first[-1] is not None for tried in counted):
            continue
        missed, reason, over, causes = reasons_oracle.verdict(every, counted, rule)
        if still:
            reason, over, causes = "open", None, []
        found.append((f"Stage {missed - 1}", reason, over, frozenset(row.place for row in causes)))
    return found


@MANY
@given(logs(), definitions())
def test_every_line_has_the_reason_the_oracle_finds(rows, drawn):
    log, definition, rule, lines, left = asked(rows, drawn)
    result = cx.reasons(log, definition)
    truth = expected(lines, rule)
    assert (result.entrants, result.removed) == (len(lines), left)
    assert result.entrants - result.converted == len(truth)
    mine = []
    for stage in result.frame.index.get_level_values("stage").unique():
        table = result.customers(stage)
        mine += [
            (
                stage,
                reason,
                None if pd.isna(over) else over.total_seconds(),
                None if pd.isna(row) else int(row),
            )
            for reason, over, row in zip(table["reason"], table["overshoot"], table["cause_row"], strict=True)
        ]
    assert Counter(line[:3] for line in mine) == Counter(line[:3] for line in truth)
    # Who was stopped by a row: each of ours is one the oracle allows, one for one.
    for key in {line[:2] for line in mine}:
        ours = sorted((line[3] for line in mine if line[:2] == key), key=str)
        theirs = [line[3] for line in truth if line[:2] == key]
        assert one_for_one(ours, theirs), (key, ours, theirs)


def seconds(over):
    return None if pd.isna(over) else over.total_seconds()


def one_for_one(rows, allowed):
    if not rows:
        return not allowed
    fits = (
        place for place, some in enumerate(allowed) if (rows[0] in some if rows[0] is not None else not some)
    )
    return any(one_for_one(rows[1:], allowed[:place] + allowed[place + 1 :]) for place in fits)


@MANY
@given(logs(), definitions())
def test_reasons_partition_those_who_did_not_convert_under_every_rule(rows, drawn):
    log, definition = log_of(complete(rows), drawn), definition_of(drawn)
    result, funnel = cx.reasons(log, definition), cx.funnel(log, definition)
    frame = result.frame
    assert result.converted == funnel.frame["reach"].iloc[-1]
    assert frame["customers"].sum() == result.entrants - result.converted
    if "open" in possible(definition) and len(definition) > 1:
        assert frame["customers"].xs("open", level="reason").sum() == funnel.open_customers
    losses = frame["losses"].groupby(level="stage", sort=False).first()
    assert (frame["customers"].groupby(level="stage", sort=False).sum() == losses).all()
    everybody = [result.customers(stage) for stage in losses.index]
    assert sum(len(table) for table in everybody) == frame["customers"].sum()
    for stage, lost in losses.items():
        drop_off = int(funnel.frame.loc[stage, "drop_off"])
        assert lost == drop_off if drawn["reach"] == "closed" else lost <= drop_off
    counts = result.causes["customers"].groupby(level=["stage", "reason"]).sum()
    for (stage, reason), number in frame["customers"].items():
        if reason in ("excluded", "broken"):
            assert counts.get((stage, reason), 0) == number


@MANY
@given(logs(), definitions())
def test_every_line_has_the_entry_the_oracle_finds(rows, drawn):
    log, definition, _, lines, _ = asked(rows, drawn)
    log, definition = _result.check(log, definition)
    found = entries(log, definition)
    times = ticks_of(log, drawn, found.tick)
    assert Counter(times) == Counter(reasons_oracle.counted_entry(line[1]) for line in lines)
    assert (log.packed.ticks[found.row] == found.tick).all()
    periods = cx.trend(log, definition, period="D").frame
    reach = cx.funnel(log, definition)
    assert periods["entrants"].sum() == len(lines)
    assert periods["converted"].sum() == reach.frame["reach"].iloc[-1]
    assert periods["open"].sum() == reach.open_customers
    if drawn["count"] == "attempts":
        return
    begun = starts(log, definition)
    mine = Counter(zip(ticks_of(log, drawn, begun.tick), begun.converted.tolist(), strict=True))
    theirs = [(tried.made.start[0], tried.made.first[-1] is not None) for line in lines for tried in line[1]]
    # Without a walk every row of the first stage is a start, also those at one time.
    assert mine == Counter(theirs) or set(mine) == set(theirs)


def ticks_of(log, drawn, ticks):
    """Return ticks of the log as the oracle counts them."""
    one = span(drawn, 1)
    moments = log.timestamps(np.asarray(ticks, dtype=np.int64))
    return [round((moment - log.start) / one) for moment in moments]


@MANY
@given(logs(), definitions(), st.data())
def test_every_line_takes_the_time_the_oracle_finds(rows, drawn, data):
    if drawn["n"] == 1:
        return
    log, definition, rule, lines, _ = asked(rows, drawn)
    first = data.draw(st.integers(0, drawn["n"] - 2))
    last = data.draw(st.integers(first + 1, drawn["n"] - 1))
    if isinstance(rule.window, tuple) and rule.window[0] != "calendar":
        with pytest.raises(cx.CXError, match=r"closes with rows, at no time of its own"):
            cx.time_to_convert(log, definition)
        return
    end = max(second for _, second, *_ in complete(rows)) if drawn["end"] is None else drawn["end"]
    log, definition = _result.check(log, definition)
    spells = _spells(log, definition, first + 1, last + 1)
    one = span(drawn, 1) / pd.Timedelta(log.packed.tick_ns, unit="ns")
    mine = list(zip((spells.lasted / one).tolist(), spells.converted.tolist(), strict=True))
    simple = replace(rule, window=None) if isinstance(rule.window, tuple) else rule
    truth = [reasons_oracle.spell(line[1], simple, first, last, end) for line in lines]
    truth = [one for one in truth if one is not None]
    if isinstance(rule.window, tuple):
        # Where a window of the calendar cuts off is told by the calendar; who converted when, by the rows.
        assert Counter(time for time, done in mine if done) == Counter(
            time for some in truth for time, done in some if done
        )
    else:
        assert one_for_one(sorted(mine), truth), (mine, truth)
    result = cx.time_to_convert(log, definition, from_stage=name(first), to_stage=name(last))
    assert (result.customers_total, result.converted) == (len(truth), sum(done for _, done in mine))


@MANY
@given(logs(), definitions(), st.sampled_from(["first touch", "last touch", "at entry", "stage"]))
def test_groups_add_up_to_the_funnel_under_every_rule(rows, drawn, how):
    log, definition = log_of(complete(rows), drawn), definition_of(drawn)
    stage = definition.names[-1]
    result = cx.breakdown(log, definition, "device", attribution=stage if how == "stage" else how)
    funnel = cx.funnel(log, definition)
    totals = result.funnels.groupby(level="stage", sort=False)[["reach", "open"]].sum()
    if len(result.frame):
        pd.testing.assert_frame_equal(totals, funnel.frame[["reach", "open"]], check_dtype=False)
    assert result.frame["entrants"].sum() == cx.reasons(log, definition).entrants
    assert result.frame["converted"].sum() == funnel.frame["reach"].iloc[-1]
    bounded = result.frame.dropna(subset=["lower"])
    assert (bounded["lower"] <= bounded["conversion"] + 1e-12).all()
    assert (bounded["conversion"] <= bounded["upper"] + 1e-12).all()
    if how == "at entry" and drawn["hold"]:
        # Rows without a value fit no chain, and all others of one agree.
        assert "(missing)" not in result.frame.index
    for group, entrants in result.frame["entrants"].items():
        assert len(result.customers(group)) == entrants


@MANY
@given(logs(), definitions())
def test_every_timeline_agrees_with_the_matches_and_the_reasons(rows, drawn):
    log, definition = log_of(complete(rows), drawn), definition_of(drawn)
    funnel, result = cx.funnel(log, definition), cx.reasons(log, definition)
    matches = funnel.matches
    lost = {}
    for stage in result.frame.index.get_level_values("stage").unique():
        table = result.customers(stage)
        lost |= {who: (why, row) for who, why, row in zip(table.index, table["reason"], table["cause_row"])}  # noqa: B905
    # Of a column's values the customer says whose row it is.
    owner = list(matches.columns[: matches.columns.get_loc("stage")])
    owner = owner[1:] if drawn["unit"] == "column" else owner
    rows_of = matches.groupby(owner)["row"].apply(set).tolist()
    for who in funnel.customers(definition.names[0]).index:
        told = cx.timeline(log, definition, who)
        reason, cause = lost.get(who, ("converted", pd.NA))
        assert told.outcome == reason
        stopped = told.frame[told.frame["role"].isin(["excluded", "lay between"])]["row"].tolist()
        shown = set(told.frame.loc[told.frame["matched"], "row"])
        # An excluded event may be one of a stage, and its row a matched one.
        assert stopped == ([] if pd.isna(cause) or cause in shown else [cause])
        assert any(shown == found for found in rows_of)
        assert (told.ended_by == "conversion") == (told.outcome == "converted")
