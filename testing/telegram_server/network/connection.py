"""One TCP connection of a client: bytes in, payloads out; it belongs to the `Hub`."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Protocol

from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.model.key import Key
from testing.telegram_server.mtproto import cipher
from testing.telegram_server.mtproto.envelope import BadContainerError, Incoming
from testing.telegram_server.mtproto.key_exchange import KeyExchange, KeyExchangeError
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.mtproto.transport import Framing, TransportError
from testing.telegram_server.network.session import Session

_ESTABLISHED = 1
_BROKEN = (TransportError, KeyExchangeError, cipher.CipherError, BadContainerError, BufferError, ValueError, struct.error, OSError)


class Owner(Protocol):
    """What a connection needs of the hub, which imports this module."""

    server_key: ServerKey

    def opened(self, connection: Connection) -> None: ...
    def receive(self, connection: Connection, payload: bytes) -> None: ...
    def broken(self, connection: Connection, error: Exception, *, expected: bool) -> None: ...
    def flush(self) -> None: ...
    def closed(self, connection: Connection) -> None: ...


Execute = Callable[["Connection", Session, Incoming], None]


class Connection(asyncio.Protocol):
    """One client's connection. What is sent waits in `_unsent` until the hub has made its cause durable."""

    def __init__(self, hub: Owner, number: int, execute: Execute, *, dc: int = DC_ID, media_only: bool = False) -> None:
        self.hub, self.number, self.execute, self.media_only = hub, number, execute, media_only
        self.dc = dc
        self.key: Key | None = None
        self.session: Session | None = None
        self.wants_updates = False
        self.duplicated = False
        self.address = ""
        self.exchange = KeyExchange(hub.server_key)
        self._framing = Framing()
        self._unsent = bytearray()
        self._stalled = self._muted = False
        self._transport: asyncio.Transport | None = None
        self._doom: asyncio.TimerHandle | None = None
        self._held_push: Any = None

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self.hub.opened(self)

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._framing.feed(data):
                self.hub.receive(self, payload)
        except Exception as error:
            self.hub.broken(self, error, expected=isinstance(error, _BROKEN))
        self.hub.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._doom:
            self._doom.cancel()
        self._transport = None
        self.hub.closed(self)

    # The hub's side

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def peer_is_there(self) -> bool:
        """Tell whether the client still holds its end open: one that has closed it is no second user of the key."""
        if not self.open or self._transport is None:
            return False
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is None or sys.platform != "linux":
            return True
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED

    def queue(self, payload: bytes) -> None:
        """Frame a payload; it leaves with the next `write`."""
        if self.open and not self._muted:
            self._unsent += self._framing.frame(payload)

    def write(self) -> None:
        """Hand what is queued to the kernel."""
        if self._transport is None or self._stalled:
            return
        if self._unsent:
            self._transport.write(bytes(self._unsent))
            self._unsent.clear()

    @property
    def local_host(self) -> str:
        """Return the address that the client connected to."""
        name = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return str(name[0]) if name else "127.0.0.1"

    @property
    def backlog(self) -> int:
        return len(self._unsent) + (self._transport.get_write_buffer_size() if self._transport else 0)

    def mute(self) -> None:
        """Send nothing more: what is answered from now on is lost."""
        self._muted = True

    def stall(self) -> None:
        """Neither read nor write from now on, with the connection open: a half-dead link."""
        self._stalled = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        self._stalled = False
        if self._transport is not None:
            self._transport.resume_reading()
        self.write()

    def close(self) -> None:
        """Close after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def doom(self, delay_s: float) -> None:
        """Close in `delay_s` unless told again before (ping_delay_disconnect)."""
        if self._doom:
            self._doom.cancel()
        self._doom = asyncio.get_running_loop().call_later(delay_s, self.close)

    def swap_held(self, push: Any) -> Any:
        """Hold a push back and return the one that was held."""
        held, self._held_push = self._held_push, push
        return held
