"""What the delivery stores and the queue's readers ask of the AWS in memory, held to the emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.quick_table import QuickTables, size
from shared.model.backlog import CallbackHealth
from shared.model.delivery import Attempt, Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.queues import accepted, body_of, entry_of
from shared.store import keys
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.delivery_snapshot import SnapshotReader, event_key
from shared.store.table import Table, to_wire
from tests.benchmarks.conftest import Side
from tests.support.events import event_of
from tests.support.rows import whole

ANN = TenantId("ann")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
FIRST, SECOND, OTHER = (event_of(ANN, chat_id=chat, message_id=message) for chat, message in ((1, 1), (1, 2), (2, 3)))


@pytest.fixture
def table(side: Side) -> Table:
    """The deliveries table of each."""
    return Table(side.client("dynamodb"), side.deliveries_table_name)


@pytest.fixture
def sqs(side: Side) -> tuple[Any, str]:
    """A client for the queue of each, and its URL."""
    return side.client("sqs"), side.events_queue_url


def delivery(status: DeliveryStatus = DeliveryStatus.DELIVERED) -> Delivery:
    """Return a record with one attempt."""
    return Delivery(status=status, queued_as="q", at=NOW, attempts=(Attempt(at=NOW, duration_ms=7, status=200),), made=1, quick=1)


def test_a_batch_is_read_and_recorded_as_on_the_emulator(table: Table) -> None:
    """What a run asks first, and what it writes last."""
    deliveries = DeliveryStore(table)
    assert SnapshotReader(table, table).read([event_key(FIRST), event_key(OTHER)]).records == {}
    deliveries.put_many([(FIRST, delivery()), (OTHER, delivery())])
    seen = SnapshotReader(table, table).read([event_key(FIRST), event_key(SECOND), event_key(OTHER)])
    assert seen.records == {(ANN, FIRST.id): delivery(), (ANN, OTHER.id): delivery()}
    assert (seen.callbacks, seen.chats) == ({}, {})


def test_the_log_is_listed_by_status_as_on_the_emulator(table: Table) -> None:
    """An event that gets another status moves from one list to the other."""
    deliveries, log = DeliveryStore(table), DeliveryLog(table)
    deliveries.put_many([(FIRST, delivery()), (SECOND, delivery(DeliveryStatus.DEAD)), (OTHER, delivery())])
    deliveries.put(FIRST, delivery(DeliveryStatus.DEAD))
    assert {row.event_id for row in whole(log.oldest(ANN, DeliveryStatus.DEAD)[0])} == {FIRST.id, SECOND.id}
    (listed,) = whole(log.oldest(ANN, DeliveryStatus.DELIVERED)[0])
    assert (listed.event_id, listed.chat, listed.at) == (OTHER.id, OTHER.chat, NOW)
    summaries, _ = deliveries.page(ANN)
    assert {one.event_id for one in whole(summaries)} == {FIRST.id, SECOND.id, OTHER.id}


def test_a_callback_is_parked_drained_and_opened_as_on_the_emulator(table: Table) -> None:
    """Failures in a row, a chat parked with its callback, the sweeper's lease, and what another parked meanwhile."""
    deliveries = DeliveryStore(table)
    callbacks, backlog = CallbackStateStore(table), BacklogStore(table, deliveries)
    states = [callbacks.count_failures(ANN, "url", NOW, LATER).state for _ in range(5)]
    assert states == [*[CallbackHealth.HEALTHY] * 4, CallbackHealth.PAUSED]
    assert backlog.park([(FIRST, delivery(DeliveryStatus.PARKED))], None, None)
    assert not backlog.park([(SECOND, delivery(DeliveryStatus.PARKED))], None, None)
    chat = SnapshotReader(table, table).read([event_key(SECOND)]).chats[ANN, FIRST.chat]
    assert backlog.park([(SECOND, delivery(DeliveryStatus.PARKED))], chat, None)
    shard = keys.due_shard(ANN)
    assert (backlog.due(shard, NOW, 5), [due.tenant_id for due in backlog.due(shard, LATER, 5)]) == ([], [ANN])
    assert callbacks.lease(ANN, "me", LATER, LATER + timedelta(seconds=60))
    assert callbacks.lease(ANN, "another", LATER, LATER + timedelta(seconds=60)) is None
    assert callbacks.start_recovery(ANN, "me")
    places = backlog.slots(ANN, FIRST.chat, 10)
    assert [place.event_id for place in places] == [FIRST.id, SECOND.id]
    assert all(backlog.settle(ANN, FIRST.chat, place, delivery()) for place in places)
    assert not backlog.settle(ANN, FIRST.chat, places[0], delivery())
    assert backlog.lease_chat(ANN, FIRST.chat, "me", LATER, LATER + timedelta(seconds=60))
    assert not backlog.finish_chat(ANN, FIRST.chat, "me", 1)
    assert backlog.finish_chat(ANN, FIRST.chat, "me", 2)
    assert not callbacks.finish_recovery(ANN, "me", 0)
    assert callbacks.finish_recovery(ANN, "me", 1)
    assert callbacks.get(ANN).state is CallbackHealth.HEALTHY


def receive(sqs: tuple[Any, str]) -> list[dict[str, Any]]:
    """Return what can be received now."""
    client, url = sqs
    found: list[dict[str, Any]] = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", [])
    return found


def named(messages: list[dict[str, Any]]) -> list[str]:
    """Return the deduplication ids, in order."""
    return [message["Attributes"]["MessageDeduplicationId"] for message in messages]


def put(sqs: tuple[Any, str], *events: Event) -> None:
    """Put events into the queue, in one request."""
    client, url = sqs
    entries = [entry_of(str(number), event, body_of(event)) for number, event in enumerate(events)]
    assert all(accepted(client.send_message_batch(QueueUrl=url, Entries=entries), len(events)))


def test_a_chat_is_locked_until_it_is_deleted_or_put_back_as_on_the_emulator(sqs: tuple[Any, str]) -> None:
    """What comes of a received chat waits; other chats do not."""
    client, url = sqs
    put(sqs, FIRST)
    (held,) = receive(sqs)
    assert held["Attributes"]["MessageGroupId"] == FIRST.group
    put(sqs, SECOND, OTHER)
    assert named(receive(sqs)) == [OTHER.id]
    entry = {"Id": "0", "ReceiptHandle": held["ReceiptHandle"]}
    assert client.change_message_visibility_batch(QueueUrl=url, Entries=[{**entry, "VisibilityTimeout": 0}])["Successful"]
    again = receive(sqs)
    assert named(again) == [FIRST.id, SECOND.id]
    done = [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(again)]
    assert len(client.delete_message_batch(QueueUrl=url, Entries=done)["Successful"]) == 2
    assert receive(sqs) == []


@pytest.mark.parametrize(
    ("acts", "units"),
    [
        ([("GetItem", {"Key": {"pk": "p", "sk": "1"}, "ConsistentRead": True})], {"half read": 2}),
        ([("GetItem", {"Key": {"pk": "p", "sk": "1"}})], {"half read": 1}),
        ([("PutItem", {"Item": {"pk": "p", "sk": "1", "text": "x" * 1100}})], {"write": 2}),
        ([("PutItem", {"Item": {"pk": "p", "sk": "1", "listed": "l", "listed_at": "1"}})], {"write": 1, "index write": 1}),
        (
            [("PutItem", {"Item": {"pk": "p", "sk": "1", "listed": listed, "listed_at": "1"}}) for listed in ("l", "m")],
            {"write": 2, "index write": 3},
        ),
    ],
)
def test_units_are_counted_as_aws_bills_them(acts: list[tuple[str, dict[str, Any]]], units: dict[str, int]) -> None:
    """Reads by 4 kB, writes by 1 kB, and an index is written for what it shows: twice where an item moves in it."""
    tables = QuickTables()
    for operation, request in acts:
        wired = {name: to_wire(value) if name in {"Key", "Item"} else value for name, value in request.items()}
        tables.operations[operation]({"TableName": "deliveries", **wired})
    assert tables.units == units


def test_a_transaction_writes_twice() -> None:
    """It prepares and commits, and both are billed."""
    tables = QuickTables()
    put = {"Put": {"TableName": "deliveries", "Item": to_wire({"pk": "p", "sk": "1"})}}
    tables.operations["TransactWriteItems"]({"TransactItems": [put]})
    assert tables.units == {"write": 2}


def test_an_items_size_is_that_of_its_names_and_values() -> None:
    """As AWS documents it, to the byte where that is exact."""
    assert size(to_wire({"pk": "ab", "sk": "ü", "yes": True})) == 2 + 2 + 2 + 2 + 3 + 1
