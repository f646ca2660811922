"""Updates that wait for the update loop: bounded, and asked for once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from telethon.tl import types

BOUND = 2000
"""Pushes that may wait while a batch is being taken; Telethon's own queue has no end."""


class Waiting(asyncio.Queue[Any]):
    """Telethon's queue of updates. Beyond the bound an update is dropped and `overflow` called.

    A wish to catch up (`updatesTooLong`) that still waits covers the next one: whatever was missed by then, its difference has. One that
    was taken out does not, for its difference may have been asked for before.
    """

    def __init__(self, overflow: Callable[[], None], bound: int = BOUND) -> None:
        super().__init__()
        self._overflow = overflow
        self._bound = bound
        self._asked = False

    def put_nowait(self, item: Any) -> None:
        """Add an update."""
        asks = isinstance(item, types.UpdatesTooLong)
        if asks and self._asked:
            return
        if self.qsize() >= self._bound:
            self._overflow()
            return
        self._asked |= asks
        super().put_nowait(item)

    def get_nowait(self) -> Any:
        """Take out the oldest update."""
        item = super().get_nowait()
        if isinstance(item, types.UpdatesTooLong):
            self._asked = False
        return item
