"""The harness of this folder's tests."""

from __future__ import annotations

import pytest

from testing.telegram_server.server import TelegramServer
from tests.listener.telegram.clients import TelegramHarness, telegram_harness_of


@pytest.fixture
def telegram(server: TelegramServer) -> TelegramHarness:
    """A test server with Ann, Bob and Cy, none of them logged in."""
    return telegram_harness_of(server)
