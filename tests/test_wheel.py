"""What users install: the wheel holds everything it needs and nothing else, and runs without the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(command, cwd):
    """Return what a command prints; a failing one fails the test with all it says."""
    said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    run(command, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    options = [
        "--no-deps",
        "--no-index",
        "--no-compile",
        "--disable-pip-version-check",
        "--target",
        str(site),
    ]
    run([sys.executable, "-m", "pip", "install", *options, str(wheel)], cwd=ROOT)
    return site


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "cx_widgets").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == ours | {"cx_widgets/notebooks/01_first_journey.ipynb"}  # the command line opens a copy
    assert {"cx_widgets/py.typed", "cx_widgets/static/board.js", "cx_widgets/static/board.css"} <= held


def test_the_wheel_carries_its_licences_and_its_command(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        commands = next(name for name in names if name.endswith("entry_points.txt"))
        assert "cx-widgets = cx_widgets.__main__:main" in archive.read(commands).decode()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("LICENSE-DATA.md") for name in names)


def test_the_wheel_stays_small(wheel):
    with ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.compress_size for entry in archive.infolist()}
    kernels = sum(size for name, size in sizes.items() if "/_kernels/" in name)
    assert kernels < 400_000
    assert sum(sizes.values()) - kernels < 1_000_000


def test_the_installed_wheel_draws_a_workbench_on_its_own_data(installed, tmp_path):
    # The wheel stands alone in its folder, before the checkout; only its dependencies come from elsewhere.
    script = """
import json, sys
sys.path.insert(0, sys.argv[1])
import cx_widgets as cx
log = cx.datasets.cdnow_log()
bench = cx.Workbench(log, {"Buy": list(log.event_names)})
print(json.dumps({
    "file": cx.__file__,
    "customers": log.n_customers,
    "figures": [figure["key"] for figure in bench.board._view["figures"]],
    "javascript": len(str(bench.board._esm)),
    "stylesheet": len(str(bench.board._css)),
    "sample": len(cx.datasets.complete_journey()),
}))
"""
    told = json.loads(run([sys.executable, "-c", script, str(installed)], cwd=tmp_path))
    assert Path(told["file"]).is_relative_to(installed)
    assert told["customers"] > 0
    assert told["sample"] > 0
    assert told["figures"][0] == "conversion"
    assert told["javascript"] > 1000
    assert told["stylesheet"] > 100
