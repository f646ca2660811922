"""A Telegram test server and a listener harness around it, both new for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from local.emulator_account import EmulatorAccount
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.server import TelegramServer
from tests.support.captured_log import CapturedLog
from tests.support.listener_harness import ListenerHarness, telegram_of


@pytest.fixture(scope="session")
def server_key() -> ServerKey:
    """One RSA key for all of them: making one takes longer than most tests."""
    return ServerKey.generate()


@pytest.fixture
async def server(server_key: ServerKey) -> AsyncIterator[TelegramServer]:
    """A Telegram test server in this process, with nobody on it."""
    async with TelegramServer(server_key=server_key) as running:
        yield running


@pytest.fixture
def harness(account: EmulatorAccount, server: TelegramServer) -> ListenerHarness:
    """Stores and a queue of one's own, and that server."""
    return ListenerHarness(account, telegram_of(server), CapturedLog())
