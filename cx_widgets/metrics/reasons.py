"""Reasons: why those who entered did not convert, one for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import coded_rows, funnel_paths
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _attempts, _result
from cx_widgets.metrics._customers import customer_table, is_open
from cx_widgets.metrics._figure import WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Bytes
    from cx_widgets.log import EventLog

REASONS = ("never", "before", "window", "open")
NEVER, BEFORE, WINDOW, OPEN = range(1, 5)

_NO_TIME = np.iinfo(np.int64).min
_MEANS = {
    "never": "no event of the stage at all",
    "before": "events of it only before the stage they reached",
    "window": "the next one came after the window had closed",
    "open": "may still get there",
}


@dataclass(frozen=True, slots=True, eq=False)
class Endings:
    """How the journey of each customer of a log ended.

    Attributes
    ----------
    reach
        The deepest stage reached, 0 for those who never entered.
    reason
        Place in `REASONS` from 1; 0 for those who converted or never entered.
    overshoot_ns
        By how much the window was missed, where the reason is the window; elsewhere the number that is
        NaT.
    """

    reach: Bytes
    reason: Bytes
    overshoot_ns: NDArray[np.int64]

    def overshoot(self) -> pd.TimedeltaIndex:
        """Return by how much each customer missed the window, NaT where that is not the reason."""
        return pd.TimedeltaIndex(self.overshoot_ns.view("m8[ns]"))


def endings(log: EventLog, definition: Definition) -> Endings:
    """Return how the journey of each customer ended."""
    rows, paths = coded_rows(log, definition), funnel_paths(log, definition)
    still = is_open(log, definition, paths)
    lost = (paths.reach > 0) & (paths.reach < len(paths.levels)) & ~still
    reason = np.where(lost, NEVER, np.where(still, OPEN, 0)).astype(np.uint8)
    for number, level in enumerate(paths.levels[:-1], start=1):
        missed = np.flatnonzero(rows.stage == number + 1)
        missed = missed[(lost & (paths.reach == number))[rows.customer[missed]]]
        reason[rows.customer[missed]] = BEFORE
        # A row behind an arrival would have been the next stage, had the window not closed before.
        latest = np.searchsorted(level.arrival, missed) - 1
        behind = latest >= 0
        behind[behind] = rows.customer[level.arrival[latest[behind]]] == rows.customer[missed[behind]]
        reason[rows.customer[missed[behind]]] = WINDOW
    return Endings(paths.reach, reason, _overshoot(log, definition, paths.reach, reason == WINDOW))


def _overshoot(log: EventLog, definition: Definition, reach: Bytes, late: Bools) -> NDArray[np.int64]:
    """Return how much longer than the window the quickest chain to the next stage took, of those late."""
    overshoot = np.full(log.n_customers, _NO_TIME, dtype=np.int64)
    window = definition.rules.window
    if window is None or not late.any():
        return overshoot
    window_ns = int(window.as_unit("ns").value)
    free = definition.with_rules(window=None)
    rows, paths = coded_rows(log, free), funnel_paths(log, free)
    for number, (level, began) in enumerate(zip(paths.levels, _attempts.starts(rows, paths), strict=True)):
        here = (late & (reach == number))[rows.customer[level.arrival]]
        if not number or not here.any():
            continue
        arrival = level.arrival[here]
        customer = rows.customer[arrival]
        took = rows.tick[arrival].astype(np.int64) - began[here]
        first = np.flatnonzero(_attempts.first_of_run(customer))
        overshoot[customer[first]] = np.minimum.reduceat(took, first) * log.packed.tick_ns - window_ns
    return overshoot


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Reasons(Result):
    """Why those who entered did not convert, from `reasons`.

    Attributes
    ----------
    frame
        One line for each stage that can be missed and each reason, see `reasons`.
    entrants, converted
        Customers who reached the first stage, and the last.
    """

    entrants: int
    converted: int

    def customers(self, stage: str, reason: str | None = None) -> pd.DataFrame:
        """Return the customers lost before a stage, one line each.

        Parameters
        ----------
        stage
            Name of the stage they did not reach.
        reason
            ``"never"``, ``"before"``, ``"window"`` or ``"open"``; None for all of them.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`, then ``reason`` and ``overshoot``: by how much the window
            was missed, NaT for other reasons.

        Raises
        ------
        CXError
            For an unknown stage or reason, and for the first stage: nobody is lost before it.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"],
        ...     "when": ["2026-01-01", "2026-01-09", "2026-01-01"],
        ...     "what": ["ad", "order", "ad"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.reasons(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, window="7D"))
        >>> result.customers("Buy", "window")["overshoot"].to_dict()
        {'a': Timedelta('1 days 00:00:00')}
        """
        names = self.definition.names
        if stage not in names:
            raise unknown("stage", stage, names)
        if reason is not None and reason not in REASONS:
            raise unknown("reason", reason, REASONS)
        number = names.index(stage) + 1
        if number == 1:
            raise CXError(
                f"nobody is lost before {stage!r}: it is the first stage. "
                "Ask for a later one: the stage they did not reach."
            )
        ended = endings(self._log, self.definition)
        chosen = (ended.reach == number - 1) & (ended.reason > 0)
        if reason is not None:
            chosen &= ended.reason == REASONS.index(reason) + 1
        found = np.flatnonzero(chosen)
        table = customer_table(self._log, self.definition, found)
        return table.assign(
            reason=_result.names_at(REASONS, ended.reason[found]),
            overshoot=pd.TimedeltaIndex(ended.overshoot()[found]),
        )

    def _table(self) -> Table:
        rows = tuple(
            (
                str(row["stage"]),
                str(row["reason"]),
                _numbers.count(row["customers"]),
                _numbers.count(row["losses"]),
                _numbers.percent(row["share"]),
                _numbers.span(row["lower"], row["upper"]),
                _numbers.timedelta(row["overshoot_median"]),
            )
            for _, row in self._frame.reset_index().iterrows()
        )
        lost = self.entrants - self.converted
        meaning = "; ".join(f"{reason}: {_MEANS[reason]}" for reason in REASONS)
        notes = (
            f"{meaning[0].upper()}{meaning[1:]}.",
            _result.funnel_rules_note(self.definition),
            _result.unassigned_note(self.unassigned_events),
        )
        columns = (
            "Stage not reached",
            "Reason",
            "Customers",
            "Of lost before it",
            "Share",
            "95 %",
            "Too late by",
        )
        return Table(
            f"Why {lost:,} of {self.entrants:,} who entered did not convert",
            columns,
            rows,
            notes,
            words=(0, 1),
        )


def reasons(log: EventLog, definition: Definition) -> Reasons:
    """Return why customers who entered did not convert: one reason each, for the stage they did not reach.

    A customer whose deepest stage (`funnel`) is k, not the last, did not reach stage k + 1. The reason is
    the first of these that holds:

    - ``"open"``: may still convert; their last entry is less than a window before the end of observation.
      They are not lost, and stand here because the drop-off of `funnel` counts them.
    - ``"never"``: the customer has no row in stage k + 1.
    - ``"window"``: a row of stage k + 1 comes after the customer got to stage k, so the window had closed.
      The **overshoot** is how much longer the window had to be for the customer to reach stage k + 1: the
      time of the quickest chain of rows through the stages 1 to k + 1, less the window.
    - ``"before"``: all rows of stage k + 1 come before the customer first got to stage k: too early.

    **Share** = customers with the reason / all customers lost before the stage (``losses``, the
    ``drop_off`` of `funnel`); the reasons of a stage add up to it exactly. Bounds are Wilson's.

    **Ties.** Rows of one customer at one time stand in the order of their stages, so a row of stage k + 1 at
    the time of stage k is after it. **Repeats.** A customer counts once. **Censoring.** See ``"open"``;
    without a window nobody is open and no reason is the window: whoever may yet convert is ``"never"`` or
    ``"before"``. **Empty.** A stage before which nobody is lost has 0 customers and undefined shares. A
    definition of one stage has nothing to miss: an empty frame.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and the rules.

    Returns
    -------
    Reasons
        ``frame`` is indexed by ``stage`` (the one not reached, from the second on, in order) and ``reason``
        (in the order never, before, window, open), with the columns ``customers``, ``losses``, ``share``,
        ``lower``, ``upper``, ``overshoot_median`` (over the customers; NaT but for the window) and
        ``method``.

    Raises
    ------
    CXError
        When the definition does not fit the log: an unknown event or column, an empty stage.

    References
    ----------
    Wilson, E. B. (1927). Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c", "c"],
    ...     "when": ["2026-01-01", "2026-01-09", "2026-01-01", "2026-01-01", "2026-01-02"],
    ...     "what": ["ad", "order", "ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = reasons(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, window="7D"))
    >>> result.frame["customers"].to_dict()
    {('Buy', 'never'): 1, ('Buy', 'before'): 1, ('Buy', 'window'): 1, ('Buy', 'open'): 0}
    """
    log, definition = _result.check_plain(log, definition, "reasons")
    return log.memo(("reasons", definition), lambda: _reasons(log, definition))


def _reasons(log: EventLog, definition: Definition) -> Reasons:
    ended = endings(log, definition)
    stages, width = len(definition.names), len(REASONS) + 1
    code = ended.reach.astype(np.int64) * width + ended.reason
    counts = np.bincount(code, minlength=(stages + 1) * width).reshape(stages + 1, width)[1:stages, 1:]
    losses = np.repeat(counts.sum(axis=1), len(REASONS))
    customers = counts.ravel()
    lower, upper = stats.wilson(customers, losses)
    medians = np.full(counts.shape, _NO_TIME, dtype=np.int64)
    for number in range(1, stages):
        late = ended.overshoot_ns[(ended.reach == number) & (ended.reason == WINDOW)]
        if len(late):
            medians[number - 1, WINDOW - 1] = _middle(late)
    frame = pd.DataFrame(
        {
            "customers": customers,
            "losses": losses,
            "share": stats.ratio(customers, losses),
            "lower": lower,
            "upper": upper,
            "overshoot_median": pd.TimedeltaIndex(medians.ravel().view("m8[ns]")),
            "method": WILSON,
        },
        index=pd.MultiIndex.from_product([definition.names[1:], REASONS], names=["stage", "reason"]),
    )
    return Reasons(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - len(coded_rows(log, definition).stage),
        entrants=int(np.count_nonzero(ended.reach)),
        converted=int(np.count_nonzero(ended.reach == stages)),
        _frame=frame,
        _log=log,
    )


def _middle(values: NDArray[np.int64]) -> int:
    """Return the median of nanoseconds, rounded down: as integers, which doubles are not beyond 104 days."""
    ordered = np.sort(values)
    low, high = int(ordered[(len(ordered) - 1) // 2]), int(ordered[len(ordered) // 2])
    return low + (high - low) // 2
