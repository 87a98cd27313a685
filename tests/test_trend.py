from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import numpy as np
import oracle
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import stats

STAGES = {"See": ["ad"], "Buy": ["order"]}

# 2026-01-01 is a Thursday. The log ends on 2026-02-05, day 35. Ann sees ads in the first week and in the
# second and buys in the third; Bob enters in the first week, Cyd in the first and again in the fourth, Dan on
# day 30.
JOURNEYS = [
    ("Ann", 1, "ad"),
    ("Ann", 8, "ad"),
    ("Ann", 12, "order"),
    ("Bob", 2, "ad"),
    ("Cyd", 3, "ad"),
    ("Cyd", 20, "ad"),
    ("Dan", 30, "ad"),
    ("Eve", 35, "order"),
]


@pytest.fixture
def log():
    return log_of(JOURNEYS)


def test_a_conversion_belongs_to_the_week_of_its_entry(log):
    result = cx.trend(log, cx.Definition(STAGES, window="7D"))
    frame = result.frame
    assert frame.index.name == "period"
    assert [str(start.date()) for start in frame["start"]] == [
        "2025-12-29",
        "2026-01-05",
        "2026-01-12",
        "2026-01-19",
        "2026-01-26",
        "2026-02-02",
    ]
    # Bob; Ann, who bought a week later; nobody; Cyd's last entry; Dan; nobody.
    assert frame["entrants"].tolist() == [1, 1, 0, 1, 1, 0]
    assert frame["converted"].tolist() == [0, 1, 0, 0, 0, 0]
    assert frame["conversion"].fillna(-1).tolist() == [0.0, 1.0, -1, 0.0, 0.0, -1]
    # Dan entered 5 days before the end.
    assert frame["open"].tolist() == [0, 0, 0, 0, 1, 0]
    assert frame["ripe"].tolist() == [True, True, True, True, False, True]
    assert frame["complete"].tolist() == [True] * 5 + [False]
    # 1 of 1, from the closed form with z = 1.959964.
    assert frame["lower"].iloc[1] == pytest.approx(0.206549, abs=1e-6)
    assert frame["upper"].iloc[1] == 1.0
    assert frame[["method", "change_method"]].iloc[0].tolist() == ["Wilson 95%", "Newcombe 95%"]
    assert result.open_customers == 1


def test_the_change_to_the_period_before_has_newcombes_interval():
    # 56 of 70 in January after 48 of 80 in December: Newcombe (1998), Stat. Med. 17, 873-890, table II.
    rows = [(f"a{n}", -20, "ad") for n in range(80)] + [(f"a{n}", -19, "order") for n in range(48)]
    rows += [(f"b{n}", 1, "ad") for n in range(70)] + [(f"b{n}", 2, "order") for n in range(56)]
    frame = cx.trend(log_of(rows), cx.Definition(STAGES), period="M").frame
    assert frame["change"].tolist()[1] == pytest.approx(0.2)
    assert frame[["change_lower", "change_upper"]].iloc[1].tolist() == pytest.approx(
        [0.0524, 0.3339], abs=1e-4
    )
    assert frame[["change", "change_lower", "change_upper"]].iloc[0].isna().all()


@pytest.mark.parametrize(
    ("period", "lines", "first"), [("D", 36, "2026-01-02"), ("M", 2, "2026-01"), ("Q", 1, "2026Q1")]
)
def test_every_period_of_the_log_has_a_line(period, lines, first):
    rows = JOURNEYS if period != "D" else [*JOURNEYS, ("Fay", 0, "order")]
    frame = cx.trend(log_of(rows), cx.Definition(STAGES), period=period).frame
    assert len(frame) == lines
    assert (frame["entrants"].sum(), frame["converted"].sum()) == (4, 1)
    assert first in frame.index.astype(str)


def berlin(rows):
    frame = pd.DataFrame(rows, columns=["who", "when", "what"])
    frame["when"] = pd.to_datetime(frame["when"], utc=True)
    return cx.EventLog(frame, customer="who", time="when", event="what", time_zone="Europe/Berlin")


def test_days_are_those_of_the_logs_time_zone_also_when_clocks_change():
    # Berlin is one hour ahead of UTC until 2026-03-29 01:00 UTC, then two.
    log = berlin(
        [
            ("a", "2026-03-28 22:59", "ad"),  # 23:59 on the 28th
            ("b", "2026-03-28 23:00", "ad"),  # midnight: the 29th, which has 23 hours
            ("c", "2026-03-29 21:59", "ad"),  # 23:59 on the 29th
            ("d", "2026-03-29 22:00", "ad"),  # midnight: the 30th
            ("d", "2026-03-30 05:00", "order"),
        ]
    )
    frame = cx.trend(log, cx.Definition(STAGES), period="D").frame
    assert frame.index.astype(str).tolist() == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert frame["entrants"].tolist() == [1, 2, 1]
    assert frame["converted"].tolist() == [0, 0, 1]
    assert (frame["stop"] - frame["start"]).tolist() == [pd.Timedelta(hours=hours) for hours in (24, 23, 24)]
    assert str(frame["start"].iloc[2]) == "2026-03-30 00:00:00+02:00"
    autumn = berlin(
        [("a", "2026-10-24 12:00", "ad"), ("b", "2026-10-25 22:59", "ad"), ("b", "2026-10-26 00:00", "order")]
    )
    frame = cx.trend(autumn, cx.Definition(STAGES), period="D").frame
    assert frame["entrants"].tolist() == [1, 1, 0]
    assert (frame["stop"] - frame["start"]).iloc[1] == pd.Timedelta(hours=25)


def test_a_midnight_that_clocks_skip_begins_its_day_an_hour_later():
    frame = pd.DataFrame(
        {"who": ["a", "a"], "when": ["2018-11-03 12:00", "2018-11-04 12:00"], "what": ["ad", "order"]}
    )
    log = cx.EventLog(frame, customer="who", time="when", event="what", time_zone="America/Sao_Paulo")
    starts = cx.trend(log, cx.Definition(STAGES), period="D").frame["start"]
    assert str(starts.iloc[1]) == "2018-11-04 01:00:00-02:00"


def test_the_customers_of_a_period_are_those_who_entered_in_it(log):
    result = cx.trend(log, cx.Definition(STAGES, window="7D"))
    assert list(result.customers("2026-01-05").index) == ["Ann"]
    assert list(result.customers(result.frame.index[3]).index) == ["Cyd"]
    assert result.customers("2026-01-14").empty
    with pytest.raises(cx.CXError, match=r"^unknown period '2027-01-01'"):
        result.customers("2027-01-01")
    with pytest.raises(cx.CXError, match=r"^unknown period 'spring'"):
        result.customers("spring")


def test_wrong_questions_are_refused_with_a_way_out(log):
    with pytest.raises(cx.CXError, match=r"^unknown period 'Y'. Available: \['D', 'W', 'M', 'Q'\]"):
        cx.trend(log, cx.Definition(STAGES), period="Y")
    for first in ("spring", 2026, pd.NaT):
        with pytest.raises(cx.CXError, match=r"^first must be a date such as '2026-01-31'"):
            cx.trend(log, cx.Definition(STAGES), first=first)
    with pytest.raises(cx.CXError, match=r"^unknown event 'orders'."):
        cx.trend(log, cx.Definition({"Buy": ["orders"]}))


def test_an_empty_log_has_no_periods_and_a_log_without_entrants_empty_ones():
    assert cx.trend(log_of([]), cx.Definition(STAGES)).frame.empty
    nobody = cx.trend(
        log_of([("a", 0, "order"), ("a", 9, "ad"), ("a", 20, "x")]), cx.Definition({"X": ["x"]})
    )
    assert nobody.frame["entrants"].tolist() == [0, 0, 0, 1]


def test_the_result_reads_like_a_table(log):
    text = repr(cx.trend(log, cx.Definition(STAGES, window="7D")))
    assert text.startswith("Conversion by week of entry\nWeek")
    assert "1 customer is still open." in text
    assert "Europe/Berlin" in repr(
        cx.trend(berlin([("a", "2026-01-01", "ad"), ("a", "2026-01-02", "order")]), cx.Definition(STAGES))
    )
    assert cx.trend(log, cx.Definition(STAGES))._repr_html_().count("<table") == 1


def monday(day):
    return day - timedelta(days=day.weekday())


BEGINS = {
    "D": lambda day: day,
    "W": monday,
    "M": lambda day: day.replace(day=1),
    "Q": lambda day: day.replace(month=day.month - (day.month - 1) % 3, day=1),
}


def test_trends_agree_with_wall_clocks_one_by_one():
    rng = np.random.default_rng([2026, 34])
    origin = pd.Timestamp("2026-03-20", tz="UTC")
    for _ in range(120):
        size = int(rng.integers(2, 40))
        who, hours = rng.integers(0, 8, size=size), rng.integers(0, 24 * 14, size=size)
        stage = np.append(rng.integers(0, 3, size=size - 2), [1, 2])
        frame = pd.DataFrame(
            {"who": who, "when": origin + pd.to_timedelta(hours, unit="h"), "what": [f"e{n}" for n in stage]}
        )
        log = cx.EventLog(frame, customer="who", time="when", event="what", time_zone="Europe/Berlin")
        window = None if rng.random() < 0.3 else int(rng.integers(1, 200))
        definition = cx.Definition(
            {"See": ["e1"], "Buy": ["e2"]}, window=None if window is None else f"{window}h"
        )
        rows = list(zip(who.tolist(), hours.tolist(), stage.tolist(), strict=True))
        people = oracle.funnel(rows, 2, window, int(hours.max()))
        for period, begins in BEGINS.items():

            def first_day(hour, begins=begins):
                return begins((origin + timedelta(hours=hour)).tz_convert("Europe/Berlin").date())

            entered, done, still = Counter(), Counter(), Counter()
            for customer, events in oracle.by_customer(rows).items():
                levels = people[customer]["levels"]
                if levels:
                    last = max(time for time, number in events if number == 1)
                    day = first_day(levels[1][1] if len(levels) == 2 else last)
                    entered[day] += 1
                    done[day] += len(levels) == 2
                    still[day] += people[customer]["open"]
            table = cx.trend(log, definition, period=period).frame
            days = [start.date() for start in table["start"]]
            assert days[0] == first_day(int(hours.min()))
            assert days[-1] == first_day(int(hours.max()))
            assert all(
                begins(stop.date()) == after for stop, after in zip(table["stop"], days[1:], strict=False)
            )
            assert all(a < b for a, b in pairwise(days))
            assert table["entrants"].tolist() == [entered[day] for day in days]
            assert table["converted"].tolist() == [done[day] for day in days]
            assert table["ripe"].tolist() == [not still[day] for day in days]
            reached = cx.funnel(log, definition).frame["reach"].tolist()
            assert [table["entrants"].sum(), table["converted"].sum()] == reached
            expected = stats.wilson(table["converted"], table["entrants"])
            assert table["lower"].tolist() == pytest.approx(expected[0].tolist(), nan_ok=True)
