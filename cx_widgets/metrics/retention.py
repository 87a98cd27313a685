"""Retention: who comes back in the 1st, 2nd, ... period since they began, by when they began."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.durations import Duration, format_duration, parse_duration
from cx_widgets.engine import assigned_events
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._activity import What, known, label
from cx_widgets.metrics._arguments import one_of
from cx_widgets.metrics._calendar import Cut, Grid, check_origin, cut, grid
from cx_widgets.metrics._cohorts import Asked, Came, begun, clustered_bounds, facts, reached, returned_in
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import CLUSTERED, WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._cohorts import Began

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

KINDS = ("on", "on or after", "bracket", "streak")
CLOCKS = ("calendar", "24h")
COHORTS = ("first", "recurring")
MOST_CELLS = 1_000_000
_BY_LENGTH = {"1D": "D", "7D": "W"}

_SHOWN_COHORTS, _SHOWN_PERIODS = 20, 12
_UNRIPE = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Retention(Result):
    """Retention by cohort and period since, from `retention`.

    Attributes
    ----------
    frame
        One line for each cohort and period, see `retention`.
    kind, clock, cohort
        As asked.
    start, back
        What begins, what counts as coming back, in words.
    """

    kind: str
    clock: str
    cohort: str
    start: str
    back: str
    _curve: pd.DataFrame
    _asked: Asked

    @property
    def curve(self) -> pd.DataFrame:
        """All cohorts together: a line for each period since.

        Columns ``period``, ``label``, ``numerator``, ``denominator``, ``value``, ``lower``, ``upper``,
        ``method``. Everybody counts for whom the whole period was observed, also in cohorts that are not
        ripe. The intervals of recurring cohorts are Wilson's on the effective number, by customer. The
        curve ends with the last period that anybody has behind them.
        """
        return self._curve.copy()

    @property
    def matrix(self) -> pd.DataFrame:
        """The values, a line for each cohort and a column for each period; NaN where not ripe."""
        # A pivot table would leave out what has no number at all.
        return self._frame.pivot(index="cohort", columns="period", values="value")  # noqa: PD010

    def customers(self, cohort: object, period: int | None = None, *, returned: bool = True) -> pd.DataFrame:
        """Return the customers of a cohort, or of one cell of it, one line each.

        Parameters
        ----------
        cohort
            The start of a cohort, as in the frame, or its date such as ``"2026-01-05"``.
        period
            The period since, as in the frame; None for the whole cohort.
        returned
            Those who came back in it so far; False for those who did not.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For a cohort or a period that is not in the frame.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "b", "a"], "when": ["2026-01-05", "2026-01-06", "2026-01-13"], "what": "order",
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.retention(log, cx.Definition({"Buy": ["order"]}), period="W")
        >>> list(result.customers("2026-01-05", 1).index)
        ['a']
        """
        starts = self._frame["cohort"].drop_duplicates()
        days = [str(start.date()) for start in starts]
        asked = str(cohort.date()) if isinstance(cohort, pd.Timestamp) else str(cohort)
        if asked not in days:
            raise unknown("cohort", asked, days)
        began, came, edges = facts(self._log, self.definition, self._asked)
        mine = began.cohort == days.index(asked)
        if period is not None:
            known_periods = self._frame["period"][self._frame["cohort"] == starts.iloc[days.index(asked)]]
            if period not in known_periods.tolist():
                raise unknown("period", period, known_periods.tolist())
            mine &= returned_in(self._asked, began, came, edges, int(period)) == returned
        return customer_table(self._log, by_customer(self.definition), began.customer[mine])

    def _table(self) -> Table:
        frame = self._frame
        columns = frame[["period", "label"]].drop_duplicates().sort_values("period")[:_SHOWN_PERIODS]
        starts = frame["cohort"].drop_duplicates()
        rows = [
            _row(str(start.date()), frame[frame["cohort"] == start], columns["period"])
            for start in starts[-_SHOWN_COHORTS:]
        ]
        pooled = dict(zip(self._curve["period"], self._curve["value"], strict=True))
        size = int(frame["size"][frame["period"] == frame["period"].min()].sum())
        everybody = [_numbers.percent(pooled.get(period, np.nan)) for period in columns["period"]]
        rows.append(("all", _numbers.count(size), *everybody))
        zone = self.definition.rules.time_zone or self._log.time_zone
        notes = [
            _sentence(self),
            f"{_UNRIPE}: not wholly observed yet. Calendar in {zone or 'the time of the log'}.",
            _result.unassigned_note(self.unassigned_events),
        ]
        if len(starts) > _SHOWN_COHORTS:
            notes.append(f"The last {_SHOWN_COHORTS} of {len(starts):,} cohorts; .frame has all.")
        word = self._asked.by.word
        heads = ("Cohort", "Customers", *columns["label"])
        return Table(f"Retention by {word} of {self.start}", heads, tuple(rows), tuple(notes))


def _row(name: str, cells: pd.DataFrame, periods: Iterable[int]) -> tuple[str, ...]:
    known_cells = {
        period: _numbers.percent(value) if ripe else _UNRIPE
        for period, value, ripe in zip(cells["period"], cells["value"], cells["ripe"], strict=True)
    }
    size = _numbers.count(cells["size"].iloc[0])
    texts = [known_cells.get(period, "") for period in periods]
    return (name, size, *texts)


_KIND_WORDS = {
    "on": "in period k",
    "on or after": "in period k or later",
    "bracket": "in the bracket",
    "streak": "in each period from 1 to k",
}


def _sentence(result: Retention) -> str:
    period = result._asked.period  # noqa: SLF001 - its own
    each = period.word if isinstance(period, Cut) else f"{format_duration(period)} from the start"
    came = f"{result.back} {_KIND_WORDS[result.kind]} since {result.start}"
    return f"Share with {came} ({result.cohort}); each period a {each}; at or after the start."


def retention(
    log: EventLog,
    definition: Definition,
    *,
    start: What = None,
    back: What = None,
    kind: str = "on",
    period: Duration = "W",
    by: Duration | None = None,
    clock: str = "calendar",
    cohort: str = "first",
    brackets: Iterable[int] | None = None,
    periods: int | None = None,
    first_weekday: str = "Monday",
    origin: object = None,
) -> Retention:
    """Return who comes back how long after they began, by the period in which they began.

    **Cohort.** The customers whose first row of ``start`` in the log lies in a calendar period (``by``). With
    ``cohort="recurring"`` a customer belongs to the cohort of every period with a row of ``start``.

    **Period since.** On the calendar, period 0 is the calendar period of the start, period k the k-th after
    it: who begins on Sunday evening is in period 1 of the week on Monday. With ``clock="24h"`` period k
    runs from the start + k periods (inside) to + (k + 1) periods (outside), by each customer's own clock.

    **Came back**, of a customer and a period k: a row of ``back`` at or after the start that lies, by kind,

    - ``"on"``: in period k (N-day retention);
    - ``"on or after"``: in period k or later, up to the end of observation. Cohorts that were observed
      longer had more time for it;
    - ``"bracket"``: in any period of a bracket; ``brackets=(1, 4, 8)`` makes 1 to 3 and 4 to 7;
    - ``"streak"``: in each of the periods 1 to k, without a gap. Period 0 asks for nothing.

    **Value** = ``numerator`` (customers who came back) / ``denominator`` (customers of the cohort for whom
    the whole period, or bracket, was over at the end of observation), bounds Wilson's. A cell is ``ripe``
    when that is the whole cohort; the value of others is NaN, and ``returned`` what was seen of everybody
    so far.

    **Calendar.** Days, weeks, months and quarters of the log's time zone, or of ``Rules.time_zone``; a day on
    which clocks change is one day. Blocks of days (``"7D"``) are counted from ``origin``.

    **Ties.** A row of ``back`` at the time of the start counts, in period 0; with ``start`` = ``back`` the
    start is itself one. **Repeats.** A customer counts once in a cell. **Censoring.** As above: ripe cells
    only; what is known of a later time than the last event is said by ``Rules.observation_end``. **Empty.**
    A cohort of nobody has a size of 0 and undefined values; an empty log has no cohorts. No other rule has
    a part in it.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    start, back
        The name of a stage, or else of an event, or a `Stage` of its own; by default ``start`` is the stages
        with the role buy and ``back`` the same as ``start``.
    kind
        ``"on"``, ``"on or after"``, ``"bracket"`` or ``"streak"``.
    period
        ``"D"``, ``"W"``, ``"M"``, ``"Q"`` or a duration: on the calendar whole days.
    by
        The same, for the cohorts. By default it is the period; under the 24-hour clock days with ``"1D"``,
        weeks with ``"7D"``, months with all others.
    clock
        ``"calendar"`` or ``"24h"``.
    cohort
        ``"first"`` or ``"recurring"``; recurring cohorts follow the calendar and are by the period.
    brackets
        Where brackets begin, and last where the last one ends: whole numbers of periods, rising. By default
        0, 1, 2, 4, 8 and so on.
    periods
        The largest number of a period to show; None for all there are.
    first_weekday
        Where weeks begin.
    origin
        A day on which a block of days begins; the first day of the log by default.

    Returns
    -------
    Retention
        ``frame`` has the columns ``cohort`` (its first moment), ``period``, ``label``, ``size``,
        ``returned``, ``ripe``, ``numerator``, ``denominator``, ``value``, ``lower``, ``upper`` and
        ``method``, one line for each cohort and each period that had begun at the end of observation.
        ``curve`` pools the cohorts, ``matrix`` is the values in a square, ``customers`` who is in a cell.

    Raises
    ------
    CXError
        When the definition does not fit the log, when nothing says who begins, and when what is asked
        contradicts itself.

    References
    ----------
    Retention by brackets, on or after and in a row are named in many ways by tools; the words here
    are those of this package. Recurring cohorts are those of PostHog.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c"],
    ...     "when": ["2026-01-05", "2026-01-13", "2026-01-06", "2026-01-20"],
    ...     "what": "order",
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = retention(log, cx.Definition({"Buy": ["order"]}), period="W")
    >>> result.frame[["period", "size", "returned", "ripe", "value"]]
       period  size  returned   ripe  value
    0       0     2         2   True    1.0
    1       1     2         1   True    0.5
    2       2     2         0  False    NaN
    3       0     0         0   True    NaN
    4       1     0         0   True    NaN
    5       0     1         1  False    NaN
    >>> result.curve[["period", "numerator", "denominator", "value"]]
       period  numerator  denominator  value
    0       0          2            2    1.0
    1       1          1            2    0.5
    """
    log, definition = _result.check(log, definition)
    length, group = _cuts(
        period,
        by,
        clock=one_of("clock", clock, CLOCKS),
        cohort=one_of("cohort", cohort, COHORTS),
        first_weekday=first_weekday,
        origin=origin,
    )
    if brackets is not None and kind != "bracket":
        raise CXError(f"brackets belong to kind='bracket', not to kind={kind!r}. Leave them out.")
    begin = known(log, definition, start, "start")
    asked = Asked(
        start=begin,
        back=begin if back is None else known(log, definition, back, "back"),
        kind=one_of("kind", kind, KINDS),
        clock=clock,
        period=length,
        by=group,
        cohort=cohort,
        brackets=None if brackets is None else _bracket_edges(brackets),
        periods=None if periods is None else _result.whole("periods", periods, 12, least=0),
    )
    return log.memo(("retention", definition, asked), lambda: _retention(log, definition, asked))


def _cuts(
    period: object, by: object, *, clock: str, cohort: str, first_weekday: object, origin: object
) -> tuple[Cut | pd.Timedelta, Cut]:
    """Return how long periods are, and how the calendar is cut into cohorts."""
    length: Cut | pd.Timedelta
    default: object
    if clock == "24h":
        if period in ("M", "Q"):
            raise CXError(f"period={period!r} has no fixed length on the 24-hour clock. Say '30D' or '90D'.")
        length = parse_duration({"D": "1D", "W": "7D"}.get(str(period), period), "period")
        if cohort == "recurring":
            raise CXError("cohort='recurring' follows the calendar: clock='24h' has no periods to recur in.")
        default = _BY_LENGTH.get(format_duration(length), "M")
    else:
        length = cut(period, "period", first_weekday=first_weekday, origin=origin)
        default = period
    group = cut(default if by is None else by, "by", first_weekday=first_weekday, origin=origin)
    check_origin(origin, *(part for part in (length, group) if isinstance(part, Cut)))
    if cohort == "recurring" and group != length:
        raise CXError(
            f"by={by!r} with cohort='recurring': a customer is once in each period, so cohorts are by it. "
            "Leave by out."
        )
    return length, group


def _bracket_edges(brackets: object) -> tuple[int, ...]:
    edges = list(brackets) if isinstance(brackets, list | tuple | range | np.ndarray) else []
    whole = all(
        isinstance(edge, int | np.integer) and not isinstance(edge, bool) and edge >= 0 for edge in edges
    )
    rising = whole and all(a < b for a, b in pairwise(edges))
    if len(edges) < 2 or not rising:  # noqa: PLR2004 - a bracket has two ends
        raise CXError(
            f"brackets={brackets!r} are not two or more rising whole numbers of periods. "
            "Say brackets=(1, 4, 8) for 1 to 3 and 4 to 7."
        )
    return tuple(int(edge) for edge in edges)


def _retention(log: EventLog, definition: Definition, asked: Asked) -> Retention:
    began, came, edges = facts(log, definition, asked)
    cohorts = grid(log, definition, asked.by)
    n_cohorts, n_columns = len(cohorts), len(edges) - 1
    if n_cohorts * n_columns > MOST_CELLS:
        raise CXError(
            f"{n_cohorts:,} cohorts by {n_columns:,} periods are more than {MOST_CELLS:,} cells. "
            "Say periods=30, or by='M'."
        )
    pairs, over = reached(asked, began, came, edges)

    def counted(entry: Ints, column: Ints, *, at_least: bool) -> Int64s:
        cell = began.cohort[entry].astype(np.int64) * n_columns + column
        table = np.bincount(cell, minlength=n_cohorts * n_columns).reshape(n_cohorts, n_columns)
        return table[:, ::-1].cumsum(axis=1)[:, ::-1] if at_least else table

    everybody = np.flatnonzero(over > 0)
    mature = counted(everybody, np.minimum(over[everybody], n_columns) - 1, at_least=True)
    returned = counted(pairs.entry, pairs.period, at_least=asked.far)
    # The furthest column that is also wholly observed, or the column itself where it is.
    seen = np.minimum(pairs.period, over[pairs.entry] - 1)
    inside = seen >= 0 if asked.far else seen == pairs.period
    numerator = counted(pairs.entry[inside], seen[inside], at_least=asked.far)
    size = np.bincount(began.cohort, minlength=n_cohorts)
    return Retention(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        kind=asked.kind,
        clock=asked.clock,
        cohort=asked.cohort,
        start=label(definition, asked.start),
        back=label(definition, asked.back),
        _curve=_curve(asked, edges, began, Came(pairs.entry[inside], seen[inside]), over),
        _asked=asked,
        _frame=_cells(
            log,
            definition,
            asked,
            cohorts,
            edges=edges,
            size=size,
            returned=returned,
            numerator=numerator,
            mature=mature,
        ),
        _log=log,
    )


def _labels(asked: Asked, edges: Int64s) -> list[str]:
    firsts, lasts = edges[:-1].tolist(), (edges[1:] - 1).tolist()
    if asked.kind == "on or after":
        texts = [f"{first}+" for first in firsts]
    elif asked.kind == "streak":
        texts = [f"1 to {first}" if first > 1 else str(first) for first in firsts]
    else:
        texts = [str(a) if a == b else f"{a} to {b}" for a, b in zip(firsts, lasts, strict=True)]
    return texts


def _cells(
    log: EventLog,
    definition: Definition,
    asked: Asked,
    cohorts: Grid,
    *,
    edges: Int64s,
    size: Int64s,
    returned: Int64s,
    numerator: Int64s,
    mature: Int64s,
) -> pd.DataFrame:
    there = edges[None, :-1] <= begun(log, definition, asked, cohorts)[:, None]
    row, column = np.nonzero(there)
    ripe = (mature == size[:, None])[there]
    top, bottom = numerator[there], mature[there]
    lower, upper = stats.wilson(np.where(ripe, top, 0), np.where(ripe, bottom, 0))
    return pd.DataFrame(
        {
            "cohort": cohorts.starts[row],
            "period": edges[column],
            "label": _picked(_labels(asked, edges), column),
            "size": size[row],
            "returned": returned[there],
            "ripe": ripe,
            "numerator": top,
            "denominator": bottom,
            "value": stats.ratio(np.where(ripe, top, 0), np.where(ripe, bottom, 0)),
            "lower": lower,
            "upper": upper,
            "method": _picked([WILSON], np.zeros(len(row), dtype=np.int64)),
        }
    )


def _picked(words: Sequence[str], at: Ints) -> ExtensionArray:
    """Return some words many times over: as pandas holds text, made of each word once."""
    return pd.Series(words).array.take(at)


def _curve(asked: Asked, edges: Int64s, began: Began, hits: Came, over: Ints) -> pd.DataFrame:
    """Return the shares of all cohorts together."""
    n_columns = len(edges) - 1
    last = min(int(over.max(initial=0)), n_columns)

    def totals(column: Ints, weight: Ints | None, *, at_least: bool) -> Floats:
        sums = np.bincount(column, weights=weight, minlength=n_columns)[:n_columns]
        return (sums[::-1].cumsum()[::-1] if at_least else sums)[:last].astype(np.float64)

    everybody = np.flatnonzero(over > 0)
    tries = totals(np.minimum(over[everybody], n_columns) - 1, None, at_least=True)
    top = totals(hits.period, None, at_least=asked.far)
    if asked.cohort == "first":
        lower, upper = stats.wilson(top, tries)
    else:
        lower, upper = clustered_bounds(began, hits, over, last, far=asked.far)
    return pd.DataFrame(
        {
            "period": edges[:last],
            "label": _labels(asked, edges)[:last],
            "numerator": top.astype(np.int64),
            "denominator": tries.astype(np.int64),
            "value": stats.ratio(top, tries),
            "lower": lower,
            "upper": upper,
            "method": WILSON if asked.cohort == "first" else CLUSTERED,
        }
    )
