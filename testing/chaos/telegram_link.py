"""A worker's own way to Telegram, on which things go wrong: cut, silent, slow."""

from __future__ import annotations

import asyncio

from local.tcp_proxy import Proxy


class TelegramLink(Proxy):
    """What the worker takes for Telegram.

    A silent link ends in a cut: what a worker sent into the silence is dropped, as its kernel would drop it once TCP_USER_TIMEOUT is
    over (3.5 s, shorter than any silence here).
    """

    def __init__(self, to: str) -> None:
        super().__init__()
        host, port = to.rsplit(":", 1)
        self._to = (host, int(port))
        self._speaks = asyncio.Event()
        self._speaks.set()
        self.refusing = False
        self.delay_s = 0.0

    def fall_silent(self) -> None:
        """Let nothing pass, with every connection left open; new ones are taken and get no answer."""
        self._speaks.clear()

    def heal(self) -> None:
        """Let everything pass at full speed. Connections that lived through a silence are cut."""
        self.refusing, self.delay_s = False, 0.0
        if not self._speaks.is_set():
            self.cut()
            self._speaks.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        super()._accept(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            await self._speaks.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            ends.append(far_writer)
            ways = [asyncio.create_task(self._carry(*way)) for way in ((reader, far_writer), (far_reader, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:  # the server is away
            pass
        finally:
            for end in ends:
                end.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Carry one direction to its end; an end is silent too while the link is."""
        while data := await source.read(1 << 16):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)  # the delay itself
            await self._speaks.wait()
            if sink.is_closing():
                return
            sink.write(data)
            await sink.drain()
        await self._speaks.wait()
