"""Coming back to ended tenants until nothing of them is left.

    ended -> deliveries erased -> account logged out by its worker -> the rest erased -> looked at again -> nothing left for 25 h: forgotten
                                  '-> 23 h without a worker: erased all the same

DELETE has shut the tenant's doors. What was under way then may still be written after it: a delivery's record, a peer, a large event.
So a tenant is looked at again for a day after its end, more rarely with time. Each look may run twice, and two at once.
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
"""No look starts later in a run, and no page of records: the function's time is up after 60."""
FORCED_AFTER = timedelta(hours=23)
"""A worker gives up logging out after 22 hours: so no worker runs, and everything is to be gone within 24."""
KEPT_IN_VIEW = timedelta(hours=25)
SOONEST, LATEST = timedelta(minutes=5), timedelta(hours=6)


@dataclass
class Tally:
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

    def run(self) -> Tally:
        """Look at each ended tenant that is due, until the time is up. One tenant's fault is its own."""
        tally, started_s = Tally(), self.clock.boottime()
        for ended in self.tenants.ended(self.clock.now()):
            if self._is_late(started_s):
                break
            try:
                self._look(ended, started_s, tally)
            except (StoreUnavailable, ConditionFailed) as error:  # the second: another run has the same tenant in hand
                self.logger.error("tenant cannot be erased", extra={"tenant_id": ended.tenant_id, "fault": str(error)})
        return tally

    def _look(self, ended: EndedTenant, started_s: float, tally: Tally) -> None:
        tally.looks += 1
        now = self.clock.now()
        age = now - ended.ended_at
        records_gone = self._erase_records(ended.tenant_id, started_s)
        if self._erase_state(ended.tenant_id, age) and records_gone and age >= KEPT_IN_VIEW:
            self.tenants.forget(ended)
            self.logger.info("tenant is erased", extra={"tenant_id": ended.tenant_id})
            tally.forgotten += 1
        else:
            self.tenants.look_later(ended, now + min(max(age / 4, SOONEST), LATEST))

    def _erase_records(self, tenant_id: TenantId, started_s: float) -> bool:
        """Erase what table `deliveries` holds of a tenant; False where the time is up before all of it is gone."""
        while self.deliveries.erase_some(tenant_id):
            if self._is_late(started_s):
                return False
        return True

    def _erase_state(self, tenant_id: TenantId, age: timedelta) -> bool:
        """Erase what table `avio` holds of a tenant, once its accounts are logged out; tell whether all of it is gone."""
        accounts = [account for account in (self.accounts.get(tenant_id, channel) for channel in Channel) if account]
        if any(account.epoch > 0 for account in accounts) and age < FORCED_AFTER:
            self._nudge(accounts)
            return False
        return erasure.erase(self.table, tenant_id, accounts[0].epoch if accounts else Epoch(0))

    def _nudge(self, accounts: list[Account]) -> None:
        for account in accounts:
            if account.owner and account.owner != NOBODY:
                self.workers.nudge(account.owner, account.tenant_id)

    def _is_late(self, started_s: float) -> bool:
        return self.clock.boottime() - started_s >= LAST_START_S
