"""Delivery records: the attempts at delivering an event, written only once one has failed, and the end they came to."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from shared.model.event import Event
from shared.model.frozen import Frozen
from shared.store import keys
from shared.store.table import Table

KEPT = timedelta(days=14)


class DeliveryStatus(StrEnum):
    """pending: more attempts to come. delivered, dead: final."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Delivery(Frozen):
    """How far an event's delivery has come. `attempts` counts the POSTs made."""

    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    last_error: str | None = None


class DeliveryStore:
    """Reads and writes delivery records."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, events: list[Event]) -> dict[str, Delivery]:
        """Return the records that exist among up to 100 events, by event id, in one consistent request."""
        rows = self._table.get_many(keys.delivery(event) for event in events)
        fields = Delivery.model_fields
        return {
            sk: Delivery.model_validate({name: value for name, value in row.items() if name in fields}) for (_, sk), row in rows.items()
        }

    def put(self, event: Event, delivery: Delivery, now: datetime) -> None:
        """Write an event's record.

        One chat's events are handled by one function run at a time, so nobody races for it; safe to run twice.
        """
        expires = int((now + KEPT).timestamp())
        self._table.put(
            {**keys.delivery(event), **delivery.model_dump(), "tenant_id": event.tenant_id, "at": now.isoformat(), "expires_at": expires}
        )
