"""Transitions: from which stage to which customers move, how often, and after how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events, moves, visits
from cx_widgets.errors import unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import CLUSTERED, Figure, estimated
from cx_widgets.metrics._lines import Lines, Times, Words, when_asked
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bytes, Ints, Moves, Visits
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._lines import Cells

    Longs = NDArray[np.int64]
    Floats = NDArray[np.float64]

START = "(start)"
END = "(end)"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Transitions(Result):
    """Moves between stages, from `transitions`.

    Attributes
    ----------
    frame
        One line for each transition that happened, see `transitions`.
    skip_share, back_share
        Transitions that leave out at least one stage, and those to an earlier stage, as a share of all
        transitions between two different stages (without ``(start)`` and ``(end)``).
    visitors_total
        Customers with at least one event in a stage: those who take part.
    repeats
        Whether consecutive events of one stage are one visit, ``"merged"``, or each is one, ``"kept"``.
    """

    skip_share: Figure
    back_share: Figure
    visitors_total: int
    repeats: str
    _stages: Lines
    _counts: Longs
    _lines: Lines

    def columns(self) -> Cells:  # noqa: D102 - of every result
        return self._lines.cells()

    def stage_columns(self) -> Cells:
        """Return the table of `stages` column by column as `columns` does."""
        return self._stages.cells()

    @property
    def counts(self) -> Longs:
        """The numbers of `matrix`, as an array."""
        return np.column_stack([self._counts[:, 1:], self._counts[:, 0]])

    @property
    def stages(self) -> pd.DataFrame:
        """The stages: visits, customers, median dwell time and censored visits.

        The dwell time of a visit runs from its start to the start of the next visit of that customer. The
        last visit of a customer is censored at the end of observation (``censored`` counts them), so the
        median is Kaplan-Meier's: NaT where more than half of the visits have no known end.
        """
        return self._stages.frame()

    @property
    def matrix(self) -> pd.DataFrame:
        """The counts as a table: from (``(start)`` and the stages) by to (the stages and ``(end)``)."""
        names = self.definition.names
        return pd.DataFrame(
            self.counts,
            index=pd.Index([START, *names], name="from"),
            columns=pd.Index([*names, END], name="to"),
        )

    def weights(self, column: str) -> pd.DataFrame:
        """Return a column of the frame as a table: from (``(start)`` and the stages) by to.

        Parameters
        ----------
        column
            ``"count"``, ``"share"``, ``"share_of_all"`` or ``"per_customer"``.

        Returns
        -------
        pandas.DataFrame
            As `matrix`; 0 for transitions that did not happen, NaN where the denominator is 0.

        Raises
        ------
        CXError
            For another column.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"],
        ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
        ...     "what": ["ad", "order", "ad"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> cx.transitions(log, cx.Definition.of_events(log)).weights("share")
        to        ad  order  (end)
        from
        (start)  1.0    0.0    0.0
        ad       0.0    0.5    0.5
        order    0.0    0.0    1.0
        """
        counts = self.matrix
        if column == "count":
            return counts
        over = {
            "share": counts.sum(axis=1).to_numpy()[:, None],
            "share_of_all": counts.to_numpy().sum(),
            "per_customer": self.visitors_total,
        }
        if column not in over:
            raise unknown("weight of a transition", column, ("count", *over))
        return pd.DataFrame(stats.ratio(counts, over[column]), index=counts.index, columns=counts.columns)

    def customers(self, from_: str, to: str) -> pd.DataFrame:
        """Return the customers who made a transition at least once, one line each.

        Parameters
        ----------
        from_
            Name of the stage they left, or ``"(start)"``.
        to
            Name of the stage they went to, or ``"(end)"``.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`; ``reach`` is missing for customers who never entered the
            first stage.

        Raises
        ------
        CXError
            For an unknown stage.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"],
        ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
        ...     "what": ["ad", "order", "ad"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.transitions(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
        >>> list(result.customers("Consider", "(end)").index)
        ['b']
        """
        names = self.definition.names
        origin = self._number(from_, START, (START, *names))
        target = self._number(to, END, (*names, END))
        made = visits(self._log, self.definition, merged=self.repeats == _result.MERGED)
        if origin == 0:
            moved = made.first & (made.stage == target) if target else np.zeros(len(made.stage), dtype=bool)
        else:
            moved = (made.stage == origin) & (_next_stage(made) == target)
        return self._customers(made.customer[moved])

    def visitors(self, stage: str) -> pd.DataFrame:
        """Return the customers with at least one visit to a stage, one line each.

        Parameters
        ----------
        stage
            Name of the stage.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`; ``reach`` is missing for customers who never entered the
            first stage.

        Raises
        ------
        CXError
            For an unknown stage.
        """
        number = self._number(stage, None, self.definition.names)
        made = visits(self._log, self.definition)
        return self._customers(made.customer[made.stage == number])

    def _customers(self, customers: Ints) -> pd.DataFrame:
        chosen = np.zeros(self.n_customers, dtype=bool)
        chosen[customers] = True
        return customer_table(self._log, by_customer(self.definition), np.flatnonzero(chosen))

    def _number(self, name: str, edge: str | None, available: tuple[str, ...]) -> int:
        if name not in available:
            raise unknown("stage", name, available)
        return 0 if name == edge else self.definition.names.index(name) + 1

    def _table(self) -> Table:
        shown, cut = _result.most_frequent(self._frame["count"], "transitions")
        rows = tuple(
            (
                str(row["from"]),
                str(row["to"]),
                str(row["kind"]),
                _numbers.count(row["count"]),
                _numbers.percent(row["share"]),
                _numbers.span(row["lower"], row["upper"]),
                _numbers.count(row["customers"]),
                _numbers.timedelta(row["dwell_median"]),
            )
            for _, row in self._frame.loc[shown].iterrows()
        )
        notes = (
            *cut,
            _shares_note(self.skip_share, self.back_share),
            _result.visits_note(self.definition, self.repeats),
            _result.visitors_note(self.unassigned_events, self.n_customers - self.visitors_total),
        )
        columns = ("From", "To", "Kind", "Count", "Of all exits", "95 %", "Customers", "Median dwell")
        return Table(
            f"Transitions of {self.visitors_total:,} customers", columns, rows, notes, words=(0, 1, 2)
        )


def _shares_note(skips: Figure, backs: Figure) -> str:
    return (
        f"Skips {_numbers.percent(skips.value)}, back-steps {_numbers.percent(backs.value)} "
        "of the transitions between different stages."
    )


def transitions(log: EventLog, definition: Definition, *, repeats: str = "merged") -> Transitions:
    """Return how often customers move from one stage to another, with shares and dwell times.

    **Visits.** The events of a customer that lie in a stage, in time order, fall into visits: runs of
    events in one stage, or with ``repeats="kept"`` single events. Events in no stage are left out and do not
    interrupt a visit. A transition leads from each visit to the next, from ``(start)`` to the first and from
    the last to ``(end)``. With `Definition.of_events` and repeats kept the transitions are the edges of a
    directly-follows graph.

    **Share** = count / all exits of the stage it leaves, those to ``(end)`` included (``denominator``; for
    ``(start)`` the customers). ``share_of_all`` = count / all transitions, those from ``(start)`` and to
    ``(end)`` included. A customer makes many transitions, so the intervals are clustered by customer:
    Wilson's, on the number of independent exits that would be as uncertain. ``per_customer`` = count /
    customers with an event in a stage; ``customers`` made the transition at least once.

    **Dwell.** The time from the start of a visit to the start of the next, over the visits that ended with
    this transition: its mean and its median; NaT for ``(start)`` and ``(end)``. Medians of all visits to a
    stage, with the last visits censored, stand in ``stages``.

    **Ties.** Events of one customer at one time stand in the order of their stages; with the rule
    ``ties="row"`` they stand as in the frame. Where repeats are kept this order decides how many transitions
    lead from a stage to itself. **Repeats.** Each transition counts. **Empty.** Customers without an event in
    a stage do not take part; without any the table is empty and the shares are NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages. Of the rules only ``ties`` has a part in it.
    repeats
        ``"merged"``: consecutive events of one stage are one visit. ``"kept"``: each event is a visit, so a
        stage may follow itself.

    Returns
    -------
    Transitions
        ``frame`` has a line for each transition that happened, in stage order, with the columns ``from``,
        ``to``, ``count``, ``share``, ``lower``, ``upper``, ``denominator``, ``share_of_all``,
        ``share_of_all_lower``, ``share_of_all_upper``, ``per_customer``, ``customers``, ``dwell_mean``,
        ``dwell_median``, ``kind`` (``"start"``, ``"forward"`` to the next stage, ``"skip"`` beyond it,
        ``"back"``, ``"repeat"`` to the same, ``"end"``) and ``method``.

    Raises
    ------
    CXError
        When the definition does not fit the log (an unknown event or column, an empty stage), and for
        another value of ``repeats``.

    References
    ----------
    Korn, E. L. and Graubard, B. I. (1998). Survey Methodology 24, 193-201: the effective number of trials.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
    ...     "what": ["ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = transitions(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
    >>> result.frame[["from", "to", "count", "share"]]
           from        to  count  share
    0   (start)  Consider      2    1.0
    1  Consider       Buy      1    0.5
    2  Consider     (end)      1    0.5
    3       Buy     (end)      1    1.0
    """
    log, definition = _result.check(log, definition)
    repeats = _result.check_repeats(repeats)
    return log.memo(("transitions", definition, repeats), lambda: _transitions(log, definition, repeats))


def _transitions(log: EventLog, definition: Definition, repeats: str) -> Transitions:
    made = moves(log, definition, merged=repeats == _result.MERGED)
    lines = _lines(log, definition, made)
    return Transitions(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        skip_share=_share_of_moves("skip_share", "Skips", made.skips, made.between),
        back_share=_share_of_moves("back_share", "Back-steps", made.backs, made.between),
        visitors_total=int(made.count[0].sum()),
        repeats=repeats,
        _stages=_stages(log, definition, made),
        _counts=made.count,
        _lines=lines,
        _frame=when_asked(lines.frame),
        _log=log,
    )


def _share_of_moves(
    key: str, label: str, chosen: tuple[int, int, int], between: tuple[int, int, int]
) -> Figure:
    """Return the share of some moves among all between two stages, both as sums over customers."""
    hits, hit_squares, products = chosen
    trials, trial_squares, customers = between
    lower, upper = stats.clustered_wilson(
        hits,
        trials,
        success_squares=hit_squares,
        products=products,
        trial_squares=trial_squares,
        clusters=customers,
    )
    return estimated(
        key,
        label,
        "share",
        stats.Estimate(float(stats.ratio(hits, trials)), float(lower), float(upper)),
        numerator=float(hits),
        denominator=float(trials),
        method=CLUSTERED,
    )


def _next_stage(made: Visits) -> Bytes:
    """Return the stage after each visit, 0 after the last of a customer."""
    return np.where(made.last, np.uint8(0), np.append(made.stage[1:], made.stage[:1])[: len(made.stage)])


def _lines(log: EventLog, definition: Definition, made: Moves) -> Lines:
    counts = made.count
    width = len(counts)
    exits = counts.sum(axis=1)
    # Every customer starts once.
    trial_squares, clusters = made.left_squares.copy(), made.leavers.copy()
    trial_squares[0] = clusters[0] = exits[0]

    # In stage order, with (end) behind the last stage.
    origin, target = np.nonzero(np.column_stack([counts[:, 1:], counts[:, 0]]))
    target = (target + 1) % width
    found = counts[origin, target]
    lower, upper = stats.clustered_wilson(
        found,
        exits[origin],
        success_squares=made.squares[origin, target],
        products=made.products[origin, target],
        trial_squares=trial_squares[origin],
        clusters=clusters[origin],
    )
    every, every_squares, visitors = made.every
    all_lower, all_upper = stats.clustered_wilson(
        found,
        every,
        success_squares=made.squares[origin, target],
        products=made.of_all[origin, target],
        trial_squares=every_squares,
        clusters=visitors,
    )
    # Visits that lead to (end) have not ended yet, so far as is known.
    ended = (origin > 0) & (target > 0)
    mean = np.where(ended, stats.ratio(made.spells.sums[origin, target], found), np.nan)
    median = np.where(ended, made.spells.medians[origin, target], np.nan)
    names, targets = [START, *definition.names], [END, *definition.names]
    return Lines(
        {
            "from": Words([names[number] for number in origin.tolist()]),
            "to": Words([targets[number] for number in target.tolist()]),
            "count": found,
            "share": stats.ratio(found, exits[origin]),
            "lower": lower,
            "upper": upper,
            "denominator": exits[origin],
            "share_of_all": stats.ratio(found, every),
            "share_of_all_lower": all_lower,
            "share_of_all_upper": all_upper,
            "per_customer": stats.ratio(found, visitors),
            "customers": made.customers[origin, target],
            "dwell_mean": Times(log, mean),
            "dwell_median": Times(log, median),
            "kind": Words(_kinds(origin, target)),
            "method": CLUSTERED,
        }
    )


def _kinds(origin: Ints, target: Ints) -> list[str]:
    conditions = [origin == 0, target == 0, target == origin, target == origin + 1, target > origin]
    kinds: list[str] = np.select(
        conditions, ["start", "end", "repeat", "forward", "skip"], default="back"
    ).tolist()
    return kinds


def _stages(log: EventLog, definition: Definition, made: Moves) -> Lines:
    return Lines(
        {
            "visits": made.count[1:].sum(axis=1),
            "customers": made.leavers[1:],
            "dwell_median": Times(log, made.spells.staying[1:]),
            "censored": made.count[1:, 0],
        },
        index=("stage", list(definition.names)),
    )
