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
from testing.chaos.plan import Plan
from testing.chaos.server import Server

FRIENDS = 8
IN_A_GROUP = 5
AT_ONCE = 4


@dataclass(frozen=True)
class Member:
    """An account of a tenant of its own."""

    tenant_id: TenantId
    phone: str
    person_id: int


@dataclass
class Chat:
    """A chat that a stranger writes to. `to` is how the stranger's phone names it."""

    number: int
    kind: str
    stranger: str
    stranger_id: int
    to: str
    members: tuple[Member, ...]
    last: int = 0


@dataclass
class Cast:
    """Everybody."""

    members: list[Member] = field(default_factory=list)
    chats: list[Chat] = field(default_factory=list)
    friends: dict[str, str] = field(default_factory=dict)
    """Usernames by phone."""


async def gather(plan: Plan, server: Server, tenants: TenantStore, accounts: AccountStore, workers: WorkerStore) -> Cast:
    """Make everybody, log the accounts in (spread over the workers), and make the chats."""
    cast = Cast()
    for number in range(FRIENDS):
        phone, username = f"+99970000{number:02}", f"friend_{number}"
        await server.post("/people", {"phone": phone, "first_name": f"Friend {number}", "username": username})
        cast.friends[phone] = username
    for number in range(plan.accounts):
        phone = f"+9997100{number:04}"
        person = await server.post("/people", {"phone": phone, "first_name": f"Account {number}"})
        tenant_id = TenantId(str(UUID(int=number + 1)))
        await asyncio.to_thread(tenants.create, f"Tenant {number}", None, datetime.now(UTC), None, tenant_id)
        cast.members.append(Member(tenant_id, phone, int(person["id"])))
    await _log_in(cast.members, server, accounts, workers)
    await _make_chats(plan, server, cast)
    return cast


async def _log_in(members: list[Member], server: Server, accounts: AccountStore, workers: WorkerStore) -> None:
    live = await asyncio.to_thread(lambda: [row.id for row in workers.all() if row.state is WorkerState.LIVE])
    waiting = list(zip(members, itertools.cycle(live), strict=False))
    with ExitStack() as parts, ThreadPoolExecutor(AT_ONCE, "log-in") as threads:

        async def log_in_some() -> None:
            loop, client = asyncio.get_running_loop(), OwnerClient(accounts, workers)
            parts.callback(client.close)
            while waiting:
                member, worker = waiting.pop()
                asked = Account(tenant_id=member.tenant_id, channel=Channel.TELEGRAM, owner=WorkerId(worker), epoch=Epoch(0))

                def call(command: Command[Any], member: Member = member, asked: Account = asked) -> None:
                    client.call(member.tenant_id, Channel.TELEGRAM, asked, command)

                await loop.run_in_executor(threads, call, StartLogIn(phone=member.phone))
                code = (await server.get(f"/people/{member.phone}/code", wait_s=10))["code"]
                await loop.run_in_executor(threads, call, VerifyLogIn(phone=member.phone, code=code))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(log_in_some())


async def _make_chats(plan: Plan, server: Server, cast: Cast) -> None:
    numbers = itertools.count(1)
    if "private" in plan.kinds:
        for member in cast.members:
            number = next(numbers)
            phone, person_id = await _stranger(server, number)
            cast.chats.append(Chat(number, "private", phone, person_id, member.phone, (member,)))
    size = min(IN_A_GROUP, len(cast.members))
    for kind in (kind for kind in plan.kinds if kind != "private"):
        for first in range(max(1, len(cast.members) // 10)):
            number = next(numbers)
            phone, person_id = await _stranger(server, number)
            members = tuple(cast.members[(first * 10 + step * 2) % len(cast.members)] for step in range(size))
            body = {"kind": kind, "title": f"Chat {number}", "creator": phone, "members": [member.phone for member in set(members)]}
            group = await server.post("/groups", body)
            cast.chats.append(Chat(number, kind, phone, person_id, str(group["id"]), tuple(dict.fromkeys(members))))


async def _stranger(server: Server, number: int) -> tuple[str, int]:
    phone = f"+9997200{number:04}"
    person = await server.post("/people", {"phone": phone, "first_name": f"Stranger {number}"})
    return phone, int(person["id"])
