"""Plain Telethon clients against the test server, as the tests of this folder use them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from telethon import TelegramClient, errors, events
from telethon.crypto import rsa
from telethon.sessions import StringSession

from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.server import TelegramServer

ANN, BOB, CY = "+15550100001", "+15550100002", "+15550100003"
WAIT_S = 30


def new_client(server: TelegramServer, session: str = "", **options: Any) -> Any:
    """Return an unmodified client of the server, not connected yet. `session` is a saved one, for the same server."""
    rsa.add_key(server.public_key, old=False)
    kept = StringSession(session)
    kept.set_dc(DC_ID, server.host, server.port)
    defaults: dict[str, Any] = {
        "flood_sleep_threshold": 0,
        "raise_last_call_error": True,
        "retry_delay": 0,
        "request_retries": 1,
        "device_model": "Test",
    }
    return TelegramClient(kept, 1, "hash", **{**defaults, **options})


async def log_in(client: Any, server: TelegramServer, phone: str, password: str | None = None) -> None:
    """Connect and log in with the code that the phone shows."""
    await client.connect()
    await client.send_code_request(phone)
    code = (await server.people.code(phone))["code"]
    try:
        await client.sign_in(phone, code)
    except errors.SessionPasswordNeededError:
        await client.sign_in(phone, password=password)


@contextlib.asynccontextmanager
async def logged_in(server: TelegramServer, phone: str, session: str = "", **options: Any) -> AsyncIterator[Any]:
    """Give a client that is logged in; with a session, the one that it holds."""
    client = new_client(server, session, **options)
    try:
        if session:
            await client.connect()
        else:
            await log_in(client, server, phone)
        yield client
    finally:
        await client.disconnect()


class Inbox:
    """What a client's handlers were given, in order."""

    def __init__(self, client: Any, event: Any = None) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue(100_000)
        client.add_event_handler(self._events.put, event or events.NewMessage())

    async def next(self) -> Any:
        return await asyncio.wait_for(self._events.get(), WAIT_S)

    async def take(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]

    @property
    def empty(self) -> bool:
        return self._events.empty()


def saved(client: Any) -> str:
    """Return a client's session for another client."""
    text: str = client.session.save()
    return text
