"""Figures for places that run no widgets: one table and one picture, as plain text."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from cx_widgets.metrics import figures, funnel

if TYPE_CHECKING:
    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_WIDTH, _ROW, _LEFT, _BAR = 720, 34, 190, 330
_NAME = 26
_COLOURS = ("#4477AA", "#EE6677", "#228833", "#B8860B", "#66CCEE", "#AA3377", "#7F7F7F", "#EE8866")


def svg(log: EventLog, definition: Definition) -> str:
    """Return the funnel as an SVG picture of bars, each with its customers and share.

    Names are escaped and cut to fit; the whole name stands in the bar's title. A stage that nobody
    reached has no bar and says 0.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({"who": [1, 1], "when": pd.to_datetime(["2026-01-01", "2026-01-02"]), "what": ["ad", "buy"]})
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> svg(log, cx.Definition({"Consider": ["ad"], "Buy": ["buy"]})).startswith("<svg")
    True
    """
    table = funnel(log, definition).frame
    height = _ROW * len(table) + 16
    widest = max(int(table["reach"].max()), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{escape(f'Funnel: {len(table)} stages')}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for place, (name, row) in enumerate(table.iterrows()):
        top = 8 + place * _ROW
        reach, share = int(row["reach"]), float(row["conversion"])
        said = f"{reach:,}" + (f" ({share:.1%})" if share == share else "")  # noqa: PLR0124 - NaN is not itself
        bar = round(_BAR * reach / widest, 1)
        short = str(name) if len(str(name)) <= _NAME else str(name)[: _NAME - 1] + "…"
        parts += [
            f"<g><title>{escape(str(name))}: {escape(said)}</title>",
            f'<text x="{_LEFT - 10}" y="{top + 18}" text-anchor="end" fill="#222222">{escape(short)}</text>',
            f'<rect x="{_LEFT}" y="{top + 3}" width="{bar}" height="{_ROW - 12}" rx="3" '
            f'fill="{_COLOURS[place % len(_COLOURS)]}"/>',
            f'<text x="{_LEFT + bar + 8}" y="{top + 18}" fill="#222222">{escape(said)}</text></g>',
        ]
    return "".join([*parts, "</svg>"])


def html(log: EventLog, definition: Definition) -> str:
    """Return the figures and the funnel as an HTML fragment: a picture and two tables, no script.

    Everything that comes from the data is escaped. The picture is the SVG of `svg`, carried in an
    ``<img>`` so that pages which filter inline SVG still show it.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({"who": [1, 1], "when": pd.to_datetime(["2026-01-01", "2026-01-02"]), "what": ["ad", "buy"]})
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> "<table" in html(log, cx.Definition({"Consider": ["ad"], "Buy": ["buy"]}))
    True
    """
    picture = b64encode(svg(log, definition).encode()).decode()
    result = funnel(log, definition)
    return (
        '<div class="cx-static">'
        f'<img alt="{escape(_sentence(log, definition), quote=True)}" src="data:image/svg+xml;base64,{picture}"/>'
        f"{result._repr_html_()}{figures(log, definition)._repr_html_()}</div>"  # noqa: SLF001 - IPython's protocol
    )


def _sentence(log: EventLog, definition: Definition) -> str:
    table = funnel(log, definition).frame
    last = table.iloc[-1]
    return f"Funnel: {int(last['reach']):,} of {int(last['entrants']):,} customers reach {table.index[-1]}."
