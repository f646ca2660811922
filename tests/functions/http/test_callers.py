"""Who is let in, and where to (contract G6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from fastapi import Request

from functions.http.authenticator import Authenticator
from functions.http.callers import ADMIN as ADMIN_KIND
from functions.http.callers import CALLER_KINDS
from functions.http.deployment_tokens import FRESH_S, DeploymentTokens
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.model.tenant import Scope, digest, new_key
from shared.store import keys
from shared.store.table import StoreUnavailable
from shared.store.tokens import TokenDigests, TokenStore
from tests.functions.api import ADMIN, Api, key

UNKNOWN = "ffffffff-0000-4000-8000-00000000ffff"


def scoped_key(api: Api, tenant_id: str, *scopes: Scope) -> dict[str, str]:
    """Give a tenant a key with these scopes; return its header."""
    key_id, made = new_key(TenantId(tenant_id))
    row: dict[str, Any] = {"id": key_id, "scopes": frozenset(map(str, scopes)), "digest": digest(made.get_secret_value())}
    api.table.put({**keys.tenant_key(TenantId(tenant_id), key_id), **row, "created_at": api.clock.now().isoformat()})
    return key(made.get_secret_value())


@pytest.mark.parametrize("reference", ["id", "number"])
@pytest.mark.parametrize("caller", ["admin", "tenant"])
async def test_a_tenant_is_named_by_id_or_number(api: Api, reference: str, caller: str) -> None:
    """Either, by either caller."""
    tenant = await api.new_tenant()
    headers = ADMIN if caller == "admin" else key(tenant["key"])
    answer = await api.call("GET", f"/tenants/{tenant[reference]}", headers=headers)
    assert (answer.status_code, answer.json()["id"]) == (200, tenant["id"])


async def test_an_id_may_be_spelled_in_capitals(api: Api) -> None:
    """UUIDs are the same in both."""
    tenant = await api.new_tenant()
    for headers in (ADMIN, key(tenant["key"])):
        assert (await api.call("GET", f"/tenants/{tenant['id'].upper()}", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Admin-Token": ""},
        {"X-Admin-Token": "wrong"},
        {"X-Admin-Token": "the admin's token "[:-2]},
        {"X-Admin-Token": "\xe9\xff"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer the admin's token"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer avio_" + "0" * 44 + "_" + "A" * 43},
        {"Authorization": "avio_" + "0" * 44 + "_" + "A" * 43},
    ],
)
async def test_no_or_wrong_credentials_are_401(api: Api, headers: dict[str, str]) -> None:
    """Whatever is wrong with them, and whether or not the tenant exists, with the challenge that HTTP asks for."""
    tenant = await api.new_tenant()
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in (f"/tenants/{tenant['id']}", f"/tenants/{UNKNOWN}", "/tenants"):
        answer = await api.call("GET", path, headers=raw)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/tenants/1"), ("GET", "/tenants")])
async def test_a_wrong_admin_token_is_not_passed_over_for_a_key(api: Api, token: str, method: str, path: str) -> None:
    """An empty one is wrong too: whoever sends it has left a variable unset, and should hear of it."""
    tenant = await api.new_tenant()
    answer = await api.call(method, path, headers={**key(tenant["key"]), "X-Admin-Token": token})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")


async def test_each_wrong_credential_is_told_apart(api: Api) -> None:
    """In words that say what to send in its place, on a tenant's routes and on the administrator's."""
    tenant = await api.new_tenant()
    token = ADMIN["X-Admin-Token"]
    told = [
        ({}, "no credentials"),
        ({"Authorization": tenant["key"]}, "should be `Bearer`"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "should be `Bearer`"),
        ({"Authorization": "Bearer "}, "should be `Bearer`"),
        ({"Authorization": f"Bearer {token}"}, "send it as `X-Admin-Token`"),
        ({"Authorization": "Bearer sk_live_1"}, "begin with `avio_`"),
        ({"Authorization": f"Bearer {tenant['key'][:-1]}!"}, "begin with `avio_`"),
        ({"Authorization": f"Bearer {new_key(TenantId(UNKNOWN))[1].get_secret_value()}"}, "it was deleted"),
        ({"X-Admin-Token": tenant["key"]}, "send it as `Authorization: Bearer <key>`"),
        ({"X-Admin-Token": "wrong"}, "admin token is wrong"),
    ]
    for path in (f"/tenants/{tenant['id']}", "/tenants"):
        for headers, words in told:
            answer = await api.call("GET", path, headers=headers)
            assert words in answer.json()["detail"], (path, headers, answer.json())
            assert answer.status_code == 401


@pytest.mark.parametrize("reference", ["0{}", "00{}", "+{}", " {}", "{}.0", "{}%20", "{}/", "{}%2F", "%2F{}"])
async def test_a_number_has_one_spelling(api: Api, reference: str) -> None:
    """Another one opens nothing, for no caller."""
    tenant = await api.new_tenant()
    for headers in (ADMIN, key(tenant["key"])):
        assert (await api.call("GET", "/tenants/" + reference.format(tenant["number"]), headers=headers)).status_code == 404


async def test_a_key_that_is_deleted_while_requests_run_opens_nothing_from_then_on(api: Api) -> None:
    """Those let in before go on; each later one is told that the key opens nothing."""
    tenant = await api.new_tenant()
    made = (await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": ["read"]})).json()
    address, caller = f"/tenants/{tenant['id']}", key(made["key"])
    asked = [asyncio.create_task(api.call("GET", address, headers=caller)) for _ in range(10)]
    assert (await api.call("DELETE", f"{address}/keys/{made['id']}")).status_code == 200
    after = await api.call("GET", address, headers=caller)
    assert {answer.status_code for answer in await asyncio.gather(*asked)} <= {200, 401}
    assert (after.status_code, "it was deleted" in after.json()["detail"]) == (401, True)


async def test_a_key_with_one_letter_changed_opens_nothing(api: Api) -> None:
    """Neither the secret's part nor the tenant's."""
    tenant, other = await api.new_tenant(), await api.new_tenant()
    good = tenant["key"]
    changed = good[:-1] + ("A" if good[-1] != "A" else "B")
    moved = good.replace(tenant["id"].replace("-", ""), other["id"].replace("-", ""))
    for wrong in (changed, moved, good + "x", good.upper()):
        assert (await api.call("GET", f"/tenants/{tenant['id']}", headers=key(wrong))).status_code == 401


async def test_other_tenants_look_absent(api: Api) -> None:
    """A key cannot find out which tenants there are."""
    tenant, other = await api.new_tenant(), await api.new_tenant()
    answers = [
        await api.call("GET", f"/tenants/{reference}/status", headers=key(tenant["key"]))
        for reference in (other["id"], other["number"], UNKNOWN, "999999999", "x", "%00", "..", "-1", "0x1")
    ]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert [body["error"] for body in bodies[:4]] == ["tenant_not_found"] * 4
    assert bodies[0] == bodies[2]


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        (Scope.READ, "GET", "", None),
        (Scope.READ, "GET", "/status", None),
        (Scope.MANAGE, "PATCH", "", {"name": "Store"}),
        (Scope.MANAGE, "POST", "/auth/start", {"phone": "+79001234567"}),
        (Scope.MANAGE, "POST", "/auth/verify", {"phone": "+79001234567", "code": "1"}),
        (Scope.MANAGE, "POST", "/auth/resend", None),
        (Scope.MANAGE, "POST", "/auth/cancel", None),
        (Scope.MANAGE, "POST", "/logout", None),
        (Scope.SEND, "POST", "/messages/send", {"peer": "me", "text": "x"}),
    ],
)
async def test_each_route_wants_its_scope(api: Api, scope: Scope, method: str, path: str, body: Any) -> None:
    """With every other scope it is forbidden, with its own it is not."""
    tenant = await api.new_tenant()
    others = scoped_key(api, tenant["id"], *(set(Scope) - {scope}))
    refused = await api.call(method, f"/tenants/{tenant['id']}{path}", headers=others, json=body)
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    assert f"scope `{scope}`" in refused.json()["detail"]
    own = await api.call(method, f"/tenants/{tenant['id']}{path}", headers=scoped_key(api, tenant["id"], scope), json=body)
    assert own.status_code not in (403, 404)
    assert own.json().get("error") != "invalid_credentials"


@pytest.mark.parametrize(("method", "path"), [("GET", "/tenants"), ("POST", "/tenants")])
async def test_tenants_as_a_whole_are_the_administrators(api: Api, method: str, path: str) -> None:
    """No tenant's key opens the list, and it is told so; what is no key of ours is told nothing of the route."""
    tenant = await api.new_tenant()
    answer = await api.call(method, path, headers=key(tenant["key"]), json={"name": "x"})
    assert (answer.status_code, answer.json()["error"], "`X-Admin-Token`" in answer.json()["detail"]) == (403, "forbidden", True)
    answer = await api.call(method, path, headers=key(new_key(TenantId(UNKNOWN))[1].get_secret_value()), json={"name": "x"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")


async def test_wrong_credentials_are_told_before_what_is_wrong_with_the_request(api: Api) -> None:
    """Who may not come in learns nothing of the form: not of fields, query, headers, nor that a body is no JSON."""
    json_type = {"Content-Type": "application/json"}
    wrongs: list[dict[str, Any]] = [{"json": {"name": 1}}, {"content": b"{", "headers": json_type}, {"params": {"x": "1"}}]
    for wrong in wrongs:
        answer = await api.call("POST", "/tenants", **{"headers": {"Idempotency-Key": "1"}, **wrong})
        assert answer.status_code == 401


def request_with(**headers: str) -> Request:
    """Return a request with these headers."""
    raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "query_string": b""})


async def test_a_rotated_token_is_known_within_a_minute(api: Api) -> None:
    """Digests are read once a minute: until then the old token serves, then the new one alone."""
    store = TokenStore(api.table)
    before = store.get()
    authenticator = Authenticator(CALLER_KINDS, replace(api.sources, tokens=DeploymentTokens(store, api.clock)))
    old, new = request_with(**ADMIN), request_with(X_Admin_Token="new")
    authenticator.authenticate(old, [ADMIN_KIND])
    try:
        store.put(TokenDigests(admin=digest("new")))
        authenticator.authenticate(old, [ADMIN_KIND])
        api.clock.advance(FRESH_S)
        authenticator.authenticate(new, [ADMIN_KIND])
        with pytest.raises(AvioError) as refused:
            authenticator.authenticate(old, [ADMIN_KIND])
        assert refused.value.code is Code.INVALID_CREDENTIALS
    finally:
        store.put(before)


class StoreWithOutages(TokenStore):
    """A token store that can be away."""

    away = False

    def get(self) -> TokenDigests:
        if self.away:
            raise StoreUnavailable("get_item: Timeout")
        return super().get()


def test_while_the_store_is_away_the_last_digests_serve(api: Api) -> None:
    """They do so however old they are; without any, the fault is told as ours."""
    store = StoreWithOutages(api.table)
    tokens, none_yet = DeploymentTokens(store, api.clock), DeploymentTokens(store, api.clock)
    assert tokens.is_admin(ADMIN["X-Admin-Token"])
    store.away = True
    api.clock.advance(FRESH_S * 2)
    assert tokens.is_admin(ADMIN["X-Admin-Token"])
    assert not tokens.is_admin("wrong")
    with pytest.raises(StoreUnavailable):
        none_yet.is_admin(ADMIN["X-Admin-Token"])


def test_before_the_first_token_was_written_nobody_is_the_administrator(api: Api) -> None:
    """No token is no token: an empty one does not match it."""
    store = TokenStore(api.table)
    before = store.get()
    try:
        store.put(TokenDigests())
        tokens = DeploymentTokens(store, api.clock)
        assert not tokens.is_admin("")
        assert not tokens.is_admin("None")
    finally:
        store.put(before)
