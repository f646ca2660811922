"""A DynamoDB table for the stores: items are plain dicts, and a failed condition is an exception of its own.

It uses clients of botocore, which are thread-safe: the listener calls them on threads. A write may still be applied
after its caller was cancelled or gave up. Every conditional write in the stores is designed for that.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.store.attribute_values import from_wire, to_wire

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
BATCH = 25
"""BatchWriteItem: at most 25 items in one request."""
_BATCH_TRIES = 5
_THROTTLED_S = 0.05
"""Doubled with each try: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html asks for a back-off."""
_LOST = ("ConditionalCheckFailed", "TransactionConflict")


class ConditionFailed(Exception):
    """The condition of a write failed. `item` is the item as it is, if the write asked for it."""

    def __init__(self, item: Item | None = None) -> None:
        super().__init__("condition failed")
        self.item = item


class StoreUnavailable(Exception):
    """DynamoDB did not answer in time, or failed. A write may or may not have been applied."""


class Contended(StoreUnavailable):
    """A transaction was at the item. The write was not applied; it can be tried again at once."""


@dataclass(frozen=True)
class Put:
    """A write of a whole item in a transaction."""

    item: Item
    condition: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Update:
    """A change of an item in a transaction."""

    key: Mapping[str, str]
    update: str
    values: Mapping[str, Any] = field(default_factory=dict)
    condition: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delete:
    """A removal of an item in a transaction."""

    key: Mapping[str, str]
    condition: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConditionCheck:
    """A condition in a transaction, on an item that the transaction does not change."""

    key: Mapping[str, str]
    condition: str
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


Write = Put | Update | Delete | ConditionCheck


class Table:
    """One table."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self.client = client
        self.name = name

    def get(self, key: Mapping[str, str], *, consistent: bool = True) -> Item | None:
        """Return an item, or None."""
        answer = self._call("get_item", TableName=self.name, Key=to_wire(key), ConsistentRead=consistent)
        return from_wire(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys_: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], Item]:
        """Return the existing items of up to 100 keys, by (pk, sk), in one consistent request (in more if DynamoDB throttles).

        Repeated keys are sent once, because DynamoDB refuses a request that has a key twice.
        """
        return self._get([(self, keys_)])[self.name]

    def get_many_with(
        self, keys_: Iterable[Mapping[str, str]], other: Table, other_keys: Iterable[Mapping[str, str]]
    ) -> tuple[dict[tuple[str, str], Item], dict[tuple[str, str], Item]]:
        """Return items of this table and of another as `get_many` does, up to 100 together, in one request."""
        found = self._get([(self, keys_), (other, other_keys)])
        return found[self.name], found[other.name]

    def _get(self, asked: Iterable[tuple[Table, Iterable[Mapping[str, str]]]]) -> dict[str, dict[tuple[str, str], Item]]:
        unique: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
        for table, keys_ in asked:
            unique.setdefault(table.name, {}).update({(key["pk"], key["sk"]): to_wire(key) for key in keys_})
        found: dict[str, dict[tuple[str, str], Item]] = {name: {} for name in unique}
        wanted: dict[str, Any] = {name: {"Keys": [*keys_.values()], "ConsistentRead": True} for name, keys_ in unique.items() if keys_}
        while wanted:
            answer = self._call("batch_get_item", RequestItems=wanted)
            for name, items in answer["Responses"].items():
                found[name] |= {(item["pk"], item["sk"]): item for item in map(from_wire, items)}
            wanted = answer.get("UnprocessedKeys") or {}
        return found

    def query(self, condition: str, values: Mapping[str, Any], **options: Any) -> Iterator[Item]:
        """Yield a query's items, page after page."""
        request = {"TableName": self.name, "KeyConditionExpression": condition, "ExpressionAttributeValues": to_wire(values), **options}
        while True:
            answer = self._call("query", **request)
            yield from map(from_wire, answer["Items"])
            if "LastEvaluatedKey" not in answer or "Limit" in options:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, item: Item, condition: str | None = None, values: Mapping[str, Any] | None = None) -> None:
        """Write a whole item; raises ConditionFailed."""
        request: dict[str, Any] = {"TableName": self.name, "Item": to_wire(item)}
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            request["ExpressionAttributeValues"] = to_wire(values)
        self._call("put_item", **request)

    def update(
        self,
        key: Mapping[str, str],
        update: str,
        values: Mapping[str, Any],
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """Change an item, and return all of it; raises ConditionFailed with the item as it is."""
        request: dict[str, Any] = {"TableName": self.name, "Key": to_wire(key), "UpdateExpression": update, "ReturnValues": "ALL_NEW"}
        if values:
            request["ExpressionAttributeValues"] = to_wire(values)
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        return from_wire(self._call("update_item", **request).get("Attributes", {}))

    def delete(self, key: Mapping[str, str], condition: str | None = None, values: Mapping[str, Any] | None = None) -> None:
        """Remove an item, if it exists; raises ConditionFailed."""
        request: dict[str, Any] = {"TableName": self.name, "Key": to_wire(key)}
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            request["ExpressionAttributeValues"] = to_wire(values)
        self._call("delete_item", **request)

    def put_many(self, items: Iterable[Item]) -> set[tuple[str, str]]:
        """Write up to 25 whole items, independently, in one request. Return the keys of the items that DynamoDB did not write."""
        return self._write_many([{"PutRequest": {"Item": to_wire(item)}} for item in items])

    def delete_many(self, items: Iterable[Mapping[str, str]]) -> None:
        """Remove any number of items, 25 in a request. If it raises or dies, the rest remain. Safe to run twice."""
        left = iter(items)
        while some := [{"pk": item["pk"], "sk": item["sk"]} for item in islice(left, BATCH)]:
            while some:
                refused = self._write_many([{"DeleteRequest": {"Key": to_wire(key)}} for key in some])
                if len(refused) == len(some):
                    raise StoreUnavailable("batch_write_item: nothing taken")
                some = [{"pk": pk, "sk": sk} for pk, sk in refused]

    def put_all(self, items: Iterable[Item], condition: str) -> None:
        """Write up to 100 items, all or none, each under the same condition; raises ConditionFailed."""
        puts = [{"Put": {"TableName": self.name, "Item": to_wire(item), "ConditionExpression": condition}} for item in items]
        self._call("transact_write_items", TransactItems=puts)

    def transact(self, writes: Sequence[Write]) -> None:
        """Do up to 100 writes, all or none; raises ConditionFailed if a condition failed, or another write to an item was under way."""
        self._call("transact_write_items", TransactItems=[self._in_transaction(write) for write in writes])

    def put_each(self, items: Iterable[Item]) -> None:
        """Write any number of whole items, independently; of two with the same key the last stays.

        If it raises StoreUnavailable, some may be written.
        """
        left = {(item["pk"], item["sk"]): item for item in items}
        for tried in range(_BATCH_TRIES):
            waiting, refused = iter(left.values()), set[tuple[str, str]]()
            while batch := list(islice(waiting, BATCH)):
                refused |= self.put_many(batch)
            if not refused:
                return
            left = {key: left[key] for key in refused}
            time.sleep(_THROTTLED_S * 2**tried)
        raise StoreUnavailable("batch_write_item: unprocessed")

    def _write_many(self, requests: list[dict[str, Any]]) -> set[tuple[str, str]]:
        if not requests:
            return set()
        answer = self._call("batch_write_item", RequestItems={self.name: requests})
        refused = answer.get("UnprocessedItems", {}).get(self.name, [])
        keys = [from_wire(one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"]) for one in refused]
        return {(key["pk"], key["sk"]) for key in keys}

    def _in_transaction(self, write: Write) -> dict[str, Any]:
        request: dict[str, Any] = {"TableName": self.name}
        if write.condition:
            request["ConditionExpression"] = write.condition
        if write.values:
            request["ExpressionAttributeValues"] = to_wire(write.values)
        if not isinstance(write, Put) and write.names:
            request["ExpressionAttributeNames"] = dict(write.names)
        match write:
            case Put():
                return {"Put": {**request, "Item": to_wire(write.item)}}
            case Update():
                return {"Update": {**request, "Key": to_wire(write.key), "UpdateExpression": write.update}}
            case Delete():
                return {"Delete": {**request, "Key": to_wire(write.key)}}
            case ConditionCheck():
                return {"ConditionCheck": {**request, "Key": to_wire(write.key)}}

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self.client, operation)(**request)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code == "ConditionalCheckFailedException":
                old: Any = error.response.get("Item")
                raise ConditionFailed(from_wire(old) if old else None) from error
            if code == "TransactionCanceledException" and any(reason in str(error) for reason in _LOST):
                raise ConditionFailed from error
            if code == "TransactionConflictException":
                raise Contended(operation) from error
            raise StoreUnavailable(f"{operation}: {code}") from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"{operation}: {type(error).__name__}") from error
