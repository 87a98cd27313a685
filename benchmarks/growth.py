"""How the cost of an edit grows with events, stages and event names, as tables and as plots.

    python benchmarks/growth.py                                   # all of it; 100 million events take 4 GB
    python benchmarks/growth.py --most-events 10_000_000 --only events stages
    python benchmarks/growth.py --into docs/images                # with the plots of docs/performance.md

An edit moves an event name to another stage, and each is new, so no answer comes from a cache. Three
answers: ``funnel``: counts and exact medians of the ordered funnel with its window of 30 days; ``moves``:
that and the moves between visits with theirs; ``all``: that and what else the workbench asks at an edit,
the figures of the strip, loyalty, and both compared with a baseline. Medians of some edits after a first
one, which also lays the rows out; logs are those of packed.py, with 60 names in 6 stages where nothing else
is said. ``--take processor`` is for a busy machine: the time of all processors together.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import resource
import statistics
import sys
import time
from itertools import pairwise
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import cx_widgets as cx

sys.path.insert(0, str(Path(__file__).resolve().parent))
from packed import log_of, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = [10_000, 31_623, 100_000, 316_228, 1_000_000, 3_162_278, 10_000_000, 31_622_777, 100_000_000]
STAGES = [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 25, 30, 35, 40]
NAMES = [10, 30, 60, 100, 150, 200, 255, 256, 257, 300, 500, 1_000, 2_000]
ROLES = ("consider", "evaluate", "buy", "advocate")
SHARE = 0.3
"""Of the names, in some stage before the first edit."""


class Setting(NamedTuple):
    """One point of a plot."""

    events: int
    stages: int = 6
    names: int = 60


def definitions(setting: Setting) -> Iterator[cx.Definition]:
    """Yield definitions that differ by one event name that was moved to a stage."""
    names = names_of(setting.names)
    used = max(setting.stages, round(SHARE * setting.names))
    used = min(used, setting.names - 1)
    parts = [part.tolist() for part in np.array_split(names[:used], setting.stages)]
    # Two of each four stages are at both ends of the loyalty figures, wherever they lie.
    roles = [ROLES[min(4 * i // setting.stages, 3)] for i in range(setting.stages)]
    for name in names[used:]:
        for to in range(setting.stages):
            stages = [
                cx.Stage(f"Stage {i + 1}", [*part, name] if i == to else part, role=role)
                for i, (part, role) in enumerate(zip(parts, roles, strict=True))
            ]
            yield cx.Definition(stages, window="30D")


def funnel(log: cx.EventLog, now: cx.Definition, _: cx.Definition) -> None:
    """Count a funnel."""
    _used(cx.funnel(log, now).frame)


def moves(log: cx.EventLog, now: cx.Definition, _: cx.Definition) -> None:
    """Count a funnel and the moves."""
    _used(cx.funnel(log, now).frame, cx.transitions(log, now).frame)


def every(log: cx.EventLog, now: cx.Definition, baseline: cx.Definition) -> None:
    """Count what the workbench shows after an edit."""
    _used(cx.funnel(log, now).frame, cx.transitions(log, now).frame, cx.figures(log, now).frame)
    _used(cx.loyalty(log, now).frame, cx.compare(log, baseline, now).frame)


ANSWERS: dict[str, Callable[[cx.EventLog, cx.Definition, cx.Definition], None]] = {
    "funnel": funnel,
    "moves": moves,
    "all": every,
}


def _used(*frames: object) -> None:
    if any(frame is None for frame in frames):
        raise AssertionError("a figure is missing")


TAKEN: dict[str, tuple[Callable[[], float], Callable[[list[float]], float]]] = {
    "median": (time.perf_counter, statistics.median),
    "quickest": (time.perf_counter, min),
    "processor": (time.process_time, statistics.median),
}


def measured(log: cx.EventLog, setting: Setting, rounds: int, taken: str) -> dict[str, float]:
    """Return the milliseconds of each answer."""
    found = {}
    edits = definitions(setting)
    baseline = next(edits)
    clock, middle = TAKEN[taken]
    for name, ask in ANSWERS.items():
        ask(log, next(edits), baseline)
        took = []
        for _ in range(rounds):
            now = next(edits)
            start = clock()
            ask(log, now, baseline)
            took.append(1e3 * (clock() - start))
        found[name] = middle(took)
    return found


Points = list[tuple[int, dict[str, float]]]


def along(settings: list[Setting], field: str, rounds: int, taken: str) -> Points:
    """Measure some settings that differ in one field, and print their table."""
    print(f"\n| {field} | {' | '.join(f'{name}, ms' for name in ANSWERS)} |\n|---:|{'---:|' * len(ANSWERS)}")
    points: Points = []
    log, last = None, None
    for setting in settings:
        if last is None or (setting.events, setting.names) != (last.events, last.names):
            log = None
            gc.collect()
            log = log_of(setting.events, setting.names)
        last = setting
        # Few events are timed more often, for they are done in no time.
        times = max(rounds, min(25, 2_000_000 // setting.events))
        found = measured(log, setting, min(times, rounds * 5), taken)
        number = getattr(setting, field)
        points.append((number, found))
        print(f"| {number:,} | {' | '.join(f'{ms:,.2f}' for ms in found.values())} |", flush=True)
    return points


# Plots

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 64, 48, 34, 76
# Of Okabe and Ito: told apart by those who see fewer colours; each line has its name at its end, too.
FRAME = 16
"""Milliseconds between two pictures of a screen."""
ROOM, LINE = 40, 13
"""Pixels that a number under the axis takes, and a line of text."""
MANY = 1_000
DECADES = {10**power for power in range(10)}
COLOURS = {"funnel": "#0072b2", "moves": "#d55e00", "all": "#009e73"}


class Scales(NamedTuple):
    """Where a number and its milliseconds lie on the picture."""

    first: float
    last: float
    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, points: Points, *, logarithmic: bool) -> Scales:
        """Return scales that all points lie inside of."""
        values = [ms for _, found in points for ms in found.values() if ms > 0]
        low, high = 10 ** np.floor(log10(min(values))), 10 ** np.ceil(log10(max(values)))
        return cls(points[0][0], points[-1][0], low, high, logarithmic)

    def x(self, number: float) -> float:
        """Return the pixels from the left."""
        share = (number - self.first) / (self.last - self.first)
        if self.logarithmic:
            share = log10(number / self.first) / log10(self.last / self.first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, ms: float) -> float:
        """Return the pixels from the top."""
        share = log10(ms / self.low) / log10(self.high / self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def ticks(to: Scales, numbers: list[int]) -> list[str]:
    """Return the numbers at both axes, and the line of one frame."""
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    drawn = []
    for power in range(round(log10(to.high / to.low)) + 1):
        ms = to.low * 10**power
        drawn.append(f'<path d="M{LEFT} {to.y(ms)}H{right}" stroke="#d9d9d9"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{to.y(ms) + 4}" text-anchor="end">{ms:,g} ms</text>')
    if to.low <= FRAME <= to.high:
        drawn.append(f'<path d="M{LEFT} {to.y(FRAME)}H{right}" stroke="#767676" stroke-dasharray="2 4"/>')
        halo = 'paint-order="stroke" stroke="#ffffff" stroke-width="4"'
        place = f'x="{LEFT + 4}" y="{to.y(FRAME) - 4}"'
        drawn.append(f'<text {place} fill="#595959" {halo}>one frame, 16 ms</text>')
    many = to.logarithmic and to.last / to.first > MANY
    shown = [number for number in numbers if number in DECADES] if many else numbers
    before = -ROOM
    for number in shown:
        if to.x(number) - before >= ROOM:
            before = to.x(number)
            drawn.append(f'<text x="{before}" y="{floor + 16}" text-anchor="middle">{number:,}</text>')
    return drawn


def lines(to: Scales, points: Points) -> list[str]:
    """Return the lines, each with its name at its end."""
    drawn = []
    ends: list[float] = []
    last = points[-1][1]
    # The highest first: names that need room are moved down.
    for name in sorted(COLOURS, key=lambda name: -last[name]):
        colour = COLOURS[name]
        line = [(to.x(number), to.y(found[name])) for number, found in points]
        path = " ".join(f"{a},{b}" for a, b in line)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{a}" cy="{b}" r="2.5" fill="{colour}"/>' for a, b in line]
        end = line[-1][1]
        while any(abs(end - other) < LINE for other in ends):
            end += 1
        ends.append(end)
        text = f'<text x="{line[-1][0] + 6}" y="{end + 4}" fill="{colour}" font-weight="bold">{name}</text>'
        drawn.append(text)
    return drawn


def plot(points: Points, title: str, label: str, *, logarithmic: bool, marks: dict[int, str]) -> str:
    """Return a plot of milliseconds as SVG: both axes by powers of ten, or the upright one alone."""
    to = Scales.of(points, logarithmic=logarithmic)
    floor = HEIGHT - BOTTOM
    drawn = [f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#ffffff"/>']
    drawn.append(f'<text x="{LEFT}" y="20" font-size="13" font-weight="bold">{title}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    drawn.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{label}</text>')
    for number, text in marks.items():
        drawn.append(f'<path d="M{to.x(number)} {TOP}V{floor}" stroke="#767676" stroke-dasharray="5 3"/>')
        drawn.append(f'<text x="{to.x(number) + 4}" y="{TOP + 10}" fill="#595959">{text}</text>')
    drawn += lines(to, points)
    drawn += ticks(to, [number for number, _ in points])
    told = "; ".join(
        f"{number:,}: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in found.items())
        for number, found in points
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="#262626"><title>{title}</title>'
        f"<desc>{told}</desc>{''.join(drawn)}</svg>\n"
    )


def settings_of(field: str, most_events: int) -> list[Setting]:
    """Return the settings along one field."""
    if field == "events":
        return [Setting(n) for n in EVENTS if n <= most_events]
    if field == "stages":
        return [Setting(1_000_000, stages=n) for n in STAGES]
    return [Setting(1_000_000, names=n) for n in NAMES]


PLOTS = {
    "events": ("Cost of an edit by events (6 stages, 60 names)", "events", True, {}),
    "stages": ("Cost of an edit by stages (1,000,000 events, 60 names)", "stages", False, {8: "lanes end"}),
    "names": (
        "Cost of an edit by event names (1,000,000 events, 6 stages)",
        "names",
        True,
        {256: "two bytes"},
    ),
}


def main() -> None:
    """Measure, print, and write the plots."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=list(PLOTS), default=list(PLOTS))
    parser.add_argument("--most-events", type=int, default=EVENTS[-1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--take", choices=list(TAKEN), default="median")
    parser.add_argument("--into", type=Path, help="the folder of the plots")
    asked = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(cx.engine_info())
    for field in asked.only:
        loads = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        points = along(settings_of(field, asked.most_events), field, asked.rounds, asked.take)
        steps = [(b, found["funnel"] / before["funnel"]) for (_, before), (b, found) in pairwise(points)]
        number, most = max(steps, key=lambda step: step[1])
        print(
            f"\nThe funnel's largest step: {most:.2f} times, at {number:,} {field}; load {loads:.1f} before."
        )
        if asked.into:
            title, label, logarithmic, marks = PLOTS[field]
            asked.into.mkdir(parents=True, exist_ok=True)
            title += ", processor time" if asked.take == "processor" else ""
            text = plot(points, title, label, logarithmic=logarithmic, marks=marks)
            (asked.into / f"growth_{field}.svg").write_text(text, encoding="utf-8")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\nPeak memory {peak / 1e6:,.2f} GB.")


if __name__ == "__main__":
    main()
