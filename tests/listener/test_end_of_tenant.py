"""A tenant with an account on each of two channels is deleted: workers that serve one channel each log out and erase their accounts."""

from __future__ import annotations

import asyncio
from typing import Any

from functions.tenants.tenant_service import TenantService
from listener.core import commands
from shared.clock import SystemClock
from shared.model.ids import Channel
from shared.model.tenant import Tenant
from shared.rpc.log_in import StartLogIn, VerifyLogIn
from shared.rpc.wire import Addressed
from shared.settings import CallbackSettings
from shared.store import keys
from shared.store.tenants import TenantStore, new_tenant_id
from tests.support.listener_harness import ListenerHarness, WorkerHarness, until
from tests.support.toy_channel import CODE, ToyDriver, ToyMessenger

TG, WA = Channel.TELEGRAM, Channel.WHATSAPP
PHONE = "+79991234567"


class OtherToyDriver(ToyDriver):
    """The toy messenger by the name of another channel."""

    channel = TG


class TenantToDelete:
    """A tenant, the messengers that its accounts live on, and workers for one channel each."""

    def __init__(self, harness: ListenerHarness) -> None:
        self._harness = harness
        self._tenants = TenantStore(harness.table)
        self.messengers = {channel: ToyMessenger() for channel in Channel}
        self.tenant: Tenant = self._tenants.create("Shop", None, SystemClock().now(), None, new_tenant_id())[0]

    def worker(self, channel: Channel) -> WorkerHarness:
        """Return a worker that serves one channel."""
        driver = {TG: OtherToyDriver, WA: ToyDriver}[channel]
        return self._harness.worker(drivers=[driver(self.messengers[channel])])

    async def log_in(self, worker: WorkerHarness, channel: Channel) -> None:
        """Log the tenant in on a channel."""
        for command in (StartLogIn(phone=PHONE), VerifyLogIn(phone=PHONE, code=CODE)):
            await commands.run(worker.ownership, Addressed(self.tenant.id, channel, command))

    async def delete(self) -> None:
        """Delete the tenant, as its function does."""
        harness = self._harness
        service = TenantService(harness.table, self._tenants, harness.workers, harness.envelope, SystemClock(), CallbackSettings())
        await asyncio.to_thread(service.delete, self.tenant)

    def left(self) -> list[str]:
        """Return the sort keys of what is stored of the tenant."""
        rows: Any = self._harness.table.query("pk = :pk", {":pk": keys.tenant(self.tenant.id)["pk"]}, ConsistentRead=True)
        return [row["sk"] for row in rows]


async def test_the_last_account_to_be_logged_out_takes_the_tenant_with_it(harness: ListenerHarness) -> None:
    """One messenger is away: the other's account goes at once, and everything else is there until the first is logged out too."""
    deleted = TenantToDelete(harness)
    first, second = deleted.worker(TG), deleted.worker(WA)
    async with first.running(), second.running():
        await deleted.log_in(first, TG)
        await deleted.log_in(second, WA)
        deleted.messengers[WA].away = True
        await deleted.delete()
        await until(lambda: first.ownership.held == 0)
        left = deleted.left()
        assert {"TENANT", "ACCOUNT#whatsapp", "SESSION#whatsapp", "MARKS#whatsapp"} <= set(left)
        assert not [sk for sk in left if TG in sk]
        assert deleted.messengers[TG].sessions == {}
        deleted.messengers[WA].away = False
        account = second.ownership.held_account(deleted.tenant.id, WA)
        assert account
        await account.look_again()
        await until(lambda: second.ownership.held == 0)
        assert deleted.messengers[WA].sessions == {}
        assert deleted.left() == []


async def test_the_successor_of_a_dead_owner_logs_the_account_out(harness: ListenerHarness) -> None:
    """Its row is kept until then, though every other account is gone."""
    deleted = TenantToDelete(harness)
    first, second, successor = deleted.worker(TG), deleted.worker(WA), deleted.worker(WA)
    async with first.running():
        async with second.running():
            await deleted.log_in(first, TG)
            await deleted.log_in(second, WA)
            await second.crash()
        await deleted.delete()
        await until(lambda: first.ownership.held == 0)
    assert len(deleted.messengers[WA].sessions) == 1
    await harness.mark_dead(second.id)
    async with successor.running():
        await until(lambda: deleted.left() == [])
        assert deleted.messengers[WA].sessions == {}


async def test_a_channel_without_an_account_holds_nothing_up(harness: ListenerHarness) -> None:
    """Nor does it matter that no worker serves that channel."""
    deleted = TenantToDelete(harness)
    async with deleted.worker(WA).running() as worker:
        await deleted.log_in(worker, WA)
        await deleted.delete()
        await until(lambda: worker.ownership.held == 0)
        assert deleted.messengers[WA].sessions == {}
        assert deleted.left() == []
