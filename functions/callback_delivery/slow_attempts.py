"""Attempts under way: a callback that leaves one unanswered must not hold up other tenants' events.

A run lasts as long as its slowest attempt, and there are only so many runs at a time. So an attempt that is without an answer

    for LATE_S   holds its callback as long as it lasts: other runs put that tenant's chats back for a moment (`hold`)
    for SLOW_S   counts as a failure of its callback now, whatever its answer will be: five in a row park the callback

A hold is a short lease that is renewed: where this process dies, it ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from functions.callback_delivery.backlog import Parking
from functions.callback_delivery.endpoint_hold import HELD
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.run_state import Run
from shared.clock import Clock
from shared.model.ids import TenantId

LATE_S = 1.5
SLOW_S = 4.0
LOOK_S = 0.5
RENEWED = timedelta(seconds=1)
"""A hold is renewed when it has less than this left."""


@dataclass
class UnderWay:
    """An attempt that has no answer yet. `slow`: it has been counted against its callback."""

    recipient: Recipient
    started_s: float
    slow: bool = False


class Watch:
    """Watches the attempts of one run."""

    def __init__(self, run: Run, backlog: Parking, clock: Clock) -> None:
        self._run = run
        self._backlog = backlog
        self._clock = clock
        self._under_way: list[UnderWay] = []

    @contextlib.contextmanager
    def attempt(self, recipient: Recipient) -> Iterator[UnderWay]:
        """Watch one attempt."""
        mine = UnderWay(recipient, self._clock.boottime())
        self._under_way.append(mine)
        try:
            yield mine
        finally:
            self._under_way.remove(mine)

    async def stay(self) -> None:
        """Look at what is under way, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            late: dict[TenantId, list[UnderWay]] = {}
            for one in self._under_way:
                if self._lasts(one) >= LATE_S:
                    late.setdefault(one.recipient.tenant.id, []).append(one)
            for attempts in late.values():
                await self._hold(attempts)

    async def _hold(self, attempts: list[UnderWay]) -> None:
        recipient, now = attempts[0].recipient, self._clock.now()
        held_until = self._run.callback(recipient.tenant.id).held_until
        slow = [one for one in attempts if not one.slow and self._lasts(one) >= SLOW_S]
        if not slow and held_until is not None and held_until - now >= RENEWED:
            return
        for one in slow:
            one.slow = True
        await self._backlog.failed(self._run, recipient, count=len(slow), held_until=now + HELD)

    def _lasts(self, attempt: UnderWay) -> float:
        return self._clock.boottime() - attempt.started_s
