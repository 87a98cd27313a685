"""Explanations: why two definitions give different conversions, change by change and customer by customer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers
from cx_widgets._numbers import points, points_span
from cx_widgets.engine import funnel_paths, matched
from cx_widgets.errors import CXError, listing, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._customers import noun
from cx_widgets.metrics._differences import Differences
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.compare import change_of, over_customers, places
from cx_widgets.metrics.figures import conversion
from cx_widgets.problems import DefinitionError
from cx_widgets.stats import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._differences import Change
    from cx_widgets.metrics._figure import Figure

    Numbers = NDArray[np.int64] | NDArray[np.uint8]

_COLUMNS = (
    "step",
    "label",
    "numerator_before",
    "denominator_before",
    "value_before",
    "numerator",
    "denominator",
    "value",
    "delta",
    "lower",
    "upper",
    "method",
    "gained",
    "lost",
    "flipped",
    "alone",
    "alone_lower",
    "alone_upper",
    "note",
)
_NAMED = 3
_ORDER_NOTE = (
    "Changes are made one after the other from the rows outward: which rows are in a stage, which rows make "
    "a chain, which attempts count, what is counted; so units and denominators change last. "
    "Another order= may share the same total out in another way; the effect alone does not depend on it."
)
_GIVEN_NOTE = "Changes are made in the order given, one after the other; others follow from the rows outward."
_PAIRED_NOTE = (
    "The same customers are counted before and after, so the intervals of the differences are paired."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """What became of every customer of the log under one definition.

    Attributes
    ----------
    definition
        The definition.
    figure
        Its conversion.
    entered, converted
        For each customer how many of what is counted are theirs and entered, converted.
    stage
        The deepest slot (a stage, whatever its name) that one of them reached, from 1; 0 for none.
    """

    definition: Definition
    figure: Figure
    entered: Numbers
    converted: Numbers
    stage: Numbers

    def differs(self, other: _Outcome) -> Bools:
        """Return which customers it counts in another way."""
        found: Bools = (self.entered != other.entered) | (self.converted != other.converted)
        found |= self.stage != other.stage
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """Changes made together: one, or several of which one alone is no valid definition."""

    changes: tuple[Change, ...]
    why: str

    @property
    def key(self) -> str:
        return " + ".join(change.key for change in self.changes)

    @property
    def label(self) -> str:
        return "; ".join(change.label for change in self.changes)

    @property
    def noun(self) -> str:
        return " with ".join(change.noun for change in self.changes)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation(Result):
    """Why two definitions give different conversions, from `explain_difference`.

    Attributes
    ----------
    frame
        One line for each change, see `explain_difference`.
    baseline, definition
        The first definition (A) and the second (B).
    conversion_a, conversion_b
        The two conversions, each with numerator, denominator and interval.
    total
        B - A with its paired interval.
    interaction
        The total less the sum of the effects alone: what the changes do only together. NaN where an effect
        alone is undefined.
    definitions
        The definition before the first step, after it, after the second ... up to B.
    """

    baseline: Definition
    conversion_a: Figure
    conversion_b: Figure
    total: Estimate
    interaction: float
    definitions: tuple[Definition, ...]
    _outcomes: tuple[_Outcome, ...]
    _steps: tuple[_Step, ...]
    _order_note: str

    @property
    def summary(self) -> str:
        """The difference in one sentence."""
        return self.sentence()

    def sentence(self, a: str = "A", b: str = "B") -> str:
        """Return the difference in one sentence, the definitions called by these names.

        Parameters
        ----------
        a, b
            What to call the first definition and the second.

        Returns
        -------
        str

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": [1, 1], "when": ["2026-01-01", "2026-01-09"], "what": ["ad", "buy"]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> journey = cx.Definition({"Consider": ["ad"], "Buy": ["buy"]})
        >>> result = cx.explain_difference(log, journey, journey.with_rules(window="7D"))
        >>> print(result.sentence("Ours", "theirs"))
        Ours counts 1 of 1 customer (100.0%), theirs 0 of 1 (0.0%): the window explains -100.0 points.
        """
        first, last = self._outcomes[0], self._outcomes[-1]
        counted = [counted_in(outcome.definition) for outcome in (first, last)]
        wholes = [noun(outcome.definition, int(outcome.figure.denominator)) for outcome in (first, last)]
        if counted[0] == counted[1]:
            wholes[1] = wholes[1].partition(" ")[0]
        there, here = (
            f"{outcome.figure.numerator:,.0f} of {whole} ({_numbers.percent(outcome.figure.value)})"
            for outcome, whole in zip((first, last), wholes, strict=True)
        )
        why = _why([step.noun for step in self._steps], self._frame["delta"].to_numpy(float), self.total)
        return f"{a} counts {there}, {b} {here}: {why}."

    @property
    def customers(self) -> pd.DataFrame:
        """The customers whom the two definitions count in different ways, one line each.

        Returns
        -------
        pandas.DataFrame
            Indexed by customer id. For A and for B each: ``entered_a``, ``converted_a`` (how many of what is
            counted are the customer's; 0 or 1 where customers are counted), ``reached_a`` (deepest stage,
            missing for none), ``events_a`` and ``times_a`` (the matched events, as tuples). ``flips_at``:
            the first step at which the outcome changes. Over all lines, ``converted_b`` -
            ``converted_a`` adds up to the difference of the numerators.
        """
        first, last = self._outcomes[0], self._outcomes[-1]
        chosen = np.flatnonzero(first.differs(last))
        table = _side_by_side(self._log, first, last, chosen, ("_a", "_b"))
        keys = [step.key for step in self._steps]
        at = np.full(len(chosen), -1, dtype=np.int64)
        for number in reversed(range(len(keys))):
            flips = self._outcomes[number].differs(self._outcomes[number + 1])
            at[flips[chosen]] = number
        kind = pd.CategoricalDtype(pd.Index(keys), ordered=True)
        return table.assign(flips_at=pd.Categorical.from_codes(at, dtype=kind))

    def flips(self, change: str) -> pd.DataFrame:
        """Return the customers whose outcome changes at one step, one line each.

        Parameters
        ----------
        change
            Key of the change, from the index of ``frame``.

        Returns
        -------
        pandas.DataFrame
            The columns of `customers`, with ``_before`` and ``_after`` the step for ``_a`` and ``_b``, and
            without ``flips_at``.

        Raises
        ------
        CXError
            For an unknown change.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({
        ...     "who": ["a", "a", "b", "b"],
        ...     "when": ["2026-01-01", "2026-01-03", "2026-01-01", "2026-01-09"],
        ...     "what": ["ad", "order", "ad", "order"],
        ... })
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> journey = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
        >>> result = cx.explain_difference(log, journey, journey.with_rules(window="7D"))
        >>> result.flips("window")[["converted_before", "converted_after"]].to_dict("index")
        {'b': {'converted_before': 1, 'converted_after': 0}}
        """
        keys = [step.key for step in self._steps]
        if change not in keys:
            raise unknown("change", change, keys)
        number = keys.index(change)
        before, after = self._outcomes[number], self._outcomes[number + 1]
        return _side_by_side(
            self._log, before, after, np.flatnonzero(before.differs(after)), ("_before", "_after")
        )

    def _table(self) -> Table:
        rows = [
            (
                str(row["label"]),
                _made_of(row["numerator_before"], row["denominator_before"], row["value_before"]),
                _made_of(row["numerator"], row["denominator"], row["value"]),
                points(row["delta"]),
                points_span(row["lower"], row["upper"]),
                _numbers.count(row["gained"]),
                _numbers.count(row["lost"]),
                points(row["alone"]),
            )
            for _, row in self._frame.iterrows()
        ]
        notes = [self.summary]
        if len(rows) > 1:
            alone = self._frame["alone"].sum(skipna=False)
            notes.append(
                f"Each alone, from A: {points(alone)} in sum; left over, from acting together: "
                f"{points(self.interaction)}."
            )
            notes.append(self._order_note)
        notes += [str(note) for note in self._frame["note"] if note]
        disagree = int(self._outcomes[0].differs(self._outcomes[-1]).sum())
        are = "customer is" if disagree == 1 else "customers are"
        notes.append(f"{disagree:,} {are} counted in different ways. {_PAIRED_NOTE}")
        columns = ("Change", "Before", "After", "Points", "95 %", "Gained", "Lost", "Alone")
        return Table("Why B differs from A", columns, tuple(rows), tuple(notes))


def explain_difference(
    log: EventLog,
    definition_a: Definition,
    definition_b: Definition,
    *,
    order: Sequence[str] | None = None,
) -> Explanation:
    """Return why two definitions give different conversions: which change accounts for how much.

    **Conversion** = what reaches the last stage / the entrants, or all units where ``denominator="all"``, as
    in `funnel`. **Changes**: every field of the rules, every exclusion, every field of a stage, events that
    move from one stage to another, and stages added, removed, renamed or in another order. A stage of A is
    the stage of B with its name, else with its events, else in its place.

    **Steps.** The changes are made one after the other, from A to B. ``delta`` of a step = conversion after -
    before; the deltas add up to the total exactly. The order is from the rows outward: which rows are in a
    stage (stages, events, conditions), which rows make a chain (optional, directly, order, reuse, ties,
    columns held constant, windows), which attempts count (entry, reach, exclusions), what is counted (unit,
    count, denominator). So units change last, and the steps before are counted on the same units. Where a
    change alone leads to no valid definition, it is made together with the one it depends on: one line, and
    the ``note`` says why.

    **Alone** = conversion of A with only this change made - conversion of A. What the changes do only
    together is left over: ``interaction`` = total - the sum of the effects alone.

    **Interval**: the same customers are counted twice, which the interval uses as in `compare`: for two
    shares of the same customers, each counted once, it is Newcombe's paired interval, else linearised. A
    step that counts every customer alike differs by exactly 0, from 0 to 0. **Gained** and **lost**:
    conversions that customers have after but not before, and before but not after (the two cells of McNemar's
    table). Where the step changes what is counted (customers to sessions), they are undefined and the note
    says what can be compared; the interval is still paired, by customer.

    **Ties, repeats, censoring** are those of `funnel` under each definition; customers who are still open
    stay in the denominators. **Empty.** Without entrants a conversion is NaN, and so are its differences.
    Equal definitions give no line and a total of 0.

    Parameters
    ----------
    log
        The event log.
    definition_a, definition_b
        The definition to start from, and the one to get to.
    order
        Keys of changes (the index of ``frame``) to be made first, in this order; others follow in the order
        above.

    Returns
    -------
    Explanation
        ``frame`` is indexed by ``change``, with the columns ``step``, ``label``, ``numerator_before``,
        ``denominator_before``, ``value_before``, ``numerator``, ``denominator``, ``value``, ``delta``,
        ``lower``, ``upper``, ``method``, ``gained``, ``lost``, ``flipped`` (customers whose entry,
        deepest stage or conversion changes), ``alone``, ``alone_lower``, ``alone_upper`` and ``note``.

    Raises
    ------
    CXError
        When a definition does not fit the log, and for an order of unknown or repeated changes.

    References
    ----------
    McNemar, Q. (1947). Psychometrika 12, 153-157.
    Newcombe, R. G. (1998). Statistics in Medicine 17, 2635-2650.
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
    >>> journey = cx.Definition({"Consider": ["ad"], "Buy": ["order"]})
    >>> result = explain_difference(log, journey, journey.with_rules(window="7D"))
    >>> result.summary
    'A counts 2 of 2 customers (100.0%), B 1 of 2 (50.0%): the window explains -50.0 points.'
    >>> result.frame[["numerator_before", "numerator", "delta", "gained", "lost"]].to_dict("index")
    {'window': {'numerator_before': 2, 'numerator': 1, 'delta': -0.5, 'gained': 0, 'lost': 1}}
    >>> result.customers["flips_at"].to_dict()
    {'b': 'window'}
    """
    _result.check(log, definition_a)
    _result.check(log, definition_b)
    wanted = None if order is None else _keys(order)
    return log.memo(
        ("explain_difference", definition_a, definition_b, wanted),
        lambda: _explained(log, definition_a, definition_b, wanted),
    )


def conversion_of(log: EventLog, definition: Definition) -> Figure:
    """Return the conversion under a definition, with influences over all customers of the log."""
    seen, _ = _result.check(log, definition)
    return over_customers(log, seen, conversion(seen, definition))


def _explained(
    log: EventLog, definition_a: Definition, definition_b: Definition, wanted: tuple[str, ...] | None
) -> Explanation:
    differences = Differences(definition_a, definition_b)
    groups = _Groups(log, differences, wanted)
    chosen = [frozenset[int]().union(*groups.members[:number]) for number in range(len(groups.members) + 1)]
    outcomes = [_outcome(log, differences, some) for some in chosen]
    if not groups.members:
        outcomes.append(_counted(log, definition_b, np.arange(len(definition_b) + 1)))
    steps = tuple(
        _Step(tuple(differences.changes[number] for number in sorted(some, key=groups.place.index)), why)
        for some, why in zip(groups.members, groups.reasons, strict=True)
    )
    lines = []
    for number, (step, some) in enumerate(zip(steps, groups.members, strict=True)):
        before, after = outcomes[number], outcomes[number + 1]
        if not number:
            alone: _Outcome | None = after
        else:
            alone = None if groups.why_not(some) else _outcome(log, differences, some)
        lines.append(_line(number + 1, step, before, after, start=outcomes[0], alone=alone))
    frame = pd.DataFrame(lines, columns=list(_COLUMNS), index=pd.Index([s.key for s in steps], name="change"))
    frame = frame.astype(dict.fromkeys(("gained", "lost"), "Int64"))
    first, last = outcomes[0], outcomes[-1]
    total = change_of(first.figure, last.figure).estimate
    interaction = total.value - float(frame["alone"].sum(skipna=False)) if len(frame) else total.value
    return Explanation(
        definition=definition_b,
        baseline=definition_a,
        n_customers=log.n_customers,
        unassigned_events=int((definition_b.stage_of_rows(_result.check(log, definition_b)[0]) == 0).sum()),
        conversion_a=first.figure,
        conversion_b=last.figure,
        total=total,
        interaction=interaction,
        definitions=tuple(outcome.definition for outcome in outcomes),
        _outcomes=tuple(
            replace(outcome, figure=replace(outcome.figure, _influence=None)) for outcome in outcomes
        ),
        _steps=steps,
        _order_note=_ORDER_NOTE if wanted is None else _GIVEN_NOTE,
        _frame=frame,
        _log=log,
    )


def _keys(order: object) -> tuple[str, ...]:
    given = tuple(order) if isinstance(order, (list, tuple, pd.Index)) else ()
    if not given or not all(isinstance(key, str) for key in given):
        raise CXError(
            f"order={order!r} is no list of changes. Give keys from the index of the frame: order=['window']."
        )
    if len(set(given)) != len(given):
        raise CXError(f"order={listing(given)} names a change twice. Name it once.")
    return given


class _Groups:
    """The changes in the order of the steps, together where one alone is no valid definition.

    Attributes
    ----------
    members
        The numbers of the changes of each step.
    reasons
        For each step of several changes, why they are made together.
    place
        All changes in the order they are made.
    """

    def __init__(self, log: EventLog, differences: Differences, wanted: tuple[str, ...] | None) -> None:
        self._log, self._differences = log, differences
        self._known: dict[frozenset[int], str] = {}
        changes = differences.changes
        self.members = [frozenset({number}) for number in range(len(changes))]
        self.reasons = [""] * len(changes)
        while (at := self._first_invalid()) is not None:
            self._join(at, self._partner(at), self.why_not(self.members[at]))
        if wanted is not None:
            self._arrange(wanted)
        done: frozenset[int] = frozenset()
        at = 0
        while at < len(self.members):
            if why := self.why_not(done | self.members[at]):
                self._join(at, at + 1, why)
            else:
                done |= self.members[at]
                at += 1
        self.place = [number for some in self.members for number in sorted(some)]

    def why_not(self, chosen: frozenset[int]) -> str:
        """Return why these changes of the first definition are no valid definition; empty where they are."""
        if chosen not in self._known:
            try:
                definition, _ = self._differences.build(chosen)
                definition.require(self._log)
            except DefinitionError as error:
                self._known[chosen] = str(error)
            else:
                self._known[chosen] = ""
        return self._known[chosen]

    def _first_invalid(self) -> int | None:
        return next((at for at, some in enumerate(self.members) if self.why_not(some)), None)

    def _partner(self, at: int) -> int:
        """Return the step that makes this one valid; where none alone does, the next."""
        others = [place for place in range(len(self.members)) if place != at]
        for place in others:
            if not self.why_not(self.members[at] | self.members[place]):
                return place
        return others[at] if at < len(others) else others[-1]

    def _join(self, at: int, other: int, why: str) -> None:
        first, second = sorted((at, other))
        self.reasons[first] = self.reasons[first] or self.reasons[second] or why
        self.members[first] |= self.members[second]
        del self.members[second], self.reasons[second]

    def _arrange(self, wanted: Iterable[str]) -> None:
        keys = [
            {self._differences.changes[number].key for number in some}
            | {" + ".join(self._differences.changes[number].key for number in sorted(some))}
            for some in self.members
        ]
        first: list[int] = []
        for key in wanted:
            at = next((at for at, names in enumerate(keys) if key in names), None)
            if at is None:
                raise unknown("change", key, [change.key for change in self._differences.changes])
            if at not in first:
                first.append(at)
        order = [*first, *(at for at in range(len(keys)) if at not in first)]
        self.members = [self.members[at] for at in order]
        self.reasons = [self.reasons[at] for at in order]


def _outcome(log: EventLog, differences: Differences, chosen: frozenset[int]) -> _Outcome:
    definition, slots = differences.build(chosen)
    return _counted(log, definition, np.array((-1, *slots), dtype=np.int64) + 1)


def _counted(log: EventLog, definition: Definition, slot_of_level: Ints) -> _Outcome:
    seen, _ = _result.check(log, definition)
    paths = funnel_paths(seen, definition)
    figure = conversion_of(log, definition)
    influence = figure.moved()
    owner = places(log, seen)
    if paths.subjects is not None:
        owner = owner[paths.subjects.customer]
    level, size = paths.reach.astype(np.int64), log.n_customers
    deepest = np.zeros(size, dtype=np.int64)
    np.maximum.at(deepest, owner, level)
    return _Outcome(
        definition,
        replace(figure, _influence=None if influence is None else lambda: influence),
        _small(np.bincount(owner[level > 0], minlength=size)),
        _small(np.bincount(owner[level == len(definition)], minlength=size)),
        _small(slot_of_level[deepest]),
    )


def _small(values: NDArray[np.int64]) -> Numbers:
    """Return counts in a byte each where they fit."""
    if len(values) and int(values.max()) > np.iinfo(np.uint8).max:
        return values.astype(np.int64)
    return values.astype(np.uint8)


def _line(
    number: int, step: _Step, before: _Outcome, after: _Outcome, *, start: _Outcome, alone: _Outcome | None
) -> tuple[object, ...]:
    change = change_of(before.figure, after.figure)
    effect = Estimate(np.nan, np.nan, np.nan)
    if alone is not None:
        effect = change_of(start.figure, alone.figure).estimate
    notes = []
    if len(step.changes) > 1:
        said = " and ".join(each.key for each in step.changes)
        notes.append(f"{said} are changed together, for one alone is no valid definition: {step.why}")
    counted = counted_in(before.definition), counted_in(after.definition)
    gained: object = pd.NA
    lost: object = pd.NA
    if counted[0] == counted[1]:
        moved = after.converted.astype(np.int64) - before.converted.astype(np.int64)
        gained, lost = int(moved[moved > 0].sum()), int(-moved[moved < 0].sum())
    else:
        notes.append(
            f"{step.key} changes what is counted, from {counted[0]} to {counted[1]}: the shares have "
            "different wholes and can be set side by side, but no conversion of the one is a conversion of "
            "the other. Who entered and who converted can be compared customer by customer, as the "
            "interval does."
        )
    return (
        number,
        step.label,
        int(before.figure.numerator),
        int(before.figure.denominator),
        before.figure.value,
        int(after.figure.numerator),
        int(after.figure.denominator),
        after.figure.value,
        *change.estimate,
        change.method,
        gained,
        lost,
        int(before.differs(after).sum()),
        *effect,
        " ".join(notes),
    )


def counted_in(definition: Definition) -> str:
    """Return what a definition counts, in words that tell two such wholes apart."""
    rules = definition.rules
    many = noun(definition, 2).removeprefix("2 ")
    gap = rules.session_gap
    of = "" if rules.count == "unique" or rules.unit == "customer" else f" of {rules.unit}"
    return f"{many}{of}" if gap is None else f"{many} ({rules.unit} gap)"


def _side_by_side(
    log: EventLog, before: _Outcome, after: _Outcome, chosen: Ints, ends: tuple[str, str]
) -> pd.DataFrame:
    parts = [_one_side(log, outcome, chosen) for outcome in (before, after)]
    columns = {f"{name}{end}": part[name] for name in parts[0] for part, end in zip(parts, ends, strict=True)}
    return pd.DataFrame(columns, index=log.customer_ids.take(chosen))


def _one_side(log: EventLog, outcome: _Outcome, chosen: Ints) -> dict[str, object]:
    definition = outcome.definition
    seen = _result.check(log, definition)[0]
    paths, chains = funnel_paths(seen, definition), matched(seen, definition)
    there = places(log, seen)
    owner = there if paths.subjects is None else there[paths.subjects.customer]
    level = paths.reach.astype(np.int64)
    # Of several sessions of a customer, the first that got deepest.
    order = np.lexsort((np.arange(len(level)), -level, owner))
    place = np.searchsorted(owner[order], chosen)
    found = np.flatnonzero(place < len(order))
    found = found[owner[order[place[found]]] == chosen[found]]
    first = np.full(len(chosen), -1)
    first[found] = order[place[found]]
    low, high = np.searchsorted(chains.subject, first), np.searchsorted(chains.subject, first, side="right")
    names = np.array(log.event_names, dtype=object)
    events = names[seen.packed.codes[chains.position]].tolist()
    times = seen.timestamps(seen.packed.ticks[chains.position].astype(np.int64))
    spans = list(zip(low.tolist(), high.tolist(), strict=True))
    return {
        "entered": outcome.entered[chosen].astype(np.int64),
        "converted": outcome.converted[chosen].astype(np.int64),
        "reached": _result.names_at(definition.names, np.append(level, 0)[first]),
        "events": _objects([tuple(events[slice(*span)]) for span in spans]),
        "times": _objects([tuple(times[slice(*span)]) for span in spans]),
    }


def _objects(values: list[tuple[object, ...]]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _made_of(numerator: object, denominator: object, share: float) -> str:
    return f"{_numbers.count(numerator)} of {_numbers.count(denominator)} ({_numbers.percent(share)})"


def _why(nouns: Sequence[str], deltas: NDArray[np.float64], total: Estimate) -> str:
    """Return what the changes do, the largest three by name."""
    if not nouns:
        return "they are one definition"
    if np.isnan(total.value):
        return "the difference is undefined"
    size = np.abs(deltas)
    moving = [int(at) for at in np.argsort(-size, kind="stable") if size[at] > 0]
    if not moving:
        one = len(nouns) == 1
        return (
            f"{'the change makes no' if one else f'none of the {len(nouns)} changes makes a'} difference here"
        )
    said = [f"{nouns[at]} explains {points(deltas[at])} points" for at in moving[:1]]
    said += [f"{nouns[at]} {points(deltas[at])}" for at in moving[1:_NAMED]]
    if rest := moving[_NAMED:]:
        some = "1 further change" if len(rest) == 1 else f"{len(rest)} further changes together"
        said.append(f"{some} {points(deltas[rest].sum())}")
    if still := len(nouns) - len(moving):
        said.append(f"{still} {'changes' if still == 1 else 'change'} nothing")
    return ", ".join(said)
