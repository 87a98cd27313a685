"""Every engine gives the numbers of the numpy one, on random small logs and on logs made to break engines."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pandas as pd
import pytest
from small_logs import random_case

import cx_widgets as cx
from cx_widgets import engine, stats
from cx_widgets.engine import RULES, Brands, Division, NativeEngine, NumpyEngine, Ways

NATIVE = {name: one for name, one in engine.available().items() if name != "numpy"}
pytestmark = pytest.mark.skipif(not NATIVE, reason="no compiled kernels were built for this machine")


def different(ours, theirs, where=""):
    """Return the first place where two answers differ; None where they are the same in number and kind."""
    if is_dataclass(theirs):
        names = [field.name for field in fields(theirs)]
        pairs = [(getattr(ours, name), getattr(theirs, name), f"{where}.{name}") for name in names]
    elif isinstance(theirs, tuple):
        if len(ours) != len(theirs):
            return where
        pairs = [(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(ours, theirs, strict=True))]
    elif isinstance(theirs, np.ndarray):
        both_nan = theirs.dtype.kind == "f"
        same = ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=both_nan)
        return None if same else where
    else:
        return None if ours == theirs else where
    return next((found for found in (different(*pair) for pair in pairs) if found), None)


def answers(one, log, definition):
    """Return what an engine says to every question."""
    window = definition.rules.window
    ticks = None if window is None else log.to_ticks(window)
    n_stages = len(definition.stages)
    stage_of_rows = definition.stage_of_rows(log)
    # As with real periods, no time of the log goes beyond 63 bits where it is counted in them.
    period = (2, 7) if log.packed.end_tick < 2**62 else (1, 4)
    place = np.arange(log.n_events)
    touched, spent = (place * 7 % 5 - 1).astype(np.int8), place / 4
    brand = (place * 5 % 4 - 1).astype(np.int8)
    brands = [
        Brands(brand, 3, (1,), (2,), (n_stages,), own, purchases)
        for own, purchases in ((-1, "all"), (1, "first"), (0, "repeat"))
    ]
    sides = {"after": (2,), "before": (1, 3)}
    ways = [
        Ways((n_stages,), None, **sides, stays=((1,), (2, 3))),
        Ways((1,), touched.astype(np.int64), **sides),
    ]
    said = []
    for by_row in (False, True) if log.packed.has_ties else (False,):
        rows = one.code(log.packed, stage_of_rows, n_stages, by_row=by_row)
        unordered = replace(engine.staged_rows(log, definition, by_row=by_row), coded=lambda rows=rows: rows)
        said += [
            rows,
            one.funnel(rows, ticks),
            one.visits(rows),
            one.visits(rows, merged=False),
            one.totals(unordered, ticks, 0 if ticks is None else ticks + 1),
            one.losses(unordered, ticks, 0 if ticks is None else ticks + 1),
            one.moves(unordered),
            one.moves(unordered, merged=False),
            one.purchases(unordered, (n_stages,), (1, 2)),
            one.buyers(unordered, (n_stages,), (1, 2), period),
            one.who(unordered, (1, n_stages)),
            one.customers(unordered),
            one.rows_in(unordered, (1, n_stages)).tolist(),
            one.rows_in(unordered, ()).tolist(),
            one.crossed(log.packed.codes, place.astype(np.uint16) % np.uint16(7), (2_000, 7)),
            one.crossed((log.packed.codes % 5).astype(np.uint8), (place % 3).astype(np.uint8), (5, 3)),
            one.journeys(unordered, unordered.stage_of_code == n_stages, None, None, merged=True),
            one.journeys(unordered, unordered.stage_of_code == 1, touched, spent, merged=False),
            one.journeys(
                unordered, unordered.stage_of_code == 1, touched.astype(np.int64), None, merged=True
            ),
            *(
                one.divided(division(one.journeys(unordered, goals, *of, merged=True), rules))
                for goals, of, rules in (
                    (unordered.stage_of_code == n_stages, (None, None), RULES),
                    (unordered.stage_of_code == 1, (touched, spent), RULES[2:4]),
                    (unordered.stage_of_code == 1, (touched, spent), ()),
                )
            ),
            *(one.brand_tallies(unordered, asked) for asked in brands),
            *(one.way_tallies(unordered, asked) for asked in ways),
            one.last_in(unordered, (1, n_stages)),
        ]
    return tuple(said)


def division(found, rules):
    """Return all that is asked of paths: every third of what is touched shares a line with others."""
    line = np.arange(int(found.touch.max(initial=0)) + 1) * 2 // 3
    most = int(line[-1])
    return Division(found, line, most + 1, rules, direct=min(1, most), ends=0.3, half_life=2.5, steps=True)


def log_of(customer, time, event):
    frame = pd.DataFrame({"customer": customer, "time": time, "event": event})
    unit = None if len(frame) == 0 or frame["time"].dtype.kind == "M" else "s"
    return cx.EventLog(frame, customer="customer", time="time", event="event", time_unit=unit)


def staged(n_stages, names, **rules):
    return cx.Definition({f"Stage {i}": [str(name)] for i, name in enumerate(names[:n_stages])}, **rules)


def seconds(n, rng, span=365 * 86_400):
    return rng.integers(0, span, n)


NAMES = np.array([f"event {i:04}" for i in range(2_000)])


def one_customer_of_many_events(rng):
    n = 60_000
    return log_of(np.zeros(n, int), seconds(n, rng), rng.choice(NAMES[:8], n)), staged(6, NAMES, window="30D")


def one_long_customer_among_short_ones(rng):
    customer = np.append(rng.integers(1, 3_000, 20_000), np.zeros(9_000, int))
    n = len(customer)
    return log_of(customer, seconds(n, rng), rng.choice(NAMES[:8], n)), staged(6, NAMES, window="30D")


def many_customers_of_one_event(rng):
    n = 30_000
    return log_of(np.arange(n), seconds(n, rng), rng.choice(NAMES[:3], n)), staged(3, NAMES, window="30D")


def everything_at_one_time(rng):
    n = 20_000
    customer = np.append(rng.integers(0, 50, n // 2), rng.integers(50, 9_000, n // 2))
    return log_of(customer, np.full(n, 5), rng.choice(NAMES[:6], n)), staged(5, NAMES, window="1s")


def few_times(rng):
    n = 30_000
    return (
        log_of(rng.integers(0, 2_000, n), seconds(n, rng, 20), rng.choice(NAMES[:9], n)),
        staged(8, NAMES, window="7s"),
    )


def before_1970_and_after_2100(rng):
    n = 20_000
    time = rng.integers(-3_000_000_000, 4_300_000_000, n)
    return log_of(rng.integers(0, 1_500, n), time, rng.choice(NAMES[:6], n)), staged(5, NAMES, window="9000D")


def forty_years(rng):
    # Ticks are still 32 bits wide, and more than the lanes take.
    n = 20_000
    return (
        log_of(rng.integers(0, 1_500, n), seconds(n, rng, 40 * 365 * 86_400), rng.choice(NAMES[:6], n)),
        staged(5, NAMES, window="3000D"),
    )


def microseconds(rng):
    n = 20_000
    time = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**13, n), unit="us")
    return log_of(rng.integers(0, 1_500, n), time, rng.choice(NAMES[:6], n)), staged(5, NAMES, window="3D")


def two_thousand_names(rng):
    n = 40_000
    stages = {f"Stage {i}": NAMES[i::9].tolist() for i in range(6)}
    log = log_of(rng.integers(0, 900, n), seconds(n, rng), rng.choice(NAMES, n))
    return log, cx.Definition(stages, window="60D")


def exactly_256_names(rng):
    n = 20_000
    stages = {f"Stage {i}": NAMES[i:256:7].tolist() for i in range(5)}
    log = log_of(
        rng.integers(0, 900, n), seconds(n, rng), np.append(NAMES[:256], rng.choice(NAMES[:256], n - 256))
    )
    return log, cx.Definition(stages, window="60D")


def forty_stages(rng):
    n = 40_000
    names = np.sort(rng.integers(0, 41, (n // 40, 40)), axis=1).ravel()
    return (
        log_of(np.repeat(np.arange(n // 40), 40), np.tile(np.arange(40), n // 40), NAMES[names]),
        staged(40, NAMES, window="39s"),
    )


def one_stage_more_than_lanes_hold(rng):
    n = 40_000
    return (
        log_of(rng.integers(0, 400, n), seconds(n, rng), rng.choice(NAMES[:10], n)),
        staged(9, NAMES, window="90D"),
    )


def conditions(rng):
    n = 20_000
    log = log_of(rng.integers(0, 900, n), seconds(n, rng), rng.choice(NAMES[:5], n))
    stages = [
        cx.Stage("First", [NAMES[0]], nth=1),
        cx.Stage("Later", [NAMES[0]], nth="2+"),
        cx.Stage("End", [NAMES[1]]),
    ]
    return log, cx.Definition(stages, window="90D")


def nothing_at_all(rng):  # noqa: ARG001 - like the others
    return log_of([], pd.to_datetime([]), []), cx.Definition({"A": ["a"], "B": ["b"]}, window="1D")


HARD = [
    one_customer_of_many_events,
    one_long_customer_among_short_ones,
    many_customers_of_one_event,
    everything_at_one_time,
    few_times,
    before_1970_and_after_2100,
    forty_years,
    microseconds,
    two_thousand_names,
    exactly_256_names,
    forty_stages,
    one_stage_more_than_lanes_hold,
    conditions,
    nothing_at_all,
]


@pytest.mark.parametrize("one", NATIVE.values(), ids=NATIVE.keys())
def test_engines_agree_on_random_small_logs(one):
    rng = np.random.default_rng(2026)
    for _ in range(300):
        case = random_case(rng)
        expected = answers(NumpyEngine(), case.log, case.definition)
        assert different(answers(one, case.log, case.definition), expected) is None


@pytest.mark.parametrize("make", HARD, ids=lambda make: make.__name__)
@pytest.mark.parametrize("window", [True, False])
def test_engines_agree_on_hard_logs(make, window, monkeypatch):
    log, definition = make(np.random.default_rng(7))
    if not window:
        definition = definition.with_rules(window=None)
    expected = answers(NumpyEngine(), log, definition)
    for one in NATIVE.values():
        assert different(answers(one, log, definition), expected) is None
    # Many threads on small parts.
    monkeypatch.setattr("cx_widgets.engine._workers.WORTH_SHARING", 100)
    many = NativeEngine(one.library, 3)
    assert different(answers(many, log, definition), expected) is None


@pytest.mark.parametrize("one", NATIVE.values(), ids=NATIVE.keys())
@pytest.mark.parametrize("n", [1, 2, 3, 10, 1_000, 50_000])
@pytest.mark.parametrize("most", [0, 1, 100, 2**24 + 3, 2**31 - 1])
def test_ranked_values_are_those_of_the_sorted_numbers(one, n, most):
    values = np.random.default_rng([n, most]).integers(0, most, n, endpoint=True).astype(np.int32)
    values[0] = most
    ranks = [0, (n - 1) // 2, n // 2, n - 1]
    assert one.ranked(values, ranks).tolist() == np.sort(values)[ranks].tolist()


@pytest.mark.parametrize("one", NATIVE.values(), ids=NATIVE.keys())
@pytest.mark.parametrize("every", [1, 2, 3])
def test_ranks_are_exact_where_a_sample_misleads(one, every):
    # Every fourth value, or so, is tiny: a sample that takes these alone knows nothing of the rest.
    values = np.random.default_rng(5).integers(10**6, 10**9, 16_384 * every).astype(np.int32)
    values[:: 4 * every] = 7
    ranks = [0, len(values) // 2, len(values) - 1]
    assert one.ranked(values, ranks).tolist() == np.sort(values)[ranks].tolist()


@pytest.mark.parametrize("one", NATIVE.values(), ids=NATIVE.keys())
def test_numbers_below_zero_are_ranked_too(one):
    values = np.array([3, -5, 0, -1, 2], np.int32)
    assert one.ranked(values, (0, 1, 2, 4)).tolist() == [-5, -1, 0, 3]
    assert [part.tolist() for part in one.middles(np.split(values, [2]))] == [[-5, 0], [3, 0]]


@pytest.mark.parametrize("one", NATIVE.values(), ids=NATIVE.keys())
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_middle_values_of_groups_are_those_of_the_sorted_groups(one, kind):
    rng = np.random.default_rng(3)
    sizes = np.append(rng.integers(1, 9, 300), 30_000)
    values = rng.integers(0, 50_000, sizes.sum()).astype(kind)
    groups = np.split(values, np.cumsum(sizes)[:-1])
    low, high = one.middles(groups)
    assert ((low.astype(float) + high) / 2).tolist() == [np.median(group) for group in groups]
    assert [len(part) for part in one.middles([])] == [0, 0]


@pytest.mark.parametrize("one", NATIVE.values(), ids=NATIVE.keys())
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_groups_are_put_in_order_and_left_as_they_were_given(one, kind):
    groups = [np.array(values, kind) for values in ([5, 0, 2**31 - 1, 5], [], [-3, 4, -7], [2**22, 1, 2**11])]
    expected = [[0, 5, 5, 2**31 - 1], [], [-7, -3, 4], [1, 2**11, 2**22]]
    assert [found.tolist() for found in one.in_order(groups)] == expected
    assert groups[0].tolist() == [5, 0, 2**31 - 1, 5]
    assert [found.tolist() for found in one.in_order([groups[0], groups[3]])] == [expected[0], expected[3]]


def stays(ended, censored, kind):
    """Return a log in which visits to "a" end after some ticks, or last until the end, and its stages."""
    n, longest = len(ended) + len(censored), int(max(ended.max(initial=0), censored.max(initial=0)))
    begins = np.append(np.zeros(len(ended), np.int64), longest - censored)
    who = np.append(np.arange(n), np.arange(len(ended)))
    tick = np.append(begins, ended)
    name = np.append(np.zeros(n, np.int64), np.ones(len(ended), np.int64))
    # Somebody who was never in "a" was seen last.
    who, tick, name = np.append(who, n), np.append(tick, longest), np.append(name, 1)
    moment = tick * (10**9 if kind is np.int32 else 1)
    frame = pd.DataFrame({"who": who, "at": pd.to_datetime(moment), "name": np.array(["a", "b"])[name]})
    log = cx.EventLog(frame, customer="who", time="at", event="name")
    assert log.packed.ticks.dtype == kind
    return log, cx.Definition({"A": ["a"], "B": ["b"]})


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("most", [3, 2_000, 2**30 - 3])
def test_how_long_visits_last_is_the_median_of_the_whole_curve(kind, most):
    rng = np.random.default_rng([4, most])
    sizes = [(1, 0), (0, 1), (1, 1), (3, 2), (40, 3), (7, 40), *rng.integers(0, 40, (12, 2)).tolist()]
    sizes += [(20_000, 5), (20_000, 47), (20_000, 60), (20_000, 9_000), (9_000, 20_000)]
    for n_ended, n_censored in sizes:
        if not n_ended + n_censored:
            continue
        ended, censored = (rng.integers(1, most, size, endpoint=True) for size in (n_ended, n_censored))
        if kind is np.int64:
            ended, censored = ended * (2**41 // most) + 1, censored * (2**41 // most) + 2
        elif most > 3:
            # The curve comes down to one half among the first cuts, too.
            censored[: n_censored // 2] = most // 1_000
        log, definition = stays(ended, censored, kind)
        rows = engine.staged_rows(log, definition)
        observed = np.arange(n_ended + n_censored) < n_ended
        curve = stats.kaplan_meier(np.append(ended, censored), observed)
        ours = [one.moves(rows).spells.staying[1] for one in (NumpyEngine(), *NATIVE.values())]
        expected = [curve.median.value] * len(ours)
        assert np.array_equal(ours, expected, equal_nan=True), (n_ended, n_censored, ours, expected)
