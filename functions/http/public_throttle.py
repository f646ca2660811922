"""The throttle of the public routes, for each tenant and address: the key is in a page that anybody can read.

polls (status, image)       counted in memory, by each container: a poll stays one read
acts (start, password)      counted in the table, by minutes of the clock: each has a worker talk to Telegram
"""

from __future__ import annotations

import hashlib
from threading import Lock

from cachetools import TTLCache

from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.store import keys
from shared.store.table import ConditionFailed, Table

POLLS, ACTS = 240, 20
"""What one address may do for one tenant in one minute."""
WINDOW_S = 60
_MOST = 10_000
_KEPT_S = 3600
"""A count is of no use after its window. Its row is removed by its TTL."""


class PublicThrottle:
    """Counts requests; raises `rate_limited`. An address is kept as a digest."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._polls: TTLCache[tuple[TenantId, str, int], int] = TTLCache(_MOST, WINDOW_S, timer=clock.boottime)
        self._lock = Lock()

    def poll(self, tenant_id: TenantId, address: str) -> None:
        """Count a request that is answered from the table."""
        now_s = int(self._clock.now().timestamp())
        key = (tenant_id, address, now_s // WINDOW_S)
        with self._lock:
            made = self._polls[key] = self._polls.get(key, 0) + 1
        if made > POLLS:
            raise _refused(now_s, POLLS)

    def act(self, tenant_id: TenantId, address: str) -> None:
        """Count a request that has a worker do something. Of concurrent requests exactly `ACTS` pass."""
        now_s = int(self._clock.now().timestamp())
        key = keys.public_calls(tenant_id, hashlib.sha256(address.encode()).hexdigest()[:16], now_s // WINDOW_S)
        values = {":one": 1, ":most": ACTS, ":expires": now_s + _KEPT_S}
        try:
            self._table.update(key, "SET expires_at = :expires ADD made :one", values, "attribute_not_exists(made) OR made < :most")
        except ConditionFailed as error:
            raise _refused(now_s, ACTS) from error


def _refused(now_s: int, most: int) -> AvioError:
    detail = f"Too many requests for this tenant from this address: {most} a minute. Wait, then ask again."
    return AvioError(Code.RATE_LIMITED, detail, retry_after_s=WINDOW_S - now_s % WINDOW_S)
