"""Connections to callbacks: a name is resolved once, what it resolves to is checked, and the checked address is what is connected to.

Checking the URL alone would not do: a name can resolve to a private address, or to another one each time it is asked (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult

from functions.callback_delivery.connection import Connection, ConnectionBroken, UnsolicitedData
from functions.callback_delivery.own_ports import OwnPorts
from shared.addresses import is_public

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[Address]]]
Dial = Callable[[Address, int], Awaitable[socket.socket]]

CONNECT_S = 3.0
"""One address may take this long: two dead ones leave time for a third within an attempt."""
ADDRESSES_TRIED = 3
# Its own threads: a resolver that hangs must not keep the function from writing its records.
# As many as a warm function can have hanging: an attempt that is given up leaves its thread behind until the resolver gives up too.
_resolvers = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolve")


class AddressNotAllowed(Exception):
    """The name stands for an address that callbacks may not go to."""


class OwnPort(Exception):
    """The system itself listens there."""


class Unresolvable(Exception):
    """The name stands for nothing."""


class Unreachable(Exception):
    """Nobody takes the connection, or not with TLS."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return a host's addresses by the system's resolver, IPv4 first; raises Unresolvable."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(_resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise Unresolvable from error
    unique = dict.fromkeys(ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found)
    return sorted(unique, key=lambda address: address.version)


async def dial(address: Address, port: int) -> socket.socket:
    """Return a socket that is connected to an address; raises OSError."""
    made = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (str(address), port))
    except BaseException:
        made.close()
        raise
    return made


class GuardedConnector:
    """Connects to checked addresses only; TLS on top still asks for the name."""

    def __init__(self, resolve: Resolve, trust: ssl.SSLContext, *, allow_private: bool, own: OwnPorts, dial: Dial = dial) -> None:
        self._resolve = resolve
        self._trust = trust
        self._allow_private = allow_private
        self._own = own
        self._dial = dial

    async def connect(self, url: SplitResult) -> Connection:
        """Return a connection on which nothing was said yet.

        Raises Unresolvable, AddressNotAllowed, OwnPort, Unreachable, ssl.SSLCertVerificationError, TimeoutError, ConnectionBroken, or
        UnsolicitedData where the endpoint speaks first.
        """
        secure, host = url.scheme == "https", url.hostname or ""
        connected = await self._reach(host, url.port or (443 if secure else 80), url.path or "/")
        try:
            trust, name = (self._trust, host) if secure else (None, None)
            _, wire = await asyncio.get_running_loop().create_connection(Connection, sock=connected, ssl=trust, server_hostname=name)
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            raise Unreachable from error
        if not await wire.is_quiet():
            raise UnsolicitedData if wire.unasked else ConnectionBroken
        return wire

    async def _reach(self, host: str, port: int, path: str) -> socket.socket:
        """Connect to the first of a host's addresses that takes us; refuse it if any of them is not allowed."""
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
