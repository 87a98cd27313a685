"""Our own widgets without a mouse, and as assistive technology reads them."""

from __future__ import annotations

import pytest
from axe_core_python.sync_playwright import Axe
from bench import Bench

# Keys that JupyterLab's command mode acts on: cut, delete, insert, cell types, copy, paste, undo, merge,
# output, line numbers, find, next, previous, restart, interrupt.
COMMAND_KEYS = [*"xddabmyrcvzMolfjk00ii"]

FOCUSABLE = """() => [...document.querySelectorAll(
    '.cx-root :is(button, input, select, textarea, summary, a[href], [tabindex]), .cx-root[tabindex]',
)].filter((each) => each.checkVisibility() && !each.disabled)"""

NOTEBOOK_STATE = """() => {
    const notebook = jupyterapp.shell.currentWidget.content;
    return {
        cells: notebook.model.toJSON().cells.map(({ cell_type, source }) => [cell_type, source]),
        active: notebook.activeCellIndex,
        mode: notebook.mode,
        dialogs: document.querySelectorAll('.jp-Dialog').length,
        searches: document.querySelectorAll('.jp-DocumentSearch-overlay').length,
    };
}"""


# axe 4.4 cannot read `color(srgb ...)`, which is what mixed colours compute to: its contrast rule would give
# up and report nothing. It is handed the same colours as rgba.
READABLE_COLOURS = """() => {
    if (window.readableColours) return;
    window.readableColours = true;
    const real = window.getComputedStyle.bind(window);
    const mixed = /color\\(srgb ([\\d.e-]+) ([\\d.e-]+) ([\\d.e-]+)(?: \\/ ([\\d.e-]+))?\\)/g;
    const byte = (part) => Math.round(part * 255);
    const readable = (value) => typeof value !== 'string' ? value : value.replace(
        mixed, (_, r, g, b, a) => `rgba(${[r, g, b].map(byte)}, ${a ?? 1})`);
    window.getComputedStyle = (element, pseudo) => new Proxy(real(element, pseudo), {
        get(style, name) {
            const value = style[name];
            if (name === 'getPropertyValue') return (property) => readable(style.getPropertyValue(property));
            return typeof value === 'function' ? value.bind(style) : readable(value);
        },
    });
}"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_our_widgets(lab, theme):
    bench = Bench.on(lab)
    lab.theme(theme)
    for title in ("Funnel", "Flow between stages", "Retention"):
        bench.table(title)
    assert violations(lab.page) == []
    # The same with a menu open, with each panel open, while a chip is carried, and while a problem is shown.
    bench.stage("Buy").get_by_role("button", name="Menu of stage Buy").click()
    assert violations(lab.page) == []
    lab.page.keyboard.press("Escape")
    for panel in ("Presets", "Code"):
        bench.button(panel).click()
        assert violations(lab.page) == []
    bench.chip("cart").press("Enter")
    assert violations(lab.page) == []
    lab.page.keyboard.press("Escape")
    # With the rest of the rules and a form open, a stage with rules of its own, then a contradiction.
    lab.python(
        "bench.definition = cx.Definition([cx.Stage('Consider', ['ad', 'search']), "
        "cx.Stage('Evaluate', ['view', 'order'], optional=True, window='2D'), cx.Stage('Buy', ['order'])], "
        "window='30D', reuse='distinct', ties='row', exclusions=cx.Exclusion('support', after='Evaluate'))"
    )
    bench.settled()
    bench.button("More rules").click()
    bench.button("Add exclusion").click()
    assert violations(lab.page) == []
    bench.board.get_by_role("combobox", name="Order", exact=True).select_option("any")
    bench.settled()
    assert violations(lab.page) == []
    bench.button("Undo").click()
    bench.settled()
    lab.python("bench.definition = bench.definition.assign('nosuch', to='Buy')")
    bench.settled()
    assert violations(lab.page) == []


def everything_open(bench):
    """Open the rest of the rules with the form of an exclusion, and set a rule."""
    bench.board.get_by_role("combobox", name="Entry").select_option("first")
    bench.button("More rules").click()
    bench.button("Add exclusion").click()
    bench.settled()


def violations(page):
    page.evaluate(READABLE_COLOURS)
    found = Axe().run(page, context={"include": [[".cx-root"]]})
    assert [(rule["id"], rule["error"]) for rule in found["incomplete"] if rule.get("error")] == []
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}
    return [
        f"{rule['id']} ({rule['impact']}) at {node['target']}: {node.get('failureSummary', rule['help'])}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def test_no_key_typed_in_a_widget_reaches_the_notebook(lab):
    bench = Bench.on(lab)
    page = lab.page
    everything_open(bench)
    page.evaluate("() => { jupyterapp.shell.currentWidget.content.mode = 'command'; }")
    before = page.evaluate(NOTEBOOK_STATE)
    count = page.evaluate(f"() => ({FOCUSABLE})().length")
    assert count > 20
    for index in range(count):
        # A key may open a menu or change the board: the list is taken anew each time.
        element = page.evaluate_handle(f"(index) => ({FOCUSABLE})()[index] ?? null", index).as_element()
        if element is None:
            break
        for key in COMMAND_KEYS:
            element.evaluate("(each) => { if (each.isConnected) each.focus(); }")
            page.keyboard.press(key)
        page.keyboard.press("Escape")
        where = element.evaluate("(each) => each.getAttribute('aria-label') || each.outerHTML.slice(0, 200)")
        assert page.evaluate(NOTEBOOK_STATE) == before, where
    bench.settled()


def test_every_element_that_takes_focus_keeps_the_notebook_from_its_keys(lab):
    everything_open(Bench.on(lab))
    without = lab.page.evaluate(
        f"""() => ({FOCUSABLE})().filter((each) => each.dataset.lmSuppressShortcuts !== "true")
            .map((each) => each.outerHTML.slice(0, 200))"""
    )
    assert without == []


def test_the_notebook_does_act_on_such_keys_elsewhere(lab):
    # Otherwise the tests above would prove nothing.
    lab.notebook("1")
    page = lab.page
    page.evaluate("() => jupyterapp.commands.execute('notebook:enter-command-mode')")
    before = page.evaluate(NOTEBOOK_STATE)
    page.keyboard.press("b")
    page.wait_for_function(
        "(count) => jupyterapp.shell.currentWidget.content.model.cells.length > count", arg=1
    )
    assert page.evaluate(NOTEBOOK_STATE) != before


def test_everything_that_takes_focus_has_a_name(lab):
    everything_open(Bench.on(lab))
    nameless = lab.page.evaluate(
        f"""() => ({FOCUSABLE})().filter((each) => {{
            const labels = each.labels?.length || each.getAttribute("aria-labelledby");
            return !(each.getAttribute("aria-label") || labels || each.textContent.trim() || each.title);
        }}).map((each) => each.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
