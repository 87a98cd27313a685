from __future__ import annotations

import numpy as np
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
