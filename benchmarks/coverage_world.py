"""Customers whose journeys are known to the last probability: what `coverage.py` measures intervals on.

Two kinds of customers, 60 % casual and 40 % loyal, go from what they did to what they do next by the shares
of their kind, wait, and end. They differ, so the visits of one of them are not independent: intervals that
took them so would be too narrow. Everybody begins on one of 150 days; all are observed for 210.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import cx_widgets as cx

EVENTS = ("look", "compare", "order", "review")
CHANNELS = ("search", "social", "mail", "shop")
_ENDED = len(EVENTS)
# From look, compare, order, review (lines) to the same and to the end (columns).
_NEXT = np.array(
    [
        [
            [0.15, 0.45, 0.08, 0.00, 0.32],
            [0.20, 0.05, 0.35, 0.00, 0.40],
            [0.15, 0.05, 0.10, 0.30, 0.40],
            [0.20, 0.05, 0.20, 0.00, 0.55],
        ],
        [
            [0.15, 0.45, 0.25, 0.00, 0.15],
            [0.15, 0.05, 0.62, 0.00, 0.18],
            [0.15, 0.05, 0.35, 0.30, 0.15],
            [0.20, 0.05, 0.45, 0.00, 0.30],
        ],
    ]
)
_DAYS = np.array([3.0, 5.0, 18.0, 12.0])
_MOST = 40
_LOYAL, _LOOK_FIRST, _ANSWER = 0.4, 0.8, 0.4
# New customers the casual and the loyal bring on average.
_BRING = np.array([0.2, 0.45])
END = pd.Timestamp("2026-07-30")
_BEGIN = pd.Timestamp("2026-01-01")
# Scores from 0 to 10 of the casual and of the loyal.
_SCORES = np.array(
    [
        [0.02, 0.01, 0.02, 0.03, 0.04, 0.08, 0.10, 0.20, 0.22, 0.16, 0.12],
        [0.01, 0.00, 0.01, 0.01, 0.01, 0.03, 0.05, 0.10, 0.20, 0.26, 0.32],
    ]
)


def journey(**rules: object) -> cx.Definition:
    """Return the stages of the shop, with rules."""
    stages = [
        cx.Stage("Consider", ["look"], role="consider"),
        cx.Stage("Evaluate", ["compare"], role="evaluate"),
        cx.Stage("Buy", ["order"], role="buy"),
        cx.Stage("Advocate", ["review"], role="advocate"),
    ]
    return cx.Definition(stages, **{"retention_period": "30D", "observation_end": END, **rules})


def customers(random: np.random.Generator, n: int) -> cx.EventLog:
    """Return a log of so many customers."""
    loyal = (random.random(n) < _LOYAL).astype(np.int64)
    ahead = np.cumsum(_NEXT, axis=2)
    state = np.where(random.random(n) < _LOOK_FIRST, 0, 1)
    day = random.uniform(0, 150, n)
    who = np.arange(n)
    parts: list[tuple[np.ndarray, ...]] = []
    for _ in range(_MOST):
        parts.append((who, day, state))
        day = day + random.exponential(_DAYS[state])
        state = (random.random(len(who))[:, None] > ahead[loyal[who], state]).sum(axis=1)
        going = (state != _ENDED) & (day < (END - _BEGIN).days + 1)
        who, day, state = who[going], day[going], state[going]
    owner, when, what = (np.concatenate(part) for part in zip(*parts, strict=True))
    spends = random.gamma(4.0, 0.25, n)
    amount = np.round(random.lognormal(3.2, 0.6, len(owner)) * spends[owner], 2)
    score = (random.random(len(owner))[:, None] > np.cumsum(_SCORES, axis=1)[loyal[owner]]).sum(axis=1)
    answers = (what == EVENTS.index("review")) | (
        (what == EVENTS.index("order")) & (random.random(len(owner)) < _ANSWER)
    )
    channel = random.choice(len(CHANNELS), len(owner), p=[0.4, 0.3, 0.2, 0.1])
    # Who recommended a customer stands on the first row.
    referrer = np.full(len(owner), np.nan)
    referrer[:n] = brought(random.poisson(_BRING[loyal]))
    frame = pd.DataFrame(
        {
            "customer": owner,
            "time": _BEGIN + pd.to_timedelta((when * 86_400).astype(np.int64), unit="s"),
            "event": pd.Categorical.from_codes(what, EVENTS),
            "channel": pd.Categorical.from_codes(channel, CHANNELS),
            "value": np.where(what == EVENTS.index("order"), amount, np.nan),
            "score": np.where(answers, score.astype(np.float64), np.nan),
            "from": referrer,
        }
    )
    return cx.EventLog(
        frame,
        customer="customer",
        time="time",
        event="event",
        channel="channel",
        value="value",
        score="score",
    ).until(END)


def brought(many: np.ndarray) -> np.ndarray:
    """Return who brought each customer, NaN where nobody did; ``many`` is how many each of them brings.

    Families come one after the other: a customer who came by themselves, those they brought, those whom
    these brought, and so on; the last family is cut where there are customers enough. So how many came by
    others is as much luck as how many each one brings.
    """
    n = len(many)
    waiting = np.append(0, np.cumsum(many - 1)[:-1])
    # Nobody waits to come: all who were brought so far are there, and somebody comes by themselves.
    alone = waiting < np.append(np.inf, np.minimum.accumulate(waiting)[:-1])
    found = np.full(n, np.nan)
    found[~alone] = np.repeat(np.arange(n), many)[: n - int(alone.sum())]
    return found
