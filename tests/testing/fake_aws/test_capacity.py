"""The capacity units of the fake are those that AWS bills."""

from __future__ import annotations

from typing import Any

import pytest

from shared.store.attribute_values import to_wire
from testing.fake_aws.capacity import size
from testing.fake_aws.dynamodb import DELIVERIES, FakeDynamoDb


@pytest.mark.parametrize(
    ("acts", "units"),
    [
        ([("GetItem", {"Key": {"pk": "p", "sk": "1"}, "ConsistentRead": True})], {"half read": 2}),
        ([("GetItem", {"Key": {"pk": "p", "sk": "1"}})], {"half read": 1}),
        ([("PutItem", {"Item": {"pk": "p", "sk": "1", "text": "x" * 1100}})], {"write": 2}),
        ([("PutItem", {"Item": {"pk": "p", "sk": "1", "listed": "l", "listed_at": "1"}})], {"write": 1, "index write": 1}),
        (
            [("PutItem", {"Item": {"pk": "p", "sk": "1", "listed": listed, "listed_at": "1"}}) for listed in ("l", "m")],
            {"write": 2, "index write": 3},
        ),
    ],
)
def test_units_are_counted_as_aws_bills_them(acts: list[tuple[str, dict[str, Any]]], units: dict[str, int]) -> None:
    """Reads by 4 kB, writes by 1 kB, and an index is written for what it shows: twice where an item moves in it."""
    dynamodb = FakeDynamoDb(metered=True)
    for operation, request in acts:
        wired = {name: to_wire(value) if name in {"Key", "Item"} else value for name, value in request.items()}
        dynamodb.answer(operation, {"TableName": DELIVERIES, **wired})
    assert dynamodb.units == units


def test_a_transaction_writes_twice() -> None:
    """It prepares and commits, and both are billed."""
    dynamodb = FakeDynamoDb(metered=True)
    put = {"Put": {"TableName": DELIVERIES, "Item": to_wire({"pk": "p", "sk": "1"})}}
    dynamodb.answer("TransactWriteItems", {"TransactItems": [put]})
    assert dynamodb.units == {"write": 2}


def test_an_items_size_is_that_of_its_names_and_values() -> None:
    """As AWS documents it, to the byte where that is exact."""
    assert size(to_wire({"pk": "ab", "sk": "ü", "yes": True})) == 2 + 2 + 2 + 2 + 3 + 1
