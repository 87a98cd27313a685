"""Tables of every kind that logs are made of, and what a log made of one says."""

from __future__ import annotations

import os
from contextlib import contextmanager

import numpy as np
import pandas as pd

import cx_widgets as cx
from cx_widgets import _arrow_texts, _numbering, _pieces, _rows

ROLES = {"customer": "who", "time": "at", "event": "what"}

# So that small tables go the way of large ones.
SMALL = (
    (_numbering, "_FEW", 1),
    (_numbering, "_SLOTS", 16),
    (_arrow_texts, "_OBJECTS", 50),
    (_pieces, "PIECE", 64),
    (_rows, "_CUSTOMERS", 4),
)

WORDS = np.array(
    ["x", "yy", "zzz", "abcd", "abcdefgh", "abcdefghi", "\N{GRINNING FACE}" * 5, "", " "], object
)
LONG = np.array([f"a customer whose identifier takes {n} characters" for n in range(9)], object)
COLUMNS = {
    "int64": lambda draw, n: draw.integers(0, 9, n),
    "int64, far apart": lambda draw, n: draw.integers(-(2**62), 2**62, 9)[draw.integers(0, 9, n)],
    "int8": lambda draw, n: draw.integers(-9, 9, n).astype("int8"),
    "uint64": lambda draw, n: draw.integers(0, 9, n).astype("uint64") + np.uint64(2**63),
    "float": lambda draw, n: np.where(draw.random(n) < 0.1, np.nan, draw.integers(0, 9, n)),
    "Int64": lambda draw, n: pd.array(np.where(draw.random(n) < 0.1, None, draw.integers(0, 9, n)), "Int64"),
    "objects": lambda draw, n: WORDS[draw.integers(0, 9, n)],
    "objects, never shared": lambda draw, n: np.array(
        [f"c{number}" for number in draw.integers(0, 9, n)], object
    ),
    "numbers as objects": lambda draw, n: np.array(
        [int(number) for number in draw.integers(0, 9, n)], object
    ),
    "long text": lambda draw, n: LONG[draw.integers(0, 9, n)],
    "str": lambda draw, n: pd.array([*WORDS[draw.integers(0, 9, n - 1)], None], "str"),
    "string[pyarrow]": lambda draw, n: pd.array([None, *LONG[draw.integers(0, 9, n - 1)]], "string[pyarrow]"),
    "string[python]": lambda draw, n: pd.array([None, *WORDS[draw.integers(0, 9, n - 1)]], "string[python]"),
    "category": lambda draw, n: pd.Categorical.from_codes(draw.integers(-1, 9, n), LONG),
}
if pd.__version__ < "3":
    del COLUMNS["str"]
TIMES = {
    "by time": lambda draw, n: (
        pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(draw.integers(0, n, n)), "s")
    ),
    "in any order": lambda draw, n: pd.to_datetime(draw.integers(-(2**50), 2**50, n), unit="us"),
    "ties": lambda draw, n: pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 9, n), "D"),
    "gaps": lambda draw, n: pd.to_datetime(np.where(draw.random(n) < 0.1, None, "1960-01-01T00:00:00.5")),
    "in a zone": lambda draw, n: pd.to_datetime(draw.integers(0, 10**6, n), unit="s", utc=True),
}


def random_table(rng):
    """Return a table of up to 300 rows, now and then of one, and whether repeats are to be left out."""
    n = int(rng.integers(2, 300))
    who, what = (COLUMNS[list(COLUMNS)[rng.integers(len(COLUMNS))]](rng, n) for _ in range(2))
    at = TIMES[list(TIMES)[rng.integers(len(TIMES))]](rng, n)
    df = pd.DataFrame({"who": who, "at": at, "what": what})
    if rng.random() < 0.3:
        df["price"] = rng.integers(0, 2, n)
    order = (["who", "at"], ["at"], None)[rng.integers(3)]
    if order is not None:
        df = df.sort_values(order, kind="stable")
    return df.iloc[: 1 if rng.random() < 0.05 else n], bool(rng.integers(2))


@contextmanager
def reading_with(engine):
    """Read tables by the kernels that the environment variable names, or by numpy."""
    before = os.environ.get("CX_WIDGETS_ENGINE")
    os.environ["CX_WIDGETS_ENGINE"] = engine
    try:
        yield
    finally:
        del os.environ["CX_WIDGETS_ENGINE"]
        if before is not None:
            os.environ["CX_WIDGETS_ENGINE"] = before


def read(table, drop_duplicates, engine):
    """Return what a log says that was made with an engine."""
    with reading_with(engine):
        return told(cx.EventLog(table, **ROLES, drop_nulls=True, drop_duplicates=drop_duplicates))


def told(log):
    """Return everything a log is made of."""
    packed = log.packed
    arrays = (packed.offsets, packed.codes, packed.ticks, packed.rows, packed.customers)
    return (
        [(array.dtype.str, array.tolist()) for array in arrays],
        (packed.tick_ns, packed.origin_ns, packed.end_tick, packed.has_ties, packed.places is None),
        (log.customer_ids.dtype, [repr(one) for one in log.customer_ids], log.event_names),
        (log.checks.to_numpy().tolist(), log.time_zone, log.event_customers.tolist()),
        [(name, [repr(one) for one in log.column(name)]) for name in log.columns],
    )
