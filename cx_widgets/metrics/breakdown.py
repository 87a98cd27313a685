"""Breakdown: the funnel of each group of customers, and how it differs from that of all the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, _runs, stats
from cx_widgets.engine import assigned_events, funnel_paths, matched
from cx_widgets.errors import unknown
from cx_widgets.metrics import _columns, _result
from cx_widgets.metrics._clusters import counts_of
from cx_widgets.metrics._customers import before, clusters, customer_table, is_open, reached
from cx_widgets.metrics._entries import entries, touches
from cx_widgets.metrics._figure import CLUSTERED, NEWCOMBE, WILSON
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics._significance import (
    EXPECTED,
    benjamini_hochberg,
    differences,
    p_values,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog

    Longs = NDArray[np.int64]

OTHERS, NOT_REACHED, MISSING = "(all others)", "(not reached)", "(missing)"
RESERVED = (OTHERS, NOT_REACHED, MISSING)
FIRST, LAST, ENTRY = "first touch", "last touch", "at entry"
TEST = "pooled score test, Benjamini-Hochberg"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Breakdown(Result):
    """The funnel of each group, from `breakdown`.

    Attributes
    ----------
    frame
        One line for each group, see `breakdown`.
    by
        The column.
    attribution
        Whose row says which group a customer is in.
    groups, smallest
        How many values have a line of their own; the fewest entrants on either side of a test.
    """

    by: str
    attribution: str
    groups: int
    smallest: int
    _funnels: pd.DataFrame

    @property
    def funnels(self) -> pd.DataFrame:
        """The funnel of each group.

        Indexed by ``group`` and ``stage``, with the columns ``reach``, ``entrants``, ``conversion``,
        ``lower``, ``upper``, ``step_conversion``, ``step_lower``, ``step_upper`` (undefined for the first
        stage), ``open``, ``median_from_entry`` and ``method``, each as in `funnel`. The counts of the groups
        add up to those of the funnel.
        """
        return self._funnels.copy()

    def customers(self, group: str) -> pd.DataFrame:
        """Return the entrants of a group, one line each.

        Parameters
        ----------
        group
            A label of the frame's index.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown group.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "b"], "when": ["2026-01-01", "2026-01-02"],
        ...     "what": ["ad", "order"], "shop": ["web", "app"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.breakdown(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}), "shop")
        >>> list(result.customers("web").index)
        ['a']
        """
        labels = list(self._frame.index)
        if group not in labels:
            raise unknown("group", group, labels)
        parts = _parts(self._log, self.definition, self.by, self.attribution, self.groups)
        chosen = parts.entrants[parts.group == labels.index(group)]
        return customer_table(self._log, self.definition, chosen)

    def _table(self) -> Table:
        rows = tuple(
            (
                str(name),
                _numbers.count(row["entrants"]),
                _numbers.count(row["converted"]),
                _numbers.percent(row["conversion"]),
                _numbers.span(row["lower"], row["upper"]),
                _numbers.points(row["difference"]),
                _numbers.points_span(row["difference_lower"], row["difference_upper"]),
                "small" if row["small"] else _chance(row["p_value"]),
                _chance(row["q_value"]),
            )
            for name, row in self._frame.iterrows()
        )
        known = (FIRST, LAST, ENTRY)
        where = self.attribution if self.attribution in known else f"at stage {self.attribution!r}"
        notes = (
            f"Grouped by {self.by!r}, {where}. Difference to all other entrants together, in points.",
            f"No test below {self.smallest:,} entrants or {EXPECTED:g} expected conversions or failures.",
            _result.funnel_rules_note(self.definition),
            _result.unassigned_note(self.unassigned_events),
        )
        columns = ("Group", "Entrants", "Converted", "Conversion", "95 %", "Difference", "95 %", "p", "q")
        return Table(f"Conversion by {self.by}", columns, rows, notes)


def _chance(value: float) -> str:
    if np.isnan(value):
        return _numbers.UNDEFINED
    return "<0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004 - three decimals


def breakdown(
    log: EventLog,
    definition: Definition,
    by: str,
    *,
    attribution: str = FIRST,
    groups: int = 10,
    smallest: int = 30,
) -> Breakdown:
    """Return the conversion of each group of customers and how it differs from that of all others.

    **Group of a customer**: the value of a column in one of their rows, by ``attribution``:

    - ``"first touch"``: the first row in a stage that has a value; of those who converted among the
      rows up to the conversion.
    - ``"last touch"``: the last such row; for those who converted the last up to and including the row
      that did.
    - ``"at entry"``: the row that began the attempt that counts: of those who converted the start of
      the chain that did, of others their last entry (as in `trend` and `time_to_convert`).
    - the name of a stage: the row that took the customer there (`Funnel.matches`); those who did not
      get so far are ``(not reached)``.

    Every entrant is in exactly one group, so the groups add up to the funnel. The values with the most
    entrants have a line each, ``groups`` of them (of equally many the first by text); the rest are
    ``(all others)``, those without a value ``(missing)``. Values are told apart by their text; one that
    reads like one of these three names is put in quotes.

    **Conversion** = ``converted`` (reached the last stage) / ``entrants`` of the group, bounds Wilson's.

    **Difference** = the group's conversion - that of all entrants outside it (``other_converted`` /
    ``other_entrants``), bounds Newcombe's for independent shares. ``p_value`` is two-sided, of the pooled
    score test that the two are equal (Pearson's chi-squared without correction); ``q_value`` is
    Benjamini and Hochberg's over the groups tested: of the groups with q up to 0.05 about 5 % or less are
    expected to differ by chance alone. A difference is an association, no effect of the group.

    **Small groups.** ``small`` where the group or all others have fewer than ``smallest`` entrants; then, and
    where fewer than 5 are expected to convert or not to convert on either side, there is no test (NaN). The
    interval stays: it is wide.

    **Units.** Sessions, journeys and values of a column take their group from their own rows, an attempt from
    those from its start to the start of the next, and their bounds and tests are on the effective numbers,
    by customer. A row that may serve several stages counts as one row in a stage. With columns held constant
    and ``by`` one of them, ``"at entry"`` groups by the value all matched rows share.

    **Ties.** Rows of one customer at one time stand in the order of their stages. **Repeats.** A customer
    counts once. **Censoring.** Open customers stay in the denominators, as in `funnel`. Groups by a later
    stage or by the last touch are known only after the fact: who converts has more rows to take a value
    from. **Empty.** Without entrants the frame has no line; a difference to nobody is NaN.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and the rules.
    by
        A column of the log, or its event column.
    attribution
        ``"first touch"``, ``"last touch"``, ``"at entry"`` or the name of a stage.
    groups
        How many values have a line of their own, from 1.
    smallest
        The fewest entrants on either side of a test, from 1.

    Returns
    -------
    Breakdown
        ``frame`` is indexed by ``group`` (text; largest first, then ``(all others)``, ``(not reached)``,
        ``(missing)`` where there are any), with the columns ``entrants``, ``converted``, ``conversion``,
        ``lower``, ``upper``, ``other_entrants``, ``other_converted``, ``difference``, ``difference_lower``,
        ``difference_upper``, ``p_value``, ``q_value``, ``small``, ``method``, ``difference_method`` and
        ``test_method``. ``funnels`` has all stages.

    Raises
    ------
    CXError
        For an unknown column or attribution, ``groups`` or ``smallest`` that are no whole numbers from 1,
        and when the definition does not fit the log.

    References
    ----------
    Newcombe, R. G. (1998). Statistics in Medicine 17, 873-890, method 10.
    Benjamini, Y. and Hochberg, Y. (1995). Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-02", "2026-01-02"],
    ...     "what": ["ad", "order", "ad", "ad"],
    ...     "shop": ["web", "app", "web", None],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = breakdown(log, cx.Definition({"Consider": ["ad"], "Buy": ["order"]}), "shop")
    >>> result.frame[["entrants", "converted", "conversion", "difference", "small"]]
               entrants  converted  conversion  difference  small
    group
    web               2          1         0.5         0.5   True
    (missing)         1          0         0.0        -0.5   True
    """
    log, definition = _result.check(log, definition)
    _columns.known_column(log, by)
    known = (FIRST, LAST, ENTRY, *definition.names)
    if attribution not in known:
        raise unknown("attribution", attribution, known)
    most, least = _result.whole("groups", groups, 10), _result.whole("smallest", smallest, 30)
    return log.memo(
        ("breakdown", definition, by, attribution, most, least),
        lambda: _breakdown(log, definition, by, attribution, most=most, least=least),
    )


class _Parts(NamedTuple):
    """The entrants, ascending, and the group of each: a place among the labels."""

    entrants: Ints
    group: Longs
    labels: list[str]


def _parts(log: EventLog, definition: Definition, by: str, attribution: str, most: int) -> _Parts:
    entrants = funnel_paths(log, definition).entrants
    codes, values = _columns.texts(log, by)
    row, reached = _rows(log, definition, codes, attribution)
    code = np.where(row >= 0, codes[row] if len(codes) else -1, -1)
    found = code >= 0
    counts = np.bincount(code[found], minlength=len(values))
    # Many first; of equally many the first by text, in which the values stand.
    ranked = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    named = ranked[:most]
    place = np.full(len(values) + 1, len(named), dtype=np.int64)
    place[named] = np.arange(len(named))
    group = np.where(found, place[code], np.where(reached, len(named) + 2, len(named) + 1))
    used = np.bincount(group, minlength=len(named) + len(RESERVED)) > 0
    labels = [*(_label(values[number]) for number in named.tolist()), *RESERVED]
    return _Parts(
        entrants=entrants,
        group=(np.cumsum(used) - 1)[group] if len(group) else group,
        labels=[label for label, there in zip(labels, used.tolist(), strict=True) if there],
    )


def _label(value: str) -> str:
    return repr(value) if value in RESERVED else value


def _rows(log: EventLog, definition: Definition, codes: Ints, attribution: str) -> tuple[Longs, Bools]:
    """Return the packed row that says each entrant's group, -1 for none, and who got to the row's stage."""
    paths = funnel_paths(log, definition)
    entrants = paths.entrants
    everybody = np.ones(len(entrants), dtype=bool)
    row = np.full(len(paths.reach), -1, dtype=np.int64)
    if attribution == ENTRY:
        return entries(log, definition).row, everybody
    if attribution in (FIRST, LAST):
        line, position, counts = touches(log, definition)
        counts &= codes[position] >= 0
        line, position = line[counts], position[counts]
        # Of several rows of one line the one written last stays.
        chosen = _runs.begins(line) if attribution == FIRST else slice(None)
        row[line[chosen]] = position[chosen]
        return row[entrants], everybody
    stage = definition.names.index(attribution) + 1
    chains = matched(log, definition)
    here = chains.stage == stage
    row[chains.subject[here]] = chains.position[here]
    return row[entrants], row[entrants] >= 0


def _breakdown(
    log: EventLog, definition: Definition, by: str, attribution: str, *, most: int, least: int
) -> Breakdown:
    parts = _parts(log, definition, by, attribution, most)
    paths = funnel_paths(log, definition)
    done = paths.reach[parts.entrants] == len(paths.levels)
    of = clusters(paths)
    width = len(parts.labels)
    counts = counts_of(parts.group, width, done, None if of is None else of[parts.entrants])
    entered, converted = (np.bincount(parts.group[who], minlength=width) for who in (slice(None), done))
    other_entered, other_converted = entered.sum() - entered, converted.sum() - converted
    lower, upper = stats.wilson(counts.hits, counts.trials)
    difference, difference_lower, difference_upper = differences(*counts)
    small = np.minimum(entered, other_entered) < least
    p = np.where(small, np.nan, p_values(*counts))
    index = pd.Index(parts.labels, name="group", dtype=str)
    frame = pd.DataFrame(
        {
            "entrants": entered,
            "converted": converted,
            "conversion": stats.ratio(converted, entered),
            "lower": lower,
            "upper": upper,
            "other_entrants": other_entered,
            "other_converted": other_converted,
            "difference": difference,
            "difference_lower": difference_lower,
            "difference_upper": difference_upper,
            "p_value": p,
            "q_value": benjamini_hochberg(p),
            "small": small,
            "method": WILSON if of is None else CLUSTERED,
            "difference_method": NEWCOMBE,
            "test_method": TEST,
        },
        index=index,
    )
    return Breakdown(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        by=by,
        attribution=attribution,
        groups=most,
        smallest=least,
        _funnels=_funnels(log, definition, parts),
        _frame=frame,
        _log=log,
    )


def _funnels(log: EventLog, definition: Definition, parts: _Parts) -> pd.DataFrame:
    paths = funnel_paths(log, definition)
    width, stages = len(parts.labels), len(definition.names)
    group_of = np.full(len(paths.reach), -1, dtype=np.int64)
    group_of[parts.entrants] = parts.group
    of = clusters(paths)

    def shares(hits: Bools, trials: Bools) -> tuple[NDArray[np.generic], ...]:
        lines = np.flatnonzero(trials)
        counts = counts_of(group_of[lines], width, hits[lines], None if of is None else of[lines])
        found = np.bincount(group_of[lines[hits[lines]]], minlength=width)
        asked = np.bincount(group_of[lines], minlength=width)
        return found, asked, stats.ratio(found, asked), *stats.wilson(counts.hits, counts.trials)

    there = [np.zeros(len(paths.reach), dtype=bool)]
    there += [reached(paths, number) for number in range(1, stages + 1)]
    total = [shares(here, paths.reach > 0) for here in there[1:]]
    single = [
        shares(here & there[prior], there[prior])
        for here, prior in zip(there[1:], before(definition), strict=True)
    ]
    still = is_open(log, definition, paths)
    medians = np.full((width, stages), np.nan)
    for number, level in enumerate(paths.levels):
        group = group_of[level.customer]
        order = np.argsort(group, kind="stable")
        lasted = (level.reached - level.entered)[order]
        ends = np.cumsum(np.bincount(group, minlength=width))
        for place, part in enumerate(np.split(lasted, ends[:-1]) if width else []):
            medians[place, number] = _result.median_ticks(part)
    open_ = [
        np.bincount(group_of[still & (paths.reach == number)], minlength=width)
        for number in range(1, stages + 1)
    ]

    def column(table: list[tuple[NDArray[np.generic], ...]], place: int) -> NDArray[np.generic]:
        return np.array([shares_of[place] for shares_of in table]).T.ravel()

    return pd.DataFrame(
        {
            "reach": column(total, 0),
            "entrants": column(total, 1),
            "conversion": column(total, 2),
            "lower": column(total, 3),
            "upper": column(total, 4),
            "step_conversion": column(single, 2),
            "step_lower": column(single, 3),
            "step_upper": column(single, 4),
            "open": np.array(open_).T.ravel(),
            "median_from_entry": log.durations(medians.ravel()),
            "method": WILSON if of is None else CLUSTERED,
        },
        index=pd.MultiIndex.from_product([parts.labels, definition.names], names=["group", "stage"]),
    )
