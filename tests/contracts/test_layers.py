"""Arrows between layers go one way; the import graph is read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import farmwatch

PACKAGE = Path(farmwatch.__file__).parent
MAY_IMPORT = {
    "errors": set(),
    "records": {"errors"},
    "wire": {"errors"},
    "knowledge": {"errors"},
    "collectors": {"errors", "records", "wire", "knowledge"},
    "store": {"errors", "records", "wire"},
    "engine": {"errors"},
    "intake": {"errors", "records", "collectors", "store", "engine"},
    "stored_logs": {"errors", "records", "knowledge", "collectors", "analysis", "store", "reports"},
    "assessing": {"errors", "records", "knowledge", "analysis", "store", "stored_logs"},
    "morning": {"errors", "records", "knowledge", "analysis", "store", "reports", "assessing"},
    "delivery": {"errors", "records", "reports"},
    "agent": {"errors", "records", "wire"},
    "simulation": {"errors", "records", "knowledge"},
    "server": {"errors", "records", "wire", "collectors", "store", "reports", "engine", "intake", "api"},
    "analysis": {"errors", "records", "knowledge", "collectors", "engine"},
    "reports": {"errors", "records"},
    "api": {"errors", "records", "knowledge", "collectors", "store", "analysis", "engine", "intake"},
    "cli": {
        "errors",
        "records",
        "wire",
        "knowledge",
        "collectors",
        "store",
        "analysis",
        "reports",
        "engine",
        "intake",
        "assessing",
        "morning",
        "delivery",
        "agent",
        "simulation",
        "server",
        "api",
    },
}


def modules():
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level parts of farmwatch that a module imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.ImportFrom) and node.level:
            pytest.fail(f"{path}: relative import")
        found |= {name.split(".")[1] for name in names if name.startswith("farmwatch.")}
    return found


@pytest.mark.parametrize("path", modules(), ids=str)
def test_arrows_go_one_way(path):
    """A layer imports itself and the layers below it, nothing else."""
    layer = path.parts[0].removesuffix(".py")
    if layer in ("__init__", "__main__"):
        return
    assert imported(path) - {layer} <= MAY_IMPORT[layer], f"{path} imports against the arrows"


def test_every_layer_has_its_rule():
    """A new top-level module must be given its place."""
    assert {path.parts[0].removesuffix(".py") for path in modules()} - {"__init__", "__main__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", [path for path in modules() if path.parts[:2] == ("analysis", "detectors")], ids=str)
def test_detectors_do_not_import_each_other(path):
    """Siblings share the contract and nothing else; only the register imports them all."""
    if path.name in ("__init__.py", "contract.py"):
        return
    text = (PACKAGE / path).read_text(encoding="utf-8")
    assert all("contract" in line for line in text.splitlines() if "farmwatch.analysis.detectors" in line)


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.name == "__init__.py" and len(path.parts) > 1], ids=str
)
def test_every_folder_says_what_lives_in_it(path):
    """A newcomer reads one sentence per folder."""
    docstring = ast.get_docstring(ast.parse((PACKAGE / path).read_text(encoding="utf-8")))
    assert docstring
    assert docstring.splitlines()[0].strip()


def test_no_drawers():
    """No module named after nothing in particular."""
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "tools"}
    assert not [path for path in modules() if path.stem in drawers]
