"""A short run of tools/fuzz.py: random logs for every kernel, broken files for the reader of saved logs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cx_widgets import engine

ROOT = Path(__file__).resolve().parents[1]


def fuzz(*arguments):
    """Return the last line of a run of the fuzzer, or fail with what it found."""
    script = ROOT / "tools" / "fuzz.py"
    said = subprocess.run(
        [sys.executable, "-W", "error", str(script), "--seconds", "300", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout[-500:] + said.stderr[-2_500:]
    return said.stdout.strip().splitlines()[-1]


@pytest.mark.skipif(len(engine.available()) == 1, reason="no compiled kernels were built for this machine")
def test_every_kernel_is_reached_by_random_logs_and_answers_as_numpy_does():
    assert "60 cases" in fuzz("--only", "kernels", "--cases", "60")


def test_broken_files_give_a_log_that_holds_together_or_an_error_of_ours():
    assert "150 cases" in fuzz("--only", "files", "--cases", "150")
