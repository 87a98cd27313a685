"""Who recommends: by an event in an advocate stage, or by the latest score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.engine import stage_numbers, who_in
from cx_widgets.errors import unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

PROMOTER = 9.0
"""The lowest score of a promoter, of 10."""

EITHER, STAGE, SCORE = "either", "stage", "score"
WAYS = (EITHER, STAGE, SCORE)
_NO_STAGE = "no stage has the role 'advocate'"
_NO_SCORE = "the log has no score column"


def check_way(recommends: object) -> str:
    """Return what recommending means, or refuse it."""
    if not isinstance(recommends, str) or recommends not in WAYS:
        then = (
            "'stage' is an event in a stage with the role advocate, 'score' a latest score of 9 or 10, "
            "'either' one of the two."
        )
        raise unknown("recommends", recommends, WAYS, then=then)
    return recommends


def missing(log: EventLog, definition: Definition, way: str = EITHER) -> str:
    """Return why nobody can be told to recommend; nothing where it can be told."""
    no_stage = not stage_numbers(definition, "advocate")
    no_score = log.scores is None
    if way == EITHER and no_stage and no_score:
        return f"Not measurable: {_NO_STAGE} and {_NO_SCORE}."
    if (way == STAGE and no_stage) or (way == SCORE and no_score):
        return f"Not measurable: {_NO_STAGE if way == STAGE else _NO_SCORE}."
    return ""


def meaning(log: EventLog, definition: Definition, way: str) -> str:
    """Return in words who recommends."""
    stages = " or ".join(definition.stages_with_role("advocate"))
    by_stage = f"an event in {stages}" if stages and way != SCORE else ""
    by_score = "a latest score of 9 or 10" if log.scores is not None and way != STAGE else ""
    found = " or ".join(part for part in (by_stage, by_score) if part)
    return f"Recommends: {found}; who was not asked does not." if found else ""


def advocates(log: EventLog, definition: Definition, way: str = EITHER) -> Bools:
    """Return which customers recommend, at whatever time."""
    speak = np.zeros(log.n_customers, dtype=bool)
    if way != SCORE:
        speak |= who_in(log, definition, stage_numbers(definition, "advocate"))
    if way != STAGE and log.scores is not None:
        speak |= log.memo(("promoters",), lambda: _promoters(log, log.scores))
    return speak


def _promoters(log: EventLog, scores: Floats | None) -> Bools:
    promoter = np.zeros(log.n_customers, dtype=bool)
    if scores is None:
        return promoter
    scored = np.flatnonzero(~np.isnan(scores))
    customer, tick = log.packed.customers[scored], log.packed.ticks[scored]
    # Latest first within a customer; of several at that time the lowest.
    order = np.lexsort((scores[scored], -tick.astype(np.int64), customer))
    customer, score = customer[order], scores[scored][order]
    latest = np.ones(len(order), dtype=bool)
    latest[1:] = customer[1:] != customer[:-1]
    promoter[customer[latest]] = score[latest] >= PROMOTER
    return promoter
