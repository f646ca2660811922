"""Draining a parked chat: in order, under a lease, place by place (`shared.store.backlog`).

    lease -> places -> attempt -> settled: delivered, or dead     -> next place ... -> none left -> open
              |           |
              |           '-> refused: again later, and nothing of the chat overtakes it
              '-> the first makes no sense: it waits until it is mended, and nothing of the chat overtakes it

A death leaves the lease, which ends by itself; what was settled stays so. Only an event between its receiver's 2xx and its record is
posted again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from aws_lambda_powertools import Logger

from functions.callback_delivery import retry
from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.delivery_filter import end_of, no_callback
from functions.callback_delivery.recipients import Recipient, Recipients
from functions.callback_delivery.retry import Outcome
from functions.sweeper import schedule
from functions.sweeper.sweep_run import LEASE, Shift
from shared.clock import Clock
from shared.model.backlog import ParkedChat
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.ids import TenantId
from shared.model.tenant import Cause
from shared.observability import tell_malformed
from shared.store.backlog import BacklogStore, Slot
from shared.store.deliveries import DeliveryStore
from shared.store.rows import Malformed

PLACES = 25
AT_ONCE = 20
"""Attempts under way, of all tenants together: as many as a poster has connections, since waiting for one is time of the attempt."""


class Judged(Enum):
    """What became of a place."""

    ACCEPTED = "accepted"
    DEAD = "dead"
    STOPPED = "stopped"
    """There is nobody to post to any more: the callback was disabled, by this answer or meanwhile, or taken away."""
    REFUSED = "refused"
    PASSED = "passed"
    """There was nothing to post: the event has its end already, or has expired."""


class Left(Enum):
    """How a chat was left."""

    OPENED = "opened"
    REFUSED = "refused"
    STOPPED = "stopped"
    BUSY = "busy"
    """Another has it, the time is up, or it is stuck."""


@dataclass
class Held:
    """A chat under our lease.

    `accepted`: whether the callback took any of it; `outcome`: that of the attempt that was refused; `stuck`: its first place, or the
    record of the event there, makes no sense.
    """

    recipient: Recipient
    chat: ParkedChat
    accepted: bool = False
    outcome: Outcome | None = None
    stuck: bool = False

    @property
    def tenant_id(self) -> TenantId:
        """Whose it is."""
        return self.recipient.tenant.id


class Chats:
    """Drains chats."""

    def __init__(
        self,
        recipients: Recipients,
        store: BacklogStore,
        deliveries: DeliveryStore,
        attempts: EventPoster,
        clock: Clock,
        logger: Logger,
    ) -> None:
        self._addressees = recipients
        self._store = store
        self._deliveries = deliveries
        self._attempts = attempts
        self._clock = clock
        self._logger = logger
        self._posting = asyncio.Semaphore(AT_ONCE)

    async def lease(self, shift: Shift, recipient: Recipient, chat: str) -> Held | None:
        """Take a chat; None where another has it. Raises Malformed, with the chat leased: it is looked at again when that ends."""
        now = self._clock.now()
        held = await asyncio.to_thread(self._store.lease_chat, recipient.tenant.id, chat, shift.me, now, now + LEASE)
        return Held(recipient, held) if held else None

    async def drain(self, shift: Shift, held: Held) -> Left:
        """Settle a chat's places in order until one is refused or none is left; what is refused is for the caller to judge."""
        seq = held.chat.seq
        while True:
            places = await self.places(held, PLACES)
            if not places:
                left = await self._emptied(shift, held, seq)
                if isinstance(left, Left):
                    return left
                seq = left
            for place in places:
                if shift.over:
                    return Left.BUSY
                match await self.settle(shift, held, place):
                    case Judged.REFUSED:
                        return Left.REFUSED
                    case Judged.STOPPED:
                        return Left.STOPPED
                    case Judged.ACCEPTED | Judged.DEAD:
                        held.chat = schedule.forgiven(held.chat)

    async def places(self, held: Held, limit: int) -> list[Slot]:
        """Return the first places of a chat's lot; none where it is stuck."""
        try:
            return await asyncio.to_thread(self._store.slots, held.tenant_id, held.chat.chat, limit)
        except Malformed as fault:
            tell_malformed(fault, self._logger)
            held.stuck = True
            return []

    async def settle(self, shift: Shift, held: Held, place: Slot) -> Judged:
        """Make an attempt at a place's event, at the callback as it is now; take the place out of the lot unless it was refused."""
        record = place.record
        if record is None or record.status.final:
            await self._out(held, place, None)
            return Judged.PASSED
        async with self._posting:
            current = await asyncio.to_thread(self._addressees.current, held.recipient)
            if current is None or no_callback(current.tenant):
                return Judged.STOPPED
            held.recipient = current
            made = await self._attempts.make(record.event, record, held.recipient)
        said = {"event_id": place.event_id, "tenant_id": held.tenant_id, "attempts": record.made + 1, "outcome": made.attempt.outcome}
        match retry.decide(made.outcome, len(retry.DELAYS_S) + 1):
            case retry.Delivered():
                shift.tally.delivered += 1
                held.accepted = True
                self._logger.info("event delivered", extra=said)
                await self._out(held, place, record.after(made.attempt, DeliveryStatus.DELIVERED))
                return Judged.ACCEPTED
            case retry.Dead(gone) if not gone or await self.disable(shift, held.recipient, Cause.GONE):
                shift.tally.dead += 1
                self._logger.error("event dead", extra=said)
                await self._out(held, place, record.after(made.attempt, DeliveryStatus.DEAD, made.attempt.outcome))
                return Judged.STOPPED if gone else Judged.DEAD
            case _:
                shift.tally.failed += 1
                self._logger.warning("attempt failed", extra=said)
                held.outcome = made.outcome
                await asyncio.to_thread(self._deliveries.put, record.event, record.after(made.attempt, DeliveryStatus.PARKED))
                return Judged.REFUSED

    async def give_up(self, shift: Shift, held: Held, reason: str) -> None:
        """Make a chat's first event dead, so that the chat can go on."""
        for place in await self.places(held, 1):
            shift.tally.dead += 1
            self._logger.error("event dead", extra={"event_id": place.event_id, "tenant_id": held.tenant_id, "outcome": reason})
            await self._end(held, place, DeliveryStatus.DEAD, reason)
        held.chat = schedule.forgiven(held.chat)

    async def disable(self, shift: Shift, recipient: Recipient, cause: Cause) -> bool:
        """Disable a callback; False where it was set or woken since its recipient was read, and so goes on."""
        disabled = await asyncio.to_thread(self._addressees.disable, recipient, cause)
        if disabled:
            shift.tally.disabled += 1
            self._logger.warning("callback disabled", extra={"tenant_id": recipient.tenant.id, "cause": cause})
        return disabled

    async def clear(self, shift: Shift, held: Held) -> Left:
        """End a chat's events without an attempt while nothing is posted to its tenant; BUSY where something is to be again.

        That is asked anew behind each look at the lot: what was parked after the callback had been set again is not for this.
        """
        seq = held.chat.seq
        while not shift.over:
            places = await self.places(held, PLACES)
            recipient = await asyncio.to_thread(self._addressees.get, held.tenant_id)
            if held.stuck or recipient is None or not (reason := no_callback(recipient.tenant)):
                return Left.BUSY
            for place in places:
                shift.tally.dropped += 1
                await self._end(held, place, end_of(recipient.tenant), reason)
            if not places:
                opened = await asyncio.to_thread(self._store.finish_chat, held.tenant_id, held.chat.chat, shift.me, seq)
                return Left.OPENED if opened else Left.BUSY
        return Left.BUSY

    async def back(self, shift: Shift, held: Held) -> None:
        """Give a chat back as it was: with its callback, or alone and due at once. One that is stuck waits alone, and nobody with it."""
        if held.stuck:
            await self.later(shift, held, schedule.SLOWEST)
        elif held.chat.due_at is None:
            await asyncio.to_thread(self._store.return_chat, held.tenant_id, held.chat.chat, shift.me)
        else:
            await self.later(shift, held, timedelta(0))

    async def later(self, shift: Shift, held: Held, delay: timedelta) -> None:
        """Give a chat back, parked alone and due after a while."""
        await asyncio.to_thread(self._store.reschedule_chat, held.tenant_id, held.chat, shift.me, self._clock.now() + delay)

    async def _emptied(self, shift: Shift, held: Held, seq: int) -> Left | int:
        """Open a chat with an empty lot; return how it is left, or its last place now, where an event was parked behind `seq` meanwhile."""
        if held.stuck:
            return Left.BUSY
        if await asyncio.to_thread(self._store.finish_chat, held.tenant_id, held.chat.chat, shift.me, seq):
            shift.tally.opened += 1
            return Left.OPENED
        again = await asyncio.to_thread(self._store.last_slot, held.tenant_id, held.chat.chat, shift.me)
        return Left.BUSY if again is None else again

    async def _end(self, held: Held, place: Slot, status: DeliveryStatus, reason: str) -> None:
        record = place.record
        ended = record.ended(status, self._clock.now(), reason) if record and not record.status.final else None
        await self._out(held, place, ended)

    async def _out(self, held: Held, place: Slot, ended: Delivery | None) -> None:
        await asyncio.to_thread(self._store.settle, held.tenant_id, held.chat.chat, place, ended)
