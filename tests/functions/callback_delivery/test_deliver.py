"""Delivering batches: order, retries, neighbours, and what a death in the middle leaves."""

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

import httpcore
import pytest
from standardwebhooks.webhooks import hmac_data

from functions.callback_delivery import deliver, endpoint_hold, network, slow_attempts
from functions.callback_delivery.network import Address
from functions.callback_delivery.post import Poster
from functions.callback_delivery.queue import entries_of
from functions.tenants.directory import seal
from local.aws_account import Account
from shared.model.backlog import CallbackHealth
from shared.model.delivery import DeliveryStatus
from shared.model.tenant import ChatType
from shared.queues import EventsQueue, Replay, pointer_to
from shared.settings import CallbackSettings
from shared.store import keys
from shared.store.table import Table
from shared.store.tenants import NOT_DISABLED
from tests.functions.callback_delivery.conftest import ANYWHERE, PATIENT_S, loopback
from tests.support.certificates import certificate_for
from tests.support.clock import FakeClock
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of
from tests.support.in_memory_delivery import InMemoryDelivery
from tests.support.listener import until
from tests.support.receiver import BREAK, OK, Posted, Receiver, answer
from tests.support.rows import whole


async def test_an_event_reaches_its_tenants_callback_signed(bench: EmulatedDelivery) -> None:
    """Queue to receiver: the tenant's number in the body, its own secret in the signature, nothing left in the queue."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    failed, tally = await bench.run_visible()
    (posted,) = bench.receiver.posted
    assert (failed, tally.delivered, bench.left_in_queue()) == ([], 1, 0)
    assert json.loads(posted.body)["tenant"] == tenant.number
    digest = hmac_data(bench.secrets[tenant.id].encode(), posted.body).hex()
    assert posted.headers["x-signature"] == f"sha256={digest}"
    assert posted.headers["webhook-id"] == event_of(tenant.id).id


async def test_a_clean_delivery_is_recorded_with_its_attempt(bench: EmulatedDelivery) -> None:
    """When, how long, what was answered; and the event itself."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    await bench.run_visible()
    record = bench.record(event_of(tenant.id))
    assert record
    (attempt,) = record.attempts
    assert (record.event, record.status, record.made) == (event_of(tenant.id), DeliveryStatus.DELIVERED, 1)
    assert (attempt.at, attempt.status, attempt.error) == (bench.clock.now(), 200, None)


async def test_a_chats_events_arrive_in_order(bench: EmulatedDelivery) -> None:
    """One after the other, as they were queued."""
    tenant = bench.new_tenant()
    bench.enqueue(*(event_of(tenant.id, message_id=number) for number in range(1, 8)))
    await bench.run_visible()
    assert bench.texts() == [f"message {number}" for number in range(1, 8)]


async def test_chats_are_delivered_side_by_side(bench: EmulatedDelivery) -> None:
    """Two chats are both under way before either has its answer."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2))
    both = asyncio.Barrier(2)

    async def together(_: Posted) -> bytes:
        await both.wait()
        return OK

    bench.receiver.respond = together
    _, tally = await bench.run_visible()
    assert tally.delivered == 2


async def test_after_a_failure_the_rest_of_the_chat_waits(bench: EmulatedDelivery) -> None:
    """Nothing overtakes the event that failed; it and its followers stay in the queue, hidden together."""
    tenant = bench.new_tenant()
    bench.enqueue(*(event_of(tenant.id, message_id=number) for number in (1, 2, 3)), event_of(tenant.id, chat_id=9))
    entries = bench.entries()
    bench.receiver.script = [answer(503, "Retry-After: 60")] * 2  # one for each chat; the queue goes by the machine's clock
    failed, tally = await bench.run(entries)
    assert set(failed) == {entry.message_id for entry in entries}
    assert (tally.failed, len(bench.receiver.posted)) == (2, 2)
    assert bench.entries() == []
    assert bench.fate(event_of(tenant.id)) == (DeliveryStatus.PENDING, 1, "status 503")
    assert bench.record(event_of(tenant.id, message_id=2)) is None


async def test_what_waited_comes_back_together_and_in_order(bench: EmulatedDelivery) -> None:
    """One second later the whole chat is there again, the failed event first."""
    tenant = bench.new_tenant()
    bench.enqueue(*(event_of(tenant.id, message_id=number) for number in (1, 2)))
    bench.receiver.script = [BREAK]
    await bench.run_visible()
    again = await asyncio.to_thread(bench.entries, 5)
    assert [entry.event.message.message_id for entry in again if entry.event] == [1, 2]
    await bench.run(again)
    assert bench.texts() == ["message 1", "message 1", "message 2"]
    assert bench.left_in_queue() == 0


TEXTS = ["one\u2028two\u2029\x85", "before\x00after\ufffe", "שלום \u202eעולם\u202c", "🙂" * 2048, "a" * 4096, '<>&"\\/\x7f\x1b \r\n']


async def test_any_text_arrives_as_it_is_under_signatures_that_hold(bench: EmulatedDelivery) -> None:
    """Through the real queue, posted and posted again from the log; both signatures are over the raw bytes."""
    tenant = bench.new_tenant()
    bench.enqueue(*(event_of(tenant.id, message_id=number, text=text) for number, text in enumerate(TEXTS, 1)))
    bench.receiver.script = [answer(503)]
    await bench.run_visible()
    await bench.run(await asyncio.to_thread(bench.entries, 5))
    assert bench.texts() == [TEXTS[0], *TEXTS]
    secret = bench.secrets[tenant.id]
    for posted in bench.receiver.posted:
        at, body = int(posted.headers["webhook-timestamp"]), posted.body
        signed = f"{posted.headers['webhook-id']}.{at}.".encode() + body
        standard = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        assert posted.headers["webhook-signature"] == "v1," + base64.b64encode(standard).decode()
        assert posted.headers["x-signature"] == "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def test_bytes_and_id_are_the_same_in_every_attempt(bench: EmulatedDelivery) -> None:
    """A receiver can tell a repeat, and the attempt's number says which it is."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, text="Привет 🙂"))
    entries = bench.entries()
    bench.receiver.script = [answer(500), answer(503), BREAK]
    for _ in range(4):
        await bench.deliverer.run(entries)
    posted = bench.receiver.posted
    assert len({(one.body, one.headers["webhook-id"]) for one in posted}) == 1
    assert [one.headers["webhook-attempt"] for one in posted] == ["1", "2", "3", "4"]
    assert bench.fate(event_of(tenant.id)) == (DeliveryStatus.DELIVERED, 4, "status 200")


async def test_the_fifth_failure_parks_the_callback_and_all_that_comes(bench: EmulatedDelivery) -> None:
    """The event, its followers and what comes later wait outside the queue, in order, and nothing more is posted."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))
    entries = bench.entries()
    bench.receiver.script = [answer(500)] * 5
    outcomes = [await bench.run(entries) for _ in range(5)]
    assert [len(failed) for failed, _ in outcomes] == [2, 2, 2, 2, 0]
    assert [line.get("again_in_s") for line in bench.log.said("attempt failed")] == [1, 2, 4, 8, None]
    later = [event_of(tenant.id, message_id=3), event_of(tenant.id, chat_id=9)]
    bench.enqueue(*later)
    failed, tally = await bench.run_visible()
    assert (failed, tally.parked, bench.texts()) == ([], 2, ["message 1"] * 5)
    assert bench.fate(event_of(tenant.id)) == (DeliveryStatus.PARKED, 5, "status 500")
    assert [bench.fate(event) for event in later] == [(DeliveryStatus.PARKED, 0, None)] * 2
    places = bench.backlog.slots(tenant.id, later[0].chat, 10)
    assert [place.record.event.message.message_id for place in places if place.record] == [1, 2, 3]


async def test_a_chat_is_parked_alone_while_its_callback_takes_others(bench: EmulatedDelivery) -> None:
    """One poison message holds up its own chat only."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, message_id=1))
    poison = bench.entries()
    hidden = answer(503, "Retry-After: 60")  # longer than what comes next takes on any machine
    bench.receiver.script = [answer(500), answer(500), hidden, OK, answer(500), answer(500)]
    for _ in range(3):
        await bench.deliverer.run(poison)
    bench.enqueue(event_of(tenant.id, chat_id=9, message_id=2))
    await bench.run_visible()
    for _ in range(2):
        await bench.run(poison)
    bench.enqueue(event_of(tenant.id, chat_id=9, message_id=3), event_of(tenant.id, message_id=4))
    await bench.run_visible()
    assert bench.texts() == ["message 1"] * 3 + ["message 2"] + ["message 1"] * 2 + ["message 3"]
    (chat,) = whole(bench.backlog.parked_chats(tenant.id))
    assert (chat.chat, chat.seq, chat.due_at is not None) == (event_of(tenant.id).chat, 2, True)


async def test_a_parked_event_that_comes_again_is_not_parked_twice(bench: EmulatedDelivery) -> None:
    """The function died before the queue knew."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries = bench.entries()
    bench.receiver.script = [answer(500)] * 5
    for _ in range(6):
        failed, tally = await bench.deliverer.run(entries)
    assert (failed, tally.parked, tally.dropped) == ([], 0, 1)
    assert len(bench.backlog.slots(tenant.id, event_of(tenant.id).chat, 10)) == 1


async def test_a_replay_is_posted_again_once(bench: EmulatedDelivery) -> None:
    """Whatever became of the event; under the same id, with the number that follows, and not twice where the queue repeats it."""
    tenant = bench.new_tenant()
    event = event_of(tenant.id)
    bench.enqueue(event)
    await bench.run_visible()
    EventsQueue(bench.sqs, bench.account.events_queue_url).replay([Replay(tenant.id, event.id, event.chat, "first")])
    entries = bench.entries()
    for _ in range(2):
        await bench.deliverer.run(entries)
    assert [posted.headers["webhook-attempt"] for posted in bench.receiver.posted] == ["1", "2"]
    assert len({(posted.headers["webhook-id"], posted.body) for posted in bench.receiver.posted}) == 1


async def test_a_replay_goes_to_a_callback_that_was_set_after_the_event(bench: EmulatedDelivery) -> None:
    """Who mends the URL wants what the wrong one did not get; an event that nobody asked for again stays dropped."""
    tenant = bench.new_tenant()
    event, other = event_of(tenant.id), event_of(tenant.id, chat_id=9)
    bench.receiver.script = [answer(410)]
    bench.enqueue(event)
    await bench.run_visible()
    bench.clock.advance(60)
    bench.tenants.change(tenant.id, {"callback_url": None})
    bench.tenants.change(tenant.id, {"callback_url": f"{bench.url}/new", "callback_since": bench.clock.now(), **NOT_DISABLED})
    EventsQueue(bench.sqs, bench.account.events_queue_url).replay([Replay(tenant.id, event.id, event.chat, "first")])
    bench.enqueue(other)
    _, tally = await bench.run([replace(one, sent_at=other.received_at) for one in bench.entries()])
    assert [posted.line for posted in bench.receiver.posted] == ["POST /in HTTP/1.1", "POST /in/new HTTP/1.1"]
    assert (tally.delivered, tally.dropped) == (1, 1)


async def test_a_tenants_headers_go_along_and_chats_that_it_does_not_want_do_not(bench: EmulatedDelivery) -> None:
    """Its own credentials beside our signature; broadcast channels only where it named them."""
    tenant = bench.new_tenant()
    sealed = seal(bench.envelope, tenant.id, json.dumps({"Authorization": "Bearer x"}))
    bench.tenants.change(tenant.id, {"callback_headers": sealed})
    bench.enqueue(event_of(tenant.id, chat_id=-1001, chat_type="channel"), event_of(tenant.id, chat_id=-5, chat_type="group"))
    _, tally = await bench.run_visible()
    (posted,) = bench.receiver.posted
    assert (posted.headers["authorization"], tally.dropped) == ("Bearer x", 1)
    assert json.loads(posted.body)["message"]["chat_type"] == "group"
    assert "Bearer" not in bench.log.text


async def test_an_event_too_large_for_the_queue_is_delivered(bench: EmulatedDelivery) -> None:
    """It lies in its record, and the queue points there."""
    tenant = bench.new_tenant()
    event = event_of(tenant.id, text="🙂" * 60_000)
    bench.deliveries.keep(event)
    bench.put(event, pointer_to(tenant.id, event.id))
    (entry,) = bench.entries()
    assert (entry.event, entry.pointer and entry.pointer.event_id) == (None, event.id)
    await bench.run([entry])
    assert bench.texts() == ["🙂" * 60_000]
    assert bench.fate(event) == (DeliveryStatus.DELIVERED, 1, "status 200")


@pytest.mark.parametrize("status", [301, 400, 401, 404])
async def test_an_endpoint_that_refuses_for_a_while_gets_the_event_afterwards(bench: EmulatedDelivery, status: int) -> None:
    """A deployment answers 404 for a minute, a gateway 401 or a redirect: the event is tried again, then delivered."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries, bench.receiver.script = bench.entries(), [answer(status)] * 2
    for made in (1, 2):
        failed, _ = await bench.deliverer.run(entries)
        assert (len(failed), bench.fate(event_of(tenant.id))) == (1, (DeliveryStatus.PENDING, made, f"status {status}"))
    assert (await bench.run(entries))[0] == []
    assert bench.fate(event_of(tenant.id)) == (DeliveryStatus.DELIVERED, 3, "status 200")


async def test_410_disables_the_callback_until_it_is_set_again(bench: EmulatedDelivery) -> None:
    """The endpoint's owner said that it is gone: nothing more is posted, at once and in later runs, and the tenant can read why."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))
    bench.receiver.script = [answer(410)]
    await bench.run_visible()
    bench.enqueue(event_of(tenant.id, message_id=3))
    await bench.run_visible()
    assert bench.texts() == ["message 1"]
    now = bench.tenants.get(tenant.id)
    assert now
    assert (now.callback_url, now.callback_disabled and "410" in now.callback_disabled) == (bench.url, True)


async def test_410_of_an_old_callback_does_not_disable_the_new_one(bench: EmulatedDelivery) -> None:
    """The tenant had just moved away from the endpoint that says it is gone."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries = bench.entries()

    async def gone_after_moving(_: Posted) -> bytes:
        await asyncio.to_thread(bench.tenants.change, tenant.id, {"callback_url": bench.url + "/new"})
        return answer(410)

    bench.receiver.respond = gone_after_moving
    await bench.run(entries)
    now = bench.tenants.get(tenant.id)
    assert now
    assert now.callback_disabled is None


async def test_a_finished_chat_does_not_wait_for_a_slow_neighbour(bench: EmulatedDelivery) -> None:
    """Its messages leave the queue at once, so its next event can be received while the neighbour's attempt still runs."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2, message_id=1))
    released = asyncio.Event()

    async def slow_for_chat_1(posted: Posted) -> bytes:
        if json.loads(posted.body)["message"]["chat_id"] == 1:
            await released.wait()
        return OK

    bench.receiver.respond = slow_for_chat_1
    run = asyncio.create_task(bench.run(bench.entries()))
    await asyncio.to_thread(bench.enqueue, event_of(tenant.id, chat_id=2, message_id=2))
    (following,) = await asyncio.to_thread(bench.entries, 10)
    assert following.event
    assert following.event.message.message_id == 2
    assert not run.done()
    released.set()
    failed, tally = await run
    assert (failed, tally.delivered) == ([], 2)


async def test_while_an_attempt_hangs_no_other_run_starts_one_there(bench: EmulatedDelivery) -> None:
    """The callback is held, the other run puts its chat back without an attempt; and a slow answer counts as a failure, 2xx or not."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, chat_id=1, message_id=1))
    first = bench.entries()
    bench.enqueue(event_of(tenant.id, chat_id=2, message_id=2))
    second = bench.entries()
    released = asyncio.Event()

    async def hangs(_: Posted) -> bytes:
        bench.clock.advance(slow_attempts.SLOW_S)
        await released.wait()
        return OK

    bench.receiver.respond = hangs
    run = asyncio.create_task(bench.run(first))
    while (await asyncio.to_thread(bench.backlog.callback_state, tenant.id)).held_until is None:  # noqa: ASYNC110  rows announce nothing
        await asyncio.sleep(0.01)
    failed, tally = await bench.run(second)
    assert (failed, tally.failed, bench.texts()) == ([second[0].message_id], 0, ["message 1"])
    released.set()
    assert (await run)[1].delivered == 1
    assert bench.backlog.callback_state(tenant.id).failures == 1


async def test_a_callback_that_was_slow_is_let_go_after_each_run(bench: EmulatedDelivery) -> None:
    """For a while one run at a time goes there, and the next can as soon as that is over; what died holding it holds it for seconds."""
    tenant = bench.new_tenant()
    now = bench.clock.now()
    bench.backlog.count_failures(tenant.id, "", now, now, held_until=now + endpoint_hold.HELD)
    bench.clock.advance(endpoint_hold.HELD.total_seconds())
    for message_id in (1, 2):
        bench.enqueue(event_of(tenant.id, message_id=message_id))
        _, tally = await bench.run_visible()
        assert tally.delivered == 1
    assert bench.backlog.callback_state(tenant.id).held_until == bench.clock.now()


async def test_an_event_that_waited_long_behind_a_held_callback_parks_it(bench: EmulatedDelivery) -> None:
    """A backlog in the queue would be everybody's: it goes to the lot, and is delivered from there."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    (entry,) = bench.entries()
    now = bench.clock.now()
    bench.backlog.count_failures(tenant.id, "", now, now, held_until=now + endpoint_hold.HELD)
    failed, tally = await bench.run([replace(entry, sent_at=now - endpoint_hold.PATIENCE)])
    assert (failed, tally.parked, bench.receiver.posted) == ([], 1, [])
    assert bench.backlog.callback_state(tenant.id).state is CallbackHealth.PAUSED


async def test_no_attempt_starts_late_in_a_run(bench: EmulatedDelivery) -> None:
    """What would not end before the function's time is up stays in the queue, and that counts as no attempt."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))

    async def slow(_: Posted) -> bytes:
        bench.clock.advance(deliver.LAST_START_S)
        return OK

    bench.receiver.respond = slow
    failed, tally = await bench.run_visible()
    assert (len(failed), tally.delivered, tally.failed) == (1, 1, 0)
    assert bench.record(event_of(tenant.id, message_id=2)) is None
    (again,) = bench.entries()
    assert again.event
    assert again.event.message.message_id == 2


async def test_a_late_duplicate_is_not_posted_again(bench: EmulatedDelivery) -> None:
    """The function died between its record and the queue, or the queue's deduplication had forgotten the event."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries = bench.entries()
    await bench.deliverer.run(entries)
    failed, tally = await bench.deliverer.run(entries)
    assert (failed, tally.dropped, len(bench.receiver.posted)) == ([], 1, 1)


async def test_what_had_failed_and_was_delivered_is_not_posted_again(bench: EmulatedDelivery) -> None:
    """Its end is recorded, so a late duplicate in the queue is known for what it is."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries = bench.entries()
    bench.receiver.script = [answer(500)]
    for _ in range(3):
        failed, _ = await bench.deliverer.run(entries)
    assert (failed, len(bench.receiver.posted)) == ([], 2)


async def test_an_event_twice_in_one_batch_is_posted_once(bench: EmulatedDelivery) -> None:
    """The listener fetched it again after the queue's deduplication had forgotten it."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    (entry,) = bench.entries()
    twin = replace(entry, message_id="twin")
    failed, tally = await bench.deliverer.run([entry, twin])
    assert (failed, tally.delivered, tally.dropped) == ([], 1, 1)


async def test_two_tenants_with_one_account_each_have_its_events(bench: EmulatedDelivery) -> None:
    """An event's id says what happened, not to whom it goes: in one batch, each tenant's own record counts."""
    tenants = [bench.new_tenant(), bench.new_tenant()]
    events = [event_of(tenant.id) for tenant in tenants]
    assert events[0].id == events[1].id
    bench.enqueue(*events)
    failed, tally = await bench.run_visible()
    assert (failed, tally.delivered, tally.dropped) == ([], 2, 0)
    assert {json.loads(posted.body)["tenant"] for posted in bench.receiver.posted} == {tenant.number for tenant in tenants}


async def test_events_nobody_wants_are_dropped(bench: EmulatedDelivery) -> None:
    """Of a deleted tenant, of one without a callback, and from before the callback was set."""
    gone, silent, later = bench.new_tenant(), bench.new_tenant(None), bench.new_tenant()
    bench.tenants.end(gone.id, (), bench.clock.now())
    before = event_of(later.id, received_at=bench.clock.now() - timedelta(seconds=1))
    bench.enqueue(event_of(gone.id), event_of(silent.id), before, event_of(later.id, chat_id=2))
    failed, tally = await bench.run([replace(one, sent_at=bench.clock.now() - timedelta(seconds=1)) for one in bench.entries()])
    assert (failed, tally.dropped, tally.delivered, bench.left_in_queue()) == ([], 3, 1, 0)
    reasons = {line["reason"] for line in bench.log.said("event dropped")}
    assert reasons == {"tenant is gone", "no callback", "before the callback was set"}


@pytest.mark.parametrize("large", [False, True])
async def test_an_event_in_the_log_that_nobody_wants_any_more_ends_there(bench: EmulatedDelivery, large: bool) -> None:
    """It would be shown as under way until it is forgotten, and could not be replayed."""
    tenant = bench.new_tenant()
    event = event_of(tenant.id, text="🙂" * 60_000 if large else "small")
    if large:
        bench.deliveries.keep(event)
        bench.put(event, pointer_to(tenant.id, event.id))
    else:
        bench.enqueue(event)
    entries = bench.entries()
    bench.receiver.script = [answer(500)]
    await bench.deliverer.run(entries)
    bench.tenants.change(tenant.id, {"callback_url": None})
    bench.clock.advance(60)
    failed, tally = await bench.run(entries)
    assert (failed, tally.dropped, len(bench.receiver.posted)) == ([], 1, 1)
    record = bench.record(event)
    assert record
    assert (record.status, record.made, record.reason) == (DeliveryStatus.DROPPED, 1, "no callback")


async def test_what_a_disabled_callback_had_refused_is_dead(bench: EmulatedDelivery) -> None:
    """An attempt that was under way when another chat's event got a 410 is parked nowhere."""
    tenant = bench.new_tenant()
    refused, gone = event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2)
    bench.enqueue(refused)
    first = bench.entries()
    bench.receiver.script = [answer(500)] * 4
    for _ in range(4):
        await bench.deliverer.run(first)
    bench.enqueue(gone)
    both = asyncio.Event()

    async def answered(posted: Posted) -> bytes:
        if posted.headers["webhook-id"] == gone.id:
            both.set()
            return answer(410)
        await both.wait()
        await until(lambda: bool(bench.log.said("callback disabled")))
        return answer(500)

    bench.receiver.respond = answered
    failed, _ = await bench.run([*first, *bench.entries()])
    assert (failed, bench.log.said("chat failed")) == ([], [])
    assert [fate and fate[0] for fate in map(bench.fate, (refused, gone))] == [DeliveryStatus.DEAD] * 2
    assert bench.backlog.slots(tenant.id, refused.chat, 10) == []


async def test_an_unreadable_message_holds_up_its_own_chat_for_an_hour_at_most(bench: EmulatedDelivery) -> None:
    """It may be a newer version's, readable once this function is replaced; later it is dropped, and the log says which."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    (entry,) = bench.entries()
    unreadable = replace(entry, message_id="odd", sent_at=bench.clock.now(), event=None)
    failed, _ = await bench.deliverer.run([unreadable, entry])
    assert (failed, bench.receiver.posted) == (["odd", entry.message_id], [])
    bench.clock.advance(3600)
    failed, tally = await bench.deliverer.run([unreadable, entry])
    assert (failed, tally.delivered, tally.dropped) == ([], 1, 1)
    assert [line["message_id"] for line in bench.log.said("queue message unreadable, dropped")] == ["odd"]


async def test_a_tenants_key_that_cannot_be_opened_holds_up_that_tenant_alone(bench: EmulatedDelivery) -> None:
    """No event leaves unsigned that should be signed; the neighbours' events do not wait for it."""
    broken, well = bench.new_tenant(), bench.new_tenant()
    bench.tenants.change(broken.id, {"signing_secret": b"not what was sealed"})
    bench.enqueue(event_of(broken.id), event_of(well.id))
    failed, tally = await bench.run_visible()
    assert (len(failed), tally.delivered, len(bench.receiver.posted)) == (1, 1, 1)
    assert bench.record(event_of(broken.id)) is None


async def test_a_tenant_whose_row_makes_no_sense_holds_up_that_tenant_alone(bench: EmulatedDelivery) -> None:
    """Nobody's events wait for another's row to be mended, and the log says whose it is."""
    broken, well = bench.new_tenant(), bench.new_tenant()
    state = Table(bench.account.client("dynamodb"), bench.account.table_name)
    state.update(keys.tenant(broken.id), "SET callback_url = :number", {":number": 7})
    bench.enqueue(event_of(broken.id), event_of(well.id))
    failed, tally = await bench.run_visible()
    assert (len(failed), tally.delivered, len(bench.receiver.posted)) == (1, 1, 1)
    assert broken.id in bench.log.text


async def test_without_the_records_nothing_is_posted(bench: EmulatedDelivery) -> None:
    """Whether an event was delivered before cannot be known: all of it stays in the queue, and nothing is raised."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries = bench.entries()
    bench.account.client("dynamodb").delete_table(TableName=bench.account.deliveries_table_name)
    failed, _ = await bench.deliverer.run(entries)
    assert (failed, bench.receiver.posted) == ([entry.message_id for entry in entries], [])


async def test_a_changed_url_is_in_force_at_once(bench: EmulatedDelivery) -> None:
    """For the next run, and in a run that lasts for its next attempt, a second later at most."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, message_id=1))
    await bench.run_visible()
    bench.tenants.change(tenant.id, {"callback_url": bench.url + "/new"})
    bench.enqueue(event_of(tenant.id, message_id=2), event_of(tenant.id, message_id=3))
    entries = bench.entries()

    async def moved_meanwhile(_: Posted) -> bytes:
        bench.tenants.change(tenant.id, {"callback_url": bench.url + "/newer"})
        bench.clock.advance(1)
        return answer(200)

    bench.receiver.respond = moved_meanwhile
    await bench.run(entries)
    assert [posted.line.split()[1] for posted in bench.receiver.posted] == ["/in", "/in/new", "/in/newer"]


async def test_a_setting_that_was_answered_holds_for_what_comes_after_it(bench: EmulatedDelivery) -> None:
    """A callback that is taken away and set again, chats that are asked for: a warm function that has just dropped decides anew."""
    tenant = bench.new_tenant(None)
    bench.enqueue(event_of(tenant.id, message_id=1))
    await bench.run_visible()
    bench.tenants.change(tenant.id, {"callback_url": bench.url, "callback_since": bench.clock.now()})
    bench.enqueue(event_of(tenant.id, message_id=2), event_of(tenant.id, chat_id=-1001, message_id=3, chat_type="channel"))
    await bench.run_visible()
    bench.tenants.change(tenant.id, {"chat_types": frozenset(ChatType)})
    bench.enqueue(event_of(tenant.id, chat_id=-1001, message_id=4, chat_type="channel"))
    await bench.run_visible()
    assert bench.texts() == ["message 2", "message 4"]
    dropped = bench.deliveries.dropped(tenant.id)
    assert dropped
    assert (dropped.count, dropped.since) == (1, bench.clock.now())


async def test_nothing_is_posted_after_a_tenants_end(bench: EmulatedDelivery) -> None:
    """Its doors are shut for a run that has begun before as well, a second later at most."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, message_id=1), event_of(tenant.id, message_id=2))
    entries = bench.entries()

    async def deleted_meanwhile(_: Posted) -> bytes:
        bench.tenants.end(tenant.id, (), bench.clock.now())
        bench.clock.advance(1)
        return answer(200)

    bench.receiver.respond = deleted_meanwhile
    failed, _ = await bench.run(entries)
    assert (failed, bench.texts()) == ([], ["message 1"])


async def test_what_comes_while_a_callback_is_disabled_is_kept_and_listed(bench: EmulatedDelivery) -> None:
    """As dead, with the reason, so that it can be replayed; once it is enabled, what comes is posted again."""
    tenant = bench.new_tenant()
    bench.receiver.script = [answer(410)]
    events = [event_of(tenant.id, message_id=number) for number in (1, 2, 3)]
    for event in events:
        bench.enqueue(event)
        _, tally = await bench.run_visible()
    assert [bench.fate(event) for event in events] == [(DeliveryStatus.DEAD, 1, "status 410"), *[(DeliveryStatus.DEAD, 0, None)] * 2]
    listed, _ = bench.deliveries.page(tenant.id, status=DeliveryStatus.DEAD)
    assert {one.event_id: one.reason for one in whole(listed)}[events[2].id] == "callback disabled"
    assert (tally.kept, tally.dropped, len(bench.receiver.posted)) == (1, 0, 1)
    assert bench.tenants.enable_callback(tenant.id)
    bench.enqueue(event_of(tenant.id, message_id=4))
    EventsQueue(bench.sqs, bench.account.events_queue_url).replay([Replay(tenant.id, events[1].id, events[1].chat, "first")])
    await bench.run_visible()
    assert bench.texts() == ["message 1", "message 4", "message 2"]


@pytest.mark.parametrize("same", [True, False])
async def test_a_late_410_does_not_stop_a_callback_that_was_set_meanwhile(bench: EmulatedDelivery, same: bool) -> None:
    """The tenant has the answer that it is enabled; the event that got the 410 goes there, too."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries = bench.entries()

    async def gone(_: Posted) -> bytes:
        if len(bench.receiver.posted) > 1:
            return OK
        bench.tenants.change(tenant.id, {"callback_url": bench.url if same else bench.url + "/new"})
        return answer(410)

    bench.receiver.respond = gone
    for _ in range(2):
        await bench.deliverer.run(entries)
    now = bench.tenants.get(tenant.id)
    assert now
    assert now.callback_disabled is None
    assert bench.fate(event_of(tenant.id)) == (DeliveryStatus.DELIVERED, 2, "status 200")


async def test_tenants_without_a_secret_are_signed_with_the_deployments(bench: EmulatedDelivery) -> None:
    """CALLBACK_SIGNING_SECRET serves where a tenant has none; where neither is set there is no signature."""
    tenant = bench.new_tenant()
    bench.tenants.change(tenant.id, {"signing_secret": None, "signing_key": None})
    secrets = bench.account.client("secretsmanager")
    secrets.create_secret(Name="avio", SecretString=json.dumps({"CALLBACK_SIGNING_SECRET": "shared secret"}))
    bench.enqueue(event_of(tenant.id, message_id=1))
    await bench.run_visible()
    secrets.put_secret_value(SecretId="avio", SecretString=json.dumps({"CALLBACK_SIGNING_SECRET": ""}))
    bench.clock.advance(10)
    bench.enqueue(event_of(tenant.id, message_id=2))
    await bench.run_visible()
    signed, unsigned = bench.receiver.posted
    assert signed.headers["x-signature"] == f"sha256={hmac_data(b'shared secret', signed.body).hex()}"
    assert {"x-signature", "webhook-signature"}.isdisjoint(unsigned.headers)


async def test_the_log_tells_of_each_event_and_nothing_of_its_content(bench: EmulatedDelivery) -> None:
    """Ids, count, time and status; no text, no address with its query, no secret."""
    tenant = bench.new_tenant(bench.url + "?token=hidden-query")
    bench.enqueue(event_of(tenant.id, text="hidden text", sender_name="Hidden Name"))
    bench.receiver.script = [answer(500)]
    await bench.run_visible()
    await bench.run(await asyncio.to_thread(bench.entries, 5))
    (line,) = bench.log.said("event delivered")
    said = {name: line[name] for name in ("event_id", "tenant_id", "attempts", "outcome")}
    assert said == {"event_id": event_of(tenant.id).id, "tenant_id": tenant.id, "attempts": 2, "outcome": "status 200"}
    assert "hidden" not in bench.log.text.lower()
    assert bench.secrets[tenant.id] not in bench.log.text


async def test_an_end_that_cannot_be_recorded_is_no_end(bench: EmulatedDelivery) -> None:
    """The event stays in the queue: nothing is lost without a trace."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id))
    entries = bench.entries()

    async def refuse_and_lose_the_table(_: Posted) -> bytes:
        await asyncio.to_thread(bench.account.client("dynamodb").delete_table, TableName=bench.account.deliveries_table_name)
        return answer(410)

    bench.receiver.respond = refuse_and_lose_the_table
    failed, tally = await bench.run(entries)
    assert (failed, tally.dead, bench.left_in_queue()) == ([entries[0].message_id], 0, 1)


async def test_an_unexpected_fault_holds_up_its_own_chat_alone(account: Account, clock: FakeClock, receiver: Receiver) -> None:
    """It is logged, and the chat comes back later; the neighbour has its event."""

    async def faulty(host: str, port: int) -> list[Address]:
        if host == "faulty.example":
            raise RuntimeError
        return await loopback(host, port)

    poster = Poster(allowed=ANYWHERE, resolve=faulty, trust=httpcore.default_ssl_context(), clock=clock)
    bench = EmulatedDelivery(account, clock, receiver, poster)
    broken, well = bench.new_tenant(f"http://faulty.example:{receiver.port}/"), bench.new_tenant()
    bench.enqueue(event_of(broken.id), event_of(well.id))
    failed, tally = await bench.run_visible()
    await poster.close()
    assert (len(failed), tally.delivered, len(receiver.posted)) == (1, 1, 1)
    assert [line["fault"] for line in bench.log.said("chat failed")] == ["RuntimeError"]


async def test_a_queue_that_does_not_answer_costs_time_and_nothing_else(bench: EmulatedDelivery) -> None:
    """What is not put back comes back by itself, what is not taken out early is by the mapping."""
    tenant = bench.new_tenant()
    bench.enqueue(event_of(tenant.id, chat_id=1), event_of(tenant.id, chat_id=2))
    entries = bench.entries()
    bench.sqs.delete_queue(QueueUrl=bench.account.events_queue_url)
    bench.receiver.script = [answer(500)]
    failed, tally = await bench.deliverer.run(entries)
    assert (len(failed), tally.delivered, tally.failed) == (1, 1, 1)


async def test_a_fault_of_the_name_or_the_certificate_is_told_and_passes(
    bench: EmulatedDelivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate expires, the name resolves to a private address for one attempt: said in words; later delivered."""
    expired, valid = certificate_for("callbacks.example", (-30, -1)), certificate_for("callbacks.example")
    trust = ssl.create_default_context(cadata=expired.certificate + valid.certificate)
    answers: list[list[Address]] = [[ip_address("127.0.0.1")], [ip_address("10.0.0.1")], [ip_address("127.0.0.1")]]
    receivers = [Receiver(), Receiver()]
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
    poster = Poster(allowed=CallbackSettings(), resolve=resolve, trust=trust, clock=bench.clock, attempt_s=PATIENT_S, dial=dial)
    world = InMemoryDelivery(bench.clock)
    tenant = world.new_tenant("https://callbacks.example/in")
    event = world.send(tenant.id, 1, 1)
    entries = entries_of(world.source.receive())
    try:
        for _ in range(3):
            await world.function(poster.post).run(entries)
    finally:
        await poster.close()
        for receiver in receivers:
            await receiver.stop()
    record = world.deliveries.get(tenant.id, event.id)
    assert record
    assert [attempt.outcome for attempt in record.attempts] == ["certificate refused", "address not allowed", "status 200"]
    assert record.status is DeliveryStatus.DELIVERED
