"""Drive a real JupyterLab, Notebook 7 and Voilà in headless Chromium; wait on conditions, never on time."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import nbformat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import BrowserContext, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "test-results"
WAIT_MS = 30_000
TOKEN = "browser-tests"  # noqa: S105 - guards a server on the loopback address that lives for one test run

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NO_BROWSER = (
    "The browser tests need Chromium or Chrome, and none was found: CX_CHROMIUM is not set, none of "
    f"{', '.join(BROWSERS)} is on the PATH, and Playwright has not downloaded its own. Install one "
    "(Debian, Ubuntu: `sudo apt-get install chromium`; anywhere: `python -m playwright install chromium`), "
    "or set CX_CHROMIUM to the path of the program."
)

CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB, and Chromium dies where it is full
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    # Nothing may be downloaded while a widget runs, wherever the tests run.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # Chromium refuses root inside its sandbox
]

# jupyter_server remembers static files by name alone: a font that JupyterLab has asked for is refused to
# Notebook 7 on the same server, which has it in another folder, and the other way round.
SHARED_FONTS = r"403 \(Forbidden\).*/static/(lab|notebook)/[0-9a-f]+\.woff2"

# What the hosts themselves report on a notebook without any of our widgets.
HOST_NOISE = {
    "lab": (SHARED_FONTS,),
    "notebook": (
        SHARED_FONTS,
        r"Cannot read properties of undefined \(reading 'schema'\)",  # its settings editor finds no schemas
        r"Command 'filebrowser:open-path' not registered",  # it has no file browser on the page of a notebook
    ),
    "voila": (
        r"fontawesome-free",  # its page asks a CDN for icons
        r"cdnjs\.cloudflare\.com/ajax/libs/mathjax",  # and for formulas
        r"@jupyterlab/docregistry",  # it loads extensions of Notebook 7 that want this from it
    ),
}

# Asked in a process of its own: Playwright's synchronous side runs only once in a thread.
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def find_chromium() -> str | None:
    """Return the path of a Chromium: CX_CHROMIUM, the PATH, or the one that Playwright downloaded."""
    named = os.environ.get("CX_CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"CX_CHROMIUM is {named!r}, and there is no such program.")
        return found
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    bundled = subprocess.run(
        [sys.executable, "-c", ASK_PLAYWRIGHT], check=True, capture_output=True, text=True
    ).stdout.strip()
    return bundled if Path(bundled).exists() else None


class Server:
    """One `jupyter lab` on a free loopback port, all folders its own; it serves Notebook and Voilà too."""

    def __init__(self, home: Path, *, python: str = sys.executable, options: Sequence[str] = ()) -> None:
        self.root = home / "root"
        self.settings = home / "settings"
        self.log = home / "server.log"
        folders = {
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": self.settings,
            "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
            "IPYTHONDIR": home / "ipython",
        }
        for folder in (self.root, *folders.values()):
            folder.mkdir(parents=True)
        env = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("JUPYTER", "PYTEST"))
            },
            **{name: str(folder) for name, folder in folders.items()},
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        self.process = subprocess.Popen(
            [
                *(python, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"),
                *(["--allow-root"] if os.geteuid() == 0 else []),
                "--ServerApp.ip=127.0.0.1",
                f"--ServerApp.port={_free_port()}",
                f"--ServerApp.root_dir={self.root}",
                f"--IdentityProvider.token={TOKEN}",
                "--LabApp.news_url=None",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                "--JupyterNotebookApp.expose_app_in_browser=True",
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            text=True,
        )
        self.url = self._read_url()

    def _read_url(self) -> str:
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\?token", line):
                threading.Thread(target=self._drain, args=(lines,), daemon=True).start()
                return found[1]
        raise RuntimeError("JupyterLab ended before it was ready:\n" + "".join(lines[-40:]))

    def _drain(self, lines: list[str]) -> None:
        with self.log.open("w") as log:
            log.writelines(lines)
            for line in self.process.stdout:
                log.write(line)
                log.flush()

    def request(self, method: str, path: str) -> object:
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            self.url + path, method=method, headers={"Authorization": f"token {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            body = answer.read()
        return json.loads(body) if body else None

    def stop_kernels(self) -> None:
        for kernel in self.request("GET", "/api/kernels"):
            self.request("DELETE", f"/api/kernels/{kernel['id']}")

    def setting(self, plugin: str, values: dict[str, object]) -> None:
        """Write a user setting, as the settings editor of JupyterLab would."""
        package, name = plugin.split(":")
        path = self.settings / package / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def forget_settings(self) -> None:
        """Go back to the settings of a new user, who has said no to news."""
        for path in self.settings.rglob("*.jupyterlab-settings"):
            path.unlink()
        self.setting(
            "@jupyterlab/apputils-extension:notification", {"fetchNews": "false", "checkForUpdates": False}
        )

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """Write a fresh notebook with these code cells and return its path."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell.strip("\n")) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        path = self.root / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Host:
    """One page of the browser on the server: opens notebooks, runs them, asks their kernel."""

    server: Server
    context: BrowserContext
    name: str
    app: str = "lab"
    page: Page | None = None
    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def open_page(self) -> Page:
        """Open a new, empty page that collects the errors of its console."""
        self.close_page()
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        return self.page

    def _hear(self, message) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self.complaints.append(f"console: {message.text} ({where})")

    def close_page(self) -> None:
        if self.page is not None and not self.page.is_closed():
            self.page.close()

    def unexpected(self) -> list[str]:
        """Return the errors of the console that neither the host nor the test accounts for."""
        known = [*HOST_NOISE[self.app], *self.allowed]
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in known)]

    def open(self, path: Path) -> Page:
        """Open a notebook and wait until its kernel has answered."""
        page = self.open_page()
        tree = {"lab": "lab/tree", "notebook": "notebooks"}[self.app]
        reset = "&reset" if self.app == "lab" else ""
        page.goto(f"{self.server.url}/{tree}/{quote(path.name)}?token={TOKEN}{reset}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.evaluate(
            """async () => {
                const session = jupyterapp.shell.currentWidget.context.sessionContext;
                await session.ready;
                await session.session.kernel.info;
            }"""
        )
        return page

    def notebook(self, *cells: str, shows: Sequence[str] = ()) -> Page:
        """Run a fresh notebook of these cells and wait for the elements with these test ids."""
        page = self.open(self.server.write(self.name, cells))
        page.evaluate("async () => { await jupyterapp.commands.execute('notebook:run-all-cells'); }")
        problems = self.cell_problems()
        assert not problems, "\n".join(problems)
        for test_id in shows:
            page.get_by_test_id(test_id).first.wait_for()
        return page

    def cell_problems(self) -> list[str]:
        """Return what the cells wrote to stderr, and the errors they ended with."""
        outputs = self.page.evaluate(
            """() => jupyterapp.shell.currentWidget.context.model.toJSON().cells
                     .flatMap((cell) => cell.outputs ?? [])"""
        )
        texts = []
        for output in outputs:
            if output["output_type"] == "error":
                texts.append(f"{output['ename']}: {output['evalue']}\n" + "\n".join(output["traceback"]))
            elif output.get("name") == "stderr":
                texts.append("".join(output["text"]))
        return texts

    def python(self, code: str) -> str:
        """Run code in the kernel, after all that the page has sent, and return what it printed."""
        done = self.page.evaluate(
            """async (code) => {
                const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false, stop_on_error: true });
                const said = { text: "", error: null };
                future.onIOPub = ({ header, content }) => {
                    if (header.msg_type === "stream") said.text += content.text;
                    if (header.msg_type === "error") said.error = content.traceback.join("\\n");
                };
                await future.done;
                return said;
            }""",
            code,
        )
        assert done["error"] is None, done["error"]
        return done["text"]

    def value(self, expression: str, setup: str = "") -> object:
        """Return the JSON value of a Python expression in the kernel."""
        said = self.python(f"{setup}\nimport json\nprint('\\x1e' + json.dumps({expression}))")
        return json.loads(said.rsplit("\x1e", 1)[1])

    def becomes(self, expression: str, expected: object) -> None:
        """Ask the kernel until an expression has this value: widgets hold messages back while it is busy."""
        deadline = time.monotonic() + WAIT_MS / 1000
        while (value := self.value(expression)) != expected:
            assert time.monotonic() < deadline, f"{expression} is {value!r}, not {expected!r}"

    def theme(self, name: str) -> None:
        """Switch the theme, e.g. to 'JupyterLab Dark', and wait until it is there."""
        light = "false" if "Dark" in name else "true"
        self.page.evaluate(
            "async (theme) => { await jupyterapp.commands.execute('apputils:change-theme', { theme }); }",
            name,
        )
        self.page.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")

    def save(self) -> None:
        """Save the notebook and wait until the server has it."""
        self.page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.save(); }")

    def screenshot(self, label: str = "", of: Locator | None = None) -> Path:
        """Store a picture under test-results/ for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{self.name}{'-' + label if label else ''}.png"
        (of or self.page).screenshot(path=path)
        return path


class Voila(Host):
    """The same for Voilà, which shows outputs only and lets nobody run code in its kernel."""

    def notebook(self, *cells: str, shows: Sequence[str] = ()) -> Page:
        path = self.server.write(self.name, cells)
        page = self.open_page()
        page.goto(f"{self.server.url}/voila/render/{quote(path.name)}?token={TOKEN}")
        for test_id in shows:
            page.get_by_test_id(test_id).first.wait_for()
        return page
