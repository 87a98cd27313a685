"""Changes: what another definition does to every figure, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets._recent import Recent
from cx_widgets.engine import at_once
from cx_widgets.metrics import _result
from cx_widgets.metrics._figure import LINEARISED, WILSON, Influence, change_text, interval_text, number_text
from cx_widgets.metrics._lines import when_asked
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.figures import figures
from cx_widgets.stats import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._figure import Figure, Moved
    from cx_widgets.metrics._lines import Cell, Cells

    Floats = NDArray[np.float64]

METHOD = "MOVER 95%, paired by customer"
_MOST_CELLS = 2**20
_COLUMNS = ("label", "unit", "baseline", "now", "delta", "lower", "upper", "method", "note")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Changes(Result):
    """Every figure under two definitions, from `compare`.

    Attributes
    ----------
    frame
        One line for each figure, see `compare`.
    definition
        The definition now.
    baseline
        The definition it is compared with.
    """

    baseline: Definition
    _lines: tuple[tuple[Cell, ...], ...]

    def columns(self) -> Cells:  # noqa: D102 - of every result
        return dict(zip(("key", *_COLUMNS), map(list, zip(*self._lines, strict=True)), strict=True))

    def _table(self) -> Table:
        rows = tuple(
            (
                str(row["label"]),
                number_text(row["baseline"], row["unit"]),
                number_text(row["now"], row["unit"]),
                *_shown(row["delta"], row["lower"], row["upper"], row["unit"]),
                str(row["note"]),
            )
            for _, row in self._frame.iterrows()
        )
        notes = (
            "Change = now - baseline, on the same customers; shares differ by percentage points.",
            _result.funnel_rules_note(self.definition),
            _result.unassigned_note(self.unassigned_events),
        )
        columns = ("Figure", "Baseline", "Now", "Change", "95 %", "Note")
        return Table(f"Changes, {self.n_customers:,} customers", columns, rows, notes, words=(0, 5))


def _shown(delta: float, lower: float, upper: float, unit: str) -> tuple[str, str]:
    """Return a change and its interval; a share changes by points, for per cent would be of itself."""
    if unit != "share" or np.isnan(delta):
        return change_text(delta, unit), interval_text(lower, upper, unit)
    return f"{_numbers.points(delta)} points", _numbers.points_span(lower, upper)


def compare(log: EventLog, baseline: Definition, definition: Definition) -> Changes:
    """Return every figure of `figures` under two definitions, their difference and its interval.

    **Delta** = now - baseline. Both are counted on the same customers, so they move together, and the
    interval uses that. Two shares of the same customers, each counted once, have Newcombe's paired interval:
    MOVER, the two single intervals recovered into one, with the correlation of the customers' influences on
    the two figures; so have medians, ratios, and shares of altogether different customers. Two shares with
    other wholes, of attempts and of customers or of those who entered here and there, are linearised: what
    each customer moves their difference by (`stats.customer_difference`). It answers how far the difference
    could lie if other customers like these had been observed, not whether one definition is better.

    Definitions under which every customer counts alike differ by exactly 0, from 0 to 0. Where a side is
    undefined the delta is NaN and the note says so. **Ties, repeats, censoring, empty input** are those of
    the figures.

    Parameters
    ----------
    log
        The event log.
    baseline
        The definition compared with.
    definition
        The definition now.

    Returns
    -------
    Changes
        ``frame`` is indexed by ``key``, with the columns ``label``, ``unit``, ``baseline``, ``now``,
        ``delta``, ``lower``, ``upper``, ``method`` and ``note``.

    Raises
    ------
    CXError
        When one of the definitions does not fit the log: an unknown event or column, an empty stage.

    References
    ----------
    Zou, G. Y. and Donner, A. (2008). Statistics in Medicine 27, 1693-1702.
    Newcombe, R. G. (1998). Statistics in Medicine 17, 2635-2650.
    Hall, P. (1992). Journal of the Royal Statistical Society B 54, 221-228.
    Bonett, D. G. and Price, R. M. (2012). Journal of Educational and Behavioral Statistics 37, 479-488.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
    ...     "what": ["ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> before = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
    >>> changes = compare(log, before, before.with_rules(window="1D")).frame
    >>> changes.loc["conversion", ["baseline", "now", "delta"]].tolist()
    [0.5, 0.0, -0.5]
    """
    _result.check(log, baseline)
    _result.check(log, definition)
    return log.memo(("compare", baseline, definition), lambda: _compare(log, baseline, definition))


def _compare(log: EventLog, baseline: Definition, definition: Definition) -> Changes:
    before, now = _pinned(log, baseline), figures(log, definition)
    there, here = _result.check(log, baseline)[0], _result.check(log, definition)[0]
    whole = here if here is there else log

    def line(key: str) -> tuple[Cell, ...]:
        return key, *_line(over_customers(whole, there, before[key]), over_customers(whole, here, now[key]))

    lines = tuple(at_once([partial(line, key) for key in now.keys()]))  # noqa: SIM118 - keys, not items, of a result
    return Changes(
        definition=definition,
        baseline=baseline,
        n_customers=now.n_customers,
        unassigned_events=now.unassigned_events,
        _lines=lines,
        _frame=when_asked(lambda: pd.DataFrame(lines, columns=["key", *_COLUMNS]).set_index("key")),
        _log=log,
    )


def _pinned(log: EventLog, baseline: Definition) -> dict[str, Figure]:
    """Return the figures of the baseline, which stays while the definition changes, with their influences."""

    def kept(figure: Figure) -> Figure:
        moved = figure.moved()
        return figure if moved is None else replace(figure, _influence=lambda: moved)

    def count() -> dict[str, Figure]:
        found = figures(log, baseline)
        return {key: kept(found[key]) for key in found.keys()}  # noqa: SIM118 - as above

    return log.memo(("compare", "pinned"), lambda: Recent(1)).get(baseline, count)


def _line(before: Figure, now: Figure) -> tuple[Cell, ...]:
    change = change_of(before, now)
    return (
        now.label,
        now.unit,
        before.value,
        now.value,
        *change.estimate,
        change.method,
        change.note,
    )


class Delta(NamedTuple):
    """A difference with its interval, how that was made, and what should be known of it."""

    estimate: Estimate
    method: str
    note: str


def change_of(before: Figure, now: Figure) -> Delta:
    """Return now - before with its paired interval."""
    there, here = before.moved(), now.moved()
    if there is None or here is None:
        sides = [name for name, side in (("the baseline", there), ("now", here)) if side is None]
        nowhere = Estimate(np.nan, np.nan, np.nan)
        return Delta(nowhere, "", f"Undefined for {' and '.join(sides)}.")
    first, second, customers = _together(here, there)
    nobody, here_too, there_too = customers == 0, first != 0, second != 0
    # One value from the same customers in the same way is one number, not two that happen to agree.
    if before.value == now.value and bool((nobody | (first == second)).all()):
        return Delta(Estimate(0.0, 0.0, 0.0), METHOD, "")
    told = all(figure.unit == "share" and 0 < figure.value < 1 for figure in (before, now))
    once = before.method == now.method == WILSON
    same = once and bool((nobody | (here_too == there_too)).all())
    if told and not same and bool((here_too & there_too & ~nobody).any()):
        change = stats.customer_difference(_counted(now, first), _counted(before, second), customers)
        return Delta(change, LINEARISED, "")
    spread = stats.dot(customers, first * first) * stats.dot(customers, second * second)
    correlation = stats.dot(customers, first * second) / np.sqrt(spread) if spread > 0 else 0.0
    change = stats.mover(_estimate(now), _estimate(before), correlation)
    open_side = np.isnan(change.lower) or np.isnan(change.upper)
    return Delta(change, METHOD, "Too few observations for both bounds." if open_side else "")


def _counted(figure: Figure, moved: Floats) -> stats.Counted:
    return stats.Counted(figure.numerator, figure.denominator, moved)


def _together(one: Moved, other: Moved) -> tuple[Floats, Floats, Floats]:
    """Return what customers move two figures by, and how many customers there are of each kind."""
    if isinstance(one, Influence) and isinstance(other, Influence) and _few(one, other):
        both = one.together(other).astype(np.float64)
        return one.moved[:, None], other.moved[None, :], both
    first, second = (moved.by_customer() if isinstance(moved, Influence) else moved for moved in (one, other))
    return first, second, np.ones(1)


def _few(there: Influence, here: Influence) -> bool:
    """Whether groups are so few that counting pairs of them is less work than to go by customer."""
    return len(there.moved) * len(here.moved) <= _MOST_CELLS


def over_customers(log: EventLog, seen: EventLog, figure: Figure) -> Figure:
    """Return a figure of a log as it was seen at some time with influences over the customers of the whole.

    Observed until different times two definitions may count different customers; who is not there moves
    nothing.
    """
    if seen is log:
        return figure

    def whole() -> Floats:
        moved = np.zeros(log.n_customers)
        moved[places(log, seen)] = figure.influence
        return moved

    return replace(figure, _influence=None if figure.influence is None else whole)


def places(log: EventLog, seen: EventLog) -> Ints:
    """Return where the customers of a log as it was seen at some time stand in the whole."""
    return np.searchsorted(log.customer_numbers, seen.customer_numbers)


def _estimate(figure: Figure) -> Estimate:
    return Estimate(figure.value, figure.lower, figure.upper)
