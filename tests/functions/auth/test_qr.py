"""Logging in by QR code over HTTP, with a worker that answers as told and codes as an owner stores them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from functions.auth import qr_routes
from functions.auth.qr_login import NOTED_EVERY, TAKEOVER
from functions.http.base_url import BaseUrl
from shared.model.account import AccountState
from shared.model.ids import Channel, TenantId
from shared.model.qr_code import LASTS
from shared.store.qr_codes import QrCodeStore
from tests.functions.api import ADMIN, PUBLIC_KEY, Api, key
from tests.functions.auth.qr_scenario import GOOD_FOR, LINK, issued, json_time, show
from tests.support.qr_codes import read_png, read_svg
from tests.support.stand_in_owner import StandInOwner


@contextlib.contextmanager
def requests_to(api: Api) -> Iterator[list[str]]:
    """Note the requests to DynamoDB."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    events = api.table.client.meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield made
    finally:
        events.unregister("before-call.dynamodb", note)


async def test_start_answers_the_owners_code(api: Api, owner: StandInOwner) -> None:
    """With addresses of its images, where the request came to."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: issued(api)
    answer = await api.call("POST", f"/tenants/{tenant['number']}/auth/qr")
    base = f"http://api.example/tenants/{tenant['id']}/auth/qr"
    assert answer.status_code == 200
    assert answer.json() == {
        "state": "need_qr",
        "reason": "scan_wanted",
        "next_step": answer.json()["next_step"],
        "authorized": False,
        "needs_2fa": False,
        "qr_id": "first",
        "link": LINK,
        "qr_url": f"{base}.png?qr_id=first",
        "svg_url": f"{base}.svg?qr_id=first",
        "expires_at": json_time(api.clock.now() + GOOD_FOR),
        "ends_at": json_time(api.clock.now() + LASTS),
        "codes_issued": 1,
    }
    assert owner.asked == [("v3/auth/qr", {"tenant": tenant["id"], "channel": "telegram"})]


async def test_start_says_what_there_is_in_the_place_of_a_code(api: Api, owner: StandInOwner) -> None:
    """A password that is missing, an account that is logged in."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: {"state": "need_2fa"}
    answer = (await api.call("POST", f"/tenants/{tenant['id']}/auth/qr")).json()
    assert (answer["state"], answer["needs_2fa"], answer["qr_id"], answer["qr_url"]) == ("need_2fa", True, None, None)
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    refused = await api.call("POST", f"/tenants/{tenant['id']}/auth/qr")
    assert (refused.status_code, refused.json()["error"], len(owner.asked)) == (409, "already_authorized", 1)


async def test_a_status_is_one_read_and_asks_nobody(api: Api, owner: StandInOwner) -> None:
    """By the tenant's key and by its number; that somebody asks is noted once in a while."""
    tenant = await api.new_tenant()
    expires_at = show(api, tenant, owner)
    address = f"/tenants/{tenant['id']}/auth/qr"
    await api.call("GET", f"/pub/tg/status?tenant={tenant['number']}&k={PUBLIC_KEY}", headers={})  # the number is known for a minute
    for path, headers in ((address, key(tenant["key"])), (f"/pub/tg/status?tenant={tenant['number']}&k={PUBLIC_KEY}", {})):
        with requests_to(api) as made:
            answer = await api.call("GET", path, headers=headers)
            api.sources.key_use.settle()  # the use of a key is noted beside the request
        assert (answer.json()["qr_id"], answer.json()["expires_at"]) == ("first", json_time(expires_at))
        assert [name for name in made if name != "UpdateItem"] == ["BatchGetItem"]
        assert path == address or made == ["BatchGetItem"]
    api.clock.advance(NOTED_EVERY.total_seconds())
    await api.call("GET", "/tenants?limit=1")  # the digests of the tokens are read again once a minute
    for expected in (["BatchGetItem", "UpdateItem"], ["BatchGetItem"]):
        with requests_to(api) as made:
            await api.call("GET", address)
        assert made == expected
    stored = QrCodeStore(api.table).get(TenantId(tenant["id"]), Channel.TELEGRAM)
    assert stored
    assert stored.asked_at == api.clock.now()
    assert owner.asked == []


async def test_the_images_say_what_the_link_says(api: Api, owner: StandInOwner) -> None:
    """To a reader of QR codes; they are never kept; and only who manages gets them."""
    tenant = await api.new_tenant()
    show(api, tenant, owner)
    reading = (await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": ["read"]})).json()["key"]
    for name, kind, read in (("qr.png", "image/png", read_png), ("qr.svg", "image/svg+xml", read_svg)):
        for query in ("", "?qr_id=first"):
            answer = await api.call("GET", f"/tenants/{tenant['id']}/auth/{name}{query}")
            assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, kind, "no-store")
            assert read(answer.content) == LINK
        assert (await api.call("GET", f"/tenants/{tenant['id']}/auth/{name}", headers=key(reading))).status_code == 403


async def test_a_code_that_is_not_to_be_scanned_any_more_has_no_image(api: Api, owner: StandInOwner) -> None:
    """410 for one of before and for one that has expired, 404 for one that never was."""
    tenant = await api.new_tenant()

    async def refused(qr_id: str) -> tuple[int, str]:
        answer = await api.call("GET", f"/tenants/{tenant['id']}/auth/qr.png?qr_id={qr_id}")
        return answer.status_code, answer.json()["error"]

    assert await refused("first") == (404, "qr_not_found")
    show(api, tenant, owner)
    show(api, tenant, owner, "second", before="first")
    assert [await refused(qr_id) for qr_id in ("first", "third")] == [(410, "qr_expired"), (404, "qr_not_found")]
    api.clock.advance(GOOD_FOR.total_seconds())
    assert await refused("second") == (410, "qr_expired")
    api.put_account(tenant["id"], AccountState.NEED_QR, owner.worker, last_error="telegram_unavailable")
    assert await refused("second") == (503, "telegram_unavailable")
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    assert await refused("second") == (410, "qr_expired")


async def test_a_log_in_whose_owner_is_gone_does_not_hang(api: Api, owner: StandInOwner) -> None:
    """A minute after its code's end it has failed, whatever the row says; at Telegram's out of reach it waits until the log-in's end."""
    tenant = await api.new_tenant()
    show(api, tenant, owner)

    async def seen() -> tuple[str, str, str | None]:
        found = (await api.call("GET", f"/tenants/{tenant['id']}/auth/qr")).json()
        return found["state"], found["reason"], found["qr_id"]

    assert await seen() == ("need_qr", "scan_wanted", "first")
    api.clock.advance(GOOD_FOR.total_seconds())
    assert await seen() == ("need_qr", "scan_wanted", None)
    api.clock.advance(TAKEOVER.total_seconds() + 1)
    assert await seen() == ("failed", "qr_expired", None)
    api.put_account(tenant["id"], AccountState.NEED_QR, owner.worker, last_error="telegram_unavailable")
    assert await seen() == ("need_qr", "scan_wanted", None)
    api.clock.advance(LASTS.total_seconds())
    assert await seen() == ("failed", "qr_expired", None)


async def test_the_password_alone_completes_a_scan(api: Api, owner: StandInOwner) -> None:
    """In the state `need_2fa` and no other; a code needs its phone."""
    tenant = await api.new_tenant()
    address = f"/tenants/{tenant['id']}/auth/verify"
    early = await api.call("POST", address, json={"password": "p w"})
    assert (early.status_code, early.json()["error"], owner.asked) == (409, "not_waiting_2fa", [])
    api.put_account(tenant["id"], AccountState.NEED_2FA, owner.worker)
    owner.respond = lambda command, body: {"state": "authorized"}
    assert (await api.call("POST", address, json={"password": "p w"})).json() == {"authorized": True, "state": "authorized"}
    assert owner.asked == [("v3/auth/password", {"tenant": tenant["id"], "channel": "telegram", "password": "p w"})]
    lone = await api.call("POST", address, json={"code": "12345", "password": "p w"})
    assert (lone.status_code, lone.json()["fields"][0]["field"]) == (422, "body.phone")


async def test_links_lead_to_the_address_that_is_configured(api: Api, owner: StandInOwner) -> None:
    """APP_BASE_URL, with or without a slash at its end."""
    tenant = await api.new_tenant()
    show(api, tenant, owner)
    other = api.serving(api.composed([qr_routes.router], api.dependencies.replacing(BaseUrl("https://api.avio.website/"))))
    found = (await other.call("GET", f"/tenants/{tenant['id']}/auth/qr", headers=ADMIN)).json()
    assert found["qr_url"] == f"https://api.avio.website/tenants/{tenant['id']}/auth/qr.png?qr_id=first"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_reading_keys_cannot_log_in(api: Api, method: str) -> None:
    """A code opens whatever account scans it."""
    tenant = await api.new_tenant()
    reading = (await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": ["read", "send"]})).json()["key"]
    answer = await api.call(method, f"/tenants/{tenant['id']}/auth/qr", headers=key(reading))
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
