"""One DynamoDB table and its indexes. TTL is off: no item expires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.store import keys
from testing.fake_aws.capacity import read_units, write_units
from testing.fake_aws.expressions.conditions import holds
from testing.fake_aws.expressions.key_conditions import key_query, projected
from testing.fake_aws.expressions.updates import changed
from testing.fake_aws.expressions.words import Item, check_placeholders
from testing.fake_aws.item_collection import ItemCollection, Place
from testing.fake_aws.service import Answer, NotSupported, Refused, Request

MOST_WRITE_UNITS = 400
"""An item has 400 KB at most."""


@dataclass(frozen=True)
class Index:
    """A global secondary index: its keys, and the attributes that it shows beside the keys (infra_cdk/data.py)."""

    partition_key: str
    sort_key: str
    shown: tuple[str, ...] = ()


INDEXES = {
    keys.BY_OWNER: Index("owner", "pk", ("epoch",)),
    keys.BY_STATUS: Index("listed", "listed_at", ("status", "chat", "received_at", "at", "made", "last", "reason")),
    keys.BY_DUE: Index("due_shard", "due_at"),
}


class FakeTable:
    """Its indexes show a write at once, or, while they are `lagging`, when they `catch_up`. `units`: what AWS would bill, if counted."""

    def __init__(self, units: Counter[str] | None) -> None:
        self._units = units
        self._collections: dict[str, ItemCollection] = {}
        self._indexes = {name: IndexData(index) for name, index in INDEXES.items()}
        self._lagging = False
        self._behind: list[tuple[Item | None, Item | None]] = []

    @property
    def lagging(self) -> bool:
        """Whether the indexes stand still."""
        return self._lagging

    @lagging.setter
    def lagging(self, lagging: bool) -> None:
        self.catch_up()
        self._lagging = lagging

    def catch_up(self) -> None:
        """Have the indexes show the table as it is now."""
        for before, after in self._behind:
            self._index(before, after)
        self._behind.clear()

    def __iter__(self) -> Iterator[Item]:
        for collection in self._collections.values():
            yield from collection

    def get(self, request: Request) -> Answer:
        """Read an item."""
        item = self.read(request)
        return {"Item": item} if item else {}

    def read(self, request: Request) -> Item | None:
        """Return an item, or None."""
        item = self._found(request["Key"])
        self._has_read([item] if item else [], request)
        return dict(item) if item else None

    def put(self, request: Request) -> Answer:
        """Write a whole item."""
        check_placeholders(request, request.get("ConditionExpression"))
        self._write(self.check(request, request["Item"]), dict(request["Item"]))
        return {}

    def update(self, request: Request) -> Answer:
        """Change an item."""
        update = request["UpdateExpression"]
        check_placeholders(request, request.get("ConditionExpression"), update)
        before = self.check(request, request["Key"])
        values, names = request.get("ExpressionAttributeValues", {}), request.get("ExpressionAttributeNames", {})
        after = changed(update, {**request["Key"], **(before or {})}, values, names)
        self._write(before, after)
        return {"Attributes": dict(after)} if _allows(request, "ReturnValues", "ALL_NEW") else {}

    def delete(self, request: Request) -> Answer:
        """Remove an item, if it is there."""
        check_placeholders(request, request.get("ConditionExpression"))
        before = self.check(request, request["Key"])
        self._count("write", before)
        if before:
            pk, place = _address(before)
            self._collections[pk].remove(place)
            self._reindex(before, None)
        return {}

    def query(self, request: Request) -> Answer:
        """Read the items of a partition of the table or of an index, in order, all in one page."""
        expression, projection = request["KeyConditionExpression"], request.get("ProjectionExpression")
        check_placeholders(request, expression, projection)
        names = request.get("ExpressionAttributeNames", {})
        asked = key_query(expression, request["ExpressionAttributeValues"], names)
        name = request.get("IndexName")
        index, collections = self._indexes[name].searched(request) if name else (Index("pk", "sk"), self._collections)
        if asked.partition_key != index.partition_key or asked.sort_key not in {None, index.sort_key}:
            raise NotSupported(f"a query by {asked.partition_key} and {asked.sort_key}")
        collection = collections.get(asked.partition, ItemCollection())
        found = collection.between(asked.first, asked.within, reverse=not request.get("ScanIndexForward", True))
        items = list(islice(found, request.get("Limit")))
        self._has_read(items, request)
        shown = [projected(projection, item, names) for item in items] if projection else [dict(item) for item in items]
        return {"Items": shown, "Count": len(shown)}

    def check(self, request: Request, key: Item) -> Item | None:
        """Return the item under a key; raises Refused where the request's condition does not hold for it."""
        before = self._found(key)
        values, names = request.get("ExpressionAttributeValues", {}), request.get("ExpressionAttributeNames", {})
        if not holds(request.get("ConditionExpression"), before or {}, values, names):
            showing = _allows(request, "ReturnValuesOnConditionCheckFailure", "ALL_OLD") and before
            shown: dict[str, Any] = {"Item": dict(before)} if showing and before else {}
            raise Refused("ConditionalCheckFailedException", "The conditional request failed", **shown)
        return before

    def _found(self, key: Item) -> Item | None:
        pk, place = _address(key)
        collection = self._collections.get(pk)
        return collection.get(place) if collection else None

    def _write(self, before: Item | None, item: Item) -> None:
        if self._units is not None and write_units(item) > MOST_WRITE_UNITS:
            raise Refused("ValidationException", "Item size has exceeded the maximum allowed size")
        for index in self._indexes.values():
            index.check(item)
        self._count("write", before, item)
        pk, place = _address(item)
        self._collections.setdefault(pk, ItemCollection()).put(place, item)
        self._reindex(before, item)

    def _reindex(self, before: Item | None, after: Item | None) -> None:
        if self._lagging:
            self._behind.append((before, after))
        else:
            self._index(before, after)

    def _index(self, before: Item | None, after: Item | None) -> None:
        for index in self._indexes.values():
            if index.shows(before) or index.shows(after):
                for change in index.change(before, after):
                    self._count("index write", *change)

    def _has_read(self, items: list[Item], request: Request) -> None:
        if self._units is not None:
            self._units["half read"] += read_units(*items) * (2 if request.get("ConsistentRead") else 1)

    def _count(self, kind: str, *items: Item | None) -> None:
        if self._units is not None:
            self._units[kind] += write_units(*items)


class IndexData:
    """The items that an index shows."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._names = ("pk", "sk", index.partition_key, index.sort_key, *index.shown)
        self._collections: dict[str, ItemCollection] = {}

    def searched(self, request: Request) -> tuple[Index, dict[str, ItemCollection]]:
        """Return the index and its partitions, for a query; raises Refused for a consistent read, which an index has not."""
        if request.get("ConsistentRead"):
            raise Refused("ValidationException", "Consistent reads are not supported on global secondary indexes")
        return self._index, self._collections

    def shows(self, item: Item | None) -> bool:
        """Tell whether an item has the index's keys."""
        return item is not None and self._index.partition_key in item and self._index.sort_key in item

    def check(self, item: Item) -> None:
        """Raise Refused for an index key that is no text."""
        for name in (self._index.partition_key, self._index.sort_key):
            if name in item and "S" not in item[name]:
                raise Refused("ValidationException", f"Type mismatch for Index Key {name}")

    def change(self, before: Item | None, after: Item | None) -> list[tuple[Item | None, Item | None]]:
        """Show an item as it is after a write instead of as it was before; return the writes to the index, as before and after."""
        old, new = (self._shown(item) for item in (before, after))
        if old == new:
            return []
        if old:
            self._collections[old[self._index.partition_key]["S"]].remove(self._place(old))
        if new:
            self._collections.setdefault(new[self._index.partition_key]["S"], ItemCollection()).put(self._place(new), new)
        moved = old and new and self._key(old) != self._key(new)
        return [(old, None), (None, new)] if moved else [(old, new)]

    def _shown(self, item: Item | None) -> Item | None:
        if item is None or not self.shows(item):
            return None
        return {name: item[name] for name in self._names if name in item}

    def _key(self, item: Item) -> tuple[str, str]:
        return item[self._index.partition_key]["S"], item[self._index.sort_key]["S"]

    def _place(self, item: Item) -> Place:
        return item[self._index.sort_key]["S"], item["pk"]["S"], item["sk"]["S"]


def _address(key: Item) -> tuple[str, Place]:
    return key["pk"]["S"], (key["sk"]["S"],)


def _allows(request: Request, parameter: str, supported: str) -> bool:
    """Tell whether a parameter has the value that is supported; raises NotSupported for another."""
    value = request.get(parameter, "NONE")
    if value not in {"NONE", supported}:
        raise NotSupported(f"{parameter} {value}")
    return bool(value == supported)
