"""The way to each purchase: the rows of a customer since the purchase before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.engine import coded_rows, stage_numbers
from cx_widgets.metrics._activity import begins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Bytes, Ints
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Purchases, and the rows before each: after the time of the purchase before, up to this one.

    Rows at the time of a purchase that stand behind it, and those behind the last, are on no way.

    Attributes
    ----------
    customer, repeat
        Of each purchase whose it is, and whether it is a later one than the customer's first.
    purchase, stage, row
        Of each row on a way, in order, the purchase it leads to, its stage, its place in the packed log.
    bought, bought_row
        Of each row of a purchase the purchase, and its place in the packed log.
    """

    customer: Ints
    repeat: Bools
    purchase: Longs
    stage: Bytes
    row: Ints
    bought: Longs
    bought_row: Ints


def ways(log: EventLog, definition: Definition, *roles: str) -> Ways:
    """Return the ways to all purchases; of rows on them only those in stages with one of the roles, if any.

    At one time rows stand in the order of their stages, with the rule ``ties="row"`` as in the frame.
    """
    rows = coded_rows(log, definition, by_row=definition.rules.ties == "row")
    buys = among(rows.stage, stage_numbers(definition, "buy"))
    goal = np.flatnonzero(buys)
    fresh = begins(rows.customer[goal], rows.tick[goal])
    first = goal[fresh]
    owner = rows.customer[first]
    mark = np.zeros(len(rows.stage), dtype=np.int32)
    mark[first] = 1
    wanted = stage_numbers(definition, *roles) if roles else range(1, rows.n_stages + 1)
    at = np.flatnonzero(among(rows.stage, wanted) & ~buys)
    ahead = np.cumsum(mark, dtype=np.int32)[at]
    # One more purchase behind the last, of nobody, so that the last rows have none ahead and none before.
    owners, since = np.append(owner, -1), np.append(rows.tick[first], -1)
    customer = rows.customer[at]
    kept = owners[ahead] == customer
    kept &= (owners[ahead - 1] != customer) | (rows.tick[at] > since[ahead - 1])
    at = at[kept]
    return Ways(
        customer=owner,
        repeat=~begins(owner),
        purchase=ahead[kept].astype(np.int64),
        stage=rows.stage[at],
        row=rows.row[at],
        bought=np.cumsum(fresh) - 1,
        bought_row=rows.row[goal],
    )


def among(stage: Bytes, numbers: Iterable[int]) -> Bools:
    """Return which stages of rows are among some."""
    table = np.zeros(256, dtype=bool)
    table[list(numbers)] = True
    return table[stage]
