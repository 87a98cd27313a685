"""Credit under every rule at once: how much the rules disagree about the same purchases."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets.engine import assigned_events
from cx_widgets.errors import CXError
from cx_widgets.metrics import _activity, _result
from cx_widgets.metrics._arguments import PURCHASES, one_of
from cx_widgets.metrics._credit_paths import NONE, STAGE, Sought, customers_at, sought_of, touched
from cx_widgets.metrics._credit_rules import METHODS, Rule, frame_of, rule_of, tables
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cx_widgets.definition import Definition, Stage
    from cx_widgets.durations import Duration
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._credit_rules import Divided

_DIRECT = ("direct", "(direct)", "direct / (none)", "(direct) / (none)")
_ABOUT = (
    "The same purchases under each rule; where rules disagree much, none of them is to be trusted much. "
    "Credit divides what happened; it is no effect of a touchpoint."
)
_COLUMNS = ("credit", "conversions", "share", "revenue", "stood_in")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CreditMethods(Result):
    """The same purchases divided by every rule, from `credit_methods`.

    Attributes
    ----------
    frame
        One line for each of the purchases asked for, each touchpoint and each rule; see `credit_methods`.
    by, goal, repeats
        What a touchpoint is; what is divided; and how touches were counted.
    direct
        The touchpoint that ``"last non-direct"`` passes over; empty where there is none.
    skipped
        Why a rule is left out, by its name.
    """

    by: str
    goal: str
    repeats: str
    direct: str
    skipped: Mapping[str, str]
    _sought: Sought

    @property
    def methods(self) -> tuple[str, ...]:
        """The rules in the frame, in order."""
        return tuple(name for name in METHODS if name not in self.skipped)

    @property
    def spread(self) -> pd.DataFrame:
        """How much the rules disagree about each touchpoint.

        Indexed by ``purchases`` and ``touchpoint``, with the columns ``least`` and ``most`` (the smallest and
        the largest share a rule gives), ``least_method``, ``most_method`` (the first such rule) and
        ``spread`` = most - least. NaN and empty where nothing was bought.
        """
        shares = self._frame.pivot_table(
            index=["purchases", "touchpoint"], columns="method", values="share", sort=False, dropna=False
        ).reindex(columns=list(self.methods))
        known = shares.notna().any(axis=1)
        least, most = shares.min(axis=1), shares.max(axis=1)
        low = shares[known].idxmin(axis=1).reindex(shares.index, fill_value="")
        high = shares[known].idxmax(axis=1).reindex(shares.index, fill_value="")
        return pd.DataFrame(
            {
                "least": least,
                "most": most,
                "least_method": low.astype(str),
                "most_method": high.astype(str),
                "spread": most - least,
            }
        )

    def conversions(self, purchases: str = "all") -> int:
        """Return how many purchases are divided: the sum of the credits under each rule.

        Parameters
        ----------
        purchases
            ``"all"``, ``"first"`` or ``"repeat"``.
        """
        one_of("purchases", purchases, PURCHASES)
        mine = self._frame.loc[self._frame["purchases"] == purchases, "conversions"]
        return int(mine.iloc[0]) if len(mine) else 0

    def customers(self, touchpoint: str, purchases: str = "all") -> pd.DataFrame:
        """Return the customers with a purchase that had a touchpoint before it, one line each.

        Parameters
        ----------
        touchpoint
            One of `frame`; ``"(no touchpoint)"``: those with a purchase that had none.
        purchases
            ``"all"``, ``"first"`` or ``"repeat"``.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown touchpoint, or other purchases.
        """
        one_of("purchases", purchases, PURCHASES)
        return customers_at(
            self._log, self.definition, self._sought._replace(purchases=purchases), touchpoint
        )

    def _table(self) -> Table:
        every = self._frame[self._frame["purchases"] == "all"]
        shares = every.pivot_table(
            index="touchpoint", columns="method", values="share", sort=False, dropna=False
        )
        stood = every.drop_duplicates("touchpoint").set_index("touchpoint")["stood_in"]
        lines, cut = _result.most_frequent(stood, "touchpoints")
        rows = tuple(
            (str(name), *(_numbers.percent(float(shares.loc[name, method])) for method in self.methods))
            for name in lines
        )
        total, first, repeat = (self.conversions(name) for name in PURCHASES)
        notes = (
            _ABOUT,
            f"Goal: {self.goal}: {total:,}, {first:,} of them first ones and {repeat:,} repeated.",
            *(f"Without {name!r}: {why}" for name, why in self.skipped.items()),
            *cut,
            _result.unassigned_note(self.unassigned_events),
        )
        return Table(
            f"Credit by {self.by} under {len(self.methods)} rules", ("Touchpoint", *self.methods), rows, notes
        )


def credit_methods(
    log: EventLog,
    definition: Definition,
    *,
    by: str = STAGE,
    goal: str | Stage | None = None,
    repeats: str = "merged",
    direct: str | None = None,
    ends: float = 0.4,
    half_life: Duration = "7D",
    order: int = 1,
    worth: str = "conversions",
    draws: int = 2000,
    seed: int = 0,
) -> CreditMethods:
    """Return the credit of each touchpoint under every rule: all purchases, first and repeated ones apart.

    Each line is what `credit` returns for that rule and those purchases, where the definitions of
    **touchpoint**, **path**, **credit**, **share**, **ties**, **repeats** and **censoring** stand; the paths
    are found once. Touchpoints are the same for all rules and purchases: one that has no part in first
    purchases has a credit of 0 there. ``"last non-direct"`` is left out where no touchpoint is the direct
    one, and ``"markov"`` where its chain would have too many states; `CreditMethods.skipped` says so. Under
    ``"first"``, ``"last"``, ``"last non-direct"``, ``"linear"``, ``"position"``, ``"time decay"`` and, with
    ``worth="conversions"``, ``"shapley"`` the credits of first and of repeated purchases add up to those of
    all. **Empty.** Without purchases credits are 0 and shares NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    by, goal, repeats, ends, half_life, order, worth, draws, seed
        As `credit` takes them.
    direct
        The touchpoint that ``"last non-direct"`` passes over. By default the one called ``direct``,
        ``(direct)``, ``direct / (none)`` or ``(direct) / (none)``, in small or large letters.

    Returns
    -------
    CreditMethods
        ``frame`` has a line for each of the purchases, each touchpoint (by stage: in order; else first what
        stood in most purchases) and each rule, with the columns ``purchases``, ``touchpoint``, ``method``,
        ``credit``, ``conversions``, ``share``, ``revenue`` and ``stood_in``. See also
        `CreditMethods.spread`.

    Raises
    ------
    CXError
        As `credit`.

    References
    ----------
    Those of `credit`.

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
    >>> result = credit_methods(log, stages)
    >>> result.spread.loc["all"][["least", "most", "least_method", "most_method"]]
                least  most least_method most_method
    touchpoint
    Consider      0.5   1.0         last       first
    Evaluate      0.0   0.5        first        last
    """
    log, definition = _result.check(log, definition)
    # Which rule does not matter: all are asked for.
    rule = rule_of("first", direct or "", ends, half_life, order=order, worth=worth, draws=draws, seed=seed)
    sought = sought_of(log, definition, by, goal, purchases="all", repeats=repeats)
    return log.memo(
        ("credit methods", definition, rule, sought), lambda: _methods(log, definition, rule, sought)
    )


def _methods(log: EventLog, definition: Definition, rule: Rule, sought: Sought) -> CreditMethods:
    shares = touched(log, definition, sought)
    if not rule.direct:
        rule = rule._replace(direct=next((name for name in shares.labels if name.casefold() in _DIRECT), ""))
    skipped: dict[str, str] = {}
    if not rule.direct:
        skipped["last non-direct"] = "no touchpoint is called direct."

    def rules() -> list[Rule]:
        return [rule._replace(method=method) for method in METHODS if method not in skipped]

    # Paths to some purchases have no more states than those to all: what refuses them refuses all.
    try:
        made = tables(log, shares, rules(), PURCHASES)
    except CXError as error:
        skipped["markov"] = str(error)
        made = tables(log, shares, rules(), PURCHASES)
    return CreditMethods(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        by=sought.by,
        goal=_activity.label(definition, sought.goal),
        repeats=sought.repeats,
        direct=rule.direct,
        skipped=MappingProxyType(skipped),
        _sought=sought,
        _frame=_ordered(made, sought.by),
        _log=log,
    )


def _ordered(made: list[list[Divided]], by: str) -> pd.DataFrame:
    """Return the lines by purchases, touchpoint and rule; all purchases know every touchpoint."""
    every = made[0][0].columns
    names, stood = every["touchpoint"].tolist(), every["stood_in"].tolist()
    ranked = list(range(len(names)))
    if by != STAGE:
        ranked.sort(key=lambda at: (names[at] == NONE, -stood[at]))
    place = {names[at]: rank for rank, at in enumerate(ranked)}
    tables_ = [
        (part, table.columns) for of_rule in made for part, table in zip(PURCHASES, of_rule, strict=True)
    ]
    columns = {
        "purchases": np.concatenate(
            [np.full(len(table["credit"]), part, dtype=object) for part, table in tables_]
        ),
        **{
            name: np.concatenate([table[name] for _, table in tables_])
            for name in ("touchpoint", "method", *_COLUMNS)
        },
    }
    keys = (
        [METHODS.index(name) for name in columns["method"].tolist()],
        [place[name] for name in columns["touchpoint"].tolist()],
        [PURCHASES.index(name) for name in columns["purchases"].tolist()],
    )
    order = np.lexsort(keys)
    return frame_of({name: column[order] for name, column in columns.items()})
