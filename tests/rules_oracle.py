"""The slow, obvious counterpart of the special rules: every chain is listed.

Nothing is shared with the package. A log is a list of `Row`, a way of counting is a `Rule`. Times are whole
ticks; stages and exclusions count from 0. A window is a number of ticks, or ``("events", n)``, ``("sessions",
n, gap)`` or ``("calendar", n)``.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

SOON = 1e-6
"""Ticks that are less than any rule's."""


@dataclass(frozen=True)
class Row:
    """One event: whose, when, where in the frame, which stages it may serve, which exclusions it meets."""

    customer: object
    time: int
    place: int
    stages: frozenset = frozenset()
    excluded: frozenset = frozenset()
    held: object = 0
    column: object = None
    calendar: int = 0


def calendar_number(moment, unit, zone):
    """Return the number of the calendar unit in which an aware moment lies."""
    day = moment.astimezone(ZoneInfo(zone)).date() if zone else moment.date()
    monday = day - dt.timedelta(days=day.weekday())
    return {
        "day": day.toordinal(),
        "week": monday.toordinal() // 7,
        "month": day.year * 12 + day.month - 1,
        "quarter": (day.year * 12 + day.month - 1) // 3,
        "year": day.year,
    }[unit]


@dataclass(frozen=True)
class Rule:
    """The rules, as in `Rules`; ``grace`` stands beside ``ties``."""

    n: int
    order: str = "ordered"
    window: object = None
    entry: str = "best"
    reach: str = "closed"
    ties: str = "stage"
    grace: float | None = None
    reuse: str = "never"
    exclusions: tuple = ()
    count: str = "unique"
    unit: object = "customer"
    optional: tuple = ()
    step_windows: tuple = ()
    directly: tuple = ()
    anchored: tuple = ()


@dataclass
class Attempt:
    """A start, and the key of its first arrival at each level (None for never)."""

    rows: list
    start: object
    level: int
    first: list
    met: object = None
    effect: str = ""
    replaced: bool = False
    held: object = 0


def units(rows, rule):
    """Return the rows of each unit, in reading order."""
    found = defaultdict(list)
    ordered = sorted(rows, key=lambda row: (row.customer, row.time, row.place))
    if rule.unit == "customer":
        for row in ordered:
            found[row.customer].append(row)
    elif rule.unit == "column":
        for row in sorted(rows, key=lambda row: (row.time, row.place)):
            if row.column is not None:
                found[row.column].append(row)
    else:
        for customer in dict.fromkeys(row.customer for row in ordered):
            mine = [row for row in ordered if row.customer == customer]
            for place, row in enumerate(mine):
                found[customer, sum(cuts(mine[:i], mine[i], rule) for i in range(1, place + 1))].append(row)
    return found


def cuts(before, row, rule):
    """Return whether a row begins a new session or journey."""
    if rule.unit != "journey":
        return row.time - before[-1].time > rule.unit
    return row.time > before[-1].time and any(
        rule.n - 1 in other.stages for other in before if other.time == before[-1].time
    )


# --- windows --------------------------------------------------------------------------------------


def inside(unit, start, row, rule):
    """Return whether a row is inside the window from a start."""
    window = rule.window
    if window is None:
        return True
    if not isinstance(window, tuple):
        return row.time - start.time <= window
    kind, number, *gap = window
    if kind == "events":
        return unit.index(row) - unit.index(start) <= number
    if kind == "calendar":
        return row.calendar - start.calendar <= number - 1
    later = [one for one in unit if start.time <= one.time <= row.time]
    return sum(b.time - a.time > gap[0] for a, b in pairwise(later)) <= number - 1


def row_at(unit, moment, rule):
    return next(row for row in unit if key(row, rule) == moment)


def may_go_on(rows, start, name, rule, end):
    """Return whether a row just after the end of observation could still be inside the window of a start.

    ``end`` is the time of the end and the number of the calendar unit in which the next moment lies.
    """
    if rule.window is None:
        return False
    soon = Row(
        start.customer,
        end[0] + SOON,
        place=len(rows) + 99,
        column=name if rule.unit == "column" else None,
        calendar=end[1],
    )
    unit = next(unit for unit in units([*rows, soon], rule).values() if any(row is soon for row in unit))
    return any(row is start for row in unit) and inside(unit, start, soon, rule)


# --- chains ---------------------------------------------------------------------------------------


def key(row, rule):
    return (row.time, row.place) if rule.ties == "row" else (row.time, 0)


def follows(a, b, rule):
    if a is b:
        return rule.reuse == "shared"
    if rule.grace is not None:
        return b.time >= a.time - rule.grace
    return {
        "stage": a.time <= b.time,
        "row": (a.time, a.place) < (b.time, b.place),
        "strict": a.time < b.time,
    }[rule.ties]


def lies_between(a, c, b, rule):
    return key(a, rule) < key(c, rule) < key(b, rule)


def may_step(unit, one, other, rule):
    """Return whether a level and its row may come right after another in a chain."""
    (level, a), (later, b) = one, other
    if not all(rule.optional[skipped] for skipped in range(level + 1, later)):
        return False
    if not follows(a, b, rule) or b.held != a.held:
        return False
    own = rule.step_windows[later]
    if own is not None and b.time - a.time > own:
        return False
    between = [row for row in unit if lies_between(a, row, b, rule)]
    if (rule.order == "strict" or rule.directly[later]) and between:
        return False
    reached = set(range(level + 1))
    return not (rule.order == "unbroken" and any(not row.stages & reached for row in between))


def valid(unit, chain, rule):
    """Return whether rows, as (level, row), are a chain: the predicate that matched rows must satisfy."""
    start = chain[0][1]
    if start.held is None or (rule.reach == "closed" and chain[0][0] != 0 and rule.order != "any"):
        return False
    if any(level not in row.stages for level, row in chain):
        return False
    if rule.reuse != "shared" and len({id(row) for _, row in chain}) != len(chain):
        return False
    if not all(inside(unit, start, row, rule) for _, row in chain):
        return False
    if rule.order == "any":
        levels = [level for level, _ in chain]
        together = len(set(levels)) == len(levels) and all(row.held == start.held for _, row in chain)
        ordered = all(in_place(*pair, rule) for pair in combinations(chain, 2))
        return together and ordered and whole_before(levels, rule)
    return all(may_step(unit, one, other, rule) for one, other in pairwise(chain))


def chains_from(unit, chain, rule):
    """Return a chain and every chain that continues it."""
    yield chain
    level = chain[-1][0]
    for later in range(level + 1, rule.n):
        for row in unit:
            if later in row.stages and may_step(unit, chain[-1], (later, row), rule):
                longer = [*chain, (later, row)]
                if valid(unit, longer, rule):
                    yield from chains_from(unit, longer, rule)


def parted(level, later, rule):
    """Return whether an anchored stage keeps two stages in order, itself or as one between them."""
    return any(rule.anchored[level : later + 1])


def whole_before(levels, rule):
    """Return whether nothing is missing of what anchored stages put before the stages there are."""
    return all(level in levels for later in levels for level in range(later) if parted(level, later, rule))


def in_place(one, other, rule):
    (level, a), (later, b) = sorted((one, other), key=lambda pair: pair[0])
    return not parted(level, later, rule) or follows(a, b, rule)


def in_any_order(unit, start, rule):
    """Return when k different stages could first each have a row."""
    rows = [
        row
        for row in unit
        if row.held == start.held
        and key(row, rule) >= key(start, rule)
        and row.stages
        and inside(unit, start, row, rule)
    ]
    first = [None] * rule.n
    for moment in sorted({key(row, rule) for row in rows}):
        seen = [row for row in rows if key(row, rule) <= moment]
        for k in range(1, rule.n + 1):
            if first[k - 1] is None and could_serve(seen, k, rule):
                first[k - 1] = moment
    return first


def could_serve(rows, k, rule):
    sets = [levels for levels in combinations(range(rule.n), k) if whole_before(levels, rule)]
    return any(each_has_one(levels, rows, [], rule) for levels in sets)


def each_has_one(levels, rows, chain, rule):
    """Return whether each stage can have a row, of its own unless rows are shared, in its place."""
    if not levels:
        return True
    for row in rows:
        used = rule.reuse != "shared" and any(row is other for _, other in chain)
        pair = (levels[0], row)
        fits = levels[0] in row.stages and not used and all(in_place(one, pair, rule) for one in chain)
        if fits and each_has_one(levels[1:], rows, [*chain, pair], rule):
            return True
    return False


# --- attempts -------------------------------------------------------------------------------------


def starts(unit, rule):
    """Return every start as (key, held, level)."""
    found = set()
    for row in unit:
        if row.held is None:
            continue
        for level in row.stages:
            if rule.order == "any":
                if whole_before([level], rule):
                    found.add((key(row, rule), row.held, 0))
            elif level == 0 or rule.reach == "open":
                found.add((key(row, rule), row.held, level))
    return sorted(found)


def attempt(unit, start, rule):
    moment, held, level = start
    begins = [
        row
        for row in unit
        if key(row, rule) == moment
        and row.held == held
        and (row.stages if rule.order == "any" else level in row.stages)  # any of them: the moment counts
    ]
    first = [None] * rule.n
    if rule.order == "any":
        first = in_any_order(unit, begins[0], rule)
    else:
        for begin in begins:
            for chain in chains_from(unit, [(level, begin)], rule):
                there, row = chain[-1]
                if first[there] is None or key(row, rule) < first[there]:
                    first[there] = key(row, rule)
    made = Attempt(unit, moment, level, first, held=held)
    meets = [
        (key(row, rule), -("stop", "reset", "remove").index(effect), effect)
        for number, (after, before, effect) in enumerate(rule.exclusions)
        for row in unit
        if number in row.excluded and row.held == held and meets_it(row, made, after, before, rule)
    ]
    if meets:
        made.met, _, made.effect = min(meets)
        cut(made, made.met, rule, inclusive=True)
    return made


def meets_it(row, made, after, before, rule):
    if made.first[after] is None or key(row, rule) <= made.first[after]:
        return False
    ends = [arrival for arrival in made.first[before:] if arrival is not None]
    if ends:
        return key(row, rule) < min(ends)
    return inside(made.rows, row_at(made.rows, made.start, rule), row, rule)


def cut(made, moment, rule, *, inclusive):
    over = False
    for level, arrival in enumerate(made.first):
        if over or (arrival is not None and (arrival > moment if inclusive else arrival >= moment)):
            made.first[level] = None
            over = over or not rule.optional[level]


def one_after_another(unit, begins, rule, end=None):
    made_here, over = [], None
    for start in begins:
        if over is not None and not over(start[0]):
            continue
        made = attempt(unit, start, rule)
        if end is not None:
            made.replaced = True
            cut(made, end, rule, inclusive=False)
            if made.met is not None and made.met >= end:
                made.met, made.effect = None, ""
        made_here.append(made)
        if made.met is not None:
            over = lambda moment, met=made.met: moment > met  # noqa: E731
        elif made.first[-1] is not None:
            over = lambda moment, done=made.first[-1]: moment > done  # noqa: E731
        elif rule.window is None:
            break
        else:
            begun = row_at(unit, made.start, rule)
            over = lambda moment, begun=begun: not inside(unit, begun, row_at(unit, moment, rule), rule)  # noqa: E731
    return made_here


def attempts(unit, rule):
    counted = []
    for held in {row.held for row in unit if row.held is not None}:
        left = [start for start in starts(unit, rule) if start[1] == held]
        if rule.entry == "first":
            counted += one_after_another(unit, left, rule)
            continue
        while left:
            done = [
                one for one in (attempt(unit, start, rule) for start in left) if one.first[-1] is not None
            ]
            if not done:
                counted += one_after_another(unit, left, rule)
                break
            end = min(one.first[-1] for one in done)
            best = max((one for one in done if one.first[-1] == end), key=lambda one: one.start)
            counted += one_after_another(
                unit, [start for start in left if start[0] < best.start], rule, best.start
            )
            counted.append(best)
            left = [start for start in left if start[0] > end]
    return counted


def eligible(unit, rule):
    begins = starts(unit, rule)
    if rule.entry != "best" and begins:
        moment = (min if rule.entry == "first" else max)(start[0] for start in begins)
        begins = [start for start in begins if start[0] == moment]
        lowest = min(start[2] for start in begins)
        begins = [start for start in begins if start[2] == lowest]
    return [attempt(unit, start, rule) for start in begins]


# --- the funnel -----------------------------------------------------------------------------------


def line(made, rule):
    """Return, for each level, when it was first reached, the entry, and the arrival before; and who waits.

    Who waits is the latest start that met no exclusion.
    """
    prior, last = [], 0
    for level in range(rule.n):
        prior.append(last)
        last = last if rule.optional[level] else level
    levels = []
    for level in range(rule.n):
        there = [one for one in made if one.first[level] is not None]
        if not there:
            levels.append(None)
            continue
        reached = min(one.first[level][0] for one in there)
        there = [one for one in there if one.first[level][0] == reached]
        there = [one for one in there if one.level == min(other.level for other in there)]
        entered = max(one.start[0] for one in there)
        there = [one for one in there if one.start[0] == entered]
        came = [one.first[prior[level]] for one in there]
        came = [arrival[0] for arrival in came if arrival is not None and level]
        levels.append((reached, entered, min(came, default=reached)))
    waiting = [one.start for one in made if one.met is None and not one.replaced]
    return levels, max(waiting, default=None)


def funnel(rows, rule, end):
    """Return the lines of what is counted, for each unit or attempt the levels, and whether it is open."""
    answer = {}
    for name, unit in units(rows, rule).items():
        answer[name] = [
            (levels, still(levels, waiting) and may_go_on(rows, row_at(unit, waiting, rule), name, rule, end))
            for levels, waiting in lines(unit, rule)
        ]
    return answer


def still(levels, waiting):
    """Return whether somebody entered, did not convert, and waits."""
    return any(level is not None for level in levels) and levels[-1] is None and waiting is not None


def lines(unit, rule):
    if rule.count == "attempts":
        made = attempts(unit, rule)
        if any(one.effect == "remove" for one in made):
            return []
        return [line([one], rule) for one in made if one.effect != "reset"]
    made = eligible(unit, rule)
    if any(one.effect == "remove" for one in made):
        made = []
    return [line([one for one in made if one.effect != "reset"], rule)]
