"""What holds between the figures of who converted, when, from where, and why not, for random logs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import random_case

import cx_widgets as cx

PLAIN = ("never", "before", "window", "open")


def cases(seed, stages=1, number=100):
    rng = np.random.default_rng([2026, seed])
    for _ in range(number):
        case = random_case(rng)
        if case.n_stages >= stages:
            yield case


def frame_of(case, rows, rename=lambda customer: customer):
    """Return the rows (customer, tick, stage) of a case as a frame with a column to break down by."""
    return pd.DataFrame(
        {
            "customer": [rename(row[0]) for row in rows],
            "time": [case.moment(row[1]) for row in rows],
            "event": [f"{row[2]} a" for row in rows],
            "kind": [f"kind {row[1] % 3}" for row in rows],
        }
    )


def log_of(frame):
    return cx.EventLog(frame, customer="customer", time="time", event="event")


def everything(log, definition):
    lost = cx.reasons(log, definition)
    groups = [
        cx.breakdown(log, definition, "kind", attribution=how, smallest=1)
        for how in ("first touch", "last touch", "at entry", definition.names[-1])
    ]
    curve = [cx.time_to_convert(log, definition)] if len(definition.names) > 1 else []
    return [
        lost.frame,
        *(cx.trend(log, definition, period=period).frame for period in "DWMQ"),
        *(group.frame for group in groups),
        *(group.funnels for group in groups),
        *(one.frame for one in curve),
        *(one.histogram for one in curve),
    ]


def same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        pd.testing.assert_frame_equal(mine, other)


def test_an_event_in_no_stage_changes_no_figure():
    for case in cases(41, number=25):
        if not case.rows:
            continue
        customer, tick, _ = case.rows[0]
        more = [*case.rows, (customer, tick, 0), (customer, case.end, 0)]
        ours, theirs = (log_of(frame_of(case, rows)) for rows in (case.rows, more))
        same(everything(ours, case.definition), everything(theirs, case.definition))


def test_the_order_of_customers_and_of_rows_is_of_no_consequence():
    rng = np.random.default_rng(42)
    for case in cases(42, number=25):
        mixed = [case.rows[n] for n in rng.permutation(len(case.rows))]
        # Rows of one stage at one time keep their order; here they are alike in everything.
        ours = log_of(frame_of(case, case.rows))
        theirs = log_of(frame_of(case, mixed, rename=lambda customer: 9 - customer))
        same(everything(ours, case.definition), everything(theirs, case.definition))


def test_all_of_them_count_the_same_entrants_conversions_and_open_customers():
    for case in cases(43):
        log, definition = log_of(frame_of(case, case.rows)), case.definition
        reach = cx.funnel(log, definition).frame["reach"]
        expected = (reach.iloc[0], reach.iloc[-1], cx.funnel(log, definition).open_customers)
        lost = cx.reasons(log, definition)
        still = lost.frame["customers"].xs("open", level="reason").sum() if case.n_stages > 1 else 0
        assert (lost.entrants, lost.converted, still) == expected
        for period in "DQ":
            periods = cx.trend(log, definition, period=period).frame
            assert tuple(periods[["entrants", "converted", "open"]].sum()) == expected
        groups = cx.breakdown(log, definition, "kind", attribution="at entry")
        assert (groups.frame["entrants"].sum(), groups.frame["converted"].sum()) == expected[:2]
        assert groups.funnels["open"].sum() == expected[2]
        if case.n_stages > 1 and case.window is not None:
            curve = cx.time_to_convert(log, definition)
            assert (curve.customers_total, curve.converted, curve.open) == expected


def test_with_nobody_open_the_curve_ends_at_the_conversion_and_else_above():
    ended = 0
    for case in cases(44, stages=2):
        result = cx.time_to_convert(case.log, case.definition)
        if result.converted:
            last = result.frame["share"].iloc[-1]
            conversion = cx.funnel(case.log, case.definition).frame["conversion"].iloc[-1]
            assert last >= conversion - 1e-12
            assert result.frame["share"].is_monotonic_increasing
            if not result.open:
                assert last == pytest.approx(conversion)
                ended += 1
    assert ended > 10


def test_a_window_longer_by_the_overshoot_and_no_shorter_one_lets_each_late_customer_through():
    late = 0
    for case in cases(45, stages=2, number=500):
        result = cx.reasons(case.log, case.definition)
        counts = result.frame["customers"].xs("window", level="reason")
        for name in counts.index[counts > 0]:
            table = result.customers(name, "window")
            for customer, over in table["overshoot"].items():
                window = case.definition.window + over
                longer = cx.funnel(case.log, case.definition.with_rules(window=window))
                assert customer in longer.customers(name).index
                shorter = case.definition.with_rules(window=window - pd.Timedelta(1, unit="ns"))
                assert customer not in cx.funnel(case.log, shorter).customers(name).index
                late += 1
    assert late > 20


def test_reasons_are_exclusive_and_every_customer_who_dropped_has_one():
    for case in cases(46, stages=2):
        funnel, result = cx.funnel(case.log, case.definition), cx.reasons(case.log, case.definition)
        for name in case.definition.names[1:]:
            dropped = list(funnel.customers(name, state="dropped").index)
            parts = [list(result.customers(name, reason).index) for reason in PLAIN]
            assert sorted(sum(parts, [])) == sorted(dropped)  # noqa: RUF017 - a handful
            assert [len(part) for part in parts] == result.frame.loc[name, "customers"].tolist()
