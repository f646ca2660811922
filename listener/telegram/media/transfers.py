"""The downloads of one account: each runs once, however many ask for it, and goes on when who asked has stopped waiting.

    asked for -> in the bucket already? -> its key
              -> under way? -> wait for it
              -> downloaded: small ones into memory and the answer, larger ones into the bucket

A death ends them, and the next owner begins anew: nothing is seen of a file before it is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from listener.core.media_files import MediaFiles
from listener.telegram.connection.client import Client
from listener.telegram.media.download import download
from listener.telegram.media.file_connections import FileConnections
from listener.telegram.media.source import Source
from shared.errors import AvioError, Code
from shared.media_bucket import BucketUnavailable
from shared.rpc.get_media import INLINE_BYTES, MediaContent, MediaPending, MediaStored

WAIT_S = 18.0
"""How long a caller waits: API Gateway ends a request after 30 s, and the way there and back takes some."""
ASK_AGAIN_S = 5
BOUND = 16
"""Downloads of one account that run or wait for their turn, and failures that are remembered for who asks again."""

Find = Callable[[], Awaitable[Source]]
Fetched = MediaContent | MediaStored


class Transfers:
    """One account's downloads, while it serves."""

    def __init__(self, main: Callable[[], Awaitable[Client]], files: MediaFiles) -> None:
        self._files = files
        self.connections = FileConnections(main)
        self.wait_s = WAIT_S
        self._running: dict[str, asyncio.Task[Fetched]] = {}
        self._failed: dict[str, AvioError] = {}

    async def fetch(self, key: str, source: Source, find: Find) -> Fetched | MediaPending:
        """Return a file, or that it is still on its way; `key` is its place in the bucket. `find` finds the source anew.

        Raises AvioError, also for a failure that came when nobody waited any more; that one once.
        """
        if error := self._failed.pop(key, None):
            raise error
        task = self._running.get(key) or self._start(key, source, find)
        done, _ = await asyncio.wait((task,), timeout=self.wait_s)
        if not done:
            return MediaPending(retry_after_seconds=ASK_AGAIN_S)
        self._failed.pop(key, None)
        return task.result()

    @property
    def under_way(self) -> int:
        """How many downloads run or wait for their turn."""
        return len(self._running)

    async def close(self) -> None:
        """End all downloads and connections."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self.connections.close()

    def _start(self, key: str, source: Source, find: Find) -> asyncio.Task[Fetched]:
        if len(self._running) >= BOUND:
            raise AvioError(
                Code.RATE_LIMITED, "Too many downloads of this account are under way. Wait for them.", retry_after_s=ASK_AGAIN_S
            )
        task = self._running[key] = asyncio.create_task(self._run(key, source, find))
        task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: str, task: asyncio.Task[Fetched]) -> None:
        del self._running[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, AvioError):
            self._failed[key] = error
            while len(self._failed) > BOUND:
                del self._failed[next(iter(self._failed))]

    async def _run(self, key: str, source: Source, find: Find) -> Fetched:
        try:
            async with self._files.turns:
                return await self._fetch(key, source, find)
        except (BucketUnavailable, TimeoutError) as error:
            raise AvioError(Code.UNAVAILABLE, "The storage for files does not answer right now.", retry_after_s=ASK_AGAIN_S) from error

    async def _fetch(self, key: str, source: Source, find: Find) -> Fetched:
        small = source.size <= INLINE_BYTES
        stored = MediaStored(key=key, mime_type=source.mime_type, file_name=source.name)
        if not small and await self._files.has(key):
            return stored
        async with aclosing(download(self.connections, source, find)) as parts:
            if small:
                content = b"".join([part async for part in parts])
                return MediaContent.model_construct(content=content, mime_type=source.mime_type, file_name=source.name)
            await self._files.store(key, parts)
            return stored
