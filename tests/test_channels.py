from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import stats
from cx_widgets.metrics._channel_names import DIGITAL, KIND_OF_NAME, KINDS, NAMES_OF_KIND, plain

DEFINITION = cx.Definition({"Aware": ["see"], "Buy": ["order"]})
ROWS = [
    ("a", 0, "see", "TV"),
    ("a", 1, "see", "tv"),
    ("a", 2, "see", "E-Mail"),
    ("a", 3, "order", "web site"),
    ("b", 0, "see", "tv"),
    ("b", 1, "order", "Marketplace"),
    ("c", 0, "see", None),  # no touchpoint
    ("c", 1, "page", "tv"),  # in no stage
    ("c", 2, "order", "Odd"),
]


def channels_of(rows=ROWS, definition=DEFINITION, **asked):
    log = log_of([row[:3] for row in rows], channel=[row[3] for row in rows])
    return cx.channels(log, definition, "channel", **asked)


def counts_of(result, of):
    lines = result.frame.xs(of, level="of")
    return {
        key: (int(line["numerator"]), int(line["denominator"]))
        for key, line in lines.iterrows()
        if line["numerator"]
    }


def test_touchpoints_are_counted_by_whose_channel_they_are():
    assert counts_of(channels_of(), "touchpoints") == {
        ("Aware", "owned"): (1, 4),
        ("Aware", "paid"): (3, 4),
        ("Buy", "partner"): (1, 3),
        ("Buy", "(unknown)"): (2, 3),  # "web site" in two words and "Odd"
        ("(all stages)", "owned"): (1, 7),
        ("(all stages)", "paid"): (3, 7),
        ("(all stages)", "partner"): (1, 7),
        ("(all stages)", "(unknown)"): (2, 7),
    }


def test_customers_count_once_and_may_meet_several_kinds():
    assert counts_of(channels_of(), "customers") == {
        ("Aware", "owned"): (1, 2),
        ("Aware", "paid"): (2, 2),
        ("Buy", "partner"): (1, 3),
        ("Buy", "(unknown)"): (2, 3),
        ("(all stages)", "owned"): (1, 3),
        ("(all stages)", "paid"): (2, 3),
        ("(all stages)", "partner"): (1, 3),
        ("(all stages)", "(unknown)"): (2, 3),
    }


def test_intervals_of_touchpoints_are_by_customer():
    line = channels_of().frame.loc[("Aware", "paid", "touchpoints")]
    # a: 2 of 3, b: 1 of 1; p = 3/4. Spread (2 - 9/4)^2 + (1 - 3/4)^2 = 1/8, so 3/16 * 16 / (1/8) = 24 trials;
    # of two customers 1/2 over 3/4, and Student's t with 3 degrees of freedom over t with 1, squared.
    worth = 24 * (1 / 2) / (3 / 4) * (3.18244631 / 12.70620474) ** 2
    plain = [float(bound) for bound in stats.wilson(0.75 * worth, worth)]
    assert [line["lower"], line["upper"]] == pytest.approx(plain, abs=1e-6)
    assert line["method"] == "Wilson 95%, clustered by customer"
    assert channels_of().frame.loc[("Aware", "paid", "customers"), "method"] == "Wilson 95%"


def test_many_customers_are_counted_in_parts_with_the_same_numbers(monkeypatch):
    whole = channels_of().frame
    monkeypatch.setattr(import_module("cx_widgets.metrics.channels"), "_BLOCK", 1)
    np.testing.assert_array_equal(
        channels_of().frame.drop(columns="method").to_numpy(), whole.drop(columns="method").to_numpy()
    )


def test_one_says_whose_a_channel_is():
    result = channels_of(kinds={"Odd": "earned", "tv": "owned", "web site": "owned"})
    assert counts_of(result, "touchpoints")[("Aware", "owned")] == (3, 4)  # "TV" is another name
    assert counts_of(result, "touchpoints")[("Buy", "earned")] == (1, 3)
    names = result.names
    assert names["kind"].to_dict() == {
        "E-Mail": "owned",
        "Marketplace": "partner",
        "Odd": "earned",
        "TV": "paid",
        "tv": "owned",
        "web site": "owned",
    }
    assert names["touchpoints"].to_dict()["tv"] == 2


def test_what_is_left_out_is_said():
    result = channels_of()
    assert result.without_channel == 1
    text = repr(result)
    assert "Without channel: 1 of the events in stages." in text
    assert "Of unknown kind: Odd, web site." in text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kinds": {"odd": "owned"}}, r"unknown channel 'odd'. Did you mean 'Odd'"),
        ({"kinds": {"Odd": "own"}}, r"unknown kind of channel 'Odd' 'own'. Did you mean 'owned'"),
        ({"kinds": ["owned"]}, r"kinds must say of channels whose they are"),
    ],
)
def test_bad_kinds_are_refused_with_what_would_be_right(asked, message):
    with pytest.raises(cx.CXError, match=message):
        channels_of(**asked)


def test_an_unknown_column_is_refused():
    with pytest.raises(cx.CXError, match=r"unknown column 'chanel'. Did you mean 'channel'"):
        cx.channels(log_of([("a", 0, "see")], channel=["tv"]), cx.Definition({"Aware": ["see"]}), "chanel")


def test_nothing_touched_is_undefined():
    frame = channels_of([]).frame
    assert frame["value"].isna().all()
    assert (frame["denominator"] == 0).all()
    no_channel = channels_of([("a", 0, "see", None), ("a", 1, "order", None)]).frame
    assert no_channel["value"].isna().all()


def test_each_common_name_is_of_one_kind_and_written_as_it_is_looked_up():
    assert tuple(NAMES_OF_KIND) == KINDS
    every = [name for names in NAMES_OF_KIND.values() for name in names]
    assert len(every) == len(set(every)) == len(KIND_OF_NAME)
    assert all(plain(name) == name for name in [*every, *DIGITAL])
    # What means several things has no kind.
    assert not {"social", "search", "online", "influencer", "facebook", "video"} & set(every)


GAP = cx.Definition({"Enjoy": ["use"], "Bond": ["stay"]})
RATED = [
    ("a", 0, "use", "store", 9),
    ("a", 1, "use", "app", 6),
    ("b", 0, "use", "store", 8),
    ("b", 1, "use", "App", 7),
    ("b", 2, "stay", "store", 10),
    ("c", 0, "use", "app", None),  # not rated
    ("c", 1, "page", "app", 1),  # in no stage
    ("c", 2, "use", None, 1),  # no channel
]


def gap_of(rows=RATED, definition=GAP, **asked):
    log = log_of([row[:3] for row in rows], channel=[row[3] for row in rows], score=[row[4] for row in rows])
    return cx.experience_gap(log, definition, "channel", **asked)


def test_the_gap_is_the_mean_of_all_less_that_of_the_digital():
    frame = gap_of().frame
    assert frame.loc["Enjoy", "value"].tolist() == [7.5, 6.5, 1.0]
    assert frame.loc["Enjoy", "denominator"].tolist() == [4, 2, 4]
    assert frame.loc["Enjoy", "numerator"].tolist()[:2] == [30, 13]
    # a and b move all by (15 - 15) / 4 and (15 - 15) / 4, the digital by -0.25 and 0.25, so the gap too:
    # the root of 2 * (0.0625 + 0.0625) is 0.5, t with 1 degree of freedom 12.706205.
    assert frame.loc[("Enjoy", "gap"), "upper"] == pytest.approx(1 + 12.706205 / 2, abs=1e-6)
    assert frame.loc[("Enjoy", "all"), "lower"] == 7.5
    assert frame.loc[("(all stages)", "all"), "value"] == 8.0


def test_a_stage_without_digital_ratings_has_no_gap_and_says_so():
    frame = gap_of().frame
    assert frame.loc[("Bond", "all"), "value"] == 10
    assert np.isnan(frame.loc[("Bond", "all"), "lower"])
    assert frame.loc["Bond", "note"].tolist() == ["", *["No digital touchpoint is rated here."] * 2]
    empty = gap_of([])
    assert set(empty.frame["note"]) == {"Nothing is rated here."}


def test_one_customer_who_rated_digital_touchpoints_leaves_the_gap_without_interval():
    rows = [*RATED[:5], ("d", 0, "use", "store", 5)]
    alone = gap_of([row for row in rows if row[:2] != ("b", 1)]).frame.loc["Enjoy"]
    assert alone.loc["gap", "value"] == 28 / 4 - 6
    assert np.isnan(alone.loc["gap", ["lower", "upper"]].astype(float)).all()
    assert not np.isnan(alone.loc["all", "lower"])
    assert not np.isnan(gap_of(rows).frame.loc[("Enjoy", "gap"), "lower"])


def test_tones_count_ones():
    frame = gap_of(of="tone", scale=(0, 14)).frame
    # 9 and 8 lie above 7, 6 below, 7 at it.
    assert frame.loc["Enjoy", "value"].tolist() == [0.25, -0.5, 0.75]
    with pytest.raises(cx.CXError, match=r"holds 9, outside of the scale 0 to 8"):
        gap_of(of="tone", scale=(0, 8))


def test_one_says_what_is_digital():
    assert gap_of().digital == ("App", "app")
    result = gap_of(digital=["app"])
    assert result.digital == ("app",)
    assert result.frame.loc[("Enjoy", "digital"), "value"] == 6


def test_without_scores_the_gap_is_undefined_and_says_why():
    log = log_of([("a", 0, "use")], channel=["app"])
    frame = cx.experience_gap(log, cx.Definition({"Enjoy": ["use"]}), "channel").frame
    assert frame["value"].isna().all()
    assert set(frame["note"]) == {"Not measurable: the log has no score column."}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"digital": "app"}, r"digital must be names of channels, not 'app'"),
        ({"digital": ["ap"]}, r"unknown channel 'ap'. Did you mean"),
        ({"of": "mean"}, r"unknown of 'mean'"),
        ({"of": "tone", "scale": (5, 1)}, r"scale must be the lowest and the highest"),
    ],
)
def test_bad_questions_of_the_gap_are_refused(asked, message):
    with pytest.raises(cx.CXError, match=message):
        gap_of(**asked)


def test_the_table_of_the_gap_names_what_is_digital():
    text = repr(gap_of())
    assert "Digital: App, app." in text
    assert "+1.00" in text
