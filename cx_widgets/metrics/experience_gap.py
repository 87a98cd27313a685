"""The gap between the experience of all touchpoints and that of the digital ones, CX against DX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, _runs, stats
from cx_widgets.engine import assigned_events, staged_rows
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _columns, _result
from cx_widgets.metrics._channel_names import DIGITAL, plain
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import LINEARISED
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]

ALL_STAGES = "(all stages)"
FIGURES = ("all", "digital", "gap")
RATING, TONE = "rating", "tone"
_NO_SCORES = "Not measurable: the log has no score column."
_NOBODY = "Nothing is rated here."
_NO_DIGITAL = "No digital touchpoint is rated here."


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExperienceGap(Result):
    """Ratings of all touchpoints against those of digital ones, from `experience_gap`.

    Attributes
    ----------
    frame
        One line for each stage (and one for all) and figure; see `experience_gap`.
    column, of
        The column of channels, and what is averaged.
    digital
        The channels that count as digital.
    """

    column: str
    of: str
    digital: tuple[str, ...]

    def customers(self, stage: str, figure: str = "all") -> pd.DataFrame:
        """Return the customers who rated a touchpoint in a stage, one line each.

        Parameters
        ----------
        stage
            A stage, or ``"(all stages)"``.
        figure
            ``"all"``, or ``"digital"`` for those who rated a digital one.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown stage or figure.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "b"], "when": "2026-01-01", "what": "use",
        ...                    "channel": ["store", "app"], "score": [9, 6]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
        >>> result = cx.experience_gap(log, cx.Definition({"Enjoy": ["use"]}), "channel")
        >>> list(result.customers("Enjoy", "digital").index)
        ['b']
        """
        names = (*self.definition.names, ALL_STAGES)
        if stage not in names:
            raise unknown("stage", stage, names)
        if figure not in FIGURES[:2]:
            raise unknown("figure", figure, FIGURES[:2])
        chosen = np.zeros(0, dtype=np.int64)
        if (scores := self._log.scores) is not None:
            rated = _rated(self._log, scores, self.column, self.digital)
            staged = staged_rows(self._log, self.definition)
            at = staged.stage_of_code[staged.codes[rated.row]]
            there = at > 0 if stage == ALL_STAGES else at == names.index(stage) + 1
            if figure == "digital":
                there &= rated.digital
            chosen = np.unique(rated.customer[there]).astype(np.int64)
        return customer_table(self._log, by_customer(self.definition), chosen)

    def _table(self) -> Table:
        stages = self._frame.index.get_level_values("stage").unique()
        rows = []
        for stage in stages:
            every, digital, gap = (self._frame.loc[(stage, figure)] for figure in FIGURES)
            rows.append(
                (
                    str(stage),
                    _numbers.count(every["denominator"]),
                    _number(every["value"]),
                    _numbers.count(digital["denominator"]),
                    _number(digital["value"]),
                    _number(gap["value"], "+"),
                    _span(gap["lower"], gap["upper"]),
                    str(gap["note"]),
                )
            )
        notes = (
            f"Digital: {', '.join(self.digital) or 'none'}.",
            "The gap is all touchpoints less the digital ones among them.",
            _result.unassigned_note(self.unassigned_events),
        )
        columns = ("Stage", "Rated", "All", "Digital rated", "Digital", "Gap", "95 %", "Note")
        return Table(f"Experience gap by {self.column}: mean {self.of}", columns, tuple(rows), notes, (0, 7))


def _number(value: float, sign: str = "") -> str:
    return _numbers.UNDEFINED if np.isnan(value) else f"{value:{sign},.2f}"


def _span(lower: float, upper: float) -> str:
    return _numbers.UNDEFINED if np.isnan(lower) else f"{_number(lower, '+')} to {_number(upper, '+')}"


class _Asked(NamedTuple):
    column: str
    digital: tuple[str, ...]
    of: str
    scale: tuple[float, float] | None


def experience_gap(
    log: EventLog,
    definition: Definition,
    column: str,
    *,
    digital: Iterable[str] | None = None,
    of: str = RATING,
    scale: tuple[float, float] = (0, 10),
) -> ExperienceGap:
    """Return the mean rating of all touchpoints, of the digital ones, and the gap between the two.

    A **rated touchpoint** is a row in a stage with a score and a value in the column of channels. It is
    **digital** if its channel is one of ``digital``, by default the names that commonly are (website, app,
    e-mail, display …; case, dashes and underscores do not matter).

    - ``all``, ``digital``: sum of the ratings / rated touchpoints, of all and of the digital ones.
    - ``gap``: the first less the second. Above 0 the whole experience (CX) is rated better than its digital
      part (DX).

    With ``of="tone"`` a rating counts 1 above the middle of the scale, -1 below, 0 at it.

    Intervals: the figures are linearised, each customer's part of them is one observation, and Student's t
    of as many degrees of freedom as there are customers less one, widened for skewness. The two
    means of a gap come from the same customers, which this allows for.

    **Ties** do not matter. **Repeats.** Each rated touchpoint counts; the interval allows for several of one
    customer. **Censoring.** None. **Empty.** Nothing rated is NaN with 0; the ratings of one customer have no
    interval, nor has a gap to them. **Not measurable** (no score column): NaN with the reason in ``note``, no
    error. Whoever rates is seldom a random sample of those who could have; no interval shows that. No window
    applies.

    Parameters
    ----------
    log
        The event log, with the role ``score``.
    definition
        The stages.
    column
        The column of channels.
    digital
        The digital channels; None for those commonly so.
    of
        ``"rating"`` or ``"tone"``.
    scale
        Lowest and highest possible score, for tones.

    Returns
    -------
    ExperienceGap
        ``frame`` is indexed by ``stage`` (``(all stages)`` last) and ``figure``, with the columns
        ``numerator``, ``denominator``, ``value``, ``lower``, ``upper``, ``method`` and ``note``; the gap has
        no numerator.

    Raises
    ------
    CXError
        For an unknown column, channel or word, a score outside the scale, and when the definition does not
        fit the log.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition, sections 6.5 and 9A: ratio estimates of clusters.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "b"], "when": "2026-01-01", "what": "use",
    ...     "channel": ["store", "app", "store", "app"], "score": [9, 6, 8, 7],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what", score="score")
    >>> result = experience_gap(log, cx.Definition({"Enjoy": ["use"]}), "channel")
    >>> result.frame.loc["Enjoy", "value"].to_dict()
    {'all': 7.5, 'digital': 6.5, 'gap': 1.0}
    """
    log, definition = _result.check(log, definition)
    _columns.known_column(log, column)
    if of not in (RATING, TONE):
        raise unknown("of", of, (RATING, TONE))
    asked = _Asked(column, _digital(log, column, digital), of, _scale(scale) if of == TONE else None)
    return log.memo(("experience_gap", definition, asked), lambda: _experience_gap(log, definition, asked))


def _digital(log: EventLog, column: str, digital: object) -> tuple[str, ...]:
    _, names = _columns.texts(log, column)
    if digital is None:
        return tuple(name for name in names if plain(name) in DIGITAL)
    if isinstance(digital, str) or not isinstance(digital, Iterable):
        raise CXError(f"digital must be names of channels, not {digital!r}. Say digital=['website', 'app'].")
    wanted = [str(name) for name in digital]
    for name in wanted:
        if name not in names:
            raise unknown("channel", name, names, then=f"Column {column!r} holds these.")
    return tuple(name for name in names if name in set(wanted))


def _scale(scale: object) -> tuple[float, float]:
    if isinstance(scale, tuple | list) and len(scale) == 2:  # noqa: PLR2004 - two ends
        ends = [end for end in scale if isinstance(end, int | float) and not isinstance(end, bool)]
        if len(ends) == len(scale) and all(isfinite(end) for end in ends) and ends[0] < ends[1]:
            return float(ends[0]), float(ends[1])
    raise CXError(
        f"scale must be the lowest and the highest possible score, the lower first, not {scale!r}. "
        "Say scale=(0, 10)."
    )


class _Rated(NamedTuple):
    """The rows with a score and a channel: where, whose, the score, and which are digital."""

    row: Ints
    customer: Ints
    score: Floats
    digital: Bools


def _rated(log: EventLog, scores: Floats, column: str, channels: tuple[str, ...]) -> _Rated:
    codes, names = _columns.texts(log, column)
    row = np.flatnonzero(~np.isnan(scores) & (codes >= 0))
    digital = np.isin(np.arange(len(names) + 1), [names.index(name) for name in channels])
    return _Rated(row, log.packed.customers[row], scores[row], digital[codes[row]])


def _toned(log: EventLog, scores: Floats, scale: tuple[float, float]) -> Floats:
    outside = (scores < scale[0]) | (scores > scale[1])
    if outside.any():
        raise CXError(
            f"the score column {log.roles['score']!r} holds {scores[outside][0]:g}, outside of the scale "
            f"{scale[0]:g} to {scale[1]:g}. Say scale=(lowest, highest) as it was asked."
        )
    tone: Floats = np.sign(scores - sum(scale) / 2)
    return tone


def _experience_gap(log: EventLog, definition: Definition, asked: _Asked) -> ExperienceGap:
    scores = log.scores
    names = [*definition.names, ALL_STAGES]
    lines: list[_Line] = []
    if scores is None:
        nothing = (np.nan,) * 5
        lines = [_Line(*nothing, "", _NO_SCORES)] * (len(names) * len(FIGURES))
    else:
        rated = log.memo(
            ("rated touchpoints", asked.column, asked.digital),
            lambda: _rated(log, scores, asked.column, asked.digital),
        )
        staged = staged_rows(log, definition)
        stage = staged.stage_of_code[staged.codes[rated.row]]
        inside = stage > 0
        values = rated.score
        if asked.scale is not None:
            values = values.copy()
            values[inside] = _toned(log, values[inside], asked.scale)
        for number in range(1, len(names) + 1):
            at = np.flatnonzero(stage == number if number < len(names) else inside)
            lines += _three(rated.customer[at], values[at], rated.digital[at])
    frame = pd.DataFrame(lines, index=pd.MultiIndex.from_product([names, FIGURES], names=["stage", "figure"]))
    return ExperienceGap(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        column=asked.column,
        of=asked.of,
        digital=asked.digital,
        _frame=frame,
        _log=log,
    )


class _Line(NamedTuple):
    numerator: float
    denominator: float
    value: float
    lower: float
    upper: float
    method: str
    note: str


def _three(customer: Ints, value: Floats, digital: Bools) -> tuple[_Line, _Line, _Line]:
    """Return the lines of all touchpoints, of the digital ones, and of the gap."""
    # Rows stand by customer, so that each customer is one run of them.
    begins = np.flatnonzero(_runs.begins(customer))
    every, moved = _mean(value, np.ones(len(value)), begins)
    part, digital_moved = _mean(value, digital.astype(np.float64), begins)
    note = _NOBODY if not len(value) else "" if digital.any() else _NO_DIGITAL
    gap = stats.linearised(every.value - part.value, moved - digital_moved)
    if np.isnan(part.lower):
        # One customer alone shows no spread of the digital part.
        gap = stats.Estimate(gap.value, np.nan, np.nan)
    return (
        every._replace(note=_NOBODY if not len(value) else ""),
        part._replace(note=note),
        _Line(np.nan, len(value), *gap, LINEARISED, note),
    )


def _mean(value: Floats, weight: Floats, begins: Ints) -> tuple[_Line, Floats]:
    """Return the mean of the rows that count, and by how much each customer moves it."""
    x, y = float(weight.sum()), float((weight * value).sum())
    mean = float(stats.ratio(y, x))
    if not x:
        return _Line(y, x, np.nan, np.nan, np.nan, LINEARISED, ""), np.full(len(begins), np.nan)
    moved: Floats = np.add.reduceat(weight * (value - mean), begins) / x
    counting = np.add.reduceat(weight, begins) > 0
    return _Line(y, x, *stats.linearised(mean, moved[counting]), LINEARISED, ""), moved
