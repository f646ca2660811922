"""The capacity units that AWS bills for on-demand tables.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from testing.fake_aws.expressions.words import Item

READ_BYTES, WRITE_BYTES = 4096, 1024


def read_units(*items: Item) -> int:
    """Return the units of one read of these items, by their sum: at least one."""
    return max(1, -(-sum(3 + size(item) for item in items) // READ_BYTES))


def write_units(*items: Item | None) -> int:
    """Return the units of one write, by the larger of the item before and after it: at least one."""
    return max([1, *(-(-size(item) // WRITE_BYTES) for item in items if item)])


def size(item: Item) -> int:
    """Return an item's size as DynamoDB counts it, roughly: names and values in bytes, numbers by their digits."""
    return sum(_bytes(name) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _bytes(content)
        case "N":
            return len(content) // 2 + 1
        case "B":
            return len(content)
        case "L":
            return 3 + sum(1 + _size(each) for each in content)
        case "M":
            return 3 + sum(1 + _bytes(name) + _size(each) for name, each in content.items())
        case "SS" | "NS":
            return _sum(content)
        case _:
            return 1


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _sum(texts: Iterable[str]) -> int:
    return sum(map(_bytes, texts))
