"""From ``import cx_widgets`` to the first funnel of a frame of 100,000 rows, in fresh interpreters.

    python benchmarks/cold.py
    python benchmarks/cold.py --rounds 9

The import of pandas and the making of the frame are not counted. Each round starts, in another order, an
interpreter for each case:

- *as installed*: the package with its compiled Python files beside it;
- *first run ever*: a fresh copy of the package, for which Python writes these files at the same time;
- *nothing may be written*: a fresh copy mounted read-only, and a home folder that is, or where that takes
  more rights than there are, Python told to write nothing: every file of the package is compiled again.

Bytes that a run left in the home folder are counted, too: there should be none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cx_widgets as cx

SCRIPT = """
import sys, time
import numpy as np, pandas as pd
rng = np.random.default_rng(1)
n = 100_000
frame = pd.DataFrame({
    "who": rng.integers(0, n // 10, n),
    "at": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 31_536_000, n), unit="s"),
    "what": rng.choice(["view", "cart", "order", "rate"], n),
})
clock, work = time.perf_counter(), time.process_time()
import cx_widgets as cx
imported = time.perf_counter()
log = cx.EventLog(frame, customer="who", time="at", event="what")
read = time.perf_counter()
stages = {"Look": ["view"], "Cart": ["cart"], "Buy": ["order"]}
frame = cx.funnel(log, cx.Definition(stages, window="30D")).frame
end = time.perf_counter()
assert frame["reach"].is_monotonic_decreasing
spans = imported - clock, read - imported, end - read, end - clock, time.process_time() - work
print(*(round(1e3 * span, 1) for span in spans), cx.engine_info().name)
"""
PACKAGE = Path(cx.__file__).parent


def copy_into(folder: Path) -> Path:
    """Return a folder with a copy of the package as it comes out of a wheel."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "cx_widgets", ignore=ignored)
    return folder


def run(where: Path, home: Path, *, read_only: bool) -> list[float]:
    """Return the milliseconds of a fresh interpreter: import, log, funnel, all, and of the processor."""
    variables = {**os.environ, "PYTHONPATH": str(where), "HOME": str(home)}
    for name in ("XDG_CACHE_HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
        variables.pop(name, None)
    command = [sys.executable, "-c", SCRIPT]
    if read_only:
        # Mounted in a namespace of its own, which ends with the process; root may write everywhere else.
        mount = " && ".join(
            f"mount --bind {path} {path} && mount -o remount,ro,bind {path}" for path in (where, home)
        )
        shell = f'{mount} && exec "$0" "$@"'
        unshare = shutil.which("unshare") if os.geteuid() == 0 else None
        alone = [unshare, "--mount"] if unshare else []
        if alone and subprocess.run([*alone, "true"], check=False, capture_output=True).returncode == 0:  # noqa: S603 - a tool of the system
            command = [*alone, "sh", "-c", shell, *command]
        else:
            variables["PYTHONDONTWRITEBYTECODE"] = "1"
    said = subprocess.run(  # noqa: S603 - our own interpreter
        command, check=True, capture_output=True, text=True, env=variables, cwd=home
    )
    *numbers, engine = said.stdout.split()
    if engine != cx.engine_info().name:
        raise SystemExit(f"The copy counts with {engine}, and the package with {cx.engine_info().name}.")
    if list(home.iterdir()):
        raise SystemExit(f"It wrote into the home folder: {[path.name for path in home.iterdir()]}.")
    return [float(number) for number in numbers]


def case(name: str) -> list[float]:
    """Return the milliseconds of one case."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        home.mkdir()
        if name == "as installed":
            return run(PACKAGE.parent, home, read_only=False)
        fresh = Path(folder, "package")
        fresh.mkdir()
        return run(copy_into(fresh), home, read_only=name == "nothing may be written")


CASES = ("as installed", "first run ever", "nothing may be written")


def main() -> None:
    """Run all cases in turn and print their medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(cx.engine_info())
    found: dict[str, list[list[float]]] = {name: [] for name in CASES}
    case("as installed")
    for turn in range(asked.rounds):
        for name in CASES[turn % 3 :] + CASES[: turn % 3]:
            found[name].append(case(name))
    print("\n| ms, medians | import | log | funnel | all | quickest | processor |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, times in found.items():
        *parts, work = (statistics.median(side) for side in zip(*times, strict=True))
        quickest = min(one[3] for one in times)
        print(f"| {name} | {' | '.join(f'{ms:,.0f}' for ms in parts)} | {quickest:,.0f} | {work:,.0f} |")
    print(f"\nLoad of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.")


if __name__ == "__main__":
    main()
