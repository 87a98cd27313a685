"""What an edit of the stages costs, side by side: both engines, and what else one would count with.

    python benchmarks/engine.py                         # 1,000,000 events
    python benchmarks/engine.py 10_000_000 --rounds 7 --stages 5
    python benchmarks/engine.py 100_000_000             # ours alone, from a log in the packed form
    python benchmarks/engine.py --log big.cxlog         # ours alone, a saved log of the benchmark's events
    python benchmarks/engine.py --retentioneering OTHER_VENV/bin/python

Four tasks. ``funnel``: put rows into stages by their event, then for each stage of an ordered funnel with
a window (best attempt, ties in stage order) how many customers reach it, and the exact median time from
entry. ``edit``: the funnel and the moves between visits, each with its count and the exact median time
before it. Ours adds what belongs to them in the package: intervals, losses, steps back, dwell times with
censoring. ``plain``: what retentioneering counts, too: an ordered funnel without a window, equal times in the
order of the table, and the moves between visits; counts alone. ``workbench``, ours alone: the edit, and every
other figure the workbench shows of it: why customers were lost, loyalty with its curve, the strip of figures,
each with its change against the baseline, and how many customers each stage has. The preview of a large log,
the figures of one customer in sixteen, stands beside them as a contender of its own.

All of them hold the log in the form they like best before the clock starts, and count the same edits, each
of which moves an event name to another stage, so no answer comes from a cache. Every round takes them in
another order. Counts and medians are compared before the first round. Peers that are not installed are left
out; retentioneering runs in a process of its own, with the interpreter that has it, and says its own times.
The last line of a table is the time to read the packed log once, in the same rounds: nothing that reads it
all is quicker. *Of the limit* is the share of that in each one's time.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import cx_widgets as cx
from cx_widgets import engine

sys.path.insert(0, str(Path(__file__).resolve().parent))
from packed import log_of, names_of

if TYPE_CHECKING:
    from collections.abc import Callable

YEAR = 365 * 86_400
WINDOW = 30 * 86_400
NAMES = names_of(60)
SPANS = [(0, 2), (2, 5), (5, 8), (8, 11), (11, 14), (14, 18)]
MOST_BESIDE_PEERS = 20_000_000
"""Above so many events ours is measured alone: the tables of the peers would not fit beside each other."""
PREVIEWED = 16
"""Customers for one of a preview."""
# Names that an edit moves into a stage; more than there are rounds, in pairs.
MOVED = range(18, 60)

SHORT_GAPS = 0.78
"""Share of gaps inside a session."""
REPEATED = 0.22
"""Share of events with the name of the one before."""


class Asked:
    """How many stages all definitions have."""

    stages = len(SPANS)


Answer = tuple[list[int], list[float]]
Moves = dict[tuple[int, int], tuple[int, float]]


def events(n: int, seed: int = 7) -> pd.DataFrame:
    """Return n events over a year: long tails of events by customer and by name, sessions, repeats, ties."""
    rng = np.random.default_rng(seed)
    counts = np.empty(0, np.int64)
    while counts.sum() < n:
        more = np.exp(rng.normal(1.95, 1.25, max(n // 12, 100))).astype(np.int64) + 1
        counts = np.append(counts, np.minimum(more, 5_000))
    whose = np.repeat(np.arange(len(counts)), counts)[:n]
    gap = np.where(rng.random(n) < SHORT_GAPS, rng.exponential(40, n), rng.lognormal(11.2, 1.6, n)).astype(
        np.int64
    )
    new = np.append(True, whose[1:] != whose[:-1])
    gap[new] = 0
    passed = np.cumsum(gap)
    since = passed - np.repeat(passed[new], np.diff(np.append(np.flatnonzero(new), n)))
    at = (rng.integers(0, YEAR, len(counts))[whose] + since) % YEAR
    weights = 1 / np.arange(1, len(NAMES) + 1) ** 0.9
    name = rng.choice(len(NAMES), n, p=weights / weights.sum())
    repeated = (rng.random(n) < REPEATED) & ~new
    name[repeated] = name[np.flatnonzero(repeated) - 1]
    order = np.argsort(at, kind="stable")
    return pd.DataFrame(
        {
            "customer": whose[order],
            "time": pd.Timestamp("2025-01-01") + pd.to_timedelta(at[order], unit="s"),
            "event": pd.Categorical.from_codes(name[order], NAMES),
        }
    )


def stage_of(edit: int) -> list[int]:
    """Return the stage of each event name after an edit, 0 for none."""
    table = [0] * len(NAMES)
    for stage, (low, high) in enumerate(SPANS[: Asked.stages], start=1):
        table[low:high] = [stage] * (high - low)
    moved = MOVED[edit % len(MOVED)]
    table[moved] = 1 + edit % Asked.stages
    return table


def definition(edit: int, **rules: str | None) -> cx.Definition:
    """Return the stages after an edit."""
    table = stage_of(edit)
    between = ["evaluate"] * (Asked.stages - 3)
    roles = ["consider", *between, "buy", "advocate"][-Asked.stages :]
    return cx.Definition(
        [
            cx.Stage(
                f"Stage {stage}",
                [name for name, of in zip(NAMES, table, strict=True) if of == stage],
                role=role,
            )
            for stage, role in enumerate(roles, start=1)
        ],
        **(rules or {"window": "30D"}),
    )


class Tasks:
    """The tasks of a contender, whose times are those of the clock unless it says them itself."""

    tasks: tuple[str, ...] = ("funnel", "edit")

    def times_of(self, task: str, edit: int) -> tuple[float, float]:
        """Return the milliseconds of one answer: on the clock, and of all processors together."""
        return timed(partial(getattr(self, task), edit))


class Ours(Tasks):
    """The package, with one of its engines."""

    tasks = ("funnel", "edit", "plain", "workbench")

    def __init__(self, name: str, log: cx.EventLog, said: str = "") -> None:
        self.name = f"cx_widgets, {name}{said}"
        self._engine = engine.available()[name]
        # The same rows, and none of the answers that another keeps.
        self.log = copy.copy(log)

    def funnel(self, edit: int) -> Answer:
        """Return the reach of each stage and the median seconds from entry."""
        with engine.counting_with(self._engine):
            columns = cx.funnel(self.log, definition(edit)).columns()
        return columns["reach"], columns["median_from_entry"]

    def edit(self, edit: int) -> tuple[Answer, Moves]:
        """Return the funnel, and count and median seconds before each move."""
        return self.funnel(edit), self._moves(definition(edit))

    def plain(self, edit: int) -> tuple[Answer, Moves]:
        """Return the reach of each stage and the count of each move, by the order of the table."""
        now = definition(edit, window=None, ties="row")
        with engine.counting_with(self._engine):
            reach = cx.funnel(self.log, now).columns()["reach"]
        return (reach, []), {move: (n, 0.0) for move, (n, _) in self._moves(now).items()}

    def workbench(self, edit: int) -> None:
        """Count all that the workbench shows of an edit."""
        now, pinned = definition(edit), definition(0)
        with engine.counting_with(self._engine):
            for metric in (cx.funnel, cx.transitions, cx.reasons, cx.loyalty, cx.figures):
                metric(self.log, now).columns()
            cx.loyalty(self.log, now).retention_columns()
            cx.compare(self.log, pinned, now).columns()
            engine.customers_by_stage(self.log, now)

    def _moves(self, now: cx.Definition) -> Moves:
        with engine.counting_with(self._engine):
            made = cx.transitions(self.log, now).columns()
        number = {f"Stage {stage}": stage for stage in range(1, Asked.stages + 1)}
        names = ("kind", "from", "to", "count", "dwell_median")
        return {
            (number[before], number[after]): (times, median)
            for kind, before, after, times, median in zip(*(made[name] for name in names), strict=True)
            if kind not in ("start", "end")
        }


class Pandas(Tasks):
    """pandas, as an analyst writes it: a chain of as-of joins, and a shift by customer."""

    name = f"pandas {pd.__version__}"

    def __init__(self, frame: pd.DataFrame) -> None:
        seconds = (frame["time"] - frame["time"].min()).dt.total_seconds().astype(np.int64)
        self._rows = frame.assign(time=seconds)

    def _staged(self, edit: int) -> pd.DataFrame:
        stage = np.array(stage_of(edit))[self._rows["event"].cat.codes]
        return self._rows.assign(stage=stage)[stage > 0]

    def funnel(self, edit: int) -> Answer:
        """Return the reach of each stage and the median seconds from entry."""
        rows = self._staged(edit)
        chain = rows[rows["stage"] == 1][["customer", "time"]].assign(start=lambda one: one["time"])
        reach, medians = [chain["customer"].nunique()], [0.0]
        for stage in range(2, Asked.stages + 1):
            step = rows[rows["stage"] == stage][["customer", "time"]]
            chain = pd.merge_asof(step, chain, on="time", by="customer")
            chain = chain[chain["time"] - chain["start"] <= WINDOW]
            first = chain.drop_duplicates("customer")
            reach.append(len(first))
            medians.append(float((first["time"] - first["start"]).median()))
        return reach, medians

    def edit(self, edit: int) -> tuple[Answer, Moves]:
        """Return the funnel, and count and median seconds before each move."""
        rows = self._staged(edit).sort_values(["customer", "time", "stage"], kind="stable")
        new = (rows["customer"] != rows["customer"].shift()) | (rows["stage"] != rows["stage"].shift())
        visits = rows[new]
        same = visits["customer"] == visits["customer"].shift(-1)
        moved = visits.assign(to=visits["stage"].shift(-1), spent=visits["time"].shift(-1) - visits["time"])
        table = moved[same].groupby(["stage", "to"])["spent"].agg(["size", "median"])
        made = {(int(a), int(b)): (int(n), float(m)) for (a, b), n, m in table.itertuples()}
        return self.funnel(edit), made


class Polars(Tasks):
    """polars: the same, lazily, on all threads."""

    def __init__(self, frame: pd.DataFrame) -> None:
        import polars as pl  # noqa: PLC0415 - a peer that may not be installed

        self.name = f"polars {pl.__version__}"
        seconds = (frame["time"] - frame["time"].min()).dt.total_seconds().astype(np.int64)
        self._rows = pl.DataFrame(
            {
                "customer": frame["customer"].to_numpy(),
                "time": seconds.to_numpy(),
                "event": frame["event"].cat.codes.to_numpy().astype(np.uint8),
            }
        ).with_columns(pl.col("time").set_sorted())

    def _staged(self, edit: int):  # noqa: ANN202 - a polars frame
        import polars as pl  # noqa: PLC0415 - a peer that may not be installed

        table = pl.Series("stage", np.array(stage_of(edit), dtype=np.uint8))
        rows = self._rows.with_columns(stage=table.gather(self._rows["event"]))
        return rows.filter(pl.col("stage") > 0).select("customer", "time", "stage")

    def funnel(self, edit: int) -> Answer:
        """Return the reach of each stage and the median seconds from entry."""
        import polars as pl  # noqa: PLC0415 - a peer that may not be installed

        rows = self._staged(edit)
        chain = rows.filter(pl.col("stage") == 1).select("customer", "time", start="time")
        reach, medians = [chain["customer"].n_unique()], [0.0]
        for stage in range(2, Asked.stages + 1):
            step = rows.filter(pl.col("stage") == stage).select("customer", pl.col("time").set_sorted())
            chain = step.join_asof(
                chain.with_columns(pl.col("time").set_sorted()),
                on="time",
                by="customer",
                check_sortedness=False,
            ).filter(pl.col("time") - pl.col("start") <= WINDOW)
            first = chain.unique("customer", keep="first", maintain_order=True)
            reach.append(len(first))
            medians.append(float((first["time"] - first["start"]).median()))
        return reach, medians

    def edit(self, edit: int) -> tuple[Answer, Moves]:
        """Return the funnel, and count and median seconds before each move."""
        import polars as pl  # noqa: PLC0415 - a peer that may not be installed

        rows = self._staged(edit).lazy().sort("customer", "time", "stage", maintain_order=True)
        changed = (pl.col("customer") != pl.col("customer").shift()) | (
            pl.col("stage") != pl.col("stage").shift()
        )
        visits = rows.filter(changed.fill_null(value=True))
        after = {name: pl.col(name).shift(-1) for name in ("customer", "stage", "time")}
        table = (
            visits.with_columns(
                who=after["customer"], to=after["stage"], spent=after["time"] - pl.col("time")
            )
            .filter(pl.col("who") == pl.col("customer"))
            .group_by("stage", "to")
            .agg(pl.len(), pl.col("spent").median())
            .collect()
        )
        return self.funnel(edit), {(a, b): (n, m) for a, b, n, m in table.rows()}


class DuckDB(Tasks):
    """DuckDB, in memory: as-of joins and window functions in SQL."""

    def __init__(self, frame: pd.DataFrame) -> None:
        import duckdb  # noqa: PLC0415 - a peer that may not be installed

        self.name = f"DuckDB {duckdb.__version__}"
        seconds = (frame["time"] - frame["time"].min()).dt.total_seconds().astype(np.int32)
        rows = pd.DataFrame(
            {
                "customer": frame["customer"].astype(np.int32),
                "time": seconds,
                "event": frame["event"].cat.codes.astype(np.uint8),
            }
        )
        self._db = duckdb.connect()
        self._db.register("given", rows)
        self._db.execute("CREATE TABLE log AS SELECT * FROM given")
        self._db.unregister("given")

    def _stage(self, edit: int) -> str:
        self._db.execute("CREATE OR REPLACE TEMP TABLE stages (event UTINYINT, stage UTINYINT)")
        pairs = ", ".join(f"({code}, {stage})" for code, stage in enumerate(stage_of(edit)) if stage)
        self._db.execute(f"INSERT INTO stages VALUES {pairs}")  # noqa: S608 - numbers of our own
        return "SELECT customer, time, stage FROM log JOIN stages USING (event)"

    def funnel(self, edit: int) -> Answer:
        """Return the reach of each stage and the median seconds from entry."""
        self._db.execute(f"CREATE OR REPLACE TEMP TABLE rows AS {self._stage(edit)}")
        steps = ["s1 AS MATERIALIZED (SELECT customer, time, time AS start FROM rows WHERE stage = 1)"]
        for stage in range(2, Asked.stages + 1):
            before = f"s{stage - 1}"
            steps.append(
                f"s{stage} AS MATERIALIZED (SELECT r.customer, r.time, {before}.start FROM "  # noqa: S608 - as above
                f"(SELECT customer, time FROM rows WHERE stage = {stage}) r ASOF JOIN {before} "
                f"ON r.customer = {before}.customer AND r.time >= {before}.time "
                f"WHERE r.time - {before}.start <= {WINDOW})"
            )
        answers = [
            f"SELECT {stage} AS stage, count(*), median(t) FROM "  # noqa: S608 - as above
            f"(SELECT arg_min(time - start, (time, -start)) AS t FROM s{stage} GROUP BY customer)"
            for stage in range(2, Asked.stages + 1)
        ]
        first = "SELECT 1 AS stage, count(DISTINCT customer), 0.0 FROM s1"
        query = f"WITH {', '.join(steps)} {' UNION ALL '.join([first, *answers])} ORDER BY stage"
        rows = self._db.execute(query).fetchall()
        return [row[1] for row in rows], [float(row[2]) for row in rows]

    def edit(self, edit: int) -> tuple[Answer, Moves]:
        """Return the funnel, and count and median seconds before each move."""
        query = f"""
            WITH rows AS ({self._stage(edit)}),
            marked AS (SELECT *, lag(stage) OVER w AS before FROM rows WINDOW w AS (
                PARTITION BY customer ORDER BY time, stage)),
            visits AS (SELECT * FROM marked WHERE before IS NULL OR before <> stage),
            moved AS (SELECT stage, lead(stage) OVER w AS "to", lead(time) OVER w - time AS spent
                FROM visits WINDOW w AS (PARTITION BY customer ORDER BY time, stage))
            SELECT stage, "to", count(*), median(spent) FROM moved WHERE "to" IS NOT NULL GROUP BY ALL
        """  # noqa: S608 - numbers of our own
        made = {(a, b): (n, float(m)) for a, b, n, m in self._db.execute(query).fetchall()}
        return self.funnel(edit), made


class ClickHouse(Tasks):
    """ClickHouse, embedded: its own windowFunnel, which gives counts and no times."""

    tasks = ("funnel",)

    def __init__(self, frame: pd.DataFrame) -> None:
        from chdb import session  # noqa: PLC0415 - a peer that may not be installed

        self._session = session.Session()
        version = str(self._session.query("SELECT version()", "CSV")).strip().strip('"')
        self.name = f"ClickHouse {version}, counts only"
        given = pd.DataFrame(  # noqa: F841 - the query reads it by name
            {
                "customer": frame["customer"].astype(np.uint32),
                "time": (frame["time"] - frame["time"].min()).dt.total_seconds().astype(np.uint32),
                "event": frame["event"].cat.codes.astype(np.uint8),
            }
        )
        self._session.query(
            "CREATE TABLE log (customer UInt32, time UInt32, event UInt8) ENGINE = MergeTree "
            "ORDER BY (customer, time)"
        )
        self._session.query("INSERT INTO log SELECT customer, time, event FROM Python(given)")

    def funnel(self, edit: int) -> Answer:
        """Return the reach of each stage."""
        table = stage_of(edit)
        steps = ", ".join(
            f"event IN ({', '.join(str(code) for code, of in enumerate(table) if of == stage)})"
            for stage in range(1, Asked.stages + 1)
        )
        query = (
            f"SELECT level, count() FROM (SELECT windowFunnel({WINDOW})(time, {steps}) AS level "  # noqa: S608 - numbers of our own
            "FROM log GROUP BY customer) GROUP BY level ORDER BY level"
        )
        levels = np.zeros(Asked.stages + 1, np.int64)
        for line in str(self._session.query(query, "CSV")).split():
            level, customers = map(int, line.split(","))
            levels[level] = customers
        return np.cumsum(levels[::-1])[::-1][1:].tolist(), []


class Retentioneering(Tasks):
    """retentioneering, in a process of its own, which says its times: no way between processes is counted."""

    tasks = ("plain",)

    def __init__(self, frame: pd.DataFrame, python: str) -> None:
        seconds = (frame["time"] - frame["time"].min()).dt.total_seconds().astype(np.int64)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.npz"
            event = frame["event"].cat.codes.to_numpy()
            np.savez(path, customer=frame["customer"].to_numpy(), time=seconds.to_numpy(), event=event)
            variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
            script = Path(__file__).with_name("retentioneering_peer.py")
            self._process = subprocess.Popen(  # noqa: S603 - an interpreter that the caller names
                [python, str(script), str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=variables,
            )
            self.name = f"retentioneering {self._said()['version']}"

    def _said(self) -> dict:
        if self._process.stdout is None:
            raise SystemExit("retentioneering has no voice.")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("retentioneering ended; what it said stands above.")
        return json.loads(line)

    def _ask(self, edit: int) -> dict:
        if self._process.stdin is None:
            raise SystemExit("retentioneering has no ear.")
        print(json.dumps({"table": stage_of(edit), "task": "moves"}), file=self._process.stdin, flush=True)
        return self._said()

    def plain(self, edit: int) -> tuple[Answer, Moves]:
        """Return the reach of each stage and the count of each move."""
        said = self._ask(edit)
        return (said["reach"], []), {(a, b): (n, 0.0) for a, b, n in said["moves"]}

    def times_of(self, task: str, edit: int) -> tuple[float, float]:  # noqa: ARG002 - it has one
        """Return the milliseconds that it took there."""
        said = self._ask(edit)
        return said["ms"], said["processor_ms"]


def contenders(frame: pd.DataFrame, retentioneering: str | None) -> list:
    """Return ours and those peers that are installed."""
    log = cx.EventLog(frame, customer="customer", time="time", event="event")
    made: list = [Ours(name, log) for name in engine.available()]
    for peer in (Pandas, Polars, DuckDB, ClickHouse):
        try:
            made.append(peer(frame))
        except ImportError as missing:
            print(f"left out, {missing}", file=sys.stderr)
    if retentioneering:
        made.append(Retentioneering(frame, retentioneering))
    return made


def same(ours: tuple, theirs: tuple) -> bool:
    """Return whether a contender counts what ours counts; medians where it has them."""
    (reach, medians), moves = theirs
    if reach != ours[0][0] or (medians and not np.allclose(medians, ours[0][1])):
        return False
    return moves is None or (
        moves.keys() == ours[1].keys() and all(np.allclose(moves[move], ours[1][move]) for move in moves)
    )


def checked(them: list) -> None:
    """Stop if not all that do a task count the same."""
    for task in ("funnel", "edit", "plain"):
        able = [one for one in them if task in one.tasks]
        for edit in (0, 1):
            answers = [getattr(one, task)(edit) for one in able]
            if task == "funnel":
                answers = [(answer, None) for answer in answers]
            for one, said in zip(able, answers, strict=True):
                if not same(answers[0], said):
                    raise SystemExit(f"{task}: {one.name} differs:\n{said}\n{answers[0]}")


def read_once(arrays: list[np.ndarray], threads: int) -> Callable[[], None]:
    """Return a function that reads arrays once, with some threads."""
    parts = [part for array in arrays for part in np.array_split(array, 4 * threads)]
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(np.max, parts)) and None


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds of one call: on the clock, and of all processors together."""
    clock, work = time.perf_counter(), time.process_time()
    call()
    return 1e3 * (time.perf_counter() - clock), 1e3 * (time.process_time() - work)


def measure(made: int | cx.EventLog, rounds: int, retentioneering: str | None) -> None:
    """Print a table for each task."""
    if isinstance(made, int) and made <= MOST_BESIDE_PEERS:
        them = contenders(events(made), retentioneering)
    else:
        log = log_of(made, len(NAMES)) if isinstance(made, int) else made
        them = [Ours(name, log) for name in engine.available() if name != "numpy"]
    checked(them)
    log = them[0].log
    n = log.n_events
    if n > MOST_BESIDE_PEERS:
        best = next(name for name in engine.available() if name != "numpy")
        them.append(Ours(best, log.sample(PREVIEWED), f", preview of 1 in {PREVIEWED}"))
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    read = read_once([log.packed.ticks, log.packed.codes], threads)
    print(
        f"\n{n:,} events, {log.n_customers:,} customers, {Asked.stages} stages;"
        f" medians of {rounds} rounds; {log.memory_bytes / n:.1f} packed bytes an event"
    )
    edits = count(2)
    reads: list[tuple[float, float]] = []
    for task in ("funnel", "edit", "plain", "workbench"):
        able = [one for one in them if task in one.tasks]
        times: dict[str, list[tuple[float, float]]] = {one.name: [] for one in able}
        loads = []
        for turn in range(rounds):
            edit = next(edits)
            for one in able[turn % len(able) :] + able[: turn % len(able)]:
                times[one.name].append(one.times_of(task, edit))
            reads.append(timed(read))
            loads.append(os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"))
        report(task, times, statistics.median(wall for wall, _ in reads), statistics.median(loads))


def report(task: str, times: dict[str, list[tuple[float, float]]], read: float, load: float) -> None:
    """Print a table of medians, on the clock and in processor time."""
    middle = {
        name: [statistics.median(side) for side in zip(*pairs, strict=True)] for name, pairs in times.items()
    }
    best = min(wall for name, (wall, _) in middle.items() if name.startswith("cx_widgets"))
    print(f"\n| {task} | ms | quickest | processor ms | times our best | of the limit |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, (wall, work) in middle.items():
        quickest = min(one for one, _ in times[name])
        share = read / wall
        print(f"| {name} | {wall:,.1f} | {quickest:,.1f} | {work:,.1f} | {wall / best:,.1f} | {share:.1%} |")
    print(f"| read the packed log once | {read:,.2f} | | | {read / best:,.2f} | 100% |")
    print(f"\nLoad of the machine in the meantime: {load:.1f} on {os.cpu_count()} processors.", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("events", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--stages", nargs="*", type=int, default=[len(SPANS)], choices=range(2, len(SPANS) + 1)
    )
    parser.add_argument("--log", type=Path, help="a log that was saved, of events named as here")
    parser.add_argument("--retentioneering", help="the interpreter of an environment that has it")
    asked = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(cx.engine_info())
    for n in [cx.EventLog.open(asked.log)] if asked.log else asked.events:
        for Asked.stages in asked.stages:
            measure(n, asked.rounds, asked.retentioneering)


if __name__ == "__main__":
    main()
