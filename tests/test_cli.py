from __future__ import annotations

import ast
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from threading import Timer
from unittest.mock import Mock

import nbformat
import pandas as pd
import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

import cx_widgets as cx
from cx_widgets import __main__ as cli
from cx_widgets._server import PromptConnection

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "01_first_journey.ipynb"


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Return the commands that would have become JupyterLab; the current directory is a fresh one."""
    commands = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_start", lambda command: commands.append(command) or 0)
    return commands


def write_csv(
    path, text="customer_id,timestamp,event,revenue\n1,2025-01-01,visit,\n1,2025-01-02,order,9.5\n"
):
    path.write_text(text, encoding="utf-8")
    return path


def code_of(notebook):
    return "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code")


# --- demo ------------------------------------------------------------------------------------------


def test_the_demo_puts_a_copy_of_the_first_notebook_into_a_new_folder(started, tmp_path, capsys):
    assert cli.main(["demo"]) == 0
    copy = tmp_path / "cx_widgets_demo" / "01_first_journey.ipynb"
    assert copy.read_bytes() == NOTEBOOK.read_bytes()
    assert started == [cli.lab_command(copy)]
    assert str(copy) in capsys.readouterr().out


def test_the_demo_never_overwrites(started, tmp_path):
    for _ in range(3):
        assert cli.main(["demo"]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["cx_widgets_demo", "cx_widgets_demo_2", "cx_widgets_demo_3"]
    assert len(started) == 3


def test_a_folder_that_holds_something_is_refused(started, tmp_path, capsys):
    write_csv(tmp_path / "mine.csv")
    assert cli.main(["demo", "--folder", "."]) == 2
    assert capsys.readouterr().err == (
        "cx-widgets: '.' exists and is not empty; name a new folder with --folder.\n"
    )
    assert cli.main(["demo", "--folder", "mine.csv"]) == 2
    assert started == []
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_a_folder_can_be_named(started, tmp_path):
    assert cli.main(["demo", "--folder", "course/day 1", "--port", "9999", "--no-browser"]) == 0
    copy = tmp_path / "course" / "day 1" / "01_first_journey.ipynb"
    assert copy.is_file()
    assert started == [cli.lab_command(copy, port=9999, browser=False)]


def test_the_wheel_and_an_editable_install_both_know_the_demo(tmp_path, monkeypatch):
    assert cli.demo_notebook() == NOTEBOOK.read_text(encoding="utf-8")
    # In the wheel the notebook lies inside the package.
    inside = tmp_path / "cx_widgets" / "notebooks"
    inside.mkdir(parents=True)
    inside.joinpath(cli.DEMO).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "cx_widgets" / "__main__.py"))
    assert cli.demo_notebook() == "{}"
    inside.joinpath(cli.DEMO).unlink()
    with pytest.raises(cx.CXError, match="missing from this installation"):
        cli.demo_notebook()


def test_the_module_alone_is_the_demo_and_the_command_alone_helps(started, capsys):
    assert cli._as_module([]) == ["demo"]
    assert cli._as_module(["--no-browser"]) == ["demo", "--no-browser"]
    for arguments in (["--help"], ["--version"], ["explore", "f.csv"], ["demo"]):
        assert cli._as_module(arguments) == arguments
    assert cli.main([]) == 0
    assert "explore" in capsys.readouterr().out
    assert started == []


# --- the command -----------------------------------------------------------------------------------


def test_jupyterlab_runs_with_this_python_on_loopback_and_asks_nobody_for_news(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    command = cli.lab_command(tmp_path / "a b.ipynb")
    assert command == [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.default_url=/lab/tree/a%20b.ipynb",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.answer_yes=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--ServerApp.kernel_websocket_connection_class=cx_widgets._server.PromptConnection",
    ]
    assert not any("token" in part or "password" in part for part in command)


def test_the_server_tells_the_browsers_socket_not_to_wait(monkeypatch):
    told = []
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda _: told.append("connected"))
    handler = Mock(spec=KernelWebsocketHandler, set_nodelay=told.append)
    # Made without a running server, which the connection would ask for its kernel.
    connection = PromptConnection.__new__(PromptConnection)
    connection.set_trait("websocket_handler", handler)
    connection.connect()
    assert told == [True, "connected"]


def test_port_browser_and_root_add_their_options(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    added = cli.lab_command(tmp_path / "a.ipynb", port=8123, browser=False)[10:]
    assert added == ["--ServerApp.port=8123", "--ServerApp.port_retries=0", "--no-browser", "--allow-root"]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "eight", "8_000", "٣"])
def test_a_port_that_is_none_is_refused(port, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["demo", f"--port={port}"])
    assert left.value.code == 2
    assert f"a port is a number from 1 to 65535, not {port!r}" in capsys.readouterr().err


# --- explore ---------------------------------------------------------------------------------------


def test_explore_fills_the_cells_in_and_the_code_runs(started, tmp_path, capsys):
    file = write_csv(tmp_path / "my events.csv")
    assert cli.main(["explore", str(file)]) == 0
    copy = tmp_path / "cx_widgets_my_events" / "explore_my_events.ipynb"
    assert started == [cli.lab_command(copy)]
    assert capsys.readouterr().out.startswith(
        "my events.csv, read as:\n    customer='customer_id',\n    time='timestamp',\n    event='event',\n"
        "    value='revenue',\n"
    )
    notebook = nbformat.read(copy, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    scope = {}
    for source in cells[:3]:
        exec(source, scope)  # noqa: S102 - the very code a reader would run
    assert scope["log"].n_events == 2
    assert scope["log"].roles == {
        "customer": "customer_id",
        "time": "timestamp",
        "event": "event",
        "value": "revenue",
    }
    assert scope["journey"].names == ("Consider", "Buy")


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("UserID;Event Time;eventName;x", ("UserID", "Event Time", "eventName", None, None, None)),
        (
            "case:concept:name,concept:name,time:timestamp,org:resource",
            ("case:concept:name", "time:timestamp", "concept:name", None, None, None),
        ),
        (
            "household_id\tdate\tactivity\tsales_value\tmarketing channel\tNPS",
            ("household_id", "date", "activity", "sales_value", "marketing channel", "NPS"),
        ),
        # Two columns could be the value: an optional role is left open rather than guessed.
        ("client|ts|event|amount|revenue", ("client", "ts", "event", None, None, None)),
    ],
)
def test_plain_names_are_guessed_whatever_the_separator(tmp_path, header, roles):
    separator = next(mark for mark in ";\t|," if mark in header)
    file = write_csv(tmp_path / "f.csv", f"{header}\n{separator * header.count(separator)}\n")
    assert cli.choose_roles(cli.look_at(file), {}) == cli.Roles(*roles)


def test_names_that_are_not_plain_are_asked_for(tmp_path):
    source = cli.look_at(write_csv(tmp_path / "f.csv", "who,when,what\n1,2025-01-01,visit\n"))
    with pytest.raises(cx.CXError) as caught:
        cli.choose_roles(source, {})
    assert str(caught.value) == (
        "which column is the customer? no column's name says so. Say it with --customer COLUMN. "
        "Columns of 'f.csv': ['who', 'when', 'what']."
    )
    given = {"customer": "who", "time": "when", "event": "what"}
    assert cli.choose_roles(source, given) == cli.Roles("who", "when", "what")


def test_two_columns_that_could_be_the_customer_are_asked_about(tmp_path):
    source = cli.look_at(write_csv(tmp_path / "f.csv", "user_id,visitor_id,time,event\na,b,2025-01-01,c\n"))
    with pytest.raises(cx.CXError) as caught:
        cli.choose_roles(source, {})
    assert str(caught.value) == (
        "which column is the customer? several columns could be it: ['user_id', 'visitor_id']. Say it with "
        "--customer COLUMN. Columns of 'f.csv': ['user_id', 'visitor_id', 'time', 'event']."
    )
    assert cli.choose_roles(source, {"customer": "visitor_id"}).customer == "visitor_id"


def test_a_column_given_is_not_guessed_for_another_role(tmp_path):
    source = cli.look_at(
        write_csv(tmp_path / "f.csv", "user,date,timestamp,event\n1,2025-01-01,2025-01-01,a\n")
    )
    assert cli.choose_roles(source, {"channel": "date"}).time == "timestamp"


def test_times_that_are_numbers_need_a_unit(tmp_path):
    source = cli.look_at(write_csv(tmp_path / "f.csv", "user,ts,event\n1,1735689600,a\n"))
    with pytest.raises(cx.CXError) as caught:
        cli.choose_roles(source, {})
    assert str(caught.value) == (
        "the time column 'ts' holds numbers; say their unit since 1970 with --time-unit: "
        "one of s, ms, us, ns, D."
    )
    roles = cli.choose_roles(source, {}, "s")
    assert "    time_unit='s'," in roles.arguments()


def test_explore_reads_parquet(tmp_path):
    file = tmp_path / "f.parquet"
    frame = pd.DataFrame({"user": [1], "time": [pd.Timestamp("2025-01-01")], "event": ["a"], "price": [1.5]})
    frame.to_parquet(file)
    source = cli.look_at(file)
    assert source.columns == ("user", "time", "event", "price")
    assert source.numeric == {"user", "price"}
    assert source.expression == f"pd.read_parquet({str(file)!r})"


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    file = tmp_path / "f.parquet"
    file.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(cx.CXError) as caught:
        cli.look_at(file)
    assert str(caught.value) == (
        "reading Parquet files needs pyarrow, which is not installed: pip install 'cx_widgets[arrow]'"
    )


def test_a_compressed_file_is_read_like_a_plain_one(tmp_path):
    file = tmp_path / "f.csv.gz"
    pd.DataFrame({"user": [1], "time": ["2025-01-01"], "event": ["a"]}).to_csv(file, index=False)
    assert cli.choose_roles(cli.look_at(file), {}) == cli.Roles("user", "time", "event")


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("gone.csv", None, "there is no file 'gone.csv'."),
        ("empty.csv", b"", "'empty.csv' is empty; it needs a header line with column names."),
        (
            "latin.csv",
            "größe,time\n1,2".encode("latin-1"),
            "'latin.csv' is not UTF-8 text; save it as UTF-8 first.",
        ),
        ("bad.parquet", b"PAR1 no PAR1", "'bad.parquet' is not a Parquet file: "),
        (
            "book.xlsx",
            b"",
            (
                "cannot tell how to read 'book.xlsx'. cx-widgets explore reads CSV and Parquet files: "
                ".csv, .tsv, .txt, .parquet, .pq; text may be compressed."
            ),
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(started, capsys, name, data, sentence):
    if data is not None:
        Path(name).write_bytes(data)
    assert cli.main(["explore", name]) == 2
    assert capsys.readouterr().err.startswith(f"cx-widgets: {sentence}")
    assert started == []
    assert not [path for path in Path().iterdir() if path.is_dir()]


def test_an_unknown_column_is_refused_with_its_neighbour(started, tmp_path, capsys):
    file = write_csv(tmp_path / "f.csv")
    assert cli.main(["explore", str(file), "--customer", "custommer_id"]) == 2
    assert capsys.readouterr().err == (
        "cx-widgets: unknown column 'custommer_id'. Did you mean 'customer_id'? "
        "Available: ['customer_id', 'timestamp', 'event', 'revenue'].\n"
    )
    assert started == []


def test_no_name_in_a_file_can_become_code(tmp_path):
    evil = "'); import os; os.abort(); ('"
    folder = tmp_path / 'it\'s "here"'
    folder.mkdir()
    file = folder / "<b>`x`'\"\n# events.csv"
    pd.DataFrame({evil: [1], "time": ["2025-01-01"], "event": ["a"]}).to_csv(file, index=False)
    source = cli.look_at(file)
    notebook = cli.explore_notebook(source, cli.choose_roles(source, {"customer": evil}))
    tree = ast.parse(code_of(json.loads(json.dumps(notebook))))
    assert [node.names[0].name for node in ast.walk(tree) if isinstance(node, ast.Import)] == [
        "pandas",
        "cx_widgets",
    ]
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {evil, str(file)} <= literals
    title = notebook["cells"][0]["source"].partition("\n")[0]
    assert re.fullmatch(r"# Journeys in [\w .,()-]+", title)


# --- the real server --------------------------------------------------------------------------------


def test_the_real_server_answers_on_loopback_behind_its_token_and_ends_with_ctrl_c(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    private = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {**os.environ, **private, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cx_widgets", "--no-browser", "--port", str(port), "--folder", "demo"]
    # Jupyter handles Ctrl+C as users know it only where its input is a terminal.
    keyboard, terminal = pty.openpty()
    pipes = {"stdin": terminal, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as server:
        patience = Timer(120, server.kill)
        patience.start()
        try:
            address = f"http://127.0.0.1:{port}/lab/tree/01_first_journey.ipynb?token="
            said = ""
            while address not in said:
                line = server.stdout.readline()
                assert line, said
                said += line
            assert (tmp_path / "demo" / "01_first_journey.ipynb").is_file()
            token = re.search(r"token=(\w+)", said)[1]
            # It says where it is a moment before it listens.
            while (answer := status(port)) is None:
                assert server.poll() is None
            assert answer == 403
            assert status(port, f"?token={token}") == 200
            server.send_signal(signal.SIGINT)
            server.stdout.read()
            assert server.wait() == 0
        finally:
            patience.cancel()
            server.kill()
            os.close(keyboard)
            os.close(terminal)


def status(port, query=""):
    """Return how the server answers a request for what lies in its folder, or None while it does not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents{query}", timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None
