"""The flow: in which stage customers are at their first visit, their second, and so on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events, visits
from cx_widgets.errors import unknown
from cx_widgets.metrics import _groups, _result
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import WILSON
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.transitions import END, START

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints, Visits
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Flow(Result):
    """Stage by position, from `flow`.

    Attributes
    ----------
    frame
        One line for each position and stage, see `flow`.
    positions
        Number of positions, to each side where journeys are aligned at a stage.
    align
        Where positions are counted from: ``"(start)"``, ``"(end)"`` or the name of a stage.
    repeats
        Whether consecutive events of one stage are one visit, ``"merged"``, or each is one, ``"kept"``.
    visitors_total
        Customers with at least one event in a stage, of those aligned at a stage the ones who visited it: the
        denominator of every share.
    """

    positions: int
    align: str
    repeats: str
    visitors_total: int
    _links: pd.DataFrame

    @property
    def links(self) -> pd.DataFrame:
        """The moves from a position to the next that happened.

        The columns are ``position`` (that of ``from``), ``from``, ``to``, ``count``, ``dwell_mean`` and
        ``dwell_median``: the time from the start of the visit to the start of the next, NaT from ``(start)``
        and to ``(end)``. Both positions are among those asked for.
        """
        return self._links.copy()

    @property
    def matrix(self) -> pd.DataFrame:
        """The shares as a step matrix: ``(start)``, the stages and ``(end)`` by position.

        Position 0 is where journeys are aligned, the same place for everyone. Who has not begun by a position
        stands at ``(start)``, who has ended at ``(end)``, so every column adds up to 1; NaN without visitors.
        """
        names = [START, *self.definition.names, END]
        counts = self._frame.pivot_table(
            index="stage", columns="position", values="count", aggfunc="sum", sort=False, observed=False
        )
        counts = counts.reindex(index=names, fill_value=0)
        if self.align in (START, END):
            counts[0] = np.where(counts.index == self.align, self.visitors_total, 0)
        counts = counts.sort_index(axis="columns")
        shares = stats.ratio(counts, self.visitors_total)
        positions = pd.Index(counts.columns.astype(np.int64), name="position")
        return pd.DataFrame(shares, index=pd.Index(names, name="stage"), columns=positions)

    def customers(self, position: int, stage: str) -> pd.DataFrame:
        """Return the customers who stand in a stage at a position, one line each.

        Parameters
        ----------
        position
            One of the positions of `matrix`.
        stage
            Name of the stage, ``"(start)"`` for those who have not begun by then, ``"(end)"`` for those who
            have ended.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`; ``reach`` is missing for customers who never entered the
            first stage.

        Raises
        ------
        CXError
            For an unknown position or stage.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"],
        ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
        ...     "what": ["ad", "order", "ad"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.flow(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
        >>> list(result.customers(2, "(end)").index)
        ['b']
        """
        names = (START, *self.definition.names, END)
        positions = _span(self.positions, self.align)
        if isinstance(position, bool) or position not in (0, *positions):
            raise unknown("position", position, positions)
        if stage not in names:
            raise unknown("stage", stage, names)
        made = visits(self._log, self.definition, merged=self.repeats == _result.MERGED)
        places = _places(made, self.definition, self.align)
        if stage == START:
            chosen = places.customer[places.begin > position]
        elif stage == END:
            chosen = places.customer[places.end <= position]
        else:
            there = places.counted & (places.place == position) & (made.stage == names.index(stage))
            chosen = made.customer[there]
        return customer_table(self._log, by_customer(self.definition), chosen)

    def _table(self) -> Table:
        wide = self._frame.pivot_table(
            index="stage", columns="position", values="count", sort=False, observed=False
        )
        total = self.visitors_total

        def cell(number: float) -> str:
            return (
                f"{_numbers.count(number)} ({_numbers.percent(number / total)})"
                if total
                else _numbers.count(number)
            )

        shown, cut = _result.most_frequent(wide.sum(axis="columns"), "stages")
        rows = tuple(
            (str(stage), *(cell(number) for number in line)) for stage, line in wide.loc[shown].iterrows()
        )
        aligned = () if self.align == START else (_aligned_note(self.align),)
        left_out = self.n_customers - total
        notes = (
            *cut,
            _result.visits_note(self.definition, self.repeats),
            *aligned,
            _result.visitors_note(self.unassigned_events, left_out)
            if self.align in (START, END)
            else f"{_result.unassigned_note(self.unassigned_events)} {left_out:,} of "
            f"{self.n_customers:,} customers never visited {self.align}.",
        )
        columns = ("Stage", *(f"Visit {position}" for position in wide.columns))
        return Table(f"Flow of {total:,} customers", columns, rows, notes)


def _aligned_note(align: str) -> str:
    return (
        "Visit -1 is the last one."
        if align == END
        else f"Visit 0 is the first one to {align}; those before it have negative numbers."
    )


def flow(
    log: EventLog,
    definition: Definition,
    positions: int = 10,
    *,
    align: str = START,
    repeats: str = "merged",
) -> Flow:
    """Return how many customers are in each stage at their first visit, their second, and so on.

    **Count** of a position and stage: the customers whose visit with that number is to that stage.
    Customers with fewer visits are counted under ``(end)``, so every position adds up to the same
    customers. **Share** = count / customers with at least one visit, with Wilson's interval. A visit is a run
    of consecutive events of a customer in one stage, or with ``repeats="kept"`` a single event; events in no
    stage do not interrupt it.

    **Aligned** at ``"(end)"`` the positions run backwards: -1 is the last visit, and customers with fewer
    visits are counted under ``(start)``. Aligned at a stage, position 0 is the first visit to it, with
    positions on either side; only customers who visited it count.

    **Ties.** Events of one customer at one time stand in the order of their stages; with the rule
    ``ties="row"`` they stand as in the frame. **Repeats.** A stage visited again counts again, at its later
    position. **Censoring.** A customer whose last visit may still be followed by others is counted under
    ``(end)`` all the same: the flow describes what was observed. **Empty.** Without visits counts are 0 and
    shares NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages. Of the rules only ``ties`` has a part in it.
    positions
        How many positions, from 1; to each side where journeys are aligned at a stage.
    align
        Where positions are counted from: ``"(start)"``, ``"(end)"`` or the name of a stage.
    repeats
        ``"merged"``: consecutive events of one stage are one visit. ``"kept"``: each event is a visit.

    Returns
    -------
    Flow
        ``frame`` has the columns ``position``, ``stage`` (in order, with ``(start)`` first where journeys may
        begin later and ``(end)`` last where they may end earlier), ``count``, ``share``, ``lower``,
        ``upper``, ``denominator`` and ``method``, one line for each pair. ``links`` has the moves between
        positions, ``matrix`` the shares as a table.

    Raises
    ------
    CXError
        When the definition does not fit the log, ``positions`` is no whole number from 1, or ``align`` or
        ``repeats`` has another value.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
    ...     "what": ["ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> journey = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
    >>> flow(log, journey, positions=2).links
       position      from     to  count dwell_mean dwell_median
    0         1  Consider    Buy      1     2 days       2 days
    1         1  Consider  (end)      1        NaT          NaT
    >>> flow(log, journey, positions=2, align="(end)").matrix
    position   -2   -1    0
    stage
    (start)   0.5  0.0  0.0
    Consider  0.5  0.5  0.0
    Buy       0.0  0.5  0.0
    (end)     0.0  0.0  1.0
    """
    log, definition = _result.check(log, definition)
    number, repeats = _result.whole("positions", positions, 10), _result.check_repeats(repeats)
    anchors = (START, END, *definition.names)
    if align not in anchors:
        raise unknown("place to align journeys at", align, anchors)
    return log.memo(
        ("flow", definition, number, align, repeats), lambda: _flow(log, definition, number, align, repeats)
    )


def _span(positions: int, align: str) -> range:
    return range(1 if align == START else -positions, 0 if align == END else positions + 1)


class _Places(NamedTuple):
    """Where visits lie from the place journeys are aligned at.

    Attributes
    ----------
    place
        Of each visit its position.
    counted
        Whether its customer is aligned.
    customer, begin, end
        Who is aligned, the position of the first visit of each, and the one behind the last.
    """

    place: Longs
    counted: Bools
    customer: Ints
    begin: Longs
    end: Longs


def _places(made: Visits, definition: Definition, align: str) -> _Places:
    begins = np.flatnonzero(made.first)
    ends = np.append(begins[1:], len(made.stage))[: len(begins)]
    aligned = np.ones(len(begins), dtype=bool)
    if align == START:
        anchor = begins - 1
    elif align == END:
        anchor = ends
    else:
        there = np.flatnonzero(made.stage == definition.names.index(align) + 1)
        owner = np.searchsorted(begins, there, side="right") - 1
        anchor, aligned = begins.copy(), np.zeros(len(begins), dtype=bool)
        aligned[owner] = True
        # Of several visits of one customer the one written last stays: the first.
        anchor[owner[::-1]] = there[::-1]
    owner = np.cumsum(made.first) - 1
    return _Places(
        place=np.arange(len(made.stage)) - anchor[owner],
        counted=aligned[owner],
        customer=made.customer[begins[aligned]],
        begin=(begins - anchor)[aligned],
        end=(ends - anchor)[aligned],
    )


def _flow(log: EventLog, definition: Definition, positions: int, align: str, repeats: str) -> Flow:
    made = visits(log, definition, merged=repeats == _result.MERGED)
    places = _places(made, definition, align)
    # (start) is 0, the stages count from 1, (end) comes last.
    width = len(definition.names) + 2
    total = len(places.begin)
    span = np.array(_span(positions, align))
    inside = places.counted & (places.place >= span[0]) & (places.place <= span[-1])
    cells = (places.place[inside] - span[0]) * width + made.stage[inside]
    grid = np.bincount(cells, minlength=len(span) * width).reshape(len(span), width)
    grid[:, 0] = total - np.searchsorted(np.sort(places.begin), span, side="right")
    grid[:, -1] = np.searchsorted(np.sort(places.end), span, side="right")
    shown = slice(int(align == START), width - int(align == END))
    names = [START, *definition.names, END][shown]
    counts = grid[:, shown].ravel()
    lower, upper = stats.wilson(counts, total)
    frame = pd.DataFrame(
        {
            "position": np.repeat(span, len(names)),
            "stage": _result.names_at(names, np.tile(np.arange(1, len(names) + 1), len(span))),
            "count": counts,
            "share": stats.ratio(counts, total),
            "lower": lower,
            "upper": upper,
            "denominator": total,
            "method": WILSON,
        }
    )
    return Flow(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        positions=positions,
        align=align,
        repeats=repeats,
        visitors_total=total,
        _links=_links(log, made, places, span, names),
        _frame=frame,
        _log=log,
    )


def _links(log: EventLog, made: Visits, places: _Places, span: Longs, names: list[str]) -> pd.DataFrame:
    first, last = int(span[0]), int(span[-1])
    width = len(names) + 2 - len({START, END} & set(names))
    stage, place = made.stage.astype(np.int64), places.place

    def coded(at: Longs, origin: Longs | int, target: Longs | int) -> Longs:
        codes: Longs = ((at - first) * width + origin) * width + target
        return codes

    leaves = places.counted & (place >= first) & (place < last)
    moved = np.flatnonzero(leaves & ~made.last)
    done = np.flatnonzero(leaves & made.last)
    began = np.flatnonzero(places.counted & made.first & (place > first) & (place <= last))
    spells = _groups.by_group(
        coded(place[moved], stage[moved], stage[moved + 1]), made.start[moved + 1] - made.start[moved]
    )
    edges = np.append(coded(place[began] - 1, 0, stage[began]), coded(place[done], stage[done], width - 1))
    edge, count = np.unique(edges, return_counts=True)
    unknown_time = np.full(len(edge), np.nan)
    code = np.append(spells.code, edge)
    order = np.argsort(code)
    origin, target = code[order] // width % width, code[order] % width
    skipped = int(names[0] != START)
    return pd.DataFrame(
        {
            "position": code[order] // (width * width) + first,
            "from": _result.names_at(names, origin + 1 - skipped),
            "to": _result.names_at(names, target + 1 - skipped),
            "count": np.append(spells.size, count)[order],
            "dwell_mean": log.durations(np.append(spells.mean, unknown_time)[order]),
            "dwell_median": log.durations(np.append(spells.median, unknown_time)[order]),
        }
    )
