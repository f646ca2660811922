"""The queue of updates that wait for Telethon's update loop: bounded, with at most one request for a difference in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from telethon.tl import types

BOUND = 2000
"""Pushes that may wait while a batch is being taken; Telethon's own queue is unbounded."""


class UpdateQueue(asyncio.Queue[Any]):
    """Replaces Telethon's queue of updates. Beyond the bound it drops an update and calls `overflow`.

    `updatesTooLong` requests a difference. While such a request waits in the queue, a second is dropped: the difference will contain
    whatever was missed until then. After the first was taken out, a second is kept: the first difference may have been requested already.
    """

    def __init__(self, overflow: Callable[[], None], bound: int = BOUND) -> None:
        super().__init__()
        self._overflow = overflow
        self._bound = bound
        self._difference_requested = False

    def put_nowait(self, item: Any) -> None:
        """Add an update."""
        requests_difference = isinstance(item, types.UpdatesTooLong)
        if requests_difference and self._difference_requested:
            return
        if self.qsize() >= self._bound:
            self._overflow()
            return
        self._difference_requested |= requests_difference
        super().put_nowait(item)

    def get_nowait(self) -> Any:
        """Take out the oldest update."""
        item = super().get_nowait()
        if isinstance(item, types.UpdatesTooLong):
            self._difference_requested = False
        return item
