"""Draining a parked chat: in order, slot by slot, until an event is refused or nothing is left.

slots -> attempt -> accepted, dead or skipped -> next slot ... -> none left: resumed
   |        |-> refused: the chat is due again later, or waits with its callback; after many refusals its first event is given up
   |        '-> stopped: nothing is posted to the tenant any more
   '-> the first slot is malformed: the chat waits until the row is repaired
"""

from __future__ import annotations

import asyncio
from enum import Enum

from functions.callback_delivery.delivery_filter import no_callback
from functions.sweeper import schedule
from functions.sweeper.leased_chat import LeasedChat, SlotResult
from functions.sweeper.sweep_run import SweepRun
from shared.model.backlog import CallbackHealth
from shared.store.callback_states import url_digest

SLOTS = 25
"""How many slots are read at a time."""
GIVEN_UP_REASON = "refused for an hour while the endpoint took other events"


class DrainResult(Enum):
    """Why draining a chat ended."""

    RESUMED = "resumed"
    REFUSED = "refused"
    STOPPED = "stopped"
    LEFT = "left"
    """The lease is lost, the time is up, or the chat is stuck."""


class ChatDrain:
    """Drains one leased chat."""

    def __init__(self, run: SweepRun, leased: LeasedChat) -> None:
        self._run = run
        self._services = run.services
        self._leased = leased

    async def run(self) -> bool:
        """Drain the chat and give it back; False if the callback is paused or disabled by now."""
        leased = self._leased
        current = await asyncio.to_thread(self._services.recipients.get, leased.tenant_id)
        if current is None:  # the next visit erases what is left of the tenant
            await leased.give_back()
            return False
        leased.recipient = current
        if no_callback(current.tenant):
            await self._clear()
            return True
        return await self._post_all()

    async def settle_all(self) -> DrainResult:
        """Settle the chat's slots in order, until an event is refused or the chat is resumed."""
        seq: int | None = self._leased.chat.seq
        while seq is not None:
            slots = await self._leased.slots(SLOTS)
            if not slots:
                if await self._leased.finish(seq):
                    self._run.counts.resumed += 1
                    return DrainResult.RESUMED
                seq = await self._leased.last_seq()
            for slot in slots:
                if self._run.over:
                    return DrainResult.LEFT
                match await self._leased.attempt(slot):
                    case SlotResult.REFUSED:
                        return DrainResult.REFUSED
                    case SlotResult.STOPPED:
                        return DrainResult.STOPPED
                    case SlotResult.ACCEPTED | SlotResult.DEAD:
                        self._leased.forgive()
                    case SlotResult.SKIPPED:
                        pass
        return DrainResult.LEFT

    async def _post_all(self) -> bool:
        """Post the chat's events; False if the callback is paused or disabled by now."""
        leased = self._leased
        while True:
            leased.accepted = False
            result = await self.settle_all()
            if leased.accepted:
                await asyncio.to_thread(self._services.callbacks.count_success, leased.tenant_id)
            if result is DrainResult.RESUMED:
                return True
            if result is not DrainResult.REFUSED:
                await leased.give_back()
                return result is DrainResult.LEFT
            if (healthy := await self._refused()) is not None:
                return healthy

    async def _refused(self) -> bool | None:
        """Count a refusal. False if it paused the callback; None if the refused event was given up and the chat continues at once."""
        leased, now = self._leased, self._services.clock.now()
        digest = url_digest(leased.recipient.tenant.callback_url)
        state = await asyncio.to_thread(self._services.callbacks.count_failures, leased.tenant_id, digest, now, now + schedule.FIRST)
        if state.state is CallbackHealth.PAUSED:
            self._services.logger.warning("callback paused", extra={"tenant_id": leased.tenant_id})
            if leased.chat.due_at is None or not await leased.join_callback():
                await leased.give_back()
            return False
        leased.chat = schedule.refused(leased.chat, now)
        if schedule.hopeless(leased.chat, now):
            await leased.give_up_first(GIVEN_UP_REASON)
            return None
        delay = schedule.delay(leased.chat.strikes - 1)
        await leased.reschedule(max(delay, schedule.retry_after(leased.refusal)) if leased.refusal else delay)
        return True

    async def _clear(self) -> None:
        """End the chat's events while nothing is posted to its tenant. Give the chat back if that changes.

        The tenant is read again after each read of the backlog: events that were parked after the callback was set again are not ended.
        """
        leased, seq = self._leased, self._leased.chat.seq
        while not self._run.over:
            slots = await leased.slots(SLOTS)
            recipient = await asyncio.to_thread(self._services.recipients.get, leased.tenant_id)
            if leased.stuck or recipient is None or not (reason := no_callback(recipient.tenant)):
                break
            await leased.end(slots, recipient.tenant, reason)
            if not slots:
                if await leased.finish(seq):
                    return
                break
        await leased.give_back()
