"""Wakes a callback that its owner has mended: a disabled one is enabled, and what is parked is looked at now."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from shared.clock import Clock
from shared.model.ids import TenantId
from shared.store.backlog import BacklogStore
from shared.store.tenants import TenantStore


class CallbackWaker:
    """Wakes callbacks. Attempts are for the sweeper to make."""

    def __init__(self, tenants: TenantStore, backlog: BacklogStore, clock: Clock, logger: Logger) -> None:
        self._tenants = tenants
        self._backlog = backlog
        self._clock = clock
        self._logger = logger

    def wake(self, tenant_id: TenantId) -> bool:
        """Wake a tenant's callback; False where it is well and nothing is parked. Safe to run twice; raises StoreUnavailable."""
        enabled = self._tenants.enable_callback(tenant_id)
        parked = self._backlog.wake(tenant_id, self._clock.now(), anew=enabled)
        if enabled or parked:
            self._logger.info("callback woken", extra={"tenant_id": tenant_id, "enabled": enabled})
        return enabled or parked
