"""Each engine, on one thread and many, gives the oracle's numbers, and literal ones at a million events."""

from __future__ import annotations

import inspect
import statistics
from itertools import pairwise

import numpy as np
import oracle
import pandas as pd
import pytest
from small_logs import random_case
from test_against_oracle import check_metrics
from test_engines_agree import NATIVE, answers, different

import cx_widgets as cx
from cx_widgets import engine
from cx_widgets.engine import _choice, _protocol

MILLION = 1_000_000
SECOND = pd.Timedelta("1s")
# As CX_WIDGETS_ENGINE and CX_WIDGETS_THREADS ask for them.
ASKED = {"numpy": ("numpy", "")}
ASKED |= {f"{name}, {n} threads": (name, str(n)) for name in NATIVE for n in (1, 3)}
ENGINES = {name: _choice._choose(*asked)[0] for name, asked in ASKED.items()}
each_engine = pytest.mark.parametrize("one", ENGINES.values(), ids=ENGINES.keys())


def packed_log(customer, second, name, names):
    """Return a log of customers and names by number and of seconds since 1970."""
    time = np.asarray(second).astype("M8[s]")
    event = pd.Categorical.from_codes(name, names)
    frame = pd.DataFrame({"who": customer, "at": time, "what": event})
    return cx.EventLog(frame, customer="who", time="at", event="what")


def letters(n_stages, **rules):
    return cx.Definition({f"Stage {i}": [name] for i, name in enumerate("abcdefgh"[:n_stages])}, **rules)


def asked(one, log, definition, *, by_row=False):
    """Return what an engine says about the totals, the moves and the purchases (at the last stage)."""
    n_stages = len(definition.stages)
    rows = engine.staged_rows(log, definition, by_row=by_row)
    window = definition.rules.window
    ticks = None if window is None else log.to_ticks(window)
    totals = one.totals(rows, ticks, 0 if ticks is None else ticks)
    return totals, one.moves(rows), one.purchases(rows, (n_stages,), (1,))


def moves_of(made):
    """Return how often each move was made, 0 for start and end, of those that were."""
    pairs = np.argwhere(made.count)
    return {(int(a), int(b)): int(made.count[a, b]) for a, b in pairs}


# A million events, counted by hand


@pytest.fixture(scope="module")
def round_and_round():
    """One customer who takes four stages in turn, a step each second."""
    turn = np.arange(MILLION)
    return packed_log(np.zeros(MILLION, np.int32), turn, turn % 4, list("abcd"))


@each_engine
def test_one_customer_of_a_million_events(one, round_and_round):
    totals, moves, purchases = asked(one, round_and_round, letters(4, window="3s"))
    assert totals.reach.tolist() == [1, 1, 1, 1]
    assert totals.open.tolist() == [0, 0, 0, 0]
    assert totals.median_since_entry[1:].tolist() == [1, 2, 3]
    assert totals.median_since_previous[1:].tolist() == [1, 1, 1]
    assert (totals.deepest.tolist(), totals.took.tolist()) == ([4], [3])
    quarter = MILLION // 4
    assert moves_of(moves) == {
        (0, 1): 1,
        (1, 2): quarter,
        (2, 3): quarter,
        (3, 4): quarter,
        (4, 1): quarter - 1,
        (4, 0): 1,
    }
    assert moves.squares[1, 2] == moves.products[1, 2] == quarter**2
    assert moves.of_all[1, 2] == quarter * (MILLION + 1)
    assert moves.backs == (quarter - 1, (quarter - 1) ** 2, (quarter - 1) * (MILLION - 1))
    assert moves.skips == (0, 0, 0)
    assert moves.every == (MILLION + 1, (MILLION + 1) ** 2, 1)
    assert moves.spells.medians[[1, 2, 3, 4, 4], [2, 3, 4, 1, 0]].tolist() == [1, 1, 1, 1, 0]
    assert moves.spells.staying[1:].tolist() == [1, 1, 1, 1]
    assert moves.spells.sums.sum() == MILLION - 1
    assert (purchases.tick == np.arange(3, MILLION, 4)).all()
    assert (purchases.repeat == (np.arange(quarter) > 0)).all()
    assert purchases.researched.all()


@each_engine
def test_one_customer_of_a_million_events_whose_window_is_a_second_too_short(one, round_and_round):
    totals, _, _ = asked(one, round_and_round, letters(4, window="2s"))
    assert totals.reach.tolist() == [1, 1, 1, 0]
    assert totals.deepest.tolist() == [3]


@pytest.fixture(scope="module")
def one_each():
    """A million customers with one event each: a, b, c in turn, one each second."""
    who = np.arange(MILLION)
    return packed_log(who, who, who % 3, list("abc"))


@each_engine
def test_a_million_customers_of_one_event(one, one_each):
    totals, moves, purchases = asked(one, one_each, letters(3, window="30s"))
    assert totals.reach.tolist() == [333_334, 0, 0]
    # The last customers came at 999,998 (c), 999,999 (a): starts after 999,969 are open.
    assert totals.open.tolist() == [10, 0, 0]
    assert np.isnan(totals.median_since_entry).all()
    assert np.isnan(totals.median_since_previous).all()
    assert (totals.deepest == (np.arange(MILLION) % 3 == 0)).all()
    assert (totals.took == -1).all()
    assert moves_of(moves) == {
        (0, 1): 333_334,
        (0, 2): 333_333,
        (0, 3): 333_333,
        (1, 0): 333_334,
        (2, 0): 333_333,
        (3, 0): 333_333,
    }
    assert moves.every == (2 * MILLION, 4 * MILLION, MILLION)
    assert moves.between == moves.backs == (0, 0, 0)
    assert int(moves.spells.sums.sum()) == MILLION * (MILLION - 1) // 2
    # Those of the first stage came at 0, 3 ... 999,999, and the log ends there.
    assert moves.spells.medians[1, 0] == 499_999.5
    assert np.isnan(moves.spells.staying).all()
    assert (purchases.customer == np.arange(2, MILLION, 3)).all()
    assert not purchases.repeat.any()
    assert not purchases.researched.any()


@pytest.fixture(scope="module")
def at_once():
    """Everything at one time, each of 250,000 customers from the last stage to the first."""
    row = np.arange(MILLION)
    return packed_log(row // 4, np.full(MILLION, 5), 3 - row % 4, list("abcd"))


@each_engine
def test_a_million_events_at_one_time_stand_in_the_order_of_their_stages(one, at_once):
    totals, moves, purchases = asked(one, at_once, letters(4, window="1s"))
    quarter = MILLION // 4
    assert totals.reach.tolist() == [quarter] * 4
    assert not totals.took.any()
    assert moves_of(moves) == dict.fromkeys(pairwise([0, 1, 2, 3, 4, 0]), quarter)
    assert len(purchases.tick) == quarter
    assert purchases.researched.all()


@each_engine
def test_a_million_events_at_one_time_stand_in_the_order_of_the_table_where_that_is_asked_for(one, at_once):
    totals, moves, purchases = asked(one, at_once, letters(4, window="1s"), by_row=True)
    quarter = MILLION // 4
    assert totals.reach.tolist() == [quarter, 0, 0, 0]
    assert moves_of(moves) == dict.fromkeys(pairwise([0, 4, 3, 2, 1, 0]), quarter)
    assert not purchases.researched.any()


@pytest.fixture(scope="module")
def one_at_once():
    """One customer with a million events at one time, from the last stage to the first."""
    stage = np.arange(MILLION)[::-1] * 4 // MILLION
    return packed_log(np.zeros(MILLION, np.int32), np.zeros(MILLION, np.int64), stage, list("abcd"))


@each_engine
def test_a_million_events_of_one_customer_at_one_time(one, one_at_once):
    totals, moves, purchases = asked(one, one_at_once, letters(4, window="1s"))
    assert totals.reach.tolist() == [1, 1, 1, 1]
    assert moves_of(moves) == dict.fromkeys(pairwise([0, 1, 2, 3, 4, 0]), 1)
    assert (purchases.tick.tolist(), purchases.researched.tolist()) == ([0], [True])


# Extreme times, names and stages, counted by hand


def at(*dates):
    return np.array(dates, "M8[s]").astype(np.int64)


@each_engine
def test_times_before_1970_and_after_2100(one):
    n = 1_000
    when = at("1915-03-01", "1969-12-31T23:59:59", "1970-01-01", "2101-01-01")
    log = packed_log(np.repeat(np.arange(n), 4), np.tile(when, n), np.tile(np.arange(4), n), list("abcd"))
    days = int((when[3] - when[0]) // 86_400)
    assert days == 67_877
    for window, reach in ((f"{days}D", n), (f"{days - 1}D", 0)):
        totals, moves, _ = asked(one, log, letters(4, window=window))
        assert totals.reach.tolist() == [n, n, n, reach]
        assert moves_of(moves) == dict.fromkeys(pairwise([0, 1, 2, 3, 4, 0]), n)
        assert (moves.spells.medians[2, 3], moves.spells.sums[2, 3]) == (1, n)
        assert totals.median_since_entry[2] == int(when[2] - when[0])


@each_engine
@pytest.mark.parametrize("n_names", [255, 256, 257, 300, 2_000])
def test_many_event_names(one, n_names):
    # Each customer has every name once, a minute apart; stage k has every fifth name from k on.
    names = [f"name {i:04}" for i in range(n_names)]
    n = 40
    log = packed_log(
        np.repeat(np.arange(n), n_names),
        np.tile(np.arange(n_names) * 60, n),
        np.tile(np.arange(n_names), n),
        names,
    )
    definition = cx.Definition({f"Stage {k}": names[k:-1:5] for k in range(5)}, window="4min")
    totals, moves, _ = asked(one, log, definition)
    assert totals.reach.tolist() == [n] * 5
    assert set(totals.took.tolist()) == {240}
    each = [len(range(k, n_names - 1, 5)) for k in range(5)]
    assert moves.count[:, 1:].sum(axis=0).tolist() == [n * size for size in each]
    assert [int(moves.count[a, b]) for a, b in pairwise([1, 2, 3, 4, 5])] == [n * size for size in each[1:]]
    # The last name lies in no stage, and the customer's last visit ends with the log.
    last = (n_names - 2) % 5 + 1, 0
    assert (moves.spells.medians[last], moves.spells.sums[last]) == (60, 60 * n)
    assert one.customers(engine.staged_rows(log, definition)).tolist() == [n] * 6


@each_engine
@pytest.mark.parametrize("n_stages", [8, 9, 40, 250])
def test_many_stages(one, n_stages):
    # Customer c goes as far as stage c + 1, a second for each.
    names = [f"name {i:04}" for i in range(n_stages)]
    who = np.repeat(np.arange(n_stages), np.arange(1, n_stages + 1))
    step = np.concatenate([np.arange(n) for n in range(1, n_stages + 1)])
    log = packed_log(who, step, step, names)
    definition = cx.Definition({f"Stage {k}": [name] for k, name in enumerate(names)})
    totals, moves, purchases = asked(one, log, definition)
    assert totals.reach.tolist() == list(range(n_stages, 0, -1))
    assert totals.deepest.tolist() == list(range(1, n_stages + 1))
    assert totals.took.tolist() == [-1] * (n_stages - 1) + [n_stages - 1]
    assert totals.median_since_entry[1:].tolist() == list(range(1, n_stages))
    expected = {(k, k + 1): n_stages - k for k in range(1, n_stages)} | {
        (k, 0): 1 for k in range(1, n_stages + 1)
    }
    assert moves_of(moves) == expected | {(0, 1): n_stages}
    assert purchases.customer.tolist() == [n_stages - 1]


# The oracle


def median_of(times):
    return statistics.median(times) if times else np.nan


def exactly(number):
    return pytest.approx(number, rel=0, abs=0, nan_ok=True)


def by_starts(rows, n_stages, window):
    """Return the levels of each customer as `oracle.funnel` does, from each start in turn: quicker."""
    answer = {}
    for customer, rows_of_one in oracle.by_customer(rows).items():
        events = sorted((time, stage) for time, stage in rows_of_one if stage)
        chains = []
        for place, (start, first) in enumerate(events):
            if first == 1:
                chain = [start]
                for time, stage in events[place:]:
                    if stage == len(chain) + 1 and (window is None or time - start <= window):
                        chain.append(time)
                chains.append(chain)
        levels = []
        for level in range(n_stages):
            able = [chain for chain in chains if len(chain) > level]
            if not able:
                break
            reached = min(chain[level] for chain in able)
            chain = max((chain for chain in able if chain[level] == reached), key=lambda chain: chain[0])
            levels.append((reached, chain[0], chain[max(level - 1, 0)]))
        answer[customer] = levels
    return answer


def test_chains_from_each_start_are_those_of_the_oracle():
    rng = np.random.default_rng(5)
    for _ in range(100):
        case = random_case(rng)
        truth = oracle.funnel(case.rows, case.n_stages, case.window, case.end)
        ours = by_starts(case.rows, case.n_stages, case.window)
        assert ours == {customer: one["levels"] for customer, one in truth.items()}


def few_long(rng):
    return rng.integers(0, 3, 400), rng.integers(0, 200, 400), rng.integers(0, 7, 400), 6


def many_short(rng):
    return np.arange(300), rng.integers(0, 50, 300), rng.integers(0, 4, 300), 3


def all_at_once(rng):
    return rng.integers(0, 40, 300), np.zeros(300, int), rng.integers(0, 6, 300), 5


def forty(rng):
    stage = np.clip(np.tile(np.arange(60), 20) + rng.integers(-2, 3, 1_200), 0, 40)
    return np.repeat(np.arange(20), 60), np.tile(np.arange(60) // 2, 20), stage, 40


def mixed(rng):
    who = np.append(rng.integers(1, 60, 400), np.zeros(150, int))
    return who, rng.integers(0, 90, 550), rng.integers(0, 9, 550), 8


@pytest.mark.parametrize("n_names", [50, 300, 2_000])
@pytest.mark.parametrize("clock", [1, 10**6, 40_000_000], ids=lambda seconds: f"ticks of {seconds:,} s")
@pytest.mark.parametrize(
    "shape", [few_long, many_short, all_at_once, forty, mixed], ids=lambda shape: shape.__name__
)
def test_every_engine_agrees_with_the_oracle(shape, clock, n_names):
    # With the longest clock from 1900 to as late as 2150, with 32 bits of ticks, with 64 and in between.
    rng = np.random.default_rng([n_names, clock % 97])
    who, tick, stage, n_stages = shape(rng)
    # Names in turn: each stage has several, and what lies in no stage too.
    names = [f"name {i:04}" for i in range(n_names)]
    of_stage = [np.flatnonzero(np.arange(n_names) % (n_stages + 1) == k) for k in range(n_stages + 1)]
    name = np.array([rng.choice(of_stage[k]) for k in stage])
    origin = int(at("1900-01-01")[0])
    log = packed_log(who, origin + tick * clock, name, names)
    there = set(log.event_names)
    definition = cx.Definition(
        {f"Stage {k}": [names[i] for i in of_stage[k] if names[i] in there] for k in range(1, n_stages + 1)}
    )
    first, last = int(tick.min()), int(tick.max())
    rows = list(zip(who.tolist(), (tick - first).tolist(), stage.tolist(), strict=True))
    order = log.customer_ids.tolist()
    for window in (None, 7):
        rules = definition.with_rules(window=None if window is None else window * clock * SECOND)
        truth = by_starts(rows, n_stages, window)
        levels = [[truth[c][k] for c in truth if len(truth[c]) > k] for k in range(n_stages)]
        table = oracle.transitions(rows)
        for one in ENGINES.values():
            totals, moves, _ = asked(one, log, rules)
            assert totals.reach.tolist() == [len(there) for there in levels]
            assert totals.deepest.tolist() == [len(truth[c]) for c in order]
            for k in range(1, n_stages):
                since = [clock * (reached - entered) for reached, entered, _ in levels[k]]
                assert totals.median_since_entry[k] == exactly(median_of(since))
                since = [clock * (reached - previous) for reached, _, previous in levels[k]]
                assert totals.median_since_previous[k] == exactly(median_of(since))
            assert moves_of(moves) == {pair: line["count"] for pair, line in table.items()}
            for (origin_stage, target), line in table.items():
                assert moves.customers[origin_stage, target] == line["customers"]
                if origin_stage and target:
                    spent = moves.spells.sums[origin_stage, target]
                    assert spent / line["count"] == pytest.approx(clock * float(line["mean"]))
                    assert moves.spells.medians[origin_stage, target] == clock * line["median"]
    assert last > first or shape is all_at_once


@each_engine
def test_metrics_agree_with_the_oracle_whichever_engine_counts(one):
    rng = np.random.default_rng(77)
    with engine.counting_with(one):
        for _ in range(12):
            check_metrics(random_case(rng))


def test_every_question_of_the_protocol_is_asked_of_every_engine():
    heard = set()

    class Listening:
        def __init__(self, one):
            self.one = one

        def __getattr__(self, name):
            heard.add(name)
            return getattr(self.one, name)

    case = random_case(np.random.default_rng(1))
    answers(Listening(ENGINES["numpy"]), case.log, case.definition)
    questions = {
        name for name, _ in inspect.getmembers(_protocol.Engine, inspect.isfunction) if name[0] != "_"
    }
    # Asked in tests of their own, those of special rules in test_engines_agree_under_rules.py.
    apart = {"ranked", "middles", "in_order", "attempts", "reasons"}
    assert questions - apart == heard
    assert apart <= questions


@pytest.mark.parametrize("make", ["round_and_round", "one_each", "at_once"])
def test_engines_agree_on_a_million_events(make, request):
    log = request.getfixturevalue(make)
    definition = letters(3, window="1h")
    rows = engine.staged_rows(log, definition)
    expected = ENGINES["numpy"].funnel(rows.coded(), 3_600)
    visits = ENGINES["numpy"].visits(rows.coded())
    for one in ENGINES.values():
        assert different(one.funnel(rows.coded(), 3_600), expected) is None
        assert different(one.visits(rows.coded()), visits) is None
