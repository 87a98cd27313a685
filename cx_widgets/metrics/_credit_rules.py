"""Rules of credit: how each divides the purchases, and their worth, among what stood before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import removal_effects, shapley_values, stats, touchpoints
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._arguments import one_of
from cx_widgets.metrics._credit_paths import NONE, chosen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cx_widgets.durations import Duration
    from cx_widgets.engine import Bools, Ints, Journeys
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
        seed=_seed(seed),
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


def _seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise CXError(f"seed must be a whole number from 0, not {seed!r}. Say seed=0.")
    return int(seed)


def tables(
    log: EventLog, shares: Shares, rules: Sequence[Rule], parts: Parts = ("all",)
) -> list[list[Divided]]:
    """Return for each rule how it divides each part of the same paths; the same lines for all parts."""
    found, lines = shares.journeys, shares.lines
    labels = [shares.names[number] for number in lines.tolist()]
    place = np.zeros(len(shares.names), dtype=np.int64)
    place[lines] = np.arange(len(lines))
    whole = _Whole(found, place[found.touch], labels)
    every = {part: whole.made(part) for part in parts}
    stood = whole.summed(whole.new, None, parts)
    made = []
    for each in rules:
        if each.method == "last non-direct" and each.direct not in labels:
            raise unknown("touchpoint in direct", each.direct, labels, then="Say direct= with one of them.")
        splits = zip(every.values(), _divided(log, each, whole, every), stood, strict=True)
        made.append(
            [
                _table(shares.labels, each, part, split=split, stood=at, valued="value" in log.roles)
                for part, split, at in splits
            ]
        )
    return made


def _table(
    labels: list[str], rule: Rule, made: _Made, *, split: _Split, stood: Floats, valued: bool
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
    """What is divided, and what several rules ask of it."""

    found: Journeys
    touch: Longs
    names: list[str]

    @cached_property
    def converts(self) -> Bools:
        """Which paths end in a purchase."""
        return self.found.purchase >= 0

    @cached_property
    def paths(self) -> touchpoints.Paths:
        """All paths."""
        return self._paths(self.touch, self.found.begins, self.converts)

    @cached_property
    def value(self) -> Floats:
        """The worth of the purchase of each path, 0 for none."""
        value: Floats = np.where(self.converts, np.append(self.found.value, 0)[self.found.purchase], 0)
        return value

    @cached_property
    def _inside(self) -> Bools:
        """Which touches are those of paths that end in a purchase."""
        return self.converts[self.paths.path]

    @cached_property
    def won(self) -> touchpoints.Paths:
        """The paths that end in a purchase."""
        lengths = self.paths.lengths[self.converts]
        whole = np.ones(len(lengths), dtype=bool)
        return self._paths(self.touch[self._inside], np.cumsum(lengths) - lengths, whole)

    @cached_property
    def tick(self) -> Ints:
        """When their touches began."""
        return self.found.tick[self._inside]

    @cached_property
    def earned(self) -> Floats:
        """Of each of their touches the worth of the purchase."""
        return self.value[self.converts][self.won.path]

    @cached_property
    def new(self) -> Bools:
        """Which of their touches are the first of their touchpoint in the path."""
        return touchpoints.new_touches(self.won)

    @cached_property
    def _part(self) -> Longs:
        """Of each of their touches the touchpoint, and as many more for paths to repeated purchases."""
        later = self.found.later[self.converts].astype(np.int64) * len(self.names)
        return self.won.touch + later[self.won.path]

    def _paths(self, touch: Longs, begins: Longs, converts: Bools) -> touchpoints.Paths:
        made, lost = converts.astype(np.float64), (~converts).astype(np.float64)
        return touchpoints.Paths(touch, begins, made, lost, len(self.names))

    def summed(self, at: Longs | Bools | slice, weights: Floats | None, parts: Parts) -> list[Floats]:
        """Return for each part the sums of the weights of some touches by touchpoint."""
        n = len(self.names)
        made: dict[str, Floats] = {}
        if parts != ("all",):
            both = np.bincount(self._part[at], weights=weights, minlength=2 * n).astype(np.float64)
            made = {"first": both[:n], "repeat": both[n:]}
        if "all" in parts:
            whole = np.bincount(self.won.touch[at], weights=weights, minlength=n)
            made["all"] = whole.astype(np.float64)
        return [made[part] for part in parts]

    def of(self, part: str) -> _Whole:
        """Return what is divided in one part."""
        if part == "all":
            return self
        found = chosen(replace(self.found, touch=self.touch), part)
        return _Whole(found, found.touch, self.names)

    def made(self, part: str) -> _Made:
        """Return how many purchases a part has, and what they are worth."""
        if part == "all":
            value, converts, earned = self.found.value, self.converts, self.value
        else:
            paths = self.found.later == (part == "repeat")
            value = self.found.value[self.found.repeat == (part == "repeat")]
            converts, earned = self.converts[paths], self.value[paths]
        return _Made(len(value), int(np.count_nonzero(converts)), float(value.sum()), float(earned.sum()))

    def chains(self, order: int, parts: Parts) -> list[removal_effects.Chain]:
        """Return for each part the chain of its paths."""
        if order > 1 or len(self.names) > removal_effects.MOST_STATES:
            return [removal_effects.chain(self.of(part).paths, order) for part in parts]
        # Each touch is followed by the next one, by conversion or by null: one number for both.
        n, paths = len(self.names), self.paths
        later = self.found.later.astype(np.int64) * n
        follows = np.append(self.touch[1:], self.touch[:1])
        follows[paths.last] = np.where(self.converts, n, n + 1)
        steps = (self.touch + later[paths.path]) * (n + 2) + follows
        inner = np.bincount(steps, minlength=2 * n * (n + 2)).reshape(2, n, n + 2)
        begun = np.bincount(self.touch[paths.begins] + later, minlength=2 * n).reshape(2, 1, n)
        begun = np.concatenate([begun, np.zeros((2, 1, 2), dtype=np.int64)], axis=2)
        counts = np.concatenate([inner, begun], axis=1)
        of_part = {"all": counts.sum(axis=0), "first": counts[0], "repeat": counts[1]}
        return [_chain_of(of_part[part]) for part in parts]


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


def _divided(log: EventLog, rule: Rule, whole: _Whole, parts: Mapping[str, _Made]) -> list[_Split]:
    """Return for each part how a rule divides it."""
    undefined = np.full(len(whole.names), np.nan)
    if rule.method == "markov":
        remembered = "touch" if rule.order == 1 else f"{rule.order} touches"
        words = f"In proportion to removal effects in a Markov chain of the last {remembered}."
        splits = []
        for made, fitted in zip(parts.values(), whole.chains(rule.order, (*parts,)), strict=True):
            shares = np.nan_to_num(stats.ratio(fitted.removal, fitted.removal.sum()))
            splits.append(
                _Split(shares * made.touched, shares * made.earned, fitted.removal, undefined, words)
            )
        return splits
    if rule.method == "shapley" and rule.worth == "rate":
        return [_shapley_of_rates(rule, whole.of(part)) for part in parts]
    # A purchase counts one, so the weights themselves are the credit.
    if rule.method in ("first", "last", "last non-direct"):
        at = _taking_all(rule, whole)
        counts = whole.summed(at, None, (*parts,))
        sums = zip(counts, whole.summed(at, whole.value[whole.converts], (*parts,)), strict=True)
    else:
        weights, every = _weights(log, rule, whole), slice(None)
        counts = whole.summed(every, weights, (*parts,))
        sums = zip(counts, whole.summed(every, weights * whole.earned, (*parts,)), strict=True)
    return [_Split(credit_, revenue, undefined, undefined, _words(rule)) for credit_, revenue in sums]


def _taking_all(rule: Rule, whole: _Whole) -> Longs:
    """Return the touch of each path that gets all."""
    if rule.method == "first":
        return whole.won.begins
    direct = whole.names.index(rule.direct) if rule.method == "last non-direct" else None
    return touchpoints.last_touches(whole.won, direct)


def _shapley_of_rates(rule: Rule, whole: _Whole) -> _Split:
    paths, value = whole.paths, whole.value
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


def _weights(log: EventLog, rule: Rule, whole: _Whole) -> Floats:
    paths = whole.won
    half_life = rule.half_life.total_seconds() * 1e9 / log.packed.tick_ns
    rules = {
        "linear": lambda: touchpoints.linear_weights(paths),
        "position": lambda: touchpoints.position_weights(paths, rule.ends),
        "time decay": lambda: touchpoints.decay_weights(paths, whole.tick, half_life),
        "shapley": lambda: touchpoints.shared_weights(paths, whole.new),
    }
    return rules[rule.method]()


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
