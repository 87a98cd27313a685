"""Bad experiences: what they are associated with, going on to the next stage and buying again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets._runs import begins
from cx_widgets.binding import stages_of_rows
from cx_widgets.definition import Stage
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.engine import assigned_events, stage_numbers, staged_rows
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result, _scores
from cx_widgets.metrics._activity import known, label
from cx_widgets.metrics._buyers import NO_BUY
from cx_widgets.metrics._columns import known_column, texts
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import NAN, NEWCOMBE
from cx_widgets.metrics._places import Between, first_after
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.attitude import _Asked as Question
from cx_widgets.metrics.attitude import _asked as question
from cx_widgets.metrics.attitude import _check_range as check_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Bytes, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

NEGATIVE = "negative"
REACH = "reach"
OUTCOMES = ("continue", "repurchase")

_STRATIFIED = "Mantel-Haenszel, Klingenberg 95%"
_NO_SCORES = "Not measurable: the log has no score column. Name it, or say bad= with an event."
_NO_LATER = "No stage comes later."


@dataclass(frozen=True, slots=True)
class _Asked:
    event: str | Stage | None
    """What happened to them; None where a score tells."""
    at_most: float | None
    question: Question
    strata: str | None
    within: pd.Timedelta
    settle: pd.Timedelta


class _Seen(NamedTuple):
    """The customers compared at a stage, for one outcome: one entry each."""

    customer: Ints
    bad: Bools
    happened: Bools
    stratum: Ints


class _Left(NamedTuple):
    """Customers at a stage who are not compared: observed too briefly, and gone on or back already."""

    too_early: int
    already: int


class _Visits(NamedTuple):
    """The first visits, or answers, of customers at a stage: one entry each, positions in the packed log.

    ``at`` and ``after`` are the first rows at and later than its time, ``begin`` the first one later than the
    start of the clock, ``end`` the first one too late to count.
    """

    customer: Ints
    row: Ints
    at: Ints
    after: Ints
    begin: Ints
    end: Ints
    bad: Bools
    too_early: int


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BadExperience(Result):
    """What bad experiences are associated with, from `bad_experience`.

    Attributes
    ----------
    frame
        One line for each stage and outcome, see `bad_experience`.
    bad
        What counts as bad, in words.
    strata
        Inside what the stratified difference compares, in words.
    """

    bad: str
    strata: str
    _asked: _Asked

    def customers(
        self,
        stage: str,
        outcome: str = "continue",
        *,
        bad: bool = True,
        happened: bool | None = None,
    ) -> pd.DataFrame:
        """Return the customers compared at a stage, one line each.

        Parameters
        ----------
        stage
            A stage.
        outcome
            ``"continue"`` or ``"repurchase"``.
        bad
            Those with a bad experience, or those without.
        happened
            Those of whom the outcome is true, or not; by default both.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown stage or outcome.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "b", "b"], "when": ["2026-01-01", "2026-01-01", "2026-01-05"],
        ...                    "what": ["chat", "chat", "order"], "score": [2, 9, None]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
        >>> result = cx.bad_experience(log, cx.Definition({"Ask": ["chat"], "Buy": ["order"]}), within="3D")
        >>> list(result.customers("Ask").index)
        ['a']
        """
        if stage not in self.definition.names:
            raise unknown("stage", stage, self.definition.names)
        if outcome not in OUTCOMES:
            raise unknown("outcome", outcome, OUTCOMES)
        chosen = np.zeros(0, dtype=np.int64)
        if not _missing(self._asked):
            number = self.definition.names.index(stage) + 1
            seen, _ = _Moments(self._log, self.definition, self._asked).compared(number, outcome)
            fits = seen.bad == bad
            if happened is not None:
                fits &= seen.happened == happened
            chosen = seen.customer[fits]
        return customer_table(self._log, by_customer(self.definition), chosen)

    def _table(self) -> Table:
        compared = self._frame[["denominator", "other_denominator"]].sum(axis=1) > 0
        met = compared.groupby(level="stage", sort=False).any()
        shown = self._frame[met.loc[self._frame.index.get_level_values("stage")].to_numpy() | (not met.any())]
        nobody = ", ".join(str(stage) for stage in met.index[~met.to_numpy()]) if met.any() else ""
        rows = tuple(
            (
                str(line["stage"]),
                str(line["outcome"]),
                _of(line["numerator"], line["denominator"]),
                _of(line["other_numerator"], line["other_denominator"]),
                _numbers.points(line["value"]),
                _numbers.points_span(line["lower"], line["upper"]),
                _numbers.points(line["stratified"]),
                _numbers.points_span(line["stratified_lower"], line["stratified_upper"]),
                str(line["note"]),
            )
            for _, line in shown.reset_index().iterrows()
        )
        heads = (
            *("Stage", "Then", "Bad", "Others", "Difference", "95 %"),
            *(f"Same {self.strata}" if self.strata else "Stratified", "95 %", "Note"),
        )
        notes = (
            f"Bad: {self.bad}. Within {format_duration(self._asked.within)}. Differences in points.",
            "An association: those with a bad experience may differ from the others in other ways too.",
            *([f"Nobody to compare at {nobody}."] if nobody else []),
            _result.unassigned_note(self.unassigned_events),
        )
        return Table("After a bad experience", heads, rows, notes, words=(0, 1, 8))


def _of(numerator: float, denominator: float) -> str:
    if np.isnan(denominator):
        return _numbers.UNDEFINED
    share = _numbers.percent(float(stats.ratio(numerator, denominator)))
    return f"{numerator:,.0f} of {denominator:,.0f} ({share})"


def bad_experience(
    log: EventLog,
    definition: Definition,
    *,
    bad: str | float | Stage = NEGATIVE,
    strata: str | None = REACH,
    within: object = None,
    settle: object = "1D",
    measure: str = "nps",
    scale: tuple[float, float] | None = None,
    score: str | None = None,
) -> BadExperience:
    """Return how customers with a bad experience at a stage differ in what they do next from those without.

    **Bad** is told by a score or by an event.

    - By score: at a stage those are compared who gave one there (others are not known). The first answer at
      the stage counts, at one time the lowest; it is bad if its tone is negative (as in `attitude`:
      detractors for NPS, else below the middle of the scale), or if it is at most the number given as
      ``bad``. The clock starts at the answer.
    - By event (a name, a stage, or a `Stage` of its own): at a stage all who were there are compared. Whoever
      has such a row from the first row at the stage until ``settle`` after it had a bad experience. The clock
      starts when ``settle`` is over, for both alike; who has gone on (bought again) by then is left out.
      Without this the slow would look worse, for they had more time to meet something bad.

    **Outcomes**, counted if they come after the clock starts, no later than ``within``. **Censoring**:
    only who was observed for so long counts, others are ``too_early``.

    - ``continue``: a row of any later stage, a bad one left out. At one time the order of stages decides.
    - ``repurchase``: a purchase, of those who had bought when they got to the stage (or gave the answer).

    **Ties**: what is bad at the very time of the first row at a stage was met there, and a purchase at that
    time was made before; what happens just when the clock starts happened before it.

    **Value**: share of those with a bad experience less the share of those without; crude, Newcombe.
    **Stratified**: the Mantel-Haenszel difference, which compares inside strata only: customers who had got
    equally far when the clock started (deepest stage with a row so far; bad rows of later stages left out),
    or with the same value in a column on the row at which they were there or answered (missing is a value).
    Variance by Sato, interval by Klingenberg. Where the two differ, part of the crude difference is one of
    strata.

    All of it is **association, not effect**: who has a bad experience may differ in what no stratum holds.

    **Repeats**: a customer counts once for a stage and outcome, with their first visit or answer. **Empty**:
    nobody in one of the groups gives NaN. **Not measurable** (no score column, no later stage, no stage
    with the role buy): NaN with the reason in the note.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    bad
        ``"negative"``, the highest score that is bad, or an event, a stage or a `Stage`.
    strata
        ``"reach"``, a column, or None for none.
    within
        A duration; by default the retention period of the rules.
    settle
        A duration: how long after the first row at a stage an event counts as of that stage.
    measure, scale, score
        As in `attitude`.

    Returns
    -------
    BadExperience
        ``frame`` is indexed by ``stage`` and ``outcome``: ``numerator`` and ``denominator`` of those with a
        bad experience, ``other_numerator`` and ``other_denominator`` of the others, ``value``, ``lower``,
        ``upper``, ``method``; ``stratified``, ``stratified_lower``, ``stratified_upper``,
        ``stratified_method`` and ``strata`` (those that hold both groups); ``too_early`` and ``already``, who
        is left out because they were not observed for so long, and had gone on before the clock
        started; ``note``.

    Raises
    ------
    CXError
        For an unknown name, a score outside the scale, a duration that is none, or a definition that does
        not fit the log.

    References
    ----------
    Newcombe, R. G. (1998). Statistics in Medicine 17, 873-890. Sato, T. (1989). Biometrics 45, 1323-1324.
    Klingenberg, B. (2014). Statistics in Medicine 33, 2968-2983.
    Anderson, J. R., Cain, K. C. and Gelber, R. D. (1983). Analysis of survival by tumor response. Journal of
    Clinical Oncology 1, 710-719: why the clock starts late.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "b", "b", "c", "c", "d", "d", "e"],
    ...     "when": ["2026-01-01"] + ["2026-01-01", "2026-01-03"] * 3 + ["2026-02-20"],
    ...     "what": ["chat"] + ["chat", "order"] * 3 + ["other"],
    ...     "score": [2, 9, None, 4, None, 10, None, None],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
    >>> result = bad_experience(log, cx.Definition({"Ask": ["chat"], "Buy": ["order"]}))
    >>> line = result.frame.loc[("Ask", "continue")]
    >>> f"{line['numerator']:g} of {line['denominator']:g}, others {line['other_numerator']:g} of 2"
    '1 of 2, others 2 of 2'
    >>> float(line["value"]), float(line["stratified"])
    (-0.5, -0.5)
    """
    log, definition = _result.check(log, definition)
    event, at_most = _kind(log, definition, bad)
    if strata not in (None, REACH):
        known_column(log, strata)
    asked = _Asked(
        event,
        at_most,
        question(measure, scale, _scores.known_column(log, score)),
        strata,
        definition.rules.retention_period if within is None else parse_duration(within, "within"),
        parse_duration(settle, "settle"),
    )
    return log.memo(("bad_experience", definition, asked), lambda: _bad_experience(log, definition, asked))


def _kind(log: EventLog, definition: Definition, bad: object) -> tuple[str | Stage | None, float | None]:
    if isinstance(bad, str) and bad == NEGATIVE:
        return None, None
    if isinstance(bad, int | float | np.number) and not isinstance(bad, bool) and np.isfinite(bad):
        return None, float(bad)
    if not isinstance(bad, str | Stage):
        raise CXError(
            f"bad={bad!r} says nothing. Say 'negative', the highest score that is bad, an event or a stage."
        )
    return known(log, definition, bad, "bad"), None


def _missing(asked: _Asked) -> str:
    return _NO_SCORES if asked.event is None and asked.question.column is None else ""


def _bad_experience(log: EventLog, definition: Definition, asked: _Asked) -> BadExperience:
    missing = _missing(asked)
    moments = None if missing else _Moments(log, definition, asked)
    lines = []
    for number in range(1, len(definition.names) + 1):
        for outcome in OUTCOMES:
            note = missing
            if not note and outcome == "continue" and number == len(definition.names):
                note = _NO_LATER
            if not note and outcome == "repurchase" and not stage_numbers(definition, "buy"):
                note = NO_BUY
            lines.append(_line(None if note else moments, number, outcome, note))
    index = pd.MultiIndex.from_product([list(definition.names), OUTCOMES], names=["stage", "outcome"])
    scale = asked.question
    told = f"a score of {asked.at_most:g} or less" if asked.at_most is not None else "a negative score"
    if asked.event is None and asked.at_most is None and scale.column is not None:
        limit = "6 or less" if scale.measure == "nps" else f"below {scale.middle:g}"
        told = f"a negative score ({limit})"
    return BadExperience(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        bad=told if asked.event is None else label(definition, asked.event),
        strata="" if asked.strata is None else "stage reached" if asked.strata == REACH else asked.strata,
        _asked=asked,
        _frame=pd.DataFrame(lines, index=index),
        _log=log,
    )


def _line(moments: _Moments | None, number: int, outcome: str, note: str) -> dict[str, object]:
    crude = common = stats.Estimate(NAN, NAN, NAN)
    counts: tuple[float, ...] = (NAN, NAN, NAN, NAN)
    left, strata = _Left(0, 0), 0
    if moments is not None:
        seen, left = moments.compared(number, outcome)
        width = int(seen.stratum.max(initial=-1)) + 1

        def by_stratum(chosen: Bools) -> Floats:
            return np.bincount(seen.stratum[chosen], minlength=width).astype(np.float64)

        hits, trials = by_stratum(seen.bad & seen.happened), by_stratum(seen.bad)
        other_hits, other_trials = by_stratum(~seen.bad & seen.happened), by_stratum(~seen.bad)
        groups = (hits, trials, other_hits, other_trials)
        counts = tuple(float(group.sum()) for group in groups)
        crude = stats.newcombe_difference(*counts)
        common, _, strata = stats.mantel_haenszel_difference(hits, trials, other_hits, other_trials)
        if not counts[1] or not counts[3]:
            note = (
                "Nobody to compare had a bad experience." if not counts[1] else "Nobody to compare had none."
            )
    measured = moments is not None
    return {
        "numerator": counts[0],
        "denominator": counts[1],
        "other_numerator": counts[2],
        "other_denominator": counts[3],
        "value": crude.value,
        "lower": crude.lower,
        "upper": crude.upper,
        "method": NEWCOMBE if measured else "",
        "stratified": common.value,
        "stratified_lower": common.lower,
        "stratified_upper": common.upper,
        "stratified_method": _STRATIFIED if measured else "",
        "strata": strata,
        "too_early": left.too_early,
        "already": left.already,
        "note": note,
    }


class _Moments:
    """When customers were at each stage or answered there, and what they did then."""

    def __init__(self, log: EventLog, definition: Definition, asked: _Asked) -> None:
        self._log, self._asked = log, asked
        self._known: dict[int, _Visits] = {}
        staged = staged_rows(log, definition)
        self._stage = staged.stage_of_code[staged.codes]
        bought = np.zeros(256, dtype=bool)
        bought[list(stage_numbers(definition, "buy"))] = True
        self._bought = Between(bought[self._stage])
        # The stage of each row, 0 for those that are bad: to meet one is not to go on.
        self._good = self._stage
        if asked.event is None:
            self._bad = None
            self._first = self._answers()
        else:
            met = self._bad_rows(definition, asked.event)
            self._bad, self._good = Between(met), np.where(met, np.uint8(0), self._stage)
        if asked.strata == REACH:
            # Customers ascend, so the largest number so far is one of the same customer.
            base = log.packed.customers.astype(np.int64) * (len(definition.names) + 1)
            self._deepest = np.maximum.accumulate(base + self._good) - base

    def _bad_rows(self, definition: Definition, event: str | Stage) -> Bools:
        if isinstance(event, str) and event in definition.names:
            found: Bools = self._stage == definition.names.index(event) + 1
            return found
        own = event if isinstance(event, Stage) else Stage("(event)", [event], role=None)
        rows: Bools = stages_of_rows([own], self._log)[0]
        return rows

    def _answers(self) -> tuple[Ints, Bytes, Floats]:
        """Return the scored rows in a stage, the earliest of a customer first, at one time the lowest."""
        log, column = self._log, self._asked.question.column
        if column is None:
            raise TypeError("without scores nothing is asked")
        given = _scores.numbers(log, column)

        def earliest() -> Ints:
            rows = np.flatnonzero(~np.isnan(given))
            if not log.packed.has_ties:
                return rows
            return rows[np.lexsort((given[rows], log.packed.ticks[rows], log.packed.customers[rows]))]

        rows = log.memo(("scored rows, earliest first", column), earliest)
        stage = self._stage[rows]
        rows, stage = rows[stage > 0], stage[stage > 0]
        if self._asked.at_most is None:
            check_range(self._asked.question, given[rows])
        return rows, stage, given[rows]

    def _there(self, number: int) -> tuple[Ints, Bools | None]:
        """Return the row of each customer at which they were at a stage first, or answered there, and how."""
        if self._asked.event is None:
            rows, stage, given = self._first
            mine = stage == number
            rows, given = rows[mine], given[mine]
            first = begins(self._log.packed.customers[rows])
            limit, score = self._asked.at_most, given[first]
            bad = self._asked.question.negative(score) if limit is None else score <= limit
            return rows[first], bad
        rows = np.flatnonzero(self._stage == number)
        return rows[begins(self._log.packed.customers[rows])], None

    def _visits(self, number: int) -> _Visits:
        """Return the visits to a stage that were observed for long enough; both outcomes look at them."""
        if number in self._known:
            return self._known[number]
        log = self._log
        row, rated = self._there(number)
        customer, came = log.packed.customers[row].astype(np.int64), log.packed.ticks[row].astype(np.int64)
        starts = came if rated is not None else came + self._ticks(self._asked.settle)
        ends = starts + self._ticks(self._asked.within)
        observed = ends <= log.packed.end_tick
        too_early = int((~observed).sum())
        row, customer, came, starts, ends = (of[observed] for of in (row, customer, came, starts, ends))
        at, after = row, row + 1
        if log.packed.has_ties:
            at, after = first_after(log, customer, came, at=True), first_after(log, customer, came)
        begin = after if rated is not None else first_after(log, customer, starts, since=after)
        end = first_after(log, customer, ends, since=begin)
        if rated is not None:
            bad = rated[observed]
        else:
            bad = np.zeros(len(row), dtype=bool) if self._bad is None else self._bad(at, begin)
        found = _Visits(customer, row, at, after, begin, end, bad, too_early)
        self._known[number] = found
        return found

    def compared(self, number: int, outcome: str) -> tuple[_Seen, _Left]:
        """Return the customers to compare at a stage, and how many are left out."""
        visit = self._visits(number)
        rated = self._asked.event is None
        if outcome == "continue":
            goes_on = Between(self._good > number)
            # An answer and a later stage at one time: the stage comes after.
            already = np.zeros(len(visit.row), dtype=bool) if rated else goes_on(visit.at, visit.begin)
            happened = goes_on(visit.at if rated else visit.begin, visit.end)
            kept = ~already
        else:
            before = self._bought(self._log.packed.offsets[visit.customer].astype(np.int64), visit.after)
            already = before & self._bought(visit.after, visit.begin)
            happened = self._bought(visit.begin, visit.end)
            kept = before & ~already
        stratum = self._stratum(visit, number)[kept]
        seen = _Seen(visit.customer[kept], visit.bad[kept], happened[kept], stratum)
        return seen, _Left(visit.too_early, int(already.sum()))

    def _ticks(self, length: pd.Timedelta) -> int:
        return int(length.as_unit("ns").value) // self._log.packed.tick_ns

    def _stratum(self, visit: _Visits, number: int) -> Ints:
        strata = self._asked.strata
        if strata is None:
            return np.zeros(len(visit.row), dtype=np.int64)
        if strata == REACH:
            # The last row before the clock starts: there is one, the visit itself, bad or not.
            return np.maximum(self._deepest[visit.begin - 1], number)
        return texts(self._log, strata)[0][visit.row].astype(np.int64) + 1
