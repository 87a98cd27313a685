"""Formulas of `cx_widgets.stats` in settings whose truth is known on paper; a part of `coverage.py`.

Where all samples can be listed, the coverage is a sum over them and exact; else it is counted in samples
drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import coverage_world
import numpy as np
from scipy.stats import binom, chi2, multinomial

from cx_widgets import chains, resampling, stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXACT, DRAWN = "exact", "drawn"
_ENOUGH, _FEW = 10, 2
_BUY, _ALARM, _HALF, _NAMED, _SPEAK = 0.4, 0.05, 0.5, 0.3, 0.25
_CHEAP = 5
"""How many times as many samples are drawn where one takes no time."""
_BOOTSTRAPS = ("t", "percentile", "bca")


class Line(NamedTuple):
    """A formula, the setting, and the shares of samples whose interval held the truth."""

    formula: str
    setting: str
    shares: list[float]
    how: str


def _wilson() -> Iterator[Line]:
    for words, setting in (
        ("at least 10 successes and 10 failures expected", lambda few: few >= _ENOUGH),
        ("2 to 10 expected", lambda few: _FEW <= few < _ENOUGH),
    ):
        shares = []
        for n in (20, 50, 100, 200, 500, 1000):
            hits = np.arange(n + 1)
            lower, upper = stats.wilson(hits, n)
            shares += [
                float(binom.pmf(hits, n, p)[(lower <= p) & (p <= upper)].sum())
                for p in np.arange(0.01, 0.5001, 0.01)
                if setting(n * min(p, 1 - p))
            ]
        yield Line("Wilson", f"20 to 1,000 trials, shares 1 % to 50 %, {words}", shares, EXACT)


def _newcombe() -> Iterator[Line]:
    for words, sizes, few in (
        ("groups of 50, 100 and 300, 10 successes and failures expected", (50, 100, 300), 10),
        ("groups of 20 and 30, 2 expected", (20, 30), 2),
    ):
        shares = []
        for n1 in sizes:
            for n2 in sizes:
                x1, x2 = np.arange(n1 + 1), np.arange(n2 + 1)
                (l1, u1), (l2, u2) = stats.wilson(x1, n1), stats.wilson(x2, n2)
                d = x1[:, None] / n1 - x2[None] / n2
                low = d - np.hypot((x1 / n1 - l1)[:, None], (u2 - x2 / n2)[None])
                high = d + np.hypot((u1 - x1 / n1)[:, None], (x2 / n2 - l2)[None])
                for p1 in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
                    for p2 in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
                        if min(n1 * p1, n1 * (1 - p1), n2 * p2, n2 * (1 - p2)) >= few:
                            inside = (low <= p1 - p2 + 1e-12) & (p1 - p2 - 1e-12 <= high)
                            weight = binom.pmf(x1, n1, p1)[:, None] * binom.pmf(x2, n2, p2)[None]
                            shares.append(float(weight[inside].sum()))
        yield Line("Newcombe, independent", words, shares, EXACT)


def _nps() -> Iterator[Line]:
    shares_of = ((0.3, 0.3), (0.5, 0.2), (0.6, 0.1), (0.2, 0.5), (0.15, 0.05))
    for words, sizes, few in (
        ("50 to 200 answers, 10 promoters and detractors expected", (50, 100, 200), 10),
        ("10 to 30 answers", (10, 20, 30), 0),
    ):
        shares = []
        for n in sizes:
            pairs = [(a, b) for a in range(n + 1) for b in range(n + 1 - a)]
            bounds = np.array([stats.nps(a, b, n)[1:] for a, b in pairs])
            counts = np.array([(a, b, n - a - b) for a, b in pairs])
            for p, d in shares_of:
                if n * min(p, d) >= few:
                    inside = (bounds[:, 0] <= p - d) & (p - d <= bounds[:, 1])
                    shares.append(float(multinomial.pmf(counts, n, (p, d, 1 - p - d))[inside].sum()))
        yield Line("NPS, adjusted Wald", words, shares, EXACT)


def _median() -> Iterator[Line]:
    for words, sizes in (
        ("50 to 1,000 values", (50, 100, 300, 1000)),
        ("6 to 30 values", (6, 8, 10, 15, 20, 30)),
    ):
        shares = []
        for n in sizes:
            bounds = stats.median_interval(np.arange(1, n + 1))
            # Holds the median of any continuous law unless fewer than that many values lie on one side of it.
            shares.append(float(1 - 2 * binom.cdf(bounds.lower - 1, n, 0.5)))
        yield Line("Median, order statistics", f"any continuous distribution, {words}", shares, EXACT)


def _interpolated_median(replicates: int) -> Iterator[Line]:
    laws: tuple[Callable[[np.random.Generator, int], np.ndarray], ...] = (
        lambda r, n: r.random(n) - 0.5,
        lambda r, n: r.normal(size=n),
        lambda r, n: r.exponential(size=n) - np.log(2),
        lambda r, n: r.lognormal(0, 1.2, n) - 1,
        lambda r, n: r.standard_cauchy(n),
    )
    for words, sizes in (("50 and 300 values", (50, 300)), ("6 to 30 values", (6, 8, 10, 15, 20, 30))):
        shares = []
        for n in sizes:

            def one(random: np.random.Generator, n: int = n) -> list[bool]:
                found = [stats.median_interval(law(random, n), interpolated=True) for law in laws]
                return [bool(each.lower <= 0 <= each.upper) for each in found]

            shares += _drawn(replicates, 15, one)
        setting = f"uniform, normal, exponential, lognormal (log-sd 1.2) and Cauchy, {words}"
        yield Line("Median, interpolated order statistics", setting, shares, DRAWN)


def _drawn(replicates: int, seed: int, one: Callable[[np.random.Generator], list[bool]]) -> list[float]:
    """Return how often each of several statements was true."""
    return np.mean(
        [one(np.random.default_rng([seed, number])) for number in range(replicates)], axis=0
    ).tolist()


def _clustered(replicates: int) -> Iterator[Line]:
    for customers in (200, 40, 15):
        for alike in (0.05, 0.3):

            def differ(
                random: np.random.Generator, customers: int = customers, alike: float = alike
            ) -> list[bool]:
                held = []
                for p in (0.1, 0.3, 0.5):
                    own = random.beta(p * (1 / alike - 1), (1 - p) * (1 / alike - 1), customers)
                    trials = random.geometric(0.35, customers)
                    held.append(_holds(random.binomial(trials, own), trials, p))
                return held

            setting = (
                f"{customers} customers, 2.9 trials each on average, correlation {alike} within, "
                "shares 10, 30, 50 %"
            )
            yield Line("Wilson, effective number by customer", setting, _drawn(replicates, 3, differ), DRAWN)

        def days(random: np.random.Generator, customers: int = customers) -> list[bool]:
            active = 1 + random.poisson(1.2, customers)
            return [_holds(active, np.full(customers, 30), 2.2 / 30)]

        setting = f"{customers} customers, active on 1 day or a few of 30"
        yield Line("Wilson, effective number by customer", setting, _drawn(replicates, 9, days), DRAWN)


def _holds(hits: np.ndarray, trials: np.ndarray, truth: float) -> bool:
    low, high = stats.clustered_wilson(
        hits.sum(),
        trials.sum(),
        success_squares=hits @ hits,
        products=trials @ hits,
        trial_squares=trials @ trials,
        clusters=len(trials),
    )
    return bool(low <= truth <= high)


def _paired(replicates: int) -> Iterator[Line]:
    for n, words in ((200, "200 customers"), (40, "40 customers")):

        def one(random: np.random.Generator, n: int = n) -> list[bool]:
            held = []
            for both, first, second in ((0.25, 0.05, 0.15), (0.1, 0.1, 0.1), (0.3, 0.15, 0.02)):
                a, b, c, _ = random.multinomial(n, (both, first, second, 1 - both - first - second))
                moved = np.zeros((2, n))
                moved[0, : a + b] = 1
                moved[1, :a] = moved[1, a + b : a + b + c] = 1
                deviations = moved - moved.mean(axis=1, keepdims=True)
                change = stats.mover(
                    stats.share(a + b, n),
                    stats.share(a + c, n),
                    stats.correlation(deviations[0], deviations[1]),
                )
                held.append(bool(change.lower <= first - second <= change.upper))
            return held

        yield Line(
            "Newcombe, paired (MOVER)",
            f"{words} under two definitions, 3 tables",
            _drawn(replicates, 4, one),
            DRAWN,
        )


def _survival(replicates: int) -> Iterator[Line]:
    for n, words in ((150, "150 customers"), (30, "30 customers")):

        def one(random: np.random.Generator, n: int = n) -> list[bool]:
            lasts, cut = random.exponential(1.0, n), random.uniform(0, 3, n)
            curve = stats.kaplan_meier(np.minimum(lasts, cut), lasts <= cut)
            held = []
            for truth in (0.8, 0.5, 0.25):
                place = int(np.searchsorted(curve.time, -np.log(truth), side="right")) - 1
                low, high = (curve.lower[place], curve.upper[place]) if place >= 0 else (0.0, 1.0)
                held.append(bool(low <= truth <= high))
            middle = curve.median
            held.append(not (np.log(2) < middle.lower) and not (np.log(2) > middle.upper))
            return held

        *band, median = _drawn(replicates, 5, one)
        setting = f"{words}, exponential times, 32 % cut off"
        yield Line("Kaplan-Meier band, log-log", f"{setting}, where the curve is 80, 50, 25 %", band, DRAWN)
        yield Line("Kaplan-Meier median", setting, [median], DRAWN)


def _wholes(replicates: int) -> Iterator[Line]:
    many = 400_000
    for n in (1200, 300):
        for words in (
            "attempts against customers, 17 % convert",
            "attempts against customers, 5 % convert",
            "entrants against entrants and a tenth more, 17 % convert",
            "converted of entrants, four fifths of all, against of all",
        ):
            truth = _two_shares(np.random.default_rng(12), many, words)
            value = truth[0].hits / truth[0].trials - truth[1].hits / truth[1].trials

            def one(
                random: np.random.Generator, n: int = n, words: str = words, value: float = value
            ) -> list[bool]:
                found = stats.customer_difference(*_two_shares(random, n, words))
                return [bool(found.lower <= value <= found.upper)]

            first, second = _two_shares(np.random.default_rng(13), many, words)
            differing = float(np.abs(first.moved - second.moved).sum()) * n / many
            setting = f"{n:,} customers, {words}; {differing:.0f} trials count differently"
            yield Line("Difference of shares with other wholes", setting, _drawn(replicates, 10, one), DRAWN)


def _two_shares(random: np.random.Generator, n: int, words: str) -> tuple[stats.Counted, stats.Counted]:
    """Return two shares of trials of customers of whom each has a share of their own."""
    own = random.beta(0.3, 6, n) if " 5 %" in words else random.beta(1, 5, n)
    ones = np.ones(n)
    if words.startswith("attempts"):
        tries = random.geometric(0.6, n)
        hits = random.binomial(tries, own)
        pairs = ((hits, tries), (hits > 0, ones))
    else:
        inside = random.random(n) < (0.9 if "tenth" in words else 0.8)
        bought = random.random(n) < own
        pairs = ((bought & inside, inside), (bought if "tenth" in words else bought & inside, ones))
    one, other = (stats.Counted(float(y.sum()), float(x.sum()), y - y.sum() / x.sum() * x) for y, x in pairs)
    return one, other


def _skewed(replicates: int) -> Iterator[Line]:
    scores = np.array([2, 1, 2, 3, 4, 6, 8, 16, 21, 20, 17]) / 100
    kinds: tuple[tuple[str, Callable[[np.random.Generator, int], np.ndarray], float], ...] = (
        (
            "scores from 0 to 10, most of them high",
            lambda r, n: r.choice(11, n, p=scores),
            scores @ np.arange(11),
        ),
        ("counts, geometric from 1", lambda r, n: r.geometric(0.4, n), 2.5),
        (
            "differences around 0 that are 0 for half",
            lambda r, n: np.round(r.laplace(0, 1, n) * (r.random(n) < _HALF)),
            0.0,
        ),
    )
    for words, draw, truth in kinds:
        for n in (100, 40):

            def one(
                random: np.random.Generator,
                n: int = n,
                draw: Callable[[np.random.Generator, int], np.ndarray] = draw,
                truth: float = truth,
            ) -> list[bool]:
                found = stats.mean_interval(draw(random, n))
                return [bool(found.lower <= truth <= found.upper)]

            shares = _drawn(_CHEAP * replicates, 14, one)
            yield Line("Mean, t widened for skewness", f"{n} {words}", shares, DRAWN)


def _brought(replicates: int) -> Iterator[Line]:
    """Yield counts of new customers by advocate: who speaks up, and whoever brought somebody."""

    def by_those_who_bring(random: np.random.Generator, n: int) -> np.ndarray:
        return coverage_world.brought(random.poisson(0.3, n))

    def by_anybody(random: np.random.Generator, n: int) -> np.ndarray:
        return np.where(random.random(n) < _NAMED, random.integers(0, n, n), np.nan)

    for words, draw in (
        ("each brings others, 0.3 on average (Poisson)", by_those_who_bring),
        ("three in ten name one of the others, whoever it is", by_anybody),
    ):

        def counts(
            random: np.random.Generator,
            n: int,
            draw: Callable[[np.random.Generator, int], np.ndarray] = draw,
        ) -> np.ndarray:
            of = draw(random, n)
            many = np.bincount(of[~np.isnan(of)].astype(np.int64), minlength=n)
            return many[(many > 0) | (random.random(n) < _SPEAK)]

        truth = float(counts(np.random.default_rng(16), 1_000_000).mean())

        def one(
            random: np.random.Generator,
            counts: Callable[[np.random.Generator, int], np.ndarray] = counts,
            truth: float = truth,
        ) -> list[bool]:
            found = stats.mean_interval(counts(random, 300))
            return [bool(found.lower <= truth <= found.upper)]

        setting = f"new customers by advocate, 300 customers, {words}"
        yield Line("Mean, t widened for skewness", setting, _drawn(replicates, 17, one), DRAWN)


def _money(replicates: int) -> Iterator[Line]:
    for spread, words, sizes in (
        (0.6, "moderate tail (log-sd 0.6)", (1000, 300, 60)),
        (1.2, "long tail (log-sd 1.2)", (3000, 1000, 300, 60)),
    ):
        skewness = _skewness(*(_BUY * np.exp(3 * k + (k * spread) ** 2 / 2) for k in (1, 2, 3)))
        for n in sizes:
            samples = resampling.draws(n, 2000)
            truth = _BUY * np.exp(3 + spread**2 / 2)

            def one(
                random: np.random.Generator,
                n: int = n,
                spread: float = spread,
                samples: resampling.Draws = samples,
                truth: float = truth,
            ) -> list[bool]:
                spent = random.lognormal(3, spread, n) * (random.random(n) < _BUY)
                found = (
                    stats.mean_interval(spent),
                    *(resampling.ratio_interval(spent, np.ones(n), samples, method=m) for m in _BOOTSTRAPS),
                )
                return [bool(each.lower <= truth <= each.upper) for each in found]

            setting = (
                f"{n:,} customers, 40 % buy, {words}; skewness {skewness:.1f}, "
                f"by the root of the customers {skewness / np.sqrt(n):.2f}"
            )
            names = ("Mean, t widened for skewness", *(f"Mean, bootstrap, {m}" for m in _BOOTSTRAPS))
            for name, share in zip(names, _drawn(replicates, 6, one), strict=True):
                yield Line(name, setting, [share], DRAWN)


def _skewness(first: float, second: float, third: float) -> float:
    """Return the skewness of what has these mean powers."""
    spread = second - first**2
    return float((third - 3 * first * second + 2 * first**3) / spread**1.5)


def _false_alarms(replicates: int) -> Iterator[Line]:
    def curves(random: np.random.Generator) -> list[bool]:
        lasts, cut = random.exponential(1.0, 200), random.uniform(0, 3, 200)
        return [stats.logrank(np.minimum(lasts, cut), lasts <= cut, np.arange(200) % 2).p >= _ALARM]

    yield Line(
        "Log-rank test: no alarm where curves are one",
        "two groups of 100, 32 % cut off",
        _drawn(replicates, 7, curves),
        DRAWN,
    )
    step = np.array([[0.0, 0.6, 0.4], [0.5, 0.0, 0.5], [0.3, 0.7, 0.0]])

    def memory(random: np.random.Generator) -> list[bool]:
        state, at = np.zeros(600, dtype=np.int64), 0
        ahead = np.cumsum(step, axis=1)
        for number, chance in enumerate(random.random(600)):
            at = state[number] = int((chance > ahead[at]).sum())
        found = chains.order_test(chains.triples(state, [0], 3))
        return [found.statistic < chi2.ppf(0.95, found.freedom)]

    yield Line(
        "Order test: no alarm where only the stage counts",
        "a chain of 600 visits to 3 stages",
        _drawn(replicates, 8, memory),
        DRAWN,
    )


def table(replicates: int, only: str = "") -> list[str]:
    """Return the lines of the table of formulas."""
    kinds: tuple[Callable[[], Iterator[Line]], ...] = (
        _wilson,
        lambda: _clustered(replicates),
        _newcombe,
        lambda: _paired(replicates),
        _nps,
        _median,
        lambda: _interpolated_median(replicates),
        lambda: _survival(replicates),
        lambda: _wholes(replicates),
        lambda: _skewed(replicates),
        lambda: _brought(replicates),
        lambda: _money(replicates),
        lambda: _false_alarms(replicates),
    )
    lines = []
    for kind in kinds:
        for line in kind():
            if only in line.formula:
                low, high = min(line.shares), max(line.shares)
                span = f"{low:.1%}" if len(line.shares) == 1 else f"{low:.1%} to {high:.1%}"
                mean = "" if len(line.shares) == 1 else f"{np.mean(line.shares):.1%}"
                lines.append(f"| {line.formula} | {line.setting} | {span} | {mean} | {line.how} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table(5000)))
