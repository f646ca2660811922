"""A desk: a test server with three people, and a lease in force."""

from __future__ import annotations

import pytest

from testing.telegram_server.server import TelegramServer
from tests.listener.telegram.clients import TelegramHarness, telegram_harness_of


@pytest.fixture
def telegram(server: TelegramServer) -> TelegramHarness:
    """Ann, Bob and Cy, none of them logged in."""
    return telegram_harness_of(server)
