"""Laws of the loyalty figures on logs of every shape.

Others stand beside the rules they are about: Shapley's efficiency and symmetry, weights of a path, removal
effects and what a chain of touches converts in test_touchpoints.py, credits that add up in test_credit.py,
tones in test_attitude.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets import stats

few = settings(max_examples=60)
ORIGIN = pd.Timestamp("2026-01-05")  # a Monday
EVENTS = ("ad", "mail", "order", "rate")
STAGES = cx.Definition(
    [
        cx.Stage("Ad", ["ad"]),
        cx.Stage("Mail", ["mail"]),
        cx.Stage("Buy", ["order"]),
        cx.Stage("Tell", ["rate"]),
    ]
)
# Somebody does everything long before, so that every stage has an event.
BYSTANDER = [(-1, 0, event, 5) for event in EVENTS]
rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(20, 60), st.sampled_from(EVENTS), st.integers(0, 10)),
    max_size=40,
)


def log_of(table, bystander=BYSTANDER):
    frame = pd.DataFrame([*bystander, *table], columns=["who", "day", "what", "score"])
    frame["when"] = ORIGIN + pd.to_timedelta(frame.pop("day"), unit="D")
    frame["score"] = frame["score"].where(frame["what"] == "rate").astype(float)
    return cx.EventLog(frame, customer="who", time="when", event="what", score="score")


@few
@given(
    rows,
    st.sampled_from(["D", "W", "M", "3D"]),
    st.sampled_from(["Buy", "ad", cx.Stage("Everything", EVENTS)]),
)
def test_who_is_active_is_new_kept_or_back_and_who_was_is_kept_or_dormant(table, period, active):
    frame = cx.lifecycle(log_of(table), STAGES, period=period, active=active).frame
    came = frame["new"] + frame["returning"] + frame["resurrecting"]
    assert frame["active"].tolist() == came.tolist()
    before = frame["active"].shift(fill_value=0)
    assert (frame["returning"] + frame["dormant"]).tolist() == before.tolist()
    # Nobody is new twice, and nobody leaves more often than they came.
    meant = {"Buy": ["order"], "ad": ["ad"], "Everything": EVENTS}[
        active if isinstance(active, str) else active.name
    ]
    assert frame["new"].sum() == len({who for who, _, event, _ in [*BYSTANDER, *table] if event in meant})
    assert ((frame["new"] + frame["resurrecting"] - frame["dormant"]).cumsum() == frame["active"]).all()


@few
@given(st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_without_censoring_kaplan_meier_is_what_the_empirical_distribution_leaves(lasted):
    curve = stats.kaplan_meier(lasted, [True] * len(lasted))
    sample = np.array(lasted)
    left = [1 - (sample <= time).mean() for time in curve.time]
    assert curve.survival == pytest.approx(left, abs=1e-12)
    assert curve.time.tolist() == sorted(set(lasted))
    weighted = stats.weighted_kaplan_meier(lasted, [True] * len(lasted), [3] * len(lasted))
    assert weighted[1] == pytest.approx(left, abs=1e-12)


@few
@given(rows)
def test_touches_that_are_kept_or_merged_have_the_same_removal_effects(table):
    merged, kept = (
        cx.credit(log_of(table), STAGES, method="markov", repeats=repeats)
        .frame["removal_effect"]
        .sort_index()
        for repeats in ("merged", "kept")
    )
    assert merged.to_dict() == pytest.approx(kept.to_dict(), nan_ok=True)


@few
@given(rows, st.randoms(use_true_random=False))
def test_the_net_promoter_score_does_not_ask_for_the_order_of_the_rows(table, random):
    mixed = [*BYSTANDER, *table]
    random.shuffle(mixed)
    one, other = (
        cx.attitude(log_of(rows_, bystander=[]), STAGES).frame for rows_ in ([*BYSTANDER, *table], mixed)
    )
    pd.testing.assert_frame_equal(one, other)
