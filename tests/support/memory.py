"""A table in memory, for tests that need thousands of writes and a say in when each is applied.

It reads the expressions that the stores send, so that what runs on it is the stores' own code with their own conditions. It is held to
the real table by tests/shared/test_memory_stores.py and by every test of tests/shared/test_ownership_rows.py.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore
from shared.store.table import ConditionFailed, Item, Table, from_wire, to_wire
from shared.store.workers import WorkerStore

_Address = tuple[str, str]
_CLAUSE = re.compile(r"(SET|REMOVE|ADD|DELETE) ")
_COMMA = re.compile(r", (?![^(]*\))")
_FALLBACK = re.compile(r"if_not_exists\((\S+), (\S+)\)")


class MemoryTable(Table):
    """One table and its index by owner; every write is applied at once, all of it or nothing.

    The index shows a write at once, or, while it is `lagging`, once it has been told to `catch_up`.
    """

    def __init__(self) -> None:
        self.lagging = False
        self._rows: dict[_Address, Item] = {}
        self._index: dict[_Address, Item] = {}
        self._lock = threading.RLock()

    def catch_up(self) -> None:
        """Have the index show the table as it is now."""
        self._index = dict(self._rows)

    def get(self, key: Mapping[str, str], *, consistent: bool = True) -> Item | None:
        """Return an item, or None."""
        row = self._rows.get(_address(key))
        return dict(row) if row else None

    def query(self, condition: str, values: Mapping[str, Any], **options: Any) -> Iterator[Item]:
        """Yield the items of one partition, of the table or of its index by owner; of the table also those whose sort key begins so."""
        condition, _, begins = condition.partition(" AND begins_with(sk, ")
        field, name = condition.split(" = ")
        rows = self._index if options.get("IndexName") == keys.BY_OWNER else self._rows
        field = options.get("ExpressionAttributeNames", {}).get(field, field)
        for address in sorted(rows):
            if rows[address].get(field) == values[name] and address[1].startswith(values.get(begins.rstrip(")"), "")):
                yield dict(rows[address])

    def put(self, item: Item, condition: str | None = None, values: Mapping[str, Any] | None = None) -> None:
        """Write a whole item; raises ConditionFailed."""
        with self._lock:
            self._check(item, condition, values or {}, {})
            self._write(_address(item), item)

    def update(
        self,
        key: Mapping[str, str],
        update: str,
        values: Mapping[str, Any],
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """Change an item and return all of it as it is now; raises ConditionFailed with what lay there instead."""
        with self._lock:
            self._check(key, condition, values, names or {})
            row = {**key, **self._rows.get(_address(key), {})}
            self._write(_address(key), _changed(row, update, values, names or {}))
            return dict(self._rows[_address(key)])

    def delete(self, key: Mapping[str, str], condition: str | None = None, values: Mapping[str, Any] | None = None) -> None:
        """Remove an item, if it is there; raises ConditionFailed."""
        with self._lock:
            self._check(key, condition, values or {}, {})
            self._rows.pop(_address(key), None)
            self._seen_by_index()

    def put_many(self, items: Iterable[Item]) -> set[_Address]:
        """Write whole items, each by itself; none is refused."""
        for item in items:
            self.put(item)
        return set()

    def delete_many(self, items: Iterable[Mapping[str, str]]) -> None:
        """Remove items."""
        for item in items:
            self.delete(item)

    def _check(self, key: Mapping[str, Any], condition: str | None, values: Mapping[str, Any], names: Mapping[str, str]) -> None:
        row = self._rows.get(_address(key))
        if condition and not _Condition(condition, row or {}, values, names).holds():
            raise ConditionFailed(dict(row) if row else None)

    def _write(self, address: _Address, row: Item) -> None:
        self._rows[address] = from_wire(to_wire(row))
        self._seen_by_index()

    def _seen_by_index(self) -> None:
        if not self.lagging:
            self.catch_up()


def _address(key: Mapping[str, Any]) -> _Address:
    return key["pk"], key["sk"]


def _changed(row: Item, update: str, values: Mapping[str, Any], names: Mapping[str, str]) -> Item:
    """Return a row after SET, REMOVE, ADD and DELETE (of sets); every right side is read from the row as it was."""
    words = _CLAUSE.split(update)[1:]
    changed = dict(row)
    for verb, changes in zip(words[::2], words[1::2], strict=True):
        for change in _COMMA.split(changes.strip()):
            target, _, source = change.partition(" = " if verb == "SET" else " ")
            field = names.get(target, target)
            match verb:
                case "SET" if fallback := _FALLBACK.fullmatch(source):
                    changed[field] = row.get(names.get(fallback[1], fallback[1]), values.get(fallback[2]))
                case "SET":
                    changed[field] = values[source]
                case "REMOVE":
                    changed.pop(field, None)
                case "ADD":
                    changed[field] = frozenset(row.get(field, ())) | values[source]
                case _:
                    changed[field] = frozenset(row.get(field, ())) - values[source]
    return changed


class _Condition:
    """A condition over one row: comparisons and attribute functions, joined by AND and OR, with brackets."""

    def __init__(self, text: str, row: Item, values: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self._words = re.findall(r"attribute_\w+\(\S+?\)|[()]|[^\s()]+", text)
        self._row = row
        self._values = values
        self._names = names

    def holds(self) -> bool:
        """Tell whether it does."""
        found = self._all()
        while self._words and self._words[0] == "OR":
            self._words.pop(0)
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._words and self._words[0] == "AND":
            self._words.pop(0)
            found = self._one() and found
        return found

    def _one(self) -> bool:
        word = self._words.pop(0)
        if word == "(":
            found = self.holds()
            self._words.pop(0)
            return found
        if asked := re.fullmatch(r"attribute_(not_)?exists\((\S+)\)", word):
            return (self._field(asked[2]) is None) is bool(asked[1])
        left, sign, right = self._field(word), self._words.pop(0), self._values[self._words.pop(0)]
        if sign == "<>":
            return bool(left != right)
        return left is not None and bool(left == right if sign == "=" else left < right)

    def _field(self, name: str) -> Any:
        return self._row.get(self._names.get(name, name))


class MemoryStores:
    """The stores that ownership works with, over one table in memory."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.accounts = AccountStore(self.table)
        self.workers = WorkerStore(self.table)
        self.fenced = FencedStore(self.table)
