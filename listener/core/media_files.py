"""Large files on their way into the bucket, in parts of a fixed size: never more than one part of a file is in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError

from listener.core.runtime.offload import Offload
from listener.core.url_source import UrlSource
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.media_bucket import KEPT, PART_BYTES, BucketUnavailable, MediaBucket

P = ParamSpec("P")
T = TypeVar("T")
CHUNK_BYTES = 1 << 20
PART_DEADLINE_S = 60.0
TRANSFERS = 4
"""Files that a worker moves at once. Each takes some 16 MiB at most; the container has 512 MB."""


@dataclass(frozen=True)
class MediaFiles:
    """The bucket as a worker uses it. `turns` bounds how many files move at once, over all accounts."""

    bucket: MediaBucket
    offload: Offload
    clock: Clock
    turns: asyncio.Semaphore
    urls: UrlSource

    async def has(self, key: str) -> bool:
        """Tell whether a file is there for long enough to be fetched; raises BucketUnavailable."""
        found = await self.offload(self.bucket.find, key)
        return found is not None and self.clock.now() - found.stored_at < KEPT

    async def store(self, key: str, parts: AsyncIterator[bytes]) -> None:
        """Store a file as its parts come. Nobody sees it before it is whole; what fails or is cancelled leaves nothing.

        Raises BucketUnavailable, TimeoutError, and what the parts raise.
        """
        upload = await self._within(self.bucket.begin, key)
        try:
            tags = [await self._within(self.bucket.add, key, upload, number, content) async for number, content in _numbered(parts)]
            await self._within(self.bucket.complete, key, upload, tags)
        except BaseException:
            with contextlib.suppress(BucketUnavailable, TimeoutError, RuntimeError):
                await asyncio.shield(self._within(self.bucket.abort, key, upload))
            raise

    async def read(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield an upload in chunks; raises `upload_not_found`, BucketUnavailable, TimeoutError."""
        body = await self._within(self.bucket.open, key)
        if body is None:
            raise AvioError(Code.UPLOAD_NOT_FOUND)
        try:
            while chunk := await self._within(body.read, CHUNK_BYTES):
                yield chunk
        except (BotoCoreError, OSError) as error:
            raise BucketUnavailable from error
        finally:
            body.close()

    async def _within(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.offload.within(PART_DEADLINE_S, call, *args, **kwargs)


async def _numbered(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Join parts to such of the bucket's size; the last may be smaller."""
    number, joined = 1, bytearray()
    async for part in parts:
        joined += part
        if len(joined) >= PART_BYTES:
            yield number, bytes(joined)
            number, joined = number + 1, bytearray()
    if joined or number == 1:
        yield number, bytes(joined)
