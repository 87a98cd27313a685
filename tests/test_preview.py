"""Figures of a fixed part of the customers: what the part is, and how far the whole may lie from it."""

from __future__ import annotations

import asyncio

import comm
import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets._sampling import Sample
from cx_widgets.errors import CXError
from cx_widgets.widgets import _pace
from cx_widgets.widgets._together import HEARS

JOURNEY = cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]}, window="30D")


def log_of(n, seed=0):
    """Return n customers who see an ad, of whom some compare, some order, and some order again."""
    rng = np.random.default_rng(seed)
    who = np.arange(n)
    later = rng.exponential(5, (3, n))
    parts = [
        (who, np.zeros(n), "ad"),
        (who[rng.random(n) < 0.6], later[0], "compare"),
        (who[rng.random(n) < 0.4], later[0] + later[1], "order"),
        (who[rng.random(n) < 0.2], later.sum(axis=0) + 10, "order"),
    ]
    frame = pd.concat(
        [
            pd.DataFrame({"who": some, "day": at[some] if name != "ad" else at, "what": name})
            for some, at, name in parts
        ]
    )
    frame["when"] = pd.Timestamp("2026-01-01") + pd.to_timedelta((frame["day"] * 86_400).round(), unit="s")
    frame["length"] = np.arange(len(frame)) % 7
    return cx.EventLog(frame[["who", "when", "what", "length"]], customer="who", time="when", event="what")


def test_a_sample_is_always_the_same_customers_with_all_their_rows():
    log = log_of(2_000)
    part = log.sample(4)
    chosen = set(part.customer_ids)
    assert list(log.sample(4).customer_ids) == list(part.customer_ids)
    rows = pd.Series(log.packed.customers).map(lambda number: log.customer_ids[number] in chosen)
    assert part.n_events == int(rows.sum())
    assert part.packed.codes.tolist() == log.packed.codes[rows].tolist()
    assert part.packed.ticks.tolist() == log.packed.ticks[rows].tolist()
    assert part.column("length").tolist() == log.column("length")[rows].tolist()
    assert (part.start, part.end, part.observation_end) == (log.start, log.end, log.observation_end)
    assert part.event_names == log.event_names
    assert part.sampled == Sample(4, len(chosen), 2_000)
    assert log.sampled is None


@pytest.mark.parametrize("one_in", [2, 3, 16])
def test_about_one_customer_in_so_many_is_chosen(one_in):
    log = cx.EventLog(
        pd.DataFrame({"who": range(40_000), "when": "2026-01-01", "what": "ad"}),
        customer="who",
        time="when",
        event="what",
    )
    expected, deviation = 40_000 / one_in, np.sqrt(40_000 / one_in * (1 - 1 / one_in))
    assert abs(log.sample(one_in).n_customers - expected) < 4 * deviation


def test_a_sample_of_everybody_has_the_figures_of_the_log_and_no_doubt_about_them():
    log = log_of(300)
    all_of_them = cx.preview(log, JOURNEY, one_in=1)
    exact = cx.figures(log, JOURNEY)
    assert all_of_them.sample.correction == 0.0
    for key in ("conversion", "time_to_convert", "repeat_rate"):
        assert all_of_them[key].lower == all_of_them[key].upper == all_of_them[key].value == exact[key].value


def test_a_log_cut_at_a_time_is_sampled_as_the_log_is():
    log = log_of(2_000)
    early = log.until("2026-01-06")
    assert list(early.sample(4).customer_ids) == list(log.sample(4).until("2026-01-06").customer_ids)


def test_an_empty_sample_has_undefined_figures():
    log = log_of(3)
    assert log.sample(1_000).n_customers == 0
    assert np.isnan(cx.preview(log, JOURNEY, one_in=1_000)["conversion"].value)
    assert np.isnan(log.sample(1_000).sampled.times)


def test_what_is_no_whole_number_and_a_sample_of_a_sample_are_refused_by_sentences():
    log = log_of(30)
    with pytest.raises(CXError, match=r"one_in must be a whole number from 1, not 0\.5\. Say one_in=16\."):
        log.sample(0.5)
    with pytest.raises(CXError, match="the log is a sample already"):
        cx.preview(log.sample(2), JOURNEY)
    with pytest.raises(CXError, match="a DataFrame is no event log"):
        cx.preview(pd.DataFrame(), JOURNEY)
    with pytest.raises(CXError, match=r"one_in must be a whole number from 1, not \[3\]"):
        cx.preview(log, JOURNEY, one_in=[3])


def test_the_interval_of_a_preview_holds_the_exact_figure_in_about_95_of_100_logs():
    # One in three: without the finite population correction, sqrt(2/3), intervals would hold it in 98 of 100.
    held = {"conversion": [], "time_to_convert": [], "repeat_rate": []}
    for seed in range(150):
        log = log_of(400, seed)
        rough, exact = cx.preview(log, JOURNEY, one_in=3), cx.figures(log, JOURNEY)
        for key, found in held.items():
            found.append(rough[key].lower <= exact[key].value <= rough[key].upper)
    shares = {key: np.mean(found) for key, found in held.items()}
    assert all(0.9 <= share <= 0.99 for share in shares.values()), shares


class Spy(comm.base_comm.BaseComm):
    """Keeps what would have gone to the browser, in the order of all widgets."""

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):  # noqa: ARG002
        if msg_type == "comm_msg":
            self.sent.append(data or {})


def test_an_edit_of_a_large_log_shows_a_preview_in_every_view_and_then_the_exact_figures(monkeypatch):
    sent = []
    monkeypatch.setattr(comm, "create_comm", type("Spied", (Spy,), {"sent": sent}))
    monkeypatch.setattr(_pace, "SLICE_SECONDS", 60.0)
    log = log_of(2_000)
    bench = cx.Workbench(log, JOURNEY, preview_above=1_000)
    bench.board._handle_msg(
        {"content": {"data": {"method": "custom", "content": {"kind": HEARS}}}, "buffers": []}
    )
    captions = {view: view._caption for view in (bench.funnel, bench.matrix)}
    sent.clear()
    shown = []

    async def edit():
        draft = bench.board._draft
        draft = {**draft, "definition": JOURNEY.with_rules(window="9D").to_dict(), "revision": 1}
        message = {"content": {"data": {"method": "update", "state": {"_draft": draft}}}, "buffers": []}
        bench.board._handle_msg(message)
        while bench.board._drawn < 1:
            if bench.board._view["revision"] == 1:
                shown.append((bench.board._view, {view: each._view for view, each in captions.items()}))
            await asyncio.sleep(0)

    asyncio.run(edit())
    board, charts = shown[0]
    part = "one in 16 customers, 117 of 2,000"
    assert (board["preview"], board["busy"]) == (part, True)
    rough = cx.preview(log, bench.definition)["conversion"]
    first = board["figures"][0]
    assert (first["value"], first["lower"]) == (rough.value, rough.lower)
    times = 2_000 / 117
    assert first["denominator"] == round(rough.denominator * times)
    reach = round(cx.funnel(log.sample(16), bench.definition).frame["reach"].iloc[-1] * times)
    assert charts[bench.funnel]["rows"][-1]["cells"][1] == f"{reach:,}"
    assert {view["preview"] for view in charts.values()} == {part}
    assert bench.flow._view["preview"] == ""
    assert (bench.board._view["preview"], bench.board._view["busy"]) == ("", False)
    assert bench.board._view["figures"][0]["value"] == cx.figures(log, bench.definition)["conversion"].value
    assert {each._view["preview"] for each in captions.values()} == {""}
    batches = [
        {part["model"]: part["state"] for part in message["content"]["parts"]}
        for message in sent
        if message["method"] == "custom"
    ]
    assert len(batches) == 2
    waiting = next(view for view in bench.closer.children if hasattr(view, "_caption"))._caption
    assert batches[0][waiting.model_id]["_view"]["preview"] == "waits"
    assert waiting._view["preview"] == ""


def test_a_small_log_has_no_preview(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", type("Spied", (Spy,), {"sent": []}))
    assert cx.Workbench(log_of(50), JOURNEY).board.pace.sample is None
