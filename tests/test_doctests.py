"""Examples that people read are run: in docstrings, in the README and in docs/."""

from __future__ import annotations

import doctest
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import ipywidgets
import pytest

import cx_widgets

ROOT = Path(__file__).resolve().parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
INSIDE = pkgutil.walk_packages(cx_widgets.__path__, "cx_widgets.")
MODULES = ["cx_widgets", *(module.name for module in INSIDE if not module.name.endswith("__main__"))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    assert doctest.testmod(import_module(name), optionflags=FLAGS).failed == 0


def test_the_examples_in_the_docs_run():
    for path in sorted(ROOT.glob("docs/**/*.md")):
        ran = doctest.testfile(str(path), module_relative=False, optionflags=FLAGS, encoding="utf-8")
        assert ran.failed == 0, path.name


def test_every_public_name_shows_an_example():
    # A user meets the package through help(); the widgets' examples need a notebook and stand there.
    without = []
    for name in cx_widgets.__all__:
        thing = getattr(cx_widgets, name)
        widget = isinstance(thing, type) and issubclass(thing, ipywidgets.Widget)
        if (
            callable(thing)
            and not widget
            and thing is not cx_widgets.CXError
            and ">>> " not in (thing.__doc__ or "")
        ):
            without.append(name)
    assert without == []


def test_the_code_in_the_readme_runs(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own page
    capsys.readouterr()


def test_the_links_between_pages_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
