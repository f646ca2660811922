"""Rows as models, each by itself: one that makes no sense holds up nobody but whom it belongs to.

What was read of many rows has a `Malformed` in the place of such a row; what was read of one raises it. Whoever works with the rows
decides what waits until it is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TypeVar

from shared.store.table import Item

T = TypeVar("T")
Address = tuple[str, str]
"""A row's (pk, sk)."""


class Malformed(Exception):
    """A row that makes no sense. Says which it is and the kind of fault, for the log: nothing of what is in it."""

    def __init__(self, row: Item, fault: Exception) -> None:
        super().__init__(f"{row['pk']} {row['sk']}: {type(fault).__name__}")


def of_row(parse: Callable[[Item], T]) -> Callable[[Item], T]:
    """Have what parses a row raise Malformed, and nothing else."""

    @wraps(parse)
    def parsed(row: Item) -> T:
        try:
            return parse(row)
        except Malformed:
            raise
        except Exception as fault:  # the edge of a row; its own words may quote what is in it
            raise Malformed(row, fault) from None

    return parsed


def each(parse: Callable[[Item], T], rows: Iterable[Item]) -> Iterator[T | Malformed]:
    """Yield what rows hold, or what is wrong with them."""
    for row in rows:
        try:
            found: T | Malformed = parse(row)
        except Malformed as fault:
            found = fault
        yield found


def fault_of(error: Exception) -> str:
    """Return what a log says of any error: its kind, and of a row that makes no sense which it is."""
    return str(error) if isinstance(error, Malformed) else type(error).__name__


def address_of(key: Mapping[str, str]) -> Address:
    """Return the address of a row by its key."""
    return key["pk"], key["sk"]
