"""Cohorts and lifecycle in a real notebook: what is chosen is drawn, what is clicked is selected."""

from __future__ import annotations

import re

import pytest
from cells import LOG
from playwright.sync_api import expect


def test_a_click_on_a_cell_of_the_retention_matrix_selects_who_came_back(lab):
    page = lab.notebook(LOG, "view = cx.RetentionView(log, journey)\nview")
    cells = page.locator(".bqplot .heatmapcell")
    expect(cells.first).to_be_visible()
    cells.nth(1).click(position={"x": 3, "y": 3})  # the cell itself: a number lies on its middle
    found = "cx.retention(log, journey, period='M', periods=12).customers('2026-01-01', 1)"
    customers = lab.value(f"sorted({found}.index)")
    assert customers
    lab.becomes("sorted(view.selection.index)", customers)
    page.get_by_text("weeks", exact=True).click()
    lab.becomes("list(view.selection.index)", [])
    weekly = "cx.retention(log, journey, period='W', periods=12).frame.query('size > 0')"
    rows = lab.value(f"int({weekly}['cohort'].nunique())")
    names = re.compile(r"^\d{4}-\d\d-\d\d \(\d+\)$")
    expect(page.locator(".bqplot svg text", has_text=names)).to_have_count(rows)
    unripe = lab.value(f"int((~{weekly}['ripe']).sum())")
    expect(
        page.locator(".bqplot svg text", has_text="\N{SQUARE WITH UPPER RIGHT TO LOWER LEFT FILL}")
    ).to_have_count(unripe)


@pytest.mark.parametrize("state", ["dormant", "new"])
def test_a_click_on_a_lifecycle_bar_selects_the_customers_in_that_state(lab, state):
    page = lab.notebook(LOG, "view = cx.LifecycleView(log, journey)\nview")
    page.get_by_text("weeks", exact=True).click()
    table = "cx.lifecycle(log, journey, period='W')"
    place = lab.value(f"int({table}.frame['{state}'].gt(0).to_numpy().nonzero()[0][0])")
    day = lab.value(f"str({table}.frame['start'][{place}].date())")
    order = ["returning", "resurrecting", "new", "dormant"]
    lab.becomes("view._period.value", "W")
    bar = page.locator(".bqplot .bargroup").nth(place).locator(".bar").nth(order.index(state))
    expect(bar).not_to_have_attribute("height", "0")
    bar.click(force=True)
    customers = lab.value(f"sorted({table}.customers('{day}', '{state}').index)")
    assert customers
    lab.becomes("sorted(view.selection.index)", customers)
