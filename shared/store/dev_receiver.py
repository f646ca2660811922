"""The payloads that the development receiver got. They are kept for a day."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from shared.store import keys
from shared.store.table import Table

KEPT = timedelta(days=1)


class ReceiverStore:
    """Reads and writes received payloads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, payload: Any, now: datetime) -> None:
        """Keep a payload for a day."""
        key = keys.received(now, secrets.token_hex(4))
        self._table.put(
            {**key, "received_at": now.isoformat(), "payload": json.dumps(payload), "expires_at": int((now + KEPT).timestamp())}
        )

    def newest(self, limit: int, now: datetime) -> list[dict[str, Any]]:
        """Return up to `limit` entries `{received_at, payload}` of the last day, newest first."""
        rows = self._table.query("pk = :pk", {":pk": keys.RECEIVER}, ScanIndexForward=False, Limit=limit, ConsistentRead=True)
        return [
            {"received_at": row["received_at"], "payload": json.loads(row["payload"])}
            for row in rows
            if row["expires_at"] > now.timestamp()
        ]
