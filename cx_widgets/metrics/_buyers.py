"""Who bought, how often, when and for how much: what several figures of loyalty are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.engine import purchases, rows_in, stage_numbers
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints, Purchases
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

NO_VALUE = "Not measurable: the log has no value column."
NO_BUY = "Not measurable: no stage has the role 'buy'."
NOBODY = "Nobody bought."


@dataclass(frozen=True, slots=True, eq=False)
class Buyers:
    """Who bought: one entry for each customer with a purchase, in customer order; ticks as int64."""

    customer: Ints
    first: Ints
    last: Ints
    bought: Ints
    until_second: Ints
    """Ticks to the second purchase, or to the end of observation."""
    repeated: Bools
    end_tick: int


def buyers_of(log: EventLog, made: Purchases) -> Buyers:
    """Return the customers behind purchases."""
    begins = np.flatnonzero(~made.repeat)
    bought = np.diff(np.append(begins, len(made.repeat)))
    first = made.tick[begins].astype(np.int64)
    last = made.tick[begins + bought - 1].astype(np.int64)
    repeated = bought > 1
    second = np.full(len(begins), log.packed.end_tick, dtype=np.int64)
    second[repeated] = made.tick[begins[repeated] + 1]
    return Buyers(made.customer[begins], first, last, bought, second - first, repeated, log.packed.end_tick)


def require_buy(definition: Definition) -> None:
    """Refuse a definition that does not say what buying is."""
    if not stage_numbers(definition, "buy"):
        raise CXError(
            "nothing says what a purchase is: no stage has the role 'buy'. "
            "Give a stage that role: definition.set_role('NAME', 'buy')."
        )


def bought(log: EventLog, definition: Definition) -> tuple[Purchases, Buyers]:
    """Return the purchases and who made them, or refuse a definition that does not say what buying is."""
    require_buy(definition)
    made = purchases(log, definition)
    return made, buyers_of(log, made)


@dataclass(frozen=True, slots=True, eq=False)
class Spending:
    """What customers spent.

    Attributes
    ----------
    total
        For each customer of the log the sum of the values of their purchases' rows, missing values as 0.
    """

    total: Floats
    _customer: Ints
    _tick: Ints

    def orders(self) -> Floats:
        """Return for each customer of the log how many of their purchases have a value."""
        new = np.ones(len(self._customer), dtype=bool)
        new[1:] = (self._customer[1:] != self._customer[:-1]) | (self._tick[1:] != self._tick[:-1])
        return np.bincount(self._customer[new], minlength=len(self.total)).astype(np.float64)


def spending(log: EventLog, definition: Definition) -> Spending | None:
    """Return what customers spent in stages with the role buy; None where the log has no value column."""
    values = log.values
    if values is None:
        return None
    at = rows_in(log, definition, stage_numbers(definition, "buy"))
    money = values[at]
    known = ~np.isnan(money)
    if not known.all():
        at, money = at[known], money[known]
    customer = log.packed.customers[at]
    total = np.bincount(customer, weights=money, minlength=log.n_customers).astype(np.float64)
    return Spending(total, customer, log.packed.ticks[at])
