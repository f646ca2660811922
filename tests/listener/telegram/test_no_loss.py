"""Nothing is lost and nothing is out of order per chat: random sequences of sends, faults and reconnects."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from listener.telegram.connection.client import Client
from shared.errors import AvioError
from testing.telegram_server.control.specs import ConnectionSpec, SendSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import Chats, InboundPipeline, chats_of, serving
from tests.listener.telegram.clients import ANN, TelegramHarness
from tests.support.listener_harness import until

FAULTS = (
    "lose_push",
    "hold_push",
    "repeat_push",
    "too_long_push",
    "difference_too_long",
    "channel_difference_too_long",
)
STEPS = 25


class RandomRun:
    """One account, connected or not, over several processes."""

    def __init__(self, telegram: TelegramHarness, chats: Chats, inbound: InboundPipeline, chance: random.Random) -> None:
        self.telegram, self.chats, self.inbound, self.chance = telegram, chats, inbound, chance
        self.client: Client | None = None
        self._open = AsyncExitStack()
        self._steps: list[Callable[[], Any]] = [self.write] * 8 + [self.fault] * 4
        self._steps += [self.write_oneself, self.connect, self.connect, self.part, self.kick, self.die, self.renew, self.join, self.wait]
        self._steps += [self.hold, self.accept, self.refuse, self.write_unreadable, self.garble]

    async def run(self) -> None:
        for _ in range(STEPS):
            step = self.chance.choice(self._steps)
            result = step()
            if result is not None:
                await result
            await asyncio.sleep(0)

    def write(self) -> None:
        self.chats.write(self.chance.choice(list(self.chats.ids)), self.chance.randint(1, 7))

    def write_unreadable(self) -> None:
        self.chats.write_unreadable(self.chance.choice(list(self.chats.ids)))

    def garble(self) -> None:
        method = self.chance.choice(["updates.getDifference", "updates.getChannelDifference", "messages.getHistory", "messages.getDialogs"])
        self.telegram.server.operation.inject(FaultSpec(kind="unreadable", method=method))

    def write_oneself(self) -> None:
        chat = self.chance.choice([chat_id for chat_id in self.chats.ids.values() if chat_id > 0])
        self.telegram.server.messages.send(ANN, SendSpec(to=str(chat), text="from my phone"))

    def fault(self) -> None:
        self.telegram.server.operation.inject(FaultSpec.model_validate({"kind": self.chance.choice(FAULTS), "phone": ANN}))

    async def connect(self) -> None:
        if self.client is not None:
            return
        try:
            self.client = await self._open.enter_async_context(serving(self.telegram, self.inbound))
        except AvioError:
            return

    async def part(self) -> None:
        self.client = None
        await self._open.aclose()
        self._open = AsyncExitStack()

    async def kick(self) -> None:
        self.telegram.server.operation.kick(ConnectionSpec(person=ANN))
        await self.part()

    async def die(self) -> None:
        await self.part()
        self.inbound.die()

    def renew(self) -> None:
        self.telegram.server.operation.new_session(ConnectionSpec(person=ANN))

    def join(self) -> None:
        name = f"new {len(self.chats.ids)}"
        self.chats.make(name, self.chance.choice(["basic", "supergroup", "channel"]))

    def hold(self) -> None:
        self.inbound.held = True

    def accept(self) -> None:
        self.inbound.held = False
        self.inbound.accept(self.chance.choice([3, 1000]))

    def refuse(self) -> None:
        method = self.chance.choice(["messages.getMessages", "messages.getHistory", "messages.getDialogs", "updates.getChannelDifference"])
        kind, code = self.chance.choice([("error", 500), ("error", 420), ("drop_before", 0)])
        message = "FLOOD_WAIT_31" if code == 420 else "INTERNAL"
        self.telegram.server.operation.inject(FaultSpec.model_validate({"kind": kind, "method": method, "code": code, "message": message}))

    async def to_the_end(self) -> None:
        """Reconnect as an account does, until everything has arrived."""
        self.inbound.held = False
        self.inbound.accept()
        while not self.inbound.holds(self.chats):
            await self.connect()
            client = self.client
            assert client is not None
            await until(lambda: self.inbound.holds(self.chats) or client.full.is_set() or not client.up)  # noqa: B023
            await self.part()

    async def wait(self) -> None:
        await asyncio.sleep(self.chance.choice([0, 0.01, 0.6]))


@pytest.mark.parametrize("seed", range(16))
async def test_everything_arrives_in_order_whatever_goes_wrong(telegram: TelegramHarness, seed: int) -> None:
    """In all four kinds of chat the ledger gets what was sent, in order per chat, apart from repeats."""
    chance = random.Random(seed)
    telegram.server.operation.settings({"difference_slice": chance.choice([3, 100]), "channel_difference_slice": chance.choice([2, 100])})
    chats = chats_of(telegram)
    inbound = InboundPipeline(await telegram.log_in(), bound=chance.choice([5, 1000]))
    story = RandomRun(telegram, chats, inbound, chance)
    await story.run()
    await story.part()
    telegram.server.operation.clear()
    for name in chats.ids:
        chats.write(name)
    await story.to_the_end()
    assert inbound.by_chat(chats) == chats.sent
    assert telegram.counted("unknown_methods") == {}
