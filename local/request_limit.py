"""Limits the requests that the emulator handles at a time. Each further request would start a process of the function, and on a small
machine all requests would time out.

request --> one of IN_FLIGHT slots is free                   --> handled
        --> waits, in order of arrival, for up to WAIT_S     --> 503 with Retry-After, and nothing was done
        --> WAITING requests wait already                    --> the same, at once
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

IN_FLIGHT = max(4, 2 * (os.cpu_count() or 1))
WAITING = 512
WAIT_S = 20.0
RETRY_AFTER_S = 5


class TooManyRequestsError(Exception):
    """No slot became free in time. Nothing was done."""


class RequestLimit:
    """Slots for requests, given in order of arrival. It belongs to the event loop that first uses it."""

    def __init__(self, in_flight: int = IN_FLIGHT, waiting: int = WAITING, wait_s: float = WAIT_S) -> None:
        self._places = asyncio.Semaphore(in_flight)
        self._may_wait, self._wait_s = waiting, wait_s
        self._waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Take a slot for the block. Raises `TooManyRequestsError`. Cancelling gives up the turn."""
        if self._places.locked() and self._waiting >= self._may_wait:
            raise TooManyRequestsError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise TooManyRequestsError from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()
