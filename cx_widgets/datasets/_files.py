"""The real data sets: read from the package's own files, with the definition that fits each."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pandas as pd

from cx_widgets.definition import Definition, Stage
from cx_widgets.log import EventLog

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHANNELS = {"campaign": "direct_marketing", "coupon": "coupon", "basket": "store"}
_AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
_INCOMES = (
    "Under 15K",
    "15-24K",
    "25-34K",
    "35-49K",
    "50-74K",
    "75-99K",
    "100-124K",
    "125-149K",
    "150-174K",
    "175-199K",
    "200-249K",
    "250K+",
)


def _read(name: str, types: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of a zip with a text file for each column, see tools/build_datasets.py."""
    with ZipFile(BytesIO(files("cx_widgets.datasets").joinpath(name).read_bytes())) as archive:
        columns = {
            Path(member).stem: archive.read(member).decode().splitlines() for member in archive.namelist()
        }
    if "day" in columns:
        days, clocks = columns.pop("day"), columns.pop("clock")
        columns["time"] = [f"{day} {clock}" for day, clock in zip(days, clocks, strict=True)]
    lines = [",".join(columns), *map(",".join, zip(*columns.values(), strict=True))]
    frame = pd.read_csv(StringIO("\n".join(lines)), dtype=types, parse_dates=["time"])
    frame.insert(1, "time", frame.pop("time"))
    # Seconds hold every time in these files; pandas 2 and 3 would choose different units.
    frame["time"] = frame["time"].astype("datetime64[s]")
    return frame


def complete_journey() -> pd.DataFrame:
    """Return the campaigns, coupons and baskets of 425 households of a grocery retailer in one year.

    An excerpt of *The Complete Journey* (84.51°, CC0): a random, seeded set of households, each with its
    whole history of 2017. The events:

    ========================  ==========================================================================
    ``campaign_a``            a campaign with coupons picked for the household began
    ``campaign_b``, ``_c``    a campaign with the same coupons for everybody began
    ``coupon_redeemed``       coupons of a campaign were redeemed on that day (``items``: how many)
    ``basket_fuel``           a basket that holds fuel
    ``basket_coupon``         any other basket paid in part with a coupon
    ``basket_quick``          any other basket of at most 2 product lines
    ``basket_big``            any other basket of at least 20 product lines
    ``basket_grocery``        any other basket, most money for shelf and frozen food
    ``basket_fresh``          ... for produce, meat, fish, deli, bakery
    ``basket_drugstore``      ... for drugstore, household and cosmetic goods
    ``basket_natural``        ... for natural and dietary food
    ``basket_other``          ... for anything else
    ========================  ==========================================================================

    The first rule that fits names a basket, so every basket has exactly one name. Campaigns and coupons
    carry a date only (midnight), so a coupon stands before the basket it was used in.

    Returns
    -------
    pandas.DataFrame
        Sorted by household and time, with the columns ``household_id``, ``time`` (the shop's clock),
        ``event``, ``value`` (dollars; missing where nothing was sold), ``channel`` (direct_marketing,
        coupon, store), ``items``, ``discount`` (dollars), ``own_brand`` (share of the value), ``store_id``,
        ``campaign_id``, ``age`` and ``income`` (known for a third of the households).

    Examples
    --------
    >>> import cx_widgets as cx
    >>> events = cx.datasets.complete_journey()
    >>> len(events), events["household_id"].nunique()
    (26758, 425)
    """
    types = {"event": "category"} | dict.fromkeys(("items", "store_id", "campaign_id"), "Int32")
    events = _read("complete_journey.zip", types)
    # The file states a household's age and income on its first row only.
    first_rows = events.drop_duplicates("household_id").set_index("household_id")
    for column, order in (("age", _AGES), ("income", _INCOMES)):
        known = first_rows[column].reindex(events["household_id"]).to_numpy()
        events[column] = pd.Categorical(known, categories=order, ordered=True)
    kind = events["event"].astype("str").str.partition("_")[0]
    events.insert(4, "channel", kind.map(_CHANNELS).astype("category"))
    return events


def complete_journey_log() -> EventLog:
    """Return `complete_journey` as an event log: who, when, what, dollars and channel bound.

    Examples
    --------
    >>> import cx_widgets as cx
    >>> cx.datasets.complete_journey_log().n_customers
    425
    """
    return EventLog(
        complete_journey(),
        customer="household_id",
        time="time",
        event="event",
        value="value",
        channel="channel",
    )


def complete_journey_definition() -> Definition:
    """Return a definition for `complete_journey`: from a campaign to a tried offer, a purchase and a habit.

    A campaign makes a household *Consider*; a coupon, or a quick trip, puts the shop to the test
    (*Evaluate*); an ordinary or big basket is the *Buy*; filling the tank, which the shop rewards, is the
    *Bond*. Whether a basket paid with a coupon is a trial or a purchase is a matter of opinion: that is
    what the board is for.

    Examples
    --------
    >>> import cx_widgets as cx
    >>> cx.datasets.complete_journey_definition().names
    ('Consider', 'Evaluate', 'Buy', 'Bond')
    """
    stages = {
        "Consider": ["campaign_a", "campaign_b", "campaign_c"],
        "Evaluate": ["coupon_redeemed", "basket_coupon", "basket_quick"],
        "Buy": [
            "basket_grocery",
            "basket_fresh",
            "basket_drugstore",
            "basket_natural",
            "basket_big",
            "basket_other",
        ],
        "Bond": ["basket_fuel"],
    }
    return Definition(stages, window="30D")


def cdnow() -> pd.DataFrame:
    """Return the 6,919 purchases of 2,357 first-time buyers at CDNOW, January 1997 to June 1998.

    The sample every textbook on repeat buying uses (Fader and Hardie 2001). All customers bought for the
    first time in the first quarter of 1997; there is one row for each purchase, dated by day. 21 rows
    repeat another row exactly: they are in the published file and stay here.

    Returns
    -------
    pandas.DataFrame
        In the published order, with the columns ``customer_id``, ``time``, ``event`` (always "purchase"),
        ``quantity`` (compact discs) and ``value`` (dollars).

    Examples
    --------
    >>> import cx_widgets as cx
    >>> purchases = cx.datasets.cdnow()
    >>> len(purchases), purchases["customer_id"].nunique(), int(purchases["quantity"].sum())
    (6919, 2357, 16479)
    """
    purchases = _read("cdnow.zip", {})
    purchases.insert(2, "event", pd.Series("purchase", index=purchases.index, dtype="category"))
    return purchases


def cdnow_log() -> EventLog:
    """Return `cdnow` as an event log: who, when, what and dollars bound.

    Examples
    --------
    >>> import cx_widgets as cx
    >>> cx.datasets.cdnow_log().event_names
    ('purchase',)
    """
    return EventLog(cdnow(), customer="customer_id", time="time", event="event", value="value")


def cdnow_definition() -> Definition:
    """Return a definition for `cdnow`: the first purchase, and every later one.

    Both stages have the role "buy", so that the loyalty figures count them as purchases.

    Examples
    --------
    >>> import cx_widgets as cx
    >>> cx.datasets.cdnow_definition().names
    ('First purchase', 'Repeat purchase')
    """
    return Definition(
        [
            Stage("First purchase", ["purchase"], nth=1, role="buy"),
            Stage("Repeat purchase", ["purchase"], nth="2+", role="buy"),
        ]
    )
