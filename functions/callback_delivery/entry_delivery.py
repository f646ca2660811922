"""One queue entry: it is delivered, or put back, parked or dropped (contract C1, C3).

a row it depends on is malformed         put back
its body cannot be read                  put back; dropped after an hour
its tenant has several callbacks         copied for each
it was handled before                    dropped
its tenant does not accept it            dropped, or recorded as dead
its chat is parked, its callback paused  parked
its quick attempts are used up           parked
the run ends soon                        put back
another run holds the callback           put back
otherwise                                one attempt -> delivered | put back | dead | parked
"""

from __future__ import annotations

import asyncio

from functions.callback_delivery import retry
from functions.callback_delivery.attempt_outcomes import AttemptOutcomes, PostedEvent
from functions.callback_delivery.delivery_filter import rejection
from functions.callback_delivery.endpoint_hold import EndpointHold
from functions.callback_delivery.entry_outcome import STORAGE_DELAY_S, Park, PutBack, Step
from functions.callback_delivery.fan_out import FanOut
from functions.callback_delivery.queue import QueueEntry
from functions.callback_delivery.recipient_cache import RecipientCache
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.run_state import RunState, already_handled
from functions.callback_delivery.services import DeliveryServices
from functions.callback_delivery.slow_attempts import SlowAttempts
from functions.callback_delivery.undelivered_entries import RejectedEvents
from shared.crypto import KeysUnavailable
from shared.model.callback_key import names_copy
from shared.model.delivery import Delivery
from shared.model.event import Event
from shared.store.rows import Malformed, fault_of
from shared.store.table import StoreUnavailable

LAST_START_S = 20.0
"""No attempt starts later in a run: an attempt takes 8 s at most, and the function times out after 30."""
HELD_DELAY_S = 1
"""How long a chat waits while another run holds its callback. That is not an attempt."""
MALFORMED_DELAY_S = 300
"""How long a chat waits for a malformed row to be repaired. The queue gives a message up that was received a thousand times."""


class EntryDelivery:
    """Delivers the entries of one run."""

    def __init__(
        self,
        services: DeliveryServices,
        state: RunState,
        recipients: RecipientCache,
        rejected: RejectedEvents,
        hold: EndpointHold,
        slow_attempts: SlowAttempts,
        outcomes: AttemptOutcomes,
    ) -> None:
        self._services = services
        self._state = state
        self._recipients = recipients
        self._rejected = rejected
        self._fan_out = FanOut(services, rejected)
        self._hold = hold
        self._slow_attempts = slow_attempts
        self._outcomes = outcomes

    async def deliver(self, entry: QueueEntry) -> Step:
        """Deliver an entry, or find out why it is not delivered; return the next step."""
        if fault := self._state.fault(entry):
            return PutBack(STORAGE_DELAY_S if isinstance(fault, StoreUnavailable | KeysUnavailable) else MALFORMED_DELAY_S)
        if entry.event is None:
            return self._rejected.unreadable(entry)
        return await self._event(entry, entry.event)

    async def _event(self, entry: QueueEntry, event: Event) -> Step:
        try:
            recipient = await self._recipients.current(event.tenant_id)
        except (StoreUnavailable, KeysUnavailable) as error:
            self._services.logger.error("recipient cannot be read", extra={"tenant_id": event.tenant_id, "fault": fault_of(error)})
            return PutBack(STORAGE_DELAY_S)
        if recipient and recipient.tenant.fan_out and not names_copy(event.tenant_id):
            return await self._fan_out.copy(entry, event, recipient)
        record = self._state.record(entry, event)
        if already_handled(record, entry):
            return self._rejected.drop(event, f"already {record.status}")
        tenant = recipient.tenant if recipient else None
        if reason := rejection(event, tenant, entry.sent_at, self._services.clock.now(), replayed=entry.replayed):
            return await self._rejected.reject(entry, event, recipient, reason)
        if recipient is None:
            return PutBack(0)
        return await self._obstacle(entry, event, record, recipient) or await self._attempt(event, record, recipient)

    async def _obstacle(self, entry: QueueEntry, event: Event, record: Delivery, recipient: Recipient) -> Step | None:
        """Return the step of an event that is accepted, and cannot be attempted now."""
        if recipient.tenant.fetches:
            return await self._wait_for_fetches(event)
        if self._state.must_park(event):
            return Park()
        if record.quick > len(retry.DELAYS_S):  # an earlier run died before it parked the chat
            return Park(event.id)
        if self._services.clock.boottime() - self._state.started_s >= LAST_START_S:
            return PutBack(0)
        if await self._hold.may_attempt(recipient, entry.sent_at):
            return None
        return Park() if self._state.must_park(event) else PutBack(HELD_DELAY_S)

    async def _wait_for_fetches(self, event: Event) -> Step:
        """Have an event parked until it is fetched; its callback is paused for that, once."""
        if not self._state.must_park(event):
            now = self._services.clock.now()
            try:
                paused = await asyncio.to_thread(self._services.callbacks.wait_for_fetches, event.tenant_id, now)
            except (StoreUnavailable, Malformed) as error:
                self._services.logger.error("callback cannot be paused", extra={"tenant_id": event.tenant_id, "fault": fault_of(error)})
                return PutBack(STORAGE_DELAY_S)
            self._state.callbacks[event.tenant_id] = paused
        return Park()

    async def _attempt(self, event: Event, record: Delivery, recipient: Recipient) -> Step:
        with self._slow_attempts.attempt(recipient) as open_attempt:
            result = await self._services.poster.post(event, record, recipient)
        return await self._outcomes.apply(PostedEvent(event, record, recipient, result, counted=open_attempt.slow))
