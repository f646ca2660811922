"""A test of a callback (contract C4): one attempt with a signed test event, recorded nowhere, told to whoever asked for it."""

from __future__ import annotations

import secrets
from typing import Any

from functions.callback_delivery import signing
from functions.callback_delivery.addressees import Addressee, Addressees
from functions.callback_delivery.attempt import Post, recorded
from functions.callback_delivery.body import test_body
from shared import callback_headers
from shared.clock import Clock
from shared.model.delivery import Attempt
from shared.model.ids import EventId, TenantId


class Trial:
    """Makes tests. It reads the tenant anew: who tests has often just changed something."""

    def __init__(self, addressees: Addressees, post: Post, clock: Clock) -> None:
        self._addressees = addressees
        self._post = post
        self._clock = clock

    async def make(self, tenant_id: TenantId) -> dict[str, Any]:
        """Post a test event once; return the attempt as JSON. Raises StoreUnavailable, KeysUnavailable or Unreadable."""
        addressee = self._addressees.get(tenant_id)
        at, started_s = self._clock.now(), self._clock.boottime()
        if addressee is None or addressee.tenant.callback_url is None:
            return Attempt(at=at, duration_ms=0, error="no callback").model_dump(mode="json")
        body, headers = self._event(addressee)
        outcome = await self._post(tenant_id, addressee.tenant.callback_url, headers, body)
        duration_ms = round((self._clock.boottime() - started_s) * 1000)
        return recorded(outcome, Attempt(at=at, duration_ms=duration_ms)).model_dump(mode="json")

    def _event(self, addressee: Addressee) -> tuple[bytes, dict[str, str]]:
        tenant, at, event_id = addressee.tenant, self._clock.now(), EventId(f"evt_test_{secrets.token_hex(12)}")
        body = test_body(event_id, tenant, at)
        signed = signing.headers(event_id, at, 1, body, addressee.secret, addressee.previous)
        return body, {**callback_headers.sendable(addressee.headers), **signed}
