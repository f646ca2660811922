"""Watching attempts: a callback that leaves one unanswered must not delay other tenants' events.

A run lasts as long as its slowest attempt, and the number of runs at a time is limited. An attempt without an answer

    for LATE_S   has its callback held while it lasts: other runs put that tenant's chats back for a moment (`endpoint_hold`)
    for SLOW_S   counts as a failure of its callback, whatever its answer will be: five in a row pause the callback

A hold is a short lease that is renewed. If this process dies, the hold ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from functions.callback_delivery.endpoint_hold import EndpointHold
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.run_state import RunState
from shared.clock import Clock
from shared.model.ids import TenantId

LATE_S = 1.5
SLOW_S = 4.0
LOOK_S = 0.5
"""How often the attempts of a run are examined."""
RENEWED = timedelta(seconds=1)
"""A hold with less time left than this is renewed."""


@dataclass
class OpenAttempt:
    """An attempt without an answer so far. `slow`: it has been counted as a failure of its callback."""

    recipient: Recipient
    started_s: float
    slow: bool = False


class SlowAttempts:
    """Watches the attempts of one run."""

    def __init__(self, state: RunState, hold: EndpointHold, clock: Clock) -> None:
        self._state = state
        self._hold = hold
        self._clock = clock
        self._open: list[OpenAttempt] = []

    @contextlib.contextmanager
    def attempt(self, recipient: Recipient) -> Iterator[OpenAttempt]:
        """Watch an attempt for as long as the context lasts."""
        attempt = OpenAttempt(recipient, self._clock.boottime())
        self._open.append(attempt)
        try:
            yield attempt
        finally:
            self._open.remove(attempt)

    async def watch(self) -> None:
        """Examine the open attempts again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            late: dict[TenantId, list[OpenAttempt]] = {}
            for attempt in self._open:
                if self._age_s(attempt) >= LATE_S:
                    late.setdefault(attempt.recipient.tenant.id, []).append(attempt)
            for attempts in late.values():
                await self._hold_callback(attempts)

    async def _hold_callback(self, attempts: list[OpenAttempt]) -> None:
        """Renew the hold of one callback if it ends soon, or if there are failures to count."""
        recipient = attempts[0].recipient
        held_until = self._state.callback(recipient.tenant.id).held_until
        slow = [attempt for attempt in attempts if not attempt.slow and self._age_s(attempt) >= SLOW_S]
        if not slow and held_until is not None and held_until - self._clock.now() >= RENEWED:
            return
        for attempt in slow:
            attempt.slow = True
        await self._hold.renew(recipient, len(slow))

    def _age_s(self, attempt: OpenAttempt) -> float:
        return self._clock.boottime() - attempt.started_s
