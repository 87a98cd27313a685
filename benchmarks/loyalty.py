"""What an edit of the stages costs the loyalty figures, one by one, and what a fit of the models does.

    python benchmarks/loyalty.py                    # 1,000,000 events
    python benchmarks/loyalty.py 200_000 --rounds 3 --only retention

Every figure that is not a fitted model is asked about definitions it has not seen: each moves two event
names to other stages, so no answer comes from a cache. The log is warm: what hangs on the log alone was
computed by two edits before the clock starts, as it is for whoever edits. Beside some of them stands the same
figure as an analyst writes it in pandas, with the log in the form pandas likes best. The last line asks for
all of them about one definition, where they share what they can.

The fits are those of `benchmarks/customer_base.py`, on as many customers as asked for.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

import cx_widgets as cx

sys.path.insert(0, str(Path(__file__).resolve().parent))
from customer_base import speed
from engine import MOVED, NAMES, SPANS, events, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAGES = {
    "Consider": "consider",
    "Evaluate": "evaluate",
    "Buy": "buy",
    "Enjoy": "enjoy",
    "Advocate": "advocate",
    "Bond": "bond",
}
CHANNELS = ["direct", *(f"channel {number:02}" for number in range(1, 12))]
BRANDS = [f"brand {number:02}" for number in range(20)]
ANSWERED = 0.05
"""Share of events with a score."""
_FURTHER = ("rfm", "purchase_gaps", "revenue", "loyalists", "loops", "advocacy", "stage_chain", "claims")
WITHIN_MS = 50
"""What an edit may take."""


def log_frame(n: int) -> pd.DataFrame:
    """Return events with what was spent, scored and came through which channel."""
    frame = events(n)
    rng = np.random.default_rng(11)
    score = np.where(rng.random(n) < ANSWERED, np.minimum(rng.binomial(10, 0.75, n), 10), np.nan)
    bought = np.isin(frame["event"].cat.codes, range(*SPANS[2]))
    return frame.assign(
        spent=np.where(bought, rng.gamma(2.0, 20.0, n).round(2), np.nan),
        score=score,
        channel=pd.Categorical.from_codes(rng.integers(0, len(CHANNELS), n), CHANNELS),
        brand=pd.Categorical.from_codes(rng.integers(0, len(BRANDS), n), BRANDS),
    )


def stage_of(edit: int) -> list[int]:
    """Return the stage of each event name after an edit, 0 for none; 1,722 edits differ."""
    table = [0] * len(NAMES)
    for stage, (low, high) in enumerate(SPANS, start=1):
        table[low:high] = [stage] * (high - low)
    one, other = edit % len(MOVED), edit // len(MOVED) % (len(MOVED) - 1)
    table[MOVED[one]] = 1 + edit % len(SPANS)
    table[MOVED[other + (other >= one)]] = 1 + (edit + 1) % len(SPANS)
    return table


def definition(edit: int) -> cx.Definition:
    """Return the stages after an edit."""
    table = stage_of(edit)
    made = cx.Definition(
        {
            name: [event for event, of in zip(NAMES, table, strict=True) if of == number]
            for number, name in enumerate(STAGES, start=1)
        },
        window="30D",
    )
    for name, role in STAGES.items():
        made = made.set_role(name, role)
    return made


class Pandas:
    """The figures in pandas: a frame by customer and time, and short chains of it."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._rows = frame.sort_values(["customer", "time"], kind="stable", ignore_index=True)
        self._rows["week"] = (self._rows["time"] - pd.Timestamp("2024-12-30")).dt.days // 7
        self._rows["day"] = self._rows["time"].dt.normalize()

    def _staged(self, edit: int, *columns: str) -> pd.DataFrame:
        stage = np.array(stage_of(edit))[self._rows["event"].cat.codes]
        return self._rows[["customer", *columns]].assign(stage=stage)[stage > 0]

    def _bought(self, edit: int, *columns: str) -> pd.DataFrame:
        rows = self._staged(edit, *columns)
        return rows[rows["stage"] == 3]  # noqa: PLR2004 - Buy

    def retention(self, edit: int) -> object:
        """Return customers back by week of the first purchase and weeks since."""
        rows = self._bought(edit, "week").drop_duplicates()
        first = rows.groupby("customer")["week"].transform("min")
        return rows.assign(cohort=first, since=rows["week"] - first).groupby(["cohort", "since"]).size()

    def lifecycle(self, edit: int) -> object:
        """Return new, returning and resurrecting customers by week."""
        rows = self._bought(edit, "week").drop_duplicates()
        before = rows.groupby("customer")["week"].shift()
        state = np.select([before.isna(), before == rows["week"] - 1], ["new", "returning"], "resurrecting")
        return rows.groupby(["week", state]).size()

    def stickiness(self, edit: int) -> object:
        """Return customers by number of days with a purchase."""
        rows = self._bought(edit, "day").drop_duplicates()
        return rows.groupby("customer").size().value_counts()

    def flags(self, edit: int) -> object:
        """Return customers of the first stage with a row in each other stage."""
        rows = self._staged(edit)
        return pd.crosstab(rows["customer"], rows["stage"]).gt(0).pipe(lambda met: met[met[1]]).sum()

    def history(self, edit: int) -> object:
        """Return frequency, recency and age of each buyer."""
        rows = self._bought(edit, "time").drop_duplicates()
        table = rows.groupby("customer")["time"].agg(["size", "min", "max"])
        return table.assign(recency=table["max"] - table["min"], age=self._rows["time"].max() - table["min"])

    def nps(self, edit: int) -> object:
        """Return net promoters of the latest scores, by stage."""
        rows = self._staged(edit, "score").dropna()
        latest = rows.drop_duplicates(["customer", "stage"], keep="last")
        return latest.groupby("stage")["score"].agg(lambda s: (s >= 9).mean() - (s <= 6).mean())  # noqa: PLR2004

    def last_touch(self, edit: int) -> object:
        """Return purchases by the stage of the row before."""
        rows = self._staged(edit, "time")
        new = rows["stage"] == 3  # noqa: PLR2004 - Buy
        before = rows.groupby("customer")["stage"].shift()[new]
        return before[before != 3].value_counts()  # noqa: PLR2004 - Buy


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    ours: Callable[[cx.EventLog, cx.Definition], object]
    theirs: str = ""


def figures() -> list[Figure]:
    """Return what the workbench shows of loyalty and is no fitted model."""
    made = [
        Figure("loyalty", cx.loyalty),
        Figure("retention, on", cx.retention, "retention"),
        Figure("retention, on or after", partial(cx.retention, kind="on or after")),
        Figure("retention, bracket", partial(cx.retention, kind="bracket")),
        Figure("retention, streak", partial(cx.retention, kind="streak")),
        Figure("retention, by day", partial(cx.retention, period="D")),
        Figure("retention, 24-hour clock", partial(cx.retention, clock="24h", period="7D")),
        Figure("retention, recurring", partial(cx.retention, cohort="recurring")),
        Figure("retention, largest stage", partial(cx.retention, start="Consider")),
        Figure("lifecycle", cx.lifecycle, "lifecycle"),
        Figure("lifecycle, largest stage", partial(cx.lifecycle, active="Consider")),
        Figure("stickiness", cx.stickiness, "stickiness"),
        Figure("retention_flags", cx.retention_flags, "flags"),
        Figure("purchase_history", cx.purchase_history, "history"),
        Figure("purchase_history, by day", partial(cx.purchase_history, each="day")),
        Figure("purchase_history, by 30 days", partial(cx.purchase_history, each="30D")),
        Figure("attitude, NPS", cx.attitude, "nps"),
        Figure("attitude, CSAT", partial(cx.attitude, measure="csat", scale=(0, 10))),
        Figure("attitude, CES", partial(cx.attitude, measure="ces", scale=(0, 10))),
        Figure("attitude, peak and end", lambda log, stages: cx.attitude(log, stages).peak_end),
    ]
    for method in ("first", "last", "linear", "position", "time decay", "markov", "shapley"):
        rule = partial(cx.credit, method=method)
        made.append(Figure(f"credit, {method}", rule, "last_touch" if method == "last" else ""))
    made += [
        Figure("credit, Markov of order 2", partial(cx.credit, method="markov", order=2)),
        Figure("credit, Shapley of rates", partial(cx.credit, method="shapley", worth="rate")),
        Figure("credit, repeated purchases", partial(cx.credit, purchases="repeat")),
        Figure(
            "credit by channel, last non-direct", partial(cx.credit, method="last non-direct", by="channel")
        ),
        Figure("credit by channel, Markov", partial(cx.credit, method="markov", by="channel")),
        Figure(
            "credit by channel, Shapley of rates",
            partial(cx.credit, method="shapley", worth="rate", by="channel"),
        ),
    ]
    made.append(Figure("credit, every rule", cx.credit_methods))
    made.append(Figure("credit by channel, every rule", partial(cx.credit_methods, by="channel")))
    made.append(Figure("churn by silence", partial(cx.churn, silence="90D")))
    made += [Figure(name, getattr(cx, name)) for name in _FURTHER]
    made += [
        Figure("channels", partial(cx.channels, column="channel")),
        Figure("claims, brands and channels", partial(cx.claims, brand="brand", channel="channel")),
        Figure("consideration", partial(cx.consideration, brand="brand")),
        Figure(
            "consideration, brands one by one",
            lambda log, stages: cx.consideration(log, stages, brand="brand", own=BRANDS[3]).brands,
        ),
        Figure("experience_gap", partial(cx.experience_gap, column="channel", digital=CHANNELS[:6])),
    ]
    return made


def together(of: list[Figure], log: cx.EventLog, stages: cx.Definition) -> None:
    """Compute all figures of one definition."""
    for figure in of:
        figure.ours(log, stages)


def middle(call: Callable[[int], object], edits: Iterator[int], rounds: int) -> tuple[float, float, float]:
    """Return medians of clock and processor ms, and the least processor ms."""
    for _ in range(2):
        call(next(edits))
    times = [timed(partial(call, next(edits))) for _ in range(rounds)]
    wall, work = (statistics.median(side) for side in zip(*times, strict=True))
    return wall, work, min(work for _, work in times)


def measure(n: int, rounds: int, only: str) -> None:
    """Print the table of figures."""
    frame = log_frame(n)
    log = cx.EventLog(
        frame,
        customer="customer",
        time="time",
        event="event",
        value="spent",
        score="score",
    )
    peer = Pandas(frame)
    chosen = [figure for figure in figures() if only in figure.name]
    edits = count()
    print(f"\n{n:,} events, {log.n_customers:,} customers; medians of {rounds} edits\n")
    print("| figure | ms | processor ms | least | pandas, processor ms | ratio |")
    print("|---|---:|---:|---:|---:|---:|")

    def line(name: str, call: Callable[[int], object], theirs: str = "") -> float:
        wall, work, least = middle(call, edits, rounds)
        other = middle(getattr(peer, theirs), edits, rounds)[1] if theirs else float("nan")
        beside = f"{other:,.0f} | {other / work:,.0f}" if theirs else " | "
        print(f"| {name} | {wall:,.1f} | {work:,.1f} | {least:,.1f} | {beside} |", flush=True)
        return work

    works = [
        line(one.name, lambda edit, one=one: one.ours(log, definition(edit)), one.theirs) for one in chosen
    ]
    if not only:
        line("**all of them**", lambda edit: together(chosen, log, definition(edit)))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    over = [one.name for one, work in zip(chosen, works, strict=True) if work > WITHIN_MS]
    print(f"\nOver {WITHIN_MS} processor ms: {', '.join(over) or 'none'}.")
    print(f"Load of the machine: {load:.1f} on {os.cpu_count()} processors.")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("events", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="figures with this in their name, and no fits")
    asked = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(cx.engine_info())
    measure(asked.events, asked.rounds, asked.only)
    if not asked.only:
        speed()


if __name__ == "__main__":
    main()
