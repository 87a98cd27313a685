"""The rules of the house that a reader of one file cannot see."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import anywidget
import ipywidgets
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cx_widgets"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# A module imports from its own floor and the floors below. A new module is given its floor here.
FLOORS = [
    {"_html", "_library", "_numbers", "errors"},
    {
        "_append",
        "_frames",
        "_held",
        "_ingest",
        "_keys",
        "_log_text",
        "_arrow_texts",
        "_numbering",
        "_pieces",
        "_packed",
        "_recent",
        "_rows",
        "_runs",
        "_sampling",
        "_store",
        "_ticks",
        "_times",
        "chains",
        "log",
        "models",
        "removal_effects",
        "resampling",
        "shapley_values",
        "stats",
        "touchpoints",
    },
    {
        "_conditions",
        "_edits",
        "_fields",
        "_text",
        "_well_formed",
        "binding",
        "condition",
        "definition",
        "durations",
        "exclusions",
        "presets",
        "problems",
        "roles",
        "rule_presets",
        "rules",
        "stages",
        "ways",
        "windows",
    },
    {"engine"},
    {"metrics"},
    {"export", "datasets"},
    {"widgets"},
    {"", "__main__", "_server"},  # the names users type, and the command line with the server it starts
]
NOTEBOOK_ONLY = {"ipywidgets", "anywidget", "traitlets", "IPython", "bqplot"}
NOT_AT_IMPORT = NOTEBOOK_ONLY | {"scipy", "narwhals", "polars", "duckdb", "matplotlib"}


def room(path: Path) -> str:
    """Return the top-level name inside the package: 'metrics' for metrics/funnel.py, '' for __init__.py."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py").replace("__init__", "") if first.endswith(".py") else first


def floor(name: str) -> int:
    for number, names in enumerate(FLOORS):
        if name in names:
            return number
    pytest.fail(f"cx_widgets.{name} has no floor yet; add it to FLOORS in {Path(__file__).name}.")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, *, types: bool = True) -> set[str]:
    """Return the absolute names a file imports; without ``types`` only those that run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not types:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_downwards(path):
    here = floor(room(path))
    for name in imports(path):
        head, _, rest = name.partition(".")
        if head == "cx_widgets":
            target = rest.split(".")[0]
            known = any(target in names for names in FLOORS)
            assert floor(target if known else "") <= here, (
                f"{module_of(path)} imports {name}, which stands above it"
            )


@pytest.mark.parametrize("path", [path for path in SOURCES if room(path) != "widgets"], ids=module_of)
def test_nothing_below_the_widgets_imports_a_notebook_library(path):
    heads = {name.split(".")[0] for name in imports(path)}
    assert not heads & NOTEBOOK_ONLY


def test_no_module_imports_itself_through_another():
    modules = {module_of(path): path for path in SOURCES}
    graph = {}
    for module, path in modules.items():
        found = imports(path, types=False)
        graph[module] = {name if name in modules else name.rpartition(".")[0] for name in found} & set(
            modules
        )
        graph[module] -= {module, "cx_widgets"}
    TopologicalSorter(graph).prepare()


def test_importing_the_package_loads_no_widget_library_and_no_scipy():
    # What pandas itself brings along (pyarrow, for one) is not ours.
    script = """
import json, sys, time
import pandas
before, start = set(sys.modules), time.perf_counter()
import cx_widgets
cost = time.perf_counter() - start
print(json.dumps([sorted({name.split(".")[0] for name in set(sys.modules) - before}), cost]))
"""
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    loaded, cost = json.loads(said.stdout)
    print(f"import cx_widgets costs {cost * 1000:.0f} ms over import pandas")  # noqa: T201 - for people, not asserted
    assert "cx_widgets" in loaded
    assert not NOT_AT_IMPORT & set(loaded)


# Names of ipywidgets that ours replace knowingly.
REPLACED = {
    "_esm",  # anywidget asks for it
    "_css",  # the same
    "_repr_mimebundle_",  # adds a table and a picture for places that run no widgets
    "children",  # of a box
}


@pytest.mark.parametrize("path", sorted((PACKAGE / "widgets").glob("*.py")), ids=module_of)
def test_attributes_of_widgets_do_not_meet_those_of_ipywidgets(path):
    taken = {*dir(anywidget.AnyWidget), *dir(ipywidgets.VBox)} - REPLACED
    taken = {name for name in taken if not name.startswith("__")}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            assert not names_made_by(node) & taken, f"{node.name} hides names of ipywidgets"


def names_made_by(class_: ast.ClassDef) -> set[str]:
    """Return the names a class defines: in its body, and by assigning to ``self`` anywhere inside."""
    made = {node.name for node in class_.body if isinstance(node, ast.FunctionDef)}
    for node in class_.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        made |= {target.id for target in targets if isinstance(target, ast.Name)}
    for node in ast.walk(class_):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            holder = node.value
            if isinstance(holder, ast.Name) and holder.id == "self":
                made.add(node.attr)
    return made


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_no_python_of_ours_runs_text_as_code(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "compile", "__import__"}, f"line {node.lineno}"
    assert not {"pickle", "shelve", "marshal"} & {name.split(".")[0] for name in imports(path)}


SCRIPTS = sorted(path for path in (ROOT / "js").rglob("*.js") if "node_modules" not in path.parts)


def test_there_is_javascript_to_read():
    assert SCRIPTS


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_javascript_of_ours_turns_text_into_markup_or_code(path):
    text = path.read_text(encoding="utf-8")
    forbidden = r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function|DOMParser)\b\s*[=(]"
    assert not re.search(forbidden, text)


BUNDLES = sorted((PACKAGE / "static").glob("*"))


def test_the_built_front_end_is_there():
    names = {path.name for path in BUNDLES}
    assert names >= {f"{name}.{kind}" for name in ("board", "flow", "caption") for kind in ("js", "css")}


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_the_built_front_end_names_no_address_to_load_from(path):
    addresses = set(
        re.findall(r"https?://[^\s\"'`)]+|(?<=[\"'(])//[a-z0-9.-]+\.[a-z]{2,}", path.read_text("utf-8"))
    )
    namespaces = {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/1999/xhtml",
    }
    namespaces |= {"http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"}
    assert addresses <= namespaces
