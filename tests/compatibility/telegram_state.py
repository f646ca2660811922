"""The Telegram test server's state as a file: its records by kind, without its RSA key, which each test gives it."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from testing.telegram_server.store import FILE_NAME, Store

TELEGRAM = "telegram.json"
_LEFT_OUT = ("server", "rsa_key")


def dump(state: Path, folder: Path) -> None:
    """Write a stopped server's records, one a line."""
    with closing(sqlite3.connect(state / FILE_NAME)) as database:
        found = database.execute("SELECT kind, key, value FROM record ORDER BY kind, key").fetchall()
    lines = (json.dumps([kind, key, _read(bytes(value))], ensure_ascii=False) for kind, key, value in found if (kind, key) != _LEFT_OUT)
    (folder / TELEGRAM).write_text("[\n" + ",\n".join(lines) + "\n]\n")


def load(state: Path, folder: Path) -> None:
    """Write them into the folder that a server is about to be started over."""
    store = Store(state)
    for kind, key, value in json.loads((folder / TELEGRAM).read_text()):
        store.put(kind, key, base64.b64decode(value) if isinstance(value, str) else json.dumps(value).encode())
    store.close()


def _read(value: bytes) -> Any:
    """Return a record as JSON; one that is none as text in base64."""
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else base64.b64encode(value).decode()
