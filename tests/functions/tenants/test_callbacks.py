"""A tenant's callbacks over HTTP (C8), on the emulator's table."""

from __future__ import annotations

from typing import Any

import pytest

from shared.crypto import Purpose
from shared.model.callback_key import FIRST, key_of
from shared.model.ids import TenantId
from shared.model.tenant import MOST_CALLBACKS, Cause
from tests.functions.api import Api, key

CRM = "https://crm.example/in"


async def new_callback(api: Api, tenant: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Create a callback; return what the API said."""
    answer = await api.call(
        "POST", f"/tenants/{tenant['id']}/callbacks", headers=key(tenant["key"]), json=settings or {"callback_url": CRM}
    )
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def test_a_callback_is_created_read_changed_listed_and_deleted(api: Api) -> None:
    """Beside the first one, which is the tenant's own."""
    tenant = await api.new_tenant(callback_url="https://shop.example/in")
    made = await new_callback(api, tenant, callback_url=CRM, events=["message", "message.edited"], include_chats=[-1001234567890, 5])
    path = f"/tenants/{tenant['id']}/callbacks"
    assert made.pop("signing_secret").startswith("whsec_")
    assert (made["delivery"], made["include_chats"], made["events"]) == ("push", [-1001234567890, 5], ["message", "message.edited"])
    assert (await api.call("GET", f"{path}/{made['id']}")).json() == made
    listed = (await api.call("GET", path)).json()
    assert [one["id"] for one in listed] == [FIRST, made["id"]]
    assert listed[0]["callback_url"] == "https://shop.example/in"
    changed = await api.call("PATCH", f"{path}/{made['id']}", json={"events": None, "include_chats": [], "callback_headers": {"X-A": "b"}})
    assert changed.json() == {**made, "events": ["message"], "include_chats": [], "callback_header_names": ["X-A"]}
    assert (await api.call("DELETE", f"{path}/{made['id']}")).json() == {"ok": True}
    for method in ("GET", "DELETE", "PATCH"):
        gone = await api.call(method, f"{path}/{made['id']}", **({"json": {}} if method == "PATCH" else {}))
        assert (gone.status_code, gone.json()["error"]) == (404, "not_found")
    assert [one["id"] for one in (await api.call("GET", path)).json()] == [FIRST]


async def test_the_first_callback_is_the_tenants_own(api: Api) -> None:
    """A change of either is one of both."""
    tenant = await api.new_tenant(callback_url="https://shop.example/in")
    first = f"/tenants/{tenant['id']}/callbacks/first"
    changed = await api.call("PATCH", first, json={"callback_url": CRM, "exclude_chats": [7]})
    assert (changed.status_code, changed.json()["callback_url"]) == (200, CRM)
    read = (await api.call("GET", f"/tenants/{tenant['id']}")).json()
    assert (read["callback_url"], read["exclude_chats"]) == (CRM, [7])
    assert (await api.call("DELETE", first)).status_code == 200
    assert (await api.call("GET", first)).json()["callback_url"] is None


async def test_each_callback_signs_with_a_secret_of_its_own(api: Api) -> None:
    """Sealed for the tenant; rotated without a gap, and the other's stays."""
    tenant = await api.new_tenant()
    made = await new_callback(api, tenant)
    path = f"/tenants/{tenant['id']}/callbacks/{made['id']}/signing-secret"
    rotated = (await api.call("POST", f"{path}/rotate")).json()["signing_secret"]
    assert len({tenant["signing_secret"], made["signing_secret"], rotated}) == 3
    stored = api.tenant(tenant["id"])
    assert stored
    seen = stored.seen_by(made["id"])
    assert seen
    assert seen.signing_key
    assert seen.signing_secret
    opened = api.envelope.unwrap(stored.id, Purpose.SIGNING, seen.signing_key).open(seen.signing_secret)
    assert opened.decode() == rotated
    assert len(seen.previous_secrets) == 1
    assert (await api.call("DELETE", f"{path}/previous")).status_code == 200
    assert (await api.call("POST", f"/tenants/{tenant['id']}/callbacks/first/signing-secret/rotate")).status_code == 200
    after = api.tenant(tenant["id"])
    assert after
    assert after.callbacks[made["id"]].previous_secrets == ()
    assert len(after.previous_secrets) == 1


async def test_a_disabled_callback_is_enabled_by_a_url(api: Api) -> None:
    """And only that one."""
    tenant = await api.new_tenant(callback_url="https://shop.example/in")
    made = await new_callback(api, tenant)
    stored = api.tenant(tenant["id"])
    assert stored
    seen = stored.seen_by(made["id"])
    assert seen
    assert api.tenants.disable_callback(seen, Cause.GONE, "It answered 410.", api.clock.now())
    path = f"/tenants/{tenant['id']}/callbacks/{made['id']}"
    assert (await api.call("GET", path)).json()["callback_disabled"] == "It answered 410."
    status = await api.call("GET", f"/tenants/{tenant['id']}/callback/status?callback={made['id']}")
    assert status.json()["state"] == "disabled"
    assert (await api.call("GET", f"/tenants/{tenant['id']}/callback/status")).json()["state"] == "healthy"
    assert (await api.call("PATCH", path, json={"callback_url": CRM})).json()["callback_disabled"] is None


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"callback_url": CRM, "delivery": "pull"},
        {"delivery": "push"},
        {"callback_url": CRM, "delivery": None},
        {"callback_url": "https://10.0.0.1/"},
        {"callback_url": CRM, "events": ["message.pinned"]},
        {"callback_url": CRM, "events": []},
        {"callback_url": CRM, "include_chats": [1, 1]},
        {"callback_url": CRM, "include_chats": list(range(101))},
        {"callback_url": CRM, "exclude_chats": ["x"]},
        {"callback_url": CRM, "exclude_chats": [1 << 60]},
    ],
    ids=str,
)
async def test_what_is_no_callback_is_refused(api: Api, settings: dict[str, Any]) -> None:
    """With nothing stored."""
    tenant = await api.new_tenant()
    answer = await api.call("POST", f"/tenants/{tenant['id']}/callbacks", json=settings)
    assert answer.status_code in {400, 422}, answer.text
    assert len((await api.call("GET", f"/tenants/{tenant['id']}/callbacks")).json()) == 1


async def test_how_a_callback_gets_its_events_stays_as_it_is(api: Api) -> None:
    """What waits to be fetched is not posted somewhere, nor the other way round."""
    tenant = await api.new_tenant()
    pull, push = await new_callback(api, tenant, delivery="pull"), await new_callback(api, tenant)
    for made, url in ((pull, CRM), (push, None)):
        answer = await api.call("PATCH", f"/tenants/{tenant['id']}/callbacks/{made['id']}", json={"callback_url": url})
        assert (answer.status_code, answer.json()["error"]) == (400, "contradictory_fields")


async def test_five_callbacks_are_the_most(api: Api) -> None:
    """The first included."""
    tenant = await api.new_tenant()
    for _ in range(MOST_CALLBACKS - 1):
        await new_callback(api, tenant)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/callbacks", json={"callback_url": CRM})
    assert (answer.status_code, answer.json()["error"]) == (409, "too_many_callbacks")


async def test_no_tenant_sees_anothers_callbacks(api: Api) -> None:
    """Nor changes them."""
    tenant, other = await api.new_tenant(), await api.new_tenant()
    made = await new_callback(api, tenant)
    for path in (f"/tenants/{tenant['id']}/callbacks/{made['id']}", f"/tenants/{tenant['id']}/events"):
        assert (await api.call("GET", path, headers=key(other["key"]))).status_code == 404
    assert (await api.call("GET", f"/tenants/{other['id']}/callbacks/{made['id']}", headers=key(other["key"]))).status_code == 404


async def test_events_are_fetched_and_acknowledged(api: Api) -> None:
    """Nothing waits, so nothing comes; a cursor that is none is refused; without such a callback there is nothing to fetch."""
    tenant = await api.new_tenant()
    path = f"/tenants/{tenant['id']}/events"
    assert (await api.call("GET", path)).status_code == 404
    made = await new_callback(api, tenant, delivery="pull")
    assert (await api.call("GET", path)).json() == {"events": [], "cursor": None}
    assert (await api.call("GET", f"{path}?callback={made['id']}&wait_s=0&limit=1")).json()["events"] == []
    refused = await api.call("POST", f"{path}/ack", json={"cursor": "no cursor"})
    assert (refused.status_code, refused.json()["error"]) == (422, "invalid_request")
    for query in ("wait_s=21", "limit=101", "callback=first", "callback=cb_0"):
        assert (await api.call("GET", f"{path}?{query}")).status_code in {404, 422}
    await new_callback(api, tenant, delivery="pull")
    assert (await api.call("GET", path)).status_code == 422
    assert key_of(TenantId(tenant["id"]), made["id"]).startswith(tenant["id"])
