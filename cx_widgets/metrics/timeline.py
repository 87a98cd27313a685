"""The timeline: one customer's events, which of them counted, and how the journey ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets.engine import coded_rows, funnel_paths
from cx_widgets.errors import CXError, listing, nearest
from cx_widgets.metrics import _attempts, _result
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.reasons import REASONS, endings
from cx_widgets.rules import format_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Ints
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]

ROLES = (
    "entry",
    "step",
    "conversion",
    "before entry",
    "too early",
    "too late",
    "after conversion",
    "not needed",
    "in no stage",
)
OUTCOMES = ("converted", *REASONS, "not entered")

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
        The customer's id.
    outcome
        ``"converted"``, one of the reasons of `reasons` (``"never"``, ``"before"``, ``"window"``,
        ``"open"``), or ``"not entered"``.
    sentence
        How the journey ended, in words.
    unassigned_events
        Events of this customer that lie in no stage.
    """

    customer: object
    outcome: str
    sentence: str

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
        return Table(f"Timeline of {self.customer}", columns, rows, notes, words=(0, 1, 2, 3, 4))


def timeline(log: EventLog, definition: Definition, customer: object) -> Timeline:
    """Return one customer's events with their stages, those that counted, and how the journey ended.

    ``matched`` events are the chain of the deepest stage reached (`Funnel.matches`), one for each stage. The
    ``role`` of an event in the outcome:

    - ``"entry"``, ``"step"``, ``"conversion"``: matched, to the first, a middle and the last stage.
    - ``"too early"``, ``"too late"``: of the stage that was not reached, before the customer first got to
      the stage before it, and after that, with the window closed.
    - ``"before entry"``: in a stage, before the customer's first entry, or without any entry.
    - ``"after conversion"``: in a stage, after the conversion.
    - ``"not needed"``: in a stage, and it changed nothing: an earlier attempt, a repetition.
    - ``"in no stage"``.

    The first that holds, in the order matched, too early or too late, before entry, after conversion, not
    needed. ``sentence`` says how the journey ended, with the reason of `reasons`.

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
        The customer's id, one of `EventLog.customer_ids`.

    Returns
    -------
    Timeline
        ``frame`` has the columns ``time``, ``event``, ``stage`` (missing for none), ``matched``, ``role``,
        ``since_entry`` (time since the matched entry, NaT without one) and ``row`` (position in the frame
        the log was made from).

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
    log, definition = _result.check_plain(log, definition, "timeline")
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
    matched = np.isin(place, chain)
    arrived = _arrived(log, definition, number, reach)
    role = _roles(stage, place, matched, stages=stages, reach=reach, arrived=arrived)
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
            "matched": matched,
            "role": _result.names_at(ROLES, role + 1),
            "since_entry": log.durations(since),
            "row": packed.rows[position],
        }
    )
    elapsed = float(since[matched][-1]) if reach == stages else np.nan
    return Timeline(
        definition=definition,
        n_customers=1,
        unassigned_events=int((stage == 0).sum()),
        customer=log.customer_ids.tolist()[number]
        if log.n_customers < _SEARCHED
        else log.customer_ids[number],
        outcome=outcome,
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
) -> str:
    names = definition.names
    if outcome == "not entered":
        return f"Never entered: no event of {names[0]!r}."
    if outcome == "converted":
        return f"Converted: reached {names[-1]!r} {_numbers.seconds(elapsed)} after entry."
    here, missed = names[reach - 1], names[reach]
    window = definition.rules.window
    if outcome == "open" and window is not None:
        paths = funnel_paths(log, definition)
        entry: Ints = paths.last_entry[np.searchsorted(paths.levels[0].customer, np.array([number]))]
        entered = log.timestamps(entry.astype(np.int64))[0]
        return (
            f"Open at {here!r}: may still convert, the window of {format_duration(window)} "
            f"from the last entry on {entered} has not closed."
        )
    why = {
        "never": f"no event of {missed!r} at all",
        "before": f"{missed!r} came only before {here!r}",
        "window": f"{missed!r} came {_numbers.timedelta(overshoot)} after the window"
        f"{'' if window is None else f' of {format_duration(window)}'} had closed",
    }[outcome]
    return f"Stopped at {here!r}: {why}."
