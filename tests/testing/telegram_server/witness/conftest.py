"""The witnesses: client libraries that share no code with Telethon, unmodified, from their registries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.witness import environments
from tests.testing.telegram_server.witness.puppet import Puppet, puppet


@pytest.fixture(params=["kurigram", "mtcute"])
async def witness(request: pytest.FixtureRequest, server: TelegramServer, tmp_path: Path) -> AsyncIterator[Puppet]:
    """A witness of the server; afterwards it has asked for nothing that is not there, and was refused nothing by mistake."""
    command = getattr(environments, request.param)()
    async with puppet(command, server, tmp_path) as running:
        yield running
    counters = server.operation.counters()
    assert (counters["unknown_methods"], counters["unknown_constructors"]) == ({}, {})
    wrong = ("auth_key_duplicated", "connections_broken", "handler_crashes", "unknown_keys", "connections_dropped_slow")
    assert {name: counters[name] for name in wrong} == dict.fromkeys(wrong, 0)
