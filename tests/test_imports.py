"""Imports go one way: downwards through the package, and in no circles."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from unet.settings import PROJECT

# Each line may import what stands in it or above it.
ORDER = (
    (
        "errors",
        "digest",
        "processes",
        "spreadsheets",
        "files",
        "options",
        "settings",
        "config",
        "flags",
        "parallel",
        "memmap",
        "ownership",
        "room",
        "provenance",
    ),
    ("io",),
    ("preprocess",),
    ("render",),
    ("datasets",),
    ("runs",),
    ("models",),
    ("prediction",),
    ("activations",),
    ("corrections",),
    ("evaluation",),
    ("exports",),
    ("training",),
    ("cli",),
)
RANK = {name: rank for rank, line in enumerate(ORDER) for name in line}
PACKAGE = sorted((PROJECT / "unet").rglob("*.py"))
ROOMS = {"common", "home", "train", "predict", "evaluate", "inside"}


def name_of(path: Path) -> str:
    """Return the dotted name under which a file is imported."""
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, known: set[str]) -> set[str]:
    """Return the known modules that a file imports, also within functions; not those for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checked = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    typing = {inner for node in checked for inner in ast.walk(node)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in typing:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known


def place(module: str) -> str:
    """Return the folder or module of ``unet`` in which a module stands."""
    return module.split(".")[1]


@pytest.mark.parametrize("path", [path for path in PACKAGE if len(path.relative_to(PROJECT).parts) > 2], ids=name_of)
def test_a_module_imports_only_what_stands_above_it(path):
    known = {name_of(each) for each in PACKAGE} - {"unet"}
    mine = RANK[place(name_of(path))]
    assert [name for name in sorted(imports(path, known)) if RANK[place(name)] > mine] == []


def test_every_part_of_the_package_has_a_place_in_the_order():
    parts = {path.stem if path.is_file() else path.name for path in (PROJECT / "unet").glob("[!_]*")}
    assert parts <= set(RANK)


@pytest.mark.parametrize("package", ["unet", "studio"])
def test_no_module_imports_itself_by_a_detour(package):
    paths = sorted((PROJECT / package).rglob("*.py"))
    known = {name_of(path) for path in paths} - {package}
    TopologicalSorter({name_of(path): imports(path, known) - {name_of(path)} for path in paths}).prepare()


def test_rooms_of_the_app_share_only_what_is_common():
    paths = sorted((PROJECT / "studio").rglob("*.py"))
    known = {name_of(path) for path in paths} - {"studio"}
    crossing = [
        (name_of(path), name)
        for path in paths
        for name in sorted(imports(path, known))
        if len(name.split(".")) > 2 and path.parent.name == "common" and name.split(".")[1] != "common"
    ]
    assert crossing == []


def defined(path: Path) -> set[str]:
    """Return the names that a file makes itself, at its top level; what it only imports is not among them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def test_each_name_is_imported_from_where_it_is_made():
    ours = {name_of(path): path for package in ("unet", "studio") for path in (PROJECT / package).rglob("*.py")}
    names = {module: defined(path) for module, path in ours.items()}
    folders = ("unet", "studio", "pages", "tests", "tools", "benchmarks")
    users = [path for folder in folders for path in sorted((PROJECT / folder).rglob("*.py"))]
    detours = [
        f"{name_of(path)} takes {alias.name} from {node.module}"
        for path in [*users, PROJECT / "streamlit_app.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in names and node.module != "unet"
        for alias in node.names
        if alias.name not in names[node.module] and f"{node.module}.{alias.name}" not in names
    ]
    assert detours == []
