"""The proxy of an account over HTTP, with a worker that answers as told (M6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functions.api import Api
from tests.support.stand_in_owner import StandInOwner

PROXY = {"type": "http", "host": "proxy.example", "port": 3128, "username": "name", "password": "s3cret"}
SHOWN = {"type": "http", "host": "proxy.example", "port": 3128, "has_credentials": True}


async def test_the_owner_is_given_the_proxy_and_secrets_are_not_shown(api: Api, owner: StandInOwner) -> None:
    """Set, shown, tried, removed."""
    tenant = await api.new_tenant()
    answers: dict[str, Any] = {"v2/proxy/test": {"works": False, "took_ms": 12, "problem": "p"}, "v2/proxy/remove": {}}
    owner.respond = lambda command, body: answers.get(command, SHOWN)
    path = f"/tenants/{tenant['id']}/proxy"
    assert (await api.call("PUT", path, json=PROXY)).json() == SHOWN
    assert (await api.call("GET", path)).json() == SHOWN
    assert (await api.call("POST", f"{path}/test")).json() == answers["v2/proxy/test"]
    assert (await api.call("DELETE", path)).json() == {"removed": True}
    assert owner.asked[0] == ("v2/proxy/set", {"tenant": tenant["id"], "channel": "telegram", **PROXY})


async def test_no_proxy_is_404(api: Api, owner: StandInOwner) -> None:
    """The owner answers with nothing."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: {}
    answer = await api.call("GET", f"/tenants/{tenant['id']}/proxy")
    assert (answer.status_code, answer.json()["error"]) == (404, "no_proxy")


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"type": "mtproxy"}, 400, "not_supported"),
        ({"secret": "ee00"}, 400, "invalid_proxy"),
        ({"username": None}, 400, "invalid_proxy"),
        ({"host": "user@host"}, 422, "invalid_request"),
        ({"host": "http://proxy.example"}, 422, "invalid_request"),
        ({"host": ""}, 422, "invalid_request"),
        ({"port": 0}, 422, "invalid_request"),
        ({"type": "socks4"}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_a_proxy_is_refused(api: Api, owner: StandInOwner, change: dict[str, Any], status: int, error: str) -> None:
    """Before anybody is asked, and without its secrets."""
    tenant = await api.new_tenant()
    answer = await api.call("PUT", f"/tenants/{tenant['id']}/proxy", json={**PROXY, **change})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (status, error, [])
    assert "s3cret" not in answer.text
