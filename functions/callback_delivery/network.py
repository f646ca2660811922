"""Connections to callbacks: a name is resolved once, what it resolves to is checked, and the checked address is what is connected to.

Checking the URL alone would not do: a name can resolve to a private address, or to another one each time it is asked (DNS rebinding).
What an endpoint may send is bounded here too, below HTTP: no kind of answer, endless heads or interim answers included, keeps the
function busy while others wait.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import httpcore

from shared.addresses import is_public

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[Address]]]

CONNECT_S = 3.0
"""One address may take this long: two dead ones leave time for a third within an attempt."""
ADDRESSES_TRIED = 3
ANSWER_BYTES = 256 << 10
"""How much is read after a request, head and all: the largest head that is understood has 100 kB, and of a body 64 kB are wanted."""
# Its own threads: a resolver that hangs must not keep the function from writing its records.
# As many as a warm function can have hanging: an attempt that is given up leaves its thread behind until the resolver gives up too.
_resolvers = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolve")


class AddressNotAllowed(Exception):
    """The name stands for an address that callbacks may not go to."""


class Unresolvable(Exception):
    """The name stands for nothing."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return a host's addresses by the system's resolver, IPv4 first; raises Unresolvable."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(_resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise Unresolvable from error
    unique = dict.fromkeys(ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found)
    return sorted(unique, key=lambda address: address.version)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only; TLS on top still asks for the name. `inner` is what opens connections."""

    def __init__(self, resolve: Resolve, *, allow_private: bool, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of a host's addresses that takes us; raises AddressNotAllowed if any of them is not allowed."""
        addresses = await self._resolve(host, port)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise AddressNotAllowed
        limit = CONNECT_S if timeout is None else min(timeout, CONNECT_S)
        failed: Exception = Unresolvable()
        for address in addresses[:ADDRESSES_TRIED]:
            try:
                return BoundedStream(await self._inner.connect_tcp(str(address), port, limit, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class BoundedStream(httpcore.AsyncNetworkStream):
    """A connection that breaks when more comes back after a request than any answer needs."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._read = 0
        self._socket: socket.socket | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  httpcore's own signature
        """Return what came; raises httpcore.ReadError above the bound."""
        if self._read > ANSWER_BYTES:
            raise httpcore.ReadError
        received = await self._inner.read(max_bytes, timeout)
        self._read += len(received)
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  httpcore's own signature
        """Send; what is read after it is counted anew."""
        self._read = 0
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's own signature
    ) -> httpcore.AsyncNetworkStream:
        """Go on under TLS, with the same bound."""
        try:
            return BoundedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))
        except asyncio.CancelledError:
            await self._inner.aclose()  # the backend closes it after faults only
            raise

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself."""
        if info != "is_readable":
            return self._inner.get_extra_info(info)
        # The pool asks this of each idle connection before each request; asked of the backend it was a tenth of the function's own work.
        if self._socket is None:
            self._socket = self._inner.get_extra_info("socket")
        return self._socket is None or _is_readable(self._socket)


def _is_readable(connection: socket.socket) -> bool:
    """Whether there is something to read, the other side's end included; of a closed one there is."""
    if connection.fileno() < 0:
        return True
    asked = select.poll()
    asked.register(connection.fileno(), select.POLLIN)
    return bool(asked.poll(0))
