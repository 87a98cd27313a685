"""The slow, obvious counterpart of reasons, entries and times under special rules: every chain is listed.

It stands on `rules_oracle` and shares nothing with the package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import rules_oracle as oracle


@dataclass
class Tried:
    """An attempt with every chain it could go through, exclusions aside, and the keys it may look at."""

    made: oracle.Attempt
    begins: list
    chains: list
    after: object
    until: object

    def sees(self, row, rule):
        at = oracle.key(row, rule)
        return (self.after is None or at > self.after) and (self.until is None or at < self.until)


def subjects(rows, rule):
    """Return for each unit its lines, as (what was tried, what counts), and how many left the funnel."""
    answer = {}
    for name, unit in oracle.units(rows, rule).items():
        every = one_by_one(unit, rule) if rule.count == "attempts" else together(unit, rule)
        gone = any(tried.made.effect == "remove" for tried in every)
        counted = [] if gone else [tried for tried in every if tried.made.effect != "reset"]
        if rule.count == "attempts":
            lines = [([tried], [tried]) for tried in counted]
            left = 1 if every and not counted else len(every) - len(counted)
        else:
            lines = [(every, counted)]
            left = int(bool(every) and not counted)
        answer[name] = lines, left
    return answer


def tried_of(unit, made, rule, after=None, until=None):
    begins = [
        row
        for row in unit
        if oracle.key(row, rule) == made.start
        and row.held == made.held
        and (row.stages if rule.order == "any" else made.level in row.stages)
    ]
    chains = []
    if rule.order != "any":
        for begin in begins:
            chains += [
                chain
                for chain in oracle.chains_from(unit, [(made.level, begin)], rule)
                if until is None or all(oracle.key(row, rule) < until for _, row in chain)
            ]
    return Tried(made, begins, chains, after, until)


def together(unit, rule):
    return [tried_of(unit, made, rule) for made in oracle.eligible(unit, rule)]


def one_by_one(unit, rule):
    found = []
    every = sorted(oracle.attempts(unit, rule), key=lambda one: one.start)
    for held in dict.fromkeys(one.held for one in every):
        made = [one for one in every if one.held == held]
        mine = [row for row in unit if row.held == held and (row.stages or row.excluded)]
        after = None
        for place, one in enumerate(made):
            until = made[place + 1].start if place + 1 < len(made) else None
            found.append(tried_of(unit, one, rule, after, until))
            after = over(one, rule, until, mine)
    return found


def over(made, rule, until, mine):
    """Return the key of the last row that an attempt ends with."""
    if made.met is not None:
        return made.met
    if made.first[-1] is not None:
        return made.first[-1]
    start = oracle.row_at(made.rows, made.start, rule)
    keys = {oracle.key(row, rule) for row in mine if oracle.inside(made.rows, start, row, rule)}
    return max(key for key in keys if until is None or key < until)


# --- reasons --------------------------------------------------------------------------------------


def verdict(every, counted, rule):
    """Return (missed stage from 1, reason, overshoot, causes) of a line that entered and did not convert.

    The causes are the rows that may be named as such.
    """
    depth = max(level for tried in counted for level, at in enumerate(tried.made.first, 1) if at is not None)
    if rule.order == "any":
        return in_any_order(every, depth, rule)
    missed = next(level for level in range(depth, rule.n) if not rule.optional[level])
    lowest = max(level for level in range(missed) if not rule.optional[level] or level == 0)
    ends = [(tried, chain) for tried in every for chain in tried.chains if lowest <= chain[-1][0] < missed]
    through = [(tried, chain) for tried in every for chain in tried.chains if chain[-1][0] == missed]
    if through:
        first = min(oracle.key(chain[-1][1], rule)[0] for _, chain in through)
        there = [tried for tried, chain in through if oracle.key(chain[-1][1], rule)[0] == first]
        latest = max(tried.made.start for tried in there)
        causes = [
            row
            for tried in there
            if tried.made.start == latest
            for row in tried.made.rows
            if row.excluded and oracle.key(row, rule) == tried.made.met
        ]
        assert causes
        return missed + 1, "excluded", None, causes
    loose = replace(rule, order="ordered", directly=(False,) * rule.n)
    free = replace(loose, window=None, step_windows=(None,) * rule.n)
    timely = followers(ends, missed, loose, rule)
    if timely:
        first = min(oracle.key(row, rule) for _, _, row in timely)
        causes = [
            row
            for tried, chain, other in timely
            if oracle.key(other, rule) == first
            for row in tried.made.rows
            if oracle.lies_between(chain[-1][1], row, other, rule)
            and (
                rule.order == "strict"
                or rule.directly[missed]
                or not row.stages & set(range(chain[-1][0] + 1))
            )
        ]
        assert causes
        return missed + 1, "broken", None, causes
    if followers(ends, missed, free, rule):
        counted_window = isinstance(rule.window, tuple)
        over = None if counted_window else overshoot(every, lowest, missed, rule)
        return missed + 1, "window", over, []
    there = any(
        missed in row.stages and row.held == chain[0][1].held and tried.sees(row, rule)
        for tried, chain in ends
        for row in tried.made.rows
    )
    return missed + 1, "before" if there else "never", None, []


def followers(ends, missed, relaxed, rule):
    """Return every (attempt, chain, row) where the row could come next were it not for what is relaxed."""
    found = []
    for tried, chain in ends:
        for row in tried.made.rows:
            if missed not in row.stages or not (tried.until is None or oracle.key(row, rule) < tried.until):
                continue
            longer = [*chain, (missed, row)]
            if rule.reuse != "shared" and any(row is other for _, other in chain):
                continue
            if not oracle.inside(tried.made.rows, chain[0][1], row, relaxed):
                continue
            if oracle.may_step(tried.made.rows, *longer[-2:], relaxed):
                found.append((tried, chain, row))
    return found


def overshoot(every, lowest, missed, rule):
    free = replace(rule, window=None, step_windows=(None,) * rule.n)
    last = replace(free, order="ordered", directly=(False,) * rule.n)
    least = []
    for tried in every:
        ends = [
            (tried, chain)
            for begin in tried.begins
            for chain in oracle.chains_from(tried.made.rows, [(tried.made.level, begin)], free)
            if lowest <= chain[-1][0] < missed
            and all(tried.until is None or oracle.key(row, rule) < tried.until for _, row in chain)
        ]
        for _, chain, row in followers(ends, missed, last, rule):
            least.append(excess([*chain, (missed, row)], rule))
    return min(least)


def excess(chain, rule):
    """Return by how much longer windows had to be for a chain."""
    start = chain[0][1].time
    amounts = [0]
    if rule.window is not None:
        amounts += [row.time - start - rule.window for _, row in chain]
    for (_, a), (later, b) in pairwise(chain):
        if rule.step_windows[later] is not None:
            amounts.append(b.time - a.time - rule.step_windows[later])
    return max(amounts)


def in_any_order(every, depth, rule):
    free = replace(rule, window=None)
    here = [tried for tried in every if reaches(tried, depth, rule)]
    through = [(tried, reaches(tried, depth + 1, rule)) for tried in every]
    through = [(tried, moment) for tried, moment in through if moment is not None]
    if through:
        first = min(moment for _, moment in through)
        there = [tried for tried, moment in through if moment == first]
        latest = max(tried.made.start for tried in there)
        causes = [
            row
            for tried in there
            if tried.made.start == latest
            for row in tried.made.rows
            if row.excluded and oracle.key(row, rule) == tried.made.met
        ]
        assert causes
        return depth + 1, "excluded", None, causes
    if any(reaches(tried, depth + 1, free) is not None for tried in here if rule.window is not None):
        took = [
            moment[0] - tried.made.start[0]
            for tried in every
            if (moment := reaches(tried, depth + 1, free)) is not None
        ]
        over = None if isinstance(rule.window, tuple) else min(took) - rule.window
        return depth + 1, "window", over, []
    there = any(
        oracle.could_serve(
            [
                row
                for row in tried.made.rows
                if row.held == tried.begins[0].held and row.stages and tried.sees(row, rule)
            ],
            depth + 1,
            rule,
        )
        for tried in here
    )
    return depth + 1, "before" if there else "never", None, []


def reaches(tried, number, rule):
    """Return when rows from the start on are first of so many stages, exclusions aside; None for never."""
    moment = oracle.in_any_order(tried.made.rows, tried.begins[0], rule)[number - 1]
    return moment if moment is not None and (tried.until is None or moment < tried.until) else None


# --- entries and times ----------------------------------------------------------------------------


def counted_entry(counted):
    """Return the time of the entry that counts."""
    done = [tried for tried in counted if tried.made.first[-1] is not None]
    if done:
        end = min(tried.made.first[-1][0] for tried in done)
        done = [tried for tried in done if tried.made.first[-1][0] == end]
        lowest = min(tried.made.level for tried in done)
        return max(tried.made.start[0] for tried in done if tried.made.level == lowest)
    going = [tried for tried in counted if tried.made.met is None and not tried.made.replaced]
    return max(tried.made.start[0] for tried in (going or counted))


def spell(counted, rule, start, end, over):
    """Return (time, converted) of a line from one stage to a later one, levels from 0; None if not under way.

    ``over`` is the end of observation.
    """
    under_way = [tried for tried in counted if tried.made.first[start] is not None]
    if not under_way:
        return None
    done = [
        tried
        for tried in under_way
        if tried.made.first[end] is not None
        and (rule.grace is not None or tried.made.first[end][0] >= tried.made.first[start][0])
    ]
    if done:
        first = min(tried.made.first[end][0] for tried in done)
        done = [tried for tried in done if tried.made.first[end][0] == first]
        lowest = min(tried.made.level for tried in done)
        best = max((tried for tried in done if tried.made.level == lowest), key=lambda one: one.made.start[0])
        since = [
            tried.made.first[start][0]
            for tried in done
            if tried.made.level == lowest and tried.made.start[0] == best.made.start[0]
        ]
        return {(max(first - begun, 0), True) for begun in since}
    going = [tried for tried in under_way if tried.made.met is None and not tried.made.replaced]
    latest = max(tried.made.start[0] for tried in (going or under_way))
    answers = set()
    for tried in going or under_way:
        if tried.made.start[0] == latest:
            ends = [over]
            if rule.window is not None:
                ends.append(latest + rule.window)
            if tried.made.met is not None:
                ends.append(tried.made.met[0])
            if tried.made.replaced:
                ends.append(tried.until[0])
            answers.add((max(min(ends) - tried.made.first[start][0], 0), False))
    return answers
