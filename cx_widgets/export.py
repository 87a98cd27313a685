"""Figures for places that run no widgets: one table and one picture, as plain text."""

from __future__ import annotations

from base64 import b64encode
from math import isnan
from typing import TYPE_CHECKING

from cx_widgets import _numbers
from cx_widgets._html import escape
from cx_widgets.metrics.figures import figures
from cx_widgets.metrics.funnel import funnel

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_WIDTH, _ROW, _LEFT, _BAR = 720, 34, 190, 330
_NAME = 26
_LOOK = 'role="img" font-family="sans-serif" font-size="13" fill="#222222"'
_COLOURS = ("#4477AA", "#EE6677", "#228833", "#B8860B", "#66CCEE", "#AA3377", "#7F7F7F", "#EE8866")


def svg(log: EventLog, definition: Definition) -> str:
    """Return the funnel as an SVG picture of bars, each with its customers and share.

    Names are escaped and cut to fit; the whole name stands in the bar's title. A stage that nobody
    reached has no bar and says 0.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({"who": [1, 1], "when": ["2026-01-01", "2026-01-02"], "what": ["ad", "buy"]})
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> svg(log, cx.Definition({"Consider": ["ad"], "Buy": ["buy"]})).startswith("<svg")
    True
    """
    table = funnel(log, definition).frame
    height = _ROW * len(table) + 16
    widest = max(int(table["reach"].max()), 1)
    frame = f'width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {frame} {_LOOK}>',
        f"<title>Funnel: {len(table)} stages</title>",
        f'<rect {frame} fill="#ffffff"/>',
    ]
    for place, (name, row) in enumerate(table.iterrows()):
        top = 8 + place * _ROW
        share = float(row["conversion"])
        said = _numbers.count(row["reach"]) + ("" if isnan(share) else f" ({_numbers.percent(share)})")
        bar = round(_BAR * int(row["reach"]) / widest, 1)
        short = escape(_numbers.shortened(str(name), _NAME))
        box = f'x="{_LEFT}" y="{top + 3}" width="{bar}" height="{_ROW - 12}" rx="3"'
        parts += [
            f"<g><title>{escape(f'{name}: {said}')}</title>",
            f'<text x="{_LEFT - 10}" y="{top + 18}" text-anchor="end">{short}</text>',
            f'<rect {box} fill="{_COLOURS[place % len(_COLOURS)]}"/>',
            f'<text x="{_LEFT + bar + 8}" y="{top + 18}">{escape(said)}</text></g>',
        ]
    return "".join([*parts, "</svg>"])


def html(log: EventLog, definition: Definition) -> str:
    """Return the figures and the funnel as an HTML fragment: a picture and two tables, no script.

    Everything that comes from the data is escaped. The picture is the SVG of `svg`, carried in an
    ``<img>`` so that pages which filter inline SVG still show it.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({"who": [1, 1], "when": ["2026-01-01", "2026-01-02"], "what": ["ad", "buy"]})
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> "<table" in html(log, cx.Definition({"Consider": ["ad"], "Buy": ["buy"]}))
    True
    """
    picture = b64encode(svg(log, definition).encode()).decode()
    image = f'<img alt="{escape(_sentence(log, definition))}" src="data:image/svg+xml;base64,{picture}"/>'
    tables = (result._repr_html_() for result in (funnel(log, definition), figures(log, definition)))
    return f'<div class="cx-static">{image}{"".join(tables)}</div>'


def _sentence(log: EventLog, definition: Definition) -> str:
    table = funnel(log, definition).frame
    last = table.iloc[-1]
    return f"Funnel: {int(last['reach']):,} of {int(last['entrants']):,} customers reach {table.index[-1]}."
