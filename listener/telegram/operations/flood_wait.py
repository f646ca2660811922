"""Asking Telegram for what has time: short flood waits are waited out, everything else is raised."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from telethon import errors

if TYPE_CHECKING:
    from listener.telegram.connection.client import Client

PATIENCE_S = 30
TRIES = 5


async def ask(client: Client, request: Any) -> Any:
    """Return Telegram's answer; raises its error where a flood wait is longer than 30 s, or when it is the fifth in a row.

    ConnectionError and TimeoutError as `Client.invoke`.
    """
    for _ in range(TRIES - 1):
        try:
            return await client.invoke(request)
        except errors.FloodWaitError as wait:
            if wait.seconds > PATIENCE_S:
                raise
            await asyncio.sleep(wait.seconds)
    return await client.invoke(request)
