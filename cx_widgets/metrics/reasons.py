"""Reasons: why those who entered did not convert, one for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import (
    OPEN,
    WINDOW,
    assigned_events,
    attempt_rows,
    crossed,
    funnel_losses,
    funnel_paths,
    is_special,
    losses_of,
    middles,
    outcomes,
)
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._customers import (
    bounds,
    by_customer,
    clusters,
    customer_table,
    heading,
    is_open,
    noun,
)
from cx_widgets.metrics._figure import CLUSTERED, WILSON
from cx_widgets.metrics._lines import Lines, Nanoseconds, Words, when_asked
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bytes, FunnelLosses, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cells

REASONS = ("never", "before", "window", "excluded", "broken", "open")

_CAUSES_SHOWN = 5
_NO_TIME = np.iinfo(np.int64).min
_MEANS = {
    "never": "no event of the stage at all",
    "before": "events of it only before the stage they reached",
    "window": "the next one came after the window had closed",
    "excluded": "it came in time, but after an excluded event",
    "broken": "it came in time, but something lay between",
    "open": "may still get there",
}


def possible(definition: Definition) -> tuple[str, ...]:
    """Return the reasons there can be under the rules: exclusions and strict steps have their own."""
    rules = definition.rules
    strict = rules.order in ("strict", "unbroken") or any(stage.directly for stage in definition.stages)
    cannot = set() if rules.exclusions else {"excluded"}
    return tuple(name for name in REASONS if name not in (cannot if strict else cannot | {"broken"}))


@dataclass(frozen=True, slots=True, eq=False)
class Endings:
    """How each line of a funnel ended: each customer, session or attempt.

    Attributes
    ----------
    reach
        The deepest stage reached, 0 for those who never entered.
    reason
        Place in `REASONS` from 1; 0 for those who converted or never entered.
    missed
        Number of the stage they did not reach, the next that is not optional; 0 where there is no reason.
    overshoot_ns
        By how much the window was missed, where the reason is the window; elsewhere the number that is
        NaT.
    cause
        Position in the packed log of the row that stood in the way, where the reason is an exclusion or
        something between; else -1.
    """

    reach: Bytes
    reason: Bytes
    missed: Bytes
    overshoot_ns: NDArray[np.int64]
    cause: Ints

    def overshoot(self) -> pd.TimedeltaIndex:
        """Return by how much each line missed the window, NaT where that is not the reason."""
        return pd.TimedeltaIndex(self.overshoot_ns.view("m8[ns]"))


def endings(log: EventLog, definition: Definition) -> Endings:
    """Return how each line of the funnel ended."""
    if not is_special(definition):
        return _of_losses(log, definition, funnel_losses(log, definition))
    rows, paths = attempt_rows(log, definition), funnel_paths(log, definition)
    still = is_open(log, definition, paths)
    if rows is not None:
        free = definition.with_rules(window=None)
        unbounded = attempt_rows(log, free)
        chains = None if unbounded is None else (unbounded, funnel_paths(log, free))
        return _of_losses(log, definition, losses_of(rows, paths, still, chains))
    ended = outcomes(log, definition)
    reason = np.where(still, OPEN, ended.reason).astype(np.uint8)
    return Endings(
        paths.reach,
        reason,
        ended.missed,
        np.where(reason == WINDOW, ended.overshoot_ns, _NO_TIME),
        np.where(still, -1, ended.cause),
    )


def _of_losses(log: EventLog, definition: Definition, lost: FunnelLosses) -> Endings:
    overshoot = np.full(len(lost.why), _NO_TIME, dtype=np.int64)
    window = definition.rules.duration
    if window is not None:
        late = np.flatnonzero(lost.took >= 0)
        took = lost.took[late].astype(np.int64) * log.packed.tick_ns
        overshoot[late] = took - _ns(window)
    return Endings(
        lost.deepest,
        lost.why,
        np.where(lost.why > 0, lost.deepest + np.uint8(1), np.uint8(0)),
        overshoot,
        np.full(len(lost.why), -1, dtype=np.int64),
    )


def _ns(duration: pd.Timedelta) -> int:
    return int(duration.as_unit("ns").value)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Reasons(Result):
    """Why those who entered did not convert, from `reasons`.

    Attributes
    ----------
    frame
        One line for each stage that can be missed and each reason, see `reasons`.
    entrants, converted
        Customers who entered, and who reached the last stage.
    removed
        Those an exclusion took out of the funnel altogether: with the effect ``"remove"``, or because it
        reset everything they tried. They are no entrants and have no reason.
    """

    entrants: int
    converted: int
    removed: int
    _causes: pd.DataFrame
    _lines: Lines

    def columns(self) -> Cells:  # noqa: D102 - of every result
        return self._lines.cells()

    @property
    def causes(self) -> pd.DataFrame:
        """By what they were excluded, and what lay between.

        Indexed by ``stage`` (the one not reached), ``reason`` (``"excluded"`` or ``"broken"``) and ``event``
        (of the row that stood in the way), with the column ``customers``, most first. The counts of a stage
        and a reason add up to those of `frame`; empty under rules that know neither reason.
        """
        return self._causes.copy()

    def customers(self, stage: str, reason: str | None = None) -> pd.DataFrame:
        """Return the customers lost before a stage, one line each.

        Parameters
        ----------
        stage
            Name of the stage they did not reach.
        reason
            ``"never"``, ``"before"``, ``"window"``, ``"excluded"``, ``"broken"`` or ``"open"``; None for
            all of them.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`, then ``reason``; ``overshoot``, by how much the window was
            missed, NaT for other reasons; ``cause``, ``cause_time`` and ``cause_row``: event, time and
            position in the frame of the row that excluded them or lay between, missing for other reasons.

        Raises
        ------
        CXError
            For an unknown stage or reason, for a reason the rules do not know, and for a stage before which
            nobody is lost: the first one, and those that are optional.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"],
        ...     "when": ["2026-01-01", "2026-01-09", "2026-01-01"],
        ...     "what": ["ad", "order", "ad"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.reasons(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, window="7D"))
        >>> result.customers("Buy", "window")["overshoot"].to_dict()
        {'a': Timedelta('1 days 00:00:00')}
        """
        names = self.definition.names
        if stage not in names:
            raise unknown("stage", stage, names)
        known = possible(self.definition)
        if reason in REASONS and reason not in known:
            raise CXError(
                f"nobody can be lost as {reason!r} under these rules: they have no "
                f"{'exclusions' if reason == 'excluded' else 'step with nothing between'}. "
                f"Available: {list(known)!r}."
            )
        if reason is not None and reason not in known:
            raise unknown("reason", reason, known)
        number = names.index(stage) + 1
        if number == 1:
            raise CXError(
                f"nobody is lost before {stage!r}: it is the first stage. "
                "Ask for a later one: the stage they did not reach."
            )
        if self.definition.stages[number - 1].optional:
            raise CXError(
                f"nobody is lost before {stage!r}: it is optional. Ask for the next stage that is not, or "
                f"for funnel(...).customers({stage!r}, 'skipped'): those who went on without it."
            )
        log = self._log
        ended = endings(log, self.definition)
        chosen = ended.missed == number
        if reason is not None:
            chosen &= ended.reason == REASONS.index(reason) + 1
        found = np.flatnonzero(chosen)
        cause = ended.cause[found]
        named = cause >= 0
        events = np.array([*log.event_names, None], dtype=object)
        codes = np.full(len(cause), len(log.event_names))
        ticks, row = np.zeros(len(cause), dtype=np.int64), np.zeros(len(cause), dtype=np.int64)
        codes[named] = log.packed.codes[cause[named]]
        ticks[named], row[named] = log.packed.ticks[cause[named]], log.packed.rows_at(cause[named])
        table = customer_table(log, self.definition, found)
        return table.assign(
            reason=_result.names_at(REASONS, ended.reason[found]),
            overshoot=pd.TimedeltaIndex(ended.overshoot()[found]),
            cause=pd.Series(events[codes], dtype=str).to_numpy(),
            cause_time=pd.DatetimeIndex(log.timestamps(ticks).where(named)),
            cause_row=pd.arrays.IntegerArray(row, ~named),
        )

    def _table(self) -> Table:
        rows = tuple(
            (
                str(row["stage"]),
                str(row["reason"]),
                _numbers.count(row["customers"]),
                _numbers.count(row["losses"]),
                _numbers.percent(row["share"]),
                _numbers.span(row["lower"], row["upper"]),
                _numbers.timedelta(row["overshoot_median"]),
            )
            for _, row in self._frame.reset_index().iterrows()
        )
        lost = self.entrants - self.converted
        meaning = "; ".join(f"{reason}: {_MEANS[reason]}" for reason in possible(self.definition))
        plain = by_customer(self.definition) is self.definition
        by_what = [
            f"{_numbers.count(row['customers'])} {row['reason']} by {row['event']!r} before {row['stage']!r}"
            for _, row in self._causes.head(_CAUSES_SHOWN).reset_index().iterrows()
        ]
        removed = f"{noun(self.definition, self.removed)} left the funnel by an exclusion."
        notes = (
            f"{meaning[0].upper()}{meaning[1:]}.",
            *([f"{'; '.join(by_what)}."] if by_what else []),
            *([removed] if self.removed else []),
            _result.funnel_rules_note(self.definition),
            _result.unassigned_note(self.unassigned_events),
        )
        columns = (
            "Stage not reached",
            "Reason",
            heading(self.definition),
            "Of lost before it",
            "Share",
            "95 %",
            "Too late by",
        )
        return Table(
            f"Why {lost:,} of {self.entrants:,} who entered did not convert"
            if plain
            else f"Why {lost:,} of {noun(self.definition, self.entrants)} that entered did not convert",
            columns,
            rows,
            notes,
            words=(0, 1),
        )


def reasons(log: EventLog, definition: Definition) -> Reasons:
    """Return why customers who entered did not convert: one reason each, for the stage they did not reach.

    A customer whose deepest stage (`funnel`) is k, not the last, missed stage m: the first behind k that is
    not optional, k + 1 as a rule. The reason is the first of these that holds:

    - ``"open"``: may still convert; their last entry is less than a window before the end of observation.
      They are not lost, and stand here because the drop-off of `funnel` counts them.
    - ``"excluded"``: but for an exclusion, an attempt would have reached stage m. What excluded them is the
      row by which the attempt that got there earliest met it (of several the latest).
    - ``"broken"``: a row of stage m came in time behind a stage the attempt had got to, and only rows lay
      between that the order (strict, unbroken) or the stage (``directly``) forbids there. What broke the
      chain is the first such row, before the earliest row of stage m that came in time.
    - ``"window"``: a row of stage m comes behind, but a window had closed: the one from entry or the stage's
      own. The **overshoot** is how much longer the windows had to be, all by as much, for the reason not to
      be the window: with plain rules the time of the quickest chain through the stages 1 to m, less the
      window.
    - ``"before"``: there are rows of stage m, and none stands behind: they come before the customer first
      got to stage k (or at that very time, where ties do not count or the row serves another stage).
    - ``"never"``: the customer has no row in stage m.

    Each reason is that of the last step: chains up to there keep all rules but exclusions. ``"broken"`` and
    ``"window"`` are said whether or not an exclusion was met too, ``"window"`` whatever lay between.

    **Share** = customers with the reason / all customers lost before the stage (``losses``); the reasons of
    a stage add up to it exactly, and the losses of all stages to those who entered and did not convert.
    Where no stage is optional and reach is closed, losses are the ``drop_off`` of `funnel`; otherwise that
    also holds those who skipped the stage and went on. Bounds are Wilson's, clustered by customer where a
    customer has several lines.

    **Units.** Sessions, journeys, values of a column and attempts each have a reason, found in their own
    rows. An attempt's own rows are those behind the end of the one before, up to the start of the next.
    **Any order**: m is the line k + 1; ``"never"``: the unit's rows together are not of so many stages;
    ``"window"``: its rows from a start on are; ``"before"``: only with those before the start. **Columns held
    constant**: only rows with the values of an attempt that got to stage k count. **Exclusions** with the
    effect *remove*, or *reset* of everything that was tried, take a unit out of the funnel: it did not enter,
    has no reason, and is counted in ``removed``.

    **Ties.** Rows of one customer at one time stand in the order of their stages, so a row of stage k + 1 at
    the time of stage k is after it; other rules for ties are kept. **Repeats.** A customer counts once.
    **Censoring.** See ``"open"``; without a window from entry nobody is open, and whoever may yet convert is
    ``"never"`` or ``"before"``. **Empty.** A stage before which nobody is lost has 0 customers and undefined
    shares. A definition of one stage has nothing to miss: an empty frame.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and the rules.

    Returns
    -------
    Reasons
        ``frame`` is indexed by ``stage`` (the one not reached, from the second on, in order, without
        optional ones) and ``reason`` (in the order never, before, window, excluded, broken, open; excluded
        only under rules with exclusions, broken only where a step allows nothing between), with the columns
        ``customers``, ``losses``, ``share``, ``lower``, ``upper``, ``overshoot_median`` (over the customers;
        NaT but for the window) and ``method``. ``causes`` says by what.

    Raises
    ------
    CXError
        When the definition does not fit the log: an unknown event or column, an empty stage.

    References
    ----------
    Wilson, E. B. (1927). Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c", "c"],
    ...     "when": ["2026-01-01", "2026-01-09", "2026-01-01", "2026-01-01", "2026-01-02"],
    ...     "what": ["ad", "order", "ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = reasons(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}, window="7D"))
    >>> result.frame["customers"].to_dict()
    {('Buy', 'never'): 1, ('Buy', 'before'): 1, ('Buy', 'window'): 1, ('Buy', 'open'): 0}
    """
    log, definition = _result.check(log, definition)
    return log.memo(("reasons", definition), lambda: _reasons(log, definition))


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Endings in numbers.

    Attributes
    ----------
    losses
        Of those who entered and did not convert, by the stage they missed and the reason.
    overshoots
        For each stage by how many nanoseconds those who missed it missed the window.
    bounds
        Of the share of a reason among those who missed a stage; None for Wilson's interval.
    causes
        The events that stood in the way.
    """

    losses: Ints
    overshoots: list[NDArray[np.int64]]
    entrants: int
    converted: int
    causes: pd.DataFrame
    bounds: Callable[[int, int], tuple[float, float]] | None = None


def _plain(log: EventLog, definition: Definition) -> _Counted:
    lost, last = funnel_losses(log, definition), len(definition.stages)
    table = crossed(lost.deepest, lost.why, (last + 1, len(REASONS) + 1))
    late = np.flatnonzero(lost.took >= 0)
    window = definition.rules.duration
    by = lost.took[late].astype(np.int64) * log.packed.tick_ns - (0 if window is None else _ns(window))
    missed = lost.deepest[late] + np.uint8(1)
    losses = np.zeros_like(table)
    losses[1:, 1:] = table[:-1, 1:]
    return _Counted(
        losses=losses,
        overshoots=[by[missed == number] for number in range(last + 1)],
        entrants=int(table[1:].sum()),
        converted=int(table[last].sum()),
        causes=_no_causes(),
    )


def _special(log: EventLog, definition: Definition) -> _Counted:
    ended, paths = endings(log, definition), funnel_paths(log, definition)
    last = len(definition.stages)
    late = np.flatnonzero((ended.reason == WINDOW) & (ended.overshoot_ns != _NO_TIME))
    missed, by = ended.missed[late], ended.overshoot_ns[late]

    def of(number: int, reason: int) -> tuple[float, float]:
        mine = ended.missed == number
        return bounds(paths, mine & (ended.reason == reason), mine)

    return _Counted(
        losses=crossed(ended.missed, ended.reason, (last + 1, len(REASONS) + 1)),
        overshoots=[by[missed == number] for number in range(last + 1)],
        entrants=int(np.count_nonzero(ended.reach)),
        converted=int(np.count_nonzero(ended.reach == last)),
        causes=_causes(log, definition, ended),
        # Customers are independent of each other; what special rules count may not be.
        bounds=None if clusters(paths) is None else of,
    )


def _reasons(log: EventLog, definition: Definition) -> Reasons:
    counted = (_special if is_special(definition) else _plain)(log, definition)
    names, known = definition.names, possible(definition)
    here = [number for number, stage in enumerate(definition.stages, 1) if number > 1 and not stage.optional]
    codes = [REASONS.index(reason) + 1 for reason in known]
    counts = counted.losses[np.ix_(here, codes)]
    losses = np.repeat(counts.sum(axis=1), len(codes))
    customers = counts.ravel()
    lower, upper = stats.wilson(customers, losses)
    if counted.bounds is not None:
        spans = [counted.bounds(number, reason) for number in here for reason in codes]
        lower, upper = np.array(spans).reshape(-1, 2).T
    medians = np.full(counts.shape, _NO_TIME, dtype=np.int64)
    for place, number in enumerate(here):
        if len(counted.overshoots[number]):
            medians[place, known.index("window")] = _middle(counted.overshoots[number])
    missed = [names[number - 1] for number in here]
    lines = Lines(
        {
            "stage": Words([name for name in missed for _ in known]),
            "reason": Words([*known] * len(missed)),
            "customers": customers,
            "losses": losses,
            "share": stats.ratio(customers, losses),
            "lower": lower,
            "upper": upper,
            "overshoot_median": Nanoseconds(medians.ravel()),
            "method": WILSON if counted.bounds is None else CLUSTERED,
        }
    )

    def frame() -> pd.DataFrame:
        index = pd.MultiIndex.from_product([missed, known], names=["stage", "reason"])
        return lines.frame().drop(columns=["stage", "reason"]).set_index(index)

    return Reasons(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        entrants=counted.entrants,
        converted=counted.converted,
        removed=_removed(log, definition),
        _causes=counted.causes,
        _lines=lines,
        _frame=when_asked(frame),
        _log=log,
    )


def _removed(log: EventLog, definition: Definition) -> int:
    walked = is_special(definition) and attempt_rows(log, definition) is None
    return len(outcomes(log, definition).left.unit) if walked else 0


def _causes(log: EventLog, definition: Definition, ended: Endings) -> pd.DataFrame:
    named = np.flatnonzero(ended.cause >= 0)
    if not len(named):
        return _no_causes()
    table = pd.DataFrame(
        {
            "stage": ended.missed[named],
            "reason": ended.reason[named],
            "event": log.packed.codes[ended.cause[named]],
        }
    )
    counts = table.value_counts().rename("customers").reset_index()
    order = ["stage", "reason", "customers", "event"]
    counts = counts.sort_values(order, ascending=[True, True, False, True])
    events = np.array(log.event_names, dtype=object)
    index = pd.MultiIndex.from_arrays(
        [
            [definition.names[number - 1] for number in counts["stage"]],
            [REASONS[code - 1] for code in counts["reason"]],
            events[counts["event"].to_numpy(dtype=np.int64)],
        ],
        names=["stage", "reason", "event"],
    )
    return pd.DataFrame({"customers": counts["customers"].to_numpy()}, index=index)


@cache
def _no_causes() -> pd.DataFrame:
    nothing = pd.MultiIndex.from_arrays([[], [], []], names=["stage", "reason", "event"])
    return pd.DataFrame({"customers": np.zeros(0, np.int64)}, index=nothing)


def _middle(values: NDArray[np.int64]) -> int:
    """Return the median of nanoseconds, rounded down: as integers, which doubles are not beyond 104 days."""
    low, high = (int(part[0]) for part in middles([values]))
    return low + (high - low) // 2
