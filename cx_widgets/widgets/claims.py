"""What is often claimed of journeys, beside what this log says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anywidget
import ipywidgets as w
import traitlets as t

from cx_widgets import _numbers
from cx_widgets.metrics._figure import interval_text, number_text
from cx_widgets.metrics.claims import CONTRADICTS, NOT_MEASURABLE, SUPPORTS, UNDECIDED, VERDICTS, claims
from cx_widgets.widgets import _wire
from cx_widgets.widgets._base import STATIC, choices
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._columns import guess, offered
from cx_widgets.widgets._panel import Panel

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.widgets._wire import JSON

_TITLE = "Often claimed, and what this log says"
_COLUMNS = ("Claim", "This log", "95% interval", "n", "Verdict", "Rule, or what is missing", "How")
_SAID = {
    SUPPORTS: "supports",
    CONTRADICTS: "contradicts",
    UNDECIDED: "leaves undecided",
    NOT_MEASURABLE: "cannot measure",
}
_NUMBERS = ("value", "lower", "upper", "low", "high")


class ClaimsTable(anywidget.AnyWidget):
    """Claims as a table, each with a small picture of its interval."""

    _esm = STATIC / "claims.js"
    _css = STATIC / "claims.css"

    _view = t.Dict().tag(sync=True)

    def tell(self, frame: pd.DataFrame | None) -> None:
        """Show the frame of `claims`; None hides the table."""
        lines = [] if frame is None else [_claim(str(key), line) for key, line in frame.iterrows()]
        self._view = {"revision": _wire.revision_of(self._view) + 1, "name": _TITLE, "claims": lines}


class ClaimsView(Panel, w.VBox):
    """Seven things often claimed of journeys, each with this log's estimate, its interval and the verdict.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        Kept beside, so that all views link alike; the table twin gives its verdicts where they differ.
    """

    TITLE = _TITLE

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._drawn = Caption(), ClaimsTable()
        columns = offered(log)
        self._brand = Chooser("Brands in", columns, guess(log, "brand"), kind="list")
        self._channel = Chooser("Channels in", columns, guess(log, "channel"), kind="list")
        self._choosers = (self._brand, self._channel)
        self._asks = choices(*self._choosers)
        parts = [self._caption, self._drawn]
        super().__init__(children=[self._asks, *parts] if columns[1:] else parts)
        self._start(log, definition, baseline)
        for chooser in self._choosers:
            chooser.observe(self._refresh, names="_value")

    def _show(self, good: Definition) -> None:
        found = self._found(good)
        before = found if self._compared is None else self._found(self._compared)
        self._drawn.tell(found)
        counts = found["verdict"].value_counts()
        notes = [
            f"{claim} Under the baseline: {was}."
            for claim, now, was in zip(found["claim"], found["verdict"], before["verdict"], strict=True)
            if now != was
        ]
        self._caption.tell(
            self.TITLE,
            description=f"The claim holds in the tinted part of the line. Of {len(found)} claims this log "
            + ", ".join(f"{_SAID[verdict]} {counts[verdict]}" for verdict in VERDICTS if verdict in counts)
            + ".",
            legend=[("95% interval of this log", "interval")],
            columns=_COLUMNS,
            rows=[(None, _cells(line)) for _, line in found.iterrows()],
            note=self._notes(*notes),
        )

    def _found(self, definition: Definition) -> pd.DataFrame:
        brand, channel = self._brand.value or None, self._channel.value or None
        frame = claims(self.event_log, definition, brand=brand, channel=channel).frame
        step = "choose it above" if offered(self.event_log)[1:] else "keep one in the DataFrame"
        return frame.assign(note=frame["note"].str.replace("say brand=", step, regex=False))

    def _empty(self, why: str, what: str = "No figures yet.") -> None:
        self._drawn.tell(None)
        super()._empty(why, what)


def _texts(line: pd.Series) -> tuple[str, str]:
    unit = str(line["unit"])
    return number_text(line["value"], unit), interval_text(line["lower"], line["upper"], unit)


def _claim(key: str, line: pd.Series) -> JSON:
    value, interval = _texts(line)
    return {
        "key": key,
        "text": str(line["claim"]),
        "estimate": str(line["estimate"]),
        "value": value,
        "interval": "" if interval == _numbers.UNDEFINED else interval,
        "n": _numbers.count(line["n"]),
        "verdict": str(line["verdict"]),
        "why": str(line["note"]) or str(line["rule"]),
        "unit": str(line["unit"]),
        "numbers": {name: _wire.plain(line[name]) for name in _NUMBERS},
    }


def _cells(line: pd.Series) -> list[str]:
    return [
        str(line["claim"]),
        *_texts(line),
        _numbers.count(line["n"]),
        str(line["verdict"]),
        str(line["note"]) or str(line["rule"]),
        str(line["method"]),
    ]
