"""Reasons under special rules agree with the slow oracle, and what must hold whatever the rules."""

from __future__ import annotations

import os
from collections import Counter

import pandas as pd
import reasons_oracle
import rules_oracle as oracle
from hypothesis import HealthCheck, given, settings
from test_rules_against_oracle import (
    calendar_of,
    complete,
    definition_of,
    definitions,
    log_of,
    logs,
    oracle_rows,
    rule_of,
)

import cx_widgets as cx
from cx_widgets.metrics.reasons import possible

EXAMPLES = int(os.environ.get("CX_EXAMPLES", "1000"))
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
