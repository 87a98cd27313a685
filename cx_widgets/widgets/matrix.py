"""Transitions as a heat map: from which stage to which, as a share of all exits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import ipywidgets as w
import numpy as np

from cx_widgets import _numbers
from cx_widgets.metrics.transitions import transitions
from cx_widgets.widgets import _wire
from cx_widgets.widgets._base import Face
from cx_widgets.widgets._caption import Caption
from cx_widgets.widgets._selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.widgets._wire import JSON

_NAME_LENGTH = 16
_PALEST_TOP = 0.2  # the darkest cell stands for at least this share
_TOP_STEP = 0.1
_CHARACTERS = 70  # over all columns together
_WRITTEN_UP_TO = 9  # stages; beyond that the cells are too narrow for numbers
_COLUMNS = ("From", "To", "Transitions", "Of all exits", "95% interval", "Customers", "Median time to it")
_JOINT = " → "


class TransitionMatrix(Face, w.VBox):
    """The transition matrix of a definition; a click on a cell selects the customers who went that way.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages: a `Definition`, a preset, or a mapping of stage names to events.
    baseline
        The definition to compare with; the one given at the start by default.
    """

    previews: ClassVar[bool] = True
    rehearses: ClassVar[bool] = True

    def __init__(self, log: EventLog, definition: object, baseline: object = None) -> None:
        self._caption = Caption()
        self._cells: list[tuple[str, str]] = []
        super().__init__(children=[self._caption])
        self._start(log, definition, baseline)
        self._caption.observe(self._on_row, names="_selected")

    def _to_count(self, definition: Definition) -> Iterable[Callable[[], object]]:
        """Give the transitions as a call."""
        return (partial(transitions, self.event_log, definition),)

    def _draw(self) -> None:
        if self._good is None:
            self._caption.tell("Transitions", description="No figures yet.", note=self.problems[0].message)
            return
        now = transitions(self._counted, self._good)
        moves = _wire.lines(self._estimated_cells(now.columns(), ("count", "customers")))
        self._caption.tell(
            "Transitions",
            description="Share of all exits of the stage on the left that lead to the stage above.",
            columns=_COLUMNS,
            rows=[
                (
                    f"{row['from']}{_JOINT}{row['to']}",
                    [
                        str(row["from"]),
                        str(row["to"]),
                        _numbers.count(row["count"]),
                        _numbers.percent(float(row["share"])),
                        _numbers.span(float(row["lower"]), float(row["upper"])),
                        _numbers.count(row["customers"]),
                        _numbers.seconds(float(row["dwell_median"])),
                    ],
                )
                for row in moves
            ],
            note="Figures of the last good definition." if self._stale else "",
            preview=self._part_counted,
            grid=_grid(list(self._good.names), now.counts.astype(float)),
        )
        self._cells = [(str(row["from"]), str(row["to"])) for row in moves]
        self._mark_selected()

    def _mark_selected(self) -> None:
        chosen = self.selected
        key = f"{chosen.stage}{_JOINT}{chosen.to}" if chosen is not None and chosen.kind == "moved" else None
        self._caption.mark(key)

    def _on_row(self, change: Mapping[str, str | None]) -> None:
        key = change["new"]
        if key is not None:
            here = next((pair for pair in self._cells if _JOINT.join(pair) == key), None)
            if here is not None:
                self.selected = Selection("moved", *here)
        elif self.selected is not None and self.selected.kind == "moved":
            self.selected = None

    def _show_error(self, sentence: str) -> None:
        self._caption.tell("Transitions", note=sentence)


def _grid(names: list[str], counts: NDArray[np.float64]) -> dict[str, JSON]:
    """Return the heat map of the shares of all exits; nothing is written where nobody went."""
    exits = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, exits, out=np.zeros_like(counts), where=exits > 0)
    top = max(float(shares.max(initial=0.0)), _PALEST_TOP)
    darkest = float(np.ceil(round(top / _TOP_STEP, 9)) * _TOP_STEP)
    rows, columns = _heads(names)
    written = len(names) <= _WRITTEN_UP_TO
    return {
        "rows": list(rows),
        "columns": list(columns),
        "shades": (shares / darkest).round(4).tolist(),
        "texts": [
            [f"{share:.0%}" if written and count else "" for share, count in zip(*line, strict=True)]
            for line in zip(shares.tolist(), counts.tolist(), strict=True)
        ],
        "keys": [
            [
                f"{origin}{_JOINT}{target}" if count else None
                for target, count in zip([*names, "(end)"], line, strict=True)
            ]
            for origin, line in zip(["(start)", *names], counts.tolist(), strict=True)
        ],
    }


def _heads(names: list[str]) -> tuple[list[str], list[str]]:
    """Return what stands at the rows and over the columns; many columns carry the numbers of their stages."""
    if len(names) <= _WRITTEN_UP_TO:
        columns = [*names, "(end)"]
        return _distinct(["(start)", *names], _NAME_LENGTH), _distinct(columns, _CHARACTERS // len(columns))
    numbers = [str(number) for number in range(1, len(names) + 1)]
    rows = [f"{number} {name}" for number, name in zip(numbers, names, strict=True)]
    return _distinct(["(start)", *rows], _NAME_LENGTH), [*numbers, "end"]


def _distinct(names: list[str], limit: int) -> list[str]:
    """Return names cut for the axis and still distinct: two names alike at the front keep a number."""
    cut = [_numbers.shortened(name, min(limit, _NAME_LENGTH)) for name in names]
    return [f"{name} {i}" if cut.count(name) > 1 else name for i, name in enumerate(cut, start=1)]
