"""Provider tokens: made once, shown again, rotated; and who may ask for them."""

from __future__ import annotations

import asyncio
from datetime import datetime

import boto3
import pytest
from botocore.config import Config

from functions.providers.provider_token_service import MAX_PREVIOUS_TOKENS, ProviderTokenService
from shared.crypto import Envelope, Purpose
from shared.model.ids import TenantId
from shared.model.tenant import OVERLAP, digest
from shared.store.provider_tokens import ProviderTokenStore
from shared.store.table import Table
from shared.store.tenants import MAX_GIVEN_NUMBER
from tests.functions.api import ADMIN, ROUTERS, WA_WEB, Api, key
from tests.functions.providers.provider import message, post, token_of


async def opens(api: Api, token: str, tenant: int) -> int:
    """Return the status that a request with a token gets; its body is one that is refused after the token was taken."""
    return (await post(api, token, {"event": "none", "tenant": tenant})).status_code


async def test_a_token_is_made_once_and_shown_again(provider_api: Api) -> None:
    """To the provider's software by header and by query, by number and by id, and to the administrator."""
    tenant = await provider_api.new_tenant()
    token = await token_of(provider_api, tenant["number"])
    answer = await provider_api.call("POST", f"/internal/tenant/{tenant['id']}/ensure?token={WA_WEB['X-Auth-Token']}", headers={})
    assert answer.json() == {"ok": True, "tenant": tenant["number"], "provider_token": token}
    for path in (f"/admin/provider-token/{tenant['number']}", f"/admin/keys/list?tenant={tenant['id']}"):
        shown = (await provider_api.call("GET", path)).json()
        assert shown.pop("created_at")
        assert shown == {"ok": True, "tenant": tenant["number"], "provider_token": token, "previous_valid_until": None}


async def test_requests_at_once_get_one_token(provider_api: Api) -> None:
    """Whoever loses the race reads the winner's."""
    tenant = await provider_api.new_tenant()
    tokens = await asyncio.gather(*(token_of(provider_api, tenant["number"]) for _ in range(8)))
    assert len(set(tokens)) == 1
    assert await opens(provider_api, tokens[0], tenant["number"]) == 422


async def test_a_number_that_nobody_has_gets_a_tenant(provider_api: Api) -> None:
    """One, of requests at once; it is listed, has no key and no secret, and numbers that are given in order pass it by."""
    number = (await provider_api.new_tenant())["number"] + 2
    tokens = await asyncio.gather(*(token_of(provider_api, number) for _ in range(4)))
    assert len(set(tokens)) == 1
    made = (await provider_api.call("GET", f"/tenants/{number}")).json()
    assert (made["number"], made["name"], made["callback_url"]) == (number, f"Tenant {number}", None)
    assert (await provider_api.call("GET", f"/tenants/{number}/keys")).json() == []
    assert [(await provider_api.new_tenant())["number"] for _ in range(2)] == [number - 1, number + 1]
    assert (await post(provider_api, tokens[0], message(number))).status_code == 200
    far = (await provider_api.call("POST", f"/internal/tenant/{MAX_GIVEN_NUMBER}/ensure", headers=WA_WEB)).json()
    listed = (await provider_api.call("GET", f"/tenants?after={MAX_GIVEN_NUMBER - 1}")).json()
    assert [one["number"] for one in listed] == [far["tenant"]] == [MAX_GIVEN_NUMBER]


@pytest.mark.parametrize("reference", ["0", "-1", "x", str(MAX_GIVEN_NUMBER + 1), "ffffffff-0000-4000-8000-00000000ffff", "%00", "7/8"])
async def test_what_is_no_tenant_gets_no_token(provider_api: Api, reference: str) -> None:
    """Neither from the provider's software nor from the administrator."""
    for method, path, headers in (
        ("POST", f"/internal/tenant/{reference}/ensure", WA_WEB),
        ("GET", f"/admin/provider-token/{reference}", ADMIN),
        ("GET", f"/admin/keys/list?tenant={reference}", ADMIN),
    ):
        assert (await provider_api.call(method, path, headers=headers)).status_code == 404


async def test_a_deleted_tenant_gets_no_token_and_its_token_opens_nothing(provider_api: Api) -> None:
    """From the answer to the deletion on; nothing of the token is left."""
    tenant = await provider_api.new_tenant()
    token = await token_of(provider_api, tenant["number"])
    assert (await provider_api.call("DELETE", f"/tenants/{tenant['id']}")).status_code == 202
    assert await opens(provider_api, token, tenant["number"]) == 401
    assert (await provider_api.call("POST", f"/internal/tenant/{tenant['id']}/ensure", headers=WA_WEB)).status_code == 404
    assert ProviderTokenStore(provider_api.table).get(TenantId(tenant["id"])) is None


async def test_only_the_providers_software_and_the_administrator_may_ask(provider_api: Api) -> None:
    """401 without credentials or with wrong ones, 403 with those of somebody else; a misplaced one is told where it belongs."""
    tenant = await provider_api.new_tenant()
    token = await token_of(provider_api, tenant["number"])
    ensure, shown, listed = (
        f"/internal/tenant/{tenant['number']}/ensure",
        f"/admin/provider-token/{tenant['number']}",
        f"/admin/keys/list?tenant={tenant['number']}",
    )
    asked = [
        ("POST", ensure, {}, 401),
        ("POST", ensure, {"X-Auth-Token": "wrong"}, 401),
        ("POST", ensure, {"X-Auth-Token": ""}, 401),
        ("POST", f"{ensure}?token=wrong", {}, 401),
        ("POST", f"{ensure}?token={token}", {}, 401),
        ("POST", ensure, {"X-Provider-Token": token}, 403),
        ("POST", ensure, key(tenant["key"]), 403),
        ("POST", ensure, ADMIN, 200),
        ("GET", shown, {}, 401),
        ("GET", shown, WA_WEB, 403),
        ("GET", shown, key(tenant["key"]), 403),
        ("GET", listed, {"X-Admin-Token": WA_WEB["X-Auth-Token"]}, 401),
        ("GET", "/admin/keys/list", ADMIN, 422),
        ("GET", f"/tenants/{tenant['id']}", WA_WEB, 403),
        ("GET", f"/tenants/{tenant['id']}", {"X-Provider-Token": token}, 403),
        ("GET", f"/tenants/{tenant['id']}?token={token}", {}, 403),
    ]
    for method, path, headers, status in asked:
        answer = await provider_api.call(method, path, headers=headers)
        assert answer.status_code == status, (method, path, headers, answer.text)
    hint = (await provider_api.call("POST", f"{ensure}?token={token}", headers={})).json()["detail"]
    assert hint == "This is a provider token: send it as `X-Provider-Token` or `?token=`."


async def test_a_rotated_token_is_valid_for_a_day_beside_the_new_one(provider_api: Api) -> None:
    """Then it is not, and neither is it once the overlap was ended."""
    tenant = await provider_api.new_tenant()
    number, path = tenant["number"], f"/admin/provider-token/{tenant['number']}"
    first = await token_of(provider_api, number)
    rotated = (await provider_api.call("POST", f"{path}/rotate")).json()
    assert datetime.fromisoformat(rotated["previous_valid_until"]) == provider_api.clock.now() + OVERLAP
    second = rotated["provider_token"]
    assert await token_of(provider_api, number) == second != first
    assert [await opens(provider_api, token, number) for token in (first, second)] == [422, 422]
    stored = ProviderTokenStore(provider_api.table).get(TenantId(tenant["id"]))
    assert stored
    assert not stored.opens(first, provider_api.clock.now() + OVERLAP)
    assert stored.opens(second, provider_api.clock.now() + OVERLAP)
    for _ in range(2):
        assert (await provider_api.call("DELETE", f"{path}/previous")).json() == {"ok": True}
    assert [await opens(provider_api, token, number) for token in (first, second)] == [401, 422]


async def test_rotations_are_bounded_and_none_that_was_shown_is_lost(provider_api: Api) -> None:
    """Of rotations at once the losers are told so."""
    tenant = await provider_api.new_tenant()
    path = f"/admin/provider-token/{tenant['number']}"
    none = await provider_api.call("POST", f"{path}/rotate")
    assert (none.status_code, none.json()["error"]) == (404, "no_provider_token")
    tokens = [await token_of(provider_api, tenant["number"])]
    answers = await asyncio.gather(*(provider_api.call("POST", f"{path}/rotate") for _ in range(MAX_PREVIOUS_TOKENS + 2)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    tokens += [answer.json()["provider_token"] for answer in answers if answer.status_code == 200]
    assert 1 < len(tokens) <= MAX_PREVIOUS_TOKENS + 1
    assert {await opens(provider_api, token, tenant["number"]) for token in tokens} == {422}
    while (answer := await provider_api.call("POST", f"{path}/rotate")).status_code == 200:
        tokens.append(answer.json()["provider_token"])
    assert (answer.json()["error"], len(tokens)) == ("rotation_pending", MAX_PREVIOUS_TOKENS + 1)


async def test_a_rotation_does_not_bring_back_what_was_ended_meanwhile(provider_api: Api) -> None:
    """It had seen the replaced token before that was ended."""
    tenant = await provider_api.new_tenant()
    path, tenant_id = f"/admin/provider-token/{tenant['number']}", TenantId(tenant["id"])
    leaked = await token_of(provider_api, tenant["number"])
    await provider_api.call("POST", f"{path}/rotate")
    store = ProviderTokenStore(provider_api.table)
    seen = store.get(tenant_id)
    assert seen
    assert (await provider_api.call("DELETE", f"{path}/previous")).status_code == 200
    rotated = seen.model_copy(update={"digest": digest("another")})
    assert not store.replace(tenant_id, seen, rotated)
    assert await opens(provider_api, leaked, tenant["number"]) == 401


async def test_a_token_is_stored_as_a_digest_and_sealed_for_its_own_purpose(provider_api: Api) -> None:
    """Who may open signing secrets or sessions cannot open it; nothing of it is in the clear."""
    tenant = await provider_api.new_tenant()
    token, tenant_id = await token_of(provider_api, tenant["number"]), TenantId(tenant["id"])
    stored = ProviderTokenStore(provider_api.table).get(tenant_id)
    assert stored
    assert stored.digest == digest(token)
    key_ = provider_api.envelope.unwrap(tenant_id, Purpose.PROVIDER, stored.sealed.key)
    assert key_.open(stored.sealed.sealed).decode() == token
    secret = token[-32:]  # the part that is drawn may have any character of base64
    assert secret not in str(rows_of(provider_api.table, tenant_id)) + provider_api.log.text


def rows_of(table: Table, tenant_id: TenantId) -> list[object]:
    """Return all rows of a tenant."""
    return list(table.query("pk = :pk", {":pk": f"T#{tenant_id}"}, ConsistentRead=True))


async def test_without_keys_no_token_is_made_or_shown(provider_api: Api) -> None:
    """503, and nothing is stored: the next request makes the token, or shows the one that there is."""
    tenant = await provider_api.new_tenant()
    broken, path = without_keys(provider_api), f"/internal/tenant/{tenant['number']}/ensure"
    for _ in range(2):
        refused = await broken.call("POST", path, headers=WA_WEB)
        assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
        token = await token_of(provider_api, tenant["number"])
    assert (await post(broken, token, message(tenant["number"]))).status_code == 200  # who has the token needs no key


def without_keys(api: Api) -> Api:
    """Return the API while KMS does not answer: nothing listens at that address."""
    config = Config(retries={"total_max_attempts": 1})
    nowhere = boto3.client("kms", endpoint_url="http://127.0.0.1:1", region_name="us-east-1", config=config)
    envelope = Envelope(lambda: nowhere, "none")
    service = ProviderTokenService(api.tenants, ProviderTokenStore(api.table), envelope, api.clock)
    return api.serving(api.composed(ROUTERS, api.dependencies.replacing(service)))
