"""What a bad experience is associated with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cx_widgets as cx
from cx_widgets import stats

STAGES = cx.Definition({"Ask": ["chat"], "Buy": ["order"], "Enjoy": ["use"]})


def made(rows, end="2026-01-31", **roles):
    """Return a log that ends with a customer who does everything then: too late to be compared."""
    rows = [*rows, *(("z", end, what, None, None) for what in ("chat", "order", "use"))]
    df = pd.DataFrame(rows, columns=["who", "when", "what", "score", "tier"])
    return cx.EventLog(df, customer="who", time="when", event="what", **roles)


def day(number):
    return f"2026-01-{number:02d}"


# Observed until 31 January, within 10 days. At "Ask":
# a 2 (bad), went on on day 4; b 2, did not; c 9, went on; d 9, went on on day 12, too late; e answered on the
# 25th: too early; f gave no score; g 3, then 10: the first counts.
RATED = [
    ("a", day(1), "chat", 2, "gold"),
    ("a", day(4), "order", None, None),
    ("b", day(1), "chat", 2, "blue"),
    ("c", day(1), "chat", 9, "gold"),
    ("c", day(1), "order", None, None),
    ("d", day(1), "chat", 9, "blue"),
    ("d", day(12), "order", None, None),
    ("e", day(25), "chat", 1, "blue"),
    ("f", day(1), "chat", None, "blue"),
    ("g", day(1), "chat", 3, "blue"),
    ("g", day(2), "chat", 10, "blue"),
    ("x", day(31), "other", None, None),
]


def line(result, stage, outcome="continue"):
    found = result.frame.loc[(stage, outcome)]
    return tuple(found[["numerator", "denominator", "other_numerator", "other_denominator"]])


def test_by_score_those_who_answered_are_compared_from_their_first_answer_on():
    result = cx.bad_experience(made(RATED, score="score"), STAGES, within="10D")
    # c bought at the time of the answer: the order of the stages puts that behind it.
    assert line(result, "Ask") == (1, 3, 1, 2)
    assert result.frame.loc[("Ask", "continue"), "too_early"] == 1
    assert result.frame.loc[("Ask", "continue"), "value"] == pytest.approx(1 / 3 - 1 / 2)


def test_the_crude_interval_is_that_of_newcombe():
    found = cx.bad_experience(made(RATED, score="score"), STAGES, within="10D").frame.loc[("Ask", "continue")]
    crude = stats.newcombe_difference(1, 3, 1, 2)
    assert tuple(found[["value", "lower", "upper"]]) == crude
    assert found["method"] == "Newcombe 95%"


def test_a_number_says_up_to_which_score_it_is_bad():
    assert line(cx.bad_experience(made(RATED, score="score"), STAGES, bad=2, within="10D"), "Ask") == (
        1,
        2,
        1,
        3,
    )


def test_strata_compare_like_with_like():
    log = made(RATED, score="score")
    result = cx.bad_experience(log, STAGES, within="10D", strata="tier")
    # gold: a 1 of 1 against c 1 of 1; blue: b and g 0 of 2 against d 0 of 1: no difference in either.
    found = result.frame.loc[("Ask", "continue")]
    assert found["stratified"] == 0
    assert found["strata"] == 2
    assert np.isnan(found["stratified_lower"])  # all or none in every stratum: no spread
    assert "Same tier" in repr(result)


def test_the_stratum_of_reach_is_the_deepest_stage_so_far():
    rows = []
    for n in map(str, range(8)):
        # Half of them had bought and used before they asked: they go on, whatever they say.
        if int(n) % 2:
            rows += [
                (n, day(1), "order", None, None),
                (n, day(2), "use", None, None),
                (n, day(9), "use", None, None),
            ]
        rows.append((n, day(5), "chat", 1 if int(n) < 4 else 9, None))
    rows.append(("end", day(28), "other", None, None))
    found = cx.bad_experience(made(rows, score="score"), STAGES, within="10D").frame.loc[("Ask", "continue")]
    assert (found["value"], found["stratified"], found["strata"]) == (0, 0, 2)


def test_by_event_who_met_it_while_the_stage_settles_is_compared_with_who_did_not():
    rows = [
        ("a", day(1), "chat", None, None),
        ("a", day(2), "error", None, None),  # inside the day, end inclusive
        ("b", day(1), "chat", None, None),
        ("b", day(3), "error", None, None),  # later: not of this stage
        ("b", day(4), "order", None, None),
        ("c", day(1), "chat", None, None),
        ("c", "2026-01-01 10:00", "order", None, None),  # went on before the clock starts: left out
        ("d", day(1), "chat", None, None),
        ("d", day(13), "order", None, None),  # within ten days of the second
        ("x", day(31), "other", None, None),
    ]
    result = cx.bad_experience(made(rows), STAGES, bad="error", within="10D")
    assert line(result, "Ask") == (0, 1, 1, 2)
    assert result.frame.loc[("Ask", "continue"), "already"] == 1
    assert list(result.customers("Ask").index) == ["a"]
    assert list(result.customers("Ask", bad=False, happened=True).index) == ["b"]
    settled = cx.bad_experience(made(rows), STAGES, bad="error", within="10D", settle="2D")
    assert line(settled, "Ask") == (1, 2, 1, 1)


def test_a_bad_stage_is_none_that_customers_go_on_to():
    stages = cx.Definition({"Ask": ["chat"], "Complain": ["complaint"], "Buy": ["order"]})
    rows = [
        ("a", day(1), "chat", None, None),
        ("a", "2026-01-01 10:00", "complaint", None, None),
        ("b", day(1), "chat", None, None),
        ("b", day(3), "order", None, None),
        ("x", day(31), "other", None, None),
    ]
    assert line(cx.bad_experience(made(rows), stages, bad="Complain", within="10D"), "Ask") == (0, 1, 1, 1)


def test_a_bad_event_of_a_later_stage_is_none_that_customers_go_on_to():
    stages = cx.Definition({"Buy": ["order"], "Care": ["complaint", "call"]})
    rows = [
        ("a", day(1), "order", None, None),
        ("a", "2026-01-01 10:00", "complaint", None, None),
        ("a", day(4), "call", None, None),
        ("b", day(1), "order", None, None),
        ("b", "2026-01-01 10:00", "complaint", None, None),
        ("c", day(1), "order", None, None),
        ("c", day(4), "call", None, None),
        ("x", day(31), "other", None, None),
    ]
    result = cx.bad_experience(made(rows), stages, bad="complaint", within="10D")
    assert line(result, "Buy") == (1, 2, 1, 1)
    # All three had got to the first stage when the clock started, and no further.
    found = result.frame.loc[("Buy", "continue")]
    assert (found["already"], found["strata"], found["stratified"]) == (0, 1, -0.5)


def test_repurchase_is_of_those_who_had_bought():
    rows = [
        ("a", day(1), "order", 2, None),
        ("a", day(5), "order", None, None),
        ("b", day(1), "order", 9, None),
        ("c", day(1), "chat", 9, None),  # had not bought
        ("c", day(2), "order", None, None),
        ("d", day(1), "order", 10, None),
        ("d", day(3), "order", None, None),
        ("x", day(31), "other", None, None),
    ]
    result = cx.bad_experience(made(rows, score="score"), STAGES, within="10D")
    assert line(result, "Buy", "repurchase") == (1, 1, 1, 2)
    assert line(result, "Ask", "repurchase") == (0, 0, 0, 0)
    assert result.frame.loc[("Ask", "repurchase"), "note"] == "Nobody to compare had a bad experience."


def test_a_number_that_is_none_says_nothing():
    with pytest.raises(cx.CXError, match="bad=nan says nothing"):
        cx.bad_experience(made(RATED, score="score"), STAGES, bad=float("nan"))


def test_what_cannot_be_measured_says_why():
    result = cx.bad_experience(made(RATED), STAGES)
    assert result.frame["value"].isna().all()
    assert result.frame["note"].str.startswith("Not measurable: the log has no score column").all()
    assert result.customers("Ask").empty
    rated = cx.bad_experience(made(RATED, score="score"), STAGES.set_role("Buy", None), within="10D").frame
    assert rated.loc[("Enjoy", "continue"), "note"] == "No stage comes later."
    assert rated.loc[("Ask", "repurchase"), "note"] == "Not measurable: no stage has the role 'buy'."


def test_stages_without_anybody_to_compare_are_named_under_the_table():
    rated = repr(cx.bad_experience(made(RATED, score="score"), STAGES, within="10D"))
    assert "Nobody to compare at Buy, Enjoy." in rated
    assert "\nEnjoy" not in rated
    # Where there is nothing at all the lines say why.
    assert repr(cx.bad_experience(made(RATED), STAGES)).count("Not measurable") == 6


def test_it_is_called_an_association():
    text = repr(cx.bad_experience(made(RATED, score="score"), STAGES, within="10D"))
    assert "An association" in text
    assert "effect" not in text


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"bad": "eror"}, "unknown stage or event in bad 'eror'"),
        ({"bad": None}, "bad=None says nothing"),
        ({"strata": "tir"}, "unknown column 'tir'"),
        ({"within": 7}, "7"),
        ({"measure": "csat"}, "holds 10"),
        ({"score": "tier"}, "holds no numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(asked, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        cx.bad_experience(made(RATED, score="score"), STAGES, **asked)


def test_an_unknown_stage_or_outcome_of_customers_is_refused():
    result = cx.bad_experience(made(RATED, score="score"), STAGES)
    with pytest.raises(cx.CXError, match="unknown stage 'As'"):
        result.customers("As")
    with pytest.raises(cx.CXError, match="unknown outcome 'stay'"):
        result.customers("Ask", "stay")


NUMBER = {"chat": 1, "order": 2, "use": 3}
rows_of_a_log = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 30),
        st.sampled_from(["chat", "order", "use", "error", "other"]),
        st.one_of(st.none(), st.integers(0, 10)),
    ),
    min_size=1,
    max_size=30,
)


def plainly(rows, number, outcome, bad):
    """The same counts by a loop over customers; times are hours up to 31, settle 3, within 8."""
    counts = [0, 0, 0, 0]
    for who in sorted({row[0] for row in rows}):
        mine = [row for row in rows if row[0] == who]
        at_stage = [row for row in mine if NUMBER.get(row[2]) == number]
        if bad == "negative":
            scored = sorted((row[1], row[3]) for row in at_stage if row[3] is not None)
            if not scored:
                continue
            came, given = scored[0]
            clock, is_bad = came, given <= 6
        else:
            if not at_stage:
                continue
            came = min(row[1] for row in at_stage)
            clock = came + 3
            is_bad = any(row[2] == bad and came <= row[1] <= clock for row in mine)
        if clock + 8 > 31:
            continue
        later = [row[1] for row in mine if NUMBER.get(row[2], 0) > number]
        bought = [row[1] for row in mine if row[2] == "order"]
        if outcome == "continue":
            if bad != "negative" and any(came <= time <= clock for time in later):
                continue
            first = clock if bad == "negative" else clock + 0.5
            happened = any(first <= time <= clock + 8 for time in later)
        else:
            if not any(time <= came for time in bought) or any(came < time <= clock for time in bought):
                continue
            happened = any(clock < time <= clock + 8 for time in bought)
        counts[0 if is_bad else 2] += happened
        counts[1 if is_bad else 3] += 1
    return tuple(counts)


@given(rows_of_a_log, st.sampled_from(["negative", "error"]))
@settings(max_examples=40, deadline=None)
def test_the_counts_are_those_of_a_loop_over_customers(rows, bad):
    start = pd.Timestamp("2026-01-01")
    timed = [(who, start + pd.Timedelta(hours=hour), what, score, None) for who, hour, what, score in rows]
    log = made([*timed, ("y", start, "error", None, None)], end=start + pd.Timedelta(hours=31), score="score")
    stages = {"Ask": ["chat"], "Buy": ["order"], "Enjoy": ["use"]}
    result = cx.bad_experience(log, cx.Definition(stages), bad=bad, settle="3h", within="8h")
    for number, stage in enumerate(stages, start=1):
        for outcome in ("continue", "repurchase"):
            if (number, outcome) != (3, "continue"):
                assert line(result, stage, outcome) == plainly(rows, number, outcome, bad)
