from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import ORIGIN, log_of

import cx_widgets as cx

STAGES = cx.Definition({"Buy": ["order"], "Enjoy": ["use"]})
NONE = np.nan

# Customer, day, event, score. What counts: Buy 9, 6, 7; Enjoy 4, 9, 10; of all stages 4, 9, 7, 10.
ROWS = [
    ("Ann", 0, "order", 9),
    ("Ann", 5, "use", 10),
    ("Ann", 6, "use", 4),  # the latest of the stage
    ("Bob", 1, "order", 6),
    ("Bob", 3, "use", 9),
    ("Cyd", 0, "order", 3),
    ("Cyd", 2, "order", 8),
    ("Cyd", 2, "order", 7),  # at the same time: the lowest
    ("Dan", 0, "order", NONE),
    ("Dan", 4, "use", NONE),
    ("Eve", 0, "page", 1),  # in no stage
    ("Eve", 3, "use", 10),
    ("Eve", 4, "use", NONE),  # the latest row, and no answer
]

EXAMPLES = settings(max_examples=int(os.environ.get("CX_EXAMPLES", "1200")) // 20)


def scored(rows):
    return log_of([row[:3] for row in rows], score=pd.Series([row[3] for row in rows], dtype=float))


def answers(*scores, event="use"):
    return scored([(f"c{number}", number, event, score) for number, score in enumerate(scores)])


ENJOY = cx.Definition({"Enjoy": ["use"]})


def test_the_net_promoter_score_is_that_of_each_customers_latest_answer():
    frame = cx.attitude(scored(ROWS), STAGES).frame
    assert frame.index.tolist() == ["Buy", "Enjoy", "(all stages)"]
    assert frame["numerator"].tolist() == [0, 1, 1]
    assert frame["denominator"].tolist() == [3, 3, 4]
    assert frame["value"].tolist() == pytest.approx([0, 1 / 3, 1 / 4])
    assert frame["mean"].tolist() == pytest.approx([22 / 3, 23 / 3, 7.5])
    assert set(frame["method"]) == {"adjusted Wald 95%"}
    assert set(frame["note"]) == {""}
    # Enjoy: 2.75 promoters and 1.75 detractors of 6, score 1 / 6, variance 3 / 4 - 1 / 36 = 13 / 18.
    half = 1.959964 * (13 / 18 / 6) ** 0.5
    assert frame.loc["Enjoy", ["lower", "upper"]].tolist() == pytest.approx([1 / 6 - half, 1 / 6 + half])


def test_the_response_is_of_the_customers_with_a_visit():
    frame = cx.attitude(scored(ROWS), STAGES).frame
    assert frame["customers"].tolist() == [4, 4, 5]
    assert frame["response"].tolist() == [0.75, 0.75, 0.8]
    # Wilson's bounds of 3 of 4 and of 4 of 5, from the closed form with z = 1.959964.
    assert frame["response_lower"].tolist() == pytest.approx([0.300642, 0.300642, 0.375535], abs=1e-6)
    assert frame["response_upper"].tolist() == pytest.approx([0.954413, 0.954413, 0.963776], abs=1e-6)


def test_the_same_customers_answered_in_every_stage_with_answers():
    # Ann went from 9 to 4 and Bob from 6 to 9: no change, though the stages differ by 33 points.
    result = cx.attitude(scored(ROWS), STAGES)
    assert result.same_customers["denominator"].tolist() == [2, 2, 2]
    assert result.same_customers["value"].tolist() == [0, 0, 0]
    assert result.same_customers["mean"].tolist() == [7.5, 6.5, 6.5]
    silent = cx.Definition({"Buy": ["order"], "Look": ["page"], "Enjoy": ["use"]})
    rows = [row for row in ROWS if row[2] != "page"] + [("Ann", 3, "page", NONE)]
    same = cx.attitude(scored(rows), silent).same_customers
    assert same["denominator"].tolist() == [2, 0, 2, 2]
    assert same["note"].tolist() == ["", "Nobody answered.", "", ""]


def test_the_tones_are_those_of_the_net_promoter_score():
    tone = cx.attitude(scored(ROWS), STAGES).tone
    assert tone.index.tolist()[:3] == [("Buy", "negative"), ("Buy", "neutral"), ("Buy", "positive")]
    assert tone["numerator"].tolist() == [1, 1, 1, 1, 0, 2, 1, 1, 2]
    assert tone["denominator"].tolist() == [3] * 6 + [4] * 3
    assert tone["value"].iloc[-3:].tolist() == [0.25, 0.25, 0.5]
    # Wilson's bounds of 2 of 4.
    assert tone.loc[("(all stages)", "positive"), ["lower", "upper"]].tolist() == pytest.approx(
        [0.150039, 0.849961], abs=1e-6
    )


@pytest.mark.parametrize(
    ("score", "tone"),
    [(0, "negative"), (6, "negative"), (6.5, "neutral"), (7, "neutral"), (8, "neutral"), (9, "positive")],
)
def test_promoters_begin_at_nine_and_detractors_end_at_six(score, tone):
    shares = cx.attitude(answers(score), ENJOY).tone["value"]
    assert shares[("Enjoy", tone)] == 1


def test_satisfaction_is_the_share_of_the_two_highest_boxes():
    result = cx.attitude(answers(1, 3, 4, 5), ENJOY, measure="csat")
    line = result.frame.loc["Enjoy"]
    assert (result.measure, result.scale) == ("csat", (1.0, 5.0))
    assert line[["numerator", "denominator", "value", "method"]].tolist() == [2, 4, 0.5, "Wilson 95%"]
    assert line[["lower", "upper"]].tolist() == pytest.approx([0.150039, 0.849961], abs=1e-6)
    assert result.tone["numerator"].tolist()[:3] == [1, 1, 2]
    of_ten = cx.attitude(answers(8, 9, 10), ENJOY, measure="csat", scale=(0, 10))
    assert of_ten.frame["numerator"].tolist() == [2, 2]


def test_effort_is_the_mean_with_students_interval_cut_at_the_scale():
    line = cx.attitude(answers(4, 5, 6), ENJOY, measure="ces").frame.loc["Enjoy"]
    assert line[["numerator", "denominator", "value", "method"]].tolist() == [
        15,
        3,
        5,
        "mean, t 95%, widened for skewness",
    ]
    # t(2) = 4.302653, standard error 1 / root 3: 5 -+ 2.484138.
    assert line[["lower", "upper"]].tolist() == pytest.approx([2.515862, 7], abs=1e-6)
    one = cx.attitude(answers(2), ENJOY, measure="ces").frame.loc["Enjoy"]
    assert one["value"] == 2
    assert one[["lower", "upper"]].isna().all()


def test_peak_and_end_are_the_extreme_and_the_last_score_of_those_with_two():
    # Ann: 9 then 4, peak 9 (4 from the middle), (9 + 4) / 2 = 6.5 as her mean. Bob: 6 then 9, 9 against 7.5.
    frame = cx.attitude(scored(ROWS), STAGES).peak_end
    assert frame.index.tolist() == ["peak_end", "mean", "difference"]
    assert frame["denominator"].tolist() == [2, 2, 2]
    assert frame["value"].tolist() == [7.75, 7.0, 0.75]
    # t(1) = 12.7062, standard error of the differences 0 and 1.5 is 0.75.
    assert frame.loc["difference", ["lower", "upper"]].tolist() == pytest.approx(
        [0.75 - 12.7062 * 0.75, 0.75 + 12.7062 * 0.75], abs=1e-4
    )
    even = cx.attitude(scored([("Ann", 0, "order", 2), ("Ann", 1, "use", 8)]), STAGES).peak_end
    assert even["value"].tolist()[:2] == [5, 5]  # of 2 and 8, equally far from 5, the lower: (2 + 8) / 2
    once = cx.attitude(answers(9), ENJOY).peak_end
    assert once["value"].isna().all()
    assert set(once["note"]) == {"Nobody answered in two stages."}


def test_answers_in_two_stages_at_one_time_count_the_lowest_for_all_stages():
    log = scored([("Ann", 0, "order", 10), ("Ann", 0, "use", 2)])
    assert cx.attitude(log, STAGES).frame["value"].tolist() == [1, -1, -1]


def test_the_customers_of_a_stage_and_a_tone_are_listed():
    result = cx.attitude(scored(ROWS), STAGES)
    assert list(result.customers().index) == ["Ann", "Bob", "Cyd", "Eve"]
    assert list(result.customers("Buy").index) == ["Ann", "Bob", "Cyd"]
    assert list(result.customers("Enjoy", "positive").index) == ["Bob", "Eve"]
    assert list(result.customers(tone="negative").index) == ["Ann"]
    with pytest.raises(cx.CXError, match=r"unknown stage 'Bye'\. Did you mean 'Buy'\?"):
        result.customers("Bye")
    with pytest.raises(cx.CXError, match=r"unknown tone 'postive'\. Did you mean 'positive'\?"):
        result.customers(tone="postive")


def test_without_a_score_column_the_note_says_so():
    result = cx.attitude(log_of([row[:3] for row in ROWS]), STAGES)
    missing = "Not measurable: the log has no score column."
    for frame in (result.frame, result.same_customers, result.peak_end):
        assert set(frame["note"]) == {missing}
        assert frame[["numerator", "denominator", "value", "lower", "upper"]].isna().all(axis=None)
    assert result.tone["value"].isna().all()
    assert result.frame["customers"].tolist() == [4, 4, 5]
    assert result.frame["response"].isna().all()
    assert missing in repr(result)
    with pytest.raises(cx.CXError, match="no score column"):
        result.customers()


def test_a_stage_without_answers_is_undefined_and_an_empty_log_too():
    result = cx.attitude(scored([("Ann", 0, "order", 9), ("Ann", 1, "use", NONE)]), STAGES)
    line = result.frame.loc["Enjoy"]
    assert line[["numerator", "denominator", "customers", "response"]].tolist() == [0, 0, 1, 0]
    assert line[["value", "lower", "upper", "mean"]].isna().all()
    assert line["note"] == "Nobody answered."
    empty = cx.attitude(scored([]), STAGES)
    assert empty.frame["customers"].tolist() == [0, 0, 0]
    assert empty.frame["value"].isna().all()
    assert empty.frame["response"].isna().all()


def test_a_score_outside_the_scale_is_refused_with_the_way_out():
    with pytest.raises(cx.CXError) as refused:
        cx.attitude(scored([*ROWS, ("Fay", 1, "use", 99), ("Gus", 1, "order", 11)]), STAGES)
    assert str(refused.value) == (
        "the score column 'score' holds 99, but NPS is taken on a scale of 0 to 10; 2 of the 11 rows with a "
        "score in the stages are outside. If another scale was used, say measure='csat' or measure='ces' "
        "with scale=(lowest, highest); if another question was asked there, leave its events out of the "
        "stages; if it is a code for no answer, make it missing in the frame."
    )
    with pytest.raises(
        cx.CXError, match=r"holds 0, but CSAT .* 1 to 5; 1 of the 2 .* is outside.* say scale="
    ):
        cx.attitude(answers(0, 5), ENJOY, measure="csat")
    # The same scores in no stage have no part in it.
    rows = [("Ann", 0, "use", 9), ("Ann", 1, "page", 99)]
    assert cx.attitude(scored(rows), ENJOY).frame["value"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"measure": "npss"}, r"unknown measure 'npss'\. Did you mean 'nps'\?"),
        ({"measure": 3}, r"unknown measure 3\."),
        ({"scale": (1, 5)}, r"NPS is asked on a scale of 0 to 10, not 1 to 5\."),
        ({"measure": "csat", "scale": (0, 1)}, r"scale of 0 to 1 has no others\."),
        ({"measure": "ces", "scale": (7, 1)}, r"the lower first, not \(7, 1\)\. Say scale=\(1, 7\)\."),
        ({"measure": "ces", "scale": (1, float("inf"))}, r"not \(1, inf\)"),
        ({"measure": "ces", "scale": (False, 7)}, r"not \(False, 7\)"),
        ({"measure": "ces", "scale": "1-7"}, r"not '1-7'"),
    ],
)
def test_a_measure_or_a_scale_that_makes_no_sense_is_refused(asked, sentence):
    with pytest.raises(cx.CXError, match=sentence):
        cx.attitude(scored(ROWS), STAGES, **asked)


def test_the_result_reads_as_a_table():
    text = repr(cx.attitude(scored(ROWS), STAGES))
    assert "Enjoy                 4         3     75.0%  +33" in text
    assert "Same customers: the 2 who answered in every stage that has answers" in text
    assert "1 event lies in no stage." in text
    named = cx.Definition({"<b>Buy": ["order"], "Enjoy": ["use"]})
    assert "&lt;b&gt;Buy" in cx.attitude(scored(ROWS), named)._repr_html_()


def test_an_end_of_observation_cuts_later_answers_off():
    early = STAGES.with_rules(observation_end=str(ORIGIN + pd.Timedelta("5D")))
    assert cx.attitude(scored(ROWS), early).frame["mean"].tolist() == pytest.approx([22 / 3, 29 / 3, 9])


# --- against the slow and obvious way -------------------------------------------------------------------

ROW = st.tuples(
    st.integers(0, 4),
    st.integers(0, 5),
    st.sampled_from(["order", "use", "call", "page"]),
    st.sampled_from([NONE, 0, 3, 6, 7, 8, 9, 10]),
)
PLAIN = cx.Definition({"Buy": ["order"], "Enjoy": ["use"], "Ask": ["call"]})
WEB = cx.Condition("channel", "==", "web")
NARROW = cx.Definition(
    [cx.Stage("Buy", ["order"], where=[WEB]), cx.Stage("Enjoy", ["use"]), cx.Stage("Ask", ["call"])]
)
EVENTS = {"Buy": "order", "Enjoy": "use", "Ask": "call"}


def slow(rows, stages):
    """Return for each stage, and for all, the customers there and the answer of each who gave one."""
    there, given = {}, {}
    for name, events in stages.items():
        there[name], given[name] = set(), {}
        for who in {row[0] for row in rows}:
            mine = [row for row in rows if row[0] == who and row[2] in events]
            scores = [row for row in mine if row[3] == row[3]]
            if mine:
                there[name].add(who)
            if scores:
                last = max(row[1] for row in scores)
                given[name][who] = min(row[3] for row in scores if row[1] == last)
    return there, given


def figures_of(given):
    scores = list(given.values())
    top, low = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
    n = len(scores)
    return [top - low, n, (top - low) / n if n else -9, sum(scores) / n if n else -9], [
        low,
        n - top - low,
        top,
    ]


@EXAMPLES
@given(
    rows=st.lists(ROW, max_size=16),
    web=st.lists(st.booleans(), min_size=19, max_size=19),
    narrow=st.booleans(),
)
def test_every_line_is_that_of_the_slow_way(rows, web, narrow):
    rows = [*rows, *((8, 0, event, NONE) for event in ("order", "use", "call"))]
    web = [*web[: len(rows) - 3], True, True, True]
    channel = ["web" if yes else "shop" for yes in web]
    frame = pd.DataFrame(rows, columns=["who", "day", "event", "score"]).assign(channel=channel)
    frame["time"] = ORIGIN + pd.to_timedelta(frame["day"], unit="D")
    log = cx.EventLog(frame, customer="who", time="time", event="event", score="score")
    result = cx.attitude(log, NARROW if narrow else PLAIN)

    kept = [row for row, yes in zip(rows, web, strict=True) if yes or row[2] != "order" or not narrow]
    stages = {**{name: {event} for name, event in EVENTS.items()}, "(all stages)": set(EVENTS.values())}
    there, given = slow(kept, stages)
    in_stages = [given[name] for name in EVENTS if given[name]]
    same = set.intersection(*map(set, in_stages)) if in_stages else set()
    for name in stages:
        line, tones = figures_of(given[name])
        columns = ["numerator", "denominator", "value", "mean"]
        assert result.frame[columns].fillna(-9).loc[name].tolist() == pytest.approx(line)
        assert result.frame.loc[name, "customers"] == len(there[name])
        assert result.tone.loc[name]["numerator"].tolist() == tones
        line, _ = figures_of({who: score for who, score in given[name].items() if who in same})
        assert result.same_customers[columns].fillna(-9).loc[name].tolist() == pytest.approx(line)

    remembered, means = [], []
    for who, last in given["(all stages)"].items():
        mine = [given[name][who] for name in EVENTS if who in given[name]]
        if len(mine) > 1:
            peak = min(mine, key=lambda score: (-abs(score - 5), score))
            remembered.append((peak + last) / 2)
            means.append(sum(mine) / len(mine))
    found = result.peak_end["value"].fillna(-9).tolist()
    n = len(means)
    slowly = [sum(remembered) / n, sum(means) / n, (sum(remembered) - sum(means)) / n] if n else [-9] * 3
    assert found == pytest.approx(slowly)
    assert result.peak_end["denominator"].tolist() == [n] * 3


@EXAMPLES
@given(data=st.data(), rows=st.lists(ROW, min_size=1, max_size=16))
def test_the_order_of_the_rows_and_the_names_of_customers_change_nothing(data, rows):
    rows = [*rows, *((8, 0, event, NONE) for event in ("order", "use", "call"))]
    other = [(f"x{9 - row[0]}", *row[1:]) for row in data.draw(st.permutations(rows))]
    for frame, again in zip(
        *(parts(cx.attitude(scored(each), PLAIN)) for each in (rows, other)), strict=True
    ):
        pd.testing.assert_frame_equal(frame, again, check_exact=False, rtol=1e-12)


def parts(result):
    return result.frame, result.same_customers, result.tone, result.peak_end


@EXAMPLES
@given(rows=st.lists(ROW, max_size=16))
def test_tones_add_up_and_make_the_score_and_its_interval_holds_it(rows):
    rows = [*rows, *((8, 0, event, NONE) for event in ("order", "use", "call"))]
    result = cx.attitude(scored(rows), PLAIN)
    frame, tone = result.frame, result.tone["numerator"].to_numpy().reshape(-1, 3)
    assert tone.sum(axis=1).tolist() == frame["denominator"].tolist()
    assert (tone[:, 2] - tone[:, 0]).tolist() == frame["numerator"].tolist()
    known = frame.dropna()
    assert ((known["lower"] >= -1) & (known["lower"] <= known["value"])).all()
    assert ((known["value"] <= known["upper"]) & (known["upper"] <= 1)).all()
    # One point more on a scale that is one point higher.
    low, high = (
        cx.attitude(
            scored([(*row[:3], row[3] + more) for row in rows]), PLAIN, measure="ces", scale=(more, 10 + more)
        ).frame
        for more in (0, 1)
    )
    pd.testing.assert_series_equal(low["value"] + 1, high["value"])


def test_scores_may_stand_in_any_column_of_numbers():
    rows = [("a", 0, "order"), ("b", 0, "order"), ("a", 1, "survey")]
    log = log_of(rows, stars=pd.array([5, None, 2], dtype="Int64"), shop=["x", "y", "z"])
    definition = cx.Definition({"Buy": ["order"], "Enjoy": ["survey"]})
    assert cx.attitude(log, definition).score is None
    result = cx.attitude(log, definition, measure="csat", score="stars")
    assert (result.score, result.scale) == ("stars", (1, 5))
    assert result.frame["value"].tolist() == [1, 0, 0]
    assert list(result.customers("Enjoy", "negative").index) == ["a"]
    with pytest.raises(cx.CXError, match="unknown column in score 'star'"):
        cx.attitude(log, definition, score="star")
    with pytest.raises(cx.CXError, match="the column 'shop' holds no numbers"):
        cx.attitude(log, definition, score="shop")


def test_columns_of_scores_are_found_with_the_scales_that_hold_them():
    rows = [(who, 0, "survey") for who in "abcd"]
    found = cx.score_columns(
        log_of(
            rows,
            score=[0.5, None, None, 12.0],
            value=[1.0, 2.0, 3.0, 4.0],
            stars=[1, 5, 3, 3],
            nps=[0, 10, None, 6],
            ease=[7, 1, 2, 3],
            flag=[True, False, True, True],
            binary=[1, 2, 1, 2],
            seconds=[0.5, 1.5, 2.5, 3.5],
            age=[30, 40, 50, 60],
            shop=["a", "b", "c", "d"],
        )
    )
    assert found.index.tolist() == ["score", "stars", "nps", "ease"]
    assert found["answers"].tolist() == [2, 4, 3, 4]
    assert found[["nps", "csat", "ces"]].to_numpy().tolist() == [
        [False, False, False],
        [True, True, True],
        [True, False, False],
        [True, False, True],
    ]
    nobody = cx.score_columns(log_of(rows, score=[None] * 4))
    assert nobody[["answers", "different"]].to_numpy().tolist() == [[0, 0]]
    assert not nobody[["nps", "csat", "ces"]].to_numpy().any()
    assert cx.score_columns(log_of(rows)).empty
    with pytest.raises(cx.CXError, match=r"^an int is no event log"):
        cx.score_columns(3)
