"""Tenants over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from local import openapi
from shared.crypto import Purpose
from shared.model.account import AccountState, Wanted
from shared.model.ids import Channel, TenantId, WorkerId
from shared.model.tenant import Cause
from shared.store import keys
from tests.functions.api import ADMIN, Api, key
from tests.support.stand_in_owner import StandInOwner


def rows_of(api: Api, tenant_id: str) -> set[str]:
    """Return the sort keys of everything that is stored of a tenant."""
    pk = keys.tenant(TenantId(tenant_id))["pk"]
    return {row["sk"] for row in api.table.query("pk = :pk", {":pk": pk}, ConsistentRead=True)}


async def test_a_new_tenant_comes_with_a_key_and_a_secret(api: Api) -> None:
    """The key opens it, the secret is what is sealed in its row, and neither is shown again."""
    created = await api.new_tenant(name="  Shop  ", callback_url="https://shop.example/in")
    seen = (await api.call("GET", f"/tenants/{created['id']}", headers=key(created["key"]))).json()
    assert seen == {name: value for name, value in created.items() if name not in {"key", "signing_secret"}}
    assert seen["name"] == "Shop"
    tenant = api.tenant(created["id"])
    assert tenant
    assert tenant.signing_key
    assert tenant.signing_secret
    opened = api.envelope.unwrap(tenant.id, Purpose.SIGNING, tenant.signing_key).open(tenant.signing_secret)
    assert opened.decode() == created["signing_secret"]


async def test_tenants_are_numbered_in_order_and_listed_by_pages(api: Api) -> None:
    """The next page is where the Link header says."""
    numbers = [(await api.new_tenant())["number"] for _ in range(3)]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    first = await api.call("GET", f"/tenants?after={numbers[0] - 1}&limit=2")
    assert [tenant["number"] for tenant in first.json()] == numbers[:2]
    link = first.headers["Link"]
    second = await api.call("GET", link[1 : link.index(">")])
    assert [tenant["number"] for tenant in second.json()] == numbers[2:]
    assert "Link" not in second.headers


async def test_pages_of_tenants_skip_none_and_show_none_twice_while_tenants_come_and_go(api: Api) -> None:
    """Who was there all the while is on exactly one page; a tenant comes and one goes between any two pages, the page's last one too."""
    made = [await api.new_tenant() for _ in range(8)]
    stay = {tenant["id"] for tenant in made[::2]}
    seen: list[str] = []
    link = f"/tenants?after={made[0]['number'] - 1}&limit=2"
    while link and not stay <= set(seen):
        page = await api.call("GET", link)
        seen += [tenant["id"] for tenant in page.json()]
        link = page.headers.get("Link", "<>")[1:].partition(">")[0]
        await api.new_tenant()
        going = [tenant["id"] for tenant in made[1::2] if tenant["id"] in seen] or [made[-1]["id"]]
        await api.call("DELETE", f"/tenants/{going[-1]}")
    assert stay <= set(seen)
    assert len(seen) == len(set(seen))


async def test_a_change_leaves_alone_what_it_does_not_name(api: Api) -> None:
    """Null takes the callback away; the name stays."""
    tenant = await api.new_tenant(callback_url="https://shop.example/in")
    renamed = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"name": "Store"})
    assert (renamed.json()["name"], renamed.json()["callback_url"]) == ("Store", "https://shop.example/in")
    silent = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_url": None})
    assert (silent.json()["name"], silent.json()["callback_url"]) == ("Store", None)
    nothing = await api.call("PATCH", f"/tenants/{tenant['id']}", json={})
    assert nothing.json() == silent.json()


async def test_a_callback_gets_what_happens_after_it_was_set(api: Api) -> None:
    """Set where there was none it starts from now; named again, or moved, it goes on as before: nothing that was under way is lost."""
    tenant = await api.new_tenant(callback_url="https://shop.example/in")
    before = api.tenant(tenant["id"])
    api.clock.advance(60)
    await api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_url": "https://shop.example/in"})
    same = api.tenant(tenant["id"])
    await api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_url": "https://shop.example/new"})
    moved = api.tenant(tenant["id"])
    await api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_url": None})
    none = api.tenant(tenant["id"])
    await api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_url": "https://shop.example/new"})
    new = api.tenant(tenant["id"])
    assert before
    assert same
    assert moved
    assert none
    assert new
    assert same.callback_since == moved.callback_since == before.callback_since
    assert (none.callback_since, new.callback_since) == (None, api.clock.now())


async def test_setting_a_disabled_callback_again_starts_it_again(api: Api) -> None:
    """The same one too; and what is only now said of the callback as it was before does not stop it."""
    tenant = await api.new_tenant(callback_url="https://shop.example/in")
    before = api.tenant(tenant["id"])
    assert before
    assert api.tenants.disable_callback(before, Cause.GONE, "gone", api.clock.now())
    shown = (await api.call("GET", f"/tenants/{tenant['id']}")).json()
    since = api.clock.now().isoformat().replace("+00:00", "Z")
    assert (shown["callback_disabled"], shown["callback_disabled_at"]) == ("gone", since)
    api.clock.advance(60)
    changed = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_url": "https://shop.example/in"})
    assert changed.json()["callback_disabled"] is None
    assert not api.tenants.disable_callback(before, Cause.GONE, "gone", api.clock.now())
    now = api.tenant(tenant["id"])
    assert now
    assert (now.callback_disabled, now.disabled_cause, now.callback_disabled_at) == (None, None, None)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "https://localhost/", "ftp://shop.example/", "https://u:p@shop.example/", "shop.example", "https://[::1]/"]
)
async def test_a_callback_that_cannot_be_used_is_refused(api: Api, url: str) -> None:
    """At creation and at change alike, with a sentence that says why."""
    tenant = await api.new_tenant()
    for method, path in (("POST", "/tenants"), ("PATCH", f"/tenants/{tenant['id']}")):
        answer = await api.call(method, path, json={"name": "Shop", "callback_url": url})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_callback_url")


async def test_a_tenant_that_never_logged_in_is_erased_at_once(api: Api) -> None:
    """Nothing of it is left, and its key and number open nothing."""
    tenant = await api.new_tenant()
    answer = await api.call("DELETE", f"/tenants/{tenant['id']}", headers=key(tenant["key"]))
    assert (answer.status_code, answer.json()) == (202, {"ok": True, "state": "deleting"})
    assert rows_of(api, tenant["id"]) == set()
    assert (await api.call("GET", f"/tenants/{tenant['number']}")).status_code == 404
    assert (await api.call("GET", f"/tenants/{tenant['id']}", headers=key(tenant["key"]))).status_code == 401
    listed = await api.call("GET", f"/tenants?after={tenant['number'] - 1}&limit=100")
    assert tenant["id"] not in {one["id"] for one in listed.json()}


async def test_deleting_a_tenant_with_an_account_is_left_to_its_worker(api: Api, owner: StandInOwner) -> None:
    """It has to be logged out first; the doors are shut at once, and the worker hears of it with its next beat."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}")).status_code == 202
    row = api.account(tenant["id"])
    assert row
    assert row.wanted is Wanted.ERASE
    nudged = api.workers.get(owner.worker.id)
    assert nudged
    assert any(nudge.startswith(tenant["id"]) for nudge in nudged.nudges)
    for path in ("", "/status"):
        assert (await api.call("GET", f"/tenants/{tenant['id']}{path}")).status_code == 404


async def test_deleting_a_tenant_tells_the_owner_of_each_account(api: Api, owner: StandInOwner) -> None:
    """One of them knows of it as soon as the other, and whoever is last erases the tenant."""
    tenant = await api.new_tenant()
    other = owner.worker.model_copy(update={"id": WorkerId(f"other of {tenant['id']}")})
    api.workers.register(other)
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    api.put_account(tenant["id"], AccountState.AUTHORIZED, other, channel=Channel.WHATSAPP)
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}")).status_code == 202
    for worker_id in (owner.worker.id, other.id):
        worker = api.workers.get(worker_id)
        assert worker
        assert [nudge for nudge in worker.nudges if nudge.startswith(tenant["id"])]
    for channel in Channel:
        row = api.accounts.get(TenantId(tenant["id"]), channel)
        assert row
        assert row.wanted is Wanted.ERASE


async def test_the_api_says_what_it_is(api: Api) -> None:
    """Name, links, health, the document and its page, without credentials."""
    about = await api.call("GET", "/", headers={})
    assert about.json()["name"] == "Avio"
    assert (await api.call("GET", "/health", headers={})).json() == {"ok": True}
    for path in about.json()["links"].values():
        assert (await api.call("GET", path, headers={})).status_code == 200
    assert (await api.call("GET", "/openapi.json", headers={})).json() == openapi.document()


async def test_a_creation_whose_answer_was_lost_can_be_repeated(api: Api) -> None:
    """With the same key: the same tenant, the same credentials, and they open it. Without one each request makes a tenant."""
    once = {**ADMIN, "Idempotency-Key": "order-1"}
    answers = [
        await api.call("POST", "/tenants", headers=once, json={"name": "Shop", "chat_types": ["group", "private"]}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    created = answers[0].json()
    assert (await api.call("GET", f"/tenants/{created['id']}", headers=key(created["key"]))).status_code == 200
    tenant = api.tenant(created["id"])
    assert tenant
    assert tenant.signing_key
    assert tenant.signing_secret
    assert (
        api.envelope.unwrap(tenant.id, Purpose.SIGNING, tenant.signing_key).open(tenant.signing_secret).decode()
        == created["signing_secret"]
    )
    other = await api.call("POST", "/tenants", headers={**ADMIN, "Idempotency-Key": "order-2"}, json={"name": "Shop"})
    assert other.json()["key"][-43:] != created["key"][-43:]


async def test_repeated_at_once_a_creation_makes_one_tenant(api: Api) -> None:
    """Whoever loses the race answers what the winner made."""
    once = {**ADMIN, "Idempotency-Key": "at-once"}
    answers = await asyncio.gather(*(api.call("POST", "/tenants", headers=once, json={"name": "Shop"}) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.json()["key"] for answer in answers}) == 1


async def test_a_repeat_that_is_another_request_is_refused(api: Api) -> None:
    """So is one whose credentials have changed since, with what to do; after 24 hours the key makes a new tenant."""
    once = {**ADMIN, "Idempotency-Key": "reused"}
    created = (await api.call("POST", "/tenants", headers=once, json={"name": "Shop"})).json()
    for body in ({"name": "Store"}, {"name": "Shop", "callback_url": "https://shop.example/in"}):
        answer = await api.call("POST", "/tenants", headers=once, json=body)
        assert (answer.status_code, answer.json()["error"]) == (422, "idempotency_key_reused")
    await api.call("POST", f"/tenants/{created['id']}/signing-secret/rotate")
    answer = await api.call("POST", "/tenants", headers=once, json={"name": "Shop"})
    assert (answer.status_code, answer.json()["error"], answer.json()["tenant"]) == (422, "idempotency_key_reused", created["number"])
    api.clock.advance(24 * 3600 + 1)
    again = await api.call("POST", "/tenants", headers=once, json={"name": "Shop"})
    assert again.status_code == 201
    assert again.json()["id"] != created["id"]


@pytest.mark.parametrize("value", ["", " ", "x" * 256, "ключ", "a b"])
async def test_an_idempotency_key_that_cannot_be_one_is_refused(api: Api, value: str) -> None:
    """Up to 255 visible ASCII characters."""
    headers = {**{name.encode(): text.encode() for name, text in ADMIN.items()}, b"Idempotency-Key": value.encode()}
    answer = await api.call("POST", "/tenants", headers=headers, json={"name": "Shop"})  # type: ignore[arg-type]  # bytes, as sent
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


async def test_a_deleted_tenant_is_not_created_again_by_a_repeat(api: Api) -> None:
    """It was made, and it is gone. Nothing is left that its credentials could be derived from."""
    once = {**ADMIN, "Idempotency-Key": "deleted"}
    created = (await api.call("POST", "/tenants", headers=once, json={"name": "Shop"})).json()
    await api.call("DELETE", f"/tenants/{created['id']}")
    answer = await api.call("POST", "/tenants", headers=once, json={"name": "Shop"})
    assert (answer.status_code, answer.json()["error"]) == (404, "tenant_not_found")
    remembered = api.table.get(keys.created("deleted"))
    assert remembered
    assert not {"salt", "signing_secret"} & remembered.keys()
