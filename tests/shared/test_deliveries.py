"""The delivery log on the real table: what is written is what is read, and listings go by time, by page and by status."""

from __future__ import annotations

from datetime import timedelta

from shared.model.delivery import KEPT_ATTEMPTS, Attempt, Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.store import keys
from shared.store.backlog import BacklogStore, DueItem
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.table import Table
from tests.support.clock import FakeClock
from tests.support.events import RECEIVED_AT, TENANT, event_of
from tests.support.rows import whole

OTHER = TenantId("0b7e9a52-0000-4000-8000-000000000002")


def delivered(event: Event) -> Delivery:
    """Return the record of a delivery that went well at once."""
    return Delivery(status=DeliveryStatus.DELIVERED, queued_as=event.id, at=RECEIVED_AT, made=1, quick=1)


def events(count: int) -> list[Event]:
    """Return events, each received a second after the one before."""
    return [event_of(message_id=number, received_at=RECEIVED_AT + timedelta(seconds=number)) for number in range(count)]


def test_a_record_comes_back_with_its_event_and_attempts(deliveries: DeliveryStore, clock: FakeClock) -> None:
    """All that a replay, and somebody who asks what went wrong, needs."""
    event = event_of(text="Привет 🙂\x00")
    record = delivered(event).after(Attempt(at=clock.now(), duration_ms=12, status=500, text="no"), DeliveryStatus.PENDING)
    record = record.after(Attempt(at=clock.now(), duration_ms=8000, error="timed out"), DeliveryStatus.DEAD, "gave up")
    deliveries.put(event, record)
    found = deliveries.get(TENANT, event.id)
    assert found
    assert (found.event, found.model_dump(exclude={"event"})) == (event, record.model_dump())
    assert deliveries.get(OTHER, event.id) is None
    assert deliveries.get(TENANT, EventId("evt_other")) is None


def test_a_record_keeps_its_latest_attempts_and_counts_all(clock: FakeClock) -> None:
    """What is stored stays bounded however long a callback is away."""
    record = delivered(event_of())
    for number in range(25):
        record = record.after(Attempt(at=clock.now(), duration_ms=number, status=500), DeliveryStatus.PENDING)
    assert [attempt.duration_ms for attempt in record.attempts] == list(range(25 - KEPT_ATTEMPTS, 25))
    assert (record.made, record.quick) == (26, 26)


def test_the_log_lists_newest_first_by_page(deliveries: DeliveryStore) -> None:
    """Each page begins where the one before ended, and the last says that it is."""
    all_ = events(7)
    deliveries.put_many((event, delivered(event)) for event in all_)
    first, before = deliveries.page(TENANT, limit=4)
    second, end = deliveries.page(TENANT, limit=4, before=before)
    assert [line.event_id for line in whole([*first, *second])] == [event.id for event in reversed(all_)]
    assert end is None
    assert deliveries.page(OTHER) == ([], None)


def test_the_log_lists_one_status_or_all_since_a_time(deliveries: DeliveryStore) -> None:
    """Statuses are merged by time; a record is listed under its present status only."""
    all_ = events(6)
    deliveries.put_many((event, delivered(event)) for event in all_)
    for event in all_[::2]:
        deliveries.put(event, delivered(event).ended(DeliveryStatus.DEAD, RECEIVED_AT, "status 404"))
    dead, _ = deliveries.page(TENANT, status=DeliveryStatus.DEAD)
    assert [line.event_id for line in whole(dead)] == [event.id for event in reversed(all_[::2])]
    assert {(line.status, line.reason) for line in whole(dead)} == {(DeliveryStatus.DEAD, "status 404")}
    late, before = deliveries.page(TENANT, since=RECEIVED_AT + timedelta(seconds=2), limit=3)
    later, end = deliveries.page(TENANT, since=RECEIVED_AT + timedelta(seconds=2), limit=3, before=before)
    assert ([line.event_id for line in whole([*late, *later])], end) == ([event.id for event in reversed(all_[2:])], None)


def test_a_page_that_begins_before_the_time_asked_for_is_empty(deliveries: DeliveryStore) -> None:
    """A cursor from another listing: there is nothing since then and before it, and that is no fault."""
    all_ = events(3)
    deliveries.put_many((event, delivered(event)) for event in all_)
    _, before = deliveries.page(TENANT, limit=2)
    assert before
    assert deliveries.page(TENANT, since=RECEIVED_AT + timedelta(minutes=1), before=before) == ([], None)
    assert deliveries.page(TENANT, status=DeliveryStatus.DELIVERED, since=RECEIVED_AT + timedelta(minutes=1), before="2026") == ([], None)


def test_a_large_event_is_kept_and_what_became_of_it_stays(deliveries: DeliveryStore) -> None:
    """An event that is queued twice keeps what became of it."""
    event = event_of()
    deliveries.keep(event)
    first = deliveries.get(TENANT, event.id)
    deliveries.put(event, delivered(event))
    deliveries.keep(event)
    then = deliveries.get(TENANT, event.id)
    assert first
    assert then
    assert (first.event, first.status, then.status) == (event, DeliveryStatus.PENDING, DeliveryStatus.DELIVERED)


def test_a_record_ends_with_its_time(deliveries_table: Table) -> None:
    """TTL counts from the last change, in days of the deployment's choice."""
    DeliveryStore(deliveries_table, kept_days=7).put(event_of(), delivered(event_of()))
    (row,) = deliveries_table.query("pk = :pk", {":pk": f"T#{TENANT}"})
    assert row["expires_at"] == int((RECEIVED_AT + timedelta(days=7)).timestamp())


def test_a_tenants_records_are_erased_and_nobody_elses(deliveries: DeliveryStore) -> None:
    """By one query over its partition."""
    deliveries.put_many((event, delivered(event)) for event in [*events(30), event_of(OTHER)])
    deliveries.erase(TENANT)
    assert deliveries.page(TENANT) == ([], None)
    assert deliveries.get(OTHER, event_of(OTHER).id)


def test_what_finds_a_tenant_again_is_erased_last(deliveries: DeliveryStore, deliveries_table: Table, clock: FakeClock) -> None:
    """Whoever erases may die in the middle, or run out of time: the callback is still due then, and somebody goes on."""
    callbacks, backlog = CallbackStateStore(deliveries_table), BacklogStore(deliveries_table, deliveries)
    callbacks.count_failures(TENANT, "", clock.now(), clock.now(), count=5)
    backlog.park([(event, delivered(event)) for event in events(4)], None, None)
    left = []
    while deliveries.erase_some(TENANT, limit=3):
        left.append(backlog.due(keys.due_shard(TENANT), clock.now(), 10))
    assert left == [[DueItem(TENANT, None, keys.moment(clock.now()))]] * 3
    assert list(deliveries_table.query("pk = :pk", {":pk": f"T#{TENANT}"})) == []
