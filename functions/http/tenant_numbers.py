"""The ids of tenants by their numbers, kept for a minute: what is polled by number costs one read and not two."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from cachetools import TTLCache

from shared.clock import Clock
from shared.model.ids import TenantId
from shared.store.tenants import TenantStore

FRESH_S = 60.0
_MOST = 1000


class TenantNumbers:
    """Finds a tenant's id. A number may be another tenant's some day, after its tenant has ended."""

    def __init__(self, tenants: TenantStore, clock: Clock) -> None:
        self._tenants = tenants
        self._kept: TTLCache[int, TenantId] = TTLCache(_MOST, FRESH_S, timer=clock.boottime)
        self._lock = Lock()

    def ids_of(self, number: int) -> Iterator[TenantId]:
        """Yield the id that is kept, then the id as stored: the caller stops at the first one whose tenant exists."""
        with self._lock:
            kept = self._kept.get(number)
        if kept is not None:
            yield kept
        stored = self._tenants.id_of(number)
        if stored is not None and stored != kept:
            with self._lock:
                self._kept[number] = stored
            yield stored
