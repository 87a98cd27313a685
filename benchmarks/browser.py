"""How soon an edit is seen: a real mouse on a real JupyterLab in headless Chromium.

    python benchmarks/browser.py                        # 1,000,000 events, 30 edits: 2 minutes
    python benchmarks/browser.py --retentioneering ~/venv_ret/bin/python

A chip is dragged to another stage by the mouse, as a hand does it: the way takes 0.4 s in 24 moves, slower
towards its end, and the finger needs another 0.1 s to let go. So the pointer is over the stage for a while
before (how long is printed), in which Python may rehearse what the drop would show. Beside it the same
drag *thrown*: the pointer jumps there and lets go, which leaves no time for that; and the same *by keyboard*,
where a chip is picked up, carried to the next stage and, 0.2 s later, put there.

Measured from the time stamp of the pointer's release, or of the last key, to the last element that changed
anywhere on the page before it rests (a MutationObserver; Python's word that all figures are those of this
edit changes one, too), and to the frame painted after that. Beside it, in the same page and turn by turn
with the drags, the same for a button that does nothing but ask Python for an answer and show it (*echo*): no
widget can be quicker. Every edit is another definition, so no answer comes from a cache of edits before. The
page is as high as the workbench, so that every figure is in sight.

The peer, retentioneering's funnel, has a server of its own and a Python of its own (``pip install
retentioneering==5.2.4 jupyterlab``). A click takes one of six steps out of its funnel of the same events, and
the page is watched in the same way. Its steps are event names, and it draws one chart; ours puts 60 names
into six stages and redraws every figure of the workbench.

Needs Chromium, and what the browser tests need.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page

    Contenders = dict[str, tuple[Callable[[], dict[str, float]], int]]

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))

from engine import NAMES  # noqa: E402 - beside this file
from harness import CHROMIUM_FLAGS, NO_BROWSER, Host, Server, find_chromium  # noqa: E402 - beside the tests

PROMPT = "--ServerApp.kernel_websocket_connection_class=cx_widgets._server.PromptConnection"
REST_MS = 250
"""The page rests when nothing has changed for so long."""
WAY_SECONDS, WAY_STEPS = 0.4, 24
LET_GO_SECONDS = 0.1
"""A drag by hand."""
KEY_SECONDS = 0.2
"""From one key to the next."""
THROWN_STEPS = 6

DATA = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from engine import NAMES, SPANS, definition, events
"""

MAKE = """
import cx_widgets as cx
log = cx.EventLog(events({n}), customer='customer', time='time', event='event')
bench = cx.Workbench(log, definition(0))
"""

ECHO = """
import anywidget, traitlets
from IPython.display import display

class Echo(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const button = document.createElement("button");
      button.dataset.testid = "echo";
      button.textContent = "echo";
      const said = document.createElement("output");
      button.addEventListener("click", () => {
        model.set("ping", model.get("ping") + 1);
        model.save_changes();
      });
      model.on("change:pong", () => { said.textContent = String(model.get("pong")); });
      el.append(button, said);
    } };
    '''
    ping = traitlets.Int(0).tag(sync=True)
    pong = traitlets.Int(0).tag(sync=True)

    @traitlets.observe("ping")
    def _on_ping(self, change):
        self.pong = change["new"]

display(Echo(), bench)
"""

OURS = (DATA, MAKE, ECHO)

QUIET = "import os\nos.environ['RETENTIONEERING_NO_TRACK'] = '1'"

MAKE_PEER = """
import gc, json
import retentioneering
from retentioneering.widgets.funnel import FunnelWidget

frame = events({n}).rename(columns={'customer': 'user_id', 'time': 'timestamp'})
frame['event'] = frame['event'].astype(str)
stream = retentioneering.Eventstream(frame)
stream.funnel(steps=[NAMES[first] for first, _ in SPANS])
"""

PEER = (QUIET, DATA, MAKE_PEER)

PUT_BACK = """
steps = [NAMES[first + {number} % (last - first)] for first, last in SPANS]
shown = next(each for each in gc.get_objects() if isinstance(each, FunnelWidget))
shown.steps = json.dumps(steps)
"""

WATCH = """
() => {
    const fresh = { up: null, last: null, painted: null, chip: null, chipPainted: null };
    const seen = { ...fresh };
    globalThis.cxSeen = seen;
    const stamp = () => {
        if (seen.up === null) return;
        const mine = performance.now() - seen.up;
        seen.last = mine;
        const wanted = globalThis.cxWanted;
        if (wanted && seen.chip === null) {
            const stage = document.querySelector(`[data-testid="stage:${wanted.stage}"]`);
            const counts = stage?.querySelector(".cx-column-counts")?.textContent;
            const there = stage?.querySelector(`[data-testid="chip:${wanted.chip}"]`);
            const moved = there && counts !== wanted.counts;
            if (moved) seen.chip = mine;
        }
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => {
                if (seen.chip === mine) seen.chipPainted = performance.now() - seen.up;
                if (seen.last === mine) seen.painted = performance.now() - seen.up;
            };
            channel.port2.postMessage(0);
        });
    };
    const everything = { subtree: true, childList: true, attributes: true, characterData: true };
    new MutationObserver(stamp).observe(document.querySelector(".jp-Notebook"), everything);
    const begin = (event) => Object.assign(seen, fresh, { up: event.timeStamp });
    window.addEventListener("pointerup", begin, true);
    window.addEventListener("keydown", begin, true);
}
"""

RESTS = f"""
() => {{
    const board = document.querySelector('[data-testid="board"]');
    if (cxSeen.last === null || cxSeen.painted === null) return false;
    if (board && board.dataset.revision !== board.dataset.drawnRevision) return false;
    if (jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status !== "idle") return false;
    return performance.now() - cxSeen.up - cxSeen.last > {REST_MS};
}}
"""


def args() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument(
        "--edits", type=int, default=30, help="as many echoes, a third as many by throw and key"
    )
    parser.add_argument("--clicks", type=int, default=10, help="in retentioneering's funnel")
    parser.add_argument("--retentioneering", metavar="PYTHON", help="a Python that has retentioneering")
    parser.add_argument(
        "--plain-server", action="store_true", help="let small messages wait (Nagle), as servers do"
    )
    parser.add_argument("--height", type=int, default=2600, help="of the page, in pixels")
    parser.add_argument("--animated", action="store_true", help="do not ask for reduced motion")
    return parser.parse_args()


@contextmanager
def served(folder: Path, name: str, python: str, options: list[str]) -> Iterator[Server]:
    """Run a JupyterLab of its own, stopped at the end."""
    server = Server(folder / name, python=python, options=options)
    server.forget_settings()
    try:
        yield server
    finally:
        server.stop_kernels()
        server.stop()


def opened(server: Server, context: BrowserContext, cells: tuple[str, ...], n: int, ready: str) -> Host:
    """Return a page on which the cells have run and an element is there."""
    host = Host(server, context, "benchmark")
    host.notebook(*(cell.replace("{n}", str(n)) for cell in cells))
    host.page.locator(ready).first.wait_for()
    host.page.evaluate("() => new Promise((done) => setTimeout(done, 1500))")
    host.page.evaluate(WATCH)
    return host


def released(page: Page, act: Callable[[], None]) -> dict[str, float]:
    """Do something that ends with a release of the pointer; return what was seen until the page rested."""
    in_front(page)
    page.evaluate("() => { cxSeen.up = null; cxSeen.last = null; cxSeen.painted = null; }")
    act()
    page.wait_for_function(RESTS)
    return page.evaluate("() => ({ ...cxSeen })")


def in_front(page: Page) -> None:
    """Show a page before the others: one behind paints nothing and never answers the mouse."""
    page.bring_to_front()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def middle(page: Page, selector: str, down: float = 0.5) -> tuple[float, float]:
    """Return a point of an element."""
    box = page.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] * down


class Ours:
    """The workbench on a page, with the echo below it."""

    def __init__(self, host: Host) -> None:
        self._page, self._edit = host.page, 0
        self.hung: list[float] = []
        """Milliseconds that the pointer was over the stage, in drags by hand."""

    def edit(self) -> dict[str, float]:
        """Drag a chip as a hand does."""
        return self._drag(WAY_STEPS, WAY_SECONDS, LET_GO_SECONDS)

    def thrown(self) -> dict[str, float]:
        """Drag a chip in a few jumps without time between them."""
        return self._drag(THROWN_STEPS, 0.0, 0.0)

    def keyed(self) -> dict[str, float]:
        """Pick a chip up and put it into the next stage, or the one before, by keyboard."""
        page, number = self._page, self._edit
        self._edit += 1
        in_front(page)
        chip = page.locator(f'[data-testid="chip:{NAMES[19 + number % 40]}"]').first
        chip.focus()
        last = chip.get_attribute("data-from") == "Stage 6"

        def move() -> None:
            page.keyboard.press("Enter")
            for key in ("ArrowLeft" if last else "ArrowRight", "Enter"):
                page.keyboard.press(key)
                time.sleep(KEY_SECONDS if key != "Enter" else 0)

        return released(page, move)

    def _drag(self, steps: int, seconds: float, let_go: float) -> dict[str, float]:
        """Drag a chip that lies in the tray, or one that an edit before put there, to another stage."""
        page, number = self._page, self._edit
        self._edit += 1
        in_front(page)
        chip, stage = NAMES[19 + number % 40], f"Stage {1 + number % 6}"
        source, target = f'[data-testid="chip:{chip}"]', f'[data-testid="stage:{stage}"]'
        # Near the edges of the page a drag scrolls on by itself.
        page.locator(target).first.evaluate("(each) => each.scrollIntoView({ block: 'center' })")
        page.locator(source).first.scroll_into_view_if_needed()
        before = page.locator(f"{target} .cx-column-counts").text_content()
        wanted = {"chip": chip, "stage": stage, "counts": before}
        page.evaluate("(wanted) => { globalThis.cxWanted = wanted; }", wanted)

        def drag() -> None:
            start, end = middle(page, source), middle(page, target)
            width = page.locator(target).first.bounding_box()["width"]
            over = None
            page.mouse.move(*start)
            page.mouse.down()
            began = time.perf_counter()
            for step in range(1, steps + 1):
                t = step / steps
                there = t**3 * (10 - 15 * t + 6 * t**2)  # the smoothest way from rest to rest
                at = [a + there * (b - a) for a, b in zip(start, end, strict=True)]
                page.mouse.move(*at)
                if over is None and abs(at[0] - end[0]) < width / 2:
                    over = time.perf_counter()
                time.sleep(max(0.0, began + seconds * t - time.perf_counter()))
            time.sleep(let_go)
            if let_go and over is not None:
                self.hung.append((time.perf_counter() - over) * 1e3)
            page.mouse.up()

        seen = released(page, drag)
        page.evaluate("() => { globalThis.cxWanted = null; }")
        if seen["chip"] is None:
            raise AssertionError(f"{chip} was not in {stage} at once: {seen}, {before}")
        return seen

    def echo(self) -> dict[str, float]:
        """Press the button that does nothing."""
        return released(
            self._page, lambda: self._page.mouse.click(*middle(self._page, '[data-testid="echo"]'))
        )


class Peer:
    """retentioneering's funnel on a page."""

    def __init__(self, host: Host) -> None:
        self._host, self._page, self._edit = host, host.page, 0

    def edit(self) -> dict[str, float]:
        """Take one step out of the funnel by a click; put all back for the next time, unmeasured."""
        number = self._edit
        self._edit += 1
        in_front(self._page)
        self._host.python(PUT_BACK.replace("{number}", str(number)))
        self._page.evaluate("() => new Promise((done) => setTimeout(done, 600))")
        button = self._page.locator(REMOVE).nth(2)
        button.wait_for()
        box = button.bounding_box()
        at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        return released(self._page, lambda: self._page.mouse.click(*at))


REMOVE = ".jp-OutputArea button[title=Remove]"


def table(rows: dict[str, list[float]], base: float) -> Iterator[str]:
    """Give the lines of a table: medians, the middle half, and ratios to a base."""
    yield "| from the release of the pointer to | median, ms | middle half | times the echo |"
    yield "|---|---:|---:|---:|"
    for name, values in rows.items():
        low, median, high = statistics.quantiles(values, n=4)
        yield f"| {name} | {median:.1f} | {low:.1f} to {high:.1f} | {median / base:.2f} |"


def in_turns(contenders: Contenders) -> dict[str, list[dict[str, float]]]:
    """Return what was seen of each, as often as is said, spread over the same time and in changing order."""
    for act, _ in contenders.values():
        act(), act()
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    rounds = max(often for _, often in contenders.values())
    for number in range(rounds):
        names = list(contenders)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            act, often = contenders[name]
            if len(seen[name]) * rounds <= number * often and len(seen[name]) < often:
                seen[name].append(act())
    return seen


def main() -> None:
    """Print the table."""
    asked = args()
    found = find_chromium()
    if found is None:
        raise SystemExit(NO_BROWSER)
    options = [] if asked.plain_server else [PROMPT]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        context = playwright.chromium.launch_persistent_context(
            home / "profile",
            executable_path=found,
            headless=True,
            args=CHROMIUM_FLAGS,
            viewport={"width": 1900, "height": asked.height},
            reduced_motion="no-preference" if asked.animated else "reduce",
        )
        with served(home, "ours", sys.executable, options) as server:
            ours = Ours(opened(server, context, OURS, asked.events, '[data-testid="echo"]'))
            with served(home, "peer", asked.retentioneering or sys.executable, []) as other:
                contenders = {
                    "edit": (ours.edit, asked.edits),
                    "echo": (ours.echo, asked.edits),
                    "thrown": (ours.thrown, -(-asked.edits // 3)),
                    "keyed": (ours.keyed, -(-asked.edits // 3)),
                }
                if asked.retentioneering:
                    peer = Peer(opened(other, context, PEER, asked.events, REMOVE))
                    contenders["peer"] = peer.edit, asked.clicks
                seen = in_turns(contenders)
        context.close()
    echo = statistics.median(each["last"] for each in seen["echo"])
    rows = {
        "echo: the answer in the page": [each["last"] for each in seen["echo"]],
        "the chip and its column's counts moved": [each["chip"] for each in seen["edit"]],
        "the frame with the chip painted": [each["chipPainted"] for each in seen["edit"]],
        "the last figure redrawn": [each["last"] for each in seen["edit"]],
        "the frame after it painted": [each["painted"] for each in seen["edit"]],
        "the last figure redrawn after a throw": [each["last"] for each in seen["thrown"]],
        "the last figure redrawn after a key": [each["last"] for each in seen["keyed"]],
    }
    if asked.retentioneering:
        rows["retentioneering 5.2.4: its chart redrawn"] = [each["last"] for each in seen["peer"]]
        rows["retentioneering 5.2.4: the frame after it painted"] = [each["painted"] for each in seen["peer"]]
    system = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
    print(f"{asked.events:,} events, {asked.edits} edits; {system}, load {os.getloadavg()[0]:.1f}")
    print(f"small messages {'may wait' if asked.plain_server else 'are sent at once'}")
    print(f"the pointer was over the stage for {statistics.median(ours.hung):.0f} ms, in the median\n")
    print("\n".join(table(rows, echo)))
    if asked.retentioneering:
        mine, theirs = (statistics.median(each["last"] for each in seen[name]) for name in ("edit", "peer"))
        print(f"\nall our figures take {mine / theirs:.2f} times what its one chart takes")


if __name__ == "__main__":
    main()
