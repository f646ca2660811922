"""A proxy between a client and the test server: counts bytes, notes how connections end, and can stop reading."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from tests.listener.telegram.clients import DEADLINE_S

Ending = Literal["closed", "reset"]


class TcpProxy:
    """Forwards bytes both ways. `received` counts those from clients, `endings` says how clients disconnected."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.port = 0
        self.connections = 0
        self.received = 0
        self.endings: list[Ending] = []
        self._reading = asyncio.Event()
        self._reading.set()
        self._change = asyncio.Event()

    def stall(self) -> None:
        """Stop reading from clients."""
        self._reading.clear()

    def resume(self) -> None:
        """Read again."""
        self._reading.set()

    async def ending(self) -> Ending:
        """Wait until a client disconnects, and return how the last did."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.endings:
                self._change.clear()
                await self._change.wait()
        return self.endings[-1]

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        self.connections += 1
        from_server, to_server = await asyncio.open_connection(*self._target)
        back = asyncio.create_task(_copy(from_server, writer))
        try:
            self.endings.append(await self._forward(reader, to_server))
        finally:
            self._change.set()
            back.cancel()
            for end in (writer, to_server):
                end.transport.abort()
            await asyncio.gather(back, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> Ending:
        try:
            while data := await reader.read(1 << 16):
                await self._reading.wait()
                self.received += len(data)
                to_server.write(data)
        except ConnectionResetError:
            return "reset"
        return "closed"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[TcpProxy]:
    """Give a proxy on a free port, with a small receive buffer, so that little is buffered while it does not read."""
    proxy = TcpProxy(host, port)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    proxy.port = listening.getsockname()[1]
    handling: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.accept(reader, writer))
        handling.add(task)
        task.add_done_callback(handling.discard)

    server = await asyncio.start_server(accept, sock=listening, limit=1 << 14)
    try:
        yield proxy
    finally:
        server.close()
        for task in list(handling):
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)
        await asyncio.sleep(0)
