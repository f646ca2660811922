"""Fenced items: only an account's current owner may write them. They are its session and its update state.

    load    SET epoch = mine IF epoch < mine         after this, no earlier owner can write
    begin   PUT IF the account's epoch = mine        the first load creates the item, only while this worker owns the account
    save    IF epoch = mine                          fails once a later owner has loaded

A load that finds its own epoch is the retry of a successful first try. A load that finds a higher epoch comes too late: another worker owns
the account. The same holds if neither the item nor the account exists: the tenant was erased, and its items must not come back.
"""

from __future__ import annotations

from typing import Any

from shared.model.ids import Epoch
from shared.store import keys
from shared.store.keys import Key
from shared.store.table import ConditionCheck, ConditionFailed, Item, Put, StoreUnavailable, Table

_TRIES = 5
"""A transaction also fails if another write to one of its items is under way."""


class Superseded(Exception):
    """A later owner has taken over this item."""


class FencedStore:
    """Loads and saves fenced items."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, key: Key, epoch: Epoch) -> Item:
        """Fence an item under `epoch`. Return its fields, none the first time. Raises Superseded."""
        try:
            row = self._table.update(key, "SET epoch = :mine", {":mine": epoch}, "epoch < :mine")
        except ConditionFailed as failed:
            if failed.item is None:
                return self._begin(key, keys.account_of(key), epoch)
            row = failed.item
            if row.get("epoch") != epoch:
                raise Superseded from failed
        return _held(row)

    def _begin(self, key: Key, account: Key, epoch: Epoch) -> Item:
        ours = ConditionCheck(account, "epoch = :mine", {":mine": epoch})
        for _ in range(_TRIES):
            try:
                self._table.transact([ours, Put({**key, "epoch": epoch}, "attribute_not_exists(pk)")])
            except ConditionFailed:
                found = self._table.get_many([key, account])
                row, owned = (found.get((at["pk"], at["sk"])) for at in (key, account))
                if row is not None and row["epoch"] == epoch:
                    return _held(row)
                if row is not None or owned is None or owned.get("epoch") != epoch:
                    raise Superseded from None
            else:
                return {}
        raise StoreUnavailable("transact_write_items: others write the same items")

    def save(self, key: Key, epoch: Epoch, fields: dict[str, Any]) -> None:
        """Replace an item's fields, as the owner under `epoch`; raises Superseded.

        Safe to run twice: an owner writes an item one save after another.
        """
        try:
            self._table.put({**key, **fields, "epoch": epoch}, "epoch = :mine", {":mine": epoch})
        except ConditionFailed as failed:
            raise Superseded from failed

    def clear(self, key: Key, epoch: Epoch) -> None:
        """Remove an item's fields, as the owner under `epoch`. The epoch stays. Raises Superseded."""
        self.save(key, epoch, {})


def _held(row: Item) -> Item:
    return {name: value for name, value in row.items() if name not in {"pk", "sk", "epoch"}}
