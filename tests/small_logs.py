"""Small logs for the tests of the metrics: literal ones, and random ones with many ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

import cx_widgets as cx

ORIGIN = pd.Timestamp("2026-01-01")
ROLES = (None, "consider", "evaluate", "buy", "advocate")
UNITS_NS = (1_000, 1_000_000, 1_000_000_000)


def log_of(rows, **columns):
    """Return the log of rows (customer, day, event) and of further columns; days count from 2026-01-01."""
    customers, days, events = zip(*rows, strict=True) if rows else ((), (), ())
    frame = pd.DataFrame(
        {
            "customer": pd.Series(customers, dtype=object),
            "time": ORIGIN + pd.to_timedelta(pd.Series(days, dtype=float), unit="D"),
            "event": pd.Series(events, dtype=object),
            **columns,
        }
    )
    roles = {role: role for role in ("value", "score") if role in columns}
    return cx.EventLog(frame, customer="customer", time="time", event="event", **roles)


@dataclass(frozen=True)
class Case:
    """A random log, as the package sees it and as the oracle does."""

    log: cx.EventLog
    definition: cx.Definition
    rows: list[tuple[int, int, int]]
    n_stages: int
    end: int
    start: pd.Timestamp
    unit_ns: int
    window: float | None
    period: float
    roles: tuple[str | None, ...]

    def stages_with(self, *roles):
        return {number for number, role in enumerate(self.roles, start=1) if role in roles}

    def time(self, ticks):
        return pd.NaT if ticks is None else pd.Timedelta(round(ticks * self.unit_ns), unit="ns")

    def moment(self, tick):
        return self.start + pd.Timedelta(tick * self.unit_ns, unit="ns")


def random_case(rng):
    """Return a few customers with up to ten events each at few distinct times, rows in a random order.

    Every stage has an event somewhere, for a definition with an empty stage is refused; one log in fifty
    is empty.
    """
    n_stages = int(rng.integers(1, 5))
    n_rows = rng.integers(0, 11, size=rng.integers(1, 5))
    customer = np.repeat(np.arange(len(n_rows)), n_rows)
    stage = rng.integers(0, n_stages + 1, size=len(customer))
    missing = np.setdiff1d(np.arange(1, n_stages + 1), stage)
    customer = np.append(customer, rng.integers(0, len(n_rows), size=len(missing)))
    stage = np.append(stage, missing)
    order = rng.permutation(len(stage))[: None if rng.random() < 0.98 else 0]
    customer, stage = customer[order], stage[order]
    time = rng.integers(0, rng.choice([2, 6, 12]), size=len(order))
    return _case(rng, customer, time, stage, n_stages)


def _case(rng, customer, time, stage, n_stages):
    unit_ns = int(rng.choice(UNITS_NS))
    start = int(time.min(initial=99))
    # Two event names for each stage.
    names = [f"{number} {'ab'[rng.integers(2)]}" for number in stage]
    frame = pd.DataFrame(
        {
            "customer": pd.Series(customer, dtype="int64"),
            "time": pd.Series(ORIGIN + pd.to_timedelta(time * unit_ns, unit="ns"), dtype="datetime64[ns]"),
            "event": pd.Series(names, dtype=object),
        }
    )
    # Half ticks too: a window need not be a whole number of them.
    window = None if rng.random() < 0.3 else float(rng.integers(1, 13)) / 2
    period = float(rng.integers(1, 9)) / 2
    roles = tuple(ROLES[i] for i in rng.integers(0, len(ROLES), size=n_stages))
    definition = cx.Definition(
        [
            cx.Stage(f"Stage {number}", [f"{number} [ab]"], role=role)
            for number, role in enumerate(roles, start=1)
        ],
        window=None if window is None else pd.Timedelta(int(window * unit_ns), unit="ns"),
        retention_period=pd.Timedelta(int(period * unit_ns), unit="ns"),
    )
    ticks = (time - start).tolist()
    return Case(
        log=cx.EventLog(frame, customer="customer", time="time", event="event"),
        definition=definition,
        rows=list(zip(customer.tolist(), ticks, stage.tolist(), strict=True)),
        n_stages=n_stages,
        end=max(ticks, default=0),
        start=ORIGIN + pd.Timedelta(start * unit_ns, unit="ns"),
        unit_ns=unit_ns,
        window=window,
        period=period,
        roles=roles,
    )
