"""The lock of an account's log-in: one step at a time, and a wait for a scan only between the steps.

async with lock:              a step (start, verify, cancel, ...)
async with lock.between():    what waits for the user; it ends soon after `wanted` is set, and goes on after the steps
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from listener.core.runtime.signals import Signal


class StepLock:
    """First come, first served. `wanted` is set while a step runs or waits for its turn."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._steps = 0
        self.wanted = Signal()

    async def __aenter__(self) -> None:
        self._steps += 1
        self.wanted.set()
        try:
            await self._lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()
        self._leave()

    def between(self) -> asyncio.Lock:
        """Return what the wait for the user holds."""
        return self._lock

    def _leave(self) -> None:
        self._steps -= 1
        if not self._steps:
            self.wanted.clear()
