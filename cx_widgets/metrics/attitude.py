"""Attitude: how customers score their experience, by stage and overall, and for the same customers only."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets._recent import Recent
from cx_widgets.engine import assigned_events, customers_by_stage, moves, staged_rows
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result, _scores
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import MEAN, NAN, WILSON, number_text
from cx_widgets.metrics._recommend import PROMOTER
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

DETRACTOR = 6.0
"""The highest score of a detractor, of 10."""

ALL_STAGES = "(all stages)"
TONES = ("negative", "neutral", "positive")

_ADJUSTED_WALD = "adjusted Wald 95%"
_METHODS = {"nps": _ADJUSTED_WALD, "csat": WILSON, "ces": MEAN}
_PEAK_END = ("peak_end", "mean", "difference")
_NO_SCORES = "Not measurable: the log has no score column."
_NOBODY = "Nobody answered."
_NOT_TWICE = "Nobody answered in two stages."


@dataclass(frozen=True, slots=True)
class _Asked:
    measure: str
    low: float
    high: float
    column: str | None

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    def negative(self, scores: Floats) -> Bools:
        found: Bools = scores <= DETRACTOR if self.measure == "nps" else scores < self.middle
        return found

    def positive(self, scores: Floats) -> Bools:
        found: Bools = scores >= PROMOTER if self.measure == "nps" else scores > self.middle
        return found

    def tones(self, scores: Floats) -> dict[str, Bools]:
        negative, positive = self.negative(scores), self.positive(scores)
        return dict(zip(TONES, (negative, ~(negative | positive), positive), strict=True))

    def estimate(self, scores: Floats) -> tuple[float, stats.Estimate]:
        """Return the numerator of the measure and the measure, of one answer for each customer."""
        n = len(scores)
        if self.measure == "nps":
            promoters, detractors = int(self.positive(scores).sum()), int(self.negative(scores).sum())
            return promoters - detractors, stats.nps(promoters, detractors, n)
        if self.measure == "csat":
            top = int((scores >= self.high - 1).sum())
            return top, stats.share(top, n)
        mean = stats.mean_interval(scores)
        bounds = np.clip(mean[1:], self.low, self.high).tolist()
        return float(scores.sum()), stats.Estimate(mean.value, *bounds)

    def shown(self, value: float) -> str:
        if np.isnan(value):
            return _numbers.UNDEFINED
        if self.measure == "nps":
            return f"{100 * value:+.0f}" if round(100 * value) else "0"
        return number_text(value, "share" if self.measure == "csat" else "ratio")

    def meaning(self) -> str:
        if self.measure == "nps":
            return "NPS: promoters (9 and 10) less detractors (0 to 6), in points of 100 answers."
        scale = f"{self.low:g} to {self.high:g}"
        if self.measure == "csat":
            return f"CSAT: answers from {self.high - 1:g} up, of a scale of {scale}."
        return f"CES: mean on a scale of {scale}."


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """The answers that count in a stage, or in all: one for each customer who gave any, in customer order."""

    customer: Ints
    score: Floats

    def of(self, chosen: Bools) -> _Answers:
        """Return the answers of some customers; ``chosen`` has an entry for each customer of the log."""
        mine = chosen[self.customer]
        return _Answers(self.customer[mine], self.score[mine])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Attitude(Result):
    """How customers score each stage, from `attitude`.

    Attributes
    ----------
    frame
        One line for each stage and one, the last, for all of them; see `attitude`.
    measure
        ``"nps"``, ``"csat"`` or ``"ces"``.
    scale
        Lowest and highest possible score.
    score
        The column with the scores; None where there is none.
    """

    measure: str
    scale: tuple[float, float]
    score: str | None
    _asked: _Asked
    _same: pd.DataFrame
    _tone: pd.DataFrame

    @property
    def same_customers(self) -> pd.DataFrame:
        """The measure among those customers only who answered in every stage in which anybody did.

        Indexed by ``stage`` like `frame`, with its columns ``numerator``, ``denominator``, ``value``,
        ``lower``, ``upper``, ``method``, ``mean`` and ``note``. A change from stage to stage here is a change
        of minds; in `frame` it may also be one of people, for those who get far are others than those who
        begin. With answers in one stage only it is that stage.
        """
        return self._same.copy()

    @property
    def tone(self) -> pd.DataFrame:
        """The shares of negative, neutral and positive answers.

        Indexed by ``stage`` and ``tone``, with ``numerator``, ``denominator``, ``value``, ``lower``,
        ``upper`` (Wilson 95 %) and ``method``. Of NPS these are detractors, passives and promoters; else
        answers below, at and above the middle of the scale. The three add up to all answers.
        """
        return self._tone.copy()

    @property
    def peak_end(self) -> pd.DataFrame:
        """What the most intense and the last moment say, against all moments alike.

        Indexed by ``figure``: ``peak_end``, for each customer (extreme + last score) / 2; ``mean``, the mean
        of the customer's scores; ``difference``, the first less the second. All are means over the customers
        with answers in two stages or more (``denominator``), with Student's t interval widened for
        skewness; of the difference it is the paired one. The scores are the customer's answers that count,
        one for each stage. The extreme one is the farthest from the middle of the scale, of two equally far
        the lower; the last one is that of all stages.

        References
        ----------
        Kahneman, D., Fredrickson, B. L., Schreiber, C. A. and Redelmeier, D. A. (1993). When more pain is
        preferred to less: adding a better end. Psychological Science 4, 401-405.
        """
        answers = _answers(self._log, self.definition, self._asked)
        return _peaks_and_ends(self._log, self._asked, answers)

    @property
    def meaning(self) -> str:
        """What the measure is, in a sentence."""
        return self._asked.meaning()

    def shown(self, value: float) -> str:
        """Return a value of the measure as people read it: NPS in points, CSAT in per cent, CES as it is."""
        return self._asked.shown(value)

    def customers(self, stage: str | None = None, tone: str | None = None) -> pd.DataFrame:
        """Return the customers who answered in a stage, in a tone, one line each.

        Parameters
        ----------
        stage
            A stage; by default all stages, with the latest answer.
        tone
            ``"negative"``, ``"neutral"`` or ``"positive"``; by default any.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown stage or tone, and where the log has no score column.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "b"], "when": "2026-01-01", "what": "survey", "score": [10, 3]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
        >>> result = cx.attitude(log, cx.Definition({"Enjoy": ["survey"]}))
        >>> list(result.customers("Enjoy", "negative").index)
        ['b']
        """
        names = self.definition.names
        if stage is not None and stage not in names:
            raise unknown("stage", stage, names)
        if tone is not None and tone not in TONES:
            raise unknown("tone", tone, TONES)
        answers = _answers(self._log, self.definition, self._asked)
        if answers is None:
            raise CXError('the log has no score column. Name it: cx.EventLog(..., score="nps").')
        found = answers[-1 if stage is None else names.index(stage)]
        chosen = found.customer if tone is None else found.customer[self._asked.tones(found.score)[tone]]
        return customer_table(self._log, by_customer(self.definition), chosen)

    def _table(self) -> Table:
        asked = self._asked
        tones = self._tone["value"].to_numpy().reshape(-1, len(TONES))
        same = self._same["value"].to_numpy()
        rows = tuple(
            (
                str(stage),
                _numbers.count(line["customers"]),
                _numbers.count(line["denominator"]),
                _numbers.percent(line["response"]),
                asked.shown(line["value"]),
                _span(asked, line["lower"], line["upper"]),
                *(_numbers.percent(share) for share in tones[number].tolist()),
                asked.shown(same[number]),
            )
            for number, (stage, line) in enumerate(self._frame.iterrows())
        )
        heads = (
            *("Stage", "Customers", "Answered", "Response", self.measure.upper(), "95 %"),
            *(*(tone.capitalize() for tone in TONES), "Same customers"),
        )
        notes = [asked.meaning()]
        if _NO_SCORES in set(self._frame["note"]):
            notes.append(_NO_SCORES)
        else:
            notes.append("Of several answers of a customer the latest counts, at one time the lowest.")
            stayed = int(self._same["denominator"].iloc[-1])
            notes.append(
                f"Same customers: the {stayed:,} who answered in every stage that has answers; "
                "those who get far are others than those who begin."
            )
        notes.append(_result.unassigned_note(self.unassigned_events))
        return Table(f"Attitude by stage: {self.measure.upper()}", heads, rows, tuple(notes))


def _span(asked: _Asked, lower: float, upper: float) -> str:
    return _numbers.UNDEFINED if np.isnan(lower) else f"{asked.shown(lower)} to {asked.shown(upper)}"


def attitude(
    log: EventLog,
    definition: Definition,
    *,
    measure: str = "nps",
    scale: tuple[float, float] | None = None,
    score: str | None = None,
) -> Attitude:
    """Return how customers score their experience: NPS, CSAT or CES of each stage and of all of them.

    An **answer** is a row of a stage with a score. Of several answers of a customer in a stage the latest
    counts; for all stages together it is the customer's latest answer in any of them. So everybody counts
    once in a line, and the customers of a line are independent.

    - ``"nps"``: (promoters - detractors) / customers who answered, from -1 to 1 (people say -100 to 100).
      Promoters give 9 or more, detractors 6 or less, on a scale of 0 to 10. Adjusted Wald interval.
    - ``"csat"``: customers whose answer is in the two highest boxes (the highest score less 1, or more) /
      customers who answered; Wilson's interval.
    - ``"ces"``: sum of the answers / customers who answered; Student's t interval, widened for
      skewness and cut at the ends of the scale. The figure takes the scale as it is; whether much is easy or
      hard depends on the question.

    **Response**: customers with an answer / customers with a row in the stage (of all stages: in any stage),
    Wilson. Those who answer are seldom a random sample of those who were asked; no interval shows that.

    **Ties.** Of several latest answers at one time the lowest counts. **Censoring.** None: whoever may still
    answer lowers the response so far. **Empty.** No answer is NaN with 0 customers. **Not measurable** (the
    log has no score column): NaN with the reason in the note, no error. Neither windows nor units have a
    part in it: attitude is by customer.

    Parameters
    ----------
    log
        The event log, with the role ``score`` or another column of scores.
    definition
        The stages.
    measure
        ``"nps"``, ``"csat"`` or ``"ces"``.
    scale
        Lowest and highest possible score: for CSAT 1 to 5 and for CES 1 to 7 unless you say otherwise; for
        NPS 0 to 10, always.
    score
        A column of numbers; by default that of the role ``score``. `score_columns` finds those that hold
        answers on a usual scale.

    Returns
    -------
    Attitude
        ``frame`` is indexed by ``stage``, with ``(all stages)`` last, and the columns ``customers`` (with a
        row there), ``numerator``, ``denominator`` (those who answered), ``value``, ``lower``, ``upper``,
        ``method``, ``mean`` (of the scores), ``response``, ``response_lower``, ``response_upper`` and
        ``note``. See also `Attitude.same_customers`, `Attitude.tone` and `Attitude.peak_end`.

    Raises
    ------
    CXError
        When a score in a stage lies outside the scale, the measure, the scale or the column makes no sense,
        or the definition does not fit the log.

    References
    ----------
    Reichheld, F. F. (2003). The one number you need to grow. Harvard Business Review 81 (12), 46-54.
    Rocks, B. (2016). Interval estimation for the Net Promoter Score. The American Statistician 70, 365-372.
    Dixon, M., Freeman, K. and Toman, N. (2010). Stop trying to delight your customers. Harvard Business
    Review 88 (7/8), 116-122.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "b", "c", "d", "a"],
    ...     "when": ["2026-01-01"] * 4 + ["2026-01-09"],
    ...     "what": ["order", "order", "order", "order", "survey"],
    ...     "score": [9, 10, 3, None, 7],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
    >>> result = attitude(log, cx.Definition({"Buy": ["order"], "Enjoy": ["survey"]}))
    >>> result.frame[["customers", "numerator", "denominator", "value", "response"]].round(3)
                  customers  numerator  denominator  value  response
    stage
    Buy                   4        1.0          3.0  0.333      0.75
    Enjoy                 1        0.0          1.0  0.000      1.00
    (all stages)          4        0.0          3.0  0.000      0.75
    """
    log, definition = _result.check(log, definition)
    asked = _asked(measure, scale, _scores.known_column(log, score))
    return log.memo(("attitude", definition, asked), lambda: _attitude(log, definition, asked))


def _asked(measure: object, scale: object, column: str | None) -> _Asked:
    if not isinstance(measure, str) or measure not in _scores.SCALES:
        raise unknown("measure", measure, _scores.SCALES)
    usual = _scores.SCALES[measure]
    if scale is None:
        return _Asked(measure, *usual, column)
    low, high = _ends(scale, usual)
    if measure == "nps" and (low, high) != usual:
        raise CXError(
            f"NPS is asked on a scale of 0 to 10, not {low:g} to {high:g}. Leave scale out, or say "
            f"measure='csat' or measure='ces' with scale=({low:g}, {high:g})."
        )
    if measure == "csat" and high - low < 2:  # noqa: PLR2004 - the two highest boxes and one more
        raise CXError(
            f"CSAT is the share of the two highest boxes; a scale of {low:g} to {high:g} has no others. "
            "Give a scale of three boxes or more, such as scale=(1, 5)."
        )
    return _Asked(measure, low, high, column)


def _ends(scale: object, usual: tuple[float, float]) -> tuple[float, float]:
    wrong = CXError(
        f"scale must be the lowest and the highest possible score, the lower first, not {scale!r}. "
        f"Say scale=({usual[0]:g}, {usual[1]:g})."
    )
    if not isinstance(scale, tuple | list) or len(scale) != 2:  # noqa: PLR2004 - two ends
        raise wrong
    ends = [end for end in scale if isinstance(end, int | float | np.number) and not isinstance(end, bool)]
    if len(ends) != len(scale) or not all(isfinite(end) for end in ends) or not ends[0] < ends[1]:
        raise wrong
    return float(ends[0]), float(ends[1])


def _latest_first(log: EventLog, given: Floats) -> Ints:
    """Return the rows with a score by customer, the latest first; at one time the lowest."""
    rows = np.flatnonzero(~np.isnan(given))
    ticks = log.packed.ticks[rows].astype(np.int64)
    return rows[np.lexsort((given[rows], -ticks, log.packed.customers[rows]))]


def _answers(log: EventLog, definition: Definition, asked: _Asked) -> tuple[_Answers, ...] | None:
    """Return the answers that count in each stage, and in all; None where the log has no scores."""
    column = asked.column
    if column is None:
        return None
    # As long as there are answers: those of the draft and of the baseline are kept, no history.
    recent = log.memo(("answers", column), lambda: Recent(2))
    return recent.get((definition.stages, asked), lambda: _found(log, definition, asked, column))


def _found(log: EventLog, definition: Definition, asked: _Asked, column: str) -> tuple[_Answers, ...]:
    given = _scores.numbers(log, column)
    rows = log.memo(("scored rows, latest first", column), lambda: _latest_first(log, given))
    staged = staged_rows(log, definition)
    stage = staged.stage_of_code[staged.codes[rows]]
    rows, stage = rows[stage > 0], stage[stage > 0]
    customer, score = log.packed.customers[rows], given[rows]
    _check_range(asked, score)

    def firsts(chosen: Bools | slice) -> _Answers:
        who, what = customer[chosen], score[chosen]
        first = np.ones(len(who), dtype=bool)
        first[1:] = who[1:] != who[:-1]
        return _Answers(who[first], what[first])

    by_stage = (firsts(stage == number) for number in range(1, len(definition.stages) + 1))
    return (*by_stage, firsts(slice(None)))


def _check_range(asked: _Asked, given: Floats) -> None:
    outside = given[(given < asked.low) | (given > asked.high)]
    if not len(outside):
        return
    farthest = outside[np.argmax(np.abs(outside - asked.middle))]
    another = "measure='csat' or measure='ces' with " if asked.measure == "nps" else ""
    raise CXError(
        f"the score column {asked.column!r} holds {farthest:g}, but {asked.measure.upper()} is taken "
        f"on a scale of {asked.low:g} to {asked.high:g}; {len(outside):,} of the {len(given):,} rows with a "
        f"score in the stages {'is' if len(outside) == 1 else 'are'} outside. If another scale was used, say "
        f"{another}scale=(lowest, highest); if another question was asked there, leave its events out of the "
        "stages; if it is a code for no answer, make it missing in the frame."
    )


def _attitude(log: EventLog, definition: Definition, asked: _Asked) -> Attitude:
    index = pd.Index([*definition.names, ALL_STAGES], name="stage", dtype=str)
    answers = _answers(log, definition, asked)
    visitors = np.append(customers_by_stage(log, definition)[1:], moves(log, definition).customers[0].sum())
    every = _measured(index, asked, answers)
    n = every["denominator"].to_numpy()
    lower, upper = stats.wilson(n, np.where(np.isnan(n), np.nan, visitors))
    frame = pd.DataFrame(
        {
            "customers": visitors.astype(np.int64),
            **{name: every[name] for name in every if name != "note"},
            "response": stats.ratio(n, visitors),
            "response_lower": lower,
            "response_upper": upper,
            "note": every["note"],
        },
        index=index,
    )
    return Attitude(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        measure=asked.measure,
        scale=(asked.low, asked.high),
        score=asked.column,
        _asked=asked,
        _same=_measured(index, asked, None if answers is None else _of_same(log, answers)),
        _tone=_tones(index, asked, answers),
        _frame=frame,
        _log=log,
    )


def _measured(index: pd.Index, asked: _Asked, answers: Sequence[_Answers] | None) -> pd.DataFrame:
    lines: list[tuple[float, float, float, float, float, str, float, str]] = []
    if answers is None:
        lines = [(NAN, NAN, NAN, NAN, NAN, "", NAN, _NO_SCORES)] * len(index)
    for given in answers or ():
        numerator, estimate = asked.estimate(given.score)
        n = len(given.score)
        mean = float(given.score.mean()) if n else NAN
        lines.append((numerator, n, *estimate, _METHODS[asked.measure], mean, "" if n else _NOBODY))
    columns = ["numerator", "denominator", "value", "lower", "upper", "method", "mean", "note"]
    numbers = ["numerator", "denominator", "value", "lower", "upper", "mean"]
    return pd.DataFrame(lines, columns=columns, index=index).astype(dict.fromkeys(numbers, np.float64))


def _of_same(log: EventLog, answers: tuple[_Answers, ...]) -> list[_Answers]:
    """Return the answers of the customers who answered in every stage in which anybody did."""
    stages = [given for given in answers[:-1] if len(given.customer)]
    times = np.zeros(log.n_customers, dtype=np.int64)
    for given in stages:
        times[given.customer] += 1
    return [given.of(times == len(stages)) for given in answers]


def _tones(index: pd.Index, asked: _Asked, answers: tuple[_Answers, ...] | None) -> pd.DataFrame:
    shape = len(index), len(TONES)
    hits, trials = np.full(shape, np.nan), np.full(shape, np.nan)
    for number, given in enumerate(answers or ()):
        hits[number] = [tone.sum() for tone in asked.tones(given.score).values()]
        trials[number] = len(given.score)
    lower, upper = stats.wilson(hits.ravel(), trials.ravel())
    return pd.DataFrame(
        {
            "numerator": hits.ravel(),
            "denominator": trials.ravel(),
            "value": stats.ratio(hits, trials).ravel(),
            "lower": lower,
            "upper": upper,
            "method": WILSON if answers is not None else "",
        },
        index=pd.MultiIndex.from_product([index, TONES], names=["stage", "tone"]),
    )


def _peaks_and_ends(log: EventLog, asked: _Asked, answers: tuple[_Answers, ...] | None) -> pd.DataFrame:
    index = pd.Index(_PEAK_END, name="figure", dtype=str)
    if answers is None:
        return _means(index, None, _NO_SCORES)
    customer = np.concatenate([given.customer for given in answers[:-1]])
    score = np.concatenate([given.score for given in answers[:-1]])
    stages = np.bincount(customer, minlength=log.n_customers)
    total = np.bincount(customer, weights=score, minlength=log.n_customers)
    order = np.lexsort((score, -np.abs(score - asked.middle), customer))
    peak, last = np.zeros(log.n_customers), np.zeros(log.n_customers)
    # Written from the least extreme to the most: the last one written stays.
    peak[customer[order[::-1]]] = score[order[::-1]]
    last[answers[-1].customer] = answers[-1].score
    twice = stages > 1
    mean = total[twice] / stages[twice]
    remembered = (peak[twice] + last[twice]) / 2
    return _means(index, (remembered, mean, remembered - mean), "" if twice.any() else _NOT_TWICE)


def _means(index: pd.Index, samples: tuple[Floats, ...] | None, note: str) -> pd.DataFrame:
    estimates = [(NAN, NAN, NAN, NAN, NAN)] * len(index)
    if samples is not None:
        estimates = [(float(sample.sum()), len(sample), *stats.mean_interval(sample)) for sample in samples]
    numbers = ["numerator", "denominator", "value", "lower", "upper"]
    frame = pd.DataFrame(estimates, columns=numbers, index=index, dtype=np.float64)
    frame["method"] = MEAN if samples is not None else ""
    frame["note"] = note
    return frame
