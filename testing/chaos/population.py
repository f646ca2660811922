"""Who takes part: accounts of tenants, logged in at workers, strangers who write to them, friends whom they write to, and their chats."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.model.account import Account
from shared.model.ids import Channel, Epoch, TenantId, WorkerId
from shared.model.worker import WorkerState
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command
from shared.rpc.log_in import StartLogIn, VerifyLogIn
from shared.store.accounts import AccountStore
from shared.store.tenants import TenantStore
from shared.store.workers import WorkerStore
from testing.chaos.plan import ChaosPlan
from testing.chaos.telegram_process import RestartingServer

FRIENDS = 8
IN_A_GROUP = 5
AT_ONCE = 4


@dataclass(frozen=True)
class Participant:
    """An account of a tenant of its own."""

    tenant_id: TenantId
    phone: str
    person_id: int


@dataclass
class ScriptedChat:
    """A chat that a stranger writes to. `to` is how the stranger's phone names it."""

    number: int
    kind: str
    stranger: str
    stranger_id: int
    to: str
    participants: tuple[Participant, ...]
    last: int = 0


@dataclass
class Population:
    """Everybody."""

    participants: list[Participant] = field(default_factory=list)
    chats: list[ScriptedChat] = field(default_factory=list)
    friends: dict[str, str] = field(default_factory=dict)
    """Usernames by phone."""


async def gather(
    plan: ChaosPlan, server: RestartingServer, tenants: TenantStore, accounts: AccountStore, workers: WorkerStore
) -> Population:
    """Make everybody, log the accounts in (spread over the workers), and make the chats."""
    population = Population()
    for number in range(FRIENDS):
        phone, username = f"+99970000{number:02}", f"friend_{number}"
        await server.post("/people", {"phone": phone, "first_name": f"Friend {number}", "username": username})
        population.friends[phone] = username
    for number in range(plan.accounts):
        phone = f"+9997100{number:04}"
        person = await server.post("/people", {"phone": phone, "first_name": f"Account {number}"})
        tenant_id = TenantId(str(UUID(int=number + 1)))
        await asyncio.to_thread(tenants.create, f"Tenant {number}", None, datetime.now(UTC), None, tenant_id)
        population.participants.append(Participant(tenant_id, phone, int(person["id"])))
    await _log_in(population.participants, server, accounts, workers)
    await _make_chats(plan, server, population)
    return population


async def _log_in(participants: list[Participant], server: RestartingServer, accounts: AccountStore, workers: WorkerStore) -> None:
    live = await asyncio.to_thread(lambda: [row.id for row in workers.all() if row.state is WorkerState.LIVE])
    waiting = list(zip(participants, itertools.cycle(live), strict=False))
    with ExitStack() as parts, ThreadPoolExecutor(AT_ONCE, "log-in") as threads:

        async def log_in_some() -> None:
            loop, client = asyncio.get_running_loop(), OwnerClient(accounts, workers)
            parts.callback(client.close)
            while waiting:
                participant, worker = waiting.pop()
                asked = Account(tenant_id=participant.tenant_id, channel=Channel.TELEGRAM, owner=WorkerId(worker), epoch=Epoch(0))

                def call(command: Command[Any], participant: Participant = participant, asked: Account = asked) -> None:
                    client.call(participant.tenant_id, Channel.TELEGRAM, asked, command)

                await loop.run_in_executor(threads, call, StartLogIn(phone=participant.phone))
                code = (await server.get(f"/people/{participant.phone}/code", wait_s=10))["code"]
                await loop.run_in_executor(threads, call, VerifyLogIn(phone=participant.phone, code=code))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(log_in_some())


async def _make_chats(plan: ChaosPlan, server: RestartingServer, population: Population) -> None:
    numbers = itertools.count(1)
    if "private" in plan.kinds:
        for participant in population.participants:
            number = next(numbers)
            phone, person_id = await _stranger(server, number)
            population.chats.append(ScriptedChat(number, "private", phone, person_id, participant.phone, (participant,)))
    size = min(IN_A_GROUP, len(population.participants))
    for kind in (kind for kind in plan.kinds if kind != "private"):
        for first in range(max(1, len(population.participants) // 10)):
            number = next(numbers)
            phone, person_id = await _stranger(server, number)
            participants = tuple(population.participants[(first * 10 + step * 2) % len(population.participants)] for step in range(size))
            body = {
                "kind": kind,
                "title": f"Chat {number}",
                "creator": phone,
                "members": [participant.phone for participant in set(participants)],
            }
            group = await server.post("/groups", body)
            population.chats.append(ScriptedChat(number, kind, phone, person_id, str(group["id"]), tuple(dict.fromkeys(participants))))


async def _stranger(server: RestartingServer, number: int) -> tuple[str, int]:
    phone = f"+9997200{number:04}"
    person = await server.post("/people", {"phone": phone, "first_name": f"Stranger {number}"})
    return phone, int(person["id"])
