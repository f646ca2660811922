"""Remembers when something was last said, across all processes: a warning that is due once an hour is said once."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.store import keys
from shared.store.table import ConditionFailed, Table

_KEPT = timedelta(days=1)


class NoticeStore:
    """Notes what was said."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, name: str, now: datetime, every: timedelta) -> bool:
        """Tell whether a notice is due, and note that it is said now. Of several at once one is told so."""
        values = {":now": now.isoformat(), ":before": (now - every).isoformat(), ":expires": int((now + every + _KEPT).timestamp())}
        condition = "attribute_not_exists(said_at) OR said_at <= :before"
        try:
            self._table.update(keys.notice(name), "SET said_at = :now, expires_at = :expires", values, condition)
        except ConditionFailed:
            return False
        return True
