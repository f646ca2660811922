"""Who is let in, and where to (contract G6)."""

from __future__ import annotations

from typing import Any

import pytest

from functions.http.callers import Gate
from functions.http.tokens import FRESH_S, CachedTokens
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.model.tenant import Scope, digest, new_key
from shared.store import keys
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
async def test_no_or_wrong_credentials_are_all_the_same(api: Api, headers: dict[str, str]) -> None:
    """401, whatever is wrong with them, whether or not the tenant exists."""
    tenant = await api.new_tenant()
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in (f"/tenants/{tenant['id']}", f"/tenants/{UNKNOWN}", "/tenants"):
        answer = await api.call("GET", path, headers=raw)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")


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
    own = await api.call(method, f"/tenants/{tenant['id']}{path}", headers=scoped_key(api, tenant["id"], scope), json=body)
    assert own.status_code not in (403, 404)
    assert own.json().get("error") != "invalid_credentials"


@pytest.mark.parametrize(("method", "path"), [("GET", "/tenants"), ("POST", "/tenants")])
async def test_tenants_as_a_whole_are_the_administrators(api: Api, method: str, path: str) -> None:
    """No tenant's key opens the list."""
    tenant = await api.new_tenant()
    answer = await api.call(method, path, headers=key(tenant["key"]), json={"name": "x"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")


async def test_wrong_credentials_are_told_before_what_is_wrong_with_the_request(api: Api) -> None:
    """Who may not come in learns nothing of the form."""
    answer = await api.call("POST", "/tenants", headers={}, json={"name": "Shop"})
    assert answer.status_code == 401


async def test_a_rotated_token_is_known_within_a_minute(api: Api) -> None:
    """Digests are read once a minute: until then the old token serves, then the new one alone."""
    store = TokenStore(api.table)
    before = store.get()
    gate = Gate(api.tenants, CachedTokens(store, api.clock))
    gate.admin(ADMIN["X-Admin-Token"])
    try:
        store.put(TokenDigests(admin=digest("new")))
        gate.admin(ADMIN["X-Admin-Token"])
        api.clock.advance(FRESH_S)
        gate.admin("new")
        with pytest.raises(AvioError) as refused:
            gate.admin(ADMIN["X-Admin-Token"])
        assert refused.value.code is Code.INVALID_CREDENTIALS
    finally:
        store.put(before)


def test_before_the_first_token_was_written_nobody_is_the_administrator(api: Api) -> None:
    """No token is no token: an empty one does not match it."""
    store = TokenStore(api.table)
    before = store.get()
    try:
        store.put(TokenDigests())
        tokens = CachedTokens(store, api.clock)
        assert not tokens.is_admin("")
        assert not tokens.is_admin("None")
    finally:
        store.put(before)
