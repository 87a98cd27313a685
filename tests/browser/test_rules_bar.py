"""The counting rules by hand: each edit is one step, and every figure is what the plain functions say."""

from __future__ import annotations

import re

import pytest
from bench import Bench
from cells import LOG
from playwright.sync_api import expect

WITH_COLUMNS = LOG.replace("cx.EventLog(events,", 'cx.EventLog(events.assign(device="phone"),')
# Every other event by phone, <b> being no markup but a device.
WHERE = LOG.replace(
    "cx.EventLog(events,",
    'cx.EventLog(events.assign(device=[("phone", "desk", "<b>")[i % 3] for i in range(len(events))]),',
)
WORKBENCH = "bench = cx.Workbench(log, journey)\nbench"


@pytest.fixture
def bench(lab):
    return Bench.on(lab, WITH_COLUMNS, WORKBENCH)


def edited(bench, edit):
    """Do something that edits the definition, wait for the answer, and return what all agree on."""
    at = bench.revision()
    edit()
    bench.after(at)
    assert bench.revision() == at + 1
    return bench.agrees_with_the_functions()


def choose(bench, rule, value):
    return edited(bench, lambda: listed(bench, rule).select_option(value))


def listed(bench, rule):
    return bench.board.get_by_role("combobox", name=rule, exact=True)


def chips(bench):
    return bench.board.get_by_role("list", name="Rules that differ from the default").get_by_role("listitem")


def rules(bench):
    return bench.host.value("bench.definition.rules.to_dict()")


def header(bench, stage):
    return bench.stage(stage).get_by_role("button", name=stage, exact=True)


def counts(bench, stage):
    """Return how many events a stage says it has."""
    return int(re.search(r", (\d+) events?", bench.stage(stage).get_attribute("aria-label"))[1])


def test_the_order_is_chosen_by_mouse_and_by_keyboard_and_every_figure_follows(bench):
    before = bench.agrees_with_the_functions()
    strict = choose(bench, "Order", "strict")
    assert rules(bench) == {"order": "strict", "window": "30D"}
    assert strict["funnel"] != before["funnel"]
    expect(chips(bench)).to_have_text(["strict order"])
    listed(bench, "Order").focus()
    anyhow = edited(bench, lambda: bench.page.keyboard.press("ArrowDown"))
    assert rules(bench)["order"] == "any"
    assert anyhow["funnel"] not in (before["funnel"], strict["funnel"])
    expect(listed(bench, "Order")).to_be_focused()
    assert edited(bench, lambda: bench.page.keyboard.press("Control+z")) == strict
    assert edited(bench, bench.button("Undo").click) == before
    assert edited(bench, bench.button("Redo").click) == strict


def test_every_rule_in_sight_and_behind_is_set_and_comes_back_as_code(bench):
    for rule, value in (("Entry", "first"), ("Count", "attempts"), ("Unit", "session")):
        choose(bench, rule, value)
    bench.button("More rules").click()
    for rule, value in (("Ties", "row"), ("Reuse", "distinct"), ("Add a column to hold constant", "device")):
        choose(bench, rule, value)
    gap = bench.board.get_by_role("spinbutton", name="Length of the gap between sessions")

    def type_forty_five():
        gap.fill("45")
        gap.press("Enter")

    edited(bench, type_forty_five)
    assert rules(bench) == {
        "window": "30D",
        "entry": "first",
        "ties": "row",
        "reuse": "distinct",
        "count": "attempts",
        "unit": "45min",
        "hold_constant": ["device"],
    }
    expect(chips(bench)).to_have_count(6)
    bench.button("Code").click()
    code = bench.page.get_by_role("region", name="The definition as Python").text_content()
    assert bench.host.value(f"eval({code!r}) == bench.definition", setup="import cx_widgets as cx")
    bench.picture()


def test_what_differs_is_in_sight_and_goes_back_one_by_one_and_all_together(bench):
    before = bench.agrees_with_the_functions()
    bench.host.python(
        "bench.definition = bench.definition.with_rules(entry='first', denominator='all', "
        "exclusions=[cx.Exclusion('cart', after='Evaluate', before='Buy'), cx.Exclusion('support')])"
    )
    bench.settled()
    expect(chips(bench)).to_have_text(
        ["first start only", "excl. cart between Evaluate and Buy", "excl. support", "shares of everybody"]
    )
    expect(bench.button("More rules (3)")).to_be_visible()
    remove = bench.button("Reset: Excluded: cart between Evaluate and Buy")
    remove.focus()
    edited(bench, lambda: bench.page.keyboard.press("Enter"))
    assert [one["events"] for one in rules(bench)["exclusions"]] == [["support"]]
    edited(bench, bench.button("Reset: shares of everybody").click)
    expect(chips(bench)).to_have_text(["first start only", "excl. support"])
    edited(bench, bench.button("Reset all rules").click)
    assert rules(bench) == {}
    expect(chips(bench)).to_have_count(0)
    for _ in range(4):
        edited(bench, bench.button("Undo").click)
    assert bench.agrees_with_the_functions() == before


def test_an_exclusion_is_added_changed_and_removed(bench):
    page = bench.page
    before = bench.agrees_with_the_functions()
    bench.button("More rules").click()
    bench.button("Add exclusion").click()
    form = bench.board.get_by_role("group", name="Exclusion", exact=True)

    def save():
        for name in ("cart", "supp*"):
            page.get_by_role("combobox", name="Event to exclude").fill(name)
            page.get_by_role("combobox", name="Event to exclude").press("Enter")
        form.get_by_role("combobox", name="After the stage").select_option("Evaluate")
        form.get_by_role("combobox", name="Before the stage").select_option("Buy")
        form.get_by_role("combobox", name="Effect").select_option("reset")
        form.get_by_role("button", name="Save exclusion").click()

    after = edited(bench, save)
    assert after["funnel"] != before["funnel"]
    assert rules(bench)["exclusions"] == [
        {"events": ["cart", "supp*"], "after": "Evaluate", "before": "Buy", "effect": "reset"}
    ]
    expect(form).to_be_hidden()
    bench.button("Change the exclusion of cart, supp* between Evaluate and Buy (voids the attempt)").click()

    def change():
        form.get_by_role("button", name="Take supp* out of the exclusion").click()
        form.get_by_role("combobox", name="Column of a condition").select_option("value")
        form.get_by_role("combobox", name="Comparison").select_option("is null")
        form.get_by_role("button", name="Add condition").click()
        form.get_by_role("button", name="Save changes").click()

    edited(bench, change)
    assert rules(bench)["exclusions"] == [
        {
            "events": ["cart"],
            "after": "Evaluate",
            "before": "Buy",
            "where": [{"column": "value", "op": "is null"}],
            "effect": "reset",
        }
    ]
    edited(
        bench,
        bench.button(
            "Remove the exclusion of cart where value is null between Evaluate and Buy (voids the attempt)"
        ).click,
    )
    assert rules(bench) == {"window": "30D"}
    assert bench.agrees_with_the_functions() == before


def test_an_exclusion_of_nothing_is_refused_and_an_unknown_event_is_said_at_the_exclusions(bench):
    good = bench.figures()
    bench.button("More rules").click()
    bench.button("Add exclusion").click()
    form = bench.board.get_by_role("group", name="Exclusion", exact=True)
    form.get_by_role("button", name="Save exclusion").click()
    expect(form.get_by_role("alert")).to_have_text("An exclusion needs at least one event.")
    at = bench.revision()
    box = bench.page.get_by_role("combobox", name="Event to exclude")
    box.fill("suport")
    box.press("Enter")
    box.press("Enter")
    bench.after(at)
    field = bench.page.get_by_test_id("rule:exclusions")
    expect(field.get_by_text("unknown event 'suport'. Did you mean 'support'?")).to_be_visible()
    assert bench.figures() == good


def test_the_rules_of_another_tool_are_taken_over_from_a_menu(bench):
    def take(tool, setting):
        bench.button("Count like…").click()
        bench.page.get_by_role("menuitem", name=tool).click()
        bench.page.get_by_role("menuitemradio", name=setting, exact=True).click()

    edited(bench, lambda: take("PostHog", "strict"))
    assert bench.host.value("bench.definition.rules == cx.presets.posthog(order='strict')")
    edited(bench, lambda: take("Mixpanel", "first entry"))
    assert bench.host.value("bench.definition.rules == cx.presets.mixpanel()")
    expect(chips(bench)).to_have_text(["first start only", "2 seconds of grace"])
    bench.button("Count like…").focus()
    bench.page.keyboard.press("Enter")
    bench.page.get_by_role("menuitem", name="Mixpanel").press("Enter")
    expect(bench.page.get_by_role("menuitemradio", name="first entry")).to_have_attribute(
        "aria-checked", "true"
    )


def test_a_contradiction_stands_at_its_field_and_the_last_good_figures_stay(bench):
    bench.button("More rules").click()
    choose(bench, "Ties", "strict")
    good = bench.figures()
    funnel = bench.table("Funnel")
    at = bench.revision()
    listed(bench, "Order").select_option("any")
    bench.after(at)
    sentence = "order='any' with ties='strict': no order is asked. Leave ties='stage'."
    field = bench.page.get_by_test_id("rule:ties")
    expect(field.get_by_role("alert")).to_have_text(sentence)
    expect(listed(bench, "Ties")).to_have_attribute("aria-invalid", "true")
    expect(bench.board.get_by_text("The figures are those of the last good definition.")).to_be_visible()
    assert bench.figures() == good
    assert bench.table("Funnel") == funnel
    assert bench.host.value("bench.definition.rules.order") == "ordered"
    # With the panel closed the sentence stands under the rules and leads to its field.
    bench.button("More rules").click()
    expect(bench.page.get_by_test_id("rules").get_by_role("alert")).to_contain_text(sentence)
    bench.button("Go to Ties").click()
    expect(listed(bench, "Ties")).to_be_focused()
    choose(bench, "Ties", "stage")
    assert rules(bench) == {"order": "any", "window": "30D"}
    option = listed(bench, "Ties").get_by_role("option", name="Must be later", include_hidden=True)
    expect(option).to_be_disabled()
    expect(option).to_have_text("Must be later (not with Order: Any order)")


def test_an_event_stands_in_two_stages_by_keyboard_by_mouse_and_by_its_menu(bench):
    page = bench.page
    bench.button("More rules").click()
    choose(bench, "Reuse", "distinct")

    def by_keyboard():
        bench.chip("compare").focus()
        for key in ("Enter", "ArrowRight", "Shift+Enter"):
            page.keyboard.press(key)

    edited(bench, by_keyboard)
    assert bench.host.value("bench.definition['Buy'].events") == ["order", "compare"]
    shared = bench.stage("Buy").get_by_test_id("chip:compare@Buy")
    expect(shared).to_be_focused()
    expect(shared).to_have_accessible_name(re.compile("in Buy, also in Evaluate$"))
    expect(bench.stage("Evaluate").get_by_test_id("chip:compare")).to_contain_text("shared")
    assert (counts(bench, "Evaluate"), counts(bench, "Buy")) == (15, 24)

    def by_mouse():
        page.keyboard.down("Alt")
        bench.drag(bench.chip("review"), bench.stage("Buy"))
        page.keyboard.up("Alt")

    edited(bench, by_mouse)
    assert bench.host.value("bench.definition['Buy'].events") == ["order", "compare", "review"]
    assert bench.host.value("bench.definition['Advocate'].events") == ["review"]

    def by_menu():
        bench.chip("ad").focus()
        page.keyboard.press("m")
        page.get_by_role("menuitem", name="Also in…").press("Enter")
        page.get_by_role("menuitem", name="Advocate").press("Enter")

    edited(bench, by_menu)
    assert bench.host.value("bench.definition['Advocate'].events") == ["review", "ad"]
    # Taken out of one stage, it stays in the other.
    shared.focus()
    edited(bench, lambda: page.keyboard.press("Delete"))
    assert bench.host.value("bench.definition['Buy'].events") == ["order", "review"]
    assert bench.host.value("bench.definition['Evaluate'].events") == ["view", "compare"]


def test_the_counts_of_columns_that_share_events_are_right_before_python_answers(bench):
    bench.button("More rules").click()
    choose(bench, "Reuse", "shared")
    at = bench.revision()
    bench.page.evaluate(
        """() => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const code = "import threading; threading.Event().wait()";
            kernel.requestExecute({ code, stop_on_error: false });
        }"""
    )
    bench.chip("view").focus()
    for key in ("Enter", "ArrowRight", "Shift+Enter"):
        bench.page.keyboard.press(key)
    expect(bench.board).to_have_attribute("data-revision", str(at + 1))
    assert (counts(bench, "Evaluate"), counts(bench, "Buy")) == (15, 29)
    bench.page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.interrupt()"
    )
    bench.after(at)
    assert (counts(bench, "Evaluate"), counts(bench, "Buy")) == (15, 29)
    bench.agrees_with_the_functions()


def test_without_reuse_the_second_stage_says_who_has_the_event_and_offers_to_share_it(bench):
    good = bench.figures()
    at = bench.revision()
    bench.chip("compare").focus()
    for key in ("Enter", "ArrowRight", "Shift+Enter"):
        bench.page.keyboard.press(key)
    bench.after(at)
    expect(bench.stage("Evaluate").get_by_test_id("chip:compare")).to_be_visible()
    expect(
        bench.stage("Buy").get_by_text("event 'compare' stands in stages 'Evaluate' and 'Buy'")
    ).to_be_visible()
    assert bench.figures() == good
    edited(bench, bench.stage("Buy").get_by_role("button", name="Let it stand in both").click)
    assert rules(bench) == {"window": "30D", "reuse": "distinct"}
    expect(bench.stage("Buy").get_by_test_id("chip:compare@Buy")).to_be_visible()


def test_a_stage_has_rules_of_its_own_in_its_menu_and_shows_them_on_its_head(bench):
    page = bench.page

    def pick(stage, *items, role="menuitem"):
        def picked():
            header(bench, stage).focus()
            page.keyboard.press("m")
            for item in items[:-1]:
                page.get_by_role("menuitem", name=item).press("Enter")
            page.get_by_role(role, name=items[-1], exact=True).press("Enter")

        return edited(bench, picked)

    before = bench.agrees_with_the_functions()
    pick("Evaluate", "May be skipped", role="menuitemcheckbox")
    pick("Buy", "Time from the stage before", "7 days", role="menuitemradio")
    pick("Buy", "Which occurrence", "2nd and later", role="menuitemradio")
    after = pick("Advocate", "Directly after the stage before", role="menuitemcheckbox")
    assert after["funnel"] != before["funnel"]
    assert bench.host.value("[repr(stage) for stage in bench.definition.stages]") == [
        "Stage('Consider', ['ad', 'search'])",
        "Stage('Evaluate', ['view', 'compare'], optional=True)",
        "Stage('Buy', ['order'], nth='2+', window='7D')",
        "Stage('Advocate', ['review'], directly=True)",
    ]
    expect(bench.stage("Evaluate").get_by_text("optional", exact=True)).to_be_visible()
    expect(bench.stage("Buy").get_by_text("≤ 7 days")).to_be_visible()
    expect(bench.stage("Buy").get_by_text("2nd and later")).to_be_visible()
    expect(bench.stage("Buy")).to_have_accessible_name(re.compile("≤ 7 days, 2nd and later$"))

    def other_length():
        header(bench, "Buy").focus()
        page.keyboard.press("m")
        page.get_by_role("menuitem", name="Time from the stage before").press("Enter")
        page.get_by_role("menuitemradio", name="7 days").press("End")
        page.keyboard.press("Enter")
        box = page.get_by_role("spinbutton", name="Length of the window of Buy")
        expect(box).to_be_focused()
        box.fill("5")
        box.press("Enter")

    edited(bench, other_length)
    assert bench.host.value("str(bench.definition['Buy'].window)") == "5 days 00:00:00"
    expect(header(bench, "Buy")).to_be_focused()
    header(bench, "Consider").focus()
    page.keyboard.press("m")
    expect(page.get_by_role("menuitemcheckbox", name="May be skipped")).to_have_attribute(
        "aria-disabled", "true"
    )
    page.keyboard.press("Escape")
    for _ in range(5):
        edited(bench, bench.button("Undo").click)
    assert bench.agrees_with_the_functions() == before


CROWDED = """
long = "a stage whose name somebody wrote out in full, as one does, with all that it holds"
nasty = "<img src=x onerror='window.pwned = 1'>"
log = cx.EventLog(
    events.assign(**{nasty: "x", "a column of a very long name that nobody shortened in time": "y"}),
    customer="who", time="when", event="what", value="value",
)
journey = cx.Definition(
    [
        cx.Stage("Consider", ["ad", "search"]),
        cx.Stage(long, ["view", "compare"], optional=True, window="2D", nth="2+"),
        cx.Stage(nasty, ["order", "compare"], directly=True, window="36h"),
    ],
    window="30D", entry="first", reuse="distinct", unit="30min", denominator="all", ties="row",
    hold_constant=[nasty, "a column of a very long name that nobody shortened in time"],
    retention_period="7D",
    exclusions=[
        cx.Exclusion(["cart", "support", "visit", "review"], after=long, before=nasty, effect="reset"),
        cx.Exclusion("support", where=[cx.Condition(nasty, "==", nasty)], effect="remove"),
    ],
)
bench = cx.Workbench(log, journey)
bench
"""

OUTSIDE = """() => {
    const board = document.querySelector('[data-testid="board"]').getBoundingClientRect();
    return [...document.querySelectorAll('[data-testid="rules"] *')]
        .filter((each) => each.checkVisibility() && !each.closest('.cx-hidden'))
        .filter((each) => each.getBoundingClientRect().right > board.right + 1)
        .map((each) => each.outerHTML.slice(0, 120));
}"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_many_rules_with_long_and_nasty_names_fit_and_stay_text(lab, theme):
    bench = Bench.on(lab, LOG, CROWDED)
    lab.theme(theme)
    page = lab.page
    expect(chips(bench)).to_have_count(10)
    bench.button("More rules").click()
    bench.board.get_by_role("button", name="Change the exclusion of support").click()
    for width in (700, 1000, 1400):
        page.set_viewport_size({"width": width, "height": 2600})
        bench.settled()
        assert page.evaluate(OUTSIDE) == []
        bench.picture(f"{theme[11:]}-{width}")
    assert page.evaluate("() => window.pwned") is None
    assert page.locator(".cx-workbench img").count() == 0
    bench.agrees_with_the_functions()


def test_a_window_is_counted_in_calendar_units_in_sessions_and_in_events(bench):
    unit = bench.board.get_by_role("combobox", name="Unit of the window")
    length = bench.board.get_by_role("spinbutton", name="Length of the window")
    before = bench.agrees_with_the_functions()
    edited(bench, lambda: unit.select_option("calendar month"))
    assert rules(bench) == {"window": "1 calendar month"}
    expect(bench.board.get_by_role("slider", name="Window")).to_be_hidden()
    edited(bench, lambda: unit.select_option("sessions"))
    assert rules(bench) == {"window": "1 session of 30min"}
    gap = bench.board.get_by_role("spinbutton", name="Length of the gap that ends a session")
    expect(gap).to_have_value("30")
    edited(bench, lambda: listed(bench, "Unit of the gap that ends a session").select_option("D"))
    assert rules(bench) == {"window": "1 session of 30D"}

    def three_days():
        gap.fill("3")
        gap.press("Enter")

    edited(bench, three_days)

    def two():
        length.fill("2")
        length.press("Enter")

    after = edited(bench, two)
    assert rules(bench) == {"window": "2 sessions of 3D"}
    assert after["funnel"] != before["funnel"]
    # Events at one time have no order to count by, until a rule gives them one.
    at = bench.revision()
    unit.select_option("events")
    bench.after(at)
    expect(bench.page.get_by_test_id("rules").get_by_role("alert")).to_contain_text(
        "window='2 events' with ties='stage': rows at one time have no order to count them by."
    )
    expect(unit).to_have_accessible_description(re.compile("Say ties='row'"))
    bench.button("Go to Ties").click()
    choose(bench, "Ties", "row")
    assert rules(bench) == {"window": "2 events", "ties": "row"}
    edited(bench, lambda: unit.select_option("D"))
    edited(bench, bench.button("Reset: ties in row order").click)
    assert rules(bench) == {"window": "30D"}
    assert bench.agrees_with_the_functions() == before


def test_a_stage_takes_only_rows_with_chosen_values_and_undo_gives_it_all_back(lab):
    bench = Bench.on(lab, WHERE, WORKBENCH)
    page = bench.page
    before = bench.agrees_with_the_functions()
    form = page.get_by_role("dialog", name="Evaluate has only rows where")

    def phones_only():
        header(bench, "Evaluate").focus()
        page.keyboard.press("m")
        page.get_by_role("menuitem", name="Only rows where…").press("Enter")
        expect(form.get_by_role("combobox", name="Column of a condition")).to_be_focused()
        form.get_by_role("combobox", name="Column of a condition").select_option("device")
        value = form.get_by_role("combobox", name="Value to compare with")
        expect(value.get_by_role("option", name="phone")).to_be_attached()
        value.select_option('"phone"')
        form.get_by_role("button", name="Set").press("Enter")

    after = edited(bench, phones_only)
    assert after["funnel"] != before["funnel"]
    assert bench.host.value("repr(bench.definition['Evaluate'])") == (
        "Stage('Evaluate', ['view', 'compare'], where=[Condition('device', '==', 'phone')])"
    )
    condition = bench.stage("Evaluate").get_by_role("button", name="only device == phone")
    expect(header(bench, "Evaluate")).to_be_focused()

    def one_more():
        condition.click()
        form.get_by_role("combobox", name="Column of a condition").select_option("value")
        form.get_by_role("combobox", name="Comparison").select_option("is null")
        form.get_by_role("button", name="Add condition").click()
        form.get_by_role("button", name="Change the condition device == phone").click()
        form.get_by_role("combobox", name="Comparison").select_option("in")
        for name in ("phone", "desk"):
            form.get_by_role("combobox", name="Value to compare with").select_option(f'"{name}"')
        form.get_by_role("button", name="Change condition").click()
        form.get_by_role("button", name="Set").click()

    edited(bench, one_more)
    assert bench.host.value("[str(each) for each in bench.definition['Evaluate'].where]") == [
        "device in ['phone', 'desk']",
        "value is null",
    ]
    for _ in range(2):
        edited(bench, bench.button("Undo").click)
    expect(condition).to_be_hidden()
    assert bench.agrees_with_the_functions() == before


def test_the_observation_ends_where_it_is_said_and_a_time_zone_the_log_has_not_is_refused(bench):
    before = bench.agrees_with_the_functions()
    bench.button("More rules").click()
    end = bench.board.get_by_role("combobox", name="Observation end")
    expect(end).to_have_attribute("placeholder", re.compile("^2026-04-11"))

    def type_february():
        end.fill("2026-02-01")
        end.press("Enter")

    after = edited(bench, type_february)
    assert after["figures"] != before["figures"]
    expect(chips(bench)).to_have_text(["observed until 2026-02-01"])
    assert bench.host.value("str(bench.definition.rules.observation_end)") == "2026-02-01 00:00:00"
    at = bench.revision()
    zone = bench.board.get_by_role("combobox", name="Time zone")
    zone.fill("Europe/Berlin")
    zone.press("Enter")
    bench.after(at)
    field = bench.page.get_by_test_id("rule:time_zone")
    expect(field.get_by_role("alert")).to_contain_text("the times of the log have no zone to come from")
    edited(bench, bench.button("Reset: time in Europe/Berlin").click)
    edited(bench, bench.button("Reset: observed until 2026-02-01").click)
    assert bench.agrees_with_the_functions() == before


def test_a_stage_keeps_its_place_in_any_order(bench):
    choose(bench, "Order", "any")

    def anchor():
        header(bench, "Buy").focus()
        bench.page.keyboard.press("m")
        bench.page.get_by_role("menuitemcheckbox", name="Keeps its place").press("Enter")

    edited(bench, anchor)
    assert bench.host.value("bench.definition['Buy'].anchored") is True
    expect(bench.stage("Buy").get_by_text("keeps its place")).to_be_visible()
