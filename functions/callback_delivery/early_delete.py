"""Taking the messages of a finished chat out of the queue while other chats of its batch still run: its next events need not wait for them.

The mapping does the same for the whole batch at its end, in a request that is made anyway. So nothing is done here while that end is
near, and what ended meanwhile goes in one request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from functions.callback_delivery.queue import Entry, Messages

NEAR_S = 0.1
"""How long a finished chat waits for the end of its batch. A batch that goes well takes little longer altogether."""


class Release:
    """Releases chats; belongs to one run, of so many chats."""

    def __init__(self, chats: int) -> None:
        self._running = chats
        self._over = asyncio.Event()
        self._done: list[Entry] = []

    async def ended(self, messages: Messages, done: Sequence[Entry]) -> None:
        """Say that a chat has ended and which of its entries are done; returns when they are taken out, or the last chat has ended.

        Cancelled, it may have taken them out or not.
        """
        self._running -= 1
        if not self._running:
            self._over.set()
        self._done += done
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NEAR_S):
                await self._over.wait()
                return
        ready, self._done = self._done, []
        if ready:
            await asyncio.to_thread(messages.delete, ready)
