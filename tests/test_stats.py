from __future__ import annotations

import numpy as np
import oracle
import pytest
from scipy import stats as scipy_stats

from cx_widgets import stats
from cx_widgets.stats import Estimate

# 6-mercaptopurine in acute leukaemia, weeks in remission: Freireich et al. (1963); the published table is in
# test_reference_values.py.
TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
TREATED_CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


def treated():
    return TREATED + TREATED_CENSORED, [True] * len(TREATED) + [False] * len(TREATED_CENSORED)


@pytest.mark.parametrize(
    ("hits", "trials", "lower", "upper"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_gives_the_published_bounds(hits, trials, lower, upper):
    assert [float(bound) for bound in stats.wilson(hits, trials)] == pytest.approx([lower, upper], abs=1e-4)


def test_wilson_agrees_with_scipy_at_other_levels():
    for level in (0.8, 0.99):
        theirs = scipy_stats.binomtest(7, 31).proportion_ci(level, method="wilson")
        assert stats.wilson(7, 31, level) == pytest.approx(tuple(theirs))


def test_wilson_takes_arrays_and_leaves_nothing_of_nothing_undefined():
    lower, upper = stats.wilson([0, 5, 0], [5, 5, 0])
    assert lower[0] == 0.0
    assert upper[1] == 1.0
    assert np.isnan([lower[2], upper[2]]).all()


def test_positive_correlation_narrows_a_difference_and_negative_widens_it():
    first, second = Estimate(0.6, 0.5, 0.7), Estimate(0.5, 0.4, 0.6)
    widths = [
        (change := stats.mover(first, second, r)).upper - change.lower for r in (-1.0, -0.5, 0.0, 0.5, 1.0)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(0.4)
    assert widths[-1] == pytest.approx(0.0, abs=1e-12)


def test_an_open_end_opens_only_the_bounds_that_need_it():
    change = stats.mover(Estimate(5.0, 4.0, np.nan), Estimate(3.0, 2.0, 3.5))
    assert change.value == 2.0
    assert change.lower == pytest.approx(2 - np.hypot(1, 0.5))
    assert np.isnan(change.upper)


def test_undefined_sides_make_an_undefined_difference():
    change = stats.mover(stats.share(0, 0), stats.share(1, 2))
    assert np.isnan(change).all()


def test_odds_of_a_certain_share_are_undefined():
    assert np.isnan(stats.odds(Estimate(1.0, 0.5, 1.0))[0])
    assert stats.odds(Estimate(0.75, 0.5, 0.8)) == pytest.approx((3.0, 1.0, 4.0))


def clustered(hits, trials):
    y, x = np.array(hits, float), np.array(trials, float)
    lower, upper = stats.clustered_wilson(
        y.sum(), x.sum(), success_squares=y @ y, products=y @ x, trial_squares=x @ x, clusters=(x > 0).sum()
    )
    return float(lower), float(upper)


def test_clusters_of_one_are_the_plain_interval():
    plain = tuple(float(bound) for bound in stats.wilson(3, 7))
    assert clustered([1, 1, 1, 0, 0, 0, 0], [1] * 7) == pytest.approx(plain)


def test_customers_who_do_the_same_every_time_count_at_most_once():
    # 40 trials are worth 4; less, since their spread is known from 4 customers: 3/4 over 39/40, and
    # Student's t at 97.5 % with 39 degrees of freedom over that with 3, squared.
    worth = 4 * (0.75 / 0.975) * (2.02269092 / 3.18244631) ** 2
    plain = tuple(float(bound) for bound in stats.wilson(worth / 4, worth))
    assert clustered([10, 0, 0, 0], [10, 10, 10, 10]) == pytest.approx(plain)


def test_clusters_without_spread_count_as_many_as_they_are():
    assert clustered([5, 5, 5], [10, 10, 10]) == pytest.approx(oracle.wilson(1.5, 3))
    assert clustered([7], [9]) == pytest.approx(oracle.wilson(7 / 9, 1))
    assert clustered([0, 0], [4, 4])[0] == 0.0


def test_customers_more_alike_than_chance_makes_them_are_worth_more_than_their_trials():
    # 1 of 2 for all customers but one: the spread around 0.6 is 4 * 0.2^2 + 0.8^2 = 0.8, so they are worth
    # 0.24 * 100 / 0.8 = 30 trials, less what five customers know of it: 4/5 over 9/10, and t with 9 degrees
    # of freedom over t with 4.
    hits, trials = [1, 1, 1, 1, 2], [2, 2, 2, 2, 2]
    worth = 30 * (0.8 / 0.9) * (2.26215716 / 2.77644511) ** 2
    plain = tuple(float(bound) for bound in stats.wilson(0.6 * worth, worth))
    assert clustered(hits, trials) == pytest.approx(plain)
    assert worth > 10


def test_the_level_has_a_part_in_what_few_clusters_are_worth():
    sums = {"success_squares": 6, "products": 7, "trial_squares": 9, "clusters": 3}
    worth = [float(stats.effective_counts(4, 5, **sums, level=level)[1]) for level in (0.5, 0.95, 0.99)]
    assert worth == sorted(worth, reverse=True)


def test_clustered_agrees_with_the_oracle_on_random_clusters():
    rng = np.random.default_rng(7)
    for _ in range(300):
        trials = rng.integers(0, 6, size=rng.integers(1, 8))
        hits = rng.binomial(trials, rng.random())
        expected = oracle.clustered(hits.tolist(), trials.tolist())
        if expected is None:
            assert np.isnan(clustered(hits, trials)).all()
        else:
            assert clustered(hits, trials) == pytest.approx(expected, abs=1e-9)


def test_the_log_log_band_is_scipys():
    events, happened = treated()
    sample = scipy_stats.CensoredData(
        uncensored=np.array(events)[happened], right=np.array(events)[~np.array(happened)]
    )
    theirs = scipy_stats.ecdf(sample).sf.confidence_interval(method="log-log")
    curve = stats.kaplan_meier(events, happened)
    assert curve.lower == pytest.approx(theirs.low.evaluate(curve.time))
    assert curve.upper == pytest.approx(theirs.high.evaluate(curve.time))
    # The median's bounds are where the band crosses one half: at 13, and not within the trial.
    assert curve.median.lower == 13
    assert np.isnan(curve.median.upper)


def test_a_median_at_exactly_one_half_is_found_in_spite_of_rounding():
    # 1 - 1/6, then 4/5, 3/4: their product is one half.
    assert stats.kaplan_meier([1, 2, 3, 9, 9, 9], [True] * 3 + [False] * 3).median.value == 3


def test_nothing_observed_has_no_median():
    for curve in (stats.kaplan_meier([], []), stats.kaplan_meier([1, 2], [False, False])):
        assert np.isnan(curve.median).all()
        assert len(curve.time) == 0


def test_kaplan_meier_medians_agree_with_the_oracle():
    rng = np.random.default_rng(11)
    for _ in range(300):
        n = int(rng.integers(1, 15))
        lasted, happened = rng.integers(0, 6, size=n), rng.random(n) < 0.7
        expected = oracle.survival_median(list(zip(lasted.tolist(), happened.tolist(), strict=True)))
        median = stats.kaplan_meier(lasted, happened).median.value
        assert np.isnan(median) if expected is None else median == expected


def test_survival_influence_sums_to_zero_and_ignores_what_comes_later():
    events, happened = treated()
    moved = stats.kaplan_meier_influence(events, happened, at=10)
    assert moved.sum() == pytest.approx(0, abs=1e-12)
    later = [time + 100 if time > 10 else time for time in events]
    assert stats.kaplan_meier_influence(later, happened, at=10) == pytest.approx(moved)
    assert not stats.kaplan_meier_influence(events, happened, at=np.nan).any()


def test_survival_influence_is_the_derivative_of_the_cumulative_hazard():
    # Without censoring and ties the hazard's standard error is the root of the sum of squared influences.
    lasted = np.arange(1.0, 41.0)
    moved = stats.kaplan_meier_influence(lasted, np.ones(40, bool), at=20)
    at_risk = 41 - np.arange(1, 21)
    assert moved @ moved == pytest.approx((1 / at_risk**2).sum(), rel=0.05)


@pytest.mark.parametrize(
    ("n", "rank"),
    # Conover, Practical Nonparametric Statistics: the ranks of the 95 % interval of a median.
    [(1, None), (5, None), (6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (50, 18), (100, 40)],
)
def test_the_median_interval_has_the_published_ranks(n, rank):
    median, lower, upper = stats.median_interval(np.arange(n, 0, -1))
    assert median == (n + 1) / 2
    if rank is None:
        assert np.isnan([lower, upper]).all()
    else:
        assert (lower, upper) == (rank, n + 1 - rank)


def test_median_ranks_agree_with_binomial_sums():
    for n in [*range(1, 60), 137, 999, 1000, 4321]:
        lower = stats.median_interval(np.arange(1, n + 1)).lower
        assert np.isnan(lower) if oracle.binomial_rank(n) == 0 else lower == oracle.binomial_rank(n)


def test_interpolated_bounds_of_a_median_are_the_published_ones():
    # Minitab, key results for 1-Sample Sign: of 12 chromium contents those of rank 3 and 4 from either side
    # are 17.4, 17.5 and 19, 18.1; the values between do not matter but for the median, 17.7.
    contents = [17, 17.2, 17.4, 17.5, 17.6, 17.7, 17.7, 17.9, 18.1, 19, 19.2, 19.4]
    found = stats.median_interval(contents, interpolated=True)
    assert found == pytest.approx((17.7, 17.4263, 18.7632), abs=1e-4)
    assert stats.median_interval(contents) == pytest.approx((17.7, 17.4, 19))


def test_interpolated_bounds_of_a_median_lie_inside_those_of_the_ranks():
    for n in [*range(6, 40), 137, 1000, 4321]:
        ranks, inside = (stats.median_interval(np.arange(n), interpolated=way) for way in (False, True))
        assert ranks.lower < inside.lower < ranks.lower + 1
        assert inside.lower + inside.upper == pytest.approx(n - 1)
    assert np.isnan(stats.median_interval(np.arange(5), interpolated=True)[1:]).all()


def test_the_median_of_nothing_is_undefined():
    assert np.isnan(stats.median_interval([])).all()


def test_the_mean_of_a_sample_without_skewness_has_students_interval():
    sample = [3.0, 5.0, 8.0, 11.0, 13.0]
    theirs = scipy_stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    assert stats.mean_interval(sample) == pytest.approx((8, theirs.low, theirs.high))


def test_the_interval_of_a_mean_reaches_farther_to_the_side_of_the_tail():
    # 0, 0, 0, 4: error 1, t of 3 degrees of freedom 3.182446, skewness / root of n 1/sqrt(3). Above it is
    # where Hall's (1992) transformation of the distance is -t; below half of the way from 1 - t to there.
    found = stats.mean_interval([0, 0, 0, 4])
    assert found == pytest.approx((1, 1 - (3.182446 + 2.111739) / 2, 11.199833), abs=1e-6)
    k, away = 3**-0.5, 1 - found.upper
    assert away + k * away**2 / 3 + k**2 * away**3 / 27 + k / 6 == pytest.approx(-3.182446, abs=1e-6)
    assert 2.111739 + k * 2.111739**2 / 3 + k**2 * 2.111739**3 / 27 + k / 6 == pytest.approx(
        3.182446, abs=1e-6
    )


def test_a_mean_and_its_mirror_image_have_mirrored_intervals():
    there, back = stats.mean_interval([0, 0, 1, 5, 30]), stats.mean_interval([0, 0, -1, -5, -30])
    assert back == pytest.approx((-there.value, -there.upper, -there.lower))


def test_alike_values_have_an_interval_of_no_width():
    assert stats.mean_interval([3.0, 3.0, 3.0]) == (3, 3, 3)


def test_a_mean_of_one_value_has_no_bounds():
    assert stats.mean_interval([4.0])[0] == 4.0
    assert np.isnan(stats.mean_interval([4.0])[1:]).all()
    assert np.isnan(stats.mean_interval([])).all()


def test_correlation_without_variation_is_zero():
    assert stats.correlation(np.zeros(3), np.array([1.0, -1.0, 0.0])) == 0.0
    assert stats.correlation(np.array([1.0, -1.0]), np.array([-2.0, 2.0])) == pytest.approx(-1.0)


# Treatment and control of 21 institutions in a trial on multiple myeloma, successes and patients: Lipsitz,
# Dear, Laird and Molenberghs (1998). The results are printed in the README of the R package criskdiff.
MYELOMA = [
    *[(3, 4, 1, 3), (3, 4, 8, 11), (2, 2, 2, 3), (2, 2, 2, 2), (2, 2, 0, 3), (1, 3, 2, 3), (2, 2, 2, 3)],
    *[(1, 5, 4, 4), (2, 2, 2, 3), (0, 2, 2, 3), (3, 3, 3, 3), (2, 2, 0, 2), (1, 4, 1, 5), (2, 3, 2, 4)],
    *[(2, 4, 4, 6), (4, 12, 3, 9), (1, 2, 2, 3), (3, 3, 1, 4), (1, 4, 2, 3), (0, 3, 0, 2), (2, 4, 1, 5)],
]


def test_the_mantel_haenszel_difference_and_its_interval_are_those_published():
    found = stats.mantel_haenszel_difference(*zip(*MYELOMA, strict=True))
    assert found.estimate.value == pytest.approx(0.057168322, abs=1e-9)
    assert found.variance == pytest.approx(0.006382032, abs=1e-9)
    assert found.estimate.lower == pytest.approx(-0.10192703, abs=1e-8)
    assert found.estimate.upper == pytest.approx(0.21126657, abs=1e-8)
    assert found.strata == 21


def test_a_stratum_without_one_of_the_groups_says_nothing():
    found = stats.mantel_haenszel_difference([3, 5], [10, 9], [1, 0], [10, 0])
    alone = stats.mantel_haenszel_difference([3], [10], [1], [10])
    assert found == alone
    assert found.strata == 1


def test_the_mantel_haenszel_difference_of_nobody_and_of_no_spread_is_undefined():
    nobody = stats.mantel_haenszel_difference([0], [0], [1], [4])
    assert np.isnan(nobody.estimate).all()
    flat = stats.mantel_haenszel_difference([0, 3], [4, 3], [0, 2], [5, 2])
    assert flat.estimate.value == 0
    assert np.isnan([flat.estimate.lower, flat.estimate.upper, flat.variance]).all()


def test_a_curve_is_widened_on_its_own_scale():
    curve = stats.kaplan_meier([1, 2, 3, 4, 5, 6], [True] * 6)
    same, wide = stats.widened(curve, 1.0), stats.widened(curve, 2.0)
    assert same.lower[:-1] == pytest.approx(curve.lower[:-1])
    assert (wide.lower[:-1] < curve.lower[:-1]).all()
    assert (wide.upper[:-1] > curve.upper[:-1]).all()
    assert wide.median.value == curve.median.value


def test_a_ratio_has_the_bounds_at_which_the_difference_is_just_nothing():
    first, second = stats.share(30, 60), stats.share(10, 80)
    found = stats.mover_ratio(first, second, correlation=0.3)
    assert found.value == 4
    for times, end in ((found.lower, "lower"), (found.upper, "upper")):
        scaled = stats.Estimate(*(times * number for number in second))
        assert getattr(stats.mover(first, scaled, 0.3), end) == pytest.approx(0, abs=1e-12)


def test_a_ratio_to_nothing_has_a_lower_bound_only():
    # The root of 0.5 squared less its distance to Wilson's lower end squared, over the upper end of 0 of 20.
    found = stats.mover_ratio(stats.share(30, 60), stats.share(0, 20))
    assert np.isnan(found.value)
    assert np.isnan(found.upper)
    assert found.lower == pytest.approx((0.5**2 - (0.5 - 0.377376) ** 2) ** 0.5 / 0.161125, abs=1e-4)
    assert np.isnan(stats.mover_ratio(stats.share(1, 2), stats.share(0, 0))).all()
    assert stats.mover_ratio(stats.share(0, 9), stats.share(1, 2))[:2] == (0, 0)


def test_linearised_means_of_single_rows_are_plain_means():
    values = np.array([1.0, 4.0, 4.5, 9.0])
    found = stats.linearised(values.mean(), (values - values.mean()) / len(values))
    assert found == pytest.approx(stats.mean_interval(values))
    assert np.isnan(stats.linearised(3.0, [0.0])[1:]).all()


def counted_twice(*groups):
    """Return two shares and the sizes of groups told by hits and trials of both."""
    size, *counts = (np.array(part, dtype=float) for part in zip(*groups, strict=True))
    y1, x1, y2, x2 = counts
    shares = []
    for y, x in ((y1, x1), (y2, x2)):
        hits, trials = (size * y).sum(), (size * x).sum()
        shares.append(stats.Counted(hits, trials, y - hits / trials * x))
    return *shares, size


def test_two_customers_more_make_the_interval_of_bonett_and_price():
    # ci.prop.ps(.05, 12, 4, 26, 6) of the R package statpsych, from its manual.
    one = counted_twice((6, 1, 1, 1, 1), (26, 1, 1, 0, 1), (4, 0, 1, 1, 1), (12, 0, 1, 0, 1))
    assert stats.adjusted_difference(*one) == pytest.approx((0.44, 0.2548067, 0.6251933), abs=1e-7)
    # Example 1 of Bonett and Price (2012): 50 and 22 of 200 in one only, by their formula.
    two = counted_twice((68, 1, 1, 1, 1), (22, 1, 1, 0, 1), (50, 0, 1, 1, 1), (60, 0, 1, 0, 1))
    half = 1.959964 * ((74 / 202 - (28 / 202) ** 2) / 202) ** 0.5
    expected = (-28 / 202, -28 / 202 - half, -28 / 202 + half)
    assert stats.adjusted_difference(*two) == pytest.approx(expected, abs=1e-6)


def test_the_difference_of_attempts_and_customers_moves_by_what_each_customer_does():
    # 40 customers fail in one attempt, 20 in two, 30 succeed at once and 10 in the second attempt: 40 of 130
    # attempts and 40 of 100 customers. Who failed twice moves the difference by -2 * (4/13)/130 + 0.4/100 ...
    groups = ((40, 0, 1, 0, 1), (20, 0, 2, 0, 1), (30, 1, 1, 1, 1), (10, 1, 2, 1, 1))
    first, second, size = counted_twice(*groups)
    found = stats.customer_difference(first, second, size)
    each = np.repeat(
        [y1 / 130 - 4 / 13 * x1 / 130 - (y2 - 0.4) / 100 for _, y1, x1, y2, _ in groups], [40, 20, 30, 10]
    )
    assert (each**2).sum() == pytest.approx(0.00022361, abs=1e-8)
    assert found == pytest.approx(stats.linearised(40 / 130 - 0.4, each))
    # Group by group or customer by customer is the same.
    told = [
        stats.Counted(part.hits, part.trials, np.repeat(part.moved, size.astype(int)))
        for part in (first, second)
    ]
    assert found == pytest.approx(stats.customer_difference(*told))


def test_a_difference_that_few_count_differently_has_the_adjusted_interval():
    # 3 of 100 customers have a second attempt, in vain.
    groups = ((50, 0, 1, 0, 1), (47, 1, 1, 1, 1), (3, 1, 2, 1, 1))
    first, second, size = counted_twice(*groups)
    found, adjusted = (
        of(first, second, size) for of in (stats.customer_difference, stats.adjusted_difference)
    )
    assert found.value == pytest.approx(50 / 103 - 0.5)
    assert (found.lower, found.upper) == (adjusted.lower, adjusted.upper)


def test_the_difference_to_a_share_of_nothing_is_undefined():
    nothing, something = stats.Counted(0, 0, np.zeros(1)), stats.Counted(1, 2, np.zeros(1))
    assert np.isnan(stats.customer_difference(nothing, something)).all()
