"""Makes a connection's client, and always ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from listener.core.ownership.lease import Guard
from listener.core.runtime.signals import Signal
from listener.telegram.connection.answer import drop
from listener.telegram.connection.client import Client
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.requests.errors import translated
from listener.telegram.requests.flood_waits import FloodWaits
from listener.telegram.session import Session
from listener.telegram.updates.batch import Take
from listener.telegram.updates.update_state import UpdateState
from shared.errors import AvioError, Code

CONNECT_DEADLINE_S = 30.0
"""For all tries and the first request, whose answer Telethon awaits without a limit."""


async def connect(
    session: Session,
    state: UpdateState | None,
    guard: Guard,
    endpoint: TelegramEndpoint,
    take: Take | None = None,
    deadline_s: float = CONNECT_DEADLINE_S,
    flood_waits: FloodWaits | None = None,
    scanned: Signal | None = None,
) -> Client:
    """Return a connected client, which the caller has to disconnect; raise AvioError if the connect fails.

    A client without `take` is a log-in's: it receives no updates, and so takes none away from the account's other sessions.
    """
    client = Client(endpoint.located(session), state, guard, endpoint, take, flood_waits=flood_waits, scanned=scanned)
    try:
        with translated():
            async with asyncio.timeout(deadline_s):
                await client.connect()
    except BaseException as error:
        await client.disconnect()
        drop(client.disconnected)
        if isinstance(error, AvioError) and client.tunnel and client.tunnel.problem:
            raise AvioError(Code.PROXY_FAILED, client.tunnel.problem) from error
        raise
    return client


@asynccontextmanager
async def connected(
    session: Session,
    state: UpdateState | None,
    guard: Guard,
    endpoint: TelegramEndpoint,
    take: Take | None = None,
    deadline_s: float = CONNECT_DEADLINE_S,
    scanned: Signal | None = None,
) -> AsyncIterator[Client]:
    """Give a connected client for a while, as `connect` returns it, and always disconnect it afterwards."""
    client = await connect(session, state, guard, endpoint, take, deadline_s, scanned=scanned)
    try:
        yield client
    finally:
        await client.disconnect()
