"""From a log to what each customer is worth: the history, the forecast, the holdout, the refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated_customers as simulated
from small_logs import log_of

import cx_widgets as cx
from cx_widgets.models import Cancelled

BUY = cx.Definition({"Look": ["view"], "Buy": ["order", "reorder"]})
ROWS = [
    ("Ann", 0, "order", 10.0),
    ("Ann", 0, "reorder", 5.0),  # the same moment: one purchase of 15
    ("Ann", 0.5, "order", 7.0),  # the same day
    ("Ann", 14, "order", 20.0),
    ("Ann", 14, "view", 99.0),
    ("Ann", 28, "order", None),  # of unknown value
    ("Bob", 21, "order", 30.0),
    ("Cyd", 3, "view", None),
    ("Dan", 70, "order", 1.0),
    ("Dan", 70, "order", 2.0),
]


def history_of(**options):
    log = log_of([row[:3] for row in ROWS], value=[row[3] for row in ROWS])
    return cx.purchase_history(log, BUY, **options)


def base(n=600, seed=4, **columns):
    """Return a log of made-up customers whose first purchases lie on the days of three months."""
    rng = np.random.default_rng(seed)
    x, t_x, _ = simulated.bg_nbd(rng, n, (0.9, 20.0, 1.1, 2.8), 200.0)
    begin = rng.integers(0, 90, n)
    rows = [(f"c{i}", begin[i], "order") for i in range(n)]
    for i in range(n):
        between = np.sort(rng.random(max(int(x[i]) - 1, 0))) * t_x[i]
        rows += [(f"c{i}", begin[i] + at, "order") for at in [*between, t_x[i]][: int(x[i])]]
    rows.append(("nobody", 300, "view"))
    return log_of(rows, **{name: values(rng, len(rows)) for name, values in columns.items()})


# The history.


def test_a_history_tells_how_often_how_recently_and_for_how_much():
    frame = history_of().frame
    assert frame.index.tolist() == ["Ann", "Bob", "Dan"]
    assert frame["first"].tolist() == [pd.Timestamp("2026-01-01") + pd.Timedelta(days=d) for d in (0, 21, 70)]
    assert frame["frequency"].tolist() == [3, 0, 0]
    assert frame["recency"].tolist() == [4.0, 0.0, 0.0]
    assert frame["age"].tolist() == [10.0, 7.0, 0.0]
    # The purchases of 7 and 20 have a value; the first one, of 15, is not a repeat.
    assert frame["valued"].tolist() == [2, 0, 0]
    assert frame["monetary_value"].fillna(-1).tolist() == [13.5, -1, -1]


def test_a_history_goes_to_the_end_of_observation_also_behind_the_last_row():
    log = log_of([row[:3] for row in ROWS])
    later = cx.purchase_history(log, BUY.with_rules(observation_end="2026-04-09"))
    assert later.end == pd.Timestamp("2026-04-09")
    assert later.frame["age"].tolist() == [14.0, 11.0, 4.0]
    # A split behind the last row holds out four weeks in which nobody bought.
    held = cx.purchase_history(log, BUY.with_rules(observation_end="2026-04-09"), split="2026-03-12")
    assert held.holdout == 4.0
    assert held.frame["holdout_frequency"].tolist() == [0, 0, 0]


def test_purchases_of_a_day_may_count_as_one():
    frame = history_of(each="day", unit="1D").frame
    assert frame["frequency"].tolist() == [2, 0, 0]
    assert frame["recency"].tolist() == [28.0, 0.0, 0.0]
    assert frame["age"].tolist() == [70.0, 49.0, 0.0]
    assert frame["monetary_value"].fillna(-1).tolist() == [20.0, -1, -1]


def test_days_are_those_of_the_time_zone_of_the_log():
    # 23:30 and 00:30 in Berlin are one day in UTC.
    frame = pd.DataFrame(
        {"who": "a", "at": ["2026-03-01 22:30+00:00", "2026-03-01 23:30+00:00"], "what": "order"}
    )
    days = {}
    for zone in ("UTC", "Europe/Berlin"):
        log = cx.EventLog(frame, customer="who", time="at", event="what", time_zone=zone)
        days[zone] = cx.purchase_history(log, cx.Definition({"Buy": ["order"]}), each="day").frame
    assert days["UTC"]["frequency"].tolist() == [0]
    assert days["Europe/Berlin"]["frequency"].tolist() == [1]


def test_periods_count_what_lies_in_them():
    # Ann: periods of 14 days begin on day 0; orders in periods 0, 1, 2; 70 days are five whole periods.
    history = history_of(each="14D")
    frame = history.frame
    assert history.unit == "14D"
    assert frame["frequency"].tolist() == [2, 0, 0]
    assert frame["recency"].tolist() == [2, 0, 0]
    assert frame["age"].tolist() == [4, 2, 0]
    assert frame["streak"].tolist() == [2, 0, 0]


def test_what_comes_after_the_split_is_held_out():
    frame = history_of(split="2026-01-15").frame
    assert frame.index.tolist() == ["Ann"]
    assert frame["frequency"].tolist() == [2]  # the split itself, day 14, is inside
    assert frame["age"].tolist() == [2.0]
    assert frame["holdout_frequency"].tolist() == [1]
    assert frame["holdout_age"].tolist() == [8.0]
    assert frame["holdout_value"].tolist() == [0.0]


def test_a_split_may_be_a_part_of_the_span():
    # Half of 70 days.
    assert history_of(split=0.5).end == pd.Timestamp("2026-02-05")
    assert history_of(split=0.5).holdout == 5


def test_a_split_day_is_inside_when_days_count():
    log = log_of([("a", 0.4, "order"), ("a", 5.6, "order"), ("b", 5.9, "order"), ("a", 9, "order")])
    split = "2026-01-06"
    by_day = cx.purchase_history(log, BUY.unassign("view", "reorder").remove("Look"), each="day", split=split)
    assert by_day.frame["frequency"].tolist() == [1, 0]
    assert by_day.frame["holdout_frequency"].tolist() == [1, 0]


def test_the_parts_of_a_history_are_the_whole():
    log, journey = cx.datasets.cdnow_log(), cx.datasets.cdnow_definition()
    whole = cx.purchase_history(log, journey).frame
    for each in ("moment", "day"):
        parts = cx.purchase_history(log, journey, split="1997-09-30", each=each).frame
        assert (parts["frequency"] + parts["holdout_frequency"]).tolist() == whole["frequency"].tolist()
        assert (parts["age"] + parts["holdout_age"]).to_numpy() == pytest.approx(whole["age"].to_numpy())
    assert cx.loyalty(log, journey)["buyers"].value == len(whole)


def test_cdnow_is_the_published_summary():
    # The first lines of the published table of x, t_x, T and mean value (lifetimes carries it).
    frame = cx.purchase_history(
        cx.datasets.cdnow_log(), cx.datasets.cdnow_definition(), split="1997-09-30"
    ).frame
    assert frame["frequency"].head(6).tolist() == [2, 1, 0, 0, 0, 7]
    assert frame["recency"].head(6).round(2).tolist() == [30.43, 1.71, 0, 0, 0, 29.43]
    assert frame["age"].head(2).round(2).tolist() == [38.86, 38.86]
    assert frame["monetary_value"].head(2).tolist() == pytest.approx([22.345, 11.77])
    assert int((frame["frequency"] > 0).sum()) == 946


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"split": "2030-01-01"}, "does not divide the log"),
        ({"split": "soon"}, "is no time"),
        ({"split": "2026-01-15T00:00Z"}, "has a time zone"),
        ({"each": "week"}, "each='week'"),
        ({"unit": 7}, "has no unit"),
    ],
)
def test_a_bad_question_about_the_history_is_refused(options, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        history_of(**options)


def test_without_a_buying_stage_there_is_no_purchase():
    log = log_of([("a", 0, "order")])
    with pytest.raises(cx.CXError, match="no stage has the role 'buy'"):
        cx.purchase_history(log, cx.Definition({"Look": ["order"]}))


def test_a_history_without_purchases_is_empty():
    log = log_of([("a", 0, "view"), ("a", 1, "order"), ("b", 9, "view")])
    history = cx.purchase_history(log, cx.Definition({"Buy": ["order"]}), split="2026-01-01")
    assert len(history.frame) == 0
    assert "0 of 2 customers bought" in repr(history)


# The forecast.


@pytest.fixture(scope="module")
def cdnow():
    return cx.lifetime_value(
        cx.datasets.cdnow_log(),
        cx.datasets.cdnow_definition(),
        split="1997-09-30",
        horizon="39W",
        discount=0.15,
    )


def test_the_forecast_for_a_customer_is_the_published_one(cdnow):
    # Customer 1: two repeat purchases, the last in week 30.43; 1.226 in 39 weeks (Hardie's spreadsheet).
    first = cdnow.frame.iloc[0]
    assert first["purchases"] == pytest.approx(1.226, abs=1e-3)
    assert first["value_per_purchase"] == pytest.approx(24.65, abs=0.01)
    assert first["value"] == pytest.approx(first["purchases"] * first["value_per_purchase"])
    assert cdnow.converged
    assert cdnow.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_the_holdout_compares_predicted_with_actual(cdnow):
    table = cdnow.holdout
    assert table.index.tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+", "all"]
    assert table["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64, 2357]
    assert table.loc["all", "actual"] == 1882
    assert table.loc["all", "predicted"] == pytest.approx(cdnow.frame["purchases"].sum())
    assert table["predicted"].iloc[:-1].sum() == pytest.approx(table.loc["all", "predicted"])
    assert table.loc["1", "actual_mean"] == pytest.approx(306 / 439)


def test_totals_by_frequency_add_up(cdnow):
    table = cdnow.by_frequency
    for name in ("customers", "purchases", "value", "discounted_value"):
        assert table[name].iloc[:-1].sum() == pytest.approx(table.loc["all", name])
    assert table.loc["0", "p_alive"] == 1


def test_tenths_hold_everybody_the_most_valuable_first(cdnow):
    table = cdnow.by_tenth
    assert table.index.tolist() == list(range(1, 11))
    assert table["customers"].sum() == 2357
    assert table["share"].sum() == pytest.approx(1)
    assert (np.diff(table["discounted_value"] / table["customers"]) <= 0).all()
    top = cdnow.frame["discounted_value"].nlargest(236).sum() / cdnow.frame["discounted_value"].sum()
    assert table.loc[1, "customers"] == 236
    assert table.loc[1, "share"] == pytest.approx(top)


@pytest.mark.parametrize(("model", "each"), [("bg/nbd", "moment"), ("pareto/nbd", "day"), ("bg/bb", "28D")])
def test_later_money_counts_less_and_further_horizons_more(model, each):
    log, journey = cx.datasets.cdnow_log(), cx.datasets.cdnow_definition()

    def total(horizon, discount):
        result = cx.lifetime_value(log, journey, model=model, each=each, horizon=horizon, discount=discount)
        return result.frame[["value", "discounted_value"]].sum()

    year, two = total("52W", 0.0), total("104W", 0.0)
    assert year["discounted_value"] == year["value"] < two["value"]
    cheap, dear = total("52W", 0.1), total("52W", 0.5)
    assert year["value"] > cheap["discounted_value"] > dear["discounted_value"] > year["value"] / 1.5


def test_discounting_is_what_a_fine_sum_over_days_gives():
    log, journey = cx.datasets.cdnow_log(), cx.datasets.cdnow_definition()
    worth = cx.lifetime_value(log, journey, horizon="100D", discount=0.2).frame.iloc[0]
    upto = [
        cx.lifetime_value(log, journey, horizon=f"{day}D").frame.iloc[0]["value"]
        for day in range(10, 101, 10)
    ]
    middles = np.arange(5, 100, 10) / 365.25
    by_hand = np.diff([0, *upto]) @ 1.2**-middles
    assert worth["discounted_value"] == pytest.approx(by_hand, rel=1e-4)


def test_parameters_come_with_errors_and_intervals(cdnow):
    table = cdnow.parameters
    assert table.index.tolist() == [
        *(("BG/NBD", name) for name in ("r", "alpha", "a", "b")),
        *(("Gamma-Gamma", name) for name in ("p", "q", "v")),
    ]
    assert ((table["lower"] < table["value"]) & (table["value"] < table["upper"])).all()
    # r of CDNOW: 0.243 with a standard error of 0.013.
    assert table.loc[("BG/NBD", "r"), "standard_error"] == pytest.approx(0.0126, abs=2e-4)


# Of 90 contracts 25 are given up at each of the first three renewals; 15 go on to the end, after ten periods.
CONTRACTS = [(f"c{i}", 10 * k, "order") for i in range(90) for k in range((1, 2, 3, 11)[i // 25])]
ORDER = cx.Definition({"Buy": ["order"]})


def test_a_contract_is_given_up_once():
    result = cx.lifetime_value(log_of(CONTRACTS), ORDER, model="sbg", each="10D", horizon="30D")
    assert result.frame["p_alive"].tolist() == [0.0] * 75 + [1.0] * 15
    assert (result.frame["purchases"].iloc[75:] > 2).all()
    assert (result.frame["purchases"].iloc[:75] == 0).all()
    assert result.note == "No money: the log has no value column."


def test_a_contract_that_comes_back_is_none():
    back = [(f"c{i}", 80, "order") for i in range(10)]
    result = cx.lifetime_value(log_of(CONTRACTS + back), ORDER, model="sbg", each="10D")
    assert result.note.startswith("10 of 75 lost customers bought again later: with a contract nobody does.")


def test_without_money_there_are_purchases_and_a_reason():
    result = cx.lifetime_value(base(), cx.Definition({"Buy": ["order"]}), horizon="90D")
    assert result.frame["purchases"].gt(0).all()
    assert result.frame["value"].isna().all()
    assert result.note == "No money: the log has no value column."
    assert result.value_fit is None
    assert result.note in repr(result)


def test_too_little_money_is_said():
    log = base(value=lambda _, n: np.zeros(n))
    result = cx.lifetime_value(log, cx.Definition({"Buy": ["order"]}))
    assert result.note.startswith("No money: 0 customers have repeat purchases of value above 0")


def test_values_that_go_with_frequency_are_flagged():
    log = base(value=lambda rng, n: rng.gamma(3, 10, n))
    journey = cx.Definition({"Buy": ["order"]})
    assert "Gamma-Gamma assumes 0)" in cx.lifetime_value(log, journey).note
    history = cx.purchase_history(log, journey).frame
    noise = np.random.default_rng(2).gamma(2, 1, log.n_events)
    often = pd.Series(10.0 + 5 * history["frequency"])
    customers = log.customer_ids.take(log.packed.customers)
    frame = pd.DataFrame(
        {
            "who": customers,
            "at": log.timestamps(log.packed.ticks),
            "what": "order",
            "value": often.reindex(customers).fillna(1).to_numpy() * noise,
        }
    )
    dear = cx.EventLog(frame, customer="who", time="at", event="what", value="value")
    assert "read the values with care" in cx.lifetime_value(dear, journey).note


@pytest.mark.parametrize(
    ("rows", "options", "sentence"),
    [
        ([("a", 0, "order"), ("b", 3, "order")], {}, "0 of 2 buyers bought again"),
        ([("a", 5, "order"), ("b", 5, "order")], {}, r"none of 2 buyers was observed .* \(age 0\)"),
        ([("a", 0, "view"), ("b", 5, "order")], {"split": "2026-01-02"}, "nobody bought"),
        ([("a", 0, "order"), ("a", 9, "order")], {"model": "sbg", "each": "3D"}, "missed a period of 3D"),
        ([("a", 0, "order"), ("a", 9, "order")], {"model": "bg/bb"}, "for a whole period"),
        ([("a", 0, "order")], {"model": "bg-nbd"}, "Did you mean 'bg/nbd'"),
        ([("a", 0, "order")], {"each": "30D"}, "say each='moment' or each='day'"),
        ([("a", 0, "order")], {"model": "sbg", "each": "day"}, "say a period"),
        ([("a", 0, "order")], {"model": "sbg", "horizon": "2D", "each": "3D"}, "shorter than one period"),
        ([("a", 0, "order")], {"discount": -0.1}, "no rate of 0 or more"),
        ([("a", 0, "order")], {"discount": "10%"}, "is no rate"),
        ([("a", 0, "order")], {"horizon": 52}, "has no unit"),
    ],
)
def test_thin_data_and_bad_questions_are_refused_with_the_reason(rows, options, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        cx.lifetime_value(log_of(rows), cx.Definition({"Buy": ["order"]}), **options)


def test_a_base_that_nobody_leaves_is_refused():
    with pytest.raises(cx.CXError, match="as where nobody is seen to leave"):
        cx.lifetime_value(cx.datasets.complete_journey_log(), cx.datasets.complete_journey_definition())


def test_the_order_of_the_rows_changes_nothing():
    frame = cx.datasets.cdnow()
    journey = cx.datasets.cdnow_definition()
    totals = []
    for rows in (frame, frame.sample(frac=1, random_state=2)):
        log = cx.EventLog(rows, customer="customer_id", time="time", event="event", value="value")
        totals.append(cx.lifetime_value(log, journey).frame["value"].sort_index())
    pd.testing.assert_series_equal(*totals)


def test_a_fit_is_asked_for_once_and_can_be_cancelled():
    log, journey = base(), cx.Definition({"Buy": ["order"]})
    with pytest.raises(Cancelled):
        cx.lifetime_value(log, journey, on_step=lambda step, _: step > 2)
    steps = []
    cx.lifetime_value(log, journey, on_step=lambda step, _: steps.append(step))
    fitted = len(steps)
    assert fitted > 3
    cx.lifetime_value(log, journey, horizon="10D", on_step=lambda step, _: steps.append(step))
    assert len(steps) == fitted


def test_progress_of_both_fits_rises_to_one_and_what_it_raises_keeps_nothing():
    log, journey = cx.datasets.cdnow_log(), cx.datasets.cdnow_definition()

    def stop(done):
        if done > 0.3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        cx.lifetime_value(log, journey, progress=stop)
    seen = []
    cx.lifetime_value(log, journey, progress=seen.append)
    assert len(seen) > 50
    assert seen == sorted(seen)
    assert seen[-1] == 1
    kept = []
    cx.lifetime_value(log, journey, progress=kept.append)
    assert kept == [1]


def test_a_result_shows_itself(cdnow):
    assert repr(cdnow).startswith("Lifetime value of 2,357 buyers (BG/NBD)")
    assert "<table>" in cdnow._repr_html_()
