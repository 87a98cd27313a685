"""What a click selects, and the customers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cx_widgets.errors import CXError
from cx_widgets.metrics import funnel, transitions

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog

KINDS = ("reached", "dropped", "visited", "moved")


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a chart that stands for customers.

    Parameters
    ----------
    kind
        ``"reached"`` (a funnel bar), ``"dropped"`` (reached the previous stage but not this one),
        ``"visited"`` (a node of the flow) or ``"moved"`` (a transition).
    stage
        The stage; for a transition the one left, possibly ``"(start)"``.
    to
        For a transition the stage entered, possibly ``"(end)"``.
    """

    kind: str
    stage: str
    to: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CXError(f"unknown kind of selection {self.kind!r}. Available: {list(KINDS)}.")
        if (self.kind == "moved") != (self.to is not None):
            raise CXError("a selection of kind 'moved' names two stages, every other kind names one.")

    def fits(self, definition: Definition) -> bool:
        """Tell whether the stages it names exist in the definition."""
        known = {*definition.names, "(start)", "(end)"}
        return self.stage in known and (self.to is None or self.to in known)

    def customers(self, log: EventLog, definition: Definition) -> pd.DataFrame:
        """Return the selected customers: one row each, with the stage reached and the times."""
        if self.kind in ("reached", "dropped"):
            return funnel(log, definition).customers(self.stage, state=self.kind)
        if self.kind == "visited":
            return transitions(log, definition).visitors(self.stage)
        if self.to is None:
            raise CXError("a selection of kind 'moved' names two stages.")
        return transitions(log, definition).customers(self.stage, self.to)
