"""Wrong input to the widgets, each with the whole sentence the user reads."""

from __future__ import annotations

import pandas as pd
import pytest

import cx_widgets as cx

FRAME = pd.DataFrame(
    {"who": ["a", "a"], "when": pd.to_datetime(["2026-01-01", "2026-01-02"]), "what": ["view", "order"]}
)
LOG = cx.EventLog(FRAME, customer="who", time="when", event="what")
STAGES = {"Look": ["view"], "Buy": ["order"]}
NO_LOG = "Make one first: log = cx.EventLog(df, customer='...', time='...', event='...')."
NO_DEFINITION = (
    "Give a cx.Definition, a preset such as cx.presets.aida(log), or a mapping like "
    "{'Consider': ['ad'], 'Buy': ['order']}."
)


def assign(name, value):
    def act():
        bench = cx.Workbench(LOG, STAGES)
        try:
            setattr(bench, name, value)
        finally:
            # the last good state stays, whatever was assigned
            assert bench.definition == bench.baseline == cx.Definition(STAGES)

    return act


CASES = {
    "a frame instead of a log": (
        lambda: cx.Workbench(FRAME, STAGES),
        f"a DataFrame is no event log. {NO_LOG}",
    ),
    "a frame for a view that offers columns": (
        lambda: cx.ChannelsView(FRAME, STAGES),
        f"a DataFrame is no event log. {NO_LOG}",
    ),
    "a frame for a view that begins with a column": (
        lambda: cx.BreakdownView(FRAME, STAGES),
        f"a DataFrame is no event log. {NO_LOG}",
    ),
    "nothing instead of a log": (
        lambda: cx.FunnelView(None, STAGES),
        f"a NoneType is no event log. {NO_LOG}",
    ),
    "a list instead of a definition": (
        lambda: cx.Workbench(LOG, ["view", "order"]),
        f"a list is no definition. {NO_DEFINITION}",
    ),
    "text instead of a definition": (
        lambda: cx.StageBoard(LOG, "aida"),
        f"a str is no definition. {NO_DEFINITION}",
    ),
    "log and definition in the wrong order": (
        lambda: cx.Workbench(cx.Definition(STAGES), LOG),
        f"a Definition is no event log. {NO_LOG}",
    ),
    "a number as the baseline": (
        lambda: cx.FlowView(LOG, STAGES, baseline=1),
        f"an int is no definition. {NO_DEFINITION}",
    ),
    "a number assigned as the definition": (
        assign("definition", 3),
        f"an int is no definition. {NO_DEFINITION}",
    ),
    "nothing assigned as the baseline": (
        assign("baseline", None),
        f"a NoneType is no definition. {NO_DEFINITION}",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_sentence_names_the_value_and_the_next_step(name):
    act, sentence = CASES[name]
    with pytest.raises(cx.CXError) as caught:
        act()
    assert str(caught.value) == sentence
