"""A tenant with several callbacks: each has its own events, order, health and backlog (C8)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from functions.callback_delivery.event_pull import EventPull
from functions.callback_delivery.retry import Answered, Outcome
from shared.model.backlog import CallbackHealth
from shared.model.callback_key import FIRST, key_of
from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.event_kinds import EventKind
from shared.model.ids import TenantId
from shared.model.tenant import MOST_CALLBACKS, Callback, Cause, ChatType, DeliveryMode, Tenant
from shared.queues import entry_of, pointer_to
from shared.store.delivery_log import DeliveryLog
from shared.store.tenants import TooManyCallbacks
from testing.fake_aws.dynamodb import DELIVERIES
from testing.fake_aws.fifo_queue import QUEUE
from tests.support.clock import FakeClock
from tests.support.event_source import drive
from tests.support.events import event_of
from tests.support.in_memory_delivery import InMemoryDelivery

SHOP, CRM = "https://shop.example/in", "https://crm.example/in"
CRM_ID, PULL_ID = "cb_00000000000c", "cb_00000000000f"


class SeveralCallbacks:
    """A tenant, and what each URL was posted and took."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.system = InMemoryDelivery(self.clock)
        self.tenant = self.system.new_tenant(SHOP)
        self.says: Callable[[str, int], int] = lambda *_: 200
        self.taken: dict[str, list[int]] = defaultdict(list)
        self.bodies: list[dict[str, Any]] = []
        self.ids: dict[str, list[str]] = defaultdict(list)
        self.fetch = EventPull(self.system.backlog, DeliveryLog(self.system.table), self.clock, self.system.log.logger)

    def add(self, callback_id: str, url: str | None = None, **settings: Any) -> None:
        """Give the tenant one more callback."""
        now = self.clock.now()
        callback = Callback(created_at=now, callback_since=now, callback_url=url, **settings)
        assert self.system.tenants.add_callback(self.tenant.id, callback_id, callback)

    def seen_by(self, callback_id: str) -> Tenant:
        tenant = self.system.tenants.get(self.tenant.id)
        assert tenant
        seen = tenant.seen_by(callback_id)
        assert seen
        return seen

    async def post(self, _: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        said = json.loads(body)
        status = self.says(url, said["message"]["message_id"])
        if status == 200:
            self.taken[url].append(said["message"]["message_id"])
            self.ids[url].append(headers["webhook-id"])
            self.bodies.append(said)
        return Answered(status)

    def send(self, chat: int, *messages: int) -> list[Event]:
        return [self.system.send(self.tenant.id, chat, message) for message in messages]

    async def deliver(self) -> None:
        """Run the delivery function until the queue is empty, quick attempts included."""
        function = self.system.function(self.post)

        async def run(entries: object) -> list[str]:
            return (await function.run(entries))[0]  # type: ignore[arg-type]

        while self.system.queue.left:
            await drive(self.system.source, run, 1)
            self.clock.advance(self.system.queue.next_visible_s or 0)

    async def sweep(self, minutes: int = 1) -> None:
        for _ in range(minutes):
            self.clock.advance(60)
            await self.system.sweeper(self.post).run()

    def status(self, event: Event, callback_id: str = FIRST) -> DeliveryStatus | None:
        record = self.system.deliveries.get(key_of(self.tenant.id, callback_id), event.id)
        return record.status if record else None


@pytest.fixture
def several() -> SeveralCallbacks:
    return SeveralCallbacks()


async def test_each_callback_gets_each_event_under_the_same_id_with_the_same_body(several: SeveralCallbacks) -> None:
    """In order per chat, with a record for each."""
    several.add(CRM_ID, CRM)
    events = several.send(1, 1, 2, 3)
    await several.deliver()
    assert several.taken == {SHOP: [1, 2, 3], CRM: [1, 2, 3]}
    assert several.ids[SHOP] == several.ids[CRM] == [event.id for event in events]
    assert {body["tenant_id"] for body in several.bodies} == {several.tenant.id}
    assert {several.status(event, callback) for event in events for callback in (FIRST, CRM_ID)} == {DeliveryStatus.DELIVERED}
    assert several.system.deliveries.get(several.tenant.id, events[0].id)  # the first's records are where they always were


async def test_a_callback_that_refuses_everything_delays_no_other(several: SeveralCallbacks) -> None:
    """It alone is paused and has a backlog, which it gets in order later; whichever of the two it is."""
    several.add(CRM_ID, CRM)
    for bad, good, bad_id in ((SHOP, CRM, FIRST), (CRM, SHOP, CRM_ID)):
        several.says, before = (lambda url, _, bad=bad: 500 if url == bad else 200), several.clock.boottime()  # type: ignore[misc]
        events = several.send(1, *range(1, 7))
        function = several.system.function(several.post)

        async def run(entries: object, function: Any = function) -> list[str]:
            return (await function.run(entries))[0]  # type: ignore[no-any-return]

        await drive(several.system.source, run, 1)
        assert several.taken[good] == [1, 2, 3, 4, 5, 6], "the other one waited"
        assert several.clock.boottime() == before
        await several.deliver()
        assert several.system.callbacks.get(key_of(several.tenant.id, bad_id)).state is CallbackHealth.PAUSED
        assert {several.status(event, bad_id) for event in events} == {DeliveryStatus.PARKED}
        several.says = lambda *_: 200
        await several.sweep(20)
        assert several.taken[bad] == [1, 2, 3, 4, 5, 6]
        assert several.system.unsettled() == [] or all("EVENT#" in sk for sk in several.system.unsettled())
        several.taken.clear()
        several.system.deliveries.erase(several.tenant.id)
        several.clock.advance(400)  # the queue has forgotten these ids


async def test_what_waited_for_the_first_stays_before_the_copies(several: SeveralCallbacks) -> None:
    """A second callback comes while the first one's events are parked and under way."""
    several.says = lambda *_: 500
    several.send(1, 1, 2)
    await several.deliver()
    several.send(1, 3)
    several.clock.advance(1)
    several.add(CRM_ID, CRM)
    several.send(1, 4)
    several.says = lambda *_: 200
    await several.deliver()
    await several.sweep(3)
    assert several.taken[SHOP] == [1, 2, 3, 4]
    assert several.taken[CRM] == [4]


async def test_the_last_copy_is_not_overtaken_when_a_callback_goes(several: SeveralCallbacks) -> None:
    """The first one's events stay copies, in one order."""
    several.add(CRM_ID, CRM)
    several.says = lambda url, _: 500
    several.send(1, 1)
    function = several.system.function(several.post)

    async def run(entries: object) -> list[str]:
        return (await function.run(entries))[0]  # type: ignore[arg-type]

    await drive(several.system.source, run, 1)
    assert several.system.tenants.remove_callback(key_of(several.tenant.id, CRM_ID), several.clock.now())
    several.says = lambda *_: 200
    several.send(1, 2)
    await several.deliver()
    assert several.taken == {SHOP: [1, 2]}


async def test_each_callback_chooses_for_itself(several: SeveralCallbacks) -> None:
    """Kinds, types of chats, and chats by their ids; what it does not want leaves nothing behind."""
    several.add("cb_00000000000a", "https://a.example/", events=frozenset({EventKind.MESSAGE_EDITED}))
    several.add("cb_00000000000b", "https://b.example/", chat_types=frozenset({ChatType.CHANNEL}))
    several.add("cb_00000000000c", "https://c.example/", include_chats=frozenset({"2"}))
    several.add("cb_00000000000d", "https://d.example/", exclude_chats=frozenset({"2"}))
    several.send(1, 1)
    unwanted = several.send(2, 2)
    await several.deliver()
    assert several.taken == {SHOP: [1, 2], "https://c.example/": [2], "https://d.example/": [1]}
    assert several.status(unwanted[0], "cb_00000000000d") is None


async def test_a_disabled_callback_keeps_its_events_as_dead(several: SeveralCallbacks) -> None:
    """A 410 disables that one alone, and waking it enables it."""
    several.add(CRM_ID, CRM)
    several.says = lambda url, _: 410 if url == CRM else 200
    first = several.send(1, 1)
    await several.deliver()
    assert several.seen_by(CRM_ID).callback_disabled
    assert several.seen_by(FIRST).callback_disabled is None
    second = several.send(1, 2)
    await several.deliver()
    assert [several.status(event, CRM_ID) for event in first + second] == [DeliveryStatus.DEAD] * 2
    assert several.taken[SHOP] == [1, 2]
    key = key_of(several.tenant.id, CRM_ID)
    assert several.system.tenants.enable_callback(key)
    assert not several.system.tenants.enable_callback(key)
    several.says = lambda *_: 200
    several.send(1, 3)
    await several.deliver()
    assert several.taken == {SHOP: [1, 2, 3], CRM: [3]}


async def test_a_new_url_is_another_revision_of_that_callback(several: SeveralCallbacks) -> None:
    """So that a late 410 of the old one disables nothing."""
    several.add(CRM_ID, CRM)
    seen = several.seen_by(CRM_ID)
    changed = several.system.tenants.change_callback(seen.id, {"callback_url": "https://new.example/", "events": None})
    assert changed
    assert changed.callbacks[CRM_ID].callback_revision == 1
    assert not several.system.tenants.disable_callback(seen, Cause.GONE, "gone", several.clock.now())
    assert several.system.tenants.change_callback(key_of(several.tenant.id, "cb_0"), {"callback_url": CRM}) is None


async def test_a_removed_callback_is_erased_and_the_others_are_not(several: SeveralCallbacks) -> None:
    """Its records, backlog and health; and nothing comes to it any more."""
    several.add(CRM_ID, CRM)
    several.says = lambda url, _: 500 if url == CRM else 200
    kept = several.send(1, 1, 2)
    await several.deliver()
    key = key_of(several.tenant.id, CRM_ID)
    assert several.system.tenants.remove_callback(key, several.clock.now())
    assert not several.system.tenants.remove_callback(key, several.clock.now())
    assert [ended.tenant_id for ended in several.system.tenants.ended(several.clock.now())] == [key]
    await several.sweep(20)
    assert [sk for _, sk in several.system.dynamodb.addresses(DELIVERIES) if CRM_ID in sk] == []
    assert {several.status(event) for event in kept} == {DeliveryStatus.DELIVERED}


async def test_a_tenant_has_five_callbacks_at_most(several: SeveralCallbacks) -> None:
    """The first included; adding one again under its id is no more."""
    for number in range(MOST_CALLBACKS - 1):
        several.add(f"cb_{number:012x}", CRM)
    several.add(f"cb_{0:012x}", CRM)
    with pytest.raises(TooManyCallbacks):
        several.add("cb_ffffffffffff", CRM)


async def test_large_events_are_copied_by_pointer(several: SeveralCallbacks) -> None:
    """Ten copies fit into one request, however large the event."""
    several.add(CRM_ID, CRM)
    event = event_of(several.tenant.id, 1, 1, text="x" * 30_000, received_at=several.clock.now())
    several.system.deliveries.keep(event)
    entry = entry_of("0", event, pointer_to(event.tenant_id, event.id))
    several.system.source.sqs.send_message_batch(QueueUrl=QUEUE, Entries=[entry])
    await several.deliver()
    assert several.taken == {SHOP: [1], CRM: [1]}


# fetching


async def test_events_are_fetched_in_order_until_they_are_acknowledged(several: SeveralCallbacks) -> None:
    """They come again and to everybody who asks, with the bodies that are posted elsewhere."""
    several.add(PULL_ID, delivery=DeliveryMode.PULL)
    events = several.send(1, 1, 2) + several.send(2, 3)
    await several.deliver()
    seen = several.seen_by(PULL_ID)
    page, again = several.fetch.page(seen, 100), several.fetch.page(seen, 100)
    assert page == again
    assert [one["message"]["message_id"] for one in page.events if one["message"]["chat_id"] == 1] == [1, 2]
    assert sorted(page.events, key=json.dumps) == sorted(several.bodies, key=json.dumps)
    assert page.cursor
    assert several.fetch.acknowledge(seen.id, page.cursor)
    assert several.fetch.page(seen, 100).events == []
    assert {several.status(event, PULL_ID) for event in events} == {DeliveryStatus.DELIVERED}
    await several.sweep(20)
    assert len(several.taken[SHOP]) == 3


async def test_an_old_cursor_settles_nothing_new(several: SeveralCallbacks) -> None:
    """Also when all its events are gone and others have come to the same chat."""
    several.add(PULL_ID, delivery=DeliveryMode.PULL)
    seen = several.seen_by(PULL_ID)
    several.send(1, 1, 2)
    await several.deliver()
    old = several.fetch.page(seen, 100).cursor
    assert old
    assert several.fetch.acknowledge(seen.id, old)
    several.send(1, 3)
    await several.deliver()
    assert several.fetch.acknowledge(seen.id, old)
    assert [one["message"]["message_id"] for one in several.fetch.page(seen, 100).events] == [3]


async def test_a_page_is_limited_and_goes_on_behind_its_cursor(several: SeveralCallbacks) -> None:
    """What waits longest comes first."""
    several.add(PULL_ID, delivery=DeliveryMode.PULL)
    seen, got = several.seen_by(PULL_ID), []
    several.send(1, *range(1, 8))
    await several.deliver()
    while (page := several.fetch.page(seen, 3)).cursor:
        assert len(page.events) <= 3
        got += [one["message"]["message_id"] for one in page.events]
        several.fetch.acknowledge(seen.id, page.cursor)
    assert got == list(range(1, 8))


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24", "WzFd", "eyJhIjogIngifQ", "€"])
def test_what_is_no_cursor_is_refused(several: SeveralCallbacks, cursor: str) -> None:
    """And settles nothing."""
    with pytest.raises(ValueError, match=r"."):
        several.fetch.acknowledge(several.tenant.id, cursor)
