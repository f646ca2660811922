"""Sends over HTTP with a worker that answers as told, as several test modules use them."""

from __future__ import annotations

import re
from typing import Any

import httpx

from shared.model.account import AccountState
from tests.functions.api import Api, key
from tests.support.stand_in_owner import StandInOwner

SENT = {"peer_resolved": 77, "message_id": 5, "date": "2026-03-01T12:00:00+00:00"}


async def logged_in(api: Api, owner: StandInOwner, state: AccountState = AccountState.AUTHORIZED) -> dict[str, Any]:
    """Return a tenant whose account the worker holds."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], state, owner.worker)
    owner.respond = lambda command, body: SENT
    return tenant


async def send(api: Api, tenant: dict[str, Any], idempotency_key: str | None = None, **change: Any) -> httpx.Response:
    headers = key(tenant["key"]) | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
    return await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x", **change}, headers=headers)


async def limit_to(api: Api, tenant: dict[str, Any], limit: int, window_s: int = 60) -> None:
    body = {"rate_limit": {"limit": limit, "window_s": window_s}}
    changed = await api.call("PATCH", f"/tenants/{tenant['id']}", json=body)
    assert (changed.status_code, changed.json()["rate_limit"]) == (200, body["rate_limit"])


def remaining(answer: httpx.Response) -> int:
    found = re.fullmatch(r'"tenant";r=(\d+)(;t=\d+)?', answer.headers["RateLimit"])
    assert found, answer.headers["RateLimit"]
    return int(found[1])
