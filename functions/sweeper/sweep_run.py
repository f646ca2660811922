"""One run of the sweeper: its identity, the time until which it may act, what it works with, and its counts."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from aws_lambda_powertools import Logger

from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.recipients import Recipient, Recipients
from shared.clock import Clock
from shared.model.backlog import ParkedChat
from shared.model.ids import TenantId
from shared.model.tenant import Cause
from shared.observability import well_formed
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore

LAST_START_S = 61.0
"""No attempt starts later in a run: an attempt takes 8 s at most, and the function times out after 75. The next run begins before that."""
LEASE = timedelta(seconds=90)
"""Longer than a run can last: when a lease has ended, its holder is gone, so two runs never post to the same chat."""
MOST_CHATS = 1000
"""How many of a tenant's parked chats are read at a time."""
AT_ONCE = 20
"""Attempts that one poster makes at a time, of all tenants together."""


class PosterPool:
    """A poster, and a semaphore that limits the attempts made with it at a time."""

    def __init__(self, poster: EventPoster) -> None:
        self.poster = poster
        self.free = asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True)
class SweepServices:
    """What every run works with. Probes have connections of their own, so that probes without an answer delay no drain."""

    recipients: Recipients
    deliveries: DeliveryStore
    callbacks: CallbackStateStore
    backlog: BacklogStore
    drains: PosterPool
    probes: PosterPool
    clock: Clock
    logger: Logger


@dataclass
class SweepCounts:
    """What a run did, for the metrics. `late_s`: by how long the latest of its visits came after its due time."""

    probes: int = 0
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    dropped: int = 0
    resumed: int = 0
    disabled: int = 0
    late_s: float = 0.0


class SweepRun:
    """One run. `id` is unique: it is the `drainer` of the rows that the run leases."""

    def __init__(self, services: SweepServices) -> None:
        self.id = uuid.uuid4().hex
        self.services = services
        self.counts = SweepCounts()
        self._started_s = services.clock.boottime()

    @property
    def over(self) -> bool:
        """Whether attempts may no longer start."""
        return self.left_s <= 0

    @property
    def left_s(self) -> float:
        """For how many seconds attempts may still start."""
        return self._started_s + LAST_START_S - self.services.clock.boottime()

    async def disable(self, recipient: Recipient, cause: Cause) -> bool:
        """Disable a callback; False if it was set or woken since its recipient was read, and so stays enabled."""
        disabled = await asyncio.to_thread(self.services.recipients.disable, recipient, cause)
        if disabled:
            self.counts.disabled += 1
            self.services.logger.warning("callback disabled", extra={"tenant_id": recipient.tenant.id, "cause": cause})
        return disabled

    async def parked_chats(self, tenant_id: TenantId) -> tuple[list[ParkedChat], bool]:
        """Return up to MOST_CHATS of a tenant's parked chats, and whether there are malformed rows among them."""
        found = await asyncio.to_thread(lambda: list(islice(self.services.backlog.chats(tenant_id), MOST_CHATS)))
        chats = well_formed(found, self.services.logger)
        return chats, len(chats) < len(found)
