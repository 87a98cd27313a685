"""How much of a log each stage holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets.binding import stages_of_rows
from cx_widgets.engine import customers_by_stage, events_by_stage
from cx_widgets.metrics._lines import Lines, cells_of

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cells

UNASSIGNED = "(unassigned)"


def stage_sizes(log: EventLog, definition: Definition) -> pd.DataFrame:
    """Return how many events and customers each stage holds, and how many none.

    A row of the log counts for the first stage it matches, under a ``reuse`` other than ``"never"`` for
    every stage that asks for it; a row that matches none counts for ``(unassigned)``, the last line. A
    customer counts once for every stage with at least one of their events, so customers do not add up. An
    empty stage or an empty log gives zeros: these are counts, defined for every definition, also for one
    whose rates are not.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages.

    Returns
    -------
    pandas.DataFrame
        Indexed by stage name, with the integer columns ``events`` and ``customers``.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({"who": [1, 1, 2], "when": ["2026-01-01"] * 3, "what": ["ad", "buy", "ad"]})
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> stage_sizes(log, cx.Definition({"Consider": ["ad"], "Buy": ["buy"]})).to_dict("index")["Consider"]
    {'events': 2, 'customers': 2}
    """
    if definition.rules.observation_end is not None:
        log = log.until(definition.rules.observation_end)

    def compute() -> pd.DataFrame:
        if definition.rules.reuse != "never":
            return _asked_for(log, definition)
        return _partition(log, definition).frame()

    return log.memo(("stage_sizes", definition), compute)


def stage_columns(log: EventLog, definition: Definition) -> Cells:
    """Return the table of `stage_sizes` column by column as lists, the stages first."""
    if definition.rules.reuse != "never":
        return cells_of(stage_sizes(log, definition))
    if definition.rules.observation_end is not None:
        log = log.until(definition.rules.observation_end)
    return _partition(log, definition).cells()


def _partition(log: EventLog, definition: Definition) -> Lines:
    sizes = {
        "events": events_by_stage(log, definition),
        "customers": customers_by_stage(log, definition),
    }
    # Those outside all stages come last here.
    columns = {name: np.append(numbers[1:], numbers[:1]).astype(np.int64) for name, numbers in sizes.items()}
    return Lines(columns, index=("stage", [*definition.names, UNASSIGNED]))


def _asked_for(log: EventLog, definition: Definition) -> pd.DataFrame:
    masks = stages_of_rows(definition.stages, log)
    masks = np.vstack([masks, ~masks.any(axis=0)])
    customers = [np.unique(log.packed.customers[mask]).size for mask in masks]
    index = pd.Index([*definition.names, UNASSIGNED], name="stage")
    return pd.DataFrame({"events": masks.sum(axis=1), "customers": customers}, index=index)
