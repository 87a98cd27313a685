"""Rules of credit on plain paths: by hand, against published numbers, by their laws and by brute force."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cx_widgets import chains, removal_effects, shapley_values, touchpoints
from cx_widgets.errors import CXError

few = settings(max_examples=60)
NAMES = "abcd"
lines = st.tuples(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=6), st.integers(0, 4), st.integers(0, 4)
).filter(lambda line: line[1] + line[2] > 0)
logs = st.lists(lines, min_size=1, max_size=8)


def paths_of(log):
    return touchpoints.paths_of(*zip(*log, strict=True))[0]


def credits_of(paths, weights):
    return touchpoints.split(paths, weights, paths.conversions).tolist()


# --- by hand --------------------------------------------------------------------------------------

# a b a c converts three times, b once; c a is null and counts for no rule that looks at one path.
BY_HAND = paths_of([(["a", "b", "a", "c"], 3, 0), (["b"], 1, 0), (["c", "a"], 0, 5)])


def test_first_and_last_touch_take_all():
    assert credits_of(BY_HAND, touchpoints.first_weights(BY_HAND)) == [3, 1, 0]
    assert credits_of(BY_HAND, touchpoints.last_weights(BY_HAND)) == [0, 1, 3]


def test_the_last_touch_other_than_one_takes_all_unless_there_is_no_other():
    assert credits_of(BY_HAND, touchpoints.last_weights(BY_HAND, direct=2)) == [3, 1, 0]
    assert credits_of(BY_HAND, touchpoints.last_weights(BY_HAND, direct=1)) == [0, 1, 3]


def test_linear_credit_is_by_touch_and_counts_repeats():
    assert credits_of(BY_HAND, touchpoints.linear_weights(BY_HAND)) == [1.5, 0.75 + 1, 0.75]


def test_each_distinct_touchpoint_once_shares_equally():
    assert credits_of(BY_HAND, touchpoints.once_weights(BY_HAND)) == pytest.approx([1, 2, 1])


def test_position_credit_favours_both_ends():
    # 3 x (0.4 first + 0.1 in between), 3 x 0.1 + 1, 3 x 0.4.
    assert credits_of(BY_HAND, touchpoints.position_weights(BY_HAND)) == pytest.approx([1.5, 1.3, 1.2])
    assert credits_of(BY_HAND, touchpoints.position_weights(BY_HAND, 0.5)) == pytest.approx([1.5, 1, 1.5])


def test_weight_halves_with_every_half_life():
    paths = paths_of([(["a", "b", "c"], 7, 0)])
    # 0, 2 and 4 days: 1/4, 1/2 and 1 of 7/4.
    assert credits_of(paths, touchpoints.decay_weights(paths, [0, 2, 4], 2)) == pytest.approx([1, 2, 4])


def test_very_old_touches_do_not_make_weights_vanish():
    paths = paths_of([(["a", "b"], 1, 0)])
    assert credits_of(paths, touchpoints.decay_weights(paths, [-1e9, -1e9], 1)) == [0.5, 0.5]


def test_a_chain_of_second_order_remembers_two_touches():
    # After a, b converts; after c, b does not. To first order b converts half the time and a is worth half.
    paths = paths_of([(["a", "b"], 1, 0), (["c", "b"], 0, 1)])
    first, second = removal_effects.chain(paths), removal_effects.chain(paths, order=2)
    assert first.removal == pytest.approx([0.5, 1, 0.5])
    assert second.removal == pytest.approx([1, 1, 0])
    assert set(second.states) == {(0,), (2,), (0, 1), (2, 1)}
    assert (first.conversion, second.conversion) == pytest.approx((0.5, 0.5))


def test_removal_over_several_states_of_one_touchpoint_counts_paths_once():
    # States a, aa, ab, ba: all paths touch a, and b stands on half of those that convert.
    paths = paths_of([(["a", "a"], 1, 0), (["a", "b", "a"], 1, 0), (["a"], 0, 2)])
    fitted = removal_effects.chain(paths, order=2)
    assert fitted.conversion == pytest.approx(0.5)
    assert fitted.removal == pytest.approx([1, 0.5])


def test_without_conversions_removal_is_undefined():
    fitted = removal_effects.chain(paths_of([(["a"], 0, 3)]))
    assert fitted.conversion == 0
    assert np.isnan(fitted.removal).all()


def test_without_paths_there_is_no_chain():
    fitted = removal_effects.chain(touchpoints.paths_of([], [])[0])
    assert np.isnan(fitted.conversion)
    assert fitted.removal.tolist() == []
    assert shapley_values.shapley([0.0]).tolist() == []


# --- published ------------------------------------------------------------------------------------


def test_removal_effects_are_those_of_the_published_example():
    # serhiipuzyrov.com (2019), Markov chain attribution - simple explanation of removal effect: the table of
    # transitions is the page's, the removal effects are derived by hand from it.
    sequences = [["google ads"], ["mailing"], ["google ads", "mailing"], ["google ads"]]
    paths, names = touchpoints.paths_of(sequences, [2, 1, 1, 0], [0, 0, 0, 1])
    fitted = removal_effects.chain(paths)
    assert names == ("google ads", "mailing")
    assert fitted.transitions == pytest.approx(
        # to google ads, mailing, conversion, null; from google ads, mailing, start
        np.array([[0, 0.25, 0.5, 0.25], [0, 0, 1, 0], [0.8, 0.2, 0, 0]])
    )
    assert fitted.conversion == pytest.approx(0.8, abs=1e-9)
    assert fitted.removal == pytest.approx([0.75, 0.5], abs=1e-9)
    assert 4 * fitted.removal / fitted.removal.sum() == pytest.approx([2.4, 1.6], abs=1e-9)


def test_transitions_are_those_of_the_rain_of_alofi():
    # R package markovchain, data set rain (1,096 days without rain, with 1 to 5 mm, with 6 or more), its fit
    # by maximum likelihood.
    shares = removal_effects.transition_shares([[362, 126, 60], [136, 90, 68], [50, 79, 124]])
    assert shares == pytest.approx(
        np.array(
            [
                [0.6605839, 0.2299270, 0.1094891],
                [0.4625850, 0.3061224, 0.2312925],
                [0.1976285, 0.3122530, 0.4901186],
            ]
        ),
        abs=1e-6,
    )


def test_the_long_run_is_that_of_the_rain_of_alofi():
    # The same package's steadyStates of this fit.
    shares = removal_effects.transition_shares([[362, 126, 60], [136, 90, 68], [50, 79, 124]])
    assert chains.steady_state(shares) == pytest.approx([0.5008871, 0.2693656, 0.2297473], abs=1e-6)


def test_shapley_values_are_those_of_the_published_example():
    # tomgorb/misc, Data Driven Attribution.ipynb (35324b2), printed output: channels F, O, L.
    worth = {"": 0, "F": 0.2, "O": 0.1, "FO": 0.47, "L": 0.17, "FL": 0.67, "OL": 0.27, "FOL": 1.0}
    assert shapley_values.shapley(list(worth.values())) == pytest.approx([0.455, 0.205, 0.34], abs=5e-4)


# --- laws -----------------------------------------------------------------------------------------


@few
@given(logs, st.integers(0, 3))
def test_every_rule_gives_each_path_a_weight_of_one(log, seed):
    paths = paths_of(log)
    time = np.random.default_rng(seed).normal(size=len(paths.touch))
    for weights in (
        touchpoints.first_weights(paths),
        touchpoints.last_weights(paths),
        touchpoints.last_weights(paths, direct=0),
        touchpoints.linear_weights(paths),
        touchpoints.position_weights(paths, seed / 6),
        touchpoints.decay_weights(paths, time, 0.5),
        touchpoints.once_weights(paths),
    ):
        assert np.add.reduceat(weights, paths.begins) == pytest.approx(np.ones(len(log)))
        assert (weights >= 0).all()


@few
@given(logs, st.integers(1, 4))
def test_a_chain_of_any_order_converts_as_many_as_did(log, order):
    paths = paths_of(log)
    raw = paths.conversions.sum() / (paths.conversions + paths.nulls).sum()
    fitted = removal_effects.chain(paths, order)
    assert fitted.conversion == pytest.approx(raw)
    if raw > 0:
        assert (fitted.removal > -1e-12).all()
        assert (fitted.removal < 1 + 1e-12).all()
        assert fitted.removal.sum() >= 1 - 1e-9


@few
@given(logs, st.integers(2, 3))
def test_transitions_of_a_touchpoint_into_itself_change_no_removal_effect(log, times):
    paths = paths_of(log)
    longer = paths_of([([name for name in path for _ in range(times)], *ends) for path, *ends in log])
    assert removal_effects.chain(longer).removal == pytest.approx(
        removal_effects.chain(paths).removal, nan_ok=True
    )


@few
@given(logs)
def test_removal_effects_are_what_the_chain_loses_when_a_touchpoint_leads_to_null(log):
    paths = paths_of(log)
    fitted = removal_effects.chain(paths)
    n = len(fitted.states)
    for place, (touchpoint,) in enumerate(fitted.states):
        table = fitted.transitions.copy()
        table[:, place] = 0
        onward = np.linalg.solve(np.eye(n) - table[:n, :n], table[:n, n])
        left = table[n, :n] @ onward
        if fitted.conversion > 0:
            assert fitted.removal[touchpoint] == pytest.approx(1 - left / fitted.conversion)


games = st.integers(0, 5).flatmap(
    lambda n: st.lists(st.floats(-10, 10), min_size=2**n, max_size=2**n).map(lambda worth: [0.0, *worth[1:]])
)


@few
@given(games)
def test_shapley_values_are_the_mean_over_all_orders(worth):
    n = len(worth).bit_length() - 1
    added = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        there = 0
        for player in order:
            added[player] += worth[there | 1 << player] - worth[there]
            there |= 1 << player
    assert shapley_values.shapley(worth) == pytest.approx(added / len(orders), abs=1e-9)


@few
@given(games)
def test_shapley_values_add_up_to_the_worth_of_all(worth):
    assert shapley_values.shapley(worth).sum() == pytest.approx(worth[-1] if len(worth) > 1 else 0, abs=1e-9)


@few
@given(st.lists(st.floats(-10, 10), min_size=4, max_size=4))
def test_players_who_add_the_same_get_the_same_and_who_adds_nothing_gets_nothing(by_size):
    # Three players count by their number, the fourth adds nothing to anybody.
    worth = [by_size[(number & 7).bit_count()] for number in range(16)]
    values = shapley_values.shapley(worth)
    assert values[:3] == pytest.approx([values[0]] * 3, abs=1e-9)
    assert values[3] == pytest.approx(0, abs=1e-9)


@few
@given(logs)
def test_equal_parts_are_the_shapley_values_of_conversions(log):
    paths = paths_of(log)
    n = paths.n_touchpoints
    order = {name: place for place, name in enumerate(sorted({name for path, *_ in log for name in path}))}
    sets = [(sum(1 << order[name] for name in set(path)), made) for path, made, _ in log]
    worth = [sum(made for inside, made in sets if not inside & ~whole) for whole in range(2**n)]
    assert credits_of(paths, touchpoints.once_weights(paths)) == pytest.approx(
        shapley_values.shapley(worth), abs=1e-9
    )


@few
@given(logs)
def test_the_rate_of_a_set_is_that_of_the_paths_inside(log):
    paths = paths_of(log)
    order = sorted({name for path, *_ in log for name in path})
    for number, rate in enumerate(shapley_values.rate_of_sets(paths).tolist()):
        chosen = {name for place, name in enumerate(order) if number >> place & 1}
        inside = [(made, lost) for path, made, lost in log if set(path) <= chosen]
        made, lost = (sum(part) for part in zip(*inside, strict=True)) if inside else (0, 0)
        assert rate == pytest.approx(made / (made + lost) if made + lost else 0)


def test_drawn_orders_come_near_the_exact_values_and_add_up():
    random = np.random.default_rng(3)
    log = [
        (random.choice(list("abcdefgh"), size=random.integers(1, 6)).tolist(), *random.integers(1, 9, 2))
        for _ in range(40)
    ]
    paths = paths_of(log)
    exact = shapley_values.shapley(shapley_values.rate_of_sets(paths))
    drawn = shapley_values.sampled_shapley(paths, draws=3000, seed=5)
    assert (np.abs(drawn.values - exact) < 4 * drawn.errors).all()
    assert drawn.errors.max() < 0.01
    assert drawn.values.sum() == pytest.approx(exact.sum())
    again = shapley_values.sampled_shapley(paths, draws=3000, seed=5)
    assert again.values.tolist() == drawn.values.tolist()


def test_orders_of_more_touchpoints_than_a_number_has_bits_are_drawn_too():
    names = [f"{number:03}" for number in range(80)]
    paths, _ = touchpoints.paths_of([[name] for name in names] + [names], [1] * 81, [1] * 80 + [0])
    drawn = shapley_values.sampled_shapley(paths, draws=50, seed=1)
    assert drawn.values.sum() == pytest.approx(81 / 161)


# --- refusals -------------------------------------------------------------------------------------


def test_paths_that_say_nothing_are_refused():
    with pytest.raises(
        CXError, match=r"^2 paths have 1 numbers of conversions and 2 of null paths\. Give one"
    ):
        touchpoints.paths_of([["a"], ["b"]], [1])
    with pytest.raises(CXError, match=r"^path 1 has no touchpoint\. Leave it out"):
        touchpoints.paths_of([["a"], []], [1, 1])
    for made, lost in [(-1, 2), (0, 0), (1, -1), (np.nan, 1)]:
        with pytest.raises(CXError, match=r"must be 0 or more and not both 0\. Leave out paths"):
            touchpoints.paths_of([["a"]], [made], [lost])


def test_games_of_no_power_of_two_are_refused():
    with pytest.raises(CXError, match=r"2\^n numbers in a line, not 3\.$"):
        shapley_values.shapley([0, 1, 2])


def test_chains_that_are_too_large_or_remember_nothing_are_refused():
    names = [[f"{number:04}"] for number in range(2001)]
    large = touchpoints.paths_of(names, np.ones(2001))[0]
    with pytest.raises(
        CXError, match=r"has 2,001 states, more than 2,000\. Join touchpoints that are alike\.$"
    ):
        removal_effects.chain(large)
    with pytest.raises(CXError, match=r"^order must be a whole number from 1, not 0\. Say order=1\.$"):
        removal_effects.chain(BY_HAND, order=0)


def test_tables_in_parts_and_numbers_by_sorting_give_the_same(monkeypatch):
    rng = np.random.default_rng(5)
    sequences = [rng.choice(list("abcdef"), rng.integers(1, 9)).tolist() for _ in range(300)]
    made = rng.integers(0, 2, 300)
    paths = touchpoints.paths_of(sequences, made, 1 - made)[0]
    new = [place == touches.index(one) for touches in sequences for place, one in enumerate(touches)]
    whole = touchpoints.new_touches(paths).tolist(), removal_effects.chain(paths, order=3)
    assert whole[0] == new
    monkeypatch.setattr("cx_widgets.touchpoints._CELLS", 30)
    monkeypatch.setattr("cx_widgets.removal_effects._NUMBERS", 0)
    assert touchpoints.new_touches(paths).tolist() == new
    again = removal_effects.chain(paths, order=3)
    assert again.states == whole[1].states
    assert again.removal.tolist() == whole[1].removal.tolist()
