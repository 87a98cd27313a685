from __future__ import annotations

import numpy as np
import oracle
import pandas as pd
import pytest
from scipy import stats as scipy_stats
from small_logs import ORIGIN, log_of

import cx_widgets as cx
from cx_widgets.metrics._significance import benjamini_hochberg, differences, p_values

STAGES = {"See": ["ad"], "Cart": ["cart"], "Buy": ["order"]}

# Ann comes by mail, enters over the web and buys in the app, and later opens a mail. Bob stops in the shop's
# cart, Cyd has no channel at all, Dan's ad has none but his page, which is in no stage, has one. Eve never
# enters.
JOURNEYS = [
    ("Ann", 0, "cart", "mail"),
    ("Ann", 1, "ad", "web"),
    ("Ann", 2, "cart", None),
    ("Ann", 3, "order", "app"),
    ("Ann", 4, "ad", "mail"),
    ("Bob", 0, "ad", "app"),
    ("Bob", 1, "ad", "web"),
    ("Bob", 2, "cart", "shop"),
    ("Cyd", 0, "ad", None),
    ("Dan", 0, "page", "web"),
    ("Dan", 1, "ad", None),
    ("Eve", 0, "order", "web"),
]


def channels(rows, **kinds):
    return log_of([row[:3] for row in rows], channel=pd.Series([row[3] for row in rows], **kinds))


@pytest.mark.parametrize(
    ("attribution", "ann", "bob", "cyd_and_dan"),
    [
        ("first touch", "mail", "app", "(missing)"),
        ("last touch", "app", "shop", "(missing)"),
        ("at entry", "web", "web", "(missing)"),
        ("See", "web", "web", "(missing)"),
        ("Cart", "(missing)", "shop", "(not reached)"),
        ("Buy", "app", "(not reached)", "(not reached)"),
    ],
)
def test_the_attribution_says_which_row_names_the_group(attribution, ann, bob, cyd_and_dan):
    result = cx.breakdown(
        channels(JOURNEYS, dtype=object), cx.Definition(STAGES), "channel", attribution=attribution
    )
    groups = {customer: group for group in result.frame.index for customer in result.customers(group).index}
    assert groups == {"Ann": ann, "Bob": bob, "Cyd": cyd_and_dan, "Dan": cyd_and_dan}


def shop(numbers, others=()):
    """Return the log of groups: name -> (entrants, converted)."""
    rows = []
    for name, (entrants, converted) in numbers.items():
        rows += [(f"{name} {n}", 0, "ad", name) for n in range(entrants)]
        rows += [(f"{name} {n}", 1, "order", name) for n in range(converted)]
    return channels([*rows, *others], dtype=object)


SEE_AND_BUY = cx.Definition({"See": ["ad"], "Buy": ["order"]})


def test_each_group_is_compared_with_all_other_entrants_together():
    frame = cx.breakdown(shop({"web": (80, 48), "app": (70, 56)}), SEE_AND_BUY, "channel").frame
    assert frame.index.name == "group"
    assert frame.index.tolist() == ["web", "app"]
    assert frame[["entrants", "converted", "other_entrants", "other_converted"]].to_numpy().tolist() == [
        [80, 48, 70, 56],
        [70, 56, 80, 48],
    ]
    assert frame["conversion"].tolist() == [0.6, 0.8]
    # Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10: 56 of 70 less 48 of 80.
    app = frame.loc["app"]
    assert app["difference"] == pytest.approx(0.2)
    assert [app["difference_lower"], app["difference_upper"]] == pytest.approx([0.0524, 0.3339], abs=1e-4)
    web = frame.loc["web"]
    assert [web["difference_lower"], web["difference_upper"]] == pytest.approx([-0.3339, -0.0524], abs=1e-4)
    # z = 0.2 / sqrt(104/150 * 46/150 * (1/70 + 1/80)) = 2.650.
    assert frame["p_value"].tolist() == pytest.approx([0.008045] * 2, abs=1e-6)
    assert frame["q_value"].tolist() == frame["p_value"].tolist()
    assert not frame["small"].any()
    assert frame[["method", "difference_method"]].iloc[0].tolist() == ["Wilson 95%", "Newcombe 95%"]


def test_values_beyond_the_largest_are_one_group_and_missing_ones_another():
    others = [("x", 0, "ad", None), ("y", 0, "ad", None)]
    log = shop({"d": (2, 1), "b": (4, 1), "a": (3, 2), "c": (3, 0), "e": (1, 1)}, others)
    two = cx.breakdown(log, SEE_AND_BUY, "channel", groups=2)
    # Of a and c, with 3 entrants each, a comes first.
    assert two.frame["entrants"].to_dict() == {"b": 4, "a": 3, "(all others)": 6, "(missing)": 2}
    assert two.frame["converted"].tolist() == [1, 2, 2, 0]
    assert list(two.customers("(missing)").index) == ["x", "y"]
    five = cx.breakdown(log, SEE_AND_BUY, "channel", groups=5)
    assert five.frame.index.tolist() == ["b", "a", "c", "d", "e", "(missing)"]


def test_small_groups_get_no_test_but_their_interval():
    log = shop({"web": (60, 30), "app": (30, 6), "tv": (29, 0)})
    frame = cx.breakdown(log, SEE_AND_BUY, "channel").frame
    assert frame["small"].tolist() == [False, False, True]
    assert frame["p_value"].isna().tolist() == [False, False, True]
    assert frame["q_value"].isna().tolist() == [False, False, True]
    assert frame[["difference", "difference_lower", "difference_upper"]].notna().all(axis=None)
    # Two tests are made, so the larger p stays and the smaller counts double, unless that is more.
    low, high = sorted(frame["p_value"].dropna())
    assert sorted(frame["q_value"].dropna()) == pytest.approx([min(2 * low, high), high])
    assert not cx.breakdown(log, SEE_AND_BUY, "channel", smallest=29).frame["small"].any()
    # Nobody outside the only group.
    alone = cx.breakdown(shop({"web": (60, 30)}), SEE_AND_BUY, "channel").frame
    assert alone["small"].tolist() == [True]
    assert alone[["difference", "difference_lower", "p_value"]].isna().all(axis=None)


def test_too_few_expected_conversions_get_no_test():
    # 4 of 80 in all, 2 expected on either side.
    frame = cx.breakdown(shop({"web": (40, 0), "app": (40, 4)}), SEE_AND_BUY, "channel").frame
    assert not frame["small"].any()
    assert frame["p_value"].isna().all()


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (pd.Series([1, 2, 1, 2]), ["1", "2"]),
        (pd.Series([1.5, None, 1.5, None]), ["1.5", "(missing)"]),
        (pd.Series([True, False, True, True]), ["False", "True"]),
        (pd.Series(["a", "b", "a", None], dtype="category"), ["a", "b"]),
        (pd.Series([[1], [2], [1], [2]]), ["[1]", "[2]"]),
        (pd.Series(["(missing)", None, "x", "x"], dtype=object), ["'(missing)'", "(missing)"]),
        (pd.Series([None] * 4, dtype=object), ["(missing)"]),
    ],
)
def test_any_column_makes_groups_by_its_text(values, labels):
    log = log_of([("a", 0, "ad"), ("b", 0, "ad"), ("a", 1, "order"), ("c", 0, "order")], kind=values)
    assert cx.breakdown(log, SEE_AND_BUY, "kind").frame.index.tolist() == labels


def test_the_event_column_makes_groups_too():
    definition = cx.Definition({"See": ["ad", "search"], "Buy": ["order"]})
    log = log_of([("a", 0, "ad"), ("b", 0, "search"), ("b", 1, "order")])
    frame = cx.breakdown(log, definition, "event").frame
    assert frame["converted"].to_dict() == {"ad": 0, "search": 1}


def test_the_funnels_of_the_groups():
    log = channels(JOURNEYS, dtype=object)
    result = cx.breakdown(log, cx.Definition(STAGES, window="30D"), "channel", attribution="at entry")
    funnels = result.funnels
    assert funnels.index.names == ["group", "stage"]
    assert funnels.loc["web", "reach"].to_dict() == {"See": 2, "Cart": 2, "Buy": 1}
    assert funnels.loc["web", "step_conversion"].fillna(-1).tolist() == [-1, 1.0, 0.5]
    assert funnels.loc["web", "open"].tolist() == [0, 1, 0]
    # Ann 2 - 1 and Bob 2 - 1; Ann 3 - 1.
    assert funnels.loc["web", "median_from_entry"].tolist() == [pd.Timedelta(days=n) for n in (0, 1, 2)]
    assert funnels.loc["(missing)", "reach"].tolist() == [2, 0, 0]


def test_an_empty_log_has_no_groups():
    result = cx.breakdown(channels([]), cx.Definition(STAGES), "channel")
    assert result.frame.empty
    assert result.funnels.empty
    assert "Conversion by channel" in repr(result)


def test_wrong_questions_are_refused_with_a_way_out():
    log = channels(JOURNEYS, dtype=object)
    definition = cx.Definition(STAGES)
    with pytest.raises(cx.CXError, match=r"^unknown column 'chanel'. Did you mean 'channel'\?"):
        cx.breakdown(log, definition, "chanel")
    with pytest.raises(cx.CXError, match=r"^column 'customer' is the customer of this log"):
        cx.breakdown(log, definition, "customer")
    with pytest.raises(cx.CXError, match=r"^column 'time' is the time of this log.* see trend\(\)"):
        cx.breakdown(log, definition, "time")
    with pytest.raises(cx.CXError, match=r"^unknown attribution 'first'. Did you mean 'first touch'\?"):
        cx.breakdown(log, definition, "channel", attribution="first")
    with pytest.raises(cx.CXError, match=r"^groups must be a whole number from 1, not 0. Say groups=10."):
        cx.breakdown(log, definition, "channel", groups=0)
    with pytest.raises(
        cx.CXError, match=r"^smallest must be a whole number from 1, not 2.5. Say smallest=30."
    ):
        cx.breakdown(log, definition, "channel", smallest=2.5)
    with pytest.raises(cx.CXError, match=r"^unknown group 'wab'. Did you mean 'web'\?"):
        cx.breakdown(log, definition, "channel", attribution="at entry").customers("wab")


def test_the_result_reads_like_a_table_and_escapes_names():
    result = cx.breakdown(shop({"<b>": (80, 48), "app": (70, 56)}), SEE_AND_BUY, "channel")
    assert "+5.2 to +33.4" in repr(result)
    assert "0.008" in repr(result)
    assert "first touch" in repr(result)
    assert "<b>" not in result._repr_html_()
    assert "&lt;b&gt;" in result._repr_html_()


def test_benjamini_hochberg_gives_the_published_decisions():
    # Benjamini and Hochberg (1995), section 3.1: of 15 hypotheses on thrombolysis 4 are rejected at 0.05.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p += [0.4262, 0.5719, 0.6528, 0.7590, 1.000]
    q = benjamini_hochberg(p)
    assert (q <= 0.05).sum() == 4
    # 0.0095 * 15 / 4, and 0.0201 * 15 / 5.
    assert q[3:5].tolist() == pytest.approx([0.035625, 0.0603])
    assert q.tolist() == pytest.approx(scipy_stats.false_discovery_control(p).tolist())
    assert benjamini_hochberg([]).tolist() == []


def test_what_was_not_tested_does_not_count():
    shuffled = [0.04, np.nan, 0.01, 0.03]
    q = benjamini_hochberg(shuffled)
    assert np.isnan(q[1])
    assert q[[0, 2, 3]].tolist() == pytest.approx([0.04, 0.03, 0.04])


def test_p_values_are_those_of_pearsons_chi_squared():
    rng = np.random.default_rng(8)
    for _ in range(200):
        n, m = rng.integers(1, 200, size=2)
        x, y = rng.binomial(n, 0.4), rng.binomial(m, 0.5)
        table = np.array([[x, n - x], [y, m - y]])
        p = float(p_values(x, n, y, m))
        if 0 in table.sum(axis=0) or scipy_stats.contingency.expected_freq(table).min() < 5:
            assert np.isnan(p)
        else:
            assert p == pytest.approx(scipy_stats.chi2_contingency(table, correction=False).pvalue)


def test_differences_are_newcombes_and_undefined_of_nothing():
    # Newcombe (1998), table II, method 10.
    change, lower, upper = differences([9, 5, 0], [10, 56, 0], [3, 0, 1], [10, 29, 2])
    assert lower[:2].tolist() == pytest.approx([0.1705, -0.0381], abs=1e-4)
    assert upper[:2].tolist() == pytest.approx([0.8090, 0.1926], abs=1e-4)
    assert np.isnan([change[2], lower[2], upper[2]]).all()


def random_log(rng):
    """Return few customers with many ties and gaps in a column, and their rows."""
    size = int(rng.integers(3, 30))
    rows = list(
        zip(
            rng.integers(0, 6, size=size).tolist(),
            rng.integers(0, 8, size=size).tolist(),
            [*rng.integers(0, 4, size=size - 3).tolist(), 1, 2, 3],
            rng.choice(np.array(["a", "b", "c", None], dtype=object), size=size).tolist(),
            strict=True,
        )
    )
    who, day, stage, value = zip(*rows, strict=True)
    frame = pd.DataFrame(
        {
            "who": who,
            "when": ORIGIN + pd.to_timedelta(np.array(day), unit="D"),
            "what": [f"e{number}" for number in stage],
            "kind": pd.Series(value, dtype=object),
        }
    )
    return cx.EventLog(frame, customer="who", time="when", event="what"), rows


def truth(rows, matches, window, end, attribution):
    """For each entrant the group, row by row."""
    people = oracle.funnel([row[:3] for row in rows], 3, window, end)
    answer = {}
    for customer, one in people.items():
        levels = one["levels"]
        if not levels:
            continue
        own = sorted(
            (day, stage, n) for n, (who, day, stage, _) in enumerate(rows) if who == customer and stage
        )
        mine = [n for _, n in sorted(matches[customer].items())]
        if len(levels) == 3:
            own = [row for row in own if row <= (rows[mine[2]][1], 3, mine[2])]
        touches = [rows[n][3] for _, _, n in own if rows[n][3] is not None]
        if attribution in ("first touch", "last touch"):
            answer[customer] = touches[0 if attribution == "first touch" else -1] if touches else "(missing)"
        elif attribution == "at entry":
            entry = mine[0] if len(levels) == 3 else max(row for row in own if row[1] == 1)[2]
            answer[customer] = rows[entry][3] or "(missing)"
        else:
            number = int(attribution)
            reached = len(levels) >= number
            answer[customer] = (rows[mine[number - 1]][3] or "(missing)") if reached else "(not reached)"
    return answer


def test_breakdowns_agree_with_rows_one_by_one_and_add_up_to_the_funnel():
    rng = np.random.default_rng([2026, 36])
    for _ in range(120):
        log, rows = random_log(rng)
        window = None if rng.random() < 0.3 else int(rng.integers(0, 8))
        definition = cx.Definition(
            {"1": ["e1"], "2": ["e2"], "3": ["e3"]}, window=None if window is None else f"{max(window, 1)}D"
        )
        window = None if window is None else max(window, 1)
        funnel = cx.funnel(log, definition)
        matches = {}
        for customer, stage, row in zip(
            *(funnel.matches[name] for name in ("customer", "stage", "row")), strict=True
        ):
            matches.setdefault(customer, {})[int(stage)] = row
        end = max(day for _, day, _, _ in rows)
        converted = set(funnel.customers("3").index)
        for attribution in ("first touch", "last touch", "at entry", "1", "2", "3"):
            result = cx.breakdown(log, definition, "kind", attribution=attribution, groups=5, smallest=1)
            groups = truth(rows, matches, window, end, attribution)
            ours = {who: group for group in result.frame.index for who in result.customers(group).index}
            assert ours == groups
            for group, line in result.frame.iterrows():
                inside = {who for who, name in groups.items() if name == group}
                assert (line["entrants"], line["converted"]) == (len(inside), len(inside & converted))
            sums = result.funnels.groupby("stage")[["reach", "open"]].sum()
            assert sums["reach"].tolist() == funnel.frame["reach"].tolist()
            assert sums["open"].tolist() == funnel.frame["open"].tolist()
        few = cx.breakdown(log, definition, "kind", groups=1).frame
        assert few["entrants"].sum() == funnel.frame["reach"].iloc[0]
