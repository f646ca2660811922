"""Endpoints that are hostile or broken."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PACE_S = 0.01
_HEAD = b"HTTP/1.1 200 OK\r\n"


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything and never answer."""
    del writer
    while await reader.read(1 << 16):
        pass


async def drips_its_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one byte of a head after the other, for ever: each time-out between two bytes begins anew."""
    await reader.readuntil(b"\r\n\r\n")
    await _drip(writer, b"HTTP/1.1 200 OK\r\nX-Long: ")


async def drips_its_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say 200 at once, and then send a body byte by byte, for ever."""
    await reader.readuntil(b"\r\n\r\n")
    await _drip(writer, b"", _HEAD + b"Content-Length: 1000000\r\n\r\n")


async def endless_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send headers without end, as fast as they are taken."""
    await reader.readuntil(b"\r\n\r\n")
    await _pour(writer, _HEAD, b"X-More: " + b"x" * 1000 + b"\r\n")


async def one_endless_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one header whose value has no end."""
    await reader.readuntil(b"\r\n\r\n")
    await _pour(writer, _HEAD + b"X-More: ", b"x" * 1000)


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body without end, as fast as it is taken."""
    await reader.readuntil(b"\r\n\r\n")
    await _pour(writer, _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + b"x" * 1000 + b"\r\n")


async def endless_interim_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send interim answers (103) without end, none of which is the answer."""
    await reader.readuntil(b"\r\n\r\n")
    await _pour(writer, b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 20)


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak something else."""
    del reader
    writer.write(b"220 mail.example ESMTP\r\n" * 100)
    await writer.drain()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection in the middle of the head."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_HEAD)
    await writer.drain()
    writer.transport.abort()


EVERY = (
    silent,
    drips_its_head,
    drips_its_body,
    endless_head,
    one_endless_header,
    endless_body,
    endless_interim_answers,
    no_http,
    hangs_up,
)


@contextlib.asynccontextmanager
async def endpoint(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve a behaviour on a free port of 127.0.0.1; yield the port."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await behaviour(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await server.wait_closed()


async def _drip(writer: asyncio.StreamWriter, head: bytes, at_once: bytes = b"") -> None:
    writer.write(at_once)
    for byte in head:
        await _paced(writer, bytes([byte]))
    while True:
        await _paced(writer, b"x")


async def _paced(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    await asyncio.sleep(PACE_S)


async def _pour(writer: asyncio.StreamWriter, first: bytes, then: bytes) -> None:
    writer.write(first)
    while True:
        writer.write(then)
        await writer.drain()
