"""A request with an Idempotency-Key acts once (G7): over HTTP, with a worker that answers as told."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from shared.model.account import AccountState
from shared.model.ids import TenantId
from shared.store import keys
from tests.functions.api import Api, key
from tests.functions.sends import SENT, limit_to, logged_in, remaining, send
from tests.support.stand_in_owner import StandInOwner

REPLAYED = "Idempotency-Replayed"


def random_ids(owner: StandInOwner) -> list[int]:
    return [body["random_id"] for _, body in owner.asked]


async def test_a_repeat_gets_the_first_answer(api: Api, owner: StandInOwner) -> None:
    """For 24 hours, byte for byte, without asking the owner or counting for the limit; then the key is new again."""
    tenant = await logged_in(api, owner)
    first = await send(api, tenant, "order-1")
    owner.respond = lambda command, body: {**SENT, "message_id": 6}
    api.clock.advance(24 * 3600 - 1)
    again = await send(api, tenant, "order-1")
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert (REPLAYED in first.headers, again.headers[REPLAYED], len(owner.asked), remaining(again)) == (False, "true", 1, 10)
    api.clock.advance(2)
    later = await send(api, tenant, "order-1")
    assert (later.json()["message_id"], REPLAYED in later.headers) == (6, False)
    assert len(set(random_ids(owner))) == 2


async def test_a_replay_needs_neither_the_account_nor_the_limit(api: Api, owner: StandInOwner) -> None:
    """The first answer is a fact, whatever has come since."""
    tenant = await logged_in(api, owner)
    await limit_to(api, tenant, 1)
    first = await send(api, tenant, "order-1")
    assert (await send(api, tenant)).status_code == 429
    api.put_account(tenant["id"], AccountState.LOGGED_OUT, owner.worker)
    assert (await send(api, tenant, "order-1")).content == first.content


async def test_a_scheduled_send_is_replayed_after_its_time(api: Api, owner: StandInOwner) -> None:
    """What a new request would be refused for does not matter: it was done. A new request counts for nothing."""
    tenant = await logged_in(api, owner)
    at = (api.clock.now() + timedelta(minutes=5)).isoformat()
    first = await send(api, tenant, "k", schedule_at=at)
    api.clock.advance(600)
    again = await send(api, tenant, "k", schedule_at=at)
    assert (again.status_code, again.json(), again.headers[REPLAYED]) == (200, first.json(), "true")
    new = await send(api, tenant, "other", schedule_at=at)
    assert (new.status_code, new.json()["error"]) == (400, "schedule_refused")
    assert "r=10" in new.headers["RateLimit"]
    assert len(owner.asked) == 1


async def test_a_definite_refusal_is_replayed(api: Api, owner: StandInOwner) -> None:
    """With its fields."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: {"error": "write_forbidden", "detail": "no", "telegram_error": "CHAT_WRITE_FORBIDDEN"}
    first, again = await send(api, tenant, "k"), await send(api, tenant, "k")
    assert (first.status_code, len(owner.asked), again.headers[REPLAYED]) == (403, 1, "true")
    assert {**again.json(), "request_id": ""} == {**first.json(), "request_id": ""}


@pytest.mark.parametrize(
    ("code", "same"),
    [
        *((code, False) for code in ("not_authorized", "flood_wait", "slow_mode", "paid_message", "peer_flood", "not_supported")),
        *((code, True) for code in ("telegram_unavailable", "outcome_unknown", "telegram_error", "internal_error")),
    ],
)
async def test_what_is_not_definite_may_be_tried_again(api: Api, owner: StandInOwner, code: str, same: bool) -> None:
    """At once, and where it may have been done with the same random id."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: {"error": code}
    assert (await send(api, tenant, "k")).json()["error"] == code
    owner.respond = lambda command, body: SENT
    answer = await send(api, tenant, "k")
    assert (answer.status_code, REPLAYED in answer.headers) == (200, False)
    assert (len(set(random_ids(owner))) == 1) is same


async def test_only_where_it_may_have_been_done_the_owner_hears_when_that_began(api: Api, owner: StandInOwner) -> None:
    """So a first request needs nothing of the listener that earlier versions lack."""
    tenant = await logged_in(api, owner)
    for refusal in ("telegram_unavailable", "outcome_unknown", "telegram_unavailable", "flood_wait"):
        owner.respond = lambda command, body, refusal=refusal: {"error": refusal}  # type: ignore[misc]
        await send(api, tenant, "k")
        api.clock.advance(60)
    began = api.clock.now().timestamp() - 3 * 60
    owner.respond = lambda command, body: SENT
    assert (await send(api, tenant, "k")).status_code == 200
    assert [command for command, _ in owner.asked] == ["send", "send", *["v2/send"] * 3]
    told = [body["began_at"] for command, body in owner.asked if command == "v2/send"]
    assert len(set(told)) == 1
    assert began == pytest.approx(__import__("datetime").datetime.fromisoformat(told[0]).timestamp())
    assert len(set(random_ids(owner))) == 1


async def test_an_open_outcome_is_not_tried_again_after_ten_minutes(api: Api, owner: StandInOwner) -> None:
    """Telegram may have forgotten the random id by then; the key says so until it expires. Where nothing was done there is no such end."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: {"error": "outcome_unknown"}
    await send(api, tenant, "open")
    owner.respond = lambda command, body: {"error": "telegram_unavailable"}
    await send(api, tenant, "free")
    owner.respond = lambda command, body: SENT
    api.clock.advance(601)
    unknown = await send(api, tenant, "open")
    assert (unknown.status_code, unknown.json()["error"], len(owner.asked)) == (504, "outcome_unknown", 2)
    assert (await send(api, tenant, "free")).status_code == 200


async def test_another_request_under_the_same_key_is_refused(api: Api, owner: StandInOwner) -> None:
    """Order, blanks and the tenant's spelling make no other request; nor does another tenant or route share the key."""
    tenant, other = await logged_in(api, owner), await logged_in(api, owner)
    await send(api, tenant, "k")
    reused = await send(api, tenant, "k", text="y")
    assert (reused.status_code, reused.json()["error"]) == (422, "idempotency_key_reused")
    headers = {**key(tenant["key"]), "Idempotency-Key": "k", "Content-Type": "application/json"}
    path = f"/tenants/{tenant['number']}/messages/send"
    same = await api.call("POST", path, headers=headers, content=b' {"text" : "x",\n "peer":"\\u006de"}')
    assert same.headers[REPLAYED] == "true"
    assert REPLAYED not in (await send(api, other, "k", text="z")).headers


async def test_a_repeat_while_the_first_runs_is_told_to_wait(api: Api, owner: StandInOwner) -> None:
    """409, under the lease; then it gets the answer."""
    tenant, asked, go = await logged_in(api, owner), threading.Event(), threading.Event()

    def respond(command: str, body: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        assert go.wait(60)
        return SENT

    owner.respond = respond
    first = asyncio.create_task(send(api, tenant, "k"))
    assert await asyncio.to_thread(asked.wait, 60)
    api.clock.advance(5)
    second = await send(api, tenant, "k")
    assert (second.status_code, second.json()["error"], second.json()["retry_after_seconds"]) == (409, "request_in_progress", 55)
    go.set()
    assert (await first).status_code == 200
    assert (await send(api, tenant, "k")).headers[REPLAYED] == "true"
    assert len(owner.asked) == 1


async def test_of_requests_at_once_one_acts(api: Api, owner: StandInOwner) -> None:
    """The others wait or get its answer, and count for nothing."""
    tenant = await logged_in(api, owner)
    answers = await asyncio.gather(*(send(api, tenant, "k") for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(owner.asked) == 1
    assert remaining(await send(api, tenant, "another")) == 8


async def test_a_run_that_was_taken_over_changes_nothing(api: Api, owner: StandInOwner) -> None:
    """It hangs beyond its lease, another run finishes: the answer that is kept is that one's."""
    tenant, asked, go = await logged_in(api, owner), threading.Event(), threading.Event()

    def hang(command: str, body: dict[str, Any]) -> dict[str, Any]:
        owner.respond = lambda command, body: SENT
        asked.set()
        assert go.wait(60)
        return {"error": "flood_wait"}

    owner.respond = hang
    first = asyncio.create_task(send(api, tenant, "k"))
    assert await asyncio.to_thread(asked.wait, 60)
    api.clock.advance(61)
    second = await send(api, tenant, "k")
    go.set()
    assert ((await first).status_code, second.status_code) == (429, 200)
    third = await send(api, tenant, "k")
    assert (third.headers[REPLAYED], third.content) == ("true", second.content)
    assert len(set(random_ids(owner))) == 1


@pytest.mark.parametrize("value", ["", " ", "a b", "x" * 256, "ключ", "\u00e9"])
async def test_a_key_of_another_form_is_refused_in_words(api: Api, owner: StandInOwner, value: str) -> None:
    """Before anything is done."""
    tenant = await logged_in(api, owner)
    headers = {**{name.encode(): text.encode() for name, text in key(tenant["key"]).items()}, b"Idempotency-Key": value.encode()}
    body = {"peer": "me", "text": "x"}
    refused = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", headers=headers, json=body)  # type: ignore[arg-type]
    assert (refused.status_code, owner.asked) == (422, [])
    assert "visible ASCII" in refused.json()["detail"]


async def test_longest_keys_are_taken_and_two_at_once_are_not(api: Api, owner: StandInOwner) -> None:
    """Which of the two is meant nobody knows."""
    tenant = await logged_in(api, owner)
    assert (await send(api, tenant, "~" * 255)).status_code == 200
    headers = [*key(tenant["key"]).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    body = {"peer": "me", "text": "x"}
    twice = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", headers=headers, json=body)  # type: ignore[arg-type]
    assert (twice.status_code, len(owner.asked)) == (422, 1)


async def test_a_record_holds_no_content_and_goes_with_the_tenant(api: Api, owner: StandInOwner) -> None:
    """Ids and digests alone; erased with the tenant, and by its TTL."""
    tenant = await logged_in(api, owner)
    await send(api, tenant, "order-of-anna", text="a secret text")
    tenant_id = TenantId(tenant["id"])
    record = api.table.get(keys.once(tenant_id, "POST /tenants/{tenant}/messages/send", "order-of-anna"))
    assert record is not None
    assert "secret" not in str(record)
    assert "anna" not in str(record)
    assert record["expires_at"] == int(api.clock.now().timestamp()) + 24 * 3600
    api.put_account(tenant["id"], AccountState.LOGGED_OUT, epoch=0)
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}")).status_code == 202
    assert [*api.table.query("pk = :pk", {":pk": f"T#{tenant_id}"})] == []
