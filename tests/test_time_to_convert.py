from __future__ import annotations

from fractions import Fraction

import numpy as np
import oracle
import pandas as pd
import pytest
from small_logs import log_of, random_case
from test_stats import treated

import cx_widgets as cx

STAGES = {"See": ["ad"], "Cart": ["cart"], "Buy": ["order"]}

# The log ends on day 10. Ann converts after 1 day, from her second ad. Bob after 3. Cyd saw ads on days 2
# and 6 and is watched for 4 days since the last. Dan entered on day 9. Eve never did.
JOURNEYS = [
    ("Ann", 0, "ad"),
    ("Ann", 4, "ad"),
    ("Ann", 4.5, "cart"),
    ("Ann", 5, "order"),
    ("Bob", 1, "ad"),
    ("Bob", 2, "cart"),
    ("Bob", 4, "order"),
    ("Cyd", 2, "ad"),
    ("Cyd", 6, "ad"),
    ("Cyd", 7, "cart"),
    ("Cyd", 8, "cart"),
    ("Dan", 9, "ad"),
    ("Eve", 10, "order"),
]


def days(*numbers):
    return [pd.Timedelta(days=number) for number in numbers]


@pytest.fixture
def log():
    return log_of(JOURNEYS)


def test_the_curve_is_that_of_everybody_who_entered(log):
    result = cx.time_to_convert(log, cx.Definition(STAGES))
    frame = result.frame
    # Ann 1, Bob 3, Cyd 4+ (10 - 6), Dan 1+ (10 - 9). Share: 1/4, then 1 - 3/4 * 1/2; Dan is at risk at 1.
    assert frame["time"].tolist() == days(1, 3)
    assert frame["share"].tolist() == [0.25, 0.625]
    assert frame["at_risk"].tolist() == [4, 2]
    assert frame["converted"].tolist() == [1, 1]
    assert frame["censored"].tolist() == [1, 1]
    # Greenwood on the log(-log) scale: 1 - 0.75 ** exp(+-1.959964 * sqrt(1 / 12) / ln(4 / 3)).
    assert frame.loc[0, ["lower", "upper"]].tolist() == pytest.approx([0.039451, 0.872053], abs=1e-6)
    assert (result.customers_total, result.converted, result.open, result.expired) == (4, 2, 2, 0)
    median = result.median
    assert median.value == 3 * 86400
    assert (median.numerator, median.denominator) == (2, 4)
    assert median.lower == 86400
    assert np.isnan(median.upper)
    assert median.method == "Kaplan-Meier, log-log 95%"


def test_the_window_cuts_off_those_who_did_not_make_it_inside(log):
    result = cx.time_to_convert(log, cx.Definition(STAGES, window="2D"))
    # Ann 1, Bob 2+ (the window), Cyd 2+ (the window), Dan 1+ (the end).
    assert result.frame["time"].tolist() == days(1)
    assert result.frame["share"].tolist() == [0.25]
    assert result.frame["censored"].tolist() == [3]
    assert (result.converted, result.open, result.expired) == (1, 1, 2)
    assert np.isnan(result.median.value)
    assert result.median.note == "Fewer than half are estimated to convert in the time observed."
    assert result.open == cx.funnel(log, cx.Definition(STAGES, window="2D")).open_customers


def test_from_and_to_are_stages_in_between(log):
    definition = cx.Definition(STAGES)
    first = cx.time_to_convert(log, definition, to_stage="Cart")
    # Ann: her first cart is on day 4.5, from day 4. Bob 1, Cyd 1 (day 6 to 7), Dan 1+.
    assert first.frame["time"].tolist() == days(0.5, 1)
    assert first.frame["converted"].tolist() == [1, 2]
    assert first.frame["share"].tolist() == pytest.approx([0.25, 0.75])
    second = cx.time_to_convert(log, definition, from_stage="Cart")
    # Ann 0.5, Bob 2, Cyd 3+: from the cart of day 7, the earliest since the last start.
    assert second.frame["time"].tolist() == days(0.5, 2)
    assert second.frame["at_risk"].tolist() == [3, 2]
    assert (second.from_stage, second.to_stage) == ("Cart", "Buy")
    # The window runs from entry, so 1 of its 3.5 days is gone when Cyd gets to the cart.
    short = cx.time_to_convert(log, cx.Definition(STAGES, window="84h"), from_stage="Cart")
    assert (short.converted, short.open, short.expired) == (2, 0, 1)


def test_the_median_between_two_times_is_their_middle():
    rows = [
        row for name, day in zip("abcd", (1, 2, 5, 9), strict=True)
        for row in ((name, 0, "ad"), (name, day, "order"))
    ]  # fmt: skip
    definition = cx.Definition({"See": ["ad"], "Buy": ["order"]})
    result = cx.time_to_convert(log_of(rows), definition)
    assert result.median.value == 3.5 * 86400
    assert cx.funnel(log_of(rows), definition).frame.loc["Buy", "median_from_entry"] == pd.Timedelta(days=3.5)
    # With e on the way for 3 days nothing is known of the half any more: 1/5, 2/5, then 3/5 * 1/2.
    later = log_of([*rows, ("e", 6, "ad")])
    assert cx.time_to_convert(later, definition).median.value == 5 * 86400


def test_the_histogram_has_readable_classes_of_those_who_converted(log):
    table = cx.time_to_convert(log, cx.Definition(STAGES)).histogram
    assert list(table.columns) == ["start", "stop", "customers", "share", "lower", "upper"]
    # 3 days in at most 20 classes: six hours each.
    assert (table["stop"] - table["start"]).unique().tolist() == [pd.Timedelta(hours=6)]
    assert len(table) == 13
    assert table.loc[table["customers"] > 0, "start"].tolist() == days(1, 3)
    assert table["share"].sum() == 1


def test_conversions_at_once_are_one_class_of_the_logs_resolution():
    rows = [("a", 0, "ad"), ("a", 0, "order"), ("b", 1, "ad")]
    result = cx.time_to_convert(log_of(rows), cx.Definition({"See": ["ad"], "Buy": ["order"]}))
    assert result.histogram["stop"].tolist() == [pd.Timedelta(seconds=1)]
    assert result.frame["time"].tolist() == [pd.Timedelta(0)]


def test_nobody_gives_an_empty_curve_and_a_reason():
    result = cx.time_to_convert(log_of([]), cx.Definition(STAGES, window="1D"))
    assert result.frame.empty
    assert result.histogram.empty
    assert np.isnan(result.median.value)
    assert result.median.note == "Nobody reaches 'See'."
    assert "0 customers" in repr(result)


def test_wrong_questions_are_refused_with_a_way_out(log):
    definition = cx.Definition(STAGES)
    with pytest.raises(cx.CXError, match=r"^unknown stage 'Card'. Did you mean 'Cart'\?"):
        cx.time_to_convert(log, definition, from_stage="Card")
    with pytest.raises(cx.CXError, match=r"'Buy' is stage 3, 'Cart' is stage 2. The order is \['See', "):
        cx.time_to_convert(log, definition, from_stage="Buy", to_stage="Cart")
    with pytest.raises(cx.CXError, match=r"^from_stage must come before to_stage"):
        cx.time_to_convert(log, definition, from_stage="Cart", to_stage="Cart")
    with pytest.raises(cx.CXError, match=r"^a time to convert runs between two stages, .* has one: 'See'."):
        cx.time_to_convert(log, cx.Definition({"See": ["ad"]}))
    with pytest.raises(cx.CXError, match=r"^the definition is a dict."):
        cx.time_to_convert(log, STAGES)


def test_the_result_reads_like_a_table_and_escapes_names(log):
    result = cx.time_to_convert(log, cx.Definition({"<b>": ["ad"], "Buy": ["order"]}, window="30D"))
    assert "From <b> to Buy: 4 customers" in repr(result)
    assert "Median 3.0 d (95 %: 1.0 d to …; Kaplan-Meier, log-log 95%)." in repr(result)
    assert "2 converted, 2 cut off by the end of observation, 0 by the window." in repr(result)
    assert "&lt;b&gt;" in result._repr_html_()


def test_a_clinical_trial_told_as_a_log_gives_the_published_curve():
    # Freireich et al. (1963): whoever is cut off entered that many weeks before the end of observation.
    lasted, happened = treated()
    rows = []
    for number, (weeks, event) in enumerate(zip(lasted, happened, strict=True)):
        rows.append((f"patient {number}", 7 * (35 - weeks), "remission"))
        if event:
            rows.append((f"patient {number}", 7 * 35, "relapse"))
    result = cx.time_to_convert(log_of(rows), cx.Definition({"Well": ["remission"], "Ill": ["relapse"]}))
    frame = result.frame
    assert [time.days // 7 for time in frame["time"]] == [6, 7, 10, 13, 16, 22, 23]
    assert frame["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    survival = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert (1 - frame["share"]).tolist() == pytest.approx(survival, abs=1e-4)
    assert result.median.value == 23 * 7 * 86400


def spells(case, start, end):
    """For each customer who reached ``start``: how long until ``end`` or the cut, and which of the two."""
    answer = []
    people = oracle.funnel(case.rows, case.n_stages, case.window, case.end)
    for customer, events in oracle.by_customer(case.rows).items():
        levels = people[customer]["levels"]
        if len(levels) < start:
            continue
        found = oracle.chains(events, start, case.window)
        if len(levels) >= end:
            reached, entered, _ = levels[end - 1]
            since = min(chain[-1] for chain in found if chain[0] == entered)
            answer.append((reached - since, True))
        else:
            entered = max(chain[0] for chain in found)
            since = min(chain[-1] for chain in found if chain[0] == entered)
            cuts = [case.end - since] + ([] if case.window is None else [entered + case.window - since])
            answer.append((min(cuts), False))
    return answer


def curve(people):
    """Kaplan-Meier in fractions: time, share converted, at risk, converted."""
    lines, left = [], Fraction(1)
    for time in sorted({lasted for lasted, happened in people if happened}):
        at_risk = sum(lasted >= time for lasted, _ in people)
        events = sum(lasted == time and happened for lasted, happened in people)
        left *= 1 - Fraction(events, at_risk)
        lines.append((time, 1 - left, at_risk, events))
    return lines


def median(lines):
    for number, (time, share, _, _) in enumerate(lines):
        if share == Fraction(1, 2) and number + 1 < len(lines):
            return (time + lines[number + 1][0]) / 2
        if share >= Fraction(1, 2):
            return time
    return None


def test_curves_agree_with_all_chains():
    rng = np.random.default_rng([2026, 32])
    for _ in range(250):
        case = random_case(rng)
        names = case.definition.names
        for start in range(1, case.n_stages):
            for end in range(start + 1, case.n_stages + 1):
                result = cx.time_to_convert(
                    case.log, case.definition, from_stage=names[start - 1], to_stage=names[end - 1]
                )
                people = spells(case, start, end)
                lines = curve(people)
                frame = result.frame
                assert frame["time"].tolist() == [case.time(line[0]) for line in lines]
                assert frame["share"].tolist() == pytest.approx([float(line[1]) for line in lines])
                assert frame["at_risk"].tolist() == [line[2] for line in lines]
                assert frame["converted"].tolist() == [line[3] for line in lines]
                assert result.converted == sum(happened for _, happened in people)
                assert result.customers_total == result.converted + result.open + result.expired
                middle = median(lines)
                seconds = np.nan if middle is None else middle * case.unit_ns / 1e9
                assert result.median.value == pytest.approx(seconds, nan_ok=True)


def test_with_nobody_cut_off_medians_are_those_of_the_funnel():
    rng = np.random.default_rng([2026, 33])
    compared = 0
    for _ in range(250):
        case = random_case(rng)
        frame = cx.funnel(case.log, case.definition).frame
        names = case.definition.names
        for end in range(2, case.n_stages + 1):
            for start, column in ((1, "median_from_entry"), (end - 1, "median_from_previous")):
                result = cx.time_to_convert(
                    case.log, case.definition, from_stage=names[start - 1], to_stage=names[end - 1]
                )
                if result.customers_total and result.converted == result.customers_total:
                    expected = frame.loc[names[end - 1], column] / pd.Timedelta(seconds=1)
                    assert result.median.value == pytest.approx(expected, abs=1e-9)
                    compared += 1
    assert compared > 100
