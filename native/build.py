"""Compile the kernels of the engine: as a step of building a wheel, or by hand.

The compiler is clang as the ``ziglang`` package carries it, a requirement of the build and of nothing else,
so that an install from source needs no compiler on the machine. It compiles for other machines too:

    python native/build.py                        # for this machine, into the package
    python native/build.py --into build windows-x86_64 macos-arm64 linux-arm64

``CX_WIDGETS_TARGET``, one of `TARGETS`, asks for a wheel for another machine. Where the compiler is missing
or fails, the wheel is built without kernels and the numpy engine counts; ``CX_WIDGETS_KERNELS=require`` makes
that an error, ``CX_WIDGETS_KERNELS=none`` leaves them out on purpose.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path(__file__).resolve().parent
PACKAGE = SOURCES.parent / "cx_widgets" / "_kernels"

# One file for each instruction set; the engine takes the best that the processor has.
X86 = {
    "v2": ["-march=x86_64_v2"],
    "v3": ["-march=x86_64_v3"],
    "v4": ["-march=x86_64_v4", "-mprefer-vector-width=512"],
}
ARM = {"base": []}

# No exceptions, no runtime library: the kernels call nothing but memcpy and memset.
FLAGS = [
    *("-std=c++20", "-O3", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"),
    *("-fno-exceptions", "-fno-rtti", "-nostdlib++", "-ffp-contract=off", "-fno-sanitize=all", "-s"),
]


class Target(NamedTuple):
    """A kind of machine: how the compiler calls it, how wheels do, and what is compiled for it."""

    triple: str
    tag: str
    levels: dict[str, list[str]]
    suffix: str = ".so"


TARGETS = {
    "linux-x86_64": Target("x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64.manylinux2014_x86_64", X86),
    "linux-arm64": Target("aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64.manylinux2014_aarch64", ARM),
    "musl-x86_64": Target("x86_64-linux-musl", "musllinux_1_1_x86_64", X86),
    "musl-arm64": Target("aarch64-linux-musl", "musllinux_1_1_aarch64", ARM),
    "macos-x86_64": Target("x86_64-macos.11.0", "macosx_11_0_x86_64", X86, ".dylib"),
    "macos-arm64": Target("aarch64-macos.11.0", "macosx_11_0_arm64", ARM, ".dylib"),
    "windows-x86_64": Target("x86_64-windows-gnu", "win_amd64", X86, ".dll"),
    "windows-arm64": Target("aarch64-windows-gnu", "win_arm64", ARM, ".dll"),
}


def here() -> str | None:
    """Return the target this machine is; None where there is none for it."""
    machine = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    kind = machine.get(platform.machine().lower())
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform)
    if kind is None or system is None:
        return None
    if system == "linux" and "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        system = "musl"
    return f"{system}-{kind}"


def known(name: str | None) -> str:
    """Return the name of a target, or refuse it."""
    if name is None or name not in TARGETS:
        raise RuntimeError(f"no kernels for {name or platform.machine()!r}; there are {sorted(TARGETS)}")
    return name


def compile_for(name: str, folder: Path) -> list[Path]:
    """Compile what is older than its sources, and return the files."""
    target = TARGETS[name]
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted(SOURCES.glob("*.cpp"))
    newest = max(path.stat().st_mtime for path in [*sources, *SOURCES.glob("*.h"), Path(__file__)])

    def one(level: str) -> Path:
        path = folder / f"kernels_{level}{target.suffix}"
        if path.exists() and path.stat().st_mtime > newest:
            return path
        # Written beside and moved: whoever has the old file open keeps it whole.
        fresh = path.with_name(f"{path.name}.new")
        command = [
            sys.executable,
            "-m",
            "ziglang",
            "c++",
            "-target",
            target.triple,
            *FLAGS,
            *target.levels[level],
        ]
        said = subprocess.run(  # noqa: S603 - our own compiler with arguments of our own
            [*command, *map(str, sources), "-o", str(fresh)], check=False, capture_output=True, text=True
        )
        if said.returncode:
            raise RuntimeError(f"{name}, {level}: {said.stderr.strip()[-2000:]}")
        fresh.replace(path)
        return path

    with ThreadPoolExecutor(len(target.levels)) as pool:
        made = list(pool.map(one, target.levels))
    # The Windows linker leaves tables for other linkers behind.
    for left in (*folder.glob("*.lib"), *folder.glob("*.pdb")):
        left.unlink()
    return made


class KernelsHook(BuildHookInterface[Any]):
    """Puts the kernels into the wheel and says in its name which machine it is for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling gives it
        """Compile before the files of the wheel are gathered."""
        wish = os.environ.get("CX_WIDGETS_KERNELS", "")
        other = os.environ.get("CX_WIDGETS_TARGET")
        if wish == "none":
            return
        try:
            name = known(other or here())
            # Kernels for another machine stay out of the package of this one.
            made = compile_for(name, Path(self.root, "build", "kernels", name) if other else PACKAGE)
        except (RuntimeError, OSError) as error:
            if wish == "require":
                raise
            self.app.display_warning(f"Built without compiled kernels, numpy will count: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{TARGETS[name].tag}"
        inside = PACKAGE.relative_to(self.root)
        if other:
            build_data["force_include"] |= {str(path): str(inside / path.name) for path in made}
        else:
            build_data["artifacts"] += [f"/{(inside / path.name).as_posix()}" for path in made]


def main() -> None:
    """Compile for the targets named on the command line, or for this machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, help="a folder that gets one folder for each target")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS])
    asked = parser.parse_args()
    for name in asked.targets or [here()]:
        if name is None:
            parser.error("this machine is none of the targets")
        folder = PACKAGE if asked.into is None else asked.into / name
        for path in compile_for(name, folder):
            print(f"{path.stat().st_size:>9,} bytes  {path}")  # noqa: T201 - a build tool says what it wrote


if __name__ == "__main__":
    main()
