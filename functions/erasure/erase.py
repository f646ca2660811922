"""Erasing what is left of ended tenants: each is visited again until nothing of it is left.

    ended -> deliveries erased -> account logged out by its worker -> the rest erased -> visited again -> nothing left for 25 h: forgotten
                                  '-> 23 h without a worker: erased all the same

After DELETE no request of the tenant is accepted. Work under way may still write something of it: a delivery's record, a peer, a large
event. So a tenant is visited for a day after its end, less and less often. Each visit may run twice, and two may run at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aws_lambda_powertools import Logger

from shared.clock import Clock
from shared.model.account import Account
from shared.model.ids import NOBODY, Channel, Epoch, TenantId
from shared.store import erasure
from shared.store.accounts import AccountStore
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


@dataclass(frozen=True)
class Eraser:
    """Erases what is left of ended tenants."""

    table: Table
    tenants: TenantStore
    accounts: AccountStore
    workers: WorkerStore
    deliveries: DeliveryStore
    clock: Clock
    logger: Logger

    def run(self) -> ErasureCounts:
        """Visit each ended tenant that is due, until the time is up. A fault with one tenant affects no other."""
        return ErasureRun(self).run()


class ErasureRun:
    """One run."""

    def __init__(self, eraser: Eraser) -> None:
        self._eraser = eraser
        self._clock = eraser.clock
        self._started_s = eraser.clock.boottime()
        self._counts = ErasureCounts()

    def run(self) -> ErasureCounts:
        """Visit the tenants that are due."""
        for ended in self._eraser.tenants.ended(self._clock.now()):
            if self._is_late:
                break
            try:
                self._visit(ended)
            except (StoreUnavailable, ConditionFailed) as error:  # the second: another run visits the same tenant
                self._eraser.logger.error("tenant cannot be erased", extra={"tenant_id": ended.tenant_id, "fault": str(error)})
        return self._counts

    def _visit(self, ended: EndedTenant) -> None:
        self._counts.looks += 1
        now = self._clock.now()
        age = now - ended.ended_at
        records_gone = self._erase_records(ended.tenant_id)
        if self._erase_state(ended.tenant_id, age) and records_gone and age >= KEPT_IN_VIEW:
            self._eraser.tenants.forget(ended)
            self._eraser.logger.info("tenant is erased", extra={"tenant_id": ended.tenant_id})
            self._counts.forgotten += 1
        else:
            self._eraser.tenants.look_later(ended, now + min(max(age / 4, SOONEST), LATEST))

    def _erase_records(self, tenant_id: TenantId) -> bool:
        """Erase a tenant's items in table `deliveries`; False if the time is up before all are gone."""
        while self._eraser.deliveries.erase_some(tenant_id):
            if self._is_late:
                return False
        return True

    def _erase_state(self, tenant_id: TenantId, age: timedelta) -> bool:
        """Erase a tenant's items in table `avio` once its accounts are logged out; tell whether all are gone."""
        found = [self._eraser.accounts.get(tenant_id, channel) for channel in Channel]
        accounts = [account for account in found if account]
        if any(account.epoch > 0 for account in accounts) and age < FORCED_AFTER:
            self._nudge(accounts)
            return False
        return erasure.erase(self._eraser.table, tenant_id, accounts[0].epoch if accounts else Epoch(0))

    def _nudge(self, accounts: list[Account]) -> None:
        """Remind the accounts' workers to log them out."""
        for account in accounts:
            if account.owner and account.owner != NOBODY:
                self._eraser.workers.nudge(account.owner, account.tenant_id)

    @property
    def _is_late(self) -> bool:
        return self._clock.boottime() - self._started_s >= LAST_START_S
