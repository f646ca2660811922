"""The limit on tests of a callback: each makes our function wait for an endpoint that the tenant chose."""

from __future__ import annotations

from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.store import keys
from shared.store.table import ConditionFailed, Table

MOST = 10
"""Tests that a tenant may have in one window."""
WINDOW_S = 60
_KEPT_S = 3600
"""A count is of no use after its window. Its row is removed by its TTL."""


class CallbackTestLimit:
    """Counts a tenant's tests, by minutes of the clock."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def take(self, tenant_id: TenantId) -> None:
        """Count one more test; raises `rate_limited`. Of concurrent tests exactly `MOST` pass. A test that fails afterwards counts too."""
        now_s = int(self._clock.now().timestamp())
        window = now_s // WINDOW_S
        values = {":one": 1, ":most": MOST, ":expires": now_s + _KEPT_S}
        not_full = "attribute_not_exists(made) OR made < :most"
        try:
            self._table.update(keys.callback_tests(tenant_id, window), "SET expires_at = :expires ADD made :one", values, not_full)
        except ConditionFailed as error:
            detail = f"A callback can be tested {MOST} times a minute. Wait, then test again."
            raise AvioError(Code.RATE_LIMITED, detail, retry_after_s=(window + 1) * WINDOW_S - now_s) from error
