"""A slow, obvious counterpart of the metrics: lists and loops, no numpy, nothing shared with the package.

A log is a list of rows ``(customer, time, stage)``: any hashable customer, a whole number of ticks, a stage
number from 1 or 0 for an event in no stage. Rows may stand in any order. Undefined numbers are None.
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise, product
from statistics import NormalDist, median

from scipy.special import stdtrit

Z = NormalDist().inv_cdf(0.975)


def by_customer(rows):
    customers = defaultdict(list)
    for customer, time, stage in rows:
        customers[customer].append((time, stage))
    return customers


# --- funnel ---------------------------------------------------------------------------------------


def chains(events, depth, window):
    """Every choice of one row for each of the stages 1 to depth, in time order, inside the window."""
    rows = [[time for time, stage in events if stage == number] for number in range(1, depth + 1)]
    return [
        times
        for times in product(*rows)
        if all(a <= b for a, b in pairwise(times)) and (window is None or times[-1] - times[0] <= window)
    ]


def funnel(rows, n_stages, window, end):
    """For each customer: first arrivals at each level (with entry, arrival before), the chain, open."""
    answer = {}
    for customer, events in by_customer(rows).items():
        levels = []
        for depth in range(1, n_stages + 1):
            found = chains(events, depth, window)
            if not found:
                break
            reached = min(chain[-1] for chain in found)
            entered = max(chain[0] for chain in found if chain[-1] == reached)
            shorter = chains(events, max(depth - 1, 1), window)
            previous = min(chain[-1] for chain in shorter if chain[0] == entered)
            levels.append((reached, entered, previous))
        path = [
            min(chain[-1] for chain in chains(events, depth, window) if chain[0] == levels[-1][1])
            for depth in range(1, len(levels) + 1)
        ]
        entries = [time for time, stage in events if stage == 1]
        is_open = bool(
            window is not None and entries and len(levels) < n_stages and end - max(entries) < window
        )
        answer[customer] = {"levels": levels, "path": path, "open": is_open}
    return answer


def funnel_table(rows, n_stages, window, end):
    people = funnel(rows, n_stages, window, end).values()
    table = []
    for number in range(1, n_stages + 1):
        there = [one["levels"][number - 1] for one in people if len(one["levels"]) >= number]
        table.append(
            {
                "reach": len(there),
                "open": sum(one["open"] and len(one["levels"]) == number for one in people),
                "from_previous": middle([reached - previous for reached, _, previous in there])
                if number > 1
                else None,
                "from_entry": middle([reached - entered for reached, entered, _ in there]),
            }
        )
    return table


# --- visits, transitions, flow, variants ------------------------------------------------------------

START, END = "(start)", "(end)"


def visits(rows, *, by_row=False, merged=True):
    """For each customer with an event in a stage: the visits, as (stage, start)."""
    answer = {}
    for customer, events in by_customer(rows).items():
        runs = []
        for time, stage in sorted(events, key=lambda event: event[0] if by_row else event):
            if stage and not (merged and runs and runs[-1][0] == stage):
                runs.append((stage, time))
        if runs:
            answer[customer] = runs
    return answer


def transitions(rows, **how):
    """For each (from, to), 0 for start and end: count, exits, all, customers, dwell, intervals."""
    journeys = visits(rows, **how)
    moves = {
        customer: [(0, runs[0][0], None)]
        + [(a[0], b[0], b[1] - a[1]) for a, b in pairwise(runs)]
        + [(runs[-1][0], 0, None)]
        for customer, runs in journeys.items()
    }
    table = {}
    for pair in {move[:2] for made in moves.values() for move in made}:
        hits = [sum(move[:2] == pair for move in made) for made in moves.values()]
        exits = [sum(move[0] == pair[0] for move in made) for made in moves.values()]
        every = [len(made) for made in moves.values()]
        dwell = [move[2] for made in moves.values() for move in made if move[:2] == pair]
        table[pair] = {
            "count": sum(hits),
            "exits": sum(exits),
            "all": sum(every),
            "customers": sum(hit > 0 for hit in hits),
            "mean": mean(dwell) if all(pair) else None,
            "median": middle(dwell) if all(pair) else None,
            "interval": clustered(hits, exits),
            "interval_of_all": clustered(hits, every),
        }
    return table


def between_share(rows, chosen, **how):
    """The share of transitions between two different stages that a condition on (from, to) holds for."""
    hits, trials = [], []
    for runs in visits(rows, **how).values():
        pairs = [(a[0], b[0]) for a, b in pairwise(runs) if a[0] != b[0]]
        hits.append(sum(chosen(a, b) for a, b in pairs))
        trials.append(len(pairs))
    return sum(hits), sum(trials), clustered(hits, trials)


def stage_visits(rows, n_stages, end, **how):
    """For each stage: visits, customers, Kaplan-Meier median dwell, censored."""
    journeys = visits(rows, **how)
    table = []
    for number in range(1, n_stages + 1):
        spells, customers = [], set()
        for customer, runs in journeys.items():
            for place, (stage, start) in enumerate(runs):
                if stage == number:
                    customers.add(customer)
                    last = place + 1 == len(runs)
                    spells.append(((end if last else runs[place + 1][1]) - start, not last))
        table.append(
            (len(spells), len(customers), survival_median(spells), sum(not done for _, done in spells))
        )
    return table


def flow(rows, positions, align=START, **how):
    """Customers, counts by (position, node), and times by (position, from, to) to the next position."""
    cells, links, total = defaultdict(int), defaultdict(list), 0
    for runs in visits(rows, **how).values():
        stages = [stage for stage, _ in runs]
        if align not in (START, END) and align not in stages:
            continue
        total += 1
        anchor = {START: -1, END: len(runs)}.get(align, stages.index(align) if align in stages else None)
        whole = {anchor + position: (START if anchor + position < 0 else END, None) for position in positions}
        whole |= {place: run for place, run in enumerate(runs) if place - anchor in positions}
        for position in positions:
            here, since = whole[anchor + position]
            cells[position, here] += 1
            there, until = whole.get(anchor + position + 1, (here, None))
            if (here, there) not in ((START, START), (END, END)) and position + 1 in positions:
                links[position, here, there].append(None if None in (since, until) else until - since)
    return total, dict(cells), dict(links)


def variants(rows, **how):
    """For each sequence of stages: its customers and their times from the first to the last event."""
    people = by_customer(rows)
    found = defaultdict(list)
    for customer, runs in visits(rows, **how).items():
        times = [time for time, stage in people[customer] if stage]
        found[tuple(stage for stage, _ in runs)].append((customer, max(times) - min(times)))
    return found


# --- loyalty --------------------------------------------------------------------------------------


def loyalty(rows, *, buy, research, advocate, end, period):
    """Counts behind the loyalty figures; the stages of each role as sets of numbers."""
    people = by_customer(rows)
    purchases = {
        customer: sorted({time for time, stage in events if stage in buy})
        for customer, events in people.items()
    }
    buyers = {customer: times for customer, times in purchases.items() if times}
    repeaters = {customer: times for customer, times in buyers.items() if len(times) > 1}
    active = [c for c in repeaters if any(stage in advocate for _, stage in people[c])]
    looped, repeats = [], []
    for customer, times in repeaters.items():
        loops = 0
        for before, now in pairwise(times):
            bought_as = min(stage for time, stage in people[customer] if time == now and stage in buy)
            looked = any(
                stage in research and (before < time < now or (time == now and stage < bought_as))
                for time, stage in people[customer]
            )
            loops += not looked
        looped.append(loops)
        repeats.append(len(times) - 1)
    spells = [
        (times[1] - times[0], True) if len(times) > 1 else (end - times[0], False)
        for times in buyers.values()
    ]
    curve = []
    while True:
        number = len(curve)
        mature = [times for times in buyers.values() if times[0] + (number + 1) * period <= end]
        if not mature:
            break
        retained = [
            times
            for times in mature
            if any(number * period <= time - times[0] < (number + 1) * period for time in times)
        ]
        curve.append((len(retained), len(mature)))
    return {
        "buyers": len(buyers),
        "repeaters": len(repeaters),
        "active": len(active),
        "passive": len(repeaters) - len(active),
        "looped": sum(looped),
        "repeats": sum(repeats),
        "loop_interval": clustered(looped, repeats),
        "second_purchase": survival_median(spells),
        "retention": curve,
    }


# --- statistics -----------------------------------------------------------------------------------


def mean(numbers):
    return Fraction(sum(numbers), len(numbers)) if numbers else None


def middle(numbers):
    return median(numbers) if numbers else None


def wilson(hits, trials):
    if not trials:
        return None
    p = hits / trials
    centre = (p + Z * Z / (2 * trials)) / (1 + Z * Z / trials)
    half = Z / (1 + Z * Z / trials) * math.sqrt(p * (1 - p) / trials + Z * Z / (4 * trials * trials))
    return centre - half, centre + half


def clustered(hits, trials):
    """Wilson's interval of sum(hits) / sum(trials) on the effective number of trials, an entry a customer."""
    total = sum(trials)
    if not total:
        return None
    p = sum(hits) / total
    clusters = sum(x > 0 for x in trials)
    spread = sum((y - p * x) ** 2 for y, x in zip(hits, trials, strict=True))
    if spread < 1e-9:
        return wilson(p * clusters, clusters)
    effective = p * (1 - p) * total * total / spread
    if clusters < total:
        t_of_trials, t_of_clusters = (float(stdtrit(number - 1, 0.975)) for number in (total, clusters))
        effective *= (1 - 1 / clusters) / (1 - 1 / total) * (t_of_trials / t_of_clusters) ** 2
    return wilson(p * effective, effective)


def survival_median(spells):
    """The first time at which the Kaplan-Meier curve is at or below one half."""
    alive = 1.0
    for time in sorted({length for length, done in spells if done}):
        at_risk = sum(length >= time for length, _ in spells)
        died = sum(length == time and done for length, done in spells)
        alive *= 1 - died / at_risk
        if alive <= 0.5 + 1e-12:
            return time
    return None


def binomial_rank(n):
    """The largest r for which n fair coins show fewer than r heads with a probability of at most 1 / 40."""
    rank, below = 0, 0
    while True:
        below += math.comb(n, rank)
        if 40 * below > 2**n:
            return rank
        rank += 1
