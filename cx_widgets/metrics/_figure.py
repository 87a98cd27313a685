"""One number with what it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import crossed
from cx_widgets.errors import unknown
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from cx_widgets.engine import Ints
    from cx_widgets.metrics._lines import Cells
    from cx_widgets.stats import Estimate

NAN = float("nan")
WILSON = "Wilson 95%"
CLUSTERED = "Wilson 95%, clustered by customer"
KAPLAN_MEIER = "Kaplan-Meier, log-log 95%"
LINEARISED = "linearised by customer, t 95%, widened for skewness"
MEAN = "mean, t 95%, widened for skewness"
NEWCOMBE = "Newcombe 95%"
ODDS = "odds of Wilson 95%"

_MOST_PAIRS = 2**16
"""Kinds of customers at most; where there are more, each is told by itself."""

_COLUMNS = ("label", "value", "unit", "numerator", "denominator", "lower", "upper", "method", "note")


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """How much each customer moves a figure, told by groups of customers who move it alike.

    Attributes
    ----------
    group
        For each customer of the log the number of the group.
    moved
        What each group moves, up to a factor.
    """

    group: NDArray[np.uint8] | NDArray[np.uint16]
    moved: NDArray[np.float64]

    @classmethod
    def of_counts(cls, size: int, customer: Ints, hits: Ints, trials: Ints, share: float) -> Moved:
        """Return the influence on sum(hits) / sum(trials), which is ``share``; others have neither."""
        width = int(trials.max(initial=0)) + 1
        pair = hits.astype(np.int64) * width + trials
        pairs = int(pair.max(initial=0)) + 1
        if pairs > _MOST_PAIRS:
            moved = np.zeros(size)
            moved[customer] = hits - share * trials
            return moved
        there = np.bincount(pair, minlength=pairs) > 0
        there[0] = True  # those with neither
        group = np.zeros(size, dtype=np.uint16)
        group[customer] = (np.cumsum(there) - 1)[pair]
        found = np.flatnonzero(there)
        return cls(group, found // width - share * (found % width))

    def by_customer(self) -> NDArray[np.float64]:
        """Return what each customer moves."""
        return self.moved[self.group]

    def together(self, other: Influence) -> Ints:
        """Return how many customers are in each group here, a line each, and in each group of another."""
        return crossed(self.group, other.group, (len(self.moved), len(other.moved)))


Moved: TypeAlias = "Influence | NDArray[np.float64]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: its value, what it is made of, and how sure it is.

    Attributes
    ----------
    key, label
        Its name for programs and for people.
    value
        The number; NaN where it is undefined, with the reason in ``note``.
    unit
        ``"share"``, ``"seconds"``, ``"ratio"``, ``"count"`` or ``"money"``.
    numerator, denominator
        What the value is the quotient of; of a median, how many were observed and of how many.
    lower, upper
        The 95 % interval; NaN where a side is undefined.
    method
        How the interval was made.
    note
        What should be known when reading it; the reason where it is undefined.
    """

    key: str
    label: str
    value: float
    unit: str
    numerator: float
    denominator: float
    lower: float
    upper: float
    method: str
    note: str = ""
    _influence: Callable[[], Moved] | None = field(default=None, repr=False, compare=False)

    @property
    def influence(self) -> NDArray[np.float64] | None:
        """How much each customer of the log moves the value, up to a factor; None where it is undefined.

        The numbers sum to 0 over the customers. Two definitions are counted on the same customers, and the
        correlation of their influences is that of the two values: `compare` uses it.
        """
        moved = self.moved()
        return moved.by_customer() if isinstance(moved, Influence) else moved

    def moved(self) -> Moved | None:
        """Return the influence as it is kept, by customer or by groups of them; None where undefined."""
        return None if self._influence is None or np.isnan(self.value) else self._influence()

    def shown(self) -> str:
        """Return the value as people read it."""
        return number_text(self.value, self.unit)


def number_text(value: float, unit: str) -> str:
    """Return a number in its unit."""
    if np.isnan(value):
        return _numbers.UNDEFINED
    if unit == "share":
        return _numbers.percent(value)
    if unit == "seconds":
        return _numbers.seconds(value)
    return f"{value:,.0f}" if unit == "count" else f"{value:,.2f}"


def change_text(value: float, unit: str) -> str:
    """Return a difference in its unit, with its sign."""
    return f"+{number_text(value, unit)}" if value > 0 else number_text(value, unit)


def interval_text(lower: float, upper: float, unit: str) -> str:
    """Return an interval in its unit; an undefined side stays open."""
    if np.isnan(lower) and np.isnan(upper):
        return _numbers.UNDEFINED
    return " to ".join("…" if np.isnan(bound) else number_text(bound, unit) for bound in (lower, upper))


def undefined(key: str, label: str, unit: str, note: str) -> Figure:
    """Return a figure that cannot be measured here, with the reason."""
    return Figure(
        key=key,
        label=label,
        value=NAN,
        unit=unit,
        numerator=NAN,
        denominator=NAN,
        lower=NAN,
        upper=NAN,
        method="",
        note=note,
    )


def estimated(
    key: str,
    label: str,
    unit: str,
    estimate: Estimate,
    *,
    numerator: float,
    denominator: float,
    method: str,
    note: str = "",
    influence: Callable[[], Moved] | None = None,
) -> Figure:
    """Return a figure made from an estimate."""
    return Figure(
        key=key,
        label=label,
        value=estimate.value,
        unit=unit,
        numerator=numerator,
        denominator=denominator,
        lower=estimate.lower,
        upper=estimate.upper,
        method=method,
        note=note,
        _influence=influence,
    )


def clustered_share(
    key: str,
    label: str,
    hits: NDArray[np.float64],
    trials: NDArray[np.float64],
    *,
    note: str = "",
    influence: Callable[[], Moved] | None = None,
) -> Figure:
    """Return the share sum(hits) / sum(trials), both given for each customer."""
    y, x = float(hits.sum()), float(trials.sum())
    lower, upper = stats.clustered_wilson(
        y,
        x,
        success_squares=stats.dot(hits, hits),
        products=stats.dot(hits, trials),
        trial_squares=stats.dot(trials, trials),
        clusters=np.count_nonzero(trials),
    )
    return estimated(
        key,
        label,
        "share",
        stats.Estimate(float(stats.ratio(y, x)), float(lower), float(upper)),
        numerator=y,
        denominator=x,
        method=CLUSTERED,
        note=note,
        influence=influence,
    )


def frame_of(figures: Iterable[Figure]) -> pd.DataFrame:
    """Return figures as a table indexed by key."""
    figures = list(figures)
    columns = {name: [getattr(figure, name) for figure in figures] for name in _COLUMNS}
    return pd.DataFrame(columns, index=pd.Index([figure.key for figure in figures], name="key"))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FigureResult(Result):
    """A result made of figures; ``result["key"]`` is one of them."""

    _figures: tuple[Figure, ...]

    def columns(self) -> Cells:
        return {
            "key": [figure.key for figure in self._figures],
            **{name: [getattr(figure, name) for figure in self._figures] for name in _COLUMNS},
        }

    def keys(self) -> tuple[str, ...]:
        """Return the keys, in order."""
        return tuple(figure.key for figure in self._figures)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._figures)

    def __getitem__(self, key: str) -> Figure:
        for figure in self._figures:
            if figure.key == key:
                return figure
        raise unknown("figure", key, self.keys())

    def _figure_table(self, title: str, notes: tuple[str, ...]) -> Table:
        rows = tuple(
            (
                figure.label,
                figure.shown(),
                interval_text(figure.lower, figure.upper, figure.unit),
                _made_of(figure),
                figure.method,
                figure.note,
            )
            for figure in self._figures
        )
        columns = ("Figure", "Value", "95 %", "Made of", "Method", "Note")
        return Table(title, columns, rows, notes, words=(0, 4, 5))


def _made_of(figure: Figure) -> str:
    if np.isnan(figure.denominator):
        return "" if np.isnan(figure.numerator) else f"{figure.numerator:,.10g}"
    top = _numbers.UNDEFINED if np.isnan(figure.numerator) else f"{figure.numerator:,.10g}"
    joint = " : " if figure.unit == "ratio" else " of "
    return f"{top}{joint}{figure.denominator:,.10g}"
