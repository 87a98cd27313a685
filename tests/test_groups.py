from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cx_widgets.metrics import _groups

LONG = 2**50  # ticks; with a code of 2**20 no 64 bits hold both


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("largest", [3, 1000])
@pytest.mark.parametrize("ascending", [True, False])
@settings(max_examples=40)
@given(st.data())
def test_groups_have_their_mean_and_their_median(dtype, largest, ascending, data):
    pairs = data.draw(st.lists(st.tuples(st.integers(0, largest), st.integers(0, 2**31 - 1)), max_size=30))
    if ascending:
        pairs.sort(key=lambda pair: pair[0])
    check(pairs, dtype)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2**20]), st.integers(LONG - 5, LONG)), max_size=12))
def test_long_times_in_many_groups_are_sorted_apart(pairs):
    check(pairs, np.int64)


def test_many_groups_in_order_are_sorted_as_well():
    check([(code, tick) for code in range(_groups._FEW + 1) for tick in (code, 3, 0)], np.int64)


def check(pairs, dtype):
    found = defaultdict(list)
    for code, tick in pairs:
        found[code].append(tick)
    codes = np.array([code for code, _ in pairs], dtype=np.int64)
    ours = _groups.by_group(codes, np.array([tick for _, tick in pairs], dtype=dtype))
    assert ours.code.tolist() == sorted(found)
    for code, size, mean, middle in zip(*map(np.ndarray.tolist, ours), strict=True):
        assert size == len(found[code])
        assert mean == pytest.approx(float(Fraction(sum(found[code]), size)), rel=1e-15)
        assert middle == median(found[code])
