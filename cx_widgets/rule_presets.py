"""Counting rules of other tools, as `Rules`: the same events and steps give the same counts.

Each follows its tool's documentation and tests, not its name for things; what a preset leaves open (the
window, exclusions) is a parameter or is changed with ``rules.replace``. Tools change: `docs/counting.md` says
what each preset was checked against.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cx_widgets.errors import CXError, unknown
from cx_widgets.exclusions import Exclusion
from cx_widgets.rules import Rules
from cx_widgets.windows import CountedWindow, parse_window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cx_widgets.durations import Duration
    from cx_widgets.stages import Stage

_POSTHOG_ORDERS = {"ordered": "ordered", "strict": "strict", "unordered": "any"}
_MODES = ("strict_deduplication", "strict_increase", "strict_order", "strict_once", "allow_reentry")


def posthog(
    *,
    window: Duration = "14D",
    order: str = "ordered",
    exclusions: Iterable[Exclusion] = (),
    unit: str = "customer",
) -> Rules:
    """Return the rules of PostHog funnels.

    Every start is tried; equal timestamps convert; one event serves one step, though several steps may ask
    for it. An excluded event undoes the attempt it falls into, so a person without another one is not counted
    even at the first step.

    Parameters
    ----------
    window : pd.Timedelta or str
        From the first step, end inclusive; 14 days there by default.
    order : str
        ``"ordered"``, ``"strict"`` or ``"unordered"``, as PostHog calls them.
    exclusions : iterable of Exclusion
        Their effect becomes ``"reset"``.
    unit : str
        ``"customer"`` or the column of a group.

    Returns
    -------
    Rules

    Examples
    --------
    >>> posthog(order="strict")
    Rules(order='strict', window='14D', reuse='distinct')
    """
    if order not in _POSTHOG_ORDERS:
        raise unknown("order", order, _POSTHOG_ORDERS)
    undone = tuple(exclusion.replace(effect="reset") for exclusion in exclusions)
    return Rules(order=_POSTHOG_ORDERS[order], window=window, reuse="distinct", exclusions=undone, unit=unit)


def mixpanel(
    *,
    window: Duration = "30D",
    reentry: str = "first",
    totals: bool = False,
    grace: Duration | None = "2s",
    exclusions: Iterable[Exclusion] = (),
    hold_constant: Sequence[str] = (),
) -> Rules:
    """Return the rules of Mixpanel funnels.

    The first start counts, or with optimized re-entry the best one; steps within two seconds of each other
    may come in either order; an excluded event stops the attempt.

    Parameters
    ----------
    window : pd.Timedelta or str
        From the first step, end inclusive; 30 days there by default.
    reentry : str
        ``"first"`` or ``"optimized"``.
    totals : bool
        Whether every attempt counts instead of every user; then the grace does not apply.
    grace : pd.Timedelta, str or None
        How much earlier than the step before a step may be.
    exclusions : iterable of Exclusion
        Their effect becomes ``"stop"``.
    hold_constant : sequence of str
        Columns in which the steps agree.

    Returns
    -------
    Rules

    Examples
    --------
    >>> mixpanel(reentry="optimized", totals=True)
    Rules(window='30D', count='attempts')
    """
    if reentry not in ("first", "optimized"):
        raise unknown("reentry", reentry, ("first", "optimized"))
    rules: dict[str, object] = {
        "window": window,
        "entry": "first" if reentry == "first" else "best",
        "ties": "stage" if totals or grace is None else grace,
        "count": "attempts" if totals else "unique",
        "exclusions": tuple(exclusion.replace(effect="stop") for exclusion in exclusions),
        "hold_constant": tuple(hold_constant),
    }
    return Rules().replace(rules)


def clickhouse(*, window: Duration, modes: Iterable[str] = (), stages: Iterable[Stage] = ()) -> Rules:
    """Return the rules of ClickHouse's ``windowFunnel``.

    One row may serve several conditions, unless a mode says otherwise; equal timestamps are read in the order
    of the conditions.

    Parameters
    ----------
    window : pd.Timedelta or str
        From the first event, end inclusive.
    modes : iterable of str
        ``"strict_order"``: rows of conditions not reached yet, and of none, end the chain; repeats do not.
        ``"strict_increase"``: equal timestamps are no step. ``"strict_once"``: one row serves one condition.
        ``"strict_deduplication"``: a repeat of the condition reached last ends the chain.
        ``"allow_reentry"``: with strict_order, rows out of order are passed over.
    stages : iterable of Stage
        The stages of the definition; needed for strict_deduplication, which is about them.

    Returns
    -------
    Rules

    Examples
    --------
    >>> clickhouse(window="1h", modes=["strict_order"])
    Rules(order='unbroken', window='1h', reuse='shared')
    """
    chosen = set(modes)
    for mode in sorted(chosen):
        if mode not in _MODES:
            raise unknown("mode", mode, _MODES)
    once = bool(chosen & {"strict_once", "strict_increase"})
    strict = "strict_order" in chosen and "allow_reentry" not in chosen
    steps = tuple(stages)
    repeats: tuple[Exclusion, ...] = ()
    if "strict_deduplication" in chosen:
        if not steps:
            raise CXError("mode 'strict_deduplication' is about the stages. Give stages=definition.stages.")
        repeats = tuple(
            Exclusion(here.events, after=here.name, before=there.name, where=here.where)
            for here, there in pairwise(steps)
        )
    return Rules(
        order="unbroken" if strict else "ordered",
        window=window,
        ties="strict" if "strict_increase" in chosen else "stage",
        reuse="distinct" if once else "shared",
        exclusions=repeats,
    )


def ga4(*, open_funnel: bool = False, directly: bool = False, window: Duration | None = None) -> Rules:
    """Return the rules of funnel explorations in Google Analytics 4.

    Steps may be directly or indirectly followed and have a time limit each: those are fields of `Stage`.

    Parameters
    ----------
    open_funnel : bool
        Whether users may enter at any step.
    directly : bool
        Whether all steps must follow each other directly.
    window : pd.Timedelta or str, optional
        From the first step; GA4 has none by default.

    Returns
    -------
    Rules

    Examples
    --------
    >>> ga4(open_funnel=True)
    Rules(reach='open', reuse='distinct')
    """
    return Rules(
        order="strict" if directly else "ordered",
        window=window,
        reach="open" if open_funnel else "closed",
        reuse="distinct",
    )


def amplitude(
    *, window: Duration = "1D", order: str = "this order", hold_constant: Sequence[str] = ()
) -> Rules:
    """Return the rules of Amplitude funnels.

    Parameters
    ----------
    window : pd.Timedelta or str
        From the first step, end inclusive; one day there by default.
    order : str
        ``"this order"``, ``"any order"`` or ``"exact order"``, as Amplitude calls them.
    hold_constant : sequence of str
        Properties in which the steps agree.

    Returns
    -------
    Rules

    Examples
    --------
    >>> amplitude(order="any order")
    Rules(order='any', window='1D', reuse='distinct')
    """
    orders = {"this order": "ordered", "any order": "any", "exact order": "strict"}
    if order not in orders:
        raise unknown("order", order, orders)
    return Rules(order=orders[order], window=window, reuse="distinct", hold_constant=tuple(hold_constant))


def retentioneering(
    *, funnel_type: str = "closed", path: str = "customer", window: Duration | CountedWindow | None = None
) -> Rules:
    """Return the rules of retentioneering's funnels.

    Parameters
    ----------
    funnel_type : str
        ``"closed"``: stages in order from the first. ``"open"``: each stage on its own.
    path : str
        ``"customer"``, or the column that says what a path is, a session for one.
    window : pd.Timedelta, str or CountedWindow, optional
        What its conversion rate calls ``within``; ``"3 events"`` is ``within_events=3``, with rows at one
        time in the order of the frame.

    Returns
    -------
    Rules

    Examples
    --------
    >>> retentioneering(path="session_id")
    Rules(unit='session_id', denominator='all')
    """
    if funnel_type not in ("closed", "open"):
        raise unknown("funnel_type", funnel_type, ("closed", "open"))
    unit = path if path == "customer" else f"column:{path}"
    rules: dict[str, object] = {"reach": funnel_type, "unit": unit, "denominator": "all"}
    within = None if window is None else parse_window(window)
    if isinstance(within, CountedWindow) and within.kind == "events":
        rules["ties"] = "row"
    return Rules().replace(rules | {"window": within})


@dataclass(frozen=True, slots=True)
class ToolRules:
    """The rules of another tool in one of its settings, as a menu offers them.

    Parameters
    ----------
    tool, setting : str
        What the tool and its setting are called.
    rules : Rules
        What it counts by.
    keeps : tuple of str
        Fields the tool leaves to its user or does not know; `onto` leaves them as they are.
    effect : str, optional
        The effect its exclusions have.

    Examples
    --------
    >>> tools()[0].tool, tools()[0].rules
    ('PostHog', Rules(window='14D', reuse='distinct'))
    """

    tool: str
    setting: str
    rules: Rules
    keeps: tuple[str, ...]
    effect: str | None = None

    @property
    def key(self) -> str:
        """Tool and setting as one name."""
        return f"{self.tool}: {self.setting}"

    def onto(self, rules: Rules) -> Rules:
        """Return rules with all fields but those it keeps replaced by the tool's.

        Parameters
        ----------
        rules : Rules
            Where the fields it keeps come from. Exclusions stay, with the tool's effect.

        Returns
        -------
        Rules

        Examples
        --------
        >>> tools()[0].onto(Rules(entry="first", exclusions=Exclusion("refund")))
        Rules(window='14D', reuse='distinct', exclusions=(Exclusion(['refund'], effect='reset'),))
        """
        kept: dict[str, object] = {field: getattr(rules, field) for field in self.keeps}
        if self.effect is not None:
            kept["exclusions"] = tuple(one.replace(effect=self.effect) for one in rules.exclusions)
        return self.rules.replace(kept)


_OURS = ("exclusions", "observation_end", "time_zone", "retention_period")
_ANY_WINDOW = "1D"


def tools() -> tuple[ToolRules, ...]:
    """Return the rules of other tools in their usual settings, tool by tool.

    Returns
    -------
    tuple of ToolRules

    Examples
    --------
    >>> [tool.setting for tool in tools() if tool.tool == "Amplitude"]
    ['this order', 'any order', 'exact order']
    """
    steps = (*_OURS, "window")
    held = (*_OURS, "hold_constant")
    return (
        *(ToolRules("PostHog", order, posthog(order=order), _OURS, "reset") for order in _POSTHOG_ORDERS),
        ToolRules("Mixpanel", "first entry", mixpanel(), held, "stop"),
        ToolRules("Mixpanel", "optimized re-entry", mixpanel(reentry="optimized"), held, "stop"),
        ToolRules("Mixpanel", "totals", mixpanel(totals=True), held, "stop"),
        ToolRules("ClickHouse windowFunnel", "no mode", clickhouse(window=_ANY_WINDOW), steps),
        *(
            ToolRules("ClickHouse windowFunnel", mode, clickhouse(window=_ANY_WINDOW, modes=[mode]), steps)
            for mode in ("strict_order", "strict_increase", "strict_once")
        ),
        ToolRules("GA4", "closed funnel", ga4(), _OURS),
        ToolRules("GA4", "open funnel", ga4(open_funnel=True), _OURS),
        *(
            ToolRules("Amplitude", order, amplitude(order=order), held)
            for order in ("this order", "any order", "exact order")
        ),
        *(
            ToolRules("retentioneering", f"{kind} funnel", retentioneering(funnel_type=kind), _OURS)
            for kind in ("closed", "open")
        ),
    )
