"""A parked chat under our lease: its slots are settled in order, then the chat is given back or resumed.

A process that dies leaves the lease, which ends by itself. What was settled stays settled. Only an event between its receiver's 2xx and
its record is posted again.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from enum import Enum

from functions.callback_delivery import retry
from functions.callback_delivery.attempt import AttemptResult
from functions.callback_delivery.delivery_filter import final_status, no_callback
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.retry import Outcome
from functions.sweeper import schedule
from functions.sweeper.sweep_run import LEASE, PosterPool, SweepRun
from shared.model.backlog import ParkedChat
from shared.model.delivery import Delivery, DeliveryRecord, DeliveryStatus
from shared.model.ids import TenantId
from shared.model.tenant import Cause, Tenant
from shared.observability import log_malformed
from shared.store.backlog import Slot
from shared.store.rows import Malformed


class SlotResult(Enum):
    """What happened to a slot."""

    ACCEPTED = "accepted"
    DEAD = "dead"
    STOPPED = "stopped"
    """Nothing is posted to the tenant any more: its callback was disabled (by this answer or before), or removed."""
    REFUSED = "refused"
    SKIPPED = "skipped"
    """There was nothing to post: the event is final already, or its record has expired."""


async def lease_chat(run: SweepRun, recipient: Recipient, chat: str, pool: PosterPool) -> LeasedChat | None:
    """Lease a chat; None if another run has it, or it is not parked. Raises Malformed, with the chat leased until the lease ends."""
    now = run.services.clock.now()
    leased = await asyncio.to_thread(run.services.backlog.lease_chat, recipient.tenant.id, chat, run.id, now, now + LEASE)
    return LeasedChat(run, recipient, leased, pool) if leased else None


class LeasedChat:
    """A chat that this run may settle.

    `accepted`: the callback took an event of it. `refusal`: the outcome of the attempt that was refused. `stuck`: its first slot, or the
    record of the event there, is malformed.
    """

    def __init__(self, run: SweepRun, recipient: Recipient, chat: ParkedChat, pool: PosterPool) -> None:
        self._run = run
        self._services = run.services
        self._pool = pool
        self.recipient = recipient
        self.chat = chat
        self.accepted = False
        self.refusal: Outcome | None = None
        self.stuck = False

    @property
    def tenant_id(self) -> TenantId:
        """The chat's tenant."""
        return self.recipient.tenant.id

    async def slots(self, limit: int) -> list[Slot]:
        """Return the chat's first slots; none if it is stuck."""
        try:
            return await asyncio.to_thread(self._services.backlog.slots, self.tenant_id, self.chat.chat, limit)
        except Malformed as fault:
            log_malformed(fault, self._services.logger)
            self.stuck = True
            return []

    async def attempt(self, slot: Slot) -> SlotResult:
        """Make an attempt at a slot's event, at the callback as it is now. Remove the slot, unless the event was refused."""
        record = slot.record
        if record is None or record.status.final:
            await self._remove(slot, None)
            return SlotResult.SKIPPED
        async with self._pool.free:
            current = await asyncio.to_thread(self._services.recipients.current, self.recipient)
            if current is None or no_callback(current.tenant):
                return SlotResult.STOPPED
            self.recipient = current
            result = await self._pool.poster.post(record.event, record, current)
        return await self._apply(slot, record, result)

    async def give_up_first(self, reason: str) -> None:
        """Make the chat's first event dead, so that the chat can continue."""
        for slot in await self.slots(1):
            self._run.counts.dead += 1
            extra = {"event_id": slot.event_id, "tenant_id": self.tenant_id, "outcome": reason}
            self._services.logger.error("event dead", extra=extra)
            await self._end(slot, DeliveryStatus.DEAD, reason)
        self.forgive()

    async def end(self, slots: list[Slot], tenant: Tenant, reason: str) -> None:
        """End events without an attempt, since their tenant accepts no deliveries."""
        for slot in slots:
            self._run.counts.dropped += 1
            await self._end(slot, final_status(tenant), reason)

    def forgive(self) -> None:
        """Forget the refusals of the chat's first event: another event is first now."""
        self.chat = schedule.forgiven(self.chat)

    async def finish(self, seq: int) -> bool:
        """Resume a chat with an empty backlog; False if it is stuck, an event was parked after `seq`, or the lease is lost."""
        return not self.stuck and await asyncio.to_thread(
            self._services.backlog.finish_chat, self.tenant_id, self.chat.chat, self._run.id, seq
        )

    async def last_seq(self) -> int | None:
        """Return the number of the last slot that was used in the chat's backlog; None if it is stuck, or the lease is lost."""
        if self.stuck:
            return None
        return await asyncio.to_thread(self._services.backlog.last_seq, self.tenant_id, self.chat.chat, self._run.id)

    async def join_callback(self) -> bool:
        """Have a chat that was parked alone wait with its callback; False if the callback is not paused, or the lease is lost."""
        return await asyncio.to_thread(self._services.backlog.join_callback, self.tenant_id, self.chat.chat, self._run.id)

    async def give_back(self) -> None:
        """Give the chat back as it was: with its callback, or alone and due at once. A stuck chat waits alone, and delays no other."""
        if self.stuck:
            await self.reschedule(schedule.SLOWEST)
        elif self.chat.due_at is None:
            await asyncio.to_thread(self._services.backlog.return_chat, self.tenant_id, self.chat.chat, self._run.id)
        else:
            await self.reschedule(timedelta(0))

    async def reschedule(self, delay: timedelta) -> None:
        """Give the chat back, parked alone and due after a delay."""
        due = self._services.clock.now() + delay
        await asyncio.to_thread(self._services.backlog.reschedule_chat, self.tenant_id, self.chat, self._run.id, due)

    async def _apply(self, slot: Slot, record: DeliveryRecord, result: AttemptResult) -> SlotResult:
        attempt, outcome = result.attempt, result.attempt.outcome
        extra = {"event_id": slot.event_id, "tenant_id": self.tenant_id, "attempts": record.made + 1, "outcome": outcome}
        match retry.decide(result.outcome, len(retry.DELAYS_S) + 1):
            case retry.Delivered():
                self._run.counts.delivered += 1
                self.accepted = True
                self._services.logger.info("event delivered", extra=extra)
                await self._remove(slot, record.after(attempt, DeliveryStatus.DELIVERED))
                return SlotResult.ACCEPTED
            case retry.Dead(gone) if not gone or await self._run.disable(self.recipient, Cause.GONE):
                self._run.counts.dead += 1
                self._services.logger.error("event dead", extra=extra)
                await self._remove(slot, record.after(attempt, DeliveryStatus.DEAD, outcome))
                return SlotResult.STOPPED if gone else SlotResult.DEAD
            case _:
                self._run.counts.failed += 1
                self._services.logger.warning("attempt failed", extra=extra)
                self.refusal = result.outcome
                await asyncio.to_thread(self._services.deliveries.put, record.event, record.after(attempt, DeliveryStatus.PARKED))
                return SlotResult.REFUSED

    async def _end(self, slot: Slot, status: DeliveryStatus, reason: str) -> None:
        record = slot.record
        ended = record.ended(status, self._services.clock.now(), reason) if record and not record.status.final else None
        await self._remove(slot, ended)

    async def _remove(self, slot: Slot, ended: Delivery | None) -> None:
        await asyncio.to_thread(self._services.backlog.settle, self.tenant_id, self.chat.chat, slot, ended)
