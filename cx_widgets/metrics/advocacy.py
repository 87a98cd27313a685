"""Advocacy: who recommends, whom recommendations bring, and what a loyalty programme goes along with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets import _keys, _runs, stats
from cx_widgets.engine import assigned_events, purchases, rows_in, stage_numbers
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _activity, _recommend, _result
from cx_widgets.metrics._buyers import NO_BUY, NOBODY
from cx_widgets.metrics._figure import (
    MEAN,
    NEWCOMBE,
    WILSON,
    Figure,
    FigureResult,
    estimated,
    frame_of,
    undefined,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition, Stage
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._result import Table

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]

EARLY, EVER = "early", "ever"
MEMBERS = (EARLY, EVER)
_NO_STAGE = "Not measurable: no stage has the role 'advocate'."
_NO_REFERRAL = (
    "Not measurable: no column of referrals was named. Say referred= with the column in which who "
    "recommends names the new customer, or referred_by= with that in which the new one names them."
)
_NO_PROGRAMME = (
    "Not measurable: no event of joining was named. Say joined= with a stage, an event or a Stage."
)
_ASSOCIATED = "Associated, no effect: the two groups differ in more than this."


class _Asked(NamedTuple):
    way: str
    column: str | None
    names_the_new: bool
    joined: str | Stage | None
    members: str


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Advocacy(FigureResult):
    """Advocacy figures, from `advocacy`; ``result["advocacy_rate"]`` is one of them.

    Attributes
    ----------
    frame
        One line for each figure, see `advocacy`.
    recommends, members
        Who recommends, and who is a member, as asked.
    """

    recommends: str
    members: str

    def _table(self) -> Table:
        notes = (
            _recommend.meaning(self._log, self.definition, self.recommends),
            _result.unassigned_note(self.unassigned_events),
        )
        return self._figure_table("Advocacy", tuple(note for note in notes if note))


def advocacy(
    log: EventLog,
    definition: Definition,
    *,
    recommends: str = _recommend.EITHER,
    referred: str | None = None,
    referred_by: str | None = None,
    joined: str | Stage | None = None,
    members: str = EARLY,
) -> Advocacy:
    """Return who recommends, what referrals bring, and how a loyalty programme goes with buying again.

    A **purchase** is a distinct time at which a customer has a row in a stage with the role buy, a **buyer**
    has one, who **came back** two or more. Who **recommends** is asked as in `loyalists`.

    - ``advocacy_rate``: buyers who recommend / buyers; Wilson.
    - ``recommendations``: rows in stages with the role advocate / customers with any; Student's t widened
      for skewness (`stats.mean_interval`).

    With a column of referrals. It names a customer: on a row of the one who recommends the new customer
    (``referred``), or on a row of the new customer the one who recommended (``referred_by``). Of several
    referrals of one customer the earliest counts; who names themselves does not. A **new customer** of
    ``referred`` has rows, and none before the referral.

    - ``referral_yield``: new customers / advocates, those who recommend or who referred anybody; the same
      over advocates. New customers of somebody who is not in the log are left out here.
    - ``referred_conversion``, ``other_conversion``: buyers / referred new customers, and buyers / all other
      customers of the log; Wilson. ``referral_difference``: the first less the second; Newcombe.

    With ``joined``, the rows by which customers join the programme.

    - ``programme_conversion``: buyers who joined, at whatever time / buyers; Wilson.
    - ``member_repeat_rate``, ``other_repeat_rate``: those who came back / buyers, of the members and of all
      other buyers; Wilson. ``programme_difference``: the first less the second; Newcombe. Members of
      ``"early"`` joined no later than at the time of their first purchase, so that nobody is a member
      because they came back; of ``"ever"`` at whatever time, which favours the programme: who stays longer
      has more time to join.

    Both differences say what goes together, and no effect. Without columns that name customers nobody can
    tell whom a recommendation brought; those figures then are undefined rather than guessed from times.

    **Ties.** At one time the earlier row of the frame's order counts. **Repeats.** Customers count once,
    rows of ``recommendations`` once each. **Censoring.** None: all is so far. **Empty.** 0 of 0 is NaN, with
    a note. **Not measurable** (a role, the score, a column or ``joined`` is missing): NaN, and the note says
    which. No window applies.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    recommends
        ``"stage"``, ``"score"`` or ``"either"``, see `loyalists`.
    referred
        A column on rows of those who recommend: the id of the new customer.
    referred_by
        A column on rows of new customers: the id of the one who recommended. Not both.
    joined
        A stage, an event or a `Stage` of its own.
    members
        ``"early"`` or ``"ever"``.

    Returns
    -------
    Advocacy
        ``frame`` is indexed by ``key``, with the columns ``label``, ``value``, ``unit``, ``numerator``,
        ``denominator``, ``lower``, ``upper``, ``method`` and ``note``.

    Raises
    ------
    CXError
        For both columns, an unknown column, stage, event or word, and when the definition does not fit.

    References
    ----------
    Kumar, V., Petersen, J. A. and Leone, R. P. (2007). How valuable is word of mouth? Harvard Business
    Review 85 (10), 139-146.
    Suissa, S. (2008). Immortal time bias in pharmacoepidemiology. American Journal of Epidemiology 167,
    492-499: why members are told by their first purchase.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c"],
    ...     "when": ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"],
    ...     "what": ["order", "review", "order", "visit"],
    ...     "from": [None, None, "a", "a"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> journey = cx.Definition({"Aware": ["visit"], "Buy": ["order"], "Advocate": ["review"]})
    >>> result = advocacy(log, journey, referred_by="from")
    >>> result.frame.loc[["advocacy_rate", "referral_yield", "referred_conversion"], "value"].tolist()
    [0.5, 2.0, 0.5]
    """
    log, definition = _result.check(log, definition)
    column = _column(log, referred, referred_by)
    asked = _Asked(
        way=_recommend.check_way(recommends),
        column=column,
        names_the_new=referred is not None,
        joined=None if joined is None else _activity.known(log, definition, joined, "joined"),
        members=_members(members),
    )
    return log.memo(("advocacy", definition, asked), lambda: _advocacy(log, definition, asked))


def _members(members: object) -> str:
    if not isinstance(members, str) or members not in MEMBERS:
        raise unknown("members", members, MEMBERS)
    return members


def _column(log: EventLog, referred: object, referred_by: object) -> str | None:
    if referred is not None and referred_by is not None:
        raise CXError(
            f"referred={referred!r} and referred_by={referred_by!r}: one column names the new customer or "
            "the one who recommended. Give the one that is there."
        )
    column = referred if referred is not None else referred_by
    if column is not None and column not in log.columns:
        raise unknown("column", column, log.columns)
    return None if column is None else str(column)


def _advocacy(log: EventLog, definition: Definition, asked: _Asked) -> Advocacy:
    bought = _Bought(log, definition)
    figures = (
        _rate(log, definition, asked, bought),
        _recommendations(log, definition),
        *_referrals(log, definition, asked, bought),
        *_programme(log, definition, asked, bought),
    )
    return Advocacy(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        recommends=asked.way,
        members=asked.members,
        _figures=figures,
        _frame=frame_of(figures),
        _log=log,
    )


class _Bought:
    """Who bought, when first, and who came back; one entry for each customer of the log."""

    def __init__(self, log: EventLog, definition: Definition) -> None:
        made = purchases(log, definition)
        self.measurable = bool(stage_numbers(definition, "buy"))
        self.once, self.again = (np.zeros(log.n_customers, dtype=bool) for _ in range(2))
        self.first = np.full(log.n_customers, np.iinfo(np.int64).max)
        begins = ~made.repeat
        self.once[made.customer[begins]] = True
        self.again[made.customer[made.repeat]] = True
        self.first[made.customer[begins]] = made.tick[begins]


def _share(key: str, label: str, hits: Bools, trials: Bools, note: str = "") -> Figure:
    n = int(np.count_nonzero(trials))
    y = int(np.count_nonzero(hits & trials))
    return estimated(
        key, label, "share", stats.share(y, n), numerator=y, denominator=n, method=WILSON, note=note
    )


def _difference(key: str, label: str, first: Figure, second: Figure) -> Figure:
    """Return the first share less the second, of different customers."""
    found = stats.mover(
        stats.Estimate(first.value, first.lower, first.upper),
        stats.Estimate(second.value, second.lower, second.upper),
    )
    note = _ASSOCIATED if found.value == found.value else "One of the two groups is empty."
    return estimated(
        key,
        label,
        "share",
        found,
        numerator=np.nan,
        denominator=first.denominator + second.denominator,
        method=NEWCOMBE,
        note=note,
    )


def _rate(log: EventLog, definition: Definition, asked: _Asked, bought: _Bought) -> Figure:
    key, label = "advocacy_rate", "Buyers who recommend"
    why_not = "" if bought.measurable else NO_BUY
    why_not = why_not or _recommend.missing(log, definition, asked.way)
    if why_not:
        return undefined(key, label, "share", why_not)
    speak = _recommend.advocates(log, definition, asked.way)
    return _share(key, label, speak, bought.once, "" if bought.once.any() else NOBODY)


def _recommendations(log: EventLog, definition: Definition) -> Figure:
    key, label = "recommendations", "Recommendations by customer who makes any"
    stages = stage_numbers(definition, "advocate")
    if not stages:
        return undefined(key, label, "ratio", _NO_STAGE)
    made = np.bincount(log.packed.customers[rows_in(log, definition, stages)], minlength=log.n_customers)
    return _mean(key, label, made[made > 0], "" if made.any() else "Nobody recommends.")


def _mean(key: str, label: str, counts: Ints, note: str = "") -> Figure:
    estimate = stats.mean_interval(counts)
    bounded = stats.Estimate(estimate.value, max(estimate.lower, 0.0), estimate.upper)
    return estimated(
        key,
        label,
        "ratio",
        bounded,
        numerator=int(counts.sum()),
        denominator=len(counts),
        method=MEAN,
        note=note,
    )


class _Links(NamedTuple):
    """Referrals: of each referred customer the first. -1 for a referrer who is not in the log."""

    referrer: Longs
    new: Longs
    own: int
    unseen: int


def _links(log: EventLog, asked: _Asked) -> _Links:
    if asked.column is None:
        raise TypeError("no column of referrals")
    codes, ids = _keys.customers(log.column(asked.column), asked.column)
    known = log.customer_ids
    if known.dtype != ids.dtype:
        # A column beside gaps holds floats or text where the ids are whole numbers.
        known, ids = known.map(str), ids.map(str)
    number = np.append(known.get_indexer(ids), -1)
    rows = np.flatnonzero(codes >= 0)
    named, speaker = number[codes[rows]].astype(np.int64), log.packed.customers[rows].astype(np.int64)
    tick = log.packed.ticks[rows].astype(np.int64)
    referrer, new = (speaker, named) if asked.names_the_new else (named, speaker)
    own = int(np.count_nonzero(referrer == new))
    unseen = int(np.count_nonzero(new < 0))
    kept = (referrer != new) & (new >= 0)
    if asked.names_the_new:
        begins = log.packed.ticks[log.packed.offsets[:-1]].astype(np.int64)
        kept &= begins[new] >= tick
    referrer, new, tick, rows = referrer[kept], new[kept], tick[kept], rows[kept]
    order = np.lexsort((rows, tick, new))
    first = order[_runs.begins(new[order])]
    return _Links(referrer[first], new[first], own, unseen)


def _referrals(log: EventLog, definition: Definition, asked: _Asked, bought: _Bought) -> tuple[Figure, ...]:
    labels = {
        "referral_yield": ("New customers by advocate", "ratio"),
        "referred_conversion": ("Referred customers who bought", "share"),
        "other_conversion": ("Other customers who bought", "share"),
        "referral_difference": ("Referred less others", "share"),
    }
    if asked.column is None:
        return tuple(undefined(key, *rest, _NO_REFERRAL) for key, rest in labels.items())
    links = log.memo(("referrals", asked.column, asked.names_the_new), lambda: _links(log, asked))
    speak = _recommend.advocates(log, definition, asked.way)
    known = links.referrer[links.referrer >= 0]
    speak[known] = True
    brought = np.bincount(known, minlength=log.n_customers)[speak]
    notes = []
    if links.unseen:
        notes.append(f"Referrals that name nobody in the log: {links.unseen:,}.")
    if links.own:
        notes.append(f"Referrals that name the customer of the row: {links.own:,}.")
    referral_yield = _mean("referral_yield", labels["referral_yield"][0], brought, " ".join(notes))
    if not bought.measurable:
        shares = [undefined(key, *rest, NO_BUY) for key, rest in list(labels.items())[1:]]
        return referral_yield, shares[0], shares[1], shares[2]
    new = np.zeros(log.n_customers, dtype=bool)
    new[links.new] = True
    first = _share("referred_conversion", labels["referred_conversion"][0], bought.once, new)
    second = _share("other_conversion", labels["other_conversion"][0], bought.once, ~new)
    difference = _difference("referral_difference", labels["referral_difference"][0], first, second)
    return referral_yield, first, second, difference


def _programme(log: EventLog, definition: Definition, asked: _Asked, bought: _Bought) -> tuple[Figure, ...]:
    labels = {
        "programme_conversion": "Buyers who joined the programme",
        "member_repeat_rate": "Members who bought again",
        "other_repeat_rate": "Other buyers who bought again",
        "programme_difference": "Members less others",
    }
    why_not = NO_BUY if not bought.measurable else _NO_PROGRAMME if asked.joined is None else ""
    if why_not:
        return tuple(undefined(key, label, "share", why_not) for key, label in labels.items())
    joins = _activity.activity(log, definition, asked.joined)
    ever = np.zeros(log.n_customers, dtype=bool)
    ever[joins.customer] = True
    member = ever
    note = "Members joined at whatever time: who stays longer has more time to join."
    if asked.members == EARLY:
        member = np.zeros(log.n_customers, dtype=bool)
        member[joins.customer[joins.tick <= bought.first[joins.customer]]] = True
        later = np.count_nonzero(ever & ~member & bought.once)
        note = f"Members joined no later than at their first purchase; {later:,} joined later."
    conversion = _share(
        "programme_conversion",
        labels["programme_conversion"],
        ever,
        bought.once,
        "" if bought.once.any() else NOBODY,
    )
    first = _share(
        "member_repeat_rate", labels["member_repeat_rate"], bought.again, bought.once & member, note
    )
    second = _share("other_repeat_rate", labels["other_repeat_rate"], bought.again, bought.once & ~member)
    difference = _difference("programme_difference", labels["programme_difference"], first, second)
    return conversion, first, second, difference
