"""A callback's health over HTTP, and waking a callback that was repaired."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.model.backlog import CallbackHealth
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.model.tenant import Cause, Tenant
from shared.store import keys
from shared.store.backlog import ParkedAlone
from tests.functions.api import Api, key
from tests.support.api_deliveries import attempt, queued, recorded, with_callback
from tests.support.events import RECEIVED_AT, event_of


def stored(api: Api, tenant: dict[str, Any]) -> Tenant:
    """Return a tenant's row."""
    found = api.tenant(tenant["id"])
    assert found
    return found


def paused(api: Api, tenant: dict[str, Any], number: int = 1) -> Event:
    """Have a tenant's callback paused for five minutes, with one event that waits for it."""
    event = event_of(TenantId(tenant["id"]), message_id=number)
    api.callbacks.count_failures(event.tenant_id, "x", api.clock.now(), api.clock.now() + timedelta(minutes=5), count=5)
    assert api.backlog.park([(event, Delivery(status=DeliveryStatus.PARKED, queued_as=event.id, at=RECEIVED_AT))], None, None)
    return event


def disabled(api: Api, tenant: dict[str, Any], cause: Cause = Cause.GONE) -> None:
    """Have a tenant's callback disabled."""
    assert api.tenants.disable_callback(stored(api, tenant), cause, "It answered 410.", api.clock.now())


def iso(at: datetime) -> str:
    """Return a time as the API writes it."""
    return at.isoformat().replace("+00:00", "Z")


def mine(api: Api, tenant: dict[str, Any]) -> list[str]:
    """Return the events of a tenant that are in the queue, and take all out of it."""
    return [event_id for _, event_id in queued(api, tenant["id"])]


async def status_of(api: Api, tenant: dict[str, Any]) -> dict[str, Any]:
    """Return a callback's status from the API."""
    found: dict[str, Any] = (await api.call("GET", f"/tenants/{tenant['id']}/callback/status", headers=key(tenant["key"]))).json()
    return found


async def retried(api: Api, tenant: dict[str, Any]) -> Any:
    """POST to the retry route."""
    return await api.call("POST", f"/tenants/{tenant['id']}/callback/retry", headers=key(tenant["key"]))


async def test_a_disabled_callback_says_so_and_why_and_since_when(api: Api) -> None:
    """In its status and in the tenant; it is never shown as healthy."""
    tenant = await with_callback(api)
    disabled(api, tenant, Cause.NO_SUCCESS)
    seen = await status_of(api, tenant)
    said = {name: seen[name] for name in ("state", "disabled_cause", "disabled_reason", "since", "next_attempt_at")}
    assert said == {
        "state": "disabled",
        "disabled_cause": "no_success",
        "disabled_reason": "It answered 410.",
        "since": iso(api.clock.now()),
        "next_attempt_at": None,
    }
    shown = (await api.call("GET", f"/tenants/{tenant['id']}")).json()
    assert (shown["callback_disabled"], shown["callback_disabled_at"]) == ("It answered 410.", iso(api.clock.now()))


async def test_rows_of_the_version_before_are_read(api: Api) -> None:
    """A tenant whose row has only a reason in words, and a callback in each of the stored states."""
    tenant = await with_callback(api)
    words = {":reason": "The endpoint answered 410 Gone. Set callback_url again to start deliveries."}
    api.table.update(keys.tenant(TenantId(tenant["id"])), "SET callback_disabled = :reason REMOVE callback_revision", words)
    seen = await status_of(api, tenant)
    assert (seen["state"], seen["disabled_cause"], seen["since"]) == ("disabled", "gone", None)
    assert (await retried(api, tenant)).json()["state"] == "healthy"
    states = {}
    for state in CallbackHealth:
        row = {**keys.callback_state(TenantId(tenant["id"])), "state": state.value, "failures": 5, "seq": 1}
        api.deliveries_table.put({**row, "due_at": "2026-03-01T12:00:30.000000+00:00", "due_shard": "DUE#0", "probes": 0})
        seen = await status_of(api, tenant)
        states[state.value] = (seen["state"], seen["next_attempt_at"])
    assert states == {"open": ("healthy", None), "parked": ("paused", "2026-03-01T12:00:30Z"), "draining": ("recovering", None)}


async def test_without_a_callback_the_status_says_how_much_was_dropped(api: Api) -> None:
    """The state is not healthy, and the number of dropped events is shown."""
    tenant = await api.new_tenant()
    first = api.clock.now()
    api.deliveries.count_dropped(TenantId(tenant["id"]), 2, first)
    api.clock.advance(60)
    api.deliveries.count_dropped(TenantId(tenant["id"]), 3, api.clock.now())
    seen = await status_of(api, tenant)
    assert seen["state"] == "not_set"
    assert seen["dropped"] == {"count": 5, "since": iso(first), "last_at": iso(api.clock.now())}


async def test_a_paused_callback_is_tried_now(api: Api) -> None:
    """The sweeper is started, and the callback is due."""
    tenant = await with_callback(api)
    paused(api, tenant)
    asked = len(api.asked.asked)
    answer = await retried(api, tenant)
    assert (answer.status_code, answer.json()["state"], answer.json()["next_attempt_at"]) == (202, "paused", iso(api.clock.now()))
    assert [name for name, _ in api.asked.asked[asked:]] == ["delivery", "sweeper"]
    shard = keys.due_shard(TenantId(tenant["id"]))
    assert [due.tenant_id for due in api.backlog.due(shard, api.clock.now(), 100)].count(TenantId(tenant["id"])) == 1


async def test_a_callback_that_is_being_tried_is_tried_again_after_that(api: Api) -> None:
    """The run that has the lease gives it back due now, not in 15 minutes."""
    tenant = await with_callback(api)
    paused(api, tenant)
    api.clock.advance(300)
    now, tenant_id = api.clock.now(), TenantId(tenant["id"])
    assert api.callbacks.lease(tenant_id, "me", now, now + timedelta(seconds=90))
    answer = await retried(api, tenant)
    assert (answer.status_code, answer.json()["next_attempt_at"]) == (202, None)
    assert api.callbacks.reschedule(tenant_id, "me", now + timedelta(minutes=15), 7, now)
    assert (await status_of(api, tenant))["next_attempt_at"] == iso(now)


@pytest.mark.parametrize("cause", list(Cause))
async def test_a_disabled_callback_is_enabled_by_a_retry(api: Api, cause: Cause) -> None:
    """Its five days begin now, for what may still be parked."""
    tenant = await with_callback(api)
    paused(api, tenant)
    disabled(api, tenant, cause)
    api.clock.advance(3600)
    assert (await retried(api, tenant)).status_code == 202
    seen = await status_of(api, tenant)
    assert (seen["state"], seen["since"], seen["disabled_cause"]) == ("paused", iso(api.clock.now()), None)


async def test_a_test_that_succeeds_wakes_a_callback(api: Api) -> None:
    """A disabled callback, or a paused one; a test that fails wakes nothing."""
    tenant = await with_callback(api)
    disabled(api, tenant)
    path = f"/tenants/{tenant['id']}/callback/test"
    api.asked.answer = attempt(status=410)
    assert (await api.call("POST", path)).status_code == 400
    assert (await status_of(api, tenant))["state"] == "disabled"
    api.asked.answer = attempt(status=200)
    assert (await api.call("POST", path)).json()["woken"] is True
    assert (await status_of(api, tenant))["state"] == "healthy"
    paused(api, tenant)
    assert (await api.call("POST", path)).json()["woken"] is True
    assert (await status_of(api, tenant))["next_attempt_at"] == iso(api.clock.now())


async def test_what_is_well_is_not_woken(api: Api) -> None:
    """A healthy callback and a missing one are different errors."""
    well, none = await with_callback(api), await api.new_tenant()
    asked = len(api.asked.asked)
    answers = [await retried(api, tenant) for tenant in (well, none)]
    assert [(one.status_code, one.json()["error"]) for one in answers] == [(409, "callback_healthy"), (400, "no_callback_url")]
    assert [name for name, _ in api.asked.asked[asked:]] == ["delivery"]


async def test_a_chat_that_waits_alone_is_tried_now(api: Api) -> None:
    """Its callback accepts other chats' events, and is healthy."""
    tenant = await with_callback(api)
    event = event_of(TenantId(tenant["id"]))
    now = api.clock.now()
    api.backlog.park(
        [(event, Delivery(status=DeliveryStatus.PARKED, queued_as=event.id, at=now))], None, ParkedAlone(now + timedelta(hours=1), now)
    )
    assert (await retried(api, tenant)).status_code == 202
    (chat,) = api.backlog.chats(event.tenant_id)
    assert getattr(chat, "due_at", None) == now


async def test_a_replay_of_a_parked_event_tries_its_callback_now(api: Api) -> None:
    """It waits in the backlog already: nothing is queued, and the answer says when it is tried."""
    tenant = await with_callback(api)
    event = paused(api, tenant)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/deliveries/{event.id}/replay", headers=key(tenant["key"]))
    said = {"queued": 0, "callback_state": "paused", "next_attempt_at": iso(api.clock.now())}
    assert (answer.status_code, {name: answer.json()[name] for name in said}) == (202, said)
    assert mine(api, tenant) == []


async def test_a_replay_while_the_callback_is_paused_says_when_it_is_tried(api: Api) -> None:
    """It waits behind what is parked in its chat."""
    tenant = await with_callback(api)
    paused(api, tenant)
    event = recorded(api, tenant, "dead", 2)
    answer = (await api.call("POST", f"/tenants/{tenant['id']}/deliveries/{event.id}/replay")).json()
    assert (answer["queued"], answer["callback_state"], answer["next_attempt_at"]) == (
        1,
        "paused",
        iso(api.clock.now() + timedelta(minutes=5)),
    )
    assert mine(api, tenant) == [event.id]


async def test_a_replay_while_the_callback_is_disabled_says_what_to_do(api: Api) -> None:
    """Nothing would be posted."""
    tenant = await with_callback(api)
    event = recorded(api, tenant, "dead")
    disabled(api, tenant)
    for path, body in ((f"{event.id}/replay", None), ("replay", {"since": "2026-03-01T00:00:00Z"})):
        answer = await api.call("POST", f"/tenants/{tenant['id']}/deliveries/{path}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (409, "callback_disabled")
    assert mine(api, tenant) == []


async def test_a_replay_asked_for_ten_times_at_once_is_made_once(api: Api) -> None:
    """Under the same id; each request is answered with 202."""
    tenant = await with_callback(api)
    event = recorded(api, tenant, "delivered")
    path = f"/tenants/{tenant['id']}/deliveries/{event.id}/replay"
    answers = await asyncio.gather(*(api.call("POST", path, headers=key(tenant["key"])) for _ in range(10)))
    assert {(one.status_code, one.json()["queued"]) for one in answers} == {(202, 1)}
    assert mine(api, tenant) == [event.id]


async def test_pages_skip_nothing_and_show_nothing_twice_while_events_come_and_change(api: Api) -> None:
    """An event that is there all the time is on exactly one page; others come and expire between pages."""
    tenant = await with_callback(api)
    tenant_id = TenantId(tenant["id"])
    events = [recorded(api, tenant, ("dead", "delivered", "parked")[number % 3], number, minute=number) for number in range(12)]
    stay, forgotten = events[::2], events[1::2]
    seen, link = [], f"/tenants/{tenant['id']}/deliveries?limit=2"
    while link:
        page = await api.call("GET", link)
        seen += [one["event_id"] for one in page.json()]
        link = page.headers.get("Link", "<>")[1:].partition(">")[0]
        recorded(api, tenant, "delivered", 100 + len(seen), minute=100 + len(seen))
        if forgotten:
            api.deliveries_table.delete(keys.delivery(tenant_id, forgotten.pop().id))
    assert [one for one in seen if one in {event.id for event in stay}] == [event.id for event in reversed(stay)]
    assert len(seen) == len(set(seen))
