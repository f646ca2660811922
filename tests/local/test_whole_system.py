"""The shared fixture is the whole system: the real functions, the listener and the Telegram test server."""

from __future__ import annotations

import httpx

from local.system import System

TIMEOUT_S = 60


def test_the_api_answers_through_the_front(system: System) -> None:
    """The function's answer, not the emulator's own /health."""
    answer = httpx.get(f"{system.url}/health", timeout=TIMEOUT_S, trust_env=False)
    assert answer.json() == {"ok": True}


def test_the_admin_token_opens_the_api(system: System) -> None:
    """Its digest was published when the system started."""
    answer = httpx.get(f"{system.url}/tenants", headers={"X-Admin-Token": system.admin_token}, timeout=TIMEOUT_S, trust_env=False)
    assert answer.status_code == 200


def test_every_part_runs(system: System) -> None:
    """A part that ends by itself would be named here."""
    assert system.telegram is not None
    assert len(system.listeners) == 1
    assert system.stopped == []


def test_one_more_listener_can_join_and_leave(system: System) -> None:
    """As in a deployment: the new one answers before the old one is stopped."""
    joined = system.start_listener()
    assert system.stopped == []
    joined.stop()
    assert system.stopped == [joined]
    system.listeners.remove(joined)
