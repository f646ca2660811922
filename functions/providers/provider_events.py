"""Takes what providers post. An event is recorded, then queued, and only then answered (contract P4); a QR code is kept (P5).

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
from functions.providers.posted_bodies import MessageIn, QrIn, ReadyIn
from functions.providers.svg import UnsafeSvg, check_svg
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.delivery import DeliveryStatus
from shared.model.event import MessageReceived, ProviderReady
from shared.model.ids import Channel, TenantId
from shared.model.tenant import Tenant
from shared.queues import EventsQueue, QueueUnavailable
from shared.store.accounts import TenantGone
from shared.store.deliveries import DeliveryStore
from shared.store.provider_sessions import ProviderSessionStore

MAX_EVENT_BYTES = 256 << 10
"""DynamoDB takes 400 KB in an item, and an event's record has its attempts too."""
RETRY_AFTER_S = 5


@dataclass(frozen=True)
class ProviderEvents:
    """Records and queues events, and keeps QR codes."""

    deliveries: DeliveryStore
    sessions: ProviderSessionStore
    queue: EventsQueue
    clock: Clock

    def take_message(self, posted: MessageIn, sent: Mapping[str, Any], tenant: Tenant) -> None:
        """Record and queue a message; raises `request_too_large` or `unavailable`. Safe to run twice, and at once."""
        self._take(message_event(posted, sent, tenant.id, self.clock.now()))

    def take_ready(self, posted: ReadyIn, tenant: Tenant) -> None:
        """Note that a session is ready, and queue the event; raises `tenant_not_found` or `unavailable`. Safe to run twice."""
        event = ready_event(posted, tenant.id, self.clock.now())
        try:
            self.sessions.ready(tenant.id, event.channel, posted.ts or event.received_at, posted.state)
        except TenantGone:
            raise AvioError(Code.TENANT_NOT_FOUND) from None
        self._take(event)

    def keep_qr(self, posted: QrIn, tenant: Tenant) -> None:
        """Keep a QR code, as the last one too; raises `invalid_qr`, `invalid_request` or `tenant_not_found`. Safe to run twice."""
        try:
            svg = check_svg(posted.svg)
        except UnsafeSvg as unsafe:
            raise AvioError(Code.INVALID_QR, str(unsafe)) from None
        if posted.qr_id is None:
            raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.qr_id", "problem": "This field is required."}])
        try:
            self.sessions.show_qr(tenant.id, Channel(posted.channel), posted.qr_id, svg, self.clock.now())
        except TenantGone:
            raise AvioError(Code.TENANT_NOT_FOUND) from None

    def svg(self, tenant_id: TenantId, qr_id: str) -> str | None:
        """Return a QR code's image, None if there is none or its time is over."""
        return self.sessions.svg(tenant_id, Channel.WHATSAPP, qr_id, self.clock.now())

    def _take(self, event: MessageReceived | ProviderReady) -> None:
        if len(event.model_dump_json(exclude_none=True).encode()) > MAX_EVENT_BYTES:
            raise AvioError(Code.REQUEST_TOO_LARGE, f"An event is at most {MAX_EVENT_BYTES} bytes. Put files into `media` by their URL.")
        record = self.deliveries.keep_first(event)
        if record.status is not DeliveryStatus.PENDING:
            return
        try:
            self.queue.send_recorded(record.event)
        except QueueUnavailable as error:
            raise AvioError(Code.UNAVAILABLE, "Our queue does not answer right now. Post it again.", retry_after_s=RETRY_AFTER_S) from error
