"""Work that runs once, however many ask for it, and goes on when who asked has stopped waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from shared.errors import AvioError, Code

T = TypeVar("T")
BOUND = 16
"""Of one account: what runs or waits for its turn, and failures that are remembered for who asks again."""
ASK_AGAIN_S = 5


class UnderWay(Exception):
    """The work goes on: ask again later."""


class Flights(Generic[T]):
    """Work by its key. A failure that came when nobody waited any more is told to who asks next, once."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        self._running: dict[str, asyncio.Task[T]] = {}
        self._failed: dict[str, AvioError] = {}

    @property
    def under_way(self) -> int:
        """How much runs or waits for its turn."""
        return len(self._running)

    async def result(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the work under a key returns; start it if it does not run. Safe to cancel: the work goes on.

        Raises UnderWay after `wait_s`, `rate_limited` if too much is under way, and what the work raises.
        """
        if error := self._failed.pop(key, None):
            raise error
        task = self._running.get(key) or self._start(key, work)
        done, _ = await asyncio.wait((task,), timeout=self.wait_s)
        if not done:
            raise UnderWay
        self._failed.pop(key, None)
        return task.result()

    async def close(self) -> None:
        """Cancel what runs."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _start(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        if len(self._running) >= BOUND:
            detail = "Too many files of this account are under way. Wait for them."
            raise AvioError(Code.RATE_LIMITED, detail, retry_after_s=ASK_AGAIN_S)
        task = self._running[key] = asyncio.create_task(work())
        task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: str, task: asyncio.Task[T]) -> None:
        del self._running[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, AvioError):
            self._failed[key] = error
            while len(self._failed) > BOUND:
                del self._failed[next(iter(self._failed))]
