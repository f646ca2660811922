"""Fenced items: what only an account's present owner may write, its session and its marks.

    load    SET epoch = mine IF epoch < mine (or there is none)      from here on no earlier owner can write
    save    IF epoch = mine                                          a later owner has loaded: this one's word is over

A load that finds its own epoch is a retried first try. A load that finds a higher one comes too late: its account is not ours.
"""

from __future__ import annotations

from typing import Any

from shared.model.ids import Epoch
from shared.store.keys import Key
from shared.store.table import ConditionFailed, Item, Table


class Superseded(Exception):
    """A later owner has taken over this item."""


class FencedStore:
    """Loads and saves fenced items."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, key: Key, epoch: Epoch) -> Item:
        """Fence an item under `epoch` and return what it holds (nothing, the first time); raises Superseded."""
        try:
            row = self._table.update(key, "SET epoch = :mine", {":mine": epoch}, "attribute_not_exists(epoch) OR epoch < :mine")
        except ConditionFailed as failed:
            row = failed.item or {}
            if row.get("epoch") != epoch:
                raise Superseded from failed
        return {name: value for name, value in row.items() if name not in {"pk", "sk", "epoch"}}

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
