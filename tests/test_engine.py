from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import engine
from cx_widgets.engine import NumpyEngine
from cx_widgets.log import Packed

ENGINES = engine.available()


@pytest.fixture(params=ENGINES.values(), ids=ENGINES.keys())
def counting(request):
    return request.param


def staged(rows, n_stages):
    """Return rows (customer, tick, stage) not yet in order; they must be given by customer and tick."""
    customer, tick, stage = (np.array(column) for column in zip(*rows, strict=True))
    packed = Packed(
        offsets=np.append(0, np.cumsum(np.bincount(customer))),
        codes=stage.astype(np.uint8),
        ticks=tick.astype(np.int32),
        places=None,
        tick_ns=1,
        origin_ns=0,
        end_tick=int(tick.max()),
        has_ties=True,
    )
    table = np.arange(n_stages + 1, dtype=np.uint8)
    return engine.StagedRows(
        packed=packed,
        codes=packed.codes,
        stage_of_code=table,
        n_stages=n_stages,
        by_row=False,
        key=None,
        keep=lambda _, compute: compute(),
        coded=lambda: NumpyEngine().code(packed, packed.codes, n_stages),
    )


def coded(rows, n_stages, *, kind=np.int32, n_customers=None):
    """Return the coded rows of (customer, tick, stage), which must be given in order."""
    customer, tick, stage = (np.array(column) for column in zip(*rows, strict=True))
    return engine.CodedRows(
        customer=customer.astype(np.int32),
        tick=tick.astype(kind),
        stage=stage.astype(np.uint8),
        row=np.arange(len(rows), dtype=np.int32),
        n_customers=n_customers or int(customer.max()) + 1,
        n_stages=n_stages,
        end_tick=int(tick.max()),
    )


def test_coding_drops_rows_outside_stages_and_orders_stages_inside_ticks(counting):
    log = log_of([("a", 0, "z"), ("a", 0, "y"), ("a", 0, "x"), ("a", 1, "y"), ("b", 0, "q"), ("b", 2, "x")])
    stage_of_rows = cx.Definition({"X": ["x"], "Y": ["y"], "Z": ["z"]}).stage_of_rows(log)
    rows = counting.code(log.packed, stage_of_rows, 3)
    assert rows.stage.tolist() == [1, 2, 3, 2, 1]
    assert rows.row.tolist() == [2, 1, 0, 3, 5]
    assert rows.customer.tolist() == [0, 0, 0, 0, 1]
    assert (rows.tick / 86400).tolist() == [0, 0, 0, 1, 2]
    assert (rows.n_customers, rows.n_stages, rows.end_tick) == (2, 3, 2 * 86400)


def test_rows_of_one_stage_at_one_tick_keep_their_order(counting):
    log = log_of([("a", 0, "y"), ("a", 0, "x1"), ("a", 0, "x2"), ("a", 0, "y"), ("a", 0, "x1")])
    stage_of_rows = cx.Definition({"X": ["x*"], "Y": ["y"]}).stage_of_rows(log)
    assert counting.code(log.packed, stage_of_rows, 2).row.tolist() == [1, 2, 4, 0, 3]


def test_chains_carry_the_latest_start_and_the_earliest_way(counting):
    # Two starts; stage 2 twice after the second; stage 3 once.
    rows = coded([(0, 0, 1), (0, 1, 2), (0, 5, 1), (0, 6, 2), (0, 7, 2), (0, 8, 3)], 3)
    paths = counting.funnel(rows, None)
    assert paths.reach.tolist() == [3]
    assert [
        (int(level.reached[0]), int(level.entered[0]), int(level.previous[0])) for level in paths.levels
    ] == [
        (0, 0, 0),
        (1, 0, 0),
        (8, 5, 6),
    ]
    assert paths.last_entry.tolist() == [5]


def test_chains_never_cross_customers(counting):
    rows = coded([(0, 0, 1), (1, 1, 2), (2, 0, 1), (2, 1, 2)], 2)
    assert counting.funnel(rows, None).reach.tolist() == [1, 0, 2]


@pytest.mark.parametrize(("window", "reach"), [(0, 1), (9, 1), (10, 2), (None, 2)])
def test_a_row_exactly_a_window_after_the_start_is_inside(counting, window, reach):
    assert counting.funnel(coded([(0, 5, 1), (0, 15, 2)], 2), window).reach.tolist() == [reach]


def test_ticks_at_the_end_of_their_type_do_not_wrap(counting):
    top = int(np.iinfo(np.int32).max)
    for kind, ticks, window in ((np.int32, (0, top), top), (np.int64, (0, 2**62), 2**62)):
        rows = coded([(0, ticks[0], 1), (0, ticks[1], 2)], 2, kind=kind)
        assert counting.funnel(rows, window).reach.tolist() == [2]
        assert counting.funnel(rows, window - 1).reach.tolist() == [1]
        # A window of centuries is longer than any int32 tick.
        assert counting.funnel(rows, 2**62).reach.tolist() == [2]


def test_visits_are_runs_of_one_customer_in_one_stage(counting):
    rows = coded([(0, 0, 1), (0, 1, 1), (0, 2, 2), (0, 3, 1), (1, 4, 1), (1, 5, 1), (3, 6, 2)], 2)
    made = counting.visits(rows)
    assert made.customer.tolist() == [0, 0, 0, 1, 3]
    assert made.stage.tolist() == [1, 2, 1, 1, 2]
    assert made.start.tolist() == [0, 2, 3, 4, 6]
    assert made.first.tolist() == [True, False, False, True, True]
    assert made.last.tolist() == [False, False, True, True, True]


def test_purchases_are_distinct_ticks_in_buying_stages(counting):
    # Stage 1 researches, stages 2 and 3 buy; the same tick in both is one purchase.
    rows = staged(
        [(0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 4, 3), (0, 5, 1), (0, 5, 2), (1, 5, 2), (1, 6, 1), (1, 9, 3)], 3
    )
    made = counting.purchases(rows, buying=(2, 3), researching=(1,))
    assert made.customer.tolist() == [0, 0, 0, 1, 1]
    assert made.tick.tolist() == [0, 4, 5, 5, 9]
    assert made.repeat.tolist() == [False, True, True, False, True]
    assert made.researched.tolist() == [True, False, True, False, True]


def test_nothing_in_any_stage_is_an_answer_too(counting):
    log = log_of([("a", 0, "q"), ("b", 1, "q")])
    rows = counting.code(log.packed, np.zeros(2, np.uint8), 3)
    assert counting.funnel(rows, 5).reach.tolist() == [0, 0]
    assert len(counting.visits(rows).stage) == 0
    nothing = replace(staged([(0, 0, 1), (1, 1, 1)], 1), stage_of_code=np.zeros(2, np.uint8), n_stages=3)
    nothing = replace(nothing, coded=lambda: rows)
    assert len(counting.purchases(nothing, (1,), (2,)).tick) == 0
    assert counting.totals(nothing, 5, 5).reach.tolist() == [0, 0, 0]
    assert counting.moves(nothing).count.tolist() == [[0] * 4] * 4
    assert counting.customers(nothing).tolist() == [2, 0, 0, 0]


def test_the_most_stages_there_can_be_are_counted_right():
    names = [f"e{number:03}" for number in range(250)]
    log = log_of([("a", day, name) for day, name in enumerate(names)] + [("a", 250, "e000")])
    definition = cx.Definition({f"Stage {name}": [name] for name in names})
    assert cx.funnel(log, definition).frame["reach"].tolist() == [1] * 250
    moves = cx.transitions(log, definition)
    assert len(moves.frame) == 252
    assert moves.frame["kind"].value_counts().to_dict() == {"forward": 249, "start": 1, "back": 1, "end": 1}
    assert moves.customers("Stage e249", "Stage e000").index.tolist() == ["a"]
    assert cx.flow(log, definition, positions=300).frame["count"].sum() == 300


def test_answers_do_not_depend_on_names_roles_or_other_rules():
    log = log_of([("a", 0, "x"), ("a", 1, "y")])
    definition = cx.Definition({"X": ["x"], "Y": ["y"]})
    same = definition.rename("X", "First").set_role("Y", "buy").with_rules(window="3D", retention_period="7D")
    assert engine.coded_rows(log, definition) is engine.coded_rows(log, same)
    assert engine.visits(log, definition) is engine.visits(log, same)
    assert engine.funnel_paths(log, definition) is not engine.funnel_paths(log, same)


def test_only_the_last_few_long_answers_are_kept():
    log = log_of([("a", day, name) for day, name in enumerate("vwxyz")])
    definitions = [cx.Definition({"One": [first], "Two": ["z"]}) for first in "vwxy"]
    answers = [engine.coded_rows(log, definition) for definition in definitions]
    assert engine.coded_rows(log, definitions[3]) is answers[3]
    assert engine.coded_rows(log, definitions[1]) is answers[1]
    assert engine.coded_rows(log, definitions[0]) is not answers[0]


def test_the_log_is_left_as_it_was():
    log = log_of([("a", 0, "y"), ("a", 0, "x"), ("b", 1, "y")])
    before = [np.array(array) for array in (log.packed.ticks, log.packed.codes, log.packed.rows)]
    definition = cx.Definition({"X": ["x"], "Buy": ["y"]}, window="1D")
    for metric in (cx.funnel, cx.transitions, cx.flow, cx.loyalty, cx.figures):
        metric(log, definition)
    after = [log.packed.ticks, log.packed.codes, log.packed.rows]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
