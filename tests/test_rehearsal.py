"""What a drop would show is drawn before it comes and taken back; the page ends with what Python has."""

from __future__ import annotations

import asyncio

import comm
import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets.metrics.funnel import funnel
from cx_widgets.widgets._selection import Selection
from cx_widgets.widgets._together import HEARS

JOURNEY = {"Consider": ["ad"], "Evaluate": ["compare"], "Buy": ["order"]}


class Page:
    """The other end: keeps the state of every widget as the messages of Python make it."""

    def __init__(self):
        self.states, self.kinds, self.held = {}, [], None

    def take(self, who, data, buffers):
        content = data.get("content", {})
        self.kinds.append(content.get("kind", data["method"]))
        if data["method"] == "update":
            self._fill(who, data["state"], data["buffer_paths"], buffers)
        elif content.get("kind") == "ready":
            self.held = (content["id"], content["parts"], buffers)
        elif content.get("kind") == "together":
            if "show" in content:
                assert self.held[0] == content["show"]
                self.show()
            self._hand(content["parts"], buffers)

    def show(self):
        if self.held[1] is not None:
            self._hand(*self.held[1:])
        self.held = (self.held[0], None, None)

    def _hand(self, parts, buffers):
        left = list(buffers)
        for part in parts:
            own = [left.pop(0) for _ in part["buffer_paths"]]
            self._fill(part["model"], part["state"], part["buffer_paths"], own)

    def _fill(self, who, state, paths, buffers):
        for (name, *_), buffer in zip(paths, buffers, strict=True):
            state = {**state, name: bytes(buffer)}
        self.states.setdefault(who, {}).update(state)


@pytest.fixture
def page(monkeypatch):
    page = Page()

    class Wire(comm.base_comm.BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):  # noqa: ARG002
            if msg_type == "comm_open":
                page._fill(self.comm_id, data["state"], data["buffer_paths"], buffers)
            elif msg_type == "comm_msg":
                page.take(self.comm_id, data, buffers or [])

    monkeypatch.setattr(comm, "create_comm", Wire)
    return page


@pytest.fixture
def bench(page):  # noqa: ARG001 - the widgets need the wire
    rows = [("a", 1, "ad"), ("a", 3, "compare"), ("a", 5, "order"), ("b", 2, "ad"), ("b", 4, "order")]
    frame = pd.DataFrame([*rows, ("c", 1, "ad")], columns=["customer", "day", "event"])
    log = cx.EventLog(frame, customer="customer", time="day", event="event", time_unit="D")
    made = cx.Workbench(log, JOURNEY)
    says(made, {"kind": HEARS})
    return made


def says(bench, content):
    """Let the page tell the board something."""
    bench.board._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


async def rest(bench):
    pace = bench.board.pace
    for _ in range(100_000):
        if not (pace._counting or pace._going):
            return
        await asyncio.sleep(0)
    raise AssertionError("never at rest")


def hover(bench, definition):
    """Hold a chip where its drop would make this definition."""

    async def hear():
        says(bench, {"kind": "ahead", "id": "asked", "definition": definition.to_dict()})
        await rest(bench)

    asyncio.run(hear())


def drop(bench, definition):
    """Let it go."""
    before = bench.board._draft
    draft = {**before, "definition": definition.to_dict(), "revision": before["revision"] + 1}
    message = {"content": {"data": {"method": "update", "state": {"_draft": draft}}}, "buffers": []}

    async def hear():
        bench.board._handle_msg(message)
        await rest(bench)

    asyncio.run(hear())


def state_of(bench):
    """Return what every widget would say of itself now."""
    page = Page()
    for who, widget in bench.board.together.followed.items():
        state = {name: value for name, value in widget.get_state().items() if name != "_draft"}
        for name, value in state.items():
            if isinstance(value, dict) and isinstance(value.get("value"), memoryview):
                state[name] = bytes(value["value"])
        page.states[who] = state
    return page.states


def shown(page, bench):
    return {
        who: {name: value for name, value in page.states[who].items() if name != "_draft"}
        for who in bench.board.together.followed
    }


def inner(bench):
    return {
        who: {name: id(value) for name, value in widget._trait_values.items()}
        for who, widget in bench.board.together.followed.items()
    }


MERGED = cx.Definition({"Consider": ["ad"], "Buy": ["compare", "order"]})


def test_a_rehearsal_leaves_every_widget_as_it_was_and_is_one_message(page, bench):
    before, objects = state_of(bench), inner(bench)
    page.kinds.clear()
    hover(bench, MERGED)
    assert page.kinds == ["ready"]
    assert state_of(bench) == before
    assert inner(bench) == objects
    assert bench.definition == cx.Definition(JOURNEY)
    assert funnel(bench.event_log, bench.definition).columns()["reach"] == [3, 1, 1]


def test_a_drop_that_was_rehearsed_is_shown_with_one_word_and_is_what_any_edit_would_show(page, bench):
    hover(bench, MERGED)
    page.kinds.clear()
    drop(bench, MERGED)
    assert page.kinds == ["echo_update", "together"]
    assert bench.definition == bench.funnel.definition == MERGED
    assert shown(page, bench) == state_of(bench)
    assert bench.funnel._bars.y.tolist() == [3.0, 2.0]
    assert bench.board._view["revision"] == bench.board._drawn == 1
    assert [stage["name"] for stage in bench.flow._view["stages"]] == ["Consider", "Buy"]
    assert bench.board._view["figures"][0]["value"] == pytest.approx(2 / 3)
    drop(bench, cx.Definition(JOURNEY))
    assert shown(page, bench) == state_of(bench)
    assert np.isclose(bench.board._view["figures"][0]["value"], 1 / 3)


def test_what_was_rehearsed_equals_what_is_drawn_without(page, bench):  # noqa: ARG001
    hover(bench, MERGED)
    drop(bench, MERGED)
    plain = cx.Workbench(bench.event_log, JOURNEY)
    drop(plain, MERGED)
    for ours, theirs in zip(state_of(bench).values(), state_of(plain).values(), strict=True):
        for name in (
            "_view",
            "x",
            "y",
            "text",
            "row",
            "column",
            "color",
            "tick_values",
            "tick_labels",
            "max",
        ):
            assert ours.get(name) == theirs.get(name), name


@pytest.mark.parametrize("already", [True, False])
def test_where_something_has_changed_since_the_page_is_told_everything_anew(page, bench, already):
    hover(bench, MERGED)
    bench.baseline = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
    if already:
        page.show()
    drop(bench, MERGED)
    assert shown(page, bench) == state_of(bench)
    assert bench.funnel._bars.y.tolist() == [3.0, 2.0]


def test_another_drop_than_the_one_rehearsed_shows_its_own_figures(page, bench):
    hover(bench, MERGED)
    other = cx.Definition({"Consider": ["ad", "compare"], "Buy": ["order"]})
    drop(bench, other)
    assert bench.definition == other
    assert shown(page, bench) == state_of(bench)
    hover(bench, MERGED)
    hover(bench, other)
    drop(bench, MERGED)
    assert shown(page, bench) == state_of(bench)


def test_a_page_that_came_later_is_told_what_it_missed(page, bench):
    hover(bench, MERGED)
    drop(bench, MERGED)
    expected = shown(page, bench)
    for state in page.states.values():
        state.pop("y", None)
    says(bench, {"kind": "missed"})
    assert page.states[bench.funnel._bars.model_id]["y"] == expected[bench.funnel._bars.model_id]["y"]


def test_an_error_in_a_rehearsal_is_the_edits_to_show(page, bench, monkeypatch):
    before = state_of(bench)
    monkeypatch.setattr(bench.flow, "_draw", lambda: 1 / 0)
    page.kinds.clear()
    hover(bench, MERGED)
    assert page.kinds == []
    assert state_of(bench) == before


def test_while_customers_are_selected_nothing_is_rehearsed(page, bench):
    bench.selected = Selection("reached", "Buy")
    page.kinds.clear()
    hover(bench, MERGED)
    assert page.kinds == []


def test_after_any_run_of_drags_the_page_shows_what_python_has(page):
    shop = cx.datasets.shop(customers=300, seed=5)
    log = shop.log()
    bench = cx.Workbench(log, shop.definition())
    says(bench, {"kind": HEARS})
    names, random, rehearsed = list(log.event_names), np.random.default_rng(3), 0
    for number in range(10):
        before, stages = bench.definition, bench.definition.names
        chip, stage = names[random.integers(len(names))], stages[random.integers(len(stages))]
        aimed = before.assign(chip, to=stage)
        page.held = None
        hover(bench, aimed)
        assert bench.definition is before
        rehearsed += page.held is not None
        if page.held and number % 2:
            page.show()
        drop(bench, aimed if number % 2 else before.assign(chip, to=stages[number % len(stages)]))
        assert shown(page, bench) == state_of(bench)
        if number == 4:
            bench.undo()
            assert shown(page, bench) == state_of(bench)
    assert rehearsed >= 7
