"""A TCP proxy on a free port of 127.0.0.1, between `start` and `close`: a way to something on which connections can be made slow or cut."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod


class Proxy(ABC):
    """Takes connections; what becomes of one is said by `_serve`."""

    def __init__(self) -> None:
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Cut everything and listen no more."""
        self._server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def address(self) -> str:
        """What clients take for the other end: host:port."""
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cut all connections."""
        for connection in list(self._connections):
            connection.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections[connection] = writer
        connection.add_done_callback(self._connections.pop)

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; cancelled, end it."""
