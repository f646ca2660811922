"""The delivery log on the real table: what is written is what is read, and listings go by time, by page and by status."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local.aws_account import Account
from shared.model.delivery import KEPT_ATTEMPTS, Attempt, Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.store import keys
from shared.store.deliveries import DeliveryStore
from shared.store.parking import Due, ParkingStore
from shared.store.table import Table
from tests.support.clock import FakeClock
from tests.support.events import RECEIVED_AT, TENANT, event_of
from tests.support.rows import whole

OTHER = TenantId("0b7e9a52-0000-4000-8000-000000000002")


@pytest.fixture
def deliveries_table(account: Account) -> Table:
    """Table `deliveries`, empty."""
    return Table(account.client("dynamodb"), account.deliveries_table_name)


@pytest.fixture
def store(deliveries_table: Table) -> DeliveryStore:
    """The log."""
    return DeliveryStore(deliveries_table)


def delivered(event: Event) -> Delivery:
    """Return the record of a delivery that went well at once."""
    return Delivery(status=DeliveryStatus.DELIVERED, queued_as=event.id, at=RECEIVED_AT, made=1, quick=1)


def events(count: int) -> list[Event]:
    """Return events, each received a second after the one before."""
    return [event_of(message_id=number, received_at=RECEIVED_AT + timedelta(seconds=number)) for number in range(count)]


def test_a_record_comes_back_with_its_event_and_attempts(store: DeliveryStore, clock: FakeClock) -> None:
    """All that a replay, and somebody who asks what went wrong, needs."""
    event = event_of(text="Привет 🙂\x00")
    record = delivered(event).after(Attempt(at=clock.now(), duration_ms=12, status=500, text="no"), DeliveryStatus.PENDING)
    record = record.after(Attempt(at=clock.now(), duration_ms=8000, error="timed out"), DeliveryStatus.DEAD, "gave up")
    store.put(event, record)
    found = store.get(TENANT, event.id)
    assert found
    assert (found.event, found.model_dump(exclude={"event"})) == (event, record.model_dump())
    assert store.get(OTHER, event.id) is None
    assert store.get(TENANT, EventId("evt_other")) is None


def test_a_record_keeps_its_latest_attempts_and_counts_all(clock: FakeClock) -> None:
    """What is stored stays bounded however long a callback is away."""
    record = delivered(event_of())
    for number in range(25):
        record = record.after(Attempt(at=clock.now(), duration_ms=number, status=500), DeliveryStatus.PENDING)
    assert [attempt.duration_ms for attempt in record.attempts] == list(range(25 - KEPT_ATTEMPTS, 25))
    assert (record.made, record.quick) == (26, 26)


def test_the_log_lists_newest_first_by_page(store: DeliveryStore) -> None:
    """Each page begins where the one before ended, and the last says that it is."""
    all_ = events(7)
    store.put_many((event, delivered(event)) for event in all_)
    first, before = store.page(TENANT, limit=4)
    second, end = store.page(TENANT, limit=4, before=before)
    assert [line.event_id for line in whole([*first, *second])] == [event.id for event in reversed(all_)]
    assert end is None
    assert store.page(OTHER) == ([], None)


def test_the_log_lists_one_status_or_all_since_a_time(store: DeliveryStore) -> None:
    """Statuses are merged by time; a record is listed under its present status only."""
    all_ = events(6)
    store.put_many((event, delivered(event)) for event in all_)
    for event in all_[::2]:
        store.put(event, delivered(event).ended(DeliveryStatus.DEAD, RECEIVED_AT, "status 404"))
    dead, _ = store.page(TENANT, status=DeliveryStatus.DEAD)
    assert [line.event_id for line in whole(dead)] == [event.id for event in reversed(all_[::2])]
    assert {(line.status, line.reason) for line in whole(dead)} == {(DeliveryStatus.DEAD, "status 404")}
    late, before = store.page(TENANT, since=RECEIVED_AT + timedelta(seconds=2), limit=3)
    later, end = store.page(TENANT, since=RECEIVED_AT + timedelta(seconds=2), limit=3, before=before)
    assert ([line.event_id for line in whole([*late, *later])], end) == ([event.id for event in reversed(all_[2:])], None)


def test_a_page_that_begins_before_the_time_asked_for_is_empty(store: DeliveryStore) -> None:
    """A cursor from another listing: there is nothing since then and before it, and that is no fault."""
    all_ = events(3)
    store.put_many((event, delivered(event)) for event in all_)
    _, before = store.page(TENANT, limit=2)
    assert before
    assert store.page(TENANT, since=RECEIVED_AT + timedelta(minutes=1), before=before) == ([], None)
    assert store.page(TENANT, status=DeliveryStatus.DELIVERED, since=RECEIVED_AT + timedelta(minutes=1), before="2026") == ([], None)


def test_a_large_event_is_kept_and_what_became_of_it_stays(store: DeliveryStore) -> None:
    """An event that is queued twice keeps what became of it."""
    event = event_of()
    store.keep(event)
    first = store.get(TENANT, event.id)
    store.put(event, delivered(event))
    store.keep(event)
    then = store.get(TENANT, event.id)
    assert first
    assert then
    assert (first.event, first.status, then.status) == (event, DeliveryStatus.PENDING, DeliveryStatus.DELIVERED)


def test_a_record_ends_with_its_time(deliveries_table: Table) -> None:
    """TTL counts from the last change, in days of the deployment's choice."""
    DeliveryStore(deliveries_table, kept_days=7).put(event_of(), delivered(event_of()))
    (row,) = deliveries_table.query("pk = :pk", {":pk": f"T#{TENANT}"})
    assert row["expires_at"] == int((RECEIVED_AT + timedelta(days=7)).timestamp())


def test_a_tenants_records_are_erased_and_nobody_elses(store: DeliveryStore) -> None:
    """By one query over its partition."""
    store.put_many((event, delivered(event)) for event in [*events(30), event_of(OTHER)])
    store.erase(TENANT)
    assert store.page(TENANT) == ([], None)
    assert store.get(OTHER, event_of(OTHER).id)


def test_what_finds_a_tenant_again_is_erased_last(store: DeliveryStore, deliveries_table: Table, clock: FakeClock) -> None:
    """Whoever erases may die in the middle, or run out of time: the callback is still due then, and somebody goes on."""
    parking = ParkingStore(deliveries_table, store)
    parking.failed(TENANT, "", clock.now(), clock.now(), count=5)
    parking.park([(event, delivered(event)) for event in events(4)], None, None)
    left = []
    while store.erase_some(TENANT, limit=3):
        left.append(parking.due(keys.due_shard(TENANT), clock.now(), 10))
    assert left == [[Due(TENANT, None)]] * 3
    assert list(deliveries_table.query("pk = :pk", {":pk": f"T#{TENANT}"})) == []
