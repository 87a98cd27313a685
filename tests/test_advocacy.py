from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_logs import log_of

import cx_widgets as cx

# The names of the stages give their roles.
DEFINITION = cx.Definition({"Aware": ["visit"], "Buy": ["order"], "Advocate": ["review"]})
ROWS = [
    ("Ann", 0, "order", None),
    ("Ann", 1, "review", None),
    ("Ann", 2, "review", None),
    ("Ann", 9, "order", None),
    ("Bob", 3, "visit", "Ann"),
    ("Bob", 4, "order", None),
    ("Cyd", 5, "visit", "Ann"),
    ("Cyd", 6, "visit", "Bob"),  # the earlier referral counts
    ("Dan", 7, "order", "Dan"),  # names himself
    ("Eve", 8, "visit", "Zoe"),  # Zoe is not in the log
]


def advocacy_of(rows=ROWS, definition=DEFINITION, **asked):
    log = log_of([row[:3] for row in rows], friend=[row[3] for row in rows])
    return cx.advocacy(log, definition, **asked)


def made_of(figure):
    return figure.numerator, figure.denominator


def test_the_rate_is_of_buyers_and_recommendations_are_of_those_who_make_any():
    result = advocacy_of()
    assert made_of(result["advocacy_rate"]) == (1, 3)  # Ann of Ann, Bob, Dan
    assert result["advocacy_rate"].method == "Wilson 95%"
    assert made_of(result["recommendations"]) == (2, 1)
    assert np.isnan(result["recommendations"].lower)


def test_a_column_on_the_new_customers_rows_says_who_sent_them():
    result = advocacy_of(referred_by="friend")
    # Ann brought Bob and Cyd; she is the only one who recommends or referred.
    assert made_of(result["referral_yield"]) == (2, 1)
    assert result["referral_yield"].value == 2.0
    assert result["referral_yield"].note == "Referrals that name the customer of the row: 1."
    # Referred: Bob, Cyd and Eve, of whom Bob bought. Others: Ann and Dan, who both did.
    assert made_of(result["referred_conversion"]) == (1, 3)
    assert made_of(result["other_conversion"]) == (2, 2)
    assert result["referral_difference"].value == pytest.approx(-2 / 3)
    assert result["referral_difference"].method == "Newcombe 95%"
    assert result["referral_difference"].note.startswith("Associated, no effect")


def test_a_column_on_the_advocates_rows_names_whom_they_sent():
    rows = [
        ("Ann", 0, "order", None),
        ("Ann", 1, "review", "Bob"),
        ("Ann", 2, "review", "Cyd"),  # Cyd was there before: no new customer
        ("Ann", 2, "review", "Zoe"),  # never seen
        ("Bob", 1, "order", None),  # at the time of the referral: after it
        ("Cyd", 1, "visit", None),
        ("Dan", 5, "review", "Bob"),  # Bob was referred before
    ]
    result = advocacy_of(rows, referred="friend")
    # Advocates: Ann and Dan, by their reviews.
    assert made_of(result["referral_yield"]) == (1, 2)
    assert result["referral_yield"].note == "Referrals that name nobody in the log: 1."
    assert made_of(result["referred_conversion"]) == (1, 1)
    assert made_of(result["other_conversion"]) == (1, 3)


def test_ids_are_found_beside_gaps_that_made_floats_of_them():
    rows = [(1, 0, "order", np.nan), (2, 1, "order", 1.0), (3, 2, "visit", np.nan)]
    frame = pd.DataFrame(rows, columns=["customer", "day", "event", "friend"])
    frame["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    log = cx.EventLog(frame, customer="customer", time="time", event="event")
    result = cx.advocacy(log, cx.Definition({"Aware": ["visit"], "Buy": ["order"]}), referred_by="friend")
    assert made_of(result["referral_yield"]) == (1, 1)
    assert result["advocacy_rate"].note.startswith("Not measurable: no stage has the role 'advocate' and")
    text = cx.EventLog(
        frame.assign(customer=frame["customer"].astype(str)), customer="customer", time="time", event="event"
    )
    again = cx.advocacy(text, cx.Definition({"Aware": ["visit"], "Buy": ["order"]}), referred_by="friend")
    assert made_of(again["referral_yield"]) == (1, 1)


PROGRAMME = [
    ("a", 0, "join", None),
    ("a", 1, "order", None),
    ("a", 2, "order", None),
    ("b", 1, "order", None),
    ("b", 1, "join", None),  # at the time of the first purchase
    ("c", 1, "order", None),
    ("c", 2, "order", None),
    ("c", 3, "join", None),  # joined later
    ("d", 1, "order", None),
    ("e", 0, "join", None),  # never bought
]


def test_members_are_told_by_their_first_purchase():
    result = advocacy_of(PROGRAMME, cx.Definition({"Buy": ["order"]}), joined="join")
    assert made_of(result["programme_conversion"]) == (3, 4)
    assert made_of(result["member_repeat_rate"]) == (1, 2)  # a and b
    assert made_of(result["other_repeat_rate"]) == (1, 2)  # c and d
    assert result["programme_difference"].value == 0
    # Newcombe for 1 of 2 against 1 of 2: the root of twice the square of 0.5 - 0.094531.
    assert result["programme_difference"].upper == pytest.approx(0.573419, abs=1e-6)
    assert result["member_repeat_rate"].note == (
        "Members joined no later than at their first purchase; 1 joined later."
    )


def test_members_of_whatever_time_are_called_so():
    result = advocacy_of(PROGRAMME, cx.Definition({"Buy": ["order"]}), joined="join", members="ever")
    assert made_of(result["member_repeat_rate"]) == (2, 3)
    assert made_of(result["other_repeat_rate"]) == (0, 1)
    assert "more time to join" in result["member_repeat_rate"].note


def test_joining_may_be_a_stage_or_a_stage_of_its_own():
    by_stage = advocacy_of(PROGRAMME, cx.Definition({"Buy": ["order"], "Bond": ["join"]}), joined="Bond")
    own = advocacy_of(PROGRAMME, cx.Definition({"Buy": ["order"]}), joined=cx.Stage("Joins", ["jo*"]))
    for result in (by_stage, own):
        assert made_of(result["programme_conversion"]) == (3, 4)


def test_what_is_missing_is_said_for_each_figure():
    notes = advocacy_of(definition=cx.Definition({"Aware": ["visit"]})).frame["note"]
    assert notes["advocacy_rate"] == "Not measurable: no stage has the role 'buy'."
    assert notes["recommendations"] == "Not measurable: no stage has the role 'advocate'."
    assert notes["referral_yield"].startswith(
        "Not measurable: no column of referrals was named. Say referred="
    )
    assert notes["programme_difference"] == "Not measurable: no stage has the role 'buy'."
    assert advocacy_of()["programme_conversion"].note.startswith(
        "Not measurable: no event of joining was named. Say joined="
    )
    without_buying = advocacy_of(definition=cx.Definition({"Aware": ["visit"]}), referred_by="friend")
    assert without_buying["referral_yield"].numerator == 2
    assert without_buying["referred_conversion"].note == "Not measurable: no stage has the role 'buy'."


def test_an_empty_log_has_undefined_figures():
    definition = cx.Definition({"Buy": ["order"], "Advocate": ["review"]})
    result = advocacy_of([], definition, referred_by="friend", joined="Advocate")
    assert result.frame["value"].isna().all()
    assert result["advocacy_rate"].note == "Nobody bought."


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"referred": "friend", "referred_by": "friend"}, "one column names the new customer or the one who"),
        ({"referred": "freind"}, "unknown column 'freind'. Did you mean 'friend'"),
        ({"joined": "joins"}, "unknown stage or event in joined 'joins'"),
        ({"members": "always"}, "unknown members 'always'"),
        ({"recommends": 9}, "unknown recommends 9"),
    ],
)
def test_bad_arguments_are_refused_with_what_would_be_right(asked, message):
    with pytest.raises(cx.CXError, match=message):
        advocacy_of(**asked)


def test_the_table_is_readable():
    text = repr(advocacy_of(referred_by="friend"))
    assert text.splitlines()[0] == "Advocacy"
    assert "Recommends: an event in Advocate; who was not asked does not." in text
