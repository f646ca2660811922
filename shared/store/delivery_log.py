"""Lists and counts of deliveries, read from index by_status alone (the records: `shared.store.deliveries`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shared.model.delivery import DeliveryStatus, DeliverySummary
from shared.model.ids import EventId, TenantId
from shared.store import keys
from shared.store.deliveries import summary_of
from shared.store.rows import Malformed, each
from shared.store.table import Item, Table

COUNTED = 1000
"""Counting stops at this number, which then means this many or more."""


class DeliveryLog:
    """Lists deliveries, oldest first, and counts them. The index lags behind the records by about a second."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def oldest(
        self, tenant_id: TenantId, status: DeliveryStatus, *, after: str = "", limit: int = COUNTED
    ) -> tuple[list[DeliverySummary | Malformed], str | None]:
        """Return up to `limit` of a tenant's deliveries of one status after a position, in the order of their events.

        The second value is the position after which there may be more, or None.
        """
        rows = list(self._rows(tenant_id, status, after, limit))
        return list(each(summary_of, rows)), rows[-1]["listed_at"] if len(rows) == limit else None

    def count(self, tenant_id: TenantId, status: DeliveryStatus) -> int:
        """Count a tenant's deliveries of one status, up to COUNTED."""
        return sum(1 for _ in self._rows(tenant_id, status, "", COUNTED))

    def _rows(self, tenant_id: TenantId, status: DeliveryStatus, after: str, limit: int) -> Iterator[Item]:
        values: dict[str, Any] = {":listed": keys.listed(tenant_id, status), ":after": after or "0"}
        return self._table.query("listed = :listed AND listed_at > :after", values, IndexName=keys.BY_STATUS, Limit=limit)


def position_before(at: datetime) -> str:
    """Return the position in the index before all events of a time (UTC)."""
    return keys.listed_at(at, EventId(""))
