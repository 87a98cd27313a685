"""Credit: which touchpoints stand before purchases, and how a rule divides the purchases among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats, touchpoints
from cx_widgets.binding import stages_of_rows
from cx_widgets.definition import Stage
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.engine import Journeys, assigned_events, coded_rows, journeys, journeys_of, stage_numbers
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _activity, _columns, _result
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.durations import Duration
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]
    Parts = tuple[str, ...]

NONE = "(no touchpoint)"
STAGE, EVENT = "stage", "event"
METHODS = ("first", "last", "last non-direct", "linear", "position", "time decay", "markov", "shapley")
PURCHASES = ("all", "first", "repeat")
WORTHS = ("conversions", "rate")
_TOUCHES = {
    _result.MERGED: "Consecutive touches of one touchpoint are one",
    _result.KEPT: "Each event that touches counts",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Credit(Result):
    """Purchases divided among the touchpoints before them, from `credit`.

    Attributes
    ----------
    frame
        One line for each touchpoint, see `credit`.
    method, by, goal, purchases, repeats
        The rule; what a touchpoint is; what is divided; of which purchases; and how touches were counted.
    conversions
        How many purchases are divided: the sum of the credits.
    revenue
        Their worth: the sum of the revenue credits; NaN where the log has no value column.
    converted_paths, null_paths
        Paths with a touchpoint that ended in a purchase, and that did not (yet).
    """

    method: str
    by: str
    goal: str
    purchases: str
    repeats: str
    conversions: int
    revenue: float
    converted_paths: int
    null_paths: int
    _rule: str
    _asked: _Asked

    @property
    def rate(self) -> float:
        """Converted paths / all paths with a touchpoint; NaN where there is none."""
        return float(stats.ratio(self.converted_paths, self.converted_paths + self.null_paths))

    def customers(self, touchpoint: str) -> pd.DataFrame:
        """Return the customers with a purchase that had a touchpoint before it, one line each.

        Parameters
        ----------
        touchpoint
            One of `frame`; ``"(no touchpoint)"``: those with a purchase that had none.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown touchpoint.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "a", "b"], "when": ["2026-01-01", "2026-01-02", "2026-01-02"],
        ...                    "what": ["ad", "order", "order"]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.credit(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
        >>> list(result.customers("Consider").index), list(result.customers("(no touchpoint)").index)
        (['a'], ['b'])
        """
        return customers_at(self._log, self.definition, self._asked, touchpoint)

    def _table(self) -> Table:
        lines, cut = _result.most_frequent(self._frame["stood_in"], "touchpoints")
        frame = self._frame.loc[lines]
        optional = (
            ("revenue", "Revenue", _amount),
            ("removal_effect", "Removal effect", _numbers.percent),
            ("standard_error", "Sampling error", _amount),
        )
        further = [column for column in optional if self._frame[column[0]].notna().any()]
        rows = tuple(
            (
                str(row["touchpoint"]),
                _amount(row["credit"]),
                _numbers.percent(row["share"]),
                _numbers.count(row["stood_in"]),
                *(text(row[name]) for name, _, text in further),
            )
            for _, row in frame.iterrows()
        )
        which = {"all": "all", "first": "first ones", "repeat": "repeated ones"}[self.purchases]
        order = "as they stand in the frame" if self.definition.rules.ties == "row" else "in stage order"
        counted = (
            f"Goal: {self.goal}, {which}: {self.conversions:,}, {self.converted_paths:,} of them after a "
            f"touchpoint. {self.null_paths:,} paths have not ended in one."
        )
        notes = (
            f"{self._rule} Credit divides what happened; it is no effect of a touchpoint.",
            counted,
            f"{_TOUCHES[self.repeats]}; ties {order}.",
            *cut,
            _result.unassigned_note(self.unassigned_events),
        )
        title = f"Credit by {self.by}, {self.method}"
        columns = ("Touchpoint", "Credit", "Share", "Stood in", *(heading for _, heading, _ in further))
        return Table(title, columns, rows, notes)


def _amount(value: float) -> str:
    return _numbers.UNDEFINED if np.isnan(value) else f"{value:,.1f}"


def credit(
    log: EventLog,
    definition: Definition,
    *,
    method: str = "linear",
    by: str = STAGE,
    goal: str | Stage | None = None,
    purchases: str = "all",
    repeats: str = "merged",
    direct: str = "direct",
    ends: float = 0.4,
    half_life: Duration = "7D",
    order: int = 1,
    worth: str = "conversions",
    draws: int = 2000,
    seed: int = 0,
) -> Credit:
    """Return the purchases, and what was spent, divided among the touchpoints that stood before them.

    **Touchpoint.** What an event in a stage touches: its stage, its event, or its value in a column (a
    channel, say), by ``by``. Rows in no stage, rows of the goal itself and rows without a value are none.
    **Path**: the touches of a customer after the time of the purchase before, in order, up to a purchase.
    Touches after the last purchase, and all those of a customer who never bought, make a **null path**: one
    that has not ended in a purchase. For ``purchases="first"`` the paths are those to first purchases and of
    customers who never bought; for ``"repeat"`` those after a first purchase, where what comes after buying
    has its say; ``"all"`` is both.

    **Credit** of a touchpoint: its part of the purchases; the credits add up to the purchases. Purchases with
    nothing before them have a line of their own, ``(no touchpoint)``. **Share** = credit / purchases.
    **Revenue** is divided in the same way: a purchase is worth the sum of the value column over its rows,
    missing values as 0. The methods:

    - ``"first"``, ``"last"``: all to the first, to the last touch. ``"last non-direct"``: to the last touch
      other than ``direct``, to ``direct`` where there is no other.
    - ``"linear"``: the same to every touch; a touchpoint visited twice has two.
    - ``"position"``: ``ends`` to the first and to the last touch, the rest to those between in equal parts;
      half each of two touches.
    - ``"time decay"``: a touch that began ``half_life`` earlier than another of the path has half its weight.
    - ``"markov"``: in proportion to the removal effect, the share of conversion lost in an absorbing Markov
      chain of the last ``order`` touches when whoever comes to the touchpoint is lost (`touchpoints.chain`).
      Null paths count; the chain converts exactly as many as did.
    - ``"shapley"``: what a touchpoint adds to the sets of touchpoints before it, the mean over all orders.
      With ``worth="conversions"`` a set is worth the purchases whose touchpoints all lie in it; the value
      then is the same part of a purchase to each distinct touchpoint, exact for any number of them. With
      ``worth="rate"`` it is worth the share converted of the paths whose touchpoints all lie in it, and null
      paths count: exact up to 15 touchpoints, beyond from ``draws`` orders drawn with ``seed``, with a
      standard error. Credit can then be below 0.

    Revenue follows each purchase's own path; with ``"markov"`` and ``worth="rate"``, which are rules for all
    paths together, it has the shares of the credit of purchases with a touchpoint.

    **Credit is no effect**: who meets a touchpoint differs from who does not, and no rule here says what
    would have happened without it. It has no interval; ``standard_error`` is that of drawing orders.

    **Ties.** Rows of one customer at one time stand in the order of their stages; with the rule
    ``ties="row"`` as in the frame. Goal rows at one time are one purchase; other rows at that time count if
    they stand before it, those behind it not at all. **Repeats.** ``repeats``: consecutive touches of one
    touchpoint are one, or each is one. **Censoring.** A null path may still end in a purchase; recent touches
    have too little credit. No window applies, and customers count, whatever the rules say of units.
    **Empty.** Without purchases credits are 0 and shares NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    method
        The rule, one of those above.
    by
        ``"stage"``, ``"event"``, or a column of the log.
    goal
        What a purchase is: a stage or event by name, or a `Stage` of its own; None for the stages with
        the role buy.
    purchases
        ``"all"``, ``"first"`` for each customer's first, ``"repeat"`` for the later ones.
    repeats
        ``"merged"`` or ``"kept"``.
    direct
        The touchpoint passed over by ``"last non-direct"``.
    ends
        For ``"position"``: the part of the first and of the last touch, from 0 to 0.5.
    half_life
        For ``"time decay"``: a fixed duration.
    order
        For ``"markov"``: how many touches a state remembers, from 1.
    worth
        For ``"shapley"``: ``"conversions"`` or ``"rate"``.
    draws, seed
        For ``"shapley"`` with rates of more than 15 touchpoints: how many orders, from 2; the random seed.

    Returns
    -------
    Credit
        ``frame`` has a line for each touchpoint that stands in a path (by stage: every stage that is not the
        goal, in order; else most credit first) with the columns ``touchpoint``, ``credit``, ``conversions``
        (the purchases divided, the denominator), ``share``, ``revenue`` (NaN without a value column),
        ``stood_in`` (purchases with the touchpoint in their path), ``removal_effect`` (of ``"markov"``),
        ``standard_error`` (of drawn orders) and ``method``.

    Raises
    ------
    CXError
        For an unknown method, touchpoint, goal or word, numbers out of range, a chain of more than 2,000
        states, no stage with the role buy and no goal, and when the definition does not fit the log.

    References
    ----------
    Anderl, E., Becker, I., von Wangenheim, F. and Schumann, J. H. (2016). Mapping the customer journey.
    International Journal of Research in Marketing 33, 457-474: removal effects.
    Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games II, 307-317.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "a", "b", "b", "c"],
    ...     "when": pd.date_range("2026-01-01", periods=6),
    ...     "what": ["ad", "compare", "order", "ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> stages = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]})
    >>> result = credit(log, stages)
    >>> result.frame[["touchpoint", "credit", "conversions", "share", "stood_in"]]
      touchpoint  credit  conversions  share  stood_in
    0   Consider     1.5            2   0.75         2
    1   Evaluate     0.5            2   0.25         1
    >>> credit(log, stages, method="last").frame["credit"].tolist()
    [1.0, 1.0]
    """
    log, definition = _result.check(log, definition)
    asked = asked_of(
        log,
        definition,
        method=method,
        by=by,
        goal=goal,
        purchases=purchases,
        repeats=repeats,
        direct=direct,
        ends=ends,
        half_life=half_life,
        order=order,
        worth=worth,
        draws=draws,
        seed=seed,
    )
    return log.memo(("credit", definition, asked), lambda: _credit(log, definition, asked))


def asked_of(
    log: EventLog,
    definition: Definition,
    *,
    method: str,
    by: str,
    goal: str | Stage | None,
    purchases: str,
    repeats: str,
    direct: str,
    ends: float,
    half_life: Duration,
    order: int,
    worth: str,
    draws: int,
    seed: int,
) -> _Asked:
    """Return the arguments of `credit`, checked."""
    one_of("method", method, METHODS)
    one_of("purchases", purchases, PURCHASES)
    one_of("worth", worth, WORTHS)
    if by not in (STAGE, EVENT):
        _columns.known_column(log, by)
    what = _activity.known(log, definition, goal, "goal")
    return _Asked(
        method=method,
        by=by,
        goal=what,
        purchases=purchases,
        repeats=_result.check_repeats(repeats),
        direct=direct,
        ends=_part(ends),
        half_life=parse_duration(half_life, "half_life"),
        order=_result.whole("order", order, 1),
        worth=worth,
        draws=_draws(draws),
        seed=_seed(seed),
    )


class _Asked(NamedTuple):
    method: str
    by: str
    goal: _activity.What
    purchases: str
    repeats: str
    direct: str
    ends: float
    half_life: pd.Timedelta
    order: int
    worth: str
    draws: int
    seed: int


def one_of(field: str, value: object, words: tuple[str, ...]) -> None:
    """Refuse what is none of the words."""
    if not isinstance(value, str) or value not in words:
        raise unknown(field, value, words)


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


def _goal_stages(definition: Definition, goal: _activity.What) -> tuple[int, ...]:
    if goal is None:
        return stage_numbers(definition, "buy")
    if isinstance(goal, str) and goal in definition.names:
        return (definition.names.index(goal) + 1,)
    return ()


def _own_stage(goal: _activity.What) -> Stage:
    """Return a goal that is no stage of the definition as one."""
    return goal if isinstance(goal, Stage) else Stage("(event)", [str(goal)], role=None)


def _touched(log: EventLog, definition: Definition, by: str) -> tuple[Ints | None, list[str]]:
    """Return what each packed row touches, None for its stage, and the names of all there is to touch."""
    if by == STAGE:
        return None, list(definition.names)
    if by != EVENT:
        return _columns.texts(log, by)
    names = list(log.event_names)
    narrow = np.min_scalar_type(-max(len(names), 1))
    return log.memo(("credit", "events"), lambda: log.packed.codes.astype(narrow)), names


def _journeys(log: EventLog, definition: Definition, asked: _Asked) -> tuple[Journeys, list[str]]:
    touch, names = _touched(log, definition, asked.by)
    merged = asked.repeats == _result.MERGED
    by = None if touch is None else (asked.by, touch)
    goal = _goal_stages(definition, asked.goal) or _own_stage(asked.goal)
    found = journeys(log, definition, goal, by, merged=merged)
    if found is None:
        found = _by_rows(log, definition, _own_stage(asked.goal), touch, merged=merged)
    return found, names


def _by_rows(
    log: EventLog, definition: Definition, goal: Stage, touch: Ints | None, *, merged: bool
) -> Journeys:
    """Return the paths to a goal that is no stage, where conditions or the order of the frame choose rows."""
    rows = coded_rows(log, definition, by_row=definition.rules.ties == "row")
    wanted: Bools = stages_of_rows([goal], log)[0]
    outside = wanted.copy()
    outside[rows.row] = False
    extra = np.flatnonzero(outside)
    # Rows of the goal in no stage stand behind the stages of their moment.
    customer = np.append(rows.customer, log.packed.customers[extra])
    tick = np.append(rows.tick, log.packed.ticks[extra])
    order = np.lexsort((tick, customer))
    row = np.append(rows.row, extra)[order]
    stage = np.append(rows.stage, np.zeros(len(extra), dtype=np.uint8))[order]
    values = log.values  # noqa: PD011 - the role's numbers, an array already
    return journeys_of(
        customer[order],
        tick[order],
        stage.astype(np.int32) - 1 if touch is None else np.where(stage > 0, touch[row], -1),
        wanted[row],
        None if values is None else np.nan_to_num(values[row]),
        merged=merged,
    )


def _chosen(found: Journeys, purchases: str) -> Journeys:
    """Return the paths to first purchases and of those who have none, or to repeated ones."""
    if purchases == "all":
        return found
    wanted = found.later == (purchases == "repeat")
    inside = wanted[touchpoints.path_of_touches(found.begins, len(found.touch))]
    taken = np.diff(np.append(found.begins, len(found.touch)))[wanted]
    bought = found.repeat == (purchases == "repeat")
    number = np.append(np.cumsum(bought) - 1, -1)
    return Journeys(
        touch=found.touch[inside],
        tick=found.tick[inside],
        begins=np.cumsum(taken) - taken,
        purchase=number[found.purchase[wanted]],
        later=found.later[wanted],
        repeat=found.repeat[bought],
        value=found.value[bought],
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
        found = _chosen(replace(self.found, touch=self.touch), part)
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

    def chains(self, order: int, parts: Parts) -> list[touchpoints.Chain]:
        """Return for each part the chain of its paths."""
        if order > 1 or len(self.names) > touchpoints.MOST_STATES:
            return [touchpoints.chain(self.of(part).paths, order) for part in parts]
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
        chosen = {"all": counts.sum(axis=0), "first": counts[0], "repeat": counts[1]}
        return [_chain_of(chosen[part]) for part in parts]


def _chain_of(counts: Longs) -> touchpoints.Chain:
    """Return the chain of those touchpoints that are touched at all."""
    n = len(counts) - 1
    there = np.flatnonzero(counts[:n].sum(axis=1))
    table = counts[np.ix_([*there, n], [*there, n, n + 1])]
    return touchpoints.chain_of(table, tuple((at,) for at in there.tolist()), n)


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
    rule: str


def _divided(log: EventLog, asked: _Asked, whole: _Whole, parts: Mapping[str, _Made]) -> list[_Split]:
    """Return for each part how a rule divides it."""
    undefined = np.full(len(whole.names), np.nan)
    if asked.method == "markov":
        remembered = "touch" if asked.order == 1 else f"{asked.order} touches"
        rule = f"In proportion to removal effects in a Markov chain of the last {remembered}."
        splits = []
        for made, fitted in zip(parts.values(), whole.chains(asked.order, (*parts,)), strict=True):
            shares = np.nan_to_num(stats.ratio(fitted.removal, fitted.removal.sum()))
            splits.append(
                _Split(shares * made.touched, shares * made.earned, fitted.removal, undefined, rule)
            )
        return splits
    if asked.method == "shapley" and asked.worth == "rate":
        return [_shapley_of_rates(asked, whole.of(part)) for part in parts]
    # A purchase counts one, so the weights themselves are the credit.
    if asked.method in ("first", "last", "last non-direct"):
        at = _taking_all(asked, whole)
        counts = whole.summed(at, None, (*parts,))
        sums = zip(counts, whole.summed(at, whole.value[whole.converts], (*parts,)), strict=True)
    else:
        weights, every = _weights(log, asked, whole), slice(None)
        counts = whole.summed(every, weights, (*parts,))
        sums = zip(counts, whole.summed(every, weights * whole.earned, (*parts,)), strict=True)
    return [_Split(credit_, revenue, undefined, undefined, _rule(asked)) for credit_, revenue in sums]


def _taking_all(asked: _Asked, whole: _Whole) -> Longs:
    """Return the touch of each path that gets all."""
    if asked.method == "first":
        return whole.won.begins
    direct = whole.names.index(asked.direct) if asked.method == "last non-direct" else None
    return touchpoints.last_touches(whole.won, direct)


def _shapley_of_rates(asked: _Asked, whole: _Whole) -> _Split:
    paths, value = whole.paths, whole.value
    n = paths.n_touchpoints
    undefined = np.full(n, np.nan)
    rule = "Shapley values; a set of touchpoints is worth the rate of the paths that lie in it."
    error = undefined
    if n <= touchpoints.MOST_EXACT:
        values = touchpoints.shapley(touchpoints.rate_of_sets(paths))
    else:
        values, error = touchpoints.sampled_shapley(paths, asked.draws, asked.seed)
        rule += f" From {asked.draws:,} orders drawn, seed {asked.seed}."
    made = paths.conversions.sum()
    rate = float(np.nan_to_num(stats.ratio(made, made + paths.nulls.sum())))
    parts = np.nan_to_num(stats.ratio(values, rate))
    return _Split(parts * made, parts * value.sum(), undefined, stats.ratio(error * made, rate), rule)


def _weights(log: EventLog, asked: _Asked, whole: _Whole) -> Floats:
    paths = whole.won
    half_life = asked.half_life.total_seconds() * 1e9 / log.packed.tick_ns
    rules = {
        "linear": lambda: touchpoints.linear_weights(paths),
        "position": lambda: touchpoints.position_weights(paths, asked.ends),
        "time decay": lambda: touchpoints.decay_weights(paths, whole.tick, half_life),
        "shapley": lambda: touchpoints.shared_weights(paths, whole.new),
    }
    return rules[asked.method]()


def _rule(asked: _Asked) -> str:
    return {
        "first": "All to the first touch.",
        "last": "All to the last touch.",
        "last non-direct": f"All to the last touch other than {asked.direct!r}.",
        "linear": "The same to every touch.",
        "position": f"{asked.ends:.0%} to the first and to the last touch, the rest to those between.",
        "time decay": f"Half the weight for every {format_duration(asked.half_life)} earlier.",
        "shapley": "Shapley values; a set of touchpoints is worth the conversions whose paths lie in it.",
    }[asked.method]


class Shares(NamedTuple):
    """All paths to purchases, the names of what they touch, and which of these have a line."""

    journeys: Journeys
    names: list[str]
    lines: Longs

    @property
    def labels(self) -> list[str]:
        """The touchpoints that have a line, as a table writes them."""
        found = [self.names[number] for number in self.lines.tolist()]
        return [repr(name) if name == NONE else name for name in found]


def touched(log: EventLog, definition: Definition, asked: _Asked) -> Shares:
    """Return the paths to the purchases asked for, and the touchpoints that have a line."""
    every, names = _journeys(log, definition, asked)
    found = _chosen(every, asked.purchases)
    goal_stages = _goal_stages(definition, asked.goal)
    if asked.by == STAGE:
        lines = np.array([at for at in range(len(names)) if at + 1 not in goal_stages], dtype=np.int64)
    else:
        lines = np.flatnonzero(np.bincount(found.touch, minlength=len(names)))
    return Shares(found, names, lines)


def tables(
    log: EventLog, shares: Shares, asked: Sequence[_Asked], parts: Parts = ("all",)
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
    for each in asked:
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
    labels: list[str], asked: _Asked, made: _Made, *, split: _Split, stood: Floats, valued: bool
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
        "method": np.full(n, asked.method, dtype=object),
    }
    return Divided(columns, split.rule)


class Divided(NamedTuple):
    """The line of each touchpoint and of purchases without one, by column, and the rule as a sentence."""

    columns: dict[str, NDArray[np.generic] | NDArray[np.object_]]
    rule: str


def frame_of(columns: Mapping[str, NDArray[np.generic] | NDArray[np.object_]]) -> pd.DataFrame:
    """Return columns as a table; those of names hold text."""
    return pd.DataFrame(
        {name: pd.Series(each, dtype=str) if each.dtype == object else each for name, each in columns.items()}
    )


def customers_at(log: EventLog, definition: Definition, asked: _Asked, touchpoint: str) -> pd.DataFrame:
    """Return the customers with a purchase that had a touchpoint, named as in a table, before it."""
    shares = touched(log, definition, asked._replace(purchases="all"))
    labels = shares.labels
    if touchpoint != NONE and touchpoint not in labels:
        raise unknown("touchpoint", touchpoint, [*labels, NONE])
    found = shares.journeys
    path = np.repeat(np.arange(len(found.begins)), np.diff(np.append(found.begins, len(found.touch))))
    behind = path if touchpoint == NONE else path[found.touch == shares.lines[labels.index(touchpoint)]]
    purchase = found.purchase[behind]
    there = np.zeros(len(found.repeat), dtype=bool)
    there[purchase[purchase >= 0]] = True
    mine = there != (touchpoint == NONE)
    if asked.purchases != "all":
        mine &= found.repeat == (asked.purchases == "repeat")
    # Purchases stand by customer: a first one is where the next buyer begins.
    buyer = np.cumsum(~found.repeat) - 1
    who = _buyers(log, definition, asked)[np.unique(buyer[mine])]
    return customer_table(log, by_customer(definition), who)


def _buyers(log: EventLog, definition: Definition, asked: _Asked) -> Longs:
    """Return the customers with a purchase, in their order."""
    buying = _goal_stages(definition, asked.goal)
    if not buying:
        mine = stages_of_rows([_own_stage(asked.goal)], log)[0]
        return np.unique(log.packed.customers[mine]).astype(np.int64)
    rows = coded_rows(log, definition)
    return np.unique(rows.customer[np.isin(rows.stage, buying)]).astype(np.int64)


def _credit(log: EventLog, definition: Definition, asked: _Asked) -> Credit:
    shares = touched(log, definition, asked)
    columns, rule = tables(log, shares, [asked])[0][0]
    frame = frame_of(columns)
    found, n_lines = shares.journeys, len(shares.lines)
    if asked.by != STAGE:
        rank = np.argsort(-frame["credit"].to_numpy()[:n_lines], kind="stable")
        frame = frame.iloc[[*rank.tolist(), *range(n_lines, len(frame))]].reset_index(drop=True)
    return Credit(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        method=asked.method,
        by=asked.by,
        goal=_activity.label(definition, asked.goal),
        purchases=asked.purchases,
        repeats=asked.repeats,
        conversions=len(found.repeat),
        revenue=float(found.value.sum()) if "value" in log.roles else np.nan,
        converted_paths=int((found.purchase >= 0).sum()),
        null_paths=int((found.purchase < 0).sum()),
        _rule=rule,
        _asked=asked,
        _frame=frame,
        _log=log,
    )
