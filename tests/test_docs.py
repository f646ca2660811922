"""The documents against the repository: links lead somewhere, named modules exist, and tables of constants say what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOP = "benchmarks|functions|infra_cdk|listener|local|operators|shared|testing|tests"

_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_PATH = re.compile(rf"(?<![\w/.-])(?:{TOP})/[\w/]*(?:\.\w+)?")
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| `([\w/]+\.py)` \|$", re.MULTILINE)
_UNITS = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 86400, "KiB": 1024}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = _HEADING.findall(_FENCE.sub("", text_of(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named(page: Path) -> set[str]:
    """Return the paths of the repository that a page names in code."""
    code = " ".join(_CODE.findall(_FENCE.sub("", text_of(page))) + _FENCE.findall(text_of(page)))
    return {found.rstrip("/") for found in _PATH.findall(code)}


def constants() -> Iterator[tuple[str, str, str]]:
    """Yield name, value and module of each constant in the documents' tables."""
    for page in PAGES:
        yield from _ROW.findall(text_of(page))


def numbers_told(value: str) -> list[float]:
    """Return the numbers that a table tells, in the smallest unit: `1 to 4 h` is 3600 and 14400."""
    unit = _UNITS[re.sub(r"[\d.,]+| to ", "", value).strip()]
    return [float(number.replace(",", "")) * unit for number in re.findall(r"\d[\d,]*(?:\.\d+)?", re.sub(r", ", " ", value))]


def numbers_of(path: Path, name: str) -> list[float]:
    """Return the numbers that a module assigns to a name; empty where it assigns none."""
    values = (value for node in ast.walk(ast.parse(text_of(path))) for found, value in _assigned(node) if found == name)
    return _numbers(next(values, ast.Tuple([], ast.Load())))


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.AnnAssign) and node.value:
        yield ast.unparse(node.target), node.value
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
        yield from zip(map(ast.unparse, node.targets[0].elts), node.value.elts, strict=True)
    elif isinstance(node, ast.Assign):
        yield ast.unparse(node.targets[0]), node.value


def _numbers(value: ast.expr) -> list[float]:
    expression = ast.fix_missing_locations(ast.Expression(value))
    found = eval(compile(expression, "<constant>", "eval"), {"__builtins__": {}, "timedelta": timedelta})
    several = found if isinstance(found, tuple) else (found,)
    return [one.total_seconds() if isinstance(one, timedelta) else float(one) for one in several]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    """Follow each relative link of a page."""
    wrong: list[str] = []
    for link in _LINK.findall(_CODE.sub("", _FENCE.sub("", text_of(page)))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_every_path_that_a_page_names_exists() -> None:
    """Look for each module, folder and test that a page names."""
    missing = {path for page in PAGES for path in named(page) if not (ROOT / path).exists()}
    assert missing == set()


def test_every_constant_in_a_table_has_the_value_that_the_code_gives_it() -> None:
    """Compare the tables of constants with the modules that they name."""
    wrong: list[tuple[str, str, str, list[float]]] = []
    for name, value, path in constants():
        module = ROOT / path
        if not module.exists():
            wrong.append((name, path, value, []))
        elif (found := numbers_of(module, name)) != numbers_told(value):
            wrong.append((name, path, value, found))
    assert wrong == []
