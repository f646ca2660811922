"""What the emulator holds, in one SQLite file: what it answered survives `kill -9`, of itself or of anything else.

    service    what the stack is made of (tables, queues, functions, roles, keys, secrets): written as a whole by `settle`
    item       the rows of DynamoDB's tables      \
    message    what lies in SQS's queues           >  written before the request that changed them is answered
    dedup      which ids a queue has had, 5 min   /

SQLite runs in WAL mode with synchronous=NORMAL: what was committed survives the end of the process (the kernel holds it); a power cut may
lose what came since the last checkpoint of the log, and never leaves a broken file. Runs in the emulator's environment.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

FILE_NAME = "emulator.sqlite3"
SETTLED = 1
TABLES = ("service", "item", "message", "dedup", "sequence")
SCHEMA = """
CREATE TABLE IF NOT EXISTS service (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (arn TEXT, pk TEXT, sk TEXT, value TEXT, PRIMARY KEY (arn, pk, sk)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (number INTEGER PRIMARY KEY, arn TEXT, id TEXT, value TEXT, UNIQUE (arn, id));
CREATE TABLE IF NOT EXISTS dedup (arn TEXT, key TEXT, expire REAL, value TEXT, PRIMARY KEY (arn, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequence (arn TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS dedup_by_expire ON dedup (expire);
"""

Table = dict[str, Any]
Queue = dict[str, Any]


class EmulatorState:
    """The file, and which changes are not in it yet. `default` and `hook` are JSON's, for the emulator's own types."""

    def __init__(self, folder: Path, default: Callable[[Any], Any], hook: Callable[[dict[str, Any]], Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._default, self._hook = default, hook
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / FILE_NAME, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._changed: dict[tuple[str, str, str], Table] = {}
        self._kept: dict[str, set[str]] = defaultdict(set)
        if self.settled:
            for arn, name in self._db.execute("SELECT arn, id FROM message"):
                self._kept[arn].add(name)
        else:  # left by a start that ended before it was through: nobody was answered from it
            for name in TABLES:
                self._db.execute(f"DELETE FROM {name}")  # noqa: S608 - names of ours

    @property
    def settled(self) -> bool:
        """Whether a start was ever through: what a stack was made of is here as a whole."""
        return bool(self._db.execute("PRAGMA user_version").fetchone()[0] == SETTLED)

    def close(self) -> None:
        """Close the file. What was not written is lost, as at any other end."""
        self._db.close()

    # What is written at once

    def note_item(self, table: Table, pk: str, sk: str) -> None:
        """Remember that an item was set or removed; `write_items` writes what it is by then."""
        with self._lock:
            self._changed[table["TableArn"], pk, sk] = table

    def write_items(self) -> None:
        """Write all noted items in one transaction: a request's items are there together or not at all."""
        with self._lock:
            if not self._changed:
                return
            with self._db:
                self._db.execute("BEGIN")
                for (arn, pk, sk), table in self._changed.items():
                    self._write_item(arn, pk, sk, table["items"].get(pk, {}).get(sk))
            self._changed = {}

    def _write_item(self, arn: str, pk: str, sk: str, item: Any) -> None:
        if item is None:
            self._db.execute("DELETE FROM item WHERE arn = ? AND pk = ? AND sk = ?", (arn, pk, sk))
        else:
            self._db.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?)", (arn, pk, sk, self._dumps(item)))

    def write_table(self, table: Table) -> None:
        """Write a table's items anew: they were replaced as a whole."""
        arn = table["TableArn"]
        with self._lock, self._db:
            self._db.execute("BEGIN")
            self._write_table(arn, table)

    def _write_table(self, arn: str, table: Table) -> None:
        self._db.execute("DELETE FROM item WHERE arn = ?", (arn,))
        rows = ((arn, pk, sk, self._dumps(item)) for pk, items in table["items"].items() for sk, item in items.items())
        self._db.executemany("INSERT INTO item VALUES (?, ?, ?, ?)", rows)

    def write_queues(self, queues: Iterable[Queue]) -> None:
        """Write which messages came and went. When one is seen again and how often it was taken is not kept: after a crash all are seen."""
        with self._lock:
            changes = [change for queue in queues if any((change := self._change(queue))[2:])]
            if not changes:
                return
            with self._db:
                self._db.execute("BEGIN")
                for queue, arn, came, gone in changes:
                    self._write_messages(queue, arn, came)
                    self._db.executemany("DELETE FROM message WHERE arn = ? AND id = ?", [(arn, name) for name in gone])
                self._db.execute("DELETE FROM dedup WHERE expire <= ?", (time.time(),))
            for _queue, arn, came, gone in changes:
                self._kept[arn] = (self._kept[arn] - gone) | {message["id"] for message in came}

    def _change(self, queue: Queue) -> tuple[Queue, str, list[dict[str, Any]], set[str]]:
        arn, messages = queue["attributes"]["QueueArn"], list(queue["messages"])
        kept = self._kept[arn]
        came = [message for message in messages if message["id"] not in kept]
        return queue, arn, came, (kept - {message["id"] for message in messages} if len(messages) - len(came) < len(kept) else set())

    def _write_messages(self, queue: Queue, arn: str, came: list[dict[str, Any]]) -> None:
        for message in came:
            self._db.execute("INSERT INTO message (arn, id, value) VALUES (?, ?, ?)", (arn, message["id"], self._dumps(message)))
            seen = queue["dedup_cache"].get(key := message.get("dedup_cache_key"))
            if seen:
                row = (arn, key, seen["expire"], self._dumps(seen))
                self._db.execute("INSERT OR REPLACE INTO dedup VALUES (?, ?, ?, ?)", row)
        self._db.execute("INSERT OR REPLACE INTO sequence VALUES (?, ?)", (arn, queue.get("fifo_seq", 0)))

    def write_service(self, name: str, value: Any) -> None:
        """Write one service as it is now."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO service VALUES (?, ?)", (name, self._dumps(value)))

    # What is written and read as a whole

    def settle(self, services: Mapping[str, Callable[[], Any]]) -> None:
        """Write everything as it is now, in one transaction; the next start begins with it. `services` tell their states, by name."""
        with self._lock:
            states = {name: state for name, tell in services.items() if _holds_anything(state := tell())}
            tables = list(states["dynamodb"]["tables"]._data.values()) if "dynamodb" in states else []
            queues = list(states["sqs"]["queues"]._data.values()) if "sqs" in states else []
            with self._db:
                self._db.execute("BEGIN")
                for name in TABLES[1:]:
                    self._db.execute(f"DELETE FROM {name}")  # noqa: S608 - names of ours
                for table in tables:
                    self._write_table(table["TableArn"], table)
                    table["items"] = {}
                kept = {queue["attributes"]["QueueArn"]: self._move_queue(queue) for queue in queues}
                self._write_services(states)
                self._db.execute(f"PRAGMA user_version = {SETTLED}")
            self._changed, self._kept = {}, defaultdict(set, kept)
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _write_services(self, states: Mapping[str, Any]) -> None:
        """Write what has changed, and remove what is gone: the functions' code alone is 40 MB."""
        for (name,) in self._db.execute("SELECT name FROM service").fetchall():
            if name not in states:
                self._db.execute("DELETE FROM service WHERE name = ?", (name,))
        upsert = "INSERT INTO service VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value"
        self._db.executemany(upsert, ((name, self._dumps(state)) for name, state in states.items()))

    def _move_queue(self, queue: Queue) -> set[str]:
        """Write what lies in a queue to the rows of its own, and take it out of the queue. Returns the messages' ids."""
        arn, messages = queue["attributes"]["QueueArn"], queue["messages"]
        self._write_messages(queue, arn, messages)
        rows = [(arn, key, seen["expire"], self._dumps(seen)) for key, seen in queue["dedup_cache"].items()]
        self._db.executemany("INSERT OR REPLACE INTO dedup VALUES (?, ?, ?, ?)", rows)
        queue["messages"], queue["dedup_cache"] = [], {}
        return {message["id"] for message in messages}

    def load(self, name: str) -> Any:
        """Return a service's state as `settle` wrote it, with the items and messages of now; None where there is none."""
        with self._lock:
            row = self._db.execute("SELECT value FROM service WHERE name = ?", (name,)).fetchone()
            if row is None:
                return None
            state = self._loads(row[0])
            if name == "dynamodb":
                for table in state["tables"]._data.values():
                    self._fill_table(table)
            if name == "sqs":
                for queue in state["queues"]._data.values():
                    self._fill_queue(queue)
            return state

    def _fill_table(self, table: Table) -> None:
        items: dict[str, dict[str, Any]] = defaultdict(dict)
        count = 0
        for pk, sk, value in self._db.execute("SELECT pk, sk, value FROM item WHERE arn = ?", (table["TableArn"],)):
            items[pk][sk] = self._loads(value)
            count += 1
        table["items"], table["ItemCount"] = items, count

    def _fill_queue(self, queue: Queue) -> None:
        arn = queue["attributes"]["QueueArn"]
        rows = self._db.execute("SELECT value FROM message WHERE arn = ? ORDER BY number", (arn,))
        queue["messages"] = [_untaken(self._loads(value)) for (value,) in rows]
        good = self._db.execute("SELECT key, value FROM dedup WHERE arn = ? AND expire > ? ORDER BY expire", (arn, time.time()))
        queue["dedup_cache"] = {key: self._loads(value) for key, value in good}
        last = self._db.execute("SELECT last FROM sequence WHERE arn = ?", (arn,)).fetchone()
        queue["fifo_seq"] = last[0] if last else 0

    def _dumps(self, value: Any) -> str:
        return json.dumps(value, default=self._default)

    def _loads(self, text: str) -> Any:
        return json.loads(text, object_hook=self._hook)


def _untaken(message: dict[str, Any]) -> dict[str, Any]:
    """A message as it is for a queue that has just begun: whoever held it is gone."""
    return message | {"receipt_handle": None, "visible_at": message["sent_at"]}


def _holds_anything(value: Any) -> bool:
    """Whether there is anything in it, however deep: to begin with an empty service costs its import, and there are 90."""
    inner = getattr(value, "_data", value)  # of the dictionaries by account and region, which by themselves show one account's
    if isinstance(inner, dict):
        return any(_holds_anything(one) for one in inner.values())
    return bool(inner)
