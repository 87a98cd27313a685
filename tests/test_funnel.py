from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

DATA = Path(__file__).parent / "data"
CASES = json.loads((DATA / "funnel_cases_ordered.json").read_text(encoding="utf-8"))
STAGES = {"Consider": ["ad", "search"], "Evaluate": ["compare"], "Buy": ["order"]}

# Ann converts on her second try, Bob stops at Evaluate, Cyd never gets past an ad, Dan comes in sideways,
# Eve does everything at one moment.
JOURNEYS = [
    ("Ann", 0, "ad"),
    ("Ann", 10, "search"),
    ("Ann", 11, "compare"),
    ("Ann", 13, "order"),
    ("Bob", 1, "search"),
    ("Bob", 2, "page"),
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
def log():
    return log_of(JOURNEYS)


def days(*numbers):
    return [pd.NaT if number is None else pd.Timedelta(days=number) for number in numbers]


def test_reach_counts_customers_with_a_chain_through_the_stages(log):
    frame = cx.funnel(log, cx.Definition(STAGES)).frame
    # Consider: Ann, Bob, Cyd, Eve. Evaluate: Ann, Bob, Eve. Buy: Ann, Eve. Dan never entered.
    assert list(frame.index) == ["Consider", "Evaluate", "Buy"]
    assert frame["reach"].tolist() == [4, 3, 2]
    assert frame["entrants"].tolist() == [4, 4, 4]
    assert frame["conversion"].tolist() == [1.0, 0.75, 0.5]
    assert frame["step_conversion"].tolist()[1:] == [0.75, 2 / 3]
    assert frame["previous"].tolist() == [pd.NA, 4, 3]
    assert frame["drop_off"].tolist() == [pd.NA, 1, 1]
    assert frame["drop_off_share"].tolist()[1:] == [0.25, 1 / 3]
    assert frame["open"].tolist() == [0, 0, 0]
    assert frame["method"].unique().tolist() == ["Wilson 95%"]


def test_the_first_stage_has_no_step_figures(log):
    first = cx.funnel(log, cx.Definition(STAGES)).frame.iloc[0]
    undefined = ["step_conversion", "step_lower", "step_upper", "drop_off_share", "median_from_previous"]
    assert first[[*undefined, "previous", "drop_off"]].isna().all()
    assert first["median_from_entry"] == pd.Timedelta(0)


def test_intervals_are_wilsons(log):
    frame = cx.funnel(log, cx.Definition(STAGES)).frame
    # 3 of 4 and 2 of 4, from the closed form with z = 1.959964.
    assert frame.loc["Evaluate", ["conversion_lower", "conversion_upper"]].tolist() == pytest.approx(
        [0.300641, 0.954413], abs=1e-6
    )
    assert frame.loc["Buy", ["conversion_lower", "conversion_upper"]].tolist() == pytest.approx(
        [0.150039, 0.849961], abs=1e-6
    )


def test_times_run_from_the_latest_entry_that_reaches_the_stage(log):
    frame = cx.funnel(log, cx.Definition(STAGES)).frame
    # Evaluate from entry: Ann 11 - 10, Bob 3 - 1, Eve 0. Buy: Ann 13 - 10, Eve 0; from Evaluate: 2, 0.
    assert frame["median_from_entry"].tolist() == days(0, 1, 1.5)
    assert frame["median_from_previous"].tolist() == days(None, 1, 1)


def test_the_window_is_measured_from_entry_and_its_end_is_inside(log):
    reach = [
        cx.funnel(log, cx.Definition(STAGES, window=window)).frame["reach"].tolist()
        for window in ("1D", "2D", "71h", "3D")
    ]
    assert reach == [[4, 2, 1], [4, 3, 1], [4, 3, 1], [4, 3, 2]]


def test_the_best_attempt_counts_not_the_first():
    late = log_of([("a", 0, "ad"), ("a", 100, "ad"), ("a", 101, "order"), ("a", 300, "page")])
    frame = cx.funnel(late, cx.Definition({"See": ["ad"], "Buy": ["order"]}, window="2D")).frame
    assert frame["reach"].tolist() == [1, 1]
    assert frame.loc["Buy", "median_from_entry"] == pd.Timedelta(days=1)


def test_customers_are_open_while_their_last_entry_is_younger_than_the_window(log):
    # The log ends on day 20. Cyd's last entry is on day 19, Bob's on day 1.
    one, two, month = (cx.funnel(log, cx.Definition(STAGES, window=w)) for w in ("1D", "2D", "30D"))
    assert one.frame["open"].tolist() == [0, 0, 0]
    assert two.frame["open"].tolist() == [1, 0, 0]
    assert month.frame["open"].tolist() == [1, 1, 0]
    assert [result.open_customers for result in (one, two, month)] == [0, 1, 2]


def test_a_window_that_is_no_whole_number_of_ticks_is_exact(log):
    # A whole-second log, so ticks are seconds: 2 days are inside "2D0.5s", and 1 day and a half second is not
    # a day more than one.
    assert cx.funnel(log, cx.Definition(STAGES, window="2D500ms")).frame["reach"].tolist() == [4, 3, 1]
    short = cx.funnel(log, cx.Definition(STAGES, window="1D500ms"))
    assert short.frame["reach"].tolist() == [4, 2, 1]
    assert short.open_customers == 1


def test_ties_take_stages_in_their_order_whatever_the_order_of_rows():
    rows = [("a", 0, "order"), ("a", 0, "compare"), ("a", 0, "ad")]
    for turned in (rows, rows[::-1], [rows[1], rows[0], rows[2]]):
        definition = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]})
        assert cx.funnel(log_of(turned), definition).frame["reach"].tolist() == [1, 1, 1]


def test_customers_behind_a_bar_stand_in_the_order_of_the_log(log):
    result = cx.funnel(log, cx.Definition(STAGES))
    assert list(result.customers("Consider").index) == ["Ann", "Bob", "Cyd", "Eve"]
    assert list(result.customers("Evaluate", state="reached").index) == ["Ann", "Bob", "Eve"]
    assert list(result.customers("Evaluate", state="stopped").index) == ["Bob"]
    assert list(result.customers("Evaluate", state="dropped").index) == ["Cyd"]
    assert list(result.customers("Buy", state="dropped").index) == ["Bob"]


def test_the_customer_table_tells_reach_entry_and_first_arrivals(log):
    table = cx.funnel(log, cx.Definition(STAGES, window="30D")).customers("Consider")
    assert list(table.columns) == ["reach", "entered", "Consider", "Evaluate", "Buy", "converted", "open"]
    assert table.index.name == "customer"
    ann = table.loc["Ann"]
    assert ann["reach"] == "Buy"
    assert [ann[name].day for name in ("entered", "Consider", "Evaluate", "Buy")] == [11, 1, 12, 14]
    assert bool(ann["converted"])
    cyd = table.loc["Cyd"]
    assert cyd["reach"] == "Consider"
    assert cyd["Evaluate"] is pd.NaT
    assert not cyd["converted"]
    assert table["open"].tolist() == [False, True, True, False]
    # Stages have an order: a deeper one is larger.
    assert (table["reach"] > "Consider").tolist() == [True, True, False, True]


def test_a_stage_named_like_a_column_keeps_its_times():
    log = log_of([("a", 0, "x"), ("a", 1, "y")])
    table = cx.funnel(log, cx.Definition({"open": ["x"], "reach": ["y"]})).customers("open")
    assert list(table.columns) == ["reach", "entered", "open (time)", "reach (time)", "converted", "open"]


def test_matches_name_the_rows_of_the_given_frame(log):
    matches = cx.funnel(log, cx.Definition(STAGES)).matches
    assert list(zip(matches["customer"], matches["stage"], matches["row"], strict=True)) == [
        ("Ann", "Consider", 1),
        ("Ann", "Evaluate", 2),
        ("Ann", "Buy", 3),
        ("Bob", "Consider", 4),
        ("Bob", "Evaluate", 6),
        ("Cyd", "Consider", 7),
        ("Eve", "Consider", 13),
        ("Eve", "Evaluate", 12),
        ("Eve", "Buy", 11),
    ]
    assert matches["time"].iloc[0] == pd.Timestamp("2026-01-11")


def test_wrong_questions_are_refused_with_a_way_out(log):
    result = cx.funnel(log, cx.Definition(STAGES))
    with pytest.raises(cx.CXError, match=r"^unknown stage 'Bye'. Did you mean 'Buy'\?"):
        result.customers("Bye")
    with pytest.raises(
        cx.CXError,
        match=r"^unknown state 'lost'. Available: \['reached', 'converted', 'dropped', 'stopped', ",
    ):
        result.customers("Buy", state="lost")
    sentence = "nobody is lost before 'Consider': it is the first stage."
    with pytest.raises(cx.CXError, match=f"^{re.escape(sentence)}"):
        result.customers("Consider", state="dropped")
    with pytest.raises(cx.CXError, match=r"^unknown event 'orders'. Did you mean 'order'\?"):
        cx.funnel(log, cx.Definition({"Buy": ["orders"]}))
    with pytest.raises(cx.CXError, match=r"^stage 'Buy' has no events"):
        cx.funnel(log, cx.Definition({"Buy": []}))
    with pytest.raises(
        cx.CXError, match=r"^a DataFrame is no event log. Make one first: log = cx.EventLog\("
    ):
        cx.funnel(pd.DataFrame(), cx.Definition(STAGES))
    with pytest.raises(cx.CXError, match=r"^the definition is a dict. Make a Definition of it first"):
        cx.funnel(log, STAGES)


def test_an_empty_log_gives_zero_counts_and_undefined_rates():
    result = cx.funnel(log_of([]), cx.Definition(STAGES, window="1D"))
    frame = result.frame
    assert frame["reach"].tolist() == [0, 0, 0]
    assert (
        frame[["conversion", "conversion_lower", "conversion_upper", "step_conversion"]].isna().all(axis=None)
    )
    assert frame[["median_from_entry", "median_from_previous"]].isna().all(axis=None)
    assert result.customers("Buy").empty
    assert result.matches.empty
    assert "0 customers" in repr(result)


def test_a_stage_nobody_reaches_ends_the_rates_of_those_after_it():
    log = log_of([("a", 0, "compare"), ("a", 1, "ad"), ("a", 2, "order")])
    frame = cx.funnel(log, cx.Definition(STAGES | {"Consider": ["ad"]})).frame
    assert frame["reach"].tolist() == [1, 0, 0]
    assert frame["conversion"].tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(frame.loc["Buy", "step_conversion"])
    assert frame.loc["Evaluate", "median_from_entry"] is pd.NaT


def test_one_result_for_one_definition_and_its_frame_is_a_copy(log):
    definition = cx.Definition(STAGES)
    result = cx.funnel(log, definition)
    assert cx.funnel(log, cx.Definition(STAGES)) is result
    frame = result.frame
    frame.loc["Buy", "reach"] = 99
    assert result.frame.loc["Buy", "reach"] == 2


def test_the_result_names_its_rules_and_what_it_leaves_out(log):
    result = cx.funnel(log, cx.Definition(STAGES, window="7D"))
    assert result.definition.window == pd.Timedelta(days=7)
    assert (result.n_customers, result.unassigned_events) == (6, 2)
    text = repr(result)
    assert "within 7D of entry (end included); best attempt; ties in stage order" in text
    assert "2 events lie in no stage. 1 customer is still open." in text
    assert re.search(r"Buy +2 +50\.0% +15\.0% to 85\.0% +66\.7% +1 +0 +1\.0 d +1\.5 d", text)


def test_a_name_over_two_lines_stands_in_one_and_names_keep_their_capitals():
    df = pd.DataFrame(
        {"who": [1, 1], "when": ["2026-01-01", "2026-01-02"], "what": ["a\nd", "buy"], "SessionID": [7, 7]}
    )
    log = cx.EventLog(df, customer="who", time="when", event="what")
    text = repr(cx.funnel(log, cx.Definition({"See\nit": ["a\nd"], "Buy": ["buy"]}, unit="SessionID")))
    lines = text.splitlines()
    assert lines[2].startswith("See it        1")
    assert lines[4] == (
        "Ordered, best entry, closed reach; no window; ties in stage order. "
        "Each SessionID once; shares of entrants."
    )
    plain = cx.time_to_convert(log, cx.Definition({"See\nit": ["a\nd"], "Buy": ["buy"]}))
    assert repr(plain).startswith("From See it to Buy: 1 customer\n")


def test_html_escapes_names_and_shows_percentages():
    log = log_of([("a", 0, "x"), ("a", 1, "y")])
    html = cx.funnel(log, cx.Definition({"<script>alert(1)</script>": ["x"], "B & C": ["y"]}))._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "B &amp; C" in html
    assert "100.0%" in html
    assert html.count("<table") == html.count("</table>") == 1


@pytest.fixture(scope="module")
def shop():
    frame = pd.read_csv(DATA / "shop_600.csv.gz")
    return cx.EventLog(frame, customer="customer", time="time", event="event")


@pytest.mark.parametrize(("window", "reach"), [(None, [489, 385, 213]), ("7D", [489, 358, 165])])
def test_the_synthetic_shop_gives_the_published_counts(shop, window, reach):
    stages = {"Cart": ["cart"], "Shipping": ["shipping_details"], "Purchase": ["purchase"]}
    assert cx.funnel(shop, cx.Definition(stages, window=window)).frame["reach"].tolist() == reach


def log_of_case(case, time_zone=None):
    rows = case["rows"] + [
        ("bystander", case["rows"][0][1], name) for name in case.get("bystander_events", [])
    ]
    customers, times, events = (list(column) for column in zip(*rows, strict=True))
    frame = pd.DataFrame({"customer": customers, "time": times, "event": events})
    if isinstance(times[0], str):
        frame["time"] = pd.to_datetime(frame["time"], utc=True)
        return cx.EventLog(
            frame, customer="customer", time="time", event="event", time_zone=time_zone, drop_nulls=True
        )
    return cx.EventLog(frame, customer="customer", time="time", event="event", time_unit="s")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_other_tools_with_the_same_rules_give_the_same_numbers(case):
    stages = [cx.Stage(stage["name"], stage["events"], nth=stage.get("nth")) for stage in case["stages"]]
    for time_zone in case.get("time_zones", [None]):
        result = cx.funnel(log_of_case(case, time_zone), cx.Definition(stages, window=case["window"]))
        frame = result.frame
        if "reach" in case:
            assert frame["reach"].tolist() == case["reach"]
        if "median_from_previous_seconds" in case:
            seconds = [
                None if time is pd.NaT else time.total_seconds() for time in frame["median_from_previous"]
            ]
            assert seconds == case["median_from_previous_seconds"]
        for step, customers in case.get("customers_at_step", {}).items():
            assert list(result.customers(f"step {step}").index) == customers
        if "level_by_customer" in case:
            reach = result.customers("step 1")["reach"]
            levels = {
                name: int(reach[name].split()[1]) if name in reach else 0
                for name in case["level_by_customer"]
            }
            assert levels == case["level_by_customer"]
