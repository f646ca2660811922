"""The private interface, as functions use it: over TLS with the certificate of the worker's row, by the owner client."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, TypeVar

import httpx
import pytest
from pydantic import BaseModel

from listener.core import commands
from listener.core.runtime.certificate import Certificate, new_certificate
from listener.telegram.channel import HANDLERS
from shared import request_id
from shared.clock import SystemClock
from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command
from shared.rpc.log_in import LogInCode, StartLogIn, VerifyLogIn
from shared.rpc.send import SendMessage
from shared.rpc.wire import Addressed
from testing.telegram_server.control.specs import PersonSpec
from testing.telegram_server.server import TelegramServer
from tests.support.listener_harness import ListenerHarness
from tests.support.worker_interface import interface

TENANT = TenantId("11111111-1111-1111-1111-111111111111")
ANNA = "+999661001"
R = TypeVar("R", bound=BaseModel)


async def call(harness: ListenerHarness, command: Command[R]) -> R:
    """Call as a function does: find the owner by the rows, then ask it."""
    client = OwnerClient(harness.accounts, harness.workers)
    account = await asyncio.to_thread(harness.accounts.get, TENANT, Channel.TELEGRAM)
    try:
        return await asyncio.to_thread(client.call, TENANT, Channel.TELEGRAM, account, command)
    finally:
        client.close()


async def test_a_function_logs_an_account_in_through_the_owner_that_it_finds(harness: ListenerHarness, server: TelegramServer) -> None:
    """No owner at first: the live worker is asked, which claims; then the row names it."""
    server.people.create(PersonSpec(phone=ANNA, first_name="Anna"))
    async with interface(harness) as (worker, _):
        answer = await call(harness, StartLogIn(phone=ANNA))
        assert isinstance(answer, LogInCode)
        assert answer.delivery == "app"
        code = (await server.people.code(ANNA, wait_s=5))["code"]
        assert (await call(harness, VerifyLogIn(phone=ANNA, code=code))).state == "authorized"
        row = await asyncio.to_thread(harness.accounts.get, TENANT, Channel.TELEGRAM)
        assert row is not None
        assert row.owner == worker.id
        sent = await call(harness, SendMessage(to="me", text="to me", random_id=5))
        assert sent.chat_id == str(row.user_id)


async def test_errors_keep_their_code_and_fields_over_the_wire(harness: ListenerHarness) -> None:
    """What the owner raised is what the function raises."""
    async with interface(harness):
        with pytest.raises(AvioError) as refused:
            await call(harness, SendMessage(to="me", text="?", random_id=5))
        assert refused.value.code is Code.NOT_AUTHORIZED
        assert refused.value.fields == {"state": "new"}


@pytest.mark.parametrize("token", [None, "", "wrong", "kk", "ключ"])
async def test_without_the_rows_key_nothing_is_run(harness: ListenerHarness, token: str | None) -> None:
    """Whoever can reach the port still needs the key."""
    async with interface(harness) as (worker, certificate):
        headers = {} if token is None else {"X-Admin-Token": token.encode()}
        async with httpx.AsyncClient(verify=_trusting(certificate)) as client:
            url = f"https://{worker.ownership.me.address}/send"
            answer = await client.post(url, headers=headers, json={})  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("send", [], "invalid_request"),
        ("send", {}, "invalid_request"),
        ("nonsense", {"tenant": TENANT, "channel": "telegram"}, "not_supported"),
        ("send", {"tenant": TENANT, "channel": "telegram"}, "invalid_request"),
        ("send", {"tenant": TENANT, "channel": "pigeon", "to": "me", "text": "", "random_id": 1}, "not_supported"),
        ("auth/start", {"tenant": TENANT, "channel": "telegram", "phone": 5}, "invalid_request"),
        ("send", {"tenant": TENANT, "channel": "telegram", "to": "no peer", "text": "", "random_id": 1}, "invalid_request"),
    ],
)
async def test_what_is_not_understood_is_refused(harness: ListenerHarness, path: str, body: Any, code: str) -> None:
    """By a code, without quoting what was sent."""
    async with interface(harness) as (worker, certificate), httpx.AsyncClient(verify=_trusting(certificate)) as client:
        answer = await client.post(f"https://{worker.ownership.me.address}/{path}", headers={"X-Admin-Token": "k"}, json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, code)


@pytest.mark.parametrize("given", ["3b0f1c52-6a1e-4f0e-9a55-0c1f4b1f8f0e", None, "x" * 100, 'a"b'])
async def test_each_command_leaves_one_line_under_the_requests_id(harness: ListenerHarness, given: str | None) -> None:
    """The id that came with it, or one of its own where none came or it is none; nothing of what was sent."""
    body = {"tenant": TENANT, "channel": "telegram", "to": "me", "text": "hidden", "random_id": 1}
    async with interface(harness) as (worker, certificate), httpx.AsyncClient(verify=_trusting(certificate)) as client:
        headers = {"X-Admin-Token": "k", **({"X-Request-Id": given} if given else {})}
        await client.post(f"https://{worker.ownership.me.address}/send", headers=headers, json=body)
    (line,) = harness.log.said("command")
    assert (line["command"], line["tenant"], line["error"]) == ("send", TENANT, "not_authorized")
    assert (line["request_id"] == given) is (given is not None and len(given) == 36)
    assert len(line["request_id"]) == 36
    assert isinstance(line["ms"], int)
    assert "hidden" not in harness.log.text


async def test_a_request_of_a_function_is_found_in_the_workers_log(harness: ListenerHarness) -> None:
    """Under the id that the function serves it by."""
    async with interface(harness):
        with request_id.serving("request-1"), pytest.raises(AvioError):
            await call(harness, SendMessage(to="me", text="?", random_id=5))
    assert [line["request_id"] for line in harness.log.said("command")] == ["request-1"]


async def test_another_certificate_is_not_spoken_to(harness: ListenerHarness) -> None:
    """A stranger at the same address does not get the request."""
    async with interface(harness, announced=new_certificate(SystemClock().now())):
        with pytest.raises(AvioError) as refused:
            await call(harness, SendMessage(to="me", text="secret", random_id=1))
        assert refused.value.code in {Code.OUTCOME_UNKNOWN, Code.UNAVAILABLE}


async def test_health_tells_whether_the_lease_is_held(harness: ListenerHarness) -> None:
    """A worker that may not connect is not healthy."""
    async with interface(harness) as (worker, certificate), httpx.AsyncClient(verify=_trusting(certificate)) as client:
        url = f"https://{worker.ownership.me.address}/health"
        assert (await client.get(url)).json() == {"ok": True, "worker": worker.id, "accounts": 0}
        worker.lease.lapse()
        assert (await client.get(url)).status_code == 503


def _trusting(certificate: Certificate) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate.pem)
    return context


@pytest.mark.parametrize("fault", [ValueError("Failed to get DC 4"), TypeError("?"), KeyError("?")])
async def test_what_fails_below_a_command_is_not_the_callers_fault(harness: ListenerHarness, fault: Exception) -> None:
    """The request was checked before anything was done; what is raised after that says nothing to strangers."""

    class Failing:
        handlers = {Channel.TELEGRAM: HANDLERS}  # noqa: RUF012

        async def account(self, *_: object) -> Any:
            raise fault

        def held_account(self, *_: object) -> None:
            return None

    owner: Any = Failing()
    asked = Addressed(TENANT, Channel.TELEGRAM, SendMessage(to="me", text="hidden", random_id=1))
    with pytest.raises(type(fault)):  # which the interface answers with internal_error
        await commands.run(owner, asked)
