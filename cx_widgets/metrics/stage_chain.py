"""The journey as a Markov chain: the long run, and whether it remembers more than the stage it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, chains, stats
from cx_widgets.engine import assigned_events, moves, visits
from cx_widgets.errors import CXError
from cx_widgets.metrics import _result
from cx_widgets.metrics._figure import CLUSTERED
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Visits
    from cx_widgets.log import EventLog
    from cx_widgets.stats import Test

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]

_SIGNIFICANT = 0.05
_FEW = 5.0


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StageChain(Result):
    """The moves between stages as a Markov chain, from `stage_chain`.

    Attributes
    ----------
    frame
        One line for each stage, see `stage_chain`.
    memory
        Pearson's test that the next stage depends on the stage a customer is in, and not on the one before
        too: statistic, degrees of freedom, p. NaN where there is nothing to tell it by.
    repeats
        Whether consecutive events of one stage are one visit, ``"merged"``, or each is one, ``"kept"``.
    note
        Why the long run is undefined, or what to know of the test; empty where there is nothing.
    """

    memory: Test
    repeats: str
    note: str
    _triples: Longs

    @property
    def triples(self) -> pd.DataFrame:
        """How often three came one after the other: ``before``, ``now``, ``next``, ``count``, ``expected``.

        ``expected`` is what a chain that remembers only ``now`` makes of these counts. With ``(start)`` and
        ``(end)``; triples that neither happened nor were to be expected are left out.
        """
        names = self.definition.names
        counts = self._triples.astype(np.float64)
        through = counts.sum(axis=(0, 2))
        expected = np.nan_to_num(
            stats.ratio(counts.sum(axis=2)[:, :, None] * counts.sum(axis=0)[None], through[None, :, None])
        )
        before, now, after = np.nonzero(expected)
        return pd.DataFrame(
            {
                "before": np.array(["(start)", *names], dtype=object)[before],
                "now": np.array(["(start)", *names], dtype=object)[now],
                "next": np.array(["(end)", *names], dtype=object)[after],
                "count": self._triples[before, now, after],
                "expected": expected[before, now, after],
            }
        )

    def _table(self) -> Table:
        rows = tuple(
            (
                str(stage),
                _numbers.count(line["numerator"]),
                _numbers.percent(line["value"]),
                _numbers.span(line["lower"], line["upper"]),
                _numbers.percent(line["long_run"]),
            )
            for stage, line in self._frame.iterrows()
        )
        notes = (
            _memory_note(self.memory),
            *([self.note] if self.note else []),
            _result.visits_note(self.definition, self.repeats),
            _result.unassigned_note(self.unassigned_events),
        )
        columns = ("Stage", "Visits", "Of all visits", "95 %", "In the long run")
        return Table("The journey as a chain", columns, rows, notes)


def _memory_note(memory: Test) -> str:
    if np.isnan(memory.p):
        return "Whether the stage before matters cannot be told from these visits."
    told = "matters, too" if memory.p < _SIGNIFICANT else "adds nothing that could be seen"
    p = "p < 0.001" if memory.p < 0.001 else f"p = {memory.p:.3f}"  # noqa: PLR2004 - three digits
    return (
        f"For where customers go next, the stage before the one they are in {told} "
        f"(chi-squared {memory.statistic:,.1f}, {memory.freedom:,} degrees of freedom, {p})."
    )


def stage_chain(log: EventLog, definition: Definition, *, repeats: str = "merged") -> StageChain:
    """Return the moves between stages as a Markov chain: its long run, and a test of its memory.

    **Share** = visits to the stage / all visits; as in `transitions`. Customers make many visits, so the
    bounds are clustered by customer.

    **Long run** = the share of visits if journeys went on for ever as they go from stage to stage: the
    steady state of the chain whose probabilities are moves to another visit / all moves to another visit
    from the same stage, ``(start)`` and ``(end)`` left out. A stage far above its share is one that journeys
    drift to. NaN where the chain falls apart, or a stage is never left for another visit; the note
    says so.

    **Memory**: a chain knows only where a customer is. The test compares how often three visits came one
    after the other with what such a chain makes of them, ``(start)`` and ``(end)`` included: a small p says
    that it matters where customers come from, or that customers differ in where they go. Then pictures and
    credit made from single moves (`flow`, the first-order ``"markov"`` of `credit`) leave something out;
    look at `variants`, or credit of order 2.

    **Ties, repeats** as in `transitions`. **Censoring.** None: where the log ends the journey ends.
    **Empty.** Without a visit all is NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages. Of the rules only ``ties`` has a part in it.
    repeats
        As in `transitions`.

    Returns
    -------
    StageChain
        ``frame`` is indexed by ``stage``, with the columns ``numerator``, ``denominator``, ``value``,
        ``lower``, ``upper``, ``long_run`` and ``method``.

    Raises
    ------
    CXError
        As `transitions` does.

    References
    ----------
    Anderson, T. W. and Goodman, L. A. (1957). Statistical inference about Markov chains. Annals of
    Mathematical Statistics 28, 89-110.
    Kemeny, J. G. and Snell, J. L. (1960). Finite Markov Chains.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a"] * 4 + ["b"] * 3,
    ...     "when": pd.date_range("2026-01-01", periods=7),
    ...     "what": ["ad", "order", "ad", "order", "ad", "ad", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> stage_chain(log, cx.Definition({"Look": ["ad"], "Buy": ["order"]})).frame[["value", "long_run"]]
           value  long_run
    stage
    Look     0.5       0.5
    Buy      0.5       0.5
    """
    log, definition = _result.check(log, definition)
    repeats = _result.check_repeats(repeats)
    return log.memo(("stage_chain", definition, repeats), lambda: _stage_chain(log, definition, repeats))


def _stage_chain(log: EventLog, definition: Definition, repeats: str) -> StageChain:
    made = visits(log, definition, merged=repeats == _result.MERGED)
    n = len(definition.names)
    counted = _triples(made, n)
    memory = chains.order_test(counted)
    moved = moves(log, definition, merged=repeats == _result.MERGED).count[1:, 1:]
    long_run, notes = _long_run(moved)
    few = _small_cells(counted)
    if few and not np.isnan(memory.p):
        notes.append(few)
    return StageChain(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        memory=memory,
        repeats=repeats,
        note=" ".join(notes),
        _triples=counted,
        _frame=_frame(log, definition, made).assign(long_run=long_run, method=CLUSTERED),
        _log=log,
    )


def _triples(made: Visits, n: int) -> Longs:
    """Return the triples; 0 is before the first visit as the one before, after the last as the next."""
    stage = made.stage.astype(np.int32)
    before, after = np.zeros_like(stage), np.zeros_like(stage)
    np.copyto(before[1:], stage[:-1], where=~made.first[1:])
    np.copyto(after[:-1], stage[1:], where=~made.last[:-1])
    width = n + 1
    counted = np.bincount((before * width + stage) * width + after, minlength=width**3)
    return counted.reshape(width, width, width)


def _long_run(moved: Longs) -> tuple[Floats, list[str]]:
    undefined = np.full(len(moved), np.nan)
    seen = np.flatnonzero(moved.sum(axis=0) + moved.sum(axis=1))
    if not len(seen):
        return undefined, ["Nobody went from one visit to another: there is no long run."]
    table = moved[np.ix_(seen, seen)].astype(np.float64)
    if not table.sum(axis=1).all():
        return undefined, ["A stage is never left for another visit: there is no long run."]
    try:
        found = chains.steady_state(stats.ratio(table, table.sum(axis=1, keepdims=True)))
    except CXError:
        return undefined, ["The stages fall into sets that are never left: there is no one long run."]
    whole = np.zeros(len(moved))
    whole[seen] = found
    return whole, []


def _small_cells(counted: Longs) -> str:
    counts = counted.astype(np.float64)
    expected = stats.ratio(
        counts.sum(axis=2)[:, :, None] * counts.sum(axis=0)[None], counts.sum(axis=(0, 2))[None, :, None]
    )
    cells = expected[expected > 0]
    small = int((cells < _FEW).sum())
    if small <= len(cells) / 5:  # Cochran's rule of thumb
        return ""
    return f"{small:,} of {len(cells):,} triples were expected fewer than 5 times: take the test as a hint."


def _frame(log: EventLog, definition: Definition, made: Visits) -> pd.DataFrame:
    names = definition.names
    n = len(names)
    cell = (made.stage.astype(np.int64) - 1) * log.n_customers + made.customer
    each = np.bincount(cell, minlength=log.n_customers * n).reshape(n, -1)
    total = each.sum(axis=0)
    squares, products = np.einsum("ij,ij->i", each, each), each @ total
    count, every = each.sum(axis=1), int(total.sum())
    lower, upper = stats.clustered_wilson(
        count,
        np.full(n, every),
        success_squares=squares,
        products=products,
        trial_squares=np.full(n, int((total**2).sum())),
        clusters=np.full(n, np.count_nonzero(total)),
    )
    columns = {
        "numerator": count,
        "denominator": np.full(n, every),
        "value": stats.ratio(count, every),
        "lower": lower,
        "upper": upper,
    }
    return pd.DataFrame(columns, index=pd.Index(names, name="stage"))
