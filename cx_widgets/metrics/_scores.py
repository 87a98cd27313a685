"""Which columns hold answers on a scale, and on which of the usual scales they can have been asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from cx_widgets.binding import as_log
from cx_widgets.errors import CXError, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)}
_LEAST_DIFFERENT = 3


def numbers(log: EventLog, column: str) -> Floats:
    """Return a column as numbers in packed order, NaN where missing."""
    return log.column(column).to_numpy(dtype=np.float64, na_value=np.nan)


def known_column(log: EventLog, score: object) -> str | None:
    """Return the column of scores, that of the role where none is asked for; None where there is none."""
    if score is None:
        return log.roles.get("score")
    if score not in log.columns:
        raise unknown("column in score", score, log.columns)
    if not _numeric(log, str(score)):
        raise CXError(
            f"the column {score!r} holds no numbers. Scores are numbers; cx.score_columns(log) lists columns "
            "that hold answers on a usual scale."
        )
    return str(score)


def _numeric(log: EventLog, column: str) -> bool:
    kind = log.column_types[column]
    return is_numeric_dtype(kind) and not is_bool_dtype(kind)  # type: ignore[arg-type]  # a type of a column


def score_columns(log: EventLog) -> pd.DataFrame:
    """Return the columns that hold answers on a scale, and which usual scales hold all of their answers.

    Listed are the column of the role ``score``, whatever it holds, and every other column of numbers, but
    that of the role ``value``, with three different answers or more, all of them whole numbers within
    0 to 10, 1 to 5 or 1 to 7. A scale that holds all answers need not be the one that was asked: answers
    from 1 to 5 fit all three. **Empty.** A column without answers has NaN for its ends and fits none.

    Parameters
    ----------
    log
        The event log.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``column``, the role ``score`` first, with ``answers`` (rows with a number), ``lowest``,
        ``highest``, ``different`` (how many different answers), and ``nps`` (0 to 10), ``csat`` (1 to 5),
        ``ces`` (1 to 7): whether all answers lie within.

    Raises
    ------
    CXError
        When the log is none.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({"who": ["a", "b", "c"], "when": "2026-01-01", "what": "survey",
    ...                    "stars": [5, 1, 4], "paid": [0.5, 2.0, 9.9]})
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> score_columns(log)[["answers", "lowest", "highest", "nps", "csat", "ces"]]
            answers  lowest  highest   nps  csat   ces
    column
    stars         3     1.0      5.0  True  True  True
    """
    log = as_log(log)
    return log.memo(("score columns",), lambda: _score_columns(log)).copy()


def _score_columns(log: EventLog) -> pd.DataFrame:
    role = log.roles.get("score")
    others = [
        name for name in log.columns if name not in (role, log.roles.get("value")) and _numeric(log, name)
    ]
    lines: list[dict[str, object]] = []
    for name in [*([role] if role else []), *others]:
        given = numbers(log, name)
        given = given[~np.isnan(given)]
        ends = (float(given.min()), float(given.max())) if len(given) else (np.nan, np.nan)
        fits = {measure: bool(low <= ends[0] and ends[1] <= high) for measure, (low, high) in SCALES.items()}
        if name != role and not any(fits.values()):
            continue
        different = np.unique(given)
        whole = bool((different == np.round(different)).all())
        if name != role and (len(different) < _LEAST_DIFFERENT or not whole):
            continue
        line = {"column": name, "answers": len(given), "lowest": ends[0], "highest": ends[1]}
        lines.append({**line, "different": len(different), **fits})
    columns = ["column", "answers", "lowest", "highest", "different", *SCALES]
    kinds = {"column": str, "answers": np.int64, "lowest": float, "highest": float, "different": np.int64}
    frame = pd.DataFrame(lines, columns=columns).astype({**kinds, **dict.fromkeys(SCALES, bool)})
    return frame.set_index("column")
