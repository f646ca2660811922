"""Ended tenants are erased from every table, and come back in none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from functions.erasure.erase import FORCED_AFTER, KEPT_IN_VIEW, LATEST, Eraser
from shared.model.account import Account, Wanted
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.ids import Channel, Epoch, TenantId, WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store import erasure, keys
from shared.store.accounts import AccountStore
from shared.store.deliveries import DeliveryStore
from shared.store.peers import Peer, PeerStore
from shared.store.tenants import TenantStore, new_tenant_id
from shared.store.workers import WorkerStore
from testing.fake_aws.dynamodb import DELIVERIES, TABLES, FakeDynamoDb
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock
from tests.support.events import event_of
from tests.support.fake_stores import fake_table

TG, WORKER = Channel.TELEGRAM, WorkerId("worker")


class ErasureEnvironment:
    """Both tables, a worker's row, and the eraser over them."""

    def __init__(self) -> None:
        self.clock, self.log = FakeClock(), CapturedLog()
        self.dynamodb = FakeDynamoDb()
        self.state, self.records = fake_table(self.dynamodb), fake_table(self.dynamodb, DELIVERIES)
        self.tenants, self.accounts, self.workers = TenantStore(self.state), AccountStore(self.state), WorkerStore(self.state)
        self.deliveries = DeliveryStore(self.records)
        self.workers.register(
            Worker(id=WORKER, state=WorkerState.LIVE, beat=0, address="127.0.0.1:1", certificate="", rpc_key=SecretStr("key"))
        )

    @property
    def eraser(self) -> Eraser:
        """The function, as a new process."""
        return Eraser(self.state, self.tenants, self.workers, self.deliveries, self.clock, self.log.logger)

    def tenant(self) -> TenantId:
        """Make a tenant with an account, peers and records."""
        tenant, _ = self.tenants.create("Shop", None, self.clock.now(), None, new_tenant_id())
        self.accounts.claim(tenant.id, TG, None, WORKER, "token")
        PeerStore(self.state).put(tenant.id, TG, Peer(id=7, kind="user", access_hash=1))
        for number in range(3):
            self.record(tenant.id, number)
        return tenant.id

    def record(self, tenant_id: TenantId, number: int) -> None:
        """Record a delivery, as a run does that was under way."""
        event = event_of(tenant_id, message_id=number)
        self.deliveries.put(event, Delivery(status=DeliveryStatus.DELIVERED, queued_as=event.id, at=self.clock.now()))

    def end(self, tenant_id: TenantId) -> Account:
        """End a tenant; return its account."""
        self.tenants.end(tenant_id, (TG,), self.clock.now())
        account = self.accounts.get(tenant_id, TG)
        assert account
        return account

    def left(self, tenant_id: TenantId) -> list[str]:
        """Return the sort keys of all that both tables hold of a tenant."""
        return [sk for table in TABLES for pk, sk in self.dynamodb.addresses(table) if tenant_id in pk]

    def waiting(self) -> int:
        """Return how many ended tenants are still looked at."""
        return sum(pk == keys.ENDED for pk, _ in self.dynamodb.addresses())


@pytest.fixture
def environment() -> ErasureEnvironment:
    """An environment without tenants."""
    return ErasureEnvironment()


def test_records_go_at_once_and_the_rest_once_the_account_is_logged_out(environment: ErasureEnvironment) -> None:
    """Its worker is told again at each look, since a nudge may have been lost; the neighbour keeps everything."""
    neighbour, gone = environment.tenant(), environment.tenant()
    kept = environment.left(neighbour)
    assert environment.end(gone).wanted is Wanted.ERASE
    environment.eraser.run()
    assert not any(sk.startswith(keys.DELIVERIES) for sk in environment.left(gone))
    assert environment.accounts.get(gone, TG)
    worker = environment.workers.get(WORKER)
    assert worker
    assert any(nudge.startswith(gone) for nudge in worker.nudges)
    assert erasure.erase_account(environment.state, gone, TG, Epoch(1))  # as the worker does, once it has logged out
    assert environment.left(gone) == []
    assert environment.left(neighbour) == kept


def test_what_comes_late_is_erased_too_and_then_the_tenant_is_forgotten(environment: ErasureEnvironment) -> None:
    """A run that had the event in hand records it after the end, and a worker that was paused keeps a peer."""
    gone = environment.tenant()
    environment.end(gone)
    erasure.erase_account(environment.state, gone, TG, Epoch(1))
    ended_at = environment.clock.now()
    while environment.waiting():
        environment.record(gone, 9)
        PeerStore(environment.state).put(gone, TG, Peer(id=8, kind="chat"))
        environment.clock.advance(LATEST.total_seconds())
        environment.eraser.run()
        assert environment.left(gone) == []
    assert KEPT_IN_VIEW <= environment.clock.now() - ended_at <= KEPT_IN_VIEW + LATEST


def test_without_any_worker_all_is_gone_within_a_day(environment: ErasureEnvironment) -> None:
    """Telegram cannot be told then; what we hold is erased all the same."""
    gone = environment.tenant()
    environment.end(gone)
    environment.clock.advance((FORCED_AFTER - timedelta(minutes=1)).total_seconds())
    environment.eraser.run()
    assert environment.accounts.get(gone, TG)
    environment.clock.advance(3600)
    environment.eraser.run()
    for _ in range(12):
        environment.clock.advance(3600)
        environment.eraser.run()
    assert environment.left(gone) == []


def test_a_function_that_died_right_after_the_end_is_made_up_for(environment: ErasureEnvironment) -> None:
    """Nobody had an account to log out: the next look erases all of it."""
    tenant, _ = environment.tenants.create("Shop", None, environment.clock.now(), None, new_tenant_id())
    environment.end(tenant.id)
    environment.eraser.run()
    assert environment.left(tenant.id) == []
    assert environment.waiting() == 1


def test_two_runs_at_once_do_no_harm(environment: ErasureEnvironment) -> None:
    """Each finds what the other has left; the tenant is still looked at afterwards."""
    gone = environment.tenant()
    environment.end(gone)
    [ended] = environment.tenants.ended(environment.clock.now())
    environment.eraser.run()
    environment.tenants.look_later(ended, environment.clock.now() + timedelta(seconds=1))
    environment.eraser.run()
    assert environment.waiting() >= 1
    environment.clock.advance(KEPT_IN_VIEW.total_seconds() * 2)
    for _ in range(3):
        environment.eraser.run()
    assert (environment.left(gone), environment.waiting()) == ([], 0)
