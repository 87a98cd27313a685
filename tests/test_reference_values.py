"""Published numbers on shares, survival, lifecycle, funnels and flags, each within its tolerance.

Literal copies of the inputs and of the values, with their sources. Of the project's list of reference values
these are covered here: km_freireich, km_weights, lifecycle_posthog, logrank_R_small, newcombe_difference,
markov_kullback, nps_formula, retention_clickhouse, sequence_count_clickhouse, shoppers_uci,
window_funnel_starrocks.

Two need data that the package may not carry, see `DATA`: attribution_heuristics and attribution_markov_exact,
and one part of a third, markov_order_rain. Their tests are here, fail as expected without the data, and run
in earnest with them.

Not here:

- models of a customer base, in test_models.py: bgbb_donations, bgnbd_expectation_52,
  bgnbd_cond_expectation_hardie, bgnbd_expectation_grid, gamma_gamma_cond_mean, pareto_nbd_cdnow,
  sbg_fader_hardie_2007;
- in test_touchpoints.py: attribution_removal_small, attribution_shapley_small, markov_rain_mle;
- counts of data sets that the package does not carry: clickstream_msnbc, funnel_bpic2012, log_bpic2012,
  log_helpdesk, log_receipt, retentioneering_ground_truth; of one that it does, cdnow_counts:
  in test_datasets.py.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

import cx_widgets as cx
from cx_widgets import chains, removal_effects, stats, touchpoints

DATA = Path(os.environ.get("CX_REFERENCE_DATA", Path(__file__).parent / "data" / "not carried"))
"""Where data lie whose licence (GPL) does not let them come along: ``channelattribution_paths.csv``, which is
``Data.csv`` of the ChannelAttribution package with commas, and ``rain.csv``, the column ``rain`` of the data
set of that name in R's markovchain package."""


def carried_by_others(name):
    """Mark a test as one that fails for want of a file; where the file lies it must pass."""
    return pytest.mark.xfail(
        not (DATA / name).exists(),
        raises=FileNotFoundError,
        strict=True,
        reason=f"{name} is under the GPL and not carried; CX_REFERENCE_DATA says where it lies",
    )


# --- shares ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "lower", "upper"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10.
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_difference_of_shares_has_newcombes_bounds(table, lower, upper):
    change = stats.newcombe_difference(*table)
    assert change.value == pytest.approx(table[0] / table[1] - table[2] / table[3])
    assert (change.lower, change.upper) == pytest.approx((lower, upper), abs=1e-4)


def test_sessions_of_an_online_shop_convert_as_its_description_says_by_kind_of_visitor():
    # UCI Machine Learning Repository, Online Shoppers Purchasing Intention: 1,908 of 12,330 sessions.
    sessions = pd.read_csv(Path(__file__).parent / "data" / "uci_shoppers.csv.gz")
    visits = sessions.assign(session=sessions.index, event="visit", time=pd.Timestamp("2026-01-01 10:00"))
    bought = visits[visits["bought"] == 1].assign(event="purchase", time=pd.Timestamp("2026-01-01 10:05"))
    log = cx.EventLog(pd.concat([visits, bought]), customer="session", time="time", event="event")
    journey = cx.Definition({"Visit": ["visit"], "Buy": ["purchase"]})
    assert cx.funnel(log, journey).frame["reach"].tolist() == [12_330, 1_908]
    groups = cx.breakdown(log, journey, "visitor").frame
    assert groups[["entrants", "converted"]].T.to_dict("list") == {
        "returning": [10_551, 1_470],
        "new": [1_694, 422],
        "other": [85, 16],
    }


# --- attitude -------------------------------------------------------------------------------------

# Formulae as in the R package NPS (variance p + d - (p - d)^2) and, for the adjusted Wald interval
# (3 answers, 0.75 promoters and 0.75 detractors more), Rocks (2016), The American Statistician 70, 365-372.
# Worked by hand with z = 1.959964.


@pytest.mark.parametrize(
    ("counts", "value", "variance", "bounds"),
    [
        # 50.75 and 20.75 of 103: score 30 / 103, variance 71.5 / 103 - (30 / 103)^2, root of it / 103.
        ((50, 20, 100), 0.3, 0.61, (0.140511, 0.442013)),
        # 7.75 and 1.75 of 13: score 6 / 13, variance 9.5 / 13 - (6 / 13)^2 = 87.5 / 169.
        ((7, 1, 10), 0.6, 0.44, (0.070394, 0.852683)),
        ((0, 0, 1), 0.0, 0.0, (-0.600114, 0.600114)),  # 0.75 and 0.75 of 4: 0 -+ z * root(0.375 / 4)
        ((10, 0, 10), 1.0, 0.0, (0.475036, 1.0)),  # cut at 1
    ],
)
def test_the_net_promoter_score_has_its_variance_and_adjusted_wald_bounds(counts, value, variance, bounds):
    assert stats.nps(*counts) == pytest.approx((value, *bounds), abs=1e-6)
    assert stats.nps_variance(*counts) == pytest.approx(variance, abs=1e-12)
    promoters, detractors, answers = counts
    coded = [1] * promoters + [-1] * detractors + [0] * (answers - promoters - detractors)
    assert np.var(coded) == pytest.approx(variance)


# --- survival -------------------------------------------------------------------------------------

# 6-mercaptopurine against placebo in acute leukaemia, weeks in remission: Freireich et al. (1963), as in
# Kleinbaum and Klein, Survival Analysis. The survival shares are those of the book's table.
TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
TREATED_CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
OBSERVED = [True] * len(TREATED) + [False] * len(TREATED_CENSORED)


def test_kaplan_meier_gives_the_published_table():
    curve = stats.kaplan_meier(TREATED + TREATED_CENSORED, OBSERVED)
    assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.survival.tolist() == pytest.approx(
        [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=1e-4
    )
    assert curve.median.value == 23
    assert stats.kaplan_meier(PLACEBO, [True] * 21).median.value == 8


def test_the_log_rank_test_gives_the_published_chi_squared():
    # lifelines, tests/test_statistics.py: 16.8 and 4.17e-05; to four digits in Kleinbaum and Klein.
    found = stats.logrank(
        TREATED + TREATED_CENSORED + PLACEBO, OBSERVED + [True] * 21, ["treated"] * 21 + ["placebo"] * 21
    )
    assert found.statistic == pytest.approx(16.79, abs=0.01)
    assert found.freedom == 1
    assert found.p == pytest.approx(4.17e-05, abs=1e-7)


@pytest.mark.parametrize(
    ("status", "chi2", "p"),
    # survdiff of R, printed in lifelines, tests/test_statistics.py.
    [([1, 1, 1, 1, 1, 1], 0.254237, 0.614107), ([1, 0, 1, 1, 0, 1], 0.384615, 0.535143)],
)
def test_the_log_rank_test_of_small_samples_is_that_of_r(status, chi2, p):
    found = stats.logrank([10, 20, 30, 10, 20, 50], status, [1, 1, 1, 0, 0, 0])
    assert (found.statistic, found.p) == pytest.approx((chi2, p), abs=1e-5)


def test_the_log_rank_test_of_two_groups_is_scipys():
    rng = np.random.default_rng(5)
    for _ in range(50):
        lasted = rng.integers(1, 9, size=24)
        happened, group = rng.random(24) < 0.7, np.repeat([0, 1], 12)
        samples = [
            scipy_stats.CensoredData(
                uncensored=lasted[happened & (group == number)],
                right=lasted[~happened & (group == number)],
            )
            for number in (0, 1)
        ]
        theirs = scipy_stats.logrank(*samples)
        mine = stats.logrank(lasted, happened, group)
        assert (mine.statistic, mine.p) == pytest.approx((theirs.statistic**2, theirs.pvalue))


def test_the_log_rank_test_of_three_groups_has_two_degrees_of_freedom():
    # Group by group: no differences at all give 0, and the order of the groups is of no matter.
    alike = stats.logrank([1, 2, 3] * 3, [True] * 9, [*"aaa", *"bbb", *"ccc"])
    assert (alike.statistic, alike.freedom, alike.p) == pytest.approx((0, 2, 1))
    lasted, groups = [1, 2, 3, 4, 5, 6, 7, 8, 9], [*"abcabcaac"]
    one = stats.logrank(lasted, [True] * 9, groups)
    other = stats.logrank(lasted, [True] * 9, [{"a": "z", "b": "y", "c": "x"}[name] for name in groups])
    assert one == pytest.approx(other)


@pytest.mark.parametrize(
    ("lasted", "status", "groups"),
    [
        ([], [], []),
        ([1, 2], [True, True], ["a", "a"]),
        ([1, 2], [False, False], ["a", "b"]),
        ([1], [1], ["a"]),
    ],
)
def test_nothing_to_compare_has_no_test(lasted, status, groups):
    found = stats.logrank(lasted, status, groups)
    assert np.isnan([found.statistic, found.p]).all()


def test_weights_count_as_in_the_published_curve():
    # lifelines, tests/test_estimation.py: the curve at 0, 0.4, 0.6, 0.8, 0.9.
    time, survival = stats.weighted_kaplan_meier([0.6, 0.4, 0.8, 0.9], [0, 1, 1, 0], [1.5, 2, 0.8, 0.9])
    assert time.tolist() == [0.4, 0.8]
    assert survival.tolist() == pytest.approx([0.6153846153846154, 0.32579185520362], abs=1e-12)


def test_equal_weights_change_nothing():
    time, survival = stats.weighted_kaplan_meier(TREATED + TREATED_CENSORED, OBSERVED, [2.5] * 21)
    curve = stats.kaplan_meier(TREATED + TREATED_CENSORED, OBSERVED)
    assert time.tolist() == curve.time.tolist()
    assert survival == pytest.approx(curve.survival)
    time, survival = stats.weighted_kaplan_meier([0.1, 0.2, 0.3], [True] * 3, [0.1, 0.2, 0.3])
    assert survival[-1] == 0.0
    assert [len(part) for part in stats.weighted_kaplan_meier([], [], [])] == [0, 0]


# --- Markov chains --------------------------------------------------------------------------------


def test_transitions_are_compared_with_a_chain_as_kullback_does():
    # Kullback, Kupperman and Ku (1962), Technometrics 4, 573-608; the statistic by lines, of their counts,
    # is that of the vignette of R's markovchain (1c4974d). The paper prints 6.551795, from totals of columns.
    counts = [[51, 11, 8], [12, 31, 9], [6, 11, 10]]
    shares = [[0.625, 0.25, 0.125], [0.25, 0.5, 0.25], [0.25, 0.375, 0.375]]
    found = chains.fit_test(counts, shares)
    assert found.statistic == pytest.approx(6.518384, abs=1e-5)
    assert found.freedom == 6
    assert found.p == pytest.approx(0.367688, abs=1e-6)


@carried_by_others("rain.csv")
def test_the_rain_of_alofi_remembers_more_than_a_day():
    # The vignette of R's markovchain, assessOrder(rain) and verifyMarkovProperty: 26.096 and 25.837 with 12.
    days = pd.read_csv(DATA / "rain.csv")["rain"].astype(str)
    states = np.unique(days, return_inverse=True)[1]
    counts = chains.triples(states, [0], 3)
    pearson, likelihood = chains.order_test(counts), chains.order_test(counts, method="likelihood")
    assert (pearson.statistic, pearson.p) == pytest.approx((26.09575, 0.01040395), abs=1e-4)
    assert pearson.freedom == likelihood.freedom == 12
    assert likelihood.statistic == pytest.approx(25.8370199, abs=1e-4)


# --- credit ---------------------------------------------------------------------------------------

# ChannelAttribution 2.2.5 (heuristic_models) and, for the exact chain, marketing-attribution-models 2.1.1,
# both on the former's Data.csv: 10,000 lines, 19,785 conversions worth 74,802.97, 68,602 null paths.
CHANNELS = {
    "alpha": (6308, 8447, 7574.718594, 0.558399, 5344.9477),
    "beta": (2831, 989, 2083.500145, 0.264039, 2527.3522),
    "delta": (1, 5, 1.725, 0.000482, 4.6136),
    "epsilon": (99, 531, 272.170438, 0.062639, 599.5707),
    "eta": (3164, 4167, 3539.951157, 0.349026, 3340.8474),
    "gamma": (165, 92, 121.041639, 0.01788, 171.1454),
    "iota": (4606, 3355, 3857.096221, 0.405835, 3884.6147),
    "kappa": (74, 230, 137.964078, 0.028663, 274.3633),
    "lambda": (902, 1207, 1035.257572, 0.134022, 1282.8472),
    "mi": (2, 2, 2.222222, 0.00018, 1.7224),
    "theta": (1606, 653, 1022.801394, 0.20601, 1971.9129),
    "zeta": (27, 107, 136.55154, 0.039811, 381.0626),
}


def attribution_paths():
    table = pd.read_csv(DATA / "channelattribution_paths.csv")
    paths, names = touchpoints.paths_of(
        [path.split(" > ") for path in table["path"]], table["total_conversions"], table["total_null"]
    )
    assert names == tuple(CHANNELS)
    return paths


@carried_by_others("channelattribution_paths.csv")
def test_first_last_and_linear_credit_are_those_of_channel_attribution():
    paths = attribution_paths()
    assert paths.conversions.sum() == 19_785
    for place, rule in enumerate(
        (touchpoints.first_weights, touchpoints.last_weights, touchpoints.linear_weights)
    ):
        credit = touchpoints.split(paths, rule(paths), paths.conversions)
        assert credit == pytest.approx([line[place] for line in CHANNELS.values()], abs=1e-5)


@carried_by_others("channelattribution_paths.csv")
def test_removal_effects_of_the_exact_chain_are_the_published_ones():
    fitted = removal_effects.chain(attribution_paths())
    assert fitted.conversion == pytest.approx(0.2238451356, abs=1e-9)
    assert fitted.removal == pytest.approx([line[3] for line in CHANNELS.values()], abs=1e-5)
    credit = 19_785 * fitted.removal / fitted.removal.sum()
    assert credit == pytest.approx([line[4] for line in CHANNELS.values()], abs=1e-3)


# --- behaviour ------------------------------------------------------------------------------------


def test_the_lifecycle_of_four_people_is_posthogs():
    # PostHog, posthog/hogql_queries/insights/test/test_lifecycle_query_runner.py @029e61c,
    # test_lifecycle_trend: days of January 2020 with a page view; the 12th to the 19th are shown.
    days = {"p1": [11, 12, 13, 15, 17, 19], "p2": [9, 12], "p3": [12], "p4": [15]}
    rows = [(who, f"2020-01-{day:02} 12:00", "view") for who, seen in days.items() for day in seen]
    frame = pd.DataFrame(rows, columns=["who", "when", "what"])
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    table = cx.lifecycle(log, cx.Definition({"Active": ["view"]}), active="Active", period="D").frame
    shown = table[table["start"] >= "2020-01-12"]
    assert shown["new"].tolist() == [1, 0, 0, 1, 0, 0, 0, 0]
    assert shown["returning"].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert shown["resurrecting"].tolist() == [1, 0, 0, 1, 0, 1, 0, 1]
    assert (-shown["dormant"]).tolist() == [0, -2, -1, 0, -2, 0, -1, 0]


def test_of_those_of_the_first_day_five_are_there_on_all_three():
    # ClickHouse, docs/en/sql-reference/aggregate-functions/parametric-functions.md, retention: users 0 to 4
    # on the first day, 0 to 9 on the second, 0 to 14 on the third.
    rows = [(user, f"2020-01-0{day}", "visit") for day in (1, 2, 3) for user in range(5 * day)]
    frame = pd.DataFrame(rows, columns=["who", "when", "what"]).assign(day=[row[1] for row in rows])
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    stages = [
        cx.Stage(f"day {day}", ["visit"], where=[cx.Condition("day", "==", f"2020-01-0{day}")])
        for day in (1, 2, 3)
    ]
    flags = cx.retention_flags(log, cx.Definition(stages))
    assert flags.frame["numerator"].tolist() == [5, 5, 5]
    assert flags.flags.loc[7].tolist() == [False, False, False]


def test_a_sequence_is_counted_without_overlaps():
    # ClickHouse, same page, sequenceCount('(?1).*(?2)') over 1, 3, 2, 1, 3, 2.
    frame = pd.DataFrame({"who": "u", "when": pd.date_range("2026-01-01", periods=6), "what": [*"132132"]})
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    attempts = cx.Definition({"one": ["1"], "two": ["2"]}, entry="first", count="attempts")
    assert cx.funnel(log, attempts).frame["reach"].iloc[-1] == 2


STEPS = ("Browse", "Click", "Order", "Pay")
FIRST = {
    1: [("11:00:00", "Browse"), ("11:10:00", "Click"), ("11:20:00", "Order"), ("11:30:00", "Pay"),
        ("11:00:00", "Browse")],
    2: [("11:00:00", "Order"), ("11:10:00", "Pay")],
    3: [("11:20:00", "Browse"), ("12:00:00", "Click")],
    4: [("11:50:00", "Browse"), ("12:00:00", "Click")],
    5: [("11:50:00", "Browse"), ("12:00:00", "Click"), ("11:10:00", "Order")],
    6: [("11:50:00", "Browse"), ("12:00:00", "Click"), ("12:10:00", "Order")],
}  # fmt: skip
SECOND = {
    1: [("11:00:00", "Browse"), ("11:10:00", "Click"), ("11:29:00", "Order"), ("11:29:50", "Click"),
        ("11:30:00", "Pay"), ("11:40:00", "Click")],
    2: [("11:00:01", "Browse")],
}  # fmt: skip
THIRD = {
    1: [("11:00:00", "Browse"), ("11:10:00", "Click"), ("11:30:00", "Pay"), ("11:31:00", "Order")],
    2: [("11:00:01", "Browse")],
}
FOURTH = {
    1: [("11:00:00", "Browse"), ("11:00:01", "Click"), ("11:00:31", "Order")],
    2: [("11:00:03", "Browse"), ("11:00:03", "Click"), ("11:01:03", "Order")],
}


def starrocks(modes, window, steps):
    """Return the rules of its modes: fixed and increase are ClickHouse's strict_order and strict_increase.

    Its dedup ends a chain at a repeat of any step reached, ClickHouse's strict_deduplication of the last.
    """
    if modes == ("dedup",):
        repeats = [cx.Exclusion(step, after=step) for step in steps[:-1]]
        return cx.Rules(window=window, reuse="shared", exclusions=repeats)
    return cx.presets.clickhouse(window=window, modes=modes)


@pytest.mark.parametrize(
    ("events", "steps", "window", "modes", "levels"),
    # StarRocks, docs window_funnel.md @161fd09 (Apache-2.0).
    [
        pytest.param(FIRST, STEPS, "1800s", (), {1: 4, 2: 0, 3: 1, 4: 2, 5: 2, 6: 3}, id="ex1"),
        pytest.param(SECOND, STEPS, "1800s", (), {1: 4, 2: 1}, id="ex2"),
        pytest.param(SECOND, STEPS, "1800s", ("dedup",), {1: 3, 2: 1}, id="ex2 dedup"),
        pytest.param(THIRD, STEPS, "1900s", (), {1: 3, 2: 1}, id="ex3"),
        pytest.param(THIRD, STEPS, "1900s", ("strict_order",), {1: 2, 2: 1}, id="ex3 fixed"),
        pytest.param(FOURTH, STEPS[:3], "1900s", (), {1: 3, 2: 3}, id="ex4"),
        pytest.param(FOURTH, STEPS[:3], "1900s", ("strict_increase",), {1: 3, 2: 1}, id="ex4 increase"),
    ],
)
def test_a_window_funnel_gets_as_far_as_starrocks_says(events, steps, window, modes, levels):
    rows = [(who, f"2026-01-01 {time}", what) for who, seen in events.items() for time, what in seen]
    frame = pd.DataFrame(rows, columns=["who", "when", "what"])
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    stages = [cx.Stage(step, [step]) for step in steps]
    rules = starrocks(modes, window, steps)
    matches = cx.funnel(log, cx.Definition(stages, rules)).matches
    reached = Counter(matches["customer"])
    assert {who: reached[who] for who in levels} == levels
