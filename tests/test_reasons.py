from __future__ import annotations

import numpy as np
import oracle
import pandas as pd
import pytest
from small_logs import log_of, random_case

import cx_widgets as cx

PLAIN = ("never", "before", "window", "open")
STAGES = {"See": ["ad"], "Cart": ["cart"], "Buy": ["order"]}

# The window is 7 days and the log ends on day 100. Ann converts. Bob never puts anything into a cart. Cyd did
# so only before the ad. Dan did so 9 days after it and 12 days after it. Eve got to the cart and bought
# nothing, Fay bought before, Gus 10 days after his last entry that led to a cart. Hal entered 3 days before
# the end, and has a late cart behind an earlier ad. Ida never entered.
JOURNEYS = [
    ("Ann", 0, "ad"),
    ("Ann", 1, "cart"),
    ("Ann", 2, "order"),
    ("Bob", 0, "ad"),
    ("Bob", 1, "order"),
    ("Cyd", 0, "cart"),
    ("Cyd", 1, "ad"),
    ("Dan", 0, "ad"),
    ("Dan", 9, "cart"),
    ("Dan", 12, "cart"),
    ("Eve", 0, "ad"),
    ("Eve", 1, "cart"),
    ("Fay", 0, "order"),
    ("Fay", 1, "ad"),
    ("Fay", 2, "cart"),
    ("Gus", 0, "ad"),
    ("Gus", 1, "cart"),
    ("Gus", 5, "ad"),
    ("Gus", 6, "cart"),
    ("Gus", 15, "order"),
    ("Hal", 50, "ad"),
    ("Hal", 60, "cart"),
    ("Hal", 97, "ad"),
    ("Ida", 3, "order"),
    ("Ida", 100, "page"),
]


@pytest.fixture
def result():
    return cx.reasons(log_of(JOURNEYS), cx.Definition(STAGES, window="7D"))


def test_everybody_lost_has_one_reason_for_the_stage_they_did_not_reach(result):
    frame = result.frame
    assert frame.index.names == ["stage", "reason"]
    assert frame["customers"].to_dict() == {
        ("Cart", "never"): 1,  # Bob
        ("Cart", "before"): 1,  # Cyd
        ("Cart", "window"): 1,  # Dan
        ("Cart", "open"): 1,  # Hal
        ("Buy", "never"): 1,  # Eve
        ("Buy", "before"): 1,  # Fay
        ("Buy", "window"): 1,  # Gus
        ("Buy", "open"): 0,
    }
    assert frame["losses"].tolist() == [4] * 4 + [3] * 4
    assert frame["share"].tolist() == [0.25] * 4 + [1 / 3] * 3 + [0.0]
    # 1 of 4, from the closed form with z = 1.959964.
    assert frame.loc[("Cart", "never"), ["lower", "upper"]].tolist() == pytest.approx(
        [0.045587, 0.699358], abs=1e-6
    )
    assert frame["method"].unique().tolist() == ["Wilson 95%"]
    assert (result.entrants, result.converted) == (8, 1)


def test_the_overshoot_is_how_much_longer_the_window_had_to_be(result):
    median = result.frame["overshoot_median"]
    # Dan: 9 - 0 - 7, not 12 - 0 - 7. Gus: from his second entry, 15 - 5 - 7.
    assert median["Cart", "window"] == pd.Timedelta(days=2)
    assert median["Buy", "window"] == pd.Timedelta(days=3)
    assert median.drop([("Cart", "window"), ("Buy", "window")]).isna().all()


@pytest.mark.parametrize(("customer", "stage", "days"), [("Dan", "Cart", 2), ("Gus", "Buy", 3)])
def test_a_window_longer_by_the_overshoot_lets_the_customer_through(customer, stage, days):
    log = log_of(JOURNEYS)
    for length, through in ((7 + days, True), (7 + days - 1, False)):
        reached = cx.funnel(log, cx.Definition(STAGES, window=f"{length}D")).customers(stage)
        assert (customer in reached.index) is through


def test_the_overshoot_is_that_of_the_quickest_way_there():
    # From day 0 the cart was in time and the order 5 days late; from day 3 it would have been 2 days late.
    rows = [("a", 0, "ad"), ("a", 1, "cart"), ("a", 3, "ad"), ("a", 9, "cart"), ("a", 10, "order")]
    result = cx.reasons(log_of([*rows, ("b", 50, "page")]), cx.Definition(STAGES, window="5D"))
    assert result.customers("Buy", "window")["overshoot"].tolist() == [pd.Timedelta(days=2)]


def test_the_customers_behind_a_reason_say_by_how_much_they_were_late(result):
    assert list(result.customers("Cart").index) == ["Bob", "Cyd", "Dan", "Hal"]
    table = result.customers("Cart", "window")
    assert table["overshoot"].to_dict() == {"Dan": pd.Timedelta(days=2)}
    assert table["reason"].tolist() == ["window"]
    assert list(table.columns[:2]) == ["reach", "entered"]
    assert list(result.customers("Buy", "before").index) == ["Fay"]
    assert result.customers("Buy", "before")["overshoot"].isna().all()
    assert list(result.customers("Cart", "open").index) == ["Hal"]


def test_the_median_overshoot_of_two_is_between_them():
    rows = [("a", 0, "ad"), ("a", 2, "order"), ("b", 0, "ad"), ("b", 5, "order"), ("c", 50, "page")]
    frame = cx.reasons(log_of(rows), cx.Definition({"See": ["ad"], "Buy": ["order"]}, window="1D")).frame
    assert frame.loc[("Buy", "window"), "overshoot_median"] == pd.Timedelta(days=2.5)


def test_without_a_window_nobody_is_late_and_nobody_open():
    frame = cx.reasons(log_of(JOURNEYS), cx.Definition(STAGES)).frame
    counts = frame["customers"].unstack()  # noqa: PD010 - reasons become columns
    assert counts["window"].sum() == counts["open"].sum() == 0
    # Dan and Hal are in the cart now, and Gus has bought.
    assert frame["customers"].tolist() == [1, 1, 0, 0, 3, 1, 0, 0]


def test_a_row_at_the_time_of_the_stage_before_is_not_too_early():
    rows = [("a", 0, "order"), ("a", 0, "ad"), ("b", 0, "ad")]
    frame = cx.reasons(log_of(rows), cx.Definition({"See": ["ad"], "Buy": ["order"]})).frame
    assert frame["customers"].tolist() == [1, 0, 0, 0]


def test_an_empty_log_and_a_single_stage_have_nothing_to_explain():
    empty = cx.reasons(log_of([]), cx.Definition(STAGES, window="1D"))
    assert empty.frame["customers"].tolist() == [0] * 8
    assert empty.frame[["share", "lower", "upper", "overshoot_median"]].isna().all(axis=None)
    assert empty.customers("Buy").empty
    assert "0 of 0" in repr(empty)
    assert cx.reasons(log_of(JOURNEYS), cx.Definition({"See": ["ad"]})).frame.empty


def test_wrong_questions_are_refused_with_a_way_out(result):
    with pytest.raises(cx.CXError, match=r"^unknown stage 'Card'. Did you mean 'Cart'\?"):
        result.customers("Card")
    with pytest.raises(cx.CXError, match=r"^unknown reason 'windows'. Did you mean 'window'\?"):
        result.customers("Cart", "windows")
    with pytest.raises(cx.CXError, match=r"^nobody is lost before 'See': it is the first stage."):
        result.customers("See")
    with pytest.raises(cx.CXError, match=r"^a DataFrame is no event log."):
        cx.reasons(pd.DataFrame(), cx.Definition(STAGES))


def test_the_result_reads_like_a_table_and_escapes_names():
    result = cx.reasons(log_of(JOURNEYS), cx.Definition({"<b>": ["ad"], "Buy": ["order"]}, window="7D"))
    assert "Why 6 of 8 who entered did not convert" in repr(result)
    assert "within 7D of entry" in repr(result)
    assert (
        "&lt;b&gt;"
        in cx.reasons(log_of(JOURNEYS), cx.Definition({"A": ["ad"], "<b>": ["order"]}))._repr_html_()
    )
    frame = result.frame
    frame["customers"] = 0
    assert result.frame["customers"].sum() == 6


def truth(case):
    """For each entrant who did not convert: stage reached, reason and overshoot, from all chains."""
    answer = {}
    people = oracle.funnel(case.rows, case.n_stages, case.window, case.end)
    for customer, events in oracle.by_customer(case.rows).items():
        reach = len(people[customer]["levels"])
        if reach in (0, case.n_stages):
            continue
        chains = oracle.chains(events, reach + 1, None)
        late = case.window is not None and any(chain[-2] - chain[0] <= case.window for chain in chains)
        if people[customer]["open"]:
            answer[customer] = reach, "open", None
        elif not any(stage == reach + 1 for _, stage in events):
            answer[customer] = reach, "never", None
        elif late:
            answer[customer] = reach, "window", min(chain[-1] - chain[0] for chain in chains) - case.window
        else:
            answer[customer] = reach, "before", None
    return answer


def test_reasons_agree_with_all_chains_and_partition_the_drop_offs():
    rng = np.random.default_rng([2026, 31])
    seen = set()
    for _ in range(250):
        case = random_case(rng)
        result, expected = cx.reasons(case.log, case.definition), truth(case)
        names = case.definition.names
        drop_off = cx.funnel(case.log, case.definition).frame["drop_off"].tolist()[1:]
        sums = result.frame["customers"].to_numpy().reshape(-1, len(PLAIN)).sum(axis=1).tolist()
        assert sums == drop_off
        assert len(expected) == sum(drop_off) == result.entrants - result.converted
        ours = {}
        for reach, name in enumerate(names[1:], start=1):
            table = result.customers(name)
            for customer, reason, over in zip(table.index, table["reason"], table["overshoot"], strict=True):
                assert customer not in ours
                ours[customer] = reach, reason, over
            late = [over for at, reason, over in expected.values() if (at, reason) == (reach, "window")]
            median = result.frame.loc[(name, "window"), "overshoot_median"]
            middle = case.time(oracle.middle(late))
            assert median is middle if middle is pd.NaT else median == middle
        assert ours.keys() == expected.keys()
        for customer, (reach, reason, over) in expected.items():
            assert ours[customer][:2] == (reach, reason)
            assert (ours[customer][2] is pd.NaT) if over is None else ours[customer][2] == case.time(over)
        seen |= {one[1] for one in expected.values()}
    assert seen == set(PLAIN)
