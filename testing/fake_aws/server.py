"""HTTP for a fake: keep-alive connections on a free port of 127.0.0.1, and every answer after the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

LATENCY_S = 0.010
REASONS = {200: "OK", 400: "Bad Request", 501: "Not Implemented"}

Serve = Callable[[str, bytes], tuple[int, bytes]]
"""Takes a request's X-Amz-Target (or its path) and body; returns status and body."""


@asynccontextmanager
async def serving(serve: Serve, latency_s: float = LATENCY_S) -> AsyncIterator[str]:
    """Serve while the block lasts; yields the URL."""
    loop = asyncio.get_running_loop()
    transports: set[asyncio.Transport] = set()
    over = asyncio.Event()
    server = await loop.create_server(lambda: _Connection(serve, latency_s, transports, over), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        over.set()  # a connection that is just being accepted would outlive the server
        server.close()
        for transport in list(transports):
            transport.abort()
        await asyncio.sleep(0)  # the aborted connections take leave in the loop's next round


class _Connection(asyncio.Protocol):
    """A client waits for an answer before it sends the next request on its connection, as botocore does."""

    def __init__(self, serve: Serve, latency_s: float, transports: set[asyncio.Transport], over: asyncio.Event) -> None:
        self._serve = serve
        self._latency_s = latency_s
        self._received = b""
        self._transports = transports
        self._over = over
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._transports.add(transport)
        if self._over.is_set():
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head.decode().split("\r\n"))}
        if len(body) < int(headers.get("content-length", 0)):
            return
        self._received = b""
        status, answer = self._serve(headers.get("x-amz-target", head.decode().split(" ", 2)[1]), body)
        line = f"HTTP/1.1 {status} {REASONS[status]}\r\n"
        whole = f"{line}Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer
        asyncio.get_running_loop().call_later(self._latency_s, self._write, whole)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
