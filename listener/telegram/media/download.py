"""Downloads a file in parts: several requests at once, the parts in order, and never more of them in memory than are asked for at once.

https://core.telegram.org/api/files#downloading-files
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.media.file_connections import FileConnections
from listener.telegram.media.source import Source
from listener.telegram.requests.answers import Invoker
from listener.telegram.requests.errors import translate
from listener.telegram.requests.flood_waits import wait_out_floods
from shared.errors import AvioError, Code

PART_BYTES = 512 * 1024  # the most that divides the 1 MiB which no request may cross
AT_ONCE = 4
TRIES = 4
"""Tries in a row that bring no part: a connection that breaks and a file reference that expires cost one each."""

_EXPIRED = (
    errors.FileReferenceExpiredError,
    errors.FileReferenceEmptyError,
    errors.FileReferenceInvalidError,
    errors.FileIdInvalidError,
    errors.LocationInvalidError,
)
_LOG_IN_LOST = (errors.AuthKeyUnregisteredError, errors.SessionRevokedError)


async def download(connections: FileConnections, source: Source, again: Callable[[], Awaitable[Source]]) -> AsyncGenerator[bytes, None]:
    """Yield the parts of a file in order. `again` finds the source anew, where its file reference has expired.

    Raises AvioError: `media_expired` if the file is another one by now, `telegram_unavailable` if Telegram does not answer.
    """
    attempt, offset, failures = _Attempt(connections, source, again), 0, 0
    while offset < source.size:
        try:
            async with connections.to(attempt.dc_id) as connection, aclosing(_parts(connection, attempt.source, offset)) as parts:
                async for part in parts:
                    offset, failures = offset + len(part), 0
                    yield part
        except (errors.RPCError, ConnectionError, TimeoutError) as error:
            failures += 1
            problem = await attempt.change_after(error)
            if failures >= TRIES:
                raise problem from error


@dataclass
class _Attempt:
    """Where the next attempt looks for the file."""

    connections: FileConnections
    source: Source
    again: Callable[[], Awaitable[Source]]

    def __post_init__(self) -> None:
        self.dc_id = self.source.dc_id

    async def change_after(self, error: Exception) -> AvioError:
        """Have the next attempt do otherwise; return what to raise if it was the last. Raises what no other attempt would change."""
        if not isinstance(error, errors.RPCError):
            return AvioError(Code.TELEGRAM_UNAVAILABLE)
        problem = translate(error)
        match error:
            case errors.FileMigrateError():
                self.dc_id = error.new_dc
            case _ if isinstance(error, _EXPIRED):
                found = await self.again()
                if found.key != self.source.key:
                    raise AvioError(Code.MEDIA_EXPIRED) from error
                self.source = found
                problem = AvioError(Code.MEDIA_EXPIRED)
            case _ if isinstance(error, _LOG_IN_LOST) and self.dc_id != await self.connections.home():
                await self.connections.forget(self.dc_id)
            case _ if problem.code is not Code.TELEGRAM_UNAVAILABLE:
                raise problem from error
        return problem


async def _parts(connection: Invoker, source: Source, offset: int) -> AsyncGenerator[bytes, None]:
    """Yield the parts from an offset on; ask for the next ones while one is being read."""
    asked: deque[asyncio.Task[bytes]] = deque()
    next_offset = offset
    try:
        while asked or next_offset < source.size:
            while len(asked) < AT_ONCE and next_offset < source.size:
                asked.append(asyncio.create_task(_part(connection, source, next_offset)))
                next_offset += PART_BYTES
            part = await asked.popleft()
            if not part:
                raise AvioError(Code.MEDIA_EXPIRED)  # shorter than Telegram has said
            yield part
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def _part(connection: Invoker, source: Source, offset: int) -> bytes:
    request = functions.upload.GetFileRequest(source.location, offset, PART_BYTES)
    answer: Any = await wait_out_floods(connection.invoke, request)
    if not isinstance(answer, types.upload.File):  # a redirect to a CDN, which we never say that we support
        raise AvioError(
            Code.TELEGRAM_ERROR, "Telegram keeps this file at a place that Avio does not read from.", telegram_error="CDN_REDIRECT"
        )
    expected = min(PART_BYTES, source.size - offset)
    return answer.bytes if len(answer.bytes) == expected else b""
