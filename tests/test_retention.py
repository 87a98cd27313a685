from __future__ import annotations

import numpy as np
import oracle
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

BUY = cx.Definition({"Look": ["view"], "Buy": ["order"]})

# 2026-01-05 is a Monday, day 4. The log ends on Wednesday 2026-02-04, day 34.
# Week of Jan 5: Ann, Bob. Week of Jan 12: nobody. Week of Jan 19: Cyd.
JOURNEYS = [
    ("Ann", 4, "order"),
    ("Ann", 11, "order"),  # the week after
    ("Ann", 19, "order"),  # two weeks after
    ("Bob", 10, "order"),  # on Sunday
    ("Bob", 25, "order"),  # three weeks after
    ("Cyd", 19, "order"),
    ("Cyd", 33, "order"),  # two weeks after
    ("Dan", 6, "view"),
    ("Eve", 34, "view"),
]


@pytest.fixture
def log():
    return log_of(JOURNEYS)


def cells(result, column="value"):
    """Return a list of values for each cohort, in text; an unripe cell is an ellipsis."""
    table = {}
    for row in result.frame.itertuples():
        shown = getattr(row, column)
        if column == "value" and not row.ripe:
            shown = ...
        elif pd.isna(shown):
            shown = None
        table.setdefault(str(row.cohort.date()), []).append(shown)
    return table


def test_n_day_retention_is_the_share_that_came_back_in_the_very_period(log):
    result = cx.retention(log, BUY, period="W")
    assert cells(result) == {
        "2026-01-05": [1.0, 0.5, 0.5, 0.5, ...],
        "2026-01-12": [None] * 4,
        "2026-01-19": [1.0, 0.0, ...],
        "2026-01-26": [None] * 2,
        "2026-02-02": [None],
    }
    assert cells(result, "returned")["2026-01-19"] == [1, 0, 1]
    curve = result.curve
    assert curve["numerator"].tolist() == [3, 1, 1, 1]
    assert curve["denominator"].tolist() == [3, 3, 2, 2]
    # Wilson's interval of 1 of 2, from the closed form with z = 1.959964.
    one_of_two = result.frame.query("period == 1 and size == 2").iloc[0]
    assert [one_of_two["lower"], one_of_two["upper"]] == pytest.approx([0.094531, 0.905469], abs=1e-6)
    assert one_of_two["method"] == "Wilson 95%"


def test_on_or_after_counts_whoever_comes_back_then_or_later(log):
    result = cx.retention(log, BUY, period="W", kind="on or after")
    assert cells(result)["2026-01-05"] == [1.0, 1.0, 1.0, 0.5, ...]
    # Cyd's second week is not over, but a row of it counts for the first.
    assert cells(result)["2026-01-19"] == [1.0, 1.0, ...]
    assert result.frame["label"].tolist()[:2] == ["0+", "1+"]


def test_a_streak_ends_with_the_first_period_without_a_row(log):
    result = cx.retention(log, BUY, period="W", kind="streak")
    assert cells(result)["2026-01-05"] == [1.0, 0.5, 0.5, 0.0, ...]
    assert result.frame["label"].tolist()[:4] == ["0", "1", "1 to 2", "1 to 3"]


def test_a_bracket_is_any_of_its_periods_and_ripe_when_its_last_one_is(log):
    result = cx.retention(log, BUY, period="W", kind="bracket", brackets=(1, 3, 5))
    assert cells(result)["2026-01-05"] == [0.5, ...]
    assert cells(result, "returned")["2026-01-05"] == [1, 1]
    assert cells(result)["2026-01-19"] == [...]
    assert cells(result, "label")["2026-01-05"] == ["1 to 2", "3 to 4"]


def test_brackets_double_where_none_are_given(log):
    labels = cx.retention(log, BUY, period="D", kind="bracket").frame["label"].drop_duplicates()
    assert labels.tolist() == ["0", "1", "2 to 3", "4 to 7", "8 to 15", "16 to 31"]


def test_the_24_hour_clock_counts_from_each_customers_own_start():
    rows = [("a", 0.9, "order"), ("a", 1.1, "order"), ("b", 0.9, "order"), ("b", 2.0, "order"), ("c", 9, "x")]
    log = log_of(rows)
    calendar = cx.retention(log, cx.Definition({"Buy": ["order"]}), period="D").curve
    own = cx.retention(log, cx.Definition({"Buy": ["order"]}), period="D", clock="24h").curve
    assert calendar["numerator"].tolist()[:3] == [2, 1, 1]
    assert own["numerator"].tolist()[:3] == [2, 1, 0]
    # A period includes its start and not its end: exactly one day later is period 1.
    exact = log_of([("a", 0.5, "order"), ("a", 1.5, "order"), ("b", 9, "x")])
    curve = cx.retention(exact, cx.Definition({"Buy": ["order"]}), period="1D", clock="24h").curve
    assert curve["numerator"].tolist()[:3] == [1, 1, 0]


def test_the_curve_on_the_24_hour_clock_is_that_of_the_loyalty_figures(log):
    for period in ("7D", "36h", "10D"):
        definition = BUY.with_rules(retention_period=period)
        mine = cx.retention(log, definition, period=period, clock="24h").curve
        theirs = cx.loyalty(log, definition).retention
        assert mine["numerator"].tolist() == theirs["retained"].tolist()
        assert mine["denominator"].tolist() == theirs["mature"].tolist()
        assert mine[["lower", "upper"]].to_numpy() == pytest.approx(theirs[["lower", "upper"]].to_numpy())


def test_cohorts_may_be_longer_than_periods_and_mature_customers_alone_count():
    # a begins on Jan 1, b on Jan 30; the log ends on Feb 4: b has 5 days behind, a 34.
    rows = [("a", 0, "order"), ("a", 10, "order"), ("b", 29, "order"), ("b", 30, "order"), ("c", 34, "x")]
    result = cx.retention(log_of(rows), cx.Definition({"Buy": ["order"]}), period="D", by="M")
    january = result.frame[result.frame["cohort"] == "2026-01-01"].set_index("period")
    assert january.loc[1, ["size", "numerator", "denominator", "ripe"]].tolist() == [2, 1, 2, True]
    assert january.loc[10, ["size", "returned", "numerator", "denominator"]].tolist() == [2, 1, 1, 1]
    assert not january.loc[10, "ripe"]
    assert np.isnan(january.loc[10, "value"])
    # Together they do count, those whose day 10 is over.
    assert result.curve.set_index("period").loc[10, ["numerator", "denominator"]].tolist() == [1, 1]


def test_recurring_cohorts_hold_a_customer_once_for_each_period_with_a_start(log):
    result = cx.retention(log, BUY, period="W", cohort="recurring")
    assert cells(result, "size")["2026-01-12"][0] == 1
    assert cells(result)["2026-01-12"] == [1.0, 1.0, 0.0, ...]
    assert cells(result)["2026-01-05"] == [1.0, 0.5, 0.5, 0.5, ...]
    # A week later is over for three starts of Ann's, one of Bob's two and one of Cyd's two.
    first = result.curve.set_index("period").loc[1]
    assert first[["numerator", "denominator"]].tolist() == [2, 5]
    assert [first["lower"], first["upper"]] == pytest.approx(oracle.clustered([2, 0, 0], [3, 1, 1]))
    assert first["method"] == "Wilson 95%, clustered by customer"


def test_start_and_back_are_stages_events_or_stages_of_their_own():
    rows = [
        ("a", 0, "view"),
        ("a", 1, "order"),
        ("b", 0, "view"),
        ("b", 1, "view"),
        ("c", 1, "order"),
        ("c", 2, "view"),
        ("d", 3, "page"),
    ]
    log = log_of(rows)

    def curve(**asked):
        return cx.retention(log, BUY, period="D", **asked).curve["numerator"].tolist()

    assert curve(start="Look", back="Buy") == [0, 1, 0]
    assert curve(start="view", back="order") == [0, 1, 0]
    assert curve(start=cx.Stage("Any", ["*"])) == [3, 3, 0]
    # What comes before the start does not count, though it be of the same day or of a later cohort's.
    assert curve(start="Buy", back="Look") == [0, 1]


def test_a_row_at_the_time_of_the_start_counts_and_one_before_it_does_not():
    rows = [("a", 0.5, "view"), ("a", 0.5, "order"), ("b", 0.4, "view"), ("b", 0.5, "order"), ("c", 2, "x")]
    for cohort in ("first", "recurring"):
        curve = cx.retention(log_of(rows), BUY, start="Buy", back="Look", period="D", cohort=cohort).curve
        assert curve[["numerator", "denominator"]].iloc[0].tolist() == [1, 2]


def test_weeks_begin_on_the_day_asked_for(log):
    result = cx.retention(log, BUY, period="W", first_weekday="Sunday")
    assert cells(result)["2026-01-04"] == [1.0, 1.0, 1.0, 0.0, ...]
    # Bob began on Sunday.
    assert cells(result)["2026-01-11"] == [1.0, 0.0, 1.0, ...]


def test_blocks_of_days_begin_at_the_origin(log):
    cohorts = cx.retention(log, BUY, period="14D", origin="2026-02-01").frame["cohort"].drop_duplicates()
    assert [str(start.date()) for start in cohorts] == ["2026-01-04", "2026-01-18", "2026-02-01"]
    first = cx.retention(log, BUY, period="14D").frame["cohort"].iloc[0]
    assert str(first.date()) == "2026-01-05"


def test_an_end_of_observation_ripens_or_cuts_off(log):
    later = cx.retention(log, BUY.with_rules(observation_end="2026-02-09"), period="W")
    assert cells(later)["2026-01-19"] == [1.0, 0.0, 1.0]
    earlier = cx.retention(log, BUY.with_rules(observation_end="2026-01-19 12:00"), period="W")
    assert cells(earlier)["2026-01-05"] == [1.0, 0.5, ...]
    # Cyd's first order comes after the end, and Ann's third.
    assert earlier.frame["size"].max() == 2
    assert cells(earlier, "returned")["2026-01-05"] == [2, 1, 0]
    # An end at midnight has seen nothing of that week, one with an order there has.
    monday = cx.retention(log, BUY.with_rules(observation_end="2026-01-19"), period="W")
    assert cells(monday)["2026-01-05"] == [1.0, 0.5]
    then = cx.retention(log, BUY.with_rules(observation_end="2026-01-20"), period="D")
    assert cells(then, "returned")["2026-01-20"] == [1]


def test_the_number_of_periods_can_be_limited(log):
    result = cx.retention(log, BUY, period="W", periods=1)
    assert cells(result)["2026-01-05"] == [1.0, 0.5]
    assert result.curve["period"].tolist() == [0, 1]
    assert result.matrix.shape == (5, 2)


def test_a_day_on_which_clocks_change_is_one_day():
    # Clocks go forward in Berlin on 2026-03-29: that day has 23 hours. The log ends as the 31st begins.
    moments = ["2026-03-28 23:30", "2026-03-29 23:30", "2026-03-30 00:30", "2026-03-31 00:00"]
    frame = pd.DataFrame({"who": ["a", "a", "a", "b"], "when": moments, "what": ["order"] * 3 + ["page"]})
    log = cx.EventLog(frame, customer="who", time="when", event="what", time_zone="Europe/Berlin")
    result = cx.retention(log, cx.Definition({"Buy": ["order"]}), period="D")
    assert cells(result)["2026-03-28"] == [1.0, 1.0, 1.0, ...]
    assert str(result.frame["cohort"].iloc[0]) == "2026-03-28 00:00:00+01:00"
    # By the 24-hour clock the second order comes 23 hours after the first, the third 24.
    own = cx.retention(log, cx.Definition({"Buy": ["order"]}), period="1D", clock="24h")
    assert cells(own, "returned")["2026-03-28"] == [1, 1]
    assert cells(own)["2026-03-28"] == [1.0, ...]


def test_the_customers_of_a_cell_are_listed(log):
    result = cx.retention(log, BUY, period="W")
    assert list(result.customers("2026-01-05").index) == ["Ann", "Bob"]
    assert list(result.customers("2026-01-05", 1).index) == ["Ann"]
    assert list(result.customers("2026-01-05", 1, returned=False).index) == ["Bob"]
    assert list(result.customers("2026-01-19", 2).index) == ["Cyd"]
    assert "converted" in result.customers("2026-01-05").columns
    streak = cx.retention(log, BUY, period="W", kind="streak")
    assert list(streak.customers("2026-01-05", 2).index) == ["Ann"]
    with pytest.raises(cx.CXError, match="unknown cohort '2026-01-06'"):
        result.customers("2026-01-06")
    with pytest.raises(cx.CXError, match="unknown period 9"):
        result.customers("2026-01-05", 9)


def test_a_log_without_a_purchase_has_cohorts_of_nobody(log):
    nobody = cx.retention(log.__class__(**empty()), cx.Definition({"Buy": ["order"]}))
    assert nobody.frame.empty
    assert nobody.curve.empty
    assert nobody.matrix.empty
    assert "Retention" in repr(nobody)
    unsold = cx.retention(log, cx.Definition({"Buy": cx.Stage("Buy", ["order"], nth=9)}.values()), period="W")
    assert unsold.frame["size"].max() == 0
    assert unsold.frame["value"].isna().all()
    assert unsold.curve.empty


def empty():
    nothing = {"c": pd.Series([], dtype=str), "t": pd.Series([], dtype="datetime64[ns]")}
    frame = pd.DataFrame({**nothing, "e": pd.Series([], dtype=str)})
    return {"data": frame, "customer": "c", "time": "t", "event": "e"}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"kind": "rolling"}, r"unknown kind 'rolling'.*'on', 'on or after', 'bracket', 'streak'"),
        ({"clock": "12h"}, "unknown clock '12h'"),
        ({"cohort": "last"}, "unknown cohort 'last'"),
        ({"start": "Bye"}, "unknown stage or event in start 'Bye'. Did you mean 'Buy'"),
        ({"back": 7}, "back=7 is neither a stage nor an event"),
        ({"period": "36h"}, "period='36h' is no whole number of days"),
        ({"period": "Y"}, "period='Y' is not a duration"),
        ({"period": 7}, "unknown period 7"),
        ({"period": "M", "clock": "24h"}, "period='M' has no fixed length"),
        ({"cohort": "recurring", "clock": "24h"}, "cohort='recurring' follows the calendar"),
        ({"cohort": "recurring", "by": "M"}, "by='M' with cohort='recurring'"),
        ({"brackets": (1, 2)}, "brackets belong to kind='bracket'"),
        ({"kind": "bracket", "brackets": (2, 1)}, "are not two or more rising whole numbers"),
        ({"kind": "bracket", "brackets": "1"}, "are not two or more rising whole numbers"),
        ({"periods": -1}, "periods must be a whole number from 0, not -1"),
        ({"first_weekday": "Mon"}, "unknown first_weekday 'Mon'. Did you mean 'Monday'"),
        ({"origin": "2026-01-01"}, "origin='2026-01-01' is a day on which a block of days begins"),
        ({"period": "7D", "origin": "noon"}, "origin='noon' is no day"),
        ({"period": "7D", "origin": "2026-01-01 12:00"}, "is no day"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(log, asked, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        cx.retention(log, BUY, **asked)


def test_a_definition_without_a_buying_stage_says_what_it_needs(log):
    with pytest.raises(cx.CXError, match=r"no stage has the role 'buy'\. Give one that role"):
        cx.retention(log, cx.Definition({"Look": ["view"]}))


def test_endless_matrices_are_refused_with_a_way_out():
    rows = [("a", 0, "order"), ("a", 1500, "order")]
    with pytest.raises(cx.CXError, match=r"1,501 cohorts by 1,501 periods .* Say periods=30"):
        cx.retention(log_of(rows), BUY.remove("Look"), period="D")
    assert len(cx.retention(log_of(rows), BUY.remove("Look"), period="D", periods=2).curve) == 3


def test_the_result_reads_as_a_table(log):
    text = repr(cx.retention(log, BUY, period="W"))
    assert text.splitlines()[0] == "Retention by week of Buy"
    assert "…" in text
    assert "not wholly observed yet" in text
    assert "<table>" in cx.retention(log, BUY, period="W")._repr_html_()


# --- flags ----------------------------------------------------------------------------------------


def test_flags_count_those_who_meet_the_first_condition_and_another():
    rows = [("a", 0, "view"), ("a", 1, "order"), ("b", 2, "order"), ("c", 3, "view"), ("d", 1, "order")]
    rows.append(("d", 2, "view"))  # in any order
    result = cx.retention_flags(log_of(rows), BUY)
    assert result.frame["numerator"].tolist() == [3, 2]
    assert result.frame["denominator"].tolist() == [3, 3]
    assert result.flags["Buy"].to_dict() == {"a": True, "b": False, "c": False, "d": True}
    assert "Retention flags" in repr(result)


def test_flags_of_overlapping_conditions_may_share_a_row():
    stages = [cx.Stage("Any", ["*"], role=None), cx.Stage("Buy", ["order"])]
    log = log_of([("a", 0, "order"), ("b", 0, "view")])
    shared = cx.retention_flags(log, cx.Definition(stages, reuse="shared"))
    assert shared.frame["numerator"].tolist() == [2, 1]
    # Of the board each row has one stage: here the exact name wins.
    assert cx.retention_flags(log, cx.Definition(stages)).frame["numerator"].tolist() == [1, 0]


@pytest.mark.parametrize("clock", ["calendar", "24h"])
def test_a_log_that_is_observed_until_before_its_first_row_has_no_cohorts(log, clock):
    nobody = cx.retention(log, BUY.with_rules(observation_end="2025-12-01"), clock=clock)
    assert nobody.frame.empty
    assert nobody.curve.empty
    assert nobody.matrix.empty
