"""A connection to an endpoint, in bytes: what comes back is bounded, and whatever comes unasked ends it.

    quiet --write--> asked: what comes is the answer, up to a bound --rest--> quiet
      |                                                                |
      '--anything comes--> ended                                       '--anything is left--> ended

An answer's bytes are those that come while it is waited for. What an endpoint sends before it is asked, or behind its answer, would be
taken for the answer to the next request: such a connection is never used again.
"""

from __future__ import annotations

import asyncio
import select
import socket
from typing import cast

ANSWER_BYTES = 256 << 10
"""How much is read after a request, head and all: the largest head that is understood has 100 kB, and of a body 64 kB are wanted."""
_BUFFERED_BYTES = 64 << 10


class ConnectionBroken(Exception):
    """The connection ended, or brought more than any answer needs."""


class UnsolicitedData(Exception):
    """The endpoint answered before it had the whole request."""


class Connection(asyncio.Protocol):
    """One connection, of one event loop. `unasked`: something came before a request; `early`: before the request had wholly left."""

    def __init__(self) -> None:
        self.unasked = self.early = False
        self._asked = False
        self._ended = False
        self._came = bytearray()
        self._read = 0
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        self._transport = cast("asyncio.Transport", transport)
        self._socket: socket.socket = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:
        """Keep what came, if it was asked for."""
        if not self._asked:
            self.unasked = True
            self.end()
            return
        self.early = self.early or self._transport.get_write_buffer_size() > 0
        self._came += data
        self._changed.set()
        if len(self._came) > _BUFFERED_BYTES:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Note that nothing more comes; the connection is closed with that."""
        self._ended = True
        self._changed.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the connection is gone."""
        del error
        self._ended = True
        self._changed.set()
        self._gone.set()

    async def is_quiet(self) -> bool:
        """Tell whether nothing came unasked, once all that has arrived is looked at: TLS itself may send some (session tickets).

        Where something did, the connection is closed; so it is by cancelling this.
        """
        try:
            while not self._ended and _is_readable(self._socket):  # noqa: ASYNC110  the loop reads in between
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.end()
            raise
        if self._ended:
            self.end()
        return not self._ended

    def write(self, request: bytes) -> None:
        """Send a whole request; what comes from now on is its answer."""
        self._asked, self._read = True, 0
        self._transport.write(request)

    async def read(self) -> bytes:
        """Return what came of an answer, b"" at its end; raises ConnectionBroken where there is too much of it, or it was cut off."""
        if self._read > ANSWER_BYTES:
            raise ConnectionBroken
        while not self._came and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        came = bytes(self._came)
        self._came.clear()
        self._read += len(came)
        if not self._ended:
            self._transport.resume_reading()
        return came

    def rest(self) -> bool:
        """Stop listening to an answer that is over; tell whether the connection may serve again."""
        if self._came or self._ended or self.early or _is_readable(self._socket):
            return False
        self._asked = False
        return True

    def end(self) -> None:
        """Close the connection now."""
        self._ended = True
        self._changed.set()
        self._transport.abort()

    async def ended(self) -> None:
        """Close the connection; return when it is closed."""
        self.end()
        await self._gone.wait()


def _is_readable(connection: socket.socket) -> bool:
    """Whether there is something to read, the other side's end included; of a closed one there is."""
    if connection.fileno() < 0:
        return True
    asked = select.poll()
    asked.register(connection.fileno(), select.POLLIN)
    return bool(asked.poll(0))
