"""The tabs of the loyalty panel in a real notebook: chosen by keyboard, with the figures of the functions."""

from __future__ import annotations

from cells import LOG
from playwright.sync_api import expect


def test_tabs_are_chosen_by_keyboard_and_show_the_figures_of_the_functions(lab):
    page = lab.notebook(LOG, "panel = cx.LoyaltyPanel(log, journey)\npanel")
    tabs = page.get_by_role("tablist", name="Loyalty")
    keys = lab.value("list(panel.VIEWS)")
    expect(tabs.get_by_role("tab")).to_have_count(len(keys))
    first = tabs.get_by_role("tab", name="Overview", exact=True)
    expect(first).to_have_attribute("aria-selected", "true")
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(tabs.get_by_role("tab", selected=True)).to_have_text("Retention")
    expect(tabs.get_by_role("tab", selected=True)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    lab.becomes("panel._question.value", keys[-1])
    page.keyboard.press("x")  # which cuts the cell wherever a key gets through
    expect(page.locator(".jp-CodeCell")).to_have_count(2)
    tabs.get_by_role("tab", name="Credit", exact=True).click()
    frame = 'cx.credit_methods(log, journey).frame.query(\'purchases == "first" and method == "linear"\')'
    for credit in lab.value(f"[round(each, 1) for each in {frame}['credit'] if each]"):
        expect(page.locator(".bqplot svg text", has_text=f"{credit:g} (").first).to_be_visible()
    assert lab.value("list(panel._made)[-1]") == "credit"
