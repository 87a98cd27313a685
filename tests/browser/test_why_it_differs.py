"""Why the number differs: the waterfall, the dots of many rule sets, and the board that follows."""

from __future__ import annotations

from bench import Bench
from cells import LOG
from playwright.sync_api import expect

RULES = """
from traitlets import link

ways = cx.presets.ways_to_count(journey.remove("Advocate"))
rules = cx.RulesView(log, ways["Plain"], rule_sets=ways)
board = cx.StageBoard(log, ways["Plain"], figures=False)
link((rules, "definition"), (board, "definition"))
rules
"""


def test_a_step_of_the_waterfall_selects_who_flips_there(lab):
    bench = Bench.on(lab)
    page, host = bench.page, bench.host
    page.get_by_text("Why it differs", exact=True).click()
    caption = bench.caption("Why the number differs")
    expect(caption).to_contain_text("Nothing differs from the pinned baseline.")
    at = bench.revision()
    host.python("bench.definition = journey.with_rules(window='8D')")
    bench.after(at)
    said = host.value("cx.explain_difference(log, journey, bench.definition).summary")
    expect(caption).to_contain_text(said.partition(": ")[2])
    flips = host.value("sorted(cx.explain_difference(log, journey, bench.definition).flips('window').index)")
    assert flips
    # Of the middle row the fourth part: the step down.
    page.locator(".cx-chart:visible").last.locator(".bargroup").nth(1).locator(".bar").nth(3).click()
    host.becomes("sorted(bench.selection.index)", flips)
    page.locator(".cx-chart:visible").last.locator(".bargroup").nth(1).locator(".bar").nth(3).click()
    host.becomes("list(bench.selection.index)", [])
    bench.table("Why the number differs")
    page.get_by_test_id("row:window: 30D → 8D").press("Enter")
    host.becomes("sorted(bench.selection.index)", flips)
    bench.picture()


def test_the_list_and_the_dots_choose_the_rules_of_the_board(lab):
    lab.notebook(LOG, RULES, "board", shows=["caption", "board"])
    bench = Bench(lab)
    page = bench.page
    rules = page.get_by_role("combobox", name="Count as")
    expect(rules).to_have_value("Plain")
    rules.select_option("Mixpanel")
    lab.becomes("board.definition == ways['Mixpanel']", expected=True)
    expect(bench.caption("Why the number differs")).to_contain_text("the definition now")
    dots = page.locator(".cx-chart:visible").first.locator(".dot")
    dots.nth(1).click()
    lab.becomes("board.definition == ways['Window']", expected=True)
    expect(rules).to_have_value("Window")
    lab.python("board.definition = ways['Window'].with_rules(window='2D')")
    expect(rules).to_have_value("(as edited)")
    texts = lab.value("[line['cells'][0] for line in rules._caption._view['rows']]")
    assert len(texts) == len(set(texts)) == int(lab.value("len(ways)")) + 1
    lab.screenshot()
