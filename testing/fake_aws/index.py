"""The global secondary indexes of the tables (infra_cdk/data.py)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.store import keys
from testing.fake_aws.expressions.words import Item
from testing.fake_aws.item_collection import ItemCollection, Place
from testing.fake_aws.service import Request, RequestRefused


@dataclass(frozen=True)
class Index:
    """A global secondary index: its keys, and the attributes that it shows beside the keys."""

    partition_key: str
    sort_key: str
    shown: tuple[str, ...] = ()


INDEXES = {
    keys.BY_OWNER: Index("owner", "pk", ("epoch",)),
    keys.BY_STATUS: Index("listed", "listed_at", ("status", "chat", "received_at", "at", "made", "last", "reason")),
    keys.BY_DUE: Index("due_shard", "due_at"),
}


class IndexData:
    """The items that an index shows."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._names = ("pk", "sk", index.partition_key, index.sort_key, *index.shown)
        self._collections: dict[str, ItemCollection] = {}

    def searched(self, request: Request) -> tuple[Index, dict[str, ItemCollection]]:
        """Return the index and its partitions, for a query; raises RequestRefused for a consistent read, which an index has not."""
        if request.get("ConsistentRead"):
            raise RequestRefused("ValidationException", "Consistent reads are not supported on global secondary indexes")
        return self._index, self._collections

    def shows(self, item: Item | None) -> bool:
        """Tell whether an item has the index's keys."""
        return item is not None and self._index.partition_key in item and self._index.sort_key in item

    def check(self, item: Item) -> None:
        """Raise RequestRefused for an index key that is no text."""
        for name in (self._index.partition_key, self._index.sort_key):
            if name in item and "S" not in item[name]:
                raise RequestRefused("ValidationException", f"Type mismatch for Index Key {name}")

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
