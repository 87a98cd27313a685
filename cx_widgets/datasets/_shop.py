"""A generator of digital customer journeys whose truth is known, to teach with and to test against."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from cx_widgets.definition import Definition
from cx_widgets.errors import CXError, unknown
from cx_widgets.log import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

STAGES: Final = ("Aware", "Consider", "Evaluate", "Buy", "Enjoy", "Advocate", "Bond")
_AWARE, _CONSIDER, _EVALUATE, _BUY, _ENJOY, _ADVOCATE, _BOND = range(7)
_BEFORE_BUY: Final = STAGES[:_BUY]
_DAY_S: Final = 86_400
_ORDER_SIGMA: Final = 0.5
_PASSIVE_TOP: Final = 8

# Event names of a stage: (name, channel, weight).
_EVENTS: Final[dict[str, tuple[tuple[str, str, float], ...]]] = {
    "Aware": (
        ("display_ad", "paid", 0.30),
        ("social_ad", "paid", 0.30),
        ("video_ad", "paid", 0.15),
        ("influencer_post", "earned", 0.15),
        ("press_article", "earned", 0.10),
    ),
    "Consider": (
        ("search_organic", "earned", 0.30),
        ("search_paid", "paid", 0.15),
        ("category_view", "owned", 0.20),
        ("product_view", "owned", 0.35),
    ),
    "Evaluate": (
        ("review_read", "earned", 0.35),
        ("compare_products", "owned", 0.20),
        ("basket_add", "owned", 0.30),
        ("checkout_start", "owned", 0.15),
    ),
    "Buy": (("order", "owned", 1.0),),
    "Enjoy": (
        ("delivery", "owned", 0.60),
        ("how_to_video", "owned", 0.20),
        ("support_chat", "owned", 0.15),
        ("support_call", "owned", 0.05),
    ),
    "Advocate": (
        ("referral_sent", "earned", 0.40),
        ("review_written", "earned", 0.35),
        ("social_share", "earned", 0.25),
    ),
    "Bond": (
        ("app_login", "owned", 0.40),
        ("newsletter_open", "owned", 0.40),
        ("points_redeemed", "owned", 0.20),
    ),
}
_DEVICES: Final = (("mobile", 0.6), ("desktop", 0.3), ("tablet", 0.1))

_STEPS: Final[Mapping[str, Mapping[str, float]]] = {
    "Aware": {"Consider": 0.50, "Evaluate": 0.05},
    "Consider": {"Evaluate": 0.55, "Buy": 0.05},
    "Evaluate": {"Buy": 0.45, "Consider": 0.15},
}
_DWELL_DAYS: Final[Mapping[str, float]] = {
    "Aware": 4.0,
    "Consider": 3.0,
    "Evaluate": 2.0,
    "Buy": 3.0,
    "Enjoy": 14.0,
    "Advocate": 7.0,
    "Bond": 21.0,
}
_EXTRA_EVENTS: Final[Mapping[str, float]] = {
    "Aware": 0.8,
    "Consider": 1.5,
    "Evaluate": 1.2,
    "Buy": 0.0,
    "Enjoy": 0.3,
    "Advocate": 0.2,
    "Bond": 1.0,
}


def _share(name: str, value: float, top: float = 1) -> float:
    if not 0 <= value <= top:
        raise CXError(f"{name} must lie between 0 and {top:g}, not {value!r}.")
    return float(value)


def _count(name: str, value: int) -> int:
    try:
        number = index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise CXError(f"{name} must be a whole number, 0 or more, not {value!r}.")
    return number


def _positive(name: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise CXError(f"{name} must be a number above 0, not {value!r}.")
    return float(value)


def _not_negative(name: str, value: float) -> float:
    if not 0 <= value < float("inf"):
        raise CXError(f"{name} must be a number, 0 or more, not {value!r}.")
    return float(value)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong in a shop for some days, planted so that it can be found.

    A visit of ``stage`` is hit when it begins within ``days`` days from ``first_day``, counted from the
    start of the observation.

    Parameters
    ----------
    name
        What happened, for the reader.
    stage
        The stage whose visits are hit.
    first_day, days
        When it begins, and how long it lasts.
    factor
        Multiplies every chance of going on from that stage (Aware, Consider or Evaluate): 0.2 means that
        one in five of those who would have gone on still do.
    score_shift
        Added to the survey scores of that stage (Enjoy only), within 0 to 10.
    event
        Name of an event that visits hit leave behind, or None.
    """

    name: str
    stage: str
    first_day: float
    days: float
    factor: float = 1.0
    score_shift: int = 0
    event: str | None = None

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise unknown("stage", self.stage, STAGES)
        _positive("days", self.days)
        _share("factor", self.factor)
        if self.factor != 1.0 and self.stage not in _BEFORE_BUY:
            raise CXError(
                f"an incident's factor works before the purchase only, not in {self.stage!r}. "
                f"Stages with a factor: {list(_BEFORE_BUY)}."
            )
        if self.score_shift and self.stage != "Enjoy":
            raise CXError(
                f"an incident's score_shift works in 'Enjoy', where the survey is, not in {self.stage!r}."
            )


INCIDENTS: Final = (
    Incident("checkout outage", "Evaluate", first_day=120, days=14, factor=0.2, event="checkout_error"),
    Incident("parcel strike", "Enjoy", first_day=240, days=14, score_shift=-3, event="delivery_late"),
)


@dataclass(frozen=True, slots=True)
class ShopTruth:
    """The parameters a `Shop` was generated with: what an analysis of its log should find again.

    The fields are the parameters of `shop`, each described there.
    """

    seed: int
    customers: int
    start: pd.Timestamp
    days: float
    arrival_days: float
    aware_share: float
    steps: Mapping[str, Mapping[str, float]]
    dwell_days: Mapping[str, float]
    extra_events: Mapping[str, float]
    loyal_share: float
    repeat_probability: float
    loop_share: float
    advocate_share: float
    enjoy_probability: float
    survey_probability: float
    passive_score: float
    order_value: float
    incidents: tuple[Incident, ...]

    @property
    def observation_end(self) -> pd.Timestamp:
        """The end of the observation; nothing is logged from here on."""
        return self.start + pd.Timedelta(self.days, "D")

    @property
    def conversion(self) -> float:
        """The share of all customers who order in the end, given time and no incident.

        The chance of ever meeting "Buy" in the chain of `steps`, from the share that starts at Aware and the
        rest that starts at Consider.
        """
        matrix = np.array([[self.steps[one].get(other, 0.0) for other in _BEFORE_BUY] for one in _BEFORE_BUY])
        to_buy = np.array([self.steps[stage].get("Buy", 0.0) for stage in _BEFORE_BUY])
        from_aware, from_consider, _ = np.linalg.solve(np.eye(len(_BEFORE_BUY)) - matrix, to_buy)
        return float(self.aware_share * from_aware + (1 - self.aware_share) * from_consider)

    @property
    def active_passive(self) -> float:
        """Active loyalists for each passive one: the odds of `advocate_share`."""
        return self.advocate_share / (1 - self.advocate_share) if self.advocate_share < 1 else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """A generated log and the truth behind it.

    Attributes
    ----------
    events
        One row per event, sorted by customer and time, with the columns ``customer_id``, ``time``,
        ``event``, ``channel`` (owned, earned, paid), ``device``, ``revenue`` (of orders; missing elsewhere)
        and ``score`` (0 to 10, of surveys; missing elsewhere).
    truth
        The parameters, by name.
    """

    events: pd.DataFrame
    truth: ShopTruth

    def __repr__(self) -> str:
        names = self.events["event"].nunique()
        return f"Shop: {len(self.events):,} events ({names} names) of {self.truth.customers:,} customers"

    def log(self) -> EventLog:
        """Return the events as an event log, every role bound."""
        return EventLog(
            self.events,
            customer="customer_id",
            time="time",
            event="event",
            value="revenue",
            channel="channel",
            score="score",
        )

    def definition(self) -> Definition:
        """Return the stages the events were generated from, without a window."""
        stages = {stage: [name for name, _, _ in events] for stage, events in _EVENTS.items()}
        stages["Enjoy"].append("survey")
        present = set(self.events["event"].cat.categories)
        for incident in self.truth.incidents:
            trace = incident.event
            if trace is not None and trace in present and trace not in stages[incident.stage]:
                stages[incident.stage].append(trace)
        return Definition(stages)


def shop(
    seed: int = 0,
    customers: int = 2000,
    *,
    start: str | pd.Timestamp = "2025-01-01",
    days: float = 365,
    arrival_days: float | None = None,
    aware_share: float = 0.75,
    steps: Mapping[str, Mapping[str, float]] | None = None,
    dwell_days: Mapping[str, float] | None = None,
    extra_events: Mapping[str, float] | None = None,
    loyal_share: float = 0.4,
    repeat_probability: float = 0.6,
    loop_share: float = 0.5,
    advocate_share: float = 0.25,
    enjoy_probability: float = 0.8,
    survey_probability: float = 0.5,
    passive_score: float = 6.0,
    order_value: float = 60.0,
    incidents: Sequence[Incident] = INCIDENTS,
) -> Shop:
    """Return a log of generated customer journeys, with the truth it was generated from.

    Every customer arrives once, sees an ad (Aware) or searches (Consider), and walks from stage to stage by
    the chances in ``steps`` until the first order or for good. A buyer is loyal with the chance
    ``loyal_share``: loyal buyers order again at least once, others never. The time from the start of one
    visit to the start of the next is exponential with the mean ``dwell_days`` of the stage left. What
    happens after the observation's end is cut off.

    Parameters
    ----------
    seed
        The same seed and parameters give the same log (with the same NumPy).
    customers
        How many customers arrive. A customer has about 5.2 events on average with the other defaults.
    start, days
        The observation: its first moment, and its length in days.
    arrival_days
        Customers arrive evenly over the first so many days; by default over the whole observation.
    aware_share
        Share of customers whose journey begins at Aware; the others begin at Consider.
    steps
        For Aware, Consider and Evaluate, the chance of each next stage (any of these, or Buy); what is left
        to 1 ends the journey. A stage given here replaces that stage's default; a chance towards an earlier
        stage is a step back.
    dwell_days
        Mean days from the start of a visit to the start of the next, by stage; replaces the defaults named.
    extra_events
        Mean number of events of a visit after its first (Poisson), by stage; Buy has none, its only event
        is the order.
    loyal_share
        Share of buyers who order again: the true repeat rate.
    repeat_probability
        After a repeat order, the chance of one more.
    loop_share
        Share of repeat orders that come straight from Bond; before the others the customer evaluates again.
    advocate_share
        Share of loyal buyers who recommend (after their first repeat order); their survey scores are 9 or 10.
    enjoy_probability
        After an order, the chance of an Enjoy visit (delivery, help, survey).
    survey_probability
        Chance that an Enjoy visit has a survey.
    passive_score
        Mean survey score (0 to 8) of everybody who does not advocate.
    order_value
        Mean revenue of an order (log-normal).
    incidents
        What goes wrong and when; by default a checkout outage and a parcel strike.

    Returns
    -------
    Shop
        ``events``, ``truth``, and ``log()`` and ``definition()`` made from them.

    Examples
    --------
    >>> import cx_widgets as cx
    >>> shop = cx.datasets.shop(seed=1, customers=100, loyal_share=0.5)
    >>> shop.truth.loyal_share
    0.5
    >>> list(shop.events)
    ['customer_id', 'time', 'event', 'channel', 'device', 'revenue', 'score']
    """
    truth = ShopTruth(
        seed=seed,
        customers=_count("customers", customers),
        start=pd.Timestamp(start),
        days=_positive("days", days),
        arrival_days=min(_positive("arrival_days", days if arrival_days is None else arrival_days), days),
        aware_share=_share("aware_share", aware_share),
        steps=_checked_steps(steps or {}),
        dwell_days=_by_stage("dwell_days", _DWELL_DAYS, dwell_days or {}, _positive),
        extra_events=_by_stage("extra_events", _EXTRA_EVENTS, extra_events or {}, _not_negative),
        loyal_share=_share("loyal_share", loyal_share),
        repeat_probability=_share("repeat_probability", repeat_probability),
        loop_share=_share("loop_share", loop_share),
        advocate_share=_share("advocate_share", advocate_share),
        enjoy_probability=_share("enjoy_probability", enjoy_probability),
        survey_probability=_share("survey_probability", survey_probability),
        passive_score=_share("passive_score", passive_score, _PASSIVE_TOP),
        order_value=_positive("order_value", order_value),
        incidents=tuple(incidents),
    )
    if truth.extra_events["Buy"]:
        raise CXError("extra_events['Buy'] must be 0: an order is the only event of its visit.")
    return Shop(_Generator(truth).events(), truth)


class _Generator:
    """One run: the random stream, the visits so far, and the truth they follow."""

    def __init__(self, truth: ShopTruth) -> None:
        self.truth = truth
        self.random = np.random.default_rng(truth.seed)
        self.end = round(truth.days * _DAY_S)
        self.dwell = np.array([truth.dwell_days[stage] for stage in STAGES]) * _DAY_S
        self.visits: list[tuple[Ints, NDArray[np.uint8], Ints, Ints]] = [
            (np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))
        ]

    def visit(self, customer: Ints, stage: NDArray[np.uint8] | int, at: Ints) -> Ints:
        """Note visits that begin at ``at``, and return when the next ones would begin."""
        stages = np.full(len(customer), stage, np.uint8) if isinstance(stage, int) else stage
        mean = self.dwell[stages]
        # At least one second, so that the next visit never ties with this one.
        length = 1 + (self.random.standard_exponential(len(customer)) * mean).astype(np.int64)
        self.visits.append((customer, stages, at, length))
        following: Ints = at + length
        return following

    def chance(self, probability: float, n: int) -> Bools:
        return self.random.random(n) < probability

    def hit(self, incident: Incident, stage: NDArray[np.uint8], at: Ints) -> Bools:
        first = incident.first_day * _DAY_S
        last = (incident.first_day + incident.days) * _DAY_S
        where: Bools = (stage == STAGES.index(incident.stage)) & (at >= first) & (at < last)
        return where

    def first_orders(self) -> tuple[Ints, Ints]:
        """Walk everybody to the first order or out; return who orders, and when."""
        truth, random = self.truth, self.random
        n = truth.customers
        customer = np.arange(n, dtype=np.int64)
        at = (random.random(n) * truth.arrival_days * _DAY_S).astype(np.int64)
        stage = np.where(self.chance(truth.aware_share, n), _AWARE, _CONSIDER).astype(np.uint8)
        # Row: stage left; columns: chances of Aware, Consider, Evaluate, Buy, summed up from the left.
        table = np.array(
            [[truth.steps[one].get(other, 0.0) for other in STAGES[: _BUY + 1]] for one in _BEFORE_BUY]
        ).cumsum(axis=1)
        who: list[Ints] = []
        when: list[Ints] = []
        while len(customer):
            following = self.visit(customer, stage, at)
            draw = random.random(len(customer))
            for incident in truth.incidents:
                if incident.factor < 1.0:
                    hit = self.hit(incident, stage, at)
                    # A chance p shrinks to p * factor when the draw is stretched by 1 / factor.
                    draw[hit] = draw[hit] / incident.factor if incident.factor else 1.0
            goes_to = (draw[:, None] >= table[stage]).sum(axis=1).astype(np.uint8)
            seen = following < self.end
            orders = seen & (goes_to == _BUY)
            who.append(customer[orders])
            when.append(following[orders])
            stays = seen & (goes_to < _BUY)
            customer, at, stage = customer[stays], following[stays], goes_to[stays]
        return np.concatenate([*who, np.empty(0, np.int64)]), np.concatenate([*when, np.empty(0, np.int64)])

    def later_life(self, customer: Ints, at: Ints) -> Ints:
        """Let buyers order, enjoy, recommend and come back; return the customers who are advocates."""
        truth, random = self.truth, self.random
        loyal = self.chance(truth.loyal_share, len(customer))
        advocate = loyal & self.chance(truth.advocate_share, len(customer))
        advocates = customer[advocate]
        first = True
        goes_on = loyal
        recommends = np.zeros(len(customer), bool)
        while len(customer):
            at = self.visit(customer, _BUY, at)
            at = self.some_visit(self.chance(truth.enjoy_probability, len(customer)), customer, _ENJOY, at)
            at = self.some_visit(recommends, customer, _ADVOCATE, at)
            customer, at, advocate = customer[goes_on], at[goes_on], advocate[goes_on]
            loops = self.chance(truth.loop_share, len(customer))
            before = np.where(loops, _BOND, _EVALUATE).astype(np.uint8)
            # A visit after the end is cut off anyway, and so is everything that follows it.
            seen = at < self.end
            customer, at, advocate, before = customer[seen], at[seen], advocate[seen], before[seen]
            at = self.visit(customer, before, at)
            recommends = advocate if first else np.zeros(len(customer), bool)
            goes_on = random.random(len(customer)) < truth.repeat_probability
            first = False
        return advocates

    def some_visit(self, which: Bools, customer: Ints, stage: int, at: Ints) -> Ints:
        at = at.copy()
        at[which] = self.visit(customer[which], stage, at[which])
        return at

    def events(self) -> pd.DataFrame:
        truth, random = self.truth, self.random
        advocates = self.later_life(*self.first_orders())
        customer, stage, at, length = (np.concatenate(part) for part in zip(*self.visits, strict=True))
        seen = at < self.end
        customer, stage, at, length = customer[seen], stage[seen], at[seen], length[seen]
        catalogue = _Catalogue(truth.incidents)

        # Rows: the first event of each visit, then its extra events, surveys and traces of incidents, each at
        # a random moment before the next visit.
        extra = random.poisson(np.array([truth.extra_events[name] for name in STAGES])[stage])
        every = np.arange(len(stage))
        later = np.repeat(every, extra)
        surveyed = np.flatnonzero((stage == _ENJOY) & self.chance(truth.survey_probability, len(stage)))
        hit = [(i, self.hit(i, stage, at)) for i in truth.incidents]
        traces = [(np.flatnonzero(where), i.event) for i, where in hit if i.event is not None]
        rows = np.concatenate([every, later, surveyed, *(where for where, _ in traces)])
        offset = (random.random(len(rows) - len(every)) * length[rows[len(every) :]]).astype(np.int64)
        time = at[rows]
        time[len(every) :] += offset
        code = np.concatenate(
            [
                catalogue.draw(stage[rows[: len(every) + len(later)]], random),
                np.full(len(surveyed), catalogue.code["survey"], np.int8),
                *(np.full(len(where), catalogue.code[name], np.int8) for where, name in traces),
            ]
        )

        revenue = np.full(len(rows), np.nan)
        ordered = np.flatnonzero(code == catalogue.code["order"])
        mu = np.log(truth.order_value) - _ORDER_SIGMA**2 / 2
        revenue[ordered] = random.lognormal(mu, _ORDER_SIGMA, len(ordered)).round(2)
        score = np.full(len(rows), np.nan)
        score[len(every) + len(later) :][: len(surveyed)] = self.scores(
            np.isin(customer[surveyed], advocates), [(i.score_shift, where[surveyed]) for i, where in hit]
        )

        who = customer[rows]
        kept = np.flatnonzero(time < self.end)
        kept = kept[np.argsort(who[kept] * self.end + time[kept], kind="stable")]
        who, code = who[kept], code[kept]
        devices = [name for name, _ in _DEVICES]
        device = random.choice(len(devices), truth.customers, p=[share for _, share in _DEVICES]).astype(
            np.int8
        )
        moment = np.datetime64(truth.start, "s") + time[kept].astype("timedelta64[s]")
        return pd.DataFrame(
            {
                "customer_id": (who + 1).astype(np.int64),
                "time": moment,
                "event": pd.Categorical.from_codes(code, categories=pd.Index(catalogue.names)),
                "channel": pd.Categorical.from_codes(
                    catalogue.channel[code], categories=pd.Index(catalogue.channels)
                ),
                "device": pd.Categorical.from_codes(device[who], categories=pd.Index(devices)),
                "revenue": revenue[kept],
                "score": score[kept],
            },
            copy=False,
        )

    def scores(self, advocates: Bools, shifts: list[tuple[int, Bools]]) -> NDArray[np.float64]:
        n = len(advocates)
        passive = self.random.binomial(_PASSIVE_TOP, self.truth.passive_score / _PASSIVE_TOP, n)
        score = np.where(advocates, self.random.integers(9, 11, n), passive)
        for shift, where in shifts:
            score = score + shift * where
        return np.clip(score, 0, np.where(advocates, 10, _PASSIVE_TOP)).astype(np.float64)


class _Catalogue:
    """The event names as small integers: the stage's names side by side, then survey and incidents."""

    def __init__(self, incidents: tuple[Incident, ...]) -> None:
        listed = [(name, channel) for events in _EVENTS.values() for name, channel, _ in events]
        listed.append(("survey", "owned"))
        known = {name for name, _ in listed}
        left_behind = dict.fromkeys(i.event for i in incidents if i.event is not None)
        listed += [(name, "owned") for name in left_behind if name not in known]
        self.names = [name for name, _ in listed]
        self.code = {name: code for code, name in enumerate(self.names)}
        self.channels = ["owned", "earned", "paid"]
        self.channel = np.array([self.channels.index(channel) for _, channel in listed], np.int8)

    def draw(self, stage: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.int8]:
        """Return a random event of each stage, by weight."""
        result = np.empty(len(stage), np.int8)
        for number, events in enumerate(_EVENTS.values()):
            where = np.flatnonzero(stage == number)
            bounds = np.cumsum([weight for _, _, weight in events])[:-1]
            picked = np.searchsorted(bounds, random.random(len(where)), side="right")
            result[where] = self.code[events[0][0]] + picked
        return result


def _checked_steps(given: Mapping[str, Mapping[str, float]]) -> Mapping[str, Mapping[str, float]]:
    targets = STAGES[: _BUY + 1]
    steps = dict(_STEPS)
    for stage, chances in given.items():
        if stage not in _BEFORE_BUY:
            raise unknown("stage in steps", stage, _BEFORE_BUY)
        for target, chance in chances.items():
            if target not in targets or target == stage:
                raise unknown(f"next stage of {stage!r}", target, [name for name in targets if name != stage])
            _share(f"steps[{stage!r}][{target!r}]", chance)
        total = sum(chances.values())
        if total > 1 + 1e-9:
            raise CXError(f"the chances of steps[{stage!r}] add up to {total:g}; they must not exceed 1.")
        steps[stage] = chances
    return MappingProxyType({stage: MappingProxyType(dict(chances)) for stage, chances in steps.items()})


def _by_stage(
    name: str,
    defaults: Mapping[str, float],
    given: Mapping[str, float],
    check: Callable[[str, float], float],
) -> Mapping[str, float]:
    for stage in given:
        if stage not in defaults:
            raise unknown(f"stage in {name}", stage, defaults)
    merged = {**defaults, **given}
    return MappingProxyType({stage: check(f"{name}[{stage!r}]", value) for stage, value in merged.items()})
