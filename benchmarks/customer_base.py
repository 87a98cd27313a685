"""Bias, coverage and time of the customer-base models: `python benchmarks/customer_base.py [runs [size]]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from cx_widgets.models import bg_bb, bg_nbd, gamma_gamma, pareto_nbd, shifted_bg

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import simulated_customers as simulated

SETTINGS = {
    "BG/NBD": (bg_nbd, simulated.bg_nbd, (0.9, 5.0, 1.1, 2.8), 39.0),
    "Pareto/NBD": (pareto_nbd, simulated.pareto_nbd, (0.9, 6.0, 0.8, 9.0), 52.0),
    "BG/BB": (bg_bb, simulated.bg_bb, (1.2, 1.5, 0.7, 3.0), 8),
    "Shifted BG": (shifted_bg, simulated.shifted_bg, (0.8, 2.0), 6),
    "Gamma-Gamma": (gamma_gamma, simulated.gamma_gamma, (5.0, 4.0, 20.0), 3),
}
MANY = 100_000


def recovery(runs: int, customers: int) -> None:
    """Print how far the median estimate is off, and how often the 95 % interval holds the truth."""
    print(f"{runs} samples of {customers:,} customers\n")
    print("| model | parameter | truth | median estimate | mean log error | 95 % interval holds |")
    print("|---|---|---|---|---|---|")
    for name, (module, simulate, truth, observed) in SETTINGS.items():
        fits = [
            module.fit(*simulate(np.random.default_rng([7, run]), customers, truth, observed))
            for run in range(runs)
        ]
        good = [fit for fit in fits if fit.converged]
        for i, parameter in enumerate(good[0].names):
            found = np.array([(fit.estimates[i], fit.lower[i], fit.upper[i]) for fit in good])
            holds = ((found[:, 1] <= truth[i]) & (truth[i] <= found[:, 2])).mean()
            error = np.log(found[:, 0] / truth[i]).mean()
            middle = np.median(found[:, 0])
            print(f"| {name} | {parameter} | {truth[i]:g} | {middle:.3g} | {error:+.3f} | {holds:.1%} |")
        if len(good) < runs:
            print(f"| {name} | | | | | {runs - len(good)} did not converge |")


def speed() -> None:
    """Print the time of a fit with many customers: wall clock, and of the processor."""
    print("\n| model | customers | distinct | evaluations | seconds | processor seconds |")
    print("|---|---|---|---|---|---|")
    for name, (module, simulate, truth, observed) in SETTINGS.items():
        rng = np.random.default_rng(1)
        whole = name in ("BG/NBD", "Pareto/NBD")
        # First purchases on the days of a year, times in whole days: as a log of days gives them.
        age = np.floor(rng.uniform(0, 365, MANY)) / 7 if whole else observed
        history = list(simulate(rng, MANY, truth, age))
        if whole:
            history[1] = np.floor(history[1] * 7) / 7
        module.fit(*(part[:1000] for part in history))
        begin, used = time.perf_counter(), time.process_time()
        fit = module.fit(*history)
        wall, cpu = time.perf_counter() - begin, time.process_time() - used
        print(f"| {name} | {MANY:,} | {fit.n_rows:,} | {fit.steps} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    speed()
    print()
    recovery(*(int(number) for number in (sys.argv[1:] + ["400", "2000"][len(sys.argv) - 1 :])))
