"""Notes when a tenant's key was last used, on a thread: no request waits for it.

It is best effort. A function may be frozen before the write is sent, or may not write to the table; then the time is noted later, or not.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock

from cachetools import TTLCache

from shared.clock import Clock
from shared.model.ids import TenantId
from shared.model.tenant import TenantKey
from shared.store.tenants import TenantStore

NOTED_EVERY = timedelta(minutes=5)
_MOST = 1000


class KeyUse:
    """Notes the uses of keys: of one key once in five minutes, however often it is used."""

    def __init__(self, tenants: TenantStore, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._noted: TTLCache[tuple[TenantId, str], datetime] = TTLCache(_MOST, NOTED_EVERY.total_seconds(), timer=clock.boottime)
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, "key-use")

    def note(self, tenant_id: TenantId, key: TenantKey) -> None:
        """Note that a key was used just now."""
        now = self._clock.now()
        if key.last_used_at and now - key.last_used_at < NOTED_EVERY:
            return
        with self._lock:
            if (tenant_id, key.id) in self._noted:
                return
            self._noted[tenant_id, key.id] = now
        self._thread.submit(self._tenants.note_use, tenant_id, key.id, now)

    def settle(self) -> None:
        """Wait until what was noted is written."""
        self._thread.submit(lambda: None).result()
