"""Entries that are not delivered: unreadable ones, repeated ones, and events that their tenant does not accept."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from functions.callback_delivery.delivery_filter import COUNTED, final_status
from functions.callback_delivery.entry_outcome import STORAGE_DELAY_S, Finished, PutBack, Step
from functions.callback_delivery.queue import QueueEntry
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.recorder import Recorder
from functions.callback_delivery.run_state import RunState
from functions.callback_delivery.services import DeliveryServices
from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.store.table import StoreUnavailable

UNREADABLE_DELAY_S = 60
UNREADABLE_KEPT = timedelta(hours=1)
"""During a deployment an event may have a form that this version does not know yet. After this time it never will."""


class RejectedEvents:
    """Ends the entries of one run that are not delivered."""

    def __init__(self, services: DeliveryServices, state: RunState, recorder: Recorder) -> None:
        self._services = services
        self._state = state
        self._recorder = recorder
        self._dropped: dict[TenantId, int] = {}  # events that are in no log: only their number is kept

    def unreadable(self, entry: QueueEntry) -> Step:
        """Put a message that cannot be read back for an hour, then drop it."""
        if entry.pointer is None and self._services.clock.now() - entry.sent_at < UNREADABLE_KEPT:
            self._services.logger.warning("queue message unreadable", extra={"message_id": entry.message_id})
            return PutBack(UNREADABLE_DELAY_S)
        self._state.counts.dropped += 1
        self._services.logger.error("queue message unreadable, dropped", extra={"message_id": entry.message_id})
        return Finished()

    def drop(self, event: Event, reason: str) -> Step:
        """Drop an event without a record."""
        self._state.counts.dropped += 1
        extra = {"event_id": event.id, "tenant_id": event.tenant_id, "reason": reason}
        self._services.logger.info("event dropped", extra=extra)
        return Finished()

    async def reject(self, entry: QueueEntry, event: Event, recipient: Recipient | None, reason: str) -> Step:
        """End an event that its tenant does not accept.

        If the event is in the log already, its record becomes final. While a callback is disabled, new events are recorded as dead, so that
        they can be replayed; while there is none, new events are only counted.
        """
        if recipient is None:
            return self.drop(event, reason)
        status = final_status(recipient.tenant)
        record = self._state.records.get((event.tenant_id, event.id))
        kept = record is None and status is DeliveryStatus.DEAD
        if kept or (record and record.status is DeliveryStatus.PENDING):
            if not await self._end(entry, event, status, reason):
                return PutBack(STORAGE_DELAY_S)
        elif record is None and reason in COUNTED:
            self._dropped[event.tenant_id] = self._dropped.get(event.tenant_id, 0) + 1
        if not kept:
            return self.drop(event, reason)
        self._state.counts.kept += 1
        self._services.logger.info("event kept", extra={"event_id": event.id, "tenant_id": event.tenant_id, "reason": reason})
        return Finished()

    async def save_count(self, tenant_id: TenantId) -> None:
        """Add the number of dropped events to the tenant's. Nothing is raised if storage does not answer."""
        if not (count := self._dropped.get(tenant_id, 0)):
            return
        try:
            await asyncio.to_thread(self._services.deliveries.count_dropped, tenant_id, count, self._services.clock.now())
        except StoreUnavailable as error:
            extra = {"tenant_id": tenant_id, "count": count, "fault": str(error)}
            self._services.logger.error("dropped events cannot be counted", extra=extra)

    async def _end(self, entry: QueueEntry, event: Event, status: DeliveryStatus, reason: str) -> bool:
        ended = self._state.record(entry, event).ended(status, self._services.clock.now(), reason)
        if not await self._recorder.put(event, ended):
            return False
        self._state.records[event.tenant_id, event.id] = ended
        return True
