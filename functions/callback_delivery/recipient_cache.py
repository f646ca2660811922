"""The recipients of one run. A run lasts for seconds, and settings change meanwhile: a recipient is read again before a late attempt."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from functions.callback_delivery.recipients import REASONS, Recipient
from functions.callback_delivery.run_state import RunState
from functions.callback_delivery.services import DeliveryServices
from shared.model.callback_key import owner_of
from shared.model.ids import TenantId
from shared.model.tenant import Cause
from shared.store import keys
from shared.store.rows import address_of, fault_of


class RecipientCache:
    """Recipients by tenant; None for a tenant that does not exist any more."""

    def __init__(self, services: DeliveryServices, state: RunState) -> None:
        self._services = services
        self._state = state
        self._by_tenant: dict[TenantId, Recipient | None] = {}

    def load(self, tenant_id: TenantId) -> None:
        """Open the secrets of a tenant whose row the run has read. A fault is noted in the run's state."""
        tenant = self._state.tenants.get(tenant_id)
        try:
            self._by_tenant[tenant_id] = self._services.recipients.of(tenant, self._state.started_s) if tenant else None
        except Exception as error:  # whatever one tenant's row holds, the other tenants of the batch get their events
            self._services.logger.error("recipient cannot be read", extra={"tenant_id": tenant_id, "fault": fault_of(error)})
            self._state.faults[address_of(keys.tenant(owner_of(tenant_id)))] = error

    def known(self, tenant_id: TenantId) -> Recipient | None:
        """Return a recipient as it was read last."""
        return self._by_tenant.get(tenant_id)

    async def current(self, tenant_id: TenantId) -> Recipient | None:
        """Return a recipient for an attempt that starts now; raises StoreUnavailable, KeysUnavailable or Unreadable."""
        recipient = self._by_tenant[tenant_id]
        if recipient is not None:
            recipient = self._by_tenant[tenant_id] = await asyncio.to_thread(self._services.recipients.current, recipient)
        return recipient

    async def disable(self, recipient: Recipient) -> bool:
        """Disable the callback of a recipient that answered 410; raises StoreUnavailable.

        False if the callback was set or woken since it was read: it stays enabled, and is read again.
        """
        tenant_id = recipient.tenant.id
        if not await asyncio.to_thread(self._services.recipients.disable, recipient, Cause.GONE):
            return False
        tenant = recipient.tenant.model_copy(update={"callback_disabled": REASONS[Cause.GONE]})
        self._by_tenant[tenant_id] = replace(recipient, tenant=tenant, read_s=self._services.clock.boottime())
        self._state.counts.disabled += 1
        self._services.logger.warning("callback disabled", extra={"tenant_id": tenant_id, "cause": Cause.GONE})
        return True

    async def reload(self, tenant_id: TenantId) -> None:
        """Read a recipient again; raises like `current`."""
        self._by_tenant[tenant_id] = await asyncio.to_thread(self._services.recipients.get, tenant_id)
