"""Write the table of docs/what_is_a_conversion.md: the same events under one rule set after the other.

``python tools/build_rules_table.py`` rewrites the part between the two marks; a test compares it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import cx_widgets as cx

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "what_is_a_conversion.md"
BEGIN, END = "<!-- table: tools/build_rules_table.py -->", "<!-- end of table -->"

ASKS = {
    "Plain": "cart, shipping, purchase in this order, at any time",
    "Window": "the purchase at most 7 days after the cart",
    "First entry": "within 7 days of the *first* cart of all",
    "Latest entry": "after the *last* cart of all",
    "Strict": "nothing at all in between",
    "Unbroken": "in between only what was reached before",
    "Any order": "all three, in whatever order",
    "Open entry": "a purchase, wherever one entered",
    "Later, not at once": "each step later than the one before",
    "Sessions": "all three in one session; shares of sessions",
    "Journeys": "cut behind each purchase; shares of journeys",
    "Attempts": "each attempt counts, 7 days for one",
    "Shares of all": "of all customers, with or without a cart",
    "Without support_chat": "no support chat on the way",
    "Shipping optional": "shipping may be left out",
    "PostHog": "14 days, best attempt",
    "Mixpanel": "30 days, first cart, steps may trade places for 2 s",
    "ClickHouse, 7 days": "`windowFunnel` with 7 days",
    "GA4": "no limit of time",
    "Amplitude": "1 day",
    "retentioneering": "shares of all paths",
}


def web_shop() -> tuple[cx.EventLog, dict[str, cx.Definition]]:
    """Return the 600 customers of the tests and the ways to count them."""
    frame = pd.read_csv(ROOT / "tests" / "data" / "shop_600.csv.gz")
    log = cx.EventLog(frame, customer="customer", time="time", event="event")
    stages = {"Cart": ["cart"], "Shipping": ["shipping_details"], "Purchase": ["purchase"]}
    plain = cx.Definition(stages)
    return log, cx.presets.ways_to_count(plain, exclude="support_chat", optional="Shipping")


def generated_shop() -> tuple[cx.EventLog, dict[str, cx.Definition]]:
    """Return the shop of notebooks/02_what_is_a_conversion.ipynb and the ways to count it."""
    shop = cx.datasets.shop(
        seed=1,
        customers=600,
        steps={"Consider": {"Evaluate": 0.60, "Buy": 0.12}, "Evaluate": {"Buy": 0.45, "Consider": 0.35}},
        dwell_days={"Aware": 1, "Consider": 0.01, "Evaluate": 0.02},
        loyal_share=0.5,
        repeat_probability=0.7,
    )
    stages = {
        "Look": ["product_view", "category_view"],
        "Basket": ["basket_add", "checkout_start"],
        "Buy": ["order"],
    }
    plain = cx.Definition(stages)
    return shop.log(), cx.presets.ways_to_count(plain, exclude="support_chat", optional="Basket")


def table() -> str:
    """Return the table as Markdown."""
    log, ways = web_shop()
    result = cx.compare_rules(log, ways)
    other, other_ways = generated_shop()
    beside = cx.compare_rules(other, other_ways).frame["value"].tolist()
    lines = [
        "| rule set | asks for | conversion | of | points | 95 % | change by change | generated shop |",
        "|---|---|--:|--:|--:|--:|---|--:|",
    ]
    for (name, line), share in zip(result.frame.iterrows(), beside, strict=True):
        steps = result.explain(str(name)).frame
        why = "; ".join(f"{step['label']}: {_points(step['delta'])}" for _, step in steps.iterrows())
        cells = [
            str(name),
            ASKS[str(name)],
            f"{line['value']:.1%}",
            f"{line['numerator']:,} of {line['denominator']:,} {line['counted']}",
            _points(line["delta"]),
            f"{_points(line['delta_lower'])} to {_points(line['delta_upper'])}",
            why,
            f"{share:.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the page with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _points(share: float) -> str:
    shown = f"{100 * share:+.1f}"
    return "0.0" if float(shown) == 0 else shown


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE}")
