"""One line in the log for each request, under the id that its caller was told."""

from __future__ import annotations

import pytest

from shared.model.account import AccountState
from tests.functions.api import Api, key
from tests.support.stand_in_owner import StandInOwner

SECRET = "not-for-any-log"


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "", "/tenants/{tenant}", 200),
        ("HEAD", "", "/tenants/{tenant}", 200),
        ("PATCH", "", "/tenants/{tenant}", 422),
        ("PUT", "/status", "/tenants/{tenant}/status", 405),
        ("GET", f"/{SECRET}", None, 404),
    ],
)
async def test_each_request_leaves_one_line(api: Api, method: str, path: str, route: str | None, status: int) -> None:
    """Whatever becomes of it: id, method, route, tenant, status and time, and nothing that was sent."""
    tenant = await api.new_tenant()
    credentials = key(tenant["key"])
    answer = await api.call(method, f"/tenants/{tenant['id']}{path}{'?x=' + SECRET if status == 422 else ''}", headers=credentials)
    lines = [line for line in api.log.said("request") if line["request_id"] == answer.headers["X-Request-Id"]]
    assert len(lines) == 1
    (line,) = lines
    assert (answer.status_code, line["status"], line["method"], line.get("route")) == (status, status, method, route)
    assert line.get("tenant") == (tenant["id"] if status in (200, 422) else None)
    assert isinstance(line["ms"], int)
    assert SECRET not in api.log.text
    assert tenant["key"] not in api.log.text


async def test_a_stranger_names_no_tenant_in_the_log(api: Api) -> None:
    """What stands in a path is written there only once the caller was let in."""
    answer = await api.call("GET", f"/tenants/{SECRET}", headers={})
    (line,) = [line for line in api.log.said("request") if line["request_id"] == answer.json()["request_id"]]
    assert (line["status"], line.get("tenant")) == (401, None)
    assert SECRET not in api.log.text


async def test_the_worker_hears_of_the_same_id(api: Api, owner: StandInOwner) -> None:
    """So that what it did for a request is found under it."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    owner.respond = lambda *_: {"peer_resolved": 1, "message_id": 1, "date": "2026-01-01T00:00:00+00:00"}
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    assert (answer.status_code, owner.request_ids) == (200, [answer.headers["X-Request-Id"]])
