"""The harness itself, shown on a widget of ten lines, so that a failure elsewhere is not the harness's."""

from __future__ import annotations

import pytest
from harness import NO_BROWSER, find_chromium
from playwright.sync_api import expect

COUNTER = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """export default { render({ model, el, signal }) {
        const button = document.createElement("button");
        button.dataset.testid = "counter";
        const draw = () => { button.textContent = `count is ${model.get("value")}`; };
        const count = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
        button.addEventListener("click", count, { signal });
        model.on("change:value", draw);
        draw();
        el.append(button);
    } };"""
    value = traitlets.Int(0).tag(sync=True)

counter = Counter()
counter
'''


def test_a_click_reaches_the_kernel_and_an_assignment_reaches_the_page(lab):
    page = lab.notebook(COUNTER, shows=["counter"])
    button = page.get_by_role("button", name="count is")
    button.click()
    expect(button).to_have_text("count is 1")
    assert lab.value("counter.value") == 1
    lab.python("counter.value = 41")
    expect(button).to_have_text("count is 41")


def test_a_failing_cell_is_told_with_its_traceback(lab):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lab.notebook("1 / 0")


def test_the_dark_theme_can_be_chosen_and_does_not_last(lab):
    page = lab.notebook("1")
    lab.theme("JupyterLab Dark")
    lab.server.forget_settings()
    lab.open(lab.server.write("again", ["1"]))
    assert lab.page.locator("body[data-jp-theme-light=true]").count() == 1
    assert page.is_closed()


def test_an_error_in_the_console_is_collected(lab):
    page = lab.notebook("1")
    page.evaluate("() => console.error('planted')")
    assert any("planted" in text for text in lab.unexpected())
    lab.complaints.clear()


def test_notebook_7_shows_a_widget(notebook7):
    page = notebook7.notebook(COUNTER, shows=["counter"])
    page.get_by_role("button", name="count is").click()
    assert notebook7.value("counter.value") == 1


def test_voila_shows_a_widget(voila):
    page = voila.notebook(COUNTER, shows=["counter"])
    button = page.get_by_role("button", name="count is")
    button.click()
    expect(button).to_have_text("count is 1")


def test_a_browser_named_wrongly_is_an_error(monkeypatch):
    monkeypatch.setenv("CX_CHROMIUM", "/no/such/browser")
    with pytest.raises(FileNotFoundError, match="CX_CHROMIUM is '/no/such/browser', and there is no such"):
        find_chromium()


def test_without_any_browser_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.delenv("CX_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "/no/such/folder")
    assert find_chromium() is None
    assert "apt-get install chromium" in NO_BROWSER
    assert "python -m playwright install chromium" in NO_BROWSER
