"""What became of a tenant's events, and having them delivered again (contract C5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from aws_lambda_powertools import Logger

from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.backlog import CallbackHealth, CallbackState
from shared.model.delivery import DeliveryRecord, DeliveryStatus, DeliverySummary, Dropped
from shared.model.ids import EventId
from shared.model.tenant import Tenant
from shared.observability import sensible
from shared.queues import BATCH, EventsQueue, QueueUnavailable, Replay
from shared.store.backlog import BacklogStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog, place_of

MOST_REPLAYED = 500
"""Deliveries that one request queues again: more would not fit into the time that a request has."""
RETRY_AFTER_S = 5
WAITING = (DeliveryStatus.PENDING, DeliveryStatus.PARKED)
COUNTED = (*WAITING, DeliveryStatus.DEAD)


@dataclass(frozen=True)
class Overview:
    """How a callback is doing: its lane, how many of its events are under way, parked and dead, and since when the oldest waits.

    `dropped`: what came while there was no callback.
    """

    lane: CallbackState
    counts: dict[DeliveryStatus, int]
    oldest_waiting: datetime | None
    dropped: Dropped | None


@dataclass(frozen=True)
class DeliveryHistory:
    """Reads the log, and queues again what is in it. A record that makes no sense is left out of lists: our own log says which it is."""

    deliveries: DeliveryStore
    index: DeliveryLog
    backlog: BacklogStore
    queue: EventsQueue
    clock: Clock
    logger: Logger
    most: int = MOST_REPLAYED

    def page(
        self, tenant: Tenant, status: DeliveryStatus | None, since: datetime | None, before: str | None, limit: int
    ) -> tuple[list[DeliverySummary], str | None]:
        """Return up to `limit` deliveries, newest first, and the place before which the next page begins, however many are on this."""
        if since and before and before <= place_of(since):
            return [], None
        found, next_before = self.deliveries.page(tenant.id, status=status, since=since, before=before, limit=limit)
        return sensible(found, self.logger), next_before

    def get(self, tenant: Tenant, event_id: str) -> DeliveryRecord:
        """Return the record of one event; raises `delivery_not_found`."""
        record = self.deliveries.get(tenant.id, EventId(event_id))
        if record is None:
            raise AvioError(Code.DELIVERY_NOT_FOUND)
        return record

    def overview(self, tenant: Tenant) -> Overview:
        """Return how a tenant's callback is doing."""
        counts = {status: self.index.count(tenant.id, status) for status in COUNTED}
        found = [one for status in WAITING for one in self.index.oldest(tenant.id, status, limit=1)[0]]
        oldest = sensible(found, self.logger)
        first = min((one.received_at for one in oldest), default=None)
        return Overview(self.backlog.callback_state(tenant.id), counts, first, self.deliveries.dropped(tenant.id))

    def waits(self, tenant: Tenant) -> bool:
        """Tell whether a callback is disabled, or anything is parked for it."""
        if tenant.callback_disabled or self.backlog.callback_state(tenant.id).state is not CallbackHealth.HEALTHY:
            return True
        return bool(self.index.oldest(tenant.id, DeliveryStatus.PARKED, limit=1)[0])

    def replay(self, tenant: Tenant, event_id: str) -> bool:
        """Queue one event again, behind what waits in its chat; False where it is parked, and so waits in its place already.

        Asked twice before it was delivered again, it is delivered once more and not twice.
        """
        check_callback(tenant)
        record = self.get(tenant, event_id)
        if record.status is DeliveryStatus.PARKED:
            return False
        if not record.status.final:
            raise AvioError(Code.DELIVERY_UNDER_WAY)
        self._queue([Replay(tenant.id, record.event.id, record.event.chat, _wish(record.at))])
        return True

    def replay_all(self, tenant: Tenant, status: DeliveryStatus, since: datetime, after: str | None) -> tuple[int, str | None]:
        """Queue up to `most` events of one status again, in their order.

        Return how many, and the place behind which more follow. Safe to run twice: what was queued and not delivered again yet is not
        queued twice.
        """
        check_callback(tenant)
        lines, place = self.index.oldest(tenant.id, status, after=max(after or "", place_of(since)), limit=self.most)
        found = sensible(lines, self.logger)
        self._queue([Replay(tenant.id, one.event_id, one.chat, _wish(one.at)) for one in found])
        return len(found), place

    def _queue(self, replays: list[Replay]) -> None:
        try:
            for first in range(0, len(replays), BATCH):
                self.queue.replay(replays[first : first + BATCH])
        except QueueUnavailable as error:
            raise AvioError(Code.UNAVAILABLE, "Our queue does not answer right now.", retry_after_s=RETRY_AFTER_S) from error


def check_callback(tenant: Tenant) -> None:
    """Raise `no_callback_url` or `callback_disabled` where nothing is posted to a tenant."""
    if tenant.callback_url is None:
        raise AvioError(Code.NO_CALLBACK_URL, "Nothing is delivered: there is no callback_url. Set it first.")
    if tenant.callback_disabled:
        raise AvioError(Code.CALLBACK_DISABLED, f"Nothing is delivered: the callback is disabled. {tenant.callback_disabled}")


def _wish(at: datetime) -> str:
    """Name the wish for a replay by the state that the delivery is in: once it has changed, asking again is another wish."""
    return hashlib.sha256(at.isoformat().encode()).hexdigest()[:16]
