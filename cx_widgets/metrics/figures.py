"""The figures strip: the few numbers that answer every edit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import stats
from cx_widgets.engine import funnel_paths, funnel_totals, is_special, ranked
from cx_widgets.metrics import _result
from cx_widgets.metrics._customers import bounds, clusters, reached
from cx_widgets.metrics._figure import (
    CLUSTERED,
    WILSON,
    Figure,
    FigureResult,
    Influence,
    estimated,
    frame_of,
)
from cx_widgets.metrics._lines import when_asked
from cx_widgets.metrics.funnel import funnel
from cx_widgets.metrics.loyalty import loyalty

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import FunnelPaths, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._figure import Moved
    from cx_widgets.metrics._result import Table

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Figures(FigureResult):
    """The figures strip, from `figures`; ``result["conversion"]`` is one figure.

    Attributes
    ----------
    frame
        One line for each figure, see `figures`.
    open_customers
        Customers who entered, did not convert and may still do so: observation ended inside their window.
    """

    open_customers: int

    def _table(self) -> Table:
        notes = (
            _result.funnel_rules_note(self.definition),
            f"{_result.unassigned_note(self.unassigned_events)} {_result.open_note(self.open_customers)}",
        )
        return self._figure_table(f"Figures of {self.n_customers:,} customers", notes)


def figures(log: EventLog, definition: Definition) -> Figures:
    """Return the figures strip: conversion, time to convert, and four loyalty figures.

    In this order:

    - ``conversion``: customers who reach the last stage / customers who reach the first (`funnel`).
    - ``time_to_convert``: median time from entry to the last stage over the customers who reach it; entry
      is the latest start from which a chain reaches it at that moment. Its interval is of ranks, without a
      distribution assumed, and interpolated between them (`stats.median_interval`). ``numerator`` of
      ``denominator`` entrants converted; those who did not, or not yet, have no time and are left out.
    - ``repeat_rate``, ``loyalty_loop``, ``active_passive``, ``retention``: as in `loyalty`.

    **Ties, repeats, censoring** are those of `funnel` and `loyalty`. **Empty.** Undefined figures are NaN,
    with the reason in the note.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages, their roles, and the rules.

    Returns
    -------
    Figures
        ``frame`` is indexed by ``key``, with the columns ``label``, ``value``, ``unit``, ``numerator``,
        ``denominator``, ``lower``, ``upper``, ``method`` and ``note``.

    Raises
    ------
    CXError
        When the definition does not fit the log: an unknown event or column, an empty stage.

    References
    ----------
    Wilson, E. B. (1927). Journal of the American Statistical Association 22, 209-212.
    Hettmansperger, T. P. and Sheather, S. J. (1986). Statistics and Probability Letters 4, 75-79.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
    ...     "what": ["ad", "order", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> strip = figures(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
    >>> strip["conversion"].value, strip["time_to_convert"].value / 86400
    (0.5, 2.0)
    """
    log, definition = _result.check(log, definition)
    return log.memo(("figures", definition), lambda: _figures(log, definition))


def _figures(log: EventLog, definition: Definition) -> Figures:
    conversions, loyal = funnel(log, definition), loyalty(log, definition)
    strip = (
        conversion(log, definition),
        _time_to_convert(log, definition),
        *(loyal[key] for key in ("repeat_rate", "loyalty_loop", "active_passive", "retention")),
    )
    return Figures(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=conversions.unassigned_events,
        open_customers=conversions.open_customers,
        _figures=strip,
        _frame=when_asked(partial(frame_of, strip)),
        _log=log,
    )


def conversion(log: EventLog, definition: Definition) -> Figure:
    """Return the conversion alone: what reaches the last stage, of those who entered or of all units."""
    everyone = definition.rules.denominator == "all"
    plain = not is_special(definition)
    if plain:
        reach = funnel_totals(log, definition).reach.tolist()
        converted, entrants = reach[-1], log.n_customers if everyone else reach[0]
        share, method = stats.share(converted, entrants), WILSON
    else:
        paths = funnel_paths(log, definition)
        converted = len(paths.levels[-1].customer)
        entrants = len(paths.reach) if everyone else len(paths.entrants)
        share = _share(paths, everyone=everyone)
        method = WILSON if clusters(paths) is None else CLUSTERED

    def influence() -> Moved:
        deepest = funnel_totals(log, definition).deepest if plain else funnel_paths(log, definition).reach
        done = deepest >= len(definition.names)
        # Those who did not enter, who did, and who converted.
        missed = -converted / entrants
        moved = np.array([missed if everyone else 0.0, missed, 1.0 + missed])
        by_unit = Influence((deepest >= 1).view(np.uint8) + done.view(np.uint8), moved)
        return by_unit if plain else _of_customers(log, funnel_paths(log, definition), by_unit.by_customer())

    return estimated(
        "conversion",
        "Conversion",
        "share",
        share,
        numerator=converted,
        denominator=entrants,
        method=method,
        note="" if entrants else f"Nobody reaches {definition.names[0]!r}.",
        influence=influence,
    )


def _share(paths: FunnelPaths, *, everyone: bool) -> stats.Estimate:
    converted = reached(paths, len(paths.levels))
    counted = np.ones(len(paths.reach), dtype=bool) if everyone else paths.reach > 0
    value = float(stats.ratio(converted.sum(), counted.sum()))
    return stats.Estimate(value, *bounds(paths, converted, counted))


def _of_customers(log: EventLog, paths: FunnelPaths, moved: Floats) -> Floats:
    """Return influences by customer: what is counted belongs to the customer of its first row."""
    if paths.subjects is None:
        return moved
    summed = np.zeros(log.n_customers)
    np.add.at(summed, paths.subjects.customer, moved)
    return summed


def _time_to_convert(log: EventLog, definition: Definition) -> Figure:
    plain = not is_special(definition)
    if plain:
        reach = funnel_totals(log, definition).reach.tolist()
        converted, entrants = reach[-1], reach[0]
    else:
        paths = funnel_paths(log, definition)
        converted, entrants = len(paths.levels[-1].customer), len(paths.entrants)
    median = stats.median_interval(_took(log, definition)[1], ranked=ranked, interpolated=True)

    def influence() -> Moved:
        who, took = _took(log, definition)
        group = np.zeros(log.n_customers if plain else len(funnel_paths(log, definition).reach), np.uint8)
        # Those who did not convert, who were quicker, as quick, and slower.
        group[who] = 2 + (took > median.value).view(np.int8) - (took < median.value).view(np.int8)
        sizes = np.bincount(group, minlength=4)
        mean = (sizes[3] - sizes[1]) / sizes[1:].sum()
        by_unit = Influence(group, np.array([0.0, -1.0 - mean, -mean, 1.0 - mean]))
        return by_unit if plain else _of_customers(log, funnel_paths(log, definition), by_unit.by_customer())

    return estimated(
        "time_to_convert",
        "Time to convert (median)",
        "seconds",
        stats.Estimate(*(_result.to_seconds(log, ticks) for ticks in median)),
        numerator=converted,
        denominator=entrants,
        method="interpolated order statistics 95%",
        note="Among those who converted." if converted else "Nobody converted.",
        influence=influence,
    )


def _took(log: EventLog, definition: Definition) -> tuple[Ints, Ints]:
    """Return who converted, ascending, and how many ticks after entry."""
    if not is_special(definition):
        took = funnel_totals(log, definition).took
        who = np.flatnonzero(took >= 0)
        return who, took[who]
    last = funnel_paths(log, definition).levels[-1]
    return last.customer, last.reached - last.entered
