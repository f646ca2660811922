"""After an erasure nothing of a tenant is in any table, bucket or queue of the account, whichever there are. On the emulator."""

from __future__ import annotations

import json

import pytest

from functions.callback_delivery.post import Poster
from functions.erasure.dead_letters import DeadLetters
from functions.erasure.erase import KEPT_IN_VIEW, LATEST, Eraser
from local.emulator_account import EmulatorAccount
from shared.media_bucket import MediaBucket, media_key, upload_key
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import Channel, Epoch, TenantId, WorkerId
from shared.queues import body_of
from shared.store import erasure, keys
from shared.store.accounts import AccountStore
from shared.store.peers import Peer, PeerStore
from shared.store.workers import WorkerStore
from tests.functions.callback_delivery.conftest import clock, poster, receiver
from tests.support.callback_server import CallbackServer
from tests.support.clock import FakeClock
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of
from tests.support.stored_content import StoredContent

__all__ = ["clock", "poster", "receiver"]
TG = Channel.TELEGRAM
DELIVERED, PARKED, BURIED, UNREADABLE, QUEUED = range(1, 6)
"""The chats of a tenant, named after what became of their events."""


class ErasureScenario:
    """An account with tenants of which something is in every place, and the functions that erase them."""

    def __init__(self, account: EmulatorAccount, delivery: EmulatedDelivery) -> None:
        self.account, self.delivery, self.clock = account, delivery, delivery.clock
        self.stored = StoredContent(account.emulator)
        self.s3 = account.client("s3")
        self.bucket = MediaBucket(lambda: self.s3, account.media_bucket)

    def eraser(self) -> Eraser:
        """The erasure function."""
        made = self.delivery
        letters = DeadLetters(made.sqs, self.account.dead_events_queue_url, self.clock)
        workers = WorkerStore(made.table)
        return Eraser(made.table, made.tenants, workers, made.deliveries, letters, self.bucket, self.clock, made.log.logger)

    async def tenant(self) -> TenantId:
        """Make a tenant whose account is logged in, with events that were delivered, wait in the backlog, and were given up."""
        tenant_id = self.delivery.new_tenant().id
        AccountStore(self.delivery.table).claim(tenant_id, TG, None, WorkerId("worker"), "token")
        PeerStore(self.delivery.table).put(tenant_id, TG, Peer(id=7, kind="user", access_hash=1))
        self.delivery.enqueue(_event(tenant_id, DELIVERED))
        await self.delivery.run_visible()
        parked = _event(tenant_id, PARKED)
        record = Delivery(status=DeliveryStatus.PARKED, queued_as=parked.id, at=self.clock.now())
        self.delivery.callbacks.count_failures(tenant_id, "x", self.clock.now(), self.clock.now(), count=5)
        assert self.delivery.backlog.park([(parked, record)], None, None)
        for file in (media_key(tenant_id, "5"), upload_key(tenant_id, "upl_1")):
            self.s3.put_object(Bucket=self.account.media_bucket, Key=file, Body=b"a file")
        self.bury(_event(tenant_id, BURIED))
        self.bury(_event(tenant_id, UNREADABLE), json.dumps({"event": "of a later version", "text": _text(tenant_id, UNREADABLE)}))
        return tenant_id

    def bury(self, event: Event, body: str = "") -> None:
        """Have the events queue give a message up: for now it does so after one receive."""
        url, sqs = self.account.events_queue_url, self.delivery.sqs
        policy: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
        impatient = json.dumps({**json.loads(policy), "maxReceiveCount": 1})
        self.delivery.put(event, body or body_of(event))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": impatient})
        for _ in range(2):
            sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})

    def end(self, tenant_id: TenantId) -> None:
        """End a tenant, and erase its account as its owner does once it has logged out."""
        self.delivery.tenants.end(tenant_id, (TG,), self.clock.now())
        assert erasure.erase_account(self.delivery.table, tenant_id, TG, Epoch(1))

    def found(self, tenant_id: TenantId) -> list[str]:
        """Search everything for the tenant's id and its texts."""
        return self.stored.find(tenant_id, f"words of {tenant_id}")


def _text(tenant_id: TenantId, chat: int) -> str:
    return f"words of {tenant_id} in {chat}"


def _event(tenant_id: TenantId, chat: int) -> Event:
    return event_of(tenant_id, chat_id=chat, text=_text(tenant_id, chat))


@pytest.fixture
def scenario(account: EmulatorAccount, clock: FakeClock, receiver: CallbackServer, poster: Poster) -> ErasureScenario:
    """An account without tenants."""
    return ErasureScenario(account, EmulatedDelivery(account, clock, receiver, poster))


async def test_of_an_erased_tenant_nothing_stays_in_any_table_bucket_or_queue(scenario: ErasureScenario) -> None:
    """What waits in the events queue is dropped by the delivery; the note of the end is the last to go. The neighbour keeps everything."""
    neighbour, gone = await scenario.tenant(), await scenario.tenant()
    kept, before = scenario.found(neighbour), scenario.found(gone)
    scenario.delivery.enqueue(_event(gone, QUEUED))
    bucket = f"bucket {scenario.account.media_bucket}"
    assert {where.partition(":")[0] for where in before} == {"table avio", "table deliveries", "queue dead-events.fifo", bucket}
    assert set(scenario.found(gone)) - set(before) == {f"queue events.fifo: {gone}:telegram:{QUEUED}"}
    scenario.end(gone)
    scenario.eraser().run()
    await scenario.delivery.run_visible()
    assert [where.split(" ")[2] for where in scenario.found(gone)] == [keys.ENDED]
    assert scenario.found(neighbour) == kept
    scenario.clock.advance((KEPT_IN_VIEW + LATEST).total_seconds())
    scenario.eraser().run()
    assert scenario.found(gone) == []
    assert scenario.found(neighbour) == kept


async def test_the_order_of_a_living_tenants_dead_letters_stays(scenario: ErasureScenario) -> None:
    """They are visible again as soon as the look is over."""
    neighbour, gone = await scenario.tenant(), await scenario.tenant()
    events = [event_of(neighbour, chat_id=BURIED, message_id=number) for number in range(2, 6)]
    for event in events:
        scenario.bury(event)
    scenario.end(gone)
    scenario.eraser().run()
    url = scenario.account.dead_events_queue_url
    messages = scenario.delivery.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    group = [one["Attributes"]["MessageDeduplicationId"] for one in messages if one["Attributes"]["MessageGroupId"] == events[0].group]
    assert group[-4:] == [event.id for event in events]


def test_a_table_a_bucket_and_a_queue_that_come_later_are_searched_too(account: EmulatorAccount) -> None:
    """Whatever is in the account is found by itself, names, keys and metadata included."""
    stored, words = StoredContent(account.emulator), "words that are nowhere else"
    before = stored.places
    assert before == {"table avio", "table deliveries", "queue events.fifo", "queue dead-events.fifo", f"bucket {account.media_bucket}"}
    names = [("pk", "HASH"), ("sk", "RANGE")]
    account.client("dynamodb").create_table(
        TableName="later",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in names],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names],
        BillingMode="PAY_PER_REQUEST",
    )
    s3, sqs = account.client("s3"), account.client("sqs")
    bucket = f"later-{account.emulator.account}"
    s3.create_bucket(Bucket=bucket)
    queue = sqs.create_queue(QueueName="later")["QueueUrl"]
    assert stored.places - before == {"table later", f"bucket {bucket}", "queue later"}
    assert stored.find(words) == []
    binary = {"pk": {"S": "1"}, "sk": {"S": "2"}, "deep": {"M": {"value": {"L": [{"B": words.encode()}]}}}}
    account.client("dynamodb").put_item(TableName="later", Item=binary)
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"", Metadata={"note": words})
    s3.put_object(Bucket=bucket, Key="c", Body=words.encode())
    sqs.send_message(QueueUrl=queue, MessageBody=words)
    assert len(stored.find(words)) == 4
    assert len(stored.find(words)) == 4
