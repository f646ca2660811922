"""The stream of what happened, numbered: the phone page and every waiting test read it.

Kept in memory and bounded: a reader that falls too far behind, or comes from before a restart, is told so (`missed`).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Found = TypeVar("Found")
KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one person; `describe` makes its JSON only when somebody reads it."""

    number: int
    kind: str
    person_id: int
    describe: Callable[[], dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {"number": self.number, "kind": self.kind, "person_id": self.person_id, **self.describe()}


class Changes:
    """Append changes and let readers wait for the next one."""

    def __init__(self) -> None:
        self.stream_id = secrets.token_hex(8)
        self.last = 0
        self.closed = False
        self._kept: deque[Change] = deque(maxlen=KEPT)
        self._waiting: set[asyncio.Future[None]] = set()

    def add(self, kind: str, person_id: int, describe: Callable[[], dict[str, Any]]) -> None:
        self.last += 1
        self._kept.append(Change(self.last, kind, person_id, describe))
        if self._waiting:
            self._wake()

    def close(self) -> None:
        """Let every waiting reader go: nothing more will happen."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    def since(self, number: int) -> list[Change]:
        """Return the kept changes after `number`, oldest first."""
        return [change for change in self._kept if change.number > number] if number < self.last else []

    def missed(self, number: int) -> bool:
        """Tell whether a reader that has seen `number` cannot be given all that followed."""
        oldest = self._kept[0].number if self._kept else 1
        return number > self.last or number + 1 < oldest

    @property
    def awaited(self) -> bool:
        """Whether anybody waits for the next change."""
        return bool(self._waiting)

    async def until(self, found: Callable[[], Found | None], wait_s: float) -> Found | None:
        """Return what `found` finds, asking again after each change, or None when `wait_s` seconds have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while (result := found()) is None and not self.closed:
                    await self._next()
                return result
        return found()

    async def _next(self) -> None:
        """Return once something more happens. Cancelling it leaves nothing behind."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
