"""Draining a recovering callback: its chats, some at a time, until none is left.

none left                             healthy
five failures in a row                paused again
the row of a chat is malformed        not healthy before it is repaired: what is parked there would be forgotten
the time is up                        due again at once
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from functions.callback_delivery.recipients import Recipient
from functions.sweeper import schedule
from functions.sweeper.chat_drain import ChatDrain
from functions.sweeper.leased_chat import lease_chat
from functions.sweeper.sweep_run import SweepRun
from shared.model.backlog import CallbackHealth, ParkedChat
from shared.store.rows import fault_of

CHATS_A_ROUND = 100
SIDE_BY_SIDE = 8
"""Chats of one tenant that are drained at a time."""


class CallbackDrain:
    """Drains one callback that this run has leased."""

    def __init__(self, run: SweepRun, recipient: Recipient) -> None:
        self._run = run
        self._services = run.services
        self._recipient = recipient
        self._tenant_id = recipient.tenant.id

    async def run(self) -> None:
        """Drain the callback's chats, then make it healthy or give it back."""
        delay = await self._drain()
        if delay is not None:
            await self.reschedule(delay, 0)

    async def reschedule(self, delay: timedelta, probes: int) -> None:
        """Give the callback back, due after a delay, with the number of probes made since it was paused."""
        now = self._services.clock.now()
        await asyncio.to_thread(self._services.callbacks.reschedule, self._tenant_id, self._run.id, now + delay, probes, now)

    async def _drain(self) -> timedelta | None:
        """Drain chats; return when the callback is due again, or None if it is healthy, or the lease is lost."""
        while not self._run.over:
            state = await asyncio.to_thread(self._services.callbacks.get, self._tenant_id)
            if state.drainer != self._run.id:
                return None
            if state.state is CallbackHealth.PAUSED:
                return schedule.delay(0)
            found, malformed = await self._run.parked_chats(self._tenant_id)
            chats = [chat for chat in found if chat.due_at is None][:CHATS_A_ROUND]
            if chats:
                if not await self._round(chats):
                    return schedule.delay(0)
            elif malformed:
                return schedule.SLOWEST
            elif await self._finish(state.seq):
                return None
        return timedelta(0)

    async def _finish(self, seq: int) -> bool:
        """Make the callback healthy; False if a chat was parked with it meanwhile."""
        healthy = await asyncio.to_thread(self._services.callbacks.finish_recovery, self._tenant_id, self._run.id, seq)
        if healthy:
            self._services.logger.info("callback healthy", extra={"tenant_id": self._tenant_id})
        return healthy

    async def _round(self, chats: list[ParkedChat]) -> bool:
        """Drain some chats side by side; tell whether this run could lease any of them."""
        waiting = iter(chats)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._drain_each(waiting)) for _ in range(SIDE_BY_SIDE)]
        return any(task.result() for task in tasks)

    async def _drain_each(self, waiting: Iterator[ParkedChat]) -> int:
        """Drain chats one after another; return how many were leased. Stop once the callback is paused or disabled."""
        leases = 0
        for chat in waiting:
            if self._run.over:
                break
            try:
                leased = await lease_chat(self._run, self._recipient, chat.chat, self._services.drains)
                leases += leased is not None
                if leased and not await ChatDrain(self._run, leased).run():
                    break
            except Exception as error:  # the other chats' open attempts must still be recorded
                self._services.logger.error("chat cannot be drained", extra={"tenant_id": self._tenant_id, "fault": fault_of(error)})
                break
        return leases
