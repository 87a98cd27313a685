"""Credit: which touchpoints stand before purchases, and how a rule divides the purchases among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events
from cx_widgets.metrics import _activity, _result
from cx_widgets.metrics._credit_paths import STAGE, Sought, customers_at, sought_of, touched
from cx_widgets.metrics._credit_rules import Rule, frame_of, rule_of, tables
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition, Stage
    from cx_widgets.durations import Duration
    from cx_widgets.log import EventLog

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
    _words: str
    _sought: Sought

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
        return customers_at(self._log, self.definition, self._sought, touchpoint)

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
            f"{self._words} Credit divides what happened; it is no effect of a touchpoint.",
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
      chain of the last ``order`` touches when whoever comes to the touchpoint is lost
      (`removal_effects.chain`). Null paths count; the chain converts exactly as many as did.
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
    rule = rule_of(method, direct, ends, half_life, order=order, worth=worth, draws=draws, seed=seed)
    sought = sought_of(log, definition, by, goal, purchases=purchases, repeats=repeats)
    return log.memo(("credit", definition, rule, sought), lambda: _credit(log, definition, rule, sought))


def _credit(log: EventLog, definition: Definition, rule: Rule, sought: Sought) -> Credit:
    shares = touched(log, definition, sought)
    columns, words = tables(log, shares, [rule])[0][0]
    frame = frame_of(columns)
    found, n_lines = shares.journeys, len(shares.lines)
    if sought.by != STAGE:
        rank = np.argsort(-frame["credit"].to_numpy()[:n_lines], kind="stable")
        frame = frame.iloc[[*rank.tolist(), *range(n_lines, len(frame))]].reset_index(drop=True)
    return Credit(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        method=rule.method,
        by=sought.by,
        goal=_activity.label(definition, sought.goal),
        purchases=sought.purchases,
        repeats=sought.repeats,
        conversions=len(found.repeat),
        revenue=float(found.value.sum()) if "value" in log.roles else np.nan,
        converted_paths=int((found.purchase >= 0).sum()),
        null_paths=int((found.purchase < 0).sum()),
        _words=words,
        _sought=sought,
        _frame=frame,
        _log=log,
    )
