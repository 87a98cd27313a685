from __future__ import annotations

import numpy as np
import oracle
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

BUY = cx.Definition({"Look": ["view"], "Buy": ["order"]})

# 2026-01-05, day 4, is a Monday; the log ends on Tuesday 2026-02-03, day 33.
ROWS = [
    ("Ann", 4, "order"),
    ("Ann", 5, "order"),  # once in a week
    ("Ann", 11, "order"),  # returning
    ("Ann", 25, "order"),  # resurrecting
    ("Bob", 10, "order"),
    ("Cyd", 18, "order"),
    ("Cyd", 25, "order"),  # returning
    ("Dan", 6, "view"),
    ("Cyd", 33, "order"),  # in the week that is not over
]


def test_every_week_books_who_came_who_stayed_and_who_left():
    frame = cx.lifecycle(log_of(ROWS), BUY, period="W").frame
    assert [str(start.date()) for start in frame["start"]] == [
        "2026-01-05",
        "2026-01-12",
        "2026-01-19",
        "2026-01-26",
        "2026-02-02",
    ]
    assert frame["active"].tolist() == [2, 1, 1, 2, 1]
    assert frame["new"].tolist() == [2, 0, 1, 0, 0]
    assert frame["returning"].tolist() == [0, 1, 0, 1, 1]
    assert frame["resurrecting"].tolist() == [0, 0, 0, 1, 0]
    assert frame["dormant"].tolist() == [0, 1, 1, 0, 1]
    assert frame["complete"].tolist() == [True, True, True, True, False]


def test_the_share_kept_is_of_those_active_before_and_only_of_weeks_that_are_over():
    frame = cx.lifecycle(log_of(ROWS), BUY, period="W").frame
    assert frame["numerator"].tolist() == [0, 1, 0, 1, 1]
    assert frame["denominator"].tolist() == [0, 2, 1, 1, 2]
    assert frame["value"].fillna(-1).tolist() == [-1, 0.5, 0, 1, -1]
    # Wilson's interval of 1 of 2, from the closed form with z = 1.959964.
    assert frame[["lower", "upper"]].iloc[1].tolist() == pytest.approx([0.094531, 0.905469], abs=1e-6)
    assert frame[["lower", "upper"]].iloc[4].isna().all()


def test_the_customers_in_a_state_are_listed():
    result = cx.lifecycle(log_of(ROWS), BUY, period="W")
    assert list(result.customers("2026-01-05", "new").index) == ["Ann", "Bob"]
    assert list(result.customers("2026-01-12", "dormant").index) == ["Bob"]
    assert list(result.customers(pd.Timestamp("2026-01-26"), "resurrecting").index) == ["Ann"]
    assert result.customers("2026-01-26", "dormant").empty
    assert list(result.customers("2026-01-26", "active").index) == ["Ann", "Cyd"]
    with pytest.raises(cx.CXError, match="unknown state 'churned'"):
        result.customers("2026-01-05", "churned")
    with pytest.raises(cx.CXError, match="unknown period '2026-01-06'"):
        result.customers("2026-01-06", "new")


def test_who_is_active_may_be_a_stage_an_event_or_anybody():
    log = log_of(ROWS)
    assert cx.lifecycle(log, BUY, active="Look", period="M").frame["new"].tolist() == [1, 0]
    assert cx.lifecycle(log, BUY, active="view", period="M").frame["active"].tolist() == [1, 0]
    anybody = cx.lifecycle(log, BUY, active=cx.Stage("Any", ["*"]), period="M")
    assert anybody.frame["active"].tolist() == [4, 1]
    assert anybody.active == "Any"
    with pytest.raises(cx.CXError, match=r"no stage has the role 'buy'.*or say active="):
        cx.lifecycle(log, cx.Definition({"Look": ["view"]}))


def test_stickiness_counts_periods_exactly_and_at_least():
    result = cx.stickiness(log_of(ROWS), BUY, period="W")
    # Ann in three weeks, Bob in one, Cyd in three.
    assert result.n_periods == 5
    assert result.frame["customers"].tolist() == [1, 0, 2, 0, 0]
    assert result.frame["at_least"].tolist() == [3, 2, 2, 0, 0]
    assert result.frame["value"].tolist() == pytest.approx([1 / 3, 0, 2 / 3, 0, 0])
    assert list(result.customers(3).index) == ["Ann", "Cyd"]
    assert list(result.customers(1, at_least=True).index) == ["Ann", "Bob", "Cyd"]
    with pytest.raises(cx.CXError, match="unknown number of periods 9"):
        result.customers(9)


def test_daily_over_monthly_is_the_share_of_days_active():
    # January has 31 days and is over; a view on its first day holds it whole. Ann is active on 4 days, Bob
    # on 1, Cyd on 2: 7 of 93.
    log = log_of([*ROWS, ("Eve", 0, "view")])
    ratio = cx.stickiness(log, BUY).ratio
    assert ratio["complete"].tolist() == [True, False]
    assert ratio["customers"].tolist() == [3, 1]
    assert ratio[["numerator", "denominator"]].iloc[0].tolist() == [7, 93]
    assert ratio["value"].iloc[0] == pytest.approx(7 / 93)
    # On one day all were active; on 30 more Ann was on 3, Bob on none, Cyd on 1.
    expected = [(1 + 30 * bound) / 31 for bound in oracle.clustered([3, 0, 1], [30, 30, 30])]
    assert ratio[["lower", "upper"]].iloc[0].tolist() == pytest.approx(list(expected))
    assert np.isnan(ratio["value"].iloc[1])
    # A log that begins on the 5th does not hold January.
    assert cx.stickiness(log_of(ROWS), BUY).ratio["value"].isna().all()
    assert cx.stickiness(log, BUY, within="W").ratio["value"].count() == 4
    assert cx.stickiness(log, BUY, period="W").ratio.empty
    with pytest.raises(cx.CXError, match="within='D' is a day"):
        cx.stickiness(log, BUY, within="D")


def test_an_empty_log_has_no_periods():
    nothing = {"c": pd.Series([], dtype=str), "t": pd.Series([], dtype="datetime64[ns]")}
    frame = pd.DataFrame({**nothing, "e": pd.Series([], dtype=str)})
    log = cx.EventLog(frame, customer="c", time="t", event="e")
    assert cx.lifecycle(log, BUY).frame.empty
    sticky = cx.stickiness(log, BUY)
    assert sticky.frame.empty
    assert sticky.ratio.empty
    assert "Stickiness" in repr(sticky)
    assert "Lifecycle" in repr(cx.lifecycle(log, BUY))


def test_results_read_as_tables():
    log = log_of(ROWS)
    assert repr(cx.lifecycle(log, BUY)).splitlines()[0] == "Lifecycle by week"
    text = repr(cx.stickiness(log, BUY))
    assert text.splitlines()[0] == "Stickiness by day"
    assert "in 30 periods" in text
    days = repr(cx.lifecycle(log, BUY, period="D"))
    assert "The last 24 of 30 periods" in days
