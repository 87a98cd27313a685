"""Special rules agree with the slow oracle: Hypothesis draws the log, the stages and the rules."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pandas as pd
import rules_oracle as oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets.engine import NumpyEngine, funnel_paths
from cx_widgets.engine._special import special_funnel

# CX_EXAMPLES=20000 is the nightly run.
EXAMPLES = int(os.environ.get("CX_EXAMPLES", "2000"))
# Clocks change in Berlin on 29 March 2026, two days later; in New York on the 8th.
ORIGIN = pd.Timestamp("2026-03-27 12:00", tz="UTC")
EVENTS = "abcdx"
MANY = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
FEW = settings(max_examples=max(EXAMPLES // 20, 100), suppress_health_check=[HealthCheck.too_slow])


# A tick of the oracle, for calendar windows long enough that the calendar moves on.
TICKS = {"day": "7h", "week": "31h", "month": "11D", "quarter": "31D", "year": "100D"}
ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Auckland")


def span(drawn, ticks):
    return None if ticks is None else pd.Timedelta(drawn["tick"]) * ticks


@st.composite
def logs(draw, largest=9):
    """Draw rows (customer, second, event, device or None, account or None), many at the same time."""
    span = draw(st.sampled_from([2, 5, 9]))
    row = st.tuples(
        st.integers(0, 1),
        st.integers(0, span),
        st.sampled_from(EVENTS),
        st.sampled_from(["tv", "web", None]) if draw(st.booleans()) else st.just("tv"),
        st.sampled_from(["p", "q", None]),
    )
    return draw(st.lists(row, min_size=2, max_size=largest))


@st.composite
def finished_window(draw, rule, gap):
    """Finish the window of some rules; return its calendar unit or None, and the zones of log and rules."""
    unit, zones = None, (None, None)
    if isinstance(rule["window"], tuple):
        kind, number = rule["window"]
        if kind == "events":
            rule |= {"ties": "row"}
        elif kind == "sessions":
            shorter = [one for one in (0.5, 1, 2) if rule["unit"] != "gap" or one < gap]
            rule["window"] = (kind, number, draw(st.sampled_from(shorter)))
        else:
            unit = draw(st.sampled_from(list(TICKS)))
            zone = draw(st.sampled_from([None, *ZONES]))
            zones = zone, draw(st.sampled_from([None, *ZONES])) if zone else None
    return unit, zones


@st.composite
def definitions(draw, only=None):
    """Draw a definition under rules that may be meant together, and the same for the oracle."""
    n = draw(st.integers(1, 4))
    pick = {
        "order": st.sampled_from(["ordered", "ordered", "strict", "unbroken", "any"]),
        "entry": st.sampled_from(["best", "best", "first", "latest"]),
        "reach": st.sampled_from(["closed", "closed", "open"]),
        "ties": st.sampled_from(["stage", "row", "strict", "grace"]),
        "reuse": st.sampled_from(["never", "distinct", "shared"]),
        "count": st.sampled_from(["unique", "unique", "attempts"]),
        "unit": st.sampled_from(["customer", "customer", "gap", "journey", "column"]),
        "hold": st.booleans(),
        "window": st.sampled_from([None, 0.5, 1, 2, 4]),
        "denominator": st.sampled_from(["entrants", "all"]),
    }
    if only is None:
        counted = st.tuples(st.sampled_from(["events", "sessions", "calendar"]), st.integers(1, 3))
        pick["window"] = st.one_of(pick["window"], counted)
    fixed = {"order": "ordered", "entry": "best", "reach": "closed", "ties": "stage", "reuse": "never"}
    fixed |= {"count": "unique", "unit": "customer", "hold": False, "denominator": "entrants", "window": None}
    rule = {name: draw(how) if only is None or name in only else fixed[name] for name, how in pick.items()}
    if rule["order"] == "any":
        rule |= {"ties": "stage", "reach": "closed"}
    if rule["ties"] == "grace":
        rule |= {"reuse": "never", "count": "unique"}
        rule["order"] = "ordered" if rule["order"] in ("strict", "unbroken") else rule["order"]
    if rule["ties"] == "strict" and rule["reuse"] == "shared":
        rule["reuse"] = "distinct"
    if rule["count"] == "attempts":
        rule |= {"reach": "closed", "denominator": "entrants"}
        rule["entry"] = "best" if rule["entry"] == "latest" else rule["entry"]
        rule["unit"] = "customer" if rule["unit"] == "journey" else rule["unit"]
    gap = draw(st.sampled_from([1, 2]))
    unit, zones = draw(finished_window(rule, gap))
    anchored = tuple(
        only is None and rule["order"] == "any" and draw(st.integers(0, 2)) == 0 for _ in range(n)
    )
    end = draw(st.sampled_from([None, None, 0, 1, 2.5, 4, 12])) if only is None else None
    own = only is None and rule["order"] != "any" and draw(st.booleans())
    middle = [own and 0 < level < n - 1 for level in range(n)]
    may_skip = rule["order"] == "ordered" and rule["reach"] == "closed"
    optional = tuple(may_skip and inner and draw(st.booleans()) for inner in middle)
    directly = tuple(
        bool(own and level and rule["ties"] != "grace" and draw(st.integers(0, 3)) == 0) for level in range(n)
    )
    windows = tuple(
        draw(st.sampled_from([None, None, 1, 2])) if own and level else None for level in range(n)
    )
    grace = draw(st.sampled_from([1, 2])) if rule["ties"] == "grace" else None
    exclusions = []
    for _ in range(draw(st.integers(0, 2)) if only is None and n > 1 else 0):
        after = 0 if rule["order"] == "any" else draw(st.integers(0, n - 2))
        before = n - 1 if rule["order"] == "any" else draw(st.integers(after + 1, n - 1))
        exclusions.append((draw(st.sampled_from("abx")), after, before, draw(st.sampled_from(EFFECTS))))
    exclusions = list(dict.fromkeys(exclusions))
    listed = [EVENTS[level] for level in range(n)]
    if rule["reuse"] != "never":
        listed = [
            "".join(sorted({event, *draw(st.lists(st.sampled_from("abcd"), max_size=2))})) for event in listed
        ]
    return rule | {
        "n": n,
        "optional": optional,
        "directly": directly,
        "windows": windows,
        "grace": grace,
        "exclusions": exclusions,
        "listed": listed,
        "gap": gap,
        "anchored": anchored,
        "end": end,
        "calendar": unit or "day",
        "zones": zones,
        "tick": "1s" if unit is None else TICKS[unit],
    }


def window_of(drawn):
    """Return the window as `Rules` take it."""
    window = drawn["window"]
    if not isinstance(window, tuple):
        return span(drawn, window)
    kind, number, *gap = window
    if kind == "events":
        return f"{number} events"
    if kind == "sessions":
        return f"{number} sessions of {int(gap[0] * 1000)}ms"
    return f"{number} calendar {drawn['calendar']}s"


EFFECTS = ("stop", "reset", "remove")


def name(level):
    return f"Stage {level}"


def definition_of(drawn):
    stages = [
        cx.Stage(
            name(level),
            list(drawn["listed"][level]),
            optional=drawn["optional"][level],
            directly=drawn["directly"][level],
            window=span(drawn, drawn["windows"][level]),
            anchored=drawn["anchored"][level],
        )
        for level in range(drawn["n"])
    ]
    whole = drawn["order"] == "any"
    return cx.Definition(
        stages,
        order=drawn["order"],
        entry=drawn["entry"],
        reach=drawn["reach"],
        ties=span(drawn, drawn["grace"]) if drawn["ties"] == "grace" else drawn["ties"],
        reuse=drawn["reuse"],
        count=drawn["count"],
        window=window_of(drawn),
        observation_end=None if drawn["end"] is None else moment_of(drawn, drawn["end"]),
        time_zone=drawn["zones"][1],
        denominator=drawn["denominator"],
        unit={"gap": span(drawn, drawn["gap"]), "column": "account"}.get(drawn["unit"], drawn["unit"]),
        hold_constant=["device"] if drawn["hold"] else [],
        exclusions=[
            cx.Exclusion(
                event, after=None if whole else name(a), before=None if whole else name(b), effect=effect
            )
            for event, a, b, effect in drawn["exclusions"]
        ],
    )


def rule_of(drawn):
    return oracle.Rule(
        n=drawn["n"],
        order=drawn["order"],
        window=drawn["window"],
        entry=drawn["entry"],
        reach=drawn["reach"],
        ties="stage" if drawn["ties"] == "grace" else drawn["ties"],
        grace=drawn["grace"],
        reuse=drawn["reuse"],
        exclusions=tuple((a, b, effect) for _, a, b, effect in drawn["exclusions"]),
        count=drawn["count"],
        unit=drawn["gap"] if drawn["unit"] == "gap" else drawn["unit"],
        optional=drawn["optional"],
        step_windows=drawn["windows"],
        directly=drawn["directly"],
        anchored=drawn["anchored"],
    )


def moment_of(drawn, ticks):
    """Return the moment of a tick, or of several, in the zone of the log, or without one."""
    moment = ORIGIN + pd.Timedelta(drawn["tick"]) * ticks
    zone = drawn["zones"][0]
    return moment.tz_convert(zone) if zone else moment.tz_localize(None)


def log_of(rows, drawn):
    columns = [np.array(column, dtype=object) for column in zip(*rows, strict=True)]
    customer, second, event, device, account = columns
    frame = pd.DataFrame(
        {
            "customer": customer.astype(np.int64),
            "time": moment_of(drawn, pd.Index(second.astype(np.int64))),
            "event": event,
            "device": device,
            "account": account,
        }
    )
    return cx.EventLog(frame, customer="customer", time="time", event="event")


def complete(rows):
    """Return the rows with a customer 9 who does every event once at time 0, so that all events exist."""
    return [*rows, *((9, 0, event, None, None) for event in EVENTS)]


def oracle_rows(rows, drawn):
    found = []
    for place, (customer, second, event, device, account) in enumerate(rows):
        if drawn["end"] is not None and second > drawn["end"]:
            continue
        stages = frozenset(level for level in range(drawn["n"]) if event in drawn["listed"][level])
        excluded = frozenset(i for i, (bad, *_) in enumerate(drawn["exclusions"]) if bad == event)
        held = device if drawn["hold"] else 0
        number = calendar_of(drawn, second)
        found.append(oracle.Row(customer, second, place, stages, excluded, held, account, number))
    return found


def calendar_of(drawn, ticks):
    zone = drawn["zones"][1] or drawn["zones"][0]
    moment = (ORIGIN + span(drawn, ticks)).to_pydatetime()
    return oracle.calendar_number(moment, drawn["calendar"], zone)


def ours(paths, subject, ticks):
    """Return the levels of a subject in ticks of the oracle, of which one is so many of the log."""
    levels = []
    for level in paths.levels:
        at = level.customer.tolist()
        place = at.index(subject) if subject in at else None
        levels.append(
            None
            if place is None
            else tuple(
                int(getattr(level, part)[place]) / ticks for part in ("reached", "entered", "previous")
            )
        )
    return levels


def check(rows, drawn):
    rows = complete(rows)
    definition, rule = definition_of(drawn), rule_of(drawn)
    result = cx.funnel(log_of(rows, drawn), definition)
    log = result._log
    paths = funnel_paths(log, definition)
    end = max(second for _, second, *_ in rows) if drawn["end"] is None else drawn["end"]
    truth = oracle.funnel(oracle_rows(rows, drawn), rule, (end, calendar_of(drawn, end)))
    lines = [line for unit in truth.values() for line in unit]
    ticks = pd.Timedelta(drawn["tick"]).value / log.packed.tick_ns
    mine = Counter(tuple(ours(paths, subject, ticks)) for subject in range(len(paths.reach)))
    assert mine == Counter(tuple(levels) for levels, _ in lines)
    reach = [sum(levels[level] is not None for levels, _ in lines) for level in range(rule.n)]
    assert result.frame["reach"].tolist() == reach
    entrants = sum(any(level is not None for level in levels) for levels, _ in lines)
    expected = len(lines) if drawn["denominator"] == "all" else entrants
    assert set(result.frame["entrants"]) == {expected}
    assert result.open_customers == sum(still for _, still in lines)
    return log, definition, rule, result, paths


@MANY
@given(logs(), definitions())
def test_every_rule_agrees_with_the_oracle(rows, drawn):
    check(rows, drawn)


def chains_of(result, paths):
    """Return the matched rows of each subject, as (level, position in the frame)."""
    found = {}
    numbers = {stage: level for level, stage in enumerate(result.definition.names)}
    matches = result.matches
    owners = paths.chains.subject.tolist()
    for owner, stage, row in zip(owners, matches["stage"], matches["row"], strict=True):
        found.setdefault(owner, []).append((numbers[stage], row))
    return found


@FEW
@given(logs(), definitions())
def test_matched_rows_satisfy_an_independent_predicate(rows, drawn):
    log, _, rule, result, paths = check(rows, drawn)
    if paths.chains is None:
        return
    truth = oracle_rows(complete(rows), drawn)
    by_place = {row.place: row for row in truth}
    unit_of = {
        id(row): (name, members) for name, members in oracle.units(truth, rule).items() for row in members
    }
    chains = chains_of(result, paths)
    assert len(chains) == int((paths.reach > 0).sum())
    for subject, chain in chains.items():
        picked = [(level, by_place[place]) for level, place in chain]
        assert len({unit_of[id(row)][0] for _, row in picked}) == 1
        unit = unit_of[id(picked[0][1])][1]
        picked.sort(key=lambda pair: (pair[1].time, pair[1].place) if rule.order == "any" else pair[0])
        assert oracle.valid(unit, picked, rule), (subject, picked)
        if rule.order == "any":
            assert len(picked) == paths.reach[subject]
        else:
            assert picked[-1][0] + 1 == paths.reach[subject]
            level = paths.levels[picked[-1][0]]
            place = level.customer.tolist().index(subject)
            ticks = pd.Timedelta(drawn["tick"]).value / log.packed.tick_ns
            assert picked[-1][1].time == level.reached[place] / ticks
            assert picked[0][1].time == level.entered[place] / ticks
    assert log.n_events == len(truth)


PLAIN = definitions(only=("window",))


def reach_of(rows, drawn, **changes):
    return cx.funnel(log_of(complete(rows), drawn), definition_of(drawn | changes)).frame["reach"].tolist()


def never_less(more, less):
    return all(a >= b for a, b in zip(more, less, strict=True))


@FEW
@given(logs(), PLAIN)
def test_any_order_reaches_at_least_as_far_as_ordered_and_ordered_as_strict(rows, drawn):
    orders = [reach_of(rows, drawn, order=order) for order in ("any", "ordered", "unbroken", "strict")]
    assert all(never_less(orders[i], orders[i + 1]) for i in range(3))


@FEW
@given(logs(), definitions(only=("order", "ties", "reuse", "hold", "entry")))
def test_a_longer_window_never_lowers_the_reach(rows, drawn):
    windows = [reach_of(rows, drawn, window=window) for window in (0.5, 1, 2, 5, None)]
    assert all(never_less(windows[i + 1], windows[i]) for i in range(4))


@FEW
@given(logs(), definitions(only=("window", "ties", "entry")))
def test_sharing_rows_never_lowers_the_reach(rows, drawn):
    drawn = drawn | {"ties": "stage" if drawn["ties"] == "grace" else drawn["ties"], "grace": None}
    distinct = reach_of(rows, drawn, reuse="distinct")
    assert distinct == reach_of(rows, drawn, reuse="never")
    if drawn["ties"] != "strict":
        assert never_less(reach_of(rows, drawn, reuse="shared"), distinct)


@FEW
@given(logs(), definitions(only=("window", "ties", "reuse", "hold", "count", "unit")))
def test_merging_neighbours_never_lowers_the_reach_of_later_stages(rows, drawn):
    if drawn["n"] == 1 or drawn["count"] == "attempts" or drawn["unit"] == "journey":
        return
    definition = definition_of(drawn)
    log = log_of(complete(rows), drawn)
    merged = definition.merge(name(0), name(1))
    before = cx.funnel(log, definition).frame["reach"]
    after = cx.funnel(log, merged).frame["reach"]
    assert all(after[stage] >= before[stage] for stage in definition.names[2:])


@FEW
@given(logs(), definitions())
def test_customers_may_be_renamed_and_their_rows_stand_anywhere(rows, drawn):
    if drawn["unit"] == "column" and drawn["ties"] == "row":
        return
    swapped = [(5 - customer, *rest) for customer, *rest in rows]
    apart = sorted(swapped, key=lambda row: row[0])
    log, other = log_of(complete(rows), drawn), log_of(complete(apart), drawn)
    definition = definition_of(drawn)
    mine, theirs = (cx.funnel(one, definition).frame for one in (log, other))
    pd.testing.assert_frame_equal(mine, theirs)


@FEW
@given(logs(), definitions())
def test_an_event_outside_all_stages_changes_nothing_unless_it_lies_between(rows, drawn):
    between = drawn["order"] in ("strict", "unbroken") or any(drawn["directly"])
    counted = isinstance(drawn["window"], tuple) and drawn["window"][0] == "events"
    if between or counted or drawn["unit"] in ("gap", "column"):
        return
    rows = complete(rows)
    more = [row for pair in zip(rows, [(c, t, "(none)", d, a) for c, t, _, d, a in rows]) for row in pair]  # noqa: B905
    definition = definition_of(drawn)
    mine, theirs = (cx.funnel(log_of(one, drawn), definition).frame for one in (rows, more))
    pd.testing.assert_frame_equal(mine, theirs)


@FEW
@given(definitions())
def test_a_definition_with_special_rules_survives_every_text(drawn):
    definition = definition_of(drawn)
    assert cx.Definition.from_dict(definition.to_dict()) == definition
    assert cx.Definition.from_json(definition.to_json()) == definition
    assert eval(definition.to_code(), {"cx": cx}) == definition  # noqa: S307 - our own code
    assert hash(cx.Definition.from_dict(definition.to_dict())) == hash(definition)


@FEW
@given(logs(), definitions(only=("window", "entry", "unit", "ties")))
def test_the_general_path_counts_as_the_engine_does_where_both_can(rows, drawn):
    drawn = drawn | {"grace": None, "ties": drawn["ties"] if drawn["ties"] == "row" else "stage"}
    log, definition = log_of(complete(rows), drawn), definition_of(drawn)
    fast, slow = (
        funnel_paths(log, definition),
        special_funnel(log, definition, NumpyEngine(), by_walking=True),
    )
    assert fast.reach.tolist() == slow.reach.tolist()
    for one, other in zip(fast.levels, slow.levels, strict=True):
        for part in ("customer", "reached", "entered", "previous"):
            assert getattr(one, part).tolist() == getattr(other, part).tolist()
