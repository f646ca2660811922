"""Endpoints whose answers are malformed, early, late, doubled, or followed by more data.

Each answers an event as its tenant's script says, over a raw socket. `FALSE` is an answer to nobody, put where another request might
take it for its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

FALSE = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
REFUSED = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken"
_LONG = b"x" * 70_000


Answer = tuple[bytes, ...]
"""The data sent for one request. Each part is written by itself."""


def says(*parts: bytes) -> Answer:
    """Return an answer of these parts."""
    return parts


def _status(code: int, *lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 %d Said" % code, *lines, b"", b""])


LEFTOVERS: dict[str, Answer] = {
    "another answer behind it": says(REFUSED + FALSE),
    "another answer in the next packet": says(REFUSED, FALSE),
    "many answers behind it": says(REFUSED + FALSE * 50),
    "a long answer and another behind it": says(_status(500, b"Content-Length: 70000") + _LONG + FALSE),
    "half an answer behind it": says(REFUSED + FALSE[:30]),
    "a size that is too small": says(_status(500, b"Content-Length: 0") + FALSE),
    "a blank line behind it": says(REFUSED + b"\r\n"),
    "a line feed behind it": says(REFUSED + b"\n"),
    "a NUL behind it": says(REFUSED + b"\x00"),
    "chunks and an answer behind them": says(_status(500, b"Transfer-Encoding: chunked") + b"2\r\nno\r\n0\r\n\r\n" + FALSE),
    "204 with a body": says(_status(204) + FALSE),
    "204 with a size and a body": says(_status(204, b"Content-Length: %d" % len(FALSE)) + FALSE),
    "204 with chunks": says(_status(204, b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + FALSE),
    "205 with a body": says(_status(205, b"Content-Length: 0") + FALSE),
    "304 with a body": says(_status(304) + FALSE),
    "304 with a size and a body": says(_status(304, b"Content-Length: %d" % len(FALSE)) + FALSE),
    "both a size and chunks, cut by the chunks": says(
        _status(500, b"Content-Length: %d" % (5 + len(FALSE)), b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + FALSE
    ),
    "both a size and chunks, cut by the size": says(
        _status(500, b"Transfer-Encoding: chunked", b"Content-Length: 0") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(FALSE), FALSE)
    ),
    "an interim answer and two answers": says(_status(103) + REFUSED + FALSE),
    "an interim answer behind it": says(REFUSED + _status(100)),
    "the old protocol that keeps its connection": says(b"HTTP/1.0 500 No\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nno" + FALSE),
    "no size, and a connection that is kept": says(_status(500, b"Connection: keep-alive"), b"no", FALSE),
    "a connection that is said to close and does not": says(_status(500, b"Connection: close", b"Content-Length: 2") + b"no" + FALSE),
}
"""Answers 500 (or 204, 205, 304), each followed by an answer to no request."""

MALFORMED: dict[str, Answer] = {
    "two sizes": says(_status(200, b"Content-Length: 2", b"Content-Length: 8") + b"smuggled"),
    "two sizes in one line": says(_status(200, b"Content-Length: 2, 8") + b"smuggled"),
    "a size with a sign": says(_status(200, b"Content-Length: +2") + b"no"),
    "a size in words": says(_status(200, b"Content-Length: two") + b"no"),
    "an unknown coding": says(_status(200, b"Transfer-Encoding: gzip") + b"no"),
    "chunked twice": says(_status(200, b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n"),
    "a blank line first": says(b"\r\n" + TAKEN),
    "a body first": says(b"no" + TAKEN),
    "no version": says(b"200 OK\r\nContent-Length: 0\r\n\r\n"),
    "another version": says(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "a status of two digits": says(b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    "a status of four digits": says(b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    "a space in a header's name": says(_status(200, b"Content-Length : 0")),
    "another protocol, unasked for": says(_status(101, b"Upgrade: other", b"Connection: Upgrade") + TAKEN),
    "a request for an answer": says(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
}
"""Invalid answers in which a careless parser could see a 200; the connection is closed after them."""


@dataclass
class ScriptedServer:
    """One endpoint for many tenants, each at `/<name>`: answers by the tenant's script in turn, and `TAKEN` after that.

    `greeting` is sent as soon as a connection is taken. An answer `()` is none: the connection waits.
    """

    scripts: dict[str, list[Answer]] = field(default_factory=dict)
    greeting: bytes = b""
    heard: list[tuple[str, int]] = field(default_factory=list)
    """Whose events came, each with the number of its connection."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    ended: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.writers.append(writer)
        connection = len(self.writers)
        try:
            await self._say(writer, self.greeting)
            while name := await _asked_of(reader):
                self.heard.append((name, connection))
                await self._tell()
                script = self.scripts.get(name, [])
                for part in script.pop(0) if script else (TAKEN,):
                    await self._say(writer, part)
        finally:
            self.ended += 1
            await self._tell()

    async def until(self, holds: Callable[[ScriptedServer], bool]) -> None:
        """Return when something holds of it."""
        async with self.changed:
            await self.changed.wait_for(lambda: holds(self))

    async def _say(self, writer: asyncio.StreamWriter, part: bytes) -> None:
        writer.write(part)
        await writer.drain()
        await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


async def _asked_of(reader: asyncio.StreamReader) -> str:
    """Read a whole request; return the name in its path, or nothing where there is no other request."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return ""
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    await reader.readexactly(size)
    return head.split(b" ")[1].decode().strip("/")
