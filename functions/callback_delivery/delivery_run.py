"""One run: a batch of queue entries, each chat in order, chats and tenants side by side.

    batch -> tenants -> chats -> entries, one after another: delivered, put back, parked or dropped (`entry_delivery`)

If an event is to be tried again, the rest of its chat waits with it in the queue: nothing sleeps here. Each event's end is recorded before
its chat continues. A fault delays its own chat. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from functions.callback_delivery.attempt_outcomes import AttemptOutcomes
from functions.callback_delivery.backlog_writer import BacklogWriter
from functions.callback_delivery.callback_health import HealthCounter
from functions.callback_delivery.early_delete import EarlyDelete
from functions.callback_delivery.endpoint_hold import EndpointHold
from functions.callback_delivery.entry_delivery import EntryDelivery
from functions.callback_delivery.entry_outcome import STORAGE_DELAY_S, Finished, Park, PutBack
from functions.callback_delivery.queue import QueueEntry
from functions.callback_delivery.recipient_cache import RecipientCache
from functions.callback_delivery.recorder import Recorder
from functions.callback_delivery.run_state import RunState
from functions.callback_delivery.services import DeliveryServices
from functions.callback_delivery.slow_attempts import SlowAttempts
from functions.callback_delivery.undelivered_entries import RejectedEvents
from shared.model.ids import EventId, TenantId
from shared.store.rows import fault_of

FAULT_DELAY_S = 30
"""How long a chat waits after an unexpected fault."""
PARK_TRIES = 5
"""How often a run tries to park events in a backlog that others change, before it leaves the chat to a later run."""

Chat = list[QueueEntry]


class DeliveryRun:
    """Delivers one batch. `entries` are in the queue's order, and their pointers are resolved."""

    def __init__(self, services: DeliveryServices, state: RunState, entries: Sequence[QueueEntry]) -> None:
        self._services = services
        self._tenants = _by_tenant(entries)
        chats = sum(map(len, self._tenants))
        self._early_delete = EarlyDelete(services.messages, chats)
        self._recipients = RecipientCache(services, state)
        self._backlog = BacklogWriter(services, state, self._recipients)
        health = HealthCounter(services, state)
        self._hold = EndpointHold(services, state, health)
        self._slow_attempts = SlowAttempts(state, self._hold, services.clock)
        recorder = Recorder(services.deliveries, services.logger, chats)
        self._rejected = RejectedEvents(services, state, recorder)
        outcomes = AttemptOutcomes(services, state, self._recipients, health, recorder)
        self._entries = EntryDelivery(services, state, self._recipients, self._rejected, self._hold, self._slow_attempts, outcomes)

    async def run(self) -> list[QueueEntry]:
        """Deliver the batch; return the entries that stay in the queue."""
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._slow_attempts.watch())
            async with asyncio.TaskGroup() as delivering:
                tasks = [delivering.create_task(self._tenant(chats)) for chats in self._tenants]
            watching.cancel()
        return [entry for task in tasks for entry in task.result()]

    async def _tenant(self, chats: Sequence[Chat]) -> list[QueueEntry]:
        """Deliver one tenant's chats; return the entries that stay. No tenant waits for another one's secrets to be read."""
        tenants = _tenants_of(chats)
        for tenant_id in tenants:
            await asyncio.to_thread(self._recipients.load, tenant_id)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._chat(chat)) for chat in chats]
        for tenant_id in tenants:
            await self._hold.release(tenant_id)
            await self._rejected.save_count(tenant_id)
        return [entry for task in tasks for entry in task.result()]

    async def _chat(self, chat: Chat) -> list[QueueEntry]:
        """Deliver one chat's entries in order; return the entries that stay."""
        progress = _Progress(chat)
        try:
            while progress.left and progress.delay_s is None:
                await self._step(progress)
        except Exception as error:
            extra = {"message_id": progress.left[0].message_id, "fault": fault_of(error)}
            self._services.logger.error("chat failed", extra=extra, exc_info=error)
            progress.delay_s = FAULT_DELAY_S
        if progress.delay_s is not None:
            await asyncio.to_thread(self._services.messages.put_back, progress.left, progress.delay_s)
        await self._early_delete.chat_ended(progress.done)
        return progress.left

    async def _step(self, progress: _Progress) -> None:
        """Deal with a chat's next entry."""
        match await self._entries.deliver(progress.left[0]):
            case Finished():
                progress.advance(1)
            case PutBack(delay_s):
                progress.delay_s = delay_s
            case Park(exhausted):
                await self._park(progress, exhausted)

    async def _park(self, progress: _Progress, exhausted: EventId | None) -> None:
        parked = await self._backlog.park(progress.left, exhausted)
        progress.park_tries += 1
        progress.advance(parked or 0)
        if parked is None or progress.park_tries > PARK_TRIES:
            progress.delay_s = STORAGE_DELAY_S


class _Progress:
    """How far a chat has come. `delay_s`: how long what is left waits in the queue, once it has to."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._count = 0
        self.park_tries = 0
        self.delay_s: int | None = None

    @property
    def done(self) -> list[QueueEntry]:
        return self._chat[: self._count]

    @property
    def left(self) -> list[QueueEntry]:
        return self._chat[self._count :]

    def advance(self, entries: int) -> None:
        self._count += entries


def _by_tenant(entries: Sequence[QueueEntry]) -> list[list[Chat]]:
    """Return the entries of each tenant, by chat."""
    tenants: dict[str, dict[str, Chat]] = {}
    for entry in entries:
        tenants.setdefault(entry.group.partition(":")[0], {}).setdefault(entry.group, []).append(entry)
    return [list(chats.values()) for chats in tenants.values()]


def _tenants_of(chats: Sequence[Chat]) -> set[TenantId]:
    """Return the tenant of some chats: none if no entry can be read."""
    return {entry.key[0] for chat in chats for entry in chat if entry.key}
