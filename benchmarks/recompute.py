"""How long one edit of the stages takes, beside the same figures written in pandas.

Every repetition moves an event name to another stage, so nothing comes from a cache: the time covers
putting rows into stages, counting, and the result's table. The pandas side is what an analyst would write
for the same numbers, without intervals; its counts are checked against ours once. Run it alone, on a
quiet machine:

    python benchmarks/recompute.py            # 100,000 and 1,000,000 events
    python benchmarks/recompute.py 10_000_000

Medians and ratios belong together: they are taken in one run, turn by turn.
"""

from __future__ import annotations

import statistics
import sys
import time
from itertools import cycle

import numpy as np
import pandas as pd

import cx_widgets as cx

STAGES = {
    "Aware": ["ad", "social"],
    "Consider": ["search", "catalogue"],
    "Evaluate": ["compare", "review_read"],
    "Buy": ["order", "reorder"],
    "Enjoy": ["use", "support"],
    "Advocate": ["review", "referral"],
}
UNUSED = ["page", "scroll", "click", "login"]
WINDOW = "30D"
PERIOD = pd.Timedelta("30D")
# Each edit moves one of these: (event, to stage).
EDITS = [("page", "Aware"), ("scroll", "Consider"), ("click", "Evaluate"), ("login", "Enjoy")]


def events(n: int, seed: int = 0) -> pd.DataFrame:
    """Return n events of n / 10 customers over a year, early stages more often than late ones."""
    rng = np.random.default_rng(seed)
    names = [name for group in STAGES.values() for name in group] + UNUSED
    weights = np.array([8, 6, 7, 6, 5, 4, 2, 1, 3, 1, 1, 0.5, 9, 7, 5, 3])
    frame = pd.DataFrame(
        {
            "customer": rng.integers(0, n // 10, n),
            "time": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 365 * 86_400, n), unit="s"),
            "event": rng.choice(names, n, p=weights / weights.sum()),
        }
    )
    bought = frame["event"].isin(STAGES["Buy"])
    return frame.assign(value=np.where(bought, rng.gamma(2, 30, n).round(2), np.nan))


def definitions() -> list[cx.Definition]:
    """Return definitions that each differ from the others in where event names lie."""
    found = [cx.Definition(STAGES, window=WINDOW)]
    for subset in range(1, 2 ** len(EDITS)):
        edited = found[0]
        for bit, (event, stage) in enumerate(EDITS):
            if subset >> bit & 1:
                edited = edited.assign(event, to=stage)
        found.append(edited)
    return found


def staged(frame: pd.DataFrame, definition: cx.Definition) -> pd.DataFrame:
    """Return the rows in a stage, in the order of customer, time and stage."""
    number = {event: i for i, stage in enumerate(definition.stages, start=1) for event in stage.events}
    rows = frame.assign(stage=frame["event"].map(number)).dropna(subset=["stage"])
    return rows.sort_values(["customer", "time", "stage"], kind="stable")


def pandas_funnel(frame: pd.DataFrame, definition: cx.Definition) -> list[int]:
    """Return the reach of each stage by a chain of as-of joins."""
    rows = staged(frame, definition).sort_values("time", kind="stable")
    chain = rows[rows["stage"] == 1][["customer", "time"]].assign(start=lambda one: one["time"])
    reach = [chain["customer"].nunique()]
    for number in range(2, len(definition.stages) + 1):
        step = rows[rows["stage"] == number][["customer", "time"]]
        chain = pd.merge_asof(step, chain, on="time", by="customer", direction="backward")
        chain = chain[chain["time"] - chain["start"] <= definition.window]
        reach.append(chain["customer"].nunique())
    return reach


def pandas_transitions(frame: pd.DataFrame, definition: cx.Definition) -> pd.DataFrame:
    """Return counts and median dwell of the moves between stages."""
    rows = staged(frame, definition)
    new = (rows["customer"] != rows["customer"].shift()) | (rows["stage"] != rows["stage"].shift())
    visits = rows[new].copy()
    after = visits.groupby("customer")[["stage", "time"]].shift(-1)
    visits["to"], visits["dwell"] = after["stage"].fillna(0), after["time"] - visits["time"]
    return visits.groupby(["stage", "to"])["dwell"].agg(["size", "median"])


def pandas_loyalty(frame: pd.DataFrame, definition: cx.Definition) -> tuple[float, ...]:
    """Return repeat rate, retention in the second period, and loyalty-loop share."""
    rows = staged(frame, definition)
    bought = rows[rows["stage"] == 4].drop_duplicates(["customer", "time"])  # noqa: PLR2004 - the stage Buy
    first = bought.groupby("customer")["time"].transform("min")
    repeat = (bought.groupby("customer").size() > 1).mean()
    period = (bought["time"] - first) // PERIOD
    mature = first + 2 * PERIOD <= frame["time"].max()
    retained = bought[mature & (period == 1)]["customer"].nunique() / bought[mature]["customer"].nunique()
    looked = rows[rows["stage"].isin([2, 3])][["customer", "time"]].assign(looked=lambda one: one["time"])
    previous = bought.groupby("customer")["time"].shift()
    repeats = bought.assign(previous=previous).dropna(subset=["previous"]).sort_values("time", kind="stable")
    last = pd.merge_asof(repeats, looked.sort_values("time"), on="time", by="customer", direction="backward")
    loop = (~(last["looked"] > last["previous"])).mean()
    return float(repeat), float(retained), float(loop)


def pandas_figures(frame: pd.DataFrame, definition: cx.Definition) -> tuple[object, ...]:
    """Return what the figures strip is made of."""
    return pandas_funnel(frame, definition), pandas_loyalty(frame, definition)


def checked(log: cx.EventLog, frame: pd.DataFrame) -> None:
    """Stop if the two sides do not count the same."""
    definition = definitions()[0]
    loyal = cx.loyalty(log, definition)
    ours = tuple(loyal[key].value for key in ("repeat_rate", "retention", "loyalty_loop"))
    same = [
        cx.funnel(log, definition).frame["reach"].tolist() == pandas_funnel(frame, definition),
        len(pandas_transitions(frame, definition))
        == (cx.transitions(log, definition).frame["kind"] != "start").sum(),
        np.allclose(ours, pandas_loyalty(frame, definition)),
    ]
    if not all(same):
        raise SystemExit(f"the two sides differ: {same}")


def timed(call: object, *arguments: object) -> float:
    """Return the milliseconds of one call."""
    begin = time.perf_counter()
    call(*arguments)  # type: ignore[operator]  # any function
    return 1e3 * (time.perf_counter() - begin)


def measure(n: int, repeats: int) -> None:
    """Print a line for each metric."""
    frame = events(n)
    begin = time.perf_counter()
    log = cx.EventLog(frame, customer="customer", time="time", event="event", value="value")
    print(
        f"\n{n:,} events, {log.n_customers:,} customers, six stages; read and packed in "
        f"{time.perf_counter() - begin:.2f} s"
    )
    checked(log, frame)
    pairs = {
        "funnel": (cx.funnel, pandas_funnel),
        "transitions": (cx.transitions, pandas_transitions),
        "loyalty": (cx.loyalty, pandas_loyalty),
        "figures": (cx.figures, pandas_figures),
    }
    print(f"{'one edit':<14}{'cx_widgets':>12}{'pandas':>12}{'ratio':>8}   (medians of {repeats}, ms)")
    turns = cycle(definitions())
    next(turns)
    for name, (ours, theirs) in pairs.items():
        times: tuple[list[float], list[float]] = [], []
        for _ in range(repeats):
            definition = next(turns)
            fresh = definition.with_rules(
                window=pd.Timedelta(WINDOW) + pd.Timedelta(seconds=time.time_ns() % 3600)
            )
            times[0].append(timed(ours, log, fresh))
            times[1].append(timed(theirs, frame, fresh))
        middle = [statistics.median(side) for side in times]
        print(f"{name:<14}{middle[0]:>12.1f}{middle[1]:>12.1f}{middle[1] / middle[0]:>8.1f}")
    whole = [timed(everything, log, next(turns).with_rules(window=f"{29 - i}D")) for i in range(repeats)]
    print(f"{'all of them':<14}{statistics.median(whole):>12.1f}   with the comparison to the baseline")


def everything(log: cx.EventLog, definition: cx.Definition) -> None:
    """Compute what a workbench shows after an edit."""
    cx.funnel(log, definition)
    cx.transitions(log, definition)
    cx.loyalty(log, definition)
    cx.compare(log, definitions()[0], definition)


if __name__ == "__main__":
    for size in [int(argument) for argument in sys.argv[1:]] or [100_000, 1_000_000]:
        measure(size, repeats=5)
