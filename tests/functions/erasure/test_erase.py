"""Ended tenants are erased from every table, and come back in none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from functions.erasure.dead_letters import DeadLetters
from functions.erasure.erase import FORCED_AFTER, KEPT_IN_VIEW, LATEST, Eraser
from shared.media_bucket import media_key, upload_key
from shared.model.account import Account, AccountState, Wanted
from shared.model.callback_key import key_of
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import AccountStatusChanged, StatusChange
from shared.model.ids import Channel, Epoch, EventId, TenantId, WorkerId
from shared.model.tenant import Callback
from shared.model.worker import Worker, WorkerState
from shared.queues import body_of, entry_of
from shared.store import erasure, keys, status_outbox
from shared.store.accounts import AccountStore
from shared.store.deliveries import DeliveryStore
from shared.store.peers import Peer, PeerStore
from shared.store.tenants import TenantStore, new_tenant_id
from shared.store.workers import WorkerStore
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.dynamodb import DELIVERIES, TABLES, FakeDynamoDb
from testing.fake_aws.fifo_queue import QUEUE, FakeFifoQueue
from testing.fake_aws.service import RequestRefused
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock
from tests.support.events import event_of
from tests.support.fake_s3 import FakeS3, fake_bucket
from tests.support.fake_stores import fake_table
from tests.support.rows import spoil

SECOND = "cb_00000000000c"
TG, WA, WORKER = Channel.TELEGRAM, Channel.WHATSAPP, WorkerId("worker")
EVERY_S = 300
"""The function's schedule."""


class ErasureEnvironment:
    """Both tables, a worker's row, and the eraser over them."""

    def __init__(self) -> None:
        self.clock, self.log = FakeClock(), CapturedLog()
        self.dynamodb = FakeDynamoDb()
        self.s3 = FakeS3()
        self.state, self.records = fake_table(self.dynamodb), fake_table(self.dynamodb, DELIVERIES)
        self.tenants, self.accounts, self.workers = TenantStore(self.state), AccountStore(self.state), WorkerStore(self.state)
        self.deliveries = DeliveryStore(self.records)
        self.dead_queue = FakeFifoQueue(self.clock)
        self.dead_sqs: Any = InProcessClient(self.dead_queue.answer)
        self.register(WORKER)

    def register(self, worker_id: WorkerId) -> None:
        """Have a worker live."""
        key = SecretStr("key")
        self.workers.register(Worker(id=worker_id, state=WorkerState.LIVE, beat=0, address="127.0.0.1:1", certificate="", rpc_key=key))

    @property
    def eraser(self) -> Eraser:
        """The function, as a new process."""
        letters = DeadLetters(self.dead_sqs, QUEUE, self.clock)
        bucket = fake_bucket(self.s3)
        return Eraser(self.state, self.tenants, self.workers, self.deliveries, letters, bucket, self.clock, self.log.logger)

    def tenant(self) -> TenantId:
        """Make a tenant with an account, peers, a second callback, records of both callbacks, and a change of state to be told."""
        tenant, _ = self.tenants.create("Shop", None, self.clock.now(), None, new_tenant_id())
        self.accounts.claim(tenant.id, TG, None, WORKER, "token")
        PeerStore(self.state).put(tenant.id, TG, Peer(id=7, kind="user", access_hash=1))
        for number in range(3):
            self.record(tenant.id, number)
        callback = Callback(created_at=self.clock.now(), callback_url="https://crm.example/in")
        self.tenants.add_callback(tenant.id, SECOND, callback)
        self.record(key_of(tenant.id, SECOND), 4)
        self.tell(tenant.id)
        self.s3.keys |= {media_key(tenant.id, "1"), upload_key(tenant.id, "upl_1")}
        return tenant.id

    def tell(self, tenant_id: TenantId) -> None:
        """Have a change of the account's state wait to be told."""
        status = StatusChange(state=AccountState.AUTHORIZED)
        names = {"id": EventId("evt_1"), "tenant_id": tenant_id, "channel": TG, "received_at": self.clock.now()}
        self.state.put(dict(status_outbox.put(AccountStatusChanged(status=status, **names), Epoch(1), 0).item))

    def record(self, tenant_id: TenantId, number: int) -> None:
        """Record a delivery, as a run does that was under way."""
        event = event_of(tenant_id, message_id=number)
        self.deliveries.put(event, Delivery(status=DeliveryStatus.DELIVERED, queued_as=event.id, at=self.clock.now()))

    def bury(self, tenant_id: TenantId, message_id: int = 1) -> None:
        """Have the events queue give a message up."""
        event = event_of(tenant_id, message_id=message_id)
        self.dead_sqs.send_message_batch(QueueUrl=QUEUE, Entries=[entry_of("0", event, body_of(event))])

    def end(self, tenant_id: TenantId) -> Account:
        """End a tenant; return its account."""
        self.tenants.end(tenant_id, (TG,), self.clock.now())
        account = self.accounts.get(tenant_id, TG)
        assert account
        return account

    def left(self, tenant_id: TenantId) -> list[str]:
        """Return the sort keys of all that both tables hold of a tenant, and its files."""
        files = [key for key in sorted(self.s3.keys) if tenant_id in key]
        return files + [
            sk for table in TABLES for pk, sk in self.dynamodb.addresses(table) if tenant_id in pk or (pk == "STATUS" and tenant_id in sk)
        ]

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


def test_what_a_removed_callback_leaves_is_erased_and_nothing_else(environment: ErasureEnvironment) -> None:
    """Also what a run under way writes afterwards; then it is forgotten, and the tenant goes on."""
    tenant_id = environment.tenant()
    key, kept = key_of(tenant_id, SECOND), [sk for sk in environment.left(tenant_id) if SECOND not in sk]
    assert environment.tenants.remove_callback(key, environment.clock.now())
    while environment.waiting():
        environment.record(key, 9)
        environment.clock.advance(LATEST.total_seconds())
        environment.eraser.run()
        assert environment.left(tenant_id) == kept


def test_what_comes_late_is_erased_too_and_then_the_tenant_is_forgotten(environment: ErasureEnvironment) -> None:
    """A run that had the event in hand records it after the end, and a worker that was paused keeps a peer."""
    gone = environment.tenant()
    environment.end(gone)
    erasure.erase_account(environment.state, gone, TG, Epoch(1))
    ended_at = environment.clock.now()
    while environment.waiting():
        environment.record(gone, 9)
        environment.s3.keys.add(media_key(gone, "late"))
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
    environment.clock.advance(60)
    environment.eraser.run()
    assert environment.left(gone) == []


def test_a_function_that_died_right_after_the_end_is_made_up_for(environment: ErasureEnvironment) -> None:
    """Nobody had an account to log out: the next look erases all of it."""
    tenant, _ = environment.tenants.create("Shop", None, environment.clock.now(), None, new_tenant_id())
    environment.end(tenant.id)
    environment.eraser.run()
    assert environment.left(tenant.id) == []
    assert environment.waiting() == 1


def both_accounts(environment: ErasureEnvironment) -> TenantId:
    """Make a tenant with an account on each channel, under epochs of their own, and end it."""
    gone = environment.tenant()
    for worker in ("first", "second"):
        environment.accounts.claim(gone, WA, environment.accounts.get(gone, WA), WorkerId(worker), worker)
    environment.tenants.end(gone, Channel, environment.clock.now())
    return gone


def test_an_account_that_is_never_logged_out_does_not_keep_the_tenant_beyond_a_day(environment: ErasureEnvironment) -> None:
    """No worker serves its channel. The other account is gone long before; until then nothing but that account's own items went."""
    gone = both_accounts(environment)
    ended_at = environment.clock.now()
    assert erasure.erase_account(environment.state, gone, TG, Epoch(1))
    left = environment.left(gone)
    assert {"ACCOUNT#whatsapp", "TENANT"} <= set(left)
    assert not [sk for sk in left if TG in sk]
    while environment.clock.now() - ended_at < FORCED_AFTER:
        assert environment.accounts.get(gone, WA)
        environment.eraser.run()
        environment.clock.advance(EVERY_S)
    environment.eraser.run()
    assert environment.left(gone) == []


@pytest.mark.parametrize("change", [("state", "of a later version"), ("wanted", "of a later version"), ("wanted_since", "no time")])
def test_a_row_that_only_a_later_version_or_nobody_understands_is_erased_within_a_day(
    environment: ErasureEnvironment, change: tuple[str, str]
) -> None:
    """It is no reason to keep a tenant, and it holds up no other."""
    gone, other = both_accounts(environment), both_accounts(environment)
    spoil(environment.state, keys.account(gone, WA), *change)
    environment.eraser.run()
    environment.clock.advance(FORCED_AFTER.total_seconds())
    environment.eraser.run()
    assert environment.left(gone) == environment.left(other) == []


def test_an_account_of_a_channel_that_only_a_later_version_knows_is_to_be_erased_too(environment: ErasureEnvironment) -> None:
    """The end did not know of it: the next visit has its row say so, and tells its owner."""
    gone = environment.tenant()
    later = {"pk": f"T#{gone}", "sk": "ACCOUNT#later"}
    environment.state.put({**later, "owner": WORKER, "epoch": 3})
    environment.end(gone)
    environment.eraser.run()
    row = environment.state.get(later)
    assert row
    assert (row["wanted"], row["owner"], row["epoch"]) == (Wanted.ERASE, WORKER, 3)
    assert erasure.erase_account(environment.state, gone, TG, Epoch(1))
    assert environment.state.get(later)
    environment.clock.advance(FORCED_AFTER.total_seconds())
    environment.eraser.run()
    assert environment.left(gone) == []


def test_each_owner_of_an_account_is_reminded(environment: ErasureEnvironment) -> None:
    """The accounts of a tenant may be held by different workers."""
    other = WorkerId("other")
    environment.register(other)
    gone = environment.tenant()
    environment.accounts.claim(gone, WA, None, other, "token")
    environment.tenants.end(gone, Channel, environment.clock.now())
    environment.eraser.run()
    for worker_id in (WORKER, other):
        worker = environment.workers.get(worker_id)
        assert worker
        assert [nudge for nudge in worker.nudges if nudge.startswith(gone)]


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


def test_a_message_that_reaches_the_dead_letter_queue_late_is_gone_with_the_next_run(environment: ErasureEnvironment) -> None:
    """The tenant itself is not due: its visits are hours apart by then."""
    gone = environment.tenant()
    environment.end(gone)
    erasure.erase_account(environment.state, gone, TG, Epoch(1))
    environment.clock.advance(FORCED_AFTER.total_seconds())
    environment.eraser.run()
    environment.bury(gone)
    environment.clock.advance(EVERY_S)
    assert environment.eraser.run().looks == 0
    assert environment.dead_queue.left == 0


def test_a_tenant_is_not_forgotten_before_a_look_saw_nothing_of_it(environment: ErasureEnvironment) -> None:
    """Not when one of its messages was there, nor when SQS did not answer."""
    gone = environment.tenant()
    environment.end(gone)
    erasure.erase_account(environment.state, gone, TG, Epoch(1))
    environment.clock.advance(KEPT_IN_VIEW.total_seconds())
    environment.bury(gone)
    assert environment.eraser.run().forgotten == 0
    environment.clock.advance(EVERY_S)
    working, environment.dead_sqs = environment.dead_sqs, InProcessClient(refused)
    assert (environment.eraser.run().looks, environment.waiting()) == (1, 1)
    assert "dead letters cannot be erased" in environment.log.text
    environment.clock.advance(EVERY_S)
    environment.dead_sqs = working
    assert (environment.eraser.run().forgotten, environment.waiting()) == (1, 0)


def refused(operation: str, request: object) -> Any:
    """Answer as SQS does where the role may not."""
    del request
    raise RequestRefused("AccessDenied", operation)
