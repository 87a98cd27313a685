"""Customer-base models: published numbers, the stories integrated by brute force, laws, and recovery."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import simulated_customers as simulated
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta as beta_law
from scipy.stats import gamma as gamma_law

import cx_widgets as cx
from cx_widgets.models import Cancelled, bg_bb, bg_nbd, gamma_gamma, pareto_nbd, shifted_bg
from cx_widgets.models._beta import beta_nodes
from cx_widgets.models._fit import distinct, maximise


@pytest.fixture(scope="module")
def cdnow():
    """Return x, t_x and T in weeks of the 2,357 customers until 30 September 1997, as published."""
    frame = cx.purchase_history(
        cx.datasets.cdnow_log(), cx.datasets.cdnow_definition(), split="1997-09-30"
    ).frame
    return frame["frequency"].to_numpy(), frame["recency"].to_numpy(), frame["age"].to_numpy()


# The yearly gifts of 11,104 donors after the first one, six chances each: x, last one, donors.
# Fader, Hardie and Shang (2010), table 1, as carried by R's BTYD (donationsSummary).
DONATIONS = np.array(
    [
        *((0, 0, 3464), (1, 1, 1091), (1, 2, 277), (1, 3, 129), (1, 4, 78), (1, 5, 119), (1, 6, 129)),
        *((2, 2, 613), (2, 3, 255), (2, 4, 155), (2, 5, 173), (2, 6, 234), (3, 3, 322), (3, 4, 181)),
        *((3, 5, 225), (3, 6, 357), (4, 4, 240), (4, 5, 284), (4, 6, 512), (5, 5, 335), (5, 6, 728)),
        (6, 6, 1203),
    ]
)


def estimates(fit):
    assert fit.converged, fit.reason
    return dict(zip(fit.names, fit.estimates, strict=True))


# Published numbers.


def test_bg_nbd_gives_the_published_estimates_on_cdnow(cdnow):
    # Fader, Hardie and Lee (2005), table 2; the likelihood's digits are those of R's CLVTools,
    # tests/testthat/test_correctness_bgnbd.R.
    fit = bg_nbd.fit(*cdnow)
    assert estimates(fit) == pytest.approx({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, abs=1e-3)
    assert fit.log_likelihood == pytest.approx(-9582.429, abs=1e-3)
    assert fit.n_customers == 2357


def test_bg_nbd_gives_the_published_expectations(cdnow):
    # The spreadsheet of Hardie's note; 52 weeks: the walkthrough of R's BTYD.
    parameters = bg_nbd.Parameters(*bg_nbd.fit(*cdnow).estimates)
    weeks = [0.1429, 1.0, 3.0, 31.8571, 32.0, 78.0]
    expected = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576]
    assert bg_nbd.expected_purchases(parameters, weeks) == pytest.approx(expected, abs=1e-3)
    assert bg_nbd.expected_purchases(parameters, [52]) == pytest.approx([1.444], abs=1e-3)
    rounded = bg_nbd.Parameters(0.243, 4.414, 0.793, 2.426)
    ahead = bg_nbd.conditional_purchases(rounded, 39, [2], [30.43], [38.86])
    assert ahead == pytest.approx([1.226], abs=1e-3)


def test_pareto_nbd_gives_the_published_estimates_on_cdnow(cdnow):
    # Fader and Hardie (2005) print 11.669 for beta; R's BTYD stops at 11.656, with a likelihood below it.
    # It and R's CLVTools (tests/testthat/test_correctness_pnbd.R) print the same likelihood.
    fit = pareto_nbd.fit(*cdnow)
    published = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}
    assert estimates(fit) == pytest.approx(published, abs=0.01)
    assert fit.log_likelihood == pytest.approx(-9594.976, abs=1e-3)
    btyd = pareto_nbd.Parameters(0.553, 10.58, 0.606, 11.656)
    assert pareto_nbd.log_likelihood(btyd, *cdnow).sum() == pytest.approx(-9594.976, abs=1e-3)
    assert pareto_nbd.log_likelihood(btyd, *cdnow).sum() < fit.log_likelihood


def test_pareto_nbd_gives_the_published_expectations():
    # The walkthrough of R's BTYD: a new customer in 52 weeks; customer 1516 with 26 purchases in 31 weeks.
    btyd = pareto_nbd.Parameters(0.553, 10.58, 0.606, 11.656)
    assert pareto_nbd.expected_purchases(btyd, [52]) == pytest.approx([1.473434], abs=2e-3)
    busy = [26], [30.86], [31.0]
    assert pareto_nbd.p_alive(btyd, *busy) == pytest.approx([0.997874], abs=1e-4)
    assert pareto_nbd.conditional_purchases(btyd, 52, *busy) == pytest.approx([25.45647], abs=2e-2)


def test_bg_bb_gives_the_published_estimates_on_the_donations():
    # Fader, Hardie and Shang (2010); digits from the walkthrough of R's BTYD.
    x, t_x, donors = DONATIONS.T
    fit = bg_bb.fit(np.repeat(x, donors), np.repeat(t_x, donors), 6)
    published = {"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6568, "delta": 2.7839}
    assert estimates(fit) == pytest.approx(published, abs=0.01)
    assert round(fit.log_likelihood, 2) == -33225.58  # as many digits as are printed
    assert fit.n_customers == 11104
    assert fit.n_rows == 22


@pytest.mark.parametrize(
    ("left", "alpha", "beta", "log_likelihood"),
    [
        ([1000, 631, 468, 382, 326, 289, 262, 241], 0.704, 1.182, -1680.265),
        ([1000, 869, 743, 653, 593, 551, 517, 491], 0.668, 3.806, -1611.158),
    ],
    ids=["regular", "highend"],
)
def test_the_shifted_beta_geometric_gives_the_published_estimates(left, alpha, beta, log_likelihood):
    # Fader and Hardie (2007): customers left after each of seven years.
    gone = -np.diff(left)
    n = np.repeat([1, 2, 3, 4, 5, 6, 7, 7], [*gone, left[-1]])
    fit = shifted_bg.fit(n, np.arange(1000) < 1000 - left[-1])
    assert estimates(fit) == pytest.approx({"alpha": alpha, "beta": beta}, abs=2e-3)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-3)


def test_gamma_gamma_gives_the_published_estimates_and_means_on_cdnow():
    # Hardie's note 025: p 6.25, q 3.74, v 15.44, their likelihood, and the expected values of the first ten
    # customers.
    frame = cx.purchase_history(
        cx.datasets.cdnow_log(), cx.datasets.cdnow_definition(), split="1997-09-30"
    ).frame
    spent = frame[frame["monetary_value"] > 0]
    assert len(spent) == 946
    fit = gamma_gamma.fit(spent["frequency"], spent["monetary_value"])
    assert estimates(fit) == pytest.approx({"p": 6.25, "q": 3.74, "v": 15.44}, abs=0.02)
    assert fit.log_likelihood == pytest.approx(-4055.9177, abs=1e-3)
    first = frame.head(10)
    parameters = gamma_gamma.Parameters(*fit.estimates)
    means = gamma_gamma.conditional_mean(parameters, first["frequency"], first["monetary_value"])
    published = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert means == pytest.approx(published, abs=0.01)


# The stories, integrated by brute force.

NODES, WEIGHTS = np.polynomial.legendre.leggauss(160)


def averaged(told, first, second):
    """Return the integral of a story from 0 to `first` and 0 to `second`, on a dense grid of Gauss points."""
    one, other = ((NODES + 1) / 2 * high for high in (first, second))
    heights = told(one[:, None], other[None, :])
    return WEIGHTS @ heights @ WEIGHTS * first * second / 4


HISTORIES = [(0, 0.0, 5.0), (1, 2.0, 5.0), (3, 4.5, 6.0), (2, 5.0, 5.0), (6, 1.0, 9.0)]


@pytest.mark.parametrize(("x", "t_x", "age"), HISTORIES)
def test_the_bg_nbd_likelihood_is_the_story_averaged_over_customers(x, t_x, age):
    r, alpha, a, b = parameters = bg_nbd.Parameters(2.0, 2.5, 2.0, 3.0)

    def told(p, rate):
        alive = (1 - p) ** x * rate**x * np.exp(-rate * age)
        left = p * (1 - p) ** (x - 1) * rate**x * np.exp(-rate * t_x) if x else 0.0
        return (alive + left) * gamma_law.pdf(rate, r, scale=1 / alpha) * beta_law.pdf(p, a, b)

    whole = averaged(told, 1, 20)
    assert bg_nbd.log_likelihood(parameters, [x], [t_x], [age])[0] == pytest.approx(np.log(whole), abs=1e-7)


@pytest.mark.parametrize(("x", "t_x", "age"), HISTORIES)
def test_the_pareto_nbd_likelihood_is_the_story_averaged_over_customers(x, t_x, age):
    r, alpha, s, beta = parameters = pareto_nbd.Parameters(2.0, 2.5, 3.0, 3.5)

    def told(leave, rate):
        both = rate + leave
        left = leave / both * (np.exp(-both * t_x) - np.exp(-both * age))
        density = gamma_law.pdf(rate, r, scale=1 / alpha) * gamma_law.pdf(leave, s, scale=1 / beta)
        return rate**x * (np.exp(-both * age) + left) * density

    whole = averaged(told, 20, 20)
    assert pareto_nbd.log_likelihood(parameters, [x], [t_x], [age])[0] == pytest.approx(
        np.log(whole), abs=1e-7
    )


@pytest.mark.parametrize(("x", "t_x", "n"), [(0, 0, 3), (1, 1, 3), (2, 3, 3), (2, 2, 5), (0, 0, 0)])
def test_the_bg_bb_likelihood_is_the_story_averaged_over_customers(x, t_x, n):
    alpha, beta, gamma, delta = parameters = bg_bb.Parameters(2.0, 3.0, 2.0, 4.0)

    def told(use, leave):
        alive = use**x * (1 - use) ** (n - x) * (1 - leave) ** n
        left = sum(use**x * (1 - use) ** (last - x) * leave * (1 - leave) ** last for last in range(t_x, n))
        return (alive + left) * beta_law.pdf(use, alpha, beta) * beta_law.pdf(leave, gamma, delta)

    whole = averaged(told, 1, 1)
    assert bg_bb.log_likelihood(parameters, [x], [t_x], [n])[0] == pytest.approx(np.log(whole), abs=1e-7)


@pytest.mark.parametrize(("n", "lost"), [(1, True), (4, True), (4, False), (0, False)])
def test_the_shifted_beta_geometric_likelihood_is_the_story_averaged_over_customers(n, lost):
    def told(leave):
        return leave**lost * (1 - leave) ** (n - lost) * beta_law.pdf(leave, 1.2, 2.4)

    got = shifted_bg.log_likelihood(shifted_bg.Parameters(1.2, 2.4), [n], [lost])[0]
    assert got == pytest.approx(np.log(quad(told, 0, 1)[0]), abs=1e-7)


@pytest.mark.parametrize(("x", "mean"), [(1, 12.0), (4, 30.0)])
def test_the_gamma_gamma_density_is_the_story_averaged_over_customers(x, mean):
    p, q, v = parameters = gamma_gamma.Parameters(3.0, 2.5, 15.0)

    def told(own):
        return gamma_law.pdf(mean, p * x, scale=1 / (own * x)) * gamma_law.pdf(own, q, scale=1 / v)

    whole = quad(told, 0, 5, limit=200)[0]
    assert gamma_gamma.log_likelihood(parameters, [x], [mean])[0] == pytest.approx(np.log(whole), abs=1e-6)


@pytest.mark.parametrize("a", [0.4, 0.793, 1.7])
def test_bg_nbd_expectations_are_those_of_the_hypergeometric_form(a):
    r, alpha, b = 0.6, 4.0, 2.4
    x, age, ahead = np.array([0, 2, 9]), np.array([10.0, 38.86, 30.0]), 39.0
    z = ahead / (alpha + age + ahead)
    closed = (
        (a + b + x - 1)
        / (a - 1)
        * (1 - ((alpha + age) / (alpha + age + ahead)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z))
    )
    got = bg_nbd.purchases_if_alive(bg_nbd.Parameters(r, alpha, a, b), ahead, x, age)
    assert got == pytest.approx(closed, rel=1e-8)


def test_quadrature_for_a_beta_law_gives_its_moments():
    for a, b in [(0.2, 0.3), (1.0, 1.0), (2.5, 4000.0)]:
        p, weight = beta_nodes(a, b, 16)
        assert weight.sum() == pytest.approx(1)
        assert p @ weight == pytest.approx(a / (a + b))
        assert p**2 @ weight == pytest.approx(a * (a + 1) / ((a + b) * (a + b + 1)))


# Laws.


def test_probabilities_of_all_histories_sum_to_one():
    # (x, t_x) is the history of C(t_x - 1, x - 1) customers' ways.
    parameters = bg_bb.Parameters(0.7, 1.9, 0.5, 3.1)
    histories = [(0, 0)] + [(x, t_x) for t_x in range(1, 6) for x in range(1, t_x + 1)]
    ways = [comb(t_x - 1, x - 1) if x else 1 for x, t_x in histories]
    x, t_x = np.array(histories).T
    assert ways @ np.exp(bg_bb.log_likelihood(parameters, x, t_x, 5)) == pytest.approx(1)
    months = np.arange(1, 400)
    contract = shifted_bg.Parameters(1.3, 2.0)
    lost = np.exp(shifted_bg.log_likelihood(contract, months, np.full(399, fill_value=True)))
    assert lost.sum() + shifted_bg.survival(contract, 399) == pytest.approx(1)


def test_a_customer_is_alive_at_the_moment_of_a_purchase_and_less_so_later():
    for module, parameters in [
        (bg_nbd, bg_nbd.Parameters(0.5, 6.0, 0.8, 2.4)),
        (pareto_nbd, pareto_nbd.Parameters(0.5, 6.0, 0.6, 11.0)),
    ]:
        assert module.p_alive(parameters, [0], [0], [0]) == pytest.approx([1])
        waited = module.p_alive(parameters, [3] * 5, [10.0] * 5, [10.0, 12.0, 20.0, 60.0, 500.0])
        assert (np.diff(waited) < 0).all()
        assert (waited > 0).all()
    assert pareto_nbd.p_alive(pareto_nbd.Parameters(0.5, 6.0, 0.6, 11.0), [3], [10.0], [10.0]) == [1]
    discrete = bg_bb.Parameters(1.2, 0.75, 0.66, 2.8)
    assert bg_bb.p_alive(discrete, [0, 2], [0, 4], [0, 4]).tolist() == pytest.approx([1, 1])
    assert (np.diff(bg_bb.p_alive(discrete, [2] * 4, [2] * 4, [2, 3, 4, 8])) < 0).all()


def test_whoever_never_bought_again_cannot_have_left_in_bg_nbd_only():
    assert bg_nbd.p_alive(bg_nbd.Parameters(0.5, 6.0, 0.8, 2.4), [0], [0], [99.0]) == [1]
    assert pareto_nbd.p_alive(pareto_nbd.Parameters(0.5, 6.0, 0.6, 11.0), [0], [0], [99.0])[0] < 0.5


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (bg_nbd, bg_nbd.Parameters(0.5, 6.0, 0.8, 2.4)),
        (bg_nbd, bg_nbd.Parameters(0.5, 6.0, 1.0, 2.4)),
        (pareto_nbd, pareto_nbd.Parameters(0.5, 6.0, 0.6, 11.0)),
        (pareto_nbd, pareto_nbd.Parameters(0.5, 6.0, 1.0, 11.0)),
    ],
)
def test_rates_are_the_slopes_of_expectations(module, parameters):
    x, age = np.array([0, 1, 7]), np.array([3.0, 20.0, 39.0])
    rise = module.purchases_if_alive(parameters, 12 + 1e-4, x, age) - module.purchases_if_alive(
        parameters, 12 - 1e-4, x, age
    )
    assert module.rate_if_alive(parameters, 12, x, age) == pytest.approx(rise / 2e-4, rel=1e-5)
    assert module.purchases_if_alive(parameters, 0, x, age) == pytest.approx([0, 0, 0], abs=1e-12)


def test_what_periods_add_up_to_is_what_is_expected_of_them():
    parameters = bg_bb.Parameters(1.2, 0.75, 0.66, 2.8)
    each = [bg_bb.rate_if_alive(parameters, k, [2], [4])[0] for k in (1, 2, 3)]
    assert bg_bb.purchases_if_alive(parameters, 3, [2], [4])[0] == pytest.approx(sum(each))
    kept = shifted_bg.purchases_if_alive(shifted_bg.Parameters(0.7, 1.2), 2, [3])[0]
    survival = shifted_bg.survival(shifted_bg.Parameters(0.7, 1.2), [3, 4, 5])
    assert kept == pytest.approx((survival[1] + survival[2]) / survival[0])


def test_gamma_gamma_draws_few_purchases_to_the_mean_of_all():
    parameters = gamma_gamma.Parameters(6.25, 3.74, 15.44)
    overall = gamma_gamma.population_mean(parameters)
    few, some, many = gamma_gamma.conditional_mean(parameters, [1, 5, 10_000], 100.0)
    assert overall < few < some < many
    assert many == pytest.approx(100, rel=1e-3)
    assert gamma_gamma.conditional_mean(parameters, [0], [np.nan]) == pytest.approx([overall])
    assert np.isnan(gamma_gamma.population_mean(gamma_gamma.Parameters(2.0, 0.9, 10.0)))


def test_numbers_hold_where_textbook_forms_overflow():
    x, t_x, age = [900, 0, 5], [364.0, 0.0, 0.001], [365.0, 3650.0, 3650.0]
    for module, parameters in [
        (bg_nbd, bg_nbd.Parameters(2.0, 0.01, 0.05, 30.0)),
        (pareto_nbd, pareto_nbd.Parameters(2.0, 0.01, 0.05, 3000.0)),
        (pareto_nbd, pareto_nbd.Parameters(0.02, 500.0, 8.0, 0.1)),
    ]:
        assert np.isfinite(module.log_likelihood(parameters, x, t_x, age)).all()
        forecast = module.conditional_purchases(parameters, 365.0, x, t_x, age)
        assert (np.isfinite(forecast) & (forecast >= 0)).all()


def test_gradients_are_those_of_the_likelihood():
    rng = np.random.default_rng(5)
    age = rng.uniform(0, 40, 60)
    x = rng.poisson(1.5, 60)
    t_x = np.where(x > 0, age * rng.random(60), 0)
    mean = rng.gamma(3, 10, 60)
    for evaluate, rows, point in [
        (bg_nbd._evaluate, distinct(x, t_x, age), [0.4, 5.0, 0.8, 2.4]),
        (pareto_nbd._evaluate, distinct(x, t_x, age), [0.4, 5.0, 0.7, 12.0]),
        (gamma_gamma._evaluate, distinct(x + 1, mean), [3.0, 2.5, 15.0]),
    ]:
        at = np.array(point)
        _, gradient = evaluate(at, rows)
        for i, slope in enumerate(gradient):
            step = np.zeros(len(at))
            step[i] = 1e-5 * at[i]
            rise = evaluate(at + step, rows)[0] - evaluate(at - step, rows)[0]
            assert slope == pytest.approx(rise / (2e-5 * at[i]), rel=1e-4, abs=1e-4)


# Fitting.


def test_equal_customers_are_computed_once():
    rows = distinct([1, 0, 1, 1], [2.0, 0.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0])
    assert [column.tolist() for column in rows.columns] == [[0, 1, 1], [0, 2, 3], [5, 5, 5]]
    assert rows.weight.tolist() == [1, 2, 1]
    assert rows.place.tolist() == [1, 0, 1, 2]


# Simulated with a fixed seed: each estimate within three standard errors of the truth.
@pytest.mark.parametrize(
    ("module", "simulate", "truth", "observed"),
    [
        (bg_nbd, simulated.bg_nbd, (0.9, 5.0, 1.1, 2.8), 39.0),
        (pareto_nbd, simulated.pareto_nbd, (0.9, 6.0, 0.8, 9.0), 52.0),
        (bg_bb, simulated.bg_bb, (1.2, 1.5, 0.7, 3.0), 8),
        (shifted_bg, simulated.shifted_bg, (0.8, 2.0), 6),
        (gamma_gamma, simulated.gamma_gamma, (5.0, 4.0, 20.0), 3),
    ],
    ids=["bg/nbd", "pareto/nbd", "bg/bb", "sbg", "gamma-gamma"],
)
def test_what_was_put_in_comes_out(module, simulate, truth, observed):
    fit = module.fit(*simulate(np.random.default_rng(7), 4000, truth, observed))
    assert fit.converged, fit.reason
    off = (np.array(fit.estimates) - truth) / fit.standard_errors
    assert np.abs(off).max() < 3
    assert (np.array(fit.lower) > 0).all()


def test_every_step_is_told_and_a_true_answer_cancels():
    history = simulated.bg_nbd(np.random.default_rng(1), 300, (0.9, 5.0, 1.1, 2.8), 39.0)
    seen = []
    fit = bg_nbd.fit(*history, on_step=lambda step, value: seen.append((step, value)))
    assert [step for step, _ in seen] == list(range(1, fit.steps + 1))
    assert seen[-1][1] <= fit.log_likelihood + 1e-6
    with pytest.raises(Cancelled, match="cancelled at step 3"):
        bg_nbd.fit(*history, on_step=lambda step, _: step == 3)


@pytest.mark.parametrize("customers", [300, 4000], ids=["all at once", "a part first"])
def test_progress_rises_to_one_and_changes_nothing(customers):
    history = simulated.bg_nbd(np.random.default_rng(1), customers, (0.9, 5.0, 1.1, 2.8), 39.0)
    seen = []
    fit = bg_nbd.fit(*history, progress=seen.append)
    assert fit == bg_nbd.fit(*history)
    assert 0 < seen[0] < 0.2
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) == fit.steps + 1


def test_what_progress_raises_ends_the_fit_and_reaches_the_caller():
    history = simulated.bg_nbd(np.random.default_rng(1), 300, (0.9, 5.0, 1.1, 2.8), 39.0)
    seen = []

    def stop(done):
        seen.append(done)
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        bg_nbd.fit(*history, progress=stop)
    assert len(seen) == 1


def test_customers_who_never_leave_are_no_bg_nbd_base():
    rng = np.random.default_rng(3)
    x = rng.poisson(rng.gamma(2.0, 2.0, 800))
    t_x = np.where(x > 0, 39 * rng.random(800) ** (1 / np.maximum(x, 1)), 0)
    fit = bg_nbd.fit(x, t_x, 39.0)
    assert not fit.converged
    assert fit.reason == "the data do not hold a and b"
    assert fit.loose == ("a", "b")


def test_a_flat_likelihood_is_no_maximum():
    rows = distinct([1.0])
    fit = maximise(lambda _, __: (0.0, np.zeros(2)), rows, [(1.0, 1.0)], ("one", "two"))
    assert not fit.converged
    assert fit.reason == "the data do not hold one and two"
    assert np.isnan(fit.standard_errors).all()


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: bg_nbd.fit([1], [9.0], [5.0]), "recency 9"),
        (lambda: bg_nbd.fit([0], [1.0], [5.0]), "recency is the last one's time"),
        (lambda: pareto_nbd.fit([0.5], [1.0], [5.0]), "frequency 0.5"),
        (lambda: bg_nbd.fit([], [], []), "a list of customers"),
        (lambda: bg_bb.fit([3], [2], [6]), "used 3 of 6 chances"),
        (lambda: bg_bb.fit([1], [1.5], [6]), "whole numbers"),
        (lambda: shifted_bg.fit([0], [True]), "before the first one"),
        (lambda: gamma_gamma.fit([1], [0.0]), "above 0 only"),
    ],
)
def test_impossible_histories_are_refused(ask, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        ask()
