"""A server with three people, and clients logged in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from testing.telegram_server.control.specs import PersonSpec
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, CY


@pytest.fixture(scope="session")
def server_key() -> ServerKey:
    """One RSA key for all servers: making one takes a while, and Telethon keeps each for ever."""
    return ServerKey.generate()


@pytest.fixture
async def server(server_key: ServerKey) -> AsyncIterator[TelegramServer]:
    """A server in memory with Ann, Bob and Cy."""
    async with TelegramServer(server_key=server_key) as running:
        add_people(running)
        yield running


def add_people(server: TelegramServer) -> None:
    server.people.create(PersonSpec(phone=ANN, first_name="Ann", last_name="Lee", username="ann_lee"))
    server.people.create(PersonSpec(phone=BOB, first_name="Bob", username="bob_ray"))
    server.people.create(PersonSpec(phone=CY, first_name="Cy"))
