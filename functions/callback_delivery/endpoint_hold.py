"""Holding a callback that was slow, so that it keeps one run busy and not all of them.

slow attempt seen (`watch`)  held, and renewed as long as it lasts
for WATCHED after it         who makes attempts there has to hold the callback meanwhile; so one run at a time does
somebody else holds it       the chat is put back for a moment; once an event has waited for PATIENCE like that, the callback is parked

Nothing is raised where storage does not answer: who cannot hold a callback makes no attempt there.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from functions.callback_delivery.backlog import Parking
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.run_state import Run
from shared.clock import Clock
from shared.model.backlog import CallbackHealth
from shared.model.ids import TenantId
from shared.store.backlog import FAILURES_IN_A_ROW, BacklogStore
from shared.store.rows import Malformed
from shared.store.table import StoreUnavailable

HELD = timedelta(seconds=2)
"""How long a run holds a callback before it has to say so again."""
WATCHED = timedelta(seconds=3)
"""Enough for what waited meanwhile not to go there all at once; more would cost a tenant with a hiccup more than the hiccup."""
PATIENCE = timedelta(seconds=60)
"""A backlog in the queue would be everybody's: it is searched for free chats only so far."""


class Holds:
    """Holds callbacks."""

    def __init__(self, store: BacklogStore, backlog: Parking, clock: Clock, logger: Logger) -> None:
        self._store = store
        self._backlog = backlog
        self._clock = clock
        self._logger = logger

    async def free(self, run: Run, recipient: Recipient, since: datetime) -> bool:
        """Tell whether this run may start an attempt for an event queued `since`; hold the callback where it takes that."""
        now, callback = self._clock.now(), run.callback(recipient.tenant.id)
        if callback.slow_at is None or now - callback.slow_at >= WATCHED:
            return True
        async with run.asking:  # the run's other chats of this tenant take the hold as they find it
            held = await self._held(run, recipient.tenant.id, now)
        if not held and now - since >= PATIENCE:
            await self._backlog.failed(run, recipient, count=FAILURES_IN_A_ROW)
        return held and run.callback(recipient.tenant.id).state is not CallbackHealth.PAUSED

    async def _held(self, run: Run, tenant_id: TenantId, now: datetime) -> bool:
        held_until = run.callback(tenant_id).held_until
        if held_until and now < held_until:
            return tenant_id in run.holding
        run.holding.discard(tenant_id)
        try:
            callback = await asyncio.to_thread(self._store.take_hold, tenant_id, now, now + HELD)
        except (StoreUnavailable, Malformed) as error:
            self._logger.error("callback cannot be held", extra={"tenant_id": tenant_id, "fault": str(error)})
            return False
        if callback:
            run.holding.add(tenant_id)
            run.callbacks[tenant_id] = callback
        return callback is not None

    async def let_go(self, run: Run, tenant_id: TenantId) -> None:
        """Let other runs go to a callback that this one held."""
        held_until = run.callback(tenant_id).held_until
        if tenant_id not in run.holding or held_until is None or held_until <= self._clock.now():
            return
        try:
            await asyncio.to_thread(self._store.release_hold, tenant_id, held_until, self._clock.now())
        except StoreUnavailable as error:
            self._logger.error("callback cannot be let go", extra={"tenant_id": tenant_id, "fault": str(error)})
