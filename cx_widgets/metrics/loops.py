"""Loyalty loops: how much of the way to the first purchase customers go again before a repeat purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.engine import assigned_events, purchases, stage_numbers
from cx_widgets.metrics import _result
from cx_widgets.metrics._buyers import NO_BUY, NOBODY
from cx_widgets.metrics._figure import Figure, FigureResult, clustered_share, frame_of, undefined

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._result import Table

_LABELS = {
    "loop": "Loyalty loop: straight back to buying",
    "evaluate_only": "Partial loop: back to evaluating",
    "consider_only": "Partial loop: back to considering",
    "both": "The whole way again",
}
KINDS = tuple(_LABELS)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Loops(FigureResult):
    """Repeat purchases by how much of the way was gone again, from `loops`; ``result["loop"]`` is one share.

    Attributes
    ----------
    frame
        One line for each kind of loop, see `loops`.
    """

    def _table(self) -> Table:
        repeats = self._figures[0].denominator
        counted = "" if np.isnan(repeats) else f"{repeats:,.0f} repeat purchases; each is of one kind."
        notes = (counted, _result.unassigned_note(self.unassigned_events))
        return self._figure_table("Loyalty loops", tuple(note for note in notes if note))


def loops(log: EventLog, definition: Definition) -> Loops:
    """Return the shares of repeat purchases by what was gone through again since the purchase before.

    A **repeat purchase** is a purchase after a customer's first; a purchase is a distinct time at which a
    customer has a row in a stage with the role buy. Since the purchase before (after its time, up to this
    one) the customer had

    - ``loop``: no event in a stage with the role consider or evaluate: the loyalty loop, the figure
      ``loyalty_loop`` of `loyalty`.
    - ``evaluate_only``: events of evaluate stages and none of consider stages: back in at evaluating.
    - ``consider_only``: events of consider stages and none of evaluate stages.
    - ``both``: events of both.

    Share: repeat purchases of the kind / repeat purchases; the kinds add up to them. Wilson's interval on the
    effective number, by customer.

    **Ties.** At the time of a purchase an event counts as before it if its stage comes earlier in the
    definition. **Repeats.** Each repeat purchase counts once, so a frequent customer counts often; the
    interval allows for it. **Censoring.** None: purchases still to come are not counted. **Empty.** No
    repeat purchase is 0 of 0, NaN, and the note says so. **Not measurable** (no stage has the role buy, or
    neither consider nor evaluate): NaN with the reason in ``note``. Where only one of the two roles is given,
    the kinds with the other one are NaN. No window applies.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.

    Returns
    -------
    Loops
        ``frame`` is indexed by ``key`` (the kinds above), with the columns ``label``, ``value``, ``unit``,
        ``numerator``, ``denominator``, ``lower``, ``upper``, ``method`` and ``note``.

    Raises
    ------
    CXError
        When the definition does not fit the log.

    References
    ----------
    Court, D. et al. (2009). The consumer decision journey. McKinsey Quarterly 3: the loyalty loop.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "a", "a"],
    ...     "when": ["2026-01-01", "2026-01-05", "2026-01-06", "2026-01-07"],
    ...     "what": ["order", "order", "compare", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> journey = cx.Definition({"Evaluate": ["compare"], "Buy": ["order"]})
    >>> loops(log, journey).frame[["numerator", "denominator", "value"]]
                   numerator  denominator  value
    key
    loop                 1.0          2.0    0.5
    evaluate_only        1.0          2.0    0.5
    consider_only        NaN          NaN    NaN
    both                 NaN          NaN    NaN
    """
    log, definition = _result.check(log, definition)
    return log.memo(("loops", definition), lambda: _loops(log, definition))


def _loops(log: EventLog, definition: Definition) -> Loops:
    figures = _figures(log, definition)
    return Loops(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        _figures=figures,
        _frame=frame_of(figures),
        _log=log,
    )


def _figures(log: EventLog, definition: Definition) -> tuple[Figure, ...]:
    if not stage_numbers(definition, "buy"):
        return _all_undefined(NO_BUY)
    considers = bool(stage_numbers(definition, "consider"))
    evaluates = bool(stage_numbers(definition, "evaluate"))
    if not considers and not evaluates:
        return _all_undefined("Not measurable: no stage has the role 'consider' or 'evaluate'.")
    made = purchases(log, definition)
    back = np.flatnonzero(made.repeat)
    whose, researched = made.customer[back], made.researched[back]
    considered = evaluated = np.zeros(len(back), dtype=bool)
    if considers and evaluates:
        considered = purchases(log, definition, ("consider",)).researched[back]
        evaluated = purchases(log, definition, ("evaluate",)).researched[back]
    elif considers:
        considered = researched
    else:
        evaluated = researched
    repeats = np.bincount(whose, minlength=log.n_customers).astype(np.float64)
    which: dict[str, Bools] = {
        "loop": ~researched,
        "evaluate_only": evaluated & ~considered,
        "consider_only": considered & ~evaluated,
        "both": considered & evaluated,
    }
    missing = {} if considers else {"consider_only": "consider", "both": "consider"}
    missing |= {} if evaluates else {"evaluate_only": "evaluate", "both": "evaluate"}
    note = "" if len(back) else "Nobody bought again." if len(made.customer) else NOBODY

    def figure(kind: str) -> Figure:
        if kind in missing:
            reason = f"Not measurable: no stage has the role '{missing[kind]}'."
            return undefined(kind, _LABELS[kind], "share", reason)
        hits = np.bincount(whose[which[kind]], minlength=log.n_customers).astype(np.float64)
        return clustered_share(kind, _LABELS[kind], hits, repeats, note=note)

    return tuple(figure(kind) for kind in KINDS)


def _all_undefined(reason: str) -> tuple[Figure, ...]:
    return tuple(undefined(kind, label, "share", reason) for kind, label in _LABELS.items())
