from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import log_of, random_case

import cx_widgets as cx

# The names of the stages give their roles.
DEFINITION = cx.Definition(
    {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order", "reorder"], "Advocate": ["review"]}
)
ROWS = [
    ("Ann", 0, "order"),
    ("Ann", 10, "order"),
    ("Ann", 15, "ad"),
    ("Ann", 41, "review"),
    ("Bob", 5, "order"),
    ("Bob", 5, "reorder"),  # the same moment: one purchase
    ("Bob", 64, "compare"),
    ("Bob", 65, "order"),
    ("Cyd", 20, "order"),
    ("Cyd", 21, "review"),
    ("Dan", 90, "order"),
    ("Eve", 50, "review"),  # recommends and never bought
    ("Fay", 1, "ad"),
    ("Fay", 2, "order"),
    ("Fay", 2, "ad"),  # at the time of the first purchase: not after it
    ("Fay", 9, "order"),
]


def loyalists_of(rows, definition=DEFINITION, recommends="either", **columns):
    return cx.loyalists(log_of(rows, **columns), definition, recommends=recommends)


def counts_of(result):
    return {segment: (line["numerator"], line["denominator"]) for segment, line in result.frame.iterrows()}


def test_every_buyer_is_in_one_quarter_of_the_quadrant():
    result = loyalists_of(ROWS)
    assert counts_of(result) == {
        "active": (1, 5),  # Ann
        "passive": (2, 5),  # Bob and Fay
        "advocates": (1, 5),  # Cyd
        "neither": (1, 5),  # Dan
        "vulnerable": (1, 2),  # Bob compared before he came back, Fay looked at no ad after she bought
    }
    assert result.others_recommend == 1
    assert result.frame.loc["passive", "value"] == 0.4
    # Wilson for 2 of 5.
    assert tuple(result.frame.loc["passive", ["lower", "upper"]]) == pytest.approx(
        (0.117621, 0.769276), abs=1e-6
    )
    assert set(result.frame["method"]) == {"Wilson 95%"}
    assert set(result.frame["note"]) == {""}


@pytest.mark.parametrize(
    ("segment", "names"),
    [
        ("active", ["Ann"]),
        ("passive", ["Bob", "Fay"]),
        ("advocates", ["Cyd"]),
        ("neither", ["Dan"]),
        ("vulnerable", ["Bob"]),
    ],
)
def test_the_customers_behind_a_segment_are_those_counted(segment, names):
    assert list(loyalists_of(ROWS).customers(segment).index) == names


def test_the_quadrant_agrees_with_the_loyalty_figures():
    log = log_of(ROWS)
    quadrant, figures = cx.loyalists(log, DEFINITION).frame, cx.loyalty(log, DEFINITION)
    ratio, repeat = figures["active_passive"], figures["repeat_rate"]
    assert (quadrant.loc["active", "numerator"], quadrant.loc["passive", "numerator"]) == (
        ratio.numerator,
        ratio.denominator,
    )
    assert quadrant.loc[["active", "passive"], "numerator"].sum() == repeat.numerator == 3
    assert quadrant.loc["active", "denominator"] == repeat.denominator == 5


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_quadrant_agrees_with_the_loyalty_figures_on_any_log(seed):
    case = random_case(np.random.default_rng(seed))
    quadrant, figures = cx.loyalists(case.log, case.definition).frame, cx.loyalty(case.log, case.definition)
    ratio, repeat = figures["active_passive"], figures["repeat_rate"]
    loyal = quadrant.loc[["active", "passive"], "numerator"].to_numpy()
    np.testing.assert_array_equal(loyal, [ratio.numerator, ratio.denominator])
    if not np.isnan(ratio.numerator):
        assert loyal.sum() == repeat.numerator
        assert quadrant["numerator"][:4].sum() == repeat.denominator
    loops = cx.loops(case.log, case.definition)["loop"]
    np.testing.assert_array_equal(
        (loops.numerator, loops.denominator, loops.lower, loops.upper),
        [getattr(figures["loyalty_loop"], name) for name in ("numerator", "denominator", "lower", "upper")],
    )


@pytest.mark.parametrize(
    ("recommends", "active", "passive"), [("either", 2, 1), ("stage", 1, 2), ("score", 1, 2)]
)
def test_one_chooses_what_recommending_is(recommends, active, passive):
    rows = [(who, day, "order") for who in "abc" for day in (0, 1)] + [("a", 2, "review")]
    # a reviewed, b gave a nine, c an eight.
    definition = cx.Definition({"Buy": ["order"], "Advocate": ["review"]})
    result = loyalists_of(rows, definition, recommends, score=[None, None, None, 9, 10, 8, None])
    assert counts_of(result)["active"] == (active, 3)
    assert counts_of(result)["passive"] == (passive, 3)
    assert result.recommends == recommends


def test_what_cannot_be_measured_says_what_is_missing():
    rows = [("a", 0, "order"), ("a", 1, "order"), ("a", 2, "page")]
    buying = cx.Definition({"Buy": ["order"]})
    neither = loyalists_of(rows, buying)
    assert neither.frame["value"].isna().all()
    assert set(neither.frame["note"]) == {
        "Not measurable: no stage has the role 'advocate' and the log has no score column."
    }
    by_stage = loyalists_of(rows, buying, "stage").frame
    assert set(by_stage["note"]) == {"Not measurable: no stage has the role 'advocate'."}
    by_score = loyalists_of(rows, buying, "score").frame
    assert set(by_score["note"]) == {"Not measurable: the log has no score column."}
    nothing_bought = loyalists_of(rows, cx.Definition({"Advocate": ["page"]})).frame
    assert set(nothing_bought["note"]) == {"Not measurable: no stage has the role 'buy'."}
    no_research = loyalists_of(rows, cx.Definition({"Buy": ["order"], "Advocate": ["page"]}))
    assert no_research.frame["note"].tolist() == [
        *[""] * 4,
        "Not measurable: no stage has the role 'consider' or 'evaluate'.",
    ]
    with pytest.raises(cx.CXError, match=r"'vulnerable' has no customers to list. Not measurable: no stage"):
        no_research.customers("vulnerable")


def test_where_nobody_bought_shares_are_undefined():
    definition = cx.Definition({"Evaluate": ["compare"], "Buy": ["order"], "Advocate": ["review"]})
    frame = loyalists_of([], definition).frame
    assert frame["numerator"].tolist() == [0, 0, 0, 0, 0]
    assert frame["value"].isna().all()
    assert set(frame["note"]) == {"Nobody bought."}
    assert len(loyalists_of([], definition).customers("active")) == 0


def test_one_buyer_is_a_whole_quadrant():
    definition = cx.Definition({"Buy": ["order"], "Advocate": ["review"]})
    result = loyalists_of([("a", 0, "order"), ("a", 0, "review")], definition)
    assert result.frame["value"].tolist()[:4] == [0, 0, 1, 0]


def test_bad_words_are_refused_with_those_there_are():
    with pytest.raises(cx.CXError, match=r"unknown recommends 'stages'. Did you mean 'stage'"):
        loyalists_of(ROWS, recommends="stages")
    with pytest.raises(cx.CXError, match=r"unknown segment 'actives'. Did you mean 'active'"):
        loyalists_of(ROWS).customers("actives")


def test_the_table_says_who_recommends_and_who_is_in_no_segment():
    text = repr(loyalists_of(ROWS))
    assert text.splitlines()[0] == "Loyalists: who comes back, who recommends"
    assert "Recommends: an event in Advocate; who was not asked does not." in text
    assert "1 customer recommends and never bought: in no segment." in text
    assert (
        "<script"
        not in loyalists_of(
            ROWS, cx.Definition({"<script>": ["review"], "Buy": ["order"]}).set_role("<script>", "advocate")
        )._repr_html_()
    )
