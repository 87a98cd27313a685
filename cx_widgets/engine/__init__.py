"""Engines: packed rows and a stage for each of them in, small arrays out.

Metrics speak to an `Engine` and to nothing below it: the compiled one where its kernels load, else the numpy
one (`engine_info` tells). `funnel_totals`, `moves`, `purchases`, `customers_by_stage` and, where the rows
themselves are wanted, `coded_rows`, `funnel_paths` and `visits` ask it about a log and a definition and
keep the last few answers with the log.
"""

from __future__ import annotations

from cx_widgets.engine._calendar import calendar_ends
from cx_widgets.engine._choice import EngineInfo, available, counting_with, engine_info
from cx_widgets.engine._native import NativeEngine
from cx_widgets.engine._numpy import NumpyEngine
from cx_widgets.engine._protocol import (
    Bools,
    Bytes,
    Chains,
    CodedRows,
    Engine,
    FunnelPaths,
    FunnelTotals,
    Ints,
    Level,
    Moves,
    Purchases,
    StagedRows,
    Subjects,
    Visits,
)
from cx_widgets.engine._session import (
    assigned_events,
    attempt_rows,
    coded_rows,
    customers_by_stage,
    events_by_stage,
    funnel_paths,
    funnel_totals,
    is_special,
    matched,
    may_go_on,
    middles,
    moves,
    outcomes,
    purchases,
    ranked,
    rows_in,
    rows_of_unit,
    stage_numbers,
    staged_rows,
    survival_medians,
    unit_rows,
    units_of_rows,
    visits,
)

__all__ = [
    "Bools",
    "Bytes",
    "Chains",
    "CodedRows",
    "Engine",
    "EngineInfo",
    "FunnelPaths",
    "FunnelTotals",
    "Ints",
    "Level",
    "Moves",
    "NativeEngine",
    "NumpyEngine",
    "Purchases",
    "StagedRows",
    "Subjects",
    "Visits",
    "assigned_events",
    "attempt_rows",
    "available",
    "calendar_ends",
    "coded_rows",
    "counting_with",
    "customers_by_stage",
    "engine_info",
    "events_by_stage",
    "funnel_paths",
    "funnel_totals",
    "is_special",
    "matched",
    "may_go_on",
    "middles",
    "moves",
    "outcomes",
    "purchases",
    "ranked",
    "rows_in",
    "rows_of_unit",
    "stage_numbers",
    "staged_rows",
    "survival_medians",
    "unit_rows",
    "units_of_rows",
    "visits",
]
