"""Signals: events that cost little and can be waited for without a task."""

from __future__ import annotations

import asyncio


class Signal:
    """An event as asyncio's, at a tenth of its size, that can also be waited for without a task of its own.

    An account has several of them, and an idle account is to cost little.
    """

    __slots__ = ("_futures", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._futures: tuple[asyncio.Future[None], ...] = ()

    def is_set(self) -> bool:
        """Tell whether the signal is set."""
        return self._is_set

    def set(self) -> None:
        """Set the signal and let everybody who waits go on."""
        self._is_set = True
        waiting, self._futures = self._futures, ()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def clear(self) -> None:
        """Unset the signal."""
        self._is_set = False

    def future(self) -> asyncio.Future[None]:
        """Return a future that is done once the signal is set. Whoever stops waiting cancels it."""
        future = asyncio.get_running_loop().create_future()
        if self._is_set:
            future.set_result(None)
        else:
            self._futures = (*(waiting for waiting in self._futures if not waiting.done()), future)
        return future

    async def wait(self) -> None:
        """Wait until the signal is set."""
        if not self._is_set:
            await self.future()


Waitable = asyncio.Event | Signal


async def wait_for(event: Waitable, within_s: float) -> bool:
    """Wait for an event; tell whether it came in time.

    Not by `asyncio.wait_for`: in Python 3.11 it swallows a cancellation that arrives just as what it waits for does.
    """
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
