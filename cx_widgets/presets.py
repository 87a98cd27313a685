"""Stage models from customer-experience practice, empty or with events suggested by their names.

The counting rules of other tools stand here too (`posthog`, `mixpanel`, ...), see `rule_presets`.

A suggestion reads nothing but the name of an event. The name is cut into words at spaces, ``_``, ``-``,
``.``, ``/`` and capitals; plain endings (-s, -ed, -ing) are taken off; two neighbouring words also count as
one (``sign_up`` as *signup*). The first of these that fits decides, so each event is suggested at most once:

1. words of failure (*cancel, refund, abandon, fail, error, remove, unsubscribe, ...*): no suggestion;
2. *coupon, voucher*: **bond** where it is redeemed or used, else **aware**;
3. *refer, invite, recommend, share, testimonial*, and reviews that are written: **advocate**;
4. *ad, campaign, banner, newsletter, email, push, social, press, landing, visit, ...*: **aware**;
5. *search*: **consider**;
6. *reorder, renewal, repurchase, ...*: **repurchase** (the buy stage, where a model has no stage of its own);
7. what leads to an order (*cart, checkout, wishlist, compare, quote, pricing, demo*, reviews that are read,
   an order that is begun): **evaluate**;
8. *order, purchase, booking*, a checkout completed: **buy**; only if no event of the log says that,
   *payment*; only if none says that either, *receipt* and *basket*;
9. *loyalty, member, reward, points, club*: **bond**;
10. *support, ticket, delivery, setup, usage, survey, feedback, nps*: **enjoy**;
11. *view, browse, product, category, page, article, signup, ...*: **consider**.

Every row of a stage with the role ``buy`` counts as a purchase. That is why a checkout that is only begun
stays before it, why payments stand aside where orders are named, and why of the steps of one order (placed,
paid, confirmed, ...) only one is suggested. A survey is **enjoy**, not **advocate**: who answers does not
yet recommend; the score tells.

Examples
--------
>>> from cx_widgets import presets
>>> presets.names()
('consumer_decision_journey', 'aida', 'buying_cycle', 'buyer_journey', 'discovery_insight_adoption')
>>> presets.aida().definition.names
('Awareness', 'Interest', 'Desire', 'Action')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cx_widgets._html import escape
from cx_widgets.binding import as_log
from cx_widgets.definition import Definition
from cx_widgets.errors import unknown
from cx_widgets.rule_presets import amplitude, clickhouse, ga4, mixpanel, posthog, retentioneering
from cx_widgets.stages import Stage
from cx_widgets.ways import ways_to_count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cx_widgets.log import EventLog

__all__ = [
    "Preset",
    "aida",
    "amplitude",
    "buyer_journey",
    "buying_cycle",
    "clickhouse",
    "consumer_decision_journey",
    "discovery_insight_adoption",
    "ga4",
    "get",
    "mixpanel",
    "names",
    "posthog",
    "retentioneering",
    "ways_to_count",
]


@dataclass(frozen=True, slots=True, repr=False)
class Preset:
    """A stage model: its key, its title, where it comes from, and its stages as a definition.

    Parameters
    ----------
    key : str
        The name by which `get` finds it.
    title : str
        What people call it.
    origin : str
        One sentence on where it comes from.
    definition : Definition
        The stages, empty or with suggested events, under the default rules.

    Examples
    --------
    >>> aida()
    AIDA funnel: Awareness, Interest, Desire, Action
    """

    key: str
    title: str
    origin: str
    definition: Definition

    def __repr__(self) -> str:
        return f"{self.title}: {', '.join(self.definition.names)}"

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(self.title)}</b>. {escape(self.origin)}</p>{self.definition._repr_html_()}"


@dataclass(frozen=True, slots=True)
class _Model:
    key: str
    title: str
    origin: str
    stages: tuple[tuple[str, tuple[str, ...]], ...]


_BUY = ("buy", "repurchase")
_MODELS = (
    _Model(
        "consumer_decision_journey",
        "Consumer decision journey",
        "Court, Elzinga, Mulder and Vetvik described the journey and its loyalty loop in the McKinsey "
        "Quarterly in 2009; the six stage names follow Edelman, Harvard Business Review, December 2010.",
        (
            ("Consider", ("aware", "consider")),
            ("Evaluate", ("evaluate",)),
            ("Buy", _BUY),
            ("Enjoy", ("enjoy",)),
            ("Advocate", ("advocate",)),
            ("Bond", ("bond",)),
        ),
    ),
    _Model(
        "aida",
        "AIDA funnel",
        "Attention (today mostly awareness), interest, desire, action: taught to sellers around 1900, and "
        "credited by Strong in 1925 to a slogan of E. St. Elmo Lewis of 1898, which historians doubt.",
        (
            ("Awareness", ("aware",)),
            ("Interest", ("consider",)),
            ("Desire", ("evaluate",)),
            ("Action", _BUY),
        ),
    ),
    _Model(
        "buying_cycle",
        "Buying cycle",
        "The three-stage short form common in business marketing of the buying decision process that Engel,"
        " Kollat and Blackwell described in Consumer Behavior in 1968.",
        (
            ("Awareness", ("aware",)),
            ("Consideration", ("consider", "evaluate")),
            ("Decision", _BUY),
        ),
    ),
    _Model(
        "buyer_journey",
        "Full buyer journey",
        "A composite used in practice, no one author's model: the phases before, at and after the purchase "
        "(as in Lemon and Verhoef, Journal of Marketing, 2016) with repurchase and the loyalty programme "
        "set apart.",
        (
            ("Awareness", ("aware",)),
            ("Consideration", ("consider",)),
            ("Evaluation", ("evaluate",)),
            ("Purchase", ("buy",)),
            ("Experience", ("enjoy",)),
            ("Repurchase", ("repurchase",)),
            ("Loyalty programme", ("bond",)),
            ("Advocacy", ("advocate",)),
        ),
    ),
    _Model(
        "discovery_insight_adoption",
        "Discovery, insight, adoption",
        "A practitioners' short form for new products, of no single author known to us; it runs parallel to"
        " knowledge, persuasion and decision in Rogers, Diffusion of Innovations, 1962.",
        (
            ("Discovery", ("aware",)),
            ("Insight", ("consider", "evaluate")),
            ("Adoption", _BUY),
        ),
    ),
)


def names() -> tuple[str, ...]:
    """Return the keys of all presets.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "aida" in names()
    True
    """
    return tuple(model.key for model in _MODELS)


def get(name: str, log: EventLog | None = None) -> Preset:
    """Return a preset by its key: empty stages, or with events suggested for a log.

    Parameters
    ----------
    name : str
        One of `names`.
    log : EventLog, optional
        Suggest events of this log by their names; each at most once, some not at all.

    Returns
    -------
    Preset

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> what = ["product_page", "add_to_cart", "order_placed"]
    >>> df = pd.DataFrame({"who": 1, "at": "2024-01-01", "what": what})
    >>> get("aida", cx.EventLog(df, customer="who", time="at", event="what")).definition
    Definition: 4 stages
      1. Awareness (aware): no events
      2. Interest (consider): product_page
      3. Desire (evaluate): add_to_cart
      4. Action (buy): order_placed
      ordered, best entry, closed reach; no window; ties in stage order
      each customer once; shares of entrants; retention by 30D
    """
    model = next((model for model in _MODELS if model.key == name), None)
    if model is None:
        raise unknown("preset", name, names())
    kinds: dict[str, str] = {} if log is None else _suggested(as_log(log).event_names)
    stages = (
        Stage(stage, [event for event, kind in kinds.items() if kind in wanted])
        for stage, wanted in model.stages
    )
    return Preset(model.key, model.title, model.origin, Definition(stages))


def consumer_decision_journey(log: EventLog | None = None) -> Preset:
    """Return the consumer decision journey: consider, evaluate, buy, enjoy, advocate, bond.

    Parameters
    ----------
    log : EventLog, optional
        Suggest events of this log by their names.

    Returns
    -------
    Preset

    Examples
    --------
    >>> consumer_decision_journey()
    Consumer decision journey: Consider, Evaluate, Buy, Enjoy, Advocate, Bond
    """
    return get("consumer_decision_journey", log)


def aida(log: EventLog | None = None) -> Preset:
    """Return the AIDA funnel: awareness, interest, desire, action.

    Parameters
    ----------
    log : EventLog, optional
        Suggest events of this log by their names.

    Returns
    -------
    Preset

    Examples
    --------
    >>> aida()
    AIDA funnel: Awareness, Interest, Desire, Action
    """
    return get("aida", log)


def buying_cycle(log: EventLog | None = None) -> Preset:
    """Return the buying cycle: awareness, consideration, decision.

    Parameters
    ----------
    log : EventLog, optional
        Suggest events of this log by their names.

    Returns
    -------
    Preset

    Examples
    --------
    >>> buying_cycle()
    Buying cycle: Awareness, Consideration, Decision
    """
    return get("buying_cycle", log)


def buyer_journey(log: EventLog | None = None) -> Preset:
    """Return the full buyer journey, with repurchase and loyalty programme.

    Where one event name stands for first and later orders alike, let the occurrence tell them apart:
    ``Stage("Purchase", ["order"], nth=1)`` and ``Stage("Repurchase", ["order"], nth="2+")``.

    Parameters
    ----------
    log : EventLog, optional
        Suggest events of this log by their names.

    Returns
    -------
    Preset

    Examples
    --------
    >>> buyer_journey().definition.stages_with_role("buy")
    ('Purchase', 'Repurchase')
    """
    return get("buyer_journey", log)


def discovery_insight_adoption(log: EventLog | None = None) -> Preset:
    """Return discovery, insight, adoption.

    Parameters
    ----------
    log : EventLog, optional
        Suggest events of this log by their names.

    Returns
    -------
    Preset

    Examples
    --------
    >>> discovery_insight_adoption()
    Discovery, insight, adoption: Discovery, Insight, Adoption
    """
    return get("discovery_insight_adoption", log)


# Suggestions


@dataclass(frozen=True, slots=True)
class _Cue:
    """Words that point to a kind of event, if one of ``beside`` stands there too and none of ``unless``."""

    kind: str
    words: frozenset[str]
    beside: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()

    def fits(self, words: set[str]) -> bool:
        return (
            not words.isdisjoint(self.words)
            and (not self.beside or not words.isdisjoint(self.beside))
            and words.isdisjoint(self.unless)
        )


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FAILURE = _words(
    "cancel cancelled canceled cancellation refund return abandon abandonment fail failure error decline "
    "reject unsubscribe churn delete uninstall bounce chargeback remove bug crash expire dropoff optout "
    "logout"
)
_COUPON = _words("coupon voucher giftcard")
_ORDER = _words(
    "order purchase buy bought sale sold booking booked reservation conversion converted placeorder"
)
_PAYMENT = _words("payment pay paid transaction invoice")
_DONE = _words(
    "complete completed completion success successful succeeded done finish confirm confirmation thank"
)
_BEGUN = _words(
    "start begin began initiate click page view detail info information form method select attempt pending "
    "intent button enter add address option step request submitform open sort filter"
)
_AFTER = _words(
    "ship shipment shipping deliver delivery dispatch track status history email mail receive list update "
    "pickup return note feedback survey support question help"
)
_READ = _words("read view open see seen page scroll list click visit load search browse")
_WRITE = _words("write written wrote submit submitted post leave left give given publish create add new")
_CART = _words("cart basket bag trolley")
_MAIL = _words("newsletter email mail mailing push notification sms")

_CUES = (
    _Cue("", _FAILURE),
    _Cue("bond", _COUPON, beside=_words("redeem redemption use apply")),
    _Cue("aware", _COUPON),
    _Cue("aware", _words("referral referrer"), beside=_words("visit traffic source landing session click")),
    _Cue("advocate", _words("refer referral referrer invite invitation share advocate advocacy testimonial")),
    _Cue("advocate", _words("recommend"), unless=_words("recommendation product item view click")),
    _Cue("advocate", _words("review rating"), beside=_WRITE, unless=_words("read view open page")),
    _Cue("consider", _MAIL, beside=_words("signup subscribe subscription register registration optin")),
    _Cue("aware", _MAIL, unless=_ORDER | _PAYMENT | _words("support ticket invoice receipt")),
    _Cue(
        "aware",
        _words(
            "ad advert advertisement advertising adclick banner impression campaign commercial tv radio "
            "billboard display influencer press flyer leaflet promo promotion affiliate sponsor sponsorship"
            " social landing home homepage visit visitor session"
        ),
        unless=_ORDER | _DONE,
    ),
    _Cue("consider", _words("search")),
    _Cue("repurchase", _words("reorder repurchase renew renewal rebuy resubscribe resubscription replenish")),
    _Cue("repurchase", _words("repeat second again next"), beside=_words("order purchase buy")),
    _Cue("buy", _words("checkout"), beside=_DONE, unless=_BEGUN),
    _Cue(
        "evaluate",
        _ORDER | _PAYMENT | _words("ship shipping delivery"),
        beside=_BEGUN,
        unless=_words("track"),
    ),
    _Cue("basket", _words("basket"), unless=_BEGUN | _READ | _WRITE | _words("update save")),
    _Cue("evaluate", _words("review rating"), beside=_READ),
    _Cue(
        "evaluate",
        _CART
        | _words(
            "checkout wishlist wish favorite favourite compare comparison quote demo trial pricing price "
            "configurator configure configuration calculator calculate specification specs faq addtocart "
            "initiatecheckout sample"
        ),
        unless=_words("bug"),
    ),
    _Cue("buy", _ORDER, unless=_AFTER),
    _Cue("buy", _words("subscribe subscription"), unless=_AFTER | _BEGUN - _words("start")),
    _Cue("payment", _PAYMENT, unless=_AFTER),
    _Cue("basket", _words("receipt"), unless=_BEGUN | _AFTER - _words("receive")),
    _Cue("bond", _words("loyalty loyal member membership reward point club vip cashback community")),
    _Cue(
        "enjoy",
        _words(
            "support ticket help helpdesk complaint complain deliver delivery ship shipment shipping "
            "dispatch track onboarding onboard setup activate activation use usage tutorial howto manual "
            "warranty repair service unbox pickup nps csat ces survey feedback satisfaction"
        ),
    ),
    _Cue(
        "consider",
        _words(
            "view browse product recommendation category catalog catalogue page item filter collection read "
            "blog article guide webinar brochure download storelocator signup register registration lead "
            "inquiry enquiry contact"
        ),
        unless=_ORDER | _words("account profile setting login"),
    ),
)

# Steps of one order, from the one that says most surely that it was made.
_STEPS = (
    *("complete", "completed", "completion", "success", "successful", "succeeded", "confirm", "confirmed"),
    *("confirmation", "thank", "done", "finish", "finished", "paid", "place", "placed", "create", "created"),
    *("submit", "submitted", "make", "made", "you"),
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_ENDINGS = (("s", "s"), ("es", "es"), ("ed", "ed"), ("ed", "d"), ("ing", "ing"))
_SHORTEST_STEM = 2


def _suggested(events: Iterable[str]) -> dict[str, str]:
    """Return the kind of each event that is suggested somewhere, in the given order."""
    kinds = {event: _kind(event) for event in events}
    sure = next((kind for kind in ("buy", "payment", "basket") if kind in kinds.values()), "buy")
    # Payments and baskets beside orders would count each purchase twice.
    aside = {"payment": "", "basket": "evaluate"}
    steps: dict[tuple[str, ...], str] = {}
    for event, kind in kinds.items():
        if kind == sure:
            kinds[event] = "buy"
            order = tuple(part for part in _split(event) if part not in _STEPS)
            steps[order] = min(steps.get(order, event), event, key=_step)
        elif kind in aside:
            kinds[event] = aside[kind]
    kept = set(steps.values())
    return {event: kind for event, kind in kinds.items() if kind and (kind != "buy" or event in kept)}


def _step(event: str) -> int:
    places = [_STEPS.index(part) for part in _split(event) if part in _STEPS]
    return min(places, default=-1)


def _kind(event: str) -> str:
    parts = _split(event)
    words = set(parts) | {first + second for first, second in pairwise(parts)}
    words |= {stem for part in parts for stem in _stems(part)}
    return next((cue.kind for cue in _CUES if cue.fits(words)), "")


def _stems(word: str) -> set[str]:
    cut = {word[: -len(take)] for end, take in _ENDINGS if word.endswith(end)}
    single = {stem[:-1] for stem in cut if stem[-2:-1] == stem[-1:]}
    return {stem for stem in cut | single if len(stem) >= _SHORTEST_STEM}


def _split(event: str) -> list[str]:
    return [part.casefold() for part in _PARTS.findall(event)]
