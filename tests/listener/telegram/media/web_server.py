"""A web server whose answers are bytes, as hostile as a test wants them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class WebServer:
    """Answers each path with its bytes. `asked` are the paths, in order.

    An `endless` path repeats a byte for ever. A `silent` one says nothing more, and stays until the other side goes.
    """

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    endless: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    _served: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Return the address of a path."""
        return f"http://{host}:{self.port}{path}"

    def file(self, path: str, content: bytes, *headers: str, length: int | None = None, status: str = "200 OK") -> str:
        """Answer a path with a file; return its address."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content) if length is None else length}", *headers]
        self.answers[path] = "\r\n".join([*lines, "", ""]).encode() + content
        return self.url(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        task = asyncio.current_task()
        assert task is not None
        self._served[task] = writer
        with contextlib.suppress(ConnectionError):
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.asked.append(path)
            writer.write(self.answers[path])
            while path in self.endless:
                writer.write(b"x" * 65536)
                await writer.drain()
            await writer.drain()
            if path in self.silent:
                await reader.read()
        writer.close()

    async def end(self) -> None:
        """End what is being served."""
        for writer in self._served.values():
            writer.transport.abort()
        await asyncio.gather(*self._served, *(writer.wait_closed() for writer in self._served.values()), return_exceptions=True)


@asynccontextmanager
async def web_server() -> AsyncIterator[WebServer]:
    """Run a server."""
    web = WebServer()
    async with await asyncio.start_server(web.serve, "127.0.0.1", 0) as listening:
        web.port = listening.sockets[0].getsockname()[1]
        try:
            yield web
        finally:
            await web.end()
