"""Delivery records: one per event, kept for some days, with the event itself, so that a replay needs nothing else.

An item of table `deliveries` (key: `shared.store.keys`; it is in the tenant's partition, so that one query finds all items of a tenant):

    status chat received_at at made quick queued_as reason     as in `shared.model.delivery.Delivery`
    last                 the last attempt's outcome in a few words, for lists
    attempts             the latest ten, each {at, duration_ms, status | error, text}
    event                the event's JSON, as the queue carries it
    listed, listed_at    the keys of index by_status: a tenant's deliveries of one status, by the time when the listener had the event
    expires_at           TTL

A delivery without failures is one write; each failed attempt is one more. One function run at a time handles a chat's events, so no two
write the same record. Every write is safe to run twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from shared.model.delivery import Attempt, Delivery, DeliveryRecord, DeliveryStatus, DeliverySummary, Dropped
from shared.model.event import Event, read_event
from shared.model.ids import EventId, TenantId
from shared.store import keys
from shared.store.rows import Malformed, each, of_row
from shared.store.table import ConditionFailed, Item, Table

KEPT_DAYS = 14
_AFTER_ANY_TIME = "~"  # sorts after every digit, and so after any `listed_at`


class DeliveryStore:
    """Reads and writes delivery records."""

    def __init__(self, table: Table, kept_days: int = KEPT_DAYS) -> None:
        self._table = table
        self._kept = timedelta(days=kept_days)

    def get(self, tenant_id: TenantId, event_id: EventId) -> DeliveryRecord | None:
        """Return a tenant's record of an event, with the event, or None; raises Malformed."""
        row = self._table.get(keys.delivery(tenant_id, event_id))
        return record_of(row) if row else None

    def page(
        self,
        tenant_id: TenantId,
        *,
        status: DeliveryStatus | None = None,
        since: datetime | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> tuple[list[DeliverySummary | Malformed], str | None]:
        """Return up to `limit` of a tenant's deliveries before a position, newest first, and the position of the next page.

        `since` and the order go by the time when the listener had the event. The index lags behind the records by about a second.
        """
        statuses = [status] if status else list(DeliveryStatus)
        by_status = [self._listed(tenant_id, status, since, before, limit + 1) for status in statuses]
        newest = list(heapq.merge(*by_status, key=lambda row: str(row["listed_at"]), reverse=True))
        shown = newest[:limit]
        return list(each(summary_of, shown)), shown[-1]["listed_at"] if len(newest) > limit else None

    def put(self, event: Event, delivery: Delivery) -> None:
        """Write an event's record."""
        self._table.put(self.item(event, delivery))

    def put_many(self, records: Iterable[tuple[Event, Delivery]]) -> None:
        """Write several events' records, 25 in a request. If it raises StoreUnavailable, some may be written."""
        self._table.put_each(self.item(event, delivery) for event, delivery in records)

    def keep_first(self, event: Event) -> DeliveryRecord:
        """Write a pending record for an event; return the record that there is then: of an earlier one that stays. Raises Malformed."""
        delivery = Delivery(status=DeliveryStatus.PENDING, queued_as=event.id, at=event.received_at)
        try:
            self._table.put(self.item(event, delivery), "attribute_not_exists(pk)")
        except ConditionFailed as failed:
            return record_of(failed.item or {**keys.delivery(event.tenant_id, event.id)})
        return DeliveryRecord(**dict(delivery), event=event)

    def keep(self, event: Event) -> None:
        """Write a pending record for an event that is about to be queued by pointer. An existing record stays as it is."""
        delivery = Delivery(status=DeliveryStatus.PENDING, queued_as=event.id, at=event.received_at)
        try:
            self._table.put(self.item(event, delivery), "attribute_not_exists(pk)")
        except ConditionFailed:
            return

    def count_dropped(self, tenant_id: TenantId, count: int, now: datetime) -> None:
        """Count events that were dropped without a record because there was no callback. Run twice, it counts twice."""
        update = "ADD dropped :count SET since = if_not_exists(since, :now), last_at = :now, expires_at = :expires_at"
        values = {":count": count, ":now": now.isoformat(), ":expires_at": int((now + self._kept).timestamp())}
        self._table.update(keys.dropped(tenant_id), update, values)

    def dropped(self, tenant_id: TenantId) -> Dropped | None:
        """Return how many events were dropped because there was no callback; raises Malformed."""
        row = self._table.get(keys.dropped(tenant_id))
        return _dropped_of(row) if row else None

    def erase(self, tenant_id: TenantId) -> None:
        """Erase all items of a tenant in table `deliveries`. If it dies in the middle, run it again."""
        while self.erase_some(tenant_id):
            pass

    def erase_some(self, tenant_id: TenantId, limit: int = 500) -> bool:
        """Erase up to `limit` items of a tenant, or of one callback beside the first; tell whether there may be more.

        Items are erased backwards by sort key, so that the callback's row goes last: while it is due, the sweeper finds the tenant again.
        """
        pk, prefix = keys.callback_state(tenant_id)["pk"], keys.prefix(tenant_id)
        options = {"ProjectionExpression": "pk, sk", "ConsistentRead": True, "ScanIndexForward": False, "Limit": limit}
        condition, values = ("pk = :pk AND begins_with(sk, :prefix)", {":prefix": prefix}) if prefix else ("pk = :pk", {})
        rows = list(self._table.query(condition, {":pk": pk, **values}, **options))
        self._table.delete_many(rows)
        return len(rows) == limit

    def item(self, event: Event, delivery: Delivery) -> Item:
        """Return the item of an event's record, to be written in a transaction with other items."""
        last = delivery.attempts[-1].outcome if delivery.attempts else None
        return {
            **keys.delivery(event.tenant_id, event.id),
            **delivery.model_dump(mode="json", exclude={"attempts", "event"}),
            "chat": event.chat,
            "received_at": event.received_at.isoformat(),
            "last": last,
            "attempts": [_attempt(attempt) for attempt in delivery.attempts],
            "event": event.model_dump_json(exclude_none=True),
            "listed": keys.listed(event.tenant_id, delivery.status),
            "listed_at": keys.listed_at(event.received_at, event.id),
            "expires_at": int((delivery.at + self._kept).timestamp()),
        }

    def _listed(
        self, tenant_id: TenantId, status: DeliveryStatus, since: datetime | None, before: str | None, limit: int
    ) -> Iterator[Item]:
        first, last = keys.listed_at(since, EventId("")) if since else "0", before or _AFTER_ANY_TIME
        if last < first:  # DynamoDB refuses a range that ends before it begins
            return iter(())
        values: dict[str, Any] = {":listed": keys.listed(tenant_id, status), ":first": first, ":last": last}
        condition = "listed = :listed AND listed_at BETWEEN :first AND :last"
        rows = self._table.query(condition, values, IndexName=keys.BY_STATUS, ScanIndexForward=False, Limit=limit + 1)
        return (row for row in rows if row["listed_at"] != before)


@of_row
def delivery_of(row: Item) -> Delivery:
    """Return the record in an item, without its event; raises Malformed."""
    return Delivery.model_validate({name: row[name] for name in Delivery.model_fields if name in row})


@of_row
def record_of(row: Item) -> DeliveryRecord:
    """Return the record in an item, with its event; raises Malformed."""
    return DeliveryRecord.model_validate({**dict(delivery_of(row)), "event": read_event(row["event"])})


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {name: value for name, value in attempt.model_dump(mode="json").items() if value not in (None, "")}


@of_row
def _dropped_of(row: Item) -> Dropped:
    return Dropped(count=row["dropped"], since=row["since"], last_at=row["last_at"])


@of_row
def summary_of(row: Item) -> DeliverySummary:
    """Return the line of the log in an item, or in the index's copy of it; raises Malformed."""
    fields = {name: row[name] for name in DeliverySummary.model_fields if name in row}
    return DeliverySummary.model_validate({**fields, "event_id": keys.in_callback(row["sk"]).removeprefix(keys.DELIVERIES)})
