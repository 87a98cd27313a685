"""Retention flags: of those with a row of the first stage, who also has one of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.binding import stages_of_rows
from cx_widgets.engine import assigned_events, coded_rows
from cx_widgets.metrics import _result
from cx_widgets.metrics._figure import WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RetentionFlags(Result):
    """Who meets the first condition and which of the others, from `retention_flags`.

    Attributes
    ----------
    frame
        One line for each stage, see `retention_flags`.
    """

    @property
    def flags(self) -> pd.DataFrame:
        """A line for each customer of the log and a column for each stage: met, as is the first one."""
        met = _met(self._log, self.definition)
        return pd.DataFrame(met, index=self._log.customer_ids, columns=pd.Index(self.definition.names))

    def _table(self) -> Table:
        rows = tuple(
            (
                str(stage),
                _numbers.count(row["numerator"]),
                _numbers.percent(float(row["value"])),
                _numbers.span(float(row["lower"]), float(row["upper"])),
            )
            for stage, row in self._frame.iterrows()
        )
        first = self.definition.names[0]
        notes = (f"Customers with {first} and with the stage, in any order; shares of those with {first}.",)
        return Table("Retention flags", ("Stage", "Customers", "Share", "95 %"), rows, notes)


def retention_flags(log: EventLog, definition: Definition) -> RetentionFlags:
    """Return how many of the customers who meet the first stage's condition also meet each other one's.

    A customer meets a stage with any row of it, whenever that is: neither order nor window is asked. The
    flag of the first stage is that it is met, the flag of each other stage that it and the first one are.
    **Value** = customers with the flag / customers with the first one, bounds Wilson's. Those who never
    meet the first stage count nowhere.

    **Ties, repeats**: a customer counts once. **Overlaps.** A row belongs to one stage, or with a ``reuse``
    of ``"distinct"`` or ``"shared"`` to every stage that asks for it. **Censoring.** None. **Empty.** 0 of
    0 is undefined (NaN).

    Parameters
    ----------
    log
        The event log.
    definition
        The stages as conditions: what has to be met may be an event, a value or a day in a column.

    Returns
    -------
    RetentionFlags
        ``frame`` is indexed by ``stage``, with the columns ``numerator``, ``denominator``, ``value``,
        ``lower``, ``upper`` and ``method``; ``flags`` has a line for each customer.

    Raises
    ------
    CXError
        When the definition does not fit the log.

    References
    ----------
    ClickHouse, parametric aggregate function ``retention(cond1, cond2, ...)``.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "b", "a", "c"], "when": "2026-01-01", "what": ["trial", "trial", "order", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = retention_flags(log, cx.Definition({"Try": ["trial"], "Buy": ["order"]}))
    >>> result.frame["numerator"].tolist()
    [2, 1]
    """
    log, definition = _result.check(log, definition)
    return log.memo(("retention flags", definition), lambda: _retention_flags(log, definition))


def _met(log: EventLog, definition: Definition) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    met = np.zeros((log.n_customers, len(definition.stages)), dtype=bool)
    if definition.rules.reuse == "never":
        rows = coded_rows(log, definition)
        met[rows.customer, rows.stage.astype(np.intp) - 1] = True
    else:
        for number, mask in enumerate(stages_of_rows(definition.stages, log)):
            met[log.packed.customers[mask], number] = True
    met[:, 1:] &= met[:, :1]
    return met


def _retention_flags(log: EventLog, definition: Definition) -> RetentionFlags:
    counts = _met(log, definition).sum(axis=0)
    lower, upper = stats.wilson(counts, counts[0])
    frame = pd.DataFrame(
        {
            "numerator": counts,
            "denominator": counts[0],
            "value": stats.ratio(counts, counts[0]),
            "lower": lower,
            "upper": upper,
            "method": WILSON,
        },
        index=pd.Index(definition.names, name="stage"),
    )
    return RetentionFlags(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        _frame=frame,
        _log=log,
    )
