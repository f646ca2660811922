"""The public routes and their keys: what a front end may do, and what it sees."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.auth.public_notices import DEPRECATED, NO_PUBLIC_KEY
from functions.http.public_throttle import ACTS, POLLS
from local.emulator import Emulator
from local.emulator_account import open_account
from local.stand_in_template import template
from shared.model.account import AccountState
from shared.model.ids import TenantId
from tests.functions.api import ADMIN, ORIGIN, PUBLIC_KEY, Api, key
from tests.functions.auth.qr_scenario import GOOD_FOR, LINK, issued, show
from tests.support.qr_codes import read_png
from tests.support.stand_in_owner import StandInOwner

ROUTES = ("start", "status", "qr.png")


async def get(api: Api, name: str, tenant: Any, k: str | None = PUBLIC_KEY, **query: str) -> Any:
    """Call a public route as a browser does."""
    params = {"tenant": tenant, **({} if k is None else {"k": k}), **query}
    return await api.call("GET", f"/pub/tg/{name}", headers={}, params=params)


async def public_key_of(api: Api, tenant: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make a public key of a tenant."""
    answer = await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": [], "public": True, "name": "page", **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_the_seeds_commands_do_what_it_says(api: Api, owner: StandInOwner) -> None:
    """Start, status, image, password, by number: letter by letter."""
    tenant = await api.new_tenant()
    number = tenant["number"]
    owner.respond = lambda command, body: issued(api)
    begun = (await get(api, "start", number)).json()
    assert (set(begun), begun["qr_id"], begun["state"]) == ({"qr_id", "expires_at", "state", "qr_url"}, "first", "need_qr")
    address = urlsplit(begun["qr_url"])
    assert (address.path, parse_qs(address.query)) == (
        "/pub/tg/qr.png",
        {"tenant": [str(number)], "qr_id": ["first"], "k": [PUBLIC_KEY]},
    )
    show(api, tenant, owner)
    status = (await get(api, "status", number)).json()
    assert (status["state"], status["authorized"], status["needs_2fa"], status["qr_id"]) == ("need_qr", False, False, "first")
    assert status["qr_url"] == begun["qr_url"]
    assert (status["codes_issued"], status["expires_in_seconds"], status["ends_in_seconds"]) == (1, 30, 300)
    image = await api.call("GET", f"{address.path}?{address.query}", headers={})
    assert (image.status_code, image.headers["content-type"], read_png(image.content)) == (200, "image/png", LINK)
    api.put_account(tenant["id"], AccountState.NEED_2FA, owner.worker)
    waiting = (await get(api, "status", number)).json()
    assert (waiting["state"], waiting["needs_2fa"], waiting["qr_id"]) == ("need_2fa", True, None)
    owner.respond = lambda command, body: {"state": "authorized"}
    done = await api.call("POST", f"/pub/tg/2fa?k={PUBLIC_KEY}", headers={}, json={"tenant": number, "password": "2fa"})
    assert (done.status_code, done.json()) == (200, {"ok": True, "state": "authorized", "authorized": True})
    assert owner.asked[-1] == ("v3/auth/password", {"tenant": tenant["id"], "channel": "telegram", "password": "2fa"})


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        (None, "failed"),
        (AccountState.NEW, "failed"),
        (AccountState.FAILED, "failed"),
        (AccountState.LOGGED_OUT, "failed"),
        (AccountState.CODE_SENT, "failed"),
        (AccountState.NEED_2FA, "need_2fa"),
        (AccountState.AUTHORIZED, "authorized"),
        (AccountState.RESTRICTED, "authorized"),
    ],
)
async def test_a_stage_is_one_of_four(api: Api, state: AccountState | None, stage: str) -> None:
    """`failed` where only a start helps; the reason says more."""
    tenant = await api.new_tenant()
    if state:
        api.put_account(tenant["id"], state)
    found = (await get(api, "status", tenant["number"])).json()
    assert (found["state"], found["authorized"]) == (stage, stage == "authorized")
    assert found["reason"]


@pytest.mark.parametrize(
    ("asked", "error", "status"),
    [
        ("already_authorized", "already_authorized", 409),
        ("telegram_unavailable", "tg_unavailable", 502),
        ("proxy_failed", "tg_unavailable", 502),
        ("telegram_error", "tg_unavailable", 502),
        ("not_supported", "tg_unavailable", 502),
        ("qr_expired", "qr_expired", 502),
        ("flood_wait", "flood_wait", 429),
    ],
)
async def test_what_start_is_refused_with(api: Api, owner: StandInOwner, asked: str, error: str, status: int) -> None:
    """In the seed's words."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: {"error": asked, "detail": "d"}
    answer = await get(api, "start", tenant["number"])
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_code_that_expired_on_its_way_is_502_qr_expired(api: Api, owner: StandInOwner) -> None:
    """A start whose answer is worth nothing."""
    tenant = await api.new_tenant()
    late = issued(api)
    api.clock.advance(GOOD_FOR.total_seconds())
    owner.respond = lambda command, body: late
    answer = await get(api, "start", tenant["number"])
    assert (answer.status_code, answer.json()["error"]) == (502, "qr_expired")


async def test_without_a_worker_telegram_is_unavailable(api: Api) -> None:
    """Nobody could show a code."""
    tenant = await api.new_tenant()
    answer = await get(api, "start", tenant["number"])
    assert (answer.status_code, answer.json()["error"]) == (502, "tg_unavailable")


async def test_an_account_that_cannot_reach_telegram_says_so(api: Api, owner: StandInOwner) -> None:
    """Status and image are 502 once the code has expired and cannot be renewed."""
    tenant = await api.new_tenant()
    show(api, tenant, owner, last_error="telegram_unavailable")
    assert (await get(api, "status", tenant["number"])).status_code == 200
    api.clock.advance(GOOD_FOR.total_seconds())
    for name, query in (("status", {}), ("qr.png", {"qr_id": "first"})):
        answer = await get(api, name, tenant["number"], **query)
        assert (answer.status_code, answer.json()["error"]) == (502, "tg_unavailable")


@pytest.mark.parametrize(
    ("asked", "error", "status"),
    [("bad_password", "bad_password", 401), ("not_waiting_2fa", "not_waiting_2fa", 409), ("telegram_unavailable", "tg_unavailable", 502)],
)
async def test_what_a_password_is_refused_with(api: Api, owner: StandInOwner, asked: str, error: str, status: int) -> None:
    """In the seed's words, too."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.NEED_2FA, owner.worker)
    owner.respond = lambda command, body: {"error": asked, "detail": "d"}
    body = {"tenant": tenant["id"], "password": "x"}
    answer = await api.call("POST", f"/pub/tg/2fa?k={PUBLIC_KEY}", headers={}, json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_password_that_nobody_waits_for_is_409(api: Api, owner: StandInOwner) -> None:
    """Nobody is asked."""
    tenant = await api.new_tenant()
    answer = await api.call("POST", f"/pub/tg/2fa?k={PUBLIC_KEY}", headers={}, json={"tenant": tenant["number"], "password": "x"})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (409, "not_waiting_2fa", [])


@pytest.mark.parametrize(
    "body", [{}, {"tenant": "own"}, {"password": "x"}, {"tenant": True, "password": "x"}, {"tenant": [1], "password": "x"}]
)
async def test_a_password_names_its_tenant(api: Api, body: dict[str, Any]) -> None:
    """Strangers hear of their key first."""
    tenant = await api.new_tenant()
    body = {**body, "tenant": tenant["number"]} if body.get("tenant") == "own" else body
    answer = await api.call("POST", f"/pub/tg/2fa?k={PUBLIC_KEY}", headers={}, json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert (await api.call("POST", "/pub/tg/2fa?k=wrong", headers={}, json=body)).status_code == 401


@pytest.mark.parametrize("name", ROUTES)
async def test_a_request_names_its_tenant(api: Api, name: str) -> None:
    """Strangers hear of their key first."""
    for k, status, error in (("wrong", 401, "invalid_credentials"), (PUBLIC_KEY, 422, "invalid_request")):
        answer = await api.call("GET", f"/pub/tg/{name}?qr_id=x&k={k}" if name == "qr.png" else f"/pub/tg/{name}?k={k}", headers={})
        assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("name", ROUTES)
async def test_the_key_is_in_the_address_alone(api: Api, name: str) -> None:
    """Without it 401, with another credential 403 or 401, whichever it is."""
    tenant = await api.new_tenant()
    for k in (None, "wrong", ADMIN["X-Admin-Token"], tenant["key"]):
        answer = await get(api, name, tenant["number"], k)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials"), k
    for headers in (ADMIN, key(tenant["key"]), {"X-Admin-Token": PUBLIC_KEY}, key(PUBLIC_KEY)):
        answer = await api.call("GET", f"/pub/tg/{name}?tenant={tenant['number']}&qr_id=x", headers=headers)
        assert answer.status_code in (401, 403)
    opened = await get(api, name, tenant["number"], **({"qr_id": "x"} if name == "qr.png" else {}))
    assert opened.status_code in (200, 404, 502)


async def test_a_public_key_opens_nothing_else(api: Api) -> None:
    """Neither the deployment's nor a tenant's, wherever it stands."""
    tenant = await api.new_tenant()
    made = await public_key_of(api, tenant)
    for k in (PUBLIC_KEY, made["key"]):
        for headers, query in (({}, f"?k={k}"), (key(k), ""), ({"X-Admin-Token": k}, "")):
            for address in (f"/tenants/{tenant['id']}", f"/tenants/{tenant['id']}/auth/qr", "/tenants"):
                answer = await api.call("GET", f"{address}{query}", headers=headers)
                assert answer.status_code in (401, 403), (address, query)


async def test_a_tenants_public_key_opens_the_public_routes_of_its_tenant(api: Api) -> None:
    """Listed as public and revoked like any key; another tenant looks absent; one with scopes must not stand in an address."""
    tenant, other = await api.new_tenant(), await api.new_tenant()
    made = await public_key_of(api, tenant)
    assert (made["public"], made["scopes"]) == (True, [])
    assert (await get(api, "status", tenant["number"], made["key"])).status_code == 200
    assert (await get(api, "status", other["number"], made["key"])).json()["error"] == "tenant_not_found"
    listed = (await api.call("GET", f"/tenants/{tenant['id']}/keys")).json()
    assert [(one["id"], one["public"]) for one in listed if one["public"]] == [(made["id"], True)]
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}/keys/{made['id']}")).status_code == 200
    assert (await get(api, "status", tenant["number"], made["key"])).status_code == 401


@pytest.mark.parametrize("body", [{"scopes": []}, {"scopes": ["read"], "public": True}])
async def test_a_key_is_public_or_has_scopes(api: Api, body: dict[str, Any]) -> None:
    """Never both, never neither."""
    tenant = await api.new_tenant()
    answer = await api.call("POST", f"/tenants/{tenant['id']}/keys", json=body)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "body.scopes")


async def test_the_routes_say_that_they_are_deprecated(api: Api) -> None:
    """In each answer, refusals included, with what comes in their place; in the log once an hour, of all containers."""
    tenant = await api.new_tenant()
    containers = [api.serving(api.composed(api.routers, api.another_container())) for _ in range(2)]
    before = len(api.log.said(DEPRECATED))
    api.clock.advance(3601)
    for container in containers * 3:
        for k in (PUBLIC_KEY, "wrong"):
            answer = await get(container, "status", tenant["number"], k)
            assert answer.headers["Deprecation"] == "@1767225600"
            assert '</docs>; rel="deprecation"' in answer.headers["Link"].replace("http://api.example", "")
            assert '/tenants/%7Btenant%7D/auth/qr>; rel="successor-version"' in answer.headers["Link"]
    assert len(api.log.said(DEPRECATED)) == before + 1
    api.clock.advance(3601)
    await get(containers[1], "start", tenant["number"])
    assert len(api.log.said(DEPRECATED)) == before + 2


async def test_no_key_and_no_link_is_logged(api: Api, owner: StandInOwner) -> None:
    """Not of any request, whether it went well or not."""
    tenant = await api.new_tenant()
    made = await public_key_of(api, tenant)
    show(api, tenant, owner)
    for k in (PUBLIC_KEY, made["key"], "wrong-key"):
        for name in ROUTES:
            await get(api, name, tenant["number"], k, qr_id="first")
    for secret in (PUBLIC_KEY, made["key"], "wrong-key", LINK.rpartition("=")[2]):
        assert secret not in api.log.text


async def test_polls_are_throttled_for_each_tenant_and_address(api: Api) -> None:
    """Another tenant's are not, and a minute later it goes on."""
    tenant, other = await api.new_tenant(), await api.new_tenant()
    api.clock.advance(60)
    answers = [await get(api, "status", tenant["number"]) for _ in range(POLLS + 1)]
    assert [answer.status_code for answer in answers] == [200] * POLLS + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert (await get(api, "status", other["number"])).status_code == 200
    api.clock.advance(60)
    assert (await get(api, "status", tenant["number"])).status_code == 200


async def test_starts_and_passwords_are_counted_across_containers(api: Api, owner: StandInOwner) -> None:
    """Of many at once exactly so many pass."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: issued(api)
    api.clock.advance(60)
    containers = [api.serving(api.composed(api.routers, api.another_container())) for _ in range(2)]
    answers = await asyncio.gather(*(get(containers[n % 2], "start", tenant["number"]) for n in range(ACTS + 5)))
    assert sorted(answer.status_code for answer in answers) == [200] * ACTS + [429] * 5
    body = {"tenant": tenant["number"], "password": "x"}
    assert (await api.call("POST", f"/pub/tg/2fa?k={PUBLIC_KEY}", headers={}, json=body)).status_code == 429


async def test_browsers_of_the_configured_origins_may_read_the_answers(api: Api) -> None:
    """Others may not."""
    tenant = await api.new_tenant()
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://elsewhere.example", None)):
        path = f"/pub/tg/status?tenant={tenant['number']}&k={PUBLIC_KEY}"
        answer = await api.call("GET", path, headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert "Deprecation" in answer.headers["access-control-expose-headers"]


async def test_without_a_public_key_the_admin_token_serves_with_a_warning(emulator: Emulator) -> None:
    """For the public routes, and once an hour the log says so."""
    bare = Api(open_account(emulator, template("local")), public_key=None)
    tenant = await bare.new_tenant()
    assert (await get(bare, "status", tenant["number"], ADMIN["X-Admin-Token"])).status_code == 200
    assert (await get(bare, "status", tenant["number"], PUBLIC_KEY)).status_code == 401
    assert len(bare.log.said(NO_PUBLIC_KEY)) == 1
    assert bare.log.said(NO_PUBLIC_KEY)[0]["level"] == "WARNING"
    assert ADMIN["X-Admin-Token"] not in bare.log.text
    tenant_id = TenantId(tenant["id"])
    assert bare.tenants.get(tenant_id)


async def test_a_number_leads_to_its_tenant_only_while_there_is_one(api: Api) -> None:
    """The id that is kept for a minute is not believed without the tenant."""
    tenant = await api.new_tenant()
    assert (await get(api, "status", tenant["number"])).status_code == 200
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}")).is_success
    assert (await get(api, "status", tenant["number"])).json()["error"] == "tenant_not_found"
