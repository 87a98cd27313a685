"""Churn: who is lost, by an event that ends a contract, or by a stated silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import stats
from cx_widgets._runs import begins
from cx_widgets.durations import format_duration, parse_duration
from cx_widgets.engine import assigned_events
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _result
from cx_widgets.metrics._activity import What, activity, known, label
from cx_widgets.metrics._buyers import bought
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import (
    KAPLAN_MEIER,
    NAN,
    WILSON,
    Figure,
    FigureResult,
    clustered_share,
    estimated,
    frame_of,
)
from cx_widgets.metrics.purchase_gaps import gaps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bools, Ints
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._result import Table

    Floats = NDArray[np.float64]

STATES = ("churned", "staying", "waiting")

_BY_MODEL = "By a model instead: lifetime_value(...), the mean of p_alive."


@dataclass(frozen=True, slots=True)
class _Asked:
    event: What
    since: What
    silence: pd.Timedelta | None
    horizon: pd.Timedelta


@dataclass(frozen=True, slots=True, eq=False)
class _Fates:
    """One entry for each customer who began, in customer order.

    Attributes
    ----------
    customer
        Who.
    lasted
        Ticks from the start to the loss, or to the end of observation.
    lost
        Whether the loss was seen.
    state
        0 lost now, 1 still there, 2 too early to say.
    """

    customer: Ints
    lasted: Ints
    lost: Bools
    state: Ints


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Churn(FigureResult):
    """How many customers were lost, from `churn`; ``result["churned"]`` is one of the figures.

    Attributes
    ----------
    frame
        One line for each figure, see `churn`.
    rule
        What counts as lost, in words.
    since
        From what on, in words.
    """

    rule: str
    since: str
    _asked: _Asked

    @property
    def curve(self) -> pd.DataFrame:
        """The share of customers lost by a time since they began (1 - Kaplan-Meier).

        Columns ``time``, ``share``, ``lower``, ``upper`` (log-log 95 %) and ``at_risk``. By silence it is the
        share who have once been silent for so long, whether or not they came back later; the loss is dated
        when the silence is long enough to be one.
        """
        fates = _fates(self._log, self.definition, self._asked)
        found = stats.kaplan_meier(fates.lasted, fates.lost)
        columns = {
            "share": 1 - found.survival,
            "lower": 1 - found.upper,
            "upper": 1 - found.lower,
            "at_risk": found.at_risk,
        }
        return pd.DataFrame({"time": self._log.durations(found.time), **columns})

    def customers(self, state: str = "churned") -> pd.DataFrame:
        """Return the customers in a state at the end of observation, one line each.

        Parameters
        ----------
        state
            ``"churned"``, ``"staying"`` or, by silence, ``"waiting"``: too early to say.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown state.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "b", "c"], "when": ["2026-01-01", "2026-01-06", "2026-01-07"],
        ...                    "what": "order"})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.churn(log, cx.Definition({"Buy": ["order"]}), silence="3D")
        >>> list(result.customers("waiting").index)
        ['b', 'c']
        """
        if state not in STATES:
            raise unknown("state", state, STATES)
        fates = _fates(self._log, self.definition, self._asked)
        chosen = fates.customer[fates.state == STATES.index(state)]
        return customer_table(self._log, by_customer(self.definition), chosen)

    def _table(self) -> Table:
        notes = (
            f"Lost: {self.rule}. Counted since {self.since}.",
            _BY_MODEL,
            _result.unassigned_note(self.unassigned_events),
        )
        return self._figure_table("Churn", notes)


def churn(
    log: EventLog,
    definition: Definition,
    *,
    event: What = None,
    silence: object = None,
    since: What = None,
    horizon: object = None,
) -> Churn:
    """Return how many customers were lost: by an event, or by a silence you state.

    Say one of the two. **By event** (a contract has an end): a customer is lost with the first row of
    ``event`` at or after the start, the first row of ``since``; rows before it do not count. **By silence**
    (nobody gives notice): a buyer is lost who has not bought for longer than ``silence``. Then

    - who bought first so lately that nobody of them could have been silent for so long (no longer ago than
      ``silence``) is ``waiting``, kept apart: neither lost nor staying;
    - the rule errs: who was lost by it may come back. ``returned`` says how often that has happened.

    The figures:

    - ``churned``: customers lost at the end of observation / all who began (by silence: less those waiting);
      Wilson. By event it grows with the length of the log, for who came late had less time to leave.
    - ``churned_by``: the share lost by ``horizon`` since the start, 1 - Kaplan-Meier, those still there
      censored at the end of observation. By silence: who has once been silent for so long.
    - ``median``: the time by which half are lost, of the same curve.
    - ``waiting`` (by silence): buyers it is too early to say of.
    - ``returned`` (by silence): of all silences longer than that, those that ended with a purchase; each
      silence counts, Wilson on the effective number by customer. Later returns will raise it.

    By **model**, where buyers give no notice and differ in how often they buy: `lifetime_value` and its
    column ``p_alive``; the share lost is 1 - its mean.

    **Ties**: an event at the very time of the start ends it at once; a silence exactly as long as stated is
    not yet longer. **Repeats**: a customer begins once and is lost once, at the first loss. **Empty**: nobody
    began gives NaN. A horizon nobody was observed for gives NaN, and the note says so.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    event
        The name of a stage, or else of an event, or a `Stage` of its own: what ends it.
    silence
        A duration, such as ``"90D"``.
    since
        What begins it, named like ``event``; by default a purchase. By silence it is a purchase always.
    horizon
        A duration; by default the retention period of the rules, by silence twice the silence if that is
        longer: nobody can be lost by it within less than the silence.

    Returns
    -------
    Churn
        ``frame`` is indexed by ``key`` like that of `loyalty`.

    Raises
    ------
    CXError
        When neither or both of event and silence are given, no stage has the role buy and ``since`` is not
        given, a name is unknown, or the definition does not fit the log.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete observations. Journal
    of the American Statistical Association 53, 457-481.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "c"],
    ...     "when": ["2026-01-01", "2026-01-11", "2026-01-05", "2026-01-31"],
    ...     "what": ["join", "cancel", "join", "join"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = churn(log, cx.Definition({"Join": ["join"]}), event="cancel", since="Join", horizon="14D")
    >>> result.frame.loc[["churned", "churned_by"], ["numerator", "denominator", "value"]].round(3)
                numerator  denominator  value
    key
    churned             1            3  0.333
    churned_by          1            3  0.500
    """
    log, definition = _result.check(log, definition)
    asked = _ask(log, definition, event=event, silence=silence, since=since, horizon=horizon)
    return log.memo(("churn", definition, asked), lambda: _churn(log, definition, asked))


def _ask(
    log: EventLog,
    definition: Definition,
    *,
    event: object,
    silence: object,
    since: object,
    horizon: object,
) -> _Asked:
    if (event is None) == (silence is None):
        raise CXError(
            "say what counts as lost: event='cancel' (a stage or an event), or silence='90D' (no purchase "
            f"for longer than that){'' if event is None else ', not both'}. By a model: cx.lifetime_value."
        )
    ahead = definition.rules.retention_period if horizon is None else parse_duration(horizon, "horizon")
    if silence is not None:
        if since is not None:
            raise CXError("by silence customers begin with their first purchase. Leave since out.")
        known(log, definition, None, "since")
        length = parse_duration(silence, "silence")
        if horizon is None:
            # Within the silence itself nobody can be lost by it.
            ahead = max(ahead, 2 * min(length, pd.Timedelta.max // 2))
        return _Asked(None, None, length, ahead)
    return _Asked(known(log, definition, event, "event"), known(log, definition, since, "since"), None, ahead)


def _firsts(customer: Ints, tick: Ints) -> tuple[Ints, Ints]:
    """Return the customers and their first tick, of rows by customer and tick."""
    at = begins(customer)
    return customer[at], tick[at].astype(np.int64)


def _fates(log: EventLog, definition: Definition, asked: _Asked) -> _Fates:
    return _by_event(log, definition, asked) if asked.silence is None else _by_silence(log, definition, asked)


def _by_event(log: EventLog, definition: Definition, asked: _Asked) -> _Fates:
    start = activity(log, definition, asked.since)
    customer, began = _firsts(start.customer, start.tick)
    never = np.iinfo(np.int64).max
    begin_of: Ints = np.full(log.n_customers, never, dtype=np.int64)
    begin_of[customer] = began
    ends = activity(log, definition, asked.event)
    after = ends.tick >= begin_of[ends.customer]
    gone, when = _firsts(ends.customer[after], ends.tick[after])
    end_of: Ints = np.full(log.n_customers, -1, dtype=np.int64)
    end_of[gone] = when
    over = end_of[customer]
    lost: Bools = over >= 0
    lasted = np.where(lost, over, log.packed.end_tick) - began
    return _Fates(customer, lasted, lost, np.where(lost, 0, 1))


def _by_silence(log: EventLog, definition: Definition, asked: _Asked) -> _Fates:
    _, who = bought(log, definition)
    limit = _ticks(log, asked.silence)
    every = gaps_of(log, definition)
    # The first silence that is long enough; gaps stand by customer and time.
    long = every.length > limit
    first = begins(every.customer[long])
    position = np.searchsorted(who.customer, every.customer[long][first])
    since_first = np.cumsum(every.length) - every.length
    began = since_first - np.repeat(since_first[begins(every.customer)], who.bought)
    lost = np.zeros(len(who.customer), dtype=bool)
    lost[position] = True
    lasted = who.end_tick - who.first
    lasted[position] = began[long][first] + limit
    silent, waiting = who.end_tick - who.last > limit, who.end_tick - who.first <= limit
    return _Fates(who.customer, lasted, lost, np.where(silent, 0, np.where(waiting, 2, 1)))


def _ticks(log: EventLog, length: pd.Timedelta | None) -> int:
    return 0 if length is None else int(length.as_unit("ns").value) // log.packed.tick_ns


def _churn(log: EventLog, definition: Definition, asked: _Asked) -> Churn:
    fates = _fates(log, definition, asked)
    curve = stats.kaplan_meier(fates.lasted, fates.lost)
    figures = [
        _so_far(fates, asked),
        _by_horizon(log, fates, curve, asked),
        _median(log, fates, curve),
    ]
    if asked.silence is not None:
        figures += [_waiting(fates, asked), _returned(log, definition, asked)]
    rule = (
        label(definition, asked.event)
        if asked.silence is None
        else f"no purchase for longer than {format_duration(asked.silence)}"
    )
    start = label(definition, asked.since)
    return Churn(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        rule=rule,
        since=f"the first {start}" if asked.since is not None else f"the first purchase ({start})",
        _asked=asked,
        _figures=tuple(figures),
        _frame=frame_of(figures),
        _log=log,
    )


def _so_far(fates: _Fates, asked: _Asked) -> Figure:
    gone, there = (int((fates.state == number).sum()) for number in (0, 1))
    note = "Nobody began." if not len(fates.customer) else ""
    if asked.silence is None and not note:
        note = "So far: who came late had less time to leave."
    elif not note:
        note = "Those it is too early to say of are left out."
    return estimated(
        "churned",
        "Lost so far" if asked.silence is None else "Lost now",
        "share",
        stats.share(gone, gone + there),
        numerator=gone,
        denominator=gone + there,
        method=WILSON,
        note=note,
    )


def _by_horizon(log: EventLog, fates: _Fates, curve: stats.Survival, asked: _Asked) -> Figure:
    ahead = _ticks(log, asked.horizon)
    longest = int(fates.lasted.max(initial=-1))
    place = int(np.searchsorted(curve.time, ahead, side="right")) - 1
    if longest < ahead and not (len(curve.time) and curve.survival[-1] == 0):
        estimate = stats.Estimate(NAN, NAN, NAN)
        note = "Nobody was observed for so long." if len(fates.customer) else "Nobody began."
    elif place < 0:
        estimate, note = stats.Estimate(0.0, NAN, NAN), "Nobody was lost by then."
        if asked.silence is not None and asked.horizon < asked.silence:
            least = format_duration(asked.silence)
            note = f"Nobody can be lost before {least} are over. Say a longer horizon."
    else:
        survival, lower, upper = (float(bound[place]) for bound in (curve.survival, curve.lower, curve.upper))
        estimate, note = stats.Estimate(1 - survival, 1 - upper, 1 - lower), ""
    return estimated(
        "churned_by",
        f"Lost within {format_duration(asked.horizon)}",
        "share",
        estimate,
        numerator=int((fates.lost & (fates.lasted <= ahead)).sum()),
        denominator=len(fates.customer),
        method=KAPLAN_MEIER,
        note=note,
    )


def _median(log: EventLog, fates: _Fates, curve: stats.Survival) -> Figure:
    note = ""
    if np.isnan(curve.median.value):
        note = "Fewer than half are estimated to be lost." if len(fates.customer) else "Nobody began."
    return estimated(
        "median",
        "Time to loss (median)",
        "seconds",
        stats.Estimate(*(_result.to_seconds(log, ticks) for ticks in curve.median)),
        numerator=int(fates.lost.sum()),
        denominator=len(fates.customer),
        method=KAPLAN_MEIER,
        note=note,
    )


def _waiting(fates: _Fates, asked: _Asked) -> Figure:
    waiting = float((fates.state == STATES.index("waiting")).sum())
    length = "" if asked.silence is None else format_duration(asked.silence)
    return Figure(
        key="waiting",
        label="Too early to say",
        value=waiting,
        unit="count",
        numerator=waiting,
        denominator=float(len(fates.customer)),
        lower=NAN,
        upper=NAN,
        method="counted",
        note=f"First bought no longer than {length} ago.",
    )


def _returned(log: EventLog, definition: Definition, asked: _Asked) -> Figure:
    every = gaps_of(log, definition)
    long = every.length > _ticks(log, asked.silence)
    trials, hits = (
        np.bincount(every.customer[chosen], minlength=log.n_customers).astype(np.float64)
        for chosen in (long, long & every.ended)
    )
    note = (
        "Of silences so long. Later returns will raise it."
        if long.any()
        else "Nobody was silent for so long."
    )
    return clustered_share("returned", "Came back after it", hits, trials, note=note)
