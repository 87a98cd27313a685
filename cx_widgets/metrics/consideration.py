"""Consideration: which brands customers start from, which they add and drop, and which they buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import stats
from cx_widgets.engine import assigned_events, rows_in, stage_numbers, staged_rows
from cx_widgets.errors import unknown
from cx_widgets.metrics import _columns, _result
from cx_widgets.metrics._activity import begins
from cx_widgets.metrics._arguments import PURCHASES, one_of
from cx_widgets.metrics._figure import Figure, FigureResult, clustered_share, estimated, frame_of, undefined
from cx_widgets.metrics._ways import ways

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._result import Table

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]

_FIRST, _LATER, _BOUGHT = 1, 2, 4
_FLAGS = 8
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
_LINEARISED = "linearised by customer, t 95%"
_MOVER = "MOVER of clustered Wilson 95%"
_SETS_NOTE = (
    "First: brands in a consider stage before the first event of an evaluate stage; added: others from then "
    "on, up to the purchase."
)
_NO_BUY = "Not measurable: no stage has the role 'buy'."
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
        return _brands(_met(self._log, self.definition, self.brand, self.purchases), names)

    @property
    def switches(self) -> pd.DataFrame:
        """Which brand was bought after which: ``from``, ``to``, ``purchases``; to others only, most first."""
        _, names = _columns.texts(self._log, self.brand)
        met = _met(self._log, self.definition, self.brand, "all")
        return _switches(met, _next(met, None if self.own is None else names.index(self.own)), names)

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
    linearised by customer, with Student's t; ``first_ratio`` is recovered from the intervals of the two rates
    and their correlation over customers (MOVER). What is considered first is *associated* with being
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
            raise unknown(f"brand in column {brand!r}", own, brands)
        own = str(own)
    return log.memo(
        ("consideration", definition, brand, own, purchases),
        lambda: _consideration(log, definition, brand, own, purchases),
    )


class _Met(NamedTuple):
    """Brands on ways to purchases of a known brand: one entry for each way and brand on it.

    Attributes
    ----------
    customer
        Whose the purchase of each way is.
    counts
        Which ways count.
    evaluated
        Which ways have a row of an evaluate stage.
    way, brand
        Of each entry, ascending.
    first, later, bought
        Of each entry whether it was in the first set, met later, bought.
    """

    customer: Ints
    counts: Bools
    evaluated: Bools
    way: Longs
    brand: Longs
    first: Bools
    later: Bools
    bought: Bools

    @property
    def whole(self) -> Bools:
        """Which ways have a first set and a row of an evaluate stage."""
        return (self.ways(self.first) > 0) & self.evaluated

    @property
    def dropped(self) -> Bools:
        """Which entries were in the first set, and neither met later nor bought."""
        return self.first & ~self.later & ~self.bought

    def ways(self, entries: Bools) -> Longs:
        """Return how many of some entries each way has."""
        return np.bincount(self.way[entries], minlength=len(self.customer))


def _brand_touches(log: EventLog, definition: Definition, brand: str) -> tuple[str, Ints]:
    """Return what each packed row touches, with a name for it.

    Of a consider stage the number of its brand, of an evaluate stage as much more as there are brands and
    one for those unknown; -1 for rows of other stages.
    """
    codes, names = _columns.texts(log, brand)
    width = len(names) + 1
    considering, evaluating = (stage_numbers(definition, role) for role in ("consider", "evaluate"))
    numbers = log.memo(
        ("brand numbers", brand), lambda: np.where(codes < 0, width - 1, codes).astype(np.int32)
    )
    offset = np.full(256, -width, dtype=np.int32)
    offset[list(considering)], offset[list(evaluating)] = 0, width
    staged = staged_rows(log, definition)
    # Other rows come out below 0 whatever their brand.
    touch = offset[staged.stage_of_code][staged.codes] + numbers
    return f"brands in {brand} of {considering} and {evaluating}", np.maximum(touch, -1)


def _met(log: EventLog, definition: Definition, brand: str, purchases: str) -> _Met:
    codes, names = _columns.texts(log, brand)
    found = ways(log, definition, _brand_touches(log, definition, brand))
    width = len(names) + 1
    n = len(found.customer)
    evaluating = np.flatnonzero(found.touch >= width)
    opens = np.full(n, len(found.touch), dtype=np.int64)
    fresh = evaluating[begins(found.purchase[evaluating])]
    opens[found.purchase[fresh]] = fresh
    later = np.arange(len(found.touch)) >= opens[found.purchase]
    code = np.where(found.touch >= width, found.touch - width, found.touch)
    rows = rows_in(log, definition, stage_numbers(definition, "buy"))
    bought = codes[rows]
    purchase = np.cumsum(begins(log.packed.customers[rows], log.packed.ticks[rows])) - 1
    # As narrow as will do: narrow keys are sorted in half the time.
    kind = np.dtype(np.int32 if n * width * _FLAGS < np.iinfo(np.int32).max else np.int64)
    flag = later.view(np.int8) + np.int8(_FIRST)
    # The flags lie in the last bits of a key, so that sorting brings those of a way and a brand together.
    met = (found.purchase.astype(kind) * width + code) * _FLAGS + flag
    got = (purchase.astype(kind) * width + bought) * _FLAGS + _BOUGHT
    keys = np.concatenate([met[code < width - 1], got[bought >= 0]])
    keys.sort()
    of = keys // _FLAGS
    at = np.flatnonzero(begins(of))
    flags = np.bitwise_or.reduceat(keys % _FLAGS, at) if len(at) else keys
    way, which = np.divmod(of[at].astype(np.int64), width)
    has = (flags & _BOUGHT) > 0
    known = np.zeros(n, dtype=bool)
    known[way[has]] = True
    if purchases != "all":
        known &= found.repeat == (purchases == "repeat")
    counts = known[way]
    first = ((flags & _FIRST) > 0) & counts
    return _Met(
        customer=found.customer,
        counts=known,
        evaluated=opens < len(found.touch),
        way=way,
        brand=which,
        first=first,
        later=((flags & _LATER) > 0) & counts,
        bought=has & counts,
    )


class _Sums:
    """Sums by customer, of which every figure is made: of entries, and of ways."""

    def __init__(self, log: EventLog, met: _Met) -> None:
        self._of_ways = met.customer
        self._of_entries = met.customer[met.way]
        self._n = log.n_customers

    def entries(self, chosen: Bools) -> Floats:
        """Return how many of some entries each customer has."""
        return np.bincount(self._of_entries[chosen], minlength=self._n).astype(np.float64)

    def ways(self, chosen: Bools) -> Floats:
        """Return how many of some ways each customer has."""
        return np.bincount(self._of_ways[chosen], minlength=self._n).astype(np.float64)


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
        method=_LINEARISED,
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


def _figures(log: EventLog, definition: Definition, met: _Met, own: int | None) -> dict[str, Figure]:
    if not stage_numbers(definition, "consider"):
        return {key: undefined(key, *_LABELS[key], _NO_CONSIDER) for key in KEYS[:-1]}
    total = _Sums(log, met)
    added = met.later & ~met.first
    has_first = met.ways(met.first) > 0
    looked = (met.ways(met.later) > 0) | has_first
    bought = total.entries(met.bought & looked[met.way])
    from_first = met.first & met.bought
    figures = {
        "initial_size": _mean("initial_size", total.entries(met.first), total.ways(has_first)),
        "from_first": _share("from_first", total.entries(from_first), bought),
        "from_neither": _share(
            "from_neither",
            total.entries(met.bought & ~met.first & ~met.later & looked[met.way]),
            bought,
        ),
        "lost": _lost(total, met, own),
    }
    if not stage_numbers(definition, "evaluate"):
        return figures
    figures["from_added"] = _share("from_added", total.entries(added & met.bought), bought)
    whole = has_first & met.evaluated
    inside = whole[met.way]
    first, adds = total.entries(met.first & inside), total.entries(added & inside)
    trials = total.ways(whole)
    figures["added"] = _mean("added", adds, trials)
    figures["dropped"] = _mean("dropped", total.entries(met.dropped & inside), trials)
    figures["added_ratio"] = _mean("added_ratio", adds, first)
    bought_first = total.entries(from_first & inside)
    bought_added = total.entries(added & met.bought & inside)
    rate = figures["first_rate"] = _share("first_rate", bought_first, first)
    later = figures["added_rate"] = _share("added_rate", bought_added, adds)
    figures["first_ratio"] = _times(
        rate, later, bought_first - rate.value * first, bought_added - later.value * adds
    )
    return figures


def _lost(total: _Sums, met: _Met, own: int | None) -> Figure:
    if own is None:
        return undefined("lost", *_LABELS["lost"], _NO_OWN)
    # On a way a brand has one entry, so these entries are ways.
    had = met.first & (met.brand == own)
    return _share("lost", total.entries(had & ~met.bought), total.entries(had))


class _Next(NamedTuple):
    """Purchases of a known brand after another of the same customer: the two, and whether it switched."""

    before: Longs
    after: Longs
    switched: Bools


def _next(met: _Met, own: int | None) -> _Next:
    way, brand = met.way[met.bought], met.brand[met.bought]
    width = int(brand.max(initial=0)) + 1
    known = way[begins(way)]
    follows = met.customer[known[1:]] == met.customer[known[:-1]]
    before, after = known[:-1][follows], known[1:][follows]
    # A brand of the purchase before that this one has too: it was kept.
    step = np.full(len(met.customer), -1, dtype=np.int64)
    step[before] = after
    led = step[way] >= 0
    # Ways and brands stand in order, so these keys do too.
    keys, wanted = way * width + brand, step[way[led]] * width + brand[led]
    place = np.searchsorted(keys, wanted)
    kept = np.append(keys, -1)[place] == wanted
    keeps = np.zeros(len(met.customer), dtype=bool)
    if own is None:
        keeps[step[way[led]][kept]] = True
        return _Next(before, after, ~keeps[after])
    mine = np.zeros(len(met.customer), dtype=bool)
    mine[way[brand == own]] = True
    of_own = mine[before]
    return _Next(before[of_own], after[of_own], ~mine[after[of_own]])


def _switched(log: EventLog, met: _Met, own: int | None) -> Figure:
    found = _next(met, own)
    whose = met.customer[found.after]
    trials = np.bincount(whose, minlength=log.n_customers).astype(np.float64)
    hits = np.bincount(whose[found.switched], minlength=log.n_customers).astype(np.float64)
    note = "" if len(found.after) else "Nobody bought a known brand again."
    return _share("switched", hits, trials, note)


def _consideration(
    log: EventLog, definition: Definition, brand: str, own: str | None, purchases: str
) -> Consideration:
    _, names = _columns.texts(log, brand)
    number = None if own is None else names.index(own)
    met = _met(log, definition, brand, purchases)
    every = met if purchases == "all" else _met(log, definition, brand, "all")
    figures: dict[str, Figure] = {}
    if not stage_numbers(definition, "buy"):
        figures = {key: undefined(key, *_LABELS[key], _NO_BUY) for key in KEYS}
    else:
        figures = _figures(log, definition, met, number)
        figures["switched"] = _switched(log, every, number)
    in_order = tuple(figures.get(key) or undefined(key, *_LABELS[key], _NO_EVALUATE) for key in KEYS)
    return Consideration(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        brand=brand,
        own=own,
        purchases=purchases,
        n_purchases=int(met.counts.sum()),
        _figures=in_order,
        _frame=frame_of(in_order),
        _log=log,
    )


def _brands(met: _Met, names: list[str]) -> pd.DataFrame:
    inside = met.whole[met.way]
    first, added = met.first & inside, met.later & ~met.first & inside
    which = {
        "bought": met.bought,
        "first": first,
        "added": added,
        "dropped": met.dropped & inside,
        "first_bought": first & met.bought,
        "added_bought": added & met.bought,
    }
    counts = {key: np.bincount(met.brand[rows], minlength=len(names)) for key, rows in which.items()}
    frame = pd.DataFrame(
        {key: counts[key][: len(names)] for key in which}, index=pd.Index(names, name="brand", dtype=str)
    )
    frame["first_rate"] = stats.ratio(frame["first_bought"], frame["first"])
    frame["added_rate"] = stats.ratio(frame["added_bought"], frame["added"])
    return frame


def _switches(met: _Met, found: _Next, names: list[str]) -> pd.DataFrame:
    """Return the brands of purchases that switched, with those of the purchase before."""
    way, brand = met.way[met.bought], met.brand[met.bought]
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
