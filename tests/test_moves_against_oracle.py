"""Transitions, flow and variants agree with the slow oracle, however visits are read and aligned."""

from __future__ import annotations

import os

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moves import check_flow, check_transitions, check_variants
from small_logs import ORIGIN, UNITS_NS, Case

import cx_widgets as cx

# CX_EXAMPLES=20000 is the nightly run.
EXAMPLES = int(os.environ.get("CX_EXAMPLES", "2000")) // 8
MANY = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def cases(draw, longest=12):
    """Draw a log with many rows at the same time, in any order, and a definition of one to four stages."""
    n_stages = draw(st.integers(1, 4))
    span = draw(st.sampled_from([0, 2, 9]))
    row = st.tuples(st.integers(0, 3), st.integers(0, span), st.integers(0, n_stages))
    rows = draw(st.lists(row, max_size=longest))
    # A stage without an event is refused: whoever is missing comes last.
    rows += [(0, 0, number) for number in range(1, n_stages + 1) if number not in {one[2] for one in rows}]
    unit_ns = draw(st.sampled_from(UNITS_NS))
    window = draw(st.sampled_from([None, 1, 3]))
    frame = pd.DataFrame(
        {
            "customer": [customer for customer, _, _ in rows],
            "time": [ORIGIN + pd.Timedelta(time * unit_ns, unit="ns") for _, time, _ in rows],
            "event": [f"event {stage}" for _, _, stage in rows],
        }
    )
    return Case(
        log=cx.EventLog(frame, customer="customer", time="time", event="event"),
        definition=cx.Definition(
            {f"Stage {number}": [f"event {number}"] for number in range(1, n_stages + 1)},
            window=None if window is None else pd.Timedelta(window * unit_ns, unit="ns"),
            ties=draw(st.sampled_from(["stage", "row"])),
        ),
        rows=rows,
        n_stages=n_stages,
        end=max(time for _, time, _ in rows),
        start=ORIGIN,
        unit_ns=unit_ns,
        window=window,
        period=1,
        roles=(None,) * n_stages,
    )


repeats = st.sampled_from(["merged", "kept"])


@MANY
@given(cases(), repeats)
def test_transitions_agree_with_the_oracle(case, kept):
    check_transitions(case, kept)


@MANY
@given(cases(), repeats, st.integers(1, 6), st.data())
def test_the_flow_agrees_with_the_oracle_wherever_it_is_aligned(case, kept, positions, data):
    align = data.draw(st.sampled_from(["(start)", "(end)", *case.definition.names]))
    check_flow(case, positions, align, kept)


@MANY
@given(cases(longest=40), repeats, st.integers(1, 5))
def test_variants_agree_with_the_oracle(case, kept, top):
    check_variants(case, top, kept)


@MANY
@given(cases())
def test_kept_repeats_add_only_what_leads_from_a_stage_to_itself(case):
    merged, kept = (
        cx.transitions(case.log, case.definition, repeats=how).matrix for how in ("merged", "kept")
    )
    for origin, more in (kept - merged).iterrows():
        assert all(count == 0 or target == origin for target, count in more.items())
