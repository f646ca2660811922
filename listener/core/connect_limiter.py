"""The gate that a worker's connections go through: some at a time, and to the real Telegram at a pace.

After a restart a worker has thousands of accounts to connect at once. A place is kept while a connect is under way, but not for longer
than PLACE_S: what takes longer waits for a network, costs nothing here, and must not keep the others from theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from listener.core.runtime.backoff import Happening, wait_for

AT_ONCE = 32
PLACE_S = 3.0
REAL_EVERY_S = 0.1
"""Between two connects of a worker to the real Telegram."""


class TurnedAway(Exception):
    """What waited at the gate is not wanted any more: it was never begun."""


class ConnectLimiter:
    """One worker's gate. `every_s` seconds lie between two connects at least; 0 is no pace."""

    def __init__(self, every_s: float = 0.0, at_once: int = AT_ONCE) -> None:
        self._every_s = every_s
        self._places = asyncio.Semaphore(at_once)
        self._next = 0.0

    @asynccontextmanager
    async def turn(self, unless: Happening) -> AsyncIterator[None]:
        """Wait for the turn of a connect, which is made inside; raises TurnedAway where `unless` happens first.

        So a hand-over does not wait for its turn.
        """
        await self._turn(unless)
        place = asyncio.get_running_loop().call_later(PLACE_S, self._places.release)
        try:
            yield
        finally:
            if not place.cancelled() and place.when() > asyncio.get_running_loop().time():
                place.cancel()
                self._places.release()

    async def _turn(self, unless: Happening) -> None:
        await self._place(unless)
        loop = asyncio.get_running_loop()
        at = max(loop.time(), self._next)
        self._next = at + self._every_s
        try:
            if unless.is_set() or (at > loop.time() and await wait_for(unless, at - loop.time())):
                raise TurnedAway
        except BaseException:
            self._places.release()
            raise

    async def _place(self, unless: Happening) -> None:
        """Take a place; when this raises, none is taken."""
        if not self._places.locked():
            await self._places.acquire()  # at once
            return
        place, turned = asyncio.ensure_future(self._places.acquire()), asyncio.ensure_future(unless.wait())
        try:
            await asyncio.wait((place, turned), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._give_up(place)
            raise
        finally:
            turned.cancel()
        if turned.done() and not turned.cancelled():
            self._give_up(place)
            raise TurnedAway

    def _give_up(self, place: asyncio.Future[Any]) -> None:
        """Wait for a place no longer; one that has come meanwhile goes back."""
        place.add_done_callback(lambda taken: None if taken.cancelled() else self._places.release())
        place.cancel()
