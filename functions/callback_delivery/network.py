"""Connections to callbacks: a name is resolved once, its addresses are checked, and the connection goes to a checked address.

Checking the URL alone is not enough: a name can resolve to a private address, or to another address each time (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult

from functions.callback_delivery.connection import ConnectionBroken, EndpointConnection, UnsolicitedData
from shared.public_addresses import is_public
from shared.reserved_ports import OwnPorts

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[Address]]]
Dial = Callable[[Address, int], Awaitable[socket.socket]]

CONNECT_S = 3.0
"""The time-out for one address. Two addresses that do not answer leave time for a third within an attempt."""
ADDRESSES_TRIED = 3
# Its own threads: a resolver that hangs must not delay the function's writes.
# An attempt that times out leaves its thread behind until the resolver gives up too; a warm function can have this many of them.
_resolvers = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolve")


class AddressNotAllowed(Exception):
    """The name resolves to an address that callbacks may not go to."""


class OwnPort(Exception):
    """The system itself listens there."""


class Unresolvable(Exception):
    """The name does not resolve."""


class Unreachable(Exception):
    """The connection is refused, or TLS fails."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return a host's addresses from the system's resolver, IPv4 first; raises Unresolvable."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(_resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise Unresolvable from error
    unique = dict.fromkeys(ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found)
    return sorted(unique, key=lambda address: address.version)


async def dial(address: Address, port: int) -> socket.socket:
    """Return a socket connected to an address; raises OSError."""
    made = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (str(address), port))
    except BaseException:
        made.close()
        raise
    return made


class GuardedConnector:
    """Connects to checked addresses only. TLS still verifies the certificate for the name."""

    def __init__(self, resolve: Resolve, trust: ssl.SSLContext, *, allow_private: bool, own: OwnPorts, dial: Dial = dial) -> None:
        self._resolve = resolve
        self._trust = trust
        self._allow_private = allow_private
        self._own = own
        self._dial = dial

    async def connect(self, url: SplitResult) -> EndpointConnection:
        """Return a connection without any data sent or received.

        Raises Unresolvable, AddressNotAllowed, OwnPort, Unreachable, ssl.SSLCertVerificationError, TimeoutError, ConnectionBroken, or
        UnsolicitedData if the endpoint sends data first.
        """
        secure, host = url.scheme == "https", url.hostname or ""
        connected = await self._reach(host, url.port or (443 if secure else 80), url.path or "/")
        try:
            trust, name = (self._trust, host) if secure else (None, None)
            _, connection = await asyncio.get_running_loop().create_connection(
                EndpointConnection, sock=connected, ssl=trust, server_hostname=name
            )
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            raise Unreachable from error
        if not await connection.is_quiet():
            raise UnsolicitedData if connection.unsolicited else ConnectionBroken
        return connection

    async def _reach(self, host: str, port: int, path: str) -> socket.socket:
        """Connect to the first of a host's addresses that accepts. The host is refused if any of its addresses is not allowed."""
        addresses = await self._resolve(host, port)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise AddressNotAllowed
        if any(self._own.refuse(address, port, path) for address in addresses):
            raise OwnPort
        failed: Exception = Unresolvable()
        for address in addresses[:ADDRESSES_TRIED]:
            try:
                async with asyncio.timeout(CONNECT_S):
                    return await self._dial(address, port)
            except TimeoutError as error:
                failed = error
            except OSError as error:
                failed = Unreachable(str(error))
        raise failed
