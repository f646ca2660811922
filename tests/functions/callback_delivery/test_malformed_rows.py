"""Malformed rows: their tenant, chat or event waits until they are repaired; the rest of the batch is delivered."""

from __future__ import annotations

import pytest

from functions.callback_delivery import entry_delivery
from functions.callback_delivery.queue import entries_of
from functions.callback_delivery.retry import Outcome
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import MessageReceived
from shared.model.ids import TenantId
from shared.queues import pointer_to
from shared.store import keys
from shared.store.delivery_snapshot import event_key, keys_of
from tests.support.callback_server import OK, ReceivedRequest, answer
from tests.support.clock import FakeClock
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of
from tests.support.in_memory_delivery import InMemoryDelivery
from tests.support.rows import SECRET, spoil

RECORD, CALLBACK, CHAT = range(3)


def texts(*events: MessageReceived) -> list[str]:
    """Return the texts of events."""
    return [event.message.text for event in events]


def told(delivery: EmulatedDelivery, key: keys.Key) -> bool:
    """Tell whether the log names a row, and nothing of its content."""
    faults = [line["fault"] for line in delivery.log.said("row makes no sense")]
    return set(faults) == {f"{key['pk']} {key['sk']}: ValidationError"} and SECRET not in delivery.log.text


def with_rows(delivery: EmulatedDelivery, *events: MessageReceived) -> None:
    """Write the rows of events that were tried: a pending record, and a callback with a failure."""
    for event in events:
        delivery.deliveries.put(event, Delivery(status=DeliveryStatus.PENDING, queued_as=event.id, at=event.received_at, made=1, quick=1))
        delivery.callbacks.count_failures(event.tenant_id, "x", delivery.clock.now(), delivery.clock.now())


async def test_a_callback_row_holds_up_its_tenant_alone(delivery: EmulatedDelivery) -> None:
    """All its chats wait in the queue; another tenant's do not."""
    broken, well = delivery.new_tenant(), delivery.new_tenant()
    delivery.callbacks.count_failures(broken.id, "x", delivery.clock.now(), delivery.clock.now())
    spoil(delivery.deliveries_table, keys.callback_state(broken.id), "state")
    mine = [event_of(broken.id, chat_id=chat, text=f"mine {chat}") for chat in (1, 2)]
    delivery.enqueue(mine[0], event_of(well.id, text="theirs"), mine[1])
    failed, counts = await delivery.run_visible()
    assert (len(failed), counts.delivered, delivery.texts()) == (2, 1, ["theirs"])
    assert told(delivery, keys.callback_state(broken.id))
    assert [delivery.record(event) for event in mine] == [None, None]


async def test_a_chat_row_holds_up_its_chat_alone_and_in_order(delivery: EmulatedDelivery) -> None:
    """Events may be parked there, and must not be overtaken. Once the row is repaired, the chat's events are delivered in order."""
    tenant = delivery.new_tenant()
    mine = [event_of(tenant.id, chat_id=1, message_id=number) for number in (1, 2)]
    other = event_of(tenant.id, chat_id=2, text="other chat")
    chat = keys.parked_chat(tenant.id, mine[0].chat)
    delivery.deliveries_table.put({**chat, "chat": mine[0].chat, "seq": SECRET})
    delivery.enqueue(*mine, other)
    entries = delivery.entries()
    failed, counts = await delivery.run(entries)
    assert (len(failed), counts.delivered, delivery.texts()) == (2, 1, ["other chat"])
    assert told(delivery, chat)
    delivery.deliveries_table.delete(chat)
    failed, _ = await delivery.run([entry for entry in entries if entry.message_id in failed])
    assert (failed, delivery.texts()) == ([], texts(other, *mine))


async def test_a_record_holds_up_its_event_and_what_follows_it_in_its_chat(delivery: EmulatedDelivery) -> None:
    """Nothing shows whether it was delivered; events before it, other chats and another tenant's event of the same id are."""
    tenant, namesake = delivery.new_tenant(), delivery.new_tenant()
    first, second, third = (event_of(tenant.id, chat_id=1, message_id=number) for number in (1, 2, 3))
    other, theirs = event_of(tenant.id, chat_id=2, text="other chat"), event_of(namesake.id, chat_id=1, message_id=2, text="theirs")
    with_rows(delivery, second)
    spoil(delivery.deliveries_table, keys.delivery(tenant.id, second.id), "made")
    delivery.enqueue(first, second, third, other, theirs)
    entries = delivery.entries()
    failed, counts = await delivery.run(entries)
    assert (len(failed), counts.delivered) == (2, 3)
    assert sorted(delivery.texts()) == sorted(texts(first, other, theirs))
    assert told(delivery, keys.delivery(tenant.id, second.id))
    spoil(delivery.deliveries_table, keys.delivery(tenant.id, second.id), "made", 1)
    failed, _ = await delivery.run([entry for entry in entries if entry.message_id in failed])
    assert (failed, delivery.texts()[3:]) == ([], texts(second, third))


async def test_an_event_that_lies_in_such_a_record_is_not_dropped(delivery: EmulatedDelivery) -> None:
    """The queue message only points at it: it is delivered once the record is repaired."""
    tenant = delivery.new_tenant()
    event = event_of(tenant.id)
    delivery.deliveries.keep(event)
    spoil(delivery.deliveries_table, keys.delivery(tenant.id, event.id), "status")
    delivery.put(event, pointer_to(tenant.id, event.id))
    entries = delivery.entries()
    failed, counts = await delivery.run(entries)
    assert (len(failed), counts.dropped, delivery.left_in_queue()) == (1, 0, 1)
    spoil(delivery.deliveries_table, keys.delivery(tenant.id, event.id), "status", "pending")
    assert (await delivery.run(entries))[0] == []
    assert delivery.texts() == texts(event)


async def test_such_a_record_is_not_written_over_when_its_chat_is_parked(delivery: EmulatedDelivery) -> None:
    """Events before it are parked; it and the events after it stay in the queue."""
    tenant = delivery.new_tenant()
    for _ in range(5):
        delivery.callbacks.count_failures(tenant.id, "x", delivery.clock.now(), delivery.clock.now())
    first, second, third = (event_of(tenant.id, message_id=number) for number in (1, 2, 3))
    with_rows(delivery, second)
    spoil(delivery.deliveries_table, keys.delivery(tenant.id, second.id), "made")
    delivery.enqueue(first, second, third)
    failed, counts = await delivery.run_visible()
    assert (len(failed), counts.parked, delivery.left_in_queue()) == (2, 1, 2)
    row = delivery.deliveries_table.get(keys.delivery(tenant.id, second.id))
    assert row
    assert (row["made"], delivery.record(third)) == (SECRET, None)


@pytest.mark.parametrize("which", [RECORD, CALLBACK, CHAT])
async def test_what_has_to_be_mended_is_not_asked_for_every_few_seconds(clock: FakeClock, which: int) -> None:
    """The queue gives a message up after a thousand receives, so there are days to repair a row."""
    system = InMemoryDelivery(clock)
    tenant = system.new_tenant("https://shop.example/in")
    event = system.send(tenant.id, 1, 1)
    spoil(system.table, keys_of(event_key(event))[which], "seq")

    async def post(_: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        raise AssertionError(url)

    failed, _ = await system.function(post).run(entries_of(system.source.receive()))
    assert (len(failed), system.queue.left, system.queue.next_visible_s) == (1, 1, entry_delivery.MALFORMED_DELAY_S)


async def test_a_callback_row_that_breaks_while_it_is_used_costs_nobody_else_anything(delivery: EmulatedDelivery) -> None:
    """The failure is not counted; the attempt is recorded, and repeated as usual."""
    broken, well = delivery.new_tenant(), delivery.new_tenant()
    delivery.callbacks.count_failures(broken.id, "x", delivery.clock.now(), delivery.clock.now())

    async def break_it(posted: ReceivedRequest) -> bytes:
        if b"mine" not in posted.body:
            return OK
        spoil(delivery.deliveries_table, keys.callback_state(broken.id), "since")
        return answer(500)

    delivery.receiver.respond = break_it
    mine = event_of(broken.id, text="mine")
    delivery.enqueue(mine, event_of(well.id))
    failed, counts = await delivery.run_visible()
    assert (len(failed), counts.delivered, counts.failed) == (1, 1, 1)
    assert delivery.fate(mine) == (DeliveryStatus.PENDING, 1, "status 500")
    (line,) = delivery.log.said("failure cannot be counted")
    assert line["fault"] == f"T#{broken.id} CALLBACK: ValidationError"
    assert delivery.log.said("chat failed") == []
