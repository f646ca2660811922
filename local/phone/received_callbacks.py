"""Keeps the headers of callbacks to the development receiver (which keeps only bodies), and wakes requests that wait for a callback."""

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
    """The headers of an attempt, and whether each signature was valid."""

    headers: Mapping[str, str]
    standard_webhooks: bool
    x_signature: bool


class ReceivedCallbacks:
    """The latest callbacks by `webhook-id`, in memory. Used from the front's event loop; `close` from any thread."""

    def __init__(self) -> None:
        self.count = 0
        self.closed = False
        self._by_id: OrderedDict[str, CallbackHeaders] = OrderedDict()
        self._waiting: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, seen: CallbackHeaders) -> None:
        """Keep an attempt's headers. A later attempt of the same event replaces an earlier."""
        self.count += 1
        self._by_id[seen.headers.get("webhook-id", "")] = seen
        while len(self._by_id) > KEPT:
            self._by_id.popitem(last=False)
        self._ring()

    def get(self, event_id: str) -> CallbackHeaders | None:
        """Return the headers of an event's last attempt, or None."""
        return self._by_id.get(event_id)

    async def another(self, count: int, wait_s: float) -> None:
        """Wait until the count differs from `count`, this is closed, or `wait_s` seconds have passed."""
        self._loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.count == count and not self.closed:
                    await self._bell()

    def close(self) -> None:
        """End all waits, now and later."""
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
