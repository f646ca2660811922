"""Parses rows into models, each by itself, so that a malformed row affects only its own tenant or event.

A read of many rows has a `Malformed` in the place of such a row. A read of a single row raises it. The caller decides what has to wait
until the row is mended.
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
    """A row that cannot be parsed. For the log, the text has the row's key and the kind of fault, and nothing of its content."""

    def __init__(self, row: Item, fault: Exception) -> None:
        super().__init__(f"{row['pk']} {row['sk']}: {type(fault).__name__}")


def of_row(parse: Callable[[Item], T]) -> Callable[[Item], T]:
    """Make a parser raise Malformed in the place of any other exception."""

    @wraps(parse)
    def parsed(row: Item) -> T:
        try:
            return parse(row)
        except Malformed:
            raise
        except Exception as fault:  # the error's text may quote the row
            raise Malformed(row, fault) from None

    return parsed


def each(parse: Callable[[Item], T], rows: Iterable[Item]) -> Iterator[T | Malformed]:
    """Yield the value of each row, or its fault."""
    for row in rows:
        try:
            found: T | Malformed = parse(row)
        except Malformed as fault:
            found = fault
        yield found


def fault_of(error: Exception) -> str:
    """Return the text of an error for the log: its class, and for a malformed row its key."""
    return str(error) if isinstance(error, Malformed) else type(error).__name__


def address_of(key: Mapping[str, str]) -> Address:
    """Return the address of a row by its key."""
    return key["pk"], key["sk"]
