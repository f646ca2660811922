"""The items of one partition key, in the order of their sort keys, of a table or of an index."""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from testing.fake_aws.expressions.key_conditions import Within
from testing.fake_aws.expressions.words import Item

Place = tuple[str, ...]
"""A sort key; in an index, where several items may have one, with the table's keys behind it."""


class ItemCollection:
    """Finds a range of items without a look at the others."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._items: dict[Place, Item] = {}

    def get(self, place: Place) -> Item | None:
        """Return an item."""
        return self._items.get(place)

    def put(self, place: Place, item: Item) -> None:
        """Add or replace an item."""
        if place not in self._items:
            bisect.insort(self._places, place)
        self._items[place] = item

    def remove(self, place: Place) -> None:
        """Remove an item that is there."""
        del self._items[place]
        del self._places[bisect.bisect_left(self._places, place)]

    def between(self, first: str, within: Within, *, reverse: bool) -> Iterator[Item]:
        """Yield the items from a sort key on for as long as theirs are within."""
        begin = bisect.bisect_left(self._places, (first,))
        end = bisect.bisect_left(self._places, True, begin, key=lambda place: not within(place[0]))
        for number in reversed(range(begin, end)) if reverse else range(begin, end):
            yield self._items[self._places[number]]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())
