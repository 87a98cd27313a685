from __future__ import annotations

from importlib.resources import files
from io import BytesIO
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets.datasets import Incident

FOLDER = files("cx_widgets.datasets")


# --- The Complete Journey --------------------------------------------------------------------------


def test_the_complete_journey_has_whole_histories_of_425_households():
    events = cx.datasets.complete_journey()
    assert len(events) == 26_758
    assert events["household_id"].nunique() == 425
    assert events["time"].min() == pd.Timestamp("2016-11-14")
    assert events["time"].max() == pd.Timestamp("2017-12-31 23:01:20")
    assert events["value"].sum() == pytest.approx(743_525.17)
    assert events["event"].value_counts().to_dict() == {
        "basket_grocery": 7825,
        "basket_quick": 5949,
        "basket_fresh": 2917,
        "basket_big": 2830,
        "basket_fuel": 2404,
        "basket_drugstore": 1717,
        "basket_coupon": 1581,
        "campaign_a": 606,
        "campaign_b": 376,
        "coupon_redeemed": 186,
        "basket_other": 177,
        "campaign_c": 100,
        "basket_natural": 90,
    }


def test_the_complete_journey_is_sorted_and_its_columns_mean_what_they_say():
    events = cx.datasets.complete_journey()
    keys = list(zip(events["household_id"], events["time"], strict=True))
    assert keys == sorted(keys)
    basket = events["event"].astype(str).str.startswith("basket_")
    assert (events["channel"] == "store").equals(basket)
    assert events["value"].notna().equals(basket)
    assert events["store_id"].notna().equals(basket)
    assert events["campaign_id"].notna().equals(~basket)
    assert events["own_brand"].dropna().between(0, 1).all()
    assert events.loc[events["event"] == "basket_quick", "items"].max() == 2
    assert events.loc[events["event"] == "basket_big", "items"].min() == 20
    of_its_own = events.loc[events["event"].isin(["basket_grocery", "basket_fresh"]), "items"]
    assert of_its_own.between(3, 19).all()


def test_age_and_income_belong_to_the_household_on_every_row():
    events = cx.datasets.complete_journey()
    assert events.drop_duplicates(["household_id", "age", "income"])["household_id"].is_unique
    known = events.drop_duplicates("household_id")["age"].value_counts()
    assert known.loc["45-54"] == 67
    assert known.sum() == 147
    assert events["income"].cat.ordered


def test_a_coupon_is_redeemed_on_a_day_with_a_basket():
    events = cx.datasets.complete_journey()
    day = events["time"].dt.normalize()
    basket = events["channel"] == "store"
    baskets = set(zip(events.loc[basket, "household_id"], day[basket], strict=True))
    coupons = events["event"] == "coupon_redeemed"
    assert set(zip(events.loc[coupons, "household_id"], day[coupons], strict=True)) <= baskets


def test_the_files_stay_small():
    for name, columns in (("complete_journey.zip", 12), ("cdnow.zip", 4)):
        data = FOLDER.joinpath(name).read_bytes()
        assert len(data) <= 240_000
        with ZipFile(BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == columns
    notes = FOLDER.joinpath("LICENSE-DATA.md").read_text(encoding="utf-8")
    assert "CC0" in notes
    assert "Fader" in notes


def test_each_call_returns_a_frame_of_its_own():
    first = cx.datasets.cdnow()
    first["value"] = 0.0
    assert cx.datasets.cdnow()["value"].sum() > 0


# --- CDNOW -----------------------------------------------------------------------------------------


def test_cdnow_is_the_published_sample():
    purchases = cx.datasets.cdnow()
    assert list(purchases) == ["customer_id", "time", "event", "quantity", "value"]
    assert len(purchases) == 6_919
    assert purchases["customer_id"].nunique() == 2_357
    assert purchases["quantity"].sum() == 16_479
    assert purchases["value"].sum() == pytest.approx(244_091.94)
    assert purchases["time"].min() == pd.Timestamp("1997-01-01")
    assert purchases["time"].max() == pd.Timestamp("1998-06-30")
    assert purchases.duplicated().sum() == 21


def test_cdnow_gives_the_published_summary_of_the_first_39_weeks():
    # Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: 946 customers made at least one
    # repeat transaction (on another day) by the end of September 1997, 2,457 repeat transactions in all.
    purchases = cx.datasets.cdnow()
    early = purchases[purchases["time"] <= "1997-09-30"]
    repeats = early.groupby("customer_id")["time"].nunique() - 1
    assert len(repeats) == 2_357
    assert (repeats > 0).sum() == 946
    assert repeats.sum() == 2_457


# --- Logs and definitions ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["complete_journey", "cdnow"])
def test_every_event_of_a_data_set_has_its_place_in_its_definition(name):
    log = getattr(cx.datasets, f"{name}_log")()
    definition = getattr(cx.datasets, f"{name}_definition")()
    assert len(log) == len(getattr(cx.datasets, name)())
    assert not definition.problems(log)
    assert (definition.stage_of_rows(log) > 0).all()
    assert cx.Definition.from_json(definition.to_json()) == definition


def test_the_funnel_of_the_complete_journey_starts_with_the_households_that_got_a_campaign():
    funnel = cx.funnel(cx.datasets.complete_journey_log(), cx.datasets.complete_journey_definition())
    events = cx.datasets.complete_journey()
    campaigns = events["event"].isin(["campaign_a", "campaign_b", "campaign_c"])
    reach = funnel.frame["reach"].to_list()
    assert reach[0] == events.loc[campaigns, "household_id"].nunique() == 260
    assert reach == sorted(reach, reverse=True)
    assert reach[-1] > 0


def test_repeat_buyers_of_cdnow_are_those_who_bought_on_another_day():
    # Two orders at one time stamp are one purchase.
    loyalty = cx.loyalty(cx.datasets.cdnow_log(), cx.datasets.cdnow_definition()).frame
    days = cx.datasets.cdnow().groupby("customer_id")["time"].nunique()
    assert loyalty.loc["repeat_rate", "numerator"] == (days > 1).sum()
    assert loyalty.loc["repeat_rate", "denominator"] == 2_357


# --- The shop --------------------------------------------------------------------------------------


class Visits(NamedTuple):
    """The journeys of a shop, stage by stage, computed the slow and plain way."""

    rows: pd.DataFrame
    first_order: pd.Series


def visits_of(shop) -> Visits:
    """Return one row per visit (a run of events of one stage): customer, stage, time, next stage and time."""
    stage_of = {name: stage.name for stage in shop.definition().stages for name in stage.events}
    rows = shop.events[["customer_id", "time", "event"]].copy()
    rows["stage"] = rows["event"].astype(str).map(stage_of)
    new = (rows["stage"] != rows["stage"].shift()) | (rows["customer_id"] != rows["customer_id"].shift())
    rows = rows[new].reset_index(drop=True)
    following = rows.shift(-1)
    same = following["customer_id"] == rows["customer_id"]
    rows["next"] = following["stage"].where(same, "(end)")
    rows["dwell_days"] = ((following["time"] - rows["time"]).where(same)) / pd.Timedelta("1D")
    orders = rows[rows["stage"] == "Buy"]
    return Visits(rows, orders.groupby("customer_id")["time"].min())


@pytest.fixture(scope="module")
def long_shop():
    """Twenty thousand customers who arrive early in a long observation: hardly anything is cut off."""
    return cx.datasets.shop(seed=7, customers=20_000, days=3_000, arrival_days=30, incidents=())


def close(share: float, truth: float, n: int) -> bool:
    """Return whether a share lies within four standard errors of the truth."""
    return abs(share - truth) <= 4 * np.sqrt(truth * (1 - truth) / n)


def test_the_shop_walks_by_the_chances_it_returns(long_shop):
    rows, first_order = visits_of(long_shop)
    before = rows[~(rows["time"] >= rows["customer_id"].map(first_order))]
    for stage, chances in long_shop.truth.steps.items():
        destinations = before.loc[before["stage"] == stage, "next"]
        expected = {**chances, "(end)": 1 - sum(chances.values())}
        assert set(destinations) == set(expected)
        for target, chance in expected.items():
            assert close((destinations == target).mean(), chance, len(destinations)), (stage, target)
    starts = rows.drop_duplicates("customer_id")["stage"]
    assert close((starts == "Aware").mean(), long_shop.truth.aware_share, 20_000)
    assert close(len(first_order) / 20_000, long_shop.truth.conversion, 20_000)


def test_the_shop_dwells_as_long_as_it_says(long_shop):
    rows = visits_of(long_shop).rows
    for stage, mean in long_shop.truth.dwell_days.items():
        dwell = rows.loc[rows["stage"] == stage, "dwell_days"].dropna()
        # The standard deviation of an exponential is its mean.
        assert abs(dwell.mean() - mean) <= 4 * mean / np.sqrt(len(dwell)) + 1e-4, stage


def test_the_shop_has_the_loyal_the_loops_and_the_advocates_it_says(long_shop):
    truth = long_shop.truth
    rows, first_order = visits_of(long_shop)
    orders = rows[rows["stage"] == "Buy"]
    loyal = orders["customer_id"].value_counts()
    loyal = loyal[loyal > 1].index
    assert close(len(loyal) / len(first_order), truth.loyal_share, len(first_order))
    advocates = rows.loc[rows["stage"] == "Advocate", "customer_id"].unique()
    assert set(advocates) <= set(loyal)
    assert close(len(advocates) / len(loyal), truth.advocate_share, len(loyal))
    repeats = orders["customer_id"].duplicated()
    before = rows["stage"].shift()[orders.index][repeats]
    assert set(before) == {"Bond", "Evaluate"}
    assert close((before == "Bond").mean(), truth.loop_share, len(before))
    more = orders["customer_id"].value_counts()[loyal] - 2
    assert more.mean() == pytest.approx(truth.repeat_probability / (1 - truth.repeat_probability), rel=0.05)
    enjoyed = orders["next"] == "Enjoy"
    assert close(enjoyed.mean(), truth.enjoy_probability, len(orders))


def test_the_shop_earns_and_is_judged_as_it_says(long_shop):
    truth, events = long_shop.truth, long_shop.events
    revenue = events.loc[events["event"] == "order", "revenue"]
    assert revenue.notna().all()
    assert events.loc[events["event"] != "order", "revenue"].isna().all()
    assert abs(revenue.mean() - truth.order_value) <= 4 * revenue.std() / np.sqrt(len(revenue))
    surveys = events[events["event"] == "survey"]
    assert events["score"].notna().sum() == len(surveys) > 0
    advocates = events.loc[
        events["event"].isin(["referral_sent", "review_written", "social_share"]), "customer_id"
    ]
    of_advocates = surveys["customer_id"].isin(advocates)
    assert set(surveys.loc[of_advocates, "score"]) == {9.0, 10.0}
    others = surveys.loc[~of_advocates, "score"]
    assert others.max() == 8
    assert abs(others.mean() - truth.passive_score) <= 4 * others.std() / np.sqrt(len(others))
    assert events.drop_duplicates(["event", "channel"])["event"].is_unique
    assert set(events["channel"].unique()) == {"owned", "earned", "paid"}


def test_the_package_finds_the_truth_of_the_shop(long_shop):
    truth, log, definition = long_shop.truth, long_shop.log(), long_shop.definition()
    steps = cx.transitions(log, definition).frame.set_index(["from", "to"])
    for target, chance in truth.steps["Aware"].items():
        found = steps.loc[("Aware", target)]
        assert close(found["share"], chance, found["denominator"])
    loyalty = cx.loyalty(log, definition).frame
    assert close(loyalty.loc["repeat_rate", "value"], truth.loyal_share, loyalty.loc["buyers", "value"])
    loops = loyalty.loc["loyalty_loop"]
    assert loops["value"] == pytest.approx(truth.loop_share, abs=0.03)
    assert loyalty.loc["active_passive", "value"] == pytest.approx(truth.active_passive, rel=0.15)


def test_an_outage_stops_the_customers_it_hits_and_leaves_its_trace():
    outage = Incident("outage", "Evaluate", first_day=0, days=100, factor=0.2, event="checkout_error")
    shop = cx.datasets.shop(seed=3, customers=20_000, days=3_000, arrival_days=30, incidents=[outage])
    rows, first_order = visits_of(shop)
    before = rows[~(rows["time"] >= rows["customer_id"].map(first_order))]
    hit = before["time"] < shop.truth.start + pd.Timedelta("100D")
    to_buy = before.loc[hit & (before["stage"] == "Evaluate"), "next"] == "Buy"
    assert close(to_buy.mean(), 0.2 * shop.truth.steps["Evaluate"]["Buy"], len(to_buy))
    errors = shop.events["event"] == "checkout_error"
    assert errors.sum() >= len(to_buy)
    assert shop.truth.incidents == (outage,)
    assert "checkout_error" in shop.definition()["Evaluate"].events


def test_a_total_outage_lets_nobody_through():
    outage = Incident("outage", "Evaluate", first_day=0, days=400, factor=0.0)
    shop = cx.datasets.shop(seed=3, customers=500, steps={"Consider": {"Evaluate": 1}}, incidents=[outage])
    assert not (shop.events["event"] == "order").any()


def test_a_strike_spoils_the_scores_of_its_days():
    strike = Incident("strike", "Enjoy", first_day=100, days=50, score_shift=-3, event="delivery_late")
    options = {"customers": 20_000, "seed": 5, "survey_probability": 1.0, "dwell_days": {"Enjoy": 0.1}}
    shop = cx.datasets.shop(**options, incidents=[strike])
    surveys = shop.events[shop.events["event"] == "survey"]
    day = (surveys["time"] - shop.truth.start) / pd.Timedelta("1D")
    during = day.between(101, 150)
    outside = (day < 100) | (day > 151)
    assert surveys.loc[outside, "score"].mean() - surveys.loc[during, "score"].mean() == pytest.approx(
        2.9, abs=0.4
    )


def test_the_same_seed_gives_the_same_shop_and_another_seed_another():
    one, same, other = (cx.datasets.shop(seed=seed, customers=200).events for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


def test_the_shop_is_sorted_and_ends_with_its_observation():
    shop = cx.datasets.shop(seed=2, customers=3_000, start="2024-02-01", days=90)
    events = shop.events
    assert events["customer_id"].is_monotonic_increasing
    assert (events.groupby("customer_id")["time"].diff().dropna() >= pd.Timedelta(0)).all()
    assert events["time"].min() >= pd.Timestamp("2024-02-01")
    assert events["time"].max() < shop.truth.observation_end == pd.Timestamp("2024-05-01")
    assert events["customer_id"].nunique() == 3_000
    # No event of one stage shares its second with an event of another stage of the same customer.
    stage_of = {name: stage.name for stage in shop.definition().stages for name in stage.events}
    seconds = events.assign(stage=events["event"].astype(str).map(stage_of))
    seconds = seconds.drop_duplicates(["customer_id", "time", "stage"])
    assert not seconds.duplicated(["customer_id", "time"]).any()
    assert repr(shop).startswith("Shop: ")


def test_an_empty_shop_is_an_empty_log():
    shop = cx.datasets.shop(customers=0)
    assert len(shop.events) == 0
    assert shop.log().n_customers == 0
    assert cx.funnel(shop.log(), shop.definition()).frame["reach"].tolist()[0] == 0


def test_the_truth_cannot_be_changed():
    truth = cx.datasets.shop(customers=10).truth
    with pytest.raises(AttributeError):
        truth.loyal_share = 0.9
    with pytest.raises(TypeError):
        truth.steps["Aware"]["Consider"] = 1.0
    assert truth.active_passive == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"customers": -1}, "customers must be a whole number, 0 or more, not -1."),
        ({"customers": 2.5}, "customers must be a whole number, 0 or more, not 2.5."),
        ({"loyal_share": 1.5}, "loyal_share must lie between 0 and 1, not 1.5."),
        ({"passive_score": 9}, "passive_score must lie between 0 and 8, not 9."),
        ({"days": 0}, "days must be a number above 0, not 0."),
        ({"extra_events": {"Bond": -1}}, "extra_events['Bond'] must be a number, 0 or more, not -1."),
        (
            {"extra_events": {"Buy": 1}},
            "extra_events['Buy'] must be 0: an order is the only event of its visit.",
        ),
        ({"dwell_days": {"Buy": float("nan")}}, "dwell_days['Buy'] must be a number above 0, not nan."),
        (
            {"dwell_days": {"Evalute": 2}},
            (
                "unknown stage in dwell_days 'Evalute'. Did you mean 'Evaluate'? Available: "
                "['Aware', 'Consider', 'Evaluate', 'Buy', 'Enjoy', 'Advocate', 'Bond']."
            ),
        ),
        (
            {"steps": {"Buy": {"Aware": 1}}},
            "unknown stage in steps 'Buy'. Available: ['Aware', 'Consider', 'Evaluate'].",
        ),
        (
            {"steps": {"Aware": {"Aware": 0.5}}},
            "unknown next stage of 'Aware' 'Aware'. Available: ['Consider', 'Evaluate', 'Buy'].",
        ),
        (
            {"steps": {"Aware": {"Consider": 0.7, "Buy": 0.5}}},
            "the chances of steps['Aware'] add up to 1.2; they must not exceed 1.",
        ),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(options, sentence):
    with pytest.raises(cx.CXError) as caught:
        cx.datasets.shop(**options)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"stage": "Buy", "factor": 0.5},
            (
                "an incident's factor works before the purchase only, not in 'Buy'. "
                "Stages with a factor: ['Aware', 'Consider', 'Evaluate']."
            ),
        ),
        (
            {"stage": "Buy", "score_shift": 1},
            "an incident's score_shift works in 'Enjoy', where the survey is, not in 'Buy'.",
        ),
        ({"stage": "Enjoy", "days": 0}, "days must be a number above 0, not 0."),
    ],
)
def test_an_incident_that_could_not_work_is_refused(options, sentence):
    with pytest.raises(cx.CXError) as caught:
        Incident("trouble", **{"first_day": 0, "days": 1, **options})
    assert str(caught.value) == sentence
