"""The log of a tenant's deliveries over HTTP: what it shows, and having events delivered again."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.ids import TenantId
from shared.model.tenant import Tenant
from shared.store import keys
from tests.functions.api import Api, key
from tests.support.api_deliveries import queued, recorded, with_callback
from tests.support.events import RECEIVED_AT
from tests.support.rows import SECRET, spoil


def replayed(api: Api, tenant: Tenant, status: DeliveryStatus) -> list[int]:
    """Have all of one status delivered again, by requests that take two each; return how many each of them queued."""
    log = dataclasses.replace(api.delivery_log, most=2)
    count, place = log.replay_all(tenant, status, RECEIVED_AT, None)
    counts = [count]
    while place is not None:
        count, place = log.replay_all(tenant, status, RECEIVED_AT, place)
        counts.append(count)
    return counts


async def test_deliveries_are_listed_newest_first_and_by_pages(api: Api) -> None:
    """Of all statuses, or of one; the Link header has the next page."""
    tenant = await with_callback(api)
    events = [recorded(api, tenant, status, number, minute=number) for number, status in enumerate(["dead", "parked", "dead", "delivered"])]
    every = await api.call("GET", f"/tenants/{tenant['id']}/deliveries", headers=key(tenant["key"]))
    assert [one["event_id"] for one in every.json()] == [event.id for event in reversed(events)]
    dead = await api.call("GET", f"/tenants/{tenant['id']}/deliveries?status=dead")
    assert [one["event_id"] for one in dead.json()] == [events[2].id, events[0].id]
    seen, link = [], f"/tenants/{tenant['id']}/deliveries?limit=1"
    while link:
        page = await api.call("GET", link)
        seen += [one["event_id"] for one in page.json()]
        link = page.headers.get("Link", "<>")[1:].partition(">")[0]
    assert seen == [event.id for event in reversed(events)]


async def test_a_line_says_what_became_of_the_event(api: Api) -> None:
    """In a few words, and without the message's text."""
    tenant = await with_callback(api)
    event = recorded(api, tenant, "dead", text="hello")
    answer = await api.call("GET", f"/tenants/{tenant['id']}/deliveries")
    assert answer.json() == [
        {
            "event_id": event.id,
            "callback": "first",
            "status": "dead",
            "chat": "telegram:77",
            "received_at": "2026-03-01T12:00:00Z",
            "updated_at": "2026-03-01T12:00:00Z",
            "attempts": 1,
            "last": "status 500",
            "reason": None,
        }
    ]
    assert "hello" not in answer.text


async def test_one_delivery_is_shown_with_its_attempts(api: Api) -> None:
    """What the callback answered each time, and how long it took."""
    tenant = await with_callback(api)
    event = recorded(api, tenant, "dead")
    detail = (await api.call("GET", f"/tenants/{tenant['id']}/deliveries/{event.id}", headers=key(tenant["key"]))).json()
    assert detail["status"] == "dead"
    assert detail["made"] == [{"at": "2026-03-01T12:00:00Z", "duration_ms": 12, "status": 500, "fault": None, "answer": "no room"}]


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        ("2026-03-01T12:01:00Z", 2),
        ("2026-03-01T12:01:00.000001Z", 1),
        ("2026-03-01T15:01:00%2B03:00", 2),
        ("2026-03-01t12:01:00.5z", 1),
        ("2026-03-01T12:00:60Z", 2),
        ("0001-01-01T00:00:00Z", 3),
        ("0001-01-01T00:00:00%2B23:59", 3),
        ("9999-12-31T23:59:59Z", 0),
        ("9999-12-31T23:59:59-23:59", 0),
    ],
)
async def test_the_log_can_be_read_since_a_time(api: Api, since: str, shown: int) -> None:
    """In any zone; a leap second is the end of its minute."""
    tenant = await with_callback(api)
    for number in range(3):
        recorded(api, tenant, "delivered", number, minute=number)
    answer = await api.call("GET", f"/tenants/{tenant['id']}/deliveries?since={since}")
    assert len(answer.json()) == shown


async def test_a_cursor_before_the_asked_time_is_an_empty_page(api: Api) -> None:
    """A cursor of another list is not an error."""
    tenant = await with_callback(api)
    for number in range(3):
        recorded(api, tenant, "delivered", number, minute=number)
    link = (await api.call("GET", f"/tenants/{tenant['id']}/deliveries?limit=1")).headers["Link"]
    cursor = link.partition("cursor=")[2].partition("&")[0]
    answer = await api.call("GET", f"/tenants/{tenant['id']}/deliveries?cursor={cursor}&since=2027-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    "query",
    [
        "status=gone",
        "status=",
        "since=yesterday",
        "since=2026-03-01T12:01:00",
        "since=2026-02-30T12:01:00Z",
        "since=2026-03-01",
        "since=0.5",
        "since=1772366460",
        "cursor=x",
        "cursor=%00",
        "cursor=" + "A" * 300,
        "limit=0",
        "limit=101",
    ],
)
async def test_wrong_questions_are_422(api: Api, query: str) -> None:
    """Each with its field named."""
    tenant = await with_callback(api)
    answer = await api.call("GET", f"/tenants/{tenant['id']}/deliveries?{query}")
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "query." + query.partition("=")[0])


async def test_other_tenants_deliveries_look_absent(api: Api) -> None:
    """To list, to read and to replay: by the tenant and by the event alike, and by a cursor of theirs too."""
    tenant, other = await with_callback(api), await with_callback(api)
    for number in range(2):
        theirs = recorded(api, other, "dead", number, minute=number)
    mine = f"/tenants/{tenant['id']}/deliveries"
    for path, method in (
        (f"/tenants/{other['id']}/deliveries", "GET"),
        (f"/tenants/{other['id']}/deliveries/{theirs.id}", "GET"),
        (f"/tenants/{other['id']}/deliveries/{theirs.id}/replay", "POST"),
        (f"{mine}/{theirs.id}", "GET"),
        (f"{mine}/{theirs.id}/replay", "POST"),
    ):
        assert (await api.call(method, path, headers=key(tenant["key"]))).status_code == 404
    link = (await api.call("GET", f"/tenants/{other['id']}/deliveries?limit=1")).headers["Link"]
    assert (await api.call("GET", link[1 : link.index(">")].replace(other["id"], tenant["id"]))).json() == []
    assert queued(api, tenant["id"], other["id"]) == []


async def test_an_event_is_queued_again_behind_what_waits_in_its_chat(api: Api) -> None:
    """Once, however often it is asked for before it is delivered again; and once more after that."""
    tenant = await with_callback(api)
    event = recorded(api, tenant, "dead")
    path = f"/tenants/{tenant['id']}/deliveries/{event.id}/replay"
    for _ in range(3):
        answer = await api.call("POST", path, headers=key(tenant["key"]))
        assert (answer.status_code, answer.json()) == (
            202,
            {"ok": True, "queued": 1, "next": None, "callback_state": "healthy", "next_attempt_at": None},
        )
    assert queued(api, tenant["id"]) == [(f"{tenant['id']}:telegram:77", event.id)]
    record = api.deliveries.get(TenantId(tenant["id"]), event.id)
    assert record
    again = Delivery(status=DeliveryStatus.DEAD, queued_as="replay", at=RECEIVED_AT + timedelta(seconds=1))
    api.deliveries.put(event, again)
    await api.call("POST", path)
    assert len(queued(api, tenant["id"])) == 1


async def test_what_is_still_under_way_cannot_be_replayed(api: Api) -> None:
    """Its next attempt follows within seconds."""
    tenant = await with_callback(api)
    event = recorded(api, tenant, "pending")
    answer = await api.call("POST", f"/tenants/{tenant['id']}/deliveries/{event.id}/replay")
    assert (answer.status_code, answer.json()["error"]) == (409, "delivery_under_way")


async def test_without_a_callback_nothing_is_replayed(api: Api) -> None:
    """It would be dropped: better to say so."""
    tenant = await api.new_tenant()
    event = recorded(api, tenant, "dead")
    for path, body in ((f"{event.id}/replay", None), ("replay", {"since": "2026-03-01T00:00:00Z"})):
        answer = await api.call("POST", f"/tenants/{tenant['id']}/deliveries/{path}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "no_callback_url")


async def test_all_dead_ones_since_a_time_are_queued_again_in_order(api: Api) -> None:
    """Oldest first, those of other statuses and times left alone; asked twice, queued once."""
    tenant = await with_callback(api)
    dead = [recorded(api, tenant, "dead", number, minute=number) for number in range(25)]
    recorded(api, tenant, "delivered", 100, minute=30)
    body = {"since": "2026-03-01T12:05:00Z"}
    for _ in range(2):
        answer = await api.call("POST", f"/tenants/{tenant['id']}/deliveries/replay", json=body)
        assert (answer.status_code, answer.json()) == (202, {"ok": True, "queued": 20, "next": None})
    assert [event_id for _, event_id in queued(api, tenant["id"])] == [event.id for event in dead[5:]]


async def test_of_many_the_next_request_goes_on(api: Api) -> None:
    """After the position in the answer before."""
    tenant = api.tenant((await with_callback(api))["id"])
    assert tenant
    events = [recorded(api, {"id": tenant.id}, "delivered", number, minute=number) for number in range(5)]
    assert replayed(api, tenant, DeliveryStatus.DELIVERED) == [2, 2, 1]
    assert [event_id for _, event_id in queued(api, tenant.id)] == [event.id for event in events]


@pytest.mark.parametrize(
    "body", [{}, {"since": "x"}, {"since": "2026-03-01T00:00:00Z", "status": "parked"}, {"since": "2026-03-01T00:00:00Z", "cursor": "x"}]
)
async def test_wrong_wishes_are_422(api: Api, body: dict[str, str]) -> None:
    """A time is required, and only final statuses can be replayed."""
    tenant = await with_callback(api)
    assert (await api.call("POST", f"/tenants/{tenant['id']}/deliveries/replay", json=body)).status_code == 422


async def test_a_tenant_sees_how_its_callback_is_doing(api: Api) -> None:
    """Pending, parked and dead events, since when the oldest waits, and when the callback is tried next."""
    tenant = await with_callback(api)
    for number, status in enumerate(["delivered", "parked", "parked", "pending", "dead"]):
        recorded(api, tenant, status, number, minute=number)
    for _ in range(5):
        api.callbacks.count_failures(TenantId(tenant["id"]), "x", api.clock.now(), api.clock.now() + timedelta(minutes=1))
    seen = (await api.call("GET", f"/tenants/{tenant['id']}/callback/status", headers=key(tenant["key"]))).json()
    assert {name: seen[name] for name in ("state", "pending", "parked", "dead", "failures_in_a_row")} == {
        "state": "paused",
        "pending": 1,
        "parked": 2,
        "dead": 1,
        "failures_in_a_row": 5,
    }
    assert seen["oldest_waiting"] == "2026-03-01T12:01:00Z"
    assert seen["next_attempt_at"] > seen["since"]


async def test_a_callback_that_was_never_called_is_healthy(api: Api) -> None:
    """Nothing waits."""
    tenant = await with_callback(api)
    seen = (await api.call("GET", f"/tenants/{tenant['id']}/callback/status")).json()
    assert (seen["state"], seen["pending"], seen["oldest_waiting"]) == ("healthy", 0, None)


async def test_a_record_that_makes_no_sense_is_left_out_of_lists_and_told_in_our_log(api: Api) -> None:
    """The other lines are shown, and pages continue after it; a request for that record alone is answered with an error of ours."""
    tenant = await with_callback(api)
    events = [recorded(api, tenant, "dead", number, minute=number) for number in range(4)]
    row = keys.delivery(TenantId(tenant["id"]), events[2].id)
    spoil(api.deliveries_table, row, "received_at")
    seen, link = [], f"/tenants/{tenant['id']}/deliveries?limit=1"
    while link:
        page = await api.call("GET", link)
        seen += [one["event_id"] for one in page.json()]
        link = page.headers.get("Link", "<>")[1:].partition(">")[0]
    assert seen == [event.id for event in reversed(events) if event is not events[2]]
    assert f"{row['pk']} {row['sk']}: ValidationError" in {line["fault"] for line in api.log.said("row makes no sense")}
    spoil(api.deliveries_table, row, "at")
    alone = await api.call("GET", f"/tenants/{tenant['id']}/deliveries/{events[2].id}")
    assert (alone.status_code, alone.json()["error"]) == (500, "internal_error")
    assert row["sk"] in api.log.said("request failed")[-1]["exception"]
    assert SECRET not in api.log.text + alone.text


async def test_such_a_record_is_not_replayed_and_those_behind_it_are(api: Api) -> None:
    """The next request continues after it."""
    tenant = api.tenant((await with_callback(api))["id"])
    assert tenant
    events = [recorded(api, {"id": tenant.id}, "dead", number, minute=number) for number in range(5)]
    spoil(api.deliveries_table, keys.delivery(tenant.id, events[1].id), "at")
    assert replayed(api, tenant, DeliveryStatus.DEAD) == [1, 2, 1]
    assert [event_id for _, event_id in queued(api, tenant.id)] == [event.id for event in events if event is not events[1]]


async def test_such_a_record_is_counted_in_the_callbacks_status(api: Api) -> None:
    """It is not known since when it waits."""
    tenant = await with_callback(api)
    first = recorded(api, tenant, "parked", 1)
    recorded(api, tenant, "pending", 2, minute=2)
    spoil(api.deliveries_table, keys.delivery(TenantId(tenant["id"]), first.id), "received_at")
    seen = (await api.call("GET", f"/tenants/{tenant['id']}/callback/status")).json()
    assert (seen["parked"], seen["pending"], seen["oldest_waiting"]) == (1, 1, "2026-03-01T12:02:00Z")
