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

from functions.callback_delivery.addressees import Addressee, Addressees
from functions.callback_delivery.wanted import no_callback
from functions.sweeper import schedule
from functions.sweeper.chat import Chats, Held, Judged, Left
from functions.sweeper.shift import LEASE, Shift
from shared.clock import Clock
from shared.model.ids import TenantId
from shared.model.parking import CallbackState, Lane, ParkedChat
from shared.model.tenant import Cause
from shared.observability import sensible
from shared.store.deliveries import DeliveryStore
from shared.store.parking import ParkingStore, digest_of
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
        addressees: Addressees,
        store: ParkingStore,
        deliveries: DeliveryStore,
        chats: Chats,
        probed: Chats,
        clock: Clock,
        logger: Logger,
    ) -> None:
        self._addressees = addressees
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
        addressee = await self._addressee(shift, tenant_id)
        if addressee is None:
            return
        if not no_callback(addressee.tenant) and state.state is Lane.PARKED:
            if schedule.given_up(state.since, now):
                await self._chats.disable(shift, addressee, Cause.NO_SUCCESS)  # or, where it was set or woken meanwhile, try it
            elif not await self._probed(shift, addressee, state):
                await self._later(shift, tenant_id, schedule.delay(state.probes + 1), state.probes + 1)
                return
        if state.state is Lane.PARKED and await asyncio.to_thread(self._store.drain, tenant_id, shift.me) is None:
            return
        await self._drained(shift, addressee)

    async def chat(self, shift: Shift, tenant_id: TenantId, chat: str) -> None:
        """Drain a chat that is parked alone."""
        addressee = await self._addressee(shift, tenant_id)
        if addressee is None or (held := await self._chats.lease(shift, addressee, chat)) is None:
            return
        state = await asyncio.to_thread(self._store.callback, tenant_id)
        if state.state is Lane.PARKED and not no_callback(addressee.tenant):
            if not await asyncio.to_thread(self._store.join, tenant_id, chat, shift.me):
                await self._chats.back(shift, held)
            return
        await self._one(shift, addressee, held)

    async def _addressee(self, shift: Shift, tenant_id: TenantId) -> Addressee | None:
        """Return to whom a tenant's events go; where the tenant is gone, erase what is left of it."""
        addressee = await asyncio.to_thread(self._addressees.get, tenant_id)
        if addressee is None:
            self._logger.info("tenant is gone, its deliveries are erased", extra={"tenant_id": tenant_id})
            while not shift.over and await asyncio.to_thread(self._deliveries.erase_some, tenant_id):
                pass  # two weeks of records may take more than one run
        return addressee

    async def _probed(self, shift: Shift, addressee: Addressee, state: CallbackState) -> bool:
        """Try the first events of some chats, of others each time; tell whether the callback took one. Nothing to try: nothing refuses."""
        found, _ = await self._parked(addressee.tenant.id)
        together = [chat for chat in found if chat.due_at is None] or found
        first = state.probes * PROBED % max(len(together), 1)
        chosen = (together + together)[first : first + min(PROBED, len(together))]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._probe(shift, addressee, chat)) for chat in chosen]
        took = [task.result() for task in tasks]
        return any(took) or (len(chosen) == len(together) and all(one is None for one in took))

    async def _probe(self, shift: Shift, addressee: Addressee, chat: ParkedChat) -> bool | None:
        """Try a chat's first event; tell whether the callback took it, or is none any more; None where there is no telling what it is."""
        held = await self._probes.lease(shift, addressee, chat.chat)
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

    async def _drained(self, shift: Shift, addressee: Addressee) -> None:
        """Drain a callback's chats until none is left, it refuses again, or the time is up."""
        tenant_id, delay = addressee.tenant.id, timedelta(0)
        while not shift.over:
            state = await asyncio.to_thread(self._store.callback, tenant_id)
            if state.drainer != shift.me:
                return
            if state.state is Lane.PARKED:
                delay = schedule.delay(0)
                break
            found, faults = await self._parked(tenant_id)
            chats = [chat for chat in found if chat.due_at is None][:CANDIDATES]
            if not chats:
                if faults:
                    delay = schedule.SLOWEST
                    break
                if await asyncio.to_thread(self._store.open, tenant_id, shift.me, state.seq):
                    self._logger.info("callback open", extra={"tenant_id": tenant_id})
                    return
                continue
            if not await self._round(shift, addressee, chats):
                delay = schedule.delay(0)
                break
        await self._later(shift, tenant_id, delay, 0)

    async def _round(self, shift: Shift, addressee: Addressee, chats: list[ParkedChat]) -> bool:
        """Drain some chats side by side; tell whether any of them was ours to drain."""
        waiting = iter(chats)

        async def drain() -> int:
            ours = 0
            for chat in waiting:
                if shift.over:
                    break
                try:
                    held = await self._chats.lease(shift, addressee, chat.chat)
                    ours += held is not None
                    if held and not await self._one(shift, addressee, held):
                        break
                except Exception as error:  # the edge of a chat: the others' attempts under way must come to their records
                    self._logger.error("chat cannot be drained", extra={"tenant_id": addressee.tenant.id, "fault": fault_of(error)})
                    break
            return ours

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(drain()) for _ in range(SIDE_BY_SIDE)]
        return any(task.result() for task in tasks)

    async def _one(self, shift: Shift, addressee: Addressee, held: Held) -> bool:
        """Drain one chat and see to what it was left with; False where the callback is parked or disabled by now."""
        fresh = await asyncio.to_thread(self._addressees.get, addressee.tenant.id)
        if fresh is None:  # erased by the next visit
            await self._chats.back(shift, held)
            return False
        held.addressee = fresh
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
                await asyncio.to_thread(self._store.accepted, held.tenant_id)
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
        now, tenant = self._clock.now(), held.addressee.tenant
        state = await asyncio.to_thread(self._store.failed, tenant.id, digest_of(tenant.callback_url), now, now + schedule.FIRST)
        if state.state is Lane.PARKED:
            self._logger.warning("callback parked", extra={"tenant_id": tenant.id})
            if held.chat.due_at is None or not await asyncio.to_thread(self._store.join, tenant.id, held.chat.chat, shift.me):
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
        found = await asyncio.to_thread(lambda: list(islice(self._store.chats(tenant_id), CANDIDATES * 10)))
        chats = sensible(found, self._logger)
        return chats, len(chats) < len(found)

    async def _later(self, shift: Shift, tenant_id: TenantId, delay: timedelta, probes: int) -> None:
        now = self._clock.now()
        await asyncio.to_thread(self._store.later, tenant_id, shift.me, now + delay, probes, now)
