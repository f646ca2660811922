"""Fenced items: what only an account's present owner may write, its session and its marks.

    load    SET epoch = mine IF epoch < mine         from here on no earlier owner can write
    begin   PUT IF the account's own epoch = mine    the first load makes the item, and only while the account is ours
    save    IF epoch = mine                          a later owner has loaded: this one's word is over

A load that finds its own epoch is a retried first try. A load that finds a higher one comes too late: its account is not ours. So does
one that finds no item and no account either: its tenant was erased, and nothing of it may come back.
"""

from __future__ import annotations

from typing import Any

from shared.model.ids import Epoch
from shared.store import keys
from shared.store.keys import Key
from shared.store.table import ConditionCheck, ConditionFailed, Item, Put, StoreUnavailable, Table

_TRIES = 5
"""A transaction fails too where another write is at one of its items."""


class Superseded(Exception):
    """A later owner has taken over this item."""


class FencedStore:
    """Loads and saves fenced items."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, key: Key, epoch: Epoch) -> Item:
        """Fence an item under `epoch` and return what it holds (nothing, the first time); raises Superseded."""
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
        """Replace what an item holds, as the owner under `epoch`; raises Superseded.

        Safe to run twice: one owner writes one item in turn.
        """
        try:
            self._table.put({**key, **fields, "epoch": epoch}, "epoch = :mine", {":mine": epoch})
        except ConditionFailed as failed:
            raise Superseded from failed

    def clear(self, key: Key, epoch: Epoch) -> None:
        """Empty an item, as the owner under `epoch`; the fence stays. Raises Superseded."""
        self.save(key, epoch, {})


def _held(row: Item) -> Item:
    return {name: value for name, value in row.items() if name not in {"pk", "sk", "epoch"}}
