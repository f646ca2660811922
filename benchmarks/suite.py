"""Rows that are measured together, and how the suites are composed into one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.row import Row


@dataclass(frozen=True)
class Suite:
    """`measure` is told which of `names` are wanted, and returns at least those."""

    names: Sequence[str]
    measure: Callable[[frozenset[str], BenchmarkEnvironment], Iterable[Row]]


class NoSuchRow(Exception):
    """An unknown row was asked for. The message lists the rows."""


def chosen(suites: Sequence[Suite], wanted: Sequence[str]) -> frozenset[str]:
    """Return the names of the wanted rows: all, where none is named. Raises NoSuchRow."""
    known = [name for suite in suites for name in suite.names]
    if unknown := [name for name in wanted if name not in known]:
        raise NoSuchRow(f"no such row: {', '.join(unknown)}; there are: {', '.join(known)}")
    return frozenset(wanted or known)


def measured(suites: Sequence[Suite], names: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield the rows of these names as they are measured, in the suites' order. Nothing is started for a suite without any."""
    for suite in suites:
        if mine := names.intersection(suite.names):
            yield from (row for row in suite.measure(mine, environment) if row.name in mine)
