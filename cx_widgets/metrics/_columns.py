"""The values of a column, told apart by their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _keys
from cx_widgets.errors import CXError, unknown

if TYPE_CHECKING:
    from cx_widgets.engine import Ints
    from cx_widgets.log import EventLog


def known_column(log: EventLog, by: object) -> None:
    """Refuse what is neither a column of the log nor its event column."""
    available = (log.roles["event"], *log.columns)
    if by in available:
        return
    for role in ("customer", "time"):
        if by == log.roles[role]:
            hint = " For periods of entry see trend()." if role == "time" else ""
            raise CXError(
                f"column {by!r} is the {role} of this log: every group would be one of a kind.{hint} "
                f"Available: {list(available)!r}."
            )
    raise unknown("column", by, available)


def texts(log: EventLog, by: str) -> tuple[Ints, list[str]]:
    """Return each packed row's value as a place among the texts of the values, sorted; -1 where missing."""
    if by == log.roles["event"]:
        return log.packed.codes.astype(np.int64), list(log.event_names)

    def compute() -> tuple[Ints, list[str]]:
        codes, found = pd.factorize(_keys.comparable(log.column(by)))
        texts = [str(value) for value in pd.Index(found).tolist()]
        distinct = sorted(set(texts))
        number = {text: place for place, text in enumerate(distinct)}
        # Kept with the log and as long as it: as narrow as will do.
        narrow = np.min_scalar_type(-max(len(distinct), 1))
        lut = np.array([*(number[text] for text in texts), -1], dtype=narrow)
        return lut[codes], distinct

    return log.memo(("breakdown values", by), compute)
