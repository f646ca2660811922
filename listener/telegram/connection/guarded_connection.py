"""The guarded connection: it connects and sends frames only while the worker's lease is in force.

Every frame that Telethon sends (requests, acks, pings, containers) passes `Connection._send`; every connect and reconnect passes
`_connect`. Raising in `_send` would leave the client connected with its requests pending for ever, and closing gracefully would flush
what must not be sent. So a fenced connection is reset (SO_LINGER of 0 makes the kernel drop what is queued) and its transport aborted;
then Telethon ends by itself.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any

from telethon.network.connection.tcpfull import ConnectionTcpFull

from listener.core.ownership.lease import LEASE_S, SILENCE_S, Guard
from listener.telegram.connection.tunnel import Tunnel

USER_TIMEOUT_MS = int((SILENCE_S - LEASE_S) * 1000) - 500
"""How long the kernel retransmits unacknowledged bytes. It must give up before another worker may claim the account."""


class GuardedConnection(ConnectionTcpFull):  # type: ignore[misc]  # Telethon has no types
    """A TCP connection that its account's guard can cut. It requires a guard."""

    def __init__(self, guard: Guard, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._guard = guard

    async def _connect(self, timeout: float | None = None, ssl: Any = None) -> None:  # noqa: ASYNC109  Telethon's signature
        if not self._guard.held():
            raise ConnectionError("fenced")
        try:
            await super()._connect(timeout=timeout, ssl=ssl)
            self._guard.watch(self)
            _limit_retransmission(self._writer.get_extra_info("socket"))
            if not self._guard.held():
                raise ConnectionError("fenced")
        except BaseException:
            self.abort()  # Telethon does not close a connection that is not fully connected
            raise

    async def _proxy_connect(self, timeout: float | None = None, local_addr: Any = None) -> socket.socket:  # noqa: ASYNC109  Telethon's
        tunnel: Tunnel = self._proxy
        return await tunnel.open(self._ip, self._port, timeout)

    def _send(self, data: bytes) -> None:
        if not self._guard.held():
            self.abort()
            return
        super()._send(data)

    def abort(self) -> None:
        """Cut the connection without sending anything."""
        if self._writer is None:
            return
        raw = self._writer.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError, ValueError):  # closed already; uvloop says ValueError
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _limit_retransmission(raw: Any) -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if raw is not None and option is not None:
        raw.setsockopt(socket.IPPROTO_TCP, option, USER_TIMEOUT_MS)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
