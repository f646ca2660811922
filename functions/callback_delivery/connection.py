"""A connection to an endpoint, in bytes. The size of an answer is limited, and data that was not asked for ends the connection.

    idle --write--> answering: data belongs to the answer, up to a limit --rest--> idle
      |                                                                    |
      '--any data--> ended                                                 '--data is left--> ended

Data belongs to an answer only while the answer is read. Data that an endpoint sends before a request, or after its answer, could be taken
for the answer to the next request: such a connection is never used again.
"""

from __future__ import annotations

import asyncio
import select
import socket
from typing import cast

ANSWER_BYTES = 256 << 10
"""The largest answer that is read: a head has 100 kB at most (`exchange`), and 64 kB of a body are read (`post`)."""
_BUFFERED_BYTES = 64 << 10


class ConnectionBroken(Exception):
    """The connection ended, or the answer is too large."""


class UnsolicitedData(Exception):
    """The endpoint sent data before it had the whole request."""


class EndpointConnection(asyncio.Protocol):
    """A connection of one event loop. `unsolicited`: data came before a request. `early`: data came before the whole request was sent."""

    def __init__(self) -> None:
        self.unsolicited = self.early = False
        self._answering = False
        self._ended = False
        self._received = bytearray()
        self._read = 0
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._socket: socket.socket = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:
        """Keep data of an answer; any other data ends the connection."""
        if not self._answering:
            self.unsolicited = True
            self.end()
            return
        self.early = self.early or self._transport.get_write_buffer_size() > 0
        self._received += data
        self._changed.set()
        if len(self._received) > _BUFFERED_BYTES:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Note that no more data comes. The transport closes the connection."""
        self._ended = True
        self._changed.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the connection is closed."""
        del error
        self._ended = True
        self._changed.set()
        self._closed.set()

    async def is_quiet(self) -> bool:
        """Tell whether there is no unsolicited data, once all data that has arrived is read: TLS itself may send some (session tickets).

        If there is, the connection is closed. Cancelling closes it too.
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
        """Send a whole request. Data that comes from now on belongs to its answer."""
        self._answering, self._read = True, 0
        self._transport.write(request)

    async def read(self) -> bytes:
        """Return more data of an answer, b"" at the end of the connection; raises ConnectionBroken if the answer is too large."""
        if self._read > ANSWER_BYTES:
            raise ConnectionBroken
        while not self._received and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        data = bytes(self._received)
        self._received.clear()
        self._read += len(data)
        if not self._ended:
            self._transport.resume_reading()
        return data

    def rest(self) -> bool:
        """End an answer that was read completely; tell whether the connection may be used again."""
        if self._received or self._ended or self.early or _is_readable(self._socket):
            return False
        self._answering = False
        return True

    def end(self) -> None:
        """Close the connection now."""
        self._ended = True
        self._changed.set()
        self._transport.abort()

    async def ended(self) -> None:
        """Close the connection; return when it is closed."""
        self.end()
        await self._closed.wait()


def _is_readable(connection: socket.socket) -> bool:
    """Tell whether there is something to read, such as data or the end of the connection. Always true of a closed socket."""
    if connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
