"""The same workbench outside JupyterLab: in Notebook 7 and in Voilà."""

from __future__ import annotations

from bench import Bench, number
from cells import LOG

import cx_widgets as cx


def test_in_notebook_7_an_edit_changes_every_figure(notebook7):
    bench = Bench.on(notebook7)
    before = bench.agrees_with_the_functions()
    at = bench.revision()
    bench.drag(bench.chip("compare"), bench.stage("Buy"))
    bench.after(at)
    assert "compare" in bench.stages()["Buy"]
    after = bench.agrees_with_the_functions()
    assert after["figures"] != before["figures"]
    bench.picture()


def test_in_voila_an_edit_changes_every_figure(voila):
    bench = Bench.on(voila)
    names = {}
    exec(LOG, names)  # noqa: S102 - the notebook's own cell, run here for the plain figures
    log, journey = names["log"], names["journey"]
    assert shown(bench) == plain(log, journey)
    at = bench.revision()
    bench.drag(bench.chip("compare"), bench.stage("Buy"))
    bench.after(at)
    assert shown(bench) == plain(log, journey.assign("compare", to="Buy"))
    bench.picture()


def shown(bench):
    return {key: number(text) for key, text in bench.figures().items()}


def plain(log, definition):
    values = cx.figures(log, definition).frame["value"]
    return {key: None if value != value else float(value) for key, value in values.items()}  # noqa: PLR0124 - NaN
