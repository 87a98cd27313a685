"""The compiled walk under special rules gives what the walk in Python does, number for number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from random_rules import answers_under_rules, random_rules
from test_engines_agree import NATIVE, different

import cx_widgets as cx
from cx_widgets import engine
from cx_widgets.engine import BEFORE, NumpyEngine, _attempts, outcomes
from cx_widgets.engine._special import special_funnel

pytestmark = pytest.mark.skipif(not NATIVE, reason="no compiled kernels were built for this machine")
BEST = next(iter(NATIVE.values()), NumpyEngine())


def agree(one, log, definition):
    ours, theirs = (answers_under_rules(which, log, definition) for which in (one, NumpyEngine()))
    where = different(ours, theirs)
    assert where is None, (where, definition.to_code())
    return ours[0]


@pytest.mark.parametrize("one", NATIVE.values(), ids=NATIVE.keys())
def test_engines_agree_on_random_logs_under_random_rules(one, monkeypatch):
    monkeypatch.setattr(_attempts, "PART", 7)
    rng = np.random.default_rng(11)
    # The kernel has no vectors: what one instruction set counts, the others do, too.
    cases = 100 if one is BEST else 15
    counted = [agree(one, *random_rules(rng)).reach.any() for _ in range(cases)]
    assert sum(counted) > cases * 0.6


def log_of(customer, second, event, **columns):
    frame = pd.DataFrame({"customer": customer, "time": second, "event": event, **columns})
    return cx.EventLog(frame, customer="customer", time="time", event="event", time_unit="s")


RULES = {
    "unbroken": {"order": "unbroken"},
    "strict": {"order": "strict"},
    "any": {"order": "any"},
    "attempts": {"count": "attempts", "hold_constant": ["device"]},
    "open": {"reach": "open"},
    "excluded": {"exclusions": [cx.Exclusion("7", effect="reset"), cx.Exclusion("6")]},
    "sessions": {"unit": "1min", "count": "attempts"},
    "by device": {"unit": "device", "ties": "2s"},
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())
def test_engines_agree_on_one_long_customer_among_short_ones(rules):
    rng = np.random.default_rng(3)
    customer = np.append(rng.integers(1, 400, 1_500), np.zeros(600, int))
    n = len(customer)
    log = log_of(
        customer, rng.integers(0, 3_000, n), rng.integers(0, 8, n).astype(str), device=rng.integers(0, 90, n)
    )
    stages = {f"Stage {level}": [str(level)] for level in range(4)}
    agree(BEST, log, cx.Definition(stages, window="2min", **rules))


@pytest.mark.parametrize("n_stages", [63, 64, 65])
@pytest.mark.parametrize("order", ["unbroken", "any"])
def test_engines_agree_where_stages_are_as_many_as_one_number_has_bits_and_more(n_stages, order):
    rng = np.random.default_rng(5)
    names = [f"{level:02}" for level in range(n_stages)]
    event = np.append(np.tile(names, 3), rng.choice(names, 400))
    customer = np.append(np.repeat([0, 1, 2], n_stages), rng.integers(0, 3, 400))
    log = log_of(customer, np.append(np.tile(np.arange(n_stages), 3), rng.integers(0, 99, 400)), event)
    stages = {f"Stage {name}": [name] for name in names}
    paths = agree(BEST, log, cx.Definition(stages, order=order, window="1D"))
    assert paths.reach.max() == n_stages


def test_units_whose_rows_must_be_matched_are_counted_in_python_and_stand_in_their_place(monkeypatch):
    asked = []

    def hear(question):
        answer = getattr(NumpyEngine, question)

        def heard(self, rows, *rules):
            asked.append(len(rows.first_row) - 1)
            return answer(self, rows, *rules)

        monkeypatch.setattr(NumpyEngine, question, heard)

    hear("attempts")
    hear("reasons")
    # Customer 1 has two rows at one time, of which one may serve either stage.
    log = log_of([0, 0, 1, 1, 2, 2], [0, 1, 0, 0, 0, 1], ["a", "b", "b", "a", "a", "b"])
    stages = [cx.Stage("Either", ["a", "b"]), cx.Stage("A", ["a"])]
    for count, places in {"unique": [0, 1, 2, 4, 5], "attempts": [0, 2, 4]}.items():
        definition = cx.Definition(stages, reuse="distinct", count=count)
        with engine.counting_with(BEST):
            paths = special_funnel(log, definition, BEST)
            reasons = outcomes(log, definition)
        assert asked == [1, 1]
        asked.clear()
        assert reasons.reason.tolist() == [BEFORE, 0, BEFORE]
        assert reasons.attempts.at.tolist() == places
        assert paths.reach.tolist() == [1, 2, 1]
        assert paths.levels[1].customer.tolist() == [1]


def test_engines_agree_on_a_log_without_rows():
    log = log_of([], [], [])
    assert agree(BEST, log, cx.Definition({"A": ["a"]}, order="any")).reach.tolist() == []
