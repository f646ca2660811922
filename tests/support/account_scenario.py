"""Anna's account, served by a listener, and Alice, who writes to her."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from listener.core.account import OwnedAccount
from listener.telegram.operations.outgoing import Outgoing
from shared.model.ids import Channel, TenantId
from testing.telegram_server.control.specs import MessageFilter, PersonSpec, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.support.listener_harness import ListenerHarness, WorkerHarness, is_up, telegram, until
from tests.support.outgoing import text_to

TENANT = TenantId("11111111-1111-1111-1111-111111111111")


ANNA, ALICE = "+999661001", "+999661002"


PASSWORD = "a second factor"


@pytest.fixture(autouse=True)
def people(server: TelegramServer) -> None:
    """Create Anna, whose account the tenant uses, and Alice, who writes to her."""
    server.people.create(PersonSpec(phone=ANNA, first_name="Anna", password=PASSWORD))
    server.people.create(PersonSpec(phone=ALICE, first_name="Alice", username="alice"))


def id_of(server: TelegramServer, phone: str) -> int:
    return int(server.people.get(phone)["id"])


async def code_of(server: TelegramServer, phone: str = ANNA) -> str:
    return str((await server.people.code(phone, wait_s=5))["code"])


async def log_in(worker: WorkerHarness, server: TelegramServer) -> OwnedAccount:
    """Log Anna in, by code and password, and wait until her account is connected."""
    account = await worker.account(TENANT)
    await telegram(account).flow.start(ANNA)
    await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)
    await connected(account)
    return account


async def connected(account: OwnedAccount) -> None:
    await until(lambda: is_up(account))


def message(text: str, to: str = "@alice", random_id: int = 1, reply_to: int | None = None) -> Outgoing:
    return text_to(to, text, random_id, reply_to)


def write(server: TelegramServer, text: str, sender: str = ALICE, to: str = ANNA) -> None:
    server.messages.send(sender, SendSpec(to=to, text=text))


async def arrived(server: TelegramServer, count: int = 1) -> list[str]:
    """Wait until Alice has got that many messages."""
    return [found["text"] for found in await server.messages.wait(ALICE, count, wanted=MessageFilter(direction="in"))]


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"]["text"] for event in events]


async def row(harness: ListenerHarness) -> Any:
    return await asyncio.to_thread(harness.accounts.get, TENANT, Channel.TELEGRAM)
