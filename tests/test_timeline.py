from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of, random_case
from test_reasons import JOURNEYS, STAGES

import cx_widgets as cx

OPEN = (
    "Open at 'See': may still convert, "
    "the window of 7D from the last entry on 2026-04-08 00:00:00 has not closed."
)


def told(customer, window="7D"):
    return cx.timeline(log_of(JOURNEYS), cx.Definition(STAGES, window=window), customer)


def test_a_timeline_names_the_rows_that_carried_a_customer():
    rows = [
        ("Ann", 0, "cart"),
        ("Ann", 1, "ad"),
        ("Ann", 2, "page"),
        ("Ann", 3, "ad"),
        ("Ann", 4, "cart"),
        ("Ann", 5, "cart"),
        ("Ann", 6, "order"),
        ("Ann", 8, "ad"),
    ]
    result = cx.timeline(log_of(rows), cx.Definition(STAGES), "Ann")
    frame = result.frame
    assert list(frame.columns) == ["time", "event", "stage", "matched", "role", "since_entry", "row"]
    assert frame["event"].tolist() == [row[2] for row in rows]
    assert frame["stage"].astype(object).where(frame["stage"].notna(), None).tolist() == [
        "Cart", "See", None, "See", "Cart", "Cart", "Buy", "See",
    ]  # fmt: skip
    assert frame["matched"].tolist() == [False, False, False, True, True, False, True, False]
    assert frame["role"].tolist() == [
        "before entry",
        "not needed",
        "in no stage",
        "entry",
        "step",
        "not needed",
        "conversion",
        "after conversion",
    ]
    assert frame["since_entry"].tolist() == [pd.Timedelta(days=row[1] - 3) for row in rows]
    assert frame["row"].tolist() == list(range(8))
    assert (result.customer, result.outcome, result.unassigned_events) == ("Ann", "converted", 1)
    assert result.sentence == "Converted: reached 'Buy' 3.0 d after entry."


@pytest.mark.parametrize(
    ("customer", "outcome", "sentence", "roles"),
    [
        ("Ann", "converted", "Converted: reached 'Buy' 2.0 d after entry.", ["entry", "step", "conversion"]),
        ("Bob", "never", "Stopped at 'See': no event of 'Cart' at all.", ["entry", "not needed"]),
        ("Cyd", "before", "Stopped at 'See': 'Cart' came only before 'See'.", ["too early", "entry"]),
        (
            "Dan",
            "window",
            "Stopped at 'See': 'Cart' came 2.0 d after the window of 7D had closed.",
            ["entry", "too late", "too late"],
        ),
        ("Eve", "never", "Stopped at 'Cart': no event of 'Buy' at all.", ["entry", "step"]),
        (
            "Fay",
            "before",
            "Stopped at 'Cart': 'Buy' came only before 'Cart'.",
            ["too early", "entry", "step"],
        ),
        (
            "Gus",
            "window",
            "Stopped at 'Cart': 'Buy' came 3.0 d after the window of 7D had closed.",
            ["entry", "step", "not needed", "not needed", "too late"],
        ),
        (
            "Hal",
            "open",
            OPEN,
            ["entry", "too late", "not needed"],
        ),
        ("Ida", "not entered", "Never entered: no event of 'See'.", ["before entry", "in no stage"]),
    ],
)
def test_the_sentence_says_how_the_journey_ended(customer, outcome, sentence, roles):
    result = told(customer)
    assert (result.outcome, result.sentence) == (outcome, sentence)
    assert result.frame["role"].tolist() == roles


def test_a_definition_of_one_stage_is_converted_by_entering():
    result = cx.timeline(log_of(JOURNEYS), cx.Definition({"See": ["ad"]}), "Bob")
    assert result.frame["role"].tolist() == ["entry", "in no stage"]
    assert result.outcome == "converted"


def test_events_at_one_time_stand_in_the_order_of_their_stages():
    rows = [("a", 0, "order"), ("a", 0, "cart"), ("a", 0, "page"), ("a", 0, "ad")]
    frame = cx.timeline(log_of(rows), cx.Definition(STAGES), "a").frame
    assert frame["event"].tolist() == ["page", "ad", "cart", "order"]
    assert frame["row"].tolist() == [2, 3, 1, 0]


def test_an_unknown_customer_is_refused_with_the_nearest():
    with pytest.raises(
        cx.CXError, match=r"^unknown customer 'Anne'. Did you mean 'Ann'\? Available: \['Ann', 'Bob'"
    ):
        told("Anne")
    numbers = log_of([(n, 0, "ad") for n in range(12)] + [(0, 1, "cart"), (0, 2, "order")])
    definition = cx.Definition(STAGES)
    with pytest.raises(
        cx.CXError, match=r"^unknown customer '11'. Did you mean 11\? .* 9, \.\.\. 2 more\]\.$"
    ):
        cx.timeline(numbers, definition, "11")
    for wrong in (None, True, [1], 1.5):
        with pytest.raises(cx.CXError, match=r"^unknown customer "):
            cx.timeline(numbers, definition, wrong)
    assert cx.timeline(numbers, definition, np.int64(11)).customer == 11
    with pytest.raises(cx.CXError, match=r"^unknown customer 'a'. Available: \[\]\.$"):
        cx.timeline(log_of([]), definition, "a")


def test_a_long_list_of_customers_is_searched_near_by():
    ids = [f"customer-{n:06}" for n in range(5000)]
    frame = pd.DataFrame({"who": ids[::-1], "when": "2026-01-01", "what": "ad"})
    log = cx.EventLog(frame, customer="who", time="when", event="what")
    with pytest.raises(cx.CXError, match=r"Did you mean 'customer-0041\d+'\?.* 4,990 more\]\.$"):
        cx.timeline(log, cx.Definition({"See": ["ad"]}), "customer-00412x")


def test_the_result_reads_like_a_table_and_escapes_names():
    text = repr(told("Gus"))
    assert text.startswith("Timeline of Gus\nTime")
    assert "had closed.\nStages in order" in text
    rows = [("<i>", 0, "<b>"), ("<i>", 1, "order")]
    html = cx.timeline(log_of(rows), cx.Definition({"A": ["<b>"], "B": ["order"]}), "<i>")._repr_html_()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;i&gt;" in html


def test_timelines_agree_with_funnel_and_reasons():
    rng = np.random.default_rng([2026, 35])
    for _ in range(150):
        case = random_case(rng)
        funnel, why = cx.funnel(case.log, case.definition), cx.reasons(case.log, case.definition)
        matches = funnel.matches
        names = case.definition.names
        outcomes = dict.fromkeys(funnel.customers(names[-1]).index, "converted")
        late = {}
        for name in names[1:]:
            table = why.customers(name)
            outcomes |= dict(zip(table.index, table["reason"], strict=True))
            late |= dict(zip(table.index, table["overshoot"], strict=True))
        for customer in case.log.customer_ids:
            result = cx.timeline(case.log, case.definition, customer)
            frame = result.frame
            mine = matches[matches["customer"] == customer]
            assert frame.loc[frame["matched"], "row"].tolist() == mine["row"].tolist()
            assert frame.loc[frame["matched"], "stage"].tolist() == mine["stage"].tolist()
            assert result.outcome == outcomes.get(customer, "not entered")
            own = sorted((t, s, n) for n, (c, t, s) in enumerate(case.rows) if c == customer)
            assert frame["row"].tolist() == [n for _, _, n in own]
            assert frame["time"].tolist() == [case.moment(t) for t, _, _ in own]
            if result.outcome == "window":
                too_late = frame[frame["role"] == "too late"]
                assert len(too_late)
                # No row was later by less than its overshoot counted from the matched entry or a later one.
                assert too_late["since_entry"].min() >= late[customer]
            assert ("too early" in set(frame["role"])) >= (result.outcome == "before")
