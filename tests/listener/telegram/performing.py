"""A connected client of Ann that runs operations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from telethon.tl import functions, types

from listener.telegram.operations.operation_runner import Operation, OperationRunner
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.requests.answers import Answers
from shared.model.ids import Channel
from shared.store.peers import Peer, PeerStore
from testing.telegram_server.control.specs import MessageFilter, SendSpec
from tests.listener.telegram.chats import TENANT
from tests.listener.telegram.clients import ANN, BOB, NOW, BatchRecorder, LoggedInAccount, TelegramHarness
from tests.support.clock import FakeClock
from tests.support.fake_stores import fake_table

R = TypeVar("R")


@dataclass
class PerformingClient:
    """Performs operations as Ann, and reads what the server has."""

    telegram: TelegramHarness
    runner: OperationRunner
    peers: PeerCache
    account: LoggedInAccount
    recorder: BatchRecorder
    stored: PeerStore
    clock: FakeClock

    def calls(self, method: str) -> int:
        """Return how often a method was called."""
        return int(self.telegram.counted("calls").get(method, 0))

    @property
    def user_id(self) -> int:
        """Ann's id."""
        return self.account.user_id

    async def perform(self, operation: Operation[R]) -> R:
        """Run an operation."""
        return await self.runner.perform(operation, self.peers, self.user_id, TENANT)

    @asynccontextmanager
    async def reconnected(self) -> AsyncIterator[None]:
        """Connect again after the connection broke, as the connection loop does."""
        assert self.runner.client is not None
        with suppress(ConnectionError):
            await self.runner.client.disconnected
        async with self.telegram.serving(self.account, BatchRecorder()) as client:
            self.runner.connected(client)
            yield

    async def learn_chats(self) -> None:
        """Make the peers of the account's chats known, as events do."""
        assert self.runner.client is not None
        answer = await self.runner.client.invoke(functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 100, 0))
        self.peers.learn([*answer.users, *answer.chats])

    def written(self, text: str, to: str = BOB, sender: str = ANN) -> str:
        """Have somebody write; return the message's id in the sender's box, or in the group's."""
        return str(self.telegram.server.messages.send(sender, SendSpec(to=to, text=text))["id"])

    def received(self, text: str, to: str = ANN) -> str:
        """Have Bob write to Ann; return the message's id in her box."""
        self.telegram.server.messages.send(BOB, SendSpec(to=to, text=text))
        return str(self.telegram.server.messages.select(ANN, MessageFilter(chat=BOB))[-1]["id"])

    def texts(self, phone: str = BOB, chat: str = ANN) -> list[str]:
        """Return the texts of a chat as somebody sees it."""
        return [message["text"] for message in self.telegram.server.messages.select(phone, MessageFilter(chat=chat))]


@asynccontextmanager
async def performing_client(telegram: TelegramHarness) -> AsyncIterator[PerformingClient]:
    """Give a client that is logged in as Ann and knows nobody yet."""
    account, recorder, stored = await telegram.log_in(), BatchRecorder(), PeerStore(fake_table())
    clock = FakeClock()
    runner = OperationRunner(Answers(clock.boottime))

    async def load(peer_id: int) -> Peer | None:
        return stored.get_any(TENANT, Channel.TELEGRAM, peer_id)

    async def keep(peers: Iterable[Peer]) -> bool:
        stored.put_listed(TENANT, Channel.TELEGRAM, peers, NOW)
        return True

    async with telegram.serving(account, recorder) as client:
        runner.connected(client)
        peers = PeerCache(load, clock=clock.boottime, keep=keep)
        yield PerformingClient(telegram, runner, peers, account, recorder, stored, clock)
