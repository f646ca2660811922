"""Takes providers' events: each is recorded, then queued, and only then answered (contract P4).

    record, IF there is none of this id    the webhook log; a repeat finds the first one's record
    queue, unless the record is dealt with the event as it is recorded, so a repeat with another content changes nothing

If the process dies in between, the provider has no answer and posts again: the record stays, and the queue gets the event. The queue drops
what comes twice within five minutes; after that the record shows that it was dealt with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.providers.event_mapping import message_event, ready_event
from functions.providers.posted_bodies import MessageIn, ReadyIn
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.delivery import DeliveryStatus
from shared.model.event import MessageReceived, ProviderReady
from shared.model.tenant import Tenant
from shared.queues import EventsQueue, QueueUnavailable
from shared.store.deliveries import DeliveryStore

MAX_EVENT_BYTES = 256 << 10
"""DynamoDB takes 400 KB in an item, and an event's record has its attempts too."""
RETRY_AFTER_S = 5


@dataclass(frozen=True)
class ProviderEvents:
    """Records and queues events."""

    deliveries: DeliveryStore
    queue: EventsQueue
    clock: Clock

    def take(self, posted: MessageIn | ReadyIn, sent: Mapping[str, Any], tenant: Tenant) -> None:
        """Record and queue an event; raises `request_too_large` or `unavailable`. Safe to run twice, and at once."""
        now = self.clock.now()
        event = message_event(posted, sent, tenant.id, now) if isinstance(posted, MessageIn) else ready_event(posted, tenant.id, now)
        self._keep(event)

    def _keep(self, event: MessageReceived | ProviderReady) -> None:
        if len(event.model_dump_json(exclude_none=True).encode()) > MAX_EVENT_BYTES:
            raise AvioError(Code.REQUEST_TOO_LARGE, f"An event is at most {MAX_EVENT_BYTES} bytes. Put files into `media` by their URL.")
        record = self.deliveries.keep_first(event)
        if record.status is not DeliveryStatus.PENDING:
            return
        try:
            self.queue.send_recorded(record.event)
        except QueueUnavailable as error:
            raise AvioError(Code.UNAVAILABLE, "Our queue does not answer right now. Post it again.", retry_after_s=RETRY_AFTER_S) from error
