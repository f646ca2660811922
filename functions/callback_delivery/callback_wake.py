"""Waking a callback that its owner has repaired: a disabled callback is enabled, and what is parked is tried now."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from shared.clock import Clock
from shared.model.ids import TenantId
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.tenants import TenantStore


class CallbackWaker:
    """Wakes callbacks. The sweeper makes the attempts."""

    def __init__(self, tenants: TenantStore, callbacks: CallbackStateStore, backlog: BacklogStore, clock: Clock, logger: Logger) -> None:
        self._tenants = tenants
        self._callbacks = callbacks
        self._backlog = backlog
        self._clock = clock
        self._logger = logger

    def wake(self, tenant_id: TenantId) -> bool:
        """Wake a tenant's callback; False if it is healthy and nothing is parked. Safe to run twice; raises StoreUnavailable."""
        enabled = self._tenants.enable_callback(tenant_id)
        now = self._clock.now()
        if enabled:
            self._callbacks.restart(tenant_id, now)
        callback_woken = self._callbacks.wake(tenant_id, now)
        woken = self._backlog.wake_chats(tenant_id, now) or callback_woken or enabled
        if woken:
            self._logger.info("callback woken", extra={"tenant_id": tenant_id, "enabled": enabled})
        return woken
