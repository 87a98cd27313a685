"""Rule sets side by side: what the same customers convert at under one way of counting and another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from cx_widgets import _numbers
from cx_widgets._numbers import points, points_span
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._differences import Differences
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.compare import change_of
from cx_widgets.metrics.explain import conversion_of, counted_in, explain_difference
from cx_widgets.problems import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._figure import Figure
    from cx_widgets.metrics.explain import Explanation

_WHOLES = (
    "Shares of customers, sessions, journeys or attempts have different wholes; set them side by side, "
    "never into one sum."
)
_COLUMNS = (
    "numerator",
    "denominator",
    "value",
    "lower",
    "upper",
    "method",
    "counted",
    "delta",
    "delta_lower",
    "delta_upper",
    "delta_method",
    "changes",
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RuleSets(Result):
    """The conversion under several definitions, from `compare_rules`.

    Attributes
    ----------
    frame
        One line for each rule set, see `compare_rules`.
    definitions
        The definitions by name.
    definition
        What they are compared with: the baseline given, or the first of them.
    reference
        The conversion under it.
    """

    definitions: Mapping[str, Definition]
    reference: Figure

    def explain(self, name: str, *, since: str | None = None) -> Explanation:
        """Return why one rule set gives another number than what all are compared with, or than another one.

        Parameters
        ----------
        name
            The rule set to explain.
        since
            The rule set to start from; by default what all are compared with.

        Returns
        -------
        Explanation

        Raises
        ------
        CXError
            For an unknown name.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": [1, 1], "when": ["2026-01-01", "2026-01-09"], "what": ["ad", "buy"]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> plain = cx.Definition({"Consider": ["ad"], "Buy": ["buy"]})
        >>> sets = cx.compare_rules(log, {"ours": plain, "theirs": plain.with_rules(window="7D")})
        >>> sets.explain("theirs").frame["delta"].to_dict()
        {'window': -1.0}
        """
        for asked in (name, since):
            if asked is not None and asked not in self.definitions:
                raise unknown("rule set", asked, self.definitions)
        first = self.definition if since is None else self.definitions[since]
        return explain_difference(self._log, first, self.definitions[name])

    def _table(self) -> Table:
        rows = tuple(
            (
                str(name),
                f"{_numbers.count(line['numerator'])} of {_numbers.count(line['denominator'])}",
                str(line["counted"]),
                _numbers.percent(line["value"]),
                _numbers.span(line["lower"], line["upper"]),
                points(line["delta"]),
                points_span(line["delta_lower"], line["delta_upper"]),
                str(line["changes"]),
            )
            for name, line in self._frame.iterrows()
        )
        first = next(
            (name for name, one in self.definitions.items() if one == self.definition), "the baseline"
        )
        notes = (
            f"Change: against {first}, in percentage points, paired by customer.",
            _WHOLES,
        )
        columns = ("Rule set", "Made of", "Counted", "Conversion", "95 %", "Change", "95 %", "Differs in")
        title = f"One log under {len(rows)} rule {'set' if len(rows) == 1 else 'sets'}"
        return Table(title, columns, rows, notes, words=(0, 2, 7))


def compare_rules(
    log: EventLog, rule_sets: Mapping[str, Definition], baseline: Definition | None = None
) -> RuleSets:
    """Return the conversion of the same log under several definitions, each with its change from one of them.

    **Value** = what reaches the last stage / the entrants, or all units where ``denominator="all"``, as in
    `funnel`; its interval is Wilson's, clustered by customer where a customer has several lines. **Delta** =
    value - value of the baseline, with the paired interval of `compare`: the same
    customers are counted under both. ``counted`` says of what the share is; shares of customers and of
    sessions have different wholes. ``changes`` says in what the definition differs from the baseline.

    **Ties, repeats, censoring** are those of `funnel` under each definition. **Empty.** Without entrants the
    value is NaN, and so is its delta.

    Parameters
    ----------
    log
        The event log.
    rule_sets
        Definitions by name, such as `presets.ways_to_count` returns.
    baseline
        The definition they are compared with; the first of them by default.

    Returns
    -------
    RuleSets
        ``frame`` is indexed by ``rule_set``, in the order given, with the columns ``numerator``,
        ``denominator``, ``value``, ``lower``, ``upper``, ``method``, ``counted``, ``delta``,
        ``delta_lower``, ``delta_upper``, ``delta_method`` and ``changes``.

    Raises
    ------
    CXError
        For no rule set, for what is no definition, and when one does not fit the log: it is named.

    References
    ----------
    Wilson, E. B. (1927). Journal of the American Statistical Association 22, 209-212.
    Zou, G. Y. and Donner, A. (2008). Statistics in Medicine 27, 1693-1702.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "b"],
    ...     "when": ["2026-01-01", "2026-01-03", "2026-01-01", "2026-01-09"],
    ...     "what": ["ad", "order", "ad", "order"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> ways = cx.presets.ways_to_count(cx.Definition({"Consider": ["ad"], "Buy": ["order"]}))
    >>> compare_rules(log, ways).frame.loc[["Plain", "Window", "Amplitude"], ["value", "changes"]]
               value                                          changes
    rule_set
    Plain        1.0
    Window       0.5                                window: none → 7D
    Amplitude    0.0  reuse: never → distinct; window: none → 1D
    """
    found = {}
    for name, definition in _named(rule_sets):
        try:
            _, found[name] = _result.check(log, definition)
        except DefinitionError as error:
            raise CXError(f"rule set {name!r}: {error}") from None
    if baseline is None:
        baseline = next(iter(found.values()))
    _, first = _result.check(log, baseline)
    return log.memo(("compare_rules", tuple(found.items()), first), lambda: _compared(log, found, first))


def _named(rule_sets: object) -> Iterator[tuple[str, Definition]]:
    if not isinstance(rule_sets, Mapping) or not rule_sets:
        raise CXError(
            f"rule_sets are {rule_sets!r}. Give definitions by name: {{'Plain': cx.Definition(...), ...}}, "
            "or cx.presets.ways_to_count(definition)."
        )
    for name, definition in rule_sets.items():
        if not isinstance(name, str) or not name.strip():
            raise CXError(f"a rule set is called {name!r}. Give it a name, e.g. 'Plain'.")
        yield name, definition


def _compared(log: EventLog, rule_sets: dict[str, Definition], first: Definition) -> RuleSets:
    start = conversion_of(log, first)
    lines = []
    for definition in rule_sets.values():
        figure = conversion_of(log, definition)
        change = change_of(start, figure)
        lines.append(
            (
                int(figure.numerator),
                int(figure.denominator),
                figure.value,
                figure.lower,
                figure.upper,
                figure.method,
                counted_in(definition),
                *change.estimate,
                change.method,
                "; ".join(change.label for change in Differences(first, definition).changes),
            )
        )
    names = pd.Index(list(rule_sets), name="rule_set")
    return RuleSets(
        definition=first,
        definitions=dict(rule_sets),
        reference=replace(start, _influence=None),
        n_customers=log.n_customers,
        unassigned_events=int((first.stage_of_rows(_result.check(log, first)[0]) == 0).sum()),
        _frame=pd.DataFrame(lines, columns=list(_COLUMNS), index=names),
        _log=log,
    )
