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
    ("Bob", 6, "order"),
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


def test_each_customer_has_one_variant_and_the_most_frequent_comes_first(log):
    result = cx.variants(log, DEFINITION)
    assert result.sequences == (("Consider", "Evaluate", "Buy"), ("Consider",), ("Evaluate", "Buy"))
    assert result.frame["variant"].tolist() == [
        "Consider → Evaluate → Buy",
        "Consider",
        "Evaluate → Buy",
    ]
    assert result.frame["visits"].tolist() == [3, 1, 2]
    assert result.frame["customers"].tolist() == [3, 1, 1]
    assert result.frame["share"].tolist() == [0.6, 0.2, 0.2]
    assert (result.n_variants, result.visitors_total, result.n_customers) == (3, 5, 6)


def test_the_duration_runs_from_the_first_event_in_a_stage_to_the_last(log):
    # Ann 13 days, Bob 5, Eve 0; Cyd did one thing only.
    days = cx.variants(log, DEFINITION).frame["duration_median"] / pd.Timedelta(days=1)
    assert days.tolist() == [5, 0, 2]


def test_customers_convert_by_the_rules_of_the_definition(log):
    frame = cx.variants(log, DEFINITION.with_rules(window="5D")).frame
    # Ann converts from her second ad, in 3 days; Dan never entered, so his variant has no conversion.
    assert frame["entrants"].tolist() == [3, 1, 0]
    assert frame["converted"].tolist() == [3, 0, 0]
    assert frame["conversion"].tolist()[:2] == [1, 0]
    assert np.isnan(frame.loc[2, ["conversion", "conversion_lower", "conversion_upper"]].astype(float)).all()
    assert cx.variants(log, DEFINITION.with_rules(window="4D")).frame["converted"].tolist() == [2, 0, 0]
    everybody = cx.variants(log, DEFINITION.with_rules(denominator="all")).frame
    assert everybody["entrants"].tolist() == [3, 1, 1]
    assert everybody["conversion"].tolist() == [1, 0, 0]


def test_the_lines_add_up_to_the_funnel(log):
    definition = DEFINITION.with_rules(window="4D")
    frame, funnel = cx.variants(log, definition, top=1).frame, cx.funnel(log, definition).frame
    assert frame["converted"].sum() == funnel["reach"].iloc[-1] == 2
    assert frame["entrants"].sum() == funnel["entrants"].iloc[0] == 4


def test_the_rest_share_a_line(log):
    result = cx.variants(log, DEFINITION, top=1)
    assert result.frame["variant"].tolist() == ["Consider → Evaluate → Buy", "(all others)"]
    assert result.frame["visits"].isna().tolist() == [False, True]
    assert result.frame["customers"].tolist() == [3, 2]
    # Cyd 0 days, Dan 2.
    assert result.frame["duration_median"].iloc[1] == pd.Timedelta(days=1)
    assert (result.n_variants, len(result.sequences)) == (3, 1)


def test_repeats_may_be_kept(log):
    result = cx.variants(log, DEFINITION, repeats="kept")
    assert result.n_variants == 4
    assert result.sequences[-1] == ("Consider", "Consider", "Evaluate", "Buy")
    assert list(result.customers("Consider", "Consider", "Evaluate", "Buy").index) == ["Ann"]


def test_equal_times_stand_in_stage_order_or_as_in_the_frame(log):
    assert list(cx.variants(log, DEFINITION).customers("Consider", "Evaluate", "Buy").index) == [
        "Ann",
        "Bob",
        "Eve",
    ]
    by_row = cx.variants(log, DEFINITION.with_rules(ties="row"))
    assert list(by_row.customers("Buy", "Evaluate", "Consider").index) == ["Eve"]
    assert "ties as they stand in the frame" in repr(by_row)


@pytest.mark.parametrize("length", [7, 8, 9, 16, 17, 40])
def test_long_variants_differ_by_any_visit_and_by_where_they_end(length):
    path = ["ad", "order"] * (length // 2) + ["ad"] * (length % 2)
    other = [*path[:-1], "page"]
    paths = {"a": path, "b": path, "c": path[:-1], "d": [*path, "page"], "e": other}
    log = log_of([(who, day, event) for who, path in paths.items() for day, event in enumerate(path)])
    result = cx.variants(log, cx.Definition.of_events(log), repeats="kept")
    assert result.frame["customers"].tolist() == [2, 1, 1, 1]
    assert result.sequences == tuple(map(tuple, (path, paths["c"], other, paths["d"])))


def test_variants_with_as_many_customers_stand_short_ones_first_then_in_stage_order():
    paths = {"a": ["order"], "b": ["ad", "order"], "c": ["ad"], "d": ["order", "ad"]}
    log = log_of([(who, day, event) for who, path in paths.items() for day, event in enumerate(path)])
    result = cx.variants(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
    assert result.sequences == (("Consider",), ("Buy",), ("Consider", "Buy"), ("Buy", "Consider"))


def test_customers_of_a_variant_nobody_took_are_none(log):
    assert cx.variants(log, DEFINITION).customers("Buy", "Buy").empty
    assert cx.variants(log, DEFINITION, top=1).customers("Evaluate", "Buy").index.tolist() == ["Dan"]


def test_unknown_stages_and_no_stages_are_refused(log):
    result = cx.variants(log, DEFINITION)
    with pytest.raises(cx.CXError, match=r"^unknown stage 'Bye'. Did you mean 'Buy'\?"):
        result.customers("Consider", "Bye")
    with pytest.raises(
        cx.CXError, match=r"^customers was given no stage\. Write customers\('Consider', 'Buy'\)"
    ):
        result.customers()


@pytest.mark.parametrize("top", [0, -1, 2.5, True, "3", None])
def test_top_that_is_no_whole_number_from_one_is_refused(log, top):
    with pytest.raises(cx.CXError, match=r"^top must be a whole number from 1, not .*\. Say top=20\.$"):
        cx.variants(log, DEFINITION, top=top)


@pytest.mark.parametrize("metric", [cx.transitions, cx.flow, cx.variants])
@pytest.mark.parametrize("repeats", ["keep", None, True, ["kept"]])
def test_repeats_are_merged_or_kept(log, metric, repeats):
    with pytest.raises(
        cx.CXError, match=r"^unknown repeats .*'merged' makes one visit of consecutive events"
    ):
        metric(log, DEFINITION, repeats=repeats)


def test_an_empty_log_has_no_variants():
    result = cx.variants(log_of([]), DEFINITION)
    assert result.frame.empty
    assert (result.n_variants, result.visitors_total, result.sequences) == (0, 0, ())
    assert list(result.frame.columns)[:5] == ["variant", "visits", "customers", "share", "lower"]
    assert "<table" in result._repr_html_()


def test_the_table_cuts_long_variants_and_says_who_takes_no_part(log):
    text = repr(cx.variants(log, DEFINITION))
    assert text.startswith("3 variants of 5 customers\n")
    assert "1 event lies in no stage. 1 customer has no event in a stage." in text
    long = log_of([("a", day, "order" if day % 2 else "ad") for day in range(15)])
    assert "→ ... 3 more" in repr(cx.variants(long, cx.Definition({"Consider": ["ad"], "Buy": ["order"]})))


def test_html_escapes_names():
    log = log_of([("a", 0, "x"), ("a", 1, "y")])
    html = cx.variants(log, cx.Definition({"<b>": ["x"], "Buy": ["y"]}))._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
