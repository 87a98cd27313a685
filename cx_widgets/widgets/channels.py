"""Whose the touchpoints of each stage are: owned, earned, paid or a partner's; and every channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w

from cx_widgets import _numbers
from cx_widgets.metrics._channel_names import KINDS
from cx_widgets.metrics.channels import LINES, OF, UNKNOWN, Channels, channels
from cx_widgets.widgets import _theme, _wire
from cx_widgets.widgets._bars import NamedBars
from cx_widgets.widgets._base import choices, halves
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._chooser import Chooser
from cx_widgets.widgets._clickable import Clickable
from cx_widgets.widgets._columns import NONE, guess, offered
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

_COUNTS = (("touchpoints", "touchpoints"), ("customers", "customers"))
_COLOURS = (1, 3, 2, 4, 7)
"""The numbers of the colours of `LINES`; grey is unknown."""
_NAMES = "Every channel"
_COLUMNS = ("Stage", "Kind", "Touchpoints", "Share", "95% interval", "Met by", "Of customers", "95% interval")
_MOST_BARS = 15
NO_COLUMN = (
    "Choose the column of channels above, with names such as website, TV or e-mail on each event; "
    "a log without such a column cannot tell."
)
NO_WORDS = "The log has no column of words. Keep one with the channel of each event in the DataFrame."


class ChannelsView(Clickable, w.VBox):
    """What share of a stage's touchpoints is owned, earned, paid or a partner's; a click selects who met it.

    A channel's kind is told by its name. Names that mean several things are unknown until it is said.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        Kept beside, so that all views link alike; the table gives the shares under the definition alone.
    """

    TITLE, KIND = "Whose touchpoints", "met"
    previews = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption, self._names_caption = Caption(), Caption()
        columns = offered(log)
        self._column = Chooser("Channels in", columns, guess(log, "channel"), kind="list")
        self._of = Chooser("Share of", _COUNTS, OF[0], kind="segments")
        self._channel = Chooser("Channel", [], "", kind="list")
        self._kind = Chooser("is", [(kind, kind) for kind in KINDS], "", kind="segments")
        self._told: dict[str, str] = {}
        self._settling = False
        self._stages: list[str] = []
        colours = [_theme.stage_colour(number - 1) for number in _COLOURS]
        self._bars = NamedBars(colours, stacked=True)
        self._customers = NamedBars(colours, row_px=12, bar_px=9)
        self._counts = NamedBars([_theme.NOW])
        self._charts = (self._bars, self._customers, self._counts)
        charts = halves(
            (self._caption, self._bars, self._customers),
            (self._names_caption, choices(self._channel, self._kind), self._counts),
        )
        self._beside, self._asks = charts.children[1:], choices(self._column, self._of)
        super().__init__(children=[self._asks, charts] if columns[1:] else [charts])
        self._start(log, definition, baseline)
        self._column.observe(self._on_column, names="_value")
        self._of.observe(self._refresh, names="_value")
        self._channel.observe(self._on_channel, names="_value")
        self._kind.observe(self._on_kind, names="_value")
        for bars in (self._bars, self._customers):
            bars.on_bar(lambda row, kind: self._click(f"{LINES[kind]}:{self._stages[row]}"))
        self._heed(self._caption)

    def _found(self, definition: Definition) -> Channels:
        return channels(self._counted, definition, self._column.value, kinds=self._told)

    def _show(self, good: Definition) -> None:
        if self._column.value == NONE:
            self._empty(NO_COLUMN if offered(self.event_log)[1:] else NO_WORDS)
            return
        now = self._found(good)
        frame = self._estimated(now.frame, ("numerator", "denominator"))
        touched, met = (_wire.part(frame, "of", of) for of in OF)
        if not touched["denominator"].any():
            self._empty(
                f"No event in a stage has a value in {self._column.value}. Choose another column above."
            )
            return
        self._reveal()
        self._stages = list(dict.fromkeys(str(stage) for stage in touched.index.get_level_values("stage")))
        self._draw_shares(touched, met)
        self._tell(now, touched, met)
        self._draw_names(now)
        self._mark_selected()

    def _draw_shares(self, touched: pd.DataFrame, met: pd.DataFrame) -> None:
        def table(frame: pd.DataFrame, name: str) -> np.ndarray:
            values: np.ndarray = frame[name].to_numpy(float).reshape(len(self._stages), len(LINES)).T
            return values

        if self._of.value == OF[0]:
            self._customers.hide()
            n = table(touched, "denominator")[0]
            texts = [f"n {_numbers.count(each)}" if each else "no touchpoint" for each in n]
            self._bars.draw(self._stages, table(touched, "value"), [texts])
            return
        self._bars.hide()
        shares = table(met, "value")
        self._customers.draw(
            self._stages, shares, [[f"{share:.0%}" if share > 0 else "" for share in line] for line in shares]
        )

    def _tell(self, now: Channels, touched: pd.DataFrame, met: pd.DataFrame) -> None:
        unknown = list(now.names.index[now.names["kind"] == UNKNOWN])
        notes = [
            f"{self._scaled(now.without_channel):,.0f} events in stages have no {now.column}."
            if now.without_channel
            else "",
            f"Of unknown kind are names that mean several things: say below '{_NAMES}' what they are."
            if unknown
            else "",
        ]
        said = (
            "Of all touchpoints of a stage."
            if self._of.value == OF[0]
            else "Of the customers with any touchpoint in a stage; who meets several kinds counts for each."
        )
        there = [kind for kind in LINES if _wire.part(touched, "kind", kind)["numerator"].any()]
        self._caption.tell(
            self.TITLE,
            description=f"{said} Told by the names in {now.column}.",
            legend=[(kind, f"stage-{_COLOURS[LINES.index(kind)]}") for kind in there],
            columns=_COLUMNS,
            rows=[
                (f"{kind}:{stage}", _cells(stage, kind, line, by))
                for (stage, kind), (_, line), (_, by) in zip(
                    touched.index.tolist(), touched.iterrows(), met.iterrows(), strict=True
                )
                if line["numerator"]
            ],
            note=self._notes(*notes),
            preview=self._part_counted,
        )

    def _draw_names(self, now: Channels) -> None:
        names = self._estimated(now.names, ("touchpoints",))
        names = names.sort_values("touchpoints", ascending=False, kind="stable")
        self._channel.offer([(str(name), str(name)) for name in names.index])
        self._settling = True
        if self._channel.value not in names.index:
            unknown = names.index[names["kind"] == UNKNOWN]
            self._channel.value = str((unknown if len(unknown) else names.index)[0])
        self._kind.value = str(names.loc[self._channel.value, "kind"])
        self._settling = False
        shown = names.iloc[:_MOST_BARS]
        self._counts.draw(
            [str(name) for name in shown.index],
            shown["touchpoints"].to_numpy(float)[None],
            [[f"{_numbers.count(line['touchpoints'])} · {line['kind']}" for _, line in shown.iterrows()]],
        )
        more = len(names) - len(shown)
        self._names_caption.tell(
            _NAMES,
            description="Touchpoints in any stage, and whose the channel is. Say so where it is not known.",
            columns=("Channel", "Kind", "Touchpoints"),
            rows=[
                (None, [str(name), str(line["kind"]), _numbers.count(line["touchpoints"])])
                for name, line in names.iterrows()
            ],
            note=f"{more:,} more are in the table." if more else "",
            preview=self._part_counted,
        )

    def _selection_of(self, key: str) -> Selection:
        kind, _, stage = key.partition(":")
        asked = (("column", self._column.value), ("kinds", tuple(sorted(self._told.items()))))
        return Selection(self.KIND, stage, kind, asked)

    def _key_of(self, chosen: Selection) -> str:
        return f"{chosen.to}:{chosen.stage}"

    def _on_column(self, change: object) -> None:
        self._told = {}
        self._let_go()
        self._refresh(change)

    def _on_channel(self, change: object) -> None:
        if not self._settling:
            self._refresh(change)

    def _on_kind(self, change: Mapping[str, object]) -> None:
        if self._settling or self._kind.value not in KINDS or not self._channel.value:
            return
        self._told = {**self._told, self._channel.value: self._kind.value}
        self._let_go()
        self._refresh(change)


def _cells(stage: str, kind: str, line: pd.Series, by: pd.Series) -> list[str]:
    return [
        stage,
        kind,
        _numbers.count(line["numerator"]),
        _numbers.percent(float(line["value"])),
        _numbers.span(float(line["lower"]), float(line["upper"])),
        _numbers.count(by["numerator"]),
        _numbers.percent(float(by["value"])),
        _numbers.span(float(by["lower"]), float(by["upper"])),
    ]
