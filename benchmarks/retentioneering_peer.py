"""retentioneering in a process of its own, which may be one of another environment.

Run by engine.py with the interpreter that has it. It reads the events from a file, says its version, and then
answers one line of JSON for each line that asks: the stage of each event name (0 for none), and the task.

What it counts: ordered stages, any rows between, no window, equal times in the order of the table; and moves
between neighbouring rows of the stages, repeats collapsed. An edit gives each event the name of its stage,
as one does it there, for it knows no stages of several events.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from retentioneering import Eventstream

os.environ["RETENTIONEERING_NO_TRACK"] = "1"


def staged(stream: Eventstream, table: list[int]) -> Eventstream:
    """Return the stream whose events are called by their stages, without those outside of all."""
    rename = {f"event {code:02}": f"stage {stage}" for code, stage in enumerate(table) if stage}
    gone = [f"event {code:02}" for code, stage in enumerate(table) if not stage]
    return stream.edit_events(rename=rename, delete=gone)


def main() -> None:
    """Read the events, then answer until nobody asks."""
    from importlib.metadata import version  # noqa: PLC0415 - as above

    from retentioneering import Eventstream  # noqa: PLC0415 - tracking is off from here on

    given = np.load(sys.argv[1])
    names = [f"event {code:02}" for code in range(int(given["event"].max()) + 1)]
    frame = pd.DataFrame(
        {
            "user_id": given["customer"],
            "timestamp": pd.Timestamp("2025-01-01") + pd.to_timedelta(given["time"], unit="s"),
            "event": pd.Categorical.from_codes(given["event"], names),
        }
    )
    schema = {"path_cols": ["user_id"], "event_col": "event", "timestamp_col": "timestamp"}
    stream = Eventstream(frame, schema)
    print(json.dumps({"version": version("retentioneering")}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        clock, work = time.perf_counter(), time.process_time()
        own = staged(stream, asked["table"])
        steps = [f"stage {stage}" for stage in range(1, max(asked["table"]) + 1)]
        said: dict[str, object] = {
            "reach": [step["unique_paths"] for step in own.funnel_data(steps)["steps"]]
        }
        if asked["task"] == "moves":
            matrix = own.collapse_events(loops=True).transition_graph_data(edge_weight="count")
            said["moves"] = [
                [int(a[6:]), int(b[6:]), int(matrix.loc[a, b])]
                for a in matrix.index
                for b in matrix.columns
                if a.startswith("stage ") and b.startswith("stage ") and matrix.loc[a, b]
            ]
        said["ms"] = 1e3 * (time.perf_counter() - clock)
        said["processor_ms"] = 1e3 * (time.process_time() - work)
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
