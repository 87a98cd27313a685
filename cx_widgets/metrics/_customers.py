"""The customers behind a figure, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets.engine import funnel_paths
from cx_widgets.metrics._result import names_at

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, FunnelPaths, Ints
    from cx_widgets.log import EventLog

_FIXED = ("reach", "entered", "converted", "open")


def is_open(log: EventLog, definition: Definition, paths: FunnelPaths) -> Bools:
    """Return which customers entered, did not convert, and have window left at the end of observation."""
    still = np.zeros(len(paths.reach), dtype=bool)
    window = definition.rules.window
    if window is None:
        return still
    # Waiting less than the window, in whole ticks: a window that is not whole is rounded up.
    ticks = -(-int(window.as_unit("ns").value) // log.packed.tick_ns)
    waited = log.packed.end_tick - paths.last_entry.astype(np.int64)
    still[paths.levels[0].customer] = waited < ticks
    return still & (paths.reach < len(paths.levels))


def customer_table(log: EventLog, definition: Definition, chosen: Ints) -> pd.DataFrame:
    """Return a line for each chosen customer: how far they got, when they entered and reached each stage."""
    paths = funnel_paths(log, definition)
    reach = paths.reach[chosen]
    entered = np.zeros(len(chosen), dtype=np.int64)
    times: dict[str, pd.DatetimeIndex] = {}
    for number, (name, level) in enumerate(zip(definition.names, paths.levels, strict=True), start=1):
        there = np.flatnonzero(reach >= number)
        place = np.searchsorted(level.customer, chosen[there])
        reached = np.zeros(len(chosen), dtype=np.int64)
        reached[there] = level.reached[place]
        entered[there] = level.entered[place]
        times[f"{name} (time)" if name in _FIXED else name] = _where(log, reach >= number, reached)
    columns = {
        "reach": names_at(definition.names, reach),
        "entered": _where(log, reach > 0, entered),
        **times,
        "converted": reach == len(paths.levels),
        "open": is_open(log, definition, paths)[chosen],
    }
    return pd.DataFrame(columns, index=log.customer_ids[chosen])


def _where(log: EventLog, known: Bools, ticks: Ints) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(log.timestamps(ticks).where(known))
