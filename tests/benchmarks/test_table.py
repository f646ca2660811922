"""Rows, their goals, and which of them a run measures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import SUITES
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.row import Goal, Row, table
from benchmarks.suite import NoSuchRow, Suite, chosen, measured
from local.start_progress import silent


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("value", "<=", 2), True),
        (Goal("value", "<=", 1.9), False),
        (Goal("ratio", ">=", 5), True),
        (Goal("ratio", ">=", 5.1), False),
        (None, None),
    ],
)
def test_a_goal_bounds_the_value_or_the_ratio(goal: Goal | None, met: bool | None) -> None:
    """The bound itself is good enough; no goal is neither met nor missed."""
    assert Row("x", 2, "ms", 5, "y", goal).met is met


def test_a_ratio_that_was_not_measured_misses_its_goal() -> None:
    """Nothing measured is nothing proved."""
    assert Row("x", 2, "ms", goal=Goal("ratio", "<=", 1)).met is False


def test_a_row_is_written_with_all_its_fields() -> None:
    """The file holds JSON's own types; the table says the same in words."""
    row = Row("x", 2.00049, "ms", 5, "y", Goal("ratio", "<=", 1.15))
    written = {"name": "x", "value": 2.0, "unit": "ms", "ratio": 5, "against": "y", "goal": "ratio <= 1.15", "met": False}
    assert json.loads(json.dumps(row.to_json())) == written
    assert table([row]).splitlines()[1].split() == ["x", "2.00", "ms", "5.00", "y", "ratio", "<=", "1.15", "MISSED"]


def test_only_what_is_wanted_is_measured(tmp_path: Path) -> None:
    """A suite without a wanted row does nothing, and rows that came along are left out."""

    def two(wanted: frozenset[str], _: BenchmarkEnvironment) -> Iterator[Row]:
        assert wanted == {"a"}
        yield Row("a", 1, "ms")
        yield Row("b", 1, "ms")

    def never(_: frozenset[str], __: BenchmarkEnvironment) -> Iterator[Row]:
        raise AssertionError

    suites = (Suite(("a", "b"), two), Suite(("c",), never))
    with BenchmarkEnvironment(tmp_path, silent) as environment:
        assert [row.name for row in measured(suites, chosen(suites, ["a"]), environment)] == ["a"]


def test_an_unknown_row_is_refused_with_those_there_are() -> None:
    """A misspelt name must not look like a quick success."""
    with pytest.raises(NoSuchRow, match="send_listener_0ms"):
        chosen(SUITES, ["send_listener_0"])


def test_names_are_unique() -> None:
    """A name is how a row is asked for."""
    names = [name for suite in SUITES for name in suite.names]
    assert len(names) == len(set(names))
    assert chosen(SUITES, []) == set(names)
