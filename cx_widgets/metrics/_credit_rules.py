"""Rules of credit: how each divides the purchases, and their worth, among what stood before them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import removal_effects, shapley_values, stats, touchpoints
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.engine import RULES, Division, divided
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._arguments import PURCHASES, one_of
from cx_widgets.metrics._credit_paths import NONE, chosen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cx_widgets.durations import Duration
    from cx_widgets.engine import Bools, Journeys
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._credit_paths import Shares

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]
    Parts = tuple[str, ...]

METHODS = ("first", "last", "last non-direct", "linear", "position", "time decay", "markov", "shapley")
WORTHS = ("conversions", "rate")


class Rule(NamedTuple):
    """A rule of credit, and what it is told."""

    method: str
    direct: str
    ends: float
    half_life: pd.Timedelta
    order: int
    worth: str
    draws: int
    seed: int

    @property
    def of_rates(self) -> bool:
        """Whether it looks at sets of touchpoints and the rates of all paths in them."""
        return self.method == "shapley" and self.worth == "rate"


def rule_of(
    method: str,
    direct: str,
    ends: float,
    half_life: Duration,
    *,
    order: int,
    worth: str,
    draws: int,
    seed: int,
) -> Rule:
    """Return the rule that is asked for, or refuse it."""
    return Rule(
        method=one_of("method", method, METHODS),
        direct=direct,
        ends=_part(ends),
        half_life=parse_duration(half_life, "half_life"),
        order=_result.whole("order", order, 1),
        worth=one_of("worth", worth, WORTHS),
        draws=_draws(draws),
        seed=_result.whole("seed", seed, 0, least=0),
    )


def _part(ends: object) -> float:
    if isinstance(ends, int | float) and not isinstance(ends, bool) and 0 <= 2 * ends <= 1:
        return float(ends)
    raise CXError(f"ends must be a number from 0 to 0.5, not {ends!r}. Say ends=0.4.")


def _draws(draws: object) -> int:
    number = _result.whole("draws", draws, 2000)
    if number == 1:
        raise CXError("one order drawn has no standard error. Say draws=2000.")
    return number


def tables(
    log: EventLog, shares: Shares, rules: Sequence[Rule], parts: Parts = ("all",)
) -> list[list[Divided]]:
    """Return for each rule how it divides each part of the same paths; the same lines for all parts."""
    found, lines = shares.journeys, shares.lines
    labels = [shares.names[number] for number in lines.tolist()]
    for rule in rules:
        if rule.method == "last non-direct" and rule.direct not in labels:
            raise unknown("touchpoint in direct", rule.direct, labels, then="Say direct= with one of them.")
    place = np.zeros(len(shares.names), dtype=np.int64)
    place[lines] = np.arange(len(lines))
    whole = _Whole(found, place, labels)
    every = {part: whole.made(part) for part in parts}
    got = _got(log, whole, rules)
    made = []
    for rule in rules:
        splits = zip(every.items(), _divided(rule, whole, got, every), strict=True)
        made.append(
            [
                _table(
                    shares.labels, rule, of, split=split, stood=got.stood[part], valued="value" in log.roles
                )
                for (part, of), split in splits
            ]
        )
    return made


class _Got(NamedTuple):
    """What the lines get of the purchases and of their worth by rule and part, and what stood in them."""

    credit: dict[tuple[str, str], Floats]
    earned: dict[tuple[str, str], Floats]
    stood: dict[str, Longs]
    steps: dict[str, Longs]


def _got(log: EventLog, whole: _Whole, rules: Sequence[Rule]) -> _Got:
    """Return what rules that look at one path give, and the steps of the chain where one is asked for."""
    some = rules[0]
    alone = [rule.method for rule in rules if rule.method in RULES and not rule.of_rates]
    answer = divided(
        Division(
            found=whole.found,
            line=whole.line,
            n_lines=len(whole.names),
            rules=tuple(alone),
            direct=whole.names.index(some.direct) if "last non-direct" in alone else -1,
            ends=some.ends,
            half_life=some.half_life.total_seconds() * 1e9 / log.packed.tick_ns,
            steps=any(rule.method == "markov" for rule in rules) and whole.small(some.order),
        )
    )
    steps = {}
    if answer.steps is not None:
        steps = dict(zip(PURCHASES, (answer.steps.sum(axis=0), *answer.steps), strict=True))

    def by_cell(table: Floats) -> dict[tuple[str, str], Floats]:
        places = enumerate(alone), enumerate(PURCHASES)
        return {(rule, part): table[at, of] for (at, rule), (of, part) in product(*places)}

    return _Got(
        credit=by_cell(answer.credit),
        earned=by_cell(answer.earned),
        stood=dict(zip(PURCHASES, answer.stood, strict=True)),
        steps=steps,
    )


def _table(
    labels: list[str], rule: Rule, made: _Made, *, split: _Split, stood: Longs, valued: bool
) -> Divided:
    without = made.purchases - made.touched
    extra = bool(without)
    credits_ = np.append(split.credit, [without] * extra)
    n = len(credits_)
    revenue = np.append(split.revenue, [made.value - made.earned] * extra)
    columns = {
        "touchpoint": np.array(labels + [NONE] * extra, dtype=object),
        "credit": credits_,
        "conversions": np.full(n, made.purchases),
        "share": stats.ratio(credits_, made.purchases),
        "revenue": revenue if valued else np.full(n, np.nan),
        "stood_in": np.append(stood, [without] * extra).astype(np.int64),
        "removal_effect": np.append(split.removal, [np.nan] * extra),
        "standard_error": np.append(split.error, [np.nan] * extra),
        "method": np.full(n, rule.method, dtype=object),
    }
    return Divided(columns, split.words)


class Divided(NamedTuple):
    """The line of each touchpoint and of purchases without one, by column, and the rule as a sentence."""

    columns: dict[str, NDArray[np.generic] | NDArray[np.object_]]
    words: str


def frame_of(columns: Mapping[str, NDArray[np.generic] | NDArray[np.object_]]) -> pd.DataFrame:
    """Return columns as a table; those of names hold text."""
    return pd.DataFrame(
        {name: pd.Series(each, dtype=str) if each.dtype == object else each for name, each in columns.items()}
    )


@dataclass(frozen=True, eq=False)
class _Whole:
    """What is divided: paths, for each number of what is touched its line, and the names of the lines."""

    found: Journeys
    line: Longs
    names: list[str]

    @cached_property
    def converts(self) -> Bools:
        """Which paths end in a purchase."""
        return self.found.purchase >= 0

    @cached_property
    def value(self) -> Floats:
        """The worth of the purchase of each path, 0 for none."""
        return _worth(self.found)

    def of(self, part: str) -> tuple[touchpoints.Paths, Floats]:
        """Return the paths of a part, and what the purchase each ends in is worth, 0 for none."""
        found = chosen(self.found, part)
        converts = found.purchase >= 0
        made, lost = converts.astype(np.float64), (~converts).astype(np.float64)
        paths = touchpoints.Paths(self.line[found.touch], found.begins, made, lost, len(self.names))
        return paths, _worth(found)

    def made(self, part: str) -> _Made:
        """Return how many purchases a part has, and what they are worth."""
        if part == "all":
            value, converts, earned = self.found.value, self.converts, self.value
        else:
            paths = self.found.later == (part == "repeat")
            value = self.found.value[self.found.repeat == (part == "repeat")]
            converts, earned = self.converts[paths], self.value[paths]
        return _Made(len(value), int(np.count_nonzero(converts)), float(value.sum()), float(earned.sum()))

    def small(self, order: int) -> bool:
        """Whether a table of all steps is no larger than the chain may be."""
        return order == 1 and len(self.names) <= removal_effects.MOST_STATES


def _worth(found: Journeys) -> Floats:
    value: Floats = np.append(found.value, 0)[found.purchase]
    return value


def _chain_of(counts: Longs) -> removal_effects.Chain:
    """Return the chain of those touchpoints that are touched at all."""
    n = len(counts) - 1
    there = np.flatnonzero(counts[:n].sum(axis=1))
    table = counts[np.ix_([*there, n], [*there, n, n + 1])]
    return removal_effects.chain_of(table, tuple((at,) for at in there.tolist()), n)


class _Made(NamedTuple):
    """Purchases of a part, those of them after a touchpoint, and what they and these are worth."""

    purchases: int
    touched: int
    value: float
    earned: float


class _Split(NamedTuple):
    """Credit and revenue of the touchpoints, removal effects, and the errors of sampling."""

    credit: Floats
    revenue: Floats
    removal: Floats
    error: Floats
    words: str


def _divided(rule: Rule, whole: _Whole, got: _Got, parts: Mapping[str, _Made]) -> list[_Split]:
    """Return for each part how a rule divides it."""
    undefined = np.full(len(whole.names), np.nan)
    if rule.method == "markov":
        remembered = "touch" if rule.order == 1 else f"{rule.order} touches"
        words = f"In proportion to removal effects in a Markov chain of the last {remembered}."
        splits = []
        for part, made in parts.items():
            fitted = (
                _chain_of(got.steps[part])
                if got.steps
                else removal_effects.chain(whole.of(part)[0], rule.order)
            )
            shares = np.nan_to_num(stats.ratio(fitted.removal, fitted.removal.sum()))
            splits.append(
                _Split(shares * made.touched, shares * made.earned, fitted.removal, undefined, words)
            )
        return splits
    if rule.of_rates:
        return [_shapley_of_rates(rule, *whole.of(part)) for part in parts]
    words = _words(rule)
    return [
        _Split(got.credit[rule.method, part], got.earned[rule.method, part], undefined, undefined, words)
        for part in parts
    ]


def _shapley_of_rates(rule: Rule, paths: touchpoints.Paths, value: Floats) -> _Split:
    n = paths.n_touchpoints
    undefined = np.full(n, np.nan)
    words = "Shapley values; a set of touchpoints is worth the rate of the paths that lie in it."
    error = undefined
    if n <= shapley_values.MOST_EXACT:
        values = shapley_values.shapley(shapley_values.rate_of_sets(paths))
    else:
        values, error = shapley_values.sampled_shapley(paths, rule.draws, rule.seed)
        words += f" From {rule.draws:,} orders drawn, seed {rule.seed}."
    made = paths.conversions.sum()
    rate = float(np.nan_to_num(stats.ratio(made, made + paths.nulls.sum())))
    parts = np.nan_to_num(stats.ratio(values, rate))
    return _Split(parts * made, parts * value.sum(), undefined, stats.ratio(error * made, rate), words)


def _words(rule: Rule) -> str:
    return {
        "first": "All to the first touch.",
        "last": "All to the last touch.",
        "last non-direct": f"All to the last touch other than {rule.direct!r}.",
        "linear": "The same to every touch.",
        "position": f"{rule.ends:.0%} to the first and to the last touch, the rest to those between.",
        "time decay": f"Half the weight for every {format_duration(rule.half_life)} earlier.",
        "shapley": "Shapley values; a set of touchpoints is worth the conversions whose paths lie in it.",
    }[rule.method]
