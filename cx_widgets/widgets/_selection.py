"""What a click selects, and the customers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cx_widgets.errors import CXError
from cx_widgets.metrics.attitude import ALL_STAGES, attitude
from cx_widgets.metrics.bad_experience import bad_experience
from cx_widgets.metrics.breakdown import breakdown
from cx_widgets.metrics.channels import channels
from cx_widgets.metrics.churn import churn
from cx_widgets.metrics.credit_methods import credit_methods
from cx_widgets.metrics.experience_gap import experience_gap
from cx_widgets.metrics.explain import explain_difference
from cx_widgets.metrics.funnel import funnel
from cx_widgets.metrics.lifecycle import lifecycle
from cx_widgets.metrics.loyalists import loyalists
from cx_widgets.metrics.pain_points import pain_points
from cx_widgets.metrics.reasons import reasons
from cx_widgets.metrics.retention import retention
from cx_widgets.metrics.rfm import rfm
from cx_widgets.metrics.transitions import transitions
from cx_widgets.metrics.trend import trend

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics.explain import Explanation

ON_ONE_STAGE = ("reached", "dropped", "visited", "flipped")
KINDS = (
    *(*ON_ONE_STAGE, "moved", "lost", "entered", "group", "returned", "state"),
    *("answered", "credited", "segment", "rfm", "scored", "left"),
    *("churned", "met", "rated", "after"),
)
ANY = "any"
"""Stands for answers in whatever tone."""
PURCHASE = "(purchase)"
"""Stands for the stages with the role buy where a stage is asked for."""
NO_PURCHASE = "No stage has the role 'buy'. Choose another stage above, or give one that role on the board."


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a chart that stands for customers.

    Parameters
    ----------
    kind
        ``"reached"`` (a funnel bar), ``"dropped"`` (reached the previous stage but not this one),
        ``"visited"`` (a node of the flow), ``"moved"`` (a transition), ``"lost"`` (a reason not to reach a
        stage), ``"entered"`` (a period of entry), ``"group"`` (a part of a breakdown), ``"flipped"`` (a
        change of the definition that counts them in another way), ``"returned"`` (a cell of the retention
        matrix), ``"state"`` (a state of the lifecycle in a period), ``"answered"`` (answers in a stage),
        ``"credited"`` (a touchpoint before purchases), ``"segment"`` (of loyalists), ``"rfm"`` and
        ``"scored"`` (buyers in a segment, and with scores of recency and frequency), ``"left"`` (lost after
        a touchpoint), ``"churned"`` (a state at the end of observation), ``"met"`` (a kind of channel in a
        stage), ``"rated"`` (touchpoints in a stage) or ``"after"`` (an outcome after a bad experience or
        without one).
    stage
        The stage; for a transition the one left, possibly ``"(start)"``; for a period its kind, such as
        ``"W"``; for a group the column; for a change its key; for a touchpoint what it is, such as
        ``"stage"``.
    to
        For a transition the stage entered, possibly ``"(end)"``; for a loss the reason; for a period its
        first day; for a group its name; for a cell its cohort and its period; for a state its period and its
        name; for answers their tone or ``"any"``; for a touchpoint and a segment its name; for scores both;
        for ratings ``"all"`` or ``"digital"``; for an outcome its name and the group.
    asked
        Further arguments of the function behind the chart, by name.
    """

    kind: str
    stage: str
    to: str | None = None
    asked: tuple[tuple[str, object], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CXError(f"unknown kind of selection {self.kind!r}. Available: {list(KINDS)}.")
        if (self.kind in ON_ONE_STAGE) != (self.to is None):
            raise CXError(
                f"a selection of kind {self.kind!r} names {'one thing' if self.to else 'two things'}."
            )

    def fits(self, definition: Definition) -> bool:
        """Tell whether the stages it names exist in the definition."""
        if self.kind in ("entered", "group", "flipped", "credited"):
            return True
        if self.kind in ("answered", "met", "rated") and self.stage == ALL_STAGES:
            return True
        if (
            self.kind in ("returned", "state", "segment", "rfm", "scored", "churned")
            and self.stage == PURCHASE
        ):
            return self.kind == "churned" or bool(definition.stages_with_role("buy"))
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
            case "returned" | "state" | "answered" | "credited" | "segment", str(to):
                found = self._of_loyalty(log, definition, to)
            case "rfm" | "scored" | "left", str(to):
                found = self._of_buying(log, definition, to)
            case "churned" | "met" | "rated" | "after", str(to):
                found = self._of_experience(log, definition, to)
            case _:
                found = funnel(log, definition).customers(self.stage, state=self.kind)
        return found

    def _of_loyalty(self, log: EventLog, definition: Definition, to: str) -> pd.DataFrame:
        if self.kind == "segment":
            asked: dict[str, Any] = dict(self.asked)
            return loyalists(log, definition, **asked).customers(to)
        ways = {"answered": self._answered, "credited": self._credited}
        return ways.get(self.kind, self._in_a_period)(log, definition, to)

    def _of_buying(self, log: EventLog, definition: Definition, to: str) -> pd.DataFrame:
        asked: dict[str, Any] = dict(self.asked)
        if self.kind == "left":
            return pain_points(log, definition, **asked).customers(to, self.stage)
        found = rfm(log, definition, **asked)
        if self.kind == "rfm":
            return found.customers(to)
        recency, _, frequency = to.partition(" ")
        return found.customers(recency=int(recency), frequency=int(frequency))

    def _of_experience(self, log: EventLog, definition: Definition, to: str) -> pd.DataFrame:
        asked: dict[str, Any] = dict(self.asked)
        if self.kind == "churned":
            return churn(log, definition, **asked).customers(to)
        if self.kind == "met":
            kinds = dict(asked["kinds"])
            return channels(log, definition, asked["column"], kinds=kinds).customers(self.stage, to)
        if self.kind == "rated":
            return experience_gap(log, definition, **asked).customers(self.stage, to)
        outcome, _, group = to.partition(" ")
        found = bad_experience(log, definition, **asked)
        return found.customers(self.stage, outcome, bad=group == "bad", happened=True)

    def _in_a_period(self, log: EventLog, definition: Definition, place: str) -> pd.DataFrame:
        day, _, which = place.partition(" ")
        stage = None if self.stage == PURCHASE else self.stage
        asked: dict[str, Any] = dict(self.asked)
        if self.kind == "state":
            return lifecycle(log, definition, active=stage, **asked).customers(day, which)
        return retention(log, definition, start=stage, **asked).customers(day, int(which))

    def _answered(self, log: EventLog, definition: Definition, tone: str) -> pd.DataFrame:
        asked: dict[str, Any] = dict(self.asked)
        stage = None if self.stage == ALL_STAGES else self.stage
        return attitude(log, definition, **asked).customers(stage, None if tone == ANY else tone)

    def _credited(self, log: EventLog, definition: Definition, touchpoint: str) -> pd.DataFrame:
        asked: dict[str, Any] = dict(self.asked)
        purchases = asked.pop("purchases")
        return credit_methods(log, definition, by=self.stage, **asked).customers(touchpoint, purchases)


def _flipped(result: Explanation, change: str) -> pd.DataFrame:
    """Return those who flip at a change; nobody where the definition has moved on and it is no change now."""
    return result.flips(change) if change in result.frame.index else result.customers.iloc[:0]
