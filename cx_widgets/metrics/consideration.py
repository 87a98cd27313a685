"""Consideration: which brands customers start from, which they add and drop, and which they buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import stats
from cx_widgets.engine import (
    BOUGHT,
    FIRST,
    LATER,
    Brands,
    assigned_events,
    brand_entries,
    brand_tallies,
    next_purchases,
    stage_numbers,
)
from cx_widgets.errors import unknown
from cx_widgets.metrics import _columns, _result
from cx_widgets.metrics._arguments import PURCHASES, one_of
from cx_widgets.metrics._buyers import NO_BUY
from cx_widgets.metrics._figure import (
    LINEARISED,
    Figure,
    FigureResult,
    clustered_share,
    estimated,
    frame_of,
    undefined,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import BrandEntries, BrandTallies
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._result import Table

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]

_LABELS = {
    "initial_size": ("Brands in the first set", "ratio"),
    "added": ("Brands added in evaluation", "ratio"),
    "dropped": ("Brands of the first set dropped", "ratio"),
    "added_ratio": ("Added by brand of the first set", "ratio"),
    "first_rate": ("Bought, of brands considered first", "share"),
    "added_rate": ("Bought, of brands added later", "share"),
    "first_ratio": ("Considered first : added later", "ratio"),
    "from_first": ("Purchases from the first set", "share"),
    "from_added": ("Purchases of brands added later", "share"),
    "from_neither": ("Purchases of brands not looked at", "share"),
    "lost": ("Own brand first, another bought", "share"),
    "switched": ("Switched at the next purchase", "share"),
}
KEYS = tuple(_LABELS)
_MOVER = "MOVER of clustered Wilson 95%"
_SETS_NOTE = (
    "First: brands in a consider stage before the first event of an evaluate stage; added: others from then "
    "on, up to the purchase."
)
_NO_CONSIDER = "Not measurable: no stage has the role 'consider'."
_NO_EVALUATE = "Not measurable: no stage has the role 'evaluate'."
_NO_OWN = "Not measurable: no own brand was named. Say own= with one of the brands."


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Consideration(FigureResult):
    """Brands on the way to purchases, from `consideration`; ``result["first_ratio"]`` is one figure.

    Attributes
    ----------
    frame
        One line for each figure, see `consideration`.
    brand, own, purchases
        The column of brands, the own brand (or None), and which purchases count.
    n_purchases
        Purchases of a known brand that count.
    """

    brand: str
    own: str | None
    purchases: str
    n_purchases: int

    @property
    def brands(self) -> pd.DataFrame:
        """The brands: how often each was bought, considered first, added and dropped.

        Indexed by ``brand``, with ``bought`` (ways to purchases that count); of the ways with a first set and
        a row of an evaluate stage ``first``, ``added``, ``dropped``, ``first_bought``, ``added_bought``, and
        the rates ``first_rate`` and ``added_rate`` of these.
        """
        _, names = _columns.texts(self._log, self.brand)
        asked = _asked(self._log, self.definition, self.brand, self.own, self.purchases)
        return _brands(brand_tallies(self._log, self.definition, asked, self.brand), names)

    @property
    def switches(self) -> pd.DataFrame:
        """Which brand was bought after which: ``from``, ``to``, ``purchases``; to others only, most first."""
        _, names = _columns.texts(self._log, self.brand)
        asked = _asked(self._log, self.definition, self.brand, self.own)
        return _switches(brand_entries(self._log, self.definition, asked), asked.own, names)

    def _table(self) -> Table:
        own = "" if self.own is None else f", own brand {self.own}"
        notes = (
            f"{self.n_purchases:,} purchases of a known {self.brand} ({self.purchases}){own}.",
            _SETS_NOTE,
            _result.unassigned_note(self.unassigned_events),
        )
        return self._figure_table(f"Consideration by {self.brand}", notes)


def consideration(
    log: EventLog,
    definition: Definition,
    brand: str,
    *,
    own: str | None = None,
    purchases: str = "all",
) -> Consideration:
    """Return which brands customers start from, which evaluation adds and drops, and what they buy.

    A **way** is what a customer does after the time of the purchase before, up to a purchase; a purchase is
    a distinct time at which a customer has a row in a stage with the role buy, and its brands are those of
    its rows. Only ways to a purchase of a known brand count, for others have not ended.

    - **First set**: the brands of rows in stages with the role consider before the first row in a stage with
      the role evaluate. **Added**: brands of later rows in these stages that are not in the first set.
      **Dropped**: brands of the first set that neither such a later row nor the purchase has.
    - ``initial_size``: brands of first sets / ways with a first set.
    - ``added``, ``dropped``: brands added, dropped / ways with a first set and a row of an evaluate stage.
      ``added_ratio``: brands added / brands of first sets, of these ways.
    - ``first_rate``: brands bought / brands of first sets. ``added_rate``: brands bought / brands added. Both
      of these same ways. ``first_ratio``: the first rate / the second: how many times as often brands are
      bought that were considered first.
    - ``from_first``, ``from_added``, ``from_neither``: brands bought from the first set, of those added,
      and of neither / brands bought, of ways with a brand in a consider or evaluate stage.
    - ``lost``: ways with ``own`` in the first set to a purchase without it / ways with it there.
    - ``switched``: purchases of none of the brands of the purchase before / purchases after a purchase of a
      known brand; with ``own``, those without it / those after one with it.

    Shares have Wilson's interval on the effective number, by customer; means and ``added_ratio`` are
    linearised by customer (`stats.linearised`); ``first_ratio`` is recovered from the intervals of the two
    rates and their correlation over customers (MOVER). What is considered first is *associated* with being
    bought; that a brand was put first did not make it so.

    **Ties.** At one time rows stand in the order of their stages (with the rule ``ties="row"`` as in the
    frame); rows behind a purchase at its time count nowhere. **Repeats.** A brand counts once on a way, a
    customer as often as they buy. **Censoring.** Ways that have not ended are left out. **Empty.** 0 of 0
    is NaN. **Not measurable** (a role or ``own`` is missing): NaN with the reason in ``note``. No window
    applies.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    brand
        The column of brands.
    own
        One of its values.
    purchases
        ``"first"``, ``"repeat"`` or ``"all"``: to which purchases ways lead. ``switched`` is of all.

    Returns
    -------
    Consideration
        ``frame`` is indexed by ``key``, with the columns ``label``, ``value``, ``unit``, ``numerator``,
        ``denominator``, ``lower``, ``upper``, ``method`` and ``note``. See also `Consideration.brands` and
        `Consideration.switches`.

    Raises
    ------
    CXError
        For an unknown column, brand or word, and when the definition does not fit the log.

    References
    ----------
    Court, D. et al. (2009). The consumer decision journey. McKinsey Quarterly 3.
    Shocker, A. D., Ben-Akiva, M., Boccara, B. and Nedungadi, P. (1991). Consideration set influences on
    consumer decision-making and choice. Marketing Letters 2, 181-197.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "a", "a", "a", "b", "b", "b"],
    ...     "when": pd.date_range("2026-01-01", periods=8),
    ...     "what": ["ad", "ad", "compare", "compare", "order", "ad", "compare", "order"],
    ...     "brand": ["X", "Y", "X", "Z", "X", "X", "Z", "Z"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> journey = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]})
    >>> result = consideration(log, journey, "brand")
    >>> result.frame.loc[["initial_size", "added", "dropped", "first_rate"], "value"].round(3).tolist()
    [1.5, 1.0, 1.0, 0.333]
    """
    log, definition = _result.check(log, definition)
    _columns.known_column(log, brand)
    one_of("purchases", purchases, PURCHASES)
    if own is not None:
        _, brands = _columns.texts(log, brand)
        if str(own) not in brands:
            raise unknown("brand", own, brands, then=f"Column {brand!r} holds these.")
        own = str(own)
    return log.memo(
        ("consideration", definition, brand, own, purchases),
        lambda: _consideration(log, definition, brand, own, purchases),
    )


def _asked(
    log: EventLog, definition: Definition, brand: str, own: str | None = None, purchases: str = "all"
) -> Brands:
    codes, names = _columns.texts(log, brand)
    return Brands(
        of_row=codes,
        n_brands=len(names),
        considering=stage_numbers(definition, "consider"),
        evaluating=stage_numbers(definition, "evaluate"),
        buying=stage_numbers(definition, "buy"),
        own=-1 if own is None else names.index(own),
        purchases=purchases,
    )


def _mean(key: str, y: Floats, x: Floats, note: str = "") -> Figure:
    """Return sum(y) / sum(x), both given for each customer."""
    label, unit = _LABELS[key]
    bottom = float(x.sum())
    value = float(stats.ratio(y.sum(), bottom))
    part = x > 0
    moved = (y[part] - value * x[part]) / bottom if bottom else np.zeros(0)
    found = stats.linearised(value, moved)
    return estimated(
        key,
        label,
        unit,
        stats.Estimate(found.value, max(found.lower, 0.0), found.upper),
        numerator=float(y.sum()),
        denominator=bottom,
        method=LINEARISED,
        note=note,
    )


def _share(key: str, y: Floats, x: Floats, note: str = "") -> Figure:
    return clustered_share(key, _LABELS[key][0], y, x, note=note)


def _times(first: Figure, later: Figure, moved: Floats, other: Floats) -> Figure:
    """Return how many times the second rate the first is."""
    label, unit = _LABELS["first_ratio"]
    found = stats.mover_ratio(
        stats.Estimate(first.value, first.lower, first.upper),
        stats.Estimate(later.value, later.lower, later.upper),
        stats.correlation(moved, other),
    )
    note = ""
    if np.isnan(found.value):
        empty = "was added" if not later.denominator else "added was bought"
        note = f"No brand {empty}, so there is nothing to compare with."
    return estimated(
        "first_ratio",
        label,
        unit,
        found,
        numerator=first.value,
        denominator=later.value,
        method=_MOVER,
        note=note,
    )


def _figures(definition: Definition, total: BrandTallies, own: str | None) -> dict[str, Figure]:
    if not stage_numbers(definition, "consider"):
        return {key: undefined(key, *_LABELS[key], _NO_CONSIDER) for key in KEYS[:-1]}
    bought = total.of_customers(BOUGHT)
    figures = {
        "initial_size": _mean("initial_size", total.of_customers(FIRST), total.told("with_first")),
        "from_first": _share("from_first", total.of_customers(FIRST | BOUGHT), bought),
        "from_neither": _share("from_neither", total.of_customers(BOUGHT, FIRST | LATER), bought),
        "lost": undefined("lost", *_LABELS["lost"], _NO_OWN)
        if own is None
        else _share("lost", total.told("own_lost"), total.told("own_first")),
    }
    if not stage_numbers(definition, "evaluate"):
        return figures
    figures["from_added"] = _share("from_added", total.of_customers(LATER | BOUGHT, FIRST), bought)
    first, adds = total.of_customers(FIRST, whole=True), total.of_customers(LATER, FIRST, whole=True)
    trials = total.told("whole")
    figures["added"] = _mean("added", adds, trials)
    figures["dropped"] = _mean("dropped", total.of_customers(FIRST, LATER | BOUGHT, whole=True), trials)
    figures["added_ratio"] = _mean("added_ratio", adds, first)
    bought_first = total.of_customers(FIRST | BOUGHT, whole=True)
    bought_added = total.of_customers(LATER | BOUGHT, FIRST, whole=True)
    rate = figures["first_rate"] = _share("first_rate", bought_first, first)
    later = figures["added_rate"] = _share("added_rate", bought_added, adds)
    figures["first_ratio"] = _times(
        rate, later, bought_first - rate.value * first, bought_added - later.value * adds
    )
    return figures


def _consideration(
    log: EventLog, definition: Definition, brand: str, own: str | None, purchases: str
) -> Consideration:
    tallies = brand_tallies(log, definition, _asked(log, definition, brand, own, purchases), brand)
    figures: dict[str, Figure] = {}
    if not stage_numbers(definition, "buy"):
        figures = {key: undefined(key, *_LABELS[key], NO_BUY) for key in KEYS}
    else:
        figures = _figures(definition, tallies, own)
        again = tallies.told("again")
        note = "" if again.any() else "Nobody bought a known brand again."
        figures["switched"] = _share("switched", tallies.told("switched"), again, note)
    in_order = tuple(figures.get(key) or undefined(key, *_LABELS[key], _NO_EVALUATE) for key in KEYS)
    return Consideration(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        brand=brand,
        own=own,
        purchases=purchases,
        n_purchases=int(tallies.told("counted").sum()),
        _figures=in_order,
        _frame=frame_of(in_order),
        _log=log,
    )


def _brands(tallies: BrandTallies, names: list[str]) -> pd.DataFrame:
    counts = {
        # Brands bought on ways without a brand looked at are entries of kind 0.
        "bought": tallies.of_brands(BOUGHT) + tallies.brands[:, 0],
        "first": tallies.of_brands(FIRST, whole=True),
        "added": tallies.of_brands(LATER, FIRST, whole=True),
        "dropped": tallies.of_brands(FIRST, LATER | BOUGHT, whole=True),
        "first_bought": tallies.of_brands(FIRST | BOUGHT, whole=True),
        "added_bought": tallies.of_brands(LATER | BOUGHT, FIRST, whole=True),
    }
    frame = pd.DataFrame(counts, index=pd.Index(names, name="brand", dtype=str))
    frame["first_rate"] = stats.ratio(frame["first_bought"], frame["first"])
    frame["added_rate"] = stats.ratio(frame["added_bought"], frame["added"])
    return frame


def _switches(met: BrandEntries, own: int, names: list[str]) -> pd.DataFrame:
    """Return the brands of purchases that switched, with those of the purchase before."""
    found = next_purchases(met, own)
    bought = (met.flags & BOUGHT) > 0
    way, brand = met.way[bought], met.brand[bought]
    table = pd.DataFrame({"way": way, "brand": brand})
    pairs = pd.DataFrame({"before": found.before[found.switched], "after": found.after[found.switched]})
    joined = pairs.merge(table, left_on="before", right_on="way").merge(
        table, left_on="after", right_on="way", suffixes=("_from", "_to")
    )
    counted = joined.groupby(["brand_from", "brand_to"], sort=True).size()
    order = np.argsort(-counted.to_numpy(), kind="stable")
    counted = counted.iloc[order]
    texts = np.array([*names, ""], dtype=object)
    return pd.DataFrame(
        {
            "from": texts[counted.index.get_level_values(0).to_numpy(dtype=np.int64)],
            "to": texts[counted.index.get_level_values(1).to_numpy(dtype=np.int64)],
            "purchases": counted.to_numpy(),
        }
    )
