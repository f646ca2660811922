"""Counting a callback's failures and successes. Five failures in a row pause it.

Nothing is raised if storage does not answer: a failure that is not counted is one of many.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.run_state import RunState
from functions.callback_delivery.services import DeliveryServices
from shared.model.backlog import CallbackHealth
from shared.model.ids import TenantId
from shared.store.callback_states import url_digest
from shared.store.rows import Malformed
from shared.store.table import StoreUnavailable

FIRST_LOOK = timedelta(minutes=1)
"""How soon a paused callback is probed, and a parked chat tried, for the first time.

A sweep begins each minute and finds what is due within the minute. What is due sooner may be tried later than was said.
"""


class HealthCounter:
    """Counts for the callbacks of one run."""

    def __init__(self, services: DeliveryServices, state: RunState) -> None:
        self._services = services
        self._state = state

    async def failed(self, recipient: Recipient, *, count: int = 1, held_until: datetime | None = None) -> bool:
        """Count failed attempts. With `held_until`, hold the callback until then; tell whether that was written."""
        tenant, now = recipient.tenant, self._services.clock.now()
        before = self._state.callback(tenant.id)
        try:
            after = await asyncio.to_thread(
                self._services.callbacks.count_failures,
                tenant.id,
                url_digest(tenant.callback_url),
                now,
                now + FIRST_LOOK,
                count=count,
                held_until=held_until,
            )
        except (StoreUnavailable, Malformed) as error:
            self._services.logger.error("failure cannot be counted", extra={"tenant_id": tenant.id, "fault": str(error)})
            return False
        self._state.callbacks[tenant.id] = after
        if after.state is CallbackHealth.PAUSED and before.state is not CallbackHealth.PAUSED:
            self._services.logger.warning("callback paused", extra={"tenant_id": tenant.id})
        return True

    async def succeeded(self, tenant_id: TenantId) -> None:
        """Reset the count of failures, if there are any."""
        callback = self._state.callback(tenant_id)
        if callback.failures == 0 or callback.state is CallbackHealth.PAUSED:
            return
        self._state.callbacks[tenant_id] = callback.model_copy(update={"failures": 0})
        try:
            await asyncio.to_thread(self._services.callbacks.count_success, tenant_id)
        except StoreUnavailable as error:
            self._services.logger.error("success cannot be counted", extra={"tenant_id": tenant_id, "fault": str(error)})
