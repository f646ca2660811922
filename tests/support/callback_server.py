"""A callback's endpoint: a small HTTP server that records requests and answers as a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BREAK = b""
"""Close the connection without an answer."""


def answer(status: int, *headers: str) -> bytes:
    """Return an answer without a body."""
    lines = [f"HTTP/1.1 {status} Said", "Content-Length: 0", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


Respond = Callable[[ReceivedRequest], Awaitable[bytes]]


class CallbackServer:
    """Answers with `script` in turn, then with 200; `respond` may be replaced for more. Counts its connections."""

    def __init__(self) -> None:
        self.posted: list[ReceivedRequest] = []
        self.script: list[bytes] = []
        self.respond: Respond = self._by_script
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _by_script(self, _: ReceivedRequest) -> bytes:
        return self.script.pop(0) if self.script else OK

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while line := (await reader.readline()).decode().strip():
                headers = {}
                while header := (await reader.readline()).decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.posted.append(ReceivedRequest(line, headers, body))
                said = await self.respond(self.posted[-1])
                writer.write(said)
                if said == BREAK:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
