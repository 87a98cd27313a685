"""Curves from sorted times are the curves of `stats`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets import stats
from cx_widgets.metrics._ordered_survival import ordered_survival

subjects = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 5)), min_size=1, max_size=40
).map(sorted)


@given(subjects)
@settings(max_examples=60, deadline=None)
def test_median_and_bounds_are_those_of_the_curve(found):
    length, ended, _ = (np.array(part) for part in zip(*found, strict=True))
    curve, mine = stats.kaplan_meier(length, ended), ordered_survival(length, ended)
    assert list(mine.median()) == pytest.approx(list(curve.median), nan_ok=True)
    assert mine.survival[mine.events > 0] == pytest.approx(curve.survival)
    weighted = ordered_survival(length, ended, np.full(len(length), 0.25))
    assert weighted.survival == pytest.approx(mine.survival)


@given(subjects, st.floats(1, 4))
@settings(max_examples=60, deadline=None)
def test_a_design_effect_widens_the_bounds_like_the_band(found, effect):
    length, ended, _ = (np.array(part) for part in zip(*found, strict=True))
    wide = stats.widened(stats.kaplan_meier(length, ended), effect**0.5).median
    assert list(ordered_survival(length, ended).median(effect)) == pytest.approx(list(wide), nan_ok=True)


@given(subjects)
@settings(max_examples=60, deadline=None)
def test_the_design_effect_is_that_of_the_influences(found):
    length, ended, cluster = (np.array(part) for part in zip(*found, strict=True))
    curve, mine = stats.kaplan_meier(length, ended), ordered_survival(length, ended)
    if not ended.any():
        assert mine.effect(cluster, ended) == 1
        return
    at = curve.median.value if not np.isnan(curve.median.value) else curve.time[-1]
    moved = stats.kaplan_meier_influence(length, ended, at)
    together, apart = np.bincount(cluster, weights=moved), (moved**2).sum()
    expected = max((together**2).sum() / apart, 1.0) if apart > 0 else 1.0
    assert mine.effect(cluster, ended) == pytest.approx(expected)
    assert mine.effect(np.arange(len(length)), ended) == pytest.approx(1)


@pytest.mark.parametrize("name", ["rfm", "purchase_gaps", "revenue", "pain_points", "bad_experience"])
def test_the_order_of_the_rows_does_not_matter(name):
    rng = np.random.default_rng(6)
    df = pd.DataFrame(
        {
            "who": rng.integers(0, 60, 800),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.permutation(800), unit="h"),
            "what": rng.choice(["view", "order", "use"], 800),
            "paid": rng.gamma(2, 10, 800),
            "score": rng.integers(0, 11, 800),
        }
    ).sort_values("who", kind="stable")
    journey = cx.Definition({"Look": ["view"], "Buy": ["order"], "Enjoy": ["use"]}, window="3D")
    roles = {"customer": "who", "time": "when", "event": "what", "value": "paid", "score": "score"}
    # Customers keep their places, on which the samples of the bootstrap depend.
    mixed = df.groupby("who").sample(frac=1, random_state=1)
    first, second = (getattr(cx, name)(cx.EventLog(rows, **roles), journey).frame for rows in (df, mixed))
    pd.testing.assert_frame_equal(first, second)
