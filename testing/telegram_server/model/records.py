"""How records become bytes for the store and come back: one adapter per record type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter

from testing.telegram_server.store import Store

Record = TypeVar("Record")
BYTES_AS_TEXT = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class Shelf(Generic[Record]):
    """The records of one kind in the store."""

    def __init__(self, store: Store, kind: str, record: type[Record]) -> None:
        self._store, self._kind = store, kind
        self._adapter: TypeAdapter[Record] = TypeAdapter(record)

    def put(self, key: str, record: Record) -> None:
        self._store.put(self._kind, key, self._adapter.dump_json(record, exclude_defaults=True))

    def delete(self, key: str) -> None:
        self._store.delete(self._kind, key)

    def load(self) -> Iterator[Record]:
        for _, value in self._store.load(self._kind):
            yield self._adapter.validate_json(value)
