"""Revenue by customer, with intervals over customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import stats
from cx_widgets.engine import (
    assigned_events,
    funnel_paths,
    funnel_totals,
    is_special,
    stage_numbers,
    who_in,
)
from cx_widgets.errors import unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._buyers import NO_BUY, NO_VALUE, NOBODY, spending
from cx_widgets.metrics._customers import by_customer
from cx_widgets.metrics._figure import LINEARISED, NAN, Figure, FigureResult, estimated, frame_of, undefined
from cx_widgets.resampling import MOST_UNITS, bca_interval, draws, percentile_interval, student_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._result import Table

    Floats = NDArray[np.float64]

METHODS = {"linearised": "linearised", "t": "t", "percentile": "percentile", "bca": "BCa"}

_LABELS = {
    "per_entrant": "Revenue per entrant",
    "per_customer": "Revenue per customer",
    "per_buyer": "Revenue per buyer",
    "order_value": "Average order value",
}
_NOTES = {
    "per_entrant": "All purchases of those who entered the funnel, whenever.",
    "per_customer": "All customers of the log, also those who never bought.",
    "per_buyer": "",
    "order_value": "Of purchases with a value.",
}
_LEAST = 2


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Revenue(FigureResult):
    """Revenue and what it is by customer, from `revenue`; ``result["per_buyer"]`` is one of the figures.

    Attributes
    ----------
    frame
        One line for each figure, see `revenue`.
    """

    def _table(self) -> Table:
        notes = (
            "A purchase is a moment at which a customer has events in a stage with the role 'buy'.",
            _result.unassigned_note(self.unassigned_events),
        )
        return self._figure_table(f"Revenue of {self.n_customers:,} customers", notes)


def revenue(
    log: EventLog,
    definition: Definition,
    *,
    method: str = "linearised",
    samples: int = 2000,
    seed: int = 0,
) -> Revenue:
    """Return revenue in all, per entrant, per customer, per buyer and per order.

    Revenue is the sum of the value column over the rows in stages with the role buy, missing values as 0.

    - ``revenue``: that sum.
    - ``per_entrant``: revenue of the customers who entered the funnel, whenever they bought / those
      customers. Special rules say who enters, each customer counted once.
    - ``per_customer``: revenue / all customers of the log.
    - ``per_buyer``: revenue / customers with a purchase, with a value or not.
    - ``order_value``: revenue / purchases with a value (average order value). A purchase is a distinct time
      at which a customer has a row in a stage with the role buy.

    **Intervals**, 95 %, are over customers, each with all their purchases, so that orders of one customer are
    not taken for independent. ``"linearised"`` is Student's t for what each customer moves the figure by,
    widened for skewness (`stats.linearised`): money hangs on a few customers, and of the intervals here it
    holds the truth most often. The others are bootstrap intervals: ``samples`` times as many customers as
    there are, drawn with replacement; beyond 4,096 customers random blocks of them, see `resampling.draws`,
    and the method says so. ``"t"`` measures each replicate in its own standard error
    (`resampling.student_interval`), ``"percentile"`` are the quantiles of the replicates, ``"bca"`` those
    moved for bias and skewness; the last two are short with few buyers or a long tail: where the skewness of
    what customers spend, divided by the root of their number, is 0.2 or less, such as 300 customers with a
    skewness of 3.5, they hold the truth in 93 to 97 % (docs/intervals.md). The samples are made
    once for a log and a seed, so the same definition has the same interval, and two definitions are compared
    on the same samples. With a handful of buyers many samples have no spread, and a bound of ``"t"`` may be
    NaN.

    **Ties**: rows of one time are one purchase. **Censoring**: none; revenue so far. **Empty**: 0/0 is NaN;
    with one customer the bounds are NaN. **Not measurable** (no stage with the role buy, no value column):
    NaN with the reason in the note, no error.

    Parameters
    ----------
    log
        The event log, with the role ``value``.
    definition
        The stages and their roles.
    method
        ``"linearised"``, ``"t"``, ``"percentile"`` or ``"bca"``.
    samples
        How many bootstrap samples, at least 1.
    seed
        Of the random numbers, a whole number from 0.

    Returns
    -------
    Revenue
        ``frame`` is indexed by ``key`` like that of `loyalty`.

    Raises
    ------
    CXError
        When the method, the number of samples or the seed makes no sense, or the definition does not fit the
        log.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap, section 12.5.
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical
    Association 82, 171-185.
    Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, section 3.8.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "b", "c"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02", "2026-01-04", "2026-01-05"],
    ...     "what": ["view", "order", "order", "order", "view"],
    ...     "paid": [None, 30.0, 10.0, 20.0, None],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what", value="paid")
    >>> result = revenue(log, cx.Definition({"Look": ["view"], "Buy": ["order"]}))
    >>> result.frame[["value", "numerator", "denominator"]]
                  value  numerator  denominator
    key
    revenue        60.0       60.0          NaN
    per_entrant    15.0       30.0          2.0
    per_customer   20.0       60.0          3.0
    per_buyer      30.0       60.0          2.0
    order_value    20.0       60.0          3.0
    >>> result["per_customer"].method
    'linearised by customer, t 95%, widened for skewness'
    """
    log, definition = _result.check(log, definition)
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    times = _result.whole("samples", samples, 2000)
    start = _result.whole("seed", seed, 0, least=0)
    key = ("revenue", definition, method, times, start)
    return log.memo(key, lambda: _revenue(log, definition, method, times, start))


def _entered(log: EventLog, definition: Definition) -> Floats:
    """Return 1 for each customer of the log who entered the funnel."""
    counted = by_customer(definition)
    special = is_special(counted)
    deepest = funnel_paths(log, counted).reach if special else funnel_totals(log, counted).deepest
    return (deepest > 0).astype(np.float64)


def _revenue(log: EventLog, definition: Definition, method: str, samples: int, seed: int) -> Revenue:
    figures = _figures(log, definition, method, samples, seed)
    return Revenue(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        _figures=figures,
        _frame=frame_of(figures),
        _log=log,
    )


def _parts(log: EventLog, definition: Definition) -> dict[str, tuple[Floats, Floats]]:
    """Return for each figure what every customer adds to its numerator and to its denominator."""
    spent = spending(log, definition)
    if spent is None:
        return {}
    buyer: Floats = who_in(log, definition, stage_numbers(definition, "buy")).astype(np.float64)
    entered = _entered(log, definition)
    return {
        "per_entrant": (spent.total * entered, entered),
        "per_customer": (spent.total, np.ones(log.n_customers)),
        "per_buyer": (spent.total, buyer),
        "order_value": (spent.total, spent.orders()),
    }


def _figures(
    log: EventLog, definition: Definition, method: str, samples: int, seed: int
) -> tuple[Figure, ...]:
    reason = NO_VALUE if log.values is None else "" if stage_numbers(definition, "buy") else NO_BUY
    if reason:
        return (
            undefined("revenue", "Revenue", "money", reason),
            *(undefined(key, name, "money", reason) for key, name in _LABELS.items()),
        )
    parts = _parts(log, definition)
    total = float(parts["per_customer"][0].sum())
    intervals, said = _intervals(log, parts, method, samples, seed)
    every = Figure(
        key="revenue",
        label="Revenue",
        value=total,
        unit="money",
        numerator=total,
        denominator=NAN,
        lower=NAN,
        upper=NAN,
        method="summed",
        _influence=lambda: np.zeros(log.n_customers),
    )
    figures = [every]
    for key, (above, below) in parts.items():
        y, x = float(above.sum()), float(below.sum())
        value = float(stats.ratio(y, x))
        few = np.count_nonzero(below) < _LEAST
        estimate = stats.Estimate(value, NAN, NAN) if few else intervals(above, below, value)
        figures.append(
            estimated(
                key,
                _LABELS[key],
                "money",
                estimate,
                numerator=y,
                denominator=x,
                method=said,
                note=_NOTES[key] if x else NOBODY if key != "per_entrant" else "Nobody entered.",
                influence=_moved(log, definition, key, value),
            )
        )
    return tuple(figures)


def _intervals(
    log: EventLog, parts: dict[str, tuple[Floats, Floats]], method: str, samples: int, seed: int
) -> tuple[Callable[[Floats, Floats, float], stats.Estimate], str]:
    """Return what gives the interval of a ratio of two sums over customers, and how it is called."""
    if method == "linearised":

        def linearised(above: Floats, below: Floats, value: float) -> stats.Estimate:
            counted = (above != 0) | (below != 0)
            moved = (above[counted] - value * below[counted]) / below.sum()
            return stats.linearised(value, moved)

        return linearised, LINEARISED
    drawn = log.memo(("bootstrap", samples, seed), lambda: draws(log.n_customers, samples, seed))
    blocks = "" if log.n_customers <= MOST_UNITS else f" in {MOST_UNITS:,} blocks"
    said = f"bootstrap {METHODS[method]} 95%, {samples:,} samples of customers{blocks}"
    if method == "t":
        return lambda above, below, _: student_interval(above, below, drawn), said
    # Several figures divide the same revenue: each sum is drawn once.
    columns = {id(column): column for pair in parts.values() for column in pair}
    sums = dict(zip(columns, drawn.sums(*columns.values()), strict=True))

    def resampled(above: Floats, below: Floats, value: float) -> stats.Estimate:
        replicates = stats.ratio(sums[id(above)], sums[id(below)])
        if method == "percentile":
            return percentile_interval(value, replicates)
        left_out = stats.ratio(above.sum() - above, below.sum() - below)
        return bca_interval(value, replicates, left_out)

    return resampled, said


def _moved(log: EventLog, definition: Definition, key: str, value: float) -> Callable[[], Floats]:
    def influence() -> Floats:
        above, below = _parts(log, definition)[key]
        return above - value * below

    return influence
