"""Parking events that cannot be delivered now: they move from the queue to their chat's backlog, in order.

Nothing is raised if storage does not answer: an event that is not parked stays in the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from functions.callback_delivery.callback_health import FIRST_LOOK
from functions.callback_delivery.delivery_filter import rejection
from functions.callback_delivery.queue import QueueEntry
from functions.callback_delivery.recipient_cache import RecipientCache
from functions.callback_delivery.run_state import RunState, already_handled
from functions.callback_delivery.services import DeliveryServices
from shared.model.backlog import CallbackHealth, CallbackState, ParkedChat
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.observability import log_malformed
from shared.store.backlog import ParkedAlone
from shared.store.callback_states import url_digest
from shared.store.delivery_snapshot import event_key
from shared.store.table import StoreUnavailable

Parkable = tuple[Event, Delivery]


class BacklogWriter:
    """Parks the events of one run."""

    def __init__(self, services: DeliveryServices, state: RunState, recipients: RecipientCache) -> None:
        self._services = services
        self._state = state
        self._recipients = recipients

    async def park(self, entries: Sequence[QueueEntry], exhausted: EventId | None) -> int | None:
        """Park the first of a chat's entries together; return how many were parked, or None if storage does not answer.

        `exhausted`: the event that has used its quick attempts. 0 means that the first entry must be examined again: its event is not
        wanted any more, or the backlog has changed, and the run's state now shows the newer one.
        """
        events = self._parkable(entries)
        if not events:
            return 0
        first = events[0][0]
        alone = self._alone(first)
        if alone and exhausted != first.id:
            return 0
        try:
            return await self._write(events, alone)
        except StoreUnavailable as error:
            self._services.logger.error("events cannot be parked", extra={"tenant_id": first.tenant_id, "fault": str(error)})
            return None

    def _parkable(self, entries: Sequence[QueueEntry]) -> list[Parkable]:
        """Return the leading events that can be parked together."""
        parkable: list[Parkable] = []
        for entry in entries:
            record = self._record(entry)
            event = entry.event
            if event is None or record is None or event.id in {other.id for other, _ in parkable}:
                break
            parkable.append((event, record.ended(DeliveryStatus.PARKED, self._services.clock.now())))
        return parkable

    def _record(self, entry: QueueEntry) -> Delivery | None:
        """Return the record of an entry whose event can be parked; None for any other."""
        event = entry.event
        if event is None or self._state.fault(entry):
            return None
        recipient = self._recipients.known(event.tenant_id)
        now = self._services.clock.now()
        if recipient is None or rejection(event, recipient.tenant, entry.sent_at, now, replayed=entry.replayed):
            return None
        record = self._state.record(entry, event)
        return None if already_handled(record, entry) else record

    def _alone(self, event: Event) -> ParkedAlone | None:
        """Return how a chat is parked alone; None if it is parked already, or its callback is paused."""
        if self._state.must_park(event):
            return None
        now = self._services.clock.now()
        return ParkedAlone(due_at=now + FIRST_LOOK, failing_since=now)

    async def _write(self, events: Sequence[Parkable], alone: ParkedAlone | None) -> int:
        event = events[0][0]
        chat, callback = self._state.chat(event), self._state.callback(event.tenant_id)
        if not await asyncio.to_thread(self._services.backlog.park, events, chat, alone):
            await self._refresh([event for event, _ in events])
            return 0
        await self._probe_new_url(event.tenant_id, callback)
        seq = (chat.seq if chat else 0) + len(events)
        self._state.chats[event.tenant_id, event.chat] = ParkedChat(chat=event.chat, seq=seq)
        self._state.records |= {(event.tenant_id, event.id): delivery for event, delivery in events}
        self._state.counts.parked += len(events)
        extra = {"tenant_id": event.tenant_id, "event_ids": [event.id for event, _ in events]}
        self._services.logger.info("events parked", extra=extra)
        return len(events)

    async def _refresh(self, events: Sequence[Event]) -> None:
        snapshot = await asyncio.to_thread(self._services.snapshots.read, list(map(event_key, events)))
        for fault in snapshot.faults.values():
            log_malformed(fault, self._services.logger)
        self._state.refresh(events[0].tenant_id, events[0].chat, snapshot)

    async def _probe_new_url(self, tenant_id: TenantId, callback: CallbackState) -> None:
        """Have a paused callback probed at once if its URL was changed since it was paused."""
        recipient = self._recipients.known(tenant_id)
        if callback.state is not CallbackHealth.PAUSED or callback.callback is None or recipient is None:
            return
        present = url_digest(recipient.tenant.callback_url)
        if present != callback.callback:
            now = self._services.clock.now()
            await asyncio.to_thread(self._services.callbacks.probe_new_url, tenant_id, callback.callback, present, now)
