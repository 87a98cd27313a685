"""Which engine counts: chosen by what loads, asked for by the environment, and told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cx_widgets as cx
from cx_widgets import _library, engine
from cx_widgets.engine import _choice

ROOT = Path(__file__).resolve().parents[1]
LEVELS = _library.levels()


def told(script, **environment):
    """Return what a script prints in a fresh interpreter."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("CX_WIDGETS_")}
    said = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**variables, **environment},
    )
    return said.stdout.strip() or said.stderr.strip().splitlines()[-1]


ASK = "import cx_widgets as cx; print(cx.engine_info())"


def test_numpy_counts_where_it_is_asked_for():
    assert told(ASK, CX_WIDGETS_ENGINE="numpy") == "numpy: CX_WIDGETS_ENGINE asks for it."


@pytest.mark.skipif(not LEVELS, reason="no compiled kernels were built for this machine")
def test_the_compiled_engine_counts_where_it_loads():
    assert told(ASK, CX_WIDGETS_THREADS="3") == f"native ({LEVELS[0]}, 3 threads): its kernels load here."


@pytest.mark.parametrize("level", LEVELS)
def test_an_instruction_set_can_be_asked_for(level):
    said = told(ASK, CX_WIDGETS_ENGINE=f"native-{level}", CX_WIDGETS_THREADS="1")
    assert said == f"native ({level}, 1 threads): CX_WIDGETS_ENGINE asks for it."


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"CX_WIDGETS_ENGINE": "fast"}, "CX_WIDGETS_ENGINE='fast' names no engine. Say 'native', 'numpy'"),
        ({"CX_WIDGETS_ENGINE": "numpy-v3"}, "names no engine"),
        ({"CX_WIDGETS_ENGINE": "native-v9"}, "asks for the compiled engine, but"),
        ({"CX_WIDGETS_THREADS": "many"}, "CX_WIDGETS_THREADS='many' must be a whole number from 1"),
        ({"CX_WIDGETS_THREADS": "0"}, "must be a whole number from 1"),
    ],
)
def test_what_there_is_not_is_refused_with_a_way_out(variables, sentence):
    if not LEVELS and "CX_WIDGETS_THREADS" in variables:
        pytest.skip("no compiled kernels were built for this machine")
    assert sentence in told(ASK, **variables)


@pytest.fixture
def nothing_loaded(monkeypatch, tmp_path):
    """Look for kernels in an empty folder, and choose anew."""
    monkeypatch.setattr(_library, "FOLDER", tmp_path)
    monkeypatch.setattr(_choice, "_choice", [])
    _library.load.cache_clear()
    _library._opened.cache_clear()
    yield tmp_path
    _library.load.cache_clear()
    _library._opened.cache_clear()


@pytest.mark.usefixtures("nothing_loaded")
def test_numpy_counts_where_no_kernels_were_built():
    info = cx.engine_info()
    assert (info.name, info.instructions, info.threads) == ("numpy", "", 1)
    assert "no compiled kernels were installed" in info.reason
    assert list(engine.available()) == ["numpy"]


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + bytes(60)])
def test_numpy_counts_where_the_file_of_kernels_is_broken(nothing_loaded, content):
    for level in ("base", "v2", "v3", "v4"):
        (nothing_loaded / f"kernels_{level}{_library._SUFFIX}").write_bytes(content)
    assert cx.engine_info().name == "numpy"
    assert "does not load" in cx.engine_info().reason


def test_importing_the_package_loads_no_kernels():
    script = """
import sys, cx_widgets
print(sorted(name for name in sys.modules if name.startswith("cx_widgets.engine")))
"""
    assert told(script) == "[]"


def test_counting_with_another_engine_ends_with_the_block():
    before = cx.engine_info()
    with engine.counting_with(engine.NumpyEngine()):
        assert cx.engine_info().name == "NumpyEngine"
    assert cx.engine_info() is before
