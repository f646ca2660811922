"""Rules of the tree that no other checker holds: what test modules import, and one meaning for each class name."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from local.bootstrap import ROOT

PRODUCTION = ("functions", "listener", "shared", "operators", "infra_cdk")


def modules(folder: str) -> Iterator[tuple[str, ast.Module]]:
    """Parse each module of a top folder; its dotted name comes first."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        if "node_modules" not in path.parts:
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(path.read_text())


def imported(module: ast.Module) -> Iterator[str]:
    """Return the dotted names that a module imports, at any depth of its code."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(source, names) if source:
                yield source
                yield from (f"{source}.{alias.name}" for alias in names)
            case _:
                pass


def is_test_module(name: str) -> bool:
    """Tell whether a dotted name is that of a test module."""
    return (
        name.startswith("tests.")
        and name.rpartition(".")[2].startswith("test_")
        and Path(ROOT, *name.split(".")).with_suffix(".py").exists()
    )


def test_no_module_imports_a_test_module() -> None:
    """Tests share code through tests/support or a support module of their folder."""
    found = {name: sorted(filter(is_test_module, imported(module))) for name, module in modules("tests")}
    assert {name: sources for name, sources in found.items() if sources} == {}


def test_no_test_module_imports_the_cdk() -> None:
    """Each process imports all test modules, and the CDK costs seconds and a Node. Tests run it in a process of its own."""
    assert "jsii" not in sys.modules


def test_no_two_production_classes_have_the_same_name() -> None:
    """A class name means the same thing everywhere. Names that begin with an underscore stay in their module."""
    defined = defaultdict(list)
    for folder in PRODUCTION:
        for name, module in modules(folder):
            for node in module.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    defined[node.name].append(name)
    assert {name: places for name, places in defined.items() if len(places) > 1} == {}
