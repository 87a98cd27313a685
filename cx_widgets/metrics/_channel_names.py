"""What common names of channels stand for: whose they are, and whether they are digital."""

from __future__ import annotations

import re

KINDS = ("owned", "earned", "paid", "partner")

_OWNED = (
    "app, blog, branch, brochure, call center, call centre, catalog, catalogue, chat, chatbot, "
    "contact center, contact centre, crm, customer service, direct, direct mail, e mail, email, "
    "hotline, in app, in store, intranet, kiosk, live chat, loyalty programme, mail, mobile app, "
    "newsletter, online shop, own store, owned, owned media, phone, portal, push, push notification, "
    "shop, site, sms, store, support, telephone, text message, web, webinar, webshop, website, website chat"
)
_EARNED = (
    "blogger, community, earned, earned media, forum, friends, media coverage, mention, mentions, "
    "news, organic, organic search, organic social, press, pr, public relations, rating, ratings, "
    "recommendation, referral, referrals, review, reviews, seo, share, shares, test report, user "
    "review, wom, word of mouth"
)
_PAID = (
    "ad, adwords, ads, advert, advertisement, advertising, banner, banners, billboard, bing ads, "
    "cinema, cpc, cpm, cross network, digital ads, display, display ads, facebook ads, flyer, google "
    "ads, instagram ads, linkedin ads, meta ads, native ads, newspaper ad, online ads, ooh, out of "
    "home, outdoor, paid, paid media, paid search, paid social, paid video, poster, posters, ppc, "
    "print, print ad, programmatic, radio, remarketing, retargeting, search ads, sea, sem, social "
    "ads, sponsored, sponsoring, sponsorship, television, tiktok ads, tv, tv ad, tv ads, video ads, "
    "youtube ads"
)
_PARTNER = (
    "affiliate, affiliates, agent, aggregator, app store, broker, co branding, comparison portal, "
    "comparison site, dealer, distributor, franchise, marketplace, partner, partners, price "
    "comparison, reseller, retail partner, retailer, third party, travel agency, wholesaler"
)
_DIGITAL = (
    "adwords, affiliate, affiliates, app, app store, banner, banners, bing ads, blog, blogger, chat, "
    "chatbot, comparison portal, comparison site, cpc, cpm, cross network, digital ads, direct, "
    "display, display ads, e mail, email, facebook, facebook ads, forum, google ads, in app, "
    "instagram, instagram ads, linkedin, linkedin ads, live chat, marketplace, meta ads, mobile app, "
    "native ads, newsletter, online, online ads, online shop, organic, organic search, organic "
    "social, paid search, paid social, paid video, portal, ppc, price comparison, programmatic, push, "
    "push notification, remarketing, retargeting, sea, search, search ads, sem, seo, site, sms, "
    "social, social ads, social media, tiktok, tiktok ads, video ads, web, webinar, webshop, website, "
    "website chat, youtube, youtube ads"
)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


NAMES_OF_KIND = {
    "owned": _names(_OWNED),
    "earned": _names(_EARNED),
    "paid": _names(_PAID),
    "partner": _names(_PARTNER),
}
DIGITAL = frozenset(_names(_DIGITAL))
KIND_OF_NAME = {name: kind for kind, names in NAMES_OF_KIND.items() for name in names}


def plain(name: str) -> str:
    """Return the name of a channel as the lists above have it.

    Examples
    --------
    >>> plain("Paid_Search"), plain(" E-Mail ")
    ('paid search', 'e mail')
    """
    return " ".join(re.sub(r"[\W_]+", " ", name.casefold()).split())
