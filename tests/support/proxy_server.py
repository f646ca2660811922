"""A small SOCKS5 and HTTP CONNECT proxy on loopback that counts what goes through it (RFC 1928, RFC 1929, RFC 9110 section 9.3.6)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_OK, _REFUSED = b"\x05\x00\x00\x01" + bytes(6), b"\x05\x02\x00\x01" + bytes(6)


@dataclass
class ProxyServer:
    """`reached` lists where its connections went; with `credentials` (name, password) it asks for them; `refuses` all while told to."""

    credentials: tuple[str, str] | None = None
    refuses: bool = False
    reached: list[int] = field(default_factory=list)
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Cut all that goes through it now."""
        for writer in list(self._open):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection in the protocol that its first byte shows."""
        self._open.add(writer)
        try:
            first = await reader.readexactly(1)
            port = await (self._socks(reader, writer) if first == b"\x05" else self._connect(reader, writer))
            if port is not None:
                await self._pass_on(reader, writer, port)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int | None:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        wanted = 2 if self.credentials else 0
        writer.write(bytes([5, wanted if wanted in methods else 255]))
        if wanted not in methods:
            return None
        if self.credentials and not await self._checked(reader, writer):
            return None
        _, _, _, kind = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        await reader.readexactly(size)
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        writer.write(_REFUSED if self.refuses else _OK)
        return None if self.refuses else int(port)

    async def _checked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.readexactly(1)
        given = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
        good = tuple(given) == self.credentials
        writer.write(b"\x01\x00" if good else b"\x01\x01")
        return good

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        wanted = "Basic " + base64.b64encode(":".join(self.credentials or ()).encode()).decode()
        if self.credentials and wanted not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return None
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n" if self.refuses else b"HTTP/1.1 200 OK\r\n\r\n")
        return None if self.refuses else int(head.split()[1].rpartition(":")[2])

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        self.reached.append(port)
        self._open.add(back)
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            self._open.discard(back)
            back.transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.close()


@contextlib.asynccontextmanager
async def proxy_server(credentials: tuple[str, str] | None = None) -> AsyncIterator[ProxyServer]:
    """Run a proxy for the block."""
    proxy = ProxyServer(credentials)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = int(listener.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        listener.close()
        proxy.cut()
