"""Random logs and definitions under any rules that can be meant together."""

from __future__ import annotations

import numpy as np
import pandas as pd

import cx_widgets as cx
from cx_widgets.engine._special import laid, special_funnel, special_outcomes

EVENTS = np.array(list("abcdefx"))
ORIGIN = pd.Timestamp("2026-03-27 12:00")
EFFECTS = ("stop", "reset", "remove")


def random_rules(rng, most=30):
    """Return a log with many ties, and a definition with special rules for it."""
    log = _log(rng, most)
    while True:
        try:
            definition = _definition(rng)
        except cx.CXError:
            # A contradiction: draw again.
            continue
        return log, definition


def answers_under_rules(one, log, definition):
    """Return what an engine says under special rules: the funnel, and what became of everybody."""
    rows = laid(log, definition, by_walking=True).rows
    funnel = special_funnel(log, definition, one, by_walking=True)
    ended = special_outcomes(log, definition, rows, one)
    return (
        funnel,
        ended.reason,
        ended.missed,
        ended.by,
        ended.cause,
        ended.overshoot_ns,
        ended.attempts,
        ended.left,
    )


def _log(rng, most):
    sizes = rng.integers(1, most, rng.integers(1, 7))
    n = int(sizes.sum())
    # Every event is in the log.
    event = np.append(rng.choice(EVENTS, n), EVENTS)
    who = np.append(np.repeat(np.arange(len(sizes)), sizes), np.full(len(EVENTS), 99))
    unit = str(rng.choice(["s", "ms", "ns"]))
    tick = rng.integers(0, rng.choice([1, 3, 12, 60]), len(event))
    frame = pd.DataFrame(
        {
            "customer": who,
            "time": ORIGIN.to_numpy() + tick.astype(f"m8[{unit}]") * _seconds(unit),
            "event": event,
            "device": rng.choice(np.array(["tv", "web", None], object), len(event)),
            "account": rng.choice(np.array(["p", "q", "r", None], object), len(event)),
            "n": rng.integers(0, 4, len(event)),
        }
    ).iloc[rng.permutation(len(event))]
    return cx.EventLog(frame, customer="customer", time="time", event="event")


def _seconds(unit):
    """Return how many of a unit a second has, or a little more: then ticks are finer."""
    return {"s": 1, "ms": 1_001, "ns": 10**9 + 1}[unit]


def _definition(rng):
    def one_of(*values, usual=0.5):
        return values[0] if rng.random() < usual else values[rng.integers(len(values))]

    n = int(rng.integers(1, 6))
    order = one_of("ordered", "strict", "unbroken", "any")
    reuse = one_of("never", "distinct", "shared")
    names = [f"Stage {level}" for level in range(n)]
    stages = []
    for level, name in enumerate(names):
        events = {str(EVENTS[level])}
        if reuse != "never":
            events |= set(rng.choice(EVENTS, rng.integers(0, 3)).tolist())
        inner = 0 < level < n - 1
        stages.append(
            cx.Stage(
                name,
                sorted(events),
                where=[cx.Condition("n", ">", 0)] if rng.random() < 0.1 else [],
                nth="2+" if rng.random() < 0.05 else None,
                optional=bool(inner and order == "ordered" and rng.random() < 0.4),
                directly=bool(level and order != "any" and rng.random() < 0.15),
                anchored=bool(order == "any" and rng.random() < 0.3),
                window=one_of(None, "1s", "3s", usual=0.7) if level and order != "any" else None,
            )
        )
    exclusions = []
    for _ in range(rng.integers(0, 3) if n > 1 else 0):
        after = int(rng.integers(0, n - 1))
        ends = (names[after], names[int(rng.integers(after + 1, n))]) if order != "any" else (None, None)
        exclusions.append(
            cx.Exclusion(str(rng.choice(EVENTS)), after=ends[0], before=ends[1], effect=one_of(*EFFECTS))
        )
    return cx.Definition(
        stages,
        order=order,
        entry=one_of("best", "first", "latest"),
        reach=one_of("closed", "open"),
        ties=one_of("stage", "row", "strict", "1s", "2s"),
        reuse=reuse,
        count=one_of("unique", "attempts"),
        unit=one_of("customer", "2s", "journey", "account"),
        window=one_of(None, "1s", "2500ms", "6s", "3 events", "1 session of 1s", "1 calendar day", usual=0.2),
        hold_constant=["device"] if rng.random() < 0.3 else [],
        exclusions=list(dict.fromkeys(exclusions)),
    )
