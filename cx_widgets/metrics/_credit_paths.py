"""The paths that credit divides: who touched what on the way to which purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cx_widgets import touchpoints
from cx_widgets.binding import stages_of_rows
from cx_widgets.definition import Stage
from cx_widgets.engine import Journeys, coded_rows, journeys, journeys_of, stage_numbers
from cx_widgets.errors import unknown
from cx_widgets.metrics import _activity, _columns, _result
from cx_widgets.metrics._arguments import PURCHASES, one_of
from cx_widgets.metrics._customers import by_customer, customer_table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]

NONE = "(no touchpoint)"
STAGE, EVENT = "stage", "event"


class Sought(NamedTuple):
    """Which paths: what a touchpoint is, the goal, to which purchases, and how touches are counted."""

    by: str
    goal: _activity.What
    purchases: str
    repeats: str


def sought_of(
    log: EventLog, definition: Definition, by: str, goal: object, *, purchases: str, repeats: str
) -> Sought:
    """Return which paths are asked for, or refuse it."""
    if by not in (STAGE, EVENT):
        _columns.known_column(log, by)
    return Sought(
        by=by,
        goal=_activity.known(log, definition, goal, "goal"),
        purchases=one_of("purchases", purchases, PURCHASES),
        repeats=_result.check_repeats(repeats),
    )


class Shares(NamedTuple):
    """All paths to purchases, the names of what they touch, and which of these have a line."""

    journeys: Journeys
    names: list[str]
    lines: Longs

    @property
    def labels(self) -> list[str]:
        """The touchpoints that have a line, as a table writes them."""
        found = [self.names[number] for number in self.lines.tolist()]
        return [repr(name) if name == NONE else name for name in found]


def touched(log: EventLog, definition: Definition, sought: Sought) -> Shares:
    """Return the paths to the purchases asked for, and the touchpoints that have a line."""
    every, names = _journeys(log, definition, sought)
    found = chosen(every, sought.purchases)
    goal_stages = _goal_stages(definition, sought.goal)
    if sought.by == STAGE:
        lines = np.array([at for at in range(len(names)) if at + 1 not in goal_stages], dtype=np.int64)
    else:
        lines = np.flatnonzero(np.bincount(found.touch, minlength=len(names)))
    return Shares(found, names, lines)


def _goal_stages(definition: Definition, goal: _activity.What) -> tuple[int, ...]:
    if goal is None:
        return stage_numbers(definition, "buy")
    if isinstance(goal, str) and goal in definition.names:
        return (definition.names.index(goal) + 1,)
    return ()


def _own_stage(goal: _activity.What) -> Stage:
    """Return a goal that is no stage of the definition as one."""
    return goal if isinstance(goal, Stage) else Stage("(event)", [str(goal)], role=None)


def _touched(log: EventLog, definition: Definition, by: str) -> tuple[Ints | None, list[str]]:
    """Return what each packed row touches, None for its stage, and the names of all there is to touch."""
    if by == STAGE:
        return None, list(definition.names)
    if by != EVENT:
        return _columns.texts(log, by)
    names = list(log.event_names)
    narrow = np.min_scalar_type(-max(len(names), 1))
    return log.memo(("credit", "events"), lambda: log.packed.codes.astype(narrow)), names


def _journeys(log: EventLog, definition: Definition, sought: Sought) -> tuple[Journeys, list[str]]:
    touch, names = _touched(log, definition, sought.by)
    merged = sought.repeats == _result.MERGED
    by = None if touch is None else (sought.by, touch)
    goal = _goal_stages(definition, sought.goal) or _own_stage(sought.goal)
    found = journeys(log, definition, goal, by, merged=merged)
    if found is None:
        found = _by_rows(log, definition, _own_stage(sought.goal), touch, merged=merged)
    return found, names


def _by_rows(
    log: EventLog, definition: Definition, goal: Stage, touch: Ints | None, *, merged: bool
) -> Journeys:
    """Return the paths to a goal that is no stage, where conditions or the order of the frame choose rows."""
    rows = coded_rows(log, definition, by_row=definition.rules.ties == "row")
    wanted: Bools = stages_of_rows([goal], log)[0]
    outside = wanted.copy()
    outside[rows.row] = False
    extra = np.flatnonzero(outside)
    # Rows of the goal in no stage stand behind the stages of their moment.
    customer = np.append(rows.customer, log.packed.customers[extra])
    tick = np.append(rows.tick, log.packed.ticks[extra])
    order = np.lexsort((tick, customer))
    row = np.append(rows.row, extra)[order]
    stage = np.append(rows.stage, np.zeros(len(extra), dtype=np.uint8))[order]
    values = log.values  # noqa: PD011 - the role's numbers, an array already
    return journeys_of(
        customer[order],
        tick[order],
        stage.astype(np.int32) - 1 if touch is None else np.where(stage > 0, touch[row], -1),
        wanted[row],
        None if values is None else np.nan_to_num(values[row]),
        merged=merged,
    )


def chosen(found: Journeys, purchases: str) -> Journeys:
    """Return the paths to first purchases and of those who have none, or to repeated ones."""
    if purchases == "all":
        return found
    wanted = found.later == (purchases == "repeat")
    inside = wanted[touchpoints.path_of_touches(found.begins, len(found.touch))]
    taken = np.diff(np.append(found.begins, len(found.touch)))[wanted]
    bought = found.repeat == (purchases == "repeat")
    number = np.append(np.cumsum(bought) - 1, -1)
    return Journeys(
        touch=found.touch[inside],
        tick=found.tick[inside],
        begins=np.cumsum(taken) - taken,
        purchase=number[found.purchase[wanted]],
        later=found.later[wanted],
        repeat=found.repeat[bought],
        value=found.value[bought],
    )


def customers_at(log: EventLog, definition: Definition, sought: Sought, touchpoint: str) -> pd.DataFrame:
    """Return the customers with a purchase that had a touchpoint, named as in a table, before it."""
    shares = touched(log, definition, sought._replace(purchases="all"))
    labels = shares.labels
    if touchpoint != NONE and touchpoint not in labels:
        raise unknown("touchpoint", touchpoint, [*labels, NONE])
    found = shares.journeys
    path = np.repeat(np.arange(len(found.begins)), np.diff(np.append(found.begins, len(found.touch))))
    behind = path if touchpoint == NONE else path[found.touch == shares.lines[labels.index(touchpoint)]]
    purchase = found.purchase[behind]
    there = np.zeros(len(found.repeat), dtype=bool)
    there[purchase[purchase >= 0]] = True
    mine = there != (touchpoint == NONE)
    if sought.purchases != "all":
        mine &= found.repeat == (sought.purchases == "repeat")
    # Purchases stand by customer: a first one is where the next buyer begins.
    buyer = np.cumsum(~found.repeat) - 1
    who = _buyers(log, definition, sought)[np.unique(buyer[mine])]
    return customer_table(log, by_customer(definition), who)


def _buyers(log: EventLog, definition: Definition, sought: Sought) -> Longs:
    """Return the customers with a purchase, in their order."""
    buying = _goal_stages(definition, sought.goal)
    if not buying:
        mine = stages_of_rows([_own_stage(sought.goal)], log)[0]
        return np.unique(log.packed.customers[mine]).astype(np.int64)
    rows = coded_rows(log, definition)
    return np.unique(rows.customer[np.isin(rows.stage, buying)]).astype(np.int64)
