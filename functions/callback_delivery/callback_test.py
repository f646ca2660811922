"""A test of a callback (contract C4): one attempt with a signed test event. It is not recorded; its result is returned."""

from __future__ import annotations

import secrets
from typing import Any

from functions.callback_delivery import signing
from functions.callback_delivery.attempt import Post, with_outcome
from functions.callback_delivery.body import test_body
from functions.callback_delivery.recipients import Recipient, Recipients
from shared import callback_headers
from shared.clock import Clock
from shared.model.delivery import Attempt
from shared.model.ids import EventId, TenantId


class CallbackTester:
    """Makes tests. The tenant is read anew for each: its settings have often just been changed."""

    def __init__(self, recipients: Recipients, post: Post, clock: Clock) -> None:
        self._recipients = recipients
        self._post = post
        self._clock = clock

    async def test(self, tenant_id: TenantId) -> dict[str, Any]:
        """Post a test event once; return the attempt as JSON. Raises StoreUnavailable, KeysUnavailable or Unreadable."""
        recipient = self._recipients.get(tenant_id)
        at, started_s = self._clock.now(), self._clock.boottime()
        if recipient is None or recipient.tenant.callback_url is None:
            return Attempt(at=at, duration_ms=0, error="no callback").model_dump(mode="json")
        body, headers = self._event(recipient)
        outcome = await self._post(tenant_id, recipient.tenant.callback_url, headers, body)
        duration_ms = round((self._clock.boottime() - started_s) * 1000)
        return with_outcome(Attempt(at=at, duration_ms=duration_ms), outcome).model_dump(mode="json")

    def _event(self, recipient: Recipient) -> tuple[bytes, dict[str, str]]:
        tenant, at, event_id = recipient.tenant, self._clock.now(), EventId(f"evt_test_{secrets.token_hex(12)}")
        body = test_body(event_id, tenant, at)
        signed = signing.headers(event_id, at, 1, body, recipient.secret, recipient.previous)
        return body, {**callback_headers.sendable(recipient.headers), **signed}
