"""A table in memory, for tests that need thousands of writes and a say in when each is applied.

It reads the expressions that the stores send, so that what runs on it is the stores' own code with their own conditions. It is held to
the real table by tests/shared/test_memory_stores.py and by every test of tests/shared/test_ownership_rows.py.
"""

from __future__ import annotations

import bisect
import itertools
import operator
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore
from shared.store.table import Change, Check, ConditionFailed, Item, Put, Remove, Table, Write, from_wire, to_wire
from shared.store.workers import WorkerStore

_Address = tuple[str, str]
_CLAUSE = re.compile(r"(SET|REMOVE|ADD|DELETE) ")
_COMMA = re.compile(r", (?![^(]*\))")
_KEY_PART = re.compile(r"(?:(begins_with)\((\S+), (\S+)\)|(\S+) (BETWEEN) (\S+) AND (\S+)|(\S+) (=|<=|>=|<|>) (\S+))")
_SORTED_BY = {None: "sk", keys.BY_OWNER: "pk", keys.BY_DUE: "due_at", keys.BY_STATUS: "listed_at"}
_HASHED_BY = {None: "pk", keys.BY_OWNER: "owner", keys.BY_DUE: "due_shard", keys.BY_STATUS: "listed"}
_FALLBACK = re.compile(r"if_not_exists\((\S+), (\S+)\)")


class MemoryTable(Table):
    """One table and its indexes; every write is applied at once, all of it or nothing.

    The indexes show a write at once, or, while they are `lagging`, once they have been told to `catch_up`.
    """

    def __init__(self) -> None:
        self._lagging = False
        self._rows: dict[_Address, Item] = {}
        self._index: dict[_Address, Item] = {}
        self._partitions: dict[tuple[str | None, Any], dict[_Address, Item]] = {}
        self._sorted: dict[str, list[str]] = {}
        self._lock = threading.RLock()

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
        self._index = dict(self._rows)

    def addresses(self) -> list[tuple[str, str]]:
        """Return (pk, sk) of every item."""
        return sorted(self._rows)

    def get(self, key: Mapping[str, str], *, consistent: bool = True) -> Item | None:
        """Return an item, or None."""
        row = self._rows.get(_address(key))
        return dict(row) if row else None

    def get_many(self, keys_: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], Item]:
        """Return those of some items that exist, by (pk, sk)."""
        with self._lock:
            return {address: dict(self._rows[address]) for address in map(_address, keys_) if address in self._rows}

    def get_many_with(
        self, keys_: Iterable[Mapping[str, str]], other: Table, other_keys: Iterable[Mapping[str, str]]
    ) -> tuple[dict[tuple[str, str], Item], dict[tuple[str, str], Item]]:
        """Return items of two tables."""
        return self.get_many(keys_), other.get_many(other_keys)

    def query(self, condition: str, values: Mapping[str, Any], **options: Any) -> Iterator[Item]:
        """Yield the items that a condition names, of the table or of an index, in the order of the sort key."""
        index, named = options.get("IndexName"), options.get("ExpressionAttributeNames", {})
        tests = [_key_test(words, values, named) for words in _KEY_PART.findall(condition)]
        with self._lock:
            rows = self._index.values() if index and self._lagging else self._near(index, condition, values, named)
            found = [row for row in rows if all(test(row) for test in tests)]
        by = _SORTED_BY[index]
        found.sort(key=lambda row: (str(row[by]), _address(row)), reverse=not options.get("ScanIndexForward", True))
        yield from map(dict, found[: options.get("Limit")])

    def _near(self, index: str | None, condition: str, values: Mapping[str, Any], named: Mapping[str, str]) -> Iterable[Item]:
        """Return what a query may find, without a look at every item of the table."""
        equal = {named.get(field, field): values[other] for *_, field, sign, other in _KEY_PART.findall(condition) if sign == "="}
        partition = equal[_HASHED_BY[index]]
        near = self._partitions.get((index, partition), {})
        prefix = next((values[other] for begins, _, other, *_ in _KEY_PART.findall(condition) if begins), None)
        if index is not None or prefix is None:
            return near.values()
        names = self._sorted.get(partition, [])
        first = bisect.bisect_left(names, prefix)
        return [near[partition, name] for name in itertools.takewhile(lambda name: name.startswith(prefix), names[first:])]

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
            self._take_out(_address(key))

    def transact(self, writes: Sequence[Write]) -> None:
        """Do several writes, all or none; raises ConditionFailed."""
        with self._lock:
            for write in writes:
                key, names = (write.item, {}) if isinstance(write, Put) else (write.key, dict(write.names))
                try:
                    self._check(key, write.condition, write.values, names)
                except ConditionFailed:
                    raise ConditionFailed from None  # a transaction does not show what lay there
            for write in writes:
                match write:
                    case Put():
                        self._write(_address(write.item), write.item)
                    case Change():
                        row = {**write.key, **self._rows.get(_address(write.key), {})}
                        self._write(_address(write.key), _changed(row, write.update, write.values, write.names))
                    case Remove():
                        self._take_out(_address(write.key))
                    case Check():
                        pass

    def put_all(self, items: Iterable[Item], condition: str) -> None:
        """Write several items, all or none, each under the same condition; raises ConditionFailed."""
        self.transact([Put(item, condition) for item in items])

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
        self._take_out(address)
        self._rows[address] = row = from_wire(to_wire(row))
        for index, field in _HASHED_BY.items():
            if field in row:
                self._partitions.setdefault((index, row[field]), {})[address] = row
        bisect.insort(self._sorted.setdefault(address[0], []), address[1])

    def _take_out(self, address: _Address) -> None:
        row = self._rows.pop(address, None)
        if row is None:
            return
        for index, field in _HASHED_BY.items():
            if field in row:
                del self._partitions[index, row[field]][address]
        names = self._sorted[address[0]]
        del names[bisect.bisect_left(names, address[1])]


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
                case "ADD" if isinstance(values[source], int):
                    changed[field] = row.get(field, 0) + values[source]
                case "ADD":
                    changed[field] = frozenset(row.get(field, ())) | values[source]
                case _:
                    changed[field] = frozenset(row.get(field, ())) - values[source]
    return changed


def _key_test(words: tuple[str, ...], values: Mapping[str, Any], names: Mapping[str, str]) -> Callable[[Item], bool]:
    """Return one part of a key condition as a function of a row."""
    begins, prefixed, prefix, ranged, between, low, high, compared, sign, other = words
    field = prefixed or ranged or compared
    field = names.get(field, field)
    if begins:
        return lambda row: str(row.get(field, "")).startswith(values[prefix])
    if between:
        return lambda row: field in row and values[low] <= row[field] <= values[high]
    right, holds = values[other], _COMPARED[sign]
    return lambda row: field in row and bool(holds(row[field], right))


_COMPARED = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


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
        return left is not None and bool(_COMPARED[sign](left, right))

    def _field(self, name: str) -> Any:
        return self._row.get(self._names.get(name, name))


class MemoryStores:
    """The stores that ownership works with, over one table in memory."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.accounts = AccountStore(self.table)
        self.workers = WorkerStore(self.table)
        self.fenced = FencedStore(self.table)
