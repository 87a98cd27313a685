"""Variants: the distinct sequences of stages, and how many customers took each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import coded_rows, funnel_paths, visits
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _groups, _result
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Visits
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]

OTHERS = "(all others)"
ARROW = " \N{RIGHTWARDS ARROW} "
_WORD = 8  # stages that one 64-bit number holds
_SHOWN = 12  # stages of a variant in the table people read


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Variants(Result):
    """The sequences of stages, from `variants`.

    Attributes
    ----------
    frame
        One line for each of the most frequent variants, see `variants`.
    n_variants
        How many distinct sequences there are.
    visitors_total
        Customers with at least one event in a stage: the denominator of the shares.
    top
        How many variants have a line of their own.
    repeats
        Whether consecutive events of one stage are one visit, ``"merged"``, or each is one, ``"kept"``.
    sequences
        The stages of each variant in the frame, in the order of its lines, without the others.
    """

    n_variants: int
    visitors_total: int
    top: int
    repeats: str
    sequences: tuple[tuple[str, ...], ...]

    def customers(self, *stages: str) -> pd.DataFrame:
        """Return the customers who visited these stages in this order and no other, one line each.

        Parameters
        ----------
        *stages
            Names of stages, one for each visit; the variant need not be among those in the frame.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`; ``reach`` is missing for customers who never entered the
            first stage. Empty where nobody took this way.

        Raises
        ------
        CXError
            For an unknown stage, or for none.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b"],
        ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02"],
        ...     "what": ["ad", "order", "ad"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.variants(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
        >>> list(result.customers("Consider", "Buy").index)
        ['a']
        """
        names = self.definition.names
        if not stages:
            raise CXError("customers was given no stage. Write customers('Consider', 'Buy'), visit by visit.")
        for stage in stages:
            if stage not in names:
                raise unknown("stage", stage, names)
        made = visits(self._log, self.definition, merged=self.repeats == _result.MERGED)
        begins, lengths = _journeys(made)
        same = np.flatnonzero(lengths == len(stages))
        for number, stage in enumerate(stages):
            same = same[made.stage[begins[same] + number] == names.index(stage) + 1]
        return customer_table(self._log, by_customer(self.definition), made.customer[begins[same]])

    def _table(self) -> Table:
        rows = tuple(
            (
                _cut(self.sequences[place]) if place < len(self.sequences) else str(row["variant"]),
                _numbers.count(row["customers"]),
                _numbers.percent(row["share"]),
                _numbers.span(row["lower"], row["upper"]),
                _numbers.timedelta(row["duration_median"]),
                _numbers.count(row["entrants"]),
                _numbers.percent(row["conversion"]),
                _numbers.span(row["conversion_lower"], row["conversion_upper"]),
            )
            for place, (_, row) in enumerate(self._frame.iterrows())
        )
        notes = (
            _result.visits_note(self.definition, self.repeats),
            "Conversion of those who entered: " + _result.funnel_rules_note(by_customer(self.definition)),
            _result.visitors_note(self.unassigned_events, self.n_customers - self.visitors_total),
        )
        return Table(
            f"{self.n_variants:,} variants of {self.visitors_total:,} customers",
            (
                *("Variant", "Customers", "Of all", "95 %", "Median duration"),
                *("Entrants", "Conversion", "95 % of conversion"),
            ),
            rows,
            notes,
        )


def _cut(sequence: tuple[str, ...]) -> str:
    rest = len(sequence) - _SHOWN
    return ARROW.join(sequence[:_SHOWN]) + (f"{ARROW}... {rest} more" if rest > 0 else "")


def variants(log: EventLog, definition: Definition, *, top: int = 20, repeats: str = "merged") -> Variants:
    """Return the distinct sequences of stages with their customers, share, duration and conversion.

    **Variant.** The stages of all visits of a customer, in order: runs of consecutive events in one stage, or
    with ``repeats="kept"`` single events; events in no stage are left out. Every customer with an event in a
    stage has exactly one variant. With `Definition.of_events` and repeats kept these are the variants of
    process mining.

    **Share** = customers of the variant / customers with an event in a stage, with Wilson's interval.
    **Duration**: the median over its customers of the time from the first to the last event in a stage, 0
    for one event. **Conversion** = converted / entrants among the customers of the variant, each counted once
    by the rules of the definition, as in `funnel`, so that the lines add up to it; where the rules say
    ``denominator="all"``, over all customers of the variant. NaN where nobody entered.

    **Ties.** Events of one customer at one time stand in the order of their stages; with the rule
    ``ties="row"`` they stand as in the frame. Of variants with equally many customers the shorter one comes
    first, of equally long ones the one whose stages come first. **Repeats.** A stage visited again stands in
    the variant again. **Censoring.** A journey that may go on counts as far as it was observed. **Empty.**
    Without visits there are no variants.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages, and the rules by which customers convert.
    top
        How many variants have a line of their own, from 1; the rest share the line ``(all others)``.
    repeats
        ``"merged"``: consecutive events of one stage are one visit. ``"kept"``: each event is a visit.

    Returns
    -------
    Variants
        ``frame`` has a line for each variant, most customers first, with the columns ``variant`` (its stages
        as text, see also ``sequences``), ``visits`` (missing for the others), ``customers``, ``share``,
        ``lower``, ``upper``, ``denominator``, ``duration_median``, ``entrants``, ``converted``,
        ``conversion``, ``conversion_lower``, ``conversion_upper`` and ``method``.

    Raises
    ------
    CXError
        When the definition does not fit the log, ``top`` is no whole number from 1, or for another value of
        ``repeats``.

    References
    ----------
    van der Aalst, W. M. P. (2016). Process Mining: Data Science in Action, 2nd ed.: trace variants.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02", "2026-01-02"],
    ...     "what": ["ad", "order", "ad", "ad"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = variants(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
    >>> result.frame[["variant", "customers", "converted", "duration_median"]]
              variant  customers  converted duration_median
    0        Consider          2          0          0 days
    1  Consider → Buy          1          1          2 days
    """
    log, definition = _result.check(log, definition)
    number, repeats = _result.whole("top", top, 20), _result.check_repeats(repeats)
    return log.memo(
        ("variants", definition, number, repeats), lambda: _variants(log, definition, number, repeats)
    )


def _journeys(made: Visits) -> tuple[Longs, Longs]:
    """Return where the visits of each customer who made any begin, and how many they are."""
    begins = np.flatnonzero(made.first)
    return begins, np.diff(np.append(begins, len(made.stage)))


class _Ways(NamedTuple):
    """The distinct sequences, most customers first.

    Attributes
    ----------
    rank
        Of each customer with a visit the place of the sequence.
    customers
        How many customers have it.
    length
        How many visits it has.
    example
        One of the customers with it.
    """

    rank: Longs
    customers: Longs
    length: Longs
    example: Longs


def _ways(stage: NDArray[np.uint8], begins: Longs, lengths: Longs) -> _Ways:
    """Group journeys by their stages, eight visits at a time, those that are longer again by the next."""
    number = np.zeros(len(begins), dtype=np.int64)
    live = np.arange(len(begins))
    known = np.zeros(len(begins), dtype=np.int64)
    used = done = 0
    while len(live):
        word = np.zeros(len(live), dtype=np.uint64)
        for place in range(done, done + _WORD):
            there = lengths[live] > place
            # Stages count from 1, so the 0 behind the end is no stage.
            here = np.zeros(len(live), dtype=np.uint64)
            here[there] = stage[begins[live[there]] + place]
            word = word << np.uint64(8) | here
        words, code = np.unique(word, return_inverse=True)
        both, known = np.unique(known * len(words) + code, return_inverse=True)
        number[live] = used + known
        used, done = used + len(both), done + _WORD
        longer = lengths[live] > done
        live, known = live[longer], known[longer]
    found, example, rank, count = np.unique(
        number, return_index=True, return_inverse=True, return_counts=True
    )
    # Numbers of equally long sequences are in the order of their stages.
    order = np.lexsort((found, lengths[example], -count))
    place_of = np.empty(len(order), dtype=np.int64)
    place_of[order] = np.arange(len(order))
    return _Ways(place_of[rank], count[order], lengths[example][order], example[order])


def _variants(log: EventLog, definition: Definition, top: int, repeats: str) -> Variants:
    rows = coded_rows(log, definition)
    made = visits(log, definition, merged=repeats == _result.MERGED)
    begins, lengths = _journeys(made)
    ways = _ways(made.stage, begins, lengths)
    named = min(top, len(ways.customers))
    lines = named + (len(ways.customers) > named)
    line = np.minimum(ways.rank, named)
    customers = np.bincount(line, minlength=lines)
    line_of = np.zeros(log.n_customers, dtype=np.int64)
    line_of[made.customer[begins]] = line
    paths = funnel_paths(log, by_customer(definition))
    converted = np.bincount(line_of[paths.levels[-1].customer], minlength=lines)
    entrants = customers
    if definition.rules.denominator == "entrants":
        entrants = np.bincount(line_of[paths.entrants], minlength=lines)
    lower, upper = stats.wilson(customers, len(begins))
    conversion_lower, conversion_upper = stats.wilson(converted, entrants)
    names = definition.names
    sequences = tuple(
        tuple(names[number - 1] for number in made.stage[begin : begin + length].tolist())
        for begin, length in zip(
            begins[ways.example[:named]].tolist(), ways.length[:named].tolist(), strict=True
        )
    )
    # The rows of a customer are in the order of time, whatever decides at ties.
    edge = np.flatnonzero(np.append(True, rows.customer[1:] != rows.customer[:-1])[: len(rows.customer)])
    lasted = rows.tick[np.append(edge[1:], len(rows.tick))[: len(edge)] - 1] - rows.tick[edge]
    labels = [ARROW.join(sequence) for sequence in sequences] + [OTHERS] * (lines - named)
    length = pd.array([*ways.length[:named].tolist(), *[pd.NA] * (lines - named)], dtype="Int64")
    frame = pd.DataFrame(
        {
            "variant": pd.Series(labels, dtype=str),
            "visits": length,
            "customers": customers,
            "share": stats.ratio(customers, len(begins)),
            "lower": lower,
            "upper": upper,
            "denominator": len(begins),
            "duration_median": log.durations(_groups.by_group(line, lasted).median),
            "entrants": entrants,
            "converted": converted,
            "conversion": stats.ratio(converted, entrants),
            "conversion_lower": conversion_lower,
            "conversion_upper": conversion_upper,
            "method": WILSON,
        }
    )
    return Variants(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - len(rows.stage),
        n_variants=len(ways.customers),
        visitors_total=len(begins),
        top=top,
        repeats=repeats,
        sequences=sequences,
        _frame=frame,
        _log=log,
    )
