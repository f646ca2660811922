"""What the delivery stores write and read is the same on the fake and on the emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.model.delivery import Attempt, Delivery, DeliveryStatus
from shared.model.ids import TenantId
from shared.model.parking import Lane
from shared.store import keys
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.parking import ParkingStore, names_of
from shared.store.table import Table
from tests.support.aws_sides import Side
from tests.support.events import event_of
from tests.support.rows import whole

ANN = TenantId("ann")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
FIRST, SECOND, OTHER = (event_of(ANN, chat_id=chat, message_id=message) for chat, message in ((1, 1), (1, 2), (2, 3)))


@pytest.fixture
def table(side: Side) -> Table:
    """The deliveries table of each side."""
    return side.deliveries_table


def delivery(status: DeliveryStatus = DeliveryStatus.DELIVERED) -> Delivery:
    """Return a record with one attempt."""
    return Delivery(status=status, queued_as="q", at=NOW, attempts=(Attempt(at=NOW, duration_ms=7, status=200),), made=1, quick=1)


def test_a_batch_is_read_and_recorded(table: Table) -> None:
    """What a run asks first, and what it writes last."""
    deliveries = DeliveryStore(table)
    parking = ParkingStore(table, deliveries)
    assert parking.read([names_of(FIRST), names_of(OTHER)], table).records == {}
    deliveries.put_many([(FIRST, delivery()), (OTHER, delivery())])
    seen = parking.read([names_of(FIRST), names_of(SECOND), names_of(OTHER)], table)
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
    parking = ParkingStore(table, deliveries)
    states = [parking.failed(ANN, "url", NOW, LATER).state for _ in range(5)]
    assert states == [*[Lane.OPEN] * 4, Lane.PARKED]
    assert parking.park([(FIRST, delivery(DeliveryStatus.PARKED))], None, None)
    assert not parking.park([(SECOND, delivery(DeliveryStatus.PARKED))], None, None)
    chat = parking.read([names_of(SECOND)], table).chats[ANN, FIRST.chat]
    assert parking.park([(SECOND, delivery(DeliveryStatus.PARKED))], chat, None)
    shard = keys.due_shard(ANN)
    assert (parking.due(shard, NOW, 5), [due.tenant_id for due in parking.due(shard, LATER, 5)]) == ([], [ANN])
    assert parking.lease_callback(ANN, "me", LATER, LATER + timedelta(seconds=60))
    assert parking.lease_callback(ANN, "another", LATER, LATER + timedelta(seconds=60)) is None
    assert parking.drain(ANN, "me")
    places = parking.places(ANN, FIRST.chat, 10)
    assert [place.event_id for place in places] == [FIRST.id, SECOND.id]
    assert all(parking.settle(ANN, FIRST.chat, place, delivery()) for place in places)
    assert not parking.settle(ANN, FIRST.chat, places[0], delivery())
    assert parking.lease_chat(ANN, FIRST.chat, "me", LATER, LATER + timedelta(seconds=60))
    assert not parking.open_chat(ANN, FIRST.chat, "me", 1)
    assert parking.open_chat(ANN, FIRST.chat, "me", 2)
    assert not parking.open(ANN, "me", 0)
    assert parking.open(ANN, "me", 1)
    assert parking.callback(ANN).state is Lane.OPEN
