"""Customer lifetime value: who is still a customer, how often they will buy, and for how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import stats
from cx_widgets._numbers import UNDEFINED, percent
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.purchase_history import PurchaseHistory, purchase_history
from cx_widgets.models import bg_bb, bg_nbd, gamma_gamma, pareto_nbd, shifted_bg
from cx_widgets.models._fit import distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.models import Fit, OnStep, Progress

    Floats = NDArray[np.float64]

LEAST = 20
"""Customers who bought again (or, with contracts, were lost) that a model must have at least."""

STRONG = 0.2
"""The correlation of frequency and value from which on values are to be read with care."""

YEAR = pd.Timedelta(days=365.25)

_GROUPS = 7
_LEAVING = {"a", "b", "s", "beta", "gamma", "delta"}
_NODES = 24
# Of the work the shares behind which the purchases, and their values, are fitted; then comes the forecast.
_BOUGHT, _VALUED = 0.6, 0.8
_METHOD = "observed information, log scale, 95%"


class _Model(NamedTuple):
    """One way to see customers come and go."""

    name: str
    periods: bool
    fit: Callable[[pd.DataFrame, OnStep | None, Progress | None], Fit]
    alive: Callable[[tuple[float, ...], pd.DataFrame], Floats]
    ahead: Callable[[tuple[float, ...], Floats, Floats, Floats], Floats]
    """Purchases expected of those alive, by parameters, time ahead, frequency and age."""
    rate: Callable[[tuple[float, ...], Floats, Floats, Floats], Floats]


def _xta(frame: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    x, t_x, age = (frame[name].to_numpy(dtype=np.float64) for name in ("frequency", "recency", "age"))
    return x, t_x, age


def _renewals(frame: pd.DataFrame) -> tuple[Floats, NDArray[np.bool_]]:
    """Return how many renewals were due, and whether the last one was missed."""
    streak, age = (frame[name].to_numpy(dtype=np.float64) for name in ("streak", "age"))
    return np.minimum(streak + 1, age), streak < age


MODELS = {
    "bg/nbd": _Model(
        "BG/NBD",
        periods=False,
        fit=lambda frame, on_step, progress: bg_nbd.fit(*_xta(frame), on_step=on_step, progress=progress),
        alive=lambda p, frame: bg_nbd.p_alive(bg_nbd.Parameters(*p), *_xta(frame)),
        ahead=lambda p, time, x, age: bg_nbd.purchases_if_alive(bg_nbd.Parameters(*p), time, x, age),
        rate=lambda p, time, x, age: bg_nbd.rate_if_alive(bg_nbd.Parameters(*p), time, x, age),
    ),
    "pareto/nbd": _Model(
        "Pareto/NBD",
        periods=False,
        fit=lambda frame, on_step, progress: pareto_nbd.fit(*_xta(frame), on_step=on_step, progress=progress),
        alive=lambda p, frame: pareto_nbd.p_alive(pareto_nbd.Parameters(*p), *_xta(frame)),
        ahead=lambda p, time, x, age: pareto_nbd.purchases_if_alive(pareto_nbd.Parameters(*p), time, x, age),
        rate=lambda p, time, x, age: pareto_nbd.rate_if_alive(pareto_nbd.Parameters(*p), time, x, age),
    ),
    "bg/bb": _Model(
        "BG/BB",
        periods=True,
        fit=lambda frame, on_step, progress: bg_bb.fit(*_xta(frame), on_step=on_step, progress=progress),
        alive=lambda p, frame: bg_bb.p_alive(bg_bb.Parameters(*p), *_xta(frame)),
        ahead=lambda p, time, x, age: bg_bb.purchases_if_alive(bg_bb.Parameters(*p), time, x, age),
        rate=lambda p, time, x, age: bg_bb.rate_if_alive(bg_bb.Parameters(*p), time, x, age),
    ),
    "sbg": _Model(
        "Shifted beta-geometric",
        periods=True,
        fit=lambda frame, on_step, progress: shifted_bg.fit(
            *_renewals(frame), on_step=on_step, progress=progress
        ),
        alive=lambda _, frame: (~_renewals(frame)[1]).astype(np.float64),
        ahead=lambda p, time, _, age: shifted_bg.purchases_if_alive(shifted_bg.Parameters(*p), time, age),
        rate=lambda p, time, _, age: shifted_bg.rate_if_alive(shifted_bg.Parameters(*p), time, age),
    ),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LifetimeValue(Result):
    """Who is still a customer, and what they will bring, from `lifetime_value`.

    Attributes
    ----------
    frame
        One line for each buyer, see `lifetime_value`.
    model
        The model's name.
    horizon
        How far ahead the forecast goes from ``history.end``.
    discount
        The yearly rate by which later money counts less.
    history
        What the model knew of each customer.
    fit, value_fit
        What maximum likelihood found for the purchases, and for their value (None without values).
    note
        What to know of the values, or why there are none.
    """

    model: str
    horizon: pd.Timedelta
    discount: float
    history: PurchaseHistory
    fit: Fit
    value_fit: Fit | None
    note: str
    _model: _Model = field(repr=False)

    @property
    def converged(self) -> bool:
        """Whether the maximum of the likelihood was found; always true, for other fits are refused."""
        return self.fit.converged and (self.value_fit is None or self.value_fit.converged)

    @property
    def log_likelihood(self) -> float:
        """The log-likelihood of the purchases at its maximum."""
        return self.fit.log_likelihood

    @property
    def parameters(self) -> pd.DataFrame:
        """The parameters: columns ``value``, ``standard_error``, ``lower``, ``upper``, ``method``.

        Indexed by model and parameter. Standard errors come from the observed information (the second
        derivatives of the log-likelihood); intervals (95 %) are made on the scale of the logarithm. Rates are
        by ``history.unit``.
        """
        parts = []
        for name, fit in ((self.model, self.fit), ("Gamma-Gamma", self.value_fit)):
            if fit is not None:
                columns = {
                    "value": fit.estimates,
                    "standard_error": fit.standard_errors,
                    "lower": fit.lower,
                    "upper": fit.upper,
                }
                index = pd.MultiIndex.from_product([[name], fit.names], names=["model", "parameter"])
                parts.append(pd.DataFrame(columns, index=index))
        return pd.concat(parts).assign(method=_METHOD)

    @property
    def by_frequency(self) -> pd.DataFrame:
        """The forecast by repeat purchases so far: 0, 1, ... and 7 or more, then all.

        Columns ``customers``, ``p_alive`` (mean), ``purchases``, ``value`` and ``discounted_value`` (sums).
        """
        label = _group(self._frame["frequency"])
        grouped = self._frame.groupby(label)
        table = grouped[["purchases", "value", "discounted_value"]].sum(min_count=1)
        table.insert(0, "p_alive", grouped["p_alive"].mean())
        table.insert(0, "customers", grouped.size())
        whole = self._frame[["purchases", "value", "discounted_value"]].sum(min_count=1)
        whole["customers"], whole["p_alive"] = len(self._frame), self._frame["p_alive"].mean()
        return _with_total(table, whole)

    @property
    def by_tenth(self) -> pd.DataFrame:
        """The forecast by tenths of the buyers, the most valuable first (1); equal ones in the log's order.

        Columns ``customers``, ``p_alive`` (mean), ``purchases``, ``value``, ``discounted_value`` (sums) and
        ``share``: of the discounted value of all; of the purchases where there is no money.
        """
        names = ["purchases", "value", "discounted_value"]
        ranked = names[2] if self._frame[names[2]].notna().all() else names[0]
        table = self._frame.sort_values(ranked, ascending=False, kind="stable")
        tenth = pd.Index(np.arange(len(table)) * 10 // max(len(table), 1) + 1, name="tenth")
        grouped = table.groupby(tenth)
        sums = grouped[names].sum(min_count=1)
        sums.insert(0, "p_alive", grouped["p_alive"].mean())
        sums.insert(0, "customers", grouped.size())
        return sums.assign(share=stats.ratio(sums[ranked], np.full(len(sums), sums[ranked].sum())))

    @property
    def holdout(self) -> pd.DataFrame:
        """Purchases after the split, predicted and actual, by repeat purchases before; empty without a split.

        Indexed by ``frequency`` (0, 1, ... and 7 or more, then all): ``customers``, ``actual`` and
        ``predicted`` purchases in the holdout, and both for one customer (``actual_mean``,
        ``predicted_mean``). The prediction knows nothing of what came after the split.
        """
        known = self.history.frame
        if "holdout_frequency" not in known:
            names = ["customers", "actual", "predicted", "actual_mean", "predicted_mean"]
            return pd.DataFrame(columns=names, index=pd.Index([], name="frequency"), dtype=np.float64)
        ahead = known["holdout_age"].to_numpy(dtype=np.float64)
        alive = self._frame["p_alive"].to_numpy(dtype=np.float64)
        each = pd.DataFrame(
            {
                "customers": 1,
                "actual": known["holdout_frequency"],
                "predicted": alive * _ahead(self._model, self.fit, ahead, known),
            }
        )
        table = _with_total(each.groupby(_group(known["frequency"])).sum(), each.sum())
        return table.assign(
            actual_mean=table["actual"] / table["customers"],
            predicted_mean=table["predicted"] / table["customers"],
        )

    def _table(self) -> Table:
        rows = tuple(
            (
                str(name),
                f"{line['customers']:,.0f}",
                percent(float(line["p_alive"])),
                *(_money(line[column]) for column in ("purchases", "value", "discounted_value")),
            )
            for name, line in self.by_frequency.iterrows()
        )
        fitted = ", ".join(
            f"{name} {value:.4g}" for name, value in zip(self.fit.names, self.fit.estimates, strict=True)
        )
        later = f"discounted by {self.discount:.1%} a year" if self.discount else "not discounted"
        notes = (
            f"Forecast for the {format_duration(self.horizon)} after {self.history.end}; {later}.",
            f"{fitted}; log-likelihood {self.log_likelihood:,.2f}; unit of time {self.history.unit}.",
            *([self.note] if self.note else []),
        )
        heads = ("Repeat purchases", "Customers", "P(alive)", "Purchases", "Value", "Discounted")
        return Table(f"Lifetime value of {len(self._frame):,} buyers ({self.model})", heads, rows, notes)


def _money(value: object) -> str:
    number = float(value)  # type: ignore[arg-type]  # a number, from a frame of numbers
    return UNDEFINED if np.isnan(number) else f"{number:,.2f}"


def _group(frequency: pd.Series) -> pd.Series:
    return frequency.clip(upper=_GROUPS)


def _with_total(table: pd.DataFrame, total: pd.Series) -> pd.DataFrame:
    names = [f"{_GROUPS}+" if number == _GROUPS else str(number) for number in table.index]
    whole = pd.DataFrame([[total[name] for name in table.columns]], columns=table.columns)
    both = pd.concat([table, whole])
    both.index = pd.Index([*names, "all"], name="frequency")
    return both


def lifetime_value(
    log: EventLog,
    definition: Definition,
    *,
    model: str = "bg/nbd",
    horizon: object = "52W",
    discount: float = 0.0,
    split: object = None,
    each: object = None,
    unit: object = "7D",
    on_step: OnStep | None = None,
    progress: Progress | None = None,
) -> LifetimeValue:
    """Return for each buyer how likely they are still a customer, and the purchases and money ahead.

    A model of the whole customer base is fitted to `purchase_history` by maximum likelihood, and asked about
    each customer. What a purchase is worth comes from a second model, Gamma-Gamma.

    ================  ================================================================================
    ``"bg/nbd"``      buys at any time, may leave after each repeat purchase (`models.bg_nbd`)
    ``"pareto/nbd"``  buys at any time, may leave at any time (`models.pareto_nbd`)
    ``"bg/bb"``       may buy once a period, may leave before each (`models.bg_bb`)
    ``"sbg"``         a contract: whoever misses a period has left (`models.shifted_bg`)
    ================  ================================================================================

    **Columns.** All describe the time from the end of the history (the split, or the end of observation).

    - ``frequency``, ``recency``, ``age``, ``monetary_value``: as in `purchase_history`.
    - ``p_alive``: the probability that the customer has not left for good.
    - ``purchases``: those expected within the horizon: ``p_alive`` * those expected of a customer alive.
    - ``value_per_purchase``: the Gamma-Gamma mean, given the customer's own repeat purchases so far; that of
      all customers where there are none of value above 0.
    - ``value``: ``purchases`` * ``value_per_purchase``.
    - ``discounted_value``: the same with a purchase after time t counted (1 + discount) ^ -(t in years of
      365.25 days).

    It is revenue if the value column is; multiply by the margin for profit.

    **Ties**, **repeats**: as in `purchase_history`. **Censoring**: what the models are about: a customer
    who has not come back is alive or not, nobody saw which. **Not measurable**: without a value column, or
    with too few customers of value above 0, values are NaN and ``note`` says why. **Refused**, with
    the reason: fewer than 20 customers who bought again (with ``"sbg"``: fewer than 20 lost), nobody observed
    after the first purchase, a fit that does not settle.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles; ``retention_period`` is the default period of the last two models.
    model
        One of the names above.
    horizon
        How far ahead, as a duration; for models by period, the whole periods in it count.
    discount
        The yearly rate by which later money counts less, such as 0.1.
    split
        A time: fit on what came until then and forecast from there; `LifetimeValue.holdout` then compares
        with what came after. Or a part of the log's span, such as 0.5.
    each
        What counts as one purchase, as in `purchase_history`; ``"moment"`` by default, and
        ``retention_period`` for models by period.
    unit
        The unit of time of the parameters, for the first two models.
    on_step
        Called with the number of each step of the fit and the log-likelihood there. A true answer cancels
        the fit with `models.Cancelled`.
    progress
        Called with the share of the work that is done, an estimate that rises from 0 to 1. What it raises
        ends the work and reaches the caller, `models.Cancelled` for one; nothing is kept then. A result that
        was kept calls it once, with 1.

    Returns
    -------
    LifetimeValue
        ``frame`` is indexed by the customers' ids; ``parameters``, ``by_frequency`` and ``holdout`` are
        frames.

    Raises
    ------
    CXError
        When the question is bad or the data are too thin, see above.

    References
    ----------
    Fader, P. and Hardie, B. (2009). Probability models for customer-base analysis. Journal of Interactive
    Marketing 23(1), 61-69; the papers of the models in their files; docs/customer_base_models.md.

    Examples
    --------
    >>> import cx_widgets as cx
    >>> log, journey = cx.datasets.cdnow_log(), cx.datasets.cdnow_definition()
    >>> result = lifetime_value(log, journey, split="1997-09-30", horizon="39W")
    >>> result.parameters.loc["BG/NBD", "value"].round(3).to_dict()
    {'r': 0.243, 'alpha': 4.414, 'a': 0.793, 'b': 2.426}
    >>> result.holdout.loc["all", ["actual", "predicted"]].round(0).tolist()
    [1882.0, 1653.0]
    """
    log, definition = _result.check(log, definition)
    if model not in MODELS:
        raise unknown("model", model, MODELS)
    chosen = MODELS[model]
    length = parse_duration(horizon, "horizon")
    rate = _rate(discount)
    if each is None:
        each = definition.rules.retention_period if chosen.periods else "moment"
    if chosen.periods == (each in ("moment", "day")):
        wanted = "a period, such as each='30D'" if chosen.periods else "each='moment' or each='day'"
        raise CXError(f"{chosen.name} counts purchases otherwise: say {wanted}, instead of each={each!r}.")
    tell = progress or (lambda _: None)
    history = purchase_history(log, definition, unit=unit, each=each, split=split)
    period = parse_duration(history.unit)
    if chosen.periods and length < period:
        raise CXError(
            f"horizon={format_duration(length)} is shorter than one period of {history.unit}. Look further."
        )
    base = ("lifetime_value", definition, model, history.each, history.unit, history.end)
    fits = log.memo((*base, "fits"), lambda: _fitted(log, chosen, history, on_step, tell))
    result = log.memo(
        (*base, length, rate), lambda: _forecast(log, history, chosen, fits, horizon=length, rate=rate)
    )
    tell(1.0)
    return result


def _rate(discount: object) -> float:
    if isinstance(discount, bool) or not isinstance(discount, (int, float, np.number)):
        raise CXError(f"discount={discount!r} is no rate. Say 0.1 for ten per cent a year.")
    rate = float(discount)
    if not 0 <= rate < np.inf:
        raise CXError(f"discount={discount!r} is no rate of 0 or more. Say 0.1 for ten per cent a year.")
    return rate


class _Fits(NamedTuple):
    purchases: Fit
    value: Fit | None
    note: str


def _fitted(
    log: EventLog, model: _Model, history: PurchaseHistory, on_step: OnStep | None, progress: Progress
) -> _Fits:
    fit = _fitted_purchases(model, history, on_step, lambda done: progress(_BOUGHT * done))
    value, note = _fitted_value(
        log, history, on_step, lambda done: progress(_BOUGHT + (_VALUED - _BOUGHT) * done)
    )
    if model is MODELS["sbg"]:
        note = " ".join(filter(None, [_returned(history.frame), note]))
    return _Fits(fit, value, note)


def _fitted_purchases(
    model: _Model, history: PurchaseHistory, on_step: OnStep | None, progress: Progress
) -> Fit:
    frame = history.frame
    buyers = len(frame)
    if not buyers:
        raise CXError(f"{model.name} cannot be fitted: nobody bought. Which events are purchases?")
    if not (frame["age"] > 0).any():
        whole, shorter = (" for a whole period", ", or a shorter period,") if model.periods else ("", "")
        raise CXError(
            f"{model.name} cannot be fitted: none of {buyers:,} buyers was observed after the first "
            f"purchase{whole} (age 0). A longer log, or a later split,{shorter} would show who comes back."
        )
    if model is MODELS["sbg"]:
        number, did = int(_renewals(frame)[1].sum()), f"missed a period of {history.unit}, that is, were lost"
    else:
        number, did = int((frame["frequency"] > 0).sum()), "bought again"
    if number < LEAST:
        raise CXError(
            f"too thin for {model.name}: {number:,} of {buyers:,} buyers {did}, and a fit wants {LEAST} or "
            "more. A longer log would help; cx.loyalty assumes no model and says what can be said."
        )
    fit = model.fit(frame, on_step, progress)
    if not fit.converged:
        others = ", ".join(repr(name) for name, other in MODELS.items() if other is not model)
        nobody = ", as where nobody is seen to leave or all leave alike" if _LEAVING & {*fit.loose} else ""
        raise CXError(
            f"{model.name} does not fit these {buyers:,} buyers: {fit.reason}{nobody}. Try another model "
            f"({others}) or a longer history; cx.loyalty assumes no model."
        )
    return fit


def _returned(frame: pd.DataFrame) -> str:
    """Return the sentence on customers who should be lost and are not; nothing where there are none."""
    lost = _renewals(frame)[1]
    back = int((lost & (frame["frequency"] > frame["streak"]).to_numpy()).sum())
    if not back:
        return ""
    return f"{back:,} of {int(lost.sum()):,} lost customers bought again later: with a contract nobody does."


def _fitted_value(
    log: EventLog, history: PurchaseHistory, on_step: OnStep | None, progress: Progress
) -> tuple[Fit | None, str]:
    if "value" not in log.roles:
        return None, "No money: the log has no value column."
    frame = history.frame
    known = frame[(frame["valued"] > 0) & (frame["monetary_value"] > 0)]
    x, mean = (known[name].to_numpy(dtype=np.float64) for name in ("valued", "monetary_value"))
    if len(known) < LEAST or x.max(initial=0) < 2:  # noqa: PLR2004 - spread within a customer takes two
        there = f"No money: {len(known):,} customers have repeat purchases of value above 0"
        return None, f"{there}, and Gamma-Gamma wants {LEAST} or more, some with two."
    fit = gamma_gamma.fit(x, mean, on_step=on_step, progress=progress)
    if not fit.converged:
        return None, f"No money: Gamma-Gamma does not fit the values, {fit.reason}."
    notes = [_related(x, mean)]
    left_out = int((frame["valued"] > 0).sum()) - len(known)
    if left_out:
        notes.append(f"{left_out:,} customers whose repeat purchases are worth nothing are left out of it.")
    if np.isnan(gamma_gamma.population_mean(gamma_gamma.Parameters(*fit.estimates))):
        notes.append("The mean of all is undefined (q up to 1): no money for those without repeat purchases.")
    return fit, " ".join(notes)


def _related(x: Floats, mean: Floats) -> str:
    """Return the sentence on what Gamma-Gamma assumes not to be: those who buy more often spend otherwise."""
    spread = float(x.std() * mean.std())
    if not spread:
        return "Frequency and value of purchases do not vary together."
    r = float(((x - x.mean()) * (mean - mean.mean())).mean()) / spread
    said = f"Frequency and value of purchases correlate by {r:.2f}"
    if abs(r) < STRONG:
        return f"{said} (Gamma-Gamma assumes 0)."
    return f"{said}, and Gamma-Gamma assumes 0: read the values with care."


def _ahead(model: _Model, fit: Fit, time: Floats, frame: pd.DataFrame, discount: float = 0.0) -> Floats:
    """Return the purchases expected of those alive; a purchase after t counts e^(-discount t)."""
    x, _, age = _xta(frame)
    rows = distinct(x, age, time)
    x, age, time = rows.columns
    if not discount:
        return model.ahead(fit.estimates, time, x, age)[rows.place]
    total = np.zeros(len(x))
    if model.periods:
        for period in range(1, int(time.max(initial=0)) + 1):
            used = model.rate(fit.estimates, np.full(len(x), float(period)), x, age)
            total += np.where(period <= time, used, 0.0) * np.exp(-discount * period)
        return total[rows.place]
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    # The rate falls fastest at once: time as a square lays the points there.
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        at = time * node**2
        total += 2 * node * weight * time * model.rate(fit.estimates, at, x, age) * np.exp(-discount * at)
    return total[rows.place]


def _forecast(
    log: EventLog,
    history: PurchaseHistory,
    model: _Model,
    fits: _Fits,
    *,
    horizon: pd.Timedelta,
    rate: float,
) -> LifetimeValue:
    known, fit = history.frame, fits.purchases
    period = parse_duration(history.unit)
    time = np.full(len(known), float(horizon // period if model.periods else horizon / period))
    alive = model.alive(fit.estimates, known)
    purchases = alive * _ahead(model, fit, time, known)
    counted = alive * _ahead(model, fit, time, known, np.log1p(rate) * (period / YEAR)) if rate else purchases
    worth = np.full(len(known), np.nan)
    if fits.value is not None:
        mean = known["monetary_value"].to_numpy(dtype=np.float64)
        bought = np.where(mean > 0, known["valued"].to_numpy(dtype=np.float64), 0.0)
        parameters = gamma_gamma.Parameters(*fits.value.estimates)
        worth = gamma_gamma.conditional_mean(parameters, bought, mean)
    frame = known[["frequency", "recency", "age", "monetary_value"]].assign(
        p_alive=alive,
        purchases=purchases,
        value_per_purchase=worth,
        value=purchases * worth,
        discounted_value=counted * worth,
    )
    return LifetimeValue(
        definition=history.definition,
        n_customers=history.n_customers,
        unassigned_events=history.unassigned_events,
        model=model.name,
        horizon=horizon,
        discount=rate,
        history=history,
        fit=fit,
        value_fit=fits.value,
        note=fits.note,
        _model=model,
        _frame=frame,
        _log=log,
    )
