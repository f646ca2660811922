"""How long to wait before trying again, and what is tried until it works."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from shared.crypto import KeysUnavailable
from shared.store.table import StoreUnavailable

_BACK_OFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
AWS_AWAY = (StoreUnavailable, KeysUnavailable, TimeoutError)
"""What a call to AWS raises when AWS, and not the call, is at fault."""


def back_off_s(failures: int) -> float:
    """Return the seconds to wait after that many failures in a row, with jitter, a minute at most."""
    return _BACK_OFF_S[min(failures, len(_BACK_OFF_S)) - 1] * random.uniform(0.7, 1.0)  # noqa: S311  jitter


class Signal:
    """An event as asyncio's, at a tenth of its size, that can also be waited for without a task of its own.

    An account has nine of them, and an idle account is to cost little.
    """

    __slots__ = ("_futures", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._futures: tuple[asyncio.Future[None], ...] = ()

    def is_set(self) -> bool:
        """Tell whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Let everybody go on who waits."""
        self._is_set = True
        waiting, self._futures = self._futures, ()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def clear(self) -> None:
        """Have it happen again."""
        self._is_set = False

    def future(self) -> asyncio.Future[None]:
        """Return what is done once it has happened. Whoever stops waiting cancels it."""
        future = asyncio.get_running_loop().create_future()
        if self._is_set:
            future.set_result(None)
        else:
            self._futures = (*(one for one in self._futures if not one.done()), future)
        return future

    async def wait(self) -> None:
        """Wait until it has happened."""
        if not self._is_set:
            await self.future()


Happening = asyncio.Event | Signal


async def wait_for(event: Happening, within_s: float) -> bool:
    """Wait for an event; tell whether it came in time.

    Not by `asyncio.wait_for`: in Python 3.11 it swallows a cancellation that arrives just as what it waits for does.
    """
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def retry_forever(write: Callable[[], Awaitable[None]]) -> None:
    """Write until it is written: AWS may be away for any time, and what is written so must not be forgotten."""
    failures = 0
    while True:
        try:
            return await write()
        except AWS_AWAY:
            failures += 1
            await asyncio.sleep(back_off_s(failures))
