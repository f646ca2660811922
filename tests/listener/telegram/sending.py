"""A connected client of Ann that sends messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from listener.telegram.operations.outgoing import Content, Outgoing, SendAttempts, SendOptions, Sent
from listener.telegram.operations.send import send
from listener.telegram.operations.send_text import Text
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.recent_sends import RecentSends
from shared.errors import AvioError
from shared.store.peers import Peer
from testing.telegram_server.control.specs import MessageFilter
from tests.listener.telegram.clients import ANN, BOB, BatchRecorder, LoggedInAccount, TelegramHarness
from tests.support.clock import FakeClock

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class SendingClient:
    """Sends as Ann, and reads what the server received."""

    telegram: TelegramHarness
    client: Any
    peers: PeerCache
    stored: dict[int, Peer]
    user_id: int
    recent_sends: RecentSends
    clock: FakeClock

    async def send(
        self, to: str, text: str = "hello", *, random_id: int = 1, reply_to: int | None = None, since: datetime = LONG_AGO
    ) -> Sent:
        """Send one message."""
        return await self.send_content(to, Text(text), (random_id,), SendOptions(reply_to=reply_to), SendAttempts(since))

    async def send_content(
        self, to: str, content: Content, random_ids: tuple[int, ...], options: SendOptions, attempts: SendAttempts
    ) -> Sent:
        """Make one attempt to send any content."""
        outgoing = Outgoing(to, content, random_ids, options)
        return await send(self.client, self.peers, self.recent_sends, self.user_id, outgoing, attempts)

    async def refusal(self, to: str, text: str = "hello", **more: Any) -> AvioError:
        """Return the error that a send raises."""
        with pytest.raises(AvioError) as raised:
            await self.send(to, text, **more)
        return raised.value

    def arrived(self, phone: str = BOB) -> list[str]:
        """Return the texts that somebody received from Ann."""
        wanted = MessageFilter(chat=ANN, direction="in")
        return [message["text"] for message in self.telegram.server.messages.select(phone, wanted)]

    def calls(self, method: str) -> int:
        """Return how often the server was called by a method."""
        return int(self.telegram.counted("calls").get(method, 0))


@asynccontextmanager
async def sending_client(telegram: TelegramHarness, account: LoggedInAccount | None = None) -> AsyncIterator[SendingClient]:
    account = account or await telegram.log_in()
    stored: dict[int, Peer] = {}
    clock = FakeClock()  # not the harness's clock, which the lease runs by

    async def load(peer_id: int) -> Peer | None:
        return stored.get(peer_id)

    async with telegram.serving(account, BatchRecorder()) as client:
        yield SendingClient(telegram, client, PeerCache(load, clock=clock.boottime), stored, account.user_id, RecentSends(), clock)
