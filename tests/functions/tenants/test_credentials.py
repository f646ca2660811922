"""A tenant's keys and its signing secret over HTTP."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from functions.tenants.credential_service import MAX_PREVIOUS_SECRETS
from shared.crypto import Purpose
from shared.model.ids import TenantId
from shared.model.tenant import OVERLAP, Scope, Sealed
from shared.store.tenants import MOST_KEYS
from tests.functions.api import Api, key


async def new_key(api: Api, tenant: dict[str, Any], *scopes: str, by: str | None = None) -> str:
    """Make a key with these scopes; return it."""
    headers = key(by or tenant["key"])
    made = await api.call("POST", f"/tenants/{tenant['id']}/keys", headers=headers, json={"scopes": scopes})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


def opened(api: Api, tenant_id: str, sealed: Sealed | None) -> str:
    """Return what was sealed for a tenant."""
    assert sealed
    return api.envelope.unwrap(TenantId(tenant_id), Purpose.SIGNING, sealed.key).open(sealed.sealed).decode()


async def test_a_key_does_what_its_scopes_allow_until_it_is_deleted(api: Api) -> None:
    """Another than the first one, and only that one is gone afterwards."""
    tenant = await api.new_tenant()
    reading = await new_key(api, tenant, "read")
    assert (await api.call("GET", f"/tenants/{tenant['id']}", headers=key(reading))).status_code == 200
    assert (await api.call("PATCH", f"/tenants/{tenant['id']}", headers=key(reading), json={})).status_code == 403
    listed = (await api.call("GET", f"/tenants/{tenant['id']}/keys", headers=key(tenant["key"]))).json()
    (key_id,) = [one["id"] for one in listed if one["scopes"] == ["read"]]
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}/keys/{key_id}")).json() == {"ok": True}
    assert (await api.call("GET", f"/tenants/{tenant['id']}", headers=key(reading))).status_code == 401
    assert (await api.call("GET", f"/tenants/{tenant['id']}", headers=key(tenant["key"]))).status_code == 200


async def test_keys_are_listed_with_their_names_and_never_shown_again(api: Api) -> None:
    """The oldest first; neither key nor digest is in the list."""
    tenant = await api.new_tenant()
    api.clock.advance(1)
    body = {"scopes": ["send", "read"], "name": "  The shop's server "}
    made = (await api.call("POST", f"/tenants/{tenant['id']}/keys", json=body)).json()
    answer = await api.call("GET", f"/tenants/{tenant['id']}/keys")
    first, second = answer.json()
    assert (first["name"], first["scopes"]) == (None, ["manage", "read", "send"])
    assert second == {name: value for name, value in made.items() if name != "key"}
    assert (second["name"], second["scopes"]) == ("The shop's server", ["read", "send"])
    assert made["key"] not in answer.text


async def test_a_key_gives_away_only_scopes_that_it_has(api: Api) -> None:
    """Who may manage but not send cannot make itself a key that sends; the administrator can make any."""
    tenant = await api.new_tenant()
    managing = await new_key(api, tenant, "manage")
    for scopes, status in ((["manage"], 201), (["send"], 403), (["manage", "read"], 403)):
        answer = await api.call("POST", f"/tenants/{tenant['id']}/keys", headers=key(managing), json={"scopes": scopes})
        assert answer.status_code == status
    every = await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": [str(scope) for scope in Scope]})
    assert every.status_code == 201


async def test_keys_are_bounded(api: Api) -> None:
    """A leak in somebody's script does not fill the table."""
    tenant = await api.new_tenant()
    answers = [await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": ["read"]}) for _ in range(MOST_KEYS)]
    assert [answer.status_code for answer in answers] == [201] * (MOST_KEYS - 1) + [409]
    assert answers[-1].json()["error"] == "too_many_keys"


@pytest.mark.parametrize("key_id", ["0" * 12, "x", "0" * 3000, "%2e%2e", "%00", "KEY%23", "%F0%9F%92%A5"])
async def test_a_key_that_is_not_there_cannot_be_deleted(api: Api, key_id: str) -> None:
    """Whatever it is called."""
    tenant = await api.new_tenant()
    assert (await api.call("DELETE", f"/tenants/{tenant['id']}/keys/{key_id}")).status_code in (404, 405)


async def test_another_tenants_key_cannot_be_deleted(api: Api) -> None:
    """Not even by somebody who knows its id."""
    tenant, other = await api.new_tenant(), await api.new_tenant()
    (theirs,) = (await api.call("GET", f"/tenants/{other['id']}/keys")).json()
    for path in (f"/tenants/{tenant['id']}/keys/{theirs['id']}", f"/tenants/{other['id']}/keys/{theirs['id']}"):
        assert (await api.call("DELETE", path, headers=key(tenant["key"]))).status_code == 404
    assert (await api.call("GET", f"/tenants/{other['id']}", headers=key(other["key"]))).status_code == 200


async def test_a_key_is_not_given_to_a_tenant_that_is_gone(api: Api) -> None:
    """Whoever deletes a tenant at the same moment leaves nothing of it behind."""
    tenant = await api.new_tenant()
    tenant_id = TenantId(tenant["id"])
    api.tenants.end(tenant_id, (), api.clock.now())
    assert api.tenants.add_key(tenant_id, frozenset({Scope.READ}), None, api.clock.now()) is None
    assert len(api.tenants.keys_of(tenant_id)) == 1


async def test_a_rotated_secret_is_valid_beside_the_one_that_it_replaces(api: Api) -> None:
    """For 24 hours; what is stored is sealed, and opens to what was shown."""
    tenant = await api.new_tenant()
    answer = await api.call("POST", f"/tenants/{tenant['id']}/signing-secret/rotate", headers=key(tenant["key"]))
    rotated, stored = answer.json(), api.tenant(tenant["id"])
    assert stored
    assert datetime.fromisoformat(rotated["previous_valid_until"]) == api.clock.now() + OVERLAP
    assert stored.signing_key
    assert stored.signing_secret
    assert opened(api, tenant["id"], Sealed(key=stored.signing_key, sealed=stored.signing_secret)) == rotated["signing_secret"]
    (previous,) = stored.valid_previous(api.clock.now())
    assert opened(api, tenant["id"], previous.secret) == tenant["signing_secret"] != rotated["signing_secret"]
    assert stored.valid_previous(api.clock.now() + OVERLAP) == ()


async def test_the_overlap_ends_when_the_tenant_says_so(api: Api) -> None:
    """From then on the newest secret is alone; saying it twice changes nothing."""
    tenant = await api.new_tenant()
    await api.call("POST", f"/tenants/{tenant['id']}/signing-secret/rotate")
    for _ in range(2):
        assert (await api.call("DELETE", f"/tenants/{tenant['id']}/signing-secret/previous")).json() == {"ok": True}
    stored = api.tenant(tenant["id"])
    assert stored
    assert stored.previous_secrets == ()


async def test_who_lost_the_answer_rotates_again_and_breaks_nobody(api: Api) -> None:
    """The secret that receivers know stays valid; only so many at once, and room again when they have ended."""
    tenant = await api.new_tenant()
    path = f"/tenants/{tenant['id']}/signing-secret/rotate"
    answers = [await api.call("POST", path) for _ in range(MAX_PREVIOUS_SECRETS + 1)]
    assert [answer.status_code for answer in answers] == [200] * MAX_PREVIOUS_SECRETS + [409]
    assert answers[-1].json()["error"] == "rotation_pending"
    stored = api.tenant(tenant["id"])
    assert stored
    assert opened(api, tenant["id"], stored.previous_secrets[0].secret) == tenant["signing_secret"]
    api.tenants.change(
        stored.id, {"previous_secrets": tuple(one.model_copy(update={"until": api.clock.now()}) for one in stored.previous_secrets)}
    )
    assert (await api.call("POST", path)).status_code == 200


async def test_of_rotations_at_once_none_is_lost(api: Api) -> None:
    """Each secret that was shown is valid afterwards; who came second is told so."""
    tenant = await api.new_tenant()
    path = f"/tenants/{tenant['id']}/signing-secret/rotate"
    answers = await asyncio.gather(*(api.call("POST", path) for _ in range(4)))
    shown = {answer.json()["signing_secret"] for answer in answers if answer.status_code == 200}
    assert {answer.status_code for answer in answers} <= {200, 409}
    stored = api.tenant(tenant["id"])
    assert stored
    assert stored.signing_key
    assert stored.signing_secret
    valid = [Sealed(key=stored.signing_key, sealed=stored.signing_secret), *(one.secret for one in stored.previous_secrets)]
    assert {opened(api, tenant["id"], one) for one in valid} == shown | {tenant["signing_secret"]}
