"""Copying an event for each callback of a tenant that has several: each copy goes through the queue by itself, in its callback's own order.

    the listener's event, group <tenant>:<chat>  ->  copies, groups <tenant>~<callback>:<chat>  ->  delivered like any tenant's events

No POST is made before the copies are queued, so a callback that hangs delays no other one. The queue drops a copy that is made again
within five minutes; after that its record shows that it was dealt with. What a callback does not want is not copied.
"""

from __future__ import annotations

import asyncio

from functions.callback_delivery.delivery_filter import DISABLED, rejection
from functions.callback_delivery.entry_outcome import STORAGE_DELAY_S, Finished, PutBack, Step
from functions.callback_delivery.queue import Copy, QueueEntry
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.services import DeliveryServices
from functions.callback_delivery.undelivered_entries import RejectedEvents
from shared.model.callback_key import FIRST, callback_of
from shared.model.event import Event
from shared.model.tenant import Tenant
from shared.queues import LARGE_BYTES, body_of, pointer_to
from shared.store.table import StoreUnavailable


class FanOut:
    """Copies the events of one run."""

    def __init__(self, services: DeliveryServices, rejected: RejectedEvents) -> None:
        self._services = services
        self._rejected = rejected

    async def copy(self, entry: QueueEntry, event: Event, recipient: Recipient) -> Step:
        """Queue an event's copies; then end it as far as the first callback does not want it. Safe to run twice."""
        tenant = recipient.tenant
        wanted = {callback_id: self._unwanted(entry, event, tenant, callback_id) for callback_id in self._callbacks(entry, tenant)}
        copies = [callback_id for callback_id, reason in wanted.items() if not reason]
        try:
            queued = not copies or await asyncio.to_thread(self._queue, entry, event, tenant, copies)
        except StoreUnavailable as error:
            self._services.logger.error("event cannot be copied", extra={"event_id": event.id, "fault": str(error)})
            queued = False
        if not queued:
            return PutBack(STORAGE_DELAY_S)
        if reason := wanted.get(FIRST):
            return await self._rejected.reject(entry, event, recipient, reason)
        return Finished()

    def _callbacks(self, entry: QueueEntry, tenant: Tenant) -> list[str]:
        """Return the callbacks that may want an entry. A replay from before there were several is the first one's."""
        return [FIRST] if entry.replayed else [FIRST, *tenant.callbacks]

    def _unwanted(self, entry: QueueEntry, event: Event, tenant: Tenant, callback_id: str) -> str:
        """Return why a callback gets no copy. A disabled one gets it: its record says what came meanwhile."""
        seen = tenant.seen_by(callback_id)
        reason = rejection(event, seen, entry.sent_at, self._services.clock.now(), replayed=entry.replayed)
        return "" if reason == DISABLED else reason

    def _queue(self, entry: QueueEntry, event: Event, tenant: Tenant, callback_ids: list[str]) -> bool:
        seen = filter(None, map(tenant.seen_by, callback_ids))
        copies = [self._copy(event.model_copy(update={"tenant_id": one.id}), entry.queued_as) for one in seen]
        return self._services.messages.send(copies)

    def _copy(self, event: Event, queued_as: str) -> Copy:
        body = body_of(event)
        if len(body) >= LARGE_BYTES:
            if callback_of(event.tenant_id) != FIRST:  # the listener has kept the first one's
                self._services.deliveries.keep(event)
            body = pointer_to(event.tenant_id, event.id)
        return Copy(event.group, queued_as, body)
