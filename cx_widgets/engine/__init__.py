"""Engines: packed rows and a stage for each of them in, small arrays out.

Metrics speak to an `Engine` and to nothing below it, so a compiled engine can take the place of the
numpy one without a metric noticing. `coded_rows`, `funnel_paths`, `visits` and `purchases` ask it about
a log and a definition and keep the last few answers with the log.
"""

from __future__ import annotations

from cx_widgets.engine._calendar import calendar_ends
from cx_widgets.engine._numpy import NumpyEngine
from cx_widgets.engine._protocol import (
    Bools,
    Bytes,
    Chains,
    CodedRows,
    Engine,
    FunnelPaths,
    Ints,
    Level,
    Purchases,
    Subjects,
    Visits,
)
from cx_widgets.engine._session import (
    attempt_rows,
    coded_rows,
    funnel_paths,
    is_special,
    matched,
    may_go_on,
    outcomes,
    purchases,
    rows_of_unit,
    stage_numbers,
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
    "FunnelPaths",
    "Ints",
    "Level",
    "NumpyEngine",
    "Purchases",
    "Subjects",
    "Visits",
    "attempt_rows",
    "calendar_ends",
    "coded_rows",
    "funnel_paths",
    "is_special",
    "matched",
    "may_go_on",
    "outcomes",
    "purchases",
    "rows_of_unit",
    "stage_numbers",
    "unit_rows",
    "units_of_rows",
    "visits",
]
