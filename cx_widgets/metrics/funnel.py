"""The funnel: how many customers reach each stage in order, how soon, and where they are lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events, funnel_paths, funnel_totals, is_special, matched
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._customers import (
    before,
    bounds,
    by_customer,
    clusters,
    customer_table,
    ids,
    is_open,
    noun,
    reached,
)
from cx_widgets.metrics._figure import CLUSTERED, WILSON
from cx_widgets.metrics._lines import Known, Lines, Times, when_asked
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import FunnelPaths, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cells

    Floats = NDArray[np.float64]

_MATCH = ("customer", "stage", "row", "time")
STATES = ("reached", "converted", "dropped", "stopped", "open", "skipped")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Funnel(Result):
    """How many customers reach each stage, from `funnel`.

    Attributes
    ----------
    frame
        One line for each stage, see `funnel`.
    open_customers
        Customers who entered, did not convert and may still do so: observation ended inside their window.
    n_units
        What the rules count, customers by default, entered or not.
    """

    open_customers: int
    n_units: int
    _lines: Lines

    def columns(self) -> Cells:  # noqa: D102 - of every result
        return self._lines.cells()

    def customers(self, stage: str, state: str = "reached") -> pd.DataFrame:
        """Return the customers behind a bar or a loss, one line each.

        Parameters
        ----------
        stage
            Name of the stage.
        state
            ``"reached"``: got to the stage. ``"converted"``: got to it and to the last one. ``"dropped"``:
            the `drop_off` of the stage, got to the one it is compared with and not to it. ``"stopped"``: got
            exactly so far. ``"open"``: of these, who may still convert. ``"skipped"``: got to a later stage
            and not to this one, which is optional or passed over by open reach.

        Returns
        -------
        pandas.DataFrame
            Indexed by customer id, in the order of `EventLog.customer_ids`. ``reach``: name of the deepest
            stage reached. ``entered``: start of the chain that reached it (the latest start that does). One
            column for each stage with the time at which it was first reached, NaT beyond ``reach`` (a stage
            named like one of the other columns has `` (time)`` behind its name). ``converted``: reached the
            last stage. ``open``: may still convert.

        Raises
        ------
        CXError
            For an unknown stage or state, and for a state nobody can be in: dropped before the first stage,
            open without a window, skipped where every stage before the deepest one is reached.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"],
        ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
        ...     "what": ["ad", "order", "ad"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.funnel(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
        >>> list(result.customers("Buy", state="dropped").index)
        ['b']
        """
        names = self.definition.names
        if stage not in names:
            raise unknown("stage", stage, names)
        if state not in STATES:
            raise unknown("state", state, STATES)
        number = names.index(stage) + 1
        nobody = _why_nobody(self.definition, stage, state)
        if nobody:
            raise CXError(nobody)
        paths = funnel_paths(self._log, self.definition)
        there = reached(paths, number)
        if state == "stopped":
            there = paths.reach == number
        elif state == "open":
            there = (paths.reach == number) & is_open(self._log, self.definition, paths)
        elif state == "converted":
            there = there & (paths.reach == len(paths.levels))
        elif state == "skipped":
            there = (paths.reach > number) & ~there
        elif state == "dropped":
            there = reached(paths, before(self.definition)[number - 1]) & ~there
        return customer_table(self._log, self.definition, np.flatnonzero(there))

    @property
    def matches(self) -> pd.DataFrame:
        """The rows of the log that carried each customer to their deepest stage.

        For each customer the chain of the deepest stage reached: the row that reached it first; of the starts
        that reach it then, the latest; for every stage between, the earliest row after that start.

        Returns
        -------
        pandas.DataFrame
            Columns ``customer``, ``stage``, ``row`` (position in the frame the log was made from) and
            ``time``; by customer, then stage. Where the rules count something else than customers, its id
            stands in columns of its own before ``stage``, and ``customer`` is whose row it is.
        """
        log, definition = self._log, self.definition
        paths, chains = funnel_paths(log, definition), matched(log, definition)
        position = chains.position
        columns: dict[str, object] = {"customer": log.customer_ids[log.packed.customers[position]]}
        if paths.subjects is not None:
            parts = ids(log, definition, paths).take(chains.subject)
            for level in range(parts.nlevels):
                name = str(parts.names[level])
                if level or paths.subjects.names is not None:
                    name = f"{name} (id)" if name in _MATCH else name
                    columns.setdefault(name, parts.get_level_values(level))
        columns["stage"] = _result.names_at(definition.names, chains.stage)
        columns["row"] = log.packed.rows_at(position)
        columns["time"] = log.timestamps(log.packed.ticks[position].astype(np.int64))
        return pd.DataFrame(columns)

    def _table(self) -> Table:
        columns = (
            "Stage",
            "Customers" if by_customer(self.definition) is self.definition else "Reached",
            "Of entrants",
            "95 %",
            "Of previous",
            "Lost before",
            "Open",
            "From previous",
            "From entry",
        )
        rows = tuple(
            (
                str(name),
                _numbers.count(row["reach"]),
                _numbers.percent(row["conversion"]),
                _numbers.span(row["conversion_lower"], row["conversion_upper"]),
                _numbers.percent(row["step_conversion"]),
                _numbers.count(row["drop_off"]),
                _numbers.count(row["open"]),
                _numbers.timedelta(row["median_from_previous"]),
                _numbers.timedelta(row["median_from_entry"]),
            )
            for name, row in self._frame.iterrows()
        )
        notes = (
            _result.funnel_rules_note(self.definition),
            f"{_result.unassigned_note(self.unassigned_events)} {open_note(self)}",
        )
        return Table(f"Funnel of {noun(self.definition, self.n_units)}", columns, rows, notes)


def _why_nobody(definition: Definition, stage: str, state: str) -> str:
    """Return why nobody can be in a state at a stage; empty where somebody can."""
    number, last = definition.names.index(stage) + 1, len(definition)
    if state == "dropped" and number == 1:
        return (
            f"nobody is lost before {stage!r}: it is the first stage. "
            f"Ask for a later one, or for state='stopped': those who got no further than {stage!r}."
        )
    if state == "open" and definition.rules.window is None:
        return (
            "nobody is open: without a window there is no telling who may still convert. "
            "Set one, with_rules(window='30D'), or ask for state='stopped'."
        )
    if state == "open" and number == last:
        return f"nobody is open at {stage!r}: it is the last stage, and to reach it is to convert."
    skips = definition.rules.reach == "open" or definition.stages[number - 1].optional
    if state == "skipped" and (not skips or number == last):
        why = "it is the last stage" if number == last else "it is not optional, and reach is closed"
        return f"nobody skips {stage!r}: {why}. Ask for state='dropped': those who got no further."
    return ""


def funnel(log: EventLog, definition: Definition) -> Funnel:
    """Return how many customers reach each stage in order, with conversion, losses and times.

    **Reach.** A customer reaches stage k if the log holds a chain of their rows, one for each of the stages
    1 to k in that order, the last no later than the window after the first (exactly the window is inside;
    without a window any time). Other rows may lie between. Every row of the first stage may start a chain;
    the customer reaches what the best chain reaches (best attempt). What stages after k hold never changes
    the figures of stage k.

    **Denominators.** ``conversion`` = reach / entrants, the customers who reached the first stage.
    ``step_conversion`` = reach / reach of the stage before. ``drop_off`` = the difference of the two, and
    ``drop_off_share`` its share of the stage before.

    **Times.** From the first moment at which the customer reached the stage: back to entry, the latest
    start from which a chain reached the stage at that moment, and back to the earliest arrival at the stage
    before on a chain with that start. The medians are taken over the customers who reached the stage.

    **Ties.** Rows of one customer at one time stand in the order of their stages, so the order of the rows in
    the frame is of no consequence. **Repeats.** A customer counts once for each stage; a row lies in at
    most one stage, so it serves one stage only. **Censoring.** ``open`` customers have not dropped off:
    they did not convert, and the log ends before their last entry is a whole window old. They stay in
    the denominators and are counted beside; without a window nobody is open. **Empty.** Without entrants
    every share is NaN and every time NaT.

    **Special rules.** The above holds for the default rules; what each other rule changes stands in `Rules`.
    With optional stages or open entry, ``previous`` are those who reached the last stage before that is not
    optional, and the step figures count who of them reached this one.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and the rules.

    Returns
    -------
    Funnel
        ``frame`` is indexed by stage, in order, with the columns ``reach``, ``entrants``, ``conversion``,
        ``conversion_lower``, ``conversion_upper``, ``previous``, ``step_conversion``, ``step_lower``,
        ``step_upper``, ``drop_off``, ``drop_off_share`` (these five undefined for the first stage),
        ``open`` (reached exactly this stage and still open), ``median_from_previous``,
        ``median_from_entry``, ``method``. Bounds are Wilson's at 95 %, clustered by
        customer where a customer has several lines.

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
    ...     "who": ["a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
    ...     "what": ["ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = funnel(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
    >>> result.frame["reach"].tolist(), result.frame.loc["Buy", "median_from_entry"]
    ([2, 1], Timedelta('2 days 00:00:00'))
    """
    log, definition = _result.check(log, definition)
    return log.memo(("funnel", definition), lambda: _funnel(log, definition))


def _funnel(log: EventLog, definition: Definition) -> Funnel:
    made = _special(log, definition) if is_special(definition) else _plain(log, definition)
    reach, previous, both = made.reach, made.previous, made.both
    first = np.arange(len(reach)) == 0
    low, high, step_low, step_high = made.bounds
    lines = Lines(
        {
            "reach": reach,
            "entrants": made.entrants,
            "conversion": stats.ratio(reach, made.entrants),
            "conversion_lower": low,
            "conversion_upper": high,
            "previous": Known(previous, first),
            "step_conversion": np.where(first, np.nan, stats.ratio(both, previous)),
            "step_lower": np.where(first, np.nan, step_low),
            "step_upper": np.where(first, np.nan, step_high),
            "drop_off": Known(previous - both, first),
            "drop_off_share": np.where(first, np.nan, stats.ratio(previous - both, previous)),
            "open": made.open,
            "median_from_previous": Times(log, np.array([np.nan, *made.from_previous[1:]])),
            "median_from_entry": Times(log, np.array(made.from_entry)),
            "method": made.method,
        },
        index=("stage", list(definition.names)),
    )
    return Funnel(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        open_customers=int(made.open.sum()),
        n_units=made.n_units,
        _lines=lines,
        _frame=when_asked(lines.frame),
        _log=log,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What a funnel's table is made of: one entry for each stage, or one for all of them."""

    reach: Ints
    previous: Ints
    both: Ints
    entrants: Ints
    open: Ints
    bounds: tuple[Floats, Floats, Floats, Floats]
    from_previous: list[float]
    from_entry: list[float]
    n_units: int
    method: str


def _plain(log: EventLog, definition: Definition) -> _Made:
    totals = funnel_totals(log, definition)
    reach = totals.reach
    previous = np.append(0, reach[:-1])
    both = np.append(0, reach[1:])
    everybody = definition.rules.denominator == "all"
    entrants = np.full(len(reach), log.n_customers if everybody else reach[0])
    # Nobody needs any time from entry to entry; the second stage has entry before it.
    at_once = [0.0 if reach[0] else np.nan]
    return _Made(
        reach=reach,
        previous=previous,
        both=both,
        entrants=entrants,
        open=totals.open,
        bounds=(*stats.wilson(reach, entrants), *stats.wilson(both, previous)),
        from_previous=at_once + totals.median_since_previous[1:].tolist(),
        from_entry=at_once + totals.median_since_entry[1:].tolist(),
        n_units=log.n_customers,
        method=WILSON,
    )


def _special(log: EventLog, definition: Definition) -> _Made:
    paths = funnel_paths(log, definition)
    reach = np.array([len(level.customer) for level in paths.levels], dtype=np.int64)
    previous, both = _steps(definition, paths, reach)
    all_of_them = definition.rules.denominator == "all"
    entrants = np.full(len(reach), len(paths.reach) if all_of_them else len(paths.entrants))
    still = is_open(log, definition, paths)
    return _Made(
        reach=reach,
        previous=previous,
        both=both,
        entrants=entrants,
        open=np.bincount(paths.reach[still], minlength=len(reach) + 1)[1:],
        bounds=_intervals(definition, paths, entrants, (previous, both)),
        from_previous=_medians(paths, "previous"),
        from_entry=_medians(paths, "entered"),
        n_units=len(paths.reach),
        method=WILSON if clusters(paths) is None else CLUSTERED,
    )


def _intervals(
    definition: Definition, paths: FunnelPaths, entrants: Ints, steps: tuple[Ints, Ints]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the bounds of the conversions and of the step conversions."""
    reach = np.array([len(level.customer) for level in paths.levels], dtype=np.int64)
    if clusters(paths) is None:
        previous, both = steps
        return *stats.wilson(reach, entrants), *stats.wilson(both, previous)
    nobody = np.zeros(len(paths.reach), dtype=bool)
    everybody = ~nobody if definition.rules.denominator == "all" else paths.reach > 0
    there = [nobody, *(reached(paths, number) for number in range(1, len(reach) + 1))]
    total = [bounds(paths, here, everybody) for here in there[1:]]
    single = [
        bounds(paths, here & there[other], there[other])
        for here, other in zip(there[1:], before(definition), strict=True)
    ]
    low, high = np.array(total).T
    step_low, step_high = np.array(single).T
    return low, high, step_low, step_high


def _steps(definition: Definition, paths: FunnelPaths, reach: Ints) -> tuple[Ints, Ints]:
    """Return for each stage who reached the one it is compared with, and who of them reached it too."""
    compared = before(definition)
    previous = np.array([reach[number - 1] if number else 0 for number in compared], dtype=np.int64)
    if definition.rules.reach == "closed" and not any(stage.optional for stage in definition.stages):
        return previous, np.where(np.array(compared) > 0, reach, 0)
    both = [
        int((reached(paths, number) & reached(paths, other)).sum()) if other else 0
        for number, other in enumerate(compared, start=1)
    ]
    return previous, np.array(both, dtype=np.int64)


def open_note(result: Funnel) -> str:
    """Return the sentence on those who may still convert."""
    if by_customer(result.definition) is result.definition:
        return _result.open_note(result.open_customers)
    verb = "is" if result.open_customers == 1 else "are"
    return f"{noun(result.definition, result.open_customers)} {verb} still open."


def _medians(paths: FunnelPaths, since: str) -> list[float]:
    return _result.medians_of_ticks([level.reached - getattr(level, since) for level in paths.levels])
