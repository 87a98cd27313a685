from __future__ import annotations

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import stats

SEE_BUY = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
# Of 40 customers who see an ad, 12 order within a day, 8 after a week, 20 never.
ROWS = [
    *((i, 0, "ad") for i in range(40)),
    *((i, 1, "order") for i in range(12)),
    *((i, 7, "order") for i in range(12, 20)),
    (0, 60, "order"),
    (0, 100, "page"),
]


@pytest.fixture
def log():
    return log_of(ROWS)


def test_a_change_is_now_minus_baseline(log):
    frame = cx.compare(log, SEE_BUY, SEE_BUY.with_rules(window="2D")).frame
    assert list(frame.index) == list(cx.figures(log, SEE_BUY))
    assert list(frame.columns) == [
        "label",
        "unit",
        "baseline",
        "now",
        "delta",
        "lower",
        "upper",
        "method",
        "note",
    ]
    assert frame.loc["conversion", ["baseline", "now", "delta"]].tolist() == [0.5, 0.3, 0.3 - 0.5]
    assert frame.loc["time_to_convert", ["baseline", "now"]].tolist() == [86400, 86400]


def test_identical_definitions_change_exactly_nothing(log):
    frame = cx.compare(log, SEE_BUY, SEE_BUY).frame
    defined = frame[frame["baseline"].notna()]
    assert len(defined) == 5
    assert (defined[["delta", "lower", "upper"]] == 0).all(axis=None)


def test_definitions_that_count_every_customer_alike_change_exactly_nothing(log):
    renamed = SEE_BUY.rename("Buy", "Purchase").with_rules(window="50D")
    frame = cx.compare(log, SEE_BUY, renamed).frame
    assert frame.loc["conversion", ["delta", "lower", "upper"]].tolist() == [0, 0, 0]


def test_shares_of_the_same_customers_have_newcombes_paired_interval(log):
    # Both convert 12, only the baseline 8, neither 20: phi = 12 * 20 / sqrt(20 * 20 * 12 * 28).
    row = cx.compare(log, SEE_BUY, SEE_BUY.with_rules(window="2D")).frame.loc["conversion"]
    phi = (12 * 20 - 8 * 0) / np.sqrt(20 * 20 * 12 * 28)
    expected = stats.mover(stats.share(12, 40), stats.share(20, 40), phi)
    assert row[["delta", "lower", "upper"]].tolist() == pytest.approx(list(expected))
    independent = stats.newcombe_difference(12, 40, 20, 40)
    assert row["upper"] - row["lower"] < independent.upper - independent.lower
    assert row["method"] == "MOVER 95%, paired by customer"


def test_figures_of_unrelated_customers_have_the_interval_of_independent_shares():
    # The first 30 customers see ads, the other 20 search; both definitions have entrants of their own.
    rows = [
        *((i, 0, "ad") for i in range(30)),
        *((i, 1, "order") for i in range(15)),
        *((i, 0, "search") for i in range(30, 50)),
        *((i, 1, "order") for i in range(30, 36)),
    ]
    searched = cx.Definition({"Consider": ["search"], "Buy": ["order"]})
    row = cx.compare(log_of(rows), SEE_BUY, searched).frame.loc["conversion"]
    expected = stats.newcombe_difference(6, 20, 15, 30)
    assert row[["delta", "lower", "upper"]].tolist() == pytest.approx(list(expected))


def test_turning_the_comparison_round_turns_its_sign(log):
    narrow = SEE_BUY.with_rules(window="2D", retention_period="20D")
    there = cx.compare(log, SEE_BUY, narrow).frame
    back = cx.compare(log, narrow, SEE_BUY).frame
    assert np.allclose(there["delta"], -back["delta"], equal_nan=True)
    assert np.allclose(there["lower"], -back["upper"], equal_nan=True)


def test_an_undefined_side_makes_an_undefined_change_with_a_note(log):
    frame = cx.compare(log, cx.Definition([cx.Stage("Buy", ["order"], role=None)]), SEE_BUY).frame
    assert np.isnan(frame.loc["repeat_rate", "delta"])
    assert frame.loc["repeat_rate", "note"] == "Undefined for the baseline."
    assert frame.loc["active_passive", "note"] == "Undefined for the baseline and now."
    assert frame.loc["repeat_rate", "now"] == 1 / 20


def test_an_empty_log_has_undefined_changes():
    frame = cx.compare(log_of([]), SEE_BUY, SEE_BUY).frame
    assert frame[["baseline", "now", "delta", "lower", "upper"]].isna().all(axis=None)


def test_both_definitions_must_fit_the_log(log):
    with pytest.raises(cx.CXError, match=r"^unknown event 'orders'"):
        cx.compare(log, cx.Definition({"Buy": ["orders"]}), SEE_BUY)
    with pytest.raises(cx.CXError, match=r"^unknown event 'orders'"):
        cx.compare(log, SEE_BUY, cx.Definition({"Buy": ["orders"]}))


def test_the_result_reads_well(log):
    changes = cx.compare(log, SEE_BUY, SEE_BUY.with_rules(window="2D"))
    assert changes.baseline == SEE_BUY
    text = repr(changes)
    assert "50.0%" in text
    assert "30.0%" in text
    assert "-20.0 points" in text
    assert "within 2D of entry" in text
    assert "<table" in changes._repr_html_()


def test_paired_intervals_cover_the_true_difference():
    # 400 logs of 80 customers: half convert, six in ten of those within the window. True change: -0.2.
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        converted = rng.random(80) < 0.5
        quick = converted & (rng.random(80) < 0.6)
        both, only = quick.sum(), (converted & ~quick).sum()
        influence_all = converted - converted.mean()
        influence_quick = quick - quick.mean()
        change = stats.mover(
            stats.share(both, 80),
            stats.share(both + only, 80),
            stats.correlation(influence_quick, influence_all),
        )
        covered += change.lower <= -0.2 <= change.upper
    assert 0.92 <= covered / 400 <= 0.98


def test_attempts_against_customers_are_linearised_by_customer():
    # 40 customers see one ad and 20 see two, all in vain; 30 order at once, 10 after the second ad: 40 of 130
    # attempts and 40 of 100 customers.
    rows = [
        *((i, 0, "ad") for i in range(100)),
        *((i, 7, "ad") for i in [*range(40, 60), *range(90, 100)]),
        *((i, 1, "order") for i in range(60, 90)),
        *((i, 8, "order") for i in range(90, 100)),
    ]
    once = SEE_BUY.with_rules(window="3D")
    row = cx.compare(log_of(rows), once, once.with_rules(count="attempts")).frame.loc["conversion"]
    assert row[["baseline", "now"]].tolist() == [40 / 100, 40 / 130]
    moved = [
        y1 / 130 - 4 / 13 * x1 / 130 - (y2 - 0.4) / 100
        for y1, x1, y2 in [(0, 1, 0), (0, 2, 0), (1, 1, 1), (1, 2, 1)]
    ]
    expected = stats.linearised(40 / 130 - 0.4, np.repeat(moved, [40, 20, 30, 10]))
    assert row[["delta", "lower", "upper"]].tolist() == pytest.approx(list(expected))
    assert row["method"] == "linearised by customer, t 95%, widened for skewness"
