"""What is done about a callback, or a chat parked alone, that is due.

callback parked     probe up to three chats' first events -> none taken: later, wider
                                                          -> one taken: draining
callback draining   its chats side by side -> none left: open;  five failures in a row: parked again
                    a chat's row makes no sense: not opened before that is mended, what is parked there would be forgotten
chat alone          its callback parked: wait with it;  else drain -> refused: later, or its first event is given up
any chat            its first event's record makes no sense: it waits alone until that is mended, and nobody with it
nobody to post to   tenant gone: everything of it is erased;  no callback, or disabled: events end without an attempt
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import islice

from aws_lambda_powertools import Logger

from functions.callback_delivery.delivery_filter import no_callback
from functions.callback_delivery.recipients import Recipient, Recipients
from functions.sweeper import schedule
from functions.sweeper.chat_drain import Chats, Held, Judged, Left
from functions.sweeper.sweep_run import LEASE, Shift
from shared.clock import Clock
from shared.model.backlog import CallbackHealth, CallbackState, ParkedChat
from shared.model.ids import TenantId
from shared.model.tenant import Cause
from shared.observability import sensible
from shared.store.backlog import BacklogStore, digest_of
from shared.store.deliveries import DeliveryStore
from shared.store.rows import fault_of

PROBED = 3
"""First events that a probe tries: one poison message must not keep a callback closed."""
CANDIDATES = 100
SIDE_BY_SIDE = 8
"""Chats of one tenant that are drained at once."""
HOPELESS_REASON = "refused for an hour while the endpoint took other events"


class Visits:
    """Visits what is due."""

    def __init__(
        self,
        recipients: Recipients,
        store: BacklogStore,
        deliveries: DeliveryStore,
        chats: Chats,
        probed: Chats,
        clock: Clock,
        logger: Logger,
    ) -> None:
        self._addressees = recipients
        self._store = store
        self._deliveries = deliveries
        self._chats = chats
        self._probes = probed  # with connections of their own: probes that hang must not hold up what drains
        self._clock = clock
        self._logger = logger

    async def callback(self, shift: Shift, tenant_id: TenantId) -> None:
        """Probe or drain a callback."""
        now = self._clock.now()
        state = await asyncio.to_thread(self._store.lease_callback, tenant_id, shift.me, now, now + LEASE)
        if state is None:
            return
        recipient = await self._recipient(shift, tenant_id)
        if recipient is None:
            return
        if not no_callback(recipient.tenant) and state.state is CallbackHealth.PAUSED:
            if schedule.given_up(state.since, now):
                await self._chats.disable(shift, recipient, Cause.NO_SUCCESS)  # or, where it was set or woken meanwhile, try it
            elif not await self._probed(shift, recipient, state):
                await self._later(shift, tenant_id, schedule.delay(state.probes + 1), state.probes + 1)
                return
        if state.state is CallbackHealth.PAUSED and await asyncio.to_thread(self._store.start_recovery, tenant_id, shift.me) is None:
            return
        await self._drained(shift, recipient)

    async def chat(self, shift: Shift, tenant_id: TenantId, chat: str) -> None:
        """Drain a chat that is parked alone."""
        recipient = await self._recipient(shift, tenant_id)
        if recipient is None or (held := await self._chats.lease(shift, recipient, chat)) is None:
            return
        state = await asyncio.to_thread(self._store.callback_state, tenant_id)
        if state.state is CallbackHealth.PAUSED and not no_callback(recipient.tenant):
            if not await asyncio.to_thread(self._store.join_callback, tenant_id, chat, shift.me):
                await self._chats.back(shift, held)
            return
        await self._one(shift, recipient, held)

    async def _recipient(self, shift: Shift, tenant_id: TenantId) -> Recipient | None:
        """Return to whom a tenant's events go; where the tenant is gone, erase what is left of it."""
        recipient = await asyncio.to_thread(self._addressees.get, tenant_id)
        if recipient is None:
            self._logger.info("tenant is gone, its deliveries are erased", extra={"tenant_id": tenant_id})
            while not shift.over and await asyncio.to_thread(self._deliveries.erase_some, tenant_id):
                pass  # two weeks of records may take more than one run
        return recipient

    async def _probed(self, shift: Shift, recipient: Recipient, state: CallbackState) -> bool:
        """Try the first events of some chats, of others each time; tell whether the callback took one. Nothing to try: nothing refuses."""
        found, _ = await self._parked(recipient.tenant.id)
        together = [chat for chat in found if chat.due_at is None] or found
        first = state.probes * PROBED % max(len(together), 1)
        chosen = (together + together)[first : first + min(PROBED, len(together))]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._probe(shift, recipient, chat)) for chat in chosen]
        took = [task.result() for task in tasks]
        return any(took) or (len(chosen) == len(together) and all(one is None for one in took))

    async def _probe(self, shift: Shift, recipient: Recipient, chat: ParkedChat) -> bool | None:
        """Try a chat's first event; tell whether the callback took it, or is none any more; None where there is no telling what it is."""
        held = await self._probes.lease(shift, recipient, chat.chat)
        if held is None:
            return False
        places = await self._probes.places(held, 1)
        if held.stuck:
            await self._probes.back(shift, held)
            return None
        if not places:  # its drainer died before it could open it
            await self._probes.drain(shift, held)
            return False
        shift.tally.probes += 1
        judged = await self._probes.settle(shift, held, places[0])
        await self._probes.back(shift, held)
        return judged in {Judged.ACCEPTED, Judged.STOPPED}

    async def _drained(self, shift: Shift, recipient: Recipient) -> None:
        """Drain a callback's chats until none is left, it refuses again, or the time is up."""
        tenant_id, delay = recipient.tenant.id, timedelta(0)
        while not shift.over:
            state = await asyncio.to_thread(self._store.callback_state, tenant_id)
            if state.drainer != shift.me:
                return
            if state.state is CallbackHealth.PAUSED:
                delay = schedule.delay(0)
                break
            found, faults = await self._parked(tenant_id)
            chats = [chat for chat in found if chat.due_at is None][:CANDIDATES]
            if not chats:
                if faults:
                    delay = schedule.SLOWEST
                    break
                if await asyncio.to_thread(self._store.finish_recovery, tenant_id, shift.me, state.seq):
                    self._logger.info("callback open", extra={"tenant_id": tenant_id})
                    return
                continue
            if not await self._round(shift, recipient, chats):
                delay = schedule.delay(0)
                break
        await self._later(shift, tenant_id, delay, 0)

    async def _round(self, shift: Shift, recipient: Recipient, chats: list[ParkedChat]) -> bool:
        """Drain some chats side by side; tell whether any of them was ours to drain."""
        waiting = iter(chats)

        async def drain() -> int:
            ours = 0
            for chat in waiting:
                if shift.over:
                    break
                try:
                    held = await self._chats.lease(shift, recipient, chat.chat)
                    ours += held is not None
                    if held and not await self._one(shift, recipient, held):
                        break
                except Exception as error:  # the edge of a chat: the others' attempts under way must come to their records
                    self._logger.error("chat cannot be drained", extra={"tenant_id": recipient.tenant.id, "fault": fault_of(error)})
                    break
            return ours

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(drain()) for _ in range(SIDE_BY_SIDE)]
        return any(task.result() for task in tasks)

    async def _one(self, shift: Shift, recipient: Recipient, held: Held) -> bool:
        """Drain one chat and see to what it was left with; False where the callback is parked or disabled by now."""
        fresh = await asyncio.to_thread(self._addressees.get, recipient.tenant.id)
        if fresh is None:  # erased by the next visit
            await self._chats.back(shift, held)
            return False
        held.recipient = fresh
        if no_callback(fresh.tenant):
            if await self._chats.clear(shift, held) is Left.BUSY:
                await self._chats.back(shift, held)
            return True
        return await self._posted(shift, held)

    async def _posted(self, shift: Shift, held: Held) -> bool:
        """Post one chat's events and see to what it was left with; False where the callback is parked or is none by now."""
        while True:
            held.accepted = False
            left = await self._chats.drain(shift, held)
            if held.accepted:
                await asyncio.to_thread(self._store.count_success, held.tenant_id)
            match left:
                case Left.OPENED:
                    return True
                case Left.STOPPED:
                    await self._chats.back(shift, held)
                    return False
                case Left.BUSY:
                    await self._chats.back(shift, held)
                    return True
                case Left.REFUSED:
                    if (on := await self._refused(shift, held)) is not None:
                        return on

    async def _refused(self, shift: Shift, held: Held) -> bool | None:
        """See to a chat whose first event was refused; None where that was given up and the chat goes on at once."""
        now, tenant = self._clock.now(), held.recipient.tenant
        state = await asyncio.to_thread(self._store.count_failures, tenant.id, digest_of(tenant.callback_url), now, now + schedule.FIRST)
        if state.state is CallbackHealth.PAUSED:
            self._logger.warning("callback parked", extra={"tenant_id": tenant.id})
            if held.chat.due_at is None or not await asyncio.to_thread(self._store.join_callback, tenant.id, held.chat.chat, shift.me):
                await self._chats.back(shift, held)
            return False
        held.chat = schedule.struck(held.chat, now)
        if schedule.hopeless(held.chat, now):
            await self._chats.give_up(shift, held, HOPELESS_REASON)
            return None
        delay = schedule.delay(held.chat.strikes - 1)
        await self._chats.later(shift, held, max(delay, schedule.asked(held.outcome)) if held.outcome else delay)
        return True

    async def _parked(self, tenant_id: TenantId) -> tuple[list[ParkedChat], bool]:
        """Return a tenant's parked chats, and whether there are some whose rows make no sense."""
        found = await asyncio.to_thread(lambda: list(islice(self._store.parked_chats(tenant_id), CANDIDATES * 10)))
        chats = sensible(found, self._logger)
        return chats, len(chats) < len(found)

    async def _later(self, shift: Shift, tenant_id: TenantId, delay: timedelta, probes: int) -> None:
        now = self._clock.now()
        await asyncio.to_thread(self._store.reschedule_callback, tenant_id, shift.me, now + delay, probes, now)
