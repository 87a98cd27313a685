"""What a click selects, and the customers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cx_widgets.errors import CXError
from cx_widgets.metrics import breakdown, explain_difference, funnel, reasons, transitions, trend

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics import Explanation

ON_ONE_STAGE = ("reached", "dropped", "visited", "flipped")
KINDS = (*ON_ONE_STAGE, "moved", "lost", "entered", "group")


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a chart that stands for customers.

    Parameters
    ----------
    kind
        ``"reached"`` (a funnel bar), ``"dropped"`` (reached the previous stage but not this one),
        ``"visited"`` (a node of the flow), ``"moved"`` (a transition), ``"lost"`` (a reason not to reach a
        stage), ``"entered"`` (a period of entry), ``"group"`` (a part of a breakdown) or ``"flipped"`` (a
        change of the definition that counts them in another way).
    stage
        The stage; for a transition the one left, possibly ``"(start)"``; for a period its kind, such as
        ``"W"``; for a group the column; for a change its key.
    to
        For a transition the stage entered, possibly ``"(end)"``; for a loss the reason; for a period its
        first day; for a group its name.
    """

    kind: str
    stage: str
    to: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CXError(f"unknown kind of selection {self.kind!r}. Available: {list(KINDS)}.")
        if (self.kind in ON_ONE_STAGE) != (self.to is None):
            raise CXError(
                f"a selection of kind {self.kind!r} names {'one thing' if self.to else 'two things'}."
            )

    def fits(self, definition: Definition) -> bool:
        """Tell whether the stages it names exist in the definition."""
        if self.kind in ("entered", "group", "flipped"):
            return True
        known = {*definition.names, "(start)", "(end)"}
        return self.stage in known and (self.kind != "moved" or self.to in known)

    def customers(
        self, log: EventLog, definition: Definition, baseline: Definition | None = None
    ) -> pd.DataFrame:
        """Return the selected customers: one row each, with the stage reached and the times."""
        match self.kind, self.to:
            case "flipped", None:
                found = _flipped(explain_difference(log, baseline or definition, definition), self.stage)
            case "visited", None:
                found = transitions(log, definition).visitors(self.stage)
            case "moved", str(to):
                found = transitions(log, definition).customers(self.stage, to)
            case "lost", str(reason):
                found = reasons(log, definition).customers(self.stage, reason)
            case "entered", str(day):
                found = trend(log, definition, period=self.stage).customers(day)
            case "group", str(group):
                found = breakdown(log, definition, self.stage).customers(group)
            case _:
                found = funnel(log, definition).customers(self.stage, state=self.kind)
        return found


def _flipped(result: Explanation, change: str) -> pd.DataFrame:
    """Return those who flip at a change; nobody where the definition has moved on and it is no change now."""
    return result.flips(change) if change in result.frame.index else result.customers.iloc[:0]
