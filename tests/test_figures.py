from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

DAY = 86400.0
STAGES = {"Consider": ["ad"], "Buy": ["order"]}
# Twelve customers see an ad; the first seven order after 1, 2, ... 7 days, two of those again.
ROWS = [
    *((f"c{i:02}", 0, "ad") for i in range(12)),
    *((f"c{i:02}", i + 1, "order") for i in range(7)),
    ("c00", 40, "order"),
    ("c01", 9, "ad"),
    ("c01", 50, "order"),
    ("c11", 100, "page"),
]


@pytest.fixture
def strip():
    return cx.figures(log_of(ROWS), cx.Definition(STAGES))


def test_the_strip_has_six_figures_in_order(strip):
    assert list(strip) == [
        "conversion",
        "time_to_convert",
        "repeat_rate",
        "loyalty_loop",
        "active_passive",
        "retention",
    ]
    assert list(strip.frame.index) == list(strip)
    assert strip.frame["unit"].tolist() == ["share", "seconds", "share", "share", "ratio", "share"]


def test_conversion_is_the_last_stage_over_the_first(strip):
    figure = strip["conversion"]
    assert (figure.numerator, figure.denominator, figure.value) == (7, 12, 7 / 12)
    # Wilson for 7 of 12, from the closed form.
    assert (figure.lower, figure.upper) == pytest.approx((0.31951, 0.80674), abs=1e-5)


def test_time_to_convert_is_a_median_with_bounds_between_ranks(strip):
    figure = strip["time_to_convert"]
    assert figure.value == 4 * DAY
    # Of seven values rank 1 holds at 1 - 2 / 128, rank 2 at 1 - 16 / 128: i = 2.2 / 7, and 6 i / (1 + 5 i) of
    # the way between them is 11 / 15.
    assert (figure.lower, figure.upper) == pytest.approx(((1 + 11 / 15) * DAY, (7 - 11 / 15) * DAY))
    assert (figure.numerator, figure.denominator) == (7, 12)
    assert figure.method == "interpolated order statistics 95%"


def test_loyalty_figures_are_those_of_loyalty(strip):
    loyal = cx.loyalty(log_of(ROWS), cx.Definition(STAGES))
    for key in ("repeat_rate", "loyalty_loop", "active_passive", "retention"):
        assert strip[key].numerator == pytest.approx(loyal[key].numerator, nan_ok=True)
        assert strip[key].note == loyal[key].note
    assert strip["repeat_rate"].value == 2 / 7
    assert strip["loyalty_loop"].value == 1 / 2
    # c00 buys again 39 days after the first purchase, c01 48 days: both in the second 30 days.
    assert (strip["retention"].numerator, strip["retention"].denominator) == (2, 7)


def test_fewer_than_six_times_have_no_bounds():
    strip = cx.figures(log_of([("a", 0, "ad"), ("a", 2, "order")]), cx.Definition(STAGES))
    assert strip["time_to_convert"].value == 2 * DAY
    assert np.isnan([strip["time_to_convert"].lower, strip["time_to_convert"].upper]).all()


def test_an_empty_log_has_undefined_figures_with_reasons():
    strip = cx.figures(log_of([]), cx.Definition(STAGES))
    assert strip.frame["value"].isna().all()
    assert strip["conversion"].note == "Nobody reaches 'Consider'."
    assert strip["time_to_convert"].note == "Nobody converted."
    assert strip["conversion"].influence is None
    assert "\N{EN DASH}" in repr(strip)


def test_influences_sum_to_zero_over_all_customers(strip):
    for key in strip:
        influence = strip[key].influence
        if influence is not None:
            assert len(influence) == 12
            assert influence.sum() == pytest.approx(0, abs=1e-9)


def test_a_figure_shows_its_numbers_and_hides_its_influence(strip):
    figure = strip["conversion"]
    assert "value=0.5833" in repr(figure)
    assert "influence" not in repr(figure)
    with pytest.raises(AttributeError):
        figure.value = 1.0


def test_the_strip_names_its_rules_and_shows_units():
    strip = cx.figures(log_of(ROWS), cx.Definition(STAGES, window="90D"))
    text = repr(strip)
    assert "within 90D of entry (end included)" in text
    assert "58.3%" in text
    assert "4.0 d" in text
    assert "7 of 12" in text
    assert "1 event lies in no stage. 0 customers are still open." in text
    html = strip._repr_html_()
    assert html.count("<tr>") == 7
    assert "32.0% to 80.7%" in html


def test_a_frame_is_plain_numbers_and_text(strip):
    numbers = strip.frame[["value", "numerator", "denominator", "lower", "upper"]]
    assert (numbers.dtypes == "float64").all()
    assert isinstance(strip.frame.loc["conversion", "label"], str)
    assert isinstance(strip.frame, pd.DataFrame)
