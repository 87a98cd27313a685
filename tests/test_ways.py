"""The ways to purchases by hand, under every engine: brands, what leads, what weighs, how customers move."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import engine
from cx_widgets.engine import BOUGHT, FIRST, LATER, Brands, Ways

ENGINES = engine.available()
JOURNEY = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"], "Enjoy": ["use"]})
X, Y, Z = range(3)
# Ann: first set X and Y, then X again and Z; buys X; later, having looked at Z, buys Z. What stands behind
# an order at its time is on no way. Bob buys Y having looked at nothing, X after an ad for X, and X; Cyd
# nothing.
ROWS = [
    ("Ann", 0, "ad", "X"),
    ("Ann", 1, "ad", "Y"),
    ("Ann", 2, "compare", None),
    ("Ann", 3, "compare", "X"),
    ("Ann", 4, "ad", "Z"),
    ("Ann", 5, "order", "X"),
    ("Ann", 5, "use", None),
    ("Ann", 6, "use", None),
    ("Ann", 7, "compare", "Z"),
    ("Ann", 8, "order", "Z"),
    ("Bob", 0, "order", "Y"),
    ("Bob", 1, "ad", "X"),
    ("Bob", 2, "order", "X"),
    ("Bob", 2, "order", "X"),
    ("Bob", 3, "use", None),
    ("Bob", 4, "order", "X"),
    ("Cyd", 0, "compare", "Y"),
    ("Cyd", 3, "ad", "Y"),
]


@pytest.fixture(params=ENGINES.values(), ids=ENGINES.keys())
def one(request):
    return request.param


def rows():
    log = log_of([row[:3] for row in ROWS], brand=[row[3] for row in ROWS])
    return engine.staged_rows(log, JOURNEY)


def asked(*, own=-1, purchases="all"):
    number = {"X": X, "Y": Y, "Z": Z, None: -1}
    codes = np.array([number[row[3]] for row in ROWS], dtype=np.int8)
    return Brands(codes, 3, (1,), (2,), (3,), own, purchases)


def told(tallies):
    return dict(zip(engine.WAYS, tallies.ways.tolist(), strict=True))


def test_brands_are_entries_by_what_they_were_on_the_way(one):
    tallies = one.brand_tallies(rows(), asked())
    # Ann: X first, later and bought, Y first, Z later, all of a whole way; then Z later and bought.
    # Bob: Y bought on a way without a look; X first and bought; X bought on a way without a look.
    kinds, whose = np.nonzero(tallies.entries)
    numbers = tallies.entries[kinds, whose].tolist()
    found = dict(zip(zip(kinds.tolist(), whose.tolist(), strict=True), numbers, strict=True))
    ann, bob = 0, 1
    assert found == {
        (8 + FIRST + LATER + BOUGHT, ann): 1,
        (8 + FIRST, ann): 1,
        (8 + LATER, ann): 1,
        (LATER + BOUGHT, ann): 1,
        (FIRST + BOUGHT, bob): 1,
        (0, bob): 2,
    }
    assert tallies.brands.sum(axis=1).tolist() == [3, 2, 2]
    assert tallies.of_customers(FIRST).tolist() == [2, 1, 0]
    assert tallies.of_customers(FIRST, BOUGHT).tolist() == [1, 0, 0]
    assert tallies.of_brands(BOUGHT, whole=True).tolist() == [1, 0, 0]


def test_ways_are_told_by_customer_and_by_which_purchases_count(one):
    every = told(one.brand_tallies(rows(), asked()))
    assert every["counted"] == [2, 3, 0]
    assert every["with_first"] == [1, 1, 0]
    assert every["whole"] == [1, 0, 0]
    # Ann goes from X to Z; Bob from Y to X, and from X to X.
    assert every["again"] == [1, 2, 0]
    assert every["switched"] == [1, 1, 0]
    assert every["own_first"] == every["own_lost"] == [0, 0, 0]
    repeated = told(one.brand_tallies(rows(), asked(purchases="repeat")))
    assert repeated["counted"] == [1, 2, 0]
    assert repeated["again"] == [1, 2, 0]
    own = told(one.brand_tallies(rows(), asked(own=Y, purchases="first")))
    assert own["counted"] == [1, 1, 0]
    assert (own["own_first"], own["own_lost"]) == ([1, 0, 0], [1, 0, 0])
    assert (own["again"], own["switched"]) == ([0, 1, 0], [0, 1, 0])


def test_what_closes_a_way_leads_where_nothing_else_is_touched_as_often(one):
    tallies = one.way_tallies(rows(), Ways((3,)))
    # Ann: ad, compare, ad leads with ad; use, compare do not lead. Bob: ad; use.
    assert tallies.touched.tolist() == [2, 2, 0]
    assert tallies.led.tolist() == [1, 2, 0]
    assert (tallies.after.tolist(), tallies.both.tolist(), tallies.weighed) == ([0, 0, 0], [0, 0, 0], 0)


@pytest.mark.parametrize("touch", [None, np.full(len(ROWS), -1)], ids=["stages", "a column"])
def test_visits_of_two_sides_weigh_on_ways_to_repeated_purchases(one, touch):
    tallies = one.way_tallies(rows(), Ways((3,), touch, after=(4,), before=(1, 2)))
    # Half Enjoy, half Evaluate; Consider alone; Enjoy alone.
    assert tallies.after.tolist() == [0.5, 1.0, 0.0]
    assert tallies.both.tolist() == [1.0, 2.0, 0.0]
    assert tallies.weighed == 3


def test_touches_may_be_the_values_of_a_column(one):
    # Ann: X, Y, X, Z on the first way, where X leads, and Z on the second; Bob: X.
    tallies = one.way_tallies(rows(), Ways((3,), asked().of_row.astype(np.int64)))
    assert tallies.touched.tolist() == [2, 1, 0]
    assert tallies.led.tolist() == [1, 1, 0]


def test_steps_and_stays_are_counted_by_customer(one):
    # Ann considers two days, evaluates two, considers one, buys, goes on to enjoy, back to evaluate for a
    # day, and buys: three days of each. Bob steps from Buy back to Consider, Cyd from Evaluate, after three
    # days.
    def moves(*stays):
        told = one.way_tallies(rows(), Ways((3,), stays=stays))
        return told.moved, told.bent, told.longer, told.shorter

    assert moves((1,), (2,)) == (3, 3, 0, 0)
    # Ann stays longer on Consider and Evaluate than on Enjoy, Bob as long.
    assert moves((1, 2), (4,)) == (3, 3, 1, 0)
    assert moves((4,), (1, 2)) == (3, 3, 0, 1)


def test_the_last_row_of_some_stages_is_known_by_its_time(one):
    log = log_of([row[:3] for row in ROWS])
    days = [7, 1, 3]
    ticks = [log.to_ticks(pd.Timedelta(days=day)) for day in days]
    assert one.last_in(engine.staged_rows(log, JOURNEY), (1, 2)).tolist() == ticks
    assert one.last_in(engine.staged_rows(log, JOURNEY), ()).tolist() == [-1, -1, -1]
