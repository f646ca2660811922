"""What a tenant asks about its callback, through the real functions with the rights that they are deployed with."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import pytest

from local.system import System

TIMEOUT_S = 60


@pytest.fixture
def tenant(system: System) -> dict[str, Any]:
    """A tenant whose callback is the development receiver."""
    body = {"name": f"Shop {secrets.token_hex(4)}", "callback_url": f"{system.url}/dev/callback-receiver"}
    created: dict[str, Any] = call(system, "POST", "/tenants", {"X-Admin-Token": system.admin_token}, json=body).json()
    return created


def call(system: System, method: str, path: str, headers: dict[str, str], **request: Any) -> httpx.Response:
    """Call the API."""
    return httpx.request(method, f"{system.url}{path}", headers=headers, timeout=TIMEOUT_S, trust_env=False, **request)


def test_a_callback_is_tested_by_the_function_that_may_sign(system: System, tenant: dict[str, Any]) -> None:
    """The one that faces the internet asks it, and tells what the callback answered; the event is there to see."""
    own, base = {"Authorization": f"Bearer {tenant['key']}"}, f"/tenants/{tenant['id']}"
    tested = call(system, "POST", f"{base}/callback/test", own)
    assert (tested.status_code, tested.json()["status"]) == (200, 200), tested.text
    received = call(system, "GET", "/dev/callback-receiver", {}).json()
    assert tenant["id"] in [one["payload"]["tenant_id"] for one in received if one["payload"].get("event") == "test"]

    call(system, "PATCH", base, own, json={"callback_url": "http://127.0.0.1:1024/"}).raise_for_status()
    failed = call(system, "POST", f"{base}/callback/test", own)
    assert (failed.status_code, failed.json()["error"], failed.json()["fault"]) == (400, "callback_failed", "connect failed")


def test_the_log_and_the_callbacks_state_are_there_to_read(system: System, tenant: dict[str, Any]) -> None:
    """Empty and open for a new tenant; replays find nothing, and say so."""
    own, base = {"Authorization": f"Bearer {tenant['key']}"}, f"/tenants/{tenant['id']}"
    assert call(system, "GET", f"{base}/deliveries", own).json() == []
    assert call(system, "GET", f"{base}/callback/status", own).json()["state"] == "healthy"
    assert call(system, "POST", f"{base}/deliveries/evt_1/replay", own).json()["error"] == "delivery_not_found"
    none = call(system, "POST", f"{base}/deliveries/replay", own, json={"since": "2026-01-01T00:00:00Z"})
    assert (none.status_code, none.json()["queued"]) == (202, 0)
