"""The command ``cx-widgets``: a notebook in a new folder, opened in JupyterLab.

``cx-widgets demo`` copies the first notebook; ``cx-widgets explore FILE`` writes one for a file of events.
``python -m cx_widgets`` is the demo.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pandas as pd

from cx_widgets import __version__
from cx_widgets.errors import CXError, listing, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

DEMO: Final = "01_first_journey.ipynb"
_SEPARATORS: Final = (",", ";", "\t", "|")
_TEXT_SUFFIXES: Final = (".csv", ".tsv", ".txt")
_PACKED_SUFFIXES: Final = (".gz", ".bz2", ".xz", ".zst", ".zip")
_PARQUET_SUFFIXES: Final = (".parquet", ".pq")
_TIME_UNITS: Final = ("s", "ms", "us", "ns", "D")

# Column names that say their role plainly, written as `_plain` writes them.
_PLAIN_NAMES: Final = {
    "customer": """
        customer customer_id customerid cust_id client client_id clientid user user_id userid uid visitor
        visitor_id visitorid member member_id household household_id person person_id subscriber_id
        account_id case_id caseid case_concept_name distinct_id anonymous_id full_visitor_id
    """,
    "time": """
        time timestamp time_stamp datetime date_time date event_time event_timestamp event_date eventtime
        time_timestamp occurred_at created_at transaction_date transaction_time order_date ts
    """,
    "event": """
        event event_name event_type eventname eventtype activity activity_name concept_name action touchpoint
    """,
    "value": "value revenue amount sales sales_value order_value net_revenue turnover event_value",
    "channel": "channel marketing_channel utm_medium medium channel_grouping",
    "score": "score nps nps_score csat ces rating satisfaction survey_score",
}
_REQUIRED: Final = ("customer", "time", "event")


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column plays which role in a file, and the unit of its time if that is a number."""

    customer: str
    time: str
    event: str
    value: str | None = None
    channel: str | None = None
    score: str | None = None
    time_unit: str | None = None

    def arguments(self) -> list[str]:
        """Return the roles as keyword arguments of `EventLog`, one for each line, as Python literals."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [f"    {name}={value!r}," for name, value in given if value is not None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of events: where it is, how pandas reads it, its columns, and which of them hold numbers."""

    path: Path
    expression: str
    columns: tuple[str, ...]
    numeric: frozenset[str]


def look_at(file: str | Path) -> Source:
    """Return what the head of a CSV or Parquet file says about its columns.

    Parameters
    ----------
    file
        A text file with a header line, separated by comma, semicolon, tab or bar (possibly compressed),
        or a Parquet file.

    Returns
    -------
    Source
        With the file's absolute path.

    Raises
    ------
    CXError
        If the file does not exist, is of another kind, is empty, or needs pyarrow and that is missing.
    """
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise CXError(f"there is no file {str(file)!r}.")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = suffixes[-1] if suffixes else ""
    if kind in _PARQUET_SUFFIXES:
        head = _parquet_head(path)
        expression = f"pd.read_parquet({str(path)!r})"
    elif kind in _TEXT_SUFFIXES or (
        kind in _PACKED_SUFFIXES and suffixes[-2:-1] in ([".csv"], [".tsv"], [".txt"])
    ):
        head, separator = _text_head(path)
        more = "" if separator == "," else f", sep={separator!r}"
        expression = f"pd.read_csv({str(path)!r}{more})"
    else:
        readable = [*_TEXT_SUFFIXES, *_PARQUET_SUFFIXES]
        raise CXError(
            f"cannot tell how to read {path.name!r}. cx-widgets explore reads CSV and Parquet files: "
            f"{', '.join(readable)}; text may be compressed."
        )
    numeric = [str(name) for name in head.columns if _holds_numbers(head[name])]
    return Source(path, expression, tuple(str(name) for name in head.columns), frozenset(numeric))


def _holds_numbers(column: pd.Series) -> bool:
    # pandas reads a text column without any value as numbers; a Parquet head has no rows, only types.
    nothing = len(column) > 0 and bool(column.isna().all())
    return pd.api.types.is_numeric_dtype(column) and not nothing


def _text_head(path: Path) -> tuple[pd.DataFrame, str]:
    try:
        widths = {mark: len(pd.read_csv(path, sep=mark, nrows=0).columns) for mark in _SEPARATORS}
        # The first that parts the header into the columns a log needs; a name may hold another mark.
        enough = [mark for mark, width in widths.items() if width >= len(_REQUIRED)]
        separator = enough[0] if enough else ","
        return pd.read_csv(path, sep=separator, nrows=1000), separator
    except pd.errors.EmptyDataError as error:
        raise CXError(f"{path.name!r} is empty; it needs a header line with column names.") from error
    except UnicodeDecodeError as error:
        raise CXError(f"{path.name!r} is not UTF-8 text; save it as UTF-8 first.") from error
    except pd.errors.ParserError as error:
        raise CXError(f"{path.name!r} is not a table of separated values: {error}") from error


def _parquet_head(path: Path) -> pd.DataFrame:
    try:
        from pyarrow import ArrowInvalid  # noqa: PLC0415 - an extra, needed for Parquet files only
        from pyarrow.parquet import read_schema  # noqa: PLC0415 - the same
    except ImportError as error:
        raise CXError(
            "reading Parquet files needs pyarrow, which is not installed: pip install 'cx_widgets[arrow]'"
        ) from error
    try:
        head: pd.DataFrame = read_schema(path).empty_table().to_pandas()
    except ArrowInvalid as error:
        raise CXError(f"{path.name!r} is not a Parquet file: {error}") from error
    return head


def choose_roles(source: Source, given: dict[str, str], time_unit: str | None = None) -> Roles:
    """Return the roles of a file's columns: those given, and those a column's name makes plain.

    Parameters
    ----------
    source
        What `look_at` found.
    given
        Column by role, for the roles the user named.
    time_unit
        Unit of a time column that holds numbers.

    Returns
    -------
    Roles
        With customer, time and event, and the other roles where one column's name says so.

    Raises
    ------
    CXError
        If a column given does not exist, if none or several could be the customer, time or event, or if
        times are numbers without a unit.
    """
    for column in given.values():
        if column not in source.columns:
            raise unknown("column", column, source.columns)
    chosen = dict(given)
    for role, plain in _PLAIN_NAMES.items():
        if role in chosen:
            continue
        free = [name for name in source.columns if name not in chosen.values()]
        found = [name for name in free if _plain(name) in plain.split()]
        if len(found) == 1:
            chosen[role] = found[0]
        elif role in _REQUIRED:
            why = f"several columns could be it: {listing(found)}" if found else "no column's name says so"
            raise CXError(
                f"which column is the {role}? {why}. Say it with --{role} COLUMN. "
                f"Columns of {source.path.name!r}: {listing(source.columns, limit=50)}."
            )
    if chosen["time"] in source.numeric and time_unit is None:
        raise CXError(
            f"the time column {chosen['time']!r} holds numbers; say their unit since 1970 with --time-unit: "
            f"one of {', '.join(_TIME_UNITS)}."
        )
    return Roles(**chosen, time_unit=time_unit)


def _plain(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^0-9a-z]+", "_", words.lower()).strip("_")


def explore_notebook(source: Source, roles: Roles) -> dict[str, object]:
    """Return a notebook (as the dictionary its JSON holds) that opens a file in the workbench.

    Names from the file enter the code as Python literals only, so a name can never run.
    """
    title = re.sub(r"[^\w .,()-]", "_", source.path.name)
    cells = [
        _markdown(f"# Journeys in {title}\n\nRun the cells from top to bottom. First the file, as it is."),
        _code(
            "import pandas as pd",
            "",
            "import cx_widgets as cx",
            "",
            f"events = {source.expression}",
            "events.head()",
        ),
        _markdown(
            "The event log: the columns are bound to their roles, checked and sorted once.",
            "If something is wrong with them, the error says what, and what would be right.",
        ),
        _code("log = cx.EventLog(", "    events,", *roles.arguments(), ")", "log"),
        _markdown(
            "A definition to begin with: the stages of the consumer decision journey that your events' names",
            "suggest something for. `cx.presets.names()` lists other stage models.",
        ),
        _code(
            "suggested = cx.presets.consumer_decision_journey(log).definition",
            "with_events = [stage for stage in suggested.stages if stage.events]",
            "journey = cx.Definition(with_events or suggested.stages)",
            "journey",
        ),
        _markdown(
            "The workbench. Drag the events where they belong, add and rename stages, set a window. Figures",
            "come as soon as every stage has an event.",
        ),
        _code("bench = cx.Workbench(log, journey)", "bench"),
        _markdown(
            "What you did with the mouse, as Python. Keep it: it gives the same figures again, with the",
            "widget or without.",
        ),
        _code("print(bench.definition.to_code())"),
        _markdown("Every figure against the baseline you pinned."),
        _code("bench.changes"),
        _markdown("The customers behind the bar, link or drop-off you selected last."),
        _code("bench.selection"),
    ]
    return {
        "cells": [{"id": f"cell-{number:02}", **cell} for number, cell in enumerate(cells, 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _markdown(*lines: str) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(lines)}


def _code(*lines: str) -> dict[str, object]:
    cell: dict[str, object] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return cell | {"source": "\n".join(lines)}


def demo_notebook() -> str:
    """Return the text of the first notebook: the package's own copy, or the one of this checkout."""
    package = Path(__file__).parent
    for place in (package / "notebooks" / DEMO, package.parent / "notebooks" / DEMO):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise CXError(f"the notebook {DEMO!r} is missing from this installation; install cx_widgets again.")


def new_folder(folder: str | Path | None, default: str) -> Path:
    """Return a new, empty folder: the one named, or a fresh one in the current directory.

    A folder that holds anything is never written to: the default name gets a number, a folder that was named
    is refused.
    """
    if folder is not None:
        path = Path(folder).expanduser().resolve()
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise CXError(f"{str(folder)!r} exists and is not empty; name a new folder with --folder.")
        path.mkdir(parents=True, exist_ok=True)
        return path
    for number in count(1):
        path = Path.cwd() / (default if number == 1 else f"{default}_{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError  # pragma: no cover - count() does not end


def lab_command(notebook: Path, *, port: int | None = None, browser: bool = True) -> list[str]:
    """Return the command that opens a notebook in JupyterLab, with this Python, on this machine only.

    Parameters
    ----------
    notebook
        The notebook; its folder is all the server shows.
    port
        The port, exactly; by default the first free one from 8888.
    browser
        Whether to open the browser.
    """
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={notebook.parent}",
        f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}",
        "--ServerApp.ip=127.0.0.1",
        # Ctrl+C ends the server at once instead of asking whether it may.
        "--ServerApp.answer_yes=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        # Edits are small messages; they must not wait for one another.
        "--ServerApp.kernel_websocket_connection_class=cx_widgets._server.PromptConnection",
    ]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    # Containers make everybody root; Jupyter would refuse, and the server is on loopback, behind its token.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def _start(command: list[str]) -> int:  # pragma: no cover - becomes another program
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - our own Python, no shell
    try:
        return subprocess.call(command)  # noqa: S603 - our own Python, no shell
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cx-widgets", description="Customer journeys in a notebook: opens JupyterLab with the workbench."
    )
    parser.add_argument("--version", action="version", version=f"cx_widgets {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands")

    lab = argparse.ArgumentParser(add_help=False)
    lab.add_argument("--folder", help="the new folder the notebook is put into (default: one in the current)")
    lab.add_argument("--port", type=_port, metavar="N", help="the port of the server (default: from 8888)")
    lab.add_argument("--no-browser", action="store_true", help="print the address, open no browser")

    commands.add_parser("demo", parents=[lab], help="open the first notebook, on real data")
    explore = commands.add_parser("explore", parents=[lab], help="open a CSV or Parquet file of events")
    explore.add_argument("file", metavar="FILE", help="one row for each event, one column for each fact")
    for role in _PLAIN_NAMES:
        explore.add_argument(f"--{role}", metavar="COLUMN", help=f"the column that holds the {role}")
    explore.add_argument("--time-unit", choices=_TIME_UNITS, help="unit since 1970, if times are numbers")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - 16 bits
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code (0 well, 2 the user can put it right).

    Parameters
    ----------
    argv
        The arguments after the program's name; by default those of this process.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        if options.command == "demo":
            text, name, default = demo_notebook(), DEMO, "cx_widgets_demo"
        else:
            source = look_at(options.file)
            asked = {role: getattr(options, role) for role in _PLAIN_NAMES}
            given = {role: column for role, column in asked.items() if column is not None}
            roles = choose_roles(source, given, options.time_unit)
            text = json.dumps(explore_notebook(source, roles), indent=1) + "\n"
            stem = re.sub(r"[^\w-]+", "_", source.path.name.split(".")[0]).strip("_") or "events"
            name, default = f"explore_{stem}.ipynb", f"cx_widgets_{stem}"
            sys.stdout.write("\n".join([f"{source.path.name}, read as:", *roles.arguments(), ""]))
        notebook = new_folder(options.folder, default) / name
    except CXError as error:
        sys.stderr.write(f"cx-widgets: {error}\n")
        return 2
    notebook.write_text(text, encoding="utf-8")
    sys.stdout.write(f"The notebook: {notebook}\nEnd JupyterLab with Ctrl+C.\n")
    return _start(lab_command(notebook, port=options.port, browser=not options.no_browser))


def _as_module(arguments: list[str]) -> list[str]:
    """Return the arguments of ``python -m cx_widgets``, which is the demo unless it says otherwise."""
    asks = arguments and (not arguments[0].startswith("-") or arguments[0] in ("-h", "--help", "--version"))
    return arguments if asks else ["demo", *arguments]


if __name__ == "__main__":
    sys.exit(main(_as_module(sys.argv[1:])))
