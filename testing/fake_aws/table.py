"""One DynamoDB table and its indexes. TTL is off: no item expires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from testing.fake_aws.capacity import read_units, write_units
from testing.fake_aws.expressions.conditions import holds
from testing.fake_aws.expressions.key_conditions import key_query, projected
from testing.fake_aws.expressions.updates import changed
from testing.fake_aws.expressions.words import Item, check_placeholders
from testing.fake_aws.index import INDEXES, Index, IndexData
from testing.fake_aws.item_collection import ItemCollection, Place
from testing.fake_aws.service import Answer, NotSupported, Request, RequestRefused

MOST_WRITE_UNITS = 400
"""An item has 400 KB at most."""


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
        """Return the item under a key; raises RequestRefused where the request's condition does not hold for it."""
        before = self._found(key)
        values, names = request.get("ExpressionAttributeValues", {}), request.get("ExpressionAttributeNames", {})
        if not holds(request.get("ConditionExpression"), before or {}, values, names):
            showing = _allows(request, "ReturnValuesOnConditionCheckFailure", "ALL_OLD") and before
            shown: dict[str, Any] = {"Item": dict(before)} if showing and before else {}
            raise RequestRefused("ConditionalCheckFailedException", "The conditional request failed", **shown)
        return before

    def _found(self, key: Item) -> Item | None:
        pk, place = _address(key)
        collection = self._collections.get(pk)
        return collection.get(place) if collection else None

    def _write(self, before: Item | None, item: Item) -> None:
        if self._units is not None and write_units(item) > MOST_WRITE_UNITS:
            raise RequestRefused("ValidationException", "Item size has exceeded the maximum allowed size")
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


def _address(key: Item) -> tuple[str, Place]:
    return key["pk"]["S"], (key["sk"]["S"],)


def _allows(request: Request, parameter: str, supported: str) -> bool:
    """Tell whether a parameter has the value that is supported; raises NotSupported for another."""
    value = request.get(parameter, "NONE")
    if value not in {"NONE", supported}:
        raise NotSupported(f"{parameter} {value}")
    return bool(value == supported)
