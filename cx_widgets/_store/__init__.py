"""A packed log as one file: a header in JSON, then its arrays, mapped into memory when it is opened.

``layout`` is the file from outside, ``header`` what its JSON may say, ``columns`` how each kind of column is
kept, ``files`` the writing and the opening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _ticks
from cx_widgets._held import Held
from cx_widgets._packed import Packed, placed
from cx_widgets._store.files import Stored, read, write
from cx_widgets._store.header import Facts

if TYPE_CHECKING:
    from pathlib import Path

    from cx_widgets._store.layout import Array

__all__ = ["Stored", "opened", "save"]


def save(path: str | Path, held: Held, *, overwrite: bool) -> None:
    """Write what a log holds into a file."""
    packed = held.rows
    arrays: dict[str, Array] = {"offsets": packed.offsets, "codes": packed.codes, "ticks": packed.ticks}
    rows = placed(packed.places)
    if rows is not None:
        arrays["rows"] = rows
    if held.customers is not None:
        arrays["customers"] = held.customers
    facts = Facts(
        roles=held.roles,
        names=held.names,
        zone=held.zone,
        tick_ns=packed.tick_ns,
        origin_ns=packed.origin_ns,
        end_tick=packed.end_tick,
        last_tick=held.last_tick,
        has_ties=packed.has_ties,
        table_rows=held.table_rows,
        options=held.options,
        until_ns=None if held.until is None else held.until.value,
        checks=held.checks,
    )
    ids = pd.Series(held.customer_ids, name=held.roles["customer"])
    write(path, facts, arrays, ids, {name: held.column(name) for name in held.columns}, overwrite=overwrite)


def opened(path: str | Path, *, verify: bool) -> Held:
    """Return what the log holds that a file keeps."""
    stored = read(path)
    if verify:
        stored.verify()
    facts = stored.facts
    packed = Packed(
        offsets=stored.unread("offsets").view(np.int64),
        codes=stored.unread("codes"),  # type: ignore[arg-type]
        ticks=stored.unread("ticks"),  # type: ignore[arg-type]
        places=stored.rows if stored.has("rows") else None,
        tick_ns=facts.tick_ns,
        origin_ns=facts.origin_ns,
        end_tick=facts.end_tick,
        has_ties=facts.has_ties,
    )
    return Held(
        roles=facts.roles,
        columns=stored,
        places=None,
        ids=stored.ids,
        names=facts.names,
        zone=facts.zone,
        packed=packed,
        last_tick=facts.last_tick,
        checks=facts.checks,
        table_rows=facts.table_rows,
        options=facts.options,
        stored=stored,
        until=None if facts.until_ns is None else _ticks.timestamp(facts.until_ns, facts.zone),
        customers=stored.unread("customers").view(np.int64) if stored.has("customers") else None,
    )
