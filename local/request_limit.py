"""How many requests the emulator has at a time: more would each start a process of the function, and on a small machine all would time out.

comes --> one of IN_FLIGHT places is free? --> is handled
      --> else waits, in the order of arrival, for up to WAIT_S  --> 503 with Retry-After, and nothing was done
      --> more than WAITING wait already                         --> the same, at once
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
    """There was no place in time; nothing was done."""


class RequestLimit:
    """Places for requests, given in the order of arrival. Belongs to the loop that it is first used in."""

    def __init__(self, in_flight: int = IN_FLIGHT, waiting: int = WAITING, wait_s: float = WAIT_S) -> None:
        self._places = asyncio.Semaphore(in_flight)
        self._may_wait, self._wait_s = waiting, wait_s
        self._waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a place for the block. Raises `CrowdedError`; cancelling the wait gives up the turn."""
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
