"""The claims lens: what is often claimed of customer journeys, beside what this log says."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import Ways, assigned_events, stage_numbers, way_tallies
from cx_widgets.errors import CXError
from cx_widgets.metrics import _columns, _recommend, _result
from cx_widgets.metrics._figure import ODDS, clustered_share, interval_text, number_text
from cx_widgets.metrics._result import Result, Table
from cx_widgets.metrics.consideration import consideration
from cx_widgets.metrics.loyalists import loyalists

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import WayTallies
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._figure import Figure

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]

SUPPORTS, CONTRADICTS, UNDECIDED, NOT_MEASURABLE = "supports", "contradicts", "undecided", "not measurable"
VERDICTS = (SUPPORTS, CONTRADICTS, UNDECIDED, NOT_MEASURABLE)
BEFORE, AFTER = ("aware", "consider", "evaluate"), ("enjoy", "advocate", "bond")


_STEPS = "customers who go from one stage to another"
_TIMES = "customers with visits to both that ended, of unequal lengths"
_VERDICTS_NOTE = (
    "Supports: the whole interval lies in what the claim allows; contradicts: the whole interval lies "
    "outside; undecided: it covers an end."
)


class _Claim(NamedTuple):
    """A claim: its words, what is estimated, and the numbers it allows.

    ``about`` is the claimed number where a claim says "about so much"; else ``low`` and ``high`` are the ends
    of what it allows.
    """

    text: str
    estimate: str
    unit: str
    low: float = -inf
    high: float = inf
    about: float = np.nan


CLAIMS = {
    "first_considered": _Claim(
        "Brands considered first are bought up to three times as often as those added later.",
        "rate at which brands of the first set are bought / rate of those added in evaluation",
        "ratio",
        low=1.0,
        high=3.0,
    ),
    "evaluation_adds": _Claim(
        "Evaluation adds about as many brands as the first set had.",
        "brands added in evaluation / brands of the first set",
        "ratio",
        about=1.0,
    ),
    "closing_touchpoint": _Claim(
        "The touchpoint that closes leads in fewer than half of the purchases.",
        "purchases whose last touchpoint has more touches on the way than any other / purchases with a touch",
        "share",
        high=0.5,
    ),
    "passive_loyalists": _Claim(
        "For each active loyalist there are about six passive ones.",
        "passive loyalists / active loyalists",
        "ratio",
        about=6.0,
    ),
    "service_weight": _Claim(
        "Service after the purchase weighs about as much as all marketing in the funnel.",
        "linear credit of enjoy, advocate and bond / that of aware, consider and evaluate, repeat purchases",
        "ratio",
        about=1.0,
    ),
    "considering_long": _Claim(
        "Considering is long and evaluating is quick.",
        "customers who spent longer considering / those who spent unequal times considering and evaluating",
        "share",
        low=0.5,
    ),
    "skip_and_return": _Claim(
        "Journeys skip stages and go back.",
        "customers with a step that skips a stage or goes back / customers with a step between stages",
        "share",
        low=0.5,
    ),
}


class _Told(NamedTuple):
    """What the log says: the figure and what it is made of, or why there is none."""

    value: float
    lower: float
    upper: float
    numerator: float
    denominator: float
    n: float
    method: str
    note: str = ""


def _told(figure: Figure, n: float, note: str) -> _Told:
    return _Told(
        figure.value,
        figure.lower,
        figure.upper,
        figure.numerator,
        figure.denominator,
        n,
        figure.method,
        note,
    )


def _missing(note: str) -> _Told:
    return _Told(np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, "", note)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Claims(Result):
    """Claims beside this log's own estimates, from `claims`.

    Attributes
    ----------
    frame
        One line for each claim, see `claims`.
    tolerance
        How far from a claimed number still is about it, as a factor.
    """

    tolerance: float

    def _table(self) -> Table:
        rows = tuple(
            (
                str(line["claim"]),
                number_text(line["value"], line["unit"]),
                interval_text(line["lower"], line["upper"], line["unit"]),
                _numbers.count(line["n"]),
                str(line["verdict"]),
                str(line["note"]) or str(line["rule"]),
            )
            for _, line in self._frame.iterrows()
        )
        notes = (_VERDICTS_NOTE, "What goes together here is associated; nothing here is an effect.")
        columns = ("Claim", "This log", "95 %", "n", "Verdict", "Rule")
        return Table("Often claimed, and what this log says", columns, rows, notes, words=(0, 4, 5))


def claims(
    log: EventLog,
    definition: Definition,
    *,
    brand: str | None = None,
    channel: str | None = None,
    recommends: str = _recommend.EITHER,
    tolerance: float = 1.25,
) -> Claims:
    """Return what is often claimed of journeys beside this log's estimate, interval and verdict.

    A claim allows some numbers: "fewer than half" those below 0.5, "up to three times as often" those above 1
    up to 3, "about six" those from 6 / ``tolerance`` to 6 · ``tolerance``. The **verdict** compares them with
    the 95 % interval of this log's own estimate:

    - ``supports``: the whole interval lies in what the claim allows;
    - ``contradicts``: the whole interval lies outside;
    - ``undecided``: the interval covers an end of it, or has an end that is not known on that side;
    - ``not measurable``: there is neither an estimate nor an interval; ``note`` says which column, role or
      events are missing.

    What is estimated:

    - ``first_considered``, ``evaluation_adds``: ``first_ratio`` and ``added_ratio`` of `consideration`. Need
      the column ``brand`` and the roles consider, evaluate and buy.
    - ``closing_touchpoint``: purchases whose last touchpoint has more touches on the way than any other /
      purchases with a touch. A touch is a visit to a stage, or with ``channel`` a run of its values; the way
      is that of `consideration`. Wilson on the effective number, by customer.
    - ``passive_loyalists``: passive : active loyalists, of `loyalists`; odds of Wilson's interval.
    - ``service_weight``: credit for repeat purchases of touches in stages with the roles enjoy, advocate and
      bond / credit of touches with the roles aware, consider and evaluate; linear, as in `credit`. Odds of
      a share linearised by customer.
    - ``considering_long``: of the customers who spent unequal times on their visits to consider and to
      evaluate stages, those who spent longer considering. Visits that have not ended are left out, and
      customers without an ended visit to either. Wilson.
    - ``skip_and_return``: of the customers who go from one stage to another, those who at least once skip a
      stage of the definition or go back to an earlier one. Wilson.

    No verdict is fixed: each follows from the log and the definition. A claim may hold elsewhere and not
    here. Seven intervals are looked at together: one of them may miss by chance.

    **Ties** and **repeats**: as in the functions named. **Censoring.** What has not ended is left out, as
    said. **Empty.** An estimate of 0 of 0 is not measurable. No window applies.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages and their roles.
    brand
        The column of brands.
    channel
        The column of channels; stages are the touchpoints without it.
    recommends
        Who recommends, see `loyalists`.
    tolerance
        A factor of 1 or more.

    Returns
    -------
    Claims
        ``frame`` is indexed by ``key``, with the columns ``claim``, ``estimate`` (in words), ``unit``,
        ``value``, ``lower``, ``upper``, ``numerator``, ``denominator``, ``n`` (customers or purchases the
        estimate rests on), ``method``, ``low`` and ``high`` (what the claim allows), ``verdict``, ``rule``
        and ``note``.

    Raises
    ------
    CXError
        For an unknown column, a tolerance below 1, and when the definition does not fit the log.

    References
    ----------
    Court, D. et al. (2009). The consumer decision journey. McKinsey Quarterly 3: where claims of this kind
    come from. They are put to the test here, not taken from there.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": [1, 1, 1, 2, 2], "when": pd.date_range("2026-01-01", periods=5),
    ...     "what": ["ad", "compare", "ad", "ad", "compare"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> result = claims(log, cx.Definition({"Consider": ["ad"], "Evaluate": ["compare"]}))
    >>> result.frame.loc[["skip_and_return", "first_considered"], "verdict"].tolist()
    ['undecided', 'not measurable']
    >>> result.frame.loc["first_considered", "note"]
    "Needs a stage with the role 'buy' and a column of brands: say brand=."
    """
    log, definition = _result.check(log, definition)
    for column in (brand, channel):
        if column is not None:
            _columns.known_column(log, column)
    way, factor = _recommend.check_way(recommends), _factor(tolerance)
    return log.memo(
        ("claims", definition, brand, channel, way, factor),
        lambda: _claims(log, definition, (brand, channel), way, factor),
    )


def _factor(tolerance: object) -> float:
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 1 <= tolerance < inf:
        raise CXError(f"tolerance must be a factor of 1 or more, not {tolerance!r}. Say tolerance=1.25.")
    return float(tolerance)


def _claims(
    log: EventLog, definition: Definition, columns: tuple[str | None, str | None], way: str, factor: float
) -> Claims:
    brand, channel = columns
    told = {
        **_of_brands(log, definition, brand),
        **_of_ways(log, definition, channel),
        "passive_loyalists": _passive(log, definition, way),
    }
    lines = {key: _line(claim, told[key], factor) for key, claim in CLAIMS.items()}
    return Claims(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        tolerance=factor,
        _frame=pd.DataFrame.from_dict(lines, orient="index").rename_axis("key"),
        _log=log,
    )


def _line(claim: _Claim, told: _Told, factor: float) -> dict[str, object]:
    low, high = claim.low, claim.high
    if not np.isnan(claim.about):
        low, high = claim.about / factor, claim.about * factor
    return {
        "claim": claim.text,
        "estimate": claim.estimate,
        "unit": claim.unit,
        "value": told.value,
        "lower": told.lower,
        "upper": told.upper,
        "numerator": told.numerator,
        "denominator": told.denominator,
        "n": told.n,
        "method": told.method,
        "low": low,
        "high": high,
        "verdict": verdict(told.value, told.lower, told.upper, low=low, high=high),
        "rule": _rule(claim, low, high),
        "note": told.note,
    }


def verdict(value: float, lower: float, upper: float, *, low: float, high: float) -> str:
    """Return what an estimate with its interval says of a claim that allows numbers from low to high.

    Examples
    --------
    >>> verdict(0.3, 0.2, 0.4, low=0, high=0.5), verdict(0.6, 0.51, 0.7, low=0, high=0.5)
    ('supports', 'contradicts')
    >>> nothing = float("nan")
    >>> verdict(0.45, 0.38, 0.52, low=0, high=0.5), verdict(*[nothing] * 3, low=0, high=0.5)
    ('undecided', 'not measurable')
    """
    if np.isnan([value, lower, upper]).all():
        return NOT_MEASURABLE
    begins_inside = low == -inf or lower > low
    ends_inside = high == inf or upper < high
    if begins_inside and ends_inside:
        return SUPPORTS
    return CONTRADICTS if lower >= high or upper <= low else UNDECIDED


def _rule(claim: _Claim, low: float, high: float) -> str:
    ends = [number_text(end, claim.unit) for end in (low, high)]
    if low == -inf:
        allowed = f"below {ends[1]}"
    elif high == inf:
        allowed = f"above {ends[0]}"
    else:
        allowed = f"between {ends[0]} and {ends[1]}"
    return f"Supports: all of the interval {allowed}. Contradicts: none of it."


def _needs(definition: Definition, *roles: str | tuple[str, ...]) -> list[str]:
    """Return which roles no stage has; of a group of roles any one will do."""
    wanted = [role if isinstance(role, tuple) else (role,) for role in roles]
    return [
        f"a stage with the role {' or '.join(map(repr, some))}"
        for some in wanted
        if not stage_numbers(definition, *some)
    ]


def _sentence(needs: list[str]) -> str:
    return f"Needs {' and '.join(needs)}." if needs else ""


def _of_brands(log: EventLog, definition: Definition, brand: str | None) -> dict[str, _Told]:
    needs = _needs(definition, "consider", "evaluate", "buy")
    if brand is None:
        needs.append("a column of brands: say brand=")
    if brand is None or needs:
        return dict.fromkeys(("first_considered", "evaluation_adds"), _missing(_sentence(needs)))
    found = consideration(log, definition, brand)
    told = {}
    for key, name in (("first_considered", "first_ratio"), ("evaluation_adds", "added_ratio")):
        figure = found[name]
        note = "" if not np.isnan(figure.value) else figure.note or "No way to a purchase has a first set."
        n = found["added"].denominator
        told[key] = _told(figure, n, note)
    return told


def _passive(log: EventLog, definition: Definition, way: str) -> _Told:
    needs = _needs(definition, "buy")
    if _recommend.missing(log, definition, way):
        ways_to_tell = {
            "stage": "a stage with the role 'advocate'",
            "score": "a score column: cx.EventLog(..., score=)",
        }
        needs.append(ways_to_tell.get(way) or " or ".join(ways_to_tell.values()))
    if needs:
        return _missing(_sentence(needs))
    frame = loyalists(log, definition, recommends=way).frame
    passive, active = frame.loc[["passive", "active"], "numerator"].to_numpy(dtype=np.float64).tolist()
    if not passive + active:
        return _missing("Needs customers who bought again.")
    bounds = stats.odds(stats.share(passive, passive + active))[1:]
    value = passive / active if active else np.nan
    note = "" if active else "There is no active loyalist; the interval has a lower end only."
    return _Told(value, *bounds, passive, active, passive + active, ODDS, note)


# --- ways to purchases, and visits ----------------------------------------------------------------


def _of_ways(log: EventLog, definition: Definition, channel: str | None) -> dict[str, _Told]:
    """Return what ways to purchases and visits say; all of it is counted at once."""
    lead, weight = _needs(definition, "buy"), _needs(definition, "buy", BEFORE, AFTER)
    steps = [] if len(definition.names) > 1 else ["two stages or more"]
    times = _needs(definition, "consider", "evaluate")
    found = way_tallies(
        log,
        definition,
        Ways(
            buying=stage_numbers(definition, "buy"),
            touch=None if channel is None else _columns.texts(log, channel)[0],
            after=stage_numbers(definition, *AFTER),
            before=stage_numbers(definition, *BEFORE),
            stays=(stage_numbers(definition, "consider"), stage_numbers(definition, "evaluate")),
        ),
    )
    return {
        "closing_touchpoint": _missing(_sentence(lead)) if lead else _closing(found),
        "service_weight": _missing(_sentence(weight)) if weight else _service(found),
        "considering_long": _missing(_sentence(times))
        if times
        else _plain(found.longer, found.longer + found.shorter, _TIMES),
        "skip_and_return": _missing(_sentence(steps)) if steps else _plain(found.bent, found.moved, _STEPS),
    }


def _closing(found: WayTallies) -> _Told:
    trials = found.touched.astype(np.float64)
    if not trials.any():
        return _missing("Needs purchases with a touchpoint before them.")
    figure = clustered_share("closing", "", found.led.astype(np.float64), trials)
    return _told(figure, figure.denominator, "")


def _service(found: WayTallies) -> _Told:
    y, x = found.after, found.both
    total = float(x.sum())
    if not total:
        return _missing("Needs repeat purchases with a touchpoint before them.")
    share = float(y.sum()) / total
    part = x > 0
    lower, upper = stats.linearised(share, (y[part] - share * x[part]) / total)[1:]
    odds = stats.odds(stats.Estimate(share, max(lower, 0.0), min(upper, 1.0)))
    note = "" if share < 1 else "No marketing touchpoint stands before a repeat purchase."
    made_of = float(y.sum()), total - float(y.sum()), float(found.weighed)
    return _Told(*odds, *made_of, "odds of a linearised share, 95%", note)


def _plain(hits: int, trials: int, note: str) -> _Told:
    return _Told(
        *stats.share(hits, trials), hits, trials, trials, "Wilson 95%", "" if trials else f"Needs {note}."
    )
