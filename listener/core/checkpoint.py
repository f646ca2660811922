"""When an account's marks are saved: some seconds after they moved, and not before they move again.

A timer and, while it saves, a task: an account whose marks stand still costs neither, nor a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from listener.core.runtime.backoff import AWS_AWAY
from shared.store.fenced import Superseded

CHECKPOINT_EVERY_S = 5.0


class Checkpoint:
    """Saves by `save` after `moved`; `superseded` is told where another owner has the account by now."""

    def __init__(self, save: Callable[[], Awaitable[None]], superseded: Callable[[], None], every_s: float = CHECKPOINT_EVERY_S) -> None:
        self._save = save
        self._superseded = superseded
        self._every_s = every_s
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None

    def moved(self) -> None:
        """Note that there is something to save."""
        if self._timer is None and not self._stopped:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._due)

    def stop(self) -> None:
        """Save no more by itself."""
        self._stopped = True
        if self._timer:
            self._timer.cancel()

    async def saved(self) -> None:
        """Wait for what is being saved, lest it overwrite what is saved after."""
        if self._saving:
            await asyncio.wait((self._saving,))

    def _due(self) -> None:
        self._timer = None
        if self._saving and not self._saving.done():
            self.moved()
        else:
            self._saving = asyncio.get_running_loop().create_task(self._go())

    async def _go(self) -> None:
        try:
            await self._save()
            self._saving = None
        except AWS_AWAY:
            self.moved()
        except Superseded:
            self._superseded()
