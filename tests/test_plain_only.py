"""What is not defined yet under special rules says so, in Python and in the widgets."""

from __future__ import annotations

import pandas as pd
import pytest

import cx_widgets as cx

LOG = cx.EventLog(
    pd.DataFrame(
        {
            "who": ["a", "a", "b"],
            "when": ["2026-01-01", "2026-01-02", "2026-01-03"],
            "what": ["ad", "order", "ad"],
        }
    ),
    customer="who",
    time="when",
    event="what",
)
STRICT = cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, order="strict")
OWN = cx.Definition([cx.Stage("Consider", ["ad"]), cx.Stage("Buy", ["order"], window="1D")])
ASKED = {
    "reasons": lambda definition: cx.reasons(LOG, definition),
    "time_to_convert": lambda definition: cx.time_to_convert(LOG, definition),
    "trend": lambda definition: cx.trend(LOG, definition),
    "breakdown": lambda definition: cx.breakdown(LOG, definition, "who"),
    "timeline": lambda definition: cx.timeline(LOG, definition, "a"),
}


@pytest.mark.parametrize("metric", ASKED)
@pytest.mark.parametrize(
    ("definition", "named"),
    [(STRICT, "order"), (OWN, "the own rules of stage 'Buy'")],
    ids=["order", "stage"],
)
def test_a_metric_refuses_rules_it_does_not_know_by_name(metric, definition, named):
    with pytest.raises(cx.CXError) as caught:
        ASKED[metric](definition)
    assert str(caught.value) == (
        f"{metric} is not available yet with {named}. "
        f"cx.funnel counts them; for {metric} take the defaults, as with_rules(...) can."
    )


def test_the_workbench_shows_the_funnel_and_says_what_is_missing():
    bench = cx.Workbench(LOG, STRICT)
    assert list(bench.funnel._bars.y) == [2, 1]
    assert bench.board._view["problems"] == []
    note = bench.closer._made["reasons"]._caption._view["note"]
    assert note.startswith("reasons is not available yet with order.")
    bench.definition = STRICT.with_rules(order="ordered")
    assert bench.closer._made["reasons"]._caption._view["note"] == ""
