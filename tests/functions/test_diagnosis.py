"""`make diag` against the API: what it finds, and that it tells no secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from local import reverse_proxy
from local.child_process import free_port
from operators.__main__ import main
from operators.diagnosis import Deployment, Finding, Level, diagnose
from shared.model.account import AccountState
from shared.model.ids import TenantId
from shared.model.tenant import Cause
from tests.functions.api import ADMIN, Api
from tests.support.stand_in_owner import StandInOwner

TOKEN = ADMIN["X-Admin-Token"]
SENT = {"peer_resolved": 77, "message_id": 5, "date": "2026-03-01T12:00:00+00:00"}
LIVE = {"connected": True, "synced_at": None, "down_since": None, "last_error": None}


@pytest.fixture
async def url(api: Api) -> AsyncIterator[str]:
    """The API on a port."""
    with reverse_proxy.running(api.app, free_port()) as url:
        yield url


async def findings(url: str, tenant: dict[str, Any], token: str = TOKEN, send_to: str = "") -> list[Finding]:
    """Return what a diagnosis of one tenant finds."""
    with httpx.Client(base_url=url) as client:
        return await asyncio.to_thread(lambda: list(diagnose(Deployment(client, token), send_to, str(tenant["number"]))))


def bad(found: list[Finding]) -> list[str]:
    """Return what is bad."""
    return [finding.what for finding in found if finding.level is Level.BAD]


async def test_nothing_is_bad_where_nothing_is_wrong(api: Api, owner: StandInOwner, url: str) -> None:
    """A connected account; a message is sent only where it is asked for."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    live = {**LIVE, "connected_since": api.clock.now().isoformat()}
    owner.respond = lambda command, body: live if "status" in command else SENT
    quiet = await findings(url, tenant)
    assert bad(quiet) == []
    assert not [command for command, _ in owner.asked if "send" in command]
    assert any("a message was sent" in finding.what for finding in await findings(url, tenant, send_to="me"))


async def test_an_account_without_an_owner_is_bad(api: Api, url: str) -> None:
    """With the next step that the status has."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED)
    (found,) = [finding for finding in await findings(url, tenant) if finding.level is Level.BAD]
    assert "no_owner" in found.what
    assert "avio workers" in found.mend


async def test_a_disabled_callback_is_bad(api: Api, url: str) -> None:
    """With why, and how to have it again."""
    tenant = await api.new_tenant(callback_url="https://example.com/hook")
    stored = api.tenants.get(TenantId(tenant["id"]))
    assert stored
    assert api.tenants.disable_callback(stored, Cause.GONE, "It answered 410.", api.clock.now())
    (found,) = [finding for finding in await findings(url, tenant) if finding.level is Level.BAD]
    assert (found.what.endswith("disabled"), "410" in found.mend, "retry" in found.mend) == (True, True, True)


async def test_a_wrong_token_ends_it(api: Api, url: str) -> None:
    """What it opens is not looked at."""
    tenant = await api.new_tenant()
    found = await findings(url, tenant, "another token")
    assert bad(found) == ["the admin token is wrong"]
    assert found[-1].level is Level.BAD


async def test_nobody_there(api: Api) -> None:
    """One finding, with what to do."""
    found = await findings(f"http://127.0.0.1:{free_port()}", await api.new_tenant())
    assert len(found) == len(bad(found)) == 1
    assert "make up" in found[0].mend


async def test_the_command_says_it_and_exits_by_it(
    api: Api, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No token, key or signing secret is printed."""
    tenant = await api.new_tenant(callback_url="https://example.com/hook")
    monkeypatch.setenv("AVIO_URL", url)
    monkeypatch.setenv("DIAG_TENANT", str(tenant["number"]))
    for token, code, said in ((TOKEN, 0, "nothing to be mended"), ("another token", 1, "1 to be mended")):
        monkeypatch.setenv("ADMIN_TOKEN", token)
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(main, ["diag", "--verbose"])
        out = capsys.readouterr().out
        assert (ended.value.code, said in out) == (code, True), out
        assert not [secret for secret in (token, tenant["key"], tenant["signing_secret"]) if secret in out]


async def test_without_a_token_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it asks anything."""
    monkeypatch.setenv("AVIO_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("ADMIN_TOKEN", raising=False)
    with pytest.raises(SystemExit, match="set ADMIN_TOKEN"):
        main(["diag"])
