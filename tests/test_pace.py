"""An edit from the browser is drawn in steps, in one message, and gives way to a newer one."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import bqplot
import comm
import ipywidgets
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets.widgets import _pace
from cx_widgets.widgets._pace import Pace
from cx_widgets.widgets._together import HEARS, Together


class Spy(comm.base_comm.BaseComm):
    """Keeps what would have gone to the browser, in the order of all widgets."""

    sent: list[tuple[str, dict]]

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):  # noqa: ARG002
        if msg_type == "comm_msg":
            self.sent.append((self.comm_id, {**(data or {}), "buffers": buffers}))


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(comm, "create_comm", type("Spied", (Spy,), {"sent": messages}))
    return messages


@pytest.fixture
def pace(sent):  # noqa: ARG001 - the speaker needs a comm
    said, over = [], asyncio.Event()

    def end(how):
        said.append(how)
        over.set()

    pace = Pace(Together(ipywidgets.HTML()), at_rest=lambda: end("rest"), stopped=lambda: end("stopped"))
    pace.said, pace.over = said, over
    return pace


@pytest.fixture
def log():
    rows = [
        ("a", 1, "ad"),
        ("a", 3, "compare"),
        ("a", 5, "order"),
        ("b", 2, "ad"),
        ("b", 4, "order"),
        ("c", 1, "ad"),
    ]
    frame = pd.DataFrame(rows, columns=["customer", "day", "event"])
    return cx.EventLog(frame, customer="customer", time="day", event="event", time_unit="D")


JOURNEY = {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]}


async def turns(done):
    """Let the loop have its turns until something is done."""
    for _ in range(100_000):
        if done():
            return
        await asyncio.sleep(0)
    raise AssertionError("never done")


def test_without_a_loop_an_edit_is_drawn_when_it_is_complete(pace):
    with pace.edit():
        pace.step("funnel", lambda: pace.said.append("funnel"))
        assert pace.said == []
    assert pace.said == ["funnel", "rest"]


def test_what_python_assigns_is_drawn_at_once(pace):
    pace.step("funnel", lambda: pace.said.append("funnel"))
    assert pace.said == ["funnel"]


def test_a_newer_edit_takes_the_place_of_the_steps_not_yet_run(pace, monkeypatch):
    monkeypatch.setattr(_pace, "SLICE_SECONDS", 0.0)

    async def edits():
        for number in (1, 2, 3):
            with pace.edit():
                for owner in ("strip", "funnel", "flow"):
                    pace.step(owner, lambda owner=owner, number=number: pace.said.append(f"{owner} {number}"))
            await asyncio.sleep(0)
        await pace.over.wait()

    asyncio.run(edits())
    assert pace.said == ["strip 1", "strip 3", "funnel 3", "flow 3", "rest"]


def test_the_kernel_listens_between_two_figures_that_take_long(pace, monkeypatch):
    monkeypatch.setattr(_pace, "SLICE_SECONDS", 0.0)

    async def edit():
        loop = asyncio.get_running_loop()
        with pace.edit():
            pace.step("strip", lambda: loop.call_soon(pace.said.append, "message"))
            pace.step("funnel", lambda: pace.said.append("funnel"))
        await pace.over.wait()

    asyncio.run(edit())
    assert pace.said == ["message", "funnel", "rest"]


@pytest.mark.skipif(not hasattr(signal, "raise_signal") or os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_stops_the_figures_and_says_so(pace):
    async def edit():
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as the kernel has it between messages
        try:
            with pace.edit():
                pace.step("strip", lambda: signal.raise_signal(signal.SIGINT))
                pace.step("funnel", lambda: pace.said.append("funnel"))
            await pace.over.wait()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        finally:
            signal.signal(signal.SIGINT, before)

    asyncio.run(edit())
    assert pace.said == ["stopped"]


def test_many_widgets_speak_in_one_message_in_their_order(sent):
    speaker = ipywidgets.HTML()
    scale = bqplot.LinearScale(min=0)
    bars = bqplot.Bars(scales={"x": bqplot.OrdinalScale(), "y": scale})
    figure = bqplot.Figure(marks=[bars])
    together = Together(speaker)
    together.follow(figure)
    together._on_message(speaker, {"kind": HEARS}, [])
    sent.clear()
    with together.collected():
        scale.max = 3.0
        bars.y = [1.0, 2.0]
        figure.layout.height = "90px"
    together.flush()
    [(who, message)] = sent
    assert who == speaker.model_id
    parts = message["content"]["parts"]
    assert [part["model"] for part in parts] == [scale.model_id, bars.model_id, figure.layout.model_id]
    assert parts[0]["state"] == {"max": 3.0}
    assert [len(part["buffer_paths"]) for part in parts] == [0, 1, 0]
    assert bytes(message["buffers"][0]) == bytes(bars.y)
    scale.max = 4.0
    assert sent[-1] == (
        scale.model_id,
        {"method": "update", "state": {"max": 4.0}, "buffer_paths": [], "buffers": []},
    )


def test_as_long_as_the_page_has_not_said_that_it_hears_every_widget_speaks_for_itself(sent):
    speaker, scale = ipywidgets.HTML(), bqplot.LinearScale(min=0)
    together = Together(speaker)
    together.follow(scale)
    sent.clear()
    with together.collected():
        scale.max = 3.0
    together.flush()
    assert [who for who, _ in sent] == [scale.model_id]


def test_what_is_said_before_the_message_has_gone_goes_with_it_so_nothing_older_comes_later(sent):
    speaker, scale = ipywidgets.HTML(), bqplot.LinearScale(min=0)
    together = Together(speaker)
    together.follow(scale)
    together._on_message(speaker, {"kind": HEARS}, [])
    sent.clear()
    with together.collected():
        scale.max = 3.0
    scale.max = 4.0
    assert sent == []
    together.flush()
    [(_, message)] = sent
    assert [part["state"] for part in message["content"]["parts"]] == [{"max": 3.0}, {"max": 4.0}]


@pytest.mark.parametrize(("seconds", "messages"), [(60.0, 1), (0.0, 3)])
def test_figures_of_an_edit_wait_for_each_other_but_not_for_long(pace, sent, monkeypatch, seconds, messages):
    monkeypatch.setattr(_pace, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(_pace, "TOGETHER_SECONDS", seconds)
    scale = bqplot.LinearScale(min=0)
    pace._together.follow(scale)
    pace._together._on_message(None, {"kind": HEARS}, [])
    sent.clear()

    async def edit():
        with pace.edit():
            for number in (1.0, 2.0, 3.0):
                pace.step(number, lambda number=number: scale.set_trait("max", number))
        await turns(lambda: not pace._going)

    asyncio.run(edit())
    assert len(sent) == messages
    assert [part["state"]["max"] for _, message in sent for part in message["content"]["parts"]] == [
        1.0,
        2.0,
        3.0,
    ]


def test_a_widget_that_becomes_a_part_later_is_followed(sent):
    speaker, box = ipywidgets.HTML(), ipywidgets.VBox()
    together = Together(speaker)
    together.follow(box)
    together._on_message(speaker, {"kind": HEARS}, [])
    late = ipywidgets.HTML()
    box.children = [late]
    sent.clear()
    with together.collected():
        late.value = "now"
    together.flush()
    [(who, _)] = sent
    assert who == speaker.model_id


def test_an_edit_of_the_workbench_is_answered_in_two_messages_and_one_that_changes_nothing_says_so_alone(
    sent, log
):
    bench = cx.Workbench(log, JOURNEY)
    bench.board._handle_msg(
        {"content": {"data": {"method": "custom", "content": {"kind": HEARS}}}, "buffers": []}
    )

    def edited(definition):
        sent.clear()
        draft = bench.board._draft
        draft = {**draft, "definition": definition.to_dict(), "revision": draft["revision"] + 1}
        bench.board._handle_msg(
            {"content": {"data": {"method": "update", "state": {"_draft": draft}}}, "buffers": []}
        )
        return [message for _, message in sent]

    echo, answer = edited(bench.definition.assign("compare", to="Buy"))
    assert echo["method"] == "echo_update"
    parts = answer["content"]["parts"]
    assert parts[0]["model"] == bench.board.model_id
    assert parts[-1] == {"model": bench.board.model_id, "state": {"_drawn": 1}, "buffer_paths": []}
    assert json.dumps(parts, allow_nan=False)
    _, answer = edited(bench.definition)
    assert {part["model"] for part in answer["content"]["parts"]} == {bench.board.model_id}


def ahead(bench, definition):
    """Say what the page says while a chip hangs over a stage, and let the kernel count."""
    content = {"kind": "ahead", "definition": definition}
    message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}

    async def hear():
        bench.board._handle_msg(message)
        await turns(lambda: not bench.board.pace._counting)

    asyncio.run(hear())


def test_what_may_come_is_counted_step_by_step_until_an_edit_comes(pace):
    async def hover():
        pace.ahead(lambda number=number: pace.said.append(number) for number in range(99))
        await turns(lambda: len(pace.said) >= 2)
        with pace.edit():
            pace.step("strip", lambda: pace.said.append("strip"))
        await pace.over.wait()
        await turns(lambda: not pace._counting)

    asyncio.run(hover())
    assert pace.said == [0, 1, "strip", "rest"]


def test_another_edit_that_may_come_takes_the_place_of_the_one_before(pace):
    async def hover():
        pace.ahead(lambda: pace.said.append("first") for _ in range(99))
        pace.ahead([lambda: pace.said.append("second")])
        await turns(lambda: not pace._counting)

    asyncio.run(hover())
    assert pace.said == ["second"]


def test_a_chip_over_a_stage_has_python_count_what_its_drop_would_show_and_shows_nothing(sent, log):
    bench = cx.Workbench(log, JOURNEY)
    before = dict(bench.board._view), bench.definition
    dropped = cx.Definition({"Consider": ["ad"], "Buy": ["compare", "order"]})
    sent.clear()
    ahead(bench, dropped.to_dict())
    assert sent == []
    assert (bench.board._view, bench.definition) == before

    def fail():
        raise AssertionError("not counted ahead")

    for name in ("figures", "funnel", "loyalty", "reasons"):
        assert log.memo((name, dropped), fail).definition == dropped
    assert log.memo(("compare", bench.baseline, dropped), fail).definition == dropped
    assert log.memo(("transitions", dropped, "merged"), fail).definition == dropped


@pytest.mark.parametrize("definition", [None, 7, {"stages": [{"name": "Buy", "events": ["nowhere"]}]}])
def test_what_cannot_be_counted_is_not_counted_ahead(sent, log, definition):
    bench = cx.Workbench(log, JOURNEY)
    sent.clear()
    ahead(bench, definition)
    assert sent == []
