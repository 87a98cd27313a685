from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

DEFINITION = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]})
JOURNEYS = [
    ("Ann", 0, "ad"),
    ("Ann", 10, "ad"),
    ("Ann", 11, "compare"),
    ("Ann", 13, "order"),
    ("Bob", 1, "ad"),
    ("Bob", 3, "compare"),
    ("Cyd", 5, "ad"),
    ("Dan", 4, "compare"),
    ("Dan", 6, "order"),
    ("Eve", 7, "order"),
    ("Eve", 7, "compare"),
    ("Eve", 7, "ad"),
    ("Fay", 20, "page"),
]


@pytest.fixture
def log():
    return log_of(JOURNEYS)


def test_each_position_counts_the_stage_of_that_visit_and_those_who_ended(log):
    result = cx.flow(log, DEFINITION, positions=4)
    table = result.frame.pivot_table(index="position", columns="stage", values="count", observed=False)
    assert table.columns.tolist() == ["Consider", "Evaluate", "Buy", "(end)"]
    assert table.to_numpy().tolist() == [[4, 1, 0, 0], [0, 3, 1, 1], [0, 0, 2, 3], [0, 0, 0, 5]]
    assert result.frame["share"].tolist()[:4] == [0.8, 0.2, 0.0, 0.0]
    assert result.frame.groupby("position")["share"].sum().tolist() == pytest.approx([1, 1, 1, 1])


def test_links_lead_from_a_position_to_the_next(log):
    links = cx.flow(log, DEFINITION, positions=3).links
    assert list(zip(links["position"], links["from"], links["to"], links["count"], strict=True)) == [
        (1, "Consider", "Evaluate", 3),
        (1, "Consider", "(end)", 1),
        (1, "Evaluate", "Buy", 1),
        (2, "Evaluate", "Buy", 2),
        (2, "Evaluate", "(end)", 1),
        (2, "Buy", "(end)", 1),
    ]


def test_ten_positions_are_the_default_and_one_is_enough(log):
    assert cx.flow(log, DEFINITION).frame["position"].max() == 10
    one = cx.flow(log, DEFINITION, positions=1)
    assert one.frame["count"].tolist() == [4, 1, 0, 0]
    assert one.links.empty


@pytest.mark.parametrize("positions", [0, -1, 2.5, True, "3", None])
def test_positions_that_are_no_whole_number_from_one_are_refused(log, positions):
    with pytest.raises(
        cx.CXError, match=r"^positions must be a whole number from 1, not .*\. Say positions=10\.$"
    ):
        cx.flow(log, DEFINITION, positions=positions)


def test_an_empty_log_has_zero_counts_and_undefined_shares():
    result = cx.flow(log_of([]), DEFINITION, positions=2)
    assert result.frame["count"].tolist() == [0] * 8
    assert np.isnan(result.frame["share"]).all()
    assert result.links.empty
    assert "<table" in result._repr_html_()


def test_the_result_says_who_takes_no_part(log):
    result = cx.flow(log, DEFINITION, positions=2)
    assert (result.n_customers, result.visitors_total, result.unassigned_events) == (6, 5, 1)
    assert "1 event lies in no stage. 1 customer has no event in a stage." in repr(result)
    assert "4 (80.0%)" in repr(result)


def counts(result):
    table = result.frame.pivot_table(index="position", columns="stage", values="count", observed=False)
    return table.columns.tolist(), table.index.tolist(), table.to_numpy().tolist()


def test_aligned_at_the_end_positions_run_backwards_and_who_had_not_begun_stands_at_the_start(log):
    result = cx.flow(log, DEFINITION, positions=4, align="(end)")
    names, positions, numbers = counts(result)
    assert names == ["(start)", "Consider", "Evaluate", "Buy"]
    assert positions == [-4, -3, -2, -1]
    # Last: Ann, Dan, Eve bought, Bob evaluated, Cyd considered.
    assert numbers == [[5, 0, 0, 0], [3, 2, 0, 0], [1, 1, 3, 0], [0, 1, 1, 3]]
    links = result.links
    assert list(zip(links["position"], links["from"], links["to"], links["count"], strict=True)) == [
        (-4, "(start)", "Consider", 2),
        (-3, "(start)", "Consider", 1),
        (-3, "(start)", "Evaluate", 1),
        (-3, "Consider", "Evaluate", 2),
        (-2, "(start)", "Consider", 1),
        (-2, "Consider", "Evaluate", 1),
        (-2, "Evaluate", "Buy", 3),
    ]
    assert "Visit -1 is the last one." in repr(result)


def test_aligned_at_a_stage_only_its_visitors_count_from_their_first_visit_to_it(log):
    result = cx.flow(log, DEFINITION, positions=1, align="Evaluate")
    names, positions, numbers = counts(result)
    assert names == ["(start)", "Consider", "Evaluate", "Buy", "(end)"]
    assert positions == [-1, 0, 1]
    # Dan began with it, Bob ended with it.
    assert numbers == [[1, 3, 0, 0, 0], [0, 0, 4, 0, 0], [0, 0, 0, 3, 1]]
    assert (result.visitors_total, result.n_customers) == (4, 6)
    assert "2 of 6 customers never visited Evaluate." in repr(result)


def test_the_matrix_holds_the_shares_and_where_journeys_are_aligned(log):
    start = cx.flow(log, DEFINITION, positions=2).matrix
    assert start.columns.tolist() == [0, 1, 2]
    assert start.index.tolist() == ["(start)", "Consider", "Evaluate", "Buy", "(end)"]
    assert start.to_numpy().tolist() == [
        [1, 0, 0],
        [0, 0.8, 0],
        [0, 0.2, 0.6],
        [0, 0, 0.2],
        [0, 0, 0.2],
    ]
    end = cx.flow(log, DEFINITION, positions=2, align="(end)").matrix
    assert end.columns.tolist() == [-2, -1, 0]
    assert end.loc["(end)"].tolist() == [0, 0, 1]
    assert end.loc["(start)"].tolist() == [0.2, 0, 0]
    assert cx.flow(log, DEFINITION, positions=2, align="Buy").matrix[0].tolist() == [0, 0, 0, 1, 0]


def test_links_say_how_long_it_took_to_the_next_visit(log):
    links = cx.flow(log, DEFINITION, positions=2).links
    row = links.set_index(["from", "to"]).loc[("Consider", "Evaluate")]
    # Ann 11 days, Bob 2, Eve 0.
    assert row["dwell_mean"].round("s") == pd.Timedelta(days=13 / 3).round("s")
    assert row["dwell_median"] == pd.Timedelta(days=2)
    assert links.loc[links["to"] == "(end)", "dwell_mean"].isna().all()


def test_kept_repeats_are_visits_of_their_own(log):
    result = cx.flow(log, DEFINITION, positions=2, repeats="kept")
    links = result.links
    pairs = list(zip(links["from"], links["to"], links["count"], strict=True))
    assert pairs == [
        ("Consider", "Consider", 1),
        ("Consider", "Evaluate", 2),
        ("Consider", "(end)", 1),
        ("Evaluate", "Buy", 1),
    ]
    assert "Each event in a stage is a visit of its own" in repr(result)


def test_equal_times_may_be_read_as_in_the_frame(log):
    by_row = cx.flow(log, DEFINITION.with_rules(ties="row"), positions=1)
    # Eve's rows stand order, compare, ad.
    assert by_row.frame["count"].tolist() == [3, 1, 1, 0]


@pytest.mark.parametrize("align", ["Start", "(unassigned)", None, 0, ["Buy"]])
def test_a_place_to_align_at_that_is_none_is_refused(log, align):
    with pytest.raises(
        cx.CXError, match=r"^unknown place to align journeys at .*\['\(start\)', '\(end\)', 'Con"
    ):
        cx.flow(log, DEFINITION, align=align)


@pytest.mark.parametrize("align", ["(start)", "(end)", "Evaluate"])
def test_an_empty_log_has_a_matrix_of_undefined_shares(align):
    result = cx.flow(log_of([]), DEFINITION, positions=2, align=align)
    assert np.isnan(result.matrix.to_numpy()).all()
    assert result.links.empty
    assert "<table" in result._repr_html_()


def test_customers_behind_a_place_in_the_flow(log):
    result = cx.flow(log, DEFINITION, positions=3)
    assert list(result.customers(2, "Evaluate").index) == ["Ann", "Bob", "Eve"]
    assert list(result.customers(3, "(end)").index) == ["Bob", "Cyd", "Dan"]
    assert result.customers(1, "(start)").empty
    assert list(result.customers(0, "(start)").index) == ["Ann", "Bob", "Cyd", "Dan", "Eve"]
    backwards = cx.flow(log, DEFINITION, positions=3, align="(end)")
    assert list(backwards.customers(-2, "(start)").index) == ["Cyd"]
    assert list(backwards.customers(-1, "Buy").index) == ["Ann", "Dan", "Eve"]
    around = cx.flow(log, DEFINITION, positions=1, align="Evaluate")
    assert list(around.customers(-1, "(start)").index) == ["Dan"]
    assert list(around.customers(1, "(end)").index) == ["Bob"]


def test_places_that_are_none_are_refused(log):
    result = cx.flow(log, DEFINITION, positions=2)
    with pytest.raises(cx.CXError, match=r"^unknown position 3\. .*Available: \[1, 2\]\."):
        result.customers(3, "Buy")
    with pytest.raises(cx.CXError, match=r"^unknown stage 'Bye'\. Did you mean 'Buy'\?"):
        result.customers(1, "Bye")
