"""Loyalists: who comes back crossed with who recommends, and who of the loyal looks around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events, buyers, last_in, stage_numbers
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _recommend, _result
from cx_widgets.metrics._buyers import NO_BUY, NOBODY
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Buyers
    from cx_widgets.log import EventLog

ACTIVE, PASSIVE, ADVOCATES, NEITHER, VULNERABLE = "active", "passive", "advocates", "neither", "vulnerable"
QUADRANT = (ACTIVE, PASSIVE, ADVOCATES, NEITHER)
SEGMENTS = (*QUADRANT, VULNERABLE)
LABELS = {
    ACTIVE: "Active loyalists",
    PASSIVE: "Passive loyalists",
    ADVOCATES: "Advocates who bought once",
    NEITHER: "Neither",
    VULNERABLE: "Vulnerable passives",
}
_NO_RESEARCH = "Not measurable: no stage has the role 'consider' or 'evaluate'."
_NO_PASSIVES = "There is no passive loyalist."
_MEANS = {
    ACTIVE: "bought again and recommend",
    PASSIVE: "bought again and do not recommend",
    ADVOCATES: "bought once and recommend",
    NEITHER: "bought once and do not recommend",
    VULNERABLE: "passive loyalists who considered or evaluated after a purchase",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Loyalists(Result):
    """Buyers by whether they came back and whether they recommend, from `loyalists`.

    Attributes
    ----------
    frame
        One line for each segment, see `loyalists`.
    recommends
        What recommending means: ``"either"``, ``"stage"`` or ``"score"``.
    others_recommend
        Customers who recommend and never bought: in no segment. NaN where it cannot be told.
    """

    recommends: str
    others_recommend: float

    def customers(self, segment: str) -> pd.DataFrame:
        """Return the customers of a segment, one line each.

        Parameters
        ----------
        segment
            ``"active"``, ``"passive"``, ``"advocates"``, ``"neither"`` or ``"vulnerable"``.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown segment, and for one that cannot be measured here.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"], "when": ["2026-01-01", "2026-01-05", "2026-01-02"], "what": "order",
        ...     "score": [9, 9, 3],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
        >>> list(cx.loyalists(log, cx.Definition({"Buy": ["order"]})).customers("active").index)
        ['a']
        """
        if segment not in SEGMENTS:
            raise unknown("segment", segment, SEGMENTS)
        note = str(self._frame.loc[segment, "note"])
        if note.startswith("Not measurable"):
            raise CXError(f"the segment {segment!r} has no customers to list. {note}")
        found = _members(self._log, self.definition, self.recommends)
        return customer_table(self._log, by_customer(self.definition), np.flatnonzero(found[segment]))

    def _table(self) -> Table:
        rows = tuple(
            (
                str(line["label"]),
                _numbers.count(line["numerator"]),
                _numbers.percent(line["value"]),
                _numbers.span(line["lower"], line["upper"]),
                _numbers.count(line["denominator"]),
                str(line["note"]) or f"{_MEANS[str(segment)].capitalize()}.",
            )
            for segment, line in self._frame.iterrows()
        )
        notes = [_recommend.meaning(self._log, self.definition, self.recommends)]
        if self.others_recommend > 0:
            many = int(self.others_recommend)
            who = "customer recommends" if many == 1 else "customers recommend"
            notes.append(f"{many:,} {who} and never bought: in no segment.")
        notes.append(_result.unassigned_note(self.unassigned_events))
        columns = ("Segment", "Customers", "Share", "95 %", "Of", "Who")
        shown = tuple(note for note in notes if note)
        return Table("Loyalists: who comes back, who recommends", columns, rows, shown, words=(0, 5))


def loyalists(log: EventLog, definition: Definition, *, recommends: str = _recommend.EITHER) -> Loyalists:
    """Return buyers by whether they came back and whether they recommend, with intervals.

    A **purchase** is a distinct time at which a customer has a row in a stage with the role buy. A **buyer**
    has at least one; who has two or more **came back**. Who **recommends** has an event in a stage with the
    role advocate, or gave 9 or 10 as the latest score: ``recommends`` says which of the two, or either; at
    whatever time. Every buyer is in one segment:

    - ``active``: came back, recommends. ``passive``: came back, does not recommend.
    - ``advocates``: bought once, recommends. ``neither``: bought once, does not recommend.
    - ``vulnerable``: of the passive loyalists, those with an event in a stage with the role consider or
      evaluate later than their first purchase: they come back, and look at others.

    Share: customers of the segment / buyers, of the vulnerable / passive loyalists; Wilson's interval.
    ``active`` and ``passive`` are what `loyalty` has as ``active_passive``, and together its
    ``repeat_rate``. A passive loyalist who is not vulnerable made every repeat purchase in the loyalty loop.

    **Ties.** Rows at the time of the first purchase are not after it. Of several scores at a customer's
    latest scored time the lowest counts. **Repeats.** Customers count once. **Censoring.** None: who bought
    once, or has not recommended, may still do so; both shares are so far. Who was never asked for a score
    does not recommend by score. **Empty.** No buyer is 0 of 0, NaN. **Not measurable** (no stage has the
    role, the log has no score column): NaN with the reason in ``note``, no error. No window applies.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    recommends
        ``"stage"``: an event in a stage with the role advocate. ``"score"``: a latest score of 9 or 10.
        ``"either"``: one of the two, or the one there is.

    Returns
    -------
    Loyalists
        ``frame`` is indexed by ``segment``, with the columns ``label``, ``numerator``, ``denominator``,
        ``value``, ``lower``, ``upper``, ``method`` and ``note``.

    Raises
    ------
    CXError
        For another word in ``recommends``, and when the definition does not fit the log.

    References
    ----------
    Court, D. et al. (2009). The consumer decision journey. McKinsey Quarterly 3: active and passive
    loyalists.
    Dick, A. S. and Basu, K. (1994). Customer loyalty: toward an integrated conceptual framework. Journal of
    the Academy of Marketing Science 22, 99-113: behaviour crossed with attitude.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "a", "b", "b", "b", "c"],
    ...     "when": ["2026-01-01", "2026-01-05", "2026-01-06", "2026-01-02", "2026-01-03", "2026-01-04",
    ...              "2026-01-02"],
    ...     "what": ["order", "order", "review", "order", "compare", "order", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> journey = cx.Definition({"Evaluate": ["compare"], "Buy": ["order"], "Advocate": ["review"]})
    >>> loyalists(log, journey).frame[["numerator", "denominator", "value"]].round(3)
                numerator  denominator  value
    segment
    active            1.0          3.0  0.333
    passive           1.0          3.0  0.333
    advocates         0.0          3.0  0.000
    neither           1.0          3.0  0.333
    vulnerable        1.0          1.0  1.000
    """
    log, definition = _result.check(log, definition)
    way = _recommend.check_way(recommends)
    return log.memo(("loyalists", definition, way), lambda: _loyalists(log, definition, way))


def _members(log: EventLog, definition: Definition, way: str) -> dict[str, Bools]:
    """Return for each segment which customers of the log are in it."""
    made = buyers(log, definition)
    bought, back = (np.zeros(log.n_customers, dtype=bool) for _ in range(2))
    bought[made.customer] = True
    back[made.customer] = made.repeated
    speak = _recommend.advocates(log, definition, way)
    once = bought & ~back
    passive = back & ~speak
    return {
        ACTIVE: back & speak,
        PASSIVE: passive,
        ADVOCATES: once & speak,
        NEITHER: once & ~speak,
        VULNERABLE: passive & _looked_around(log, definition, made),
    }


def _looked_around(log: EventLog, definition: Definition, made: Buyers) -> Bools:
    """Return which customers considered or evaluated later than their first purchase."""
    last = last_in(log, definition, stage_numbers(definition, "consider", "evaluate"))
    looked = np.zeros(log.n_customers, dtype=bool)
    looked[made.customer] = last[made.customer] > made.first
    return looked


def _loyalists(log: EventLog, definition: Definition, way: str) -> Loyalists:
    why_not = "" if stage_numbers(definition, "buy") else NO_BUY
    why_not = why_not or _recommend.missing(log, definition, way)
    hits, trials = np.full(len(SEGMENTS), np.nan), np.full(len(SEGMENTS), np.nan)
    notes = [why_not] * len(SEGMENTS)
    others = np.nan
    if not why_not:
        members = _members(log, definition, way)
        hits[:] = [np.count_nonzero(members[segment]) for segment in SEGMENTS]
        buyers = hits[: len(QUADRANT)].sum()
        trials[:] = [*[buyers] * len(QUADRANT), hits[SEGMENTS.index(PASSIVE)]]
        speak = _recommend.advocates(log, definition, way)
        others = float(np.count_nonzero(speak)) - hits[SEGMENTS.index(ACTIVE)]
        others -= hits[SEGMENTS.index(ADVOCATES)]
        notes = ["" if buyers else NOBODY] * len(QUADRANT)
        notes.append("" if trials[-1] else _NO_PASSIVES if buyers else NOBODY)
        if not stage_numbers(definition, "consider", "evaluate"):
            hits[-1], notes[-1] = np.nan, _NO_RESEARCH
    lower, upper = stats.wilson(hits, trials)
    frame = pd.DataFrame(
        {
            "label": [LABELS[segment] for segment in SEGMENTS],
            "numerator": hits,
            "denominator": trials,
            "value": stats.ratio(hits, trials),
            "lower": lower,
            "upper": upper,
            "method": WILSON if not why_not else "",
            "note": notes,
        },
        index=pd.Index(SEGMENTS, name="segment"),
    )
    return Loyalists(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        recommends=way,
        others_recommend=others,
        _frame=frame,
        _log=log,
    )
