"""Deleting the messages of a finished chat while other chats of its batch still run, so that the chat's next events need not wait.

The event source mapping deletes the whole batch at its end, in a request that is made anyway. So nothing is deleted here while that end
is near, and chats that finish close together share one request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from functions.callback_delivery.queue import Messages, QueueEntry

NEAR_S = 0.1
"""How long a finished chat waits for the end of its batch. A batch without trouble takes little longer altogether."""


class EarlyDelete:
    """Deletes the messages of finished chats. Belongs to one run with `chats` chats."""

    def __init__(self, messages: Messages, chats: int) -> None:
        self._messages = messages
        self._running = chats
        self._batch_ended = asyncio.Event()
        self._done: list[QueueEntry] = []

    async def chat_ended(self, done: Sequence[QueueEntry]) -> None:
        """Note that a chat has ended, with these entries done. Return when they are deleted, or the last chat has ended.

        If cancelled, it may or may not have deleted them.
        """
        self._running -= 1
        if not self._running:
            self._batch_ended.set()
        self._done += done
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NEAR_S):
                await self._batch_ended.wait()
                return
        ready, self._done = self._done, []
        if ready:
            await asyncio.to_thread(self._messages.delete, ready)
