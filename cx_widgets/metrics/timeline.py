"""The timeline: one customer's events, which of them counted, and how the journey ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets.engine import (
    attempt_rows,
    calendar_ends,
    coded_rows,
    funnel_paths,
    is_special,
    matched,
    outcomes,
    rows_of_unit,
    units_of_rows,
)
from cx_widgets.errors import CXError, listing, nearest, unknown
from cx_widgets.metrics import _attempts, _result
from cx_widgets.metrics._customers import ids
from cx_widgets.metrics._entries import entries, starts
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.reasons import REASONS, endings
from cx_widgets.windows import format_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import FunnelPaths
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]

ROLES = (
    "entry",
    "step",
    "conversion",
    "before entry",
    "too early",
    "too late",
    "excluded",
    "lay between",
    "in vain",
    "after conversion",
    "another attempt",
    "not needed",
    "in no stage",
)
OUTCOMES = ("converted", *REASONS, "not entered", "removed")

_SEARCHED = 2000
_NEIGHBOURS = 25


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Timeline(Result):
    """One customer's events, from `timeline`.

    Attributes
    ----------
    frame
        One line for each event, see `timeline`.
    customer
        The customer's id; where the values of a column are counted, the value.
    which
        Which of the customer's sessions, journeys or attempts it is, such as ``"session 2 of 5"``; empty
        where customers are counted once.
    outcome
        ``"converted"``, one of the reasons of `reasons` (``"never"``, ``"before"``, ``"window"``,
        ``"excluded"``, ``"broken"``, ``"open"``), ``"not entered"``, or ``"removed"``: taken out of the
        funnel by an exclusion.
    sentence
        How the journey ended, in words.
    ended
        When it was over: at the conversion, at the row that excluded it or lay between, or when the window
        from the entry that counts closed. NaT where it is still open, nothing ends it, or nobody entered.
    ended_by
        ``"conversion"``, ``"exclusion"``, ``"strict break"``, ``"window"``, or an empty text for NaT.
    unassigned_events
        Events of this customer that lie in no stage.
    """

    customer: object
    which: str
    outcome: str
    sentence: str
    ended: pd.Timestamp
    ended_by: str

    def _table(self) -> Table:
        rows = tuple(
            (
                str(row["time"]),
                str(row["event"]),
                "" if pd.isna(row["stage"]) else str(row["stage"]),
                "yes" if row["matched"] else "",
                str(row["role"]),
            )
            for _, row in self._frame.iterrows()
        )
        notes = (self.sentence, _result.funnel_rules_note(self.definition))
        columns = ("Time", "Event", "Stage", "Matched", "Role")
        title = f"Timeline of {self.customer}{', ' if self.which else ''}{self.which}"
        return Table(title, columns, rows, notes, words=(0, 1, 2, 3, 4))


def timeline(log: EventLog, definition: Definition, customer: object) -> Timeline:
    """Return one customer's events with their stages, those that counted, and how the journey ended.

    ``matched`` events are the chain of the deepest stage reached (`Funnel.matches`), one for each stage. The
    ``role`` of an event in the outcome:

    - ``"entry"``, ``"step"``, ``"conversion"``: matched, to the first, a middle and the last stage.
    - ``"too early"``, ``"too late"``: of the stage that was not reached, before the customer first got to
      the stage before it, and after that, with the window closed.
    - ``"excluded"``, ``"lay between"``: the row that stood in the way (`reasons`); ``"in vain"``: of the
      stage that was not reached, behind it.
    - ``"before entry"``: in a stage, before the customer's first entry, or without any entry.
    - ``"after conversion"``: in a stage, after the conversion.
    - ``"another attempt"``: where attempts are counted, of an earlier or a later one.
    - ``"not needed"``: in a stage, and it changed nothing: an earlier attempt, a repetition.
    - ``"in no stage"``.

    The first that holds, in the order matched, what stood in the way, too early, too late or in vain, before
    entry, after conversion, another attempt, not needed. ``sentence`` says how the journey ended, with the
    reason of `reasons`.

    **Sessions, journeys, attempts.** A timeline is about one of them: all rows of that session or journey,
    all rows of the unit for an attempt. Name it as `Funnel.customers` does, ``("ann", 2)``; for a customer's
    id alone it is the one that got furthest, of several the last. Where the values of a column are counted
    give the value; the frame then says whose rows they are.

    **Ties.** Events at one time stand in the order of their stages, those in no stage first, then in the
    order of the rows. **Repeats.** Each event has its line. **Censoring.** A customer who may still
    convert is ``"open"``. **Empty.** A customer has at least one event; an empty log knows nobody.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and the rules.
    customer
        The customer's id, one of `EventLog.customer_ids`; or an entry of the index of `Funnel.customers`.

    Returns
    -------
    Timeline
        ``frame`` has the columns ``time``, ``event``, ``stage`` (missing for none), ``matched``, ``role``,
        ``since_entry`` (time since the matched entry, NaT without one) and ``row`` (position in the frame
        the log was made from); ``customer`` before them where the values of a column are counted.

    Raises
    ------
    CXError
        For an unknown customer, and when the definition does not fit the log.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "a"],
    ...     "when": ["2026-01-01", "2026-01-02", "2026-01-09"],
    ...     "what": ["ad", "page", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = timeline(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, window="7D"), "a")
    >>> result.frame[["event", "stage", "matched", "role"]]
       event     stage  matched         role
    0     ad  Consider     True        entry
    1   page       NaN    False  in no stage
    2  order       Buy    False     too late
    >>> result.sentence
    "Stopped at 'Consider': 'Buy' came 1.0 d after the window of 7D had closed."
    """
    log, definition = _result.check(log, definition)
    if is_special(definition):
        return _line_timeline(log, definition, customer)
    return _timeline(log, definition, _number(log, customer))


def _number(log: EventLog, customer: object) -> int:
    ids = log.customer_ids
    # True would be found as 1.
    known = pd.api.types.is_hashable(customer) and not isinstance(customer, bool)
    place = ids.get_indexer(pd.Index([customer], dtype=object))[0] if known and len(ids) else -1
    if place >= 0:
        return int(place)
    near = _alike(ids, str(customer))
    hint = "" if near is None else f" Did you mean {near!r}?"
    rest = len(ids) - 10
    some = listing(ids[:10].tolist())
    more = f"{some[:-1]}, ... {rest:,} more]" if rest > 0 else some
    raise CXError(f"unknown customer {customer!r}.{hint} Available: {more}.")


def _alike(ids: pd.Index, text: str) -> object:
    """Return the id most like a text, or None; of very many only its neighbours in the alphabet."""
    texts = ids.astype(str)
    if len(ids) > _SEARCHED:
        order = np.argsort(texts.to_numpy(dtype=object), kind="stable")
        texts = texts[order]
        place = int(texts.searchsorted(text))
        near_by = slice(max(place - _NEIGHBOURS, 0), place + _NEIGHBOURS)
        ids, texts = ids[order[near_by]], texts[near_by]
    near = nearest(text, texts)
    return None if near is None else ids.tolist()[texts.tolist().index(near)]


def _timeline(log: EventLog, definition: Definition, number: int) -> Timeline:
    rows, paths = coded_rows(log, definition), funnel_paths(log, definition)
    stages = len(definition.names)
    reach = int(paths.reach[number])
    packed = log.packed
    low, high = int(packed.offsets[number]), int(packed.offsets[number + 1])
    # Of the packed rows the stage and the place among the coded ones, which stand by customer.
    begin, end = np.searchsorted(rows.customer, np.array([number, number + 1]))
    stage = np.zeros(high - low, dtype=np.int64)
    place = np.full(high - low, -1, dtype=np.int64)
    stage[rows.row[begin:end] - low] = rows.stage[begin:end]
    place[rows.row[begin:end] - low] = np.arange(begin, end)
    order = np.lexsort((np.arange(high - low), place, packed.ticks[low:high]))
    stage, place, position = stage[order], place[order], low + order
    tick = packed.ticks[position].astype(np.int64)
    chain = _chain(log, definition, number, reach)
    on_chain = np.isin(place, chain)
    arrived = _arrived(log, definition, number, reach)
    role = _roles(stage, place, on_chain, stages=stages, reach=reach, arrived=arrived)
    since = np.full(len(tick), np.nan) if not reach else (tick - int(rows.tick[chain[0]])).astype(np.float64)
    ended = endings(log, definition)
    reason = int(ended.reason[number])
    outcome = REASONS[reason - 1] if reason else "converted" if reach else "not entered"
    names = np.array(log.event_names, dtype=object)
    frame = pd.DataFrame(
        {
            "time": log.timestamps(tick),
            "event": pd.Series(names[packed.codes[position]], dtype=str),
            "stage": _result.names_at(definition.names, stage),
            "matched": on_chain,
            "role": _result.names_at(ROLES, role + 1),
            "since_entry": log.durations(since),
            "row": packed.rows_at(position),
        }
    )
    elapsed = float(since[on_chain][-1]) if reach == stages else np.nan
    over = int(tick[on_chain][-1]) if outcome == "converted" else None
    ended_at, ended_by = _ended(log, definition, outcome, over, _last_entry(log, definition, number))
    return Timeline(
        definition=definition,
        n_customers=1,
        unassigned_events=int((stage == 0).sum()),
        customer=_id(log.customer_ids, number),
        which="",
        outcome=outcome,
        ended=ended_at,
        ended_by=ended_by,
        sentence=_sentence(
            log,
            definition,
            outcome,
            reach,
            elapsed=_result.to_seconds(log, elapsed),
            overshoot=ended.overshoot()[number],
            number=number,
        ),
        _frame=frame,
        _log=log,
    )


def _id(ids: pd.Index, number: int) -> object:
    """Return an id as Python knows it."""
    return ids[number : number + 1].tolist()[0]


def _last_entry(log: EventLog, definition: Definition, line: int) -> int | None:
    """Return the tick of the last entry that may go on, None for none."""
    paths = funnel_paths(log, definition)
    who = paths.levels[0].customer if paths.waiting is None else paths.waiting
    place = int(np.searchsorted(who, line))
    return int(paths.last_entry[place]) if place < len(who) and who[place] == line else None


def _ended(
    log: EventLog, definition: Definition, outcome: str, over: int | None, entry: int | None
) -> tuple[pd.Timestamp, str]:
    """Return when a journey was over, and what ended it: a row at a tick, or the window of an entry."""
    window, counted = definition.rules.duration, definition.rules.counted_window
    if over is not None:
        words = {"converted": "conversion", "broken": "strict break"}
        return log.timestamps(np.array([over]))[0], words.get(outcome, "exclusion")
    if entry is None or definition.rules.window is None or outcome in ("open", "not entered"):
        return pd.Timestamp("NaT"), ""
    if counted is not None and counted.kind == "calendar":
        begun = np.array([entry], dtype=np.int64)
        ends = calendar_ends(log, begun, counted.number, counted.unit, definition.rules.time_zone)
        return log.timestamps(ends)[0], "window"
    if window is None:
        # It closed with a row of its own count, at no time that could be told from the entry.
        return pd.Timestamp("NaT"), "window"
    return log.timestamps(np.array([entry]))[0] + window, "window"


def _chain(log: EventLog, definition: Definition, number: int, reach: int) -> Longs:
    """Return the coded rows that the customer's deepest chain went through."""
    paths = funnel_paths(log, definition)
    chain = []
    if reach:
        deepest = paths.levels[reach - 1]
        at = deepest.first[np.searchsorted(deepest.customer, np.array([number]))]
        for stage in range(1, reach + 1):
            arrival = _attempts.roots(paths, at, start=stage, end=reach)
            chain.append(int(paths.levels[stage - 1].arrival[arrival][0]))
    return np.array(chain, dtype=np.int64)


def _arrived(log: EventLog, definition: Definition, number: int, reach: int) -> tuple[int, int]:
    """Return the coded rows at which the customer first entered, and first got to the deepest stage."""
    rows, paths = coded_rows(log, definition), funnel_paths(log, definition)
    if not reach:
        return len(rows.row), len(rows.row)

    def first(level_number: int) -> int:
        level = paths.levels[level_number - 1]
        return int(level.arrival[level.first[np.searchsorted(level.customer, number)]])

    return first(1), first(reach)


def _roles(
    stage: Longs,
    place: Longs,
    matched: NDArray[np.bool_],
    *,
    stages: int,
    reach: int,
    arrived: tuple[int, int],
) -> Longs:
    entered, deepest = arrived
    missed = (stage == reach + 1) & (reach > 0)
    conditions: list[tuple[str, NDArray[np.bool_]]] = [
        ("in no stage", stage == 0),
        ("conversion", matched & (stage == stages) & (stage > 1)),
        ("entry", matched & (stage == 1)),
        ("step", matched),
        ("too early", missed & (place < deepest)),
        ("too late", missed),
        ("before entry", place < entered),
        ("after conversion", (reach == stages) & (place > deepest)),
    ]
    return np.select(
        [where for _, where in conditions],
        [ROLES.index(name) for name, _ in conditions],
        default=ROLES.index("not needed"),
    ).astype(np.int64)


def _sentence(
    log: EventLog,
    definition: Definition,
    outcome: str,
    reach: int,
    *,
    elapsed: float,
    overshoot: object,
    number: int,
    missed: int = 0,
    cause: str = "",
) -> str:
    names = definition.names
    unordered = definition.rules.order == "any"
    if outcome == "not entered":
        stage = names[0] if definition.rules.reach == "closed" and not unordered else "a stage"
        return f"Never entered: no event of {stage!r}." if stage in names else f"Never entered: no {stage}."
    if outcome == "removed":
        return f"Left the funnel: {cause} is excluded."
    if outcome == "converted":
        return f"Converted: reached {names[-1]!r} {_numbers.seconds(elapsed)} after entry."
    here, goal = repr(names[reach - 1]), repr(names[(missed or reach + 1) - 1])
    if unordered:
        here, goal = f"{reach} of {len(names)} stages", "another stage"
    window = definition.rules.window
    if outcome == "open" and window is not None:
        entry = _last_entry(log, definition, number)
        entered = log.timestamps(np.array([entry], dtype=np.int64))[0]
        return (
            f"Open at {here}: may still convert, the window of {format_window(window)} "
            f"from the last entry on {entered} has not closed."
        )
    own = any(stage.window is not None for stage in definition.stages)
    which = "the window" if window is None else f"the window of {format_window(window)}"
    which = "a window" if own else which
    came_before = f"{goal} came only before {here}"
    if unordered:
        came_before = "others came only before the start that counts"
    late = "after" if overshoot is pd.NaT else f"{_numbers.timedelta(overshoot)} after"
    why = {
        "never": f"no event of {goal} at all",
        "before": came_before,
        "window": f"{goal} came {late} {which} had closed",
        "excluded": f"{cause} came before {goal} and is excluded",
        "broken": f"{cause} lay between it and {goal}",
    }[outcome]
    return f"Stopped at {here}: {why}."


def _line_timeline(log: EventLog, definition: Definition, customer: object) -> Timeline:
    """Return the timeline of a session, a journey, an attempt, or a customer under special rules."""
    paths, ended = funnel_paths(log, definition), endings(log, definition)
    line, unit, who = _line(log, definition, customer)
    position = rows_of_unit(log, definition, unit)
    tick = log.packed.ticks[position].astype(np.int64)
    stage = definition.stage_of_rows(log)[position].astype(np.int64)
    chains = matched(log, definition)
    mine = chains.subject == line
    serves = dict.fromkeys(chains.position[mine].tolist(), 0)
    for row, number in zip(chains.position[mine].tolist(), chains.stage[mine].tolist(), strict=True):
        serves[row] = max(serves[row], number)
    is_matched = np.isin(position, list(serves))
    stage[is_matched] = [serves[row] for row in position[is_matched].tolist()]
    order = np.lexsort((np.arange(len(tick)), stage if definition.rules.ties != "row" else tick, tick))
    position, tick, stage, is_matched = position[order], tick[order], stage[order], is_matched[order]
    reach, reason = (int(part[line]) if line >= 0 else 0 for part in (paths.reach, ended.reason))
    missed = int(ended.missed[line]) if line >= 0 else 0
    cause, outcome = -1, "not entered"
    if line >= 0 and reach:
        outcome = REASONS[reason - 1] if reason else "converted"
        cause = int(ended.cause[line])
    elif attempt_rows(log, definition) is None:
        left = outcomes(log, definition).left
        gone = np.flatnonzero(left.unit == unit)
        if len(gone):
            outcome, cause = "removed", int(left.cause[gone[0]])
    begun = _begun(log, definition, line, unit)
    role = _line_roles(
        stage,
        tick,
        position,
        is_matched,
        begun=begun,
        goal=missed,
        n_stages=len(definition),
        outcome=outcome,
        cause=cause,
        apart=definition.rules.count == "attempts",
    )
    entry = tick[is_matched][0] if is_matched.any() else None
    since = np.full(len(tick), np.nan) if entry is None else (tick - entry).astype(np.float64)
    names = np.array(log.event_names, dtype=object)
    columns: dict[str, object] = {
        "time": log.timestamps(tick),
        "event": pd.Series(names[log.packed.codes[position]], dtype=str),
        "stage": _result.names_at(definition.names, stage),
        "matched": is_matched,
        "role": _result.names_at(ROLES, role + 1),
        "since_entry": log.durations(since),
        "row": log.packed.rows_at(position),
    }
    if definition.rules.unit_column is not None:
        columns = {"customer": log.customer_ids[log.packed.customers[position]], **columns}
    elapsed = float(since[is_matched][-1]) if outcome == "converted" else np.nan
    over = int(log.packed.ticks[cause]) if cause >= 0 else None
    if outcome == "converted":
        over = int(tick[is_matched][-1])
    ended_at, ended_by = _ended(log, definition, outcome, over, begun[2])
    return Timeline(
        definition=definition,
        n_customers=1,
        unassigned_events=int((stage == 0).sum()),
        customer=who,
        which=_which(definition, paths, line),
        outcome=outcome,
        sentence=_sentence(
            log,
            definition,
            outcome,
            reach,
            elapsed=_result.to_seconds(log, elapsed),
            overshoot=ended.overshoot()[line] if line >= 0 else pd.NaT,
            number=line,
            missed=missed,
            cause="" if cause < 0 else f"{names[log.packed.codes[cause]]!r} on {_moment(log, cause)}",
        ),
        ended=ended_at,
        ended_by=ended_by,
        _frame=pd.DataFrame(columns),
        _log=log,
    )


def _moment(log: EventLog, position: int) -> pd.Timestamp:
    return log.timestamps(log.packed.ticks[position : position + 1].astype(np.int64))[0]


def _line(log: EventLog, definition: Definition, customer: object) -> tuple[int, int, object]:
    """Return the line of the funnel that is asked for (-1 for none), its unit, and whose it is."""
    paths = funnel_paths(log, definition)
    subjects = paths.subjects
    if subjects is None:
        number = _number(log, customer)
        return number, number, _id(log.customer_ids, number)
    labels = ids(log, definition, paths)
    known = pd.api.types.is_hashable(customer) and not isinstance(customer, bool)
    if isinstance(labels, pd.MultiIndex) and isinstance(customer, tuple):
        line = int(labels.get_indexer(pd.MultiIndex.from_tuples([customer]))[0]) if len(labels) else -1
        if line < 0:
            raise unknown("line of the funnel", customer, labels.tolist())
        return line, int(subjects.unit[line]), customer[0]
    owners = labels.get_level_values(0)
    mine = np.flatnonzero(owners == customer) if known else np.zeros(0, dtype=np.int64)
    if len(mine):
        line = int(mine[np.lexsort((mine, paths.reach[mine]))][-1])
        return line, int(subjects.unit[line]), _id(owners, line)
    if subjects.names is not None:
        names = list(subjects.names)
        if customer not in names or not known:
            raise unknown(f"value of {definition.rules.unit_column}", customer, names)
        return -1, names.index(customer), customer
    # Whoever never entered made no attempt.
    number = _number(log, customer)
    unit = int(units_of_rows(log, definition)[log.packed.offsets[number]])
    return -1, unit, _id(log.customer_ids, number)


def _which(definition: Definition, paths: FunnelPaths, line: int) -> str:
    """Return in words which of its owner's sessions, journeys and attempts a line is."""
    subjects, rules = paths.subjects, definition.rules
    if subjects is None or line < 0:
        return ""
    parts = []
    if subjects.names is None and rules.unit != "customer":
        mine = subjects.number[subjects.customer == subjects.customer[line]]
        name = "journey" if rules.unit == "journey" else "session"
        parts.append(f"{name} {subjects.number[line]} of {mine.max()}")
    if subjects.attempt is not None:
        mine = subjects.attempt[subjects.unit == subjects.unit[line]]
        parts.append(f"attempt {subjects.attempt[line]} of {mine.max()}")
    return ", ".join(parts)


def _begun(log: EventLog, definition: Definition, line: int, unit: int) -> tuple[int, int, int | None]:
    """Return when a line first began, when its next attempt did, and when the entry that counts was."""
    paths, end = funnel_paths(log, definition), log.packed.end_tick + 1
    if line < 0 or not paths.reach[line]:
        return end, end, None
    begun = starts(log, definition)
    counted = entries(log, definition)
    entry = int(counted.tick[np.searchsorted(counted.line, line)])
    first = int(begun.tick[begun.line == line].min())
    following = end
    if paths.subjects is not None and paths.subjects.attempt is not None:
        others = begun.tick[(paths.subjects.unit[begun.line] == unit) & (begun.tick > first)]
        following = int(others.min(initial=end))
    return first, following, entry


def _line_roles(
    stage: Longs,
    tick: Longs,
    position: Longs,
    matched_rows: NDArray[np.bool_],
    *,
    begun: tuple[int, int, int | None],
    goal: int,
    n_stages: int,
    outcome: str,
    cause: int,
    apart: bool,
) -> Longs:
    """Return the roles of the rows of a line; unordered, the row that came last of the matched converts."""
    first, following, _ = begun
    places = np.flatnonzero(matched_rows)
    deepest = int(tick[places[-1]]) if len(places) else 0
    first_row, last_row = (int(places[0]), int(places[-1])) if len(places) else (-1, -1)
    at = np.arange(len(tick))
    way_in = (at == first_row) & matched_rows
    missed = (stage == goal) & (goal > 0) & ~matched_rows & (outcome != "open")
    elsewhere = apart & ((tick < first) | (tick >= following)) & (len(places) > 0)
    behind = {"excluded": "in vain", "broken": "in vain"}.get(outcome, "too late")
    conditions: list[tuple[str, NDArray[np.bool_]]] = [
        ("conversion", (at == last_row) & (outcome == "converted") & (n_stages > 1)),
        ("entry", way_in),
        ("step", matched_rows),
        ("lay between" if outcome == "broken" else "excluded", position == cause),
        ("in no stage", stage == 0),
        ("another attempt", elsewhere),
        ("too early", missed & (tick < deepest)),
        (behind, missed & (tick >= deepest)),
        ("before entry", tick < first),
        ("after conversion", (outcome == "converted") & (tick >= deepest) & (at > last_row)),
    ]
    return np.select(
        [np.broadcast_to(where, len(tick)) for _, where in conditions],
        [ROLES.index(name) for name, _ in conditions],
        default=ROLES.index("not needed"),
    ).astype(np.int64)
