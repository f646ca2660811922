"""A Telegram test server and a rig around it, for each test of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from local.aws_account import Account
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.server import TelegramServer
from tests.support.listener import Rig, telegram_of
from tests.support.logs import KeptLog


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
def rig(account: Account, server: TelegramServer) -> Rig:
    """Stores and a queue of one's own, and that server."""
    return Rig(account, telegram_of(server), KeptLog())
