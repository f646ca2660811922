"""Holding a callback that was slow, so that it keeps one run busy and not all of them.

    a slow attempt is seen            the callback is held; the hold is renewed while the attempt lasts (`slow_attempts`)
    for CAUTIOUS after that           a run must hold the callback to start attempts there, so one run at a time does
    another run holds the callback    the chat is put back for a moment; an event that has waited for PATIENCE pauses the callback

Nothing is raised if storage does not answer: a run that cannot hold a callback starts no attempt there.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from functions.callback_delivery.callback_health import HealthCounter
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.run_state import RunState
from functions.callback_delivery.services import DeliveryServices
from shared.model.backlog import CallbackHealth
from shared.model.ids import TenantId
from shared.store.callback_states import FAILURES_IN_A_ROW
from shared.store.rows import Malformed
from shared.store.table import StoreUnavailable

HELD = timedelta(seconds=2)
"""How long a hold lasts, unless it is renewed."""
CAUTIOUS = timedelta(seconds=3)
"""Long enough for waiting chats not to go there all at once. A longer time would cost a tenant more than one slow answer does."""
PATIENCE = timedelta(seconds=60)
"""Many waiting events would harm all tenants: SQS searches a queue for free chats only so far."""


class EndpointHold:
    """The holds of one run."""

    def __init__(self, services: DeliveryServices, state: RunState, health: HealthCounter) -> None:
        self._services = services
        self._state = state
        self._health = health
        self._held: set[TenantId] = set()
        self._taking = asyncio.Lock()

    async def may_attempt(self, recipient: Recipient, queued_at: datetime) -> bool:
        """Tell whether this run may start an attempt now for an event queued then. Take the hold if that is needed."""
        tenant_id, now = recipient.tenant.id, self._services.clock.now()
        slow_at = self._state.callback(tenant_id).slow_at
        if slow_at is None or now - slow_at >= CAUTIOUS:
            return True
        async with self._taking:  # one of the tenant's chats takes the hold; the others find it taken
            held = await self._take(tenant_id, now)
        if not held and now - queued_at >= PATIENCE:
            await self._health.failed(recipient, count=FAILURES_IN_A_ROW)
        return held and self._state.callback(tenant_id).state is not CallbackHealth.PAUSED

    async def renew(self, recipient: Recipient, slow_attempts: int) -> None:
        """Hold a callback from now on, and count its slow attempts as failures."""
        if await self._health.failed(recipient, count=slow_attempts, held_until=self._services.clock.now() + HELD):
            self._held.add(recipient.tenant.id)

    async def release(self, tenant_id: TenantId) -> None:
        """Release a callback that this run holds, so that other runs may start attempts there."""
        held_until = self._state.callback(tenant_id).held_until
        if tenant_id not in self._held or held_until is None or held_until <= self._services.clock.now():
            return
        try:
            await asyncio.to_thread(self._services.callbacks.release_hold, tenant_id, held_until, self._services.clock.now())
        except StoreUnavailable as error:
            self._services.logger.error("callback cannot be released", extra={"tenant_id": tenant_id, "fault": str(error)})

    async def _take(self, tenant_id: TenantId, now: datetime) -> bool:
        held_until = self._state.callback(tenant_id).held_until
        if held_until and now < held_until:
            return tenant_id in self._held
        self._held.discard(tenant_id)
        try:
            callback = await asyncio.to_thread(self._services.callbacks.take_hold, tenant_id, now, now + HELD)
        except (StoreUnavailable, Malformed) as error:
            self._services.logger.error("callback cannot be held", extra={"tenant_id": tenant_id, "fault": str(error)})
            return False
        if callback:
            self._held.add(tenant_id)
            self._state.callbacks[tenant_id] = callback
        return callback is not None
