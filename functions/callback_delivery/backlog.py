"""Parking what cannot be delivered now, and telling the callback's state of what went well and what did not.

Nothing is raised where storage does not answer: an event that is not parked stays in the queue, a failure that is not counted is one of
many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.run_state import Park, Run
from shared.clock import Clock
from shared.model.backlog import CallbackHealth, CallbackState, ParkedChat
from shared.model.delivery import Delivery
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.observability import tell_malformed
from shared.store.backlog import BacklogStore, digest_of, event_key
from shared.store.rows import Malformed
from shared.store.table import StoreUnavailable, Table

FIRST_LOOK = timedelta(minutes=1)
"""How soon a parked callback is probed, and a parked chat looked at, for the first time.

The sweeper begins to look once a minute, at what is due within the minute: what is due sooner may be looked at later than was said.
"""


class Parking:
    """The hot lane's side of the parking lot."""

    def __init__(self, store: BacklogStore, state: Table, clock: Clock, logger: Logger) -> None:
        self._store = store
        self._state = state
        self._clock = clock
        self._logger = logger

    async def park(self, run: Run, events: Sequence[tuple[Event, Delivery]], why: Park) -> int | None:
        """Park events of one chat together; return how many are dealt with, or None where storage does not answer.

        Where the lot is not as the run saw it, nothing is parked and the run sees it as it is now: the first event is to be looked at anew.
        """
        if not events:  # what was to be parked is not wanted any more, or a row of it makes no sense now
            return 0
        event = events[0][0]
        chat, callback = run.chat(event), run.callback(event.tenant_id)
        alone = None
        if chat is None and callback.state is not CallbackHealth.PAUSED:
            if why.exhausted != event.id:
                return 0
            alone = (self._clock.now() + FIRST_LOOK, self._clock.now())
        try:
            if not await asyncio.to_thread(self._store.park, events, chat, alone):
                await self._look_again(run, [one for one, _ in events])
                return 0
            await self._hurry(run, event.tenant_id, callback)
        except StoreUnavailable as error:
            self._logger.error("events cannot be parked", extra={"tenant_id": event.tenant_id, "fault": str(error)})
            return None
        seq = (chat.seq if chat else 0) + len(events)
        run.chats[event.tenant_id, event.chat] = ParkedChat(chat=event.chat, seq=seq)
        run.records |= {(one.tenant_id, one.id): delivery for one, delivery in events}
        run.tally.parked += len(events)
        self._logger.info("events parked", extra={"tenant_id": event.tenant_id, "event_ids": [one.id for one, _ in events]})
        return len(events)

    async def failed(self, run: Run, recipient: Recipient, *, count: int = 1, held_until: datetime | None = None) -> None:
        """Count failed attempts against their callback; with `held_until` no other run is to start one there before then."""
        tenant, now = recipient.tenant, self._clock.now()
        before = run.callback(tenant.id)
        try:
            after = await asyncio.to_thread(
                self._store.count_failures,
                tenant.id,
                digest_of(tenant.callback_url),
                now,
                now + FIRST_LOOK,
                count=count,
                held_until=held_until,
            )
        except (StoreUnavailable, Malformed) as error:
            self._logger.error("failure cannot be counted", extra={"tenant_id": tenant.id, "fault": str(error)})
            return
        run.callbacks[tenant.id] = after
        if held_until:
            run.holding.add(tenant.id)
        if after.state is CallbackHealth.PAUSED and before.state is not CallbackHealth.PAUSED:
            self._logger.warning("callback parked", extra={"tenant_id": tenant.id})

    async def accepted(self, run: Run, tenant_id: TenantId) -> None:
        """End a row of failures, where there was one."""
        callback = run.callback(tenant_id)
        if callback.failures == 0 or callback.state is CallbackHealth.PAUSED:
            return
        run.callbacks[tenant_id] = callback.model_copy(update={"failures": 0})
        try:
            await asyncio.to_thread(self._store.count_success, tenant_id)
        except StoreUnavailable as error:
            self._logger.error("success cannot be counted", extra={"tenant_id": tenant_id, "fault": str(error)})

    async def _look_again(self, run: Run, events: Sequence[Event]) -> None:
        tenant_id, chat = events[0].tenant_id, events[0].chat
        seen = await asyncio.to_thread(self._store.read, list(map(event_key, events)), self._state)
        for fault in seen.faults.values():
            tell_malformed(fault, self._logger)
        run.callbacks[tenant_id] = seen.callbacks.get(tenant_id, CallbackState())
        run.chats.pop((tenant_id, chat), None)
        run.chats |= seen.chats
        run.records |= seen.records
        run.faults |= seen.faults

    async def _hurry(self, run: Run, tenant_id: TenantId, callback: CallbackState) -> None:
        """Have a callback probed at once whose URL was changed since it was parked."""
        recipient = run.recipients.get(tenant_id)
        if callback.state is not CallbackHealth.PAUSED or callback.callback is None or recipient is None:
            return
        present = digest_of(recipient.tenant.callback_url)
        if present != callback.callback:
            await asyncio.to_thread(self._store.probe_new_url, tenant_id, callback.callback, present, self._clock.now())
