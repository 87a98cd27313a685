"""Markov chains from counts: the long run and the tests, by hand, against SciPy, and on a log."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

import cx_widgets as cx
from cx_widgets import chains
from cx_widgets.errors import CXError
from cx_widgets.removal_effects import transition_shares

few = settings(max_examples=60)
STAGES = {"Look": ["look"], "Try": ["try"], "Buy": ["buy"]}
NAMES = {"l": "look", "t": "try", "b": "buy", "x": "other"}


def log_of(*journeys):
    rows = [
        (f"c{number}", pd.Timestamp("2026-01-01") + pd.Timedelta(days=day), NAMES[letter])
        for number, journey in enumerate(journeys)
        for day, letter in enumerate(journey)
    ]
    frame = pd.DataFrame(rows, columns=["who", "when", "what"])
    return cx.EventLog(frame, customer="who", time="when", event="what")


def scipys(table, method):
    kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(kept.shape, default=0) < 2:
        return 0.0, 0
    likelihood = "pearson" if method == "pearson" else "log-likelihood"
    found = scipy_stats.chi2_contingency(kept, correction=False, lambda_=likelihood)
    return found.statistic, found.dof


def test_the_long_run_of_two_states_is_where_as_many_come_as_go():
    # 0.1 of the first go, 0.3 of the second come: three quarters against one.
    assert chains.steady_state([[0.9, 0.1], [0.3, 0.7]]) == pytest.approx([0.75, 0.25])


def test_states_that_are_only_passed_through_have_nothing_in_the_long_run():
    assert chains.steady_state([[0.0, 0.5, 0.5], [0, 0, 1], [0, 1, 0]]) == pytest.approx([0, 0.5, 0.5])
    assert chains.steady_state(np.zeros((0, 0))).tolist() == []


@few
@given(st.integers(0, 10_000))
def test_the_long_run_is_left_by_the_chain_as_it_is(seed):
    rng = np.random.default_rng(seed)
    table = transition_shares(rng.integers(0, 4, size=(4, 4)) + np.eye(4) * 0.5)
    try:
        found = chains.steady_state(table)
    except CXError:
        return
    assert found @ table == pytest.approx(found, abs=1e-12)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()


def test_a_chain_that_falls_apart_has_no_one_long_run():
    with pytest.raises(CXError, match=r"^the chain has 2 sets of states that it never leaves"):
        chains.steady_state([[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])


@pytest.mark.parametrize(
    "table", [[[0.5, 0.4], [0, 1]], [[1.0, 0.0]], [[2.0, -1.0], [0, 1]], [[np.nan]], [1.0]]
)
def test_what_is_no_chain_is_refused(table):
    with pytest.raises(CXError, match=r"^a chain is a square table of shares from 0 whose lines sum to 1"):
        chains.steady_state(table)


@few
@given(st.integers(0, 10_000), st.sampled_from(["pearson", "likelihood"]))
def test_the_tests_are_contingency_tables_added_up(seed, method):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 9, size=(3, 3, 3)) * (rng.random((3, 3, 3)) < 0.8)
    for found, tables in (
        (chains.order_test(counts, method), [counts[:, now, :] for now in range(3)]),
        (chains.homogeneity_test(counts, method), [counts[:, origin, :] for origin in range(3)]),
    ):
        statistic, freedom = map(sum, zip(*(scipys(table, method) for table in tables), strict=True))
        assert found.freedom == freedom
        if freedom:
            assert found.statistic == pytest.approx(statistic)
            assert found.p == pytest.approx(scipy_stats.chi2.sf(statistic, freedom))
        else:
            assert np.isnan([found.statistic, found.p]).all()


def test_a_transition_that_the_chain_rules_out_contradicts_it():
    found = chains.fit_test([[1, 9], [5, 5]], [[0, 1], [0.5, 0.5]])
    assert (found.statistic, found.freedom, found.p) == (np.inf, 1, 0.0)


def test_a_state_that_was_never_left_tests_nothing():
    found = chains.fit_test([[60, 40], [0, 0]], [[0.5, 0.5], [0.5, 0.5]], method="pearson")
    assert (found.statistic, found.freedom) == (pytest.approx(4), 1)
    nothing = chains.fit_test([[0, 0], [0, 0]], [[0.5, 0.5], [0.5, 0.5]])
    assert np.isnan([nothing.statistic, nothing.p]).all()


def test_triples_stay_inside_their_sequence():
    counts = chains.triples([0, 1, 1, 0, 1, 0], [0, 3], 2)
    assert counts[0, 1].tolist() == [1, 1]
    assert counts.sum() == 2
    assert chains.triples([], [], 2).sum() == 0
    assert chains.triples([0, 1], [0], 2).sum() == 0


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: chains.order_test([[1, 2], [3, 4]]), r"^the counts have 2 dimensions\. Give three"),
        (lambda: chains.homogeneity_test([[[-1]]]), r"^a count is below 0 or missing"),
        (lambda: chains.fit_test([[1, 2]], [[1.0]]), r"^counts of shape \(1, 2\) cannot be compared"),
        (
            lambda: chains.fit_test([[1, 2]], [[0.5, 0.5]], method="person"),
            r"^unknown method 'person'\. Did you mean 'pearson'\?",
        ),
    ],
)
def test_counts_that_say_nothing_are_refused(ask, sentence):
    with pytest.raises(CXError, match=sentence):
        ask()


# --- on the stages of a log -----------------------------------------------------------------------


def test_the_frame_has_the_visits_and_the_long_run_of_each_stage():
    # Look goes to Try twice and to Buy once, Try to Buy twice, Buy back to Look twice: in the long run
    # look = buy and try = 2/3 look, so 3/8, 2/8, 3/8.
    result = cx.stage_chain(log_of("ltbltb", "lbl"), cx.Definition(STAGES))
    assert result.frame["numerator"].tolist() == [4, 2, 3]
    assert result.frame["denominator"].tolist() == [9, 9, 9]
    assert result.frame["long_run"].tolist() == pytest.approx([3 / 8, 2 / 8, 3 / 8])
    assert result.frame["method"].unique().tolist() == ["Wilson 95%, clustered by customer"]
    assert (result.frame["lower"] < result.frame["value"]).all()


def test_a_journey_that_turns_by_where_it_came_from_is_seen_to_remember():
    remembers = cx.stage_chain(log_of(*["ltl"] * 30, *["btb"] * 30), cx.Definition(STAGES))
    # Through Try: 30 from Look to Look, 30 from Buy to Buy, where 15 of each were to be expected.
    table = remembers.triples.set_index(["before", "now", "next"])
    assert table.loc[("Look", "Try", "Look")].tolist() == [30, 15]
    assert table.loc[("Look", "Try", "Buy")].tolist() == [0, 15]
    # Try alone adds 60; Look and Buy as often lead on from the start as they end: 2 x 60.
    assert (remembers.memory.statistic, remembers.memory.freedom) == (pytest.approx(180), 3)
    assert "the stage before the one they are in matters, too (chi-squared 180.0, 3 degrees" in repr(
        remembers
    )


def test_journeys_without_a_turn_tell_nothing_of_memory():
    result = cx.stage_chain(log_of("ltb", "ltb"), cx.Definition(STAGES))
    assert np.isnan(result.memory.p)
    assert result.frame["long_run"].isna().all()
    assert result.note == "A stage is never left for another visit: there is no long run."
    assert "Whether the stage before matters cannot be told" in repr(result)


def test_repeats_that_are_kept_are_moves_of_a_stage_to_itself():
    result = cx.stage_chain(log_of("llb", "bl"), cx.Definition(STAGES).remove("Try"), repeats="kept")
    # Look to Look and to Buy once each, Buy to Look once.
    assert result.frame["long_run"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_few_triples_make_the_test_a_hint():
    result = cx.stage_chain(log_of("ltl", "btb", "lbt"), cx.Definition(STAGES))
    assert result.note.endswith("were expected fewer than 5 times: take the test as a hint.")


def test_stages_that_never_meet_have_no_one_long_run():
    stages = cx.Definition({**STAGES, "Other": ["other"]})
    result = cx.stage_chain(log_of("ltl", "bxb"), stages)
    assert "The stages fall into sets that are never left: there is no one long run." in result.note


def test_an_empty_log_has_no_chain():
    result = cx.stage_chain(log_of(), cx.Definition(STAGES))
    assert result.frame[["value", "lower", "upper", "long_run"]].isna().all(axis=None)
    assert np.isnan(result.memory.p)
    assert result.note == "Nobody went from one visit to another: there is no long run."


def test_shares_of_visits_are_those_of_the_transitions():
    log, journey = cx.datasets.complete_journey_log(), cx.datasets.complete_journey_definition()
    chain, moves = cx.stage_chain(log, journey), cx.transitions(log, journey)
    assert chain.frame["numerator"].tolist() == moves.stages["visits"].tolist()
    table = chain.triples.groupby(["now", "next"], sort=False)["count"].sum()
    for _, line in moves.frame[moves.frame["kind"] != "start"].iterrows():
        assert table[(line["from"], line["to"])] == line["count"]
