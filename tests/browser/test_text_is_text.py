"""Names come from data: whatever they hold is shown as text, and however many there are, they fit."""

from __future__ import annotations

import pytest
from bench import Bench
from cells import LOG

NASTY = [
    "<script>window.pwned = 1</script>",
    '<img src=x onerror="window.pwned = 2">',
    "\N{SHOPPING TROLLEY} cart \N{RIGHTWARDS ARROW} \N{CREDIT CARD}",
    "عرض المنتج",
    "eighty characters " + "long " * 12 + "!!",
    "a & b \"double\" 'single' `back`",
    "${window.pwned = 3} {{ 7 * 7 }}",
    "view",
]
assert len(NASTY[4]) == 80

NASTY_LOG = f"""
import pandas as pd
import cx_widgets as cx

names = {NASTY!r}
rows = [
    (who, pd.Timestamp("2026-01-01") + pd.Timedelta(hours=5 * step), names[(who * step + step) % len(names)])
    for who in range(12)
    for step in range(9)
]
events = pd.DataFrame(rows, columns=["who", "when", "what"])
log = cx.EventLog(events, customer="who", time="when", event="what")
journey = cx.Definition({{name: [name] for name in names[:5]}})
bench = cx.Workbench(log, journey)
bench
"""

MANY_LOG = """
import pandas as pd
import cx_widgets as cx

rows = [
    (who, pd.Timestamp("2026-01-01") + pd.Timedelta(hours=step), f"event_{(who * 7 + step) % 60:02d}")
    for who in range(40)
    for step in range(60)
]
events = pd.DataFrame(rows, columns=["who", "when", "what"])
log = cx.EventLog(events, customer="who", time="when", event="what")
bench = cx.Workbench(log, {"First": ["event_0?"], "Second": ["event_1?"], "Third": ["event_2?", "event_3?"]})
bench
"""

ONE_LOG = """
import cx_widgets as cx

log = cx.datasets.cdnow_log()
bench = cx.Workbench(log, cx.datasets.cdnow_definition())
bench
"""


def sticking_out(page):
    """Return the chips that stick out of their stage."""
    return page.evaluate(
        """() => [...document.querySelectorAll('[data-testid^="chip:"]')].filter((chip) => {
            const column = chip.closest('[data-testid^="stage:"], [data-testid="tray"]');
            return chip.getBoundingClientRect().right > column.getBoundingClientRect().right + 1;
        }).map((chip) => chip.dataset.testid)"""
    )


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_names_with_markup_emoji_and_right_to_left_text_stay_text(lab, theme):
    bench = Bench.on(lab, NASTY_LOG)
    lab.theme(theme)
    page = lab.page
    for name in NASTY:
        chip = page.locator(f'[data-testid="{css(f"chip:{name}")}"]')
        chip.scroll_into_view_if_needed()
        assert name in (chip.text_content() or "")
    assert list(bench.stages()) == NASTY[:5]
    bench.picture()
    bench.agrees_with_the_functions()
    assert page.evaluate("() => window.pwned") is None
    assert page.locator(".cx-workbench script, .cx-workbench img").count() == 0
    assert sticking_out(page) == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_sixty_event_names_fit(lab, theme):
    bench = Bench.on(lab, MANY_LOG)
    lab.theme(theme)
    assert lab.page.locator('[data-testid^="chip:"]').count() == 60
    assert [len(events) for events in bench.stages().values()] == [10, 10, 20]
    bench.picture()
    bench.agrees_with_the_functions()
    assert sticking_out(lab.page) == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_log_with_one_event_name_shows_a_workbench(lab, theme):
    bench = Bench.on(lab, ONE_LOG)
    lab.theme(theme)
    assert list(bench.stages()) == ["First purchase", "Repeat purchase"]
    bench.picture()
    bench.agrees_with_the_functions()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_workbench_in_both_themes(lab, theme):
    bench = Bench.on(lab)
    lab.theme(theme)
    bench.picture()
    bench.agrees_with_the_functions()


def test_the_workbench_fits_a_narrow_and_a_wide_page(lab):
    bench = Bench.on(lab, LOG, "bench = cx.Workbench(log, journey)\nbench")
    for width in (700, 1600):
        lab.page.set_viewport_size({"width": width, "height": 2600})
        bench.settled()
        assert sticking_out(lab.page) == []
        bench.picture(str(width))
    lab.page.set_viewport_size({"width": 1400, "height": 2600})


def css(text):
    """Return text as it is written inside a quoted CSS attribute selector."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
