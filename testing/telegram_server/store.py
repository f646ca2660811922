"""Everything that must survive, in one SQLite file: records by kind and key.

A request's records are gathered and written in one transaction before its answer leaves. SQLite runs in WAL mode without
syncing: what was committed survives `kill -9` (the kernel holds it), a power cut may lose the last moments.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

FILE_NAME = "telegram.sqlite3"


class StateInUseError(Exception):
    """Another running server has this state directory."""


class Store:
    """Write records through to a file in `directory`, or keep them in memory when there is none."""

    def __init__(self, directory: Path | None) -> None:
        self._lock = _lock(directory) if directory else None
        path = str(directory / FILE_NAME) if directory else ":memory:"
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for line in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-16000"):
            self._db.execute(line)
        self._db.execute("CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, value BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID")
        self._puts: list[tuple[str, str, bytes]] = []
        self._deletes: list[tuple[str, str]] = []

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Write a record with the next commit."""
        self._puts.append((kind, key, value))

    def delete(self, kind: str, key: str) -> None:
        """Remove a record with the next commit, after its puts."""
        self._deletes.append((kind, key))

    def commit(self) -> None:
        """Make all that was put and deleted durable. Costs nothing when there was nothing."""
        if not self._puts and not self._deletes:
            return
        puts, deletes, self._puts, self._deletes = self._puts, self._deletes, [], []
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", puts)
        if deletes:
            self._db.executemany("DELETE FROM record WHERE kind = ? AND key = ?", deletes)
        self._db.execute("COMMIT")

    def load(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield every record of a kind with its key, in the order of the keys."""
        yield from self._db.execute("SELECT key, value FROM record WHERE kind = ? ORDER BY key", (kind,))

    def sizes(self, kind: str) -> Iterator[tuple[str, int]]:
        """Yield the key and length of every record of a kind, without reading them."""
        yield from self._db.execute("SELECT key, length(value) FROM record WHERE kind = ?", (kind,))

    def read(self, kind: str, key: str) -> bytes | None:
        """Return one committed record."""
        row = self._db.execute("SELECT value FROM record WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return bytes(row[0]) if row else None

    def close(self) -> None:
        self.commit()
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)


def _lock(directory: Path) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StateInUseError(f"another server is using {directory}") from None
    return lock
