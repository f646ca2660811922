"""Uploads a file to Telegram in parts: several at once, and never more of it in memory than decides whether it is small.

https://core.telegram.org/api/files#uploading-files: files of up to 10 MB by saveFilePart with a checksum, larger ones by saveBigFilePart,
whose number of parts need not be known before the last (streamed uploads).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.media.file_connections import FileConnections
from listener.telegram.requests.errors import translate
from listener.telegram.requests.flood_waits import wait_out_floods
from shared.errors import AvioError, Code

PART_BYTES = 512 * 1024
SMALL_PARTS = 20  # 10 MiB
MAX_PARTS = 4000
MAX_BYTES = MAX_PARTS * PART_BYTES
AT_ONCE = 4
TRIES = 4
HEAD_BYTES = 512


@dataclass(frozen=True)
class Uploaded:
    """A file as a request names it. `head` is how it begins, by which its kind is told."""

    file: Any
    size: int
    head: bytes
    name: str


@asynccontextmanager
async def _tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """Give a group of tasks; the first error is raised by itself."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors_of_all:
        error: BaseException = errors_of_all
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def upload(connections: FileConnections, chunks: AsyncIterator[bytes], name: str) -> Uploaded:
    """Upload a file. Raises `attachment_too_large`, `attachment_refused` if it is empty, Telegram's refusals, and what the chunks raise."""
    first: list[bytes] = []
    parts = _sliced(chunks)
    async for part in parts:
        first.append(part)
        if len(first) > SMALL_PARTS:
            break
    if not first:
        raise AvioError(Code.ATTACHMENT_REFUSED, "An attachment is empty. Nothing was sent.")
    file_id = secrets.randbits(63)
    if len(first) > SMALL_PARTS:
        return await _upload_big(connections, file_id, first, parts, name)
    requests = (functions.upload.SaveFilePartRequest(file_id, number, part) for number, part in enumerate(first))
    turns = asyncio.Semaphore(AT_ONCE)
    async with _tasks() as saving:
        for request in requests:
            saving.create_task(_save(connections, request, turns))
    whole = b"".join(first)
    checksum = hashlib.md5(whole, usedforsecurity=False).hexdigest()
    return Uploaded(types.InputFile(file_id, len(first), name, checksum), len(whole), whole[:HEAD_BYTES], name)


async def _upload_big(connections: FileConnections, file_id: int, first: list[bytes], rest: AsyncIterator[bytes], name: str) -> Uploaded:
    """Upload a file whose end is not seen yet: a part is sent once the next is there, since only the last tells how many there are."""
    head, size, number, last = first[0][:HEAD_BYTES], 0, 0, b""
    turns = asyncio.Semaphore(AT_ONCE)
    async with _tasks() as saving:
        async for part in _joined(first, rest):
            if last:
                await turns.acquire()
                request = functions.upload.SaveBigFilePartRequest(file_id, number, -1, last)
                saving.create_task(_save_held(connections, request, turns))
                number += 1
            size, last = size + len(part), part
            if number >= MAX_PARTS:
                raise AvioError(Code.ATTACHMENT_TOO_LARGE)
    await _save(connections, functions.upload.SaveBigFilePartRequest(file_id, number, number + 1, last), turns)
    return Uploaded(types.InputFileBig(file_id, number + 1, name), size, head, name)


async def _joined(first: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while first:
        yield first.pop(0)
    async for part in rest:
        yield part


async def _sliced(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut chunks of any size into parts of one size; the last may be smaller."""
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        while len(held) >= PART_BYTES:
            yield bytes(held[:PART_BYTES])
            del held[:PART_BYTES]
    if held:
        yield bytes(held)


async def _save(connections: FileConnections, request: Any, turns: asyncio.Semaphore) -> None:
    await turns.acquire()
    await _save_held(connections, request, turns)


async def _save_held(connections: FileConnections, request: Any, turns: asyncio.Semaphore) -> None:
    """Save a part, in a turn that was taken for it. The same part may be saved again."""
    try:
        for attempt in range(1, TRIES + 1):
            try:
                async with connections.to(await connections.home()) as connection:
                    await wait_out_floods(connection.invoke, request)
                return
            except errors.RPCError as error:
                problem = translate(error)
                if problem.code is not Code.TELEGRAM_UNAVAILABLE or attempt == TRIES:
                    raise problem from error
            except (ConnectionError, TimeoutError) as error:
                if attempt == TRIES:
                    raise AvioError(Code.TELEGRAM_UNAVAILABLE) from error
    finally:
        turns.release()
