"""The numbers other tools publish, each case under the preset of its own source."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx

CASES = json.loads((Path(__file__).parent / "data" / "conformance_cases.json").read_text(encoding="utf-8"))
ORIGIN = pd.Timestamp("2021-01-01")
BYSTANDER = "(bystander)"

REASONS = {
    "case_103": "VERSION-DEPENDENT: a repeat stops one user and not the other",
}


def time_of(value):
    return pd.Timestamp(value) if isinstance(value, str) else ORIGIN + pd.Timedelta(value, unit="s")


def steps_of(case):
    definition = case["definition"]
    if definition["tool"] == "sequence_count":
        return [{"any_of": [name]} for name in definition["conditions"]]
    if definition["tool"] == "conversion_rate":
        return [{"any_of": [definition["start"]]}, {"any_of": [definition["end"]]}]
    return definition["steps"]


def rows_of(case):
    return [
        {
            "user": event[0],
            "time": time_of(event[1]),
            "event": event[2],
            **(event[3] if len(event) > 3 else {}),
        }
        for event in case["events"]
    ]


def log_of(case, zone=None):
    """Return the log; a step nobody does is done by a bystander long before, who enters no funnel."""
    rows = rows_of(case)
    seen = {row["event"] for row in rows}
    wanted = [name for step in steps_of(case)[1:] for name in step["any_of"]]
    wanted += [one["event"] for one in case["definition"].get("exclusions", [])]
    columns = {name for row in rows for name in row} - {"user", "time", "event"}
    alone = [name for name in dict.fromkeys(wanted) if name not in seen and name != "*"]
    early = min(row["time"] for row in rows)
    rows += [{"user": f"{BYSTANDER} {name}", "time": early, "event": name} for name in alone]
    frame = pd.DataFrame(rows)
    for name in columns:
        frame[name] = frame[name].astype(object)
    if zone is not None:
        frame["time"] = frame["time"].dt.tz_localize("UTC").dt.tz_convert(zone)
    return cx.EventLog(frame, customer="user", time="time", event="event")


def conditions(where):
    return [cx.Condition(column, "==", value) for column, value in (where or {}).items()]


def stages_of(case):
    stages = []
    for number, step in enumerate(steps_of(case), start=1):
        within = step.get("within_seconds_of_previous")
        stages.append(
            cx.Stage(
                f"step {number}",
                step["any_of"],
                where=conditions(step.get("where")),
                nth=1 if step.get("first_time_for_user") else None,
                optional=bool(step.get("optional")),
                window=None if within is None else pd.Timedelta(within, unit="s"),
                role=None,
            )
        )
    return stages


def exclusions_of(case, stages):
    return [
        cx.Exclusion(
            one["event"],
            after=stages[one["from_step"]].name if case["definition"].get("order") != "unordered" else None,
            before=stages[one["to_step"]].name if case["definition"].get("order") != "unordered" else None,
            where=conditions(one.get("where")),
        )
        for one in case["definition"].get("exclusions", [])
    ]


def rules_of(case, stages):
    """Return the rules of the tool the case comes from."""
    definition, source = case["definition"], case["source"]
    seconds = definition.get("window_seconds")
    window = None if seconds is None else pd.Timedelta(seconds, unit="s")
    exclusions = exclusions_of(case, stages)
    if source.startswith("PostHog"):
        return cx.presets.posthog(
            window=window,
            order=definition["order"],
            exclusions=exclusions,
            unit=definition.get("aggregate_by", "customer"),
        )
    if source.startswith("mixpanel"):
        return cx.presets.mixpanel(
            window=window,
            reentry="optimized" if definition.get("entry") == "optimized_reentry" else "first",
            totals=definition.get("count") == "totals",
            exclusions=exclusions,
        )
    if source.startswith("retentioneering"):
        entry = definition.get("entry", "closed")
        events = definition.get("within_events")
        return cx.presets.retentioneering(
            funnel_type=entry,
            path=definition.get("aggregate_by", "customer"),
            window=None if events is None else f"{events} events",
        )
    if source.startswith("amplitude"):
        return cx.presets.amplitude(window=window)
    if source.startswith("GA4"):
        return cx.presets.ga4(window=window)
    return {
        "window_funnel_level": lambda: cx.presets.clickhouse(
            window=window, modes=definition["modes"], stages=stages
        ),
        "sequence_count": lambda: cx.Rules(entry="first", count="attempts"),
        # Bloomreach and Pendo: ordered, other events between, a window from the first step.
        "funnel": lambda: cx.Rules(window=window),
    }[definition["tool"]]()


def marks(case):
    reason = REASONS.get(case["id"])
    if reason is None:
        return []
    # What no function of the package expresses fails by saying so; a number that differs fails as itself.
    return [pytest.mark.xfail(reason=reason, raises=(NotImplementedError, AssertionError), strict=True)]


def check_times(result, expected):
    unit = result.definition.rules.unit_column or "customer"
    chains = [
        chain.sort_values("time", kind="stable")["time"].tolist() for _, chain in result.matches.groupby(unit)
    ]
    for key, middle in (("avg_conversion_seconds", np.mean), ("median_conversion_seconds", np.median)):
        for number, seconds in enumerate(expected.get(key, [])):
            if seconds is not None:
                waits = [chain[number] - chain[number - 1] for chain in chains if len(chain) > number]
                assert middle([wait.total_seconds() for wait in waits]) == pytest.approx(seconds)


def check_funnel(result, expected):
    reach = result.frame["reach"].tolist()
    if "counts" in expected:
        assert reach == expected["counts"]
    if "counts_first_last" in expected:
        assert [reach[0], reach[-1]] == expected["counts_first_last"]
    if "counts_last" in expected:
        assert reach[-1] == expected["counts_last"]
    if "entries" in expected:
        assert [reach[0], reach[-1]] == [expected["entries"], expected["conversions"]]
        if "rate" in expected:
            assert result.frame["conversion"].iloc[-1] == expected["rate"]
    if "pct_of_initial" in expected:
        initial = [round(100 * count / reach[0], 2) for count in reach]
        assert initial == expected["pct_of_initial"]
        before = [100.0, *(round(100 * b / a, 2) for a, b in pairwise(reach))]
        assert before == expected["pct_of_previous"]
    for number, people in expected.get("users_at_step", {}).items():
        reached = result.customers(result.definition.names[int(number) - 1])
        assert sorted(reached.index) == sorted(people)
    check_times(result, expected)


def check_segments(case, definition):
    compared, expected = case["definition"]["compare"], case["expected"]
    rates = []
    for side in "ab":
        mine = [event for event in case["events"] if event[3][compared["by"]] == compared[side]]
        frame = cx.funnel(log_of(case | {"events": mine}), definition).frame
        assert frame["reach"].tolist() == expected[f"counts_{side}"]
        rates.append([1.0, *frame["step_conversion"].tolist()[1:]])
    assert [a - b for a, b in zip(*rates, strict=True)] == expected["delta_step_rate"]


def events_of(case):
    """Return the log whose customers are the paths of the case, and every event as a stage."""
    path = case["definition"].get("aggregate_by", "user")
    log = cx.EventLog(pd.DataFrame(rows_of(case)), customer=path, time="time", event="event")
    return log, cx.Definition.of_events(log)


def check_paths(case):
    links = cx.flow(*events_of(case), positions=case["definition"]["max_steps"]).links
    links = links[links["to"] != "(end)"]
    assert [
        [f"{at}_{a}", f"{at + 1}_{b}", count, mean.total_seconds()]
        for at, a, b, count, mean in zip(
            *(links[name] for name in ("position", "from", "to", "count", "dwell_mean")), strict=True
        )
    ] == case["expected"]["links"]


def check_sequence_match(case):
    """Check a pattern of neighbours among the events declared: the others declared are obstacles."""
    declared = case["definition"]["conditions"]
    wanted = [
        declared[int(number) - 1] for number in re.findall(r"\(\?(\d+)\)", case["definition"]["pattern"])
    ]
    obstacles = [name for name in declared if name not in wanted]
    definition = cx.Definition(
        [cx.Stage(name, [name]) for name in wanted],
        exclusions=[cx.Exclusion(obstacles, after=a, before=b) for a, b in pairwise(wanted)],
    )
    log = cx.EventLog(pd.DataFrame(rows_of(case)), customer="user", time="time", event="event")
    assert cx.funnel(log, definition).frame["reach"].tolist() == [1, case["expected"]["match"]]
    # Without the obstacle the pattern would match.
    assert cx.funnel(log, definition.with_rules(exclusions=())).frame["reach"].tolist() == [1, 1]


WEIGHTS = {
    "count": "count",
    "proba_out": "share",
    "share_of_total": "share_of_all",
    "avg_per_path": "per_customer",
}


def check_transition_matrix(case):
    expected, log_and_events = case["expected"], events_of(case)
    moves = cx.transitions(*log_and_events, repeats="kept")
    labels = ["(start)", *expected["labels"][1:-1], "(end)"]
    matrix = moves.weights(WEIGHTS[case["definition"]["weight"]]).reindex(index=labels, columns=labels)
    matrix = matrix.fillna(0).to_numpy()
    if "matrix" in expected:
        assert matrix.tolist() == expected["matrix"]
        return
    # The case gives what counts are divided by.
    over = expected.get("total") or expected["divide_count_by"]
    counts = moves.weights("count").reindex(index=labels, columns=labels, fill_value=0).to_numpy()
    assert counts.sum() == len(case["events"]) + 3
    assert (matrix == counts / over).all()


def check_step_matrix(case):
    wanted, expected = case["definition"], case["expected"]
    align = "(end)" if wanted.get("align") == "path_end" else "(start)"
    steps = cx.flow(*events_of(case), positions=wanted["max_steps"], align=align, repeats="kept").matrix
    assert steps.index.tolist() == ["(start)", *expected["labels"][1:-1], "(end)"]
    assert steps.columns.tolist() == expected["columns"]
    assert steps.to_numpy().tolist() == expected["matrix"]


def check_directly_follows_graph(case):
    moves = cx.transitions(*events_of(case), repeats="kept").frame
    found = {(a, b): n for a, b, n in zip(moves["from"], moves["to"], moves["count"], strict=True)}
    expected = case["expected"]
    assert found == {
        **{(a, b): count for a, b, count in expected["edges"]},
        **{("(start)", name): count for name, count in expected["start"].items()},
        **{(name, "(end)"): count for name, count in expected["end"].items()},
    }


def check_variants(case):
    log, events = events_of(case)
    result = cx.variants(log, events, repeats="kept")
    assert (result.visitors_total, log.n_events) == (
        case["expected"]["n_cases"],
        case["expected"]["n_events"],
    )
    assert result.n_variants == len(result.frame) == case["expected"]["n_variants"]
    journeys = Counter()
    for user in dict.fromkeys(event[0] for event in case["events"]):
        journeys[tuple(event[2] for event in case["events"] if event[0] == user)] += 1
    assert dict(zip(result.sequences, result.frame["customers"], strict=True)) == journeys


BETWEEN_EVENTS = {
    "paths": check_paths,
    "sequence_match": check_sequence_match,
    "transition_matrix": check_transition_matrix,
    "step_matrix": check_step_matrix,
    "directly_follows_graph": check_directly_follows_graph,
    "variants": check_variants,
}


def plain_log(case, customer="user"):
    """Return the log of the events alone, with the column that says who."""
    return cx.EventLog(pd.DataFrame(rows_of(case)), customer=customer, time="time", event="event")


def active(name):
    return cx.Definition([cx.Stage("Active", [name], role=None)])


def check_retention(case):
    asked, name = case["definition"], case["definition"]["start_event"]
    assert (asked["period"], asked["return_event"]) == ("day", name)
    the_day_after = pd.Timestamp(asked["date_to"]) + pd.Timedelta(days=1)
    frame = cx.retention(
        plain_log(case),
        active(name).with_rules(observation_end=the_day_after),
        start="Active",
        period="D",
        cohort="recurring",
    ).frame
    lines = [cohort["returned"].tolist() for _, cohort in frame.groupby("cohort")]
    assert lines == case["expected"]["matrix_by_start_day"]
    assert frame["ripe"].all()


def check_stickiness(case):
    weekly = "week" in case["definition"].get("interval", "")
    asked = {"period": "W", "first_weekday": "Sunday"} if weekly else {"period": "2D"}
    frame = cx.stickiness(plain_log(case), active("pageview"), active="Active", **asked).frame
    assert frame["customers"].tolist() == case["expected"]["users_active_in_exactly_k_intervals"]


def check_lifecycle(case):
    log = plain_log(case, case["definition"]["aggregate_by"])
    frame = cx.lifecycle(log, active("pageview"), active="Active", period="D").frame
    for state, expected in case["expected"].items():
        assert frame[state].tolist() == [abs(number) for number in expected]


def check_retention_flags(case):
    days = case["definition"]["conditions"]
    dated = case | {"events": [[*event, {"day": event[1]}] for event in case["events"]]}
    log = plain_log(dated)
    stages = [cx.Stage(day, ["visit"], where=[cx.Condition("day", "==", day)], role=None) for day in days]
    flags = cx.retention_flags(log, cx.Definition(stages))
    assert flags.frame["numerator"].tolist() == case["expected"]["sums"]
    cohorts = cx.retention(log, active("visit"), start="Active", period="D").frame
    assert cohorts["returned"].tolist()[:3] == case["expected"]["sums"]


def check_cohorts(case):
    """Periods of 30 days from the first Monday, all of them over; what their tool leaves out is 0 in ours."""
    assert (case["definition"]["cohort_start_unit"], case["definition"]["period"]) == ("week", "30 days")
    expected = case["expected"]
    over = active("event").with_rules(observation_end="2022-04-26")
    asked = {"period": "30D", "origin": expected["index"][0]}
    matrix = cx.retention(plain_log(case), over, start="Active", **asked).matrix
    shown = matrix[[str(start.date()) in expected["index"] for start in matrix.index]]
    assert [str(start.date()) for start in shown.index] == expected["index"]
    theirs = pd.DataFrame(expected["matrix"], dtype=float).fillna(0)
    assert shown.fillna(0).round(4).to_numpy().tolist() == theirs.to_numpy().tolist()


AFTER_THE_FUNNEL = {
    "retention": check_retention,
    "stickiness": check_stickiness,
    "lifecycle": check_lifecycle,
    "retention_flags": check_retention_flags,
    "cohorts": check_cohorts,
}


def check_breakdown(case, definition):
    """All events: those of a chain share the value, which is then that of its entry."""
    asked = case["definition"]["breakdown"]
    how = {"first_touch": "first touch", "all_events": "at entry", "step_0": definition.names[0]}
    if asked["attribution"] == "all_events":
        definition = definition.with_rules(hold_constant=[asked["by"]])
    groups = cx.breakdown(log_of(case), definition, asked["by"], attribution=how[asked["attribution"]])
    reach = groups.funnels["reach"]
    found = {group: reach[group].tolist() for group in groups.frame.index}
    assert found == case["expected"]["by_breakdown"]


def check_times_in_bins(case, definition):
    asked, expected = case["definition"], case["expected"]
    steps = [definition.names[asked[end]] for end in ("from_step", "to_step")]
    result = cx.time_to_convert(
        log_of(case), definition, from_stage=steps[0], to_stage=steps[1], bins=asked["bins"]
    )
    classes = result.histogram
    found = [
        [start.total_seconds(), number]
        for start, number in zip(classes["start"], classes["customers"], strict=True)
    ]
    if len(found) < len(expected["bins"]):
        # The tool lists the end of the last class as a class of its own, empty or not.
        found.append([classes["stop"].iloc[-1].total_seconds(), 0])
    assert found == expected["bins"]
    assert result.mean == pd.Timedelta(expected["avg_seconds"], unit="s")


def check_trend(case, definition):
    asked, expected = case["definition"], case["expected"]
    log = log_of(case, asked.get("timezone"))
    frame = cx.trend(
        log,
        definition,
        period={"day": "D", "month": "M"}[asked["interval"]],
        once="period",
        first=asked.get("date_from"),
        last=asked.get("date_to"),
    ).frame
    assert len(frame) == expected.get("periods", len(frame))
    for period, numbers in expected["converted_in"].items():
        row = frame.loc[period].iloc[0] if isinstance(frame.loc[period], pd.DataFrame) else frame.loc[period]
        assert row["conversion"] == numbers["rate"]
        assert row["entrants"] == numbers.get("entered", row["entrants"])
        assert row["converted"] == numbers.get("converted", row["converted"])
    others = frame.drop([pd.Period(period, freq=frame.index.freq) for period in expected["converted_in"]])
    assert (others["entrants"] == 0).all()
    if "overall_rate" in expected:
        overall = cx.funnel(log, definition).frame["conversion"].iloc[-1]
        assert overall == expected["overall_rate"]


BESIDE_THE_FUNNEL = {
    "time_to_convert": check_times_in_bins,
    "funnel_trend": check_trend,
    "breakdown": check_breakdown,
    "compare": check_segments,
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"], marks=marks(case)) for case in CASES],
)
def test_a_published_number_is_reproduced_under_the_rules_of_its_source(case):
    tool, expected = case["definition"]["tool"], case["expected"]
    if tool in BETWEEN_EVENTS or tool in AFTER_THE_FUNNEL:
        {**BETWEEN_EVENTS, **AFTER_THE_FUNNEL}[tool](case)
        return
    stages = stages_of(case)
    definition = cx.Definition(stages, rules_of(case, stages))
    beside = next(
        (ask for name, ask in BESIDE_THE_FUNNEL.items() if name in (tool, *case["definition"])), None
    )
    if beside is not None:
        beside(case, definition)
        return
    log = log_of(case)
    result = cx.funnel(log, definition)
    if tool == "funnel":
        check_funnel(result, expected)
        for zone in case["definition"].get("timezones", []):
            check_funnel(cx.funnel(log_of(case, zone), definition), expected)
    elif tool == "window_funnel_level":
        levels = Counter(str(customer) for customer in result.matches["customer"])
        assert {user: levels[user] for user in expected["max_level_by_user"]} == expected["max_level_by_user"]
    elif tool == "sequence_count":
        assert result.frame["reach"].iloc[-1] == expected["count"]
    elif tool == "conversion_rate":
        reach = result.frame["reach"].tolist()
        assert reach[1] == expected["converted"]
        if "with_start" not in expected:
            return
        people = log.n_customers
        base = cx.funnel(log, cx.Definition([stages[-1]], denominator="all")).frame["conversion"].iloc[0]
        assert reach == [expected["with_start"], expected["converted"]]
        assert reach[1] / reach[0] == expected["rate"]
        assert base == expected["base_rate"]
        assert reach[1] / reach[0] / base == expected["lift"]
        assert people == 2
    else:
        pytest.fail(f"nobody runs {tool}")


def test_every_case_is_there_once():
    assert len({case["id"] for case in CASES}) == len(CASES) == 100
    assert all(case["source"] for case in CASES)
    assert Counter(case["definition"]["tool"] for case in CASES)["funnel"] == 54
