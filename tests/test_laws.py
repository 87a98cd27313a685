"""What must hold for every log and definition, whatever the numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import cx_widgets as cx

STAGES = ("One", "Two", "Three", "Four")
ROLES = ("consider", "evaluate", "buy", "advocate")
ORIGIN = pd.Timestamp("2026-01-01")
# Everybody who is only there so that every stage has an event, far before the rest.
BYSTANDERS = [(-1 - number, 0, number) for number in range(len(STAGES) + 1)]

rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 9), st.integers(0, len(STAGES))), min_size=1, max_size=30
)
windows = st.sampled_from([None, "1D", "2D", "4D"])
few = settings(max_examples=80)


def log_of(table, shift=0):
    customers, days, stages = zip(*BYSTANDERS, *table, strict=True)
    frame = pd.DataFrame(
        {
            "customer": customers,
            "time": ORIGIN + pd.to_timedelta(np.array(days) + shift, unit="D"),
            "event": [f"event {stage}" for stage in stages],
            "value": [float(stage * 10 + day) for day, stage in zip(days, stages, strict=True)],
        }
    )
    return cx.EventLog(frame, customer="customer", time="time", event="event", value="value")


def definition(window=None, stages=4):
    return cx.Definition(
        [
            cx.Stage(name, [f"event {number}"], role=role)
            for number, (name, role) in enumerate(zip(STAGES[:stages], ROLES, strict=False), start=1)
        ],
        window=window,
        retention_period="2D",
    )


def everything(log, journey):
    moves = cx.transitions(log, journey)
    loyal = cx.loyalty(log, journey)
    return [
        cx.funnel(log, journey).frame,
        moves.frame,
        moves.stages,
        cx.flow(log, journey).frame,
        cx.flow(log, journey).links,
        cx.flow(log, journey, align="(end)", repeats="kept").links,
        cx.transitions(log, journey, repeats="kept").frame,
        cx.variants(log, journey).frame,
        loyal.frame,
        loyal.retention,
        loyal.second_purchase,
        cx.figures(log, journey).frame,
    ]


def assert_same(first, second):
    for ours, theirs in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)


@given(rows, windows)
@few
def test_counts_never_rise_along_the_funnel(table, window):
    frame = cx.funnel(log_of(table), definition(window)).frame
    assert frame["reach"].is_monotonic_decreasing
    assert frame["conversion"].between(0, 1).all()
    assert (frame["conversion_lower"] <= frame["conversion"]).all()
    assert (frame["conversion"] <= frame["conversion_upper"]).all()
    assert (frame["open"] <= frame["reach"]).all()


@given(rows)
@few
def test_a_longer_window_never_lowers_the_reach_of_a_customer(table):
    log = log_of(table)
    reach = []
    for window in ("1D", "2D", "4D", None):
        customers = cx.funnel(log, definition(window)).customers(STAGES[0])
        reach.append(customers["reach"].cat.codes)
    for shorter, longer in pairwise(reach):
        assert (shorter <= longer).all()


@given(rows, windows, st.randoms(use_true_random=False))
@few
def test_the_order_of_rows_changes_nothing_not_even_between_equal_times(table, window, random):
    turned = list(table)
    random.shuffle(turned)
    assert_same(everything(log_of(table), definition(window)), everything(log_of(turned), definition(window)))


@given(rows, windows, st.permutations(range(5)))
@few
def test_who_is_who_changes_nothing(table, window, order):
    renamed = [(order[customer], day, stage) for customer, day, stage in table]
    assert_same(
        everything(log_of(table), definition(window)), everything(log_of(renamed), definition(window))
    )


@given(rows, windows)
@few
def test_when_everything_happened_changes_nothing(table, window):
    later = log_of(table, shift=4000)
    assert_same(everything(log_of(table), definition(window)), everything(later, definition(window)))


@given(rows, windows, st.integers(0, 4), st.integers(1, 9))
@few
def test_an_event_in_no_stage_changes_nothing_inside_the_observed_span(table, window, customer, day):
    # Of a customer of the log, for revenue is per customer of the log, and before the last event.
    end = max(time for _, time, _ in table)
    known = customer if customer in {who for who, _, _ in table} else table[0][0]
    more = [*table, (known, min(day, end), 0)]
    assert_same(everything(log_of(table), definition(window)), everything(log_of(more), definition(window)))


@given(rows, windows)
@few
def test_a_later_end_of_observation_moves_only_what_is_censored(table, window):
    log, longer = log_of(table), log_of([*table, (table[0][0], 50, 0)])
    before, after = cx.funnel(log, definition(window)).frame, cx.funnel(longer, definition(window)).frame
    pd.testing.assert_frame_equal(before.drop(columns="open"), after.drop(columns="open"))
    assert (after["open"] == 0).all()
    moves, later = cx.transitions(log, definition(window)), cx.transitions(longer, definition(window))
    pd.testing.assert_frame_equal(moves.frame, later.frame)
    counts = ["visits", "customers", "censored"]
    pd.testing.assert_frame_equal(moves.stages[counts], later.stages[counts])
    assert_same([cx.flow(log, definition(window)).frame], [cx.flow(longer, definition(window)).frame])
    same = ["buyers", "repeat_rate", "active_passive", "loyalty_loop", "revenue_per_customer"]
    loyal, later = (cx.loyalty(one, definition(window)).frame.loc[same] for one in (log, longer))
    pd.testing.assert_frame_equal(loyal, later)


@given(rows, windows, st.integers(1, len(STAGES) - 1))
@few
def test_later_stages_do_not_change_the_figures_of_earlier_ones(table, window, kept):
    log = log_of(table)
    whole = cx.funnel(log, definition(window)).frame.iloc[:kept]
    part = cx.funnel(log, definition(window, stages=kept)).frame
    # Whoever reached the last stage kept has converted there and is not open.
    pd.testing.assert_frame_equal(whole.drop(columns="open"), part.drop(columns="open"))
    assert part["open"].tolist()[:-1] == whole["open"].tolist()[:-1]


@given(rows, windows, st.integers(0, len(STAGES) - 2))
@few
def test_merging_two_neighbours_never_lowers_the_reach_of_the_stages_after(table, window, first):
    log, journey = log_of(table), definition(window)
    merged = journey.merge(STAGES[first], STAGES[first + 1])
    before = cx.funnel(log, journey).frame["reach"]
    after = cx.funnel(log, merged).frame["reach"]
    assert (after[list(STAGES[first + 2 :])] >= before[list(STAGES[first + 2 :])]).all()


@given(rows)
@few
def test_as_many_visits_begin_as_end(table):
    log = log_of(table)
    moves = cx.transitions(log, definition())
    arrivals, exits = moves.matrix.sum(axis=0), moves.matrix.sum(axis=1)
    assert exits["(start)"] == arrivals["(end)"] == moves.visitors_total
    for name in STAGES:
        assert arrivals[name] == exits[name] == moves.stages.loc[name, "visits"]
    assert np.allclose(moves.frame.groupby("from")["share"].sum(), 1)


@given(rows)
@few
def test_the_flow_adds_up_to_the_transitions(table):
    log = log_of(table)
    stream, moves = cx.flow(log, definition(), positions=40), cx.transitions(log, definition())
    links = stream.links.groupby(["from", "to"], observed=True)["count"].sum()
    for (origin, target), count in links.items():
        assert count == moves.matrix.loc[origin, target]
    assert links.sum() == moves.matrix.iloc[1:].to_numpy().sum()
    assert (stream.frame.groupby("position")["count"].sum() == moves.visitors_total).all()


@given(rows, windows)
@few
def test_a_definition_compared_with_itself_changes_exactly_nothing(table, window):
    log = log_of(table)
    frame = cx.compare(log, definition(window), definition(window)).frame
    defined = frame[frame["now"].notna()]
    assert (defined[["delta", "lower", "upper"]] == 0).all(axis=None)


@given(rows, windows, windows)
@few
def test_an_interval_holds_its_value(table, first, second):
    log = log_of(table)
    for frame in (cx.figures(log, definition(first)).frame, cx.loyalty(log, definition(first)).frame):
        bounded = frame.dropna(subset=["value", "lower", "upper"])
        assert (bounded["lower"] <= bounded["value"] + 1e-12).all()
        assert (bounded["value"] <= bounded["upper"] + 1e-12).all()
    changes = cx.compare(log, definition(first), definition(second)).frame.dropna(subset=["lower", "upper"])
    assert (changes["lower"] <= changes["delta"] + 1e-12).all()
    assert (changes["delta"] <= changes["upper"] + 1e-12).all()
