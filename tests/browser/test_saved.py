"""A notebook that nobody runs: trusted, untrusted, and exported as HTML."""

from __future__ import annotations

import json

import nbformat
import pytest
from bench import Bench
from nbconvert import HTMLExporter
from playwright.sync_api import expect


@pytest.fixture
def saved(lab):
    """Return a notebook that JupyterLab saved with its widgets, and what it showed; its kernel is gone."""
    lab.server.setting("@jupyter-widgets/jupyterlab-manager:plugin", {"saveState": True})
    bench = Bench.on(lab)
    at = bench.revision()
    bench.drag(bench.chip("compare"), bench.stage("Buy"))
    bench.after(at)
    figures, flow = bench.figures(), bench.flow()
    lab.save()
    path = lab.server.root / f"{lab.name}.ipynb"
    lab.close_page()
    lab.server.stop_kernels()
    stored = nbformat.read(path, as_version=4)
    assert "widgets" in stored.metadata
    return path, figures, flow


def test_a_trusted_notebook_shows_the_workbench_without_running_a_cell(lab, saved):
    path, figures, flow = saved
    page = lab.open(path)
    page.get_by_test_id("board").wait_for()
    bench = Bench(lab)
    assert bench.figures() == figures
    assert bench.flow() == flow
    assert "compare" in bench.stages()["Buy"]
    assert page.locator(".bqplot svg text").count() > 0
    assert lab.value("'bench' in globals()") is False
    lab.screenshot()


def test_an_untrusted_notebook_shows_a_table_and_a_picture(lab, saved):
    path, _, _ = saved
    stranger = path.with_name("from-a-stranger.ipynb")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][0]["source"] = (
        "# another first cell, so the signature of the other notebook is not this one's"
    )
    stranger.write_text(json.dumps(notebook), encoding="utf-8")
    page = lab.open(stranger)
    output = page.locator(".jp-OutputArea-output").last
    table = output.get_by_role("table").first
    table.wait_for()
    expect(table).to_contain_text("Buy")
    picture = output.get_by_role("img", name="Funnel")
    expect(picture).to_be_visible()
    assert (
        picture.evaluate("async (img) => { await img.decode?.(); return img.getBoundingClientRect().width; }")
        > 100
    )
    assert page.get_by_test_id("board").count() == 0
    lab.screenshot()


def test_a_plain_html_export_shows_a_table_and_a_picture(lab, saved):
    path, _, _ = saved
    notebook = nbformat.read(path, as_version=4)
    del notebook.metadata["widgets"]
    html, _ = HTMLExporter().from_notebook_node(notebook)
    page = lab.open_page()
    page.route("**/*", lambda route: route.abort())  # a file that is mailed around has no server behind it
    lab.allowed += [r"net::ERR_", r"require"]
    page.set_content(html, wait_until="domcontentloaded")
    expect(page.get_by_role("table").filter(has_text="Advocate").first).to_be_visible()
    expect(page.get_by_role("img", name="Funnel").first).to_be_visible()
    lab.screenshot()
