"""The main job: edit the stages by hand, and every figure answers with what the plain functions say."""

from __future__ import annotations

import json
import re

import pytest
from bench import Bench
from cells import LOG, WORKBENCH
from playwright.sync_api import expect

STAGES = {
    "Consider": ["ad", "search"],
    "Evaluate": ["view", "compare"],
    "Buy": ["order"],
    "Advocate": ["review"],
}


@pytest.fixture
def bench(lab):
    return Bench.on(lab)


def edited(bench, edit):
    """Do something that edits the stages, wait for the answer, and return what all agree on."""
    at = bench.revision()
    edit()
    bench.after(at)
    return bench.agrees_with_the_functions()


def stage_sets(stages):
    """Return the stages in order, their events as sets: the board orders chips by number of events."""
    return [(name, set(events)) for name, events in stages.items()]


def python_stages(bench):
    return bench.host.value("{stage.name: list(stage.events) for stage in bench.definition.stages}")


def test_a_chip_dragged_by_mouse_changes_every_figure_to_what_the_functions_return(bench):
    before = bench.agrees_with_the_functions()
    after = edited(bench, lambda: bench.drag(bench.chip("compare"), bench.stage("Buy")))
    assert python_stages(bench)["Buy"] == ["order", "compare"]
    assert stage_sets(bench.stages()) == stage_sets(python_stages(bench))
    for part in ("figures", "funnel", "flow", "loyalty", "retention"):
        assert after[part] != before[part], part
    bench.picture()


def test_a_chip_that_hung_over_its_stage_shows_every_figure_before_python_has_answered(bench):
    before, shown = bench.agrees_with_the_functions(), bench.figures()
    bench.carry(bench.chip("compare"), bench.stage("Buy"))
    bench.host.becomes("str(bench.board._rehearsal.stands)", "True")
    assert bench.figures() == shown
    bench.page.evaluate(
        """() => addEventListener("pointerup", () => Promise.resolve().then(() => {
            globalThis.atOnce = Object.fromEntries(
                [...document.querySelectorAll('[data-testid^="figure:"]')].map(
                    (each) => [each.dataset.testid.slice(7), each.dataset.value],
                ),
            );
            const { revision, drawnRevision } = document.querySelector('[data-testid="board"]').dataset;
            globalThis.answered = revision === drawnRevision;
        }))"""
    )
    after = edited(bench, bench.page.mouse.up)
    assert bench.page.evaluate("atOnce") == bench.figures() != shown
    assert not bench.page.evaluate("answered")
    for part in ("figures", "funnel", "flow", "loyalty", "retention"):
        assert after[part] != before[part], part
    assert edited(bench, bench.button("Undo").click) == before


def test_a_chip_moved_by_keyboard_alone_changes_every_figure_to_what_the_functions_return(bench):
    before = bench.agrees_with_the_functions()

    def move():
        bench.chip("cart").focus()
        for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
            bench.page.keyboard.press(key)

    after = edited(bench, move)
    assert "cart" in bench.stages()["Buy"]
    assert python_stages(bench)["Buy"] == ["order", "cart"]
    expect(bench.chip("cart")).to_be_focused()
    for part in ("figures", "funnel", "flow", "loyalty", "retention"):
        assert after[part] != before[part], part


def test_a_chip_is_dragged_by_touch(bench):
    edited(bench, lambda: bench.touch(bench.chip("compare"), bench.stage("Buy")))
    assert python_stages(bench)["Buy"] == ["order", "compare"]


def test_carrying_a_chip_can_be_cancelled(bench):
    at = bench.revision()
    bench.chip("view").focus()
    for key in (" ", "ArrowRight", "Escape"):
        bench.page.keyboard.press(key)
    assert bench.stages() == STAGES
    assert bench.revision() == at


def test_a_move_is_announced(bench):
    said = bench.board.get_by_role("status").first
    bench.chip("view").focus()
    bench.page.keyboard.press("Enter")
    expect(said).to_contain_text("Picked up view from Evaluate")
    bench.page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Over Buy")
    bench.page.keyboard.press("Escape")
    expect(said).to_contain_text("Cancelled")


def test_undo_brings_back_identical_figures_and_redo_the_others(bench):
    before = bench.agrees_with_the_functions()
    shown = bench.figures()
    after = edited(bench, lambda: bench.drag(bench.chip("view"), bench.stage("Buy")))
    again = edited(bench, lambda: bench.page.keyboard.press("Control+z"))
    assert again == before
    assert bench.figures() == shown
    assert bench.stages() == STAGES
    assert edited(bench, bench.button("Redo").click) == after
    assert edited(bench, bench.button("Undo").click) == before


def test_undo_and_redo_are_one_history_in_the_browser_and_in_python(bench):
    for event in ("compare", "cart", "support"):
        edited(bench, lambda event=event: bench.drag(bench.chip(event), bench.stage("Advocate")))
    end = bench.stages()
    edited(bench, bench.button("Undo").click)
    edited(bench, lambda: bench.host.python("bench.undo()"))
    edited(bench, lambda: bench.host.python("bench.redo()"))
    edited(bench, bench.button("Redo").click)
    assert bench.stages() == end
    for _ in range(3):
        edited(bench, lambda: bench.host.python("bench.undo()"))
    assert bench.stages() == STAGES
    for _ in range(3):
        edited(bench, bench.button("Redo").click)
    assert bench.stages() == end


def test_fifty_edits_as_fast_as_the_browser_sends_them_end_in_agreement(bench):
    at = bench.revision()
    # All in one task of the browser: no answer can come in between.
    bench.page.evaluate(
        """() => {
            const press = (key, options = {}) => document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }),
            );
            for (let edit = 0; edit < 50; edit += 1) {
                document.querySelector('[data-testid="chip:view"]').focus();
                press("Enter");
                press(edit % 2 ? "ArrowLeft" : "ArrowRight");
                press("Enter");
            }
        }"""
    )
    assert bench.revision() == at + 50
    bench.agrees_with_the_functions()
    assert bench.revision() == bench.host.value("bench.board._draft['revision']") == at + 50
    assert stage_sets(bench.stages()) == stage_sets(STAGES)
    # The same as fast as a hand on the keyboard could ever be, with answers coming in between.
    for edit in range(50):
        bench.chip("compare").focus()
        for key in ("Enter", "ArrowLeft" if edit % 2 else "ArrowRight", "Enter"):
            bench.page.keyboard.press(key)
    bench.agrees_with_the_functions()
    assert bench.revision() == bench.host.value("bench.board._draft['revision']") == at + 100
    assert stage_sets(bench.stages()) == stage_sets(python_stages(bench)) == stage_sets(STAGES)


def test_edits_made_while_python_is_busy_are_drawn_at_once_and_answered_afterwards(bench):
    at = bench.revision()
    # The kernel waits until it is interrupted; nothing can be answered before.
    bench.page.evaluate(
        """() => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const code = "import threading; threading.Event().wait()";
            kernel.requestExecute({ code, stop_on_error: false });
        }"""
    )
    bench.drag(bench.chip("view"), bench.stage("Buy"))
    bench.drag(bench.chip("cart"), bench.stage("Advocate"))
    assert sorted(bench.stages()["Buy"]) == ["order", "view"]
    assert sorted(bench.stages()["Advocate"]) == ["cart", "review"]
    expect(bench.board).to_have_attribute("data-revision", str(at + 2))
    assert int(bench.board.get_attribute("data-view-revision")) == at
    bench.page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.interrupt()"
    )
    bench.after(at + 1)
    bench.agrees_with_the_functions()


def test_a_stage_is_renamed_in_place(bench):
    at = bench.revision()
    header = bench.stage("Evaluate").get_by_role("button", name="Evaluate", exact=True)
    header.focus()
    bench.page.keyboard.press("F2")
    box = bench.page.get_by_role("textbox", name="New name of stage Evaluate")
    box.fill("Weigh up")
    box.press("Enter")
    bench.after(at)
    assert list(bench.stages()) == ["Consider", "Weigh up", "Buy", "Advocate"]
    bench.agrees_with_the_functions()


def test_a_name_that_is_taken_is_refused_with_a_sentence(bench):
    bench.stage("Evaluate").get_by_role("button", name="Evaluate", exact=True).dblclick()
    box = bench.page.get_by_role("textbox", name="New name of stage Evaluate")
    box.fill("Buy")
    box.press("Enter")
    expect(bench.board.get_by_role("alert")).to_have_text("There is a stage 'Buy' already.")
    box.press("Escape")
    assert bench.stages() == STAGES


def test_a_stage_is_reordered_by_keyboard_and_by_dragging_its_header(bench):
    header = bench.stage("Buy").get_by_role("button", name="Buy", exact=True)
    header.focus()
    at = bench.revision()
    bench.page.keyboard.press("Alt+ArrowLeft")
    bench.after(at)
    expect(header).to_be_focused()
    assert list(bench.stages()) == ["Consider", "Buy", "Evaluate", "Advocate"]
    bench.agrees_with_the_functions()

    def to_the_front():
        header.hover()
        bench.page.mouse.down()
        first = bench.stage("Consider").bounding_box()
        bench.page.mouse.move(first["x"] + 4, first["y"] + 20, steps=8)
        bench.page.mouse.up()

    edited(bench, to_the_front)
    assert next(iter(bench.stages())) == "Buy"


def test_a_stage_is_merged_by_dropping_its_header_on_another(bench):
    def merge():
        target = bench.stage("Evaluate").get_by_role("button", name="Evaluate", exact=True)
        bench.drag(bench.stage("Consider").get_by_role("button", name="Consider", exact=True), target)

    edited(bench, merge)
    assert list(bench.stages()) == ["Evaluate", "Buy", "Advocate"]
    assert sorted(bench.stages()["Evaluate"]) == ["ad", "compare", "search", "view"]


def test_a_stage_is_merged_by_its_menu(bench):
    header = bench.stage("Consider").get_by_role("button", name="Consider", exact=True)

    def merge():
        header.focus()
        bench.page.keyboard.press("m")
        bench.page.get_by_role("menuitem", name=re.compile("Merge into")).press("Enter")
        bench.page.get_by_role("menuitem", name="Evaluate").press("Enter")

    edited(bench, merge)
    assert list(bench.stages()) == ["Evaluate", "Buy", "Advocate"]


def test_a_deleted_stage_gives_its_chips_back_to_the_tray(bench):
    header = bench.stage("Evaluate").get_by_role("button", name="Evaluate", exact=True)
    header.focus()
    edited(bench, lambda: bench.page.keyboard.press("Delete"))
    assert list(bench.stages()) == ["Consider", "Buy", "Advocate"]
    expect(bench.tray.get_by_test_id("chip:view")).to_be_visible()
    expect(bench.tray.get_by_test_id("chip:compare")).to_be_visible()


def test_an_added_stage_is_empty_until_a_chip_comes_and_its_problem_stands_in_it(bench):
    good = bench.figures()
    at = bench.revision()
    bench.button("Add stage").click()
    bench.page.keyboard.type("Bond")
    bench.page.keyboard.press("Enter")
    bench.after(at + 1)
    assert list(bench.stages())[-1] == "Bond"
    # An empty stage cannot be counted: the last good figures stay, and the board says so.
    assert bench.figures() == good
    expect(bench.board.get_by_text("The figures are those of the last good definition.")).to_be_visible()
    edited(bench, lambda: bench.drag(bench.chip("support"), bench.stage("Bond")))
    expect(bench.board.get_by_text("The figures are those of the last good definition.")).to_have_count(0)
    assert python_stages(bench)["Bond"] == ["support"]


def test_an_unknown_event_is_shown_in_its_stage_and_can_be_removed_there(bench):
    good = bench.figures()
    at = bench.revision()
    bench.host.python("bench.definition = bench.definition.assign('ordered', to='Buy')")
    bench.after(at)
    stage = bench.stage("Buy")
    expect(stage.get_by_text("unknown event 'ordered'. Did you mean 'order'?")).to_be_visible()
    assert bench.figures() == good
    edited(bench, stage.get_by_role("button", name="Remove ordered from Buy").click)
    assert bench.stages() == STAGES


def test_the_window_is_set_by_number_unit_slider_and_box(bench):
    before = bench.agrees_with_the_functions()
    length = bench.page.get_by_role("spinbutton", name="Length of the window")

    def type_ten_days():
        length.fill("10")
        length.press("Enter")

    after = edited(bench, type_ten_days)
    assert bench.host.value("str(bench.definition.window)") == "10 days 00:00:00"
    assert after["funnel"] != before["funnel"]
    edited(bench, lambda: bench.page.get_by_role("combobox", name="Unit of the window").select_option("h"))
    assert bench.host.value("str(bench.definition.window)") == "0 days 10:00:00"
    edited(bench, lambda: bench.page.get_by_role("slider", name="Window").press("ArrowRight"))
    assert bench.host.value("bench.definition.window > pd.Timedelta('10h')")
    edited(bench, lambda: bench.page.get_by_role("combobox", name="Unit of the window").select_option("none"))
    assert bench.host.value("bench.definition.window is None")
    expect(length).to_be_hidden()


def test_the_retention_period_is_a_week_a_month_or_any_length(bench):
    before = bench.agrees_with_the_functions()
    bench.button("More rules").click()
    after = edited(
        bench, bench.page.get_by_role("radiogroup", name="Retention period").get_by_text("week").click
    )
    assert bench.host.value("str(bench.definition.rules.retention_period)") == "7 days 00:00:00"
    assert after["retention"] != before["retention"]
    length = bench.page.get_by_role("spinbutton", name="Length of the retention period")
    expect(length).to_have_value("7")

    def type_ten_days():
        length.fill("10")
        length.press("Enter")

    edited(bench, type_ten_days)
    assert bench.host.value("str(bench.definition.rules.retention_period)") == "10 days 00:00:00"


def test_a_preset_replaces_the_stages_with_suggestions_or_without(bench):
    def take():
        bench.button("Presets").click()
        bench.page.get_by_role("radio", name=re.compile("Consumer decision journey", re.IGNORECASE)).check()
        bench.page.get_by_role("radio", name="With suggestions for this log").check()
        bench.button("Use this preset").click()

    at = bench.revision()
    take()
    bench.after(at)
    expected = bench.host.value(
        "{s.name: list(s.events) for s in cx.presets.consumer_decision_journey(log).definition.stages}"
    )
    assert python_stages(bench) == expected
    assert stage_sets(bench.stages()) == stage_sets(expected)


def test_everything_around_the_stages_works_by_keyboard_alone(bench):
    page, keyboard = bench.page, bench.page.keyboard

    def press(*keys):
        def pressed():
            for key in keys:
                keyboard.press(key)

        edited(bench, pressed)

    # Everything is reached by Tab, from the first control of the board to the last.
    bench.button("Undo").focus()
    names = []
    while page.evaluate("() => document.activeElement.closest('[data-testid=\"board\"]') !== null"):
        names.append(
            page.evaluate("() => document.activeElement.ariaLabel ?? document.activeElement.textContent")
        )
        keyboard.press("Tab")
    for control in ("Undo", "Redo", "Presets", "Pin as baseline", "Code", "Window", "Length of the window"):
        assert control in names
    for control in ("Order", "Entry", "Unit", "Count", "Count like…", "More rules"):
        assert control in names
    for start in ("Search the unassigned events", "Menu of stage Consider", "Add stage"):
        assert start in names
    assert any(name.startswith("cart, 4 events") for name in names)

    bench.page.get_by_role("spinbutton", name="Length of the window").focus()
    press("Control+a", "1", "2", "Enter")
    assert bench.host.value("str(bench.definition.window)") == "12 days 00:00:00"
    page.get_by_role("combobox", name="Unit of the window").focus()
    press("Home")
    assert bench.host.value("bench.definition.window is None")
    bench.button("More rules").focus()
    keyboard.press("Enter")
    page.get_by_role("radio", name="month").focus()
    press("ArrowLeft")
    assert bench.host.value("str(bench.definition.rules.retention_period)") == "7 days 00:00:00"
    bench.button("Pin as baseline").focus()
    press("Enter")
    assert bench.host.value("bench.baseline == bench.definition")
    bench.stage("Consider").get_by_role("button", name="role of stage Consider").focus()
    press("Enter", "End", "Enter")
    assert bench.host.value("bench.definition.role('Consider')") == "bond"
    bench.button("Undo").focus()
    press("Enter")
    assert bench.host.value("bench.definition.role('Consider')") == "consider"
    bench.button("Presets").focus()
    keyboard.press("Enter")
    keyboard.press("Escape")
    expect(bench.button("Presets")).to_be_focused()


def test_the_role_of_a_stage_is_chosen_in_its_menu(bench):
    def choose():
        bench.stage("Evaluate").get_by_role("button", name=re.compile("role of stage Evaluate")).click()
        bench.page.get_by_role("menuitemradio", name="buy").click()

    before = bench.agrees_with_the_functions()
    after = edited(bench, choose)
    assert bench.host.value("bench.definition.role('Evaluate')") == "buy"
    assert after["loyalty"] != before["loyalty"]


def test_a_pinned_baseline_is_what_changes_are_told_against(bench):
    edited(bench, lambda: bench.drag(bench.chip("compare"), bench.stage("Buy")))
    change = json.loads(bench.host.python("print(bench.changes['delta'].to_json())"))
    assert any(value for value in change.values())
    at = bench.revision()
    bench.button("Pin as baseline").click()
    bench.after(at)
    assert bench.host.value("bench.baseline == bench.definition")
    change = json.loads(bench.host.python("print(bench.changes['delta'].to_json())"))
    assert not any(value for value in change.values())
    edited(bench, lambda: bench.page.keyboard.press("Control+z"))
    assert bench.host.value("bench.baseline == bench.definition") is False


def test_a_click_on_a_bar_a_loss_a_link_and_a_node_selects_those_customers(bench):
    page, host = bench.page, bench.host

    def selects(expected):
        customers = host.value(f"sorted({expected}.index)")
        assert customers
        host.becomes("sorted(bench.selection.index)", customers)

    assert host.value("list(bench.selection.index)") == []
    page.locator(".bqplot .bargroup .bar:visible").nth(2).click()
    selects("cx.funnel(log, journey).customers('Buy')")
    page.locator(".bqplot svg text", has_text="lost").nth(1).click()
    selects("cx.funnel(log, journey).customers('Buy', state='dropped')")
    page.get_by_test_id("flow-link:Consider->Evaluate").press("Enter")
    selects("cx.transitions(log, journey).customers('Consider', 'Evaluate')")
    expect(page.get_by_test_id("flow-link:Consider->Evaluate")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("grid").locator('[data-key="Evaluate → Buy"]').click()
    selects("cx.transitions(log, journey).customers('Evaluate', 'Buy')")
    page.get_by_test_id("flow-node:Advocate").click()
    selects("cx.transitions(log, journey).visitors('Advocate')")
    page.get_by_test_id("flow-node:Advocate").click()
    host.becomes("list(bench.selection.index)", [])


def test_a_row_of_a_table_selects_its_customers_by_keyboard(bench):
    bench.table("Funnel")
    bench.page.get_by_test_id("row:lost before Buy").press("Enter")
    customers = bench.host.value("sorted(cx.funnel(log, journey).customers('Buy', state='dropped').index)")
    bench.host.becomes("sorted(bench.selection.index)", customers)
    expect(bench.page.get_by_test_id("row:lost before Buy")).to_have_attribute("aria-pressed", "true")


def test_the_code_on_the_board_gives_the_definition(bench):
    edited(bench, lambda: bench.drag(bench.chip("compare"), bench.stage("Buy")))
    bench.button("Code").click()
    code = bench.page.get_by_role("region", name="The definition as Python").text_content()
    assert bench.host.value(f"eval({code!r}) == bench.definition", setup="import cx_widgets as cx")


def test_what_python_assigns_is_drawn_and_can_be_undone_in_the_browser(bench):
    at = bench.revision()
    bench.host.python("bench.definition = bench.definition.merge('Consider', 'Evaluate', name='Look')")
    bench.after(at)
    assert list(bench.stages()) == ["Look", "Buy", "Advocate"]
    bench.agrees_with_the_functions()
    bench.chip("ad").focus()
    edited(bench, lambda: bench.page.keyboard.press("Control+z"))
    assert bench.stages() == STAGES


def test_the_tray_can_be_searched(bench):
    assert bench.tray.locator('[data-testid^="chip:"]').count() == 3
    bench.page.get_by_role("searchbox", name="Search the unassigned events").fill("supp")
    expect(bench.tray.locator('[data-testid^="chip:"]:visible')).to_have_count(1)
    expect(bench.tray.get_by_test_id("chip:support")).to_be_visible()


def test_two_views_of_one_workbench_follow_each_other(lab):
    bench = Bench.on(lab, LOG, WORKBENCH, "bench.board")
    boards = lab.page.get_by_test_id("board")
    expect(boards).to_have_count(2)
    at = bench.revision()
    chip = boards.nth(1).get_by_test_id("chip:view")
    chip.focus()
    for key in ("Enter", "ArrowRight", "Enter"):
        lab.page.keyboard.press(key)
    bench.after(at)
    for board in boards.all():
        expect(board.get_by_test_id("stage:Buy").get_by_test_id("chip:view")).to_have_count(1)
