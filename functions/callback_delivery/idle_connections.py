"""Connections that are kept for the next event. Each belongs to one tenant and one URL, so that no endpoint can affect another tenant's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from functions.callback_delivery.connection import EndpointConnection
from shared.model.ids import TenantId

KEPT_S = 5.0
MOST = 64
"""Connections kept, of all tenants together. The oldest is closed first."""
Owner = tuple[TenantId, str]


class IdleConnections:
    """Keeps connections. Belongs to one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[EndpointConnection, tuple[Owner, float]] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        return len(self._kept)

    async def take(self, owner: Owner) -> EndpointConnection | None:
        """Return the owner's most recently used connection that is still usable, or None. Cancelling closes the connection under test."""
        self._end_old()
        while connection := next((kept for kept, (kept_for, _) in reversed(self._kept.items()) if kept_for == owner), None):
            del self._kept[connection]
            if await connection.is_quiet():
                return connection
        return None

    def keep(self, owner: Owner, connection: EndpointConnection) -> None:
        """Keep a connection for a while."""
        self._kept[connection] = (owner, asyncio.get_running_loop().time() + KEPT_S)
        self._end_old()

    async def close(self) -> None:
        """Close all connections."""
        while self._kept:
            await self._kept.popitem()[0].ended()

    def _end_old(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._kept and (len(self._kept) > MOST or next(iter(self._kept.values()))[1] <= now_s):
            self._kept.popitem(last=False)[0].end()
