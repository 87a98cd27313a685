"""The flow: in which stage customers are at their first visit, their second, and so on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import coded_rows, visits
from cx_widgets.errors import CXError
from cx_widgets.metrics import _result
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.transitions import END

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Flow(Result):
    """Stage by position, from `flow`.

    Attributes
    ----------
    frame
        One line for each position and stage, see `flow`.
    positions
        Number of positions.
    visitors_total
        Customers with at least one event in a stage: the denominator of every share.
    """

    positions: int
    visitors_total: int
    _links: pd.DataFrame

    @property
    def links(self) -> pd.DataFrame:
        """The moves from a position to the next that happened: ``position``, ``from``, ``to``, ``count``."""
        return self._links.copy()

    def _table(self) -> Table:
        wide = self._frame.pivot_table(
            index="stage", columns="position", values="count", sort=False, observed=False
        )
        total = self.visitors_total

        def cell(number: float) -> str:
            return (
                f"{_numbers.count(number)} ({_numbers.percent(number / total)})"
                if total
                else _numbers.count(number)
            )

        rows = tuple((str(stage), *(cell(number) for number in line)) for stage, line in wide.iterrows())
        notes = (
            _result.VISITS_NOTE,
            _result.visitors_note(self.unassigned_events, self.n_customers - total),
        )
        columns = ("Stage", *(f"Visit {position}" for position in wide.columns))
        return Table(f"Flow of {total:,} customers", columns, rows, notes)


def flow(log: EventLog, definition: Definition, positions: int = 10) -> Flow:
    """Return how many customers are in each stage at their first visit, their second, and so on.

    **Count** of a position and stage: the customers whose visit with that number is to that stage.
    Customers with fewer visits are counted under ``(end)``, so every position adds up to the same
    customers. **Share** = count / customers with at least one visit. A visit is a run of consecutive events
    of a customer in one stage; events in no stage do not interrupt it.

    **Ties.** Events of one customer at one time stand in the order of their stages. **Repeats.** A stage
    visited again counts again, at its later position. **Censoring.** A customer whose last visit may still
    be followed by others is counted under ``(end)`` all the same: the flow describes what was observed.
    **Empty.** Without visits counts are 0 and shares NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages. Window and other funnel rules have no part in it.
    positions
        How many positions, from 1.

    Returns
    -------
    Flow
        ``frame`` has the columns ``position``, ``stage`` (in order, ``(end)`` last), ``count`` and
        ``share``, one line for each pair. ``links`` has the moves between positions.

    Raises
    ------
    CXError
        When the definition does not fit the log, or ``positions`` is no whole number from 1.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
    ...     "what": ["ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> flow(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}), positions=2).links
       position      from     to  count
    0         1  Consider    Buy      1
    1         1  Consider  (end)      1
    """
    log, definition = _result.check(log, definition)
    number = _whole(positions)
    return log.memo(("flow", definition, number), lambda: _flow(log, definition, number))


def _whole(positions: object) -> int:
    if isinstance(positions, bool) or not isinstance(positions, int | np.integer) or positions < 1:
        raise CXError(f"positions must be a whole number from 1, not {positions!r}. Say positions=10.")
    return int(positions)


def _flow(log: EventLog, definition: Definition, positions: int) -> Flow:
    rows, made = coded_rows(log, definition), visits(log, definition)
    width = len(definition.names) + 1
    begins = np.flatnonzero(made.first)
    total = len(begins)
    grid = np.zeros((positions, width), dtype=np.int64)
    links: list[tuple[int, int, int, int]] = []
    # Where each customer's visit of this position lies; customers who have ended drop out.
    here = begins
    for position in range(positions):
        grid[position] = np.bincount(made.stage[here], minlength=width)
        grid[position, 0] = total - len(here)
        going = ~made.last[here]
        if position + 1 < positions and len(here):
            target = np.zeros(len(here), dtype=np.int64)
            target[going] = made.stage[here[going] + 1]
            pair = np.bincount(made.stage[here].astype(np.int64) * width + target)
            links.extend(
                (position + 1, code // width, code % width, int(pair[code]))
                for code in np.flatnonzero(pair).tolist()
            )
        here = here[going] + 1
    order = [*range(1, width), 0]
    names = [*definition.names, END]
    counts = grid[:, order].ravel()
    frame = pd.DataFrame(
        {
            "position": np.repeat(np.arange(1, positions + 1), width),
            "stage": _result.names_at(names, np.tile(np.arange(1, width + 1), positions)),
            "count": counts,
            "share": stats.ratio(counts, total),
        }
    )
    return Flow(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - len(rows.stage),
        positions=positions,
        visitors_total=total,
        _links=_links(links, names),
        _frame=frame,
        _log=log,
    )


def _links(links: list[tuple[int, int, int, int]], names: list[str]) -> pd.DataFrame:
    table = np.array(links, dtype=np.int64).reshape(-1, 4)
    target = (table[:, 2] - 1) % len(names)
    order = np.lexsort((target, table[:, 1], table[:, 0]))
    table, target = table[order], target[order]
    return pd.DataFrame(
        {
            "position": table[:, 0],
            "from": _result.names_at(names, table[:, 1]),
            "to": _result.names_at(names, target + 1),
            "count": table[:, 3],
        }
    )
