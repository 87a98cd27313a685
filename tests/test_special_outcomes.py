"""Who dropped, when, from where and why under special rules, on small literal logs."""

from __future__ import annotations

import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import stats

STAGES = {"Look": ["look"], "Cart": ["cart"], "Buy": ["buy"]}
TWO = {"Look": ["look"], "Buy": ["buy"]}


def counts(result):
    return {key: int(number) for key, number in result.frame["customers"].items() if number}


def test_who_was_lost_to_an_exclusion_is_told_by_what():
    rows = [
        ("a", 0, "look"), ("a", 1, "refund"), ("a", 2, "buy"),
        ("b", 0, "look"), ("b", 1, "refund"),
        ("c", 0, "look"), ("c", 1, "refund"), ("c", 9, "buy"),
        ("d", 0, "look"), ("d", 2, "buy"),
        ("z", 50, "look"), ("z", 51, "other"),
    ]  # fmt: skip
    definition = cx.Definition(TWO, window="5D", exclusions=[cx.Exclusion("refund")])
    result = cx.reasons(log_of(rows), definition)
    # a was refunded in between; b never bought, refund or not; c bought too late anyway; z may still buy.
    assert counts(result) == {
        ("Buy", "excluded"): 1,
        ("Buy", "never"): 1,
        ("Buy", "window"): 1,
        ("Buy", "open"): 1,
    }
    assert result.causes["customers"].to_dict() == {("Buy", "excluded", "refund"): 1}
    row = result.customers("Buy", "excluded").loc["a"]
    assert (row["cause"], row["cause_row"], row["cause_time"]) == ("refund", 1, pd.Timestamp("2026-01-02"))
    assert pd.isna(row["overshoot"])
    assert result.customers("Buy", "window")["overshoot"].tolist() == [pd.Timedelta(days=4)]
    assert "1 excluded by 'refund' before 'Buy'." in repr(result)
    with pytest.raises(
        cx.CXError, match=r"^nobody can be lost as 'broken' under these rules: they have no step"
    ):
        result.customers("Buy", "broken")


def test_a_strict_break_names_the_first_row_that_lay_between():
    rows = [
        ("a", 0, "look"), ("a", 1, "page"), ("a", 2, "help"), ("a", 3, "buy"),
        ("b", 0, "look"), ("b", 1, "buy"),
        ("c", 0, "buy"), ("c", 1, "look"), ("c", 2, "page"),
    ]  # fmt: skip
    for rules in ({"order": "strict"}, {"order": "unbroken"}):
        result = cx.reasons(log_of(rows), cx.Definition(TWO, **rules))
        assert counts(result) == {("Buy", "broken"): 1, ("Buy", "before"): 1}
        assert result.customers("Buy", "broken")["cause"].tolist() == ["page"]
        assert result.causes["customers"].to_dict() == {("Buy", "broken", "page"): 1}
    own = cx.Definition([cx.Stage("Look", ["look"]), cx.Stage("Buy", ["buy"], directly=True)])
    assert counts(cx.reasons(log_of(rows), own)) == {("Buy", "broken"): 1, ("Buy", "before"): 1}


def test_the_window_of_a_stage_is_missed_by_its_own_measure():
    stages = [cx.Stage("Look", ["look"]), cx.Stage("Cart", ["cart"]), cx.Stage("Buy", ["buy"], window="1D")]
    rows = [("a", 0, "look"), ("a", 3, "cart"), ("a", 7, "buy")]
    result = cx.reasons(log_of(rows), cx.Definition(stages))
    assert result.frame.loc[("Buy", "window"), "overshoot_median"] == pd.Timedelta(days=3)
    # With a window of 5 days from entry it is 2 days over that one, and 3 over its own.
    both = cx.reasons(log_of([*rows, ("z", 40, "x")]), cx.Definition(stages, window="5D"))
    assert both.frame.loc[("Buy", "window"), "overshoot_median"] == pd.Timedelta(days=3)


def test_nobody_is_lost_before_an_optional_stage_but_before_the_next_that_is_not():
    stages = [cx.Stage("Look", ["look"]), cx.Stage("Cart", ["cart"], optional=True), cx.Stage("Buy", ["buy"])]
    log = log_of(
        [
            ("a", 0, "look"),
            ("b", 0, "look"),
            ("b", 1, "cart"),
            ("c", 0, "look"),
            ("c", 1, "buy"),
            ("d", 0, "look"),
            ("d", 1, "cart"),
            ("d", 2, "buy"),
        ]
    )
    result = cx.reasons(log, cx.Definition(stages))
    assert list(result.frame.index.get_level_values("stage").unique()) == ["Buy"]
    assert counts(result) == {("Buy", "never"): 2}
    assert list(result.customers("Buy").index) == ["a", "b"]
    with pytest.raises(cx.CXError, match=r"^nobody is lost before 'Cart': it is optional"):
        result.customers("Cart")
    funnel = cx.funnel(log, cx.Definition(stages))
    assert list(funnel.customers("Cart", "skipped").index) == ["c"]
    assert list(funnel.customers("Cart", "converted").index) == ["d"]
    assert list(funnel.customers("Cart", "stopped").index) == ["b"]


def test_whom_an_exclusion_takes_out_of_the_funnel_has_no_reason_and_is_counted():
    rows = [("a", 0, "look"), ("a", 1, "refuse"), ("b", 0, "look"), ("c", 0, "buy"), ("c", 5, "x")]
    for effect in ("remove", "reset"):
        definition = cx.Definition(TWO, exclusions=[cx.Exclusion("refuse", effect=effect)])
        result = cx.reasons(log_of(rows), definition)
        assert (result.entrants, result.removed) == (1, 1)
        assert counts(result) == {("Buy", "never"): 1}
        assert "1 customer left the funnel by an exclusion." in repr(result)
        told = cx.timeline(log_of(rows), definition, "a")
        assert told.outcome == "removed"
        assert told.sentence == "Left the funnel: 'refuse' on 2026-01-02 00:00:00 is excluded."


def test_in_any_order_the_reason_is_that_of_one_stage_more():
    stages = {"A": ["a"], "B": ["b"], "C": ["c"]}
    rows = [
        ("w", 0, "b"), ("w", 1, "a"), ("w", 9, "c"),
        ("n", 0, "c"), ("n", 1, "a"),
        ("z", 50, "x"),
    ]  # fmt: skip
    result = cx.reasons(log_of(rows), cx.Definition(stages, order="any", window="5D"))
    assert counts(result) == {("C", "window"): 1, ("C", "never"): 1}
    assert result.customers("C", "window")["overshoot"].tolist() == [pd.Timedelta(days=4)]
    first = cx.reasons(log_of(rows), cx.Definition(stages, order="any", entry="latest"))
    # From the last row on there is one stage only; with those before there would be more.
    assert counts(first) == {("B", "before"): 2}
    assert "another stage" in cx.timeline(log_of(rows), cx.Definition(stages, order="any"), "n").sentence


def test_attempts_have_a_reason_each_in_their_own_rows():
    rows = [("a", 0, "look"), ("a", 7, "buy"), ("a", 8, "look"), ("a", 20, "look"), ("a", 21, "buy")]
    definition = cx.Definition(TWO, count="attempts", window="5D")
    result = cx.reasons(log_of([*rows, ("b", 90, "x")]), definition)
    # The purchase on day 7 is too late for the first attempt and too early for the second.
    assert counts(result) == {("Buy", "window"): 1, ("Buy", "before"): 1}
    assert list(result.customers("Buy", "window").index) == [("a", 1)]
    assert list(result.customers("Buy", "before").index) == [("a", 2)]
    assert result.frame["method"].iloc[0] == "Wilson 95%, clustered by customer"
    told = cx.timeline(log_of([*rows, ("b", 90, "x")]), definition, ("a", 2))
    assert (told.which, told.outcome) == ("attempt 2 of 3", "before")
    assert told.frame["role"].tolist() == [
        "another attempt", "another attempt", "entry", "another attempt", "another attempt",
    ]  # fmt: skip
    assert cx.timeline(log_of([*rows, ("b", 90, "x")]), definition, "a").which == "attempt 3 of 3"


def test_sessions_have_reasons_times_and_timelines_of_their_own():
    rows = [
        ("a", 0, "look"), ("a", 0.25, "page"), ("a", 5, "look"), ("a", 5.5, "buy"),
        ("b", 0, "look"), ("b", 3, "buy"),
    ]  # fmt: skip
    log, definition = log_of(rows), cx.Definition(TWO, unit="1D")
    result = cx.reasons(log, definition)
    assert counts(result) == {("Buy", "never"): 2}
    assert list(result.customers("Buy").index) == [("a", 1), ("b", 1)]
    assert "Why 2 of 3 sessions that entered did not convert" in repr(result)
    curve = cx.time_to_convert(log, definition)
    assert (curve.customers_total, curve.converted) == (3, 1)
    assert curve.mean == pd.Timedelta(hours=12)
    assert "3 sessions" in repr(curve)
    frame = cx.trend(log, definition, period="D").frame
    assert frame["entrants"].tolist() == [2, 0, 0, 0, 0, 1]
    assert list(cx.trend(log, definition, period="D").customers("2026-01-06").index) == [("a", 2)]
    told = cx.timeline(log, definition, "a")
    assert (told.customer, told.which, told.outcome) == ("a", "session 2 of 2", "converted")
    assert told.frame["event"].tolist() == ["look", "buy"]
    first = cx.timeline(log, definition, ("a", 1))
    assert first.frame["event"].tolist() == ["look", "page"]
    assert "Timeline of a, session 1 of 2" in repr(first)
    with pytest.raises(cx.CXError, match=r"^unknown line of the funnel \('a', 3\)"):
        cx.timeline(log, definition, ("a", 3))


def test_a_timeline_of_a_household_says_whose_rows_they_are():
    log = log_of(
        [("a", 0, "look"), ("b", 1, "buy"), ("b", 2, "look")], house=pd.Series(["x", "x", None], dtype=object)
    )
    definition = cx.Definition(TWO, unit="house")
    told = cx.timeline(log, definition, "x")
    assert told.frame["customer"].tolist() == ["a", "b"]
    assert (told.customer, told.which, told.outcome) == ("x", "", "converted")
    with pytest.raises(cx.CXError, match=r"^unknown value of house 'y'"):
        cx.timeline(log, definition, "y")


def test_a_timeline_shows_what_ended_the_journey():
    rows = [("a", 0, "look"), ("a", 1, "refund"), ("a", 2, "buy"), ("z", 90, "x")]
    definition = cx.Definition(TWO, window="5D", exclusions=[cx.Exclusion("refund")])
    told = cx.timeline(log_of(rows), definition, "a")
    assert told.frame["role"].tolist() == ["entry", "excluded", "in vain"]
    assert (
        told.sentence
        == "Stopped at 'Look': 'refund' on 2026-01-02 00:00:00 came before 'Buy' and is excluded."
    )
    assert (told.ended, told.ended_by) == (pd.Timestamp("2026-01-02"), "exclusion")
    strict = cx.timeline(log_of(rows), cx.Definition(TWO, order="strict"), "a")
    assert strict.frame["role"].tolist() == ["entry", "lay between", "in vain"]
    assert (strict.ended, strict.ended_by) == (pd.Timestamp("2026-01-02"), "strict break")
    late = cx.timeline(log_of(rows), cx.Definition(TWO, window="1D", entry="first"), "a")
    assert late.frame["role"].tolist() == ["entry", "in no stage", "too late"]
    assert (late.ended, late.ended_by) == (pd.Timestamp("2026-01-02"), "window")
    plain = cx.timeline(log_of(rows), cx.Definition(TWO, window="1D"), "a")
    assert (plain.ended, plain.ended_by, plain.which) == (pd.Timestamp("2026-01-02"), "window", "")
    through = cx.timeline(log_of(rows), cx.Definition(TWO, window="3D"), "a")
    assert (through.ended, through.ended_by) == (pd.Timestamp("2026-01-03"), "conversion")


def test_states_that_cannot_be_are_refused_with_the_reason():
    result = cx.funnel(log_of([("a", 0, "look"), ("a", 1, "cart"), ("a", 2, "buy")]), cx.Definition(STAGES))
    with pytest.raises(cx.CXError, match=r"^nobody is open: without a window"):
        result.customers("Cart", "open")
    with pytest.raises(cx.CXError, match=r"^nobody skips 'Cart': it is not optional, and reach is closed"):
        result.customers("Cart", "skipped")
    wide = cx.funnel(
        log_of([("a", 0, "look"), ("a", 1, "cart"), ("a", 2, "buy")]), cx.Definition(STAGES, window="9D")
    )
    with pytest.raises(cx.CXError, match=r"^nobody is open at 'Buy': it is the last stage"):
        wide.customers("Buy", "open")


def test_open_and_skipped_customers_are_listed():
    log = log_of([("a", 0, "look"), ("b", 9, "look"), ("c", 0, "look"), ("c", 1, "buy"), ("d", 1, "cart")])
    assert list(cx.funnel(log, cx.Definition(STAGES, window="5D")).customers("Look", "open").index) == ["b"]
    opened = cx.funnel(log, cx.Definition(STAGES, reach="open"))
    assert list(opened.customers("Cart", "skipped").index) == ["c"]
    assert list(opened.customers("Look", "skipped").index) == ["d"]


def test_everybody_may_count_once_in_each_period_they_enter_in():
    rows = [
        ("a", 0, "look"),
        ("a", 1, "buy"),
        ("a", 40, "look"),
        ("b", 0, "look"),
        ("b", 10, "look"),
        ("c", 70, "x"),
    ]
    for rules in ({}, {"exclusions": [cx.Exclusion("x")]}, {"order": "strict"}):
        definition = cx.Definition(TWO, window="5D", **rules)
        once = cx.trend(log_of(rows), definition, period="M").frame
        assert once["entrants"].tolist() == [2, 0, 0]
        again = cx.trend(log_of(rows), definition, period="M", once="period")
        assert again.frame["entrants"].tolist() == [2, 1, 0]
        assert again.frame["converted"].tolist() == [1, 0, 0]
        assert list(again.customers("2026-02").index) == ["a"]
    with pytest.raises(cx.CXError, match=r"^once='period' with count='attempts'"):
        cx.trend(log_of(rows), cx.Definition(TWO, count="attempts"), once="period")
    with pytest.raises(cx.CXError, match=r"^unknown once 'ever'"):
        cx.trend(log_of(rows), cx.Definition(TWO), once="ever")


def test_a_period_that_is_not_ripe_is_compared_with_none():
    rows = [("a", 0, "look"), ("a", 1, "buy"), ("b", 35, "look"), ("c", 65, "look"), ("c", 66, "x")]
    definition = cx.Definition(TWO, window="5D")
    frame = cx.trend(log_of(rows), definition, period="M").frame
    assert frame["ripe"].tolist() == [True, True, False]
    assert frame["change"].isna().tolist() == [True, False, True]
    assert frame["change"].iloc[1] == -1.0


def test_the_lines_of_a_trend_can_be_asked_for():
    log = log_of([("a", 0, "look"), ("a", 31, "look"), ("a", 32, "buy")])
    frame = cx.trend(log, cx.Definition(TWO), period="M", first="2025-12-03", last="2026-01-09").frame
    assert [str(period) for period in frame.index] == ["2025-12", "2026-01"]
    assert frame["entrants"].tolist() == [0, 0]
    with pytest.raises(cx.CXError, match=r"^first='2026-02-01' lies after last='2026-01-01'"):
        cx.trend(log, cx.Definition(TWO), first="2026-02-01", last="2026-01-01")
    with pytest.raises(cx.CXError, match=r"^first must be a date such as"):
        cx.trend(log, cx.Definition(TWO), first="soon")


def test_groups_of_sessions_have_intervals_by_customer():
    rows = [("a", day, "look") for day in range(0, 12, 2)] + [
        ("a", day + 0.1, "buy") for day in range(0, 6, 2)
    ]
    rows += [("b", 0, "look"), ("c", 0, "look"), ("c", 0.1, "buy")]
    shop = pd.Series(["web"] * 6 + ["app"] * 3 + ["web", "app", "app"], dtype=object)
    log, definition = log_of(rows, shop=shop), cx.Definition(TWO, unit="1D")
    result = cx.breakdown(log, definition, "shop", attribution="at entry", smallest=1)
    assert result.frame["entrants"].to_dict() == {"web": 7, "app": 1}
    assert result.frame["converted"].to_dict() == {"web": 3, "app": 1}
    assert result.frame["method"].unique().tolist() == ["Wilson 95%, clustered by customer"]
    low, high = stats.clustered_wilson(3, 7, success_squares=9, products=18, trial_squares=37, clusters=2)
    assert result.frame.loc["web", ["lower", "upper"]].tolist() == pytest.approx([float(low), float(high)])
    assert (result.funnels.loc["web", "reach"] == [7, 3]).all()
    assert list(result.customers("app").index) == [("c", 1)]
    last = cx.breakdown(log, definition, "shop", attribution="last touch", smallest=1)
    assert last.frame["converted"].to_dict() == {"app": 4, "web": 0}


def test_bins_are_a_number_or_found_from_how_many_converted():
    rows = [(f"c{n}", 0, "look") for n in range(9)] + [(f"c{n}", n + 1, "buy") for n in range(9)]
    log, definition = log_of(rows), cx.Definition(TWO)
    four = cx.time_to_convert(log, definition, bins=4).histogram
    # From 1 to 9 days in four classes of 2 days, and the longest time begins one more.
    assert four["start"].dt.days.tolist() == [1, 3, 5, 7, 9]
    assert four["customers"].tolist() == [2, 2, 2, 2, 1]
    # The cube root of 9 is a little more than 2; three classes of 2 days and 16 hours.
    assert cx.time_to_convert(log, definition, bins="auto").histogram["customers"].tolist() == [3, 3, 2, 1]
    assert cx.time_to_convert(log, definition).histogram["stop"].iloc[0] == pd.Timedelta(hours=12)
    for wrong in (0, 61, 2.5, True, "many"):
        with pytest.raises(cx.CXError, match=r"are no classes. Give a whole number from 1 to 60"):
            cx.time_to_convert(log, definition, bins=wrong)
    nobody = cx.time_to_convert(log_of([("a", 0, "look"), ("a", -1, "buy")]), definition, bins="auto")
    assert nobody.histogram.empty
    assert pd.isna(nobody.mean)


def test_an_exclusion_cuts_a_time_to_convert_off():
    rows = [
        ("a", 0, "look"),
        ("a", 4, "buy"),
        ("b", 0, "look"),
        ("b", 1, "refund"),
        ("c", 0, "look"),
        ("c", 9, "x"),
    ]
    definition = cx.Definition(TWO, exclusions=[cx.Exclusion("refund")])
    result = cx.time_to_convert(log_of(rows), definition)
    assert (result.converted, result.expired, result.open) == (1, 1, 1)
    assert result.frame["at_risk"].tolist() == [2]
    assert result.frame["share"].tolist() == [0.5]


def test_the_workbench_shows_why_sessions_were_lost_under_special_rules():
    rows = [("a", 0, "look"), ("a", 0.1, "page"), ("a", 0.2, "buy"), ("b", 0, "look")]
    bench = cx.Workbench(log_of(rows), cx.Definition(TWO, order="strict", unit="1D"))
    caption = bench.closer._made["reasons"]._caption
    assert caption._view["note"] == "1 kept apart by page before Buy."
    assert [row["cells"][1:3] for row in caption._view["rows"]][3] == ["something lay between", "1"]


RULES = {
    "plain": {},
    "strict": {"order": "strict"},
    "sessions": {"unit": "2D"},
    "attempts": {"count": "attempts"},
    "excluded": {"exclusions": [cx.Exclusion("help")]},
    "open": {"reach": "open"},
    "any": {"order": "any"},
    "first": {"entry": "first"},
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_another_time_zone_moves_days_and_nothing_else(rules):
    # Clocks go forward in Berlin on 2026-03-29 at 01:00 UTC; 23:30 UTC is the next day there.
    hours = [("a", 0, "look"), ("a", 26, "help"), ("a", 30, "buy"), ("b", 1.5, "look"), ("b", 23, "buy")]
    hours += [("c", 23.5, "look"), ("c", 47, "look"), ("c", 47.5, "buy"), ("d", 100, "help")]
    frame = pd.DataFrame(hours, columns=["who", "when", "what"])
    frame["when"] = pd.Timestamp("2026-03-28 00:00", tz="UTC") + pd.to_timedelta(frame["when"], unit="h")
    frame["kind"] = ["x", "y", "x", "y", "x", "y", "x", "y", "x"]
    definition = cx.Definition(TWO, window="40h", **rules)
    logs = [
        cx.EventLog(frame, customer="who", time="when", event="what", time_zone=zone)
        for zone in ("UTC", "Europe/Berlin", "America/Sao_Paulo")
    ]
    asked = {
        "funnel": lambda log: cx.funnel(log, definition).frame,
        "reasons": lambda log: cx.reasons(log, definition).frame,
        "times": lambda log: cx.time_to_convert(log, definition).frame,
        "groups": lambda log: cx.breakdown(log, definition, "kind", smallest=1).frame,
    }
    for ask in asked.values():
        first, *others = (ask(log) for log in logs)
        for other in others:
            pd.testing.assert_frame_equal(first, other)
    trends = [cx.trend(log, definition, period="D").frame for log in logs]
    columns = ["entrants", "converted", "open"]
    assert all((trend[columns].sum() == trends[0][columns].sum()).all() for trend in trends)
    # The day of the change has 23 hours in Berlin alone.
    day = [trend.loc["2026-03-29"] for trend in trends]
    assert [(one["stop"] - one["start"]) / pd.Timedelta(hours=1) for one in day] == [24, 23, 24]
    assert trends[0]["entrants"].tolist() != trends[1]["entrants"].tolist()


@pytest.mark.parametrize(
    "rules", [RULES[name] for name in RULES if name not in ("strict", "sessions")], ids=str
)
def test_an_event_in_no_stage_changes_no_companion_of_the_funnel(rules):
    rows = [
        ("a", 0, "look"),
        ("a", 1, "help"),
        ("a", 2, "buy"),
        ("b", 0, "look"),
        ("b", 9, "buy"),
        ("c", 9, "look"),
    ]
    more = [*rows, ("a", 0.5, "noise"), ("b", 3, "noise"), ("c", 0, "noise")]
    definition = cx.Definition(TWO, window="5D", **rules)
    ours, theirs = (log_of(some, kind=pd.Series([row[2] for row in some])) for some in (rows, more))
    for ask in (
        lambda log: cx.reasons(log, definition).frame,
        lambda log: cx.reasons(log, definition).causes,
        lambda log: cx.time_to_convert(log, definition).frame,
        lambda log: cx.trend(log, definition, period="D").frame,
        lambda log: cx.trend(log, definition, period="D", once="overall").frame,
        lambda log: cx.breakdown(log, definition, "kind", smallest=1).frame,
    ):
        pd.testing.assert_frame_equal(ask(ours), ask(theirs))


def test_a_window_longer_by_the_overshoot_and_no_shorter_one_lets_a_late_session_through():
    stages = [cx.Stage("Look", ["look"]), cx.Stage("Buy", ["buy"], window="30h")]
    rows = [
        ("a", 0, "look"),
        ("a", 2.5, "buy"),
        ("b", 0, "look"),
        ("b", 1, "look"),
        ("b", 4, "buy"),
        ("z", 30, "x"),
    ]
    for definition in (
        cx.Definition(stages, window="2D"),
        cx.Definition(TWO, window="1D", unit="10D", entry="first"),
        cx.Definition(TWO, window="1D", order="any"),
        cx.Definition(TWO, window="1D", ties="2h"),
    ):
        late = cx.reasons(log_of(rows), definition).customers("Buy", "window")
        assert len(late) == 2
        for who, over in late["overshoot"].items():
            for extra, through in ((over, True), (over - pd.Timedelta(seconds=1), False)):
                longer = definition.with_rules(window=definition.window + extra)
                if definition.stages[1].window is not None:
                    wider = definition.stages[1].window + extra
                    own = [stages[0], cx.Stage("Buy", ["buy"], window=wider)]
                    longer = cx.Definition(own, window=definition.window + extra)
                assert (who in cx.funnel(log_of(rows), longer).customers("Buy").index) is through
