"""What a run does with a callback, or with a chat parked alone, that is due.

callback paused       probed with up to three chats' first events -> none accepted: due again later, and later each time
                                                                  -> one accepted: recovering
callback recovering   its chats are drained (`callback_drain`)
chat parked alone     its callback is paused: waits with it; otherwise drained (`chat_drain`)
any chat              the record of its first event is malformed: waits alone until it is repaired, and delays no other chat
tenant gone           everything of it is erased
no callback           (or disabled) events end without an attempt
"""

from __future__ import annotations

import asyncio

from functions.callback_delivery.delivery_filter import no_callback
from functions.callback_delivery.recipients import Recipient
from functions.sweeper import schedule
from functions.sweeper.callback_drain import CallbackDrain
from functions.sweeper.callback_probe import CallbackProbe
from functions.sweeper.chat_drain import ChatDrain
from functions.sweeper.leased_chat import lease_chat
from functions.sweeper.sweep_run import LEASE, SweepRun
from shared.model.backlog import CallbackHealth, CallbackState
from shared.model.ids import TenantId
from shared.model.tenant import Cause
from shared.store.backlog import DueItem


class DueVisit:
    """One visit to something that is due."""

    def __init__(self, run: SweepRun, tenant_id: TenantId) -> None:
        self._run = run
        self._services = run.services
        self._tenant_id = tenant_id

    async def callback(self) -> None:
        """Probe or drain a callback."""
        now = self._services.clock.now()
        state = await asyncio.to_thread(self._services.callbacks.lease, self._tenant_id, self._run.id, now, now + LEASE)
        if state is None:
            return
        recipient = await self._find_recipient()
        if recipient is None:
            return
        drain = CallbackDrain(self._run, recipient)
        if state.state is CallbackHealth.PAUSED and not await self._recovers(recipient, state):
            await drain.reschedule(schedule.delay(state.probes + 1), state.probes + 1)
        elif state.state is not CallbackHealth.PAUSED or await self._start_recovery():
            await drain.run()

    async def chat(self, chat: str) -> None:
        """Drain a chat that is parked alone."""
        recipient = await self._find_recipient()
        if recipient is None or (leased := await lease_chat(self._run, recipient, chat, self._services.drains)) is None:
            return
        state = await asyncio.to_thread(self._services.callbacks.get, self._tenant_id)
        if state.state is not CallbackHealth.PAUSED or no_callback(recipient.tenant):
            await ChatDrain(self._run, leased).run()
        elif not await leased.join_callback():
            await leased.give_back()

    async def _recovers(self, recipient: Recipient, state: CallbackState) -> bool:
        """Tell whether a paused callback may recover: it took a probe, or nothing is posted there any more."""
        if no_callback(recipient.tenant):
            return True
        if schedule.given_up(state.since, self._services.clock.now()):
            await self._run.disable(recipient, Cause.NO_SUCCESS)  # if it was set or woken meanwhile, it is tried instead
            return True
        return await CallbackProbe(self._run, recipient, state).accepted()

    async def _start_recovery(self) -> bool:
        return await asyncio.to_thread(self._services.callbacks.start_recovery, self._tenant_id, self._run.id) is not None

    async def _find_recipient(self) -> Recipient | None:
        """Return the tenant's recipient. If the tenant is gone, erase what is left of it."""
        recipient = await asyncio.to_thread(self._services.recipients.get, self._tenant_id)
        if recipient is None:
            self._services.logger.info("tenant is gone, its deliveries are erased", extra={"tenant_id": self._tenant_id})
            while not self._run.over and await asyncio.to_thread(self._services.deliveries.erase_some, self._tenant_id):
                pass  # two weeks of records may take more than one run
        return recipient


async def visit(run: SweepRun, item: DueItem) -> None:
    """Visit a callback or a chat that is due."""
    due = DueVisit(run, item.tenant_id)
    await (due.callback() if item.chat is None else due.chat(item.chat))
