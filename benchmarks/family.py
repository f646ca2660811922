"""Rows that are measured together, and how the families are composed into one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.row import Row
from benchmarks.surroundings import Surroundings


@dataclass(frozen=True)
class Family:
    """`measure` is told which of `names` are wanted, and returns at least those."""

    names: Sequence[str]
    measure: Callable[[frozenset[str], Surroundings], Iterable[Row]]


class NoSuchRow(Exception):
    """A row was asked for that nobody measures; the message lists those there are."""


def chosen(families: Sequence[Family], wanted: Sequence[str]) -> frozenset[str]:
    """Return the names of the wanted rows: all, where none is named. Raises NoSuchRow."""
    known = [name for family in families for name in family.names]
    if unknown := [name for name in wanted if name not in known]:
        raise NoSuchRow(f"no such row: {', '.join(unknown)}; there are: {', '.join(known)}")
    return frozenset(wanted or known)


def measured(families: Sequence[Family], names: frozenset[str], surroundings: Surroundings) -> Iterator[Row]:
    """Yield the rows of these names as they are measured, in the families' order. Nothing is started for a family without any."""
    for family in families:
        if mine := names.intersection(family.names):
            yield from (row for row in family.measure(mine, surroundings) if row.name in mine)
