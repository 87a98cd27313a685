"""The workbench as a person meets it on the page, and the same figures from plain functions in the kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cells import LOG, WORKBENCH
from playwright.sync_api import expect

if TYPE_CHECKING:
    from harness import Host
    from playwright.sync_api import Locator, Page

# What the plain functions say about bench.definition, as text without rounding: no widget takes part.
PLAIN = """
import json
import pandas as pd
import cx_widgets as cx

def plain_numbers():
    definition = bench.definition
    strip = cx.figures(log, definition).frame["value"]
    reach = cx.funnel(log, definition).frame
    moves = cx.transitions(log, definition).frame
    kept = cx.loyalty(log, definition)
    text = lambda number: "" if pd.isna(number) else repr(float(number))
    return {
        "figures": {key: text(value) for key, value in strip.items()},
        "funnel": [[name, int(row["reach"]), text(row["conversion"])] for name, row in reach.iterrows()],
        "flow": {
            f"{row['from']}->{row['to']}": [int(row["count"]), text(row["share"])]
            for _, row in moves.iterrows()
        },
        "loyalty": {row["label"]: text(row["value"]) for _, row in kept.frame.iterrows()},
        "retention": [
            [int(row["period"]), text(row["rate"])] for _, row in kept.retention.reset_index().iterrows()
        ],
    }
"""


@dataclass
class Bench:
    """A workbench on a page."""

    host: Host

    @classmethod
    def on(cls, host: Host, *cells: str) -> Bench:
        """Run a notebook with the workbench, with these cells or the usual log."""
        host.notebook(*(cells or (LOG, WORKBENCH)), shows=["board", "flow", "caption"])
        bench = cls(host)
        bench.settled()
        return bench

    @property
    def page(self) -> Page:
        return self.host.page

    @property
    def board(self) -> Locator:
        return self.page.get_by_test_id("board").first

    def chip(self, event: str) -> Locator:
        return self.page.get_by_test_id(f"chip:{event}")

    def stage(self, name: str) -> Locator:
        return self.page.get_by_test_id(f"stage:{name}")

    @property
    def tray(self) -> Locator:
        return self.page.get_by_test_id("tray")

    def button(self, name: str) -> Locator:
        return self.board.get_by_role("button", name=name)

    def revision(self) -> int:
        return int(self.board.get_attribute("data-revision"))

    def settled(self) -> None:
        """Wait until Python has answered the last edit, in every part of the workbench."""
        self.page.wait_for_function(
            """() => {
                const board = document.querySelector('[data-testid="board"]');
                const { revision, viewRevision, drawnRevision } = board?.dataset ?? {};
                return board && revision === viewRevision && revision === drawnRevision;
            }"""
        )
        # A request is answered after every message sent before it: the charts have theirs by then.
        if hasattr(self.host, "python") and self.host.app != "voila":
            self.host.python("")

    def after(self, revision: int) -> None:
        """Wait until an edit made after this revision is drawn and answered."""
        self.page.wait_for_function(
            "(before) => Number(document.querySelector('[data-testid=\"board\"]').dataset.revision) > before",
            arg=revision,
        )
        self.settled()

    def stages(self) -> dict[str, list[str]]:
        """Return the board as it is drawn: the events in each stage, in order."""
        return self.page.evaluate(
            """() => Object.fromEntries(
                [...document.querySelectorAll('[data-testid^="stage:"]')].map((stage) => [
                    stage.dataset.testid.slice(6),
                    [...stage.querySelectorAll('[data-testid^="chip:"]')].map(
                        (chip) => chip.dataset.testid.slice(5),
                    ),
                ]),
            )"""
        )

    def drag(self, what: Locator, onto: Locator) -> None:
        """Drag by mouse: press, move there in steps, let go."""
        self.carry(what, onto)
        self.page.mouse.up()

    def carry(self, what: Locator, onto: Locator) -> None:
        """Drag by mouse as far as the target."""
        in_the_middle(onto)
        start, end = what.bounding_box(), onto.bounding_box()
        mouse = self.page.mouse
        mouse.move(start["x"] + min(24, start["width"] / 2), start["y"] + start["height"] / 2)
        mouse.down()
        mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=8)

    def touch(self, what: Locator, onto: Locator) -> None:
        """Drag by finger: touch, move there in steps, lift."""
        in_the_middle(onto)
        start, end = what.bounding_box(), onto.bounding_box()
        finger = self.page.context.new_cdp_session(self.page)

        def send(kind: str, share: float) -> None:
            place = {
                side: start[side]
                + start[size] / 2
                + share * (end[side] + end[size] / 2 - start[side] - start[size] / 2)
                for side, size in (("x", "width"), ("y", "height"))
            }
            points = [] if kind == "touchEnd" else [place]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", 0)
        for step in range(1, 9):
            send("touchMove", step / 8)
        send("touchEnd", 1)
        finger.detach()

    def picture(self, label: str = "") -> None:
        """Store a picture of the whole workbench for people to look at."""
        self.host.screenshot(label, of=self.page.locator(".cx-workbench").first)

    # ---- what stands on the page, and what the functions say ---------------------------------------------

    def figures(self) -> dict[str, str]:
        return {
            each.get_attribute("data-testid").removeprefix("figure:"): each.get_attribute("data-value")
            for each in self.page.locator('[data-testid^="figure:"]').all()
        }

    def flow(self) -> dict[str, list]:
        return {
            each.get_attribute("data-testid").removeprefix("flow-link:"): [
                int(each.get_attribute("data-count")),
                each.get_attribute("data-share"),
            ]
            for each in self.page.locator('[data-testid^="flow-link:"]').all()
        }

    def caption(self, title: str) -> Locator:
        return self.page.get_by_role("group", name=title, exact=True).first

    def table(self, title: str) -> list[list[str]]:
        """Return the cells of the table beside a chart, opening it where it is closed."""
        toggle = self.page.locator(f'[data-testid="table-toggle"][aria-label="Table: {title}"]')
        if toggle.is_hidden():
            return []  # there is nothing to tell
        if toggle.get_attribute("aria-expanded") == "false":
            toggle.click()
        table = self.page.get_by_role("table", name=title, exact=True)
        table.wait_for()
        return table.evaluate(
            """(table) => [...table.tBodies[0].rows].map(
                (row) => [...row.cells].map((cell) => cell.textContent),
            )"""
        )

    def chart_texts(self) -> list[str]:
        """Return the texts that bqplot has drawn, in all charts."""
        return self.page.locator(".bqplot svg text").all_text_contents()

    def plain(self) -> dict:
        """Return what the plain functions say about bench.definition."""
        return self.host.value("plain_numbers()", setup=PLAIN)

    def agrees_with_the_functions(self) -> dict:
        """Check every figure on the page against the plain functions, number for number, and return them."""
        self.settled()
        plain = self.plain()
        shown = self.figures()
        assert shown.keys() == plain["figures"].keys()
        for key, text in plain["figures"].items():
            assert number(shown[key]) == number(text), key
        flow = {link: [count, number(share)] for link, (count, share) in plain["flow"].items()}
        assert {link: [count, number(share)] for link, (count, share) in self.flow().items()} == flow
        rows = [row for row in self.table("Funnel") if not row[0].startswith("lost before")]
        assert [[row[0], row[1], row[2]] for row in rows] == [
            [name, f"{reach:,}", percent(share)] for name, reach, share in plain["funnel"]
        ]
        for _, reach, share in plain["funnel"]:
            expect(
                self.page.locator(".bqplot svg text", has_text=f"{reach:,} · {percent(share)}").first
            ).to_be_attached()
        assert [row[0] for row in self.table("Loyalty")] == list(plain["loyalty"])
        assert [[row[0], row[3]] for row in self.table("Retention")] == [
            [str(period), percent(rate)] for period, rate in plain["retention"]
        ]
        return plain


def in_the_middle(element: Locator) -> None:
    """Scroll until an element is far from the edges, at which a drag scrolls on by itself."""
    element.evaluate("(each) => each.scrollIntoView({ block: 'center' })")


def number(text: str) -> float | None:
    return float(text) if text else None


def percent(text: str) -> str:
    share = float(text or "nan")
    return "\N{EN DASH}" if math.isnan(share) else f"{100 * share:.1f}%"
