"""What the delivery stores write and read is the same on the fake and on the emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.model.backlog import CallbackHealth
from shared.model.delivery import Attempt, Delivery, DeliveryStatus
from shared.model.ids import TenantId
from shared.store import keys
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.delivery_snapshot import SnapshotReader, event_key
from shared.store.table import Table
from tests.support.aws_variants import AwsVariant
from tests.support.events import event_of
from tests.support.rows import whole

ANN = TenantId("ann")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
FIRST, SECOND, OTHER = (event_of(ANN, chat_id=chat, message_id=message) for chat, message in ((1, 1), (1, 2), (2, 3)))


@pytest.fixture
def table(variant: AwsVariant) -> Table:
    """The deliveries table of each side."""
    return variant.deliveries_table


def delivery(status: DeliveryStatus = DeliveryStatus.DELIVERED) -> Delivery:
    """Return a record with one attempt."""
    return Delivery(status=status, queued_as="q", at=NOW, attempts=(Attempt(at=NOW, duration_ms=7, status=200),), made=1, quick=1)


def test_a_batch_is_read_and_recorded(table: Table) -> None:
    """What a run asks first, and what it writes last."""
    deliveries = DeliveryStore(table)
    assert SnapshotReader(table, table).read([event_key(FIRST), event_key(OTHER)]).records == {}
    deliveries.put_many([(FIRST, delivery()), (OTHER, delivery())])
    seen = SnapshotReader(table, table).read([event_key(FIRST), event_key(SECOND), event_key(OTHER)])
    assert seen.records == {(ANN, FIRST.id): delivery(), (ANN, OTHER.id): delivery()}
    assert (seen.callbacks, seen.chats) == ({}, {})


def test_the_log_is_listed_by_status(table: Table) -> None:
    """An event that gets another status moves from one list to the other."""
    deliveries, log = DeliveryStore(table), DeliveryLog(table)
    deliveries.put_many([(FIRST, delivery()), (SECOND, delivery(DeliveryStatus.DEAD)), (OTHER, delivery())])
    deliveries.put(FIRST, delivery(DeliveryStatus.DEAD))
    assert {row.event_id for row in whole(log.oldest(ANN, DeliveryStatus.DEAD)[0])} == {FIRST.id, SECOND.id}
    (listed,) = whole(log.oldest(ANN, DeliveryStatus.DELIVERED)[0])
    assert (listed.event_id, listed.chat, listed.at) == (OTHER.id, OTHER.chat, NOW)
    summaries, _ = deliveries.page(ANN)
    assert {one.event_id for one in whole(summaries)} == {FIRST.id, SECOND.id, OTHER.id}


def test_a_callback_is_parked_drained_and_opened(table: Table) -> None:
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
    slots = backlog.slots(ANN, FIRST.chat, 10)
    assert [slot.event_id for slot in slots] == [FIRST.id, SECOND.id]
    assert all(backlog.settle(ANN, FIRST.chat, slot, delivery()) for slot in slots)
    assert not backlog.settle(ANN, FIRST.chat, slots[0], delivery())
    assert backlog.lease_chat(ANN, FIRST.chat, "me", LATER, LATER + timedelta(seconds=60))
    assert not backlog.finish_chat(ANN, FIRST.chat, "me", 1)
    assert backlog.finish_chat(ANN, FIRST.chat, "me", 2)
    assert not callbacks.finish_recovery(ANN, "me", 0)
    assert callbacks.finish_recovery(ANN, "me", 1)
    assert callbacks.get(ANN).state is CallbackHealth.HEALTHY
