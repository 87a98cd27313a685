from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

STAGES = {"Consider": ["ad", "search"], "Evaluate": ["compare"], "Buy": ["order"]}
# Fay has no event in a stage; Bob's page view does not interrupt his visit; Eve does all at one moment.
JOURNEYS = [
    ("Ann", 0, "ad"),
    ("Ann", 10, "search"),
    ("Ann", 11, "compare"),
    ("Ann", 13, "order"),
    ("Bob", 1, "search"),
    ("Bob", 2, "page"),
    ("Bob", 2.5, "ad"),
    ("Bob", 3, "compare"),
    ("Cyd", 5, "ad"),
    ("Cyd", 19, "ad"),
    ("Dan", 4, "compare"),
    ("Dan", 6, "order"),
    ("Eve", 7, "order"),
    ("Eve", 7, "compare"),
    ("Eve", 7, "ad"),
    ("Fay", 20, "page"),
]


@pytest.fixture
def result():
    return cx.transitions(log_of(JOURNEYS), cx.Definition(STAGES))


def days(*numbers):
    return [pd.NaT if number is None else pd.Timedelta(days=number) for number in numbers]


def test_each_move_between_visits_is_counted_with_start_and_end(result):
    frame = result.frame
    assert list(zip(frame["from"], frame["to"], frame["count"], frame["denominator"], strict=True)) == [
        ("(start)", "Consider", 4, 5),
        ("(start)", "Evaluate", 1, 5),
        ("Consider", "Evaluate", 3, 4),
        ("Consider", "(end)", 1, 4),
        ("Evaluate", "Buy", 3, 4),
        ("Evaluate", "(end)", 1, 4),
        ("Buy", "(end)", 3, 3),
    ]
    assert frame["share"].tolist() == [0.8, 0.2, 0.75, 0.25, 0.75, 0.25, 1.0]
    assert frame["kind"].tolist() == ["start", "start", "forward", "end", "forward", "end", "end"]
    assert frame["customers"].tolist() == frame["count"].tolist()


def test_dwell_runs_from_the_start_of_a_visit_to_the_start_of_the_next(result):
    # Consider to Evaluate: Ann 11, Bob 2, Eve 0. Evaluate to Buy: Ann 2, Dan 2, Eve 0.
    assert result.frame["dwell_median"].tolist() == days(None, None, 2, None, 2, None, None)


def test_dwell_of_a_stage_counts_last_visits_as_censored(result):
    # Consider: 0, 2, 11 days, and Cyd's 15 days so far: the curve is 3/4, 1/2 at 2 days.
    # Evaluate: 0, 2, 2 days, and Bob's 17 so far. Buy: nobody has left it.
    assert result.stages["visits"].tolist() == [4, 4, 3]
    assert result.stages["customers"].tolist() == [4, 4, 3]
    assert result.stages["censored"].tolist() == [1, 1, 3]
    assert result.stages["dwell_median"].tolist() == days(2, 2, None)


def test_skips_and_back_steps_are_shares_of_the_moves_between_stages():
    path = ["ad", "order", "compare", "ad", "compare"]
    log = log_of([("a", day, event) for day, event in enumerate(path)])
    result = cx.transitions(log, cx.Definition({**STAGES, "Consider": ["ad"]}))
    # Consider to Buy skips, Buy to Evaluate and Evaluate to Consider go back, the last goes forward.
    assert result.frame["kind"].tolist() == ["start", "forward", "skip", "back", "end", "back"]
    skips = result.skip_share
    assert (skips.numerator, skips.denominator, skips.value) == (1, 4, 0.25)
    assert (result.back_share.numerator, result.back_share.value) == (2, 0.5)


def test_intervals_know_that_one_customer_makes_many_moves():
    # Of Consider's exits, to Evaluate: Ann 2 of 2, Bob 0 of 2, Cyd 1 of 1. The spread around 3/5 is
    # 0.8^2 + 1.2^2 + 0.4^2 = 2.24, so the 5 exits are worth 0.24 * 25 / 2.24 = 2.679 independent ones, less
    # what three customers know of it: 2/3 over 4/5, and Student's t with 4 degrees of freedom over t with 2.
    paths = {
        "Ann": ["ad", "compare", "ad", "compare"],
        "Bob": ["ad", "order", "ad", "order"],
        "Cyd": ["ad", "compare"],
    }
    log = log_of([(who, day, event) for who, path in paths.items() for day, event in enumerate(path)])
    frame = cx.transitions(log, cx.Definition({**STAGES, "Consider": ["ad"]})).frame
    row = frame.set_index(["from", "to"]).loc[("Consider", "Evaluate")]
    assert (row["count"], row["denominator"], row["customers"]) == (3, 5, 2)
    z2, p = 3.841458821, 0.6
    n = 0.24 * 25 / 2.24 * (2 / 3) / (4 / 5) * (2.77644511 / 4.30265273) ** 2
    centre, half = (p + z2 / (2 * n)), np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n)))
    assert row["lower"] == pytest.approx((centre - half) / (1 + z2 / n), abs=1e-9)
    assert row["upper"] == pytest.approx((centre + half) / (1 + z2 / n), abs=1e-9)
    assert row["method"] == "Wilson 95%, clustered by customer"


def test_a_share_of_all_or_nothing_rests_on_the_number_of_customers(result):
    # No skip among the moves of Ann, Bob, Dan and Eve: the upper bound of 0 of 4.
    assert (result.skip_share.value, result.skip_share.lower) == (0.0, 0.0)
    assert result.skip_share.upper == pytest.approx(3.841458821 / (4 + 3.841458821))


def test_the_matrix_has_every_stage(result):
    assert result.matrix.index.tolist() == ["(start)", "Consider", "Evaluate", "Buy"]
    assert result.matrix.columns.tolist() == ["Consider", "Evaluate", "Buy", "(end)"]
    assert result.matrix.to_numpy().tolist() == [[4, 1, 0, 0], [0, 3, 0, 1], [0, 0, 3, 1], [0, 0, 0, 3]]


def test_customers_behind_a_link_or_a_node(result):
    assert list(result.customers("Consider", "Evaluate").index) == ["Ann", "Bob", "Eve"]
    assert list(result.customers("(start)", "Evaluate").index) == ["Dan"]
    assert list(result.customers("Evaluate", "(end)").index) == ["Bob"]
    assert list(result.customers("(start)", "(end)").index) == []
    assert list(result.visitors("Buy").index) == ["Ann", "Dan", "Eve"]
    dan = result.visitors("Buy").loc["Dan"]
    assert pd.isna(dan["reach"])
    assert dan["entered"] is pd.NaT
    assert not dan["converted"]


def test_unknown_stages_are_refused(result):
    with pytest.raises(cx.CXError, match=r"^unknown stage 'Bye'. Did you mean 'Buy'\?"):
        result.visitors("Bye")
    with pytest.raises(cx.CXError, match=r"^unknown stage '\(end\)'"):
        result.customers("(end)", "Buy")
    with pytest.raises(cx.CXError, match=r"^unknown stage '\(start\)'"):
        result.customers("Buy", "(start)")


def test_customers_without_an_event_in_a_stage_take_no_part(result):
    assert (result.n_customers, result.visitors_total, result.unassigned_events) == (6, 5, 2)
    assert "2 events lie in no stage. 1 customer has no event in a stage." in repr(result)


def test_an_empty_log_has_no_transitions():
    result = cx.transitions(log_of([]), cx.Definition(STAGES))
    assert result.frame.empty
    assert list(result.frame.columns)[:5] == ["from", "to", "count", "share", "lower"]
    assert np.isnan(result.skip_share.value)
    assert np.isnan(result.back_share.upper)
    assert result.matrix.to_numpy().sum() == 0
    assert result.stages["visits"].tolist() == [0, 0, 0]
    assert result.customers("Consider", "Buy").empty
    assert "<table" in result._repr_html_()


def test_a_customer_who_leaves_a_stage_twice_counts_once_among_customers():
    log = log_of([("a", day, event) for day, event in enumerate(["ad", "order"] * 3)])
    frame = cx.transitions(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]})).frame
    row = frame.set_index(["from", "to"]).loc[("Consider", "Buy")]
    assert (row["count"], row["customers"]) == (3, 1)


def test_html_escapes_names():
    log = log_of([("a", 0, "x"), ("a", 1, "y")])
    html = cx.transitions(log, cx.Definition({"<b>": ["x"], "Buy": ["y"]}))._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_kept_repeats_lead_from_a_stage_to_itself():
    definition = cx.Definition(STAGES)
    result = cx.transitions(log_of(JOURNEYS), definition, repeats="kept")
    # Ann and Bob saw two ads or searches, Cyd too.
    row = result.frame.set_index(["from", "to"]).loc[("Consider", "Consider")]
    assert (row["count"], row["denominator"], row["kind"], row["customers"]) == (3, 7, "repeat", 3)
    # Ann 10 days, Bob 1.5, Cyd 14.
    assert row["dwell_mean"] == pd.Timedelta(days=8.5)
    assert row["dwell_median"] == pd.Timedelta(days=10)
    assert list(result.customers("Consider", "Consider").index) == ["Ann", "Bob", "Cyd"]
    assert result.stages["visits"].tolist() == [7, 4, 3]
    merged = cx.transitions(log_of(JOURNEYS), definition)
    assert (result.skip_share, result.back_share) == (merged.skip_share, merged.back_share)


def test_counts_are_also_of_all_transitions_and_for_each_customer(result):
    # Five customers make 4, 3, 2, 3 and 4 transitions with start and end.
    row = result.frame.set_index(["from", "to"]).loc[("Evaluate", "Buy")]
    assert (row["share_of_all"], row["per_customer"]) == (3 / 16, 3 / 5)
    assert row["share_of_all_lower"] < 3 / 16 < row["share_of_all_upper"]
    assert result.frame["share_of_all"].sum() == 1


def test_weights_are_tables_of_the_frame(result):
    assert result.weights("count").equals(result.matrix)
    shares = result.weights("share")
    assert shares.loc["Consider"].tolist() == [0, 0.75, 0, 0.25]
    assert result.weights("share_of_all").to_numpy().sum() == 1
    assert result.weights("per_customer").loc["Evaluate", "Buy"] == 0.6
    with pytest.raises(cx.CXError, match=r"^unknown weight of a transition 'shares'. Did you mean 'share'\?"):
        result.weights("shares")


def test_weights_without_a_denominator_are_undefined():
    result = cx.transitions(log_of([]), cx.Definition(STAGES))
    assert result.weights("count").to_numpy().sum() == 0
    assert np.isnan(result.weights("per_customer").to_numpy()).all()


def test_the_mean_stands_beside_the_median(result):
    # Consider to Evaluate: Ann 11, Bob 2, Eve 0. Evaluate to Buy: Ann 2, Dan 2, Eve 0.
    row = result.frame.set_index(["from", "to"])["dwell_mean"]
    assert row["Consider", "Evaluate"] == pd.Timedelta(days=13) / 3
    assert row["Evaluate", "Buy"] == pd.Timedelta(days=4) / 3
    assert row["(start)", "Consider"] is pd.NaT


def test_equal_times_may_be_read_as_in_the_frame():
    by_row = cx.transitions(log_of(JOURNEYS), cx.Definition(STAGES, ties="row"))
    # Eve's rows stand order, compare, ad: two steps back.
    assert by_row.back_share.numerator == 2
    assert by_row.matrix.loc["Buy", "Evaluate"] == 1
    assert list(by_row.customers("Evaluate", "Consider").index) == ["Eve"]
    assert "ties as they stand in the frame" in repr(by_row)


def test_means_of_nanoseconds_over_years_do_not_overflow():
    rows = [(who, day, event) for who in range(40) for day, event in ((0, "ad"), (30_000, "order"))]
    frame = pd.DataFrame(rows, columns=["customer", "day", "event"])
    frame["time"] = pd.Timestamp("1990-01-01 00:00:00.000000001") + pd.to_timedelta(frame["day"], unit="D")
    frame.loc[0, "time"] += pd.Timedelta(1, unit="ns")
    log = cx.EventLog(frame, customer="customer", time="time", event="event")
    row = cx.transitions(log, cx.Definition.of_events(log)).frame.set_index(["from", "to"]).loc["ad", "order"]
    assert row["dwell_median"] == pd.Timedelta(days=30_000)
    assert abs(row["dwell_mean"] - pd.Timedelta(days=30_000)) < pd.Timedelta(1, unit="us")


def test_people_are_shown_the_most_frequent_of_many_transitions():
    # 110 customers go from their own event to "z", one of them twice: the last one.
    rows = [(who, day, f"{who:03}" if day % 2 == 0 else "z") for who in range(110) for day in range(2)]
    rows += [(109, 2, "109"), (109, 3, "z")]
    log = log_of(rows)
    moves, flow = (metric(log, cx.Definition.of_events(log)) for metric in (cx.transitions, cx.flow))
    assert "The 100 most frequent of 222 transitions; .frame holds all." in repr(moves)
    assert len(repr(moves).splitlines()) == 2 + 100 + 4
    assert "\n109  " in repr(moves)
    assert "The 100 most frequent of 112 stages; .frame holds all." in repr(flow)
    assert "(end)" in repr(flow)
