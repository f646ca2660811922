"""DynamoDB in this process: tables with their indexes, and the units that AWS would bill for what was asked of them.

An index shows an item as soon as it is written. Units are those of on-demand tables:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.expressions import Item, changed, holds
from shared.store import keys

Request = dict[str, Any]
Answer = dict[str, Any]
READ_BYTES, WRITE_BYTES = 4096, 1024
INDEXES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    keys.BY_OWNER: ("owner", "pk", ("epoch",)),
    keys.BY_STATUS: ("listed", "listed_at", ("status", "chat", "received_at", "at", "made", "last", "reason")),
    keys.BY_DUE: ("due_shard", "due_at", ()),
}
"""Partition key, sort key and what an index shows beside the keys (infra_cdk/data.py)."""


class Refused(Exception):
    """An error answer of AWS: its code, its message and fields beside them."""

    def __init__(self, code: str, message: str = "", **fields: Any) -> None:
        super().__init__(code)
        self.code, self.message, self.fields = code, message, fields


class QuickTables:
    """The tables of one account, each there when it is first asked for. `units`: read, write and index write units so far."""

    def __init__(self) -> None:
        self.units: Counter[str] = Counter()
        self._tables: dict[str, QuickTable] = {}
        self.operations: dict[str, Callable[[Request], Answer]] = {
            "GetItem": lambda request: self._of(request).get(request),
            "PutItem": lambda request: self._of(request).put(request),
            "UpdateItem": lambda request: self._of(request).update(request),
            "DeleteItem": lambda request: self._of(request).delete(request),
            "Query": lambda request: self._of(request).query(request),
            "BatchGetItem": self._get_many,
            "BatchWriteItem": self._write_many,
            "TransactWriteItems": self._write_all,
        }

    def _of(self, request: Request) -> QuickTable:
        return self._named(request["TableName"])

    def _named(self, name: str) -> QuickTable:
        if name not in self._tables:
            self._tables[name] = QuickTable(self.units)
        return self._tables[name]

    def _get_many(self, request: Request) -> Answer:
        found: dict[str, list[Item]] = {}
        for name, asked in request["RequestItems"].items():
            answers = (self._named(name).get({**asked, "Key": key}) for key in asked["Keys"])
            found[name] = [answer["Item"] for answer in answers if answer]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _write_many(self, request: Request) -> Answer:
        for name, acts in request["RequestItems"].items():
            for kind, one in (next(iter(act.items())) for act in acts):
                self.operations[f"{kind.removesuffix('Request')}Item"]({**one, "TableName": name})
        return {"UnprocessedItems": {}}

    def _write_all(self, request: Request) -> Answer:
        acts = [next(iter(act.items())) for act in request["TransactItems"]]
        try:
            for kind, act in acts:
                self._of(act).check(act, act["Item"] if kind == "Put" else act["Key"])
        except Refused as refused:
            reasons = {"CancellationReasons": [{"Code": "ConditionalCheckFailed"}]}
            raise Refused("TransactionCanceledException", "[ConditionalCheckFailed]", **reasons) from refused
        before = self.units["write"]
        for kind, act in acts:
            if kind != "ConditionCheck":
                self.operations[f"{kind}Item"](act)
        self.units["write"] += self.units["write"] - before  # a transaction writes twice: it prepares and commits
        return {}


class QuickTable:
    """One table and its indexes."""

    def __init__(self, units: Counter[str]) -> None:
        self._units = units
        self._partitions: dict[str, dict[str, Item]] = {}
        self._indexes: dict[str, dict[str, dict[str, Item]]] = {name: {} for name in INDEXES}

    def get(self, request: Request) -> Answer:
        """Read an item."""
        item = self._found(request["Key"])
        self._has_read([item] if item else [], request)
        return {"Item": item} if item else {}

    def put(self, request: Request) -> Answer:
        """Write a whole item."""
        self.check(request, request["Item"])
        self._write(request["Item"])
        return {}

    def update(self, request: Request) -> Answer:
        """Change an item."""
        before = self.check(request, request["Key"])
        update = request.get("UpdateExpression", "")
        values, names = request.get("ExpressionAttributeValues", {}), request.get("ExpressionAttributeNames", {})
        after = changed(update, {**request["Key"], **(before or {})}, values, names)
        self._write(after)
        return {"Attributes": after} if request.get("ReturnValues") == "ALL_NEW" else {}

    def delete(self, request: Request) -> Answer:
        """Remove an item."""
        before = self.check(request, request["Key"])
        self._has_written(before, None)
        if before:
            del self._partitions[before["pk"]["S"]][before["sk"]["S"]]
            self._index(before, None)
        return {}

    def query(self, request: Request) -> Answer:
        """Read a partition of the table or of an index, in order."""
        condition, names = request["KeyConditionExpression"], request.get("ExpressionAttributeNames", {})
        values = request["ExpressionAttributeValues"]
        partition = values[condition.partition("= ")[2].partition(" ")[0].strip("()")]["S"]  # our stores name the partition first
        index = request.get("IndexName")
        items = (self._indexes[index] if index else self._partitions).get(partition, {})
        found = [items[place] for place in sorted(items) if holds(condition, items[place], values, names)]
        if not request.get("ScanIndexForward", True):
            found.reverse()
        found = found[: request.get("Limit", len(found))]
        self._has_read(found, request)
        return {"Items": found}

    def check(self, request: Request, key: Item) -> Item | None:
        """Return what lies under a key; raises Refused where a request's condition does not hold for it."""
        before = self._found(key)
        values, names = request.get("ExpressionAttributeValues", {}), request.get("ExpressionAttributeNames", {})
        if not holds(request.get("ConditionExpression"), before or {}, values, names):
            shown: dict[str, Any] = {"Item": before} if before and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
            raise Refused("ConditionalCheckFailedException", "the condition does not hold", **shown)
        return before

    def _found(self, key: Item) -> Item | None:
        return self._partitions.get(key["pk"]["S"], {}).get(key["sk"]["S"])

    def _write(self, item: Item) -> None:
        before = self._found(item)
        self._has_written(before, item)
        self._partitions.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
        self._index(before, item)

    def _index(self, before: Item | None, after: Item | None) -> None:
        for name, (partition, sort, carried) in INDEXES.items():
            was, now = (_place(item, partition, sort) for item in (before, after))
            rows = self._indexes[name]
            old = rows.get(was[0], {}).pop(was[1], None) if was else None
            new = _projected(after, (partition, sort, *carried)) if after and now else None
            if new and now:
                rows.setdefault(now[0], {})[now[1]] = new
            if old != new:
                self._units["index write"] += (
                    units([one for one in (old, new) if one], WRITE_BYTES)
                    if was == now
                    else sum(units([one], WRITE_BYTES) for one in (old, new) if one)
                )

    def _has_read(self, items: list[Item], request: Request) -> None:
        self._units["half read"] += units([{"all": {"L": [{"M": item} for item in items]}}], READ_BYTES) * (
            2 if request.get("ConsistentRead") else 1
        )

    def _has_written(self, before: Item | None, after: Item | None) -> None:
        self._units["write"] += units([one for one in (before, after) if one], WRITE_BYTES)


def units(items: Iterable[Item], unit_bytes: int) -> int:
    """Return what the largest of these items counts for: at least one unit, also where there is none."""
    return max([1, *(-(-size(item) // unit_bytes) for item in items)])


def size(item: Item) -> int:
    """Return an item's size as DynamoDB counts it, roughly: names and values in bytes, numbers by their digits."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content) // 2 + 1
        case "B":
            return len(content) * 3 // 4
        case "L":
            return 3 + sum(1 + _size(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(one) for name, one in content.items())
        case "SS" | "NS" | "BS":
            return sum(map(len, content))
        case _:
            return 1


def _place(item: Item | None, partition: str, sort: str) -> tuple[str, str] | None:
    if not item or partition not in item or sort not in item:
        return None
    return item[partition]["S"], f"{item[sort]['S']} {item['pk']['S']} {item['sk']['S']}"


def _projected(item: Item, names: tuple[str, ...]) -> Item:
    return {name: item[name] for name in ("pk", "sk", *names) if name in item}
