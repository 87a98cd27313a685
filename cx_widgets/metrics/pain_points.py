"""Pain points: the touchpoints after which customers were lost, and how those are rated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events, coded_rows, funnel_paths, funnel_totals, is_special
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result, _scores
from cx_widgets.metrics._columns import known_column, texts
from cx_widgets.metrics._customers import by_customer, customer_table, is_open
from cx_widgets.metrics._figure import MEAN, WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

EVENT = "event"
MISSING = "(missing)"

_DENSE = 100_000_000
_NO_SCORES = "No ratings: the log has no score column."
_ENDLESS = "No window is set: whoever has not converted counts as lost, however recent."


@dataclass(frozen=True, slots=True)
class _Asked:
    by: str
    score: str | None


@dataclass(frozen=True, slots=True, eq=False)
class _Fates:
    """One entry for each customer of the log.

    Attributes
    ----------
    entered, lost
        Whether they entered the funnel, and whether they were lost.
    until
        The last tick at which a row still has a part in it.
    """

    entered: Bools
    lost: Bools
    until: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Touches:
    """The rows that count, by customer and time, each with the line it belongs to.

    Attributes
    ----------
    customer, row
        Whose, and its position in the packed log.
    line
        Number of the touchpoint and its stage.
    stage, touch
        For each line the number of its stage, from 1, and of its touchpoint.
    """

    customer: Ints
    row: Ints
    line: Ints
    stage: Ints
    touch: Ints
    names: list[str]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PainPoints(Result):
    """Touchpoints by customers lost after them, from `pain_points`.

    Attributes
    ----------
    frame
        One line for each touchpoint in a stage, see `pain_points`.
    by
        What a touchpoint is: ``"event"`` or a column.
    lost, entrants
        Customers who were lost, and who entered.
    note
        What to know of the ratings or of the losses, or nothing.
    """

    by: str
    lost: int
    entrants: int
    note: str
    _asked: _Asked

    @property
    def by_rating(self) -> pd.DataFrame:
        """The touchpoints that have a rating, the worst first; the columns of `frame`."""
        rated = self._frame[self._frame["answers"] > 0]
        return rated.sort_values("rating", kind="stable")

    def customers(self, touchpoint: str, stage: str | None = None) -> pd.DataFrame:
        """Return the customers lost after a touchpoint, one line each.

        Parameters
        ----------
        touchpoint
            One of the frame.
        stage
            Its stage; by default any.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown touchpoint or stage.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "a", "b"], "when": ["2026-01-01", "2026-01-02", "2026-01-01"],
        ...                    "what": ["ad", "order", "ad"]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.pain_points(log, cx.Definition({"See": ["ad"], "Buy": ["order"]}))
        >>> list(result.customers("ad").index)
        ['b']
        """
        names = self._frame.index.get_level_values("touchpoint")
        if touchpoint not in set(names):
            raise unknown("touchpoint", touchpoint, dict.fromkeys(names))
        if stage is not None and stage not in self.definition.names:
            raise unknown("stage", stage, self.definition.names)
        fates = _fates(self._log, self.definition)
        touches = _touches(self._log, self.definition, self._asked.by, fates)
        last, line = _lasts(touches, fates)
        fits = np.array([name == touchpoint for name in touches.names], dtype=bool)[touches.touch[line]]
        if stage is not None:
            fits &= touches.stage[line] == self.definition.names.index(stage) + 1
        return customer_table(self._log, by_customer(self.definition), last[fits])

    def _table(self) -> Table:
        kept, cut = _result.most_frequent(self._frame["numerator"], "touchpoints")
        rated = bool((self._frame["answers"] > 0).any())
        rows = tuple(
            (
                str(line["touchpoint"]),
                str(line["stage"]),
                _numbers.count(line["numerator"]),
                _numbers.count(line["denominator"]),
                _numbers.percent(float(line["value"])),
                _numbers.span(float(line["lower"]), float(line["upper"])),
                _numbers.amount(line["lift"]),
                *((_numbers.amount(line["rating"]), _numbers.count(line["answers"])) if rated else ()),
            )
            for _, line in self._frame.loc[kept].reset_index().iterrows()
        )
        heads = (
            *("Touchpoint", "Stage", "Lost after it", "Of", "Share", "95 %", "Lift"),
            *(("Rating", "Answers") if rated else ()),
        )
        notes = (
            f"{self.lost:,} of {self.entrants:,} who entered were lost.",
            "Lift: share / that of all touchpoints of the stage together.",
            "Where customers were last seen, which need not be why they left.",
            *([self.note] if self.note else []),
            *cut,
            _result.unassigned_note(self.unassigned_events),
        )
        return Table("Pain points", heads, rows, notes, words=(0, 1))


def pain_points(
    log: EventLog, definition: Definition, *, by: str = EVENT, score: str | None = None
) -> PainPoints:
    """Return the touchpoints after which customers were lost, most first, and how they are rated.

    A **touchpoint** is an event, or a value of a column, in a stage; rows in no stage are none. **Lost** is
    who entered the funnel, did not convert and is not open, as in `reasons`, each customer counted once.
    Without a window nobody is open, and the note says so. A lost customer's **last touchpoint** is that of
    the last row in a stage; with a window of fixed length the last one before the window from the last entry
    closed, for with what came later they were not in it. Under other special rules it is the last row of all.

    **Value** = ``numerator``, customers lost whose last touchpoint it is / ``denominator``, those who entered
    and met it at all (before it was over for them); Wilson. **Lift** = value / ``stage_rate``, the stage's
    own rate: the sum of the numerators of its touchpoints / the sum of their denominators. Above 1 customers
    are lost here more often than after a touchpoint of the stage on average.

    **Rating**: mean of the scores that those who entered gave at the touchpoint (before it was over for
    them), of each the latest, at one time the lowest; Student's t widened for skewness. Scores are taken as
    they are.

    Where customers were last seen need not be why they left: **no effect**. A touchpoint at the end of its
    stage has more losses because others are passed on the way.

    **Ties**: at one time the order of the stages decides which row is last, then that of the rows.
    **Repeats**: a customer counts once for a touchpoint. **Censoring**: open customers are not lost, and
    count among those who met it. **Empty**: nobody entered gives no lines.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their rules.
    by
        ``"event"``, or a column such as the channel. Rows without a value there are ``"(missing)"``.
    score
        A column of numbers; by default that of the role ``score``.

    Returns
    -------
    PainPoints
        ``frame`` is indexed by ``touchpoint`` and ``stage``, most customers lost first, with
        ``numerator``, ``denominator``, ``value``, ``lower``, ``upper``, ``method``, ``stage_rate``, ``lift``,
        ``rating``, ``rating_lower``, ``rating_upper``, ``rating_method`` and ``answers`` (customers). Without
        scores the ratings are NaN. See also `PainPoints.by_rating`.

    Raises
    ------
    CXError
        For an unknown column, a score column without numbers, and a definition that has one stage or does
        not fit the log.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "b", "c", "c", "d"],
    ...     "when": ["2026-01-01", "2026-01-02"] * 3 + ["2026-01-01"],
    ...     "what": ["ad", "order", "ad", "call", "ad", "call", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = pain_points(log, cx.Definition({"See": ["ad", "call"], "Buy": ["order"]}))
    >>> result.frame[["numerator", "denominator", "value", "lift"]].round(3)
                      numerator  denominator  value   lift
    touchpoint stage
    call       See            2            2   1.00    2.0
    ad         See            1            4   0.25    0.5
    order      Buy            0            1   0.00    NaN
    """
    log, definition = _result.check(log, definition)
    if len(definition.names) < 2:  # noqa: PLR2004 - a stage and what it leads to
        raise CXError("with one stage nobody is lost on the way. Add the stage that customers should get to.")
    if by != EVENT:
        known_column(log, by)
    column = log.roles["event"] if by == EVENT else by
    asked = _Asked(column, _scores.known_column(log, score))
    return log.memo(("pain_points", definition, asked), lambda: _pain_points(log, definition, asked))


def _fates(log: EventLog, definition: Definition) -> _Fates:
    counted = by_customer(definition)
    levels = len(definition.names)
    window = counted.rules.duration
    until = np.full(log.n_customers, np.iinfo(np.int64).max, dtype=np.int64)
    if window is None and not is_special(counted):
        reach = funnel_totals(log, counted).deepest
        return _Fates(reach > 0, (reach > 0) & (reach < levels), until)
    paths = funnel_paths(log, counted)
    entered = paths.reach > 0
    lost = entered & (paths.reach < levels) & ~is_open(log, counted, paths)
    if window is not None and not is_special(counted):
        who = paths.levels[0].customer
        last = paths.last_entry.astype(np.int64) + int(window.as_unit("ns").value) // log.packed.tick_ns
        until[who] = np.where(lost[who], last, until[who])
    return _Fates(entered, lost, until)


def _touches(log: EventLog, definition: Definition, by: str, fates: _Fates) -> _Touches:
    rows = coded_rows(log, definition)
    codes, names = texts(log, by)
    customer, row, stage = rows.customer, rows.row, rows.stage
    kept = fates.entered[customer] & (rows.tick <= fates.until[customer])
    if not kept.all():
        customer, row, stage = customer[kept], row[kept], stage[kept]
    width = len(names) + 1
    # A missing value is the last of the touchpoints.
    touch = codes[row].astype(np.int64)
    touch[touch < 0] = len(names)
    key = stage.astype(np.int64) * width + touch
    size = (len(definition.names) + 1) * width
    there = np.flatnonzero(np.bincount(key, minlength=size))
    place: Ints = np.zeros(size, dtype=np.int64)
    place[there] = np.arange(len(there))
    return _Touches(customer, row, place[key], there // width, there % width, [*names, MISSING])


def _lasts(touches: _Touches, fates: _Fates) -> tuple[Ints, Ints]:
    """Return the lost customers who have a touchpoint, and the line of their last one."""
    customer = touches.customer
    ends = np.ones(len(customer), dtype=bool)
    ends[:-1] = customer[1:] != customer[:-1]
    ends &= fates.lost[customer]
    return customer[ends].astype(np.int64), touches.line[ends]


def _pairs(customer: Ints, kind: Ints, n_customers: int, n_kinds: int) -> Ints:
    """Return how many customers have a row of each kind."""
    key = customer.astype(np.int64) * n_kinds + kind
    if n_customers * n_kinds <= _DENSE:
        met = np.zeros(n_customers * n_kinds, dtype=bool)
        met[key] = True
        found: Ints = met.reshape(n_customers, n_kinds).sum(axis=0)
        return found
    counts: Ints = np.bincount(np.unique(key) % n_kinds, minlength=n_kinds)
    return counts


def _ratings(log: EventLog, touches: _Touches, column: str | None, n_lines: int) -> dict[str, Floats]:
    """Return mean, bounds and number of the latest scores of customers at each line."""
    names = ("rating", "rating_lower", "rating_upper", "answers")
    if column is None:
        return {name: np.full(n_lines, np.nan if name != "answers" else 0.0) for name in names}
    given = _scores.numbers(log, column)[touches.row]
    at = np.flatnonzero(~np.isnan(given))
    customer, line, score = touches.customer[at].astype(np.int64), touches.line[at], given[at]
    key = customer * n_lines + line
    tick = log.packed.ticks[touches.row[at]]
    # By customer and line, the latest first, at one time the lowest.
    order = np.lexsort((score, -tick.astype(np.int64), key))
    first = np.ones(len(order), dtype=bool)
    first[1:] = key[order[1:]] != key[order[:-1]]
    line, score = line[order[first]], score[order[first]]
    by_line = np.argsort(line, kind="stable")
    ends = np.cumsum(np.bincount(line, minlength=n_lines))
    # Split at no place at all there is still one part.
    parts = np.split(score[by_line], ends[:-1])[:n_lines]
    found = [(*stats.mean_interval(mine), float(len(mine))) for mine in parts]
    return {name: np.array([one[place] for one in found]) for place, name in enumerate(names)}


def _pain_points(log: EventLog, definition: Definition, asked: _Asked) -> PainPoints:
    fates = _fates(log, definition)
    touches = _touches(log, definition, asked.by, fates)
    n_lines, n_stages = len(touches.stage), len(definition.names)
    _, last = _lasts(touches, fates)
    lost = np.bincount(last, minlength=n_lines)
    met = _pairs(touches.customer, touches.line, log.n_customers, n_lines)
    stage_of = touches.stage - 1
    sums = [np.bincount(stage_of, weights=counts, minlength=n_stages) for counts in (lost, met)]
    rate = stats.ratio(*sums)[stage_of]
    lower, upper = stats.wilson(lost, met)
    value = stats.ratio(lost, met)
    frame = pd.DataFrame(
        {
            "numerator": lost,
            "denominator": met,
            "value": value,
            "lower": lower,
            "upper": upper,
            "method": WILSON,
            "stage_rate": rate,
            "lift": stats.ratio(value, rate),
            **_ratings(log, touches, asked.score, n_lines),
        }
    ).astype({"answers": np.int64})
    frame.insert(11, "rating_method", MEAN if asked.score is not None else "")
    names = np.array(touches.names, dtype=object)[touches.touch]
    stages = np.array(definition.names, dtype=object)[stage_of]
    frame.index = pd.MultiIndex.from_arrays([names, stages], names=["touchpoint", "stage"])
    order = np.lexsort((touches.touch, stage_of, -lost))
    endless = definition.rules.duration is None and not is_special(by_customer(definition))
    notes = [*([_ENDLESS] if endless else []), *([_NO_SCORES] if asked.score is None else [])]
    return PainPoints(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        by=asked.by,
        lost=int(fates.lost.sum()),
        entrants=int(fates.entered.sum()),
        note=" ".join(notes),
        _asked=asked,
        _frame=frame.iloc[order],
        _log=log,
    )
