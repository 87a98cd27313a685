"""Purchases divided by hand, under every engine."""

from __future__ import annotations

import numpy as np
import pytest

from cx_widgets import engine
from cx_widgets.engine import RULES, Division, Journeys

ENGINES = engine.available()
# Touches of lines 0, 1, 2. Path 1: 0 1 0 2 to a first purchase worth 8; path 2: 1, not ended; path 3: 2 1 to
# a repeated purchase worth 4; purchase 0, a first one worth 1, has no path.
FOUND = Journeys(
    touch=np.array([5, 6, 5, 7, 6, 7, 6], dtype=np.int32),
    tick=np.array([0, 1, 2, 3, 0, 1, 2], dtype=np.int32),
    begins=np.array([0, 4, 5]),
    purchase=np.array([1, -1, 2]),
    later=np.array([False, True, True]),
    repeat=np.array([False, False, True]),
    value=np.array([1.0, 8.0, 4.0]),
)
LINE = np.array([0, 0, 0, 0, 0, 0, 1, 2])


@pytest.fixture(params=ENGINES.values(), ids=ENGINES.keys())
def got(request):
    asked = Division(FOUND, LINE, 3, RULES, direct=2, ends=0.4, half_life=1.0, steps=True)
    return request.param.divided(asked)


@pytest.mark.parametrize(
    ("rule", "first", "repeat"),
    [
        ("first", [1, 0, 0], [0, 0, 1]),
        ("last", [0, 0, 1], [0, 1, 0]),
        ("last non-direct", [1, 0, 0], [0, 1, 0]),
        ("linear", [0.5, 0.25, 0.25], [0, 0.5, 0.5]),
        ("position", [0.5, 0.1, 0.4], [0, 0.5, 0.5]),
        # Weights 1/8, 1/4, 1/2, 1 of 15/8, and 1/2, 1 of 3/2.
        ("time decay", [5 / 15, 2 / 15, 8 / 15], [0, 2 / 3, 1 / 3]),
        ("shapley", [1 / 3, 1 / 3, 1 / 3], [0, 0.5, 0.5]),
    ],
)
def test_each_rule_divides_purchases_and_their_worth(got, rule, first, repeat):
    place = RULES.index(rule)
    credit = [np.add(first, repeat), first, repeat]
    worth = [np.multiply(first, 8) + np.multiply(repeat, 4), np.multiply(first, 8), np.multiply(repeat, 4)]
    assert got.credit[place] == pytest.approx(np.array(credit))
    assert got.earned[place] == pytest.approx(np.array(worth))


def test_purchases_count_the_touchpoints_on_their_path_once(got):
    assert got.stood.tolist() == [[1, 2, 2], [1, 1, 1], [0, 1, 1]]


def test_steps_lead_from_the_start_to_a_purchase_or_to_nothing(got):
    # To lines 0, 1, 2, to a purchase, to nothing; the last line is the start.
    assert got.steps[0].tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 0]]
    assert got.steps[1].tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 1, 0, 0, 0], [0, 1, 1, 0, 0]]


@pytest.mark.parametrize("one", ENGINES.values(), ids=ENGINES.keys())
def test_no_paths_and_no_lines_divide_nothing(one):
    kinds = (np.int32, np.int32, np.int64, np.int64, bool, bool, float)
    empty = Journeys(*(np.zeros(0, dtype=kind) for kind in kinds))
    got = one.divided(Division(empty, np.zeros(0, dtype=np.int64), 0, RULES, steps=True))
    assert got.credit.shape == got.earned.shape == (len(RULES), 3, 0)
    assert got.steps.tolist() == [[[0, 0]], [[0, 0]]]
