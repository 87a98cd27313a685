"""Run the tests with kernels that stop at the first byte they may not touch, and at undefined behaviour.

    python tools/sanitize.py                       # every test without a browser
    python tools/sanitize.py tests/test_engine.py  # some of them, with any argument of pytest
    python tools/sanitize.py --run tools/fuzz.py --seconds 60

Linux with a clang from 15 on and its runtime for AddressSanitizer (on Debian ``apt-get install clang-19
libclang-rt-19-dev``; ``CXX`` names another). The kernels of every instruction set are compiled with
AddressSanitizer and UndefinedBehaviorSanitizer into ``build/sanitized`` and loaded instead of the
installed ones; a finding ends the run with its trace. Kernels started in further processes (tests that
start an interpreter of their own) are the installed ones.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
INTO = ROOT / "build" / "sanitized"
OLDEST = 15
"""Older clangs know no vectors of bool."""

CHECKS = [
    *("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined,float-divide-by-zero"),
    # Wide vectors between functions of one file: nobody outside could pass them another way.
    *("-fno-sanitize-recover=all", "-shared-libsan", "-Wno-psabi"),
]
LEFT_OUT = {"-O3", "-s", "-nostdlib++", "-fno-sanitize=all"}
OPTIONS = {
    # Python frees little of what it took when it ends.
    "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "PYTHONMALLOC": "malloc",
}
# What starts processes of its own, or is about the installed files.
APART = [
    *("not browser", "not test_wheel", "not test_notebooks", "not test_binder", "not test_cli"),
    *("not test_kernels_stay_inside", "not test_engine_choice"),
]

# Run in the child: the other kernels are taken before anything asks for one.
START = """
import runpy, sys
from pathlib import Path
from cx_widgets.engine import _choice
_choice._library.FOLDER = Path(sys.argv.pop(1))
script = sys.argv.pop(1)
if script == "pytest":
    import pytest
    sys.exit(pytest.main(sys.argv[1:]))
sys.argv[0] = script
runpy.run_path(script, run_name="__main__")
"""


def build() -> ModuleType:
    """Return native/build.py."""
    spec = importlib.util.spec_from_file_location("build_kernels", ROOT / "native" / "build.py")
    if spec is None or spec.loader is None:
        raise SystemExit("native/build.py is missing.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiler() -> tuple[str, Path]:
    """Return a clang and its AddressSanitizer, or say how to get one."""
    wished = os.environ.get("CXX")
    names = [wished] if wished else [f"clang++-{version}" for version in range(25, OLDEST - 1, -1)]
    for name in [*names, "clang++"]:
        found = shutil.which(name)
        if found is None:
            continue
        version = subprocess.run([found, "-dumpversion"], check=True, capture_output=True, text=True)  # noqa: S603 - a compiler's own version
        if not wished and int(version.stdout.split(".")[0]) < OLDEST:
            continue
        for runtime in (f"libclang_rt.asan-{os.uname().machine}.so", "libclang_rt.asan.so"):
            said = subprocess.run(  # noqa: S603 - as above
                [found, f"-print-file-name={runtime}"], check=True, capture_output=True, text=True
            )
            if Path(said.stdout.strip()).is_absolute() and Path(said.stdout.strip()).exists():
                return found, Path(said.stdout.strip())
    raise SystemExit(
        f"No clang from {OLDEST} on with AddressSanitizer was found. On Debian and Ubuntu:"
        " apt-get install clang-19 libclang-rt-19-dev. CXX may name another."
    )


def compile_all(clang: str, into: Path) -> None:
    """Compile the kernels of this machine's instruction sets, those that are older than a source."""
    kernels = build()
    target = kernels.TARGETS[kernels.known(kernels.here())]
    into.mkdir(parents=True, exist_ok=True)
    sources = sorted(kernels.SOURCES.glob("*.cpp"))
    newest = max(path.stat().st_mtime for path in kernels.SOURCES.iterdir())
    flags = [flag for flag in kernels.FLAGS if flag not in LEFT_OUT]

    def one(level: str) -> None:
        path = into / f"kernels_{level}{target.suffix}"
        if path.exists() and path.stat().st_mtime > newest:
            return
        # Zig writes x86_64_v3 where clang has a hyphen.
        own = [flag.replace("x86_64_v", "x86-64-v") for flag in target.levels[level]]
        fresh = path.with_name(f"{path.name}.new")
        said = subprocess.run(  # noqa: S603 - a compiler with arguments of our own
            [clang, *flags, *own, *CHECKS, *map(str, sources), "-o", str(fresh)],
            check=False,
            capture_output=True,
            text=True,
        )
        if said.returncode:
            raise SystemExit(f"{level}: {said.stderr.strip()[-2000:]}")
        fresh.replace(path)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, target.levels))


def main() -> None:
    """Compile, then run what was asked for in a Python that has the sanitizers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, default=INTO, help="the folder of these kernels")
    parser.add_argument("--run", help="a script to run instead of the tests")
    asked, rest = parser.parse_known_args()
    clang, runtime = compiler()
    compile_all(clang, asked.into)
    if asked.run:
        arguments = [asked.run, *rest]
    else:
        chosen = rest if any(not one.startswith("-") for one in rest) else [*rest, str(ROOT / "tests")]
        arguments = ["pytest", "-q", "-p", "no:cacheprovider", "-k", " and ".join(APART[1:])]
        arguments += ["-m", APART[0], *chosen]
    variables = {**os.environ, **OPTIONS, "LD_PRELOAD": str(runtime), "PYTHONUNBUFFERED": "1"}
    print(f"{Path(clang).name}, {asked.into}", flush=True)
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", START, str(asked.into), *arguments], check=False, cwd=ROOT, env=variables
    )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
