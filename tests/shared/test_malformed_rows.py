"""Rows of table `deliveries` that make no sense: each is told by its name, and all others are read as ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import MessageReceived
from shared.model.ids import TenantId
from shared.store import keys
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.delivery_snapshot import SnapshotReader, event_key, keys_of
from shared.store.rows import Malformed, address_of
from shared.store.table import Table
from tests.support.clock import FakeClock
from tests.support.events import RECEIVED_AT, TENANT, event_of
from tests.support.rows import SECRET, spoil, whole

OTHER = TenantId("0b7e9a52-0000-4000-8000-000000000002")
EVENTS = [event_of(message_id=number, received_at=RECEIVED_AT + timedelta(seconds=number)) for number in range(4)]
NEIGHBOUR = event_of(OTHER)


@pytest.fixture
def backlog(deliveries_table: Table, deliveries: DeliveryStore, clock: FakeClock) -> BacklogStore:
    """Two tenants whose callbacks are parked, and the events of one chat of each with them."""
    callbacks, backlog = CallbackStateStore(deliveries_table), BacklogStore(deliveries_table, deliveries)
    for tenant_id, events in ((TENANT, EVENTS), (OTHER, [NEIGHBOUR])):
        callbacks.count_failures(tenant_id, "x", clock.now(), clock.now(), count=5)
        assert backlog.park([(event, parked(event)) for event in events], None, None)
    return backlog


def parked(event: MessageReceived) -> Delivery:
    """Return the record of a parked event."""
    return Delivery(status=DeliveryStatus.PARKED, queued_as=event.id, at=RECEIVED_AT)


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        (0, "status", SECRET),
        (0, "at", "2026-03-01T12:00:00"),
        (0, "attempts", [{"at": SECRET}]),
        (0, "made", SECRET),
        (0, "event", None),
        (0, "event", SECRET),
        (1, "state", SECRET),
        (1, "failures", [SECRET]),
        (1, "slow_at", "2026-03-01T12:00:00"),
        (1, "held_until", 10**30),
        (2, "seq", None),
        (2, "chat", 7),
        (2, "strikes", SECRET),
    ],
)
def test_one_row_that_makes_no_sense_is_told_and_the_others_are_read(
    deliveries_table: Table, backlog: BacklogStore, row: int, field: str, value: Any
) -> None:
    """An event's record, its callback's state, its chat's: by its key and the kind of fault, and nothing of what is in it."""
    key = keys_of(event_key(EVENTS[0]))[row]
    if value is None:
        deliveries_table.update(key, f"REMOVE {field}", {})
    else:
        spoil(deliveries_table, key, field, value)
    seen = SnapshotReader(deliveries_table, deliveries_table).read([*map(event_key, EVENTS), event_key(NEIGHBOUR)])
    (fault,) = seen.faults.values()
    assert list(seen.faults) == [address_of(key)]
    assert str(fault).startswith(f"{key['pk']} {key['sk']}: ")
    assert SECRET not in repr(fault)
    assert fault.__cause__ is None
    assert {one.message.message_id for one in EVENTS if (TENANT, one.id) in seen.records} == (set("123") if row == 0 else set("0123"))
    assert set(seen.bodies) == set(seen.records)
    assert set(seen.callbacks) == ({OTHER} if row == 1 else {TENANT, OTHER})
    assert set(seen.chats) == {(tenant_id, NEIGHBOUR.chat) for tenant_id in ((OTHER,) if row == 2 else (TENANT, OTHER))}


@pytest.mark.parametrize(
    ("key", "field"),
    [(keys.delivery(TENANT, EVENTS[2].id), "status"), (keys.slot(TENANT, EVENTS[2].chat, 3), "event_id")],
    ids=["record", "place"],
)
def test_places_end_before_what_makes_no_sense(deliveries_table: Table, backlog: BacklogStore, key: keys.Key, field: str) -> None:
    """What comes before it can be settled; once it is the first, it is told: nothing behind it may overtake it."""
    deliveries_table.update(key, f"REMOVE #{field}", {}, names={f"#{field}": field})
    chat = EVENTS[0].chat
    first = backlog.slots(TENANT, chat, 10)
    assert [place.event_id for place in first] == [event.id for event in EVENTS[:2]]
    for place in first:
        assert backlog.settle(TENANT, chat, place, None)
    with pytest.raises(Malformed, match=f"{key['pk']} {key['sk']}: "):
        backlog.slots(TENANT, chat, 10)


def test_of_a_tenants_chats_one_that_makes_no_sense_is_told_in_its_place(
    deliveries_table: Table, backlog: BacklogStore, deliveries: DeliveryStore
) -> None:
    """The others are there."""
    other = event_of(chat_id=78)
    assert backlog.park([(other, parked(other))], None, None)
    spoil(deliveries_table, keys.parked_chat(TENANT, EVENTS[0].chat), "seq")
    bad, good = backlog.chats(TENANT)
    assert isinstance(bad, Malformed)
    assert [chat.chat for chat in whole([good])] == [other.chat]


def test_in_the_log_a_line_that_makes_no_sense_is_told_in_its_place(
    deliveries_table: Table, backlog: BacklogStore, deliveries: DeliveryStore
) -> None:
    """Pages, newest first and oldest first, begin where the ones before ended, whatever is on them."""
    spoil(deliveries_table, keys.delivery(TENANT, EVENTS[2].id), "received_at")
    newest, before = deliveries.page(TENANT, limit=2)
    rest, end = deliveries.page(TENANT, limit=2, before=before)
    assert [isinstance(line, Malformed) for line in (*newest, *rest)] == [False, True, False, False]
    assert end is None
    log = DeliveryLog(deliveries_table)
    first, place = log.oldest(TENANT, DeliveryStatus.PARKED, limit=3)
    assert place
    last, none = log.oldest(TENANT, DeliveryStatus.PARKED, limit=3, after=place)
    assert [isinstance(line, Malformed) for line in (*first, *last)] == [False, False, True, False]
    assert none is None
