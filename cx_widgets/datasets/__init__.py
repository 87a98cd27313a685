"""Data to learn and to test with: two small real data sets and a generator whose truth is known.

Each data set ``x`` comes in three steps, so that a notebook may start at any of them:
``x()`` is the plain DataFrame, ``x_log()`` the `EventLog` with its columns bound, ``x_definition()`` a
`Definition` that fits it. `shop` returns a `Shop`, which holds the same three and the truth.
Sources and terms: ``LICENSE-DATA.md`` in this folder.
"""

from __future__ import annotations

from cx_widgets.datasets._files import (
    cdnow,
    cdnow_definition,
    cdnow_log,
    complete_journey,
    complete_journey_definition,
    complete_journey_log,
)
from cx_widgets.datasets._shop import Incident, Shop, ShopTruth, shop

__all__ = [
    "Incident",
    "Shop",
    "ShopTruth",
    "cdnow",
    "cdnow_definition",
    "cdnow_log",
    "complete_journey",
    "complete_journey_definition",
    "complete_journey_log",
    "shop",
]
