"""The customers behind a figure, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import stats
from cx_widgets._numbers import sentence
from cx_widgets.engine import funnel_paths
from cx_widgets.metrics._result import names_at

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, FunnelPaths, Ints
    from cx_widgets.log import EventLog

_FIXED = ("reach", "entered", "converted", "open")


def is_open(log: EventLog, definition: Definition, paths: FunnelPaths) -> Bools:
    """Return which customers entered, did not convert, and have window left at the end of observation."""
    still = np.zeros(len(paths.reach), dtype=bool)
    who = paths.levels[0].customer if paths.waiting is None else paths.waiting
    unclosed = paths.unclosed
    still[who] = in_time(log, definition, paths.last_entry) if unclosed is None else unclosed
    return still & (paths.reach < len(paths.levels)) & (paths.reach > 0)


def in_time(log: EventLog, definition: Definition, start: Ints) -> Bools:
    """Return which starts are less than a window before the end of observation; none without a window.

    For windows of a fixed length; `may_go_on` answers for every kind.
    """
    window = definition.rules.duration
    if window is None:
        return np.zeros(len(start), dtype=bool)
    # Waiting less than the window, in whole ticks: a window that is not whole is rounded up.
    ticks = -(-int(window.as_unit("ns").value) // log.packed.tick_ns)
    inside: Bools = log.packed.end_tick - start.astype(np.int64) < ticks
    return inside


def reached(paths: FunnelPaths, level: int) -> Bools:
    """Return which of those counted reached a level, from 1."""
    there = np.zeros(len(paths.reach), dtype=bool)
    there[paths.levels[level - 1].customer] = True
    return there


def before(definition: Definition) -> tuple[int, ...]:
    """Return for each stage the number (from 1) of the one it is compared with; 0 for the first stage.

    It is the last one before it that customers cannot leave out.
    """
    found, last = [], 0
    for number, stage in enumerate(definition.stages, start=1):
        found.append(last)
        last = last if stage.optional else number
    return tuple(found)


def by_customer(definition: Definition) -> Definition:
    """Return the definition with each customer counted once."""
    rules = definition.rules
    if rules.unit == "customer" and rules.count == "unique":
        return definition
    return definition.with_rules(unit="customer", count="unique")


def noun(definition: Definition, number: int) -> str:
    """Return what a funnel counts, in words."""
    rules = definition.rules
    one, many = "customer", "customers"
    if rules.count == "attempts":
        one, many = "attempt", "attempts"
    elif rules.session_gap is not None:
        one, many = "session", "sessions"
    elif rules.unit == "journey":
        one, many = "journey", "journeys"
    elif rules.unit_column is not None:
        one = many = f"{rules.unit_column}"
        return f"{number:,} {'value' if number == 1 else 'values'} of {one}"
    return f"{number:,} {one if number == 1 else many}"


def heading(definition: Definition) -> str:
    """Return the head of a column of numbers of what a funnel counts: Customers, Sessions and so on."""
    return sentence(noun(definition, 2).removeprefix("2 "))


def ids(log: EventLog, definition: Definition, paths: FunnelPaths) -> pd.Index:
    """Return the ids of what is counted: of customers, or with the number of the session or the attempt."""
    subjects, rules = paths.subjects, definition.rules
    if subjects is None:
        return log.customer_ids
    parts: list[pd.Index] = []
    if subjects.names is not None:
        parts.append(pd.Index(list(subjects.names), name=rules.unit_column).take(subjects.unit))
    else:
        parts.append(log.customer_ids.take(subjects.customer))
        if rules.unit != "customer":
            name = "journey" if rules.unit == "journey" else "session"
            parts.append(pd.Index(subjects.number, name=name))
    if subjects.attempt is not None:
        parts.append(pd.Index(subjects.attempt, name="attempt"))
    return parts[0] if len(parts) == 1 else pd.MultiIndex.from_arrays(parts)


def clusters(paths: FunnelPaths) -> Ints | None:
    """Return the number of the cluster of each line, where lines of one cluster are not independent.

    Sessions, journeys and attempts are a customer's, attempts on the values of a column are that value's.
    None where each line stands for itself.
    """
    subjects = paths.subjects
    if subjects is None or (subjects.names is not None and subjects.attempt is None):
        return None
    return subjects.customer if subjects.names is None else subjects.unit


def bounds(paths: FunnelPaths, hits: Bools, trials: Bools) -> tuple[float, float]:
    """Return the 95 % interval of the share of hits among trials, both given for each line."""
    of = clusters(paths)
    if of is None:
        low, high = stats.wilson(hits.sum(), trials.sum())
        return float(low), float(high)
    y, x = (np.bincount(of[rows], minlength=1).astype(np.float64) for rows in (hits, trials))
    size = max(len(y), len(x))
    y, x = (np.pad(sums, (0, size - len(sums))) for sums in (y, x))
    low, high = stats.clustered_wilson(
        y.sum(),
        x.sum(),
        success_squares=y @ y,
        products=x @ y,
        trial_squares=x @ x,
        clusters=np.count_nonzero(x),
    )
    return float(low), float(high)


def customer_table(log: EventLog, definition: Definition, chosen: Ints) -> pd.DataFrame:
    """Return a line for each chosen customer: how far they got, when they entered and reached each stage."""
    paths = funnel_paths(log, definition)
    reach = paths.reach[chosen]
    entered = np.zeros(len(chosen), dtype=np.int64)
    times: dict[str, pd.DatetimeIndex] = {}
    for number, (name, level) in enumerate(zip(definition.names, paths.levels, strict=True), start=1):
        there = np.flatnonzero(reached(paths, number)[chosen])
        place = np.searchsorted(level.customer, chosen[there])
        when = np.zeros(len(chosen), dtype=np.int64)
        when[there] = level.reached[place]
        entered[there] = level.entered[place]
        known = np.zeros(len(chosen), dtype=bool)
        known[there] = True
        times[f"{name} (time)" if name in _FIXED else name] = _where(log, known, when)
    columns = {
        "reach": names_at(definition.names, reach),
        "entered": _where(log, reach > 0, entered),
        **times,
        "converted": reach == len(paths.levels),
        "open": is_open(log, definition, paths)[chosen],
    }
    return pd.DataFrame(columns, index=ids(log, definition, paths).take(chosen))


def _where(log: EventLog, known: Bools, ticks: Ints) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(log.timestamps(ticks).where(known))
