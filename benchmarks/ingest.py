"""What it costs to read a table into a log, beside the first two steps of pandas towards the same.

    python benchmarks/ingest.py                              # 1,000,000 rows
    python benchmarks/ingest.py 1_000_000 10_000_000 --rounds 5

pandas gives numbers to the ids and to the names (`factorize`) and sorts the rows by customer and time
(`lexsort`); checking, ticks, ties, repeats and packing are not in its time. Ours is all of `EventLog(...)`.
Both are given the same table in the same round, in alternating order: text as Python objects, text as pandas
keeps it, integers and a categorical; and each in the order of time, in any order, and by customer and time.

``peak`` is by how much the process grew while it read, in bytes a row and as a multiple of the log. It is
measured in a process of its own, so that no freed memory hides it.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import statistics
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from engine import NAMES, events

import cx_widgets as cx

if TYPE_CHECKING:
    from collections.abc import Callable

ROLES = {"customer": "customer", "time": "time", "event": "event"}
KINDS = ("objects", "text", "integers")
ORDERS = ("by time", "in any order", "by customer and time")


def table(n: int, kind: str, order: str) -> pd.DataFrame:
    """Return n rows with ids and names of a kind, in an order."""
    rows = events(n)
    if order == "in any order":
        rows = rows.sample(frac=1, random_state=1)
    if order == "by customer and time":
        rows = rows.sort_values(["customer", "time"], kind="stable")
    if kind == "integers":
        return rows.reset_index(drop=True)
    ids = np.array([f"customer-{number:07}" for number in range(int(rows["customer"].max()) + 1)], object)
    text = pd.DataFrame(
        {
            "customer": ids[rows["customer"].to_numpy()],
            "time": rows["time"].to_numpy(),
            "event": np.array(NAMES, object)[rows["event"].cat.codes.to_numpy()],
        }
    )
    kinds = {"objects": object, "text": "str" if pd.__version__ >= "3" else "string[pyarrow]"}
    # Through text, so that no two rows share an object, as in a table out of a database.
    return text.astype({"customer": kinds["text"], "event": kinds["text"]}).astype(
        {"customer": kinds[kind], "event": kinds[kind]}
    )


def ours(frame: pd.DataFrame) -> cx.EventLog:
    """Return the log."""
    return cx.EventLog(frame, **ROLES)


def pandas(frame: pd.DataFrame) -> np.ndarray:
    """Return the order of the rows."""
    customers, _ = pd.factorize(frame["customer"])
    pd.factorize(frame["event"])
    return np.lexsort((frame["time"].to_numpy(), customers))


def timed(call: Callable[[pd.DataFrame], object], frame: pd.DataFrame) -> tuple[float, float]:
    """Return the milliseconds a call takes by the clock, and those of the processors."""
    clock, processor = time.perf_counter(), time.process_time()
    call(frame)
    return 1e3 * (time.perf_counter() - clock), 1e3 * (time.process_time() - processor)


def grown() -> int:
    """Return the most memory that this process ever had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def resident() -> int:
    """Return the memory this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak(n: int, kind: str, order: str) -> None:
    """Print how many bytes the log has, and by how many this process grew at most while it was made."""
    ours(table(20_000, kind, order))
    frame = table(n, kind, order)
    # Memory that making the table left free would hide what is used now.
    gc.collect()
    if find_spec("pyarrow") is not None:
        import_module("pyarrow").default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)
    # The mark of the highest is set back to where we are.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = resident()
    log = ours(frame)
    print(log.memory_bytes, grown() - before)


def report(n: int, rounds: int) -> None:
    """Print a table of medians."""
    heads = (
        "pandas ms",
        "ours ms",
        "times",
        "processor ms",
        "times",
        "log B/row",
        "peak B/row",
        "of the log",
    )
    print(f"\n| {n:,} rows | {' | '.join(heads)} |")
    print("|---|" + "---:|" * 8)
    for kind in KINDS:
        for order in ORDERS:
            frame = table(n, kind, order)
            ways: list[Callable[[pd.DataFrame], object]] = [pandas, ours]
            spent: dict[str, list[tuple[float, float]]] = {"pandas": [], "ours": []}
            for number in range(rounds):
                for way in ways if number % 2 else ways[::-1]:
                    spent[way.__name__].append(timed(way, frame))
            del frame
            (theirs, their_cpu), (our, our_cpu) = (
                [statistics.median(column) for column in zip(*spent[name], strict=True)]
                for name in ("pandas", "ours")
            )
            line = f"| {kind}, {order} | {theirs:,.0f} | {our:,.0f} | {theirs / our:.1f} |"
            line += f" {their_cpu:,.0f} / {our_cpu:,.0f} | {their_cpu / our_cpu:.1f} |"
            if sys.platform == "linux":
                said = subprocess.run(  # noqa: S603 - this file again
                    [sys.executable, __file__, "--peak", str(n), kind, order],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                size, grew = map(int, said.stdout.split())
                line += f" {size / n:.2f} | {grew / n:.1f} | {grew / size:.1f} |"
            print(line, flush=True)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", nargs=3, metavar=("rows", "kind", "order"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak:
        peak(int(asked.peak[0]), *asked.peak[1:])
        return
    for n in asked.rows:
        report(n, asked.rounds)


if __name__ == "__main__":
    main()
