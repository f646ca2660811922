"""A desk: a test server with three people, and a lease in force."""

from __future__ import annotations

import pytest

from testing.telegram_server.server import TelegramServer
from tests.listener.telegram.clients import Desk, desk_of


@pytest.fixture
def desk(server: TelegramServer) -> Desk:
    """Ann, Bob and Cy, none of them logged in."""
    return desk_of(server)
