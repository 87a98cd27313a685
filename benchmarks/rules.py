"""What each counting rule costs relative to the plain funnel: ``python benchmarks/rules.py [events]``."""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import cx_widgets as cx
from cx_widgets.engine import NumpyEngine
from cx_widgets.engine._special import special_funnel

STAGES = [cx.Stage(name.upper(), [name], role=None) for name in "abcd"]
SECOND = {
    "optional": {"optional": True},
    "a window of its own": {"window": "2D"},
    "directly": {"directly": True},
}
RULES: dict[str, dict[str, object]] = {
    "entry first": {"entry": "first"},
    "entry latest": {"entry": "latest"},
    "reach open": {"reach": "open"},
    "ties row": {"ties": "row"},
    "ties strict": {"ties": "strict"},
    "ties 2h": {"ties": "2h"},
    "reuse distinct": {"reuse": "distinct"},
    "reuse shared": {"reuse": "shared"},
    "order strict": {"order": "strict"},
    "order unbroken": {"order": "unbroken"},
    "order any": {"order": "any"},
    "exclusion": {"exclusions": [cx.Exclusion("h")]},
    "attempts": {"count": "attempts"},
    "sessions": {"unit": "1D"},
    "journeys": {"unit": "journey"},
    "hold constant": {"hold_constant": ["device"]},
    "window in events": {"window": "5 events", "ties": "row"},
    "window in sessions": {"window": "2 sessions of 1D"},
    "window in days": {"window": "3 calendar days"},
    "window in months": {"window": "1 calendar month"},
    "attempts in days": {"window": "3 calendar days", "count": "attempts"},
    "observation end": {"observation_end": "2026-03-01"},
}


def made_up(n_events: int) -> cx.EventLog:
    """Return a log of ten events a customer, eight event names, ninety days."""
    rng = np.random.default_rng(1)
    seconds = rng.integers(0, 90 * 86_400, n_events)
    frame = pd.DataFrame(
        {
            "customer": rng.integers(0, max(n_events // 10, 1), n_events),
            "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(seconds, unit="s"),
            "event": np.array(list("abcdefgh"))[rng.integers(0, 8, n_events)],
            "device": np.array(["tv", "web"])[rng.integers(0, 2, n_events)],
        }
    )
    return cx.EventLog(frame, customer="customer", time="time", event="event")


def main() -> None:
    """Print a line for each rule."""
    log = made_up(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
    engine = NumpyEngine()
    plain = cx.Definition(STAGES, window="14D")
    best = []
    for _ in range(5):
        start = time.perf_counter()
        coded = engine.code(log.packed, plain.stage_of_rows(log), len(plain))
        engine.funnel(coded, log.to_ticks(pd.Timedelta("14D")))
        best.append(time.perf_counter() - start)
    print(f"{'plain':24}{min(best) * 1e3:10.1f} ms")
    asked = {name: plain.with_rules(**fields) for name, fields in RULES.items()}  # type: ignore[arg-type] # by name
    for name, fields in SECOND.items():
        stages = [STAGES[0], STAGES[1].replace(**fields), *STAGES[2:]]
        asked[name] = cx.Definition(stages, plain.rules)
    anchored = [STAGES[0].replace(anchored=True), *STAGES[1:]]
    asked["any, first anchored"] = cx.Definition(anchored, plain.rules.replace({"order": "any"}))
    for name, definition in asked.items():
        start = time.perf_counter()
        seen = (
            log if definition.rules.observation_end is None else log.until(definition.rules.observation_end)
        )
        cutting = time.perf_counter() - start
        definition.stage_of_rows(seen)
        start = time.perf_counter() - cutting
        special_funnel(seen, definition, engine)
        cost = time.perf_counter() - start
        print(f"{name:24}{cost * 1e3:10.1f} ms {cost / min(best):8.1f} times plain")


if __name__ == "__main__":
    main()
