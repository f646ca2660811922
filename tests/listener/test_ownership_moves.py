"""Accounts on the move between workers: what a takeover costs, beats meanwhile, drains, and commands that never stop coming."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.errors import AvioError, Code
from shared.model.ids import NOBODY, Channel, TenantId, WorkerId
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command
from shared.rpc.log_in import StartLogIn, VerifyLogIn
from shared.rpc.send import SendMessage
from shared.store import keys
from testing.telegram_server.control.specs import MessageFilter, PersonSpec
from testing.telegram_server.server import TelegramServer
from tests.support.listener_harness import PATIENCE_S, ListenerHarness, WorkerHarness, until
from tests.support.worker_interface import interface

TENANT = TenantId("11111111-1111-1111-1111-111111111111")
ANNA, ALICE = "+999661001", "+999661002"
MANY = 40


def left_by(harness: ListenerHarness, owner: WorkerId, count: int = MANY) -> None:
    """Accounts of an owner that is no more."""
    for number in range(count):
        row = {**keys.account(TenantId(f"22222222-0000-0000-0000-{number:012}"), Channel.TELEGRAM), "owner": owner, "epoch": 3}
        harness.table.put(row)


class CountingClient:
    """Counts the requests of a DynamoDB client by operation and first letters of the item's key."""

    def __init__(self, client: Any) -> None:
        self.made: Counter[str] = Counter()
        client.meta.events.register("provide-client-params.dynamodb.*", self._count)

    def _count(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        key = params.get("Key", {}).get("sk", {}).get("S", "")
        self.made[f"{model.name} {key.split('#')[0]}"] += 1


async def test_taking_an_account_over_costs_one_claim_two_loads_and_a_look_for_its_proxy(harness: ListenerHarness) -> None:
    """No row is read before the claim: the index shows what its condition needs."""
    worker = harness.worker()
    gone = WorkerId("gone")
    harness.workers.register(worker.ownership.me.model_copy(update={"id": gone}))
    harness.workers.end(gone, SystemClock().now())
    left_by(harness, gone)
    counted = CountingClient(harness.table.client)
    async with worker.running():
        await until(lambda: sum(account.is_loaded for account in worker.ownership.claims.accounts.values()) == MANY)
    assert counted.made["UpdateItem ACCOUNT"] == MANY
    assert counted.made["UpdateItem SESSION"] == MANY
    assert counted.made["UpdateItem MARKS"] == MANY
    assert {name: made for name, made in counted.made.items() if name.startswith("GetItem")} == {"GetItem PROXY": MANY}


async def test_beats_go_on_while_every_claim_of_a_takeover_hangs(harness: ListenerHarness) -> None:
    """They have threads and a client of their own: a table that answers no claim takes no lease away."""
    left_by(harness, NOBODY)
    worker, go = harness.worker(), threading.Event()
    hanging: list[None] = []

    def hang(params: dict[str, Any], **_: Any) -> None:
        if params["Key"]["sk"]["S"].startswith("ACCOUNT"):
            hanging.append(None)
            go.wait(60)

    harness.table.client.meta.events.register("provide-client-params.dynamodb.UpdateItem", hang)
    try:
        async with worker.running():
            await until(lambda: len(hanging) >= 8)  # as many as there are threads
            before = await beat_of(harness, worker)
            await until_beat(harness, worker, before + 2)
            assert worker.lease.held()
            go.set()
            await until(lambda: worker.ownership.held == MANY)
    finally:
        go.set()


async def beat_of(harness: ListenerHarness, worker: WorkerHarness) -> int:
    row = await asyncio.to_thread(harness.workers.get, worker.id)
    assert row is not None
    return row.beat


async def until_beat(harness: ListenerHarness, worker: WorkerHarness, beat: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await beat_of(harness, worker) < beat:  # noqa: ASYNC110  rows announce nothing
            await asyncio.sleep(0.05)


class PersistentSender:
    """A customer that never stops sending, and repeats under the same random id what it is told to repeat."""

    def __init__(self, harness: ListenerHarness) -> None:
        self._rig = harness
        self._client = OwnerClient(harness.accounts, harness.workers)
        self.sent: list[str] = []
        self.refused: Counter[str] = Counter()
        self._stop = False

    async def call(self, command: Command[Any]) -> None:
        account = await asyncio.to_thread(self._rig.accounts.get, TENANT, Channel.TELEGRAM)
        await asyncio.to_thread(self._client.call, TENANT, Channel.TELEGRAM, account, command)

    async def run(self) -> None:
        """Send until stopped."""
        while not self._stop:
            text = f"message {len(self.sent) + 1}"
            while True:
                try:
                    await self.call(SendMessage(to="@alice", text=text, random_id=len(self.sent) + 1))
                    break
                except AvioError as error:
                    self.refused[error.code] += 1
                    await asyncio.sleep(0.1)  # what it is asked for: come back later
            self.sent.append(text)

    async def some_more(self, count: int = 10) -> None:
        """Wait until it has sent some more."""
        wanted = len(self.sent) + count
        await until(lambda: len(self.sent) >= wanted)

    def stop(self) -> None:
        """Finish the message under way."""
        self._stop = True

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


@pytest.fixture
def people(server: TelegramServer) -> None:
    """Anna, whose account is plugged in, and Alice, to whom it writes."""
    server.people.create(PersonSpec(phone=ANNA, first_name="Anna"))
    server.people.create(PersonSpec(phone=ALICE, first_name="Alice", username="alice"))


async def test_every_message_arrives_once_through_hand_back_hand_over_and_kill(
    harness: ListenerHarness, server: TelegramServer, people: None
) -> None:
    """Refusals ask for a repeat, under the same random id; none is an internal error, and the key is never on two connections."""
    sender = PersistentSender(harness)
    async with AsyncExitStack() as workers:
        first, _ = await workers.enter_async_context(interface(harness))
        await sender.call(StartLogIn(phone=ANNA))
        await sender.call(VerifyLogIn(phone=ANNA, code=(await server.people.code(ANNA, wait_s=5))["code"]))
        sending = asyncio.create_task(sender.run())
        await sender.some_more()
        second, _ = await workers.enter_async_context(interface(harness))
        assert await asyncio.to_thread(harness.workers.drain, first.id)
        await until(lambda: second.ownership.held == 1 and first.task and first.task.done())
        await sender.some_more()
        third, _ = await workers.enter_async_context(interface(harness))
        second.ownership.stop()
        await until(lambda: third.ownership.held == 1)
        await sender.some_more()
        fourth, _ = await workers.enter_async_context(interface(harness))
        await third.crash()
        await harness.mark_dead(third.id)
        await until(lambda: fourth.ownership.held == 1)
        await sender.some_more()
        sender.stop()
        await asyncio.wait_for(sending, PATIENCE_S)
    sender.close()
    got = [
        found["text"] for found in await server.messages.wait(ALICE, len(sender.sent), wanted=MessageFilter(direction="in", limit=10_000))
    ]
    assert got == sender.sent
    assert set(sender.refused) <= {Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN, Code.TELEGRAM_UNAVAILABLE}
    assert server.operation.counters()["auth_key_duplicated"] == 0
