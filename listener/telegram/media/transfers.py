"""The files of one account on their way: each moves once, however many ask for it, and goes on when who asked has stopped waiting.

    to be fetched   in the bucket already? -> its key
                    small -> into memory and the answer; larger -> into the bucket
    to be sent      from its address, from the bucket or from the request -> to Telegram, in parts; sent later, by what Telegram calls it

A death ends them, and the next owner begins anew: nothing is seen of a file before it is whole, and nothing is sent before all is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from listener.core.media_files import MediaFiles
from listener.core.runtime.flights import ASK_AGAIN_S, Flights, UnderWay
from listener.telegram.connection.client import Client
from listener.telegram.media.download import download
from listener.telegram.media.file_connections import FileConnections
from listener.telegram.media.outgoing_files import OpenFile, OutgoingFiles
from listener.telegram.media.source import Source
from listener.telegram.media.upload import Uploaded, upload
from shared.errors import AvioError, Code
from shared.media_bucket import BucketUnavailable
from shared.rpc.get_media import INLINE_BYTES, MediaContent, MediaPending, MediaStored
from shared.rpc.send_attachments import Attachment

WAIT_S = 18.0
"""How long who fetches waits: API Gateway ends a request after 30 s, and the way there and back takes some."""
PREPARED_WITHIN_S = 12.0
"""How long who sends waits for the files; sending them takes some seconds more."""
READY_S = 900.0
READY = 32
"""How long, and how many, files that are ready wait to be sent by a repeat of the request."""

T = TypeVar("T")
Find = Callable[[], Awaitable[Source]]
Fetched = MediaContent | MediaStored


class Transfers:
    """One account's files, while it serves."""

    def __init__(self, main: Callable[[], Awaitable[Client]], files: MediaFiles, outgoing: OutgoingFiles) -> None:
        self._files = files
        self._outgoing = outgoing
        self.connections = FileConnections(main)
        self.fetches: Flights[Fetched] = Flights(WAIT_S)
        self.uploads: Flights[Uploaded] = Flights(PREPARED_WITHIN_S)
        self._ready: dict[str, tuple[float, Uploaded]] = {}

    async def fetch(self, key: str, source: Source, find: Find) -> Fetched | MediaPending:
        """Return a file, or that it is still on its way; `key` is its place in the bucket. `find` finds the source anew."""
        try:
            return await self.fetches.result(key, lambda: self._in_turn(lambda: self._fetch(key, source, find)))
        except UnderWay:
            return MediaPending(retry_after_seconds=ASK_AGAIN_S)

    async def ready(self, attachment: Attachment) -> Uploaded:
        """Return an attachment as Telegram has it. Nothing is sent.

        Raises `attachments_under_way` if that takes longer: a repeat of the request finds it ready. Raises what the file's source raises.
        """
        file = self._outgoing.open(attachment)
        now = self._files.clock.boottime()
        self._ready = {key: (until, one) for key, (until, one) in self._ready.items() if until > now}
        if found := self._ready.get(file.key):
            return found[1]
        try:
            uploaded = await self.uploads.result(file.key, lambda: self._in_turn(lambda: self._upload(file)))
        except UnderWay:
            raise AvioError(Code.ATTACHMENTS_UNDER_WAY, retry_after_s=ASK_AGAIN_S) from None
        return uploaded

    def forget(self, files: Sequence[Uploaded]) -> None:
        """Forget files that were sent, or that Telegram does not take."""
        self._ready = {key: (until, one) for key, (until, one) in self._ready.items() if not any(one is gone for gone in files)}

    async def close(self) -> None:
        """End everything that is under way, and all connections."""
        await self.fetches.close()
        await self.uploads.close()
        await self.connections.close()

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._files.turns:
                return await work()
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

    async def _upload(self, file: OpenFile) -> Uploaded:
        async with aclosing(file.chunks()) as chunks:
            uploaded = await upload(self.connections, chunks, file.name)
        while len(self._ready) >= READY:
            del self._ready[next(iter(self._ready))]
        self._ready[file.key] = self._files.clock.boottime() + READY_S, uploaded
        return uploaded
