"""The headers of callbacks on their way to the development receiver, which keeps bodies only; and a bell for who waits for one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

SHOWN = ("webhook-id", "webhook-timestamp", "webhook-attempt", "webhook-signature", "x-signature")
KEPT = 200


@dataclass(frozen=True)
class CallbackHeaders:
    """One attempt's headers, and whether each signature held."""

    headers: Mapping[str, str]
    standard_webhooks: bool
    x_signature: bool


class ReceivedCallbacks:
    """The newest callbacks by `webhook-id`, in memory. Used from the front's loop; `close` from any thread."""

    def __init__(self) -> None:
        self.count = 0
        self.closed = False
        self._by_id: OrderedDict[str, CallbackHeaders] = OrderedDict()
        self._waiting: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, seen: CallbackHeaders) -> None:
        """Keep one; a later attempt of the same event takes the earlier one's place."""
        self.count += 1
        self._by_id[seen.headers.get("webhook-id", "")] = seen
        while len(self._by_id) > KEPT:
            self._by_id.popitem(last=False)
        self._ring()

    def get(self, event_id: str) -> CallbackHeaders | None:
        """Return what came with an event."""
        return self._by_id.get(event_id)

    async def another(self, count: int, wait_s: float) -> None:
        """Return once there were other than `count`, or this is closed, or time is up."""
        self._loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.count == count and not self.closed:
                    await self._bell()

    def close(self) -> None:
        """Let everyone go who waits, now and later."""
        self.closed = True
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    async def _bell(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def _ring(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
