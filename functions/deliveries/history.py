"""The history of a tenant's events: listing deliveries, reading one, and replaying them (contract C5)."""

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
from shared.observability import well_formed
from shared.queues import BATCH, EventsQueue, QueueUnavailable, Replay
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog, position_before

MOST_REPLAYED = 500
"""Deliveries that one request queues again. More would take longer than a request may."""
RETRY_AFTER_S = 5
WAITING = (DeliveryStatus.PENDING, DeliveryStatus.PARKED)
COUNTED = (*WAITING, DeliveryStatus.DEAD)


@dataclass(frozen=True)
class Overview:
    """A callback's state, the number of its events by status, and since when the oldest one waits.

    `dropped`: events that came while there was no callback.
    """

    callback: CallbackState
    counts: dict[DeliveryStatus, int]
    oldest_waiting: datetime | None
    dropped: Dropped | None


@dataclass(frozen=True)
class DeliveryHistory:
    """Reads records, and queues their events again. Lists leave malformed records out; our own log names them."""

    deliveries: DeliveryStore
    index: DeliveryLog
    callbacks: CallbackStateStore
    queue: EventsQueue
    clock: Clock
    logger: Logger
    most: int = MOST_REPLAYED

    def page(
        self, tenant: Tenant, status: DeliveryStatus | None, since: datetime | None, before: str | None, limit: int
    ) -> tuple[list[DeliverySummary], str | None]:
        """Return up to `limit` deliveries, newest first, and the position before which the next page begins."""
        if since and before and before <= position_before(since):
            return [], None
        found, next_before = self.deliveries.page(tenant.id, status=status, since=since, before=before, limit=limit)
        return well_formed(found, self.logger), next_before

    def get(self, tenant: Tenant, event_id: str) -> DeliveryRecord:
        """Return the record of an event; raises `delivery_not_found`."""
        record = self.deliveries.get(tenant.id, EventId(event_id))
        if record is None:
            raise AvioError(Code.DELIVERY_NOT_FOUND)
        return record

    def overview(self, tenant: Tenant) -> Overview:
        """Return the overview of a tenant's callback."""
        counts = {status: self.index.count(tenant.id, status) for status in COUNTED}
        found = [line for status in WAITING for line in self.index.oldest(tenant.id, status, limit=1)[0]]
        oldest = min((line.received_at for line in well_formed(found, self.logger)), default=None)
        return Overview(self.callbacks.get(tenant.id), counts, oldest, self.deliveries.dropped(tenant.id))

    def needs_wake(self, tenant: Tenant) -> bool:
        """Tell whether a callback is disabled or not healthy, or events are parked for it."""
        if tenant.callback_disabled or self.callbacks.get(tenant.id).state is not CallbackHealth.HEALTHY:
            return True
        return bool(self.index.oldest(tenant.id, DeliveryStatus.PARKED, limit=1)[0])

    def replay(self, tenant: Tenant, event_id: str) -> bool:
        """Queue an event again, behind its chat's waiting events; False if it is parked, and so waits already.

        If an event is replayed twice before it is delivered again, it is delivered once.
        """
        check_callback(tenant)
        record = self.get(tenant, event_id)
        if record.status is DeliveryStatus.PARKED:
            return False
        if not record.status.final:
            raise AvioError(Code.DELIVERY_UNDER_WAY)
        self._queue([Replay(tenant.id, record.event.id, record.event.chat, _request_id(record.at))])
        return True

    def replay_all(self, tenant: Tenant, status: DeliveryStatus, since: datetime, after: str | None) -> tuple[int, str | None]:
        """Queue up to `most` events of one status again, in order.

        Return how many, and the position after which there are more. Safe to run twice: an event that is queued, and not delivered again
        yet, is not queued twice.
        """
        check_callback(tenant)
        lines, position = self.index.oldest(tenant.id, status, after=max(after or "", position_before(since)), limit=self.most)
        found = well_formed(lines, self.logger)
        self._queue([Replay(tenant.id, line.event_id, line.chat, _request_id(line.at)) for line in found])
        return len(found), position

    def _queue(self, replays: list[Replay]) -> None:
        try:
            for first in range(0, len(replays), BATCH):
                self.queue.replay(replays[first : first + BATCH])
        except QueueUnavailable as error:
            raise AvioError(Code.UNAVAILABLE, "Our queue does not answer right now.", retry_after_s=RETRY_AFTER_S) from error


def check_callback(tenant: Tenant) -> None:
    """Raise `no_callback_url` or `callback_disabled` if nothing is posted to a tenant."""
    if tenant.callback_url is None and not tenant.fetches:
        raise AvioError(Code.NO_CALLBACK_URL, "Nothing is delivered: there is no callback_url. Set it first.")
    if tenant.callback_disabled:
        raise AvioError(Code.CALLBACK_DISABLED, f"Nothing is delivered: the callback is disabled. {tenant.callback_disabled}")


def _request_id(at: datetime) -> str:
    """Return the id of a request to replay a delivery that last changed then. Once the delivery has changed, the id is another."""
    return hashlib.sha256(at.isoformat().encode()).hexdigest()[:16]
