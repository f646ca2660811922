"""Delivering batches: order, retries, isolation of tenants, and crashes in the middle."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import ssl
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from standardwebhooks.webhooks import hmac_data

from functions.callback_delivery import endpoint_hold, entry_delivery, network, slow_attempts
from functions.callback_delivery.network import Address
from functions.callback_delivery.post import Poster
from functions.callback_delivery.queue import entries_of
from functions.http.sealing import seal
from local.emulator_account import EmulatorAccount
from shared.model.backlog import CallbackHealth
from shared.model.delivery import DeliveryStatus
from shared.model.tenant import ChatType
from shared.queues import EventsQueue, Replay, pointer_to
from shared.settings import CallbackSettings
from shared.store import keys
from shared.store.table import Table
from shared.store.tenants import NOT_DISABLED
from tests.support.callback_network import ANYWHERE, PATIENT_S, loopback, machine_trust
from tests.support.callback_server import BREAK, OK, CallbackServer, ReceivedRequest, answer
from tests.support.certificates import certificate_for
from tests.support.clock import FakeClock
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of, message_of
from tests.support.in_memory_delivery import InMemoryDelivery
from tests.support.listener_harness import until
from tests.support.rows import whole


async def test_an_event_reaches_its_tenants_callback_signed(delivery: EmulatedDelivery) -> None:
    """Queue to receiver: the tenant's number in the body, its own secret in the signature, nothing left in the queue."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    failed, counts = await delivery.run_visible()
    (posted,) = delivery.receiver.posted
    assert (failed, counts.delivered, delivery.left_in_queue()) == ([], 1, 0)
    assert json.loads(posted.body)["tenant"] == tenant.number
    digest = hmac_data(delivery.secrets[tenant.id].encode(), posted.body).hex()
    assert posted.headers["x-signature"] == f"sha256={digest}"
    assert posted.headers["webhook-id"] == event_of(tenant.id).id


async def test_a_clean_delivery_is_recorded_with_its_attempt(delivery: EmulatedDelivery) -> None:
    """The record has the attempt's time, duration and answer, and the event itself."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    await delivery.run_visible()
    record = delivery.record(event_of(tenant.id))
    assert record
    (attempt,) = record.attempts
    assert (record.event, record.status, record.made) == (event_of(tenant.id), DeliveryStatus.DELIVERED, 1)
    assert (attempt.at, attempt.status, attempt.error) == (delivery.clock.now(), 200, None)


async def test_a_chats_events_arrive_in_order(delivery: EmulatedDelivery) -> None:
    """One after another, in the queue's order."""
    tenant = delivery.new_tenant()
    delivery.enqueue(*(event_of(tenant.id, message_id=number) for number in range(1, 8)))
    await delivery.run_visible()
    assert delivery.texts() == [f"message {number}" for number in range(1, 8)]


async def test_chats_are_delivered_side_by_side(delivery: EmulatedDelivery) -> None:
    """Both chats' attempts are open before either is answered."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2))
    both = asyncio.Barrier(2)

    async def together(_: ReceivedRequest) -> bytes:
        await both.wait()
        return OK

    delivery.receiver.respond = together
    _, counts = await delivery.run_visible()
    assert counts.delivered == 2


async def test_after_a_failure_the_rest_of_the_chat_waits(delivery: EmulatedDelivery) -> None:
    """Nothing overtakes the event that failed; it and its followers stay in the queue, hidden together."""
    tenant = delivery.new_tenant()
    delivery.enqueue(*(event_of(tenant.id, message_id=number) for number in (1, 2, 3)), event_of(tenant.id, chat_id=9))
    entries = delivery.entries()
    delivery.receiver.script = [answer(503, "Retry-After: 60")] * 2  # one for each chat; the queue goes by the machine's clock
    failed, counts = await delivery.run(entries)
    assert set(failed) == {entry.message_id for entry in entries}
    assert (counts.failed, len(delivery.receiver.posted)) == (2, 2)
    assert delivery.entries() == []
    assert delivery.fate(event_of(tenant.id)) == (DeliveryStatus.PENDING, 1, "status 503")
    assert delivery.record(event_of(tenant.id, message_id=2)) is None


async def test_what_waited_comes_back_together_and_in_order(delivery: EmulatedDelivery) -> None:
    """One second later the whole chat is there again, the failed event first."""
    tenant = delivery.new_tenant()
    delivery.enqueue(*(event_of(tenant.id, message_id=number) for number in (1, 2)))
    delivery.receiver.script = [BREAK]
    await delivery.run_visible()
    again = await asyncio.to_thread(delivery.entries, 5)
    assert [message_of(entry.event).message_id for entry in again if entry.event] == ["1", "2"]
    await delivery.run(again)
    assert delivery.texts() == ["message 1", "message 1", "message 2"]
    assert delivery.left_in_queue() == 0


TEXTS = ["one\u2028two\u2029\x85", "before\x00after\ufffe", "שלום \u202eעולם\u202c", "🙂" * 2048, "a" * 4096, '<>&"\\/\x7f\x1b \r\n']


async def test_any_text_arrives_as_it_is_under_signatures_that_hold(delivery: EmulatedDelivery) -> None:
    """Through the real queue, at the first attempt and the second; both signatures cover the raw bytes."""
    tenant = delivery.new_tenant()
    delivery.enqueue(*(event_of(tenant.id, message_id=number, text=text) for number, text in enumerate(TEXTS, 1)))
    delivery.receiver.script = [answer(503)]
    await delivery.run_visible()
    await delivery.run(await asyncio.to_thread(delivery.entries, 5))
    assert delivery.texts() == [TEXTS[0], *TEXTS]
    secret = delivery.secrets[tenant.id]
    for posted in delivery.receiver.posted:
        at, body = int(posted.headers["webhook-timestamp"]), posted.body
        signed = f"{posted.headers['webhook-id']}.{at}.".encode() + body
        standard = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        assert posted.headers["webhook-signature"] == "v1," + base64.b64encode(standard).decode()
        assert posted.headers["x-signature"] == "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def test_bytes_and_id_are_the_same_in_every_attempt(delivery: EmulatedDelivery) -> None:
    """A receiver recognizes a repeat, and the attempt's number tells them apart."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, text="Привет 🙂"))
    entries = delivery.entries()
    delivery.receiver.script = [answer(500), answer(503), BREAK]
    for _ in range(4):
        await delivery.deliverer.run(entries)
    posted = delivery.receiver.posted
    assert len({(one.body, one.headers["webhook-id"]) for one in posted}) == 1
    assert [one.headers["webhook-attempt"] for one in posted] == ["1", "2", "3", "4"]
    assert delivery.fate(event_of(tenant.id)) == (DeliveryStatus.DELIVERED, 4, "status 200")


async def test_the_fifth_failure_parks_the_callback_and_all_that_comes(delivery: EmulatedDelivery) -> None:
    """The event, its followers and what comes later wait outside the queue, in order, and nothing more is posted."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))
    entries = delivery.entries()
    delivery.receiver.script = [answer(500)] * 5
    outcomes = [await delivery.run(entries) for _ in range(5)]
    assert [len(failed) for failed, _ in outcomes] == [2, 2, 2, 2, 0]
    assert [line.get("again_in_s") for line in delivery.log.said("attempt failed")] == [1, 2, 4, 8, None]
    later = [event_of(tenant.id, message_id=3), event_of(tenant.id, chat_id=9)]
    delivery.enqueue(*later)
    failed, counts = await delivery.run_visible()
    assert (failed, counts.parked, delivery.texts()) == ([], 2, ["message 1"] * 5)
    assert delivery.fate(event_of(tenant.id)) == (DeliveryStatus.PARKED, 5, "status 500")
    assert [delivery.fate(event) for event in later] == [(DeliveryStatus.PARKED, 0, None)] * 2
    places = delivery.backlog.slots(tenant.id, later[0].chat, 10)
    assert [message_of(place.record.event).message_id for place in places if place.record] == ["1", "2", "3"]


async def test_a_chat_is_parked_alone_while_its_callback_takes_others(delivery: EmulatedDelivery) -> None:
    """An event that is always refused delays its own chat only."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, message_id=1))
    poison = delivery.entries()
    hidden = answer(503, "Retry-After: 60")  # longer than what comes next takes on any machine
    delivery.receiver.script = [answer(500), answer(500), hidden, OK, answer(500), answer(500)]
    for _ in range(3):
        await delivery.deliverer.run(poison)
    delivery.enqueue(event_of(tenant.id, chat_id=9, message_id=2))
    await delivery.run_visible()
    for _ in range(2):
        await delivery.run(poison)
    delivery.enqueue(event_of(tenant.id, chat_id=9, message_id=3), event_of(tenant.id, message_id=4))
    await delivery.run_visible()
    assert delivery.texts() == ["message 1"] * 3 + ["message 2"] + ["message 1"] * 2 + ["message 3"]
    (chat,) = whole(delivery.backlog.chats(tenant.id))
    assert (chat.chat, chat.seq, chat.due_at is not None) == (event_of(tenant.id).chat, 2, True)


async def test_a_parked_event_that_comes_again_is_not_parked_twice(delivery: EmulatedDelivery) -> None:
    """The function died before it deleted the message."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries = delivery.entries()
    delivery.receiver.script = [answer(500)] * 5
    for _ in range(6):
        failed, counts = await delivery.deliverer.run(entries)
    assert (failed, counts.parked, counts.dropped) == ([], 0, 1)
    assert len(delivery.backlog.slots(tenant.id, event_of(tenant.id).chat, 10)) == 1


async def test_a_replay_is_posted_again_once(delivery: EmulatedDelivery) -> None:
    """Under the same id and the next attempt number, whatever the event's status; a repeated message posts nothing."""
    tenant = delivery.new_tenant()
    event = event_of(tenant.id)
    delivery.enqueue(event)
    await delivery.run_visible()
    EventsQueue(delivery.sqs, delivery.account.events_queue_url).replay([Replay(tenant.id, event.id, event.chat, "first")])
    entries = delivery.entries()
    for _ in range(2):
        await delivery.deliverer.run(entries)
    assert [posted.headers["webhook-attempt"] for posted in delivery.receiver.posted] == ["1", "2"]
    assert len({(posted.headers["webhook-id"], posted.body) for posted in delivery.receiver.posted}) == 1


async def test_a_replay_goes_to_a_callback_that_was_set_after_the_event(delivery: EmulatedDelivery) -> None:
    """A tenant that corrects its URL gets what it replays; an older event without a replay stays dropped."""
    tenant = delivery.new_tenant()
    event, other = event_of(tenant.id), event_of(tenant.id, chat_id=9)
    delivery.receiver.script = [answer(410)]
    delivery.enqueue(event)
    await delivery.run_visible()
    delivery.clock.advance(60)
    delivery.tenants.change(tenant.id, {"callback_url": None})
    delivery.tenants.change(tenant.id, {"callback_url": f"{delivery.url}/new", "callback_since": delivery.clock.now(), **NOT_DISABLED})
    EventsQueue(delivery.sqs, delivery.account.events_queue_url).replay([Replay(tenant.id, event.id, event.chat, "first")])
    delivery.enqueue(other)
    _, counts = await delivery.run([replace(one, sent_at=other.received_at) for one in delivery.entries()])
    assert [posted.line for posted in delivery.receiver.posted] == ["POST /in HTTP/1.1", "POST /in/new HTTP/1.1"]
    assert (counts.delivered, counts.dropped) == (1, 1)


async def test_a_tenants_headers_go_along_and_chats_that_it_does_not_want_do_not(delivery: EmulatedDelivery) -> None:
    """The tenant's credentials go with our signature; broadcast channels are delivered only if it asked for them."""
    tenant = delivery.new_tenant()
    sealed = seal(delivery.envelope, tenant.id, json.dumps({"Authorization": "Bearer x"}))
    delivery.tenants.change(tenant.id, {"callback_headers": sealed})
    delivery.enqueue(event_of(tenant.id, chat_id=-1001, chat_type="channel"), event_of(tenant.id, chat_id=-5, chat_type="group"))
    _, counts = await delivery.run_visible()
    (posted,) = delivery.receiver.posted
    assert (posted.headers["authorization"], counts.dropped) == ("Bearer x", 1)
    assert json.loads(posted.body)["message"]["chat_type"] == "group"
    assert "Bearer" not in delivery.log.text


async def test_an_event_too_large_for_the_queue_is_delivered(delivery: EmulatedDelivery) -> None:
    """The event is in its record, and the queue message points there."""
    tenant = delivery.new_tenant()
    event = event_of(tenant.id, text="🙂" * 60_000)
    delivery.deliveries.keep(event)
    delivery.put(event, pointer_to(tenant.id, event.id))
    (entry,) = delivery.entries()
    assert (entry.event, entry.pointer and entry.pointer.event_id) == (None, event.id)
    await delivery.run([entry])
    assert delivery.texts() == ["🙂" * 60_000]
    assert delivery.fate(event) == (DeliveryStatus.DELIVERED, 1, "status 200")


@pytest.mark.parametrize("status", [301, 400, 401, 404])
async def test_an_endpoint_that_refuses_for_a_while_gets_the_event_afterwards(delivery: EmulatedDelivery, status: int) -> None:
    """A deployment answers 404 for a minute, a gateway 401 or a redirect: the event is tried again, then delivered."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries, delivery.receiver.script = delivery.entries(), [answer(status)] * 2
    for made in (1, 2):
        failed, _ = await delivery.deliverer.run(entries)
        assert (len(failed), delivery.fate(event_of(tenant.id))) == (1, (DeliveryStatus.PENDING, made, f"status {status}"))
    assert (await delivery.run(entries))[0] == []
    assert delivery.fate(event_of(tenant.id)) == (DeliveryStatus.DELIVERED, 3, "status 200")


async def test_410_disables_the_callback_until_it_is_set_again(delivery: EmulatedDelivery) -> None:
    """The endpoint says that it is gone: nothing more is posted in this run or later, and the tenant can read why."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))
    delivery.receiver.script = [answer(410)]
    await delivery.run_visible()
    delivery.enqueue(event_of(tenant.id, message_id=3))
    await delivery.run_visible()
    assert delivery.texts() == ["message 1"]
    now = delivery.tenants.get(tenant.id)
    assert now
    assert (now.callback_url, now.callback_disabled and "410" in now.callback_disabled) == (delivery.url, True)


async def test_410_of_an_old_callback_does_not_disable_the_new_one(delivery: EmulatedDelivery) -> None:
    """The tenant has just moved away from the endpoint that answers 410."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries = delivery.entries()

    async def gone_after_moving(_: ReceivedRequest) -> bytes:
        await asyncio.to_thread(delivery.tenants.change, tenant.id, {"callback_url": delivery.url + "/new"})
        return answer(410)

    delivery.receiver.respond = gone_after_moving
    await delivery.run(entries)
    now = delivery.tenants.get(tenant.id)
    assert now
    assert now.callback_disabled is None


async def test_a_finished_chat_does_not_wait_for_a_slow_neighbour(delivery: EmulatedDelivery) -> None:
    """Its messages are deleted early, so its next event can be received while the other chat's attempt still runs."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2, message_id=1))
    released = asyncio.Event()

    async def slow_for_chat_1(posted: ReceivedRequest) -> bytes:
        if json.loads(posted.body)["message"]["chat_id"] == 1:
            await released.wait()
        return OK

    delivery.receiver.respond = slow_for_chat_1
    run = asyncio.create_task(delivery.run(delivery.entries()))
    await asyncio.to_thread(delivery.enqueue, event_of(tenant.id, chat_id=2, message_id=2))
    (following,) = await asyncio.to_thread(delivery.entries, 10)
    assert following.event
    assert message_of(following.event).message_id == "2"
    assert not run.done()
    released.set()
    failed, counts = await run
    assert (failed, counts.delivered) == ([], 2)


async def test_while_an_attempt_hangs_no_other_run_starts_one_there(delivery: EmulatedDelivery) -> None:
    """The callback is held, the other run puts its chat back without an attempt; and a slow answer counts as a failure, 2xx or not."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, chat_id=1, message_id=1))
    first = delivery.entries()
    delivery.enqueue(event_of(tenant.id, chat_id=2, message_id=2))
    second = delivery.entries()
    released = asyncio.Event()

    async def hangs(_: ReceivedRequest) -> bytes:
        delivery.clock.advance(slow_attempts.SLOW_S)
        await released.wait()
        return OK

    delivery.receiver.respond = hangs
    run = asyncio.create_task(delivery.run(first))
    while (await asyncio.to_thread(delivery.callbacks.get, tenant.id)).held_until is None:  # noqa: ASYNC110  rows announce nothing
        await asyncio.sleep(0.01)
    failed, counts = await delivery.run(second)
    assert (failed, counts.failed, delivery.texts()) == ([second[0].message_id], 0, ["message 1"])
    released.set()
    assert (await run)[1].delivered == 1
    assert delivery.callbacks.get(tenant.id).failures == 1


async def test_a_callback_that_was_slow_is_let_go_after_each_run(delivery: EmulatedDelivery) -> None:
    """For a while one run at a time makes attempts there; each run releases the callback for the next."""
    tenant = delivery.new_tenant()
    now = delivery.clock.now()
    delivery.callbacks.count_failures(tenant.id, "", now, now, held_until=now + endpoint_hold.HELD)
    delivery.clock.advance(endpoint_hold.HELD.total_seconds())
    for message_id in (1, 2):
        delivery.enqueue(event_of(tenant.id, message_id=message_id))
        _, counts = await delivery.run_visible()
        assert counts.delivered == 1
    assert delivery.callbacks.get(tenant.id).held_until == delivery.clock.now()


async def test_an_event_that_waited_long_behind_a_held_callback_parks_it(delivery: EmulatedDelivery) -> None:
    """Waiting events in the queue would delay all tenants: they move to the backlog, and are delivered from there."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    (entry,) = delivery.entries()
    now = delivery.clock.now()
    delivery.callbacks.count_failures(tenant.id, "", now, now, held_until=now + endpoint_hold.HELD)
    failed, counts = await delivery.run([replace(entry, sent_at=now - endpoint_hold.PATIENCE)])
    assert (failed, counts.parked, delivery.receiver.posted) == ([], 1, [])
    assert delivery.callbacks.get(tenant.id).state is CallbackHealth.PAUSED


async def test_no_attempt_starts_late_in_a_run(delivery: EmulatedDelivery) -> None:
    """An attempt that could outlast the function is not started: its event stays in the queue, without a record."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))

    async def slow(_: ReceivedRequest) -> bytes:
        delivery.clock.advance(entry_delivery.LAST_START_S)
        return OK

    delivery.receiver.respond = slow
    failed, counts = await delivery.run_visible()
    assert (len(failed), counts.delivered, counts.failed) == (1, 1, 0)
    assert delivery.record(event_of(tenant.id, message_id=2)) is None
    (again,) = delivery.entries()
    assert again.event
    assert message_of(again.event).message_id == "2"


async def test_a_late_duplicate_is_not_posted_again(delivery: EmulatedDelivery) -> None:
    """The function died after its record, or the queue's deduplication window was over."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries = delivery.entries()
    await delivery.deliverer.run(entries)
    failed, counts = await delivery.deliverer.run(entries)
    assert (failed, counts.dropped, len(delivery.receiver.posted)) == ([], 1, 1)


async def test_what_had_failed_and_was_delivered_is_not_posted_again(delivery: EmulatedDelivery) -> None:
    """Its final status is recorded, so a late duplicate is recognized."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries = delivery.entries()
    delivery.receiver.script = [answer(500)]
    for _ in range(3):
        failed, _ = await delivery.deliverer.run(entries)
    assert (failed, len(delivery.receiver.posted)) == ([], 2)


async def test_an_event_twice_in_one_batch_is_posted_once(delivery: EmulatedDelivery) -> None:
    """The listener fetched it again after the queue's deduplication window."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    (entry,) = delivery.entries()
    twin = replace(entry, message_id="twin")
    failed, counts = await delivery.deliverer.run([entry, twin])
    assert (failed, counts.delivered, counts.dropped) == ([], 1, 1)


async def test_two_tenants_with_one_account_each_have_its_events(delivery: EmulatedDelivery) -> None:
    """An event's id names what happened, not the tenant: each tenant has its own record."""
    tenants = [delivery.new_tenant(), delivery.new_tenant()]
    events = [event_of(tenant.id) for tenant in tenants]
    assert events[0].id == events[1].id
    delivery.enqueue(*events)
    failed, counts = await delivery.run_visible()
    assert (failed, counts.delivered, counts.dropped) == ([], 2, 0)
    assert {json.loads(posted.body)["tenant"] for posted in delivery.receiver.posted} == {tenant.number for tenant in tenants}


async def test_events_nobody_wants_are_dropped(delivery: EmulatedDelivery) -> None:
    """Of a deleted tenant, of one without a callback, and from before the callback was set."""
    gone, silent, later = delivery.new_tenant(), delivery.new_tenant(None), delivery.new_tenant()
    delivery.tenants.end(gone.id, (), delivery.clock.now())
    before = event_of(later.id, received_at=delivery.clock.now() - timedelta(seconds=1))
    delivery.enqueue(event_of(gone.id), event_of(silent.id), before, event_of(later.id, chat_id=2))
    failed, counts = await delivery.run([replace(one, sent_at=delivery.clock.now() - timedelta(seconds=1)) for one in delivery.entries()])
    assert (failed, counts.dropped, counts.delivered, delivery.left_in_queue()) == ([], 3, 1, 0)
    reasons = {line["reason"] for line in delivery.log.said("event dropped")}
    assert reasons == {"tenant is gone", "no callback", "before the callback was set"}


@pytest.mark.parametrize("large", [False, True])
async def test_an_event_in_the_log_that_nobody_wants_any_more_ends_there(delivery: EmulatedDelivery, large: bool) -> None:
    """Otherwise it would be shown as pending until its record expires, and could not be replayed."""
    tenant = delivery.new_tenant()
    event = event_of(tenant.id, text="🙂" * 60_000 if large else "small")
    if large:
        delivery.deliveries.keep(event)
        delivery.put(event, pointer_to(tenant.id, event.id))
    else:
        delivery.enqueue(event)
    entries = delivery.entries()
    delivery.receiver.script = [answer(500)]
    await delivery.deliverer.run(entries)
    delivery.tenants.change(tenant.id, {"callback_url": None})
    delivery.clock.advance(60)
    failed, counts = await delivery.run(entries)
    assert (failed, counts.dropped, len(delivery.receiver.posted)) == ([], 1, 1)
    record = delivery.record(event)
    assert record
    assert (record.status, record.made, record.reason) == (DeliveryStatus.DROPPED, 1, "no callback")


async def test_what_a_disabled_callback_had_refused_is_dead(delivery: EmulatedDelivery) -> None:
    """An attempt that fails while another chat's event gets a 410 is recorded as dead, not parked."""
    tenant = delivery.new_tenant()
    refused, gone = event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2)
    delivery.enqueue(refused)
    first = delivery.entries()
    delivery.receiver.script = [answer(500)] * 4
    for _ in range(4):
        await delivery.deliverer.run(first)
    delivery.enqueue(gone)
    both = asyncio.Event()

    async def answered(posted: ReceivedRequest) -> bytes:
        if posted.headers["webhook-id"] == gone.id:
            both.set()
            return answer(410)
        await both.wait()
        await until(lambda: bool(delivery.log.said("callback disabled")))
        return answer(500)

    delivery.receiver.respond = answered
    failed, _ = await delivery.run([*first, *delivery.entries()])
    assert (failed, delivery.log.said("chat failed")) == ([], [])
    assert [fate and fate[0] for fate in map(delivery.fate, (refused, gone))] == [DeliveryStatus.DEAD] * 2
    assert delivery.backlog.slots(tenant.id, refused.chat, 10) == []


async def test_an_unreadable_message_holds_up_its_own_chat_for_an_hour_at_most(delivery: EmulatedDelivery) -> None:
    """It may come from a newer version, and be readable once this function is replaced; after an hour it is dropped and logged."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    (entry,) = delivery.entries()
    unreadable = replace(entry, message_id="odd", sent_at=delivery.clock.now(), event=None)
    failed, _ = await delivery.deliverer.run([unreadable, entry])
    assert (failed, delivery.receiver.posted) == (["odd", entry.message_id], [])
    delivery.clock.advance(3600)
    failed, counts = await delivery.deliverer.run([unreadable, entry])
    assert (failed, counts.delivered, counts.dropped) == ([], 1, 1)
    assert [line["message_id"] for line in delivery.log.said("queue message unreadable, dropped")] == ["odd"]


async def test_a_tenants_key_that_cannot_be_opened_holds_up_that_tenant_alone(delivery: EmulatedDelivery) -> None:
    """No event is posted without its signature; other tenants' events do not wait."""
    broken, well = delivery.new_tenant(), delivery.new_tenant()
    delivery.tenants.change(broken.id, {"signing_secret": b"not what was sealed"})
    delivery.enqueue(event_of(broken.id), event_of(well.id))
    failed, counts = await delivery.run_visible()
    assert (len(failed), counts.delivered, len(delivery.receiver.posted)) == (1, 1, 1)
    assert delivery.record(event_of(broken.id)) is None


async def test_a_tenant_whose_row_makes_no_sense_holds_up_that_tenant_alone(delivery: EmulatedDelivery) -> None:
    """Other tenants' events do not wait for the row to be repaired, and the log names it."""
    broken, well = delivery.new_tenant(), delivery.new_tenant()
    state = Table(delivery.account.client("dynamodb"), delivery.account.table_name)
    state.update(keys.tenant(broken.id), "SET callback_url = :number", {":number": 7})
    delivery.enqueue(event_of(broken.id), event_of(well.id))
    failed, counts = await delivery.run_visible()
    assert (len(failed), counts.delivered, len(delivery.receiver.posted)) == (1, 1, 1)
    assert broken.id in delivery.log.text


async def test_without_the_records_nothing_is_posted(delivery: EmulatedDelivery) -> None:
    """Nothing shows whether an event was delivered before: the batch stays in the queue, and nothing is raised."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries = delivery.entries()
    delivery.account.client("dynamodb").delete_table(TableName=delivery.account.deliveries_table_name)
    failed, _ = await delivery.deliverer.run(entries)
    assert (failed, delivery.receiver.posted) == ([entry.message_id for entry in entries], [])


async def test_a_changed_url_is_in_force_at_once(delivery: EmulatedDelivery) -> None:
    """In the next run, and within a run from the next attempt on, a second later at most."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, message_id=1))
    await delivery.run_visible()
    delivery.tenants.change(tenant.id, {"callback_url": delivery.url + "/new"})
    delivery.enqueue(event_of(tenant.id, message_id=2), event_of(tenant.id, message_id=3))
    entries = delivery.entries()

    async def moved_meanwhile(_: ReceivedRequest) -> bytes:
        delivery.tenants.change(tenant.id, {"callback_url": delivery.url + "/newer"})
        delivery.clock.advance(1)
        return answer(200)

    delivery.receiver.respond = moved_meanwhile
    await delivery.run(entries)
    assert [posted.line.split()[1] for posted in delivery.receiver.posted] == ["/in", "/in/new", "/in/newer"]


async def test_a_setting_that_was_answered_holds_for_what_comes_after_it(delivery: EmulatedDelivery) -> None:
    """A callback is removed and set again, a chat type is added: a warm function decides by the new settings."""
    tenant = delivery.new_tenant(None)
    delivery.enqueue(event_of(tenant.id, message_id=1))
    await delivery.run_visible()
    delivery.tenants.change(tenant.id, {"callback_url": delivery.url, "callback_since": delivery.clock.now()})
    delivery.enqueue(event_of(tenant.id, message_id=2), event_of(tenant.id, chat_id=-1001, message_id=3, chat_type="channel"))
    await delivery.run_visible()
    delivery.tenants.change(tenant.id, {"chat_types": frozenset(ChatType)})
    delivery.enqueue(event_of(tenant.id, chat_id=-1001, message_id=4, chat_type="channel"))
    await delivery.run_visible()
    assert delivery.texts() == ["message 2", "message 4"]
    dropped = delivery.deliveries.dropped(tenant.id)
    assert dropped
    assert (dropped.count, dropped.since) == (1, delivery.clock.now())


async def test_nothing_is_posted_after_a_tenants_end(delivery: EmulatedDelivery) -> None:
    """That holds also for a run that began before, a second later at most."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))
    entries = delivery.entries()

    async def deleted_meanwhile(_: ReceivedRequest) -> bytes:
        delivery.tenants.end(tenant.id, (), delivery.clock.now())
        delivery.clock.advance(1)
        return answer(200)

    delivery.receiver.respond = deleted_meanwhile
    failed, _ = await delivery.run(entries)
    assert (failed, delivery.texts()) == ([], ["message 1"])


async def test_what_comes_while_a_callback_is_disabled_is_kept_and_listed(delivery: EmulatedDelivery) -> None:
    """They are recorded as dead with the reason, and can be replayed; once the callback is enabled, new events are posted."""
    tenant = delivery.new_tenant()
    delivery.receiver.script = [answer(410)]
    events = [event_of(tenant.id, message_id=number) for number in (1, 2, 3)]
    for event in events:
        delivery.enqueue(event)
        _, counts = await delivery.run_visible()
    assert [delivery.fate(event) for event in events] == [(DeliveryStatus.DEAD, 1, "status 410"), *[(DeliveryStatus.DEAD, 0, None)] * 2]
    listed, _ = delivery.deliveries.page(tenant.id, status=DeliveryStatus.DEAD)
    assert {one.event_id: one.reason for one in whole(listed)}[events[2].id] == "callback disabled"
    assert (counts.kept, counts.dropped, len(delivery.receiver.posted)) == (1, 0, 1)
    assert delivery.tenants.enable_callback(tenant.id)
    delivery.enqueue(event_of(tenant.id, message_id=4))
    EventsQueue(delivery.sqs, delivery.account.events_queue_url).replay([Replay(tenant.id, events[1].id, events[1].chat, "first")])
    await delivery.run_visible()
    assert delivery.texts() == ["message 1", "message 4", "message 2"]


@pytest.mark.parametrize("same", [True, False])
async def test_a_late_410_does_not_stop_a_callback_that_was_set_meanwhile(delivery: EmulatedDelivery, same: bool) -> None:
    """The API has answered that the callback is enabled; the event that got the 410 is delivered there too."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries = delivery.entries()

    async def gone(_: ReceivedRequest) -> bytes:
        if len(delivery.receiver.posted) > 1:
            return OK
        delivery.tenants.change(tenant.id, {"callback_url": delivery.url if same else delivery.url + "/new"})
        return answer(410)

    delivery.receiver.respond = gone
    for _ in range(2):
        await delivery.deliverer.run(entries)
    now = delivery.tenants.get(tenant.id)
    assert now
    assert now.callback_disabled is None
    assert delivery.fate(event_of(tenant.id)) == (DeliveryStatus.DELIVERED, 2, "status 200")


async def test_tenants_without_a_secret_are_signed_with_the_deployments(delivery: EmulatedDelivery) -> None:
    """CALLBACK_SIGNING_SECRET signs for tenants without a secret; if neither is set there is no signature."""
    tenant = delivery.new_tenant()
    delivery.tenants.change(tenant.id, {"signing_secret": None, "signing_key": None})
    secrets = delivery.account.client("secretsmanager")
    secrets.create_secret(Name="avio", SecretString=json.dumps({"CALLBACK_SIGNING_SECRET": "shared secret"}))
    delivery.enqueue(event_of(tenant.id, message_id=1))
    await delivery.run_visible()
    secrets.put_secret_value(SecretId="avio", SecretString=json.dumps({"CALLBACK_SIGNING_SECRET": ""}))
    delivery.clock.advance(10)
    delivery.enqueue(event_of(tenant.id, message_id=2))
    await delivery.run_visible()
    signed, unsigned = delivery.receiver.posted
    assert signed.headers["x-signature"] == f"sha256={hmac_data(b'shared secret', signed.body).hex()}"
    assert {"x-signature", "webhook-signature"}.isdisjoint(unsigned.headers)


async def test_the_log_tells_of_each_event_and_nothing_of_its_content(delivery: EmulatedDelivery) -> None:
    """Ids, count, duration and status; no text, no URL, no secret."""
    tenant = delivery.new_tenant(delivery.url + "?token=hidden-query")
    delivery.enqueue(event_of(tenant.id, text="hidden text", sender_name="Hidden Name"))
    delivery.receiver.script = [answer(500)]
    await delivery.run_visible()
    await delivery.run(await asyncio.to_thread(delivery.entries, 5))
    (line,) = delivery.log.said("event delivered")
    said = {name: line[name] for name in ("event_id", "tenant_id", "attempts", "outcome")}
    assert said == {"event_id": event_of(tenant.id).id, "tenant_id": tenant.id, "attempts": 2, "outcome": "status 200"}
    assert "hidden" not in delivery.log.text.lower()
    assert delivery.secrets[tenant.id] not in delivery.log.text


async def test_an_end_that_cannot_be_recorded_is_no_end(delivery: EmulatedDelivery) -> None:
    """The event stays in the queue: nothing is lost without a trace."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id))
    entries = delivery.entries()

    async def refuse_and_lose_the_table(_: ReceivedRequest) -> bytes:
        await asyncio.to_thread(delivery.account.client("dynamodb").delete_table, TableName=delivery.account.deliveries_table_name)
        return answer(410)

    delivery.receiver.respond = refuse_and_lose_the_table
    failed, counts = await delivery.run(entries)
    assert (failed, counts.dead, delivery.left_in_queue()) == ([entries[0].message_id], 0, 1)


async def test_an_unexpected_fault_holds_up_its_own_chat_alone(
    account: EmulatorAccount, clock: FakeClock, receiver: CallbackServer
) -> None:
    """It is logged, and the chat is put back; the other tenant's event is delivered."""

    async def faulty(host: str, port: int) -> list[Address]:
        if host == "faulty.example":
            raise RuntimeError
        return await loopback(host, port)

    poster = Poster(allowed=ANYWHERE, resolve=faulty, trust=machine_trust(), clock=clock)
    delivery = EmulatedDelivery(account, clock, receiver, poster)
    broken, well = delivery.new_tenant(f"http://faulty.example:{receiver.port}/"), delivery.new_tenant()
    delivery.enqueue(event_of(broken.id), event_of(well.id))
    failed, counts = await delivery.run_visible()
    await poster.close()
    assert (len(failed), counts.delivered, len(receiver.posted)) == (1, 1, 1)
    assert [line["fault"] for line in delivery.log.said("chat failed")] == ["RuntimeError"]


async def test_a_queue_that_does_not_answer_costs_time_and_nothing_else(delivery: EmulatedDelivery) -> None:
    """Messages become visible again by themselves, and the mapping deletes those that are done."""
    tenant = delivery.new_tenant()
    delivery.enqueue(event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2))
    entries = delivery.entries()
    delivery.sqs.delete_queue(QueueUrl=delivery.account.events_queue_url)
    delivery.receiver.script = [answer(500)]
    failed, counts = await delivery.deliverer.run(entries)
    assert (len(failed), counts.delivered, counts.failed) == (1, 1, 1)


async def test_a_fault_of_the_name_or_the_certificate_is_told_and_passes(
    delivery: EmulatedDelivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expired certificate, then a private address for one attempt: both are recorded in words, and the event is delivered later."""
    expired, valid = certificate_for("callbacks.example", (-30, -1)), certificate_for("callbacks.example")
    trust = ssl.create_default_context(cadata=expired.certificate + valid.certificate)
    answers: list[list[Address]] = [[ip_address("127.0.0.1")], [ip_address("10.0.0.1")], [ip_address("127.0.0.1")]]
    receivers = [CallbackServer(), CallbackServer()]
    for receiver, certificate in zip(receivers, (expired, valid), strict=True):
        await receiver.start(certificate.server_context(tmp_path))
    reached = iter([receivers[0].port, receivers[1].port])

    async def resolve(host: str, port: int) -> list[Address]:
        del host, port
        return answers.pop(0)

    async def dial(address: Address, port: int) -> socket.socket:
        del port
        return await network.dial(address, next(reached))

    monkeypatch.setattr(network, "is_public", lambda address: address != ip_address("10.0.0.1"))  # this machine stands for the internet
    poster = Poster(allowed=CallbackSettings(), resolve=resolve, trust=trust, clock=delivery.clock, attempt_s=PATIENT_S, dial=dial)
    system = InMemoryDelivery(delivery.clock)
    tenant = system.new_tenant("https://callbacks.example/in")
    event = system.send(tenant.id, 1, 1)
    entries = entries_of(system.source.receive())
    try:
        for _ in range(3):
            await system.function(poster.post).run(entries)
    finally:
        await poster.close()
        for receiver in receivers:
            await receiver.stop()
    record = system.deliveries.get(tenant.id, event.id)
    assert record
    assert [attempt.outcome for attempt in record.attempts] == ["certificate refused", "address not allowed", "status 200"]
    assert record.status is DeliveryStatus.DELIVERED
