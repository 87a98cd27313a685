"""What each counting rule costs beside the plain funnel: ``benchmarks/rules.py [events] [--numpy]``."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import cx_widgets as cx
from cx_widgets.engine import CodedRows, available
from cx_widgets.engine._special import laid, special_funnel, special_outcomes

if TYPE_CHECKING:
    from cx_widgets.engine import Engine

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


def asked() -> dict[str, cx.Definition]:
    """Return a definition for each rule, the plain one first."""
    plain = cx.Definition(STAGES, window="14D")
    found = {"plain": plain}
    found |= {name: plain.with_rules(**fields) for name, fields in RULES.items()}  # type: ignore[arg-type] # by name
    for name, fields in SECOND.items():
        found[name] = cx.Definition([STAGES[0], STAGES[1].replace(**fields), *STAGES[2:]], plain.rules)
    anchored = [STAGES[0].replace(anchored=True), *STAGES[1:]]
    found["any, first anchored"] = cx.Definition(anchored, plain.rules.replace({"order": "any"}))
    return found


def seconds(log: cx.EventLog, definition: cx.Definition, engine: Engine, times: int) -> float:
    """Return the processor time of one funnel and everything about single customers, the least of some."""
    best = []
    for _ in range(times):
        start = time.process_time()
        end = definition.rules.observation_end
        seen = log if end is None else log.until(end)
        if definition.rules.plain and not any(stage.special for stage in definition.stages):
            coded = engine.code(seen.packed, definition.stage_of_rows(seen), len(definition))
            engine.funnel(coded, seen.to_ticks(pd.Timedelta("14D")))
        else:
            special_funnel(seen, definition, engine)
        best.append(time.process_time() - start)
    return min(best)


def seconds_of_reasons(log: cx.EventLog, definition: cx.Definition, engine: Engine, times: int) -> float:
    """Return the processor time of why everybody got no further; NaN where the funnel is not walked."""
    rows = laid(log, definition).rows
    if isinstance(rows, CodedRows) or definition.rules.observation_end is not None:
        return float("nan")
    best = []
    for _ in range(times):
        start = time.process_time()
        special_outcomes(log, definition, rows, engine)
        best.append(time.process_time() - start)
    return min(best)


def main() -> None:
    """Print a line for each rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", nargs="?", type=int, default=200_000)
    parser.add_argument(
        "--numpy", action="store_true", help="count with the numpy engine, too: it takes minutes"
    )
    wanted = parser.parse_args()
    log = made_up(wanted.events)
    names = list(available())
    engines = {name: available()[name] for name in names if name != "numpy"}
    # The best instruction set; numpy alone where there are no kernels.
    engines = dict(list(engines.items())[:1])
    if wanted.numpy or not engines:
        engines["numpy"] = available()["numpy"]
    print(
        f"{wanted.events:,} events, processor ms{'':8}"
        + "".join(f"{name:>20}{'reasons':>12}" for name in engines)
    )
    plain = {name: seconds(log, asked()["plain"], engine, 9) for name, engine in engines.items()}
    for rule, definition in asked().items():
        line = f"{rule:32}"
        for name, engine in engines.items():
            times = 1 if name == "numpy" else 5
            cost = seconds(log, definition, engine, times)
            line += f"{cost * 1e3:12.1f} {cost / plain[name]:6.1f}x"
            line += f"{seconds_of_reasons(log, definition, engine, times) * 1e3:12.1f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
