from __future__ import annotations

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets import stats

# The names of the stages give their roles.
DEFINITION = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"], "Enjoy": ["use"]})
ROWS = [
    ("a", 0, "compare"),
    ("a", 1, "order"),  # the first purchase is no loop
    ("a", 2, "order"),  # loop
    ("a", 3, "use"),
    ("a", 4, "order"),  # loop
    ("a", 5, "compare"),
    ("a", 6, "order"),  # evaluated only
    ("b", 0, "order"),
    ("b", 1, "ad"),
    ("b", 2, "order"),  # considered only
    ("b", 3, "ad"),
    ("b", 3, "compare"),
    ("b", 4, "order"),  # both
    ("c", 0, "order"),
    ("c", 1, "ad"),
]


def kinds_of(rows, definition=DEFINITION):
    return {
        key: (figure["numerator"], figure["denominator"])
        for key, figure in cx.loops(log_of(rows), definition).frame.iterrows()
    }


def test_each_repeat_purchase_is_of_one_kind():
    assert kinds_of(ROWS) == {
        "loop": (2, 5),
        "evaluate_only": (1, 5),
        "consider_only": (1, 5),
        "both": (1, 5),
    }


def test_intervals_are_by_customer():
    figure = cx.loops(log_of(ROWS), DEFINITION)["loop"]
    assert figure.value == 0.4
    # a: 2 of 3, b: 0 of 2. Spread (2 - 1.2)^2 + (0 - 0.8)^2 = 1.28, so 0.24 * 25 / 1.28 = 4.6875 trials; two
    # customers know next to nothing of it: 1/2 over 4/5, and Student's t with 4 degrees of freedom over t
    # with 1, squared.
    worth = 4.6875 * (1 / 2) / (4 / 5) * (2.77644511 / 12.70620474) ** 2
    plain = [float(bound) for bound in stats.wilson(0.4 * worth, worth)]
    assert [figure.lower, figure.upper] == pytest.approx(plain, abs=1e-6)
    assert figure.method == "Wilson 95%, clustered by customer"


def test_at_one_time_a_stage_before_buying_is_before_it():
    rows = [("a", 0, "order"), ("a", 1, "order"), ("a", 1, "compare"), ("a", 1, "use"), ("a", 2, "ad")]
    assert kinds_of(rows) == {
        "loop": (0, 1),
        "evaluate_only": (1, 1),
        "consider_only": (0, 1),
        "both": (0, 1),
    }


def test_a_role_no_stage_has_leaves_its_kinds_undefined():
    result = cx.loops(log_of(ROWS), DEFINITION.remove("Consider"))
    assert result["loop"].numerator == 3
    assert result["evaluate_only"].numerator == 2
    assert np.isnan(result["both"].value)
    assert result["both"].note == "Not measurable: no stage has the role 'consider'."
    other = cx.loops(log_of(ROWS), DEFINITION.remove("Evaluate"))
    assert other["consider_only"].numerator == 2
    assert other["evaluate_only"].note == "Not measurable: no stage has the role 'evaluate'."


def test_without_the_roles_or_repeat_purchases_the_notes_say_so():
    no_buy = cx.loops(log_of(ROWS), DEFINITION.remove("Buy"))
    assert set(no_buy.frame["note"]) == {"Not measurable: no stage has the role 'buy'."}
    no_way = cx.loops(log_of(ROWS), cx.Definition({"Buy": ["order"]}))
    assert set(no_way.frame["note"]) == {"Not measurable: no stage has the role 'consider' or 'evaluate'."}
    once = cx.loops(log_of(ROWS[:2]), DEFINITION.remove("Consider").remove("Enjoy"))
    assert once["loop"].note == "Nobody bought again."
    assert (once["loop"].numerator, once["loop"].denominator) == (0, 0)
    assert np.isnan(once["loop"].value)


def test_the_table_counts_the_repeat_purchases():
    text = repr(cx.loops(log_of(ROWS), DEFINITION))
    assert text.splitlines()[0] == "Loyalty loops"
    assert "5 repeat purchases; each is of one kind." in text
