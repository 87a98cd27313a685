"""No kernel reads or writes behind an array: every array ends where a page begins that may not be touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cx_widgets import _library

TESTS = Path(__file__).resolve().parent
LEVELS = _library.levels()

SCRIPT = """
import ctypes, mmap, sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

sys.path[:0] = [sys.argv[1], str(Path(sys.argv[1]).parent)]
from random_rules import answers_under_rules, random_rules
from random_tables import SMALL, random_table, read
from small_logs import random_case
from test_engines_agree import HARD, answers, different

from cx_widgets import _arrow_texts, _library, _numbering, _pieces, _rows
from cx_widgets.engine import NativeEngine, NumpyEngine, _attempts, _lanes, _memory
from cx_widgets.engine import _native, _native_credit, _native_ways

mprotect = ctypes.CDLL(None).mprotect
kept = []


def guarded(shape, kind=float):
    kind = np.dtype(kind)
    size = int(np.prod(shape)) * kind.itemsize
    pages = -(-size // mmap.PAGESIZE) + 1
    block = mmap.mmap(-1, pages * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(block))
    guard = (pages - 1) * mmap.PAGESIZE
    assert mprotect(ctypes.c_void_p(start + guard), mmap.PAGESIZE, 0) == 0
    kept.append(block)
    return np.frombuffer(block, kind, int(np.prod(shape)), guard - size).reshape(shape)


def copied(array, kind):
    made = guarded(array.shape, kind)
    made[...] = array
    return made


def zeros(shape, kind=float):
    made = guarded(shape, kind)
    made[...] = 0
    return made


def full(shape, value, kind=None):
    made = guarded(shape, np.asarray(value).dtype if kind is None else kind)
    made[...] = value
    return made


def empty_like(array):
    return guarded(array.shape, array.dtype)


for module in (_attempts, _lanes, _memory, _native, _native_credit, _native_ways):
    module.np = SimpleNamespace(**{**vars(np), "empty": guarded, "zeros": zeros, "full": full})
    module.whole = copied
_attempts.PART = 20
for module, name, value in SMALL:
    setattr(module, name, value)
for module in (_rows, _numbering, _pieces, _arrow_texts):
    module.np = SimpleNamespace(
        **{**vars(np), "empty": guarded, "zeros": zeros, "full": full, "empty_like": empty_like}
    )
one = NativeEngine(_library.load(sys.argv[2]), 1)
rng = np.random.default_rng(9)
cases = [(case.log, case.definition) for case in (random_case(rng) for _ in range(40))]
cases += [make(rng) for make in HARD if make.__name__ in sys.argv[3].split(",")]
for log, definition in cases:
    assert different(answers(one, log, definition), answers(NumpyEngine(), log, definition)) is None
    kept.clear()
for _ in range(60):
    log, definition = random_rules(rng)
    ours, theirs = (answers_under_rules(which, log, definition) for which in (one, NumpyEngine()))
    assert different(ours, theirs) is None
    kept.clear()
for _ in range(60):
    table, without = random_table(rng)
    assert read(table, without, f"native-{sys.argv[2]}") == read(table, without, "numpy")
    kept.clear()
values = rng.integers(0, 2**31 - 1, 1_000, endpoint=True).astype(np.int32)
assert one.ranked(values, (0, 499, 500, 999)).tolist() == np.sort(values)[[0, 499, 500, 999]].tolist()
print("stayed inside")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pages are guarded by mprotect")
@pytest.mark.parametrize("level", LEVELS)
def test_kernels_touch_nothing_behind_their_arrays(level):
    logs = "everything_at_one_time,exactly_256_names,one_stage_more_than_lanes_hold,conditions,nothing_at_all"
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(TESTS), level, logs], check=False, capture_output=True, text=True
    )
    assert said.stdout.strip() == "stayed inside", (said.returncode, said.stderr[-2_000:])
