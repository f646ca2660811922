"""A key's life: when it expires, when it was last used, and its end (T2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.model.ids import TenantId
from shared.model.tenant import parse_key
from tests.functions.api import Api, key


async def new_key(api: Api, tenant: dict[str, Any], caller: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    body = {"scopes": ["read", "manage"], **fields}
    made = await api.call("POST", f"/tenants/{tenant['id']}/keys", json=body, headers=caller)
    assert made.status_code == 201, made.text
    return dict(made.json())


def after(api: Api, seconds: float) -> str:
    return (api.clock.now() + timedelta(seconds=seconds)).isoformat()


async def test_a_key_opens_until_it_expires(api: Api) -> None:
    """Then it is 401, and says why; who only guesses at it is not told."""
    tenant = await api.new_tenant()
    made = await new_key(api, tenant, expires_at=after(api, 60))
    path = f"/tenants/{tenant['id']}"
    api.clock.advance(59)
    assert (await api.call("GET", path, headers=key(made["key"]))).status_code == 200
    api.clock.advance(1)
    refused = await api.call("GET", path, headers=key(made["key"]))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_credentials")
    assert "expired at" in refused.json()["detail"]
    guessed = made["key"][:-1] + ("A" if made["key"][-1] != "A" else "B")
    assert "expired" not in (await api.call("GET", path, headers=key(guessed))).json()["detail"]


async def test_the_list_shows_when_keys_expire_and_were_used(api: Api) -> None:
    """The use is written once in five minutes, beside the request."""
    tenant = await api.new_tenant()
    made = await new_key(api, tenant, expires_at=after(api, 3600))

    async def shown() -> dict[str, Any]:
        api.sources.key_use.settle()
        listed = (await api.call("GET", f"/tenants/{tenant['id']}/keys")).json()
        return next(one for one in listed if one["id"] == made["id"])

    assert (await shown())["last_used_at"] is None
    used = api.clock.now()
    for _ in range(3):
        await api.call("GET", f"/tenants/{tenant['id']}", headers=key(made["key"]))
        api.clock.advance(90)
    first = await shown()
    assert first["last_used_at"] == f"{used:%Y-%m-%dT%H:%M:%SZ}"
    assert first["expires_at"] is not None
    api.clock.advance(60)
    await api.call("GET", f"/tenants/{tenant['id']}", headers=key(made["key"]))
    assert (await shown())["last_used_at"] == f"{used + timedelta(seconds=330):%Y-%m-%dT%H:%M:%SZ}"


async def test_a_key_that_is_gone_stays_gone(api: Api) -> None:
    """A use that is noted late brings nothing back."""
    tenant = await api.new_tenant()
    made = await new_key(api, tenant)
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}/keys/{made['id']}")).status_code == 200
    assert (await api.call("GET", f"/tenants/{tenant['id']}", headers=key(made["key"]))).status_code == 401
    tenant_id, key_id = parse_key(made["key"]) or (TenantId(""), "")
    api.tenants.note_use(tenant_id, key_id, api.clock.now())
    assert made["id"] not in {one.id for one in api.tenants.keys_of(tenant_id)}


@pytest.mark.parametrize("wrong", [-1, 0, None, "2026", "2026-03-01T12:00:00"])
async def test_a_time_that_is_none_or_has_passed_is_refused(api: Api, wrong: Any) -> None:
    """None may be left out, or be null: then the key does not expire."""
    tenant = await api.new_tenant()
    value = after(api, wrong) if isinstance(wrong, int) else wrong
    answer = await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": ["read"], "expires_at": value})
    assert answer.status_code == (201 if wrong is None else 422)


async def test_a_key_gives_no_longer_life_than_it_has(api: Api) -> None:
    """Else an expiry would be none."""
    tenant = await api.new_tenant()
    made = await new_key(api, tenant, expires_at=after(api, 60))
    caller = key(made["key"])
    for fields in ({}, {"expires_at": after(api, 61)}):
        body = {"scopes": ["read"], **fields}
        refused = await api.call("POST", f"/tenants/{tenant['id']}/keys", json=body, headers=caller)
        assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    await new_key(api, tenant, caller, expires_at=after(api, 60))
