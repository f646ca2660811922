"""Connections that wait for the next event. Each belongs to one tenant and one URL: what an endpoint does to it can reach no other's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from functions.callback_delivery.connection import Connection
from shared.model.ids import TenantId

KEPT_S = 5.0
MOST = 64
"""Of all tenants together; the one that has waited longest goes first."""
Owner = tuple[TenantId, str]


class IdleConnections:
    """Keeps connections; belongs to one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Connection, tuple[Owner, float]] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        return len(self._kept)

    async def take(self, owner: Owner) -> Connection | None:
        """Return the connection that was used last, if one is still fit for use. Cancelling it closes what it looked at."""
        self._end_old()
        while wire := next((wire for wire, (whose, _) in reversed(self._kept.items()) if whose == owner), None):
            del self._kept[wire]
            if await wire.is_quiet():
                return wire
        return None

    def keep(self, owner: Owner, wire: Connection) -> None:
        """Keep a connection for a while."""
        self._kept[wire] = (owner, asyncio.get_running_loop().time() + KEPT_S)
        self._end_old()

    async def close(self) -> None:
        """Close them all."""
        while self._kept:
            await self._kept.popitem()[0].ended()

    def _end_old(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._kept and (len(self._kept) > MOST or next(iter(self._kept.values()))[1] <= now_s):
            self._kept.popitem(last=False)[0].end()
