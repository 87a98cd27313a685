"""The table in docs/what_is_a_conversion.md is what the code counts today."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import build_rules_table  # noqa: PLC0415 - tools is no package
    finally:
        sys.path.pop(0)
    return build_rules_table


def test_the_page_holds_the_table_as_the_code_counts_it(tool):
    text = tool.PAGE.read_text(encoding="utf-8")
    assert tool.page(text) == text, "run: python tools/build_rules_table.py"


def test_the_page_says_what_the_readme_says(tool):
    _, ways = tool.web_shop()
    text = tool.PAGE.read_text(encoding="utf-8")
    assert len(ways) == 21
    assert "twenty-one answers" in text
    assert "| Strict | nothing at all in between | 5.3% |" in text
    assert "| Any order | all three, in whatever order | 67.1% |" in text


def test_the_notebook_counts_the_shop_of_the_page(tool):
    log, ways = tool.generated_shop()
    path = ROOT / "notebooks" / "02_what_is_a_conversion.ipynb"
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]}
    names = {}
    for cell in ("log", "plain", "ways"):
        exec(compile(cells[cell], cell, "exec"), names)  # noqa: S102 - our own notebook
    assert names["log"].n_events == log.n_events
    assert names["plain"] == ways["Plain"]
    assert {name: names["ways"][name] for name in ways} == ways
    assert len(names["ways"]) == 22
    assert "twenty-two ways" in cells["title"]
