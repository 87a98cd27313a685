"""The way to each purchase: what a customer touched since the purchase before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.engine import journeys, purchases, stage_numbers
from cx_widgets.touchpoints import path_of_touches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Bytes, Ints
    from cx_widgets.log import EventLog


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Purchases, and the touches before each: after the time of the purchase before, up to this one.

    What stands behind a purchase at its time, or behind the last one, is on no way.

    Attributes
    ----------
    customer, repeat
        Of each purchase whose it is, and whether it is a later one than the customer's first.
    purchase, touch
        Of each touch on a way, in order, the purchase it leads to, and what is touched. Consecutive ones of
        a way that are alike are one.
    """

    customer: Ints
    repeat: Bools
    purchase: Ints
    touch: Ints


def ways(log: EventLog, definition: Definition, by: tuple[str, Ints] | None = None) -> Ways:
    """Return the ways to all purchases.

    Touches are stages, numbered from 0, or ``by``: a name that nothing else has, and what each packed row
    touches, -1 for nothing. At one time rows stand in the order of their stages, with the rule ``ties="row"``
    as in the frame.
    """
    found = journeys(log, definition, stage_numbers(definition, "buy"), by, merged=True)
    if found is None:
        raise TypeError("stages are a goal that an engine finds")
    purchase = found.purchase.astype(np.int32)[path_of_touches(found.begins, len(found.touch))]
    leads = purchase >= 0
    return Ways(
        customer=purchases(log, definition).customer,
        repeat=found.repeat,
        purchase=purchase[leads],
        touch=found.touch[leads],
    )


def among(numbers: Bytes | Ints, some: Iterable[int]) -> Bools:
    """Return which numbers, none above 255, are among some."""
    table = np.zeros(256, dtype=bool)
    table[list(some)] = True
    found: Bools = table[numbers]
    return found
