"""Cells that tests run in notebooks: a small log whose every figure is defined, and the widgets on it."""

from __future__ import annotations

LOG = """
import pandas as pd
import cx_widgets as cx

JOURNEYS = {
    "ana": "ad@0 view@1 compare@2 cart@2 order@3 review@9 order@40 order@44",
    "ben": "ad@0 search@2 view@3 order@20 view@25 order@31 review@60",
    "cid": "search@1 compare@2 view@2 cart@5",
    "dia": "ad@3 view@8 order@50 order@52 order@90",
    "eli": "view@2 ad@4 compare@5 order@6 review@7",
    "fay": "ad@0 ad@10 compare@12 cart@30 order@35 order@36",
    "gus": "support@5 search@6",
    "hal": "search@0 view@1 order@2 order@33 review@34 search@70 order@80",
    "ida": "ad@5 search@6 view@7 compare@8 cart@9",
    "jon": "order@10 view@11 order@50",
    "kim": "ad@1 view@2 order@3 support@4 order@5 order@100",
    "lea": "visit@0 visit@3",
}
rows = [
    (who, pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(day)), what, 20.0 if what == "order" else None)
    for who, journey in JOURNEYS.items()
    for what, _, day in (step.partition("@") for step in journey.split())
]
events = pd.DataFrame(rows, columns=["who", "when", "what", "value"])
log = cx.EventLog(events, customer="who", time="when", event="what", value="value")
journey = cx.Definition(
    {
        "Consider": ["ad", "search"],
        "Evaluate": ["view", "compare"],
        "Buy": ["order"],
        "Advocate": ["review"],
    },
    window="30D",
)
"""

WORKBENCH = "bench = cx.Workbench(log, journey)\nbench"
