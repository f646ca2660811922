"""Erasing what is left of ended tenants: each is visited again until nothing of it is left.

    ended -> deliveries erased -> accounts logged out by their workers -> the rest erased -> visited again -> 25 h: forgotten
                                  '-> 23 h, and an account is left: erased all the same

An account may be left because no worker serves its channel, or because only a later version knows what its row means.

After DELETE no request of the tenant is accepted. Work under way may still write something of it: a delivery's record, a peer, a large
event. So a tenant is visited for a day after its end, less and less often. Each visit may run twice, and two may run at a time.

Each run first looks through the dead letter queue for all ended tenants, due or not: what comes there late is gone with the next run. A
tenant is forgotten only when a look came to the end of the queue and saw nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aws_lambda_powertools import Logger

from functions.erasure.dead_letters import DeadLetters, Look
from shared.clock import Clock
from shared.media_bucket import BucketUnavailable, MediaBucket
from shared.model.ids import TenantId
from shared.queues import QueueUnavailable
from shared.store import erasure
from shared.store.deliveries import DeliveryStore
from shared.store.table import ConditionFailed, StoreUnavailable, Table
from shared.store.tenants import EndedTenant, TenantStore
from shared.store.workers import WorkerStore

LAST_START_S = 45.0
"""No visit, and no page of records, starts later in a run: the function times out after 60."""
FORCED_AFTER = timedelta(hours=23)
"""A worker gives up logging out after 22 hours. So after this time no worker runs, and everything must be erased within 24."""
KEPT_IN_VIEW = timedelta(hours=25)
SOONEST, LATEST = timedelta(minutes=5), timedelta(hours=6)
"""The shortest and the longest time between two visits."""


@dataclass
class ErasureCounts:
    """What a run did, for the log."""

    looks: int = 0
    forgotten: int = 0
    dead_letters: int = 0


@dataclass(frozen=True)
class Eraser:
    """Erases what is left of ended tenants."""

    table: Table
    tenants: TenantStore
    workers: WorkerStore
    deliveries: DeliveryStore
    dead_letters: DeadLetters
    bucket: MediaBucket
    clock: Clock
    logger: Logger

    def run(self) -> ErasureCounts:
        """Look through the dead letter queue, then visit each ended tenant that is due, until the time is up.

        A fault with the queue or with one tenant affects no other tenant.
        """
        return ErasureRun(self).run()


class ErasureRun:
    """One run."""

    def __init__(self, eraser: Eraser) -> None:
        self._eraser = eraser
        self._clock = eraser.clock
        self._started_s = eraser.clock.boottime()
        self._counts = ErasureCounts()
        self._look = Look()

    def run(self) -> ErasureCounts:
        """Look through the dead letter queue, then visit the tenants that are due."""
        self._erase_dead_letters()
        for ended in self._eraser.tenants.ended(self._clock.now()):
            if self._is_late:
                break
            try:
                self._visit(ended)
            except (StoreUnavailable, BucketUnavailable, ConditionFailed) as error:  # the last: another run visits the same tenant
                self._eraser.logger.error("tenant cannot be erased", extra={"tenant_id": ended.tenant_id, "fault": str(error)})
        return self._counts

    def _visit(self, ended: EndedTenant) -> None:
        self._counts.looks += 1
        now = self._clock.now()
        age = now - ended.ended_at
        records_gone, state_gone = self._erase_records(ended.tenant_id), self._erase_state(ended, age)
        files_gone = self._erase_files(ended.tenant_id)
        letters_gone = age < KEPT_IN_VIEW or self._look.shows_nothing_of(ended.tenant_id)
        if state_gone and records_gone and files_gone and letters_gone and age >= KEPT_IN_VIEW:
            self._eraser.tenants.forget(ended)
            self._eraser.logger.info("tenant is erased", extra={"tenant_id": ended.tenant_id})
            self._counts.forgotten += 1
        else:
            self._eraser.tenants.look_later(ended, now + _pause(age, gone=state_gone and letters_gone))

    def _erase_dead_letters(self) -> None:
        if not (ended := self._eraser.tenants.every_ended()):
            return
        try:
            self._look = self._eraser.dead_letters.erase(ended)
        except QueueUnavailable as error:  # what is left there, the next run finds; until then no tenant is forgotten
            self._eraser.logger.error("dead letters cannot be erased", extra={"fault": str(error)})
        self._counts.dead_letters = self._look.deleted

    def _erase_records(self, tenant_id: TenantId) -> bool:
        """Erase a tenant's items in table `deliveries`; False if the time is up before all are gone."""
        while self._eraser.deliveries.erase_some(tenant_id):
            if self._is_late:
                return False
        return True

    def _erase_files(self, tenant_id: TenantId) -> bool:
        """Erase a tenant's files in the bucket; False if the time is up before all are gone."""
        while self._eraser.bucket.erase_some(tenant_id):
            if self._is_late:
                return False
        return True

    def _erase_state(self, ended: EndedTenant, age: timedelta) -> bool:
        """Erase a tenant's items in table `avio` once its accounts are logged out, or by force; tell whether all are gone.

        The owners of accounts that are left are reminded to log them out.
        """
        if erasure.erase(self._eraser.table, ended.tenant_id, forced=age >= FORCED_AFTER):
            return True
        for owner in erasure.remind(self._eraser.table, ended.tenant_id, ended.ended_at):
            self._eraser.workers.nudge(owner, ended.tenant_id)
        return False

    @property
    def _is_late(self) -> bool:
        return self._clock.boottime() - self._started_s >= LAST_START_S


def _pause(age: timedelta, *, gone: bool) -> timedelta:
    """Return the time until the next visit: it grows with the tenant's age, but what is left is erased by force in time."""
    usual = min(max(age / 4, SOONEST), LATEST)
    if gone:
        return usual
    return min(usual, FORCED_AFTER - age) if age < FORCED_AFTER else SOONEST
