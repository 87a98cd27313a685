"""Binder builds the checkout: repo2docker's rules, as far as they can be followed without Docker."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
BINDER = ROOT / "binder"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirement_lines():
    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in (line.partition("#")[0].strip() for line in lines) if line]


def pins():
    parsed = [Requirement(line) for line in requirement_lines() if line != "."]
    return {canonicalize_name(pin.name): pin.specifier for pin in parsed}


def test_every_direct_dependency_is_pinned_and_nothing_else():
    needed = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert set(pins()) == needed


@pytest.mark.parametrize("line", PROJECT["dependencies"])
def test_a_pin_is_exact_and_lies_in_the_range_the_package_asks_for(line):
    needed = Requirement(line)
    (pin,) = pins()[canonicalize_name(needed.name)]
    assert pin.operator == "=="
    assert pin.version in needed.specifier


def test_this_checkout_is_installed_with_them():
    # "." is resolved where pip runs: repo2docker runs it at the root of the repository. With a local line
    # among the requirements, it installs them after it has copied the checkout, not before.
    assert requirement_lines()[-1] == "."
    assert (ROOT / "pyproject.toml").is_file()


def test_the_python_is_one_the_package_and_repo2docker_know():
    # repo2docker reads <name>-<version>[-<date>] and takes any other name for another language.
    runtime = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip()
    match = re.fullmatch(r"python-(3\.\d+)", runtime)
    assert match
    assert match[1] in SpecifierSet(PROJECT["requires-python"])
    # Those repo2docker has a frozen environment for; other versions are solved anew at each build.
    assert match[1] in {"3.10", "3.11", "3.12", "3.13", "3.14"}


def test_no_other_file_wins_the_detection():
    # In this order repo2docker asks; the first build pack that finds its file wins, and where a binder
    # folder exists, only files in it are looked at. The Python pack comes last.
    assert not (ROOT / ".binder").exists()
    earlier = [
        "Dockerfile",
        "Project.toml",
        "JuliaProject.toml",
        "REQUIRE",
        "default.nix",
        "install.R",
        "environment.yml",
        "Pipfile",
        "Pipfile.lock",
    ]
    assert [name for name in earlier if (BINDER / name).exists()] == []
    assert {path.name for path in BINDER.iterdir()} == {"requirements.txt", "runtime.txt"}
