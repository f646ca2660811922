"""Probing a paused callback with the first events of some of its chats, of different chats each time."""

from __future__ import annotations

import asyncio

from functions.callback_delivery.recipients import Recipient
from functions.sweeper.chat_drain import ChatDrain
from functions.sweeper.leased_chat import SlotResult, lease_chat
from functions.sweeper.sweep_run import SweepRun
from shared.model.backlog import CallbackState, ParkedChat

PROBED = 3
"""How many first events a probe tries: one event that its endpoint never takes must not keep the callback paused."""


class CallbackProbe:
    """One probe of one callback."""

    def __init__(self, run: SweepRun, recipient: Recipient, state: CallbackState) -> None:
        self._run = run
        self._recipient = recipient
        self._state = state

    async def accepted(self) -> bool:
        """Tell whether the callback took an event. With nothing to try, it counts as accepting: nothing was refused."""
        found, _ = await self._run.parked_chats(self._recipient.tenant.id)
        together = [chat for chat in found if chat.due_at is None] or found
        chosen = self._choose(together)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._chat(chat)) for chat in chosen]
        results = [task.result() for task in tasks]
        return any(results) or (len(chosen) == len(together) and all(result is None for result in results))

    def _choose(self, chats: list[ParkedChat]) -> list[ParkedChat]:
        first = self._state.probes * PROBED % max(len(chats), 1)
        return (chats + chats)[first : first + min(PROBED, len(chats))]

    async def _chat(self, chat: ParkedChat) -> bool | None:
        """Try a chat's first event; tell whether the callback took it, or was disabled. None if the event is malformed."""
        leased = await lease_chat(self._run, self._recipient, chat.chat, self._run.services.probes)
        if leased is None:
            return False
        slots = await leased.slots(1)
        if leased.stuck:
            await leased.give_back()
            return None
        if not slots:  # an earlier run died before it resumed the chat
            await ChatDrain(self._run, leased).settle_all()
            return False
        self._run.counts.probes += 1
        result = await leased.attempt(slots[0])
        await leased.give_back()
        return result in {SlotResult.ACCEPTED, SlotResult.STOPPED}
