"""The face of customer lifetime value without a browser."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from small_logs import log_of

import cx_widgets as cx
from cx_widgets.widgets import _theme
from cx_widgets.widgets import value as module

JOURNEY = cx.datasets.cdnow_definition()


@pytest.fixture(scope="module")
def log():
    return cx.datasets.cdnow_log()


def test_the_charts_show_what_the_function_returns(log):
    view = cx.ValueView(log, JOURNEY)
    result = cx.lifetime_value(log, JOURNEY)
    tested = cx.lifetime_value(log, JOURNEY, split=0.5).holdout
    assert view._tenths.bars.y.tolist() == [result.by_tenth["share"].tolist()]
    assert view._pairs.bars.y[0].tolist() == tested["actual_mean"].tolist()[:-1]
    assert view._pairs.bars.y[1].tolist() == tested["predicted_mean"].tolist()[:-1]
    assert list(view._pairs.bars.x) == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert view._caption._view["description"].startswith("The first tenth of the buyers brings 63.0%")
    assert [row["cells"][:2] for row in view._fitted._view["rows"]] == [
        *(["BG/NBD", name] for name in ("r", "alpha", "a", "b")),
        *(["Gamma-Gamma", name] for name in ("p", "q", "v")),
    ]


def test_another_model_is_another_question(log):
    view = cx.ValueView(log, JOURNEY)
    view._model.value = "sbg"
    assert "with a contract nobody does" in view._fitted._view["note"]
    view._ahead.value = "13W"
    assert view._asked.ahead == "13W"


def test_thin_data_say_why_there_is_nothing_and_come_back(log):
    thin = log_of([("a", 0, "order"), ("a", 9, "order"), ("b", 3, "order")])
    view = cx.ValueView(thin, cx.Definition({"Buy": ["order"]}))
    assert "1 of 2 buyers bought again" in view._caption._view["note"]
    assert view._tenths.frame.children == ()
    view = cx.ValueView(log, cx.Definition({"Look": ["purchase"]}))
    assert "No stage has the role 'buy'" in view._caption._view["note"]
    view.definition = JOURNEY
    assert view._tenths.frame.children


def test_whoever_wants_no_fit_gets_none(log):
    view = cx.ValueView(log, cx.Definition({"Look": ["purchase"]}))
    view._fitting.value = "off"
    view.definition = JOURNEY
    assert view._caption._view["note"] == "Not fitted. Choose to fit as stages change."
    view._fitting.value = "on"
    assert view._caption._view["note"] == ""


def test_a_fit_holds_nobody_up_and_an_edit_cancels_it(log, monkeypatch):
    begun, free, ended = threading.Event(), threading.Event(), threading.Event()
    heard = []

    def slow(_, question, step):
        if question.model == "bg/nbd":
            begun.set()
            free.wait(10)
            heard.append(step(0.5))
            ended.set()
            return module._Answer(None, None, "of yesterday")
        return module._Answer(None, None, f"answer of {question.model}")

    monkeypatch.setattr(module, "_answer", slow)

    async def story():
        view = cx.ValueView(log, JOURNEY)
        assert view._caption._view["note"] == "Being fitted."
        await asyncio.to_thread(begun.wait, 10)
        view._model.value = "pareto/nbd"
        free.set()
        await asyncio.to_thread(ended.wait, 10)
        for worker in [thread for thread in threading.enumerate() if thread.name == "cx_widgets fit"]:
            await asyncio.to_thread(worker.join, 10)
        await asyncio.sleep(0)
        return view

    view = asyncio.run(story())
    assert heard == [True]
    assert [question.model for question in view._answers] == ["pareto/nbd"]
    assert view._caption._view["note"] == "Answer of pareto/nbd"


def test_while_a_model_is_fitted_the_last_figures_stay_marked_and_progress_is_told(log, monkeypatch):
    told, free = threading.Event(), threading.Event()
    first = module._answer(log, module._Question(JOURNEY, "bg/nbd", "52W"), lambda _: False)
    monkeypatch.setattr(module, "_PAUSE_S", -1.0)

    def busy(_, question, step):
        if question.model == "bg/nbd":
            return first
        assert not step(0.43)
        told.set()
        free.wait(10)
        return module._Answer(None, None, "cancelled: nobody hears this" if step(0.9) else "thin")

    monkeypatch.setattr(module, "_answer", busy)

    def task():
        return view._task._view["label"], view._task._view["share"], view._task._view["options"]

    async def joined():
        for worker in [thread for thread in threading.enumerate() if thread.name == "cx_widgets fit"]:
            await asyncio.to_thread(worker.join, 10)
        await asyncio.sleep(0)

    async def story():
        nonlocal view
        view = cx.ValueView(log, JOURNEY)
        await joined()
        assert task() == ("", None, [])
        rows = view._caption._view["rows"]
        view._model.value = "pareto/nbd"
        await asyncio.to_thread(told.wait, 10)
        await asyncio.sleep(0)
        assert task() == ("Fitting Pareto/NBD", 0.43, [{"value": "", "label": "Cancel"}])
        assert view._caption._view["note"] == "Being fitted again: these are the figures of the last fit."
        assert view._caption._view["rows"] == rows
        assert "cx-of-before" in view._dimmed._dom_classes
        view._task._value = "1"
        assert view._caption._view["note"] == "Cancelled: these are the figures of the last fit."
        assert task() == ("", None, [{"value": "", "label": "Fit now"}])
        view.baseline = JOURNEY.rename("Repeat purchase", "Again")
        assert not view._busy
        free.set()
        await joined()
        assert view._caption._view["rows"] == rows
        view._task._value = "2"
        await joined()
        return view

    view = None
    asyncio.run(story())
    assert view._caption._view["note"] == "Thin"
    assert task() == ("", None, [])


def test_a_fit_out_of_sight_for_stages_that_are_gone_is_cancelled(log, monkeypatch):
    begun, free, heard = threading.Event(), threading.Event(), []

    def busy(_log, _question, step):
        begun.set()
        free.wait(10)
        heard.append(step(0.5))
        return module._Answer(None, None, "late")

    monkeypatch.setattr(module, "_answer", busy)

    async def story():
        panel = cx.LoyaltyPanel(log, JOURNEY)
        panel._question.value = "value"
        await asyncio.to_thread(begun.wait, 10)
        panel._question.value = "overview"
        assert panel._made["value"]._busy
        panel.definition = JOURNEY.rename("Repeat purchase", "Again")
        assert not panel._made["value"]._busy
        free.set()
        for worker in [thread for thread in threading.enumerate() if thread.name == "cx_widgets fit"]:
            await asyncio.to_thread(worker.join, 10)

    asyncio.run(story())
    assert heard == [True]


def test_the_marks_of_an_axis_are_round_and_reach_the_top():
    assert _theme.round_marks(0, 6.36).tolist() == [0, 2, 4, 6, 8]
    assert _theme.round_marks(0, 0.63).tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert _theme.round_marks(0, 5.0).tolist() == [0, 1, 2, 3, 4, 5]
    assert _theme.round_marks(-159, 181, whole=True).tolist() == [-200, -100, 0, 100, 200]
    assert _theme.round_marks(0, 1, whole=True).tolist() == [0, 1]
    columns = module._Columns(["#000"], "Tenths", "Share", ".0%")
    columns.show(["1"], np.zeros((1, 1)))
    assert columns._heights.max == pytest.approx(0.01)


def test_the_loyalty_panel_asks_it(log):
    panel = cx.LoyaltyPanel(log, JOURNEY)
    panel._question.value = "value"
    assert isinstance(panel._made["value"], cx.ValueView)
