"""Rows that make no sense: whoever they belong to waits until they are mended, and everybody else of the batch gets their events."""

from __future__ import annotations

import pytest

from functions.callback_delivery import deliver
from functions.callback_delivery.queue import entries_of
from functions.callback_delivery.retry import Outcome
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.queues import pointer_to
from shared.store import keys
from shared.store.backlog import event_key, keys_of
from tests.support.clock import FakeClock
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of
from tests.support.in_memory_delivery import InMemoryDelivery
from tests.support.receiver import OK, Posted, answer
from tests.support.rows import SECRET, spoil

RECORD, CALLBACK, CHAT = range(3)


def texts(*events: Event) -> list[str]:
    """Return what the receiver gets of events."""
    return [event.message.text for event in events]


def told(bench: EmulatedDelivery, key: keys.Key) -> bool:
    """Whether the log names a row, and shows nothing of what is in it."""
    faults = [line["fault"] for line in bench.log.said("row makes no sense")]
    return set(faults) == {f"{key['pk']} {key['sk']}: ValidationError"} and SECRET not in bench.log.text


def with_rows(bench: EmulatedDelivery, *events: Event) -> None:
    """Write all rows that there can be for events: a pending record, a callback that has failed, a chat that is parked alone."""
    for event in events:
        bench.deliveries.put(event, Delivery(status=DeliveryStatus.PENDING, queued_as=event.id, at=event.received_at, made=1, quick=1))
        bench.backlog.count_failures(event.tenant_id, "x", bench.clock.now(), bench.clock.now())


async def test_a_callback_row_holds_up_its_tenant_alone(bench: EmulatedDelivery) -> None:
    """All chats of it, in the queue; nothing is posted, and the neighbour does not wait."""
    broken, well = bench.new_tenant(), bench.new_tenant()
    bench.backlog.count_failures(broken.id, "x", bench.clock.now(), bench.clock.now())
    spoil(bench.deliveries_table, keys.callback_state(broken.id), "state")
    mine = [event_of(broken.id, chat_id=chat, text=f"mine {chat}") for chat in (1, 2)]
    bench.enqueue(mine[0], event_of(well.id, text="theirs"), mine[1])
    failed, tally = await bench.run_visible()
    assert (len(failed), tally.delivered, bench.texts()) == (2, 1, ["theirs"])
    assert told(bench, keys.callback_state(broken.id))
    assert [bench.record(event) for event in mine] == [None, None]


async def test_a_chat_row_holds_up_its_chat_alone_and_in_order(bench: EmulatedDelivery) -> None:
    """What may be parked there must not be overtaken. Once the row is mended its events come, in order."""
    tenant = bench.new_tenant()
    mine = [event_of(tenant.id, chat_id=1, message_id=number) for number in (1, 2)]
    other = event_of(tenant.id, chat_id=2, text="other chat")
    chat = keys.parked_chat(tenant.id, mine[0].chat)
    bench.deliveries_table.put({**chat, "chat": mine[0].chat, "seq": SECRET})
    bench.enqueue(*mine, other)
    entries = bench.entries()
    failed, tally = await bench.run(entries)
    assert (len(failed), tally.delivered, bench.texts()) == (2, 1, ["other chat"])
    assert told(bench, chat)
    bench.deliveries_table.delete(chat)
    failed, _ = await bench.run([entry for entry in entries if entry.message_id in failed])
    assert (failed, bench.texts()) == ([], texts(other, *mine))


async def test_a_record_holds_up_its_event_and_what_follows_it_in_its_chat(bench: EmulatedDelivery) -> None:
    """Whether it was delivered cannot be known; what comes before it, other chats and a namesake's event are delivered."""
    tenant, namesake = bench.new_tenant(), bench.new_tenant()
    first, second, third = (event_of(tenant.id, chat_id=1, message_id=number) for number in (1, 2, 3))
    other, theirs = event_of(tenant.id, chat_id=2, text="other chat"), event_of(namesake.id, chat_id=1, message_id=2, text="theirs")
    with_rows(bench, second)
    spoil(bench.deliveries_table, keys.delivery(tenant.id, second.id), "made")
    bench.enqueue(first, second, third, other, theirs)
    entries = bench.entries()
    failed, tally = await bench.run(entries)
    assert (len(failed), tally.delivered) == (2, 3)
    assert sorted(bench.texts()) == sorted(texts(first, other, theirs))
    assert told(bench, keys.delivery(tenant.id, second.id))
    spoil(bench.deliveries_table, keys.delivery(tenant.id, second.id), "made", 1)
    failed, _ = await bench.run([entry for entry in entries if entry.message_id in failed])
    assert (failed, bench.texts()[3:]) == ([], texts(second, third))


async def test_an_event_that_lies_in_such_a_record_is_not_dropped(bench: EmulatedDelivery) -> None:
    """The queue only points at it: once it is mended it is delivered."""
    tenant = bench.new_tenant()
    event = event_of(tenant.id)
    bench.deliveries.keep(event)
    spoil(bench.deliveries_table, keys.delivery(tenant.id, event.id), "status")
    bench.put(event, pointer_to(tenant.id, event.id))
    entries = bench.entries()
    failed, tally = await bench.run(entries)
    assert (len(failed), tally.dropped, bench.left_in_queue()) == (1, 0, 1)
    spoil(bench.deliveries_table, keys.delivery(tenant.id, event.id), "status", "pending")
    assert (await bench.run(entries))[0] == []
    assert bench.texts() == texts(event)


async def test_such_a_record_is_not_written_over_when_its_chat_is_parked(bench: EmulatedDelivery) -> None:
    """Events before it are parked; it and what follows stay in the queue."""
    tenant = bench.new_tenant()
    for _ in range(5):
        bench.backlog.count_failures(tenant.id, "x", bench.clock.now(), bench.clock.now())
    first, second, third = (event_of(tenant.id, message_id=number) for number in (1, 2, 3))
    with_rows(bench, second)
    spoil(bench.deliveries_table, keys.delivery(tenant.id, second.id), "made")
    bench.enqueue(first, second, third)
    failed, tally = await bench.run_visible()
    assert (len(failed), tally.parked, bench.left_in_queue()) == (2, 1, 2)
    row = bench.deliveries_table.get(keys.delivery(tenant.id, second.id))
    assert row
    assert (row["made"], bench.record(third)) == (SECRET, None)


@pytest.mark.parametrize("which", [RECORD, CALLBACK, CHAT])
async def test_what_has_to_be_mended_is_not_asked_for_every_few_seconds(clock: FakeClock, which: int) -> None:
    """The queue gives up what it handed out a thousand times: somebody has days to mend a row."""
    world = InMemoryDelivery(clock)
    tenant = world.new_tenant("https://shop.example/in")
    event = world.send(tenant.id, 1, 1)
    spoil(world.table, keys_of(event_key(event))[which], "seq")

    async def post(_: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        raise AssertionError(url)

    failed, _ = await world.function(post).run(entries_of(world.source.receive()))
    assert (len(failed), world.source.left, world.source.next_s) == (1, 1, deliver.MENDED_DELAY_S)


async def test_a_callback_row_that_breaks_while_it_is_used_costs_nobody_else_anything(bench: EmulatedDelivery) -> None:
    """Its failure is not counted; the attempt is recorded, and made again as ever."""
    broken, well = bench.new_tenant(), bench.new_tenant()
    bench.backlog.count_failures(broken.id, "x", bench.clock.now(), bench.clock.now())

    async def break_it(posted: Posted) -> bytes:
        if b"mine" not in posted.body:
            return OK
        spoil(bench.deliveries_table, keys.callback_state(broken.id), "since")
        return answer(500)

    bench.receiver.respond = break_it
    mine = event_of(broken.id, text="mine")
    bench.enqueue(mine, event_of(well.id))
    failed, tally = await bench.run_visible()
    assert (len(failed), tally.delivered, tally.failed) == (1, 1, 1)
    assert bench.fate(mine) == (DeliveryStatus.PENDING, 1, "status 500")
    (line,) = bench.log.said("failure cannot be counted")
    assert line["fault"] == f"T#{broken.id} CALLBACK: ValidationError"
    assert bench.log.said("chat failed") == []
