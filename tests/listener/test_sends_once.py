"""A send with an Idempotency-Key makes one message, wherever the function or the owner dies (G7): routes, owner and Telegram are real."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from functions.http.act_service import ActService
from functions.http.app import create_app
from functions.http.authenticator import Authenticator
from functions.http.callers import CALLER_KINDS, CredentialSources
from functions.http.dependencies import Dependencies
from functions.http.deployment_tokens import DeploymentTokens
from functions.http.key_use import KeyUse
from functions.http.pipeline import Pipeline
from functions.messages import routes
from functions.messages.account_commands import AccountCommands
from shared.clock import SystemClock
from shared.model.tenant import digest
from shared.rpc.client import OwnerClient
from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenDigests, TokenStore
from shared.store.workers import WorkerStore
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import TENANT, arrived, log_in, people
from tests.support.clock import FakeClock
from tests.support.listener_harness import ListenerHarness
from tests.support.worker_interface import interface

__all__ = ["people"]
WRITES = ("transact_write_items", "update_item", "delete_item")


class Killed(BaseException):
    """The function is dead: nothing catches it, and nothing is written after it."""


class DyingClient:
    """A DynamoDB client of a function that dies at its n-th write, before or after the write is applied."""

    def __init__(self, client: Any, at: int, *, applied: bool) -> None:
        self._client, self._left, self._applied = client, at, applied

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self._client, operation)
        if operation not in WRITES:
            return call

        def write(**request: Any) -> Any:
            self._left -= 1
            if self._left < 0 or (self._left == 0 and not self._applied):
                raise Killed
            answer = call(**request)
            if self._left == 0:
                raise Killed
            return answer

        return write


class Function:
    """The messages function, whose time a test moves by `clock`."""

    def __init__(self, harness: ListenerHarness, clock: FakeClock) -> None:
        self._harness, self._clock = harness, clock
        TokenStore(harness.table).put(TokenDigests(admin=digest("admin")))
        values = {":id": TENANT, ":number": 1, ":name": "Shop", ":at": clock.now().isoformat()}
        names = {"#id": "id", "#number": "number", "#name": "name"}
        update = "SET #id = :id, #number = :number, #name = :name, created_at = :at"
        harness.table.update(keys.tenant(TENANT), update, values, names=names)

    async def send(self, client: Any = None, idempotency_key: str = "k") -> httpx.Response:
        """Send the same text to Alice under a key."""
        table = Table(client or self._harness.table.client, self._harness.table.name)
        tenants = TenantStore(table)
        sources = CredentialSources(DeploymentTokens(TokenStore(table), self._clock), tenants, self._clock, KeyUse(tenants, self._clock))
        pipeline = Pipeline(Authenticator(CALLER_KINDS, sources), ActService(table, self._clock))
        owner = OwnerClient(AccountStore(table), WorkerStore(table))
        logger = self._harness.log.logger
        app = create_app([routes.router], pipeline=pipeline, dependencies=Dependencies(AccountCommands(owner)), origins=[], logger=logger)
        headers = {"X-Admin-Token": "admin", "Idempotency-Key": idempotency_key}
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://api.example") as http:
                path = f"/tenants/{TENANT}/messages/send"
                return await http.post(path, json={"peer": "@alice", "text": "once"}, headers=headers)
        finally:
            owner.close()


@pytest.fixture
def clock() -> FakeClock:
    """The functions' time; it begins now, as Telegram's does."""
    clock = FakeClock()
    clock.jump((SystemClock().now() - clock.now()).total_seconds())
    return clock


@pytest.mark.parametrize(("at", "applied"), [(1, False), (1, True), (2, False), (2, True)])
async def test_a_function_that_dies_at_a_write_and_the_repeat_send_one_message(
    harness: ListenerHarness, server: TelegramServer, clock: FakeClock, at: int, applied: bool
) -> None:
    """Before and after the record is begun, and before and after the answer is kept."""
    function = Function(harness, clock)
    async with interface(harness) as (worker, _):
        await log_in(worker, server)
        with pytest.raises(Killed):
            await function.send(DyingClient(harness.table.client, at, applied=applied))
        begun = (at, applied) != (1, False)
        first = await function.send()
        if begun and (at, applied) != (2, True):
            assert (first.status_code, first.json()["error"]) == (409, "request_in_progress")
            clock.advance(61)
            first = await function.send()
        assert first.status_code == 200, first.text
        again = await function.send()
        assert (again.headers["Idempotency-Replayed"], again.content) == ("true", first.content)
        assert await arrived(server) == ["once"]


async def test_an_owner_that_dies_after_telegram_has_the_message_and_the_repeat_at_another_send_one(
    harness: ListenerHarness, server: TelegramServer, clock: FakeClock
) -> None:
    """The next owner knows nothing of the first try: it finds the message in the history since that began, minutes before."""
    function = Function(harness, clock)
    async with interface(harness) as (worker, _):
        await log_in(worker, server)
        with pytest.raises(Killed):
            await function.send(DyingClient(harness.table.client, 2, applied=False))
    assert await arrived(server) == ["once"]
    clock.advance(300)
    async with interface(harness):
        answer = await function.send()
        while answer.status_code == 503:  # the account is being taken over
            answer = await function.send()
        assert answer.status_code == 200, answer.text
        assert (await function.send()).content == answer.content
    assert await arrived(server) == ["once"]


async def test_the_same_key_many_times_at_once_sends_one_message(
    harness: ListenerHarness, server: TelegramServer, clock: FakeClock
) -> None:
    """Whoever comes second waits or gets the answer; another key sends another message."""
    function = Function(harness, clock)
    async with interface(harness) as (worker, _):
        await log_in(worker, server)
        answers = await asyncio.gather(*(function.send() for _ in range(6)))
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert (await function.send()).status_code == 200
        assert await arrived(server) == ["once"]
        assert (await function.send(idempotency_key="another")).status_code == 200
        assert await arrived(server, 2) == ["once", "once"]
