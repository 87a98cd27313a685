"""Times between purchases, with the open gap cut off."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets import stats

BUY = cx.Definition({"Buy": ["order"]})

# Kaplan-Meier table of the 6-MP leukaemia trial, treated arm (Freireich et al. 1963; Kleinbaum and Klein,
# Survival Analysis): weeks to relapse, and weeks after which patients were lost from sight.
RELAPSED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
WEEKS = [6, 7, 10, 13, 16, 22, 23]
AT_RISK = [21, 17, 15, 12, 11, 7, 6]
SURVIVAL = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]


def trial_log(second):
    """Everybody begins so long before one end as they were seen; `second` is what happens then."""
    end = pd.Timestamp("2026-12-28")
    rows = [(f"c{n}", end - pd.Timedelta(weeks=w), "order") for n, w in enumerate(CENSORED)]
    for n, weeks in enumerate(RELAPSED):
        start = end - pd.Timedelta(weeks=40)
        rows += [(f"e{n}", start, "order"), (f"e{n}", start + pd.Timedelta(weeks=weeks), second)]
    rows.append(("end", end, "look"))
    df = pd.DataFrame(rows, columns=["who", "when", "what"])
    return cx.EventLog(df, customer="who", time="when", event="what")


def test_the_published_survival_table_comes_out_of_second_purchases():
    result = cx.purchase_gaps(trial_log("order"), BUY)
    curve = result.curve("1 to 2")
    assert (curve["time"] / pd.Timedelta(weeks=1)).tolist() == WEEKS
    assert curve["at_risk"].tolist() == AT_RISK
    assert (1 - curve["share"]).to_numpy() == pytest.approx(SURVIVAL, abs=1e-4)
    assert result.frame.loc["1 to 2", "value"] == pd.Timedelta(weeks=23)


def test_the_published_survival_table_comes_out_of_churn_by_an_event():
    result = cx.churn(trial_log("cancel"), BUY, event="cancel", horizon=pd.Timedelta(weeks=16))
    curve = result.curve
    assert (1 - curve["share"]).to_numpy() == pytest.approx(SURVIVAL, abs=1e-4)
    assert curve["at_risk"].tolist() == AT_RISK
    assert result["churned_by"].value == pytest.approx(1 - 0.6275, abs=1e-4)
    assert result["median"].value == 23 * 7 * 86_400


def orders(rows):
    df = pd.DataFrame(rows, columns=["who", "when"]).assign(what="order")
    return cx.EventLog(df, customer="who", time="when", event="what")


SMALL = [
    ("a", "2026-01-01"),
    ("a", "2026-01-03"),
    ("a", "2026-01-09"),
    ("b", "2026-01-01"),
    ("b", "2026-01-05"),
    ("c", "2026-01-08"),
]


def test_the_gap_after_the_first_purchase_is_that_of_loyalty():
    log = cx.datasets.complete_journey_log()
    journey = cx.datasets.complete_journey_definition()
    line, figure = (
        cx.purchase_gaps(log, journey).frame.loc["1 to 2"],
        cx.loyalty(log, journey)["second_purchase_median"],
    )
    assert line["value"].total_seconds() == figure.value
    assert line["lower"].total_seconds() == figure.lower
    assert (line["numerator"], line["denominator"]) == (figure.numerator, figure.denominator)


def test_gaps_by_hand():
    frame = cx.purchase_gaps(orders(SMALL), BUY).frame
    assert list(frame.index) == ["1 to 2", "2 to 3", "3 to 4", "(all gaps)", "(customers alike)"]
    assert frame["numerator"].tolist() == [2, 1, 0, 3, 3]
    assert frame["denominator"].tolist() == [3, 2, 1, 6, 4]
    # All gaps: 2 and 6 ended, 0 open (a); 4 ended, 4 open (b); 1 open (c): 1 - 1/4, then 1 - 1/3.
    assert frame.loc["(all gaps)", "value"] == pd.Timedelta("4D")
    assert frame.loc["(all gaps)", "quarter"] == pd.Timedelta("2D")
    assert pd.isna(frame.loc["3 to 4", "value"])


def test_customers_alike_have_the_weights_of_wang_and_chang():
    # a: 2 and 6, half each; b: 4; c: open at 1. At 2: 0.5 of 2; at 4: 1 of 1.5.
    curve = cx.purchase_gaps(orders(SMALL), BUY).curve("(customers alike)")
    assert (1 - curve["share"]).tolist() == pytest.approx([0.75, 0.25, 0.0])


def test_without_open_gaps_every_curve_is_the_distribution_of_those_seen():
    rows = [(n, f"2026-01-{1 + k:02d}") for n in range(6) for k in (0, 1 + n, 30)]
    every = cx.purchase_gaps(orders(rows), BUY, most=2)
    first = every.curve("1 to 2")
    assert first["share"].tolist() == pytest.approx(np.arange(1, 7) / 6)


def test_the_band_of_all_gaps_is_widened_where_customers_are_alike():
    rows, start = [], pd.Timestamp("2026-01-01")
    for n in range(60):
        step = 1 + n % 12
        rows += [(n, start + pd.Timedelta(days=step * k)) for k in range(9)]
    log = orders(rows)
    result = cx.purchase_gaps(log, BUY)
    every = result.curve()
    apart = stats.kaplan_meier([1 + n % 12 for n in range(60) for _ in range(8)], [True] * 480)
    middle = len(every) // 2
    width = every["upper"][middle] - every["lower"][middle]
    assert width > 2 * (apart.upper[middle] - apart.lower[middle])
    assert result.frame.loc["(all gaps)", "method"].endswith("clustered by customer")


def test_the_distribution_counts_every_gap_once():
    classes = cx.purchase_gaps(orders(SMALL), BUY).distribution(3)
    assert classes["gaps"].sum() == 3
    assert classes["start"].tolist() == [pd.Timedelta("0D"), pd.Timedelta("2D"), pd.Timedelta("4D")]
    assert classes["gaps"].tolist() == [0, 1, 2]


def test_nobody_buying_again_is_undefined_and_an_unknown_gap_refused():
    result = cx.purchase_gaps(orders([("a", "2026-01-01"), ("b", "2026-01-03")]), BUY)
    assert result.frame["value"].isna().all()
    assert len(result.distribution()) == 0
    assert len(result.curve()) == 0
    with pytest.raises(cx.CXError, match="unknown gap '5 to 6'"):
        result.curve("5 to 6")
    with pytest.raises(cx.CXError, match="most must be a whole number"):
        cx.purchase_gaps(orders(SMALL), BUY, most=0)
