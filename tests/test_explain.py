from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from small_logs import log_of
from test_rules_against_oracle import EXAMPLES, complete, definition_of, definitions, logs
from test_rules_against_oracle import log_of as drawn_log

import cx_widgets as cx
from cx_widgets import stats

DATA = Path(__file__).parent / "data"
FEW = settings(max_examples=max(EXAMPLES // 40, 25), suppress_health_check=[HealthCheck.too_slow])
STAGES = {"See": ["ad"], "Cart": ["cart"], "Buy": ["order"]}

# Ann: ad 0, cart 1, order 2. Bob: ad 0, cart 5, order 9. Cyd: ad 0, page 1, cart 2, order 3.
# Dan: ad 0, page 1, cart 5, order 9. Eve: ad 0.
ROWS = [
    *(("Ann", 0, "ad"), ("Ann", 1, "cart"), ("Ann", 2, "order")),
    *(("Bob", 0, "ad"), ("Bob", 5, "cart"), ("Bob", 9, "order")),
    *(("Cyd", 0, "ad"), ("Cyd", 1, "page"), ("Cyd", 2, "cart"), ("Cyd", 3, "order")),
    *(("Dan", 0, "ad"), ("Dan", 1, "page"), ("Dan", 5, "cart"), ("Dan", 9, "order")),
    ("Eve", 0, "ad"),
]
PLAIN = cx.Definition(STAGES)


def with_cart(**fields):
    return cx.Definition([PLAIN["See"], PLAIN["Cart"].replace(**fields), PLAIN["Buy"]])


@pytest.fixture(scope="module")
def log():
    return log_of(ROWS)


@pytest.fixture(scope="module")
def shop():
    return cx.EventLog(pd.read_csv(DATA / "shop_600.csv.gz"), customer="customer", time="time", event="event")


@pytest.fixture(scope="module")
def windowed(shop):
    stages = {"Cart": ["cart"], "Shipping": ["shipping_details"], "Purchase": ["purchase"]}
    return cx.explain_difference(shop, cx.Definition(stages), cx.Definition(stages, window="7D"))


def numbers(result, *columns):
    return result.frame[list(columns)].to_numpy(dtype=float).tolist()


def test_a_window_on_the_shop_explains_the_published_counts(windowed):
    # 489, 385, 213 without a window, 489, 358, 165 with one of 7 days.
    assert windowed.frame.index.tolist() == ["window"]
    line = windowed.frame.loc["window"]
    assert line["label"] == "window: none → 7D"
    assert line[["numerator_before", "denominator_before", "numerator", "denominator"]].tolist() == [
        213,
        489,
        165,
        489,
    ]
    assert line["delta"] == 165 / 489 - 213 / 489
    assert line[["gained", "lost"]].tolist() == [0, 48]
    assert line["alone"] == line["delta"] == windowed.total.value
    assert windowed.interaction == 0
    assert windowed.summary == (
        "A counts 213 of 489 customers (43.6%), B 165 of 489 (33.7%): the window explains -9.8 points."
    )


def test_the_interval_is_newcombes_for_pairs(windowed):
    # Both convert 165, only A 48, neither 276: phi = 165 * 276 / sqrt(213 * 276 * 165 * 324).
    phi = 165 * 276 / np.sqrt(213 * 276 * 165 * 324)
    expected = stats.mover(stats.share(165, 489), stats.share(213, 489), phi)
    assert numbers(windowed, "delta", "lower", "upper")[0] == pytest.approx(list(expected))
    assert windowed.total == pytest.approx(expected)
    assert windowed.frame["method"].tolist() == ["MOVER 95%, paired by customer"]


def test_those_who_disagree_stand_with_their_matched_events_under_both(windowed):
    table = windowed.customers
    # 48 no longer purchase; 385 - 358 = 27 no longer get to shipping, of whom some had purchased.
    assert (table["converted_a"].sum(), table["converted_b"].sum()) == (48, 0)
    assert ((table["reached_b"] == "Cart").sum(), len(table)) == (27, 63)
    one = table.loc["user_0008"]
    assert one[["reached_a", "reached_b"]].tolist() == ["Purchase", "Cart"]
    assert one["events_a"] == ("cart", "shipping_details", "purchase")
    assert one["times_a"][1:] == (pd.Timestamp("2024-05-06 08:25:02"), pd.Timestamp("2024-05-06 08:36:51"))
    assert (one["events_b"], one["times_b"]) == (("cart",), (pd.Timestamp("2024-04-28 12:51:50"),))
    assert set(table["flips_at"]) == {"window"}
    pd.testing.assert_frame_equal(
        windowed.flips("window").rename(
            columns=lambda name: name.replace("_before", "_a").replace("_after", "_b")
        ),
        table.drop(columns="flips_at"),
    )


def test_steps_add_up_and_what_changes_do_only_together_is_left_over(log):
    # Plain: all but Eve. Window of 4 days: Ann, Cyd. Nothing between: Ann, Bob. Both: Ann.
    result = cx.explain_difference(log, PLAIN, PLAIN.with_rules(window="4D", order="strict"))
    assert result.frame.index.tolist() == ["order", "window"]
    assert numbers(result, "numerator_before", "numerator", "denominator") == [[4, 2, 5], [2, 1, 5]]
    assert result.frame["delta"].tolist() == pytest.approx([-0.4, -0.2])
    assert result.frame["alone"].tolist() == pytest.approx([-0.4, -0.4])
    assert result.total.value == pytest.approx(-0.6)
    assert result.interaction == pytest.approx(0.2)
    assert result.customers["flips_at"].to_dict() == {"Bob": "window", "Cyd": "order", "Dan": "order"}
    assert list(result.flips("window").index) == ["Bob"]
    assert [cx.funnel(log, one).frame["reach"].iloc[-1] for one in result.definitions] == [4, 2, 1]


def test_another_order_shares_the_same_total_out_in_another_way(log):
    b = PLAIN.with_rules(window="4D", order="strict")
    result = cx.explain_difference(log, PLAIN, b, order=["window"])
    assert result.frame.index.tolist() == ["window", "order"]
    assert result.frame["delta"].tolist() == pytest.approx([-0.4, -0.2])
    assert result.customers["flips_at"].to_dict() == {"Bob": "window", "Cyd": "order", "Dan": "window"}
    assert result.frame["alone"].tolist() == pytest.approx([-0.4, -0.4])
    assert "in the order given" in repr(result)
    assert "from the rows outward" in repr(cx.explain_difference(log, PLAIN, b))


@pytest.mark.parametrize(
    ("b", "keys", "numerators"),
    [
        # Dan and Cyd see the page, and nobody else.
        (PLAIN.add("Page", ["page"], at=1), ["Page.added"], [2]),
        (PLAIN.remove("Cart"), ["Cart.removed"], [4]),
        (PLAIN.rename("Cart", "Basket"), ["Basket.name"], [4]),
        (PLAIN.move("See", to=1), ["order of stages"], [0]),
        # With the page among the ads nobody enters anew; without the cart among its events all stop there.
        (PLAIN.assign("page", to="See"), ["See.events"], [4]),
        (with_cart(window="1D"), ["Cart.window"], [1]),
        (with_cart(optional=True), ["Cart.optional"], [4]),
        (with_cart(directly=True), ["Cart.directly"], [2]),
        (with_cart(nth=2), ["Cart.nth"], [0]),
        (PLAIN.with_rules(exclusions=[cx.Exclusion("page")]), ["exclusion of 'page'"], [2]),
        (PLAIN.with_rules(retention_period="7D"), ["retention_period"], [4]),
        (PLAIN.set_role("Cart", "evaluate"), ["Cart.role"], [4]),
    ],
)
def test_every_difference_is_a_named_step(log, b, keys, numerators):
    result = cx.explain_difference(log, PLAIN, b)
    assert result.frame.index.tolist() == keys
    assert result.frame["numerator"].tolist() == numerators
    back = cx.explain_difference(log, b, PLAIN)
    assert len(back.frame) == 1
    assert back.total.value == pytest.approx(-result.total.value, nan_ok=True)


def test_a_renamed_stage_is_the_same_stage_also_for_the_exclusions_that_name_it(log):
    before = PLAIN.with_rules(exclusions=[cx.Exclusion("page", after="See", before="Cart")])
    result = cx.explain_difference(log, before, before.rename("Cart", "Basket"))
    assert result.frame.index.tolist() == ["Basket.name"]
    assert result.frame[["delta", "lower", "upper"]].to_numpy().tolist() == [[0, 0, 0]]
    assert result.customers.empty


def test_a_stage_in_the_place_of_another_is_that_stage_with_another_name_and_events(log):
    result = cx.explain_difference(
        log, PLAIN, cx.Definition({"See": ["ad"], "Page": ["page"], "Buy": ["order"]})
    )
    assert result.frame.index.tolist() == ["Page.name", "Page.events"]
    assert result.frame["label"].tolist() == [
        "stage 'Cart' is called 'Page'",
        "'Page': - 'cart'; + 'page'",
    ]
    assert result.frame["numerator"].tolist() == [4, 2]


def test_an_event_that_moves_is_one_step_and_keeps_both_stages_valid(log):
    a = PLAIN.assign("page", to="See")
    result = cx.explain_difference(log, a, a.assign("page", to="Buy"))
    assert result.frame.index.tolist() == ["See to Buy"]
    assert result.frame["label"].tolist() == ["'page': 'See' → 'Buy'"]


def test_changes_of_which_one_alone_is_no_definition_are_made_together_and_that_is_said(log):
    any_order, increasing = PLAIN.with_rules(order="any"), PLAIN.with_rules(ties="strict")
    result = cx.explain_difference(log, any_order, increasing.with_rules(window="4D"))
    assert result.frame.index.tolist() == ["order + ties", "window"]
    assert result.frame["numerator"].tolist() == [4, 2]
    assert result.frame["note"].iloc[0] == (
        "order and ties are changed together, for one alone is no valid definition: "
        "order='any' with ties='strict': no order is asked. Leave ties='stage'."
    )
    assert result.frame["note"].iloc[0] in repr(result)
    moved = cx.explain_difference(
        log, any_order, increasing.with_rules(window="4D"), order=["window", "ties"]
    )
    assert moved.frame.index.tolist() == ["window", "order + ties"]


def test_a_merge_takes_the_stage_and_its_events_together(log):
    result = cx.explain_difference(log, PLAIN, PLAIN.merge("See", "Cart"))
    assert result.frame.index.tolist() == ["Cart.removed + Cart to See"]
    # Everybody who sees an ad or has a cart enters: five, and four of them order.
    assert numbers(result, "numerator", "denominator") == [[4, 5]]


def test_another_unit_is_said_not_to_be_comparable_line_by_line(log):
    # Sessions end after two days: the orders of Bob and Dan are alone.
    result = cx.explain_difference(log, PLAIN, PLAIN.with_rules(window="9D", unit="2D"))
    assert result.frame.index.tolist() == ["window", "unit"]
    assert numbers(result, "numerator", "denominator") == [[4, 5], [2, 5]]
    assert result.frame["gained"].isna().tolist() == [False, True]
    assert "from customers to sessions (2D gap)" in result.frame.loc["unit", "note"]
    assert "A counts 4 of 5 customers (80.0%), B 2 of 5 sessions (40.0%)" in result.summary
    table = result.customers
    assert table["converted_a"].to_dict() == {"Bob": 1, "Dan": 1}
    assert table["converted_b"].to_dict() == {"Bob": 0, "Dan": 0}
    assert table.loc["Bob", "events_b"] == ("ad",)


def test_an_earlier_end_of_observation_leaves_out_who_came_later():
    # By day 4 Ann and Cyd have ordered, Bob and Dan have not, Fay is not there yet.
    log = log_of([*ROWS, ("Fay", 6, "ad"), ("Fay", 7, "cart"), ("Fay", 8, "order")])
    result = cx.explain_difference(log, PLAIN, PLAIN.with_rules(observation_end="2026-01-05"))
    assert result.frame.index.tolist() == ["observation_end"]
    assert numbers(result, "numerator_before", "denominator_before", "numerator", "denominator") == [
        [5, 6, 2, 5]
    ]
    assert numbers(result, "gained", "lost", "flipped") == [[0, 3, 3]]
    table = result.customers
    assert table["entered_b"].to_dict() == {"Bob": 1, "Dan": 1, "Fay": 0}
    assert table["events_b"].to_dict() == {"Bob": ("ad",), "Dan": ("ad",), "Fay": ()}
    assert table["reached_b"].isna().tolist() == [False, False, True]
    back = cx.explain_difference(log, result.definition, PLAIN)
    assert back.total.value == pytest.approx(-result.total.value)
    assert cx.compare_rules(log, {"then": result.definition, "now": PLAIN}).frame["delta"].tolist() == [
        0,
        back.total.value,
    ]


def test_a_window_of_another_kind_and_an_anchored_stage_are_changes_too(log):
    # Within two rows of the ad: Ann, Bob.
    rows = PLAIN.with_rules(ties="row")
    result = cx.explain_difference(log, rows, rows.with_rules(window="2 events"))
    assert result.frame["label"].tolist() == ["window: none → 2 events"]
    assert result.frame["numerator"].tolist() == [2]
    a = PLAIN.with_rules(order="any")
    anchored = cx.Definition([a["See"].replace(anchored=True), *a.stages[1:]], a.rules)
    assert cx.explain_difference(log, a, anchored).frame.index.tolist() == ["See.anchored"]


def test_changes_that_make_no_difference_are_said_to_make_none(log):
    result = cx.explain_difference(log, PLAIN, PLAIN.with_rules(window="50D", entry="first"))
    assert result.summary.endswith("none of the 2 changes makes a difference here.")
    one = cx.explain_difference(log, PLAIN, PLAIN.with_rules(window="50D"))
    assert one.summary.endswith("the change makes no difference here.")
    assert one.frame[["delta", "lower", "upper", "alone"]].to_numpy().tolist() == [[0, 0, 0, 0]]
    assert result.customers.empty


def test_a_definition_against_itself_gives_nothing(log):
    for other in (PLAIN, cx.Definition([*PLAIN.stages[:2], PLAIN["Buy"].replace(role="buy")])):
        result = cx.explain_difference(log, PLAIN, other)
        assert result.frame.empty
        assert result.total == (0, 0, 0)
        assert result.interaction == 0
        assert result.customers.empty
        assert result.summary.endswith("they are one definition.")
        assert "customers" in result._repr_html_()


def test_an_empty_log_has_undefined_differences():
    result = cx.explain_difference(log_of([]), PLAIN, PLAIN.with_rules(window="1D"))
    assert result.frame[["value", "delta", "lower", "upper", "alone"]].isna().all(axis=None)
    assert np.isnan(result.total.value)
    assert result.customers.empty
    assert result.summary.endswith("the difference is undefined.")
    assert "\N{EN DASH}" in repr(result)


def test_a_long_list_of_changes_is_summed_up_in_one_sentence(log):
    b = PLAIN.with_rules(
        window="4D", order="strict", entry="first", denominator="all", exclusions=[cx.Exclusion("page")]
    )
    result = cx.explain_difference(log, PLAIN, b)
    assert result.summary == (
        "A counts 4 of 5 customers (80.0%), B 1 of 5 (20.0%): the order explains -40.0 points, "
        "the window -20.0, 3 change nothing."
    )


def test_wrong_questions_are_refused_with_a_way_out(log):
    b = PLAIN.with_rules(window="4D", order="strict")
    with pytest.raises(cx.CXError, match=r"^unknown change 'windw'. Did you mean 'window'\?"):
        cx.explain_difference(log, PLAIN, b, order=["windw"])
    with pytest.raises(cx.CXError, match=r"names a change twice. Name it once.$"):
        cx.explain_difference(log, PLAIN, b, order=["window", "window"])
    for order in ("window", 3, [], [3]):
        with pytest.raises(cx.CXError, match=r"is no list of changes"):
            cx.explain_difference(log, PLAIN, b, order=order)
    with pytest.raises(cx.CXError, match=r"^unknown change 'order of'. Did you mean 'order'\?"):
        cx.explain_difference(log, PLAIN, b).flips("order of")
    with pytest.raises(cx.CXError, match=r"^a DataFrame is no event log."):
        cx.explain_difference(pd.DataFrame(), PLAIN, b)
    with pytest.raises(cx.CXError, match=r"^the definition is a dict."):
        cx.explain_difference(log, PLAIN, STAGES)
    with pytest.raises(cx.CXError, match=r"^unknown event 'orders'"):
        cx.explain_difference(log, cx.Definition({"Buy": ["orders"]}), b)
    with pytest.raises(cx.CXError, match=r"^unknown event 'orders'"):
        cx.explain_difference(log, b, cx.Definition({"Buy": ["orders"]}))


def test_names_are_escaped_in_the_html(log):
    result = cx.explain_difference(log, PLAIN, PLAIN.rename("Buy", "<b>"))
    assert "&lt;b&gt;" in result._repr_html_()
    assert "<b>" not in result._repr_html_()


def test_the_frame_is_a_copy(windowed):
    frame = windowed.frame
    frame["delta"] = 9
    assert windowed.frame["delta"].iloc[0] < 0


def conversion(log, definition):
    table = cx.funnel(log, definition).frame
    return table["reach"].iloc[-1], table["entrants"].iloc[-1]


def drawn(rows, one, other):
    """Return a log and two definitions in its times."""
    times = {part: one[part] for part in ("tick", "zones")}
    return drawn_log(complete(rows), one), definition_of(one), definition_of(other | times)


@FEW
@given(logs(), definitions(), definitions())
def test_steps_lead_from_one_definition_to_the_other_without_a_gap(rows, one, other):
    log, a, b = drawn(rows, one, other)
    result = cx.explain_difference(log, a, b)
    frame = result.frame
    assert (result.definitions[0], result.definitions[-1]) == (a, b)
    here = [conversion(log, definition) for definition in result.definitions]
    if len(frame):
        before = zip(frame["numerator_before"], frame["denominator_before"], strict=True)
        assert list(before) == here[:-1]
        assert list(zip(frame["numerator"], frame["denominator"], strict=True)) == here[1:]
        if frame["delta"].notna().all():
            assert frame["delta"].sum() == pytest.approx(result.total.value)
        if frame["alone"].notna().all():
            assert frame["alone"].sum() + result.interaction == pytest.approx(result.total.value, nan_ok=True)
        assert ((frame["lower"] <= frame["delta"] + 1e-12) | frame["lower"].isna()).all()
        assert ((frame["upper"] >= frame["delta"] - 1e-12) | frame["upper"].isna()).all()
    else:
        assert here[0] == here[-1]


@FEW
@given(logs(), definitions(), definitions())
def test_those_who_disagree_make_up_the_difference_of_the_numerators(rows, one, other):
    log, a, b = drawn(rows, one, other)
    result = cx.explain_difference(log, a, b)
    table = result.customers
    net = conversion(log, b)[0] - conversion(log, a)[0]
    assert table["converted_b"].sum() - table["converted_a"].sum() == net
    assert table["flips_at"].notna().all()
    for key, line in result.frame.iterrows():
        flips = result.flips(key)
        assert len(flips) == line["flipped"]
        moved = flips["converted_after"] - flips["converted_before"]
        assert moved.sum() == line["numerator"] - line["numerator_before"]
        if line["gained"] is not pd.NA:
            assert (moved[moved > 0].sum(), -moved[moved < 0].sum()) == (line["gained"], line["lost"])
        assert set(table.index[table["flips_at"] == key]) <= set(flips.index)


@FEW
@given(logs(), definitions())
def test_nothing_explains_no_difference(rows, one):
    log, definition, again = drawn(rows, one, one)
    result = cx.explain_difference(log, definition, again)
    assert result.frame.empty
    assert result.customers.empty
    assert result.total.value == 0 or np.isnan(result.total.value)


@FEW
@given(logs(), definitions(), definitions())
def test_the_way_back_undoes_the_difference(rows, one, other):
    log, a, b = drawn(rows, one, other)
    there, back = cx.explain_difference(log, a, b), cx.explain_difference(log, b, a)
    assert there.total.value == pytest.approx(-back.total.value, nan_ok=True)
    assert sorted(there.customers.index) == sorted(back.customers.index)
