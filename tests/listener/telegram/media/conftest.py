"""Anna's account, logged in at a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from listener.core.account import OwnedAccount
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import log_in, people
from tests.support.listener_harness import ListenerHarness

__all__ = ["people"]


@pytest.fixture
async def anna(harness: ListenerHarness, server: TelegramServer, people: None) -> AsyncIterator[OwnedAccount]:
    """Anna's account, logged in. Afterwards nothing unknown was asked of Telegram, and no key was used twice at once."""
    async with harness.worker().running() as worker:
        yield await log_in(worker, server)
    counters = server.operation.counters()
    assert (counters["unknown_methods"], counters["unknown_constructors"], counters["auth_key_duplicated"]) == ({}, {}, 0)
    assert counters["handler_crashes"] == 0
