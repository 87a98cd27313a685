"""The workbench: the stage board with every chart beside it, linked on one definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w
import traitlets as t

from cx_widgets import export
from cx_widgets.widgets._base import Face, side_by_side
from cx_widgets.widgets.board import PREVIEW_ABOVE, StageBoard
from cx_widgets.widgets.closer import CloserLook
from cx_widgets.widgets.flow import FlowView
from cx_widgets.widgets.funnel import FunnelView
from cx_widgets.widgets.loyalty import LoyaltyPanel
from cx_widgets.widgets.matrix import TransitionMatrix

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.log import EventLog


class Workbench(Face, w.VBox):
    """Edit the stages by hand and see conversion, flow and loyalty answer.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages to start with: a `Definition`, a preset such as ``cx.presets.aida(log)``, or a mapping
        of stage names to event names.
    baseline
        The definition everything is compared with; the one given at the start by default.
    preview_above
        Beyond so many events, an edit shows the figures of one in 16 customers first, marked as a preview,
        and the exact ones as soon as they are counted.

    Attributes
    ----------
    definition, baseline
        The definitions on the board, live; assign to change them.
    event_log
        The events counted; assign the longer log when new events have come. Definition, baseline and what
        can be undone stay.
    changes
        Every figure: baseline, now, difference, interval.
    selection
        The customers behind the bar, link or loss that was clicked.
    problems
        Why the definition on the board cannot be counted, if it cannot.
    """

    def __init__(
        self,
        log: EventLog,
        definition: object,
        baseline: object = None,
        *,
        preview_above: int = PREVIEW_ABOVE,
    ) -> None:
        self.board = StageBoard(log, definition, baseline, preview_above=preview_above)
        views = (FunnelView, FlowView, TransitionMatrix, LoyaltyPanel)
        self.funnel, self.flow, self.matrix, self.loyalty = (
            view(log, self.board.definition, self.board.baseline) for view in views
        )
        beside = w.GridBox([self.funnel, self.matrix], layout=w.Layout(**side_by_side()))
        self.closer = CloserLook(log, self.board.definition, self.board.baseline)
        charts = w.VBox([beside, self.flow, self.loyalty, self.closer], layout=w.Layout(grid_gap="20px"))
        super().__init__(children=[self.board, charts], layout=w.Layout(grid_gap="16px"))
        self.add_class("cx-workbench")
        self._start(log, self.board.definition, self.board.baseline)
        for view in (self.board, self.funnel, self.flow, self.matrix, self.loyalty, self.closer):
            for name in ("definition", "baseline", "selected", "event_log"):
                t.link((self, name), (view, name))
        self.board.beside = (self.funnel, self.flow, self.matrix, self.loyalty, self.closer)
        for view in self.board.beside:
            view.pace = self.board.pace
            self.board.together.follow(view)

    def undo(self) -> None:
        """Go one edit back; nothing happens where there is none."""
        self.board.undo()

    def redo(self) -> None:
        """Take one undone edit again; nothing happens where there is none."""
        self.board.redo()

    @property
    def changes(self) -> pd.DataFrame:
        """Every figure: baseline, now, their difference and its interval."""
        return self.board.changes

    def _draw(self) -> None:
        """Leave the drawing to the parts."""

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        """Return the widget, with a table and a picture for places that run no widgets."""
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        if self._good is not None:
            bundle["text/html"] = export.html(self.event_log, self._good)
            bundle["image/svg+xml"] = export.svg(self.event_log, self._good)
        return bundle
