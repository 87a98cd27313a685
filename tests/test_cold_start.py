"""The first figure of a fresh interpreter needs no folder it may write into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cx_widgets as cx

SCRIPT = """
import pandas as pd, cx_widgets as cx
frame = pd.DataFrame({"who": [1, 1, 2], "at": pd.to_datetime(["2026-01-01"] * 3), "what": ["a", "b", "a"]})
log = cx.EventLog(frame, customer="who", time="at", event="what")
print(cx.funnel(log, cx.Definition({"A": ["a"], "B": ["b"]})).frame["reach"].tolist(), cx.engine_info().name)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders are protected another way there")
def test_the_first_figure_is_counted_where_package_and_home_are_read_only(tmp_path):
    package, home = tmp_path / "package", tmp_path / "home"
    home.mkdir()
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(cx.__file__).parent, package / "cx_widgets", ignore=leave)
    folders = [package, *(path for path in package.rglob("*") if path.is_dir()), home]
    for folder in folders:
        folder.chmod(0o555)
    try:
        said = subprocess.run(
            # Root may write in any folder, so Python is told to leave its files.
            [sys.executable, "-B", "-W", "error", "-c", SCRIPT],
            check=False,
            capture_output=True,
            text=True,
            cwd=home,
            env={**os.environ, "PYTHONPATH": str(package), "HOME": str(home)},
        )
        assert said.stdout.split() == ["[2,", "1]", cx.engine_info().name], said.stderr[-1_000:]
        assert list(home.iterdir()) == []
        assert list(package.rglob("__pycache__")) == []
    finally:
        for folder in folders:
            folder.chmod(0o755)
